# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import random
import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._errors import Refused
from ansible_collections.quorum.etcd.plugins.module_utils._membership import (
    cluster_id,
    initial_cluster,
    member_id,
    parse_initial_cluster,
)
from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    Alarm,
    DataSeen,
    Desired,
    EndpointSeen,
    HostSeen,
    Member,
    PathSeen,
    ReleaseSeen,
    Status,
    Versions,
)
from ansible_collections.quorum.etcd.plugins.module_utils._plan import (
    Absent,
    Options,
    Plan,
    Step,
    condition,
    drift,
    fresh_token,
    pending,
    plan,
)
from ansible_collections.quorum.etcd.plugins.module_utils._report import plan_text
from ansible_collections.quorum.etcd.tests.unit.simulation import (
    Host,
    World,
    client_url,
    host_name,
    make_desired,
    peer_url,
    run,
)

OPTIONS = Options("etcd")
KEEP: t.Any = object()


class Scene:
    """A cluster as it is seen, from a simulated one, changed as a test needs it."""

    def __init__(self, size: int = 3, *, formed: bool = True, version: str = "3.6.16") -> None:
        self.world = World(size, random.Random(7))
        self.desired = [make_desired(number, version=version) for number in range(1, size + 1)]
        if formed:
            assert run(self.world, self.desired, OPTIONS) == "bootstrap"
        self.absent: t.List[Absent] = []
        self.options = OPTIONS
        self.look()
        self.ids = {number: self.seen[host_name(number)].data.member_id for number in range(1, size + 1)}

    def look(self) -> Scene:
        self.seen = {host.name: self.world.observe(host) for host in self.world.hosts}
        return self

    def wish(self, number: int, **changes: t.Any) -> Scene:
        """Wish something else of one member, or of all for 0."""
        for index, wish in enumerate(self.desired):
            if number in (0, index + 1):
                values = {"version": wish.version, **changes}
                self.desired[index] = make_desired(index + 1, **values)
        return self

    def change(self, number: int, part: str = "", **changes: t.Any) -> Scene:
        """Have a host show something else; ``part`` as in ``files``."""
        seen = self.seen[host_name(number)]
        if part:
            changes = {part: dataclasses.replace(getattr(seen, part), **changes)}
        self.seen[host_name(number)] = dataclasses.replace(seen, **changes)
        return self

    def down(self, *numbers: int) -> Scene:
        for number in numbers:
            self.world.stop(self.world.hosts[number - 1])
        return self.look()

    def wipe(self, *numbers: int) -> Scene:
        for number in numbers:
            self.world.wipe(self.world.hosts[number - 1])
        return self.look()

    def lose_sight(self, number: int, why: str = "is unreachable") -> Scene:
        wish = self.desired[number - 1]
        self.absent.append(Absent(wish.host, wish.name, why))
        return self

    def plan(self, **options: t.Any) -> Plan:
        gone = {one.host for one in self.absent}
        wishes = [wish for wish in self.desired if wish.host not in gone]
        seen = {host: one for host, one in self.seen.items() if host not in gone}
        return plan(wishes, seen, self.absent, dataclasses.replace(self.options, **options))

    def refusal(self, **options: t.Any) -> str:
        with pytest.raises(Refused) as caught:
            self.plan(**options)
        assert caught.value.remedy
        assert "nothing was changed" in str(caught.value)
        return str(caught.value)

    @property
    def leader(self) -> int:
        seen = next(one.local.status for one in self.seen.values() if one.local and one.local.status)
        return next(
            number
            for number in range(1, len(self.desired) + 1)
            if self.seen[host_name(number)].data.member_id == seen.leader_id
        )

    def more(self, *numbers: int) -> Scene:
        """Blank hosts besides."""
        for number in numbers:
            self.world.hosts.append(Host(number))
            self.desired.append(make_desired(number, version=self.desired[0].version))
            self.seen[host_name(number)] = self.world.observe(self.world.hosts[-1])
        return self

    def versions(self, version: str) -> Scene:
        """Have all that run do so with this version."""
        for number in range(1, len(self.desired) + 1):
            local = self.seen[host_name(number)].local
            if local is not None:
                self.change(number, local=dataclasses.replace(local, versions=Versions(version, version[:4] + "0")))
        return self

    def relist(self, number: int, **changes: t.Any) -> Scene:
        """Have the member on a host listed otherwise."""
        identifier = self.seen[host_name(number)].data.member_id or self.ids[number]
        return self.members(
            *(dataclasses.replace(one, **changes) if one.id == identifier else one for one in self.listed)
        )

    def members(self, *members: Member) -> Scene:
        """Have all that answer list these."""
        for name, seen in self.seen.items():
            if seen.local is not None and seen.local.members is not None:
                local = dataclasses.replace(seen.local, members=members)
                self.seen[name] = dataclasses.replace(seen, local=local)
        return self

    @property
    def listed(self) -> t.Tuple[Member, ...]:
        return next(one.local.members for one in self.seen.values() if one.local and one.local.members)


def actions(made: Plan) -> t.List[t.Dict[str, str]]:
    """The hosts' actions, turn by turn."""
    return [{step.host: step.action for step in turn.steps} for turn in made.turns]


def step_of(made: Plan, host: str) -> Step:
    """The only step of a host."""
    (step,) = [step for turn in made.turns for step in turn.steps if step.host == host]
    return step


def warned(made: Plan) -> str:
    return "\n".join(made.warnings)


# --- nothing, bootstrap -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_formed_cluster_as_wished_needs_nothing(size: int) -> None:
    made = Scene(size).plan()
    assert (made.kind, made.turns, made.warnings) == ("nothing", (), ())
    assert made.step("etcd1") == (-1, None)


@pytest.mark.parametrize("size", [1, 3])
def test_blank_hosts_bootstrap_together(size: int) -> None:
    made = Scene(size, formed=False).plan()
    assert made.kind == "bootstrap"
    assert actions(made) == [{host_name(number): "bootstrap" for number in range(1, size + 1)}]
    for number in range(1, size + 1):
        turn, step = made.step(host_name(number))
        assert turn == 0
        assert step is not None
        assert step.bootstrap is not None
        token = step.bootstrap["ETCD_INITIAL_CLUSTER_TOKEN"]
        assert step.member_id == member_id([peer_url(number)], token)
        assert step.bootstrap["ETCD_INITIAL_CLUSTER_STATE"] == "new"
        assert parse_initial_cluster(step.bootstrap["ETCD_INITIAL_CLUSTER"]) == {
            host_name(other): (peer_url(other),) for other in range(1, size + 1)
        }
        assert not step.gated


def test_the_plan_is_the_same_on_every_host_and_the_token_new_each_time() -> None:
    scene = Scene(formed=False)
    first = scene.plan()
    assert first == scene.plan()
    again = scene.look().plan()
    assert first.notes != again.notes
    assert first.notes == (f"token {fresh_token('etcd', dict(reversed(list(Scene(formed=False).seen.items()))))}",)


def test_a_given_token_is_taken() -> None:
    made = Scene(formed=False).plan(token="etcd-cluster-1")
    assert made.notes == ("token etcd-cluster-1",)
    assert made.warnings == ()


def test_no_data_anywhere_after_an_attempt_gets_a_new_token() -> None:
    """A fixed token makes the same IDs again, and an old disk that comes back wrecks what was built since."""
    scene = Scene(formed=False)
    run(scene.world, scene.desired, OPTIONS, budget=8)
    used = [host.bootstrap for host in scene.world.hosts if host.bootstrap]
    assert used
    made = scene.look().plan()
    assert made.kind == "bootstrap"
    assert f"token {used[0]['ETCD_INITIAL_CLUSTER_TOKEN']}" not in made.notes
    assert made.warnings == ()


def test_no_data_anywhere_with_a_fixed_token_used_before_is_warned_of() -> None:
    made = interrupted(1, 2, 3, token="mine").wipe(1, 2, 3).plan(token="mine")
    assert made.kind == "bootstrap"
    assert "mine was used before on etcd1, etcd2, etcd3" in warned(made)
    assert "etcd_bootstrap_token" in warned(made)


@pytest.mark.parametrize("comes_up", [True, False])
def test_a_first_start_under_way_keeps_its_token(comes_up: bool) -> None:
    """What was started has no data yet, and will have it any moment, of the cluster that its token makes."""
    scene = interrupted(2, token="first")
    scene.change(2, "data", state="incomplete", member_id="", cluster_id="", last_index=None)
    if not comes_up:
        scene.change(2, "service", state="activating").change(2, process=None, local=None)
    made = scene.plan()
    assert (made.kind, made.notes, made.warnings[:-1]) == ("bootstrap", ("token first",), ())
    assert "moved aside" in warned(made)


@pytest.mark.parametrize("why", ["is unreachable", "was left out of this run", "is in another batch of this run"])
def test_no_bootstrap_without_a_look_at_every_host(why: str) -> None:
    told = Scene(formed=False).lose_sight(2, why).refusal()
    assert f"etcd2 {why}, and a bootstrap needs every host" in told
    assert "--limit" in told


def test_what_is_no_log_is_moved_aside_before_a_first_start() -> None:
    scene = Scene(formed=False).change(2, "data", state="incomplete")
    made = scene.plan()
    assert made.kind == "bootstrap"
    assert "/var/lib/etcd on etcd2 has something in it, but no log: it is moved aside first" in made.warnings


# --- resume -------------------------------------------------------------------------------------------------------


def interrupted(*started: int, token: str = "") -> Scene:
    """A bootstrap of which only these were started, and not enough for a quorum."""
    scene = Scene(formed=False)
    made = plan(scene.desired, scene.seen, [], dataclasses.replace(OPTIONS, token=token))
    for host, wish in zip(scene.world.hosts, scene.desired):
        step = made.step(host.name)[1]
        assert step is not None
        if host.number in started:
            host.bootstrap, host.environment = dict(step.bootstrap or {}), dict(wish.environment)
            host.release, host.definition, host.enabled = wish.release, wish.definition, True
            scene.world.start(host)
    return scene.look()


def test_an_interrupted_bootstrap_goes_on_with_its_token() -> None:
    scene = interrupted(2)
    used = (scene.world.hosts[1].bootstrap or {})["ETCD_INITIAL_CLUSTER_TOKEN"]
    made = scene.plan()
    assert made.kind == "resume"
    assert actions(made) == [{"etcd1": "bootstrap", "etcd2": "start", "etcd3": "bootstrap"}]
    assert made.notes == (f"token {used}",)
    for number in (1, 2, 3):
        step = made.step(host_name(number))[1]
        assert step is not None
        assert step.member_id == member_id([peer_url(number)], used)
        assert (step.bootstrap or {})["ETCD_INITIAL_CLUSTER_TOKEN"] == used
    assert run(scene.world, scene.desired, OPTIONS) == "resume"
    assert run(scene.world, scene.desired, OPTIONS) == "nothing"


def test_a_bootstrap_is_resumed_with_its_own_token_whatever_is_wished_since() -> None:
    made = interrupted(2, token="first").plan(token="second")
    assert (made.kind, made.notes) == ("resume", ("token first",))


BY_DNS: t.Dict[str, t.Any] = {"bootstrap": "dns", "first_start": {"ETCD_DISCOVERY_SRV": "example.com"}}


def test_a_bootstrap_by_dns_asks_for_the_domain() -> None:
    made = Scene(formed=False).wish(0, **BY_DNS).plan(token="first")
    for number in (1, 2, 3):
        step = step_of(made, host_name(number))
        assert step.member_id == member_id([peer_url(number)], "first")
        assert step.bootstrap == {
            "ETCD_INITIAL_CLUSTER": "",
            "ETCD_INITIAL_CLUSTER_STATE": "new",
            "ETCD_INITIAL_CLUSTER_TOKEN": "first",
            "ETCD_DISCOVERY_SRV": "example.com",
        }


def test_an_interrupted_bootstrap_by_dns_goes_on_without_asking_again() -> None:
    """Its IDs are those of the names, so a list of these makes the same cluster."""
    begun = Scene(formed=False).wish(0, **BY_DNS).plan(token="first")
    scene = interrupted(2, token="first").wish(0, **BY_DNS)
    scene.change(2, "files", bootstrap=step_of(begun, "etcd2").bootstrap)
    made = scene.plan()
    assert (made.kind, made.notes) == ("resume", ("token first",))
    assert actions(made) == [{"etcd1": "bootstrap", "etcd2": "start", "etcd3": "bootstrap"}]
    for number in (1, 2, 3):
        step = step_of(made, host_name(number))
        assert step.member_id == member_id([peer_url(number)], "first")
        assert "ETCD_DISCOVERY_SRV" not in (step.bootstrap or {})
        assert set(parse_initial_cluster((step.bootstrap or {})["ETCD_INITIAL_CLUSTER"])) == {"etcd1", "etcd2", "etcd3"}


def test_the_token_is_looked_for_on_all_hosts() -> None:
    """A killed run may have written the next token beside data of the former."""
    scene = interrupted(1, token="first")
    scene.change(1, "files", bootstrap={"ETCD_INITIAL_CLUSTER_TOKEN": "second"})
    scene.change(3, "files", bootstrap={"ETCD_INITIAL_CLUSTER_TOKEN": "first"})
    assert scene.plan().notes == ("token first",)


def test_one_that_waits_with_other_settings_is_restarted_with_the_rest() -> None:
    made = interrupted(2).wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"}).plan()
    assert actions(made) == [{"etcd1": "bootstrap", "etcd2": "start", "etcd3": "bootstrap"}]
    step = made.step("etcd2")[1]
    assert step is not None
    assert step.reason == "runs with other settings"
    assert [str(change) for change in step.changes] == ["ETCD_SNAPSHOT_COUNT: (none) → 5"]


def test_no_resume_without_a_look_at_every_host() -> None:
    assert "an interrupted bootstrap needs every host" in interrupted(2).lose_sight(3).refusal()


@pytest.mark.parametrize("field", ["cluster_id", "member_id"])
def test_no_resume_of_another_bootstrap(field: str) -> None:
    told = interrupted(2).change(2, "data", **{field: "abc"}).refusal()
    assert "etcd2 has data in /var/lib/etcd of a first start that was not finished, and it does not fit" in told
    for word in ("etcd_address", "etcd_peer_port", "etcd_bootstrap_token", "mv DIRECTORY"):
        assert word in told


def test_no_resume_of_two_bootstraps_at_once() -> None:
    scene = interrupted(1, token="first")
    other = interrupted(2, token="second")
    scene.seen["etcd2"] = other.seen["etcd2"]
    told = scene.refusal()
    assert "(token first)" in told
    assert "(token second)" in told


def test_no_resume_once_a_log_has_more_than_waiting_needs() -> None:
    """``bootstrap.env`` is everywhere, and yet two of three acknowledged writes: the third must not start empty."""
    scene = Scene(formed=False)
    run(scene.world, scene.desired, OPTIONS, budget=20)
    for host in scene.world.hosts:
        assert host.bootstrap
    scene = scene.down(1, 2, 3).wipe(3)
    assert [one.files.bootstrap is not None for one in scene.seen.values()] == [True] * 3
    made = scene.plan()
    assert made.kind == "cold-start"
    assert actions(made) == [{"etcd1": "start", "etcd2": "start"}]
    assert "etcd3" in warned(made)


def test_the_lagging_one_and_the_wiped_one_are_no_bootstrap() -> None:
    """A lags, B and C acknowledged writes, C's disk is lost: A and C would make a healthy, empty cluster."""
    scene = interrupted(1, 2, token="mine")
    scene.change(1, "data", last_index=3).change(2, "data", last_index=203)
    for number in (1, 2):
        scene.change(number, process=None, local=None)
    scene.change(3, "files", bootstrap=scene.seen["etcd1"].files.bootstrap)
    made = scene.plan()
    assert made.kind == "cold-start"
    assert actions(made) == [{"etcd1": "start", "etcd2": "start"}]
    scene.change(2, "data", state="empty", member_id="", cluster_id="", last_index=None)
    # B's disk is gone, too: what A has is all there is, and nothing was ever written as far as anyone can know.
    assert scene.plan().kind == "resume"


# --- cold start ---------------------------------------------------------------------------------------------------


def test_all_down_start_together() -> None:
    scene = Scene().down(1, 2, 3)
    made = scene.plan()
    assert made.kind == "cold-start"
    assert actions(made) == [{"etcd1": "start", "etcd2": "start", "etcd3": "start"}]
    for turn in made.turns:
        for step in turn.steps:
            assert step.bootstrap is None
            assert step.member_id == scene.seen[step.host].data.member_id
            assert "no quorum" in step.reason


def test_the_lost_one_stays_down() -> None:
    made = Scene().down(1, 2, 3).wipe(2).plan()
    assert actions(made) == [{"etcd1": "start", "etcd3": "start"}]
    assert "etcd2 (etcd2) has lost its data: /var/lib/etcd is empty; it stays down" in warned(made)


def test_all_run_with_other_settings_and_without_quorum() -> None:
    scene = Scene().wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    scene.world.unsettled = True
    made = scene.look().plan()
    assert made.kind == "cold-start"
    # A start, not a restart: the module leaves a server alone that is healthy after all.
    assert actions(made) == [{"etcd1": "start", "etcd2": "start", "etcd3": "start"}]
    assert {step.reason for step in made.turns[0].steps} == {"runs with other settings, and the cluster has no quorum"}
    assert not any(step.gated for step in made.turns[0].steps)


def test_an_election_under_way_is_waited_for() -> None:
    scene = Scene()
    scene.world.unsettled = True
    made = scene.look().plan()
    assert actions(made) == [{"etcd1": "start", "etcd2": "start", "etcd3": "start"}]
    assert {step.reason for step in made.turns[0].steps} == {"runs, and waits for quorum"}


def test_none_is_stopped_for_its_settings_while_others_are_down() -> None:
    scene = Scene().down(1, 2).wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    made = scene.plan()
    assert actions(made) == [{"etcd1": "start", "etcd2": "start"}]
    assert "etcd3 runs with other settings, and is restarted only once there is quorum" in made.warnings


def test_some_never_started() -> None:
    """Two formed and went down, the third never began: its host is blank, and is seen to once the others serve."""
    scene = interrupted(1, 2).down(1, 2)
    assert scene.seen["etcd1"].data.last_index > 3  # type: ignore[operator]
    made = scene.plan()
    assert actions(made) == [{"etcd1": "start", "etcd2": "start"}]
    assert "etcd3 (etcd3) never finished its first start, or has lost everything" in warned(made)
    assert run(scene.world, scene.desired, OPTIONS) == "cold-start"
    assert run(scene.world, scene.desired, OPTIONS) == "converge"
    assert run(scene.world, scene.desired, OPTIONS) == "nothing"


def test_a_log_that_may_be_new_votes_after_those_that_know() -> None:
    scene = Scene(5).down(1, 2, 3, 4, 5)
    for number in (1, 2, 3):
        scene.change(number, "files", bootstrap={"ETCD_INITIAL_CLUSTER_TOKEN": "x"})
        scene.change(number, "data", last_index=5)
    made = scene.plan()
    assert actions(made) == [
        {"etcd1": "start", "etcd4": "start", "etcd5": "start"},
        {"etcd2": "start", "etcd3": "start"},
    ]


def test_less_data_than_a_quorum_is_refused() -> None:
    told = Scene().down(1, 2, 3).wipe(1, 3).refusal()
    for words in (
        "etcd1 (etcd1) has lost its data: /var/lib/etcd is empty",
        "etcd2 (etcd2) has its data and is down",
        "only 1 of 3 members",
        "2 are needed",
        "restore a snapshot",
    ):
        assert words in told


def test_all_wiped_are_never_bootstrapped_over() -> None:
    told = Scene().wipe(1, 2, 3).refusal()
    for number in (1, 2, 3):
        assert f"etcd{number} (etcd{number}) has lost its data" in told


def test_a_limit_lets_a_down_member_be_started() -> None:
    made = Scene().down(2).lose_sight(1, "was left out of this run").lose_sight(3, "was left out of this run").plan()
    assert actions(made) == [{"etcd2": "start"}]
    assert "etcd1 was left out of this run: nothing is done there" in made.warnings


def test_nothing_can_be_done_for_a_running_one_alone_without_quorum() -> None:
    told = Scene().down(1, 3).lose_sight(1).lose_sight(3).refusal()
    assert "etcd2 (etcd2) has its data and runs without quorum" in told
    assert "etcd1 is unreachable" in told


def denying(scene: Scene) -> Scene:
    """Servers that run, and do not talk to who asks."""
    for number in range(1, len(scene.desired) + 1):
        local = EndpointSeen(client_url(number), False, "certificate has expired", denied=True)
        scene.change(number, local=local)
    return scene


def test_who_does_not_say_how_it_is_is_not_stopped_for_lack_of_a_quorum() -> None:
    """The whole cluster may serve, and would be restarted at once."""
    told = denying(Scene()).wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"}).refusal()
    assert "etcd2 runs, and does not say how it is: certificate has expired" in told
    assert "quorum.etcd.stop" in told
    assert "etcd2 runs" in denying(Scene()).refusal(), "there is nothing to wait for either"
    one_down = denying(Scene()).change(1, process=None, local=None)
    assert one_down.plan().turns[0].steps[0].host == "etcd1"
    assert "etcd2 runs" in one_down.wish(2, settings={"ETCD_SNAPSHOT_COUNT": "5"}).refusal()


def without_leader(scene: Scene, number: int, *listed: Member) -> Scene:
    """A server that runs, lost its quorum, and knew this list last."""
    seen = scene.seen[host_name(number)]
    status = Status(seen.data.member_id, seen.data.cluster_id, "3.6.16")
    local = EndpointSeen(client_url(number), False, "no leader", status=status, last_known=listed)
    return scene.change(number, local=local)


def test_one_that_is_down_starts_though_hosts_were_added() -> None:
    """Blank hosts were never members, as far as anybody knows; its own log tells the one that starts."""
    scene = Scene(1).more(2, 3).down(1)
    made = scene.plan()
    assert (made.kind, actions(made)) == ("cold-start", [{"etcd1": "start"}])
    assert "etcd2, etcd3 count as new, since nothing says that it is a member" in warned(made)


def test_what_the_last_list_says_counts() -> None:
    """Its machine was installed anew: the host is blank, and it was a voter."""
    scene = Scene().down(2, 3)
    listed = Scene().listed
    for number in (2, 3):
        blank(scene, number)
    told = without_leader(scene, 1, *listed).refusal()
    assert "only 1 of 3 members are known to have their data; 2 are needed" in told


def test_a_second_voter_that_was_added_is_started_for_there_is_no_quorum_without_it() -> None:
    scene = Scene(1).more(2, 3)
    added = Member("22", "", (peer_url(2),))
    made = without_leader(scene, 1, *scene.listed, added).plan()
    assert (made.kind, actions(made)) == ("cold-start", [{"etcd1": "start", "etcd2": "bootstrap"}])
    step = step_of(made, "etcd2")
    assert step.member_id == "22"
    assert step.bootstrap == {
        "ETCD_INITIAL_CLUSTER": "etcd1=http://10.0.0.1:2380,etcd2=http://10.0.0.2:2380",
        "ETCD_INITIAL_CLUSTER_STATE": "existing",
    }
    scene.wish(1, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    made = scene.plan()
    assert actions(made) == [{"etcd2": "bootstrap"}]
    assert "etcd1 runs with other settings, and is restarted only once there is quorum" in made.warnings
    scene = Scene(1).more(2, 3)
    # not if it is not that very one, is a learner, or has been started
    for other in (
        dataclasses.replace(added, peer_urls=("http://10.0.0.9:2380",)),
        dataclasses.replace(added, client_urls=("http://10.0.0.2:2379",)),
    ):
        assert "2 are needed" in without_leader(scene, 1, *Scene(1).listed, other).refusal()
    made = without_leader(scene, 1, *Scene(1).listed, dataclasses.replace(added, is_learner=True)).plan()
    assert actions(made) == [{"etcd1": "start"}]


def test_a_second_voter_that_was_being_started_goes_on_with_the_first() -> None:
    scene = Scene(1).more(2).down(1)
    scene.change(2, "files", bootstrap={"ETCD_INITIAL_CLUSTER": "x=y", "ETCD_INITIAL_CLUSTER_STATE": "existing"})
    made = scene.plan()
    assert actions(made) == [{"etcd1": "start", "etcd2": "bootstrap"}]
    assert step_of(made, "etcd2").bootstrap is None


def test_data_of_different_clusters_is_not_started() -> None:
    told = Scene().down(1, 2, 3).change(3, "data", cluster_id="abc").refusal()
    assert "the data directories are of different clusters" in told
    assert "etcd3: abc" in told


def test_who_is_to_move_waits_for_the_others_in_a_cold_start() -> None:
    made = Scene().down(1, 2, 3).wish(1, peer_urls=("http://10.9.9.9:2380",)).plan()
    assert actions(made) == [{"etcd2": "start", "etcd3": "start"}]
    assert "etcd1 was last known at http://10.0.0.1:2380, and http://10.9.9.9:2380 is wished" in warned(made)
    assert "lost" not in warned(made)


def test_who_is_to_leave_does_not_count_as_new() -> None:
    scene = Scene(1).more(2, 3).down(1)
    told = warned(scene.plan(remove=("etcd2",)))
    assert "etcd3 counts as new, since" in told
    assert "etcd2, etcd3" not in told


def test_a_quorum_that_is_lost_again_is_told() -> None:
    scene = Scene().down(1, 2, 3)
    assert "was lost again" not in warned(scene.plan())
    assert "the quorum that this run brought back was lost again: see why" in warned(scene.plan(again=True))


def test_who_is_to_move_is_started_where_all_are_needed() -> None:
    """What it was run with last is out of date if a run was killed after the list was changed."""
    made = Scene(2).down(1, 2).wish(1, peer_urls=("http://10.9.9.9:2380",)).plan()
    assert actions(made) == [{"etcd1": "start", "etcd2": "start"}]
    assert "put etcd_address and etcd_peer_port back" in warned(made)


def test_who_moved_is_where_the_last_list_says() -> None:
    scene = Scene().down(1, 2)
    listed = [dataclasses.replace(one, peer_urls=(f"http://{one.name}:2380",)) for one in Scene().listed]
    scene.wish(1, peer_urls=("http://etcd1:2380",)).wish(3, peer_urls=("http://etcd3:2380",))
    made = without_leader(scene, 3, *listed).plan()
    assert actions(made) == [{"etcd1": "start", "etcd3": "start"}]
    assert "etcd2 was last known at http://etcd2:2380, and http://10.0.0.2:2380 is wished" in warned(made)


def test_who_waited_for_another_cluster_is_not_counted() -> None:
    """The other was bootstrapped without it, while it was named to leave."""
    scene = Scene(1).more(2).down(1)
    other = "etcd1=http://10.0.0.1:2380,etcd2=http://10.0.0.2:2380"
    scene.change(2, "files", bootstrap={"ETCD_INITIAL_CLUSTER": other, "ETCD_INITIAL_CLUSTER_TOKEN": "x"})
    assert actions(scene.plan()) == [{"etcd1": "start"}]


def test_who_is_to_leave_without_data_is_not_counted() -> None:
    scene = Scene(2).wipe(2).down(1)
    assert "2 are needed" in scene.refusal()
    assert actions(scene.plan(remove=("etcd2",))) == [{"etcd1": "start"}]


def test_cold_start_does_not_change_directories() -> None:
    told = Scene().down(1, 2, 3).wish(1, data_dir="/srv/etcd").refusal()
    assert "etcd1 has its data in /var/lib/etcd, and /srv/etcd is wished" in told
    assert "etcd_data_dir" in told


def test_a_server_that_is_healthy_and_lists_nobody_stops_everything() -> None:
    """With users turned on the list is refused; that is no reason to restart them all."""
    scene = Scene().wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    for number in (1, 2, 3):
        seen = scene.seen[host_name(number)].local
        assert seen is not None
        scene.change(number, local=dataclasses.replace(seen, members=None, problem="user name is empty"))
    told = scene.refusal()
    assert "etcd1 is healthy, but does not say who the members are: user name is empty" in told
    assert "etcdctl" in told


# --- conditions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "bootstrap", "state", "expected"),
    [
        (None, None, "absent", "blank"),
        (None, None, "empty", "blank"),
        (None, None, "incomplete", "blank"),
        (None, None, "initialised", "foreign"),
        (None, {}, "absent", "waiting"),
        (None, {}, "initialised", "waiting"),
        ({}, None, "absent", "lost"),
        ({}, None, "empty", "lost"),
        ({}, None, "incomplete", "lost"),
        ({}, None, "initialised", "formed"),
        ({}, {}, "empty", "waiting"),
        ({}, {}, "incomplete", "waiting"),
        ({}, {}, "initialised", "waiting"),
    ],
)
def test_what_a_host_is(
    environment: t.Optional[t.Dict[str, str]], bootstrap: t.Optional[t.Dict[str, str]], state: str, expected: str
) -> None:
    scene = Scene(1).change(1, "files", environment=environment, bootstrap=bootstrap).change(1, "data", state=state)
    assert condition(scene.seen["etcd1"]) == expected


def test_an_interrupted_takeover_is_ours() -> None:
    scene = Scene(1).change(1, "files", environment=None, former=True)
    assert condition(scene.seen["etcd1"]) == "formed"


# --- what something else set up -----------------------------------------------------------------------------------


def foreign(scene: Scene) -> Scene:
    """The same cluster, by units of another hand, with flags."""
    for wish in scene.desired:
        number = int(wish.host[-1])
        process = scene.seen[wish.host].process
        scene.change(number, "files", environment=None, definition="[Service]\nExecStart=/usr/bin/etcd\n", release=None)
        if process is not None:
            told = {"ETCD_NAME": wish.name, "ETCD_QUOTA_BACKEND_BYTES": "8589934592"}
            words = ("--name", wish.name)
            other = dataclasses.replace(process, environment=told, executable="/usr/bin/etcd", arguments=words)
            scene.change(number, process=other)
    return scene


def test_a_cluster_of_another_hand_is_taken_over_one_by_one() -> None:
    scene = foreign(Scene())
    leader = scene.leader
    made = scene.plan()
    assert [set(turn.values()) for turn in actions(made)] == [{"restart"}] * 3
    assert list(actions(made)[-1]) == [host_name(leader)]
    for number in (1, 2, 3):
        step = step_of(made, host_name(number))
        assert step.gated
        assert "was set up by something else, and is taken over" in step.reason
        changes = {change.key: (change.before, change.after) for change in step.changes}
        assert changes["command line"] == ("with flags", None)
        assert changes["ETCD_QUOTA_BACKEND_BYTES"] == ("8589934592", None)
        assert changes["release"] == ("/usr/bin", "/opt/etcd/3.6.16")


@pytest.mark.parametrize(
    ("wish", "says", "remedy"),
    [
        ({"name": "other"}, "it is listed as etcd2, not as other", "Set etcd_name to etcd2."),
        (
            {"client_urls": ("http://10.9.9.9:2379",)},
            "its client URLs are http://10.0.0.2:2379, not http://10.9.9.9:2379",
            "Set etcd_address and etcd_client_port to what is listed.",
        ),
        (
            {"peer_urls": ("http://10.9.9.9:2380",)},
            "its peer URLs are http://10.0.0.2:2380, not http://10.9.9.9:2380",
            "Set etcd_address and etcd_peer_port to what is listed.",
        ),
        ({"deployment": "docker"}, "only units of systemd are taken over", "Set it to systemd."),
        ({"user": "etcd"}, "its data belongs to old, not to etcd", "Set etcd_user to old."),
        ({"data_dir": "/data"}, "has its data in /var/lib/etcd, and /data is wished", "Put etcd_data_dir"),
    ],
)
def test_what_cannot_be_taken_over_is_said_before(wish: t.Dict[str, t.Any], says: str, remedy: str) -> None:
    scene = foreign(Scene()).wish(2, **wish)
    owned = PathSeen("/var/lib/etcd", "old" if "user" in wish else "", "", "0700")
    told = scene.change(2, directories=(owned,)).refusal()
    assert says in told
    assert remedy in told


@pytest.mark.parametrize(
    ("number", "says"),
    [(1, "is run by something else than the service etcd"), (2, "runs, and is not healthy"), (3, "is not run by the")],
    ids=["run by another unit", "without quorum", "down, and without quorum"],
)
def test_who_is_taken_over_must_serve(number: int, says: str) -> None:
    scene = foreign(Scene().down(1)).change(1, "data", held=True) if number == 1 else foreign(Scene().down(1, 3))
    told = scene.refusal()
    assert f"etcd{number} has data in /var/lib/etcd and no /etc/etcd/etcd.env that says how it was run" in told
    assert says in told
    assert "etcd_service" in told
    assert "mv /var/lib/etcd /var/lib/etcd.aside" in told


def bare(scene: Scene, number: int) -> Scene:
    """A machine set up anew, with the disk that its data is on."""
    return scene.change(number, "files", environment=None, release=None, definition=None, former=False)


@pytest.mark.parametrize("deployment", ["systemd", "podman"])
def test_a_machine_that_was_set_up_anew_and_kept_its_data_is_started(deployment: str) -> None:
    scene = bare(Scene().down(1), 1).wish(0, deployment=deployment)
    made = scene.plan()
    step = made.turns[0].steps[0]
    assert (step.host, step.action, step.member_id, step.retire) == ("etcd1", "start", scene.ids[1], False)
    assert step.reason == "is down, and its configuration is gone"
    assert any("whatever ran it before must not start it again" in one for one in made.warnings)


def test_a_machine_that_was_set_up_anew_starts_with_the_version_of_the_others() -> None:
    scene = bare(Scene().down(1), 1).wish(1, version="3.7.3")
    told = scene.refusal()
    assert "etcd1 has lost its configuration and cannot be taken over: it is down, nothing says which version" in told
    assert "First set its etcd_version to a release of 3.6" in told


@pytest.mark.parametrize("data", [{"member_id": "abc"}, {"cluster_id": "abc"}])
def test_data_that_nobody_lists_is_nobodys_to_start(data: t.Dict[str, str]) -> None:
    told = bare(Scene().down(1), 1).change(1, "data", **data).refusal()
    assert "and no /etc/etcd/etcd.env that says how it was run" in told


def test_a_member_of_another_hand_that_is_a_learner_is_not_taken_over() -> None:
    scene = foreign(Scene())
    local = scene.seen["etcd1"].local
    assert local is not None
    assert local.members is not None
    listed = tuple(dataclasses.replace(one, is_learner=one.name == "etcd2") for one in local.members)
    for number in (1, 2, 3):
        scene.change(number, "local", members=listed)
    assert "etcd2 was set up by something else and cannot be taken over: it is a learner" in scene.refusal()


def test_another_cluster_is_not_taken_over_for_this_one() -> None:
    scene = Scene()
    scene.seen["etcd2"] = foreign(Scene(1)).seen["etcd1"]
    assert "the hosts answer for different clusters" in scene.refusal()


def test_data_that_cannot_be_read_is_no_reason_to_do_anything() -> None:
    for scene in (Scene(), Scene().down(1, 2, 3), interrupted(2)):
        told = scene.change(2, "data", problem="/var/lib/etcd/member/wal cannot be read: Permission denied.").refusal()
        assert "the data of etcd2 in /var/lib/etcd cannot be read" in told
        assert "become: true" in told
        assert "aside" not in told


# --- quorum: start, settle, finish --------------------------------------------------------------------------------


def test_a_member_that_is_down_is_started_before_anything_else() -> None:
    scene = Scene().down(2).wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    made = scene.plan()
    assert actions(made)[0] == {"etcd2": "start"}
    assert [list(turn.values()) for turn in actions(made)[1:]] == [["restart"], ["restart"]]


def test_five_with_two_down() -> None:
    made = Scene(5).down(2, 4).plan()
    assert actions(made) == [{"etcd2": "start", "etcd4": "start"}]


@pytest.mark.parametrize(
    ("part", "change", "key"),
    [
        ("files", {"environment": {"ETCD_NAME": "etcd1"}}, "ETCD_DATA_DIR"),
        ("files", {"release": "/opt/etcd/3.6.14"}, "release"),
        ("files", {"definition": "[Service]\n"}, "definition"),
        ("service", {"enabled": False}, "enabled"),
    ],
)
def test_files_alone_are_settled(part: str, change: t.Dict[str, t.Any], key: str) -> None:
    made = Scene().change(1, part, **change).plan()
    assert actions(made) == [{"etcd1": "settle"}]
    assert key in [one.key for one in made.turns[0].steps[0].changes]


def test_a_member_that_has_formed_is_fenced() -> None:
    made = Scene().change(2, "files", bootstrap={"ETCD_INITIAL_CLUSTER_STATE": "new"}).plan()
    assert actions(made) == [{"etcd2": "settle"}]
    assert made.turns[0].steps[0].reason == "has formed"


def test_a_turn_that_was_killed_after_its_end_is_tidied() -> None:
    assert actions(Scene().change(2, "files", former=True).plan()) == [{"etcd2": "settle"}]


def test_a_member_that_has_not_formed_yet_is_waited_for() -> None:
    scene = Scene().change(2, "files", bootstrap={}).change(2, local=EndpointSeen("http://10.0.0.2:2379", False, "no"))
    made = scene.plan()
    assert actions(made) == [{"etcd2": "start"}]
    assert "has not formed yet" in made.turns[0].steps[0].reason


def test_a_sick_member_is_not_passed_over_in_silence() -> None:
    scene = Scene(5).change(2, local=EndpointSeen("http://10.0.0.2:2379", False, "RAFT NO LEADER."))
    made = scene.plan()
    assert actions(made) == [{"etcd2": "start"}]
    assert "is not healthy (RAFT NO LEADER)" in made.turns[0].steps[0].reason
    # Where the cluster can do without, it keeps nobody waiting.
    made = scene.wish(1, settings={"ETCD_SNAPSHOT_COUNT": "5"}).plan()
    assert actions(made) == [{"etcd1": "restart"}, {"etcd2": "start"}]


def test_a_sick_member_is_waited_for_first_where_it_is_needed() -> None:
    scene = Scene().change(2, local=EndpointSeen("http://10.0.0.2:2379", False, "RAFT NO LEADER"))
    made = scene.wish(1, settings={"ETCD_SNAPSHOT_COUNT": "5"}).plan()
    assert actions(made) == [{"etcd2": "start"}, {"etcd1": "restart"}]


@pytest.mark.parametrize("state", ["blank", "waiting", "lost"])
def test_a_listed_member_that_never_started_is_finished(state: str) -> None:
    """Lost, too: a formed member is listed as started, so this entry was added anew by hand."""
    scene = interrupted(1, 2)
    files: t.Dict[str, t.Tuple[t.Any, t.Any]] = {"blank": (None, None), "waiting": ({}, {}), "lost": ({}, None)}
    scene.change(3, "files", environment=files[state][0], bootstrap=files[state][1])
    made = scene.plan()
    assert actions(made)[0] == {"etcd1": "settle", "etcd2": "settle", "etcd3": "bootstrap"}
    step = made.step("etcd3")[1]
    assert step is not None
    assert step.bootstrap is not None
    assert step.bootstrap["ETCD_INITIAL_CLUSTER_STATE"] == "existing"
    assert set(parse_initial_cluster(step.bootstrap["ETCD_INITIAL_CLUSTER"]).values()) == {
        (peer_url(number),) for number in (1, 2, 3)
    }
    assert "etcd3" in parse_initial_cluster(step.bootstrap["ETCD_INITIAL_CLUSTER"])
    listed = next(member for member in scene.listed if member.peer_urls == (peer_url(3),))
    assert step.member_id == listed.id


def test_a_lost_voter_is_refused_unless_it_is_named() -> None:
    scene = Scene()
    identifier = scene.seen["etcd2"].data.member_id
    told = scene.wipe(2).refusal()
    assert "etcd2 (etcd2) has lost its data: /var/lib/etcd is empty" in told
    assert f"It is listed as member {identifier} and was started before" in told
    assert "-e etcd_replace_members=etcd2" in told


def test_a_reinstalled_machine_is_a_lost_member() -> None:
    scene = Scene().wipe(2).change(2, "files", environment=None, definition=None, release=None)
    assert "so it is never started empty" in scene.refusal()


def test_data_of_another_id_is_refused() -> None:
    told = Scene().down(2).change(2, "data", member_id="abc").refusal()
    assert "etcd2 has the data of member abc" in told
    assert "mv /var/lib/etcd /var/lib/etcd.aside" in told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data_dir": "/srv/etcd"}, ("/srv/etcd is wished", "etcd_data_dir of etcd2 back to /var/lib/etcd")),
        ({"settings": {"ETCD_WAL_DIR": "/srv/wal"}}, ("/srv/wal is wished", "wal-dir")),
    ],
)
def test_what_a_formed_member_cannot_change(change: t.Dict[str, t.Any], words: t.Tuple[str, ...]) -> None:
    told = Scene().wish(2, **change).refusal()
    for word in words:
        assert word in told


def test_the_same_directory_written_otherwise_is_the_same() -> None:
    made = Scene().wish(2, data_dir="/var/lib/etcd/").plan()
    assert made.kind == "converge"


# --- who a host is ------------------------------------------------------------------------------------------------


def test_another_name_is_a_rename() -> None:
    made = Scene().wish(2, name="second").plan()
    assert actions(made) == [{"etcd2": "restart"}]
    assert "ETCD_NAME: etcd2 → second" in [str(change) for change in made.turns[0].steps[0].changes]


def test_names_may_be_exchanged() -> None:
    made = Scene().wish(1, name="etcd2").wish(2, name="etcd1").plan()
    assert sorted(host for turn in actions(made) for host in turn) == ["etcd1", "etcd2"]


def test_a_new_host_with_a_former_name_is_not_that_member() -> None:
    scene = Scene().wish(1, name="other").wish(0)
    scene.desired[0] = make_desired(1, name="other")
    scene.more(4)
    scene.desired[3] = make_desired(4, name="etcd1")
    made = scene.plan()
    assert actions(made) == [{"etcd4": "join"}, {"etcd1": "restart"}]
    assert step_of(made, "etcd4").remove == ""


def test_a_copied_disk_is_refused() -> None:
    scene = Scene().down(2)
    scene.change(2, data=scene.seen["etcd1"].data)
    assert "etcd1 and etcd2 both have the data of member etcd1" in scene.refusal()


def test_a_former_members_data_is_refused() -> None:
    scene = Scene()
    scene.desired.append(make_desired(4))
    old = dataclasses.replace(scene.seen["etcd1"].data, member_id="abc")
    scene.seen["etcd4"] = dataclasses.replace(scene.seen["etcd1"], data=old, process=None, local=None)
    told = scene.refusal()
    assert "etcd4 is not a member, but has data in /var/lib/etcd (member abc" in told


def test_two_clusters_that_answer_are_refused() -> None:
    scene, other = Scene(), Scene()
    scene.seen["etcd3"] = other.seen["etcd3"]
    local = other.seen["etcd3"].local
    assert local is not None
    assert local.status is not None
    scene.change(3, local=dataclasses.replace(local, status=dataclasses.replace(local.status, cluster_id="abc")))
    told = scene.refusal()
    assert "the hosts answer for different clusters" in told
    assert "etcd3 is in abc" in told
    assert "etcd_cluster_name" in told


def test_a_member_whose_status_failed_is_in_no_other_cluster() -> None:
    scene = Scene()
    local = scene.seen["etcd2"].local
    assert local is not None
    assert scene.change(2, local=dataclasses.replace(local, status=None)).plan().kind == "nothing"


def test_extras_are_left_alone() -> None:
    scene = Scene()
    extra = Member("ee", "old", ("http://10.0.0.9:2380",), ("http://10.0.0.9:2379",))
    made = scene.members(*scene.listed, extra).plan()
    assert made.kind == "nothing"
    assert "member old (ee, http://10.0.0.9:2380) is listed and not in the inventory; it is left alone" in warned(made)
    assert "etcd_remove_members" in warned(made)


# --- members come and go ------------------------------------------------------------------------------------------

OLD = Member("ee", "old", ("http://10.0.0.9:2380",), ("http://10.0.0.9:2379",))
UNSTARTED = Member("ff", "", ("http://10.0.0.9:2380",), (), is_learner=True)
SICK = EndpointSeen("http://x", False, "no")


def blank(scene: Scene, number: int) -> Scene:
    """A host the way a new one is."""
    scene.change(number, "files", environment=None, bootstrap=None, definition=None, release=None)
    scene.change(number, "data", state="absent", member_id="", cluster_id="", last_index=None)
    scene.change(number, "service", exists=False, enabled=False)
    return scene.change(number, process=None, local=None)


@pytest.mark.parametrize("size", [1, 3])
def test_new_hosts_join_one_at_a_time(size: int) -> None:
    scene = Scene(size).more(size + 1, size + 2)
    made = scene.plan()
    assert actions(made) == [{host_name(size + 1): "join"}, {host_name(size + 2): "join"}]
    for turn in made.turns:
        (step,) = turn.steps
        assert (step.add, step.promote, step.remove, step.retire, step.member_id) == ("learner", True, "", False, "")
        assert (step.bootstrap, step.gated) == (None, False)


@pytest.mark.parametrize(("version", "add"), [("3.5.19", "voter"), ("3.4.23", "voter"), ("3.5.20", "learner")])
def test_a_promotion_that_would_be_forgotten_is_avoided(version: str, add: str) -> None:
    step = step_of(Scene(3).wish(0, version=version).versions(version).more(4).plan(), "etcd4")
    assert (step.action, step.add, step.promote) == ("join", add, add == "learner")


def test_a_host_that_waited_in_vain_joins() -> None:
    """It is left of an attempt that nobody knows of any more; what it writes first is written anew."""
    scene = Scene().more(4).change(4, "files", bootstrap={}, environment={}).change(4, "data", state="incomplete")
    step = step_of(scene.plan(), "etcd4")
    assert (step.action, step.retire) == ("join", False)


@pytest.mark.parametrize(
    ("files", "data", "words"),
    [
        ({"environment": {}}, {"state": "absent"}, "is not a member any more, and its data is lost"),
        ({"environment": {}}, {"state": "initialised", "member_id": "abc"}, "is not a member, but has data"),
        ({"bootstrap": {}}, {"state": "initialised", "member_id": "abc"}, "is not a member, but has data"),
    ],
)
def test_who_was_something_else_joins_only_by_name(
    files: t.Dict[str, t.Any], data: t.Dict[str, t.Any], words: str
) -> None:
    scene = Scene().more(4).change(4, "files", **files).change(4, "data", **data)
    told = scene.refusal()
    assert words in told
    assert "etcd_replace_members=etcd4" in told
    step = step_of(scene.plan(replace=("etcd4",)), "etcd4")
    assert (step.action, step.remove, step.retire, step.add) == ("join", "", True, "learner")


def test_foreign_data_gives_way_by_name() -> None:
    scene = Scene().more(4).change(4, "data", state="initialised", member_id="abc")
    assert "and no /etc/etcd/etcd.env that says how it was run" in scene.refusal()
    assert step_of(scene.plan(replace=("etcd4",)), "etcd4").retire


def test_joins_come_before_restarts_and_make_them_possible() -> None:
    """Two voters can spare neither; three can spare one."""
    scene = Scene(2).more(3).wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    made = scene.plan()
    assert [sorted(turn.values()) for turn in actions(made)] == [["join"], ["restart"], ["restart"]]
    assert made.warnings == ()


def test_a_learner_about_to_be_a_voter_counts() -> None:
    scene = Scene(3).relist(3, is_learner=True).wish(1, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    assert actions(scene.plan()) == [{"etcd3": "start"}, {"etcd1": "restart"}]


def test_the_dead_start_before_others_join() -> None:
    assert actions(Scene(3).more(4).down(2).plan()) == [{"etcd2": "start"}, {"etcd4": "join"}]


def test_what_does_not_serve_is_seen_to_before_others_join() -> None:
    """etcd adds nobody to three voters of which one is down."""
    scene = Scene(3).more(4).change(2, local=SICK)
    assert actions(scene.plan()) == [{"etcd2": "start"}, {"etcd4": "join"}]
    scene.wish(2, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    assert actions(scene.plan()) == [{"etcd2": "restart"}, {"etcd4": "join"}]


def test_where_the_cluster_can_do_without_nobody_is_waited_for() -> None:
    assert actions(Scene(4).more(5).change(2, local=SICK).plan()) == [{"etcd5": "join"}, {"etcd2": "start"}]


@pytest.mark.parametrize("version", ["3.7.3", "3.5.35"])
def test_nobody_joins_with_a_version_too_far(version: str) -> None:
    scene = Scene().more(4)
    scene.desired[3] = make_desired(4, version=version)
    assert "etcd4 is to join with" in scene.refusal()


def test_a_member_may_join_with_the_next_minor_version_if_that_reads_all() -> None:
    scene = Scene(3, version="3.5.35").more(4)
    scene.desired[3] = make_desired(4, version="3.6.16")
    assert step_of(scene.plan(), "etcd4").action == "join"


def test_with_a_limit_members_join_too() -> None:
    made = Scene().more(4).lose_sight(2, "was left out of this run").plan()
    assert actions(made) == [{"etcd4": "join"}]


def test_a_new_host_alone_is_not_a_cluster_of_its_own() -> None:
    scene = Scene().more(4)
    for number in (1, 2, 3):
        scene.lose_sight(number, "was left out of this run")
    assert "a bootstrap needs every host of the cluster" in scene.refusal()


# learners


@pytest.mark.parametrize(("running", "action"), [(True, "start"), (False, "start")])
def test_a_learner_is_promoted_once_it_serves(running: bool, action: str) -> None:
    scene = Scene()
    scene.down(2) if not running else scene.look()
    step = step_of(scene.relist(2, is_learner=True).plan(), "etcd2")
    assert (step.action, step.promote, step.gated) == (action, True, False)


def test_a_learner_with_other_settings_is_restarted_first() -> None:
    scene = Scene().relist(2, is_learner=True).wish(2, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    step = step_of(scene.plan(), "etcd2")
    assert (step.action, step.promote, step.gated) == ("restart", True, True)


def test_a_learner_stays_one_while_its_promotion_would_be_forgotten() -> None:
    scene = Scene(4).wish(0, version="3.5.10").versions("3.5.10")
    for number in (1, 2, 3, 4):
        scene.change(number, "process", executable="/opt/etcd/3.5.10/etcd")
        scene.change(number, "files", release="/opt/etcd/3.5.10")
    made = scene.relist(2, is_learner=True).plan()
    assert made.kind == "nothing"
    assert "etcd2 is a learner and stays one" in warned(made)
    # what would end that is not held up by it
    upgraded = scene.wish(0, version="3.5.35").plan()
    assert [list(turn.values()) for turn in actions(upgraded)] == [["restart"]] * 4
    step = step_of(scene.wish(0, version="3.5.10").plan(replace=("etcd2",)), "etcd2")
    assert (step.action, step.add, step.remove) == ("join", "voter", scene.ids[2])


def test_a_learner_whose_data_is_gone_begins_anew() -> None:
    scene = Scene().wipe(2).change(2, "files", bootstrap={}).relist(2, is_learner=True)
    step = step_of(scene.plan(), "etcd2")
    assert (step.action, step.remove, step.retire, step.add) == ("join", scene.ids[2], True, "learner")


def test_a_learner_that_had_formed_and_is_lost_is_for_people_to_say() -> None:
    assert "etcd_replace_members=etcd2" in Scene().wipe(2).relist(2, is_learner=True).refusal()


def test_one_learner_is_finished_before_the_next_is_added() -> None:
    scene = Scene().more(4, 5)
    scene.members(*scene.listed, dataclasses.replace(UNSTARTED, peer_urls=(peer_url(4),)))
    made = scene.plan()
    assert actions(made) == [{"etcd4": "bootstrap"}, {"etcd5": "join"}]
    assert step_of(made, "etcd4").promote


def test_a_learner_left_over_is_in_the_way_of_joins_alone() -> None:
    scene = Scene()
    scene.members(*scene.listed, UNSTARTED)
    assert scene.plan().kind == "nothing"
    told = scene.more(4).refusal()
    assert "the cluster may have 1 learner(s) and has ff (ff, http://10.0.0.9:2380)" in told
    assert "-e etcd_remove_members=ff" in told
    made = scene.plan(remove=("ff",))
    assert actions(made) == [{"etcd1": "remove"}, {"etcd4": "join"}]
    for number in (1, 2, 3):
        process = scene.seen[host_name(number)].process
        assert process is not None
        scene.change(number, "process", environment={**process.environment, "ETCD_MAX_LEARNERS": "2"})
        scene.wish(number, settings={"ETCD_MAX_LEARNERS": "2"})
    assert actions(scene.plan())[1:] == [{"etcd4": "join"}]


# replaced


@pytest.mark.parametrize("new_address", [False, True])
def test_a_lost_member_is_replaced_by_name(new_address: bool) -> None:
    scene = Scene().wipe(2)
    if new_address:
        blank(scene, 2).wish(2, peer_urls=("http://10.0.0.7:2380",))
        assert "etcd_replace_members=etcd2" in scene.refusal()
    made = scene.plan(replace=("etcd2",))
    assert actions(made) == [{"etcd2": "join"}]
    step = step_of(made, "etcd2")
    assert (step.remove, step.retire, step.add, step.promote) == (scene.ids[2], True, "learner", True)


def killed(scene: Scene, where: str) -> Scene:
    """A replacement of etcd2 that was killed."""
    (others) = tuple(one for one in scene.listed if one.id != scene.ids[2])
    new = Member("22", "", (peer_url(2),), (), is_learner=True)
    scene.wipe(2).members(*others)
    if where == "removed":
        return scene
    blank(scene, 2)
    if where == "retired":
        return scene
    scene.members(*others, new)
    if where == "added":
        return scene
    wish = scene.desired[1]
    scene.change(2, "files", bootstrap={"ETCD_INITIAL_CLUSTER_STATE": "existing"})
    if where == "bootstrap.env":
        return scene
    scene.change(2, "files", environment=wish.environment, release=wish.release, definition=wish.definition)
    scene.change(2, "service", exists=True, enabled=True)
    scene.change(2, "data", state="initialised", member_id="22", cluster_id=scene.seen["etcd1"].data.cluster_id)
    if where == "begun":
        return scene
    scene.members(*others, dataclasses.replace(new, name="etcd2", client_urls=("http://10.0.0.2:2379",)))
    if where == "published":
        return scene
    return scene.change(2, "files", bootstrap=None)


@pytest.mark.parametrize(
    ("where", "named", "unnamed"),
    [
        ("removed", ("join", "", True), None),
        ("retired", ("join", "", False), ("join", "", False)),
        ("added", ("bootstrap", "", False), ("bootstrap", "", False)),
        # What was written may have been started, and then lost: it is made sure of by whom it was named.
        ("bootstrap.env", ("join", "22", True), ("bootstrap", "", False)),
        ("begun", ("start", "", False), ("start", "", False)),
        ("published", ("start", "", False), ("start", "", False)),
        ("formed", ("start", "", False), ("start", "", False)),
    ],
)
def test_a_replacement_killed_anywhere_goes_on(
    where: str, named: t.Tuple[str, str, bool], unnamed: t.Optional[t.Tuple[str, str, bool]]
) -> None:
    scene = killed(Scene(), where)
    step = step_of(scene.plan(replace=("etcd2",)), "etcd2")
    assert (step.action, step.remove, step.retire) == named
    assert step.promote
    if unnamed is None:
        assert "etcd_replace_members=etcd2" in scene.refusal()
        return
    step = step_of(scene.plan(), "etcd2")
    assert (step.action, step.remove, step.retire) == unnamed
    assert step.promote


@pytest.mark.parametrize("down", [False, True])
def test_who_has_its_data_is_not_replaced(down: bool) -> None:
    scene = Scene().down(2) if down else Scene()
    made = scene.plan(replace=("etcd2",))
    assert actions(made) == ([{"etcd2": "start"}] if down else [])
    assert f"etcd2 (etcd_replace_members) has the data of member {scene.ids[2]}" in made.notes[0]
    assert "mv /var/lib/etcd /var/lib/etcd.aside" in made.notes[0]


def test_a_broken_disk_is_replaced_by_name() -> None:
    scene = Scene().down(2).change(2, "data", problem="broken", member_id="")
    assert "cannot be read" in scene.refusal()
    step = step_of(scene.plan(replace=("etcd2",)), "etcd2")
    assert (step.action, step.remove) == ("join", scene.ids[2])


@pytest.mark.parametrize("list_", ["replace", "remove"])
def test_nobody_goes_for_want_of_rights(list_: str) -> None:
    """Run without them, a member's data cannot be read; that says nothing of the disk."""
    scene = Scene().change(2, "data", problem="denied", member_id="").change(2, "system", uid=1000)
    assert "become: true" in scene.refusal(**{list_: ("etcd2",)})


@pytest.mark.parametrize("list_", ["replace", "remove"])
def test_nobody_goes_who_serves_for_what_cannot_be_read(list_: str) -> None:
    scene = Scene().change(2, "data", problem="broken", member_id="")
    assert "the data of etcd2 in /var/lib/etcd cannot be read: broken" in scene.refusal(**{list_: ("etcd2",)})


def test_data_of_another_member_gives_way_by_name() -> None:
    scene = Scene().down(2).change(2, "data", member_id="abc")
    step = step_of(scene.plan(replace=("etcd2",)), "etcd2")
    assert (step.remove, step.retire) == (scene.ids[2], True)


def test_two_dead_ones_leave_before_the_first_joins() -> None:
    """Up to 3.5.29 and 3.6.10 etcd adds nobody while any voter is down."""
    scene = Scene(5).wipe(2, 4)
    made = scene.plan(replace=("etcd2", "etcd4"))
    assert actions(made) == [{"etcd2": "remove"}, {"etcd4": "remove"}, {"etcd2": "join"}, {"etcd4": "join"}]
    steps = [step for turn in made.turns for step in turn.steps]
    assert [(step.remove, step.retire, step.add) for step in steps] == [
        (scene.ids[2], True, ""), (scene.ids[4], True, ""), ("", False, "learner"), ("", False, "learner"),
    ]  # fmt: skip


def test_a_replacement_that_costs_quorum_is_refused() -> None:
    scene = Scene(4).wipe(2).change(3, local=SICK)
    scene.members(*scene.listed, OLD)
    # five voters: without etcd2 four, of which three serve as far as is known
    assert actions(scene.plan(replace=("etcd2",))) == [{"etcd2": "join"}, {"etcd3": "start"}]
    scene = Scene(3).wipe(2)
    told = scene.change(3, local=SICK).change(3, process=None).wish(3, data_dir="/srv").refusal(replace=("etcd2",))
    assert "/srv" in told


def test_names_must_be_known_and_meant() -> None:
    told = Scene().refusal(remove=("etcd2",), replace=("etcd2", "etcd9"))
    assert "etcd2 is in etcd_replace_members and in etcd_remove_members" in told
    assert "etcd9 (etcd_replace_members) is the etcd_name of no host of this cluster" in told
    assert "etcd1, etcd2, etcd3" in told


def test_names_of_another_clusters_members_are_left_to_it() -> None:
    scene = Scene()
    assert scene.plan(replace=("other2",), elsewhere=("other1", "other2")).kind == "nothing"
    assert "other3 (etcd_replace_members)" in scene.refusal(replace=("other3",), elsewhere=("other1", "other2"))


def test_who_is_not_at_hand_is_not_replaced() -> None:
    made = Scene().lose_sight(2).plan(replace=("etcd2",))
    assert made.kind == "nothing"
    assert "etcd2 (etcd_replace_members) is not replaced, since its host is not at hand" in warned(made)


# removed


def test_a_healthy_member_leaves_last() -> None:
    scene = Scene(5).more(6).wish(1, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    made = scene.plan(remove=("etcd2",))
    assert actions(made) == [{"etcd6": "join"}, {"etcd1": "restart"}, {"etcd2": "remove"}]
    step = step_of(made, "etcd2")
    assert (step.remove, step.retire, step.add) == (scene.ids[2], True, "")
    assert "etcd2 is in the inventory" in warned(made)
    assert "etcd2" not in step_of(made, "etcd1").handover


def test_a_dead_one_leaves_before_others_join() -> None:
    scene = Scene().more(4).down(2)
    made = scene.plan(remove=("etcd2",))
    assert actions(made) == [{"etcd2": "remove"}, {"etcd4": "join"}]
    assert step_of(made, "etcd2").retire


def test_the_leader_may_leave() -> None:
    scene = Scene()
    made = scene.plan(remove=(host_name(scene.leader),))
    assert actions(made) == [{host_name(scene.leader): "remove"}]


@pytest.mark.parametrize("name", ["old", "ee"])
def test_who_has_no_host_is_removed_by_another(name: str) -> None:
    scene = Scene()
    scene.members(*scene.listed, OLD)
    made = scene.plan(remove=(name,))
    assert actions(made) == [{"etcd1": "remove"}]
    step = step_of(made, "etcd1")
    assert (step.remove, step.retire) == ("ee", False)
    assert made.notes == ()


def test_who_has_no_host_stays_while_it_is_needed() -> None:
    """It may be well: without it, two voters could spare neither, and etcd3 has its first turn before."""
    scene = Scene().lose_sight(3).wish(1, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    made = scene.plan(remove=("etcd3",))
    assert [list(turn.values()) for turn in actions(made)] == [["restart"], ["remove"]]
    assert made.warnings == ("etcd3 is unreachable: nothing is done there",)
    scene = Scene(3).wipe(1).lose_sight(3)
    made = scene.plan(replace=("etcd1",), remove=("etcd3",))
    assert [list(turn.values()) for turn in actions(made)] == [["join"], ["remove"]]


def test_who_never_started_is_down() -> None:
    """A voter of another address than is wished, from a first start that never came to it."""
    scene = Scene(2)
    scene.members(*scene.listed, dataclasses.replace(UNSTARTED, is_learner=False)).more(3)
    told = scene.refusal()
    assert "etcd3 cannot join: etcd adds no member to 3 voters of which not healthy are ff" in told
    assert "is listed and counts as a voter that is down" not in told
    assert actions(scene.plan(remove=("ff",))) == [{"etcd1": "remove"}, {"etcd3": "join"}]


def test_who_never_started_leaves_before_who_may_be_well() -> None:
    scene = Scene().lose_sight(3)
    scene.members(*scene.listed, dataclasses.replace(UNSTARTED, is_learner=False))
    made = scene.plan(remove=("etcd3", "ff"))
    assert [step.remove for turn in made.turns for step in turn.steps] == ["ff", scene.ids[3]]


def test_an_unreachable_one_is_removed_by_another_that_serves() -> None:
    scene = Scene(4).lose_sight(4).change(1, local=SICK)
    made = scene.plan(remove=("etcd4",))
    step = step_of(made, "etcd2")
    assert (step.remove, step.retire) == (scene.ids[4], False)
    assert "etcd4 is unreachable: nothing is done there" in made.warnings


def test_a_host_may_act_for_several() -> None:
    scene = Scene(5)
    scene.members(*scene.listed, OLD).lose_sight(5)
    made = scene.plan(remove=("old", "etcd5"))
    assert actions(made) == [{"etcd1": "remove"}, {"etcd1": "remove"}]


def test_a_member_already_removed_leaves_its_host() -> None:
    """A run was killed in between."""
    scene = Scene()
    scene.members(*(one for one in scene.listed if one.id != scene.ids[2])).change(2, process=None, local=None)
    made = scene.plan(remove=("etcd2",))
    step = step_of(made, "etcd2")
    assert (step.action, step.remove, step.retire) == ("remove", "", True)
    assert "etcd2 (etcd_remove_members) is not a member; members are etcd1, etcd3" in made.notes
    assert "etcd2 is not a member, but has data" in scene.refusal()
    made = blank(scene, 2).plan(remove=("etcd2",))
    assert (made.kind, actions(made)) == ("nothing", [])
    assert step_of(scene.plan(), "etcd2").action == "join"


def test_an_unknown_name_is_told() -> None:
    made = Scene().plan(remove=("etdc2",))
    assert (made.kind, made.notes) == (
        "nothing",
        ("etdc2 (etcd_remove_members) is not a member; members are etcd1, etcd2, etcd3",),
    )


@pytest.mark.parametrize(
    ("size", "remove", "words"),
    [
        (1, ("etcd1",), "etcd1 cannot leave: it is the only voter, and the cluster would be gone"),
        (3, ("etcd1", "etcd2", "etcd3"), "it is the only voter"),
    ],
)
def test_the_last_voter_stays(size: int, remove: t.Tuple[str, ...], words: str) -> None:
    assert words in Scene(size).refusal(remove=remove)


def test_all_may_leave_for_others() -> None:
    made = Scene(2).more(3, 4, 5).plan(remove=("etcd1", "etcd2"))
    assert [sorted(turn.values()) for turn in actions(made)] == [["join"]] * 3 + [["remove"]] * 2


def test_who_would_cost_quorum_stays() -> None:
    """Two of three are healthy: without one of them, one of two would be."""
    scene = Scene().change(2, local=SICK)
    assert actions(scene.plan(remove=("etcd1",))) == [{"etcd2": "start"}, {"etcd1": "remove"}]
    assert actions(scene.plan(remove=("etcd2",))) == [{"etcd2": "remove"}]
    scene = Scene().wipe(2)
    scene.seen["etcd2"] = dataclasses.replace(scene.seen["etcd2"])
    told = scene.refusal(remove=("etcd1",))
    assert "etcd2 (etcd2) has lost its data" in told
    scene = Scene(4)
    scene.change(3, local=SICK).change(4, local=SICK)
    told = scene.refusal(remove=("etcd1", "etcd2", "etcd3", "etcd4"))
    assert "cannot leave" in told


def test_the_name_of_a_host_means_what_the_host_is() -> None:
    scene = Scene()
    scene.members(*scene.listed, dataclasses.replace(OLD, name="etcd2"))
    made = scene.plan(remove=("etcd2",))
    assert [step.remove for turn in made.turns for step in turn.steps] == [scene.ids[2]]


def test_a_former_name_does_not_remove_who_shall_stay() -> None:
    scene = Scene().wish(2, name="second")
    told = scene.refusal(remove=("etcd2",))
    assert f"member etcd2 ({scene.ids[2]}) is to leave (etcd_remove_members), and is etcd2, which shall stay" in told
    assert scene.plan(remove=("second",)).turns[-1].steps[0].remove == scene.ids[2]


def test_a_broken_disk_may_leave() -> None:
    scene = Scene().down(2).change(2, "data", problem="broken", member_id="")
    assert step_of(scene.plan(remove=("etcd2",)), "etcd2").remove == scene.ids[2]


def test_an_outage_comes_before_names() -> None:
    made = Scene().down(1, 2, 3).plan(remove=("etcd2",), replace=("etcd3",))
    assert made.kind == "cold-start"
    assert "no member is removed or replaced before the cluster has quorum" in warned(made)


def test_who_is_named_to_leave_takes_no_part_in_a_bootstrap() -> None:
    scene = Scene(formed=False)
    assert list(actions(scene.plan(remove=("etcd2",)))[0]) == ["etcd1", "etcd3"]
    assert scene.plan(remove=("etcd1", "etcd2", "etcd3")).kind == "nothing"


# addresses


def moved(scene: Scene) -> Scene:
    url = "http://10.0.0.7:2380"
    return scene.wish(2, peer_urls=(url,), settings={"ETCD_LISTEN_PEER_URLS": url})


def test_another_address_is_moved_to_in_the_members_turn() -> None:
    step = step_of(moved(Scene()).plan(), "etcd2")
    assert (step.action, step.move, step.gated) == ("restart", True, True)


def test_who_runs_with_it_already_is_only_listed_anew() -> None:
    made = Scene().relist(2, peer_urls=("http://10.0.0.7:2380",)).plan()
    step = step_of(made, "etcd2")
    assert (step.action, step.move, step.reason) == ("settle", True, "is listed with other peer URLs")
    assert made.turns[0].reason == "one member at a time"


def test_who_is_down_at_another_address_is_moved_before_it_starts() -> None:
    step = step_of(moved(Scene().down(2)).plan(), "etcd2")
    assert (step.action, step.move) == ("start", True)


def test_an_address_listed_already_is_only_restarted_to() -> None:
    """A run was killed in between."""
    step = step_of(moved(Scene()).relist(2, peer_urls=("http://10.0.0.7:2380",)).plan(), "etcd2")
    assert (step.action, step.move) == ("restart", False)


def settle_at(scene: Scene, places: t.Mapping[int, int]) -> Scene:
    """Have members move to the addresses of other hosts; all by their numbers."""
    for number, place in places.items():
        url = peer_url(place)
        scene.wish(number, peer_urls=(url,), settings={"ETCD_LISTEN_PEER_URLS": url})
    return scene


def order(made: Plan) -> t.List[str]:
    return [step.host for turn in made.turns for step in turn.steps]


def test_who_moves_to_where_another_was_does_so_after_it() -> None:
    scene = Scene()
    first, second = (number for number in (1, 2, 3) if number != scene.leader)
    made = settle_at(scene, {first: second, second: 7}).plan()
    assert order(made) == [host_name(second), host_name(first)]


def test_a_leader_whose_address_another_is_to_have_does_not_come_last() -> None:
    scene = Scene()
    other = 1 + scene.leader % 3
    made = settle_at(scene, {scene.leader: 7, other: scene.leader}).plan()
    assert order(made) == [host_name(scene.leader), host_name(other)]
    assert not [step for turn in made.turns for step in turn.steps if "comes last" in step.reason]


@pytest.mark.parametrize("down", [(), (3,)])
def test_swapped_addresses_are_refused(down: t.Tuple[int, ...]) -> None:
    told = settle_at(Scene().down(*down), {1: 2, 2: 1}).refusal()
    assert "cannot move to http://10.0.0." in told
    assert "is listed when it is its turn, and etcd lists no peer URL twice" in told
    assert "move to an address that no member has" in told


def test_swapped_addresses_are_refused_where_only_the_list_is_to_follow() -> None:
    scene = Scene().relist(1, peer_urls=(peer_url(2),)).relist(2, peer_urls=(peer_url(1),))
    assert "that is where etcd2 is listed" in scene.refusal()


def test_the_address_of_a_member_that_is_in_no_inventory_is_taken() -> None:
    scene = Scene()
    scene.members(*scene.listed, Member("ff", "old", (peer_url(9),), ("http://10.0.0.9:2379",)))
    told = settle_at(scene, {1: 9}).refusal()
    assert "etcd1 cannot move to http://10.0.0.9:2380: that is where old is listed" in told


def test_no_host_joins_where_a_member_still_is() -> None:
    told = settle_at(Scene().more(4), {3: 7, 4: 3}).refusal()
    assert "etcd4 cannot join at http://10.0.0.3:2380: that is where etcd3 is listed when it joins" in told
    assert "run without the new host first" in told


# --- restarts -----------------------------------------------------------------------------------------------------


def test_followers_first_and_the_leader_last() -> None:
    scene = Scene().wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    made = scene.plan()
    assert made.kind == "converge"
    order = [next(iter(turn)) for turn in actions(made)]
    assert order == [host_name(n) for n in (1, 2, 3) if n != scene.leader] + [host_name(scene.leader)]
    steps = [turn.steps[0] for turn in made.turns]
    assert all(step.action == "restart" and step.gated for step in steps)
    assert [step.handover for step in steps] == [(), (order[0],), (order[0], order[1])]
    assert "leads, so it comes last" in steps[-1].reason
    assert [str(change) for change in steps[0].changes] == ["ETCD_SNAPSHOT_COUNT: (none) → 5"]


def test_the_leader_is_whom_the_latest_term_says() -> None:
    scene = Scene().wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    stale = scene.leader % 3 + 1
    other = stale % 3 + 1
    if other == scene.leader:
        other = other % 3 + 1
    local = scene.seen[host_name(other)].local
    assert local is not None
    assert local.status is not None
    status = dataclasses.replace(
        local.status, leader_id=scene.seen[host_name(stale)].data.member_id, raft_term=local.status.raft_term - 1
    )
    leader = scene.leader
    scene.change(other, local=dataclasses.replace(local, status=status))
    assert list(actions(scene.plan())[-1]) == [host_name(leader)]


def test_an_unknown_leader_keeps_nobody() -> None:
    scene = Scene().wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    for number in (1, 2, 3):
        local = scene.seen[host_name(number)].local
        assert local is not None
        assert local.status is not None
        status = dataclasses.replace(local.status, leader_id="")
        scene.change(number, local=dataclasses.replace(local, status=status))
    assert [list(turn) for turn in actions(scene.plan())] == [["etcd1"], ["etcd2"], ["etcd3"]]


def test_who_does_not_serve_is_restarted_first() -> None:
    scene = Scene().wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    sick = scene.leader % 3 + 1
    scene.change(sick, local=EndpointSeen("http://x", False, "no"))
    made = scene.plan()
    assert list(actions(made)[0]) == [host_name(sick)]
    assert len(made.turns) == 3


def test_a_voter_that_three_cannot_spare() -> None:
    scene = Scene().wish(1, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    gone = Member("ee", "old", ("http://10.0.0.9:2380",), ("http://10.0.0.9:2379",))
    scene.members(*scene.listed, gone)
    scene.change(2, local=EndpointSeen("http://x", False, "no")).wish(2, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    made = scene.plan()
    # the sick one first: after that all four may be well, which the gate finds out
    assert actions(made) == [{"etcd2": "restart"}, {"etcd1": "restart"}]


def test_two_voters_stop_only_when_it_is_allowed() -> None:
    scene = Scene(2).wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    told = scene.refusal()
    assert "etcd1 must be restarted, and the cluster cannot spare it: a cluster of two voters can spare neither" in told
    assert "Set etcd_allow_downtime to true" in told
    assert "Bring" not in told
    made = scene.plan(allow_downtime=True)
    assert len(made.turns) == 2
    assert warned(made).count("writes stop while") == 2


def test_one_voter_is_restarted_with_a_word_about_it() -> None:
    made = Scene(1).wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"}).plan()
    assert actions(made) == [{"etcd1": "restart"}]
    assert "writes stop while etcd1 restarts" in warned(made)


def test_absent_members_are_left_to_the_gate() -> None:
    made = Scene().lose_sight(3).wish(0, settings={"ETCD_SNAPSHOT_COUNT": "5"}).plan()
    assert sorted(host for turn in actions(made) for host in turn) == ["etcd1", "etcd2"]
    assert made.warnings == ("etcd3 is unreachable: nothing is done there",)


@pytest.mark.parametrize("release", ["/opt/etcd/3.6.14", "/opt/other/3.6.16"])
def test_another_release_is_a_restart(release: str) -> None:
    scene = Scene().change(1, "process", executable=f"{release}/etcd")
    made = scene.plan()
    assert actions(made) == [{"etcd1": "restart"}]
    assert [str(one) for one in made.turns[0].steps[0].changes] == [f"release: {release} → /opt/etcd/3.6.16"]


@pytest.mark.parametrize(("restarted", "action"), [(True, "restart"), (False, "settle")])
def test_an_edited_unit_is_put_right_and_a_server_that_it_started_restarted(restarted: bool, action: str) -> None:
    scene = Scene().change(1, "files", definition="[Service]\nUser=root\n")
    process = scene.seen["etcd1"].process
    assert process is not None
    made = scene.change(1, "service", defined=process.started + (-60 if restarted else 60)).plan()
    assert actions(made) == [{"etcd1": action}]
    (change, *_others) = made.turns[0].steps[0].changes
    assert change.key == "definition"


def test_who_asks_for_a_user_says_so() -> None:
    scene = Scene()
    for number in (1, 2, 3):
        local = scene.seen[f"etcd{number}"].local
        assert local is not None
        denied = dataclasses.replace(local, members=None, status=None, denied=True, problem="user name is empty")
        scene.change(number, local=denied)
    assert "Set etcd_auth_user and etcd_auth_password to a user with the role root." in scene.refusal()


def test_who_is_started_with_what_others_say_is_refused_before() -> None:
    drop_ins = {"/etc/systemd/system/etcd.service.d/x.conf": ("ETCD_SNAPSHOT_COUNT",)}
    scene = Scene().change(1, "service", drop_ins=drop_ins)
    assert scene.plan().kind == "nothing", "nobody is started"
    scene.change(2, "process", replaced=True)
    assert actions(scene.plan()) == [{"etcd2": "restart"}]
    told = scene.change(1, "process", replaced=True).refusal()
    assert "etcd1 would not start etcd as wished: /etc/systemd/system/etcd.service.d/x.conf has ETCD_SN" in told
    assert "etcd2" not in told


def test_alarms_are_told_whatever_is_done() -> None:
    scene = Scene()
    for number in (1, 2, 3):
        local = scene.seen[f"etcd{number}"].local
        assert local is not None
        alarms = (Alarm(scene.ids[2], "NOSPACE"), Alarm("dead", "OTHER"))
        scene.change(number, local=dataclasses.replace(local, alarms=alarms))
    made = scene.plan()
    assert made.kind == "nothing"
    nospace, other = made.warnings
    assert nospace.startswith("the alarm NOSPACE is raised for etcd2: etcd takes no writes until there is room")
    assert other == "the alarm OTHER is raised for dead"


def at_version(scene: Scene, number: int, version: str) -> Scene:
    local = scene.seen[f"etcd{number}"].local
    assert local is not None
    return scene.change(number, "local", versions=Versions(server=version, cluster="3.6.0"))


def test_another_version_in_the_same_place_is_a_restart() -> None:
    """Of an image whose name does not say it, or of a directory of the user's choice."""
    made = at_version(Scene(), 1, "3.6.14").plan()
    assert actions(made) == [{"etcd1": "restart"}]
    assert [str(one) for one in made.turns[0].steps[0].changes] == ["version: 3.6.14 → 3.6.16"]


@pytest.mark.parametrize("there", ["3.6.14", "3.6.16", ""])
def test_what_somebody_else_has_to_bring_must_be_there(there: str) -> None:
    scene = at_version(Scene().wish(0, brought=False), 2, "3.6.14")
    scene.change(2, releases=(ReleaseSeen("/opt/etcd/3.6.16", there),))
    if there == "3.6.14":
        assert "/opt/etcd/3.6.16/etcd on etcd2 is 3.6.14, and etcd_version is 3.6.16" in scene.refusal()
    else:
        assert actions(scene.plan()) == [{"etcd2": "restart"}]


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (PathSeen("/var/lib/etcd", "etcd", "etcd", "0755"), "/var/lib/etcd: 0755 of etcd → 0700 of etcd"),
        (PathSeen("/var/lib/etcd", "root", "etcd", "0700"), "/var/lib/etcd: 0700 of root → 0700 of etcd"),
        (PathSeen("/var/lib/etcd", "etcd", "etcd", "0700"), ""),
        (PathSeen("/opt/etcd", "root", "root", "0755"), ""),
    ],
)
def test_data_that_others_may_read_is_made_private(place: PathSeen, change: str) -> None:
    scene = Scene().wish(0, user="etcd").change(1, directories=(place,))
    if not change:
        assert scene.plan().kind == "nothing"
        return
    step = step_of(scene.plan(), "etcd1")
    assert (step.action, [str(one) for one in step.changes]) == ("settle", [change])


TRUST = {"ETCD_PEER_TRUSTED_CA_FILE": "/ca"}


def with_tls(scene: Scene, *numbers: int, settings: t.Optional[t.Dict[str, str]] = None) -> Scene:
    for number in numbers:
        url = f"https://{host_name(number)}:2380"
        scene.wish(number, peer_urls=(url,), settings=settings)
    return scene


def test_peers_move_to_tls_once_all_can_reach_them_there() -> None:
    told = with_tls(Scene(), 1, 2, 3, settings=TRUST).refusal()
    assert "etcd1, etcd2, etcd3 cannot move to https for peers: etcd1, etcd2, etcd3 run without peer-tr" in told
    assert "First set peer-trusted-ca-file" in told
    scene = Scene()
    for number in (1, 2, 3):
        process = scene.seen[host_name(number)].process
        assert process is not None
        scene.change(number, "process", environment={**process.environment, **TRUST})
    made = with_tls(scene, 1, 2, 3, settings=TRUST).plan()
    assert [step.move for turn in made.turns for step in turn.steps] == [True, True, True]


def test_peers_keep_their_authority_while_anyone_has_tls() -> None:
    scene = Scene()
    for number in (1, 2, 3):
        process = scene.seen[host_name(number)].process
        assert process is not None
        scene.change(number, "process", environment={**process.environment, **TRUST})
        local = scene.seen[host_name(number)].local
        assert local is not None
        assert local.members is not None
        members = tuple(dataclasses.replace(one, peer_urls=(f"https://{one.name}:2380",)) for one in local.members)
        scene.change(number, local=dataclasses.replace(local, members=members))
    told = scene.refusal()
    assert (
        "etcd1, etcd2, etcd3 would run without peer-trusted-ca-file, and not reach etcd1, etcd2, etcd3, which" in told
    )
    assert len(scene.wish(0, settings=TRUST).plan().turns) == 3, "back to http, and still able to reach the others"


def test_a_replaced_program_is_a_restart() -> None:
    made = Scene().change(1, "process", replaced=True).plan()
    assert [str(one) for one in made.turns[0].steps[0].changes] == [
        "release: /opt/etcd/3.6.16 (replaced) → /opt/etcd/3.6.16"
    ]


def test_what_only_a_first_start_reads_is_no_reason_for_a_restart() -> None:
    scene = Scene()
    process = scene.seen["etcd1"].process
    assert process is not None
    environment = {**process.environment, "ETCD_INITIAL_CLUSTER_STATE": "new", "ETCD_INITIAL_CLUSTER_TOKEN": "x"}
    scene.change(1, "process", environment=environment)
    assert pending(scene.desired[0], scene.seen["etcd1"]) == ()
    assert scene.plan().kind == "nothing"


def test_a_blank_host_has_nothing_pending_and_everything_to_be_written() -> None:
    scene = Scene(formed=False)
    assert pending(scene.desired[0], scene.seen["etcd1"]) == ()
    assert [str(one) for one in drift(scene.desired[0], scene.seen["etcd1"])] == [
        "etcd.env: (none) → written",
        "definition: (none) → written",
        "release: (none) → /opt/etcd/3.6.16",
        "enabled: false → true",
    ]


def test_secrets_are_not_shown() -> None:
    settings = {"ETCD_DISCOVERY_PASSWORD": "s3cret", "ETCD_SNAPSHOT_COUNT": "5"}
    made = Scene().wish(0, settings=settings).plan()
    assert "s3cret" not in plan_text(made, made.warnings, diff=True)
    assert "s3cret" not in repr(made)


# --- versions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("users", [False, True])
def test_3_4_is_left_only_without_authentication(users: bool) -> None:
    scene = Scene(version="3.4.23").wish(0, version="3.5.35")
    if users:
        assert "does not support going from 3.4.23 to 3.5.35 while authentication" in scene.refusal(users=True)
    else:
        assert len(scene.plan().turns) == 3


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("3.8.0", ("etcd1: etcd cannot go from 3.6.16 to 3.8.0 in one step", "etcd_version to a release of 3.7")),
        ("3.5.35", ("3.5.35 is older than the 3.6 that runs", "etcd_version to a release of 3.6")),
    ],
)
def test_versions_are_refused_before_anything_happens(version: str, words: t.Tuple[str, ...]) -> None:
    for scene in (Scene(), Scene().down(1, 2, 3)):
        told = scene.wish(0, version=version).refusal()
        for word in words:
            assert word in told


@pytest.mark.parametrize("index", [0, 9])
def test_a_raft_snapshot_comes_first_where_the_new_version_cannot_read_the_log(index: int) -> None:
    scene = Scene().wish(0, version="3.7.3")
    for number in (1, 2, 3):
        scene.change(number, "data", v2_index=index)
    steps = [step for turn in scene.plan().turns for step in turn.steps]
    assert [(step.action, step.snapshot, step.gated) for step in steps] == [("restart", index, True)] * 3
    assert ["first a raft snapshot" in step.reason for step in steps] == [bool(index)] * 3


def test_a_member_that_is_down_takes_its_snapshot_too() -> None:
    scene = Scene().down(2).wish(0, version="3.7.3")
    for number in (1, 2, 3):
        scene.change(number, "data", v2_index=9)
    step = step_of(scene.plan(), "etcd2")
    assert (step.action, step.snapshot) == ("start", 9)


def test_without_quorum_no_snapshot_can_be_taken() -> None:
    scene = Scene().down(1, 2, 3).wish(0, version="3.7.3")
    for number in (1, 2, 3):
        scene.change(number, "data", v2_index=9)
    told = scene.refusal()
    assert "3.7 cannot read what older versions wrote to the log in /var/lib/etcd (to index 9)" in told
    assert "First set etcd_version of etcd1 to a release of 3.6 and run" in told
    for number in (1, 2, 3):
        scene.change(number, "data", v2_index=0)
    assert scene.plan().kind == "cold-start"


def test_keys_of_the_old_api_keep_a_cluster_from_3_6() -> None:
    scene = Scene(version="3.5.35").wish(0, version="3.6.16")
    for number in (1, 2, 3):
        scene.change(number, "data", v2_index=9, v2_keys=number == 2)
    told = scene.refusal()
    assert "etcd2: /var/lib/etcd holds keys of the API of etcd 2" in told
    assert "etcd1:" not in told
    assert "etcdutl check v2store" in told
    assert "write-only-skip-check" in told
    scene.wish(0, settings={"ETCD_V2_DEPRECATION": "write-only-skip-check"})
    assert len(scene.plan().turns) == 3


def test_nobody_goes_on_with_the_old_api_switched_on() -> None:
    """Who runs 3.6 panics on what others send it."""
    scene = Scene(version="3.5.35").wish(0, settings={"ETCD_ENABLE_V2": "true"})
    run(scene.world, scene.desired, OPTIONS)
    told = scene.look().wish(0, version="3.6.16").refusal()
    assert "etcd1 runs with enable-v2" in told
    assert "set enable-v2 to false and run" in told


def running(scene: Scene, number: int, version: str, *, cluster: str, target: str = "") -> None:
    """Have a host run a version, and tell of these."""
    release = f"/opt/etcd/{version}"
    scene.change(number, "process", executable=f"{release}/etcd").change(number, "files", release=release)
    local = scene.seen[host_name(number)].local
    assert local is not None
    assert local.status is not None
    status = dataclasses.replace(local.status, version=version, downgrade=target)
    scene.change(number, local=dataclasses.replace(local, versions=Versions(version, cluster), status=status))


def mixed(*versions: str, wish: str, cluster: str, target: str = "") -> Scene:
    scene = Scene(len(versions)).wish(0, version=wish)
    for number, version in enumerate(versions, start=1):
        running(scene, number, version, cluster=cluster, target=target if version >= "3.6" else "")
        scene.change(number, "data", v2_index=0)
    return scene


def test_an_upgrade_half_done_goes_on() -> None:
    """One runs the new version already; the others follow."""
    scene = mixed("3.7.3", "3.6.16", "3.6.16", wish="3.7.3", cluster="3.6.0")
    made = scene.plan()
    assert sorted(host for turn in actions(made) for host in turn) == ["etcd2", "etcd3"]
    assert made.notes == ("each can go back to 3.6 until the last member runs 3.7",)
    # and may be taken back until the last has followed: the cluster still is at 3.6
    made = scene.wish(0, version="3.6.16").plan()
    assert actions(made) == [{"etcd1": "restart"}]
    assert step_of(made, "etcd1").downgrade == ""


def test_a_downgrade_is_refused_unless_it_is_allowed() -> None:
    scene = mixed("3.7.3", "3.7.3", "3.7.3", wish="3.6.16", cluster="3.7.0")
    told = scene.refusal()
    assert "etcd1: 3.6.16 is older than the 3.7 that runs, and a downgrade was not asked for" in told
    assert "Take a snapshot and set etcd_allow_downgrade to true; or set etcd_version to a release of 3.7" in told
    steps = [step for turn in scene.plan(allow_downgrade=True).turns for step in turn.steps]
    assert [(step.action, step.downgrade, step.gated) for step in steps] == [("restart", "3.6", True)] * 3
    assert "the cluster goes down to 3.6" in steps[0].reason


def test_a_downgrade_that_has_begun_goes_on_and_needs_no_leave() -> None:
    scene = mixed("3.6.16", "3.7.3", "3.7.3", wish="3.6.16", cluster="3.6.0", target="3.6.0")
    steps = [step for turn in scene.plan().turns for step in turn.steps]
    assert sorted((step.host, step.downgrade) for step in steps) == [("etcd2", "3.6"), ("etcd3", "3.6")]


def test_a_downgrade_that_is_all_but_over_is_left_to_etcd() -> None:
    scene = mixed("3.6.16", "3.6.16", "3.6.16", wish="3.6.16", cluster="3.6.0", target="3.6.0")
    assert scene.plan().kind == "nothing"


def test_a_downgrade_that_nobody_wishes_any_more_is_called_off() -> None:
    """Before the first restart, or where nothing else is to be done in a turn of its own."""
    scene = mixed("3.6.16", "3.7.3", "3.7.3", wish="3.7.3", cluster="3.6.0", target="3.6.0")
    made = scene.plan()
    assert actions(made) == [{"etcd1": "restart"}]
    assert step_of(made, "etcd1").downgrade == "cancel"
    assert "the downgrade to 3.6 is called off" in made.notes
    scene = mixed("3.7.3", "3.7.3", "3.7.3", wish="3.7.3", cluster="3.6.0", target="3.6.0")
    made = scene.plan()
    assert actions(made) == [{"etcd1": "settle"}]
    assert step_of(made, "etcd1").downgrade == "cancel"


def test_while_one_still_shall_go_down_nothing_is_called_off() -> None:
    scene = mixed("3.7.3", "3.7.3", "3.6.16", wish="3.7.3", cluster="3.6.0", target="3.6.0")
    scene.wish(3, version="3.6.16")
    assert scene.plan().kind == "nothing"


def test_one_that_is_down_does_not_come_back_older() -> None:
    scene = mixed("3.7.3", "3.7.3", "3.7.3", wish="3.6.16", cluster="3.7.0")
    scene.change(2, process=None, local=None)
    told = scene.refusal(allow_downgrade=True)
    assert "etcd2 is down, and before it goes down to 3.6 it must serve as 3.7" in told


@pytest.mark.parametrize(
    ("release", "expected"), [("/opt/etcd/3.6.14", "3.6.14"), ("/usr/bin", "3.4.23"), ("/nowhere", None), (None, None)]
)
def test_the_version_of_what_is_down(release: t.Optional[str], expected: t.Optional[str]) -> None:
    scene = Scene(1).down(1).change(1, "files", release=release)
    releases = (dataclasses.replace(scene.seen["etcd1"].releases[0], path="/usr/bin", version="3.4.23"),)
    found = dataclasses.replace(scene.seen["etcd1"], releases=releases).version
    assert (str(found) if found else None) == expected


# --- several things at once --------------------------------------------------------------------------------------


def test_all_reasons_are_told_at_once() -> None:
    scene = Scene(5).wipe(2).wish(3, data_dir="/srv/etcd").wish(4, version="3.5.35")
    told = scene.refusal()
    for word in ("etcd2 (etcd2) has lost", "etcd3 has its data in", "etcd4: 3.5.35 is older"):
        assert word in told


# --- discovery: members and proxies -------------------------------------------------------------------------------


def discovering(size: int, *, formed: bool = False, discovery: str = "v3") -> Scene:
    """A cluster that is found by discovery, of as many hosts."""
    scene = Scene(size, formed=formed)
    return scene.wish(0, bootstrap="discovery", discovery=discovery)


def test_only_a_first_start_needs_the_registry() -> None:
    lost = {"bootstrap": "discovery", "discovery": "v3", "registry": False}
    told = discovering(3).wish(2, **lost).refusal()
    assert "etcd2: etcd_discovery_endpoints is empty" in told
    assert "group etcd_discovery" in told
    assert discovering(3, formed=True).wish(0, **lost).plan().kind == "nothing"
    assert Scene(formed=False).wish(0, registry=False).plan().kind == "bootstrap"


@pytest.mark.parametrize("discovery", ["v3", "v2", "public"])
def test_members_that_find_each_other_get_a_token_and_no_list(discovery: str) -> None:
    made = discovering(3, discovery=discovery).plan()
    assert actions(made) == [dict.fromkeys(("etcd1", "etcd2", "etcd3"), "bootstrap")]
    steps = [step_of(made, host_name(number)) for number in (1, 2, 3)]
    assert {step.token for step in steps} == {made.notes[-1].partition(" ")[2]}
    for number, step in enumerate(steps, start=1):
        assert step.bootstrap == {"ETCD_INITIAL_CLUSTER": "", "ETCD_INITIAL_CLUSTER_STATE": "new"}
        # Of a token that is a part of a URL, the ID is not known yet.
        expected = member_id((peer_url(number),), step.token) if discovery == "v3" else ""
        assert step.member_id == expected


def test_the_first_of_the_inventory_are_members_all_others_proxies() -> None:
    made = discovering(5).plan(size=3)
    assert actions(made) == [dict.fromkeys(("etcd1", "etcd2", "etcd3"), "bootstrap")]
    assert made.proxies == ("etcd4", "etcd5")
    assert "proxies etcd4, etcd5" in made.notes


@pytest.mark.parametrize("size", [0, 5, 7])
def test_no_proxies_where_all_are_to_be_members(size: int) -> None:
    made = discovering(5).plan(size=size)
    assert (made.proxies, len(actions(made)[0])) == ((), 5)


@pytest.mark.parametrize(
    ("size", "joins", "proxies"),
    [
        (1, [], ("etcd4", "etcd5")),
        (3, [], ("etcd4", "etcd5")),
        (4, ["etcd4"], ("etcd5",)),
        (5, ["etcd4", "etcd5"], ()),
        (0, ["etcd4", "etcd5"], ()),
    ],
)
def test_the_membership_decides_who_is_a_proxy_until_more_are_wished(
    size: int, joins: t.List[str], proxies: t.Tuple[str, ...]
) -> None:
    made = discovering(3, formed=True).more(4, 5).plan(size=size)
    assert made.proxies == proxies
    assert [list(turn) for turn in actions(made)] == [[host] for host in joins]


def test_whoever_takes_the_place_of_one_that_left_is_the_next_proxy() -> None:
    scene = discovering(3, formed=True).more(4, 5)
    scene.members(*(one for one in scene.listed if one.name != "etcd3"))
    scene.desired = [wish for wish in scene.desired if wish.host != "etcd3"]
    made = scene.plan(size=3)
    assert (actions(made), made.proxies) == ([{"etcd4": "join"}], ("etcd5",))


@pytest.mark.parametrize(
    ("discovery", "key", "used"),
    [
        ("v3", "ETCD_DISCOVERY_TOKEN", "mine"),
        ("v2", "ETCD_DISCOVERY", "http://10.0.0.9:2379/v2/keys/_etcd/registry/mine"),
        ("public", "ETCD_DISCOVERY", "http://service.example/mine"),
    ],
)
def test_who_registered_before_goes_on_by_a_list_under_the_same_word(discovery: str, key: str, used: str) -> None:
    """IDs are drawn from the token with ``v3``, else from the whole URL; nobody is asked for it a second time."""
    scene = interrupted(2, token=used).wish(0, bootstrap="discovery", discovery=discovery)
    found = {"ETCD_INITIAL_CLUSTER": "", "ETCD_INITIAL_CLUSTER_STATE": "new", key: used}
    made = scene.change(2, "files", bootstrap=found).plan()
    assert (made.kind, made.notes) == ("resume", (f"token {used}",))
    for number in (1, 2, 3):
        step = step_of(made, host_name(number))
        assert (step.member_id, step.token) == (member_id([peer_url(number)], used), "")
        first = step.bootstrap or {}
        assert first["ETCD_INITIAL_CLUSTER_TOKEN"] == used
        assert len(parse_initial_cluster(first["ETCD_INITIAL_CLUSTER"])) == 3
        assert key not in first


def test_a_proxy_that_cannot_be_asked_is_no_member_of_a_cold_start() -> None:
    scene = discovering(3, formed=True).down(1, 2, 3).wipe(3).more(4).lose_sight(4)
    assert actions(scene.plan(size=3)) == [{"etcd1": "start", "etcd2": "start"}]


def test_proxies_are_no_members_of_a_cold_start() -> None:
    made = discovering(3, formed=True).down(1, 2, 3).more(4, 5).plan(size=3)
    assert (made.kind, made.proxies) == ("cold-start", ("etcd4", "etcd5"))
    assert list(actions(made)[0]) == ["etcd1", "etcd2", "etcd3"]


# --- small things -------------------------------------------------------------------------------------------------


def test_initial_cluster_there_and_back() -> None:
    members: t.Dict[str, t.Tuple[str, ...]] = {"a": ("http://a:1", "http://a:2"), "b": ("http://b:1",)}
    assert parse_initial_cluster(initial_cluster(members.items())) == members
    assert parse_initial_cluster("") == {}


def test_ids_are_etcds() -> None:
    scene = interrupted(1, token="etcd-cluster-1")
    data = scene.seen["etcd1"].data
    ids = [member_id([peer_url(number)], "etcd-cluster-1") for number in (1, 2, 3)]
    assert (data.member_id, data.cluster_id) == (ids[0], cluster_id(ids))


def test_types_are_exported_as_they_are_used() -> None:
    seen: t.Mapping[str, HostSeen] = Scene(1).seen
    data: DataSeen = seen["etcd1"].data
    wish: Desired = make_desired(1)
    assert data.initialised
    assert wish.host == "etcd1"


# --- at the edges ---------------------------------------------------------------------------------------------------


def test_one_entry_more_than_waiting_needs_is_no_interrupted_bootstrap() -> None:
    """The entry after those of the members is a leader's: a majority was there, and may have written."""
    scene = interrupted(2, token="first")
    assert scene.change(2, "data", last_index=3).plan().kind == "resume"
    assert "only 1 of 3 members are known" in scene.change(2, "data", last_index=4).refusal()


def test_a_voter_whose_data_is_gone_while_it_waits_is_not_replaced_unasked() -> None:
    """It may have voted; only a learner cannot have."""
    scene = Scene().wipe(2).change(2, "files", bootstrap={})
    assert "never started empty under its old identity" in scene.refusal()


def test_no_log_that_may_be_new_votes_where_enough_know() -> None:
    scene = Scene(5).down(1, 2, 3, 4, 5)
    for number in (1, 2):
        scene.change(number, "files", bootstrap={"ETCD_INITIAL_CLUSTER_TOKEN": "x"})
        scene.change(number, "data", last_index=5)
    assert [sorted(turn) for turn in actions(scene.plan())] == [["etcd3", "etcd4", "etcd5"], ["etcd1", "etcd2"]]


def test_a_limit_lets_no_down_member_skip_a_version() -> None:
    scene = Scene(version="3.5.35").down(2).lose_sight(1).lose_sight(3).wish(2, version="3.7.3")
    assert "etcd cannot go from 3.5.35 to 3.7.3 in one step" in scene.refusal()


def test_more_members_than_the_size_leave_no_place_for_a_blank_host() -> None:
    made = discovering(3, formed=True).more(4, 5).plan(size=2)
    assert (actions(made), made.proxies) == ([], ("etcd4", "etcd5"))


def test_absent_hosts_count_as_members_in_a_cold_start() -> None:
    scene = Scene(5).down(1, 2).wipe(3).lose_sight(4).lose_sight(5)
    assert "only 2 of 5 members are known to have their data; 3 are needed" in scene.refusal()


def test_absent_hosts_count_where_members_found_each_other_by_a_registry() -> None:
    """What they waited with lists nobody, so it does not say how many they are."""
    scene = Scene(5).down(1, 2).wipe(3).lose_sight(4).lose_sight(5)
    for number in (1, 2):
        scene.change(number, "files", bootstrap={"ETCD_INITIAL_CLUSTER": "", "ETCD_DISCOVERY_TOKEN": "x"})
        scene.change(number, "data", last_index=9)
    assert "only 2 of 5 members are known to have their data; 3 are needed" in scene.refusal()


def test_a_member_that_lags_does_not_say_how_far_an_upgrade_has_come() -> None:
    """Else its word would pass for an upgrade that may be taken back; servers would stop that cannot start again."""
    scene = mixed("3.7.3", "3.7.3", "3.7.3", wish="3.6.16", cluster="3.7.0")
    local = scene.seen["etcd2"].local
    assert local is not None
    scene.change(2, local=dataclasses.replace(local, versions=Versions("3.7.3", "3.6.0")))
    assert "a downgrade was not asked for" in scene.refusal()


def test_who_has_its_data_is_not_replaced_by_an_old_version_either() -> None:
    scene = mixed("3.5.10", "3.5.10", "3.5.10", wish="3.5.10", cluster="3.5.0")
    made = scene.plan(replace=("etcd2",))
    assert actions(made) == []
    assert "is not replaced" in made.notes[0]


def test_whatever_runs_on_a_blank_host_gives_way_before_it_joins() -> None:
    scene = Scene().more(4)
    step = step_of(scene.change(4, process=scene.seen["etcd1"].process).plan(), "etcd4")
    assert (step.action, step.retire) == ("join", True)


def test_who_is_down_and_moves_starts_before_others_join() -> None:
    """etcd adds nobody to three voters of which one is down."""
    scene = Scene().more(4).down(2).wish(2, peer_urls=("http://10.9.9.9:2380",))
    assert actions(scene.plan()) == [{"etcd2": "start"}, {"etcd4": "join"}]


def test_who_nobody_knows_the_address_of_takes_part_in_a_cold_start() -> None:
    scene = Scene().down(1, 2, 3).change(1, "files", environment={"ETCD_NAME": "etcd1"})
    assert actions(scene.plan()) == [{"etcd1": "start", "etcd2": "start", "etcd3": "start"}]


def test_what_a_first_start_reads_stays_until_the_member_has_formed() -> None:
    """Dropped before, a member that lost its data then would pass for one that had formed."""
    scene = Scene().down(2).change(2, "files", bootstrap={"ETCD_INITIAL_CLUSTER_STATE": "existing"})
    assert step_of(scene.plan(), "etcd2").bootstrap is None


def test_another_release_on_the_host_says_nothing_of_the_wished_one() -> None:
    scene = at_version(Scene().wish(0, brought=False), 2, "3.6.14")
    scene.change(2, releases=(ReleaseSeen("/opt/etcd/3.6.14", "3.6.14"), ReleaseSeen("/opt/etcd/3.6.16", "3.6.16")))
    assert actions(scene.plan()) == [{"etcd2": "restart"}]


def test_a_machine_that_was_set_up_anew_may_know_its_user_by_another_number() -> None:
    scene = bare(Scene().down(1), 1).wish(0, user="etcd")
    scene.change(1, directories=(PathSeen("/var/lib/etcd", "997", "997", "0700"),))
    assert actions(scene.plan())[0] == {"etcd1": "start"}


def test_peers_that_trust_each_other_by_auto_tls_reach_https() -> None:
    settings = {"ETCD_PEER_AUTO_TLS": "true"}
    scene = Scene()
    for number in (1, 2, 3):
        process = scene.seen[host_name(number)].process
        assert process is not None
        scene.change(number, "process", environment={**process.environment, **settings})
    assert len(with_tls(scene, 1, 2, 3, settings=settings).plan().turns) == 3


def test_what_is_warned_of_is_what_the_plan_does() -> None:
    """Ordered anew with the sick one first, the cluster can spare the one that an order without it could not."""
    scene = Scene().more(4).change(1, local=SICK).wish(2, settings={"ETCD_SNAPSHOT_COUNT": "5"})
    made = scene.plan(allow_downtime=True)
    assert [turn.reason for turn in made.turns][-1] == "the cluster can spare it"
    assert made.warnings == ()


def test_a_machine_that_was_set_up_anew_starts_with_no_older_version_either() -> None:
    told = bare(Scene().down(1), 1).wish(1, version="3.5.35").refusal()
    assert "First set its etcd_version to a release of 3.6" in told


def test_a_size_below_the_members_that_were_counts_none_of_them_out() -> None:
    scene = discovering(3, formed=True).down(1, 2, 3).wipe(2, 3)
    assert "only 1 of 3 members are known to have their data; 2 are needed" in scene.refusal(size=1)


def test_one_old_version_is_enough_for_a_promotion_to_be_forgotten() -> None:
    scene = mixed("3.5.35", "3.5.35", "3.5.35", "3.5.10", wish="3.5.35", cluster="3.5.0").relist(2, is_learner=True)
    made = scene.plan()
    assert actions(made) == [{"etcd4": "restart"}]
    assert "etcd2 is a learner and stays one" in warned(made)


@pytest.mark.parametrize("list_", ["replace", "remove"])
def test_nobody_goes_who_is_down_for_want_of_rights(list_: str) -> None:
    scene = Scene().down(2).change(2, "data", problem="denied", member_id="").change(2, "system", uid=1000)
    assert "become: true" in scene.refusal(**{list_: ("etcd2",)})


def test_what_a_member_waited_with_says_how_many_they_are() -> None:
    """Though the inventory names fewer since."""
    scene = interrupted(1, 2).down(1, 2)
    scene.desired = scene.desired[:1]
    assert "only 1 of 3 members are known to have their data; 2 are needed" in scene.refusal()


def test_a_release_that_the_role_brings_may_be_another_yet() -> None:
    scene = at_version(Scene(), 2, "3.6.14").change(2, releases=(ReleaseSeen("/opt/etcd/3.6.16", "3.6.14"),))
    assert actions(scene.plan()) == [{"etcd2": "restart"}]


def test_who_is_down_is_started_where_the_absent_just_make_a_quorum_with_it() -> None:
    assert actions(Scene(2).down(1).lose_sight(2).plan()) == [{"etcd1": "start"}]


def test_who_is_down_is_not_started_beside_one_that_lost_its_data() -> None:
    assert "etcd2 (etcd2) has lost its data" in Scene().down(1).wipe(2).lose_sight(3).refusal()


def test_a_blank_host_beside_lost_ones_is_no_new_cluster() -> None:
    """One machine was set up anew, the others' disks are gone: what was written may be somewhere yet."""
    told = blank(Scene().wipe(1, 2), 3).refusal()
    assert "etcd1 (etcd1) has lost its data" in told
    assert "etcd2 (etcd2) has lost its data" in told


def test_a_log_with_one_entry_more_than_waiting_needs_is_one_that_knows() -> None:
    scene = Scene(5).down(1, 2, 3, 4, 5)
    for number in (1, 2, 3):
        scene.change(number, "files", bootstrap={"ETCD_INITIAL_CLUSTER_TOKEN": "x"})
        scene.change(number, "data", last_index=6)
    assert len(scene.plan().turns) == 1


def test_hosts_that_came_later_do_not_make_a_log_that_knows_one_that_only_waited() -> None:
    """What it knows and the others do not would be outvoted."""
    first = initial_cluster((f"etcd{number}", (peer_url(number),)) for number in range(1, 6))
    scene = Scene(5).more(6, 7, 8, 9).down(1, 2, 3, 4).wipe(5)
    scene.change(1, "files", bootstrap={"ETCD_INITIAL_CLUSTER": first, "ETCD_INITIAL_CLUSTER_TOKEN": "x"})
    scene.change(1, "data", last_index=7)
    assert "etcd1" in actions(scene.plan())[0]
    assert len(scene.plan().turns) == 1

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Membership changes against a cluster in memory that refuses as etcd does, on a clock of its own."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, Explorer
from ansible_collections.quorum.etcd.plugins.module_utils._entry import Wish
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    PermissionDenied,
    Refused,
    Unauthenticated,
    Unreachable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._membership_change import Outcome, bring
from ansible_collections.quorum.etcd.tests.unit.fakes import FakeCluster, FakeMember, FakeTransport

NEW = ("http://new.example:2380",)


class Sequel:
    """Things that happen as time goes by: at each sleep the next one."""

    def __init__(self, cluster: FakeCluster, *events: t.Callable[[], t.Any]) -> None:
        self.cluster = cluster
        self.events = list(events)

    def sleep(self, seconds: float) -> None:
        self.cluster.sleep(seconds)
        if self.events:
            self.events.pop(0)()


def run(cluster: FakeCluster, wish: Wish, *events: t.Callable[[], t.Any], **options: t.Any) -> Outcome:
    endpoints = options.pop("endpoints", [member.url for member in cluster.members.values()])
    to = options.pop("to", cluster.connect)
    return bring(
        Explorer(endpoints, to),
        wish,
        timeout=options.pop("timeout", 60.0),
        clock=lambda: cluster.now,
        sleep=Sequel(cluster, *events).sleep,
        **options,
    )


def changes(cluster: FakeCluster) -> t.List[t.Tuple[str, str]]:
    words = ("MemberAdd", "MemberPromote", "MemberRemove", "MemberUpdate", "MoveLeader")
    return [(name, rpc.partition("/")[2]) for name, rpc in cluster.asked if rpc.endswith(words)]


def test_a_join_from_the_list_to_the_vote() -> None:
    cluster = FakeCluster(1)
    added = run(cluster, Wish("learner", NEW))
    assert added.changed
    assert added.member is not None
    assert (added.member.is_learner, added.member.started, len(added.before), len(added.after)) == (True, False, 1, 2)
    assert not run(cluster, Wish("learner", NEW)).changed

    cluster.members["n2"].in_sync = False

    def caught_up() -> None:
        cluster.members["n2"].in_sync = True

    promoted = run(cluster, Wish("voter", NEW), lambda: cluster.start("n2"), lambda: None, caught_up)
    assert promoted.changed
    assert promoted.member is not None
    assert (promoted.member.is_learner, promoted.member.started) == (False, True)
    assert promoted.waited > 0
    assert promoted.warnings == ()
    again = run(cluster, Wish("voter", NEW))
    assert (again.changed, again.waited) == (False, 0.0)


def test_five_seconds_after_a_change() -> None:
    cluster = FakeCluster()
    cluster.settles = 5.0
    outcome = run(cluster, Wish("learner", NEW))
    assert outcome.changed
    assert 4.0 <= outcome.waited < 6.0
    cluster.settles = cluster.now + 5.0
    with pytest.raises(Refused, match=r"within 2 s\. etcd changes the membership only while") as refused:
        run(cluster, Wish("learner", ("http://other.example:2380",)), timeout=2.0)
    assert refused.value.details["reason"].endswith("unhealthy cluster")


@pytest.mark.parametrize("how", ["loses", "hangs"])
@pytest.mark.parametrize(
    ("rpc", "state", "identity"),
    [
        ("Cluster/MemberAdd", "learner", ""),
        ("Cluster/MemberPromote", "voter", "a4"),
        ("Cluster/MemberRemove", "absent", "a2"),
        ("Maintenance/MoveLeader", "absent", "a1"),
    ],
)
def test_an_answer_that_never_comes(how: str, rpc: str, state: str, identity: str) -> None:
    cluster = FakeCluster()
    if identity == "a4":
        cluster.members["n4"] = FakeMember(0xA4, "n4", is_learner=True)
    getattr(cluster, how).append(rpc)
    outcome = run(cluster, Wish(state, () if identity else NEW, identity))
    assert outcome.changed
    done = [change for _name, change in changes(cluster)].count(rpc.partition("/")[2])
    assert done == (1 if how == "loses" else 2)


def test_after_a_failure_another_server_is_asked() -> None:
    cluster = FakeCluster(5)
    cluster.hangs = ["Cluster/MemberRemove"] * 3
    run(cluster, Wish("absent", id="a2"))
    assert [name for name, _rpc in changes(cluster)] == ["n1", "n3", "n4", "n5"]


def test_the_leader_hands_over_before_it_goes() -> None:
    cluster = FakeCluster()
    outcome = run(cluster, Wish("absent", id="a1"))
    assert (outcome.changed, outcome.member, len(outcome.after)) == (True, None, 2)
    assert changes(cluster) == [("n1", "MoveLeader"), ("n2", "MemberRemove")]
    assert not run(cluster, Wish("absent", id="a1")).changed


def test_the_only_endpoint_may_be_the_one_that_goes() -> None:
    cluster = FakeCluster(2)
    outcome = run(cluster, Wish("absent", id="a1"), endpoints=["http://n1.example:2379"])
    assert [member.id for member in outcome.after] == ["a2"]
    assert cluster.now < 1.0


def test_dead_members_go_and_healthy_ones_stay_where_quorum_hangs_on_them() -> None:
    cluster = FakeCluster()
    cluster.members["n3"].up = False
    with pytest.raises(Refused, match="would have no quorum") as refused:
        run(cluster, Wish("absent", id="a2"), timeout=3.0)
    assert "n3 (unreachable)" in refused.value.remedy
    assert cluster.now >= 3.0
    assert changes(cluster) == []
    assert run(cluster, Wish("absent", id="a3")).changed
    assert run(cluster, Wish("absent", id="a2")).changed, "both that are left are healthy"
    with pytest.raises(Refused, match="only voter"):
        run(cluster, Wish("absent", id="a1"))


def test_what_comes_back_in_time_is_waited_for() -> None:
    cluster = FakeCluster()
    cluster.members["n3"].up = False
    assert run(cluster, Wish("absent", id="a2"), lambda: None, lambda: cluster.start("n3")).changed


def test_dead_learners_are_not_promoted() -> None:
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", up=False, is_learner=True)
    with pytest.raises(Refused, match="does not answer at http://n4"):
        run(cluster, Wish("voter", id="a4"), timeout=3.0)
    assert changes(cluster) == []


def test_another_server_at_the_learner_s_address() -> None:
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", is_learner=True)

    class Impostor(FakeTransport):
        def call(self, rpc: str, request: t.Any, *, timeout: t.Optional[float] = None) -> t.Dict[str, t.Any]:
            answer = super().call(rpc, request, timeout=timeout)
            answer["header"]["member_id"] = str(0xBAD)
            return answer

    def to(endpoint: str) -> Client:
        kind = Impostor if endpoint == "http://n4.example:2379" else FakeTransport
        return Client(kind(cluster, endpoint))

    with pytest.raises(Refused, match="n4 does not answer"):
        run(cluster, Wish("voter", id="a4"), timeout=3.0, to=to)
    assert changes(cluster) == []


def test_a_learner_proves_itself_without_a_password() -> None:
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", is_learner=True)
    cluster.users = {"root": "p"}

    def to(endpoint: str) -> Client:
        return cluster.connect(endpoint, user="root", password="p")

    assert run(cluster, Wish("voter", id="a4"), to=to).changed


def test_another_server_in_a_cluster_with_users() -> None:
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", is_learner=True)
    cluster.users = {"root": "p"}

    class Impostor(FakeTransport):
        def get(self, path: str, *, timeout: t.Optional[float] = None) -> t.Tuple[int, str]:
            status, text = super().get(path, timeout=timeout)
            return status, text.replace('server_id="a4"', 'server_id="bad"')

    def to(endpoint: str) -> Client:
        return Client(Impostor(cluster, endpoint, user="root", password="p"))

    with pytest.raises(Refused, match="does not prove to be n4"):
        run(cluster, Wish("voter", id="a4"), timeout=3.0, to=to)
    assert changes(cluster) == []


def test_what_somebody_else_did_is_not_our_change() -> None:
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", up=False, published=False, is_learner=True)

    def promoted() -> None:
        cluster.start("n4")
        cluster.members["n4"].is_learner = False

    outcome = run(cluster, Wish("voter", id="a4"), promoted)
    assert outcome.member is not None
    assert (outcome.changed, outcome.member.is_learner) == (False, False)


def test_too_many_learners() -> None:
    cluster = FakeCluster()
    run(cluster, Wish("learner", NEW))
    with pytest.raises(Refused, match="as many learners as it may have") as refused:
        run(cluster, Wish("learner", ("http://other.example:2380",)), timeout=1.0)
    assert "max-learners" in refused.value.remedy
    cluster.max_learners = 2
    assert run(cluster, Wish("learner", ("http://other.example:2380",))).changed


def test_a_voter_in_a_cluster_too_old_for_learners() -> None:
    cluster = FakeCluster(1)
    cluster.members["n1"].version = "3.5.16"
    outcome = run(cluster, Wish("voter", NEW))
    assert outcome.member is not None
    assert not outcome.member.is_learner
    assert any("start it now" in warning for warning in outcome.warnings)


def test_a_learner_in_a_cluster_too_old_for_it_is_warned_of() -> None:
    cluster = FakeCluster()
    cluster.members["n2"].version = "3.5.16"
    assert run(cluster, Wish("learner", NEW)).warnings == ("Learners cannot be promoted safely by n2 with 3.5.16.",)


def test_no_majority() -> None:
    cluster = FakeCluster()
    cluster.members["n2"].up = cluster.members["n3"].up = False
    cluster.leader = None
    with pytest.raises(Refused, match="No majority vouches"):
        run(cluster, Wish("absent", id="a2"), timeout=2.0)
    assert changes(cluster) == []

    def back() -> None:
        cluster.start("n3")
        cluster.leader = "n1"

    assert run(cluster, Wish("absent", id="a2"), back).changed


def test_without_credentials() -> None:
    cluster = FakeCluster()
    cluster.users = {"root": "p"}
    with pytest.raises(Unauthenticated):
        run(cluster, Wish("learner", NEW))
    assert cluster.now == 0.0


def test_without_permission() -> None:
    cluster = FakeCluster()

    class Reader(FakeTransport):
        def call(self, rpc: str, request: t.Any, *, timeout: t.Optional[float] = None) -> t.Dict[str, t.Any]:
            if rpc == "Cluster/MemberAdd":
                raise self._error(rpc, 403, 7, "permission denied")
            return super().call(rpc, request, timeout=timeout)

    with pytest.raises(PermissionDenied):
        run(cluster, Wish("learner", NEW), to=lambda endpoint: Client(Reader(cluster, endpoint)))


def test_only_a_learner_s_endpoint_leads_to_the_whole_cluster_or_says_so() -> None:
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", is_learner=True)
    with pytest.raises(Refused, match="learner"):
        run(cluster, Wish("absent", id="a2"), timeout=1.0, endpoints=["http://n4.example:2379"])


def test_other_peer_urls() -> None:
    cluster = FakeCluster()
    outcome = run(cluster, Wish("voter", NEW, "a2"))
    assert outcome.changed
    assert outcome.member is not None
    assert outcome.member.peer_urls == NEW
    assert not run(cluster, Wish("voter", NEW, "a2")).changed


def test_endpoints_of_two_clusters() -> None:
    one, other = FakeCluster(), FakeCluster(cluster_id=0xC2)
    other.members = {"m1": FakeMember(0xB1, "m1")}
    other.leader = "m1"

    def to(endpoint: str) -> Client:
        return (other if "m1" in endpoint else one).connect(endpoint)

    with pytest.raises(Refused, match="different clusters: c1, c2"):
        run(one, Wish("learner", NEW), endpoints=["http://n1.example:2379", "http://m1.example:2379"], to=to)


@pytest.mark.parametrize(
    ("wish", "after"),
    [
        (Wish("learner", NEW), {"a1": False, "a2": False, "a3": False, "a4": True, "": True}),
        (Wish("voter", id="a4"), {"a1": False, "a2": False, "a3": False, "a4": False}),
        (Wish("absent", id="a1"), {"a2": False, "a3": False, "a4": True}),
        (Wish("absent", id="a4"), {"a1": False, "a2": False, "a3": False}),
        (Wish("voter", NEW, "a2"), {"a1": False, "a2": False, "a3": False, "a4": True}),
    ],
)
def test_dry(wish: Wish, after: t.Dict[str, bool]) -> None:
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", up=False, published=False, is_learner=True)
    outcome = run(cluster, wish, dry=True)
    assert outcome.changed
    assert {member.id: member.is_learner for member in outcome.after} == after
    assert len(outcome.before) == 4
    assert (changes(cluster), cluster.now) == ([], 0.0)


def test_dry_refuses_what_could_not_be() -> None:
    cluster = FakeCluster()
    cluster.members["n3"].up = False
    with pytest.raises(Refused, match="would have no quorum"):
        run(cluster, Wish("absent", id="a2"), dry=True)
    cluster.members["n2"].up = False
    with pytest.raises(Refused, match="No majority"):
        run(cluster, Wish("absent", id="a2"), dry=True)


def _wishes(size: int) -> st.SearchStrategy[Wish]:
    known = st.integers(1, size + 2).map(lambda number: f"a{number}")
    return st.one_of(
        st.just(Wish("learner", NEW)),
        st.just(Wish("voter", NEW)),
        st.builds(Wish, st.just("absent"), id=known),
        st.builds(Wish, st.sampled_from(("voter", "learner")), st.just(NEW), known),
    )


@given(data=st.data(), size=st.integers(1, 5))
def test_no_history_costs_quorum(data: st.DataObject, size: int) -> None:
    """Whatever is wished, whoever is down, whichever answers get lost: who had a quorum keeps it."""
    cluster = FakeCluster(size)
    for member in list(cluster.members.values())[1:]:
        member.up = data.draw(st.booleans())
    rpcs = st.sampled_from(
        ["Cluster/MemberAdd", "Cluster/MemberPromote", "Cluster/MemberRemove", "Maintenance/MoveLeader"]
    )
    for _step in range(data.draw(st.integers(2, 6))):
        before = cluster.has_quorum
        learners = {name for name, member in cluster.members.items() if member.is_learner}
        cluster.loses, cluster.hangs = data.draw(st.lists(rpcs, max_size=2)), data.draw(st.lists(rpcs, max_size=2))
        wish = data.draw(_wishes(size))
        try:
            outcome = run(cluster, wish, timeout=data.draw(st.sampled_from([0.0, 3.0])))
        except (Refused, Unreachable):
            outcome = None
        assert cluster.has_quorum == before
        for name in learners & cluster.members.keys():
            assert cluster.members[name].is_learner or cluster.members[name].up, "a dead learner was promoted"
        if outcome is not None:
            cluster.loses, cluster.hangs = [], []
            again = run(cluster, wish, timeout=0.0)
            assert not again.changed
            assert set(again.after) == set(outcome.after)
        joined = [name for name, member in cluster.members.items() if not member.published]
        for name in joined:
            if data.draw(st.booleans()):
                cluster.start(name)

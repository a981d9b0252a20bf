# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleError

from ansible_collections.quorum.etcd.plugins.action.plan import (
    Cluster,
    credentials,
    etcdctl_environment,
    gather,
    is_at_once,
    part,
    peers,
    step_of,
)
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, Refused
from ansible_collections.quorum.etcd.plugins.module_utils._model import Change, HostSeen, encode
from ansible_collections.quorum.etcd.plugins.module_utils._plan import Options, Plan, Step, Turn, plan
from ansible_collections.quorum.etcd.plugins.module_utils._wish import desire
from ansible_collections.quorum.etcd.plugins.plugin_utils._play import Sight
from ansible_collections.quorum.etcd.tests.unit.simulation import UNIT, World, make_desired, run

SERVED_WITH = {"trusted-ca-file": "/ca", "cert-file": "/c", "key-file": "/k"}
HOSTS = ["etcd1", "etcd2", "etcd3"]


def world(*, formed: bool = False) -> World:
    made = World(3, random.Random(3))
    if formed:
        assert run(made, [make_desired(number) for number in (1, 2, 3)], Options("etcd")) == "bootstrap"
    return made


def look(made: World) -> t.Dict[str, HostSeen]:
    seen = {}
    for host in made.hosts:
        one = made.observe(host)
        system = dataclasses.replace(one.system, addresses=(f"10.0.0.{host.number}",))
        seen[host.name] = dataclasses.replace(one, system=system)
    return seen


def described(number: int, **changes: t.Any) -> t.Dict[str, t.Any]:
    return {
        "cluster": "etcd",
        "name": f"etcd{number}",
        "address": f"10.0.0.{number}",
        "version": "3.6.16",
        "release": "/opt/etcd/3.6.16",
        "definition": UNIT,
        "data_dir": "/var/lib/etcd",
        "config_dir": "/etc/etcd",
        "service": "etcd",
        **changes,
    }


class HostVars(t.Dict[str, t.Dict[str, t.Any]]):
    """As Ansible's: templated where it is asked as a mapping, and as it was set by ``raw_get``."""

    raw_get = dict.__getitem__


def hostvars(seen: t.Mapping[str, HostSeen], **wishes: t.Dict[str, t.Any]) -> HostVars:
    return HostVars(
        {
            host: {"__etcd_seen": {"server": encode(seen[host]), "wish": described(number, **wishes.get(host, {}))}}
            for number, host in enumerate(HOSTS, start=1)
        }
    )


def variables(theirs: t.Mapping[str, t.Any], **lists: t.Sequence[str]) -> t.Dict[str, t.Any]:
    return {
        "hostvars": theirs,
        "ansible_play_hosts": lists.get("active", HOSTS),
        "ansible_play_hosts_all": lists.get("everyone", HOSTS),
        "ansible_play_batch": lists.get("batch", HOSTS),
    }


# --- who is there -------------------------------------------------------------------------------------------------


def test_all_there() -> None:
    seen = look(world())
    for host in HOSTS:
        cluster = gather(host, HOSTS, variables(hostvars(seen)))
        assert cluster.seen == seen
        assert [wish.host for wish in cluster.wishes] == HOSTS
        assert (cluster.absent, cluster.others, cluster.faults, cluster.speaker) == ((), (), (), "etcd1")


@pytest.mark.parametrize(
    ("lists", "shown", "why"),
    [
        ({"active": ["etcd1", "etcd2"], "everyone": ["etcd1", "etcd2"]}, None, "was left out of this run"),
        ({"batch": ["etcd1", "etcd2"]}, None, "is in another batch of this run"),
        ({"active": ["etcd1", "etcd2"]}, {"unreachable": True, "msg": "no route"}, "is unreachable"),
    ],
)
def test_who_is_absent_and_why(
    lists: t.Dict[str, t.List[str]], shown: t.Optional[t.Dict[str, t.Any]], why: str
) -> None:
    theirs = hostvars(look(world()))
    theirs["etcd3"] = {"etcd_name": "third"} if shown is None else {"__etcd_seen": shown, "etcd_name": "third"}
    cluster = gather("etcd1", HOSTS, variables(theirs, **lists))
    assert [(one.host, one.name, one.why) for one in cluster.absent] == [("etcd3", "third", why)]
    assert list(cluster.seen) == ["etcd1", "etcd2"]


class Factless(t.Dict[str, t.Any]):
    """The variables of a host of which some are made of facts that nobody gathered."""

    def get(self, key: str, default: t.Any = None) -> t.Any:
        if self.__getitem__(key) is ...:
            raise AnsibleError("object of type 'dict' has no attribute 'hostname'")
        return super().get(key, default)

    def __missing__(self, key: str) -> None:
        return None


def test_a_host_that_was_not_looked_at_may_be_named_by_facts() -> None:
    theirs, lists = hostvars(look(world())), {"active": HOSTS[:2], "everyone": HOSTS[:2]}
    theirs["etcd3"] = Factless(etcd_name=..., etcd_cluster_name="etcd")
    assert [one.name for one in gather("etcd1", HOSTS, variables(theirs, **lists)).absent] == ["etcd3"]
    theirs["etcd3"] = Factless(etcd_name="third", etcd_cluster_name=...)
    with pytest.raises(InvalidInput, match="etcd3 was not looked at, and its etcd_cluster_name") as caught:
        gather("etcd1", HOSTS, variables(theirs, **lists))
    assert "without facts" in caught.value.remedy


def test_what_an_earlier_batch_showed_does_not_count() -> None:
    cluster = gather("etcd2", HOSTS, variables(hostvars(look(world())), batch=["etcd2"]))
    assert [one.host for one in cluster.absent] == ["etcd1", "etcd3"]
    assert list(cluster.seen) == ["etcd2"]


@pytest.mark.parametrize("shown", [{}, {"__etcd_seen": {"failed": True, "msg": "x"}}, {"__etcd_seen": None}])
def test_a_host_that_failed_stops_its_cluster(shown: t.Dict[str, t.Any]) -> None:
    theirs = hostvars(look(world()))
    theirs["etcd3"] = shown
    with pytest.raises(Refused) as caught:
        gather("etcd1", HOSTS, variables(theirs, active=["etcd1", "etcd2"]))
    assert "etcd3 failed before the plan was made" in str(caught.value)
    assert caught.value.remedy


def test_a_host_that_failed_stops_no_other_cluster() -> None:
    theirs = hostvars(look(world()), etcd1={"cluster": "a"}, etcd2={"cluster": "a"})
    theirs["etcd3"] = {"etcd_cluster_name": "b"}
    cluster = gather("etcd1", HOSTS, variables(theirs, active=["etcd1", "etcd2"]))
    assert (cluster.name, cluster.absent, list(cluster.seen)) == ("a", (), ["etcd1", "etcd2"])


def test_clusters_are_told_apart_by_their_name() -> None:
    theirs = hostvars(look(world()), etcd2={"cluster": "b"})
    cluster = gather("etcd2", HOSTS, variables(theirs))
    assert (cluster.name, list(cluster.seen), cluster.speaker) == ("b", ["etcd2"], "etcd2")
    assert [wish.host for wish in cluster.others] == ["etcd1", "etcd3"]


def test_a_host_must_be_one_of_those_planned_for() -> None:
    with pytest.raises(Refused, match="etcd_hosts"):
        gather("etcd3", ["etcd1", "etcd2"], variables(hostvars(look(world()))))


def test_a_host_that_no_inventory_has_is_named() -> None:
    with pytest.raises(InvalidInput, match="etcd_hosts names etcd8, etcd9, and the inventory has no such host"):
        gather("etcd1", [*HOSTS, "etcd8", "etcd9"], variables(hostvars(look(world()))))


def test_variables_of_the_wrong_shape_are_faults_of_their_cluster() -> None:
    theirs = hostvars(look(world()), etcd2={"client_port": "x"}, etcd3={"cluster": "b", "peer_port": "x"})
    cluster = gather("etcd1", HOSTS, variables(theirs))
    assert [str(fault) for fault in cluster.faults] == ["etcd2: etcd_client_port: 'x' is not a number."]
    assert [wish.host for wish in cluster.wishes] == ["etcd1"]


def test_machines_are_told_apart_by_all_their_addresses() -> None:
    """Machines made from one image may have the same name, and the same address towards their hypervisor."""
    seen = look(world())["etcd1"]
    first = dataclasses.replace(seen.system, addresses=("10.0.2.15", "192.168.56.11"))
    other = dataclasses.replace(seen.system, addresses=("10.0.2.15", "192.168.56.12"))
    shuffled = dataclasses.replace(seen.system, addresses=("192.168.56.11", "10.0.2.15"))
    shown = [encode(dataclasses.replace(seen, system=system)) for system in (first, other, shuffled)]
    machines = [Sight("etcd1", "etcd", "etcd1", shown=one).machine for one in shown]
    assert machines[0] != machines[1]
    assert machines[0] == machines[2]


# --- what each host is given --------------------------------------------------------------------------------------


def planned(
    seen: t.Mapping[str, HostSeen], *, at_once: bool = True, **wishes: t.Dict[str, t.Any]
) -> t.Tuple[Cluster, t.Dict[str, t.Dict[str, t.Any]]]:
    cluster = gather("etcd1", HOSTS, variables(hostvars(seen, **wishes)))
    desired = [desire(wish) for wish in cluster.wishes]
    made = plan(desired, cluster.seen, cluster.absent, Options("etcd"))
    return cluster, {wish.host: part(wish, made, cluster, "text", at_once=at_once) for wish in desired}


@pytest.mark.parametrize(
    ("at_once", "wish", "kind", "split"),
    [
        (True, {}, "server", False),
        (False, {}, "start", True),
        (True, {"bootstrap": "dns", "dns_domain": "example.com", "dns_hosts": ["etcd1"]}, "start", False),
    ],
    ids=["at once", "one after the other", "with others to be found"],
)
def test_how_a_bootstrap_is_carried_out(at_once: bool, wish: t.Dict[str, t.Any], kind: str, split: bool) -> None:
    wishes = {host: {**wish, "reached_at": f"192.0.2.{number}"} for number, host in enumerate(HOSTS)} if wish else {}
    _cluster, parts = planned(look(world()), at_once=at_once, **wishes)
    steps = [step for mine in parts.values() for step in mine["steps"]]
    assert {(step["kind"], step["together"], step["split"]) for step in steps} == {(kind, True, split)}


@pytest.mark.parametrize(
    ("forks", "throttle", "expected"),
    [
        ({"ansible_forks": 3}, 0, True),
        ({"ansible_forks": 2}, 0, False),
        ({"ansible_forks": 5}, 2, False),
        ({}, 0, False),
    ],
)
def test_whether_all_hosts_act_at_once(forks: t.Dict[str, int], throttle: int, expected: bool) -> None:
    assert is_at_once({**variables({}, active=HOSTS[:1]), **forks}, throttle=throttle) is expected


def proxied(seen: t.Mapping[str, HostSeen], host: str) -> t.Dict[str, HostSeen]:
    files = dataclasses.replace(seen[host].files, proxy=True)
    return {**seen, host: dataclasses.replace(seen[host], files=files)}


def test_a_proxy_that_becomes_a_member_is_stopped_first() -> None:
    """The others take their turn in the same task: it would not come to the second one before the first had quorum."""
    _cluster, parts = planned(proxied(look(world()), "etcd2"))
    assert [mine["proxied"] for mine in parts.values()] == [False, True, False]
    assert {mine["steps"][0]["kind"] for mine in parts.values()} == {"start"}


def test_a_proxy_beside_a_member_is_left_alone() -> None:
    made = world(formed=True)
    for host in made.hosts:
        made.stop(host)
    _cluster, parts = planned(proxied(look(made), "etcd2"))
    assert {(mine["proxied"], mine["steps"][0]["action"], mine["steps"][0]["kind"]) for mine in parts.values()} == {
        (False, "start", "server")
    }


@pytest.mark.parametrize(("other", "kind"), [("start", "server"), ("join", "start"), ("settle", "server")])
def test_servers_that_start_together_do_so_in_the_same_task(other: str, kind: str) -> None:
    turn = Turn((Step("etcd1", "start", "x"), Step("etcd2", "start", "x"), Step("etcd3", other, "x")), "x")
    made = Plan("etcd", "cold-start", (turn,))
    assert step_of("etcd1", made, 0, at_once=True)["kind"] == kind
    theirs = step_of("etcd3", made, 0, at_once=True)
    assert theirs["kind"] == ("membership" if other == "join" else "server")


def test_the_part_of_a_bootstrap() -> None:
    _cluster, parts = planned(look(world()))
    for number, host in enumerate(HOSTS, start=1):
        mine = parts[host]
        (step,) = mine["steps"]
        assert (mine["kind"], mine["length"], step["together"], step["first"], step["size"]) == (
            "bootstrap", 1, True, "etcd1", 3,
        )  # fmt: skip
        assert step["needs"] == [other for other in HOSTS if other != host]
        assert step["action"] == "bootstrap"
        assert step["bootstrap"]["ETCD_INITIAL_CLUSTER_STATE"] == "new"
        assert mine["desired"]["environment"]["ETCD_INITIAL_CLUSTER_STATE"] == "existing"
        assert mine["peers"] == [f"http://10.0.0.{other}:2379" for other in (1, 2, 3) if other != number]
        json.dumps(mine)


def test_a_release_is_brought_only_where_it_is_missing_and_needed() -> None:
    seen = look(world())
    assert planned(seen)[1]["etcd1"]["install"] is False
    changed = {"version": "3.6.15", "release": "/opt/etcd/3.6.15"}
    assert planned(seen, etcd1=changed)[1]["etcd1"]["install"] is True
    assert planned(seen, etcd1=changed)[1]["etcd2"]["install"] is False


def test_a_release_that_does_not_run_is_brought_anew() -> None:
    seen = look(world())
    broken = tuple(dataclasses.replace(one, version="") for one in seen["etcd2"].releases)
    seen["etcd2"] = dataclasses.replace(seen["etcd2"], releases=broken)
    parts = planned(seen)[1]
    assert [parts[host]["install"] for host in HOSTS] == [False, True, False]


@pytest.mark.parametrize(
    ("settings", "files"),
    [
        ({}, ()),
        (SERVED_WITH, ("/ca", "/c", "/k")),
        ({**SERVED_WITH, "client-cert-file": "/d", "client-key-file": "/l"}, ("/ca", "/d", "/l")),
    ],
)
def test_etcdctl_is_told_what_the_server_has(settings: t.Dict[str, str], files: t.Sequence[str]) -> None:
    url = "https://10.0.0.1:2379" if settings else "http://10.0.0.1:2379"
    served = {"listen-client-urls": url, "advertise-client-urls": url, **settings}
    wish = gather("etcd1", HOSTS, variables(hostvars(look(world()), etcd1={"settings": served}))).wishes[0]
    known = credentials(desire(wish))
    assert known == dict(zip(("ca_path", "client_cert", "client_key"), files))
    told = {"ETCDCTL_ENDPOINTS": url, **dict(zip(("ETCDCTL_CACERT", "ETCDCTL_CERT", "ETCDCTL_KEY"), files))}
    assert etcdctl_environment(desire(wish), known) == told


def test_a_release_that_is_another_than_its_name_says_is_brought_anew() -> None:
    cluster = gather("etcd1", HOSTS, variables(hostvars(look(world(formed=True)))))
    change = Change("version", "3.6.14", "3.6.16")
    made = Plan("etcd", "converge", (Turn((Step("etcd1", "restart", "x", (change,)),), "x"),))
    assert part(desire(cluster.wishes[0]), made, cluster, "text", at_once=True)["install"] is True


def test_the_parts_of_a_roll() -> None:
    _cluster, parts = planned(look(world(formed=True)))
    acts = {host: [bool(step) for step in parts[host]["steps"]].index(True) for host in HOSTS}
    order = sorted(HOSTS, key=lambda host: acts[host])
    assert [acts[host] for host in order] == [0, 1, 2]
    for number, host in enumerate(order):
        assert [bool(step) for step in parts[host]["steps"]] == [turn == number for turn in range(3)]
        step = parts[host]["steps"][number]
        assert step["needs"] == sorted(order[:number])
        assert (step["action"], step["together"], step["gated"]) == ("restart", False, True)


def test_a_host_may_act_in_several_turns_and_never_waits_for_itself() -> None:
    seen = look(world(formed=True))
    cluster = gather("etcd1", HOSTS, variables(hostvars(seen)))
    steps = [Step("etcd1", "remove", "x", remove="a"), Step("etcd2", "join", "x"), Step("etcd1", "restart", "x")]
    made = Plan("etcd", "converge", tuple(Turn((step,), "x") for step in steps))
    mine = part(desire(cluster.wishes[0]), made, cluster, "text", at_once=True)
    assert [step.get("action") for step in mine["steps"]] == ["remove", None, "restart"]
    assert [step.get("needs") for step in mine["steps"]] == [[], None, ["etcd2"]]
    assert mine["length"] == 3


def test_a_cold_start_goes_on_without_one_that_failed() -> None:
    made = world(formed=True)
    for host in made.hosts:
        made.stop(host)
    _cluster, parts = planned(look(made))
    for mine in parts.values():
        (step,) = mine["steps"]
        assert (step["action"], step["together"], step["needs"]) == ("start", True, [])


def test_a_plan_is_made_again_once_those_of_a_cold_start_serve() -> None:
    made = world(formed=True)
    made.stop(made.host("etcd1"))
    started = planned(look(made))[1]["etcd1"]
    assert (started["kind"], started["again"]) == ("converge", [])
    for host in made.hosts:
        made.stop(host)
    made.wipe(made.host("etcd3"))
    cluster, parts = planned(look(made))
    assert [mine["again"] for mine in parts.values()] == [["etcd1", "etcd2"]] * len(HOSTS)
    desired = [desire(wish) for wish in cluster.wishes]
    second = plan(desired, cluster.seen, (), Options("etcd"))
    assert part(desired[0], second, cluster._replace(again=True), "text", at_once=True)["again"] == [], "no third plan"
    for host in made.hosts[:2]:
        made.start(host)
    seen = look(made)
    cluster = gather("etcd1", HOSTS, variables(hostvars(seen)))
    with pytest.raises(Refused, match=r"cluster etcd: nothing more was changed\. etcd3 \(etcd3\) has lost its data"):
        plan([desire(wish) for wish in cluster.wishes], seen, (), Options("etcd", again=True))
    theirs = hostvars(seen)
    theirs["etcd3"] = {"__etcd_seen": {"failed": True, "msg": "x"}, "etcd_name": "third"}
    with pytest.raises(Refused, match="cluster etcd: nothing more was changed, since etcd3 failed"):
        gather("etcd1", HOSTS, variables(theirs, active=["etcd1", "etcd2"]), again=True)


def test_what_records_should_name() -> None:
    """Who is to leave is no member of a first start."""
    wish = {"bootstrap": "dns", "dns_domain": "example.com", "dns_hosts": ["etcd1"], "remove": ["etcd3"]}
    wishes: t.Dict[str, t.Any] = {
        host: {**wish, "address": f"{host.upper()}.example.com", "peer_port": 2390} for host in HOSTS
    }
    wishes["etcd1"] |= {"reached_at": "192.0.2.1"}
    wishes["etcd2"] |= {"reached_at": "192.0.2.2", "dns_addresses": ["2001:db8::2"]}
    _cluster, parts = planned(look(world()), **wishes)
    assert parts["etcd2"]["expected"] == [
        {"name": "etcd1", "host": "etcd1.example.com", "port": 2390, "addresses": ["192.0.2.1"]},
        {"name": "etcd2", "host": "etcd2.example.com", "port": 2390, "addresses": ["2001:db8::2"]},
    ]


@pytest.mark.parametrize(("action", "together"), [("start", True), ("settle", False), ("remove", False)])
def test_only_servers_that_start_are_waited_for_together(action: str, together: bool) -> None:
    turn = Turn((Step("etcd1", action, "x"), Step("etcd2", "start", "x")), "x")
    assert step_of("etcd1", Plan("etcd", "converge", (turn,)), 0, at_once=True)["together"] is together


@pytest.mark.parametrize(
    ("action", "installs"), [("join", True), ("start", True), ("settle", False), ("remove", False)]
)
def test_who_only_leaves_needs_no_release(action: str, installs: bool) -> None:
    cluster = gather("etcd1", HOSTS, variables(hostvars(look(world()), etcd1={"release": "/opt/etcd/other"})))
    made = Plan("etcd", "converge", (Turn((Step("etcd1", action, "x"),), "x"),))
    assert part(desire(cluster.wishes[0]), made, cluster, "text", at_once=True)["install"] is installs


def test_hosts_without_a_step_have_no_turn() -> None:
    made = world()
    wishes = [desire(wish) for wish in gather("etcd1", HOSTS, variables(hostvars(look(made)))).wishes]
    assert run(made, wishes, Options("etcd")) == "bootstrap"
    _cluster, parts = planned(look(made))
    for mine in parts.values():
        assert (mine["kind"], mine["length"], mine["steps"], mine["install"]) == ("nothing", 0, [], False)


@pytest.mark.parametrize(
    ("action", "proxy", "proxied"),
    [("bootstrap", True, True), ("join", True, True), ("join", False, False), ("start", True, False)],
)
def test_a_proxy_goes_before_its_host_starts_as_a_member(action: str, proxy: bool, proxied: bool) -> None:
    seen = look(world())
    files = dataclasses.replace(seen["etcd1"].files, proxy=proxy)
    seen["etcd1"] = dataclasses.replace(seen["etcd1"], files=files)
    cluster = gather("etcd1", HOSTS, variables(hostvars(seen)))
    made = Plan("etcd", "converge", (Turn((Step("etcd1", action, "x"),), "x"),))
    assert part(desire(cluster.wishes[0]), made, cluster, "text", at_once=True)["proxied"] is proxied


def test_peers_include_members_that_are_absent() -> None:
    theirs = hostvars(look(world(formed=True)))
    theirs["etcd3"] = {"__etcd_seen": {"unreachable": True}}
    cluster = gather("etcd1", HOSTS, variables(theirs, active=["etcd1", "etcd2"]))
    assert peers(desire(cluster.wishes[0]), Plan("etcd", "nothing"), cluster) == [
        "http://10.0.0.2:2379",
        "http://10.0.0.3:2379",
    ]


def test_parts_hold_no_secrets() -> None:
    seen = look(world(formed=True))
    process = seen["etcd1"].process
    assert process is not None
    digest = {"ETCD_DISCOVERY_PASSWORD": "sha256:0123456789abcdef"}
    shown = dataclasses.replace(process, environment={**process.environment, **digest})
    seen["etcd1"] = dataclasses.replace(seen["etcd1"], process=shown)
    _cluster, parts = planned(seen)
    assert "ETCD_DISCOVERY_PASSWORD" not in json.dumps([mine["desired"] for mine in parts.values()])


# --- in a real play -----------------------------------------------------------------------------------------------

PLAY = """
- hosts: etcd
  gather_facts: false
  strategy: {strategy}
  serial: {serial}
  tasks:
    - ansible.builtin.set_fact:
        __etcd_seen: "{{{{ shown[inventory_hostname] }}}}"
    - block:
        - quorum.etcd.plan:
            hosts: "{{{{ groups['etcd'] }}}}"
          register: made
      rescue:
        - ansible.builtin.set_fact:
            made: "{{{{ ansible_failed_result }}}}"
    - ansible.builtin.copy:
        content: "{{{{ made | to_json }}}}"
        dest: "{{{{ place }}}}/{name}-{{{{ inventory_hostname }}}}.json"
        mode: "0600"
"""


def playbook() -> str:
    beside = Path(sys.executable).parent / "ansible-playbook"
    return str(beside) if beside.exists() else shutil.which("ansible-playbook") or ""


@pytest.mark.skipif(not playbook(), reason="ansible-playbook is not installed here")
@pytest.mark.skipif(
    not (Path(__file__).resolve().parents[4] / ".cache/ansible_collections").is_dir(), reason="not in a checkout"
)
def test_in_a_real_play(tmp_path: Path) -> None:
    """The strategy is found where it is set, the plan is printed once, and one host tells a refusal in full."""
    seen = look(world())
    theirs = hostvars(seen)
    shown = {host: one["__etcd_seen"] for host, one in theirs.items()}
    faulty = {host: {**one, "wish": {**one["wish"], "version": "3.6"}} for host, one in shown.items()}
    extra = {"shown": shown, "faulty": faulty, "place": str(tmp_path)}
    (tmp_path / "vars.json").write_text(json.dumps(extra))
    inventory = {
        "etcd": {
            "hosts": dict.fromkeys(HOSTS),
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        }
    }
    (tmp_path / "inventory.json").write_text(json.dumps(inventory))
    plays = [
        PLAY.format(strategy="linear", serial="100%", name="linear"),
        PLAY.format(strategy="linear", serial="100%", name="faulty").replace("shown[", "faulty["),
        PLAY.format(strategy="free", serial="100%", name="free"),
        PLAY.format(strategy="linear", serial="1", name="serial"),
    ]
    (tmp_path / "play.yml").write_text("".join(plays))
    done = subprocess.run(
        [playbook(), "-i", "inventory.json", "-e", "@vars.json", "play.yml"],
        cwd=tmp_path,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(Path(__file__).resolve().parents[4] / ".cache"),
            "ANSIBLE_LOCALHOST_WARNING": "False",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    def result(name: str, host: str) -> t.Dict[str, t.Any]:
        found: t.Dict[str, t.Any] = json.loads((tmp_path / f"{name}-{host}.json").read_text())
        return found

    assert done.stdout.count("cluster etcd: bootstrap, token etcd-") == 1
    notes = {result("linear", host)["steps"][0]["bootstrap"]["ETCD_INITIAL_CLUSTER_TOKEN"] for host in HOSTS}
    assert len(notes) == 1
    assert result("linear", "etcd1")["msg"].startswith("cluster etcd: bootstrap")
    assert result("linear", "etcd2")["msg"] == "cluster etcd: see etcd1"

    told = result("faulty", "etcd1")["msg"]
    assert "1 fault in the variables" in told
    assert "etcd1, etcd2, etcd3: etcd_version" in told
    assert result("faulty", "etcd3")["msg"] == "cluster etcd: refused, see etcd1"

    for host in HOSTS:
        assert "The strategy free lets hosts run ahead" in result("free", host)["msg"]
        assert "a bootstrap needs every host of the cluster" in result("serial", host)["msg"]

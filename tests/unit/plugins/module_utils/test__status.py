# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    Alarm,
    DataSeen,
    EndpointSeen,
    FilesSeen,
    HostSeen,
    Member,
    ProcessSeen,
    ServiceSeen,
    Status,
    SystemSeen,
    Versions,
)
from ansible_collections.quorum.etcd.plugins.module_utils._status import ClusterStatus, Row, cluster_status, table

SYSTEM = SystemSeen("h", "192.0.2.1", ("192.0.2.1",), "amd64", "Debian", "debian", "12", "systemd")
MEMBERS = tuple(
    Member(f"{number}a", f"etcd{number}", (f"http://192.0.2.{number}:2380",), (f"http://192.0.2.{number}:2379",))
    for number in (1, 2, 3)
)


def host(number: int, *, leader: str = "1a", index: int = 100, members: t.Optional[t.Tuple[Member, ...]] = MEMBERS,
         alarms: t.Tuple[Alarm, ...] = (), learner: bool = False, term: int = 2) -> HostSeen:  # fmt: skip
    status = Status(
        f"{number}a", "c1", "3.6.16", leader_id=leader, raft_index=index, db_size=20480, db_size_in_use=512,
        is_learner=learner, raft_term=term,
    )  # fmt: skip
    return HostSeen(
        nonce="n",
        system=SYSTEM,
        service=ServiceSeen("etcd", True, True, "active", 7),
        files=FilesSeen(environment={}),
        data=DataSeen("/var/lib/etcd", "/var/lib/etcd/member/wal", "initialised", f"{number}a", "c1"),
        process=ProcessSeen(7, "/opt/etcd/3.6.16/etcd", {}, 1_700_000_000.0),
        local=EndpointSeen("u", True, "", Versions("3.6.16", "3.6.0"), status, members, alarms),
    )


def stopped(number: int, *, data: str = "initialised") -> HostSeen:
    return HostSeen(
        nonce="n",
        system=SYSTEM,
        service=ServiceSeen("etcd", True),
        files=FilesSeen(environment={}),
        data=DataSeen("/var/lib/etcd", "/w", data, f"{number}a" if data == "initialised" else ""),
    )


def status_of(seen: t.Dict[str, HostSeen], unseen: t.Optional[t.Dict[str, str]] = None) -> ClusterStatus:
    unseen = unseen or {}
    return cluster_status("etcd", seen, unseen, {name: name for name in [*seen, *unseen]})


def test_who_was_elected_last_leads_whoever_names_the_former_one() -> None:
    found = status_of(
        {"etcd1": host(1, leader="3a", term=1), "etcd2": host(2, leader="2a"), "etcd3": host(3, leader="")}
    )
    assert [row.role for row in found.rows] == ["follower", "leader", "follower"]


def test_a_healthy_cluster() -> None:
    found = status_of({"etcd1": host(1, index=100), "etcd2": host(2, index=97), "etcd3": host(3, index=101)})
    assert (found.id, found.quorum) == ("c1", True)
    assert [(row.name, row.role, row.lag) for row in found.rows] == [
        ("etcd1", "leader", 0),
        ("etcd2", "follower", 3),
        ("etcd3", "follower", 0),
    ]
    assert all(row.healthy and row.db_size == 20480 and row.since == 1_700_000_000.0 for row in found.rows)


def test_a_member_is_known_by_its_data_not_its_name() -> None:
    found = cluster_status("etcd", {"web7": host(2)}, {}, {"web7": "anything"})
    assert (found.rows[0].name, found.rows[0].host, found.rows[0].id) == ("etcd2", "web7", "2a")


@pytest.mark.parametrize(
    ("seen", "role", "problem"),
    [
        (stopped(3), "down", "its server does not run"),
        (stopped(9), "down", "its server does not run"),
        (host(3, learner=True), "learner", ""),
    ],
)
def test_roles(seen: HostSeen, role: str, problem: str) -> None:
    row = status_of({"etcd1": host(1), "etcd3": seen}).rows[1]
    assert (row.role, row.problem) == (role, problem)


def test_one_that_never_started() -> None:
    waiting = Member("9a", "", ("http://192.0.2.9:2380",))
    found = status_of({"etcd1": host(1, members=(*MEMBERS, waiting))}, {"etcd9": "is unreachable"})
    assert [(row.name, row.role, row.problem) for row in found.rows] == [
        ("etcd1", "leader", ""),
        ("etcd9", "unobserved", "is unreachable"),
        ("etcd2", "unobserved", "not in the inventory"),
        ("etcd3", "unobserved", "not in the inventory"),
        ("9a", "unobserved", "not in the inventory"),
    ]


def test_a_host_that_is_no_member() -> None:
    row = status_of({"etcd1": host(1), "new": stopped(0, data="absent")}).rows[1]
    assert (row.role, row.healthy) == ("none", False)


def test_without_quorum() -> None:
    found = status_of({"etcd1": stopped(1), "etcd2": stopped(2)}, {"etcd3": "is unreachable"})
    assert not found.quorum
    assert [row.role for row in found.rows] == ["down", "down", "unobserved"]
    assert "0 of 3 healthy, no quorum" in table(found)


NO_USER = "u does not accept the credentials (Maintenance/Status): etcdserver: user name is empty."
NO_CERTIFICATE = "u does not accept the client certificate, or misses one: certificate required."
HIDDEN = "cannot be looked at without become: true"
PROCFILE = FilesSeen(definition="etcd: etcd")


def answering(number: int, **local: t.Any) -> HostSeen:
    """A server that runs, and tells no more than ``local``."""
    found = EndpointSeen("u", **{"healthy": False, **local})
    return dataclasses.replace(host(number), local=found)


def hidden(number: int, *, process: t.Optional[ProcessSeen] = None, **service: t.Any) -> HostSeen:
    """What somebody who is not root sees of a host whose data are not theirs."""
    return HostSeen(
        nonce="n",
        system=dataclasses.replace(SYSTEM, uid=1000),
        service=ServiceSeen("etcd", **{"exists": True, "state": "active", "main_pid": number, **service}),
        files=FilesSeen(environment={}),
        data=DataSeen("/d", "/w", "initialised", problem="/d/member cannot be read: Permission denied."),
        process=process,
    )


def test_a_cluster_that_asks_for_a_user() -> None:
    denied = {"healthy": True, "problem": NO_USER, "versions": Versions("3.6.16", "3.6.0"), "denied": True}
    found = status_of({**{f"etcd{n}": answering(n, **denied) for n in (1, 2, 3)}, "etcd4": stopped(4)})
    assert found.quorum is None
    assert [(row.role, row.healthy) for row in found.rows] == [("unknown", True)] * 3 + [("down", False)]
    assert table(found).startswith("cluster etcd: 3 of 4 healthy, quorum unknown: the cluster asks for a user\n")


def test_a_status_without_a_list_is_no_lack_of_quorum() -> None:
    seen = host(1, members=None)
    assert seen.local is not None
    problem = "u does not permit this (Cluster/MemberList): permission denied."
    denied = dataclasses.replace(seen.local, problem=problem, denied=True)
    found = status_of({"etcd1": dataclasses.replace(seen, local=denied)})
    assert (found.rows[0].role, found.quorum) == ("leader", None)
    assert "1 of 1 healthy, quorum unknown: the cluster asks for a user" in table(found)


@pytest.mark.parametrize("process", [None, ProcessSeen(7, "", {}, 1.0)])
def test_without_become(process: t.Optional[ProcessSeen]) -> None:
    found = status_of({f"etcd{n}": hidden(n, process=process) for n in (1, 2)})
    assert found.quorum is None
    assert [(row.role, row.problem) for row in found.rows] == [("unknown", HIDDEN)] * 2
    assert f"0 of 2 seen healthy, quorum unknown: etcd1, etcd2 {HIDDEN}\n" in table(found)


@pytest.mark.parametrize(
    ("seen", "role"),
    [
        (hidden(1, main_pid=0), "unknown"),  # a container: its engine tells nobody else its processes
        (hidden(1, main_pid=0, state="inactive", exists=False), "unknown"),  # nor does an unreadable Procfile
        (dataclasses.replace(hidden(1, main_pid=0, state="inactive"), files=PROCFILE), "unknown"),
        (dataclasses.replace(host(1), local=None), "unknown"),  # it runs, wherever it may answer
        (answering(1, problem="u cannot be reached: Connection refused."), "unknown"),
        (answering(1, problem=NO_CERTIFICATE, denied=True), "unknown"),
        (hidden(1, main_pid=0, state="inactive"), "down"),  # systemd tells that to everybody
        (dataclasses.replace(hidden(1), system=SYSTEM), "down"),  # root looked, and it is gone
    ],
)  # fmt: skip
def test_down_is_only_what_was_seen_not_to_run(seen: HostSeen, role: str) -> None:
    row = status_of({"etcd1": seen}).rows[0]
    assert (row.role, row.healthy) == (role, False)
    assert (row.problem == "its server does not run") == (role == "down")


@pytest.mark.parametrize(
    ("seen", "unseen", "quorum"),
    [
        ([answering(1, problem="u did not answer within 1.5 s."), answering(2), stopped(3)], 0, False),
        ([answering(1, problem=f"u is not healthy: RAFT NO LEADER. {NO_USER}")], 0, False),
        ([hidden(1), stopped(2), stopped(3)], 0, False),
        ([hidden(1), hidden(2), stopped(3)], 0, None),
        ([answering(1, problem=NO_CERTIFICATE, denied=True)], 0, None),
        ([stopped(1)], 2, None),
        ([host(1, members=None, learner=True), stopped(2), stopped(3)], 0, False),
        ([stopped(0, data="absent")], 0, False),
        ([], 0, False),
    ],
)
def test_quorum_without_a_list(seen: t.List[HostSeen], unseen: int, quorum: t.Optional[bool]) -> None:
    left_out = {f"away{n}": "was left out of this run" for n in range(unseen)}
    found = status_of({f"etcd{n}": one for n, one in enumerate(seen)}, left_out)
    assert found.quorum is quorum
    assert ("quorum unknown: " in table(found), ", no quorum" in table(found)) == (quorum is None, quorum is False)


def test_why_quorum_is_unknown_where_neither_user_nor_rights_are_missing() -> None:
    assert "quorum unknown: not all hosts were observed" in table(status_of({}, {"etcd1": "is unreachable"}))
    assert "quorum unknown: nobody lists the members" in table(status_of({"etcd1": answering(1, healthy=True)}))


def test_learners_that_only_the_list_shows() -> None:
    listed = (*MEMBERS, *(Member(f"{n}a", f"etcd{n}", (), ("u",), is_learner=True) for n in (4, 5, 6)))
    seen = {"etcd1": host(1, members=listed), "etcd6": hidden(6)}
    found = status_of(seen, {"etcd4": "is unreachable"})
    roles = {row.name: (row.role, row.problem) for row in found.rows}
    assert roles["etcd4"] == ("learner (unobserved)", "is unreachable")
    assert roles["etcd5"] == ("learner (unobserved)", "not in the inventory")
    assert roles["etcd6"] == ("learner", HIDDEN)
    assert found.quorum


def test_a_member_whose_data_are_hidden_is_known_by_what_it_says() -> None:
    seen = host(2)
    unread = dataclasses.replace(seen, data=dataclasses.replace(seen.data, member_id="", problem="cannot be read"))
    found = cluster_status("etcd", {"web7": unread}, {}, {"web7": "anything"})
    assert [row.name for row in found.rows] == ["etcd2", "etcd1", "etcd3"]


def test_alarms_stand_with_their_member() -> None:
    alarms = (Alarm("2a", "NOSPACE"), Alarm("2a", "CORRUPT"))
    found = status_of({"etcd1": host(1, alarms=alarms), "etcd2": host(2, alarms=alarms)})
    assert [row.alarms for row in found.rows[:2]] == [(), ("CORRUPT", "NOSPACE")]


def test_the_table_is_aligned_and_tells_problems() -> None:
    rows = (
        Row("a", "a", "leader", True, "1a", "3.6.16", 3 * 1024**3, 1536, 12, 0, (), 0.0),
        Row("long-name", "b", "down", False, problem="its server does not run"),
    )
    lines = table(ClusterStatus("etcd", "c1", True, rows)).splitlines()
    assert lines[0] == "cluster etcd (c1): 1 of 2 healthy"
    assert [line.index(word) for line, word in ((lines[1], "ROLE"), (lines[2], "leader"), (lines[3], "down"))] == [
        17
    ] * 3
    assert "3.0 GiB" in lines[2]
    assert "1.5 KiB" in lines[2]
    assert "1970-01-01 00:00:00Z" in lines[2]
    assert lines[4] == "  long-name: its server does not run"

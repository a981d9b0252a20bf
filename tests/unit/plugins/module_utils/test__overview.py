# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._client import Explorer
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, QuorumError, Refused
from ansible_collections.quorum.etcd.plugins.module_utils._model import Alarm
from ansible_collections.quorum.etcd.plugins.module_utils._overview import Overview, overview, successor
from ansible_collections.quorum.etcd.tests.unit.fakes import FakeCluster, FakeMember


def judged(cluster: FakeCluster, *names: str, whole: bool = True) -> Overview:
    urls = [cluster.members[name].url for name in names or ("n1",)]
    explored = Explorer(urls, cluster.connect, whole=whole).explore()
    return overview(explored.seen, explored.members, linearizable=explored.linearizable)


def roles(now: Overview) -> t.Dict[str, str]:
    return {row.name: row.role for row in now.rows}


def test_all_is_well() -> None:
    cluster = FakeCluster()
    cluster.members["n3"].raft_index = 7
    now = judged(cluster)
    assert (now.cluster_id, now.version) == ("c1", "3.6.0")
    assert (now.has_quorum, now.healthy, now.complete, now.problems) == (True, True, True, ())
    assert roles(now) == {"n1": "leader", "n2": "follower", "n3": "follower"}
    assert [row.lag for row in now.rows] == [0, 0, 3]
    assert now.leader is not None
    assert now.leader.id == "a1"
    assert [row.endpoint for row in now.rows] == [member.url for member in cluster.members.values()]


def test_on_its_way_down() -> None:
    cluster = FakeCluster()
    assert judged(cluster).downgrade == ""
    cluster.downgrade = "3.5.0"
    assert judged(cluster).downgrade == "3.5.0"


def test_one_dead() -> None:
    cluster = FakeCluster()
    cluster.members["n3"].up = False
    now = judged(cluster)
    assert (now.has_quorum, now.healthy, now.complete) == (True, True, False)
    assert roles(now)["n3"] == "unreachable"
    assert [problem for problem in now.problems if "n3.example" in problem] == list(now.problems)


def test_no_quorum() -> None:
    cluster = FakeCluster()
    cluster.members["n1"].up = cluster.members["n3"].up = False
    now = judged(cluster, "n2")
    assert (now.has_quorum, now.healthy, now.leader) == (False, False, None)
    assert roles(now) == {"n1": "unreachable", "n2": "follower", "n3": "unreachable"}
    assert now.problems[0] == "There is no quorum: 0 of 3 voters are healthy, 2 are needed."
    assert any("it may be old" in problem for problem in now.problems)


def test_nobody_answers() -> None:
    cluster = FakeCluster(1)
    cluster.members["n1"].up = False
    now = judged(cluster)
    assert (now.rows, now.cluster_id, now.has_quorum, now.complete) == ((), "", False, False)
    assert now.problems[0] == "No endpoint is healthy."


def test_learners_and_members_that_never_started() -> None:
    cluster = FakeCluster(1)
    cluster.members["n2"] = FakeMember(0xA2, "n2", is_learner=True)
    cluster.members["n3"] = FakeMember(0xA3, "", up=False, published=False)
    now = judged(cluster)
    assert [row.role for row in now.rows] == ["follower", "learner", "unstarted"]
    assert now.has_quorum is False, "a voter that never started has a vote"
    del cluster.members["n3"]
    now = judged(cluster)
    assert roles(now) == {"n1": "leader", "n2": "learner"}
    assert (now.has_quorum, now.complete) == (True, True)


def test_a_voter_that_never_started_has_a_vote() -> None:
    cluster = FakeCluster(2)
    cluster.members["n3"] = FakeMember(0xA3, "n3", up=False, published=False)
    now = judged(cluster)
    assert now.rows[-1].role == "unstarted"
    assert (now.healthy, now.complete, now.problems) == (True, False, ("a3 was never started.",))


@pytest.mark.parametrize(
    ("alarm", "healthy"),
    [(Alarm("a2", "NOSPACE"), True), (Alarm("a2", "CORRUPT"), False), (Alarm("", "CORRUPT"), False)],
)
def test_alarms(alarm: Alarm, healthy: bool) -> None:
    seen = Explorer(["http://n1.example:2379"], FakeCluster().connect).explore()
    raised = [dataclasses.replace(one, alarms=(alarm,)) for one in seen.seen]
    now = overview(raised, seen.members)
    assert (now.has_quorum, now.healthy) == (True, healthy)
    assert now.alarms == (alarm,), "told once"
    assert now.rows[1].alarms == ((alarm.kind,) if alarm.member_id else ())
    assert now.problems == (f"{'n2' if alarm.member_id else 'An unknown member'} has the alarm {alarm.kind}.",)


def test_two_clusters() -> None:
    one, other = FakeCluster(1), FakeCluster(1, cluster_id=0xC2)
    other.members = {"x1": FakeMember(0xB1, "x1")}
    other.leader = "x1"

    def connect(endpoint: str) -> t.Any:
        return (other if "x1" in endpoint else one).connect(endpoint)

    explored = Explorer(["http://n1.example:2379", "http://x1.example:2379"], connect).explore()
    now = overview(explored.seen, explored.members)
    assert (now.cluster_id, now.has_quorum, now.healthy, now.complete) == ("c1", True, False, False)
    assert now.problems == ("http://x1.example:2379 belongs to another cluster (c2) than c1.",)
    assert roles(now) == {"n1": "leader"}


def test_without_credentials() -> None:
    cluster = FakeCluster()
    cluster.users = {"root": "p"}
    now = judged(cluster)
    assert (now.rows, now.has_quorum, now.healthy, now.version) == ((), True, True, "3.6.0")
    assert any("user name is empty" in problem for problem in now.problems)


def test_members_that_were_not_asked() -> None:
    now = judged(FakeCluster(), whole=False)
    assert [row.healthy for row in now.rows] == [True, False, False]
    assert "n2 was not asked." in now.problems


def test_the_newest_term_tells_who_leads() -> None:
    cluster = FakeCluster()
    explored = Explorer([member.url for member in cluster.members.values()], cluster.connect).explore()
    cluster.leader, cluster.term = "n3", 3
    newer = Explorer([cluster.members["n3"].url], cluster.connect, whole=False).explore()
    now = overview([*explored.seen[:2], *newer.seen], explored.members)
    assert now.leader is not None
    assert now.leader.name == "n3"


# --- who should lead ----------------------------------------------------------------------------------------------


def chosen(cluster: FakeCluster, **wish: str) -> str:
    row = successor(judged(cluster), **wish)
    return "" if row is None else row.name


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ({"to": "n2"}, "n2"),
        ({"to": "a3"}, "n3"),
        ({"to": "00A3"}, "n3"),
        ({"to": "n1"}, ""),
        ({"away_from": "n1"}, "n3"),
        ({"away_from": "a1"}, "n3"),
        ({"away_from": "n2"}, ""),
        ({"away_from": "n2", "to": "n3"}, ""),
        ({"away_from": "n1", "to": "n2"}, "n2"),
    ],
)
def test_who_shall_lead(wish: t.Dict[str, str], name: str) -> None:
    cluster = FakeCluster()
    cluster.members["n2"].raft_index = 5
    assert chosen(cluster, **wish) == name


def test_who_cannot_lead() -> None:
    cluster = FakeCluster()
    cluster.members["n2"].up = False
    cluster.members["n4"] = FakeMember(0xA4, "n4", is_learner=True)
    cases: t.List[t.Tuple[t.Dict[str, str], t.Type[QuorumError], str]] = [
        ({"to": "n2"}, Refused, "not healthy"),
        ({"to": "n4"}, InvalidInput, "learner"),
        ({"to": "n9"}, InvalidInput, "No member of the cluster is called n9"),
        ({"away_from": "n9"}, InvalidInput, "n9"),
    ]
    for wish, kind, told in cases:
        with pytest.raises(kind, match=told):
            chosen(cluster, **wish)
    assert chosen(cluster, away_from="n1") == "n3"


def test_nobody_can_take_over() -> None:
    with pytest.raises(Refused, match="no healthy voter"):
        chosen(FakeCluster(1), away_from="n1")
    cluster = FakeCluster()
    cluster.leader = None
    with pytest.raises(Refused, match="No leader"):
        chosen(cluster, away_from="n1")


def test_a_name_that_two_members_have() -> None:
    cluster = FakeCluster()
    for member in cluster.members.values():
        member.name = "same"
    members = tuple(cluster.members.values())
    cluster.members = {"same": members[0], "n2": members[1], "n3": members[2]}
    cluster.leader = "same"
    explored = Explorer(["http://same.example:2379"], cluster.connect).explore()
    with pytest.raises(InvalidInput, match="More than one"):
        successor(overview(explored.seen, explored.members), to="same")

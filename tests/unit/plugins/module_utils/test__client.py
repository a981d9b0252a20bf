# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import threading
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quorum.etcd.plugins.module_utils._client import (
    Client,
    Explorer,
    _range,
    look,
    on_any,
    survey,
)
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ForVoters,
    InvalidInput,
    NotFound,
    Rejected,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._model import Alarm, Member, Versions
from ansible_collections.quorum.etcd.tests.unit.fakes import FakeCluster, FakeMember, FakeTransport


def test_words() -> None:
    cluster = FakeCluster()
    client = cluster.client("n2")
    assert client.endpoint == "http://n2.example:2379"
    assert client.versions() == Versions("3.6.16", "3.6.0")
    status = client.status()
    assert (status.member_id, status.cluster_id, status.leader_id) == ("a2", "c1", "a1")
    assert client.members()[0] == Member("a1", "n1", ("http://n1.example:2380",), ("http://n1.example:2379",))


def test_down_to_another_minor_version() -> None:
    client = FakeCluster().client("n1")
    client.downgrade("VALIDATE", "3.5")
    assert client.status().downgrade == ""
    client.downgrade("ENABLE", "3.5")
    assert client.status().downgrade == "3.5.0"
    with pytest.raises(Rejected, match="in progress"):
        client.downgrade("ENABLE", "3.5")
    client.downgrade("CANCEL")
    assert client.status().downgrade == ""
    with pytest.raises(Rejected, match="invalid downgrade target"):
        client.downgrade("VALIDATE", "3.4")


def test_a_version_that_is_not_decided() -> None:
    class Undecided(FakeTransport):
        def get(self, path: str, *, timeout: t.Optional[float] = None) -> t.Tuple[int, str]:
            return 200, '{"etcdserver":"3.6.16","etcdcluster":"not_decided"}'

    assert Client(Undecided(FakeCluster(), "http://n1.example:2379")).versions() == Versions("3.6.16", "")


@pytest.mark.parametrize("page", ["", "[]", "{}", "404 page not found", '"text"'])
def test_what_is_not_etcd(page: str) -> None:
    class Stranger(FakeTransport):
        def get(self, path: str, *, timeout: t.Optional[float] = None) -> t.Tuple[int, str]:
            return 404, page

    client = Client(Stranger(FakeCluster(), "http://n1.example:2379"))
    with pytest.raises(NotFound, match="like etcd"):
        client.versions()
    with pytest.raises(NotFound, match="like etcd"):
        client.healthy()
    assert look(client).healthy is False


def test_membership() -> None:
    cluster = FakeCluster()
    client = cluster.client("n1")
    learner = client.member_add(["http://new.example:2380"], learner=True)
    assert learner == Member("a4", "", ("http://new.example:2380",), (), is_learner=True)
    client.member_promote("a4")
    client.member_update("a4", ["http://newer.example:2380"])
    assert client.members()[-1] == Member("a4", "", ("http://newer.example:2380",))
    client.member_remove("a4")
    client.move_leader("a2")
    assert cluster.leader == "n2"
    with pytest.raises(Rejected):
        client.move_leader("a1")
    for bad in ("", "n1", "0x"):
        with pytest.raises(InvalidInput):
            client.member_remove(bad)


@given(st.binary(max_size=4), st.lists(st.binary(min_size=1, max_size=5), max_size=8))
def test_a_prefix_is_the_range_of_the_keys_that_begin_with_it(prefix: bytes, keys: t.List[bytes]) -> None:
    request = _range(prefix)
    start, end = base64.b64decode(request["key"]), base64.b64decode(request["range_end"])
    for key in [*keys, *(prefix + key for key in keys)]:
        assert (key >= start and (end == b"\0" or key < end)) == key.startswith(prefix)


def test_keys() -> None:
    client = FakeCluster().client("n1")
    assert client.get(b"k") is None
    assert client.put(b"k", b"v") == 2
    assert client.put_if(b"k", b"w", mod_revision=1) is None
    assert client.put_if(b"k", b"w", mod_revision=2) == 3
    found = client.get(b"k")
    assert found is not None
    assert (found.value, found.create_revision, found.mod_revision, found.version) == (b"w", 2, 3, 2)
    assert "w" not in repr(found).replace("value", "")
    client.put(b"k2", b"")
    assert [entry.key for entry in client.get_prefix(b"k", keys_only=True)] == [b"k", b"k2"]
    assert client.delete(b"k", prefix=True) == 2


# --- looking ------------------------------------------------------------------------------------------------------


def test_look_at_a_healthy_server() -> None:
    cluster = FakeCluster()
    seen = look(cluster.client("n2"))
    assert (seen.healthy, seen.problem, seen.endpoint) == (True, "", "http://n2.example:2379")
    assert seen.status is not None
    assert seen.members is not None
    assert len(seen.members) == 3
    assert len(cluster.asked) == 5


def test_look_at_a_dead_server() -> None:
    cluster = FakeCluster()
    cluster.members["n2"].up = False
    seen = look(cluster.client("n2"))
    assert (seen.healthy, seen.versions, seen.status, seen.members, seen.alarms) == (False, None, None, None, ())
    assert "n2.example" in seen.problem


@pytest.mark.parametrize(
    ("rpc", "answer"),
    [
        ("Maintenance/Status", {"header": None}),
        ("Maintenance/Status", {"dbSize": "abc"}),
        ("Maintenance/Status", {"errors": None}),
        ("Cluster/MemberList", {"members": None}),
        ("Maintenance/Alarm", {"alarms": [None]}),
    ],
)
def test_look_at_what_answers_nonsense(monkeypatch: pytest.MonkeyPatch, rpc: str, answer: t.Dict[str, t.Any]) -> None:
    transport = FakeCluster().transport("n1")
    real = transport.call
    monkeypatch.setattr(
        transport, "call", lambda asked, *args, **more: answer if asked == rpc else real(asked, *args, **more)
    )
    assert "does not answer what it is asked like etcd does" in look(Client(transport)).problem


def test_look_at_a_learner() -> None:
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", is_learner=True)
    seen = look(cluster.client("n4"))
    assert (seen.healthy, seen.problem, seen.members) == (True, "", None)
    assert ("n4", "Cluster/MemberList") not in cluster.asked


def test_look_as_a_user_at_a_learner() -> None:
    """It lets nobody log in, and that is no fault of its own."""
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", is_learner=True)
    cluster.users = {"root": "p"}
    seen = look(cluster.client("n4", user="root", password="p"))
    assert (seen.healthy, seen.problem, seen.status, seen.members, seen.denied) == (True, "", None, None, False)
    assert seen.versions is not None


def test_look_without_a_leader() -> None:
    cluster = FakeCluster()
    cluster.members["n1"].up = cluster.members["n3"].up = False
    seen = look(cluster.client("n2"))
    assert (seen.healthy, seen.members, seen.alarms) == (False, None, ())
    assert seen.status is not None
    assert "RAFT NO LEADER" in seen.problem
    # one that a majority vouches for would be waited for until its time-out
    assert seen.last_known is not None
    assert [member.name for member in seen.last_known] == ["n1", "n2", "n3"]


def test_look_without_credentials() -> None:
    cluster = FakeCluster()
    cluster.users = {"root": "p"}
    seen = look(cluster.client("n1"))
    assert (seen.healthy, seen.status, seen.members) == (True, None, None)
    assert seen.versions is not None
    assert seen.problem.count("user name is empty") == 1, "said once"
    assert seen.denied
    assert not look(cluster.client("n1", user="root", password="p")).denied
    assert look(cluster.client("n1", user="root", password="p")).members is not None


@pytest.mark.parametrize(
    ("alarms", "healthy", "problem"),
    [
        ([Alarm("a1", "NOSPACE")], True, ""),
        ([Alarm("a1", "CORRUPT")], False, "CORRUPT"),
        ([Alarm("a2", "CORRUPT")], True, ""),
    ],
)
def test_look_at_alarms(alarms: t.List[Alarm], healthy: bool, problem: str) -> None:
    cluster = FakeCluster()
    cluster.alarms = alarms
    seen = look(cluster.client("n1"))
    assert (seen.healthy, list(seen.alarms)) == (healthy, alarms)
    assert problem in seen.problem


def test_alarms_that_cannot_be_read_may_be_for_this_server() -> None:
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", is_learner=True)
    cluster.users = {"root": "p"}
    assert look(cluster.client("n2")).healthy is True
    cluster.alarms = [Alarm("a1", "CORRUPT"), Alarm("a2", "NOSPACE")]
    for name in ("n2", "n4"):
        seen = look(cluster.client(name))
        assert seen.healthy is False
        assert "ALARM CORRUPT" in seen.problem
    assert look(cluster.client("n2", user="root", password="p")).healthy is True
    assert cluster.client("n1").healthy() == (True, "")
    assert cluster.client("n2").healthy(strict=True) == (False, "ALARM CORRUPT")


def _refused(name: str) -> str:
    return f"http://{name}.example:2379 cannot be reached: [Errno 111] Connection refused."


def test_a_server_that_dies_while_looked_at() -> None:
    class Dying(FakeTransport):
        def call(
            self, rpc: str, request: t.Mapping[str, t.Any], *, timeout: t.Optional[float] = None
        ) -> t.Dict[str, t.Any]:
            asked.append(rpc)
            cluster.members["n1"].up = False
            raise Unreachable("it is gone")

    asked: t.List[str] = []
    cluster = FakeCluster()
    seen = look(Client(Dying(cluster, "http://n1.example:2379")))
    assert (seen.healthy, seen.status, seen.problem) == (False, None, "it is gone " + _refused("n1"))
    assert asked == ["Maintenance/Status"]


def test_survey_keeps_the_order_and_asks_at_the_same_time() -> None:
    everyone = threading.Barrier(3, timeout=10)

    class Meeting(FakeTransport):
        def get(self, path: str, *, timeout: t.Optional[float] = None) -> t.Tuple[int, str]:
            if path.startswith("/health"):
                everyone.wait()
            return super().get(path)

    cluster = FakeCluster()
    cluster.members["n2"].up = False
    seen = survey([Client(Meeting(cluster, member.url)) for member in cluster.members.values()])
    assert [one.endpoint for one in seen] == [member.url for member in cluster.members.values()]
    assert [one.healthy for one in seen] == [True, False, True]
    assert survey([]) == ()


# --- exploring ----------------------------------------------------------------------------------------------------


def urls(cluster: FakeCluster, *names: str) -> t.List[str]:
    return [cluster.members[name].url for name in names]


def test_exploring_goes_on_to_the_members() -> None:
    cluster = FakeCluster()
    cluster.members["n3"].up = False
    explored = Explorer(urls(cluster, "n2"), cluster.connect).explore()
    assert [one.endpoint for one in explored.seen] == urls(cluster, "n2", "n1", "n3")
    assert [one.healthy for one in explored.seen] == [True, True, False]
    assert explored.linearizable
    assert explored.members is not None
    assert len(explored.members) == 3


def test_exploring_only_what_was_given() -> None:
    cluster = FakeCluster()
    explored = Explorer(urls(cluster, "n2", "n2"), cluster.connect, whole=False).explore()
    assert [one.endpoint for one in explored.seen] == urls(cluster, "n2")


def test_exploring_without_a_majority() -> None:
    cluster = FakeCluster()
    cluster.members["n1"].up = cluster.members["n3"].up = False
    explored = Explorer(urls(cluster, "n1", "n2"), cluster.connect).explore()
    assert explored.linearizable is False
    assert explored.members is not None
    assert len(explored.members) == 3
    assert [one.endpoint for one in explored.seen] == urls(cluster, "n1", "n2", "n3")


def test_exploring_when_all_are_dead() -> None:
    cluster = FakeCluster(1)
    cluster.members["n1"].up = False
    explored = Explorer(urls(cluster, "n1"), cluster.connect).explore()
    assert (explored.members, explored.linearizable, len(explored.seen)) == (None, False, 1)


def test_exploring_from_a_learner() -> None:
    cluster = FakeCluster(1)
    cluster.members["n2"] = FakeMember(0xA2, "n2", is_learner=True)
    explored = Explorer(urls(cluster, "n2"), cluster.connect).explore()
    assert explored.members is None
    assert [one.healthy for one in explored.seen] == [True]


def test_exploring_passes_by_what_cannot_be_used() -> None:
    cluster = FakeCluster(2)

    def connect(endpoint: str) -> Client:
        if endpoint == cluster.members["n2"].url:
            raise InvalidInput("such a URL cannot be used")
        return cluster.connect(endpoint)

    explored = Explorer(urls(cluster, "n1"), connect).explore()
    assert [one.endpoint for one in explored.seen] == urls(cluster, "n1")
    with pytest.raises(InvalidInput):
        Explorer(urls(cluster, "n2"), connect).explore()


def test_on_any() -> None:
    cluster = FakeCluster()
    cluster.members["n1"].up = False
    clients = [cluster.client(name) for name in ("n1", "n2", "n3")]
    assert on_any(clients, lambda client: client.status().member_id) == "a2"
    cluster.users = {"root": "p"}
    with pytest.raises(Unauthenticated, match="n2"):
        on_any(clients, lambda client: client.get(b"k"))
    cluster.users = {}
    cluster.members["n2"].up = False
    with pytest.raises(Unavailable, match="n3"):
        on_any(clients, lambda client: client.get(b"k"))


def test_on_any_but_a_learner() -> None:
    cluster = FakeCluster()
    cluster.members["n4"] = FakeMember(0xA4, "n4", is_learner=True)
    learner, voter = cluster.client("n4"), cluster.client("n1")
    assert on_any([learner, voter], lambda client: client.get(b"k")) is None
    with pytest.raises(ForVoters, match="Ask a voting member"):
        on_any([learner], lambda client: client.get(b"k"))

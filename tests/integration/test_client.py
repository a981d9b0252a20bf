# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the client promises, whatever etcd and whatever transport: one contract, tried on real servers."""

from __future__ import annotations

import contextlib
import signal
import time
import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, Connection, connect, look
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    NotFound,
    PermissionDenied,
    Rejected,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._model import Alarm, Versions
from ansible_collections.quorum.etcd.tests.integration.support import Cluster, Server, eventually, free_port

VERSIONS = ("3.5.35", "3.6.16", "3.7.3")
TRANSPORTS = ("gateway", "grpc")

pytestmark = [
    pytest.mark.parametrize("version", VERSIONS),
    pytest.mark.parametrize("transport", TRANSPORTS),
]

Clusters = t.Callable[..., Cluster]
Connect = t.Callable[..., Client]


@pytest.fixture
def to(transport: str) -> t.Iterator[Connect]:
    """Makes clients of servers over the transport under test."""
    made: t.List[Client] = []

    def make(server: Server, **options: t.Any) -> Client:
        made.append(connect(server.client_url, Connection(**options), transport=transport))
        return made[-1]

    yield make
    for client in made:
        client.close()


def reason_of(error: ClientError) -> str:
    return str(error.details["reason"])


def retried(what: t.Callable[[], t.Any]) -> t.Any:
    """A membership change, tried again while etcd says that the cluster is not healthy yet (5 s after a start)."""

    def attempt() -> t.Any:
        try:
            return (what(),)
        except Unavailable:
            return None

    return eventually(attempt, within=15)[0]


def test_one_server(clusters: Clusters, version: str, to: Connect) -> None:
    server = clusters(version).bootstrap(1).servers["n1"]
    client = to(server)
    line = ".".join(version.split(".")[:2])

    assert client.endpoint == server.client_url
    assert client.healthy() == (True, "")
    assert eventually(lambda: client.versions().cluster and client.versions()) == Versions(version, f"{line}.0")

    status = client.status()
    assert status.version == version
    assert status.leader_id == status.member_id != ""
    assert (status.errors, status.is_learner) == ((), False)
    assert status.db_size >= status.db_size_in_use > 0
    assert status.raft_index >= status.raft_applied_index > 0
    assert status.raft_term >= 2

    (member,) = client.members()
    assert member.id == status.member_id
    assert (member.name, member.started, member.is_learner) == ("n1", True, False)
    assert (member.peer_urls, member.client_urls) == ((server.peer_url,), (server.client_url,))
    assert client.members(linearizable=False) == (member,)
    assert client.alarms() == ()


def test_down_a_minor_version_and_not(clusters: Clusters, version: str, to: Connect) -> None:
    client = to(clusters(version).bootstrap(1).servers["n1"])
    major, minor = version.split(".")[:2]
    below = f"{major}.{int(minor) - 1}"
    eventually(lambda: client.versions().cluster)
    with pytest.raises(Rejected) as refused:
        client.downgrade("VALIDATE", "3.0")
    assert "invalid downgrade target version" in reason_of(refused.value)
    assert client.status().downgrade == ""
    if version.startswith("3.5."):
        return  # the call is there, and does not work yet
    client.downgrade("VALIDATE", below)
    client.downgrade("ENABLE", below)
    assert client.status().downgrade == f"{below}.0"
    with pytest.raises(Rejected) as refused:
        client.downgrade("ENABLE", below)
    assert "downgrade job in progress" in reason_of(refused.value)
    client.downgrade("CANCEL")
    assert client.status().downgrade == ""


def test_membership(clusters: Clusters, version: str, to: Connect) -> None:
    cluster = clusters(version).bootstrap(1)
    client = to(cluster.servers["n1"])
    joining = cluster.add_server("n2")

    learner = client.member_add([joining.peer_url], learner=True)
    assert (learner.name, learner.started, learner.is_learner) == ("", False, True)
    assert learner.peer_urls == (joining.peer_url,)
    assert learner in client.members()

    with pytest.raises(Rejected) as refused:
        client.member_add([joining.peer_url], learner=True)
    assert "already exist" in reason_of(refused.value), "of the URLs or, within the same second, of the ID"
    with pytest.raises(Rejected) as refused:
        client.member_add([f"http://127.0.0.1:{free_port()}"], learner=True)
    assert "too many learner" in reason_of(refused.value)
    with pytest.raises(Rejected) as refused:
        client.member_promote(learner.id)
    assert "in sync with leader" in reason_of(refused.value)
    with pytest.raises(Rejected) as refused:
        client.member_add(["nonsense"], learner=False)
    assert "URLs are invalid" in reason_of(refused.value)
    for unknown in (client.member_remove, client.member_promote):
        with pytest.raises(NotFound):
            unknown("abcdef0123456789")

    joining.start(ETCD_INITIAL_CLUSTER=cluster.initial_cluster(), ETCD_INITIAL_CLUSTER_STATE="existing")
    own = to(joining)
    seen = eventually(lambda: _healthy(own))
    assert seen.status is not None
    assert (seen.status.is_learner, seen.status.member_id) == (True, learner.id)
    assert (seen.members, seen.alarms, seen.problem) == (None, (), "")
    with pytest.raises(Rejected) as refused:
        own.members()
    assert "rpc not supported for learner" in reason_of(refused.value)
    with pytest.raises(Rejected) as refused:
        client.move_leader(learner.id)
    assert "bad leader transferee" in reason_of(refused.value)

    eventually(lambda: _promoted(client, learner.id))
    assert [member.is_learner for member in client.members()] == [False, False]
    with pytest.raises(Rejected) as refused:
        client.member_promote(learner.id)
    assert "can only promote a learner member" in reason_of(refused.value)

    eventually(lambda: _leads_now(client, own, learner.id))
    with pytest.raises(Rejected) as refused:
        client.move_leader(learner.id)
    assert "not leader" in reason_of(refused.value)

    url = f"http://127.0.0.1:{free_port()}"
    retried(lambda: own.member_update(client.status().member_id, [url]))
    assert url in {url for member in own.members() for url in member.peer_urls}
    retried(lambda: own.member_remove(client.status().member_id))
    assert [member.id for member in own.members()] == [learner.id]


def _healthy(client: Client) -> t.Any:
    seen = look(client)
    return seen if seen.healthy else None


def _promoted(client: Client, member_id: str) -> bool:
    try:
        client.member_promote(member_id)
    except (Rejected, Unavailable):
        return False
    return True


def _leads_now(client: Client, own: Client, member_id: str) -> bool:
    """Whether leadership was handed over; a busy machine may let the moment pass that a transfer has."""
    with contextlib.suppress(Rejected, Unavailable):
        client.move_leader(member_id)
    return own.status().leader_id == member_id


def test_keys(clusters: Clusters, version: str, to: Connect) -> None:
    client = to(clusters(version).bootstrap(1).servers["n1"])
    value = bytes(range(256))

    assert client.get(b"k") is None
    revision = client.put(b"k", value)
    found = client.get(b"k")
    assert found is not None
    assert (found.key, found.value, found.mod_revision, found.version) == (b"k", value, revision, 1)
    assert client.put(b"k", b"") == revision + 1
    former = client.get(b"k", revision=revision)
    assert former is not None
    assert former.value == value

    assert client.put_if(b"k", b"no", mod_revision=revision) is None
    assert client.put_if(b"k", b"yes", mod_revision=revision + 1) == revision + 2
    assert client.put_if(b"new", b"", mod_revision=0) == revision + 3
    assert client.put_if(b"new", b"", mod_revision=0) is None

    assert client.delete_if(b"new", mod_revision=revision) is None
    assert client.delete_if(b"new", mod_revision=revision + 3) == revision + 4
    assert client.get(b"new") is None
    client.put(b"new", b"")

    for key in (b"p", b"p\xff", b"p\xffz", b"q"):
        client.put(key, b"v")
    assert [found.key for found in client.get_prefix(b"p")] == [b"p", b"p\xff", b"p\xffz"]
    assert [found.key for found in client.get_prefix(b"p\xff", keys_only=True)] == [b"p\xff", b"p\xffz"]
    assert [found.key for found in client.get_prefix(b"", limit=2)] == [b"k", b"new"]
    assert client.delete(b"p\xff", prefix=True) == 2
    assert (client.delete(b"k"), client.delete(b"k")) == (1, 0)
    assert client.delete(b"", prefix=True) == 3

    with pytest.raises(Rejected) as refused:
        client.get(b"k", revision=10**9)
    assert "future revision" in reason_of(refused.value)


def test_a_restart_and_a_dead_server(clusters: Clusters, version: str, to: Connect) -> None:
    cluster = clusters(version).bootstrap(1)
    server = cluster.servers["n1"]
    client = to(server)
    client.put(b"k", b"v")

    server.restart()
    cluster.wait_healthy()
    assert client.put(b"k", b"w") > 0, "the kept connection was closed by the restart"

    server.kill()
    seen = look(client)
    assert (seen.healthy, seen.versions, seen.status, seen.members) == (False, None, None, None)
    assert server.client_url in seen.problem
    with pytest.raises(Unreachable):
        client.members()


def test_a_server_that_hangs(clusters: Clusters, version: str, to: Connect) -> None:
    server = clusters(version).bootstrap(1).servers["n1"]
    client = to(server)
    assert client.status().member_id
    server.pause()
    for ask in (lambda: client.status(timeout=0.3), lambda: client.put(b"k", b"v", timeout=0.3)):
        before = time.monotonic()
        with pytest.raises(Unreachable):
            ask()
        assert time.monotonic() - before < 4, "what is usual is 5 s"
    seen = look(client, timeout=0.3)
    assert (seen.healthy, seen.status) == (False, None)
    server.signal(signal.SIGCONT)
    assert eventually(lambda: look(client).healthy)


def test_without_quorum(clusters: Clusters, version: str, to: Connect) -> None:
    cluster = clusters(version).bootstrap(3)
    leader = cluster.leader()
    left, lost = (server for server in cluster.servers.values() if server is not leader)
    leader.kill()
    lost.kill()
    client = to(left)
    seen = eventually(lambda: _without_leader(client))
    assert not seen.healthy
    assert "NO LEADER" in seen.problem.upper()
    assert (seen.members, seen.alarms) == (None, ())
    assert seen.versions is not None
    assert len(client.members(linearizable=False)) == 3
    for ask in (lambda: client.members(timeout=0.5), lambda: client.put(b"k", b"v", timeout=0.5)):
        with pytest.raises((Unavailable, Unreachable)):
            ask()


def _without_leader(client: Client) -> t.Any:
    seen = look(client)
    return seen if seen.status is not None and not seen.status.leader_id else None


def test_alarms(clusters: Clusters, version: str, to: Connect) -> None:
    client = to(clusters(version).bootstrap(1, ETCD_QUOTA_BACKEND_BYTES=str(2**20)).servers["n1"])
    with pytest.raises(Rejected) as refused:
        _fill(client)
    assert "database space exceeded" in reason_of(refused.value)
    assert refused.value.remedy
    own = client.status().member_id
    assert client.alarms() == (Alarm(own, "NOSPACE"),)
    seen = look(client)
    assert (seen.healthy, seen.alarms) == (True, (Alarm(own, "NOSPACE"),))


def test_a_corrupt_member(clusters: Clusters, version: str, to: Connect) -> None:
    cluster = clusters(version).bootstrap(3)
    one, other = to(cluster.servers["n1"]), to(cluster.servers["n2"])
    own = one.status().member_id
    alarm = {"action": "ACTIVATE", "memberID": str(int(own, 16)), "alarm": "CORRUPT"}
    one._transport.call("Maintenance/Alarm", alarm)
    assert eventually(other.alarms) == (Alarm(own, "CORRUPT"),)
    assert eventually(lambda: not other.healthy(strict=True)[0])
    assert [look(client).healthy for client in (one, other)] == [False, True]
    with pytest.raises(Rejected, match="corrupt cluster"):
        other.put(b"k", b"v")


def _fill(client: Client) -> None:
    for number in range(400):
        client.put(b"%d" % number, b"x" * 100_000)


def test_users(clusters: Clusters, version: str, to: Connect) -> None:
    cluster = clusters(version).bootstrap(1)
    server = cluster.servers["n1"]
    anyone = to(server)
    root = to(server, user="root", password="secret-r")
    reader = to(server, user="reader", password="secret-u")
    assert root.put(b"k", b"before"), "credentials are harmless while users are off"
    _switch_users_on(anyone)

    assert anyone.healthy() == (True, "")
    seen = look(anyone)
    assert seen.healthy
    assert (seen.status, seen.members, seen.alarms) == (None, None, ())
    assert seen.versions is not None
    assert "user name is empty" in seen.problem
    with pytest.raises(Unauthenticated):
        anyone.get(b"k")

    assert root.get(b"k") is not None
    seen = look(root)
    assert (seen.problem, seen.healthy) == ("", True)
    assert seen.status is not None
    assert seen.members is not None
    assert reader.get(b"k") is not None
    with pytest.raises(PermissionDenied):
        reader.put(b"k", b"v")
    with pytest.raises(PermissionDenied):
        reader.member_remove(seen.status.member_id)

    wrong = to(server, user="root", password="secret-x")
    with pytest.raises(Unauthenticated) as refused:
        wrong.get(b"k")
    assert "authentication failed" in reason_of(refused.value)
    assert "secret-x" not in repr(refused.value) + str(refused.value)

    server.restart()
    cluster.wait_healthy()
    assert root.put(b"k", b"after a restart the token is unknown")
    root._transport.call("Auth/RoleAdd", {"name": "other"})
    assert reader.get(b"k") is not None, "the token is older than the users"


def _switch_users_on(client: Client) -> None:
    ask = client._transport.call
    for user, password in (("root", "secret-r"), ("reader", "secret-u")):
        ask("Auth/RoleAdd", {"name": user})
        ask("Auth/UserAdd", {"name": user, "password": password})
        ask("Auth/UserGrantRole", {"user": user, "role": user})
    all_keys = {"permType": "READ", "key": "AA==", "range_end": "AA=="}
    ask("Auth/RoleGrantPermission", {"name": "reader", "perm": all_keys})
    ask("Auth/AuthEnable", {})

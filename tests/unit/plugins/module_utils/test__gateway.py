# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gateway transport against recorded answers of real servers, and against a server that misbehaves."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, connect
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    ForVoters,
    InvalidInput,
    NoSpace,
    NotFound,
    PermissionDenied,
    Rejected,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._gateway import GatewayTransport, error_of
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection

RECORDED: t.Dict[str, t.Dict[str, t.Dict[str, t.Any]]] = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).resolve().parents[2] / "fixtures" / "gateway").glob("*.json"))
}

KINDS: t.Dict[str, t.Type[ClientError]] = {
    "alarms no leader": Unavailable,
    "auth not enabled": Rejected,
    "bad field": Rejected,
    "bad json": Rejected,
    "bad token": Unauthenticated,
    "get on an rpc": NotFound,
    "learner again": Rejected,
    "learner not in sync": Rejected,
    "learners too many": Rejected,
    "member unknown": NotFound,
    "member url invalid": Rejected,
    "members no leader": Unavailable,
    "members of a learner": ForVoters,
    "members without token": Unauthenticated,
    "move leader to a stranger": Rejected,
    "no space": NoSpace,
    "no such rpc": NotFound,
    "no token": Unauthenticated,
    "not leader": Rejected,
    "not permitted": PermissionDenied,
    "promote a voter": Rejected,
    "put no leader": Unavailable,
    "range future": Rejected,
    "role unknown": NotFound,
    "snapshot stream refused": PermissionDenied,
    "status without token": Unauthenticated,
    "user exists": Rejected,
    "wrong password": Unauthenticated,
}


def test_recorded_versions() -> None:
    assert set(RECORDED) == {"3.5.35", "3.6.16", "3.7.3"}


@pytest.mark.parametrize("case", KINDS)
@pytest.mark.parametrize("version", RECORDED)
def test_recorded_errors(version: str, case: str) -> None:
    answer = RECORDED[version][case]
    error = error_of("http://h:2379", "Some/Call", answer["status"], answer["body"])
    assert error.__class__ is KINDS[case]
    assert "http://h:2379" in error.message
    assert "Some/Call" in error.message
    assert error.details["reason"] in error.message
    assert "{" not in error.details["reason"], "the message is taken out of the JSON"
    assert error.endpoint == "http://h:2379"


@pytest.mark.parametrize("version", RECORDED)
def test_an_rpc_that_is_not_there_has_a_remedy(version: str) -> None:
    answer = RECORDED[version]["no such rpc"]
    assert "enable-grpc-gateway" in error_of("http://h:2379", "Some/Call", answer["status"], answer["body"]).remedy
    unknown = RECORDED[version]["member unknown"]
    assert error_of("http://h:2379", "Some/Call", unknown["status"], unknown["body"]).remedy == ""


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason", "remedy"),
    [
        (
            400,
            "CommonName of client sending a request against gateway will be ignored and not used as expected",
            Unauthenticated,
            "CommonName of client",
            "without a common name",
        ),
        (
            503,
            '{"code":14,"message":"error reading server preface: remote error: tls: bad certificate"}',
            Unavailable,
            "bad certificate",
            "client authentication",
        ),
        (400, "Client sent an HTTP request to an HTTPS server.\n", Rejected, "HTTPS server", "https://"),
        (500, '{"code":2,"message":"raft proposal dropped"}', Unavailable, "raft proposal dropped", ""),
        (500, '{ "code":  15,  "message": "etcdserver: corrupt cluster" }', Rejected, "corrupt cluster", "CORRUPT"),
        (400, '{"code":3,"message":"etcdserver: revision of auth store is old"}', Unauthenticated, "is old", ""),
        (502, "<html>bad gateway</html>", Unavailable, "bad gateway", ""),
        (418, "", Rejected, "HTTP status 418", ""),
        (400, "[1]", Rejected, "[1]", ""),
        (400, '{"error":"old style","code":"text"}', Rejected, "old style", ""),
    ],
)
def test_other_errors(status: int, body: str, kind: t.Type[ClientError], reason: str, remedy: str) -> None:
    error = error_of("http://h:2379", "Some/Call", status, body)
    assert error.__class__ is kind
    assert reason in error.details["reason"]
    assert remedy in error.remedy


# --- a server that answers what the test says ---------------------------------------------------------------------


class Served:
    """A server on loopback that gives prepared answers one after the other, and keeps what it was asked.

    An answer is ``(status, body)``, or ``None`` to close the connection without one.
    """

    def __init__(self, *answers: t.Optional[t.Tuple[int, str]], family: socket.AddressFamily = socket.AF_INET) -> None:
        self.requests: t.List[str] = []
        self.connections = 0
        self._answers = list(answers)
        self._listener = socket.create_server(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while self._answers:
            try:
                connection, _peer = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile("rb") as stream:
                while self._answers:
                    text = _read_request(stream)
                    if not text:
                        break
                    self.requests.append(text)
                    answer = self._answers.pop(0)
                    if answer is None:
                        break
                    status, body = answer
                    data = body.encode()
                    connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)


def _read_request(stream: t.BinaryIO) -> str:
    text = b""
    length = 0
    while True:
        line = stream.readline()
        if not line:
            return ""
        text += line
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
        if line == b"\r\n":
            return (text + stream.read(length)).decode()


@pytest.fixture
def served() -> t.Iterator[t.Callable[..., Served]]:
    with contextlib.ExitStack() as stack:

        def make(*answers: t.Optional[t.Tuple[int, str]], **options: t.Any) -> Served:
            server = Served(*answers, **options)
            stack.callback(server.close)
            return server

        yield make


Serve = t.Callable[..., Served]
OK = (200, "{}")
OLD = (401, '{"code":16,"message":"etcdserver: invalid auth token"}')
TOKEN = (200, '{"token":"abc.1"}')


_gateways: t.List[GatewayTransport] = []


def transport(server: Served, **options: t.Any) -> GatewayTransport:
    return gateway_of(server.url, **options)


def gateway_of(url: str, **options: t.Any) -> GatewayTransport:
    _gateways.append(GatewayTransport(url, Connection(**options)))
    return _gateways[-1]


@pytest.fixture(autouse=True)
def closed(served: Serve) -> t.Iterator[None]:
    """Connections are closed before the servers are."""
    yield
    while _gateways:
        _gateways.pop().close()


def test_a_call(served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server = served((200, '{ "a":  1 }'), OK)
    gateway = transport(server, timeout=20.0)
    assert gateway.call("Cluster/MemberList", {"linearizable": True}) == {"a": 1}
    gateway.call("KV/Range", {}, timeout=5.0)
    gateway.close()
    first, second = server.requests
    assert first.startswith("POST /v3/cluster/member/list HTTP/1.1\r\n")
    assert first.endswith('\r\n\r\n{"linearizable": true}')
    assert "authorization" not in first.lower()
    assert 15000 < _grpc_timeout(first) <= 18000
    assert 2000 < _grpc_timeout(second) <= 4500
    assert server.connections == 1, "the connection is kept"


def _grpc_timeout(request: str) -> int:
    (line,) = (line for line in request.splitlines() if line.startswith("Grpc-Timeout: "))
    assert line.endswith("m")
    return int(line[len("Grpc-Timeout: ") : -1])


def test_a_page(served: Serve) -> None:
    server = served((503, '{"health":"false"}'))
    gateway = transport(server, user="root", password="p")
    assert gateway.get("/health") == (503, '{"health":"false"}')
    assert [request.split("\r\n")[0] for request in server.requests] == ["GET /health HTTP/1.1"]


def test_logs_in_once(served: Serve) -> None:
    server = served(TOKEN, OK, OK)
    gateway = transport(server, user="root", password="secret")
    gateway.call("KV/Range", {})
    gateway.call("KV/Range", {})
    login, first, second = server.requests
    assert "/v3/auth/authenticate" in login
    assert '{"name": "root", "password": "secret"}' in login
    assert "Authorization" not in login
    assert "\r\nAuthorization: abc.1\r\n" in first
    assert "\r\nAuthorization: abc.1\r\n" in second


@pytest.mark.parametrize(
    "stale",
    [
        OLD,
        (400, '{"code":3,"message":"etcdserver: revision of auth store is old"}'),
        (400, '{"code":3,"message":"etcdserver: user name is empty"}'),
    ],
)
def test_logs_in_again(served: Serve, stale: t.Tuple[int, str]) -> None:
    server = served(TOKEN, OK, stale, (200, '{"token":"def.2"}'), OK)
    gateway = transport(server, user="root", password="secret")
    gateway.call("KV/Range", {})
    gateway.call("KV/Range", {})
    assert "Authorization: def.2" in server.requests[-1]


def test_logs_in_again_only_once(served: Serve) -> None:
    server = served(TOKEN, OLD, TOKEN, OLD, OK)
    with pytest.raises(Unauthenticated):
        transport(server, user="root", password="secret").call("KV/Range", {})
    assert len(server.requests) == 4


def test_a_wrong_password_is_not_tried_again(served: Serve) -> None:
    server = served((400, '{"code":3,"message":"etcdserver: authentication failed, invalid user ID or password"}'), OK)
    with pytest.raises(Unauthenticated) as refused:
        transport(server, user="root", password="secret").call("KV/Range", {})
    assert len(server.requests) == 1
    assert "secret" not in repr(refused.value.__dict__)


def test_a_user_while_users_are_off(served: Serve) -> None:
    server = served((400, '{"code":9,"message":"etcdserver: authentication is not enabled"}'), OK, OK)
    gateway = transport(server, user="root", password="secret")
    gateway.call("KV/Range", {})
    gateway.call("KV/Range", {})
    assert ["Authorization" in request for request in server.requests] == [False, False, False]


def test_a_closed_connection(served: Serve) -> None:
    server = served(None, OK)
    gateway = transport(server)
    with pytest.raises(Unreachable, match="closed the connection"):
        gateway.call("KV/Range", {})
    assert gateway.call("KV/Range", {}) == {}, "the next call makes a new one"


def test_a_kept_connection_that_was_closed(served: Serve) -> None:
    first = served(OK)
    gateway = transport(first)
    assert gateway.call("KV/Range", {}) == {}
    first.close()
    with socket.create_server(("127.0.0.1", first.port)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=_answer_once, args=(listener,))
        thread.start()
        assert gateway.call("KV/Put", {}) == {}, "a request is never sent into a connection that is known to be dead"
        thread.join(5)


def _answer_once(listener: socket.socket) -> None:
    connection, _peer = listener.accept()
    with connection, connection.makefile("rb") as stream:
        _read_request(stream)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_no_answer_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gateway = gateway_of(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)
        before = time.monotonic()
        with pytest.raises(Unreachable, match=r"within 0\.2 s"):
            gateway.call("KV/Range", {})
        assert time.monotonic() - before < 10


def test_the_limit_is_told_as_it_was_set() -> None:
    """However little of it is left for the request that gets no answer."""

    def log_in(listener: socket.socket) -> None:
        connection, _peer = listener.accept()
        with connection, connection.makefile("rb") as stream:
            _read_request(stream)
            time.sleep(0.2)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"token":"t"}')
            stream.read()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=log_in, args=(listener,))
        thread.start()
        gateway = gateway_of(f"http://127.0.0.1:{listener.getsockname()[1]}", user="root", password="x", timeout=0.6)
        with pytest.raises(Unreachable, match=r"within 0\.6 s"):
            gateway.call("KV/Range", {})
        gateway.close()
        thread.join(5)


@pytest.mark.parametrize("length", [b"Content-Length: 9999\r\n", b""], ids=["of a length", "until the connection ends"])
def test_an_answer_in_drops_is_not_waited_for(length: bytes) -> None:
    enough = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _peer = listener.accept()
        with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
            _read_request(stream)
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
            while not enough.wait(0.05):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            gateway = gateway_of(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.3)
            with pytest.raises(Unreachable, match=r"within 0\.3 s"):
                gateway.call("KV/Range", {})
        finally:
            enough.set()
            thread.join(5)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(Unreachable, match="refused") as refused:
        gateway_of(url).get("/health")
    assert refused.value.endpoint == url


def test_not_json(served: Serve) -> None:
    with pytest.raises(NotFound, match="like etcd"):
        transport(served((200, "hello"))).call("KV/Range", {})


@pytest.mark.parametrize("version", RECORDED)
def test_recorded_answers(served: Serve, version: str) -> None:
    cases: t.Tuple[str, ...] = (
        "version",
        "health",
        "health no space",
        "health no leader",
        "status",
        "status no leader",
        "members",
    )
    cases += ("members with an unstarted learner", "alarms no space", "range", "range nothing", "put", "txn failed")
    recorded = RECORDED[version]
    server = served(*[(recorded[case]["status"], recorded[case]["body"]) for case in cases])
    client = Client(transport(server))
    line = version.rpartition(".")[0]

    assert client.versions().server == version
    assert client.healthy() == (True, "")
    assert client.healthy() == (False, "ALARM NOSPACE")
    assert client.healthy() == (False, "RAFT NO LEADER")
    status = client.status()
    assert (status.version, status.leader_id) == (version, status.member_id)
    assert int(status.member_id, 16) == int(json.loads(recorded["status"]["body"])["header"]["member_id"])
    assert status.storage_version == ("" if line == "3.5" else f"{line}.0")
    lost = client.status()
    assert (lost.leader_id, lost.errors) == ("", ("etcdserver: no leader",))
    (member,) = client.members()
    assert (member.id, member.name, member.started, member.is_learner) == (status.member_id, "n1", True, False)
    learner, voter = sorted(client.members(), key=lambda one: one.started)
    assert (learner.name, learner.started, learner.is_learner) == ("", False, True)
    assert voter == member
    (alarm,) = client.alarms()
    assert (alarm.kind, alarm.member_id) == ("NOSPACE", status.member_id)
    found = client.get(b"k")
    assert found is not None
    assert (found.key, found.value, found.mod_revision) == (b"k", b"v", 2)
    assert client.get(b"x") is None
    assert client.put(b"k", b"v") == 2
    assert client.put_if(b"k", b"v", mod_revision=0) is None


def test_ipv6(served: Serve) -> None:
    server = served(OK, family=socket.AF_INET6)
    gateway_of(f"http://[::1]:{server.port}").call("KV/Range", {})
    assert f"\r\nHost: [::1]:{server.port}\r\n" in server.requests[0]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://",
        "ftp://h:2379",
        "unix:///run/etcd.sock",
        "http://h:99999",
        "http://h:port",
        "http://u:p@h:2379",
        "http://h:2379/v3",
        "http://h:2379?x=1",
        "http://[::1",
        "http:// h:2379",
        "http://root:hunter2@h:1",
        "http://root:hunter2/@h:1",
        "http://" + "x" * 64 + ".example",
    ],
)
def test_bad_endpoints(endpoint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        GatewayTransport(endpoint, Connection())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "options", "url"),
    [
        ("http://h:2379", {}, "http://h:2379"),
        ("http://h:2379/", {}, "http://h:2379"),
        ("h:2379", {}, "http://h:2379"),
        (" h:2379", {}, "http://h:2379"),
        ("[::1]:2379", {}, "http://[::1]:2379"),
    ],
)
def test_connect(endpoint: str, options: t.Dict[str, t.Any], url: str) -> None:
    assert connect(endpoint, Connection(**options)).endpoint == url


def test_connect_to_an_unknown_transport() -> None:
    with pytest.raises(InvalidInput, match="pigeon"):
        connect("http://h:2379", Connection(), transport="pigeon")


@pytest.mark.parametrize("option", ["ca_path", "client_cert"])
def test_unreadable_certificates(option: str, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pem", tmp_path / "garbage.pem"):
        if path.name == "garbage.pem":
            path.write_text("garbage")
        with pytest.raises(InvalidInput, match=path.name):
            connect("h:2379", Connection(**{option: str(path)}))  # type: ignore[arg-type]


def test_the_password_does_not_show() -> None:
    assert "secret" not in repr(Connection(user="root", password="secret"))

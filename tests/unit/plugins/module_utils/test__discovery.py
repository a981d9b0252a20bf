# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``fixtures/discovery`` holds what real registries answered; ``discovery_talk`` says to what."""

from __future__ import annotations

import io
import json
import threading
import typing as t
import urllib.error

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _discovery
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, Connection
from ansible_collections.quorum.etcd.plugins.module_utils._discovery import (
    PublicRegistry,
    Registration,
    TokenSeen,
    UrlHttp,
    V2Registry,
    V3Registry,
    environment,
    facts,
    look,
    make,
    registry_at,
    remove,
)
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    InvalidInput,
    NotFound,
    PermissionDenied,
    Refused,
    Rejected,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from ansible_collections.quorum.etcd.tests.unit.discovery_talk import (
    IDS,
    REGISTRY,
    SERVICE,
    TOKEN,
    Replay,
    talk_public,
    talk_v2,
)
from ansible_collections.quorum.etcd.tests.unit.fakes import FakeCluster, FakeTransport

ROOT = f"/_etcd/registry/{TOKEN}/"
Json = t.Dict[str, t.Any]


def member(number: int, name: str) -> Registration:
    return Registration(IDS[number], name, (f"http://192.0.2.{number}:2380", f"http://198.51.100.{number}:2380"))


# --- recorded answers ---


@pytest.mark.parametrize("version", ["3.4.23", "3.5.35"])
def test_v2_as_recorded(version: str) -> None:
    http = Replay(version)
    talk = talk_v2(http)
    assert http.left == []
    assert [(one.exists, one.size, one.full, one.usable, one.problem) for one in talk.seen] == [
        (False, None, False, False, "there is no such token"),
        (True, 2, False, False, ""),
        (True, 2, True, False, ""),
        (True, 2, True, False, "more than one member registered as c1"),
        (True, None, False, False, "its size is 'many'"),
        (True, None, False, False, "its size is ''"),
        (True, None, False, False, "it has no size"),
    ]
    # in the order in which they came, which is neither that of their IDs nor that of their names
    assert talk.seen[-1].registrations == (member(0, "c2"), member(1, "c1"), member(2, "c1"))
    assert {one.url for one in talk.seen} == {f"{REGISTRY}/v2/keys/_etcd/registry/{TOKEN}"}
    # made, kept, resized; two stale writes refused; removed, gone
    assert talk.changed == [True, False, True, False, False, True, False]
    used, elsewhere, key = talk.errors
    assert used.startswith("Refused: The discovery token tok (http://registry.example:2379/v2/keys/_etcd/registry/tok)")
    assert "registered are 2 of 2: c2 (http://192.0.2.0:2380 http://198.51.100.0:2380), c1 (" in used
    assert elsewhere.startswith("NotFound: ")
    assert "no discovery token but a single key" in key


def test_public_as_recorded() -> None:
    http = Replay("service")
    talk = talk_public(http)
    assert http.left == []
    made, used, missing = talk.seen
    assert (made.size, made.usable, made.url) == (2, True, made.token)
    assert made.token.startswith(f"{SERVICE}/")
    assert (used.full, used.registrations) == (False, (member(0, "c1"),))
    assert missing.exists is False
    assert talk.changed == [True, False]
    for error, told in zip(
        talk.errors,
        ("Refused: ", "InvalidInput: ", "NotFound: The discovery token short", "InvalidInput: http://service.example/"),
    ):
        assert error.startswith(told)


# --- v3 ---


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def v3(cluster: FakeCluster) -> V3Registry:
    return V3Registry([cluster.client(name) for name in cluster.members])


def put(cluster: FakeCluster, key: str, value: str) -> None:
    cluster.client("n1").put(f"{ROOT}{key}".encode(), value.encode())


def test_v3_from_nothing(cluster: FakeCluster, v3: V3Registry) -> None:
    missing = look(v3, TOKEN)
    assert (missing.exists, missing.problem, missing.url) == (False, "there is no such token", "")
    made = make(v3, TOKEN, 3)
    assert made.changed
    assert cluster.keys[f"{ROOT}_config/size".encode()][0] == b"3"
    assert made.after is not None
    assert made.after.usable
    assert not make(v3, TOKEN, 3).changed
    put(cluster, "members/0a1", "n1=http://a:2380,n1=http://b:2380")
    put(cluster, "members/b1", "n0=http://c:2380")
    found = look(v3, TOKEN)
    assert found.registrations == (
        Registration("a1", "n1", ("http://a:2380", "http://b:2380")),
        Registration("b1", "n0", ("http://c:2380",)),
    )
    assert not found.full
    with pytest.raises(Refused, match=r"registered are 2 of 3: n1 \(http://a:2380 http://b:2380\), n0") as refused:
        make(v3, TOKEN, 3)
    assert refused.value.details == facts(found)
    assert "fresh" in refused.value.remedy
    cluster.client("n1").put(b"/_etcd/registry/token-of-others/_config/size", b"1")
    assert remove(v3, TOKEN).changed
    assert not remove(v3, TOKEN).changed
    assert list(cluster.keys) == [b"/_etcd/registry/token-of-others/_config/size"]


@pytest.mark.parametrize(
    ("size", "members", "problem", "full"),
    [
        ("3", [], "", False),
        (None, [], "it has no size", False),
        ("0", [], "its size is '0'", False),
        ("-1", [], "its size is '-1'", False),
        ("³", [], "its size is '³'", False),
        ("9" * 30, [], f"its size is '{'9' * 20}'", False),
        ("1", ["n1=http://a:1"], "", True),
        ("1", ["n1=http://a:1", "n2=http://b:1"], "2 registered, and it is made for 1", True),
        ("2", ["n1=http://a:1", "n1=http://b:1"], "more than one member registered as n1", True),
        ("1", ["garbage"], "m0 is no registration of a member", False),
    ],
)
def test_what_is_wrong_with_a_token(
    cluster: FakeCluster, v3: V3Registry, size: t.Optional[str], members: t.List[str], problem: str, full: bool
) -> None:
    if size is not None:
        put(cluster, "_config/size", size)
    else:
        put(cluster, "_config/other", "3")
    for number, value in enumerate(members):
        put(cluster, f"members/m{number}", value)
    found = look(v3, TOKEN)
    assert (found.problem, found.full, found.usable) == (problem, full, not problem and not members)
    if members:
        with pytest.raises(Refused):
            make(v3, TOKEN, 3)
    else:
        assert make(v3, TOKEN, 3).changed == (size != "3")
        assert look(v3, TOKEN).usable


def test_check_mode_makes_and_removes_nothing(cluster: FakeCluster, v3: V3Registry) -> None:
    assert make(v3, "", 3, check_mode=True) == _discovery.Made(True, None, None)
    made = make(v3, TOKEN, 3, check_mode=True)
    assert made.changed
    assert made.after is not None
    assert (made.after.exists, made.after.size, made.after.problem) == (True, 3, "")
    assert cluster.keys == {}
    put(cluster, "_config/size", "3")
    assert not make(v3, TOKEN, 3, check_mode=True).changed
    assert make(v3, TOKEN, 4, check_mode=True).changed
    assert remove(v3, TOKEN, check_mode=True).changed
    assert look(v3, TOKEN).size == 3


def test_fresh_tokens_differ(v3: V3Registry) -> None:
    made = [make(v3, "", 3).after for _number in range(3)]
    assert len({one.token for one in made if one is not None}) == 3
    # of the shape that discovery services know
    assert all(one is not None and len(one.token) == 32 and int(one.token, 16) >= 0 for one in made)


@pytest.mark.parametrize("token", ["", ".", "..", "a/b", "-a", "_config", "a b", "a\n", "x" * 129, "ä", "http://a/b"])
def test_tokens_that_cannot_be(v3: V3Registry, token: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a discovery token"):
        look(v3, token)


@pytest.mark.parametrize("size", [0, -1])
def test_sizes_that_cannot_be(v3: V3Registry, size: int) -> None:
    with pytest.raises(InvalidInput, match="cannot be"):
        make(v3, TOKEN, size)


class Meddling(FakeTransport):
    """Somebody else does something just before each of our writes, ``times`` times."""

    def __init__(self, cluster: FakeCluster, what: t.Callable[[], None], times: int) -> None:
        super().__init__(cluster, cluster.members["n1"].url)
        self._what = what
        self._times = times

    def call(self, rpc: str, request: t.Mapping[str, t.Any], *, timeout: t.Optional[float] = None) -> Json:
        if rpc == "KV/Txn" and self._times:
            self._times -= 1
            self._what()
        return super().call(rpc, request, timeout=timeout)


def test_others_at_the_same_token(cluster: FakeCluster) -> None:
    """What they do is seen before anything is written over it."""
    resize = Meddling(cluster, lambda: put(cluster, "_config/size", "5"), 1)
    made = make(V3Registry([Client(resize)]), TOKEN, 3)
    assert (made.changed, look(V3Registry([cluster.client("n1")]), TOKEN).size) == (True, 3)
    forever = Meddling(cluster, lambda: put(cluster, "_config/size", "5"), 99)
    with pytest.raises(Unavailable, match="Others changed"):
        make(V3Registry([Client(forever)]), TOKEN, 4)

    def use() -> None:
        put(cluster, "_config/size", "1")
        put(cluster, "members/a1", "n1=http://a:2380")

    with pytest.raises(Refused, match="registered are 1 of 1"):
        make(V3Registry([Client(Meddling(cluster, use, 1))]), TOKEN, 4)


def test_the_next_endpoint_serves(cluster: FakeCluster, v3: V3Registry) -> None:
    cluster.members["n1"].up = False
    assert make(v3, TOKEN, 3).changed
    cluster.members["n2"].up = cluster.members["n3"].up = False
    with pytest.raises(Unreachable) as down:
        look(v3, TOKEN)
    assert f"token {TOKEN} cannot be read in the v3 registry http://n1.example:2379, http://n2" in str(down.value)
    assert down.value.remedy == "Bring the registry up, or check endpoints."
    assert down.value.endpoint == "http://n3.example:2379"


def test_what_a_user_needs(v3: V3Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_args: t.Any, **_options: t.Any) -> t.NoReturn:
        raise PermissionDenied("no", endpoint="e")

    monkeypatch.setattr(Client, "get_prefix", deny)
    with pytest.raises(PermissionDenied) as denied:
        look(v3, TOKEN)
    assert "/_etcd/registry/" in denied.value.remedy


# --- v2 and public, what was not recorded ---


def v2_answering(*answers: t.Tuple[int, str]) -> V2Registry:
    left = list(answers)
    return V2Registry([REGISTRY], lambda _method, _url, _form=None: left.pop(0))


DIRECTORY = json.dumps({"action": "get", "node": {"key": "/x", "dir": True}})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "<html>", Rejected),
        (200, "[]", Rejected),
        (200, '{"node": 3}', Rejected),
        (400, "bad", Rejected),
        (401, '{"message":"Insufficient credentials"}', Unauthenticated),
        (403, "no", PermissionDenied),
        (404, "404 page not found\n", NotFound),
        (405, "", NotFound),
        (429, "", Unavailable),
        (500, '{"errorCode":300,"message":"Raft Internal Error"}', Unavailable),
        (503, "", Unavailable),
    ],
)
def test_answers_that_are_no_token(status: int, body: str, kind: t.Type[ClientError]) -> None:
    with pytest.raises(kind) as failed:
        look(v2_answering((status, body)), TOKEN)
    assert TOKEN in failed.value.message
    assert failed.value.endpoint.startswith(REGISTRY)
    assert failed.value.remedy
    with pytest.raises(kind):
        make(v2_answering((200, DIRECTORY), (status, body)), TOKEN, 3)


def test_long_and_odd_directories() -> None:
    nodes = [3, {"key": "/x/a1", "value": "n1=http://a:1", "createdIndex": "?"}, {"key": "/x/dir", "dir": True}]
    body = json.dumps({"node": {"dir": True, "nodes": nodes}})
    found = look(v2_answering((200, body), (200, '{"node": {"value": "2"}}')), TOKEN)
    assert [one.id for one in found.registrations] == ["a1", "dir"]
    assert (found.problem, found.full) == ("dir is no registration of a member", False)


def test_v2_asks_one_endpoint_after_the_other() -> None:
    asked = []

    def http(method: str, url: str, form: t.Optional[t.Mapping[str, str]] = None) -> t.Tuple[int, str]:
        asked.append(url.partition("/v2")[0])
        if url.startswith("http://a"):
            raise Unreachable(f"{url} is away.", endpoint=url)
        return (503, "") if url.startswith("http://b") else (404, '{"errorCode":100}')

    found = look(V2Registry(["http://a/", "http://b", "http://c"], http), TOKEN)
    assert asked == ["http://a", "http://b", "http://c"]
    assert found.url == f"http://c/v2/keys/_etcd/registry/{TOKEN}"
    with pytest.raises(Unavailable, match="http://a, http://b: "):
        look(V2Registry(["http://a", "http://b"], http), TOKEN)
    asked.clear()
    look(V2Registry(["http://a"], http), "http://c/v2/keys/own/tok/")
    assert asked == ["http://c"]


def test_a_new_token_whose_answer_was_lost(
    v3: V3Registry, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second endpoint finds it there already."""
    put_if, lost = Client.put_if, [True]

    def loses(self: Client, key: bytes, value: bytes, **options: t.Any) -> t.Optional[int]:
        written = put_if(self, key, value, **options)
        if lost:
            lost.clear()
            raise Unreachable("No answer.", endpoint=self.endpoint)
        return written

    monkeypatch.setattr(Client, "put_if", loses)
    made = make(v3, "", 3)
    assert made.after is not None
    assert made.after.usable
    assert len(cluster.keys) == 1


@pytest.mark.parametrize(
    "url",
    ["ftp://h/t", "http:///t", "http://h", "http://h/", "http://h/t?x=1", "http://h/t#x", "http://u:p@h/t",
     "http://h:x/t", "http://h:99999/t", "http://[::1/t", "http://h/a b"],
)  # fmt: skip
def test_urls_that_cannot_be(url: str) -> None:
    for registry in (v2_answering(), PublicRegistry(SERVICE, v2_answering()._http)):
        with pytest.raises(InvalidInput, match="cannot be the URL"):
            look(registry, url)


@pytest.mark.parametrize(
    ("status", "body"), [(200, ""), (200, "<html> </html>"), (400, "Unable to generate token"), (200, "http://a b")]
)
def test_services_that_give_no_token(status: int, body: str) -> None:
    service = PublicRegistry(SERVICE, lambda _method, _url, _form=None: (status, body))
    with pytest.raises(Unavailable, match=f"in the public registry {SERVICE}") as failed:
        make(service, "", 3)
    assert failed.value.remedy


def test_a_service_that_gives_a_used_token() -> None:
    answers = [
        (200, f"{SERVICE}/t"),
        (200, json.dumps({"node": {"dir": True, "nodes": [{"key": "/a1", "value": "n1=http://a:1"}]}})),
        (200, '{"node": {"value": "3"}}'),
    ]
    service = PublicRegistry(SERVICE, lambda _method, _url, _form=None: answers.pop(0))
    with pytest.raises(Refused, match="just after it was made"):
        make(service, "", 3)


def test_a_services_token_for_fewer_members() -> None:
    answers = [
        (200, json.dumps({"node": {"dir": True, "nodes": []}})),
        (200, '{"node": {"value": "2"}}'),
    ]
    service = PublicRegistry(SERVICE, lambda _method, _url, _form=None: answers.pop(0))
    with pytest.raises(InvalidInput, match=f"{SERVICE}/t: it is unused, and made for 2; it cannot be made for 3"):
        make(service, f"{SERVICE}/t", 3)


# --- how requests go out ---


class Opener:
    """Stands for ``open_url``."""

    def __init__(self, answer: t.Union[bytes, BaseException]) -> None:
        self._answer = answer
        self.options: t.Dict[str, t.Any] = {}

    def __call__(self, url: str, **options: t.Any) -> t.Any:
        self.options = {"url": url, **options}
        if isinstance(self._answer, BaseException):
            raise self._answer
        answer = io.BytesIO(self._answer)
        answer.code = 200  # type: ignore[attr-defined] # as an answer of urllib has it
        return answer


def test_requests() -> None:
    opener = Opener(b"body")
    http = UrlHttp(opener, Connection(ca_path="ca", timeout=3))
    assert http("PUT", "http://h/t", {"value": "a b"}) == (200, "body")
    sent = opener.options
    assert (sent["method"], sent["data"], sent["ca_path"], sent["timeout"]) == ("PUT", b"value=a+b", "ca", 3)
    assert (sent["use_proxy"], sent["force_basic_auth"], sent["follow_redirects"]) == (False, False, "safe")


def test_a_password_follows_no_redirect() -> None:
    opener = Opener(b"")
    UrlHttp(opener, Connection(user="u", password="p"))("GET", "http://h/t")
    sent = opener.options
    assert (sent["url_username"], sent["url_password"]) == ("u", "p")
    assert (sent["force_basic_auth"], sent["follow_redirects"]) == (True, "none")


def test_an_answer_that_is_an_error() -> None:
    error = urllib.error.HTTPError("http://h/t", 412, "no", t.cast("t.Any", {}), io.BytesIO(b'{"errorCode":101}'))
    assert UrlHttp(Opener(error), Connection())("GET", "http://h/t") == (412, '{"errorCode":101}')


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (urllib.error.URLError(ConnectionRefusedError(111, "Connection refused")), Unreachable, "Connection refused"),
        (urllib.error.URLError(TimeoutError("timed out")), Unreachable, "within 2 s"),
        (TimeoutError("timed out"), Unreachable, "within 2 s"),
        (ConnectionResetError(), Unreachable, "ConnectionResetError"),
        (ValueError("unknown url type"), Unreachable, "unknown url type"),
        (urllib.error.URLError("[SSL: CERTIFICATE_VERIFY_FAILED] verify failed"), Unauthenticated, "not trusted"),
    ],
)
def test_no_answer(error: Exception, kind: t.Type[ClientError], told: str) -> None:
    with pytest.raises(kind, match=told) as failed:
        UrlHttp(Opener(error), Connection(timeout=2))("GET", "http://h/t")
    assert failed.value.endpoint == "http://h/t"


def test_a_request_is_bounded_as_a_whole() -> None:
    """Whatever it waits for, be it the name server."""
    end = threading.Event()

    def opener(_url: str, **_options: t.Any) -> t.NoReturn:
        end.wait(60)
        raise OSError

    try:
        with pytest.raises(Unreachable, match=r"within 0\.05 s"):
            UrlHttp(opener, Connection(timeout=0.05))("GET", "http://h/t")
    finally:
        end.set()


# --- which registry, and what members get ---


@pytest.mark.parametrize(
    ("protocol", "endpoints", "connection", "known"),
    [
        ("v3", ["h:1", "https://[::1]:2379/"], Connection(), ("http://h:1", "https://[::1]:2379")),
        ("v2", ["h:1", "https://[::1]:2379/"], Connection(), ("http://h:1", "https://[::1]:2379")),
        ("v2", ["h:1"], Connection(ca_path="ca"), ("https://h:1",)),
        ("public", ["https://discovery.example/"], Connection(), ("https://discovery.example",)),
    ],
)
def test_registries(protocol: str, endpoints: t.List[str], connection: Connection, known: t.Tuple[str, ...]) -> None:
    with registry_at(protocol, endpoints, connection, opener=Opener(b"")) as registry:
        assert (registry.protocol, registry.endpoints) == (protocol, known)


@pytest.mark.parametrize(
    ("protocol", "endpoints"),
    [
        ("v3", []),
        ("v3", ["ftp://h"]),
        ("v2", []),
        ("v2", ["ftp://h"]),
        ("v2", ["http://u:p@h"]),
        ("public", ["discovery.example"]),
        ("public", ["http://a", "http://b"]),
    ],
)
def test_endpoints_that_cannot_be(protocol: str, endpoints: t.List[str]) -> None:
    with pytest.raises(InvalidInput) as invalid, registry_at(protocol, endpoints, Connection(), opener=Opener(b"")):
        pass
    assert invalid.value.remedy


FIRST = {"ETCD_INITIAL_CLUSTER": "", "ETCD_INITIAL_CLUSTER_STATE": "new"}
V3 = {"ETCD_DISCOVERY_TOKEN": TOKEN}


@pytest.mark.parametrize(
    ("protocol", "endpoints", "connection", "expected"),
    [
        ("v3", ["http://a", "http://b"], Connection(), {**V3, "ETCD_DISCOVERY_ENDPOINTS": "http://a,http://b"}),
        (
            "v3",
            ["http://a"],
            Connection(user="u", password="secret", ca_path="ca"),
            {**V3, "ETCD_DISCOVERY_ENDPOINTS": "http://a", "ETCD_DISCOVERY_USER": "u"},
        ),
        (
            "v3",
            ["https://a"],
            Connection(ca_path="ca", client_cert="both", validate_certs=False),
            {
                **V3,
                "ETCD_DISCOVERY_ENDPOINTS": "https://a",
                "ETCD_DISCOVERY_CACERT": "ca",
                "ETCD_DISCOVERY_CERT": "both",
                "ETCD_DISCOVERY_KEY": "both",
                "ETCD_DISCOVERY_INSECURE_TRANSPORT": "false",
                "ETCD_DISCOVERY_INSECURE_SKIP_TLS_VERIFY": "true",
            },
        ),
        ("v2", ["http://a"], Connection(), {"ETCD_DISCOVERY": "http://url", "ETCD_DISCOVERY_FALLBACK": "exit"}),
        ("public", ["http://a"], Connection(), {"ETCD_DISCOVERY": "http://url", "ETCD_DISCOVERY_FALLBACK": "exit"}),
    ],
)
def test_environments(
    protocol: str, endpoints: t.List[str], connection: Connection, expected: t.Dict[str, str]
) -> None:
    seen = TokenSeen(TOKEN, "http://a", "http://url", exists=True, size=3)
    assert environment(seen, protocol, endpoints, connection) == {**FIRST, **expected}

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When gRPC is taken instead of the gateway."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _auto
from ansible_collections.quorum.etcd.plugins.module_utils._auto import AutoTransport
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    NotFound,
    Rejected,
    Unauthenticated,
    Unavailable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._gateway import error_of
from ansible_collections.quorum.etcd.plugins.module_utils._grpc import LibraryMissing
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection

Answer = t.Dict[str, t.Any]

COMMON_NAME = "CommonName of client sending a request against gateway will be ignored and not used as expected"
PREFACE = '{"code":14,"message":"connection error: desc = error reading server preface: remote error"}'


class Fake:
    """A transport that answers with its name, or with an error."""

    def __init__(self, endpoint: str, connection: Connection) -> None:
        self.endpoint = endpoint
        self.closed = False
        made.append(self)

    @property
    def name(self) -> str:
        return type(self).__name__

    def call(self, rpc: str, request: t.Mapping[str, t.Any], *, timeout: t.Optional[float] = None) -> Answer:
        asked.append(self.name)
        if self.name in failing:
            raise failing[self.name]
        return {"by": self.name}

    def get(self, path: str, *, timeout: t.Optional[float] = None) -> t.Tuple[int, str]:
        return 200, self.name

    def close(self) -> None:
        self.closed = True


class Gateway(Fake):
    pass


class Grpc(Fake):
    pass


class Missing:
    def __init__(self, endpoint: str, connection: Connection) -> None:
        raise LibraryMissing("There is no etcd3.", remedy="Install it.")


made: t.List[Fake] = []
asked: t.List[str] = []
failing: t.Dict[str, ClientError] = {}


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    made.clear()
    asked.clear()
    failing.clear()
    monkeypatch.setattr(_auto, "GatewayTransport", Gateway)
    monkeypatch.setattr(_auto, "GrpcTransport", Grpc)


def refusal(status: int, body: str) -> ClientError:
    return error_of("https://h:2379", "Some/Call", status, body)


def test_the_gateway_will_do() -> None:
    transport = AutoTransport("http://h:2379", Connection())
    assert transport.call("Some/Call", {}) == {"by": "Gateway"}
    assert transport.get("/health") == (200, "Gateway")
    assert len(made) == 1
    transport.close()
    assert made[0].closed


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, "404 page not found\n"), (400, COMMON_NAME), (503, PREFACE)],
    ids=["off", "name", "preface"],
)
def test_the_gateway_cannot(status: int, body: str) -> None:
    failing["Gateway"] = refusal(status, body)
    transport = AutoTransport("https://h:2379", Connection())
    for _again in range(2):
        assert transport.call("Some/Call", {}) == {"by": "Grpc"}
    assert asked == ["Gateway", "Grpc", "Grpc"], "once is enough to know"
    assert [one.closed for one in made] == [True, False]
    assert transport.get("/health") == (200, "Grpc")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, '{"code":5,"message":"etcdserver: member not found"}', NotFound),
        (404, '{"code":5,"message":"Not Found"}', NotFound),
        (400, '{"code":9,"message":"etcdserver: Peer URLs already exists"}', Rejected),
        (400, '{"code":3,"message":"etcdserver: user name is empty"}', Unauthenticated),
        (503, '{"code":14,"message":"etcdserver: unhealthy cluster"}', Unavailable),
    ],
)
def test_etcd_refuses(status: int, body: str, kind: t.Type[ClientError]) -> None:
    failing["Gateway"] = refusal(status, body)
    with pytest.raises(kind):
        AutoTransport("https://h:2379", Connection()).call("Some/Call", {})
    assert asked == ["Gateway"]


def test_what_grpc_says_counts() -> None:
    failing["Gateway"] = refusal(404, "404 page not found\n")
    failing["Grpc"] = refusal(403, '{"code":7,"message":"etcdserver: permission denied"}')
    with pytest.raises(ClientError, match="permission denied"):
        AutoTransport("https://h:2379", Connection()).call("Some/Call", {})


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_auto, "GrpcTransport", Missing)
    failing["Gateway"] = refusal(400, COMMON_NAME)
    transport = AutoTransport("https://h:2379", Connection())
    with pytest.raises(Unauthenticated, match="CommonName") as refused:
        transport.call("Some/Call", {})
    assert refused.value.remedy.endswith("With gRPC it may be done. There is no etcd3. Install it.")
    assert refused.value.endpoint == "https://h:2379"


def test_who_does_not_validate_stays_with_the_gateway() -> None:
    failing["Gateway"] = refusal(400, COMMON_NAME)
    with pytest.raises(Unauthenticated):
        AutoTransport("https://h:2379", Connection(validate_certs=False)).call("Some/Call", {})
    assert asked == ["Gateway"]

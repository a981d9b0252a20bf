# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What gRPC's failures mean, and a host without its libraries. The rest needs them: see the integration tests."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _grpc
from ansible_collections.quorum.etcd.plugins.module_utils._client import connect
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
from ansible_collections.quorum.etcd.plugins.module_utils._gateway import error_of
from ansible_collections.quorum.etcd.plugins.module_utils._grpc import LibraryMissing, failure_of
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection

_PREFIX = "failed to connect to all addresses; last error: UNKNOWN: ipv4:192.0.2.1:2379: "


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (9, "etcdserver: Peer URLs already exists", Rejected),
        (9, "etcdserver: can only promote a learner member which is in sync with leader", Rejected),
        (14, "etcdserver: unhealthy cluster", Unavailable),
        (14, "etcdserver: request timed out", Unavailable),
        (14, "etcdserver: rpc not supported for learner", ForVoters),
        (4, "context deadline exceeded", Unavailable),
        (2, "raft: stopped", Unavailable),
        (3, "etcdserver: user name is empty", Unauthenticated),
        (3, "etcdserver: authentication failed, invalid user ID or password", Unauthenticated),
        (16, "etcdserver: invalid auth token", Unauthenticated),
        (7, "etcdserver: permission denied", PermissionDenied),
        (5, "etcdserver: member not found", NotFound),
        (12, "unknown method Downgrade for service etcdserverpb.Maintenance", NotFound),
        (8, "etcdserver: mvcc: database space exceeded", NoSpace),
        (11, "etcdserver: mvcc: required revision is a future revision", Rejected),
        (4, "Deadline Exceeded", Unreachable),
        (14, f"{_PREFIX}Failed to connect to remote host: Connection refused", Unreachable),
        (14, "Socket closed", Unreachable),
        (1, "Channel closed!", Unreachable),
        (14, f"{_PREFIX}Ssl handshake failed: SSL_ERROR_SSL: CERTIFICATE_VERIFY_FAILED", Unauthenticated),
        (14, f"{_PREFIX}Peer name localhost is not in peer certificate", Unauthenticated),
        (14, f"{_PREFIX}Ssl handshake failed: SSL_ERROR_SSL: WRONG_VERSION_NUMBER", Unreachable),
        (14, "SSL_ERROR_SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED", Unauthenticated),
        (14, "Trying to connect an http1.x server", NotFound),
    ],
)
def test_failures(code: int, details: str, kind: t.Type[ClientError]) -> None:
    error = failure_of("http://h:2379", "Some/Call", code, details, 2.0)
    assert error.__class__ is kind
    assert error.endpoint == "http://h:2379"
    assert "http://h:2379" in error.message
    if details.startswith("etcdserver: "):
        assert error.details["reason"] == details


@pytest.mark.parametrize("code", range(1, 17))
@pytest.mark.parametrize(
    "details", ["etcdserver: permission denied", "etcdserver: not leader", "etcdserver: no leader"]
)
def test_what_etcd_says_means_the_same_as_through_the_gateway(code: int, details: str) -> None:
    through = error_of("http://h:2379", "Some/Call", 400, f'{{"code": {code}, "message": "{details}"}}')
    direct = failure_of("http://h:2379", "Some/Call", code, details, 2.0)
    assert (type(direct), str(direct), direct.details) == (type(through), str(through), through.details)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    """A Python without the libraries."""
    for name in ("etcd3", "etcd3.etcdrpc", "etcd3.etcdrpc.rpc_pb2", "grpc"):
        monkeypatch.setitem(sys.modules, name, None)
    _grpc._grpc.cache_clear()
    _grpc._made_messages.cache_clear()
    yield
    _grpc._grpc.cache_clear()
    _grpc._made_messages.cache_clear()


@pytest.mark.usefixtures("bare")
def test_without_the_libraries() -> None:
    with pytest.raises(LibraryMissing, match="needs the Python library etcd3") as missing:
        connect("http://h:2379", Connection(), transport="grpc")
    assert sys.executable in missing.value.message
    assert "pip install etcd3" in missing.value.remedy
    with pytest.raises(LibraryMissing):
        _grpc._messages()
    assert connect("http://h:2379", Connection()).endpoint == "http://h:2379", "nothing is imported before it is needed"


def test_what_grpc_cannot_do() -> None:
    with pytest.raises(InvalidInput, match="validates"):
        connect("https://h:2379", Connection(validate_certs=False), transport="grpc")
    with pytest.raises(InvalidInput, match="no transport"):
        connect("http://h:2379", Connection(), transport="pigeon")


def test_a_virtual_environment_of_the_roles_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    place.mkdir(parents=True)
    (place / "grpc.py").write_text("WHERE = 'here'\n")
    monkeypatch.setattr(_grpc, "_VENV", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "grpc", raising=False)
    _grpc._grpc.cache_clear()
    try:
        assert _grpc._grpc().WHERE == "here"
        assert sys.path == [str(place)]
    finally:
        _grpc._grpc.cache_clear()
        sys.modules.pop("grpc", None)

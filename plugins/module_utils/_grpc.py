# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transport over gRPC, with the libraries ``etcd3`` (its messages) and ``grpcio`` (which it needs itself).

Private to this collection. The libraries are imported when the first transport is made: that takes about 0.2 s
of CPU time.
"""

from __future__ import annotations

import functools
import glob
import importlib
import json
import os
import ssl
import sys
import threading
import typing as t
from urllib.parse import urlsplit

from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unreachable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._gateway import (
    DEFAULT_PORT,
    GatewayTransport,
    Limit,
    error_of,
)
from ansible_collections.quorum.etcd.plugins.module_utils._grpc_proto import Messages
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection

# gRPC codes, https://grpc.io/docs/guides/status-codes/
_CANCELLED, _UNKNOWN, _DEADLINE_EXCEEDED, _INTERNAL, _UNAVAILABLE = 1, 2, 4, 13, 14

_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # as the gateway transport: no proxies of the environment
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.max_receive_message_length", -1),
    # After a failure a new channel tries at once, whatever others know of the same address.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


# Where the role makes a virtual environment with the libraries, for a Python that has none of its own.
_VENV = "/opt/etcd/python"


class LibraryMissing(InvalidInput):
    """gRPC cannot be used with this Python."""


class GrpcTransport(GatewayTransport):
    """One server's API over gRPC; its pages such as ``/health`` over HTTP, on the same port. See ``_transport``.

    Unlike the gateway it takes client certificates with a common name as a user's. ``etcd3``'s own client is not used:
    it has no time limits, forgets etcd's messages, and cannot trust the system's certificate authorities.
    """

    def __init__(self, endpoint: str, connection: Connection) -> None:
        """Nothing is sent yet.

        :raises InvalidInput: the URL or a certificate file cannot be used.
        :raises LibraryMissing: a library is missing.
        """
        super().__init__(endpoint, connection)
        if not connection.validate_certs and endpoint.startswith("https:"):
            raise InvalidInput(
                "gRPC always validates the servers' certificates (validate_certs).",
                remedy="Set ca_path to the certificate authority, or transport to gateway.",
            )
        self._grpc = _grpc()
        self._messages = _messages()
        self._channel: t.Any = None

    def close(self) -> None:
        super().close()
        self._drop()

    def _post(self, rpc: str, request: t.Mapping[str, t.Any], limit: Limit) -> t.Dict[str, t.Any]:
        method = self._messages.method(rpc)
        if self._channel is None:
            self._channel = self._make_channel()
        ask = self._channel.unary_unary(
            method.path, request_serializer=method.encode, response_deserializer=method.decode
        )
        try:
            return t.cast(
                "t.Dict[str, t.Any]",
                ask(request, timeout=max(limit.left, 0.001), metadata=(("token", self._token),) if self._token else ()),
            )
        except self._grpc.RpcError as error:
            failure = failure_of(self.endpoint, rpc, error.code().value[0], error.details() or "", limit.seconds)
            if isinstance(failure, Unreachable):
                self._drop()
            raise failure from error

    def _drop(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _make_channel(self) -> t.Any:
        url = urlsplit(self.endpoint)
        host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
        target = f"dns:///{host}:{url.port or DEFAULT_PORT}"
        if url.scheme == "http":
            return self._grpc.insecure_channel(target, options=_OPTIONS)
        connection = self._connection
        try:
            authorities = _read(connection.ca_path) if connection.ca_path else _system_authorities()
            chain = _read(connection.client_cert) if connection.client_cert else None
            key = _read(connection.client_key) if connection.client_key else chain
        except OSError as error:
            raise InvalidInput(f"A certificate cannot be read: {error}.") from error
        credentials = self._grpc.ssl_channel_credentials(authorities, key, chain)
        return self._grpc.secure_channel(target, credentials, options=_OPTIONS)


def failure_of(endpoint: str, rpc: str, code: int, details: str, seconds: float) -> ClientError:
    """The exception for a call that failed, of the class that the gateway's answer to it would have.

    :param code: the gRPC code.
    :param details: etcd's message, or what the gRPC library says of the connection.
    """
    from_etcd = details.startswith(("etcdserver: ", "mvcc: ", "auth: ", "context ", "raft: "))
    if code == _DEADLINE_EXCEEDED and not from_etcd:
        return Unreachable(f"{endpoint} did not answer within {seconds:g} s.", endpoint=endpoint)
    if code not in {_CANCELLED, _UNKNOWN, _INTERNAL, _UNAVAILABLE} or from_etcd:
        return error_of(endpoint, rpc, 0, json.dumps({"code": code, "message": details}))
    words = details.upper()
    if "CERTIFICATE_VERIFY_FAILED" in words or "HOSTNAME VERIFICATION" in words or "PEER NAME" in words:
        return Unauthenticated(
            f"{endpoint} has a certificate that is not trusted: {details}.",
            endpoint=endpoint,
            remedy="Check ca_path, and that the certificate is made out for the endpoint's host.",
        )
    if "ALERT" in words:
        return Unauthenticated(
            f"{endpoint} does not accept the client certificate, or misses one: {details}.",
            endpoint=endpoint,
            remedy="Check client_cert and client_key.",
        )
    if "SSL" in words:
        return Unreachable(
            f"{endpoint} cannot be reached over TLS: {details}.",
            endpoint=endpoint,
            remedy="Does the server speak TLS there?",
        )
    if "HTTP1" in words or "HTTP2 HEADER WITH STATUS" in words:
        return NotFound(
            f"{endpoint} does not answer {rpc} like etcd does: {details}.",
            endpoint=endpoint,
            remedy="The endpoint must be a client URL of an etcd server, not one for HTTP only.",
            reason=details,
        )
    return Unreachable(f"{endpoint} cannot be reached: {details}.", endpoint=endpoint)


@functools.lru_cache(maxsize=None)
def _grpc() -> t.Any:
    # It would write of every lost connection to stderr, ask DNS for its own settings, and mind forks.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ.setdefault("GRPC_DNS_RESOLVER", "native")
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    place = "{}/lib/python{}.{}/site-packages".format(_VENV, *sys.version_info)
    if os.path.isdir(place) and place not in sys.path:
        sys.path.append(place)  # last: what this Python has of its own comes first
    try:
        return importlib.import_module("grpc")
    except ImportError as error:
        raise _missing(error) from error


def _messages() -> Messages:
    with _importing:
        try:
            return _made_messages()
        except (AttributeError, ImportError, TypeError) as error:
            raise _missing(error) from error


_importing = threading.Lock()
_made_messages = functools.lru_cache(maxsize=None)(Messages)


def _missing(error: Exception) -> LibraryMissing:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return LibraryMissing(
        f"gRPC needs the Python library etcd3, which {sys.executable or 'this Python'} cannot import: {reason}.",
        remedy="Install it there (Debian: python3-etcd3; else: pip install etcd3; the role does it for "
        "etcd_python_client), or set transport to gateway.",
    )


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _system_authorities() -> t.Optional[bytes]:
    """Those that Python trusts; gRPC would take its own."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return _read(paths.cafile)
    files = sorted(glob.glob(os.path.join(paths.capath, "*.[0-9]"))) if paths.capath else []
    return b"\n".join(_read(file) for file in files) or None


__all__ = ("GrpcTransport", "LibraryMissing", "failure_of")

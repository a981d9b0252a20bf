# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transport over etcd's HTTP/JSON gateway, with nothing but Python's standard library.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import selectors
import socket
import ssl
import threading
import time
import typing as t
from urllib.parse import urlsplit

from ansible_collections.quorum.etcd.plugins.module_utils._address import shown
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
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection

_PATHS = {
    "Auth/AuthDisable": "/v3/auth/disable",
    "Auth/AuthEnable": "/v3/auth/enable",
    "Auth/AuthStatus": "/v3/auth/status",
    "Auth/Authenticate": "/v3/auth/authenticate",
    "Auth/RoleAdd": "/v3/auth/role/add",
    "Auth/RoleDelete": "/v3/auth/role/delete",
    "Auth/RoleGet": "/v3/auth/role/get",
    "Auth/RoleGrantPermission": "/v3/auth/role/grant",
    "Auth/RoleList": "/v3/auth/role/list",
    "Auth/RoleRevokePermission": "/v3/auth/role/revoke",
    "Auth/UserAdd": "/v3/auth/user/add",
    "Auth/UserChangePassword": "/v3/auth/user/changepw",
    "Auth/UserDelete": "/v3/auth/user/delete",
    "Auth/UserGet": "/v3/auth/user/get",
    "Auth/UserGrantRole": "/v3/auth/user/grant",
    "Auth/UserList": "/v3/auth/user/list",
    "Auth/UserRevokeRole": "/v3/auth/user/revoke",
    "Cluster/MemberAdd": "/v3/cluster/member/add",
    "Cluster/MemberList": "/v3/cluster/member/list",
    "Cluster/MemberPromote": "/v3/cluster/member/promote",
    "Cluster/MemberRemove": "/v3/cluster/member/remove",
    "Cluster/MemberUpdate": "/v3/cluster/member/update",
    "KV/Compact": "/v3/kv/compaction",
    "KV/DeleteRange": "/v3/kv/deleterange",
    "KV/Put": "/v3/kv/put",
    "KV/Range": "/v3/kv/range",
    "KV/Txn": "/v3/kv/txn",
    "Lease/LeaseGrant": "/v3/lease/grant",
    "Lease/LeaseLeases": "/v3/lease/leases",
    "Lease/LeaseRevoke": "/v3/lease/revoke",
    "Lease/LeaseTimeToLive": "/v3/lease/timetolive",
    "Maintenance/Alarm": "/v3/maintenance/alarm",
    "Maintenance/Defragment": "/v3/maintenance/defragment",
    "Maintenance/Downgrade": "/v3/maintenance/downgrade",
    "Maintenance/Hash": "/v3/maintenance/hash",
    "Maintenance/HashKV": "/v3/maintenance/hashkv",
    "Maintenance/MoveLeader": "/v3/maintenance/transfer-leadership",
    "Maintenance/Status": "/v3/maintenance/status",
}

DEFAULT_PORT = 2379

# The share of a call's time that etcd is given, so that its own answer arrives before the socket gives up.
_SERVER_SHARE = 0.9


class _Known(t.NamedTuple):
    """A message of etcd's that its gRPC code alone would put in the wrong class, or that has a remedy."""

    fragment: str
    kind: t.Type[ClientError]
    remedy: str = ""


_CREDENTIALS = "Set user and password."
_KNOWN = (
    _Known("user name is empty", Unauthenticated, _CREDENTIALS),
    _Known("authentication failed, invalid user ID or password", Unauthenticated, "Check user and password."),
    _Known("invalid auth token", Unauthenticated),
    _Known("revision of auth store is old", Unauthenticated),
    _Known("user name not found", NotFound),
    _Known("role name not found", NotFound),
    _Known("role is not granted to the user", NotFound),
    _Known("permission is not granted to the role", NotFound),
    # 3.5 gives it no code of its own in streams.
    _Known("permission denied", PermissionDenied),
    _Known("rpc not supported for learner", ForVoters, "Ask a voting member."),
    _Known(
        "database space exceeded",
        NoSpace,
        "Compact, defragment every member, then clear the NOSPACE alarm; or raise quota-backend-bytes first.",
    ),
    _Known("corrupt cluster", Rejected, "Replace the member the CORRUPT alarm names, then clear the alarm."),
    _Known(
        "CommonName of client sending a request against gateway will be ignored",
        Unauthenticated,
        "With users switched on, etcd's HTTP gateway takes only client certificates without a common name.",
    ),
    _Known(
        "error reading server preface",
        Unavailable,
        "The server's own certificate must also be valid for client authentication, or client-cert-file be set.",
    ),
    _Known("Client sent an HTTP request to an HTTPS server", Rejected, "The endpoint must begin with https://."),
)

# gRPC codes, https://grpc.io/docs/guides/status-codes/
_BY_CODE: t.Dict[int, t.Type[ClientError]] = {
    2: Unavailable,
    3: Rejected,
    4: Unavailable,
    5: NotFound,
    7: PermissionDenied,
    8: Unavailable,
    9: Rejected,
    11: Rejected,
    12: NotFound,
    13: Unavailable,
    14: Unavailable,
    15: Rejected,
    16: Unauthenticated,
}
_BY_STATUS: t.Dict[int, t.Type[ClientError]] = {
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    405: NotFound,
    408: Unavailable,
    429: Unavailable,
    501: NotFound,
}
_VERBS: t.Dict[t.Type[ClientError], str] = {
    NotFound: "did not find what was asked for",
    PermissionDenied: "does not permit this",
    Unauthenticated: "does not accept the credentials",
    Unavailable: "cannot serve now",
}


def error_of(endpoint: str, subject: str, status: int, body: str) -> ClientError:
    """The exception for an answer that is not 200. ``subject`` is the call or the path.

    Known are the gateway's error objects of 3.4 to 3.7, those of streams (nested under ``error``), and plain text.
    """
    code, reason = _code_and_reason(body)
    remedy = ""
    kind: t.Type[ClientError]
    for known in _KNOWN:
        if known.fragment in reason:
            kind, remedy = known.kind, known.remedy
            break
    else:
        kind = (
            _BY_CODE.get(code)
            or _BY_STATUS.get(status)
            or (Unavailable if status >= http.client.INTERNAL_SERVER_ERROR else Rejected)
        )
    if kind is NotFound and (not code or reason == "Not Found"):
        remedy = (
            "Is this a client URL of an etcd server of this version, with its gateway on (enable-grpc-gateway), "
            "and not moved to listen-client-http-urls?"
        )
    reason = reason or f"HTTP status {status}"
    return kind(
        f"{endpoint} {_VERBS.get(kind, 'refused the request')} ({subject}): {reason}.",
        endpoint=endpoint,
        remedy=remedy,
        reason=reason,
    )


def _code_and_reason(body: str) -> t.Tuple[int, str]:
    """gRPC code (0 where unknown) and message of an error answer."""
    answer = _json_object(body)
    if answer is None:
        return 0, " ".join(body.split())[:300]
    nested = answer.get("error")
    if isinstance(nested, dict):
        answer = nested
    code = answer.get("code", answer.get("grpc_code"))
    reason = answer.get("message") or answer.get("error") or ""
    return code if isinstance(code, int) else 0, str(reason)


def _json_object(body: str) -> t.Optional[t.Dict[str, t.Any]]:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


class Limit:
    """The time that one call may take as a whole, in seconds, from now on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Never negative."""
        return max(self._end - time.monotonic(), 0.0)


class GatewayTransport:
    """One server's gateway over one connection that is kept open. See ``_transport.Transport``.

    Proxy settings of the environment are not honoured. A call with a time limit of its own keeps it for connecting,
    authenticating and asking together; only name resolution is out of reach.
    """

    def __init__(self, endpoint: str, connection: Connection) -> None:
        """Nothing is sent yet.

        :param endpoint: a URL with scheme ``http`` or ``https``; the port is 2379 where it has none.
        :raises InvalidInput: the URL or a certificate file cannot be used.
        """
        self.endpoint = endpoint
        self._connection = connection
        self._token: t.Optional[str] = None
        self._http = _make_http(endpoint, connection)

    def call(
        self, rpc: str, request: t.Mapping[str, t.Any], *, timeout: t.Optional[float] = None
    ) -> t.Dict[str, t.Any]:
        limit = self._limit(timeout)
        if self._connection.user is None:
            return self._post(rpc, request, limit)
        if self._token is None:
            self._authenticate(limit)
        try:
            return self._post(rpc, request, limit)
        except Unauthenticated as error:
            # Tokens are lost when a server restarts, when they expire, and whenever users or roles change.
            if not _is_stale(error):
                raise
        self._authenticate(limit)
        return self._post(rpc, request, limit)

    def get(self, path: str, *, timeout: t.Optional[float] = None) -> t.Tuple[int, str]:
        return self._exchange("GET", path, None, {}, self._limit(timeout))

    def close(self) -> None:
        self._http.close()

    def _limit(self, timeout: t.Optional[float]) -> Limit:
        return Limit(self._connection.timeout if timeout is None else timeout)

    def _authenticate(self, limit: Limit) -> None:
        self._token = None
        request = {"name": self._connection.user, "password": self._connection.password or ""}
        try:
            answer = self._post("Auth/Authenticate", request, limit)
        except Rejected as error:
            if "authentication is not enabled" not in error.details["reason"]:
                raise
            answer = {}
        self._token = str(answer.get("token", ""))

    def _post(self, rpc: str, request: t.Mapping[str, t.Any], limit: Limit) -> t.Dict[str, t.Any]:
        milliseconds = max(1, int(limit.left * 1000 * _SERVER_SHARE))
        headers = {"Content-Type": "application/json", "Grpc-Timeout": f"{milliseconds}m"}
        if self._token:
            headers["Authorization"] = self._token
        body = json.dumps(request).encode("ascii")
        status, text = self._exchange("POST", _PATHS[rpc], body, headers, limit)
        if status != http.client.OK:
            raise error_of(self.endpoint, rpc, status, text)
        answer = _json_object(text)
        if answer is None:
            raise NotFound(
                f"{self.endpoint} does not answer {rpc} like etcd does.",
                endpoint=self.endpoint,
                remedy="The endpoint must be a client URL of an etcd server.",
                reason="not JSON",
            )
        return answer

    def _exchange(
        self, method: str, path: str, body: t.Optional[bytes], headers: t.Dict[str, str], limit: Limit
    ) -> t.Tuple[int, str]:
        try:
            self._be_connected(limit)
            with _cut_off(self._http.sock, limit):
                self._http.request(method, path, body=body, headers=headers)
                response = self._http.getresponse()
                return response.status, response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            self._http.close()
            raise _unreachable(self.endpoint, error, limit.seconds) from error

    def _be_connected(self, limit: Limit) -> None:
        """Have a usable connection whose operations take no longer than what is left of the limit, each.

        A kept connection on which something arrived unasked was closed by the other side, say by a restart.
        """
        if self._http.sock is not None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._http.sock, selectors.EVENT_READ)
                if selector.select(0):
                    self._http.close()
        seconds = limit.left
        if not seconds:
            raise socket.timeout("timed out")
        self._http.timeout = seconds
        if self._http.sock is None:
            self._http.connect()
        self._http.sock.settimeout(seconds)


@contextlib.contextmanager
def _cut_off(sock: socket.socket, limit: Limit) -> t.Iterator[None]:
    """End with the limit what is under way: an answer that comes in drops is in time with each of them.

    :raises socket.timeout: it was ended.
    """
    over = threading.Event()

    def cut() -> None:
        over.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(limit.left, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException):
        if not over.is_set():
            raise
    finally:
        timer.cancel()
    if over.is_set():
        raise socket.timeout("timed out")


def _is_stale(error: Unauthenticated) -> bool:
    """Logging in (again) may help; it cannot against a wrong password or certificate."""
    reason = error.details.get("reason", "")
    return "authentication failed" not in reason and "CommonName" not in reason and bool(reason)


class _Http(http.client.HTTPConnection):
    timeout: float
    sock: t.Any


def _make_http(endpoint: str, connection: Connection) -> _Http:
    unusable = InvalidInput(
        f"The endpoint {shown(endpoint)!r} cannot be used.",
        remedy="It must look like http://HOST:PORT or https://HOST:PORT.",
    )
    try:
        url = urlsplit(endpoint)
        host, port = url.hostname or "", url.port or DEFAULT_PORT
        host.encode("idna")
        plain = http.client.HTTPConnection(host, port, timeout=connection.timeout)
    except (ValueError, http.client.InvalidURL) as error:
        raise unusable from error
    if url.scheme not in {"http", "https"} or not host or url.path.strip("/") or url.query or url.username is not None:
        raise unusable
    if url.scheme == "http":
        return t.cast("_Http", plain)
    secure = http.client.HTTPSConnection(host, port, timeout=connection.timeout, context=_tls_context(connection))
    return t.cast("_Http", secure)


def _tls_context(connection: Connection) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=connection.ca_path)
    except OSError as error:
        raise InvalidInput(
            f"The certificate authorities in {connection.ca_path} (ca_path) cannot be read: {error}."
        ) from error
    if not connection.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    if connection.client_cert is not None:
        try:
            # The empty password keeps OpenSSL from asking for one on the terminal.
            context.load_cert_chain(connection.client_cert, connection.client_key, password="")
        except OSError as error:
            files = " and ".join(path for path in (connection.client_cert, connection.client_key) if path)
            raise InvalidInput(
                f"The client certificate and key in {files} cannot be read: {error}.",
                remedy="They must be in PEM format, belong together, and the key must have no password.",
            ) from error
    return context


def _unreachable(endpoint: str, error: Exception, seconds: float) -> ClientError:
    """The exception for an exchange that gave no answer."""
    reason = str(error) or type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unauthenticated(
            f"{endpoint} has a certificate that is not trusted: {error.verify_message}.",
            endpoint=endpoint,
            remedy="Check ca_path, and that the certificate is made out for the endpoint's host.",
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, socket.timeout):
        if "ALERT" in reason.upper():
            return Unauthenticated(
                f"{endpoint} does not accept the client certificate, or misses one: {reason}.",
                endpoint=endpoint,
                remedy="Check client_cert and client_key.",
            )
        return Unreachable(
            f"{endpoint} cannot be reached over TLS: {reason}.",
            endpoint=endpoint,
            remedy="Does the server speak TLS there?",
        )
    if isinstance(error, socket.timeout) or "timed out" in reason:
        return Unreachable(f"{endpoint} did not answer within {seconds:g} s.", endpoint=endpoint)
    if isinstance(error, http.client.RemoteDisconnected):
        return Unreachable(f"{endpoint} closed the connection without an answer.", endpoint=endpoint)
    return Unreachable(f"{endpoint} cannot be reached: {reason}.", endpoint=endpoint)


__all__ = ("GatewayTransport", "Limit", "error_of")

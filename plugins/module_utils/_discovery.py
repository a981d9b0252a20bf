# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Discovery tokens: what a registry says of one, making and removing it, over its three protocols.

Private to this collection. A token stands for one cluster, once: members register under it until there are as many as
its size. What is read and written here is what etcd's servers look for (``etcdserver/api/v3discovery`` and
``v2discovery``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import re
import secrets
import socket
import threading
import typing as t
import urllib.error
import urllib.parse

from ansible_collections.quorum.etcd.plugins.module_utils._address import shown
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, connect, on_any
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
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection

PROTOCOLS = ("v3", "v2", "public")
PREFIX = "_etcd/registry"
ATTEMPTS = 3

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_OK = (200, 201)
_KEY_NOT_FOUND = 100
_CHANGED_MEANWHILE = (100, 101, 105)


@dataclasses.dataclass(frozen=True)
class Registration:
    """A member that registered: its ID, and its name and peer URLs as it wrote them.

    Without peer URLs it is something else that lies there.
    """

    id: str
    name: str
    peer_urls: t.Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class TokenSeen:
    """What a registry holds for a token.

    ``url`` is what members are given as ``discovery``; empty with v3. ``size`` is ``None`` where there is none or it is
    no number above 0. ``registrations`` are in the order in which members count them. ``revision`` is that of the size,
    0 where it has none.
    """

    token: str
    registry: str
    url: str = ""
    exists: bool = False
    size: t.Optional[int] = None
    registrations: t.Tuple[Registration, ...] = ()
    problem: str = ""
    revision: int = 0

    @property
    def full(self) -> bool:
        """As many have registered as it is made for: nobody else can start with it."""
        return self.size is not None and sum(bool(one.peer_urls) for one in self.registrations) >= self.size

    @property
    def usable(self) -> bool:
        """A new cluster can be made with it."""
        return self.exists and self.size is not None and not self.registrations and not self.problem


class Registry(t.Protocol):
    """Where tokens are kept. Each method may raise a ``ClientError``, and ``InvalidInput`` for a token."""

    protocol: str
    endpoints: t.Tuple[str, ...]

    def look(self, token: str) -> TokenSeen:
        """What is there for the token."""

    def new(self, size: int) -> str:
        """Make a token that nobody has used; gives it."""

    def resize(self, seen: TokenSeen, size: int) -> bool:
        """Write the size of a token, unless that has changed since it was seen; whether it was written."""

    def remove(self, token: str) -> None:
        """Remove the token and all that is registered under it."""


class V3Registry:
    """Keys of any etcd with the v3 API; for members of 3.6 and newer. See ``Registry``."""

    protocol = "v3"

    def __init__(self, clients: t.Sequence[Client]) -> None:
        self.endpoints = tuple(client.endpoint for client in clients)
        self._clients = tuple(clients)

    def look(self, token: str) -> TokenSeen:
        root = self._root(token)
        entries = on_any(self._clients, lambda client: client.get_prefix(root.encode()))
        members = []
        size: t.Optional[str] = None
        revision = 0
        for entry in sorted(entries, key=lambda entry: entry.create_revision):
            key = entry.key.decode("utf-8", "replace")[len(root) :]
            value = entry.value.decode("utf-8", "replace")
            if key == "_config/size":
                size, revision = value, entry.mod_revision
            elif key.startswith("members/"):
                members.append(registration(key.partition("/")[2], value))
        found = TokenSeen(token, self.endpoints[0], exists=bool(entries), revision=revision)
        return judged(found, size, members)

    def new(self, size: int) -> str:
        return _new(self, size)

    def resize(self, seen: TokenSeen, size: int) -> bool:
        key, value = f"{self._root(seen.token)}_config/size".encode(), str(size).encode()
        written = on_any(self._clients, lambda client: client.put_if(key, value, mod_revision=seen.revision))
        return written is not None

    def remove(self, token: str) -> None:
        root = self._root(token).encode()
        on_any(self._clients, lambda client: client.delete(root, prefix=True))

    @staticmethod
    def _root(token: str) -> str:
        return f"/{PREFIX}/{check_token(token)}/"


class Http(t.Protocol):
    """One request; gives status and body, whatever the status is.

    :raises ClientError: there is no answer.
    """

    def __call__(self, method: str, url: str, form: t.Optional[t.Mapping[str, str]] = None) -> t.Tuple[int, str]: ...


class V2Registry:
    """The keys API of an etcd 3.4 or 3.5 with ``enable-v2``; for members up to 3.6. See ``Registry``.

    A token may be the whole URL that members are given; then no other endpoint is asked.
    """

    protocol = "v2"

    def __init__(self, endpoints: t.Sequence[str], http: Http) -> None:
        self.endpoints = tuple(endpoint.rstrip("/") for endpoint in endpoints)
        self._http = http

    def look(self, token: str) -> TokenSeen:
        return self._on_any(token, lambda url: look_at_directory(self._http, token, url))

    def new(self, size: int) -> str:
        return _new(self, size)

    def resize(self, seen: TokenSeen, size: int) -> bool:
        condition = f"prevIndex={seen.revision}" if seen.revision else "prevExist=false"

        def write(url: str) -> bool:
            status, body = self._http("PUT", f"{url}/_config/size?{condition}", {"value": str(size)})
            if error_code(body) in _CHANGED_MEANWHILE:
                return False
            _expect(url, status, body)
            return True

        return self._on_any(seen.token, write)

    def remove(self, token: str) -> None:
        def remove(url: str) -> None:
            status, body = self._http("DELETE", f"{url}?recursive=true")
            if error_code(body) != _KEY_NOT_FOUND:
                _expect(url, status, body)

        self._on_any(token, remove)

    def _on_any(self, token: str, what: t.Callable[[str], _Answer]) -> _Answer:
        if "://" in token:
            return what(check_url(token))
        urls = [f"{endpoint}/v2/keys/{PREFIX}/{check_token(token)}" for endpoint in self.endpoints]
        for url in urls[:-1]:
            with contextlib.suppress(Unavailable, Unreachable):
                return what(url)
        return what(urls[-1])


class PublicRegistry:
    """A discovery service: it chooses the tokens, which are URLs, and removes them itself. See ``Registry``."""

    protocol = "public"

    def __init__(self, service: str, http: Http) -> None:
        self.endpoints: t.Tuple[str, ...] = (service.rstrip("/"),)
        self._http = http

    def look(self, token: str) -> TokenSeen:
        return look_at_directory(self._http, token, self._url(token))

    def new(self, size: int) -> str:
        url = f"{self.endpoints[0]}/new?size={size}"
        status, body = self._http("GET", url)
        token = body.strip().strip('"')
        if status not in _OK or not token.startswith(("http://", "https://")) or len(token.split()) != 1:
            raise Unavailable(
                f"{url} gave no token but {status}: {short(body)}.",
                endpoint=self.endpoints[0],
                remedy="Is this a discovery service? Try again later, or use a registry of your own.",
            )
        return check_url(token)

    def resize(self, seen: TokenSeen, size: int) -> bool:
        raise InvalidInput(
            f"{describe(seen)}; it cannot be made for {size}, because the service alone makes tokens.",
            remedy="Leave token out for a new one.",
        )

    def remove(self, token: str) -> None:
        raise InvalidInput(f"{self._url(token)} can be removed by the service alone.", remedy="Leave it there.")

    def _url(self, token: str) -> str:
        return check_url(token) if "://" in token else f"{self.endpoints[0]}/{check_token(token)}"


@dataclasses.dataclass(frozen=True)
class Made:
    """What was done about a token. ``after`` is ``None`` in check mode where the token is not known yet."""

    changed: bool
    before: t.Optional[TokenSeen]
    after: t.Optional[TokenSeen]


def make(registry: Registry, token: str, size: int, *, check_mode: bool = False) -> Made:
    """Have a token for a new cluster of that size; without ``token`` a fresh one.

    :raises Refused: somebody has registered under it, or what lies there is no discovery token.
    :raises InvalidInput: the token or the size cannot be used.
    :raises ClientError: the registry cannot be asked, or says no.
    """
    if size < 1:
        raise InvalidInput(f"A cluster of {size} members cannot be.", remedy="Set size to 1 or more.")
    if not token:
        if check_mode:
            return Made(True, None, None)
        with telling(registry, "a new discovery token", "be made"):
            token = registry.new(size)
            after = registry.look(token)
        if not after.usable or after.size != size:
            raise Refused(
                f"{describe(after)}, just after it was made for {size}.", remedy="Make another one.", **facts(after)
            )
        return Made(True, None, after)
    before: t.Optional[TokenSeen] = None
    for _attempt in range(ATTEMPTS):
        with telling(registry, f"the discovery token {token}", "be read"):
            found = registry.look(token)
        before = before or found
        refuse_used(found)
        if found.usable and found.size == size:
            return Made(found != before, before, found)
        if check_mode and registry.protocol != "public":
            return Made(True, before, dataclasses.replace(found, exists=True, size=size, problem=""))
        with telling(registry, f"the discovery token {token}", "be made"):
            registry.resize(found, size)  # what is then found counts
    raise Unavailable(
        f"Others changed the discovery token {token} ({', '.join(registry.endpoints)}) each time before it was made.",
        remedy="Use another token.",
    )


def remove(registry: Registry, token: str, *, check_mode: bool = False) -> Made:
    """Have no such token.

    :raises InvalidInput: the token cannot be, or cannot be removed.
    :raises ClientError: the registry cannot be asked, or says no.
    """
    before = look(registry, token)
    if before.exists and (not check_mode or registry.protocol == "public"):
        with telling(registry, f"the discovery token {token}", "be removed"):
            registry.remove(token)
    return Made(before.exists, before, TokenSeen(token, before.registry, before.url))


def look(registry: Registry, token: str) -> TokenSeen:
    """What a registry holds for a token.

    :raises InvalidInput: the token cannot be.
    :raises ClientError: the registry cannot be asked, or says no.
    """
    with telling(registry, f"the discovery token {token}", "be read"):
        return registry.look(token)


def environment(seen: TokenSeen, protocol: str, endpoints: t.Sequence[str], connection: Connection) -> t.Dict[str, str]:
    """The variables that a member's first start needs, but for the password.

    ``ETCD_INITIAL_CLUSTER`` empty counts as unset; the one of the steady environment would be a second source. Secrets
    are for who writes the file: ``ETCD_DISCOVERY_PASSWORD``, with v3.
    """
    first = {"ETCD_INITIAL_CLUSTER": "", "ETCD_INITIAL_CLUSTER_STATE": "new"}
    if protocol != "v3":
        # 3.4 and 3.5 would make a proxy of a surplus member, which dies at its next start.
        return {**first, "ETCD_DISCOVERY": seen.url, "ETCD_DISCOVERY_FALLBACK": "exit"}
    first.update(ETCD_DISCOVERY_TOKEN=seen.token, ETCD_DISCOVERY_ENDPOINTS=",".join(endpoints))
    if any(endpoint.startswith("https:") for endpoint in endpoints):
        tls = {
            "ETCD_DISCOVERY_CACERT": connection.ca_path,
            "ETCD_DISCOVERY_CERT": connection.client_cert,
            "ETCD_DISCOVERY_KEY": connection.client_key or connection.client_cert,
            "ETCD_DISCOVERY_INSECURE_TRANSPORT": "false",
            "ETCD_DISCOVERY_INSECURE_SKIP_TLS_VERIFY": None if connection.validate_certs else "true",
        }
        first.update((name, value) for name, value in tls.items() if value)
    if connection.user:
        first["ETCD_DISCOVERY_USER"] = connection.user
    return first


class UrlHttp:
    """Requests by ``opener`` (``ansible.module_utils.urls.open_url``), within ``timeout`` seconds each.

    The password is sent to the URL's own host only: with a user no redirect is followed. Proxy settings of the
    environment are honoured where ``use_proxy`` is set.
    """

    _LIMIT = 1024 * 1024

    def __init__(self, opener: t.Callable[..., t.Any], connection: Connection, *, use_proxy: bool = False) -> None:
        self._open = opener
        self._connection = connection
        self._use_proxy = use_proxy

    def __call__(self, method: str, url: str, form: t.Optional[t.Mapping[str, str]] = None) -> t.Tuple[int, str]:
        answers: t.List[t.Tuple[int, str]] = []
        errors: t.List[Exception] = []

        def ask() -> None:
            try:
                answers.append(self._ask(method, url, form))
            except (OSError, ValueError, http.client.HTTPException) as error:
                errors.append(error)

        # Resolving a name knows no time-out, and an answer may come in drops: only the whole can be bounded.
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(self._connection.timeout)
        if answers:
            return answers[0]
        error = errors[0] if errors else socket.timeout("timed out")
        raise _silent(url, getattr(error, "reason", error), self._connection.timeout) from error

    def _ask(self, method: str, url: str, form: t.Optional[t.Mapping[str, str]]) -> t.Tuple[int, str]:
        connection = self._connection
        try:
            answer = self._open(
                url,
                method=method,
                data=urllib.parse.urlencode(form).encode() if form else None,
                headers={"Content-Type": "application/x-www-form-urlencoded"} if form else None,
                timeout=connection.timeout,
                validate_certs=connection.validate_certs,
                ca_path=connection.ca_path,
                client_cert=connection.client_cert,
                client_key=connection.client_key,
                url_username=connection.user,
                url_password=connection.password,
                force_basic_auth=connection.user is not None,
                follow_redirects="none" if connection.user else "safe",
                use_proxy=self._use_proxy,
                http_agent="quorum.etcd",
            )
        except urllib.error.HTTPError as error:
            answer = error
        with contextlib.closing(answer):
            return int(answer.code), answer.read(self._LIMIT).decode("utf-8", "replace")


@contextlib.contextmanager
def registry_at(
    protocol: str,
    endpoints: t.Sequence[str],
    connection: Connection,
    *,
    transport: str = "auto",
    opener: t.Callable[..., t.Any],
) -> t.Iterator[Registry]:
    """The registry of a protocol at its endpoints; nothing is sent yet.

    :raises InvalidInput: there is none of them, or one cannot be used.
    """
    if not endpoints:
        raise InvalidInput("There is no registry to ask.", remedy="Set endpoints.")
    if protocol == "v3":
        with contextlib.ExitStack() as stack:
            clients = [
                stack.enter_context(contextlib.closing(connect(endpoint, connection, transport=transport)))
                for endpoint in endpoints
            ]
            yield V3Registry(clients)
    elif protocol == "v2":
        secure = connection.ca_path is not None or connection.client_cert is not None
        urls = [url if "://" in url else f"{'https' if secure else 'http'}://{url}" for url in endpoints]
        yield V2Registry([check_url(f"{url}/v2")[: -len("/v2")] for url in urls], UrlHttp(opener, connection))
    elif len(endpoints) > 1:
        raise InvalidInput(
            f"A public service is one URL, and these are {len(endpoints)}: {', '.join(endpoints)}.",
            remedy="Name one of them in endpoints.",
        )
    else:
        service = check_url(f"{endpoints[0].rstrip('/')}/new")[: -len("/new")]
        yield PublicRegistry(service, UrlHttp(opener, connection, use_proxy=True))


@contextlib.contextmanager
def telling(registry: Registry, token: str, verb: str) -> t.Iterator[None]:
    """Say in what fails inside which registry and which token it is about, and what to do."""
    try:
        yield
    except ClientError as error:
        remedy = error.remedy
        if isinstance(error, PermissionDenied) and registry.protocol == "v3":
            remedy = f"Grant the user's role readwrite on the prefix /{PREFIX}/."
        elif isinstance(error, (Unreachable, Unavailable)):
            remedy = remedy or "Bring the registry up, or check endpoints."
        where = "" if "://" in token else f" in the {registry.protocol} registry {', '.join(registry.endpoints)}"
        raise type(error)(
            f"{token[0].upper()}{token[1:]} cannot {verb}{where}: {error.message}",
            remedy=remedy,
            **error.details,
        ) from error


def refuse_used(seen: TokenSeen) -> None:
    """:raises Refused: a cluster was made with the token, or somebody tried to."""
    if not seen.registrations:
        return
    raise Refused(
        f"{describe(seen)}. A token stands for one cluster, once.",
        remedy="Use another token, or leave token out for a fresh one.",
        **facts(seen),
    )


def describe(seen: TokenSeen) -> str:
    """A sentence without its end on a token."""
    where = seen.url or seen.registry
    text = f"The discovery token {seen.token}" + ("" if seen.token == where else f" ({where})")
    if not seen.exists:
        return f"{text} does not exist"
    names = ", ".join(
        f"{one.name or one.id} ({' '.join(one.peer_urls) or 'no peer URL'})" for one in seen.registrations
    )
    unused = "it is unused" + (f", and made for {seen.size}" if seen.size else "")
    said = f"registered are {len(seen.registrations)} of {seen.size or 'no size'}: {names}" if names else unused
    return f"{text}: {said}" + (f"; {seen.problem}" if seen.problem else "")


def facts(seen: TokenSeen) -> t.Dict[str, t.Any]:
    """What was found, as modules return it."""
    return {
        "token": seen.token,
        "url": seen.url,
        "exists": seen.exists,
        "size": seen.size,
        "registrations": [
            {"id": one.id, "name": one.name, "peer_urls": list(one.peer_urls)} for one in seen.registrations
        ],
        "full": seen.full,
        "usable": seen.usable,
        "problem": seen.problem,
    }


def fresh_token() -> str:
    """A token that nobody has; of the shape that discovery services know."""
    return secrets.token_hex(16)


def check_token(token: str) -> str:
    """The token, if it can be a part of a key.

    :raises InvalidInput: if not: etcd joins it into a path.
    """
    if not _TOKEN.match(token):
        raise InvalidInput(
            f"{token!r} cannot be a discovery token.",
            remedy="Use letters, digits, dots, - and _; a letter or digit comes first.",
        )
    return token


def check_url(url: str) -> str:
    """The URL of a token, if members can be given it; without slashes at its end.

    :raises InvalidInput: if not.
    """
    url = url.rstrip("/")
    try:
        parts = urllib.parse.urlsplit(url)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc or " " in url:
        raise InvalidInput(
            f"{shown(url)!r} cannot be the URL of a registry or of a token.",
            remedy="A registry looks like http://HOST:PORT, a token like http://HOST:PORT/PATH/TOKEN.",
        )
    return url


def judged(seen: TokenSeen, size: t.Optional[str], members: t.Sequence[Registration]) -> TokenSeen:
    """What was found with size and registrations, judged the way a member would."""
    number = int(size) if size is not None and re.match(r"[0-9]{1,4}\Z", size) and int(size) > 0 else None
    names = [member.name for member in members if member.name]
    twice = sorted({name for name in names if names.count(name) > 1})
    strange = [member.id for member in members if not member.peer_urls]
    problem = ""
    if not seen.exists:
        problem = "there is no such token"
    elif size is None:
        problem = "it has no size"
    elif number is None:
        problem = f"its size is {size[:20]!r}"
    elif twice:
        problem = f"more than one member registered as {', '.join(twice)}"
    elif strange:
        problem = f"{', '.join(strange)} is no registration of a member"
    elif len(members) > number:
        problem = f"{len(members)} registered, and it is made for {number}"
    return dataclasses.replace(seen, size=number, registrations=tuple(members), problem=problem)


def registration(member_id: str, value: str) -> Registration:
    """``name=url`` pairs as a member writes them; its ID is the last part of its key."""
    pairs = [item.partition("=") for item in value.split(",")]
    names = [name for name, equals, _url in pairs if equals]
    return Registration(
        id=member_id.lstrip("0") or member_id,
        name=names[0] if names else "",
        peer_urls=tuple(url for _name, equals, url in pairs if equals),
    )


def look_at_directory(http: Http, token: str, url: str) -> TokenSeen:
    """A token as the keys API of version 2 shows it at its URL. ``_config`` is hidden, so it is asked for by itself.

    :raises NotFound: there is no such API.
    :raises Unavailable: it cannot serve now.
    :raises Rejected: the URL is something else.
    """
    registry = url.rpartition("/")[0].partition(f"/v2/keys/{PREFIX}")[0]
    status, body = http("GET", f"{url}?quorum=true")
    if error_code(body) == _KEY_NOT_FOUND:
        return judged(TokenSeen(token, registry, url), None, [])
    _expect(url, status, body)
    directory = _node(url, body)
    if not directory.get("dir"):
        raise Rejected(f"{url} is no discovery token but a single key.", endpoint=url, remedy="Check the token.")
    nodes = [node for node in directory.get("nodes") or () if isinstance(node, dict)]
    nodes.sort(key=lambda node: _index(node, "createdIndex"))
    members = [registration(_last_part(node), str(node.get("value", ""))) for node in nodes]
    status, body = http("GET", f"{url}/_config/size?quorum=true")
    found = TokenSeen(token, registry, url, exists=True)
    if error_code(body) == _KEY_NOT_FOUND:
        return judged(found, None, members)
    _expect(url, status, body)
    size = _node(url, body)
    found = dataclasses.replace(found, revision=_index(size, "modifiedIndex"))
    return judged(found, str(size.get("value", "")), members)


def error_code(body: str) -> int:
    """The code of an error of the keys API; 0 where there is none."""
    try:
        return int(json.loads(body)["errorCode"])
    except (ValueError, KeyError, TypeError):
        return 0


def short(body: str) -> str:
    """The beginning of an answer, on one line."""
    return " ".join(body.split())[:200] or "nothing"


def _new(registry: Registry, size: int) -> str:
    """A fresh token, written. What is then found counts: where an answer was lost, the second try finds the first's."""
    token = fresh_token()
    registry.resize(TokenSeen(token, registry.endpoints[0]), size)
    return token


def _node(url: str, body: str) -> t.Dict[str, t.Any]:
    try:
        node = json.loads(body)["node"]
    except (ValueError, KeyError, TypeError):
        node = None
    if not isinstance(node, dict):
        raise Rejected(f"{url} is no discovery token: {short(body)}.", endpoint=url, remedy="Check the token.")
    return node


def _index(node: t.Mapping[str, t.Any], name: str) -> int:
    number = node.get(name)
    return number if isinstance(number, int) else 0


def _last_part(node: t.Mapping[str, t.Any]) -> str:
    return str(node.get("key", "")).rpartition("/")[2]


def _expect(url: str, status: int, body: str) -> None:
    """:raises ClientError: unless the status is a good one."""
    if status in _OK:
        return
    said = f"{url} answered {status}: {short(body)}."
    if status == 401:
        raise Unauthenticated(said, endpoint=url, remedy="Check user and password.")
    if status == 403:
        raise PermissionDenied(said, endpoint=url, remedy="The user must be allowed to read and write there.")
    if status in (404, 405, 501):
        raise NotFound(
            f"{url} is not served by a registry of the protocol v2: {short(body)}.",
            endpoint=url,
            remedy="Use an etcd 3.4 or 3.5 with enable-v2 set or a discovery service, or the protocol v3.",
        )
    if status >= 500 or status in (408, 429):
        raise Unavailable(said, endpoint=url)
    raise Rejected(said, endpoint=url, remedy="Check the token and the endpoints.")


def _silent(url: str, reason: t.Any, seconds: float) -> ClientError:
    """The exception for a request without an answer."""
    text = str(reason) or type(reason).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return Unauthenticated(
            f"{url} has a certificate that is not trusted.",
            endpoint=url,
            remedy="Check ca_path, and that the certificate is made out for the URL's host. "
            "Members trust the certificate authorities of their system only.",
        )
    if "timed out" in text:
        return Unreachable(f"{url} did not answer within {seconds:g} s.", endpoint=url)
    return Unreachable(f"{url} cannot be reached: {text}.", endpoint=url)


_Answer = t.TypeVar("_Answer")


__all__ = (
    "PROTOCOLS",
    "Http",
    "Made",
    "PublicRegistry",
    "Registration",
    "Registry",
    "TokenSeen",
    "UrlHttp",
    "V2Registry",
    "V3Registry",
    "environment",
    "facts",
    "look",
    "make",
    "registry_at",
    "remove",
)

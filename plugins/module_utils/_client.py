# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd's API in the words of ``_model``, over any transport, and looking at whole servers.

Private to this collection. Member IDs are converted here: hexadecimal for us, decimal strings in etcd's JSON.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import re
import typing as t
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.quorum.etcd.plugins.module_utils._auto import AutoTransport
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    ForVoters,
    InvalidInput,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._gateway import GatewayTransport
from ansible_collections.quorum.etcd.plugins.module_utils._grpc import GrpcTransport
from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    Alarm,
    EndpointSeen,
    Member,
    Status,
    Versions,
)
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection, Transport

TRANSPORTS: t.Dict[str, t.Callable[[str, Connection], Transport]] = {
    "auto": AutoTransport,
    "gateway": GatewayTransport,
    "grpc": GrpcTransport,
}

_OK = 200
_SERVER_ID = re.compile(r'^etcd_server_id\{server_id="0*([0-9a-f]+)"\} 1$', re.MULTILINE)
_LOOKERS = 32


@dataclasses.dataclass(frozen=True)
class KeyValue:
    """A key as etcd keeps it. ``value`` is empty where only keys were asked for."""

    key: bytes
    value: bytes = dataclasses.field(repr=False)
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0


class Client:
    """One server of a cluster. Every method may raise a ``ClientError``; ``timeout`` is in seconds."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.endpoint = transport.endpoint

    def close(self) -> None:
        """Give up the connection; a later call makes a new one."""
        self._transport.close()

    # --- a server ---

    def versions(self, *, timeout: t.Optional[float] = None) -> Versions:
        """Of the server, and the one its cluster has agreed on. Needs no credentials."""
        status, text = self._transport.get("/version", timeout=timeout)
        answer = _page(self.endpoint, "/version", text)
        if status != _OK or "etcdserver" not in answer:
            raise _not_etcd(self.endpoint, "/version")
        cluster = str(answer.get("etcdcluster", ""))
        return Versions(server=str(answer["etcdserver"]), cluster="" if cluster == "not_decided" else cluster)

    def healthy(self, *, timeout: float = 1.5, strict: bool = False) -> t.Tuple[bool, str]:
        """Whether the server can do a linearizable read, and why not.

        Needs no credentials. A full database does not count as unhealthy, nor does a CORRUPT alarm, unless ``strict``:
        etcd shows it on every member's page, whomever it is for (3.4 to 3.7). A learner may say it is healthy, too.

        :raises Unreachable: when it does not answer at all.
        """
        path = "/health?exclude=NOSPACE" + ("" if strict else "&exclude=CORRUPT")
        status, text = self._transport.get(path, timeout=timeout)
        answer = _page(self.endpoint, "/health", text)
        if "health" not in answer:
            raise _not_etcd(self.endpoint, "/health")
        if status == _OK and str(answer["health"]).lower() == "true":
            return True, ""
        return False, str(answer.get("reason") or "no reason given")

    def status(self, *, timeout: t.Optional[float] = None) -> Status:
        """The server's own view of itself."""
        answer = self._transport.call("Maintenance/Status", {}, timeout=timeout)
        header = answer.get("header", {})
        return Status(
            member_id=_hex(header.get("member_id")),
            cluster_id=_hex(header.get("cluster_id")),
            version=str(answer.get("version", "")),
            leader_id=_hex(answer.get("leader")),
            is_learner=bool(answer.get("isLearner", False)),
            db_size=int(answer.get("dbSize", 0)),
            db_size_in_use=int(answer.get("dbSizeInUse", 0)),
            raft_index=int(answer.get("raftIndex", 0)),
            raft_applied_index=int(answer.get("raftAppliedIndex", 0)),
            raft_term=int(answer.get("raftTerm", 0)),
            storage_version=str(answer.get("storageVersion", "")),
            errors=tuple(str(error) for error in answer.get("errors", ())),
            downgrade=_downgrade(answer.get("downgradeInfo") or {}),
        )

    def server_id(self, *, timeout: t.Optional[float] = None) -> str:
        """The member ID that the server itself goes by, of its metrics: needs no credentials, and learners tell it."""
        text = self._transport.get("/metrics", timeout=timeout)[1]
        found = _SERVER_ID.search(text)
        if found is None:
            raise _not_etcd(self.endpoint, "/metrics")
        return found.group(1)

    def move_leader(self, member_id: str, *, timeout: t.Optional[float] = None) -> None:
        """Hand leadership to a voter; only the leader can be asked to.

        :raises Rejected: ``not leader``, or ``bad leader transferee`` for a learner or a stranger.
        """
        self._transport.call("Maintenance/MoveLeader", {"targetID": _decimal(member_id)}, timeout=timeout)

    def downgrade(self, action: str, target: str = "", *, timeout: t.Optional[float] = None) -> None:
        """``VALIDATE``, ``ENABLE`` or ``CANCEL`` a downgrade of the whole cluster (3.6 and newer).

        :param target: the minor line below the cluster's, such as ``3.6``.
        :raises Rejected: ``invalid downgrade target version``, or ``cluster has a downgrade job in progress``.
        """
        request = {"action": action, "version": target}
        self._transport.call("Maintenance/Downgrade", request, timeout=timeout)

    # --- the membership ---

    def members(self, *, linearizable: bool = True, timeout: t.Optional[float] = None) -> t.Tuple[Member, ...]:
        """The cluster's members as this server knows them, or as a majority does.

        3.4 always tells what it knows itself: call ``healthy`` just before, then that is as new as a majority's.
        """
        answer = self._transport.call("Cluster/MemberList", {"linearizable": linearizable}, timeout=timeout)
        return tuple(_member(entry) for entry in answer.get("members", ()))

    def member_add(self, peer_urls: t.Sequence[str], *, learner: bool, timeout: t.Optional[float] = None) -> Member:
        """Add a member that has yet to be started.

        :raises Rejected: the URLs are a member's already, or too few members are started, or too many are learners.
        :raises Unavailable: ``unhealthy cluster``, also for the first 5 s after a server or its peers restarted.
        """
        request = {"peerURLs": list(peer_urls), "isLearner": learner}
        return _member(self._transport.call("Cluster/MemberAdd", request, timeout=timeout).get("member", {}))

    def member_remove(self, member_id: str, *, timeout: t.Optional[float] = None) -> None:
        """:raises NotFound: there is no such member (any more)."""
        self._transport.call("Cluster/MemberRemove", {"ID": _decimal(member_id)}, timeout=timeout)

    def member_update(self, member_id: str, peer_urls: t.Sequence[str], *, timeout: t.Optional[float] = None) -> None:
        """Replace a member's peer URLs. (Before 3.5.31 and 3.6.12 this made a learner a voter.)"""
        request = {"ID": _decimal(member_id), "peerURLs": list(peer_urls)}
        self._transport.call("Cluster/MemberUpdate", request, timeout=timeout)

    def member_promote(self, member_id: str, *, timeout: t.Optional[float] = None) -> None:
        """Make a learner a voter. etcd does this for a dead learner, too: look at it first.

        :raises Rejected: it is not in sync, or no learner.
        """
        self._transport.call("Cluster/MemberPromote", {"ID": _decimal(member_id)}, timeout=timeout)

    # --- alarms ---

    def alarms(self, *, timeout: t.Optional[float] = None) -> t.Tuple[Alarm, ...]:
        """All alarms of the cluster. Needs a leader."""
        answer = self._transport.call("Maintenance/Alarm", {"action": "GET"}, timeout=timeout)
        return tuple(
            Alarm(member_id=_hex(entry.get("memberID")), kind=str(entry.get("alarm", "NONE")))
            for entry in answer.get("alarms", ())
        )

    # --- keys ---

    def get(
        self, key: bytes, *, revision: int = 0, serializable: bool = False, timeout: t.Optional[float] = None
    ) -> t.Optional[KeyValue]:
        """A key (as it was at ``revision``), or None. ``serializable`` asks this server alone."""
        request: t.Dict[str, t.Any] = {"key": _base64(key), "serializable": serializable}
        if revision:
            request["revision"] = str(revision)
        found = self._transport.call("KV/Range", request, timeout=timeout).get("kvs", ())
        return _key_value(found[0]) if found else None

    def get_prefix(
        self,
        prefix: bytes,
        *,
        keys_only: bool = False,
        limit: int = 0,
        revision: int = 0,
        timeout: t.Optional[float] = None,
    ) -> t.Tuple[KeyValue, ...]:
        """The keys that begin with ``prefix`` in their order, at most ``limit`` of them; all keys for ``b""``."""
        request: t.Dict[str, t.Any] = {**_range(prefix), "keys_only": keys_only}
        if limit:
            request["limit"] = str(limit)
        if revision:
            request["revision"] = str(revision)
        answer = self._transport.call("KV/Range", request, timeout=timeout)
        return tuple(_key_value(entry) for entry in answer.get("kvs", ()))

    def put(self, key: bytes, value: bytes, *, timeout: t.Optional[float] = None) -> int:
        """Write a key; gives the revision. After an ``Unreachable`` or ``Unavailable`` it may be written or not."""
        request = {"key": _base64(key), "value": _base64(value)}
        return _revision(self._transport.call("KV/Put", request, timeout=timeout))

    def put_if(
        self, key: bytes, value: bytes, *, mod_revision: int, lease: int = 0, timeout: t.Optional[float] = None
    ) -> t.Optional[int]:
        """Write a key that was last written at ``mod_revision`` (0: that is not there). None if it was not so.

        With a ``lease`` the key goes when that ends.
        """
        put = {"request_put": {"key": _base64(key), "value": _base64(value), "lease": str(lease)}}
        return self._if(key, mod_revision, put, timeout)

    def delete_if(self, key: bytes, *, mod_revision: int, timeout: t.Optional[float] = None) -> t.Optional[int]:
        """Delete a key that was last written at ``mod_revision``; gives the revision. None if it was not so."""
        return self._if(key, mod_revision, {"request_delete_range": {"key": _base64(key)}}, timeout)

    def _if(
        self, key: bytes, mod_revision: int, operation: t.Mapping[str, t.Any], timeout: t.Optional[float]
    ) -> t.Optional[int]:
        compare = {"key": _base64(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(mod_revision)}
        answer = self._transport.call("KV/Txn", {"compare": [compare], "success": [operation]}, timeout=timeout)
        return _revision(answer) if answer.get("succeeded") else None

    def delete(self, key: bytes, *, prefix: bool = False, timeout: t.Optional[float] = None) -> int:
        """Delete a key, or all that begin with it; gives how many there were."""
        request = _range(key) if prefix else {"key": _base64(key)}
        return int(self._transport.call("KV/DeleteRange", request, timeout=timeout).get("deleted", 0))

    # --- leases ---

    def lease_grant(self, ttl: int, *, timeout: t.Optional[float] = None) -> int:
        """A lease that ends after ``ttl`` seconds; its ID."""
        return int(self._transport.call("Lease/LeaseGrant", {"TTL": str(ttl)}, timeout=timeout)["ID"])

    def lease_revoke(self, lease: int, *, timeout: t.Optional[float] = None) -> None:
        """End a lease now: its keys go with it."""
        self._transport.call("Lease/LeaseRevoke", {"ID": str(lease)}, timeout=timeout)


def connect(endpoint: str, connection: Connection, *, transport: str = "auto") -> Client:
    """A client of the server at a client URL. Nothing is sent yet.

    Like etcdctl this takes ``HOST:PORT``, too: over TLS where a CA or a client certificate is given.

    :param transport: a key of ``TRANSPORTS``.
    :raises InvalidInput: the endpoint, a certificate file or the transport cannot be used.
    """
    if transport not in TRANSPORTS:
        raise InvalidInput(f"There is no transport {transport!r}.", remedy=f"Use one of {', '.join(TRANSPORTS)}.")
    endpoint = endpoint.strip()
    if "://" not in endpoint:
        secure = connection.ca_path is not None or connection.client_cert is not None
        endpoint = f"{'https' if secure else 'http'}://{endpoint}"
    return Client(TRANSPORTS[transport](endpoint.rstrip("/"), connection))


_DENIED = (PermissionDenied, Unauthenticated)


class _Reading:
    """What of a server can be read, and why not the rest. Who is ``silent`` is asked for no more."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self.problems: t.List[str] = []
        self.silent = False
        self.denied = False

    def of(self, what: t.Callable[[], _Read]) -> t.Optional[_Read]:
        if self.silent:
            return None
        try:
            try:
                return what()
            except (AttributeError, TypeError, ValueError) as error:
                raise _not_etcd(self._endpoint, "what it is asked") from error
        except ForVoters:
            self.silent = True  # a learner lets nobody log in
            return None
        except ClientError as error:
            if error.message not in self.problems:
                self.problems.append(error.message)
            self.silent = isinstance(error, (Unauthenticated, Unavailable, Unreachable))
            self.denied = self.denied or isinstance(error, _DENIED)
            return None


def look(client: Client, *, timeout: float = 1.5) -> EndpointSeen:
    """All that a server shows, in at most six requests of ``timeout`` seconds each; one where nobody answers.

    Never raises a ``ClientError``: what could not be read is said in ``problem``. A learner gives no list and no
    alarms; a server that knows of no leader is asked for the list it knew last, and for no alarms. A CORRUPT alarm
    makes the member it is for unhealthy, and every server whose alarms cannot be read.
    """
    try:
        healthy, reason = client.healthy(timeout=timeout)
    except ClientError as error:
        denied = isinstance(error, _DENIED)
        return EndpointSeen(endpoint=client.endpoint, healthy=False, problem=error.message, denied=denied)
    reading = _Reading(client.endpoint)
    if not healthy:
        reading.problems.append(f"{client.endpoint} is not healthy: {reason}.")
    versions = reading.of(lambda: client.versions(timeout=timeout))
    status = reading.of(lambda: client.status(timeout=timeout))
    members: t.Optional[t.Tuple[Member, ...]] = None
    last_known: t.Optional[t.Tuple[Member, ...]] = None
    alarms: t.Optional[t.Tuple[Alarm, ...]] = None
    if status is None or (status.leader_id and not status.is_learner):
        members = reading.of(lambda: client.members(timeout=timeout))
        alarms = reading.of(lambda: client.alarms(timeout=timeout))
    elif not status.is_learner:
        last_known = reading.of(lambda: client.members(linearizable=False, timeout=timeout))
    if healthy and status is not None and alarms is not None:
        healthy = Alarm(status.member_id, "CORRUPT") not in alarms
        reading.problems += [] if healthy else [f"{client.endpoint} has the alarm CORRUPT."]
    elif healthy:
        reading.silent = False  # everybody may ask for its health
        healthy, reason = reading.of(lambda: client.healthy(timeout=timeout, strict=True)) or (False, "")
        reading.problems += [f"{client.endpoint} is not healthy: {reason}."] if reason else []
    return EndpointSeen(
        endpoint=client.endpoint,
        healthy=healthy,
        problem=" ".join(reading.problems),
        versions=versions,
        status=status,
        members=members,
        alarms=alarms or (),
        last_known=last_known,
        denied=reading.denied,
    )


def survey(clients: t.Iterable[Client], *, timeout: float = 1.5) -> t.Tuple[EndpointSeen, ...]:
    """``look`` at all of them at the same time; the answers are in the order of the clients."""
    todo = tuple(clients)
    if not todo:
        return ()
    if len(todo) == 1:
        return (look(todo[0], timeout=timeout),)
    with ThreadPoolExecutor(max_workers=min(len(todo), _LOOKERS)) as pool:
        return tuple(pool.map(lambda client: look(client, timeout=timeout), todo))


@dataclasses.dataclass(frozen=True)
class Explored:
    """What a cluster's endpoints show. ``linearizable``: a majority vouches for ``members``, not one server alone."""

    seen: t.Tuple[EndpointSeen, ...]
    members: t.Optional[t.Tuple[Member, ...]] = None
    linearizable: bool = False


class Explorer:
    """Looks at a cluster again and again over the same connections.

    :param endpoints: where to begin.
    :param to: makes a client of an endpoint, such as ``connect`` with a connection.
    :param whole: go on to the members that the endpoints list.
    """

    def __init__(self, endpoints: t.Sequence[str], to: t.Callable[[str], Client], *, whole: bool = True) -> None:
        self._given = tuple(dict.fromkeys(endpoints))
        self._to = to
        self._whole = whole
        self._clients: t.Dict[str, Client] = {}
        self._listed: t.Optional[t.Tuple[Member, ...]] = None

    def client(self, endpoint: str) -> Client:
        """The client of an endpoint, always the same one.

        :raises InvalidInput: the endpoint cannot be used.
        """
        if endpoint not in self._clients:
            self._clients[endpoint] = self._to(endpoint)
        return self._clients[endpoint]

    def explore(self, *, timeout: float = 1.5) -> Explored:
        """``look`` at the endpoints, then at the members that did not answer there; what is dead costs no more time.

        Without a majority the members are the ones that a server knows of itself, where one tells. Where nobody tells,
        those of the last time are looked at: the server that was asked may have left the cluster meanwhile.

        :raises InvalidInput: an endpoint that was given cannot be used.
        """
        given = [self.client(endpoint) for endpoint in self._given]
        seen = survey(given, timeout=timeout)
        members, linearizable = next((one.members for one in seen if one.members is not None), None), True
        if members is None:
            members, linearizable = self._own_list(given, seen, timeout), False
        listed = self._listed if members is None else members
        if not self._whole or listed is None:
            return Explored(seen, members, linearizable and members is not None)
        asked = {client.endpoint for client in given}
        answered = {one.status.member_id for one in seen if one.status is not None}
        others = []
        for member in listed:
            urls = [url.rstrip("/") for url in member.client_urls]
            if urls and member.id not in answered and not asked.intersection(urls):
                with contextlib.suppress(InvalidInput):
                    others.append(self.client(urls[0]))
        seen += survey(others, timeout=timeout)
        if not linearizable:
            found = next((one.members for one in seen if one.members is not None), None)
            members, linearizable = found or members, found is not None
        self._listed = members or self._listed
        return Explored(seen, members, linearizable)

    def close(self) -> None:
        """Give up all connections."""
        for client in self._clients.values():
            client.close()

    def _own_list(
        self, clients: t.Sequence[Client], seen: t.Sequence[EndpointSeen], timeout: float
    ) -> t.Optional[t.Tuple[Member, ...]]:
        for client, one in zip(clients, seen):
            if one.status is not None and not one.status.is_learner:
                try:
                    return client.members(linearizable=False, timeout=timeout)
                except ClientError:
                    continue
        return None


def explorer_of(params: t.Mapping[str, t.Any], connection: Connection, *, whole: bool = True) -> Explorer:
    """Of what a module was told by the options of ``connection_spec``."""
    transport = params["transport"]
    return Explorer(params["endpoints"], lambda url: connect(url, connection, transport=transport), whole=whole)


def on_any(clients: t.Sequence[Client], what: t.Callable[[Client], _Read]) -> _Read:
    """The answer of the first server that can give one. ``what`` must bear being done twice.

    :raises ClientError: of the last server if none could serve; at once if one refuses for good.
    """
    for client in clients[:-1]:
        try:
            return what(client)
        except (ForVoters, Unavailable, Unreachable):
            continue
    return what(clients[-1])


_Read = t.TypeVar("_Read")


def _hex(decimal: t.Any) -> str:
    """An ID of etcd's JSON as ours; empty for 0 and for none."""
    number = int(decimal or 0)
    return format(number, "x") if number else ""


def _decimal(member_id: str) -> str:
    try:
        return str(int(member_id, 16))
    except ValueError as error:
        raise InvalidInput(f"{member_id!r} is not a member ID.", remedy="It must be hexadecimal.") from error


def _member(entry: t.Mapping[str, t.Any]) -> Member:
    return Member(
        id=_hex(entry.get("ID")),
        name=str(entry.get("name", "")),
        peer_urls=tuple(entry.get("peerURLs", ())),
        client_urls=tuple(entry.get("clientURLs", ())),
        is_learner=bool(entry.get("isLearner", False)),
    )


def _downgrade(info: t.Mapping[str, t.Any]) -> str:
    return str(info.get("targetVersion", "")) if info.get("enabled") else ""


def _key_value(entry: t.Mapping[str, t.Any]) -> KeyValue:
    return KeyValue(
        key=base64.b64decode(entry.get("key", "")),
        value=base64.b64decode(entry.get("value", "")),
        create_revision=int(entry.get("create_revision", 0)),
        mod_revision=int(entry.get("mod_revision", 0)),
        version=int(entry.get("version", 0)),
        lease=int(entry.get("lease", 0)),
    )


def _revision(answer: t.Mapping[str, t.Any]) -> int:
    return int(answer.get("header", {}).get("revision", 0))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _range(prefix: bytes) -> t.Dict[str, str]:
    """Key and end of the range of all keys with a prefix; etcd takes a single zero byte as "to the end"."""
    end = prefix.rstrip(b"\xff")
    end = end[:-1] + bytes((end[-1] + 1,)) if end else b"\0"
    return {"key": _base64(prefix or b"\0"), "range_end": _base64(end)}


def _page(endpoint: str, path: str, text: str) -> t.Dict[str, t.Any]:
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise _not_etcd(endpoint, path) from error
    if not isinstance(answer, dict):
        raise _not_etcd(endpoint, path)
    return answer


def _not_etcd(endpoint: str, path: str) -> NotFound:
    return NotFound(
        f"{endpoint} does not answer {path} like etcd does.",
        endpoint=endpoint,
        remedy="The endpoint must be a client URL of an etcd server; https:// where it speaks TLS.",
    )


__all__ = (
    "TRANSPORTS",
    "Client",
    "Connection",
    "Explored",
    "Explorer",
    "KeyValue",
    "Transport",
    "connect",
    "explorer_of",
    "look",
    "on_any",
    "survey",
)

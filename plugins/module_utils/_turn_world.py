# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a turn is given: the world that it touches, what is ordered, and the servers that it asks.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils import _instance
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    InvalidInput,
    Rejected,
)
from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    Change,
    Clock,
    DataSeen,
    EndpointSeen,
    Member,
    ProcessSeen,
    RunCommand,
)
from ansible_collections.quorum.etcd.plugins.module_utils._service import Service

LOOK = 1.5  # a look at a server, as the gate does it


class Programs(t.Protocol):
    """The programs that releases are, where a release may be an image."""

    def executable(self, release: str) -> str:
        """What a look at a process that runs it shows."""

    def exist(self, release: str) -> bool:
        """Whether there are any."""

    def version(self, release: str) -> str:
        """What its etcd says it is, empty where it does not say."""


class TurnLock(t.Protocol):
    """What is needed of ``_lock.Lock``."""

    @property
    def held(self) -> bool: ...

    def take(self, clients: t.Sequence[Client]) -> str: ...

    def renew(self) -> None: ...

    def release(self) -> None: ...


@dataclasses.dataclass(frozen=True)
class World:
    """All that a turn touches besides its files; a test brings its own.

    ``connect`` takes a client URL; ``survey`` looks at many servers at once; ``reached`` tells the URLs at which
    connections are accepted; ``look`` takes a PID; ``data`` takes the data directory and the WAL's, if that lies
    elsewhere; ``move_aside`` says where it moved a directory to.
    """

    service: Service
    files: _instance.Files
    owner: _instance.Owner
    run: RunCommand
    connect: t.Callable[[str], Client]
    survey: t.Callable[[t.Sequence[Client], float], t.Tuple[EndpointSeen, ...]]
    look: t.Callable[[int], t.Optional[ProcessSeen]]
    data: t.Callable[[str, t.Optional[str]], DataSeen]
    move_aside: t.Callable[[str], t.Optional[str]]
    clock: Clock
    programs: Programs
    reached: t.Callable[[t.Iterable[str], float], t.FrozenSet[str]]
    lock: t.Optional[TurnLock] = None


@dataclasses.dataclass(frozen=True)
class Order:
    """What the server shall be, and how the plan wants it done. Times in seconds.

    ``action``: ``bootstrap``, ``start``, ``restart`` or ``settle``. ``member_id`` is the one the plan expects, empty
    where it cannot know. ``bootstrap`` is the content of ``bootstrap.env``: ``None`` leaves it, empty drops it.
    ``together``: others of the cluster act at the same moment, and none waits until another has done.
    ``peers`` are client URLs of other members, for when this one cannot say who they are. ``handover`` are names of
    members. ``downgrade`` is the minor line that the cluster must be ready to go down to, or ``cancel``.
    ``snapshot_index`` is what a raft snapshot of the former release must have reached before the wished one starts.
    """

    action: str
    release: str
    version: str
    environment: t.Mapping[str, str]
    definition: str
    data_dir: str
    bootstrap: t.Optional[t.Mapping[str, str]] = None
    etcdctl: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    enabled: bool = True
    member_id: str = ""
    gated: bool = False
    together: bool = False
    allow_downtime: bool = False
    handover: t.Tuple[str, ...] = ()
    downgrade: str = ""
    snapshot_index: int = 0
    peers: t.Tuple[str, ...] = ()
    gate_timeout: float = 60.0
    start_timeout: float = 120.0

    @property
    def wal_dir(self) -> t.Optional[str]:
        return self.environment.get("ETCD_WAL_DIR") or None


@dataclasses.dataclass
class Outcome:
    """What was done, or in check mode would be. ``before`` and ``after`` hold no secrets."""

    actions: t.List[str] = dataclasses.field(default_factory=list)
    changes: t.Tuple[Change, ...] = ()
    notes: t.List[str] = dataclasses.field(default_factory=list)
    downtime: bool = False
    member_id: str = ""
    pid: int = 0
    before: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    after: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.actions)


class Servers:
    """The servers of the cluster, with a client for each."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clients: t.Dict[str, Client] = {}

    def client(self, url: str) -> Client:
        """:raises InvalidInput: the URL cannot be used, or a certificate file that is needed for it."""
        if url not in self._clients:
            self._clients[url] = self._world.connect(url)
        return self._clients[url]

    def known(self, urls: t.Iterable[str]) -> t.List[Client]:
        """Of those that can be asked: others may advertise what only their own clients know how to use."""
        found = []
        for url in urls:
            with contextlib.suppress(InvalidInput):
                found.append(self.client(url))
        return found

    def look(self, url: str) -> EndpointSeen:
        """All that it shows. Who cannot even be asked may be well."""
        try:
            client = self.client(url)
        except InvalidInput as error:
            return EndpointSeen(url, healthy=False, problem=error.message, denied=True)
        (seen,) = self._world.survey([client], LOOK)
        return seen

    def healthy(self, url: str, timeout: float = LOOK) -> t.Tuple[bool, str]:
        """Whether it is, and if not, why."""
        try:
            return self.client(url).healthy(timeout=timeout)
        except (ClientError, InvalidInput) as error:
            return False, error.message

    def members(self, url: str, peers: t.Iterable[str]) -> t.Tuple[Member, ...]:
        """The list of members that it gives, or where it is a learner, which gives none, that of one of ``peers``.

        :raises ClientError: when it gives none for another reason, or the others give none either.
        """
        try:
            return self.client(url).members(timeout=LOOK)
        except Rejected:
            for peer in self.known(peers):
                with contextlib.suppress(ClientError):
                    return peer.members(timeout=LOOK)
            raise


__all__ = (
    "LOOK",
    "Order",
    "Outcome",
    "Programs",
    "Servers",
    "TurnLock",
    "World",
)

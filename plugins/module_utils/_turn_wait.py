# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until a server runs as ordered and is healthy, or certainly will not be.

Private to this collection.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils import _envfile
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, on_any
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    ForVoters,
    PermissionDenied,
    Unauthenticated,
)
from ansible_collections.quorum.etcd.plugins.module_utils._flags import changes as flag_changes
from ansible_collections.quorum.etcd.plugins.module_utils._lock import TTL
from ansible_collections.quorum.etcd.plugins.module_utils._model import Change, ProcessSeen
from ansible_collections.quorum.etcd.plugins.module_utils._transport import local_url
from ansible_collections.quorum.etcd.plugins.module_utils._turn_world import LOOK, Order, Servers, World

PROBE = 0.25  # a probe while waiting
FIRST_PAUSE, LAST_PAUSE = 0.05, 0.25
STIR = 2.0  # how long one waits before an idle cluster is given something to do, and how often
IDLE = 2.0  # systemd may be late to carry out a start
EXITS = 2


@dataclasses.dataclass(frozen=True)
class Body:
    """What a process must be to count as the one waited for. ``foreign``: any that listens where this one would."""

    environment: t.Mapping[str, str]
    executable: str
    version: str = ""
    member_id: str = ""
    foreign: bool = False

    def differs(self, process: ProcessSeen) -> t.Tuple[Change, ...]:
        if self.foreign:
            return ()
        changes = [*flag_changes(process), *_envfile.changes(process.environment, self.environment)]
        if process.replaced or process.executable != self.executable:
            was = process.executable + (" (replaced)" if process.replaced else "")
            changes.append(Change("executable", was, self.executable))
        return tuple(changes)


class NotHealthy(Exception):
    """The wait is over without success. ``alive``: a process is there, it is only not healthy.

    ``since`` is when what ran before had ended, 0 where that is not known: what was logged earlier is not its doing.
    """

    def __init__(self, reason: str, *, alive: bool, since: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.alive = alive
        self.since = since


class Wait:
    """Waits for the server of one turn.

    ``keep`` is called now and then meanwhile. ``stirs``: whether it gives an idle cluster something to do.
    """

    def __init__(
        self, world: World, order: Order, servers: Servers, *, keep: t.Callable[[], None], stirs: bool
    ) -> None:
        self._world = world
        self._order = order
        self._servers = servers
        self._keep = keep
        self._stirs = stirs

    def until_healthy(self, body: Body, *, old: int) -> t.Tuple[ProcessSeen, str]:
        """Wait for a process that is ``body`` and healthy; its member ID, too, where it can be read.

        :raises NotHealthy: when it failed, or not in time.
        """
        clock = self._world.clock
        deadline = clock.monotonic() + self._order.start_timeout
        watch = _Watch(self._world, old=old)
        pause, pid, reason = FIRST_PAUSE, 0, "it did not start"
        stirred = clock.monotonic()
        while True:
            self._keep()
            if self._stirs and clock.monotonic() - stirred >= STIR:
                self._stir()
                stirred = clock.monotonic()
            process = watch.step()
            if process is not None:
                changes = body.differs(process)
                if changes:
                    reason = "it runs otherwise than written: " + "; ".join(str(change) for change in changes)
                else:
                    asked = dataclasses.replace(body, environment=process.environment) if body.foreign else body
                    done, answer = self._probe(asked)
                    # it may have been healthy for a moment only, before it noticed what is wrong
                    if done and self._world.look(process.pid) is not None:
                        return process, answer
                    reason = "it exited again" if done else answer
            if watch.failed:
                raise NotHealthy(watch.failed, alive=False, since=watch.since)
            if clock.monotonic() >= deadline:
                limit = f"{self._order.start_timeout:g} s"
                raise NotHealthy(f"not healthy within {limit}: {reason}", alive=process is not None, since=watch.since)
            clock.sleep(pause)
            # a process that ends, and one that has just come, are cheap to look at and worth it
            pid, known = process.pid if process is not None else 0, pid
            pause = FIRST_PAUSE if watch.stopping or pid != known else min(pause * 1.5, LAST_PAUSE)

    def _stir(self) -> None:
        """Have the others commit something that changes no key.

        A new member that got a long history as one snapshot refuses to publish itself ("too many requests") until it
        has applied an entry of its own, and in an idle cluster none comes.
        """
        others = self._servers.known(self._order.peers)
        if others:
            with contextlib.suppress(ClientError):
                on_any(others, lambda client: client.lease_grant(TTL, timeout=LOOK))

    def _probe(self, body: Body) -> t.Tuple[bool, str]:
        """Whether the server is well and a member; its member ID, or why it is not.

        :raises NotHealthy: when waiting cannot make it better.
        """
        url = local_url(body.environment)
        healthy, reason = self._servers.healthy(url, PROBE)
        if not healthy:
            return False, reason
        client = self._servers.client(url)
        try:
            version = client.versions(timeout=LOOK).server
            if body.version and version != body.version:
                raise NotHealthy(f"it answers as etcd {version}, not {body.version}", alive=True)
            found = self._member_id(client) or body.member_id
            if body.member_id and found != body.member_id:
                raise NotHealthy(f"it runs as member {found}, not as {body.member_id}", alive=True)
            member = next((one for one in self._servers.members(url, self._order.peers) if one.id == found), None)
        except (Unauthenticated, PermissionDenied):
            # It is healthy, and who may ask for more is not for the turn to judge.
            return True, ""
        except ClientError as error:
            return False, error.message
        if member is None:
            return False, f"member {found} is not listed"
        if not member.started:
            return False, f"member {found} has not published itself"
        return True, found

    @staticmethod
    def _member_id(client: Client) -> str:
        """Empty for a learner of a cluster that asks for a user: it lets nobody log in."""
        try:
            return client.status(timeout=LOOK).member_id
        except ForVoters:
            return ""


class _Watch:
    """Follows the service's main process, and notices early that it will not stay.

    ``failed`` says why, once it is certain. ``old`` is the process that is to end first, ``since`` when it had ended.
    """

    def __init__(self, world: World, *, old: int) -> None:
        self._world = world
        self._old = old
        self._pid = 0
        self._exits = 0
        self._between = False
        self._again = False
        self._idle_since: t.Optional[float] = None
        self.failed = ""
        self.since = 0.0

    @property
    def stopping(self) -> bool:
        """What ran before is still there."""
        return bool(self._old) and not self.since

    def step(self) -> t.Optional[ProcessSeen]:
        """The main process, if it is there and a new one. Asks the service manager only when it must."""
        if self.stopping:
            if self._world.look(self._old) is not None:
                return None
            self.since = self._world.clock.time()
        process = self._world.look(self._pid) if self._pid else None
        if process is not None:
            return process
        seen = self._world.service.seen()
        if seen.main_pid and seen.main_pid != self._old:
            if self._pid and seen.main_pid != self._pid:
                self._exited()
            self._pid, self._between, self._idle_since = seen.main_pid, False, None
            return self._world.look(seen.main_pid)
        had, self._pid = self._pid, 0
        if had or (seen.state == "activating" and not self._between):
            self._between = True
            self._exited()
        if seen.state == "activating":
            self._again = True
        elif seen.state == "active" and self._again:
            # a container engine at its next try, which may fail before there is a process
            self._between = self._again = False
        if seen.state == "failed":
            self.failed = "it failed, and the service manager does not start it any more"
        elif seen.state == "inactive":
            moment = self._world.clock.monotonic()
            self._idle_since = moment if self._idle_since is None else self._idle_since
            if had or self._exits or moment - self._idle_since >= IDLE:
                self.failed = "it exited" if had or self._exits else "it did not stay up"
        return None

    def _exited(self) -> None:
        self._exits += 1
        if self._exits >= EXITS:
            self.failed = f"it exited {self._exits} times"


__all__ = ("FIRST_PAUSE", "Body", "NotHealthy", "Wait")

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate before a restart: the cluster can spare this member, and no other run takes a turn meanwhile.

Private to this collection.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    NoSpace,
    PermissionDenied,
    Refused,
    Unauthenticated,
)
from ansible_collections.quorum.etcd.plugins.module_utils._lock import TTL
from ansible_collections.quorum.etcd.plugins.module_utils._membership import gate, sparable
from ansible_collections.quorum.etcd.plugins.module_utils._model import EndpointSeen, Member, ProcessSeen
from ansible_collections.quorum.etcd.plugins.module_utils._transport import local_url
from ansible_collections.quorum.etcd.plugins.module_utils._turn_world import (
    LOOK,
    Order,
    Outcome,
    Servers,
    World,
)

PAUSE = 0.2
HANDOVER = 3.0  # leadership moves within an election time-out or not at all
SICK = 3.0  # a running member counts as unhealthy once it was so for longer than an election
GRACE = 10.0  # how long a gate that may be passed by force waits for passing without


@dataclasses.dataclass(frozen=True)
class _View:
    """The cluster as the gate sees it."""

    members: t.Tuple[Member, ...]
    healthy: t.FrozenSet[str]
    reached: t.FrozenSet[str]
    member_id: str
    self_healthy: bool
    leads: bool


class Gate:
    """The gate of one turn, and the turn's being ours alone from there on. It adds to the turn's outcome."""

    def __init__(self, world: World, order: Order, servers: Servers, outcome: Outcome) -> None:
        self._world = world
        self._order = order
        self._servers = servers
        self._outcome = outcome
        self._lockless = False
        self._alone = False  # the gate was passed, and while the turn was ours alone
        self._name = order.environment.get("ETCD_NAME", "this member")

    def keep(self) -> None:
        """Keep the turn ours alone; to be called now and then while it lasts."""
        if self._world.lock is not None:
            self._world.lock.renew()

    def wait(self, process: ProcessSeen, member_id: str) -> None:
        """Wait until the cluster can spare the member that runs as ``process``, then hand leadership over.

        ``member_id`` is the one in its data, for when it does not say itself.

        :raises Refused: when the cluster cannot spare it within the limit.
        """
        order, clock = self._order, self._world.clock
        begun = clock.monotonic()
        sick_since: t.Optional[float] = None
        passes = False
        self._alone = False
        while True:
            self.keep()
            view = self._survey(process, member_id)
            moment = clock.monotonic()
            sick_since = None if view.self_healthy else moment if sick_since is None else sick_since
            if view.members:
                verdict = gate(view.members, view.healthy, view.member_id, self_healthy=True, reached=view.reached)
                passes, reason = verdict.passes, verdict.reason
                if not passes and order.allow_downtime:
                    hopeless = not sparable(view.members, view.member_id)
                    passes = hopeless or moment - begun >= min(GRACE, order.gate_timeout)
                    self._outcome.downtime = passes
                if passes and self._is_alone():
                    self._outcome.downtime = self._outcome.downtime or verdict.downtime
                    if self._outcome.downtime:
                        self._outcome.notes.append(f"writes stop during the restart: {reason}")
                    self._alone = True
                    break
                if passes:
                    reason = self._lock_turn(view)
                    if not reason and moment - begun < order.gate_timeout:
                        continue  # the cluster may have changed until the turn was ours alone
                    reason = reason or "asking the members takes longer than a turn can be kept"
            else:
                passes, reason = False, "no member gave the list of members"
            if sick_since is not None and moment - sick_since >= SICK:
                break  # not healthy itself: it can only get better
            if moment - begun >= order.gate_timeout:
                raise self._not_now(reason, busy=passes)
            clock.sleep(PAUSE)
        if view.leads:
            self._hand_over(process, view)

    def confirm(self) -> None:
        """What lies between the gate and the restart may have taken longer than a turn is kept without renewal.

        :raises Refused: another run may have taken a turn since.
        """
        lock = self._world.lock
        if lock is None or self._lockless or not self._alone:
            return
        lock.renew()
        if not lock.held:
            raise Refused(
                f"{self._name} was about to be restarted, and it is not certain any more that no other run takes a "
                "turn.",
                remedy="Run again.",
            )

    def _not_now(self, reason: str, *, busy: bool) -> Refused:
        waited = f"(waited {self._order.gate_timeout:g} s)"
        if busy:
            return Refused(
                f"{self._name} cannot take its turn now: {reason} {waited}.",
                remedy=f"Run again once that has ended; one that was killed keeps the turn for {TTL} s.",
            )
        return Refused(
            f"The cluster cannot spare {self._name} now: {reason} {waited}.",
            remedy="Bring the other members back, or set etcd_allow_downtime to true: writes stop meanwhile.",
        )

    def _is_alone(self) -> bool:
        """No other run takes a turn in this cluster now."""
        return self._world.lock is None or self._world.lock.held or self._lockless

    def _lock_turn(self, view: _View) -> str:
        """Make the turn ours alone; why it is not (yet)."""
        links = [url for member in view.members if member.id in view.healthy for url in member.client_urls]
        clients = self._servers.known(links) or self._servers.known([local_url(self._order.environment)])
        lock = self._world.lock
        if not clients:
            return "no member can be asked to keep other runs away"
        try:
            holder = lock.take(clients) if lock is not None else ""
        except (Unauthenticated, PermissionDenied, NoSpace) as error:
            # Without space, what helps may be this very restart.
            self._lockless = True
            self._outcome.notes.append(f"nothing keeps another run from taking a turn meanwhile: {error.message}")
            return ""
        except ClientError as error:
            return error.message.rstrip(".")
        return f"another run takes a turn: {holder}" if holder else ""

    def _survey(self, process: ProcessSeen, member_id: str) -> _View:
        local = self._servers.look(local_url(process.environment))
        member_id = (local.status.member_id if local.status else "") or member_id or self._order.member_id
        members = local.members
        seen: t.Tuple[EndpointSeen, ...] = ()
        if members is None:
            seen = self._world.survey(self._servers.known(self._order.peers), LOOK)
            members = next((one.members for one in seen if one.members is not None), ())
        owners = {
            link: member.id for member in members if member.id != member_id and not member.is_learner
            for link in member.client_urls
        }  # fmt: skip
        asked = {one.endpoint for one in seen}
        seen += self._world.survey(self._servers.known(link for link in owners if link not in asked), LOOK)
        healthy = {one.status.member_id if one.status else owners.get(one.endpoint, "") for one in seen if one.healthy}
        peers = {link: member.id for member in members if member.id in healthy for link in member.peer_urls}
        return _View(
            members=members,
            healthy=frozenset(healthy - {""}),
            reached=frozenset(peers[link] for link in self._world.reached(peers, LOOK)),
            member_id=member_id,
            self_healthy=local.may_serve,
            leads=bool(local.status and local.status.leader_id == local.status.member_id),
        )

    def _hand_over(self, process: ProcessSeen, view: _View) -> None:
        """Let a voter lead that stays up. Going on without costs an election, no data."""
        targets = [
            member
            for member in view.members
            if member.id in view.healthy and member.id != view.member_id and not member.is_learner
        ]
        targets.sort(key=lambda member: (member.id not in view.reached, member.name not in self._order.handover))
        if not targets:
            if len(view.members) > 1:
                self._outcome.notes.append("it leads, and no healthy voter is there to take over")
            return
        target, clock = targets[0], self._world.clock
        client = self._servers.client(local_url(process.environment))
        deadline = clock.monotonic() + HANDOVER
        try:
            client.move_leader(target.id, timeout=HANDOVER)
            while client.status(timeout=LOOK).leader_id in {"", view.member_id}:
                if clock.monotonic() > deadline:
                    self._outcome.notes.append(f"leadership did not move to {target.label} within {HANDOVER:g} s")
                    return
                clock.sleep(0.02)
        except ClientError as error:
            self._outcome.notes.append(f"leadership did not move to {target.label}: {error.message}")
            return
        self._outcome.actions.append(f"hand leadership over to {target.label}")


__all__ = ("Gate",)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings one entry of the membership to what is wished: looks, decides, asks etcd for one change, and looks again.

Private to this collection. What was done is read from the list that a majority vouches for, not from answers, so that a
change whose answer got lost is found to be made, and one that somebody else made as well.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, Explored
from ansible_collections.quorum.etcd.plugins.module_utils._entry import (
    Step,
    Wish,
    decide,
    explain,
    find,
    too_old_to_promote,
    versions_text,
)
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    NotFound,
    QuorumError,
    Refused,
    Rejected,
    Unavailable,
    Unreachable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._model import Member
from ansible_collections.quorum.etcd.plugins.module_utils._overview import Overview, Row, overview

LOOK = 1.5  # one look at a server
CALL = 5.0  # one change; a hanging one is tried again at another server
FIRST_PAUSE, LAST_PAUSE = 0.1, 0.5


class Cluster(t.Protocol):
    """What is needed of ``_client.Explorer``."""

    def client(self, endpoint: str) -> Client: ...

    def explore(self, *, timeout: float = LOOK) -> Explored: ...


@dataclasses.dataclass(frozen=True)
class Outcome:
    """``before`` and ``after`` are the whole list; ``member`` is the entry, ``None`` where there is none (any more).

    ``changed``: the entry is other than it was, by our doing; in a dry run: would be. ``waited`` is the time from the
    first obstacle to the end, in seconds. ``warnings`` are sentences.
    """

    before: t.Tuple[Member, ...]
    after: t.Tuple[Member, ...]
    member: t.Optional[Member]
    changed: bool
    waited: float = 0.0
    warnings: t.Tuple[str, ...] = ()


def bring(
    cluster: Cluster,
    wish: Wish,
    *,
    timeout: float,
    clock: t.Callable[[], float],
    sleep: t.Callable[[float], None],
    call_timeout: float = CALL,
    dry: bool = False,
) -> Outcome:
    """Fulfil a wish within ``timeout`` seconds, plus what the last look and request may take.

    :param call_timeout: limit for one request that changes something, in seconds.
    :param dry: ask etcd for nothing and do not wait; what would only need waiting is taken as done.
    :raises Refused: it is not safe, or etcd would not do it in time. What was done until then stays.
    :raises ClientError: etcd refused for a reason that waiting does not change, such as a missing permission.
    """
    errand = _Errand(cluster, wish, dry=dry)
    deadline = clock() + timeout
    obstacle: t.Optional[float] = None
    pause = FIRST_PAUSE
    while True:
        result = errand.attempt(max(min(call_timeout, deadline - clock()), LOOK))
        if isinstance(result, Outcome):
            return dataclasses.replace(result, waited=0.0 if obstacle is None else clock() - obstacle)
        if result is not None and obstacle is None:
            obstacle = clock()
        if clock() >= deadline:
            raise _too_late(wish, result, timeout)
        pause = FIRST_PAUSE if result is None else min(pause * 1.5, LAST_PAUSE)
        sleep(pause)


class _Errand:
    """What is remembered between attempts: how the list was, what was asked, whom not to ask again at once."""

    def __init__(self, cluster: Cluster, wish: Wish, *, dry: bool) -> None:
        self._cluster = cluster
        self._wish = wish
        self._dry = dry
        self._before: t.Optional[t.Tuple[Member, ...]] = None
        self._asked = False
        self._failures = 0

    def attempt(self, call_timeout: float) -> t.Union[Outcome, QuorumError, None]:
        """One look and at most one change: the outcome, what is in the way, or ``None`` if the change was accepted."""
        try:
            now, members = self._look()
        except _Unlisted as error:
            if self._dry:
                raise
            return error
        if self._before is None:
            self._before = members
        step = decide(self._wish, now, vouched=self._vouched(now))
        if step.kind == "done":
            return self._outcome(now, self._before, members)
        if self._dry:
            return _pretended(self._wish, now, members, step)
        if step.kind == "wait":
            return Refused(step.reason, remedy=step.remedy)
        try:
            if step.kind == "add":
                return self._added(now, members, self._add(now, step, call_timeout))
            self._carry_out(now, step, call_timeout)
        except (NotFound, Rejected, Unavailable, Unreachable) as error:
            self._failures += 1
            return self._obstacle(error, now)
        self._failures = 0
        return None

    def _look(self) -> t.Tuple[Overview, t.Tuple[Member, ...]]:
        """The cluster, with a list that a majority vouches for.

        :raises _Unlisted: there is none just now.
        :raises ClientError: there is none for who asks.
        """
        explored = self._cluster.explore(timeout=LOOK)
        members = explored.members
        if members is None or not explored.linearizable:
            members = self._insist(explored)
        clusters = {
            one.status.cluster_id for one in explored.seen if one.status is not None and one.members is not None
        }
        if len(clusters) > 1:
            raise Refused(
                f"The endpoints belong to different clusters: {', '.join(sorted(clusters))}.",
                remedy="Name endpoints of one cluster only.",
            )
        return overview(explored.seen, members), members

    def _insist(self, explored: Explored) -> t.Tuple[Member, ...]:
        """Ask again for a list, to learn why there was none."""
        problem: t.Optional[ClientError] = None
        for one in explored.seen:
            if one.healthy:
                try:
                    return self._cluster.client(one.endpoint).members(timeout=LOOK)
                except (Rejected, Unavailable, Unreachable) as error:
                    problem = error
        if problem is None:
            problems = " ".join(overview(explored.seen, explored.members, linearizable=explored.linearizable).problems)
            raise _Unlisted(
                f"No majority vouches for a list of members. {problems}",
                remedy="Bring back a quorum first; the endpoints must be client URLs of voters.",
            )
        raise _Unlisted(problem.message, remedy=problem.remedy, **problem.details) from problem

    def _vouched(self, now: Overview) -> bool:
        """The entry's own server is healthy, and it is the one listed."""
        row = find(self._wish, now.rows)
        if row is None or not row.is_learner or not row.healthy or not row.endpoint:
            return False
        if row.role == "learner":
            return True
        # With users switched on a learner takes no password, and so tells its status to nobody.
        try:
            return self._cluster.client(row.endpoint).server_id(timeout=LOOK) == row.id
        except ClientError:
            return False

    def _add(self, now: Overview, step: Step, timeout: float) -> Member:
        client = self._cluster.client(self._whom(now, step).endpoint)
        self._asked = True
        return client.member_add(self._wish.peer_urls, learner=self._wish.state == "learner", timeout=timeout)

    def _added(self, now: Overview, members: t.Tuple[Member, ...], member: Member) -> Outcome:
        """The one answer that is believed: with a second voter that has yet to start there is no majority to ask."""
        return self._outcome(now, t.cast("t.Tuple[Member, ...]", self._before), (*members, member))

    def _carry_out(self, now: Overview, step: Step, timeout: float) -> None:
        client = self._cluster.client(self._whom(now, step).endpoint)
        self._asked = True
        if step.kind == "promote":
            client.member_promote(step.member_id, timeout=timeout)
        elif step.kind == "update":
            client.member_update(step.member_id, self._wish.peer_urls, timeout=timeout)
        elif step.kind == "hand_over":
            client.move_leader(step.member_id, timeout=timeout)
        else:
            client.member_remove(step.member_id, timeout=timeout)

    def _whom(self, now: Overview, step: Step) -> Row:
        """The server to ask: the leader, or after each failure another healthy voter."""
        if step.ask:
            return next(row for row in now.rows if row.id == step.ask)
        fit = [row for row in now.rows if row.healthy and not row.is_learner and row.endpoint]
        fit = [row for row in fit if row.id != step.member_id] or fit
        if not fit:
            raise Unavailable("No voter is healthy.", remedy=" ".join(now.problems))
        leader = now.leader.id if now.leader is not None else ""
        fit.sort(key=lambda row: row.id != leader)
        return fit[self._failures % len(fit)]

    def _obstacle(self, error: ClientError, now: Overview) -> QuorumError:
        """What to tell people if it stays so. Raises the error if it will."""
        known = explain(str(error.details.get("reason", "")), self._wish, now)
        if known is not None:
            return Refused(known[0], remedy=known[1], **error.details)
        if isinstance(error, (Unavailable, Unreachable)):
            return error
        raise error

    def _outcome(self, now: Overview, before: t.Tuple[Member, ...], after: t.Tuple[Member, ...]) -> Outcome:
        member = find(self._wish, after)
        return Outcome(
            before=before,
            after=after,
            member=member,
            changed=self._asked and _essence(find(self._wish, before)) != _essence(member),
            warnings=tuple(_warnings(self._wish, now, member)),
        )


class _Unlisted(Refused):
    """No majority vouches for a list of members just now."""


def _essence(member: t.Optional[Member]) -> t.Any:
    return None if member is None else (member.id, frozenset(member.peer_urls), member.is_learner)


def _pretended(wish: Wish, now: Overview, members: t.Tuple[Member, ...], step: Step) -> Outcome:
    """What would come of it.

    :raises Refused: something is in the way, and is not sure to pass.
    """
    if step.kind == "wait" and not step.then:
        raise Refused(step.reason, remedy=step.remedy)
    member: t.Optional[Member] = None
    if step.kind == "add":
        member = Member(id="", name="", peer_urls=wish.peer_urls, is_learner=wish.state == "learner")
        after = (*members, member)
    else:
        found = t.cast("Member", find(wish, members))
        if wish.state != "absent":
            learner = found.is_learner and wish.state == "learner"
            member = dataclasses.replace(found, peer_urls=wish.peer_urls or found.peer_urls, is_learner=learner)
            after = tuple(member if one.id == found.id else one for one in members)
        else:
            after = tuple(one for one in members if one.id != found.id)
    return Outcome(members, after, member, changed=True, warnings=tuple(_warnings(wish, now, member)))


def _warnings(wish: Wish, now: Overview, member: t.Optional[Member]) -> t.Iterator[str]:
    if member is None:
        return
    old = too_old_to_promote(now.rows)
    if wish.state == "learner" and old:
        yield f"Learners cannot be promoted safely by {versions_text(old)}."
    if wish.state == "voter" and not member.started:
        yield f"{member.name or wish.label} has never been started and counts as a voter that is down: start it now."


def _too_late(wish: Wish, problem: t.Optional[QuorumError], timeout: float) -> Refused:
    what = {
        "learner": "could not be made a learner of the cluster",
        "voter": "could not be made a voter",
        "absent": "could not be removed",
    }[wish.state]
    if problem is None:
        problem = Refused("etcd agreed to the last step, but its effect is not to be seen yet.", remedy="Run it again.")
    return Refused(
        f"{wish.label} {what} within {timeout:g} s. {problem.message}", remedy=problem.remedy, **problem.details
    )


__all__ = ("CALL", "LOOK", "Cluster", "Outcome", "bring")

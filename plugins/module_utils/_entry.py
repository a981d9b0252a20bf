# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do next about one entry of the membership, judged from what the whole cluster shows.

Private to this collection. Pure: no I/O and no clock. What must be waited for is a step, too; what waiting does not
help against is a ``Refused``.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, Refused
from ansible_collections.quorum.etcd.plugins.module_utils._membership import gate, quorum
from ansible_collections.quorum.etcd.plugins.module_utils._model import Member
from ansible_collections.quorum.etcd.plugins.module_utils._overview import Overview, Row, successor
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

# Before, a promotion is forgotten by the newer of etcd's two stores: the voter is a learner again after an upgrade.
PROMOTES = Version(3, 5, 20)

_STATES = ("learner", "voter", "absent")


@dataclasses.dataclass(frozen=True)
class Wish:
    """One entry as it is wished. It is found by ``id`` where that is set, else by exactly its ``peer_urls``.

    With both, the entry of that ID shall have these peer URLs. ``state``: ``learner``, ``voter`` or ``absent``.
    """

    state: str
    peer_urls: t.Tuple[str, ...] = ()
    id: str = ""
    allow_downtime: bool = False

    @property
    def label(self) -> str:
        return self.id or ", ".join(self.peer_urls)


@dataclasses.dataclass(frozen=True)
class Step:
    """``kind``: ``done``, ``wait``, ``add``, ``promote``, ``update``, ``hand_over`` (leadership) or ``remove``.

    ``member_id``: whom it is about; of ``hand_over`` the one who takes over, while ``ask`` is the one who leads.
    ``reason`` and ``remedy`` are sentences; of ``wait``: what is missing, and what brings it about. ``then`` is what
    will be done after waiting, where that is certain to come.
    """

    kind: str
    member_id: str = ""
    ask: str = ""
    reason: str = ""
    remedy: str = ""
    then: str = ""


DONE = Step("done")


def wish_of(state: str, *, peer_urls: t.Sequence[str] = (), id: str = "", allow_downtime: bool = False) -> Wish:  # noqa: A002
    """A wish of what a user wrote.

    :raises InvalidInput: the ID is not hexadecimal, or nothing says which entry is meant.
    """
    if state not in _STATES:
        raise InvalidInput(f"There is no state {state!r}.", remedy=f"Use one of {', '.join(_STATES)}.")
    urls = tuple(dict.fromkeys(url.strip().rstrip("/") for url in peer_urls))
    if not id and not any(urls):
        raise InvalidInput("Nothing says which member is meant.", remedy="Set peer_urls or id.")
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise InvalidInput(
                f"The peer URL {url!r} cannot be used.",
                remedy="It must look like http://HOST:PORT or https://HOST:PORT.",
            )
    identity = id.strip().lower().lstrip("0")
    if id and (not identity or len(identity) > 16 or not set(identity) <= set("0123456789abcdef")):
        raise InvalidInput(f"{id!r} is not a member ID.", remedy="It must be hexadecimal, as etcdctl prints it.")
    return Wish(state=state, peer_urls=urls, id=identity, allow_downtime=allow_downtime)


class _Entry(t.Protocol):
    """What ``Row`` and ``Member`` have in common here."""

    @property
    def id(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def peer_urls(self) -> t.Tuple[str, ...]: ...


Entry = t.TypeVar("Entry", bound=_Entry)


def find(wish: Wish, rows: t.Sequence[Entry]) -> t.Optional[Entry]:
    """The entry that is meant, or ``None``.

    :raises Refused: a member has some of the peer URLs, but not exactly these.
    """
    if wish.id:
        return next((row for row in rows if row.id == wish.id), None)
    wanted = set(wish.peer_urls)
    for row in rows:
        if set(row.peer_urls) == wanted:
            return row
    for row in rows:
        if wanted & set(row.peer_urls):
            raise Refused(
                f"{row.label} has peer URLs of {wish.label}, but not exactly these: {', '.join(row.peer_urls)}.",
                remedy=f"If it is the one you mean, set id to {row.id}.",
            )
    return None


def decide(wish: Wish, now: Overview, *, vouched: bool = False) -> Step:
    """What to do next.

    :param now: of a list of members that a majority vouches for.
    :param vouched: the entry's own server has answered just now, as the member it is listed as.
    :raises Refused: the wish cannot be fulfilled, however long one waits.
    """
    found = find(wish, now.rows)
    if wish.state == "absent":
        return DONE if found is None else _remove(now, found)
    if found is None:
        return _add(wish, now)
    if wish.peer_urls and set(wish.peer_urls) != set(found.peer_urls):
        return _update(wish, now, found)
    if wish.state == "voter":
        return _promote(now, found, vouched=vouched)
    if found.is_learner:
        return DONE
    raise Refused(
        f"{found.label} is a voter, and etcd cannot make it a learner.",
        remedy="Use state voter. Only to remove it, wipe its data and add it again makes a learner of it.",
    )


def too_old_to_promote(rows: t.Sequence[Row]) -> t.Tuple[Row, ...]:
    """The members whose release is too old for learners to be promoted safely; unknown ones are left out."""
    versions = ((row, Version.parse_or_none(row.version)) for row in rows)
    return tuple(row for row, version in versions if version is not None and version < PROMOTES)


def _add(wish: Wish, now: Overview) -> Step:
    if wish.id:
        raise Refused(
            f"The cluster has no member with the ID {wish.id}.",
            remedy=f"{_listed(now)} To add one, set only peer_urls.",
        )
    if wish.state == "learner":
        return Step("add", reason=f"Add {wish.label} as a learner.")
    old = too_old_to_promote(now.rows)
    if not old:
        raise Refused(
            f"No member has the peer URLs {wish.label}.",
            remedy="Add it with state learner and start it; then state voter promotes it once it has caught up.",
        )
    voters = [row for row in now.rows if not row.is_learner]
    healthy = sum(row.healthy for row in voters)
    needed = quorum(len(voters) + 1)
    if healthy < needed and len(voters) > 1:
        return Step(
            "wait",
            reason=f"With {wish.label} as one more voter {needed} must be healthy, and {healthy} are.",
            remedy=_heal(now),
        )
    return Step(
        "add", reason=f"Add {wish.label} as a voter: learners cannot be promoted safely by {versions_text(old)}."
    )


def _promote(now: Overview, found: Row, *, vouched: bool) -> Step:
    if not found.is_learner:
        return DONE
    old = too_old_to_promote(now.rows)
    if old:
        raise Refused(
            f"Learners cannot be promoted safely by {versions_text(old)}: it may be forgotten.",
            remedy=f"Upgrade every member to {PROMOTES} or newer first; or remove {found.label} and add it as a voter.",
        )
    if vouched:
        return Step("promote", found.id, reason=f"Promote {found.label} to a voter.")
    where = ", ".join(found.client_urls)
    if not where:
        reason = f"{found.label} has not been started yet."
    elif found.endpoint and found.healthy:
        reason = f"{where} is healthy, but does not prove to be {found.label} ({found.id})."
    else:
        reason = f"{found.label} does not answer at {where} as a healthy learner."
    if found.endpoint and found.problem and found.problem not in reason:
        reason = f"{reason} {found.problem}"
    return Step(
        "wait",
        found.id,
        reason=reason,
        remedy="Start its server. etcd would promote a dead learner, too, and that costs the cluster its safety.",
        then="promote",
    )


def _update(wish: Wish, now: Overview, found: Row) -> Step:
    for row in now.rows:
        taken = set(wish.peer_urls) & set(row.peer_urls)
        if row.id != found.id and taken:
            raise Refused(f"{row.label} has the peer URL {min(taken)}.", remedy="Every member needs its own.")
    if found.is_learner and any(_update_promotes(row) for row in now.rows):
        raise Refused(
            f"To change the peer URLs of {found.label} would make the learner a voter: {versions_text(now.rows)}.",
            remedy="Change them after it was promoted, or upgrade to 3.5.31 or 3.6.12 first.",
        )
    healthy = frozenset(row.id for row in now.rows if row.healthy)
    verdict = gate(
        [_member(row) for row in now.rows],
        healthy,
        found.id,
        self_healthy=found.healthy,
        allow_downtime=wish.allow_downtime,
    )
    if verdict.passes:
        return Step("update", found.id, reason=f"Change the peer URLs of {found.label}: {verdict.reason}.")
    return Step(
        "wait",
        found.id,
        reason=f"Until {found.label} listens at its new peer URLs the cluster must spare it: {verdict.reason}.",
        remedy=f"{_heal(now)} Or accept with allow_downtime that writes stop.".lstrip(),
    )


def _remove(now: Overview, found: Row) -> Step:
    if found.is_learner:
        return Step("remove", found.id, reason=f"Remove the learner {found.label}.")
    others = [row for row in now.rows if not row.is_learner and row.id != found.id]
    if not others:
        raise Refused(
            f"{found.label} is the only voter: the cluster would be gone.",
            remedy="Stop its server and move its data away, if that is what you want.",
        )
    healthy = sum(row.healthy for row in others)
    needed = quorum(len(others))
    if healthy < needed:
        return Step(
            "wait",
            found.id,
            reason=(
                f"Without {found.label} the cluster would have no quorum: {healthy} of the {len(others)} other voters "
                f"are healthy, {needed} are needed."
            ),
            remedy=_heal(now, but=found),
        )
    if now.leader is None or now.leader.id != found.id or not found.healthy:
        return Step("remove", found.id, reason=f"Remove {found.label}.")
    try:
        heir = t.cast("Row", successor(now, away_from=found.id))
    except Refused as error:
        return Step("wait", found.id, reason=error.message, remedy=error.remedy)
    return Step("hand_over", heir.id, ask=found.id, reason=f"{heir.label} shall lead instead of {found.label}.")


def explain(reason: str, wish: Wish, now: Overview) -> t.Optional[t.Tuple[str, str]]:
    """Why etcd refused a change just now, and the remedy if it stays so; ``None`` if it will never change its mind.

    :param reason: etcd's own message. What only shows that the list was read too long ago has a remedy as well.
    """
    if "unhealthy cluster" in reason:
        return (
            "etcd changes the membership only while its servers have been connected to each other for 5 s.",
            _heal(now) or "Can the servers reach each other at their peer URLs?",
        )
    if "not enough started members" in reason:
        unstarted = ", ".join(row.label for row in now.rows if row.role == "unstarted") or "none that is known"
        return (
            "etcd counts too few started members to keep a quorum.",
            f"Start or remove those that were never started: {unstarted}.",
        )
    if "too many learner" in reason:
        learners = ", ".join(f"{row.label} ({row.id})" for row in now.rows if row.is_learner) or "another one"
        return (
            f"The cluster has as many learners as it may have: {learners}.",
            "Promote or remove one first, or raise max-learners on every member (3.6 and newer).",
        )
    if "in sync with leader" in reason:
        return (
            f"{wish.label} has not caught up with the leader yet.",
            "Raise wait_timeout, and look at its network and disk.",
        )
    if any(fragment in reason for fragment in _STALE):
        return f"The cluster changed meanwhile: {reason}.", "Run it again."
    return None


_STALE = (
    "Peer URLs already exist",
    "bad leader transferee",
    "can only promote a learner member",
    "member ID already exist",
    "member not found",
    "not leader",
)


def _update_promotes(row: Row) -> bool:
    version = Version.parse_or_none(row.version)
    if version is None:
        return False
    return version < Version(3, 5, 31) or Version(3, 6, 0) <= version < Version(3, 6, 12)


def versions_text(rows: t.Sequence[Row]) -> str:
    """Who runs what, for people."""
    return ", ".join(f"{row.label} with {row.version}" for row in rows if row.version)


def _listed(now: Overview) -> str:
    return f"Its members are: {', '.join(f'{row.label} ({row.id})' for row in now.rows)}."


def _heal(now: Overview, but: t.Optional[Row] = None) -> str:
    """Who has to come back first; empty where all are healthy."""
    down = [row for row in now.rows if not row.healthy and not row.is_learner and (but is None or row.id != but.id)]
    if not down:
        return ""
    return f"Bring back first, or remove: {', '.join(f'{row.label} ({row.role})' for row in down)}."


def _member(row: Row) -> Member:
    return Member(row.id, row.name, row.peer_urls, row.client_urls, row.is_learner)


__all__ = (
    "DONE",
    "PROMOTES",
    "Step",
    "Wish",
    "decide",
    "explain",
    "find",
    "too_old_to_promote",
    "versions_text",
    "wish_of",
)

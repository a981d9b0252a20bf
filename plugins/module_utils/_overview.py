# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole cluster judged from what its endpoints show, and who should lead it.

Private to this collection. Pure: no I/O and no clock.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, Refused
from ansible_collections.quorum.etcd.plugins.module_utils._membership import quorum
from ansible_collections.quorum.etcd.plugins.module_utils._model import Alarm, EndpointSeen, Member, leader_of


@dataclasses.dataclass(frozen=True)
class Row:
    """A member of the cluster, with what its endpoint shows.

    ``role``: ``leader``, ``follower``, ``learner``; ``unstarted`` (never published itself), ``unreachable``, or
    ``unknown`` (it answers, but may not be asked). ``lag`` is in raft entries behind the leader, ``None`` where
    unknown; the two were read one after the other, so it is a hint.
    """

    name: str
    id: str
    role: str
    healthy: bool
    is_learner: bool
    endpoint: str
    peer_urls: t.Tuple[str, ...]
    client_urls: t.Tuple[str, ...]
    version: str = ""
    storage_version: str = ""
    db_size: int = 0
    db_size_in_use: int = 0
    raft_index: int = 0
    raft_applied_index: int = 0
    raft_term: int = 0
    lag: t.Optional[int] = None
    alarms: t.Tuple[str, ...] = ()
    errors: t.Tuple[str, ...] = ()
    problem: str = ""

    @property
    def label(self) -> str:
        return self.name or self.id


@dataclasses.dataclass(frozen=True)
class Overview:
    """``has_quorum``: the healthy voters are a quorum. ``healthy``: that, no CORRUPT alarm, and one cluster.

    ``complete``: healthy, and so is every member. ``downgrade``: the version that it is being taken down to, if it is.
    """

    cluster_id: str
    version: str
    leader: t.Optional[Row]
    rows: t.Tuple[Row, ...]
    alarms: t.Tuple[Alarm, ...]
    has_quorum: bool
    healthy: bool
    complete: bool
    problems: t.Tuple[str, ...]
    downgrade: str = ""


def overview(
    seen: t.Sequence[EndpointSeen], members: t.Optional[t.Sequence[Member]], *, linearizable: bool = True
) -> Overview:
    """Judge a cluster. ``members`` is its list, or ``None`` where nobody gave one; ``linearizable`` as in ``Explored``.

    The cluster is the one of the first endpoint that shows an ID. Where the list is unknown, say without credentials,
    one healthy endpoint proves a quorum, because it did a linearizable read.
    """
    cluster_id = next((one.status.cluster_id for one in seen if one.status is not None), "")
    strangers = [one for one in seen if one.status is not None and one.status.cluster_id != cluster_id]
    own = [one for one in seen if one not in strangers]
    alarms = tuple(dict.fromkeys(alarm for one in own for alarm in one.alarms))
    statuses = [one.status for one in own if one.status is not None]
    leader_id = leader_of(statuses)
    at_leader = next((status.raft_index for status in statuses if status.member_id == leader_id), None)
    rows = tuple(_row(member, own, alarms, leader_id, at_leader) for member in members or ())
    voters = [row for row in rows if not row.is_learner]
    if members is None:
        has_quorum = any(one.healthy for one in own)
    else:
        has_quorum = sum(row.healthy for row in voters) >= quorum(len(voters))
    healthy = has_quorum and not strangers and all(alarm.kind != "CORRUPT" for alarm in alarms)
    now = Overview(
        cluster_id=cluster_id,
        version=next((one.versions.cluster for one in own if one.versions is not None and one.versions.cluster), ""),
        leader=next((row for row in rows if row.id == leader_id), None),
        rows=rows,
        alarms=alarms,
        has_quorum=has_quorum,
        healthy=healthy,
        complete=healthy and all(one.healthy for one in own) and all(row.healthy for row in rows),
        problems=(),
        downgrade=next((status.downgrade for status in statuses if status.downgrade), ""),
    )
    problems = _problems(now, seen, listed=members is not None, linearizable=linearizable)
    return dataclasses.replace(now, problems=tuple(dict.fromkeys(problems)))


def successor(now: Overview, *, to: str = "", away_from: str = "") -> t.Optional[Row]:
    """Who shall lead instead; ``None`` where the wish is met already.

    :param to: name or ID of the member that shall lead; by default the healthy voter that lags least.
    :param away_from: name or ID of a member; where it does not lead, nothing is to be done.
    :raises InvalidInput: there is no such member, or it is a learner.
    :raises Refused: nobody suitable is healthy, or nobody is known to lead: it may be otherwise later.
    """
    if now.leader is None:
        raise Refused("No leader of the cluster is known.", remedy=" ".join(now.problems))
    target = _find(now, to) if to else None
    shunned = _find(now, away_from) if away_from else None
    if target is not None and target.id == now.leader.id:
        return None
    if shunned is not None and shunned.id != now.leader.id:
        return None
    if target is not None:
        if target.is_learner:
            raise InvalidInput(f"{target.label} is a learner and cannot lead.", remedy="Name a voter.")
        if not target.healthy:
            raise Refused(f"{target.label} is not healthy and shall not lead: {target.problem or target.role}")
        return target
    fit = [row for row in now.rows if row.healthy and not row.is_learner and row.id != now.leader.id]
    if not fit:
        raise Refused(f"There is no healthy voter to take over from {now.leader.label}.")
    return min(fit, key=lambda row: (row.lag or 0, row.name, row.id))


def _find(now: Overview, wanted: str) -> Row:
    found = [row for row in now.rows if row.name == wanted] or [
        row for row in now.rows if row.id == wanted.lower().lstrip("0")
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{row.name} ({row.id})" for row in now.rows) or "none that could be read"
    raise InvalidInput(
        f"{'No member' if not found else 'More than one member'} of the cluster is called {wanted}.",
        remedy=f"The members are: {known}.",
    )


def _row(
    member: Member,
    seen: t.Sequence[EndpointSeen],
    alarms: t.Sequence[Alarm],
    leader_id: str,
    at_leader: t.Optional[int],
) -> Row:
    urls = {url.rstrip("/") for url in member.client_urls}
    mine = [one for one in seen if one.status is not None and one.status.member_id == member.id]
    mine = mine or [one for one in seen if one.status is None and one.endpoint in urls]
    one = max(mine, key=lambda candidate: candidate.healthy) if mine else None
    status = one.status if one is not None else None
    lag = None
    if status is not None and at_leader is not None:
        lag = max(at_leader - status.raft_index, 0)
    return Row(
        name=member.name,
        id=member.id,
        role=_role(member, one, leader_id),
        healthy=one is not None and one.healthy,
        is_learner=member.is_learner,
        endpoint=one.endpoint if one is not None else "",
        peer_urls=member.peer_urls,
        client_urls=member.client_urls,
        version=one.versions.server if one is not None and one.versions is not None else "",
        storage_version=status.storage_version if status is not None else "",
        db_size=status.db_size if status is not None else 0,
        db_size_in_use=status.db_size_in_use if status is not None else 0,
        raft_index=status.raft_index if status is not None else 0,
        raft_applied_index=status.raft_applied_index if status is not None else 0,
        raft_term=status.raft_term if status is not None else 0,
        lag=lag,
        alarms=tuple(alarm.kind for alarm in alarms if alarm.member_id == member.id),
        errors=status.errors if status is not None else (),
        problem=one.problem if one is not None else ("" if member.started else "It was never started."),
    )


def _role(member: Member, one: t.Optional[EndpointSeen], leader_id: str) -> str:
    if one is not None and one.status is not None:
        if one.status.is_learner:
            return "learner"
        return "leader" if one.status.member_id == leader_id else "follower"
    if not member.started:
        return "unstarted"
    return "unreachable" if one is None or one.versions is None else "unknown"


def _problems(now: Overview, seen: t.Sequence[EndpointSeen], *, listed: bool, linearizable: bool) -> t.Iterator[str]:
    """All that is wrong, the worst first. ``listed``: there is a list of members, which ``linearizable`` is about."""
    for one in seen:
        if one.status is not None and one.status.cluster_id != now.cluster_id:
            yield f"{one.endpoint} belongs to another cluster ({one.status.cluster_id}) than {now.cluster_id}."
    if not now.has_quorum and not listed:
        yield "No endpoint is healthy."
    elif not now.has_quorum:
        voters = [row for row in now.rows if not row.is_learner]
        yield (
            f"There is no quorum: {sum(row.healthy for row in voters)} of {len(voters)} voters are healthy, "
            f"{quorum(len(voters))} are needed."
        )
    if listed and not linearizable:
        yield "The list of members is what one server knows by itself; it may be old."
    labels = {row.id: row.label for row in now.rows}
    for alarm in now.alarms:
        yield f"{labels.get(alarm.member_id, alarm.member_id or 'An unknown member')} has the alarm {alarm.kind}."
    for row in now.rows:
        if row.role == "unstarted":
            yield f"{row.label} was never started."
        elif not row.endpoint:
            yield f"{row.label} was not asked."
    yield from (one.problem for one in seen if one.problem)


__all__ = ("Overview", "Row", "overview", "successor")

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a cluster as rows, from what its hosts showed; and as a table for a terminal.

Private to this collection. Pure.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._membership import quorum
from ansible_collections.quorum.etcd.plugins.module_utils._model import HostSeen, Member, leader_of

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_HIDDEN = "cannot be looked at without become: true"


@dataclasses.dataclass(frozen=True)
class Row:
    """One member, or a host that is none.

    ``role``: ``leader``, ``follower``, ``learner``; ``unstarted`` (listed, never published itself), ``unobserved``
    (listed, and no host of the inventory showed it), ``learner (unobserved)`` (so, and listed as a learner), ``none``
    (a host whose member nobody lists), ``unknown`` (it runs and does not say, or could not be looked at) or ``down``
    (nothing runs).
    ``lag`` is how many raft entries it is behind the leader. ``since`` is when its process started (epoch). ``denied``
    says that it wants to know who asks.
    """

    name: str
    host: str
    role: str
    healthy: bool
    id: str = ""
    version: str = ""
    db_size: int = 0
    db_size_in_use: int = 0
    raft_index: int = 0
    lag: t.Optional[int] = None
    alarms: t.Tuple[str, ...] = ()
    since: t.Optional[float] = None
    problem: str = ""
    denied: bool = False


@dataclasses.dataclass(frozen=True)
class ClusterStatus:
    """A whole cluster; ``quorum`` says that a member gave its linearizable list.

    It is ``None`` where nobody did, and those that could not be looked at, or do not list members, may be a quorum.
    """

    name: str
    id: str
    quorum: t.Optional[bool]
    rows: t.Tuple[Row, ...]


def cluster_status(
    name: str, seen: t.Mapping[str, HostSeen], unseen: t.Mapping[str, str], names: t.Mapping[str, str]
) -> ClusterStatus:
    """Rows for all that is listed and all hosts, in the inventory's order, then the members that have no host here.

    ``unseen`` are hosts that were not observed, with the reason; ``names`` are the members' names by host.
    """
    answers = [host.local for host in seen.values() if host.local is not None]
    members: t.Tuple[Member, ...] = next((local.members for local in answers if local.members is not None), ())
    statuses = [local.status for local in answers if local.status is not None]
    leader = leader_of(statuses)
    highest = max((status.raft_index for status in statuses), default=0)
    at_leader = next((status.raft_index for status in statuses if status.member_id == leader), highest)
    alarms: t.Dict[str, t.Set[str]] = {}
    for local in answers:
        for alarm in local.alarms:
            alarms.setdefault(alarm.member_id, set()).add(alarm.kind)
    rows, known = [], set()
    for host in [*seen, *unseen]:
        member = _member_of(seen.get(host), names[host], members)
        if member is not None:
            known.add(member.id)
        if host in seen:
            rows.append(_row(host, names[host], seen[host], member, leader, at_leader, alarms))
        else:
            rows.append(
                Row(
                    member.label if member else names[host],
                    host,
                    _unobserved(member),
                    False,
                    id=member.id if member else "",
                    problem=unseen[host],
                )
            )
    rows += [
        Row(member.label, "", _unobserved(member), False, id=member.id, problem="not in the inventory")
        for member in members
        if member.id not in known
    ]
    cluster = next((status.cluster_id for status in statuses), "")
    return ClusterStatus(name, cluster, True if members else _quorum_unlisted(seen, unseen), tuple(rows))


def table(status: ClusterStatus) -> str:
    """The rows for a terminal, with a headline; times are UTC."""
    serving = sum(row.healthy for row in status.rows)
    # Who does not say so may be healthy all the same.
    healthy = "seen healthy" if any(row.role == "unknown" and not row.healthy for row in status.rows) else "healthy"
    title = (
        f"cluster {status.name}"
        + (f" ({status.id})" if status.id else "")
        + f": {serving} of {len(status.rows)} {healthy}"
    )
    if status.quorum is None:
        title += f", quorum unknown: {_why_unknown(status.rows)}"
    elif not status.quorum:
        title += ", no quorum"
    head = ("NAME", "ID", "ROLE", "HEALTH", "VERSION", "DB", "IN USE", "INDEX", "LAG", "ALARMS", "SINCE")
    lines = [head, *(_cells(row) for row in status.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [title]
    text += ["  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    text += [f"  {row.name}: {row.problem}" for row in status.rows if row.problem]
    return "\n".join(text)


def _member_of(seen: t.Optional[HostSeen], name: str, members: t.Sequence[Member]) -> t.Optional[Member]:
    identity = seen.data.member_id if seen is not None else ""
    if not identity and seen is not None and seen.local is not None and seen.local.status is not None:
        identity = seen.local.status.member_id
    if identity:
        return next((member for member in members if member.id == identity), None)
    return next((member for member in members if member.name == name), None)


def _unobserved(member: t.Optional[Member]) -> str:
    return "learner (unobserved)" if member is not None and member.is_learner else "unobserved"


def _hidden(seen: HostSeen) -> str:
    """Why it is not known whether there is a server that serves; empty where a look was possible."""
    service, process = seen.service, seen.process
    if seen.local is not None:
        return ""
    if process is not None:
        if seen.system.uid and (seen.data.problem or not process.executable):
            return _HIDDEN
        return "its settings do not say where it answers"
    if not seen.system.uid:
        return ""
    if service.main_pid:
        return _HIDDEN
    # systemd tells everybody that a unit does not run; but the processes of a Procfile, and containers, are looked for.
    by_unit = service.exists and not (seen.files.definition or "").startswith(f"{service.name}:")
    runs = service.state in ("active", "reloading")
    return _HIDDEN if seen.data.problem and (runs or not by_unit) else ""


def _may_serve(seen: HostSeen) -> bool:
    """Nothing that it showed speaks against it."""
    local = seen.local
    if local is None:
        return bool(_hidden(seen))
    return local.may_serve


def _quorum_unlisted(seen: t.Mapping[str, HostSeen], unseen: t.Collection[str]) -> t.Optional[bool]:
    """Where nobody lists the members: ``None`` if those that may serve would be a quorum of the hosts, else no."""
    voters = [host for host in seen.values() if _votes(host)]
    if any(host.local is not None and host.local.healthy for host in voters):
        return None
    serving = sum(_may_serve(host) for host in voters) + len(unseen)
    return None if serving and serving >= quorum(len(voters) + len(unseen)) else False


def _votes(seen: HostSeen) -> bool:
    """As far as itself shows."""
    if seen.local is not None and seen.local.status is not None:
        return not seen.local.status.is_learner
    return seen.process is not None or seen.data.initialised


def _why_unknown(rows: t.Sequence[Row]) -> str:
    reasons = []
    if any(row.denied and row.version for row in rows):
        reasons.append("the cluster asks for a user")
    hidden = [row.name for row in rows if row.problem == _HIDDEN]
    if hidden:
        reasons.append(f"{', '.join(hidden)} {_HIDDEN}")
    if not reasons and any(row.role == "unobserved" for row in rows):
        reasons.append("not all hosts were observed")
    return "; ".join(reasons) or "nobody lists the members"


def _row(
    host: str,
    name: str,
    seen: HostSeen,
    member: t.Optional[Member],
    leader: str,
    at_leader: int,
    alarms: t.Mapping[str, t.AbstractSet[str]],
) -> Row:
    local = seen.local
    status = local.status if local is not None else None
    identity = member.id if member else (status.member_id if status else seen.data.member_id)
    if local is not None:
        problem = local.problem
    else:
        problem = _hidden(seen) or ("" if member and not member.started else "its server does not run")
    return Row(
        name=member.label if member else name,
        host=host,
        role=_role(seen, member, leader),
        healthy=local is not None and local.healthy,
        id=identity,
        version=local.versions.server if local is not None and local.versions is not None else "",
        db_size=status.db_size if status else 0,
        db_size_in_use=status.db_size_in_use if status else 0,
        raft_index=status.raft_index if status else 0,
        lag=max(at_leader - status.raft_index, 0) if status else None,
        alarms=tuple(sorted(alarms.get(identity, ()))),
        since=seen.process.started if seen.process else None,
        problem=problem,
        denied=local is not None and local.denied,
    )


def _role(seen: HostSeen, member: t.Optional[Member], leader: str) -> str:
    local = seen.local
    if local is not None and local.status is not None:
        if local.status.is_learner:
            return "learner"
        return "leader" if local.status.member_id == leader else "follower"
    if member is not None and not member.started:
        return "unstarted"
    if local is not None or _hidden(seen):
        return "learner" if member is not None and member.is_learner else "unknown"
    return "down" if member is not None or seen.data.initialised else "none"


def _cells(row: Row) -> t.Tuple[str, ...]:
    since = _moment(row.since) if row.since is not None else "-"
    return (
        row.name,
        row.id or "-",
        row.role,
        "healthy" if row.healthy else "-",
        row.version or "-",
        _size(row.db_size),
        _size(row.db_size_in_use),
        str(row.raft_index or "-"),
        "-" if row.lag is None else str(row.lag),
        ",".join(row.alarms) or "-",
        since,
    )


def _moment(since: float) -> str:
    return dt.datetime.fromtimestamp(since, tz=dt.timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")


def _size(size: int) -> str:
    if not size:
        return "-"
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


__all__ = ("ClusterStatus", "Row", "cluster_status", "table")

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan is made of, and what is asked of one host alone. Private to this collection. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._definition import started_by_another
from ansible_collections.quorum.etcd.plugins.module_utils._envfile import changes as environment_changes
from ansible_collections.quorum.etcd.plugins.module_utils._flags import changes as flag_changes
from ansible_collections.quorum.etcd.plugins.module_utils._model import Change, Desired, HostSeen

_PRIVATE = "0700"


@dataclasses.dataclass(frozen=True)
class Absent:
    """A host of the cluster that cannot be planned for: unreachable, left out by a limit, or in another batch."""

    host: str
    name: str
    why: str


@dataclasses.dataclass(frozen=True)
class Options:
    """What the user allows and names. ``token`` is the one for a new bootstrap; empty: a fresh one.

    ``users`` says that the cluster asks for a user.
    ``size`` is how many members a cluster found by discovery has, 0: all. Hosts beyond it are proxies.
    ``again`` says that the run has acted on the cluster before. ``elsewhere`` are the names of other clusters' members,
    who may be named, too.
    """

    cluster: str
    token: str = ""
    allow_downtime: bool = False
    allow_downgrade: bool = False
    remove: t.Tuple[str, ...] = ()
    replace: t.Tuple[str, ...] = ()
    size: int = 0
    users: bool = False
    again: bool = False
    elsewhere: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Step:
    """What one host does in its turn.

    ``action``: ``bootstrap`` (first start), ``start`` (which restarts a server that runs otherwise only while it is not
    healthy), ``restart``, ``settle`` (files only, nothing is stopped), ``join`` (a first start with what ``add`` gave)
    or ``remove`` (the server is left alone, or retired).
    ``bootstrap`` is the content of its ``bootstrap.env``: ``None`` leaves what is there, and without content the file
    goes. ``token`` is the discovery token to make for the turn. ``gated`` steps wait until the cluster can spare the
    member. ``handover`` names the members that leadership should go to.
    ``downgrade`` is the minor line that the cluster must be ready to go down to before the server stops, or ``CANCEL``.
    ``snapshot`` is the raft index that a snapshot of the former release must have reached before the wished one starts.

    What happens to the membership, in this order: ``remove`` the member of this ID; ``retire`` what is on this host;
    ``add`` the host as ``learner`` or ``voter``; ``move`` it to its peer URLs; the action; ``promote`` it.
    """

    host: str
    action: str
    reason: str
    changes: t.Tuple[Change, ...] = ()
    bootstrap: t.Optional[t.Dict[str, str]] = None
    member_id: str = ""
    gated: bool = False
    handover: t.Tuple[str, ...] = ()
    remove: str = ""
    retire: bool = False
    add: str = ""
    move: bool = False
    promote: bool = False
    token: str = ""
    downgrade: str = ""
    snapshot: int = 0

    @property
    def starts(self) -> bool:
        """A server may be started in it."""
        return self.action not in ("settle", "remove")


@dataclasses.dataclass(frozen=True)
class Turn:
    """Steps that are taken at the same time: each may wait for what the others do."""

    steps: t.Tuple[Step, ...]
    reason: str

    def is_together(self, step: Step) -> bool:
        """Whether the server of this step starts while others act."""
        return len(self.steps) > 1 and step.starts


@dataclasses.dataclass(frozen=True)
class Plan:
    """``kind``: ``bootstrap``, ``resume``, ``cold-start``, ``converge`` or ``nothing``; ``proxies`` are hosts."""

    cluster: str
    kind: str
    turns: t.Tuple[Turn, ...] = ()
    notes: t.Tuple[str, ...] = ()
    warnings: t.Tuple[str, ...] = ()
    proxies: t.Tuple[str, ...] = ()

    def step(self, host: str) -> t.Tuple[int, t.Optional[Step]]:
        """The number of the host's turn, from 0, and its step; ``(-1, None)`` where it has none."""
        for number, turn in enumerate(self.turns):
            for step in turn.steps:
                if step.host == host:
                    return number, step
        return -1, None


def unchanged(cluster: str, *, again: bool) -> str:
    """How a refusal begins."""
    return f"cluster {cluster}: nothing {'more ' if again else ''}was changed"


def condition(seen: HostSeen) -> str:
    """What a host is: ``blank``, ``waiting`` (for a bootstrap or join to finish), ``formed``, ``lost`` or ``foreign``.

    A directory without a WAL counts as no data: what was written beside it tells blank and lost apart. Data without a
    file of ours was set up by something else, unless a turn that takes it over was interrupted.
    """
    if seen.data.initialised:
        if seen.files.bootstrap is not None:
            return "waiting"
        return "formed" if seen.files.environment is not None or seen.files.former else "foreign"
    if seen.files.bootstrap is not None:
        return "waiting"
    return "blank" if seen.files.environment is None else "lost"


def pending(desired: Desired, seen: HostSeen) -> t.Tuple[Change, ...]:
    """What the running process has otherwise than desired, key by key. Bootstrap settings do not count."""
    process = seen.process
    if process is None:
        return ()
    changes = [*flag_changes(process), *environment_changes(process.environment, desired.environment)]
    running = process.release
    if process.replaced or running != desired.release:
        changes.append(
            Change("release", running + (" (replaced)" if process.replaced else ""), desired.release),
        )
    elif seen.version is not None and str(seen.version) != desired.version:
        changes.append(Change("version", str(seen.version), desired.version))
    return tuple(changes) or started_by_another(
        desired.definition, seen.files.definition, seen.service, process, interrupted=seen.files.former
    )


def drift(desired: Desired, seen: HostSeen) -> t.Tuple[Change, ...]:
    """What is written on the host otherwise than desired, and needs no restart to be put right."""
    changes: t.List[Change] = []
    if seen.files.environment is not None:
        changes += environment_changes(seen.files.environment, desired.environment, ignore=())
    elif desired.environment:
        changes.append(Change("etcd.env", None, "written"))
    if (seen.files.definition or "").rstrip("\n") != desired.definition.rstrip("\n"):
        changes.append(Change("definition", "other" if seen.files.definition else None, "written"))
    if seen.files.release != desired.release:
        changes.append(Change("release", seen.files.release, desired.release))
    places = (desired.data_dir, desired.environment.get("ETCD_WAL_DIR", ""))
    for place in seen.directories:
        owner = desired.user or place.owner
        if place.path in places and seen.data.initialised and (place.owner, place.mode) != (owner, _PRIVATE):
            changes.append(Change(place.path, f"{place.mode} of {place.owner}", f"{_PRIVATE} of {owner}"))
    if seen.service.enabled != desired.enabled:
        changes.append(Change("enabled", str(seen.service.enabled).lower(), str(desired.enabled).lower()))
    return tuple(changes)


__all__ = (
    "Absent",
    "Options",
    "Plan",
    "Step",
    "Turn",
    "condition",
    "drift",
    "pending",
    "unchanged",
)

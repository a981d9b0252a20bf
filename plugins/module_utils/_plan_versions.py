# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From one version of etcd to another: what a server may do in one step, and what it needs on the way.

Private to this collection. Pure. What etcd itself demands is told in the guide on upgrades and downgrades.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._model import DataSeen
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

# What a turn may start from, by the line it leads to.
VERSION_FLOORS = {
    "3.6": Version(3, 5, 26),
    "3.7": Version(3, 6, 11),
}

# Before, etcd forgets a promotion in one of its two stores: there a member joins as a voter at once.
PROMOTES = Version(3, 5, 20)

# The first line that can be taken down to the one below.
DOWNGRADES = (3, 6)
# Lines that read less of the log than the line before.
FORGETS_V2_KEYS, FORGETS_V2_REQUESTS = (3, 6), (3, 7)

# In place of a line to go down to: a downgrade that has begun is called off.
CANCEL = "cancel"


@dataclasses.dataclass(frozen=True)
class Agreed:
    """What the members have agreed on: the cluster's version, and the one that it is being taken down to."""

    cluster: t.Optional[Version] = None
    target: t.Optional[Version] = None


@dataclasses.dataclass(frozen=True)
class Course:
    """How a server gets from one version to another: a ``fault`` and its ``remedy`` if it cannot.

    ``downgrade`` is the line that the cluster must be ready to go down to. ``snapshot`` is the raft index that a
    snapshot of the former release must have reached, 0 if none is needed.
    """

    fault: str = ""
    remedy: str = ""
    downgrade: str = ""
    snapshot: int = 0


def course(before: Version, after: Version, agreed: Agreed, data: DataSeen, *, allow_downgrade: bool = False) -> Course:
    """What a server needs to go from one version to another in one step. ``data`` is its data."""
    if before[:2] == after[:2]:
        return Course()
    if after[0] != before[0] or after[1] > before[1] + 1:
        return Course(
            f"etcd cannot go from {before} to {after} in one step",
            "Go one minor version at a time: first set etcd_version to a release of "
            f"{before.major}.{before.minor + 1}.",
        )
    if after < before:
        return _down(before, after, agreed, allow_downgrade=allow_downgrade)
    floor = VERSION_FLOORS.get(after.line)
    if floor is not None and before < floor:
        return Course(
            f"{after.line} may only follow {floor} or newer, and {before} runs",
            f"First set etcd_version to the newest release of {before.line}.",
        )
    return _up(before, after, data)


def _down(before: Version, after: Version, agreed: Agreed, *, allow_downgrade: bool) -> Course:
    begun = agreed.target is not None and agreed.target[:2] == after[:2]
    if not begun and agreed.cluster is not None and agreed.cluster[:2] <= after[:2]:
        return Course()  # an upgrade that is not complete is taken back
    stay = f"set etcd_version to a release of {before.line}"
    older = f"{after} is older than the {before.line} that runs"
    if after[1] < before[1] - 1:
        return Course(
            f"etcd cannot go from {before} down to {after} in one step",
            "Go one minor version at a time: first set etcd_version to a release of "
            f"{before.major}.{before.minor - 1}.",
        )
    if before[:2] < DOWNGRADES:
        return Course(
            f"{older}, and etcd {before.line} has no way down",
            f"Either {stay}, or restore a snapshot that was taken with {after.line}.",
        )
    if agreed.cluster is None:
        return Course(
            f"{older}, and only a cluster that serves can be taken down to it",
            f"First {stay} where that runs, and run.",
        )
    if not (begun or allow_downgrade):
        return Course(
            f"{older}, and a downgrade was not asked for",
            f"Take a snapshot and set etcd_allow_downgrade to true; or {stay}.",
        )
    return Course(downgrade=after.line)


def _up(before: Version, after: Version, data: DataSeen) -> Course:
    if after[:2] < FORGETS_V2_KEYS:
        return Course()
    if data.v2_index is None:
        return Course(
            f"nobody looked whether {after.line} can read the log in {data.path}",
            "Give the wished version to the module quorum.etcd.server_info.",
        )
    if after[:2] == FORGETS_V2_KEYS and (data.v2_keys or data.v2_writes):
        kind = "keys" if data.v2_keys else "writes"
        skip = (
            "; or, if nobody needs them, set v2-deprecation to write-only-skip-check (3.6.13 and newer), which has "
            "etcd start without looking"
        )
        return Course(
            f"{data.path} holds {kind} of the API of etcd 2, and {after.line} refuses to start with them",
            f"Stay with {before.line}, copy what is needed of the keys to the API of etcd 3 and delete them, set "
            "enable-v2 to false, and let clients write more than snapshot-count times, so that no log has any (with "
            f"the member stopped, etcdutl check v2store says so, too){skip if data.v2_keys else ''}.",
        )
    needs = after[:2] >= FORGETS_V2_REQUESTS or (after[:2] == FORGETS_V2_KEYS and data.v2_reads)
    return Course(snapshot=data.v2_index if needs else 0)


__all__ = ("CANCEL", "PROMOTES", "VERSION_FLOORS", "Agreed", "Course", "course")

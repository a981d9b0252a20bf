# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quorum arithmetic, the IDs etcd computes, and the gate's verdict: may this member be restarted now?

Private to this collection. Pure: no I/O and no clock.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._model import Member


@dataclasses.dataclass(frozen=True)
class Verdict:
    """``reason`` is one clause for people. ``downtime``: writes will stop until the member is back."""

    passes: bool
    reason: str
    downtime: bool = False


def quorum(voters: int) -> int:
    """How many of ``voters`` must be healthy for the cluster to accept writes."""
    return voters // 2 + 1


def member_id(peer_urls: t.Iterable[str], token: str) -> str:
    """The ID that a member of a new cluster gets: SHA-1 over its sorted peer URLs and the cluster's token."""
    return _first_8_bytes("".join(sorted(peer_urls)).encode() + token.encode())


def cluster_id(member_ids: t.Iterable[str]) -> str:
    """The ID of a new cluster of these members: SHA-1 over their sorted IDs, big-endian.

    :raises ValueError: when an ID is not hexadecimal.
    """
    numbers = sorted(int(identifier, 16) for identifier in member_ids)
    return _first_8_bytes(b"".join(number.to_bytes(8, "big") for number in numbers))


def gate(
    members: t.Sequence[Member],
    healthy: t.AbstractSet[str],
    member_id: str,  # pylint: disable=redefined-outer-name
    *,
    self_healthy: bool,
    allow_downtime: bool = False,
    reached: t.Optional[t.AbstractSet[str]] = None,
) -> Verdict:
    """Whether the cluster can spare this member now.

    :param members: the linearizable member list.
    :param healthy: IDs of the members that are healthy; this one's own does not count here.
    :param self_healthy: whether this member itself is healthy; one that is not can only get better.
    :param reached: IDs of those that accept connections where members reach each other, if that is known. Of two
        members one must, or they are none to each other, however healthy each is while a third one is there.
    :param allow_downtime: let it pass, as downtime, where the cluster cannot spare it.
    """
    this = next((member for member in members if member.id == member_id), None)
    if this is None:
        return Verdict(True, "it is no member of the cluster")
    if this.is_learner:
        return Verdict(True, "it is a learner and has no vote")
    others = [member for member in members if not member.is_learner and member.id != member_id]
    up = [member for member in others if member.id in healthy]
    needed = quorum(len(others) + 1)
    apart = len(up) > 1 and reached is not None and not any(member.id in reached for member in up)
    if len(up) >= needed and not apart:
        return Verdict(True, f"{len(up)} of the {len(others)} other voters are healthy, {needed} are needed")
    if not self_healthy:
        return Verdict(True, "it is not healthy itself and can only get better")
    if not others:
        return Verdict(True, "it is the only voter: writes stop until it is back", downtime=True)
    if apart and len(up) >= needed:
        told = ", ".join(f"{member.label} ({','.join(member.peer_urls)})" for member in up)
        reason = f"none of the others is reached where they would reach each other without it: {told}"
    elif len(others) < needed:
        reason = "a cluster of two voters can spare neither"
    else:
        down = sorted(member.label for member in others if member.id not in healthy)
        reason = f"{needed} other voters must be healthy to spare it, not healthy: {', '.join(down)}"
    return Verdict(allow_downtime, reason, downtime=allow_downtime)


def sparable(members: t.Sequence[Member], member_id: str) -> bool:  # pylint: disable=redefined-outer-name
    """Whether the cluster could spare this member if all others were healthy; if not, waiting does not help."""
    everyone = frozenset(member.id for member in members)
    verdict = gate(members, everyone, member_id, self_healthy=True)
    return verdict.passes and not verdict.downtime


def initial_cluster(members: t.Iterable[t.Tuple[str, t.Sequence[str]]]) -> str:
    """``name=url`` for each name and each of its peer URLs, comma-separated."""
    return ",".join(f"{name}={url}" for name, urls in members for url in urls)


def parse_initial_cluster(text: str) -> t.Dict[str, t.Tuple[str, ...]]:
    """Names and their peer URLs out of ``ETCD_INITIAL_CLUSTER``."""
    members: t.Dict[str, t.Tuple[str, ...]] = {}
    for item in text.split(","):
        name, equals, url = item.partition("=")
        if equals:
            members[name] = (*members.get(name, ()), url)
    return members


def _first_8_bytes(data: bytes) -> str:
    digest = hashlib.sha1(data).digest()  # noqa: S324 - etcd's own choice, nothing is protected by it
    return f"{int.from_bytes(digest[:8], 'big'):x}"


__all__ = (
    "Verdict",
    "cluster_id",
    "gate",
    "initial_cluster",
    "member_id",
    "parse_initial_cluster",
    "quorum",
    "sparable",
)

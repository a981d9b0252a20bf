# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster must have agreed on before a server of it changes to another minor version.

Private to this collection. etcd raises the cluster's version, or lowers it, a few seconds after it may, and only while
every member answers; each member then changes what it stores (etcd's ``etcdserver/version/monitor.go``).
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, on_any
from ansible_collections.quorum.etcd.plugins.module_utils._errors import ClientError, Refused, Rejected
from ansible_collections.quorum.etcd.plugins.module_utils._model import Clock, EndpointSeen
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

LOOK = 1.5  # a look at a server
PAUSE = 0.2
CALL = 5.0  # a call that the whole cluster must agree to

_BUSY = "downgrade job in progress"


class Changeover:
    """Of the cluster that these servers are members of. ``limit`` is how long to wait, in seconds."""

    def __init__(
        self,
        clients: t.Sequence[Client],
        survey: t.Callable[[t.Sequence[Client], float], t.Tuple[EndpointSeen, ...]],
        clock: Clock,
        limit: float,
    ) -> None:
        self._clients = tuple(clients)
        self._survey = survey
        self._clock = clock
        self._limit = limit

    def rise(self, wished: Version) -> None:
        """Wait until the cluster has the line below the wished one: a server of two lines above damages its data.

        Where nobody serves, or has agreed on anything yet, there is nothing to wait for.

        :raises Refused: it has not, within the limit.
        """
        begun = self._clock.monotonic()
        while True:
            seen = [one for one in self._survey(self._clients, LOOK) if one.healthy]
            cluster = cluster_version(seen)
            if cluster is None or cluster[:2] >= (wished.major, wished.minor - 1):
                return
            if self._clock.monotonic() - begun >= self._limit:
                below = f"{wished.major}.{wished.minor - 1}"
                raise Refused(
                    f"Before a member runs {wished}, the cluster must have agreed on {below}, and it is at "
                    f"{cluster.line} (waited {self._limit:g} s).",
                    remedy=f"Bring every member to a release of {below} and let it serve, learners too: etcd asks all.",
                )
            self._clock.sleep(PAUSE)

    def go_down(self, line: str) -> t.List[str]:
        """Have the cluster ready for servers of the minor line below: agreed on, and stored so by every member.

        Gives what was done. Other runs may do the same meanwhile.

        :raises Refused: etcd refuses, or it was not ready within the limit; then it is as it was.
        """
        wanted = Version.parse(f"{line}.0")
        begun = self._clock.monotonic()
        done: t.List[str] = []
        while True:
            seen = self._survey(self._clients, LOOK)
            well = [client for client, one in zip(self._clients, seen) if one.healthy]
            target = next((one.status.downgrade for one in seen if one.status is not None and one.status.downgrade), "")
            cluster = cluster_version([one for one in seen if one.healthy])
            lowered = cluster is not None and cluster[:2] <= wanted[:2]
            behind = [one.endpoint for one in seen if _stores_newer(one, wanted)]
            if lowered and not behind:
                return done
            reason = f"it is being taken down to {target} yet"
            if not well:
                reason = "no member is healthy"
            elif not target and not lowered:
                reason = self._enable(well, line, done)
            elif not lowered and Version.parse_or_none(target) == wanted:
                reason = f"its version is {cluster} yet, and etcd lowers it only while every member answers"
            elif lowered:
                reason = f"what is newer is yet stored by {', '.join(behind)}"
            if self._clock.monotonic() - begun >= self._limit:
                self._give_up(well if done else [])
                raise Refused(
                    f"The cluster is not ready to go down to {line}: {reason} (waited {self._limit:g} s)."
                    + (" The downgrade was called off." if done else ""),
                    remedy="Bring every member back, learners too, and run again.",
                )
            self._clock.sleep(PAUSE)

    def validate(self, line: str) -> None:
        """Ask whether the cluster could go down to a minor line. Changes nothing.

        :raises Refused: it could not.
        """
        if any(one.status is not None and one.status.downgrade for one in self._survey(self._clients, LOOK)):
            return
        try:
            on_any(self._clients, lambda client: client.downgrade("VALIDATE", line, timeout=CALL))
        except ClientError as error:
            raise _refused(line, error) from error

    def call_off(self) -> t.List[str]:
        """End a downgrade that is under way. Gives what was done.

        :raises ClientError: nobody could.
        """
        seen = self._survey(self._clients, LOOK)
        if not any(one.status is not None and one.status.downgrade for one in seen):
            return []
        well = [client for client, one in zip(self._clients, seen) if one.healthy] or list(self._clients)
        on_any(well, lambda client: client.downgrade("CANCEL", timeout=CALL))
        return ["call the downgrade off"]

    def _enable(self, well: t.Sequence[Client], line: str, done: t.List[str]) -> str:
        """Begin the downgrade; why it has not begun yet."""
        try:
            on_any(well, lambda client: client.downgrade("VALIDATE", line, timeout=CALL))
            on_any(well, lambda client: client.downgrade("ENABLE", line, timeout=CALL))
        except Rejected as error:
            if _BUSY not in error.message:
                raise _refused(line, error) from error
            return error.message.rstrip(".")
        except ClientError as error:
            return error.message.rstrip(".")
        if not done:
            done.append(f"have the cluster go down to {line}")
        return "it was told so just now"

    def _give_up(self, well: t.Sequence[Client]) -> None:
        if well:
            with contextlib.suppress(ClientError):
                on_any(well, lambda client: client.downgrade("CANCEL", timeout=CALL))


def cluster_version(seen: t.Sequence[EndpointSeen]) -> t.Optional[Version]:
    """The cluster's version; where one of them lags, what the others know."""
    told = [Version.parse_or_none(one.versions.cluster) for one in seen if one.versions is not None]
    return max((version for version in told if version is not None), default=None)


def _stores_newer(one: EndpointSeen, wanted: Version) -> bool:
    stored = Version.parse_or_none(one.status.storage_version) if one.status is not None else None
    return stored is not None and stored[:2] > wanted[:2]


def _refused(line: str, error: ClientError) -> Refused:
    return Refused(
        f"etcd refuses to go down to {line}: {error.message}",
        remedy="See whether all members run the same minor version, with quorum.etcd.cluster_info.",
    )


__all__ = ("Changeover", "cluster_version")

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back of a turn that fails: what ran before runs again, unless the cluster has moved on.

Private to this collection.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils import _instance
from ansible_collections.quorum.etcd.plugins.module_utils._changeover import cluster_version
from ansible_collections.quorum.etcd.plugins.module_utils._errors import QuorumError, ServerFailed
from ansible_collections.quorum.etcd.plugins.module_utils._model import ProcessSeen
from ansible_collections.quorum.etcd.plugins.module_utils._server_log import summary, telling
from ansible_collections.quorum.etcd.plugins.module_utils._transport import local_url
from ansible_collections.quorum.etcd.plugins.module_utils._turn_wait import Body, NotHealthy, Wait
from ansible_collections.quorum.etcd.plugins.module_utils._turn_world import (
    LOOK,
    Order,
    Outcome,
    Servers,
    World,
)
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

LOG_LOOK = 200  # lines of the log that are read


class WayBack:
    """Of one turn, from where ``former/`` holds what ran before."""

    def __init__(self, world: World, order: Order, servers: Servers, wait: Wait, outcome: Outcome) -> None:
        self._world = world
        self._order = order
        self._servers = servers
        self._wait = wait
        self._outcome = outcome

    def undo(self, process: t.Optional[ProcessSeen], error: QuorumError) -> QuorumError:
        """What becomes of a turn that could not write or start, and the error that tells it.

        A server that still runs runs on, and what was written is put back under it.
        """
        world, former = self._world, self._world.files.former()
        runs = process is not None and world.look(process.pid) is not None
        if former is None or former.blank or self._is_written(former):
            if runs:
                world.files.drop_former()
            return error
        if not runs:
            return self.fail(NotHealthy(error.message.rstrip("."), alive=False))
        try:
            world.files.put_back()
            world.service.define(former.definition)
            world.files.drop_former()
            fate = "What had been written was put back; the server was not stopped."
        except QuorumError as second:
            fate = f"Putting back what had been written failed, too: {second.message}"
        return type(error)(f"{error.message} {fate}", remedy=error.remedy, **error.details)

    def fail(self, failure: NotHealthy) -> ServerFailed:
        """What becomes of a server that did not get healthy, and the error that tells it."""
        world = self._world
        former = world.files.former()
        begun = former.began if former is not None else world.clock.time() - self._order.start_timeout
        begun = max(begun, failure.since)
        nothing = former is None or self._is_written(former)
        obstacle = self._obstacle(former) if former is not None and not former.blank and not nothing else ""
        keeps_running = failure.alive and (nothing or bool(obstacle))
        # What a server says while it is stopped is nothing of why.
        log = self._log(begun) if failure.alive else ()
        well = False
        try:
            if not keeps_running:
                world.service.stop()  # first: a looping unit would start in between
            log = log or self._log(begun)
            left = "left running" if keeps_running else "left stopped"
            if former is None or nothing:
                world.files.drop_former()
                fate = f"Nothing was written that could be put back; it is {left}."
            elif former.blank:
                fate = f"This was its first start: it is {left}, its files stay."
            elif obstacle:
                fate = f"The former release cannot be put back: {obstacle}. The new one stays, {left}."
            else:
                fate, well = self._put_back(former)
        except QuorumError as error:
            fate = f"Putting back what ran before failed: {error}"
        return self._error(failure, log, fate, put_back=well)

    def _is_written(self, former: _instance.Former) -> bool:
        """What is on disk is what was there before the turn."""
        files = self._world.files
        return (former.environment, former.release, former.definition) == (
            files.read(_instance.ENVIRONMENT),
            files.release(),
            self._world.service.definition(),
        )

    def _obstacle(self, former: _instance.Former) -> str:
        """Why the former release must not run again: the cluster has moved to a newer minor version."""
        if former.release in (None, self._order.release) and not former.foreign:
            return ""
        wished = Version.parse_or_none(self._order.version)
        before = Version.parse_or_none(former.version or self._world.programs.version(former.release or ""))
        if wished is not None and before is not None and before[:2] >= wished[:2]:
            return ""
        if before is None:
            return f"nothing says which version {former.release or 'it'} is"
        peers = dict.fromkeys(self._order.peers)
        local = local_url(self._order.environment)
        seen = self._world.survey(self._servers.known([local, *peers]), LOOK)
        newest = cluster_version(seen)
        if newest is None:
            # Alone it has agreed with nobody, and of those that start together nobody serves yet: the former release
            # itself refuses if it is too late.
            return "no other member says which version the cluster has" if peers and self._order.gated else ""
        return "" if newest[:2] <= before[:2] else f"the cluster is at {newest.line} already, it was {before}"

    def _put_back(self, former: _instance.Former) -> t.Tuple[str, bool]:
        """Write what was there before the turn, start it, wait until it is healthy."""
        world = self._world
        world.files.put_back()
        world.service.define(former.definition)
        world.service.restart()
        if former.foreign:
            body = Body(self._order.environment, executable="", member_id=self._order.member_id, foreign=True)
        else:
            body = Body(
                environment=former.told,
                executable=self._world.programs.executable(former.release or ""),
                member_id=self._order.member_id,
            )
        try:
            process, dummy = self._wait.until_healthy(body, old=0)
        except NotHealthy as failure:
            return f"What ran before was put back, but it is not healthy either: {failure.reason.rstrip('.')}.", False
        world.files.drop_former()
        return f"What ran before was put back and is healthy (process {process.pid}).", True

    def _log(self, since: float) -> t.Tuple[str, ...]:
        return telling(self._world.service.log(since=since, lines=LOG_LOOK))

    def _error(self, failure: NotHealthy, log: t.Tuple[str, ...], fate: str, *, put_back: bool) -> ServerFailed:
        said = summary(log)
        message = f"{self._world.service.name} did not become healthy: {failure.reason.rstrip('.')}." + (
            f" etcd said: {said}." if said else ""
        )
        return ServerFailed(
            f"{message} {fate}",
            remedy="Correct what etcd complains about, and run again.",
            log=list(log),
            put_back=put_back,
            changed=True,
            actions=list(self._outcome.actions),
            changes=[dataclasses.asdict(change) for change in self._outcome.changes],
        )


__all__ = ("WayBack",)

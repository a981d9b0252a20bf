# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One atomic turn of one server: gate, hand over, write, restart, wait until healthy, or put everything back.

Private to this collection. What needs doing is read from the host each time, never remembered: a turn that was killed
anywhere is healed by running it again. The one trace it leaves meanwhile is ``former/`` (see ``_instance``), which
holds what last ran well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils import _envfile, _instance
from ansible_collections.quorum.etcd.plugins.module_utils._changeover import Changeover
from ansible_collections.quorum.etcd.plugins.module_utils._definition import overruled, started_by_another
from ansible_collections.quorum.etcd.plugins.module_utils._errors import ClientError, InvalidInput, QuorumError, Refused
from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    Change,
    DataSeen,
    FilesSeen,
    ProcessSeen,
    ServiceSeen,
)
from ansible_collections.quorum.etcd.plugins.module_utils._plan_versions import CANCEL
from ansible_collections.quorum.etcd.plugins.module_utils._transport import local_url
from ansible_collections.quorum.etcd.plugins.module_utils._turn_back import WayBack
from ansible_collections.quorum.etcd.plugins.module_utils._turn_gate import Gate
from ansible_collections.quorum.etcd.plugins.module_utils._turn_wait import FIRST_PAUSE, Body, NotHealthy, Wait
from ansible_collections.quorum.etcd.plugins.module_utils._turn_world import (
    LOOK,
    Order,
    Outcome,
    Servers,
    World,
)
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version


@dataclasses.dataclass(frozen=True)
class _Now:
    """What was found at the beginning."""

    service: ServiceSeen
    definition: t.Optional[str]
    files: FilesSeen
    data: DataSeen
    process: t.Optional[ProcessSeen]
    pending: t.Tuple[Change, ...]


class Turn:
    """One turn. ``phase``: ``turn`` (all of it), ``start`` (all but the waiting) or ``wait`` (only that).

    What ``wait`` waits for it finds by itself: a process that runs as ordered, and healthy.
    """

    def __init__(self, world: World, order: Order, *, phase: str = "turn", check_mode: bool = False) -> None:
        self._world = world
        self._order = order
        self._phase = phase
        self._check_mode = check_mode
        self._outcome = Outcome()
        self._servers = Servers(world)
        self._gate = Gate(world, order, self._servers, self._outcome)
        # Where all start at the same moment, there is nobody yet to stir.
        self._wait = Wait(world, order, self._servers, keep=self._gate.keep, stirs=not order.together)
        self._way_back = WayBack(world, order, self._servers, self._wait, self._outcome)
        self._wished = Body(
            environment=order.environment,
            executable=world.programs.executable(order.release),
            version=order.version,
            member_id=order.member_id,
        )

    def take(self) -> Outcome:
        """Do it.

        :raises Refused: it cannot be done safely; nothing was changed.
        :raises ServerFailed: the server did not become healthy; the message says what became of it.
        """
        try:
            return self._take()
        finally:
            if self._world.lock is not None:
                self._world.lock.release()

    def _take(self) -> Outcome:
        now = self._observe()
        if self._phase != "wait":
            self._refuse(now)
            now = self._prepare(now)
        if self._check_mode:
            self._predict_end(now)
            return self._outcome
        if self._phase == "start":
            self._outcome.pid = now.process.pid if now.process and not self._needs_restart(now) else 0
            return self._outcome
        self._end(now)
        return self._outcome

    # --- 1: observe and compare ---

    def _observe(self) -> _Now:
        world, order = self._world, self._order
        service = world.service.seen()
        process = world.look(service.main_pid) if service.main_pid else None
        files = world.files.seen()
        data = world.data(order.data_dir, order.wal_dir)
        definition = world.service.definition()
        pending: t.List[Change] = []
        if process is not None:
            pending += self._wished.differs(process) or started_by_another(
                order.definition, definition, service, process, interrupted=files.former
            )
            if order.action == "bootstrap" and order.bootstrap is not None and not data.initialised:
                # It waits for others, and with what it was told until now it may wait for the wrong ones.
                first = {**order.environment, **order.bootstrap}
                known = {change.key for change in pending}
                every = _envfile.changes(process.environment, first, ignore=())
                pending += [change for change in every if change.key not in known]
        now = _Now(service, definition, files, data, process, tuple(pending))
        self._outcome.changes = now.pending
        self._outcome.member_id = data.member_id or order.member_id
        self._tell_difference(now)
        return now

    def _tell_difference(self, now: _Now) -> None:
        order = self._order
        wished: t.Dict[str, t.Any] = {
            "environment": _envfile.mask(order.environment),
            "release": order.release,
            "definition": order.definition,
        }
        found: t.Dict[str, t.Any] = {
            "environment": _envfile.mask(now.files.environment or {}),
            "release": now.files.release,
            "definition": now.definition,
        }
        if order.bootstrap is not None and not (now.data.initialised and now.files.bootstrap is None):
            wished["bootstrap"] = _envfile.mask(order.bootstrap)
            found["bootstrap"] = _envfile.mask(now.files.bootstrap or {})
        self._outcome.before = {key: value for key, value in found.items() if value != wished[key]}
        self._outcome.after = {key: wished[key] for key in self._outcome.before}

    def _brings_release(self, now: _Now) -> bool:
        """Another release than the one that is linked, or than the one that runs."""
        return now.files.release != self._order.release or any(change.key == "executable" for change in now.pending)

    def _needs_restart(self, now: _Now) -> bool:
        return now.process is not None and bool(now.pending)

    def _refuse(self, now: _Now) -> None:
        order, data = self._order, now.data
        if data.initialised and order.member_id and data.member_id and data.member_id != order.member_id:
            raise Refused(
                f"{data.path} holds the data of member {data.member_id} of cluster {data.cluster_id}, but this server "
                f"is to be member {order.member_id}.",
                remedy=f"Stop {now.service.name} and move the directory aside: mv {data.path} {data.path}.aside.",
            )
        first = bool(order.bootstrap) or now.files.bootstrap is not None
        acts = now.process is None or self._needs_restart(now)
        if acts and not first and not data.initialised:
            raise Refused(
                f"{data.path} holds no data, and nothing on this host says that its member has yet to start: its "
                "data is lost, or lies elsewhere.",
                remedy="Mount or restore what was there; a lost member must be replaced.",
            )
        if acts:
            self._refuse_other_program(now)
            found = overruled(now.service.drop_ins, order.definition, order.environment)
            if found:
                raise Refused(
                    f"{now.service.name} would not start as ordered: {'; '.join(found)}.",
                    remedy="Have the settings ordered, and take them out there.",
                )
        if acts and order.action == "settle":
            what = "is down" if now.process is None else "runs otherwise than when the plan was made"
            raise Refused(f"{now.service.name} {what}, and the plan only wants its files settled.", remedy="Run again.")

    def _refuse_other_program(self, now: _Now) -> None:
        """What is installed may be another version than it is taken for; once started, it may leave no way back."""
        order = self._order
        programs = self._world.programs
        if (now.process is not None and not self._brings_release(now)) or not programs.exist(order.release):
            return
        version = programs.version(order.release)
        if version and order.version and version != order.version:
            raise Refused(
                f"The etcd of {order.release} is {version}, and {order.version} is wished.",
                remedy=f"Set etcd_version to {version}, or have {order.version} there; an image that is removed is "
                "fetched again.",
            )
        if not version:
            raise Refused(
                f"The etcd of {order.release} does not say which etcd it is.",
                remedy="Have an etcd for this machine there, which this user may run.",
            )

    # --- 2 to 5: gate, hand over, write, start ---

    def _prepare(self, now: _Now) -> _Now:
        """Everything up to and with the start; what is there then, where the former release had to run once more."""
        self._forget_success(now)
        self._agree(now)
        restarts = self._needs_restart(now)
        if restarts:
            self._pass_gate(now)
        if now.process is not None and not restarts:
            self._write(now)
            return now
        if not self._check_mode:
            foreign = now.process is not None and now.data.initialised and now.files.environment is None
            self._world.files.keep_former(
                definition=now.definition,
                version=self._running_version(now),
                foreign=foreign and now.files.bootstrap is None,
            )
        try:
            if (now.data.snapshot_index or 0) < self._order.snapshot_index:
                now = self._take_snapshot(now)
                # It serves by now, whatever it did before: to stop it once more is a restart like any other.
                self._pass_gate(now)
            self._write(now)
            self._begin(now)
        except NotHealthy as failure:
            raise self._way_back.fail(failure) from None
        except QuorumError as error:
            raise self._way_back.undo(now.process, error) from error
        return now

    def _agree(self, now: _Now) -> None:
        """Have the cluster ready for the version, where that changes.

        :raises Refused: it is not.
        """
        order = self._order
        acts = now.process is None or self._needs_restart(now)
        if not order.downgrade and not (acts and self._brings_release(now) and now.data.initialised):
            return
        clients = self._servers.known(dict.fromkeys([*self._own_urls(now), *order.peers]))
        change = Changeover(clients, self._world.survey, self._world.clock, order.gate_timeout)
        if order.downgrade == CANCEL:
            for action in ["call the downgrade off"] if self._check_mode else change.call_off():
                self._act(action)
        elif order.downgrade and acts:
            if self._check_mode:
                change.validate(order.downgrade)
            else:
                for action in change.go_down(order.downgrade):
                    self._act(action)
        elif not self._check_mode:
            wished = Version.parse_or_none(order.version)
            if wished is not None:
                change.rise(wished)

    def _own_urls(self, now: _Now) -> t.List[str]:
        return [local_url(now.process.environment)] if now.process is not None else []

    def _take_snapshot(self, now: _Now) -> _Now:
        """Let the former release run once more, so that it takes a raft snapshot of all that is in its log.

        At its start etcd applies its log anew, and takes a snapshot once that is longer than ``snapshot-count``.

        :raises NotHealthy: it did not come up, or took none.
        """
        world, order, clock = self._world, self._order, self._world.clock
        self._act(f"restart {now.service.name} with its former release, for a raft snapshot of its log")
        if self._check_mode:
            return now
        former = world.files.former()
        if former is None or former.release is None or former.environment is None:
            raise Refused(
                f"{now.service.name} needs a raft snapshot of its former release first, and none is known.",
                remedy=f"Run it with a release of the minor version before {order.version} first.",
            )
        applied = max(order.snapshot_index, self._applied(now))
        count = max(applied - (now.data.snapshot_index or 0) - 1, 1)
        environment = {**former.told, "ETCD_SNAPSHOT_COUNT": str(count)}
        world.files.write_former_environment(former, environment)
        if now.process is None:
            world.service.start()
        else:
            world.service.restart()
        body = Body(environment, self._world.programs.executable(former.release), member_id=order.member_id)
        process, dummy = self._wait.until_healthy(body, old=now.process.pid if now.process is not None else 0)
        deadline = clock.monotonic() + order.start_timeout
        while True:
            data = world.data(order.data_dir, order.wal_dir)
            if (data.snapshot_index or 0) >= order.snapshot_index:
                break
            if clock.monotonic() >= deadline:
                raise NotHealthy(
                    f"{former.release} took no raft snapshot up to index {order.snapshot_index} within "
                    f"{order.start_timeout:g} s",
                    alive=True,
                )
            self._gate.keep()
            clock.sleep(FIRST_PAUSE)
        return dataclasses.replace(now, process=process, pending=self._wished.differs(process), data=data)

    def _applied(self, now: _Now) -> int:
        if now.process is not None:
            with contextlib.suppress(ClientError, InvalidInput):
                return self._servers.client(local_url(now.process.environment)).status(timeout=LOOK).raft_applied_index
        return 0

    def _begin(self, now: _Now) -> None:
        down = now.process is None and now.service.state in {"inactive", "failed"}
        self._act(f"{'start' if down else 'restart'} {now.service.name}")
        if self._check_mode:
            return
        if down:
            self._world.service.start()
            return
        self._gate.confirm()
        self._world.service.restart()

    def _forget_success(self, now: _Now) -> None:
        """A turn that was killed after its server had become healthy: what runs is now what last ran well."""
        files = now.files
        if not files.former or now.process is None or files.environment is None or files.release is None:
            return
        if any(change.key == "definition" for change in now.pending):
            return
        if Body(files.environment, self._world.programs.executable(files.release)).differs(now.process):
            return
        if self._servers.healthy(local_url(now.process.environment))[0]:
            self._world.files.drop_former()
            self._act("finish an interrupted turn")

    def _pass_gate(self, now: _Now) -> None:
        if now.process is not None and not self._check_mode and self._is_gated(now):
            self._gate.wait(now.process, now.data.member_id)

    def _is_gated(self, now: _Now) -> bool:
        """Whether a restart must wait for the cluster.

        :raises Refused: it would have to, and cannot.
        """
        order = self._order
        if order.gated:
            return True
        if order.action == "restart" or now.process is None:
            return False
        local = self._servers.look(local_url(now.process.environment))
        if local.may_serve and order.together:
            # Others act at the same moment: each gate would count on the rest.
            state = "is healthy again" if local.healthy else f"does not say how it is ({local.problem.rstrip('.')})"
            raise Refused(
                f"{now.service.name} {state}, and the plan was made while its cluster had no quorum.",
                remedy="Run again: the members are then restarted one at a time.",
            )
        return local.may_serve

    def _running_version(self, now: _Now) -> str:
        """Of what runs; of what is installed where nothing answers. Decides later whether it can be put back."""
        if now.process is not None:
            with contextlib.suppress(ClientError, InvalidInput):
                return self._servers.client(local_url(now.process.environment)).versions(timeout=LOOK).server
        if now.files.release is None:
            return ""
        return self._world.programs.version(now.files.release)

    def _write(self, now: _Now) -> None:
        """Whatever differs on the host. ``bootstrap.env`` comes first: an ``etcd.env`` without it means formed."""
        world, order, files = self._world, self._order, self._world.files
        dry = self._check_mode
        if not dry:
            files.sweep()
        self._write_user()
        self._write_directories(now)
        self._write_bootstrap(now)
        if files.link_release(order.release):
            self._act(f"point {files.path(_instance.place_of(order.release))} to {order.release}")
        if now.definition != order.definition:
            if dry or world.service.define(order.definition):
                self._act(f"define {now.service.name}")
        elif not dry and (now.process is None or self._needs_restart(now)):
            world.service.define(order.definition)  # the manager may not have read what a killed run wrote
        if files.write_environment(order.environment):
            self._act(f"write {files.path(_instance.ENVIRONMENT)}")
        if order.etcdctl and files.write_etcdctl(order.etcdctl):
            self._act(f"write {files.path(_instance.ETCDCTL)}")
        if now.service.enabled != order.enabled:
            set_enabled = world.service.enable if order.enabled else world.service.disable
            if dry or set_enabled():
                self._act(f"{'enable' if order.enabled else 'disable'} {now.service.name}")

    def _write_bootstrap(self, now: _Now) -> None:
        wished, files = self._order.bootstrap, self._world.files
        stays_unformed = not now.data.initialised or now.files.bootstrap is not None
        if wished and stays_unformed and files.write_bootstrap(wished):
            self._act(f"write {files.path(_instance.BOOTSTRAP)}")
        elif wished == {} and now.data.initialised and files.drop_bootstrap():
            self._act(f"drop {files.path(_instance.BOOTSTRAP)}, there is data to start from")

    def _write_user(self) -> None:
        owner = self._world.owner
        if not owner.missing():
            return
        if not self._check_mode:
            owner.create(self._world.run, home=self._order.data_dir)
        self._act(f"make the system user {owner.user}")

    def _write_directories(self, now: _Now) -> None:
        world, order = self._world, self._order
        if now.process is None and now.data.state == "incomplete":
            if self._check_mode:
                self._act(f"move {now.data.path} aside, it holds no whole log")
            else:
                if now.service.state not in {"inactive", "failed"}:
                    world.service.stop()
                place = world.move_aside(now.data.path)
                self._act(f"move {now.data.path} aside to {place}, it holds no whole log")
        for path in [order.data_dir] + ([order.wal_dir] if order.wal_dir else []):
            wrong = _instance.wrong_with_directory(path, world.owner)
            if wrong:
                if not self._check_mode:
                    _instance.make_directory(path, world.owner)
                self._act(f"make {path} private to {world.owner.user} ({wrong})")

    # --- 6 and 7: wait, then drop what is not needed any more ---

    def _end(self, now: _Now) -> None:
        old = now.process.pid if now.process is not None and self._needs_restart(now) else 0
        if self._phase == "wait" and not self._world.files.former_exists() and old:
            raise Refused(
                f"{now.service.name} runs otherwise than ordered, and no turn of it has begun.",
                remedy="Run it with phase=start before phase=wait, or with phase=turn alone.",
            )
        if self._phase == "wait" and now.files.environment and "environment" in self._outcome.before:
            raise Refused(
                f"{self._world.files.path(_instance.ENVIRONMENT)} is otherwise than ordered: another run has written "
                f"it since {now.service.name} was started.",
                remedy="Let one run at a time say what the server shall be, and run again.",
            )
        try:
            process, member_id = self._wait.until_healthy(self._wished, old=old)
        except NotHealthy as failure:
            raise self._way_back.fail(failure) from None
        except QuorumError as error:
            raise self._way_back.fail(NotHealthy(error.message, alive=True)) from error
        self._outcome.pid = process.pid
        self._outcome.member_id = member_id or self._outcome.member_id
        self._drop()

    def _drop(self) -> None:
        # former/ first: what is healthy must never be taken for a failed first start
        files = self._world.files
        had_former = files.drop_former()
        dropped = files.drop_bootstrap()
        if dropped:
            self._act(f"drop {files.path(_instance.BOOTSTRAP)}, the member has formed")
        if had_former and not self._outcome.actions:
            self._act("finish an interrupted turn" if self._phase == "turn" else "become healthy")

    def _predict_end(self, now: _Now) -> None:
        if now.process is None or self._needs_restart(now):
            return
        self._outcome.pid = now.process.pid
        if now.files.bootstrap is not None or now.files.former:
            healthy, dummy = self._servers.healthy(local_url(now.process.environment))
            if healthy:
                self._drop()

    def _act(self, what: str) -> None:
        self._outcome.actions.append(what)


__all__ = ("Turn",)

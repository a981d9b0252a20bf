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
import json
import re
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils import _envfile, _instance
from ansible_collections.quorum.etcd.plugins.module_utils._changeover import Changeover, cluster_version
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, on_any
from ansible_collections.quorum.etcd.plugins.module_utils._definition import overruled, started_by_another
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    ForVoters,
    InvalidInput,
    NoSpace,
    PermissionDenied,
    QuorumError,
    Refused,
    Rejected,
    ServerFailed,
    Unauthenticated,
)
from ansible_collections.quorum.etcd.plugins.module_utils._flags import changes as flag_changes
from ansible_collections.quorum.etcd.plugins.module_utils._lock import TTL
from ansible_collections.quorum.etcd.plugins.module_utils._membership import gate, sparable
from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    Change,
    DataSeen,
    EndpointSeen,
    FilesSeen,
    Member,
    ProcessSeen,
    RunCommand,
    ServiceSeen,
)
from ansible_collections.quorum.etcd.plugins.module_utils._plan_versions import CANCEL
from ansible_collections.quorum.etcd.plugins.module_utils._service import Service
from ansible_collections.quorum.etcd.plugins.module_utils._transport import local_urls as reachable_urls
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

LOOK = 1.5  # a look at a server, as the gate does it
PROBE = 0.25  # a probe while waiting
FIRST_PAUSE, LAST_PAUSE = 0.05, 0.25
GATE_PAUSE = 0.2
HANDOVER = 3.0  # leadership moves within an election time-out or not at all
STIR = 2.0  # how long one waits before an idle cluster is given something to do, and how often
SICK = 3.0  # a running member counts as unhealthy once it was so for longer than an election
GRACE = 10.0  # how long a gate that may be passed by force waits for passing without
IDLE = 2.0  # systemd may be late to carry out a start
EXITS = 2
LOG_LINES, LOG_LOOK = 20, 200


# --- what is needed -----------------------------------------------------------------------------------------------


class Clock(t.Protocol):
    """The module ``time``, or a test's."""

    def monotonic(self) -> float: ...

    def time(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class Programs(t.Protocol):
    """The programs that releases are, where a release may be an image."""

    def executable(self, release: str) -> str:
        """What a look at a process that runs it shows."""

    def exist(self, release: str) -> bool:
        """Whether there are any."""

    def version(self, release: str) -> str:
        """What its etcd says it is, empty where it does not say."""


class TurnLock(t.Protocol):
    """What is needed of ``_lock.Lock``."""

    @property
    def held(self) -> bool: ...

    def take(self, clients: t.Sequence[Client]) -> str: ...

    def renew(self) -> None: ...

    def release(self) -> None: ...


@dataclasses.dataclass(frozen=True)
class World:
    """All that a turn touches besides its files; a test brings its own.

    ``connect`` takes a client URL; ``survey`` looks at many servers at once; ``reached`` tells the URLs at which
    connections are accepted; ``look`` takes a PID; ``data`` takes the
    data directory and the WAL's, if that lies elsewhere; ``move_aside`` says where it moved a directory to.
    """

    service: Service
    files: _instance.Files
    owner: _instance.Owner
    run: RunCommand
    connect: t.Callable[[str], Client]
    survey: t.Callable[[t.Sequence[Client], float], t.Tuple[EndpointSeen, ...]]
    look: t.Callable[[int], t.Optional[ProcessSeen]]
    data: t.Callable[[str, t.Optional[str]], DataSeen]
    move_aside: t.Callable[[str], t.Optional[str]]
    clock: Clock
    programs: Programs
    reached: t.Callable[[t.Iterable[str], float], t.FrozenSet[str]]
    lock: t.Optional[TurnLock] = None


@dataclasses.dataclass(frozen=True)
class Order:
    """What the server shall be, and how the plan wants it done. Times in seconds.

    ``action``: ``bootstrap``, ``start``, ``restart`` or ``settle``. ``member_id`` is the one the plan expects, empty
    where it cannot know. ``bootstrap`` is the content of ``bootstrap.env``: ``None`` leaves it, empty drops it.
    ``peers`` are client URLs of other members, for when this one cannot say who they are. ``handover`` are names of
    members. ``downgrade`` is the minor line that the cluster must be ready to go down to, or ``cancel``.
    ``snapshot_index`` is what a raft snapshot of the former release must have reached before the wished one starts.
    """

    action: str
    release: str
    version: str
    environment: t.Mapping[str, str]
    definition: str
    data_dir: str
    bootstrap: t.Optional[t.Mapping[str, str]] = None
    etcdctl: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    enabled: bool = True
    member_id: str = ""
    gated: bool = False
    allow_downtime: bool = False
    handover: t.Tuple[str, ...] = ()
    downgrade: str = ""
    snapshot_index: int = 0
    peers: t.Tuple[str, ...] = ()
    gate_timeout: float = 60.0
    start_timeout: float = 120.0

    @property
    def wal_dir(self) -> t.Optional[str]:
        return self.environment.get("ETCD_WAL_DIR") or None


@dataclasses.dataclass
class Outcome:
    """What was done, or in check mode would be. ``before`` and ``after`` hold no secrets."""

    actions: t.List[str] = dataclasses.field(default_factory=list)
    changes: t.Tuple[Change, ...] = ()
    notes: t.List[str] = dataclasses.field(default_factory=list)
    downtime: bool = False
    member_id: str = ""
    pid: int = 0
    before: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)
    after: t.Dict[str, t.Any] = dataclasses.field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.actions)


@dataclasses.dataclass(frozen=True)
class _Now:
    """What was found at the beginning."""

    service: ServiceSeen
    definition: t.Optional[str]
    files: FilesSeen
    data: DataSeen
    process: t.Optional[ProcessSeen]
    pending: t.Tuple[Change, ...]


@dataclasses.dataclass(frozen=True)
class _Body:
    """What a process must be to count as the one waited for. ``foreign``: any that listens where this one would."""

    environment: t.Mapping[str, str]
    executable: str
    version: str = ""
    member_id: str = ""
    foreign: bool = False

    def differs(self, process: ProcessSeen) -> t.Tuple[Change, ...]:
        if self.foreign:
            return ()
        changes = [*flag_changes(process), *_envfile.changes(process.environment, self.environment)]
        if process.replaced or process.executable != self.executable:
            was = process.executable + (" (replaced)" if process.replaced else "")
            changes.append(Change("executable", was, self.executable))
        return tuple(changes)


@dataclasses.dataclass(frozen=True)
class _View:
    """The cluster as the gate sees it."""

    members: t.Tuple[Member, ...]
    healthy: t.FrozenSet[str]
    reached: t.FrozenSet[str]
    member_id: str
    self_healthy: bool
    leads: bool


class _NotHealthy(Exception):
    """The wait is over without success. ``alive``: a process is there, it is only not healthy.

    ``since`` is when what ran before had ended, 0 where that is not known: what was logged earlier is not its doing.
    """

    def __init__(self, reason: str, *, alive: bool, since: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.alive = alive
        self.since = since


# --- the turn -----------------------------------------------------------------------------------------------------


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
        self._clients: t.Dict[str, Client] = {}
        self._lockless = False
        self._alone = False  # the gate was passed, and while the turn was ours alone
        self._wished = _Body(
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
        now = _Now(service, definition, files, data, process, tuple(_masked(pending)))
        self._outcome.changes = now.pending
        self._outcome.member_id = data.member_id or order.member_id
        self._tell_difference(now)
        return now

    def _tell_difference(self, now: _Now) -> None:
        order = self._order
        wished: t.Dict[str, t.Any] = {
            "environment": _shown(order.environment),
            "release": order.release,
            "definition": order.definition,
        }
        found: t.Dict[str, t.Any] = {
            "environment": _shown(now.files.environment or {}),
            "release": now.files.release,
            "definition": now.definition,
        }
        if order.bootstrap is not None and not (now.data.initialised and now.files.bootstrap is None):
            wished["bootstrap"] = _shown(order.bootstrap)
            found["bootstrap"] = _shown(now.files.bootstrap or {})
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
        if restarts and not self._check_mode and self._is_gated(now):
            self._gate(now)
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
                if not self._check_mode and self._is_gated(now):
                    self._gate(now)
            self._write(now)
            self._begin(now)
        except _NotHealthy as failure:
            raise self._fail(now, failure) from None
        except QuorumError as error:
            raise self._undo(now, error) from error
        return now

    def _agree(self, now: _Now) -> None:
        """Have the cluster ready for the version, where that changes.

        :raises Refused: it is not.
        """
        order = self._order
        acts = now.process is None or self._needs_restart(now)
        if not order.downgrade and not (acts and self._brings_release(now) and now.data.initialised):
            return
        clients = [self._client(url) for url in dict.fromkeys([*self._own_urls(now), *order.peers])]
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
        return [_local_url(now.process.environment)] if now.process is not None else []

    def _take_snapshot(self, now: _Now) -> _Now:
        """Let the former release run once more, so that it takes a raft snapshot of all that is in its log.

        At its start etcd applies its log anew, and takes a snapshot once that is longer than ``snapshot-count``.

        :raises _NotHealthy: it did not come up, or took none.
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
        environment = {**world.files.parse(former.environment), "ETCD_SNAPSHOT_COUNT": str(count)}
        world.files.write_environment(environment)
        if now.process is None:
            world.service.start()
        else:
            world.service.restart()
        body = _Body(environment, self._world.programs.executable(former.release), member_id=order.member_id)
        process, dummy = self._wait(body, old=now.process.pid if now.process is not None else 0)
        deadline = clock.monotonic() + order.start_timeout
        while True:
            data = world.data(order.data_dir, order.wal_dir)
            if (data.snapshot_index or 0) >= order.snapshot_index:
                break
            if clock.monotonic() >= deadline:
                raise _NotHealthy(
                    f"{former.release} took no raft snapshot up to index {order.snapshot_index} within "
                    f"{order.start_timeout:g} s",
                    alive=True,
                )
            self._keep_lock()
            clock.sleep(FIRST_PAUSE)
        pending = tuple(_masked(self._wished.differs(process)))
        return dataclasses.replace(now, process=process, pending=pending, data=data)

    def _applied(self, now: _Now) -> int:
        if now.process is not None:
            with contextlib.suppress(ClientError):
                return self._client(_local_url(now.process.environment)).status(timeout=LOOK).raft_applied_index
        return 0

    def _begin(self, now: _Now) -> None:
        down = now.process is None and now.service.state in {"inactive", "failed"}
        self._act(f"{'start' if down else 'restart'} {now.service.name}")
        if self._check_mode:
            return
        if down:
            self._world.service.start()
            return
        self._see_it_is_ours()
        self._world.service.restart()

    def _see_it_is_ours(self) -> None:
        """What lies between the gate and the restart may have taken longer than a turn is kept without renewal.

        :raises Refused: another run may have taken a turn since.
        """
        lock = self._world.lock
        if lock is None or self._lockless or not self._alone:
            return
        lock.renew()
        if not lock.held:
            name = self._order.environment.get("ETCD_NAME", "this member")
            raise Refused(
                f"{name} was about to be restarted, and it is not certain any more that no other run takes a turn.",
                remedy="Run again.",
            )

    def _forget_success(self, now: _Now) -> None:
        """A turn that was killed after its server had become healthy: what runs is now what last ran well."""
        files = now.files
        if not files.former or now.process is None or files.environment is None or files.release is None:
            return
        if any(change.key == "definition" for change in now.pending):
            return
        if _Body(files.environment, self._world.programs.executable(files.release)).differs(now.process):
            return
        if self._probe_health(_local_url(now.process.environment))[0]:
            self._world.files.drop_former()
            self._act("finish an interrupted turn")

    def _is_gated(self, now: _Now) -> bool:
        """Whether a restart must wait for the cluster.

        :raises Refused: it would have to, and cannot.
        """
        order = self._order
        if order.gated:
            return True
        if order.action == "restart" or not self._is_healthy_now(now):
            return False
        if self._phase == "start":
            # Others act at the same moment: each gate would count on the rest.
            raise Refused(
                f"{now.service.name} is healthy again, and the plan was made while its cluster had no quorum.",
                remedy="Run again: the members are then restarted one at a time.",
            )
        return True

    def _gate(self, now: _Now) -> None:
        """Wait until the cluster can spare this member, then hand leadership over.

        :raises Refused: when it cannot within the limit.
        """
        order, clock = self._order, self._world.clock
        begun = clock.monotonic()
        sick_since: t.Optional[float] = None
        passes = False
        self._alone = False
        while True:
            self._keep_lock()
            view = self._survey(now)
            moment = clock.monotonic()
            sick_since = None if view.self_healthy else moment if sick_since is None else sick_since
            if view.members:
                verdict = gate(view.members, view.healthy, view.member_id, self_healthy=True, reached=view.reached)
                passes, reason = verdict.passes, verdict.reason
                if not passes and order.allow_downtime:
                    hopeless = not sparable(view.members, view.member_id)
                    passes = hopeless or moment - begun >= min(GRACE, order.gate_timeout)
                    self._outcome.downtime = passes
                if passes and self._is_alone():
                    self._outcome.downtime = self._outcome.downtime or verdict.downtime
                    if self._outcome.downtime:
                        self._outcome.notes.append(f"writes stop during the restart: {reason}")
                    self._alone = True
                    break
                if passes:
                    reason = self._lock_turn(view)
                    if not reason:
                        continue  # the cluster may have changed until the turn was ours alone
            else:
                passes, reason = False, "no member gave the list of members"
            if sick_since is not None and moment - sick_since >= SICK:
                break  # not healthy itself: it can only get better
            if moment - begun >= order.gate_timeout:
                raise self._not_now(now, reason, busy=passes)
            clock.sleep(GATE_PAUSE)
        if view.leads:
            self._hand_over(now, view)

    def _not_now(self, now: _Now, reason: str, *, busy: bool) -> Refused:
        name = self._order.environment.get("ETCD_NAME", now.service.name)
        waited = f"(waited {self._order.gate_timeout:g} s)"
        if busy:
            return Refused(
                f"{name} cannot take its turn now: {reason} {waited}.",
                remedy=f"Run again once that has ended; one that was killed keeps the turn for {TTL} s.",
            )
        return Refused(
            f"The cluster cannot spare {name} now: {reason} {waited}.",
            remedy="Bring the other members back, or set etcd_allow_downtime to true: writes stop meanwhile.",
        )

    def _is_alone(self) -> bool:
        """No other run takes a turn in this cluster now."""
        return self._world.lock is None or self._world.lock.held or self._lockless

    def _keep_lock(self) -> None:
        if self._world.lock is not None:
            self._world.lock.renew()

    def _lock_turn(self, view: _View) -> str:
        """Make the turn ours alone; why it is not (yet)."""
        links = [url for member in view.members if member.id in view.healthy for url in member.client_urls]
        clients = self._known(links) or [self._client(_local_url(self._order.environment))]
        try:
            holder = t.cast("TurnLock", self._world.lock).take(clients)
        except (Unauthenticated, PermissionDenied, NoSpace) as error:
            # Without space, what helps may be this very restart.
            self._lockless = True
            self._outcome.notes.append(f"nothing keeps another run from taking a turn meanwhile: {error.message}")
            return ""
        except ClientError as error:
            return error.message.rstrip(".")
        return f"another run takes a turn: {holder}" if holder else ""

    def _is_healthy_now(self, now: _Now) -> bool:
        return now.process is not None and self._probe_health(_local_url(now.process.environment))[0]

    def _survey(self, now: _Now) -> _View:
        environment = now.process.environment if now.process else self._order.environment
        url = _local_url(environment)
        (local,) = self._world.survey([self._client(url)], LOOK)
        member_id = (local.status.member_id if local.status else "") or now.data.member_id or self._order.member_id
        members = local.members
        seen: t.Tuple[EndpointSeen, ...] = ()
        if members is None:
            seen = self._world.survey(self._known(self._order.peers), LOOK)
            members = next((one.members for one in seen if one.members is not None), ())
        owners = {
            link: member.id for member in members if member.id != member_id and not member.is_learner
            for link in member.client_urls
        }  # fmt: skip
        asked = {one.endpoint for one in seen}
        seen += self._world.survey(self._known(link for link in owners if link not in asked), LOOK)
        healthy = {one.status.member_id if one.status else owners.get(one.endpoint, "") for one in seen if one.healthy}
        peers = {link: member.id for member in members if member.id in healthy for link in member.peer_urls}
        return _View(
            members=members,
            healthy=frozenset(healthy - {""}),
            reached=frozenset(peers[link] for link in self._world.reached(peers, LOOK)),
            member_id=member_id,
            self_healthy=local.healthy or local.denied,  # who does not say how it is may be well
            leads=bool(local.status and local.status.leader_id == local.status.member_id),
        )

    def _hand_over(self, now: _Now, view: _View) -> None:
        """Let a voter lead that stays up. Going on without costs an election, no data."""
        targets = [
            member
            for member in view.members
            if member.id in view.healthy and member.id != view.member_id and not member.is_learner
        ]
        targets.sort(key=lambda member: (member.id not in view.reached, member.name not in self._order.handover))
        if not targets:
            if len(view.members) > 1:
                self._outcome.notes.append("it leads, and no healthy voter is there to take over")
            return
        target, clock = targets[0], self._world.clock
        client = self._client(_local_url(now.process.environment if now.process else {}))
        deadline = clock.monotonic() + HANDOVER
        try:
            client.move_leader(target.id, timeout=HANDOVER)
            while client.status(timeout=LOOK).leader_id in {"", view.member_id}:
                if clock.monotonic() > deadline:
                    self._outcome.notes.append(f"leadership did not move to {target.label} within {HANDOVER:g} s")
                    return
                clock.sleep(0.02)
        except ClientError as error:
            self._outcome.notes.append(f"leadership did not move to {target.label}: {error.message}")
            return
        self._act(f"hand leadership over to {target.label}")

    def _running_version(self, now: _Now) -> str:
        """Of what runs; of what is installed where nothing answers. Decides later whether it can be put back."""
        if now.process is not None:
            with contextlib.suppress(ClientError):
                return self._client(_local_url(now.process.environment)).versions(timeout=LOOK).server
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
            process, member_id = self._wait(self._wished, old=old)
        except _NotHealthy as failure:
            raise self._fail(now, failure) from None
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
            healthy, dummy = self._probe_health(_local_url(now.process.environment))
            if healthy:
                self._drop()

    def _wait(self, body: _Body, *, old: int) -> t.Tuple[ProcessSeen, str]:
        """Wait for a process that is ``body`` and healthy; its member ID, too, where it can be read.

        :raises _NotHealthy: when it failed, or not in time.
        """
        clock = self._world.clock
        deadline = clock.monotonic() + self._order.start_timeout
        watch = _Watch(self._world, old=old)
        pause, pid, reason = FIRST_PAUSE, 0, "it did not start"
        stirred = clock.monotonic()
        while True:
            self._keep_lock()
            if self._phase == "turn" and clock.monotonic() - stirred >= STIR:
                self._stir()
                stirred = clock.monotonic()
            process = watch.step()
            if process is not None:
                changes = body.differs(process)
                if changes:
                    reason = "it runs otherwise than written: " + "; ".join(str(change) for change in _masked(changes))
                else:
                    asked = dataclasses.replace(body, environment=process.environment) if body.foreign else body
                    done, answer = self._probe(asked)
                    # it may have been healthy for a moment only, before it noticed what is wrong
                    if done and self._world.look(process.pid) is not None:
                        return process, answer
                    reason = "it exited again" if done else answer
            if watch.failed:
                raise _NotHealthy(watch.failed, alive=False, since=watch.since)
            if clock.monotonic() >= deadline:
                limit = f"{self._order.start_timeout:g} s"
                raise _NotHealthy(f"not healthy within {limit}: {reason}", alive=process is not None, since=watch.since)
            clock.sleep(pause)
            # a process that ends, and one that has just come, are cheap to look at and worth it
            pid, known = process.pid if process is not None else 0, pid
            pause = FIRST_PAUSE if watch.stopping or pid != known else min(pause * 1.5, LAST_PAUSE)

    def _stir(self) -> None:
        """Have the others commit something that changes no key.

        A new member that got a long history as one snapshot refuses to publish itself ("too many requests") until it
        has applied an entry of its own, and in an idle cluster none comes.
        """
        others = self._known(self._order.peers)
        if others:
            with contextlib.suppress(ClientError):
                on_any(others, lambda client: client.lease_grant(TTL, timeout=LOOK))

    def _probe(self, body: _Body) -> t.Tuple[bool, str]:
        """Whether the server is well and a member; its member ID, or why it is not.

        :raises _NotHealthy: when waiting cannot make it better.
        """
        url = _local_url(body.environment)
        healthy, reason = self._probe_health(url, PROBE)
        if not healthy:
            return False, reason
        client = self._client(url)
        try:
            version = client.versions(timeout=LOOK).server
            if body.version and version != body.version:
                raise _NotHealthy(f"it answers as etcd {version}, not {body.version}", alive=True)
            found = self._member_id(client) or body.member_id
            if body.member_id and found != body.member_id:
                raise _NotHealthy(f"it runs as member {found}, not as {body.member_id}", alive=True)
            member = next((one for one in self._members(client) if one.id == found), None)
        except (Unauthenticated, PermissionDenied):
            # It is healthy, and who may ask for more is not for the turn to judge.
            return True, ""
        except ClientError as error:
            return False, error.message
        if member is None:
            return False, f"member {found} is not listed"
        if not member.started:
            return False, f"member {found} has not published itself"
        return True, found

    @staticmethod
    def _member_id(client: Client) -> str:
        """Empty for a learner of a cluster that asks for a user: it lets nobody log in."""
        try:
            return client.status(timeout=LOOK).member_id
        except ForVoters:
            return ""

    def _probe_health(self, url: str, timeout: float = LOOK) -> t.Tuple[bool, str]:
        try:
            return self._client(url).healthy(timeout=timeout)
        except ClientError as error:
            return False, error.message

    def _members(self, client: Client) -> t.Tuple[Member, ...]:
        try:
            return client.members(timeout=LOOK)
        except Rejected:  # a learner gives no list
            for peer in self._order.peers:
                with contextlib.suppress(ClientError):
                    return self._client(peer).members(timeout=LOOK)
            raise

    def _known(self, links: t.Iterable[str]) -> t.List[Client]:
        """Of those that can be asked: others may advertise what only their own clients know how to use."""
        found = []
        for link in links:
            with contextlib.suppress(InvalidInput):
                found.append(self._client(link))
        return found

    def _client(self, url: str) -> Client:
        if url not in self._clients:
            self._clients[url] = self._world.connect(url)
        return self._clients[url]

    # --- 8: put back ---

    def _undo(self, now: _Now, error: QuorumError) -> QuorumError:
        """What becomes of a turn that could not write or start, and the error that tells it.

        A server that still runs runs on, and what was written is put back under it.
        """
        world, former = self._world, self._world.files.former()
        runs = now.process is not None and world.look(now.process.pid) is not None
        if former is None or former.blank or self._is_written(former):
            if runs:
                world.files.drop_former()
            return error
        if not runs:
            return self._fail(now, _NotHealthy(error.message.rstrip("."), alive=False))
        try:
            world.files.put_back()
            world.service.define(former.definition)
            world.files.drop_former()
            fate = "What had been written was put back; the server was not stopped."
        except QuorumError as second:
            fate = f"Putting back what had been written failed, too: {second.message}"
        return type(error)(f"{error.message} {fate}", remedy=error.remedy, **error.details)

    def _fail(self, now: _Now, failure: _NotHealthy) -> ServerFailed:
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
        return self._error(now.service.name, failure, log, fate, put_back=well)

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
        local = _local_url(self._order.environment)
        seen = self._world.survey([self._client(url) for url in [local, *peers]], LOOK)
        newest = cluster_version(seen)
        if newest is None:
            # Alone it has agreed with nobody: the former release itself refuses if it is too late.
            return "no other member says which version the cluster has" if peers else ""
        return "" if newest[:2] <= before[:2] else f"the cluster is at {newest.line} already, it was {before}"

    def _put_back(self, former: _instance.Former) -> t.Tuple[str, bool]:
        """Write what was there before the turn, start it, wait until it is healthy."""
        world = self._world
        world.files.put_back()
        world.service.define(former.definition)
        world.service.restart()
        if former.foreign:
            body = _Body(self._order.environment, executable="", member_id=self._order.member_id, foreign=True)
        else:
            body = _Body(
                environment=world.files.parse(former.environment or ""),
                executable=self._world.programs.executable(former.release or ""),
                member_id=self._order.member_id,
            )
        try:
            process, dummy = self._wait(body, old=0)
        except _NotHealthy as failure:
            return f"What ran before was put back, but it is not healthy either: {failure.reason.rstrip('.')}.", False
        world.files.drop_former()
        return f"What ran before was put back and is healthy (process {process.pid}).", True

    def _log(self, since: float) -> t.Tuple[str, ...]:
        return telling(self._world.service.log(since=since, lines=LOG_LOOK))

    def _error(
        self, name: str, failure: _NotHealthy, log: t.Tuple[str, ...], fate: str, *, put_back: bool
    ) -> ServerFailed:
        said = summary(log)
        message = f"{name} did not become healthy: {failure.reason.rstrip('.')}." + (
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

    def _act(self, what: str) -> None:
        self._outcome.actions.append(what)


class _Watch:
    """Follows the service's main process, and notices early that it will not stay.

    ``failed`` says why, once it is certain. ``old`` is the process that is to end first, ``since`` when it had ended.
    """

    def __init__(self, world: World, *, old: int) -> None:
        self._world = world
        self._old = old
        self._pid = 0
        self._exits = 0
        self._between = False
        self._again = False
        self._idle_since: t.Optional[float] = None
        self.failed = ""
        self.since = 0.0

    @property
    def stopping(self) -> bool:
        """What ran before is still there."""
        return bool(self._old) and not self.since

    def step(self) -> t.Optional[ProcessSeen]:
        """The main process, if it is there and a new one. Asks the service manager only when it must."""
        if self.stopping:
            if self._world.look(self._old) is not None:
                return None
            self.since = self._world.clock.time()
        process = self._world.look(self._pid) if self._pid else None
        if process is not None:
            return process
        seen = self._world.service.seen()
        if seen.main_pid and seen.main_pid != self._old:
            if self._pid and seen.main_pid != self._pid:
                self._exited()
            self._pid, self._between, self._idle_since = seen.main_pid, False, None
            return self._world.look(seen.main_pid)
        had, self._pid = self._pid, 0
        if had or (seen.state == "activating" and not self._between):
            self._between = True
            self._exited()
        if seen.state == "activating":
            self._again = True
        elif seen.state == "active" and self._again:
            # a container engine at its next try, which may fail before there is a process
            self._between = self._again = False
        if seen.state == "failed":
            self.failed = "it failed, and the service manager does not start it any more"
        elif seen.state == "inactive":
            moment = self._world.clock.monotonic()
            self._idle_since = moment if self._idle_since is None else self._idle_since
            if had or self._exits or moment - self._idle_since >= IDLE:
                self.failed = "it exited" if had or self._exits else "it did not stay up"
        return None

    def _exited(self) -> None:
        self._exits += 1
        if self._exits >= EXITS:
            self.failed = f"it exited {self._exits} times"


# --- small questions ----------------------------------------------------------------------------------------------


def _local_url(environment: t.Mapping[str, str]) -> str:
    """Where a server with this environment answers on its own machine."""
    return local_urls(environment)[0]


def local_urls(environment: t.Mapping[str, str]) -> t.List[str]:
    """The client URLs that answer on the machine itself, loopback first.

    Where ``listen-client-http-urls`` is set, HTTP is served there alone.
    """
    listened = environment.get("ETCD_LISTEN_CLIENT_HTTP_URLS") or environment.get("ETCD_LISTEN_CLIENT_URLS")
    return reachable_urls(listened or "") or ["http://127.0.0.1:2379"]


def _masked(changes: t.Iterable[Change]) -> t.List[Change]:
    return [
        dataclasses.replace(
            change, before=change.before and "***", after=change.after and "***"
        ) if change.key in _envfile.SECRETS else change
        for change in changes
    ]  # fmt: skip


def _shown(environment: t.Mapping[str, str]) -> t.Dict[str, str]:
    return {key: "***" if key in _envfile.SECRETS and value else value for key, value in environment.items()}


_STACK = re.compile(r',"stacktrace":"(?:[^"\\]|\\.)*"')
_SEVERE = ("error", "dpanic", "panic", "fatal")


def telling(lines: t.Sequence[str]) -> t.Tuple[str, ...]:
    """The last lines of a log without stack traces; where it is long, the last severe ones and the very last ones."""
    lines = [_STACK.sub("", line) for line in lines]
    if len(lines) <= LOG_LINES:
        return tuple(lines)
    severe = [number for number, line in enumerate(lines) if _is_severe(line)][-LOG_LINES // 2 :]
    tail = range(len(lines) - (LOG_LINES - len(severe)), len(lines))
    return tuple(lines[number] for number in sorted({*severe, *tail}))


def summary(lines: t.Sequence[str]) -> str:
    """What the last severe line says; where there is none, the last that tells of an error; else the last."""
    severe = [line for line in lines if _is_severe(line)]
    # what etcd finds wrong with its settings it only warns of, before it exits
    errors = [line for line in lines if _record(line).get("error")]
    for line in (severe or errors or list(lines))[-1:]:
        record = _record(line)
        words = [str(record[key]) for key in ("msg", "error") if record.get(key)]
        return (": ".join(words) or line.strip()).rstrip(".")
    return ""


def _is_severe(line: str) -> bool:
    level = str(_record(line).get("level", "")).lower()
    return level in _SEVERE or line.lstrip().startswith(("panic:", "fatal error:"))


def _record(line: str) -> t.Dict[str, t.Any]:
    try:
        record = json.loads(line[line.index("{") :])
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


__all__ = ("Clock", "Order", "Outcome", "Turn", "World", "local_urls", "summary", "telling")

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The turn in a simulated world: real files, but service, servers and clock are fakes."""

from __future__ import annotations

import dataclasses
import os
import time
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _envfile, _turn_gate, _turn_wait
from ansible_collections.quorum.etcd.plugins.module_utils._containers import Programs
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    DataError,
    ForVoters,
    InvalidInput,
    NoSpace,
    PermissionDenied,
    Refused,
    Rejected,
    ServerFailed,
    ServiceError,
    Unauthenticated,
    Unreachable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._instance import Files, Owner
from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    Change,
    DataSeen,
    EndpointSeen,
    Member,
    ProcessSeen,
    ServiceSeen,
    Status,
    Versions,
)
from ansible_collections.quorum.etcd.plugins.module_utils._turn import Turn
from ansible_collections.quorum.etcd.plugins.module_utils._turn_world import Order, Outcome, World

ME, B, C = "a1", "b2", "c3"
URLS = {ME: "http://127.0.0.1:2379", B: "http://b:2379", C: "http://c:2379"}
PEERS = {B: "http://b:2380", C: "http://c:2380"}
NAMES = {ME: "infra1", B: "infra2", C: "infra3"}

ENVIRONMENT = {
    "ETCD_NAME": "infra1",
    "ETCD_LISTEN_CLIENT_URLS": "http://192.0.2.1:2379,http://127.0.0.1:2379",
    "ETCD_INITIAL_CLUSTER_STATE": "existing",
    "QUORUM_CONFIG_DIGEST": "1",
}
THEIRS = {"ETCD_NAME": "infra1", "ETCD_LISTEN_CLIENT_URLS": "http://192.0.2.1:2379,http://127.0.0.1:2379"}
BOOTSTRAP = {"ETCD_INITIAL_CLUSTER_STATE": "new", "ETCD_INITIAL_CLUSTER_TOKEN": "x"}


APPLIED = 70  # how far the log has been applied


class Killed(BaseException):
    """As SIGKILL: nothing in the code under test may catch it."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Me(Owner):
    mine = True


class Etcd:
    """What a started server does, by its environment: ``BEHAVE`` = ``exit``, ``end``, ``sick`` or nothing (well)."""

    def __init__(self, host: Host, environment: t.Dict[str, str], executable: str) -> None:
        host.pids += 1
        self.pid = host.pids
        self.environment = environment
        self.executable = executable
        self.started = host.clock.time()
        self.replaced = False

    @property
    def behaviour(self) -> str:
        return self.environment.get("ETCD_BEHAVE", "")

    @property
    def version(self) -> str:
        return Path(self.executable).parent.name


class Host:
    """The simulated world of one server, with two other members."""

    name = "etcd"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = Files(str(root / "etc"))
        self.clock = Clock()
        self.pids = 100
        self.process: t.Optional[Etcd] = None
        self.unit: t.Optional[str] = None
        self.loaded: t.Optional[str] = None
        self.defined = 0.0
        self.drop_ins: t.Dict[str, t.Tuple[str, ...]] = {}
        self.enabled = False
        self.loops = 0
        self.calls: t.List[str] = []
        self.kill_at = 0
        self.data_state = "initialised"
        self.data_id = ME
        self.leader = B
        self.well = {B, C}
        self.listed = True
        self.published = True
        self.learner = False
        self.cluster_version = "3.6.0"
        self.deny = False
        self.no_login = False
        self.log_lines: t.Tuple[str, ...] = ('{"level":"fatal","msg":"bad","error":"setting"}',)
        self.on_sleep: t.Callable[[], None] = lambda: None
        self.transfer = True
        self.snapshot_index: t.Optional[int] = None
        self.snapshots = True
        self.downgrade = ""
        self.lowers = True
        self.more_urls: t.Tuple[str, ...] = ()
        self.told: t.Optional[str] = None
        self.programs: t.Optional[Programs] = None
        self.closed: t.Set[str] = set()
        self.stir: t.Callable[[], None] = lambda: None
        for version in ("3.5.35", "3.6.14", "3.6.16", "3.7.3"):
            (root / "opt" / version).mkdir(parents=True)

    def release(self, version: str) -> str:
        return str(self.root / "opt" / version)

    def step(self, what: str) -> None:
        self.calls.append(what)
        if self.kill_at and len(self.calls) == self.kill_at:
            raise Killed

    # --- the service

    def seen(self) -> ServiceSeen:
        if self.process is not None and self.process.behaviour == "exit":
            self.process = None
            self.loops = 1
        if self.loops:
            # systemd between two tries, and in the next one
            self.loops += 1
            if self.loops % 2:
                self.pids += 1
                return ServiceSeen("etcd", exists=True, enabled=self.enabled, state="activating", main_pid=self.pids)
            return ServiceSeen("etcd", exists=True, enabled=self.enabled, state="activating")
        if self.process is not None and self.process.behaviour == "end":
            self.process = None
        state = "active" if self.process else "inactive"
        pid = self.process.pid if self.process else 0
        return ServiceSeen(
            "etcd",
            exists=self.unit is not None,
            enabled=self.enabled,
            state=state,
            main_pid=pid,
            defined=self.defined,
            drop_ins=self.drop_ins,
        )

    def definition(self) -> t.Optional[str]:
        return self.unit

    def define(self, definition: t.Optional[str]) -> bool:
        changed = self.unit != definition
        if changed:
            self.step("define")
            self.unit = definition
            self.defined = self.clock.time()
        if self.loaded != definition:
            self.step("reload")
            self.loaded = definition
        return changed

    def edit(self) -> None:
        """By hand."""
        self.unit = "edited"
        self.defined = self.clock.time()

    def enable(self) -> bool:
        self.step("enable")
        self.enabled = True
        return True

    def disable(self) -> bool:
        self.step("disable")
        self.enabled = False
        return True

    def start(self) -> None:
        self.step("start")
        assert self.process is None
        self._run()

    def restart(self) -> None:
        self.step("restart")
        self._run()

    def _run(self) -> None:
        assert self.loaded == self.unit, "the manager has another definition"
        self.loops = 0
        if self.unit in (None, "theirs"):
            self.process = Etcd(self, THEIRS, self.release("3.6.14") + "/etcd")
            return
        environment = {
            **_envfile.parse(self.files.read("etcd.env") or ""),
            **_envfile.parse(self.files.read("bootstrap.env") or ""),
        }
        self.process = Etcd(self, environment, str(Path(self.files.release() or "/none") / "etcd"))
        if self.snapshots and int(environment.get("ETCD_SNAPSHOT_COUNT", "10000")) < APPLIED:
            self.snapshot_index = APPLIED
        if self.process.behaviour != "exit" and self.files.read("bootstrap.env") is not None:
            self.data_state = "initialised"

    def stop(self) -> None:
        self.step("stop")
        self.process = None
        self.loops = 0

    def log(self, *, since: float, lines: int = 20) -> t.Tuple[str, ...]:
        return self.log_lines

    # --- the rest

    def look(self, pid: int) -> t.Optional[ProcessSeen]:
        one = self.process
        if one is None or one.pid != pid:
            return None
        environment = _envfile.redact(one.environment)
        return ProcessSeen(pid, one.executable, environment, started=one.started, replaced=one.replaced)

    def data(self, path: str, wal_path: t.Optional[str]) -> DataSeen:
        there = self.data_state == "initialised"
        return DataSeen(
            path,
            wal_path or path,
            self.data_state,
            self.data_id if there else "",
            "cc" if there else "",
            snapshot_index=self.snapshot_index,
        )

    def move_aside(self, path: str) -> t.Optional[str]:
        self.step("move aside")
        self.data_state = "empty"
        return f"{path}.aside"

    def members(self) -> t.Tuple[Member, ...]:
        mine = Member(ME, "infra1", (), (URLS[ME],) if self.published else (), is_learner=self.learner)
        others = tuple(Member(one, NAMES[one], (PEERS[one],), (*self.more_urls, URLS[one])) for one in (B, C))
        return (mine, *others) if self.listed else others

    def world(self, files: t.Optional[Files] = None) -> World:
        def sleep(seconds: float) -> None:
            Clock.sleep(self.clock, seconds)
            self.on_sleep()

        self.clock.sleep = sleep  # type: ignore[method-assign]
        return World(
            service=t.cast("t.Any", self),
            files=files or self.files,
            owner=Me("etcd", "etcd"),
            run=self.run,
            connect=lambda url: t.cast("t.Any", Client(self, url)),
            survey=lambda clients, _timeout: tuple(t.cast("Client", client).look() for client in clients),
            look=self.look,
            data=self.data,
            move_aside=self.move_aside,
            clock=self.clock,
            reached=lambda links, _timeout: frozenset(links) - self.closed,
            programs=self.programs or Programs(None, self.run),
        )

    def run(self, args: t.List[str], **options: t.Any) -> t.Tuple[int, str, str]:
        version = Path(args[-1]).parent.name if self.told is None else self.told
        return 0, f"etcd Version: {version}\n" if version else "hi\n", ""


class Client:
    def __init__(self, host: Host, url: str) -> None:
        self.host = host
        if url.startswith("unix:"):
            raise InvalidInput(f"{url} is no URL of a member.")
        self.endpoint = url
        self.id = next(one for one, link in URLS.items() if link == url)

    def _up(self) -> None:
        if self.id == ME and (self.host.process is None or self.host.process.behaviour in {"exit", "end"}):
            raise Unreachable(f"{self.endpoint} is not there.", endpoint=self.endpoint)
        if self.id != ME and self.id not in self.host.well:
            raise Unreachable(f"{self.endpoint} is not there.", endpoint=self.endpoint)

    def healthy(self, *, timeout: float = 1.5) -> t.Tuple[bool, str]:
        self._up()
        if self.id == ME and self.host.process and self.host.process.behaviour == "sick":
            return False, "no leader"
        return True, ""

    def versions(self, *, timeout: t.Optional[float] = None) -> Versions:
        self._up()
        mine = self.host.process.version if self.id == ME and self.host.process else "3.6.14"
        return Versions(mine, self.host.cluster_version)

    def status(self, *, timeout: t.Optional[float] = None) -> Status:
        self._up()
        if self.host.deny:
            raise PermissionDenied("not for you")
        if self.host.no_login and self.id == ME:
            raise ForVoters("rpc not supported for learner")
        return Status(
            self.id,
            "cc",
            "3.6.14",
            leader_id=self.host.leader,
            raft_applied_index=APPLIED,
            storage_version=self.host.cluster_version,
            downgrade=self.host.downgrade,
        )

    def downgrade(self, action: str, target: str = "", *, timeout: t.Optional[float] = None) -> None:
        self._up()
        self.host.step(f"{action} {target}".strip())
        if action != "VALIDATE":
            self.host.downgrade = f"{target}.0" if action == "ENABLE" else ""
        if action == "ENABLE" and self.host.lowers:
            self.host.cluster_version = f"{target}.0"

    def members(self, *, linearizable: bool = True, timeout: t.Optional[float] = None) -> t.Tuple[Member, ...]:
        self._up()
        if self.host.learner and self.id == ME:
            raise Rejected("rpc not supported for learner")
        return self.host.members()

    def lease_grant(self, ttl: int, *, timeout: t.Optional[float] = None) -> int:
        self._up()
        self.host.stir()
        return 1

    def move_leader(self, member_id: str, *, timeout: t.Optional[float] = None) -> None:
        self.host.step(f"move leader to {member_id}")
        if not self.host.transfer:
            raise Rejected("bad leader transferee")
        self.host.leader = member_id

    def look(self) -> EndpointSeen:
        try:
            healthy, reason = self.healthy()
            status = self.status()
        except ClientError as error:
            return EndpointSeen(self.endpoint, False, problem=error.message)
        try:
            members: t.Optional[t.Tuple[Member, ...]] = self.members() if healthy else None
        except ClientError:
            members = None
        return EndpointSeen(self.endpoint, healthy, reason, self.versions(), status, members)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def order_for(host: Host, version: str = "3.6.14", **more: t.Any) -> Order:
    settings = more.pop("settings", {})
    return Order(
        **{
            "action": "restart",
            "release": host.release(version),
            "version": version,
            "environment": {**ENVIRONMENT, **settings},
            "definition": "unit 1",
            "data_dir": str(host.root / "data"),
            "gated": True,
            "peers": (URLS[B], URLS[C]),
            "etcdctl": {"ETCDCTL_API": "3"},
            **more,
        }
    )


def first_start(host: Host, **more: t.Any) -> Order:
    return order_for(host, action="bootstrap", bootstrap=BOOTSTRAP, gated=False, **more)


def take(host: Host, order: Order, phase: str = "turn") -> Outcome:
    host.calls.clear()
    return Turn(host.world(), order, phase=phase).take()


@pytest.fixture
def formed(host: Host) -> Host:
    """A member that runs and has formed."""
    host.data_state = "absent"
    take(host, first_start(host))
    host.calls.clear()
    return host


def running(host: Host) -> Etcd:
    assert host.process is not None
    return host.process


# --- first start --------------------------------------------------------------------------------------------------


def test_first_start_writes_bootstrap_before_the_steady_environment_and_drops_it(host: Host) -> None:
    host.data_state = "absent"
    outcome = take(host, first_start(host))
    etc = host.files.path("")
    assert outcome.actions == [
        f"make {host.root}/data private to etcd (missing)",
        f"write {etc}bootstrap.env",
        f"point {etc}release to {host.release('3.6.14')}",
        "define etcd",
        f"write {etc}etcd.env",
        f"write {etc}etcdctl.env",
        "enable etcd",
        "start etcd",
        f"drop {etc}bootstrap.env, the member has formed",
    ]
    assert (outcome.member_id, outcome.pid) == (ME, running(host).pid)
    assert running(host).environment["ETCD_INITIAL_CLUSTER_STATE"] == "new"
    assert host.files.read("bootstrap.env") is None
    assert not host.files.former_exists()


def test_start_and_wait_are_two_calls(host: Host) -> None:
    host.data_state = "absent"
    started = take(host, first_start(host), "start")
    assert started.changed
    assert host.files.former_exists()
    assert host.files.read("bootstrap.env") is not None
    now = host.clock.now
    waited = take(host, first_start(host), "wait")
    assert waited.changed
    assert host.calls == []
    assert host.clock.now == now, "a healthy server is not waited for"
    assert host.files.read("bootstrap.env") is None
    assert not take(host, first_start(host), "start").changed
    assert not take(host, first_start(host), "wait").changed


def test_incomplete_data_is_moved_aside_before_a_first_start(host: Host) -> None:
    host.data_state = "incomplete"
    outcome = take(host, first_start(host))
    assert outcome.actions[0] == f"move {host.root}/data aside to {host.root}/data.aside, it holds no whole log"
    assert host.calls.index("move aside") < host.calls.index("start")


def test_waiting_with_an_old_bootstrap_is_restarted_with_the_new_one(host: Host) -> None:
    host.data_state = "absent"
    take(host, dataclasses.replace(first_start(host), start_timeout=1.0), "start")
    host.data_state = "empty"
    running(host).environment["ETCD_BEHAVE"] = "sick"
    again = first_start(host, settings={})
    again = dataclasses.replace(again, bootstrap={**BOOTSTRAP, "ETCD_INITIAL_CLUSTER_TOKEN": "y"})
    outcome = take(host, again)
    assert running(host).environment["ETCD_INITIAL_CLUSTER_TOKEN"] == "y"
    assert "restart etcd" in outcome.actions


@pytest.mark.parametrize(
    ("behaviour", "reason"), [("exit", "exited 2 times"), ("end", "it did not stay up"), ("sick", "within")]
)
def test_a_first_start_that_fails_is_left_stopped(host: Host, behaviour: str, reason: str) -> None:
    host.data_state = "absent"
    begun = host.clock.now
    with pytest.raises(ServerFailed, match=reason) as caught:
        take(host, first_start(host, settings={"ETCD_BEHAVE": behaviour}))
    assert "This was its first start: it is left stopped" in str(caught.value)
    assert "etcd said: bad: setting" in str(caught.value)
    assert caught.value.details["put_back"] is False
    assert caught.value.details["log"] == list(host.log_lines)
    assert host.process is None
    assert not host.loops
    if behaviour != "sick":
        assert host.clock.now - begun < 5
    assert host.files.read("bootstrap.env") is not None
    # mended
    take(host, first_start(host))
    assert not host.files.former_exists()


def test_data_of_another_member_is_refused_whatever_is_ordered(formed: Host) -> None:
    for action in ("bootstrap", "start", "restart", "settle"):
        with pytest.raises(Refused, match="holds the data of member a1") as caught:
            take(formed, order_for(formed, action=action, member_id="dd"))
        assert "mv " in caught.value.remedy
        assert formed.calls == []


@pytest.mark.parametrize("state", ["absent", "empty", "incomplete"])
def test_lost_data_is_refused(formed: Host, state: str) -> None:
    formed.process = None
    formed.data_state = state
    with pytest.raises(Refused, match="its data is lost"):
        take(formed, order_for(formed, action="start"))
    assert formed.calls == []


# --- nothing to do ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["bootstrap", "start", "restart", "settle"])
@pytest.mark.parametrize("phase", ["turn", "start", "wait"])
def test_as_wished_is_left_alone(formed: Host, action: str, phase: str) -> None:
    bootstrap = BOOTSTRAP if action == "bootstrap" else None
    outcome = take(formed, order_for(formed, action=action, bootstrap=bootstrap), phase)
    assert (outcome.changed, outcome.actions, outcome.changes) == (False, [], ())
    assert formed.calls == []
    assert (outcome.before, outcome.after) == ({}, {})


def test_drift_is_settled_without_a_restart(formed: Host) -> None:
    pid = running(formed).pid
    formed.files.write_environment({"OTHER": "1"})
    formed.files.link_release("/elsewhere")
    formed.clock.sleep(60)
    formed.edit()
    formed.enabled = False
    outcome = take(formed, order_for(formed, action="settle"))
    assert len(outcome.actions) == 4
    assert running(formed).pid == pid
    assert formed.calls == ["define", "enable"]
    assert sorted(outcome.before) == ["definition", "environment", "release"]
    assert not take(formed, order_for(formed, action="settle")).changed


def test_settle_never_restarts(formed: Host) -> None:
    with pytest.raises(Refused, match="runs otherwise than when the plan was made"):
        take(formed, order_for(formed, action="settle", settings={"ETCD_X": "1"}))
    formed.process = None
    with pytest.raises(Refused, match="is down"):
        take(formed, order_for(formed, action="settle"))
    assert formed.calls == []


def test_disabled_where_wished(formed: Host) -> None:
    outcome = take(formed, order_for(formed, action="settle", enabled=False))
    assert outcome.actions == ["disable etcd"]


# --- a turn -------------------------------------------------------------------------------------------------------


def test_a_setting_changes_with_one_restart(formed: Host) -> None:
    pid = running(formed).pid
    outcome = take(formed, order_for(formed, settings={"ETCD_X": "1"}))
    assert outcome.changes == (Change("ETCD_X", None, "1"),)
    assert outcome.actions == [f"write {formed.files.path('etcd.env')}", "restart etcd"]
    assert formed.calls == ["restart"], "no reload and no enable that is not needed"
    assert outcome.pid not in {0, pid}
    assert not outcome.downtime


def test_a_server_that_was_restarted_with_an_edited_unit_is_restarted_with_the_wished_one(formed: Host) -> None:
    formed.clock.sleep(60)
    formed.edit()
    formed.loaded = "edited"
    formed.restart()
    formed.clock.sleep(60)
    formed.calls.clear()
    with pytest.raises(Refused, match="runs otherwise than when the plan was made"):
        take(formed, order_for(formed, action="settle"))
    formed.kill_at = 3  # the unit is written and read, and the server not restarted
    with pytest.raises(Killed):
        take(formed, order_for(formed))
    formed.kill_at = 0
    assert formed.unit == formed.loaded == order_for(formed).definition
    formed.well = {B}
    with pytest.raises(Refused, match="not healthy: infra3"):
        take(formed, order_for(formed))
    formed.well = {B, C}
    formed.calls.clear()
    outcome = take(formed, order_for(formed))
    assert [str(change) for change in outcome.changes] == ["definition: another when it was started → written"]
    assert formed.calls == ["restart"]
    assert not take(formed, order_for(formed)).changed


@pytest.mark.parametrize("why", ["other", "replaced"])
def test_a_release_changes(formed: Host, why: str) -> None:
    version = "3.6.16" if why == "other" else "3.6.14"
    running(formed).replaced = why == "replaced"
    outcome = take(formed, order_for(formed, version))
    assert [change.key for change in outcome.changes] == ["executable"]
    assert running(formed).version == version
    assert formed.files.release() == formed.release(version)


def test_a_unit_changes_by_its_digest(formed: Host) -> None:
    take(formed, order_for(formed, definition="unit 2", settings={"QUORUM_CONFIG_DIGEST": "2"}))
    assert formed.calls == ["define", "reload", "restart"]


def test_what_is_down_is_started_with_what_is_wished(formed: Host) -> None:
    formed.process = None
    formed.well = {B}
    outcome = take(formed, order_for(formed, action="start", gated=True, settings={"ETCD_X": "1"}))
    assert outcome.actions[-1] == "start etcd"
    assert running(formed).environment["ETCD_X"] == "1"


def test_a_looping_unit_is_restarted_not_started(formed: Host) -> None:
    formed.process, formed.loops = None, 1
    assert take(formed, order_for(formed)).actions[-1] == "restart etcd"


# --- gate and leadership ------------------------------------------------------------------------------------------


def test_the_gate_waits_until_the_others_are_well(formed: Host) -> None:
    formed.well = {B}
    naps = []

    def nap() -> None:
        naps.append(1)
        if len(naps) == 5:
            formed.well = {B, C}

    formed.on_sleep = nap
    take(formed, order_for(formed, settings={"ETCD_X": "1"}))
    assert len(naps) >= 5
    assert formed.calls == ["restart"]


def test_the_gate_refuses_after_its_limit_and_nothing_has_changed(formed: Host) -> None:
    formed.well = {B}
    before = formed.files.read("etcd.env")
    with pytest.raises(Refused, match="not healthy: infra3") as caught:
        take(formed, order_for(formed, settings={"ETCD_X": "1"}, gate_timeout=7.0))
    assert "etcd_allow_downtime" in caught.value.remedy
    assert 1007 <= formed.clock.now < 1008
    assert formed.calls == []
    assert formed.files.read("etcd.env") == before
    assert not formed.files.former_exists()


def test_who_does_not_say_how_it_is_does_not_pass_for_sick(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """With other certificates than the servers trust, nobody tells anything."""
    denied = EndpointSeen("https://127.0.0.1:2379", healthy=False, problem="not trusted", denied=True)
    monkeypatch.setattr(Client, "look", lambda _self: denied)
    with pytest.raises(Refused, match="no member gave the list of members"):
        take(formed, order_for(formed, settings={"ETCD_X": "1"}))
    assert formed.calls == []
    order = order_for(formed, action="start", gated=False, settings={"ETCD_X": "1"})
    with pytest.raises(Refused, match=r"does not say how it is \(not trusted\), and the plan was made while"):
        take(formed, dataclasses.replace(order, together=True))
    with pytest.raises(Refused, match="no member gave the list of members"):
        take(formed, order)
    assert formed.calls == []


def test_whom_nobody_can_connect_to_does_not_pass_for_sick(formed: Host) -> None:
    def connect(url: str) -> t.Any:
        raise InvalidInput("ca.crt holds no certificate")

    with pytest.raises(Refused, match="no member gave the list of members"):
        Turn(dataclasses.replace(formed.world(), connect=connect), order_for(formed, settings={"ETCD_X": "1"})).take()
    assert formed.calls == []


def test_the_last_one_that_holds_the_others_together_is_not_stopped(formed: Host) -> None:
    """Each is healthy through this one, and none is reached by the others."""
    formed.closed = set(PEERS.values())
    order = order_for(formed, settings={"ETCD_X": "1"})
    with pytest.raises(Refused, match=r"none of the others is reached .* infra2 \(http://b:2380\), infra3"):
        take(formed, order)
    assert formed.calls == []
    formed.closed = {PEERS[B]}
    formed.leader = ME
    outcome = take(formed, dataclasses.replace(order, handover=("infra2",)))
    assert outcome.actions[0] == "hand leadership over to infra3", "whom all can reach"
    assert not outcome.downtime


def test_an_unhealthy_member_passes_once_it_was_so_for_longer_than_an_election(formed: Host) -> None:
    formed.well = set()
    running(formed).environment["ETCD_BEHAVE"] = "sick"
    begun = formed.clock.now
    formed.well = {B}
    take(formed, order_for(formed))
    assert formed.clock.now - begun >= _turn_gate.SICK


def test_an_unhealthy_member_that_recovers_meanwhile_is_not_restarted(formed: Host) -> None:
    formed.well = {B}
    running(formed).environment["ETCD_BEHAVE"] = "sick"

    def recover() -> None:
        running(formed).environment.pop("ETCD_BEHAVE", None)

    formed.on_sleep = recover
    with pytest.raises(Refused, match="not healthy: infra3"):
        take(formed, order_for(formed, settings={"ETCD_X": "1"}))


def test_downtime_only_where_allowed_and_it_says_so(formed: Host) -> None:
    formed.well = {B}
    begun = formed.clock.now
    outcome = take(formed, order_for(formed, settings={"ETCD_X": "1"}, allow_downtime=True))
    assert outcome.downtime
    assert any("writes stop" in note for note in outcome.notes)
    assert formed.clock.now - begun >= _turn_gate.GRACE, "what may still come back is waited for"


def test_the_only_voter_is_restarted_at_once(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Host, "members", lambda _self: (Member(ME, "infra1", (), (URLS[ME],)),))
    formed.leader = ME
    begun = formed.clock.now
    outcome = take(formed, order_for(formed, settings={"ETCD_X": "1"}))
    assert outcome.downtime
    assert formed.clock.now == begun
    assert formed.calls == ["restart"]


def test_two_voters_need_permission_and_then_no_patience(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    two = tuple(Member(one, NAMES[one], (), (URLS[one],)) for one in (ME, B))
    monkeypatch.setattr(Host, "members", lambda _self: two)
    with pytest.raises(Refused, match="two voters can spare neither"):
        take(formed, order_for(formed, settings={"ETCD_X": "1"}))
    begun = formed.clock.now
    assert take(formed, order_for(formed, settings={"ETCD_X": "1"}, allow_downtime=True)).downtime
    assert formed.clock.now == begun


def test_an_ungated_start_that_finds_a_healthy_server_is_gated_all_the_same(formed: Host) -> None:
    formed.well = {B}
    with pytest.raises(Refused):
        take(formed, order_for(formed, action="start", gated=False, settings={"ETCD_X": "1"}))
    take(formed, order_for(formed, action="restart", gated=False, settings={"ETCD_X": "1"}))


@pytest.mark.parametrize("phase", ["turn", "start"])
def test_one_of_many_that_recovered_is_not_restarted_with_them(formed: Host, phase: str) -> None:
    """Made without quorum, the plan restarts all that differ together; with quorum that would be an outage."""
    process = running(formed)
    order = order_for(formed, action="start", gated=False, together=True, settings={"ETCD_X": "1"})
    with pytest.raises(Refused, match="healthy again"):
        take(formed, order, phase)
    assert running(formed) is process


def test_a_learner_asks_others_who_the_members_are(formed: Host) -> None:
    formed.learner = True
    formed.well = {B}
    outcome = take(formed, order_for(formed, settings={"ETCD_X": "1"}))
    assert outcome.actions[-1] == "restart etcd"


def test_without_any_list_of_members_nothing_is_restarted(formed: Host) -> None:
    formed.learner = True
    with pytest.raises(Refused, match="no member gave the list"):
        take(formed, order_for(formed, settings={"ETCD_X": "1"}, peers=()))


@pytest.mark.parametrize(("handover", "target"), [((), B), (("infra3",), C), (("infra1", "nobody"), B)])
def test_the_leader_hands_over(formed: Host, handover: t.Tuple[str, ...], target: str) -> None:
    formed.leader = ME
    outcome = take(formed, order_for(formed, settings={"ETCD_X": "1"}, handover=handover))
    assert outcome.actions[0] == f"hand leadership over to {NAMES[target]}"
    assert formed.calls == [f"move leader to {target}", "restart"]


def test_a_follower_hands_nothing_over(formed: Host) -> None:
    take(formed, order_for(formed, settings={"ETCD_X": "1"}, handover=("infra3",)))
    assert formed.calls == ["restart"]


def test_leadership_that_does_not_move_is_a_note(formed: Host) -> None:
    formed.leader, formed.transfer = ME, False
    outcome = take(formed, order_for(formed, settings={"ETCD_X": "1"}))
    assert outcome.notes == ["leadership did not move to infra2: bad leader transferee"]
    assert outcome.actions[-1] == "restart etcd"


def test_leadership_that_moves_too_slowly_is_a_note(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    formed.leader = ME
    monkeypatch.setattr(Client, "move_leader", lambda *_args, **_options: None)
    outcome = take(formed, order_for(formed, settings={"ETCD_X": "1"}))
    assert outcome.notes == ["leadership did not move to infra2 within 3 s"]


# --- failures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ETCD_BEHAVE": "exit"}, "exited 2 times"),
        ({"ETCD_BEHAVE": "end"}, "it did not stay up"),
        ({"ETCD_BEHAVE": "sick"}, "not healthy within 120 s: no leader"),
    ],
)
def test_what_fails_is_put_back(formed: Host, settings: t.Dict[str, str], reason: str) -> None:
    before = formed.files.read("etcd.env")
    with pytest.raises(ServerFailed, match=reason) as caught:
        take(formed, order_for(formed, "3.6.16", definition="unit 2", settings=settings))
    assert caught.value.details["put_back"] is True
    assert "was put back and is healthy" in str(caught.value)
    assert formed.files.read("etcd.env") == before
    assert formed.files.release() == formed.release("3.6.14")
    assert formed.unit == "unit 1"
    assert running(formed).version == "3.6.14"
    assert not formed.files.former_exists()
    assert formed.calls.index("stop") < len(formed.calls) - 1 - formed.calls[::-1].index("restart")
    assert not take(formed, order_for(formed)).changed


def test_a_wrong_version_or_member_fails_at_once(formed: Host) -> None:
    begun = formed.clock.now
    formed.told = "3.6.99"
    order = dataclasses.replace(order_for(formed, "3.6.16"), version="3.6.99")
    with pytest.raises(ServerFailed, match=r"it answers as etcd 3\.6\.16, not 3\.6\.99"):
        take(formed, order)
    formed.data_id, formed.told = "", None
    with pytest.raises(ServerFailed, match="it runs as member a1, not as dd"):
        take(formed, order_for(formed, member_id="dd", settings={"ETCD_X": "1"}))
    assert formed.clock.now - begun < 1


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize(
    ("told", "match"), [("3.7.3", r" is 3\.7\.3, and 3\.6\.16 is wished"), ("", "does not say which etcd it is")]
)
def test_another_program_than_wished_is_never_started(formed: Host, told: str, match: str, down: bool) -> None:
    formed.told = told
    (Path(formed.release("3.6.16")) / "etcd").touch()
    if down:
        formed.process = None
    with pytest.raises(Refused, match=match) as caught:
        take(formed, order_for(formed, "3.6.16", **({"action": "start", "gated": False} if down else {})))
    assert caught.value.remedy
    assert formed.calls == []


def no_command(args: t.List[str], **options: t.Any) -> t.Tuple[int, str, str]:
    raise AssertionError(args)


class Images(Programs):
    """Images by name, each with the version of its etcd."""

    def __init__(self, versions: t.Dict[str, str]) -> None:
        super().__init__(None, no_command)
        self.versions = versions

    def version(self, release: str) -> str:
        return self.versions.get(release, "")

    def exist(self, release: str) -> bool:
        return release in self.versions

    def executable(self, release: str) -> str:
        return f"{release}/etcd"


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ("3.7.3", r"mirror/etcd:v3\.6\.16 is 3\.7\.3, and 3\.6\.16 is wished\."),
        ("", r"mirror/etcd:v3\.6\.16 does not say which etcd it is"),
    ],
)
def test_an_image_of_another_version_than_its_name_says_is_never_started(formed: Host, told: str, match: str) -> None:
    image = "mirror/etcd:v3.6.16"
    formed.programs = Images({image: told})
    with pytest.raises(Refused, match=match):
        take(formed, order_for(formed, "3.6.16", release=image))
    assert formed.calls == []
    formed.programs = Images({})
    assert check(formed, order_for(formed, "3.6.16", release=image)).changed, "it is brought before, but for check mode"


@pytest.mark.parametrize("down", [False, True])
def test_what_something_else_says_how_to_start_is_not_stopped(formed: Host, down: bool) -> None:
    formed.drop_ins = {"/x.conf": ("ETCD_X", "ETCD_Y")}
    assert not take(formed, order_for(formed)).changed
    formed.process = None if down else formed.process
    order = order_for(formed, settings={"ETCD_X": "1"})
    with pytest.raises(Refused, match=r"etcd would not start as ordered: /x\.conf has ETCD_Y\."):
        take(formed, order)
    assert not formed.calls
    assert "ETCD_X" not in (formed.files.read("etcd.env") or "")


def test_an_idle_cluster_is_given_something_to_do_while_a_new_member_waits(host: Host) -> None:
    """etcd 3.6 and 3.7, more than 5000 entries, all of them in one snapshot."""
    host.data_state = "absent"
    host.published = False
    stirred: t.List[float] = []

    def stir() -> None:
        stirred.append(host.clock.now)
        host.published = len(stirred) == 2

    host.stir = stir
    begun = host.clock.now
    take(host, first_start(host))
    assert [moment - begun for moment in stirred] == pytest.approx([_turn_wait.STIR, 2 * _turn_wait.STIR], abs=0.6)


@pytest.mark.parametrize("what", ["listed", "published"])
def test_a_member_that_is_not_in_the_list_is_waited_for(host: Host, what: str) -> None:
    host.data_state = "absent"
    setattr(host, what, False)
    naps = []

    def nap() -> None:
        naps.append(1)
        setattr(host, what, len(naps) > 3)

    host.on_sleep = nap
    take(host, first_start(host))
    assert len(naps) == 4
    assert host.files.read("bootstrap.env") is None


@pytest.mark.parametrize("published", [False, True])
def test_a_learner_that_lets_nobody_log_in_is_looked_up_in_the_list_of_the_others(host: Host, published: bool) -> None:
    host.data_state, host.learner, host.no_login, host.published = "absent", True, True, published
    order = first_start(host, member_id=ME)
    if published:
        assert take(host, order).member_id == ME
    else:
        with pytest.raises(ServerFailed, match=f"member {ME} has not published itself"):
            take(host, order)


def test_who_may_not_ask_takes_health_for_enough(formed: Host) -> None:
    formed.deny = True
    assert not take(formed, order_for(formed)).changed


@pytest.mark.parametrize("error", [InvalidInput("the key does not fit"), ServiceError("no answer within 30 s")])
def test_what_cannot_even_be_asked_is_put_back(formed: Host, error: Exception) -> None:
    """Certificates that do not fit each other show when they are used, and an engine may not answer."""
    elsewhere = "http://127.0.0.1:7379"

    def connect(url: str) -> t.Any:
        if url == elsewhere:
            raise error
        return Client(formed, url)

    world = dataclasses.replace(formed.world(), connect=connect)
    order = order_for(formed, settings={"ETCD_LISTEN_CLIENT_URLS": elsewhere})
    with pytest.raises(ServerFailed, match=str(error)) as caught:
        Turn(world, order).take()
    assert caught.value.details["put_back"] is True
    assert running(formed).environment["ETCD_LISTEN_CLIENT_URLS"] == ENVIRONMENT["ETCD_LISTEN_CLIENT_URLS"]
    assert not formed.files.former_exists()


def test_what_ran_before_may_fail_as_well(formed: Host) -> None:
    running(formed).environment["ETCD_BEHAVE"] = ""
    formed.files.write_environment({**ENVIRONMENT, "ETCD_BEHAVE": "exit"})
    with pytest.raises(ServerFailed, match="put back, but it is not healthy either") as caught:
        take(formed, order_for(formed, settings={"ETCD_BEHAVE": "sick"}, start_timeout=3.0))
    assert caught.value.details["put_back"] is False
    assert formed.files.former_exists()


def test_what_goes_back_from_a_container_reads_its_settings_as_it_did_before(formed: Host) -> None:
    """systemd takes the quotes off a value, engines leave them."""
    take(formed, order_for(formed, settings={"ETCD_CORS": "*"}))
    contained = Files(formed.files.config_dir, container=lambda name: f"sha256:{name[-6:]} 1:1")
    order = order_for(formed, definition="run --env-file=etcd.env", settings={"ETCD_CORS": "*", "ETCD_BEHAVE": "exit"})
    with pytest.raises(ServerFailed, match="What ran before was put back and is healthy"):
        Turn(formed.world(contained), order).take()
    assert running(formed).environment["ETCD_CORS"] == "*"


def test_putting_back_that_cannot_be_done_is_told(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Files) -> None:
        raise DataError("disk full.")

    monkeypatch.setattr(Files, "put_back", refuse)
    with pytest.raises(ServerFailed, match=r"Putting back what ran before failed: disk full\."):
        take(formed, order_for(formed, settings={"ETCD_BEHAVE": "exit"}))


@pytest.mark.parametrize(
    ("cluster", "peers", "well", "put_back", "words"),
    [
        ("3.5.0", (B, C), (B, C), True, "put back"),
        ("3.6.0", (B, C), (B, C), False, "the cluster is at 3.6 already"),
        ("", (B, C), (B, C), False, "no other member says"),
        ("3.5.0", (), (B, C), True, "put back"),
    ],
)
def test_an_older_minor_version_is_put_back_only_while_the_cluster_has_it(
    formed: Host,
    *,
    cluster: str,
    peers: t.Tuple[str, ...],
    well: t.Tuple[str, ...],
    put_back: bool,
    words: str,
) -> None:
    take(formed, order_for(formed, "3.5.35"))
    formed.cluster_version, formed.well = cluster, set(well)
    order = order_for(formed, "3.6.16", settings={"ETCD_BEHAVE": "exit"}, peers=tuple(URLS[peer] for peer in peers))
    with pytest.raises(ServerFailed, match=words) as caught:
        take(formed, order)
    assert caught.value.details["put_back"] is put_back
    assert formed.files.release() == formed.release("3.5.35" if put_back else "3.6.16")
    assert formed.files.former_exists() is not put_back
    assert not formed.loops, "nothing is left looping"


def test_of_a_whole_cluster_that_does_not_start_each_goes_back(formed: Host) -> None:
    """Nobody serves who could say which version the cluster has: without the way back there would be none at all."""
    take(formed, order_for(formed, "3.5.35"))
    formed.process, formed.well = None, set()
    order = order_for(formed, "3.6.16", action="start", gated=False, settings={"ETCD_BEHAVE": "exit"})
    take(formed, order, "start")
    with pytest.raises(ServerFailed, match="What ran before was put back") as caught:
        take(formed, order, "wait")
    assert caught.value.details["put_back"] is True
    assert formed.files.release() == formed.release("3.5.35")


# --- other minor versions -----------------------------------------------------------------------------------------


def test_a_snapshot_is_taken_by_the_former_release_first(formed: Host) -> None:
    formed.snapshot_index = 40
    seen: t.List[t.Tuple[str, str]] = []
    restart = formed.restart

    def watch() -> None:
        restart()
        one = running(formed)
        seen.append((one.version, one.environment.get("ETCD_SNAPSHOT_COUNT", "")))

    formed.restart = watch  # type: ignore[method-assign]
    outcome = take(formed, order_for(formed, "3.7.3", snapshot_index=50))
    assert seen == [("3.6.14", str(APPLIED - 40 - 1)), ("3.7.3", "")]
    assert formed.snapshot_index == APPLIED
    assert [action for action in outcome.actions if "for a raft snapshot" in action]
    assert not formed.files.former_exists()
    assert "ETCD_SNAPSHOT_COUNT" not in (formed.files.read("etcd.env") or "")


@pytest.mark.parametrize("taken", [50, 60])
def test_a_snapshot_that_is_there_is_enough(formed: Host, taken: int) -> None:
    formed.snapshot_index = taken
    outcome = take(formed, order_for(formed, "3.7.3", snapshot_index=50))
    assert not [action for action in outcome.actions if "for a raft snapshot" in action]
    assert running(formed).version == "3.7.3"


@pytest.mark.parametrize("down", [False, True])
def test_the_second_restart_asks_the_cluster_again(formed: Host, down: bool) -> None:
    formed.snapshot_index = 40
    if down:
        formed.process = None
    running, run = formed.process, formed._run

    def run_and_lose_another() -> None:
        run()
        formed.well = {B}

    formed._run = run_and_lose_another  # type: ignore[method-assign]
    wished = {"action": "start", "gated": False} if down else {}
    with pytest.raises(Refused, match=r"cannot spare infra1 now: .*infra3"):
        take(formed, order_for(formed, "3.7.3", snapshot_index=50, gate_timeout=1.0, **wished))
    assert formed.process is not running
    assert formed.process is not None
    assert formed.process.version == "3.6.14"
    assert formed.files.release() == formed.release("3.6.14")


def test_one_that_is_down_takes_its_snapshot_too(formed: Host) -> None:
    formed.process = None
    take(formed, order_for(formed, "3.7.3", action="start", gated=False, snapshot_index=50))
    assert [call for call in formed.calls if call in ("start", "restart")][-2:] == ["start", "restart"]
    assert running(formed).version == "3.7.3"
    assert formed.snapshot_index == APPLIED


def test_without_the_snapshot_the_new_release_never_starts(formed: Host) -> None:
    formed.snapshots = False
    with pytest.raises(ServerFailed, match="took no raft snapshot up to index 50") as caught:
        take(formed, order_for(formed, "3.7.3", snapshot_index=50))
    assert caught.value.details["put_back"] is True
    assert running(formed).version == "3.6.14"
    assert "ETCD_SNAPSHOT_COUNT" not in running(formed).environment


def test_a_new_release_that_fails_after_the_snapshot_is_put_back(formed: Host) -> None:
    with pytest.raises(ServerFailed, match="put back") as caught:
        take(formed, order_for(formed, "3.7.3", settings={"ETCD_BEHAVE": "exit"}, snapshot_index=50))
    assert caught.value.details["put_back"] is True
    assert running(formed).version == "3.6.14"
    assert "ETCD_SNAPSHOT_COUNT" not in running(formed).environment


def test_killed_between_the_two_starts_it_is_run_again(formed: Host) -> None:
    take(formed, order_for(formed, "3.7.3", snapshot_index=50))
    assert formed.calls == ["restart", "restart"]
    for point in (1, 2):
        host = Host(formed.root / f"killed-{point}")
        host.data_state = "absent"
        take(host, first_start(host))
        host.kill_at = point
        with pytest.raises(Killed):
            take(host, order_for(host, "3.7.3", snapshot_index=50))
        host.kill_at = 0
        take(host, order_for(host, "3.7.3", snapshot_index=50))
        assert running(host).version == "3.7.3"
        assert host.snapshot_index == APPLIED
        assert not host.files.former_exists()


def test_the_cluster_must_have_agreed_on_the_version_below(formed: Host) -> None:
    formed.cluster_version = "3.5.0"
    pid = running(formed).pid
    with pytest.raises(Refused, match=r"must have agreed on 3\.6"):
        take(formed, order_for(formed, "3.7.3", gate_timeout=5))
    assert running(formed).pid == pid
    assert not formed.files.former_exists()


def test_down_once_the_cluster_is_ready(formed: Host) -> None:
    outcome = take(formed, order_for(formed, "3.5.35", downgrade="3.5"))
    assert "have the cluster go down to 3.5" in outcome.actions
    assert formed.calls.index("ENABLE 3.5") < formed.calls.index("restart")
    assert running(formed).version == "3.5.35"


def test_nothing_is_stopped_while_the_cluster_is_not_ready(formed: Host) -> None:
    formed.lowers = False
    pid = running(formed).pid
    with pytest.raises(Refused, match=r"The cluster is not ready to go down to 3\.5"):
        take(formed, order_for(formed, "3.5.35", downgrade="3.5", gate_timeout=5))
    assert (running(formed).pid, formed.downgrade) == (pid, "")


def test_a_downgrade_is_only_validated_in_check_mode(formed: Host) -> None:
    Turn(formed.world(), order_for(formed, "3.5.35", downgrade="3.5"), check_mode=True).take()
    assert formed.calls == ["VALIDATE 3.5"]


def test_a_downgrade_is_called_off(formed: Host) -> None:
    formed.downgrade = "3.5.0"
    outcome = take(formed, order_for(formed, action="settle", downgrade="cancel"))
    assert outcome.actions == ["call the downgrade off"]
    assert formed.downgrade == ""


def test_a_start_without_anything_written_that_fails_leaves_what_lives(formed: Host) -> None:
    formed.files.write_environment({**ENVIRONMENT, "ETCD_BEHAVE": "sick"})
    formed.process = None
    with pytest.raises(ServerFailed, match="it is left running"):
        take(formed, order_for(formed, action="start", settings={"ETCD_BEHAVE": "sick"}))
    assert running(formed).behaviour == "sick"
    assert not formed.files.former_exists()


def test_a_start_without_anything_written_that_loops_is_left_stopped(formed: Host) -> None:
    formed.files.write_environment({**ENVIRONMENT, "ETCD_BEHAVE": "exit"})
    formed.process = None
    with pytest.raises(ServerFailed, match="it is left stopped"):
        take(formed, order_for(formed, action="start", settings={"ETCD_BEHAVE": "exit"}))
    assert formed.process is None


def test_as_wished_and_not_healthy_is_left_running(formed: Host) -> None:
    running(formed).environment["ETCD_BEHAVE"] = "sick"
    with pytest.raises(ServerFailed, match="left running"):
        take(formed, order_for(formed, settings={"ETCD_BEHAVE": "sick"}))
    assert "stop" not in formed.calls


def test_waiting_for_a_turn_that_never_began_is_refused(formed: Host) -> None:
    with pytest.raises(Refused, match="no turn of it has begun"):
        take(formed, order_for(formed, settings={"ETCD_X": "1"}), "wait")


def test_waiting_for_what_another_run_has_written_over_is_refused(formed: Host) -> None:
    order = order_for(formed, settings={"ETCD_X": "1"}, gated=False)
    take(formed, order, "start")
    take(formed, order_for(formed, settings={"ETCD_X": "2"}, gated=False), "start")
    begun = formed.clock.now
    with pytest.raises(Refused, match="another run has written it"):
        take(formed, order, "wait")
    assert formed.clock.now == begun, "waiting would not make it better"
    assert running(formed).environment["ETCD_X"] == "2", "what the other made is left alone"


def test_a_failure_in_the_second_phase_puts_back(formed: Host) -> None:
    order = order_for(formed, settings={"ETCD_BEHAVE": "exit"}, gated=False)
    take(formed, order, "start")
    with pytest.raises(ServerFailed, match="put back and is healthy"):
        take(formed, order, "wait")
    assert "ETCD_BEHAVE" not in running(formed).environment


@pytest.mark.parametrize("what", ["write_environment", "restart", "define"])
def test_what_cannot_be_written_or_started_is_undone_under_the_running_server(
    formed: Host, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def refuse(*_args: t.Any) -> t.NoReturn:
        raise ServiceError("no luck.", remedy="Try again.")

    pid, before = running(formed).pid, formed.files.read("etcd.env")
    order = order_for(formed, "3.6.16", definition="unit 2", settings={"ETCD_X": "1"})
    with monkeypatch.context() as patch:
        if what == "define":
            define = Host.define
            patch.setattr(Host, "define", lambda self, text: refuse() if text == "unit 2" else define(self, text))
        else:
            patch.setattr(Files if what == "write_environment" else Host, what, refuse)
        with pytest.raises(ServiceError, match=r"no luck\. What had been written was put back") as caught:
            take(formed, order)
    assert caught.value.remedy == "Try again."
    assert (running(formed).pid, formed.files.read("etcd.env"), formed.unit) == (pid, before, "unit 1")
    assert formed.files.release() == formed.release("3.6.14")
    assert not formed.files.former_exists()
    assert take(formed, order).changed


def test_a_restart_that_only_stops_puts_back(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Host.restart

    def once(self: Host) -> None:
        monkeypatch.setattr(Host, "restart", original)
        self.process = None
        raise ServiceError("no luck.")

    monkeypatch.setattr(Host, "restart", once)
    with pytest.raises(ServerFailed, match=r"no luck\..* was put back and is healthy"):
        take(formed, order_for(formed, settings={"ETCD_X": "1"}))


def test_a_first_start_that_cannot_be_made_says_why(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Host) -> None:
        raise ServiceError("no runner.")

    host.data_state = "absent"
    with monkeypatch.context() as patch:
        patch.setattr(Host, "start", refuse)
        with pytest.raises(ServiceError, match=r"no runner\."):
            take(host, first_start(host))
    take(host, first_start(host))
    assert not host.files.former_exists()


# --- interrupted --------------------------------------------------------------------------------------------------


def every_kill(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count writes to files as steps, too."""
    for name in (
        "write_environment", "write_bootstrap", "write_etcdctl", "link_release", "keep_former", "put_back",
        "drop_former", "drop_bootstrap",
    ):  # fmt: skip
        original = getattr(Files, name)

        def stepping(self: Files, *args: t.Any, _name: str = name, _original: t.Any = original, **more: t.Any) -> t.Any:
            host.step(_name)
            return _original(self, *args, **more)

        monkeypatch.setattr(Files, name, stepping)


def kill(host: Host, order: Order, at: int) -> bool:
    host.kill_at = at
    try:
        take(host, order)
    except Killed:
        return True
    except ServerFailed:
        return False
    finally:
        host.kill_at = 0
    return False


@pytest.mark.parametrize("at", range(1, 30))
def test_a_turn_killed_anywhere_is_finished_by_the_next(formed: Host, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    every_kill(formed, monkeypatch)
    order = order_for(formed, "3.6.16", definition="unit 2", settings={"QUORUM_CONFIG_DIGEST": "2"})
    kill(formed, order, at)
    take(formed, order)
    assert running(formed).version == "3.6.16"
    assert formed.loaded == "unit 2"
    assert not formed.files.former_exists()
    assert not take(formed, order).changed


@pytest.mark.parametrize("at", range(1, 30))
def test_a_bad_turn_killed_anywhere_still_puts_back_what_last_ran_well(
    formed: Host, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    every_kill(formed, monkeypatch)
    bad = {"ETCD_BEHAVE": "exit", "QUORUM_CONFIG_DIGEST": "2"}
    order = order_for(formed, "3.6.16", definition="unit 2", settings=bad)
    kill(formed, order, at)
    with pytest.raises(ServerFailed) as caught:
        take(formed, order)
    assert caught.value.details["put_back"] is True
    assert running(formed).environment["QUORUM_CONFIG_DIGEST"] == "1"
    assert running(formed).version == "3.6.14"
    assert (formed.unit, formed.loaded) == ("unit 1", "unit 1")
    assert not take(formed, order_for(formed)).changed


@pytest.mark.parametrize("at", range(1, 30))
def test_a_first_start_killed_anywhere_never_looks_lost(host: Host, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    every_kill(host, monkeypatch)
    host.data_state = "absent"
    kill(host, first_start(host), at)
    seen = host.files.seen()
    if host.data_state != "initialised":
        assert seen.environment is None or seen.bootstrap is not None
    take(host, first_start(host))
    assert host.files.read("bootstrap.env") is None
    assert not host.files.former_exists()
    assert not take(host, order_for(host)).changed


def test_a_kill_after_health_makes_the_new_what_last_ran_well(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(_self: Turn) -> None:
        raise Killed

    order = order_for(formed, settings={"ETCD_X": "good"})
    with monkeypatch.context() as patch:
        patch.setattr(Turn, "_drop", die)
        with pytest.raises(Killed):
            take(formed, order)
    assert formed.files.former_exists()
    with pytest.raises(ServerFailed):
        take(formed, order_for(formed, settings={"ETCD_X": "bad", "ETCD_BEHAVE": "exit"}))
    assert running(formed).environment["ETCD_X"] == "good"


# --- check mode, diffs, secrets -----------------------------------------------------------------------------------


def check(host: Host, order: Order) -> Outcome:
    host.calls.clear()
    files = Files(host.files.config_dir, dry=True)
    return Turn(host.world(files), order, check_mode=True).take()


def test_check_mode_tells_the_same_and_touches_nothing(host: Host) -> None:
    host.data_state = "absent"
    told = check(host, first_start(host))
    assert host.calls == []
    assert sorted(path.name for path in host.root.iterdir()) == ["opt"]
    done = take(host, first_start(host))
    assert told.actions == [one for one in done.actions if not one.startswith("drop")]
    assert not check(host, order_for(host)).changed

    order = order_for(host, "3.6.16", settings={"ETCD_X": "1"}, definition="unit 2")
    told = check(host, order)
    assert host.calls == []
    assert told.changes == take(host, order).changes
    assert told.after["environment"]["ETCD_X"] == "1"
    assert told.before["definition"] == "unit 1"


def test_check_mode_does_not_wait_for_the_gate(formed: Host) -> None:
    formed.well = set()
    begun = formed.clock.now
    assert check(formed, order_for(formed, settings={"ETCD_X": "1"})).changed
    assert formed.clock.now == begun


def test_secrets_are_never_shown(host: Host) -> None:
    host.data_state = "absent"
    order = first_start(host)
    order = dataclasses.replace(order, bootstrap={**BOOTSTRAP, "ETCD_DISCOVERY_PASSWORD": "hunter2"})
    assert "hunter2" not in repr(check(host, order))
    take(host, order, "start")
    running(host).environment["ETCD_BEHAVE"] = "sick"
    host.data_state = "empty"
    outcome = take(host, dataclasses.replace(order, bootstrap={**BOOTSTRAP, "ETCD_DISCOVERY_PASSWORD": "other99"}))
    assert Change("ETCD_DISCOVERY_PASSWORD", "***", "***") in outcome.changes
    assert "hunter2" not in repr(outcome)
    assert "other99" not in repr(outcome)


# --- small ones ---------------------------------------------------------------------------------------------------


# --- two runs at once ---------------------------------------------------------------------------------------------


class Locked:
    """A lock that others hold for the first ``others`` attempts."""

    def __init__(self, others: int = 0, error: t.Optional[Exception] = None) -> None:
        self.others, self.error = others, error
        self.held = False
        self.log: t.List[str] = []

    def take(self, clients: t.Sequence[t.Any]) -> str:
        self.log.append(f"take {len(clients)}")
        if self.error is not None:
            raise self.error
        self.others -= 1
        self.held = self.others < 0
        return "" if self.held else "etcd1 on elsewhere"

    def renew(self) -> None:
        self.log.append("renew")

    def release(self) -> None:
        self.log.append("release")
        self.held = False


def take_locked(host: Host, lock: Locked, **changes: t.Any) -> Outcome:
    host.calls.clear()
    world = dataclasses.replace(host.world(), lock=lock)
    return Turn(world, order_for(host, settings={"ETCD_X": "1"}, **changes)).take()


def test_a_turn_is_taken_alone_and_given_back(formed: Host) -> None:
    lock = Locked()
    take_locked(formed, lock)
    assert formed.calls == ["restart"]
    assert next(entry for entry in lock.log if entry != "renew").startswith("take")
    assert lock.log[-1] == "release"


def test_a_turn_waits_for_that_of_another_run(formed: Host) -> None:
    lock = Locked(others=3)
    take_locked(formed, lock)
    assert len([entry for entry in lock.log if entry.startswith("take")]) == 4
    assert formed.calls == ["restart"]


def test_the_cluster_is_looked_at_again_once_the_turn_is_ours(formed: Host) -> None:
    lock = Locked()

    def take_it(clients: t.Sequence[t.Any]) -> str:
        lock.held, formed.well = True, {B}
        return ""

    lock.take = take_it  # type: ignore[method-assign]
    with pytest.raises(Refused, match="not healthy: infra3"):
        take_locked(formed, lock, gate_timeout=1.0)
    assert formed.calls == []
    assert lock.log[-1] == "release"


def test_a_turn_that_was_lost_while_waiting_is_taken_again(formed: Host) -> None:
    lock = Locked()
    formed.well = {B}

    def come_back() -> None:
        if formed.clock.now > 1015:
            lock.held, formed.well = False, {B, C}

    lock.held, formed.on_sleep = True, come_back
    take_locked(formed, lock)
    assert len([entry for entry in lock.log if entry.startswith("take")]) == 1
    assert formed.calls == ["restart"]


def test_nothing_is_restarted_once_the_turn_may_be_anothers(formed: Host) -> None:
    lock = Locked()
    before = formed.files.read("etcd.env")

    def lose_it() -> None:
        lock.log.append("renew")
        lock.held = lock.held and formed.files.read("etcd.env") == before

    lock.renew = lose_it  # type: ignore[method-assign]
    with pytest.raises(Refused, match="not certain any more that no other run takes a turn") as told:
        take_locked(formed, lock)
    assert "Run again" in told.value.remedy
    assert "restart" not in formed.calls
    assert formed.files.read("etcd.env") == before


def test_who_is_at_work_is_said(formed: Host) -> None:
    lock = Locked(others=1000)
    with pytest.raises(Refused, match="cannot take its turn now: another run takes a turn: etcd1 on elsewhere") as told:
        take_locked(formed, lock, gate_timeout=2.0)
    assert "Run again" in told.value.remedy
    assert formed.calls == []


def test_a_look_that_outlasts_the_lock_does_not_wait_for_ever(formed: Host) -> None:
    lock = Locked()

    def look() -> None:
        formed.clock.now += 9.0
        lock.held = False

    lock.renew = look  # type: ignore[method-assign]
    with pytest.raises(Refused, match=r"takes longer than a turn can be kept \(waited 60 s\)"):
        take_locked(formed, lock, gate_timeout=60.0)
    assert formed.calls == []


@pytest.mark.parametrize("error", [Unauthenticated("user name is empty."), NoSpace("database space exceeded.")])
def test_where_keys_may_not_be_written_the_turn_goes_on_and_says_so(formed: Host, error: Exception) -> None:
    outcome = take_locked(formed, Locked(error=error))
    assert formed.calls == ["restart"]
    assert any("nothing keeps another run" in note for note in outcome.notes)


def test_others_may_advertise_what_cannot_be_asked_from_here(formed: Host) -> None:
    formed.more_urls = ("unix:///run/etcd.sock",)
    lock = Locked()
    take_locked(formed, lock)
    assert "take 2" in lock.log
    assert formed.calls == ["restart"]
    upgrade = order_for(formed, "3.6.16", peers=("unix:///run/etcd.sock", URLS[B], URLS[C]))
    assert take(formed, upgrade).actions[-1] == "restart etcd"


def test_where_no_member_can_keep_the_turn_it_is_not_taken(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "http://127.0.0.1:7379"

    def connect(url: str) -> t.Any:
        if url == nowhere:
            raise InvalidInput("ca.crt holds no certificate")
        return Client(formed, url)

    hidden = tuple(Member(one, NAMES[one], (PEERS[one],), ("unix:///run/etcd.sock",)) for one in (B, C))
    monkeypatch.setattr(
        Host, "members", lambda _self: (Member(ME, "infra1", (), (URLS[ME],), is_learner=True), *hidden)
    )
    world = dataclasses.replace(formed.world(), connect=connect, lock=t.cast("t.Any", Locked()))
    order = order_for(formed, settings={"ETCD_LISTEN_CLIENT_URLS": nowhere}, allow_downtime=True, gate_timeout=15.0)
    with pytest.raises(Refused, match="cannot take its turn now: no member can be asked to keep other runs away"):
        Turn(world, order).take()
    assert formed.calls == []


def test_what_stops_nothing_takes_no_lock(formed: Host) -> None:
    lock = Locked(others=1000)
    Turn(dataclasses.replace(formed.world(), lock=lock), order_for(formed)).take()
    assert not any(entry.startswith("take") for entry in lock.log)


# --- what something else set up -----------------------------------------------------------------------------------


@pytest.fixture(params=[None, "theirs"], ids=["packaged unit", "hand-written unit"])
def foreign(formed: Host, request: pytest.FixtureRequest) -> Host:
    """A member that runs by a unit of another hand; one of a package is not where ours would be."""
    formed.files.clear()
    formed.unit = formed.loaded = request.param
    formed._run()
    formed.calls.clear()
    return formed


def test_a_server_of_another_hand_is_taken_over(foreign: Host) -> None:
    outcome = take(foreign, order_for(foreign))
    assert foreign.calls == ["define", "reload", "restart"]
    assert foreign.process is not None
    assert foreign.process.environment == ENVIRONMENT
    assert not foreign.files.former_exists()
    assert outcome.member_id == ME
    assert take(foreign, order_for(foreign)).changed is False


@pytest.mark.parametrize("behaviour", ["exit", "end", "sick"])
def test_what_another_hand_set_up_is_put_back(foreign: Host, behaviour: str) -> None:
    unit = foreign.unit
    with pytest.raises(ServerFailed, match="put back and is healthy") as caught:
        take(foreign, order_for(foreign, settings={"ETCD_BEHAVE": behaviour}))
    assert caught.value.details["put_back"] is True
    assert foreign.unit == foreign.loaded == unit
    assert foreign.process is not None
    assert foreign.process.environment == THEIRS
    assert os.listdir(foreign.files.config_dir) == []


def test_what_another_hand_set_up_is_asked_where_it_listens(foreign: Host) -> None:
    moved = {"ETCD_LISTEN_CLIENT_URLS": "https://192.0.2.1:9", "ETCD_BEHAVE": "exit"}
    with pytest.raises(ServerFailed, match="put back and is healthy"):
        take(foreign, order_for(foreign, settings=moved))


def test_a_takeover_that_was_killed_is_taken_up_again(foreign: Host, tmp_path: Path) -> None:
    """Wherever that was: what was there before is not forgotten until the member is well."""
    unit, number = foreign.unit, 0
    while True:
        number += 1
        foreign.calls.clear()
        foreign.kill_at = number
        try:
            take(foreign, order_for(foreign, settings={"ETCD_ROUND": str(number)}))
        except Killed:
            foreign.kill_at = 0
            with pytest.raises(ServerFailed, match="put back and is healthy"):
                take(foreign, order_for(foreign, settings={"ETCD_BEHAVE": "exit"}))
            assert foreign.unit == unit
            assert foreign.process is not None
            assert foreign.process.environment == THEIRS
            continue
        break
    assert number > 3


# --- what a container's start looks like --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "failed"),
    [
        # each try ends before there is a process
        (["active", "activating", "activating", "active", "active", "activating"], "it exited 2 times"),
        # one exit is seen as the process, the engine's client and the pause before the next try go by
        (["pid", "gone", "active", "activating", "activating", "active", "active"], ""),
        (["pid", "gone", "active", "activating", "active", "pid", "gone"], "it exited 2 times"),
        (["active", "active", "active", "pid"], ""),
    ],
)
def test_exits_of_a_container_are_counted(states: t.List[str], failed: str) -> None:
    class Engine:
        step = 0

        def look(self, pid: int) -> t.Optional[ProcessSeen]:
            runs = states[self.step] == "pid"
            return ProcessSeen(pid=pid, executable="/etcd", environment={}, started=1.0) if runs else None

        def seen(self) -> ServiceSeen:
            state = states[self.step]
            pid = 7 if state == "pid" else 0
            return ServiceSeen("etcd", exists=True, state=state if "activ" in state else "active", main_pid=pid)

    engine = Engine()
    watch = _turn_wait._Watch(
        t.cast("t.Any", types.SimpleNamespace(look=engine.look, service=engine, clock=time)), old=0
    )
    told = []
    for number in range(len(states)):
        engine.step = number
        watch.step()
        told.append(watch.failed)
    assert told[-1] == failed
    assert not any(told[:-1])


# --- at the edges ---------------------------------------------------------------------------------------------------


def test_what_runs_and_is_not_healthy_never_counts_as_what_last_ran_well(formed: Host) -> None:
    take(formed, order_for(formed, settings={"ETCD_X": "bad", "ETCD_BEHAVE": "sick"}), "start")
    with pytest.raises(ServerFailed, match="put back and is healthy"):
        take(formed, order_for(formed, settings={"ETCD_X": "worse", "ETCD_BEHAVE": "exit"}))
    assert "ETCD_X" not in running(formed).environment


def test_the_turn_is_kept_while_the_server_comes_up(formed: Host) -> None:
    """However long that takes: another run would find the others well, and stop a second one."""
    lock = Locked()
    moments: t.List[float] = []
    lock.renew = lambda: moments.append(formed.clock.now)  # type: ignore[method-assign]
    formed.published = False

    def publish() -> None:
        formed.published = formed.clock.now > 1050

    formed.on_sleep = publish
    take_locked(formed, lock)
    assert formed.clock.now > 1050
    assert max(later - sooner for sooner, later in zip(moments, [*moments[1:], formed.clock.now])) < 1


def test_a_release_that_was_only_linked_is_agreed_on_all_the_same(formed: Host) -> None:
    """A run killed between the link and the restart: what runs is the release of before."""
    formed.cluster_version = "3.5.0"
    formed.files.link_release(formed.release("3.7.3"))
    with pytest.raises(Refused, match=r"must have agreed on 3\.6"):
        take(formed, order_for(formed, "3.7.3"))
    assert formed.calls == []


def test_one_that_has_data_by_now_is_not_restarted_for_what_a_first_start_reads(formed: Host) -> None:
    pid = running(formed).pid
    take(formed, order_for(formed, action="bootstrap", bootstrap={**BOOTSTRAP, "ETCD_INITIAL_CLUSTER_TOKEN": "y"}))
    assert (running(formed).pid, "restart" in formed.calls) == (pid, False)


def test_check_mode_has_the_manager_read_nothing(formed: Host) -> None:
    formed.process = None
    formed.loaded = "of before"
    check(formed, order_for(formed, action="start"))
    assert formed.calls == []


def test_check_mode_does_not_wait_for_the_version_either(formed: Host) -> None:
    formed.cluster_version = "3.5.0"
    begun = formed.clock.now
    assert check(formed, order_for(formed, "3.7.3")).changed
    assert formed.clock.now == begun


def test_nothing_is_moved_away_under_a_server_that_has_just_begun(host: Host) -> None:
    host.data_state = "absent"
    take(host, first_start(host, settings={"ETCD_BEHAVE": "sick"}), "start")
    host.data_state = "incomplete"
    order = dataclasses.replace(first_start(host), bootstrap={**BOOTSTRAP, "ETCD_INITIAL_CLUSTER_TOKEN": "y"})
    take(host, order, "start")
    assert "move aside" not in host.calls


def test_a_looping_unit_is_stopped_before_its_data_is_moved_away(host: Host) -> None:
    host.data_state = "incomplete"
    host.unit = host.loaded = "unit 1"
    host.loops = 1
    take(host, first_start(host))
    assert host.calls.index("stop") < host.calls.index("move aside")


def test_leadership_that_is_nobodys_has_not_moved_yet(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    formed.leader = ME
    moved: t.List[float] = []

    def begin(self: Client, member_id: str, **_options: t.Any) -> None:
        self.host.leader = ""
        self.host.on_sleep = elect

    def elect() -> None:
        if formed.clock.now > 1000.5 and not moved:
            moved.append(formed.clock.now)
            formed.leader = B

    monkeypatch.setattr(Client, "move_leader", begin)
    outcome = take(formed, order_for(formed, settings={"ETCD_X": "1"}))
    assert moved
    assert outcome.notes == []
    restarted = running(formed).started
    assert moved[0] <= restarted


def test_a_member_without_peers_asks_itself_what_the_cluster_has(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Host, "members", lambda _self: (Member(ME, "infra1", (), (URLS[ME],)),))
    formed.cluster_version = "3.5.0"
    with pytest.raises(Refused, match=r"must have agreed on 3\.6"):
        take(formed, order_for(formed, "3.7.3", peers=()))


def test_who_tells_its_status_to_nobody_counts_by_where_it_answers(
    formed: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Client.look

    def discreet(self: Client) -> EndpointSeen:
        return look(self) if self.id == ME else dataclasses.replace(look(self), status=None)

    monkeypatch.setattr(Client, "look", discreet)
    take(formed, order_for(formed, settings={"ETCD_X": "1"}))
    assert formed.calls == ["restart"]


def test_a_unit_that_failed_for_good_is_not_waited_for(formed: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Host.seen
    monkeypatch.setattr(
        Host,
        "seen",
        lambda self: dataclasses.replace(seen(self), state="failed") if self.process is None else seen(self),
    )
    begun = formed.clock.now
    with pytest.raises(ServerFailed, match="the service manager does not start it any more"):
        take(formed, order_for(formed, settings={"ETCD_BEHAVE": "end"}))
    assert formed.clock.now - begun < 5


def test_grace_ends_before_the_gates_limit(formed: Host) -> None:
    formed.well = {B}
    begun = formed.clock.now
    take(formed, order_for(formed, settings={"ETCD_X": "1"}, allow_downtime=True, gate_timeout=60.0))
    assert formed.clock.now - begun < _turn_gate.GRACE + 2


def test_a_first_start_that_could_not_be_made_stays_one(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Host) -> None:
        raise ServiceError("no runner.")

    host.data_state = "absent"
    with monkeypatch.context() as patch:
        patch.setattr(Host, "start", refuse)
        with pytest.raises(ServiceError):
            take(host, first_start(host))
    with pytest.raises(ServerFailed, match="This was its first start"):
        take(host, first_start(host, settings={"ETCD_BEHAVE": "end"}))


def test_a_server_that_ends_as_it_is_asked_was_healthy_for_a_moment_only(
    formed: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = Client.members

    def last_words(self: Client, **options: t.Any) -> t.Tuple[Member, ...]:
        found = members(self, **options)
        if self.id == ME and running(formed).environment.get("ETCD_X") == "1":
            formed.process = None
        return found

    order = order_for(formed, settings={"ETCD_X": "1"})
    monkeypatch.setattr(Client, "members", last_words)
    with pytest.raises(ServerFailed, match="put back and is healthy"):
        take(formed, order)


def test_a_lock_that_nobody_can_give_now_is_waited_for(formed: Host) -> None:
    lock = Locked(error=Unreachable("http://b:2379 is not there.", endpoint="http://b:2379"))
    with pytest.raises(Refused, match="cannot take its turn now: http://b:2379 is not there"):
        take_locked(formed, lock, gate_timeout=1.0)
    assert formed.calls == []


def test_one_that_is_down_comes_back_newer_only_once_the_cluster_is_ready(formed: Host) -> None:
    formed.process = None
    formed.cluster_version = "3.5.0"
    with pytest.raises(Refused, match=r"must have agreed on 3\.6"):
        take(formed, order_for(formed, "3.7.3", action="start"))
    assert formed.calls == []


def test_nobody_is_asked_to_lead_who_is_not_healthy(formed: Host) -> None:
    formed.leader = ME
    formed.well, formed.closed = {C}, {PEERS[C]}
    take(formed, order_for(formed, settings={"ETCD_X": "1"}, handover=("infra2",), allow_downtime=True))
    assert f"move leader to {C}" in formed.calls


def test_who_is_not_healthy_itself_needs_no_turn_of_its_own(formed: Host) -> None:
    running(formed).environment["ETCD_BEHAVE"] = "sick"
    formed.well = {B}
    take_locked(formed, Locked(others=1000))
    assert formed.calls == ["restart"]


def test_a_new_release_that_lives_stays_where_the_former_may_not_come_back(formed: Host) -> None:
    order = order_for(formed, "3.7.3", settings={"ETCD_BEHAVE": "sick"})
    formed.on_sleep = lambda: setattr(formed, "cluster_version", "3.7.0")
    with pytest.raises(ServerFailed, match=r"cannot be put back: .* The new one stays, left running"):
        take(formed, order)
    assert running(formed).version == "3.7.3"

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real clusters on loopback, runs of the collection's own code on them, and whatever befalls both.

A run is what the role and the action plugin do, in this process: observe each host, plan for the cluster, take turns.
It can be killed before any of its effects, on each host before another one. Processes are killed, disks go and come
back, and a writer of its own notes what was acknowledged. After each run ``Site`` verifies what must always hold.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ansible_collections.quorum.etcd.plugins.action.plan import Cluster, peers
from ansible_collections.quorum.etcd.plugins.module_utils import _datadir, _process
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, connect, survey
from ansible_collections.quorum.etcd.plugins.module_utils._containers import Programs
from ansible_collections.quorum.etcd.plugins.module_utils._errors import QuorumError, Refused
from ansible_collections.quorum.etcd.plugins.module_utils._instance import BOOTSTRAP, ENVIRONMENT, FORMER, Files, Owner
from ansible_collections.quorum.etcd.plugins.module_utils._lock import Lock
from ansible_collections.quorum.etcd.plugins.module_utils._membership import quorum
from ansible_collections.quorum.etcd.plugins.module_utils._model import Desired, EndpointSeen, HostSeen
from ansible_collections.quorum.etcd.plugins.module_utils._observe import Instance, connector, observe
from ansible_collections.quorum.etcd.plugins.module_utils._plan import Absent, Options, Plan, Step, plan
from ansible_collections.quorum.etcd.plugins.module_utils._reach import reached
from ansible_collections.quorum.etcd.plugins.module_utils._service import ProcfileService
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection
from ansible_collections.quorum.etcd.plugins.module_utils._turn import Turn
from ansible_collections.quorum.etcd.plugins.module_utils._turn_world import Order, World
from ansible_collections.quorum.etcd.plugins.module_utils._wish import Wish, desire
from ansible_collections.quorum.etcd.plugins.module_utils._wish_check import check
from ansible_collections.quorum.etcd.plugins.module_utils._wish_read import read
from ansible_collections.quorum.etcd.tests.integration.support import eventually, free_port, release, write_runner

WRITER = Path(__file__).resolve().parents[1] / "lab" / "writer.py"
QUICK = {"heartbeat-interval": 50, "election-timeout": 250, "unsafe-no-fsync": True}
RUNS = 6  # a run mends one kind of trouble at a time at worst


class Broken(AssertionError):
    """What may never happen."""


# --- runs that are killed -----------------------------------------------------------------------------------------


class Killed(BaseException):
    """The run was killed on this host. What it had done stays done, and nobody tidies up."""


class Life:
    """What may still be done on a host (or several) before ``fate`` strikes, just before the next effect."""

    def __init__(self, effects: int, fate: t.Callable[[], None]) -> None:
        self._left = effects
        self._fate = fate
        self._lock = threading.Lock()

    def spend(self) -> None:
        with self._lock:
            self._left -= 1
        if self.over:
            self._fate()

    @property
    def over(self) -> bool:
        return self._left < 0


def die() -> None:
    raise Killed


def once(act: t.Callable[[], None]) -> t.Callable[[], None]:
    """The act, the first time it is called."""
    acts = [act]
    return lambda: acts.pop()() if acts else None


class MortalService(ProcfileService):
    """A service whose effects cost life. A restart is two of them."""

    life: t.Optional[Life] = None

    def _spend(self) -> None:
        if self.life is not None:
            self.life.spend()

    def define(self, definition: t.Optional[str]) -> bool:
        self._spend()
        return super().define(definition)

    def start(self) -> None:
        self._spend()
        super().start()

    def stop(self) -> None:
        self._spend()
        super().stop()


_WRITES = {
    "write_environment", "write_bootstrap", "write_etcdctl", "link_release", "drop_bootstrap", "keep_former",
    "put_back", "drop_former",
}  # fmt: skip


class MortalFiles(Files):
    """Files whose writing costs life."""

    life: t.Optional[Life] = None

    def __getattribute__(self, name: str) -> t.Any:
        if name in _WRITES and self.life is not None:
            self.life.spend()
        return super().__getattribute__(name)


class MortalLock(Lock):
    """Who was killed gives nothing back."""

    life: t.Optional[Life] = None

    def release(self) -> None:
        if self.life is None or not self.life.over:
            super().release()


class Doom(t.NamedTuple):
    """When a run is killed: in which turn, and after how many effects there on each host."""

    turn: int
    effects: t.Tuple[int, ...]


class Result(t.NamedTuple):
    """What a run came to. ``kind`` is the plan's, ``refused``, or ``killed``."""

    kind: str
    plan: t.Optional[Plan] = None
    refusal: str = ""
    failures: t.Mapping[str, QuorumError] = {}


class Task(t.NamedTuple):
    """What one host does in a turn."""

    step: Step
    desired: Desired
    peers: t.Sequence[str]
    life: t.Optional[Life]
    gate_timeout: float
    together: bool


# --- the writer ---------------------------------------------------------------------------------------------------


class Writer:
    """``tests/lab/writer.py`` in a process of its own: shares no code with what it judges."""

    def __init__(self, file: Path, urls: t.Sequence[str]) -> None:
        self.file = file
        self.urls = list(urls)
        with file.with_suffix(".out").open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(WRITER), "run", str(file), *self.urls, "--life=300"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def acknowledged(self) -> int:
        return self.file.read_text().count("\nack ") if self.file.exists() else 0

    def wait_for(self, more: int) -> None:
        """:raises TimeoutError: so many more were not acknowledged in time."""
        goal = self.acknowledged + more
        eventually(lambda: self.acknowledged >= goal, why=f"{more} writes were not acknowledged")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def verify(self) -> int:
        """Read back all that was acknowledged until now, however many those are.

        :raises Broken: one is missing.
        """
        until = self.file.with_name(f"{self.file.name}.until")
        shutil.copyfile(self.file, until)
        done = subprocess.run(
            [sys.executable, str(WRITER), "verify", str(until), *self.urls, "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout:
            raise Broken(f"nothing could be read back: {done.stderr}")
        verdict = json.loads(done.stdout.splitlines()[0])
        if verdict["lost"]:
            raise Broken(f"{verdict['lost']} of {verdict['acknowledged']} acknowledged writes lost: {verdict}")
        return int(verdict["acknowledged"])


# --- hosts and their cluster --------------------------------------------------------------------------------------


class Site:
    """Hosts n1, n2, … of one cluster in one directory: their wish, runs on them, and what is done to them.

    ``away`` are disks that were taken from their hosts, and are as they were then. ``reborn`` are hosts that began
    with a new one under the identity they had, since the cluster was last seen whole: what they knew is lost.
    """

    def __init__(self, directory: Path, version: str, size: int = 3) -> None:
        self.directory = directory
        self.version = version
        self.names = [f"n{number}" for number in range(1, size + 1)]
        self.settings: t.Dict[str, t.Any] = dict(QUICK)
        self.away: t.Dict[str, Path] = {}
        self.reborn: t.Set[str] = set()
        self.told: t.List[str] = []
        self._ports = {name: (free_port(), free_port()) for name in self.names}
        self._made = 0
        directory.mkdir(parents=True, exist_ok=True)
        self._runner = write_runner(directory)
        self.writer = Writer(directory / "writer.log", self.urls())

    def urls(self) -> t.List[str]:
        return [f"http://127.0.0.1:{client}" for client, _peer in self._ports.values()]

    def file(self, host: str, name: str) -> Path:
        return self.directory / host / name

    def data(self, host: str) -> Path:
        return self.directory / host / "data"

    def service(self, host: str, life: t.Optional[Life] = None) -> MortalService:
        service = MortalService(str(self.directory), host, run_command, str(self._runner))
        service.life = life
        return service

    # --- what a run does ---

    def wishes(self) -> t.Dict[str, Wish]:
        found = {}
        for host, (client, peer) in self._ports.items():
            config = self.directory / host
            variables = {
                "cluster": "etcd",
                "name": host,
                "address": "127.0.0.1",
                "client_port": client,
                "peer_port": peer,
                "version": self.version,
                "settings": self.settings,
                "deployment": "procfile",
                "install": "existing",
                "release": str(release(self.version)),
                "service": host,
                "config_dir": str(config),
                "data_dir": str(self.data(host)),
                "definition": f"{host}: set -a; . {config}/etcd.env; if [ -f {config}/bootstrap.env ]; then "
                f". {config}/bootstrap.env; fi; exec {config}/release/etcd",
            }
            wish, faults = read(host, "here", variables)
            if wish is None:
                raise ValueError(faults)
            found[host] = wish
        faults = check(tuple(found.values()))
        if faults:
            raise ValueError(faults)
        return found

    def instance(self, host: str) -> Instance:
        return Instance(
            service=host,
            deployment="procfile",
            config_dir=str(self.directory / host),
            data_dir=str(self.data(host)),
            release_dir=str(release(self.version).parent),
            procfile_dir=str(self.directory),
            runner=str(self._runner),
        )

    def observe(self, hosts: t.Iterable[str]) -> t.Dict[str, HostSeen]:
        def look(host: str) -> HostSeen:
            instance = self.instance(host)
            return observe(instance, run=run_command, connect=connector(instance, Connection(), run_command))

        hosts = list(hosts)
        with ThreadPoolExecutor() as pool:
            return dict(zip(hosts, pool.map(look, hosts)))

    def plan(self, absent: t.Sequence[str] = ()) -> t.Tuple[Plan, Cluster]:
        """:raises Refused: as the planner does."""
        wishes = {host: wish for host, wish in self.wishes().items() if host not in absent}
        cluster = Cluster(
            name="etcd",
            wishes=tuple(wishes.values()),
            seen=self.observe(wishes),
            absent=tuple(Absent(host, host, "is unreachable") for host in absent),
            others=(),
        )
        made = plan(tuple(map(desire, cluster.wishes)), cluster.seen, cluster.absent, Options("etcd"))
        return made, cluster

    def run(
        self,
        *,
        absent: t.Sequence[str] = (),
        doom: t.Optional[Doom] = None,
        stumble: t.Optional[Life] = None,
        gate_timeout: float = 20.0,
    ) -> Result:
        """Run once, without judging. ``stumble`` is spent by all hosts together."""
        try:
            made, cluster = self.plan(absent)
        except Refused as refusal:
            if not refusal.remedy:
                raise Broken(f"a refusal without a remedy: {refusal}") from None
            return Result("refused", refusal=str(refusal))
        self._verify_plan(made, cluster)
        desired = {wish.host: desire(wish) for wish in cluster.wishes}
        failures: t.Dict[str, QuorumError] = {}
        for number, turn in enumerate(made.turns):
            lives: t.Dict[str, Life] = {}
            if stumble is not None:
                lives = dict.fromkeys(desired, stumble)
            if doom is not None and doom.turn == number:
                lives = {host: Life(effects, die) for host, effects in zip(self.names, doom.effects)}
            tasks = [
                Task(
                    step,
                    desired[step.host],
                    peers(desired[step.host], made, cluster),
                    lives.get(step.host),
                    gate_timeout,
                    turn.is_together(step),
                )
                for step in turn.steps
            ]
            if failures:
                failures.update({task.step.host: Refused("was left as it was") for task in tasks})
            elif self._take(tasks, failures):
                return Result("killed", made)
        return Result(made.kind, made, failures=failures)

    def _take(self, tasks: t.Sequence[Task], failures: t.Dict[str, QuorumError]) -> bool:
        """One turn: everywhere at once, or start everywhere and then wait everywhere; whether the run was killed."""

        def call(task: Task, phase: str) -> bool:
            with contextlib.ExitStack() as connections:
                try:
                    self._turn(task, phase, connections).take()
                except QuorumError as error:
                    failures[task.step.host] = error
                except Killed:
                    return True
            return False

        def everywhere(phase: str) -> bool:
            left = [task for task in tasks if task.step.host not in failures]
            with ThreadPoolExecutor(max_workers=5) as forks:
                return any(list(forks.map(lambda task: call(task, phase), left)))

        # A run has forks for all hosts, or it has not.
        if len(tasks) == 1 or len(self.told) % 2:
            return everywhere("turn")
        return everywhere("start") or everywhere("wait")

    def _turn(self, task: Task, phase: str, connections: contextlib.ExitStack) -> Turn:
        def connecting(url: str) -> Client:
            client = connect(url, Connection())
            connections.callback(client.close)
            return client

        step, desired = task.step, task.desired
        files = MortalFiles(desired.config_dir)
        files.life = task.life
        lock = MortalLock(f"{step.host} in run {len(self.told)}", time.monotonic)
        lock.life = task.life
        world = World(
            service=self.service(step.host, task.life),
            files=files,
            owner=Owner.myself(),
            run=run_command,
            connect=connecting,
            survey=lambda clients, timeout: survey(clients, timeout=timeout),
            look=_process.look,
            data=lambda path, wal_path: _datadir.look(path, wal_path=wal_path),
            move_aside=lambda path: _datadir.move_aside(path, now=time.time()),
            clock=time,
            reached=reached,
            programs=Programs(None, run_command),
            lock=lock,
        )
        order = Order(
            action=step.action,
            release=desired.release,
            version=desired.version,
            environment=desired.environment,
            definition=desired.definition,
            data_dir=desired.data_dir,
            bootstrap=step.bootstrap,
            etcdctl={"ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": ",".join(desired.client_urls)},
            member_id=step.member_id,
            gated=step.gated,
            together=task.together,
            handover=step.handover,
            peers=tuple(task.peers),
            gate_timeout=task.gate_timeout,
            start_timeout=30.0,
        )
        return Turn(world, order, phase=phase)

    # --- what must hold ---

    def formed(self) -> t.List[str]:
        """Hosts whose member has been seen to join."""
        return [
            host
            for host in self.names
            if self.file(host, ENVIRONMENT).exists() and not self.file(host, BOOTSTRAP).exists()
        ]

    def with_data(self) -> t.List[str]:
        """Hosts with a log, from wherever it came. Keeps ``away`` and ``reborn`` true."""
        found = [host for host in self.names if any(self.data(host).glob("member/wal/*.wal"))]
        for host in set(found) & set(self.away):
            del self.away[host]
            self.reborn.add(host)
        return found

    def last_index(self, host: str) -> int:
        """Of its log; 0 where there is none."""
        return _datadir.look(str(self.data(host)), last_index=True).last_index or 0

    @property
    def minority(self) -> int:
        """How many disks a cluster of this size survives the loss of."""
        return (len(self.names) - 1) // 2

    def damaged(self) -> t.Set[str]:
        self.with_data()
        return self.away.keys() | self.reborn

    def _verify_plan(self, made: Plan, cluster: Cluster) -> None:
        hosts = [step.host for turn in made.turns for step in turn.steps]
        if len(hosts) != len(set(hosts)):
            raise Broken(f"a host acts twice: {made}")
        if (made.kind == "nothing") != (not made.turns):
            raise Broken(f"nothing, with turns: {made}")
        if made.kind in ("bootstrap", "resume") and self.formed():
            raise Broken(f"{made.kind} over formed members {self.formed()}")
        if made.kind == "bootstrap" and (cluster.absent or any(one.data.initialised for one in cluster.seen.values())):
            raise Broken("bootstrapped over data, or without having looked everywhere")

    def verified_run(self, **how: t.Any) -> Result:
        """Run, and verify whatever must hold after a run of this kind."""
        whole = not how
        lost = len(self.with_data()) < quorum(len(self.names)) and bool(self.formed())
        before = self._fingerprint()
        result = self.run(**how)
        told = result.refusal or (
            "; ".join(f"{step.action} {step.host} ({step.reason})" for turn in result.plan.turns for step in turn.steps)
            if result.plan
            else ""
        )
        kind = result.plan.kind if result.plan else ""
        shown = how.get("doom") or how.get("absent") or ""
        failures = {host: str(error) for host, error in result.failures.items()} or ""
        self.tell(f"run {shown} → {kind} {result.kind} {failures}\n    {told}")
        if lost and result.kind != "refused":
            raise Broken(f"less data than a quorum, and {result.kind}")
        if result.kind == "refused":
            if self._fingerprint() != before:
                raise Broken("a refusal changed something")
            if whole and not self.damaged():
                raise Broken(f"refused, and nothing was lost: {result.refusal}")
        elif whole:
            if not result.failures:
                self.verify_serves(result)
            elif not self._found_recovered(result):
                raise Broken(f"failed with nothing in its way: {failures}")
        return result

    def _found_recovered(self, result: Result) -> bool:
        """The one failure that is right: others that came up in the same turn made a quorum with it meanwhile."""
        return all(
            isinstance(error, Refused) and error.remedy.startswith("Run again: the members are then")
            for error in result.failures.values()
        )

    def _fingerprint(self) -> t.Dict[str, t.Any]:
        """All that runs write."""
        found: t.Dict[str, t.Any] = {}
        for host in self.names:
            config = self.directory / host
            for path in sorted(config.iterdir()) if config.is_dir() else ():
                found[str(path)] = path.read_text() if path.is_file() else os.path.islink(path) and os.readlink(path)
        return found

    def survey(self) -> t.Dict[str, EndpointSeen]:
        clients = [connect(url, Connection()) for url in self.urls()]
        try:
            return dict(zip(self.names, survey(clients, timeout=1.0)))
        finally:
            for client in clients:
                client.close()

    def verify_serves(self, result: Result) -> None:
        """Every member with its data is healthy, all in one cluster, writes go on, and none was lost."""
        expected = set(self.with_data())

        def unhealthy() -> t.Set[str]:
            return expected - {host for host, seen in self.survey().items() if seen.healthy}

        eventually(lambda: not unhealthy(), why=f"unhealthy after {result}")
        clusters = {seen.status.cluster_id for seen in self.survey().values() if seen.status is not None}
        if len(clusters) != 1:
            raise Broken(f"not one cluster: {clusters}")
        self.writer.wait_for(3)
        self.writer.verify()
        if result.kind == "nothing":
            self.reborn.clear()
            if expected != set(self.names):
                raise Broken(f"nothing to do, and only {expected} have data")
            left = [
                str(self.file(host, name))
                for host in self.names
                for name in (BOOTSTRAP, FORMER)
                if self.file(host, name).exists()
            ]
            if left:
                raise Broken(f"nothing to do, and there is {left}")

    def settle(self) -> None:
        """All disks are back, and nothing happens any more: runs until nothing is left to do."""
        for host in list(self.away):
            self.bring_back(host)
        for _number in range(RUNS):
            if self.verified_run().kind == "nothing":
                return
        raise Broken(f"not settled after {RUNS} runs")

    # --- what befalls hosts ---

    def tell(self, what: str) -> None:
        self.told.append(what)

    def kill(self, host: str) -> None:
        """End its etcd at once, and wait until its runner is gone, too."""
        service = self.service(host)

        def gone() -> bool:
            seen = service.seen()
            if seen.main_pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(seen.main_pid, signal.SIGKILL)
            return seen.state == "inactive"

        # A runner that has just been started has yet to start etcd.
        eventually(gone, why=f"{host} still runs")

    def outage(self) -> None:
        for host in self.names:
            self.kill(host)

    def wipe(self, host: str, *, mounted: bool = True) -> None:
        """Take the disk away, under the running server. ``mounted``: an empty one is there instead."""
        self.kill(host)
        if host in self.with_data():
            self._made += 1
            self.away[host] = self.directory / f"disk{self._made}"
            self.data(host).rename(self.away[host])
        elif self.data(host).exists():
            shutil.rmtree(self.data(host))
        if mounted:
            self.data(host).mkdir(mode=0o700, parents=True, exist_ok=True)

    def bring_back(self, host: str) -> None:
        """Put the disk that was taken away in its place again."""
        self.kill(host)
        if host in self.with_data():
            return  # it has begun with another one meanwhile
        if self.data(host).exists():
            shutil.rmtree(self.data(host))
        self.away.pop(host).rename(self.data(host))

    def begin_anew(self, host: str) -> None:
        """Its unit starts with an empty disk and what is left of its first start, and is killed once it has a log."""
        self.service(host).start()
        eventually(lambda: self.last_index(host) == len(self.names), why=f"{host} did not begin anew")
        self.kill(host)

    def close(self) -> None:
        self.writer.close()
        for host in self.names:
            with contextlib.suppress(QuorumError, TimeoutError):
                self.kill(host)
                self.service(host).stop()


def run_command(args: t.List[str], **options: t.Any) -> t.Tuple[int, str, str]:
    done = subprocess.run(args, cwd=options.get("cwd"), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


# --- random histories ---------------------------------------------------------------------------------------------

TROUBLES = ("kill", "outage", "wipe", "wipe", "return", "reborn", "wish", "wish")
RUNS_OF_A_KIND = ("run", "run", "killed", "killed", "stumble", "limit")


class History:
    """What befalls a site, drawn from a seed. Only timing is left to chance."""

    def __init__(self, site: Site, seed: int) -> None:
        self.site = site
        self.chance = random.Random(seed)

    def play(self, length: int) -> None:
        """A first start, often interrupted; then troubles and runs in turn; then all is to be well again.

        :raises Broken: what may never happen has happened.
        """
        for _number in range(self.chance.randint(0, 3)):
            self._killed()
            self._befall()
        for _number in range(length):
            getattr(self, f"_{self.chance.choice(RUNS_OF_A_KIND)}")()
            for _trouble in range(self.chance.randint(1, 2)):
                self._befall()
        self.site.settle()

    def _host(self) -> str:
        return self.chance.choice(self.site.names)

    # --- runs ---

    def _run(self) -> None:
        self.site.verified_run()

    def _killed(self) -> None:
        """A first start has some ten effects on each host, a restart some five; half of the hosts come through."""
        effects = tuple(self.chance.choice((self.chance.randint(0, 10), 12)) for _host in self.site.names)
        self.site.verified_run(doom=Doom(self.chance.choice((0, 0, 0, 1, 2)), effects))

    def _stumble(self) -> None:
        """A member is killed during the run, which then may fail."""
        host, effects = self._host(), self.chance.randint(0, 12)
        self.site.tell(f"kill {host} after {effects} effects of")
        self.site.verified_run(stumble=Life(effects, once(lambda: self.site.kill(host))), gate_timeout=2.0)

    def _limit(self) -> None:
        if len(self.site.names) > 1:
            self.site.verified_run(absent=[self._host()], gate_timeout=2.0)

    # --- troubles ---

    def _befall(self) -> None:
        getattr(self, f"_{self.chance.choice(TROUBLES)}")()

    def _kill(self) -> None:
        host = self._host()
        self.site.tell(f"kill {host}")
        self.site.kill(host)

    def _outage(self) -> None:
        self.site.tell("outage")
        self.site.outage()

    def _wipe(self) -> None:
        """Not more disks than a cluster survives, unless members have formed: that is for the plan to see."""
        site, host, mounted = self.site, self._host(), bool(self.chance.randint(0, 1))
        if len(site.damaged() | {host}) > site.minority and (site.reborn or not site.formed()):
            return
        site.tell(f"wipe {host}, mounted: {mounted}")
        site.wipe(host, mounted=mounted)

    def _return(self) -> None:
        if self.site.damaged() & self.site.away.keys():
            host = self.chance.choice(sorted(self.site.away))
            self.site.tell(f"return {host}")
            self.site.bring_back(host)

    def _reborn(self) -> None:
        """A host that was not seen to form lost its disk, and began anew at boot while no other was up."""
        site, host = self.site, self._host()
        unformed = all(site.file(host, name).exists() for name in (BOOTSTRAP, ENVIRONMENT, "release"))
        if not unformed or len(site.damaged() | {host}) > site.minority:
            return
        site.tell(f"{host} is wiped in an outage and begins anew")
        site.outage()
        site.wipe(host)
        site.begin_anew(host)

    def _wish(self) -> None:
        self.site.settings = {**QUICK, "snapshot-count": self.chance.randint(10_000, 99_999)}
        self.site.tell(f"wish {self.site.settings['snapshot-count']}")

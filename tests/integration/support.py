# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real etcd on loopback: releases by version, and small clusters that a test may treat badly.

Nothing is skipped: a version that is not there is an error that says how to get it.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
import typing as t
from pathlib import Path

from ansible_collections.quorum.etcd.plugins.module_utils._client import (
    Client,
    Connection,
    connect,
    survey,
)
from ansible_collections.quorum.etcd.plugins.module_utils._model import EndpointSeen

_ROOT = Path(__file__).resolve().parents[2]
_RELEASES = _ROOT / ".cache" / "releases" / "unpacked"

T = t.TypeVar("T")

_PORTS = range(13000, 32300)  # without those of the example on one machine
_taken_ports: t.Set[int] = {22379, 22380}

_RUNNER = """#!/bin/sh
[ "$1" = start ] || exit 2
line=$(sed -n "s/^$2: *//p" Procfile)
/bin/sh -c "$line" &
wait
"""


def release(version: str) -> Path:
    """The directory with the programs of a version."""
    directory = _RELEASES / version
    if not (directory / "etcd").is_file():
        raise FileNotFoundError(f"etcd {version} is not there: run tests/lab/build-release {version}")
    return directory


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that this run has not handed out before.

    Below those that the kernel gives out to connections: a member that is down finds its own free again. Workers of a
    run in parallel do not share any.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    step = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    while True:
        port = random.randrange(_PORTS.start + worker, _PORTS.stop, step)
        if port in _taken_ports:
            continue
        _taken_ports.add(port)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def write_runner(directory: Path) -> Path:
    """A program that runs one entry of a Procfile like any runner does, in a hundredth of the time."""
    program = directory / "runner"
    program.write_text(_RUNNER)
    program.chmod(0o755)
    return program


def eventually(what: t.Callable[[], T], *, within: float = 15.0, why: str = "") -> T:
    """The first truthy answer of ``what``, asked again every 50 ms.

    :raises TimeoutError: there was none in time.
    """
    deadline = time.monotonic() + within
    while True:
        answer = what()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{why or 'not so'} within {within:g} s, last answer: {answer!r}")
        time.sleep(0.05)


class Server:
    """One etcd process with ports and directories of its own, configured by its environment alone."""

    def __init__(self, name: str, directory: Path, version: str, *, scheme: str = "http") -> None:
        self.name = name
        self.version = version
        self.directory = directory
        self.client_url = f"{scheme}://127.0.0.1:{free_port()}"
        self.peer_url = f"http://127.0.0.1:{free_port()}"
        self.data = directory / "data"
        self.log = directory / "log"
        self.environment: t.Dict[str, str] = {
            "ETCD_NAME": name,
            "ETCD_DATA_DIR": str(self.data),
            "ETCD_LISTEN_CLIENT_URLS": self.client_url,
            "ETCD_ADVERTISE_CLIENT_URLS": self.client_url,
            "ETCD_LISTEN_PEER_URLS": self.peer_url,
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": self.peer_url,
            # quick tests on a slow machine: no waiting for disks
            "ETCD_UNSAFE_NO_FSYNC": "true",
        }
        if version.startswith("3.4."):
            self.environment["ETCD_LOGGER"] = "zap"
        self.process: t.Optional[subprocess.Popen[bytes]] = None
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, **environment: str) -> None:
        """Start the process; ``environment`` is for this start only. Whoever needs health waits for it."""
        if self.running:
            raise RuntimeError(f"{self.name} is running")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(release(self.version) / "etcd")],
                env={**self.environment, **environment},
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        """Send a signal to this process and whatever it has started."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def pause(self) -> None:
        """Stop it where it is; the kernel stops its threads one after the other, so wait for the last."""
        self.signal(signal.SIGSTOP)
        eventually(lambda: set(self._states()) == {"T"}, why=f"{self.name} paused")

    def _states(self) -> t.Iterator[str]:
        pid = self.process.pid if self.process is not None else 0
        for path in Path("/proc").glob(f"{pid}/task/*/stat"):
            with contextlib.suppress(OSError):
                yield path.read_text().rpartition(")")[2].split()[0]

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """End it in good order, or by force after 15 s. A paused process is woken first."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._reap(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def wipe(self) -> None:
        """Lose the disk: the data directory is moved aside. The process must not run."""
        if self.running:
            raise RuntimeError(f"{self.name} is running")
        if self.data.exists():
            self.data.rename(self.directory / f"lost-{time.monotonic_ns()}")

    def wait_for_exit(self, within: float = 15.0) -> int:
        """The exit status of a process that ends by itself."""
        if self.process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.process.wait(within)

    def tail(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _reap(self, within: t.Optional[float] = None) -> None:
        if self.process is not None:
            self.process.wait(within)


class Cluster:
    """Servers n1, n2, … bootstrapped together. ``server`` and ``client`` take a name."""

    def __init__(self, directory: Path, version: str, *, connection: t.Optional[Connection] = None) -> None:
        self.directory = directory
        self.version = version
        self.connection = connection or Connection()
        self.servers: t.Dict[str, Server] = {}
        self._clients: t.List[Client] = []

    def add_server(self, name: str, *, scheme: str = "http") -> Server:
        """A server that is not a member yet; not started."""
        self.servers[name] = server = Server(name, self.directory / name, self.version, scheme=scheme)
        return server

    def bootstrap(self, size: int, *, scheme: str = "http", healthy: bool = True, **environment: str) -> Cluster:
        """Start ``size`` servers as a new cluster, and wait for all to be healthy (unless not wished)."""
        for number in range(1, size + 1):
            self.add_server(f"n{number}", scheme=scheme)
        initial = self.initial_cluster()
        token = f"{self.directory.name}-{time.monotonic_ns()}"
        for server in self.servers.values():
            server.environment.update(
                ETCD_INITIAL_CLUSTER=initial,
                ETCD_INITIAL_CLUSTER_STATE="new",
                ETCD_INITIAL_CLUSTER_TOKEN=token,
                **environment,
            )
            server.start()
        if healthy:
            self.wait_healthy()
        return self

    def initial_cluster(self) -> str:
        return ",".join(f"{server.name}={server.peer_url}" for server in self.servers.values())

    @property
    def endpoints(self) -> t.List[str]:
        return [server.client_url for server in self.servers.values()]

    def client(self, name: str = "n1", connection: t.Optional[Connection] = None) -> Client:
        client = connect(self.servers[name].client_url, connection or self.connection)
        self._clients.append(client)
        return client

    def survey(self) -> t.Tuple[EndpointSeen, ...]:
        """What every server shows just now."""
        clients = [connect(url, self.connection) for url in self.endpoints]
        try:
            return survey(clients, timeout=1.0)
        finally:
            for client in clients:
                client.close()

    def wait_healthy(self, *names: str, within: float = 20.0) -> None:
        """Wait until the named servers (all by default) are healthy.

        :raises TimeoutError: with the last lines of the logs.
        """
        clients = [self.client(name) for name in names or self.servers]
        try:
            eventually(lambda: all(seen.healthy for seen in survey(clients, timeout=1.0)), within=within)
        except TimeoutError as error:
            logs = "\n".join(f"--- {server.name}\n{server.tail()}" for server in self.servers.values())
            raise TimeoutError(f"not healthy within {within:g} s\n{logs}") from error

    def leader(self) -> Server:
        """The server that leads; waits for one."""

        def find() -> t.Optional[Server]:
            for server, seen in zip(self.servers.values(), self.survey()):
                if seen.status is not None and seen.status.leader_id == seen.status.member_id:
                    return server
            return None

        return t.cast("Server", eventually(find, why="no leader"))

    def close(self) -> None:
        """Kill everything, paused processes as well."""
        for client in self._clients:
            client.close()
        for server in self.servers.values():
            server.kill()

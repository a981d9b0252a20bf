# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at real members that a real Procfile runner runs, in every state a bootstrap can be left in."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _datadir, _process
from ansible_collections.quorum.etcd.plugins.module_utils._client import Connection
from ansible_collections.quorum.etcd.plugins.module_utils._errors import ServiceError
from ansible_collections.quorum.etcd.plugins.module_utils._instance import Files
from ansible_collections.quorum.etcd.plugins.module_utils._membership import cluster_id, member_id
from ansible_collections.quorum.etcd.plugins.module_utils._model import HostSeen
from ansible_collections.quorum.etcd.plugins.module_utils._observe import Instance, connector, observe
from ansible_collections.quorum.etcd.plugins.module_utils._service import ProcfileService
from ansible_collections.quorum.etcd.tests.integration.support import eventually, free_port, release

_HONCHO = str(Path(sys.executable).parent / "honcho")
_VERSIONS = ("3.4.23", "3.5.35", "3.6.16", "3.7.3")


def run(
    args: t.List[str],
    *,
    check_rc: bool = False,
    cwd: t.Optional[str] = None,
    data: t.Optional[str] = None,
    environ_update: t.Optional[t.Dict[str, str]] = None,
) -> t.Tuple[int, str, str]:
    """As ``AnsibleModule.run_command`` does it."""
    environment = {**os.environ, **(environ_update or {})}
    done = subprocess.run(args, capture_output=True, text=True, cwd=cwd, input=data, env=environment, check=check_rc)
    return done.returncode, done.stdout, done.stderr


class Home:
    """One directory with a Procfile and members m1, m2, …, written the way the role writes them."""

    def __init__(self, directory: Path, version: str, size: int) -> None:
        self.directory = directory
        self.token = "home-" + directory.name
        self.names = [f"m{number}" for number in range(1, size + 1)]
        self.peer_urls = {name: f"http://127.0.0.1:{free_port()}" for name in self.names}
        client_urls = {name: f"http://127.0.0.1:{free_port()}" for name in self.names}
        for name in self.names:
            files = Files(str(directory / name))
            steady = {
                "ETCD_NAME": name,
                "ETCD_DATA_DIR": f"./{name}/data",
                "ETCD_LISTEN_CLIENT_URLS": client_urls[name],
                "ETCD_ADVERTISE_CLIENT_URLS": client_urls[name],
                "ETCD_LISTEN_PEER_URLS": self.peer_urls[name],
                "ETCD_INITIAL_ADVERTISE_PEER_URLS": self.peer_urls[name],
                "ETCD_UNSAFE_NO_FSYNC": "true",
                "ETCD_LOGGER": "zap",
                "ETCD_INITIAL_CLUSTER": f"{name}={self.peer_urls[name]}",
                "ETCD_INITIAL_CLUSTER_STATE": "existing",
                "ETCD_DISCOVERY_FALLBACK": "exit",
            }
            files.write_environment(steady)
            files.write_bootstrap(
                {
                    "ETCD_INITIAL_CLUSTER": ",".join(f"{n}={url}" for n, url in self.peer_urls.items()),
                    "ETCD_INITIAL_CLUSTER_STATE": "new",
                    "ETCD_INITIAL_CLUSTER_TOKEN": self.token,
                }
            )
            files.link_release(str(release(version)))
            self.service(name).define(
                f"{name}: set -a; . ./{name}/etcd.env; "
                f"if [ -f ./{name}/bootstrap.env ]; then . ./{name}/bootstrap.env; fi; exec ./{name}/release/etcd"
            )

    def instance(self, name: str) -> Instance:
        return Instance(
            service=name,
            deployment="procfile",
            config_dir=str(self.directory / name),
            data_dir=str(self.directory / name / "data"),
            release_dir=str(self.directory / "releases"),
            procfile_dir=str(self.directory),
            runner=_HONCHO,
        )

    def service(self, name: str) -> ProcfileService:
        return ProcfileService(str(self.directory), name, run, _HONCHO)

    def look(self, name: str) -> HostSeen:
        instance = self.instance(name)
        return observe(instance, run=run, connect=connector(instance, Connection(), run))

    def start(self, *names: str) -> None:
        for name in names or self.names:
            self.service(name).start()

    def server(self, name: str) -> int:
        """The PID of etcd, once the runner has started it."""
        return eventually(lambda: self.service(name).seen().main_pid, why=f"no etcd for {name}")

    def wait_healthy(self, *names: str) -> None:
        for name in names or self.names:
            eventually(lambda name=name: (self.look(name).local or _NOBODY).healthy, why=f"{name} not healthy")  # type: ignore[misc]

    def close(self) -> None:
        for name in self.names:
            with contextlib.suppress(ServiceError):
                self.service(name).stop()


@dataclasses.dataclass
class _Nobody:
    healthy: bool = False


_NOBODY = _Nobody()


@pytest.fixture
def home(tmp_path: Path) -> t.Iterator[t.Callable[..., Home]]:
    with contextlib.ExitStack() as stack:

        def make(version: str = "3.6.16", size: int = 1) -> Home:
            made = Home(tmp_path / "home", version, size)
            stack.callback(made.close)
            return made

        yield make


@pytest.mark.parametrize("version", _VERSIONS)
def test_a_bootstrap_from_waiting_to_formed(home: t.Callable[..., Home], version: str) -> None:
    cluster = home(version, 3)
    assert cluster.look("m1").data.state == "absent"
    member_ids = {name: member_id([url], cluster.token) for name, url in cluster.peer_urls.items()}
    whole = cluster_id(member_ids.values())

    cluster.start("m1")
    eventually(lambda: cluster.look("m1").data.last_index)
    waiting = cluster.look("m1")
    assert (waiting.data.member_id, waiting.data.cluster_id) == (member_ids["m1"], whole)
    assert waiting.data.last_index == 3
    assert waiting.service.state == "active"
    assert waiting.local is not None
    assert not waiting.local.healthy

    cluster.start()
    cluster.wait_healthy()
    formed = cluster.look("m2")
    assert formed.local is not None
    assert formed.local.status is not None
    assert formed.local.members is not None
    assert formed.process is not None
    assert (formed.data.member_id, formed.data.cluster_id) == (member_ids["m2"], whole)
    assert (formed.local.status.member_id, formed.local.status.cluster_id) == (member_ids["m2"], whole)
    assert {member.id for member in formed.local.members} == set(member_ids.values())
    assert formed.process.executable == str(release(version) / "etcd")
    assert formed.process.environment["ETCD_INITIAL_CLUSTER_TOKEN"] == cluster.token
    assert abs(formed.process.started - time.time()) < 60
    assert [release_seen.version for release_seen in formed.releases] == [version]
    assert formed.data.path == str(cluster.directory / "m2" / "data")
    assert formed.files.definition == cluster.service("m2").definition()
    assert (formed.data.last_index or 0) > 3

    Files(str(cluster.directory / "m2")).drop_bootstrap()
    assert cluster.look("m2").data.last_index is None

    os.kill(cluster.server("m2"), signal.SIGKILL)
    eventually(lambda: cluster.service("m2").seen().state == "inactive")
    killed = cluster.look("m2")
    assert (killed.process, killed.local) == (None, None)
    assert (killed.data.state, killed.data.member_id) == ("initialised", member_ids["m2"])

    shutil.move(str(cluster.directory / "m2" / "data"), str(cluster.directory / "lost"))
    since = time.time()
    cluster.start("m2")  # fenced: it exits, and leaves a directory without a log
    eventually(lambda: cluster.service("m2").seen().state == "inactive")
    wiped = cluster.look("m2")
    assert wiped.data.state == "incomplete"
    assert wiped.files.bootstrap is None
    assert wiped.files.environment is not None
    told = "\n".join(cluster.service("m2").log(since=since))
    assert "cannot fetch cluster info from peer urls" in told
    assert cluster.service("m2").log(since=time.time() + 1) == ()


def test_what_the_caller_has_set_does_not_reach_the_server(
    home: t.Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETCD_INITIAL_CLUSTER_TOKEN", "foreign")
    monkeypatch.setenv("ETCD_MAX_SNAPSHOTS", "1")
    cluster = home()
    cluster.start()
    cluster.wait_healthy()
    process = cluster.look("m1").process
    assert process is not None
    assert process.environment["ETCD_INITIAL_CLUSTER_TOKEN"] == cluster.token
    assert "ETCD_MAX_SNAPSHOTS" not in process.environment


def test_start_and_stop_are_idempotent_and_leave_nothing(home: t.Callable[..., Home]) -> None:
    cluster = home()
    service = cluster.service("m1")
    service.stop()
    service.start()
    first = cluster.server("m1")
    service.start()
    assert cluster.server("m1") == first
    service.restart()
    second = cluster.server("m1")
    assert second != first
    runner = int((cluster.directory / "run" / "m1.pid").read_text())
    left = [runner, *_process.below(runner)]
    assert second in left
    service.stop()
    assert service.seen().state == "inactive"
    assert [pid for pid in left if (found := _process.stat(pid)) is not None and found.alive] == []


def test_a_server_whose_runner_was_killed_is_found_and_stopped(home: t.Callable[..., Home]) -> None:
    cluster = home(size=2)
    cluster.start()
    server = cluster.server("m1")
    other = cluster.server("m2")
    os.kill(int((cluster.directory / "run" / "m1.pid").read_text()), signal.SIGKILL)
    service = cluster.service("m1")
    eventually(lambda: service._find() == (0, server))
    assert service.seen().main_pid == server
    service.define(None)  # then only the mark in its environment tells whose it is
    assert service.seen().main_pid == server
    service.stop()
    assert service.seen().main_pid == 0
    assert cluster.service("m2").seen().main_pid == other


@pytest.mark.parametrize("pid", ["", "garbage", "4194399", "the test's own", "1"])
def test_a_stale_pid_file_is_not_believed(home: t.Callable[..., Home], pid: str) -> None:
    cluster = home()
    path = cluster.directory / "run" / "m1.pid"
    pid = str(os.getpid()) if pid == "the test's own" else pid
    path.write_text(pid)
    service = cluster.service("m1")
    assert service.seen().state == "inactive"
    service.stop()
    path.write_text(pid)
    service.start()
    assert cluster.server("m1")


def test_one_of_a_procfile_that_is_run_whole_is_seen_but_not_stopped(home: t.Callable[..., Home]) -> None:
    cluster = home()
    with subprocess.Popen(
        [_HONCHO, "start"], cwd=cluster.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as whole:
        try:
            cluster.wait_healthy()
            server = cluster.server("m1")
            with pytest.raises(ServiceError, match=f"process {whole.pid}, which runs all of"):
                cluster.service("m1").stop()
            assert cluster.service("m1").seen().main_pid == server
        finally:
            whole.terminate()


def test_many_define_their_lines_at_once(tmp_path: Path) -> None:
    services = [ProcfileService(str(tmp_path), f"m{number}", run, _HONCHO) for number in range(12)]
    threads = [threading.Thread(target=service.define, args=(f"{service.name}: exec ./x",)) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = (tmp_path / "Procfile").read_text().splitlines()
    assert sorted(lines) == sorted(f"m{number}: exec ./x" for number in range(12))


def test_data_moved_aside_is_all_there(home: t.Callable[..., Home]) -> None:
    cluster = home()
    cluster.start()
    cluster.wait_healthy()
    cluster.service("m1").stop()
    data = cluster.look("m1").data
    moved = _datadir.move_aside(data.path, now=time.time())
    assert moved is not None
    assert _datadir.look(data.path).state == "absent"
    assert _datadir.look(moved).member_id == data.member_id

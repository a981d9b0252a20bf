# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ``server`` with real etcd on loopback, each member an entry of a Procfile."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _process, _service
from ansible_collections.quorum.etcd.plugins.module_utils._client import Connection, connect, survey
from ansible_collections.quorum.etcd.plugins.module_utils._errors import QuorumError
from ansible_collections.quorum.etcd.plugins.module_utils._membership import member_id
from ansible_collections.quorum.etcd.plugins.module_utils._model import EndpointSeen
from ansible_collections.quorum.etcd.tests.integration.support import eventually, free_port, release, write_runner

HONCHO = Path(sys.executable).with_name("honcho")
MODULE = Path(__file__).with_name("run_server.py")
OLD, NEW = "3.6.14", "3.6.16"
KILLED = -signal.SIGKILL

Result = t.Dict[str, t.Any]


class Run:
    """A module call that has ended."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.result: Result = {}
        self.steps = 0
        if self.code == KILLED:
            return
        try:
            self.result = json.loads(done.stdout.splitlines()[-1])
            self.steps = int(done.stderr.splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise AssertionError(f"no result:\n{done.stdout}\n{done.stderr}") from error

    @property
    def ok(self) -> Result:
        assert not self.result.get("failed"), self.result.get("msg")
        return self.result

    @property
    def failure(self) -> Result:
        assert self.result.get("failed"), self.result
        return self.result


class Site:
    """Three members in one directory with one Procfile, wished as ``settings`` and ``version`` say."""

    def __init__(self, directory: Path, size: int = 3) -> None:
        self.directory = directory
        self.runner = write_runner(directory)
        self.names = [f"n{number}" for number in range(1, size + 1)]
        self.version = OLD
        self.settings: t.Dict[str, str] = {}
        self.client_urls = {name: f"http://127.0.0.1:{free_port()}" for name in self.names}
        self.peer_urls = {name: f"http://127.0.0.1:{free_port()}" for name in self.names}

    def options(self, name: str, **more: t.Any) -> t.Dict[str, t.Any]:
        config = self.directory / name
        return {
            "deployment": "procfile",
            "procfile_dir": str(self.directory),
            "procfile_runner": str(self.runner),
            "service": name,
            "config_dir": str(config),
            "data_dir": str(config / "data"),
            "release_dir": str(release(self.version).parent),
            "release": str(release(self.version)),
            "version": self.version,
            "environment": {
                "ETCD_NAME": name,
                "ETCD_DATA_DIR": str(config / "data"),
                "ETCD_LISTEN_CLIENT_URLS": self.client_urls[name],
                "ETCD_ADVERTISE_CLIENT_URLS": self.client_urls[name],
                "ETCD_LISTEN_PEER_URLS": self.peer_urls[name],
                "ETCD_INITIAL_ADVERTISE_PEER_URLS": self.peer_urls[name],
                "ETCD_INITIAL_CLUSTER": f"{name}={self.peer_urls[name]}",
                "ETCD_INITIAL_CLUSTER_STATE": "existing",
                "ETCD_UNSAFE_NO_FSYNC": "true",
                "ETCD_HEARTBEAT_INTERVAL": "50",
                "ETCD_ELECTION_TIMEOUT": "250",
                **self.settings,
            },
            "definition": f"{name}: set -a; . ./{name}/etcd.env; "
            f"if [ -f ./{name}/bootstrap.env ]; then . ./{name}/bootstrap.env; fi; exec ./{name}/release/etcd",
            "etcdctl_environment": {"ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": self.client_urls[name]},
            "peers": [url for other, url in self.client_urls.items() if other != name],
            "start_timeout": 30,
            "gate_timeout": 20,
            **more,
        }

    def bootstrap_options(self, name: str, **more: t.Any) -> t.Dict[str, t.Any]:
        return self.options(
            name,
            action="bootstrap",
            member_id=member_id([self.peer_urls[name]], "token"),
            bootstrap_environment={
                "ETCD_INITIAL_CLUSTER": ",".join(f"{one}={url}" for one, url in self.peer_urls.items()),
                "ETCD_INITIAL_CLUSTER_STATE": "new",
                "ETCD_INITIAL_CLUSTER_TOKEN": "token",
            },
            **more,
        )

    def call(self, options: t.Dict[str, t.Any], *, kill_at: int = 0, check: bool = False) -> Run:
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": check}
        command = [sys.executable, str(MODULE)] + ([str(kill_at)] if kill_at else [])
        return Run(
            subprocess.run(
                command,
                input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        )

    def server(self, name: str, *, kill_at: int = 0, check: bool = False, **more: t.Any) -> Run:
        return self.call(self.options(name, **more), kill_at=kill_at, check=check)

    def bootstrap(self) -> None:
        for phase in ("start", "wait"):
            for name in self.names:
                assert self.call(self.bootstrap_options(name, phase=phase)).ok["changed"] is True

    def bootstrap_at_once(self) -> None:
        orders = [self.bootstrap_options(name, together=True) for name in self.names]
        with ThreadPoolExecutor(len(orders)) as forks:
            assert [run.ok["changed"] for run in forks.map(self.call, orders)] == [True for _order in orders]

    def service(self, name: str) -> _service.ProcfileService:
        return _service.ProcfileService(str(self.directory), name, run_command, str(self.runner))

    def pid(self, name: str) -> int:
        return self.service(name).seen().main_pid

    def survey(self) -> t.Dict[str, EndpointSeen]:
        clients = [connect(url, Connection()) for url in self.client_urls.values()]
        try:
            return dict(zip(self.client_urls, survey(clients, timeout=1.0)))
        finally:
            for client in clients:
                client.close()

    def leader(self) -> str:
        def find() -> str:
            for name, seen in self.survey().items():
                if seen.status is not None and seen.status.leader_id == seen.status.member_id:
                    return name
            return ""

        return eventually(find, why="no leader")

    def followers(self) -> t.List[str]:
        leader = self.leader()
        return [name for name in self.names if name != leader]

    def file(self, name: str, file: str) -> Path:
        return self.directory / name / file

    def close(self) -> None:
        """Stop all members at once: each takes a second."""

        def stop(name: str) -> None:
            with contextlib.suppress(QuorumError):
                self.service(name).stop()

        with ThreadPoolExecutor() as pool:
            list(pool.map(stop, self.names))


def run_command(args: t.List[str], **options: t.Any) -> t.Tuple[int, str, str]:
    done = subprocess.run(args, cwd=options.get("cwd"), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def site(tmp_path: Path) -> t.Iterator[Site]:
    made = Site(tmp_path)
    try:
        yield made
    finally:
        made.close()


def assert_settled(site: Site, name: str) -> None:
    """Nothing is left of a turn, and running it again changes nothing."""
    assert not site.file(name, "former").exists()
    assert not site.file(name, "bootstrap.env").exists()
    again = site.server(name).ok
    assert (again["changed"], again["actions"], again["changes"]) == (False, [], [])


@pytest.mark.parametrize("bootstrap", [Site.bootstrap, Site.bootstrap_at_once])
def test_first_start_then_nothing(site: Site, bootstrap: t.Callable[[Site], None]) -> None:
    site.runner = HONCHO
    before = list(site.directory.iterdir())
    checked = site.call(site.bootstrap_options("n1"), check=True).ok
    assert checked["changed"] is True
    assert checked["actions"][-1] == "start n1"
    assert list(site.directory.iterdir()) == before

    bootstrap(site)

    seen = site.survey()
    assert all(one.healthy for one in seen.values())
    assert len({one.status.cluster_id for one in seen.values() if one.status}) == 1
    for name in site.names:
        pid = site.pid(name)
        assert_settled(site, name)
        assert site.pid(name) == pid
        assert oct(site.file(name, "data").stat().st_mode & 0o777) == "0o700"
        assert oct(site.file(name, "etcd.env").stat().st_mode & 0o777) == "0o640"
    assert f"export ETCDCTL_ENDPOINTS={site.client_urls['n1']}" in site.file("n1", "etcdctl.env").read_text()


def test_settings_then_release_roll_with_the_leader_handing_over(site: Site) -> None:
    site.bootstrap()
    site.settings = {"ETCD_SNAPSHOT_COUNT": "20000"}
    leader = site.leader()
    follower = site.followers()[0]

    checked = site.server(follower, check=True).ok
    assert checked["changes"] == [{"key": "ETCD_SNAPSHOT_COUNT", "before": None, "after": "20000"}]
    assert [one["after_header"] for one in checked["diff"]] == ["environment"]
    assert "ETCD_SNAPSHOT_COUNT=20000" in checked["diff"][0]["after"]
    assert "ETCD_SNAPSHOT_COUNT" not in site.file(follower, "etcd.env").read_text()

    done = site.server(follower).ok
    assert done["actions"] == [f"write {site.file(follower, 'etcd.env')}", f"restart {follower}"]
    assert done["member_id"] == member_id([site.peer_urls[follower]], "token")
    assert_settled(site, follower)

    last = site.server(leader, handover=[follower]).ok
    assert last["actions"][0] == f"hand leadership over to {follower}"
    assert site.leader() == follower
    assert_settled(site, leader)

    site.version = NEW
    upgraded = site.server(leader).ok
    assert [change["key"] for change in upgraded["changes"]] == ["executable"]
    versions = site.survey()[leader].versions
    assert versions is not None
    assert versions.server == NEW
    assert_settled(site, leader)


def test_a_setting_that_makes_etcd_exit_is_put_back(site: Site) -> None:
    site.bootstrap()
    name = site.followers()[0]
    before = site.file(name, "etcd.env").read_text()
    site.settings = {"ETCD_CIPHER_SUITES": "nope"}
    site.version = NEW

    failure = site.server(name).failure

    assert failure["put_back"] is True
    assert "put back and is healthy" in failure["msg"]
    assert not any("closed network connection" in line for line in failure["log"]), "what ran before is not blamed"
    assert 'etcd said: discovery failed: unexpected TLS cipher suite "nope"' in failure["msg"]
    assert failure["log"]
    assert site.file(name, "etcd.env").read_text() == before
    assert site.file(name, "release").readlink() == release(OLD)
    assert site.survey()[name].healthy
    site.settings, site.version = {}, OLD
    assert_settled(site, name)


def test_a_first_start_that_fails_is_left_stopped_and_can_be_mended(site: Site) -> None:
    site.settings = {"ETCD_CIPHER_SUITES": "nope"}
    failure = site.call(site.bootstrap_options("n1")).failure
    assert failure["put_back"] is False
    assert failure["log"]
    assert "first start" in failure["msg"]
    assert site.pid("n1") == 0

    site.settings = {}
    site.bootstrap()
    assert_settled(site, "n1")


def test_other_data_and_lost_data_are_refused(site: Site) -> None:
    site.bootstrap()
    name = site.followers()[0]
    pid = site.pid(name)
    refused = site.server(name, member_id="abc").failure
    assert "holds the data of member" in refused["msg"]
    assert "aside" in refused["remedy"]
    assert site.pid(name) == pid

    site.service(name).stop()
    site.file(name, "data").rename(site.file(name, "lost"))
    refused = site.server(name, action="start").failure
    assert "holds no data" in refused["msg"]
    assert site.pid(name) == 0


def test_the_gate_refuses_what_the_cluster_cannot_spare(site: Site) -> None:
    site.bootstrap()
    down, name = site.followers()[0], site.leader()
    pid = site.pid(name)
    site.service(down).stop()
    site.settings = {"ETCD_SNAPSHOT_COUNT": "20000"}

    refused = site.server(name, gate_timeout=1).failure
    assert down in refused["msg"]
    assert site.pid(name) == pid
    assert "20000" not in site.file(name, "etcd.env").read_text()
    assert not site.file(name, "former").exists()

    assert site.server(down, action="start", gated=False).ok["actions"][-1] == f"start {down}"
    assert site.server(name).ok["changed"] is True


def test_drift_is_settled_without_a_restart(site: Site) -> None:
    site.bootstrap()
    pid = site.pid("n1")
    site.file("n1", "etcd.env").write_text("ETCD_NAME=other\n")
    site.file("n1", "data").chmod(0o755)
    done = site.server("n1", action="settle").ok
    assert done["changed"] is True
    assert len(done["actions"]) == 2
    assert site.pid("n1") == pid
    assert_settled(site, "n1")


def spread(steps: int, points: int = 4) -> t.List[int]:
    """Kill points over a run: each step is tried in the unit tests, here some, with real etcd."""
    return sorted({1 + number * (steps - 1) // (points - 1) for number in range(points)})


def test_killed_in_a_first_start(tmp_path: Path) -> None:
    def attempt(step: int) -> int:
        directory = tmp_path / str(step)
        directory.mkdir()
        site = Site(directory, size=1)
        try:
            done = site.call(site.bootstrap_options("n1"), kill_at=step)
            assert (done.code == KILLED) is (step > 0)
            formed = site.file("n1", "data").exists() and not site.file("n1", "bootstrap.env").exists()
            again = site.server("n1") if formed and site.pid("n1") else site.call(site.bootstrap_options("n1"))
            assert again.ok["member_id"] == member_id([site.peer_urls["n1"]], "token"), step
            assert site.survey()["n1"].healthy, step
            assert_settled(site, "n1")
            return done.steps
        finally:
            site.close()

    steps = attempt(0)
    assert steps > 10
    for step in spread(steps):
        attempt(step)


def test_killed_in_a_turn_or_in_putting_back(site: Site) -> None:
    """A bad wish, killed somewhere, then a good one: the member is healthy, and what ran well was never forgotten."""
    site.bootstrap()
    name = site.followers()[0]
    number = 0

    def attempt(step: int) -> int:
        nonlocal number
        number += 1
        site.settings = {"ETCD_SNAPSHOT_COUNT": str(20000 + number), "ETCD_CIPHER_SUITES": "nope"}
        done = site.server(name, kill_at=step)
        assert (done.code == KILLED) is (step > 0)
        if step % 2:
            failure = site.server(name).failure
            assert failure.get("put_back") is True, (step, failure["msg"])
        site.settings = {"ETCD_SNAPSHOT_COUNT": str(30000 + number)}
        assert site.server(name).ok["changed"] is True, step
        assert site.survey()[name].healthy
        process = _process.look(site.pid(name))
        assert process is not None
        assert process.environment["ETCD_SNAPSHOT_COUNT"] == str(30000 + number)
        leftovers = [
            path.name for path in site.directory.joinpath(name).iterdir() if path.name.startswith((".", "former"))
        ]
        assert leftovers == [], step
        return done.steps

    steps = attempt(0)
    assert steps > 10
    for step in spread(steps):
        attempt(step)


def test_runner_and_umask_do_not_matter(site: Site) -> None:
    site.runner = HONCHO
    before = os.umask(0o077)
    try:
        site.bootstrap()
    finally:
        os.umask(before)
    assert oct(site.file("n1", "etcdctl.env").stat().st_mode & 0o777) == "0o644"

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real archives of etcd, from a real server or a directory, by the module in a process of its own, as on a host."""

from __future__ import annotations

import functools
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._release import arch_of, present, programs
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version
from ansible_collections.quorum.etcd.tests.integration.support import eventually, release

CACHE = Path(__file__).resolve().parents[2] / ".cache"
ARCH = arch_of(os.uname().machine)
VERSION = "3.6.16"


class Module:
    """One run of the module."""

    def __init__(self, **params: t.Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ansible_collections.quorum.etcd.plugins.modules.release"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(CACHE)},
        )
        stdin = t.cast("t.IO[str]", self.process.stdin)
        stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": params}))
        stdin.close()
        self.process.stdin = None

    def result(self) -> t.Dict[str, t.Any]:
        out, _err = self.process.communicate(timeout=300)
        result: t.Dict[str, t.Any] = json.loads(out)
        return result

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files and remembers which."""

    asked: t.ClassVar[t.List[str]] = []

    def log_request(self, *args: t.Any) -> None:
        self.asked.append(self.path)

    def log_message(self, *args: t.Any) -> None:
        pass


@pytest.fixture(scope="module")
def mirror() -> Path:
    for version in ("3.4.23", "3.5.35", VERSION, "3.7.3"):
        release(version)
    return CACHE / "mirror"


@pytest.fixture
def served(mirror: Path) -> t.Iterator[str]:
    Handler.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(mirror))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent() -> t.Iterator[str]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("version", ["3.4.23", "3.5.35", VERSION, "3.7.3"])
def test_from_a_server_after_one_that_is_silent(tmp_path: Path, served: str, silent: str, version: str) -> None:
    dest = tmp_path / "opt" / version
    params = {"version": version, "dest": str(dest), "sources": [silent, served], "timeout": 1}
    start = time.monotonic()
    made = Module(**params).result()
    assert time.monotonic() - start < 30
    assert made["changed"], made
    assert [(attempt["source"], attempt["ok"]) for attempt in made["attempts"]] == [(silent, False), (served, True)]
    assert made["attempts"][0]["reason"] == "SHA256SUMS gave no answer within 1 s"
    assert set(made["binaries"]) == set(programs(Version.parse(version)))
    said = subprocess.run([made["binaries"]["etcd"], "--version"], check=True, capture_output=True, text=True).stdout
    assert said.startswith(f"etcd Version: {version}\n")
    assert not Module(**params).result()["changed"]


def test_from_a_directory_by_a_checksum_that_is_given(tmp_path: Path, mirror: Path) -> None:
    name = f"etcd-v{VERSION}-linux-{ARCH}.tar.gz"
    folder = tmp_path / f"v{VERSION}"
    folder.mkdir()
    (folder / name).symlink_to(mirror / f"v{VERSION}" / name)
    checksum = (mirror / f"v{VERSION}" / "SHA256SUMS").read_text().split()[0]
    params = {"version": VERSION, "dest": str(tmp_path / "opt"), "sources": [f"file://{tmp_path}"]}
    refused = Module(**params).result()
    assert "no checksum is known" in refused["msg"]
    wrong = Module(**params, checksums={VERSION: {ARCH: checksum[::-1]}}).result()
    assert f"has the sha256 {checksum} instead of {checksum[::-1]}" in wrong["msg"]
    assert not (tmp_path / "opt").exists()
    assert Module(**params, checksums={VERSION: {ARCH: checksum}}).result()["checksum"] == checksum


def test_three_at_once(tmp_path: Path, served: str) -> None:
    runs = [Module(version=VERSION, dest=str(tmp_path / "opt"), sources=[served]) for _number in range(3)]
    results = [run.result() for run in runs]
    assert sorted(result["changed"] for result in results) == [False, False, True], results
    assert sum(path.endswith(".tar.gz") for path in Handler.asked) == 1


@pytest.mark.parametrize("seen", [".opt.lock", ".opt.*.tmp", ".opt.*.tmp/0/*.gz", ".opt.*.tmp/0/unpacked/etcdctl"])
def test_killed(tmp_path: Path, served: str, seen: str) -> None:
    params = {"version": VERSION, "dest": str(tmp_path / "opt"), "sources": [served]}
    run = Module(**params)
    try:
        eventually(lambda: list(tmp_path.glob(seen)), why=f"{seen} is not to be seen")
    finally:
        run.kill()
    assert not (tmp_path / "opt").exists() or present(str(tmp_path / "opt"))
    assert Module(**params).result()["version"] == VERSION
    assert present(str(tmp_path / "opt"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".opt.lock", "opt"]


def test_a_release_in_use_is_replaced_without_harm(tmp_path: Path, served: str) -> None:
    """Another version in the same directory: what runs keeps its own file, and the new one is not busy."""
    dest = tmp_path / "opt"
    Module(version="3.5.35", dest=str(dest), sources=[served]).result()
    command = [str(dest / "etcd"), "gateway", "start", "--endpoints=127.0.0.1:1", "--listen-addr=127.0.0.1:0"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        result = Module(version=VERSION, dest=str(dest), sources=[served]).result()
        assert result["changed"], result
        assert running.poll() is None
    finally:
        running.kill()
        running.wait()
    found = present(str(dest))
    assert found is not None
    assert found.version == VERSION


def test_built_with_go_and_kept(tmp_path: Path, silent: str) -> None:
    """Takes a minute where Go's caches are cold."""
    cache = tmp_path / "cache"
    params = {"version": VERSION, "sources": [silent, "go"], "cache": str(cache), "timeout": 2}
    built = Module(**params, dest=str(tmp_path / "one")).result()
    assert built.get("source") == "go", built
    kept = Module(**params, dest=str(tmp_path / "two")).result()
    assert (kept["source"], kept["checksum"]) == (str(cache), built["checksum"])
    assert [attempt["source"] for attempt in kept["attempts"]] == [str(cache)]
    for name, path in kept["binaries"].items():
        assert Path(path).read_bytes() == Path(built["binaries"][name]).read_bytes()

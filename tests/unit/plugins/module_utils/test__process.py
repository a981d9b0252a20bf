# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _process

# As a kernel 6.1 wrote it, but for the name, state, parent and start.
_STAT = (
    "{pid} ({name}) {state} {parent} 412 412 0 -1 4194560 5204 0 12 0 61 32 0 0 20 0 9 0 {ticks} 11829100544 7066 "
    "18446744073709551615 {start_code} 15301961 140726 0 0 0 0 0 2143420159 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)
_BOOTED = 1763960000


class Proc:
    """A ``/proc`` of a few processes."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        (root / "stat").write_text(f"cpu  1 2 3\nintr 5\nctxt 6\nbtime {_BOOTED}\nprocesses 7\n")

    def add(
        self,
        pid: int,
        *,
        parent: int = 1,
        name: str = "etcd",
        state: str = "S",
        ticks: int = 0,
        exe: t.Optional[str] = "/opt/etcd/3.6.16/etcd",
        cwd: str = "/",
        start_code: int = 4194304,
        arguments: t.Sequence[str] = ("etcd",),
        environment: t.Optional[t.Mapping[str, str]] = None,
    ) -> None:
        directory = Path(self.root, str(pid))
        directory.mkdir()
        (directory / "stat").write_text(
            _STAT.format(pid=pid, name=name, state=state, parent=parent, ticks=ticks, start_code=start_code)
        )
        (directory / "cmdline").write_text("".join(f"{word}\0" for word in arguments))
        if environment is not None:
            (directory / "environ").write_text("".join(f"{key}={value}\0" for key, value in environment.items()))
        if exe is not None:
            (directory / "exe").symlink_to(exe)
        (directory / "cwd").symlink_to(cwd)


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_a_running_etcd(proc: Proc) -> None:
    proc.add(
        7,
        ticks=250 * os.sysconf("SC_CLK_TCK"),
        arguments=["/etc/etcd/release/etcd", "--log-level", "debug"],
        environment={"PATH": "/bin", "ETCD_NAME": "a=b", "QUORUM_CONFIG_DIGEST": "x", "ETCD_UNSET": "", "HOME": "/"},
    )
    seen = _process.look(7, root=proc.root)
    assert seen is not None
    assert seen.pid == 7
    assert seen.executable == "/opt/etcd/3.6.16/etcd"
    flag = {"ETCD_LOG_LEVEL": "debug"}
    assert seen.environment == {"ETCD_NAME": "a=b", "QUORUM_CONFIG_DIGEST": "x", "ETCD_UNSET": "", **flag}
    assert seen.started == _BOOTED + 250
    assert not seen.replaced
    assert seen.arguments == ("--log-level", "debug")


def test_a_file_of_settings_takes_the_place_of_flags_and_variables(proc: Proc, tmp_path: Path) -> None:
    (tmp_path / "etcd.yml").write_text("name: n1\ndata-dir: /data\ndiscovery-password: hunter2\n")
    words = ["etcd", "--config-file=etcd.yml", "--name", "flag"]
    proc.add(7, cwd=str(tmp_path), arguments=words, environment={"ETCD_NAME": "variable", "ETCD_DEBUG": "1"})
    seen = _process.look(7, root=proc.root)
    assert seen is not None
    password = seen.environment.pop("ETCD_DISCOVERY_PASSWORD")
    assert password.startswith("sha256:")
    assert seen.environment == {"ETCD_NAME": "n1", "ETCD_DATA_DIR": "/data", "ETCD_CONFIG_FILE": "etcd.yml"}


def test_a_file_of_settings_that_cannot_be_read_says_nothing(proc: Proc, tmp_path: Path) -> None:
    proc.add(7, cwd=str(tmp_path), arguments=["etcd", "--config-file=none.yml", "--name", "flag"], environment={})
    seen = _process.look(7, root=proc.root)
    assert seen is not None
    assert seen.environment == {"ETCD_CONFIG_FILE": "none.yml"}


def test_a_program_that_was_replaced(proc: Proc) -> None:
    proc.add(7, exe="/opt/etcd/3.6.16/etcd (deleted)")
    seen = _process.look(7, root=proc.root)
    assert seen is not None
    assert (seen.executable, seen.replaced) == ("/opt/etcd/3.6.16/etcd", True)


@pytest.mark.parametrize(
    "differences",
    [
        {"exe": "/usr/bin/etcdctl"},
        {"exe": "/usr/bin/dash", "arguments": ["etcd"]},
        {"exe": None, "arguments": ["nginx: etcd"]},
        {"exe": None, "arguments": []},
        {"state": "Z", "exe": None, "arguments": []},
        {"state": "X"},
    ],
    ids=["another program", "another that calls itself so", "hidden", "kernel thread", "zombie", "dead"],
)
def test_what_is_no_running_etcd(proc: Proc, differences: t.Dict[str, t.Any]) -> None:
    proc.add(7, **differences)
    assert _process.look(7, root=proc.root) is None


def test_what_is_yet_to_become_etcd(proc: Proc) -> None:
    """The kernel names the new program before the process has its arguments and its environment."""
    proc.add(7, start_code=0, arguments=[], environment={})
    assert _process.look(7, root=proc.root) is None


def test_a_kernel_that_does_not_say_where_code_starts(proc: Proc) -> None:
    proc.add(7, start_code=0, environment={"ETCD_NAME": "n1"})
    seen = _process.look(7, root=proc.root)
    assert seen is not None
    assert seen.environment == {"ETCD_NAME": "n1"}


def test_an_empty_environment(proc: Proc) -> None:
    proc.add(7, arguments=["etcd", "--name", "n1"], environment={})
    seen = _process.look(7, root=proc.root)
    assert seen is not None
    assert seen.environment == {"ETCD_NAME": "n1"}


def test_what_ends_meanwhile(proc: Proc) -> None:
    proc.add(7, arguments=[], environment={})
    assert _process.look(7, root=proc.root) is None


def test_a_process_that_becomes_etcd_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    etcd = tmp_path / "etcd"
    shutil.copy(os.path.realpath("/bin/sh"), etcd)
    seen = []
    for _round in range(200):
        words = ["/bin/sh", "-c", f"ETCD_NAME=n1 exec {etcd} -c :"]
        with subprocess.Popen(words) as process:
            while process.poll() is None:
                found = _process.look(process.pid)
                if found is not None:
                    seen.append((found.executable, found.environment.get("ETCD_NAME"), found.arguments))
    assert set(seen) == {(str(etcd), "n1", ("-c", ":"))}


def test_a_process_that_is_gone(proc: Proc) -> None:
    assert _process.look(7, root=proc.root) is None
    assert _process.stat(7, root=proc.root) is None
    assert _process.below(7, root=proc.root) == []


def test_a_process_of_another_user(proc: Proc) -> None:
    proc.add(7, exe=None, arguments=["/etc/etcd/release/etcd"])
    seen = _process.look(7, root=proc.root)
    assert seen is not None
    assert (seen.executable, seen.environment) == ("", {})


def test_a_name_may_hold_anything(proc: Proc) -> None:
    proc.add(7, name="a) S 9 (b", parent=3)
    assert _process.stat(7, root=proc.root) == _process.Stat(parent=3, state="S", ticks=0, loaded=True)


def test_what_descends_from_a_process(proc: Proc) -> None:
    for pid, parent in ((10, 1), (11, 10), (12, 11), (13, 10), (14, 2), (9, 12)):
        proc.add(pid, parent=parent)
    assert _process.below(10, root=proc.root) == [11, 13, 12, 9]
    assert _process.every(root=proc.root) == [9, 10, 11, 12, 13, 14]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--discovery-password=hunter2", "--name=n1"],
        ["-discovery-password=hunter2"],
        ["--discovery-password", "hunter2", "--name", "n1"],
    ],
)
def test_secrets_do_not_show(proc: Proc, arguments: t.List[str]) -> None:
    proc.add(7, arguments=["etcd", *arguments], environment={"ETCD_DISCOVERY_PASSWORD": "hunter2"})
    seen = _process.look(7, root=proc.root)
    assert seen is not None
    assert "hunter2" not in repr(seen)
    assert len(seen.arguments) == len(arguments)
    assert seen.environment["ETCD_DISCOVERY_PASSWORD"].startswith("sha256:")


def test_this_very_process() -> None:
    found = _process.stat(os.getpid())
    assert found is not None
    assert found.parent == os.getppid()
    assert found.alive
    assert _process.directory(os.getpid()) == str(Path.cwd())
    assert _process.look(os.getpid()) is None

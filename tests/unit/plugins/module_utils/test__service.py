# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Procfile entries with a real runner are in tests/integration/test_observe.py."""

from __future__ import annotations

import calendar
import dataclasses
import errno
import os
import re
import stat
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _process
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, ServiceError
from ansible_collections.quorum.etcd.plugins.module_utils._model import ProcessSeen, RunCommand, ServiceSeen
from ansible_collections.quorum.etcd.plugins.module_utils._service import ProcfileService, SystemdService

# What systemd 252 answers to `systemctl show` of the properties asked for.
_SHOWN = {
    "running": "MainPID=712\nEnvironment=\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
    "NeedDaemonReload=no\n",
    "waiting for quorum": "MainPID=713\nEnvironment=\nLoadState=loaded\nActiveState=activating\nUnitFileState=enabled\n"
    "NeedDaemonReload=no\n",
    "looping": "MainPID=0\nEnvironment=\nLoadState=loaded\nActiveState=activating\nUnitFileState=disabled\n"
    "NeedDaemonReload=no\n",
    "given up": "MainPID=0\nEnvironment=\nLoadState=loaded\nActiveState=failed\nUnitFileState=disabled\n"
    "NeedDaemonReload=no\n",
    "not there": "MainPID=0\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no\n",
    "masked": "MainPID=0\nLoadState=masked\nActiveState=inactive\nUnitFileState=masked\nNeedDaemonReload=no\n",
    "changed on disk": "MainPID=712\nEnvironment=\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
    "NeedDaemonReload=yes\n",
    "Debian's": "MainPID=0\n"
    'Environment=DAEMON_ARGS= ETCD_NAME=node1 ETCD_DATA_DIR=/var/lib/etcd/default "ETCD_LOG_LEVEL=a b"\n'
    "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\nNeedDaemonReload=no\n",
}
_UNIT = "[Service]\nExecStart=/etc/etcd/release/etcd\n"


class Systemctl:
    """Answers as told, and keeps what was asked."""

    def __init__(self, shown: str = "running") -> None:
        self.shown = _SHOWN[shown]
        self.answers: t.Dict[str, t.Tuple[int, str, str]] = {}
        self.calls: t.List[t.List[str]] = []

    def __call__(self, args: t.List[str], **kwargs: t.Any) -> t.Tuple[int, str, str]:
        self.calls.append(args)
        return self.answers.get(args[1], (0, self.shown if args[1] == "show" else "", ""))

    @property
    def verbs(self) -> t.List[str]:
        return [" ".join(args[1:]) for args in self.calls if args[1] != "show"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    return tmp_path


def unit(root: Path, run: RunCommand) -> SystemdService:
    return SystemdService("etcd", run, root=str(root))


# --- systemd ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        ("running", ServiceSeen("etcd", exists=True, enabled=True, state="active", main_pid=712)),
        ("waiting for quorum", ServiceSeen("etcd", exists=True, enabled=True, state="activating", main_pid=713)),
        ("looping", ServiceSeen("etcd", exists=True, enabled=False, state="activating", main_pid=0)),
        ("given up", ServiceSeen("etcd", exists=True, enabled=False, state="failed", main_pid=0)),
        ("not there", ServiceSeen("etcd", exists=False)),
        ("masked", ServiceSeen("etcd", exists=True)),
    ],
)
def test_seen_in_one_call(root: Path, shown: str, seen: ServiceSeen) -> None:
    run = Systemctl(shown)
    assert unit(root, run).seen() == seen
    assert len(run.calls) == 1


def test_drop_ins_that_say_how_it_is_started(root: Path) -> None:
    files = root / "etc/systemd/system/etcd.service.d"
    files.mkdir()
    limits, other, variables = files / "limits.conf", files / "other.conf", root / "variables"
    limits.write_text("[Service]\nLimitNOFILE=5000\n")
    variables.write_text("ETCD_X=1\n")
    other.write_text(f"[Service]\nEnvironmentFile=-{variables}\n")
    run = Systemctl()
    run.shown += f"DropInPaths={limits} {other} {files}/gone.conf\n"
    assert unit(root, run).seen().drop_ins == {str(other): ("EnvironmentFile",)}


def test_the_environment_of_a_unit(root: Path) -> None:
    assert unit(root, Systemctl("Debian's")).environment() == {
        "DAEMON_ARGS": "",
        "ETCD_NAME": "node1",
        "ETCD_DATA_DIR": "/var/lib/etcd/default",
        "ETCD_LOG_LEVEL": "a b",
    }


def test_defined_whole_and_read_by_systemd(root: Path) -> None:
    run = Systemctl()
    service = unit(root, run)
    assert service.definition() is None
    assert service.define(_UNIT)
    assert service.definition() == _UNIT
    assert service.seen().defined == os.stat(service.path).st_mtime
    assert stat.S_IMODE(os.stat(service.path).st_mode) == 0o644
    assert os.listdir(root / "etc/systemd/system") == ["etcd.service"]
    assert run.verbs == ["daemon-reload"]
    assert not service.define(_UNIT)
    assert service.define(None)
    assert service.definition() is None
    assert not service.define(None)
    assert run.verbs == ["daemon-reload"] * 2


def test_a_unit_that_a_killed_run_wrote_is_still_read(root: Path) -> None:
    run = Systemctl("changed on disk")
    Path(unit(root, run).path).write_text(_UNIT)
    assert not unit(root, run).define(_UNIT)
    assert run.verbs == ["daemon-reload"]


@pytest.mark.parametrize(
    ("shown", "verb", "called"),
    [
        ("running", "enable", []),
        ("looping", "enable", ["enable etcd.service"]),
        ("running", "disable", ["disable etcd.service"]),
        ("looping", "disable", []),
        ("not there", "enable", ["enable --no-reload etcd.service"]),
    ],
)
def test_enabled_only_where_needed(root: Path, shown: str, verb: str, called: t.List[str]) -> None:
    run = Systemctl(shown)
    service = unit(root, run)
    assert (service.enable() if verb == "enable" else service.disable()) is bool(called)
    assert run.verbs == called


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_started_without_waiting_whatever_failed_before(root: Path, verb: str) -> None:
    run = Systemctl()
    run.answers["reset-failed"] = (1, "", "Failed to reset failed state of unit etcd.service: Unit not loaded.")
    getattr(unit(root, run), verb)()
    assert run.verbs == ["reset-failed etcd.service", f"{verb} --no-block etcd.service"]


def test_a_start_that_systemd_refuses(root: Path) -> None:
    run = Systemctl()
    run.answers["start"] = (5, "", "Failed to start etcd.service: Unit etcd.service not found.\n")
    with pytest.raises(ServiceError, match=r"Failed to start etcd.service: Unit etcd.service not found\."):
        unit(root, run).start()


@pytest.mark.parametrize(
    ("shown", "fails"), [("running", True), ("looping", True), ("given up", False), ("not there", False)]
)
def test_stopping(root: Path, shown: str, fails: bool) -> None:
    run = Systemctl(shown)
    unit(root, run).stop()
    assert run.verbs == ["stop etcd.service"]
    run.answers["stop"] = (1, "", "no")
    if fails:
        with pytest.raises(ServiceError, match=r"systemd did not stop etcd.service: no\."):
            unit(root, run).stop()
    else:
        unit(root, run).stop()


def test_a_machine_without_systemd(tmp_path: Path) -> None:
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    run = Systemctl()
    service = unit(tmp_path, run)
    assert service.seen() == ServiceSeen("etcd", exists=False)
    assert service.define(_UNIT)
    assert service.seen() == ServiceSeen("etcd", exists=True, defined=os.stat(service.path).st_mtime)
    assert service.environment() == {}
    service.stop()
    for refused in (service.start, service.restart, service.enable):
        with pytest.raises(ServiceError, match="systemd does not run on this machine"):
            refused()
    assert run.calls == []


def test_the_log(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    run = Systemctl()
    run.answers["_SYSTEMD_UNIT=etcd.service"] = (0, "last \n\nfirst\n", "")
    assert unit(root, run).log(since=1763964000.25, lines=5) == ("first", "last")
    (call,) = run.calls
    assert {"--since=@1763964000.250000", "--lines=5", "--reverse"} <= set(call)


def test_the_log_of_a_program_that_cannot_be_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    run = Systemctl()
    run.answers["--unit=etcd.service"] = (0, "Failed at step EXEC\n", "")
    assert unit(root, run).log(since=0) == ("Failed at step EXEC",)
    run.answers["--unit=etcd.service"] = (1, "x", "No journal files were opened due to insufficient permissions.")
    assert unit(root, run).log(since=0) == ()
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert unit(root, no_command).log(since=0) == ()


def no_command(args: t.List[str], **kwargs: t.Any) -> t.Tuple[int, str, str]:
    raise AssertionError(f"nothing is to be run: {args}")


# --- Procfile -----------------------------------------------------------------------------------------------------


def entry(directory: Path, name: str = "m1", runner: str = "honcho") -> ProcfileService:
    return ProcfileService(str(directory), name, Systemctl(), runner)


@pytest.mark.parametrize(
    ("before", "definition", "after", "changed"),
    [
        (None, "m1: a", "m1: a\n", True),
        ("", "m1: a", "m1: a\n", True),
        ("m1: a\n", "m1: a", "m1: a\n", False),
        ("m1: a\n", "m1: a\n", "m1: a\n", False),
        ("# mine\nm2: b\nm1: old\nm10: c\n", "m1: a", "# mine\nm2: b\nm1: a\nm10: c\n", True),
        ("m1: a\nm2: b\nm1: a\n", "m1: a", "m1: a\nm2: b\n", True),
        ("m2: b", "m1: a", "m2: b\nm1: a\n", True),
        ("m1: a", "m1: a", "m1: a", False),
        ("m2: b\r\nm1: a\r\n", "m1: a", "m2: b\r\nm1: a\r\n", False),
        ("m2: b\r\nm3: \x0c\x85c\nm1: old\r\n", "m1: a", "m2: b\r\nm3: \x0c\x85c\nm1: a\n", True),
        ("m2: b\nm1: a\n", None, "m2: b\n", True),
        ("m2: b\n", None, "m2: b\n", False),
        (None, None, None, False),
    ],
)
def test_only_the_entry_itself_changes(
    tmp_path: Path, before: t.Optional[str], definition: t.Optional[str], after: t.Optional[str], changed: bool
) -> None:
    path = tmp_path / "Procfile"
    if before is not None:
        path.write_bytes(before.encode())
    service = entry(tmp_path)
    assert service.define(definition) is changed
    assert (path.read_bytes().decode() if path.exists() else None) == after
    assert service.definition() == (definition.strip() if definition else None)
    assert service.seen().exists is service.seen().enabled is (definition is not None)


@pytest.mark.parametrize("definition", ["m2: a", "a", "m1: a\nm2: b", "m10: a", ""])
def test_a_definition_that_is_not_the_entry(tmp_path: Path, definition: str) -> None:
    with pytest.raises(InvalidInput, match="not one line that begins with `m1: `"):
        entry(tmp_path).define(definition)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a:", "a\n"])
def test_a_name_that_a_procfile_cannot_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot name a line of a Procfile"):
        entry(tmp_path, name)


@pytest.mark.parametrize(
    ("definition", "after"), [("m1: a", b"# \xe4\xff\nm1: a\nm2: \xfc\n"), (None, b"# \xe4\xff\nm2: \xfc\n")]
)
def test_others_lines_keep_their_bytes(tmp_path: Path, definition: t.Optional[str], after: bytes) -> None:
    path = tmp_path / "Procfile"
    path.write_bytes(b"# \xe4\xff\nm1: \xe4\nm2: \xfc\n")
    assert entry(tmp_path).define(definition)
    assert path.read_bytes() == after
    assert not entry(tmp_path).define(definition)


@pytest.mark.parametrize("definition", ["m1: a", None])
def test_a_procfile_that_cannot_be_read_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, definition: t.Optional[str]
) -> None:
    """Of another user, in a directory that this one may write. Root reads it all the same."""
    path = tmp_path / "Procfile"
    path.write_text("m2: b\n")
    real = open

    def refusing(file: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if file == str(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), file)
        return real(file, *args, **kwargs)

    monkeypatch.setattr("builtins.open", refusing)
    with pytest.raises(ServiceError, match=re.escape(f"{path} cannot be read: Permission denied.")) as caught:
        entry(tmp_path).define(definition)
    assert "run as the user whom it belongs to" in caught.value.remedy
    monkeypatch.undo()
    assert path.read_text() == "m2: b\n"


def test_nothing_to_start(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="Procfile has no line m1"):
        entry(tmp_path).start()
    entry(tmp_path).define("m1: a")
    with pytest.raises(ServiceError, match="No program '/nowhere/honcho' is there"):
        entry(tmp_path, runner="/nowhere/honcho").start()
    assert not entry(tmp_path).enable()
    assert not entry(tmp_path).disable()


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match="cannot be written: Not a directory"):
        entry(tmp_path / "file").define("m1: a")


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    entry(tmp_path).define("m1: a")
    (tmp_path / "log").write_text("")
    with pytest.raises(ServiceError, match=re.escape(f"cannot be written: File exists: {tmp_path / 'log'}")):
        entry(tmp_path, runner="/bin/true").start()


def _line(stamp: str, message: str) -> str:
    return f'12:00:00 m1.1   | {{"level":"info","ts":"{stamp}","msg":"{message}"}}'


def test_the_log_since(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    log = tmp_path / "log" / "m1.log"
    log.write_text(
        "\n".join(
            [
                "12:00:00 system | m1.1 started (pid=7)",
                _line("2025-11-24T06:00:00.000Z", "old"),
                "12:00:00 m1.1   | of the old | one",
                _line("2025-11-24T06:00:10.500000Z", "first"),
                "12:00:00 m1.1   | panic: with | a pipe",
                "",
                _line("2025-11-24T08:00:11.250000+0200", "other zone"),
                "12:00:00 system | m1.1 stopped (rc=1)",
            ]
        )
    )
    since = calendar.timegm((2025, 11, 24, 6, 0, 10)) + 0.5
    assert entry(tmp_path).log(since=since) == (
        '{"level":"info","ts":"2025-11-24T06:00:10.500000Z","msg":"first"}',
        "panic: with | a pipe",
        '{"level":"info","ts":"2025-11-24T08:00:11.250000+0200","msg":"other zone"}',
        "m1.1 stopped (rc=1)",
    )
    assert entry(tmp_path).log(since=since, lines=1) == ("m1.1 stopped (rc=1)",)
    assert entry(tmp_path).log(since=since + 1) == ()
    assert entry(tmp_path).log(since=time.time() + 60) == ()
    assert entry(tmp_path, "m2").log(since=0) == ()


# --- whose processes ----------------------------------------------------------------------------------------------

_RUNNER = ["/venv/bin/python", "/venv/bin/honcho", "start"]


class Machine:
    """A ``/proc`` whose processes work in one directory."""

    def __init__(self, root: Path, directory: Path) -> None:
        self.root, self.directory = root, directory

    def add(
        self,
        pid: int,
        parent: int,
        arguments: t.Sequence[str],
        *,
        exe: str,
        cwd: str = "",
        mark: str = "",
        state: str = "S",
    ) -> None:
        place = self.root / str(pid)
        place.mkdir(parents=True)
        (place / "stat").write_text(f"{pid} (x) {state} {parent} " + "0 " * 17 + "5 0 0 0 4194304\n")
        (place / "cmdline").write_text("\0".join(arguments) + "\0")
        (place / "environ").write_text(f"PROCFILE_ENTRY={mark}\0" if mark else "A=b\0")
        (place / "exe").symlink_to(exe)
        (place / "cwd").symlink_to(cwd or self.directory)

    def runner(self, pid: int, name: str = "m1", *, parent: int = 1, **more: str) -> None:
        self.add(pid, parent, [*_RUNNER, name], exe="/usr/bin/python3.11", **more)

    def etcd(self, pid: int, parent: int, name: str = "m1", **more: str) -> None:
        self.add(pid, parent, [f"./{name}/release/etcd"], exe="/opt/etcd/3.6.16/etcd", **more)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "home" / "run").mkdir(parents=True)
    (tmp_path / "home" / "Procfile").write_text("m1: exec ./m1/release/etcd\nm2: exec ./m2/release/etcd\n")
    return Machine(tmp_path / "proc", tmp_path / "home")


@pytest.mark.parametrize(
    ("build", "noted", "state", "main_pid"),
    [
        (id, "", "inactive", 0),
        (lambda m: (m.runner(10), m.runner(11, parent=10), m.etcd(12, 11)), "10", "active", 12),
        (lambda m: m.runner(10), "10", "active", 0),
        (lambda m: m.add(10, 1, ["node /usr/bin/nf start m1 "], exe="/usr/bin/node"), "10", "active", 0),
        (lambda m: (m.runner(10, "m2"), m.etcd(12, 10, "m2")), "10", "inactive", 0),
        (lambda m: (m.runner(10, cwd="/"), m.etcd(12, 10, cwd="/")), "10", "inactive", 0),
        (lambda m: m.runner(10, state="Z"), "10", "inactive", 0),
        (lambda m: m.etcd(12, 1), "10", "active", 12),
        (lambda m: m.etcd(12, 1, state="Z"), "10", "inactive", 0),
        (lambda m: m.etcd(12, 1, "elsewhere", mark="m1"), "", "active", 12),
        (lambda m: m.etcd(12, 1, "m1", mark="m2"), "", "inactive", 0),
        (lambda m: m.etcd(12, 1, "m1", cwd="/"), "", "inactive", 0),
        (lambda m: (m.etcd(12, 1, "m2"), m.etcd(13, 1, "m1")), "", "active", 13),
    ],
    ids=[
        "nothing", "running", "just started", "a title of its own", "another entry's runner", "another directory's",
        "zombie runner", "orphan", "zombie orphan", "orphan by its mark", "another's mark", "another directory's etcd",
        "among others",
    ],
)  # fmt: skip
def test_what_runs(
    machine: Machine, build: t.Callable[[Machine], object], noted: str, state: str, main_pid: int
) -> None:
    build(machine)
    (machine.directory / "run" / "m1.pid").write_text(noted)
    service = ProcfileService(str(machine.directory), "m1", Systemctl(), root=str(machine.root))
    seen = service.seen()
    assert (seen.state, seen.main_pid) == (state, main_pid)


# --- containers ---------------------------------------------------------------------------------------------------

_CONTAINED = "[Service]\nExecStart=/bin/sh -c 'exec /usr/bin/podman run --rm --name=etcd'\n"
_IMAGE = "sha256:" + "5f" * 32


class Contained(Systemctl):
    """Also an engine with one container, or none."""

    def __init__(self, shown: str, inspected: str, sub_state: str = "running") -> None:
        super().__init__(shown)
        self.shown += f"SubState={sub_state}\n"
        self.inspected = inspected

    def __call__(self, args: t.List[str], **kwargs: t.Any) -> t.Tuple[int, str, str]:
        if args[0] == "timeout":
            self.calls.append(args[6:])
            return (0, self.inspected, "") if self.inspected else (1, "", "no such container")
        return super().__call__(args, **kwargs)


@pytest.fixture
def _engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")


@pytest.mark.usefixtures("_engine")
@pytest.mark.parametrize(
    ("shown", "sub_state", "inspected", "state", "pid"),
    [
        ("running", "running", f"1248\t{_IMAGE}\tetcd\n", "active", 1248),
        ("waiting for quorum", "start", f"1248\t{_IMAGE}\tetcd\n", "active", 1248),
        ("waiting for quorum", "start", "", "active", 0),
        ("looping", "auto-restart", "", "activating", 0),
        ("given up", "failed", "", "failed", 0),
        ("running", "running", f"1248\t{_IMAGE}\tother\n", "active", 0),
    ],
)
def test_a_containers_process_is_the_server(
    root: Path, shown: str, sub_state: str, inspected: str, state: str, pid: int
) -> None:
    (root / "etc/systemd/system/etcd.service").write_text(_CONTAINED)
    seen = unit(root, Contained(shown, inspected, sub_state)).seen()
    assert (seen.state, seen.main_pid) == (state, pid)


@pytest.mark.usefixtures("_engine")
def test_the_program_of_a_container_is_its_image(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ProcessSeen(pid=1248, executable="/usr/local/bin/etcd", environment={}, started=1.0, replaced=True)
    monkeypatch.setattr(_process, "look", lambda _pid: found)
    (root / "etc/systemd/system/etcd.service").write_text(_CONTAINED)
    service = unit(root, Contained("running", f"1248\t{_IMAGE}\tetcd\n"))
    assert service.look(1248) == found
    service.seen()
    assert service.look(1248) == dataclasses.replace(found, executable=f"{_IMAGE}/etcd", replaced=False)


@pytest.mark.usefixtures("_engine")
def test_what_the_unit_of_before_runs_is_seen_under_the_next(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was killed after it had written the unit of another deployment."""
    client = ("/usr/bin/podman", "run", "--rm", "--name=etcd")
    monkeypatch.setattr(_process, "arguments", lambda pid: client if pid == 712 else ())
    (root / "etc/systemd/system/etcd.service").write_text(_UNIT)
    assert unit(root, Contained("running", f"1248\t{_IMAGE}\tetcd\n")).seen().main_pid == 1248
    monkeypatch.setattr(_process, "arguments", lambda _pid: ("/etc/etcd/release/etcd",))
    monkeypatch.setattr(_process, "is_etcd", lambda pid: pid == 712)
    (root / "etc/systemd/system/etcd.service").write_text(_CONTAINED)
    assert unit(root, Contained("running", "")).seen().main_pid == 712


@pytest.mark.usefixtures("_engine")
def test_stopping_leaves_no_container(root: Path) -> None:
    (root / "etc/systemd/system/etcd.service").write_text(_CONTAINED)
    run = Contained("running", f"1248\t{_IMAGE}\tetcd\n")
    unit(root, run).stop()
    assert run.calls[-1] == ["podman", "stop", "--time=30", "etcd"]

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs a server: a unit of systemd's, or a line of a Procfile with a runner of its own.

Private to this collection.
"""

from __future__ import annotations

import calendar
import contextlib
import dataclasses
import os
import re
import shlex
import shutil
import signal
import time
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils import _containers, _process
from ansible_collections.quorum.etcd.plugins.module_utils._atomic import write_whole
from ansible_collections.quorum.etcd.plugins.module_utils._definition import says_of_start
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, ServiceError
from ansible_collections.quorum.etcd.plugins.module_utils._flock import held
from ansible_collections.quorum.etcd.plugins.module_utils._model import ProcessSeen, RunCommand, ServiceSeen

_GRACE = 10.0
_TAIL = 256 * 1024


class Service(t.Protocol):
    """What every kind of service can do. All raise ``ServiceError`` when they cannot."""

    name: str

    def seen(self) -> ServiceSeen:
        """How it is now."""

    def definition(self) -> t.Optional[str]:
        """The text of the unit, or the Procfile's line, as it is on disk; ``None`` where there is none."""

    def define(self, definition: t.Optional[str]) -> bool:
        """Make ``definition`` what is on disk (``None`` removes it); whether that was a change."""

    def enable(self) -> bool:
        """Have it started at boot; whether that was a change."""

    def disable(self) -> bool:
        """Have it started at boot no more; whether that was a change."""

    def start(self) -> None:
        """Start it unless it runs; does not wait until it is ready."""

    def restart(self) -> None:
        """Stop it if it runs, and start it; does not wait until it is ready."""

    def stop(self) -> None:
        """Stop it, and wait until it is stopped; it may be stopped already."""

    def log(self, *, since: float, lines: int = 20) -> t.Tuple[str, ...]:
        """Its last log lines not older than ``since`` (seconds since the epoch), newest last; none where unreadable."""


class SystemdService:
    """The unit ``NAME.service`` of the system's manager. ``root`` is ``/`` but in tests.

    Where the unit on disk, or what it runs, is the client of a container engine, the server is the container's first
    process.
    """

    _PROPERTIES = (
        "LoadState",
        "ActiveState",
        "SubState",
        "MainPID",
        "UnitFileState",
        "NeedDaemonReload",
        "Environment",
        "DropInPaths",
    )

    def __init__(self, name: str, run: RunCommand, *, root: str = "/") -> None:
        self.name = name
        self.path = os.path.join(root, "etc/systemd/system", f"{name}.service")
        self._unit = f"{name}.service"
        self._run = run
        self._manager_runs = os.path.isdir(os.path.join(root, "run/systemd/system"))
        self._images: t.Dict[int, str] = {}

    def seen(self) -> ServiceSeen:
        """One call of systemctl; where systemd does not run, only whether our unit is there."""
        if not self._manager_runs:
            return ServiceSeen(name=self.name, exists=os.path.exists(self.path), defined=_written(self.path))
        shown = self._show()
        main_pid, state = int(shown.get("MainPID") or 0), shown.get("ActiveState", "inactive")
        engine = self._engine(main_pid)
        if engine is not None:
            # The engine needs a while to start it: only between two starts it is certain that it has exited.
            state = "active" if state == "activating" and shown.get("SubState") != "auto-restart" else state
            main_pid = self._server(engine, main_pid)
        return ServiceSeen(
            name=self.name,
            exists=shown.get("LoadState", "not-found") != "not-found",
            enabled=shown.get("UnitFileState") == "enabled",
            state=state,
            main_pid=main_pid,
            defined=_written(self.path),
            drop_ins=_drop_ins(shown.get("DropInPaths", "").split()),
        )

    def look(self, pid: int) -> t.Optional[ProcessSeen]:
        """A process that ``seen`` gave; the program of a container is the ID of its image, and ``/etcd``."""
        found = _process.look(pid)
        if found is None or pid not in self._images:
            return found
        return dataclasses.replace(found, executable=f"{self._images[pid]}/etcd", replaced=False)

    def _engine(self, main_pid: int) -> t.Optional[_containers.Engine]:
        """Of the container it runs, be it that another unit has been written since."""
        runs = " ".join(_process.arguments(main_pid)) if main_pid else ""
        return _containers.engine_of(self.definition(), self._run) or _containers.engine_of(runs, self._run)

    def _server(self, engine: _containers.Engine, main_pid: int) -> int:
        container = engine.container(self.name)
        if container is not None and container.pid:
            self._images[container.pid] = container.image
            return container.pid
        # what was started by the unit of before
        return main_pid if main_pid and _process.is_etcd(main_pid) else 0

    def environment(self) -> t.Dict[str, str]:
        """What the unit itself sets (``Environment=``), be it ours or a package's."""
        if not self._manager_runs:
            return {}
        try:
            words = shlex.split(self._show().get("Environment", ""))
        except ValueError:
            return {}
        return dict(word.split("=", 1) for word in words if "=" in word)

    def definition(self) -> t.Optional[str]:
        return _read_text(self.path)

    def define(self, definition: t.Optional[str]) -> bool:
        """Also has systemd read the unit where an earlier run wrote it and was killed before that."""
        if definition == self.definition():
            if self._manager_runs and self._show().get("NeedDaemonReload") == "yes":
                self._systemctl("daemon-reload")
            return False
        _write_text(self.path, definition)
        if self._manager_runs:
            self._systemctl("daemon-reload")
        return True

    def enable(self) -> bool:
        return self._set_enabled(True)

    def disable(self) -> bool:
        return self._set_enabled(False)

    def start(self) -> None:
        """``reset-failed`` first: after a few crashes in a row systemd refuses any further start."""
        self._begin("start")

    def restart(self) -> None:
        self._begin("restart")

    def stop(self) -> None:
        if not self._manager_runs:
            return
        code, _out, problem = self._run(["systemctl", "stop", self._unit])
        if code:
            seen = self.seen()
            if seen.exists and (seen.main_pid or seen.state not in {"inactive", "failed"}):
                raise ServiceError(
                    f"systemd did not stop {self._unit}: {problem.strip() or f'systemctl gave {code}'}.",
                    remedy=f"Look at `systemctl status {self._unit}`.",
                )
        engine = self._engine(0)
        if engine is not None:
            engine.stop(self.name)  # one whose client was killed

    def log(self, *, since: float, lines: int = 20) -> t.Tuple[str, ...]:
        """What the server wrote, or else what systemd wrote of it: a program that cannot be run writes nothing."""
        return self._journal(f"_SYSTEMD_UNIT={self._unit}", since, lines) or self._journal(
            f"--unit={self._unit}", since, lines
        )

    def _journal(self, whose: str, since: float, lines: int) -> t.Tuple[str, ...]:
        if shutil.which("journalctl") is None:
            return ()
        # Backwards: together with --since, --lines counts from there.
        options = ["--output=cat", "--quiet", "--reverse", f"--since=@{since:.6f}", f"--lines={lines}"]
        code, out, _problem = self._run(["journalctl", whose, *options])
        return tuple(line.rstrip() for line in reversed(out.splitlines()) if line.strip()) if code == 0 else ()

    def _show(self) -> t.Dict[str, str]:
        out = self._systemctl("show", "--property", ",".join(self._PROPERTIES))
        return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)

    def _set_enabled(self, wanted: bool) -> bool:
        """A reload costs a third of a second; only of what runs would the manager go on telling how it was before."""
        if not self._manager_runs:
            raise self._no_manager()
        shown = self._show()
        if (shown.get("UnitFileState") == "enabled") == wanted:
            return False
        known = shown.get("ActiveState", "inactive") != "inactive"
        self._systemctl("enable" if wanted else "disable", *([] if known else ["--no-reload"]))
        return True

    def _begin(self, verb: str) -> None:
        if not self._manager_runs:
            raise self._no_manager()
        self._run(["systemctl", "reset-failed", self._unit])  # fails for a unit that never ran
        self._systemctl(verb, "--no-block")

    def _systemctl(self, verb: str, *options: str) -> str:
        unit = [] if verb == "daemon-reload" else [self._unit]
        code, out, problem = self._run(["systemctl", verb, *options, *unit])
        if code:
            raise ServiceError(
                f"systemctl {verb} failed for {self._unit}: {problem.strip() or out.strip() or f'it gave {code}'}.",
                remedy="Become root." if os.geteuid() else f"Look at `systemctl status {self._unit}`.",
            )
        return out

    def _no_manager(self) -> ServiceError:
        return ServiceError(
            f"systemd does not run on this machine, so that it cannot run {self._unit}.",
            remedy="Set etcd_deployment to procfile, or use a machine (or container) whose first process is systemd.",
        )


class ProcfileService:
    """One line ``ENTRY: COMMAND`` of ``DIRECTORY/Procfile``, run as ``RUNNER start ENTRY`` without root.

    The runner is detached, its output goes to ``log/ENTRY.log`` and its PID is in ``run/ENTRY.pid``, written before it
    is a runner, so that a killed run leaves nothing unknown. The line must ``exec`` etcd: then etcd descends from the
    runner. What runs is never taken from the PID file alone: a process counts when it lives, works in the directory and
    is called as ours. An etcd whose runner is gone is recognised by what it was called as, or by the mark
    ``PROCFILE_ENTRY`` in its environment.
    """

    _MARK = "PROCFILE_ENTRY"

    def __init__(
        self, directory: str, entry: str, run: RunCommand, runner: str = "honcho", *, root: str = "/proc"
    ) -> None:
        if not re.match(r"[A-Za-z0-9_-]+\Z", entry):
            raise InvalidInput(
                f"{entry!r} cannot name a line of a Procfile.", remedy="Use letters, digits, - and _ only."
            )
        self.name = entry
        self.path = os.path.join(directory, "Procfile")
        self.log_path = os.path.join(directory, "log", f"{entry}.log")
        self.pid_path = os.path.join(directory, "run", f"{entry}.pid")
        self._directory = directory
        self._run = run
        self._runner = runner
        self._root = root

    def seen(self) -> ServiceSeen:
        """``enabled`` says the same as ``exists``: nothing starts a Procfile at boot but who wrote that elsewhere."""
        runner, server = self._find()
        exists = self.definition() is not None
        return ServiceSeen(
            name=self.name,
            exists=exists,
            enabled=exists,
            state="active" if runner or server else "inactive",
            main_pid=server,
        )

    def definition(self) -> t.Optional[str]:
        """The whole line, ``ENTRY:`` included, without its end."""
        for line in (_read_text(self.path) or "").splitlines():
            if self._is_ours(line):
                return line
        return None

    def define(self, definition: t.Optional[str]) -> bool:
        """Other entries' lines stay as they are, byte for byte, also when somebody else edits them at the same time.

        :raises InvalidInput: unless ``definition`` is one line that begins with ``ENTRY:``.
        :raises ServiceError: the Procfile cannot be read or written; it is as it was.
        """
        if definition is not None:
            definition = definition.rstrip("\n")
            if "\n" in definition or not self._is_ours(definition):
                raise InvalidInput(
                    f"The definition of {self.name} is not one line that begins with `{self.name}: `.",
                    remedy=f"Make it `{self.name}: COMMAND`.",
                )
        if definition is None and not self._lines():
            return False
        with self._locked("Procfile"):
            before = self._lines()
            after = []
            missing = definition
            for line in before:
                if not self._is_ours(line):
                    after.append(line)
                elif missing is not None:
                    after.append(line if line.splitlines() == [missing] else f"{missing}\n")
                    missing = None
            if missing is not None:
                if after and not after[-1].endswith("\n"):
                    after[-1] += "\n"
                after.append(f"{missing}\n")
            if after == before:
                return False
            _write_text(self.path, "".join(after))
        return True

    def _lines(self) -> t.List[str]:
        """The Procfile's lines with their ends and all their bytes; none where there is no Procfile.

        :raises ServiceError: it cannot be read, so that nobody knows what a new one would take away.
        """
        try:
            with open(self.path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
                return stream.read().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ServiceError(
                f"{self.path} cannot be read: {error.strerror}.",
                remedy="Let this user read it, or run as the user whom it belongs to.",
            ) from error

    def enable(self) -> bool:
        return False

    def disable(self) -> bool:
        return False

    def start(self) -> None:
        if self.definition() is None:
            raise ServiceError(f"{self.path} has no line {self.name}.", remedy="Define it first.")
        runner = shutil.which(self._runner)
        if runner is None:
            raise ServiceError(
                f"No program {self._runner!r} is there to run {self.path}.",
                remedy="Install honcho (`pip install honcho`), or name another runner or its absolute path.",
            )
        with self._locked(self.name):
            if any(self._find()):
                return
            os.makedirs(os.path.dirname(self.log_path), exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.pid_path)
            # The inner shell becomes the runner, so that $$ is the runner's PID.
            inner = 'echo $$ >"$0.new" && mv "$0.new" "$0" && exec "$@"'
            outer = 'log=$1; shift; setsid "$@" </dev/null >>"$log" 2>&1 & :'
            code, _out, problem = self._run(
                ["/bin/sh", "-c", outer, "sh", os.path.abspath(self.log_path), *self._clean_environment(),
                 "/bin/sh", "-c", inner, os.path.abspath(self.pid_path), os.path.abspath(runner), "start", self.name],
                cwd=self._directory,
            )  # fmt: skip
            if code:
                raise ServiceError(
                    f"{self._runner} start {self.name} could not be started in {self._directory}: {problem.strip()}.",
                    remedy="Look whether this user may write there.",
                )
            self._wait_for_pid_file()

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        """SIGTERM to etcd, whose end is its runner's end, too; after 10 s SIGKILL to what is left of both.

        Not to the runner: it would pass the signal on or not, and a second one ends etcd at once.

        :raises ServiceError: when one runner runs the whole Procfile: it would end every other member, too.
        """
        for _attempt in range(3):  # a runner that was just starting may have gone on to start etcd
            runner, server = self._find()
            if not runner and not server:
                break
            whole = self._whole_runner(server)
            if whole:
                raise ServiceError(
                    f"{self.name} runs under process {whole}, which runs all of {self.path}: stopping one stops all.",
                    remedy=f"Stop it yourself (kill -INT {whole}); the members are then started one by one.",
                )
            self._end(self._family(runner, server), first=server or runner)
        with contextlib.suppress(OSError):
            os.unlink(self.pid_path)

    def log(self, *, since: float, lines: int = 20) -> t.Tuple[str, ...]:
        """A line's time is the one etcd wrote in it; a line without one counts as the line before it."""
        try:
            if os.stat(self.log_path).st_mtime < since:
                return ()
            with open(self.log_path, "rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
                text = stream.read().decode(errors="replace")
        except OSError:
            return ()
        kept = []
        recent = False
        for line in text.splitlines():
            stamp = _time_of(line)
            recent = recent if stamp is None else stamp >= since
            if recent and line.strip():
                kept.append(re.sub(r"^[^|{\"]{1,80}\| {0,2}", "", line).rstrip())
        return tuple(kept[-lines:])

    # -- which processes are ours

    def _find(self) -> t.Tuple[int, int]:
        """PIDs of the runner and of etcd, 0 for each that is not there."""
        runner = self._noted_pid()
        if not self._is_runner(runner):
            runner = 0
        if runner:
            for pid in _process.below(runner, root=self._root):
                if self._runs(pid) and _process.is_etcd(pid, root=self._root):
                    return runner, pid
        server = self._orphan()
        return runner, server

    def _orphan(self) -> int:
        """An etcd that is this entry's, whoever started it."""
        program = (self.definition() or "").split()[-1:]
        for pid in _process.every(root=self._root):
            if not _process.is_etcd(pid, root=self._root) or not self._works_here(pid) or not self._runs(pid):
                continue
            mark = _process.environment(pid, root=self._root).get(self._MARK)
            called = list(_process.arguments(pid, root=self._root)[:1])
            if mark == self.name or (mark is None and called and called == program):
                return pid
        return 0

    def _family(self, runner: int, server: int) -> t.Dict[int, int]:
        """All processes to end with their start: the runner, what it forked, etcd; also what a killed runner left."""
        pids = {runner, server} - {0}
        if runner:
            pids.update(_process.below(runner, root=self._root))
        pids.update(pid for pid in self._above(server) if self._is_runner(pid))
        found = {pid: _process.stat(pid, root=self._root) for pid in pids}
        return {pid: stat.ticks for pid, stat in found.items() if stat is not None}

    def _above(self, pid: int) -> t.List[int]:
        """The ancestors of a process but the first of all."""
        chain: t.List[int] = []
        found = _process.stat(pid, root=self._root) if pid else None
        while found is not None and found.parent > 1:
            chain.append(found.parent)
            found = _process.stat(found.parent, root=self._root)
        return chain

    def _whole_runner(self, server: int) -> int:
        """The outermost process above ``server`` that runs the whole Procfile, or 0."""
        found = 0
        for pid in self._above(server):
            words = " ".join(_process.arguments(pid, root=self._root)).split()
            if self._works_here(pid) and words[-1:] == ["start"]:
                found = pid
        return found

    def _is_runner(self, pid: int) -> bool:
        if not pid or not self._runs(pid) or not self._works_here(pid):
            return False
        words = " ".join(_process.arguments(pid, root=self._root)).split()  # node writes it as one
        return ["start", self.name] in (words[i : i + 2] for i in range(len(words)))

    def _runs(self, pid: int) -> bool:
        found = _process.stat(pid, root=self._root)
        return found is not None and found.alive

    def _works_here(self, pid: int) -> bool:
        return _process.directory(pid, root=self._root) == os.path.realpath(self._directory)

    def _noted_pid(self) -> int:
        text = (_read_text(self.pid_path) or "").strip()
        return int(text) if re.match(r"\d{1,9}\Z", text) else 0

    # -- doing

    def _clean_environment(self) -> t.List[str]:
        """A command's beginning: our mark, no ``ETCD_*`` of the caller, output as it comes."""
        foreign = sorted(name for name in os.environ if name.startswith(("ETCD_", "QUORUM_")))
        unset = [word for name in foreign for word in ("-u", name)]
        return ["env", *unset, f"{self._MARK}={self.name}", "PYTHONUNBUFFERED=1"]

    def _wait_for_pid_file(self) -> None:
        deadline = time.monotonic() + _GRACE
        while time.monotonic() < deadline:
            if os.path.exists(self.pid_path):
                return
            time.sleep(0.005)
        raise ServiceError(
            f"{self._runner} start {self.name} did not come up in {self._directory}.",
            remedy=f"Look at {self.log_path}.",
        )

    def _end(self, family: t.Mapping[int, int], *, first: int) -> None:
        self._signal([first], family, signal.SIGTERM)
        if self._wait_for_end(family, _GRACE):
            return
        self._signal(list(family), family, signal.SIGKILL)
        if not self._wait_for_end(family, _GRACE):
            raise ServiceError(
                f"{self.name} in {self._directory} does not end, not even killed: process {first}.",
                remedy="Look at what it waits for; a stuck disk does that.",
            )

    def _signal(self, pids: t.Sequence[int], family: t.Mapping[int, int], number: signal.Signals) -> None:
        for pid in pids:
            if pid not in family or not self._is_still(pid, family[pid]):
                continue
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
            except PermissionError as error:
                raise ServiceError(
                    f"Process {pid}, which runs {self.name} in {self._directory}, belongs to another user.",
                    remedy="Run as the user that started it, or as root.",
                ) from error

    def _wait_for_end(self, family: t.Mapping[int, int], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        pause = 0.01
        while any(self._is_still(pid, ticks) for pid, ticks in family.items()):
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)
        return True

    def _is_still(self, pid: int, ticks: int) -> bool:
        found = _process.stat(pid, root=self._root)
        return found is not None and found.alive and found.ticks == ticks

    def _is_ours(self, line: str) -> bool:
        return line.startswith(f"{self.name}:")

    @contextlib.contextmanager
    def _locked(self, what: str) -> t.Iterator[None]:
        """Alone among all runs on this machine, as far as ``what`` goes."""
        directory = os.path.dirname(self.pid_path)
        try:
            os.makedirs(directory, exist_ok=True)
            with held(os.path.join(directory, f"{what}.lock")):
                yield
        except OSError as error:
            raise ServiceError(
                f"{self._directory} cannot be written: {error.strerror}: {error.filename}.",
                remedy="Choose a directory that this user may write.",
            ) from error


def _time_of(line: str) -> t.Optional[float]:
    """When etcd wrote a line of its log, seconds since the epoch."""
    found = re.search(r'"ts":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(?:Z|([+-]\d\d):?(\d\d))"', line)
    if found is None:
        return None
    base = float(calendar.timegm(time.strptime(found.group(1), "%Y-%m-%dT%H:%M:%S")))
    if found.group(3):
        hours = int(found.group(3))
        base -= hours * 3600 + (1 if hours >= 0 else -1) * int(found.group(4)) * 60
    return base + float(found.group(2) or 0)


def _written(path: str) -> float:
    """When a file was last written, 0 where there is none."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _drop_ins(paths: t.Iterable[str]) -> t.Dict[str, t.Tuple[str, ...]]:
    """Those that say something of how the server is started, and what."""
    found = {path: says_of_start(_read_text(path) or "", lambda name: _read_text(name.lstrip("-"))) for path in paths}
    return {path: words for path, words in found.items() if words}


def _read_text(path: str) -> t.Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def _write_text(path: str, text: t.Optional[str]) -> None:
    """Replace or remove a file; who reads it meanwhile reads the old or the new one whole.

    :raises ServiceError: when that is not possible.
    """
    try:
        if text is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
        write_whole(path, text, 0o644, errors="surrogateescape")
    except OSError as error:
        raise ServiceError(
            f"{path} cannot be written: {error.strerror}.",
            remedy="Become root." if os.geteuid() else "Look at the directory and its file system.",
        ) from error


__all__ = ("ProcfileService", "Service", "SystemdService")

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the stages of the test, two at a time, each with a log of its own, and tell how each went.

    python -m tests.tools.stages NAME...

NAME is a stage or a group of them (see STAGES and GROUPS). The exit status is 1 where any failed. A stage that a
machine cannot carry is skipped in plain sight, never silently.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

from . import ansible_test, environment
from .environment import CACHE, COLLECTION, CORES, MAIN, NEWEST, OLDEST, ROOT, Environment

RELEASES = ("3.6.16", "3.5.35", "3.7.3", "3.6.14", "3.4.23")
AT_ONCE = 2
TAIL = 60


def _scripts() -> t.List[str]:
    """Programs in Python whose names do not show it."""
    found = (path for path in sorted(ROOT.glob("tests/*/*")) if path.is_file() and not path.suffix)
    return [str(path.relative_to(ROOT)) for path in found if path.open("rb").readline().endswith(b"python\n")]


_SCRIPTS = _scripts()
_SOURCES = [str(CACHE / COLLECTION / name) for name in ("plugins", "tests", *_SCRIPTS)]
_PYTEST = (MAIN.program("python"), "-m", "pytest", "-q")


@dataclasses.dataclass(frozen=True)
class Stage:
    """One thing that passes or fails.

    ``needs`` names stages that must have passed before it is worth starting. ``alone`` is for one that measures what a
    client sees: it starts once all others have ended. ``telling`` is how the lines of its log
    begin that say what failed; else the last ones do.
    """

    name: str
    commands: t.Tuple[t.Tuple[str, ...], ...]
    needs: t.Tuple[str, ...] = ()
    alone: bool = False
    environment: Environment = MAIN
    telling: t.Tuple[str, ...] = ()


def _tool(name: str, *arguments: str) -> t.Tuple[str, ...]:
    return (MAIN.program(name), *arguments)


def _ansible_test(core: str, *arguments: str) -> t.Tuple[str, ...]:
    return (MAIN.program("python"), "-m", "tests.tools.ansible_test", core, *arguments)


def _sanity(core: str) -> Stage:
    command = _ansible_test(core, "sanity", "--local", "--color", "no")
    return Stage(f"sanity-{core}", (command,), environment=CORES[core], telling=("ERROR:", "FATAL:"))


# In the order in which they are best started: what others wait for first.
STAGES = (
    Stage("releases", (("tests/lab/build-release", *RELEASES),)),
    Stage("lab", (("tests/lab/up",),)),
    Stage("ruff", (_tool("ruff", "check", ".", *_SCRIPTS), _tool("ruff", "format", "--check", ".", *_SCRIPTS))),
    Stage("unit", ((*_PYTEST, "-n2", "tests/unit"),)),
    Stage("mypy", (_tool("mypy", "--scripts-are-modules", *_SOURCES),)),
    Stage("yamllint", (_tool("yamllint", "--strict", "."),)),
    Stage("ansible-lint", (_tool("ansible-lint"),)),
    Stage("roles-lint", (_tool("ansible-lint", "roles", "playbooks"),)),
    Stage("unit-2.21", (_ansible_test("2.21", "units", "--local"),), environment=NEWEST),
    Stage("unit-3.8", (_ansible_test("2.19", "units", "--local", "--python", "3.8"),), environment=OLDEST),
    _sanity("2.21"),
    _sanity("2.19"),
    Stage("integration", ((*_PYTEST, "-n2", "--dist=loadfile", "tests/integration"),), needs=("releases",)),
    Stage("molecule", (("tests/lab/molecule",),), needs=("releases", "lab"), alone=True),
    Stage("bench", ((MAIN.program("python"), "tests/bench/rollout.py"),), needs=("releases", "lab")),
)

GROUPS = {
    "lint": ("ruff", "mypy", "yamllint", "ansible-lint"),
    # of ansible-lint what is not a test's own: all of it takes a minute and a half
    "quick": ("ruff", "unit", "mypy", "yamllint", "roles-lint"),
    "sanity": ("sanity-2.19", "sanity-2.21"),
    "units": ("unit", "unit-2.21", "unit-3.8"),
    "test": tuple(stage.name for stage in STAGES if stage.name not in ("bench", "roles-lint")),
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    word: str  # ok, FAILED, skipped
    seconds: float
    why: str = ""


class Runner:
    """Starts stages as soon as what they need has passed and a place is free."""

    def __init__(self, stages: t.Sequence[Stage], missing: t.Mapping[Environment, str]) -> None:
        self.stages = stages
        self.outcomes: t.Dict[str, Outcome] = {
            stage.name: Outcome("skipped", 0.0, missing[stage.environment])
            for stage in stages
            if stage.environment in missing
        }
        self._running: t.Set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self) -> bool:
        """Run all; whether none failed."""
        waiting = [stage for stage in self.stages if stage.name not in self.outcomes]
        names = {stage.name for stage in self.stages}
        running: t.Dict[concurrent.futures.Future[Outcome], Stage] = {}
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool, self._stopping():
            while waiting or running:
                for stage in list(waiting):
                    needs = [self.outcomes.get(name) for name in stage.needs if name in names]
                    if any(need is not None and need.word != "ok" for need in needs):
                        waiting.remove(stage)
                        self._report(stage, Outcome("FAILED", 0.0, f"needs {', '.join(stage.needs)}"))
                    elif stage.alone and (running or len(waiting) > 1):
                        continue
                    elif len(running) < AT_ONCE and None not in needs:
                        waiting.remove(stage)
                        running[pool.submit(self._run, stage)] = stage
                if running:
                    done, _rest = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                    for future in done:
                        self._report(running.pop(future), future.result())
        return all(outcome.word != "FAILED" for outcome in self.outcomes.values())

    @contextlib.contextmanager
    def _stopping(self) -> t.Iterator[None]:
        """End what runs when this does, with its children: each stage is a process group of its own."""
        try:
            yield
        finally:
            with self._lock:
                self._stopped = True
                for process in self._running:
                    if process.poll() is None:
                        os.killpg(process.pid, signal.SIGTERM)

    def _run(self, stage: Stage) -> Outcome:
        start = time.monotonic()
        code = 0
        with log_of(stage).open("wb") as log:
            for command in stage.commands:
                log.write(f"$ {' '.join(command)}\n".encode())
                log.flush()
                code = self._call(command, log) or code
        return Outcome("FAILED" if code else "ok", time.monotonic() - start)

    def _call(self, command: t.Sequence[str], log: t.BinaryIO) -> int:
        with self._lock:
            if self._stopped:
                return 1
            try:
                process = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env={**environment.variables(), "NO_COLOR": "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                log.write(f"{error}\n".encode())
                return 1
            self._running.add(process)
        code = process.wait()
        with self._lock:
            self._running.discard(process)
        return code

    def _report(self, stage: Stage, outcome: Outcome) -> None:
        self.outcomes[stage.name] = outcome
        print(f"{outcome.word:8}{stage.name:14}{outcome.seconds:7.1f} s  {outcome.why}".rstrip(), flush=True)
        log = log_of(stage)
        if outcome.word == "FAILED" and not outcome.why:
            lines = log.read_text(errors="replace").splitlines()
            lines = [line for line in lines if line.startswith(stage.telling)] or lines
            print(*(f"    {line}" for line in lines[-TAIL:]), f"    whole log: {log}", sep="\n", flush=True)


def log_of(stage: Stage) -> Path:
    return CACHE / "logs" / f"{stage.name}.log"


def prepare(stages: t.Sequence[Stage]) -> t.Dict[Environment, str]:
    """Set up what the stages need; the environments that cannot be had, with the reason."""
    missing = {}
    for wanted in dict.fromkeys([MAIN, *(stage.environment for stage in stages)]):
        try:
            environment.ensure(wanted)
        except environment.Unavailable as error:
            missing[wanted] = str(error)
    environment.link_collection()
    (CACHE / "logs").mkdir(parents=True, exist_ok=True)
    return missing


def chosen(names: t.Iterable[str]) -> t.List[Stage]:
    wanted = {member for name in names for member in GROUPS.get(name, (name,))}
    unknown = wanted - {stage.name for stage in STAGES}
    if unknown:
        raise SystemExit(f"stages: no such stage: {', '.join(sorted(unknown))}")
    return [stage for stage in STAGES if stage.name in wanted]


def single(stage: Stage) -> int:
    """Run one stage in the foreground, for the eyes of who asked for it."""
    codes = [
        subprocess.run(command, cwd=ROOT, env=environment.variables(), check=False).returncode
        for command in stage.commands
    ]
    return 1 if any(codes) else 0


def summary(runner: Runner, seconds: float) -> str:
    """A table of the stages, and the closing line."""
    words = [outcome.word for outcome in runner.outcomes.values()]
    rows = sorted(runner.outcomes.items(), key=lambda row: -row[1].seconds)
    lines = ["", f"{'stage':14}{'seconds':>9}  result"]
    lines += [f"{name:14}{row.seconds:9.1f}  {row.word}{row.why and f': {row.why}'}" for name, row in rows]
    skipped = f", {words.count('skipped')} skipped" if "skipped" in words else ""
    lines += [
        f"{'all':14}{seconds:9.1f}",
        "",
        f"stages: {words.count('ok')} passed, {words.count('FAILED')} failed{skipped}",
    ]
    return "\n".join(lines)


def main(names: t.Sequence[str]) -> int:
    start = time.monotonic()
    if list(names) == ["setup"]:
        missing = prepare(STAGES)
        for without, why in missing.items():
            print(f"setup: no {without.path.name}: {why}")
        for core in CORES:
            if CORES[core] not in missing:
                ansible_test.home(core)
        return 0
    stages = chosen(names)
    missing = prepare(stages)
    if len(stages) == 1 and not missing:
        return single(stages[0])
    runner = Runner(stages, missing)
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(143))
    passed = runner.run()
    print(summary(runner, time.monotonic() - start))
    return 0 if passed else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (environment.SetupError, subprocess.CalledProcessError) as error:
        sys.exit(f"setup: {error}")
    except KeyboardInterrupt:
        sys.exit(130)

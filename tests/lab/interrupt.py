#!/usr/bin/env python
# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill runs of quorum.etcd.site at many points, and see that running it again is all that is needed.

    tests/lab/interrupt.py INVENTORY HOST=ADDRESS...

A point is something that shows on hosts or in the run's output, never a time. The run and all its children on this
machine get SIGKILL; what runs on the hosts by then is left to itself, or at some points killed, too. Afterwards a
plain run must succeed, another one must change nothing, and etcd must be well. Runs in which a member joins or is
replaced are killed once further on each time, and healed in the end. A client writes during all but first roll-outs;
nothing acknowledged may be missing. Expects what molecule sets for Ansible in the environment.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from pathlib import Path

LAB = Path(__file__).resolve().parent
LIMIT = 300.0
LOOK = "0.02"
GAP = 3.0
TRUTH = (
    "tr '\\0' '\\n' <\"/proc/$(systemctl show --property=MainPID --value etcd)/environ\""
    " | grep ^ETCD_SNAPSHOT_COUNT= ; ls -A /etc/etcd"
)


class Failed(Exception):
    """What was not as it must be."""


class Point(t.NamedTuple):
    """When to kill: ``test``, a shell condition, is true on ``times`` hosts, or ``text`` is in the output so often.

    ``modules`` says that what Ansible runs on the hosts is killed, too. The run has so many ``forks``.
    """

    name: str
    test: str = ""
    text: str = ""
    times: int = 1
    modules: bool = False
    forks: int = 5


FIRST = (
    Point("the hosts are being looked at", text="TASK [quorum.etcd.etcd : Observe the host]"),
    Point("a release begins to be unpacked", test='[ -n "$(ls -A /opt/etcd 2>/dev/null)" ]', modules=True),
    Point("one host has its user and no unit", test="id etcd >/dev/null 2>&1"),
    Point("one host has bootstrap.env", test="[ -e /etc/etcd/bootstrap.env ]", modules=True),
    Point("two servers run", test="pidof etcd >/dev/null", times=2),
    Point("all servers run", test="[ -e /etc/etcd/bootstrap.env ] && pidof etcd >/dev/null", times=3),
    Point("servers were started one by one", text="TASK [quorum.etcd.etcd : Wait until it serves]", forks=1),
)
RESTART = (
    Point("the plan is made", text="TASK [quorum.etcd.etcd : Take turns]"),
    Point("the first member's files are being written", test="[ -e /etc/etcd/former ]", modules=True),
    Point("the first member is down", test="! pidof etcd >/dev/null"),
    Point("the second member is down", test="! pidof etcd >/dev/null", times=2, modules=True),
    Point("the leader's files are being written", test="[ -e /etc/etcd/former ]", times=3),
)
# In order: each run goes on where the one before was killed.
ADDED = (
    Point("the member is listed", text="TASK [quorum.etcd.etcd : Take the turn]", modules=True),
    Point("bootstrap.env is there", test="[ -e /etc/etcd/bootstrap.env ]", modules=True),
    Point("the member is given its vote", text="TASK [quorum.etcd.etcd : Give the member its vote]", modules=True),
)
CHAINS = {
    "join": ADDED,
    "replace": (
        Point(
            "the member was removed", text="TASK [quorum.etcd.etcd : Leave the host the way a new one is]", modules=True
        ),
        Point("its data was moved aside", test="ls -d /var/lib/etcd?* >/dev/null 2>&1", modules=True),
        *ADDED,
    ),
}


class Lab:
    """The hosts, and the runs on them."""

    def __init__(self, inventory: t.Sequence[Path], hosts: t.Mapping[str, str]) -> None:
        self.inventory = inventory
        self.hosts = hosts
        self.urls = [f"http://{address}:2379" for address in hosts.values()]

    def ssh(self, address: str, command: str) -> subprocess.Popen[str]:
        key = os.environ["ANSIBLE_PRIVATE_KEY_FILE"]
        options = [
            "-oStrictHostKeyChecking=no",
            "-oUserKnownHostsFile=/dev/null",
            "-oLogLevel=ERROR",
            "-oBatchMode=yes",
        ]
        return subprocess.Popen(
            ["ssh", f"-i{key}", *options, f"root@{address}", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def everywhere(self, command: str) -> t.Dict[str, str]:
        """Run a command on all hosts at once; what it said."""
        processes = {host: self.ssh(address, command) for host, address in self.hosts.items()}
        said = {host: process.communicate(timeout=LIMIT)[0] for host, process in processes.items()}
        for host, process in processes.items():
            if process.returncode != 0:
                raise Failed(f"{host}: {command}: {said[host]}")
        return said

    def site(
        self, variables: t.Mapping[str, t.Any], output: t.Any = subprocess.PIPE, *, forks: int = 5
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                "ansible-playbook",
                *(f"--inventory={path}" for path in self.inventory),
                f"--extra-vars={json.dumps(variables)}",
                f"--forks={forks}",
                "quorum.etcd.site",
            ],
            env={**os.environ, "ANSIBLE_DIFF_ALWAYS": "false", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, variables: t.Mapping[str, t.Any]) -> t.Tuple[str, int]:
        """A whole run: what it said, how many hosts' tasks changed something.

        :raises Failed: it did.
        """
        process = self.site(variables)
        try:
            said = process.communicate(timeout=LIMIT)[0]
        except subprocess.TimeoutExpired:
            kill(process.pid)
            raise Failed(f"running it again took more than {LIMIT:.0f} s") from None
        if process.returncode != 0:
            raise Failed(f"running it again failed:\n{said}")
        return said, sum(int(number) for number in re.findall(r"changed=(\d+)", said))

    def heal(self, kind: str, variables: t.Mapping[str, t.Any]) -> str:
        """Run again, and once more; the story in a line.

        :raises Failed: a run did, or the last one still had something to do.
        """
        begun = time.monotonic()
        changed = self.run(variables)[1]
        healed = time.monotonic()
        self.rest(kind, variables)
        return f"run again, {changed} tasks changed something ({healed - begun:.1f} s), then none"

    def rest(self, kind: str, variables: t.Mapping[str, t.Any]) -> None:
        """A run that has nothing to do.

        :raises Failed: it did, or changed something.
        """
        said, changed = self.run(variables)
        if changed:
            raise Failed(f"{kind}: another run still changed something:\n{said}")

    def run_until(self, variables: t.Mapping[str, t.Any], point: Point) -> None:
        """Start a run and kill it at the point; its modules, too, where the point says so.

        :raises Failed: it ended before.
        """
        seen: queue.Queue[str] = queue.Queue()
        watchers: t.List[subprocess.Popen[str]] = []
        if point.test:
            loop = f"echo ready; until {point.test}; do sleep {LOOK}; done; echo there"
            watchers = [self.ssh(address, loop) for address in self.hosts.values()]
            for watcher in watchers:
                if watcher.stdout is None or watcher.stdout.readline().strip() != "ready":
                    raise Failed("a host could not be watched")
        process = self.site(variables, forks=point.forks)
        lines: t.List[str] = []
        threads = [threading.Thread(target=self._watch, args=(watcher, seen), daemon=True) for watcher in watchers]
        threads.append(threading.Thread(target=self._read, args=(process, point, lines, seen), daemon=True))
        for thread in threads:
            thread.start()
        try:
            for _time in range(point.times):
                if seen.get(timeout=LIMIT) == "end":
                    raise Failed(f"the run ended before it could be killed:\n{''.join(lines)}")
        except queue.Empty:
            raise Failed(f"the point was not reached:\n{''.join(lines)}") from None
        finally:
            kill(process.pid)
            for watcher in watchers:
                watcher.kill()
                watcher.wait()
            process.wait()
        if process.returncode != -signal.SIGKILL:
            raise Failed(f"the run ended before it could be killed:\n{''.join(lines)}")
        if point.modules:
            self.everywhere("pkill -KILL python3 || true")

    @staticmethod
    def _watch(watcher: subprocess.Popen[str], seen: queue.Queue[str]) -> None:
        if watcher.stdout is not None and watcher.stdout.readline().strip() == "there":
            seen.put("there")

    @staticmethod
    def _read(process: subprocess.Popen[str], point: Point, lines: t.List[str], seen: queue.Queue[str]) -> None:
        for line in process.stdout or ():
            lines.append(line)
            if point.text and point.text in line:
                seen.put("there")
        seen.put("end")

    def check(self, variables: t.Mapping[str, t.Any]) -> None:
        """Everything is well, runs as wished, and nothing is left over.

        :raises Failed: not so.
        """
        first = next(iter(self.hosts.values()))
        etcdctl = "/etc/etcd/release/etcdctl"
        process = self.ssh(
            first, f". /etc/etcd/etcdctl.env; {etcdctl} endpoint health --cluster; {etcdctl} member list"
        )
        said = process.communicate(timeout=LIMIT)[0]
        if said.count("is healthy") != len(self.hosts) or said.count("started") != len(self.hosts):
            raise Failed(f"etcdctl says:\n{said}")
        wished = f"ETCD_SNAPSHOT_COUNT={variables['etcd_settings']['snapshot-count']}"
        for host, truth in self.everywhere(TRUTH).items():
            if truth.split() != [wished, "etcd.env", "etcdctl.env", "release"]:
                raise Failed(f"{host} runs with, and has in /etc/etcd: {truth.split()}")

    def trial(self, kind: str, point: Point, variables: t.Mapping[str, t.Any]) -> None:
        """Kill at one point and heal."""
        begun = time.monotonic()
        self.run_until(variables, point)
        killed = time.monotonic()
        healed = self.heal(kind, variables)
        self.check(variables)
        print(
            f"{kind}: killed{', modules too,' if point.modules else ''} when {point.name} ({killed - begun:.1f} s): "
            f"{healed}; healthy",
            flush=True,
        )


def children(pid: int) -> t.List[int]:
    """All descendants of a process, whatever session they are in."""
    parents: t.Dict[int, t.List[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(path.parent.name))
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


def kill(pid: int) -> None:
    """SIGKILL to a process and all it started; stopped first, so that none starts more meanwhile."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGSTOP)
        # It may be about to start one: the signal is only noted yet.
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "TtZX":
            time.sleep(0.001)
    for number in (*children(pid), pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def wish(number: int) -> t.Dict[str, t.Any]:
    return {"etcd_settings": {"snapshot-count": 20000 + number}}


def first_rollouts(lab: Lab) -> None:
    for number, point in enumerate(FIRST):
        subprocess.run([LAB / "reset", *lab.hosts.values()], check=True)
        lab.trial("first roll-out", point, wish(number))


@contextlib.contextmanager
def watched(lab: Lab, kind: str, *, gap: float = GAP, life: t.Sequence[str] = ()) -> t.Iterator[None]:
    """A client writes meanwhile, and is judged in the end. ``life`` are options of the writer's.

    :raises Failed: something acknowledged is missing, or the client waited longer than ``gap`` seconds.
    """
    with tempfile.TemporaryDirectory() as directory:
        writer, record = str(LAB / "writer.py"), f"{directory}/writes"
        subprocess.run([writer, "start", record, *life, *lab.urls], check=True)
        try:
            yield
        finally:
            subprocess.run([writer, "stop", record], check=True)
        command = [writer, "verify", f"--max-gap={gap}", record, *lab.urls]
        verdict = subprocess.run(command, capture_output=True, text=True, check=False)
        print(f"{kind}: {verdict.stdout}{verdict.stderr}".strip(), flush=True)
        if verdict.returncode != 0:
            raise Failed("what the client saw")


def restarts(lab: Lab) -> None:
    with watched(lab, "restarts"):
        for number, point in enumerate(RESTART):
            lab.trial("restart", point, wish(100 + number))


def chain(lab: Lab, kind: str, variables: t.Mapping[str, t.Any]) -> None:
    """Kill each run a little later than the one before, then heal."""
    with watched(lab, kind):
        for point in CHAINS[kind]:
            begun = time.monotonic()
            lab.run_until(variables, point)
            print(f"{kind}: killed when {point.name} ({time.monotonic() - begun:.1f} s)", flush=True)
        print(f"{kind}: {lab.heal(kind, variables)}", flush=True)
    lab.check(variables)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill runs at many points, and heal by running again.")
    parser.add_argument("inventory", type=Path)
    parser.add_argument("hosts", nargs="+", metavar="HOST=ADDRESS")
    parser.add_argument("--only", choices=["first", "restart", *CHAINS], help="only one kind of run")
    parser.add_argument("--more-inventory", type=Path, action="append", default=[], help="read after INVENTORY")
    parser.add_argument(
        "--variables", type=json.loads, default={}, help="extra variables of every run that is killed once"
    )
    options = parser.parse_intermixed_args()
    lab = Lab([options.inventory, *options.more_inventory], dict(pair.split("=", 1) for pair in options.hosts))
    try:
        if options.only in (None, "first"):
            first_rollouts(lab)
        if options.only in (None, "restart"):
            restarts(lab)
        if options.only in CHAINS:
            chain(lab, options.only, options.variables)
    except Failed as failure:
        print(f"FAILED: {failure}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

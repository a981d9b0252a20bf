#!/usr/bin/env python
# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role costs, beside the smallest thing that does the same.

    tests/bench/rollout.py [--rounds N] [--keep]

On three test hosts: a first roll-out, a run with nothing to do, a setting and a patch level rolled through the cluster
while a client writes; beside them tests/bench/floor.sh and a play with one module that does nothing. Walls depend on
the machine and its load, so everything is done in turns within one run, and the ratios of a round count. Shows medians.
Fails where a write was lost or more is asked of the hosts than is meant to be; ratios are only told.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAB, BENCH, CACHE = ROOT / "tests/lab", ROOT / "tests/bench", ROOT / ".cache"
NAME, SUBNET, MIRROR = "bench", "10.77.30.0/24", "http://10.77.30.2"
HOSTS = {f"etcd{number}": f"10.77.30.1{number}" for number in (1, 2, 3)}
BEFORE, AFTER = "3.6.14", "3.6.16"
SSH = (
    "-o ControlMaster=auto -o ControlPersist=60s -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
    "-o LogLevel=ERROR"
)
SETTINGS = [{"etcd_settings": {"snapshot-count": count}} for count in (20000, 20001)]
URLS = [f"http://{address}:2379" for address in HOSTS.values()]


def call(*command: t.Union[str, Path], **env: str) -> str:
    """What a program says; the bench ends where it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"bench: {command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def play(directory: Path, *words: t.Union[str, Path], **env: str) -> float:
    """Run ansible-playbook on test hosts, connections kept in ``directory``; the wall in seconds."""
    begun = time.monotonic()
    call(
        Path(sys.executable).with_name("ansible-playbook"),
        *words,
        ANSIBLE_COLLECTIONS_PATH=str(CACHE),
        ANSIBLE_PIPELINING="true",
        ANSIBLE_PRIVATE_KEY_FILE=str(CACHE / "lab/id"),
        ANSIBLE_REMOTE_USER="root",
        ANSIBLE_SSH_ARGS=SSH,
        ANSIBLE_SSH_CONTROL_PATH_DIR=str(directory / "cp"),
        ANSIBLE_HOST_KEY_CHECKING="false",
        **env,
    )
    return time.monotonic() - begun


def control(directory: Path) -> str:
    """The options of ssh to test hosts, connections kept in ``directory``."""
    return f"{SSH} -o ControlPath={directory}/%C -i {CACHE}/lab/id"


@dataclasses.dataclass
class Figures:
    """All rounds' figures of one thing that was done: walls in seconds, remote results per host, the client's gaps."""

    walls: t.List[float] = dataclasses.field(default_factory=list)
    results: t.Set[int] = dataclasses.field(default_factory=set)
    gaps: t.List[float] = dataclasses.field(default_factory=list)
    lost: int = 0

    @property
    def wall(self) -> float:
        return statistics.median(self.walls)


class Bench:
    """Does and measures, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.figures: t.Dict[str, Figures] = {}
        self.inventory = directory / "inventory.json"
        self.inventory.write_text(json.dumps(self._inventory()))
        self.control = control(directory)

    @staticmethod
    def _inventory() -> t.Dict[str, t.Any]:
        sums = {
            version: {"amd64": (CACHE / f"mirror/v{version}/SHA256SUMS").read_text().split()[0]}
            for version in (BEFORE, AFTER)
        }
        variables = {"etcd_version": BEFORE, "etcd_release_sources": [MIRROR], "etcd_release_checksums": sums}
        hosts = {host: {"ansible_host": address} for host, address in HOSTS.items()}
        return {"etcd": {"hosts": hosts, "vars": variables}}

    def of(self, what: str) -> Figures:
        return self.figures.setdefault(what, Figures())

    def play(self, what: str, playbook: str, **variables: t.Any) -> None:
        record = self.directory / "results"
        wall = play(
            self.directory,
            f"--inventory={self.inventory}",
            f"--extra-vars={json.dumps(variables)}",
            playbook,
            ANSIBLE_CALLBACK_PLUGINS=str(LAB / "callbacks"),
            ANSIBLE_CALLBACKS_ENABLED="record",
            RECORD_FILE=str(record),
        )
        self.of(what).walls.append(wall)
        lines = [json.loads(line) for line in record.read_text().splitlines()]
        for host in HOSTS:
            self.of(what).results.add(sum(line["remote"] for line in lines if line["host"] == host))

    def floor(self, what: str, *arguments: t.Union[str, Path]) -> None:
        pairs = [f"{host}={address}" for host, address in HOSTS.items()]
        begun = time.monotonic()
        call(BENCH / "floor.sh", *arguments, *pairs, FLOOR_SSH=self.control)
        self.of(what).walls.append(time.monotonic() - begun)

    def watched(self, what: str, do: t.Callable[[], None]) -> None:
        """Do it while a client writes."""
        writes = self.directory / "writes"
        call(LAB / "writer.py", "start", writes, *URLS)
        try:
            do()
        finally:
            call(LAB / "writer.py", "stop", writes)
        verdict = json.loads(call(LAB / "writer.py", "verify", "--json", writes, *URLS))
        self.of(what).gaps.append(verdict["gap"])
        self.of(what).lost += verdict["lost"]

    def forget(self) -> None:
        """Bare hosts, and no connection kept open."""
        call(LAB / "reset", *HOSTS.values())
        for path in [*self.directory.glob("cp/*"), *self.directory.glob("?" * 40)]:
            call("ssh", f"-oControlPath={path}", "-Oexit", "host")

    def round(self) -> None:
        self.forget()
        self.play("first", "quorum.etcd.site")
        unit = self.directory / "unit"
        first = f"root@{HOSTS['etcd1']}"
        unit.write_text(call("ssh", *self.control.split(), first, "cat /etc/systemd/system/etcd.service"))
        self.play("again", "quorum.etcd.site")
        self.play("trivial", str(BENCH / "trivial.yml"))
        # How long an etcd takes to close its peers' connections depends on what was restarted before: what is held
        # against each other are roll-outs through one cluster, each of them after another.
        self.play("first setting", "quorum.etcd.site", **SETTINGS[0])
        self.watched("floor setting", lambda: self.floor("floor setting", "setting", "ETCD_SNAPSHOT_COUNT=30000"))
        self.watched("setting", lambda: self.play("setting", "quorum.etcd.site", **SETTINGS[1]))
        self.watched("patch", lambda: self.play("patch", "quorum.etcd.site", **SETTINGS[1], etcd_version=AFTER))
        self.forget()
        self.floor("floor first", "first", BEFORE, MIRROR, unit)

    def report(self) -> bool:
        """Print the table; whether nothing was lost and no more asked of hosts than is meant."""
        rows = (
            ("first roll-out", "first", "floor first", "plain script", 3.0, 3),
            ("nothing to do", "again", "trivial", "one module that does nothing", 1.4, 1),
            ("setting, rolling", "setting", "floor setting", "plain script", 3.0, 2),
            ("patch level, rolling", "patch", "setting", "a setting", None, 3),
        )
        print(f"{'':22}{'s':>6}{'beside':>8}{'ratio':>7}{'most':>6}{'results per host':>18}  beside it")
        well = True
        for label, name, reference, beside, most, count in rows:
            ours, theirs = self.of(name), self.of(reference)
            ratio = statistics.median(one / other for one, other in zip(ours.walls, theirs.walls))
            results = ",".join(map(str, sorted(ours.results)))
            told = f"{label:22}{ours.wall:6.1f}{theirs.wall:8.1f}{ratio:7.2f}{most or '':>6}{results:>18}  {beside}"
            print(told + ("  MISSED" if most is not None and ratio > most else ""))
            if max(ours.results) > count:
                print(f"bench: {label}: more than {count} results per host")
                well = False
        pairs = zip(self.of("patch").walls, self.of("setting").walls)
        per_host = statistics.median(patch - setting for patch, setting in pairs) / len(HOSTS)
        print(f"patch level: a setting and {per_host:.1f} s per host (at most 1.0)")
        for label, name in (("setting", "setting"), ("patch level", "patch"), ("plain script", "floor setting")):
            one = self.of(name)
            gaps = ", ".join(f"{gap:.2f}" for gap in one.gaps)
            print(f"longest gap between acknowledged writes, {label}: {gaps} s; lost {one.lost}")
            well = well and one.lost == 0
        return well


def main() -> int:
    parser = argparse.ArgumentParser(description="What the role costs, beside the smallest thing that does the same.")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is done (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the test hosts up")
    options = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    pairs = [f"{host}={address}" for host, address in HOSTS.items()]
    subprocess.run([LAB / "hosts", "up", NAME, SUBNET, *pairs], check=True)
    try:
        with tempfile.TemporaryDirectory(prefix="qe-") as directory:
            bench = Bench(Path(directory))
            for number in range(options.rounds):
                print(f"round {number + 1} of {options.rounds}, load {os.getloadavg()[0]:.1f}", flush=True)
                bench.round()
            bench.forget()
            return 0 if bench.report() else 1
    finally:
        if not options.keep:
            subprocess.run([LAB / "hosts", "down", NAME], check=True)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python
# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hurt a cluster at random moments of roll-outs, and see that one plain run of quorum.etcd.site is the cure.

    tests/lab/chaos.py --lab LAB --data-dir DIRECTORY --seeds 1,2,3 INVENTORY HOST=ADDRESS...

A seed says whom, when and for how long; the injuries take turns. Afterwards a plain run must succeed, or refuse because
data is gone and name who is to be replaced, which must then succeed; another run must change nothing, and etcd must be
well. A client writes all the while; nothing acknowledged may be missing. DIRECTORY must be on a small file system of
its own. Expects what molecule sets for Ansible in the environment.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import typing as t
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.lab.interrupt import LAB, LIMIT, Failed, Lab, kill, watched, wish

_CHAIN = "type filter hook {} priority 0; policy drop;"
CUT = f"table inet chaos {{ chain i {{ {_CHAIN.format('input')} }}; chain o {{ {_CHAIN.format('output')} }}; }}"


class Patient(Lab):
    """The hosts, and what can be done to them."""

    def __init__(self, inventory: Path, hosts: t.Mapping[str, str], lab: str, data_dir: str) -> None:
        super().__init__([inventory], hosts)
        self.lab = lab
        self.data_dir = data_dir

    def inside(self, host: str, *command: str) -> None:
        """Run a command on a host without its network.

        :raises Failed: it did.
        """
        container = f"quorum-etcd-{self.lab}.{host}"
        done = subprocess.run(
            [LAB / "podman", "exec", container, *command], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Failed(f"{host}: {' '.join(command)}: {done.stderr.strip()}")

    def leader(self) -> str:
        """The host whose member leads, as far as one of them says."""
        for host, address in self.hosts.items():
            request = urllib.request.Request(f"http://{address}:2379/v3/maintenance/status", data=b"{}")
            with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=1) as answer:
                status = json.load(answer)
                if status.get("leader") == status["header"]["member_id"]:
                    return host
        return next(iter(self.hosts))


class Trial:
    """One roll-out with one injury."""

    def __init__(self, patient: Patient, seed: int) -> None:
        self.patient = patient
        self.chance = random.Random(seed)
        self.wish = wish(200 + seed)
        self.injury = list(INJURIES)[seed % len(INJURIES)]
        self.victim = self.chance.choice(sorted(patient.hosts))
        self.moment = self.chance.uniform(1.0, 9.0)
        self.length = self.chance.uniform(2.0, 6.0)

    def take(self) -> str:
        """Hurt and heal; the story in a line.

        :raises Failed: it cannot be healed.
        """
        with tempfile.TemporaryFile("w+") as output:
            process = self.patient.site(self.wish, output)
            try:
                time.sleep(self.moment)
                INJURIES[self.injury](self, process)
                process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                raise Failed(f"{self.injury}: the run did not end within {LIMIT:.0f} s") from None
            finally:
                kill(process.pid)
                process.wait()
        cure = self._heal()
        self.patient.rest(self.injury, self.wish)
        self.patient.check(self.wish)
        where = f"{self.victim}, {self.moment:.1f} s into the run, which gave {process.returncode}"
        return f"{self.injury} ({where}): {cure}; then nothing to do, healthy"

    def _heal(self) -> str:
        try:
            self.patient.run(self.wish)
        except Failed as failure:
            found = re.search(r"etcd_replace_members=(\S+?)[.,\s]", str(failure))
            if self.injury != "data dropped" or found is None:
                raise
            self.patient.run({**self.wish, "etcd_replace_members": found.group(1)})
            return f"refused until {found.group(1)} was named to be replaced"
        return "healed by a plain run"

    # --- injuries ---

    def member(self, _process: subprocess.Popen[str]) -> None:
        self.patient.inside(self.victim, "sh", "-c", "pkill -KILL -x etcd || true")

    def leader(self, _process: subprocess.Popen[str]) -> None:
        self.victim = self.patient.leader()
        self.patient.inside(self.victim, "sh", "-c", "pkill -KILL -x etcd || true")

    def run(self, process: subprocess.Popen[str]) -> None:
        self.victim = "the run"
        kill(process.pid)

    def disk(self, _process: subprocess.Popen[str]) -> None:
        filler = f"{self.patient.data_dir}/../filler"
        self.patient.inside(self.victim, "sh", "-c", f"dd if=/dev/zero of={filler} bs=1M 2>/dev/null || true")
        time.sleep(self.length)
        self.patient.inside(self.victim, "rm", filler)

    def network(self, _process: subprocess.Popen[str]) -> None:
        self.patient.inside(self.victim, "nft", CUT)
        time.sleep(self.length)
        self.patient.inside(self.victim, "nft", "delete", "table", "inet", "chaos")

    def data(self, _process: subprocess.Popen[str]) -> None:
        self.patient.inside(
            self.victim, "sh", "-c", f"rm -rf {self.patient.data_dir}/member; pkill -KILL -x etcd || true"
        )


INJURIES: t.Dict[str, t.Callable[[Trial, subprocess.Popen[str]], None]] = {
    "run killed": Trial.run,
    "member killed": Trial.member,
    "leader killed": Trial.leader,
    "disk full": Trial.disk,
    "network stopped": Trial.network,
    "data dropped": Trial.data,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Hurt a cluster during roll-outs, and heal it by running again.")
    parser.add_argument("--lab", required=True, help="whose hosts they are")
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--seeds", required=True, type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("inventory", type=Path)
    parser.add_argument("hosts", nargs="+", metavar="HOST=ADDRESS")
    options = parser.parse_args()
    hosts = dict(pair.split("=", 1) for pair in options.hosts)
    patient = Patient(options.inventory, hosts, options.lab, options.data_dir)
    try:
        with watched(patient, "chaos", gap=float("inf"), life=["--life=1200"]):
            for seed in options.seeds:
                print(f"{seed}: {Trial(patient, seed).take()}", flush=True)
    except Failed as failure:
        print(f"FAILED: {failure}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python
# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many clusters in one play cost, beside one of them.

    tests/bench/clusters.py [--clusters N] [--rounds N]

N clusters of three on three machines, each cluster an instance on every machine. A setting is rolled through one of
them, and then through all in one play, in turns within one run. Clusters take their turns side by side, so that all
should take hardly longer than one, as far as the machines carry it: here all share one. Shows medians, and the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.rollout import LAB, play

NAME, SUBNET = "clusters", "10.77.33.0/24"
MACHINES = {f"machine{number}": f"10.77.33.1{number}" for number in (1, 2, 3)}
VERSION, MOST = "3.6.16", 2.0


def inventory(clusters: int) -> t.Dict[str, t.Any]:
    """A group for each cluster, below the group ``etcd``."""
    groups = {}
    for number in range(clusters):
        hosts = {
            f"c{number}-{machine}": {"ansible_host": address, "etcd_name": machine}
            for machine, address in MACHINES.items()
        }
        variables = {
            "etcd_cluster_name": f"c{number}",
            "etcd_service": f"etcd-c{number}",
            "etcd_client_port": 12379 + 100 * number,
            "etcd_peer_port": 12380 + 100 * number,
        }
        groups[f"c{number}"] = {"hosts": hosts, "vars": variables}
    common = {"etcd_version": VERSION, "etcd_release_sources": ["http://10.77.33.2"]}
    return {"etcd": {"children": groups, "vars": common}}


class Cost(t.NamedTuple):
    """What a run took: its wall, and what all cores of the machine worked meanwhile, whoever for. In seconds."""

    wall: float
    work: float


def worked() -> float:
    """What all cores have worked since the boot, in seconds (``proc_stat(5)``: the first line adds up all cores)."""
    ticks = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    _user, _nice, _system, idle, waiting, *_others = ticks
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def median(costs: t.Iterable[Cost]) -> Cost:
    walls, works = zip(*costs)
    return Cost(statistics.median(walls), statistics.median(works))


def main() -> int:
    parser = argparse.ArgumentParser(description="What many clusters in one play cost, beside one of them.")
    parser.add_argument("--clusters", type=int, default=10, help="how many (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is done (default: %(default)s)")
    options = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    pairs = [f"{host}={address}" for host, address in MACHINES.items()]
    subprocess.run([LAB / "hosts", "up", NAME, SUBNET, *pairs], check=True)
    try:
        with tempfile.TemporaryDirectory(prefix="qe-") as directory:
            place = Path(directory, "inventory.json")
            place.write_text(json.dumps(inventory(options.clusters)))

            def roll(value: int, *words: str) -> Cost:
                wish = json.dumps({"etcd_settings": {"snapshot-count": value}})
                common = [f"--inventory={place}", f"--extra-vars={wish}", "--forks=30"]
                before = worked()
                wall = play(Path(directory), *common, *words, "quorum.etcd.site")
                return Cost(wall, worked() - before)

            first = roll(20000)
            costs = [(roll(30000 + number, "--limit=c0"), roll(40000 + number)) for number in range(options.rounds)]
        one, everyone = (median(column) for column in zip(*costs))
        cores = os.cpu_count() or 1
        for count, cost in ((1, one), (options.clusters, everyone)):
            use = cost.work / cost.wall / cores
            a_member = cost.work / count / len(MACHINES)
            print(f"a setting, {count:2} clusters: {cost.wall:5.1f} s, {a_member:.1f} s of work a member, ", end="")
            print(f"{use:4.0%} of {cores} cores in use")
        ratio = everyone.wall / one.wall
        print(f"beside one cluster: {ratio:.2f} (at most {MOST})" + ("  MISSED" if ratio > MOST else ""))
        least = max(one.wall, one.work * options.clusters / cores)
        print(f"beside the least that it could take on this machine, {least:.1f} s: {everyone.wall / least:.2f}")
        print(f"first roll-out of all: {first.wall:.1f} s")
        return 0
    finally:
        subprocess.run([LAB / "hosts", "down", NAME], check=True)


if __name__ == "__main__":
    sys.exit(main())

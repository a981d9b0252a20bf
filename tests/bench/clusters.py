#!/usr/bin/env python
# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many clusters in one play cost, beside one of them.

    tests/bench/clusters.py [--clusters N] [--rounds N]

N clusters of three on three machines, each cluster an instance on every machine. A setting is rolled through one of
them, and then through all in one play, in turns within one run; beside it by tests/bench/floor.sh, a script for each
cluster, all at once; and a play with one module that does nothing. Clusters take their turns side by side, so that all
should take hardly longer than one, as far as the machines carry it: here all share one, with the controller. Shows
medians, and ratios.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.rollout import BENCH, LAB, control, play

NAME, SUBNET = "clusters", "10.77.33.0/24"
MACHINES = {f"machine{number}": f"10.77.33.1{number}" for number in (1, 2, 3)}
PAIRS = [f"{machine}={address}" for machine, address in MACHINES.items()]
VERSION, MOST = "3.6.16", 2.0
SITE, ROLE = "quorum.etcd.site", "a setting, role"


def service(cluster: int) -> t.Tuple[str, int]:
    """The name of a cluster's instance on each machine, and the port that its clients are served at."""
    return f"etcd-c{cluster}", 12379 + 100 * cluster


def inventory(clusters: int) -> t.Dict[str, t.Any]:
    """A group for each cluster, below the group ``etcd``."""
    groups = {}
    for number in range(clusters):
        hosts = {
            f"c{number}-{machine}": {"ansible_host": address, "etcd_name": machine}
            for machine, address in MACHINES.items()
        }
        name, port = service(number)
        variables = {
            "etcd_cluster_name": f"c{number}",
            "etcd_service": name,
            "etcd_client_port": port,
            "etcd_peer_port": port + 1,
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


def measured(do: t.Callable[[], t.Any]) -> Cost:
    begun, before = time.monotonic(), worked()
    do()
    return Cost(time.monotonic() - begun, worked() - before)


def script(directory: Path, clusters: int, value: int) -> None:
    """Have the script roll a setting through each of the first clusters, all at once."""
    command = [str(BENCH / "floor.sh"), "setting", f"ETCD_SNAPSHOT_COUNT={value}", *PAIRS]
    running: t.List[subprocess.Popen[bytes]] = []
    for number in range(clusters):
        name, port = service(number)
        env = {**os.environ, "FLOOR_SSH": control(directory), "FLOOR_SERVICE": name, "FLOOR_PORT": str(port)}
        running.append(subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL))
    failed = sum(process.wait() != 0 for process in running)
    if failed:
        raise SystemExit(f"bench: the script failed in {failed} clusters")


def tell(name: str, one: Cost, everyone: Cost, clusters: int, most: t.Optional[float]) -> None:
    """A line of the table."""
    ratio, cores = everyone.wall / one.wall, os.cpu_count() or 1
    work, use = everyone.work / clusters / len(MACHINES), everyone.work / everyone.wall / cores
    told = f"{name:28}{one.wall:6.1f}{everyone.wall:8.1f}{ratio:7.2f}{most or '':>6}{work:13.2f}{use:11.0%}"
    print(told + ("  MISSED" if most is not None and ratio > most else ""))


def median(costs: t.Iterable[Cost]) -> Cost:
    walls, works = zip(*costs)
    return Cost(statistics.median(walls), statistics.median(works))


def main() -> int:
    parser = argparse.ArgumentParser(description="What many clusters in one play cost, beside one of them.")
    parser.add_argument("--clusters", type=int, default=10, help="how many (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is done (default: %(default)s)")
    options = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run([LAB / "hosts", "up", NAME, SUBNET, *PAIRS], check=True)
    try:
        with tempfile.TemporaryDirectory(prefix="qe-") as directory:
            place = Path(directory, "inventory.json")
            place.write_text(json.dumps(inventory(options.clusters)))
            values = itertools.count(20000)

            def run(playbook: str, *words: str) -> Cost:
                wish = json.dumps({"etcd_settings": {"snapshot-count": next(values)}})
                common = [f"--inventory={place}", f"--extra-vars={wish}", "--forks=30"]
                return measured(lambda: play(Path(directory), *common, *words, playbook))

            def floor(clusters: int) -> Cost:
                return measured(lambda: script(Path(directory), clusters, next(values)))

            first = run(SITE)
            idle, many = str(BENCH / "trivial.yml"), options.clusters
            kinds: t.Dict[str, t.Callable[[], t.Tuple[Cost, Cost]]] = {
                ROLE: lambda: (run(SITE, "--limit=c0"), run(SITE)),
                "a setting, plain script": lambda: (floor(1), floor(many)),
                "a module that does nothing": lambda: (run(idle, "--limit=c0"), run(idle)),
            }
            rounds = [{name: do() for name, do in kinds.items()} for _number in range(options.rounds)]
        print(
            f"{'s, one and all clusters':28}{1:6}{many:8}{'ratio':>7}{'most':>6}{'work/member':>13}{'cores used':>11}"
        )
        for name in kinds:
            one, everyone = (median(column) for column in zip(*(costs[name] for costs in rounds)))
            tell(name, one, everyone, many, MOST if name == ROLE else None)
        print(f"first roll-out of all: {first.wall:.1f} s")
        return 0
    finally:
        subprocess.run([LAB / "hosts", "down", NAME], check=True)


if __name__ == "__main__":
    sys.exit(main())

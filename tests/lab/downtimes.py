#!/usr/bin/env python
# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say when each host's server was down, by its journal, and fail where two were down at once.

    tests/lab/downtimes.py <HOSTS

HOSTS is JSON: of each host the lines that ``journalctl --output=json`` gave of its unit's "Stopping" and "Started". The
hosts share a clock.
"""

from __future__ import annotations

import json
import sys
import typing as t


class Downtime(t.NamedTuple):
    """Seconds since the epoch."""

    begin: float
    end: float
    host: str


def downtimes(host: str, lines: t.Iterable[str]) -> t.Iterator[Downtime]:
    """Each from "Stopping" to the next "Started"; what never started again is down for ever."""
    begin = None
    for line in lines:
        entry = json.loads(line)
        moment = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        if entry["MESSAGE"].startswith("Stopping"):
            begin = moment if begin is None else begin
        elif begin is not None:
            yield Downtime(begin, moment, host)
            begin = None
    if begin is not None:
        yield Downtime(begin, float("inf"), host)


def main() -> int:
    hosts = json.load(sys.stdin)
    every = sorted(one for host, lines in hosts.items() for one in downtimes(host, lines))
    if not every:
        raise SystemExit("downtimes: nobody was ever down: that is not what was to be seen")
    start, overlaps = every[0].begin, 0
    for number, one in enumerate(every):
        meets = any(other.end > one.begin and other.host != one.host for other in every[:number])
        overlaps += meets
        print(f"{one.host}: {one.begin - start:7.2f} s to {one.end - start:7.2f} s" + ("  AT ONCE" if meets else ""))
    return 1 if overlaps else 0


if __name__ == "__main__":
    sys.exit(main())

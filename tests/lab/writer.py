#!/usr/bin/env python
# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that writes without pause, and afterwards says whether anything it was promised is missing.

    tests/lab/writer.py start FILE URL...     write in the background; returns after the first acknowledged write
    tests/lab/writer.py stop FILE             stop it; nothing happens where it does not run
    tests/lab/writer.py verify FILE URL...    read back all that was acknowledged, tell the longest gap
    tests/lab/writer.py run FILE URL...       write in the foreground, until SIGTERM

Each write has a key of its own and 0.3 s to be acknowledged; else the next member is asked with the next key. FILE
gets a line for each write as soon as its outcome is known:

    run PREFIX CLOCK WALL    the first line: what keys begin with, and the same instant on both clocks
    ack NUMBER CLOCK         acknowledged: it must be found ever after
    err NUMBER CLOCK WHY     not acknowledged: it may be found, or not
    end CLOCK                stopped

Where etcd asks for a user, it is the one in ETCDCTL_USER (NAME:PASSWORD).

Written with the standard library alone, so that it shares no code with what it judges.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import types
import typing as t
import urllib.parse
from pathlib import Path

TIMEOUT = 0.3
PAUSE = 0.01
LIFE = 900.0
PAGE = 2000
READ_TIMEOUT = 10.0
START_TIMEOUT = 15.0
# what etcd answers, and what a connection does when a server goes away
PROBLEMS = (OSError, http.client.HTTPException, ValueError)


class Gateway:
    """One member's HTTP/JSON gateway, over a connection that is kept."""

    def __init__(self, url: str, timeout: float) -> None:
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
        self._user, _colon, self._password = os.environ.get("ETCDCTL_USER", "").partition(":")
        self._token = ""

    def ask(self, path: str, body: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        """The answer to one request, for which a new token is asked first if it is needed; see ``_ask``."""
        if self._user and not self._token:
            found = self._ask("/v3/auth/authenticate", {"name": self._user, "password": self._password})
            self._token = str(found["token"])
        try:
            return self._ask(path, body)
        except ValueError:
            self._token = ""  # a member knows none of before its restart
            raise

    def _ask(self, path: str, body: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        """The answer to one request.

        :raises OSError: no connection, or no answer in time.
        :raises http.client.HTTPException: no proper answer.
        :raises ValueError: etcd refused.
        """
        headers = {"Content-Type": "application/json", **({"Authorization": self._token} if self._token else {})}
        try:
            self._connection.request("POST", path, json.dumps(body), headers)
            response = self._connection.getresponse()
            answer = response.read()
        except BaseException:
            self._connection.close()
            raise
        if response.status != 200:
            raise ValueError(f"{response.status} {answer.decode(errors='replace').strip()}")
        decoded = json.loads(answer)
        if not isinstance(decoded, dict):
            raise ValueError("not an object")
        return decoded


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def key_of(prefix: str, number: int) -> str:
    return f"{prefix}{number:09}"


# Writing


class Stop:
    """Becomes true at SIGTERM."""

    def __init__(self) -> None:
        self.wanted = False
        signal.signal(signal.SIGTERM, self._handle)

    def _handle(self, _number: int, _frame: t.Optional[types.FrameType]) -> None:
        self.wanted = True


def write(path: Path, urls: t.Sequence[str], life: float, stop: Stop) -> None:
    members = [Gateway(url, TIMEOUT) for url in urls]
    prefix = f"/writer/{secrets.token_hex(6)}/"
    deadline = time.monotonic() + life
    number = turn = 0
    with path.open("w", buffering=1) as log:
        log.write(f"run {prefix} {time.monotonic():.4f} {time.time():.4f}\n")
        while not stop.wanted and time.monotonic() < deadline:
            number += 1
            put = {"key": encoded(key_of(prefix, number)), "value": encoded(str(number))}
            try:
                members[turn].ask("/v3/kv/put", put)
            except PROBLEMS as error:
                why = " ".join(f"{urls[turn]} {type(error).__name__} {error}".split())
                log.write(f"err {number} {time.monotonic():.4f} {why}\n")
                turn = (turn + 1) % len(members)
            else:
                log.write(f"ack {number} {time.monotonic():.4f}\n")
            time.sleep(PAUSE)
        log.write(f"end {time.monotonic():.4f}\n")


def pid_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.pid")


def running(path: Path) -> int:
    """The PID of the writer of this file, 0 where none runs."""
    try:
        pid = int(pid_file(path).read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return 0
    return pid if str(path).encode() in words else 0


def start(path: Path, urls: t.Sequence[str], life: float) -> None:
    stop(path)
    path.unlink(missing_ok=True)
    command = [sys.executable, __file__, "run", str(path), *urls, f"--life={life}"]
    with path.with_name(f"{path.name}.out").open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    pid_file(path).write_text(str(process.pid))
    deadline = time.monotonic() + START_TIMEOUT
    while not (path.exists() and "\nack " in path.read_text()):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(path)
            said = path.read_text() if path.exists() else path.with_name(f"{path.name}.out").read_text()
            raise SystemExit(f"writer: nothing was acknowledged in {START_TIMEOUT:.0f} s: {said[-500:]}")
        time.sleep(0.02)


def stop(path: Path) -> None:
    pid = running(path)
    while pid and running(path) and not is_zombie(pid):
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.02)
    pid_file(path).unlink(missing_ok=True)


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


# Judging


class Record(t.NamedTuple):
    """What a writer has noted. ``acknowledged``: when, by number. ``ended``: when it stopped, ``None`` if killed."""

    prefix: str
    begun: float
    wall: float
    acknowledged: t.Dict[int, float]
    problems: t.List[str]
    ended: t.Optional[float]


def read_record(text: str) -> Record:
    lines = text.splitlines()
    _run, prefix, begun, wall = lines[0].split()
    acknowledged: t.Dict[int, float] = {}
    problems: t.List[str] = []
    ended = None
    for line in lines[1:]:
        kind, _space, rest = line.partition(" ")
        if kind == "ack":
            number, moment = rest.split()
            acknowledged[int(number)] = float(moment)
        elif kind == "err":
            number, moment, why = rest.split(" ", 2)
            problems.append(f"+{float(moment) - float(begun):.2f} s: {why}")
        elif kind == "end":
            ended = float(rest)
    return Record(prefix, float(begun), float(wall), acknowledged, problems, ended)


def longest_gap(record: Record) -> t.Tuple[float, float]:
    """The longest time without an acknowledged write, and when it began. The end counts, the beginning does not."""
    moments = sorted(record.acknowledged.values())
    if record.ended is not None:
        moments.append(record.ended)
    gaps = [(after - before, before) for before, after in zip(moments, moments[1:])]
    return max(gaps, default=(0.0, record.begun))


def stored(url: str, prefix: str) -> t.Dict[int, str]:
    """All numbers found at one member, by linearizable reads, with their values."""
    gateway = Gateway(url, READ_TIMEOUT)
    found: t.Dict[int, str] = {}
    begin, end = prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)
    while True:
        page = gateway.ask("/v3/kv/range", {"key": encoded(begin), "range_end": encoded(end), "limit": PAGE})
        for pair in page.get("kvs", []):
            begin = base64.b64decode(pair["key"]).decode()
            found[int(begin[len(prefix) :])] = base64.b64decode(pair.get("value", "")).decode()
        if not page.get("more"):
            return found
        begin += "\0"


def stored_anywhere(urls: t.Sequence[str], prefix: str) -> t.Dict[int, str]:
    problems = []
    for url in urls:
        try:
            return stored(url, prefix)
        except PROBLEMS as error:
            problems.append(f"{url}: {error}")
    raise SystemExit(f"writer: nobody lets read back: {'; '.join(problems)}")


def verify(path: Path, urls: t.Sequence[str], max_gap: float, as_json: bool) -> int:
    record = read_record(path.read_text())
    found = stored_anywhere(urls, record.prefix)
    lost = sorted(number for number in record.acknowledged if found.get(number) != str(number))
    gap, began = longest_gap(record)
    at = time.strftime("%H:%M:%S", time.localtime(record.wall + began - record.begun))
    result = {
        "acknowledged": len(record.acknowledged),
        "lost": len(lost),
        "first_lost": lost[:10],
        "gap": round(gap, 3),
        "gap_at": round(began - record.begun, 2),
        "seconds": round((record.ended or began) - record.begun, 2),
        "problems": record.problems[-20:],
        "ended": record.ended is not None,
    }
    if as_json:
        print(json.dumps(result))
    else:
        where = f"at {at} (+{began - record.begun:.2f} s)"
        print(f"acknowledged {len(record.acknowledged)}, lost {len(lost)}, longest gap {gap:.2f} s {where}")
    faults = []
    if lost:
        faults.append(f"lost writes, the first of them {lost[:10]}")
    if gap > max_gap:
        faults.append(f"the gap is longer than {max_gap:g} s; not acknowledged were: {record.problems[-10:]}")
    if not record.acknowledged:
        faults.append("nothing was acknowledged")
    if record.ended is None:
        faults.append("the writer did not end by itself")
    for fault in faults:
        print(f"writer: {fault}", file=sys.stderr)
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Write without pause, and tell what was lost.")
    parser.add_argument("command", choices=["start", "stop", "verify", "run"])
    parser.add_argument("file", type=Path)
    parser.add_argument("urls", nargs="*", metavar="URL")
    parser.add_argument("--life", type=float, default=LIFE, help="seconds after which it stops (default: %(default)s)")
    parser.add_argument("--max-gap", type=float, default=float("inf"), metavar="S", help="fail on a longer gap")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    options = parser.parse_intermixed_args()
    path = options.file.absolute()
    if options.command == "stop":
        stop(path)
        return 0
    if not options.urls:
        parser.error("at least one URL")
    if options.command == "run":
        write(path, options.urls, options.life, Stop())
    elif options.command == "start":
        start(path, options.urls, options.life)
    else:
        return verify(path, options.urls, options.max_gap, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())

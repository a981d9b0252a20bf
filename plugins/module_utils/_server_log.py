# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server's log tells of why it is not healthy.

Private to this collection. Pure: lines in, lines out.
"""

from __future__ import annotations

import json
import re
import typing as t

MOST = 20  # lines that are passed on

_STACK = re.compile(r',"stacktrace":"(?:[^"\\]|\\.)*"')
_SEVERE = ("error", "dpanic", "panic", "fatal")
# of Go's runtime, and of the engines' clients
_PREFIXES = ("panic:", "fatal error:", "Error: ", "docker: ")
# why etcd ends although it only warns of it, before worse that follows from it
_REMOVED = "the member has been permanently removed from the cluster"
# where engines say what could have been written
_HINT = re.compile(r"\s*(See '|Run '|Usage: )")


def telling(lines: t.Sequence[str]) -> t.Tuple[str, ...]:
    """The last lines of a log without stack traces; where it is long, the last severe ones and the very last ones."""
    lines = [_STACK.sub("", line) for line in lines]
    if len(lines) <= MOST:
        return tuple(lines)
    severe = [number for number, line in enumerate(lines) if _is_severe(line)][-MOST // 2 :]
    tail = range(len(lines) - (MOST - len(severe)), len(lines))
    return tuple(lines[number] for number in sorted({*severe, *tail}))


def summary(lines: t.Sequence[str]) -> str:
    """What the last severe line says; where there is none, the last that tells of an error; else the last."""
    removed = [line for line in lines if _REMOVED in str(_record(line).get("error"))]
    severe = [line for line in lines if _is_severe(line)]
    # what etcd finds wrong with its settings it only warns of, before it exits
    errors = [line for line in lines if _record(line).get("error")]
    others = [line for line in lines if line.strip() and not _HINT.match(line)]
    for line in (removed or severe or errors or others)[-1:]:
        record = _record(line)
        words = [str(record[key]) for key in ("msg", "error") if record.get(key)]
        return (": ".join(words) or line.strip()).rstrip(".")
    return ""


def _is_severe(line: str) -> bool:
    level = str(_record(line).get("level", "")).lower()
    return level in _SEVERE or line.lstrip().startswith(_PREFIXES)


def _record(line: str) -> t.Dict[str, t.Any]:
    try:
        record = json.loads(line[line.index("{") :])
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


__all__ = ("summary", "telling")

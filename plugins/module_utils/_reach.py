# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether somebody listens where members reach each other. Private to this collection."""

from __future__ import annotations

import contextlib
import socket
import typing as t
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

_MOST = 16


def reached(urls: t.Iterable[str], timeout: float) -> t.FrozenSet[str]:
    """Those of the URLs at which a connection is accepted within ``timeout`` seconds; all are tried at once.

    One whose name this machine does not resolve counts as reached: members in containers may know it.
    """
    todo = tuple(dict.fromkeys(urls))
    if not todo:
        return frozenset()
    with ThreadPoolExecutor(max_workers=min(len(todo), _MOST)) as pool:
        answers = list(pool.map(lambda url: _accepts(url, timeout), todo))
    return frozenset(url for url, answer in zip(todo, answers) if answer)


def _accepts(url: str, timeout: float) -> bool:
    try:
        parts = urlsplit(url)
        with contextlib.closing(socket.create_connection((parts.hostname or "", parts.port or 2380), timeout)):
            return True
    except (socket.gaierror, ValueError):  # no name, or none that can be looked up
        return True
    except OSError:
        return False


__all__ = ("reached",)

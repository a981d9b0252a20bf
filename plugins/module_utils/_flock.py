# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alone among all runs on this machine. Private to this collection.

A lock is gone with the process that holds it, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t

PAUSE = 0.1


@contextlib.contextmanager
def held(path: str, *, limit: t.Optional[float] = None) -> t.Iterator[None]:
    """Hold a directory, or a file that is made where there is none, against whoever else asks for it here.

    A file stays afterwards: to remove it would let two processes hold two different locks. Waits for ``limit`` seconds,
    without end where there is none.

    :raises BlockingIOError: somebody else still held it.
    :raises OSError: it could not be opened.
    """
    flags = os.O_RDONLY if os.path.isdir(path) else os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    handle = os.open(path, flags, 0o600)
    try:
        if limit is None:
            fcntl.flock(handle, fcntl.LOCK_EX)
        else:
            _try(handle, time.monotonic() + limit)
        yield
    finally:
        os.close(handle)


def _try(handle: int, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(PAUSE)


__all__ = ("held",)

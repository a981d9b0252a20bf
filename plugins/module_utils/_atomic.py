# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are there whole or not at all, whenever a run is killed. Private to this collection."""

from __future__ import annotations

import contextlib
import os
import tempfile


def write_whole(path: str, text: str, mode: int, *, errors: str = "strict") -> None:
    """Replace a file; who reads it meanwhile reads the old or the new one whole, and so does who comes after a crash.

    ``errors`` is how what is not UTF-8 was read, such as ``surrogateescape``.

    :raises OSError: it could not be written; the old one is there, and nothing beside it.
    """
    directory, name = os.path.split(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
    try:
        with open(descriptor, "w", encoding="utf-8", errors=errors) as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_directory(directory)


def sync_directory(path: str) -> None:
    """Have what was renamed or removed in a directory survive a crash."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


__all__ = ("sync_directory", "write_whole")

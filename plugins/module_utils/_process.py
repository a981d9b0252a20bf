# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running processes, read from ``/proc``. Private to this collection.

Everything takes ``root``, so that a test can bring a recorded ``/proc``. Nothing here raises because a process ended or
belongs to somebody else: it gives nothing then.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._envfile import redact
from ansible_collections.quorum.etcd.plugins.module_utils._flags import parse_file, parse_flags
from ansible_collections.quorum.etcd.plugins.module_utils._model import ProcessSeen

_DELETED = " (deleted)"
_PASSWORD_FLAG = "discovery-password"
_CONFIG_FILE = "ETCD_CONFIG_FILE"


class Stat(t.NamedTuple):
    """Of ``/proc/PID/stat``. ``ticks`` is when it started, in clock ticks since boot: with the PID an identity.

    ``loaded`` is false while the kernel is replacing its program by another, and once its memory is gone.
    """

    parent: int
    state: str
    ticks: int
    loaded: bool

    @property
    def alive(self) -> bool:
        """Not a zombie or on its way out."""
        return self.state not in "ZX"


def look(pid: int, *, root: str = "/proc") -> t.Optional[ProcessSeen]:
    """What process ``pid`` runs, or nothing when it is gone or is no etcd.

    ``executable`` and ``environment`` are empty where this user may not read them. What it was told by flags, or by
    the file that takes the place of flags and variables, stands in ``environment``, too. ``started`` is in seconds
    since the epoch, exact to a second (the kernel tells the time of boot no better).
    """
    if not is_etcd(pid, root=root):
        return None
    # While it becomes etcd, and once it ends, it has no environment and no arguments: what is read in between is whole.
    found = stat(pid, root=root)
    if found is None or not found.alive or not (found.loaded or environment(pid, root=root)):
        return None
    told = _told(pid, root)
    path = executable(pid, root=root)
    words = arguments(pid, root=root)
    if not words:
        return None
    return ProcessSeen(
        pid=pid,
        executable=path[: -len(_DELETED)] if path.endswith(_DELETED) else path,
        environment=redact(told),
        started=_boot_time(root) + found.ticks / os.sysconf("SC_CLK_TCK"),
        replaced=path.endswith(_DELETED),
        arguments=_without_secrets(words[1:]),
    )


def _told(pid: int, root: str) -> t.Dict[str, str]:
    """All that an etcd was told, as variables."""
    told = {k: v for k, v in environment(pid, root=root).items() if k.startswith(("ETCD_", "QUORUM_"))}
    told.update(parse_flags(arguments(pid, root=root)[1:]))
    path = told.get(_CONFIG_FILE)
    if not path:
        return told
    text = _read(os.path.join(directory(pid, root=root), path)).decode(errors="replace")
    return {**parse_file(text), _CONFIG_FILE: path}


def is_etcd(pid: int, *, root: str = "/proc") -> bool:
    """Whether it runs a program called ``etcd``; where that may not be read, whether it calls itself so."""
    path = executable(pid, root=root)
    if not path:
        path = "".join(arguments(pid, root=root)[:1])
    return os.path.basename(path[: -len(_DELETED)] if path.endswith(_DELETED) else path) == "etcd"


def every(*, root: str = "/proc") -> t.List[int]:
    """All process IDs, ascending."""
    try:
        return sorted(int(name) for name in os.listdir(root) if name.isdigit())
    except OSError:
        return []


def below(pid: int, *, root: str = "/proc") -> t.List[int]:
    """The processes that descend from ``pid``, nearest first."""
    children: t.Dict[int, t.List[int]] = {}
    for other in every(root=root):
        found = stat(other, root=root)
        if found is not None:
            children.setdefault(found.parent, []).append(other)
    reached: t.List[int] = []
    waiting = children.get(pid, [])
    while waiting:
        reached += waiting
        waiting = [child for parent in waiting for child in children.get(parent, [])]
    return reached


def stat(pid: int, *, root: str = "/proc") -> t.Optional[Stat]:
    """Parent, state and start of a process, or nothing when it is gone."""
    # The name in parentheses may hold anything, spaces and parentheses too.
    words = _read(f"{root}/{pid}/stat").rpartition(b")")[2].split()
    try:
        return Stat(parent=int(words[1]), state=words[0].decode(), ticks=int(words[19]), loaded=words[23] != b"0")
    except (IndexError, ValueError):
        return None


def arguments(pid: int, *, root: str = "/proc") -> t.Tuple[str, ...]:
    """The command line, the program's own name first; empty for kernel threads and zombies."""
    text = _read(f"{root}/{pid}/cmdline").decode(errors="replace")
    return tuple(text.rstrip("\0").split("\0")) if text else ()


def environment(pid: int, *, root: str = "/proc") -> t.Dict[str, str]:
    """The whole environment it was started with, secrets included."""
    text = _read(f"{root}/{pid}/environ").decode(errors="replace")
    return dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)


def executable(pid: int, *, root: str = "/proc") -> str:
    """Where its program lies, as the kernel says; ends with `` (deleted)`` when it lies there no more."""
    return _link(f"{root}/{pid}/exe")


def directory(pid: int, *, root: str = "/proc") -> str:
    """Its working directory."""
    return _link(f"{root}/{pid}/cwd")


def _boot_time(root: str) -> float:
    for line in _read(f"{root}/stat").splitlines():
        if line.startswith(b"btime "):
            return float(line.split()[1])
    return 0.0


def _without_secrets(words: t.Sequence[str]) -> t.Tuple[str, ...]:
    kept: t.List[str] = []
    secret_next = False
    for word in words:
        name, equals, value = word.lstrip("-").partition("=")
        if secret_next or (name == _PASSWORD_FLAG and equals):
            shown = redact({"ETCD_DISCOVERY_PASSWORD": word if secret_next else value})["ETCD_DISCOVERY_PASSWORD"]
            kept.append(shown if secret_next else f"--{_PASSWORD_FLAG}={shown}")
        else:
            kept.append(word)
        secret_next = not secret_next and word.startswith("-") and name == _PASSWORD_FLAG and not equals
    return tuple(kept)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


__all__ = (
    "Stat",
    "arguments",
    "below",
    "directory",
    "environment",
    "every",
    "executable",
    "is_etcd",
    "look",
    "stat",
)

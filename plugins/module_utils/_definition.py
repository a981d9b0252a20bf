# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit, or a line of a Procfile, tells the process that it starts. Private to this collection. Pure."""

from __future__ import annotations

import hashlib
import posixpath
import re
import shlex
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._envfile import NO_SETTINGS, parse
from ansible_collections.quorum.etcd.plugins.module_utils._model import Change, ProcessSeen, ServiceSeen

# The definition shows in no environment: its digest stands there for it.
DIGEST = "QUORUM_CONFIG_DIGEST"

_OURS = ("ETCD_", "QUORUM_")
_VOLUME = re.compile(r"--volume=([^:\s]+):([^:\s]+)")


def digest(definition: str) -> str:
    """Of all but the comments."""
    return hashlib.sha256(_told(definition).encode()).hexdigest()[:16]


def started_by_another(
    wished: str, written: t.Optional[str], service: ServiceSeen, process: ProcessSeen, *, interrupted: bool
) -> t.Tuple[Change, ...]:
    """Whether another unit than the wished one started the process, though its environment has the wished one's digest.

    Either somebody edited the unit and restarted the server; or a turn that put that right was ``interrupted`` before
    it restarted. When a process started is known to a second: one that started meanwhile has the unit that is written.
    """
    edited = _told(written or "").strip() != _told(wished).strip()
    has_written = process.started + 1 >= service.defined
    if service.defined and (has_written if edited else interrupted and not has_written):
        return (Change("definition", "another when it was started", "written"),)
    return ()


def says_of_start(drop_in: str, read: t.Callable[[str], t.Optional[str]]) -> t.Tuple[str, ...]:
    """What a drop-in says of how the server is started: variables of etcd's that it sets itself, and the directives
    that replace its command, take variables away, or name files of variables (``read`` gives their text).
    """
    found: t.Dict[str, t.List[str]] = {}
    for line in drop_in.replace("\\\n", " ").splitlines():
        directive, equals, value = (word.strip() for word in line.partition("="))
        if equals and not value:
            found.pop(directive, None)  # takes back what was said before
        if not value:
            continue
        try:
            words = shlex.split(value)
        except ValueError:
            words = value.split()
        if directive == "Environment":
            names = [word.partition("=")[0] for word in words if word.startswith(_OURS)]
            found.setdefault(directive, []).extend(name for name in names if name not in NO_SETTINGS)
        elif (
            directive == "ExecStart"
            or (directive == "UnsetEnvironment" and any(word.startswith(_OURS) for word in words))
            or (directive == "EnvironmentFile" and any(key.startswith(_OURS) for key in parse(read(value) or "")))
        ):
            found[directive] = [directive]
    return tuple(dict.fromkeys(word for words in found.values() for word in words))


def on_host(definition: str, path: str) -> str:
    """Where a file is on the host that the server of a unit knows by this path: a container has it from a volume."""
    for outside, inside in _VOLUME.findall(definition):
        if path == inside:
            return str(outside)
        if path.startswith(inside.rstrip("/") + "/"):
            return posixpath.join(outside, posixpath.relpath(path, inside))
    return path


def in_container(definition: str) -> bool:
    """Whether it runs etcd in one: then an engine reads the environment, and not the service manager."""
    return "--env-file" in definition


def overruled(drop_ins: t.Mapping[str, t.Sequence[str]], wished: str, environment: t.Mapping[str, str]) -> t.List[str]:
    """What keeps a unit from starting the server as wished: ``FILE has ExecStart``.

    A variable of a drop-in counts only where ``environment`` does not have it: the unit reads that later. Nor does it
    reach into a container, which only the command starts.
    """
    contained = in_container(wished)
    return [
        f"{path} has {', '.join(words)}"
        for path, said in sorted(drop_ins.items())
        for words in [[word for word in said if word == "ExecStart" or not (contained or word in environment)]]
        if words
    ]


def _told(definition: str) -> str:
    return "\n".join(line for line in definition.splitlines() if not line.startswith("#"))


__all__ = ("DIGEST", "digest", "in_container", "on_host", "overruled", "says_of_start", "started_by_another")

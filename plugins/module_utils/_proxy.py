# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy before a cluster, run as a service of its own. Private to this collection.

A proxy has no data and no quorum to think of, so it may be restarted at any time. Whether it must be is read from the
running process: the unit sets a digest of itself and of the certificates it loads (``LoadCredential=``), which the
process then has in its environment.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import socket
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._definition import DIGEST
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, ServerFailed
from ansible_collections.quorum.etcd.plugins.module_utils._model import Clock, ProcessSeen
from ansible_collections.quorum.etcd.plugins.module_utils._service import Service

_POLL = 0.1
# A program that cannot listen ends at once. One that says when it is ready needs no proof that it stays.
_STEADY = 1.0
_LOOPS = 3


class Look(t.Protocol):
    """``_process.look``."""

    def __call__(self, pid: int) -> t.Optional[ProcessSeen]: ...


class Accepts(t.Protocol):
    """Whether somebody accepts connections at an address."""

    def __call__(self, host: str, port: int) -> bool: ...


@dataclasses.dataclass
class Outcome:
    """What was done, or in check mode would be: a word each of ``define``, ``enable``, ``restart``, ``remove``."""

    actions: t.List[str]
    before: t.Optional[str]
    after: t.Optional[str]
    pid: int = 0


@dataclasses.dataclass(frozen=True)
class World:
    """What a proxy is made of, and how to look at it."""

    name: str
    service: Service
    read: t.Callable[[str], bytes]
    look: Look
    accepts: Accepts
    clock: Clock
    dry: bool = False


def run(world: World, definition: str, listen: t.Tuple[str, int], *, timeout: float) -> Outcome:
    """Have the proxy run as defined, start at boot, and accept connections at ``listen``.

    A proxy that does not come up is put back to what it was if it ran, and stopped if it did not.

    :raises InvalidInput: the definition is no unit of a service, or a file it loads cannot be read.
    :raises ServerFailed: it does not come up; ``details["log"]`` has its last lines.
    :raises ServiceError: the service manager does not do its part.
    """
    unit, digest = stamped(definition, _credentials(world, definition))
    former = world.service.definition()
    seen = world.service.seen()
    process = world.look(seen.main_pid) if seen.main_pid else None
    ran = process is not None and seen.state == "active"
    as_wished = former == unit and process is not None and process.environment.get(DIGEST) == digest
    stale = not ran or not as_wished or (process is not None and process.replaced)
    wanted = {"define": former != unit, "enable": not seen.enabled, "restart": stale}
    outcome = Outcome([name for name, needed in wanted.items() if needed], former, unit, seen.main_pid)
    if world.dry:
        return outcome
    world.service.define(unit)  # even the same one: systemd may not have read it yet
    world.service.enable()
    if stale:
        since = world.clock.time()
        world.service.restart()
        outcome.pid = _wait(world, digest, listen, timeout, notifies="Type=notify" in unit)
        if not outcome.pid:
            log = world.service.log(since=since)
            raise ServerFailed(
                f"{world.name} did not come up at {_shown(listen)} within {timeout:g} s"
                f"{': ' + log[-1] if log else ''}. {_put_back(world, former if ran else None, listen, timeout)}",
                remedy=f"Look at the log, and whether something else listens at {_shown(listen)}.",
                log=list(log),
            )
    return outcome


def remove(world: World) -> Outcome:
    """Have no such proxy.

    :raises ServiceError: the service manager does not do its part.
    """
    former = world.service.definition()
    seen = world.service.seen()
    if former is None and not seen.main_pid:
        return Outcome([], None, None)
    if not world.dry:
        world.service.stop()
        if seen.enabled:
            world.service.disable()
        world.service.define(None)
    return Outcome(["remove"], former, None)


def stamped(definition: str, loaded: bytes = b"") -> t.Tuple[str, str]:
    """The unit with the digest of itself and of what it loads in it, and the digest.

    :raises InvalidInput: it has not exactly one section ``[Service]``, or sets the digest itself.
    """
    digest = hashlib.sha256(definition.encode() + loaded).hexdigest()[:16]
    unit, sections = re.subn(r"(?m)^\[Service\]$", f"[Service]\nEnvironment={DIGEST}={digest}", definition)
    if sections != 1 or DIGEST in definition:
        raise InvalidInput(
            "The definition is not the unit of a service.",
            remedy=f"It must have one section [Service], and not set {DIGEST}.",
        )
    return unit, digest


def accepts(host: str, port: int) -> bool:
    """Whether a connection is accepted there just now; where any address is listened on, the loopback is asked."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    try:
        with socket.create_connection((target, port), timeout=1):
            return True
    except OSError:
        return False


def _credentials(world: World, definition: str) -> bytes:
    """What the files hold that the unit loads. In check mode they need not be there yet."""
    digests = b""
    for word in re.findall(r"(?m)^LoadCredential=[^:\n]+:(.+)$", definition):
        path = word.replace("%%", "%")
        try:
            digests += hashlib.sha256(world.read(path)).digest()
        except OSError as error:
            if not world.dry:
                raise InvalidInput(
                    f"{world.name} cannot have {path}: {error.strerror or error}.", remedy="Put the file there first."
                ) from error
    return digests


def _wait(world: World, digest: str, listen: t.Tuple[str, int], timeout: float, *, notifies: bool) -> int:
    """The PID of a proxy that is up, or 0 after ``timeout`` seconds or some crashes in a row."""
    deadline = world.clock.monotonic() + timeout
    since: t.Dict[int, float] = {}
    while True:
        seen = world.service.seen()
        process = world.look(seen.main_pid) if seen.main_pid else None
        now = world.clock.monotonic()
        if process is not None and process.environment.get(DIGEST) == digest:
            first = since.setdefault(process.pid, now)
            steady = notifies or now - first >= _STEADY
            if seen.state == "active" and steady and world.accepts(*listen):
                return process.pid
        if now > deadline or len(since) >= _LOOPS:
            return 0
        world.clock.sleep(_POLL)


def _put_back(world: World, former: t.Optional[str], listen: t.Tuple[str, int], timeout: float) -> str:
    """Undo, and say what came of it."""
    if former is None:
        world.service.stop()
        return "It is stopped now."
    world.service.define(former)
    world.service.restart()
    found = re.search(rf"(?m)^Environment={DIGEST}=([0-9a-f]+)$", former)
    digest = found.group(1) if found else ""
    up = bool(digest) and _wait(world, digest, listen, timeout, notifies="Type=notify" in former)
    return f"What ran before was put back and {'runs again' if up else 'did not come up at that address either'}."


def _shown(listen: t.Tuple[str, int]) -> str:
    host, port = listen
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


__all__ = ("Outcome", "World", "accepts", "remove", "run", "stamped")

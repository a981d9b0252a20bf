# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container image in an engine: from the first source that gives the right one. Private to this collection.

The name is given last, to an image that was looked into: under it there is never a wrong or half one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import typing as t
import urllib.parse

from ansible_collections.quorum.etcd.plugins.module_utils._atomic import write_whole
from ansible_collections.quorum.etcd.plugins.module_utils._containers import Engine
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, ReleaseError, ServiceError
from ansible_collections.quorum.etcd.plugins.module_utils._image_name import ImageName

_CERTIFICATES = {"docker": "/etc/docker/certs.d", "podman": "/etc/containers/certs.d"}
_CA_FILE = "quorum-etcd.crt"


@dataclasses.dataclass(frozen=True)
class Registry:
    """What a registry needs. ``ca``: its authority's certificate (PEM), or a file with it; ``insecure``: no TLS."""

    ca: str = ""
    insecure: bool = False


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The image that is wished. ``sources``: names of images and ``file://`` archives; ``timeout``: seconds for each.

    ``version`` is what its etcd must say, empty for any.
    """

    name: ImageName
    sources: t.Tuple[t.Union[ImageName, str], ...]
    registries: t.Mapping[str, Registry] = dataclasses.field(default_factory=dict)
    version: str = ""
    timeout: float = 300.0


class Attempt(t.NamedTuple):
    """One source that was tried."""

    source: str
    ok: bool
    reason: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """``before`` and ``after`` are IDs, empty where there is no such image; so is ``after`` in check mode."""

    changed: bool
    before: str = ""
    after: str = ""
    source: str = ""
    attempts: t.Tuple[Attempt, ...] = ()


class _Failed(Exception):
    """Why a source did not give the image, in words that follow its name."""


def wanted(
    *,
    name: str,
    sources: t.Sequence[str],
    registries: t.Optional[t.Mapping[str, t.Any]] = None,
    version: str = "",
    timeout: float = 300.0,
) -> Wanted:
    """Read the wish; without sources the image comes from where its name says.

    :raises InvalidInput: names all that is wrong at once.
    """
    faults: t.List[str] = []
    parsed: t.Optional[ImageName] = None
    found: t.List[t.Union[ImageName, str]] = []
    try:
        parsed = ImageName.parse(name)
    except ValueError as error:
        faults.append(f"name: {error}.")
    for source in sources or [name]:
        try:
            parts = urllib.parse.urlsplit(source)
            if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
                found.append(urllib.parse.unquote(parts.path))
                continue
            found.append(ImageName.parse(source, tag=parsed.tag if parsed else "latest"))
        except ValueError:
            faults.append(f"sources: {source!r} is neither the name of an image nor a file:// URL.")
    known: t.Dict[str, Registry] = {}
    for host, told in (registries or {}).items():
        if not isinstance(told, dict) or set(told) - {"ca", "insecure"} or "/" in host:
            faults.append(f"registries: {host!r} must be a host, and hold ca or insecure alone.")
            continue
        insecure = str(told.get("insecure", False)).lower() in ("true", "yes", "1", "on")
        known[str(host)] = Registry(ca=str(told.get("ca") or ""), insecure=insecure)
    if timeout <= 0:
        faults.append(f"timeout: {timeout:g} s leave no time.")
    if faults or parsed is None:
        raise InvalidInput(" ".join(faults), remedy="See the module's documentation for what each option takes.")
    return Wanted(parsed, tuple(found), known, version, timeout)


def ensure(wish: Wanted, engine: Engine, *, check_mode: bool = False) -> Outcome:
    """Have the engine know the image by its name.

    :raises ReleaseError: no source gave it, with why for each; or the engine is not there.
    :raises ServiceError: the engine does not answer.
    """
    if not engine.present:
        if check_mode:
            return Outcome(changed=True)
        raise ReleaseError(
            f"{engine.name} is not on this host.",
            remedy="Install it, or set etcd_container_engine_install to true to have that done (Debian family).",
        )
    before = engine.image_id(str(wish.name))
    attempts: t.List[Attempt] = []
    if before:
        try:
            _examine(before, wish, engine)
            return Outcome(changed=False, before=before, after=before)
        except _Failed as failure:
            attempts.append(Attempt("what is there", ok=False, reason=str(failure)))
    if check_mode:
        return Outcome(changed=True, before=before)
    for source in wish.sources:
        shown = f"file://{source}" if isinstance(source, str) else str(source)
        try:
            image = _from(source, wish, engine)
            _examine(image, wish, engine)
            _name(image, wish.name, engine)
        except _Failed as failure:
            attempts.append(Attempt(shown, ok=False, reason=str(failure)))
            continue
        attempts.append(Attempt(shown, ok=True, reason=""))
        return Outcome(changed=True, before=before, after=image, source=shown, attempts=tuple(attempts))
    told = "; ".join(f"{attempt.source} {attempt.reason}" for attempt in attempts)
    raise ReleaseError(
        f"No source gave {engine.name} the image {wish.name}: {told}.",
        remedy="Have one of them reachable and right, or name another in etcd_image_sources.",
        attempts=[attempt._asdict() for attempt in attempts],
    )


def _from(source: t.Union[ImageName, str], wish: Wanted, engine: Engine) -> str:
    return _load(source, wish, engine) if isinstance(source, str) else _pull(source, wish, engine)


def _fetch(wish: Wanted, engine: Engine, *words: str) -> t.Tuple[int, str, str]:
    """A call that takes as long as its source does: one that hangs is no reason not to try the next."""
    try:
        return engine.call(*words, timeout=wish.timeout)
    except ServiceError as error:
        raise _Failed(f"gave nothing whole within {wish.timeout:g} s") from error


def _load(path: str, wish: Wanted, engine: Engine) -> str:
    """The ID of the image in an archive, as ``docker save`` makes it."""
    if not os.path.isfile(path):
        raise _Failed("is not there")
    code, out, problem = _fetch(wish, engine, "load", f"--input={path}")
    if code:
        raise _Failed(f"cannot be loaded ({_last(problem or out)})")
    loaded = re.findall(r"^Loaded image(?:\(s\)| ID)?: *(\S+)\s*$", out, re.MULTILINE)
    images = [engine.image_id(name.rstrip(",")) for name in loaded]
    if len(images) != 1 or not images[0]:
        raise _Failed(f"holds {len(images)} images, and must hold one")
    return images[0]


def _pull(source: ImageName, wish: Wanted, engine: Engine) -> str:
    if wish.name.digest and not source.digest:
        source = source._replace(digest=wish.name.digest)
    registry = wish.registries.get(source.registry, Registry())
    if registry.ca:
        trust(source.registry, registry.ca, _CERTIFICATES[engine.name])
    options = ["--tls-verify=false"] if registry.insecure and engine.name == "podman" else []
    code, out, problem = _fetch(wish, engine, "pull", "--quiet", *options, source.pullable)
    if code:
        raise _Failed(_why(problem or out, source, registry, engine))
    image = engine.fetched(source)
    if not image:
        raise _Failed(f"was fetched, and {engine.name} does not have it")
    return image


def _why(problem: str, source: ImageName, registry: Registry, engine: Engine) -> str:
    text = _last(problem)
    if engine.name == "docker" and "server gave HTTP response to HTTPS client" in problem:
        how = f'"insecure-registries": ["{source.registry}"] in /etc/docker/daemon.json, then systemctl reload docker'
        text = f"has no TLS, which only Docker's daemon can be told to take: {how}"
        return text if registry.insecure else f"{text} ({_last(problem)})"
    return f"cannot be fetched ({text})"


def _examine(image: str, wish: Wanted, engine: Engine) -> None:
    """Look into an image before it gets its name."""
    if wish.name.digest and wish.name.digest not in engine.digests(image):
        raise _Failed(f"is not the image with the digest {wish.name.digest}")
    if not wish.version:
        return
    version = engine.version(image)
    if not version:
        raise _Failed("has no etcd on its PATH that runs here")
    if version != wish.version:
        raise _Failed(f"is etcd {version}, not {wish.version}")


def _name(image: str, name: ImageName, engine: Engine) -> None:
    code, out, problem = engine.call("tag", image, name.tagged)
    if code:
        raise _Failed(f"cannot be called {name.tagged} ({_last(problem or out)})")


def trust(registry: str, ca: str, directory: str) -> bool:
    """Have an engine trust a registry by its own authority; read at each fetch. Whether that was a change.

    :raises ReleaseError: when the certificate cannot be read or written.
    """
    path = os.path.join(directory, registry, _CA_FILE)
    try:
        if "-----BEGIN " not in ca:
            with open(ca, encoding="ascii") as stream:
                ca = stream.read()
        text = ca.rstrip("\n") + "\n"
        # PEM is ASCII: what is not is refused here, and not by the next look at it
        text.encode("ascii")
        with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as stream:
            if stream.read() == text:
                return False
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        write_whole(path, text, 0o644)
    except (OSError, UnicodeError) as error:
        raise ReleaseError(
            f"The certificate of {registry}'s authority cannot be put in place: {error}.",
            remedy="Give it as PEM text, or as a file on the host.",
        ) from error
    return True


def _last(text: str) -> str:
    """What an engine said last: the reason, without the words before it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else "no reason given"
    return re.sub(r"^(Error: |Error response from daemon: )+", "", last).rstrip(".,")


__all__ = ("Attempt", "Outcome", "Registry", "Wanted", "ensure", "trust", "wanted")

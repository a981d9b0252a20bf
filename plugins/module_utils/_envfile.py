# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment files: the two ways they are written, and the way systemd reads them.

Private to this collection. Pure: text in, text out. Apart from the settings and their tables, so that a host that
only reads and writes these files is not sent the rest.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
import unicodedata

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._model import Change

# Variables whose values are never shown.
SECRETS = frozenset({"ETCD_DISCOVERY_PASSWORD"})

# How the variables begin that only a first start reads; ETCD_INITIAL_ELECTION_TICK_ADVANCE is not one of them.
BOOTSTRAP = ("ETCD_INITIAL_ADVERTISE_PEER_URLS", "ETCD_INITIAL_CLUSTER", "ETCD_DISCOVERY")

# What etcd reads that is no setting: it is the machine's, and nobody's here to change.
NO_SETTINGS = ("ETCD_UNSUPPORTED_ARCH",)

# The kernel's limit for one string of an environment, `KEY=value` and its terminating zero byte: 32 pages.
LARGEST = 128 * 1024

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# These read the same without quotes in systemd, docker, podman and shells.
_PLAIN = re.compile(r"[A-Za-z0-9%+,./:=@_\[\]-]*\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{16}\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SPECIAL = re.compile(r'([\\"$`])')


def render_quoted(environment: t.Mapping[str, str]) -> str:
    """The file for systemd's ``EnvironmentFile=`` and for shells; sorted by key.

    :raises InvalidInput: for a key or value that no environment file can hold.
    """
    return "".join(f"{key}={_quoted(value)}\n" for key, value in _checked(environment))


def render_raw(environment: t.Mapping[str, str]) -> str:
    """The file for ``--env-file`` of container engines, which take everything behind ``=`` as it stands.

    :raises InvalidInput: for a key or value that no environment file can hold.
    """
    return "".join(f"{key}={value}\n" for key, value in _checked(environment))


def unprintable(value: str) -> bool:
    """Whether it holds control characters, or half a character: no environment file can carry those."""
    return any(unicodedata.category(character) in ("Cc", "Cs") for character in value)


def too_large(key: str, value: str) -> bool:
    """Whether the kernel would refuse to start a program with this in its environment."""
    return len(key) + len(value.encode("utf-8", "surrogatepass")) + 2 > LARGEST


def parse(text: str) -> t.Dict[str, str]:
    """What systemd takes from an environment file: quotes, escapes, comments and continued lines.

    Like systemd it refuses nothing: what has no ``=``, no valid name, or control characters other than tab and newline
    in its value is left out; the last of two values counts.
    It reads what ``render_raw`` writes only where nothing would have needed quotes.
    """
    assignments = _Reader(text).assignments()
    return {key: value for key, value in assignments if _NAME.match(key) and not _CONTROL.search(value)}


def parse_raw(text: str) -> t.Dict[str, str]:
    """What container engines take from the file of ``--env-file``: each line as it stands. No name has a ``#``."""
    pairs = (line.partition("=") for line in text.split("\n"))
    return {key: value for key, equals, value in pairs if equals and _NAME.match(key) and not _CONTROL.search(value)}


class Dialect(t.NamedTuple):
    """How environment files are written and read."""

    render: t.Callable[[t.Mapping[str, str]], str]
    parse: t.Callable[[str], t.Dict[str, str]]


QUOTED = Dialect(render_quoted, parse)
RAW = Dialect(render_raw, parse_raw)


def redact(environment: t.Mapping[str, str]) -> t.Dict[str, str]:
    """The same with secrets replaced by a digest, so that equal ones stay equal; redacting twice changes nothing."""
    return {key: _digest(value) if _is_secret(key, value) else value for key, value in environment.items()}


def mask(environment: t.Mapping[str, str]) -> t.Dict[str, str]:
    """The same to be shown to people: secrets are ``***``."""
    return {key: "***" if _is_secret(key, value) else value for key, value in environment.items()}


def changes(
    before: t.Mapping[str, str], after: t.Mapping[str, str], *, ignore: t.Tuple[str, ...] = BOOTSTRAP
) -> t.Tuple[Change, ...]:
    """The variables in which two environments differ, sorted, secrets masked.

    Those whose names begin as in ``ignore`` are left out.
    """
    before, after = redact(before), redact(after)
    keys = [
        key
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key) and not key.startswith(ignore) and key not in NO_SETTINGS
    ]
    # only what differs is shown
    was, becomes = (mask({key: found[key] for key in keys if key in found}) for found in (before, after))
    return tuple(Change(key, was.get(key), becomes.get(key)) for key in keys)


def _is_secret(key: str, value: str) -> bool:
    return key in SECRETS and bool(value)


def _digest(value: str) -> str:
    if _DIGEST.match(value):
        return value
    return "sha256:" + hashlib.sha256(value.encode()).hexdigest()[:16]


def _quoted(value: str) -> str:
    if _PLAIN.match(value):
        return value
    return '"' + _SPECIAL.sub(r"\\\1", value) + '"'


def _checked(environment: t.Mapping[str, str]) -> t.Iterator[t.Tuple[str, str]]:
    for key, value in sorted(environment.items()):
        if not _NAME.match(key):
            raise InvalidInput(
                f"{key!r} cannot be the name of an environment variable.", remedy="Use letters, digits and _."
            )
        if unprintable(value):
            raise InvalidInput(f"The value of {key} has control characters in it.", remedy="Take them out.")
        if too_large(key, value):
            raise InvalidInput(
                f"The value of {key} is longer than an environment can hold (128 KiB).", remedy="Shorten it."
            )
        yield key, value


class _Reader:
    """systemd's reader of environment files (its version 252), state for state."""

    _BLANK = " \t"
    _END = "\n\r"

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def assignments(self) -> t.Iterator[t.Tuple[str, str]]:
        """Every ``KEY=value``, in order."""
        while True:
            self._skip(self._BLANK + self._END)
            if not self._peek():
                return
            if self._peek() in "#;":
                self._comment()
                continue
            key = self._key()
            if key is not None:
                yield key, self._value()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        character = self._peek()
        self._at += len(character)
        return character

    def _skip(self, characters: str) -> None:
        while self._peek() and self._peek() in characters:
            self._at += 1

    def _comment(self) -> None:
        """Up to the end of the line; a backslash before it continues the comment."""
        while True:
            character = self._next()
            if not character or character in self._END:
                return
            if character == "\\":
                self._next()

    def _key(self) -> t.Optional[str]:
        """Up to ``=``; ``None`` for a line without one."""
        key = self._next()
        while True:
            character = self._next()
            if character == "=":
                return key.rstrip(self._BLANK)
            if not character or character in self._END:
                return None
            key += character

    def _value(self) -> str:
        """Quoted parts, any number of them, then perhaps a bare one, in which quotes are ordinary characters."""
        value = ""
        while True:
            self._skip(self._BLANK)
            character = self._peek()
            if character == "'":
                value += self._single()
            elif character == '"':
                value += self._double()
            elif not character or character in self._END:
                self._next()
                return value
            else:
                return value + self._bare()

    def _single(self) -> str:
        self._next()
        end = self._text.find("'", self._at)
        end = len(self._text) if end < 0 else end
        value, self._at = self._text[self._at : end], end + 1
        return value

    def _double(self) -> str:
        self._next()
        value = ""
        while True:
            character = self._next()
            if character in ('"', ""):
                return value
            if character != "\\":
                value += character
                continue
            escaped = self._next()
            if escaped in ('"', "\\", "`", "$"):
                value += escaped
            elif escaped != "\n":
                value += ("\\" if escaped else "") + escaped

    def _bare(self) -> str:
        """Up to the end of the line, without blanks there; a backslash takes away any meaning, and joins lines."""
        value, kept = "", 0
        while True:
            character = self._next()
            if not character or character in self._END:
                return value[:kept] + value[kept:].rstrip(self._BLANK)
            if character == "\\":
                character = self._next()
                value += "" if character in self._END else character
                kept = len(value)
            else:
                value += character


__all__ = (
    "BOOTSTRAP",
    "LARGEST",
    "QUOTED",
    "RAW",
    "SECRETS",
    "Dialect",
    "changes",
    "mask",
    "parse",
    "parse_raw",
    "redact",
    "render_quoted",
    "render_raw",
    "too_large",
    "unprintable",
)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server was told by flags or by a file of settings, as the variables that would say the same.

Private to this collection. Pure: words and text in, variables out.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._model import Change, ProcessSeen

# Sections of the file, and how the flags begin that say the same.
_SECTIONS = {"client-transport-security": "", "peer-transport-security": "peer-"}
_LINE = re.compile(
    r"(?P<blank> *)(?P<quote>[\"']?)(?P<key>[A-Za-z][A-Za-z0-9-]*)(?P=quote) *:(?:[ \t]+(?P<value>.*))?\Z"
)
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^']|'')*)'")


def variable_of(flag: str) -> str:
    """The variable that says what a flag, or a key of the file, says."""
    return "ETCD_" + flag.upper().replace("-", "_")


def parse_flags(words: t.Sequence[str]) -> t.Dict[str, str]:
    """Flags of a command line, by the names of their variables: ``--name=n1``, ``-name n1``, ``--enable-pprof``.

    A flag without a value that another flag follows, or nothing, is one that is switched on.
    """
    found: t.Dict[str, str] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("-") or not word.strip("-"):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if not equals:
            value = left.pop(0) if left and not left[0].startswith("-") else "true"
        found[variable_of(name)] = value
    return found


def parse_file(text: str) -> t.Dict[str, str]:
    """The settings of a file for ``--config-file``, by the names of their variables; those set to nothing left out.

    Reads the YAML that such files are made of: one plain or quoted value a line, and the two sections for TLS.
    """
    found: t.Dict[str, str] = {}
    section: t.Optional[str] = ""
    for line in text.splitlines():
        match = _LINE.match(line.replace("\t", " ").rstrip())
        if match is None:
            continue
        key, value = match.group("key"), _plain(match.group("value") or "")
        if not match.group("blank"):
            section = _SECTIONS.get(key) if not value else ""
        elif section is None:
            continue
        if value:
            found[variable_of((section or "") + key if match.group("blank") else key)] = value
    return found


def changes(process: ProcessSeen) -> t.Tuple[Change, ...]:
    """What is to go of a command line: a server of ours is told everything by variables."""
    return (Change("command line", "with flags", None),) if process.arguments else ()


def _plain(value: str) -> str:
    value = value.strip()
    quoted = _QUOTED.match(value)
    if quoted is None:
        value = "" if value.startswith("#") else re.split(r"\s#", value)[0].strip()
        return "" if value in ("~", "null") else value
    if quoted.group(1) is not None:
        return re.sub(r"\\(.)", r"\1", quoted.group(1))
    return (quoted.group(2) or "").replace("''", "'")


__all__ = ("changes", "parse_file", "parse_flags", "variable_of")

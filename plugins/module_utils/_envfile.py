# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment files: rendering for systemd and shells, for container engines, and reading back.

Private to this collection.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

SECRETS = frozenset({"ETCD_DISCOVERY_PASSWORD"})

_PLAIN = re.compile(r"[A-Za-z0-9%+,./:=@_\[\]-]*\Z")
_ESCAPED = re.compile(r'([\\"$`])')


def render_quoted(environment: t.Mapping[str, str]) -> str:
    """The text that systemd, dash and bash read as exactly ``environment``, sorted by key."""
    lines = []
    for key, value in sorted(environment.items()):
        quoted = value if _PLAIN.match(value) else '"' + _ESCAPED.sub(r"\\\1", value) + '"'
        lines.append(f"{key}={quoted}\n")
    return "".join(lines)


def parse(text: str) -> t.Dict[str, str]:
    """What ``render_quoted`` wrote, and simple files of other hands: comments, single and double quotes."""
    environment = {}
    for line in text.splitlines():
        line = line.strip()
        if not line or line[0] in "#;" or "=" not in line:
            continue
        key, value = line.split("=", 1)
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            quote, value = value[0], value[1:-1]
            if quote == '"':
                value = re.sub(r'\\([\\"$`])', r"\1", value)
        environment[key.strip()] = value
    return environment


def redact(environment: t.Mapping[str, str]) -> t.Dict[str, str]:
    """The same with secrets replaced by a digest: equal values stay equal."""
    return {
        key: "sha256:" + hashlib.sha256(value.encode()).hexdigest()[:16] if key in SECRETS and value else value
        for key, value in environment.items()
    }


__all__ = ("SECRETS", "parse", "redact", "render_quoted")

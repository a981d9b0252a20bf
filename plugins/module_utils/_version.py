# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions of etcd: three numbers, ordered, and their minor line.

Private to this collection.
"""

from __future__ import annotations

import re
import typing as t

_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})\Z")


class Version(t.NamedTuple):
    """An exact release of etcd, such as 3.6.16. Ordered as numbers."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``3.6.16`` (a leading ``v`` is allowed).

        :raises ValueError: for anything else: pre-releases, ranges, two numbers only.
        """
        found = _VERSION.match(text)
        if found is None:
            raise ValueError(f"{text!r} is not an exact version such as 3.6.16")
        return cls(*(int(number) for number in found.groups()))

    @classmethod
    def parse_or_none(cls, text: str | None) -> Version | None:
        """Read a version that may be absent or unreadable, as observed things may be."""
        try:
            return cls.parse(text) if text else None
        except ValueError:
            return None

    @property
    def line(self) -> str:
        """The minor line: ``3.6`` for 3.6.16."""
        return f"{self.major}.{self.minor}"

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


__all__ = ("Version",)

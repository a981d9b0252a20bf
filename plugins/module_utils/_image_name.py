# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of container images. Private to this collection. Pure.

``docker`` shortens names where it shows them and ``podman`` does not, so that all here are written out: with their
registry, and with a tag.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?"
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?:(?P<host>{_HOST})/)?(?P<path>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?\Z"
)
_VERSION = re.compile(r"v?(\d+\.\d+\.\d+)(?![0-9.])")


class ImageName(t.NamedTuple):
    """``REPOSITORY:TAG`` and, where the image is pinned, the digest of its manifest (``sha256:…``)."""

    repository: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, text: str, *, tag: str = "latest") -> ImageName:
        """Read a name as people write it; ``tag`` is for one that has none.

        :raises ValueError: when no registry could have it.
        """
        found = _NAME.match(text)
        if found is None:
            raise ValueError(f"{text!r} is not the name of an image, such as gcr.io/etcd-development/etcd:v3.6.16")
        host, path = found.group("host") or "", found.group("path")
        if host and not re.search(r"[.:]|^localhost\Z", host):
            host, path = "", f"{host}/{path}"  # what is no host is a part of the path
        if not host:
            host, path = "docker.io", path if "/" in path else f"library/{path}"
        return cls(f"{host}/{path}", found.group("tag") or tag, found.group("digest") or "")

    @property
    def registry(self) -> str:
        """The host, with its port if it has one."""
        return self.repository.partition("/")[0]

    @property
    def tagged(self) -> str:
        """What an engine runs it by: a pinned image that came from elsewhere is not known there by its digest."""
        return f"{self.repository}:{self.tag}"

    @property
    def pullable(self) -> str:
        """What an engine fetches it by: by its digest where it is pinned."""
        return f"{self.repository}@{self.digest}" if self.digest else self.tagged

    @property
    def version(self) -> str:
        """The release of etcd that its tag tells, empty where it tells none."""
        found = _VERSION.match(self.tag)
        version = Version.parse_or_none(found.group(1)) if found else None
        return str(version) if version is not None else ""

    def __str__(self) -> str:
        return f"{self.tagged}@{self.digest}" if self.digest else self.tagged


__all__ = ("ImageName",)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to talk to an etcd server: the words that the client, its transports and its callers share. No I/O.

Private to this collection. Everyone else takes these from ``_client``.
"""

from __future__ import annotations

import dataclasses
import typing as t
from urllib.parse import urlsplit

from ansible_collections.quorum.etcd.plugins.module_utils._address import is_loopback


@dataclasses.dataclass(frozen=True)
class Connection:
    """Credentials and limits for talking to any server of a cluster. ``timeout`` is for one request, in seconds.

    Without ``ca_path`` the system's certificate authorities are trusted. ``client_key`` may be left out where
    ``client_cert`` holds the key, too.
    """

    ca_path: t.Optional[str] = None
    client_cert: t.Optional[str] = None
    client_key: t.Optional[str] = None
    validate_certs: bool = True
    user: t.Optional[str] = None
    password: t.Optional[str] = dataclasses.field(default=None, repr=False)
    timeout: float = 5.0


class Transport(t.Protocol):
    """One server, asked in the JSON shape of etcd's gateway: 64-bit numbers are strings, bytes are base64.

    A transport is used by one thread at a time. ``endpoint`` is its URL.
    """

    endpoint: str

    def call(
        self, rpc: str, request: t.Mapping[str, t.Any], *, timeout: t.Optional[float] = None
    ) -> t.Dict[str, t.Any]:
        """Carry out a unary call such as ``Cluster/MemberList``, authenticated where a user is set.

        :raises ClientError: the class says what may be done about it; ``details["reason"]`` is etcd's own message.
        """

    def get(self, path: str, *, timeout: t.Optional[float] = None) -> t.Tuple[int, str]:
        """Fetch a plain HTTP page such as ``/health``; gives status and text. Never authenticated.

        :raises Unreachable: when there is no answer.
        """

    def close(self) -> None:
        """Give up the connection; a later call makes a new one."""


def local_url(environment: t.Mapping[str, str]) -> str:
    """Where a server with this environment is reached on its own machine; empty where only by a unix socket or nowhere.

    Best is loopback without TLS. With TLS it is an address that others use, too: that is in its certificate. Where
    ``listen-client-http-urls`` is set, the other URLs speak gRPC alone.
    """
    listened = environment.get("ETCD_LISTEN_CLIENT_HTTP_URLS") or environment.get("ETCD_LISTEN_CLIENT_URLS")
    urls = [_reachable(url.strip()) for url in (listened or "http://127.0.0.1:2379").split(",")]
    return min((url for url in urls if url), key=_rank, default="")


def _rank(url: str) -> int:
    secure = url.startswith("https:")
    if is_loopback(urlsplit(url).hostname or ""):
        return 2 if secure else 0
    return 1


def _reachable(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port or 2379
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"}:
        return ""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "localhost": "127.0.0.1"}.get(parts.hostname or "")
    return f"{parts.scheme}://{host}:{port}" if host else url


__all__ = ("Connection", "Transport", "local_url")

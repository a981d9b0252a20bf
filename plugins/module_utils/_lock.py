# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One turn at a time, whoever runs it: a key with a lease in the cluster itself.

Private to this collection. Two runs on the same cluster each see that it can spare one member, and would stop two. The
key is gone ``TTL`` seconds after the run that held it was killed.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, on_any
from ansible_collections.quorum.etcd.plugins.module_utils._errors import ClientError

KEY = b"/quorum.etcd/turn"
TTL = 10
RENEW = 3.0
CALL = 1.5  # the time limit of one request, in seconds


class Lock:
    """Held by ``holder`` (a short text for people) while its turn lasts. ``monotonic`` gives seconds."""

    def __init__(self, holder: str, monotonic: t.Callable[[], float]) -> None:
        self._value = holder.encode()
        self._monotonic = monotonic
        self._clients: t.Sequence[Client] = ()
        self._leases: t.List[int] = []  # the key may have one that was granted before the newest, too
        self._granted = 0.0
        self._revision = 0
        self._tried = 0.0
        self._kept = 0.0

    @property
    def held(self) -> bool:
        """Whether it is ours for certain: kept so lately that its lease cannot have ended since."""
        return self._revision > 0 and self._monotonic() - self._kept < TTL - CALL

    def take(self, clients: t.Sequence[Client]) -> str:
        """Take it, if it is free; who holds it otherwise. Empty where it is held now.

        :raises Unauthenticated, PermissionDenied: who asks may not write the key.
        :raises ClientError: no client could say.
        """
        self._clients = tuple(clients)
        return "" if self.held else self._claim()

    def renew(self) -> None:
        """Keep it, if it was taken and not kept lately. What fails is tried again next time; see then who holds it."""
        if self._revision and self._monotonic() - self._tried >= RENEW:
            with contextlib.suppress(ClientError):
                self._claim()

    def release(self) -> None:
        """Give it back. Where that fails it goes by itself, ``TTL`` seconds later."""
        for lease in self._leases:
            self._revoke(lease)
        self._leases, self._revision = [], 0

    def _claim(self) -> str:
        """Write the key with a new lease, if it is free or still ours; who holds it otherwise."""
        self._tried = self._monotonic()
        if not self._leases or self._tried - self._granted >= RENEW:
            lease = on_any(self._clients, lambda client: client.lease_grant(TTL, timeout=CALL))
            self._leases, self._granted = [*self._leases[-1:], lease], self._tried
        for _attempt in range(2):
            revision = on_any(self._clients, self._write)
            if revision is not None:
                self._revision, self._kept = revision, self._granted
                for lease in self._leases[:-1]:
                    self._revoke(lease)
                del self._leases[:-1]
                return ""
            found = on_any(self._clients, lambda client: client.get(KEY, timeout=CALL))
            if found is not None and found.lease not in self._leases:
                self._revision = 0
                return found.value.decode("utf-8", "replace")
            # It ended meanwhile, or an answer got lost and it was written after all.
            self._revision = found.mod_revision if found is not None else 0
        return "somebody"

    def _write(self, client: Client) -> t.Optional[int]:
        return client.put_if(KEY, self._value, mod_revision=self._revision, lease=self._leases[-1], timeout=CALL)

    def _revoke(self, lease: int) -> None:
        with contextlib.suppress(ClientError):
            on_any(self._clients, lambda client: client.lease_revoke(lease, timeout=CALL))


__all__ = ("KEY", "TTL", "Lock")

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One turn at a time, whoever runs it: a key with a lease in the cluster itself.

Private to this collection. Two runs on the same cluster each see that it can spare one member, and would stop two. The
key is gone ``TTL`` seconds after the run that held it was killed.
"""

from __future__ import annotations

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
        self._lease = 0
        self._revision = 0
        self._renewed = 0.0

    @property
    def held(self) -> bool:
        return self._revision > 0

    def take(self, clients: t.Sequence[Client]) -> str:
        """Take it, if it is free; who holds it otherwise. Empty where it is held now.

        :raises Unauthenticated, PermissionDenied: who asks may not write the key.
        :raises ClientError: no client could say.
        """
        if self.held:
            return ""
        if not self._lease or self._monotonic() - self._renewed > RENEW:
            self._grant(clients)
        revision = on_any(
            clients, lambda client: client.put_if(KEY, self._value, mod_revision=0, lease=self._lease, timeout=CALL)
        )
        self._clients = tuple(clients)
        if revision is not None:
            self._revision = revision
            return ""
        found = on_any(clients, lambda client: client.get(KEY, timeout=CALL))
        if found is not None and found.value == self._value and found.lease == self._lease:
            # An answer that got lost: it was written after all.
            self._revision = found.mod_revision
            return ""
        return found.value.decode("utf-8", "replace") if found is not None else "somebody"

    def renew(self) -> None:
        """Keep it, if it is held and not kept lately. What fails is tried again next time: the turn goes on anyhow."""
        if not self.held or self._monotonic() - self._renewed < RENEW:
            return
        former = self._lease
        try:
            self._grant(self._clients)
            revision = on_any(
                self._clients,
                lambda client: client.put_if(
                    KEY, self._value, mod_revision=self._revision, lease=self._lease, timeout=CALL
                ),
            )
        except ClientError:
            self._lease = former
            self._renewed = self._monotonic()
            return
        if revision is not None:
            self._revision = revision
        self._revoke(former)

    def release(self) -> None:
        """Give it back. Where that fails it goes by itself, ``TTL`` seconds later."""
        if self._lease:
            self._revoke(self._lease)
        self._lease = self._revision = 0

    def _grant(self, clients: t.Sequence[Client]) -> None:
        self._lease = on_any(clients, lambda client: client.lease_grant(TTL, timeout=CALL))
        self._renewed = self._monotonic()

    def _revoke(self, lease: int) -> None:
        try:
            on_any(self._clients, lambda client: client.lease_revoke(lease, timeout=CALL))
        except ClientError:
            return


__all__ = ("KEY", "TTL", "Lock")

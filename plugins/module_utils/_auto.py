# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transport that takes the gateway, and gRPC where a server's gateway cannot serve who asks.

Private to this collection. To import what gRPC needs costs each module more than all its requests together.
"""

from __future__ import annotations

import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._errors import ClientError, NotFound
from ansible_collections.quorum.etcd.plugins.module_utils._gateway import GatewayTransport
from ansible_collections.quorum.etcd.plugins.module_utils._grpc import GrpcTransport, LibraryMissing
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection, Transport

# What a server says whose gateway takes no client certificate with a common name, or may not connect to its own server.
_HELPLESS = ("CommonName of client sending a request against gateway", "error reading server preface")
_OFF = "404 page not found"


class AutoTransport:
    """See ``_transport.Transport``. The call that shows that gRPC is needed may take its time twice."""

    def __init__(self, endpoint: str, connection: Connection) -> None:
        """Nothing is sent yet.

        :raises InvalidInput: the URL or a certificate file cannot be used.
        """
        self.endpoint = endpoint
        self._connection = connection
        self._transport: Transport = GatewayTransport(endpoint, connection)
        self._settled = not connection.validate_certs and endpoint.startswith("https:")

    def call(
        self, rpc: str, request: t.Mapping[str, t.Any], *, timeout: t.Optional[float] = None
    ) -> t.Dict[str, t.Any]:
        try:
            return self._transport.call(rpc, request, timeout=timeout)
        except ClientError as error:
            if self._settled or not gateway_cannot(error):
                raise
            self._settled = True
            try:
                grpc = GrpcTransport(self.endpoint, self._connection)
            except LibraryMissing as missing:
                remedy = f"{error.remedy} With gRPC it may be done. {missing}".lstrip()
                raise type(error)(error.message, remedy=remedy, **error.details) from error
        self._transport.close()
        self._transport = grpc
        return grpc.call(rpc, request, timeout=timeout)

    def get(self, path: str, *, timeout: t.Optional[float] = None) -> t.Tuple[int, str]:
        return self._transport.get(path, timeout=timeout)

    def close(self) -> None:
        self._transport.close()


def gateway_cannot(error: ClientError) -> bool:
    """Whether it is the gateway that stands in the way, and not etcd."""
    reason = str(error.details.get("reason", ""))
    if isinstance(error, NotFound):
        return reason == _OFF
    return any(fragment in reason for fragment in _HELPLESS)


__all__ = ("AutoTransport", "gateway_cannot")

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exceptions of this collection, and the one place that turns them into a module's failure.

Private to this collection. Every error says what failed, on which object and why (``message``), and what to do
next (``remedy``, may be empty only where nothing can be done but to read the message).
"""

from __future__ import annotations

import contextlib
import typing as t


class QuorumError(Exception):
    """Root of the tree.

    ``details`` are machine-readable extras for the result, such as ``{"log": [...]}``; never secrets.
    """

    def __init__(self, message: str, *, remedy: str = "", **details: t.Any) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class InvalidInput(QuorumError):
    """A value that the user gave cannot be used."""


class Refused(QuorumError):
    """What is wished cannot be done safely; nothing was changed."""


class DataError(QuorumError):
    """A file or directory of etcd's is not what it should be."""


class ReleaseError(QuorumError):
    """No source gave a release that could be verified."""


class ServiceError(QuorumError):
    """The service manager did not do what it was asked to."""


class ServerFailed(QuorumError):
    """A server did not become healthy. ``details["log"]`` has its last log lines."""


class ClientError(QuorumError):
    """A request to etcd failed. ``endpoint`` is the URL asked."""

    def __init__(self, message: str, *, endpoint: str = "", remedy: str = "", **details: t.Any) -> None:
        super().__init__(message, remedy=remedy, endpoint=endpoint, **details)
        self.endpoint = endpoint


class Unreachable(ClientError):
    """No connection, a closed one, or no answer in time: nothing is known of the request's effect."""


class Unavailable(ClientError):
    """etcd answered that it cannot serve now (no leader, unhealthy cluster, request timed out): try again later."""


class Unauthenticated(ClientError):
    """A user, password, token or certificate is missing or wrong."""


class PermissionDenied(ClientError):
    """The user is known but may not do this."""


class NotFound(ClientError):
    """etcd knows no such member, lease, user or role; or the server has no such API."""


class Rejected(ClientError):
    """etcd refused the request for good: a precondition or an argument is wrong."""


class NoSpace(Rejected):
    """The database has reached its quota: etcd takes nothing that would add to it."""


class ForVoters(Rejected):
    """A learner was asked for what voters alone can do."""


class FailsJson(t.Protocol):
    """What is needed of an AnsibleModule here."""

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn: ...


@contextlib.contextmanager
def failing(module: FailsJson) -> t.Iterator[None]:
    """Turn any error of the tree raised inside into the module's failure: ``msg``, ``remedy`` and its details."""
    try:
        yield
    except QuorumError as error:
        module.fail_json(msg=str(error), remedy=error.remedy, **error.details)


__all__ = (
    "ClientError",
    "DataError",
    "FailsJson",
    "ForVoters",
    "InvalidInput",
    "NoSpace",
    "NotFound",
    "PermissionDenied",
    "QuorumError",
    "Refused",
    "Rejected",
    "ReleaseError",
    "ServerFailed",
    "ServiceError",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "failing",
)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DNS shows of a domain, as values. Private to this collection.

Names of hosts are written without the dot at their end. Addresses are text, as ``ipaddress`` writes them.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class SrvRecord:
    """One SRV record. ``service`` is without its underscore, such as ``etcd-server-ssl``; ``ttl`` in seconds."""

    service: str
    target: str
    port: int
    priority: int = 0
    weight: int = 0
    ttl: int = 0


@dataclasses.dataclass(frozen=True)
class HostSeen:
    """The addresses of one name.

    ``dns`` is what the resolvers say, through ``aliases`` (CNAME records, in order). ``system`` is what this machine
    makes of the name itself, with /etc/hosts; ``None`` where it was not asked. Each problem is a reason, or empty.
    """

    name: str
    dns: t.Tuple[str, ...] = ()
    ttl: t.Optional[int] = None
    aliases: t.Tuple[str, ...] = ()
    system: t.Optional[t.Tuple[str, ...]] = None
    system_problem: str = ""

    @property
    def used(self) -> t.Tuple[str, ...]:
        """What a program on this machine gets, where that is known; else what DNS says."""
        return self.dns if self.system is None else self.system


@dataclasses.dataclass(frozen=True)
class ResolverSeen:
    """One resolver. ``answered`` whether anything came from it; ``problem`` what went wrong, or empty."""

    address: str
    port: int
    answered: bool
    problem: str = ""

    @property
    def label(self) -> str:
        return self.address if self.port == 53 else f"{self.address} (port {self.port})"


@dataclasses.dataclass(frozen=True)
class DomainSeen:
    """A domain's records, by the first of the resolvers that answers well.

    ``differences`` has a sentence for each other resolver that says something else. ``in_order`` says that the later
    resolvers are only asked when the earlier ones are silent, as those of resolv.conf are.
    """

    domain: str
    service_name: str = ""
    records: t.Tuple[SrvRecord, ...] = ()
    hosts: t.Tuple[HostSeen, ...] = ()
    resolvers: t.Tuple[ResolverSeen, ...] = ()
    differences: t.Tuple[str, ...] = ()
    in_order: bool = False


@dataclasses.dataclass(frozen=True)
class Expected:
    """A member as it should be found. Where ``client_port`` is ``None`` its client records are not looked at."""

    name: str
    host: str
    port: int = 2380
    scheme: str = "http"
    client_port: t.Optional[int] = None
    client_scheme: str = "http"
    addresses: t.Tuple[str, ...] = ()


def services(kind: str, service_name: str = "") -> t.Dict[str, str]:
    """The services of etcd's servers or clients, by scheme; https first, as etcd asks for them.

    :param kind: ``server`` or ``client``.
    """
    suffix = f"-{service_name}" if service_name else ""
    return {"https": f"etcd-{kind}-ssl{suffix}", "http": f"etcd-{kind}{suffix}"}


__all__ = ("DomainSeen", "Expected", "HostSeen", "ResolverSeen", "SrvRecord", "services")

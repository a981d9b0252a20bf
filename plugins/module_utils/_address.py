# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IP addresses as text. Private to this collection. Pure."""

from __future__ import annotations

import ipaddress
import typing as t


def ip_of(text: str) -> t.Optional[t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]]:
    """The address; ``None`` for what is none, one with a zone among them: another machine has no use for that."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a name or an address can mean nothing but the machine itself."""
    ip = ip_of(host)
    return host.lower() == "localhost" or (ip is not None and ip.is_loopback)


__all__ = ("ip_of", "is_loopback")

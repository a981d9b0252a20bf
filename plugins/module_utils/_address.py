# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses as text. Private to this collection. Pure."""

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


def shown(url: str) -> str:
    """A URL without the user name and password that it may hold, whether it can be read or not."""
    head, _user, rest = _parted(url)
    return head + rest


def password_of(url: str) -> str:
    """The password that a URL holds, as it is written there; empty for none."""
    return _parted(url)[1].partition(":")[2]


def _parted(url: str) -> t.Tuple[str, str, str]:
    """What is before the user, the user with the password, and what is after them.

    A password may be written with what ends the host's part of a URL: all up to the last ``@`` may belong to it.
    """
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    user, at, place = rest.rpartition("@")
    if at and (":" in user or not any(mark in user for mark in "/?#")):
        return scheme + separator, user, place
    return scheme + separator, "", rest


__all__ = ("ip_of", "is_loopback", "password_of", "shown")

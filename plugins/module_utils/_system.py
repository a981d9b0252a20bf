# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine: its addresses, architecture, distribution and service manager. Private to this collection.

It tells what the role needs to know, in milliseconds, in place of gathering facts.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
import socket
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._model import SystemSeen

# As etcd's releases call it.
_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i386": "386",
    "i686": "386",
}
# By the IDs of os-release, as Ansible's own facts call the family.
_FAMILIES = {
    "debian": "Debian",
    "ubuntu": "Debian",
    "rhel": "RedHat",
    "centos": "RedHat",
    "fedora": "RedHat",
    "amzn": "RedHat",
    "ol": "RedHat",
    "suse": "Suse",
    "opensuse": "Suse",
    "sles": "Suse",
    "arch": "Archlinux",
    "alpine": "Alpine",
    "gentoo": "Gentoo",
}
# Addresses kept for documentation: a route to them is the default route. Nothing is ever sent there.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_GLOBAL_SCOPE = "00"


def look(*, root: str = "/") -> SystemSeen:
    """This machine. ``architecture`` is as in the names of etcd's releases, ``distribution`` the ID of os-release."""
    release = _os_release(root)
    names = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    kernel = os.uname()
    addresses = _addresses(root)
    return SystemSeen(
        hostname=kernel.nodename,
        default_address=_default_address(addresses),
        addresses=addresses,
        architecture=_ARCHITECTURES.get(kernel.machine, kernel.machine),
        os_family=next((_FAMILIES[name] for name in names if name in _FAMILIES), ""),
        distribution=release.get("ID", ""),
        distribution_version=release.get("VERSION_ID", ""),
        service_manager="systemd" if os.path.isdir(os.path.join(root, "run/systemd/system")) else "",
        uid=os.geteuid(),
    )


def _default_address(addresses: t.Sequence[str]) -> str:
    for family, elsewhere in _ELSEWHERE:
        found = _source_address(family, elsewhere)
        if found:
            return found
    return addresses[0] if len(addresses) == 1 else ""


def _source_address(family: socket.AddressFamily, destination: str) -> str:
    """What a packet to ``destination`` would bear as its source; connecting a UDP socket sends none."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((destination, 9))
            found = str(probe.getsockname()[0])
    except OSError:
        return ""
    address = ipaddress.ip_address(found.partition("%")[0])
    return "" if address.is_loopback or address.is_unspecified or address.is_link_local else found


def _addresses(root: str) -> t.Tuple[str, ...]:
    """All addresses of this machine that others could use, version 4 first."""
    found: t.Set[t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]] = set()
    # The routing trie has a line with an address, and below it what it is.
    for address in re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", _read(os.path.join(root, "proc/net/fib_trie"))):
        found.add(ipaddress.IPv4Address(address))
    for line in _read(os.path.join(root, "proc/net/if_inet6")).splitlines():
        digits, _index, _prefix, scope = line.split()[:4]
        if scope == _GLOBAL_SCOPE:
            found.add(ipaddress.IPv6Address(int(digits, 16)))
    usable = [address for address in found if not address.is_loopback]
    return tuple(str(address) for address in sorted(usable, key=_order))


def _order(address: t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]) -> t.Tuple[int, int]:
    return address.version, int(address)


def _os_release(root: str) -> t.Dict[str, str]:
    for path in ("etc/os-release", "usr/lib/os-release"):
        text = _read(os.path.join(root, path))
        if text:
            break
    else:
        return {}
    found = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            try:
                found[key] = "".join(shlex.split(value))
            except ValueError:
                continue
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


__all__ = ("look",)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import typing as t
from pathlib import Path
from unittest import mock

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _system

# As a kernel 6.1 writes it; the same again follows for the table "Local".
_TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
     +-- 192.0.2.0/24 2 0 2
        +-- 192.0.2.0/28 2 0 2
           |-- 192.0.2.0
              /24 link UNICAST
           |-- 192.0.2.11
              /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
     |-- 198.51.100.7
        /32 host LOCAL
"""
_INET6 = """\
00000000000000000000000000000001 01 80 10 80       lo
fe8000000000000000fc00fffe000001 02 40 20 80     eth0
20010db8000000000000000000000011 02 40 00 80     eth0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    return tmp_path


def test_addresses_that_others_can_use(root: Path) -> None:
    (root / "proc/net/fib_trie").write_text(_TRIE + _TRIE.replace("Main", "Local"))
    (root / "proc/net/if_inet6").write_text(_INET6)
    assert _system.look(root=str(root)).addresses == ("192.0.2.11", "198.51.100.7", "2001:db8::11")


@pytest.mark.parametrize(
    ("sources", "addresses", "default"),
    [
        (["192.0.2.11", "2001:db8::11"], ("192.0.2.11",), "192.0.2.11"),
        (["", "2001:db8::11"], ("192.0.2.11", "2001:db8::11"), "2001:db8::11"),
        (["", ""], ("192.0.2.11",), "192.0.2.11"),
        (["", ""], ("192.0.2.11", "192.0.2.12"), ""),
        (["", ""], (), ""),
    ],
)
def test_the_default_address(
    monkeypatch: pytest.MonkeyPatch, sources: t.List[str], addresses: t.Tuple[str, ...], default: str
) -> None:
    answers = iter(sources)
    monkeypatch.setattr(_system, "_source_address", lambda *_where: next(answers))
    assert _system._default_address(addresses) == default


@pytest.mark.parametrize("answer", ["127.0.0.1", "0.0.0.0", "fe80::1%eth0", "::1", OSError(101, "unreachable")])
def test_a_source_address_that_is_none(monkeypatch: pytest.MonkeyPatch, answer: t.Union[str, OSError]) -> None:
    probe = mock.MagicMock()
    connected = probe.return_value.__enter__.return_value
    if isinstance(answer, OSError):
        connected.connect.side_effect = answer
    connected.getsockname.return_value = (answer, 1)
    monkeypatch.setattr("socket.socket", probe)
    assert _system._source_address(socket.AF_INET, "192.0.2.1") == ""


@pytest.mark.parametrize(
    ("text", "family", "distribution", "version"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\nID=debian\n', "Debian", "debian", "12"),
        (
            "# c\nNAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE='ubuntu debian'\nVERSION_ID=21\n",
            "Debian",
            "linuxmint",
            "21",
        ),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n', "RedHat", "rocky", "9.4"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"\n', "Suse", "opensuse-leap", "15.6"),
        ("ID=arch\n", "Archlinux", "arch", ""),
        ('ID=odd\nBROKEN="\n', "", "odd", ""),
        ("", "", "", ""),
    ],
)
def test_the_distribution(root: Path, text: str, family: str, distribution: str, version: str) -> None:
    (root / "etc/os-release").write_text(text)
    seen = _system.look(root=str(root))
    assert (seen.os_family, seen.distribution, seen.distribution_version) == (family, distribution, version)


@pytest.mark.parametrize(
    ("machine", "architecture"),
    [("x86_64", "amd64"), ("aarch64", "arm64"), ("ppc64le", "ppc64le"), ("s390x", "s390x"), ("riscv64", "riscv64")],
)
def test_the_architecture(root: Path, monkeypatch: pytest.MonkeyPatch, machine: str, architecture: str) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "h1", "6.1", "#1", machine)))
    seen = _system.look(root=str(root))
    assert (seen.hostname, seen.architecture) == ("h1", architecture)


def test_the_service_manager(root: Path) -> None:
    assert _system.look(root=str(root)).service_manager == ""
    (root / "run/systemd/system").mkdir(parents=True)
    assert _system.look(root=str(root)).service_manager == "systemd"

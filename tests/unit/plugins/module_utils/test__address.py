# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._address import ip_of, is_loopback, password_of, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("fe80::1%eth0", None),
        ("192.0.2.1%eth0", None),
        ("192.0.2.256", None),
        ("etcd1.example.com", None),
        ("", None),
    ],
)
def test_what_is_an_address(text: str, expected: t.Optional[str]) -> None:
    found = ip_of(text)
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    ("url", "text", "password"),
    [
        ("https://mirror.example.com/etcd", "https://mirror.example.com/etcd", ""),
        ("https://user:hunter2@mirror.example.com/etcd", "https://mirror.example.com/etcd", "hunter2"),
        ("https://token@mirror.example.com", "https://mirror.example.com", ""),
        ("https://user:hu#n/t?er2@mirror.example.com/etcd", "https://mirror.example.com/etcd", "hu#n/t?er2"),
        ("https://user:a@b@mirror.example.com", "https://mirror.example.com", "a@b"),
        ("https://user:hunter2@[mirror", "https://[mirror", "hunter2"),
        ("https://mirror.example.com/@scope/etcd", "https://mirror.example.com/@scope/etcd", ""),
        ("user:hunter2@mirror", "mirror", "hunter2"),
        ("go", "go", ""),
    ],
)
def test_passwords_in_urls(url: str, text: str, password: str) -> None:
    assert shown(url) == text
    assert password_of(url) == password


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("Localhost", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_what_means_the_machine_itself(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected

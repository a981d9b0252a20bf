# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._zone import domains

DNS: t.Dict[str, t.Any] = {"etcd_bootstrap": "dns", "etcd_dns_domain": "example.com"}


def server(name: str, *addresses: str, peer_port: int = 2380, client_port: int = 2379) -> t.Dict[str, t.Any]:
    return {"name": name, "addresses": list(addresses), "peer_port": peer_port, "client_port": client_port}


def test_domains_of_an_inventory() -> None:
    hosts = [
        ("Etcd1", {**DNS, "ansible_host": "192.0.2.1"}),
        ("static", {"ansible_host": "192.0.2.9"}),
        ("dev1", {**DNS, "etcd_dns_service_name": "dev", "etcd_name": "d1", "etcd_peer_port": "2390"}),
        ("192.0.2.2", {**DNS, "etcd_address": "two.example.org.", "etcd_client_port": 2389}),
        ("etcd3", {**DNS, "ansible_host": "192.0.2.3", "etcd_dns_addresses": ["2001:db8::3", "192.0.2.33"]}),
        ("etcd4", {**DNS, "ansible_host": "127.0.0.1"}),
    ]
    assert domains(hosts) == [
        {
            "domain": "example.com",
            "service_name": "",
            "tls": False,
            "servers": [
                server("etcd1.example.com", "192.0.2.1"),
                server("two.example.org", "192.0.2.2", client_port=2389),
                server("etcd3.example.com", "2001:db8::3", "192.0.2.33"),
                server("etcd4.example.com"),
            ],
        },
        {
            "domain": "example.com",
            "service_name": "dev",
            "tls": False,
            "servers": [server("d1.example.com", peer_port=2390)],
        },
    ]


def test_nobody_asks_for_records() -> None:
    assert domains([("etcd1", {})]) == []


def test_empty_variables_count_as_not_given() -> None:
    names = ("dns_service_name", "address", "name", "dns_addresses", "peer_port", "client_port")
    empty = {f"etcd_{name}": None for name in names}
    assert domains([("etcd1", {**DNS, **empty})]) == domains([("etcd1", DNS)])


def test_all_faults_are_told_at_once() -> None:
    hosts = [
        ("etcd1", {"etcd_bootstrap": "dns"}),
        ("etcd2", {**DNS, "etcd_address": "192.0.2.2", "etcd_peer_port": "x"}),
        ("etcd3", {**DNS, "etcd_dns_addresses": "here", "etcd_dns_service_name": "a,b"}),
        ("etcd4", {**DNS, "etcd_address": "http://etcd4.example.com", "etcd_client_port": 70000}),
        ("etcd5", {**DNS, "etcd_name": "a b", "etcd_dns_addresses": 5}),
    ]
    with pytest.raises(InvalidInput) as caught:
        domains(hosts)
    for words in (
        "etcd1: etcd_dns_domain: '' is not a domain",
        "etcd2: etcd_address: 192.0.2.2 is an IP address, and SRV records name hosts",
        "etcd2: etcd_peer_port: 'x' is not a port",
        "etcd3: etcd_dns_addresses: 'here' is not an IP address",
        "etcd3: etcd_dns_service_name: 'a,b' cannot be a part of a record's name",
        "etcd4: etcd_address: 'http://etcd4.example.com' is no name that a record can have",
        "etcd4: etcd_client_port: '70000' is not a port",
        "etcd5: etcd_address: 'a b.example.com' is no name that a record can have",
        "etcd5: etcd_dns_addresses: '5' is not an IP address",
    ):
        assert words in str(caught.value)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's own variables come to."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROLE = Path(__file__).parents[2] / "roles" / "etcd"

HOSTS: t.Dict[str, t.Dict[str, str]] = {
    "a": {"ansible_host": "192.0.2.1"},
    "b": {"ansible_host": "192.0.2.2"},
    "c": {"ansible_host": "2001:db8::3"},
    "d": {"ansible_host": "192.0.2.4"},
    "named": {"ansible_host": "ns.example.com"},
    "local": {"ansible_host": "127.0.0.1"},
    "bare": {},
}


def value_of(variable: str, **given: t.Any) -> t.Any:
    """What a variable of the role is with ``given`` ones besides its defaults."""
    loader = DataLoader()
    known: t.Dict[str, t.Any] = {"hostvars": HOSTS}
    for name in ("defaults", "vars"):
        known.update(loader.load_from_file(str(ROLE / name / "main.yml"), trusted_as_template=True))
    known.update(given)
    return Templar(loader, known).template(known[variable])


@pytest.mark.parametrize(
    ("host", "network", "bootstrap", "dns", "expected"),
    [
        ("d", "bridge", "dns", ["a", "b"], ["192.0.2.1", "192.0.2.2"]),
        ("b", "bridge", "dns", ["a", "b", "c"], ["192.0.2.2", "192.0.2.1", "2001:db8::3"]),
        ("d", "bridge", "dns", ["a", "b", "c", "d"], ["192.0.2.4", "192.0.2.1", "192.0.2.2"]),
        ("d", "bridge", "dns", ["named", "local", "bare", "b"], ["192.0.2.2"]),
        ("d", "bridge", "dns", [], []),
        ("d", "bridge", "static", ["a"], []),
        ("d", "host", "dns", ["a"], []),
    ],
)
def test_containers_with_a_network_of_their_own_ask_who_serves_the_records(
    host: str, network: str, bootstrap: str, dns: t.List[str], expected: t.List[str]
) -> None:
    found = value_of(
        "etcd_container_nameservers",
        inventory_hostname=host,
        etcd_container_network=network,
        etcd_bootstrap=bootstrap,
        etcd_dns_hosts=dns,
    )
    assert found == expected


@pytest.mark.parametrize(
    ("listen", "address", "expected"),
    [
        ("", "", "192.0.2.1"),
        ("", "198.51.100.1", "198.51.100.1"),
        ("", "2001:db8::1", "2001:db8::1"),
        ("", "a.example.com", "0.0.0.0"),
        ("203.0.113.1", "a.example.com", "203.0.113.1"),
    ],
)
def test_published_ports_and_proxies_are_where_a_member_would_listen(listen: str, address: str, expected: str) -> None:
    seen = {"server": {"system": {"default_address": "192.0.2.1"}}}
    found = value_of("__etcd_published", etcd_listen_address=listen, etcd_address=address, __etcd_seen=seen)
    assert found == expected


@pytest.mark.parametrize(
    ("members", "certificate", "expected"),
    [
        ("http", "", "http://192.0.2.1:2379"),
        ("http", "/etc/proxy.crt", "https://192.0.2.1:2379"),
        ("https", "", "http://192.0.2.1:2379"),
        ("https", "/etc/proxy.crt", "https://192.0.2.1:2379"),
    ],
)
def test_a_proxy_is_reached_the_way_it_serves(members: str, certificate: str, expected: str) -> None:
    planned = {"desired": {"client_urls": [f"{members}://192.0.2.1:2379"]}}
    assert value_of("__etcd_proxy_url", __etcd_plan=planned, proxy_server_cert=certificate) == expected

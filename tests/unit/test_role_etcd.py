# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's own variables come to."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import jinja2
import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.filter.core import FilterModule, regex_replace
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
    "192.0.2.9": {},
}
HOSTVARS = {name: {"inventory_hostname": name, **known} for name, known in HOSTS.items()}


def value_of(variable: str, **given: t.Any) -> t.Any:
    """What a variable of the role is with ``given`` ones besides its defaults."""
    loader = DataLoader()
    known: t.Dict[str, t.Any] = {"hostvars": HOSTVARS}
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
        ("d", "bridge", "dns", ["named", "local", "bare", "b", "192.0.2.9"], ["192.0.2.2", "192.0.2.9"]),
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


def unit_of(deployment: str, **settings: t.Any) -> t.List[str]:
    """The lines of a unit with these settings of etcd."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(ROLE / "templates")), trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(FilterModule().filters())
    environment.filters["regex_replace"] = regex_replace
    environment.tests["match"] = lambda value, pattern: re.match(pattern, value) is not None
    given = {name.replace("_", "-"): value for name, value in settings.items()}
    text = environment.get_template(f"{deployment}.j2").render(
        etcd_settings=given,
        __etcd_places=value_of("__etcd_places", etcd_settings=given, etcd_data_dir="/var/lib/etcd"),
        etcd_user="etcd",
        etcd_group="db",
        etcd_deployment=deployment,
        etcd_container_mounts=[],
        etcd_container_network="host",
        etcd_container_nameservers=[],
        etcd_container_limits=[],
        etcd_container_options=[],
        etcd_client_port=2379,
        etcd_peer_port=2380,
        __etcd_published="192.0.2.1",
    )
    return text.splitlines()


@pytest.mark.parametrize(
    ("settings", "writable"),
    [
        ({}, ["/var/lib/etcd"]),
        ({"data_dir": "/data", "wal_dir": None}, ["/data"]),
        ({"wal_dir": "/srv/wal/etcd"}, ["/var/lib/etcd", "/srv/wal"]),
        ({"wal_dir": "/srv/wal/etcd/"}, ["/var/lib/etcd", "/srv/wal"]),
        ({"wal_dir": "/var/lib/etcd/log/wal"}, ["/var/lib/etcd"]),
        ({"wal_dir": "/var/lib/etcd-wal/wal"}, ["/var/lib/etcd", "/var/lib/etcd-wal"]),
        ({"wal_dir": "/wal"}, ["/var/lib/etcd", "/wal"]),
    ],
)
def test_where_the_log_lies_elsewhere_its_parent_is_opened(settings: t.Dict[str, t.Any], writable: t.List[str]) -> None:
    assert f"ReadWritePaths={' '.join(writable)}" in unit_of("systemd", **settings)
    for engine in ("docker", "podman"):
        mounts = [line for line in unit_of(engine, **settings) if "--volume" in line]
        assert mounts == [f"  --volume={path}:{path}:Z \\" for path in writable]


@pytest.mark.parametrize(
    ("outputs", "directories"),
    [
        (None, []),
        (["stderr", "default", "systemd/journal", "/dev/stdout", "/top.log", "/with blank/a", 7], []),
        (["stderr", "/var/log/etcd/a.log", "/var/log/etcd/b.log"], ["/var/log/etcd"]),
        ("stderr, /var/log/etcd/a.log,/srv/log/b.log", ["/var/log/etcd", "/srv/log"]),
        (7, []),
    ],
)
def test_directories_of_log_files_are_opened_and_made(outputs: t.Any, directories: t.List[str]) -> None:
    lines = unit_of("systemd", log_outputs=outputs)
    assert "ReadWritePaths=" + " ".join(["/var/lib/etcd"] + [f"-{path}" for path in directories]) in lines
    assert [line for line in lines if line.startswith("ExecStartPre=")] == [
        f"ExecStartPre=+/bin/sh -c 'test -e {path} || exec install -d -m 0700 -o etcd -g db {path}'"
        for path in directories
    ]
    assert lines[0].startswith("# ")


def test_no_result_takes_the_name_of_a_variable() -> None:
    """It would stand before the variable for the rest of the run, on hosts where its task was skipped, too."""
    loader = DataLoader()
    known = {name for folder in ("defaults", "vars") for name in loader.load_from_file(str(ROLE / folder / "main.yml"))}
    words = "\n".join(path.read_text() for path in (ROLE / "tasks").rglob("*.yml"))
    registered = set(re.findall(r"^ +register: (\w+)$", words, re.MULTILINE))
    assert "__etcd_token" in registered
    assert not registered & known

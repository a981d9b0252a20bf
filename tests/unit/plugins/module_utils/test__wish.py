# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.quorum.etcd.plugins.module_utils._definition import DIGEST, digest
from ansible_collections.quorum.etcd.plugins.module_utils._envfile import parse, render_quoted
from ansible_collections.quorum.etcd.plugins.module_utils._wish import Wish, desire, own_settings, peer_url
from ansible_collections.quorum.etcd.plugins.module_utils._wish_check import check, check_proxies, warnings
from ansible_collections.quorum.etcd.plugins.module_utils._wish_read import read

VARIABLES: t.Dict[str, t.Any] = {
    "cluster": "etcd",
    "name": "etcd1",
    "address": "10.0.0.1",
    "version": "3.6.16",
    "release": "/opt/etcd/3.6.16",
    "definition": "[Service]\n",
    "data_dir": "/var/lib/etcd",
    "config_dir": "/etc/etcd",
    "service": "etcd",
}


def wish(number: int = 1, **changes: t.Any) -> Wish:
    """A host with a machine of its own."""
    values = {
        **VARIABLES,
        "host": f"etcd{number}",
        "name": f"etcd{number}",
        "address": f"10.0.0.{number}",
        "machine": f"m{number}",
        **changes,
    }
    return Wish(**values)


def together(number: int, **changes: t.Any) -> Wish:
    """One of several hosts on one machine, each with everything of its own."""
    values: t.Dict[str, t.Any] = {
        "address": "10.0.0.1",
        "machine": "m",
        "client_port": 2379 + 1000 * number,
        "peer_port": 2380 + 1000 * number,
        "service": f"etcd-{number}",
        "data_dir": f"/var/lib/etcd-{number}",
        "config_dir": f"/etc/etcd-{number}",
        **changes,
    }
    return wish(number, **values)


def told(*wishes: Wish, others: t.Sequence[Wish] = ()) -> t.List[str]:
    return [str(fault) for fault in check(wishes, others)]


# --- reading ------------------------------------------------------------------------------------------------------


def test_variables_make_a_wish() -> None:
    found, faults = read(
        "etcd1", "m1", {**VARIABLES, "client_port": "12379", "allow_downtime": "yes", "remove": "a, b"}
    )
    assert faults == ()
    assert found is not None
    assert (found.host, found.machine) == ("etcd1", "m1")
    assert (found.client_port, found.peer_port, found.allow_downtime, found.remove) == (12379, 2380, True, ("a", "b"))


@pytest.mark.parametrize("extra", [{"unknown": 1}, {"token": None}, {"settings": {}}])
def test_what_is_not_needed_may_be_there_or_not(extra: t.Dict[str, t.Any]) -> None:
    assert read("etcd1", "m1", {**VARIABLES, **extra}) == (wish(1), ())


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("client_port", "x", "etcd1: etcd_client_port: 'x' is not a number."),
        ("client_port", True, "etcd1: etcd_client_port: True is not a number."),
        ("peer_port", [1], "etcd1: etcd_peer_port: [1] is not a number."),
        ("settings", ["a"], "etcd1: etcd_settings: ['a'] is not a dictionary of etcd's settings."),
        ("allow_downtime", "perhaps", "etcd1: etcd_allow_downtime: 'perhaps' is not true or false."),
        ("remove", {"a": 1}, "etcd1: etcd_remove_members: {'a': 1} is not a list of member names."),
        ("replace", [["a"]], "etcd1: etcd_replace_members: [['a']] is not a list of member names."),
        ("name", ["a"], "etcd1: etcd_name: ['a'] is not a text."),
        ("cluster", "", "etcd1: etcd_cluster_name: is empty."),
        ("address", "", "etcd1: etcd_address: is empty. This host shows no address of its own: set it."),
        ("address", None, "etcd1: etcd_address: is empty. This host shows no address of its own: set it."),
        ("release", "", "etcd1: etcd_release_path: is empty."),
    ],
)
def test_a_wrong_shape_is_a_fault(name: str, value: t.Any, said: str) -> None:
    found, faults = read("etcd1", "m1", {**VARIABLES, name: value})
    assert found is None
    assert [str(fault) for fault in faults] == [said]


def test_all_wrong_shapes_are_told_at_once() -> None:
    _found, faults = read("etcd1", "m1", {**VARIABLES, "address": "", "client_port": "x", "settings": 1})
    assert len(faults) == 3


# --- one host -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"address": "etcd1.example.com"},
        {"address": "etcd1"},
        {"address": "fd00::1"},
        {"address": "2001:db8::1", "listen_address": "::"},
        {"listen_address": "0.0.0.0"},
        {"deployment": "procfile"},
        {"install": "package", "release": "/usr/bin"},
        {"version": "3.4.23"},
        {"data_dir": "/srv/etcd/"},
        {"data_dir": "/etc/etcd/data"},
        {"settings": {"quota-backend-bytes": 8589934592, "enable-pprof": True, "log-outputs": "stderr"}},
        {"settings": {"heartbeat-interval": 200, "election-timeout": 2000}},
        {"settings": {"data-dir": "/srv/etcd"}},
    ],
)
def test_a_sound_wish_has_no_faults(changes: t.Dict[str, t.Any]) -> None:
    assert told(wish(**changes)) == []


BY_DNS: t.Dict[str, t.Any] = {"bootstrap": "dns", "dns_domain": "example.com", "address": "etcd1.example.com"}
CONTAINED = {"deployment": "podman", "release": "quay.io/coreos/etcd:v3.6.16"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "3.6"}, ("etcd1: etcd_version", "'3.6' is not an exact version", "3.4, 3.5, 3.6, 3.7")),
        ({"version": "latest"}, ("etcd1: etcd_version", "not an exact version")),
        ({"version": "3.3.27"}, ("etcd1: etcd_version: 3.3.27 is not supported", "3.4, 3.5, 3.6, 3.7")),
        ({"version": "3.9.0"}, ("is not supported",)),
        ({"bootstrap": "telepathy"}, ("etcd_bootstrap: 'telepathy' is not known", "static, discovery, dns")),
        ({"bootstrap": "discovery", "discovery_protocol": "v9"}, ("etcd_discovery_protocol: 'v9' is not known",)),
        (
            {"bootstrap": "discovery", "discovery_protocol": "v2", "version": "3.7.3"},
            ("healthy cluster of one", "Use v3"),
        ),
        ({"bootstrap": "discovery", "discovery_protocol": "v3", "version": "3.5.35"}, ("v3 needs etcd 3.6",)),
        ({"bootstrap": "dns"}, ("etcd_dns_domain: '' is not a domain", "is an IP address, and SRV records name hosts")),
        ({**BY_DNS, "version": "3.4.23"}, ("etcd_version: 3.4.23 takes it for an error", "Use 3.5 or newer")),
        ({**BY_DNS, "dns_service_name": "a.b"}, ("etcd_dns_service_name: 'a.b' cannot be a part",)),
        ({**BY_DNS, "dns_addresses": ("etcd1",)}, ("etcd_dns_addresses: 'etcd1' is not an IP address",)),
        ({"bootstrap": "magic"}, ("etcd_bootstrap: 'magic' is not known",)),
        ({"deployment": "pod"}, ("etcd_deployment: 'pod' is not known", "systemd, docker, podman, procfile")),
        ({**CONTAINED, "release": "Etcd:v3.6.16"}, ("etcd_image: 'Etcd:v3.6.16' is not the name of an image",)),
        ({**CONTAINED, "release": "a/etcd:v3.6.14"}, ("a/etcd:v3.6.14 is etcd 3.6.14 by its tag", "3.6.16 is wished")),
        ({**CONTAINED, "container_network": "none"}, ("etcd_container_network: 'none'", "host, bridge")),
        ({**CONTAINED, "container_nameservers": ("ns",)}, ("etcd_container_nameservers: 'ns' is not an IP address",)),
        ({**CONTAINED, "container_mounts": ("/a:b",)}, ("etcd_container_mounts: '/a:b' is not a directory",)),
        ({**CONTAINED, "container_options": ("--name=x",)}, ("etcd_container_options: --name is set by the role",)),
        ({**CONTAINED, "container_options": ("--memory=2g", "-d")}, ("etcd_container_options: -d is set by the role",)),
        ({**CONTAINED, "data_dir": "/var/lib/my etcd"}, ("etcd_data_dir: '/var/lib/my etcd' cannot be handed",)),
        ({"install": "snap"}, ("etcd_install: 'snap' is not known", "release, package, existing")),
        ({"name": "a,b"}, ("etcd_name: 'a,b'", "no list of members can hold")),
        ({"name": "a=b"}, ("etcd_name: 'a=b'",)),
        ({"name": "a b"}, ("etcd_name: 'a b'",)),
        ({"cluster": "a\nb"}, ("etcd_cluster_name: has control characters",)),
        ({"token": "a\nb"}, ("etcd_bootstrap_token: has control characters",)),
        ({"user": "../etcd"}, ("etcd_user: '../etcd' is not the name of an account",)),
        ({"user": "1000", "group": "1000"}, ("etcd_user: '1000' is not", "etcd_group: '1000' is not", "not a number")),
        ({"group": "et cd"}, ("etcd_group: 'et cd' is not the name of an account",)),
        ({"service": "etcd.service"}, ("etcd_service: 'etcd.service' is not a plain name", "without .service")),
        ({"service": "a/b"}, ("etcd_service: 'a/b'",)),
        ({"address": "http://10.0.0.1"}, ("etcd_address", "neither an IP address nor a host name", "etcd_peer_port")),
        ({"address": "10.0.0.1:2380"}, ("etcd_address",)),
        ({"address": "10.0.0.256"}, ("etcd_address", "neither an IP address nor a host name")),
        ({"address": "1"}, ("etcd_address",)),
        ({"address": "-a"}, ("etcd_address",)),
        ({"address": "a" * 64}, ("etcd_address",)),
        ({"address": "fe80::1%eth0"}, ("etcd_address",)),
        (
            {"address": "0.0.0.0"},
            ("etcd_address: 0.0.0.0 is no address that others could reach", "etcd_listen_address"),
        ),
        ({"address": "::"}, ("is no address that others could reach",)),
        ({"listen_address": "etcd1"}, ("etcd_listen_address: 'etcd1' is not an IP address", "0.0.0.0")),
        ({"listen_address": "localhost"}, ("etcd_listen_address",)),
        ({"client_port": 0}, ("etcd_client_port: 0 is not a port", "65535")),
        ({"peer_port": 65536}, ("etcd_peer_port: 65536 is not a port",)),
        ({"client_port": 2380}, ("etcd_peer_port: 2380 is etcd_client_port, too",)),
        ({"data_dir": "/var/my data"}, ("etcd_data_dir: '/var/my data' has blanks or other characters",)),
        ({"config_dir": "/etc/$etcd"}, ("etcd_config_dir: '/etc/$etcd' has blanks or other characters",)),
        ({"data_dir": "var/lib"}, ("etcd_data_dir: 'var/lib' is not a plain absolute path",)),
        ({"data_dir": "/var/../x"}, ("etcd_data_dir",)),
        ({"data_dir": "/"}, ("etcd_data_dir: '/' is the root directory",)),
        ({"config_dir": ""}, ("etcd_config_dir",)),
        ({"release": "opt"}, ("etcd_release_path: 'opt'",)),
        ({"config_dir": "/var/lib/etcd/conf"}, ("etcd_config_dir: /var/lib/etcd/conf is in the data directory",)),
        (
            {"settings": {"quota-backend-byte": 1}},
            ("etcd_settings: quota-backend-byte", "Did you mean quota-backend-byte"),
        ),
        ({"settings": {"enable-v2": True}}, ("etcd_settings: enable-v2: was removed in 3.6",)),
        ({"settings": {"enable-pprof": "perhaps"}}, ("etcd_settings: enable-pprof",)),
        ({"settings": {"heartbeat-interval": 1000}}, ("etcd_settings: election-timeout", "five heartbeats")),
        ({"settings": {"listen-peer-urls": "http://etcd1:2380"}}, ("listen-peer-urls", "IP address")),
        ({"settings": {"initial-cluster": "a=http://a:1"}}, ("etcd_settings: initial-cluster: cannot be set here",)),
        ({"settings": {"name": "x"}}, ("etcd_settings: name: cannot be set here", "etcd_name")),
        ({"settings": {"config-file": "/x"}}, ("etcd_settings: config-file: cannot be set here",)),
        ({"settings": {"data-dir": None}}, ("etcd_settings: data-dir: cannot be taken out", "Use etcd_data_dir")),
        ({"settings": {"listen-peer-urls": None}}, ("listen-peer-urls: cannot be taken out", "etcd_peer_port")),
    ],
)
def test_faults_of_one_host(changes: t.Dict[str, t.Any], words: t.Tuple[str, ...]) -> None:
    found = told(wish(**changes))
    assert found
    for word in words:
        assert any(word in fault for fault in found), found


def test_names_are_spelled_as_records_are() -> None:
    """etcd draws IDs from the record's spelling."""
    found, faults = read("etcd1", "m1", {**VARIABLES, **BY_DNS, "address": "Etcd1.Example.com."})
    assert (faults, found and found.address) == ((), "etcd1.example.com")
    assert found is not None
    assert desire(found).peer_urls == ("http://etcd1.example.com:2380",)
    found, faults = read("etcd1", "m1", {**VARIABLES, "address": "Etcd1.Example.com"})
    assert (faults, found and found.address) == ((), "Etcd1.Example.com")


@pytest.mark.parametrize(
    ("changes", "own", "expected", "listen"),
    [
        pytest.param({}, (), (), "0.0.0.0", id="nothing known"),
        pytest.param({"reached_at": "192.0.2.1"}, ("192.0.2.1",), (), "0.0.0.0", id="others' DNS"),
        pytest.param(
            {"reached_at": "192.0.2.1", "dns_hosts": ("dns1",)}, ("192.0.2.1",), ("192.0.2.1",), "0.0.0.0", id="own DNS"
        ),
        pytest.param({"reached_at": "bastion", "dns_hosts": ("dns1",)}, (), (), "0.0.0.0", id="reached by name"),
        pytest.param({"reached_at": "127.0.0.1", "dns_hosts": ("dns1",)}, (), (), "0.0.0.0", id="reached by a tunnel"),
        pytest.param(
            {"reached_at": "192.0.2.1", "dns_addresses": ("2001:db8::1",)},
            ("2001:db8::1",),
            ("2001:db8::1",),
            "[::]",
            id="given",
        ),
    ],
)
def test_addresses_behind_a_name(
    changes: t.Dict[str, t.Any], own: t.Tuple[str, ...], expected: t.Tuple[str, ...], listen: str
) -> None:
    one = wish(**BY_DNS, **changes)
    assert (one.own_addresses, one.expected_addresses) == (own, expected)
    assert own_settings(one)["listen-peer-urls"] == [f"http://{listen}:2380"]


def test_two_clusters_cannot_share_records() -> None:
    other = wish(2, **{**BY_DNS, "address": "etcd2.example.com"}, cluster="other")
    assert any(
        "the clusters etcd and other have the records of example.com in common" in one
        for one in told(wish(1, **BY_DNS), others=[other])
    )
    apart = dataclasses.replace(other, dns_service_name="other")
    assert told(wish(1, **BY_DNS), others=[apart]) == []


def test_all_faults_are_told_at_once() -> None:
    found = told(
        wish(1, version="3.6", settings={"nonsense": 1}),
        wish(2, name="etcd1", settings={"nonsense": 1, "heartbeat-interval": "x"}),
        wish(3, listen_address="etcd3", address="10.0.0.2"),
    )
    joined = "\n".join(found)
    for word in (
        "etcd1: etcd_version",
        "etcd2: etcd_settings: nonsense",
        "etcd2: etcd_settings: heartbeat-interval",
        "etcd3: etcd_listen_address",
        "etcd1, etcd2 have the name etcd1 in common",
        "etcd2, etcd3 have the peer URL http://10.0.0.2:2380 in common",
    ):
        assert word in joined


# --- hosts together -----------------------------------------------------------------------------------------------


def test_three_sound_hosts() -> None:
    assert told(wish(1), wish(2), wish(3)) == []


@pytest.mark.parametrize(
    ("field", "value", "variable"),
    [
        ("token", "x", "etcd_bootstrap_token"),
        ("allow_downtime", True, "etcd_allow_downtime"),
        ("remove", ("a",), "etcd_remove_members"),
        ("replace", ("a",), "etcd_replace_members"),
    ],
)
def test_members_must_agree(field: str, value: t.Any, variable: str) -> None:
    (found,) = told(wish(1), wish(2, **{field: value}))
    assert found.startswith(f"{variable}: must be the same on all members of a cluster")
    assert "etcd2" in found


def test_versions_may_be_one_minor_apart() -> None:
    assert told(wish(1, version="3.5.35"), wish(2, version="3.6.16")) == []
    (found,) = told(wish(1, version="3.5.35"), wish(2, version="3.7.3"))
    assert "etcd_version" in found
    assert "one minor version apart" in found


def test_the_same_peer_url_twice_however_it_is_written() -> None:
    (found,) = told(wish(1, address="fd00::1"), wish(2, address="fd00:0:0::1"))
    assert "etcd1, etcd2 have the peer URL http://[fd00::1]:2380 in common" in found


def test_what_is_waited_for_needs_time() -> None:
    found = told(wish(1, gate_timeout=-5, start_timeout=0))
    assert [fault.partition(" s is")[0] for fault in found] == [
        "etcd1: etcd_gate_timeout: -5",
        "etcd1: etcd_start_timeout: 0",
    ]


def test_a_version_has_one_spelling() -> None:
    (found,) = told(wish(1, version="v3.6.16"))
    assert "etcd_version: 'v3.6.16' is no way to write a version. Write 3.6.16" in found


@pytest.mark.parametrize("path", ["/home/etcd", "/root/etcd", "/tmp/etcd", "/var/tmp/etcd/x"])
def test_data_lies_where_the_unit_lets_etcd_see_it(path: str) -> None:
    (found,) = told(wish(1, data_dir=path))
    assert f"etcd_data_dir: {path} is in " in found
    assert not told(wish(1, data_dir=path, deployment="procfile"))


def test_health_is_asked_for_at_the_client_urls() -> None:
    moved = wish(1, settings={"listen-client-http-urls": "http://192.0.2.1:2381"})
    (found,) = told(moved, wish(2))
    assert found.startswith("etcd1: etcd_settings: listen-client-http-urls: takes /health away from the client URLs")
    assert not told(moved)


def test_loopback_is_for_one_machine() -> None:
    (found,) = told(wish(1, address="127.0.0.1"), wish(2))
    assert found.startswith("etcd1: etcd_address: 127.0.0.1 is reached from its own machine only")
    assert told(together(1, address="127.0.0.1"), together(2, address="127.0.0.1")) == []


# --- one machine --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deployment", ["systemd", "procfile"])
def test_many_members_on_one_machine(deployment: str) -> None:
    assert told(*(together(number, deployment=deployment) for number in (1, 2, 3))) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"service": "etcd-1"}, "etcd_service: etcd1 and etcd2 are on one machine and share the service etcd-1"),
        ({"client_port": 3379}, "etcd1 and etcd2 are on one machine and both listen on port 3379"),
        ({"client_port": 3380}, "both listen on port 3380"),
        ({"peer_port": 3380}, "both listen on port 3380"),
        ({"data_dir": "/var/lib/etcd-1"}, "etcd_data_dir"),
        ({"data_dir": "/var/lib/etcd-1/two"}, "one's data directory is in the other's"),
        ({"data_dir": "/var/lib"}, "one's data directory is in the other's"),
        ({"config_dir": "/etc/etcd-1"}, "etcd_config_dir"),
        ({"settings": {"wal-dir": "/var/lib/etcd-1/wal"}}, "etcd_data_dir"),
        ({"settings": {"listen-metrics-urls": "http://0.0.0.0:3379"}}, "both listen on port 3379"),
    ],
)
def test_what_members_on_one_machine_cannot_share(changes: t.Dict[str, t.Any], word: str) -> None:
    found = told(together(1), together(2, **changes))
    assert any(word in fault for fault in found), found
    # nor with a member of another cluster in the same play
    other = dataclasses.replace(together(2, **changes), cluster="other")
    assert any(word in fault for fault in told(together(1), others=[other]))
    # on another machine it may
    elsewhere = together(2, **{**changes, "machine": "m2", "address": "10.0.0.2"})
    assert told(together(1), elsewhere) == []


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("10.0.0.1", "10.0.0.2", True),  # each serves clients on loopback, too
        ("127.0.0.1", "127.0.0.2", False),
        ("0.0.0.0", "127.0.0.2", True),
        ("::", "127.0.0.2", True),
        ("0.0.0.0", "::1", False),
    ],
)
def test_the_same_ports_at_different_addresses(first: str, second: str, clash: bool) -> None:
    ports = {"client_port": 2379, "peer_port": 2380}
    found = told(
        together(1, listen_address=first, **ports), together(2, address="10.0.0.2", listen_address=second, **ports)
    )
    assert bool(found) == clash
    assert not clash or "both listen on port" in found[0]


def test_a_name_for_an_entry_is_known_to_its_own_procfile_only() -> None:
    first = together(1, deployment="procfile", service="infra1", config_dir="/srv/a/infra1")
    second = together(2, deployment="procfile", service="infra1", config_dir="/srv/b/infra1")
    assert told(first, second) == []
    assert told(first, dataclasses.replace(second, config_dir="/srv/a/other"))


# --- what is desired ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "listen", "clients"),
    [
        ({}, "http://10.0.0.1:2380", ["http://10.0.0.1:2379", "http://127.0.0.1:2379"]),
        ({"address": "fd00::1"}, "http://[fd00::1]:2380", ["http://[fd00::1]:2379", "http://[::1]:2379"]),
        ({"address": "etcd1.example.com"}, "http://0.0.0.0:2380", ["http://0.0.0.0:2379"]),
        ({"listen_address": "10.1.1.1"}, "http://10.1.1.1:2380", ["http://10.1.1.1:2379", "http://127.0.0.1:2379"]),
        ({"address": "127.0.0.1"}, "http://127.0.0.1:2380", ["http://127.0.0.1:2379"]),
    ],
)
def test_where_it_listens(changes: t.Dict[str, t.Any], listen: str, clients: t.List[str]) -> None:
    own = own_settings(wish(**changes))
    assert own["listen-peer-urls"] == [listen]
    assert own["listen-client-urls"] == clients


def test_settings_of_the_user_come_last() -> None:
    made = desire(wish(settings={"data-dir": "/srv/etcd", "snapshot-count": 5, "advertise-client-urls": "http://lb:1"}))
    assert made.data_dir == "/srv/etcd"
    assert made.client_urls == ("http://lb:1",)
    assert made.environment["ETCD_DATA_DIR"] == "/srv/etcd"
    assert made.environment["ETCD_SNAPSHOT_COUNT"] == "5"


def test_another_unit_shows_in_the_environment() -> None:
    one, other = desire(wish()), desire(wish(definition="[Unit]\n"))
    assert one.environment[DIGEST] == digest("[Service]\n")
    assert one.environment[DIGEST] != other.environment[DIGEST]


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
ADDRESSES = st.one_of(
    st.ip_addresses(v=4).filter(lambda ip: not (ip.is_unspecified or ip.is_multicast)).map(str),
    st.ip_addresses(v=6).filter(lambda ip: not (ip.is_unspecified or ip.is_multicast)).map(str),
    st.from_regex(r"[a-z][a-z0-9]{0,10}(\.[a-z]{2,8}){0,2}", fullmatch=True),
)
SOUND = st.fixed_dictionaries(
    {
        "name": NAMES,
        "address": ADDRESSES,
        "client_port": st.integers(1, 32767),
        "peer_port": st.integers(32768, 65535),
        "version": st.sampled_from(["3.4.23", "3.5.35", "3.6.16", "3.7.3"]),
        "token": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
        "settings": st.fixed_dictionaries(
            {}, optional={"snapshot-count": st.integers(1, 10**6), "enable-pprof": st.booleans()}
        ),
    }
)


@settings(max_examples=150)
@given(SOUND)
def test_sound_wishes_have_no_faults_and_always_a_fence(values: t.Dict[str, t.Any]) -> None:
    one = wish(**values)
    assert told(one) == []
    made = desire(one)
    own = ",".join(f"{one.name}={url}" for url in made.peer_urls)
    assert made.environment["ETCD_INITIAL_CLUSTER"] == own
    assert made.environment["ETCD_INITIAL_CLUSTER_STATE"] == "existing"
    assert made.environment["ETCD_INITIAL_ADVERTISE_PEER_URLS"] == peer_url(one)
    assert made.environment["ETCD_NAME"] == one.name
    assert made.environment["ETCD_DATA_DIR"] == made.data_dir
    assert not any(key.startswith("ETCD_DISCOVERY") for key in made.environment)
    assert parse(render_quoted(made.environment)) == made.environment


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"install": "existing"}, ""),
        ({"install": "package"}, "etcd2: etcd_install: packages would start a server"),
        ({"deployment": "docker", "install": "package"}, ""),
        ({"deployment": "procfile", "install": "package"}, "etcd2: etcd_deployment: procfile has no proxies"),
    ],
    ids=["release", "existing", "package", "container", "procfile"],
)
def test_what_proxies_cannot_be(changes: t.Dict[str, t.Any], words: str) -> None:
    wishes = [wish(1, **changes), wish(2, **changes)]
    found = [str(fault) for fault in check_proxies(wishes, ["etcd2"])]
    assert [words in one for one in found] == [True] * bool(words)
    assert check_proxies(wishes, []) == ()


# --- warnings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "members", "word"),
    [
        ({}, 2, "2 members survive no more failures than 1 would"),
        ({}, 4, "4 members survive no more failures than 3 would"),
        ({}, 3, "there is no TLS: whoever reaches the client port of etcd1 can read and write everything"),
        ({"settings": {"unsafe-no-fsync": True}}, 3, "etcd1: unsafe-no-fsync"),
    ],
)
def test_what_may_not_be_meant(changes: t.Dict[str, t.Any], members: int, word: str) -> None:
    assert any(word in one for one in warnings([wish(**changes)], members))


def test_nothing_to_warn_of() -> None:
    assert warnings([wish(address="127.0.0.1"), wish(2, address="::1")], 3) == ()


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://10.0.0.1:2380"),
        ({"listen-peer-urls": "https://10.0.0.1:2380"}, "https://10.0.0.1:2380"),
        ({"listen-peer-urls": ["http://10.0.0.1:2379", "https://10.0.0.1:2380"]}, "https://10.0.0.1:2380"),
        ({"listen-peer-urls": ["https://10.0.0.1:1", "nonsense"]}, "http://10.0.0.1:2380"),
        ({"listen-peer-urls": ["http://127.0.0.1:2380", "https://10.0.0.1:2380"]}, "https://10.0.0.1:2380"),
        ({"listen-peer-urls": ["http://127.0.0.1:2380", "https://0.0.0.0:2380"]}, "https://10.0.0.1:2380"),
    ],
)
def test_a_member_is_listed_with_the_scheme_that_it_listens_with(settings: t.Dict[str, t.Any], url: str) -> None:
    assert peer_url(wish(1, settings=settings)) == url


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"settings": {"listen-peer-urls": "http://127.0.0.1:2380"}},
            "etcd1: etcd_settings: listen-peer-urls: has only addresses of the machine's own, and others",
        ),
        ({"listen_address": "127.0.0.1"}, "etcd1: etcd_listen_address: has only addresses of the machine's own"),
        (
            {"settings": {"listen-peer-urls": "http://10.0.0.1:2390"}},
            "etcd1: etcd_settings: listen-peer-urls: has no URL with the port 2380",
        ),
    ],
)
def test_members_listen_where_others_reach_them(changes: t.Dict[str, t.Any], expected: str) -> None:
    (found,) = told(wish(1, **changes), wish(2))
    assert found.startswith(expected)
    assert not told(wish(1, **changes)), "there are no others"


def test_records_are_of_members_that_speak_http() -> None:
    tls = {"listen-peer-urls": "https://0.0.0.0:2380", "peer-cert-file": "/c", "peer-key-file": "/k"}
    (found,) = told(wish(1, settings=tls, bootstrap="dns", dns_domain="example.com", address="etcd1.example.com"))
    assert "listen-peer-urls: has https, and the records that are looked for" in found

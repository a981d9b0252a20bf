# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Discovery with real registries, and real members that form by the environment that the module returns."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._client import Connection
from ansible_collections.quorum.etcd.plugins.module_utils._membership import cluster_id, member_id
from ansible_collections.quorum.etcd.tests.integration.support import Cluster, Server, eventually, free_port, release
from ansible_collections.quorum.etcd.tests.integration.test_client_tls import Authority
from ansible_collections.quorum.etcd.tests.integration.test_modules_client import run

Clusters = t.Callable[..., Cluster]
Answer = t.Dict[str, t.Any]

_PACKAGES = Path(__file__).resolve().parents[2] / ".cache" / "packages"


class Case(t.NamedTuple):
    """A protocol, the version of the registry, and that of the members."""

    protocol: str
    registry: str
    members: str


CASES = [
    Case("v3", "3.6.16", "3.7.3"),
    Case("v3", "3.5.35", "3.6.16"),
    Case("v2", "3.5.35", "3.5.35"),
    Case("v2", "3.4.23", "3.4.23"),
    Case("v2", "3.5.35", "3.6.16"),
    Case("public", "3.5.35", "3.5.35"),
    Case("public", "3.4.23", "3.4.23"),
]


def discovery_service() -> Path:
    """The distribution's discovery service, unpacked."""
    program = _PACKAGES / "etcd-discovery" / "usr/bin/discovery.etcd.io"
    if not program.exists():
        scratch = _PACKAGES / f"scratch-{os.getpid()}"
        scratch.mkdir(parents=True)
        get = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "etcd-discovery"]
        if subprocess.run(get, cwd=scratch, capture_output=True, check=False).returncode != 0:
            subprocess.run(["apt-get", "-qq", "update"], check=True)
            subprocess.run(get, cwd=scratch, check=True)
        (archive,) = scratch.glob("*.deb")
        subprocess.run(["dpkg-deb", "--extract", str(archive), str(scratch / "tree")], check=True)
        with contextlib.suppress(OSError):
            (scratch / "tree").rename(_PACKAGES / "etcd-discovery")
        shutil.rmtree(scratch)
    return program


@contextlib.contextmanager
def serving(registry: str, directory: Path) -> t.Iterator[str]:
    """The service before a registry; gives its URL. It reads a fixed file, so it gets an /etc of its own."""
    url = f"http://127.0.0.1:{free_port()}"
    settings = directory / "etc" / "etcd-discovery" / "etcd-discovery.conf"
    settings.parent.mkdir(parents=True)
    address = url.partition("://")[2]
    settings.write_text(
        f"[server]\nprefix_url={url}\nweb_service_address={address}\n[etcd]\nendpoint_location={registry}\n"
    )
    inside = ["sh", "-c", 'mount --bind "$0" /etc && exec "$1"', str(directory / "etc"), str(discovery_service())]
    with subprocess.Popen(
        ["unshare", "--mount", "--propagation=private", *inside],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            host, _colon, port = address.rpartition(":")

            def answers() -> bool:
                with socket.socket() as probe:
                    return probe.connect_ex((host, int(port))) == 0

            eventually(answers, why="the discovery service does not listen")
            yield url
        finally:
            process.kill()


@pytest.fixture
def open_registry(clusters: Clusters, tmp_path: Path) -> t.Iterator[t.Callable[[str, str], str]]:
    """Makes registries of a protocol and version; gives the endpoint."""
    with contextlib.ExitStack() as stack:

        def make(protocol: str, version: str) -> str:
            registry = clusters(version)
            if protocol == "v3":
                registry.bootstrap(1)
            else:
                registry.bootstrap(1, ETCD_ENABLE_V2="true")
            (endpoint,) = registry.endpoints
            if protocol != "public":
                return endpoint
            return stack.enter_context(serving(endpoint, tmp_path / f"service-{version}"))

        yield make


Opens = t.Callable[[str, str], str]


def start(cluster: Cluster, environment: t.Mapping[str, str], *names: str) -> t.List[Server]:
    servers = [cluster.add_server(name) for name in names]
    for server in servers:
        server.start(**environment)
    return servers


def forms(cluster: Cluster, *names: str) -> t.Dict[str, str]:
    """Wait until the members are a cluster; gives their IDs by name, and that of the cluster as ``""``."""
    cluster.wait_healthy(*names)
    members = cluster.client(names[0]).members()
    assert sorted(member.name for member in members) == sorted(names)
    status = cluster.client(names[0]).status()
    return {"": status.cluster_id, **{member.name: member.id for member in members}}


def expected_ids(servers: t.Sequence[Server], token: str) -> t.Dict[str, str]:
    ids = {server.name: member_id([server.peer_url], token) for server in servers}
    return {"": cluster_id(ids.values()), **ids}


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_cluster_forms(clusters: Clusters, open_registry: Opens, case: Case) -> None:
    """From nothing to a cluster, with a member too many; then the token is used, and removed."""
    endpoint = open_registry(case.protocol, case.registry)
    options = {"protocol": case.protocol}
    dry = run("discovery_token", endpoint, size=3, _ansible_check_mode=True, **options)
    assert (dry["changed"], dry["token"], dry["environment"]) == (True, "", {})
    made = run("discovery_token", endpoint, size=3, _ansible_diff=True, **options)
    assert (made["changed"], made["size"]) == (True, 3)
    assert made["diff"] == {"before": {}, "after": {"token": made["token"], "size": 3}}
    options["token"] = made["token"]
    kept = run("discovery_token", endpoint, size=3, **options)
    assert kept == {**kept, "changed": False, "token": made["token"], "environment": made["environment"]}
    seen = run("discovery_token_info", endpoint, **options)
    assert (seen["exists"], seen["usable"], seen["full"], seen["problem"]) == (True, True, False, "")

    cluster = clusters(case.members)
    servers = start(cluster, made["environment"], "n1", "n2", "n3")
    ids = forms(cluster, "n1", "n2", "n3")
    assert ids == expected_ids(servers, made["url"] or made["token"])
    seen = run("discovery_token_info", endpoint, **options)
    assert (seen["usable"], seen["full"], seen["size"]) == (False, True, 3)
    assert {one["name"]: one["id"] for one in seen["registrations"]} == {name: ids[name] for name in ids if name}
    assert {one["name"]: one["peer_urls"] for one in seen["registrations"]} == {
        server.name: [server.peer_url] for server in servers
    }

    surplus = start(cluster, made["environment"], "n4")[0]
    assert surplus.wait_for_exit() != 0
    assert "cluster is full" in surplus.log.read_text()

    refused = run("discovery_token", endpoint, size=3, **options)
    assert refused["failed"] is True
    assert "registered are 3 of 3" in refused["msg"]
    assert servers[1].peer_url in refused["msg"]
    assert refused["remedy"]
    if case.protocol == "public":
        assert "service alone" in run("discovery_token", endpoint, state="absent", **options)["msg"]
        return
    assert run("discovery_token", endpoint, state="absent", _ansible_check_mode=True, **options)["changed"] is True
    assert run("discovery_token", endpoint, state="absent", **options)["changed"] is True
    assert run("discovery_token", endpoint, state="absent", **options)["changed"] is False
    assert run("discovery_token_info", endpoint, **options)["exists"] is False
    servers[0].restart()  # members need it no more
    cluster.wait_healthy("n1", "n2", "n3")


@pytest.mark.parametrize(
    "case",
    [Case("v3", "3.5.35", "3.6.16"), Case("v3", "3.6.16", "3.7.3"), Case("v2", "3.5.35", "3.5.35"),
     Case("v2", "3.4.23", "3.6.16")],
    ids="-".join,
)  # fmt: skip
def test_half_a_bootstrap_goes_on_statically(clusters: Clusters, open_registry: Opens, case: Case) -> None:
    """One registers and dies before it has data; the others form. It then starts statically, with the token, as itself.

    So do members that have data, whose ``initial-cluster`` etcd no longer reads.
    """
    endpoint = open_registry(case.protocol, case.registry)
    made = run("discovery_token", endpoint, size=3, protocol=case.protocol)
    cluster = clusters(case.members)
    names = ("n1", "n2", "n3")
    _n1, n2, n3 = servers = start(cluster, made["environment"], "n1") + [cluster.add_server(name) for name in names[1:]]

    def registered(number: int) -> bool:
        seen = run("discovery_token_info", endpoint, protocol=case.protocol, token=made["token"])
        return len(seen["registrations"]) == number

    eventually(lambda: registered(1), why="n1 does not register")
    n3.start(**made["environment"])
    eventually(lambda: registered(2), why="n3 does not register")
    n3.kill()
    n3.wipe()
    n2.start(**made["environment"])
    cluster.wait_healthy("n1", "n2")
    n2.kill()
    token = made["url"] or made["token"]
    static = {
        "ETCD_INITIAL_CLUSTER": ",".join(f"{server.name}={server.peer_url}" for server in servers),
        "ETCD_INITIAL_CLUSTER_TOKEN": token,
        "ETCD_INITIAL_CLUSTER_STATE": "new",
    }
    n2.start(**static)
    n3.start(**static)
    assert forms(cluster, *names) == expected_ids(servers, token)


@pytest.mark.parametrize("case", [CASES[1], CASES[2]], ids="-".join)
def test_tokens_that_are_no_good(clusters: Clusters, open_registry: Opens, case: Case) -> None:
    endpoint = open_registry(case.protocol, case.registry)
    options = {"protocol": case.protocol}

    # too big: made for two, then one more is wanted, and nobody has come yet
    assert run("discovery_token", endpoint, token="t1", size=2, **options)["changed"] is True
    dry = run("discovery_token", endpoint, token="t1", size=3, _ansible_check_mode=True, _ansible_diff=True, **options)
    assert (dry["changed"], dry["diff"]["before"]["size"], dry["diff"]["after"]["size"]) == (True, 2, 3)
    assert dry["environment"]
    assert run("discovery_token_info", endpoint, token="t1", **options)["size"] == 2
    resized = run("discovery_token", endpoint, token="t1", size=1, **options)
    assert (resized["changed"], resized["size"]) == (True, 1)
    cluster = clusters(case.members)
    start(cluster, resized["environment"], "n1")
    forms(cluster, "n1")
    late = start(cluster, resized["environment"], "n2")[0]
    assert late.wait_for_exit() != 0
    refused = run("discovery_token", endpoint, token="t1", size=3, **options)
    assert "registered are 1 of 1: n1" in refused["msg"]

    # no such token, and one without a size
    missing = run("discovery_token_info", endpoint, token="t2", **options)
    assert (missing["exists"], missing["usable"], missing["problem"]) == (False, False, "there is no such token")
    lost = clusters(case.members)
    environment = {name: value.replace("t1", "t2") for name, value in resized["environment"].items()}
    assert start(lost, environment, "n1")[0].wait_for_exit() != 0

    # two of the same name: burnt
    made = run("discovery_token", endpoint, token="t3", size=2, **options)
    twins = [clusters(case.members), clusters(case.members)]
    for twin in twins:
        start(twin, made["environment"], "twin")
    for twin in twins:
        assert twin.servers["twin"].wait_for_exit() != 0
    burnt = run("discovery_token_info", endpoint, token="t3", **options)
    assert (burnt["usable"], burnt["problem"]) == (False, "more than one member registered as twin")
    refused = run("discovery_token", endpoint, token="t3", size=2, **options)
    assert "more than one member registered as twin" in refused["msg"]
    assert len(refused["registrations"]) == 2
    assert run("discovery_token", endpoint, token="t3", state="absent", **options)["changed"] is True
    assert run("discovery_token", endpoint, token="t3", size=2, **options)["changed"] is True


@pytest.mark.parametrize("protocol", ["v3", "v2", "public"])
def test_registries_that_do_not_serve(clusters: Clusters, protocol: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    down = run("discovery_token_info", nobody, protocol=protocol, token="a1")
    assert (down["failed"], nobody in down["msg"], "a1" in down["msg"], bool(down["remedy"])) == (True,) * 4
    down = run("discovery_token", nobody, protocol=protocol, size=3)
    assert (down["failed"], nobody in down["msg"]) == (True, True)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begin = time.monotonic()
        slow = run("discovery_token", endpoint, protocol=protocol, token="a1", size=3, timeout=0.5)
        assert time.monotonic() - begin < 10
        assert "did not answer within 0.5 s" in slow["msg"]
    # no registry: a server of 3.7 has the v3 API alone
    if protocol != "v3":
        other = clusters("3.7.3").bootstrap(1).endpoints[0]
        refused = run("discovery_token", other, protocol=protocol, size=3)
        assert refused["failed"] is True
        assert other in refused["msg"]
        assert refused["remedy"]


@pytest.mark.parametrize("protocol", ["v3", "v2"])
def test_the_next_endpoint_serves(open_registry: Opens, protocol: str) -> None:
    endpoint = open_registry(protocol, "3.5.35")
    nobody = f"http://127.0.0.1:{free_port()}"
    made = run("discovery_token", nobody, endpoint, protocol=protocol, size=3)
    assert made["changed"] is True
    assert made["url"].startswith(endpoint if protocol == "v2" else "")
    if protocol == "v2":
        seen = run("discovery_token_info", nobody, protocol=protocol, token=made["url"])
        assert (seen["usable"], seen["url"]) == (True, made["url"])


@pytest.mark.parametrize("versions", [("3.5.35", "3.6.16"), ("3.6.16", "3.7.3")], ids="-".join)
def test_a_registry_with_tls_and_users(clusters: Clusters, tmp_path: Path, versions: t.Tuple[str, str]) -> None:
    """A user that may read and write below the prefix, and nothing else, is all that it takes."""
    authority = Authority(tmp_path, "ours")
    certificate, key = authority.issue("server")
    registry = clusters(versions[0], connection=Connection(ca_path=authority.path))
    registry.bootstrap(1, scheme="https", ETCD_CERT_FILE=certificate, ETCD_KEY_FILE=key)
    (endpoint,) = registry.endpoints
    etcdctl = [str(release(versions[0]) / "etcdctl"), f"--endpoints={endpoint}", f"--cacert={authority.path}"]
    for words in (
        ["user", "add", "root:r"],
        ["user", "grant-role", "root", "root"],
        ["role", "add", "finder"],
        ["role", "grant-permission", "finder", "readwrite", "--prefix=true", "/_etcd/registry/"],
        ["user", "add", "finder:secret-word"],
        ["user", "grant-role", "finder", "finder"],
        ["auth", "enable"],
    ):
        subprocess.run([*etcdctl, *words], check=True, capture_output=True)
    options = {"ca_path": authority.path, "user": "finder", "password": "secret-word"}
    assert "user" in run("discovery_token", endpoint, size=3, ca_path=authority.path)["msg"]
    assert "password" in run("discovery_token", endpoint, size=3, **{**options, "password": "wrong"})["remedy"]
    made = run("discovery_token", endpoint, size=3, **options)
    assert made["changed"] is True, made
    assert "secret-word" not in str({key: value for key, value in made.items() if key != "invocation"})
    environment = made["environment"]
    assert environment["ETCD_DISCOVERY_CACERT"] == authority.path
    assert environment["ETCD_DISCOVERY_USER"] == "finder"
    assert "ETCD_DISCOVERY_PASSWORD" not in environment
    cluster = clusters(versions[1])
    start(cluster, {**environment, "ETCD_DISCOVERY_PASSWORD": "secret-word"}, "n1", "n2", "n3")
    forms(cluster, "n1", "n2", "n3")
    assert run("discovery_token", endpoint, token=made["token"], state="absent", **options)["changed"] is True

    # a certificate that the system trusts needs no CA of one's own
    made = run("discovery_token", endpoint, size=1, **options)
    environment = {**made["environment"], "ETCD_DISCOVERY_PASSWORD": "secret-word", "SSL_CERT_FILE": authority.path}
    del environment["ETCD_DISCOVERY_CACERT"]
    trusting = clusters(versions[1])
    start(trusting, environment, "n1")
    forms(trusting, "n1")

    subprocess.run([*etcdctl, "--user=root:r", "role", "revoke-permission", "finder", "--prefix", "/_etcd/registry/"],
                   check=True, capture_output=True)  # fmt: skip
    denied = run("discovery_token", endpoint, size=3, **options)
    assert "/_etcd/registry/" in denied["remedy"]

    assert "not trusted" in run("discovery_token", endpoint, size=3, **{**options, "ca_path": ""})["msg"]


@pytest.mark.parametrize("validate", [True, False])
def test_client_certificates(clusters: Clusters, tmp_path: Path, validate: bool) -> None:
    authority = Authority(tmp_path, "ours")
    certificate, key = authority.issue("server")
    client = authority.issue("client")
    connection = Connection(ca_path=authority.path, client_cert=client[0], client_key=client[1])
    registry = clusters("3.6.16", connection=connection).bootstrap(
        1,
        scheme="https",
        ETCD_CERT_FILE=certificate,
        ETCD_KEY_FILE=key,
        ETCD_TRUSTED_CA_FILE=authority.path,
        ETCD_CLIENT_CERT_AUTH="true",
    )
    options: Answer = {"client_cert": client[0], "client_key": client[1], "validate_certs": validate}
    if validate:
        options["ca_path"] = authority.path
    made = run("discovery_token", *registry.endpoints, size=1, **options)
    assert made["changed"] is True, made
    cluster = clusters("3.7.3")
    start(cluster, made["environment"], "n1")
    forms(cluster, "n1")

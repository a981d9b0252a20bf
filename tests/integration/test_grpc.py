# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is gRPC's own: TLS, users by their certificates, and servers whose gateway cannot serve."""

from __future__ import annotations

import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, Connection, connect, look
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    InvalidInput,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unreachable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._gateway import _PATHS
from ansible_collections.quorum.etcd.plugins.module_utils._grpc_proto import Messages
from ansible_collections.quorum.etcd.tests.integration.support import Cluster, eventually, free_port
from ansible_collections.quorum.etcd.tests.integration.test_client_tls import Authority

VERSIONS = ("3.5.35", "3.6.16", "3.7.3")

Clusters = t.Callable[..., Cluster]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def to() -> t.Iterator[t.Callable[..., Client]]:
    made: t.List[Client] = []

    def make(endpoint: str, connection: t.Optional[Connection] = None, transport: str = "grpc") -> Client:
        made.append(connect(endpoint, connection or Connection(), transport=transport))
        return made[-1]

    yield make
    for client in made:
        client.close()


Connect = t.Callable[..., Client]


def secure(clusters: Clusters, version: str, certificate: t.Tuple[str, str], **environment: str) -> str:
    """Start a server with TLS for clients; gives its endpoint."""
    files = {"ETCD_CERT_FILE": certificate[0], "ETCD_KEY_FILE": certificate[1]}
    cluster = clusters(version).bootstrap(1, scheme="https", healthy=False, **files, **environment)
    return cluster.servers["n1"].client_url


def switch_users_on(client: Client, *others: str) -> None:
    ask = client._transport.call
    for name in ("root", *others):
        ask("Auth/RoleAdd", {"name": name})
        ask("Auth/UserAdd", {"name": name, "options": {"no_password": True}})
        ask("Auth/UserGrantRole", {"user": name, "role": name})
    ask("Auth/AuthEnable", {})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_user_by_the_name_of_its_certificate(
    clusters: Clusters, version: str, authority: Authority, to: Connect, tmp_path: Path
) -> None:
    endpoint = secure(
        clusters,
        version,
        authority.issue("server"),
        ETCD_TRUSTED_CA_FILE=authority.path,
        ETCD_CLIENT_CERT_AUTH="true",
    )
    root = Connection(authority.path, *authority.issue("root", "root"))
    reader = Connection(authority.path, *authority.issue("reader", "reader"))
    client = to(endpoint, root)
    assert eventually(lambda: look(client).healthy)
    switch_users_on(client, "reader")

    assert client.put(b"k", b"v") > 0
    assert look(client).problem == ""
    with pytest.raises(PermissionDenied):
        to(endpoint, reader).put(b"k", b"v")
    # All that decides for gRPC is what the gateway says.
    auto = to(endpoint, root, "auto")
    assert auto.put(b"k", b"w") > 0
    assert look(auto).members is not None
    with pytest.raises(Unauthenticated, match="CommonName"):
        to(endpoint, root, "gateway").put(b"k", b"v")

    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(Path(str(path)).read_bytes() for path in (root.client_cert, root.client_key)))
    assert to(endpoint, Connection(authority.path, str(both))).put(b"k", b"x") > 0
    stranger = Authority(tmp_path, "theirs").issue("stranger", "root")
    for connection in (Connection(authority.path), Connection(authority.path, *stranger)):
        with pytest.raises((Unauthenticated, Unreachable)):
            to(endpoint, connection).put(b"k", b"v")
    assert client.get(b"k") is not None


@pytest.mark.parametrize("version", VERSIONS)
def test_the_gateway_is_off(clusters: Clusters, version: str, to: Connect) -> None:
    cluster = clusters(version).bootstrap(1, healthy=False, ETCD_ENABLE_GRPC_GATEWAY="false")
    endpoint = cluster.servers["n1"].client_url
    client = to(endpoint, transport="auto")
    assert eventually(lambda: look(client).healthy)
    seen = look(client)
    assert seen.members is not None
    assert [member.name for member in seen.members] == ["n1"]
    with pytest.raises(NotFound) as refused:
        to(endpoint, transport="gateway").status()
    assert "enable-grpc-gateway" in refused.value.remedy


def test_a_server_certificate_that_is_for_servers_only(clusters: Clusters, authority: Authority, to: Connect) -> None:
    server = authority.issue("server", usages=(ExtendedKeyUsageOID.SERVER_AUTH,))
    endpoint = secure(clusters, "3.6.16", server, ETCD_TRUSTED_CA_FILE=authority.path)
    client = to(endpoint, Connection(authority.path, *authority.issue("client")), "auto")
    assert eventually(lambda: look(client).status)
    assert look(client).members is not None


def test_trust(clusters: Clusters, authority: Authority, to: Connect, tmp_path: Path) -> None:
    endpoint = secure(clusters, "3.6.16", authority.issue("server"))
    client = to(endpoint, Connection(authority.path))
    assert eventually(lambda: look(client).healthy)
    with pytest.raises(InvalidInput, match="validates"):
        to(endpoint, Connection(authority.path, validate_certs=False))
    for connection in (Connection(), Connection(Authority(tmp_path, "theirs").path)):
        with pytest.raises(Unauthenticated, match="not trusted") as refused:
            to(endpoint, connection).status()
        assert "ca_path" in refused.value.remedy
    with pytest.raises(Unauthenticated, match="not trusted"):
        to(endpoint.replace("127.0.0.1", "localhost"), Connection(authority.path)).status()
    with pytest.raises(Unreachable):
        to(endpoint.replace("https", "http")).status()


def test_names_and_ipv6(clusters: Clusters, to: Connect) -> None:
    port = free_port()
    cluster = clusters("3.6.16")
    server = cluster.add_server("n1")
    server.environment["ETCD_LISTEN_CLIENT_URLS"] += f",http://[::1]:{port}"
    server.start(ETCD_INITIAL_CLUSTER=cluster.initial_cluster())
    cluster.wait_healthy()
    assert to(f"http://[::1]:{port}").status().leader_id
    assert to(server.client_url.replace("127.0.0.1", "localhost")).status().leader_id
    with pytest.raises(Unreachable, match="cannot be reached"):
        to("http://name.invalid:2379").status()


def test_back_at_once_after_an_outage(clusters: Clusters, to: Connect) -> None:
    """However often a dead server was asked in vain, the first answer is not waited for longer than it takes."""
    cluster = clusters("3.6.16").bootstrap(1)
    server = cluster.servers["n1"]
    client = to(server.client_url)
    assert client.status().leader_id
    server.stop()
    for _again in range(10):
        with pytest.raises(Unreachable):
            client.status(timeout=1.0)
    server.start()
    cluster.wait_healthy()
    assert client.status(timeout=1.0).leader_id


def test_every_call_is_known() -> None:
    messages = Messages()
    for rpc in _PATHS:
        method = messages.method(rpc)
        assert method.decode(method.encode({})) == {}


def test_the_shape_of_messages() -> None:
    messages = Messages()
    answer = messages.method("Maintenance/Status").decode(
        # version "3.6.0", leader 2**63, errors ["e"], isLearner, downgradeInfo {enabled}
        b"\x12\x053.6.0" + b"\x20" + b"\x80" * 9 + b"\x01" + b"\x42\x01e" + b"\x50\x01" + b"\x6a\x02\x08\x01"
    )
    assert answer == {
        "version": "3.6.0",
        "leader": str(2**63),
        "errors": ["e"],
        "isLearner": True,
        "downgradeInfo": {"enabled": True},
    }
    encode = messages.method("Maintenance/Downgrade").encode
    assert encode({"action": "ENABLE", "version": "3.5", "unknown": 1}) == b"\x08\x01\x12\x033.5"
    revoke = messages.method("Auth/RoleRevokePermission").encode
    assert revoke({"role": "r", "key": "/w==", "range_end": "AA=="}) == b"\x0a\x01r\x12\x01\xff\x1a\x01\x00"


def test_the_library_itself_is_left_alone() -> None:
    code = (
        "from ansible_collections.quorum.etcd.plugins.module_utils._grpc_proto import Messages\n"
        "Messages()\n"
        "import etcd3.etcdrpc as rpc\n"
        "print([field.name for field in rpc.Member.DESCRIPTOR.fields])\n"
    )
    cache = Path(__file__).resolve().parents[2] / ".cache"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(cache)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["['ID',", "'name',", "'peerURLs',", "'clientURLs']"]
    assert done.stderr == ""

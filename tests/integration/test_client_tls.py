# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client and TLS: whom it trusts, what it shows, and how it says what is wrong."""

from __future__ import annotations

import datetime as dt
import ipaddress
import typing as t
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ansible_collections.quorum.etcd.plugins.module_utils._client import Connection, connect, look
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    InvalidInput,
    Rejected,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from ansible_collections.quorum.etcd.tests.integration.support import Cluster, eventually

VERSIONS = ("3.5.35", "3.6.16", "3.7.3")

pytestmark = pytest.mark.parametrize("version", VERSIONS)

Clusters = t.Callable[..., Cluster]

_HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
_BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


class Authority:
    """A certificate authority in a directory."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.path = self._write(f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, common_name: str = "", *, usages: t.Sequence[t.Any] = _BOTH) -> t.Tuple[str, str]:
        """Paths of a certificate for 127.0.0.1 and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
        certificate = (
            self._builder(subject, key)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                critical=not common_name,
            )
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return (
            self._write(f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM)),
            self._write(f"{name}.key", key.private_bytes(serialization.Encoding.PEM, *form)),
        )

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    def _write(self, name: str, data: bytes) -> str:
        path = self._directory / name
        path.write_bytes(data)
        path.chmod(0o600)
        return str(path)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


def start(clusters: Clusters, version: str, certificate: t.Tuple[str, str], **environment: str) -> str:
    """Start a server with TLS for clients; gives its endpoint."""
    cluster = clusters(version).bootstrap(
        1,
        scheme="https",
        healthy=False,
        ETCD_CERT_FILE=certificate[0],
        ETCD_KEY_FILE=certificate[1],
        **environment,
    )
    return cluster.servers["n1"].client_url


def wait(endpoint: str, connection: Connection) -> None:
    client = connect(endpoint, connection)
    try:
        eventually(lambda: look(client).healthy)
    finally:
        client.close()


def test_trust(clusters: Clusters, version: str, authority: Authority, tmp_path: Path) -> None:
    endpoint = start(clusters, version, authority.issue("server"))
    trusting = Connection(ca_path=authority.path)
    wait(endpoint, trusting)

    client = connect(endpoint.replace("https://", ""), trusting)
    assert client.endpoint == endpoint
    assert client.put(b"k", b"v") > 0
    client.close()
    client = connect(endpoint, Connection(validate_certs=False))
    assert client.healthy() == (True, "")
    client.close()

    for connection in (Connection(), Connection(ca_path=Authority(tmp_path, "theirs").path)):
        with pytest.raises(Unauthenticated, match="not trusted") as refused:
            connect(endpoint, connection).healthy()
        assert "ca_path" in refused.value.remedy
    with pytest.raises(Unauthenticated, match="not trusted"):
        connect(endpoint.replace("127.0.0.1", "localhost"), trusting).healthy()
    with pytest.raises((Rejected, Unreachable)):
        connect(endpoint.replace("https", "http"), trusting).status()


def test_client_certificates(clusters: Clusters, version: str, authority: Authority, tmp_path: Path) -> None:
    environment = {"ETCD_TRUSTED_CA_FILE": authority.path, "ETCD_CLIENT_CERT_AUTH": "true"}
    endpoint = start(clusters, version, authority.issue("server"), **environment)
    named, nameless = authority.issue("named", "root"), authority.issue("nameless")
    for certificate, key in (named, nameless):
        wait(endpoint, Connection(authority.path, certificate, key))

    both = tmp_path / "both.pem"
    both.write_bytes(Path(named[0]).read_bytes() + Path(named[1]).read_bytes())
    wait(endpoint, Connection(authority.path, str(both)))

    strangers = Authority(tmp_path, "theirs").issue("stranger")
    for connection in (Connection(authority.path), Connection(authority.path, *strangers)):
        with pytest.raises(Unauthenticated, match="client certificate") as refused:
            connect(endpoint, connection).healthy()
        assert "client_cert" in refused.value.remedy
    with pytest.raises(InvalidInput, match="cannot be read"):
        connect(endpoint, Connection(authority.path, named[0], nameless[1]))

    client = connect(endpoint, Connection(authority.path, *nameless))
    ask = client._transport.call
    ask("Auth/RoleAdd", {"name": "root"})
    ask("Auth/UserAdd", {"name": "root", "password": "secret"})
    ask("Auth/UserGrantRole", {"user": "root", "role": "root"})
    ask("Auth/AuthEnable", {})
    client.close()
    client = connect(endpoint, Connection(authority.path, *nameless, user="root", password="secret"))
    assert client.put(b"k", b"v") > 0
    client.close()
    named_root = Connection(authority.path, *named, user="root", password="secret")
    client = connect(endpoint, named_root, transport="gateway")
    with pytest.raises(Unauthenticated, match="CommonName") as refused:
        client.get(b"k")
    assert "without a common name" in refused.value.remedy
    client.close()


def test_a_server_certificate_that_is_for_servers_only(clusters: Clusters, version: str, authority: Authority) -> None:
    server = authority.issue("server", usages=(ExtendedKeyUsageOID.SERVER_AUTH,))
    endpoint = start(clusters, version, server, ETCD_TRUSTED_CA_FILE=authority.path)
    client = connect(endpoint, Connection(authority.path, *authority.issue("client")), transport="gateway")
    assert eventually(lambda: look(client).versions)

    def remedy() -> str:
        with pytest.raises(Unavailable) as refused:
            client.status()
        return refused.value.remedy

    # The gateway fails to reach its own server, and at times says no more than that ("broken pipe").
    assert "client authentication" in eventually(remedy)
    seen = look(client)
    assert (seen.healthy, seen.status) == (True, None)
    client.close()

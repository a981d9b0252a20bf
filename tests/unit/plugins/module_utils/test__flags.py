# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._flags import parse_file, parse_flags


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["--name=n1"], {"ETCD_NAME": "n1"}),
        (["-name", "n1", "--data-dir", "/d"], {"ETCD_NAME": "n1", "ETCD_DATA_DIR": "/d"}),
        (["--enable-pprof", "--name", "n1"], {"ETCD_ENABLE_PPROF": "true", "ETCD_NAME": "n1"}),
        (["--enable-pprof"], {"ETCD_ENABLE_PPROF": "true"}),
        (["--enable-pprof=false"], {"ETCD_ENABLE_PPROF": "false"}),
        (["--name=a=b"], {"ETCD_NAME": "a=b"}),
        (["--name", "a", "--name", "b"], {"ETCD_NAME": "b"}),
        (["stray", "--", "-"], {}),
    ],
)
def test_flags(words: t.List[str], expected: t.Dict[str, str]) -> None:
    assert parse_flags(words) == expected


FILE = """\
# This is the configuration file for the etcd server.
name: 'default'
data-dir: /var/lib/etcd   # where
wal-dir:
snapshot-count: 10000
"quota-backend-bytes": "8589934592"
listen-client-urls: "http://10.0.0.1:2379,http://127.0.0.1:2379"
initial-cluster-token: 'it''s'
log-outputs: [stderr]
discovery-srv: ~
client-transport-security:
  cert-file: /tls/server.pem
  client-cert-auth: true
peer-transport-security:
  # of the peers
  cert-file: /tls/peer.pem
  trusted-ca-file:
unknown-section:
  cert-file: /not/this
metrics: extensive
"""


def test_a_file_of_settings() -> None:
    assert parse_file(FILE) == {
        "ETCD_NAME": "default",
        "ETCD_DATA_DIR": "/var/lib/etcd",
        "ETCD_SNAPSHOT_COUNT": "10000",
        "ETCD_QUOTA_BACKEND_BYTES": "8589934592",
        "ETCD_LISTEN_CLIENT_URLS": "http://10.0.0.1:2379,http://127.0.0.1:2379",
        "ETCD_INITIAL_CLUSTER_TOKEN": "it's",
        "ETCD_LOG_OUTPUTS": "[stderr]",
        "ETCD_CERT_FILE": "/tls/server.pem",
        "ETCD_CLIENT_CERT_AUTH": "true",
        "ETCD_PEER_CERT_FILE": "/tls/peer.pem",
        "ETCD_METRICS": "extensive",
    }


@pytest.mark.parametrize("text", ["", "nonsense", "{", "- a\n- b", "\0\n:\n: x", "name:novalue"])
def test_what_is_no_file_of_settings_gives_nothing(text: str) -> None:
    assert parse_file(text) == {}

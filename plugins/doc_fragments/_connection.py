# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of every module that talks to etcd; the same as ``connection_spec``. Private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Where etcd is and how to prove who asks."""

    DOCUMENTATION = r"""
options:
  endpoints:
    description:
      - Client URLs of servers of the cluster.
      - As with C(etcdctl), V(HOST:PORT) may be written, too, which uses TLS where O(ca_path) or O(client_cert) is set.
      - Where it is not set, the environment variable E(ETCDCTL_ENDPOINTS) is used, a list separated by commas.
    type: list
    elements: str
    default:
      - http://127.0.0.1:2379
  ca_path:
    description:
      - File with the certificate authorities that are trusted to sign the servers' certificates. By default those of
        the system.
      - Where it is not set, the environment variable E(ETCDCTL_CACERT) is used.
    type: path
  client_cert:
    description:
      - Client certificate in PEM format. It may hold the key, too.
      - Where it is not set, the environment variable E(ETCDCTL_CERT) is used.
      - A cluster with users switched on takes a certificate with a common name over gRPC only, as that user's.
    type: path
  client_key:
    description:
      - Key of O(client_cert) in PEM format, without a password. It needs O(client_cert).
      - Where it is not set, the environment variable E(ETCDCTL_KEY) is used.
    type: path
  validate_certs:
    description: Whether the servers' certificates must be trusted and made out for their hosts.
    type: bool
    default: true
  user:
    description:
      - Name of an etcd user, where users are switched on. Membership and maintenance need the role V(root).
      - Where it is not set, the name in the environment variable E(ETCDCTL_USER) is used, which may look like
        C(name:password).
    type: str
  password:
    description:
      - Password of O(user), which is required with it.
      - Where it is not set, the environment variable E(ETCDCTL_PASSWORD) is used, or the one in E(ETCDCTL_USER).
    type: str
  timeout:
    description: How long one request may take, in seconds.
    type: float
    default: 5
  transport:
    description:
      - How etcd is talked to. V(gateway) is HTTP with JSON and needs nothing on the host. V(grpc) needs the Python
        library etcd3 there.
      - V(auto) takes the gateway, and gRPC where a server's gateway is switched off (C(enable-grpc-gateway)), refuses
        the client certificate for its common name, or cannot connect to its own server.
    type: str
    choices:
      - auto
      - gateway
      - grpc
    default: auto
requirements:
  - etcd3 (Python library, for gRPC only)
"""

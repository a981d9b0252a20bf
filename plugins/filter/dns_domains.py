# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: dns_domains
short_description: The DNS records that hosts of the inventory ask for
version_added: 0.1.0
description:
  - Makes of inventory hosts what the role P(quorum.etcd.dnsmasq#role) takes as C(dnsmasq_etcd_domains), one entry for
    each domain and service name. Hosts count whose C(etcd_bootstrap) is V(dns).
  - It looks at C(etcd_dns_domain), C(etcd_dns_service_name), C(etcd_dns_addresses), C(etcd_address), C(etcd_name),
    C(etcd_peer_port), C(etcd_client_port) and C(ansible_host). Defaults are those of the role
    P(quorum.etcd.etcd#role).
positional: hostvars
options:
  _input:
    description: Names of inventory hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
author:
  - The quorum.etcd authors (@quorum-etcd)
"""

EXAMPLES = r"""
- name: Serve the records of all clusters
  ansible.builtin.import_role:
    name: quorum.etcd.dnsmasq
  vars:
    dnsmasq_etcd_domains: "{{ groups['etcd'] | quorum.etcd.dns_domains(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The domains with their servers.
  type: list
  elements: dict
  sample:
    - domain: example.com
      service_name: ""
      tls: false
      servers:
        - {name: etcd1.example.com, addresses: [192.0.2.11], peer_port: 2380, client_port: 2379}
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._zone import domains


def dns_domains(hosts: t.Sequence[str], hostvars: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.List[t.Dict[str, t.Any]]:
    """See the documentation above.

    :raises AnsibleFilterError: variables make no records.
    """
    try:
        return domains([(str(host), hostvars[host]) for host in hosts])
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        """By name."""
        return {"dns_domains": dns_domains}

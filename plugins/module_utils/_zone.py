# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DNS records that an inventory asks for: those of its clusters that find their members by DNS.

Private to this collection. Pure. It knows hosts by their inventory variables alone, so that a record is served whatever
hosts a run is limited to.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._model import Fault
from ansible_collections.quorum.etcd.plugins.module_utils._wish import plain_name, served_addresses
from ansible_collections.quorum.etcd.plugins.module_utils._wish_check import dns_faults

Variables = t.Mapping[str, t.Any]


def domains(hosts: t.Sequence[t.Tuple[str, Variables]]) -> t.List[t.Dict[str, t.Any]]:
    """What the role ``dnsmasq`` takes as ``dnsmasq_etcd_domains``, in the order of the hosts.

    :param hosts: names of inventory hosts with their variables.
    :raises InvalidInput: variables make no records, all faults at once.
    """
    found: t.Dict[t.Tuple[str, str], t.Dict[str, t.Any]] = {}
    faults: t.List[Fault] = []
    for host, variables in hosts:
        if str(variables.get("etcd_bootstrap", "static")) != "dns":
            continue
        wrong, domain, service_name, server = _server(host, variables)
        faults += wrong
        entry = {"domain": domain, "service_name": service_name, "tls": False, "servers": []}
        found.setdefault((domain, service_name), entry)["servers"].append(server)
    if faults:
        listed = "\n".join(f"  * {fault}" for fault in faults)
        raise InvalidInput(f"No records can be made of these variables:\n{listed}")
    return list(found.values())


def _server(host: str, variables: Variables) -> t.Tuple[t.List[Fault], str, str, t.Dict[str, t.Any]]:
    """What is wrong; domain and service name; the member's own entry."""

    def fault(variable: str, problem: str, remedy: str = "") -> Fault:
        return Fault(f"{host}: {variable}", problem, remedy)

    faults: t.List[Fault] = []
    # empty variables count as not given, as they do for the role
    domain = plain_name(str(variables.get("etcd_dns_domain") or ""))
    service_name = str(variables.get("etcd_dns_service_name") or "")
    name = str(variables.get("etcd_address") or f"{variables.get('etcd_name') or host}.{domain}")
    given = variables.get("etcd_dns_addresses") or ()
    addresses = [str(one) for one in (given if isinstance(given, (list, tuple)) else [given])]
    faults += dns_faults(fault, domain=domain, service_name=service_name, address=name, addresses=addresses)
    ports = {}
    for kind, default in (("peer_port", 2380), ("client_port", 2379)):
        text = str(variables.get(f"etcd_{kind}") or default)
        if re.match(r"[0-9]{1,5}\Z", text) and 1 <= int(text) <= 65535:
            ports[kind] = int(text)
        else:
            faults.append(fault(f"etcd_{kind}", f"{text!r} is not a port.", "Use a number from 1 to 65535."))
    reached_at = str(variables.get("ansible_host") or host)
    server = {"name": plain_name(name), "addresses": list(served_addresses(addresses, reached_at)), **ports}
    return faults, domain, service_name, server


__all__ = ("domains",)

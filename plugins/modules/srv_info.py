#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: srv_info
short_description: What DNS says of a domain's etcd, and whether it is right
version_added: 0.1.0
description:
  - Asks resolvers for the SRV records of etcd's servers and clients under a domain, and for the addresses of their
    targets.
  - Judges them by etcd's own rules, and against the members that are expected. A member whose record does not resolve
    on a host is left out there by etcd without a word, and a smaller cluster comes up. So look on every host before
    the first start.
  - Targets are resolved twice, by DNS and as any program on the host does, with F(/etc/hosts), because etcd does the
    latter.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.info_module
requirements:
  - dnspython >= 2.0 on the host (Debian C(python3-dnspython), Red Hat C(python3-dns))
options:
  domain:
    description: The domain, as in etcd's setting C(discovery-srv).
    type: str
    required: true
  service_name:
    description: What follows the name of the service, as in etcd's setting C(discovery-srv-name).
    type: str
    default: ""
  resolvers:
    description:
      - The IP addresses of the resolvers to ask. All are asked, and must say the same. The first that answers all
        questions counts.
      - By default those of F(/etc/resolv.conf). There a later one that says something else is only noted.
    type: list
    elements: str
  resolver_port:
    description: Where the resolvers listen.
    type: int
    default: 53
  system:
    description:
      - Whether to resolve the targets as programs on this host do, too. What that gives is then what counts.
      - By default so where O(resolvers) is not given.
    type: bool
  expected:
    description:
      - The members that should be found, no more and no less.
      - Without it only what etcd could never use is told.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The member's name, to speak of it.
        type: str
        required: true
      host:
        description: The target of its records.
        type: str
        required: true
      port:
        description: Its peer port.
        type: int
        default: 2380
      scheme:
        description: What other members speak to it. V(https) belongs to C(_etcd-server-ssl).
        type: str
        choices: [http, https]
        default: http
      client_port:
        description: Its client port. Records of clients are compared only where it is given.
        type: int
      client_scheme:
        description: What clients speak to it. By default the same as O(expected[].scheme).
        type: str
        choices: [http, https]
      addresses:
        description: What O(expected[].host) should resolve to. Not compared where it is empty.
        type: list
        elements: str
        default: []
  own_url:
    description:
      - The C(initial-advertise-peer-urls) of the member on this host.
      - Where it is given, a member that would not find itself among the records is told.
    type: str
  timeout:
    description: How long a resolver may take for all questions together, in seconds.
    type: float
    default: 5
  wait:
    description: Whether to look again until nothing is wrong, and to fail if something still is after O(wait_timeout).
    type: bool
    default: false
  wait_timeout:
    description: How long to look again, in seconds. With V(0) it looks once.
    type: float
    default: 30
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.cluster_info
"""

EXAMPLES = r"""
- name: See that a member would find the others, and itself
  quorum.etcd.srv_info:
    domain: example.com
    own_url: http://etcd1.example.com:2380
    expected:
      - {name: etcd1, host: etcd1.example.com}
      - {name: etcd2, host: etcd2.example.com}
      - {name: etcd3, host: etcd3.example.com}
    wait: true
    wait_timeout: 10

- name: Compare two DNS servers
  quorum.etcd.srv_info:
    domain: example.com
    resolvers:
      - 192.0.2.53
      - 2001:db8::53
  register: dns

- name: Tell what is wrong
  ansible.builtin.debug:
    var: dns.problems
"""

RETURN = r"""
ok:
  description: Whether nothing is wrong.
  returned: always
  type: bool
  sample: true
problems:
  description: All that is wrong, in sentences.
  returned: always
  type: list
  elements: str
  sample: []
notes:
  description: What is not wrong but should be known, in sentences, such as one resolver of several that is silent.
  returned: always
  type: list
  elements: str
  sample: []
domain:
  description: The domain.
  returned: always
  type: str
  sample: example.com
peer_urls:
  description:
    - The peer URLs of the members that etcd on this host would find, sorted. Targets that do not resolve are left out.
    - etcd makes them of the names in the records. Member IDs follow from them, and the cluster's ID.
  returned: always
  type: list
  elements: str
  sample: ["http://etcd1.example.com:2380", "http://etcd2.example.com:2380"]
client_urls:
  description: The endpoints that etcdctl would find, sorted.
  returned: always
  type: list
  elements: str
  sample: ["http://etcd1.example.com:2379", "http://etcd2.example.com:2379"]
own_peer_url:
  description: The peer URL that the member on this host would get. Empty where it would not find itself.
  returned: always
  type: str
  sample: http://etcd1.example.com:2380
missing:
  description: Names of expected members without any record.
  returned: always
  type: list
  elements: str
  sample: []
surplus:
  description: URLs of records that belong to nobody expected.
  returned: always
  type: list
  elements: str
  sample: []
wrong_port:
  description: URLs of records with another port than expected.
  returned: always
  type: list
  elements: str
  sample: []
wrong_scheme:
  description: URLs of records in the service with TLS that should be in the one without, or the other way round.
  returned: always
  type: list
  elements: str
  sample: []
wrong_addresses:
  description: Names of expected members whose host has other addresses than expected.
  returned: always
  type: list
  elements: str
  sample: []
unresolved:
  description: Targets of records that have no address.
  returned: always
  type: list
  elements: str
  sample: []
mixed:
  description: Whether there are servers in the service with TLS and in the one without.
  returned: always
  type: bool
  sample: false
servers:
  description: The records of servers.
  returned: always
  type: list
  elements: dict
  contains: &record
    name:
      description: Where the record is.
      type: str
      sample: _etcd-server._tcp.example.com
    target:
      description: The host it names.
      type: str
      sample: etcd1.example.com
    port:
      description: Its port.
      type: int
      sample: 2380
    priority:
      description: Its priority. etcd does not look at it.
      type: int
      sample: 0
    weight:
      description: Its weight. etcd does not look at it.
      type: int
      sample: 0
    ttl:
      description: How long it may be kept, in seconds.
      type: int
      sample: 300
    url:
      description: The URL that etcd makes of it.
      type: str
      sample: http://etcd1.example.com:2380
    addresses:
      description: The addresses that DNS has of the host, version 4 first.
      type: list
      elements: str
      sample: [192.0.2.11]
    addresses_ttl:
      description: How long they may be kept, in seconds. V(null) where there are none.
      type: int
      sample: 300
    aliases:
      description: The names that the target stands for, where it is an alias (CNAME).
      type: list
      elements: str
      sample: []
    system_addresses:
      description: The addresses that programs on this host find. V(null) where they were not looked for.
      type: list
      elements: str
      sample: [192.0.2.11]
clients:
  description: The records for clients.
  returned: always
  type: list
  elements: dict
  contains: *record
resolvers:
  description: The resolvers that were asked.
  returned: always
  type: list
  elements: dict
  contains:
    address:
      description: Its address.
      type: str
      sample: 192.0.2.53
    port:
      description: Its port.
      type: int
      sample: 53
    answered:
      description: Whether it answered anything.
      type: bool
      sample: true
    problem:
      description: What went wrong. Empty where nothing did.
      type: str
      sample: ""
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Correct the records, or wait until the resolvers have forgotten the old ones.
"""

import dataclasses
import ipaddress
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import ArgumentSpec, check_waits
from ansible_collections.quorum.etcd.plugins.module_utils._dns import (
    Resolver,
    look,
    nameservers,
    system_addresses,
)
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, QuorumError, failing
from ansible_collections.quorum.etcd.plugins.module_utils._records import DomainSeen, Expected
from ansible_collections.quorum.etcd.plugins.module_utils._srv import Found, Own, Verdict, judge, split_url

PAUSE = 0.5


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    scheme = {"type": "str", "choices": ["http", "https"]}
    return ArgumentSpec(
        {
            "domain": {"type": "str", "required": True},
            "service_name": {"type": "str", "default": ""},
            "resolvers": {"type": "list", "elements": "str"},
            "resolver_port": {"type": "int", "default": 53},
            "system": {"type": "bool"},
            "expected": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "host": {"type": "str", "required": True},
                    "port": {"type": "int", "default": 2380},
                    "scheme": {**scheme, "default": "http"},
                    "client_port": {"type": "int"},
                    "client_scheme": scheme,
                    "addresses": {"type": "list", "elements": "str", "default": []},
                },
            },
            "own_url": {"type": "str"},
            "timeout": {"type": "float", "default": 5.0},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "float", "default": 30.0},
        }
    )


def expected_of(params: t.Mapping[str, t.Any]) -> t.List[Expected]:
    """The members that the options name."""
    return [
        Expected(
            name=one["name"],
            host=one["host"].rstrip("."),
            port=one["port"],
            scheme=one["scheme"],
            client_port=one["client_port"],
            client_scheme=one["client_scheme"] or one["scheme"],
            addresses=tuple(one["addresses"]),
        )
        for one in params["expected"]
    ]


def own_of(params: t.Mapping[str, t.Any]) -> t.Optional[Own]:
    """The host's own URL, resolved as etcd does it here.

    :raises InvalidInput: it is no peer URL.
    """
    url = params["own_url"]
    if not url:
        return None
    host = split_url(url)[1]
    try:
        return Own(url, (str(ipaddress.ip_address(host)),))
    except ValueError:
        return Own(url, system_addresses([host], params["timeout"])[host].addresses)


def result_of(seen: DomainSeen, verdict: Verdict) -> t.Dict[str, t.Any]:
    """What the module returns."""

    def row(found: Found) -> t.Dict[str, t.Any]:
        host = found.host
        return {
            "name": f"_{found.record.service}._tcp.{seen.domain}",
            "target": found.record.target,
            "port": found.record.port,
            "priority": found.record.priority,
            "weight": found.record.weight,
            "ttl": found.record.ttl,
            "url": found.url,
            "addresses": list(host.dns),
            "addresses_ttl": host.ttl,
            "aliases": list(host.aliases),
            "system_addresses": None if host.system is None else list(host.system),
        }

    result = {
        field.name: list(value) if isinstance(value, tuple) else value
        for field in dataclasses.fields(verdict)
        for value in [getattr(verdict, field.name)]
    }
    return {
        **result,
        "ok": verdict.ok,
        "domain": seen.domain,
        "servers": [row(found) for found in verdict.servers],
        "clients": [row(found) for found in verdict.clients],
        "resolvers": [dataclasses.asdict(resolver) for resolver in seen.resolvers],
    }


def gather(
    look_once: t.Callable[[], t.Dict[str, t.Any]],
    *,
    wait: bool,
    wait_timeout: float,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> t.Dict[str, t.Any]:
    """Look once, or until nothing is wrong.

    :raises QuorumError: something still was at the end; with all that was seen last.
    """
    deadline = clock() + wait_timeout
    while True:
        result = look_once()
        if result["ok"] or not wait:
            return result
        if clock() >= deadline:
            raise QuorumError(
                f"DNS is not right for {result['domain']}. " + " ".join(result["problems"]),
                remedy="Correct the records, or wait until the resolvers have forgotten the old ones.",
                **result,
            )
        sleep(PAUSE)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    with failing(module):
        check_waits(params, "wait_timeout")
        if params["timeout"] <= 0:
            raise InvalidInput(f"A timeout of {params['timeout']:g} s leaves no time for an answer.")
        for address in params["resolvers"] or ():
            _check_address(address)
        expected = expected_of(params)
        system = params["resolvers"] is None if params["system"] is None else params["system"]

        def look_once() -> t.Dict[str, t.Any]:
            addresses = nameservers() if params["resolvers"] is None else params["resolvers"]
            seen = look(
                params["domain"],
                service_name=params["service_name"],
                resolvers=[Resolver(address, params["resolver_port"]) for address in addresses],
                timeout=params["timeout"],
                system=system_addresses if system else None,
                in_order=params["resolvers"] is None,
            )
            return result_of(seen, judge(seen, expected, own_of(params)))

        result = gather(look_once, wait=params["wait"], wait_timeout=params["wait_timeout"])
        module.exit_json(changed=False, **result)


def _check_address(address: str) -> None:
    """:raises InvalidInput: it is no IP address."""
    try:
        ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        raise InvalidInput(f"The resolver {address} is no IP address.", remedy="Write its address.") from None


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: discovery_token
short_description: A token with which the members of a new cluster find each other
version_added: 0.1.0
description:
  - Makes or removes a discovery token, which stands for one cluster of a given size, once.
  - A token that is there is kept when its size is right and nobody has registered under it, and is given another size
    where only that is wrong. One that was used, even by a cluster that did not come up, is refused.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.actiongroup_etcd
  - quorum.etcd._connection
attributes:
  check_mode:
    support: full
    details:
      - No token is made in check mode. Without O(token), RV(token), RV(url) and RV(environment) are empty then.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - Without O(token) each run makes a new one.
options:
  protocol:
    description:
      - V(v3) keeps tokens among the keys of any etcd with the v3 API. Members must be 3.6 or newer.
      - V(v2) keeps them in an etcd 3.4 or 3.5 with C(enable-v2) set. Members must be 3.4, 3.5 or 3.6.
      - V(public) has a discovery service make them, which speaks V(v2). O(endpoints) is its one URL, such as
        V(https://discovery.etcd.io).
    type: str
    choices:
      - v3
      - v2
      - public
    default: v3
  token:
    description:
      - The token, of letters, digits, dots, V(-) and V(_). Without it a fresh random one is made.
      - With V(v2) and V(public) it may be the whole URL that members are given, and then O(endpoints) is not asked.
      - With V(public) one that is not there cannot be made, because the service chooses them.
      - It must be set where O(state=absent).
    type: str
  size:
    description:
      - How many members the cluster begins with. Those that come later find the token full.
      - It must be set where O(state=present).
    type: int
  state:
    description:
      - Whether the token shall be there. With V(absent) all that is registered under it is removed, too, which changes
        nothing for members that have formed.
      - What V(public) services keep, only they remove.
    type: str
    choices:
      - present
      - absent
    default: present
notes:
  - No request takes longer than O(timeout). Several O(endpoints) are asked one after the other until one serves.
  - With V(v2), O(user) is sent as HTTP basic authentication. Members send none, so guests must be allowed to read and
    write below C(/_etcd/registry). They trust the certificate authorities of their system only.
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.discovery_token_info
"""

EXAMPLES = r"""
- name: Make a token for three members in an etcd of one's own
  quorum.etcd.discovery_token:
    endpoints:
      - http://192.0.2.21:2379
    size: 3
  register: discovery
  run_once: true

- name: Show what the members' first start needs
  ansible.builtin.debug:
    var: discovery.environment

- name: Make a token for five members older than 3.6
  quorum.etcd.discovery_token:
    endpoints:
      - http://192.0.2.22:2379
    protocol: v2
    token: prod-2026
    size: 5

- name: Have a public service make one
  quorum.etcd.discovery_token:
    endpoints: https://discovery.etcd.io
    protocol: public
    size: 3

- name: Clean up when all members have formed
  quorum.etcd.discovery_token:
    endpoints:
      - http://192.0.2.21:2379
    token: "{{ discovery.token }}"
    state: absent
"""

RETURN = r"""
token:
  description: The token, with V(public) its URL. Empty in check mode where a fresh one would be made.
  returned: success, and failure where the token was refused
  type: str
  sample: 6c007a14875d53d9bf0ef5a6fc0257c8
url:
  description:
    - What members are given as C(discovery). Empty with V(v3).
    - Member IDs are drawn from it, so all members need the very same.
  returned: success, and failure where the token was refused
  type: str
  sample: http://192.0.2.22:2379/v2/keys/_etcd/registry/prod-2026
size:
  description: The size of the token. V(null) where it has none.
  returned: success, and failure where the token was refused
  type: int
  sample: 3
environment:
  description:
    - The variables that a member's first start needs besides its own. They keep it from starting with what an
      C(initial-cluster) says, and those before 3.6 from becoming a proxy where the token is full.
    - The paths of certificates are those of O(ca_path), O(client_cert) and O(client_key).
    - O(password) is not among them. Where the registry has users, add it as C(ETCD_DISCOVERY_PASSWORD).
  returned: success, if O(state=present)
  type: dict
  sample:
    ETCD_DISCOVERY_ENDPOINTS: http://192.0.2.21:2379
    ETCD_DISCOVERY_TOKEN: 6c007a14875d53d9bf0ef5a6fc0257c8
    ETCD_INITIAL_CLUSTER: ""
    ETCD_INITIAL_CLUSTER_STATE: new
registrations:
  description: Who has registered, in order. See RV(quorum.etcd.discovery_token_info#module:registrations).
  returned: failure, where the token was refused
  type: list
  elements: dict
problem:
  description: What else is wrong with the token.
  returned: failure, where the token was refused
  type: str
  sample: more than one member registered as etcd1
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Use another token, or leave token out for a fresh one.
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import ArgumentSpec, connection_of, connection_spec
from ansible_collections.quorum.etcd.plugins.module_utils._discovery import (
    PROTOCOLS,
    Registry,
    TokenSeen,
    environment,
    make,
    registry_at,
    remove,
)
from ansible_collections.quorum.etcd.plugins.module_utils._errors import failing
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection

Result = t.Dict[str, t.Any]


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return connection_spec().merge(
        ArgumentSpec(
            {
                "protocol": {"type": "str", "choices": list(PROTOCOLS), "default": "v3"},
                "token": {"type": "str", "no_log": False},
                "size": {"type": "int"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            },
            required_if=[["state", "present", ["size"]], ["state", "absent", ["token"]]],
        )
    )


def converge(registry: Registry, params: t.Mapping[str, t.Any], connection: Connection, *, check_mode: bool) -> Result:
    """Bring the token to what is wished; gives the module's result with its ``diff``.

    :raises QuorumError: it was used, cannot be made or removed, or the registry does not serve.
    """
    if params["state"] == "absent":
        made = remove(registry, params["token"], check_mode=check_mode)
    else:
        made = make(registry, params["token"] or "", params["size"], check_mode=check_mode)
    after = made.after or TokenSeen("", "", exists=True, size=params["size"])
    result: Result = {
        "changed": made.changed,
        "token": after.token,
        "url": after.url,
        "size": after.size,
        "diff": {"before": _side(made.before), "after": _side(after)},
    }
    if params["state"] == "present":
        known = made.after is not None
        result["environment"] = environment(after, registry.protocol, registry.endpoints, connection) if known else {}
    return result


def _side(seen: t.Optional[TokenSeen]) -> Result:
    if seen is None or not seen.exists:
        return {}
    side: Result = {"token": seen.token or "a fresh one", "size": seen.size}
    if seen.registrations:
        side["registrations"] = [one.name or one.id for one in seen.registrations]
    return side


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    with failing(module):
        connection = connection_of(params)
        with registry_at(
            params["protocol"],
            params["endpoints"],
            connection,
            transport=params["transport"],
            opener=open_url,
        ) as registry:
            result = converge(registry, params, connection, check_mode=module.check_mode)
        if not module._diff:
            del result["diff"]
        module.exit_json(**result)


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: discovery_token_info
short_description: What a registry holds for a discovery token
version_added: 0.1.0
description:
  - Tells a discovery token's size, who has registered under it, and whether a new cluster can be made with it.
  - A token that is not there is an answer and no error; a registry that does not answer is an error.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.info_module
  - quorum.etcd._attributes.actiongroup_etcd
  - quorum.etcd._connection
options:
  protocol:
    description: How the registry is talked to, see O(quorum.etcd.discovery_token#module:protocol).
    type: str
    choices:
      - v3
      - v2
      - public
    default: v3
  token:
    description:
      - The token. With V(v2) and V(public) it may be the whole URL that members are given, and then O(endpoints) is not
        asked.
    type: str
    required: true
notes:
  - No request takes longer than O(timeout). Several O(endpoints) are asked one after the other until one serves.
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.discovery_token
"""

EXAMPLES = r"""
- name: See who has registered
  quorum.etcd.discovery_token_info:
    endpoints:
      - http://192.0.2.21:2379
    token: 6c007a14875d53d9bf0ef5a6fc0257c8
  register: discovery

- name: Wait for all members
  quorum.etcd.discovery_token_info:
    protocol: public
    token: https://discovery.etcd.io/6c007a14875d53d9bf0ef5a6fc0257c8
  register: discovery
  until: discovery.full
  retries: 30
  delay: 2
"""

RETURN = r"""
token:
  description: The token, as it was given.
  returned: success
  type: str
  sample: 6c007a14875d53d9bf0ef5a6fc0257c8
url:
  description: What members are given as C(discovery). Empty with V(v3).
  returned: success
  type: str
  sample: http://192.0.2.22:2379/v2/keys/_etcd/registry/6c007a14875d53d9bf0ef5a6fc0257c8
exists:
  description: Whether the registry holds anything for the token.
  returned: success
  type: bool
  sample: true
size:
  description: How many members the token is made for. V(null) where it has no size, or it is no number above 0.
  returned: success
  type: int
  sample: 3
registrations:
  description: Who has registered, in order. Members take the first RV(size) of them.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The member ID, hexadecimal.
      type: str
      sample: 9948adbefc5965ef
    name:
      description: The member's name. Empty where it is no member's registration.
      type: str
      sample: etcd1
    peer_urls:
      description: Its peer URLs. Empty where it is no member's registration.
      type: list
      elements: str
      sample:
        - http://192.0.2.11:2380
full:
  description: Whether as many have registered as the token is made for.
  returned: success
  type: bool
  sample: false
usable:
  description: Whether a new cluster can be made with it, which is so while nobody has registered.
  returned: success
  type: bool
  sample: false
problem:
  description: What is wrong with the token. Empty where nothing is, also where it is used.
  returned: success
  type: str
  sample: more than one member registered as etcd1
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Bring the registry up, or check endpoints.
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import ArgumentSpec, connection_of, connection_spec
from ansible_collections.quorum.etcd.plugins.module_utils._discovery import PROTOCOLS, facts, look, registry_at
from ansible_collections.quorum.etcd.plugins.module_utils._errors import failing


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return connection_spec().merge(
        ArgumentSpec(
            {
                "protocol": {"type": "str", "choices": list(PROTOCOLS), "default": "v3"},
                "token": {"type": "str", "required": True, "no_log": False},
            }
        )
    )


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    with failing(module):
        with registry_at(
            params["protocol"],
            params["endpoints"],
            connection_of(params),
            transport=params["transport"],
            opener=open_url,
        ) as registry:
            seen = look(registry, params["token"])
        module.exit_json(changed=False, **facts(seen))


if __name__ == "__main__":
    main()

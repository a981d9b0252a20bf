#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What is documented here is an action plugin: it has the module server_info look, and evaluates on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: observe
short_description: Look at a host, and say what it is wished to be
version_added: 0.1.0
description:
  - Runs M(quorum.etcd.server_info) on the host, and then evaluates the variables that describe the host as a member,
    for which some of what was seen is needed.
  - A part of the role P(quorum.etcd.etcd#role), of no use without it. M(quorum.etcd.plan) and M(quorum.etcd.status)
    read its result, which is registered as C(__etcd_seen).
extends_documentation_fragment:
  - quorum.etcd._instance
  - quorum.etcd._connection
  - quorum.etcd._attributes
  - quorum.etcd._attributes.info_module
  - quorum.etcd._attributes.actiongroup_etcd
options:
  wish:
    description:
      - The name of the variable that maps each field of the wish to the variable that it comes from.
      - They are evaluated in this order, with the result of the look as C(__etcd_seen).
    type: str
    required: true
  version:
    description:
      - The version that the server shall run, see O(quorum.etcd.server_info#module:version).
    type: str
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.server_info
  - module: quorum.etcd.plan
"""

EXAMPLES = r"""
- name: Observe the host
  quorum.etcd.observe:
    wish: __etcd_wish
    service: "{{ etcd_service }}"
    version: "{{ etcd_version }}"
  register: __etcd_seen
"""

RETURN = r"""
server:
  description: What was seen, see RV(quorum.etcd.server_info#module:server).
  returned: success
  type: dict
  sample: {"nonce": "6f1d0c3b9a57e482"}
wish:
  description: What the variables came to, by field.
  returned: success
  type: dict
  sample: {"cluster": "etcd", "name": "etcd1", "address": "192.0.2.11"}
"""

#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What is documented here is an action plugin: it runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Plan the turns of a cluster's members
version_added: 0.1.0
description:
  - Validates what the hosts of a cluster wish, compares it with what they showed, and plans the turns that lead
    there, or refuses with the reason and the remedy. Nothing is changed.
  - A part of the role P(quorum.etcd.etcd#role), of no use without it. It reads the role's own variables of all hosts.
  - It runs once per host and comes to the same plan on each host of a cluster. The plan is printed once per cluster.
  - Plays with a strategy that lets hosts run ahead of each other are refused.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.INFO_MODULE
options:
  hosts:
    description:
      - All inventory hosts that may be members, of any number of clusters. Those with the same C(etcd_cluster_name)
        form one.
      - Hosts that are not in the play count as members that cannot be asked, so that a limit never shrinks a cluster.
    type: list
    elements: str
    required: true
  again:
    description:
      - The run has acted on the cluster before, as RV(again) asks for. A refusal then says that no more was changed.
    type: bool
    default: false
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.server
  - module: quorum.etcd.server_info
"""

EXAMPLES = r"""
- name: Plan
  quorum.etcd.plan:
    hosts: "{{ groups['etcd'] }}"
  register: __etcd_plan
"""

RETURN = r"""
cluster:
  description: The name of this host's cluster.
  returned: success
  type: str
  sample: etcd
kind:
  description: What kind of plan it is.
  returned: success
  type: str
  sample: V(bootstrap), V(resume), V(cold-start), V(converge) or V(nothing)
msg:
  description: The plan as it is printed.
  returned: success
  type: str
  sample: "cluster etcd: nothing to do"
length:
  description: How many turns the cluster takes.
  returned: success
  type: int
  sample: 3
again:
  description:
    - After a cold start the cluster is planned for once more, with its quorum, unless any of these hosts failed.
    - Empty where the plan is all there is to do.
  returned: success
  type: list
  elements: str
  sample: []
steps:
  description:
    - What this host does in each turn; an empty dictionary where it does nothing.
    - With the hosts that must not have failed by then, and whether others act in the same turn (C(together)). Those are
      started by one task and waited for by the next (C(split)) where C(forks) or C(throttle) keep a task from being at
      work on all hosts of the play at once.
    - Its C(kind) is V(membership) where it changes who is a member, V(server) where it is one call of
      M(quorum.etcd.server) for all that start together, else V(start).
  returned: success
  type: list
  elements: dict
  sample:
    - {}
    - action: restart
      host: etcd1
      reason: runs with other settings
      gated: true
      together: false
      split: false
      needs: [etcd2]
install:
  description: The release must be brought to this host first.
  returned: success
  type: bool
  sample: true
desired:
  description: This host's server as it is wished, with its whole environment.
  returned: success
  type: dict
  sample: {"name": "etcd1", "version": "3.6.16", "release": "/opt/etcd/3.6.16"}
peers:
  description: The client URLs of the other members.
  returned: success
  type: list
  elements: str
  sample: ["http://192.0.2.11:2379"]
credentials:
  description: The files of certificates that the cluster's clients show, by the names of modules' options.
  returned: success
  type: dict
  sample: {}
etcdctl:
  description: What etcdctl needs in its environment on the host to ask this member.
  returned: success
  type: dict
  sample: {"ETCDCTL_ENDPOINTS": "http://192.0.2.12:2379"}
proxy:
  description: The host is no member; it is to pass its clients on to those that are.
  returned: success
  type: bool
  sample: false
proxied:
  description: The host passes clients on so far, and stops to, because it starts as a member.
  returned: success
  type: bool
  sample: false
expected:
  description: The members as SRV records should name them.
  returned: success
  type: list
  elements: dict
  sample:
    - name: etcd1
      host: etcd1.example.com
      port: 2380
      addresses: [192.0.2.11]
"""

#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What is documented here is an action plugin: it runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Show the state of clusters as a table
version_added: 0.1.0
description:
  - Puts together what the hosts of each cluster showed to P(quorum.etcd.etcd#role), prints it as a table, and
    returns it.
  - A part of that role's entry point C(status), of no use without it.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.INFO_MODULE
options:
  hosts:
    description: All inventory hosts that may be members, of any number of clusters.
    type: list
    elements: str
    required: true
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.cluster_info
"""

EXAMPLES = r"""
- name: Show the clusters
  quorum.etcd.status:
    hosts: "{{ groups['etcd'] }}"
"""

RETURN = r"""
clusters:
  description: The clusters, in the order in which their first hosts come.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The C(etcd_cluster_name) of its hosts.
      type: str
      sample: etcd
    id:
      description: The cluster ID, hexadecimal as etcdctl prints it; empty where no member answers.
      type: str
      sample: cdf818194e3a8c32
    quorum:
      description:
        - A member listed the members, which takes a quorum.
        - Null where that is not known, since nobody did so, and hosts that could not be looked at, or servers that ask
          for a user, may be a quorum.
      type: bool
      sample: true
    rows:
      description: One for each member and each host.
      type: list
      elements: dict
      contains:
        name:
          description: The member's name.
          type: str
          sample: etcd1
        host:
          description: The inventory host; empty for a member that has none.
          type: str
          sample: etcd1
        id:
          description: The member ID, hexadecimal as etcdctl prints it.
          type: str
          sample: 8e9e05c52164694d
        role:
          description:
            - V(leader), V(follower) or V(learner); V(unstarted) for a member that never published itself; V(unobserved)
              for one that no host of this run showed, and V(learner (unobserved\)) if it is listed as a learner;
              V(unknown) for one that runs and does not tell its role, or that cannot be looked at; V(down) for one
              whose server does not run; V(none) for a host whose member nobody lists.
          type: str
          sample: leader
        healthy:
          description: It answers a linearizable read, and no CORRUPT alarm is listed for it.
          type: bool
          sample: true
        version:
          description: The version of its server.
          type: str
          sample: 3.6.16
        db_size:
          description: The size of its database in bytes.
          type: int
          sample: 20480
        db_size_in_use:
          description: How much of that is in use, in bytes.
          type: int
          sample: 16384
        raft_index:
          description: The index of its newest raft entry.
          type: int
          sample: 9
        lag:
          description: How many entries it is behind the leader.
          type: int
          sample: 0
        alarms:
          description: The alarms that are raised for it.
          type: list
          elements: str
          sample: [NOSPACE]
        since:
          description: When its process started, in seconds since 1970; null where it does not run.
          type: float
          sample: 1790000000.25
        denied:
          description: Whether it wants to know who asks, by a client certificate or as a user.
          type: bool
          sample: false
        problem:
          description: What is wrong with it, or why it was not observed.
          type: str
          sample: is unreachable
"""

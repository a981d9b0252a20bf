#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: member
short_description: An entry of a cluster's membership
version_added: 0.1.0
description:
  - Adds a member, promotes it, changes its peer URLs, or removes it.
  - It is about the membership only. The member's server is started and stopped by M(quorum.etcd.server), or by whatever
    runs it.
  - A change that etcd refuses for the time being is tried again until O(wait_timeout), for example in the first five
    seconds after a server has started. A change whose answer was lost is looked up in the list, not made twice.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.actiongroup_etcd
  - quorum.etcd._connection
attributes:
  check_mode:
    support: full
    details: Does not wait. That a learner will start and catch up is taken for granted.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description: The name that the member will start with, for RV(initial_cluster). It is not looked up.
    type: str
    default: ""
  peer_urls:
    description:
      - Peer URLs of the member. A listed member is the one that is meant if it has exactly these, in any order.
      - With O(id), the peer URLs that the member shall have. Its server must then listen there, which takes a restart.
    type: list
    elements: str
  id:
    description:
      - ID of a listed member, hexadecimal, as C(etcdctl) prints it. One of O(id) and O(peer_urls) is required.
    type: str
  state:
    description:
      - With V(learner) the member is added, without a vote, where it is not listed.
      - With V(voter) a listed learner is promoted once its own server has answered as a healthy member with the ID
        listed, and has caught up. Where some member is older than 3.5.20 learners cannot be promoted safely; there, and
        only there, a member that is not listed is added as a voter at once.
      - With V(absent) the member is removed, if the healthy voters that stay are a quorum. If it leads, it hands over
        leadership first.
    type: str
    choices:
      - learner
      - voter
      - absent
    default: learner
  allow_downtime:
    description: Change the peer URLs even of a member that the cluster cannot spare until it has restarted.
    type: bool
    default: false
  wait_timeout:
    description: How long to wait for what is in the way, in seconds. V(0) does not wait.
    type: float
    default: 60
notes:
  - With users switched on it needs the role V(root).
  - A member that was wiped must be removed and added again. Never let it rejoin under its old ID.
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.cluster_info
  - module: quorum.etcd.leader
  - module: quorum.etcd.server
"""

EXAMPLES = r"""
- name: Add a member that has yet to be started
  quorum.etcd.member:
    endpoints: http://192.0.2.11:2379
    peer_urls: http://192.0.2.14:2380
    state: learner
  register: joining

- name: Give it a vote once it runs and has caught up
  quorum.etcd.member:
    endpoints: http://192.0.2.11:2379
    peer_urls: http://192.0.2.14:2380
    state: voter

- name: Remove a dead member
  quorum.etcd.member:
    endpoints:
      - http://192.0.2.11:2379
      - http://192.0.2.12:2379
    id: 8e9e05c52164694d
    state: absent

- name: Move a member to another address
  quorum.etcd.member:
    endpoints: http://192.0.2.11:2379
    id: 91bc3c398fb3c146
    peer_urls: http://192.0.2.23:2380
    state: voter
"""

RETURN = r"""
member:
  description: The member, as it is listed now or would be in check mode. Not there where it is not listed (any more).
  returned: success, if there is one
  type: dict
  contains: &member
    id:
      description: Its ID, hexadecimal. Empty in check mode for one that would be added.
      type: str
      sample: 8e9e05c52164694d
    name:
      description: Its name, empty until it has started.
      type: str
      sample: infra4
    peer_urls:
      description: Where other members reach it.
      type: list
      elements: str
      sample: ["http://192.0.2.14:2380"]
    client_urls:
      description: Where clients reach it, empty until it has started.
      type: list
      elements: str
      sample: []
    is_learner:
      description: Whether it has no vote.
      type: bool
      sample: true
    started:
      description: Whether it has ever started.
      type: bool
      sample: false
members:
  description: All members afterwards, in check mode as they would be.
  returned: success
  type: list
  elements: dict
  contains: *member
initial_cluster:
  description:
    - All members afterwards, the way a new one needs them for its first start (C(ETCD_INITIAL_CLUSTER)).
    - A member that never started is named by its ID, as etcd looks at the peer URLs of others alone.
  returned: success
  type: str
  sample: infra1=http://192.0.2.11:2380,infra4=http://192.0.2.14:2380
waited:
  description: How long something was in the way, in seconds.
  returned: success
  type: float
  sample: 4.9
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: "Bring back first, or remove: infra2 (unreachable)."
"""

import contextlib
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import (
    ArgumentSpec,
    check_waits,
    connection_of,
    connection_spec,
)
from ansible_collections.quorum.etcd.plugins.module_utils._client import explorer_of
from ansible_collections.quorum.etcd.plugins.module_utils._entry import wish_of
from ansible_collections.quorum.etcd.plugins.module_utils._errors import failing
from ansible_collections.quorum.etcd.plugins.module_utils._membership import initial_cluster
from ansible_collections.quorum.etcd.plugins.module_utils._membership_change import bring
from ansible_collections.quorum.etcd.plugins.module_utils._model import Member


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return connection_spec().merge(
        ArgumentSpec(
            {
                "name": {"type": "str", "default": ""},
                "peer_urls": {"type": "list", "elements": "str"},
                "id": {"type": "str"},
                "state": {"type": "str", "choices": ["learner", "voter", "absent"], "default": "learner"},
                "allow_downtime": {"type": "bool", "default": False},
                "wait_timeout": {"type": "float", "default": 60.0},
            },
            required_one_of=[["peer_urls", "id"]],
        )
    )


def _fields(member: Member) -> t.Dict[str, t.Any]:
    return {
        "id": member.id,
        "name": member.name,
        "peer_urls": list(member.peer_urls),
        "client_urls": list(member.client_urls),
        "is_learner": member.is_learner,
        "started": member.started,
    }


def _listing(members: t.Sequence[Member]) -> t.Dict[str, t.Any]:
    """Members for a diff."""
    entries = (
        {"id": member.id, "name": member.name, "peer_urls": list(member.peer_urls), "is_learner": member.is_learner}
        for member in members
    )
    return {"members": sorted(entries, key=lambda entry: (entry["name"], entry["id"]))}


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    with failing(module):
        check_waits(params, "wait_timeout")
        connection = connection_of(params)
        wish = wish_of(
            params["state"],
            peer_urls=params["peer_urls"] or (),
            id=params["id"] or "",
            allow_downtime=params["allow_downtime"],
        )
        with contextlib.closing(explorer_of(params, connection)) as explorer:
            outcome = bring(
                explorer,
                wish,
                timeout=params["wait_timeout"],
                call_timeout=connection.timeout,
                clock=time.monotonic,
                sleep=time.sleep,
                dry=module.check_mode,
            )
        for warning in outcome.warnings:
            module.warn(warning)
        result: t.Dict[str, t.Any] = {
            "changed": outcome.changed,
            "members": [_fields(member) for member in outcome.after],
            "initial_cluster": initial_cluster(
                (params["name"] if member == outcome.member and params["name"] else member.label, member.peer_urls)
                for member in outcome.after
            ),
            "waited": round(outcome.waited, 3),
        }
        if outcome.member is not None:
            result["member"] = _fields(outcome.member)
        if module._diff:
            result["diff"] = {"before": _listing(outcome.before), "after": _listing(outcome.after)}
        module.exit_json(**result)


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
short_description: What a cluster shows of itself
version_added: 0.1.0
description:
  - Reads members, statuses, leader, versions, alarms and health over all endpoints at the same time.
  - A server that does not answer is a row that says so and no error.
  - Can wait until the cluster is well.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.info_module
  - quorum.etcd._attributes.actiongroup_etcd
  - quorum.etcd._connection
options:
  cluster:
    description: Whether to go on to all the members that the O(endpoints) list, over the first client URL of each.
    type: bool
    default: true
  wait_for:
    description:
      - Look again until this is so, and fail if it is not within O(wait_timeout).
      - V(quorum) waits for RV(quorum), V(healthy) for RV(healthy), V(complete) for RV(complete).
    type: str
    choices:
      - quorum
      - healthy
      - complete
  wait_timeout:
    description: How long to wait, in seconds.
    type: float
    default: 60
notes:
  - A server that does not show its health within 1.5 seconds counts as not healthy, whatever O(timeout) is.
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.leader
"""

EXAMPLES = r"""
- name: Look at a cluster
  quorum.etcd.cluster_info:
    endpoints:
      - https://192.0.2.11:2379
      - https://192.0.2.12:2379
    ca_path: /etc/etcd/pki/ca.crt
  register: etcd

- name: Tell who leads
  ansible.builtin.debug:
    msg: "{{ etcd.leader.name }} leads"

- name: Wait until every member is healthy
  quorum.etcd.cluster_info:
    endpoints: http://192.0.2.11:2379
    wait_for: complete
    wait_timeout: 30
"""

RETURN = r"""
cluster_id:
  description: ID of the cluster, hexadecimal. Empty where no endpoint showed one.
  returned: always
  type: str
  sample: cdf818194e3a8c32
version:
  description: The version that the cluster has agreed on. Empty where no endpoint showed it.
  returned: always
  type: str
  sample: 3.6.0
downgrade:
  description: The version that the cluster is being taken down to. Empty while it is not.
  returned: always
  type: str
  sample: ""
quorum:
  description:
    - Whether the healthy voters are a quorum.
    - Where the members may not be read, whether any endpoint is healthy. Its health is a read that needs a quorum.
  returned: always
  type: bool
  sample: true
healthy:
  description: Whether there is a quorum, no member has the alarm V(CORRUPT), and all endpoints are of one cluster.
  returned: always
  type: bool
  sample: true
complete:
  description: Whether the cluster is healthy, and every member and every endpoint, too.
  returned: always
  type: bool
  sample: true
leader:
  description: The member that leads. V(null) where none is known.
  returned: always
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: infra1
    id:
      description: Its ID, hexadecimal.
      type: str
      sample: 8e9e05c52164694d
members:
  description: All members of the cluster. Empty where they could not be read.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Its name. A member that never started may have none.
      type: str
      sample: infra1
    id:
      description: Its ID, hexadecimal.
      type: str
      sample: 8e9e05c52164694d
    role:
      description:
        - V(leader), V(follower) or V(learner), from its own answer.
        - V(unstarted) for a member that never started, V(unreachable) for one that did not answer, V(unknown) for one
          that answers, but not who it is.
      type: str
      sample: leader
    healthy:
      description:
        - Whether it can read what a majority agrees on, and has no alarm V(CORRUPT).
        - A full database is no fault here.
      type: bool
      sample: true
    is_learner:
      description: Whether it has no vote yet.
      type: bool
      sample: false
    endpoint:
      description: The endpoint that the rest was read from. Empty where none was asked.
      type: str
      sample: https://192.0.2.11:2379
    peer_urls:
      description: Where other members reach it.
      type: list
      elements: str
      sample: ["https://192.0.2.11:2380"]
    client_urls:
      description: Where clients reach it.
      type: list
      elements: str
      sample: ["https://192.0.2.11:2379"]
    version:
      description: The version of its server.
      type: str
      sample: 3.6.16
    storage_version:
      description: The version of what it stores. Empty before 3.6.
      type: str
      sample: 3.6.0
    db_size:
      description: Size of its database file, in bytes.
      type: int
      sample: 20480
    db_size_in_use:
      description: How much of the file is in use, in bytes.
      type: int
      sample: 16384
    raft_index:
      description: Its last index in the raft log.
      type: int
      sample: 1024
    raft_applied_index:
      description: The last index that it has applied.
      type: int
      sample: 1024
    raft_term:
      description: Its raft term.
      type: int
      sample: 2
    lag:
      description:
        - How many entries it is behind the leader. V(null) where that is not known.
        - Under load this is a hint only, because the members are not read at the same instant.
      type: int
      sample: 0
    alarms:
      description: Its alarms, V(NOSPACE) or V(CORRUPT).
      type: list
      elements: str
      sample: []
    errors:
      description: What it says is wrong with itself.
      type: list
      elements: str
      sample: []
    problem:
      description: What could not be read, and why. Empty where all could.
      type: str
      sample: ""
alarms:
  description: All alarms of the cluster.
  returned: always
  type: list
  elements: dict
  contains:
    member_id:
      description: ID of the member, hexadecimal.
      type: str
      sample: 8e9e05c52164694d
    kind:
      description: V(NOSPACE) or V(CORRUPT).
      type: str
      sample: NOSPACE
endpoints:
  description: All endpoints that were asked, the given ones first.
  returned: always
  type: list
  elements: dict
  contains:
    endpoint:
      description: The URL.
      type: str
      sample: https://192.0.2.11:2379
    member_id:
      description: ID of the member that answered there. Empty where it did not tell.
      type: str
      sample: 8e9e05c52164694d
    cluster_id:
      description: ID of its cluster. Empty where it did not tell.
      type: str
      sample: cdf818194e3a8c32
    healthy:
      description: Whether it is healthy.
      type: bool
      sample: true
    problem:
      description: What could not be read, and why.
      type: str
      sample: ""
problems:
  description: All that is wrong, in sentences. Empty where nothing is.
  returned: always
  type: list
  elements: str
  sample: []
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Check user and password.
"""

import contextlib
import dataclasses
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import (
    ArgumentSpec,
    check_waits,
    connection_of,
    connection_spec,
)
from ansible_collections.quorum.etcd.plugins.module_utils._client import Explored, explorer_of
from ansible_collections.quorum.etcd.plugins.module_utils._errors import QuorumError, failing
from ansible_collections.quorum.etcd.plugins.module_utils._model import EndpointSeen
from ansible_collections.quorum.etcd.plugins.module_utils._overview import Overview, overview

LOOK = 1.5
PAUSE = 0.25

_MISSED = {"quorum": "had no quorum", "healthy": "was not healthy", "complete": "was not complete"}


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return connection_spec().merge(
        ArgumentSpec(
            {
                "cluster": {"type": "bool", "default": True},
                "wait_for": {"type": "str", "choices": ["quorum", "healthy", "complete"]},
                "wait_timeout": {"type": "float", "default": 60.0},
            }
        )
    )


def result_of(now: Overview, seen: t.Sequence[EndpointSeen]) -> t.Dict[str, t.Any]:
    """What the module returns."""
    return {
        "cluster_id": now.cluster_id,
        "version": now.version,
        "downgrade": now.downgrade,
        "quorum": now.has_quorum,
        "healthy": now.healthy,
        "complete": now.complete,
        "leader": None if now.leader is None else {"name": now.leader.name, "id": now.leader.id},
        "members": [dataclasses.asdict(row) for row in now.rows],
        "alarms": [dataclasses.asdict(alarm) for alarm in now.alarms],
        "endpoints": [
            {
                "endpoint": one.endpoint,
                "member_id": one.status.member_id if one.status is not None else "",
                "cluster_id": one.status.cluster_id if one.status is not None else "",
                "healthy": one.healthy,
                "problem": one.problem,
            }
            for one in seen
        ],
        "problems": list(now.problems),
    }


def gather(
    explore: t.Callable[[], Explored],
    *,
    wait_for: t.Optional[str],
    wait_timeout: float,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> t.Dict[str, t.Any]:
    """Look once, or until what is waited for is so.

    :raises QuorumError: it was not so in time; with all that was seen last.
    """
    deadline = clock() + wait_timeout
    while True:
        explored = explore()
        now = overview(explored.seen, explored.members, linearizable=explored.linearizable)
        result = result_of(now, explored.seen)
        if wait_for is None or result[wait_for]:
            return result
        if clock() >= deadline:
            raise QuorumError(
                f"The cluster {_MISSED[wait_for]} within {wait_timeout:g} s. " + " ".join(now.problems),
                **result,
            )
        sleep(PAUSE)


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    with failing(module):
        check_waits(params, "wait_timeout")
        connection = connection_of(params)
        with contextlib.closing(explorer_of(params, connection, whole=params["cluster"])) as explorer:
            result = gather(
                lambda: explorer.explore(timeout=min(LOOK, connection.timeout)),
                wait_for=params["wait_for"],
                wait_timeout=params["wait_timeout"],
            )
        module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: leader
short_description: Which member leads
version_added: 0.1.0
description:
  - Hands leadership to a member, or away from one, and waits until the new leader is seen.
  - Writes pause for some milliseconds meanwhile.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.actiongroup_etcd
  - quorum.etcd._connection
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  to:
    description:
      - Name or ID of the voter that shall lead. It must be healthy.
      - Where it is not set, the healthy voter that lags least takes over. One of O(to) and O(away_from) is required.
    type: str
  away_from:
    description:
      - Name or ID of a member that shall not lead. Where it does not lead, nothing is done, even with O(to).
    type: str
  wait_timeout:
    description: How long to go on trying, and to wait for the new leader, in seconds.
    type: float
    default: 10
notes:
  - With users switched on it needs the role V(root).
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.cluster_info
"""

EXAMPLES = r"""
- name: Let infra2 lead
  quorum.etcd.leader:
    endpoints: http://192.0.2.11:2379
    to: infra2

- name: Take leadership away from a member before its machine is switched off
  quorum.etcd.leader:
    endpoints: http://192.0.2.11:2379
    away_from: infra1
"""

RETURN = r"""
leader:
  description: The member that leads now, or would lead in check mode.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: infra2
    id:
      description: Its ID, hexadecimal.
      type: str
      sample: 8e9e05c52164694d
former:
  description: The member that led before.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: infra1
    id:
      description: Its ID, hexadecimal.
      type: str
      sample: 91bc3c398fb3c146
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: "The members are: infra1 (8e9e05c52164694d), infra2 (91bc3c398fb3c146)."
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
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, Explored, explorer_of
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    ClientError,
    Refused,
    Rejected,
    Unavailable,
    Unreachable,
    failing,
)
from ansible_collections.quorum.etcd.plugins.module_utils._overview import Overview, Row, overview, successor

LOOK = 1.5
PAUSE = 0.1


class Cluster(t.Protocol):
    """What is needed of ``_client.Explorer``."""

    def client(self, endpoint: str) -> Client: ...

    def explore(self, *, timeout: float = LOOK) -> Explored: ...


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return connection_spec().merge(
        ArgumentSpec(
            {
                "to": {"type": "str"},
                "away_from": {"type": "str"},
                "wait_timeout": {"type": "float", "default": 10.0},
            },
            required_one_of=[["to", "away_from"]],
        )
    )


def hand_over(
    cluster: Cluster,
    *,
    to: str = "",
    away_from: str = "",
    timeout: float = 10.0,
    dry: bool = False,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> t.Tuple[Row, Row]:
    """Have the wished member lead; gives who led and who leads. ``dry`` only says so.

    :raises QuorumError: nobody suitable is there, or no other leader was seen in time.
    """
    deadline = clock() + timeout
    former: t.Optional[Row] = None
    while True:
        now = _look(cluster)
        problem: t.Union[ClientError, Refused]
        try:
            target = successor(now, to=to, away_from=away_from)
            leader = t.cast("Row", now.leader)
            former = former or leader
            if target is None or dry:
                return former, target or leader
            cluster.client(leader.endpoint).move_leader(target.id, timeout=max(deadline - clock(), PAUSE))
            problem = Refused(f"{former.label} was asked to hand over leadership, but still seems to lead.")
        except (Rejected, Unavailable, Unreachable, Refused) as error:
            # Elections come in between: whom it was sent to may lead no more, and a healthy member may be coming back.
            problem = error
        if dry or clock() >= deadline:
            raise problem
        sleep(PAUSE)


def _look(cluster: Cluster) -> Overview:
    explored = cluster.explore()
    return overview(explored.seen, explored.members, linearizable=explored.linearizable)


def _names(row: Row) -> t.Dict[str, str]:
    return {"name": row.name, "id": row.id}


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    with failing(module):
        check_waits(params, "wait_timeout")
        connection = connection_of(params)
        with contextlib.closing(explorer_of(params, connection)) as explorer:
            former, leader = hand_over(
                explorer,
                to=params["to"] or "",
                away_from=params["away_from"] or "",
                timeout=params["wait_timeout"],
                dry=module.check_mode,
            )
        result = {"changed": former.id != leader.id, "leader": _names(leader), "former": _names(former)}
        if module._diff:
            result["diff"] = {"before": {"leader": former.label}, "after": {"leader": leader.label}}
        module.exit_json(**result)


if __name__ == "__main__":
    main()

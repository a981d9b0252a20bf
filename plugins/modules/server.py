#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server
short_description: Make this host's etcd server run the given release, settings and unit, safely
version_added: 0.1.0
description:
  - Takes one turn of one server. It compares what runs with what is wished, waits until the cluster can spare the
    member, hands leadership over, writes, restarts, and waits until the server is healthy. If that fails it puts back
    all that it wrote and starts what ran before.
  - What needs doing is read from the running process, never remembered. A turn that was killed anywhere is healed by
    running it again.
  - Also makes the system user and the data directory. It never deletes data. A data directory without a log is
    moved aside before a first start.
  - Usually called by the role P(quorum.etcd.etcd#role), which makes the options from a plan for the whole cluster.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.actiongroup_etcd
  - quorum.etcd._connection
  - quorum.etcd._instance
attributes:
  check_mode:
    support: full
    details:
      - The gate is not waited for in check mode.
  diff_mode:
    support: full
    details:
      - Secrets are shown as C(***).
  idempotent:
    support: full
options:
  state:
    description:
      - V(started) makes the server run as wished.
      - V(stopped) stops it, without asking whether the cluster can spare it. Everything stays.
      - V(absent) is for a server whose member has been removed. It is stopped and disabled, its data is moved aside,
        its files are removed. Without asking either.
    type: str
    choices: [started, stopped, absent]
    default: started
  release:
    description:
      - The directory of the release to run, such as V(/opt/etcd/3.6.16). It must hold C(etcd).
      - For V(docker) and V(podman) the name of the image, such as V(gcr.io/etcd-development/etcd:v3.6.16). The engine
        must have it, see M(quorum.etcd.image). What is written for the unit is the image's ID, so that another image
        under the same name runs only after a turn.
      - Required if O(state=started), as are O(version), O(environment) and O(definition).
    type: path
  version:
    description: The version that the running server must answer with.
    type: str
  environment:
    description:
      - All settings as environment variables, the way a member runs once it has formed.
      - They are written to C(etcd.env). What a process does not show of itself, such as its unit, belongs in here as
        a digest, so that a change of it is seen.
    type: dict
  bootstrap_environment:
    description:
      - What the first start needs besides, written to C(bootstrap.env), which is read after C(etcd.env) and removed
        once the member has formed.
      - Without it a C(bootstrap.env) that is there stays until then. It is ignored for a member that has formed.
    type: dict
  bootstrap_secrets:
    description: More of O(bootstrap_environment) whose values must not be shown, such as C(ETCD_DISCOVERY_PASSWORD).
    type: dict
  etcdctl_environment:
    description: What a person who uses C(etcdctl) on the host sources, written to C(etcdctl.env).
    type: dict
    default: {}
  definition:
    description: The text of the unit, or for a Procfile the whole line of its entry.
    type: str
  group:
    description: The system group of the server. By default the one with the name of O(owner).
    type: str
  enabled:
    description: Whether the server starts when the machine does.
    type: bool
    default: true
  phase:
    description:
      - V(turn) does everything.
      - Where several servers must start together, and Ansible has too few forks to call all of them at once, V(start)
        does all but the waiting on every host, and then V(wait) waits on every host. Call both with the same options.
    type: str
    choices: [turn, start, wait]
    default: turn
  action:
    description:
      - What the plan ordered. V(bootstrap) is a first start, V(start) starts what is down, V(restart) replaces what
        runs otherwise than wished, and V(settle) only puts files right.
      - A server that already is as wished is never touched, whatever was ordered.
    type: str
    choices: [bootstrap, start, restart, settle]
    default: restart
  member_id:
    description: The member ID that this server must have. Data of another member is refused.
    type: str
  gated:
    description:
      - Whether to wait before a restart until the healthy other voters are a quorum without this one.
      - A server that only needs to be started stops nothing and is not gated.
    type: bool
    default: true
  together:
    description:
      - Whether other servers of the cluster start at the same moment, as in a first start. None of them is healthy
        before enough others are there, so either all are called at once, or O(phase) is used, which implies it.
      - One that is healthy again by then is not restarted with the others, but refused.
    type: bool
    default: false
  allow_downtime:
    description: Restart also a member that the cluster cannot spare. Writes then stop until it is back.
    type: bool
    default: false
  handover:
    description: Names of the members that should lead when this one stops, if healthy.
    type: list
    elements: str
    default: []
  downgrade:
    description:
      - A minor version below the one that runs, such as V(3.6). Before the server stops, etcd is told to take the
        cluster down to it, and every member must store its data so. If that does not happen within O(gate_timeout),
        the downgrade is called off and nothing else is done.
      - V(cancel) calls off a downgrade that is under way.
    type: str
  snapshot_index:
    description:
      - The raft index that a snapshot must have reached before O(release) starts. If none has, the former release is
        restarted first in a way that it takes one. 3.7 needs that where 3.5 or older has written to the log, see
        RV(quorum.etcd.server_info#module:server.data.v2_index).
    type: int
    default: 0
  peers:
    description: Client URLs of other members, asked where this server cannot say who they are.
    type: list
    elements: str
    default: []
  gate_timeout:
    description: How long to wait until the cluster can spare the member, in seconds.
    type: float
    default: 60
  start_timeout:
    description: How long a server may take to become healthy, in seconds. One that keeps exiting is noticed earlier.
    type: float
    default: 120
notes:
  - The server itself is asked where O(environment) says that it listens. O(endpoints) is not used.
  - Only one run at a time acts on an instance. Another one, or what a killed run has left at work on the host, is
    waited for as long as its turn may take, O(gate_timeout) and O(start_timeout) together.
seealso:
  - module: quorum.etcd.server_info
  - module: quorum.etcd.release
  - module: quorum.etcd.image
author:
  - The quorum.etcd authors (@quorum-etcd)
"""

EXAMPLES = r"""
- name: Run one server with another setting, waiting until the cluster can spare it
  quorum.etcd.server:
    service: etcd
    config_dir: /etc/etcd
    data_dir: /var/lib/etcd
    release: /opt/etcd/3.6.16
    version: 3.6.16
    environment:
      ETCD_NAME: infra1
      ETCD_DATA_DIR: /var/lib/etcd
      ETCD_LISTEN_CLIENT_URLS: http://192.0.2.1:2379,http://127.0.0.1:2379
      ETCD_ADVERTISE_CLIENT_URLS: http://192.0.2.1:2379
      ETCD_LISTEN_PEER_URLS: http://192.0.2.1:2380
      ETCD_INITIAL_ADVERTISE_PEER_URLS: http://192.0.2.1:2380
      ETCD_INITIAL_CLUSTER: infra1=http://192.0.2.1:2380
      ETCD_INITIAL_CLUSTER_STATE: existing
      ETCD_SNAPSHOT_COUNT: "20000"
    definition: "{{ lookup('ansible.builtin.template', 'etcd.service.j2') }}"

- name: Start the members of a new cluster together
  quorum.etcd.server:
    action: bootstrap
    together: true
    service: etcd
    config_dir: /etc/etcd
    data_dir: /var/lib/etcd
    release: /opt/etcd/3.6.16
    version: 3.6.16
    environment: "{{ my_environment }}"
    bootstrap_environment:
      ETCD_INITIAL_CLUSTER: infra1=http://192.0.2.1:2380,infra2=http://192.0.2.2:2380,infra3=http://192.0.2.3:2380
      ETCD_INITIAL_CLUSTER_STATE: new
      ETCD_INITIAL_CLUSTER_TOKEN: "{{ my_token }}"
    definition: "{{ my_unit }}"
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be, in order.
  returned: success, and when the server did not become healthy
  type: list
  elements: str
  sample:
    - hand leadership over to infra2
    - write /etc/etcd/etcd.env
    - restart etcd
changes:
  description: What the running process had otherwise than wished, key by key.
  returned: success, and when the server did not become healthy
  type: list
  elements: dict
  contains:
    key:
      description: The environment variable, or V(executable).
      returned: always
      type: str
    before:
      description: What it was, null where it was not set.
      returned: always
      type: str
    after:
      description: What it is to be, null where it is not to be set.
      returned: always
      type: str
  sample:
    - key: ETCD_SNAPSHOT_COUNT
      before: "10000"
      after: "20000"
member_id:
  description: The member ID of the server, empty while it has none.
  returned: success
  type: str
  sample: 8e9e05c52164694d
pid:
  description: The process that runs, 0 where none does yet.
  returned: success
  type: int
  sample: 4711
downtime:
  description: Whether writes had to stop during the restart.
  returned: success
  type: bool
  sample: false
notes:
  description: What went otherwise than usual, such as leadership that could not be handed over.
  returned: success
  type: list
  elements: str
  sample: []
log:
  description: The server's last log lines since the turn began.
  returned: when the server did not become healthy
  type: list
  elements: str
put_back:
  description: Whether what ran before was put back and is healthy again.
  returned: when the server did not become healthy
  type: bool
"""

import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils import _datadir
from ansible_collections.quorum.etcd.plugins.module_utils._argspec import (
    ArgumentSpec,
    check_waits,
    connection_of,
    connection_spec,
    instance_spec,
)
from ansible_collections.quorum.etcd.plugins.module_utils._client import survey
from ansible_collections.quorum.etcd.plugins.module_utils._containers import Programs
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, failing
from ansible_collections.quorum.etcd.plugins.module_utils._instance import Owner
from ansible_collections.quorum.etcd.plugins.module_utils._lock import Lock
from ansible_collections.quorum.etcd.plugins.module_utils._model import hides
from ansible_collections.quorum.etcd.plugins.module_utils._observe import (
    Wished,
    connector,
    engine_of,
    files_of,
    instance_of,
    looker,
    service_of,
)
from ansible_collections.quorum.etcd.plugins.module_utils._reach import reached
from ansible_collections.quorum.etcd.plugins.module_utils._retire import retire, stop
from ansible_collections.quorum.etcd.plugins.module_utils._turn import Turn
from ansible_collections.quorum.etcd.plugins.module_utils._turn_world import Order, Outcome, World


def server_spec() -> ArgumentSpec:
    """All options of this module."""
    own = ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["started", "stopped", "absent"], "default": "started"},
            "release": {"type": "path"},
            "version": {"type": "str"},
            "environment": {"type": "dict"},
            "bootstrap_environment": {"type": "dict"},
            "bootstrap_secrets": {"type": "dict", "no_log": True},
            "etcdctl_environment": {"type": "dict", "default": {}},
            "definition": {"type": "str"},
            "group": {"type": "str"},
            "enabled": {"type": "bool", "default": True},
            "phase": {"type": "str", "choices": ["turn", "start", "wait"], "default": "turn"},
            "action": {"type": "str", "choices": ["bootstrap", "start", "restart", "settle"], "default": "restart"},
            "member_id": {"type": "str"},
            "gated": {"type": "bool", "default": True},
            "together": {"type": "bool", "default": False},
            "allow_downtime": {"type": "bool", "default": False},
            "handover": {"type": "list", "elements": "str", "default": []},
            "downgrade": {"type": "str"},
            "snapshot_index": {"type": "int", "default": 0},
            "peers": {"type": "list", "elements": "str", "default": []},
            "gate_timeout": {"type": "float", "default": 60.0},
            "start_timeout": {"type": "float", "default": 120.0},
        },
        required_by={"bootstrap_secrets": ["bootstrap_environment"]},
        required_if=[["state", "started", ["release", "version", "environment", "definition"]]],
    )
    return connection_spec().merge(instance_spec()).merge(own)


def order_of(params: t.Mapping[str, t.Any]) -> Order:
    """What the options order.

    :raises InvalidInput: a part of it was made from results in which Ansible has hidden a password.
    """
    bootstrap = params["bootstrap_environment"]
    hidden = sorted(key for key, value in (bootstrap or {}).items() if hides(str(value)))
    if hidden:
        raise InvalidInput(
            f"bootstrap_environment: a password occurs in {', '.join(hidden)}, where Ansible hides it.",
            remedy="Give the user a password that is no part of a name, a token, a path or a URL.",
        )
    if bootstrap is not None:
        bootstrap = _texts({**bootstrap, **(params["bootstrap_secrets"] or {})})
    environment = _texts(params["environment"])
    return Order(
        action=params["action"],
        release=params["release"],
        version=params["version"],
        environment=environment,
        definition=params["definition"],
        data_dir=environment.get("ETCD_DATA_DIR") or params["data_dir"],
        bootstrap=bootstrap,
        etcdctl=_texts(params["etcdctl_environment"]),
        enabled=params["enabled"],
        member_id=params["member_id"] or "",
        gated=params["gated"],
        together=params["together"] or params["phase"] != "turn",
        allow_downtime=params["allow_downtime"],
        handover=tuple(params["handover"]),
        downgrade=params["downgrade"] or "",
        snapshot_index=params["snapshot_index"],
        peers=tuple(params["peers"]),
        gate_timeout=params["gate_timeout"],
        start_timeout=params["start_timeout"],
    )


def world_of(module: AnsibleModule) -> World:
    """The host itself."""
    instance = instance_of(module.params)
    if instance.deployment == "procfile":
        owner = Owner.myself()
    else:
        owner = Owner(instance.owner, module.params["group"] or instance.owner)
    service = service_of(instance, module.run_command)
    return World(
        service=service,
        files=files_of(instance, module.run_command, owner=owner, dry=module.check_mode),
        owner=owner,
        run=module.run_command,
        connect=connector(
            instance,
            connection_of(module.params),
            module.run_command,
            transport=module.params["transport"],
            wished=Wished(_texts(module.params["environment"] or {}), module.params["definition"] or ""),
        ),
        survey=lambda clients, timeout: survey(clients, timeout=timeout),
        look=looker(service),
        data=lambda path, wal_path: _datadir.look(path, wal_path=wal_path),
        move_aside=lambda path: _datadir.move_aside(path, now=time.time()),
        clock=time,
        reached=reached,
        programs=Programs(engine_of(instance, module.run_command), module.run_command),
        lock=Lock(f"{instance.service} on {os.uname().nodename}, process {os.getpid()}", time.monotonic),
    )


def result_of(outcome: Outcome, *, diff: bool) -> t.Dict[str, t.Any]:
    """What the module returns."""
    result: t.Dict[str, t.Any] = {
        "changed": outcome.changed,
        "actions": outcome.actions,
        "changes": [{"key": one.key, "before": one.before, "after": one.after} for one in outcome.changes],
        "member_id": outcome.member_id,
        "pid": outcome.pid,
        "downtime": outcome.downtime,
        "notes": outcome.notes,
    }
    if diff:
        result["diff"] = [
            {
                "before_header": key,
                "after_header": key,
                "before": _text(outcome.before[key]),
                "after": _text(outcome.after[key]),
            }
            for key in outcome.before
        ]
    return result


def _text(value: t.Any) -> str:
    """What a diff compares line by line."""
    if isinstance(value, dict):
        return "".join(f"{key}={value[key]}\n" for key in sorted(value))
    return f"{value}".rstrip("\n") + "\n" if value else ""


def _texts(environment: t.Mapping[str, t.Any]) -> t.Dict[str, str]:
    """Values as etcd reads them: YAML may have given numbers and booleans."""
    return {
        key: str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
        for key, value in environment.items()
    }


def outcome_of(module: AnsibleModule) -> Outcome:
    """Do what the options say, while no other run acts on the instance."""
    params, world = module.params, world_of(module)
    a_turn = params["gate_timeout"] + params["start_timeout"]
    with world.files.alone(a_turn, make=params["state"] == "started"):
        return _act(module, world)


def _act(module: AnsibleModule, world: World) -> Outcome:
    params = module.params
    if params["state"] == "started":
        return Turn(world, order_of(params), phase=params["phase"], check_mode=module.check_mode).take()
    if params["state"] == "stopped":
        return Outcome(actions=stop(world.service, check_mode=module.check_mode))
    written = world.files.seen().environment or {}
    data_dir = written.get("ETCD_DATA_DIR") or params["data_dir"]
    data = world.data(data_dir, written.get("ETCD_WAL_DIR"))
    places = [data.path] if data.state not in ("absent", "empty") else []
    if written.get("ETCD_WAL_DIR") and data.initialised:
        places.append(data.wal_path)
    actions = retire(world.service, world.files, places, world.move_aside, check_mode=module.check_mode)
    return Outcome(actions=actions, member_id=data.member_id)


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **server_spec().to_kwargs())
    with failing(module):
        check_waits(module.params, "gate_timeout", "start_timeout")
        outcome = outcome_of(module)
    module.exit_json(**result_of(outcome, diff=module._diff))


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: proxy
short_description: A proxy before a cluster as a service of its own
version_added: 0.1.0
description:
  - Runs C(etcd gateway) or C(etcd grpc-proxy) as a unit of systemd that starts at boot. The role
    P(quorum.etcd.proxy#role) writes the unit.
  - The proxy is restarted when what runs is not what is defined, which is read from the running process, so that a run
    that was killed is simply run again. It is left alone otherwise.
  - One that does not come up is put back to what ran before, and stopped where nothing ran.
extends_documentation_fragment:
  - quorum.etcd._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  service:
    description: The name of the unit, without its suffix.
    type: str
    default: etcd-proxy
  definition:
    description:
      - The unit. A digest of it, and of the files that it loads by C(LoadCredential=), is added to its environment.
      - It must be set where O(state=started).
    type: str
  listen_address:
    description: The IP address or name at which the proxy of O(definition) listens.
    type: str
    default: 127.0.0.1
  port:
    description: The port at which it listens.
    type: int
    default: 2379
  state:
    description: Whether the proxy runs, or there is none.
    type: str
    choices:
      - started
      - absent
    default: started
  timeout:
    description: How long the proxy may take to accept connections, in seconds.
    type: float
    default: 15
author:
  - The quorum.etcd authors (@quorum-etcd)
"""

EXAMPLES = r"""
- name: Run a proxy
  quorum.etcd.proxy:
    definition: "{{ lookup('ansible.builtin.template', 'etcd-proxy.service.j2') }}"

- name: Have none
  quorum.etcd.proxy:
    state: absent
"""

RETURN = r"""
actions:
  description:
    - What was done, or would be in check mode.
    - V(define) wrote the unit, V(enable) has it start at boot, V(restart) started it anew, V(remove) removed it.
  returned: success
  type: list
  elements: str
  sample:
    - define
    - enable
    - restart
pid:
  description: The proxy's process. V(0) where there is none, or not yet in check mode.
  returned: success
  type: int
  sample: 4711
log:
  description: The last lines that the proxy wrote.
  returned: failure, where it did not come up
  type: list
  elements: str
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Look at the log, and whether something else listens at 127.0.0.1:2379.
"""

import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils import _process
from ansible_collections.quorum.etcd.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.quorum.etcd.plugins.module_utils._errors import failing
from ansible_collections.quorum.etcd.plugins.module_utils._proxy import World, accepts, remove, run
from ansible_collections.quorum.etcd.plugins.module_utils._service import SystemdService


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return ArgumentSpec(
        {
            "service": {"type": "str", "default": "etcd-proxy"},
            "definition": {"type": "str"},
            "listen_address": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 2379},
            "state": {"type": "str", "choices": ["started", "absent"], "default": "started"},
            "timeout": {"type": "float", "default": 15.0},
        },
        required_if=[["state", "started", ["definition"]]],
    )


def main() -> None:
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    world = World(
        name=params["service"],
        service=SystemdService(params["service"], module.run_command),
        read=lambda path: Path(path).read_bytes(),
        look=_process.look,
        accepts=accepts,
        clock=time,
        dry=module.check_mode,
    )
    with failing(module):
        if params["state"] == "absent":
            outcome = remove(world)
        else:
            listen = (params["listen_address"], params["port"])
            outcome = run(world, params["definition"], listen, timeout=params["timeout"])
        result = {"changed": bool(outcome.actions), "actions": outcome.actions, "pid": outcome.pid}
        if module._diff:
            name = f"{params['service']}.service"
            result["diff"] = {
                "before_header": name,
                "after_header": name,
                "before": outcome.before or "",
                "after": outcome.after or "",
            }
        module.exit_json(**result)


if __name__ == "__main__":
    main()

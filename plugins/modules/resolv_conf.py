#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resolv_conf
short_description: Point a host's resolver at nameservers, without leaving it blind
version_added: 0.1.0
description:
  - Puts a file of its own in the place of F(/etc/resolv.conf), whoever that belongs to - a link to the file of
    systemd-resolved, resolvconf or NetworkManager, a file that a DHCP client writes, one that a container engine
    mounted, or a person's.
  - The file of before is kept as F(/etc/resolv.conf.former), a link as a link, and comes back with O(state=absent).
    Where there was none, there is none again then.
  - Before anything is changed, the nameservers are asked. They have to know O(prove), and the world outside if that can
    be reached so far. One good nameserver is enough, the others are a warning. If there is none, all stays as it is.
  - If the host itself cannot resolve O(prove) afterwards, the file of before is put back, and the module fails.
  - NetworkManager and Debian's dhclient are told to leave the file alone. Of other owners that may write it again, a
    warning tells how to. What keeps them off is looked after in every run.
  - What a run that was killed left undone is done by the next one. F(/etc/resolv.conf.pending) is there until then.
extends_documentation_fragment:
  - quorum.etcd._attributes
attributes:
  check_mode:
    support: full
    details:
      - Asks no nameserver.
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - dnspython >= 2.0 on the host (Debian C(python3-dnspython), Red Hat C(python3-dns))
options:
  state:
    description: Whether the file is ours, or the one of before.
    type: str
    choices: [present, absent]
    default: present
  nameservers:
    description:
      - IP addresses of nameservers, in order. Programs use three of all at most.
      - Required for O(state=present).
    type: list
    elements: str
  fallback:
    description:
      - Whether the nameservers of the file of before follow as a fallback. Those on this host itself do not. Where that
        file only named systemd-resolved, they are those that it uses.
    type: bool
    default: true
  search:
    description: Domains for names without a dot. By default those of the file of before.
    type: list
    elements: str
  resolver_options:
    description: The C(options) of F(/etc/resolv.conf). By default those of the file of before.
    type: list
    elements: str
  prove:
    description: Names that have to have an address.
    type: list
    elements: str
    default: []
  timeout:
    description: How long a nameserver may take for one answer, in seconds.
    type: float
    default: 3
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.resolv_conf_info
"""

EXAMPLES = r"""
- name: Use the nameserver on this host
  quorum.etcd.resolv_conf:
    nameservers: 127.0.0.1
    prove: [etcd1.example.com, www.example.org]

- name: Go back to what was there before
  quorum.etcd.resolv_conf:
    state: absent
"""

RETURN = r"""
managed:
  description: Whether the file was that of this module before.
  returned: success
  type: bool
  sample: false
owner:
  description:
    - Whose file it was. Where it was that of this module, whose the file of before is. Empty where that is not known.
  returned: success
  type: str
  sample: systemd-resolved
kind:
  description: What was found - V(file), V(link), V(mount) or V(missing).
  returned: success
  type: str
  sample: link
target:
  description: Where the link led. Empty where it was none.
  returned: success
  type: str
  sample: ../run/systemd/resolve/stub-resolv.conf
nameservers:
  description: What the file names now.
  returned: success
  type: list
  elements: str
  sample: [127.0.0.1, 192.0.2.53]
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: See that it runs, and that its upstream can be reached.
"""

import functools
import ipaddress
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.quorum.etcd.plugins.module_utils._dns import Resolver
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, failing
from ansible_collections.quorum.etcd.plugins.module_utils._resolv_conf import PATH, ResolvConf, parse


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return ArgumentSpec(
        {
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "nameservers": {"type": "list", "elements": "str"},
            "fallback": {"type": "bool", "default": True},
            "search": {"type": "list", "elements": "str"},
            "resolver_options": {"type": "list", "elements": "str"},
            "prove": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "float", "default": 3.0},
        },
        required_if=[("state", "present", ("nameservers",))],
    )


def main() -> None:
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    with failing(module):
        resolv_conf = ResolvConf(
            functools.partial(module.run_command, handle_exceptions=False),
            Resolver,
            label=functools.partial(module.set_default_selinux_context, changed=False),
        )
        seen = resolv_conf.look()
        if params["state"] == "absent":
            outcome = resolv_conf.restore(check_mode=module.check_mode)
        else:
            _check(params["nameservers"], [*(params["search"] or []), *(params["resolver_options"] or [])])
            outcome = resolv_conf.manage(
                params["nameservers"],
                search=params["search"],
                options=params["resolver_options"],
                fallback=params["fallback"],
                prove=params["prove"],
                timeout=params["timeout"],
                check_mode=module.check_mode,
            )
        for warning in outcome.warnings:
            module.warn(warning)
        result = {
            "changed": outcome.changed,
            "managed": seen.managed,
            "owner": seen.owner,
            "kind": seen.kind,
            "target": seen.target,
            "nameservers": list(parse(outcome.after).nameservers),
        }
        if module._diff:
            result["diff"] = {
                "before_header": PATH,
                "after_header": PATH,
                "before": outcome.before,
                "after": outcome.after,
            }
        module.exit_json(**result)


def _check(nameservers: t.Sequence[str], words: t.Iterable[str]) -> None:
    """:raises InvalidInput: there is no nameserver, one is no IP address, or a word would be several or none."""
    if not nameservers:
        raise InvalidInput("There are no nameservers.", remedy="Name one, or use state: absent.")
    for address in nameservers:
        try:
            ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            raise InvalidInput(f"The nameserver {address} is no IP address.", remedy="Write its address.") from None
    for word in words:
        if len(word.split()) != 1 or word.strip() != word:
            raise InvalidInput(f"{word!r} is not one word.", remedy="Use an element of the list for each.")


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: resolv_conf_info
short_description: Whose a host's resolv.conf is, and what it says
version_added: 0.1.0
description:
  - Reads F(/etc/resolv.conf) and tells who writes it and which nameservers are behind it.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.info_module
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.resolv_conf
"""

EXAMPLES = r"""
- name: Look at resolv.conf
  quorum.etcd.resolv_conf_info:
  register: resolv_conf

- name: Tell whose it is
  ansible.builtin.debug:
    msg: "{{ resolv_conf.owner or 'nobody' }} writes it, behind it are {{ resolv_conf.upstream | join(', ') }}"
"""

RETURN = r"""
kind:
  description: V(file), V(link), V(mount) (a file that a container engine put there) or V(missing).
  returned: success
  type: str
  sample: link
target:
  description: Where the link leads. Empty where it is none.
  returned: success
  type: str
  sample: ../run/systemd/resolve/stub-resolv.conf
managed:
  description:
    - Whether it is the file of M(quorum.etcd.resolv_conf). Then RV(owner), RV(search), RV(resolver_options) and
      RV(upstream) are those of the file of before.
  returned: success
  type: bool
  sample: false
owner:
  description: Who writes the file. Empty where that is not known, or nobody does.
  returned: success
  type: str
  sample: systemd-resolved
nameservers:
  description: The nameservers that the file names.
  returned: success
  type: list
  elements: str
  sample: [127.0.0.53]
search:
  description: Domains for names without a dot.
  returned: success
  type: list
  elements: str
  sample: [example.com]
resolver_options:
  description: Its C(options).
  returned: success
  type: list
  elements: str
  sample: [edns0, trust-ad]
upstream:
  description:
    - The nameservers behind it, without those on this host. Where the file only names systemd-resolved's stub, those
      that systemd-resolved uses.
  returned: success
  type: list
  elements: str
  sample: [192.0.2.53]
"""

import functools

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils._dns import Resolver
from ansible_collections.quorum.etcd.plugins.module_utils._resolv_conf import ResolvConf


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    seen = ResolvConf(functools.partial(module.run_command, handle_exceptions=False), Resolver).look()
    module.exit_json(
        changed=False,
        kind=seen.kind,
        target=seen.target,
        managed=seen.managed,
        owner=seen.owner,
        nameservers=list(seen.content.nameservers),
        search=list(seen.former.search),
        resolver_options=list(seen.former.options),
        upstream=list(seen.upstream),
    )


if __name__ == "__main__":
    main()

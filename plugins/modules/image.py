#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: A container image of etcd in Docker or Podman, from the first source that gives it
version_added: 0.1.0
description:
  - Has a container engine know an image by O(name). Where it does not, the sources are tried in order, and what the
    first of them gives is called O(name).
  - The name is given last, after the image was looked into. One with another digest or another version than asked for
    does not get it, and the next source is tried.
  - An image that has the name, the version and the digest asked for is left as it is, and no source is asked. One that
    has the name alone gives it away.
  - The engine is asked by its command line. Nothing else need be on the host, no Python library either.
extends_documentation_fragment:
  - quorum.etcd._attributes
attributes:
  check_mode:
    support: full
    details:
      - No source is asked in check mode, so it is not found out whether one has the image.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  engine:
    description: Which engine.
    type: str
    choices: [docker, podman]
    required: true
  name:
    description:
      - The name that the image shall have, such as V(gcr.io/etcd-development/etcd:v3.6.16).
      - With a digest behind the tag (V(NAME:TAG@sha256:...)) only the image with that digest is taken, from whichever
        source it comes. An archive that knows of no digest cannot be proved and is not used then.
    type: str
    required: true
  sources:
    description:
      - Where the image may come from, in the order to try. The names of images in registries (without a tag they have
        that of O(name)), and C(file://) URLs of archives on the host, as C(docker save) makes them.
      - Empty for O(name) alone.
    type: list
    elements: str
    default: []
  registries:
    description:
      - What registries need, by host and port, such as V(registry.example:5000).
      - C(ca) is the certificate of an authority of their own, as PEM or as the path of a file on the host. It is put
        into the engine's directory for it, C(certs.d), as C(quorum-etcd.crt). Both engines read that at each fetch.
      - C(insecure), if true, says that a registry has no TLS. Podman takes that for one fetch. Docker does only where
        C(insecure-registries) of its daemon lists the registry; that is not changed by this module.
      - Users and passwords are those of C(docker login) and C(podman login).
    type: dict
    default: {}
  version:
    description: The version that the etcd of the image must have. Unless set, it is not asked.
    type: str
  timeout:
    description: How long one source may take, in seconds.
    type: float
    default: 300
seealso:
  - module: quorum.etcd.server
  - module: quorum.etcd.release
author:
  - The quorum.etcd authors (@quorum-etcd)
"""

EXAMPLES = r"""
- name: Bring the image, from a mirror where the usual registries cannot be reached
  quorum.etcd.image:
    engine: podman
    name: gcr.io/etcd-development/etcd:v3.6.16
    sources:
      - gcr.io/etcd-development/etcd:v3.6.16
      - quay.io/coreos/etcd:v3.6.16
      - registry.example:5000/mirror/etcd
    registries:
      registry.example:5000:
        ca: /etc/ssl/certs/example.pem
    version: 3.6.16

- name: Load it from an archive that was copied to the host
  quorum.etcd.image:
    engine: docker
    name: gcr.io/etcd-development/etcd:v3.6.16
    sources: [file:///srv/etcd-v3.6.16.tar]
"""

RETURN = r"""
id:
  description: The ID of the image, empty in check mode where it is not there yet.
  returned: success
  type: str
  sample: sha256:9bcdfd481dedddf7dea51d59d139c0fb684fba5354998e589246511459506d10
name:
  description: The name, written out.
  returned: success
  type: str
  sample: gcr.io/etcd-development/etcd:v3.6.16
source:
  description: Where it came from, empty where it was there.
  returned: success
  type: str
  sample: quay.io/coreos/etcd:v3.6.16
attempts:
  description: The sources that were tried, in order; what the engine had under the name is called C(what is there).
  returned: success, and failure where sources were tried
  type: list
  elements: dict
  contains:
    source:
      description: The source.
      type: str
    ok:
      description: Whether it gave the image.
      type: bool
    reason:
      description: Why it did not.
      type: str
remedy:
  description: What to do next.
  returned: failure
  type: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.quorum.etcd.plugins.module_utils._containers import ENGINES, Engine
from ansible_collections.quorum.etcd.plugins.module_utils._errors import failing
from ansible_collections.quorum.etcd.plugins.module_utils._image import Outcome, Wanted, ensure, wanted


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return ArgumentSpec(
        {
            "engine": {"type": "str", "choices": list(ENGINES), "required": True},
            "name": {"type": "str", "required": True},
            "sources": {"type": "list", "elements": "str", "default": []},
            "registries": {"type": "dict", "default": {}},
            "version": {"type": "str"},
            "timeout": {"type": "float", "default": 300.0},
        }
    )


def result_of(wish: Wanted, outcome: Outcome, *, diff: bool) -> t.Dict[str, t.Any]:
    """What the module returns."""
    result: t.Dict[str, t.Any] = {
        "changed": outcome.changed,
        "id": outcome.after,
        "name": str(wish.name),
        "source": outcome.source,
        "attempts": [attempt._asdict() for attempt in outcome.attempts],
    }
    if diff:
        after = outcome.after or ("to be fetched" if outcome.changed else "")
        result["diff"] = {
            "before_header": str(wish.name),
            "after_header": str(wish.name),
            "before": f"{outcome.before}\n" if outcome.before else "",
            "after": f"{after}\n" if after else "",
        }
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    with failing(module):
        wish = wanted(
            name=params["name"],
            sources=params["sources"],
            registries=params["registries"],
            version=params["version"] or "",
            timeout=params["timeout"],
        )
        outcome = ensure(wish, Engine(params["engine"], module.run_command), check_mode=module.check_mode)
        module.exit_json(**result_of(wish, outcome, diff=module._diff))


if __name__ == "__main__":
    main()

#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: An etcd release in its own directory
version_added: 0.1.0
description:
  - Brings C(etcd), C(etcdctl) and, from 3.5 on, C(etcdutl) of one version to a directory of their own, from the first
    source that gives them.
  - Every archive is verified by its sha256 before it is opened. One that does not match leaves nothing behind,
    and the next source is tried.
  - The directory appears whole, by a rename. A release that is there is proved by the sha256 of each of its programs;
    then no source is asked. One that is incomplete or changed is replaced.
  - Several runs at once for the same directory are safe. The later ones find the release there.
extends_documentation_fragment:
  - quorum.etcd._attributes
attributes:
  check_mode:
    support: full
    details:
      - No source is asked in check mode, so it is not found out whether one has the release.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  version:
    description: The exact version, such as V(3.6.16).
    type: str
    required: true
  dest:
    description:
      - The directory of the release, such as V(/opt/etcd/3.6.16). It is made together with the directories above it.
      - A directory that holds anything else than a release is refused and left as it is.
    type: path
    required: true
  sources:
    description:
      - Where the release may come from, in the order to try.
      - A base URL of V(http), V(https) or V(file), laid out like upstream's releases,
        C(URL/v3.6.16/etcd-v3.6.16-linux-amd64.tar.gz).
      - The word V(go) builds the release from the Go module proxy (environment variable E(GOPROXY)). Versions from
        3.5.0 on can be built. An installed Go is used where it is new enough, else a toolchain is fetched from the
        proxy for this build alone.
    type: list
    elements: str
    default:
      - https://github.com/etcd-io/etcd/releases/download
      - https://storage.googleapis.com/etcd
  checksums:
    description:
      - The sha256 of archives, by version and architecture.
      - What is given here counts most, then the table of upstream's checksums that comes with the collection, then the
        C(SHA256SUMS) beside the archive. An archive of which no checksum is known is not used, wherever it comes from.
      - What V(go) builds is verified by Go's own checksum database instead.
    type: dict
  arch:
    description: The architecture, as upstream names it, such as V(amd64). By default the machine's own.
    type: str
  timeout:
    description:
      - How long a source may take to answer, and later not send anything, in seconds.
      - A download that moves may take longer, and so may a build.
    type: float
    default: 10
  cache:
    description:
      - A directory in which archives that were fetched or built are kept, and which is the first source.
      - It is laid out like a mirror, so it can be served as one. What was built is in C(go) below it, and is used only
        where V(go) is among the O(sources).
    type: path
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - name: etcd releases
    description: What upstream publishes.
    link: https://github.com/etcd-io/etcd/releases
"""

EXAMPLES = r"""
- name: Get a release from upstream
  quorum.etcd.release:
    version: 3.6.16
    dest: /opt/etcd/3.6.16

- name: Get a release from a mirror, or build it where the mirror does not answer
  quorum.etcd.release:
    version: 3.6.16
    dest: /opt/etcd/3.6.16
    sources:
      - https://mirror.example.com/etcd
      - go

- name: Get a release from a directory on the host, with a checksum of one's own
  quorum.etcd.release:
    version: 3.6.16
    dest: /opt/etcd/3.6.16
    sources:
      - file:///srv/etcd
    checksums:
      3.6.16:
        amd64: "{{ etcd_sha256 }}"
"""

RETURN = r"""
version:
  description: The version.
  returned: success
  type: str
  sample: 3.6.16
dest:
  description: The directory of the release.
  returned: success
  type: str
  sample: /opt/etcd/3.6.16
arch:
  description: The architecture.
  returned: success
  type: str
  sample: amd64
binaries:
  description: The path of each program, by name. There is no C(etcdutl) before 3.5.
  returned: success
  type: dict
  sample:
    etcd: /opt/etcd/3.6.16/etcd
    etcdctl: /opt/etcd/3.6.16/etcdctl
    etcdutl: /opt/etcd/3.6.16/etcdutl
source:
  description:
    - Where the release came from, now or when it was put there. The word V(go) where it was built.
    - Empty in check mode where it is not there yet.
  returned: success
  type: str
  sample: https://storage.googleapis.com/etcd
checksum:
  description: The sha256 of the archive it came in. Empty where there was no archive.
  returned: success
  type: str
  sample: ffe840ff9295808e88cce2794a18a5ac87f12a5203c8314d0bf6aa119b41bac5
attempts:
  description: The sources that were tried, in order. Empty where the release was there.
  returned: success, and failure where sources were tried
  type: list
  elements: dict
  contains:
    source:
      description: The source, without the user name and password of its URL.
      type: str
      sample: https://github.com/etcd-io/etcd/releases/download
    ok:
      description: Whether it gave the release.
      type: bool
      sample: false
    reason:
      description: Why not.
      type: str
      sample: SHA256SUMS gave no answer within 10 s
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Name a source that this host can reach (a mirror, a file:// directory, or the word go).
"""

import functools
import os
import re
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.quorum.etcd.plugins.module_utils._errors import failing
from ansible_collections.quorum.etcd.plugins.module_utils._release import (
    UPSTREAM,
    Outcome,
    Release,
    Wanted,
    ensure,
    passwords,
    programs,
    wanted,
)
from ansible_collections.quorum.etcd.plugins.module_utils._release_checksums import CHECKSUMS
from ansible_collections.quorum.etcd.plugins.module_utils._release_fetch import UrlFetcher
from ansible_collections.quorum.etcd.plugins.module_utils._release_go import GoBuilder


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return ArgumentSpec(
        {
            "version": {"type": "str", "required": True},
            "dest": {"type": "path", "required": True},
            "sources": {"type": "list", "elements": "str", "default": list(UPSTREAM)},
            "checksums": {"type": "dict"},
            "arch": {"type": "str"},
            "timeout": {"type": "float", "default": 10},
            "cache": {"type": "path"},
        }
    )


def _side(release: t.Optional[Release]) -> t.Dict[str, t.Any]:
    """One side of the diff."""
    if release is None:
        return {"version": "", "files": []}
    return {"version": release.version, "files": sorted(release.files)}


def _result(wish: Wanted, outcome: Outcome, *, diff: bool) -> t.Dict[str, t.Any]:
    names = programs(wish.version)
    result: t.Dict[str, t.Any] = {
        "changed": outcome.changed,
        "version": str(wish.version),
        "dest": wish.dest,
        "arch": wish.arch,
        "binaries": {name: os.path.join(wish.dest, name) for name in names},
        "source": outcome.after.source if outcome.after else "",
        "checksum": outcome.after.checksum if outcome.after else "",
        "attempts": [attempt._asdict() for attempt in outcome.attempts],
    }
    if diff:
        after = {"version": str(wish.version), "files": sorted(names)}
        result["diff"] = {"before_header": wish.dest, "after_header": wish.dest, "before": _side(outcome.before)}
        result["diff"]["after"] = after if outcome.changed else result["diff"]["before"]
    return result


def _failures(wish: Wanted, outcome: Outcome) -> t.List[str]:
    """What a user should know of sources that were passed over. A cache that holds nothing is none of them."""
    cache = wish.cache
    return [
        f"{attempt.source} did not give etcd {wish.version}: {attempt.reason}."
        for attempt in outcome.attempts
        if not (attempt.ok or (attempt.source == cache and attempt.reason.startswith("holds no ")))
    ]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    module.no_log_values.update(passwords([*params["sources"], *re.split("[,|]", os.environ.get("GOPROXY", ""))]))
    run = functools.partial(module.run_command, handle_exceptions=False)
    machine = os.uname().machine
    cache = params["cache"] or ""
    with failing(module):
        fetcher = UrlFetcher(params["timeout"])
        wish = wanted(
            version=params["version"],
            dest=params["dest"],
            sources=params["sources"],
            checksums=params["checksums"],
            machine=machine,
            arch=params["arch"] or "",
            cache=cache,
        )
        outcome = ensure(
            wish,
            fetcher=fetcher,
            run=run,
            pinned=CHECKSUMS,
            builder=GoBuilder(run=run, fetcher=fetcher, environ=os.environ, machine=machine, cache=cache),
            check_mode=module.check_mode,
        )
        for warning in [*outcome.warnings, *_failures(wish, outcome)]:
            module.warn(warning)
        module.exit_json(**_result(wish, outcome, diff=module._diff))


if __name__ == "__main__":
    main()

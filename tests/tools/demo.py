# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A three-member cluster on this machine, made by the collection's own playbook; nothing outside the checkout.

python -m tests.tools.demo start|stop
"""

from __future__ import annotations

import subprocess
import sys
import typing as t

from . import environment
from .environment import CACHE, PLAIN, ROOT

INVENTORY = "examples/local/inventory.yml"
PLACE = CACHE / "demo" / "local"
ENDPOINTS = ",".join(f"http://127.0.0.1:{port}" for port in (12379, 22379, 32379))

WHAT_NEXT = """
Talk to it:    {etcdctl} --endpoints={endpoints} put greeting hello
Change it:     edit {inventory}, then run it again
Run it again:  make demo
Stop it:       make demo-stop
"""


def play(playbook: str) -> None:
    """Run one of the collection's playbooks against the local inventory, which takes its place from a variable.

    :raises SystemExit: with its status, where it fails.
    """
    command = [PLAIN.program("ansible-playbook"), f"quorum.etcd.{playbook}", "-i", INVENTORY]
    variables = {**environment.variables(), "ETCD_LOCAL_DIR": str(PLACE), "ANSIBLE_HOME": str(CACHE / "ansible")}
    code = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    if code:
        raise SystemExit(code)


def client() -> str:
    """The etcdctl of the release that the first member runs, below the checkout."""
    found = sorted(PLACE.glob("*/release/etcdctl"))
    if not found:
        raise SystemExit(f"demo: no etcdctl below {PLACE.relative_to(ROOT)}")
    return str(found[0].relative_to(ROOT))


def start() -> None:
    environment.ensure(PLAIN)
    environment.link_collection()
    play("site")
    etcdctl = client()
    for words in (("member", "list", "--write-out=table"), ("endpoint", "health")):
        print(f"\n$ etcdctl {' '.join(words)}", flush=True)
        subprocess.run([etcdctl, f"--endpoints={ENDPOINTS}", *words], cwd=ROOT, check=True)
    print(WHAT_NEXT.format(etcdctl=etcdctl, endpoints=ENDPOINTS, inventory=INVENTORY).rstrip())


def stop() -> None:
    """Stop the members that run, the way the collection itself does."""
    environment.link_collection()
    sys.path.insert(0, str(CACHE))
    from ansible_collections.quorum.etcd.plugins.module_utils._service import ProcfileService

    for pid_file in sorted(PLACE.glob("run/*.pid")):
        ProcfileService(str(PLACE), pid_file.stem, no_command).stop()
        print(f"stopped {pid_file.stem}")


def no_command(args: t.List[str], **_options: t.Any) -> t.NoReturn:
    raise RuntimeError(f"stopping takes no command: {args}")


def main(words: t.Sequence[str]) -> None:
    actions = {"start": start, "stop": stop}
    if len(words) != 1 or words[0] not in actions:
        raise SystemExit("usage: demo start|stop")
    actions[words[0]]()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (environment.SetupError, subprocess.CalledProcessError) as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt:
        sys.exit(130)

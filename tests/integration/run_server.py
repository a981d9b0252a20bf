# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module ``server`` as Ansible does, in a process that can be killed at a chosen step.

    run_server.py [STEP] < ARGUMENTS

Steps are the calls that change something on the host. With STEP the process kills itself just before that one
(from 1); their number is told on the last line of stderr.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import typing as t
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".cache"))

from ansible.module_utils import basic

from ansible_collections.quorum.etcd.plugins.module_utils import (
    _client,
    _datadir,
    _instance,
    _service,
    _turn,
    _turn_wait,
)
from ansible_collections.quorum.etcd.plugins.modules import server

STEPS: t.Tuple[t.Tuple[t.Any, t.Tuple[str, ...]], ...] = (
    (_instance, ("write_whole", "make_directory")),
    (os, ("symlink", "replace", "rename", "unlink")),
    (_service.ProcfileService, ("define", "start", "restart", "stop")),
    (_client.Client, ("move_leader",)),
    (_datadir, ("move_aside",)),
    (_turn_wait.Wait, ("until_healthy",)),
    (_turn.Turn, ("_drop",)),
)


def main() -> None:
    fatal = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    count = 0

    def counted(original: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        @functools.wraps(original)
        def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
            nonlocal count
            count += 1
            if count == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        return call

    for owner, names in STEPS:
        for name in names:
            setattr(owner, name, counted(getattr(owner, name)))
    basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
    basic._ANSIBLE_PROFILE = "legacy"
    try:
        server.main()
    finally:
        sys.stderr.write(f"{count}\n")


if __name__ == "__main__":
    main()

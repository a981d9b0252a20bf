# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes every task result of a run as a line of JSON, for tests and benchmarks.

Use it with ANSIBLE_CALLBACK_PLUGINS=tests/lab/callbacks ANSIBLE_CALLBACKS_ENABLED=record RECORD_FILE=...
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: record
type: notification
short_description: Task results as lines of JSON
description:
  - Writes one line for every result of a task on a host, with whether it came from the host itself.
requirements:
  - enable in configuration
options:
  file:
    description: The file to write.
    type: path
    required: true
    env:
      - name: RECORD_FILE
"""

import json
import time
import typing as t
from pathlib import Path

from ansible.plugins.callback import CallbackBase

# what the controller does by itself, whatever host it is for
LOCAL = frozenset(
    {
        "assert",
        "debug",
        "fail",
        "include_role",
        "include_tasks",
        "meta",
        "plan",
        "set_fact",
        "status",
        "validate_argument_spec",
    }
)


class CallbackModule(CallbackBase):
    """Appends to the file as results come in."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def set_options(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().set_options(*args, **kwargs)
        self._path = Path(self.get_option("file"))
        self._path.write_text("")
        self._started: t.Dict[t.Tuple[str, str], float] = {}

    def _note(self, outcome: str, result: t.Any) -> None:
        task = result._task
        action = str(task.action).rpartition(".")[2]
        delegated = task.delegate_to is not None
        line = {
            "started": self._started.get((result._host.get_name(), task._uuid)),
            "time": time.time(),
            "task": task.get_name(),
            "action": action,
            "host": result._host.get_name(),
            "outcome": outcome,
            "remote": outcome != "skipped" and action not in LOCAL and not delegated,
            "result": result._result,
        }
        with self._path.open("a") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        self._started[host.get_name(), task._uuid] = time.time()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._note("changed" if result._result.get("changed") else "ok", result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._note("failed", result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._note("unreachable", result)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._note("skipped", result)

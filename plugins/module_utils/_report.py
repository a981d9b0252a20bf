# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read: the plan before it is carried out, and a cluster's table afterwards.

Private to this collection. Pure.
"""

from __future__ import annotations

import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._plan import Plan, Step

_WORDS = {"bootstrap": "first start"}


def plan_text(plan: Plan, warnings: t.Sequence[str] = (), *, diff: bool = False) -> str:
    """The plan as lines of text. Changes are shown key by key; those of a first start only with ``diff``."""
    title = f"cluster {plan.cluster}: " + ("nothing to do" if not plan.turns else plan.kind)
    lines = [title + "".join(f", {note}" for note in plan.notes)]
    lines += [f"  note: {warning}" for warning in warnings]
    for number, turn in enumerate(plan.turns, start=1):
        lines.append(f"  turn {number}: {turn.reason}")
        for step in turn.steps:
            word = _WORDS.get(step.action, step.action)
            lines.append(f"    {step.host}: {word}" + (f" ({step.reason})" if step.reason != word else ""))
            lines += [f"      {change}" for change in step.changes if diff or _worth_showing(step)]
    return "\n".join(lines)


def _worth_showing(step: Step) -> bool:
    return step.action not in ("bootstrap", "join")


__all__ = ("plan_text",)

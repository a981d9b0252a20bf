# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.quorum.etcd.plugins.module_utils._model import Change
from ansible_collections.quorum.etcd.plugins.module_utils._plan import Plan, Step, Turn
from ansible_collections.quorum.etcd.plugins.module_utils._report import plan_text

COUNT = Change("ETCD_SNAPSHOT_COUNT", None, "5")


def test_nothing() -> None:
    assert plan_text(Plan("etcd", "nothing")) == "cluster etcd: nothing to do"


def test_turns_and_what_changes() -> None:
    made = Plan(
        "etcd",
        "converge",
        (
            Turn((Step("etcd3", "start", "is down", (COUNT,)),), "nothing that serves is stopped"),
            Turn((Step("etcd1", "restart", "runs with other settings", (COUNT,)),), "the cluster can spare it"),
        ),
    )
    assert plan_text(made, ["mind this"]).splitlines() == [
        "cluster etcd: converge",
        "  note: mind this",
        "  turn 1: nothing that serves is stopped",
        "    etcd3: start (is down)",
        "      ETCD_SNAPSHOT_COUNT: (none) → 5",
        "  turn 2: the cluster can spare it",
        "    etcd1: restart (runs with other settings)",
        "      ETCD_SNAPSHOT_COUNT: (none) → 5",
    ]


def test_diff_shows_what_a_first_start_writes() -> None:
    made = Plan("etcd", "bootstrap", (Turn((Step("etcd1", "bootstrap", "first start", (COUNT,)),), "x"),), ("token t",))
    assert "→" not in plan_text(made)
    assert plan_text(made, diff=True).splitlines() == [
        "cluster etcd: bootstrap, token t",
        "  turn 1: x",
        "    etcd1: first start",
        "      ETCD_SNAPSHOT_COUNT: (none) → 5",
    ]

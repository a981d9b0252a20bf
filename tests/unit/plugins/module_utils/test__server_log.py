# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._server_log import MOST, summary, telling


def test_a_long_log_keeps_its_severe_and_its_last_lines() -> None:
    lines = [f'{{"level":"info","msg":"m{number}"}}' for number in range(100)]
    lines[3] = '{"level":"fatal","msg":"cause","error":"e","stacktrace":"a\\n\\"b\\""}'
    kept = telling(lines)
    assert len(kept) == MOST
    assert kept[0] == '{"level":"fatal","msg":"cause","error":"e"}'
    assert kept[-1] == lines[-1]
    assert telling(lines[:5]) == (*lines[:3], kept[0], lines[4])


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([], ""),
        (["one", "two."], "two"),
        (["Error: unknown flag: --x", "See 'podman run --help'"], "Error: unknown flag: --x"),
        (["unknown flag: --x", "", "Usage:  docker run [OPTIONS]", "", "Run 'docker run --help' for more"],
         "unknown flag: --x"),
        (["panic: tocommit(8) is out of range", "goroutine 1"], "panic: tocommit(8) is out of range"),
        (['x {"level":"fatal","msg":"discovery failed","error":"no"}', "end"], "discovery failed: no"),
        (['{"level":"warn","msg":"failed to verify flags","error":"x"}', '{"level":"info","msg":"y"}'],
         "failed to verify flags: x"),
        (['{"level":"info","msg":"y"}'], "y"),
        (['{"level":"warn","msg":"server error","error":"the member has been permanently removed from the cluster"}',
          '{"level":"fatal","msg":"setting up serving failed","error":"server is stopping"}'],
         "server error: the member has been permanently removed from the cluster"),
    ],
)  # fmt: skip
def test_summary(lines: t.List[str], text: str) -> None:
    assert summary(lines) == text

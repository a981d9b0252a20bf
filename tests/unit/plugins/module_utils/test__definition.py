# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._definition import digest, started_by_another
from ansible_collections.quorum.etcd.plugins.module_utils._model import ProcessSeen, ServiceSeen

WISHED = "[Service]\nUser=etcd\n"
EDITED = "[Service]\nUser=root\n"


def test_comments_are_nothing_that_a_server_runs_with() -> None:
    assert digest("# a\n[Unit]\n") == digest("# b\n[Unit]\n") != digest("# a\n[Service]\n")


@pytest.mark.parametrize(
    ("written", "defined", "started", "interrupted", "another"),
    [
        (WISHED, 100.5, 99, False, False),
        (WISHED, 100.5, 101, True, False),
        pytest.param(WISHED, 100.5, 99, True, True, id="put right, and killed before the restart"),
        pytest.param(WISHED, 100.5, 100, True, False, id="perhaps the same moment"),
        pytest.param(EDITED, 100.5, 99, False, False, id="edited, and not restarted"),
        pytest.param(EDITED, 100.5, 99, True, False, id="edited, and not restarted, after an interrupted turn"),
        pytest.param(EDITED, 100.5, 101, False, True, id="edited and restarted"),
        pytest.param(EDITED, 100.5, 100, False, True, id="edited and restarted at once"),
        pytest.param(f"# theirs\n{WISHED}\n", 100.5, 101, False, False, id="edited, but only what nobody reads"),
        pytest.param(EDITED, 0.0, 101, False, False, id="a Procfile, whose line shows in the process"),
        pytest.param(None, 0.0, 101, False, False, id="removed"),
    ],
)
def test_a_unit_that_was_edited(
    written: t.Optional[str], defined: float, started: float, interrupted: bool, another: bool
) -> None:
    service = ServiceSeen("etcd", exists=True, defined=defined)
    process = ProcessSeen(7, "/opt/etcd/3.6.16/etcd", {}, started=started)
    found = started_by_another(WISHED, written, service, process, interrupted=interrupted)
    assert [str(change) for change in found] == ["definition: another when it was started → written"] * another

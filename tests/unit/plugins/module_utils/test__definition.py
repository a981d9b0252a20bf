# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._definition import (
    digest,
    on_host,
    overruled,
    says_of_start,
    started_by_another,
)
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[Service]\nLimitNOFILE=1\nRestartSec=5\n", ()),
        ("[Service]\nEnvironment=GOMAXPROCS=2 'HTTP_PROXY=http://a b'\n", ()),
        ('[Service]\nEnvironment=ETCD_A=1 "ETCD_B=b c" C=ETCD_D=1\nEnvironment=ETCD_A=2\n', ("ETCD_A", "ETCD_B")),
        ("[Service]\nEnvironment=GOGC=50 \\\n  QUORUM_X=1\n", ("QUORUM_X",)),
        ('[Service]\nEnvironment="ETCD_A=1\n', ()),
        ("[Service]\nExecStart=\nExecStart=/usr/bin/etcd\n", ("ExecStart",)),
        ("[Service]\nExecStart=\n# ExecStart=/usr/bin/etcd\n", ()),
        ("[Service]\nEnvironment=ETCD_A=1\nEnvironment=\nEnvironment=ETCD_B=1\n", ("ETCD_B",)),
        ("[Service]\nExecStart=/a\nEnvironmentFile=-/etc/default/etcd\nEnvironmentFile=\nExecStart=\n", ()),
        ("[Service]\nEnvironment=ETCD_UNSUPPORTED_ARCH=arm64\n", ()),
        ("[Service]\nUnsetEnvironment=LANG\n", ()),
        ("[Service]\nUnsetEnvironment=LANG ETCD_NAME\n", ("UnsetEnvironment",)),
        ("[Service]\nEnvironmentFile=-/etc/default/etcd\n", ("EnvironmentFile",)),
        ("[Service]\nEnvironmentFile=/etc/default/go\nEnvironmentFile=-/etc/default/none\n", ()),
    ],
)
def test_what_drop_ins_say_of_the_start(text: str, said: t.Tuple[str, ...]) -> None:
    files = {"-/etc/default/etcd": "A=1\nETCD_B=2\n", "/etc/default/go": "GOGC=50\n"}
    assert says_of_start(text, files.get) == said


def test_what_is_read_later_or_in_a_container_overrules_nothing() -> None:
    drop_ins = {"/b.conf": ("ETCD_A", "ETCD_B"), "/a.conf": ("ExecStart", "EnvironmentFile"), "/c.conf": ("ETCD_A",)}
    assert overruled(drop_ins, WISHED, {"ETCD_A": "1"}) == [
        "/a.conf has ExecStart, EnvironmentFile",
        "/b.conf has ETCD_B",
    ]
    contained = "[Service]\nExecStart=/usr/bin/podman run --env-file=/etc/etcd/etcd.env\n"
    assert overruled(drop_ins, contained, {}) == ["/a.conf has ExecStart"]
    assert overruled({}, WISHED, {}) == []


@pytest.mark.parametrize(
    ("path", "volumes", "found"),
    [
        ("/etc/pki/ca.crt", "", "/etc/pki/ca.crt"),
        ("/etc/pki/ca.crt", "--volume=/etc/pki:/etc/pki:ro", "/etc/pki/ca.crt"),
        ("/etc/pki/ca.crt", "--volume=/srv/tls:/etc/pki:ro", "/srv/tls/ca.crt"),
        ("/etc/pki/ca.crt", "--volume=/srv/x:/etc/pk --volume=/srv/ca:/etc/pki/ca.crt", "/srv/ca"),
        ("", "--volume=/srv/tls:/etc/pki", ""),
    ],
)
def test_where_a_containers_file_is_on_the_host(path: str, volumes: str, found: str) -> None:
    assert on_host(f"ExecStart=podman run {volumes} x", path) == found

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._model import DataSeen
from ansible_collections.quorum.etcd.plugins.module_utils._plan_versions import Agreed, Course, course
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

DATA = DataSeen("/data", "/data/member/wal", "initialised", v2_index=0)


def version(text: t.Optional[str]) -> t.Optional[Version]:
    return None if text is None else Version.parse(text)


def go(
    before: str, after: str, cluster: t.Optional[str] = None, target: t.Optional[str] = None, **more: t.Any
) -> Course:
    agreed = Agreed(version(cluster), version(target))
    return course(Version.parse(before), Version.parse(after), agreed, more.pop("data", DATA), **more)


@pytest.mark.parametrize(
    ("before", "after", "cluster"),
    [
        ("3.6.14", "3.6.16", None),
        ("3.6.16", "3.6.14", "3.6.0"),
        ("3.4.23", "3.5.35", None),
        ("3.5.26", "3.6.0", None),
        ("3.6.11", "3.7.3", "3.6.0"),
        # an upgrade that is not complete may be taken back, from any version
        ("3.7.3", "3.6.16", "3.6.0"),
        ("3.6.16", "3.5.35", "3.5.0"),
        ("3.5.35", "3.4.23", "3.4.0"),
    ],
)
def test_what_needs_nothing(before: str, after: str, cluster: t.Optional[str]) -> None:
    assert go(before, after, cluster) == Course()


@pytest.mark.parametrize(
    ("before", "after", "cluster", "fault", "remedy"),
    [
        ("3.5.25", "3.6.16", "3.5.0", "3.6 may only follow 3.5.26 or newer", "newest release of 3.5"),
        ("3.6.10", "3.7.3", "3.6.0", "3.7 may only follow 3.6.11 or newer", "newest release of 3.6"),
        ("3.4.23", "3.6.16", "3.4.0", "from 3.4.23 to 3.6.16 in one step", "a release of 3.5"),
        ("3.5.35", "3.7.3", "3.5.0", "from 3.5.35 to 3.7.3 in one step", "a release of 3.6"),
        ("3.6.16", "4.0.0", "3.6.0", "in one step", "a release of 3.7"),
        ("3.7.3", "3.6.16", "3.7.0", "was not asked for", "etcd_allow_downgrade to true; or set etcd_version"),
        ("3.7.3", "3.6.16", None, "only a cluster that serves", "First set etcd_version to a release of 3.7"),
        ("3.7.3", "3.5.35", "3.7.0", "down to 3.5.35 in one step", "a release of 3.6"),
        ("3.7.3", "3.5.35", "3.6.0", "down to 3.5.35 in one step", "a release of 3.6"),
        ("3.5.35", "3.4.23", "3.5.0", "etcd 3.5 has no way down", "restore a snapshot that was taken with 3.4"),
        # of a downgrade to another version
        ("3.6.16", "3.5.35", "3.6.0", "was not asked for", "etcd_allow_downgrade"),
    ],
)
def test_what_is_refused(before: str, after: str, cluster: t.Optional[str], fault: str, remedy: str) -> None:
    told = go(before, after, cluster, "3.6.0" if before == "3.6.16" and after < before else None)
    assert fault in told.fault
    assert remedy in told.remedy


@pytest.mark.parametrize("allowed", [True, False])
def test_leave_to_go_down_does_not_help_where_etcd_has_no_way(allowed: bool) -> None:
    assert go("3.5.35", "3.4.23", "3.5.0", allow_downgrade=allowed).fault
    assert go("3.7.3", "3.5.35", "3.7.0", allow_downgrade=allowed).fault
    assert go("3.7.3", "3.6.16", None, allow_downgrade=allowed).fault


@pytest.mark.parametrize(
    ("target", "allowed"), [(None, True), ("3.6.0", True), ("3.6.0", False)], ids=["allowed", "both", "begun"]
)
@pytest.mark.parametrize("cluster", ["3.7.0", "3.6.0"])
def test_down(cluster: str, target: t.Optional[str], *, allowed: bool) -> None:
    """While etcd is at it, also where the cluster's version is lowered already: not every member may be ready."""
    expected = Course() if target is None and cluster == "3.6.0" else Course(downgrade="3.6")
    assert go("3.7.3", "3.6.16", cluster, target, allow_downgrade=allowed) == expected


@pytest.mark.parametrize(
    ("before", "after", "index", "expected"),
    [
        ("3.4.23", "3.5.35", None, Course()),
        ("3.5.35", "3.6.16", 9, Course()),
        ("3.6.16", "3.7.3", 0, Course()),
        ("3.6.16", "3.7.3", 9, Course(snapshot=9)),
        ("3.6.16", "3.6.17", None, Course()),
    ],
)
def test_the_log(before: str, after: str, index: t.Optional[int], expected: Course) -> None:
    assert go(before, after, "3.6.0", data=dataclasses.replace(DATA, v2_index=index)) == expected


@pytest.mark.parametrize(
    ("after", "data", "fault", "skip"),
    [
        ("3.6.16", {"v2_index": None}, "nobody looked", False),
        ("3.6.16", {"v2_index": 9, "v2_writes": True}, "holds writes of the API of etcd 2", False),
        ("3.6.16", {"v2_index": 9, "v2_writes": True, "v2_keys": True}, "holds keys of the API of etcd 2", True),
        ("3.6.16", {"v2_keys": True}, "holds keys of the API of etcd 2", True),
    ],
)
def test_a_log_that_is_in_the_way(after: str, data: t.Dict[str, t.Any], fault: str, *, skip: bool) -> None:
    told = go("3.5.35", after, "3.5.0", data=dataclasses.replace(DATA, **data))
    assert fault in told.fault
    assert told.remedy
    assert ("write-only-skip-check" in told.remedy) is skip


def test_what_only_reads_needs_a_snapshot_before_3_6() -> None:
    """As any look at the health of 3.4 does."""
    data = dataclasses.replace(DATA, v2_index=9, v2_reads=True)
    assert go("3.5.35", "3.6.16", "3.5.0", data=data) == Course(snapshot=9)
    assert go("3.4.23", "3.5.35", "3.4.0", data=data) == Course()


def test_before_3_6_nothing_is_in_the_way() -> None:
    data = dataclasses.replace(DATA, v2_index=9, v2_writes=True, v2_keys=True)
    assert go("3.4.23", "3.5.35", "3.4.0", data=data) == Course()

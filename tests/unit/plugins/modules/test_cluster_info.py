# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.quorum.etcd.plugins.module_utils import _client
from ansible_collections.quorum.etcd.plugins.module_utils._client import Explorer
from ansible_collections.quorum.etcd.plugins.module_utils._errors import QuorumError
from ansible_collections.quorum.etcd.plugins.module_utils._model import Alarm
from ansible_collections.quorum.etcd.plugins.modules import cluster_info
from ansible_collections.quorum.etcd.tests.unit.fakes import FakeCluster

Result = t.Dict[str, t.Any]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster()
    monkeypatch.setattr(_client, "connect", lambda endpoint, _connection, **_options: fake.connect(endpoint))
    return fake


def call(capfd: pytest.CaptureFixture[str], **options: t.Any) -> Result:
    options.setdefault("endpoints", ["http://n1.example:2379"])
    with patch_module_args(options), pytest.raises(SystemExit):
        cluster_info.main()
    answer: Result = json.loads(capfd.readouterr().out)
    return answer


def test_a_cluster(cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> None:
    answer = call(capfd, _ansible_check_mode=True)
    assert answer["changed"] is False
    assert (answer["quorum"], answer["healthy"], answer["complete"], answer["problems"]) == (True, True, True, [])
    assert answer["leader"] == {"name": "n1", "id": "a1"}
    assert [row["role"] for row in answer["members"]] == ["leader", "follower", "follower"]
    assert [row["endpoint"] for row in answer["endpoints"]] == [member.url for member in cluster.members.values()]


def test_a_dead_endpoint_is_a_row(cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> None:
    cluster.members["n3"].up = False
    answer = call(capfd, endpoints=["http://n3.example:2379", "http://n1.example:2379"])
    assert "failed" not in answer
    assert [row["healthy"] for row in answer["endpoints"]] == [False, True, True]
    assert {row["name"]: row["role"] for row in answer["members"]}["n3"] == "unreachable"


def test_everything_returned_is_documented(cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> None:
    cluster.alarms = [Alarm("a1", "NOSPACE")]
    documented = yaml.safe_load(cluster_info.RETURN)
    answer = call(capfd)
    assert set(answer) - {"changed", "invocation"} == set(documented) - {"remedy"}
    for key in ("members", "endpoints", "alarms"):
        assert set(answer[key][0]) == set(documented[key]["contains"])
    assert set(answer["leader"]) == set(documented["leader"]["contains"])


def test_a_wait_that_ends_in_time(cluster: FakeCluster) -> None:
    cluster.members["n3"].up = False
    pauses: t.List[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        cluster.members["n3"].up = len(pauses) == 3

    explorer = Explorer(["http://n1.example:2379"], cluster.connect)
    result = cluster_info.gather(
        explorer.explore, wait_for="complete", wait_timeout=60, clock=lambda: sum(pauses), sleep=sleep
    )
    assert (result["complete"], len(pauses)) == (True, 3)


@pytest.mark.parametrize(
    ("wait_for", "told"), [("quorum", "had no quorum"), ("healthy", "not healthy"), ("complete", "not complete")]
)
def test_a_wait_that_does_not(cluster: FakeCluster, wait_for: str, told: str) -> None:
    for name in ("n2", "n3"):
        cluster.members[name].up = False
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    explorer = Explorer(["http://n1.example:2379"], cluster.connect)
    with pytest.raises(QuorumError, match=told) as failed:
        cluster_info.gather(explorer.explore, wait_for=wait_for, wait_timeout=2, clock=lambda: now[0], sleep=sleep)
    assert 2 <= now[0] < 3
    assert "There is no quorum" in str(failed.value)
    assert failed.value.details["members"], "what was seen last comes with it"


def test_an_error(cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> None:
    answer = call(capfd, user="root")
    assert answer["failed"] is True
    assert answer["remedy"] == "Set password."

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.quorum.etcd.plugins.module_utils import _client
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, Explorer
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, QuorumError, Refused
from ansible_collections.quorum.etcd.plugins.modules import leader
from ansible_collections.quorum.etcd.tests.unit.fakes import FakeCluster, FakeTransport

Result = t.Dict[str, t.Any]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster()
    monkeypatch.setattr(_client, "connect", lambda endpoint, _connection, **_options: fake.connect(endpoint))
    return fake


def call(capfd: pytest.CaptureFixture[str], **options: t.Any) -> Result:
    options.setdefault("endpoints", ["http://n2.example:2379"])
    with patch_module_args(options), pytest.raises(SystemExit):
        leader.main()
    answer: Result = json.loads(capfd.readouterr().out)
    return answer


def moves(cluster: FakeCluster) -> t.List[str]:
    return [name for name, rpc in cluster.asked if rpc == "Maintenance/MoveLeader"]


def test_twice(cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> None:
    first = call(capfd, to="n3", _ansible_diff=True)
    assert (first["changed"], first["leader"], first["former"]["name"]) == (True, {"name": "n3", "id": "a3"}, "n1")
    assert first["diff"] == {"before": {"leader": "n1"}, "after": {"leader": "n3"}}
    assert cluster.leader == "n3"
    second = call(capfd, to="n3")
    assert (second["changed"], second["leader"], second["former"]) == (False, first["leader"], first["leader"])
    assert moves(cluster) == ["n1"], "only the leader was asked, and once"


def test_away(cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(capfd, away_from="n2")["changed"] is False
    assert call(capfd, away_from="n1")["changed"] is True
    assert cluster.leader == "n2"
    assert call(capfd, away_from="n1")["changed"] is False


def test_check_mode(cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> None:
    answer = call(capfd, to="n3", _ansible_check_mode=True)
    assert (answer["changed"], answer["leader"]["name"]) == (True, "n3")
    assert (cluster.leader, moves(cluster)) == ("n1", [])


def test_errors(cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> None:
    answer = call(capfd, to="n9")
    assert answer["failed"] is True
    assert "n1 (a1)" in answer["remedy"]
    assert "one of the following is required" in call(capfd)["msg"]


class Clock:
    """Time that passes only by sleeping; ``then`` is what happens meanwhile."""

    def __init__(self, then: t.Callable[[int], None] = lambda _count: None) -> None:
        self.now = 0.0
        self.count = 0
        self.then = then

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.count += 1
        self.then(self.count)


def hand_over(cluster: FakeCluster, clock: Clock, **wish: t.Any) -> t.Tuple[str, str]:
    explorer = Explorer(["http://n2.example:2379"], cluster.connect)
    former, now = leader.hand_over(explorer, timeout=3, clock=clock, sleep=clock.sleep, **wish)
    return former.name, now.name


def test_waits_for_a_leader_and_a_healthy_member() -> None:
    cluster = FakeCluster()
    cluster.leader = None
    cluster.members["n3"].up = False

    def then(count: int) -> None:
        cluster.leader = cluster.leader or "n1"
        cluster.members["n3"].up = count > 2

    clock = Clock(then)
    assert hand_over(cluster, clock, to="n3") == ("n1", "n3")
    assert clock.count >= 3


def test_gives_up_in_time() -> None:
    cluster = FakeCluster()
    cluster.members["n3"].up = False
    clock = Clock()
    with pytest.raises(Refused, match="not healthy"):
        hand_over(cluster, clock, to="n3")
    assert 3 <= clock.now < 4


def test_does_not_wait_for_what_will_never_be() -> None:
    clock = Clock()
    with pytest.raises(InvalidInput):
        hand_over(FakeCluster(), clock, to="n9")
    cluster = FakeCluster()
    cluster.members["n3"].up = False
    with pytest.raises(Refused):
        hand_over(cluster, clock, to="n3", dry=True)
    assert clock.count == 0


def test_a_leader_that_keeps_leading() -> None:
    class Stubborn(FakeTransport):
        def call(self, rpc: str, request: t.Mapping[str, t.Any], *, timeout: t.Optional[float] = None) -> Result:
            return {} if rpc == "Maintenance/MoveLeader" else super().call(rpc, request, timeout=timeout)

    cluster = FakeCluster()
    clock = Clock()
    explorer = Explorer(["http://n1.example:2379"], lambda endpoint: Client(Stubborn(cluster, endpoint)))
    with pytest.raises(QuorumError, match="n1 was asked to hand over leadership, but still seems to lead"):
        leader.hand_over(explorer, to="n2", timeout=3, clock=clock, sleep=clock.sleep)

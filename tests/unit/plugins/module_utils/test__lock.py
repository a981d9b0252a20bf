# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._client import Client
from ansible_collections.quorum.etcd.plugins.module_utils._errors import Unauthenticated, Unreachable
from ansible_collections.quorum.etcd.plugins.module_utils._lock import CALL, KEY, RENEW, TTL, Lock
from ansible_collections.quorum.etcd.tests.unit.fakes import FakeCluster, FakeTransport


class Scene:
    """A cluster, and a clock that stands until it is moved."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.time = 100.0

    def clients(self) -> t.List[Client]:
        return [Client(FakeTransport(self.cluster, member.url)) for member in self.cluster.members.values()]

    def lock(self, holder: str) -> Lock:
        return Lock(holder, lambda: self.time)


@pytest.fixture(name="scene")
def scene_fixture() -> Scene:
    return Scene()


def test_one_has_it_and_the_other_learns_who(scene: Scene) -> None:
    first, second = scene.lock("etcd1 on a"), scene.lock("etcd2 on b")
    assert first.take(scene.clients()) == ""
    assert (first.held, second.take(scene.clients()), second.held) == (True, "etcd1 on a", False)
    first.release()
    assert second.take(scene.clients()) == ""
    assert not first.held


def test_it_ends_with_its_lease(scene: Scene) -> None:
    scene.lock("killed").take(scene.clients())
    scene.clients()[0].lease_revoke(scene.cluster.leased[KEY])
    assert scene.lock("next").take(scene.clients()) == ""


def test_an_answer_that_got_lost_is_found(scene: Scene) -> None:
    lock = scene.lock("etcd1")
    scene.cluster.loses.append("KV/Txn")
    assert lock.take(scene.clients()) == ""
    assert lock.held


def test_it_is_kept_while_it_is_needed(scene: Scene) -> None:
    lock = scene.lock("etcd1")
    lock.take(scene.clients())
    before = scene.cluster.leased[KEY]
    lock.renew()
    assert scene.cluster.leased[KEY] == before
    scene.time += RENEW + 1
    lock.renew()
    assert scene.cluster.leased[KEY] != before
    scene.clients()[0].lease_revoke(before)
    assert KEY in scene.cluster.keys
    lock.release()
    assert KEY not in scene.cluster.keys


def test_what_fails_while_it_is_kept_is_tried_again(scene: Scene) -> None:
    lock = scene.lock("etcd1")
    lock.take(scene.clients())
    scene.time += RENEW + 1
    scene.cluster.hangs += ["Lease/LeaseGrant"] * 3
    lock.renew()
    scene.time += RENEW + 1
    lock.renew()
    lock.release()
    assert KEY not in scene.cluster.keys


def test_who_paused_too_long_does_not_count_on_it(scene: Scene) -> None:
    lock = scene.lock("etcd1")
    lock.take(scene.clients())
    scene.time += TTL - CALL
    assert not lock.held
    assert lock.take(scene.clients()) == ""
    assert lock.held


def test_what_another_took_meanwhile_is_held_no_more(scene: Scene) -> None:
    lock, other = scene.lock("etcd1"), scene.lock("etcd2")
    lock.take(scene.clients())
    scene.clients()[0].lease_revoke(scene.cluster.leased[KEY])
    assert other.take(scene.clients()) == ""
    scene.time += RENEW
    lock.renew()
    assert (lock.held, other.held) == (False, True)
    assert lock.take(scene.clients()) == "etcd2"
    lock.release()
    assert scene.cluster.keys[KEY]


def test_it_is_taken_anew_where_it_ended_and_nobody_has_it(scene: Scene) -> None:
    lock = scene.lock("etcd1")
    lock.take(scene.clients())
    scene.clients()[0].lease_revoke(scene.cluster.leased[KEY])
    scene.time += TTL
    assert not lock.held
    lock.renew()
    assert lock.held


def test_a_lost_answer_while_it_is_kept_loses_nothing(scene: Scene) -> None:
    lock, other = scene.lock("etcd1"), scene.lock("etcd2")
    lock.take(scene.clients())
    scene.time += RENEW
    scene.cluster.loses.append("KV/Txn")
    lock.renew()
    assert lock.held
    assert other.take(scene.clients()) == "etcd1"
    scene.time += TTL - RENEW
    lock.renew()
    assert lock.held


def test_what_was_written_though_every_answer_got_lost_is_ours(scene: Scene) -> None:
    lock = scene.lock("etcd1")
    lock.take(scene.clients())
    scene.time += RENEW
    scene.cluster.loses += ["KV/Txn"]
    scene.cluster.hangs += ["KV/Txn"] * 2
    lock.renew()
    scene.time += RENEW
    lock.renew()
    assert lock.held
    lock.release()
    assert KEY not in scene.cluster.keys


def test_a_lease_without_the_key_is_given_back(scene: Scene) -> None:
    lock = scene.lock("etcd1")
    scene.cluster.hangs += ["KV/Txn"] * 3
    with pytest.raises(Unreachable):
        lock.take(scene.clients())
    assert not lock.held
    lock.release()


def test_users_who_may_not(scene: Scene) -> None:
    scene.cluster.users = {"root": "secret"}
    with pytest.raises(Unauthenticated):
        scene.lock("etcd1").take(scene.clients())


def test_nobody_answers(scene: Scene) -> None:
    lock = scene.lock("etcd1")
    scene.cluster.hangs += ["Lease/LeaseGrant"] * 3
    with pytest.raises(Unreachable):
        lock.take(scene.clients())
    lock.release()


# --- at the edges ---------------------------------------------------------------------------------------------------


def test_it_is_written_no_more_often_than_it_must(scene: Scene) -> None:
    """A turn asks for it at each look at its server, several times a second."""
    lock = scene.lock("etcd1")
    lock.take(scene.clients())
    asked = len(scene.cluster.asked)
    for _look in range(10):
        scene.time += RENEW / 20
        lock.renew()
    assert len(scene.cluster.asked) == asked


def test_what_failed_is_not_tried_at_every_look(scene: Scene) -> None:
    lock = scene.lock("etcd1")
    lock.take(scene.clients())
    scene.time += RENEW
    scene.cluster.hangs += ["Lease/LeaseGrant"] * 3
    lock.renew()
    asked = len(scene.cluster.asked)
    lock.renew()
    assert len(scene.cluster.asked) == asked


def test_the_time_that_the_lease_took_to_be_granted_counts(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have begun as soon as it was asked for."""
    grant = Client.lease_grant

    def slowly(self: Client, ttl: int, **options: t.Any) -> int:
        lease = grant(self, ttl, **options)
        scene.time += CALL
        return lease

    monkeypatch.setattr(Client, "lease_grant", slowly)
    lock = scene.lock("etcd1")
    begun = scene.time
    lock.take(scene.clients())
    scene.time = begun + TTL - CALL
    assert not lock.held

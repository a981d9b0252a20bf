# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quorum.etcd.plugins.module_utils import _membership as membership
from ansible_collections.quorum.etcd.plugins.module_utils._model import Member


def voters(*names: str, learners: t.Sequence[str] = ()) -> t.List[Member]:
    return [
        Member(id=name, name=name.upper(), peer_urls=(f"http://{name}:2380",), is_learner=name in learners)
        for name in names
    ]


@pytest.mark.parametrize(("count", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_quorum(count: int, needed: int) -> None:
    assert membership.quorum(count) == needed


def test_ids_are_those_of_a_default_etcd() -> None:
    member = membership.member_id(["http://localhost:2380"], "etcd-cluster")
    assert member == "8e9e05c52164694d"
    assert membership.cluster_id([member]) == "cdf818194e3a8c32"


def test_ids_do_not_depend_on_order_and_have_no_leading_zeros() -> None:
    urls = ["http://b:2380", "http://a:2380"]
    assert membership.member_id(urls, "x") == membership.member_id(reversed(urls), "x")
    assert membership.cluster_id(["a", "1b"]) == membership.cluster_id(["1b", "a"])
    every = [membership.member_id([f"http://h{number}:2380"], "x") for number in range(200)]
    assert not any(identifier.startswith("0") for identifier in every)
    assert any(len(identifier) < 16 for identifier in every)


@pytest.mark.parametrize(
    ("members", "healthy", "self_healthy", "allow", "passes", "downtime", "words"),
    [
        (voters("a", "b", "c"), "bc", True, False, True, False, "2 of the 2 other voters"),
        (voters("a", "b", "c"), "abc", True, False, True, False, "2 of the 2 other voters"),
        (voters("a", "b", "c"), "ab", True, False, False, False, "not healthy: C"),
        (voters("a", "b", "c"), "ab", True, True, True, True, "not healthy: C"),
        (voters("a", "b", "c"), "b", False, False, True, False, "not healthy itself"),
        (voters("a", "b"), "ab", True, False, False, False, "two voters can spare neither"),
        (voters("a", "b"), "ab", True, True, True, True, "two voters can spare neither"),
        (voters("a", "b", "c", "d"), "abc", True, False, False, False, "not healthy: D"),
        (voters("a", "b", "c", "d", "e"), "abcd", True, False, True, False, "3 of the 4"),
        (voters("a"), "a", True, False, True, True, "only voter"),
        (voters("a", "b", learners="b"), "ab", True, False, True, True, "only voter"),
        (voters("b", "a", learners="a"), "ab", True, False, True, False, "learner"),
        (voters("b", "c"), "b", True, False, True, False, "no member"),
        ([], "", True, False, True, False, "no member"),
    ],
)
def test_gate(
    *, members: t.List[Member], healthy: str, self_healthy: bool, allow: bool, passes: bool, downtime: bool, words: str
) -> None:
    verdict = membership.gate(members, set(healthy), "a", self_healthy=self_healthy, allow_downtime=allow)
    assert (verdict.passes, verdict.downtime) == (passes, downtime)
    assert words in verdict.reason


@given(
    size=st.integers(1, 9),
    learners=st.integers(0, 3),
    up=st.sets(st.integers(0, 12)),
    allow=st.booleans(),
)
def test_a_pass_without_downtime_never_takes_a_working_quorum_away(
    size: int, learners: int, up: t.Set[int], allow: bool
) -> None:
    members = [
        Member(id=f"{number:x}", name=f"m{number}", peer_urls=(), is_learner=number >= size)
        for number in range(size + learners)
    ]
    healthy = {member.id for number, member in enumerate(members) if number in up}
    for member in members:
        self_healthy = member.id in healthy
        verdict = membership.gate(members, healthy, member.id, self_healthy=self_healthy, allow_downtime=allow)
        left = {other.id for other in members if other.id in healthy and other.id != member.id and not other.is_learner}
        if verdict.passes and not verdict.downtime and self_healthy and not member.is_learner:
            assert len(left) >= membership.quorum(size)
        if len(left) >= membership.quorum(size):
            assert verdict.passes
            assert not verdict.downtime
        if not verdict.passes:
            assert not allow
            assert size > 1


@given(size=st.integers(1, 9))
def test_sparable_is_three_or_more(size: int) -> None:
    members = [Member(id=f"{number:x}", name="", peer_urls=()) for number in range(size)]
    assert membership.sparable(members, "0") is (size >= 3)


@pytest.mark.parametrize(
    ("reached", "passes"), [(None, True), ({"b", "c"}, True), ({"c"}, True), (set(), False), ({"a"}, False)]
)
def test_of_those_that_stay_one_must_be_reached_by_the_others(reached: t.Optional[t.Set[str]], passes: bool) -> None:
    members = [Member(name, name, (f"http://{name}:2380",)) for name in "abc"]
    verdict = membership.gate(members, {"b", "c"}, "a", self_healthy=True, reached=reached)
    assert (verdict.passes, verdict.downtime) == (passes, False)
    if not passes:
        assert "b (http://b:2380), c (http://c:2380)" in verdict.reason
        assert membership.gate(
            members, {"b", "c"}, "a", self_healthy=True, reached=reached, allow_downtime=True
        ).downtime

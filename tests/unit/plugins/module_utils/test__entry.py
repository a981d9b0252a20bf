# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The next step for one entry of the membership, case by case."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quorum.etcd.plugins.module_utils._entry import DONE, Wish, decide, explain, wish_of
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, Refused
from ansible_collections.quorum.etcd.plugins.module_utils._membership import quorum
from ansible_collections.quorum.etcd.plugins.module_utils._overview import Overview, Row

NEW = ("http://n9.example:2380",)


def url(name: str) -> str:
    return f"http://{name}.example:2380"


def row(number: int, role: str = "follower", **other: t.Any) -> Row:
    name = f"n{number}"
    healthy = role in {"leader", "follower", "learner"}
    fields: t.Dict[str, t.Any] = {
        "name": name,
        "id": f"a{number}",
        "role": role,
        "healthy": healthy,
        "is_learner": role == "learner",
        "endpoint": f"http://{name}.example:2379" if healthy else "",
        "peer_urls": (url(name),),
        "client_urls": () if role == "unstarted" else (f"http://{name}.example:2379",),
        "version": "3.6.16" if healthy else "",
    }
    return Row(**{**fields, **other})


def cluster(*rows: Row) -> Overview:
    return Overview(
        cluster_id="c1",
        version="3.6.0",
        leader=next((one for one in rows if one.role == "leader"), None),
        rows=rows,
        alarms=(),
        has_quorum=True,
        healthy=True,
        complete=True,
        problems=(),
    )


LEADER, SECOND, THIRD, LEARNER = row(1, "leader"), row(2), row(3), row(4, "learner")
THREE = cluster(LEADER, SECOND, THIRD)
ONE_DEAD = cluster(LEADER, SECOND, row(3, "unreachable"))
OLD = cluster(*(dataclasses.replace(one, version="3.5.19") for one in (LEADER, SECOND, THIRD)))
OLD_LEARNER = cluster(dataclasses.replace(LEADER, version="3.5.19"), LEARNER)
WITH_LEARNER = cluster(LEADER, SECOND, THIRD, LEARNER)


@pytest.mark.parametrize(
    ("state", "named", "now", "kind", "about"),
    [
        ("learner", NEW, THREE, "add", ""),
        ("learner", NEW, ONE_DEAD, "add", ""),  # etcd itself may refuse
        ("learner", "a4", WITH_LEARNER, "done", ""),
        ("learner", (url("n4"),), WITH_LEARNER, "done", ""),
        ("voter", (url("n2"),), THREE, "done", ""),
        ("voter", NEW, OLD, "add", ""),
        ("voter", NEW, cluster(dataclasses.replace(LEADER, version="3.5.19")), "add", ""),
        ("voter", NEW, cluster(dataclasses.replace(LEADER, version="3.5.19"), row(2, "unreachable")), "wait", ""),
        ("absent", NEW, THREE, "done", ""),
        ("absent", "a9", THREE, "done", ""),
        ("absent", "a2", THREE, "remove", "a2"),
        ("absent", "a1", THREE, "hand_over", "a2"),
        ("absent", "a3", ONE_DEAD, "remove", "a3"),
        ("absent", "a2", ONE_DEAD, "wait", "a2"),
        ("absent", "a1", ONE_DEAD, "wait", "a1"),
        ("absent", "a4", WITH_LEARNER, "remove", "a4"),
        ("absent", "a2", cluster(LEADER, SECOND), "remove", "a2"),
        ("absent", "a2", cluster(LEADER, row(2, "unstarted")), "remove", "a2"),
    ],
)
def test_steps(state: str, named: t.Union[str, t.Tuple[str, ...]], now: Overview, kind: str, about: str) -> None:
    wish = Wish(state, id=named) if isinstance(named, str) else Wish(state, peer_urls=named)
    step = decide(wish, now)
    assert (step.kind, step.member_id) == (kind, about)
    assert kind == "done" or step.reason.endswith(".")
    assert kind != "wait" or step.remedy.endswith(".")


@pytest.mark.parametrize(
    ("state", "named", "now", "told"),
    [
        ("learner", "a2", THREE, "cannot make it a learner"),
        ("learner", "a9", THREE, "no member with the ID a9"),
        ("voter", "a9", THREE, "no member with the ID a9"),
        ("voter", NEW, THREE, "No member has the peer URLs"),
        ("voter", "a4", OLD_LEARNER, "n1 with 3.5.19"),
        ("absent", "a1", cluster(LEADER), "only voter"),
        ("absent", "a1", cluster(LEADER, LEARNER), "only voter"),
        ("learner", (url("n2"), url("n9")), THREE, "not exactly these"),
        ("absent", (url("n2"), url("n9")), THREE, "not exactly these"),
    ],
)
def test_refusals(state: str, named: t.Union[str, t.Tuple[str, ...]], now: Overview, told: str) -> None:
    wish = Wish(state, id=named) if isinstance(named, str) else Wish(state, peer_urls=named)
    with pytest.raises(Refused, match=told) as refused:
        decide(wish, now)
    assert refused.value.remedy


def test_a_learner_is_promoted_only_once_it_has_answered_for_itself() -> None:
    wish = Wish("voter", id="a4")
    assert decide(wish, WITH_LEARNER, vouched=True).kind == "promote"
    for learner, told in (
        (LEARNER, "does not prove to be n4"),
        (row(4, "unstarted", is_learner=True), "has not been started yet"),
        (row(4, "unreachable", is_learner=True, problem="Connection refused."), "does not answer at http://n4"),
    ):
        step = decide(wish, cluster(LEADER, SECOND, THIRD, learner))
        assert (step.kind, step.then) == ("wait", "promote")
        assert told in step.reason


@pytest.mark.parametrize(("version", "promoted"), [("3.5.19", False), ("3.5.20", True), ("3.4.23", False), ("", True)])
def test_releases_that_promote_safely(version: str, promoted: bool) -> None:
    now = cluster(LEADER, dataclasses.replace(SECOND, version=version), LEARNER)
    if promoted:
        assert decide(Wish("voter", id="a4"), now, vouched=True).kind == "promote"
    else:
        with pytest.raises(Refused, match="promoted safely"):
            decide(Wish("voter", id="a4"), now, vouched=True)


@pytest.mark.parametrize(
    ("named", "now", "kind"),
    [
        ("a2", THREE, "update"),
        ("a1", cluster(LEADER), "update"),
        ("a3", ONE_DEAD, "update"),
        ("a2", ONE_DEAD, "wait"),
        ("a1", cluster(LEADER, SECOND), "wait"),
    ],
)
def test_other_peer_urls(named: str, now: Overview, kind: str) -> None:
    step = decide(Wish("voter", NEW, named), now)
    assert (step.kind, step.member_id) == (kind, named)
    assert kind == "update" or "allow_downtime" in step.remedy
    assert decide(Wish("voter", NEW, named, allow_downtime=True), now).kind == "update"
    same = Wish("voter", (url(f"n{named[1]}"),), named)
    assert decide(same, now) == DONE


def test_peer_urls_of_another_member() -> None:
    with pytest.raises(Refused, match="n3 has the peer URL"):
        decide(Wish("voter", (url("n3"),), "a2"), THREE)


@pytest.mark.parametrize(
    ("version", "updated"), [("3.5.30", False), ("3.5.31", True), ("3.6.11", False), ("3.6.12", True), ("3.7.0", True)]
)
def test_peer_urls_of_a_learner(version: str, updated: bool) -> None:
    now = cluster(dataclasses.replace(LEADER, version=version), LEARNER)
    wish = Wish("learner", NEW, "a4")
    if updated:
        assert decide(wish, now).kind == "update"
    else:
        with pytest.raises(Refused, match="would make the learner a voter"):
            decide(wish, now)


def test_an_unreachable_leader_cannot_hand_over() -> None:
    gone = row(1, "unreachable")
    now = dataclasses.replace(cluster(gone, SECOND, THIRD), leader=gone)
    assert decide(Wish("absent", id="a1"), now).kind == "remove"


@given(
    healthy=st.lists(st.booleans(), min_size=1, max_size=7),
    learners=st.integers(0, 2),
    target=st.integers(1, 9),
)
def test_removal_never_costs_quorum(healthy: t.List[bool], learners: int, target: int) -> None:
    rows = [row(number, "follower" if up else "unreachable") for number, up in enumerate(healthy, start=1)]
    rows += [row(len(rows) + number + 1, "learner") for number in range(learners)]
    identity = f"a{target}"
    try:
        step = decide(Wish("absent", id=identity), cluster(*rows))
    except Refused:
        assert len(healthy) == 1
        return
    if step.kind == "remove" and target <= len(healthy):
        left = healthy[: target - 1] + healthy[target:]
        assert sum(left) >= quorum(len(left))


@pytest.mark.parametrize(
    ("reason", "now", "told"),
    [
        ("etcdserver: unhealthy cluster", ONE_DEAD, "n3 (unreachable)"),
        ("etcdserver: unhealthy cluster", THREE, "reach each other"),
        (
            "etcdserver: re-configuration failed due to not enough started members",
            cluster(LEADER, row(2, "unstarted")),
            "a2",
        ),
        ("etcdserver: too many learner members in cluster", WITH_LEARNER, "max-learners"),
        ("etcdserver: can only promote a learner member which is in sync with leader", WITH_LEARNER, "wait_timeout"),
        ("etcdserver: Peer URLs already exists", THREE, "Run it again"),
        ("etcdserver: member ID already exist", THREE, "Run it again"),
        ("etcdserver: not leader", THREE, "Run it again"),
    ],
)
def test_what_etcd_says_in_plain_words(reason: str, now: Overview, told: str) -> None:
    if "unstarted" in {one.role for one in now.rows}:
        now = cluster(*(dataclasses.replace(one, name="" if one.role == "unstarted" else one.name) for one in now.rows))
    explained = explain(reason, Wish("learner", NEW), now)
    assert explained is not None
    assert told in explained[1]
    assert all(sentence.endswith((".", "?")) for sentence in explained)


def test_what_does_not_pass() -> None:
    assert explain("etcdserver: given member URLs are invalid", Wish("learner", NEW), THREE) is None
    assert explain("etcdserver: permission denied", Wish("learner", NEW), THREE) is None


def test_wishes() -> None:
    assert wish_of("absent", id="00AB") == Wish("absent", id="ab")
    assert wish_of("learner", peer_urls=[" http://h:2380/", "http://h:2380"]).peer_urls == ("http://h:2380",)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"state": "gone", "id": "a"}, "no state"),
        ({"state": "voter"}, "which member"),
        ({"state": "voter", "peer_urls": ["h:2380"]}, "cannot be used"),
        ({"state": "voter", "id": "n1"}, "not a member ID"),
        ({"state": "voter", "id": "10276657743932975437"}, "not a member ID"),
        ({"state": "voter", "id": "0"}, "not a member ID"),
    ],
)
def test_wishes_that_cannot_be(options: t.Dict[str, t.Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        wish_of(**options)
    assert refused.value.remedy

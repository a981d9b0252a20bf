# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module member against real clusters, as Ansible runs it: a process each."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._client import Connection
from ansible_collections.quorum.etcd.tests.integration.support import Cluster, Server, eventually, free_port
from ansible_collections.quorum.etcd.tests.integration.test_modules_client import run

VERSIONS = ("3.5.35", "3.6.16", "3.7.3")

Clusters = t.Callable[..., Cluster]


def start(cluster: Cluster, server: Server, *gone: Server) -> None:
    """Start a member that was added, with the list as it is."""
    initial = ",".join(f"{one.name}={one.peer_url}" for one in cluster.servers.values() if one not in gone)
    server.start(ETCD_INITIAL_CLUSTER=initial, ETCD_INITIAL_CLUSTER_STATE="existing")


def member_id(cluster: Cluster, server: Server) -> str:
    return cluster.client(server.name).status().member_id


@pytest.mark.parametrize("version", VERSIONS)
def test_grow_and_shrink(clusters: Clusters, version: str) -> None:
    cluster = clusters(version).bootstrap(1)
    first = cluster.servers["n1"]
    joining = cluster.add_server("n2")
    entry = {"peer_urls": [joining.peer_url]}

    would = run("member", first.client_url, **entry, _ansible_check_mode=True, _ansible_diff=True)
    assert (would["changed"], would["member"]["id"], len(would["members"])) == (True, "", 2)
    assert len(would["diff"]["before"]["members"]) == 1
    added = run("member", first.client_url, **entry)
    assert (added["changed"], added["member"]["is_learner"], added["member"]["started"]) == (True, True, False)
    again = run("member", first.client_url, **entry)
    assert (again["changed"], again["member"]) == (False, added["member"])

    early = run("member", first.client_url, **entry, state="voter", wait_timeout=1)
    assert early["failed"]
    assert "has not been started yet" in early["msg"]
    start(cluster, joining)
    promoted = run("member", first.client_url, **entry, state="voter")
    assert (promoted["changed"], promoted["member"]["is_learner"], promoted["member"]["name"]) == (True, False, "n2")
    assert run("member", first.client_url, **entry, state="voter")["changed"] is False
    refused = run("member", first.client_url, **entry, state="learner", wait_timeout=30)
    assert "cannot make it a learner" in refused["msg"]

    # For five seconds after a start, or a change, etcd refuses the next: the module waits for them.
    third = cluster.add_server("n3")
    added = run("member", *cluster.endpoints[:2], peer_urls=[third.peer_url])
    assert added["changed"]
    assert run("member", first.client_url, id=added["member"]["id"], state="absent")["changed"]
    del cluster.servers["n3"]

    leader = cluster.leader()
    (stays,) = (server for server in cluster.servers.values() if server is not leader)
    gone = member_id(cluster, leader)
    removed = run("member", first.client_url, id=gone, state="absent")
    assert (removed["changed"], [one["name"] for one in removed["members"]]) == (True, [stays.name])
    assert leader.wait_for_exit() == 0
    assert run("member", stays.client_url, id=gone, state="absent")["changed"] is False
    last = run("member", stays.client_url, peer_urls=[stays.peer_url], state="absent")
    assert "only voter" in last["msg"]


@pytest.mark.parametrize("version", VERSIONS)
def test_replace_a_dead_leader(clusters: Clusters, version: str) -> None:
    cluster = clusters(version).bootstrap(3)
    dead = cluster.leader()
    gone = member_id(cluster, dead)
    dead.kill()
    removed = run("member", *cluster.endpoints, id=gone, state="absent")
    assert removed["changed"]
    assert gone not in {one["id"] for one in removed["members"]}

    dead.wipe()
    added = run("member", *cluster.endpoints, peer_urls=[dead.peer_url])
    assert added["changed"]
    assert added["member"]["id"] != gone
    start(cluster, dead)
    assert run("member", *cluster.endpoints, peer_urls=[dead.peer_url], state="voter")["changed"]
    cluster.wait_healthy()


def test_what_would_cost_quorum_is_refused(clusters: Clusters) -> None:
    cluster = clusters("3.6.16").bootstrap(3)
    ids = {name: member_id(cluster, server) for name, server in cluster.servers.items()}
    cluster.servers["n3"].kill()
    cluster.leader()  # where it led, the others need a while until one of them does
    refused = run("member", *cluster.endpoints, id=ids["n2"], state="absent", wait_timeout=2)
    assert "would have no quorum" in refused["msg"]
    assert "n3 (unreachable)" in refused["remedy"]
    assert run("member", *cluster.endpoints, id=ids["n3"], state="absent")["changed"]
    cluster.servers["n2"].kill()
    refused = run("member", *cluster.endpoints, id=ids["n2"], state="absent", wait_timeout=2)
    assert "No majority vouches" in refused["msg"]


def test_a_dead_learner_gets_no_vote(clusters: Clusters) -> None:
    cluster = clusters("3.6.16").bootstrap(1)
    joining = cluster.add_server("n2")
    entry = {"peer_urls": [joining.peer_url]}
    run("member", cluster.servers["n1"].client_url, **entry)
    start(cluster, joining)
    cluster.wait_healthy()
    joining.kill()
    refused = run("member", *cluster.endpoints, **entry, state="voter", wait_timeout=2)
    assert "does not answer at" in refused["msg"]
    joining.start()
    assert run("member", *cluster.endpoints, **entry, state="voter")["changed"]


def test_other_peer_urls(clusters: Clusters) -> None:
    cluster = clusters("3.6.16").bootstrap(3)
    moving = cluster.servers["n2"]
    identity = member_id(cluster, moving)
    moving.peer_url = f"http://127.0.0.1:{free_port()}"
    moved = run("member", *cluster.endpoints, id=identity, peer_urls=[moving.peer_url], state="voter")
    assert (moved["changed"], moved["member"]["peer_urls"]) == (True, [moving.peer_url])
    moving.stop()
    moving.start(ETCD_LISTEN_PEER_URLS=moving.peer_url)
    cluster.wait_healthy()
    assert not run("member", *cluster.endpoints, id=identity, peer_urls=[moving.peer_url], state="voter")["changed"]


def test_with_users(clusters: Clusters) -> None:
    """A learner takes no password: it proves itself by the ID in its metrics."""
    cluster = clusters("3.6.16").bootstrap(1)
    first = cluster.servers["n1"]
    ask = cluster.client("n1")._transport.call
    for user in ("root", "reader"):
        ask("Auth/RoleAdd", {"name": user})
        ask("Auth/UserAdd", {"name": user, "password": "secret-" + user})
        ask("Auth/UserGrantRole", {"user": user, "role": user})
    ask("Auth/AuthEnable", {})
    joining = cluster.add_server("n2")
    root = {"user": "root", "password": "secret-root", "peer_urls": [joining.peer_url]}
    denied = run("member", first.client_url, **{**root, "user": "reader", "password": "secret-reader"})
    assert "permission denied" in denied["msg"]
    nobody = run("member", first.client_url, peer_urls=[joining.peer_url])
    assert "user name is empty" in nobody["msg"]
    assert run("member", first.client_url, **root)["changed"]
    start(cluster, joining)
    promoted = run("member", first.client_url, **root, state="voter")
    assert (promoted["changed"], promoted["member"]["is_learner"]) == (True, False)
    as_root = cluster.client("n2", Connection(user="root", password="secret-root"))
    assert eventually(lambda: as_root.status().leader_id)


def test_debian_s_old_etcd_gets_a_voter_at_once(clusters: Clusters) -> None:
    cluster = clusters("3.4.23").bootstrap(1)
    joining = cluster.add_server("n2")
    first = cluster.servers["n1"].client_url
    added = run("member", first, peer_urls=[joining.peer_url], state="voter")
    assert (added["changed"], added["member"]["is_learner"]) == (True, False)
    assert "start it now" in str(added["warnings"])
    start(cluster, joining)
    cluster.wait_healthy()
    assert run("member", first, peer_urls=[joining.peer_url], state="voter")["changed"] is False

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules cluster_info, leader and kv against real clusters, as Ansible runs them: a process each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.tests.integration.support import Cluster, free_port

VERSIONS = ("3.4.23", "3.5.35", "3.6.16", "3.7.3")

Clusters = t.Callable[..., Cluster]
Answer = t.Dict[str, t.Any]

_CACHE = Path(__file__).resolve().parents[2] / ".cache"

_START = """
import json, runpy, sys
from ansible.module_utils.testing import patch_module_args
with patch_module_args(json.load(sys.stdin)):
    runpy.run_module(f"ansible_collections.quorum.etcd.plugins.modules.{sys.argv[1]}", None, "__main__")
"""


def run(module: str, *endpoints: str, **options: t.Any) -> Answer:
    """The answer of a module, from its standard output."""
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", _START, module],
        input=json.dumps({"endpoints": list(endpoints), **options}),
        env={**os.environ, "PYTHONPATH": str(_CACHE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return t.cast("Answer", json.loads(done.stdout))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cluster_and_its_leader(clusters: Clusters, version: str) -> None:
    cluster = clusters(version).bootstrap(3)
    first, *_others = cluster.endpoints

    seen = run("cluster_info", first, wait_for="complete", wait_timeout=10)
    assert (seen["quorum"], seen["healthy"], seen["complete"], seen["problems"]) == (True, True, True, [])
    assert sorted(row["name"] for row in seen["members"]) == ["n1", "n2", "n3"]
    assert sorted(row["role"] for row in seen["members"]) == ["follower", "follower", "leader"]
    assert {row["version"] for row in seen["members"]} == {version}
    assert all(row["db_size"] > 0 and row["raft_index"] > 0 for row in seen["members"])

    former = seen["leader"]["name"]
    target = min({"n1", "n2", "n3"} - {former})
    assert run("leader", first, to=target, _ansible_check_mode=True)["changed"] is True
    moved = run("leader", first, to=target)
    assert (moved["changed"], moved["leader"]["name"], moved["former"]["name"]) == (True, target, former)
    assert run("leader", first, to=target)["changed"] is False
    assert cluster.leader().name == target
    moved = run("leader", first, away_from=target)
    assert moved["changed"] is True
    assert cluster.leader().name == moved["leader"]["name"] != target

    dead = cluster.servers[target]
    dead.kill()
    nobody = f"http://127.0.0.1:{free_port()}"
    seen = run("cluster_info", nobody, *cluster.endpoints)
    assert (seen["quorum"], seen["healthy"], seen["complete"]) == (True, True, False)
    assert {row["name"]: row["role"] for row in seen["members"]}[target] == "unreachable"
    assert len([problem for problem in seen["problems"] if dead.client_url in problem]) == 1
    assert seen["endpoints"][0]["healthy"] is False
    refused = run("leader", *cluster.endpoints, to=target, wait_timeout=0.5)
    assert refused["failed"] is True
    assert "not healthy" in refused["msg"]


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_no_quorum_and_two_clusters(clusters: Clusters, version: str) -> None:
    cluster = clusters(version).bootstrap(3)
    cluster.servers["n1"].kill()
    cluster.servers["n2"].kill()
    other = clusters(version).bootstrap(1)
    seen = run("cluster_info", *cluster.endpoints, wait_for="quorum", wait_timeout=5)
    assert seen["failed"] is True
    assert "There is no quorum: 0 of 3 voters are healthy, 2 are needed." in seen["msg"]
    assert [row["role"] for row in sorted(seen["members"], key=lambda row: str(row["name"]))] == [
        "unreachable",
        "unreachable",
        "follower",
    ]
    cluster.servers["n1"].start()
    cluster.wait_healthy("n1", "n3")
    seen = run("cluster_info", cluster.servers["n1"].client_url, other.endpoints[0])
    assert (seen["quorum"], seen["healthy"]) == (True, False)
    assert any("belongs to another cluster" in problem for problem in seen["problems"])


@pytest.mark.parametrize("version", VERSIONS)
def test_keys(clusters: Clusters, version: str) -> None:
    cluster = clusters(version).bootstrap(1)
    (endpoint,) = cluster.endpoints
    nobody = f"http://127.0.0.1:{free_port()}"
    assert run("kv", nobody, endpoint, key="k", value="v", _ansible_check_mode=True)["changed"] is True
    assert cluster.client().get(b"k") is None
    assert run("kv", nobody, endpoint, key="k", value="v")["changed"] is True
    assert run("kv", nobody, endpoint, key="k", value="v")["changed"] is False
    assert run("kv", endpoint, key="k", value="w", show_values=True)["previous"] == "v"
    assert run("kv", endpoint, key="k", state="absent", prefix=True)["deleted"] == ["k"]
    assert cluster.client().get(b"k") is None
    assert run("kv", nobody, key="k", value="v")["failed"] is True

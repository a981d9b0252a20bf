# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one minor version leaves for the next, by etcd's own judgement: its check, and whether it starts."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import typing as t
import urllib.request
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _datadir
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, Connection, connect
from ansible_collections.quorum.etcd.plugins.module_utils._model import DataSeen
from ansible_collections.quorum.etcd.tests.integration.support import Cluster, Server, eventually, release
from ansible_collections.quorum.etcd.tests.integration.test_server import Site

OLD, MIDDLE, NEW = "3.5.35", "3.6.16", "3.7.3"

Clusters = t.Callable[..., Cluster]


def etcdutl_is_content(server: Server) -> bool:
    """Whether etcd's own check finds a user's keys. The server must be down."""
    program = str(release(OLD) / "etcdutl")
    done = subprocess.run(
        [program, "check", "v2store", "--data-dir", str(server.data)], capture_output=True, text=True, check=False
    )
    found = "custom" in done.stderr
    assert done.returncode == (1 if found else 0), done.stderr
    return found


def v2(server: Server, method: str, key: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{server.client_url}/v2/keys/{key}"
    with urllib.request.urlopen(
        urllib.request.Request(url, data=b"value=1" if method == "PUT" else None, method=method, headers=form),
        timeout=5,
    ) as answer:
        assert answer.status < 300


def look(server: Server) -> DataSeen:
    return _datadir.look(str(server.data), v2_requests=True)


def write(client: Client, count: int) -> None:
    for number in range(count):
        client.put(b"key", str(number).encode())


def test_what_is_left_of_the_old_api_is_found_where_etcd_finds_it(clusters: Clusters) -> None:
    """With that API on, every look at the health leaves a request in the log, which 3.6 refuses, too."""
    cluster = clusters(OLD).bootstrap(1, ETCD_ENABLE_V2="true", ETCD_SNAPSHOT_COUNT="20")
    (server,) = cluster.servers.values()
    client = cluster.client()

    def agreed() -> bool:
        seen = look(server)
        assert seen.problem == ""
        server.stop()
        found = seen.v2_reads or seen.v2_writes or seen.v2_keys
        assert etcdutl_is_content(server) is found
        server.start()
        cluster.wait_healthy()
        return found

    def snapshot() -> None:
        before = look(server).snapshot_index or 0
        write(client, 60)
        eventually(lambda: (look(server).snapshot_index or 0) > before + 30, why="no snapshot")

    assert agreed()
    v2(server, "PUT", "foo")
    snapshot()
    assert agreed()
    assert look(server).v2_keys
    v2(server, "DELETE", "foo")
    server.environment["ETCD_ENABLE_V2"] = "false"
    assert agreed()
    snapshot()
    assert not agreed()


@pytest.mark.parametrize("content", [True, False])
def test_the_next_version_starts_only_without_it(clusters: Clusters, *, content: bool) -> None:
    cluster = clusters(OLD).bootstrap(1, ETCD_ENABLE_V2=str(content).lower())
    (server,) = cluster.servers.values()
    server.stop()
    assert look(server).v2_reads is content
    server.version = MIDDLE
    server.environment.pop("ETCD_ENABLE_V2")
    server.start()
    if content:
        assert server.wait_for_exit() != 0
    else:
        cluster.wait_healthy()


@pytest.fixture
def site(tmp_path: Path) -> t.Iterator[Site]:
    made = Site(tmp_path, 1)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def client(site: Site) -> t.Iterator[Client]:
    with contextlib.closing(connect(site.client_urls["n1"], Connection())) as made:
        yield made


def test_a_log_of_the_oldest_needs_a_snapshot_of_the_middle_before_the_newest(
    site: Site, client: Client, tmp_path: Path
) -> None:
    site.version = OLD
    site.bootstrap()
    site.version = MIDDLE
    assert site.server("n1").ok["changed"]
    eventually(lambda: client.versions().cluster == "3.6.0")
    seen = _datadir.look(str(site.file("n1", "data")), v2_requests=True)
    assert seen.snapshot_index is None
    assert seen.v2_index

    copy = Server("n1", tmp_path / "copy", NEW)  # nobody writes, so it can be copied as it is
    shutil.copytree(site.file("n1", "data"), copy.data)
    copy.start()
    assert copy.wait_for_exit() == 2
    assert "unmarshal should never fail" in copy.tail(200)

    site.version = NEW
    done = site.server("n1", snapshot_index=seen.v2_index).ok
    assert [action for action in done["actions"] if "for a raft snapshot" in action]
    assert client.versions().server == NEW
    seen = _datadir.look(str(site.file("n1", "data")), v2_requests=True)
    assert seen.v2_index == 0


def test_from_the_version_that_debian_has(site: Site, client: Client) -> None:
    """Each look at its health leaves a request in the log that 3.6 panics on, until a snapshot of 3.5 covers it."""
    site.version, site.settings = "3.4.23", {"ETCD_LOGGER": "zap"}
    site.bootstrap()
    site.version = OLD
    assert site.server("n1").ok["changed"]
    seen = _datadir.look(str(site.file("n1", "data")), v2_requests=True)
    assert (seen.problem, seen.v2_reads, seen.v2_writes, seen.v2_keys) == ("", True, False, False)
    site.version = MIDDLE
    failed = site.server("n1").failure
    assert "detected disallowed v2 WAL" in str(failed["log"])
    assert failed["put_back"] is True
    assert site.server("n1", snapshot_index=seen.v2_index).ok["changed"]
    assert client.versions().server == MIDDLE


def test_down_and_up_again_by_turns(site: Site, client: Client) -> None:
    site.version = NEW
    site.bootstrap()
    eventually(lambda: client.versions().cluster == "3.7.0")

    site.version = MIDDLE
    refused = site.server("n1").failure
    assert re.search(r"invalid downgrade|version .+3\.7\.0.+ is not supported", str(refused["log"]))
    assert refused["put_back"] is True
    assert client.versions().server == NEW
    done = site.server("n1", downgrade="3.6", gate_timeout=30).ok
    assert "have the cluster go down to 3.6" in done["actions"]
    assert client.versions().server == MIDDLE
    eventually(lambda: client.status().downgrade == "", why="etcd does not end the downgrade")

    site.version = NEW
    assert site.server("n1").ok["changed"]
    eventually(lambda: client.versions().cluster == "3.7.0")

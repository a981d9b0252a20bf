# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records what the gateways of real servers answer, for the unit tests; run it anew for a new version of etcd.

``python tests/integration/record_gateway.py 3.5.35 3.6.16 3.7.3`` writes tests/unit/fixtures/gateway/VERSION.json:
by case, HTTP status and body exactly as they came.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
import tempfile
import typing as t
from pathlib import Path
from urllib.parse import urlsplit

_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_ROOT / ".cache"))

from ansible_collections.quorum.etcd.tests.integration.support import Cluster, eventually, free_port

Answer = t.Dict[str, t.Any]


def ask(url: str, path: str, request: t.Any = None, *, token: str = "", seconds: int = 5) -> Answer:
    """One exchange, without any of the collection's own code."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=15)
    try:
        if request is None:
            connection.request("GET", path)
        else:
            headers = {"Grpc-Timeout": f"{seconds}S", **({"Authorization": token} if token else {})}
            body = request if isinstance(request, str) else json.dumps(request)
            connection.request("POST", path, body=body, headers=headers)
        response = connection.getresponse()
        return {"status": response.status, "body": response.read().decode()}
    finally:
        connection.close()


def answer_of(answer: Answer) -> t.Dict[str, t.Any]:
    return t.cast("t.Dict[str, t.Any]", json.loads(answer["body"]))


def record_one_server(cluster: Cluster) -> t.Dict[str, Answer]:
    url = cluster.bootstrap(1, ETCD_QUOTA_BACKEND_BYTES=str(2**20)).servers["n1"].client_url
    own = answer_of(ask(url, "/v3/maintenance/status", {}))["header"]["member_id"]
    eventually(lambda: "not_decided" not in ask(url, "/version")["body"])
    new = [f"http://127.0.0.1:{free_port()}"]
    found = {
        "version": ask(url, "/version"),
        "health": ask(url, "/health?exclude=NOSPACE"),
        "status": ask(url, "/v3/maintenance/status", {}),
        "members": ask(url, "/v3/cluster/member/list", {"linearizable": True}),
        "alarms none": ask(url, "/v3/maintenance/alarm", {"action": "GET"}),
        "put": ask(url, "/v3/kv/put", {"key": "aw==", "value": "dg=="}),
        "range": ask(url, "/v3/kv/range", {"key": "aw=="}),
        "range nothing": ask(url, "/v3/kv/range", {"key": "eA=="}),
        "range future": ask(url, "/v3/kv/range", {"key": "aw==", "revision": "1000"}),
        "txn failed": ask(
            url, "/v3/kv/txn", {"compare": [{"key": "aw==", "target": "MOD", "mod_revision": "0"}], "success": []}
        ),
        "bad json": ask(url, "/v3/kv/range", "{"),
        "bad field": ask(url, "/v3/kv/range", {"key": 3}),
        "get on an rpc": ask(url, "/v3/kv/range"),
        "no such rpc": ask(url, "/v3/nothing", {}),
        "move leader to a stranger": ask(url, "/v3/maintenance/transfer-leadership", {"targetID": "1"}),
        "member unknown": ask(url, "/v3/cluster/member/remove", {"ID": "1"}),
        "member url invalid": ask(url, "/v3/cluster/member/add", {"peerURLs": ["nonsense"]}),
        "promote a voter": ask(url, "/v3/cluster/member/promote", {"ID": own}),
        "learner added": ask(url, "/v3/cluster/member/add", {"peerURLs": new, "isLearner": True}),
        "learner again": ask(url, "/v3/cluster/member/add", {"peerURLs": new, "isLearner": True}),
        "learners too many": ask(
            url, "/v3/cluster/member/add", {"peerURLs": [f"http://127.0.0.1:{free_port()}"], "isLearner": True}
        ),
        "members with an unstarted learner": ask(url, "/v3/cluster/member/list", {"linearizable": True}),
    }
    learner = answer_of(found["learner added"])["member"]["ID"]
    found["learner not in sync"] = ask(url, "/v3/cluster/member/promote", {"ID": learner})
    ask(url, "/v3/cluster/member/remove", {"ID": learner})
    while True:
        full = ask(url, "/v3/kv/put", {"key": "aw==", "value": "eHh4" * 30000})
        if full["status"] != http.client.OK:
            break
    found["no space"] = full
    found["alarms no space"] = ask(url, "/v3/maintenance/alarm", {"action": "GET"})
    found["health no space"] = ask(url, "/health")
    found["snapshot stream refused"] = record_users(url, found)
    return found


def record_users(url: str, found: t.Dict[str, Answer]) -> Answer:
    """Cases with users switched on; the last one is of a stream."""
    found["auth not enabled"] = ask(url, "/v3/auth/authenticate", {"name": "root", "password": "p"})
    for user in ("root", "nobody"):
        ask(url, "/v3/auth/role/add", {"name": user})
        ask(url, "/v3/auth/user/add", {"name": user, "password": "p"})
        ask(url, "/v3/auth/user/grant", {"user": user, "role": user})
    found["user exists"] = ask(url, "/v3/auth/user/add", {"name": "root", "password": "p"})
    found["role unknown"] = ask(url, "/v3/auth/user/grant", {"user": "root", "role": "x"})
    ask(url, "/v3/auth/enable", {})
    found["no token"] = ask(url, "/v3/kv/range", {"key": "aw=="})
    found["members without token"] = ask(url, "/v3/cluster/member/list", {"linearizable": True})
    found["status without token"] = ask(url, "/v3/maintenance/status", {})
    found["wrong password"] = ask(url, "/v3/auth/authenticate", {"name": "root", "password": "x"})
    found["authenticated"] = ask(url, "/v3/auth/authenticate", {"name": "nobody", "password": "p"})
    token = answer_of(found["authenticated"])["token"]
    found["bad token"] = ask(url, "/v3/kv/range", {"key": "aw=="}, token="bad.1")
    found["not permitted"] = ask(url, "/v3/kv/range", {"key": "aw=="}, token=token)
    root = answer_of(ask(url, "/v3/auth/authenticate", {"name": "root", "password": "p"}))["token"]
    ask(url, "/v3/auth/role/add", {"name": "later"}, token=root)
    found["old token"] = ask(url, "/v3/kv/range", {"key": "aw=="}, token=token)
    token = answer_of(ask(url, "/v3/auth/authenticate", {"name": "nobody", "password": "p"}))["token"]
    return ask(url, "/v3/maintenance/snapshot", {}, token=token)


def record_no_quorum(cluster: Cluster) -> t.Dict[str, Answer]:
    cluster.bootstrap(3)
    leader = cluster.leader()
    left, lost = (server for server in cluster.servers.values() if server is not leader)
    url = left.client_url
    found = {"not leader": ask(url, "/v3/maintenance/transfer-leadership", {"targetID": "1"})}
    lost.kill()
    leader.kill()
    eventually(lambda: "NO LEADER" in ask(url, "/health")["body"].upper())
    found["health no leader"] = ask(url, "/health?exclude=NOSPACE")
    found["status no leader"] = ask(url, "/v3/maintenance/status", {})
    found["members no leader"] = ask(url, "/v3/cluster/member/list", {"linearizable": True}, seconds=1)
    found["members no leader, its own"] = ask(url, "/v3/cluster/member/list", {})
    found["put no leader"] = ask(url, "/v3/kv/put", {"key": "aw==", "value": "dg=="}, seconds=1)
    found["alarms no leader"] = ask(url, "/v3/maintenance/alarm", {"action": "GET"}, seconds=1)
    return found


def record_learner(cluster: Cluster) -> t.Dict[str, Answer]:
    url = cluster.bootstrap(1).servers["n1"].client_url
    joining = cluster.add_server("n2")
    ask(url, "/v3/cluster/member/add", {"peerURLs": [joining.peer_url], "isLearner": True})
    joining.start(ETCD_INITIAL_CLUSTER=cluster.initial_cluster(), ETCD_INITIAL_CLUSTER_STATE="existing")
    eventually(lambda: _is_true(joining.client_url))
    return {
        "health of a learner": ask(joining.client_url, "/health?exclude=NOSPACE"),
        "status of a learner": ask(joining.client_url, "/v3/maintenance/status", {}),
        "members of a learner": ask(joining.client_url, "/v3/cluster/member/list", {"linearizable": True}),
    }


def _is_true(url: str) -> bool:
    with contextlib.suppress(OSError):
        return bool(ask(url, "/health")["status"] == http.client.OK)
    return False


def main(versions: t.Sequence[str]) -> None:
    for version in versions:
        found: t.Dict[str, Answer] = {}
        for record in (record_one_server, record_no_quorum, record_learner):
            with tempfile.TemporaryDirectory() as directory:
                cluster = Cluster(Path(directory) / record.__name__, version)
                try:
                    found.update(record(cluster))
                finally:
                    cluster.close()
        path = _ROOT / "tests" / "unit" / "fixtures" / "gateway" / f"{version}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both modules for discovery tokens, as Ansible calls them."""

from __future__ import annotations

import json
import types
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.quorum.etcd.plugins.module_utils import _discovery
from ansible_collections.quorum.etcd.plugins.modules import discovery_token, discovery_token_info
from ansible_collections.quorum.etcd.tests.unit.fakes import FakeCluster

Result = t.Dict[str, t.Any]
Call = t.Callable[..., Result]

SIZE = b"/_etcd/registry/tok/_config/size"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster()
    monkeypatch.setattr(_discovery, "connect", lambda endpoint, _connection, **_options: fake.connect(endpoint))
    return fake


@pytest.fixture
def call(cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> Call:
    def run(module: types.ModuleType = discovery_token, **options: t.Any) -> Result:
        options.setdefault("endpoints", [member.url for member in cluster.members.values()])
        with patch_module_args(options), pytest.raises(SystemExit):
            module.main()
        answer: Result = json.loads(capfd.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run


def test_present_and_absent(cluster: FakeCluster, call: Call) -> None:
    endpoints = ",".join(member.url for member in cluster.members.values())
    expected = {
        "changed": True,
        "token": "tok",
        "url": "",
        "size": 3,
        "environment": {
            "ETCD_INITIAL_CLUSTER": "",
            "ETCD_INITIAL_CLUSTER_STATE": "new",
            "ETCD_DISCOVERY_TOKEN": "tok",
            "ETCD_DISCOVERY_ENDPOINTS": endpoints,
        },
    }
    assert call(token="tok", size=3) == expected
    assert call(token="tok", size=3) == {**expected, "changed": False}
    assert cluster.keys[SIZE][0] == b"3"
    cluster.client("n1").put(b"/_etcd/registry/tok/members/a1", b"n1=http://a:2380")
    refused = call(token="tok", size=3)
    assert (refused["failed"], refused["size"]) == (True, 3)
    assert refused["registrations"] == [{"id": "a1", "name": "n1", "peer_urls": ["http://a:2380"]}]
    assert refused["remedy"] in refused["msg"]
    gone = call(token="tok", state="absent", _ansible_diff=True)
    assert gone == {
        "changed": True,
        "token": "tok",
        "url": "",
        "size": None,
        "diff": {"before": {"token": "tok", "size": 3, "registrations": ["n1"]}, "after": {}},
    }
    assert call(token="tok", state="absent")["changed"] is False
    assert cluster.keys == {}


def test_fresh_tokens(cluster: FakeCluster, call: Call) -> None:
    dry = call(size=3, _ansible_check_mode=True, _ansible_diff=True)
    assert (dry["changed"], dry["token"], dry["url"], dry["environment"]) == (True, "", "", {})
    assert dry["diff"] == {"before": {}, "after": {"token": "a fresh one", "size": 3}}
    assert cluster.keys == {}
    first, second = call(size=3), call(size=3)
    assert first["token"] != second["token"]
    assert first["environment"]["ETCD_DISCOVERY_TOKEN"] == first["token"]
    assert len(cluster.keys) == 2


def test_resizing(cluster: FakeCluster, call: Call) -> None:
    call(token="tok", size=3)
    dry = call(token="tok", size=5, _ansible_check_mode=True, _ansible_diff=True)
    assert dry["diff"] == {"before": {"token": "tok", "size": 3}, "after": {"token": "tok", "size": 5}}
    assert (dry["size"], dry["environment"]["ETCD_DISCOVERY_TOKEN"]) == (5, "tok")
    assert cluster.keys[SIZE][0] == b"3"
    assert call(token="tok", size=5)["changed"] is True
    assert cluster.keys[SIZE][0] == b"5"


def test_the_password_is_nowhere(call: Call) -> None:
    answer = call(size=3, user="finder", password="secret-word", endpoints=["http://n1.example:2379"])
    assert answer["environment"]["ETCD_DISCOVERY_USER"] == "finder"
    assert "ETCD_DISCOVERY_PASSWORD" not in answer["environment"]
    assert "secret-word" not in json.dumps(answer)


def test_looking(cluster: FakeCluster, call: Call) -> None:
    missing = call(discovery_token_info, token="tok")
    assert missing == {
        "changed": False,
        "token": "tok",
        "url": "",
        "exists": False,
        "size": None,
        "registrations": [],
        "full": False,
        "usable": False,
        "problem": "there is no such token",
    }
    call(token="tok", size=1)
    assert call(discovery_token_info, token="tok")["usable"] is True
    cluster.client("n1").put(b"/_etcd/registry/tok/members/a1", b"n1=http://a:2380")
    seen = call(discovery_token_info, token="tok")
    assert (seen["usable"], seen["full"], seen["problem"]) == (False, True, "")
    for member in cluster.members.values():
        member.up = False
    down = call(discovery_token_info, token="tok")
    assert down["failed"] is True
    assert "n1.example" in down["msg"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "size"),
        ({"state": "absent"}, "token"),
        ({"size": 0}, "0 members"),
        ({"size": 3, "token": "a/b"}, "cannot be a discovery token"),
        ({"size": 3, "endpoints": []}, "no registry"),
        ({"size": 3, "protocol": "v1"}, "protocol"),
        ({"size": 3, "protocol": "public"}, "one URL"),
        ({"size": 3, "user": "u"}, "password"),
    ],
)
def test_what_makes_no_sense(cluster: FakeCluster, call: Call, options: Result, told: str) -> None:
    answer = call(**options)
    assert answer["failed"] is True
    assert told in answer["msg"]
    assert cluster.keys == {}

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.quorum.etcd.plugins.module_utils._client import Client
from ansible_collections.quorum.etcd.plugins.module_utils._errors import Unavailable
from ansible_collections.quorum.etcd.plugins.modules import kv
from ansible_collections.quorum.etcd.tests.unit.fakes import FakeCluster, FakeTransport

Result = t.Dict[str, t.Any]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster()
    monkeypatch.setattr(kv, "connect", lambda endpoint, _connection, **_options: fake.connect(endpoint))
    return fake


@pytest.fixture
def call(cluster: FakeCluster, capfd: pytest.CaptureFixture[str]) -> t.Callable[..., Result]:
    def run(**options: t.Any) -> Result:
        options.setdefault("endpoints", [member.url for member in cluster.members.values()])
        with patch_module_args(options), pytest.raises(SystemExit):
            kv.main()
        answer: Result = json.loads(capfd.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run


Call = t.Callable[..., Result]


def value_of(cluster: FakeCluster, key: bytes) -> t.Optional[bytes]:
    return cluster.keys[key][0] if key in cluster.keys else None


def test_present_and_absent(cluster: FakeCluster, call: Call) -> None:
    assert call(key="k", value="v") == {"changed": True, "key": "k", "existed": False}
    assert call(key="k", value="v") == {"changed": False, "key": "k", "existed": True}
    assert value_of(cluster, b"k") == b"v"
    shown = call(key="k", value="w", show_values=True)
    assert (shown["changed"], shown["previous"], shown["value"]) == (True, "v", "w")
    shown = call(key="k", state="absent", show_values=True)
    assert (shown["changed"], shown["previous"], shown["value"]) == (True, "w", None)
    assert call(key="k", state="absent") == {"changed": False, "key": "k", "existed": False}
    assert cluster.keys == {}
    assert call(key="empty", value="")["changed"] is True
    assert call(key="empty", value="")["changed"] is False


def test_what_others_wrote_meanwhile_is_not_deleted_unseen(
    cluster: FakeCluster, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.client("n1").put(b"k", b"v")
    get, values = Client.get, [b"w"]

    def slow(self: Client, key: bytes, **options: t.Any) -> t.Any:
        found = get(self, key, **options)
        if values:
            cluster.client("n1").put(key, values.pop())
        return found

    deleted: t.List[t.Optional[int]] = []
    delete_if = Client.delete_if

    def watched(self: Client, key: bytes, *, mod_revision: int) -> t.Optional[int]:
        deleted.append(delete_if(self, key, mod_revision=mod_revision))
        return deleted[-1]

    monkeypatch.setattr(Client, "get", slow)
    monkeypatch.setattr(Client, "delete_if", watched)
    assert call(key="k", state="absent")["changed"] is True
    assert [one is not None for one in deleted] == [False, True]
    assert cluster.keys == {}


def test_check_mode(cluster: FakeCluster, call: Call) -> None:
    cluster.client("n1").put(b"k", b"v")
    before = dict(cluster.keys)
    for options in (
        {"key": "k", "value": "w"},
        {"key": "new", "value": "w"},
        {"key": "k", "state": "absent"},
        {"key": "", "state": "absent", "prefix": True},
    ):
        assert call(_ansible_check_mode=True, **options)["changed"] is True
    assert call(_ansible_check_mode=True, key="k", value="v")["changed"] is False
    assert cluster.keys == before


def test_the_difference_hides_values(cluster: FakeCluster, call: Call) -> None:
    cluster.client("n1").put(b"k", b"former-secret")
    answer = call(key="k", value="secret-value", _ansible_diff=True)
    assert "secret" not in json.dumps(answer)
    assert answer["diff"]["before"]["k"] != answer["diff"]["after"]["k"]
    assert answer["diff"]["after"]["k"].startswith("12 bytes, sha256 ")
    shown = call(key="k", state="absent", show_values=True, _ansible_diff=True)
    assert shown["diff"] == {"before": {"k": "secret-value"}, "after": {}}


def test_bytes(cluster: FakeCluster, call: Call) -> None:
    shown = call(key="k", value="AP8=", base64=True, show_values=True)
    assert value_of(cluster, b"k") == b"\x00\xff"
    assert shown["value"] == "AP8="
    assert call(key="k", state="absent", base64=True, show_values=True)["previous"] == "AP8="
    refused = call(key="k", value="no base64!", base64=True)
    assert "not in Base64" in refused["msg"]
    assert "no base64!" not in refused["msg"]


def test_a_prefix(cluster: FakeCluster, call: Call) -> None:
    for key in (b"a/1", b"a/2", b"b"):
        cluster.client("n1").put(key, b"v")
    answer = call(key="a/", state="absent", prefix=True, _ansible_diff=True)
    assert (answer["changed"], answer["deleted"]) == (True, ["a/1", "a/2"])
    assert answer["diff"] == {"before": "a/1\na/2\n", "after": ""}
    assert list(cluster.keys) == [b"b"]
    assert call(key="a/", state="absent", prefix=True)["changed"] is False


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"key": "k"}, "value"),
        ({"key": "", "value": "v"}, "empty"),
        ({"key": "k", "value": "v", "prefix": True}, "state=absent"),
        ({"key": "k", "value": "v", "endpoints": []}, "no endpoint"),
    ],
)
def test_what_makes_no_sense(cluster: FakeCluster, call: Call, options: Result, told: str) -> None:
    answer = call(**options)
    assert answer["failed"] is True
    assert told in answer["msg"]
    assert cluster.keys == {}


def test_the_first_endpoint_that_serves(cluster: FakeCluster, call: Call) -> None:
    cluster.members["n1"].up = False
    assert call(key="k", value="v")["changed"] is True
    assert {name for name, _rpc in cluster.asked} == {"n2"}


class Meddling(FakeTransport):
    """Somebody else writes the key just before each of our writes, ``times`` times."""

    times = 1

    def call(self, rpc: str, request: t.Mapping[str, t.Any], *, timeout: t.Optional[float] = None) -> Result:
        if rpc == "KV/Txn" and self.times > 0:
            self.times -= 1
            self._cluster.client("n2").put(b"k", b"theirs")
        return super().call(rpc, request, timeout=timeout)


PARAMS = {"key": "k", "value": "ours", "state": "present", "prefix": False, "base64": False, "show_values": True}


def test_others_that_write_the_same_key(cluster: FakeCluster) -> None:
    transport = Meddling(cluster, "http://n1.example:2379")
    assert kv.converge([Client(transport)], PARAMS, check_mode=False)["changed"] is True
    assert value_of(cluster, b"k") == b"ours"
    transport.times = 100
    with pytest.raises(Unavailable, match="Others"):
        kv.converge([Client(transport)], {**PARAMS, "value": "other"}, check_mode=False)
    assert value_of(cluster, b"k") == b"theirs"

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.quorum.etcd.plugins.module_utils._dns import Answer
from ansible_collections.quorum.etcd.plugins.module_utils._errors import QuorumError
from ansible_collections.quorum.etcd.plugins.modules import srv_info


class FakeResolver:
    """Stands for every resolver; knows one member without TLS."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self.port = port

    def ask(self, name: str, kind: str, timeout: float) -> Answer:
        return {
            ("_etcd-server._tcp.example.com.", "SRV"): Answer(((0, 0, 2380, "n1.example.com"),), 60),
            ("n1.example.com.", "A"): Answer((("192.0.2.1",),), 40),
        }.get((name, kind), Answer())


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(srv_info, "Resolver", FakeResolver)


def run_module(capfd: pytest.CaptureFixture[str], **params: t.Any) -> t.Dict[str, t.Any]:
    with patch_module_args({"domain": "example.com", "resolvers": ["192.0.2.53"], **params}), pytest.raises(SystemExit):
        srv_info.main()
    result: t.Dict[str, t.Any] = json.loads(capfd.readouterr().out)
    return result


def test_tells_all(capfd: pytest.CaptureFixture[str]) -> None:
    result = run_module(capfd, expected=[{"name": "n1", "host": "n1.example.com."}], own_url="http://192.0.2.1:2380")
    assert result["ok"]
    assert result["changed"] is False
    assert result["servers"] == [
        {
            "name": "_etcd-server._tcp.example.com",
            "target": "n1.example.com",
            "port": 2380,
            "priority": 0,
            "weight": 0,
            "ttl": 60,
            "url": "http://n1.example.com:2380",
            "addresses": ["192.0.2.1"],
            "addresses_ttl": 40,
            "aliases": [],
            "system_addresses": None,
        }
    ]
    assert result["own_peer_url"] == "http://n1.example.com:2380"
    assert result["resolvers"] == [{"address": "192.0.2.53", "port": 53, "answered": True, "problem": ""}]


def test_what_is_wrong_is_no_failure(capfd: pytest.CaptureFixture[str]) -> None:
    result = run_module(capfd, expected=[{"name": "n2", "host": "n2.example.com"}])
    assert "failed" not in result
    assert not result["ok"]
    assert result["missing"] == ["n2"]


def test_unless_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    result = run_module(capfd, expected=[{"name": "n2", "host": "n2.example.com"}], wait=True, wait_timeout=0)
    assert result["failed"]
    assert result["msg"].startswith("DNS is not right for example.com. n2 is missing")
    assert result["missing"] == ["n2"]


def test_the_client_scheme_follows_the_servers(capfd: pytest.CaptureFixture[str]) -> None:
    member = {"name": "n1", "host": "n1.example.com", "scheme": "https", "client_port": 2379}
    result = run_module(capfd, expected=[member])
    assert any("_etcd-client-ssl._tcp.example.com" in problem for problem in result["problems"])


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"timeout": 0}, "leaves no time"),
        ({"resolvers": ["dns.example.com"]}, "dns.example.com is no IP address"),
        ({"own_url": "n1"}, "n1 is no peer URL"),
    ],
)
def test_wrong_options(capfd: pytest.CaptureFixture[str], params: t.Dict[str, t.Any], told: str) -> None:
    result = run_module(capfd, **params)
    assert result["failed"]
    assert told in result["msg"]


def test_looks_again_until_nothing_is_wrong() -> None:
    now = [0.0]
    results: t.List[t.Dict[str, t.Any]] = [{"ok": False, "domain": "d", "problems": ["a"]}, {"ok": True}]
    found = srv_info.gather(
        lambda: results.pop(0),
        wait=True,
        wait_timeout=10,
        clock=lambda: now[0],
        sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
    )
    assert found == {"ok": True}
    assert now == [srv_info.PAUSE]


def test_gives_up_in_time() -> None:
    now = [0.0]
    with pytest.raises(QuorumError, match=r"DNS is not right for d\. a") as caught:
        srv_info.gather(
            lambda: {"ok": False, "domain": "d", "problems": ["a"]},
            wait=True,
            wait_timeout=2,
            clock=lambda: now[0],
            sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
        )
    assert now == [2.0]
    assert caught.value.details["problems"] == ["a"]

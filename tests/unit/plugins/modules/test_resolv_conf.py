# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules resolv_conf and resolv_conf_info, on files of a directory."""

from __future__ import annotations

import errno
import functools
import json
import os
import types
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.quorum.etcd.plugins.module_utils._dns import Answer
from ansible_collections.quorum.etcd.plugins.modules import resolv_conf, resolv_conf_info

FORMER = "search lan\nnameserver 192.0.2.53\n"


class FakeResolver:
    """Knows no name, and answers all the same."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = 53

    def ask(self, name: str, kind: str, timeout: float) -> Answer:
        return Answer()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (resolv_conf, resolv_conf_info):
        monkeypatch.setattr(module, "Resolver", FakeResolver)
        monkeypatch.setattr(module, "ResolvConf", functools.partial(module.ResolvConf, root=str(tmp_path)))
    (tmp_path / "etc").mkdir()
    found = tmp_path / "etc" / "resolv.conf"
    found.write_text(FORMER)
    return found


def run(module: types.ModuleType, capfd: pytest.CaptureFixture[str], **params: t.Any) -> t.Dict[str, t.Any]:
    with patch_module_args(params), pytest.raises(SystemExit):
        module.main()
    result: t.Dict[str, t.Any] = json.loads(capfd.readouterr().out)
    return result


def test_there_and_back(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = run(resolv_conf_info, capfd)
    assert (before["kind"], before["managed"], before["upstream"]) == ("file", False, ["192.0.2.53"])
    planned = run(resolv_conf, capfd, nameservers=["127.0.0.1"], _ansible_check_mode=True, _ansible_diff=True)
    assert planned["changed"]
    assert planned["diff"]["before"] == FORMER
    assert path.read_text() == FORMER
    done = run(resolv_conf, capfd, nameservers=["127.0.0.1"])
    assert (done["changed"], done["managed"], done["nameservers"]) == (True, False, ["127.0.0.1", "192.0.2.53"])
    assert path.read_text() == planned["diff"]["after"]
    again = run(resolv_conf, capfd, nameservers=["127.0.0.1"])
    assert (again["changed"], again["managed"]) == (False, True)
    after = run(resolv_conf_info, capfd)
    assert (after["managed"], after["search"], after["upstream"]) == (True, ["lan"], ["192.0.2.53"])
    assert run(resolv_conf, capfd, state="absent")["changed"]
    assert path.read_text() == FORMER
    assert not run(resolv_conf, capfd, state="absent")["changed"]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"nameservers": ["dns.example.com"]}, "The nameserver dns.example.com is no IP address. Write its address."),
        ({"nameservers": ["127.0.0.1"], "prove": ["a.test"]}, "127.0.0.1 has no address for a.test"),
        ({}, "nameservers"),
        ({"nameservers": []}, "There are no nameservers"),
        ({"nameservers": ["127.0.0.1"], "search": ["a b"]}, "'a b' is not one word"),
        ({"nameservers": ["127.0.0.1"], "resolver_options": ["rotate\nnameserver 192.0.2.6"]}, "is not one word"),
        ({"nameservers": ["127.0.0.1"], "search": [""]}, "'' is not one word"),
    ],
)
def test_failures(path: Path, capfd: pytest.CaptureFixture[str], params: t.Dict[str, t.Any], told: str) -> None:
    result = run(resolv_conf, capfd, **params)
    assert result["failed"]
    assert told in result["msg"]
    assert path.read_text() == FORMER


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_disk_that_is_full(
    path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    def full(*_args: t.Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if state == "absent":
        run(resolv_conf, capfd, nameservers=["127.0.0.1"])
    before = path.read_text()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        result = run(resolv_conf, capfd, state=state, nameservers=["127.0.0.1"])
    assert result["failed"]
    assert result["msg"].startswith("/etc/resolv.conf.pending cannot be written: No space left on device.")
    assert result["remedy"] == "Make room on its file system."
    assert path.read_text() == before

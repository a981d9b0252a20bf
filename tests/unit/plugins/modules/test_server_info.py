# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.quorum.etcd.plugins.module_utils import _process, _service
from ansible_collections.quorum.etcd.plugins.module_utils._model import HostSeen, ProcessSeen, ServiceSeen, decode
from ansible_collections.quorum.etcd.plugins.modules import server_info


def call(capfd: pytest.CaptureFixture[str], **options: t.Any) -> t.Dict[str, t.Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        server_info.main()
    answer: t.Dict[str, t.Any] = json.loads(capfd.readouterr().out)
    return answer


def options(directory: Path) -> t.Dict[str, t.Any]:
    return {
        "deployment": "procfile",
        "service": "m1",
        "procfile_dir": str(directory),
        "config_dir": str(directory / "m1"),
        "data_dir": str(directory / "m1" / "data"),
        "release_dir": str(directory / "releases"),
    }


def test_a_blank_host(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = list(tmp_path.iterdir())
    answer = call(capfd, **options(tmp_path))
    assert answer["changed"] is False
    seen = decode(HostSeen, answer["server"])
    assert (seen.data.state, seen.process, seen.local) == ("absent", None, None)
    assert list(tmp_path.iterdir()) == before


def test_it_runs_in_check_mode(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "server" in call(capfd, _ansible_check_mode=True, **options(tmp_path))


def test_a_process_that_may_not_be_seen_is_a_warning(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = ProcessSeen(pid=7, executable="", environment={}, started=1.0)
    runs = ServiceSeen("m1", exists=True, state="active", main_pid=7)
    monkeypatch.setattr(_service.ProcfileService, "seen", lambda _self: runs)
    monkeypatch.setattr(_process, "look", lambda _pid: hidden)
    told: t.List[str] = []
    # What becomes of a warning depends on whether controller code was imported in this process.
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, warning, **_options: told.append(warning))
    answer = call(capfd, **options(tmp_path))
    assert answer["server"]["process"]["executable"] == ""
    assert "Process 7 belongs to another user" in str(told)


def test_wrong_options_say_what_to_do(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    answer = call(capfd, user="root", **options(tmp_path))
    assert answer["failed"]
    assert answer["remedy"] == "Set password."


def test_every_field_is_documented() -> None:
    documented = yaml.safe_load(server_info.RETURN)["server"]["contains"]
    assert _names(HostSeen) == _documented(documented)


def _names(kind: t.Any) -> t.Dict[str, t.Any]:
    """The fields of a dataclass, and of those in it."""
    hints = t.get_type_hints(kind)
    return {field.name: _inner(hints[field.name]) for field in dataclasses.fields(kind)}


def _inner(hint: t.Any) -> t.Dict[str, t.Any]:
    if dataclasses.is_dataclass(hint):
        return _names(hint)
    for argument in t.get_args(hint):
        found = _inner(argument)
        if found:
            return found
    return {}


def _documented(contains: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
    return {name: _documented(entry.get("contains", {})) for name, entry in contains.items()}

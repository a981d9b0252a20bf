# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.quorum.etcd.plugins.module_utils import _proxy
from ansible_collections.quorum.etcd.plugins.module_utils._errors import ServerFailed
from ansible_collections.quorum.etcd.plugins.modules import proxy

Result = t.Dict[str, t.Any]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> t.Callable[..., Result]:
    def run(**options: t.Any) -> Result:
        with patch_module_args(options), pytest.raises(SystemExit):
            proxy.main()
        answer: Result = json.loads(capfd.readouterr().out)
        answer.pop("invocation", None)
        return answer

    return run


Call = t.Callable[..., Result]


def test_started(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[t.Any] = []

    def run(world: _proxy.World, *words: t.Any, **options: t.Any) -> _proxy.Outcome:
        asked.append((world.name, world.dry, words, options))
        return _proxy.Outcome(["define"], None, "unit\n", 7)

    monkeypatch.setattr(proxy, "run", run)
    answer = call(definition="[Service]", listen_address="::1", port=1, timeout=3, _ansible_diff=True)
    assert asked == [("etcd-proxy", False, ("[Service]", ("::1", 1)), {"timeout": 3.0})]
    assert answer == {
        "changed": True,
        "actions": ["define"],
        "pid": 7,
        "diff": {
            "before": "",
            "after": "unit\n",
            "before_header": "etcd-proxy.service",
            "after_header": "etcd-proxy.service",
        },
    }


def test_absent(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "remove", lambda world: _proxy.Outcome(["remove"] if world.dry else [], "unit", None))
    assert call(state="absent") == {"changed": False, "actions": [], "pid": 0}
    assert call(state="absent", _ansible_check_mode=True)["changed"] is True


def test_failures(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_words: t.Any, **_options: t.Any) -> t.NoReturn:
        raise ServerFailed("It did not come up.", remedy="Look.", log=["line"])

    assert "definition" in call()["msg"]
    monkeypatch.setattr(proxy, "run", run)
    answer = call(definition="[Service]")
    assert (answer["failed"], answer["log"], answer["remedy"]) == (True, ["line"], "Look.")

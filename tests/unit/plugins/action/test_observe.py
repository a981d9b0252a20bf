# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from unittest import mock

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar, trust_as_template

from ansible_collections.quorum.etcd.plugins.action.observe import ActionModule

SEEN = {"server": {"system": {"default_address": "192.0.2.11"}}}
VARIABLES = {
    "described": {"name": "etcd_name", "address": "etcd_address"},
    "etcd_name": trust_as_template("{{ inventory_hostname }}"),
    "etcd_address": trust_as_template("{{ __etcd_seen.server.system.default_address }}"),
}


def observe(
    shown: t.Dict[str, t.Any], options: t.Dict[str, t.Any], **variables: t.Any
) -> t.Tuple[t.Dict[str, t.Any], mock.Mock]:
    """What the plugin gives where the module gives ``shown``; and the module, called or not."""
    loader = DataLoader()
    known = {"inventory_hostname": "etcd1", **variables}
    task = Task()
    task.args = options
    plugin = ActionModule(task, mock.Mock(), mock.Mock(), loader, Templar(loader, known), mock.Mock())
    with mock.patch.object(plugin, "_execute_module", return_value=dict(shown)) as module:
        return plugin.run(task_vars=known), module


def test_the_wish_is_evaluated_with_what_was_seen() -> None:
    result, module = observe(SEEN, {"wish": "described", "service": "etcd"}, **VARIABLES)
    assert result == {**SEEN, "wish": {"name": "etcd1", "address": "192.0.2.11"}}
    assert module.call_args.args == ("quorum.etcd.server_info", {"service": "etcd"})


def test_what_an_earlier_look_showed_is_out_of_date() -> None:
    earlier = {"server": {"system": {"default_address": "192.0.2.99"}}}
    result, _module = observe(SEEN, {"wish": "described"}, **VARIABLES, __etcd_seen=earlier)
    assert result["wish"]["address"] == "192.0.2.11"


def test_a_look_that_failed_gives_no_wish() -> None:
    failed = {"failed": True, "msg": "no Python"}
    result, _module = observe(failed, {"wish": "described"}, **VARIABLES)
    assert result == failed


def test_a_wish_that_cannot_be_evaluated_fails() -> None:
    with pytest.raises(AnsibleUndefinedVariable, match="nowhere"):
        observe(SEEN, {"wish": "described"}, **{**VARIABLES, "etcd_name": trust_as_template("{{ nowhere }}")})


def test_what_comes_to_omit_is_left_out() -> None:
    left = {**VARIABLES, "etcd_name": trust_as_template("{{ nowhere | default(omit) }}")}
    result, _module = observe(SEEN, {"wish": "described"}, **left)
    assert result["wish"] == {"address": "192.0.2.11"}


def test_each_variable_is_evaluated_once() -> None:
    drawn = {
        "described": {"name": "etcd_name", "data_dir": "etcd_data_dir"},
        "etcd_name": trust_as_template("{{ 1000000000 | random }}"),
        "etcd_data_dir": trust_as_template("/var/lib/{{ etcd_name }}"),
    }
    wish = observe(SEEN, {"wish": "described"}, **drawn)[0]["wish"]
    assert wish["data_dir"] == f"/var/lib/{wish['name']}"


def test_a_wish_of_what_is_no_variable_is_refused_before_the_look() -> None:
    result, module = observe(
        SEEN, {"wish": "described"}, described={"name": "etcd_nmae", "port": "etcd_name"}, etcd_name=1
    )
    assert result == {"failed": True, "msg": "described names no variables: etcd_nmae. Define them."}
    assert not module.called


@pytest.mark.parametrize("options", [{}, {"wish": "missing"}, {"wish": None}])
def test_a_wish_that_is_not_there_is_refused_before_the_look(options: t.Dict[str, t.Any]) -> None:
    result, module = observe(SEEN, options)
    assert result["failed"] is True
    assert "names no variable" in result["msg"]
    assert not module.called


@pytest.mark.parametrize("hidden", ["********", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"])
def test_a_password_that_hides_what_is_needed_ends_it(hidden: str) -> None:
    seen = {**SEEN, "server": {**SEEN["server"], "path": f"/{hidden}"}, "invocation": {"password": hidden}}
    result, _module = observe(seen, {"wish": "described", "password": "etcd"}, **VARIABLES)
    assert "The password occurs in what the host shows" in result["msg"]
    result, _module = observe(seen, {"wish": "described"}, **VARIABLES)
    assert "failed" not in result, "somebody's comment"

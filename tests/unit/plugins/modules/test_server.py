# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._model import Change
from ansible_collections.quorum.etcd.plugins.module_utils._turn_world import Outcome
from ansible_collections.quorum.etcd.plugins.modules import server

REQUIRED = {
    "release": "/opt/etcd/3.6.16",
    "version": "3.6.16",
    "environment": {"ETCD_NAME": "infra1"},
    "definition": "unit",
}


def params(**options: t.Any) -> t.Dict[str, t.Any]:
    result = ArgumentSpecValidator(**server.server_spec().to_kwargs()).validate({**REQUIRED, **options})
    assert result.error_messages == []
    validated: t.Dict[str, t.Any] = result.validated_parameters
    return validated


def test_defaults_are_careful() -> None:
    order = server.order_of(params())
    assert (order.action, order.gated, order.allow_downtime, order.bootstrap) == ("restart", True, False, None)
    assert (order.data_dir, order.wal_dir, order.member_id) == ("/var/lib/etcd", None, "")


def test_where_the_data_is_follows_the_settings() -> None:
    order = server.order_of(params(environment={"ETCD_DATA_DIR": "/data", "ETCD_WAL_DIR": "/wal"}, data_dir="/x"))
    assert (order.data_dir, order.wal_dir) == ("/data", "/wal")


def test_values_of_yaml_become_what_etcd_reads() -> None:
    order = server.order_of(params(environment={"A": True, "B": 5, "C": None, "D": "x"}))
    assert order.environment == {"A": "true", "B": "5", "C": "", "D": "x"}


def test_secrets_join_the_bootstrap_environment_and_need_it() -> None:
    secrets = {"ETCD_DISCOVERY_PASSWORD": "hunter2"}
    order = server.order_of(params(bootstrap_environment={"A": "1"}, bootstrap_secrets=secrets))
    assert order.bootstrap == {"A": "1", **secrets}
    validator = ArgumentSpecValidator(**server.server_spec().to_kwargs())
    assert validator.validate({**REQUIRED, "bootstrap_secrets": secrets}).error_messages
    assert "hunter2" in validator.validate({**REQUIRED, "bootstrap_secrets": secrets})._no_log_values


@pytest.mark.parametrize("value", ["********-42a9", "http://VALUE_SPECIFIED_IN_NO_LOG_PARAMETER:2379"])
def test_what_ansible_has_hidden_starts_no_server(value: str) -> None:
    with pytest.raises(InvalidInput, match="a password occurs in ETCD_DISCOVERY_TOKEN"):
        server.order_of(params(bootstrap_environment={"A": "1", "ETCD_DISCOVERY_TOKEN": value}))
    secret = {"ETCD_DISCOVERY_PASSWORD": value}
    assert server.order_of(params(bootstrap_environment={}, bootstrap_secrets=secret)).bootstrap == secret


def test_result() -> None:
    outcome = Outcome(actions=["restart etcd"], changes=(Change("A", None, "1"),), member_id="a1", pid=7)
    result = server.result_of(outcome, diff=False)
    assert result["changed"] is True
    assert result["changes"] == [{"key": "A", "before": None, "after": "1"}]
    assert (result["pid"], result["member_id"], result["downtime"], result["notes"]) == (7, "a1", False, [])
    assert "diff" not in result
    assert server.result_of(Outcome(), diff=False)["changed"] is False


def test_diff_is_line_by_line() -> None:
    outcome = Outcome(
        before={"environment": {"B": "1", "A": "x"}, "release": None, "definition": "one"},
        after={"environment": {"B": "2", "A": "x"}, "release": "/opt/etcd/1", "definition": "one\ntwo\n"},
    )
    diff = {one["before_header"]: (one["before"], one["after"]) for one in server.result_of(outcome, diff=True)["diff"]}
    assert diff == {
        "environment": ("A=x\nB=1\n", "A=x\nB=2\n"),
        "release": ("", "/opt/etcd/1\n"),
        "definition": ("one\n", "one\ntwo\n"),
    }
    assert server.result_of(Outcome(), diff=True)["diff"] == []

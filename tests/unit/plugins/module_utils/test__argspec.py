# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import (
    ArgumentSpec,
    connection_of,
    connection_spec,
)
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection

VARIABLES = (
    "ETCDCTL_ENDPOINTS",
    "ETCDCTL_CACERT",
    "ETCDCTL_CERT",
    "ETCDCTL_KEY",
    "ETCDCTL_USER",
    "ETCDCTL_PASSWORD",
)


def test_empty() -> None:
    assert ArgumentSpec().to_kwargs() == {
        "argument_spec": {},
        "required_together": [],
        "required_if": [],
        "required_one_of": [],
        "mutually_exclusive": [],
        "required_by": {},
    }


def test_merged_is_both_and_changes_neither() -> None:
    one = ArgumentSpec(
        {"a": {"type": "str"}, "b": {"type": "str"}},
        required_together=[("a", "b")],
        required_by={"a": ("b",)},
        mutually_exclusive=[("a", "x")],
    )
    two = ArgumentSpec(
        {"b": {"type": "int"}, "c": {"type": "bool"}},
        required_if=[("b", 1, ("c",))],
        required_one_of=[("b", "c")],
        required_by={"a": ("b", "c"), "c": ("b",)},
    )
    before = (one.to_kwargs(), two.to_kwargs())
    assert one.merge(two).to_kwargs() == {
        "argument_spec": {"a": {"type": "str"}, "b": {"type": "int"}, "c": {"type": "bool"}},
        "required_together": [("a", "b")],
        "required_if": [("b", 1, ("c",))],
        "required_one_of": [("b", "c")],
        "mutually_exclusive": [("a", "x")],
        "required_by": {"a": ("b", "c"), "c": ("b",)},
    }
    assert (one.to_kwargs(), two.to_kwargs()) == before


def test_what_was_handed_out_is_nobody_elses() -> None:
    spec = ArgumentSpec({"a": {"type": "str"}}, required_by={"a": ("b",)})
    handed_out = spec.to_kwargs()
    handed_out["argument_spec"].clear()
    handed_out["required_together"].append(("a", "b"))
    handed_out["required_by"].clear()
    assert spec.to_kwargs()["argument_spec"] == {"a": {"type": "str"}}
    assert spec.to_kwargs()["required_together"] == []
    assert spec.to_kwargs()["required_by"] == {"a": ("b",)}


# --- how to talk to etcd ------------------------------------------------------------------------------------------


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., t.Any]:
    """What Ansible makes of options, with these environment variables alone."""

    def validate(environment: t.Mapping[str, str], **options: t.Any) -> t.Any:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        kwargs = connection_spec().to_kwargs()
        validator = ArgumentSpecValidator(kwargs["argument_spec"], required_by=kwargs["required_by"])
        result = validator.validate(options)
        assert result.error_messages == []
        return result

    return validate


def test_connection_by_default(validated: t.Callable[..., t.Any]) -> None:
    params = validated({}).validated_parameters
    assert params["endpoints"] == ["http://127.0.0.1:2379"]
    assert params["transport"] == "auto"
    assert connection_of(params) == Connection()


def test_connection_of_the_environment(validated: t.Callable[..., t.Any]) -> None:
    environment = {
        "ETCDCTL_ENDPOINTS": "http://a:2379,b:2379",
        "ETCDCTL_CACERT": "/ca.crt",
        "ETCDCTL_CERT": "/c.crt",
        "ETCDCTL_KEY": "/c.key",
        "ETCDCTL_USER": "root",
        "ETCDCTL_PASSWORD": "secret",
    }
    params = validated(environment).validated_parameters
    assert params["endpoints"] == ["http://a:2379", "b:2379"]
    assert connection_of(params) == Connection("/ca.crt", "/c.crt", "/c.key", True, "root", "secret", 5.0)
    params = validated(environment, user="other", password="p", endpoints=["http://c:2379"]).validated_parameters
    assert (params["user"], params["password"], params["endpoints"]) == ("other", "p", ["http://c:2379"])


@pytest.mark.parametrize(
    ("environment", "user", "password"),
    [
        ({"ETCDCTL_USER": "root:secret"}, "root", "secret"),
        ({"ETCDCTL_USER": "root:se:cret"}, "root", "se:cret"),
        ({"ETCDCTL_USER": "root:secret", "ETCDCTL_PASSWORD": "other"}, "root", "other"),
        ({"ETCDCTL_USER": "root:"}, "root", ""),
        ({"ETCDCTL_USER": ""}, None, None),
    ],
)
def test_user_and_password_in_one(
    validated: t.Callable[..., t.Any], environment: t.Dict[str, str], user: t.Optional[str], password: t.Optional[str]
) -> None:
    result = validated(environment)
    assert (result.validated_parameters["user"], result.validated_parameters["password"]) == (user, password)
    if password:
        assert password in result._no_log_values
        assert password not in str(user)


@pytest.mark.parametrize(
    "options",
    [{"user": "root"}, {"timeout": 0}, {"timeout": -1.5}, {"timeout": float("inf")}, {"timeout": float("nan")}],
    ids=("no password", "no time", "less than none", "no end", "nothing"),
)
def test_connection_that_cannot_be(validated: t.Callable[..., t.Any], options: t.Dict[str, t.Any]) -> None:
    with pytest.raises(InvalidInput):
        connection_of(validated({}, **options).validated_parameters)

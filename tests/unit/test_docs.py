# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is documented is what there is: options that modules share, the action group, the variables of roles.

Sanity compares each module's own options with its documentation.
"""

from __future__ import annotations

import ast
import inspect
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.parameters import env_fallback

from ansible_collections.quorum.etcd.plugins.doc_fragments import _connection
from ansible_collections.quorum.etcd.plugins.module_utils._argspec import connection_spec

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.parent for path in ROOT.glob("roles/*/defaults"))

Json = t.Dict[str, t.Any]

TYPES: t.Dict[str, t.Tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "raw": (object,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "list": (list,),
    "dict": (dict,),
}


def load(text: str) -> Json:
    loaded = yaml.safe_load(text)
    assert isinstance(loaded, dict)
    return loaded


def documentation(path: Path) -> t.Dict[str, str]:
    """The blocks of text that a module is documented by, without running it."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.targets[0], ast.Name)
        ):
            found[node.targets[0].id] = str(node.value.value)
    return found


def by_name(path: Path) -> str:
    return path.stem if path.suffix else path.name


def environment_variables(option: Json) -> t.Set[str]:
    """Those that stand in for an option: named by the fallback, or read by a function of our own."""
    fallback = option.get("fallback")
    if fallback is None:
        return set()
    function, names = fallback
    return set(names) if function is env_fallback else set(re.findall(r'"(ETCDCTL_\w+)"', inspect.getsource(function)))


SPEC: Json = connection_spec().to_kwargs()["argument_spec"]
FRAGMENT: Json = load(_connection.ModuleDocFragment.DOCUMENTATION)["options"]


def test_connection_options_are_all_documented() -> None:
    assert list(FRAGMENT) == list(SPEC)


@pytest.mark.parametrize("name", SPEC)
@pytest.mark.parametrize("key", ["type", "elements", "default", "choices", "required"])
def test_connection_option(name: str, key: str) -> None:
    assert FRAGMENT[name].get(key) == SPEC[name].get(key)


@pytest.mark.parametrize("name", SPEC)
def test_connection_option_tells_its_environment_variables(name: str) -> None:
    told = re.findall(r"E\((\w+)\)", str(FRAGMENT[name]["description"]))
    assert set(told) == environment_variables(SPEC[name])


def fragments(path: Path) -> t.Set[str]:
    """Those of ours that a module's documentation takes in; names of parts know no case."""
    named = load(documentation(path)["DOCUMENTATION"])["extends_documentation_fragment"]
    return {name.removeprefix("quorum.etcd.").lower() for name in named}


@pytest.mark.parametrize("path", MODULES, ids=by_name)
def test_module_is_documented(path: Path) -> None:
    blocks = documentation(path)
    told = load(blocks["DOCUMENTATION"])
    assert told["module"] == path.stem
    attributes = {"check_mode", "diff_mode", "idempotent"}
    assert "_attributes.info_module" in fragments(path) or attributes <= set(told["attributes"])
    assert load(blocks["RETURN"])
    examples = yaml.safe_load(blocks["EXAMPLES"])
    assert any(f"quorum.etcd.{path.stem}" in task for task in examples)
    assert all(task["name"] for task in examples)


def test_action_group_holds_who_takes_connection_options() -> None:
    group = load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]["etcd"]
    assert group == [path.stem for path in MODULES if "_connection" in fragments(path)]


@pytest.mark.parametrize("path", MODULES, ids=by_name)
def test_action_group_is_told(path: Path) -> None:
    assert ("_attributes.actiongroup_etcd" in fragments(path)) == ("_connection" in fragments(path))


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_role_variables_are_all_described(role: Path) -> None:
    """Every default is an option of an entry point, with the same default, and the other way round."""
    defaults = load((role / "defaults" / "main.yml").read_text())
    specs = load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    options = {name: option for spec in specs.values() for name, option in spec["options"].items()}
    assert {name for name, option in options.items() if not option.get("required")} == set(defaults)
    for name, value in defaults.items():
        option = options[name]
        assert option["description"], name
        templated = isinstance(value, str) and "{{" in value
        if not templated:
            assert isinstance(value, TYPES[option.get("type", "str")]), f"{name}: {value!r}"
            assert option.get("default", value) == value, name


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_role_has_a_readme(role: Path) -> None:
    assert (role / "README.md").read_text().startswith("# ")

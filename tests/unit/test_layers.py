# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arrows between the parts of the collection go down only, and decisions are pure.

A new file of module_utils is one of the "doing" layer until it is named here.
"""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
PREFIX = "ansible_collections.quorum.etcd.plugins."

WORDS = {
    "_address",
    "_argspec",
    "_definition",
    "_envfile",
    "_errors",
    "_flags",
    "_image_name",
    "_model",
    "_records",
    "_server_log",
    "_transport",
    "_version",
}
DECISIONS = {
    "_entry",
    "_membership",
    "_overview",
    "_plan",
    "_plan_case",
    "_plan_outage",
    "_plan_quorum",
    "_plan_versions",
    "_plan_words",
    "_report",
    "_settings",
    "_settings_table",
    "_srv",
    "_status",
    "_wish",
    "_wish_check",
    "_wish_read",
    "_zone",
}
ACTING = {"_membership_change", "_retire", "_turn", "_turn_back", "_turn_gate"}

# What a layer may import of the collection, from the bottom up.
MAY_KNOW = {
    "words": {"words"},
    "decisions": {"words", "decisions"},
    "doing": {"words", "doing"},
    "acting": {"words", "decisions", "doing", "acting"},
    "wiring": {"words", "decisions", "doing", "acting", "wiring"},
    "documentation": set[str](),
}

# Nothing of these reads or changes the world.
PURE = {
    "__future__",
    "abc",
    "base64",
    "binascii",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "ipaddress",
    "itertools",
    "json",
    "math",
    "operator",
    "posixpath",
    "re",
    "shlex",
    "string",
    "struct",
    "textwrap",
    "typing",
    "unicodedata",
    "urllib.parse",
}

# Options have the fallbacks to environment variables that etcdctl has.
EXCEPTIONS = {"_argspec": {"os", "ansible.module_utils.common.parameters", "ansible.module_utils.errors"}}


class Import(t.NamedTuple):
    """An import as it is written, and the line where it is."""

    name: str
    line: int


def layer_of(path: Path) -> str:
    kind = path.relative_to(PLUGINS).parts[0]
    if kind == "doc_fragments":
        return "documentation"
    if kind != "module_utils":
        return "wiring"
    if path.stem in WORDS:
        return "words"
    if path.stem in ACTING:
        return "acting"
    return "decisions" if path.stem in DECISIONS else "doing"


def imports_of(source: str) -> list[Import]:
    """All imports, wherever they stand, except those for the type checker alone."""
    found: list[Import] = []
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
        elif isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            inside = module == PREFIX + "module_utils"
            found += [Import(f"{module}.{alias.name}" if inside else module, node.lineno) for alias in node.names]
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return sorted(set(found), key=lambda one: one.line)


def file_of(name: str) -> Path:
    """The file that an absolute name of the collection stands for."""
    return PLUGINS.joinpath(*name[len(PREFIX) :].split(".")).with_suffix(".py")


def faults(path: Path, source: str) -> list[str]:
    """What a file imports and should not."""
    layer = layer_of(path)
    found = []
    for name, line in imports_of(source):
        if name.startswith(PREFIX):
            other = layer_of(file_of(name))
            fault = "" if other in MAY_KNOW[layer] else f"{layer} may not know {other}"
        elif name.startswith("."):
            fault = "imports are absolute"
        elif layer in {"words", "decisions"}:
            allowed = PURE | EXCEPTIONS.get(path.stem, set())
            fault = "" if name in allowed or name.split(".")[0] in allowed else f"{layer} are pure"
        elif layer == "doing" and name.startswith("ansible.module_utils.basic"):
            fault = "AnsibleModule is for modules"
        else:
            fault = ""
        if fault:
            found.append(f"{path.relative_to(PLUGINS.parent)}:{line}: {name}: {fault}")
    return found


SOURCES = sorted(PLUGINS.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_arrows_go_down(path: Path) -> None:
    assert faults(path, path.read_text()) == []


def test_no_circles() -> None:
    """Within a layer, too, nothing needs itself."""
    graph = {
        path: {file_of(name) for name, _line in imports_of(path.read_text()) if name.startswith(PREFIX)}
        for path in SOURCES
    }
    while graph:
        free = {path for path, needs in graph.items() if not needs & graph.keys()}
        assert free, f"these import each other: {', '.join(sorted(path.name for path in graph))}"
        graph = {path: needs for path, needs in graph.items() if path not in free}


def test_named_files_exist() -> None:
    present = {path.stem for path in (PLUGINS / "module_utils").glob("*.py")}
    assert present >= WORDS | DECISIONS


def test_module_utils_are_private() -> None:
    assert [path.name for path in (PLUGINS / "module_utils").glob("*.py") if not path.name.startswith("_")] == []


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("module_utils/_plan.py", "import os", "_plan.py:1: os: decisions are pure"),
        ("module_utils/_plan.py", "def f():\n    from time import sleep", "_plan.py:2: time: decisions are pure"),
        ("module_utils/_plan.py", "from urllib.request import urlopen", "urllib.request: decisions are pure"),
        ("module_utils/_plan.py", f"from {PREFIX}module_utils._client import x", "decisions may not know doing"),
        ("module_utils/_model.py", f"from {PREFIX}module_utils import _plan", "words may not know decisions"),
        ("module_utils/_client.py", f"import {PREFIX}module_utils._plan", "doing may not know decisions"),
        ("module_utils/_client.py", f"from {PREFIX}modules.server import main", "doing may not know wiring"),
        ("module_utils/_client.py", "from ansible.module_utils.basic import AnsibleModule", "is for modules"),
        ("modules/server.py", "from ..module_utils import _plan", "imports are absolute"),
        ("doc_fragments/_x.py", f"from {PREFIX}module_utils._model import x", "may not know words"),
    ],
)
def test_faults_are_found(name: str, source: str, told: str) -> None:
    (fault,) = faults(PLUGINS / name, source)
    assert told in fault


def test_imports_for_the_type_checker_are_free() -> None:
    source = "import typing as t\nif t.TYPE_CHECKING:\n    import os\n"
    assert faults(PLUGINS / "module_utils" / "_plan.py", source) == []

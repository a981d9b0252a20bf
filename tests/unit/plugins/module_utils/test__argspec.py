# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import ArgumentSpec


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

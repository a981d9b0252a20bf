# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quorum.etcd.plugins.module_utils._envfile import (
    LARGEST,
    changes,
    parse,
    parse_raw,
    redact,
    render_quoted,
    render_raw,
)
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._model import Change

KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40)
ENVIRONMENTS = st.dictionaries(KEYS, VALUES | st.text("\"'\\$` #;=x", max_size=12), max_size=6)


@given(ENVIRONMENTS)
def test_what_is_written_is_read_back(environment: t.Dict[str, str]) -> None:
    assert parse(render_quoted(environment)) == environment


@given(st.text(max_size=60) | st.text("A=\"'\\ \n\t#;$", max_size=30))
def test_reading_refuses_nothing_and_settles(text: str) -> None:
    found = parse(text)
    writable = {
        key: value for key, value in found.items() if not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in value)
    }
    assert parse(render_quoted(writable)) == writable


def test_shells_read_the_same(tmp_path: Path) -> None:
    values = [
        "",
        "plain",
        "a b",
        "'",
        '"',
        "\\",
        "$HOME",
        "`id`",
        "$(id)",
        "a'b\"c\\d",
        "~",
        "*",
        "#x",
        "é😀",
        "%h",
        "\\n",
        "!!",
    ]
    environment = {f"ETCD_V{number}": value for number, value in enumerate(values)}
    file = tmp_path / "etcd.env"
    file.write_text(render_quoted(environment), encoding="utf-8")
    show = "import os; print({k: v for k, v in os.environ.items() if k.startswith('ETCD_V')})"
    read = subprocess.run(
        ["sh", "-c", 'set -a; . "$1"; exec "$2" -c "$3"', "sh", file, sys.executable, show],
        capture_output=True,
        check=True,
        text=True,
        env={"LC_ALL": "C.UTF-8"},
    )
    assert eval(read.stdout) == environment


def test_the_two_ways_of_writing() -> None:
    environment = {"ETCD_B": 'say "$HOME"', "ETCD_A": "http://[::1]:2379,a=b", "ETCD_C": ""}
    assert render_quoted(environment) == 'ETCD_A=http://[::1]:2379,a=b\nETCD_B="say \\"\\$HOME\\""\nETCD_C=\n'
    assert render_raw(environment) == 'ETCD_A=http://[::1]:2379,a=b\nETCD_B=say "$HOME"\nETCD_C=\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1", {"A": "1"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("# A=1\n; B=2\nC=3\n", {"C": "3"}),
        ("  # A=1\n  C=3\n", {"C": "3"}),
        ("# continued \\\nA=1\nB=2\n", {"B": "2"}),
        ("A=1 # no comment\n", {"A": "1 # no comment"}),
        ("A =  1  \n", {"A": "1"}),
        ("A=one \\\n two\n", {"A": "one  two"}),
        ("A='it is \"so\" $x'\n", {"A": 'it is "so" $x'}),
        ("A='back\\slash'\n", {"A": "back\\slash"}),
        ("A='two\nlines'\n", {"A": "two\nlines"}),
        ('A="\\"\\\\\\$\\`\\n"\n', {"A": '"\\$`\\n'}),
        ('A="joined \\\nup"\n', {"A": "joined up"}),
        ("A='one'\"two\"three\n", {"A": "onetwothree"}),
        ("A='one' 'two'\n", {"A": "onetwo"}),
        ('A=x"y"\n', {"A": 'x"y"'}),
        ("A=x\\ \n", {"A": "x "}),
        ('A=\\"x\n', {"A": '"x'}),
        ("A='never closed\nB=2\n", {"A": "never closed\nB=2\n"}),
        ('A="ends with \\', {"A": "ends with "}),
        ("A=\nB=\n", {"A": "", "B": ""}),
        ("no assignment\nB=2\n", {"B": "2"}),
        ("1A=1\nA-B=1\nexport C=1\n=D\n", {}),
        ("A=bell\x07\nB=tab\tin\n", {"B": "tab\tin"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("", {}),
    ],
)
def test_files_of_other_hands(text: str, expected: t.Dict[str, str]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("ETCD_A", "a\nb", "control characters"),
        ("ETCD_A", "a\tb", "control characters"),
        ("ETCD_A", "a\x00b", "control characters"),
        ("ETCD_A", "\x7f", "control characters"),
        ("ETCD_A", "\udcff", "control characters"),
        ("ETCD-A", "a", "cannot be the name"),
        ("", "a", "cannot be the name"),
        ("1A", "a", "cannot be the name"),
        ("ETCD_A", "a" * (LARGEST - len("ETCD_A=")), "longer than an environment can hold"),
        ("ETCD_A", "é" * (LARGEST // 2), "longer than an environment can hold"),
    ],
)
@pytest.mark.parametrize("render", [render_quoted, render_raw])
def test_what_no_file_can_hold(render: t.Callable[[t.Dict[str, str]], str], key: str, value: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as caught:
        render({key: value})
    assert value not in str(caught.value) or len(value) < 2


def test_the_longest_value_starts_a_program() -> None:
    longest = "a" * (LARGEST - len("ETCD_A=") - 1)
    assert render_raw({"ETCD_A": longest}) == f"ETCD_A={longest}\n"
    subprocess.run(["true"], env={"ETCD_A": longest}, check=True)
    with pytest.raises(OSError, match="too long"):
        subprocess.run(["true"], env={"ETCD_A": longest + "a"}, check=True)


def test_changes_leave_out_what_only_a_first_start_reads() -> None:
    before = {
        "ETCD_INITIAL_CLUSTER": "a=http://a:1",
        "ETCD_INITIAL_CLUSTER_STATE": "new",
        "ETCD_INITIAL_CLUSTER_TOKEN": "t",
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": "http://a:1",
        "ETCD_DISCOVERY_TOKEN": "t",
        "ETCD_LOG_LEVEL": "info",
        "ETCD_METRICS": "basic",
        "ETCD_PRE_VOTE": "true",
    }
    after = {"ETCD_LOG_LEVEL": "debug", "ETCD_PRE_VOTE": "true", "ETCD_INITIAL_ELECTION_TICK_ADVANCE": "false"}
    assert changes(before, after) == (
        Change("ETCD_INITIAL_ELECTION_TICK_ADVANCE", None, "false"),
        Change("ETCD_LOG_LEVEL", "info", "debug"),
        Change("ETCD_METRICS", "basic", None),
    )
    assert len(changes(before, after, ignore=())) == 8


def test_secrets_are_digests_and_stay_comparable() -> None:
    seen = redact({"ETCD_DISCOVERY_PASSWORD": "s3cret", "ETCD_NAME": "a"})
    assert "s3cret" not in str(seen)
    assert seen["ETCD_NAME"] == "a"
    assert redact(seen) == seen
    assert changes(seen, {"ETCD_DISCOVERY_PASSWORD": "s3cret", "ETCD_NAME": "a"}, ignore=()) == ()
    (change,) = changes(seen, {"ETCD_DISCOVERY_PASSWORD": "other", "ETCD_NAME": "a"}, ignore=())
    assert "other" not in str(change)
    assert "sha256:x" not in str(redact({"ETCD_DISCOVERY_PASSWORD": "sha256:x"}))


@given(ENVIRONMENTS)
def test_what_engines_read_is_what_was_written(environment: t.Dict[str, str]) -> None:
    assert parse_raw(render_raw(environment)) == environment


def test_comments_in_a_raw_file_are_left_out() -> None:
    assert parse_raw("# a=b\n  # c=d\nA=1\nnothing\nB=#2\n") == {"A": "1", "B": "#2"}

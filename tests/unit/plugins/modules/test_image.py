# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module with a program that answers as an engine; engines themselves are in the scenarios docker and podman."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.quorum.etcd.plugins.modules import image

NAME = "gcr.io/etcd-development/etcd:v3.6.16"
ID = "sha256:" + "75" * 32
# Images are files that hold their ID, called as the image with / and : replaced.
ENGINE = f"""#!/bin/sh
cd "$(dirname "$0")/images" || exit 9
echo "$*" >>../calls
for last; do :; done
file=$(printf %s "$last" | tr /: __)
case "$1" in
image) cat "$file" 2>/dev/null || exit 1 ;;
pull) case "$last" in mirror*) echo {ID} >"$file" ;; *) echo "Error: no route to host" >&2; exit 125 ;; esac ;;
tag) echo "$2" >"$file" ;;
run) echo "etcd Version: 3.6.16" ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "images").mkdir()
    program = tmp_path / "docker"
    program.write_text(ENGINE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path / "calls"


def run_module(capfd: pytest.CaptureFixture[str], **params: t.Any) -> t.Dict[str, t.Any]:
    with patch_module_args({"engine": "docker", "name": NAME, **params}), pytest.raises(SystemExit):
        image.main()
    result: t.Dict[str, t.Any] = json.loads(capfd.readouterr().out)
    return result


def test_brings_it_tells_it_and_leaves_it(calls: Path, capfd: pytest.CaptureFixture[str]) -> None:
    params = {"sources": [NAME, "mirror.example/etcd"], "version": "3.6.16", "_ansible_diff": True}
    planned = run_module(capfd, **params, _ansible_check_mode=True)
    assert (planned["changed"], planned["id"], planned["diff"]["after"]) == (True, "", "to be fetched\n")
    assert "pull" not in calls.read_text()

    made = run_module(capfd, **params)
    assert (made["changed"], made["id"], made["source"]) == (True, ID, "mirror.example/etcd:v3.6.16")
    assert [attempt["reason"] for attempt in made["attempts"]] == ["cannot be fetched (no route to host)", ""]
    assert (made["diff"]["before"], made["diff"]["after"]) == ("", f"{ID}\n")

    again = run_module(capfd, **params)
    assert (again["changed"], again["id"], again["source"], again["attempts"]) == (False, ID, "", [])
    assert again["diff"]["before"] == again["diff"]["after"]


def test_says_why_no_source_gave_it(calls: Path, capfd: pytest.CaptureFixture[str]) -> None:
    failed = run_module(capfd, sources=["file:///no/such.tar", "other.example/etcd"])
    assert failed["msg"].startswith(f"No source gave docker the image {NAME}: file:///no/such.tar is not there; ")
    assert [attempt["ok"] for attempt in failed["attempts"]] == [False, False]
    assert failed["remedy"]


@pytest.mark.usefixtures("calls")
def test_what_is_wrong_is_said_before_anything_is_done(capfd: pytest.CaptureFixture[str]) -> None:
    failed = run_module(capfd, name="Etcd", timeout=0)
    assert "name: 'Etcd' is not the name of an image" in failed["msg"]
    assert "timeout: 0 s leave no time" in failed["msg"]

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.quorum.etcd.plugins.module_utils._release import arch_of
from ansible_collections.quorum.etcd.plugins.modules import release

ARCH = arch_of(os.uname().machine)
TOP = f"etcd-v3.6.16-linux-{ARCH}"
NAMES = ("etcd", "etcdctl", "etcdutl")


def run_module(capfd: pytest.CaptureFixture[str], **params: t.Any) -> t.Dict[str, t.Any]:
    with patch_module_args(params), pytest.raises(SystemExit):
        release.main()
    result: t.Dict[str, t.Any] = json.loads(capfd.readouterr().out)
    return result


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A directory laid out like upstream, whose programs are scripts that say their version."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name in NAMES:
            content = f"#!/bin/sh\necho '{name} version: 3.6.16'\n".encode()
            member = tarfile.TarInfo(f"{TOP}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    folder = tmp_path / "mirror" / "v3.6.16"
    folder.mkdir(parents=True)
    (folder / f"{TOP}.tar.gz").write_bytes(raw.getvalue())
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(raw.getvalue()).hexdigest()}  {TOP}.tar.gz\n")
    return folder.parent


def test_makes_it_tells_it_and_leaves_it(
    tmp_path: Path, mirror: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: t.List[str] = []
    # What becomes of a warning depends on whether controller code was imported in this process.
    monkeypatch.setattr(AnsibleModule, "warn", lambda _self, warning, **_options: told.append(warning))
    dest = tmp_path / "opt" / "3.6.16"
    params = {
        "version": "3.6.16",
        "dest": str(dest),
        "sources": [f"file://{tmp_path}/none", f"file://{mirror}"],
        "_ansible_diff": True,
    }
    diff = {
        "before_header": str(dest),
        "after_header": str(dest),
        "before": {"version": "", "files": []},
        "after": {"version": "3.6.16", "files": list(NAMES)},
    }

    planned = run_module(capfd, **params, _ansible_check_mode=True)
    assert planned["changed"]
    assert planned["diff"] == diff
    assert not dest.parent.exists()

    made = run_module(capfd, **params)
    assert made["changed"]
    assert made["diff"] == diff
    assert made["binaries"] == {name: str(dest / name) for name in NAMES}
    assert [attempt["ok"] for attempt in made["attempts"]] == [False, True]
    assert "did not give etcd 3.6.16: " in str(told)
    assert made["source"] == f"file://{mirror}"
    checksum = (mirror / "v3.6.16" / "SHA256SUMS").read_text().split()[0]
    assert (made["version"], made["dest"], made["arch"], made["checksum"]) == ("3.6.16", str(dest), ARCH, checksum)

    for check_mode in (True, False):
        again = run_module(capfd, **params, _ansible_check_mode=check_mode)
        assert not again["changed"]
        assert again["diff"]["before"] == again["diff"]["after"] == diff["after"]
        assert again["attempts"] == []
        assert {key: again[key] for key in ("source", "checksum", "binaries")} == {
            key: made[key] for key in ("source", "checksum", "binaries")
        }


def test_fails_with_a_sentence_for_each_source(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sources = [f"file://{tmp_path}/none", "http://user:geheim@127.0.0.1:1/etcd"]
    result = run_module(capfd, version="3.6.16", dest=str(tmp_path / "opt"), sources=sources)
    assert result["failed"]
    assert f"file://{tmp_path}/none: no checksum is known" in result["msg"]
    assert "http://127.0.0.1:1/etcd: SHA256SUMS cannot be fetched (Connection refused)." in result["msg"]
    assert [attempt["ok"] for attempt in result["attempts"]] == [False, False]
    assert result["remedy"]
    assert "geheim" not in json.dumps(result)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"version": "3.6"}, "'3.6' is not an exact version"),
        ({"timeout": 0}, "no time to wait"),
        ({"checksums": {"3.6.16": {"amd64": "x"}}}, "is not a sha256"),
    ],
)
def test_wrong_options(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], params: t.Dict[str, t.Any], told: str
) -> None:
    result = run_module(capfd, **{"version": "3.6.16", "dest": str(tmp_path / "opt"), **params})
    assert result["failed"]
    assert told in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_a_program_of_another_kind_fails_the_source_not_the_module(
    tmp_path: Path, mirror: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """``run_command`` ends a module when a program cannot be executed, unless it is told not to."""
    archive = tmp_path / "bad" / "v3.6.16" / f"{TOP}.tar.gz"
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        for name in NAMES:
            member = tarfile.TarInfo(f"{TOP}/{name}")
            member.size = 4
            tar.addfile(member, io.BytesIO(b"\x7fELF"))
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    (archive.parent / "SHA256SUMS").write_text(f"{checksum}  {TOP}.tar.gz\n")
    sources = [f"file://{tmp_path}/bad", f"file://{mirror}"]
    result = run_module(capfd, version="3.6.16", dest=str(tmp_path / "opt" / "x"), sources=sources)
    assert result["changed"]
    assert "its etcd does not run here" in result["attempts"][0]["reason"]
    assert result["attempts"][1]["ok"]


def test_documentation_has_the_defaults() -> None:
    import yaml

    documented = yaml.safe_load(release.DOCUMENTATION)["options"]
    spec = release.argument_spec().to_kwargs()["argument_spec"]
    assert documented.keys() == spec.keys()
    for name, option in spec.items():
        assert {key: documented[name].get(key) for key in ("type", "elements", "default", "required")} == {
            key: option.get(key) for key in ("type", "elements", "default", "required")
        }

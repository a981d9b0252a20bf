# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._instance import Files
from ansible_collections.quorum.etcd.plugins.module_utils._model import ServiceSeen
from ansible_collections.quorum.etcd.plugins.module_utils._retire import retire, stop


class FakeService:
    """A service that remembers what was asked of it, in order with the moves of directories."""

    name = "etcd"

    def __init__(self, *, running: bool = True, enabled: bool = True, defined: bool = True) -> None:
        self.running, self.enabled, self.defined = running, enabled, defined
        self.asked: t.List[str] = []

    def seen(self) -> ServiceSeen:
        state = "active" if self.running else "inactive"
        return ServiceSeen("etcd", self.defined, self.enabled, state, 4711 if self.running else 0)

    def definition(self) -> t.Optional[str]:
        return "[Unit]\n" if self.defined else None

    def define(self, definition: t.Optional[str]) -> bool:
        self.asked.append("define")
        self.defined = definition is not None
        return True

    def enable(self) -> bool:
        raise NotImplementedError

    def disable(self) -> bool:
        self.asked.append("disable")
        self.enabled = False
        return True

    def start(self) -> None:
        raise NotImplementedError

    def restart(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        self.asked.append("stop")
        self.running = False

    def log(self, *, since: float, lines: int = 20) -> t.Tuple[str, ...]:
        raise NotImplementedError


@pytest.fixture(name="files")
def files_fixture(tmp_path: Path) -> Files:
    files = Files(str(tmp_path / "etc"))
    files.write_environment({"ETCD_NAME": "a"})
    files.write_etcdctl({"ETCDCTL_API": "3"})
    files.link_release("/opt/etcd/3.6.16")
    return files


def test_stop_is_done_once() -> None:
    service = FakeService()
    assert stop(service, check_mode=False) == ["stop etcd"]
    assert stop(service, check_mode=False) == []
    assert service.asked == ["stop"]


def test_a_looping_unit_is_stopped_too() -> None:
    service = FakeService(running=False)
    service.seen = lambda: ServiceSeen("etcd", True, True, "activating", 0)  # type: ignore[method-assign]
    assert stop(service, check_mode=False) == ["stop etcd"]


def test_retire_leaves_a_blank_host(files: Files, tmp_path: Path) -> None:
    service = FakeService()

    def move(path: str) -> str:
        service.asked.append(f"move {path}")
        assert files.seen().environment is not None
        return f"{path}.aside"

    done = retire(service, files, ["/data", "/wal"], move, check_mode=False)
    assert service.asked == ["stop", "disable", "move /data", "move /wal", "define"]
    assert done[2:4] == ["move /data aside to /data.aside", "move /wal aside to /wal.aside"]
    assert list((tmp_path / "etc").iterdir()) == []
    assert retire(service, files, [], move, check_mode=False) == []


def test_check_mode_touches_nothing(files: Files, tmp_path: Path) -> None:
    service = FakeService()
    dry = Files(files.config_dir, dry=True)
    done = retire(service, dry, ["/data"], pytest.fail, check_mode=True)
    assert [action.split()[0] for action in done] == ["stop", "disable", "move", "remove", "remove"]
    assert service.asked == []
    assert len(list((tmp_path / "etc").iterdir())) == 3

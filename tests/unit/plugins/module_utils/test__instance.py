# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import re
import stat
import subprocess
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _instance as instance
from ansible_collections.quorum.etcd.plugins.module_utils._errors import DataError, Refused, ServiceError
from ansible_collections.quorum.etcd.plugins.module_utils._instance import Files, Owner


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "etcd"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def fill(files: Files, value: str = "1", release: str = "/opt/etcd/1") -> None:
    files.write_environment({"ETCD_NAME": value})
    files.link_release(release)


def test_files_are_written_once_and_with_their_modes(config: Path) -> None:
    files = Files(str(config))
    before = os.umask(0o077)
    try:
        assert files.write_environment({"A": "x y"})
        assert files.write_bootstrap({"B": "2"})
        assert files.write_etcdctl({"C": "3"})
        assert files.link_release("/opt/etcd/1")
    finally:
        os.umask(before)
    assert not files.write_environment({"A": "x y"})
    assert not files.write_bootstrap({"B": "2"})
    assert not files.write_etcdctl({"C": "3"})
    assert not files.link_release("/opt/etcd/1")
    assert files.link_release("/opt/etcd/2")
    assert (config / "etcd.env").read_text() == 'A="x y"\n'
    assert os.readlink(config / "release") == "/opt/etcd/2"
    modes = {name: mode_of(config / name) for name in ("etcd.env", "bootstrap.env", "etcdctl.env")}
    assert modes == {"etcd.env": 0o640, "bootstrap.env": 0o600, "etcdctl.env": 0o644}
    assert mode_of(config) == mode_of(config.parent) == 0o755
    assert sorted(path.name for path in config.iterdir()) == ["bootstrap.env", "etcd.env", "etcdctl.env", "release"]


def test_two_runs_do_not_act_on_an_instance_at_once(config: Path) -> None:
    first, second = Files(str(config)), Files(str(config))
    with first.alone(1, make=True):
        with pytest.raises(Refused, match=re.escape(f"{config} (waited 0 s)")), second.alone(0, make=True):
            raise AssertionError("not alone")
        with Files(str(config), dry=True).alone(0, make=True):
            pass  # who only looks, waits for nobody
    with second.alone(0):
        assert list(config.iterdir()) == []


def test_a_run_waits_for_one_that_ends(config: Path) -> None:
    order: t.List[str] = []
    with contextlib.ExitStack() as first:
        first.enter_context(Files(str(config)).alone(0, make=True))

        def second() -> None:
            with Files(str(config)).alone(60):
                order.append("second")

        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]


@pytest.mark.parametrize("dry", [False, True])
def test_what_is_not_there_is_not_made_to_be_held(config: Path, dry: bool) -> None:
    with Files(str(config), dry=dry).alone(0, make=dry):
        assert not config.exists()


def test_what_fails_while_alone_is_not_taken_for_the_lock(config: Path) -> None:
    with pytest.raises(FileNotFoundError), Files(str(config)).alone(0, make=True):
        raise FileNotFoundError("elsewhere")


def test_a_wrong_mode_is_a_difference(config: Path) -> None:
    files = Files(str(config))
    files.write_bootstrap({"B": "2"})
    (config / "bootstrap.env").chmod(0o644)
    assert files.write_bootstrap({"B": "2"})
    assert mode_of(config / "bootstrap.env") == 0o600


def test_what_a_shell_takes_from_etcdctl_env(config: Path) -> None:
    values = {"ETCDCTL_ENDPOINTS": "http://a:1,http://b:2", "ETCDCTL_USER": "it's $HOME \"`"}
    Files(str(config)).write_etcdctl(values)
    script = f'. "{config}/etcdctl.env"; env -0'
    out = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, env={}).stdout
    got = dict(pair.split("=", 1) for pair in out.split("\0") if "=" in pair)
    assert {key: got[key] for key in values} == values


def test_seen_redacts_and_says_what_is_missing(config: Path) -> None:
    files = Files(str(config))
    empty = files.seen()
    assert (empty.environment, empty.bootstrap, empty.release, empty.former) == (None, None, None, False)
    fill(files)
    files.write_bootstrap({"ETCD_DISCOVERY_PASSWORD": "hunter2"})
    files.keep_former(definition="unit")
    seen = files.seen()
    assert seen.environment == {"ETCD_NAME": "1"}
    assert seen.release == "/opt/etcd/1"
    assert seen.former
    assert "hunter2" not in repr(seen)
    assert files.drop_bootstrap()
    assert not files.drop_bootstrap()
    assert files.seen().bootstrap is None


def test_former_is_kept_put_back_and_dropped(config: Path) -> None:
    files = Files(str(config))
    fill(files, "old", "/opt/etcd/1")
    assert files.keep_former(definition="unit 1", version="3.6.14")
    fill(files, "new", "/opt/etcd/2")
    assert not files.keep_former(definition="unit 2", version="3.6.16")

    former = files.put_back()

    assert not former.blank
    assert (former.definition, former.version, former.release) == ("unit 1", "3.6.14", "/opt/etcd/1")
    assert former.began > 0
    assert (config / "etcd.env").read_text() == "ETCD_NAME=old\n"
    assert files.release() == "/opt/etcd/1"
    assert files.former() == former
    assert mode_of(config / "former") == 0o700
    assert files.drop_former()
    assert not files.drop_former()
    assert files.former() is None
    assert sorted(path.name for path in config.iterdir()) == ["etcd.env", "release"]


def test_an_empty_former_says_that_there_was_nothing(config: Path) -> None:
    files = Files(str(config))
    files.keep_former(definition=None)
    fill(files)
    assert not files.keep_former(definition="unit")
    former = files.former()
    assert former is not None
    assert former.blank
    with pytest.raises(DataError, match="nothing to put back"):
        files.put_back()


def test_dry_files_tell_and_write_nothing(config: Path) -> None:
    dry = Files(str(config), dry=True)
    assert dry.write_environment({"A": "1"})
    assert dry.write_bootstrap({"A": "1"})
    assert dry.link_release("/x")
    assert dry.keep_former(definition=None)
    assert not dry.drop_bootstrap()
    assert not dry.drop_former()
    dry.sweep()
    assert not config.exists()
    files = Files(str(config))
    fill(files)
    files.write_bootstrap({"A": "1"})
    files.keep_former(definition=None)
    assert dry.drop_bootstrap()
    assert dry.drop_former()
    assert not dry.write_environment({"ETCD_NAME": "1"})
    assert sorted(path.name for path in config.iterdir()) == ["bootstrap.env", "etcd.env", "former", "release"]


def test_sweep_takes_only_what_a_killed_run_left(config: Path) -> None:
    files = Files(str(config))
    fill(files)
    left = [config / ".etcd.env.x1", config / ".former.y2", config / ".former.3.old", config / ".release.4"]
    left[0].write_text("half")
    left[1].mkdir()
    left[2].mkdir()
    (left[2] / "etcd.env").write_text("")
    left[3].symlink_to("/opt")
    (config / ".mine").write_text("")
    (config / "notes").write_text("")
    files.sweep()
    assert sorted(path.name for path in config.iterdir()) == [".mine", "etcd.env", "notes", "release"]


def test_what_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    files = Files(str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"Cannot (read|write) .*file/etcd\.env: Not a directory"):
        files.write_environment({"A": "1"})


# --- directories and users ----------------------------------------------------------------------------------------


class Me(Owner):
    """One that may not change ownership, also when the tests run as root."""

    mine = True


@pytest.mark.parametrize("mode", [None, 0o755, 0o700])
def test_a_directory_is_made_private(tmp_path: Path, mode: t.Optional[int]) -> None:
    path = tmp_path / "a" / "b"
    if mode is not None:
        path.mkdir(parents=True)
        path.chmod(mode)
    wrong = instance.wrong_with_directory(str(path), Me("u", "g"))
    assert bool(wrong) is (mode != 0o700)
    instance.make_directory(str(path), Me("u", "g"))
    assert mode_of(path) == 0o700
    assert instance.wrong_with_directory(str(path), Me("u", "g")) == ""


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    assert instance.wrong_with_directory(str(tmp_path / "x"), Me("u", "g")) == "not a directory"


def test_ownership_goes_down_and_the_directory_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data"
    (path / "member").mkdir(parents=True, mode=0o700)
    (path / "member" / "db").write_text("")
    calls: t.List[t.Tuple[str, int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "lchown", lambda name, uid, gid: calls.append((name, uid, gid)))
    monkeypatch.setattr(os, "chown", lambda name, uid, gid: calls.append((name, uid, gid)))
    monkeypatch.setattr(Owner, "ids", lambda _self: (4711, 4712))
    assert instance.wrong_with_directory(str(path), Owner("u", "g")).startswith(("mode", "owner"))
    instance.make_directory(str(path), Owner("u", "g"))
    assert calls == [(str(name), 4711, 4712) for name in (path / "member", path / "member" / "db", path)]


def test_a_missing_parent_is_made_for_the_owner_and_one_that_is_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: t.List[str] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda name, *_ids: calls.append(name))
    monkeypatch.setattr(Owner, "ids", lambda _self: (4711, 4712))
    instance.make_directory(f"{tmp_path}/srv/wal/etcd/", Owner("u", "g"))
    assert calls[0] == str(tmp_path / "srv" / "wal")
    assert str(tmp_path / "srv") not in calls
    assert [mode_of(tmp_path / "srv" / name) for name in ("wal", "wal/etcd")] == [0o755, 0o700]
    calls.clear()
    instance.make_directory(str(tmp_path / "srv" / "wal" / "other"), Owner("u", "g"))
    assert calls == [str(tmp_path / "srv" / "wal" / "other")]


@pytest.mark.parametrize(("uid", "allowed"), [(0, True), (4711, False)])
def test_only_a_link_of_roots_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, allowed: bool
) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to("there")
    really = os.lstat

    def lstat(path: t.Any, **options: t.Any) -> os.stat_result:
        seen = list(really(path, **options))
        seen[4] = uid
        return os.stat_result(seen)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "lstat", lstat)
    monkeypatch.setattr(os, "chown", lambda *_args: None)
    monkeypatch.setattr(Owner, "ids", lambda _self: (4711, 4712))
    if allowed:
        instance.make_directory(str(tmp_path / "link"), Owner("u", "g"))
    else:
        with pytest.raises(DataError, match="is a link, and not root's"):
            instance.make_directory(str(tmp_path / "link"), Owner("u", "g"))
    assert mode_of(tmp_path / "there") == (0o700 if allowed else 0o755)


@pytest.mark.parametrize(
    ("owner", "home", "text"),
    [
        (Owner("etcd", "etcd"), "/var/lib/etcd", 'u etcd - "etcd" /var/lib/etcd\n'),
        (Owner("etcd", "db"), "/var/lib/etcd", 'g db -\nu etcd -:db "etcd" /var/lib/etcd\n'),
        (Owner("etcd", "etcd"), "/with blank", 'u etcd - "etcd" -\n'),
    ],
)
def test_the_user_is_made_by_sysusers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Owner, home: str, text: str
) -> None:
    calls: t.List[t.List[str]] = []

    def run(args: t.List[str], **options: t.Any) -> t.Tuple[int, str, str]:
        calls.append(args)
        return 0, "", ""

    monkeypatch.setattr(Owner, "missing", lambda _self: not calls)
    owner.create(run, home=home, sysusers_dir=str(tmp_path / "sysusers.d"))
    assert (tmp_path / "sysusers.d" / "etcd.conf").read_text() == text
    assert calls == [["systemd-sysusers", str(tmp_path / "sysusers.d" / "etcd.conf")]]


def test_a_user_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    def run(args: t.List[str], **options: t.Any) -> t.Tuple[int, str, str]:
        return 1, "", "no such luck"

    with pytest.raises(ServiceError, match="no such luck"):
        Owner("etcd", "etcd").create(run, home="/x", sysusers_dir=str(tmp_path))
    assert not list(tmp_path.iterdir())


# --- containers ---------------------------------------------------------------------------------------------------

IMAGE = "quay.io/coreos/etcd:v3.6.14"
ID = "sha256:" + "5f" * 32
SPECIAL = {"ETCD_NAME": "a b", "ETCD_X": "$x \"y\" 'z' #"}


def contained(config: Path, *, dry: bool = False) -> Files:
    return Files(str(config), dry=dry, container=lambda _name: f"{ID} 999:997")


def test_a_container_is_written_by_the_id_of_its_image(config: Path) -> None:
    files = contained(config)
    assert files.link_release(IMAGE)
    assert (config / "container.env").read_text() == (
        f"QUORUM_IMAGE={IMAGE}\nQUORUM_IMAGE_ID={ID}\nQUORUM_USER=999:997\n"
    )
    assert files.seen().release == IMAGE
    assert files.release() == f"{IMAGE} {ID} 999:997"
    assert not files.link_release(IMAGE)
    assert not contained(config, dry=True).link_release(IMAGE)
    assert contained(config, dry=True).link_release("quay.io/coreos/etcd:v3.6.16")


def test_its_environment_is_written_as_engines_read_it(config: Path) -> None:
    files = contained(config)
    files.write_environment(SPECIAL)
    assert (config / "etcd.env").read_text() == "ETCD_NAME=a b\nETCD_X=$x \"y\" 'z' #\n"
    assert files.seen().environment == SPECIAL
    assert not files.write_environment(SPECIAL)


def test_a_container_is_put_back_as_it_was_whatever_its_name_stands_for_by_then(config: Path) -> None:
    files = contained(config)
    files.write_environment(SPECIAL)
    files.link_release(IMAGE)
    files.keep_former(definition="unit", version="3.6.14")
    later = Files(str(config), container=lambda _name: "sha256:" + "75" * 32 + " 999:997")
    assert later.link_release(IMAGE)
    later.put_back()
    assert later.release() == f"{IMAGE} {ID} 999:997"


@pytest.mark.parametrize("first", ["/opt/etcd/3.6.14", IMAGE])
def test_a_host_has_a_release_or_an_image_never_both(config: Path, first: str) -> None:
    """Going from a unit to a container and back: each turn can be put back."""
    second = IMAGE if first.startswith("/") else "/opt/etcd/3.6.14"
    files = contained(config)
    files.write_environment({})
    files.link_release(first)
    files.keep_former(definition="unit")
    files.link_release(second)
    assert files.seen().release == second
    assert (config / "release").is_symlink() != (config / "container.env").exists()
    files.put_back()
    assert files.seen().release == first
    assert (config / "release").is_symlink() != (config / "container.env").exists()
    files.clear()
    assert sorted(path.name for path in config.iterdir()) == []

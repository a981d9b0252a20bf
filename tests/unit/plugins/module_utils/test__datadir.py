# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``fixtures/wal`` holds the beginning of a real log of each version: a member of three that waits for the others."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import tempfile
import typing as t
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.quorum.etcd.plugins.module_utils import _datadir
from ansible_collections.quorum.etcd.plugins.module_utils._errors import DataError

_RECORDED = Path(__file__).resolve().parents[2] / "fixtures" / "wal"
_FACTS = json.loads((_RECORDED / "recorded.json").read_text())
_FIRST = "0000000000000000-0000000000000000.wal"
_SECOND = "0000000000000001-0000000000000005.wal"
_NOW = 1763964000.0  # 2025-11-24T06:00:00Z


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes((number & 0x7F | 0x80,))
        number >>= 7
    return out + bytes((number,))


def record(kind: int, data: t.Optional[bytes] = None, checksum: int = 0) -> bytes:
    body = b"\x08" + varint(kind) + b"\x10" + varint(checksum)
    if data is not None:
        body += b"\x1a" + varint(len(data)) + data
    padding = -len(body) % 8
    length = len(body) | ((0x80 | padding) << 56 if padding else 0)
    return length.to_bytes(8, "little") + body + bytes(padding)


def begin(member: int = 0x1F, cluster: int = 0xF1) -> bytes:
    metadata = b"\x08" + varint(member) + b"\x10" + varint(cluster)
    return record(4) + record(1, metadata, _datadir._crc32c(metadata, 0))


def entry(index: int, *, payload: int = 0) -> bytes:
    return record(2, b"\x08\x00\x10\x02\x18" + varint(index) + b"\x22" + varint(payload) + b"x" * payload)


def snapshot(index: int) -> bytes:
    return record(5, b"\x08" + varint(index) + b"\x10\x01")


def write(directory: Path, *segments: bytes) -> str:
    wal = directory / "member" / "wal"
    wal.mkdir(parents=True)
    for name, text in zip((_FIRST, _SECOND), segments):
        (wal / name).write_bytes(text)
    return str(directory)


@pytest.mark.parametrize("version", sorted(_FACTS))
def test_a_real_log(tmp_path: Path, version: str) -> None:
    path = write(tmp_path, (_RECORDED / f"{version}.wal").read_bytes())
    seen = _datadir.look(path, last_index=True)
    assert seen.initialised
    assert seen.problem == ""
    assert {key: getattr(seen, key) for key in _FACTS[version]} == _FACTS[version]
    assert _datadir.look(path).last_index is None


@pytest.mark.parametrize(
    ("segments", "last_index"),
    [
        ([begin()], 0),
        ([begin() + entry(1) + entry(2)], 2),
        ([begin() + entry(1) + entry(2) + entry(3) + entry(2)], 2),
        ([begin() + entry(1) + entry(2, payload=70_000) + entry(3)], 3),
        ([begin() + entry(1) + bytes(8) + entry(2)], 1),
        ([begin() + entry(1) + entry(2)[:-8]], 1),
        ([begin() + entry(1) + entry(2)[:5]], 1),
        ([begin() + entry(1) + bytes(500), begin() + entry(2)], 2),
        ([begin() + entry(1) + snapshot(100)], 100),
        ([begin() + entry(1) + snapshot(100) + entry(101)], 101),
        ([begin() + entry(200) + snapshot(100)], 200),
        ([begin() + entry(1) + record(3, b"\x08\x02\x10\x05\x18\x09")], 1),
    ],
    ids=[
        "nothing", "in a row", "overwritten", "large", "ends with zeroes", "torn", "torn in its length", "two files",
        "received a snapshot", "and went on", "made a snapshot", "hard state",
    ],
)  # fmt: skip
def test_the_last_index(tmp_path: Path, segments: t.List[bytes], last_index: int) -> None:
    seen = _datadir.look(write(tmp_path, *segments), last_index=True)
    assert (seen.problem, seen.last_index) == ("", last_index)


def test_ids_are_written_as_etcdctl_does(tmp_path: Path) -> None:
    seen = _datadir.look(write(tmp_path, begin(0x00AB, 0xFEDCBA9876543210)))
    assert (seen.member_id, seen.cluster_id) == ("ab", "fedcba9876543210")


@pytest.mark.parametrize(
    ("segments", "problem"),
    [
        ([b""], "is empty: etcd does not start from it."),
        ([begin() + entry(1), b""], "is empty: etcd does not start from it."),
        ([b"garbage, and more of it"], "does not begin as a write-ahead log does."),
        ([bytes(64)], "does not begin as a write-ahead log does."),
        ([record(4)], "does not begin as a write-ahead log does."),
        ([record(4) + record(1, b"\x08\x01\x10\x02", 99)], "the checksum of its metadata does not match."),
    ],
)
def test_a_log_that_cannot_be_read_is_a_log(tmp_path: Path, segments: t.List[bytes], problem: str) -> None:
    seen = _datadir.look(write(tmp_path, *segments), last_index=True)
    assert seen.state == "initialised"
    assert problem in seen.problem
    assert (seen.member_id, seen.last_index) == ("", None)


@given(
    at=st.integers(0, 479), value=st.integers(0, 255), keep=st.integers(0, 480), version=st.sampled_from(sorted(_FACTS))
)
@example(at=0, value=0, keep=480, version="3.6.16")
def test_damage_never_gives_a_wrong_identity(at: int, value: int, keep: int, version: str) -> None:
    text = bytearray((_RECORDED / f"{version}.wal").read_bytes())
    text[at] = value
    with tempfile.TemporaryDirectory() as directory:
        seen = _datadir.look(write(Path(directory), bytes(text[:keep])), last_index=True)
    assert seen.initialised
    right = (_FACTS[version]["member_id"], _FACTS[version]["cluster_id"])
    assert (seen.member_id, seen.cluster_id) == right or (seen.problem and not seen.member_id)


@given(st.binary(max_size=300))
def test_garbage_is_never_an_error(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        seen = _datadir.look(write(Path(directory), begin() + text), last_index=True)
    assert (seen.member_id, seen.problem) == ("1f", "")


@pytest.mark.parametrize(
    ("made", "state"),
    [
        ([], "empty"),
        (["lost+found/"], "empty"),
        ([".aside-20251124T060000Z/member/wal/"], "empty"),
        (["member/"], "incomplete"),
        (["member/snap/db"], "incomplete"),
        (["member/wal/"], "incomplete"),
        (["member/wal/0.tmp"], "incomplete"),
        (["proxy/cluster"], "incomplete"),
        ([f"member/wal/{_FIRST}.broken"], "incomplete"),
        ([f"member/wal/{_FIRST}"], "initialised"),
    ],
)
def test_the_state(tmp_path: Path, made: t.List[str], state: str) -> None:
    for name in made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_bytes(b"")
    assert _datadir.look(str(tmp_path)).state == state


def test_nothing_there(tmp_path: Path) -> None:
    seen = _datadir.look(str(tmp_path / "a" / "b"))
    assert (seen.state, seen.problem) == ("absent", "")


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    assert _datadir.look(str(tmp_path / "data")).state == "incomplete"


def test_a_log_of_its_own_directory(tmp_path: Path) -> None:
    write(tmp_path / "other", begin())
    wal = str(tmp_path / "other" / "member" / "wal")
    seen = _datadir.look(str(tmp_path / "data"), wal_path=wal)
    assert (seen.state, seen.member_id, seen.wal_path) == ("initialised", "1f", wal)


def test_what_may_not_be_read_counts_as_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> t.List[str]:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "listdir", refuse)
    seen = _datadir.look(str(tmp_path))
    assert seen.state == "initialised"
    assert seen.problem == f"{tmp_path}/member/wal cannot be read: Permission denied."


def test_the_newest_snapshot(tmp_path: Path) -> None:
    path = write(tmp_path, begin())
    snaps = tmp_path / "member" / "snap"
    snaps.mkdir()
    assert _datadir.look(path).snapshot_index is None
    for name in (
        "0000000000000002-000000000000000a.snap",
        "0000000000000001-00000000000000ff.snap",
        "0000000000000003-0000000000000fff.snap.broken",
        "db",
    ):
        (snaps / name).write_bytes(b"")
    assert _datadir.look(path).snapshot_index == 255


# --- what is left of etcd 2's API ---


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def v2_request(method: bytes, path: bytes, value: bytes = b"{}") -> bytes:
    """As etcd writes it: all fields in their order, set or not."""
    return b"\x08" + varint(0x7E57) + field(2, method) + field(3, path) + field(4, value) + b"\x28\x00\x32\x00"


def normal(index: int, body: bytes, *, kind: int = 0) -> bytes:
    return record(2, b"\x08" + varint(kind) + b"\x10\x02\x18" + varint(index) + field(4, body))


PUBLISH = v2_request(b"PUT", b"/0/members/8211f1d0f64f3269/attributes")
RAISE = v2_request(b"PUT", b"/0/version", b"3.5.0")
# a key, and what looks like a request inside its value
V3_PUT = b"\x08\x07" + field(4, field(1, b"key") + field(2, PUBLISH))


def tree(**children: t.Any) -> t.Dict[str, t.Any]:
    return {"Path": "/", "Value": "", "Children": children or None}


def snap(directory: Path, index: int, root: t.Optional[t.Dict[str, t.Any]] = None, *, text: bytes = b"") -> None:
    place = directory / "member" / "snap"
    place.mkdir(exist_ok=True)
    store = {"Root": root or tree(**{"0": tree(members=tree()), "1": tree()}), "CurrentVersion": 2}
    whole = b"\x08\x01" + field(2, field(1, json.dumps(store).encode()) + field(2, b"\x10" + varint(index)))
    (place / f"{1:016x}-{index:016x}.snap").write_bytes(text or whole)


def v2(path: str) -> t.Tuple[t.Optional[int], str, bool]:
    seen = _datadir.look(path, v2_requests=True)
    assert seen.problem == ""
    words = "reads" * seen.v2_reads + "writes" * seen.v2_writes
    return seen.v2_index, words, seen.v2_keys


@pytest.mark.parametrize(
    ("segments", "index", "content"),
    [
        ([begin() + entry(1)], 0, ""),
        ([begin() + normal(1, V3_PUT)], 0, ""),
        ([begin() + normal(1, PUBLISH) + normal(2, RAISE) + normal(3, V3_PUT)], 2, ""),
        ([begin() + normal(1, PUBLISH), begin() + normal(5, PUBLISH) + normal(6, V3_PUT)], 5, ""),
        ([begin() + normal(1, PUBLISH, kind=1)], 0, ""),
        ([begin() + normal(3, field(2, PUBLISH))], 3, ""),
        ([begin() + normal(3, v2_request(b"PUT", b"/1/foo"))], 3, "writes"),
        ([begin() + normal(3, v2_request(b"DELETE", b"/0/members/8211f1d0f64f3269/attributes"))], 3, "writes"),
        ([begin() + normal(3, v2_request(b"SYNC", b"")) + normal(4, RAISE)], 4, "reads"),
        ([begin() + normal(3, v2_request(b"QGET", b"")) + normal(4, v2_request(b"POST", b"/1/a"))], 4, "readswrites"),
        ([begin() + normal(3, v2_request(b"PUT", b"/0/version/3"))], 3, "writes"),
        ([begin() + normal(3, v2_request(b"PUT", b"/1/" + b"x" * 900, b"x" * 70_000))], 3, "writes"),
    ],
    ids=[
        "none", "in a value", "its own", "two files", "of another kind", "wrapped", "a key", "no put", "sync", "both",
        "below its own", "long",
    ],
)  # fmt: skip
def test_requests_of_the_old_api(tmp_path: Path, segments: t.List[bytes], index: int, content: str) -> None:
    path = write(tmp_path, *segments)
    assert v2(path) == (index, content, False)
    assert _datadir.look(path).v2_index is None


def test_a_snapshot_hides_what_came_before(tmp_path: Path) -> None:
    key = v2_request(b"PUT", b"/1/foo")
    path = write(tmp_path, begin() + normal(3, key) + snapshot(3) + normal(4, PUBLISH))
    assert v2(path) == (4, "writes", False)
    snap(tmp_path, 3)
    assert v2(path) == (4, "", False)


def test_a_snapshot_that_the_log_does_not_know_hides_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, begin() + normal(3, PUBLISH) + snapshot(3) + normal(4, PUBLISH))
    snap(tmp_path, 9)
    assert v2(path)[0] == 4
    snap(tmp_path, 3)
    assert v2(path)[0] == 4


@pytest.mark.parametrize(
    ("root", "content"),
    [
        (tree(**{"0": tree(members=tree(a=tree())), "1": tree()}), False),
        (tree(**{"0": tree(), "1": tree(foo=tree())}), True),
        (tree(**{"0": tree(), "2": tree(enabled=tree(), users=tree(), roles=tree())}), False),
        (tree(**{"0": tree(), "2": tree(users=tree(root=tree()))}), True),
        (tree(**{"0": tree(), "3": tree(), "_hidden": tree(foo=tree())}), False),
        (tree(**{"0": tree(), "3": tree(foo=tree())}), True),
        (tree(), False),
    ],
)
def test_keys_of_the_old_api_in_a_snapshot(tmp_path: Path, root: t.Dict[str, t.Any], *, content: bool) -> None:
    path = write(tmp_path, begin() + entry(1) + snapshot(7))
    snap(tmp_path, 7, root)
    assert v2(path) == (0, "", content)


@pytest.mark.parametrize("text", [b"garbage", b"\x08\x01", field(2, field(1, b"[]")), field(2, field(1, b"{}"))])
def test_a_snapshot_that_is_none(tmp_path: Path, text: bytes) -> None:
    path = write(tmp_path, begin() + snapshot(7))
    snap(tmp_path, 7, text=text)
    assert "is not a snapshot as etcd writes it" in _datadir.look(path, v2_requests=True).problem


# --- moving aside -------------------------------------------------------------------------------------------------


def test_moved_beside_with_its_time(tmp_path: Path) -> None:
    path = write(tmp_path / "etcd", begin())
    assert _datadir.move_aside(path + "/", now=_NOW) == f"{path}.aside-20251124T060000Z"
    assert _datadir.look(path).state == "absent"
    assert _datadir.look(f"{path}.aside-20251124T060000Z").member_id == "1f"
    shutil.copytree(f"{path}.aside-20251124T060000Z", path)
    assert _datadir.move_aside(path, now=_NOW) == f"{path}.aside-20251124T060000Z-2"


def test_nothing_to_move(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert _datadir.move_aside(str(tmp_path / "absent"), now=_NOW) is None
    assert _datadir.move_aside(str(tmp_path / "empty"), now=_NOW) is None
    assert sorted(os.listdir(tmp_path)) == ["empty"]


def test_a_link_keeps_its_disk(tmp_path: Path) -> None:
    write(tmp_path / "disk", begin())
    (tmp_path / "disk" / "lost+found").mkdir()
    link = tmp_path / "etcd"
    link.symlink_to("disk")
    assert _datadir.move_aside(str(link), now=_NOW) == f"{link}/.aside-20251124T060000Z"
    assert link.is_symlink()
    assert sorted(os.listdir(link)) == [".aside-20251124T060000Z", "lost+found"]
    assert _datadir.look(str(link)).state == "empty"
    assert _datadir.look(f"{link}/.aside-20251124T060000Z").member_id == "1f"
    assert _datadir.move_aside(str(link), now=_NOW) is None


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV])
def test_a_mount_point_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    path = write(tmp_path / "etcd", begin())
    rename = os.rename

    def refuse(source: str, target: str) -> None:
        if source == path:
            raise OSError(number, "no")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    assert _datadir.move_aside(path, now=_NOW) == f"{path}/.aside-20251124T060000Z"
    assert _datadir.look(path).state == "empty"


def test_a_move_that_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", source)

    path = write(tmp_path / "etcd", begin())
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(DataError, match="etcd cannot be moved aside: Permission denied"):
        _datadir.move_aside(path, now=_NOW)
    assert _datadir.look(path).member_id == "1f"


def test_data_that_is_open(tmp_path: Path) -> None:
    assert not _datadir.is_held(str(tmp_path))
    database = tmp_path / "member" / "snap" / "db"
    database.parent.mkdir(parents=True)
    database.touch()
    assert not _datadir.is_held(str(tmp_path))
    with database.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert _datadir.is_held(str(tmp_path))
    assert not _datadir.is_held(str(tmp_path))


# --- at the edges ---------------------------------------------------------------------------------------------------


def test_a_log_whose_first_files_are_gone(tmp_path: Path) -> None:
    """etcd removes files that snapshots have made needless: checksums go on from those of the last one."""
    metadata = b"\x08" + varint(0x1F) + b"\x10" + varint(0xF1)
    begun = record(4, checksum=0xABCD) + record(1, metadata, _datadir._crc32c(metadata, 0xABCD))
    seen = _datadir.look(write(tmp_path, begun + entry(9)))
    assert (seen.problem, seen.member_id, seen.cluster_id) == ("", "1f", "f1")


def test_the_last_index_of_a_log_that_has_just_been_cut(tmp_path: Path) -> None:
    """A file that has no entries yet says nothing of those before it."""
    seen = _datadir.look(write(tmp_path, begin() + entry(1) + entry(9), begin()), last_index=True)
    assert (seen.problem, seen.last_index) == ("", 9)

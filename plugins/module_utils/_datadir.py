# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd's data directory: what is in it, whose it is, and moving it out of the way. Private to this collection.

A write-ahead log (``member/wal/SEQUENCE-INDEX.wal``) is a row of frames: eight bytes of length, little-endian, then a
protobuf record of type, checksum and data. The lower 56 bits of the length count the record; when the top bit is set,
bits 56 to 58 count the bytes of padding after it. A length of zero ends what was written: files are allocated ahead.
Every file begins with a checksum record and the metadata record, which holds member and cluster ID.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import time
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._errors import DataError
from ansible_collections.quorum.etcd.plugins.module_utils._model import DataSeen

_METADATA, _ENTRY, _CHECKSUM, _SNAPSHOT = 1, 2, 4, 5
_HEAD = 512  # of a record: enough for all fields but an entry's own data
_ASIDE = ".aside-"


def look(
    path: str, *, wal_path: t.Optional[str] = None, last_index: bool = False, v2_requests: bool = False
) -> DataSeen:
    """What is at ``path``; the WAL is in ``wal_path`` where that is given, else in ``member/wal``.

    ``last_index`` has all of the log read, entry by entry; ``v2_requests`` what comes after the newest snapshot, and
    that snapshot. Whatever cannot be read counts as ``initialised``, with the
    ``problem``: only what was seen to be empty may be treated so.
    """
    wal = wal_path or os.path.join(path, "member", "wal")
    try:
        state = _state(path, wal)
    except OSError as error:
        return DataSeen(path=path, wal_path=wal, state="initialised", problem=_unreadable(error))
    if state != "initialised":
        return DataSeen(path=path, wal_path=wal, state=state)
    member_id = cluster_id = problem = ""
    index = None
    snapshot = None
    v2: t.Tuple[t.Optional[int], bool, bool, bool] = (None, False, False, False)
    try:
        member_id, cluster_id = _identity(wal)
        if last_index:
            index = _last_index(wal)
        snapshot = _newest_snapshot(path)
        if v2_requests:
            v2 = _v2_requests(path, wal)
    except DataError as error:
        problem = str(error)
    except OSError as error:
        problem = _unreadable(error)
    return DataSeen(
        path=path,
        wal_path=wal,
        state="initialised",
        member_id=member_id,
        cluster_id=cluster_id,
        last_index=index,
        snapshot_index=snapshot,
        problem=problem,
        v2_index=v2[0],
        v2_reads=v2[1],
        v2_writes=v2[2],
        v2_keys=v2[3],
    )


def is_held(path: str) -> bool:
    """Whether a process has the data open: etcd locks its database."""
    try:
        with open(os.path.join(path, "member", "snap", "db"), "rb") as database:
            fcntl.flock(database, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def move_aside(path: str, *, now: float) -> t.Optional[str]:
    """Rename a directory to ``PATH.aside-YYYYmmddTHHMMSSZ``; the new path, or nothing when there was nothing in it.

    A mount point cannot be renamed, and a symbolic link would leave the disk it stands for: there, what is inside
    moves into ``PATH/.aside-YYYYmmddTHHMMSSZ``, which ``look`` does not count.

    :raises DataError: when it cannot be moved; nothing is ever deleted.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    path = path.rstrip("/") or "/"
    try:
        if not os.path.lexists(path) or (os.path.isdir(path) and not _content(path)):
            return None
        if not os.path.islink(path) and not os.path.ismount(path):
            target = _unused(f"{path}{_ASIDE}{stamp}")
            try:
                os.rename(path, target)
            except OSError as error:
                if error.errno not in {errno.EBUSY, errno.EXDEV}:
                    raise
            else:
                return target
        target = _unused(os.path.join(path, f"{_ASIDE}{stamp}"))
        names = _content(path)
        os.mkdir(target, 0o700)
        for name in names:
            os.rename(os.path.join(path, name), os.path.join(target, name))
    except OSError as error:
        raise DataError(
            f"{path} cannot be moved aside: {error.strerror}.",
            remedy="Become root." if os.geteuid() else "Move it away by hand, or free its name.",
        ) from error
    return target


def _state(path: str, wal: str) -> str:
    # etcd itself asks for no more than one file with this ending.
    if any(name.endswith(".wal") for name in _list(wal)):
        return "initialised"
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    if not os.path.isdir(path):
        return "incomplete"
    return "incomplete" if _content(path) else "empty"


def _list(path: str) -> t.List[str]:
    try:
        return sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _content(path: str) -> t.List[str]:
    return [name for name in _list(path) if name != "lost+found" and not name.startswith(_ASIDE)]


def _unused(path: str) -> str:
    number, found = 1, path
    while os.path.lexists(found):
        number += 1
        found = f"{path}-{number}"
    return found


def _unreadable(error: OSError) -> str:
    return f"{error.filename} cannot be read: {error.strerror}."


def _segments(wal: str) -> t.List[str]:
    return [os.path.join(wal, name) for name in _list(wal) if name.endswith(".wal")]


def _newest_snapshot(path: str) -> t.Optional[int]:
    return max(_snapshots(path), default=None)


def _snapshots(path: str) -> t.Dict[int, str]:
    """The raft snapshots by their index."""
    directory = os.path.join(path, "member", "snap")
    found = (re.match(r"[0-9a-f]{16}-([0-9a-f]{16})\.snap\Z", name) for name in _list(directory))
    return {int(match.group(1), 16): os.path.join(directory, match.string) for match in found if match}


# --- the log ------------------------------------------------------------------------------------------------------


def _identity(wal: str) -> t.Tuple[str, str]:
    """Member and cluster ID of the first file, its checksum verified."""
    segments = _segments(wal)
    for segment in segments:
        if os.path.getsize(segment) == 0:
            raise DataError(f"{segment} is empty: etcd does not start from it.")
    frames = _frames(segments[0])
    checksum, metadata = next(frames, {}), next(frames, {})
    if checksum.get(1, 0) != _CHECKSUM or metadata.get(1, 0) != _METADATA:
        raise DataError(f"{segments[0]} does not begin as a write-ahead log does.")
    data = metadata.get(3, b"")
    if not isinstance(data, bytes) or _crc32c(data, _number(checksum.get(2))) != _number(metadata.get(2)):
        raise DataError(f"{segments[0]} is damaged: the checksum of its metadata does not match.")
    ids = _fields(data)
    return format(_number(ids.get(1)), "x"), format(_number(ids.get(2)), "x")


def _last_index(wal: str) -> int:
    """The raft index the log ends with: that of the last entry, as a later entry replaces all from its index on."""
    last = 0
    for segment in _segments(wal):
        for record in _frames(segment):
            data = record.get(3)
            if not isinstance(data, bytes):
                continue
            if record.get(1) == _ENTRY:
                last = _number(_fields(data).get(3))
            elif record.get(1) == _SNAPSHOT:
                last = max(last, _number(_fields(data).get(1)))
    return last


# --- what is left of etcd 2's API ---
#
# Until 3.5 members publish themselves, and the cluster's version, by requests of that API, which the log holds as they
# are: the fields of such a request begin with its ID, method and path. 3.6 refuses all of them but those two (its
# v2ToV3Request), and 3.7 cannot parse any (its applyEntryNormal). Each reads the log from its newest snapshot on.

_V2_READS = frozenset({b"GET", b"QGET", b"SYNC"})
_V2_METHODS = _V2_READS | {b"PUT", b"POST", b"DELETE"}
_V2_REQUEST = re.compile(rb"\x12.(?:Q?GET|PUT|POST|DELETE|SYNC)\x1a", re.DOTALL)
_V2_ITS_OWN = re.compile(rb"/0/members/[0-9a-fA-F]{1,16}/attributes|/0/version\Z")
_V2_ITS_TREE, _V2_AUTH_TREE = "0", "2"


def _v2_requests(path: str, wal: str) -> t.Tuple[int, bool, bool, bool]:
    """The raft index of the last such request after the newest snapshot, 0 if there is none; whether some only read;
    whether some wrote more than etcd itself does; whether there are keys in that snapshot.
    """
    snapshots = _snapshots(path)
    recorded = set()
    for index in sorted(snapshots, reverse=True):
        recorded = _recorded_snapshots(wal, index)
        if index in recorded:
            break
    begin = max(recorded.intersection(snapshots), default=0)
    last, reads, writes = 0, False, False
    for index, request in _v2_entries(wal, begin):
        last = index
        name = request.get(3, b"")
        its_own = request[2] == b"PUT" and isinstance(name, bytes) and _V2_ITS_OWN.match(name) is not None
        reads = reads or request[2] in _V2_READS
        writes = writes or not (its_own or request[2] in _V2_READS)
    return last, reads, writes, begin > 0 and _has_v2_keys(snapshots[begin])


def _from(wal: str, index: int) -> t.List[str]:
    """The files that hold what comes after an index: each is called by the first index in it."""
    segments = _segments(wal)
    starts = [re.search(r"-([0-9a-f]{16})\.wal\Z", name) for name in segments]
    first = [number for number, start in enumerate(starts) if start and int(start.group(1), 16) <= index + 1]
    return segments[first[-1] if first else 0 :]


def _recorded_snapshots(wal: str, index: int) -> t.Set[int]:
    """The log notes each snapshot; etcd starts from none that is not noted there."""
    found = set()
    for segment in _from(wal, index):
        for record in _frames(segment):
            data = record.get(3)
            if record.get(1) == _SNAPSHOT and isinstance(data, bytes):
                found.add(_number(_fields(data).get(1)))
    return found


def _v2_entries(wal: str, begin: int) -> t.Iterator[t.Tuple[int, Fields]]:
    """The requests of the old API after an index, the way they stand, and wrapped into one of the new."""
    for segment in _from(wal, begin):
        for record in _frames(segment):
            data = record.get(3)
            if record.get(1) != _ENTRY or not isinstance(data, bytes) or _V2_REQUEST.search(data) is None:
                continue
            entry = _fields(data)
            body = entry.get(4)
            index = _number(entry.get(3))
            if index <= begin or _number(entry.get(1)) or not isinstance(body, bytes):
                continue
            request = _fields(body)
            inner = request.get(2)
            if isinstance(inner, bytes) and inner not in _V2_METHODS:
                request = _fields(inner)
            if request.get(2) in _V2_METHODS:
                yield index, request


def _has_v2_keys(path: str) -> bool:
    """Whether the tree in a snapshot has more in it than etcd's own part, as its ``IsMetaStoreOnly`` finds it.

    :raises DataError: it is not as etcd writes it.
    """
    with open(path, "rb") as stream:
        content = stream.read()
    try:
        inner = _fields(t.cast("bytes", _fields(content)[2]))
        root = json.loads(t.cast("bytes", inner.get(1, b"{}")))["Root"]
        trees: t.Dict[str, t.Any] = root.get("Children") or {}
        for name, tree in trees.items():
            below = (tree.get("Children") or {}).values()
            filled = [node for node in below if node.get("Children")] if name == _V2_AUTH_TREE else list(below)
            if name != _V2_ITS_TREE and not name.startswith("_") and filled:
                return True
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not a snapshot as etcd writes it.") from error
    return False


Fields = t.Dict[int, t.Union[int, bytes]]


def _frames(path: str) -> t.Iterator[Fields]:
    """The records of one file up to its written end; a torn last one is left out."""
    with open(path, "rb") as stream:
        left = os.fstat(stream.fileno()).st_size
        while left >= 8:
            length = int.from_bytes(stream.read(8), "little")
            size = length & ((1 << 56) - 1)
            padding = (length >> 56) & 7 if length >> 63 else 0
            left -= 8 + size + padding
            if not size or left < 0:
                return
            head = stream.read(min(size, _HEAD))
            stream.seek(size + padding - len(head), os.SEEK_CUR)
            yield _fields(head)


def _fields(data: bytes) -> Fields:
    """A protobuf message's varints and byte strings by number; what is cut off is given as far as it goes."""
    found: Fields = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            found[tag >> 3], at = _varint(data, at)
        elif kind == 2:
            length, at = _varint(data, at)
            found[tag >> 3] = data[at : at + length]
            at += length
        else:
            at += {1: 8, 5: 4}.get(kind, len(data))
    return found


def _varint(data: bytes, at: int) -> t.Tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value & ((1 << 64) - 1), at


def _number(value: t.Union[int, bytes, None]) -> int:
    return value if isinstance(value, int) else 0


def _crc32c(data: bytes, before: int) -> int:
    """Castagnoli's checksum, continued from ``before``; for a few bytes, so without a table."""
    value = before ^ 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _bit in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


__all__ = ("look", "move_aside")

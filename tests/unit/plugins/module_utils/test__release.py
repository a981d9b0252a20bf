# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tarfile
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _release as release
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, Refused, ReleaseError
from ansible_collections.quorum.etcd.plugins.module_utils._release_checksums import CHECKSUMS
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

MIRROR = "https://mirror.example.com/etcd"
OTHER = "https://other.example.com/etcd"
PROGRAMS = ("etcd", "etcdctl", "etcdutl")


def program(name: str, version: str) -> bytes:
    """What stands for a program: the fake ``run`` says what is in it."""
    return f"{name} Version: {version}\n".encode()


def archive(
    version: str = "3.6.16", *, says: str = "", names: t.Sequence[str] = PROGRAMS, arch: str = "amd64"
) -> bytes:
    top = f"etcd-v{version}-linux-{arch}"
    members = [(tarfile.TarInfo(f"{top}/{name}"), program(name, says or version)) for name in ("README.md", *names)]
    return packed(members)


def packed(members: t.Iterable[t.Tuple[tarfile.TarInfo, bytes]]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class FakeFetcher:
    """A network of files by URL; what is an exception is raised. Files of ``file://`` are the real ones."""

    def __init__(self, files: t.Mapping[str, t.Union[bytes, Exception]]) -> None:
        self.files = dict(files)
        self.asked: t.List[str] = []

    def read(self, url: str, *, limit: int) -> bytes:
        self.asked.append(url)
        if url.startswith("file://"):
            with contextlib.suppress(FileNotFoundError):
                return Path(url[len("file://") :]).read_bytes()
        found = self.files.get(url, ReleaseError("answered HTTP 404 Not Found", missing=True))
        if isinstance(found, Exception):
            raise found
        assert len(found) <= limit
        return found

    def save(self, url: str, path: str, *, limit: int) -> None:
        Path(path).write_bytes(self.read(url, limit=limit))


def run(args: t.List[str], **_kwargs: t.Any) -> t.Tuple[int, str, str]:
    """Programs that run say what is in them."""
    assert args[1] == ("--version" if args[0].endswith("/etcd") else "version")
    text = Path(args[0]).read_text()
    if "cannot" in text:
        raise OSError(8, "Exec format error")
    return (1, "", "boom\n") if "boom" in text else (0, text, "")


def mirror(
    data: bytes, *, base: str = MIRROR, version: str = "3.6.16", sums: t.Optional[str] = None
) -> t.Dict[str, t.Union[bytes, Exception]]:
    """A mirror that serves an archive and its SHA256SUMS."""
    name = f"etcd-v{version}-linux-amd64.tar.gz"
    text = f"{sha256(b'x')}  etcd-v{version}-linux-arm64.tar.gz\n{sha256(data)}  {name}\n" if sums is None else sums
    return {f"{base}/v{version}/{name}": data, f"{base}/v{version}/SHA256SUMS": text.encode()}


class Place:
    """A directory for a release, and a short way to ask for one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dest = root / "opt" / "3.6.16"
        self.cache = root / "cache"

    def ensure(
        self,
        fetcher: release.Fetcher,
        *,
        version: str = "3.6.16",
        sources: t.Sequence[str] = (MIRROR,),
        pinned: t.Optional[release.Checksums] = None,
        builder: t.Optional[release.Builder] = None,
        check_mode: bool = False,
        **options: t.Any,
    ) -> release.Outcome:
        wish = release.wanted(version=version, dest=str(self.dest), sources=sources, machine="x86_64", **options)
        return release.ensure(
            wish, fetcher=fetcher, run=run, pinned=pinned or {}, builder=builder, check_mode=check_mode
        )

    def left(self) -> t.List[str]:
        """What is beside the release."""
        if not self.dest.parent.exists():
            return []
        return sorted(path.name for path in self.dest.parent.iterdir() if path != self.dest)

    def content(self) -> t.Dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.dest.iterdir() if path.name != release.MANIFEST}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


WHOLE = {name: program(name, "3.6.16") for name in PROGRAMS}


def test_from_a_mirror(place: Place) -> None:
    data = archive()
    before = os.umask(0o077)
    try:
        outcome = place.ensure(FakeFetcher(mirror(data)))
    finally:
        os.umask(before)
    assert outcome.changed
    assert outcome.before is None
    assert outcome.after is not None
    assert outcome.after.source == MIRROR
    assert outcome.after.checksum == sha256(data)
    assert outcome.attempts == (release.Attempt(MIRROR, True, ""),)
    assert place.content() == WHOLE
    assert {path.stat().st_mode & 0o777 for path in (place.dest.parent, place.dest, place.dest / "etcd")} == {0o755}
    assert place.left() == [".3.6.16.lock"]
    assert release.present(str(place.dest)) == outcome.after


def test_what_is_there_asks_nobody(place: Place) -> None:
    place.ensure(FakeFetcher(mirror(archive())))
    made = (place.dest / "etcd").stat()
    nobody = FakeFetcher({})
    outcome = place.ensure(nobody)
    assert not outcome.changed
    assert outcome.after is not None
    assert outcome.after.source == MIRROR
    assert nobody.asked == []
    assert (place.dest / "etcd").stat() == made


def damage_byte(dest: Path) -> None:
    content = (dest / "etcdctl").read_bytes()
    (dest / "etcdctl").write_bytes(content[:-2] + b"!\n")


def damage_link(dest: Path) -> None:
    (dest / "etcd").rename(dest.parent / "moved")
    (dest / "etcd").symlink_to(dest.parent / "moved")


DAMAGES: t.Dict[str, t.Callable[[Path], t.Any]] = {
    "a program is missing": lambda dest: (dest / "etcdutl").unlink(),
    "a byte differs": damage_byte,
    "not executable": lambda dest: (dest / "etcd").chmod(0o644),
    "a link": damage_link,
    "no manifest": lambda dest: (dest / release.MANIFEST).unlink(),
    "manifest is no JSON": lambda dest: (dest / release.MANIFEST).write_text("{"),
    "manifest is a list": lambda dest: (dest / release.MANIFEST).write_text("[]"),
    "manifest says less": lambda dest: (dest / release.MANIFEST).write_text('{"version": "3.6.16"}'),
    "manifest without files": lambda dest: (dest / release.MANIFEST).write_text(
        '{"version": "3.6.16", "arch": "amd64", "source": "", "checksum": "", "files": {}}'
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_what_is_damaged_is_replaced(place: Place, damage: t.Callable[[Path], t.Any]) -> None:
    network = FakeFetcher(mirror(archive()))
    place.ensure(network)
    running = (place.dest / "etcdctl").open("rb")
    damage(place.dest)
    as_it_ran = running.read()
    assert release.present(str(place.dest)) is None
    outcome = place.ensure(network)
    assert outcome.changed
    assert outcome.before is None
    assert place.content() == WHOLE
    running.seek(0)
    assert running.read() == as_it_ran, "a file that is in use was written to"
    running.close()
    assert not place.ensure(network).changed


def test_another_version_in_the_directory_is_replaced(place: Place) -> None:
    place.ensure(FakeFetcher(mirror(archive("3.6.15"), version="3.6.15")), version="3.6.15")
    outcome = place.ensure(FakeFetcher(mirror(archive())))
    assert outcome.before is not None
    assert outcome.before.version == "3.6.15"
    assert outcome.changed
    assert place.content() == WHOLE


def test_check_mode_does_and_asks_nothing(place: Place) -> None:
    network = FakeFetcher(mirror(archive()))
    outcome = place.ensure(network, check_mode=True)
    assert outcome.changed
    assert outcome.after is None
    assert network.asked == []
    assert list(place.root.iterdir()) == []


@pytest.mark.parametrize(
    ("entries", "told"), [(["etcd", "ls"], "'ls'"), (["etcd.conf"], "'etcd.conf'"), (None, "is not a directory")]
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_foreign_directory_is_left_alone(
    place: Place, entries: t.Optional[t.List[str]], told: str, check_mode: bool
) -> None:
    place.dest.parent.mkdir()
    if entries is None:
        place.dest.symlink_to(place.root)
    for name in entries or []:
        place.dest.mkdir(exist_ok=True)
        (place.dest / name).write_text("mine")
    with pytest.raises(Refused, match=told):
        place.ensure(FakeFetcher(mirror(archive())), check_mode=check_mode)
    assert place.left() == []
    assert sorted(os.listdir(place.dest)) == sorted(entries or ["opt"])


HANGS = ReleaseError("gave no answer within 10 s")
FAULTY_SOURCES: t.Dict[str, t.Tuple[t.Dict[str, t.Union[bytes, Exception]], str]] = {
    "404": ({}, "there is no SHA256SUMS beside it"),
    "hangs": ({f"{OTHER}/v3.6.16/SHA256SUMS": HANGS}, "SHA256SUMS gave no answer within 10 s"),
    "archive hangs": (
        {**mirror(archive(), base=OTHER), f"{OTHER}/v3.6.16/etcd-v3.6.16-linux-amd64.tar.gz": HANGS},
        "tar.gz gave no answer within 10 s",
    ),
    "sums without it": (mirror(archive(), base=OTHER, sums=""), "the SHA256SUMS beside it does not list it"),
    "sums of another name": (
        mirror(archive(), base=OTHER, sums=f"{sha256(archive())}  xetcd-v3.6.16-linux-amd64.tar.gz\n"),
        "does not list it",
    ),
    "no sha256": (mirror(archive(), base=OTHER, sums="abc  etcd-v3.6.16-linux-amd64.tar.gz\n"), "does not list it"),
    "mismatch": (
        mirror(archive(), base=OTHER, sums=f"{'0' * 64}  etcd-v3.6.16-linux-amd64.tar.gz\n"),
        f"has the sha256 {sha256(archive())} instead of {'0' * 64}",
    ),
    "no archive at all": (mirror(b"<html>", base=OTHER), "cannot be unpacked"),
    "truncated": (mirror(archive()[:-30], base=OTHER), "cannot be unpacked"),
    "lacks a program": (mirror(archive(names=PROGRAMS[:2]), base=OTHER), "etcdutl is not in it"),
    "other version inside": (mirror(archive(says="3.6.1"), base=OTHER), "its etcd is not 3.6.16: it says"),
    "longer version inside": (mirror(archive(says="13.6.16"), base=OTHER), "its etcd is not 3.6.16"),
    "does not run": (mirror(archive(says="cannot"), base=OTHER), "etcd does not run here: Exec format error"),
    "runs and fails": (mirror(archive(says="boom"), base=OTHER), "etcd does not run here: boom"),
}


@pytest.mark.parametrize(("files", "told"), FAULTY_SOURCES.values(), ids=FAULTY_SOURCES.keys())
def test_a_faulty_source_leaves_nothing_and_the_next_is_tried(
    place: Place, files: t.Dict[str, t.Union[bytes, Exception]], told: str
) -> None:
    alone = FakeFetcher(files)
    with pytest.raises(ReleaseError) as caught:
        place.ensure(alone, sources=[OTHER], cache=str(place.cache))
    assert told in caught.value.message
    assert caught.value.message.startswith(f"No source gave etcd 3.6.16 for linux-amd64. {place.cache}: holds no ")
    assert [attempt["ok"] for attempt in caught.value.details["attempts"]] == [False, False]
    assert not place.dest.exists()
    assert place.left() == [".3.6.16.lock"]

    outcome = place.ensure(FakeFetcher({**files, **mirror(archive())}), sources=[OTHER, MIRROR])
    assert [attempt.ok for attempt in outcome.attempts] == [False, True]
    assert told in outcome.attempts[0].reason
    assert outcome.after is not None
    assert outcome.after.source == MIRROR
    assert place.content() == WHOLE


def test_checksum_given_then_pinned_then_beside(place: Place) -> None:
    data = archive()
    right, wrong = {"3.6.16": {"amd64": sha256(data)}}, {"3.6.16": {"amd64": "0" * 64}}
    unlisted = FakeFetcher(mirror(data, sums=""))
    for given, pinned in ((right, wrong), ({"3.6.16": {"arm64": "1" * 64}}, right), ({}, right)):
        assert place.ensure(unlisted, checksums=given, pinned=pinned).changed
        release_of = place.dest
        for path in release_of.iterdir():
            path.unlink()
    for given, pinned in ((wrong, right), ({}, wrong)):
        with pytest.raises(ReleaseError, match="instead of 0000"):
            place.ensure(FakeFetcher(mirror(data)), checksums=given, pinned=pinned)
    assert not any(url.endswith("SHA256SUMS") for url in unlisted.asked)


@pytest.mark.parametrize("line", ["{}  ./{}", "{} *{}", "{}  {}\r", "{}\t{}"])
def test_ways_to_write_a_checksum(place: Place, line: str) -> None:
    data = archive()
    sums = line.format(sha256(data).upper(), "etcd-v3.6.16-linux-amd64.tar.gz")
    assert place.ensure(FakeFetcher(mirror(data, sums=sums))).changed


def test_versions_before_3_5_have_no_etcdutl(place: Place) -> None:
    network = FakeFetcher(mirror(archive("3.4.30", names=("etcd", "etcdctl")), version="3.4.30"))
    assert place.ensure(network, version="3.4.30").changed
    assert sorted(place.content()) == ["etcd", "etcdctl"]
    assert not place.ensure(network, version="3.4.30").changed


def test_programs_of_another_architecture_are_not_tried(place: Place) -> None:
    data = archive(arch="arm64", says="cannot")
    sums = f"{sha256(data)}  etcd-v3.6.16-linux-arm64.tar.gz\n".encode()
    base = f"{MIRROR}/v3.6.16"
    network = FakeFetcher({f"{base}/SHA256SUMS": sums, f"{base}/etcd-v3.6.16-linux-arm64.tar.gz": data})
    assert place.ensure(network, arch="arm64").changed
    # and they are not what a machine of this architecture wants
    assert place.ensure(FakeFetcher(mirror(archive()))).changed


# --- what an archive may not do -------------------------------------------------------------------------------------


def evil(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    member.mode = 0o4777
    return member


TOP = "etcd-v3.6.16-linux-amd64"
IGNORED = [
    evil("../escaped"),
    evil("/tmp/escaped"),
    evil(f"{TOP}/../../escaped"),
    evil(f"{TOP}/link", tarfile.SYMTYPE, "/etc"),
    evil(f"{TOP}/link/passwd"),
    evil(f"{TOP}/../etcd"),
    evil("etcd"),
    evil(f"{TOP}/device", tarfile.CHRTYPE),
]


@pytest.mark.parametrize("member", IGNORED, ids=lambda member: member.name)
def test_other_members_are_never_unpacked(tmp_path: Path, member: tarfile.TarInfo) -> None:
    good = [(evil(f"./{TOP}/{name}"), program(name, "3.6.16")) for name in PROGRAMS]
    (tmp_path / "a.tar.gz").write_bytes(packed([(member, b"evil" if member.isreg() else b""), *good]))
    release.unpack(str(tmp_path / "a.tar.gz"), str(tmp_path / "into"), TOP, PROGRAMS)
    assert {path.name: path.read_bytes() for path in (tmp_path / "into").iterdir()} == WHOLE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "into"]
    assert all(path.stat().st_mode & 0o7000 == 0 for path in (tmp_path / "into").iterdir())


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "/bin/sh"),
        (tarfile.LNKTYPE, f"{TOP}/etcdctl"),
        (tarfile.CHRTYPE, ""),
        (tarfile.FIFOTYPE, ""),
        (tarfile.DIRTYPE, ""),
        (tarfile.REGTYPE, ""),  # an empty file
    ],
)
def test_a_program_is_a_plain_file(tmp_path: Path, kind: bytes, target: str) -> None:
    good = [(evil(f"{TOP}/{name}"), program(name, "3.6.16")) for name in PROGRAMS[1:]]
    (tmp_path / "a.tar.gz").write_bytes(packed([*good, (evil(f"{TOP}/etcd", kind, target), b"")]))
    with pytest.raises(ReleaseError, match="its etcd is no plain file"):
        release.unpack(str(tmp_path / "a.tar.gz"), str(tmp_path / "into"), TOP, PROGRAMS)


def test_a_program_is_there_once(tmp_path: Path) -> None:
    twice = [(evil(f"{TOP}/{name}"), b"x") for name in (*PROGRAMS, "etcd")]
    (tmp_path / "a.tar.gz").write_bytes(packed(twice))
    with pytest.raises(ReleaseError, match="its etcd is no plain file"):
        release.unpack(str(tmp_path / "a.tar.gz"), str(tmp_path / "into"), TOP, PROGRAMS)


def test_packing_is_repeatable_and_unpacks(tmp_path: Path) -> None:
    files = {}
    for name in PROGRAMS:
        files[name] = str(tmp_path / name)
        (tmp_path / name).write_bytes(program(name, "3.6.16"))
    release.pack(files, str(tmp_path / "1"), TOP)
    os.utime(tmp_path / "etcd", (1, 1))
    release.pack(dict(reversed(list(files.items()))), str(tmp_path / "2"), TOP)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    unpacked = release.unpack(str(tmp_path / "1"), str(tmp_path / "into"), TOP, PROGRAMS)
    assert {name: Path(path).read_bytes() for name, path in unpacked.items()} == WHOLE


# --- cache and go ---------------------------------------------------------------------------------------------------


class FakeBuilder:
    def __init__(self, says: str = "3.6.16") -> None:
        self.says = says
        self.built = 0

    def __call__(self, version: Version, arch: str, workdir: str) -> t.Dict[str, str]:
        if not self.says:
            raise ReleaseError("there is no Go")
        self.built += 1
        for name in release.programs(version):
            Path(workdir, name).write_bytes(program(name, self.says))
        return {name: str(Path(workdir, name)) for name in release.programs(version)}


def test_what_was_fetched_is_kept(place: Place) -> None:
    data = archive()
    assert place.ensure(FakeFetcher(mirror(data)), cache=str(place.cache)).changed
    assert (place.cache / "v3.6.16" / f"{TOP}.tar.gz").read_bytes() == data
    place.dest = place.root / "elsewhere"
    outcome = place.ensure(FakeFetcher({}), cache=str(place.cache))
    assert outcome.attempts == (release.Attempt(str(place.cache), True, ""),)
    assert place.content() == WHOLE
    # the cache is a mirror
    place.dest = place.root / "third"
    assert place.ensure(FakeFetcher({}), sources=[f"file://{place.cache}"]).changed


@pytest.mark.parametrize("spoilt", ["archive", "sums"])
def test_a_spoilt_cache_is_passed_over_and_made_good(place: Place, spoilt: str) -> None:
    network = FakeFetcher(mirror(archive()))
    place.ensure(network, cache=str(place.cache))
    folder = place.cache / "v3.6.16"
    path = folder / (f"{TOP}.tar.gz" if spoilt == "archive" else "SHA256SUMS")
    path.write_bytes(b"spoilt")
    for name in ("second", "third"):
        place.dest = place.root / name
        outcome = place.ensure(network, cache=str(place.cache))
        assert place.content() == WHOLE
        assert [attempt.ok for attempt in outcome.attempts] == ([False, True] if name == "second" else [True])


def test_a_cache_that_cannot_be_written_is_a_warning(place: Place) -> None:
    place.cache.write_text("a file")
    outcome = place.ensure(FakeFetcher(mirror(archive())), cache=str(place.cache))
    assert outcome.changed
    assert len(outcome.warnings) == 1
    assert f"was not kept in {place.cache}" in outcome.warnings[0]


def test_built_once_for_all_directories(place: Place) -> None:
    builder = FakeBuilder()
    # the pinned checksum is upstream's archive's, not this one's
    pinned = {"3.6.16": {"amd64": "0" * 64}}
    for name in ("one", "two"):
        place.dest = place.root / name
        outcome = place.ensure(
            FakeFetcher({}), sources=[MIRROR, "go"], builder=builder, cache=str(place.cache), pinned=pinned
        )
        assert outcome.after is not None
        assert outcome.after.source == ("go" if name == "one" else str(place.cache))
        assert outcome.after.checksum == sha256((place.cache / "go" / "v3.6.16" / f"{TOP}.tar.gz").read_bytes())
    assert builder.built == 1
    place.dest = place.root / "three"
    with pytest.raises(ReleaseError, match="holds no"):
        place.ensure(FakeFetcher({}), cache=str(place.cache), pinned=pinned)


def test_built_without_a_cache(place: Place) -> None:
    outcome = place.ensure(FakeFetcher({}), sources=["go"], builder=FakeBuilder())
    assert outcome.after is not None
    assert (outcome.after.source, outcome.after.checksum) == ("go", "")
    assert not place.ensure(FakeFetcher({}), sources=["go"]).changed


@pytest.mark.parametrize(("says", "told"), [("", "go: there is no Go."), ("3.6.15", "go: its etcd is not 3.6.16")])
def test_a_build_that_fails(place: Place, says: str, told: str) -> None:
    with pytest.raises(ReleaseError, match=told):
        place.ensure(FakeFetcher({}), sources=["go"], builder=FakeBuilder(says))
    assert not place.dest.exists()


# --- interruptions and company --------------------------------------------------------------------------------------


def test_several_at_once_fetch_it_once(place: Place) -> None:
    data = archive()
    network = FakeFetcher(mirror(data))
    start = threading.Barrier(4)
    outcomes: t.List[release.Outcome] = []

    def one() -> None:
        start.wait()
        outcomes.append(place.ensure(network, cache=str(place.cache)))

    threads = [threading.Thread(target=one) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcome.changed for outcome in outcomes) == [False, False, False, True]
    assert sum(url.endswith(".tar.gz") for url in network.asked) == 1
    assert place.content() == WHOLE


def test_only_our_own_left_overs_are_removed(place: Place) -> None:
    place.dest.parent.mkdir()
    keep = [".3.6.16.mine", ".3.6.15.abcdefgh.tmp", ".3.6.16.abcdefgh.tmp.d", "3.6.16.abcdefgh.tmp"]
    for name in [*keep, ".3.6.16.abcdefgh.tmp"]:
        (place.dest.parent / name / "deep").mkdir(parents=True)
    (place.dest.parent / ".3.6.16.hgfedcba.tmp").symlink_to(place.root)
    place.ensure(FakeFetcher(mirror(archive())))
    assert place.left() == sorted([*keep, ".3.6.16.hgfedcba.tmp", ".3.6.16.lock"])


class Killed(BaseException):
    """What a run that is killed looks like from inside."""


@pytest.mark.parametrize("where", ["fsync", "mkdir", "rename", "replace", "chmod"])
def test_never_half_there(place: Place, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Killed at any call, the former release, none or the whole new one is there, and the next run makes all good."""
    real: t.Callable[..., t.Any] = getattr(os, where)
    allowed = 0
    calls = 0

    def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        nonlocal calls
        if calls == allowed:
            raise Killed
        calls += 1
        return real(*args, **kwargs)

    while calls >= allowed - 1:
        calls = 0
        place.dest = place.root / where / str(allowed) / "3.6.16"
        place.ensure(FakeFetcher(mirror(archive("3.6.15"), version="3.6.15")), version="3.6.15")
        with monkeypatch.context() as patch:
            patch.setattr(os, where, call)
            patch.setattr("shutil.rmtree", lambda *_args, **_kwargs: None)
            with contextlib.suppress(Killed):
                place.ensure(FakeFetcher(mirror(archive())))
        seen = release.present(str(place.dest))
        assert seen is not None or not place.dest.exists()
        place.ensure(FakeFetcher(mirror(archive())))
        assert place.content() == WHOLE
        assert place.left() == [".3.6.16.lock"]
        allowed += 1
    assert allowed > 2, "nothing was killed"


def test_the_former_one_comes_back_where_the_new_one_cannot_be_put(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.ensure(FakeFetcher(mirror(archive("3.6.15"), version="3.6.15")), version="3.6.15")
    real = os.rename

    def rename(source: str, target: str) -> None:
        if target == str(place.dest) and source.endswith("-release"):
            raise OSError(28, "No space left on device", target)
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        with pytest.raises(ReleaseError, match=r"cannot be put into .*: No space left on device"):
            place.ensure(FakeFetcher(mirror(archive())))
    former = release.present(str(place.dest))
    assert former is not None
    assert former.version == "3.6.15"


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_file_in_the_way_is_refused(place: Place, check_mode: bool) -> None:
    (place.root / "opt").write_text("a file")
    with pytest.raises(Refused, match="cannot be looked into: Not a directory"):
        place.ensure(FakeFetcher(mirror(archive())), check_mode=check_mode)


# --- options --------------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        release.wanted(
            version="3.6",
            dest="opt/etcd",
            sources=["ftp://x/y", "GO", "https://", "http://h:port/x", "file://host/x", "https://u:geheim@h:0x/"],
            checksums={"3.6": {}, "3.6.16": "abc", "3.6.15": {"amd64": "abc"}},
            arch="../x",
            cache="cache",
            machine="x86_64",
        )
    told = caught.value.message
    wrong = ("'3.6' is not an exact", "'opt/etcd'", "'cache'", "ftp://", "'GO'", "'https://'", ":port", "file://host")
    for word in (*wrong, "h:0x", "'../x'", "'3.6' is not a version with", "'3.6.16' is not a", "3.6.15 amd64"):
        assert word in told, word
    assert "geheim" not in told


def test_no_sources_and_the_root_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"root directory.*there are none"):
        release.wanted(version="3.6.16", dest="//", sources=[], machine="x86_64")


def test_options_are_made_plain() -> None:
    wish = release.wanted(
        version="v3.6.16",
        dest="/opt//etcd/x/../3.6.16/",
        sources=[f"{MIRROR}/", "go"],
        checksums={"v3.6.16": {"amd64": f"sha256:{'AB' * 32}"}},
        machine="aarch64",
    )
    assert (str(wish.version), wish.arch, wish.runs_here) == ("3.6.16", "arm64", True)
    assert wish.dest == "/opt/etcd/3.6.16"
    assert wish.sources == (MIRROR, "go")
    assert wish.checksums == {"3.6.16": {"amd64": "ab" * 32}}


@pytest.mark.parametrize(
    ("machine", "arch"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("ppc64le", "ppc64le"), ("s390x", "s390x")]
)
def test_architectures(machine: str, arch: str) -> None:
    assert release.arch_of(machine) == arch


def test_passwords_are_shown_nowhere(place: Place) -> None:
    secret = "https://user:ge%2Fheim@mirror.example.com/etcd"
    for unreadable in (
        "https://user:geheim@mirror:99999/etcd",
        "ftp://user:geheim@mirror",
        "https://user:geheim@[mirror",
    ):
        assert release.passwords([unreadable]) == {"geheim"}
    assert release.passwords([secret, "go", MIRROR]) == {"ge%2Fheim", "ge/heim"}
    data = archive()
    outcome = place.ensure(FakeFetcher(mirror(data, base=secret)), sources=[secret])
    assert "heim" not in repr(outcome)
    assert b"heim" not in (place.dest / release.MANIFEST).read_bytes()
    with pytest.raises(ReleaseError) as caught:
        place.ensure(FakeFetcher({}), sources=[secret], version="3.6.17")
    assert "heim" not in repr((caught.value.message, caught.value.details))


def test_pinned_table_holds_checksums() -> None:
    assert CHECKSUMS["3.6.14"]["amd64"] == "ffe840ff9295808e88cce2794a18a5ac87f12a5203c8314d0bf6aa119b41bac5"
    for version, arches in CHECKSUMS.items():
        assert str(Version.parse(version)) == version
        assert set(arches) == {"amd64", "arm64", "ppc64le"}
        assert all(len(checksum) == 64 and int(checksum, 16) for checksum in arches.values())
    every = [checksum for arches in CHECKSUMS.values() for checksum in arches.values()]
    assert len(set(every)) == len(every)

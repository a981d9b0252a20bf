# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An etcd release in its own directory: from the first source that gives one that can be verified.

Private to this collection. A release is a directory with ``etcd``, ``etcdctl``, ``etcdutl`` (3.4 has no ``etcdutl``)
and ``release.json``, which says what they are. It appears by one rename, whole, and is never changed afterwards.
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import errno
import functools
import gzip
import hashlib
import json
import os
import re
import shutil
import stat
import tarfile
import tempfile
import typing as t
import urllib.parse
import zlib

from ansible_collections.quorum.etcd.plugins.module_utils._address import password_of, shown
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, Refused, ReleaseError
from ansible_collections.quorum.etcd.plugins.module_utils._flock import held
from ansible_collections.quorum.etcd.plugins.module_utils._model import RunCommand
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

UPSTREAM = (
    "https://github.com/etcd-io/etcd/releases/download",
    "https://storage.googleapis.com/etcd",
)
GO = "go"
SUMS = "SHA256SUMS"
MANIFEST = "release.json"

_ARCHES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i486": "386", "i586": "386", "i686": "386"}
_ARCH = re.compile(r"[a-z0-9]+\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_ARCHIVE_LIMIT = 1 << 29
_PROGRAM_LIMIT = 1 << 29
_SUMS_LIMIT = 1 << 20
_CHUNK = 1 << 20
_FOR_ALL = 0o755
_READ_AND_RUN = 0o555
_UNPACK_FAULTS = (tarfile.TarError, EOFError, zlib.error, OSError, ValueError)

Checksums = t.Mapping[str, t.Mapping[str, str]]
"""sha256 in hex by version and architecture."""


class Fetcher(t.Protocol):
    """What ``_release_fetch.UrlFetcher`` offers; a test brings its own."""

    def read(self, url: str, *, limit: int) -> bytes: ...

    def save(self, url: str, path: str, *, limit: int) -> None: ...


class Builder(t.Protocol):
    """Builds a release's programs inside ``workdir``: their paths by name. Raises ReleaseError: why not."""

    def __call__(self, version: Version, arch: str, workdir: str) -> t.Dict[str, str]: ...


class Attempt(t.NamedTuple):
    """One source that was tried. ``source`` is fit to be shown: without user name and password."""

    source: str
    ok: bool
    reason: str


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The release that is wished, and where it may come from.

    ``sources``: base URLs laid out like upstream's releases, or ``go``, in the order to try. ``cache``: a directory
    with archives kept from before, tried first; empty for none. ``runs_here``: programs of ``arch`` run on this
    machine.
    """

    version: Version
    arch: str
    dest: str
    sources: t.Tuple[str, ...] = UPSTREAM
    checksums: Checksums = dataclasses.field(default_factory=dict)
    cache: str = ""
    runs_here: bool = True


@dataclasses.dataclass(frozen=True)
class Release:
    """A release that is there. ``checksum``: sha256 of its archive; empty for one that was built in place."""

    version: str
    arch: str
    source: str
    checksum: str
    files: t.Dict[str, str]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What ``ensure`` found and did.

    ``before`` is the release that was there, whole; ``after`` is None where check mode would have made it.
    """

    changed: bool
    before: t.Optional[Release]
    after: t.Optional[Release]
    attempts: t.Tuple[Attempt, ...] = ()
    warnings: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Got:
    """Programs from a source: their paths by name, the archive they came in (if any) and its sha256."""

    programs: t.Dict[str, str]
    checksum: str = ""
    archive: str = ""


def programs(version: Version) -> t.Tuple[str, ...]:
    """The programs a release consists of. ``etcdutl`` came with 3.5."""
    return ("etcd", "etcdctl", "etcdutl") if version >= Version(3, 5, 0) else ("etcd", "etcdctl")


def arch_of(machine: str) -> str:
    """Upstream's name for what ``uname -m`` says: ``amd64`` for ``x86_64``."""
    return _ARCHES.get(machine, machine)


def top_of(version: Version, arch: str) -> str:
    """The name of a release's archive without ``.tar.gz``, also of the directory in it."""
    return f"etcd-v{version}-linux-{arch}"


def passwords(sources: t.Iterable[str]) -> t.Set[str]:
    """The passwords in the sources' URLs, to be kept out of any output."""
    found = map(password_of, sources)
    return {word for password in found if password for word in (password, urllib.parse.unquote(password))}


def wanted(
    *,
    version: str,
    dest: str,
    sources: t.Sequence[str] = UPSTREAM,
    checksums: t.Optional[t.Mapping[str, t.Any]] = None,
    machine: str,
    arch: str = "",
    cache: str = "",
) -> Wanted:
    """Read the wish. ``machine`` is what ``uname -m`` says.

    :raises InvalidInput: names all that is wrong at once.
    """
    faults: t.List[str] = []
    parsed = Version.parse_or_none(version)
    if parsed is None:
        faults.append(f"version: {version!r} is not an exact version such as 3.6.16.")
    for name, path in (("dest", dest), ("cache", cache)):
        if path and not os.path.isabs(path):
            faults.append(f"{name}: {path!r} is not an absolute path.")
    if not os.path.normpath(dest).strip("/"):
        faults.append("dest: the root directory cannot be a release.")
    if not sources:
        faults.append("sources: there are none.")
    faults.extend(
        f"sources: {shown(source)!r} is neither the word go nor a URL of http, https or file."
        for source in sources
        if source != GO and not _is_url(source)
    )
    if arch and not _ARCH.match(arch):
        faults.append(f"arch: {arch!r} is not an architecture such as amd64.")
    given, wrong = _checksums(checksums or {})
    faults.extend(wrong)
    if faults or parsed is None:
        raise InvalidInput(" ".join(faults), remedy="See the module's documentation for what each option takes.")
    native = arch_of(machine)
    return Wanted(
        version=parsed,
        arch=arch or native,
        dest=os.path.normpath(dest),
        sources=tuple(source.rstrip("/") for source in sources),
        checksums=given,
        cache=os.path.normpath(cache) if cache else "",
        runs_here=not arch or arch == native,
    )


def present(dest: str) -> t.Optional[Release]:
    """The release in ``dest``, or None where there is none or where it is not what its ``release.json`` says.

    Reads every program whole: 0.1 s for the 60 MB of etcd 3.6.
    """
    try:
        with open(os.path.join(dest, MANIFEST), encoding="utf-8") as file:
            found = json.load(file)
        release = Release(**found)
        version = Version.parse(release.version)
        if any(name not in release.files for name in programs(version)):
            return None
        for name, checksum in release.files.items():
            path = os.path.join(dest, os.path.basename(name))
            status = os.lstat(path)
            usable = stat.S_ISREG(status.st_mode) and status.st_mode & _READ_AND_RUN == _READ_AND_RUN
            if not usable or _sha256(path) != checksum:
                return None
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return release


def ensure(
    wish: Wanted,
    *,
    fetcher: Fetcher,
    run: RunCommand,
    pinned: Checksums,
    builder: t.Optional[Builder] = None,
    check_mode: bool = False,
) -> Outcome:
    """Make the release be there. Safe to be called for the same ``dest`` from several processes at once.

    :raises ReleaseError: no source gave it; ``details["attempts"]`` says why, source by source.
    :raises Refused: ``dest`` is something else than a release.
    """
    before = present(wish.dest)
    if _is_it(before, wish):
        if not check_mode:
            _tidy(wish.dest)
        return Outcome(changed=False, before=before, after=before)
    _refuse_foreign(wish.dest)
    if check_mode:
        return Outcome(changed=True, before=before, after=None)
    parent = os.path.dirname(wish.dest)
    try:
        _make_directory(parent)
        with held(_lock(wish.dest)):
            before = present(wish.dest)
            if _is_it(before, wish):
                return Outcome(changed=False, before=before, after=before)
            _refuse_foreign(wish.dest)
            _remove(_stale(wish.dest))
            with _scratch(wish.dest) as scratch:
                return _Search(wish, fetcher=fetcher, run=run, pinned=pinned, builder=builder).into(scratch, before)
    except OSError as error:
        raise ReleaseError(
            f"etcd {wish.version} cannot be put into {wish.dest}: {error.strerror or error} "
            f"({error.filename or parent}).",
            remedy="Give the user that runs this the right to write there, make room, or choose another dest.",
        ) from error


class _Search:
    """One search through the sources."""

    def __init__(
        self,
        wish: Wanted,
        *,
        fetcher: Fetcher,
        run: RunCommand,
        pinned: Checksums,
        builder: t.Optional[Builder],
    ) -> None:
        self._wish = wish
        self._fetcher = fetcher
        self._run = run
        self._pinned = pinned
        self._builder = builder
        self._top = top_of(wish.version, wish.arch)
        self._warnings: t.List[str] = []

    def into(self, scratch: str, before: t.Optional[Release]) -> Outcome:
        """Try the sources in turn inside ``scratch`` and publish the first release that holds."""
        attempts: t.List[Attempt] = []
        for number, (source, get) in enumerate(self._sources()):
            workdir = os.path.join(scratch, str(number))
            os.mkdir(workdir, 0o700)
            try:
                got = get(workdir)
                staged, files = self._stage(got, os.path.join(scratch, f"{number}-release"))
            except ReleaseError as error:
                attempts.append(Attempt(source, False, error.message))
                shutil.rmtree(workdir, ignore_errors=True)
                continue
            attempts.append(Attempt(source, True, ""))
            after = Release(str(self._wish.version), self._wish.arch, source, got.checksum, files)
            manifest = json.dumps(dataclasses.asdict(after), indent=2, sort_keys=True)
            _write(os.path.join(staged, MANIFEST), f"{manifest}\n")
            _publish(staged, self._wish.dest, os.path.join(scratch, "former"))
            return Outcome(True, before, after, tuple(attempts), tuple(self._warnings))
        raise ReleaseError(
            f"No source gave etcd {self._wish.version} for linux-{self._wish.arch}. "
            + " ".join(f"{attempt.source}: {attempt.reason}." for attempt in attempts),
            remedy="Name a source that this host can reach (a mirror, a file:// directory, or the word go), "
            "or give the checksum of what it serves.",
            attempts=[attempt._asdict() for attempt in attempts],
        )

    def _sources(self) -> t.Iterator[t.Tuple[str, t.Callable[[str], _Got]]]:
        if self._wish.cache:
            yield self._wish.cache, self._from_cache
        for source in self._wish.sources:
            if source == GO:
                yield GO, self._from_go
            else:
                yield shown(source), functools.partial(self._from_url, source)

    def _from_cache(self, workdir: str) -> _Got:
        reasons: t.List[str] = []
        places = [("kept", self._wish.cache)]
        if GO in self._wish.sources:
            places.append(("built", os.path.join(self._wish.cache, GO)))
        for kind, place in places:
            folder = os.path.join(place, f"v{self._wish.version}")
            archive = os.path.join(folder, f"{self._top}.tar.gz")
            if not os.path.isfile(archive):
                continue
            sums = f"file://{urllib.parse.quote(folder)}/{SUMS}"
            try:
                # The checksums of upstream's archives say nothing of one that was built here.
                checksum = self._beside(sums) if kind == "built" else self._expected(sums)
                _verify(archive, checksum)
                return _Got(unpack(archive, os.path.join(workdir, kind), self._top, self._names), checksum)
            except ReleaseError as error:
                reasons.append(error.message)
        raise ReleaseError("; ".join(reasons) or f"holds no {self._top}.tar.gz")

    def _from_url(self, source: str, workdir: str) -> _Got:
        folder = f"{source}/v{self._wish.version}"
        name = f"{self._top}.tar.gz"
        checksum = self._expected(f"{folder}/{SUMS}")
        archive = os.path.join(workdir, name)
        try:
            self._fetcher.save(f"{folder}/{name}", archive, limit=_ARCHIVE_LIMIT)
        except ReleaseError as error:
            raise ReleaseError(f"{name} {error.message}") from error
        _verify(archive, checksum)
        unpacked = unpack(archive, os.path.join(workdir, "unpacked"), self._top, self._names)
        self._keep(archive, checksum, self._wish.cache)
        return _Got(unpacked, checksum, archive)

    def _from_go(self, workdir: str) -> _Got:
        if self._builder is None:
            raise ReleaseError("building is not possible here")
        built = self._builder(self._wish.version, self._wish.arch, workdir)
        if not self._wish.cache:
            return _Got(built)
        archive = os.path.join(workdir, f"{self._top}.tar.gz")
        pack(built, archive, self._top)
        checksum = _sha256(archive)
        self._keep(archive, checksum, os.path.join(self._wish.cache, GO))
        return _Got(built, checksum, archive)

    @property
    def _names(self) -> t.Tuple[str, ...]:
        return programs(self._wish.version)

    def _expected(self, sums: str) -> str:
        """The sha256 to expect: given, else pinned, else what the ``SHA256SUMS`` at that URL says."""
        version, arch = str(self._wish.version), self._wish.arch
        for table in (self._wish.checksums, self._pinned):
            known = table.get(version, {}).get(arch)
            if known:
                return known
        return self._beside(sums)

    def _beside(self, sums: str) -> str:
        name = f"{self._top}.tar.gz"
        unknown = f"no checksum is known for {name}: it is not in the table, none was given, and"
        try:
            text = self._fetcher.read(sums, limit=_SUMS_LIMIT).decode("utf-8", "replace")
        except ReleaseError as error:
            if error.details.get("missing"):
                raise ReleaseError(f"{unknown} there is no {SUMS} beside it") from error
            raise ReleaseError(f"{SUMS} {error.message}") from error
        for line in text.splitlines():
            words = line.split()
            if words[1:] in ([name], [f"*{name}"], [f"./{name}"]) and _SHA256.match(words[0].lower()):
                return words[0].lower()
        raise ReleaseError(f"{unknown} the {SUMS} beside it does not list it")

    def _stage(self, got: _Got, staged: str) -> t.Tuple[str, t.Dict[str, str]]:
        """Bring the programs together in ``staged`` as they shall be; the sha256 of each.

        :raises ReleaseError: one does not run here, or says that it is another version.
        """
        os.mkdir(staged, 0o700)
        files: t.Dict[str, str] = {}
        for name in self._names:
            path = os.path.join(staged, name)
            os.replace(got.programs[name], path)
            os.chmod(path, _FOR_ALL)
            files[name] = _sha256(path)
            if self._wish.runs_here:
                self._try_out(name, path)
        os.chmod(staged, _FOR_ALL)
        return staged, files

    def _try_out(self, name: str, path: str) -> None:
        try:
            rc, out, err = self._run([path, "--version" if name == "etcd" else "version"])
        except OSError as error:
            raise ReleaseError(f"its {name} does not run here: {error.strerror or error}") from error
        said = f"{out}\n{err}".strip().splitlines() or ["nothing"]
        if rc != 0:
            raise ReleaseError(f"its {name} does not run here: {said[-1]}")
        if not re.search(rf"version: {re.escape(str(self._wish.version))}$", out, re.IGNORECASE | re.MULTILINE):
            raise ReleaseError(f"its {name} is not {self._wish.version}: it says {said[0]!r}")

    def _keep(self, archive: str, checksum: str, place: str) -> None:
        """Keep the archive for the next time, laid out like a mirror. Where that fails a warning says so."""
        if not self._wish.cache:
            return
        folder = os.path.join(place, f"v{self._wish.version}")
        name = f"{self._top}.tar.gz"
        try:
            _make_directory(folder)
            with tempfile.TemporaryDirectory(prefix=".keep.", dir=folder) as temporary:
                copy = os.path.join(temporary, name)
                shutil.copyfile(archive, copy)
                os.chmod(copy, 0o644)
                sums = os.path.join(temporary, SUMS)
                others = _lines(os.path.join(folder, SUMS))
                lines = [line for line in others if not line.endswith(f" {name}")] + [f"{checksum}  {name}"]
                _write(sums, "".join(f"{line}\n" for line in sorted(lines)))
                os.replace(copy, os.path.join(folder, name))
                os.replace(sums, os.path.join(folder, SUMS))
        except OSError as error:
            self._warnings.append(f"{name} was not kept in {place}: {error.strerror or error}.")


def unpack(archive: str, into: str, top: str, names: t.Sequence[str]) -> t.Dict[str, str]:
    """Take the files ``TOP/NAME`` out of a ``.tar.gz`` into the new directory ``into``: their paths by name.

    Nothing else is looked at, and no path, link, owner or mode of the archive is ever used.

    :raises ReleaseError: the archive is damaged, or one of them is missing, twice there, no plain file or too large.
    """
    os.mkdir(into, 0o700)
    wanted_members = {f"{top}/{name}": name for name in names}
    found: t.Dict[str, str] = {}
    label = os.path.basename(archive)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = wanted_members.get(member.name[2:] if member.name.startswith("./") else member.name)
                if name is None:
                    continue
                if not member.isreg() or name in found or not 0 < member.size <= _PROGRAM_LIMIT:
                    raise ReleaseError(f"{label} is not a release: its {name} is no plain file of a program's size")
                path = os.path.join(into, name)
                source = tar.extractfile(member)
                if source is None:
                    raise ReleaseError(f"{label} is not a release: its {name} has no content")
                with source, open(path, "xb") as out:
                    shutil.copyfileobj(source, out, _CHUNK)
                if os.path.getsize(path) != member.size:
                    raise ReleaseError(f"{label} is damaged: its {name} is cut short")
                found[name] = path
    except _UNPACK_FAULTS as error:
        raise ReleaseError(f"{label} cannot be unpacked: {error}") from error
    missing = [name for name in names if name not in found]
    if missing:
        raise ReleaseError(f"{label} is not a release: {top}/{missing[0]} is not in it")
    return found


def pack(files: t.Mapping[str, str], archive: str, top: str) -> None:
    """Pack programs like upstream does. The same programs give the same archive, byte for byte."""
    with open(archive, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        _fill(packed, files, top)


def _fill(packed: gzip.GzipFile, files: t.Mapping[str, str], top: str) -> None:
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = os.path.getsize(files[name])
            member.mode = _FOR_ALL
            member.uname = member.gname = "root"
            with open(files[name], "rb") as file:
                tar.addfile(member, file)


def _verify(archive: str, checksum: str) -> None:
    """:raises ReleaseError: the archive has another sha256."""
    got = _sha256(archive)
    if got != checksum:
        raise ReleaseError(f"{os.path.basename(archive)} has the sha256 {got} instead of {checksum}")


def _is_url(source: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(source)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if parts.scheme == "file":
        return not parts.netloc and os.path.isabs(parts.path)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port_is_number


def _checksums(given: t.Mapping[str, t.Any]) -> t.Tuple[t.Dict[str, t.Dict[str, str]], t.List[str]]:
    """The checksums given, in plain form, and what is wrong with them."""
    result: t.Dict[str, t.Dict[str, str]] = {}
    faults: t.List[str] = []
    for version, arches in given.items():
        parsed = Version.parse_or_none(str(version))
        if parsed is None or not isinstance(arches, collections.abc.Mapping):
            faults.append(f"checksums: {version!r} is not a version with checksums by architecture.")
            continue
        for arch, text in arches.items():
            checksum = str(text).strip().lower()
            if checksum.startswith("sha256:"):
                checksum = checksum[len("sha256:") :]
            if not _SHA256.match(checksum):
                faults.append(f"checksums: {version} {arch} is not a sha256 of 64 hexadecimal digits.")
            result.setdefault(str(parsed), {})[str(arch)] = checksum
    return result, faults


def _is_it(found: t.Optional[Release], wish: Wanted) -> bool:
    return found is not None and found.version == str(wish.version) and found.arch == wish.arch


def _refuse_foreign(dest: str) -> None:
    """:raises Refused: ``dest`` is there and is not a directory that holds nothing but (part of) a release."""
    try:
        status = os.lstat(dest)
        entries = set(os.listdir(dest)) if stat.S_ISDIR(status.st_mode) else {""}
    except FileNotFoundError:
        return
    except OSError as error:
        raise Refused(f"{dest} cannot be looked into: {error.strerror}.", remedy="Choose another dest.") from error
    foreign = sorted(entries - {"etcd", "etcdctl", "etcdutl", MANIFEST})
    if foreign:
        what = "is not a directory" if foreign == [""] else f"holds other things than a release, such as {foreign[0]!r}"
        raise Refused(
            f"{dest} {what}, and is left as it is.",
            remedy="Give each release a directory of its own as dest, such as /opt/etcd/3.6.16, or move that one away.",
        )


def _lock(dest: str) -> str:
    """The file to hold: several members on one machine install the same release at once."""
    return os.path.join(os.path.dirname(dest), f".{os.path.basename(dest)}.lock")


def _scratch_name(dest: str) -> t.Tuple[str, str]:
    return f".{os.path.basename(dest)}.", ".tmp"


@contextlib.contextmanager
def _scratch(dest: str) -> t.Iterator[str]:
    """A directory beside ``dest``, on the same file system, gone afterwards."""
    prefix, suffix = _scratch_name(dest)
    path = tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=os.path.dirname(dest))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _stale(dest: str) -> t.List[str]:
    """What interrupted runs left behind, if the lock of ``dest`` is held: only its holder has such a directory."""
    prefix, suffix = _scratch_name(dest)
    name = re.compile(rf"{re.escape(prefix)}[a-z0-9_]{{8}}{re.escape(suffix)}\Z")
    with os.scandir(os.path.dirname(dest)) as entries:
        return [entry.path for entry in entries if name.match(entry.name) and entry.is_dir(follow_symlinks=False)]


def _remove(paths: t.Iterable[str]) -> None:
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)


def _tidy(dest: str) -> None:
    """Remove left-overs beside a release that is there, unless somebody is at work or it may not be done."""
    with contextlib.suppress(OSError):
        if _stale(dest):
            with held(_lock(dest), limit=0):
                _remove(_stale(dest))


def _publish(staged: str, dest: str, former: str) -> None:
    """Put the finished directory in place. What runs from a former one keeps its files until it stops."""
    for name in os.listdir(staged):
        _sync(os.path.join(staged, name))
    _sync(staged)
    if os.path.lexists(dest):
        os.rename(dest, former)
    try:
        os.rename(staged, dest)
    except OSError:
        if os.path.lexists(former):
            os.rename(former, dest)
        raise
    _sync(os.path.dirname(dest))


def _make_directory(path: str) -> None:
    """Make a directory and those above it that are missing, readable to all whatever the umask."""
    if os.path.isdir(path):
        return
    _make_directory(os.path.dirname(path))
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    os.chmod(path, _FOR_ALL)


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some file systems cannot sync a directory.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o644)


def _lines(path: str) -> t.List[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, ValueError):
        return []


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for data in iter(functools.partial(file.read, _CHUNK), b""):
            digest.update(data)
    return digest.hexdigest()


__all__ = (
    "GO",
    "MANIFEST",
    "UPSTREAM",
    "Attempt",
    "Builder",
    "Checksums",
    "Fetcher",
    "Outcome",
    "Release",
    "Wanted",
    "arch_of",
    "ensure",
    "pack",
    "passwords",
    "present",
    "programs",
    "top_of",
    "unpack",
    "wanted",
)

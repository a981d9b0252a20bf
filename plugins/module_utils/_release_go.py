# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building etcd's programs from the Go module proxy, with whatever Go is there or none at all.

Private to this collection. What is downloaded is verified by Go itself (its checksum database), the toolchain that is
fetched where there is no Go by the hash pinned here.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import re
import shutil
import typing as t
import urllib.parse
import zipfile

from ansible_collections.quorum.etcd.plugins.module_utils._address import shown
from ansible_collections.quorum.etcd.plugins.module_utils._errors import ReleaseError
from ansible_collections.quorum.etcd.plugins.module_utils._model import RunCommand
from ansible_collections.quorum.etcd.plugins.module_utils._release import GO, Fetcher, arch_of
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "etcdctl": "go.etcd.io/etcd/etcdctl/v3",
    "etcdutl": "go.etcd.io/etcd/etcdutl/v3",
}

TOOLCHAIN = (1, 26, 10)
TOOLCHAIN_HASHES = {
    "amd64": "h1:5VAGHlY8yl8pTPVSNIez3SNMy6fWabs+QMR25f3oMT0=",
    "arm64": "h1:TuAzKmE5TqYnXpnhgY3GtBJCVg4AfNDA/K1gLyX5Hig=",
}
"""Go's own hash of the toolchain's files, as its checksum database has it, however a proxy may zip them."""

_UPSTREAM_PROXY = "https://proxy.golang.org"
# The first Go that fetches a newer one by itself where a module asks for it.
_SWITCHES = (1, 21, 0)
_GO_LINE = re.compile(r"^go (\d+)\.(\d+)(?:\.(\d+))?", re.MULTILINE)
_GO_VERSION = re.compile(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?")
_GO_MOD_LIMIT = 1 << 20
_TOOLCHAIN_LIMIT = 1 << 28
_CHUNK = 1 << 20
_FOR_ALL = 0o755

_GoVersion = t.Tuple[int, int, int]


class _Go(t.NamedTuple):
    """A ``go`` program. ``own``: it is somebody's installation, and its caches may be used as ever."""

    path: str
    version: _GoVersion
    own: bool


class GoBuilder:
    """Builds releases with Go.

    ``run`` may raise OSError for a program that cannot be executed. ``environ`` is the environment as it is
    (``GOPROXY``, ``PATH``, ``HOME`` are read). ``machine`` is what ``uname -m`` says. ``cache``: a directory in which
    a fetched toolchain is kept; empty for none.
    """

    def __init__(
        self,
        *,
        run: RunCommand,
        fetcher: Fetcher,
        environ: t.Mapping[str, str],
        machine: str,
        cache: str = "",
        candidates: t.Sequence[str] = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go"),
    ) -> None:
        self._run = run
        self._fetcher = fetcher
        self._environ = environ
        self._arch = arch_of(machine)
        self._cache = cache
        self._candidates = candidates

    def __call__(self, version: Version, arch: str, workdir: str) -> t.Dict[str, str]:
        """Build ``etcd``, ``etcdctl`` and ``etcdutl`` inside ``workdir``; their paths by name.

        Takes one to several minutes and, where Go's caches are not somebody's own, 2 GB of room.

        :raises ReleaseError: why not.
        """
        if version < Version(3, 5, 0):
            raise ReleaseError(f"etcd {version.line} cannot be built from the Go module proxy; take it from an archive")
        installed = self._installed(workdir)
        proxies, needs = self._ask(version, self._proxies(installed, workdir))
        go = self._choose(installed, needs, proxies, workdir)
        module = os.path.join(workdir, "module")
        out = os.path.join(workdir, "out")
        os.mkdir(module)
        os.mkdir(out)
        requires = "".join(f"\t{package} v{version}\n" for package in PACKAGES.values())
        line = ".".join(str(number) for number in needs)
        with open(os.path.join(module, "go.mod"), "w", encoding="utf-8") as file:
            file.write(f"module build\n\ngo {line}\n\nrequire (\n{requires})\n")
        environ = {
            "CGO_ENABLED": "0",
            "GO111MODULE": "on",
            "GOARCH": arch,
            "GOFLAGS": "-mod=mod -modcacherw",
            "GOOS": "linux",
            "GOPROXY": ",".join(proxies),
            "GOTOOLCHAIN": "auto",
            "GOWORK": "off",
        }
        if not (go.own and self._environ.get("HOME")):
            environ["GOPATH"] = os.path.join(workdir, "gopath")
            environ["GOMODCACHE"] = os.path.join(workdir, "gopath", "mod")
            environ["GOCACHE"] = os.path.join(workdir, "gocache")
        flags = f"-s -w -X go.etcd.io/etcd/api/v3/version.GitSHA=v{version}"
        command = [go.path, "build", "-trimpath", f"-ldflags={flags}", "-o", f"{out}/", *PACKAGES.values()]
        rc, stdout, stderr = self._execute(command, cwd=module, environ=environ)
        if rc != 0:
            raise ReleaseError(f"go build failed: {_last(stderr or stdout, proxies)}")
        os.replace(os.path.join(out, "server"), os.path.join(out, "etcd"))
        return {name: os.path.join(out, name) for name in PACKAGES}

    def _execute(self, args: t.List[str], *, cwd: str, environ: t.Dict[str, str]) -> t.Tuple[int, str, str]:
        try:
            return self._run(args, cwd=cwd, environ_update=environ)
        except OSError as error:
            return 127, "", f"{args[0]}: {error.strerror or error}"

    def _installed(self, workdir: str) -> t.Optional[_Go]:
        """The Go of this machine; the newest where there are several."""
        found: t.List[_Go] = []
        on_path = shutil.which("go", path=self._environ.get("PATH", os.defpath))
        for path in dict.fromkeys(filter(None, (on_path, *self._candidates))):
            if not os.access(path, os.X_OK):
                continue
            rc, out, _err = self._execute([path, "version"], cwd=workdir, environ={"GOTOOLCHAIN": "local"})
            version = _GO_VERSION.search(out)
            if rc == 0 and version is not None:
                found.append(_Go(path, _numbers(version), own=True))
        return max(found, key=_version_of, default=None)

    def _proxies(self, installed: t.Optional[_Go], workdir: str) -> t.List[str]:
        """The base URLs in ``GOPROXY``: of the environment, else of Go's settings, else Go's default."""
        setting = self._environ.get("GOPROXY", "")
        if not setting and installed is not None:
            rc, out, _err = self._execute([installed.path, "env", "GOPROXY"], cwd=workdir, environ={})
            setting = out.strip() if rc == 0 else ""
        urls: t.List[str] = []
        for entry in re.split(r"[,|]", setting or _UPSTREAM_PROXY):
            word = entry.strip().rstrip("/")
            if word == "off":
                break
            if word and word != "direct":
                urls.append(word)
        if not urls:
            told = ",".join(shown(entry.strip()) for entry in setting.split(","))
            raise ReleaseError(f"GOPROXY={told} names no module proxy")
        return urls

    def _ask(self, version: Version, proxies: t.List[str]) -> t.Tuple[t.List[str], _GoVersion]:
        """The proxies from the first on that has this etcd, and the Go that it needs."""
        reasons: t.List[str] = []
        for number, proxy in enumerate(proxies):
            try:
                url = f"{proxy}/{PACKAGES['etcd']}/@v/v{version}.mod"
                text = self._fetcher.read(url, limit=_GO_MOD_LIMIT).decode("utf-8", "replace")
            except ReleaseError as error:
                reasons.append(f"{shown(proxy)} {error.message}")
                continue
            line = _GO_LINE.search(text)
            if line is not None:
                # Before 1.21 a go line did not have three numbers and bound nobody.
                return proxies[number:], max(_numbers(line), _SWITCHES)
            reasons.append(f"{shown(proxy)} answered something else than a go.mod")
        raise ReleaseError(f"no module proxy gives etcd {version}: {', '.join(reasons)}")

    def _choose(self, installed: t.Optional[_Go], needs: _GoVersion, proxies: t.List[str], workdir: str) -> _Go:
        """The Go to build with: an installed one that is new enough, a fetched one, or one that switches by itself."""
        if installed is not None and installed.version >= needs:
            return installed
        switches = installed is not None and installed.version >= _SWITCHES
        if installed is not None and switches and (needs > TOOLCHAIN or self._arch not in TOOLCHAIN_HASHES):
            return installed
        if self._arch not in TOOLCHAIN_HASHES:
            there = f"Go {_dotted(installed.version)} is too old" if installed else "there is no Go"
            raise ReleaseError(f"{there} and none can be fetched for linux-{self._arch}; install Go 1.21 or newer")
        try:
            return _Go(self._fetch_toolchain(proxies, workdir), TOOLCHAIN, own=False)
        except ReleaseError:
            if installed is not None and switches:
                return installed
            raise

    def _fetch_toolchain(self, proxies: t.List[str], workdir: str) -> str:
        """Fetch and unpack the pinned toolchain; the path of its ``go``."""
        name = f"v0.0.1-go{_dotted(TOOLCHAIN)}.linux-{self._arch}"
        root = os.path.join(workdir, "toolchain")
        kept = os.path.join(self._cache, GO, f"{name}.zip") if self._cache else ""
        if kept and os.path.isfile(kept):
            try:
                return self._unpack_toolchain(kept, root, name)
            except ReleaseError:
                shutil.rmtree(root, ignore_errors=True)
        archive = os.path.join(workdir, f"{name}.zip")
        reasons: t.List[str] = []
        for proxy in proxies:
            try:
                self._fetcher.save(f"{proxy}/golang.org/toolchain/@v/{name}.zip", archive, limit=_TOOLCHAIN_LIMIT)
                path = self._unpack_toolchain(archive, root, name)
            except ReleaseError as error:
                reasons.append(f"{shown(proxy)} {error.message}")
                shutil.rmtree(root, ignore_errors=True)
                continue
            if kept:
                _keep(archive, kept)
            return path
        raise ReleaseError(f"Go {_dotted(TOOLCHAIN)} cannot be fetched: {', '.join(reasons)}")

    def _unpack_toolchain(self, archive: str, root: str, name: str) -> str:
        got = unpack_module(archive, root, f"golang.org/toolchain@{name}/")
        if got != TOOLCHAIN_HASHES[self._arch]:
            raise ReleaseError(f"{name}.zip has the hash {got} instead of {TOOLCHAIN_HASHES[self._arch]}")
        _make_usable(root)
        return os.path.join(root, "bin", "go")


def unpack_module(archive: str, root: str, prefix: str) -> str:
    """Unpack a module's zip, whose names all begin with ``prefix``, into the new directory ``root``; Go's hash of it.

    The hash is the one of ``go.sum`` (``h1:`` and the base64 of a sha256 over the sorted lines ``SHA256  NAME``).

    :raises ReleaseError: damaged, or a name that leads elsewhere.
    """
    lines: t.List[t.Tuple[str, str]] = []
    try:
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                parts = entry.filename[len(prefix) :].split("/")
                if not entry.filename.startswith(prefix) or any(part in ("", ".", "..") for part in parts):
                    raise ReleaseError(f"{os.path.basename(archive)} holds a name that leads elsewhere")
                path = os.path.join(root, *parts)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                digest = hashlib.sha256()
                with zipped.open(entry) as source, open(path, "xb") as out:
                    for data in iter(functools.partial(source.read, _CHUNK), b""):
                        digest.update(data)
                        out.write(data)
                lines.append((entry.filename, digest.hexdigest()))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError) as error:
        raise ReleaseError(f"{os.path.basename(archive)} cannot be unpacked: {error}") from error
    summary = hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in sorted(lines)).encode())
    return f"h1:{base64.b64encode(summary.digest()).decode()}"


def _make_usable(root: str) -> None:
    """Do what Go itself does with a fetched toolchain: modes, and the ``go.mod`` files that a module cannot hold."""
    for folder, _folders, files in os.walk(root):
        inside = os.path.relpath(folder, root).split(os.sep)
        runs = inside[0] == "bin" or inside[:2] == ["pkg", "tool"]
        for name in files:
            path = os.path.join(folder, name)
            if runs:
                os.chmod(path, _FOR_ALL)
            elif name == "_go.mod":
                shutil.copyfile(path, os.path.join(folder, "go.mod"))


def _keep(archive: str, kept: str) -> None:
    """Keep the toolchain for the next time; it is verified again then, and not needed where keeping fails."""
    try:
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        shutil.copyfile(archive, f"{kept}.new")
        os.replace(f"{kept}.new", kept)
    except OSError:
        return


def _numbers(found: t.Match[str]) -> _GoVersion:
    major, minor, patch = found.groups(default="0")
    return int(major), int(minor), int(patch)


def _dotted(version: _GoVersion) -> str:
    return ".".join(str(number) for number in version)


def _version_of(go: _Go) -> _GoVersion:
    return go.version


def _last(text: str, proxies: t.Iterable[str]) -> str:
    """The last lines of what Go said, without passwords of the proxies."""
    for proxy in proxies:
        secret = urllib.parse.urlsplit(proxy).netloc.rpartition("@")[0]
        if secret:
            text = text.replace(f"{secret}@", "")
    return " / ".join(line.strip() for line in text.strip().splitlines()[-3:]) or "it said nothing"


__all__ = ("PACKAGES", "TOOLCHAIN", "TOOLCHAIN_HASHES", "GoBuilder", "unpack_module")

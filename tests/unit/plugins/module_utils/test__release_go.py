# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
import zipfile
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _release_go as release_go
from ansible_collections.quorum.etcd.plugins.module_utils._errors import ReleaseError
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

PROXY = "https://proxy.example.com"
SECRET = "https://user:geheim@proxy.example.com"
VERSION = Version(3, 6, 16)


class Network:
    """Module proxies: what they hold, by URL."""

    def __init__(self, files: t.Mapping[str, t.Union[bytes, Exception]]) -> None:
        self.files = dict(files)
        self.asked: t.List[str] = []

    def read(self, url: str, *, limit: int) -> bytes:
        self.asked.append(url)
        found = self.files.get(url, ReleaseError("answered HTTP 404 Not Found", missing=True))
        if isinstance(found, Exception):
            raise found
        assert len(found) <= limit
        return found

    def save(self, url: str, path: str, *, limit: int) -> None:
        Path(path).write_bytes(self.read(url, limit=limit))


class Machine:
    """Runs any ``go``: its version by path; builds write what they are."""

    def __init__(self, versions: t.Mapping[str, str], *, goproxy: str = "", fails: str = "") -> None:
        self.versions = versions
        self.goproxy = goproxy
        self.fails = fails
        self.builds: t.List[t.Tuple[t.List[str], t.Dict[str, str], str]] = []

    def __call__(
        self,
        args: t.List[str],
        *,
        check_rc: bool = False,
        cwd: t.Optional[str] = None,
        data: t.Optional[str] = None,
        environ_update: t.Optional[t.Dict[str, str]] = None,
    ) -> t.Tuple[int, str, str]:
        if args[1:] == ["version"]:
            if args[0] not in self.versions:
                raise OSError(8, "Exec format error")
            return 0, f"go version go{self.versions[args[0]]} linux/amd64\n", ""
        if args[1:] == ["env", "GOPROXY"]:
            return 0, f"{self.goproxy}\n", ""
        assert args[1] == "build"
        assert cwd is not None
        self.builds.append((args, environ_update or {}, Path(cwd, "go.mod").read_text()))
        if self.fails:
            return 1, "", self.fails
        out = Path(args[args.index("-o") + 1])
        for name in ("server", "etcdctl", "etcdutl"):
            (out / name).write_text(name)
        return 0, "", ""


def mod(version: str = "3.6.16", go: str = "1.26.0", proxy: str = PROXY) -> t.Dict[str, t.Union[bytes, Exception]]:
    text = f"module go.etcd.io/etcd/server/v3\n\ngo {go}\n\ntoolchain go{go}\n"
    return {f"{proxy}/go.etcd.io/etcd/server/v3/@v/v{version}.mod": text.encode()}


@pytest.fixture
def installed(tmp_path: Path) -> t.Callable[[str], str]:
    def make(name: str) -> str:
        path = tmp_path / name / "go"
        path.parent.mkdir()
        path.write_text("")
        path.chmod(0o755)
        return str(path)

    return make


def build(
    workdir: Path,
    network: Network,
    machine: Machine,
    *,
    version: Version = VERSION,
    environ: t.Optional[t.Dict[str, str]] = None,
    uname: str = "x86_64",
    cache: str = "",
    arch: str = "amd64",
) -> t.Dict[str, str]:
    builder = release_go.GoBuilder(
        run=machine,
        fetcher=network,
        environ={"GOPROXY": PROXY, "PATH": "/nonexistent", "HOME": "/root", **(environ or {})},
        machine=uname,
        cache=cache,
        candidates=list(machine.versions),
    )
    workdir.mkdir()
    return builder(version, arch, str(workdir))


def test_builds_with_the_go_that_is_there(tmp_path: Path, installed: t.Callable[[str], str]) -> None:
    old, new = installed("old"), installed("new")
    machine = Machine({old: "1.20.3", new: "1.26.1"})
    made = build(tmp_path / "work", Network(mod()), machine, arch="arm64")
    assert {name: Path(path).read_text() for name, path in made.items()} == {
        "etcd": "server",
        "etcdctl": "etcdctl",
        "etcdutl": "etcdutl",
    }
    ((args, environ, text),) = machine.builds
    assert args[0] == new
    assert "-trimpath" in args
    assert (environ["CGO_ENABLED"], environ["GOOS"], environ["GOARCH"]) == ("0", "linux", "arm64")
    assert environ["GOPROXY"] == PROXY
    assert environ["GOTOOLCHAIN"] == "auto"
    assert "GOMODCACHE" not in environ, "somebody's own Go keeps what it downloads where it always does"
    assert "\ngo 1.26.0\n" in text
    for module in ("server", "etcdctl", "etcdutl"):
        assert f"\tgo.etcd.io/etcd/{module}/v3 v3.6.16\n" in text


def test_go_on_path_is_found(tmp_path: Path, installed: t.Callable[[str], str]) -> None:
    go = installed("bin")
    machine = Machine({go: "1.26"})
    builder = release_go.GoBuilder(
        run=machine,
        fetcher=Network(mod(go="1.16", version="3.5.0")),
        environ={"GOPROXY": PROXY, "PATH": str(Path(go).parent)},
        machine="x86_64",
        candidates=(),
    )
    (tmp_path / "work").mkdir()
    assert builder(Version(3, 5, 0), "amd64", str(tmp_path / "work"))
    ((_args, environ, text),) = machine.builds
    assert "\ngo 1.21.0\n" in text
    assert environ["GOCACHE"].startswith(str(tmp_path / "work")), "without a home nothing is left behind"


@pytest.mark.parametrize(
    ("setting", "asked", "used"),
    [
        ("https://a.example.com,https://b.example.com/,direct", ["a", "b"], "https://b.example.com"),
        ("direct|https://b.example.com|https://c.example.com", ["b"], "https://b.example.com,https://c.example.com"),
        ("https://b.example.com,off,https://c.example.com", ["b"], "https://b.example.com"),
    ],
)
@pytest.mark.parametrize("where", ["environment", "settings"])
def test_proxies_in_turn(
    tmp_path: Path, installed: t.Callable[[str], str], *, setting: str, asked: t.List[str], used: str, where: str
) -> None:
    network = Network(
        {
            **mod(proxy="https://b.example.com"),
            "https://a.example.com/go.etcd.io/etcd/server/v3/@v/v3.6.16.mod": ReleaseError("gave no answer"),
        }
    )
    machine = Machine({installed("go"): "1.26.1"}, goproxy=setting)
    build(tmp_path / "work", network, machine, environ={"GOPROXY": setting if where == "environment" else ""})
    assert [url[len("https://") :][0] for url in network.asked] == asked
    ((_args, environ, _text),) = machine.builds
    assert environ["GOPROXY"] == used


@pytest.mark.parametrize(
    "setting", ["off", "direct", "off,https://a.example.com", "off, https://me:geheim@a.example.com"]
)
def test_no_proxy(tmp_path: Path, installed: t.Callable[[str], str], setting: str) -> None:
    network = Network(mod())
    machine = Machine({installed("go"): "1.26.1"})
    with pytest.raises(ReleaseError, match="names no module proxy") as caught:
        build(tmp_path / "work", network, machine, environ={"GOPROXY": setting})
    assert network.asked == []
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ReleaseError("gave no answer within 10 s"), "https://proxy.example.com gave no answer within 10 s"),
        (b"<html>login</html>", "https://proxy.example.com answered something else than a go.mod"),
    ],
)
def test_a_proxy_that_does_not_give_it(
    tmp_path: Path, installed: t.Callable[[str], str], answer: t.Union[bytes, Exception], told: str
) -> None:
    machine = Machine({installed("go"): "1.26.1"})
    network = Network({next(iter(mod(proxy=SECRET))): answer})
    with pytest.raises(ReleaseError) as caught:
        build(tmp_path / "work", network, machine, environ={"GOPROXY": SECRET})
    assert told in caught.value.message
    assert "geheim" not in caught.value.message
    assert machine.builds == []


def test_3_4_cannot_be_built(tmp_path: Path) -> None:
    network = Network({})
    with pytest.raises(ReleaseError, match=r"etcd 3\.4 cannot be built"):
        build(tmp_path / "work", network, Machine({}), version=Version(3, 4, 30))
    assert network.asked == []


def test_a_build_that_fails_tells_why(tmp_path: Path, installed: t.Callable[[str], str]) -> None:
    machine = Machine({installed("go"): "1.26.1"}, fails=f"a\nb\nc\n{SECRET}/x: 403\n")
    with pytest.raises(ReleaseError) as caught:
        build(tmp_path / "work", Network(mod(proxy=SECRET)), machine, environ={"GOPROXY": SECRET})
    assert caught.value.message == "go build failed: b / c / https://proxy.example.com/x: 403"


# --- without a Go that will do --------------------------------------------------------------------------------------

NAME = "v0.0.1-go1.26.10.linux-amd64"
PREFIX = f"golang.org/toolchain@{NAME}/"
ZIP = f"{PROXY}/golang.org/toolchain/@v/{NAME}.zip"
FILES = {"bin/go": b"go", "pkg/tool/linux_amd64/compile": b"compile", "src/_go.mod": b"module std\n", "VERSION": b"1"}


def zipped(path: Path, files: t.Mapping[str, bytes], prefix: str = PREFIX) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(prefix + name, content)
    return path.read_bytes()


@pytest.fixture
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    data = zipped(tmp_path / "toolchain.zip", FILES)
    # what makes the hash right is tested below
    known = release_go.unpack_module(str(tmp_path / "toolchain.zip"), str(tmp_path / "once"), PREFIX)
    monkeypatch.setattr(release_go, "TOOLCHAIN_HASHES", {"amd64": known})
    return data


def test_the_hash_is_the_one_of_go(tmp_path: Path) -> None:
    """``go mod download -json`` says the same of this module."""
    zipped(tmp_path / "m.zip", {"go.mod": b"module example.com/m\n", "a.go": b"package m\n"}, "example.com/m@v1.0.0/")
    got = release_go.unpack_module(str(tmp_path / "m.zip"), str(tmp_path / "m"), "example.com/m@v1.0.0/")
    assert got == "h1:SXy42eQ/QbleX7vtuAPFnaM3tNuQnfeo7rulG/p7iOw="


@pytest.mark.parametrize("there", ["", "1.19.8"])
def test_a_toolchain_is_fetched(
    tmp_path: Path, installed: t.Callable[[str], str], toolchain: bytes, there: str
) -> None:
    machine = Machine({installed("go"): there} if there else {})
    assert build(tmp_path / "work", Network({**mod(), ZIP: toolchain}), machine)
    ((args, environ, _text),) = machine.builds
    root = tmp_path / "work" / "toolchain"
    assert args[0] == str(root / "bin" / "go")
    assert environ["GOMODCACHE"].startswith(str(tmp_path / "work"))
    assert {path for path in root.rglob("*") if path.is_file() and path.stat().st_mode & 0o111} == {
        root / "bin" / "go",
        root / "pkg" / "tool" / "linux_amd64" / "compile",
    }
    assert (root / "src" / "go.mod").read_bytes() == b"module std\n"


def test_a_fetched_toolchain_is_kept_and_verified_again(tmp_path: Path, toolchain: bytes) -> None:
    cache = tmp_path / "cache"
    network = Network({**mod(), ZIP: toolchain})
    build(tmp_path / "1", network, Machine({}), cache=str(cache))
    build(tmp_path / "2", network, Machine({}), cache=str(cache))
    assert network.asked.count(ZIP) == 1
    (kept,) = (cache / "go").iterdir()
    kept.write_bytes(b"spoilt")
    build(tmp_path / "3", network, Machine({}), cache=str(cache))
    assert network.asked.count(ZIP) == 2
    assert kept.read_bytes() == toolchain


def test_a_toolchain_of_another_hash_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toolchain: bytes
) -> None:
    machine = Machine({})
    evil = zipped(tmp_path / "evil.zip", {**FILES, "bin/go": b"evil"})
    with pytest.raises(ReleaseError, match=f"{NAME}.zip has the hash h1:.* instead of h1:"):
        build(tmp_path / "work", Network({**mod(), ZIP: evil}), machine)
    assert machine.builds == []
    assert not (tmp_path / "work" / "toolchain").exists()


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "a//b", "dir/"])
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    zipped(tmp_path / "m.zip", {"a": b"", name: b""}, "m@v1/")
    with pytest.raises(ReleaseError, match="leads elsewhere"):
        release_go.unpack_module(str(tmp_path / "m.zip"), str(tmp_path / "m"), "m@v1/")
    with pytest.raises(ReleaseError, match="leads elsewhere"):
        release_go.unpack_module(str(tmp_path / "m.zip"), str(tmp_path / "m2"), "other@v1/")


def test_no_zip_at_all(tmp_path: Path) -> None:
    (tmp_path / "m.zip").write_bytes(b"<html>")
    with pytest.raises(ReleaseError, match=r"m\.zip cannot be unpacked"):
        release_go.unpack_module(str(tmp_path / "m.zip"), str(tmp_path / "m"), "m@v1/")


@pytest.mark.parametrize(("there", "told"), [("", "there is no Go"), ("1.19.8", r"Go 1\.19\.8 is too old")])
def test_no_toolchain_for_this_machine(
    tmp_path: Path, installed: t.Callable[[str], str], there: str, told: str
) -> None:
    machine = Machine({installed("go"): there} if there else {})
    with pytest.raises(ReleaseError, match=f"{told} and none can be fetched for linux-s390x"):
        build(tmp_path / "work", Network(mod()), machine, uname="s390x")


def test_a_go_that_is_too_old_but_can_fetch_another(tmp_path: Path, installed: t.Callable[[str], str]) -> None:
    """Where the pinned toolchain is not to be had, or too old itself, a Go from 1.21 on is trusted to find one."""
    go = installed("go")
    for number, (files, uname) in enumerate([(mod(), "x86_64"), (mod(), "s390x"), (mod(go="1.99.0"), "x86_64")]):
        machine = Machine({go: "1.21.0"})
        assert build(tmp_path / f"work{number}", Network(files), machine, uname=uname)
        assert machine.builds[0][0][0] == go


def test_no_toolchain_to_be_had(tmp_path: Path) -> None:
    with pytest.raises(
        ReleaseError, match=r"Go 1\.26\.10 cannot be fetched: https://proxy.example.com answered HTTP 404"
    ):
        build(tmp_path / "work", Network(mod()), Machine({}))

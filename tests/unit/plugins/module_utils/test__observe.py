# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is put together from the parts; the parts have their own tests, and real members are in tests/integration."""

from __future__ import annotations

import dataclasses
import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _observe, _process
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client
from ansible_collections.quorum.etcd.plugins.module_utils._errors import DataError, InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._instance import Files
from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    EndpointSeen,
    FilesSeen,
    HostSeen,
    ProcessSeen,
    ReleaseSeen,
    ServiceSeen,
    decode,
    encode,
)
from ansible_collections.quorum.etcd.plugins.module_utils._observe import (
    Instance,
    Wished,
    connector,
    observe,
    service_of,
)
from ansible_collections.quorum.etcd.plugins.module_utils._service import ProcfileService, SystemdService
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection


def no_command(args: t.List[str], **kwargs: t.Any) -> t.Tuple[int, str, str]:
    raise AssertionError(f"nothing is to be run: {args}")


def no_server(endpoint: str) -> Client:
    raise AssertionError(f"nobody is to be asked: {endpoint}")


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance(
        service="m1",
        deployment="procfile",
        config_dir=str(tmp_path / "m1"),
        data_dir=str(tmp_path / "m1" / "data"),
        release_dir=str(tmp_path / "releases"),
        procfile_dir=str(tmp_path),
    )


def process(environment: t.Optional[t.Dict[str, str]] = None, *arguments: str) -> ProcessSeen:
    return ProcessSeen(
        pid=7, executable="/r/3.6.16/etcd", environment=environment or {}, started=1.0, arguments=arguments
    )


def test_a_blank_host(instance: Instance) -> None:
    seen = observe(instance, run=no_command, connect=no_server)
    assert (seen.service.exists, seen.service.state) == (False, "inactive")
    assert (seen.data.state, seen.data.path) == ("absent", instance.data_dir)
    assert (seen.files.environment, seen.files.bootstrap, seen.files.definition) == (None, None, None)
    assert (seen.releases, seen.process, seen.local) == ((), None, None)
    assert [place.path for place in seen.directories] == [instance.procfile_dir]
    assert seen.user
    assert seen.nonce != observe(instance, run=no_command, connect=no_server).nonce
    assert decode(HostSeen, json.loads(json.dumps(encode(seen)))) == seen


def test_a_host_with_everything_but_a_process(instance: Instance, tmp_path: Path) -> None:
    files = Files(instance.config_dir)
    files.write_environment({"ETCD_NAME": "m1", "ETCD_DATA_DIR": "./elsewhere", "ETCD_DISCOVERY_PASSWORD": "hunter2"})
    files.link_release("../releases/3.6.16")
    for name in ("3.6.16", "3.5.35", "empty"):
        (tmp_path / "releases" / name).mkdir(parents=True)
    for name in ("3.6.16", "3.5.35"):
        program = tmp_path / "releases" / name / "etcd"
        program.touch()
        program.chmod(0o755)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    ProcfileService(str(tmp_path), "m1", no_command).define("m1: exec ./m1/release/etcd")

    seen = observe(instance, run=no_command, connect=no_server)
    assert seen.service.exists
    assert seen.files.definition == "m1: exec ./m1/release/etcd"
    assert seen.files.release == "../releases/3.6.16"
    assert "hunter2" not in repr(seen)
    assert seen.releases == tuple(ReleaseSeen(f"{tmp_path}/releases/{v}", v) for v in ("3.5.35", "3.6.16"))
    assert (seen.data.path, seen.data.state, seen.data.last_index) == (f"{tmp_path}/elsewhere", "empty", None)
    modes = {place.path: place.mode for place in seen.directories}
    assert modes[f"{tmp_path}/elsewhere"] == "0700"
    assert list(modes) == [instance.config_dir, f"{tmp_path}/elsewhere", instance.release_dir, str(tmp_path)]


@pytest.mark.parametrize(
    ("name", "answer", "version"),
    [
        ("3.6.16", None, "3.6.16"),
        ("v3.6.16", None, "3.6.16"),
        ("bin", (0, "etcd Version: 3.4.23\nGit SHA: x\n", ""), "3.4.23"),
        ("bin", (0, "etcd Version: 3.7.0-rc.1\n", ""), ""),
        ("bin", (126, "", "Exec format error"), ""),
        pytest.param("3.6.14", (0, "etcd Version: 3.6.14\n", ""), "3.6.14", id="wished"),
        pytest.param("3.6.14", (126, "", "Exec format error"), "", id="wished, and does not run"),
    ],
)
def test_the_version_of_a_release(
    instance: Instance, name: str, answer: t.Optional[t.Tuple[int, str, str]], version: str
) -> None:
    def run(args: t.List[str], **kwargs: t.Any) -> t.Tuple[int, str, str]:
        return answer or no_command(args)

    program = Path(instance.release_dir) / name / "etcd"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    found = _observe._look_at_releases(instance, FilesSeen(), None, run, "3.6.14")
    assert found == (ReleaseSeen(str(program.parent), version),)


def test_what_runs_needs_no_trial(instance: Instance) -> None:
    program = Path(instance.release_dir) / "3.6.14" / "etcd"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    runs = dataclasses.replace(process({}), executable=str(program))
    found = _observe._look_at_releases(instance, FilesSeen(), runs, no_command, "3.6.14")
    assert found == (ReleaseSeen(str(program.parent), "3.6.14"),)


def test_a_program_reached_by_a_link_is_named_as_the_release_is(tmp_path: Path) -> None:
    (tmp_path / "disk" / "3.6.16").mkdir(parents=True)
    (tmp_path / "opt").symlink_to("disk")
    release = ReleaseSeen(f"{tmp_path}/opt/3.6.16", "3.6.16")
    runs = dataclasses.replace(process(), executable=f"{tmp_path}/disk/3.6.16/etcd")
    found = _observe._in_terms_of([release], runs)
    assert found is not None
    assert found.executable == f"{tmp_path}/opt/3.6.16/etcd"
    direct = ReleaseSeen(f"{tmp_path}/disk/3.6.16", "3.6.16")
    assert _observe._in_terms_of([release, direct], runs) == runs
    assert _observe._in_terms_of([], runs) == runs
    assert _observe._in_terms_of([release], None) is None


def test_a_program_that_is_itself_a_link_is_named_as_its_release(tmp_path: Path) -> None:
    """``/usr/local/bin/etcd`` often is one."""
    for name in ("bin", "disk"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin" / "etcd").symlink_to(tmp_path / "disk" / "etcd")
    link, direct = (ReleaseSeen(f"{tmp_path}/{name}", "3.6.16") for name in ("bin", "disk"))
    runs = dataclasses.replace(process(), executable=f"{tmp_path}/disk/etcd")
    for releases, linked, expected in (
        ([link], None, link),
        ([link, direct], None, direct),
        ([link, direct], link.path, link),
    ):
        found = _observe._in_terms_of(releases, runs, linked)
        assert found is not None
        assert found.executable == f"{expected.path}/etcd"


def test_one_that_serves_is_never_seen_without_its_data(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come up while it is looked at."""
    wal = Path(instance.data_dir, "member", "wal")

    def look(*_args: t.Any) -> EndpointSeen:
        wal.mkdir(parents=True)
        (wal / "0000000000000000-0000000000000000.wal").touch()
        return EndpointSeen("http://127.0.0.1:1", True)

    runs = process({"ETCD_DATA_DIR": instance.data_dir})
    monkeypatch.setattr(ProcfileService, "seen", lambda _self: ServiceSeen("m1", exists=True, main_pid=7))
    monkeypatch.setattr(_process, "look", lambda _pid: runs)
    monkeypatch.setattr(_observe, "_look_at_local", look)
    seen = observe(instance, run=no_command, connect=no_server)
    assert seen.local is not None
    assert seen.data.state == "initialised"


@pytest.mark.parametrize(("deployment", "there"), [("systemd", True), ("systemd", False), ("procfile", True)])
def test_a_proxy_in_the_place_of_the_server(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, deployment: str, there: bool
) -> None:
    """A service of this user's own has none."""
    units = {"m1-proxy": "[Service]"} if there else {}
    monkeypatch.setattr(SystemdService, "definition", lambda self: units.get(self.name))
    found = _observe._has_proxy(dataclasses.replace(instance, deployment=deployment), no_command)
    assert found is (there and deployment == "systemd")


# --- where the data is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runs", "written", "path", "wal"),
    [
        (None, None, "/option", "/option/member/wal"),
        (None, {}, "/option", "/option/member/wal"),
        (None, {"ETCD_DATA_DIR": "/written"}, "/written", "/written/member/wal"),
        (None, {"ETCD_DATA_DIR": "/written", "ETCD_WAL_DIR": "/w"}, "/written", "/w"),
        (process({"ETCD_DATA_DIR": "/runs"}), {"ETCD_DATA_DIR": "/written"}, "/runs", "/runs/member/wal"),
        (process({"ETCD_DATA_DIR": "/runs", "ETCD_WAL_DIR": "/w"}), None, "/runs", "/w"),
        (process({"ETCD_NAME": "n"}), {"ETCD_DATA_DIR": "/written"}, "/cwd/n.etcd", "/cwd/n.etcd/member/wal"),
        (process({"ETCD_DEBUG": "1"}), None, "/cwd/default.etcd", "/cwd/default.etcd/member/wal"),
        (process(), {"ETCD_DATA_DIR": "/written"}, "/written", "/written/member/wal"),
    ],
    ids=[
        "option", "silent file", "file", "file with wal", "process first", "process with wal",
        "etcd's default", "etcd's default name", "hidden process",
    ],
)  # fmt: skip
def test_where_data_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
    instance: Instance,
    runs: t.Optional[ProcessSeen],
    written: t.Optional[t.Dict[str, str]],
    path: str,
    wal: str,
) -> None:
    monkeypatch.setattr(_process, "directory", lambda _pid: "/cwd")
    service = ProcfileService("/none", "m1", no_command)
    files = FilesSeen(environment=written)
    data = _observe._look_at_data(dataclasses.replace(instance, data_dir="/option"), service, files, runs)
    assert (data.path, data.wal_path) == (path, wal)


def test_the_unit_of_a_package_says_where_its_data_is(tmp_path: Path, instance: Instance) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)

    def run(args: t.List[str], **kwargs: t.Any) -> t.Tuple[int, str, str]:
        return 0, "Environment=ETCD_NAME=h ETCD_DATA_DIR=/var/lib/etcd/default\n", ""

    service = SystemdService("etcd", run, root=str(tmp_path))
    unwritten, written = FilesSeen(), FilesSeen(environment={"ETCD_DATA_DIR": "/written"})
    assert _observe._places(instance, service, unwritten, None)[0] == "/var/lib/etcd/default"
    assert _observe._places(instance, service, written, None)[0] == "/written"


# --- what may not be read -----------------------------------------------------------------------------------------


def test_a_hidden_file_counts_as_there(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    Files(instance.config_dir).write_bootstrap({"ETCD_INITIAL_CLUSTER": "a=b"})
    read = Files.read

    def refuse(self: Files, name: str) -> t.Optional[str]:
        if name == "etcd.env":
            raise DataError(f"Cannot read {self.path(name)}: Permission denied.", remedy="Become root.")
        return read(self, name)

    monkeypatch.setattr(Files, "read", refuse)
    seen = observe(instance, run=no_command, connect=no_server)
    assert seen.files.environment == {}
    assert seen.files.bootstrap == {"ETCD_INITIAL_CLUSTER": "a=b"}
    assert seen.data.problem == f"Cannot read {instance.config_dir}/etcd.env: Permission denied."


# --- the server itself --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runs", "endpoint"),
    [
        (
            process({"ETCD_LISTEN_CLIENT_URLS": "http://192.0.2.1:2379,http://127.0.0.1:12379"}),
            "http://127.0.0.1:12379",
        ),
        (
            process({"ETCD_LISTEN_CLIENT_URLS": "https://192.0.2.1:2379, https://192.0.2.2:2379"}),
            "https://192.0.2.1:2379",
        ),
        (process({"ETCD_LISTEN_CLIENT_URLS": "https://0.0.0.0:2379"}), "https://127.0.0.1:2379"),
        (process({"ETCD_LISTEN_CLIENT_URLS": "http://[::]:2379"}), "http://[::1]:2379"),
        (process({"ETCD_LISTEN_CLIENT_URLS": "http://[2001:db8::1]:2379,http://[::1]:2379"}), "http://[::1]:2379"),
        (process({"ETCD_LISTEN_CLIENT_URLS": "http://localhost:2379"}), "http://127.0.0.1:2379"),
        (process({"ETCD_LISTEN_CLIENT_URLS": "unix://localhost:1,http://192.0.2.1:2379"}), "http://192.0.2.1:2379"),
        (process({"ETCD_LISTEN_CLIENT_URLS": "unixs://localhost:1"}), None),
        (
            process(
                {"ETCD_LISTEN_CLIENT_URLS": "http://127.0.0.1:1", "ETCD_LISTEN_CLIENT_HTTP_URLS": "http://127.0.0.1:2"}
            ),
            "http://127.0.0.1:2",
        ),
        (process({"ETCD_NAME": "n"}), "http://127.0.0.1:2379"),
        (process(), None),
    ],
)
def test_where_the_local_server_is_asked(runs: ProcessSeen, endpoint: t.Optional[str]) -> None:
    assert _observe._local_endpoint(runs) == endpoint


def test_a_server_that_cannot_be_asked_is_no_error() -> None:
    def connect(endpoint: str) -> Client:
        raise InvalidInput(f"{endpoint} needs a certificate.", remedy="Set ca_path.")

    seen = _observe._look_at_local(process({"ETCD_NAME": "n"}), connect)
    problem = "http://127.0.0.1:2379 needs a certificate. Set ca_path."
    assert seen == EndpointSeen(endpoint="http://127.0.0.1:2379", healthy=False, problem=problem, denied=True)


@pytest.mark.parametrize(
    ("written", "given", "used"),
    [
        ({}, Connection(), Connection()),
        (
            {"ETCD_TRUSTED_CA_FILE": "ca", "ETCD_CERT_FILE": "cert", "ETCD_KEY_FILE": "key"},
            Connection(),
            Connection(ca_path="ca", client_cert="cert", client_key="key"),
        ),
        (
            {
                "ETCD_CERT_FILE": "cert",
                "ETCD_KEY_FILE": "key",
                "ETCD_CLIENT_CERT_FILE": "client_cert",
                "ETCD_CLIENT_KEY_FILE": "client_key",
            },
            Connection(validate_certs=False),
            Connection(validate_certs=False, client_cert="client_cert", client_key="client_key"),
        ),
        ({"ETCD_CERT_FILE": "cert", "ETCD_KEY_FILE": "hidden"}, Connection(), Connection()),
        (
            {"ETCD_TRUSTED_CA_FILE": "ca", "ETCD_CERT_FILE": "cert", "ETCD_KEY_FILE": "key"},
            Connection(ca_path="/mine", client_cert="/my", user="root", password="p"),
            Connection(ca_path="/mine", client_cert="/my", user="root", password="p"),
        ),
        ({"ETCD_TRUSTED_CA_FILE": "ca"}, Connection(client_cert="/my"), Connection(ca_path="ca", client_cert="/my")),
    ],
    ids=["nothing", "the server's", "its client certificate", "hidden key", "mine", "mine with its authority"],
)
def test_the_servers_own_certificates(
    instance: Instance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: t.Dict[str, str],
    given: Connection,
    used: Connection,
) -> None:
    for name in ("ca", "cert", "key", "client_cert", "client_key"):
        (tmp_path / name).touch()
    Files(instance.config_dir).write_environment(written)
    asked = []
    monkeypatch.setattr(_observe, "connect_to", lambda *given, **more: asked.append((*given, more)))
    connect = connector(instance, given, no_command, transport="gateway")
    connect("https://127.0.0.1:2379")
    connect("http://127.0.0.1:2379")

    def absolute(path: t.Optional[str]) -> t.Optional[str]:
        return path and os.path.join(tmp_path, path)

    expected = dataclasses.replace(
        used,
        ca_path=absolute(used.ca_path),
        client_cert=absolute(used.client_cert),
        client_key=absolute(used.client_key),
    )
    assert asked == [
        ("https://127.0.0.1:2379", expected, {"transport": "gateway"}),
        ("http://127.0.0.1:2379", given, {"transport": "gateway"}),
    ]


@pytest.mark.parametrize("has_own", [True, False])
def test_who_has_no_authority_yet_takes_the_wished_one(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_own: bool
) -> None:
    """Its own stays until its turn: what runs was started with that."""
    (tmp_path / "tls").mkdir()
    for name in ("own.pem", "tls/ca.pem", "tls/c.pem", "tls/c.key"):
        (tmp_path / name).touch()
    Files(instance.config_dir).write_environment({"ETCD_TRUSTED_CA_FILE": "own.pem"} if has_own else {})
    used: t.List[Connection] = []
    monkeypatch.setattr(_observe, "connect_to", lambda _url, connection, **_more: used.append(connection))
    environment = {
        "ETCD_TRUSTED_CA_FILE": "/pki/ca.pem",
        "ETCD_CERT_FILE": "/pki/c.pem",
        "ETCD_KEY_FILE": "/pki/c.key",
    }
    wished = Wished(environment, f"podman run --volume={tmp_path}/tls:/pki:ro")
    connector(instance, Connection(), no_command, wished=wished)("https://127.0.0.1:2379")
    (one,) = used
    assert one.ca_path == str(tmp_path / ("own.pem" if has_own else "tls/ca.pem"))
    assert (one.client_cert, one.client_key) == (str(tmp_path / "tls/c.pem"), str(tmp_path / "tls/c.key"))


def test_where_its_own_cannot_be_used_the_wished_ones_are(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that does not fit, which keeps the server from running, keeps nobody from mending it."""
    for name in ("wrong.pem", "wrong.key", "right.pem", "right.key"):
        (tmp_path / name).touch()
    written = {"ETCD_CERT_FILE": "wrong.pem", "ETCD_KEY_FILE": "wrong.key"}
    Files(instance.config_dir).write_environment(written)

    def connect_to(url: str, connection: Connection, *, transport: str) -> str:
        if "wrong" in (connection.client_cert or ""):
            raise InvalidInput("key values mismatch")
        return connection.client_cert or ""

    monkeypatch.setattr(_observe, "connect_to", connect_to)
    wished = Wished({"ETCD_CERT_FILE": "right.pem", "ETCD_KEY_FILE": "right.key"}, "")
    used: t.Any = connector(instance, Connection(), no_command, wished=wished)("https://127.0.0.1:2379")
    assert used == str(tmp_path / "right.pem")
    with pytest.raises(InvalidInput, match="mismatch"):
        connector(instance, Connection(), no_command)("https://127.0.0.1:2379")


def test_what_runs_an_instance(instance: Instance) -> None:
    assert isinstance(service_of(instance, no_command), ProcfileService)
    assert isinstance(service_of(dataclasses.replace(instance, deployment="systemd"), no_command), SystemdService)
    with pytest.raises(InvalidInput, match="Set procfile_dir"):
        service_of(dataclasses.replace(instance, procfile_dir=None), no_command)


# --- containers ---------------------------------------------------------------------------------------------------

OLD, NEW = "sha256:" + "5f" * 32, "sha256:" + "75" * 32
ETCD = "quay.io/coreos/etcd"


def engine_rows(**images: str) -> t.Callable[..., t.Tuple[int, str, str]]:
    """An engine with these images: ID by tag."""
    rows = "".join(f"{image}\t{ETCD}\tv{tag.replace('_', '.')}\t<none>\n" for tag, image in images.items())

    def run(args: t.List[str], **kwargs: t.Any) -> t.Tuple[int, str, str]:
        return (0, rows + f"{OLD}\tsomething/else\tv1\t<none>\n", "") if "ls" in args else (1, "", "no such thing")

    return run


@pytest.fixture
def contained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(SystemdService, "seen", lambda _self: ServiceSeen("etcd", exists=True, main_pid=7))
    monkeypatch.setattr(SystemdService, "definition", lambda _self: None)
    monkeypatch.setattr(_observe, "_look_at_local", lambda *_args: None)
    return Instance(
        service="etcd",
        deployment="docker",
        config_dir=str(tmp_path / "etcd"),
        data_dir=str(tmp_path / "data"),
        release_dir=ETCD,
    )


def written(config_dir: str, name: str, image: str) -> None:
    files = Files(config_dir, container=lambda _name: f"{image} 999:997")
    files.write_environment({"ETCD_NAME": "a b"})
    files.link_release(name)


@pytest.mark.parametrize(
    ("name", "image", "images", "executable"),
    [
        (f"{ETCD}:v3.6.14", OLD, {"3_6_14": OLD, "3_6_16": NEW}, f"{ETCD}:v3.6.14/etcd"),
        (f"{ETCD}:v3.6.14", OLD, {"3_6_14": NEW}, f"{OLD}/etcd"),  # the name was given to another image
        (f"{ETCD}:v3.6.16", OLD, {"3_6_14": OLD, "3_6_16": OLD}, f"{ETCD}:v3.6.16/etcd"),
        ("other.example/etcd:v1", OLD, {"3_6_16": NEW}, "other.example/etcd:v1/etcd"),
        (f"{ETCD}:v3.6.14", NEW, {}, f"{OLD}/etcd"),
    ],
)
def test_what_a_container_runs_is_named_by_its_image(
    contained: Instance,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    image: str,
    images: t.Dict[str, str],
    executable: str,
) -> None:
    written(contained.config_dir, name, image)
    runs = dataclasses.replace(process({"ETCD_NAME": "a b"}), executable=f"{OLD}/etcd")
    monkeypatch.setattr(SystemdService, "look", lambda _self, _pid: runs)
    seen = observe(contained, run=engine_rows(**images), connect=no_server)
    assert seen.process is not None
    assert seen.process.executable == executable
    assert seen.files.release == name
    assert seen.files.environment == {"ETCD_NAME": "a b"}
    assert {release.path: release.version for release in seen.releases} == {
        f"{ETCD}:v{tag.replace('_', '.')}": tag.replace("_", ".") for tag in images
    }


def test_a_host_without_its_engine_is_observed_all_the_same(
    contained: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    monkeypatch.setattr(SystemdService, "look", lambda _self, _pid: None)
    seen = observe(contained, run=no_command, connect=no_server)
    assert (seen.process, seen.releases, seen.files.release) == (None, (), None)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _image
from ansible_collections.quorum.etcd.plugins.module_utils._containers import LIMIT, Engine
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, ReleaseError, ServiceError
from ansible_collections.quorum.etcd.plugins.module_utils._image import Outcome, ensure, trust, wanted

NAME = "gcr.io/etcd-development/etcd:v3.6.16"
RIGHT, OLD = "sha256:" + "75" * 32, "sha256:" + "5f" * 32
DIGEST = "sha256:" + "a8" * 32
PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"


class Fake(Engine):
    """An engine, and the registries and archives that it reaches: what is there by name, as ID."""

    def __init__(self, name: str = "podman", remote: t.Optional[t.Dict[str, str]] = None) -> None:
        super().__init__(name, lambda *_args, **_options: (1, "", ""))
        self.remote = remote or {}
        self.names: t.Dict[str, str] = {}
        self.versions = {RIGHT: "3.6.16", OLD: "3.6.14"}
        self.calls: t.List[t.Tuple[str, ...]] = []
        self.limits: t.Dict[str, float] = {}
        self.there = True

    @property
    def present(self) -> bool:
        return self.there

    def call(self, *words: str, timeout: float = LIMIT) -> t.Tuple[int, str, str]:
        self.calls.append(words)
        self.limits[words[0]] = timeout
        if words[0] == "tag":
            self.names[words[2]] = words[1]
            return 0, "", ""
        source = words[-1].partition("=")[2] if words[0] == "load" else words[-1]
        found = self.remote.get(source, "Error: dial tcp: no route to host")
        if found == "slow":
            raise ServiceError(f"{words[0]} did not answer within {timeout:g} s.")
        if not found.startswith("sha256:"):
            return 125, "", f"Trying...\n{found}\n"
        self.names[source] = found
        return 0, (f"Loaded image: {source}\n" if words[0] == "load" else ""), ""

    def image_id(self, name: str) -> str:
        return self.names.get(name.partition("@")[0] if "@" in name else name, "")

    def fetched(self, name: t.Any) -> str:
        return self.names.get(name.pullable, "")

    def digests(self, image: str) -> t.Tuple[str, ...]:
        return (DIGEST,) if image == RIGHT and self.name == "podman" else ()

    def version(self, image: str) -> str:
        return self.versions.get(image, "")


def bring(engine: Fake, *sources: str, name: str = NAME, check_mode: bool = False, **options: t.Any) -> Outcome:
    wish = wanted(name=name, sources=sources, version=options.pop("version", "3.6.16"), **options)
    return ensure(wish, engine, check_mode=check_mode)


def test_the_first_source_that_gives_it_is_taken_and_named() -> None:
    engine = Fake(remote={"mirror:5000/etcd:v3.6.16": RIGHT, "quay.io/coreos/etcd:v3.6.16": RIGHT})
    outcome = bring(engine, NAME, "mirror:5000/etcd", "quay.io/coreos/etcd:v3.6.16")
    assert (outcome.changed, outcome.after, outcome.source) == (True, RIGHT, "mirror:5000/etcd:v3.6.16")
    assert engine.names[NAME] == RIGHT
    assert [(attempt.source, attempt.ok) for attempt in outcome.attempts] == [
        (NAME, False),
        ("mirror:5000/etcd:v3.6.16", True),
    ]
    again = bring(engine, NAME)
    assert (again.changed, again.before, again.attempts) == (False, RIGHT, ())


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_image_that_has_the_name_and_another_version_is_replaced(check_mode: bool) -> None:
    engine = Fake(remote={NAME: RIGHT})
    engine.names[NAME] = OLD
    outcome = bring(engine, check_mode=check_mode)
    assert (outcome.changed, outcome.before) == (True, OLD)
    assert engine.names[NAME] == (OLD if check_mode else RIGHT)
    engine = Fake()
    engine.names[NAME] = OLD
    if not check_mode:
        with pytest.raises(ReleaseError, match=r": what is there is etcd 3\.6\.14, not 3\.6\.16; .* cannot be fetched"):
            bring(engine)


def test_every_failure_is_named() -> None:
    engine = Fake(remote={"a.example/etcd:v3.6.16": OLD, "b.example/etcd:v3.6.16": "slow", "c.example/etcd:v1": RIGHT})
    engine.versions[RIGHT] = ""
    with pytest.raises(ReleaseError) as caught:
        bring(engine, NAME, "a.example/etcd", "b.example/etcd", "c.example/etcd:v1", "file:///no/such.tar", timeout=7)
    assert caught.value.message == (
        f"No source gave podman the image {NAME}: "
        f"{NAME} cannot be fetched (dial tcp: no route to host); "
        "a.example/etcd:v3.6.16 is etcd 3.6.14, not 3.6.16; "
        "b.example/etcd:v3.6.16 gave nothing whole within 7 s; "
        "c.example/etcd:v1 has no etcd on its PATH that runs here; "
        "file:///no/such.tar is not there."
    )
    assert len(caught.value.details["attempts"]) == 5
    assert NAME not in engine.names


def test_an_archive_is_loaded(tmp_path: Path) -> None:
    archive = tmp_path / "etcd.tar"
    archive.write_bytes(b"")
    engine = Fake(remote={str(archive): RIGHT})
    assert bring(engine, f"file://{archive}").source == f"file://{archive}"
    assert engine.names[NAME] == RIGHT
    engine = Fake(remote={str(archive): "Error: broken"})
    with pytest.raises(ReleaseError, match=r"cannot be loaded \(broken\)"):
        bring(engine, f"file://{archive}")


def test_a_source_has_the_images_own_limit(tmp_path: Path) -> None:
    archive = tmp_path / "etcd.tar"
    archive.write_bytes(b"")
    engine = Fake(remote={str(archive): "slow", NAME: RIGHT})
    outcome = bring(engine, f"file://{archive}", NAME, timeout=7)
    assert outcome.attempts[0].reason == "gave nothing whole within 7 s"
    assert (outcome.after, engine.limits) == (RIGHT, {"load": 7, "pull": 7, "tag": LIMIT})


def test_an_engine_that_does_not_answer_is_no_fault_of_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine("podman", lambda *_args, **_options: (124, "", ""))
    monkeypatch.setattr("shutil.which", lambda name: name)
    wish = wanted(name=NAME, sources=[])
    with pytest.raises(ServiceError, match=r"`podman image inspect .*` did not answer within 30 s"):
        ensure(wish, engine)


def test_a_pinned_image_is_fetched_by_its_digest_wherever_it_is() -> None:
    engine = Fake(remote={f"mirror.example/etcd@{DIGEST}": RIGHT})
    outcome = bring(engine, "mirror.example/etcd", name=f"{NAME}@{DIGEST}")
    assert outcome.after == RIGHT
    assert engine.calls == [
        ("pull", "--quiet", f"mirror.example/etcd@{DIGEST}"),
        ("tag", RIGHT, NAME),
    ]


def test_an_archive_cannot_be_proved_where_the_image_is_pinned(tmp_path: Path) -> None:
    archive = tmp_path / "etcd.tar"
    archive.write_bytes(b"")
    engine = Fake("docker", remote={str(archive): RIGHT})
    with pytest.raises(ReleaseError, match=f"is not the image with the digest {DIGEST}"):
        bring(engine, f"file://{archive}", name=f"{NAME}@{DIGEST}")


def test_check_mode_asks_nobody() -> None:
    engine = Fake(remote={NAME: RIGHT})
    assert bring(engine, check_mode=True) == Outcome(changed=True)
    engine.there = False
    assert bring(engine, check_mode=True) == Outcome(changed=True)
    assert engine.calls == []


def test_an_engine_that_is_not_there() -> None:
    engine = Fake()
    engine.there = False
    with pytest.raises(ReleaseError, match="podman is not on this host") as caught:
        bring(engine)
    assert "etcd_container_engine_install" in caught.value.remedy


def test_registries_without_tls() -> None:
    registries = {"10.0.0.1:5000": {"insecure": "true"}}
    engine = Fake("podman", {"10.0.0.1:5000/etcd:v3.6.16": RIGHT})
    bring(engine, "10.0.0.1:5000/etcd", registries=registries)
    assert engine.calls[0] == ("pull", "--quiet", "--tls-verify=false", "10.0.0.1:5000/etcd:v3.6.16")
    problem = "http: server gave HTTP response to HTTPS client"
    engine = Fake("docker", {"10.0.0.1:5000/etcd:v3.6.16": problem})
    with pytest.raises(ReleaseError, match=r'"insecure-registries": \["10.0.0.1:5000"\] in /etc/docker/daemon.json'):
        bring(engine, "10.0.0.1:5000/etcd", registries=registries)


def test_an_authority_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_image, "_CERTIFICATES", {"docker": str(tmp_path)})
    engine = Fake("docker", {"r.example:5000/etcd:v3.6.16": RIGHT})
    bring(engine, "r.example:5000/etcd", registries={"r.example:5000": {"ca": PEM}})
    written = tmp_path / "r.example:5000" / "quorum-etcd.crt"
    assert written.read_text() == PEM + "\n"
    assert oct(written.stat().st_mode & 0o777) == "0o644"
    file = tmp_path / "ca.pem"
    file.write_text(PEM + "\n")
    assert not trust("r.example:5000", str(file), str(tmp_path))
    with pytest.raises(ReleaseError, match="cannot be put in place"):
        trust("r.example:5000", str(tmp_path / "none.pem"), str(tmp_path))
    with pytest.raises(ReleaseError, match="cannot be put in place"):
        trust("r.example:5000", f"{PEM}\n# über", str(tmp_path))
    assert [path.name for path in written.parent.iterdir()] == [written.name]
    assert written.read_text() == PEM + "\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "Etcd"}, "name: 'Etcd' is not the name of an image"),
        ({"sources": ["https://a/b"]}, "sources: 'https://a/b' is neither the name of an image nor a file:// URL"),
        ({"sources": ["http://[::1/etcd"]}, r"sources: 'http://\[::1/etcd' is neither"),
        ({"sources": ["file://host/a"]}, "sources: 'file://host/a' is neither"),
        ({"registries": {"a": {"tls": False}}}, "registries: 'a' must be a host, and hold ca or insecure alone"),
        ({"registries": {"a/b": {}}}, "registries: 'a/b'"),
        ({"timeout": 0}, "timeout: 0 s leave no time"),
    ],
)
def test_what_is_wrong_is_said(options: t.Dict[str, t.Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said.replace("(", r"\(")):
        wanted(**{"name": NAME, "sources": [], **options})

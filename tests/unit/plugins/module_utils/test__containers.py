# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._containers import Container, Engine, Programs, engine_of
from ansible_collections.quorum.etcd.plugins.module_utils._errors import ServiceError
from ansible_collections.quorum.etcd.plugins.module_utils._image_name import ImageName

OLD = "sha256:" + "5f" * 32
NEW = "sha256:" + "75" * 32
DIGEST = "sha256:" + "a8" * 32

# As docker 20.10 and podman 4.3 wrote it; but for the IDs.
ROWS = {
    "docker": f"{NEW}\tquay.io/coreos/etcd\tv3.6.16\t{DIGEST}\n{NEW}\tbitnami/etcd\t3.6.16\t<none>\n"
    f"{OLD}\tquay.io/coreos/etcd\tv3.6.14\t<none>\nsha256:{'00' * 32}\t<none>\t<none>\t<none>\n",
    "podman": f"{NEW}\tquay.io/coreos/etcd\tv3.6.16\t{DIGEST}\n{NEW}\tdocker.io/bitnami/etcd\t3.6.16\t{DIGEST}\n"
    f"{OLD}\tquay.io/coreos/etcd\tv3.6.14\tsha256:{'2a' * 32}\nsha256:{'00' * 32}\t<none>\t<none>\t{DIGEST}\n",
}
CONTAINERS = {"docker": f"755\t{OLD}\tetcd\n", "podman": f"1248\t{OLD[7:]}\tetcd\n"}
INSPECTED = {
    "docker": f"{NEW}\tquay.io/coreos/etcd@{DIGEST}\n",
    "podman": f"{NEW[7:]}\tquay.io/coreos/etcd@{DIGEST}\tquay.io/coreos/etcd@sha256:{'bb' * 32}\n",
}


class Answers:
    """An engine's program: what it answers by its first words."""

    def __init__(self, **answers: t.Union[str, t.Tuple[int, str, str]]) -> None:
        self.answers = answers
        self.calls: t.List[t.List[str]] = []

    def __call__(self, args: t.List[str], **kwargs: t.Any) -> t.Tuple[int, str, str]:
        words = args[args.index('exec "$0" "$@"') + 2 :]
        self.calls.append(words)
        key = "_".join(words[:2]) if words[0] == "image" else words[0]
        answer = self.answers.get(key, (1, "", "Error: no such thing"))
        return (0, answer, "") if isinstance(answer, str) else answer


@pytest.fixture(autouse=True)
def _present(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_a_container_of_ours(name: str) -> None:
    engine = Engine(name, Answers(inspect=CONTAINERS[name]))
    pid = int(CONTAINERS[name].split("\t")[0])
    assert engine.container("etcd") == Container(pid=pid, image=OLD)


@pytest.mark.parametrize("answer", [f"755\t{OLD}\t\n", f"755\t{OLD}\tother\n", "\n", (1, "", "No such container")])
def test_what_is_no_container_of_ours(answer: t.Union[str, t.Tuple[int, str, str]]) -> None:
    assert Engine("docker", Answers(inspect=answer)).container("etcd") is None


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_images_by_all_their_names(name: str) -> None:
    images = {image.id: image.names for image in Engine(name, Answers(image_ls=ROWS[name])).images()}
    assert set(images) == {OLD, NEW}
    assert images[NEW] == (
        "quay.io/coreos/etcd:v3.6.16",
        "docker.io/bitnami/etcd:3.6.16",
        f"quay.io/coreos/etcd:v3.6.16@{DIGEST}",
        f"docker.io/bitnami/etcd:3.6.16@{DIGEST}",
    )
    assert images[OLD][0] == "quay.io/coreos/etcd:v3.6.14"


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_the_image_that_a_name_stands_for(name: str) -> None:
    engine = Engine(name, Answers(image_inspect=INSPECTED[name]))
    assert engine.image_id("quay.io/coreos/etcd:v3.6.16") == NEW
    assert engine.image_id(f"quay.io/coreos/etcd:v3.6.16@{DIGEST}") == NEW
    assert engine.image_id(f"quay.io/coreos/etcd:v3.6.16@{OLD}") == ""
    assert engine.image_id(OLD) == OLD
    assert engine.image_id("no name") == ""
    assert DIGEST in engine.digests(NEW)
    assert engine.fetched(ImageName.parse("quay.io/coreos/etcd:v3.6.16")) == NEW
    assert Engine(name, Answers()).image_id("quay.io/coreos/etcd:v3.6.16") == ""


def test_an_engine_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    engine = Engine("docker", Answers())
    assert not engine.present
    assert (engine.container("etcd"), engine.images(), engine.image_id("a:b"), engine.version(OLD)) == (
        None,
        (),
        "",
        "",
    )
    assert engine.call("ps") == (127, "", "docker is not on this machine")


def test_what_an_image_says_it_is() -> None:
    run = Answers(run="etcd Version: 3.6.16\nGit SHA: v3.6.16\n")
    assert Engine("podman", run).version(NEW) == "3.6.16"
    assert run.calls[0][0] == "run"
    assert "--entrypoint=etcd" in run.calls[0]
    assert "--network=none" in run.calls[0]
    assert Engine("podman", Answers(run=(127, "", "not found in $PATH"))).version(NEW) == ""


class Limits(Answers):
    """Also how long each call may take."""

    def __call__(self, args: t.List[str], **kwargs: t.Any) -> t.Tuple[int, str, str]:
        assert args[:2] == ["timeout", "--kill-after=5"]
        answer = super().__call__(args, **kwargs)
        self.calls[-1] = [args[2], self.calls[-1][0]]
        return answer


def test_a_limit_of_time() -> None:
    run = Limits(inspect=CONTAINERS["docker"])
    engine = Engine("docker", run)
    engine.call("pull", "a", timeout=2.5)
    engine.images()
    engine.version(NEW)
    engine.stop("other")
    assert run.calls == [["2.5", "pull"], ["30", "image"], ["30", "run"], ["30", "inspect"]]
    run.calls.clear()
    run.answers["stop"] = "etcd\n"
    engine.stop("etcd")
    assert run.calls == [["30", "inspect"], ["40", "stop"]]


@pytest.mark.parametrize("code", [124, -9])
@pytest.mark.parametrize(
    ("ask", "call"),
    [
        (lambda engine: engine.container("etcd"), "docker inspect etcd"),
        (lambda engine: engine.images(), "docker image ls"),
        (lambda engine: engine.image_id("a/b:c"), "docker image inspect docker.io/a/b:c"),
        (lambda engine: engine.version(NEW), f"docker run {NEW}"),
        (lambda engine: engine.stop("etcd"), "docker inspect etcd"),
    ],
)
def test_an_engine_that_does_not_answer(ask: t.Callable[[Engine], object], call: str, code: int) -> None:
    """It may have the container: that is not known, so nothing goes on as if it had none."""
    silent = (code, "", "")
    engine = Engine("docker", Answers(inspect=silent, image_ls=silent, image_inspect=silent, run=silent))
    with pytest.raises(ServiceError) as caught:
        ask(engine)
    assert caught.value.message == f"`{call}` did not answer within 30 s."
    assert "what docker waits for there" in caught.value.remedy


def test_a_stop_without_an_answer() -> None:
    run = Answers(inspect=CONTAINERS["docker"], stop=(124, "", ""))
    with pytest.raises(ServiceError, match=r"`docker stop etcd` did not answer within 40 s\."):
        Engine("docker", run).stop("etcd")


def test_a_container_left_behind_is_stopped() -> None:
    run = Answers(inspect=CONTAINERS["docker"], stop="etcd\n")
    Engine("docker", run).stop("etcd")
    assert run.calls[-1] == ["stop", "--time=30", "etcd"]
    with pytest.raises(ServiceError, match="did not stop the container etcd: no such luck"):
        Engine("docker", Answers(inspect=CONTAINERS["docker"], stop=(1, "", "no such luck"))).stop("etcd")
    run = Answers()
    Engine("docker", run).stop("etcd")
    assert [call[0] for call in run.calls] == ["inspect"]


@pytest.mark.parametrize(
    ("definition", "engine"),
    [
        ("ExecStart=/bin/sh -c '...; \\\n  exec /usr/bin/podman run --rm", "podman"),
        ("/usr/bin/docker run --rm --name=etcd", "docker"),
        ("docker run x", "docker"),
        ("ExecStart=/etc/etcd/release/etcd", None),
        ("ExecStartPre=/usr/bin/docker rm --force etcd", None),
        ("Description=mydocker run", None),
        (None, None),
    ],
)
def test_the_engine_of_a_unit(definition: t.Optional[str], engine: t.Optional[str]) -> None:
    found = engine_of(definition, Answers())
    assert (found.name if found else None) == engine


def test_the_programs_of_releases() -> None:
    engine = Engine("docker", Answers(image_inspect=INSPECTED["docker"], run="etcd Version: 3.6.16\n"))
    programs = Programs(engine, Answers())
    assert programs.executable("/opt/etcd/3.6.16") == "/opt/etcd/3.6.16/etcd"
    assert programs.executable("quay.io/coreos/etcd:v3.6.16") == f"{NEW}/etcd"
    assert programs.executable(f"quay.io/coreos/etcd:v3.6.16 {OLD} 1:2") == f"{OLD}/etcd"
    assert programs.version("quay.io/coreos/etcd:v3.6.16") == "3.6.16"
    assert Programs(None, Answers()).executable(f"a:b {OLD} 1:2") == f"{OLD}/etcd"
    assert Programs(None, Answers()).version(f"a:b {OLD} 1:2") == ""
    assert programs.exist("quay.io/coreos/etcd:v3.6.16")
    assert not Programs(Engine("docker", Answers()), Answers()).exist("quay.io/coreos/etcd:v3.6.16")
    assert not programs.exist("/no/such/directory")

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Container engines, docker and podman, asked by their command lines. Private to this collection.

Our containers carry the label ``quorum.etcd.service`` with the name of their unit: one without it is somebody else's,
whatever it is called, and is neither taken for ours nor touched. IDs of images are written as ``sha256:…`` throughout.
"""

from __future__ import annotations

import os
import re
import shutil
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._errors import ServiceError
from ansible_collections.quorum.etcd.plugins.module_utils._image_name import ImageName
from ansible_collections.quorum.etcd.plugins.module_utils._model import RunCommand

ENGINES = ("docker", "podman")
LABEL = "quorum.etcd.service"
GRACE = 30  # what etcd may take to stop before it is killed, in seconds
LIMIT = 30.0  # what an engine may take to answer, in seconds

_RUN = re.compile(r"(?:^|[\s/;'\"])(docker|podman)\s+run\s")
_TIMED_OUT = (124, -9)  # of timeout(1): the call ended when told to, or had to be killed


class Container(t.NamedTuple):
    """A container of ours. ``pid`` is that of its first process, 0 while it has none; ``image`` is the image's ID."""

    pid: int
    image: str


class Image(t.NamedTuple):
    """An image that an engine has: its ID, and all names it goes by, pinned ones among them."""

    id: str
    names: t.Tuple[str, ...]


def engine_of(definition: t.Optional[str], run: RunCommand) -> t.Optional[Engine]:
    """The engine that a unit, or a command line, runs a container with; nothing where it does not."""
    found = _RUN.search(definition or "")
    return Engine(found.group(1), run) if found else None


class Engine:
    """One engine. What it cannot tell, because it is not there or says no, is nothing.

    All raise ``ServiceError`` where it does not answer: what it has is then not known.
    """

    def __init__(self, name: str, run: RunCommand) -> None:
        self.name = name
        self._run = run

    @property
    def present(self) -> bool:
        """Its program is on this machine."""
        return shutil.which(self.name) is not None

    def container(self, service: str) -> t.Optional[Container]:
        """The container of a unit."""
        told = '{{.State.Pid}}\t{{.Image}}\t{{index .Config.Labels "' + LABEL + '"}}'
        code, out, _problem = self.call("inspect", "--type=container", f"--format={told}", service)
        words = out.strip().split("\t")
        if code or len(words) != 3 or words[2] != service or not words[0].isdigit():
            return None
        return Container(pid=int(words[0]), image=_id(words[1]))

    def images(self) -> t.Tuple[Image, ...]:
        """All images that have a name."""
        row = "{{.ID}}\t{{.Repository}}\t{{.Tag}}\t{{.Digest}}"
        code, out, _problem = self.call("image", "ls", "--no-trunc", "--digests", f"--format={row}")
        names: t.Dict[str, t.List[str]] = {}
        digests: t.Dict[str, t.List[str]] = {}
        for words in (line.split("\t") for line in out.splitlines() if code == 0):
            if len(words) != 4:
                continue
            image = _id(words[0])
            if words[3].startswith("sha256:"):
                digests.setdefault(image, []).append(words[3])
            try:
                name = str(ImageName.parse(f"{words[1]}:{words[2]}"))
            except ValueError:  # one without a name
                continue
            names.setdefault(image, []).append(name)
        # A registry's digest stays with the image whatever else it is called.
        return tuple(
            Image(
                image, (*found, *(f"{name}@{one}" for name in found for one in dict.fromkeys(digests.get(image, ()))))
            )
            for image, found in names.items()
        )

    def image_id(self, name: str) -> str:
        """The ID of the image that goes by a name; an ID stands for itself. Else empty.

        Where the name pins a digest, the image that has the tag must have that, too.
        """
        if re.match(r"sha256:[0-9a-f]{64}\Z", name):
            return name
        try:
            wanted = ImageName.parse(name)
        except ValueError:
            return ""
        image, digests = self._inspect(wanted.tagged)
        return "" if wanted.digest and wanted.digest not in digests else image

    def fetched(self, name: ImageName) -> str:
        """The ID of the image that came under a name, by its digest if it has one."""
        return self._inspect(name.pullable)[0]

    def digests(self, image: str) -> t.Tuple[str, ...]:
        """The digests of its manifest that registries gave."""
        return self._inspect(image)[1]

    def _inspect(self, image: str) -> t.Tuple[str, t.Tuple[str, ...]]:
        row = "{{.Id}}{{range .RepoDigests}}\t{{.}}{{end}}"
        code, out, _problem = self.call("image", "inspect", f"--format={row}", image)
        found, *digests = out.strip().split("\t")
        if code or not found:
            return "", ()
        return _id(found), tuple(digest.rpartition("@")[2] for digest in digests)

    def version(self, image: str) -> str:
        """What the etcd in an image says it is; empty where it has none that runs here."""
        code, out, _problem = self.call(
            *("run", "--rm", "--network=none", "--read-only", "--log-driver=none", "--entrypoint=etcd", image),
            "--version",
        )
        return _told_version(out) if code == 0 else ""

    def stop(self, service: str) -> None:
        """Stop the container of a unit that has left it behind.

        :raises ServiceError: it does not stop, or the engine does not answer.
        """
        if self.container(service) is None:
            return
        code, out, problem = self.call("stop", f"--time={GRACE}", service, timeout=GRACE + 10)
        left = self.container(service) if code else None
        if left is not None and left.pid:
            raise ServiceError(
                f"{self.name} did not stop the container {service}: {problem.strip() or out.strip()}.",
                remedy=f"Look at `{self.name} ps` and the log of {self.name}.",
            )

    def call(self, *words: str, timeout: float = LIMIT) -> t.Tuple[int, str, str]:
        """Exit code, output and errors of one call; 127 where the program is not there.

        :raises ServiceError: it did not answer within ``timeout`` seconds, and was ended.
        """
        if not self.present:
            return 127, "", f"{self.name} is not on this machine"
        limit = ["timeout", "--kill-after=5", f"{timeout:g}"]
        # It may be there for another machine, or without the right to run it: through a shell that is an exit code.
        code, out, problem = self._run([*limit, "/bin/sh", "-c", 'exec "$0" "$@"', self.name, *words])
        if code in _TIMED_OUT:
            told = " ".join(word for word in (self.name, *words) if not word.startswith("-"))
            raise ServiceError(
                f"`{told}` did not answer within {timeout:g} s.",
                remedy=f"See what {self.name} waits for there: its service, a lock, or storage that is away.",
            )
        return code, out, problem


class Programs:
    """The programs that releases are: of a directory its ``etcd``, of an image its ID followed by ``/etcd``.

    An image is given by its name, or as the files of an instance hold it: name, ID and user, separated by blanks.
    """

    def __init__(self, engine: t.Optional[Engine], run: RunCommand) -> None:
        self._engine = engine
        self._run = run

    def executable(self, release: str) -> str:
        """What a look at a process that runs it shows."""
        image = self._image(release)
        return os.path.realpath(os.path.join(release, "etcd")) if image is None else f"{image}/etcd"

    def exist(self, release: str) -> bool:
        """Whether there is such a program, or such an image."""
        image = self._image(release)
        return os.path.exists(os.path.join(release, "etcd")) if image is None else bool(image)

    def version(self, release: str) -> str:
        """What its etcd says it is, empty where it does not say."""
        image = self._image(release)
        if image is not None:
            return self._engine.version(image) if self._engine and image else ""
        # Through a shell: a program that is missing or for another machine is then an exit code and no exception.
        code, out, _problem = self._run(["/bin/sh", "-c", 'exec "$0" --version', os.path.join(release, "etcd")])
        return _told_version(out) if code == 0 else ""

    def _image(self, release: str) -> t.Optional[str]:
        written = re.search(r" (sha256:\S+) ", release)
        if written is not None:
            return written.group(1)
        return self._engine.image_id(release) if self._engine and not release.startswith("/") else None


def _told_version(out: str) -> str:
    told = re.search(r"^etcd Version: (\S+)", out, re.MULTILINE)
    return told.group(1) if told else ""


def _id(text: str) -> str:
    """docker writes an ID with its algorithm, podman mostly without."""
    return text if text.startswith("sha256:") else f"sha256:{text}"


__all__ = ("ENGINES", "GRACE", "LABEL", "LIMIT", "Container", "Engine", "Image", "Programs", "engine_of")

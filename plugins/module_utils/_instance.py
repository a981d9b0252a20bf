# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files and directories of one instance: environment, release link, and the former ones while a turn lasts.

Private to this collection. Everything is written whole or not at all: a temporary file beside it, synced, renamed.

    CONFIG/etcd.env         steady environment, 0640
    CONFIG/bootstrap.env    only until formed, may hold a secret, 0600
    CONFIG/etcdctl.env      what a person sources, 0644
    CONFIG/release          link to the release directory
    CONFIG/container.env    instead of it where a container runs: image, its ID, user; read by the unit
    CONFIG/former/          what a turn replaces, from its first write until it succeeded, 0700

``former/`` holds what last ran well. A turn that finds one was preceded by an interrupted or failed turn and keeps
it as it is. An empty ``former/`` says that there was nothing before; a file ``foreign`` in it, that what ran was set up
by something else, and that nothing but the definition was ours to keep. The service manager reads the environment
files as root, so nobody else needs to.
"""

from __future__ import annotations

import contextlib
import dataclasses
import grp
import os
import pwd
import shutil
import stat
import tempfile
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils import _envfile
from ansible_collections.quorum.etcd.plugins.module_utils._atomic import sync_directory, write_whole
from ansible_collections.quorum.etcd.plugins.module_utils._definition import in_container
from ansible_collections.quorum.etcd.plugins.module_utils._errors import DataError, Refused, ServiceError
from ansible_collections.quorum.etcd.plugins.module_utils._flock import held
from ansible_collections.quorum.etcd.plugins.module_utils._model import FilesSeen, RunCommand

ENVIRONMENT, BOOTSTRAP, ETCDCTL, RELEASE, FORMER = "etcd.env", "bootstrap.env", "etcdctl.env", "release", "former"
CONTAINER = "container.env"
_TOLD = ("QUORUM_IMAGE", "QUORUM_IMAGE_ID", "QUORUM_USER")
_ID = "sha256:"
DEFINITION, VERSION, FOREIGN = "definition", "version", "foreign"


@dataclasses.dataclass(frozen=True)
class Former:
    """What ran before the turn; ``None`` where there was no such file. ``began`` is when it was put aside (epoch).

    ``release`` is a directory, or of a container image, ID and user, separated by blanks. ``foreign`` says that
    something else had set it up.
    """

    environment: t.Optional[str] = None
    release: t.Optional[str] = None
    definition: t.Optional[str] = None
    version: str = ""
    began: float = 0.0
    foreign: bool = False

    @property
    def dialect(self) -> _envfile.Dialect:
        """What ran it reads its environment in this one."""
        return _envfile.RAW if in_container(self.definition or "") else _envfile.QUOTED

    @property
    def told(self) -> t.Dict[str, str]:
        """Its environment, as what ran it read that."""
        return self.dialect.parse(self.environment or "")

    @property
    def blank(self) -> bool:
        """There is nothing to go back to: the turn is this instance's first start."""
        return not self.foreign and (self.environment is None or self.definition is None)


class Files:
    """The files of the instance in ``config_dir``. Methods that write say whether anything changed.

    With ``dry`` they say whether anything would, and leave all as it is. All raise ``DataError`` where the operating
    system refuses.

    ``container`` is for instances that run in one: it gives the ID of an image by name and the user in the way engines
    take it, separated by a blank. Their environment files are written the way engines read them.
    """

    def __init__(
        self, config_dir: str, *, dry: bool = False, container: t.Optional[t.Callable[[str], str]] = None
    ) -> None:
        self.config_dir = config_dir
        self._dry = dry
        self._container = container
        self._render, self.parse = _envfile.RAW if container else _envfile.QUOTED

    def path(self, name: str) -> str:
        return os.path.join(self.config_dir, name)

    @contextlib.contextmanager
    def alone(self, limit: float, *, make: bool = False) -> t.Iterator[None]:
        """Act on the instance while no other run on its host does. With ``dry`` nobody acts, and nobody is waited for.

        What is held is the instance's directory. With ``make`` it is made where it is missing.

        :raises Refused: another was still at work after ``limit`` seconds.
        """
        if self._dry:
            yield
            return
        with contextlib.ExitStack() as stack:
            with _refusing("hold", self.config_dir):
                if make:
                    _make_public(self.config_dir)
                try:
                    if os.path.isdir(self.config_dir):
                        stack.enter_context(held(self.config_dir, limit=limit))
                except BlockingIOError:
                    raise Refused(
                        f"Another run takes a turn with the instance in {self.config_dir} (waited {limit:g} s).",
                        remedy="Run again once that has ended.",
                    ) from None
            yield

    def read(self, name: str) -> t.Optional[str]:
        """The text of a file, ``None`` where there is none."""
        with _refusing("read", self.path(name)):
            return _read(self.path(name))

    def release(self) -> t.Optional[str]:
        """Where the release link points, or image, ID and user of a container; ``None`` where there is neither."""
        with _refusing("read", self.path(RELEASE)):
            return _read_release(self.config_dir)

    def seen(self) -> FilesSeen:
        """What is there, secrets replaced by a digest. ``definition`` is not known here."""
        environment, bootstrap = self.read(ENVIRONMENT), self.read(BOOTSTRAP)
        return FilesSeen(
            environment=None if environment is None else _envfile.redact(self.parse(environment)),
            bootstrap=None if bootstrap is None else _envfile.redact(self.parse(bootstrap)),
            release=name_of(self.release()),
            former=self.former_exists(),
        )

    def write_environment(self, environment: t.Mapping[str, str]) -> bool:
        return self._write(ENVIRONMENT, self._render(environment), 0o640)

    def write_former_environment(self, former: Former, environment: t.Mapping[str, str]) -> bool:
        """``etcd.env`` for what ran before the turn, in the way that reads it."""
        return self._write(ENVIRONMENT, former.dialect.render(environment), 0o640)

    def write_bootstrap(self, environment: t.Mapping[str, str]) -> bool:
        return self._write(BOOTSTRAP, self._render(environment), 0o600)

    def write_etcdctl(self, environment: t.Mapping[str, str]) -> bool:
        return self._write(ETCDCTL, render_etcdctl(environment), 0o644)

    def link_release(self, target: str) -> bool:
        """Have ``target`` run from now on: point the release link to it, or name the image where it is one.

        :raises ServiceError: when the engine does not have the image.
        """
        with _refusing("write", self.path(RELEASE)):
            release = _read_release(self.config_dir)
            if self._container is not None and name_of(target) == target and not target.startswith("/"):
                if self._dry and name_of(release) == target:
                    return False
                target = target if self._dry else f"{target} {self._container(target)}"
            if release == target:
                return False
            if not self._dry:
                _make_public(self.config_dir)
                _write_release(self.config_dir, target)
        return True

    def drop_bootstrap(self) -> bool:
        """Remove ``bootstrap.env``: the member is formed."""
        with _refusing("remove", self.path(BOOTSTRAP)):
            if self._dry:
                return os.path.lexists(self.path(BOOTSTRAP))
            try:
                os.unlink(self.path(BOOTSTRAP))
            except FileNotFoundError:
                return False
            sync_directory(self.config_dir)
        return True

    def keep_former(self, *, definition: t.Optional[str], version: str = "", foreign: bool = False) -> bool:
        """Put a copy of what is there aside. One of an earlier turn that did not succeed is left as it is."""
        former = self.path(FORMER)
        with _refusing("write", former):
            if os.path.isdir(former):
                return False
            if self._dry:
                return True
            _make_public(self.config_dir)
            temporary = tempfile.mkdtemp(prefix=f".{FORMER}.", dir=self.config_dir)
            try:
                kept = {
                    ENVIRONMENT: _read(self.path(ENVIRONMENT)),
                    DEFINITION: definition,
                    VERSION: version or None,
                    FOREIGN: "" if foreign else None,
                }
                for name, text in kept.items():
                    if text is not None:
                        write_whole(os.path.join(temporary, name), text, 0o600)
                release = _read_release(self.config_dir)
                if release is not None:
                    _write_release(temporary, release)
                sync_directory(temporary)
                os.rename(temporary, former)
            except OSError:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
            sync_directory(self.config_dir)
        return True

    def former(self) -> t.Optional[Former]:
        """What the turn replaced; ``None`` where no turn is unfinished."""
        former = self.path(FORMER)
        with _refusing("read", former):
            try:
                began = os.stat(former).st_mtime
            except FileNotFoundError:
                return None
            return Former(
                environment=_read(os.path.join(former, ENVIRONMENT)),
                release=_read_release(former),
                definition=_read(os.path.join(former, DEFINITION)),
                version=_read(os.path.join(former, VERSION)) or "",
                began=began,
                foreign=os.path.exists(os.path.join(former, FOREIGN)),
            )

    def put_back(self) -> Former:
        """Write ``etcd.env`` and the release link as they were before the turn; the definition is the caller's.

        Of what something else had set up, nothing was here. ``former/`` stays until ``drop_former``.

        :raises DataError: when there is nothing to put back.
        """
        former = self.former()
        if former is not None and former.foreign:
            self._remove(ETCDCTL, RELEASE, CONTAINER, ENVIRONMENT)
            return former
        if former is None or former.environment is None:
            raise DataError(f"{self.path(FORMER)} holds nothing to put back.")
        if former.release is not None:
            self.link_release(former.release)
        self._write(ENVIRONMENT, former.environment, 0o640)
        return former

    def drop_former(self) -> bool:
        """The turn succeeded: what it replaced is not needed any more."""
        former = self.path(FORMER)
        with _refusing("remove", former):
            if self._dry:
                return self.former_exists()
            # renamed first, so that a half removed one is never taken for a whole one
            doomed = os.path.join(self.config_dir, f".{FORMER}.{os.getpid()}.old")
            try:
                os.rename(former, doomed)
            except FileNotFoundError:
                return False
            shutil.rmtree(doomed)
        return True

    def clear(self) -> bool:
        """Remove all files of the instance, ``etcd.env`` last: until then it is known that something was here."""
        changed = self.drop_bootstrap()
        changed = self.drop_former() or changed
        return self._remove(ETCDCTL, RELEASE, CONTAINER, ENVIRONMENT) or changed

    def former_exists(self) -> bool:
        """A turn has begun and not succeeded."""
        return os.path.isdir(self.path(FORMER))

    def sweep(self) -> None:
        """Remove temporary files that a killed run left."""
        if self._dry or not os.path.isdir(self.config_dir):
            return
        ours = tuple(f".{name}." for name in (ENVIRONMENT, BOOTSTRAP, ETCDCTL, RELEASE, CONTAINER, FORMER))
        with _refusing("tidy", self.config_dir):
            for name in os.listdir(self.config_dir):
                path = self.path(name)
                if not name.startswith(ours):
                    continue
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)

    def _remove(self, *names: str) -> bool:
        """In this order; whether any was there."""
        with _refusing("remove", self.config_dir):
            there = [name for name in names if os.path.lexists(self.path(name))]
            for name in [] if self._dry else there:
                os.unlink(self.path(name))
        return bool(there)

    def _write(self, name: str, text: str, mode: int) -> bool:
        path = self.path(name)
        with _refusing("write", path):
            if _read(path) == text and stat.S_IMODE(os.stat(path).st_mode) == mode:
                return False
            if not self._dry:
                _make_public(self.config_dir)
                write_whole(path, text, mode)
        return True


def name_of(release: t.Optional[str]) -> t.Optional[str]:
    """A release as it is wished: of a container's the image's name alone."""
    return release if release is None else release.partition(f" {_ID}")[0]


def place_of(release: str) -> str:
    """The file that says that a release shall run."""
    return RELEASE if release.startswith("/") else CONTAINER


def render_etcdctl(environment: t.Mapping[str, str]) -> str:
    """Lines that a shell sources and hands on to etcdctl."""
    return "".join(f"export {line}\n" for line in _envfile.render_quoted(environment).splitlines())


# --- users and directories ----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Owner:
    """User and group by name. Whoever is not root owns what it makes and cannot give it away: see ``mine``."""

    user: str
    group: str

    @classmethod
    def myself(cls) -> Owner:
        """Whoever this process runs as; numbers where they have no name."""
        return cls(_name_of(os.geteuid(), pwd.getpwuid), _name_of(os.getegid(), grp.getgrgid))

    @classmethod
    def of(cls, found: os.stat_result) -> Owner:
        """Whose a file is; numbers where they have no name."""
        return cls(_name_of(found.st_uid, pwd.getpwuid), _name_of(found.st_gid, grp.getgrgid))

    @property
    def mine(self) -> bool:
        """Ownership is not for this process to change."""
        return os.geteuid() != 0

    def missing(self) -> bool:
        """The user or its group is not known to this system."""
        if self.mine:
            return False
        try:
            self.ids()
        except KeyError:
            return True
        return False

    def ids(self) -> t.Tuple[int, int]:
        """:raises KeyError: when the system does not know one of them."""
        return pwd.getpwnam(self.user).pw_uid, grp.getgrnam(self.group).gr_gid

    def create(self, run: RunCommand, *, home: str, sysusers_dir: str = "/etc/sysusers.d") -> None:
        """Make them as system user and group, declared in ``sysusers.d`` so that the system can make them again.

        :raises ServiceError: when ``systemd-sysusers`` fails.
        """
        path = os.path.join(sysusers_dir, f"{self.user}.conf")
        home = home if home.startswith("/") and not any(character.isspace() for character in home) else "-"
        lines = [f'u {self.user} {"-" if self.group == self.user else "-:" + self.group} "etcd" {home}\n']
        if self.group != self.user:
            lines.insert(0, f"g {self.group} -\n")
        with _refusing("write", path):
            _make_public(sysusers_dir)
            write_whole(path, "".join(lines), 0o644)
        code, out, err = run(["systemd-sysusers", path])
        if code != 0 or self.missing():
            reason = (err or out).strip() or "systemd-sysusers did not make it"
            with contextlib.suppress(OSError):
                os.unlink(path)  # every boot would read it
            raise ServiceError(
                f"The system user {self.user} could not be made: {reason}.",
                remedy="Make it some other way, and run again.",
            )


def wrong_with_directory(path: str, owner: Owner) -> str:
    """What is wrong with a private directory, empty where it is as it should be: there, 0700, the owner's."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return error.strerror or str(error)
    if not stat.S_ISDIR(found.st_mode):
        return "not a directory"
    if stat.S_IMODE(found.st_mode) != 0o700:
        return f"mode {stat.S_IMODE(found.st_mode):04o}"
    if not owner.mine:
        try:
            uid, gid = owner.ids()
        except KeyError:
            return f"no user {owner.user}"
        if (found.st_uid, found.st_gid) != (uid, gid):
            other = Owner.of(found)
            return f"owner {other.user}:{other.group}"
    return ""


def make_directory(path: str, owner: Owner) -> None:
    """Make a private directory, or set its mode and owner; what is in it gets the owner, too, where that was wrong.

    What it lies in is the owner's, too, where it was missing: etcd makes a WAL beside its place and renames it.

    :raises DataError: when the operating system refuses, or a link is in its place that is not root's.
    """
    with _refusing("prepare", path):
        _make_parent(os.path.dirname(os.path.normpath(path)), owner)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        if not owner.mine and os.path.islink(path) and os.lstat(path).st_uid != 0:
            # its owner could have root give away what it points to
            raise DataError(f"{path} is a link, and not root's.", remedy="Put a directory there, or a link of root's.")
        found = os.stat(path)
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.chmod(path, 0o700)
        if owner.mine:
            return
        ids = owner.ids()
        if (found.st_uid, found.st_gid) == ids:
            return
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                os.lchown(os.path.join(folder, name), *ids)
        # last, so that an interrupted one is seen as wrong again
        os.chown(path, *ids)


def _make_parent(path: str, owner: Owner) -> None:
    """Make what a private directory lies in, for its owner; one that is there is left as it is.

    0755, as other instances may have theirs in it, too.
    """
    if not path or os.path.isdir(path):
        return
    _make_public(path)
    if not owner.mine:
        os.chown(path, *owner.ids())


def _make_public(path: str) -> None:
    """Make a directory and its parents, each 0755 whatever the umask: the server's user must get through."""
    if not path or os.path.isdir(path):
        return
    _make_public(os.path.dirname(path))
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)
        os.chmod(path, 0o755)


def _name_of(number: int, look: t.Callable[[int], t.Any]) -> str:
    try:
        return str(look(number)[0])
    except KeyError:
        return str(number)


# --- plain files --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _refusing(verb: str, path: str) -> t.Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"Cannot {verb} {path}: {reason}.", remedy="Check the directory, its owner and free space."
        ) from error


def _read(path: str) -> t.Optional[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _read_link(path: str) -> t.Optional[str]:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return None


def _read_release(directory: str) -> t.Optional[str]:
    """What a directory says runs: a container, else where its link points. It never has both for long."""
    text = _read(os.path.join(directory, CONTAINER))
    if text is None:
        return _read_link(os.path.join(directory, RELEASE))
    told = _envfile.parse(text)
    return " ".join(told.get(name, "") for name in _TOLD)


def _write_release(directory: str, release: str) -> None:
    container, link = os.path.join(directory, CONTAINER), os.path.join(directory, RELEASE)
    if name_of(release) != release:
        told = dict(zip(_TOLD, release.split(" ")))
        write_whole(container, _envfile.render_quoted(told), 0o644)
        _unlink(link)
        return
    temporary = os.path.join(directory, f".{RELEASE}.{os.getpid()}")
    _unlink(temporary)
    os.symlink(release, temporary)
    os.replace(temporary, link)
    _unlink(container)
    sync_directory(directory)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


__all__ = (
    "BOOTSTRAP",
    "ENVIRONMENT",
    "ETCDCTL",
    "FORMER",
    "RELEASE",
    "Files",
    "Former",
    "Owner",
    "make_directory",
    "render_etcdctl",
    "wrong_with_directory",
)

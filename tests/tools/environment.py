# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the checkout needs before anything runs in it: virtual environments and the collection's link.

All of it lands in ``.venv`` and ``.cache``. Everything here may be called again at any time, and by several at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
COLLECTION = Path("ansible_collections", "quorum", "etcd")

_PROBE = "import sys; print('%d.%d' % sys.version_info[:2])"


class SetupError(Exception):
    """The machine lacks something; the message says what, and what to do."""


class Unavailable(SetupError):
    """An optional part cannot be had on this machine: skip it, and say so."""


@dataclasses.dataclass(frozen=True)
class Environment:
    """A virtual environment: where, what is in it, and which Pythons can carry it, best first."""

    path: Path
    requirements: str
    pythons: t.Tuple[str, ...]
    optional: bool = False

    def program(self, name: str) -> str:
        return str(self.path / "bin" / name)


# ansible-core 2.19 runs on Python 3.11 to 3.13, 2.21 on 3.12 to 3.14
PLAIN = Environment(ROOT / ".venv", "requirements.txt", ("3.11", "3.12", "3.13"))
MAIN = dataclasses.replace(PLAIN, requirements="requirements-test.txt")
NEWEST = Environment(CACHE / "venv-2.21", "requirements-2.21.txt", ("3.13", "3.14", "3.12"), optional=True)
OLDEST = Environment(CACHE / "venv-3.8", "tests/unit/requirements.txt", ("3.8",), optional=True)
CORES = {"2.19": MAIN, "2.21": NEWEST}


def version_of(python: str | Path) -> str:
    """The minor version that an interpreter reports, empty where it does not run (a shim without its version)."""
    try:
        done = subprocess.run([str(python), "-c", _PROBE], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def find_python(version: str) -> str | None:
    """An interpreter of this minor version: this one, one on PATH, or one that pyenv or uv keeps."""
    homes = {os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")} - {""}
    # glob passes over what may not be read, such as the home of whoever called su
    kept = [path for home in sorted(homes) for path in glob.glob(f"{home}/versions/{version}.*/bin/python{version}")]
    kept += glob.glob(f"{Path.home()}/.local/share/uv/python/cpython-{version}.*/bin/python{version}")
    on_path = shutil.which(f"python{version}")
    for candidate in filter(None, [sys.executable, on_path, shutil.which("python3"), *sorted(kept)]):
        if version_of(candidate) == version:
            return candidate
    return None


def python_for(environment: Environment) -> str:
    """The best interpreter for an environment.

    :raises SetupError: none is there, nor could one be had.
    """
    for version in environment.pythons:
        python = find_python(version)
        if python:
            return python
    wanted = " or ".join(f"python{version}" for version in environment.pythons)
    if not environment.optional:
        raise SetupError(f"{environment.requirements} needs {wanted}, and this machine has none. Install one of them.")
    return _fetch_python(environment.pythons[0], wanted)


def _fetch_python(version: str, wanted: str) -> str:
    """Have uv bring an interpreter from its site, for an optional environment.

    :raises Unavailable: the site does not answer.
    """
    print(f"setup: no {wanted} here, asking uv for one", flush=True)
    pip = [MAIN.program("python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "uv"]
    fetch = [MAIN.program("python"), "-m", "uv", "python", "install", "--no-bin", version]
    quick = {**os.environ, "UV_HTTP_TIMEOUT": "10", "UV_HTTP_RETRIES": "0"}
    for command in (pip, fetch):
        done = subprocess.run(command, env=quick, check=False, capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1].strip()
            raise Unavailable(f"this machine has no {wanted}, and uv could not bring one ({reason})")
    python = find_python(version)
    if python is None:
        raise Unavailable(f"this machine has no {wanted}, nor is uv's found")
    return python


def create(environment: Environment) -> None:
    """Make the empty virtual environment. Debian leaves a part of Python out that this usually takes.

    :raises SetupError: no way was found; the message says what to install.
    """
    python = python_for(environment)
    place = str(environment.path)
    shutil.rmtree(environment.path, ignore_errors=True)
    if _can(python, "ensurepip", "venv"):
        _call(python, "-m", "venv", place)
    elif _can(python, "pip", "venv"):
        _call(python, "-m", "venv", "--without-pip", place)
        _call(python, "-m", "pip", "--python", environment.program("python"), "install", "-q", "pip")
    elif _can(python, "virtualenv"):
        _call(python, "-m", "virtualenv", "-q", place)
    else:
        _install(f"python{version_of(python)}-venv", python)
        _call(python, "-m", "venv", place)


def ensure(environment: Environment) -> None:
    """Make the environment hold exactly what its requirements say; nothing happens where it does."""
    wanted = _digests(environment.requirements)
    with lock(f"{environment.path.name.lstrip('.')}"):
        python = environment.program("python")
        if version_of(python) not in environment.pythons:
            create(environment)
        elif _read(_stamp(environment, environment.requirements)) == wanted[environment.requirements]:
            return
        print(f"setup: {environment.requirements} -> {environment.path.relative_to(ROOT)}", flush=True)
        command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", environment.requirements]
        subprocess.run(command, cwd=ROOT, check=True)
        for name, digest in wanted.items():
            _stamp(environment, name).write_text(digest)


def link_collection() -> None:
    """Make this tree importable and playable as ``quorum.etcd``: ``.cache`` is the collections path."""
    link = CACHE / COLLECTION
    link.parent.mkdir(parents=True, exist_ok=True)
    target = os.path.relpath(ROOT, link.parent)
    with lock("link"):
        if not (link.is_symlink() and os.readlink(link) == target):
            link.unlink(missing_ok=True)
            link.symlink_to(target)


def variables() -> t.Dict[str, str]:
    """The environment variables under which tools run: ours first on PATH, plays find the collection."""
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(MAIN.path / "bin"), os.environ.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(MAIN.path),
        "ANSIBLE_COLLECTIONS_PATH": str(CACHE),
    }


def _digests(requirements: str) -> t.Dict[str, str]:
    """Of a requirements file, over all that it includes, and of those."""
    path = ROOT / requirements
    text = path.read_text()
    found: t.Dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("-r "):
            found.update(_digests(os.path.relpath(path.parent / line.split()[1], ROOT)))
    parts = [text, *(found[name] for name in sorted(found))]
    return {**found, requirements: hashlib.sha256("\n".join(parts).encode()).hexdigest()}


def _stamp(environment: Environment, requirements: str) -> Path:
    """Where an environment says that it holds these requirements."""
    return environment.path / f".{requirements.replace('/', '-')}"


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _can(python: str, *modules: str) -> bool:
    code = f"import {', '.join(modules)}"
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def _call(*command: str) -> None:
    subprocess.run(command, check=True)


def _install(package: str, python: str) -> None:
    """Bring a package of the distribution, where that is allowed."""
    apt = shutil.which("apt-get")
    if not apt or os.geteuid() != 0:
        raise SetupError(
            f"{python} cannot make virtual environments: it has neither ensurepip, pip nor virtualenv. "
            f"Install one of them (Debian: apt-get install {package}), then run this again."
        )
    get = [apt, "-qq", "-o", "DPkg::Lock::Timeout=300"]
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    print(f"setup: installing {package}", flush=True)
    subprocess.run([*get, "update"], env=variables, check=False)
    install = [*get, "install", "--yes", "--no-install-recommends", package]
    subprocess.run(install, env=variables, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def lock(name: str) -> t.Iterator[None]:
    """Hold a lock of the checkout, against other runs of these tools."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f".{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield

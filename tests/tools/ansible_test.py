# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run ``ansible-test`` on a copy of the tree: it takes no symlinked collection.

    python -m tests.tools.ansible_test CORE ARGUMENT...

CORE is a minor version of ansible-core that ``make setup`` installs, such as 2.19.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

from . import environment
from .environment import CACHE, COLLECTION, CORES, OLDEST, ROOT

# The pip that each core bootstraps its own virtual environments with. Left to itself it would fetch a script from a
# site that offline machines do not reach; the same pip comes from the package index.
BOOTSTRAP_PIP = {"2.19": "24.2", "2.21": "25.2"}
TARGETS = tuple(f"3.{minor}" for minor in range(8, 15))

_GET_PIP = """\
import runpy
import sys

sys.path.insert(0, {wheel!r})
words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.argv = ["pip", "install", *words, "pip=={version}"]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def home(core: str) -> Path:
    """A home directory for ansible-test, so that its environments stay in the checkout; pip finds its own files."""
    place = CACHE / "ansible-test" / core / "home"
    for name in (".config/pip", ".pip", ".cache/pip"):
        link, real = place / name, Path.home() / name
        if real.is_dir() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(real)
    version = BOOTSTRAP_PIP[core]
    cache = place / ".ansible" / "test" / "cache"
    script = cache / f"get_pip_{version.replace('.', '_')}.py"
    with environment.lock(f"get-pip-{core}"):
        if not script.exists():
            cache.mkdir(parents=True, exist_ok=True)
            script.write_text(_GET_PIP.format(wheel=str(_fetch_pip(core, version, cache)), version=version))
    return place


def _fetch_pip(core: str, version: str, into: Path) -> Path:
    """The wheel of a version of pip, from the package index."""
    with tempfile.TemporaryDirectory(dir=into) as scratch:
        pip = [CORES[core].program("python"), "-m", "pip", "--disable-pip-version-check", "download", "-q"]
        subprocess.run([*pip, "--no-deps", "--dest", scratch, f"pip=={version}"], check=True)
        (wheel,) = Path(scratch).glob("pip-*.whl")
        return wheel.replace(into / wheel.name)


def copy_tree(into: str) -> Path:
    """Copy what git tracks or would track; where the copy is."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    place = CACHE / "ansible-test" / into / COLLECTION
    shutil.rmtree(place, ignore_errors=True)
    for name in filter(None, names):
        source, copy = ROOT / name, place / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)
    # else it would take the checkout around it for the source, and find its copy ignored there
    subprocess.run(["git", "init", "-q", str(place)], check=True)
    return place


def pythons() -> t.List[str]:
    """The folders of all interpreters that hosts may have: sanity compiles and imports modules with each of them."""
    found = (environment.find_python(version) for version in TARGETS)
    return sorted({str(Path(python).parent) for python in found if python})


def run(core: str, arguments: t.Sequence[str]) -> int:
    """Run ansible-test of one core; its exit status. Unit tests run with the core's own Python where none is named."""
    chosen = CORES[core]
    first = [str(chosen.path / "bin")]
    if arguments[0] == "units":
        first.append(str(OLDEST.path / "bin"))
        arguments = ["units", "--python", environment.version_of(chosen.program("python")), *arguments[1:]]
    # pyenv's shims stand for versions that are not switched on, and fail
    path = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if not place.endswith("/shims")]
    variables = {
        **environment.variables(),
        "HOME": str(home(core)),
        "PATH": os.pathsep.join([*first, *pythons(), *path]),
        "VIRTUAL_ENV": str(chosen.path),
    }
    command = [chosen.program("python"), chosen.program("ansible-test"), *arguments]
    into = f"{core}-{arguments[0]}"
    with environment.lock(f"ansible-test-{into}"):
        return subprocess.run(command, cwd=copy_tree(into), env=variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2:]))

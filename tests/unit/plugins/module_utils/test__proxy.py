# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import re
import socket
import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._definition import DIGEST
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, ServerFailed
from ansible_collections.quorum.etcd.plugins.module_utils._model import ProcessSeen, ServiceSeen
from ansible_collections.quorum.etcd.plugins.module_utils._proxy import World, accepts, remove, run, stamped

UNIT = "[Unit]\nDescription=x\n\n[Service]\nType=notify\nExecStart=/bin/etcd gateway start\n"
SIMPLE = UNIT.replace("notify", "simple")
LISTEN = ("192.0.2.1", 2379)


class Host:
    """systemd, its processes, time and files, as far as a proxy needs them; stands for all that ``World`` holds.

    ``breaks`` holds words of units that crash at once, ``deaf`` of those that never accept connections.
    """

    name = "etcd-proxy"

    def __init__(self) -> None:
        self.unit: t.Optional[str] = None
        self.loaded: t.Optional[str] = None
        self.enabled = False
        self.process: t.Optional[ProcessSeen] = None
        self.pids = 100
        self.now = 0.0
        self.did: t.List[str] = []
        self.breaks: t.Set[str] = set()
        self.deaf: t.Set[str] = set()
        self.looping = False
        self.files: t.Dict[str, bytes] = {}

    def world(self, *, dry: bool = False) -> World:
        return World("etcd-proxy", self, self.read, self.look, self.accepts, self, dry=dry)

    # the service

    def seen(self) -> ServiceSeen:
        if self.looping:
            self._fork()
        ready = not self.looping or "Type=simple" in (self.loaded or "")
        state = ("active" if ready else "activating") if self.process else "inactive"
        pid = self.process.pid if self.process else 0
        return ServiceSeen("etcd-proxy", self.unit is not None, self.enabled, state, pid)

    def definition(self) -> t.Optional[str]:
        return self.unit

    def define(self, definition: t.Optional[str]) -> bool:
        changed = self.unit != definition
        if changed:
            self.did.append("define" if definition else "undefine")
        self.unit = self.loaded = definition
        return changed

    def enable(self) -> bool:
        changed, self.enabled = not self.enabled, True
        self.did += ["enable"] * changed
        return changed

    def disable(self) -> bool:
        self.enabled = False
        self.did.append("disable")
        return True

    def start(self) -> None:
        raise AssertionError("a proxy is restarted")

    def restart(self) -> None:
        self.did.append("restart")
        self._fork()
        self.looping = self._is(self.breaks)

    def stop(self) -> None:
        self.did.append("stop")
        self.process, self.looping = None, False

    def log(self, *, since: float, lines: int = 20) -> t.Tuple[str, ...]:
        return ("begin", f"bind: in use since {since:g}")

    def _fork(self) -> None:
        self.pids += 1
        found = re.search(rf"^Environment=({DIGEST})=(.*)$", self.loaded or "", re.MULTILINE)
        environment = {found.group(1): found.group(2)} if found else {}
        self.process = ProcessSeen(pid=self.pids, executable="/bin/etcd", environment=environment, started=self.now)

    def _is(self, words: t.Set[str]) -> bool:
        return any(word in (self.loaded or "") for word in words)

    # the rest of the world

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        return self.files[path]

    def look(self, pid: int) -> t.Optional[ProcessSeen]:
        return self.process if self.process and self.process.pid == pid else None

    def accepts(self, host: str, port: int) -> bool:
        return self.process is not None and (host, port) == LISTEN and not self._is(self.deaf)

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def host() -> Host:
    return Host()


def test_from_nothing(host: Host) -> None:
    dry = run(host.world(dry=True), UNIT, LISTEN, timeout=5)
    assert (dry.actions, dry.before, dry.pid) == (["define", "enable", "restart"], None, 0)
    assert host.did == []
    done = run(host.world(), UNIT, LISTEN, timeout=5)
    assert done == dataclasses.replace(dry, pid=101)
    assert host.did == ["define", "enable", "restart"]
    assert host.unit == stamped(UNIT)[0] == done.after
    again = run(host.world(), UNIT, LISTEN, timeout=5)
    assert (again.actions, again.pid, len(host.did)) == ([], 101, 3)


def die(host: Host) -> None:
    host.process = None


def run_something_else(host: Host) -> None:
    host.define(stamped(UNIT)[0].replace("start", "start --other"))
    host.restart()


def lose_the_restart(host: Host) -> None:
    """As a run does that is killed after it has written the unit."""
    host.define("[Service]\n")
    host.restart()
    host.define(stamped(UNIT)[0])


def replace_the_program(host: Host) -> None:
    assert host.process is not None
    host.process = dataclasses.replace(host.process, replaced=True)


def disable(host: Host) -> None:
    host.enabled = False


@pytest.mark.parametrize(
    ("change", "actions"),
    [
        (die, ["restart"]),
        (run_something_else, ["define", "restart"]),
        (lose_the_restart, ["restart"]),
        (replace_the_program, ["restart"]),
        (disable, ["enable"]),
    ],
)
def test_what_is_not_as_wished(host: Host, change: t.Callable[[Host], None], actions: t.List[str]) -> None:
    run(host.world(), UNIT, LISTEN, timeout=5)
    change(host)
    assert run(host.world(dry=True), UNIT, LISTEN, timeout=5).actions == actions
    assert run(host.world(), UNIT, LISTEN, timeout=5).actions == actions
    assert host.unit == host.loaded == stamped(UNIT)[0]
    assert run(host.world(), UNIT, LISTEN, timeout=5).actions == []


def test_certificates_count(host: Host) -> None:
    unit = UNIT + "LoadCredential=key-file:/pki/100%%.key\n"
    assert run(host.world(dry=True), unit, LISTEN, timeout=5).actions == ["define", "enable", "restart"]
    with pytest.raises(InvalidInput, match=r"etcd-proxy cannot have /pki/100%\.key: No such file"):
        run(host.world(), unit, LISTEN, timeout=5)
    assert host.did == []
    host.files["/pki/100%.key"] = b"first"
    run(host.world(), unit, LISTEN, timeout=5)
    assert run(host.world(), unit, LISTEN, timeout=5).actions == []
    host.files["/pki/100%.key"] = b"second"
    assert run(host.world(), unit, LISTEN, timeout=5).actions == ["define", "restart"]


@pytest.mark.parametrize("why", ["breaks", "deaf"])
@pytest.mark.parametrize("unit", [UNIT, SIMPLE])
def test_one_that_does_not_come_up(host: Host, why: str, unit: str) -> None:
    getattr(host, why).add("--bad")
    bad = unit.replace("start\n", "start --bad\n")
    with pytest.raises(ServerFailed, match=r"at 192\.0\.2\.1:2379 within 5 s: bind: in use since 0\. It is stopped"):
        run(host.world(), bad, LISTEN, timeout=5)
    assert host.process is None
    host.did.clear()
    run(host.world(), unit, LISTEN, timeout=5)
    with pytest.raises(ServerFailed, match="What ran before was put back and runs again") as failed:
        run(host.world(), bad, LISTEN, timeout=5)
    assert failed.value.details["log"][-1].startswith("bind: in use")
    assert host.unit == stamped(unit)[0]
    assert run(host.world(), unit, LISTEN, timeout=5).actions == []


def test_what_was_put_back_does_not_come_up_either(host: Host) -> None:
    run(host.world(), UNIT, LISTEN, timeout=5)
    host.deaf.add("etcd")
    with pytest.raises(ServerFailed, match="did not come up at that address either"):
        run(host.world(), SIMPLE, LISTEN, timeout=5)
    assert host.now < 12


def test_without_a_word_of_being_ready_it_must_stay(host: Host) -> None:
    run(host.world(), SIMPLE, LISTEN, timeout=5)
    assert host.now == pytest.approx(1.0, abs=0.2)
    host.looping = False
    run(host.world(), UNIT, LISTEN, timeout=5)
    assert host.now < 1.3


def test_crashes_in_a_row_are_not_waited_for(host: Host) -> None:
    host.breaks.add("simple")
    with pytest.raises(ServerFailed):
        run(host.world(), SIMPLE, LISTEN, timeout=60)
    assert host.now < 2


def test_absent(host: Host) -> None:
    assert remove(host.world()).actions == []
    run(host.world(), UNIT, LISTEN, timeout=5)
    host.did.clear()
    assert remove(host.world(dry=True)).actions == ["remove"]
    assert host.did == []
    done = remove(host.world())
    assert (done.actions, done.before, done.after) == (["remove"], stamped(UNIT)[0], None)
    assert host.did == ["stop", "disable", "undefine"]
    assert remove(host.world()).actions == []


@pytest.mark.parametrize(
    "text", ["", "[Unit]\n", "[Service]\n[Service]\n", f"[Service]\nEnvironment={DIGEST}=1\n", "# [Service]\n"]
)
def test_what_is_no_unit(host: Host, text: str) -> None:
    with pytest.raises(InvalidInput, match="not the unit of a service"):
        run(host.world(), text, LISTEN, timeout=5)


def test_the_digest_is_of_all_of_it() -> None:
    digests = {stamped(UNIT)[1], stamped(SIMPLE)[1], stamped(UNIT + "#\n")[1], stamped(UNIT, b"x")[1]}
    assert len(digests) == 4


def test_connections_are_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert accepts("127.0.0.1", port)
        assert accepts("0.0.0.0", port)
    assert not accepts("127.0.0.1", port)
    assert not accepts("no.such.host.invalid", port)

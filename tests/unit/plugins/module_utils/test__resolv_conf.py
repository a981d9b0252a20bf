# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._dns import Answer, DnsProblem, SystemAnswer
from ansible_collections.quorum.etcd.plugins.module_utils._errors import Refused
from ansible_collections.quorum.etcd.plugins.module_utils._resolv_conf import (
    MARK,
    Content,
    NoResolution,
    ResolvConf,
    parse,
    render,
)

FORMER = "search lan\nnameserver 192.0.2.53\noptions edns0\n"
OURS = f"{MARK}\nsearch lan\nnameserver 127.0.0.1\nnameserver 192.0.2.53\noptions edns0\n"
STUB = "../run/systemd/resolve/stub-resolv.conf"


class FakeResolver:
    """Knows names and the world, or is down."""

    def __init__(self, address: str, names: t.Container[str], world: bool, problem: t.Optional[DnsProblem]) -> None:
        self.address = address
        self.port = 53
        self._names = names
        self._world = world
        self._problem = problem

    def ask(self, name: str, kind: str, timeout: float) -> Answer:
        if self._problem is not None:
            raise self._problem
        if kind == "NS":
            return Answer((("a.root-servers.net.",),) if self._world else ())
        return Answer((("192.0.2.1",),) if kind == "A" and name in self._names else ())


class Host:
    """A host's files under a directory, and what it is around."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: t.Set[str] = {"etcd1.example.com."}
        self.world: t.Set[str] = {"127.0.0.1", "192.0.2.53", "192.0.2.54"}
        self.down: t.Dict[str, DnsProblem] = {}
        self.resolves = True
        self.commands: t.List[t.List[str]] = []
        self.code = 0
        self.write("/etc/resolv.conf", FORMER)

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def write(self, path: str, text: str) -> None:
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(text)

    def link(self, target: str, text: str) -> None:
        self.path("/etc/resolv.conf").unlink()
        self.write(os.path.normpath(f"/etc/{target}"), text)
        self.path("/etc/resolv.conf").symlink_to(target)

    @property
    def text(self) -> str:
        return self.path("/etc/resolv.conf").read_text()

    @property
    def former(self) -> Path:
        return self.path("/etc/resolv.conf.former")

    @property
    def files(self) -> t.List[str]:
        return sorted(path.name for path in self.path("/etc").iterdir() if path.is_file())

    def resolv_conf(self) -> ResolvConf:
        def run(args: t.List[str], **more: t.Any) -> t.Tuple[int, str, str]:
            self.commands.append(args)
            return self.code, "", ""

        def resolver(address: str) -> FakeResolver:
            return FakeResolver(address, self.names, address in self.world, self.down.get(address))

        def system(names: t.Sequence[str], timeout: float) -> t.Mapping[str, SystemAnswer]:
            answer = SystemAnswer(("192.0.2.1",) if self.resolves else ())
            return dict.fromkeys(names, answer)

        return ResolvConf(run, resolver, system, root=str(self.root))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("", Content()),
        (FORMER, Content(("192.0.2.53",), ("lan",), ("edns0",))),
        ("domain a\nsearch b c # x\n; search d\noptions x\noptions y x\n", Content((), ("b", "c"), ("x", "y"))),
        ("nameserver\nnameserver 1::1 ; z\nnameserver 1::1\n", Content(("1::1",))),
    ],
)
def test_parse(text: str, content: Content) -> None:
    assert parse(text) == content
    assert parse(render(content)) == content


def test_takes_its_place_once(host: Host) -> None:
    outcome = host.resolv_conf().manage(["127.0.0.1"], prove=["etcd1.example.com"])
    assert (outcome.changed, outcome.before, outcome.after, outcome.warnings) == (True, FORMER, OURS, ())
    assert host.text == OURS
    assert host.former.read_text() == FORMER
    assert os.stat(host.path("/etc/resolv.conf")).st_mode & 0o777 == 0o644
    assert host.files == ["resolv.conf", "resolv.conf.former"]
    host.down = {"127.0.0.1": DnsProblem("not asked again", answered=False)}
    assert not host.resolv_conf().manage(["127.0.0.1"], prove=["etcd1.example.com"]).changed


def test_check_mode_touches_and_asks_nothing(host: Host) -> None:
    host.down = {"127.0.0.1": DnsProblem("nothing runs yet", answered=False)}
    outcome = host.resolv_conf().manage(["127.0.0.1"], check_mode=True)
    assert (outcome.changed, outcome.after) == (True, OURS)
    assert host.text == FORMER
    assert host.files == ["resolv.conf"]


def test_what_is_wished_instead_of_the_former(host: Host) -> None:
    outcome = host.resolv_conf().manage(["127.0.0.1", "192.0.2.53"], search=[], options=["rotate"], fallback=False)
    assert parse(outcome.after) == Content(("127.0.0.1", "192.0.2.53"), (), ("rotate",))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda host: host.names.clear(), "The nameserver 127.0.0.1 has no address for etcd1.example.com."),
        (
            lambda host: host.world.discard("127.0.0.1"),
            "knows nothing of the world outside, which can be reached so far",
        ),
        (
            lambda host: host.down.update({"127.0.0.1": DnsProblem("no answer within 3 s", answered=False)}),
            "The nameserver 127.0.0.1 gives no answer within 3 s.",
        ),
        (
            lambda host: host.down.update({"127.0.0.1": DnsProblem("Connection refused", answered=False)}),
            "The nameserver 127.0.0.1 does not serve: Connection refused.",
        ),
    ],
)
def test_a_bad_nameserver_changes_nothing(host: Host, change: t.Callable[[Host], object], told: str) -> None:
    change(host)
    with pytest.raises(Refused) as caught:
        host.resolv_conf().manage(["127.0.0.1"], prove=["etcd1.example.com"])
    assert told in caught.value.message
    assert host.text == FORMER
    assert host.files == ["resolv.conf"]


def test_a_silent_nameserver_is_refused_without_names_to_prove(host: Host) -> None:
    host.world.clear()
    host.down = {"127.0.0.1": DnsProblem("Connection refused", answered=False)}
    with pytest.raises(Refused):
        host.resolv_conf().manage(["127.0.0.1"])


def test_without_a_world_before_none_is_asked_for(host: Host) -> None:
    host.world.clear()
    assert host.resolv_conf().manage(["127.0.0.1"], prove=["etcd1.example.com"]).changed


def test_one_good_nameserver_is_enough(host: Host) -> None:
    host.down = {"192.0.2.9": DnsProblem("Connection refused", answered=False)}
    outcome = host.resolv_conf().manage(["192.0.2.9", "127.0.0.1"])
    assert outcome.changed
    assert outcome.warnings == ("The nameserver 192.0.2.9 does not serve: Connection refused.",)


@pytest.mark.parametrize("linked", [False, True])
def test_comes_back_when_the_host_cannot_resolve(host: Host, linked: bool) -> None:
    if linked:
        host.link(STUB, "nameserver 127.0.0.53\n")
    before = host.text
    host.resolves = False
    with pytest.raises(NoResolution, match=r"does not resolve etcd1\.example\.com"):
        host.resolv_conf().manage(["127.0.0.1"], prove=["etcd1.example.com"])
    assert host.text == before
    assert host.path("/etc/resolv.conf").is_symlink() == linked
    assert not os.path.lexists(host.former)


def test_our_former_one_comes_back_too(host: Host) -> None:
    host.resolv_conf().manage(["127.0.0.1"])
    host.resolves = False
    with pytest.raises(NoResolution):
        host.resolv_conf().manage(["192.0.2.54"], prove=["etcd1.example.com"])
    assert host.text == OURS
    assert host.former.read_text() == FORMER


def test_a_missing_file_is_missing_again(host: Host) -> None:
    host.path("/etc/resolv.conf").unlink()
    assert host.resolv_conf().look().kind == "missing"
    host.resolves = False
    with pytest.raises(NoResolution):
        host.resolv_conf().manage(["127.0.0.1"], prove=["etcd1.example.com"])
    assert host.files == []


def test_a_link_of_resolved_becomes_a_file_and_a_link_again(host: Host) -> None:
    host.link(STUB, "nameserver 127.0.0.53\nsearch lan\noptions edns0 trust-ad\n")
    host.write("/run/systemd/resolve/resolv.conf", "nameserver 192.0.2.53\nnameserver 192.0.2.54\n")
    seen = host.resolv_conf().look()
    assert (seen.kind, seen.owner, seen.target) == ("link", "systemd-resolved", STUB)
    assert seen.upstream == ("192.0.2.53", "192.0.2.54")
    outcome = host.resolv_conf().manage(["127.0.0.1"])
    assert parse(outcome.after) == Content(("127.0.0.1", "192.0.2.53", "192.0.2.54"), ("lan",), ("edns0",))
    assert outcome.warnings == ()
    assert not host.path("/etc/resolv.conf").is_symlink()
    assert host.path("/run/systemd/resolve/stub-resolv.conf").read_text().startswith("nameserver 127.0.0.53\n")
    managed = host.resolv_conf().look()
    assert (managed.managed, managed.owner, managed.upstream) == (True, "systemd-resolved", seen.upstream)
    assert host.resolv_conf().restore().changed
    assert os.readlink(host.path("/etc/resolv.conf")) == STUB
    assert not os.path.lexists(host.former)
    assert not host.resolv_conf().restore().changed


def test_a_mounted_file_is_written_over(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write("/proc/self/mounts", "tmpfs / tmpfs rw 0 0\ntmpfs /etc/resolv.conf tmpfs rw 0 0\n")
    place = str(host.path("/etc/resolv.conf"))
    replace = os.replace

    def busy(source: str, target: str) -> None:
        if target == place:
            raise OSError(errno.EBUSY, "Device or resource busy")
        replace(source, target)

    monkeypatch.setattr(os, "replace", busy)
    number = os.stat(place).st_ino
    assert host.resolv_conf().look().kind == "mount"
    host.resolv_conf().manage(["127.0.0.1"])
    assert (host.text, os.stat(place).st_ino) == (OURS, number)
    host.resolv_conf().restore()
    assert (host.text, os.stat(place).st_ino) == (FORMER, number)
    assert host.files == ["resolv.conf"]


def test_a_file_that_may_not_be_replaced(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def immutable(source: str, target: str) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "replace", immutable)
    with pytest.raises(Refused, match="may not be replaced"):
        host.resolv_conf().manage(["127.0.0.1"])
    assert host.text == FORMER
    assert host.files == ["resolv.conf"]


@pytest.mark.parametrize("owner", ["NetworkManager", "dhclient"])
def test_owners_that_can_be_told(host: Host, owner: str) -> None:
    if owner == "NetworkManager":
        host.write("/etc/resolv.conf", f"# Generated by NetworkManager\n{FORMER}")
        measure = "/etc/NetworkManager/conf.d/90-quorum-resolv-conf.conf"
        reload = [["systemctl", "reload", "NetworkManager.service"]]
    else:
        host.write("/proc/77/comm", "dhclient\n")
        measure = "/etc/dhcp/dhclient-enter-hooks.d/quorum-resolv-conf"
        reload = []
    host.path(measure).parent.mkdir(parents=True)
    assert host.resolv_conf().look().owner == owner
    outcome = host.resolv_conf().manage(["127.0.0.1"])
    assert outcome.warnings == ()
    assert host.path(measure).is_file()
    assert host.commands == reload
    host.resolv_conf().restore()
    assert not host.path(measure).exists()
    assert host.commands == 2 * reload


def test_owner_that_does_not_listen(host: Host) -> None:
    host.link("../run/NetworkManager/resolv.conf", FORMER)
    host.path("/etc/NetworkManager/conf.d").mkdir(parents=True)
    host.code = 1
    (warning,) = host.resolv_conf().manage(["127.0.0.1"]).warnings
    assert "NetworkManager did not take up" in warning


@pytest.mark.parametrize(
    ("text", "owner", "advice"),
    [
        ("# Generated by dhcpcd from eth0\n", "dhcpcd", "nohook resolv.conf"),
        ("# Generated by resolvconf\n", "resolvconf", "resolvconf=NO"),
        ("; generated by /usr/sbin/dhclient-script\n", "dhclient", ""),
        ("# Created by cloud-init\n", "cloud-init", "manage_resolv_conf: false"),
    ],
)
def test_owners_that_cannot_be_told(host: Host, text: str, owner: str, advice: str) -> None:
    host.write("/etc/resolv.conf", text)
    assert host.resolv_conf().look().owner == owner
    (warning,) = host.resolv_conf().manage(["127.0.0.1"]).warnings
    assert warning.startswith(f"/etc/resolv.conf was {owner}'s, which may write it again.")
    assert advice in warning


def test_what_an_owner_wrote_meanwhile_is_the_new_former_one(host: Host) -> None:
    host.resolv_conf().manage(["127.0.0.1"])
    host.write("/etc/resolv.conf", "nameserver 192.0.2.54\n")
    host.resolv_conf().manage(["127.0.0.1"])
    assert host.former.read_text() == "nameserver 192.0.2.54\n"
    assert parse(host.text).nameservers == ("127.0.0.1", "192.0.2.54")


def test_cannot_put_back_what_is_lost(host: Host) -> None:
    host.resolv_conf().manage(["127.0.0.1"])
    host.former.unlink()
    with pytest.raises(Refused, match=r"resolv\.conf\.former is not there"):
        host.resolv_conf().restore()
    assert host.text == OURS


def test_putting_back_in_check_mode(host: Host) -> None:
    host.resolv_conf().manage(["127.0.0.1"])
    outcome = host.resolv_conf().restore(check_mode=True)
    assert (outcome.changed, outcome.after) == (True, FORMER)
    assert host.text == OURS

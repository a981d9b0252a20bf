# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How resolvers are asked and compared. The real ones are in tests/integration."""

from __future__ import annotations

import socket
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _dns
from ansible_collections.quorum.etcd.plugins.module_utils._dns import (
    Answer,
    DnsProblem,
    LibraryMissing,
    Resolver,
    SystemAnswer,
    look,
    nameservers,
    system_addresses,
)
from ansible_collections.quorum.etcd.plugins.module_utils._records import SrvRecord

ZONE = {
    ("_etcd-server._tcp.example.com.", "SRV"): Answer(
        ((0, 5, 2380, "n2.example.com"), (0, 5, 2380, "n1.example.com")), 60
    ),
    ("_etcd-client._tcp.example.com.", "SRV"): Answer(((0, 0, 2379, "n1.example.com"),), 50),
    ("n1.example.com.", "A"): Answer((("192.0.2.1",),), 40),
    ("n1.example.com.", "AAAA"): Answer((("2001:db8::1",),), 30),
    ("n2.example.com.", "A"): Answer((("192.0.2.2",),), 20, ("m2.example.com",)),
}


class FakeResolver:
    """Answers from a table. ``silent_after`` is how many questions it answers, ``refused`` what it refuses."""

    def __init__(
        self,
        address: str = "192.0.2.53",
        zone: t.Optional[t.Mapping[t.Tuple[str, str], Answer]] = None,
        *,
        silent_after: t.Optional[int] = None,
        refused: t.Container[str] = (),
    ) -> None:
        self.address = address
        self.port = 53
        self.asked: t.List[t.Tuple[str, str]] = []
        self._zone = ZONE if zone is None else zone
        self._silent_after = silent_after
        self._refused = refused

    def ask(self, name: str, kind: str, timeout: float) -> Answer:
        self.asked.append((name, kind))
        if self._silent_after is not None and len(self.asked) > self._silent_after:
            raise DnsProblem("no answer", answered=False)
        if name in self._refused:
            raise DnsProblem(f"answers REFUSED for {name}", answered=True)
        return self._zone.get((name, kind), Answer())


def test_looks_at_servers_clients_and_their_addresses() -> None:
    seen = look("example.com.", resolvers=[FakeResolver()], timeout=5, system=None)
    assert seen.domain == "example.com"
    assert seen.records == (
        SrvRecord("etcd-server", "n1.example.com", 2380, 0, 5, 60),
        SrvRecord("etcd-server", "n2.example.com", 2380, 0, 5, 60),
        SrvRecord("etcd-client", "n1.example.com", 2379, 0, 0, 50),
    )
    (n1, n2) = seen.hosts
    assert (n1.name, n1.dns, n1.ttl, n1.system) == ("n1.example.com", ("192.0.2.1", "2001:db8::1"), 30, None)
    assert (n2.dns, n2.aliases) == (("192.0.2.2",), ("m2.example.com",))
    assert seen.resolvers[0].answered
    assert seen.differences == ()


def test_service_name_is_part_of_all_questions() -> None:
    resolver = FakeResolver()
    look("example.com", service_name="dev", resolvers=[resolver], timeout=5, system=None)
    assert [name for name, _kind in resolver.asked] == [
        "_etcd-server-ssl-dev._tcp.example.com.",
        "_etcd-server-dev._tcp.example.com.",
        "_etcd-client-ssl-dev._tcp.example.com.",
        "_etcd-client-dev._tcp.example.com.",
    ]


def test_the_machine_is_asked_for_the_targets() -> None:
    asked: t.List[str] = []

    def system(names: t.Sequence[str], timeout: float) -> t.Mapping[str, SystemAnswer]:
        asked.extend(names)
        return {"n1.example.com": SystemAnswer(("127.0.1.1",)), "n2.example.com": SystemAnswer(problem="no")}

    seen = look("example.com", resolvers=[FakeResolver()], timeout=5, system=system)
    assert asked == ["n1.example.com", "n2.example.com"]
    assert [host.system for host in seen.hosts] == [("127.0.1.1",), ()]
    assert seen.hosts[1].system_problem == "no"


def test_who_is_silent_is_asked_once() -> None:
    silent = FakeResolver("192.0.2.1", silent_after=0)
    seen = look("example.com", resolvers=[silent, FakeResolver()], timeout=5, system=None)
    assert len(silent.asked) == 1
    assert [(one.address, one.answered, one.problem) for one in seen.resolvers] == [
        ("192.0.2.1", False, "no answer"),
        ("192.0.2.53", True, ""),
    ]
    assert len(seen.records) == 3
    assert seen.differences == ()


def test_who_answers_all_counts_before_who_answers_some() -> None:
    some = FakeResolver("192.0.2.1", silent_after=2)
    seen = look("example.com", resolvers=[some, FakeResolver()], timeout=5, system=None)
    assert [(one.answered, one.problem) for one in seen.resolvers] == [(True, "no answer"), (True, "")]
    assert len(seen.records) == 3
    alone = look("example.com", resolvers=[FakeResolver(silent_after=2)], timeout=5, system=None)
    assert len(alone.records) == 2


def test_what_is_refused_does_not_hide_the_rest() -> None:
    resolver = FakeResolver(refused=("_etcd-server-ssl._tcp.example.com.",))
    seen = look("example.com", resolvers=[resolver], timeout=5, system=None)
    assert seen.resolvers[0].problem == "answers REFUSED for _etcd-server-ssl._tcp.example.com."
    assert len(seen.records) == 3


def test_resolvers_are_compared() -> None:
    other = {key: answer for key, answer in ZONE.items() if key != ("n1.example.com.", "AAAA")}
    other["n2.example.com.", "A"] = Answer((("192.0.2.9",),), 1)
    seen = look("example.com", resolvers=[FakeResolver(), FakeResolver("192.0.2.54", other)], timeout=5, system=None)
    assert seen.differences == (
        (
            "Resolver 192.0.2.54 differs from 192.0.2.53: it lacks n1.example.com is 2001:db8::1, "
            "n2.example.com is 192.0.2.2 and has n2.example.com is 192.0.2.9."
        ),
    )


def test_time_is_up() -> None:
    resolver = FakeResolver()
    seen = look("example.com", resolvers=[resolver], timeout=0, system=None)
    assert resolver.asked == []
    assert seen.resolvers[0].problem == "not done within 0 s"


def test_no_resolver() -> None:
    assert look("example.com", resolvers=[], timeout=5, system=None).records == ()


def test_resolv_conf(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# a\nnameserver 192.0.2.1 # b\nsearch x\n;nameserver 3\nnameserver\n"
        "nameserver fe80::1%eth0\nnameserver 192.0.2.1\n"
    )
    assert nameservers(str(path)) == ("192.0.2.1", "fe80::1%eth0")
    assert nameservers(str(tmp_path / "none")) == ()


def test_the_machine_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def getaddrinfo(name: str, *_args: t.Any, **_kwargs: t.Any) -> t.List[t.Any]:
        if name == "slow":
            release.wait(30)
        if name == "unknown":
            raise OSError(-2, "Name or service not known")
        return [(0, 0, 0, "", ("192.0.2.10", 0)), (0, 0, 0, "", ("192.0.2.9", 0)), (0, 0, 0, "", ("192.0.2.9", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        found = system_addresses(["known", "slow", "unknown"], 0.2)
    finally:
        release.set()
    assert found == {
        "known": SystemAnswer(("192.0.2.9", "192.0.2.10")),
        "slow": SystemAnswer(problem="no answer within 0.2 s"),
        "unknown": SystemAnswer(problem="Name or service not known"),
    }


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dns, "HAS_DNSPYTHON", False)
    with pytest.raises(LibraryMissing, match=r"no dnspython.*python3-dnspython"):
        Resolver("192.0.2.53")

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module srv_info's questions to a real dnsmasq on loopback, over IPv4 and IPv6, and to what does not answer."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._dns import DnsProblem, Resolver, look
from ansible_collections.quorum.etcd.plugins.module_utils._records import Expected
from ansible_collections.quorum.etcd.plugins.module_utils._srv import judge
from ansible_collections.quorum.etcd.tests.integration.support import eventually, free_port

DOMAIN = "quorum.test"


def dnsmasq_program() -> str:
    """The program, from the distribution's package dnsmasq-base."""

    def find() -> t.Optional[str]:
        return shutil.which("dnsmasq", path="/usr/sbin:/usr/local/sbin:/usr/bin")

    found = find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "install", "--yes", "--no-install-recommends"]
        subprocess.run([*install, "dnsmasq-base"], env=environ, capture_output=True, check=False)
        found = find()
    if found is None:
        raise FileNotFoundError("dnsmasq is not there: install dnsmasq-base")
    return found


class Dnsmasq:
    """A dnsmasq with the given lines of configuration and no upstream, on loopback."""

    def __init__(self, directory: Path, *lines: str) -> None:
        self.port = free_port()
        directory.mkdir(parents=True)
        config = directory / "dnsmasq.conf"
        config.write_text("\n".join(["no-resolv", "no-hosts", "local-ttl=77", *lines]) + "\n")
        self._log = directory / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    dnsmasq_program(),
                    "--keep-in-foreground",
                    f"--conf-file={config}",
                    f"--port={self.port}",
                    "--listen-address=127.0.0.1,::1",
                    "--bind-interfaces",
                    "--user=root",
                    "--group=root",
                    "--pid-file",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            eventually(self._answers, why="dnsmasq does not answer")
        except BaseException:
            self.close()
            raise

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"dnsmasq has ended: {self._log.read_text()}")
        try:
            self.resolver().ask("version.bind.", "A", 0.5)
        except DnsProblem as problem:
            return problem.answered
        return True

    def resolver(self, address: str = "127.0.0.1") -> Resolver:
        return Resolver(address, self.port)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def dnsmasq(tmp_path: Path) -> t.Iterator[t.Callable[..., Dnsmasq]]:
    """Makes servers that end with the test."""
    with contextlib.ExitStack() as stack:

        def make(*lines: str) -> Dnsmasq:
            made.append(Dnsmasq(tmp_path / f"dns{len(made)}", *lines))
            stack.callback(made[-1].close)
            return made[-1]

        made: t.List[Dnsmasq] = []
        yield make


def records(size: int, kind: str = "server", port: int = 2380) -> t.List[str]:
    return [f"srv-host=_etcd-{kind}._tcp.{DOMAIN},n{number}.{DOMAIN},{port},1,2" for number in range(1, size + 1)]


LOCAL = f"local=/{DOMAIN}/"
ADDRESSES = [f"host-record=n{number}.{DOMAIN},192.0.2.{number},2001:db8::{number}" for number in (1, 2, 3)]
THREE = [
    Expected(
        f"n{number}", f"n{number}.{DOMAIN}", client_port=2379, addresses=(f"192.0.2.{number}", f"2001:db8::{number}")
    )
    for number in (1, 2, 3)
]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_what_dnsmasq_serves(dnsmasq: t.Callable[..., Dnsmasq], address: str) -> None:
    server = dnsmasq(LOCAL, *records(3), *records(3, "client", 2379), *ADDRESSES)
    seen = look(DOMAIN, resolvers=[server.resolver(address)], timeout=5, system=None)
    verdict = judge(seen, THREE)
    assert verdict.problems == ()
    assert verdict.notes == ()
    assert verdict.peer_urls == tuple(f"http://n{number}.{DOMAIN}:2380" for number in (1, 2, 3))
    (first, *_others) = seen.records
    assert (first.priority, first.weight, first.ttl) == (1, 2, 77)
    assert [host.ttl for host in seen.hosts] == [77, 77, 77]


def test_long_answers_come_over_tcp(dnsmasq: t.Callable[..., Dnsmasq]) -> None:
    server = dnsmasq(LOCAL, *records(40))
    assert len(server.resolver().ask(f"_etcd-server._tcp.{DOMAIN}.", "SRV", 2).rows) == 40


def test_through_an_alias(dnsmasq: t.Callable[..., Dnsmasq]) -> None:
    server = dnsmasq(LOCAL, *records(1), f"cname=n1.{DOMAIN},n2.{DOMAIN}", *ADDRESSES[1:])
    (host,) = look(DOMAIN, resolvers=[server.resolver()], timeout=5, system=None).hosts
    assert host.aliases == (f"n2.{DOMAIN}",)
    assert host.dns == ("192.0.2.2", "2001:db8::2")


def test_a_target_without_address(dnsmasq: t.Callable[..., Dnsmasq]) -> None:
    server = dnsmasq(LOCAL, *records(3), *ADDRESSES[:2])
    verdict = judge(look(DOMAIN, resolvers=[server.resolver()], timeout=5, system=None), THREE)
    assert verdict.unresolved == (f"n3.{DOMAIN}",)
    assert len(verdict.peer_urls) == 2


def test_resolvers_that_differ(dnsmasq: t.Callable[..., Dnsmasq]) -> None:
    one = dnsmasq(LOCAL, *records(3), *ADDRESSES)
    other = dnsmasq(LOCAL, *records(2), *ADDRESSES)
    seen = look(DOMAIN, resolvers=[one.resolver(), other.resolver()], timeout=5, system=None)
    (difference,) = seen.differences
    assert f"lacks n3.{DOMAIN} is 192.0.2.3" in difference
    assert f"n3.{DOMAIN}:2380 in _etcd-server" in difference


def test_no_such_name_is_an_answer_and_a_refusal_is_none(dnsmasq: t.Callable[..., Dnsmasq]) -> None:
    """Without an upstream, dnsmasq refuses what it was not told of."""
    knows = dnsmasq(LOCAL)
    seen = look(DOMAIN, resolvers=[knows.resolver()], timeout=5, system=None)
    assert (seen.resolvers[0].answered, seen.resolvers[0].problem) == (True, "")
    refuses = dnsmasq()
    (resolver,) = look(DOMAIN, resolvers=[refuses.resolver()], timeout=5, system=None).resolvers
    assert resolver.answered
    assert "REFUSED" in resolver.problem


def test_nobody_listens() -> None:
    start = time.monotonic()
    (resolver,) = look(DOMAIN, resolvers=[Resolver("127.0.0.1", free_port())], timeout=20, system=None).resolvers
    assert not resolver.answered
    assert resolver.problem == "Connection refused"
    assert time.monotonic() - start < 10


def test_silence_is_bounded_and_others_count(dnsmasq: t.Callable[..., Dnsmasq]) -> None:
    server = dnsmasq(LOCAL, *records(3), *ADDRESSES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        start = time.monotonic()
        resolvers = [Resolver("127.0.0.1", silent.getsockname()[1]), server.resolver()]
        seen = look(DOMAIN, resolvers=resolvers, timeout=1.5, system=None)
        assert 1.4 < time.monotonic() - start < 10
    assert [one.answered for one in seen.resolvers] == [False, True]
    assert len(seen.records) == 3
    assert judge(seen).ok


def test_a_lost_packet_is_sent_again(dnsmasq: t.Callable[..., Dnsmasq]) -> None:
    server = dnsmasq(LOCAL, *records(1), *ADDRESSES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as between:
        between.bind(("127.0.0.1", 0))
        between.settimeout(10)

        def forward() -> None:
            between.recvfrom(512)  # this one is lost
            packet, client = between.recvfrom(512)
            between.sendto(packet, ("127.0.0.1", server.port))
            between.sendto(between.recvfrom(4096)[0], client)

        thread = threading.Thread(target=forward)
        thread.start()
        answer = Resolver("127.0.0.1", between.getsockname()[1]).ask(f"_etcd-server._tcp.{DOMAIN}.", "SRV", 10)
        thread.join()
    assert answer.rows == ((1, 2, 2380, f"n1.{DOMAIN}"),)


def test_a_connection_that_closes_before_the_answer_is_whole() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket(type=socket.SOCK_DGRAM) as packets:
        port = listening.getsockname()[1]
        packets.bind(("127.0.0.1", port))
        for one in (listening, packets):
            one.settimeout(10)

        def serve() -> None:
            question, client = packets.recvfrom(512)
            truncated = question[:2] + bytes((question[2] | 0x82, question[3])) + question[4:]  # QR and TC
            packets.sendto(truncated, client)
            connection, _client = listening.accept()
            connection.recv(512)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(DnsProblem, match="closed the connection before its answer was whole") as caught:
            Resolver("127.0.0.1", port).ask(f"_etcd-server._tcp.{DOMAIN}.", "SRV", 10)
        thread.join()
    assert not caught.value.answered

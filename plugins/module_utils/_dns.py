# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks resolvers for the records of a domain, with dnspython, and this machine for addresses.

Private to this collection. Everything is bounded: a resolver gets ``timeout`` seconds for all questions together, and
so does the machine.
"""

from __future__ import annotations

import concurrent.futures
import ipaddress
import socket
import threading
import time
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, QuorumError
from ansible_collections.quorum.etcd.plugins.module_utils._records import (
    DomainSeen,
    HostSeen,
    ResolverSeen,
    SrvRecord,
    services,
)

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdatatype
except ImportError:
    HAS_DNSPYTHON = False
else:
    HAS_DNSPYTHON = True

RESOLV_CONF = "/etc/resolv.conf"
# A lost packet must not use up all the time there is.
_TRY = 1.0
_MOST_ALIASES = 8

Rows = t.Tuple[t.Tuple[t.Any, ...], ...]


class LibraryMissing(InvalidInput):
    """dnspython is not there."""


class DnsProblem(QuorumError):
    """A resolver gave no answer, or none that is one. The message is a reason without a dot at its end."""

    def __init__(self, message: str, *, answered: bool) -> None:
        super().__init__(message)
        self.answered = answered


class Answer(t.NamedTuple):
    """What came back. ``rows`` has (priority, weight, port, target) for SRV, else (address,); ``ttl`` in seconds."""

    rows: Rows = ()
    ttl: t.Optional[int] = None
    aliases: t.Tuple[str, ...] = ()


class Questions(t.Protocol):
    """One resolver that can be asked."""

    address: str
    port: int

    def ask(self, name: str, kind: str, timeout: float) -> Answer:
        """The records of a name, which is absolute. No such name or no such records is an empty answer.

        :param kind: ``SRV``, ``A``, ``AAAA``, or another, whose rows are (text,).
        :raises DnsProblem: there is no answer.
        """


class Resolver:
    """A resolver at an IP address, asked over UDP, and over TCP where the answer does not fit."""

    def __init__(self, address: str, port: int = 53) -> None:
        """Nothing is sent yet.

        :raises LibraryMissing: dnspython is missing.
        """
        if not HAS_DNSPYTHON:
            raise LibraryMissing(
                "The Python on this host has no dnspython.",
                remedy="Install the package python3-dnspython (Debian), python3-dns (Red Hat), or dnspython by pip.",
            )
        self.address = address
        self.port = port

    def ask(self, name: str, kind: str, timeout: float) -> Answer:
        try:
            return self._ask(name, kind, timeout)
        except dns.exception.Timeout:
            raise DnsProblem(f"no answer within {timeout:.2g} s", answered=False) from None
        except dns.exception.DNSException as error:
            raise DnsProblem(f"no proper answer for {name} ({type(error).__name__}: {error})", answered=True) from None
        except EOFError:
            raise DnsProblem("closed the connection before its answer was whole", answered=False) from None
        except OSError as error:
            raise DnsProblem(error.strerror or str(error), answered=False) from None

    def _ask(self, name: str, kind: str, timeout: float) -> Answer:
        question = dns.message.make_query(name, kind)
        message = self._exchange(question, timeout)
        code = message.rcode()
        if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise DnsProblem(f"answers {dns.rcode.to_text(code)} for {name}", answered=True)
        wanted = dns.rdatatype.from_text(kind)
        owner = dns.name.from_text(name)
        aliases: t.List[str] = []
        ttls: t.List[int] = []
        while len(aliases) <= _MOST_ALIASES:
            records = [rrset for rrset in message.answer if rrset.name == owner and rrset.rdtype == wanted]
            if records:
                ttls += [rrset.ttl for rrset in records]
                rows = tuple(_row(rdata) for rrset in records for rdata in rrset)
                return Answer(rows, min(ttls), tuple(aliases))
            alias = [rrset for rrset in message.answer if rrset.name == owner and rrset.rdtype == dns.rdatatype.CNAME]
            if not alias:
                break
            owner = next(iter(alias[0])).target
            aliases.append(_host(owner))
            ttls.append(alias[0].ttl)
        return Answer(aliases=tuple(aliases))

    def _exchange(self, question: dns.message.Message, timeout: float) -> dns.message.Message:
        limit = time.monotonic() + timeout
        with self._socket() as sock:
            while True:
                left = limit - time.monotonic()
                try:
                    message = self._udp(question, sock, max(0.01, min(left, _TRY)))
                    break
                except dns.exception.Timeout:
                    if left <= _TRY:
                        raise
        if message.flags & dns.flags.TC:
            left = max(0.01, limit - time.monotonic())
            message = dns.query.tcp(question, self.address, timeout=left, port=self.port)
        return message

    def _udp(self, question: dns.message.Message, sock: socket.socket, timeout: float) -> dns.message.Message:
        return dns.query.udp(question, self.address, timeout=timeout, port=self.port, ignore_unexpected=True, sock=sock)

    def _socket(self) -> socket.socket:
        """A connected one: it is told when nobody listens at the other end."""
        family, kind, protocol, _name, address = socket.getaddrinfo(
            self.address, self.port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        return sock


def _row(rdata: t.Any) -> t.Tuple[t.Any, ...]:
    if rdata.rdtype == dns.rdatatype.SRV:
        return (rdata.priority, rdata.weight, rdata.port, _host(rdata.target))
    if rdata.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
        return (str(ipaddress.ip_address(rdata.address)),)
    return (rdata.to_text(),)


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=name != dns.name.root)


def nameservers(path: str = RESOLV_CONF) -> t.Tuple[str, ...]:
    """The resolvers that a resolv.conf names, in order."""
    found = []
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                words = line.split("#", 1)[0].split(";", 1)[0].split()
                if len(words) >= 2 and words[0] == "nameserver":
                    found.append(words[1])
    except OSError:
        return ()
    return tuple(dict.fromkeys(found))


def look(
    domain: str,
    *,
    service_name: str = "",
    resolvers: t.Sequence[Questions],
    timeout: float,
    system: t.Optional[t.Callable[[t.Sequence[str], float], t.Mapping[str, SystemAnswer]]],
    in_order: bool = False,
) -> DomainSeen:
    """All records of etcd's under a domain, asked of every resolver at the same time.

    :param system: asks this machine for the addresses of names (see ``system_addresses``); ``None`` not to.
    :param in_order: the resolvers are those of this machine, each a fallback of those before it.
    """
    domain = domain.rstrip(".")
    with concurrent.futures.ThreadPoolExecutor(max(1, len(resolvers))) as pool:
        views = list(pool.map(lambda one: _View(one, timeout).take(domain, service_name), resolvers))
    whole = [view for view in views if not view.problem]
    best = next(iter(whole or [view for view in views if view.answered]), None)
    records = best.records if best is not None else []
    hosts = best.hosts if best is not None else []
    if system is not None:
        answers = system([host.name for host in hosts], timeout)
        hosts = [_with_system(host, answers[host.name]) for host in hosts]
    return DomainSeen(
        domain=domain,
        service_name=service_name,
        records=tuple(records),
        hosts=tuple(hosts),
        resolvers=tuple(view.resolver for view in views),
        differences=tuple(best.difference(view) for view in whole if best is not None and not best.agrees(view)),
        in_order=in_order,
    )


class _View:
    """What one resolver says."""

    def __init__(self, questions: Questions, timeout: float) -> None:
        self._questions = questions
        self._timeout = timeout
        self._limit = time.monotonic() + timeout
        self.records: t.List[SrvRecord] = []
        self.hosts: t.List[HostSeen] = []
        self.answered = False
        self.problem = ""

    @property
    def resolver(self) -> ResolverSeen:
        return ResolverSeen(self._questions.address, self._questions.port, self.answered, self.problem)

    def take(self, domain: str, service_name: str) -> _View:
        for kind in ("server", "client"):
            for service in services(kind, service_name).values():
                answer = self._ask(f"_{service}._tcp.{domain}.", "SRV")
                rows = sorted(answer.rows, key=lambda row: (row[0], row[3], row[2]))
                self.records += [
                    SrvRecord(service, target, port, priority, weight, answer.ttl or 0)
                    for priority, weight, port, target in rows
                ]
        for target in dict.fromkeys(record.target for record in self.records):
            answers = [self._ask(f"{target.rstrip('.')}.", kind) for kind in ("A", "AAAA")]
            ttls = [answer.ttl for answer in answers if answer.ttl is not None]
            self.hosts.append(
                HostSeen(
                    target,
                    dns=tuple(row[0] for answer in answers for row in sorted(answer.rows)),
                    ttl=min(ttls) if ttls else None,
                    aliases=tuple(dict.fromkeys(alias for answer in answers for alias in answer.aliases)),
                )
            )
        return self

    def _ask(self, name: str, kind: str) -> Answer:
        """The answer; where there is none, an empty one, with the problem noted. Who is silent is asked no more."""
        silent = self.problem and not self.answered
        left = self._limit - time.monotonic()
        if silent or left <= 0:
            self.problem = self.problem or f"not done within {self._timeout:g} s"
            return Answer()
        try:
            answer = self._questions.ask(name, kind, left)
        except DnsProblem as error:
            self.answered = self.answered or error.answered
            self.problem = self.problem or error.message
            return Answer()
        self.answered = True
        return answer

    def _facts(self) -> t.Set[str]:
        facts = {f"{record.target}:{record.port} in _{record.service}" for record in self.records}
        return facts | {f"{host.name} is {address}" for host in self.hosts for address in host.dns}

    def agrees(self, other: _View) -> bool:
        return self._facts() == other._facts()

    def difference(self, other: _View) -> str:
        mine, others = self._facts(), other._facts()
        parts = [f"lacks {', '.join(sorted(mine - others))}"] if mine - others else []
        parts += [f"has {', '.join(sorted(others - mine))}"] if others - mine else []
        return f"Resolver {other.resolver.label} differs from {self.resolver.label}: it {' and '.join(parts)}."


class SystemAnswer(t.NamedTuple):
    """What this machine makes of a name."""

    addresses: t.Tuple[str, ...] = ()
    problem: str = ""


def _with_system(host: HostSeen, answer: SystemAnswer) -> HostSeen:
    return HostSeen(host.name, host.dns, host.ttl, host.aliases, answer.addresses, answer.problem)


def system_addresses(names: t.Sequence[str], timeout: float) -> t.Mapping[str, SystemAnswer]:
    """The addresses of names as any program on this machine finds them, all asked at the same time.

    The C library may take much longer than ``timeout`` seconds; it is not waited for.
    """
    found: t.Dict[str, SystemAnswer] = {}
    lock = threading.Lock()

    def ask(name: str) -> None:
        answer = _system_addresses(name)
        with lock:
            found[name] = answer

    # Not a pool of concurrent.futures: Python would wait for those threads when it ends.
    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in dict.fromkeys(names)]
    limit = time.monotonic() + timeout
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, limit - time.monotonic()))
    late = SystemAnswer(problem=f"no answer within {timeout:g} s")
    with lock:
        return {name: found.get(name, late) for name in names}


def _system_addresses(name: str) -> SystemAnswer:
    try:
        rows = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return SystemAnswer(problem=getattr(error, "strerror", None) or str(error))
    addresses = {ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows}
    return SystemAnswer(tuple(str(one) for one in sorted(addresses, key=lambda one: (one.version, int(one)))))


__all__ = (
    "HAS_DNSPYTHON",
    "Answer",
    "DnsProblem",
    "LibraryMissing",
    "Questions",
    "Resolver",
    "SystemAnswer",
    "look",
    "nameservers",
    "system_addresses",
)

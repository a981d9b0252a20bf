# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What etcd would make of a domain's records, and whether that is what it should be. Private to this collection.

The rules are those of etcd's ``client/pkg/srv``, the same in 3.4 to 3.7. It asks for the https and the http service
and takes both together. A target that does not resolve is skipped without a word. A member knows itself by its
advertised URL: both that and each target are resolved, and the first address (version 4 before 6) and the port are
compared. The peer URL is made of the record's name, whatever was advertised.
"""

from __future__ import annotations

import dataclasses
import typing as t
from urllib.parse import urlsplit

from ansible_collections.quorum.etcd.plugins.module_utils._address import ip_of, is_loopback
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._records import (
    DomainSeen,
    Expected,
    HostSeen,
    SrvRecord,
    services,
)


@dataclasses.dataclass(frozen=True)
class Found:
    """One record with the scheme it stands for and its host's addresses."""

    record: SrvRecord
    scheme: str
    host: HostSeen

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.record.target}:{self.record.port}"

    @property
    def socket(self) -> t.Tuple[str, int]:
        """The one address and port that etcd compares; the address is empty where there is none."""
        return first(self.host.used), self.record.port


@dataclasses.dataclass(frozen=True)
class Own:
    """The host's own entry. ``url`` as advertised, ``addresses`` what its host part resolves to here."""

    url: str
    addresses: t.Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What was found, and all that is wrong with it.

    ``peer_urls`` are those of the members that etcd would find right now on this host. ``missing`` and
    ``wrong_addresses`` are names of members, ``unresolved`` names of hosts, ``wrong_port``, ``wrong_scheme`` and
    ``surplus`` URLs. ``problems`` has a sentence for each fault, ``notes`` for what only should be known.
    """

    servers: t.Tuple[Found, ...]
    clients: t.Tuple[Found, ...]
    peer_urls: t.Tuple[str, ...]
    client_urls: t.Tuple[str, ...]
    missing: t.Tuple[str, ...]
    surplus: t.Tuple[str, ...]
    wrong_port: t.Tuple[str, ...]
    wrong_scheme: t.Tuple[str, ...]
    wrong_addresses: t.Tuple[str, ...]
    unresolved: t.Tuple[str, ...]
    mixed: bool
    own_peer_url: str
    problems: t.Tuple[str, ...]
    notes: t.Tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


def judge(seen: DomainSeen, expected: t.Sequence[Expected] = (), own: t.Optional[Own] = None) -> Verdict:
    """Compare what DNS shows with what is expected, where anything is."""
    judgement = _Judgement(seen)
    judgement.resolvers()
    judgement.records(expected)
    judgement.hosts(expected, split_url(own.url)[1] if own is not None else "")
    own_peer_url = judgement.own(own) if own is not None else ""
    return Verdict(
        servers=judgement.servers,
        clients=judgement.clients,
        peer_urls=tuple(sorted({found.url for found in judgement.servers if found.host.used})),
        client_urls=tuple(sorted({found.url for found in judgement.clients})),
        missing=tuple(judgement.missing),
        surplus=tuple(judgement.surplus),
        wrong_port=tuple(judgement.wrong_port),
        wrong_scheme=tuple(judgement.wrong_scheme),
        wrong_addresses=tuple(judgement.wrong_addresses),
        unresolved=tuple(judgement.unresolved),
        mixed=len({found.scheme for found in judgement.servers}) > 1,
        own_peer_url=own_peer_url,
        problems=tuple(dict.fromkeys(judgement.problems)),
        notes=tuple(dict.fromkeys(judgement.notes)),
    )


def first(addresses: t.Sequence[str]) -> str:
    """The address that etcd takes of several; empty where there is none."""
    return next((address for address in addresses if ":" not in address), next(iter(addresses), ""))


def split_url(url: str) -> t.Tuple[str, str, int]:
    """Scheme, host and port of a peer URL.

    :raises InvalidInput: it is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or port is None:
        raise InvalidInput(f"{url} is no peer URL.", remedy="Write it like https://etcd1.example.com:2380.")
    return parts.scheme, parts.hostname, port


def same_addresses(one: t.Iterable[str], other: t.Iterable[str]) -> bool:
    """Whether both are the same set, however they are written."""
    return {_plain(address) for address in one} == {_plain(address) for address in other}


def _plain(address: str) -> str:
    return str(ip_of(address) or address)


class _Judgement:
    def __init__(self, seen: DomainSeen) -> None:
        self._seen = seen
        self._hosts = {host.name.lower(): host for host in seen.hosts}
        self.servers = self._found("server")
        self.clients = self._found("client")
        self.problems: t.List[str] = []
        self.notes: t.List[str] = []
        self.missing: t.List[str] = []
        self.surplus: t.List[str] = []
        self.wrong_port: t.List[str] = []
        self.wrong_scheme: t.List[str] = []
        self.wrong_addresses: t.List[str] = []
        self.unresolved: t.List[str] = []

    def _found(self, kind: str) -> t.Tuple[Found, ...]:
        schemes = {service: scheme for scheme, service in services(kind, self._seen.service_name).items()}
        return tuple(
            Found(record, schemes[record.service], self._host(record.target))
            for record in self._seen.records
            if record.service in schemes
        )

    def _host(self, name: str) -> HostSeen:
        return self._hosts.get(name.lower(), HostSeen(name))

    def _name(self, service: str) -> str:
        return f"_{service}._tcp.{self._seen.domain}"

    def resolvers(self) -> None:
        resolvers = self._seen.resolvers
        if not resolvers:
            self.problems.append("There is no resolver to ask: /etc/resolv.conf names none.")
        for resolver in resolvers:
            if not resolver.answered:
                self.notes.append(f"Resolver {resolver.label} does not answer: {resolver.problem}.")
            elif resolver.problem:
                self.notes.append(f"Resolver {resolver.label}: {resolver.problem}.")
        if resolvers and not any(resolver.answered for resolver in resolvers):
            labels = ", ".join(resolver.label for resolver in resolvers)
            self.problems.append(f"No resolver answers ({labels}).")
        if self._seen.in_order:
            self.notes.extend(f"{one} It counts when those before it are silent." for one in self._seen.differences)
        else:
            self.problems.extend(self._seen.differences)

    def records(self, expected: t.Sequence[Expected]) -> None:
        if not any(resolver.answered for resolver in self._seen.resolvers):
            return
        if not self.servers:
            names = services("server", self._seen.service_name).values()
            reasons = [f"{one.label}: {one.problem}" for one in self._seen.resolvers if one.problem]
            reason = f" ({', '.join(reasons)})" if reasons else ""
            self.problems.append(f"There is no record of {' nor '.join(map(self._name, names))}{reason}.")
        if len({found.scheme for found in self.servers}) > 1:
            self.problems.append(
                "There are servers with https and with http. etcd takes both together, and they form no cluster."
            )
        if expected:
            self._compare("server", self.servers, [(one, one.scheme, one.port) for one in expected])
            self._compare(
                "client",
                self.clients,
                [(one, one.client_scheme, one.client_port) for one in expected if one.client_port is not None],
            )

    def _compare(
        self, kind: str, all_found: t.Sequence[Found], wanted: t.Sequence[t.Tuple[Expected, str, int]]
    ) -> None:
        """Every wanted one has its record, and every record is somebody's. Several members may share a host."""
        if not wanted:
            return
        names = services(kind, self._seen.service_name)
        urls = {f"{scheme}://{one.host}:{port}".lower() for one, scheme, port in wanted}
        present = {found.url.lower() for found in all_found}
        spare = [found for found in all_found if found.url.lower() not in urls]
        for one, scheme, port in wanted:
            url = f"{scheme}://{one.host}:{port}"
            if url.lower() in present:
                if kind == "server":
                    self._spelling(one, url, all_found)
                continue
            found = self._nearest(spare, one.host, scheme, port)
            if found is None:
                self.missing.append(one.name)
                self.problems.append(
                    f"{one.name} is missing: {self._name(names[scheme])} has no record for {one.host}, port {port}."
                )
            else:
                spare.remove(found)
                self._wrong(one, scheme, port, found)
        for found in spare:
            self.surplus.append(found.url)
            self.problems.append(
                f"{self._name(found.record.service)} has a record for {found.record.target}, "
                f"port {found.record.port}, which is none of the expected members."
            )

    def _spelling(self, one: Expected, url: str, all_found: t.Sequence[Found]) -> None:
        spelled = next(found for found in all_found if found.url.lower() == url.lower())
        if spelled.url != url:
            self.problems.append(
                f"{one.name} is spelled {spelled.record.target} in its record instead of {one.host}. "
                "etcd draws IDs from that."
            )

    @staticmethod
    def _nearest(spare: t.Sequence[Found], host: str, scheme: str, port: int) -> t.Optional[Found]:
        """The record that was probably meant for a member: of its host, best with its port, then with its scheme."""
        of_host = [found for found in spare if found.record.target.lower() == host.lower()]
        return min(of_host, key=lambda found: (found.record.port != port, found.scheme != scheme), default=None)

    def _wrong(self, one: Expected, scheme: str, port: int, found: Found) -> None:
        name = self._name(found.record.service)
        if found.record.port != port:
            self.wrong_port.append(found.url)
            self.problems.append(f"{one.name} has port {found.record.port} in {name} instead of {port}.")
        if found.scheme != scheme:
            self.wrong_scheme.append(found.url)
            self.problems.append(f"{one.name} is in {name}, which means {found.scheme}, but it serves {scheme}.")

    def hosts(self, expected: t.Sequence[Expected], own_host: str) -> None:
        targets = dict.fromkeys(found.record.target for found in (*self.servers, *self.clients))
        for target in targets:
            self._addresses(self._host(target))
        for one in expected:
            host = self._host(one.host)
            if not one.addresses or not host.used or same_addresses(host.used, one.addresses):
                continue
            if one.host.lower() == own_host.lower() and all(map(is_loopback, host.used)):
                # Debian writes 127.0.1.1 into /etc/hosts, and a member that advertises its name finds itself by that
                self._compare_dns(one, host)
            else:
                self.wrong_addresses.append(one.name)
                self.problems.append(
                    f"{one.name}: {one.host} is {_list(host.used)}{_whose(host)} instead of {_list(one.addresses)}."
                )
        by_socket: t.Dict[t.Tuple[str, int], t.List[str]] = {}
        for found in self.servers:
            if found.host.used:
                by_socket.setdefault(found.socket, []).append(found.record.target)
        for (address, port), names in by_socket.items():
            if len(set(names)) > 1:
                self.problems.append(f"{_list(dict.fromkeys(names))} are the same: {address}, port {port}.")

    def _compare_dns(self, one: Expected, host: HostSeen) -> None:
        if host.dns and not same_addresses(host.dns, one.addresses):
            self.wrong_addresses.append(one.name)
            self.problems.append(
                f"{one.name}: {one.host} is {_list(host.dns)} in DNS instead of {_list(one.addresses)}."
            )

    def _addresses(self, host: HostSeen) -> None:
        if not host.used:
            self.unresolved.append(host.name)
        serves = any(found.host == host for found in self.servers)
        so = "; etcd would leave it out without a word" if serves else ""
        if host.system is None:
            if not host.dns:
                self.problems.append(f"{host.name} has no address{so}.")
        elif not host.system:
            dns = f"DNS says {_list(host.dns)}" if host.dns else "DNS has none either"
            self.problems.append(
                f"{host.name} has no address on this host ({host.system_problem or 'not found'}; {dns}){so}."
            )
        elif not host.dns:
            self.notes.append(f"{host.name} is {_list(host.system)} on this host only: DNS has no address of it.")
        elif not same_addresses(host.system, host.dns):
            self.notes.append(
                f"{host.name} is {_list(host.system)} on this host, but {_list(host.dns)} in DNS: see /etc/hosts."
            )
        if host.aliases:
            self.notes.append(
                f"{host.name} is an alias of {' → '.join(host.aliases)}; targets of SRV records should be none."
            )
        family = [address for address in host.used if (":" in address) == (":" in first(host.used))]
        if len(family) > 1:
            self.notes.append(
                f"{host.name} has several addresses, {_list(family)}. "
                "A member finds itself by the first, so their order matters."
            )

    def own(self, own: Own) -> str:
        """The peer URL that etcd would give to this host; empty, with a problem, where it would not find itself."""
        scheme, host, port = split_url(own.url)
        if not own.addresses:
            self.problems.append(f"{host} in this host's own {own.url} has no address on this host.")
            return ""
        mine = [found for found in self.servers if found.socket == (first(own.addresses), port)]
        right = [found for found in mine if found.scheme == scheme]
        if right:
            return right[0].url
        if mine:
            self.problems.append(
                f"This host would not find itself: it advertises {own.url}, its record is in "
                f"{self._name(mine[0].record.service)}, which means {mine[0].scheme}."
            )
        elif self.servers:
            told = "; ".join(
                f"{found.record.target} is {first(found.host.used) or 'unknown'}, port {found.record.port}"
                for found in self.servers
            )
            self.problems.append(
                f"This host would not find itself: it advertises {own.url}, which is {first(own.addresses)}, "
                f"port {port}. The records: {told}."
            )
        return ""


def _whose(host: HostSeen) -> str:
    if host.system is None:
        return ""
    return " on this host" if not same_addresses(host.system, host.dns) else ""


def _list(names: t.Iterable[str]) -> str:
    return ", ".join(names)


__all__ = ("Found", "Own", "Verdict", "first", "judge", "same_addresses", "split_url")

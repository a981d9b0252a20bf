# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._records import (
    DomainSeen,
    Expected,
    HostSeen,
    ResolverSeen,
    SrvRecord,
)
from ansible_collections.quorum.etcd.plugins.module_utils._srv import Own, Verdict, first, judge, split_url

DOMAIN = "example.com"
ANSWERS = ResolverSeen("192.0.2.53", 53, answered=True)


def srv(name: str, port: int = 2380, service: str = "etcd-server") -> SrvRecord:
    return SrvRecord(service, f"{name}.{DOMAIN}", port, ttl=300)


def host(name: str, *dns: str, system: t.Optional[t.Sequence[str]] = None, **more: t.Any) -> HostSeen:
    return HostSeen(f"{name}.{DOMAIN}", dns, 300, system=None if system is None else tuple(system), **more)


def member(name: str, **more: t.Any) -> Expected:
    return Expected(name, f"{name}.{DOMAIN}", **more)


def domain(records: t.Sequence[SrvRecord], hosts: t.Sequence[HostSeen], **more: t.Any) -> DomainSeen:
    return DomainSeen(DOMAIN, records=tuple(records), hosts=tuple(hosts), **{"resolvers": (ANSWERS,), **more})


RECORDS = [srv("n1"), srv("n2"), srv("n3")]
HOSTS = [host("n1", "192.0.2.1"), host("n2", "192.0.2.2"), host("n3", "192.0.2.3", "2001:db8::3")]
THREE = [member("n1"), member("n2"), member("n3")]
WELL = domain(RECORDS, HOSTS)


def faults(verdict: Verdict) -> t.Dict[str, t.Any]:
    """What the verdict finds wrong, by kind."""
    kinds = ("missing", "surplus", "wrong_port", "wrong_scheme", "wrong_addresses", "unresolved", "mixed")
    return {kind: getattr(verdict, kind) for kind in kinds if getattr(verdict, kind)}


def test_all_is_well() -> None:
    verdict = judge(WELL, THREE, Own("http://192.0.2.2:2380", ("192.0.2.2",)))
    assert verdict.ok
    assert verdict.notes == ()
    assert faults(verdict) == {}
    assert verdict.peer_urls == tuple(f"http://n{number}.example.com:2380" for number in (1, 2, 3))
    assert verdict.client_urls == ()
    assert verdict.own_peer_url == "http://n2.example.com:2380"


def test_nothing_expected_nothing_compared() -> None:
    assert judge(WELL).ok


@pytest.mark.parametrize(
    ("records", "hosts", "expected", "found", "told"),
    [
        (
            RECORDS[:2],
            HOSTS,
            THREE,
            {"missing": ("n3",)},
            ["n3 is missing: _etcd-server._tcp.example.com has no record for n3.example.com, port 2380."],
        ),
        (
            RECORDS,
            HOSTS,
            THREE[:2],
            {"surplus": ("http://n3.example.com:2380",)},
            [
                (
                    "_etcd-server._tcp.example.com has a record for n3.example.com, port 2380, "
                    "which is none of the expected members."
                )
            ],
        ),
        (
            [*RECORDS[:2], srv("n3", 2390)],
            HOSTS,
            THREE,
            {"wrong_port": ("http://n3.example.com:2390",)},
            ["n3 has port 2390 in _etcd-server._tcp.example.com instead of 2380."],
        ),
        (
            [*RECORDS, srv("n3", 2390)],
            HOSTS,
            THREE,
            {"surplus": ("http://n3.example.com:2390",)},
            [
                (
                    "_etcd-server._tcp.example.com has a record for n3.example.com, port 2390, "
                    "which is none of the expected members."
                )
            ],
        ),
        (
            [*RECORDS[:2], srv("n3", service="etcd-server-ssl")],
            HOSTS,
            THREE,
            {"wrong_scheme": ("https://n3.example.com:2380",), "mixed": True},
            [
                "There are servers with https and with http. etcd takes both together, and they form no cluster.",
                "n3 is in _etcd-server-ssl._tcp.example.com, which means https, but it serves http.",
            ],
        ),
        (
            RECORDS,
            HOSTS[:2],
            THREE,
            {"unresolved": ("n3.example.com",)},
            ["n3.example.com has no address; etcd would leave it out without a word."],
        ),
        (
            RECORDS,
            [*HOSTS[:2], host("n3", "192.0.2.3", system=(), system_problem="Name or service not known")],
            THREE,
            {"unresolved": ("n3.example.com",)},
            [
                (
                    "n3.example.com has no address on this host (Name or service not known; DNS says 192.0.2.3); "
                    "etcd would leave it out without a word."
                )
            ],
        ),
        (
            RECORDS,
            HOSTS,
            [*THREE[:2], member("n3", addresses=("192.0.2.4",))],
            {"wrong_addresses": ("n3",)},
            ["n3: n3.example.com is 192.0.2.3, 2001:db8::3 instead of 192.0.2.4."],
        ),
        (
            RECORDS,
            [*HOSTS[:2], host("n3", "192.0.2.3", system=["192.0.2.9"])],
            [*THREE[:2], member("n3", addresses=("192.0.2.3",))],
            {"wrong_addresses": ("n3",)},
            ["n3: n3.example.com is 192.0.2.9 on this host instead of 192.0.2.3."],
        ),
        (
            RECORDS,
            [*HOSTS[:2], host("n3", "192.0.2.2")],
            THREE,
            {},
            ["n2.example.com, n3.example.com are the same: 192.0.2.2, port 2380."],
        ),
        (
            [],
            [],
            [],
            {},
            ["There is no record of _etcd-server-ssl._tcp.example.com nor _etcd-server._tcp.example.com."],
        ),
        (
            [*RECORDS, srv("n1", 2379, "etcd-client"), srv("n2", 2379, "etcd-client-ssl")],
            HOSTS,
            [member(one.name, client_port=2379) for one in THREE],
            {"missing": ("n3",), "wrong_scheme": ("https://n2.example.com:2379",)},
            [
                "n2 is in _etcd-client-ssl._tcp.example.com, which means https, but it serves http.",
                "n3 is missing: _etcd-client._tcp.example.com has no record for n3.example.com, port 2379.",
            ],
        ),
        (
            [*RECORDS, srv("gone", 2379, "etcd-client")],
            HOSTS,
            THREE,
            {"unresolved": ("gone.example.com",)},
            ["gone.example.com has no address."],
        ),
    ],
)
def test_what_is_wrong(
    records: t.Sequence[SrvRecord],
    hosts: t.Sequence[HostSeen],
    expected: t.Sequence[Expected],
    found: t.Dict[str, t.Any],
    told: t.Sequence[str],
) -> None:
    verdict = judge(domain(records, hosts), expected)
    assert faults(verdict) == found
    assert list(verdict.problems) == list(told)
    assert not verdict.ok


def test_members_may_share_a_host() -> None:
    records = [srv("n1", 2380), srv("n1", 2390)]
    both = [Expected("a", "n1.example.com", 2380), Expected("b", "n1.example.com", 2390)]
    assert judge(domain(records, HOSTS), both).problems == ()
    moved = judge(domain([srv("n1", 2380), srv("n1", 2400)], HOSTS), both)
    assert moved.problems == ("b has port 2400 in _etcd-server._tcp.example.com instead of 2390.",)


def test_the_spelling_of_servers_counts() -> None:
    """IDs are drawn from it; nothing follows from that of clients."""
    records = [srv("N1", 2380), srv("N1", 2379, "etcd-client")]
    verdict = judge(domain(records, HOSTS), [Expected("a", "n1.example.com", 2380, client_port=2379)])
    assert verdict.problems == (
        "a is spelled N1.example.com in its record instead of n1.example.com. etcd draws IDs from that.",
    )


@pytest.mark.parametrize(
    ("dns", "system", "own", "wrong"),
    [
        pytest.param("192.0.2.1", "127.0.1.1", "n1", [], id="debian"),
        pytest.param("192.0.2.9", "127.0.1.1", "n1", ["n1"], id="debian, wrong in DNS"),
        pytest.param("192.0.2.1", "127.0.1.1", "n2", ["n1"], id="another's"),
        pytest.param("192.0.2.1", "192.0.2.9", "n1", ["n1"], id="no loopback"),
    ],
)
def test_a_host_may_have_its_own_name_for_itself(dns: str, system: str, own: str, wrong: t.List[str]) -> None:
    expected = [Expected("n1", "n1.example.com", addresses=("192.0.2.1",)), Expected("n2", "n2.example.com")]
    hosts = [host("n1", dns, system=[system]), host("n2", "192.0.2.2")]
    me = Own(f"http://{own}.example.com:2380", (system if own == "n1" else "192.0.2.2",))
    verdict = judge(domain([srv("n1"), srv("n2")], hosts), expected, me)
    assert list(verdict.wrong_addresses) == wrong
    assert verdict.ok == (not wrong)


def test_what_does_not_resolve_is_no_member_for_etcd() -> None:
    verdict = judge(domain(RECORDS, HOSTS[:2]))
    assert verdict.peer_urls == ("http://n1.example.com:2380", "http://n2.example.com:2380")


def test_the_hosts_own_view_counts() -> None:
    """DNS knows n3, this host does not; DNS does not know n2, this host does."""
    hosts = [HOSTS[0], host("n2", system=["192.0.2.2"]), host("n3", "192.0.2.3", system=())]
    verdict = judge(domain(RECORDS, hosts))
    assert verdict.peer_urls == ("http://n1.example.com:2380", "http://n2.example.com:2380")
    assert verdict.unresolved == ("n3.example.com",)
    assert verdict.notes == ("n2.example.com is 192.0.2.2 on this host only: DNS has no address of it.",)


@pytest.mark.parametrize(
    ("seen", "note"),
    [
        (
            host("n1", "192.0.2.1", system=["127.0.1.1"]),
            "n1.example.com is 127.0.1.1 on this host, but 192.0.2.1 in DNS: see /etc/hosts.",
        ),
        (
            host("n1", "192.0.2.1", aliases=("real.example.com",)),
            "n1.example.com is an alias of real.example.com; targets of SRV records should be none.",
        ),
        (
            host("n1", "192.0.2.1", "192.0.2.11", "2001:db8::1"),
            (
                "n1.example.com has several addresses, 192.0.2.1, 192.0.2.11. "
                "A member finds itself by the first, so their order matters."
            ),
        ),
    ],
)
def test_what_should_be_known(seen: HostSeen, note: str) -> None:
    verdict = judge(domain(RECORDS, [seen, *HOSTS[1:]]), THREE)
    assert verdict.ok
    assert verdict.notes == (note,)


@pytest.mark.parametrize(
    ("url", "addresses", "told"),
    [
        ("http://192.0.2.9:2380", ["192.0.2.9"], "advertises http://192.0.2.9:2380, which is 192.0.2.9, port 2380"),
        ("http://n1.example.com:2390", ["192.0.2.1"], "n1.example.com is 192.0.2.1, port 2380"),
        ("http://n1.example.com:2380", ["127.0.1.1"], "which is 127.0.1.1, port 2380"),
        ("https://192.0.2.1:2380", ["192.0.2.1"], "its record is in _etcd-server._tcp.example.com, which means http"),
        ("http://n9.example.com:2380", [], "has no address on this host"),
        ("http://n3.example.com:2380", ["2001:db8::3"], "n3.example.com is 192.0.2.3, port 2380"),
    ],
)
def test_a_member_that_would_not_find_itself(url: str, addresses: t.Sequence[str], told: str) -> None:
    verdict = judge(WELL, THREE, Own(url, tuple(addresses)))
    (problem,) = verdict.problems
    assert told in problem
    assert verdict.own_peer_url == ""


def test_own_name_on_loopback_is_well_where_the_record_is_there_too() -> None:
    hosts = [host("n1", "192.0.2.1", system=["127.0.1.1"]), *HOSTS[1:]]
    verdict = judge(domain(RECORDS, hosts), THREE, Own("http://n1.example.com:2380", ("127.0.1.1",)))
    assert verdict.ok
    assert verdict.own_peer_url == "http://n1.example.com:2380"


def test_a_resolver_that_is_silent_is_said_by_name() -> None:
    silent = ResolverSeen("192.0.2.54", 5353, answered=False, problem="no answer within 5 s")
    verdict = judge(dataclasses.replace(WELL, resolvers=(silent, ANSWERS)), THREE)
    assert verdict.ok
    assert verdict.notes == ("Resolver 192.0.2.54 (port 5353) does not answer: no answer within 5 s.",)
    verdict = judge(domain([], [], resolvers=(silent,)))
    assert verdict.problems == ("No resolver answers (192.0.2.54 (port 5353)).",)


def test_why_there_is_no_record() -> None:
    refuses = ResolverSeen("192.0.2.54", 53, answered=True, problem="answers REFUSED for x")
    verdict = judge(domain([], [], resolvers=(refuses,)))
    (problem,) = verdict.problems
    assert problem.endswith("(192.0.2.54: answers REFUSED for x).")


def test_no_resolver() -> None:
    verdict = judge(domain([], [], resolvers=()))
    assert verdict.problems == ("There is no resolver to ask: /etc/resolv.conf names none.",)


def test_resolvers_that_differ_are_a_fault() -> None:
    verdict = judge(dataclasses.replace(WELL, differences=("Resolver b differs.",)), THREE)
    assert verdict.problems == ("Resolver b differs.",)


def test_a_fallback_that_differs_is_noted() -> None:
    verdict = judge(dataclasses.replace(WELL, differences=("Resolver b differs.",), in_order=True), THREE)
    assert verdict.ok
    assert verdict.notes == ("Resolver b differs. It counts when those before it are silent.",)


def test_service_name() -> None:
    records = (srv("n1", service="etcd-server-dev"), srv("n1", 2379, "etcd-client-ssl-dev"), srv("n2"))
    seen = DomainSeen(DOMAIN, "dev", records, tuple(HOSTS), (ANSWERS,))
    verdict = judge(seen)
    assert verdict.peer_urls == ("http://n1.example.com:2380",)
    assert verdict.client_urls == ("https://n1.example.com:2379",)


@pytest.mark.parametrize(
    ("addresses", "taken"),
    [((), ""), (("2001:db8::1",), "2001:db8::1"), (("2001:db8::1", "192.0.2.2", "192.0.2.1"), "192.0.2.2")],
)
def test_the_address_that_etcd_takes(addresses: t.Tuple[str, ...], taken: str) -> None:
    assert first(addresses) == taken


def test_urls() -> None:
    assert split_url("https://[2001:db8::1]:2380") == ("https", "2001:db8::1", 2380)


@pytest.mark.parametrize("url", ["n1", "http://n1", "ftp://n1:2380", "http://:2380", "http://n1:x", "http://[::1:2380"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(InvalidInput, match="is no peer URL"):
        split_url(url)

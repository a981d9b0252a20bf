# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random histories of clusters, and what must hold in each of them. See ``simulation``."""

from __future__ import annotations

import collections
import dataclasses
import random
import typing as t

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ansible_collections.quorum.etcd.plugins.module_utils._membership import quorum
from ansible_collections.quorum.etcd.plugins.module_utils._model import Desired
from ansible_collections.quorum.etcd.plugins.module_utils._plan import Options
from ansible_collections.quorum.etcd.tests.unit.simulation import (
    Acknowledged,
    Entry,
    Host,
    Run,
    World,
    make_desired,
    other_url,
    peer_url,
    run,
)

SIZES = [1, 2, 3, 3, 3, 3, 5]
# What happens, to which host, and how much of it (for a run: after how many effects it is killed; over 40: never).
KINDS = [
    *["run"] * 5,
    *["kill", "outage", "reboot", "write", "wipe", "reborn", "unreachable", "wish", "bad", "unsettled"],
    *["grow", "grow", "shrink", "replace", "move", "keep"],
]
NEVER, MUCH = 40, 60
MOST = 7
EVENTS = st.tuples(st.sampled_from(KINDS), st.integers(0, MOST), st.integers(0, MUCH))
HISTORIES = st.lists(EVENTS, min_size=3, max_size=16)
SEEDS = 2000
# A run mends one kind of trouble at a time at worst.
RUNS = 8
VERSIONS = {False: ("3.6.14", "3.6.16"), True: ("3.5.18", "3.5.19")}
LINES = ("3.5.35", "3.6.16", "3.7.3")


class Case:
    """A world, what is wished of it, and whatever befalls it.

    ``old`` members are too old to promote learners. With ``lines`` the wishes go over minor versions.
    """

    def __init__(self, size: int, seed: int, *, token: str = "", old: bool = False, lines: bool = False) -> None:
        self.world = World(MOST, random.Random(seed))
        # Two voters can be rolled in no other way.
        self.options = Options("etcd", token=token, allow_downtime=size == 2, allow_downgrade=lines)
        self.wanted = list(range(1, size + 1))
        self.elsewhere: t.Set[int] = set()
        self.values: t.Dict[str, str] = {}
        self.versions = LINES if lines else VERSIONS[old]
        self.version = self.versions[seed % len(self.versions) if lines else 0]
        self.lines = lines
        self.own: t.Dict[int, str] = {}
        self.bad = False
        self.lossless = True
        self.results: t.List[str] = []

    def wishes(self) -> t.List[Desired]:
        wished = dict(self.values)
        if self.bad:
            wished["ETCD_TRUSTED_CA_FILE"] = "/nowhere"
        made = []
        for number in self.wanted:
            url = other_url(number) if number in self.elsewhere else peer_url(number)
            settings = {**wished, "ETCD_LISTEN_PEER_URLS": url}
            version = self.own.get(number, self.version)
            made.append(make_desired(number, version=version, settings=settings, peer_urls=(url,)))
        return made

    def befall(self, what: str, which: int, much: int) -> None:
        getattr(self, f"_{what}")(self.world.hosts[self.wanted[which % len(self.wanted)] - 1], much)

    def _run(self, _host: Host, much: int) -> None:
        self.results.append(run(self.world, self.wishes(), self.options, None if much > NEVER else much))
        self.world.unsettled = False

    def _kill(self, host: Host, _much: int) -> None:
        self.world.stop(host)

    def _reboot(self, host: Host, _much: int) -> None:
        self.world.stop(host)
        # One that would be a new member again is for the planner to find, not to be made behind its back.
        if host.enabled and (host.data is not None or host.bootstrap is None):
            self.world.start(host)

    def _write(self, _host: Host, _much: int) -> None:
        self.world.write()

    def _outage(self, _host: Host, _much: int) -> None:
        for host in self.world.hosts:
            self.world.stop(host)

    def _wipe(self, host: Host, much: int) -> None:
        # A cluster survives the loss of less than half of its disks. Beyond, which is rare, it is for people to say.
        if much > NEVER or self.world.survives(host):
            self.lossless = self.lossless and host.data is None
            self.world.wipe(host)

    def _reborn(self, host: Host, _much: int) -> None:
        """The disk of one that had not been seen to form is lost, and its unit begins anew while all are down."""
        if host.bootstrap is not None and not any(other.process for other in self.world.hosts):
            self._wipe(host, 0)
            if host.data is None:
                self.world.start(host)
                self.world.stop(host)

    def _unreachable(self, host: Host, _much: int) -> None:
        host.reachable = not host.reachable

    def _wish(self, _host: Host, much: int) -> None:
        if much % 3:
            self.values = {"ETCD_SNAPSHOT_COUNT": str(much)}
        else:
            there = self.versions.index(self.version) + (1 if much % 2 else -1)
            self.version = self.versions[there % 2 if not self.lines else min(max(there, 0), len(self.versions) - 1)]

    def _bad(self, _host: Host, _much: int) -> None:
        self.bad = not self.bad

    def _unsettled(self, _host: Host, _much: int) -> None:
        self.world.unsettled = True

    # --- other members ---

    def _formed(self) -> bool:
        """Whether there is a cluster: until then another inventory means another cluster."""
        leader = next((host for host in self.world.hosts if self.world.healthy(host)), None)
        return leader is not None and any(host.environment and host.bootstrap is None for host in self.world.hosts)

    def _grow(self, _host: Host, much: int) -> None:
        new = [number for number in range(1, MOST + 1) if number not in self.wanted]
        if self._formed():
            self.wanted += new[: 1 + much % 2]

    def _shrink(self, host: Host, much: int) -> None:
        """Named to leave; every other one leaves the inventory, too, if others stay that know the cluster."""
        name = host.name
        self.options = dataclasses.replace(
            self.options,
            remove=tuple(sorted({*self.options.remove, name})),
            replace=tuple(one for one in self.options.replace if one != name),
        )
        config = self.world.config()
        others = [
            number
            for number in self.wanted
            if number != host.number and self.world.hosts[number - 1].name not in self.options.remove
        ]
        know = [self.world.hosts[number - 1].data for number in others]
        if much % 2 and self._formed() and config and any(data and data.member in config.voters for data in know):
            self.wanted.remove(host.number)

    def _replace(self, host: Host, _much: int) -> None:
        if host.name not in self.options.remove:
            self.options = dataclasses.replace(self.options, replace=(host.name,))

    def _keep(self, _host: Host, _much: int) -> None:
        """Nobody is named any more; those that left the inventory before they were removed still are."""
        gone = [host.name for host in self.world.hosts if host.number not in self.wanted]
        named = [name for name in self.options.remove if name in gone]
        self.options = dataclasses.replace(self.options, remove=tuple(named), replace=())

    def _move(self, host: Host, _much: int) -> None:
        if self._formed():
            self.elsewhere ^= {host.number}

    # --- the end ---

    def settle(self) -> t.List[str]:
        """Everything is reachable, and nothing happens any more: runs until nothing is left to do.

        What refuses is done what it says once: who lost its data is named, and who is in the way.
        """
        for host in self.world.hosts:
            host.reachable = True
        self.bad = self.world.unsettled = False
        results: t.List[str] = []
        asked = False
        if self.lines:
            results += self._as_they_were()
        while len(results) < 2 * RUNS:
            results.append(run(self.world, self.wishes(), self.options))
            ended = results[-1] in ("nothing", "refused")
            if asked and ended:
                break
            if asked and results[-1] == "converge!":
                results.append(self._dead_first())
            elif ended or len(results) >= RUNS:
                asked = True
                self._obey()
        return results

    def _as_they_were(self) -> t.List[str]:
        """Where versions differ, each is brought up with its own, and then all with the cluster's."""
        results = []
        for _run in range(RUNS):
            releases = {host.number: host.release for host in self.world.hosts if host.release and host.data}
            self.own = {number: release.rpartition("/")[2] for number, release in releases.items()}
            config = self.world.config()
            if config is not None:
                self.world.monitor(config.cluster)
            version = self.world.versions.get(config.cluster) if config else None
            if version is not None:
                self.version = next(one for one in LINES if one.startswith("{}.{}.".format(*version)))
            results.append(run(self.world, self.wishes(), self.options))
            if results[-1] in ("nothing", "refused"):
                break
        self.own = {}
        return results

    def _obey(self) -> None:
        stay = [self.world.hosts[number - 1] for number in self.wanted]
        stay = [host for host in stay if host.name not in self.options.remove]
        urls = {wish.peer_urls for wish in self.wishes()}
        config = self.world.config()
        listed = config.urls if config else {}
        mine = {host.data.member for host in stay if host.data}
        started = {entry.member for entry in config.log if entry.kind == "publish"} if config else set()
        strangers = [
            one
            for one, known in listed.items()
            if one not in mine and known not in urls and (one not in started or self._owner(one, known) not in stay)
        ]
        for host in stay:
            if host.data and host.data.member in listed:
                self.elsewhere -= {host.number}
                self.elsewhere |= {host.number} if listed[host.data.member] == (other_url(host.number),) else set()
        lost = [host.name for host in stay if host.data is None or host.data.member not in listed]
        self.options = dataclasses.replace(
            self.options,
            remove=tuple(sorted({*self.options.remove, *strangers})),
            replace=tuple(lost),
            allow_downtime=True,
        )

    def _dead_first(self) -> str:
        """Of several whose hosts are not at hand nobody knows who is well; who is, is named later."""
        gone = [host for host in self.world.hosts if host.number not in self.wanted and host.process and host.data]
        well = {name for host in gone for name in (host.name, host.data.member if host.data else "")}
        remove = tuple(name for name in self.options.remove if name not in well)
        return run(self.world, self.wishes(), dataclasses.replace(self.options, remove=remove))

    def _owner(self, identifier: str, known: t.Tuple[str, ...]) -> t.Optional[Host]:
        number = self.world.homes.get(identifier)
        by_url: t.Dict[t.Tuple[str, ...], Host] = {
            (url(host.number),): host for host in self.world.hosts for url in (peer_url, other_url)
        }
        return self.world.hosts[number - 1] if number is not None else by_url.get(known)

    def verify_end(self, results: t.Sequence[str]) -> None:
        if not self.world.ruined and self._may_end():
            assert results[-1] == "nothing", results
        else:
            assert results[-1] in ("nothing", "refused", "cold-start!"), results
        if results[-1] == "cold-start!":
            return
        if results[-1] == "refused":
            assert run(self.world, self.wishes(), self.options) == "refused"
            return
        assert run(self.world, self.wishes(), self.options) == "nothing"
        stay = [wish for wish in self.wishes() if wish.name not in self.options.remove]
        members = set()
        for wish in stay:
            host = self.world.host(wish.host)
            assert self.world.healthy(host)
            assert host.process is not None
            assert host.data is not None
            assert host.data.member in host.data.voters
            assert host.data.urls[host.data.member] == wish.peer_urls
            assert host.bootstrap is None
            assert host.former is None
            assert host.environment == wish.environment
            assert host.process.release == wish.release
            members.add(host.data.member)
        assert len({host.data.cluster for host in self.world.hosts if host.data}) <= 1 + bool(self.options.remove)
        if stay:
            config = self.world.config()
            assert config is not None
            assert set(config.urls) == members
            assert self.world.write()
        for host in self.world.hosts:
            if stay and host.name in self.options.remove and host.number in self.wanted:
                assert (host.data, host.environment, host.bootstrap, host.process) == (None, None, None, None)

    def _may_end(self) -> bool:
        """Somebody must stay, and a majority's data must be there."""
        stay = [number for number in self.wanted if self.world.hosts[number - 1].name not in self.options.remove]
        config = self.world.config()
        leader = self.world.leader(config.cluster) if config else None
        at_hand = [host for host in self.world.hosts if host.number in self.wanted or (host.process and leader)]
        there = {host.data.member for host in at_hand if host.data}
        return bool(stay) and (config is None or len(there & config.voters) >= quorum(len(config.voters)))


def play(
    size: int,
    seed: int,
    history: t.Sequence[t.Tuple[str, int, int]],
    *,
    token: str = "",
    old: bool = False,
    lines: bool = False,
) -> t.List[str]:
    """What each run came to."""
    case = Case(size, seed, token=token, old=old, lines=lines)
    for what, which, much in history:
        case.befall(what, which, much)
    ended = case.settle()
    case.verify_end(ended)
    return [*case.results, *ended]


def generate(seed: int) -> t.Tuple[int, t.List[t.Tuple[str, int, int]]]:
    chance = random.Random(seed)
    length = chance.randint(3, 14)
    # Half of them begin with a first run that is killed on its way.
    history = [("run", 0, chance.randint(8, 27))] if chance.randint(0, 1) else []
    history += [(chance.choice(KINDS), chance.randint(0, MOST), chance.randint(0, MUCH)) for _number in range(length)]
    return chance.choice(SIZES), history


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    size=st.sampled_from(SIZES),
    seed=st.integers(0, 2**32),
    history=HISTORIES,
    fixed=st.booleans(),
    old=st.booleans(),
)
def test_any_history(size: int, seed: int, history: t.List[t.Tuple[str, int, int]], fixed: bool, old: bool) -> None:
    for result in play(size, seed, history, token="mine" if fixed else "", old=old):
        event(result)


def test_very_many_histories() -> None:
    """The same each time, and more than the search above gets through; without its finding a smaller one."""
    seen: t.Counter[str] = collections.Counter()
    for seed in range(SEEDS):
        size, history = generate(seed)
        try:
            seen.update(play(size, seed, history, old=seed % 4 == 0))
        except AssertionError as error:
            raise AssertionError(f"play({size}, {seed}, {history}, old={seed % 4 == 0})") from error
    # Every kind of plan was carried out, and failed or was killed somewhere.
    for result in ("bootstrap", "resume", "cold-start", "converge", "nothing", "refused", "killed"):
        assert seen[result] > SEEDS // 50, seen
    for result in ("bootstrap!", "cold-start!", "converge!"):
        assert seen[result] > SEEDS // 100, seen


# What happens on the way to other minor versions.
CHANGES = [*["run"] * 8, *["wish"] * 6, "write", "kill", "reboot", "outage", "bad", "unreachable", "grow", "wipe"]


def test_very_many_histories_over_minor_versions() -> None:
    seen: t.Counter[str] = collections.Counter()
    for seed in range(SEEDS // 2):
        chance = random.Random(seed)
        history = [("run", 0, MUCH)] + [
            # a wish of another version more often than of a setting, and runs that are killed on their way
            (what, chance.randint(0, MOST), 3 * chance.randint(0, 12) if what == "wish" else chance.randint(0, MUCH))
            for what in chance.choices(CHANGES, k=chance.randint(4, 18))
        ]
        size = chance.choice(SIZES)
        try:
            seen.update(play(size, seed, history, lines=True))
        except AssertionError as error:
            raise AssertionError(f"play({size}, {seed}, {history}, lines=True)") from error
    assert seen["converge"] > SEEDS // 4, seen


# --- histories that must not come back ----------------------------------------------------------------------------


def unfenced(seed: int, size: int, logs: t.Mapping[int, int]) -> Case:
    """All down, ``bootstrap.env`` everywhere; ``logs`` has the hosts with data, and how many writes each log holds.

    -1 is a log that only waited.
    """
    case = Case(size, seed)
    world, wishes = case.world, case.wishes()
    made = Run(world, wishes, case.options).plan()
    for host, wish in zip(world.hosts, wishes):
        step = made.step(host.name)[1]
        assert step is not None
        host.bootstrap, host.environment = dict(step.bootstrap or {}), dict(wish.environment)
        host.release, host.definition, host.enabled = wish.release, wish.definition, True
        world.start(host)
        world.stop(host)
        assert host.data is not None
        begun = host.data.log
        if host.number not in logs:
            world.wipe(host)
        elif logs[host.number] >= 0:
            writes = tuple(Entry(2, "write", value=f"w{number}") for number in range(logs[host.number]))
            host.data.log, host.data.term = (*begun, Entry(2, "lead"), *writes), 2
    most = max(logs.values())
    cluster = next(host.data.cluster for host in world.hosts if host.data)
    world.acknowledged += [Acknowledged(cluster, f"w{number}") for number in range(most)]
    world.writes = most
    return case


@pytest.mark.parametrize("seed", range(20))
def test_one_lags_one_knows_and_one_was_wiped(seed: int) -> None:
    """What ``bootstrap.env`` says alone would start the lagging and the empty one as a new cluster."""
    case = unfenced(seed, 3, {1: -1, 2: 200})
    assert run(case.world, case.wishes(), case.options) == "cold-start"
    assert {entry.value for host in case.world.hosts[:1] if host.data for entry in host.data.log} >= {"w0", "w199"}


@pytest.mark.parametrize("seed", range(20))
def test_one_lags_one_knows_and_one_began_anew(seed: int) -> None:
    """The disk of the third was lost, and its unit made a new log before all went down."""
    case = unfenced(seed, 3, {1: -1, 2: 200, 3: -1})
    case.world.lost.add(case.world.hosts[2].data.member if case.world.hosts[2].data else "")
    assert run(case.world, case.wishes(), case.options) == "cold-start"
    assert run(case.world, case.wishes(), case.options) == "nothing"
    assert case.world.write()


@pytest.mark.parametrize("seed", range(20))
def test_five_of_which_two_began_anew(seed: int) -> None:
    case = unfenced(seed, 5, {1: 10, 2: 200, 3: 10, 4: -1, 5: -1})
    case.world.lost |= {host.data.member for host in case.world.hosts if host.data and host.number in (4, 5)}
    assert run(case.world, case.wishes(), case.options) == "cold-start"
    assert run(case.world, case.wishes(), case.options) == "nothing"


def test_nobody_is_left_that_knows() -> None:
    """Nothing to go by says that anything was ever written; the token of the log is kept."""
    case = unfenced(1, 3, {1: -1})
    assert run(case.world, case.wishes(), case.options) == "resume"


def test_none_is_made_anew_under_members_that_had_formed() -> None:
    case = Case(3, 1)
    assert run(case.world, case.wishes(), case.options) == "bootstrap"
    for host in case.world.hosts[:3]:
        case.world.wipe(host)
    assert run(case.world, case.wishes(), case.options) == "refused"


def test_one_wiped_member_of_a_formed_cluster_stays_down() -> None:
    case = Case(3, 1)
    assert run(case.world, case.wishes(), case.options) == "bootstrap"
    wiped = case.world.hosts[1]
    case.world.wipe(wiped)
    case.world.start(wiped)
    assert wiped.process is None
    assert run(case.world, case.wishes(), case.options) == "refused"
    assert case.world.write()

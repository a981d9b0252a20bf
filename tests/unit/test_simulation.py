# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random histories of clusters, and what must hold in each of them. See ``simulation``."""

from __future__ import annotations

import collections
import random
import typing as t

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ansible_collections.quorum.etcd.plugins.module_utils._model import Desired
from ansible_collections.quorum.etcd.plugins.module_utils._plan import Options
from ansible_collections.quorum.etcd.tests.unit.simulation import (
    Acknowledged,
    Entry,
    Host,
    Run,
    World,
    make_desired,
    run,
)

SIZES = [1, 2, 3, 3, 3, 3, 5]
# What happens, to which host, and how much of it (for a run: after how many effects it is killed; over 40: never).
KINDS = [
    *["run"] * 4,
    *["kill", "outage", "reboot", "write", "wipe", "reborn", "unreachable", "wish", "bad", "unsettled"],
]
NEVER, MUCH = 40, 60
EVENTS = st.tuples(st.sampled_from(KINDS), st.integers(0, 4), st.integers(0, MUCH))
HISTORIES = st.lists(EVENTS, min_size=3, max_size=14)
SEEDS = 2000
# A run mends one kind of trouble at a time at worst.
RUNS = 6


class Case:
    """A world, what is wished of it, and whatever befalls it."""

    def __init__(self, size: int, seed: int, *, token: str = "") -> None:
        self.world = World(size, random.Random(seed))
        self.size = size
        # Two voters can be rolled in no other way.
        self.options = Options("etcd", token=token, allow_downtime=size == 2)
        self.values: t.Dict[str, str] = {}
        self.version = "3.6.14"
        self.bad = False
        self.lossless = True
        self.results: t.List[str] = []

    def wishes(self) -> t.List[Desired]:
        wished = dict(self.values)
        if self.bad:
            wished["ETCD_TRUSTED_CA_FILE"] = "/nowhere"
        return [make_desired(number, version=self.version, settings=wished) for number in range(1, self.size + 1)]

    def befall(self, what: str, which: int, much: int) -> None:
        getattr(self, f"_{what}")(self.world.hosts[which % self.size], much)

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
        if much > NEVER or len(self.world.wiped | {host.number}) <= (self.size - 1) // 2:
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
            self.version = "3.6.16" if self.version == "3.6.14" else "3.6.14"

    def _bad(self, _host: Host, _much: int) -> None:
        self.bad = not self.bad

    def _unsettled(self, _host: Host, _much: int) -> None:
        self.world.unsettled = True

    def settle(self) -> t.List[str]:
        """Everything is reachable, and nothing happens any more: runs until nothing is left to do."""
        for host in self.world.hosts:
            host.reachable = True
        self.bad = self.world.unsettled = False
        results: t.List[str] = []
        while len(results) < RUNS and results[-1:] not in (["nothing"], ["refused"]):
            results.append(run(self.world, self.wishes(), self.options))
        return results

    def verify_end(self, results: t.Sequence[str]) -> None:
        if self.lossless:
            assert results[-1] == "nothing", results
        else:
            assert results[-1] in ("nothing", "refused"), results
        if results[-1] == "refused":
            assert run(self.world, self.wishes(), self.options) == "refused"
            return
        assert run(self.world, self.wishes(), self.options) == "nothing"
        for host, wish in zip(self.world.hosts, self.wishes()):
            assert self.world.healthy(host)
            assert host.process is not None
            assert host.bootstrap is None
            assert host.former is None
            assert host.environment == wish.environment
            assert host.process.release == wish.release
        assert len({host.data.cluster for host in self.world.hosts if host.data}) == 1
        assert self.world.write()


def play(size: int, seed: int, history: t.Sequence[t.Tuple[str, int, int]], *, token: str = "") -> t.List[str]:
    """What each run came to."""
    case = Case(size, seed, token=token)
    for what, which, much in history:
        case.befall(what, which, much)
    ended = case.settle()
    case.verify_end(ended)
    return [*case.results, *ended]


def generate(seed: int) -> t.Tuple[int, t.List[t.Tuple[str, int, int]]]:
    chance = random.Random(seed)
    length = chance.randint(3, 12)
    # Half of them begin with a first run that is killed on its way.
    history = [("run", 0, chance.randint(8, 27))] if chance.randint(0, 1) else []
    history += [(chance.choice(KINDS), chance.randint(0, 4), chance.randint(0, MUCH)) for _number in range(length)]
    return chance.choice(SIZES), history


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(size=st.sampled_from(SIZES), seed=st.integers(0, 2**32), history=HISTORIES, fixed=st.booleans())
def test_any_history(size: int, seed: int, history: t.List[t.Tuple[str, int, int]], fixed: bool) -> None:
    for result in play(size, seed, history, token="mine" if fixed else ""):
        event(result)


def test_very_many_histories() -> None:
    """The same each time, and more than the search above gets through; without its finding a smaller one."""
    seen: t.Counter[str] = collections.Counter()
    for seed in range(SEEDS):
        size, history = generate(seed)
        try:
            seen.update(play(size, seed, history))
        except AssertionError as error:
            raise AssertionError(f"play({size}, {seed}, {history})") from error
    # Every kind of plan was carried out, and failed or was killed somewhere.
    for result in ("bootstrap", "resume", "cold-start", "converge", "nothing", "refused", "killed"):
        assert seen[result] > SEEDS // 50, seen
    for result in ("bootstrap!", "cold-start!", "converge!"):
        assert seen[result] > SEEDS // 100, seen


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
    case.world.wiped.add(3)
    assert run(case.world, case.wishes(), case.options) == "cold-start"
    assert run(case.world, case.wishes(), case.options) == "nothing"
    assert case.world.write()


@pytest.mark.parametrize("seed", range(20))
def test_five_of_which_two_began_anew(seed: int) -> None:
    case = unfenced(seed, 5, {1: 10, 2: 200, 3: 10, 4: -1, 5: -1})
    case.world.wiped |= {4, 5}
    assert run(case.world, case.wishes(), case.options) == "cold-start"
    assert run(case.world, case.wishes(), case.options) == "nothing"


def test_nobody_is_left_that_knows() -> None:
    """Nothing to go by says that anything was ever written; the token of the log is kept."""
    case = unfenced(1, 3, {1: -1})
    assert run(case.world, case.wishes(), case.options) == "resume"


def test_none_is_made_anew_under_members_that_had_formed() -> None:
    case = Case(3, 1)
    assert run(case.world, case.wishes(), case.options) == "bootstrap"
    for host in case.world.hosts:
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

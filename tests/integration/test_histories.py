# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Histories of real clusters: those that once lost data, and random ones. See ``histories``."""

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _lock
from ansible_collections.quorum.etcd.tests.integration.histories import Doom, History, Site, Writer
from ansible_collections.quorum.etcd.tests.integration.support import eventually

VERSIONS = ("3.5.35", "3.6.16", "3.7.3")
SIZES = (3, 3, 3, 1, 3, 5)
SEEDS = range(12)
LENGTH = 3
ALL = 99  # more effects than there are


@pytest.fixture(autouse=True)
def quick_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed run holds is free sooner."""
    monkeypatch.setattr(_lock, "TTL", 4)
    monkeypatch.setattr(_lock, "RENEW", 1.0)


@pytest.fixture
def make_site(tmp_path: Path) -> t.Iterator[t.Callable[..., Site]]:
    """One site; what happened to it is told where the test fails, and it ends with the test, however that goes."""
    made: t.List[Site] = []

    def make(version: str, size: int = 3) -> Site:
        made.append(Site(tmp_path, version, size))
        return made[-1]

    try:
        yield make
    finally:
        for site in made:
            print(*site.told, sep="\n")
            site.close()
            shutil.rmtree(site.directory, ignore_errors=True)


@pytest.fixture(params=VERSIONS)
def site(request: pytest.FixtureRequest, make_site: t.Callable[..., Site]) -> Site:
    return make_site(request.param)


def interrupt_bootstrap(site: Site) -> None:
    """n1 has only waited; n2 and n3 have acknowledged writes; the run was killed before it saw any of them form."""
    assert site.run(doom=Doom(0, (ALL, 0, 0))).kind == "killed"
    eventually(lambda: site.last_index("n1") == 3, why="n1 does not wait")
    site.kill("n1")
    assert site.run(doom=Doom(0, (0, ALL, ALL))).kind == "killed"
    site.writer.wait_for(50)
    assert site.formed() == []
    site.outage()


def test_what_was_written_during_an_interrupted_bootstrap_outlives_a_disk(site: Site) -> None:
    """All have their ``bootstrap.env`` still: started anew together, those left would form an empty cluster."""
    interrupt_bootstrap(site)
    site.wipe("n3")

    result = site.verified_run()

    assert result.kind == "cold-start"
    assert result.plan is not None
    assert {step.host for turn in result.plan.turns for step in turn.steps} == {"n1", "n2"}
    refused = site.verified_run()
    assert "n3 (n3) never finished its first start, or has lost everything" in refused.refusal
    site.settle()


def test_a_disk_that_was_made_anew_does_not_outvote_what_was_written(site: Site) -> None:
    interrupt_bootstrap(site)
    site.wipe("n3")
    site.begin_anew("n3")
    assert site.last_index("n3") == site.last_index("n1") == 3

    result = site.verified_run()

    assert result.kind == "cold-start"
    assert result.plan is not None
    assert "n2" in {step.host for step in result.plan.turns[0].steps}
    site.settle()


def test_all_disks_gone_is_refused_and_all_come_back(site: Site) -> None:
    """Nothing is bootstrapped over members that had formed, and with the disks all that was written is there."""
    site.verified_run()
    site.writer.wait_for(50)
    site.outage()
    for number, host in enumerate(site.names):
        site.wipe(host, mounted=number > 0)

    refused = site.verified_run().refusal

    assert all(f"{host} ({host}) has lost its data" in refused for host in site.names)
    site.bring_back("n2")
    assert "only 1 of 3 members are known to have their data" in site.verified_run().refusal
    site.settle()


def test_an_old_disk_that_comes_back_does_not_harm_a_new_cluster(site: Site) -> None:
    """Machines that were made anew form a new cluster, of another identity than the one on their former disks."""
    site.verified_run()
    site.outage()
    old = {}
    for host in site.names:
        site.wipe(host, mounted=False)
        old[host] = site.away.pop(host)
        shutil.rmtree(site.directory / host)
    site.writer.stop()
    site.writer = Writer(site.directory / "second.log", site.urls())
    assert site.verified_run().kind == "bootstrap"
    site.writer.wait_for(50)

    site.wipe("n1", mounted=False)
    new = site.away.pop("n1")
    old["n1"].rename(site.data("n1"))
    site.service("n1").start()

    assert "n1 has the data of member" in site.run().refusal
    site.writer.wait_for(20)
    site.service("n1").stop()
    shutil.rmtree(site.data("n1"))
    new.rename(site.data("n1"))
    site.settle()


def test_two_of_three_start_from_cold_while_the_third_is_fenced(site: Site) -> None:
    site.verified_run()
    site.writer.wait_for(20)
    site.outage()
    site.wipe("n3")

    result = site.verified_run()

    assert result.kind == "cold-start"
    assert result.plan is not None
    assert {step.host for turn in result.plan.turns for step in turn.steps} == {"n1", "n2"}
    assert any("n3 (n3) has lost its data" in warning for warning in result.plan.warnings)
    site.service("n3").start()
    eventually(lambda: site.service("n3").seen().state == "inactive", why="a wiped member keeps running")
    assert site.with_data() == ["n1", "n2"]
    assert "n3 (n3) has lost its data" in site.verified_run().refusal
    site.writer.wait_for(20)
    site.settle()


@pytest.mark.parametrize("seed", SEEDS)
def test_random_history(make_site: t.Callable[..., Site], seed: int) -> None:
    """Repeat one with ``-k "random_history and [SEED]"``."""
    version, size = VERSIONS[seed % len(VERSIONS)], SIZES[seed // len(VERSIONS) % len(SIZES)]
    print(f"seed {seed}: {size} members of {version}")
    History(make_site(version, size), seed).play(LENGTH)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every part of the planner asks of a cluster, and the refusals it collects. Private to this collection. Pure."""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._definition import overruled
from ansible_collections.quorum.etcd.plugins.module_utils._errors import Refused
from ansible_collections.quorum.etcd.plugins.module_utils._membership import initial_cluster
from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    Change,
    DataSeen,
    Desired,
    HostSeen,
    Member,
    leader_of,
)
from ansible_collections.quorum.etcd.plugins.module_utils._plan_versions import (
    FORGETS_V2_KEYS,
    PROMOTES,
    Agreed,
    Course,
    course,
)
from ansible_collections.quorum.etcd.plugins.module_utils._plan_words import (
    Absent,
    Options,
    Plan,
    Step,
    Turn,
    condition,
    drift,
    pending,
    unchanged,
)
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

_STATES = {"absent": "not there", "empty": "empty", "incomplete": "without a log"}


class Refusals:
    """Collects reasons, so that all are said at once."""

    def __init__(self, cluster: str, *, again: bool = False) -> None:
        self._unchanged = unchanged(cluster, again=again)
        self._reasons: t.List[str] = []
        self._remedies: t.List[str] = []

    def add(self, reason: str, remedy: str) -> None:
        if reason not in self._reasons:
            self._reasons.append(reason)
        if remedy and remedy not in self._remedies:
            self._remedies.append(remedy)

    def raise_if_any(self) -> None:
        if self._reasons:
            raise Refused(
                " ".join([f"{self._unchanged}.", *(f"{reason}." for reason in self._reasons)]),
                remedy=" ".join(self._remedies),
                reasons=self._reasons,
            )


class Case:
    """One cluster as it is wished and as it was seen. ``desired`` is narrowed down as the plan is made."""

    def __init__(
        self,
        desired: t.Sequence[Desired],
        seen: t.Mapping[str, HostSeen],
        absent: t.Sequence[Absent],
        options: Options,
    ) -> None:
        self.desired = tuple(desired)
        self.seen = seen
        self.absent = tuple(absent)
        self.options = options
        self.refusals = Refusals(options.cluster, again=options.again)
        self.notes: t.List[str] = []
        self.warnings: t.List[str] = []
        self.proxies: t.Tuple[str, ...] = ()
        self.courses: t.Dict[str, Course] = {}

    def _assign(self, members: t.Sequence[Member]) -> t.Dict[str, Member]:
        """Who a host is: by its WAL's ID, then by exact peer URLs, then by name. No member is two hosts by less."""
        assigned: t.Dict[str, Member] = {}
        tests: t.Tuple[t.Callable[[Desired, Member], bool], ...] = (
            lambda wish, member: self.seen[wish.host].data.member_id == member.id,
            lambda wish, member: set(member.peer_urls) == set(wish.peer_urls),
            lambda wish, member: member.name == wish.name,
        )
        for number, matches in enumerate(tests):
            taken = {member.id for member in assigned.values()}
            for wish in self.desired:
                found = [member for member in members if wish.host not in assigned and matches(wish, member)]
                if found and (number == 0 or found[0].id not in taken):
                    assigned[wish.host] = found[0]
        return assigned

    def _differs(self, wish: Desired) -> bool:
        return bool(pending(wish, self.seen[wish.host]))

    def _healthy(self, host: str) -> bool:
        local = self.seen[host].local
        return local is not None and local.healthy

    def _leader(self) -> str:
        locals_ = [self.seen[wish.host].local for wish in self.desired]
        return leader_of(local.status for local in locals_ if local is not None and local.status is not None)

    def _version_rules(self, wishes: t.Sequence[Desired], *, serves: bool) -> None:
        """Work out how each gets to its version. ``serves``: the cluster has quorum, so something can be done first."""
        agreed = self._agreed()
        for wish in wishes:
            seen = self.seen[wish.host]
            running, after = seen.version, Version.parse(wish.version)
            if running is None or running == after or not seen.data.initialised:
                continue
            allowed = self.options.allow_downgrade
            found = course(running, after, agreed, self._data(wish), allow_downgrade=allowed)
            if found.fault:
                self.refusals.add(f"{wish.host}: {found.fault}", found.remedy)
            elif self.options.users and running[:2] <= (3, 4) < after[:2]:
                self.refusals.add(
                    f"{wish.host}: etcd does not support going from {running} to {after} while authentication is on",
                    "Switch it off first (etcdctl auth disable), run without etcd_auth_user, and switch it on again.",
                )
            elif self._speaks_v2(wish) and running[:2] < FORGETS_V2_KEYS <= after[:2]:
                self.refusals.add(
                    f"{wish.host} runs with enable-v2, and its requests would stop every member that runs {after.line}",
                    f"First keep etcd_version at a release of {running.line}, set enable-v2 to false and run.",
                )
            elif found.snapshot and condition(seen) == "foreign":
                self.refusals.add(
                    f"{wish.host} was set up by something else, and before {after.line} a raft snapshot must be taken, "
                    "which needs it to be taken over first",
                    f"First set etcd_version to a release of {running.line} and run.",
                )
            elif found.snapshot and not serves:
                self.refusals.add(
                    f"{wish.host}: {after.line} cannot read what older versions wrote to the log in {seen.data.path} "
                    f"(to index {found.snapshot}); {running.line} takes a snapshot only while the cluster serves",
                    f"First set etcd_version of {wish.host} to a release of {running.line} and run; the snapshot is "
                    f"taken on the way to {after.line} then.",
                )
            elif found.downgrade and seen.process is None:
                self.refusals.add(
                    f"{wish.host} is down, and before it goes down to {after.line} it must serve as {running.line}",
                    f"Start {wish.service} there, or set its etcd_version to a release of {running.line} first.",
                )
            else:
                self.courses[wish.host] = found
                note = f"each can go back to {running.line} until the last member runs {after.line}"
                if running[:2] < after[:2] and note not in self.notes:
                    self.notes.append(note)

    def _speaks_v2(self, wish: Desired) -> bool:
        process = self.seen[wish.host].process
        return process is not None and process.environment.get("ETCD_ENABLE_V2") == "true"

    def _data(self, wish: Desired) -> DataSeen:
        """What is in the way of a version in a host's data; what etcd was told not to look at is not."""
        data = self.seen[wish.host].data
        skips = wish.environment.get("ETCD_V2_DEPRECATION") == "write-only-skip-check"
        return dataclasses.replace(data, v2_keys=False) if skips else data

    def _agreed(self) -> Agreed:
        """The newest of what healthy members tell: who lags knows less."""
        clusters, targets = [], []
        for wish in self.desired:
            local = self.seen[wish.host].local
            if local is not None and local.healthy and local.versions is not None:
                clusters.append(Version.parse_or_none(local.versions.cluster))
                targets.append(Version.parse_or_none(local.status.downgrade if local.status is not None else ""))
        return Agreed(
            max((version for version in clusters if version is not None), default=None),
            next((version for version in targets if version is not None), None),
        )

    def _story(self, wish: Desired) -> str:
        seen = self.seen[wish.host]
        place = f"{seen.data.path} is {_STATES.get(seen.data.state, seen.data.state)}"
        if condition(seen) == "lost":
            return f"{wish.host} ({wish.name}) has lost its data: {place}"
        return f"{wish.host} ({wish.name}) never finished its first start, or has lost everything: {place}"

    def _refuse_moved_data(self, wish: Desired) -> bool:
        data = self.seen[wish.host].data
        if posixpath.normpath(data.path) != posixpath.normpath(wish.data_dir):
            self.refusals.add(
                f"{wish.host} has its data in {data.path}, and {wish.data_dir} is wished: started there it would have "
                "none",
                f"Put etcd_data_dir of {wish.host} back to {data.path}; moving data is not carried out yet.",
            )
            return True
        wal = wish.environment.get("ETCD_WAL_DIR") or posixpath.join(wish.data_dir, "member", "wal")
        if posixpath.normpath(data.wal_path) != posixpath.normpath(wal):
            self.refusals.add(
                f"{wish.host} has its log in {data.wal_path}, and {wal} is wished: started there it would have none",
                f"Put wal-dir in the etcd_settings of {wish.host} back; moving data is not carried out yet.",
            )
            return True
        return False

    def _warn_of_absent(self) -> None:
        self.warnings += [f"{missing.host} {missing.why}: nothing is done there" for missing in self.absent]

    def _finish(self, wish: Desired, member: Member, members: t.Sequence[Member]) -> Step:
        """Listed, and this entry has never been started: whatever the host was before, this identity has no data yet.

        A formed member is always listed as started, so one without data that is not was removed and added again.
        """
        environment = {
            "ETCD_INITIAL_CLUSTER": initial_cluster(
                (wish.name if other.id == member.id else other.name or other.id, other.peer_urls) for other in members
            ),
            "ETCD_INITIAL_CLUSTER_STATE": "existing",
        }
        step = self._step(wish, "bootstrap", "is listed and never started", bootstrap=environment, member_id=member.id)
        return dataclasses.replace(step, promote=member.is_learner and not self._promotion_forgotten())

    def _promotion_forgotten(self) -> bool:
        """Whether a member runs a version that must not promote learners."""
        versions = [self.seen[wish.host].version for wish in self.desired if self._healthy(wish.host)]
        return any(version is not None and version < PROMOTES for version in versions)

    def _step(
        self,
        wish: Desired,
        action: str,
        reason: str,
        *,
        changes: t.Optional[t.Tuple[Change, ...]] = None,
        bootstrap: t.Optional[t.Dict[str, str]] = None,
        member_id: str = "",  # pylint: disable=redefined-outer-name
        gated: bool = False,
        handover: t.Tuple[str, ...] = (),
    ) -> Step:
        seen = self.seen[wish.host]
        if changes is None:
            changes = pending(wish, seen) or drift(wish, seen)
        if action == "bootstrap" and seen.data.state == "incomplete":
            self.warnings.append(
                f"{seen.data.path} on {wish.host} has something in it, but no log: it is moved aside first"
            )
        return Step(wish.host, action, reason, changes, bootstrap, member_id, gated, handover)

    def _made(self, kind: str, turns: t.Tuple[Turn, ...]) -> Plan:
        for turn in turns:
            for step in turn.steps:
                if step.starts:
                    self._refuse_start(step)
        self.refusals.raise_if_any()
        return Plan(
            self.options.cluster,
            kind,
            tuple(dataclasses.replace(turn, steps=tuple(map(self._on_course, turn.steps))) for turn in turns),
            notes=tuple(self.notes),
            warnings=tuple(self.warnings),
            proxies=self.proxies,
        )

    def _refuse_start(self, step: Step) -> None:
        """Who is to start what is not wished, or while something else says how, whatever we write."""
        wish = next(wish for wish in self.desired if wish.host == step.host)
        seen = self.seen[step.host]
        found = overruled(seen.service.drop_ins, wish.definition, wish.environment)
        if found:
            self.refusals.add(
                f"{step.host} would not start {wish.service} as wished: {'; '.join(found)}",
                "Take it out there. Settings of etcd's belong into etcd_settings.",
            )
        there = next((release.version for release in seen.releases if release.path == wish.release), "")
        if not wish.brought and there and there != wish.version:
            self.refusals.add(
                f"{wish.release}/etcd on {step.host} is {there}, and etcd_version is {wish.version}",
                "Set etcd_version to what is there, or have that version there.",
            )

    def _on_course(self, step: Step) -> Step:
        """With what a server that changes its version needs before."""
        found = self.courses.get(step.host)
        if found is None or step.action not in ("start", "restart"):
            return step
        reason = step.reason
        if found.snapshot:
            reason += "; first a raft snapshot, since the new release cannot read the old log"
        if found.downgrade:
            reason += f"; the cluster goes down to {found.downgrade}"
        downgrade = found.downgrade or step.downgrade
        return dataclasses.replace(step, reason=reason, downgrade=downgrade, snapshot=found.snapshot)


def aside(seen: HostSeen) -> str:
    return f"move the directory aside (mv {seen.data.path} {seen.data.path}.aside)"


__all__ = ("Case", "Refusals", "aside")

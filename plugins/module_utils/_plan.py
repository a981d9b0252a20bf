# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout planner: from what is desired and what was seen to the turns that lead there, or a refusal.

Private to this collection. Pure: no I/O, no clock, no randomness; the same input gives the same plan on every host.
What each rule protects against is told in the guide on plans.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._envfile import changes as environment_changes
from ansible_collections.quorum.etcd.plugins.module_utils._errors import Refused
from ansible_collections.quorum.etcd.plugins.module_utils._membership import cluster_id, gate, member_id, quorum
from ansible_collections.quorum.etcd.plugins.module_utils._model import Change, Desired, HostSeen, Member
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

# What a turn may start from, by the line it leads to.
VERSION_FLOORS = {
    "3.6": Version(3, 5, 26),
    "3.7": Version(3, 6, 11),
}


@dataclasses.dataclass(frozen=True)
class Absent:
    """A host of the cluster that cannot be planned for: unreachable, left out by a limit, or in another batch."""

    host: str
    name: str
    why: str


@dataclasses.dataclass(frozen=True)
class Options:
    """What the user allows and names. ``token`` is the one for a new bootstrap; empty: a fresh one."""

    cluster: str
    token: str = ""
    allow_downtime: bool = False
    remove: t.Tuple[str, ...] = ()
    replace: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Step:
    """What one host does in its turn.

    ``action``: ``bootstrap`` (first start), ``start``, ``restart``, or ``settle`` (files only, nothing is stopped).
    ``bootstrap`` is the content of its ``bootstrap.env``; ``None`` leaves what is there. ``gated`` steps wait until the
    cluster can spare the member. ``handover`` names the members that leadership should go to.
    """

    host: str
    action: str
    reason: str
    changes: t.Tuple[Change, ...] = ()
    bootstrap: t.Optional[t.Dict[str, str]] = None
    member_id: str = ""
    gated: bool = False
    handover: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Turn:
    """Steps that are taken at the same time: all start, then all are waited for."""

    steps: t.Tuple[Step, ...]
    reason: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """``kind``: ``bootstrap``, ``resume``, ``cold-start``, ``converge`` or ``nothing``."""

    cluster: str
    kind: str
    turns: t.Tuple[Turn, ...] = ()
    notes: t.Tuple[str, ...] = ()
    warnings: t.Tuple[str, ...] = ()

    def step(self, host: str) -> t.Tuple[int, t.Optional[Step]]:
        """The number of the host's turn, from 0, and its step; ``(-1, None)`` where it has none."""
        for number, turn in enumerate(self.turns):
            for step in turn.steps:
                if step.host == host:
                    return number, step
        return -1, None


def plan(
    desired: t.Sequence[Desired],
    seen: t.Mapping[str, HostSeen],
    absent: t.Sequence[Absent],
    options: Options,
) -> Plan:
    """Plan for one cluster. Every desired host is in ``seen``; hosts that could not be observed are in ``absent``.

    :raises Refused: when the wish cannot be reached safely, with every reason and its remedy.
    """
    return _Planner(desired, seen, absent, options).plan()


def condition(seen: HostSeen) -> str:
    """What a host is: ``blank``, ``waiting`` (for a bootstrap or join to finish), ``formed``, ``lost`` or ``foreign``.

    A directory without a WAL counts as no data: what was written beside it tells blank and lost apart.
    """
    if seen.data.initialised:
        if seen.files.bootstrap is not None:
            return "waiting"
        return "formed" if seen.files.environment is not None else "foreign"
    if seen.files.bootstrap is not None:
        return "waiting"
    return "blank" if seen.files.environment is None else "lost"


def pending(desired: Desired, seen: HostSeen) -> t.Tuple[Change, ...]:
    """What the running process has otherwise than desired, key by key. Bootstrap settings do not count."""
    process = seen.process
    if process is None:
        return ()
    changes = list(environment_changes(process.environment, desired.environment))
    running = _directory(process.executable)
    if process.replaced or not _runs_release(desired, seen):
        changes.append(
            Change("release", running + (" (replaced)" if process.replaced else ""), desired.release),
        )
    return tuple(changes)


def drift(desired: Desired, seen: HostSeen) -> t.Tuple[Change, ...]:
    """What is written on the host otherwise than desired, and needs no restart to be put right."""
    changes = []
    if seen.files.environment is not None:
        changes += environment_changes(seen.files.environment, desired.environment, ignore=())
    elif desired.environment:
        changes.append(Change("etcd.env", None, "written"))
    if (seen.files.definition or "").rstrip("\n") != desired.definition.rstrip("\n"):
        changes.append(Change("definition", "other" if seen.files.definition else None, "written"))
    if seen.files.release != desired.release:
        changes.append(Change("release", seen.files.release, desired.release))
    if seen.service.enabled != desired.enabled:
        changes.append(Change("enabled", str(seen.service.enabled).lower(), str(desired.enabled).lower()))
    return tuple(changes)


def running_version(seen: HostSeen) -> t.Optional[Version]:
    """The version that runs, or would run if the server were started as it is."""
    if seen.local is not None and seen.local.versions is not None:
        return Version.parse_or_none(seen.local.versions.server)
    current = _directory(seen.process.executable) if seen.process else seen.files.release
    for release in seen.releases:
        if release.path == current and release.version:
            return Version.parse_or_none(release.version)
    return Version.parse_or_none((current or "").rstrip("/").rpartition("/")[2])


def fresh_token(cluster: str, seen: t.Mapping[str, HostSeen]) -> str:
    """A token no bootstrap has had: drawn from the random nonces of this observation, the same on every host."""
    nonces = "".join(seen[host].nonce for host in sorted(seen))
    return f"{cluster}-{hashlib.sha256(nonces.encode()).hexdigest()[:16]}"


def version_fault(before: Version, after: Version) -> t.Tuple[str, str]:
    """Why a server cannot go from one version to another in one step, and what to do; two empty strings if it can."""
    if (before.major, before.minor) == (after.major, after.minor):
        return "", ""
    if after.major != before.major or after.minor > before.minor + 1:
        return (
            f"etcd cannot go from {before} to {after} in one step",
            f"Go one minor version at a time: first set etcd_version to a release of {before.major}.{before.minor + 1}.",
        )
    if after.minor < before.minor:
        return (
            f"{after} is older than the {before.line} that runs, and a downgrade is not carried out yet",
            f"Set etcd_version to a release of {before.line}.",
        )
    floor = VERSION_FLOORS.get(after.line)
    if floor is not None and before < floor:
        return (
            f"{after.line} may only follow {floor} or newer, and {before} runs",
            f"First set etcd_version to the newest release of {before.line}.",
        )
    return "", ""


class _Refusals:
    """Collects reasons, so that all are said at once."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._reasons: t.List[str] = []
        self._remedies: t.List[str] = []

    def add(self, reason: str, remedy: str) -> None:
        self._reasons.append(reason)
        if remedy not in self._remedies:
            self._remedies.append(remedy)

    def raise_if_any(self) -> None:
        if self._reasons:
            raise Refused(
                f"cluster {self._cluster}: nothing was changed. " + " ".join(f"{reason}." for reason in self._reasons),
                remedy=" ".join(self._remedies),
                reasons=self._reasons,
            )


class _Planner:
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
        self.refusals = _Refusals(options.cluster)
        self.notes: t.List[str] = []
        self.warnings: t.List[str] = []
        self.by_host = {wish.host: wish for wish in self.desired}

    def plan(self) -> Plan:
        self._not_yet()
        members = self._members()
        if members is not None:
            return self._converge(members)
        with_data = [wish for wish in self.desired if self.seen[wish.host].data.initialised]
        if not with_data and all(condition(self.seen[wish.host]) in ("blank", "waiting") for wish in self.desired):
            return self._bootstrap()
        if self._can_resume(with_data):
            return self._resume(with_data)
        return self._cold_start(with_data)

    # --- what can be refused without looking ----------------------------------------------------------------------

    def _not_yet(self) -> None:
        for name in self.options.remove:
            self.refusals.add(
                f"removing {name} (etcd_remove_members) is not carried out yet",
                "Until it is, remove it with etcdctl member remove and take it out of the variable.",
            )
        for name in self.options.replace:
            self.refusals.add(
                f"replacing {name} (etcd_replace_members) is not carried out yet",
                "Until it is, take the name out of the variable and replace the member by hand.",
            )
        self.refusals.raise_if_any()

    # --- the membership as etcd sees it ---------------------------------------------------------------------------

    def _members(self) -> t.Optional[t.Tuple[Member, ...]]:
        """The linearizable list, from whoever could give one; ``None`` without quorum."""
        lists: t.Dict[str, t.Tuple[str, t.Tuple[Member, ...]]] = {}
        for wish in self.desired:
            local = self.seen[wish.host].local
            if local is not None and local.members is not None:
                cluster = local.status.cluster_id if local.status is not None else ""
                lists.setdefault(cluster, (wish.host, local.members))
        if len(lists) > 1:
            told = ", ".join(f"{host} is in {cluster or 'an unknown one'}" for cluster, (host, _members) in lists.items())
            self.refusals.add(
                f"the hosts answer for different clusters: {told}",
                "Give the hosts of each cluster an etcd_cluster_name of its own, or stop the server that is wrong "
                "and move its data directory aside.",
            )
            self.refusals.raise_if_any()
        return next(iter(lists.values()))[1] if lists else None

    def _listed(self, wish: Desired, members: t.Sequence[Member]) -> t.Optional[Member]:
        """Who a host is: by its WAL's ID, then by exact peer URLs, then by name."""
        seen = self.seen[wish.host]
        for member in members:
            if seen.data.member_id and member.id == seen.data.member_id:
                return member
        for member in members:
            if set(member.peer_urls) == set(wish.peer_urls):
                return member
        for member in members:
            if member.name == wish.name:
                return member
        return None

    # --- no member answers ----------------------------------------------------------------------------------------

    def _all_must_be_observed(self, what: str) -> None:
        for missing in self.absent:
            self.refusals.add(
                f"{missing.host} {missing.why}, and {what} needs every host of the cluster",
                "Bring the host back, run without --limit and without a serial smaller than the cluster, "
                "or take it out of the inventory.",
            )
        self.refusals.raise_if_any()

    def _bootstrap(self) -> Plan:
        self._all_must_be_observed("a bootstrap")
        token = self.options.token or fresh_token(self.options.cluster, self.seen)
        environment = self._bootstrap_environment(token)
        steps = tuple(
            self._step(wish, "bootstrap", "first start", bootstrap=environment, member_id=member_id(wish.peer_urls, token))
            for wish in self.desired
        )
        self.notes.append(f"token {token}")
        return self._made("bootstrap", (Turn(steps, "first start of a new cluster"),))

    def _bootstrap_environment(self, token: str, state: str = "new") -> t.Dict[str, str]:
        return {
            "ETCD_INITIAL_CLUSTER": initial_cluster((wish.name, wish.peer_urls) for wish in self.desired),
            "ETCD_INITIAL_CLUSTER_STATE": state,
            "ETCD_INITIAL_CLUSTER_TOKEN": token,
        }

    def _can_resume(self, with_data: t.Sequence[Desired]) -> bool:
        """No quorum can have been reached: every log is one that only waited for others to come."""
        return all(
            condition(self.seen[wish.host]) in ("blank", "waiting") for wish in self.desired
        ) and all(self._only_waited(wish) for wish in with_data)

    def _only_waited(self, wish: Desired) -> bool:
        data, bootstrap = self.seen[wish.host].data, self.seen[wish.host].files.bootstrap or {}
        count = len(parse_initial_cluster(bootstrap.get("ETCD_INITIAL_CLUSTER", "")))
        return not data.problem and data.last_index is not None and data.last_index <= max(count, 1)

    def _resume(self, with_data: t.Sequence[Desired]) -> Plan:
        self._all_must_be_observed("an interrupted bootstrap")
        first = self.seen[with_data[0].host].files.bootstrap or {}
        token = first.get("ETCD_INITIAL_CLUSTER_TOKEN", "")
        ids = {wish.host: member_id(wish.peer_urls, token) for wish in self.desired}
        for wish in with_data:
            data = self.seen[wish.host].data
            if data.cluster_id != cluster_id(ids.values()) or data.member_id != ids[wish.host]:
                self.refusals.add(
                    f"{wish.host} has data in {data.path} from another bootstrap than the one that is to be resumed "
                    f"(its cluster is {data.cluster_id}; the hosts and addresses of the inventory with token {token!r} "
                    f"make {cluster_id(ids.values())})",
                    "Put the inventory back to what it was when the bootstrap began. No member of it ever served, so "
                    f"on each host the directory may also be moved aside after stopping the service: mv {data.path} "
                    f"{data.path}.aside.",
                )
        self.refusals.raise_if_any()
        environment = self._bootstrap_environment(token)
        steps = []
        for wish in self.desired:
            seen = self.seen[wish.host]
            waits = seen.process is not None and seen.data.initialised and not self._differs(wish)
            steps.append(
                self._step(
                    wish,
                    "start" if seen.data.initialised else "bootstrap",
                    "waits for the others" if waits else "its first start was interrupted",
                    bootstrap=environment,
                    member_id=ids[wish.host],
                )
            )
        self.notes.append(f"token {token}")
        return self._made("resume", (Turn(tuple(steps), "an interrupted bootstrap goes on"),))

    def _cold_start(self, with_data: t.Sequence[Desired]) -> Plan:
        size = len(self.desired) + len(self.absent)
        self._one_cluster(with_data)
        for wish in with_data:
            if condition(self.seen[wish.host]) == "foreign":
                self._refuse_foreign(wish)
        self.refusals.raise_if_any()
        without = [wish for wish in self.desired if wish not in with_data]
        if len(with_data) < quorum(size):
            for wish in without:
                self._refuse_lost(wish, None)
            for missing in self.absent:
                self.refusals.add(f"{missing.host} {missing.why}", "Bring the host back.")
            self.refusals.add(
                f"no member has quorum, and only {len(with_data)} of {size} members have their data",
                "Bring back the disks that are missing and run again; if they are gone for good, restore a snapshot, "
                "or recover from the data that is left.",
            )
            self.refusals.raise_if_any()
        self._version_rules(with_data)
        for wish in with_data:
            self._refuse_moved_data(wish, self.seen[wish.host])
        self.refusals.raise_if_any()
        for wish in without:
            self.warnings.append(f"{self._story(wish)}; it stays down")
        steps = []
        for wish in with_data:
            seen = self.seen[wish.host]
            if seen.process is None:
                action, reason = "start", "is down, and the cluster has no quorum"
            elif pending(wish, seen):
                action, reason = "restart", "runs with other settings, and the cluster has no quorum"
            else:
                action, reason = "start", "runs, and waits for quorum"
            steps.append(self._step(wish, action, reason, member_id=seen.data.member_id))
        return self._made("cold-start", (Turn(tuple(steps), "no quorum: all that have data together"),))

    def _one_cluster(self, with_data: t.Sequence[Desired]) -> None:
        clusters: t.Dict[str, t.List[str]] = {}
        for wish in with_data:
            data = self.seen[wish.host].data
            if data.problem:
                self.refusals.add(
                    f"the log in {data.wal_path} on {wish.host} cannot be read: {data.problem}",
                    "Restore this member's disk, or replace the member once the others have quorum.",
                )
            else:
                clusters.setdefault(data.cluster_id, []).append(wish.host)
        if len(clusters) > 1:
            told = "; ".join(f"{', '.join(hosts)}: {cluster}" for cluster, hosts in clusters.items())
            self.refusals.add(
                f"the data directories are of different clusters ({told})",
                "Move aside the one that does not belong here; nothing is chosen for you.",
            )

    def _story(self, wish: Desired) -> str:
        data = self.seen[wish.host].data
        return f"{wish.host} ({wish.name}) has lost its data: {data.path} is {data.state}"

    def _refuse_lost(self, wish: Desired, member: t.Optional[Member]) -> None:
        listed = f" (member {member.id})" if member is not None else ""
        self.refusals.add(
            f"{self._story(wish)}{listed}. It was a member, so it is never started empty under its old identity",
            f"If the disk can be brought back, do so and run again. Otherwise {wish.name} must be replaced"
            + (
                f": etcdctl member remove {member.id}, then etcdctl member add --learner; "
                f"a step etcd_replace_members will do once it is there."
                if member is not None
                else "."
            ),
        )

    def _refuse_foreign(self, wish: Desired) -> None:
        data = self.seen[wish.host].data
        self.refusals.add(
            f"{wish.host} has data in {data.path} that was not set up by this collection (member {data.member_id} of "
            f"cluster {data.cluster_id}), and taking over a cluster is not carried out yet",
            f"Choose another etcd_data_dir, or stop its server and move the directory aside: mv {data.path} {data.path}.aside.",
        )

    def _refuse_moved_data(self, wish: Desired, seen: HostSeen) -> None:
        if seen.data.path != wish.data_dir:
            self.refusals.add(
                f"{wish.host} has its data in {seen.data.path}, and etcd_data_dir is {wish.data_dir} now: started there it "
                "would have lost everything",
                "Put etcd_data_dir back.",
            )

    # --- the cluster has quorum -----------------------------------------------------------------------------------

    def _converge(self, members: t.Tuple[Member, ...]) -> Plan:
        voters = [member for member in members if not member.is_learner]
        listed: t.Dict[str, Member] = {}
        first: t.List[Step] = []
        restarts: t.List[t.Tuple[Desired, Member]] = []
        for wish in self.desired:
            seen, member = self.seen[wish.host], self._listed(wish, members)
            if member is None:
                self._refuse_unlisted(wish)
                continue
            if member.id in {other.id for other in listed.values()}:
                self.refusals.add(
                    f"{wish.host} is member {member.label} ({member.id}), and so is another host",
                    "Give each host its own etcd_name and address.",
                )
                continue
            listed[wish.host] = member
            step = self._member_step(wish, seen, member, members)
            if step is not None:
                first.append(step)
            elif seen.process is not None and self._differs(wish):
                restarts.append((wish, member))
        self._version_rules([wish for wish in self.desired if wish.host in listed])
        self._extras(members, listed)
        self.refusals.raise_if_any()
        turns = []
        if first:
            turns.append(Turn(tuple(first), "nothing that serves is stopped"))
        turns += self._restart_turns(restarts, listed, voters, {step.host for step in first})
        self.refusals.raise_if_any()
        return self._made("converge" if turns else "nothing", tuple(turns))

    def _member_step(
        self, wish: Desired, seen: HostSeen, member: Member, members: t.Sequence[Member]
    ) -> t.Optional[Step]:
        """The step of a listed member that stops nothing; ``None`` if there is none, or it needs a restart."""
        state = condition(seen)
        if seen.data.initialised:
            if seen.data.member_id != member.id:
                self.refusals.add(
                    f"{wish.host} has the data of member {seen.data.member_id or 'unknown'} in {seen.data.path}, but the "
                    f"cluster lists {member.label} as {member.id}: a removed member's, or another cluster's",
                    f"Stop its service and move the directory aside: mv {seen.data.path} {seen.data.path}.aside.",
                )
                return None
            if state == "foreign":
                self._refuse_foreign(wish)
                return None
            self._refuse_moved_data(wish, seen)
            if set(member.peer_urls) != set(wish.peer_urls):
                self.refusals.add(
                    f"{wish.host} is listed with peer URLs {', '.join(member.peer_urls)} and wished with "
                    f"{', '.join(wish.peer_urls)}; changing them is not carried out yet",
                    "Put etcd_address and etcd_peer_port back.",
                )
                return None
            if seen.process is None:
                return self._step(wish, "start", "is down", member_id=member.id)
            if not self._differs(wish) and (seen.files.bootstrap is not None or seen.files.former or drift(wish, seen)):
                reason = "has formed" if seen.files.bootstrap is not None else "files on the host differ"
                return self._step(wish, "settle", reason, changes=drift(wish, seen), member_id=member.id)
            return None
        if state in ("blank", "waiting") and not member.started and set(member.peer_urls) == set(wish.peer_urls):
            environment = {
                "ETCD_INITIAL_CLUSTER": initial_cluster(
                    (wish.name if other.id == member.id else other.name or other.id, other.peer_urls) for other in members
                ),
                "ETCD_INITIAL_CLUSTER_STATE": "existing",
            }
            return self._step(
                wish, "bootstrap", "is listed and never started", bootstrap=environment, member_id=member.id
            )
        self._refuse_lost(wish, member)
        return None

    def _refuse_unlisted(self, wish: Desired) -> None:
        seen = self.seen[wish.host]
        if seen.data.initialised:
            self.refusals.add(
                f"{wish.host} is not a member, but has data in {seen.data.path} (member {seen.data.member_id} of cluster "
                f"{seen.data.cluster_id}): a removed member's, or another cluster's",
                f"Stop its service and move the directory aside: mv {seen.data.path} {seen.data.path}.aside.",
            )
        else:
            self.refusals.add(
                f"{wish.host} is not a member, and adding members is not carried out yet",
                "Until it is, take the host out of the group.",
            )

    def _extras(self, members: t.Sequence[Member], listed: t.Mapping[str, Member]) -> None:
        known = {member.id for member in listed.values()}
        absent = {missing.name for missing in self.absent}
        for member in members:
            if member.id not in known and member.name not in absent:
                self.warnings.append(
                    f"member {member.label} ({member.id}, {', '.join(member.peer_urls)}) is listed and not in the inventory; "
                    "it is left alone"
                )
        for missing in self.absent:
            self.warnings.append(f"{missing.host} {missing.why}: nothing is done there")
        for member in listed.values():
            if member.is_learner:
                self.warnings.append(f"member {member.label} is a learner; promoting is not carried out yet")

    def _version_rules(self, wishes: t.Sequence[Desired]) -> None:
        for wish in wishes:
            running, after = running_version(self.seen[wish.host]), Version.parse(wish.version)
            if running is None or running == after:
                continue
            fault, remedy = version_fault(running, after)
            if fault:
                self.refusals.add(f"{wish.host}: {fault}", remedy)

    def _restart_turns(
        self,
        restarts: t.Sequence[t.Tuple[Desired, Member]],
        listed: t.Mapping[str, Member],
        voters: t.Sequence[Member],
        started: t.AbstractSet[str],
    ) -> t.List[Turn]:
        """One at a time: those that do not serve, then followers, then the leader."""
        leader = self._leader()
        ordered = sorted(
            restarts,
            key=lambda pair: (self._healthy(pair[0].host), pair[1].id == leader, self.desired.index(pair[0])),
        )
        doing = {member.id for _wish, member in ordered}
        settled = [member.name for host, member in listed.items() if member.id not in doing and not member.is_learner]
        # Whoever is absent may be healthy: the gate itself will ask it.
        presumed = {member.id for member in voters} - {
            member.id for host, member in listed.items() if not self._healthy(host) and host not in started
        }
        turns = []
        for wish, member in ordered:
            verdict = gate(
                voters,
                presumed,
                member.id,
                self_healthy=self._healthy(wish.host),
                allow_downtime=self.options.allow_downtime,
            )
            if not verdict.passes:
                self.refusals.add(
                    f"{wish.host} must be restarted, and the cluster cannot spare it: {verdict.reason}",
                    "Bring the members back that are down, or set etcd_allow_downtime to true: writes stop until it is back.",
                )
                continue
            if verdict.downtime:
                self.warnings.append(f"writes stop while {wish.host} restarts: {verdict.reason}")
            step = dataclasses.replace(
                self._step(
                    wish,
                    "restart",
                    "leads, so it comes last" if member.id == leader and len(ordered) > 1 else "runs with other settings",
                    changes=pending(wish, self.seen[wish.host]),
                    member_id=member.id,
                ),
                gated=True,
                handover=tuple(settled),
            )
            turns.append(Turn((step,), step.reason))
            settled = [*settled, member.name]
            presumed = presumed | {member.id}
        return turns

    # --- small questions ------------------------------------------------------------------------------------------

    def _differs(self, wish: Desired) -> bool:
        return bool(pending(wish, self.seen[wish.host]))

    def _healthy(self, host: str) -> bool:
        local = self.seen[host].local
        return local is not None and local.healthy

    def _leader(self) -> str:
        for wish in self.desired:
            local = self.seen[wish.host].local
            if local is not None and local.status is not None and local.status.leader_id:
                return local.status.leader_id
        return ""

    def _step(
        self,
        wish: Desired,
        action: str,
        reason: str,
        *,
        changes: t.Optional[t.Tuple[Change, ...]] = None,
        bootstrap: t.Optional[t.Dict[str, str]] = None,
        member_id: str = "",
    ) -> Step:
        if changes is None:
            changes = pending(wish, self.seen[wish.host]) or drift(wish, self.seen[wish.host])
        return Step(wish.host, action, reason, changes=changes, bootstrap=bootstrap, member_id=member_id)

    def _made(self, kind: str, turns: t.Tuple[Turn, ...]) -> Plan:
        return Plan(self.options.cluster, kind, turns, notes=tuple(self.notes), warnings=tuple(self.warnings))


def initial_cluster(members: t.Iterable[t.Tuple[str, t.Sequence[str]]]) -> str:
    """``name=url`` for each name and each of its peer URLs, comma-separated."""
    return ",".join(f"{name}={url}" for name, urls in members for url in urls)


def parse_initial_cluster(text: str) -> t.Dict[str, t.Tuple[str, ...]]:
    """Names and their peer URLs out of ``ETCD_INITIAL_CLUSTER``."""
    members: t.Dict[str, t.Tuple[str, ...]] = {}
    for item in text.split(","):
        name, equals, url = item.partition("=")
        if equals:
            members[name] = (*members.get(name, ()), url)
    return members


def _directory(path: str) -> str:
    return path.rpartition("/")[0]


def _runs_release(desired: Desired, seen: HostSeen) -> bool:
    return seen.process is not None and _directory(seen.process.executable) == desired.release


__all__ = (
    "Absent",
    "Options",
    "Plan",
    "Step",
    "Turn",
    "condition",
    "drift",
    "fresh_token",
    "initial_cluster",
    "parse_initial_cluster",
    "pending",
    "plan",
    "running_version",
    "version_fault",
)

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
import posixpath
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._envfile import changes as environment_changes
from ansible_collections.quorum.etcd.plugins.module_utils._errors import Refused
from ansible_collections.quorum.etcd.plugins.module_utils._membership import (
    cluster_id,
    gate,
    initial_cluster,
    member_id,
    parse_initial_cluster,
    quorum,
    sparable,
)
from ansible_collections.quorum.etcd.plugins.module_utils._model import Change, Desired, HostSeen, Member
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

# What a turn may start from, by the line it leads to.
VERSION_FLOORS = {
    "3.6": Version(3, 5, 26),
    "3.7": Version(3, 6, 11),
}


# What members draw their IDs from, whichever way they found each other.
_TOKENS = ("ETCD_INITIAL_CLUSTER_TOKEN", "ETCD_DISCOVERY_TOKEN", "ETCD_DISCOVERY")

# Before, etcd forgets a promotion in one of its two stores: there a member joins as a voter at once.
PROMOTES = Version(3, 5, 20)

_STATES = {"absent": "not there", "empty": "empty", "incomplete": "without a log"}


@dataclasses.dataclass(frozen=True)
class Absent:
    """A host of the cluster that cannot be planned for: unreachable, left out by a limit, or in another batch."""

    host: str
    name: str
    why: str


@dataclasses.dataclass(frozen=True)
class Options:
    """What the user allows and names. ``token`` is the one for a new bootstrap; empty: a fresh one.

    ``size`` is how many members a cluster found by discovery has, 0: all. Hosts beyond it are proxies.
    """

    cluster: str
    token: str = ""
    allow_downtime: bool = False
    remove: t.Tuple[str, ...] = ()
    replace: t.Tuple[str, ...] = ()
    size: int = 0


@dataclasses.dataclass(frozen=True)
class Step:
    """What one host does in its turn.

    ``action``: ``bootstrap`` (first start), ``start`` (which restarts a server that runs otherwise only while it is not
    healthy), ``restart``, ``settle`` (files only, nothing is stopped), ``join`` (a first start with what ``add`` gave)
    or ``remove`` (the server is left alone, or retired).
    ``bootstrap`` is the content of its ``bootstrap.env``: ``None`` leaves what is there, and without content the file
    goes. ``token`` is the discovery token to make for the turn. ``gated`` steps wait until the cluster can spare the
    member. ``handover`` names the members that leadership should go to.

    What happens to the membership, in this order: ``remove`` the member of this ID; ``retire`` what is on this host;
    ``add`` the host as ``learner`` or ``voter``; ``move`` it to its peer URLs; the action; ``promote`` it.
    """

    host: str
    action: str
    reason: str
    changes: t.Tuple[Change, ...] = ()
    bootstrap: t.Optional[t.Dict[str, str]] = None
    member_id: str = ""
    gated: bool = False
    handover: t.Tuple[str, ...] = ()
    remove: str = ""
    retire: bool = False
    add: str = ""
    move: bool = False
    promote: bool = False
    token: str = ""


@dataclasses.dataclass(frozen=True)
class Turn:
    """Steps that are taken at the same time: all start, then all are waited for."""

    steps: t.Tuple[Step, ...]
    reason: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """``kind``: ``bootstrap``, ``resume``, ``cold-start``, ``converge`` or ``nothing``; ``proxies`` are hosts."""

    cluster: str
    kind: str
    turns: t.Tuple[Turn, ...] = ()
    notes: t.Tuple[str, ...] = ()
    warnings: t.Tuple[str, ...] = ()
    proxies: t.Tuple[str, ...] = ()

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
    changes: t.List[Change] = []
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


def version_fault(before: Version, after: Version, cluster: t.Optional[Version] = None) -> t.Tuple[str, str]:
    """Why a server cannot go from one version to another in one step, and what to do; two empty strings if it can.

    ``cluster`` is the version the members have agreed on. Until the last of them runs a newer minor version it stays
    the older one, and so long each can go back.
    """
    if (before.major, before.minor) == (after.major, after.minor):
        return "", ""
    if after.major != before.major or after.minor > before.minor + 1:
        step = f"{before.major}.{before.minor + 1}"
        return (
            f"etcd cannot go from {before} to {after} in one step",
            f"Go one minor version at a time: first set etcd_version to a release of {step}.",
        )
    if after.minor < before.minor:
        if cluster is not None and (cluster.major, cluster.minor) <= (after.major, after.minor):
            return "", ""
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
        if reason not in self._reasons:
            self._reasons.append(reason)
        if remedy and remedy not in self._remedies:
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
        self.proxies: t.Tuple[str, ...] = ()

    def plan(self) -> Plan:
        self._named()
        self._unusable(but=self.options.replace)
        members = self._members()
        self._set_proxies_apart(members)
        if members is not None:
            return self._converge(members)
        self._unusable()
        self._serves_unlisted()
        with_data = [wish for wish in self.desired if self.seen[wish.host].data.initialised]
        if all(condition(self.seen[wish.host]) in ("blank", "waiting") for wish in self.desired):
            if not with_data:
                return self._bootstrap()
            if all(self._only_waited(wish) for wish in with_data):
                self._all_must_be_observed("an interrupted bootstrap")
            token = self._common_token(with_data)
            if token is not None and all(self._last_index(wish) <= len(self.desired) for wish in with_data):
                return self._resume(with_data, token)
            if token is None and all(self._only_waited(wish) for wish in with_data):
                self._refuse_other_bootstrap(with_data)
        return self._cold_start(with_data)

    # --- what is refused whatever the cluster does ----------------------------------------------------------------

    def _named(self) -> None:
        """Whom the user named to go must be known, and not be meant to stay at the same time."""
        names = {wish.name for wish in self.desired} | {missing.name for missing in self.absent}
        for name in self.options.replace:
            if name in self.options.remove:
                self.refusals.add(
                    f"{name} is in etcd_replace_members and in etcd_remove_members",
                    "Take it out of one of them.",
                )
            elif name not in names:
                self.refusals.add(
                    f"{name} (etcd_replace_members) is the etcd_name of no host of this cluster",
                    f"Its hosts have the names {', '.join(sorted(names))}.",
                )
        self.refusals.raise_if_any()

    def _unusable(self, *, but: t.Sequence[str] = ()) -> None:
        """Data that cannot be read, or that is not ours to start; ``but`` that of members who are to be replaced."""
        for wish in self.desired:
            seen = self.seen[wish.host]
            if wish.name in but:
                continue
            if seen.data.problem:
                self.refusals.add(
                    f"the data of {wish.host} in {seen.data.path} cannot be read: {seen.data.problem.rstrip('.')}",
                    "If it is a matter of rights, run with become: true. If the disk is damaged, bring back what was "
                    "there; nothing is started from it, and nothing is removed.",
                )
            elif condition(seen) == "foreign":
                self.refusals.add(
                    f"{wish.host} has data in {seen.data.path} that was not set up by this collection (member "
                    f"{seen.data.member_id} of cluster {seen.data.cluster_id}), and taking over a cluster is not "
                    "carried out yet",
                    f"Choose another etcd_data_dir, or stop its server and {_aside(seen)}.",
                )
        self.refusals.raise_if_any()

    # --- the membership as etcd sees it ---------------------------------------------------------------------------

    def _members(self) -> t.Optional[t.Tuple[Member, ...]]:
        """The linearizable list, from whoever could give one; ``None`` without quorum."""
        lists: t.Dict[str, t.Tuple[str, t.Tuple[Member, ...]]] = {}
        for wish in self.desired:
            seen = self.seen[wish.host]
            local = seen.local
            if local is not None and local.members is not None:
                cluster = local.status.cluster_id if local.status is not None else seen.data.cluster_id
                lists.setdefault(cluster, (wish.host, local.members))
        if len(lists) > 1:
            told = ", ".join(f"{host} is in {cluster}" for cluster, (host, _members) in lists.items())
            self.refusals.add(
                f"the hosts answer for different clusters: {told}",
                "If they are meant to be different, give the hosts of each an etcd_cluster_name of its own. If not, "
                "stop the server that is wrong and move its data directory aside; nothing is chosen for you.",
            )
            self.refusals.raise_if_any()
        return next(iter(lists.values()))[1] if lists else None

    def _serves_unlisted(self) -> None:
        """A server that is healthy has a leader: whatever keeps it from listing members, nothing is stopped for it."""
        for wish in self.desired:
            local = self.seen[wish.host].local
            if local is not None and local.healthy:
                self.refusals.add(
                    f"{wish.host} is healthy, but does not say who the members are"
                    + (f": {local.problem.rstrip('.')}" if local.problem else ""),
                    f"Run again. If it stays so, see what etcdctl --endpoints={local.endpoint} member list says there; "
                    "clusters that ask for a user are not supported yet.",
                )
        self.refusals.raise_if_any()

    def _set_proxies_apart(self, members: t.Optional[t.Sequence[Member]]) -> None:
        """The first hosts of the inventory are the members of a bootstrap; afterwards the membership decides."""
        if not self.options.size:
            return
        assigned = self._assign(members or ())
        voters = len([member for member in members or () if not member.is_learner])
        blank = [
            wish for wish in self.desired if wish.host not in assigned and condition(self.seen[wish.host]) == "blank"
        ]
        free = self.options.size - (voters if members is not None else len(self.desired) - len(blank))
        self.proxies = tuple(wish.host for wish in blank[max(free, 0) :])
        self.desired = tuple(wish for wish in self.desired if wish.host not in self.proxies)
        if self.proxies:
            self.notes.append(f"proxies {', '.join(self.proxies)}")

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
        self.desired = tuple(wish for wish in self.desired if wish.name not in self.options.remove)
        if not self.desired:
            self.notes.append("every host is in etcd_remove_members")
            return self._made("nothing", ())
        self._all_must_be_observed("a bootstrap")
        token = self.options.token or self._begun_token() or fresh_token(self.options.cluster, self.seen)
        used = [
            wish.host
            for wish in self.desired
            if token in [(self.seen[wish.host].files.bootstrap or {}).get(key) for key in _TOKENS]
        ]
        if used and self.options.token:
            self.warnings.append(
                f"etcd_bootstrap_token {token} was used before on {', '.join(used)}: if a disk of that attempt comes "
                "back later, it damages the new cluster. Leave the variable empty to get a new token each time"
            )
        steps = []
        for wish in self.desired:
            # Of a token that a service makes, or that is a part of a URL, IDs are not known yet.
            known = wish.bootstrap != "discovery" or wish.discovery == "v3"
            step = self._step(
                wish,
                "bootstrap",
                "first start",
                bootstrap=self._first_environment(wish, token),
                member_id=member_id(wish.peer_urls, token) if known else "",
            )
            steps.append(dataclasses.replace(step, token=token if wish.bootstrap == "discovery" else ""))
        self.notes.append(f"token {token}")
        return self._made("bootstrap", (Turn(tuple(steps), "first start of a new cluster"),))

    def _first_environment(self, wish: Desired, token: str) -> t.Dict[str, str]:
        """What a first start reads. An empty ``ETCD_INITIAL_CLUSTER`` counts as unset: there is one source only."""
        if wish.bootstrap == "static":
            return self._bootstrap_environment(token)
        environment = {"ETCD_INITIAL_CLUSTER": "", "ETCD_INITIAL_CLUSTER_STATE": "new", **wish.first_start}
        return environment if wish.bootstrap == "discovery" else {**environment, "ETCD_INITIAL_CLUSTER_TOKEN": token}

    def _begun_token(self) -> str:
        """Of a first start under way: what was started just now, and has no data yet, will have it any moment."""
        for wish in self.desired:
            seen = self.seen[wish.host]
            environment = seen.process.environment if seen.process is not None else seen.files.bootstrap or {}
            if seen.process is not None or seen.service.state not in ("inactive", "failed"):
                token = environment.get("ETCD_INITIAL_CLUSTER_TOKEN", "")
                if token:
                    return token
        return ""

    def _bootstrap_environment(self, token: str) -> t.Dict[str, str]:
        return {
            "ETCD_INITIAL_CLUSTER": initial_cluster((wish.name, wish.peer_urls) for wish in self.desired),
            "ETCD_INITIAL_CLUSTER_STATE": "new",
            "ETCD_INITIAL_CLUSTER_TOKEN": token,
        }

    def _last_index(self, wish: Desired) -> float:
        index = self.seen[wish.host].data.last_index
        return float("inf") if index is None else index

    def _only_waited(self, wish: Desired) -> bool:
        """Its log may hold no more than the entries every new log begins with: one for each member."""
        seen = self.seen[wish.host]
        count = len(parse_initial_cluster((seen.files.bootstrap or {}).get("ETCD_INITIAL_CLUSTER", "")))
        return condition(seen) == "waiting" and self._last_index(wish) <= max(count, len(self.desired))

    def _tokens(self) -> t.List[str]:
        """Those that a bootstrap of these hosts may have had. A killed run may have left several."""
        found = [self.options.token]
        for wish in self.desired:
            seen = self.seen[wish.host]
            environments = (seen.files.bootstrap or {}, seen.process.environment if seen.process else {})
            found += [environment.get(key, "") for environment in environments for key in _TOKENS]
        return [token for token in dict.fromkeys(found) if token]

    def _common_token(self, with_data: t.Sequence[Desired]) -> t.Optional[str]:
        """The token that, with the peer URLs wished, makes exactly the IDs that all data has."""
        for token in self._tokens():
            ids = {wish.host: member_id(wish.peer_urls, token) for wish in self.desired}
            cluster = cluster_id(ids.values())
            data = {wish.host: self.seen[wish.host].data for wish in with_data}
            if all(one.cluster_id == cluster and one.member_id == ids[host] for host, one in data.items()):
                return token
        return None

    def _refuse_other_bootstrap(self, with_data: t.Sequence[Desired]) -> None:
        urls = [wish.peer_urls for wish in self.desired]
        made = {cluster_id(member_id(one, token) for one in urls): token for token in self._tokens()}
        for wish in with_data:
            data = self.seen[wish.host].data
            self.refusals.add(
                f"{wish.host} has data in {data.path} of a first start that was not finished, and it does not fit: it "
                f"is member {data.member_id} of cluster {data.cluster_id}"
                + (f" (token {made[data.cluster_id]})" if data.cluster_id in made else ""),
                "Put the hosts, etcd_address, etcd_peer_port and etcd_bootstrap_token back to what they were when it "
                "began and run again. Where that is not wanted, and nothing was ever written to that cluster, stop "
                "the service on the hosts that do not fit and move the data directories aside (mv DIRECTORY "
                "DIRECTORY.aside).",
            )
        self.refusals.raise_if_any()

    def _resume(self, with_data: t.Sequence[Desired], token: str) -> Plan:
        """No quorum can have been reached: every log is one that only waited for others to come."""
        self._version_rules(with_data)
        for wish in with_data:
            self._refuse_moved_data(wish)
        self.refusals.raise_if_any()
        environment = self._bootstrap_environment(token)
        steps = []
        for wish in self.desired:
            seen = self.seen[wish.host]
            action, reason = "bootstrap", "its first start was interrupted"
            if seen.data.initialised:
                action = "start"
                if seen.process is not None:
                    reason = "runs with other settings" if pending(wish, seen) else "waits for the others"
            identifier = member_id(wish.peer_urls, token)
            steps.append(self._step(wish, action, reason, bootstrap=environment, member_id=identifier))
        self.notes.append(f"token {token}")
        return self._made("resume", (Turn(tuple(steps), "an interrupted bootstrap goes on"),))

    def _cold_start(self, with_data: t.Sequence[Desired]) -> Plan:
        if self.options.remove or self.options.replace:
            self.warnings.append("no member is removed or replaced before the cluster has quorum: run again then")
        needed = quorum(len(self.desired) + len(self.absent))
        self._one_cluster(with_data)
        for wish in with_data:
            self._refuse_moved_data(wish)
            self._refuse_moved_peer_urls(wish)
        self.refusals.raise_if_any()
        if len(with_data) < needed:
            return self._start_alone(with_data, needed)
        self._version_rules(with_data)
        self.refusals.raise_if_any()
        for wish in self.desired:
            if wish not in with_data:
                self.warnings.append(f"{self._story(wish)}; it stays down until the others serve")
        self._warn_of_absent()
        # A log that may be that of a disk lost and made anew must not vote before one that knows what was written: with
        # no more than a quorum up, each of them is needed, and the longest log leads.
        known = [wish for wish in with_data if not self._only_waited(wish)]
        short = [wish for wish in with_data if wish not in known]
        short.sort(key=lambda wish: self.seen[wish.host].process is None)
        fill = max(needed - len(known), 0)
        first = {wish.host for wish in [*known, *short[:fill]]}
        # Whoever runs is not stopped for its settings while starting others may be all that is needed.
        down = {wish.host for wish in with_data if self.seen[wish.host].process is None}
        kept = {wish.host for wish in with_data if down and self._differs(wish)}
        for wish in with_data:
            if wish.host in kept:
                self.warnings.append(f"{wish.host} runs with other settings: run again once there is quorum")
        turns = []
        for hosts, reason in (
            (first - kept, "no quorum: those that have data, together"),
            ({wish.host for wish in with_data} - first - kept, "the rest follows what the others know"),
        ):
            steps = tuple(self._cold_step(wish) for wish in with_data if wish.host in hosts)
            turns += [Turn(steps, reason)] if steps else []
        return self._made("cold-start", tuple(turns))

    def _cold_step(self, wish: Desired) -> Step:
        seen = self.seen[wish.host]
        if seen.process is None:
            reason = "is down, and the cluster has no quorum"
        elif pending(wish, seen):
            reason = "runs with other settings, and the cluster has no quorum"
        else:
            reason = "runs, and waits for quorum"
        return self._step(wish, "start", reason, member_id=seen.data.member_id)

    def _start_alone(self, with_data: t.Sequence[Desired], needed: int) -> Plan:
        """Less data than a quorum was seen. Where hosts are absent, they may be the quorum; else there is none."""
        down = [wish for wish in with_data if self.seen[wish.host].process is None and not self._only_waited(wish)]
        without = [wish for wish in self.desired if wish not in with_data]
        if self.absent and down and not without and len(with_data) + len(self.absent) >= needed:
            self._version_rules(down)
            self.refusals.raise_if_any()
            self._warn_of_absent()
            steps = tuple(self._cold_step(wish) for wish in down)
            reason = "no member that serves could be asked: what is down is started"
            return self._made("cold-start", (Turn(steps, reason),))
        for wish in without:
            self.refusals.add(self._story(wish), "")
        for wish in with_data:
            state = "is down" if self.seen[wish.host].process is None else "runs without quorum"
            self.refusals.add(f"{wish.host} ({wish.name}) has its data and {state}", "")
        for missing in self.absent:
            self.refusals.add(
                f"{missing.host} {missing.why}",
                "Bring the absent hosts back, run without --limit or serial, and run again.",
            )
        self.refusals.add(
            f"no member that was asked has quorum, and only {len(with_data)} of {len(self.desired) + len(self.absent)} "
            f"members are known to have their data; {needed} are needed",
            "Bring back the disks that are missing and run again (hosts that never were members: take them out of the "
            "inventory meanwhile). If the disks are gone for good, restore a snapshot, or recover from the data that "
            "is left.",
        )
        self.refusals.raise_if_any()
        return self._made("nothing", ())

    def _one_cluster(self, with_data: t.Sequence[Desired]) -> None:
        clusters: t.Dict[str, t.List[str]] = {}
        for wish in with_data:
            clusters.setdefault(self.seen[wish.host].data.cluster_id, []).append(wish.host)
        if len(clusters) > 1:
            told = "; ".join(f"{', '.join(hosts)}: {cluster}" for cluster, hosts in clusters.items())
            self.refusals.add(
                f"the data directories are of different clusters ({told})",
                "Stop the service where the data does not belong here and move the directory aside (mv DIRECTORY "
                "DIRECTORY.aside); nothing is chosen for you.",
            )

    def _story(self, wish: Desired) -> str:
        seen = self.seen[wish.host]
        place = f"{seen.data.path} is {_STATES.get(seen.data.state, seen.data.state)}"
        if condition(seen) == "lost":
            return f"{wish.host} ({wish.name}) has lost its data: {place}"
        return f"{wish.host} ({wish.name}) never finished its first start, or has lost everything: {place}"

    def _refuse_lost(self, wish: Desired, member: Member) -> None:
        self.refusals.add(
            f"{self._story(wish)}. It is listed as member {member.id} and was started before, so it is never started "
            "empty under its old identity",
            f"If the disk of {wish.host} can be brought back, do so and run again. If not, have the member replaced by "
            f"a new one: -e etcd_replace_members={wish.name}.",
        )

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

    def _refuse_moved_peer_urls(self, wish: Desired) -> None:
        """Without quorum nobody says how a member is listed; what it was last run with does."""
        before = (self.seen[wish.host].files.environment or {}).get("ETCD_INITIAL_ADVERTISE_PEER_URLS")
        if before is not None and set(before.split(",")) != set(wish.peer_urls):
            self.refusals.add(
                f"{wish.host} was set up with peer URL {before}, and {','.join(wish.peer_urls)} is wished; the "
                "cluster has no quorum that could agree to a change",
                "Put etcd_address and etcd_peer_port back until the cluster serves.",
            )

    # --- the cluster has quorum -----------------------------------------------------------------------------------

    def _converge(self, members: t.Tuple[Member, ...]) -> Plan:
        everyone = self.desired
        listed = self._listed(members)
        self.desired = tuple(wish for wish in everyone if wish.name not in self.options.remove)
        leaving = tuple(wish for wish in everyone if wish.name in self.options.remove)
        first: t.List[Step] = []
        updates: t.List[Step] = []
        joins: t.List[Step] = []
        restarts: t.List[t.Tuple[Desired, Member]] = []
        sick: t.List[Desired] = []
        for wish in self.desired:
            member = listed.get(wish.host)
            join = self._join(wish, member)
            if join is not None:
                joins.append(join)
                continue
            if member is None:
                continue
            step = self._member_step(wish, member, members)
            if step is not None:
                (updates if step.move and step.action == "settle" else first).append(step)
            elif self._differs(wish):
                restarts.append((wish, member))
            elif self.seen[wish.host].process is not None and not self._healthy(wish.host):
                sick.append(wish)
        self._version_rules([wish for wish in self.desired if wish.host in listed])
        self._joining_versions(joins)
        dead, healthy = self._removals(members, leaving, listed)
        self._others(members, listed)
        self.refusals.raise_if_any()
        helped = {step.host for step in first}
        later, after = self._after(members, listed, dead, joins)
        turns, refusals = self._restart_turns(restarts, later, after, helped | {step.host for step in joins})
        if refusals and sick:
            # With those that are not healthy now, it would do.
            first += self._waits(sick, listed)
            helped |= {wish.host for wish in sick}
            sick = []
            turns, refusals = self._restart_turns(restarts, later, after, helped | {step.host for step in joins})
        for reason, remedy in refusals:
            self.refusals.add(reason, remedy)
        self.refusals.raise_if_any()
        turns = [
            *([Turn(tuple(first), "nothing that serves is stopped")] if first else []),
            *(Turn((step,), "a dead member leaves") for step in dead),
            *(Turn((step,), "one member at a time") for step in joins),
            *(Turn((step,), "one member at a time") for step in updates),
            *turns,
            *(Turn((step,), "a member leaves") for step in healthy),
        ]
        if sick:
            turns.append(Turn(tuple(self._waits(sick, listed)), "until all are healthy"))
        return self._made("converge" if turns else "nothing", tuple(turns))

    def _after(
        self,
        members: t.Sequence[Member],
        listed: t.Mapping[str, Member],
        dead: t.Sequence[Step],
        joins: t.Sequence[Step],
    ) -> t.Tuple[t.Dict[str, Member], t.Tuple[Member, ...]]:
        """Who is listed once the dead have left and the new have joined."""
        gone = {step.remove for step in [*dead, *joins]}
        new = {
            step.host: Member(f"new:{step.host}", wish.name, wish.peer_urls, wish.client_urls)
            for step in joins
            for wish in self.desired
            if wish.host == step.host
        }
        stay = {host: member for host, member in listed.items() if member.id not in gone}
        return {**stay, **new}, (*(one for one in members if one.id not in gone), *new.values())

    # --- members come and go ---

    def _join(self, wish: Desired, member: t.Optional[Member]) -> t.Optional[Step]:
        """The step of a host that is to become a member, or a new one in place of what it was; ``None`` if it is not.

        Whatever a host was, it joins blank: under a new identity, with no data.
        """
        seen = self.seen[wish.host]
        state = condition(seen)
        named = wish.name in self.options.replace
        if member is None:
            if not named and (seen.data.initialised or state == "lost"):
                self._refuse_unlisted(wish)
                return None
            retire = state not in ("blank", "waiting") or seen.process is not None or seen.data.initialised
            return self._joining(wish, "is not a member yet", retire=retire)
        intact = seen.data.initialised and seen.data.member_id == member.id and not seen.data.problem
        if named and intact:
            self.notes.append(f"{wish.name} (etcd_replace_members) has its data and is not replaced")
            return None
        if named and (member.started or seen.data.initialised or state == "lost"):
            return self._joining(wish, "is replaced by a new member", remove=member.id, retire=True)
        # A learner has no vote that could be lost.
        if member.is_learner and member.started and state == "waiting" and not seen.data.initialised:
            return self._joining(wish, "lost its data before it was a voter", remove=member.id, retire=True)
        return None

    def _joining(self, wish: Desired, reason: str, *, remove: str = "", retire: bool = False) -> Step:
        voter = self._promotion_forgotten()
        step = self._step(wish, "join", reason)
        return dataclasses.replace(
            step, remove=remove, retire=retire, add="voter" if voter else "learner", promote=not voter
        )

    def _promotion_forgotten(self) -> bool:
        """Whether a member runs a version that must not promote learners."""
        versions = [running_version(self.seen[wish.host]) for wish in self.desired if self._healthy(wish.host)]
        return any(version is not None and version < PROMOTES for version in versions)

    def _joining_versions(self, joins: t.Sequence[Step]) -> None:
        cluster = self._cluster_version()
        if cluster is None:
            return
        for wish in self.desired:
            if wish.host not in {step.host for step in joins}:
                continue
            after = Version.parse(wish.version)
            if not (cluster.major, cluster.minor) <= (after.major, after.minor) <= (cluster.major, cluster.minor + 1):
                self.refusals.add(
                    f"{wish.host} is to join with {after}, and the cluster is at {cluster.line}",
                    f"Set its etcd_version to a release of {cluster.line} first.",
                )

    def _removals(
        self, members: t.Sequence[Member], leaving: t.Sequence[Desired], listed: t.Mapping[str, Member]
    ) -> t.Tuple[t.List[Step], t.List[Step]]:
        """The steps of those that were named to leave: of members that are not healthy, and of the others.

        Where the member's own host is not at hand, another one has the member removed.
        """
        dead: t.List[Step] = []
        healthy: t.List[Step] = []
        hosts = {listed[wish.host].id: wish for wish in leaving if wish.host in listed}
        going = [one for one in members if one.name in self.options.remove or one.id in hosts]
        known = {one.name for one in going} | {hosts[one.id].name for one in going if one.id in hosts}
        self.notes += [
            f"{name} (etcd_remove_members) is not a member" for name in self.options.remove if name not in known
        ]
        self._can_leave(members, going, listed)
        helper = next((wish for wish in self.desired if self._healthy(wish.host)), None)
        for member in going:
            host = hosts.get(member.id)
            if host is not None:
                step = Step(
                    host.host, "remove", "leaves the cluster", member_id=member.id, remove=member.id, retire=True
                )
                (healthy if self._healthy(host.host) else dead).append(step)
            elif helper is not None:
                reason = f"has {member.label} removed, whose host is not at hand"
                dead.append(Step(helper.host, "remove", reason, remove=member.id))
        for wish in leaving:
            seen = self.seen[wish.host]
            left = seen.process is not None or seen.data.initialised or seen.files.environment is not None
            if wish.host not in listed and left:
                healthy.append(Step(wish.host, "remove", "is not a member any more", retire=True))
        return dead, healthy

    def _can_leave(
        self, members: t.Sequence[Member], going: t.Sequence[Member], listed: t.Mapping[str, Member]
    ) -> None:
        gone = {member.id for member in going if not member.is_learner}
        stay = [member for member in members if not member.is_learner and member.id not in gone]
        down = {member.id for host, member in listed.items() if not self._healthy(host)}
        up = [member for member in stay if member.id not in down]
        if gone and (not stay or len(up) < quorum(len(stay))):
            names = ", ".join(member.label for member in going)
            self.refusals.add(
                f"{names} cannot leave: of the {len(stay)} voters that would stay, {len(up)} are healthy",
                "Bring the others back first, or name fewer members in etcd_remove_members.",
            )

    def _listed(self, members: t.Sequence[Member]) -> t.Dict[str, Member]:
        """The members that hosts are, by host; refused where that is not clear."""
        assigned = self._assign(members)
        owners: t.Dict[str, str] = {}
        for wish in self.desired:
            member = assigned.get(wish.host)
            if member is None:
                continue
            if member.id in owners:
                self.refusals.add(
                    f"{owners[member.id]} and {wish.host} both have the data of member {member.label} ({member.id}): "
                    "one is a copy, and only one may ever run",
                    f"Stop the service on the host that has the copy and {_aside(self.seen[wish.host])} there.",
                )
            else:
                owners[member.id] = wish.host
        return {host: member for host, member in assigned.items() if owners.get(member.id) == host}

    def _member_step(self, wish: Desired, member: Member, members: t.Sequence[Member]) -> t.Optional[Step]:
        """The step of a listed member that stops nothing; ``None`` if there is none, or it needs a restart."""
        seen = self.seen[wish.host]
        if not seen.data.initialised and not member.started and set(member.peer_urls) == set(wish.peer_urls):
            return self._finish(wish, member, members)
        if self._refuse_member(wish, member):
            return None
        moves = set(member.peer_urls) != set(wish.peer_urls)
        if seen.process is None or member.is_learner:
            action = "restart" if self._differs(wish) else "start"
            reason = "is down" if seen.process is None else "is a learner yet"
            # With its data it needs nothing of a first start, and without DNS that could keep it from starting.
            by_dns = "ETCD_DISCOVERY_SRV" in (seen.files.bootstrap or {})
            first: t.Optional[t.Dict[str, str]] = {} if by_dns and seen.data.initialised else None
            step = self._step(wish, action, reason, bootstrap=first, member_id=member.id, gated=action == "restart")
            return dataclasses.replace(step, move=moves, promote=member.is_learner)
        return None if self._differs(wish) else self._settling(wish, member, moves=moves)

    def _settling(self, wish: Desired, member: Member, *, moves: bool) -> t.Optional[Step]:
        """The step of a member that runs as wished and is otherwise not yet as it should be."""
        seen = self.seen[wish.host]
        if moves:
            step = self._step(wish, "settle", "is listed with other peer URLs", member_id=member.id)
            return dataclasses.replace(step, move=True)
        unformed = seen.files.bootstrap is not None
        if unformed and not (member.started and self._healthy(wish.host)):
            return self._step(wish, "start", "runs, and has not formed yet", member_id=member.id)
        changes = drift(wish, seen)
        if self._healthy(wish.host) and (unformed or seen.files.former or changes):
            reason = "has formed" if unformed else "only files differ"
            return self._step(wish, "settle", reason, changes=changes, member_id=member.id)
        return None

    def _refuse_member(self, wish: Desired, member: Member) -> bool:
        """Whether a listed member cannot be touched: it is not what the list says, or was not wished so."""
        seen = self.seen[wish.host]
        if not seen.data.initialised:
            self._refuse_lost(wish, member)
            return True
        if seen.data.member_id != member.id:
            self.refusals.add(
                f"{wish.host} has the data of member {seen.data.member_id} of cluster {seen.data.cluster_id} in "
                f"{seen.data.path}, but the cluster lists {wish.name} as {member.id}: a removed member's, or another "
                "cluster's",
                f"Stop the service on {wish.host} and {_aside(seen)}, then run again.",
            )
            return True
        return self._refuse_moved_data(wish)

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
        return dataclasses.replace(step, promote=member.is_learner)

    def _waits(self, wishes: t.Sequence[Desired], listed: t.Mapping[str, Member]) -> t.List[Step]:
        steps = []
        for wish in wishes:
            local = self.seen[wish.host].local
            why = f" ({local.problem.rstrip('.')})" if local is not None and local.problem else ""
            reason = f"runs as wished, and is not healthy{why}"
            steps.append(self._step(wish, "start", reason, member_id=listed[wish.host].id))
        return steps

    def _refuse_unlisted(self, wish: Desired) -> None:
        seen = self.seen[wish.host]
        remedy = (
            f"If {wish.host} shall join as a new member, name it: etcd_replace_members={wish.name}. What is there is "
            "moved aside."
        )
        if seen.data.initialised:
            self.refusals.add(
                f"{wish.host} is not a member, but has data in {seen.data.path} (member {seen.data.member_id} of "
                f"cluster {seen.data.cluster_id}): a removed member's, or another cluster's",
                remedy,
            )
        else:
            self.refusals.add(f"{wish.host} is not a member any more, and its data is lost ({seen.data.path})", remedy)

    def _others(self, members: t.Sequence[Member], listed: t.Mapping[str, Member]) -> None:
        known = {member.id for member in listed.values()}
        absent = {missing.name for missing in self.absent}
        for member in members:
            if member.id not in known and member.name not in absent and member.name not in self.options.remove:
                self.warnings.append(
                    f"member {member.label} ({member.id}, {', '.join(member.peer_urls)}) is listed and not in the "
                    "inventory; it is left alone"
                )
        self._warn_of_absent()

    def _warn_of_absent(self) -> None:
        self.warnings += [f"{missing.host} {missing.why}: nothing is done there" for missing in self.absent]

    def _version_rules(self, wishes: t.Sequence[Desired]) -> None:
        cluster = self._cluster_version()
        for wish in wishes:
            seen = self.seen[wish.host]
            running, after = running_version(seen), Version.parse(wish.version)
            if running is None or running == after or not seen.data.initialised:
                continue
            fault, remedy = version_fault(running, after, cluster)
            if fault:
                self.refusals.add(f"{wish.host}: {fault}", remedy)
            elif (running.line, after.line) == ("3.6", "3.7") and seen.data.snapshot_index is None:
                self.refusals.add(
                    f"{wish.host}: 3.7 may only follow a raft snapshot taken by 3.6, and {seen.data.path} has none; "
                    "3.7 does not read what 3.5 and older wrote to the log",
                    f"First keep etcd_version at {running}, set snapshot-count in etcd_settings to 100, run, and let "
                    "clients write more than that many times.",
                )

    def _cluster_version(self) -> t.Optional[Version]:
        found = []
        for wish in self.desired:
            local = self.seen[wish.host].local
            if local is not None and local.healthy and local.versions is not None:
                found.append(Version.parse_or_none(local.versions.cluster))
        known = [version for version in found if version is not None]
        return max(known) if known else None

    def _restart_turns(
        self,
        restarts: t.Sequence[t.Tuple[Desired, Member]],
        listed: t.Mapping[str, Member],
        members: t.Sequence[Member],
        helped: t.AbstractSet[str],
    ) -> t.Tuple[t.List[Turn], t.List[t.Tuple[str, str]]]:
        """One at a time: those that do not serve, then followers, then the leader. And what cannot be spared."""
        leader = self._leader()
        ordered = sorted(restarts, key=lambda pair: (self._healthy(pair[0].host), pair[1].id == leader))
        doing = {member.id for _wish, member in ordered}
        settled = [
            member.name
            for host, member in listed.items()
            if member.id not in doing and not member.is_learner and (self._healthy(host) or host in helped)
        ]
        # Whoever is absent may be healthy: the gate itself will ask it.
        presumed = {member.id for member in members} - {
            member.id for host, member in listed.items() if not self._healthy(host) and host not in helped
        }
        turns: t.List[Turn] = []
        refusals: t.List[t.Tuple[str, str]] = []
        downtime = []
        for wish, member in ordered:
            healthy = self._healthy(wish.host)
            verdict = gate(
                members, presumed, member.id, self_healthy=healthy, allow_downtime=self.options.allow_downtime
            )
            if not verdict.passes:
                refusals.append(
                    (
                        f"{wish.host} must be restarted, and the cluster cannot spare it: {verdict.reason}",
                        ("Bring the other members back first, or set" if sparable(members, member.id) else "Set")
                        + " etcd_allow_downtime to true: writes then stop until it is back.",
                    )
                )
                continue
            if verdict.downtime:
                downtime.append(f"writes stop while {wish.host} restarts: {verdict.reason}")
            reason = "runs with other settings"
            if member.id == leader and len(ordered) > 1:
                reason += "; leads, so it comes last"
            elif not healthy:
                reason += ", and is not healthy"
            step = self._step(wish, "restart", reason, member_id=member.id, gated=True, handover=tuple(settled))
            step = dataclasses.replace(step, move=set(member.peer_urls) != set(wish.peer_urls))
            turns.append(Turn((step,), "writes stop meanwhile" if verdict.downtime else "the cluster can spare it"))
            settled = [*settled, wish.name]
            presumed = presumed | {member.id}
        if not refusals:
            self.warnings += downtime
        return turns, refusals

    # --- small questions ------------------------------------------------------------------------------------------

    def _differs(self, wish: Desired) -> bool:
        return bool(pending(wish, self.seen[wish.host]))

    def _healthy(self, host: str) -> bool:
        local = self.seen[host].local
        return local is not None and local.healthy

    def _leader(self) -> str:
        """As the one says who is furthest: after an election others may still name the former leader."""
        locals_ = [self.seen[wish.host].local for wish in self.desired]
        statuses = [local.status for local in locals_ if local is not None and local.status is not None]
        return max(statuses, key=lambda status: status.raft_term).leader_id if statuses else ""

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
        return Plan(
            self.options.cluster,
            kind,
            turns,
            notes=tuple(self.notes),
            warnings=tuple(self.warnings),
            proxies=self.proxies,
        )


def _directory(path: str) -> str:
    return path.rpartition("/")[0]


def _aside(seen: HostSeen) -> str:
    return f"move the directory aside (mv {seen.data.path} {seen.data.path}.aside)"


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
    "pending",
    "plan",
    "running_version",
    "version_fault",
)

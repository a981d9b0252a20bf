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


@dataclasses.dataclass
class _Work:
    """What is to be done in a cluster that has quorum, before it is put in order.

    ``first`` stops nothing. ``updates`` change peer URLs alone. ``dead`` leave before anybody joins, ``leaving`` last.
    ``sick`` run as wished and do not serve.
    """

    first: t.List[Step] = dataclasses.field(default_factory=list)
    dead: t.List[Step] = dataclasses.field(default_factory=list)
    joins: t.List[Step] = dataclasses.field(default_factory=list)
    updates: t.List[Step] = dataclasses.field(default_factory=list)
    restarts: t.List[t.Tuple[Desired, Member]] = dataclasses.field(default_factory=list)
    leaving: t.List[Step] = dataclasses.field(default_factory=list)
    sick: t.List[Desired] = dataclasses.field(default_factory=list)


class _Ledger:
    """The members, and who of them serves, as the turns go on; and what etcd would refuse on the way.

    Who was not looked at is taken to serve: the gate asks it when it comes to that.
    """

    def __init__(self, members: t.Sequence[Member], down: t.Sequence[str]) -> None:
        self.members = {member.id: member for member in members}
        self.up = {member.id for member in members} - set(down)
        self.refusals: t.List[t.Tuple[str, str]] = []

    def refuse(self, reason: str, remedy: str) -> None:
        self.refusals.append((reason, remedy))

    def voters(self) -> t.List[Member]:
        return [member for member in self.members.values() if not member.is_learner]

    def serve(self, identifier: str, *, promoted: bool = False) -> None:
        self.up.add(identifier)
        if promoted:
            self.members[identifier] = dataclasses.replace(self.members[identifier], is_learner=False)

    def leave(self, identifier: str, *, word: str = "leave") -> None:
        """Nobody leaves, if ``identifier`` is empty."""
        member = self.members.pop(identifier, None)
        if member is None or member.is_learner:
            return
        others = self.voters()
        healthy = sum(other.id in self.up for other in others)
        if not others:
            self.refuse(
                f"{member.label} cannot {word}: it is the only voter, and the cluster would be gone",
                "Let other members join first. To end a cluster, stop its servers.",
            )
        elif healthy < quorum(len(others)):
            self.refuse(
                f"{member.label} cannot {word}: of the {len(others)} voters that would stay, {healthy} are healthy",
                "Bring the others back first, or name fewer members.",
            )

    def join(self, new: Member) -> None:
        """etcd asks for a quorum of one more voter than there are, unless there is one alone."""
        voters = self.voters()
        down = [member.label for member in voters if member.id not in self.up]
        if len(voters) > 1 and len(voters) - len(down) < quorum(len(voters) + 1):
            self.refuse(
                f"{new.label} cannot join: etcd adds no member to {len(voters)} voters of which not healthy are "
                + ", ".join(down),
                "Bring the others back first, or have them replaced or removed by name.",
            )
        self.members[new.id] = new
        self.up.add(new.id)


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
        self._unusable(but=(*self.options.replace, *self.options.remove))
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
        for missing in self.absent:
            if missing.name in self.options.replace:
                self.warnings.append(
                    f"{missing.name} (etcd_replace_members) is not replaced, since its host is not at hand; "
                    "etcd_remove_members takes a member out without it"
                )
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
        """Data that cannot be read, or that is not ours to start; ``but`` that of members who are to go.

        What only root can read says nothing of the disk: without its rights nobody counts as lost. Nor does who serves.
        """
        for wish in self.desired:
            seen = self.seen[wish.host]
            told = seen.data.problem and (seen.system.uid or self._healthy(wish.host))
            if wish.name in but and not told:
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
        blank = [
            wish for wish in self.desired if wish.host not in assigned and condition(self.seen[wish.host]) == "blank"
        ]
        free = self.options.size - (len(members) if members is not None else len(self.desired) - len(blank))
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
        listed = self._listed(members)
        leaving = [wish for wish in self.desired if wish.name in self.options.remove]
        self.desired = tuple(wish for wish in self.desired if wish not in leaving)
        work = _Work()
        for wish in self.desired:
            self._sort(wish, listed.get(wish.host), members, work)
        joining = {step.host for step in work.joins}
        self._version_rules([wish for wish in self.desired if wish.host in listed and wish.host not in joining])
        self._joining_versions(joining)
        self._removals(members, leaving, listed, work)
        self._room(members, listed, work)
        self._others(members, listed)
        self.refusals.raise_if_any()
        warnings = len(self.warnings)
        turns, refusals = self._turns(members, listed, work)
        if refusals and work.sick:
            # With those that are not healthy now, it may do.
            del self.warnings[warnings:]
            work.first += self._waits(work.sick, listed)
            work.sick = []
            turns, refusals = self._turns(members, listed, work)
        for reason, remedy in refusals:
            self.refusals.add(reason, remedy)
        self.refusals.raise_if_any()
        if work.sick:
            turns.append(Turn(tuple(self._waits(work.sick, listed)), "until all are healthy"))
        return self._made("converge" if turns else "nothing", tuple(turns))

    def _sort(self, wish: Desired, member: t.Optional[Member], members: t.Sequence[Member], work: _Work) -> None:
        """Add what is to be done for one desired host."""
        join = self._join(wish, member)
        if join is not None:
            work.joins.append(join)
            return
        if member is None:
            return
        step = self._member_step(wish, member, members)
        if step is not None:
            (work.updates if step.move and step.action == "settle" else work.first).append(step)
        elif self._differs(wish):
            work.restarts.append((wish, member))
        elif self.seen[wish.host].process is not None and not self._healthy(wish.host):
            work.sick.append(wish)

    def _turns(
        self, members: t.Sequence[Member], listed: t.Mapping[str, Member], work: _Work
    ) -> t.Tuple[t.List[Turn], t.List[t.Tuple[str, str]]]:
        """All turns in their order, and what of them the cluster cannot bear, with the remedies."""
        ledger = _Ledger(members, [member.id for host, member in listed.items() if not self._healthy(host)])
        turns = [Turn(tuple(work.first), "nothing that serves is stopped")] if work.first else []
        for step in work.first:
            ledger.serve(listed[step.host].id, promoted=step.promote)
        # What does not serve can only get better, and etcd adds no members while too much is down.
        for wish, member in work.restarts:
            if not self._healthy(wish.host):
                reason = "runs with other settings, and is not healthy"
                turns.append(Turn((self._restart(wish, member, reason),), "it does not serve"))
                ledger.serve(member.id)
        for step in work.dead:
            turns.append(Turn((step,), "a dead member leaves"))
            ledger.leave(step.remove)
        turns += self._join_turns(work, ledger)
        turns += [Turn((step,), "one member at a time") for step in work.updates]
        turns += self._restart_turns(work, ledger)
        for step in work.leaving:
            turns.append(Turn((step,), "a member leaves"))
            ledger.leave(step.remove)
        return turns, ledger.refusals

    def _join_turns(self, work: _Work, ledger: _Ledger) -> t.Iterator[Turn]:
        joins = list(work.joins)
        if len(joins) > 1:
            # Before 3.5.30 and 3.6.11 etcd adds nobody while any voter is down: all that are replaced leave first.
            for number, step in enumerate(joins):
                if step.remove:
                    leave = dataclasses.replace(step, action="remove", add="", promote=False, changes=())
                    yield Turn((leave,), "a dead member leaves")
                    ledger.leave(step.remove, word="be replaced")
                    joins[number] = dataclasses.replace(step, remove="", retire=False)
        for step in joins:
            wish = next(wish for wish in self.desired if wish.host == step.host)
            if step.remove:
                ledger.leave(step.remove, word="be replaced")
            yield Turn((step,), "one member at a time")
            ledger.join(Member(f"new:{step.host}", wish.name, wish.peer_urls, wish.client_urls))

    def _restart_turns(self, work: _Work, ledger: _Ledger) -> t.Iterator[Turn]:
        """One at a time, the leader last: it would hand over to a member that is to stop, too."""
        leader = self._leader()
        serving = [(wish, member) for wish, member in work.restarts if self._healthy(wish.host)]
        serving.sort(key=lambda pair: pair[1].id == leader)
        passing = {member.id for _wish, member in serving} | {step.member_id for step in work.leaving}
        settled = [member.name for member in ledger.voters() if member.id in ledger.up - passing]
        for wish, member in serving:
            last = member.id == leader and len(serving) > 1
            yield from self._restart_turn(wish, ledger, member, settled, last=last)
            settled = [*settled, wish.name]

    def _restart_turn(
        self, wish: Desired, ledger: _Ledger, member: Member, settled: t.Sequence[str], *, last: bool
    ) -> t.Iterator[Turn]:
        """The turn of a member that serves, if the cluster can spare it."""
        now = tuple(ledger.members.values())
        verdict = gate(now, ledger.up, member.id, self_healthy=True, allow_downtime=self.options.allow_downtime)
        if not verdict.passes:
            ledger.refuse(
                f"{wish.host} must be restarted, and the cluster cannot spare it: {verdict.reason}",
                ("Bring the other members back first, or set" if sparable(now, member.id) else "Set")
                + " etcd_allow_downtime to true: writes then stop until it is back.",
            )
            return
        if verdict.downtime:
            self.warnings.append(f"writes stop while {wish.host} restarts: {verdict.reason}")
        reason = "runs with other settings" + ("; leads, so it comes last" if last else "")
        step = self._restart(wish, member, reason, handover=tuple(settled))
        yield Turn((step,), "writes stop meanwhile" if verdict.downtime else "the cluster can spare it")

    def _restart(self, wish: Desired, member: Member, reason: str, *, handover: t.Tuple[str, ...] = ()) -> Step:
        step = self._step(wish, "restart", reason, member_id=member.id, gated=True, handover=handover)
        return dataclasses.replace(step, move=set(member.peer_urls) != set(wish.peer_urls))

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
        if named and self._replaceable(wish, member):
            return self._joining(wish, "is replaced by a new member", remove=member.id, retire=True)
        # A learner has no vote that could be lost.
        if member.is_learner and member.started and state == "waiting" and not seen.data.initialised:
            return self._joining(wish, "lost its data before it was a voter", remove=member.id, retire=True)
        return None

    def _replaceable(self, wish: Desired, member: Member) -> bool:
        """Whether a member named to be replaced still has to be: what a former run did is not done again."""
        seen = self.seen[wish.host]
        if member.is_learner and self._promotion_forgotten():
            return True
        if seen.data.initialised and seen.data.member_id == member.id and not seen.data.problem:
            self.notes.append(
                f"{wish.name} (etcd_replace_members) has the data of member {member.id} and is not replaced; to have "
                f"it done all the same, stop {wish.service} there and {_aside(seen)}"
            )
            return False
        # Added, and nothing written yet: the former run came so far.
        return member.started or seen.data.initialised or condition(seen) != "blank"

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

    def _joining_versions(self, joining: t.AbstractSet[str]) -> None:
        cluster = self._cluster_version()
        if cluster is None:
            return
        for wish in self.desired:
            if wish.host not in joining:
                continue
            after = Version.parse(wish.version)
            if not (cluster.major, cluster.minor) <= (after.major, after.minor) <= (cluster.major, cluster.minor + 1):
                self.refusals.add(
                    f"{wish.host} is to join with {after}, and the cluster is at {cluster.line}",
                    f"Set its etcd_version to a release of {cluster.line} first.",
                )

    def _removals(
        self,
        members: t.Sequence[Member],
        leaving: t.Sequence[Desired],
        listed: t.Mapping[str, Member],
        work: _Work,
    ) -> None:
        """The steps of those that were named to leave, by the name of their host, or their own, or their ID.

        Where the member's own host is not at hand, another one has the member removed.
        """
        hosts = {listed[wish.host].id: wish for wish in leaving if wish.host in listed}
        going = [member for member in members if member.id in hosts or self._is_named(member, leaving)]
        self._refuse_kept(going, listed)
        known = {one.name for one in going} | {one.id for one in going} | {wish.name for wish in hosts.values()}
        self.notes += [
            f"{name} (etcd_remove_members) is not a member" for name in self.options.remove if name not in known
        ]
        helpers = sorted([*self.desired, *leaving], key=lambda wish: not self._healthy(wish.host))
        for member in going:
            host = hosts.get(member.id)
            if host is not None:
                step = Step(
                    host.host, "remove", "leaves the cluster", member_id=member.id, remove=member.id, retire=True
                )
                (work.leaving if self._healthy(host.host) else work.dead).append(step)
            else:
                reason = f"has {member.label} removed, whose host is not at hand"
                work.dead.append(Step(helpers[0].host, "remove", reason, remove=member.id))
        for wish in leaving:
            seen = self.seen[wish.host]
            left = seen.process is not None or seen.data.initialised or seen.files.environment is not None
            if wish.host not in listed and (left or seen.files.bootstrap is not None):
                work.leaving.append(Step(wish.host, "remove", "is not a member any more", retire=True))
            self.warnings.append(
                f"{wish.host} is in the inventory: take it out, or it joins again once it is not named to leave"
            )

    def _is_named(self, member: Member, leaving: t.Sequence[Desired]) -> bool:
        """By its own name or ID. The name of a host means what that host is, and nobody else of this name."""
        named = member.name in self.options.remove and member.name not in [wish.name for wish in leaving]
        return bool(member.name and named) or member.id in self.options.remove

    def _refuse_kept(self, going: t.Sequence[Member], listed: t.Mapping[str, Member]) -> None:
        for wish in self.desired:
            member = listed.get(wish.host)
            if member in going and member is not None:
                self.refusals.add(
                    f"member {member.label} ({member.id}) is to leave (etcd_remove_members), and is {wish.host}, which "
                    f"shall stay as {wish.name}",
                    f"If it is to leave, name {wish.name} in etcd_remove_members; if only its name changes, nobody.",
                )

    def _room(self, members: t.Sequence[Member], listed: t.Mapping[str, Member], work: _Work) -> None:
        """Whether etcd takes one more learner: those left over by somebody else are in the way."""
        promoted = [listed[step.host].id for step in work.first if step.promote]
        gone = [step.remove for step in [*work.dead, *work.joins]]
        learners = [member for member in members if member.is_learner and member.id not in [*promoted, *gone]]
        running = [self.seen[wish.host].process for wish in self.desired]
        places = min([_max_learners(process.environment) for process in running if process is not None], default=1)
        if len(learners) >= places and any(step.add == "learner" for step in work.joins):
            told = ", ".join(f"{member.label} ({member.id}, {', '.join(member.peer_urls)})" for member in learners)
            self.refusals.add(
                f"no member can be added: the cluster may have {places} learner(s) and has {told}",
                "Bring its host back so that it is made a voter, or have it taken out by its ID: "
                f"-e etcd_remove_members={learners[0].id}.",
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
        promotes = member.is_learner and not self._promotion_forgotten()
        if member.is_learner and not promotes:
            self.warnings.append(
                f"{wish.name} is a learner and stays one, since a member runs a version before {PROMOTES}, which would "
                "forget that it was promoted: upgrade all, or have it added as a voter: "
                f"-e etcd_replace_members={wish.name}"
            )
        if seen.process is None or promotes:
            action = "restart" if self._differs(wish) else "start"
            reason = "is down" if seen.process is None else "is a learner yet"
            # With its data it needs nothing of a first start, and without DNS that could keep it from starting.
            by_dns = "ETCD_DISCOVERY_SRV" in (seen.files.bootstrap or {})
            first: t.Optional[t.Dict[str, str]] = {} if by_dns and seen.data.initialised else None
            step = self._step(wish, action, reason, bootstrap=first, member_id=member.id, gated=action == "restart")
            return dataclasses.replace(step, move=moves, promote=promotes)
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
        return dataclasses.replace(step, promote=member.is_learner and not self._promotion_forgotten())

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
            named = member.id in self.options.remove or member.name in self.options.remove
            if member.id not in known and member.name not in absent and not named:
                self.warnings.append(
                    f"member {member.label} ({member.id}, {', '.join(member.peer_urls)}) is listed and not in the "
                    "inventory; it is left alone (etcd_remove_members takes out who is named, by name or ID)"
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


def _max_learners(environment: t.Mapping[str, str]) -> int:
    value = environment.get("ETCD_MAX_LEARNERS") or environment.get("ETCD_EXPERIMENTAL_MAX_LEARNERS") or "1"
    return int(value) if value.isdigit() else 1


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

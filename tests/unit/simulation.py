# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of etcd that exist in memory only, and runs that carry out plans on them.

What etcd does by itself is as in etcd: IDs out of peer URLs and token, a log that begins with one entry for each
member, elections that only a log as long as a majority's can win, writes that are acknowledged once a majority has
them, a first start that asks peers whether it happened before, a fence that makes an empty member exit. So is what it
makes of its membership: one learner at a time, no change that a majority is not connected for, a removed member that
exits, a learner that panics when it comes back empty. So are its versions: the cluster's rises once all members run a
newer one, and falls by a downgrade; older servers exit, and 3.7 must not find what 3.5 wrote. Where etcd leaves
something to chance, so does this: who leads, and who lags. A member that listens elsewhere than it is listed counts as
down, though etcd might still reach it.

A run observes, plans, and carries the plan out by effects (a file written, a process started). It can be killed
before any of them. ``Broken`` is raised when a run does what no run may do.
"""

from __future__ import annotations

import copy
import dataclasses
import random
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._errors import Refused
from ansible_collections.quorum.etcd.plugins.module_utils._membership import (
    cluster_id,
    gate,
    initial_cluster,
    member_id,
    parse_initial_cluster,
    quorum,
)
from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    DataSeen,
    Desired,
    EndpointSeen,
    FilesSeen,
    HostSeen,
    Member,
    ProcessSeen,
    ReleaseSeen,
    ServiceSeen,
    Status,
    SystemSeen,
    Versions,
)
from ansible_collections.quorum.etcd.plugins.module_utils._plan import (
    Absent,
    Options,
    Plan,
    Step,
    Turn,
    condition,
    pending,
    plan,
)
from ansible_collections.quorum.etcd.plugins.module_utils._plan_versions import CANCEL

Environment = t.Dict[str, str]
RELEASES = ("3.5.18", "3.5.19", "3.5.35", "3.6.14", "3.6.16", "3.7.3")
UNIT = "[Service]\nExecStart=/etc/etcd/release/etcd\n"


class Broken(AssertionError):
    """A run did what no run may do."""


class Killed(Exception):
    """The run was killed. What it had done stays done."""


class Failed(Exception):
    """A host failed in its turn."""


# --- what is wished -----------------------------------------------------------------------------------------------


def host_name(number: int) -> str:
    return f"etcd{number}"


def peer_url(number: int) -> str:
    return f"http://10.0.0.{number}:2380"


def other_url(number: int) -> str:
    """Where its host may be moved to."""
    return f"http://10.0.1.{number}:2380"


def client_url(number: int) -> str:
    return f"http://10.0.0.{number}:2379"


def make_desired(
    number: int, *, version: str = "3.6.16", name: str = "", settings: t.Optional[Environment] = None, **more: t.Any
) -> Desired:
    """The member on the host of this number, from 1."""
    name = name or host_name(number)
    values: t.Dict[str, t.Any] = {
        "host": host_name(number),
        "name": name,
        "peer_urls": (peer_url(number),),
        "client_urls": (client_url(number),),
        "version": version,
        "release": f"/opt/etcd/{version}",
        "definition": UNIT,
        "data_dir": "/var/lib/etcd",
        "config_dir": "/etc/etcd",
        "service": "etcd",
        **more,
    }
    environment = {
        "ETCD_NAME": name,
        "ETCD_DATA_DIR": values["data_dir"],
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": ",".join(values["peer_urls"]),
        "ETCD_INITIAL_CLUSTER": ",".join(f"{name}={url}" for url in values["peer_urls"]),
        "ETCD_INITIAL_CLUSTER_STATE": "existing",
        "QUORUM_CONFIG_DIGEST": "0123456789abcdef",
        **(settings or {}),
    }
    return Desired(environment=environment, **values)


# --- hosts --------------------------------------------------------------------------------------------------------


class Entry(t.NamedTuple):
    """Of the log. ``kind``: ``member`` (of the bootstrap), ``lead``, ``publish``, ``write`` or ``change``.

    ``old``: written through the API of etcd 2.
    """

    term: int
    kind: str
    member: str = ""
    value: str = ""
    old: bool = False


@dataclasses.dataclass
class Data:
    """A data directory. ``log`` is the write-ahead log, ``term`` its hard state, the rest what the log comes to.

    ``snapshot`` is how much of the log a raft snapshot covers.
    """

    member: str
    cluster: str
    log: t.Tuple[Entry, ...]
    urls: t.Dict[str, t.Tuple[str, ...]]
    term: int = 1
    learners: t.FrozenSet[str] = frozenset()
    snapshot: int = 0

    @property
    def v2_index(self) -> int:
        old = [index for index, entry in enumerate(self.log, start=1) if entry.old and index > self.snapshot]
        return old[-1] if old else 0

    @property
    def voters(self) -> t.Set[str]:
        return set(self.urls) - self.learners

    def follow(self, other: Data) -> None:
        self.log, self.urls, self.term, self.learners = other.log, dict(other.urls), other.term, other.learners

    @property
    def reach(self) -> t.Tuple[int, int]:
        """What elections compare."""
        return (self.log[-1].term, len(self.log)) if self.log else (0, 0)


@dataclasses.dataclass
class Process:
    """``served`` says that it had a leader at some time."""

    environment: Environment
    release: str
    number: int
    served: bool = False

    @property
    def line(self) -> t.Tuple[int, int]:
        return line_of(self.release)

    @property
    def urls(self) -> t.Tuple[str, ...]:
        """Where peers reach it."""
        return tuple(self.environment["ETCD_INITIAL_ADVERTISE_PEER_URLS"].split(","))


@dataclasses.dataclass
class Former:
    environment: t.Optional[Environment]
    release: t.Optional[str]
    definition: t.Optional[str]


@dataclasses.dataclass
class Host:
    """A machine with one instance; ``data`` is ``None`` where there is none, ``scraps`` that something else is."""

    number: int
    environment: t.Optional[Environment] = None
    bootstrap: t.Optional[Environment] = None
    definition: t.Optional[str] = None
    release: t.Optional[str] = None
    former: t.Optional[Former] = None
    enabled: bool = False
    data: t.Optional[Data] = None
    scraps: bool = False
    aside: int = 0
    process: t.Optional[Process] = None
    reachable: bool = True

    @property
    def name(self) -> str:
        return host_name(self.number)


class Acknowledged(t.NamedTuple):
    cluster: str
    value: str


class World:
    """Hosts and the clusters that run on them."""

    def __init__(self, size: int, chance: random.Random) -> None:
        self.hosts = [Host(number) for number in range(1, size + 1)]
        self.chance = chance
        self.leaders: t.Dict[str, str] = {}
        self.acknowledged: t.List[Acknowledged] = []
        self.homes: t.Dict[str, int] = {}
        self.lost: t.Set[str] = set()
        self.ruined = False  # more disks were lost than a cluster survives
        self.identities = 0
        self.processes = 0
        self.writes = 0
        self.nonce = 0
        self.unsettled = False  # an election is under way when hosts are looked at
        self.versions: t.Dict[str, t.Tuple[int, int]] = {}
        self.targets: t.Dict[str, t.Tuple[int, int]] = {}

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)

    # --- etcd ---

    def group(self, cluster: str, config: t.Optional[Data] = None) -> t.List[Host]:
        """Those that run with data of this cluster; of ``config`` those that are listed there, where they listen."""
        found = [host for host in self.hosts if host.process and host.data and host.data.cluster == cluster]
        if config is None:
            return found
        return [h for h in found if h.data and h.process and config.urls.get(h.data.member) == h.process.urls]

    def leader(self, cluster: str) -> t.Optional[Host]:
        """Whoever leads now; ``None`` without quorum. Elects where there can be one and is none."""
        group = self.group(cluster)
        for host in group:
            if host.data and host.data.member == self.leaders.get(cluster) and self._has_quorum(host.data):
                return host
        self.leaders.pop(cluster, None)
        able = [host for host in group if host.data and self._can_win(host, host.data)]
        return self._elect(self.chance.choice(able)) if able else None

    def _peers(self, config: Data) -> t.List[Host]:
        return [host for host in self.group(config.cluster, config) if host.data and host.data.member in config.voters]

    def _has_quorum(self, config: Data) -> bool:
        return config.member in config.voters and len(self._peers(config)) >= quorum(len(config.voters))

    def _can_win(self, host: Host, config: Data) -> bool:
        peers = self._peers(config)
        grants = [other for other in peers if other.data and other.data.reach <= config.reach]
        return host in peers and len(grants) >= quorum(len(config.voters))

    def _elect(self, chosen: Host) -> Host:
        data = chosen.data
        if data is None:
            raise Broken("a leader without data")
        self.leaders[data.cluster] = data.member
        data.term = 1 + max(host.data.term for host in self.group(data.cluster) if host.data)
        self._append(chosen, Entry(data.term, "lead", data.member))
        for host in self.group(data.cluster, data):
            self._publish(host)
        self._verify(chosen)
        return chosen

    def _verify(self, leader: Host) -> None:
        """What was acknowledged is what the leader has; no more disks were lost than a cluster survives."""
        if leader.data is None or self.ruined:
            return
        held = {entry.value for entry in leader.data.log if entry.kind == "write"}
        lost = [one.value for one in self.acknowledged if one.value not in held]
        if lost:
            raise Broken(f"acknowledged and lost: {lost} (leader {leader.name})")

    def _append(self, leader: Host, entry: Entry, change: t.Optional[t.Callable[[Data], None]] = None) -> None:
        """To the leader and enough others; who is left out lags behind. A change counts once it is in the log."""
        data = leader.data
        if data is None:
            return
        group = [host for host in self.group(data.cluster, data) if host is not leader and host.data]
        voters = [host for host in group if host.data and host.data.member in data.voters]
        self.chance.shuffle(voters)
        must = quorum(len(data.voters)) - 1
        chosen = voters[: self.chance.randint(must, len(voters))]
        chosen += [host for host in group if host not in voters and self.chance.randint(0, 1)]
        data.log = (*data.log, entry)
        if change is not None:
            data.urls = dict(data.urls)
            change(data)
        for host in chosen:
            if host.data:
                host.data.follow(data)
        for host in self.group(data.cluster):
            if host.data and host.data.member not in data.urls:
                self.stop(host)  # it was removed, and exits

    def monitor(self, cluster: str) -> None:
        """What the leader makes of the members' versions, now and then."""
        leader = self.leader(cluster)
        if leader is None or leader.data is None:
            return
        lines = {host.data.member: host.process.line for host in self.group(cluster) if host.data and host.process}
        version = self.versions.setdefault(cluster, min(lines.values()))
        if set(leader.data.urls) - set(lines):
            return
        target = self.targets.get(cluster)
        if target is None:
            self.versions[cluster] = max(version, min(lines.values()))
        elif set(lines.values()) == {target}:
            self.targets.pop(cluster)
        else:
            self.versions[cluster] = target

    def _starts(self, release: str, data: Data) -> bool:
        """Whether a server of this version does."""
        line, version = line_of(release), self.versions.get(data.cluster)
        if line >= (3, 7) and data.v2_index:
            raise Broken("3.7 was started on a log that it cannot read")
        if version is None:
            return True
        if line > (version[0], version[1] + 1):
            raise Broken(f"{release} was started in a cluster of version {version}")
        return line >= version

    def _publish(self, host: Host) -> None:
        if host.data is None or host.process is None:
            return
        leader = self.leader(host.data.cluster)
        if leader is None or leader.data is None or host not in self.group(leader.data.cluster, leader.data):
            return
        self.homes[host.data.member] = host.number
        name, old = host.process.environment.get("ETCD_NAME", ""), host.process.line < (3, 6)
        self._append(leader, Entry(leader.data.term, "publish", host.data.member, name, old))
        self._follow(host)

    def _follow(self, host: Host) -> None:
        leader = self.leader(host.data.cluster) if host.data else None
        if host.data and leader and leader.data:
            host.data.follow(leader.data)

    def members(self, cluster: str) -> t.Optional[t.Tuple[Member, ...]]:
        leader = self.leader(cluster)
        return None if leader is None or leader.data is None else self.listing(leader.data)

    def listing(self, config: Data) -> t.Tuple[Member, ...]:
        names = {entry.member: entry.value for entry in config.log if entry.kind == "publish"}
        return tuple(
            Member(
                identifier,
                names.get(identifier, ""),
                urls,
                (client_url(self.homes[identifier]),) if identifier in names else (),
                identifier in config.learners,
            )
            for identifier, urls in sorted(config.urls.items())
        )

    def write(self) -> bool:
        """A client's write; acknowledged where there is a quorum."""
        for cluster in sorted({host.data.cluster for host in self.hosts if host.process and host.data}):
            leader = self.leader(cluster)
            if leader is not None and leader.data is not None:
                self.writes += 1
                value = f"w{self.writes}"
                self._append(leader, Entry(leader.data.term, "write", value=value))
                self.acknowledged.append(Acknowledged(cluster, value))
                return True
        return False

    # --- what etcd makes of its membership ---

    def _leads(self, cluster: str) -> t.Tuple[Host, Data]:
        leader = self.leader(cluster)
        if leader is None or leader.data is None:
            raise Failed("no leader")
        return leader, leader.data

    def _change(self, cluster: str, change: t.Callable[[Data], None]) -> None:
        leader, data = self._leads(cluster)
        self._append(leader, Entry(data.term, "change"), change)

    def add(self, cluster: str, urls: t.Tuple[str, ...], *, learner: bool) -> str:
        """:raises Failed: etcd refuses. Its new ID."""
        _leader, data = self._leads(cluster)
        for identifier, known in data.urls.items():
            if known == urls:
                return identifier
        count = len(data.voters)
        if count > 1 and len(self._peers(data)) < quorum(count + 1):
            raise Failed("unhealthy cluster")
        if learner and data.learners:
            raise Failed("too many learner members in cluster")
        self.identities += 1
        identifier = f"{0xADD000 + self.identities:x}"

        def change(config: Data) -> None:
            config.urls[identifier] = urls
            config.learners |= {identifier} if learner else set()

        self._change(cluster, change)
        return identifier

    def remove(self, cluster: str, identifier: str) -> None:
        """:raises Failed: etcd refuses."""
        _leader, data = self._leads(cluster)
        if identifier not in data.urls:
            return
        if identifier in data.voters:
            others = data.voters - {identifier}
            well = {host.data.member for host in self._peers(data) if host.data} & others
            if not others or len(well) < quorum(len(others)):
                raise Failed("unhealthy cluster")
            if self.leaders[cluster] == identifier:
                heirs = [host for host in self._peers(data) if host.data and host.data.member in well]
                for heir in heirs[:1]:
                    self._follow(heir)
                    self._elect(heir)

        def change(config: Data) -> None:
            config.urls.pop(identifier)
            config.learners -= {identifier}

        self._change(cluster, change)

    def promote(self, cluster: str, identifier: str) -> None:
        def change(config: Data) -> None:
            config.learners -= {identifier}

        _leader, data = self._leads(cluster)
        if identifier in data.learners:
            self._change(cluster, change)

    def move(self, cluster: str, identifier: str, urls: t.Tuple[str, ...]) -> None:
        def change(config: Data) -> None:
            config.urls[identifier] = urls

        _leader, data = self._leads(cluster)
        if urls in [known for other, known in data.urls.items() if other != identifier]:
            raise Failed("Peer URLs already exist")
        if data.urls.get(identifier) != urls:
            self._change(cluster, change)

    def healthy(self, host: Host) -> bool:
        """A linearizable read at this host answers; it has then caught up."""
        if host.process is None or host.data is None:
            return False
        leader = self.leader(host.data.cluster)
        if leader is None or leader.data is None or host not in self.group(leader.data.cluster, leader.data):
            return False
        self._follow(host)
        host.process.served = True
        return True

    def stop(self, host: Host) -> None:
        host.process = None
        if host.data and self.leaders.get(host.data.cluster) == host.data.member:
            self.leaders.pop(host.data.cluster)

    def start(self, host: Host) -> None:
        """What its unit does. The process stays ``None`` where etcd exits."""
        if host.environment is None or host.release is None or host.definition is None:
            return
        environment = {**host.environment, **(host.bootstrap or {})}
        if environment.get("ETCD_TRUSTED_CA_FILE"):
            return  # there is no such file
        if host.data is None:
            host.data = self._first_data(host, environment)
            if host.data is None:
                host.scraps = True
                return
            host.scraps = False
        if not self._starts(host.release, host.data):
            return
        self.processes += 1
        host.process = Process(environment, host.release, self.processes)
        leader = self.leader(host.data.cluster)
        if leader is not None and leader.data is not None:
            if host.data.member not in leader.data.urls:
                host.process = None  # it was removed
            else:
                self._publish(host)

    def _first_data(self, host: Host, environment: Environment) -> t.Optional[Data]:
        wanted = parse_initial_cluster(environment.get("ETCD_INITIAL_CLUSTER", ""))
        name = environment["ETCD_NAME"]
        own = tuple(environment["ETCD_INITIAL_ADVERTISE_PEER_URLS"].split(","))
        if wanted.get(name) != own:
            return None
        urls = set(wanted.values())
        peers = [other for other in self.hosts if other is not host and other.process and other.data]
        asked = [other for other in peers if other.process and other.process.urls in urls]
        self.chance.shuffle(asked)
        if environment["ETCD_INITIAL_CLUSTER_STATE"] == "existing":
            for other in asked[:1]:
                if other.data and set(other.data.urls.values()) == urls:
                    data = other.data
                    identifier = next(member for member, one in data.urls.items() if one == own)
                    if identifier in self.homes:
                        return None  # others know what it had, and it panics without
                    self.homes[identifier] = host.number
                    return Data(identifier, data.cluster, (), dict(data.urls), learners=data.learners)
            return None
        token = environment.get("ETCD_INITIAL_CLUSTER_TOKEN", "etcd-cluster")
        ids = {member_id(one, token): one for one in wanted.values()}
        identifier = member_id(own, token)
        for other in asked[:1]:
            if other.data and any(e.kind == "publish" and e.member == identifier for e in other.data.log):
                return None  # has already been bootstrapped
        log = tuple(Entry(1, "member", one) for one in sorted(ids))
        self.homes[identifier] = host.number
        return Data(identifier, cluster_id(ids), log, ids)

    # --- what befalls hosts ---

    def config(self) -> t.Optional[Data]:
        """What the furthest log has."""
        found = [host.data for host in self.hosts if host.data is not None]
        return max(found, key=lambda data: data.reach) if found else None

    def survives(self, host: Host) -> bool:
        """Whether the cluster still would, if this host lost its disk, too."""
        config = self.config()
        if config is None or host.data is None:
            return True
        return len((self.lost | {host.data.member}) & config.voters) <= (len(config.voters) - 1) // 2

    def wipe(self, host: Host) -> None:
        self.ruined = self.ruined or not self.survives(host)
        self.stop(host)
        if host.data is not None:
            self.lost.add(host.data.member)
        host.data = None

    # --- looking ---

    def observe(self, host: Host) -> HostSeen:
        self.nonce += 1
        data = host.data
        state = "initialised" if data else "incomplete" if host.scraps else "empty"
        process = None
        if host.process is not None:
            process = ProcessSeen(
                host.process.number, f"{host.process.release}/etcd", dict(host.process.environment), 0.0
            )
        return HostSeen(
            nonce=f"{self.nonce:016x}",
            system=make_system(host.name),
            service=ServiceSeen(
                "etcd", exists=host.definition is not None, enabled=host.enabled, main_pid=process.pid if process else 0
            ),
            files=FilesSeen(
                copy.copy(host.environment), copy.copy(host.bootstrap), host.definition, host.release, bool(host.former)
            ),
            data=DataSeen(
                "/var/lib/etcd",
                "/var/lib/etcd/member/wal",
                state,
                data.member if data else "",
                data.cluster if data else "",
                len(data.log) if data and host.bootstrap is not None else None,
                data.snapshot if data else None,
                v2_index=data.v2_index if data else None,
            ),
            releases=tuple(ReleaseSeen(f"/opt/etcd/{version}", version) for version in RELEASES),
            process=process,
            local=self._local(host) if process else None,
        )

    def _local(self, host: Host) -> EndpointSeen:
        data, process = host.data, host.process
        if data is None or process is None or self.unsettled:
            return EndpointSeen(client_url(host.number), False, "no leader")
        version = process.release.rpartition("/")[2]
        if not self.healthy(host):
            known = self.listing(data) if process.served and data.log else None
            status = Status(data.member, data.cluster, version, raft_applied_index=len(data.log))
            return EndpointSeen(client_url(host.number), False, "no leader", status=status, last_known=known)
        learner = data.member in data.learners
        if self.chance.randint(0, 1) or data.cluster not in self.versions:
            self.monitor(data.cluster)
        cluster, target = self.versions.get(data.cluster, process.line), self.targets.get(data.cluster)
        return EndpointSeen(
            client_url(host.number),
            True,
            versions=Versions(version, "{}.{}.0".format(*cluster)),
            status=Status(
                data.member,
                data.cluster,
                version,
                self.leaders[data.cluster],
                is_learner=learner,
                raft_term=data.term,
                raft_applied_index=len(data.log),
                downgrade="{}.{}.0".format(*target) if target and process.line >= (3, 6) else "",
            ),
            members=None if learner else self.members(data.cluster),
        )


def line_of(release: str) -> t.Tuple[int, int]:
    major, minor = release.rpartition("/")[2].split(".")[:2]
    return int(major), int(minor)


def make_system(name: str) -> SystemSeen:
    return SystemSeen(name, "10.0.0.1", ("10.0.0.1",), "x86_64", "Debian", "Debian", "12", "systemd")


# --- a run --------------------------------------------------------------------------------------------------------


class Run:
    """One run of the playbook on a world. ``budget`` is the number of effects after which it is killed, if it is."""

    def __init__(
        self, world: World, wishes: t.Sequence[Desired], options: Options, budget: t.Optional[int] = None
    ) -> None:
        self.world = world
        self.wishes = {wish.host: wish for wish in wishes}
        self.options = options
        self.budget = budget
        self.effects = 0
        self.failed: t.Set[str] = set()
        self.added: t.Dict[str, str] = {}
        self.joined: t.Dict[str, Environment] = {}
        self.kind = ""

    def plan(self) -> Plan:
        """:raises Refused: as the planner does."""
        world = self.world
        reachable = [wish for host, wish in self.wishes.items() if world.host(host).reachable]
        absent = [
            Absent(host, wish.name, "is unreachable") for host, wish in self.wishes.items() if wish not in reachable
        ]
        seen = {wish.host: world.observe(world.host(wish.host)) for wish in reachable}
        made = plan(reachable, seen, absent, self.options)
        self._verify(made, seen)
        return made

    def _verify(self, made: Plan, seen: t.Mapping[str, HostSeen]) -> None:
        for turn in made.turns:
            if len(turn.steps) != len({step.host for step in turn.steps}):
                raise Broken("a host acts twice in a turn")
        stops = [step.host for turn in made.turns for step in turn.steps if step.action in ("restart", "join")]
        if len(stops) != len(set(stops)):
            raise Broken("a host is stopped twice")
        if (made.kind == "nothing") != (not made.turns):
            raise Broken("nothing, with turns")
        shown = [one.local.status.downgrade for one in seen.values() if one.local and one.local.status]
        lowest = min(line_of(wish.release) for wish in self.wishes.values())
        if made.kind == "nothing" and any(target and line_of(target) < lowest for target in shown):
            raise Broken("a downgrade that nobody wishes goes on")
        if made.kind == "bootstrap" and (
            any(one.data.initialised for one in seen.values()) or len(seen) < len(self.wishes)
        ):
            raise Broken("bootstrapped over data, or without having looked everywhere")
        if made.kind == "bootstrap" and any(
            h.environment is not None and h.bootstrap is None for h in self.world.hosts if h.name in self.wishes
        ):
            raise Broken("bootstrapped over members that had formed")
        if made.kind in ("bootstrap", "resume"):
            begun = {step.member_id for turn in made.turns for step in turn.steps}
            for host in self.world.hosts:
                if host.data and host.data.member in begun and any(e.kind == "write" for e in host.data.log):
                    raise Broken("resumed over writes")

    def carry_out(self, made: Plan) -> None:
        """:raises Killed: when the budget is used up."""
        self.kind = made.kind
        for number, turn in enumerate(made.turns):
            before = {step.host for former in made.turns[:number] for step in former.steps}
            if before & self.failed:
                self.failed |= {step.host for step in turn.steps}
                continue
            self._take(turn)

    # --- the module member, and what becomes of a host that is a member no more ---

    def _cluster(self) -> str:
        """That of whoever answers."""
        for host in self.world.hosts:
            if host.data and self.world.healthy(host) and host.data.member in host.data.voters:
                return host.data.cluster
        raise Failed("no member answers")

    def _kept(self, cluster: str, what: str) -> None:
        if self.world.leader(cluster) is None:
            raise Broken(f"{what} cost the cluster its quorum")

    def _remove(self, identifier: str) -> None:
        world, cluster = self.world, self._cluster()
        member = next((one for one in world.members(cluster) or () if one.id == identifier), None)
        named = {*self.options.remove, *self.options.replace}
        if member is not None and not member.is_learner:
            home = host_name(world.homes.get(identifier, 0))
            wished = {
                wish.name for wish in self.wishes.values() if home == wish.host or member.peer_urls == wish.peer_urls
            }
            if not named & {member.id, member.name, *wished} - {""}:
                raise Broken(f"{member.label} was removed, and nobody asked for it")
        self._effect()
        world.remove(cluster, identifier)
        self._kept(cluster, "a removal")

    def _retire(self, host: Host) -> t.Iterator[None]:
        config = self.world.config()
        leader = self.world.leader(config.cluster) if config is not None else None
        if host.data and leader and leader.data and host.data.member in leader.data.urls:
            raise Broken(f"{host.name} was retired, and it is a member")
        for _effect in range(5):
            self._effect()
            if host.process is not None:
                self.world.stop(host)
            elif host.enabled:
                host.enabled = False
            elif host.data is not None or host.scraps:
                host.data, host.scraps, host.aside = None, False, host.aside + 1
            elif host.definition is not None:
                host.definition = None
            else:
                host.environment = host.bootstrap = host.release = host.former = None
            yield

    def _membership(self, step: Step, host: Host, wish: Desired) -> t.Iterator[None]:
        """What comes before the server's own part."""
        world = self.world
        if step.remove:
            self._remove(step.remove)
            yield
        if step.retire:
            yield from self._retire(host)
        if step.add:
            cluster = self._cluster()
            self._effect()
            self.added[host.name] = world.add(cluster, wish.peer_urls, learner=step.add == "learner")
            leader = world.leader(cluster)
            config = leader.data if leader else world.config()
            if config is None or (leader is None and len(config.voters) != 2):
                raise Broken("a member that was added cost the cluster its quorum")
            listed = world.listing(config)
            self.joined[host.name] = {
                "ETCD_INITIAL_CLUSTER": initial_cluster(
                    (wish.name if one.peer_urls == wish.peer_urls else one.label, one.peer_urls) for one in listed
                ),
                "ETCD_INITIAL_CLUSTER_STATE": "existing",
            }
            yield
        if step.move:
            cluster = self._cluster()
            self._spared(cluster, step.member_id)
            self._effect()
            world.move(cluster, step.member_id, wish.peer_urls)
            if not self.options.allow_downtime and len((world.config() or Data("", "", (), {})).voters) > 1:
                self._kept(cluster, "another address")
            yield

    def _spared(self, cluster: str, identifier: str) -> None:
        """As the module member does: until it listens at its new address, the others must do."""
        world = self.world
        well = {host.data.member for host in world.hosts if host.data and world.healthy(host)}
        verdict = gate(
            world.members(cluster) or (),
            well,
            identifier,
            self_healthy=identifier in well,
            allow_downtime=self.options.allow_downtime,
        )
        if not verdict.passes:
            raise Failed(verdict.reason)

    def _promote(self, step: Step) -> None:
        """Only one whose own server answers as the member that is listed."""
        host, cluster = self.world.host(step.host), self._cluster()
        if host.data is None or not self._well(host):
            raise Failed("the learner does not serve")
        self._effect()
        self.world.promote(cluster, host.data.member)
        self._kept(cluster, "a promotion")

    def _take(self, turn: Turn) -> None:
        together = len(turn.steps) > 1
        left = {step.host: self._act(step, together=together) for step in turn.steps}
        while left:
            host = self.world.chance.choice(sorted(left))
            try:
                next(left[host])
            except StopIteration:
                del left[host]
            except Failed:
                self.failed.add(host)
                del left[host]
        for step in turn.steps:
            if step.host not in self.failed and step.action != "remove":
                try:
                    self._finish(step)
                    if step.promote:
                        self._promote(step)
                except Failed:
                    self.failed.add(step.host)

    def _effect(self) -> None:
        if self.budget is not None and self.effects >= self.budget:
            raise Killed
        self.effects += 1

    # --- the module server, phases start and wait ---

    def _differs(self, host: Host, step: Step) -> bool:
        seen, wish = self.world.observe(host), self.wishes[host.name]
        if pending(wish, seen):
            return True
        first = {**wish.environment, **(step.bootstrap or {})}
        return (
            host.process is not None
            and step.action == "bootstrap"
            and host.data is None
            and host.process.environment != first
        )

    def _act(self, step: Step, *, together: bool) -> t.Iterator[None]:
        host, wish = self.world.host(step.host), self.wishes[step.host]
        yield from self._membership(step, host, wish)
        if step.action == "remove":
            return
        if step.action == "join":
            step = dataclasses.replace(
                step, action="bootstrap", member_id=self.added[host.name], bootstrap=self.joined[host.name]
            )
        yield from self._begin(step, together=together)

    def _begin(self, step: Step, *, together: bool) -> t.Iterator[None]:
        world, host, wish = self.world, self.world.host(step.host), self.wishes[step.host]
        yield
        restarts = self._differs(host, step)
        acts = host.process is None or restarts
        if host.data and step.member_id and host.data.member != step.member_id:
            raise Failed("other member's data")
        if acts and host.data is None and step.bootstrap is None and host.bootstrap is None:
            raise Failed("lost")
        if acts and step.action == "settle":
            raise Failed("not as planned")
        if host.former and host.process and not restarts and world.healthy(host):
            self._effect()
            host.former = None
        self._agree(host, step, acts=acts)
        if restarts:
            self._gate(host, step, together=together)
        if not acts:
            yield from self._write(host, wish, step)
            return
        if host.former is None:
            self._effect()
            host.former = Former(copy.copy(host.environment), host.release, host.definition)
        yield
        if host.data and host.data.snapshot < step.snapshot:
            self._snapshot(host)
            yield
        yield from self._write(host, wish, step)
        self._effect()
        self._restart(host)
        yield

    def _agree(self, host: Host, step: Step, *, acts: bool) -> None:
        """What the cluster must have agreed on before a server runs another version."""
        world, line = self.world, line_of(self.wishes[host.name].release)
        if host.data is None or not (acts or step.downgrade):
            return
        cluster = host.data.cluster
        if step.downgrade == CANCEL:
            if world.targets.get(cluster):
                self._effect()
                world.targets.pop(cluster)
            return
        world.monitor(cluster)
        version = world.versions.get(cluster)
        if world.leader(cluster) is None or version is None:
            return
        if step.downgrade and version > line:
            if cluster not in world.targets:
                self._effect()
                world.targets[cluster] = line
            world.monitor(cluster)
            if world.versions[cluster] > line:
                world.targets.pop(cluster)
                raise Failed("the cluster is not ready to go down")
        elif line > (version[0], version[1] + 1):
            raise Failed("the cluster has not followed yet")

    def _snapshot(self, host: Host) -> None:
        """The former release runs once more, and takes one."""
        self._effect()
        if host.process is not None:
            self._restart(host)
        else:
            self.world.start(host)
        if not self.world.healthy(host) or host.data is None:
            raise Failed("the former release does not come back")
        self._effect()
        host.data.snapshot = len(host.data.log)

    def _restart(self, host: Host) -> None:
        """Stopping one that serves is only for those whom the cluster can spare."""
        world = self.world
        if host.process is not None:
            data = host.data
            served = data is not None and world.leader(data.cluster) is not None
            world.stop(host)
            alone = data is not None and data.voters == {data.member}
            spared = data is None or world.leader(data.cluster) is not None or alone
            together = self.kind in ("resume", "cold-start")  # each was not healthy when its turn began
            if served and not spared and not self.options.allow_downtime and not together:
                raise Broken(f"{host.name} was stopped and could not be spared")
        world.start(host)

    def _write(self, host: Host, wish: Desired, step: Step) -> t.Iterator[None]:
        if host.process is None and host.scraps:
            self._effect()
            host.scraps = False
            yield
        unformed = host.data is None or host.bootstrap is not None
        if step.bootstrap is not None and unformed and host.bootstrap != step.bootstrap:
            self._effect()
            host.bootstrap = dict(step.bootstrap)
            yield
        for attribute, value in (
            ("release", wish.release),
            ("definition", wish.definition),
            ("environment", dict(wish.environment)),
            ("enabled", wish.enabled),
        ):
            if getattr(host, attribute) != value:
                self._effect()
                setattr(host, attribute, value)
                yield

    def _gate(self, host: Host, step: Step, *, together: bool) -> None:
        world = self.world
        if not step.gated:
            if step.action != "restart" and world.healthy(host):
                if together:
                    raise Failed("the cluster has recovered")
            else:
                return
        members = world.members(host.data.cluster) if host.data else None
        well = {other.data.member for other in world.hosts if other.data and world.healthy(other)}
        verdict = gate(
            members or (),
            well,
            host.data.member if host.data else "",
            self_healthy=world.healthy(host),
            allow_downtime=self.options.allow_downtime,
        )
        if not verdict.passes:
            raise Failed(verdict.reason)

    def _well(self, host: Host) -> bool:
        if not self.world.healthy(host) or host.data is None:
            return False
        members = self.world.members(host.data.cluster) or ()
        return any(member.id == host.data.member and member.started for member in members)

    def _finish(self, step: Step) -> None:
        host, wish = self.world.host(step.host), self.wishes[step.host]
        if step.action == "settle" and not self._well(host):
            raise Failed("not healthy")
        if host.process is not None and not pending(wish, self.world.observe(host)) and self._well(host):
            if host.former is not None:
                self._effect()
                host.former = None
            if host.bootstrap is not None:
                self._effect()
                host.bootstrap = None
            return
        self._put_back(host)
        raise Failed("not healthy")

    def _put_back(self, host: Host) -> None:
        former = host.former
        if former is None:
            return
        if former.environment is None or former.definition is None:
            self._effect()
            self.world.stop(host)
            return
        if (former.environment, former.release, former.definition) == (host.environment, host.release, host.definition):
            self._effect()
            host.former = None
            return
        self._effect()
        host.environment, host.release, host.definition = dict(former.environment), former.release, former.definition
        self._effect()
        self.world.stop(host)
        self.world.start(host)
        if self._well(host):
            host.former = None


def run(world: World, wishes: t.Sequence[Desired], options: Options, budget: t.Optional[int] = None) -> str:
    """Run the playbook once: the plan's kind, with ``!`` where a host failed; ``refused``, ``killed``."""
    before = [dataclasses.replace(host) for host in world.hosts]
    this = Run(world, wishes, options, budget)
    try:
        made = this.plan()
    except Refused as refusal:
        if not refusal.remedy:
            raise Broken(f"a refusal without a remedy: {refusal}") from refusal
        if before != world.hosts:
            raise Broken("a refusal changed something") from refusal
        return "refused"
    try:
        this.carry_out(made)
    except Killed:
        return "killed"
    return made.kind + ("!" if this.failed else "")


__all__ = (
    "Acknowledged",
    "Broken",
    "Data",
    "Entry",
    "Host",
    "Process",
    "Run",
    "World",
    "client_url",
    "condition",
    "host_name",
    "make_desired",
    "make_system",
    "other_url",
    "peer_url",
    "run",
)

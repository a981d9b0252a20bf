# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of etcd that exist in memory only, and runs that carry out plans on them.

What etcd does by itself is as in etcd: IDs out of peer URLs and token, a log that begins with one entry for each
member, elections that only a log as long as a majority's can win, writes that are acknowledged once a majority has
them, a first start that asks peers whether it happened before, a fence that makes an empty member exit. Where etcd
leaves something to chance, so does this: who leads, and who lags.

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

Environment = t.Dict[str, str]
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
    """Of the log. ``kind``: ``member`` (of the bootstrap), ``lead``, ``publish`` or ``write``."""

    term: int
    kind: str
    member: str = ""
    value: str = ""


@dataclasses.dataclass
class Data:
    """A data directory. ``log`` is the write-ahead log, ``term`` its hard state."""

    member: str
    cluster: str
    log: t.Tuple[Entry, ...]
    urls: t.Dict[str, t.Tuple[str, ...]]
    term: int = 1

    @property
    def reach(self) -> t.Tuple[int, int]:
        """What elections compare."""
        return (self.log[-1].term, len(self.log)) if self.log else (0, 0)


@dataclasses.dataclass
class Process:
    environment: Environment
    release: str
    number: int


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
        self.wiped: t.Set[int] = set()
        self.processes = 0
        self.writes = 0
        self.nonce = 0
        self.unsettled = False  # an election is under way when hosts are looked at

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)

    # --- etcd ---

    def group(self, cluster: str) -> t.List[Host]:
        """Those that run with data of this cluster."""
        return [host for host in self.hosts if host.process and host.data and host.data.cluster == cluster]

    def leader(self, cluster: str) -> t.Optional[Host]:
        """Whoever leads now; ``None`` without quorum. Elects where there can be one and is none."""
        group = self.group(cluster)
        members = {member for host in group for member in (host.data.urls if host.data else ())}
        if not group or len(group) < quorum(len(members)):
            self.leaders.pop(cluster, None)
            return None
        leading = [host for host in group if host.data and host.data.member == self.leaders.get(cluster)]
        if leading:
            return leading[0]
        return self._elect(group, quorum(len(members)))

    def _elect(self, group: t.List[Host], needed: int) -> Host:
        reach = [host.data.reach for host in group if host.data]
        able = [host for host in group if host.data and sum(other <= host.data.reach for other in reach) >= needed]
        chosen = self.chance.choice(able)
        data = chosen.data
        if data is None:
            raise Broken("a leader without data")
        self.leaders[data.cluster] = data.member
        data.term = 1 + max(host.data.term for host in group if host.data)
        self._append(chosen, Entry(data.term, "lead", data.member))
        for host in self.group(data.cluster):
            self._publish(host)
        self._verify(chosen)
        return chosen

    def _verify(self, leader: Host) -> None:
        """What was acknowledged is what the leader has; no more disks were lost than a cluster survives."""
        if leader.data is None or len(self.wiped) > (len(leader.data.urls) - 1) // 2:
            return
        held = {entry.value for entry in leader.data.log if entry.kind == "write"}
        lost = [one.value for one in self.acknowledged if one.value not in held]
        if lost:
            raise Broken(f"acknowledged and lost: {lost} (leader {leader.name})")

    def _append(self, leader: Host, entry: Entry) -> None:
        """To the leader and enough others; who is left out lags behind."""
        if leader.data is None:
            return
        leader.data.log = (*leader.data.log, entry)
        others = [host for host in self.group(leader.data.cluster) if host is not leader]
        self.chance.shuffle(others)
        must = quorum(len(leader.data.urls)) - 1
        for host in others[: self.chance.randint(must, len(others))]:
            if host.data:
                host.data.log, host.data.urls = leader.data.log, dict(leader.data.urls)
                host.data.term = leader.data.term

    def _publish(self, host: Host) -> None:
        if host.data is None or host.process is None:
            return
        leader = self.leader(host.data.cluster)
        if leader is None or leader.data is None:
            return
        self._append(
            leader, Entry(leader.data.term, "publish", host.data.member, host.process.environment.get("ETCD_NAME", ""))
        )
        self._follow(host)

    def _follow(self, host: Host) -> None:
        leader = self.leader(host.data.cluster) if host.data else None
        if host.data and leader and leader.data:
            host.data.log, host.data.urls, host.data.term = leader.data.log, dict(leader.data.urls), leader.data.term

    def members(self, cluster: str) -> t.Optional[t.Tuple[Member, ...]]:
        leader = self.leader(cluster)
        if leader is None or leader.data is None:
            return None
        names = {entry.member: entry.value for entry in leader.data.log if entry.kind == "publish"}
        numbers: t.Dict[t.Tuple[str, ...], int] = {(peer_url(host.number),): host.number for host in self.hosts}
        return tuple(
            Member(
                identifier,
                names.get(identifier, ""),
                urls,
                (client_url(numbers[urls]),) if identifier in names else (),
            )
            for identifier, urls in sorted(leader.data.urls.items())
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

    def healthy(self, host: Host) -> bool:
        """A linearizable read at this host answers; it has then caught up."""
        if host.process is None or host.data is None or self.leader(host.data.cluster) is None:
            return False
        self._follow(host)
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
        self.processes += 1
        host.process = Process(environment, host.release, self.processes)
        if self.leader(host.data.cluster) is not None:
            self._publish(host)

    def _first_data(self, host: Host, environment: Environment) -> t.Optional[Data]:
        wanted = parse_initial_cluster(environment.get("ETCD_INITIAL_CLUSTER", ""))
        name, own = environment["ETCD_NAME"], (peer_url(host.number),)
        if wanted.get(name) != own:
            return None
        urls = set(wanted.values())
        peers = [other for other in self.hosts if other is not host and other.process and other.data]
        asked = [other for other in peers if (peer_url(other.number),) in urls]
        self.chance.shuffle(asked)
        if environment["ETCD_INITIAL_CLUSTER_STATE"] == "existing":
            for other in asked[:1]:
                if other.data and set(other.data.urls.values()) == urls:
                    identifier = next(member for member, one in other.data.urls.items() if one == own)
                    return Data(identifier, other.data.cluster, (), dict(other.data.urls))
            return None
        token = environment.get("ETCD_INITIAL_CLUSTER_TOKEN", "etcd-cluster")
        ids = {member_id(one, token): one for one in wanted.values()}
        identifier = member_id(own, token)
        for other in asked[:1]:
            if other.data and any(e.kind == "publish" and e.member == identifier for e in other.data.log):
                return None  # has already been bootstrapped
        log = tuple(Entry(1, "member", one) for one in sorted(ids))
        return Data(identifier, cluster_id(ids), log, ids)

    # --- what befalls hosts ---

    def wipe(self, host: Host) -> None:
        self.stop(host)
        if host.data is not None:
            self.wiped.add(host.number)
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
                None,
            ),
            releases=tuple(ReleaseSeen(f"/opt/etcd/{version}", version) for version in ("3.6.14", "3.6.16")),
            process=process,
            local=self._local(host) if process else None,
        )

    def _local(self, host: Host) -> EndpointSeen:
        if self.unsettled or not self.healthy(host) or host.data is None:
            return EndpointSeen(client_url(host.number), False, "no leader")
        leader = self.leaders[host.data.cluster]
        version = (host.process.release if host.process else "").rpartition("/")[2]
        return EndpointSeen(
            client_url(host.number),
            True,
            versions=Versions(version, "3.6.0"),
            status=Status(host.data.member, host.data.cluster, version, leader, raft_term=host.data.term),
            members=self.members(host.data.cluster),
        )


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
        hosts = [step.host for turn in made.turns for step in turn.steps]
        if len(hosts) != len(set(hosts)):
            raise Broken("a host acts twice")
        if (made.kind == "nothing") != (not made.turns):
            raise Broken("nothing, with turns")
        if made.kind == "bootstrap" and (
            any(one.data.initialised for one in seen.values()) or len(seen) < len(self.wishes)
        ):
            raise Broken("bootstrapped over data, or without having looked everywhere")
        if made.kind == "bootstrap" and any(
            h.environment is not None and h.bootstrap is None for h in self.world.hosts
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

    def _take(self, turn: Turn) -> None:
        together = len(turn.steps) > 1
        left = {step.host: self._begin(step, together=together) for step in turn.steps}
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
            if step.host not in self.failed:
                try:
                    self._finish(step)
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
        if restarts:
            self._gate(host, step, together=together)
        if not acts:
            yield from self._write(host, wish, step)
            return
        if host.former is None:
            self._effect()
            host.former = Former(copy.copy(host.environment), host.release, host.definition)
        yield
        yield from self._write(host, wish, step)
        self._effect()
        self._restart(host)
        yield

    def _restart(self, host: Host) -> None:
        """Stopping one that serves is only for those whom the cluster can spare."""
        world = self.world
        if host.process is not None:
            data = host.data
            served = data is not None and world.leader(data.cluster) is not None
            world.stop(host)
            spared = data is None or world.leader(data.cluster) is not None or len(data.urls) == 1
            if served and not spared and not self.options.allow_downtime and self.kind != "resume":
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
    "peer_url",
    "run",
)

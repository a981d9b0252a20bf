# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for clusters that have quorum: what is down starts, members come and go, and each restarts in its turn.

Private to this collection. Pure.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._membership import gate, quorum, sparable
from ansible_collections.quorum.etcd.plugins.module_utils._model import Desired, Member
from ansible_collections.quorum.etcd.plugins.module_utils._plan_case import Case, aside
from ansible_collections.quorum.etcd.plugins.module_utils._plan_versions import CANCEL, FORGETS_V2_REQUESTS, PROMOTES
from ansible_collections.quorum.etcd.plugins.module_utils._plan_words import (
    Plan,
    Step,
    Turn,
    condition,
    drift,
)
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version


@dataclasses.dataclass
class _Work:
    """What is to be done in a cluster that has quorum, before it is put in order.

    ``first`` stops nothing. ``updates`` change peer URLs alone. ``dead`` leave before anybody joins, ``leaving`` last,
    and ``distant`` are those that leave and whose hosts are not at hand.
    ``sick`` run as wished and do not serve.
    """

    first: t.List[Step] = dataclasses.field(default_factory=list)
    dead: t.List[Step] = dataclasses.field(default_factory=list)
    distant: t.List[Step] = dataclasses.field(default_factory=list)
    joins: t.List[Step] = dataclasses.field(default_factory=list)
    updates: t.List[Step] = dataclasses.field(default_factory=list)
    restarts: t.List[t.Tuple[Desired, Member]] = dataclasses.field(default_factory=list)
    leaving: t.List[Step] = dataclasses.field(default_factory=list)
    sick: t.List[Desired] = dataclasses.field(default_factory=list)


class _Ledger:
    """The members, and who of them serves, as the turns go on; what etcd would refuse on the way, and what it costs.

    Who was not looked at is taken to serve: the gate asks it when it comes to that.
    """

    def __init__(self, members: t.Sequence[Member], down: t.Sequence[str]) -> None:
        self.members = {member.id: member for member in members}
        self.up = {member.id for member in members} - set(down)
        self.refusals: t.List[t.Tuple[str, str]] = []
        self.warnings: t.List[str] = []

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

    def holder(self, identifier: str, urls: t.Sequence[str]) -> t.Optional[Member]:
        """Another member that is listed with one of the peer URLs; etcd lists none twice."""
        others = (member for member in self.members.values() if member.id != identifier)
        return next((member for member in others if set(member.peer_urls) & set(urls)), None)

    def move(self, identifier: str, urls: t.Tuple[str, ...]) -> None:
        member, holder = self.members[identifier], self.holder(identifier, urls)
        if holder is not None:
            self.refuse(
                f"{member.label} cannot move to {','.join(urls)}: that is where {holder.label} is listed when it is "
                "its turn, and etcd lists no peer URL twice",
                "Have one of the two move to an address that no member has, and then to the wished one: set "
                "etcd_address or etcd_peer_port, and run again for each.",
            )
        self.members[identifier] = dataclasses.replace(member, peer_urls=urls)

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
        holder = self.holder(new.id, new.peer_urls)
        if holder is not None:
            self.refuse(
                f"{new.label} cannot join at {','.join(new.peer_urls)}: that is where {holder.label} is listed when it "
                "joins, and etcd lists no peer URL twice",
                "If that member moves elsewhere, run without the new host first. If it is gone for good, name it in "
                "etcd_remove_members; otherwise give the new host an address of its own.",
            )
        self.members[new.id] = new
        self.up.add(new.id)


def _has_tls(urls: t.Iterable[str]) -> bool:
    return any(url.startswith("https:") for url in urls)


def _trusts_peers(environment: t.Mapping[str, str]) -> bool:
    """Whether a server with this environment can reach peers at https. (Few have them of a public authority.)"""
    return bool(environment.get("ETCD_PEER_TRUSTED_CA_FILE")) or environment.get("ETCD_PEER_AUTO_TLS") == "true"


_ALARMS = {
    "NOSPACE": "etcd takes no writes until there is room (compact and defragment, or raise quota-backend-bytes) and "
    "the alarm is disarmed",
    "CORRUPT": "its data differs from the others'; have it replaced (etcd_replace_members), then disarm the alarm",
}


class Convergence(Case):
    """A majority vouches for a list of members."""

    def _converge(self, members: t.Tuple[Member, ...]) -> Plan:
        listed = self._listed(members)
        self._tell_alarms(members)
        leaving = [wish for wish in self.desired if wish.name in self.options.remove]
        self.desired = tuple(wish for wish in self.desired if wish not in leaving)
        work = _Work()
        for wish in self.desired:
            self._sort(wish, listed.get(wish.host), members, work)
        joining = {step.host for step in work.joins}
        staying = [wish for wish in self.desired if wish.host in listed and wish.host not in joining]
        self._version_rules(staying, serves=True)
        self._joining_versions(joining)
        self._reachable_with_tls(staying, listed)
        self._removals(members, leaving, listed, work)
        self._room(members, listed, work)
        self._others(members, listed)
        self.refusals.raise_if_any()
        turns, ledger = self._turns(members, listed, work)
        if ledger.refusals and work.sick:
            # With those that are not healthy now, it may do.
            work.first += self._waits(work.sick, listed)
            work.sick = []
            turns, ledger = self._turns(members, listed, work)
        for reason, remedy in ledger.refusals:
            self.refusals.add(reason, remedy)
        self.refusals.raise_if_any()
        self.warnings += ledger.warnings
        if work.sick:
            turns.append(Turn(tuple(self._waits(work.sick, listed)), "until all are healthy"))
        turns = self._call_off(turns, staying, listed)
        return self._made("converge" if turns else "nothing", tuple(turns))

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
                    f"Stop the service on the host that has the copy and {aside(self.seen[wish.host])} there.",
                )
            else:
                owners[member.id] = wish.host
        return {host: member for host, member in assigned.items() if owners.get(member.id) == host}

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

    # --- what listed members need ---

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
            if condition(seen) == "foreign":
                reason += ", and its configuration is gone"
                self.warnings.append(
                    f"nothing on {wish.host} says how member {member.id} was run: it is started as wished, and "
                    "whatever ran it before must not start it again"
                )
            # With its data it needs nothing of a first start, and without DNS that could keep it from starting.
            by_dns = "ETCD_DISCOVERY_SRV" in (seen.files.bootstrap or {})
            first: t.Optional[t.Dict[str, str]] = {} if by_dns and seen.data.initialised else None
            step = self._step(wish, action, reason, bootstrap=first, member_id=member.id, gated=action == "restart")
            return dataclasses.replace(step, move=moves, promote=promotes)
        return None if self._differs(wish) else self._settling(wish, member, moves=moves)

    def _reachable_with_tls(self, staying: t.Sequence[Desired], listed: t.Mapping[str, Member]) -> None:
        """While one after the other changes, each must at any time be able to reach all others."""
        with_tls = {wish.host for wish in staying if _has_tls(listed[wish.host].peer_urls)}
        moving = [wish.host for wish in staying if _has_tls(wish.peer_urls) and wish.host not in with_tls]
        trusts = {
            wish.host: _trusts_peers(process.environment)
            for wish in staying
            for process in [self.seen[wish.host].process]
            if process is not None
        }
        blind = [host for host, trusting in trusts.items() if not trusting]
        if any(host != other for host in moving for other in blind):
            self.refusals.add(
                f"{', '.join(moving)} cannot move to https for peers: {', '.join(blind)} run without "
                "peer-trusted-ca-file and would not reach them there",
                "First set peer-trusted-ca-file, peer-cert-file and peer-key-file for all members, keep http in "
                "listen-peer-urls, and run; then change it to https, and run again.",
            )
        losing = [wish.host for wish in staying if trusts.get(wish.host) and not _trusts_peers(wish.environment)]
        if any(host != other for host in losing for other in with_tls):
            self.refusals.add(
                f"{', '.join(losing)} would run without peer-trusted-ca-file, and not reach "
                f"{', '.join(sorted(with_tls))}, which have https for peers until it is their turn",
                "First change listen-peer-urls to http for all members and run; then take the certificates out.",
            )

    def _tell_alarms(self, members: t.Sequence[Member]) -> None:
        """What a run neither causes nor ends, and whoever starts one should know."""
        labels = {member.id: member.label for member in members}
        raised: t.Dict[str, t.List[str]] = {}
        for alarm in {alarm for seen in self.seen.values() if seen.local is not None for alarm in seen.local.alarms}:
            raised.setdefault(alarm.kind, []).append(labels.get(alarm.member_id, alarm.member_id))
        for kind, names in sorted(raised.items()):
            who = f"the alarm {kind} is raised for {', '.join(sorted(names))}"
            self.warnings.append(f"{who}: {_ALARMS[kind]}" if kind in _ALARMS else who)

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
                f"Stop the service on {wish.host} and {aside(seen)}, then run again.",
            )
            return True
        if self._refuse_moved_data(wish):
            return True
        return condition(seen) == "foreign" and self._refuse_takeover(wish, member)

    def _refuse_takeover(self, wish: Desired, member: Member) -> bool:
        """Whether a member that something else set up cannot be taken over the way it is wished."""
        faults: t.List[t.Tuple[str, str]] = []
        seen = self.seen[wish.host]
        if seen.process is None:
            cluster = self._agreed().cluster
            if cluster is not None and Version.parse(wish.version)[:2] != cluster[:2]:
                reason = f"it is down, nothing says which version it had, and the cluster has {cluster.line}"
                faults.append((reason, f"First set its etcd_version to a release of {cluster.line}, and run."))
        elif wish.deployment != "systemd":
            reason = f"etcd_deployment is {wish.deployment}, and only units of systemd are taken over"
            faults.append((reason, "Set it to systemd."))
        if member.is_learner:
            faults.append(("it is a learner", "Promote it first: etcdctl member promote."))
        if member.name != wish.name:
            faults.append((f"it is listed as {member.name}, not as {wish.name}", f"Set etcd_name to {member.name}."))
        for word, listed, wished, remedy in (
            ("peer", member.peer_urls, wish.peer_urls, "Set etcd_address and etcd_peer_port"),
            ("client", member.client_urls, wish.client_urls, "Set etcd_address and etcd_client_port"),
        ):
            if set(listed) != set(wished):
                told = ",".join(listed)
                faults.append((f"its {word} URLs are {told}, not {','.join(wished)}", f"{remedy} to what is listed."))
        owner = next((one.owner for one in seen.directories if one.path == wish.data_dir), wish.user)
        if owner != wish.user and seen.process is not None:
            faults.append((f"its data belongs to {owner}, not to {wish.user}", f"Set etcd_user to {owner}."))
        for reason, remedy in faults:
            was = "was set up by something else" if seen.process is not None else "has lost its configuration"
            self.refusals.add(f"{wish.host} {was} and cannot be taken over: {reason}", remedy)
        return bool(faults)

    def _refuse_lost(self, wish: Desired, member: Member) -> None:
        self.refusals.add(
            f"{self._story(wish)}. It is listed as member {member.id} and was started before, so it is never started "
            "empty under its old identity",
            f"If the disk of {wish.host} can be brought back, do so and run again. If not, have the member replaced by "
            f"a new one: -e etcd_replace_members={wish.name}.",
        )

    def _waits(self, wishes: t.Sequence[Desired], listed: t.Mapping[str, Member]) -> t.List[Step]:
        steps = []
        for wish in wishes:
            local = self.seen[wish.host].local
            why = f" ({local.problem.rstrip('.')})" if local is not None and local.problem else ""
            reason = f"runs as wished, and is not healthy{why}"
            steps.append(self._step(wish, "start", reason, member_id=listed[wish.host].id))
        return steps

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
                f"it done all the same, stop {wish.service} there and {aside(seen)}"
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

    def _call_off(
        self, turns: t.List[Turn], staying: t.Sequence[Desired], listed: t.Mapping[str, Member]
    ) -> t.List[Turn]:
        """Where the cluster is being taken down to a line that nobody wishes any more, that ends first."""
        target = self._agreed().target
        if target is None or any(Version.parse(wish.version)[:2] <= target[:2] for wish in staying):
            return turns
        self.notes.append(f"the downgrade to {target.line} is called off")
        for number, turn in enumerate(turns):
            for step in turn.steps:
                if step.action in ("start", "restart", "settle"):
                    steps = [dataclasses.replace(one, downgrade=CANCEL) if one is step else one for one in turn.steps]
                    return [*turns[:number], dataclasses.replace(turn, steps=tuple(steps)), *turns[number + 1 :]]
        wish = next((wish for wish in staying if self._healthy(wish.host) and wish.host in listed), None)
        if wish is None:
            return turns
        step = self._step(wish, "settle", "calls the downgrade off", member_id=listed[wish.host].id)
        turn = Turn((dataclasses.replace(step, downgrade=CANCEL),), "nothing that serves is stopped")
        return [*turns, turn]

    def _joining_versions(self, joining: t.AbstractSet[str]) -> None:
        cluster = self._agreed().cluster
        if cluster is None:
            return
        older = [
            wish.host
            for wish in self.desired
            for version in [self.seen[wish.host].version]
            if wish.host not in joining and version is not None and version[:2] < FORGETS_V2_REQUESTS
        ]
        for wish in self.desired:
            if wish.host not in joining:
                continue
            after = Version.parse(wish.version)
            if not (cluster.major, cluster.minor) <= (after.major, after.minor) <= (cluster.major, cluster.minor + 1):
                self.refusals.add(
                    f"{wish.host} is to join with {after}, and the cluster is at {cluster.line}",
                    f"Set its etcd_version to a release of {cluster.line} first.",
                )
            elif after[:2] >= FORGETS_V2_REQUESTS and older:
                self.refusals.add(
                    f"{wish.host} is to join with {after}, which cannot read all that members of {cluster.line} may "
                    f"send it ({', '.join(older)})",
                    f"Let it join with a release of {cluster.line}, or upgrade the others first.",
                )

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
        others = ", ".join(sorted(member.label for member in members))
        self.notes += [
            f"{name} (etcd_remove_members) is not a member; members are {others}"
            for name in self.options.remove
            if name not in known
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
                step = Step(helpers[0].host, "remove", reason, remove=member.id)
                (work.distant if member.started else work.dead).append(step)
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
        gone = [step.remove for step in [*work.dead, *work.distant, *work.joins]]
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

    def _others(self, members: t.Sequence[Member], listed: t.Mapping[str, Member]) -> None:
        known = {member.id for member in listed.values()}
        absent = {missing.name for missing in self.absent}
        for member in members:
            named = member.id in self.options.remove or member.name in self.options.remove
            if member.id not in known and member.name not in absent and not named:
                never = "" if member.started or member.is_learner else " and counts as a voter that is down"
                self.warnings.append(
                    f"member {member.label} ({member.id}, {', '.join(member.peer_urls)}) is listed{never} and not in "
                    "the inventory; it is left alone (etcd_remove_members takes out who is named, by name or ID)"
                )
        self._warn_of_absent()

    # --- the order of it all ---

    def _turns(
        self, members: t.Sequence[Member], listed: t.Mapping[str, Member], work: _Work
    ) -> t.Tuple[t.List[Turn], _Ledger]:
        """All turns in their order, and what the ledger has against them.

        Who leaves and has no host at hand does so early, as if it were dead; late only where it is needed until then.
        """
        early = self._ordered(members, listed, work, late=False)
        if not early[1].refusals or not work.distant:
            return early
        late = self._ordered(members, listed, work, late=True)
        return early if late[1].refusals else late

    def _ordered(
        self, members: t.Sequence[Member], listed: t.Mapping[str, Member], work: _Work, *, late: bool
    ) -> t.Tuple[t.List[Turn], _Ledger]:
        down = [member.id for host, member in listed.items() if not self._healthy(host)]
        ledger = _Ledger(members, [*down, *(member.id for member in members if not member.started)])
        turns = [Turn(tuple(work.first), "nothing that serves is stopped")] if work.first else []
        wishes = {wish.host: wish for wish in self.desired}
        for step in work.first:
            if step.move:
                ledger.move(step.member_id, wishes[step.host].peer_urls)
            ledger.serve(listed[step.host].id, promoted=step.promote)
        # What does not serve can only get better, and etcd adds no members while too much is down.
        for wish, member in work.restarts:
            if not self._healthy(wish.host):
                reason = "runs with other settings, and is not healthy"
                turns.append(Turn((self._restart(wish, member, reason, ledger),), "it does not serve"))
                ledger.serve(member.id)
        for step in [*work.dead, *([] if late else work.distant)]:
            turns.append(Turn((step,), "a dead member leaves"))
            ledger.leave(step.remove)
        turns += self._join_turns(work, wishes, ledger)
        updates = {step.member_id: step for step in work.updates}
        places = {step.member_id: wishes[step.host].peer_urls for step in work.updates}
        for identifier in _free_first(places, ledger):
            turns.append(Turn((updates[identifier],), "one member at a time"))
            ledger.move(identifier, places[identifier])
        turns += self._restart_turns(work, ledger)
        for step in [*(work.distant if late else []), *work.leaving]:
            turns.append(Turn((step,), "a member leaves"))
            ledger.leave(step.remove)
        return turns, ledger

    def _join_turns(self, work: _Work, wishes: t.Mapping[str, Desired], ledger: _Ledger) -> t.Iterator[Turn]:
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
            wish = wishes[step.host]
            if step.remove:
                ledger.leave(step.remove, word="be replaced")
            yield Turn((step,), "one member at a time")
            ledger.join(Member(f"new:{step.host}", wish.name, wish.peer_urls, wish.client_urls))

    def _restart_turns(self, work: _Work, ledger: _Ledger) -> t.Iterator[Turn]:
        """One at a time, the leader last: it would hand over to a member that is to stop, too."""
        leader = self._leader()
        serving = [(wish, member) for wish, member in work.restarts if self._healthy(wish.host)]
        serving.sort(key=lambda pair: pair[1].id == leader)
        pairs = {member.id: (wish, member) for wish, member in serving}
        passing = {*pairs, *(step.member_id for step in work.leaving)}
        settled = [member.name for member in ledger.voters() if member.id in ledger.up - passing]
        places = {member.id: wish.peer_urls for wish, member in serving}
        for number, identifier in enumerate(_free_first(places, ledger)):
            wish, member = pairs[identifier]
            last = member.id == leader and len(serving) > 1 and number == len(serving) - 1
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
            ledger.warnings.append(f"writes stop while {wish.host} restarts: {verdict.reason}")
        taken = condition(self.seen[wish.host]) == "foreign"
        reason = "was set up by something else, and is taken over" if taken else "runs with other settings"
        reason += "; leads, so it comes last" if last else ""
        step = self._restart(wish, member, reason, ledger, handover=tuple(settled))
        yield Turn((step,), "writes stop meanwhile" if verdict.downtime else "the cluster can spare it")

    def _restart(
        self, wish: Desired, member: Member, reason: str, ledger: _Ledger, *, handover: t.Tuple[str, ...] = ()
    ) -> Step:
        step = self._step(wish, "restart", reason, member_id=member.id, gated=True, handover=handover)
        moves = set(member.peer_urls) != set(wish.peer_urls)
        if moves:
            ledger.move(member.id, wish.peer_urls)
        return dataclasses.replace(step, move=moves)


def _free_first(moves: t.Mapping[str, t.Tuple[str, ...]], ledger: _Ledger) -> t.Iterator[str]:
    """Members in their order, but one whose peer URLs another is listed with only after that one has moved.

    ``moves`` are the peer URLs that each is to have, by ID. The ledger must go on with each that is given.
    """
    left = dict(moves)
    while left:
        free = [identifier for identifier, urls in left.items() if ledger.holder(identifier, urls) is None]
        identifier = (free or list(left))[0]
        del left[identifier]
        yield identifier


def _max_learners(environment: t.Mapping[str, str]) -> int:
    value = environment.get("ETCD_MAX_LEARNERS") or environment.get("ETCD_EXPERIMENTAL_MAX_LEARNERS") or "1"
    return int(value) if value.isdigit() else 1


__all__ = ("Convergence",)

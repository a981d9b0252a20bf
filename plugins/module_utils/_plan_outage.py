# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for clusters of which no member answers: a first start, one that was interrupted, and a cold start.

Private to this collection. Pure.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._membership import (
    cluster_id,
    initial_cluster,
    member_id,
    parse_initial_cluster,
    quorum,
)
from ansible_collections.quorum.etcd.plugins.module_utils._model import Desired, HostSeen, Member
from ansible_collections.quorum.etcd.plugins.module_utils._plan_case import Case
from ansible_collections.quorum.etcd.plugins.module_utils._plan_words import Plan, Step, Turn, condition, pending

# What members draw their IDs from, whichever way they found each other.
_TOKENS = ("ETCD_INITIAL_CLUSTER_TOKEN", "ETCD_DISCOVERY_TOKEN", "ETCD_DISCOVERY")


def fresh_token(cluster: str, seen: t.Mapping[str, HostSeen]) -> str:
    """A token no bootstrap has had: drawn from the random nonces of this observation, the same on every host."""
    nonces = "".join(seen[host].nonce for host in sorted(seen))
    return f"{cluster}-{hashlib.sha256(nonces.encode()).hexdigest()[:16]}"


class Outage(Case):
    """No member answers."""

    def _recover(self) -> Plan:
        """The plan for a cluster of which nobody gives a list of members.

        :raises Refused: when there is none that is safe.
        """
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

    def _serves_unlisted(self) -> None:
        """A server that is healthy has a leader: whatever keeps it from listing members, nothing is stopped for it.

        Nor for one that denies the look: it may be well, and the others, too. Those that are down can be started.
        """
        all_run = all(self.seen[wish.host].process is not None for wish in self.desired)
        for wish in self.desired:
            local = self.seen[wish.host].local
            if local is None:
                continue
            if local.may_serve and not local.healthy and (all_run or self._differs(wish)):
                self.refusals.add(
                    f"{wish.host} runs, and does not say how it is: {local.problem.rstrip('.')}",
                    "Have certificates there by which it can be asked. If its cluster serves nobody, stop the servers "
                    "(quorum.etcd.stop) and run again.",
                )
            elif local.healthy:
                self.refusals.add(
                    f"{wish.host} is healthy, but does not say who the members are"
                    + (f": {local.problem.rstrip('.')}" if local.problem else ""),
                    "Set etcd_auth_user and etcd_auth_password to a user with the role root."
                    if local.denied
                    else f"Run again. If it stays so, see what etcdctl --endpoints={local.endpoint} member list says "
                    "there.",
                )
        self.refusals.raise_if_any()

    def _all_must_be_observed(self, what: str) -> None:
        for missing in self.absent:
            self.refusals.add(
                f"{missing.host} {missing.why}, and {what} needs every host of the cluster",
                "Bring the host back, run without --limit and without a serial smaller than the cluster, "
                "or take it out of the inventory.",
            )
        self.refusals.raise_if_any()

    def _registry_must_be_known(self) -> None:
        """A cluster that has formed needs it no more, so that it may be away, or left out of the run."""
        lost = [wish.host for wish in self.desired if wish.bootstrap == "discovery" and not wish.registry]
        if lost:
            self.refusals.add(
                f"{', '.join(lost)}: etcd_discovery_endpoints is empty, there is no registry to meet in",
                "Put a host into the group etcd_discovery and have it in the run, or name the registry's client URLs "
                "or a public service.",
            )
        self.refusals.raise_if_any()

    def _bootstrap(self) -> Plan:
        self.desired = tuple(wish for wish in self.desired if wish.name not in self.options.remove)
        if not self.desired:
            self.notes.append("every host is in etcd_remove_members")
            return self._made("nothing", ())
        self._all_must_be_observed("a bootstrap")
        self._registry_must_be_known()
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
        return condition(seen) == "waiting" and self._last_index(wish) <= (count or len(self.desired))

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
        self._version_rules(with_data, serves=False)
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
        if self.options.again:
            self.warnings.append(
                "the quorum that this run brought back was lost again: see why, and run again once it lasts"
            )
        if self.options.remove or self.options.replace:
            self.warnings.append("no member is removed or replaced before the cluster has quorum")
        needed = quorum(self._size())
        self._one_cluster(with_data)
        with_data = self._at_their_addresses(with_data, needed)
        for wish in with_data:
            self._refuse_moved_data(wish)
        self.refusals.raise_if_any()
        joining = self._joins_needed(with_data, needed)
        if len(with_data) + len(joining) < needed:
            return self._start_alone(with_data, needed)
        self._version_rules(with_data, serves=False)
        self.refusals.raise_if_any()
        new = {step.host for step in joining}
        for wish in self.desired:
            if not self.seen[wish.host].data.initialised and wish.host not in new:
                self.warnings.append(f"{self._story(wish)}; it stays down until the others serve")
        self._warn_of_absent()
        kept = self._kept_running(with_data, others=new)
        for host in kept:
            self.warnings.append(f"{host} runs with other settings, and is restarted only once there is quorum")
        voting = self._first_to_vote(with_data, needed)
        first = [self._cold_step(wish) for wish in voting if wish.host not in kept]
        rest = [self._cold_step(wish) for wish in with_data if wish not in voting and wish.host not in kept]
        together, following = "no quorum: those that have data, together", "the rest follows what the others know"
        turns = [Turn((*first, *joining), together), Turn(tuple(rest), following)]
        return self._made("cold-start", tuple(turn for turn in turns if turn.steps))

    def _first_to_vote(self, with_data: t.Sequence[Desired], needed: int) -> t.List[Desired]:
        """Those that start first, in the inventory's order.

        A log that may be that of a disk lost and made anew must not vote before one that knows what was written. With
        no more than a quorum up, each of them is needed, and the longest log leads.
        """
        known = [wish for wish in with_data if not self._only_waited(wish)]
        short = [wish for wish in with_data if wish not in known]
        short.sort(key=lambda wish: self.seen[wish.host].process is None)
        first = [*known, *short[: max(needed - len(known), 0)]]
        return [wish for wish in with_data if wish in first]

    def _kept_running(self, with_data: t.Sequence[Desired], *, others: t.Collection[str]) -> t.List[str]:
        """Hosts that are not stopped for their settings: to start those that are down may be all that is needed."""
        down = any(self.seen[wish.host].process is None for wish in with_data) or others
        return [wish.host for wish in with_data if self._differs(wish)] if down else []

    def _size(self) -> int:
        """How many members there are as far as anybody knows.

        Blank hosts are new ones unless something counts them, and who is to leave and has no data is none any more. To
        start the others is safe, should that be wrong: their own logs say how many they must be.
        """
        last = self._last_known()
        if last is not None:
            return len([member for member in last if not member.is_learner])
        begun = [wish for wish in self.desired if self._begun(wish)]
        waiting = [wish for wish in begun if condition(self.seen[wish.host]) == "waiting"]
        told = [
            len(parse_initial_cluster(self._bootstrap_file(wish).get("ETCD_INITIAL_CLUSTER", ""))) for wish in waiting
        ]
        if 0 in told:
            return len(self.desired) + len(self.absent)
        new = [wish.host for wish in self.desired if wish not in begun and wish.name not in self.options.remove]
        if new:
            self.warnings.append(
                f"{', '.join(new)} {'count' if len(new) > 1 else 'counts'} as new, since nothing says that it is a "
                "member; if it was, its data is lost"
            )
        most = len(begun) + len(self.absent)
        if self.options.size:
            # Hosts beyond the size are proxies, whether they can be asked or not.
            most = max(len(begun), min(most, self.options.size))
        return max([most, *told])

    def _begun(self, wish: Desired) -> bool:
        """Whether a host may be a member: not if it waits for the first start of another cluster than there is."""
        seen = self.seen[wish.host]
        if seen.data.initialised:
            return True
        if condition(seen) == "blank" or wish.name in self.options.remove:
            return False
        file = self._bootstrap_file(wish)
        first, token = (
            parse_initial_cluster(file.get("ETCD_INITIAL_CLUSTER", "")),
            file.get("ETCD_INITIAL_CLUSTER_TOKEN"),
        )
        if not first or not token:
            return True
        made = cluster_id(member_id(urls, token) for urls in first.values())
        return made in {self.seen[other.host].data.cluster_id for other in self.desired}

    def _bootstrap_file(self, wish: Desired) -> t.Dict[str, str]:
        return self.seen[wish.host].files.bootstrap or {}

    def _last_known(self) -> t.Optional[t.Tuple[Member, ...]]:
        """The list as the server knew it that has come furthest of those that lost their quorum."""
        found = [
            (local.status.raft_applied_index, local.last_known)
            for local in (self.seen[wish.host].local for wish in self.desired)
            if local is not None and local.last_known is not None and local.status is not None
        ]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def _joins_needed(self, with_data: t.Sequence[Desired], needed: int) -> t.List[Step]:
        """First starts of voters that were added, and without which there is no quorum, not even to list them.

        A second voter that was added to one is the usual case: before it starts, nobody has a majority.
        """
        if len(with_data) >= needed:
            return []
        last = self._last_known()
        without = [wish for wish in self.desired if wish not in with_data]
        if last is None:
            waiting = [
                wish for wish in without if self._bootstrap_file(wish).get("ETCD_INITIAL_CLUSTER_STATE") == "existing"
            ]
            return [self._step(wish, "bootstrap", "was added and never started") for wish in waiting]
        unstarted = {frozenset(one.peer_urls): one for one in last if not one.started and not one.is_learner}
        found = [(wish, unstarted.get(frozenset(wish.peer_urls))) for wish in without]
        return [self._finish(wish, member, last) for wish, member in found if member is not None]

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
            self._version_rules(down, serves=False)
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
            f"no member that was asked has quorum, and only {len(with_data)} of {self._size()} "
            f"members are known to have their data; {needed} are needed",
            "Bring back the disks that are missing and run again. If the disks are gone for good, restore a snapshot, "
            "or recover from the data that is left.",
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

    def _at_their_addresses(self, with_data: t.Sequence[Desired], needed: int) -> t.List[Desired]:
        """Those that the others find where they are listed; the rest waits for a quorum that agrees to the change.

        Where nobody knows the list, what a member was last run with has to do. It may be wrong, if a run was killed
        after the list was changed; so where all are needed, all are started.
        """
        last = {member.id: member.peer_urls for member in self._last_known() or ()}
        moved = []
        for wish in with_data:
            before = (
                (self.seen[wish.host].files.environment or {}).get("ETCD_INITIAL_ADVERTISE_PEER_URLS", "").split(",")
            )
            listed = last.get(self.seen[wish.host].data.member_id, tuple(filter(None, before)))
            if listed and set(listed) != set(wish.peer_urls):
                moved.append(wish)
                self.warnings.append(
                    f"{wish.host} was last known at {', '.join(listed)}, and {', '.join(wish.peer_urls)} is wished; if "
                    "the others do not find it, put etcd_address and etcd_peer_port back until the cluster serves"
                )
        if len(with_data) - len(moved) < needed:
            return list(with_data)
        return [wish for wish in with_data if wish not in moved]


__all__ = ("Outage", "fresh_token")

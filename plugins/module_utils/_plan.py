# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout planner: from what is desired and what was seen to the turns that lead there, or a refusal.

Private to this collection. Pure: no I/O, no clock, no randomness; the same input gives the same plan on every host.
What each rule protects against is told in the guide on plans.
"""

from __future__ import annotations

import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._model import Desired, HostSeen, Member
from ansible_collections.quorum.etcd.plugins.module_utils._plan_case import aside
from ansible_collections.quorum.etcd.plugins.module_utils._plan_outage import Outage, fresh_token
from ansible_collections.quorum.etcd.plugins.module_utils._plan_quorum import Convergence
from ansible_collections.quorum.etcd.plugins.module_utils._plan_words import (
    Absent,
    Options,
    Plan,
    Step,
    Turn,
    condition,
    drift,
    pending,
)


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


class _Planner(Outage, Convergence):
    def plan(self) -> Plan:
        self._named()
        members = self._members()
        self._unusable(members, but=(*self.options.replace, *self.options.remove))
        self._set_proxies_apart(members)
        if members is not None:
            return self._converge(members)
        self._unusable()
        return self._recover()

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
            elif name not in names and name not in self.options.elsewhere:
                self.refusals.add(
                    f"{name} (etcd_replace_members) is the etcd_name of no host of this cluster",
                    f"Its hosts have the names {', '.join(sorted(names))}.",
                )
        self.refusals.raise_if_any()

    def _unusable(self, members: t.Optional[t.Sequence[Member]] = None, *, but: t.Sequence[str] = ()) -> None:
        """Data that cannot be read, or that is not ours to start; ``but`` that of members who are to go.

        What a majority lists as a host's own is its own, also where nothing on the host says so any more.

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
            elif condition(seen) == "foreign" and not self._healthy(wish.host) and not self._is_at_rest(wish, members):
                self._refuse_foreign(wish)
        self.refusals.raise_if_any()

    def _is_at_rest(self, wish: Desired, members: t.Optional[t.Sequence[Member]]) -> bool:
        """Whether it is the data of a listed member that nothing runs."""
        seen = self.seen[wish.host]
        listed = {member.id for member in members or ()}
        clusters = {
            one.local.status.cluster_id
            for one in self.seen.values()
            if one.local is not None and one.local.status is not None
        }
        known = seen.data.member_id in listed and seen.data.cluster_id in clusters
        return known and seen.process is None and not seen.data.held

    def _refuse_foreign(self, wish: Desired) -> None:
        """Who is taken over must be seen to serve: its data alone does not say how it was run, nor by whom."""
        seen = self.seen[wish.host]
        state = "runs, and is not healthy" if seen.process is not None else f"is not run by the service {wish.service}"
        if seen.data.held:
            state = f"is run by something else than the service {wish.service}"
        remedy = (
            "Bring its cluster to quorum the way it was run before."
            if seen.process is not None
            else "Start it the way it was run before, and set etcd_service to the name of its unit."
        )
        self.refusals.add(
            f"{wish.host} has data in {seen.data.path} and no {wish.config_dir}/etcd.env that says how it was run "
            f"(member {seen.data.member_id} of cluster {seen.data.cluster_id}), and {state}: it is taken over only "
            "while it serves, or while the others list it",
            f"{remedy} If it is not to be taken over, choose another etcd_data_dir, or stop its server and "
            f"{aside(seen)}.",
        )

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
)

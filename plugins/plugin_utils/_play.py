# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play knows of its hosts, for the action plugins of this collection. Private to it; runs on the controller."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._model import HostSeen, SystemSeen, decode

# The role's own variable: what a host showed, with how it is wished as a member.
SEEN = "__etcd_seen"


class Sight(t.NamedTuple):
    """One host as this play knows it.

    ``wish`` and ``shown`` (what ``observe`` gave) are there together. Where they are not, ``missing`` says why,
    after the host's name; ``failed`` says that the host was reached, and failed in an earlier task.
    """

    host: str
    cluster: str
    name: str
    wish: t.Optional[t.Mapping[str, t.Any]] = None
    shown: t.Optional[t.Mapping[str, t.Any]] = None
    missing: str = ""
    failed: bool = False

    @property
    def seen(self) -> t.Optional[HostSeen]:
        """All that it showed. Made anew each time, which for many hosts takes long: ask only where it is needed."""
        return None if self.shown is None else decode(HostSeen, self.shown)

    @property
    def machine(self) -> str:
        """The same for hosts on one machine, empty where it is not known.

        Machines made from one image may share their name and an inner address.
        """
        if self.shown is None:
            return ""
        system = decode(SystemSeen, self.shown["system"])
        return " ".join((system.hostname, *sorted(system.addresses)))


def sights(hosts: t.Iterable[str], variables: t.Mapping[str, t.Any]) -> t.Tuple[Sight, ...]:
    """The hosts in the order given. ``variables`` are the task's.

    Defaults of a role are not seen from other hosts: one that was not described counts with its inventory variables.

    :raises InvalidInput: where a host is in no inventory, or nothing says which cluster it belongs to.
    """
    hosts, hostvars = tuple(hosts), variables["hostvars"]
    unknown = [host for host in hosts if host not in hostvars]
    if unknown:
        raise InvalidInput(
            f"etcd_hosts names {', '.join(unknown)}, and the inventory has no such host; nothing was changed.",
            remedy="Correct the name, or add the host to the inventory.",
        )
    active = set(map(str, variables["ansible_play_hosts"]))
    everyone = set(map(str, variables["ansible_play_hosts_all"]))
    batch = set(map(str, variables.get("ansible_play_batch", active)))
    return tuple(_sight(host, hostvars, active, everyone, batch) for host in hosts)


def _sight(
    host: str,
    hostvars: t.Any,
    active: t.AbstractSet[str],
    everyone: t.AbstractSet[str],
    batch: t.AbstractSet[str],
) -> Sight:
    # A result has nothing in it to be templated, and to look for that all through it takes most of a plan's time.
    seen = hostvars.raw_get(host).get(SEEN) or {}
    # What hosts of an earlier batch showed is out of date.
    if host in active and host in batch and seen.get("wish"):
        wish = seen["wish"]
        return Sight(host, str(wish["cluster"]), str(wish["name"]), wish=wish, shown=seen["server"])
    cluster, name = _belongs_to(host, hostvars[host])
    if host not in everyone:
        return Sight(host, cluster, name, missing="was left out of this run")
    if host in active:
        return Sight(host, cluster, name, missing="is in another batch of this run")
    if seen.get("unreachable"):
        return Sight(host, cluster, name, missing="is unreachable")
    return Sight(host, cluster, name, missing="failed in an earlier task", failed=True)


def _belongs_to(host: str, theirs: t.Any) -> t.Tuple[str, str]:
    """Cluster and name of a host that was not asked. Its variables may be made of facts that are not there."""
    try:
        cluster = str(theirs.get("etcd_cluster_name", "etcd"))
    except AnsibleError as error:
        raise InvalidInput(
            f"{host} was not looked at, and its etcd_cluster_name cannot be told without that: {error}",
            remedy="Write etcd_cluster_name without facts, have them cached, or bring the host back.",
        ) from error
    try:
        return cluster, str(theirs.get("etcd_name", host))
    except AnsibleError:
        return cluster, host


__all__ = ("SEEN", "Sight", "sights")

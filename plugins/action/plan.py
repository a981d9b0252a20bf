# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner's shell on the controller: gathers what the hosts of a cluster wish and show, prints the plan, and hands
each host its own part.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.quorum.etcd.plugins.module_utils._definition import on_host
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, QuorumError, Refused
from ansible_collections.quorum.etcd.plugins.module_utils._model import Desired, Fault, HostSeen, encode
from ansible_collections.quorum.etcd.plugins.module_utils._plan import Absent, Options, Plan, Step, plan
from ansible_collections.quorum.etcd.plugins.module_utils._plan_words import unchanged
from ansible_collections.quorum.etcd.plugins.module_utils._report import plan_text
from ansible_collections.quorum.etcd.plugins.module_utils._wish import Wish, desire
from ansible_collections.quorum.etcd.plugins.module_utils._wish_check import check, check_proxies, warnings
from ansible_collections.quorum.etcd.plugins.module_utils._wish_read import read
from ansible_collections.quorum.etcd.plugins.plugin_utils._play import sights


class Cluster(t.NamedTuple):
    """The hosts of one cluster as this play knows them."""

    name: str
    wishes: t.Tuple[Wish, ...]
    seen: t.Dict[str, HostSeen]
    absent: t.Tuple[Absent, ...]
    others: t.Tuple[Wish, ...]
    faults: t.Tuple[Fault, ...] = ()
    again: bool = False

    @property
    def speaker(self) -> str:
        """The host whose result says all in full."""
        return next(iter(self.seen))


class ActionModule(ActionBase):
    """Plan for the cluster of this host. Runs once per host, and comes to the same plan on each of a cluster."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[t.Dict[str, t.Any]] = None) -> t.Dict[str, t.Any]:
        """See the module's documentation for what is returned."""
        variables = task_vars or {}
        super().run(tmp, variables)
        _validated, arguments = self.validate_argument_spec(
            argument_spec={
                "hosts": {"type": "list", "elements": "str", "required": True},
                "again": {"type": "bool", "default": False},
            }
        )
        host = str(variables["inventory_hostname"])
        try:
            self._refuse_free()
            hosts = [str(item) for item in arguments["hosts"]]
            cluster = gather(host, hosts, variables, again=arguments["again"])
            try:
                return self._plan(host, cluster, at_once=is_at_once(variables, throttle=self._task.throttle))
            except QuorumError as error:
                short = f"cluster {cluster.name}: refused, see {cluster.speaker}"
                text = str(error) if host == cluster.speaker else short
                return {"failed": True, "msg": text}
        except QuorumError as error:
            return {"failed": True, "msg": str(error)}

    def _plan(self, host: str, cluster: Cluster, *, at_once: bool) -> t.Dict[str, t.Any]:
        refuse(cluster, [*cluster.faults, *check(cluster.wishes, cluster.others)])
        desired = tuple(desire(wish) for wish in cluster.wishes)
        first = cluster.wishes[0]
        made = plan(
            desired,
            cluster.seen,
            cluster.absent,
            Options(
                cluster=cluster.name,
                token=first.token,
                allow_downtime=first.allow_downtime,
                allow_downgrade=first.allow_downgrade,
                remove=first.remove,
                replace=first.replace,
                users=first.users,
                size=first.discovery_size if first.bootstrap == "discovery" else 0,
                again=cluster.again,
                elsewhere=tuple(wish.name for wish in cluster.others),
            ),
        )
        refuse(cluster, check_proxies(cluster.wishes, made.proxies))
        members = len(cluster.wishes) + len(cluster.absent) - len(made.proxies)
        told = [*warnings(cluster.wishes, members), *made.warnings]
        text = plan_text(made, told, diff=self._task.diff)
        if host != cluster.speaker:
            text = f"cluster {cluster.name}: see {cluster.speaker}"
        elif made.turns or told:
            Display().display(text)
        mine = next(wish for wish in desired if wish.host == host)
        return part(mine, made, cluster, text, at_once=at_once)

    def _refuse_free(self) -> None:
        parent: t.Any = self._task
        while getattr(parent, "_parent", None) is not None:
            parent = parent._parent
        strategy = str(getattr(getattr(parent, "_play", None), "strategy", None) or "linear")
        if strategy.rpartition(".")[2] not in ("linear", "debug", "mitogen_linear"):
            raise Refused(
                f"The strategy {strategy} lets hosts run ahead of each other, and members would stop at the same time.",
                remedy="Run this play with strategy: linear.",
            )


def gather(host: str, hosts: t.Sequence[str], variables: t.Mapping[str, t.Any], *, again: bool = False) -> Cluster:
    """What the play knows of the cluster that ``host`` is in. ``again``: the run has acted on it before.

    :raises Refused: when a host of the cluster failed before, or ``host`` is not one of ``hosts``.
    """
    if host not in hosts:
        raise Refused(
            f"{host} is not among the hosts it is to be planned with.",
            remedy="Have etcd_hosts name every host of the cluster; the playbook takes the group etcd.",
        )
    everyone = sights(dict.fromkeys(hosts), variables)
    name = next(sight.cluster for sight in everyone if sight.host == host)
    wishes: t.List[Wish] = []
    others: t.List[Wish] = []
    seen: t.Dict[str, HostSeen] = {}
    faults: t.List[Fault] = []
    for sight in everyone:
        if sight.wish is None:
            continue
        wish, wrong = read(sight.host, sight.machine, sight.wish)
        shown = sight.seen if sight.cluster == name else None
        if shown is not None:
            seen[sight.host] = shown
            faults += wrong
        if wish is not None:
            (wishes if sight.cluster == name else others).append(wish)
    missing = [sight for sight in everyone if sight.cluster == name and sight.missing]
    failed = [sight.host for sight in missing if sight.failed]
    absent = [Absent(sight.host, sight.name, sight.missing) for sight in missing]
    if failed:
        raise Refused(
            f"{unchanged(name, again=again)}, since {', '.join(failed)} failed before the plan was made.",
            remedy="See what failed there, put it right and run again.",
        )
    return Cluster(name, tuple(wishes), seen, tuple(absent), tuple(others), tuple(faults), again)


def refuse(cluster: Cluster, faults: t.Sequence[Fault]) -> None:
    """:raises InvalidInput: with all of the faults, if there are any."""
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        listed = "\n".join(f"  * {fault}" for fault in faults)
        kept = unchanged(cluster.name, again=cluster.again)
        raise InvalidInput(f"{kept}, {count} in the variables:\n{listed}")


def part(desired: Desired, made: Plan, cluster: Cluster, text: str, *, at_once: bool) -> t.Dict[str, t.Any]:
    """What one host needs of the plan. ``at_once``: tasks are at work on all hosts of the play at the same moment."""
    finds = made.kind == "bootstrap" and cluster.wishes[0].bootstrap != "static"
    prepared = {host for host, seen in cluster.seen.items() if finds or seen.files.proxy}
    turns = range(len(made.turns))
    steps = [step_of(desired.host, made, number, at_once=at_once, prepared=prepared) for number in turns]
    known = credentials(desired)
    present = {(item.path, item.version) for item in cluster.seen[desired.host].releases}
    return {
        "msg": text,
        "cluster": cluster.name,
        "kind": made.kind,
        "length": len(made.turns),
        "again": must_come_up(made) if not cluster.again else [],
        "steps": steps,
        "install": ((desired.release, desired.version) not in present or _another_version(steps))
        and any(step.starts for turn in made.turns for step in turn.steps if step.host == desired.host),
        "desired": encode(desired),
        "credentials": known,
        "etcdctl": etcdctl_environment(desired, known),
        "peers": peers(desired, made, cluster),
        "proxy": desired.host in made.proxies,
        "proxied": cluster.seen[desired.host].files.proxy
        and any(step.get("action") in ("bootstrap", "join") for step in steps),
        "expected": [
            {
                "name": wish.name,
                "host": wish.address,
                "port": wish.peer_port,
                "addresses": list(wish.expected_addresses),
            }
            for wish in cluster.wishes
            if wish.host not in made.proxies and wish.name not in wish.remove
        ],
    }


def is_at_once(variables: t.Mapping[str, t.Any], *, throttle: int) -> bool:
    """Whether a task is at work on all hosts of the play at the same moment. The same for each of them."""
    return not throttle and len(variables["ansible_play_hosts_all"]) <= int(variables.get("ansible_forks", 1))


def must_come_up(made: Plan) -> t.List[str]:
    """The hosts of a cold start, after which the cluster is planned for once more."""
    return sorted({step.host for turn in made.turns for step in turn.steps}) if made.kind == "cold-start" else []


def step_of(
    host: str, made: Plan, number: int, *, at_once: bool, prepared: t.Container[str] = ()
) -> t.Dict[str, t.Any]:
    """What the host does in a turn, with the hosts that must not have failed by then; empty if nothing.

    Those are the ones that act in earlier turns, and for a first start all that make it: no cluster is made by less.
    Servers that start together do so in the same task, whatever else some of them need; where tasks are not at work on
    all hosts ``at_once``, they are waited for in another one (``split``). On hosts that are ``prepared`` other tasks
    come before a first start.
    """
    turn = made.turns[number]
    steps = turn.steps
    mine = next((step for step in steps if step.host == host), None)
    if mine is None:
        return {}
    together = turn.is_together(mine)
    split = together and not at_once
    kinds = {step.host: kind_of(step, prepared=step.host in prepared) for step in steps}
    more = split or (together and any(kind != "server" for kind in kinds.values()))
    needed = {step.host for turn in made.turns[:number] for step in turn.steps}
    if mine.action == "bootstrap":
        needed |= {step.host for step in steps}
    return {
        **encode(mine),
        "kind": "start" if more and kinds[host] == "server" else kinds[host],
        "together": together,
        "split": split,
        "first": steps[0].host,
        "size": len(steps),
        "needs": sorted(needed - {host}),
    }


def kind_of(step: Step, *, prepared: bool) -> str:
    """``membership`` changes who is a member, ``server`` is one call of that module, ``start`` has more to it."""
    if step.remove or step.retire or step.add or step.move or step.action == "join":
        return "membership"
    return "start" if step.promote or step.token or (prepared and step.action == "bootstrap") else "server"


def _another_version(steps: t.Iterable[t.Mapping[str, t.Any]]) -> bool:
    """What runs is not what the name of its place says."""
    return any(change["key"] == "version" for step in steps for change in step.get("changes", ()))


def credentials(desired: Desired) -> t.Dict[str, str]:
    """What the cluster's servers trust, as files on the host: a server's certificate usually serves as a client's, too.

    By the names of the modules' options; empty where clients are served without TLS, or everybody is.
    """
    told = desired.environment
    authority = told.get("ETCD_TRUSTED_CA_FILE", "")
    if not authority or not any(url.startswith("https:") for url in desired.client_urls):
        return {}
    kind = "ETCD_CLIENT_" if told.get("ETCD_CLIENT_CERT_FILE") else "ETCD_"
    files = (authority, told.get(f"{kind}CERT_FILE", ""), told.get(f"{kind}KEY_FILE", ""))
    found = [on_host(desired.definition, path) for path in files]
    return dict(zip(("ca_path", "client_cert", "client_key"), found))


def etcdctl_environment(desired: Desired, known: t.Mapping[str, str]) -> t.Dict[str, str]:
    """What etcdctl needs on the host to ask its server."""
    names = {"ca_path": "ETCDCTL_CACERT", "client_cert": "ETCDCTL_CERT", "client_key": "ETCDCTL_KEY"}
    found = {"ETCDCTL_ENDPOINTS": ",".join(desired.client_urls)}
    return {**found, **{names[option]: path for option, path in known.items()}}


def peers(desired: Desired, made: Plan, cluster: Cluster) -> t.List[str]:
    """Client URLs of the other members: as wished, and as listed, those of absent hosts among them."""
    wished = [
        url
        for wish in cluster.wishes
        if wish.host not in (desired.host, *made.proxies)
        for url in desire(wish).client_urls
    ]
    lists = [seen.local.members for seen in cluster.seen.values() if seen.local is not None and seen.local.members]
    listed = [url for members in lists[:1] for member in members if not member.is_learner for url in member.client_urls]
    return [url for url in dict.fromkeys([*wished, *listed]) if url not in desired.client_urls]

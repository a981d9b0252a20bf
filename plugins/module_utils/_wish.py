# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wishes: what the variables of a host ask for, checked, all faults at once, and made into what the planner takes.

Private to this collection. Pure.
"""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import posixpath
import re
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils import _settings as settings
from ansible_collections.quorum.etcd.plugins.module_utils._model import Desired, Fault
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

SUPPORTED_LINES = ("3.4", "3.5", "3.6", "3.7")
DEPLOYMENTS = ("systemd", "procfile")
INSTALLS = ("release", "package", "existing")
BOOTSTRAPS = ("static",)
NOT_YET = {"discovery", "dns", "docker", "podman"}

# The unit shows in no environment: its digest stands there for it.
DIGEST = "QUORUM_CONFIG_DIGEST"

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\Z")
_LOOPBACK = {4: "127.0.0.1", 6: "::1"}


@dataclasses.dataclass(frozen=True)
class Wish:
    """The variables of one host, as the role describes it. ``machine`` is the same for hosts that share a machine."""

    host: str
    cluster: str
    name: str
    address: str
    version: str
    release: str
    definition: str
    data_dir: str
    config_dir: str
    service: str
    machine: str
    client_port: int = 2379
    peer_port: int = 2380
    listen_address: str = ""
    bootstrap: str = "static"
    deployment: str = "systemd"
    install: str = "release"
    settings: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    token: str = ""
    allow_downtime: bool = False
    remove: t.Tuple[str, ...] = ()
    replace: t.Tuple[str, ...] = ()
    enabled: bool = True


def read(host: str, machine: str, variables: t.Mapping[str, t.Any]) -> t.Tuple[t.Optional[Wish], t.Tuple[Fault, ...]]:
    """A wish out of plain variables; faults instead where they have the wrong shape."""
    faults = []
    values: t.Dict[str, t.Any] = {}
    for field in dataclasses.fields(Wish):
        if field.name in ("host", "machine") or variables.get(field.name) is None:
            continue
        value = variables[field.name]
        variable = f"{host}: etcd_{_VARIABLES.get(field.name, field.name)}"
        reader, kind = _READERS.get(field.name, (_text, "a text"))
        try:
            values[field.name] = reader(value)
        except ValueError:
            faults.append(Fault(variable, f"{value!r} is not {kind}."))
    for field in dataclasses.fields(Wish):
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and field.name not in ("host", "machine") and values.get(field.name, "") == "" and not faults:
            faults.append(Fault(f"{host}: etcd_{_VARIABLES.get(field.name, field.name)}", "is empty."))
    if faults:
        return None, tuple(faults)
    return Wish(host=host, machine=machine, **values), ()


def check(wishes: t.Sequence[Wish], others: t.Sequence[Wish] = ()) -> t.Tuple[Fault, ...]:
    """All that is wrong with the wishes of one cluster. ``others`` are hosts of other clusters in the same play."""
    faults: t.List[Fault] = []
    for wish in wishes:
        faults += _own(wish)
    faults += _agreement(wishes)
    faults += _clashes(wishes, others)
    return tuple(dict.fromkeys(faults))


def warnings(wishes: t.Sequence[Wish], members: int) -> t.Tuple[str, ...]:
    """What works, and may not be meant. ``members`` is the number of hosts in the inventory."""
    found = []
    if members % 2 == 0:
        found.append(f"{members} members survive no more failures than {members - 1} would")
    for wish in wishes:
        version = Version.parse(wish.version)
        merged = settings.merge(own_settings(wish), wish.settings)
        open_to_all = [
            url
            for url in str_list(merged.get("listen-client-urls"))
            if url.startswith("http://") and not _is_loopback(url)
        ]
        if open_to_all:
            found.append(f"{wish.host}: whoever reaches {open_to_all[0]} can read and write everything, there is no TLS")
        found += [f"{wish.host}: {text}" for text in settings.warnings(wish.settings, version, own_settings(wish))]
    return tuple(dict.fromkeys(found))


def desire(wish: Wish) -> Desired:
    """What the planner takes. The wish has no faults."""
    merged = settings.merge(own_settings(wish), wish.settings)
    peer_urls = (peer_url(wish),)
    environment = settings.environment(merged)
    environment["ETCD_INITIAL_ADVERTISE_PEER_URLS"] = ",".join(peer_urls)
    # The fence: with its data a member starts as usual, without it etcd exits instead of forming a cluster of its own.
    environment["ETCD_INITIAL_CLUSTER"] = ",".join(f"{wish.name}={url}" for url in peer_urls)
    environment["ETCD_INITIAL_CLUSTER_STATE"] = "existing"
    environment[DIGEST] = digest(wish.definition)
    return Desired(
        host=wish.host,
        name=wish.name,
        peer_urls=peer_urls,
        client_urls=tuple(str_list(merged.get("advertise-client-urls"))),
        version=wish.version,
        release=wish.release,
        environment=environment,
        definition=wish.definition,
        data_dir=str(merged.get("data-dir", wish.data_dir)),
        config_dir=wish.config_dir,
        service=wish.service,
        deployment=wish.deployment,
        bootstrap=wish.bootstrap,
        enabled=wish.enabled,
    )


def own_settings(wish: Wish) -> t.Dict[str, object]:
    """The settings that follow from the role's other variables."""
    listen = wish.listen_address or (wish.address if _ip(wish.address) else "0.0.0.0")
    clients = [_url(listen, wish.client_port)]
    ip = _ip(listen)
    if ip is not None and not ip.is_unspecified and not ip.is_loopback:
        clients.append(_url(_LOOPBACK[ip.version], wish.client_port))
    return {
        "name": wish.name,
        "data-dir": wish.data_dir,
        "listen-client-urls": clients,
        "advertise-client-urls": [_url(wish.address, wish.client_port)],
        "listen-peer-urls": [_url(listen, wish.peer_port)],
    }


def peer_url(wish: Wish) -> str:
    """The URL under which the member is listed."""
    return _url(wish.address, wish.peer_port)


def digest(definition: str) -> str:
    """Stands in the environment for what a process does not show: its unit."""
    return hashlib.sha256(definition.encode()).hexdigest()[:16]


def str_list(value: object) -> t.List[str]:
    """A list setting as a list, whether it was given as one or comma-separated."""
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else str(value).split(",")


# --- checks -------------------------------------------------------------------------------------------------------


def _own(wish: Wish) -> t.Iterator[Fault]:
    def fault(variable: str, problem: str, remedy: str = "") -> Fault:
        return Fault(f"{wish.host}: {variable}", problem, remedy)

    for variable, value, known in (
        ("etcd_bootstrap", wish.bootstrap, BOOTSTRAPS),
        ("etcd_deployment", wish.deployment, DEPLOYMENTS),
        ("etcd_install", wish.install, INSTALLS),
    ):
        if value not in known:
            why = "is not carried out yet." if value in NOT_YET else "is not known."
            yield fault(variable, f"{value!r} {why}", f"Choose one of: {', '.join(known)}.")
    if re.search(r"[=,\s]", wish.name):
        yield fault("etcd_name", f"{wish.name!r} has a comma, an equals sign or a blank in it, which no list of members can hold.")
    if _ip(wish.address) is None and not _HOST_NAME.match(wish.address):
        yield fault("etcd_address", f"{wish.address!r} is neither an IP address nor a host name.", "Leave the port to etcd_client_port and etcd_peer_port.")
    elif (ip := _ip(wish.address)) is not None and ip.is_unspecified:
        yield fault("etcd_address", f"{wish.address} is no address that others could reach.", "Use etcd_listen_address for where it listens.")
    if wish.listen_address and _ip(wish.listen_address) is None:
        yield fault("etcd_listen_address", f"{wish.listen_address!r} is not an IP address, and etcd listens on nothing else.", "Use an IP address, or 0.0.0.0 for all.")
    for variable, port in (("etcd_client_port", wish.client_port), ("etcd_peer_port", wish.peer_port)):
        if not 1 <= port <= 65535:
            yield fault(variable, f"{port} is not a port.")
    if wish.client_port == wish.peer_port:
        yield fault("etcd_peer_port", f"{wish.peer_port} is etcd_client_port, too.")
    for variable, path in (("etcd_data_dir", wish.data_dir), ("etcd_config_dir", wish.config_dir), ("etcd_release_path", wish.release)):
        if not path.startswith("/") or posixpath.normpath(path) != path.rstrip("/"):
            yield fault(variable, f"{path!r} is not a plain absolute path.")
        elif path.strip("/") == "":
            yield fault(variable, "is the root directory.")
    yield from _version_and_settings(wish, fault)


def _version_and_settings(wish: Wish, fault: t.Callable[..., Fault]) -> t.Iterator[Fault]:
    try:
        version = Version.parse(wish.version)
    except ValueError as error:
        yield fault("etcd_version", f"{error}.")
        return
    if version.line not in SUPPORTED_LINES:
        yield fault("etcd_version", f"{version} is not supported.", f"Supported are {', '.join(SUPPORTED_LINES)}.")
        return
    for found in settings.validate(wish.settings, version, own_settings(wish)):
        yield fault(f"etcd_settings: {found.subject}", found.problem, found.remedy)
    if wish.settings.get("initial-cluster-token") is None and re.search(r"[\x00-\x1f\x7f]", wish.token):
        yield fault("etcd_bootstrap_token", "has control characters in it.")


def _agreement(wishes: t.Sequence[Wish]) -> t.Iterator[Fault]:
    """What must be the same on all members."""
    for attribute, variable in (
        ("bootstrap", "etcd_bootstrap"),
        ("token", "etcd_bootstrap_token"),
        ("allow_downtime", "etcd_allow_downtime"),
        ("remove", "etcd_remove_members"),
        ("replace", "etcd_replace_members"),
    ):
        values: t.Dict[t.Any, t.List[str]] = {}
        for wish in wishes:
            values.setdefault(getattr(wish, attribute), []).append(wish.host)
        if len(values) > 1:
            told = "; ".join(f"{value!r} on {', '.join(hosts)}" for value, hosts in values.items())
            yield Fault(variable, f"must be the same on all members of a cluster: {told}.")


def _clashes(wishes: t.Sequence[Wish], others: t.Sequence[Wish]) -> t.Iterator[Fault]:
    """What two members cannot share: names and peer URLs in a cluster; ports, directories and services on a machine."""
    for what, variable, key in (
        ("the name", "etcd_name", lambda wish: wish.name),
        ("the peer URL", "etcd_address, etcd_peer_port", peer_url),
    ):
        yield from _twice(wishes, (), what, variable, key)
    everyone = [*wishes, *others]
    mine = {wish.host for wish in wishes}
    for first_number, first in enumerate(everyone):
        for second in everyone[first_number + 1 :]:
            if first.machine == second.machine and {first.host, second.host} & mine:
                yield from _same_machine(first, second)


def _twice(
    wishes: t.Sequence[Wish], others: t.Sequence[Wish], what: str, variable: str, key: t.Callable[[Wish], str]
) -> t.Iterator[Fault]:
    found: t.Dict[str, t.List[str]] = {}
    for wish in [*wishes, *others]:
        found.setdefault(key(wish), []).append(wish.host)
    for value, hosts in found.items():
        if len(hosts) > 1:
            yield Fault(variable, f"{', '.join(hosts)} have {what} {value} in common.", "Give each its own.")


def _same_machine(first: Wish, second: Wish) -> t.Iterator[Fault]:
    pair = f"{first.host} and {second.host}"
    shared = {first.client_port, first.peer_port} & {second.client_port, second.peer_port}
    if shared and _listens_overlap(first, second):
        yield Fault(
            "etcd_client_port, etcd_peer_port",
            f"{pair} are on one machine and share port {', '.join(map(str, sorted(shared)))}.",
            "Give each its own ports or listen address.",
        )
    if (first.service, first.deployment) == (second.service, second.deployment):
        yield Fault("etcd_service", f"{pair} are on one machine and share the service {first.service}.", "Give each its own.")
    if _inside(first.config_dir, second.config_dir):
        yield Fault("etcd_config_dir", f"{pair} are on one machine, and one's directory is in the other's ({first.config_dir}, {second.config_dir}).", "Give each its own.")
    directories = [(wish, path) for wish in (first, second) for path in _data_directories(wish)]
    for wish, path in directories:
        for other, place in directories:
            if wish is first and other is second and _inside(path, place):
                yield Fault("etcd_data_dir", f"{pair} are on one machine, and one's data directory is in the other's ({path}, {place}).", "Give each its own.")


def _data_directories(wish: Wish) -> t.List[str]:
    found = [str(wish.settings.get("data-dir") or wish.data_dir)]
    if wish.settings.get("wal-dir"):
        found.append(str(wish.settings["wal-dir"]))
    return found


def _inside(path: str, other: str) -> bool:
    path, other = (posixpath.normpath(item) + "/" for item in (path, other))
    return path.startswith(other) or other.startswith(path)


def _listens_overlap(first: Wish, second: Wish) -> bool:
    listens = []
    for wish in (first, second):
        ip = _ip(wish.listen_address or wish.address)
        listens.append(None if ip is None or ip.is_unspecified else ip)
    # Clients are served on loopback besides, so two addresses of a machine still meet there.
    return listens[0] is None or listens[1] is None or listens[0] == listens[1] or first.client_port == second.client_port


def _ip(address: str) -> t.Union[None, ipaddress.IPv4Address, ipaddress.IPv6Address]:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _is_loopback(url: str) -> bool:
    host = url.partition("://")[2].rpartition(":")[0].strip("[]")
    ip = _ip(host)
    return ip is not None and ip.is_loopback


def _url(address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}"


# --- reading variables --------------------------------------------------------------------------------------------


def _text(value: t.Any) -> str:
    if isinstance(value, (dict, list, tuple, bool)):
        raise ValueError
    return str(value)


def _number(value: t.Any) -> int:
    if isinstance(value, bool):
        raise ValueError
    return int(str(value))


def _boolean(value: t.Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    try:
        return words[str(value).lower()]
    except KeyError:
        raise ValueError from None


def _names(value: t.Any) -> t.Tuple[str, ...]:
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    if isinstance(value, (list, tuple)):
        return tuple(_text(item) for item in value)
    raise ValueError


def _mapping(value: t.Any) -> t.Dict[str, t.Any]:
    if not isinstance(value, dict):
        raise ValueError
    return dict(value)


_READERS: t.Dict[str, t.Tuple[t.Callable[[t.Any], t.Any], str]] = {
    "client_port": (_number, "a number"),
    "peer_port": (_number, "a number"),
    "settings": (_mapping, "a dictionary of etcd's settings"),
    "allow_downtime": (_boolean, "true or false"),
    "enabled": (_boolean, "true or false"),
    "remove": (_names, "a list of member names"),
    "replace": (_names, "a list of member names"),
}
_VARIABLES = {
    "cluster": "cluster_name",
    "token": "bootstrap_token",
    "remove": "remove_members",
    "replace": "replace_members",
    "release": "release_path",
}

__all__ = (
    "DIGEST",
    "Wish",
    "check",
    "desire",
    "digest",
    "own_settings",
    "peer_url",
    "read",
    "warnings",
)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with wishes, all of it at once, before any host is touched.

Private to this collection. Pure.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
import typing as t
import urllib.parse

from ansible_collections.quorum.etcd.plugins.module_utils import _settings as settings
from ansible_collections.quorum.etcd.plugins.module_utils._address import ip_of, is_loopback
from ansible_collections.quorum.etcd.plugins.module_utils._image_name import ImageName
from ansible_collections.quorum.etcd.plugins.module_utils._model import Fault
from ansible_collections.quorum.etcd.plugins.module_utils._settings_table import LINES
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version
from ansible_collections.quorum.etcd.plugins.module_utils._wish import (
    Wish,
    listens_by,
    own_settings,
    peer_listens,
    peer_url,
    str_list,
)

PROTOCOLS = ("v3", "v2", "public")
DEPLOYMENTS = ("systemd", "docker", "podman", "procfile")
NETWORKS = ("host", "bridge")
INSTALLS = ("release", "package", "existing")
BOOTSTRAPS = ("static", "discovery", "dns")
# Of an engine's run: with others than the unit's own, the container would not be found, or not be its unit's.
_OWN_OPTIONS = frozenset(
    ("--name", "--rm", "--detach", "-d", "--entrypoint", "--user", "-u", "--restart", "--cgroups", "--sdnotify")
)

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
# The last label has a letter: anything else is an IP address mistyped.
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}\.)*(?=[0-9-]*[A-Za-z_]){_LABEL}\.?\Z")
_SERVICE = re.compile(r"[A-Za-z0-9:_.@-]+\Z")
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}\Z")
_SPECIAL = re.compile(r"[\s\"'`$%\\;&|<>(){}\[\]*?#!~]")
_MOUNTED = re.compile(r"/[A-Za-z0-9/._@+-]*\Z")
_HIDDEN = re.compile(r"/(home|root|run/user|tmp|var/tmp)(?=/|\Z)")
_LISTENING = ("listen-client-urls", "listen-client-http-urls", "listen-peer-urls", "listen-metrics-urls")
_NEEDED = {
    "data-dir": "etcd_data_dir",
    "listen-peer-urls": "etcd_listen_address and etcd_peer_port",
    "listen-client-urls": "etcd_listen_address and etcd_client_port",
    "advertise-client-urls": "etcd_address and etcd_client_port",
}


def check(wishes: t.Sequence[Wish], others: t.Sequence[Wish] = ()) -> t.Tuple[Fault, ...]:
    """All that is wrong with the wishes of one cluster. ``others`` are hosts of other clusters in the same play."""
    alike: t.Dict[Fault, t.List[str]] = {}
    for wish in wishes:
        for fault in _own(wish):
            alike.setdefault(fault, []).append(wish.host)
    faults = [
        dataclasses.replace(fault, subject=f"{', '.join(hosts)}: {fault.subject}") for fault, hosts in alike.items()
    ]
    faults += _agreement(wishes)
    faults += _clashes(wishes, others)
    return tuple(dict.fromkeys(faults))


def check_proxies(wishes: t.Sequence[Wish], proxies: t.Sequence[str]) -> t.Tuple[Fault, ...]:
    """What is wrong with the wishes of hosts that turn out to be no members, but to pass clients on."""
    faults = []
    for wish in wishes:
        if wish.host in proxies and wish.deployment == "procfile":
            faults.append(
                Fault(
                    f"{wish.host}: etcd_deployment",
                    "procfile has no proxies, and this host is beyond etcd_discovery_size.",
                    "Use systemd, or take the host out.",
                )
            )
        elif wish.host in proxies and not wish.contained and wish.install == "package":
            faults.append(
                Fault(
                    f"{wish.host}: etcd_install",
                    "packages would start a server beside the proxy, and this host is beyond etcd_discovery_size.",
                    "Use release or existing for this host.",
                )
            )
    return tuple(faults)


def warnings(wishes: t.Sequence[Wish], members: int) -> t.Tuple[str, ...]:
    """What works, and may not be meant. ``members`` is the number of hosts in the inventory."""
    found = []
    if members % 2 == 0:
        found.append(f"{members} members survive no more failures than {members - 1} would")
    plain = [wish.host for wish in wishes if _serves_plainly(wish)]
    if plain:
        found.append(
            f"there is no TLS: whoever reaches the client port of {', '.join(plain)} can read and write everything"
        )
    for wish in wishes:
        version = Version.parse(wish.version)
        found += [f"{wish.host}: {text}" for text in settings.warnings(wish.settings, version, own_settings(wish))]
    return tuple(dict.fromkeys(found))


def dns_faults(
    fault: t.Callable[..., Fault], *, domain: str, service_name: str, address: str, addresses: t.Sequence[str]
) -> t.Iterator[Fault]:
    """What is wrong with the variables that records are made of."""
    if not _HOST_NAME.match(domain):
        yield fault("etcd_dns_domain", f"{domain!r} is not a domain.", "Name the domain of the SRV records.")
    if service_name and not re.match(rf"{_LABEL}\Z", service_name):
        yield fault(
            "etcd_dns_service_name", f"{service_name!r} cannot be a part of a record's name.", "Use letters and digits."
        )
    if ip_of(address) is not None:
        yield fault(
            "etcd_address",
            f"{address} is an IP address, and SRV records name hosts.",
            "Use the name that the records have, or leave it out; addresses belong into etcd_dns_addresses.",
        )
    elif domain and not _HOST_NAME.match(address):
        yield fault(
            "etcd_address",
            f"{address!r} is no name that a record can have.",
            "Leave scheme and port out; where it is not set it is made of etcd_name and etcd_dns_domain.",
        )
    for one in addresses:
        if ip_of(one) is None:
            yield fault("etcd_dns_addresses", f"{one!r} is not an IP address.", "List the addresses of the host.")


# --- one host -------------------------------------------------------------------------------------------------------


def _own(wish: Wish) -> t.Iterator[Fault]:
    """What is wrong with one host's variables, by their names alone: the same for hosts that have it in common."""
    yield from _words(wish)
    yield from _addresses(wish)
    yield from _ports(wish)
    yield from _paths(wish)
    yield from _limits(wish)
    yield from _version_and_settings(wish)
    if wish.contained:
        yield from _container(wish)
    yield from _finding(wish)


def _finding(wish: Wish) -> t.Iterator[Fault]:
    """How members find each other, where that is not the list of the inventory."""
    version = Version.parse_or_none(wish.version)
    if wish.bootstrap == "dns":
        yield from dns_faults(
            Fault,
            domain=wish.dns_domain,
            service_name=wish.dns_service_name,
            address=wish.address,
            addresses=wish.dns_addresses,
        )
        if peer_url(wish).startswith("https:"):
            yield Fault(
                "etcd_settings: listen-peer-urls",
                "has https, and the records that are looked for are those of members that speak http with each other.",
                "Use http, or etcd_bootstrap: static.",
            )
        if version is not None and version < (3, 5, 0):
            yield Fault(
                "etcd_version",
                f"{version} takes it for an error that there are no records of servers with TLS, so by DNS it forms no "
                "cluster without TLS.",
                "Use 3.5 or newer, or etcd_bootstrap: static.",
            )
    if wish.bootstrap != "discovery":
        return
    if wish.protocol not in PROTOCOLS:
        yield Fault(
            "etcd_discovery_protocol", f"{wish.protocol!r} is not known.", f"Choose one of: {', '.join(PROTOCOLS)}."
        )
    elif version is not None and wish.protocol == "v3" and version < (3, 6, 0):
        yield Fault("etcd_discovery_protocol", f"v3 needs etcd 3.6, and {version} is wished.", "Use v2.")
    elif version is not None and wish.protocol != "v3" and version >= (3, 7, 0):
        yield Fault(
            "etcd_discovery_protocol",
            f"{version} ignores the protocol v2, and would come up as a healthy cluster of one.",
            "Use v3.",
        )
    if wish.discovery_size < 0:
        yield Fault("etcd_discovery_size", f"{wish.discovery_size} is not a number of members.", "Use 0 for all hosts.")


def _words(wish: Wish) -> t.Iterator[Fault]:
    for variable, value, known in (
        ("etcd_bootstrap", wish.bootstrap, BOOTSTRAPS),
        ("etcd_deployment", wish.deployment, DEPLOYMENTS),
        ("etcd_install", wish.install, INSTALLS),
    ):
        if value not in known:
            yield Fault(variable, f"{value!r} is not known.", f"Choose one of: {', '.join(known)}.")
    if re.search(r"[=,\s\x00-\x1f\x7f]", wish.name):
        yield Fault(
            "etcd_name",
            f"{wish.name!r} has a comma, an equals sign or a blank in it, which no list of members can hold.",
            "Use letters, digits, dots and dashes.",
        )
    for variable, text in (("etcd_cluster_name", wish.cluster), ("etcd_bootstrap_token", wish.token)):
        if re.search(r"[\x00-\x1f\x7f]", text):
            yield Fault(variable, "has control characters in it.", "Take them out.")
    if not _SERVICE.match(wish.service) or wish.service.endswith(".service"):
        yield Fault(
            "etcd_service",
            f"{wish.service!r} is not a plain name.",
            "Use letters, digits, dots and dashes, without .service at the end.",
        )
    for variable, name in (("etcd_user", wish.user), ("etcd_group", wish.group)):
        if name and not _ACCOUNT.match(name):
            yield Fault(
                variable,
                f"{name!r} is not the name of an account.",
                "Use letters, digits, dots and dashes, not a number alone.",
            )


def _addresses(wish: Wish) -> t.Iterator[Fault]:
    if wish.bootstrap != "dns":  # else it is a name that records have, see dns_faults
        yield from _advertised(wish)
    if wish.listen_address and ip_of(wish.listen_address) is None:
        yield Fault(
            "etcd_listen_address",
            f"{wish.listen_address!r} is not an IP address, and etcd listens on nothing else.",
            "Use an IP address of the host, or 0.0.0.0 for all.",
        )


def _advertised(wish: Wish) -> t.Iterator[Fault]:
    ip = ip_of(wish.address)
    if ip is None and not _HOST_NAME.match(wish.address):
        yield Fault(
            "etcd_address",
            f"{wish.address!r} is neither an IP address nor a host name.",
            "Leave scheme and port out: the ports are etcd_client_port and etcd_peer_port.",
        )
    elif ip is not None and (ip.is_unspecified or ip.is_multicast):
        yield Fault(
            "etcd_address",
            f"{wish.address} is no address that others could reach.",
            "Use etcd_listen_address for where it listens.",
        )


def _ports(wish: Wish) -> t.Iterator[Fault]:
    for variable, port in (("etcd_client_port", wish.client_port), ("etcd_peer_port", wish.peer_port)):
        if not 1 <= port <= 65535:
            yield Fault(variable, f"{port} is not a port.", "Use a number from 1 to 65535.")
    if wish.client_port == wish.peer_port:
        yield Fault("etcd_peer_port", f"{wish.peer_port} is etcd_client_port, too.", "Give it a port of its own.")


def _paths(wish: Wish) -> t.Iterator[Fault]:
    for variable, path in (
        ("etcd_data_dir", wish.data_dir),
        ("etcd_config_dir", wish.config_dir),
        *([] if wish.contained else [("etcd_release_path", wish.release)]),
    ):
        if path.strip("/") == "":
            yield Fault(variable, f"{path!r} is the root directory.", "Use a directory of its own.")
        elif not path.startswith("/") or posixpath.normpath(path) != path.rstrip("/"):
            yield Fault(variable, f"{path!r} is not a plain absolute path.", "Begin it with /, without . and .. in it.")
        elif _SPECIAL.search(path):
            problem = f"{path!r} has blanks or other characters in it that mean something in a unit or a shell."
            yield Fault(variable, problem, "Use another directory.")
    if wish.deployment == "systemd":
        hidden = _HIDDEN.match(_data_dir(wish))
        if hidden is not None:
            yield Fault(
                "etcd_data_dir",
                f"{_data_dir(wish)} is in {hidden.group()}, which the unit hides from etcd (ProtectHome, PrivateTmp).",
                "Use a directory elsewhere, such as one in /var/lib.",
            )
    if _inside(wish.config_dir, _data_dir(wish)):
        yield Fault(
            "etcd_config_dir",
            f"{wish.config_dir} is in the data directory, {_data_dir(wish)}.",
            "Keep settings and data apart.",
        )


def _limits(wish: Wish) -> t.Iterator[Fault]:
    for variable, seconds, least in (
        ("etcd_gate_timeout", wish.gate_timeout, 0),
        ("etcd_start_timeout", wish.start_timeout, 1),
    ):
        if seconds < least:
            yield Fault(variable, f"{seconds} s is no time to wait.", f"Set {least} or more.")


def _container(wish: Wish) -> t.Iterator[Fault]:
    try:
        image = ImageName.parse(wish.release)
    except ValueError as error:
        yield Fault("etcd_image", f"{error}.", "Give repository and tag.")
    else:
        if image.version and Version.parse_or_none(wish.version) not in (None, Version.parse(image.version)):
            yield Fault(
                "etcd_image",
                f"{image} is etcd {image.version} by its tag, and {wish.version} is wished.",
                "Set etcd_version, and leave etcd_image to follow it.",
            )
    if wish.container_network not in NETWORKS:
        yield Fault(
            "etcd_container_network",
            f"{wish.container_network!r} is not known.",
            f"Choose one of: {', '.join(NETWORKS)}.",
        )
    for variable, path in (
        ("etcd_data_dir", _data_dir(wish)),
        ("etcd_config_dir", wish.config_dir),
        ("etcd_settings: wal-dir", str(wish.settings.get("wal-dir") or "/wal")),
    ):
        if not _MOUNTED.match(path):
            yield Fault(
                variable,
                f"{path!r} cannot be handed to a container.",
                "Use letters, digits, dots, dashes and underscores between the slashes.",
            )
    for one in wish.container_nameservers:
        if ip_of(one) is None:
            yield Fault("etcd_container_nameservers", f"{one!r} is not an IP address.", "List addresses of resolvers.")
    for mount in wish.container_mounts:
        if not all(map(_MOUNTED.match, mount.split(":")[:2])) or not re.match(r"[^:]+(:[^:]+){0,2}\Z", mount):
            yield Fault(
                "etcd_container_mounts",
                f"{mount!r} is not a directory, nor DIRECTORY:PLACE or DIRECTORY:PLACE:OPTIONS.",
                "Use plain absolute paths.",
            )
    yield from _engine_options(wish)


def _engine_options(wish: Wish) -> t.Iterator[Fault]:
    for option in wish.container_options:
        name = re.split(r"[=\s]", option.strip())[0]
        if name in _OWN_OPTIONS:
            yield Fault(
                "etcd_container_options",
                f"{name} is set by the role, which finds and runs the container by it.",
                "Take it out.",
            )


def _version_and_settings(wish: Wish) -> t.Iterator[Fault]:
    try:
        version = Version.parse(wish.version)
    except ValueError as error:
        yield Fault("etcd_version", f"{error}.", f"Supported are releases of {', '.join(LINES)}.")
        return
    if str(version) != wish.version:
        yield Fault("etcd_version", f"{wish.version!r} is no way to write a version.", f"Write {version}.")
    if version.line not in LINES:
        yield Fault("etcd_version", f"{version} is not supported.", f"Supported are {', '.join(LINES)}.")
        return
    for found in settings.validate(wish.settings, version, own_settings(wish)):
        yield Fault(f"etcd_settings: {found.subject}", found.problem, found.remedy)
    for name, variable in _NEEDED.items():
        if name in wish.settings and wish.settings[name] is None:
            problem = "cannot be taken out, no member can do without it."
            yield Fault(f"etcd_settings: {name}", problem, f"Use {variable}.")


# --- one cluster ----------------------------------------------------------------------------------------------------


def _agreement(wishes: t.Sequence[Wish]) -> t.Iterator[Fault]:
    """What must fit together on all members."""
    yield from _same_everywhere(wishes)
    yield from _one_line_apart(wishes)
    if len({wish.machine for wish in wishes}) > 1:
        yield from _out_of_reach(wishes)
        yield from _on_loopback(wishes)
    if len(wishes) > 1:
        yield from _health_elsewhere(wishes)


def _same_everywhere(wishes: t.Sequence[Wish]) -> t.Iterator[Fault]:
    for attribute, variable in (
        ("bootstrap", "etcd_bootstrap"),
        ("token", "etcd_bootstrap_token"),
        ("allow_downtime", "etcd_allow_downtime"),
        ("allow_downgrade", "etcd_allow_downgrade"),
        ("remove", "etcd_remove_members"),
        ("replace", "etcd_replace_members"),
        ("discovery_protocol", "etcd_discovery_protocol"),
        ("discovery_size", "etcd_discovery_size"),
        ("dns_domain", "etcd_dns_domain"),
        ("dns_service_name", "etcd_dns_service_name"),
    ):
        values: t.Dict[t.Any, t.List[str]] = {}
        for wish in wishes:
            values.setdefault(getattr(wish, attribute), []).append(wish.host)
        if len(values) > 1:
            told = "; ".join(f"{value!r} on {', '.join(hosts)}" for value, hosts in values.items())
            problem = f"must be the same on all members of a cluster: {told}."
            yield Fault(variable, problem, "Set it for the group, not for a host.")


def _one_line_apart(wishes: t.Sequence[Wish]) -> t.Iterator[Fault]:
    versions = {wish.host: Version.parse_or_none(wish.version) for wish in wishes}
    known = sorted({(version.major, version.minor) for version in versions.values() if version is not None})
    if known and known[-1] > (known[0][0], known[0][1] + 1):
        told = ", ".join(f"{host}: {version}" for host, version in versions.items())
        yield Fault(
            "etcd_version",
            f"members of a cluster may be one minor version apart, no more ({told}).",
            "Set it for the group.",
        )


def _on_loopback(wishes: t.Sequence[Wish]) -> t.Iterator[Fault]:
    for wish in wishes:
        ip = ip_of(wish.address)
        if ip is not None and ip.is_loopback:
            yield Fault(
                f"{wish.host}: etcd_address",
                f"{wish.address} is reached from its own machine only, and the cluster has members on others.",
                "Use an address that the others reach.",
            )


def _health_elsewhere(wishes: t.Sequence[Wish]) -> t.Iterator[Fault]:
    for wish in wishes:
        if wish.settings.get("listen-client-http-urls"):
            yield Fault(
                f"{wish.host}: etcd_settings: listen-client-http-urls",
                "takes /health away from the client URLs, at which the others ask whether one of them may stop.",
                "Leave it out; only a cluster of one member can have it.",
            )


def _out_of_reach(wishes: t.Sequence[Wish]) -> t.Iterator[Fault]:
    """Members that others would not reach where they are listed. Each alone seems well; all together have no quorum."""
    for wish in wishes:
        listens = peer_listens(wish)
        name = f"{wish.host}: " + ("etcd_settings: listen-peer-urls" if _own_peer_urls(wish) else "etcd_listen_address")
        if not listens:
            yield Fault(
                name,
                f"has no URL with the port {wish.peer_port}, and others reach the member at {peer_url(wish)}.",
                "Add one, or set etcd_peer_port.",
            )
        elif not is_loopback(wish.address) and all(is_loopback(found.host) for found in listens):
            yield Fault(
                name,
                f"has only addresses of the machine's own, and others reach the member at {peer_url(wish)}.",
                "Have it listen at an address that the others reach.",
            )


def _own_peer_urls(wish: Wish) -> bool:
    return wish.settings.get("listen-peer-urls") is not None


def _clashes(wishes: t.Sequence[Wish], others: t.Sequence[Wish]) -> t.Iterator[Fault]:
    """What two members cannot share: names and peer URLs in a cluster; ports, directories and services on a machine."""
    yield from _twice(wishes, "the name", "etcd_name", [wish.name for wish in wishes])
    yield from _twice(wishes, "the peer URL", "etcd_address, etcd_peer_port", [peer_url(wish) for wish in wishes])
    yield from _same_records(wishes, others)
    everyone = [*wishes, *others]
    for number, first in enumerate(wishes):
        for second in everyone[number + 1 :]:
            if first.machine == second.machine:
                yield from _same_machine(first, second)


def _same_records(wishes: t.Sequence[Wish], others: t.Sequence[Wish]) -> t.Iterator[Fault]:
    """etcd takes all that a domain's records name for members of one cluster."""
    found = {(one.dns_domain.lower(), one.dns_service_name) for one in wishes if one.bootstrap == "dns"}
    clusters = {
        other.cluster: other.dns_domain
        for other in others
        if other.bootstrap == "dns" and (other.dns_domain.lower(), other.dns_service_name) in found
    }
    for cluster, domain in clusters.items():
        yield Fault(
            "etcd_dns_domain",
            f"the clusters {wishes[0].cluster} and {cluster} have the records of {domain} in common.",
            "Give each an etcd_dns_service_name of its own.",
        )


def _twice(wishes: t.Sequence[Wish], what: str, variable: str, keys: t.Sequence[str]) -> t.Iterator[Fault]:
    found: t.Dict[str, t.List[str]] = {}
    for wish, key in zip(wishes, keys):
        found.setdefault(key, []).append(wish.host)
    for value, hosts in found.items():
        if len(hosts) > 1:
            yield Fault(variable, f"{', '.join(hosts)} have {what} {value} in common.", "Give each its own.")


def _same_machine(first: Wish, second: Wish) -> t.Iterator[Fault]:
    pair = f"{first.host} and {second.host} are on one machine"
    ports = sorted(
        {
            port
            for host, port in _listens(first)
            for other, same in _listens(second)
            if port == same and _meet(host, other)
        }
    )
    if ports:
        yield Fault(
            "etcd_client_port, etcd_peer_port",
            f"{pair} and both listen on port {', '.join(map(str, ports))}.",
            "Give each its own ports.",
        )
    if _service_key(first) == _service_key(second):
        yield Fault("etcd_service", f"{pair} and share the service {first.service}.", "Give each its own.")
    if _inside(first.config_dir, second.config_dir) or _inside(second.config_dir, first.config_dir):
        yield Fault(
            "etcd_config_dir",
            f"{pair}, and one's directory is in the other's ({first.config_dir}, {second.config_dir}).",
            "Give each its own.",
        )
    for path, holds in ((path, what) for path in _data_directories(first) for what in _data_directories(second)):
        if _inside(path, holds) or _inside(holds, path):
            yield Fault(
                "etcd_data_dir",
                f"{pair}, and one's data directory is in the other's ({path}, {holds}).",
                "Give each its own.",
            )


def _service_key(wish: Wish) -> t.Tuple[str, str, str]:
    """Units are known to the whole machine, the entries of a Procfile to their directory."""
    own = posixpath.dirname(wish.config_dir) if wish.deployment == "procfile" else ""
    return "procfile" if own else "unit", wish.service, own


def _data_dir(wish: Wish) -> str:
    return str(wish.settings.get("data-dir") or wish.data_dir)


def _data_directories(wish: Wish) -> t.List[str]:
    found = [_data_dir(wish)]
    if wish.settings.get("wal-dir") and not _inside(str(wish.settings["wal-dir"]), found[0]):
        found.append(str(wish.settings["wal-dir"]))
    return found


def _inside(path: str, other: str) -> bool:
    """Whether ``path`` is ``other`` or lies in it."""
    path, other = (posixpath.normpath(item).rstrip("/") + "/" for item in (path, other))
    return path.startswith(other)


def _listens(wish: Wish) -> t.Set[t.Tuple[str, int]]:
    """Addresses and ports it listens on."""
    return {(found.host, found.port) for name in _LISTENING for found in listens_by(wish, name)}


def _meet(host: str, another: str) -> bool:
    """Whether two servers cannot both have a port at these addresses."""
    first, second = (ip_of("127.0.0.1" if item == "localhost" else item) for item in (host, another))
    if first is None or second is None:
        return host == another
    # What listens on all IPv6 addresses listens on all IPv4 ones, too.
    pairs = ((first, second), (second, first))
    return first == second or any(one.is_unspecified and one.version in (6, other.version) for one, other in pairs)


def _serves_plainly(wish: Wish) -> bool:
    urls = str_list(settings.merge(own_settings(wish), wish.settings).get("listen-client-urls"))
    return any(url.startswith("http://") and not _is_local(url) for url in urls)


def _is_local(url: str) -> bool:
    try:
        return is_loopback(urllib.parse.urlsplit(url).hostname or "")
    except ValueError:
        return False


__all__ = (
    "check",
    "check_proxies",
    "dns_faults",
    "warnings",
)

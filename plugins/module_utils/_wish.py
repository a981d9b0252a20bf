# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wishes: what the variables of a host ask for, and what follows from it; made into what the planner takes.

Private to this collection. Pure.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t
import urllib.parse

from ansible_collections.quorum.etcd.plugins.module_utils import _settings as settings
from ansible_collections.quorum.etcd.plugins.module_utils._address import ip_of, is_loopback
from ansible_collections.quorum.etcd.plugins.module_utils._definition import DIGEST, digest
from ansible_collections.quorum.etcd.plugins.module_utils._image_name import ImageName
from ansible_collections.quorum.etcd.plugins.module_utils._model import Desired
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

CONTAINERS = ("docker", "podman")

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
    allow_downgrade: bool = False
    remove: t.Tuple[str, ...] = ()
    replace: t.Tuple[str, ...] = ()
    users: bool = False
    enabled: bool = True
    user: str = ""
    group: str = ""
    container_network: str = "host"
    container_mounts: t.Tuple[str, ...] = ()
    container_options: t.Tuple[str, ...] = ()
    container_nameservers: t.Tuple[str, ...] = ()
    gate_timeout: int = 60
    start_timeout: int = 120

    discovery_protocol: str = ""
    discovery_endpoints: t.Tuple[str, ...] = ()
    discovery_size: int = 0
    dns_domain: str = ""
    dns_service_name: str = ""
    dns_hosts: t.Tuple[str, ...] = ()
    dns_addresses: t.Tuple[str, ...] = ()
    reached_at: str = ""

    @property
    def contained(self) -> bool:
        """It runs in a container; its release is an image."""
        return self.deployment in CONTAINERS

    @property
    def own_addresses(self) -> t.Tuple[str, ...]:
        """The IP addresses behind its name, as far as the inventory tells."""
        return served_addresses(self.dns_addresses, self.reached_at)

    @property
    def expected_addresses(self) -> t.Tuple[str, ...]:
        """Those that its name must have. In a DNS of somebody else's only what is said for this purpose counts."""
        return self.own_addresses if self.dns_hosts else self.dns_addresses

    @property
    def protocol(self) -> str:
        """The discovery protocol: the one asked for, or the one that the version has."""
        version = Version.parse_or_none(self.version)
        return self.discovery_protocol or ("v3" if version is None or version >= (3, 6, 0) else "v2")


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
        release=str(ImageName.parse(wish.release)) if wish.contained else wish.release,
        environment=environment,
        definition=wish.definition,
        data_dir=str(merged.get("data-dir", wish.data_dir)),
        config_dir=wish.config_dir,
        service=wish.service,
        deployment=wish.deployment,
        bootstrap=wish.bootstrap,
        enabled=wish.enabled,
        discovery=wish.protocol if wish.bootstrap == "discovery" else "",
        registry=bool(wish.discovery_endpoints),
        brought=wish.contained or wish.install == "release",
        first_start=_first_start(wish),
        user=wish.user,
    )


def _first_start(wish: Wish) -> t.Dict[str, str]:
    if wish.bootstrap != "dns":
        return {}
    found = {"ETCD_DISCOVERY_SRV": wish.dns_domain}
    return {**found, "ETCD_DISCOVERY_SRV_NAME": wish.dns_service_name} if wish.dns_service_name else found


def own_settings(wish: Wish) -> t.Dict[str, object]:
    """The settings that follow from the role's other variables."""
    named = "::" if wish.bootstrap == "dns" and any(":" in one for one in wish.own_addresses) else "0.0.0.0"
    listen = wish.listen_address or (wish.address if ip_of(wish.address) else named)
    if wish.contained and wish.container_network == "bridge":
        listen = "::" if ":" in listen else "0.0.0.0"  # the container's own; the unit publishes the ports elsewhere
    clients = [_url(listen, wish.client_port)]
    ip = ip_of(listen)
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
    """The URL under which the member is listed: of the scheme that it listens with at this port."""
    best = min(
        peer_listens(wish), key=lambda found: (found.host != wish.address, is_loopback(found.host)), default=None
    )
    return _url(wish.address, wish.peer_port, "http" if best is None else best.scheme)


def plain_name(name: str) -> str:
    """A host's name as DNS records have it: etcd draws IDs from how it is spelled there."""
    return name.lower().rstrip(".")


def served_addresses(given: t.Sequence[str], reached_at: str) -> t.Tuple[str, ...]:
    """The addresses that records have for a host: those given, else where Ansible reaches it, if others can, too."""
    if given:
        return tuple(given)
    ip = ip_of(reached_at)
    return () if ip is None or ip.is_loopback or ip.is_link_local else (reached_at,)


def str_list(value: object) -> t.List[str]:
    """A list setting as a list, whether it was given as one or comma-separated."""
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else str(value).split(",")


# --- where it listens -----------------------------------------------------------------------------------------------


class Listens(t.NamedTuple):
    """Where a server listens."""

    scheme: str
    host: str
    port: int


def listens_by(wish: Wish, name: str) -> t.List[Listens]:
    """Where it does by this setting. What is no URL with a port is a fault of its own, see the settings."""
    found = []
    for url in str_list(settings.merge(own_settings(wish), wish.settings).get(name)):
        with contextlib.suppress(ValueError):
            parts = urllib.parse.urlsplit(url.strip())
            if parts.hostname and parts.port:
                found.append(Listens(parts.scheme, parts.hostname, parts.port))
    return found


def peer_listens(wish: Wish) -> t.List[Listens]:
    """Where it listens for peers, at the port that they come to."""
    return [found for found in listens_by(wish, "listen-peer-urls") if found.port == wish.peer_port]


def _url(address: str, port: int, scheme: str = "http") -> str:
    ip = ip_of(address)
    if ip is not None:
        address = f"[{ip.compressed}]" if ip.version == 6 else str(ip)
    return f"{scheme}://{address}:{port}"


__all__ = (
    "CONTAINERS",
    "Listens",
    "Wish",
    "desire",
    "listens_by",
    "own_settings",
    "peer_listens",
    "peer_url",
    "plain_name",
    "served_addresses",
    "str_list",
)

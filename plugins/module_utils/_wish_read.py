# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading wishes out of plain variables, with the faults of those that have the wrong shape.

Private to this collection. Pure.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._model import Fault
from ansible_collections.quorum.etcd.plugins.module_utils._wish import CONTAINERS, Wish, plain_name


def read(host: str, machine: str, variables: t.Mapping[str, t.Any]) -> t.Tuple[t.Optional[Wish], t.Tuple[Fault, ...]]:
    """A wish out of plain variables; faults instead where they have the wrong shape."""
    faults = []
    values: t.Dict[str, t.Any] = {}
    for field in dataclasses.fields(Wish):
        if field.name in ("host", "machine"):
            continue
        image = field.name == "release" and variables.get("deployment") in CONTAINERS
        variable = f"{host}: etcd_{'image' if image else _VARIABLES.get(field.name, field.name)}"
        value = variables.get(field.name)
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if needed and (value is None or value == ""):
            faults.append(Fault(variable, "is empty.", _EMPTY.get(field.name, "")))
        elif value is not None:
            reader, kind = _READERS.get(field.name, (_text, "a text"))
            try:
                values[field.name] = reader(value)
            except ValueError:
                faults.append(Fault(variable, f"{value!r} is not {kind}."))
    if faults:
        return None, tuple(faults)
    if values.get("bootstrap") == "dns":
        values["address"] = plain_name(values["address"])
    return Wish(host=host, machine=machine, **values), ()


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
    "gate_timeout": (_number, "a number"),
    "start_timeout": (_number, "a number"),
    "settings": (_mapping, "a dictionary of etcd's settings"),
    "allow_downtime": (_boolean, "true or false"),
    "allow_downgrade": (_boolean, "true or false"),
    "users": (_boolean, "true or false"),
    "enabled": (_boolean, "true or false"),
    "discovery_endpoints": (_names, "a list of URLs"),
    "discovery_size": (_number, "a number"),
    "container_mounts": (_names, "a list of directories"),
    "container_options": (_names, "a list of options"),
    "container_nameservers": (_names, "a list of IP addresses"),
    "dns_hosts": (_names, "a list of hosts"),
    "dns_addresses": (_names, "a list of IP addresses"),
    "remove": (_names, "a list of member names"),
    "replace": (_names, "a list of member names"),
}
_EMPTY = {"address": "This host shows no address of its own: set it."}
_VARIABLES = {
    "cluster": "cluster_name",
    "token": "bootstrap_token",
    "remove": "remove_members",
    "replace": "replace_members",
    "release": "release_path",
}

__all__ = ("read",)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that can be put together from parts.

Private to this collection.
"""

from __future__ import annotations

import math
import os
import typing as t

from ansible.module_utils.common.parameters import env_fallback
from ansible.module_utils.errors import AnsibleFallbackNotFound

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection

Spec = t.Dict[str, t.Dict[str, t.Any]]


class ArgumentSpec:
    """Options with the rules between them. Never changed once made; ``merge`` gives a new one."""

    def __init__(
        self,
        argument_spec: t.Optional[Spec] = None,
        *,
        required_together: t.Sequence[t.Sequence[str]] = (),
        required_if: t.Sequence[t.Sequence[t.Any]] = (),
        required_one_of: t.Sequence[t.Sequence[str]] = (),
        mutually_exclusive: t.Sequence[t.Sequence[str]] = (),
        required_by: t.Optional[t.Mapping[str, t.Sequence[str]]] = None,
    ) -> None:
        self._argument_spec: Spec = dict(argument_spec or {})
        self._required_together = tuple(required_together)
        self._required_if = tuple(required_if)
        self._required_one_of = tuple(required_one_of)
        self._mutually_exclusive = tuple(mutually_exclusive)
        self._required_by = {key: tuple(needs) for key, needs in (required_by or {}).items()}

    def merge(self, other: ArgumentSpec) -> ArgumentSpec:
        """Both together, as a new object. Of an option that both have, ``other``'s is taken."""
        required_by = dict(self._required_by)
        for key, needs in other._required_by.items():
            known = required_by.get(key, ())
            required_by[key] = known + tuple(need for need in needs if need not in known)
        return ArgumentSpec(
            {**self._argument_spec, **other._argument_spec},
            required_together=self._required_together + other._required_together,
            required_if=self._required_if + other._required_if,
            required_one_of=self._required_one_of + other._required_one_of,
            mutually_exclusive=self._mutually_exclusive + other._mutually_exclusive,
            required_by=required_by,
        )

    def to_kwargs(self) -> t.Dict[str, t.Any]:
        """The keyword arguments of ``AnsibleModule``; fresh containers each time."""
        return {
            "argument_spec": dict(self._argument_spec),
            "required_together": list(self._required_together),
            "required_if": list(self._required_if),
            "required_one_of": list(self._required_one_of),
            "mutually_exclusive": list(self._mutually_exclusive),
            "required_by": dict(self._required_by),
        }


def connection_spec() -> ArgumentSpec:
    """The options of every module that talks to etcd; documented in the fragment ``_connection``."""
    return ArgumentSpec(
        {
            "endpoints": {
                "type": "list",
                "elements": "str",
                "default": ["http://127.0.0.1:2379"],
                "fallback": (env_fallback, ["ETCDCTL_ENDPOINTS"]),
            },
            "ca_path": {"type": "path", "fallback": (env_fallback, ["ETCDCTL_CACERT"])},
            "client_cert": {"type": "path", "fallback": (env_fallback, ["ETCDCTL_CERT"])},
            "client_key": {"type": "path", "no_log": False, "fallback": (env_fallback, ["ETCDCTL_KEY"])},
            "validate_certs": {"type": "bool", "default": True},
            "user": {"type": "str", "fallback": (_user_fallback, [])},
            "password": {"type": "str", "no_log": True, "fallback": (_password_fallback, [])},
            "timeout": {"type": "float", "default": 5.0},
            "transport": {"type": "str", "choices": ["auto", "gateway", "grpc"], "default": "auto"},
        },
        required_by={"client_key": ["client_cert"]},
    )


def connection_of(params: t.Mapping[str, t.Any]) -> Connection:
    """What a module was told by the options of ``connection_spec``.

    :raises InvalidInput: a user without a password, or a timeout that is not above 0.
    """
    if params["user"] and params["password"] is None:
        raise InvalidInput(f"There is no password for the user {params['user']}.", remedy="Set password.")
    if not 0 < params["timeout"] < math.inf:
        raise InvalidInput(f"A timeout of {params['timeout']:g} s is no time to wait for an answer.")
    return Connection(
        ca_path=params["ca_path"] or None,
        client_cert=params["client_cert"] or None,
        client_key=params["client_key"] or None,
        validate_certs=params["validate_certs"],
        user=params["user"] or None,
        password=params["password"],
        timeout=params["timeout"],
    )


def check_waits(params: t.Mapping[str, t.Any], *names: str) -> None:
    """:raises InvalidInput: one of these options is no number of seconds: negative, endless or nothing."""
    for name in names:
        if not 0 <= params[name] < math.inf:
            raise InvalidInput(f"{name}: {params[name]:g} is no number of seconds to wait.")


def instance_spec() -> ArgumentSpec:
    """Where an instance is, for every module that works on one; documented in the fragment ``_instance``."""
    return ArgumentSpec(
        {
            "service": {"type": "str", "default": "etcd"},
            "deployment": {"type": "str", "choices": ["systemd", "docker", "podman", "procfile"], "default": "systemd"},
            "config_dir": {"type": "path", "default": "/etc/etcd"},
            "data_dir": {"type": "path", "default": "/var/lib/etcd"},
            "release_dir": {"type": "path", "default": "/opt/etcd"},
            "procfile_dir": {"type": "path"},
            "procfile_runner": {"type": "str", "default": "honcho"},
            "owner": {"type": "str", "default": "etcd"},
        },
        required_if=[("deployment", "procfile", ("procfile_dir",))],
    )


def _user_fallback() -> str:
    """The name in etcdctl's ``ETCDCTL_USER``, which may be ``name:password``: the rest must never show."""
    name = os.environ.get("ETCDCTL_USER", "").partition(":")[0]
    if not name:
        raise AnsibleFallbackNotFound
    return name


def _password_fallback() -> str:
    """``ETCDCTL_PASSWORD``, or what follows the name in ``ETCDCTL_USER``."""
    password = os.environ.get("ETCDCTL_PASSWORD")
    if password is not None:
        return password
    colon, password = os.environ.get("ETCDCTL_USER", "").partition(":")[1:]
    if not colon:
        raise AnsibleFallbackNotFound
    return password


__all__ = ("ArgumentSpec", "check_waits", "connection_of", "connection_spec", "instance_spec")

#!/usr/bin/python

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kv
short_description: A key and its value
version_added: 0.1.0
description:
  - Writes or deletes a key. The first of the O(endpoints) that can serve is asked.
  - A key that somebody else writes at the same moment is read again and compared anew, never overwritten unseen.
extends_documentation_fragment:
  - quorum.etcd._attributes
  - quorum.etcd._attributes.actiongroup_etcd
  - quorum.etcd._connection
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Values are shown as a digest and their size, unless O(show_values) is set.
  idempotent:
    support: full
options:
  key:
    description: The key.
    type: str
    required: true
  value:
    description: The value. It must be set where O(state=present).
    type: str
  base64:
    description: Whether O(value), RV(value) and RV(previous) are in Base64, for values that are no text.
    type: bool
    default: false
  state:
    description: Whether the key shall be there.
    type: str
    choices:
      - present
      - absent
    default: present
  prefix:
    description: With O(state=absent), whether all keys that begin with O(key) are deleted.
    type: bool
    default: false
  show_values:
    description:
      - Whether differences show the values themselves, and RV(value) and RV(previous) are returned.
      - Set C(no_log) on the task where O(value) is a secret, because its arguments show, too.
    type: bool
    default: false
author:
  - The quorum.etcd authors (@quorum-etcd)
seealso:
  - module: quorum.etcd.cluster_info
"""

EXAMPLES = r"""
- name: Write a key
  quorum.etcd.kv:
    endpoints: http://192.0.2.11:2379
    key: /app/colour
    value: blue

- name: Write the content of a file
  quorum.etcd.kv:
    endpoints: http://192.0.2.11:2379
    key: /app/logo
    value: "{{ lookup('ansible.builtin.file', 'logo.png') | b64encode }}"
    base64: true

- name: Delete all keys of an application
  quorum.etcd.kv:
    endpoints: http://192.0.2.11:2379
    key: /app/
    state: absent
    prefix: true
"""

RETURN = r"""
key:
  description: The key.
  returned: success
  type: str
  sample: /app/colour
existed:
  description: Whether the key was there before.
  returned: success, unless O(prefix=true)
  type: bool
  sample: true
previous:
  description: The former value. V(null) where there was none.
  returned: success, if O(show_values=true), unless O(prefix=true)
  type: str
  sample: green
value:
  description: The value now, or as it would be in check mode. V(null) where there is none.
  returned: success, if O(show_values=true), unless O(prefix=true)
  type: str
  sample: blue
deleted:
  description: The keys that were deleted, or would be in check mode.
  returned: success, if O(prefix=true)
  type: list
  elements: str
  sample:
    - /app/colour
remedy:
  description: What to do next.
  returned: failure
  type: str
  sample: Set user and password.
"""

import base64
import binascii
import contextlib
import hashlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.quorum.etcd.plugins.module_utils._argspec import (
    ArgumentSpec,
    connection_of,
    connection_spec,
)
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client, KeyValue, connect, on_any
from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, Unavailable, failing

ATTEMPTS = 5

Result = t.Dict[str, t.Any]


def argument_spec() -> ArgumentSpec:
    """The module's options."""
    return connection_spec().merge(
        ArgumentSpec(
            {
                "key": {"type": "str", "required": True, "no_log": False},
                "value": {"type": "str"},
                "base64": {"type": "bool", "default": False},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "prefix": {"type": "bool", "default": False},
                "show_values": {"type": "bool", "default": False},
            },
            required_if=[["state", "present", ["value"]]],
        )
    )


def converge(clients: t.Sequence[Client], params: t.Mapping[str, t.Any], *, check_mode: bool) -> Result:
    """Bring the key to what is wished; gives the module's result with its ``diff``.

    :raises QuorumError: a value is no Base64, no server could serve, or others wrote the key all the time.
    """
    if params["prefix"]:
        if params["state"] == "present":
            raise InvalidInput("prefix can be used with state=absent only.", remedy="Leave one of them out.")
        return _delete_prefix(clients, params["key"], check_mode=check_mode)
    if not params["key"]:
        raise InvalidInput("The key is empty.", remedy="Set key; with prefix=true an empty one means all keys.")
    key = params["key"].encode()
    wished = _wished(params)
    first: t.Optional[KeyValue] = None
    for attempt in range(ATTEMPTS):
        found = on_any(clients, lambda client: client.get(key))
        if attempt == 0:
            first = found
        current = None if found is None else found.value
        if current == wished or check_mode or _write(clients, key, wished, found):
            break
    else:
        raise Unavailable(f"Others wrote the key {params['key']} each time before it could be written.")
    before = None if first is None else first.value
    result: Result = {
        "changed": before != wished,
        "key": params["key"],
        "existed": first is not None,
        "diff": _diff(params, before, wished),
    }
    if params["show_values"]:
        result.update(previous=_shown(params, before), value=_shown(params, wished))
    return result


def _wished(params: t.Mapping[str, t.Any]) -> t.Optional[bytes]:
    if params["state"] == "absent":
        return None
    if not params["base64"]:
        return str(params["value"]).encode()
    try:
        return base64.b64decode(params["value"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"The value of {params['key']} is not in Base64: {error}.") from error


def _write(clients: t.Sequence[Client], key: bytes, wished: t.Optional[bytes], found: t.Optional[KeyValue]) -> bool:
    """Whether the key was still as found, and is now as wished."""
    revision = 0 if found is None else found.mod_revision
    if wished is None:
        return on_any(clients, lambda client: client.delete_if(key, mod_revision=revision)) is not None
    return on_any(clients, lambda client: client.put_if(key, wished, mod_revision=revision)) is not None


def _delete_prefix(clients: t.Sequence[Client], prefix: str, *, check_mode: bool) -> Result:
    found = on_any(clients, lambda client: client.get_prefix(prefix.encode(), keys_only=True))
    if found and not check_mode:
        on_any(clients, lambda client: client.delete(prefix.encode(), prefix=True))
    names = [entry.key.decode("utf-8", "replace") for entry in found]
    return {
        "changed": bool(names),
        "key": prefix,
        "deleted": names,
        "diff": {"before": "".join(f"{name}\n" for name in names), "after": ""},
    }


def _shown(params: t.Mapping[str, t.Any], value: t.Optional[bytes]) -> t.Optional[str]:
    if value is None:
        return None
    return base64.b64encode(value).decode("ascii") if params["base64"] else value.decode("utf-8", "replace")


def _diff(params: t.Mapping[str, t.Any], before: t.Optional[bytes], after: t.Optional[bytes]) -> Result:
    def side(value: t.Optional[bytes]) -> Result:
        if value is None:
            return {}
        if params["show_values"]:
            return {params["key"]: _shown(params, value)}
        return {params["key"]: f"{len(value)} bytes, sha256 {hashlib.sha256(value).hexdigest()[:16]}"}

    return {"before": side(before), "after": side(after)}


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **argument_spec().to_kwargs())
    params = module.params
    with failing(module):
        connection = connection_of(params)
        if not params["endpoints"]:
            raise InvalidInput("There is no endpoint to ask.", remedy="Set endpoints.")
        with contextlib.ExitStack() as stack:
            clients = [
                stack.enter_context(contextlib.closing(connect(url, connection, transport=params["transport"])))
                for url in params["endpoints"]
            ]
            result = converge(clients, params, check_mode=module.check_mode)
        if not module._diff:
            del result["diff"]
        module.exit_json(**result)


if __name__ == "__main__":
    main()

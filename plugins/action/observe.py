# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at a host, and then says what it is wished to be: some of that depends on what was seen."""

from __future__ import annotations

import json
import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.quorum.etcd.plugins.module_utils._model import hides
from ansible_collections.quorum.etcd.plugins.plugin_utils._play import SEEN


class ActionModule(ActionBase):
    """The module ``server_info``, and variables evaluated with its result at hand: one task where there were two."""

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[t.Dict[str, t.Any]] = None) -> t.Dict[str, t.Any]:
        """See the module's documentation for what is returned."""
        variables = task_vars or {}
        super().run(tmp, variables)
        options = dict(self._task.args)
        wish = options.pop("wish", None)
        if wish not in variables:
            return {"failed": True, "msg": f"wish names no variable: {wish!r}. Name the one that holds the wish."}
        unknown = sorted(set(variables[wish].values()) - set(variables))
        if unknown:
            return {"failed": True, "msg": f"{wish} names no variables: {', '.join(unknown)}. Define them."}
        seen: t.Dict[str, t.Any] = self._execute_module("quorum.etcd.server_info", options, task_vars=variables)
        if seen.get("failed"):
            return seen
        if _is_masked(seen, options):
            return {
                "failed": True,
                "msg": "The password occurs in what the host shows of itself, where Ansible hides it, and nothing can "
                "be planned with that. Give the user a password that is no part of a name, path or number.",
            }
        seen["wish"] = self._evaluate(variables[wish], {**variables, SEEN: seen})
        return seen

    def _evaluate(self, wish: t.Mapping[str, str], variables: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
        """What each field's variable came to. Those after it are told, else Ansible would evaluate it anew for each."""
        templar = self._templar.copy_with_new_env(available_variables=variables)
        came: t.Dict[str, t.Any] = {}
        for name in wish.values():
            evaluated = templar.template({name: variables[name]})  # what comes to omit is left out
            came.update(evaluated)
            variables.update(evaluated)
        return {field: came[name] for field, name in wish.items() if name in came}


def _is_masked(seen: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any]) -> bool:
    """Whether hiding the password has taken something else out of a result."""
    if not options.get("password"):
        return False
    return hides(json.dumps(seen["server"]))

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of each cluster in the play, from what its hosts showed: printed once, and as data."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.quorum.etcd.plugins.module_utils._errors import QuorumError
from ansible_collections.quorum.etcd.plugins.module_utils._model import encode
from ansible_collections.quorum.etcd.plugins.module_utils._status import ClusterStatus, cluster_status, table
from ansible_collections.quorum.etcd.plugins.plugin_utils._play import sights


class ActionModule(ActionBase):
    """Runs on one host for all clusters."""

    _supports_check_mode = True
    _requires_connection = False
    TRANSFERS_FILES = False
    BYPASS_HOST_LOOP = True

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[t.Dict[str, t.Any]] = None) -> t.Dict[str, t.Any]:
        """See the module's documentation for what is returned."""
        variables = task_vars or {}
        super().run(tmp, variables)
        _validated, arguments = self.validate_argument_spec(
            argument_spec={"hosts": {"type": "list", "elements": "str", "required": True}}
        )
        try:
            clusters = statuses([str(host) for host in arguments["hosts"]], variables)
        except QuorumError as error:
            return {"failed": True, "msg": str(error)}
        Display().display("\n\n".join(table(cluster) for cluster in clusters))
        return {"changed": False, "clusters": [encode(cluster) for cluster in clusters]}


def statuses(hosts: t.Sequence[str], variables: t.Mapping[str, t.Any]) -> t.Tuple[ClusterStatus, ...]:
    """One for each cluster, in the order in which their first hosts come."""
    everyone = sights(hosts, variables)
    shown = {sight.host: seen for sight in everyone for seen in [sight.seen] if seen is not None}
    names = list(dict.fromkeys(sight.cluster for sight in everyone))
    return tuple(
        cluster_status(
            name,
            {sight.host: shown[sight.host] for sight in everyone if sight.cluster == name and sight.host in shown},
            {sight.host: sight.missing for sight in everyone if sight.cluster == name and sight.host not in shown},
            {sight.host: sight.name for sight in everyone if sight.cluster == name},
        )
        for name in names
    )

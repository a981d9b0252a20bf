# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records what real registries of the protocol v2 answer, for the unit tests.

``python tests/integration/record_discovery.py`` writes tests/unit/fixtures/discovery/{VERSION,service}.json: what is
asked in ``tests/unit/discovery_talk.py``, and status and body exactly as they came, but for addresses.
"""

from __future__ import annotations

import json
import sys
import tempfile
import typing as t
from pathlib import Path

from ansible.module_utils.urls import open_url

_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_ROOT / ".cache"))

from ansible_collections.quorum.etcd.plugins.module_utils._client import Connection
from ansible_collections.quorum.etcd.plugins.module_utils._discovery import UrlHttp
from ansible_collections.quorum.etcd.tests.integration.support import Cluster
from ansible_collections.quorum.etcd.tests.integration.test_discovery import serving
from ansible_collections.quorum.etcd.tests.unit import discovery_talk


class Recorder:
    """Passes requests on, from the address that the talk knows to the real one. See ``Http``."""

    def __init__(self, known: str, real: str) -> None:
        self.exchanges: t.List[t.Dict[str, t.Any]] = []
        self._known = known
        self._real = real
        self._http = UrlHttp(open_url, Connection())

    def __call__(self, method: str, url: str, form: t.Optional[t.Mapping[str, str]] = None) -> t.Tuple[int, str]:
        status, body = self._http(method, url.replace(self._known, self._real), form)
        body = body.replace(self._real, self._known)
        self.exchanges.append({"method": method, "url": url, "form": form, "status": status, "body": body})
        return status, body

    def save(self, name: str) -> None:
        path = discovery_talk.RECORDED / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.exchanges, indent=1) + "\n")


def main() -> None:
    for version in ("3.4.23", "3.5.35"):
        with tempfile.TemporaryDirectory() as directory:
            cluster = Cluster(Path(directory), version)
            try:
                (endpoint,) = cluster.bootstrap(1, ETCD_ENABLE_V2="true").endpoints
                recorder = Recorder(discovery_talk.REGISTRY, endpoint)
                discovery_talk.talk_v2(recorder)
                recorder.save(version)
                if version == "3.5.35":
                    with serving(endpoint, Path(directory)) as url:
                        recorder = Recorder(discovery_talk.SERVICE, url)
                        discovery_talk.talk_public(recorder)
                        recorder.save("service")
            finally:
                cluster.close()


if __name__ == "__main__":
    main()

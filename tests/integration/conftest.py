# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters for tests; see ``support``."""

from __future__ import annotations

import contextlib
import sys
import typing as t
from pathlib import Path

import pytest

_CACHE = Path(__file__).resolve().parents[2] / ".cache"

if str(_CACHE) not in sys.path:
    sys.path.insert(0, str(_CACHE))

from ansible_collections.quorum.etcd.plugins.module_utils._client import Connection
from ansible_collections.quorum.etcd.tests.integration.support import Cluster, release


@pytest.fixture
def clusters(tmp_path: Path) -> t.Iterator[t.Callable[..., Cluster]]:
    """Makes clusters: ``clusters("3.6.16").bootstrap(3)``. All end with the test, however it goes."""
    with contextlib.ExitStack() as stack:

        def make(version: str, *, connection: t.Optional[Connection] = None) -> Cluster:
            release(version)
            directory = tmp_path / f"cluster{len(made) + 1}"
            made.append(Cluster(directory, version, connection=connection))
            stack.callback(made[-1].close)
            return made[-1]

        made: t.List[Cluster] = []
        yield make

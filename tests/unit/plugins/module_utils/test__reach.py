# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket

from ansible_collections.quorum.etcd.plugins.module_utils._reach import reached


def test_who_accepts_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as closing:
        there = f"https://127.0.0.1:{listening.getsockname()[1]}"
        gone = f"http://127.0.0.1:{closing.getsockname()[1]}"
        closing.close()
        unknown = "http://no-such-host.invalid:2380"
        odd = {"http://a..b:2380", "http://[::1:2380", "http://a:99999"}
        assert reached([there, gone, unknown, there, *odd], 5.0) == {there, unknown, *odd}
    assert reached([], 5.0) == frozenset()

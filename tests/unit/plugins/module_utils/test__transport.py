# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._transport import local_url


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "http://127.0.0.1:2379"),
        ({"ETCD_LISTEN_CLIENT_URLS": "http://192.0.2.1:1,http://127.0.0.1:2"}, "http://127.0.0.1:2"),
        ({"ETCD_LISTEN_CLIENT_URLS": "https://127.0.0.1:2,https://192.0.2.1:1"}, "https://192.0.2.1:1"),
        ({"ETCD_LISTEN_CLIENT_URLS": "https://192.0.2.1:1,http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        ({"ETCD_LISTEN_CLIENT_URLS": "http://0.0.0.0:1"}, "http://127.0.0.1:1"),
        ({"ETCD_LISTEN_CLIENT_URLS": "http://192.0.2.1:3,http://[::]:1"}, "http://[::1]:1"),
        ({"ETCD_LISTEN_CLIENT_URLS": "unix://x, http://192.0.2.1:3"}, "http://192.0.2.1:3"),
        ({"ETCD_LISTEN_CLIENT_URLS": "http://a:1", "ETCD_LISTEN_CLIENT_HTTP_URLS": "http://b:2"}, "http://b:2"),
        ({"ETCD_LISTEN_CLIENT_URLS": "http://localhost:7"}, "http://127.0.0.1:7"),
        ({"ETCD_LISTEN_CLIENT_URLS": "unix://x"}, ""),
        ({"ETCD_LISTEN_CLIENT_URLS": "http://[::1:2379,http://a:x"}, ""),
        ({"ETCD_LISTEN_CLIENT_URLS": "http://[::1:2379,http://192.0.2.1:3"}, "http://192.0.2.1:3"),
    ],
)
def test_local_url(environment: t.Dict[str, str], url: str) -> None:
    assert local_url(environment) == url

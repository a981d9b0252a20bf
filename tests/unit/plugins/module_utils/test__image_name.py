# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._image_name import ImageName

DIGEST = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("gcr.io/etcd-development/etcd:v3.6.16", "gcr.io/etcd-development/etcd:v3.6.16"),
        ("etcd", "docker.io/library/etcd:latest"),
        ("bitnami/etcd:3.6.4-debian-12-r0", "docker.io/bitnami/etcd:3.6.4-debian-12-r0"),
        ("localhost/etcd:v1", "localhost/etcd:v1"),
        ("10.0.0.1:5000/etcd", "10.0.0.1:5000/etcd:latest"),
        ("[2001:db8::1]:5000/a/b:c", "[2001:db8::1]:5000/a/b:c"),
        (f"quay.io/coreos/etcd:v3.6.16@{DIGEST}", f"quay.io/coreos/etcd:v3.6.16@{DIGEST}"),
        (f"quay.io/coreos/etcd@{DIGEST}", f"quay.io/coreos/etcd:latest@{DIGEST}"),
    ],
)
def test_names_are_written_out(text: str, written: str) -> None:
    assert str(ImageName.parse(text)) == written
    assert ImageName.parse(written) == ImageName.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "Etcd", "a//b", "etcd:", "etcd:a b", "etcd@sha256:12", "https://gcr.io/etcd:v1", "etcd; rm", "-etcd", "a\n"],
)
def test_what_no_registry_has(text: str) -> None:
    with pytest.raises(ValueError, match="is not the name of an image"):
        ImageName.parse(text)


def test_what_a_name_is_fetched_and_run_by() -> None:
    pinned = ImageName.parse(f"r:5000/etcd:v3.6.16@{DIGEST}")
    assert (pinned.pullable, pinned.tagged, pinned.registry) == (
        f"r:5000/etcd@{DIGEST}",
        "r:5000/etcd:v3.6.16",
        "r:5000",
    )
    assert ImageName.parse("r:5000/etcd", tag="v1").pullable == "r:5000/etcd:v1"


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v3.6.16", "3.6.16"),
        ("3.6.4-debian-12-r0", "3.6.4"),
        ("v3.6.16-amd64", "3.6.16"),
        ("latest", ""),
        ("v3.6", ""),
        ("3.6.16.1", ""),
    ],
)
def test_the_version_that_a_tag_tells(tag: str, version: str) -> None:
    assert ImageName.parse(f"etcd:{tag}").version == version

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stopping a server, and leaving a host that is no member any more the way a new one is.

Private to this collection. Neither asks the cluster: who calls them has.
"""

from __future__ import annotations

import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._instance import Files
from ansible_collections.quorum.etcd.plugins.module_utils._service import Service


def stop(service: Service, *, check_mode: bool) -> t.List[str]:
    """Stop the server and wait until it has ended; what was done."""
    seen = service.seen()
    if not seen.main_pid and seen.state in ("inactive", "failed"):
        return []
    if not check_mode:
        service.stop()
    return [f"stop {seen.name}"]


def retire(
    service: Service,
    files: Files,
    directories: t.Sequence[str],
    move_aside: t.Callable[[str], t.Optional[str]],
    *,
    check_mode: bool,
) -> t.List[str]:
    """Stop the server for good: disabled, its data moved aside, its files removed; what was done.

    ``directories`` are those with data, the WAL's among them where it lies elsewhere. Nothing of them is deleted. The
    data goes before ``etcd.env`` does, so that a run killed in between never leaves data that nobody explains.
    """
    done = stop(service, check_mode=check_mode)
    seen = service.seen()
    if seen.enabled:
        if not check_mode:
            service.disable()
        done.append(f"disable {seen.name}")
    for directory in directories:
        if check_mode:
            done.append(f"move {directory} aside")
            continue
        aside = move_aside(directory)
        if aside is not None:
            done.append(f"move {directory} aside to {aside}")
    if service.definition() is not None:
        if not check_mode:
            service.define(None)
        done.append(f"remove the definition of {seen.name}")
    if files.clear():
        done.append(f"remove the files in {files.config_dir}")
    return done


__all__ = ("retire", "stop")

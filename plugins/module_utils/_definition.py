# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit, or a line of a Procfile, tells the process that it starts. Private to this collection. Pure."""

from __future__ import annotations

import hashlib
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._model import Change, ProcessSeen, ServiceSeen

# The definition shows in no environment: its digest stands there for it.
DIGEST = "QUORUM_CONFIG_DIGEST"


def digest(definition: str) -> str:
    """Of all but the comments."""
    return hashlib.sha256(_told(definition).encode()).hexdigest()[:16]


def started_by_another(
    wished: str, written: t.Optional[str], service: ServiceSeen, process: ProcessSeen, *, interrupted: bool
) -> t.Tuple[Change, ...]:
    """Whether another unit than the wished one started the process, though its environment has the wished one's digest.

    Either somebody edited the unit and restarted the server; or a turn that put that right was ``interrupted`` before
    it restarted. When a process started is known to a second: one that started meanwhile has the unit that is written.
    """
    edited = _told(written or "").strip() != _told(wished).strip()
    has_written = process.started + 1 >= service.defined
    if service.defined and (has_written if edited else interrupted and not has_written):
        return (Change("definition", "another when it was started", "written"),)
    return ()


def _told(definition: str) -> str:
    return "\n".join(line for line in definition.splitlines() if not line.startswith("#"))


__all__ = ("DIGEST", "digest", "started_by_another")

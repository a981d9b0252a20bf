# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said to registries of the protocol v2: recorded with real ones, and played back in the unit tests."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.quorum.etcd.plugins.module_utils._discovery import (
    Http,
    PublicRegistry,
    TokenSeen,
    V2Registry,
    look,
    make,
    remove,
)
from ansible_collections.quorum.etcd.plugins.module_utils._errors import QuorumError

RECORDED = Path(__file__).resolve().parent / "fixtures" / "discovery"
REGISTRY = "http://registry.example:2379"
SERVICE = "http://service.example"
TOKEN = "tok"
IDS = ("9948adbefc5965ef", "1148adbefc5965ef", "48adbefc5965ef")

Exchange = t.Dict[str, t.Any]


class Replay:
    """Answers as recorded, to the very requests that were recorded, in their order. See ``Http``."""

    def __init__(self, name: str) -> None:
        self.left: t.List[Exchange] = json.loads((RECORDED / f"{name}.json").read_text())

    def __call__(self, method: str, url: str, form: t.Optional[t.Mapping[str, str]] = None) -> t.Tuple[int, str]:
        exchange = self.left.pop(0)
        assert (method, url, form) == (exchange["method"], exchange["url"], exchange["form"])
        return exchange["status"], exchange["body"]


class Talk(t.NamedTuple):
    """What came of it, in order: what was seen of the token, or the error's class and text."""

    seen: t.List[TokenSeen]
    changed: t.List[bool]
    errors: t.List[str]


def _error(what: t.Callable[[], t.Any]) -> str:
    try:
        what()
    except QuorumError as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def register(http: Http, url: str, number: int, name: str) -> None:
    """As a member does it."""
    form = {"value": f"{name}=http://192.0.2.{number}:2380,{name}=http://198.51.100.{number}:2380"}
    status = http("PUT", f"{url}/{IDS[number]}?prevExist=false", form)[0]
    assert status == 201


def talk_v2(http: Http) -> Talk:
    """A token's whole life, good and bad."""
    registry = V2Registry([REGISTRY], http)
    seen = [look(registry, TOKEN)]
    made = [make(registry, TOKEN, size) for size in (3, 3, 2)]
    url = registry.look(TOKEN).url
    former = look(registry, TOKEN)
    register(http, url, 0, "c2")
    seen.append(look(registry, TOKEN))
    register(http, url, 1, "c1")
    seen.append(look(registry, TOKEN))
    errors = [_error(lambda: make(registry, TOKEN, 2))]
    register(http, url, 2, "c1")
    seen.append(look(registry, TOKEN))
    for value in ("many", ""):
        http("PUT", f"{url}/_config/size", {"value": value})
        seen.append(look(registry, TOKEN))
    changed = [one.changed for one in made]
    changed += [registry.resize(former, 5), registry.resize(TokenSeen(TOKEN, REGISTRY), 5)]
    http("DELETE", f"{url}/_config/size")
    seen.append(look(registry, TOKEN))
    changed += [remove(registry, TOKEN).changed, remove(registry, TOKEN).changed]
    errors.append(_error(lambda: look(registry, f"{REGISTRY}/v3/{TOKEN}")))
    http("PUT", f"{url}", {"value": "a key"})
    errors.append(_error(lambda: look(registry, TOKEN)))
    return Talk(seen, changed, errors)


def talk_public(http: Http) -> Talk:
    """A discovery service's token, used and missed."""
    registry = PublicRegistry(SERVICE, http)
    made = make(registry, "", 2)
    assert made.after is not None
    seen = [made.after]
    kept = make(registry, made.after.token, 2)
    register(http, made.after.url, 0, "c1")
    seen.append(look(registry, made.after.token.rpartition("/")[2]))
    errors = [_error(lambda: make(registry, seen[0].token, 2))]
    seen.append(look(registry, "0" * 32))
    errors += [
        _error(lambda: make(registry, "0" * 32, 2)),
        _error(lambda: look(registry, "short")),
        _error(lambda: remove(registry, seen[0].token)),
    ]
    return Talk(seen, [made.changed, kept.changed], errors)

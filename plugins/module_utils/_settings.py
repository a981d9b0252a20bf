# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd's settings: what a version knows, whether a wish is one that it would start with, and its environment.

Private to this collection. Pure decisions: no I/O. A setting is named as its flag, without dashes in front.

A variable that etcd does not know is only a warning in its log, and a flag that it does not know stops it; both are
found here, before a host is touched. What cannot be known here (whether a certificate can be read) is left to the turn,
which puts the former settings back.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import typing as t
import urllib.parse

from ansible_collections.quorum.etcd.plugins.module_utils import _settings_table as table
from ansible_collections.quorum.etcd.plugins.module_utils._envfile import too_large, unprintable
from ansible_collections.quorum.etcd.plugins.module_utils._model import Fault
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

Settings = t.Mapping[str, object]

# What others of the collection's variables decide: setting to what to use in its place.
OWNED: t.Dict[str, str] = {
    "config-file": "etcd would ignore all else, a formed member's fence included. List the settings here.",
    "force-new-cluster": "It throws the other members away. Restore a snapshot, or start etcd by hand this once.",
    "initial-advertise-peer-urls": "Use etcd_address and etcd_peer_port.",
    "initial-cluster": "The members are the hosts with the same etcd_cluster_name.",
    "initial-cluster-state": "It is found out by looking at the hosts.",
    "initial-cluster-token": "Use etcd_bootstrap_token.",
    "name": "Use etcd_name.",
    "proxy": "A member cannot be a proxy, too. Use the role proxy.",
}
_OWNED_DISCOVERY = "Use etcd_bootstrap and the etcd_discovery_ and etcd_dns_ variables."

# etcd reads 010 as 8 in most places, and as 10 in some: no leading zeros.
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,99})\Z")
_DURATION = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+\Z|[+-]?0\Z")
# Without one of these no listener with TLS starts: HTTP/2 asks for it.
_HTTP2_SUITES = ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
_CIPHER_SUITE = re.compile(r"TLS_[A-Z0-9_]+\Z")
_INT64 = 2**63
_LARGEST = {"max-concurrent-streams": 2**32 - 1}

# etcd gives up on a pair outside of this (milliseconds).
_LONGEST_ELECTION = 50_000
_BEATS_PER_ELECTION = 5
_MILLION = 1_000_000
_BCRYPT_COSTS = range(4, 32)

_TLS_PAIRS = (
    ("cert-file", "key-file"),
    ("client-cert-file", "client-key-file"),
    ("peer-cert-file", "peer-key-file"),
    ("peer-client-cert-file", "peer-client-key-file"),
)

_GATE_OF = {old: gate.partition("=")[2] for old, gate in table.REPLACED_BY.items() if gate.startswith("feature-gates=")}


class Setting(t.NamedTuple):
    """A setting of etcd, over all the versions known. ``kind`` is one of ``bool``, ``int``, ``uint``, ``duration``,
    ``string``, ``strings`` (comma-separated), ``urls``, ``choice``, ``path`` and ``feature-gates``.

    ``since`` has the first release, and one more for each line that was first released without it. ``until`` is the
    last minor line, empty while the newest line has it. ``replaced_by`` is another setting, or ``feature-gates=NAME``.
    """

    name: str
    kind: str
    since: str
    until: str
    default: str
    replaced_by: str
    note: str

    def known(self, version: Version) -> bool:
        """Whether this release has it."""
        return _within(self.since, self.until, version)

    def default_in(self, version: Version) -> str:
        """etcd's own default in this release, as ``--help`` shows it; empty where it shows none."""
        changes = table.CHANGED_DEFAULTS.get(self.name, {})
        lines = [line for line in changes if _line(line) <= (version.major, version.minor)]
        return changes[max(lines, key=_line)] if lines else self.default


def setting(name: str) -> t.Optional[Setting]:
    """The setting of this name, in whatever version it exists."""
    row = table.SETTINGS.get(name)
    if row is None:
        return None
    kind, since, until, default = row
    return Setting(name, kind, since, until, default, table.REPLACED_BY.get(name, ""), table.NOTES.get(name, ""))


def names(version: Version) -> t.Tuple[str, ...]:
    """Every setting that this release knows, sorted."""
    return tuple(
        name for name, (_kind, since, until, _default) in table.SETTINGS.items() if _within(since, until, version)
    )


def gates(version: Version) -> t.Tuple[str, ...]:
    """Every feature gate that this release knows, sorted."""
    return tuple(gate for gate, (since, until, _default) in table.GATES.items() if _within(since, until, version))


def merge(defaults: Settings, wished: Settings) -> t.Dict[str, object]:
    """The settings of a member: ours, then the user's; ``None`` takes one out."""
    return {name: value for name, value in {**defaults, **wished}.items() if value is not None}


def validate(settings: Settings, version: Version, defaults: t.Optional[Settings] = None) -> t.Tuple[Fault, ...]:
    """All that is wrong with what a user wishes, for this release; empty where nothing is.

    ``defaults`` are what they are merged into: rules that tie settings together look at both. Without them, rules about
    what must be there beside what was wished are left out.
    """
    if version.line not in table.LINES:
        return (
            Fault(
                f"etcd {version}",
                "the settings of this minor version are not known to this collection.",
                f"Known are {', '.join(table.LINES)}.",
            ),
        )
    faults = []
    for name in sorted(settings):
        faults += _check_one(name, settings[name], version)
    bad = {fault.subject for fault in faults}
    merged = merge(defaults or {}, settings)
    sound = {name: _text(name, value) for name, value in merged.items() if name not in bad and name in table.SETTINGS}
    these = _Together(sound, version)
    faults += _check_together(these)
    if defaults is not None:
        faults += _check_complete(these)
    return tuple(faults)


def warnings(settings: Settings, version: Version, defaults: t.Optional[Settings] = None) -> t.Tuple[str, ...]:
    """What etcd would start with, and a user may not have meant. ``settings`` must be valid."""
    values = {
        name: _text(name, value) for name, value in merge(defaults or {}, settings).items() if name in table.SETTINGS
    }
    found = []
    for name in sorted(set(settings) & set(values)):
        known = setting(name)
        if known is not None and known.replaced_by and _successor_known(known, version):
            found.append(f"{name} is gone after {known.until}: use {_successor(name)}")
    rules = (
        (_flag(values, "unsafe-no-fsync"), "unsafe-no-fsync: acknowledged writes are lost when a machine goes down"),
        (
            values.get("strict-reconfig-check") == "false",
            "strict-reconfig-check is off: etcd lets a change of members cost the quorum",
        ),
        (_flag(values, "auto-tls"), "auto-tls: the certificate is never renewed, and proves nothing to clients"),
        (
            _flag(values, "peer-auto-tls"),
            "peer-auto-tls: any host may join as a peer, and the certificate is never renewed",
        ),
        (
            _flag(values, "enable-v2"),
            "enable-v2: etcd 3.6 refuses to start with data that was written through the v2 API",
        ),
        ("max-snapshots" in values and version >= (3, 6, 0), "max-snapshots is deprecated since 3.6"),
        (
            "v2-deprecation" in values and version >= (3, 6, 0),
            "v2-deprecation is deprecated since 3.6: all but write-only-skip-check is ignored",
        ),
        (
            _number(values.get("bcrypt-cost", "10")) not in _BCRYPT_COSTS,
            "bcrypt-cost is not between 4 and 31: etcd uses 10",
        ),
        (
            _number(values.get("quota-backend-bytes", "0")) < 0,
            "quota-backend-bytes below 0: the database grows without a limit",
        ),
        (
            _number(values.get("quota-backend-bytes", "0")) > 8 * 2**30,
            "quota-backend-bytes is above 8 GiB, more than etcd is made for",
        ),
        (
            "trusted-ca-file" in values and not _flag(values, "client-cert-auth"),
            "trusted-ca-file: clients must show a certificate, although client-cert-auth is not set",
        ),
    )
    found += [text for applies, text in rules if applies]
    found += _warn_urls(values)
    return tuple(found)


def environment(settings: Settings) -> t.Dict[str, str]:
    """The variables that give etcd these settings; ``None`` leaves one out. The values must be valid."""
    return {variable(name): _text(name, value) for name, value in sorted(settings.items()) if value is not None}


def variable(name: str) -> str:
    """The environment variable of a setting: ``ETCD_LOG_LEVEL`` of ``log-level``."""
    return "ETCD_" + name.replace("-", "_").upper()


# --- names --------------------------------------------------------------------------------------------------------


def _check_one(name: object, value: object, version: Version) -> t.List[Fault]:
    if not isinstance(name, str):
        return [Fault(str(name), "the name of a setting is a text.", "Quote it.")]
    fault = _check_name(name, value, version)
    if fault is not None:
        return [fault]
    return [] if value is None else _check_value(name, value, version)


def _check_name(name: str, value: object, version: Version) -> t.Optional[Fault]:
    known = setting(name)
    if known is None:
        return _unknown(name, version)
    if name in OWNED and not (name == "proxy" and (value == "off" or not known.known(version))):
        return Fault(name, "cannot be set here.", OWNED[name])
    if name.startswith("discovery"):
        return Fault(name, "cannot be set here.", _OWNED_DISCOVERY)
    if value is None or known.known(version):
        return None
    if known.until and _line(known.until) < (version.major, version.minor):
        gone = _line(known.until)
        remedy = f"Use {_successor(name)}." if known.replaced_by else "Take it out."
        return Fault(
            name, f"was removed in {gone[0]}.{gone[1] + 1}." + (f" {known.note}" if known.note else ""), remedy
        )
    needed = _first_release(known.since, version)
    former = [old for old, new in table.REPLACED_BY.items() if new == name and old in names(version)]
    return Fault(
        name, f"needs etcd {needed} or newer, this is {version}.", f"Use {former[0]}." if former else "Take it out."
    )


def _unknown(name: str, version: Version) -> Fault:
    plain = name.strip().lstrip("-").lower().replace("_", "-")
    for spelling in (plain, plain[len("etcd-") :] if plain.startswith("etcd-") else plain):
        if spelling in table.SETTINGS:
            return Fault(
                name, "is not how a setting is written.", f"Write {spelling}: the flag's name, without dashes in front."
            )
    near = difflib.get_close_matches(plain, names(version), n=1) or difflib.get_close_matches(
        plain, table.SETTINGS, n=1
    )
    return Fault(name, f"is not a setting of etcd {version}.", f"Did you mean {near[0]}?" if near else "Take it out.")


def _successor(old: str) -> str:
    gate = _GATE_OF.get(old)
    return f"feature-gates with {gate}" if gate else table.REPLACED_BY[old]


def _successor_known(known: Setting, version: Version) -> bool:
    successor = setting(known.replaced_by.partition("=")[0])
    return successor is not None and successor.known(version)


def _line(text: str) -> t.Tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def _within(since: str, until: str, version: Version) -> bool:
    if until and (version.major, version.minor) > _line(until):
        return False
    return not since or version >= _floor(since, version)


def _floor(since: str, version: Version) -> Version:
    """The first release of this version's line that has it, else the first of all."""
    floors = [Version.parse(word if word.count(".") > 1 else word + ".0") for word in since.split()]
    of_line = [floor for floor in floors if floor.line == version.line]
    return max(of_line) if of_line else min(floors)


def _first_release(since: str, version: Version) -> str:
    floor = _floor(since, version)
    return str(floor) if floor.patch else floor.line


# --- one value ----------------------------------------------------------------------------------------------------


def _check_value(name: str, value: object, version: Version) -> t.List[Fault]:
    kind = table.SETTINGS[name][0]
    problem = _shape(kind, value)
    if problem is None:
        text = _text(name, value)
        if text == "":
            problem = "is empty, which etcd takes for not set.", "Use null to take a setting out."
        elif unprintable(text):
            problem = "has control characters in it.", "Take them out."
        elif too_large(variable(name), text):
            problem = "is longer than an environment can hold (128 KiB).", "Shorten it."
        else:
            problem = _CHECKS[kind](name, text, version) or _SPECIAL.get(name, _nothing)(name, text, version)
    return [Fault(name, *problem)] if problem else []


_Problem = t.Optional[t.Tuple[str, str]]


def _shape(kind: str, value: object) -> _Problem:
    """Whether it is of a YAML type that this kind of setting can be written as."""
    if isinstance(value, t.Mapping):
        return _shape_of_mapping(kind, value)
    if isinstance(value, (list, tuple)):
        return _shape_of_list(kind, value)
    if isinstance(value, bool) and kind != "bool":
        return f"is {str(value).lower()}, and this is no switch.", "Quote it where it is meant as a text."
    if isinstance(value, (bool, int, float, str)):
        return None
    return f"is of a type that etcd has nothing like ({type(value).__name__}).", "Write a text, a number, or a list."


def _shape_of_mapping(kind: str, value: t.Mapping[object, object]) -> _Problem:
    if kind != "feature-gates":
        return "is a mapping.", "Write one value."
    if not all(isinstance(item, bool) for item in value.values()):
        return "turns a gate neither on nor off.", "Write it like {CompactHashCheck: true}."
    return None


def _shape_of_list(kind: str, value: t.Sequence[object]) -> _Problem:
    if kind not in ("strings", "urls", "feature-gates"):
        return "is a list.", "Write one value."
    for item in value:
        if not isinstance(item, (str, int)) or isinstance(item, bool) or not str(item).strip() or "," in str(item):
            return f"has {item!r} in its list.", "Each item is one text without a comma."
    return None


def _text(name: str, value: object) -> str:
    """A value as etcd reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, t.Mapping):
        return ",".join(f"{key}={_text(name, item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(str(item).strip() for item in value)
    text = str(value)
    if table.SETTINGS.get(name, ("",))[0] == "bool" and text.lower() in ("true", "false"):
        return text.lower()
    return text


def _nothing(_name: str, _text: str, _version: Version) -> _Problem:
    return None


def _check_bool(_name: str, text: str, _version: Version) -> _Problem:
    if text in ("true", "false"):
        return None
    return f"{text!r} is neither true nor false.", "Write true or false."


def _check_int(_name: str, text: str, _version: Version) -> _Problem:
    if not _INTEGER.match(text):
        return f"{text!r} is not a whole number.", "Write digits only."
    if not -_INT64 <= int(text) < _INT64:
        return f"{text} is too large.", f"The largest number is {_INT64 - 1}."
    return None


def _check_uint(name: str, text: str, _version: Version) -> _Problem:
    if not _INTEGER.match(text) or text.startswith("+"):
        return f"{text!r} is not a whole number.", "Write digits only."
    if int(text) < 0:
        return f"{text} is below zero.", "Write a number from 0 on."
    largest = _LARGEST.get(name, 2 * _INT64 - 1)
    if int(text) > largest:
        return f"{text} is too large.", f"The largest number is {largest}."
    return None


def _check_duration(_name: str, text: str, _version: Version) -> _Problem:
    if _DURATION.match(text):
        return None
    if _INTEGER.match(text):
        return f"{text} is a duration without a unit.", f"Write {text}s, or another of ns, us, ms, s, m, h."
    return f"{text!r} is not a duration.", "Write one like 500ms, 30s or 1h30m."


def _check_choice(name: str, text: str, version: Version) -> _Problem:
    choices = table.CHOICES[name]
    allowed = [choice for choice, (since, until) in choices.items() if _within(since, until, version)]
    if text in allowed:
        return None
    problem = f"{text!r} is not one of its values"
    if text in choices:
        since, until = choices[text]
        problem += f" in etcd {version}" + (
            f" (it was until {until})" if until else f" (needs {_first_release(since, version)})"
        )
    return f"{problem}.", f"Use {' or '.join(allowed)}."


def _check_path(_name: str, text: str, _version: Version) -> _Problem:
    if text.startswith("/"):
        return None
    return f"{text!r} is not an absolute path.", "Begin it with /."


def _check_strings(_name: str, text: str, _version: Version) -> _Problem:
    if all(item.strip() for item in text.split(",")):
        return None
    return "has an empty item in its list.", "Take out the comma too many."


def _check_urls(name: str, text: str, _version: Version) -> _Problem:
    if name == "cors" and text == "*":
        return None
    for url in text.split(","):
        problem = _check_url(url.strip(), listening=name.startswith("listen-"))
        if problem:
            return problem
    return None


def _check_url(url: str, *, listening: bool) -> _Problem:
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{url!r} is not a URL.", "Write it like http://10.0.0.1:2379."
    if parts.scheme in ("unix", "unixs"):
        return None
    if parts.scheme not in ("http", "https"):
        return f"{url!r} does not begin with http:// or https://.", "Write it like http://10.0.0.1:2379."
    if port is None or port == 0:
        return f"{url!r} has no port.", "Write it like http://10.0.0.1:2379."
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return (
            f"{url!r} has more in it than a host and a port.",
            "Write it like http://10.0.0.1:2379, without a slash at the end.",
        )
    if not host:
        return f"{url!r} has no host.", "Write it like http://10.0.0.1:2379."
    if listening and host != "localhost" and not _is_address(host):
        return (
            f"{url!r} has a host name, and etcd listens on addresses and localhost only.",
            "Write an IP address, such as 127.0.0.1 or 0.0.0.0.",
        )
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _check_gates(_name: str, text: str, version: Version) -> _Problem:
    known = gates(version)
    for item in text.split(","):
        gate, given, value = (part.strip() for part in item.partition("="))
        if not given or value.lower() not in ("true", "false"):
            return f"{item!r} does not turn a gate on or off.", "Write it like CompactHashCheck=true."
        if gate not in known:
            near = difflib.get_close_matches(gate, known, n=1, cutoff=0.5)
            return (
                f"etcd {version} has no feature gate {gate}.",
                f"Did you mean {near[0]}?" if near else f"It has {', '.join(known)}.",
            )
    return None


def _check_retention(_name: str, text: str, _version: Version) -> _Problem:
    if text.startswith("-"):
        return f"{text} is below zero.", "Use 0 to turn compaction off."
    if _INTEGER.match(text) or _DURATION.match(text):
        return None
    return (
        f"{text!r} is neither a duration nor a number.",
        "Write one like 30m or 1h; for the mode revision, how many revisions to keep.",
    )


def _check_ciphers(_name: str, text: str, _version: Version) -> _Problem:
    suites = [item.strip() for item in text.split(",")]
    for suite in suites:
        if not _CIPHER_SUITE.match(suite):
            return f"{suite!r} is not a cipher suite.", f"Use Go's names, such as {_HTTP2_SUITES[0]}."
    if not set(suites) & set(_HTTP2_SUITES):
        return "has no suite that HTTP/2 accepts, and etcd would not listen.", f"Add {' or '.join(_HTTP2_SUITES)}."
    return None


def _check_token(_name: str, text: str, _version: Version) -> _Problem:
    if text == "simple" or text.startswith("jwt,"):
        return None
    return (
        f"{text!r} is no kind of token.",
        "Use simple, or jwt followed by its options (jwt,pub-key=…,priv-key=…,sign-method=RS256).",
    )


def _check_positive(_name: str, text: str, _version: Version) -> _Problem:
    if re.search("[1-9]", text) and not text.startswith("-"):
        return None
    return f"{text} is not above zero.", "Write more than 0."


_CHECKS: t.Dict[str, t.Callable[[str, str, Version], _Problem]] = {
    "bool": _check_bool,
    "choice": _check_choice,
    "duration": _check_duration,
    "feature-gates": _check_gates,
    "int": _check_int,
    "path": _check_path,
    "string": _nothing,
    "strings": _check_strings,
    "uint": _check_uint,
    "urls": _check_urls,
}

_SPECIAL: t.Dict[str, t.Callable[[str, str, Version], _Problem]] = {
    "auth-token": _check_token,
    "auto-compaction-retention": _check_retention,
    "cipher-suites": _check_ciphers,
    "compact-hash-check-time": _check_positive,
    "election-timeout": _check_positive,
    "experimental-compact-hash-check-time": _check_positive,
    "heartbeat-interval": _check_positive,
    "self-signed-cert-validity": _check_positive,
}


# --- values together ----------------------------------------------------------------------------------------------


class _Together(t.NamedTuple):
    """Sound values as texts, ours and the user's."""

    values: t.Dict[str, str]
    version: Version

    def effective(self, name: str) -> str:
        """The value, or etcd's own default; empty where this release has no such setting."""
        known = setting(name)
        if known is None or not known.known(self.version):
            return ""
        return self.values.get(name, known.default_in(self.version))

    def on(self, old: str) -> bool:
        """Whether a feature is on, by its old switch or by its gate."""
        return _flag(self.values, old) or f"{_GATE_OF[old]}=true".lower() in self.gates

    @property
    def gates(self) -> t.List[str]:
        """The items of ``feature-gates``."""
        return self.values.get("feature-gates", "").replace(" ", "").lower().split(",")


def _check_together(these: _Together) -> t.Iterator[Fault]:
    yield from _pace(these)
    yield from _doubles(these)
    yield from _compaction(these)
    yield from _tls(these)
    yield from _features(these)
    yield from _logs(these)


def _pace(these: _Together) -> t.Iterator[Fault]:
    heartbeat, election = (_number(these.effective(name)) for name in ("heartbeat-interval", "election-timeout"))
    if _BEATS_PER_ELECTION * heartbeat > election:
        yield Fault(
            "election-timeout",
            f"{election} ms is less than five heartbeats of {heartbeat} ms.",
            f"Set it to {10 * heartbeat}, or heartbeat-interval to {election // 10}.",
        )
    elif election > _LONGEST_ELECTION:
        yield Fault(
            "election-timeout", f"{election} ms is too long for etcd.", f"Set it to {_LONGEST_ELECTION} or less."
        )


def _doubles(these: _Together) -> t.Iterator[Fault]:
    gates_set = {item.partition("=")[0] for item in these.gates}
    for old in sorted(name for name in these.values if name.startswith("experimental-")):
        if table.REPLACED_BY.get(old) in these.values or _GATE_OF.get(old, "-").lower() in gates_set:
            successor = _successor(old)
            yield Fault(old, f"cannot be set beside {successor}.", f"Keep {successor} only.")


def _compaction(these: _Together) -> t.Iterator[Fault]:
    retention = these.values.get("auto-compaction-retention", "0")
    if these.effective("auto-compaction-mode") == "revision" and not _INTEGER.match(retention):
        yield Fault(
            "auto-compaction-retention",
            f"{retention!r} is a duration, and the mode revision counts revisions.",
            "Write how many revisions to keep, or set auto-compaction-mode to periodic.",
        )


def _tls(these: _Together) -> t.Iterator[Fault]:
    lowest, highest = these.effective("tls-min-version"), these.effective("tls-max-version")
    if highest and lowest > highest:
        yield Fault("tls-min-version", f"{lowest} is above tls-max-version, {highest}.", "Exchange them.")
    if lowest == "TLS1.3" and "cipher-suites" in these.values:
        yield Fault(
            "cipher-suites", "cannot be chosen with tls-min-version TLS1.3.", "Take it out: its suites are good."
        )
    for pair in _TLS_PAIRS:
        given = [name for name in pair if name in these.values]
        if len(given) == 1:
            missing = pair[1 - pair.index(given[0])]
            yield Fault(given[0], f"is of no use without {missing}.", f"Set {missing}, too.")
    if {"peer-cert-allowed-cn", "peer-cert-allowed-hostname"} <= set(these.values):
        yield Fault("peer-cert-allowed-hostname", "cannot be set beside peer-cert-allowed-cn.", "Keep one of them.")


def _features(these: _Together) -> t.Iterator[Fault]:
    checkpoint = "experimental-enable-lease-checkpoint"
    persist = f"{checkpoint}-persist"
    if these.on(persist) and not these.on(checkpoint):
        subject, other = (persist, checkpoint) if persist in these.values else ("feature-gates", "LeaseCheckpoint")
        yield Fault(subject, "what is not made cannot be kept: lease checkpoints are off.", f"Turn {other} on, too.")
    if _flag(these.values, "enable-v2") and these.values.get("v2-deprecation", "not-yet") != "not-yet":
        yield Fault("enable-v2", "cannot be set beside v2-deprecation.", "Keep one of them.")
    for prefix in ("", "experimental-"):
        rate = f"{prefix}distributed-tracing-sampling-rate"
        samples = _number(these.values.get(rate, "0"))
        if _flag(these.values, f"{prefix}enable-distributed-tracing") and not 0 <= samples <= _MILLION:
            yield Fault(rate, f"{samples} is not between 0 and {_MILLION}.", "It counts samples in a million.")


def _logs(these: _Together) -> t.Iterator[Fault]:
    outputs = these.values.get("log-outputs", "default").split(",")
    if len(outputs) > 1 and "default" in outputs:
        yield Fault("log-outputs", "default cannot stand beside others.", "Write stderr in its place.")
    files = [output for output in outputs if output not in ("default", "stderr", "stdout")]
    if _flag(these.values, "enable-log-rotation") and len(files) != 1:
        yield Fault("enable-log-rotation", "needs exactly one file in log-outputs.", "Set log-outputs to a file.")


def _check_complete(these: _Together) -> t.Iterator[Fault]:
    """What etcd misses beside what there is."""
    if "listen-client-urls" in these.values and "advertise-client-urls" not in these.values:
        yield Fault("listen-client-urls", "needs advertise-client-urls.", "Set advertise-client-urls, too.")
    for listening, certificate, automatic in (
        ("listen-client-urls", "cert-file", "auto-tls"),
        ("listen-client-http-urls", "cert-file", "auto-tls"),
        ("listen-peer-urls", "peer-cert-file", "peer-auto-tls"),
    ):
        urls = these.values.get(listening, "")
        if "https://" in urls and certificate not in these.values and not _flag(these.values, automatic):
            yield Fault(listening, f"has https URLs, and there is no {certificate}.", f"Set {certificate}, too.")
    yield from _shut_out(these)


def _shut_out(these: _Together) -> t.Iterator[Fault]:
    """Names by which plain clients, those that ask for a member's health among them, would be turned away."""
    allowed = {item.strip() for item in these.values.get("host-whitelist", "*").split(",")}
    advertised = these.values.get("advertise-client-urls", "").split(",")
    hosts = [urllib.parse.urlsplit(url.strip()).hostname for url in advertised if url.strip().startswith("http://")]
    missing = [host for host in dict.fromkeys(hosts) if host and host not in allowed]
    if hosts and "127.0.0.1" not in [*allowed, *missing]:
        missing.append("127.0.0.1")
    if missing and "*" not in allowed:
        yield Fault(
            "host-whitelist",
            f"leaves out {' and '.join(missing)}: no answer to whoever asks for the member's health there.",
            "Add what is left out.",
        )


def _warn_urls(values: t.Mapping[str, str]) -> t.Iterator[str]:
    for listening, certificate in (
        ("listen-client-urls", "cert-file"),
        ("listen-client-http-urls", "cert-file"),
        ("listen-peer-urls", "peer-cert-file"),
    ):
        plain = [url for url in values.get(listening, "").split(",") if url.strip().startswith("http://")]
        if plain and certificate in values:
            yield f"{listening}: {plain[0].strip()} is served without TLS, although {certificate} is set"


def _flag(values: t.Mapping[str, str], name: str) -> bool:
    return values.get(name) == "true"


def _number(text: str) -> int:
    return int(text) if _INTEGER.match(text) else 0


__all__ = (
    "OWNED",
    "Setting",
    "Settings",
    "environment",
    "gates",
    "merge",
    "names",
    "setting",
    "validate",
    "variable",
    "warnings",
)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make ``plugins/module_utils/_settings_table.py`` from real etcd binaries, one of each minor line.

    .venv/bin/python tests/tools/settings_table.py 3.4.23=.../etcd 3.5.35=.../etcd 3.6.16=.../etcd 3.7.3=.../etcd

Names come from ``--help``, the few it hides from ``UNDOCUMENTED``. Whether a name exists and what type it has is
probed: ``etcd --NAME=VALUE --version`` prints the version if the flag set accepts the value, and else says why not.
What no binary tells (the patch release that brought a flag, the values checked later than by the flag set, what
replaced what) stands below, and is checked against the binaries where they can say something about it.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
import typing as t

TABLE = pathlib.Path(__file__).parents[2] / "plugins" / "module_utils" / "_settings_table.py"

# Flags that exist without being in --help of the versions that have them.
UNDOCUMENTED = (
    "config-file",
    "enable-grpc-gateway",
    "experimental-enable-lease-checkpoint-persist",
    "experimental-warning-unary-request-duration",
    "force-new-cluster",
    "log-output",
    "unsafe-no-fsync",
    "warning-unary-request-duration",
)

# Not settings: they print something, or are accepted and ignored.
NOT_SETTINGS = ("help", "h", "version")

# Patch releases that brought a flag to a line that had been released without it (etcd's changelogs and sources).
FLOORS: t.Dict[str, t.Dict[str, int]] = {
    "auth-token-ttl": {"3.4": 10},
    "experimental-compact-hash-check-enabled": {"3.5": 5},
    "experimental-compact-hash-check-time": {"3.5": 5},
    "experimental-compaction-sleep-interval": {"3.5": 16},
    "experimental-distributed-tracing-sampling-rate": {"3.5": 11},
    "experimental-enable-lease-checkpoint-persist": {"3.4": 20, "3.5": 2},
    "experimental-snapshot-catchup-entries": {"3.5": 14},
    "experimental-stop-grpc-service-on-defrag": {"3.5": 14},
    "experimental-warning-apply-duration": {"3.4": 16},
    "experimental-watch-progress-notify-interval": {"3.4": 11},
    "listen-client-http-urls": {"3.4": 25, "3.5": 8},
    "max-concurrent-streams": {"3.4": 20, "3.5": 5},
    "tls-max-version": {"3.4": 25, "3.5": 8},
    "tls-min-version": {"3.4": 25, "3.5": 8},
    "unsafe-no-fsync": {"3.4": 10},
}

# Values of flags that take one of a few, and the versions that take it (first, last; empty: all that have the flag).
# Most are checked by etcd after its flags are parsed, some never: a wrong `metrics` is silently `basic`.
CHOICES: t.Dict[str, t.Dict[str, t.Tuple[str, str]]] = {
    "auto-compaction-mode": {"periodic": ("", ""), "revision": ("", "")},
    "backend-bbolt-freelist-type": {"array": ("", ""), "map": ("", "")},
    "discovery-fallback": {"exit": ("", ""), "proxy": ("", "3.5")},
    "experimental-backend-bbolt-freelist-type": {"array": ("", ""), "map": ("", "")},
    "initial-cluster-state": {"existing": ("", ""), "new": ("", "")},
    "log-format": {"console": ("", ""), "json": ("", "")},
    "log-level": {
        "debug": ("", ""),
        "error": ("", ""),
        "fatal": ("", ""),
        "info": ("", ""),
        "panic": ("", ""),
        "warn": ("", ""),
    },
    "logger": {"capnslog": ("", "3.4"), "zap": ("", "")},
    "metrics": {"basic": ("", ""), "extensive": ("", "")},
    "proxy": {"off": ("", ""), "on": ("", ""), "readonly": ("", "")},
    "tls-max-version": {"TLS1.2": ("", ""), "TLS1.3": ("", "")},
    "tls-min-version": {"TLS1.2": ("", ""), "TLS1.3": ("", "")},
    "v2-deprecation": {
        "gone": ("", ""),
        "not-yet": ("", "3.5"),
        "write-only": ("", ""),
        "write-only-drop-data": ("", ""),
        "write-only-skip-check": ("3.5.32 3.6.13", ""),
    },
}

LISTS = (
    "cipher-suites",
    "client-cert-allowed-hostname",
    "discovery-endpoints",
    "host-whitelist",
    "log-outputs",
    "peer-cert-allowed-cn",
    "peer-cert-allowed-hostname",
)

PATHS = re.compile(r"(-file|-dir)$|^discovery-(cacert|cert|key)$")

# What took a setting's place: another setting, or `feature-gates=NAME`.
REPLACED: t.Dict[str, str] = {
    "debug": "log-level",
    "experimental-compact-hash-check-enabled": "feature-gates=CompactHashCheck",
    "experimental-enable-lease-checkpoint": "feature-gates=LeaseCheckpoint",
    "experimental-enable-lease-checkpoint-persist": "feature-gates=LeaseCheckpointPersist",
    "experimental-initial-corrupt-check": "feature-gates=InitialCorruptCheck",
    "experimental-stop-grpc-service-on-defrag": "feature-gates=StopGRPCServiceOnDefrag",
    "experimental-txn-mode-write-with-shared-buffer": "feature-gates=TxnModeWriteWithSharedBuffer",
    "log-output": "log-outputs",
}

# Why a setting without a successor is gone.
NOTES: t.Dict[str, str] = {
    "discovery": "The v2 discovery protocol is gone.",
    "discovery-proxy": "The v2 discovery protocol is gone.",
    "enable-v2": "The v2 API is gone.",
    "experimental-enable-v2v3": "The v2 API is gone.",
    "log-package-levels": "It belonged to the capnslog logger.",
    "proxy": "The v2 proxy is gone; `etcd gateway` forwards connections.",
    "proxy-dial-timeout": "The v2 proxy is gone.",
    "proxy-failure-wait": "The v2 proxy is gone.",
    "proxy-read-timeout": "The v2 proxy is gone.",
    "proxy-refresh-interval": "The v2 proxy is gone.",
    "proxy-write-timeout": "The v2 proxy is gone.",
}

GATE_LINE = re.compile(r"^\s+([A-Z]\w+)=true\|false \(\w+ - default=(true|false)\)")
HELP_LINE = re.compile(r"^\s+--([a-z0-9][a-z0-9.-]*)(?:[ =](.*))?$")
DURATION = re.compile(r"(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+|0")


class Binary(t.NamedTuple):
    """An etcd program and what it says of itself."""

    version: str
    path: str

    @property
    def line(self) -> str:
        return self.version.rpartition(".")[0]

    def run(self, *arguments: str) -> t.Tuple[int, str]:
        done = subprocess.run(
            [self.path, *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env={},
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout + done.stderr

    def accepts(self, name: str, value: str) -> t.Tuple[bool, str]:
        """Whether the flag set takes ``--name=value``, and else what it says."""
        code, output = self.run(f"--{name}={value}", "--version")
        return code == 0, output


def kind_of(binary: Binary, name: str) -> t.Optional[str]:
    """The type of a flag by what the flag set says to values of different shape; ``None``: it has no such flag."""
    taken, said = binary.accepts(name, "x")
    if f"flag provided but not defined: -{name}" in said:
        return None
    if "invalid boolean value" in said:
        return "bool"
    if taken:
        return "string"
    if "missing bool value for" in said:
        return "feature-gates"
    for value, kind in (("1s", "duration"), ("-1", "int"), ("1", "uint"), ("http://127.0.0.1:1", "urls")):
        if binary.accepts(name, value)[0]:
            return kind
    return "choice"


def refine(name: str, kind: str) -> str:
    """The type as far as it is known, where the flag set takes any text."""
    if name in CHOICES:
        return "choice"
    if kind == "choice":
        raise SystemExit(f"{name}: what values does it take? Add them to CHOICES.")
    if kind == "string" and name in LISTS:
        return "strings"
    if kind == "string" and PATHS.search(name):
        return "path"
    return kind


def shown_default(kind: str, text: str) -> str:
    """The default that ``--help`` shows, or nothing where it shows no value of the flag's own type."""
    text = text.strip().split(" (")[0].strip("'")
    shapes = {"bool": r"true|false", "int": r"-?\d+", "uint": r"\d+", "duration": DURATION.pattern}
    return text if re.fullmatch(shapes.get(kind, ".*"), text) else ""


def survey(binaries: t.Sequence[Binary]) -> t.Tuple[t.Dict[str, t.Any], t.Dict[str, t.Any]]:
    """Rows by setting, and rows by feature gate."""
    helps: t.Dict[Binary, t.Dict[str, str]] = {}
    gates: t.Dict[str, t.Dict[str, str]] = {}
    for binary in binaries:
        lines = binary.run("--help")[1].splitlines()
        helps[binary] = {found[1]: found[2] or "" for found in map(HELP_LINE.match, lines) if found}
        gates[binary.line] = {found[1]: found[2] for found in map(GATE_LINE.match, lines) if found}
    names = sorted(set().union(UNDOCUMENTED, *helps.values()) - set(NOT_SETTINGS))
    rows = {}
    for name in names:
        kinds = {binary: kind_of(binary, name) for binary in binaries}
        having = [binary for binary in binaries if kinds[binary]]
        if not having:
            continue
        if len({kinds[binary] for binary in having}) > 1:
            print(f"{name}: its type changed: {[(b.version, kinds[b]) for b in having]}", file=sys.stderr)
        kind = refine(name, kinds[having[-1]] or "")
        defaults = {binary.line: shown_default(kind, helps[binary].get(name, "")) for binary in having}
        rows[name] = (kind, since(name, binaries, having), until(binaries, having), defaults)
    gate_rows = {}
    for gate in sorted(set().union(*gates.values())):
        lines = [binary.line for binary in binaries if gate in gates[binary.line]]
        gate_rows[gate] = (lines[0], "" if lines[-1] == binaries[-1].line else lines[-1], gates[lines[-1]][gate])
    return rows, gate_rows


def since(name: str, binaries: t.Sequence[Binary], having: t.Sequence[Binary]) -> str:
    """The floors as words: ``3.4.25 3.5.8`` is in 3.4 from .25, in 3.5 from .8, and in all later lines."""
    floors = FLOORS.get(name, {})
    for binary in binaries:
        patch = int(binary.version.rpartition(".")[2])
        if binary.line in floors and (patch >= floors[binary.line]) != (binary in having):
            raise SystemExit(f"{name}: FLOORS and etcd {binary.version} disagree")
    first = having[0].line
    words = [f"{line}.{patch}" for line, patch in sorted(floors.items())]
    return " ".join(words) if words and words[0] <= f"{first}.9" else " ".join([first, *words])


def until(binaries: t.Sequence[Binary], having: t.Sequence[Binary]) -> str:
    return "" if having[-1] == binaries[-1] else having[-1].line


def oldest(defaults: t.Mapping[str, str]) -> str:
    """The first default that a version shows."""
    return next((default for default in defaults.values() if default), "")


def replacement(name: str, rows: t.Mapping[str, t.Any]) -> str:
    plain = name[len("experimental-") :] if name.startswith("experimental-") else ""
    return REPLACED.get(name) or (plain if plain in rows else "")


def write(binaries: t.Sequence[Binary], rows: t.Mapping[str, t.Any], gates: t.Mapping[str, t.Any]) -> str:
    """The text of the table's file."""
    versions = ", ".join(binary.version for binary in binaries)
    out = [
        "# Copyright (c) 2026, the quorum.etcd authors",
        "# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)",
        "# SPDX-License-Identifier: GPL-3.0-or-later",
        "",
        f'"""The settings of etcd, minor line by minor line: probed in the programs of {versions}.',
        "",
        "Private to this collection, and read through ``_settings`` only.",
        'Made by tests/tools/settings_table.py: change that, not this."""',
        "",
        "from __future__ import annotations",
        "",
        "import typing as t",
        "",
        f"LINES: t.Tuple[str, ...] = {literal(tuple(binary.line for binary in binaries))}",
        "",
        "# name: (type, since, until, default). `since` holds the first line, and the first release of each line that",
        "# was first released without it; `until` the last line, empty while the newest line has it.",
        "SETTINGS: t.Dict[str, t.Tuple[str, str, str, str]] = {",
    ]
    for name, (kind, first, last, defaults) in rows.items():
        out.append(f"    {literal(name)}: {literal((kind, first, last, oldest(defaults)))},")
    out += ["}", "", "# Defaults that a later line changed.", "CHANGED_DEFAULTS: t.Dict[str, t.Dict[str, str]] = {"]
    for name, (_kind, _first, _last, defaults) in rows.items():
        changed, current = {}, oldest(defaults)
        for line, default in defaults.items():
            if default and default != current:
                changed[line] = current = default
        if changed:
            out.append(f"    {literal(name)}: {literal(changed)},")
    out += ["}", "", "# value: (since, until)", "CHOICES: t.Dict[str, t.Dict[str, t.Tuple[str, str]]] = {"]
    out += [f"    {literal(name)}: {literal(values)}," for name, values in sorted(CHOICES.items()) if name in rows]
    out += ["}", "", "# Another setting, or `feature-gates=NAME`.", "REPLACED_BY: t.Dict[str, str] = {"]
    out += [f"    {literal(name)}: {literal(replacement(name, rows))}," for name in rows if replacement(name, rows)]
    out += ["}", "", "NOTES: t.Dict[str, str] = {"]
    out += [f"    {literal(name)}: {literal(note)}," for name, note in sorted(NOTES.items()) if name in rows]
    out += ["}", ""]
    out += ["# gate: (since, until, default)", "GATES: t.Dict[str, t.Tuple[str, str, str]] = {"]
    out += [f"    {literal(gate)}: {literal(row)}," for gate, row in gates.items()]
    out += ["}", ""]
    return "\n".join(out)


def literal(value: t.Any) -> str:
    """Python source with double quotes."""
    if isinstance(value, tuple):
        return "(" + ", ".join(literal(item) for item in value) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    binaries = sorted(
        (Binary(*argument.split("=", 1)) for argument in sys.argv[1:]),
        key=lambda binary: [int(number) for number in binary.version.split(".")],
    )
    if not binaries:
        raise SystemExit(__doc__)
    for binary in binaries:
        if f"etcd Version: {binary.version}\n" not in binary.run("--version")[1]:
            raise SystemExit(f"{binary.path} is not etcd {binary.version}")
    TABLE.write_text(write(binaries, *survey(binaries)), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(TABLE)], check=True)


if __name__ == "__main__":
    main()

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of settings, and what is refused by them, held against the programs themselves."""

from __future__ import annotations

import re
import subprocess
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils import _settings, _settings_table
from ansible_collections.quorum.etcd.plugins.module_utils._settings import environment, names, setting, validate
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version
from ansible_collections.quorum.etcd.plugins.module_utils._wish import Wish, desire, own_settings
from ansible_collections.quorum.etcd.tests.integration.support import Cluster, Server, eventually, free_port, release

VERSIONS = ("3.4.23", "3.5.35", "3.6.14", "3.6.16", "3.7.3")
NEWEST = ("3.4.23", "3.5.35", "3.6.16", "3.7.3")

# A value of each kind that every flag of that kind takes.
SAMPLES = {
    "bool": "false",
    "duration": "1m",
    "feature-gates": "CompactHashCheck=false",
    "int": "1",
    "path": "/nonexistent",
    "string": "1",
    "strings": "a,b",
    "uint": "1",
    "urls": "http://127.0.0.1:1",
}

Settings = t.Dict[str, t.Any]

FORBIDDEN = 421  # "misdirected request"


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def flags(version: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the flag set says; etcd does not start."""
    return subprocess.run(
        [release(version) / "etcd", *arguments, "--version"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={},
    )


def sample(name: str, version: Version) -> str:
    kind = _settings_table.SETTINGS[name][0]
    if kind == "choice":
        return next(
            value for value in _settings_table.CHOICES[name] if not _settings._check_choice(name, value, version)
        )
    return SAMPLES[kind]


def variables(settings: Settings) -> t.Dict[str, t.Any]:
    """What ``bootstrap`` takes beside its own arguments."""
    return dict(environment(settings))


def start(directory: Path, version: str, settings: Settings) -> Server:
    """A lone server with these settings beside what it needs."""
    server = Server("n1", directory, version)
    needed: Settings = {} if version.startswith("3.4.") else {"logger": "zap"}
    server.environment.update(environment({**needed, **settings}))
    server.environment["ETCD_INITIAL_CLUSTER"] = f"n1={server.peer_url}"
    server.start()
    return server


def test_the_flag_set_takes_what_the_table_has(version: str) -> None:
    exact = Version.parse(version)
    arguments = [f"--{name}={sample(name, exact)}" for name in names(exact)]
    assert len(arguments) > 80
    answer = flags(version, *arguments)
    assert answer.returncode == 0, answer.stderr
    assert f"etcd Version: {version}" in answer.stdout


def test_the_flag_set_takes_nothing_that_the_table_has_not(version: str) -> None:
    exact = Version.parse(version)
    absent = sorted(set(_settings_table.SETTINGS) - set(names(exact)))
    assert absent
    for name in absent:
        answer = flags(version, f"--{name}=x")
        assert answer.returncode == 2, name
        assert f"flag provided but not defined: -{name}" in answer.stderr


def test_the_flag_set_refuses_what_is_not_of_the_tables_kind(version: str) -> None:
    wrong = {"bool": "yes", "duration": "1", "feature-gates": "x", "int": "1s", "uint": "-1", "urls": "a"}
    for name in names(Version.parse(version)):
        value = wrong.get(_settings_table.SETTINGS[name][0])
        if value is not None:
            assert validate({name: value}, Version.parse(version)), name
            assert flags(version, f"--{name}={value}").returncode == 2, name


def test_the_environment_is_read_under_the_names_that_are_written(version: str, tmp_path: Path) -> None:
    exact = Version.parse(version)
    settings = {name: sample(name, exact) for name in names(exact)}
    settings.update({"log-outputs": "stderr", "election-timeout": "1", "experimental-unknown": "1"})
    settings.pop("config-file")
    log = run_to_end(tmp_path, version, settings)
    unknown = set(re.findall(r"unrecognized environment variable.*?(ETCD_\w+)=", log))
    assert unknown == {"ETCD_EXPERIMENTAL_UNKNOWN"}


def test_the_feature_gates_are_those_of_the_table(version: str) -> None:
    exact = Version.parse(version)
    if "feature-gates" not in names(exact):
        assert _settings.gates(exact) == ()
        return
    known = ",".join(f"{gate}=false" for gate in _settings.gates(exact))
    assert flags(version, f"--feature-gates={known}").returncode == 0
    for gate in set(_settings_table.GATES) - set(_settings.gates(exact)):
        assert flags(version, f"--feature-gates={gate}=true").returncode == 2, gate


@pytest.mark.parametrize("version", NEWEST)
def test_it_starts_with_what_the_role_writes(version: str, clusters: t.Callable[..., Cluster]) -> None:
    cluster = clusters(version)
    server = cluster.add_server("n1")
    wish = Wish(
        host="n1",
        cluster="etcd",
        name="n1",
        address="127.0.0.1",
        version=version,
        release=str(release(version)),
        definition="",
        data_dir=str(server.directory / "data"),
        config_dir=str(server.directory),
        service="etcd",
        machine="localhost",
        client_port=free_port(),
        peer_port=free_port(),
    )
    assert validate({}, Version.parse(version), own_settings(wish)) == ()
    desired = desire(wish)
    server.client_url, server.peer_url = desired.client_urls[0], desired.peer_urls[0]
    server.environment = dict(desired.environment)
    server.start(ETCD_INITIAL_CLUSTER_STATE="new")
    cluster.wait_healthy()
    assert "unrecognized environment variable" not in server.log.read_text()


@pytest.mark.parametrize("version", NEWEST)
def test_it_starts_with_every_default_of_its_own_written_out(version: str, clusters: t.Callable[..., Cluster]) -> None:
    exact = Version.parse(version)
    settings: Settings = {}
    for name in names(exact):
        known = setting(name)
        assert known is not None
        default = known.default_in(exact)
        ours = name in _settings.OWNED or name.startswith("discovery") or "localhost" in default or name == "data-dir"
        twice = known.replaced_by.partition("=")[0] in names(exact) and exact >= (3, 6, 0)
        if default and not ours and not twice:
            settings[name] = default
    assert len(settings) > 30
    assert validate(settings, exact) == ()
    clusters(version).bootstrap(1, **variables(settings))


REFUSED: t.Tuple[t.Tuple[Settings, str], ...] = (
    ({"heartbeat-interval": 201}, ""),
    ({"election-timeout": 499}, ""),
    ({"heartbeat-interval": 100, "election-timeout": 50001}, ""),
    ({"heartbeat-interval": 0}, ""),
    ({"pre-vote": "yes"}, ""),
    ({"listen-metrics-urls": "http://example.invalid:1"}, ""),
    ({"listen-metrics-urls": "http://127.0.0.1"}, ""),
    ({"listen-metrics-urls": "http://127.0.0.1:1/metrics"}, ""),
    ({"auto-compaction-retention": "1 day"}, ""),
    ({"auto-compaction-mode": "hourly"}, ""),
    ({"auth-token": "kerberos"}, ""),
    ({"log-outputs": ["default", "stderr"], "logger": "zap"}, ""),
    ({"log-level": "verbose", "logger": "zap"}, ""),
    ({"logger": "capnslog"}, "3.5 3.6 3.7"),
    ({"enable-log-rotation": True}, "3.5 3.6 3.7"),
    ({"tls-min-version": "TLS1.3", "tls-max-version": "TLS1.2"}, "3.5 3.6 3.7"),
    ({"tls-min-version": "TLS1.1"}, "3.5 3.6 3.7"),
    (
        {"tls-min-version": "TLS1.3", "cipher-suites": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
        "3.5 3.6 3.7",
    ),
    ({"experimental-enable-lease-checkpoint-persist": True}, "3.5 3.6"),
    ({"enable-v2": True, "v2-deprecation": "write-only"}, "3.5"),
    ({"feature-gates": {"LeaseCheckpointPersist": True}}, "3.6 3.7"),
    ({"feature-gates": "NoSuchGate=true"}, "3.6 3.7"),
    ({"compact-hash-check-time": "0s"}, "3.6 3.7"),
    ({"experimental-corrupt-check-time": "1h", "corrupt-check-time": "1h"}, "3.6"),
    ({"experimental-initial-corrupt-check": True, "feature-gates": "InitialCorruptCheck=true"}, "3.6"),
    (
        {"experimental-warning-unary-request-duration": "1s", "warning-unary-request-duration": "1s"},
        "3.6",
    ),
    ({"enable-distributed-tracing": True, "distributed-tracing-sampling-rate": 1000001}, "3.6 3.7"),
    ({"v2-deprecation": "not-yet"}, "3.6 3.7"),
    ({"log-format": "text"}, "3.6 3.7"),
)


@pytest.mark.parametrize("version", NEWEST)
def test_what_is_refused_would_not_start(version: str, tmp_path: Path) -> None:
    exact = Version.parse(version)
    tried = 0
    for number, (settings, lines) in enumerate(REFUSED):
        if lines and exact.line not in lines.split():
            continue
        assert validate(settings, exact), settings
        code, log = outcome(tmp_path / str(number), version, settings)
        assert code not in (0, None), f"{settings}: {log}"
        tried += 1
    assert tried > 10


ACCEPTED: t.Tuple[Settings, ...] = (
    {
        "heartbeat-interval": 200,
        "auto-compaction-mode": "revision",
        "auto-compaction-retention": 1000,
        "host-whitelist": ["127.0.0.1", "b.example.com"],
        "cors": "https://example.com:443",
    },
    {
        "heartbeat-interval": "100",
        "election-timeout": "500",
        "auto-compaction-retention": "30m",
        "pre-vote": "True",
        "snapshot-count": "5000",
        "grpc-keepalive-interval": "0",
        "bcrypt-cost": 40,
        "quota-backend-bytes": -1,
    },
)


@pytest.mark.parametrize("version", NEWEST)
def test_what_passes_at_the_edge_starts(version: str, clusters: t.Callable[..., Cluster]) -> None:
    for settings in ACCEPTED:
        assert validate(settings, Version.parse(version)) == ()
        cluster = clusters(version).bootstrap(1, **variables(settings))
        cluster.close()


@pytest.mark.parametrize("version", NEWEST)
def test_a_whitelist_shuts_out_who_asks_for_health(version: str, clusters: t.Callable[..., Cluster]) -> None:
    settings: Settings = {"host-whitelist": "b.example.com"}
    cluster = clusters(version).bootstrap(1, healthy=False, **variables(settings))
    server = cluster.servers["n1"]
    assert validate(settings, Version.parse(version), {"advertise-client-urls": server.client_url})
    eventually(lambda: _status(f"{server.client_url}/version") == FORBIDDEN)


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def outcome(directory: Path, version: str, settings: Settings) -> t.Tuple[t.Optional[int], str]:
    """The exit status, or ``None`` of a server that still runs after 5 s; and its log."""
    server = start(directory, version, settings)
    try:
        code: t.Optional[int] = server.wait_for_exit(within=5)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        server.kill()
    return code, server.log.read_text(errors="replace")


def run_to_end(directory: Path, version: str, settings: Settings) -> str:
    code, log = outcome(directory, version, settings)
    assert code is not None, log
    return log

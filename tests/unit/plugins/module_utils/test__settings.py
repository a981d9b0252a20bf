# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quorum.etcd.plugins.module_utils import _settings, _settings_table
from ansible_collections.quorum.etcd.plugins.module_utils._settings import (
    environment,
    gates,
    merge,
    names,
    setting,
    validate,
    warnings,
)
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

V34, V35, V36, V37 = (Version.parse(text) for text in ("3.4.23", "3.5.35", "3.6.16", "3.7.3"))


def said(settings: t.Mapping[str, object], version: Version = V36, **more: t.Any) -> t.List[str]:
    return [str(fault) for fault in validate(settings, version, **more)]


class TestNames:
    def test_known_settings_pass(self) -> None:
        assert said({"log-level": "debug", "snapshot-count": 5000, "enable-pprof": True}) == []

    @pytest.mark.parametrize(
        ("name", "version", "expected"),
        [
            ("heartbeat-intervall", V36, "is not a setting of etcd 3.6.16. Did you mean heartbeat-interval?"),
            ("quota-backend", V36, "is not a setting of etcd 3.6.16. Did you mean quota-backend-bytes?"),
            ("zzz", V36, "is not a setting of etcd 3.6.16. Take it out."),
            ("log_level", V36, "is not how a setting is written. Write log-level"),
            ("ETCD_LOG_LEVEL", V36, "is not how a setting is written. Write log-level"),
            ("--log-level", V36, "is not how a setting is written. Write log-level"),
            ("Log-Level", V36, "is not how a setting is written. Write log-level"),
            ("enable-v2", V36, "was removed in 3.6. The v2 API is gone. Take it out."),
            ("debug", V35, "was removed in 3.5. Use log-level."),
            ("log-output", V37, "was removed in 3.5. Use log-outputs."),
            ("experimental-corrupt-check-time", V37, "was removed in 3.7. Use corrupt-check-time."),
            (
                "experimental-initial-corrupt-check",
                V37,
                "was removed in 3.7. Use feature-gates with InitialCorruptCheck.",
            ),
            ("max-learners", V35, "needs etcd 3.6 or newer, this is 3.5.35. Take it out."),
            (
                "warning-apply-duration",
                V35,
                "needs etcd 3.6 or newer, this is 3.5.35. Use experimental-warning-apply-duration.",
            ),
            ("tls-min-version", V34, "needs etcd 3.4.25 or newer, this is 3.4.23."),
            ("tls-min-version", Version(3, 5, 7), "needs etcd 3.5.8 or newer, this is 3.5.7."),
            ("experimental-compaction-sleep-interval", V34, "needs etcd 3.5.16 or newer, this is 3.4.23."),
            ("client-cert-file", V34, "needs etcd 3.5 or newer, this is 3.4.23."),
        ],
    )
    def test_a_name_that_the_version_does_not_take(self, name: str, version: Version, expected: str) -> None:
        (fault,) = said({name: "x"}, version)
        assert fault.startswith(f"{name}: {expected}")

    @pytest.mark.parametrize(
        ("name", "version"),
        [
            ("tls-min-version", Version(3, 4, 25)),
            ("tls-min-version", Version(3, 5, 8)),
            ("tls-min-version", Version(3, 6, 0)),
            ("max-concurrent-streams", V34),
            ("experimental-enable-lease-checkpoint-persist", Version(3, 5, 2)),
            ("experimental-corrupt-check-time", V36),
        ],
    )
    def test_a_name_that_the_release_has(self, name: str, version: Version) -> None:
        assert name in names(version)

    @pytest.mark.parametrize("name", ["experimental-enable-lease-checkpoint-persist", "listen-client-http-urls"])
    def test_a_line_that_was_first_released_without(self, name: str) -> None:
        assert name not in names(Version(3, 5, 1))

    @pytest.mark.parametrize(
        "name",
        [
            "config-file",
            "discovery",
            "discovery-fallback",
            "discovery-password",
            "discovery-srv",
            "discovery-token",
            "force-new-cluster",
            "initial-advertise-peer-urls",
            "initial-cluster",
            "initial-cluster-state",
            "initial-cluster-token",
            "name",
        ],
    )
    @pytest.mark.parametrize("value", ["x", None])
    def test_what_other_variables_decide_is_refused(self, name: str, value: object) -> None:
        (fault,) = said({name: value})
        assert fault.startswith(f"{name}: cannot be set here. ")

    def test_a_proxy_is_refused_and_no_proxy_is_not(self) -> None:
        assert said({"proxy": "on"}, V35) == [
            "proxy: cannot be set here. A member cannot be a proxy, too. Use the role proxy."
        ]
        assert said({"proxy": "off"}, V35) == []

    def test_initial_election_tick_advance_is_an_ordinary_setting(self) -> None:
        assert said({"initial-election-tick-advance": False}) == []

    def test_null_takes_out_what_this_version_does_not_have(self) -> None:
        assert said({"enable-v2": None, "tls-min-version": None}, V34) == []
        assert said({"enable-v3": None}) == ["enable-v3: is not a setting of etcd 3.6.16. Did you mean enable-pprof?"]

    def test_a_name_that_is_no_text(self) -> None:
        assert said({1: "x"}) == ["1: the name of a setting is a text. Quote it."]  # type: ignore[dict-item]

    def test_a_line_without_a_table(self) -> None:
        (fault,) = said({"log-level": "info"}, Version(3, 8, 0))
        assert fault.startswith("etcd 3.8.0: the settings of this minor version are not known")


class TestValues:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("pre-vote", True),
            ("pre-vote", "true"),
            ("pre-vote", "False"),
            ("snapshot-count", 10000),
            ("snapshot-count", "10000"),
            ("quota-backend-bytes", -1),
            ("max-concurrent-streams", 2**32 - 1),
            ("grpc-keepalive-interval", "1h30m"),
            ("grpc-keepalive-interval", "1.5s"),
            ("grpc-keepalive-interval", "0"),
            ("log-level", "warn"),
            ("log-outputs", "stderr"),
            ("log-outputs", ["stderr", "/var/log/etcd.log"]),
            ("listen-metrics-urls", "http://127.0.0.1:2381"),
            ("listen-metrics-urls", ["http://127.0.0.1:2381", "http://[::1]:2381"]),
            ("listen-client-urls", "unix://localhost:1"),
            ("listen-client-urls", "http://localhost:2379"),
            ("advertise-client-urls", "https://etcd-1.example.com:2379"),
            ("cors", "*"),
            ("cors", "https://example.com:443"),
            ("auto-compaction-retention", 10),
            ("auto-compaction-retention", "30m"),
            ("auth-token", "jwt,pub-key=/a,priv-key=/b,sign-method=RS256,ttl=10m"),
            ("feature-gates", "CompactHashCheck=true,InitialCorruptCheck=true"),
            ("feature-gates", {"CompactHashCheck": True}),
            ("feature-gates", ["CompactHashCheck=true"]),
            ("trusted-ca-file", "/etc/etcd/ca.pem"),
            ("distributed-tracing-instance-id", 7),
            ("cipher-suites", ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]),
        ],
    )
    def test_a_value_that_etcd_takes(self, name: str, value: object) -> None:
        assert said({name: value}) == []

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("pre-vote", "yes", "'yes' is neither true nor false. Write true or false."),
            ("pre-vote", 1, "'1' is neither true nor false."),
            ("snapshot-count", "many", "'many' is not a whole number."),
            ("snapshot-count", 1.5, "'1.5' is not a whole number."),
            ("snapshot-count", -1, "-1 is below zero."),
            ("snapshot-count", True, "is true, and this is no switch."),
            ("snapshot-count", 2**64, f"{2**64} is too large."),
            ("quota-backend-bytes", 2**63, f"{2**63} is too large."),
            ("max-concurrent-streams", 2**32, f"{2**32} is too large. The largest number is {2**32 - 1}."),
            ("grpc-keepalive-interval", 20, "20 is a duration without a unit. Write 20s,"),
            ("grpc-keepalive-interval", "20 s", "'20 s' is not a duration."),
            ("grpc-keepalive-interval", "1d", "'1d' is not a duration."),
            ("log-level", "verbose", "'verbose' is not one of its values. Use debug or"),
            ("logger", "capnslog", "'capnslog' is not one of its values in etcd 3.6.16 (it was until 3.4). Use zap."),
            ("v2-deprecation", "not-yet", "'not-yet' is not one of its values in etcd 3.6.16 (it was until 3.5)."),
            ("log-level", False, "is false, and this is no switch."),
            ("log-level", ["info"], "is a list."),
            ("log-level", {"a": "b"}, "is a mapping."),
            ("log-outputs", "stderr,,stdout", "has an empty item in its list."),
            ("log-outputs", ["stderr", ""], "has '' in its list."),
            ("log-outputs", ["a,b"], "has 'a,b' in its list."),
            ("log-outputs", [None], "has None in its list."),
            ("log-outputs", [], "is empty, which etcd takes for not set."),
            ("log-level", "", "is empty, which etcd takes for not set. Use null"),
            ("auth-token", "simple\n", "has control characters in it."),
            ("host-whitelist", ["a\tb"], "has control characters in it."),
            ("host-whitelist", "a\x85b", "has control characters in it."),
            ("host-whitelist", "a" * 131072, "is longer than an environment can hold (128 KiB)."),
            ("auth-token", "kerberos", "'kerberos' is no kind of token."),
            ("auto-compaction-retention", "1 day", "'1 day' is neither a duration nor a number."),
            ("auto-compaction-retention", -1, "-1 is below zero."),
            ("heartbeat-interval", 0, "0 is not above zero."),
            ("compact-hash-check-time", "0s", "0s is not above zero."),
            ("trusted-ca-file", "ca.pem", "'ca.pem' is not an absolute path."),
            ("self-signed-cert-validity", 0, "0 is not above zero."),
            ("snapshot-count", "0100", "'0100' is not a whole number."),
            ("snapshot-count", "\u0661", "'\u0661' is not a whole number."),
            ("cipher-suites", "TLS_RSA_WITH_AES_128_GCM_SHA256", "has no suite that HTTP/2 accepts"),
            ("cipher-suites", "AES128-GCM", "'AES128-GCM' is not a cipher suite."),
            ("feature-gates", "CompactHashCheck", "'CompactHashCheck' does not turn a gate on or off."),
            ("feature-gates", "CompactHash=true", "etcd 3.6.16 has no feature gate CompactHash. Did you mean Compact"),
            ("feature-gates", {"CompactHashCheck": "yes"}, "turns a gate neither on nor off."),
            ("feature-gates", "FastLeaseKeepAlive=false", "etcd 3.6.16 has no feature gate FastLeaseKeepAlive."),
            ("log-level", object(), "is of a type that etcd has nothing like (object)."),
        ],
    )
    def test_a_value_that_etcd_refuses(self, name: str, value: object, expected: str) -> None:
        (fault,) = said({name: value})
        assert fault.startswith(f"{name}: {expected}")

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://etcd-1:2379", "has a host name, and etcd listens on addresses and localhost only"),
            ("127.0.0.1:2379", "is not a URL|does not begin with http"),
            ("ftp://127.0.0.1:2379", "does not begin with http"),
            ("http://127.0.0.1", "has no port"),
            ("http://127.0.0.1:0", "has no port"),
            ("http://127.0.0.1:70000", "is not a URL"),
            ("http://127.0.0.1:x", "is not a URL"),
            ("http://127.0.0.1:2379/", "has more in it than a host and a port"),
            ("http://me@127.0.0.1:2379", "has more in it than a host and a port"),
            ("http://:2379", "has no host"),
            ("http://[::1:2379", "is not a URL"),
        ],
    )
    def test_a_url_that_etcd_cannot_listen_on(self, url: str, expected: str) -> None:
        (fault,) = said({"listen-client-urls": ["http://127.0.0.1:2379", url]})
        assert re.search(expected, fault)
        assert repr(url) in fault

    def test_gates_follow_the_version(self) -> None:
        assert said({"feature-gates": "FastLeaseKeepAlive=false"}, V37) == []
        assert "feature-gates: needs etcd 3.6 or newer" in said({"feature-gates": "CompactHashCheck=true"}, V35)[0]
        assert "PriorityRequest" in gates(V37)
        assert gates(V35) == ()

    def test_choices_follow_the_patch_release(self) -> None:
        assert said({"v2-deprecation": "write-only-skip-check"}, V36) == []
        assert "(needs 3.6.13)" in said({"v2-deprecation": "write-only-skip-check"}, Version(3, 6, 12))[0]
        assert said({"v2-deprecation": "not-yet"}, V35) == []


class TestTogether:
    @pytest.mark.parametrize(
        ("heartbeat", "election", "refused"),
        [
            (100, 1000, False),
            (100, 500, False),
            (100, 499, True),
            (None, 499, True),
            (None, 500, False),
            (200, None, False),
            (201, None, True),
            (10000, 50000, False),
            (100, 50001, True),
            ("300", "1000", True),
        ],
    )
    @pytest.mark.parametrize("version", [V34, V37])
    def test_heartbeat_and_election(self, heartbeat: object, election: object, refused: bool, version: Version) -> None:
        wished = {"heartbeat-interval": heartbeat, "election-timeout": election}
        assert [fault.split(":")[0] for fault in said(wished, version)] == ["election-timeout"] * refused

    def test_the_pair_is_judged_with_our_defaults(self) -> None:
        assert said({"heartbeat-interval": 500}, defaults={"election-timeout": 5000}) == []
        assert said({"heartbeat-interval": 500, "election-timeout": None}, defaults={"election-timeout": 5000}) == [
            (
                "election-timeout: 1000 ms is less than five heartbeats of 500 ms. "
                "Set it to 5000, or heartbeat-interval to 100."
            )
        ]

    @pytest.mark.parametrize(
        ("settings", "version", "expected"),
        [
            (
                {"experimental-corrupt-check-time": "1h", "corrupt-check-time": "1h"},
                V36,
                "experimental-corrupt-check-time: cannot be set beside corrupt-check-time.",
            ),
            (
                {"experimental-initial-corrupt-check": True, "feature-gates": "InitialCorruptCheck=true"},
                V36,
                "experimental-initial-corrupt-check: cannot be set beside feature-gates with InitialCorruptCheck.",
            ),
            (
                {"auto-compaction-mode": "revision", "auto-compaction-retention": "1h"},
                V36,
                "auto-compaction-retention: '1h' is a duration, and the mode revision counts revisions.",
            ),
            (
                {"tls-min-version": "TLS1.3", "tls-max-version": "TLS1.2"},
                V36,
                "tls-min-version: TLS1.3 is above tls-max-version, TLS1.2.",
            ),
            (
                {"tls-min-version": "TLS1.3", "cipher-suites": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
                V36,
                "cipher-suites: cannot be chosen with tls-min-version TLS1.3.",
            ),
            ({"cert-file": "/a"}, V36, "cert-file: is of no use without key-file. Set key-file, too."),
            ({"peer-key-file": "/a"}, V34, "peer-key-file: is of no use without peer-cert-file."),
            (
                {"peer-cert-allowed-cn": "a", "peer-cert-allowed-hostname": "b"},
                V36,
                "peer-cert-allowed-hostname: cannot be set beside peer-cert-allowed-cn.",
            ),
            (
                {"experimental-enable-lease-checkpoint-persist": True},
                V35,
                "experimental-enable-lease-checkpoint-persist: what is not made cannot be kept",
            ),
            (
                {"feature-gates": {"LeaseCheckpointPersist": True}},
                V37,
                "feature-gates: what is not made cannot be kept: lease checkpoints are off. Turn LeaseCheckpoint on",
            ),
            ({"enable-v2": True, "v2-deprecation": "write-only"}, V35, "enable-v2: cannot be set beside v2-depr"),
            (
                {"enable-distributed-tracing": True, "distributed-tracing-sampling-rate": 1000001},
                V36,
                "distributed-tracing-sampling-rate: 1000001 is not between 0 and 1000000.",
            ),
            ({"log-outputs": ["default", "stderr"]}, V36, "log-outputs: default cannot stand beside others."),
            ({"enable-log-rotation": True}, V36, "enable-log-rotation: needs exactly one file in log-outputs."),
        ],
    )
    def test_what_etcd_refuses_together(self, settings: t.Dict[str, object], version: Version, expected: str) -> None:
        (fault,) = said(settings, version)
        assert fault.startswith(expected)

    @pytest.mark.parametrize(
        ("settings", "version"),
        [
            ({"debug": True, "log-level": "debug"}, V34),
            ({"experimental-corrupt-check-time": "1h"}, V36),
            ({"experimental-initial-corrupt-check": True, "feature-gates": "CompactHashCheck=true"}, V36),
            ({"auto-compaction-mode": "revision", "auto-compaction-retention": 1000}, V36),
            ({"auto-compaction-mode": "revision"}, V36),
            ({"feature-gates": "LeaseCheckpoint=true, LeaseCheckpointPersist=true"}, V36),
            ({"enable-v2": True, "v2-deprecation": "not-yet"}, V35),
            ({"enable-log-rotation": True, "log-outputs": ["stderr", "/var/log/etcd.log"]}, V36),
            ({"tls-min-version": "TLS1.3"}, V36),
            ({"cert-file": "/a", "key-file": "/b"}, V36),
        ],
    )
    def test_what_goes_together(self, settings: t.Dict[str, object], version: Version) -> None:
        assert said(settings, version) == []

    def test_what_must_be_there_beside_is_asked_only_of_the_whole(self) -> None:
        wished = {"listen-client-urls": "https://127.0.0.1:2379"}
        assert said(wished) == []
        assert said(wished, defaults={}) == [
            "listen-client-urls: needs advertise-client-urls. Set advertise-client-urls, too.",
            "listen-client-urls: has https URLs, and there is no cert-file. Set cert-file, too.",
        ]
        assert said({**wished, "auto-tls": True}, defaults={"advertise-client-urls": "https://a:2379"}) == []

    @pytest.mark.parametrize(
        ("whitelist", "missing"),
        [
            ("*", ""),
            ("a.example.com,127.0.0.1", ""),
            ("b.example.com", "a.example.com and 127.0.0.1"),
            (["a.example.com"], "127.0.0.1"),
        ],
    )
    def test_a_whitelist_must_not_shut_out_who_asks_for_health(self, whitelist: object, missing: str) -> None:
        faults = said({"host-whitelist": whitelist}, defaults={"advertise-client-urls": ["http://a.example.com:1"]})
        assert [fault.split(":")[1] for fault in faults] == ([f" leaves out {missing}"] if missing else [])

    def test_a_whitelist_is_for_clients_without_tls(self) -> None:
        assert said({"host-whitelist": "a"}, defaults={"advertise-client-urls": "https://b:1"}) == []

    def test_all_faults_at_once(self) -> None:
        faults = validate(
            {
                "heartbeat-interval": 1000,
                "listen-peer-urls": "http://etcd-1:2380",
                "name": "x",
                "pre-vote": "yes",
                "enable-v2": True,
                "snapshot-cuont": 1,
            },
            V36,
        )
        assert sorted(fault.subject for fault in faults) == [
            "election-timeout",
            "enable-v2",
            "listen-peer-urls",
            "name",
            "pre-vote",
            "snapshot-cuont",
        ]
        assert all(fault.problem and fault.remedy for fault in faults)

    def test_a_bad_value_is_not_judged_again_beside_others(self) -> None:
        assert [fault.subject for fault in validate({"heartbeat-interval": "fast"}, V36)] == ["heartbeat-interval"]


class TestWarnings:
    @pytest.mark.parametrize(
        ("settings", "version", "expected"),
        [
            (
                {"experimental-corrupt-check-time": "1h"},
                V36,
                "experimental-corrupt-check-time is gone after 3.6: use corr",
            ),
            (
                {"experimental-initial-corrupt-check": True},
                V36,
                "is gone after 3.6: use feature-gates with InitialCorrupt",
            ),
            ({"unsafe-no-fsync": True}, V36, "unsafe-no-fsync: "),
            ({"strict-reconfig-check": False}, V36, "strict-reconfig-check is off"),
            ({"auto-tls": True}, V36, "auto-tls: "),
            ({"peer-auto-tls": True}, V36, "peer-auto-tls: "),
            ({"enable-v2": True}, V35, "enable-v2: "),
            ({"max-snapshots": 5}, V36, "max-snapshots is deprecated"),
            ({"v2-deprecation": "write-only"}, V37, "v2-deprecation is deprecated"),
            ({"bcrypt-cost": 40}, V36, "bcrypt-cost is not between"),
            ({"quota-backend-bytes": -1}, V36, "grows without a limit"),
            ({"quota-backend-bytes": 10 * 2**30}, V36, "above 8 GiB"),
            ({"trusted-ca-file": "/a"}, V36, "clients must show a certificate"),
            (
                {
                    "cert-file": "/a",
                    "key-file": "/b",
                    "listen-client-urls": ["https://10.0.0.1:1", "http://127.0.0.1:1"],
                },
                V36,
                "listen-client-urls: http://127.0.0.1:1 is served without TLS, although cert-file is set",
            ),
        ],
    )
    def test_what_etcd_starts_with_and_may_not_be_meant(
        self, settings: t.Dict[str, object], version: Version, expected: str
    ) -> None:
        assert said(settings, version) == []
        (warning,) = warnings(settings, version)
        assert expected in warning

    @pytest.mark.parametrize(
        ("settings", "version"),
        [
            ({}, V36),
            ({"log-level": None}, V36),
            ({"experimental-corrupt-check-time": "1h"}, V35),
            ({"max-snapshots": 5}, V35),
            ({"trusted-ca-file": "/a", "client-cert-auth": True}, V36),
        ],
    )
    def test_nothing_to_say(self, settings: t.Dict[str, object], version: Version) -> None:
        assert warnings(settings, version) == ()


class TestEnvironment:
    def test_values_as_etcd_reads_them(self) -> None:
        assert environment(
            {
                "log-outputs": ["stderr", "/var/log/etcd.log"],
                "pre-vote": True,
                "enable-pprof": "False",
                "snapshot-count": 5000,
                "grpc-keepalive-interval": "1h",
                "feature-gates": {"CompactHashCheck": True, "LeaseCheckpoint": False},
                "metrics": None,
            }
        ) == {
            "ETCD_ENABLE_PPROF": "false",
            "ETCD_FEATURE_GATES": "CompactHashCheck=true,LeaseCheckpoint=false",
            "ETCD_GRPC_KEEPALIVE_INTERVAL": "1h",
            "ETCD_LOG_OUTPUTS": "stderr,/var/log/etcd.log",
            "ETCD_PRE_VOTE": "true",
            "ETCD_SNAPSHOT_COUNT": "5000",
        }

    def test_null_takes_one_of_ours_out(self) -> None:
        assert merge({"pre-vote": True, "metrics": "basic"}, {"metrics": None, "log-level": "info"}) == {
            "pre-vote": True,
            "log-level": "info",
        }

    @given(st.dictionaries(st.sampled_from(names(V36)), st.one_of(st.none(), st.booleans(), st.integers(), st.text())))
    def test_what_passes_can_be_written(self, settings: t.Dict[str, object]) -> None:
        bad = {fault.subject for fault in validate(settings, V36)}
        written = environment({name: value for name, value in settings.items() if name not in bad})
        assert all(re.fullmatch("ETCD_[A-Z0-9_]+", key) for key in written)
        assert all((value and value.isprintable()) or not value.isascii() for value in written.values())


class TestTable:
    def test_rows_are_whole(self) -> None:
        for name, (kind, since, until, _default) in _settings_table.SETTINGS.items():
            assert kind in _settings._CHECKS, name
            assert (kind == "choice") == (name in _settings_table.CHOICES), name
            for word in since.split():
                assert re.fullmatch(r"3\.[4-7](\.\d+)?", word), name
            assert until in ("", *_settings_table.LINES), name

    def test_every_successor_exists_when_the_old_one_goes(self) -> None:
        for old, new in _settings_table.REPLACED_BY.items():
            successor, old_setting = setting(new.partition("=")[0]), setting(old)
            assert successor is not None
            assert old_setting is not None
            line = _settings_table.LINES.index(old_setting.until) + 1
            assert successor.known(Version(3, int(_settings_table.LINES[line][2:]), 99)), old
            gate = new.partition("=")[2]
            assert not gate or gate in _settings_table.GATES, old

    @pytest.mark.parametrize("version", [V34, V35, V36, V37])
    def test_etcds_own_defaults_are_valid(self, version: Version) -> None:
        settings: t.Dict[str, object] = {}
        for name in names(version):
            known = setting(name)
            assert known is not None
            default = known.default_in(version)
            owned = name in _settings.OWNED or name.startswith("discovery")
            if default and not owned and name != "data-dir" and "localhost" not in default:
                doubled = known.replaced_by and known.replaced_by.partition("=")[0] in names(version)
                if not doubled or version < (3, 6, 0):
                    settings[name] = default
        assert len(settings) > 30
        assert said(settings, version) == []

    def test_defaults_follow_the_version(self) -> None:
        pre_vote, count = setting("pre-vote"), setting("snapshot-count")
        assert pre_vote is not None
        assert count is not None
        assert [pre_vote.default_in(version) for version in (V34, V35, V37)] == ["false", "true", "true"]
        assert [count.default_in(version) for version in (V34, V35, V37)] == ["100000", "100000", "10000"]

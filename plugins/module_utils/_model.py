# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of this collection: frozen dataclasses, without behaviour beyond what follows from their fields.

Private to this collection. Member and cluster IDs are lower-case hexadecimal strings without leading zeros, as
etcdctl prints them. Sizes are bytes, times are seconds. What is ``seen`` was observed and may be anything; what is
``desired`` was validated. Instances travel between modules and plugins as plain data: ``encode`` and ``decode``.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._version import Version


class Clock(t.Protocol):
    """The module ``time``, or a test's."""

    def monotonic(self) -> float: ...

    def time(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class RunCommand(t.Protocol):
    """What ``AnsibleModule.run_command`` offers; injected, so that a test can replace it."""

    def __call__(
        self,
        args: t.List[str],
        *,
        check_rc: bool = False,
        cwd: t.Optional[str] = None,
        data: t.Optional[str] = None,
        environ_update: t.Optional[t.Dict[str, str]] = None,
    ) -> t.Tuple[int, str, str]: ...


# --- what etcd says -----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Member:
    """An entry of a cluster's membership."""

    id: str
    name: str
    peer_urls: t.Tuple[str, ...]
    client_urls: t.Tuple[str, ...] = ()
    is_learner: bool = False

    @property
    def started(self) -> bool:
        """It has published itself at least once."""
        return bool(self.client_urls)

    @property
    def label(self) -> str:
        """How it is named to people: a member that never started may have no name."""
        return self.name or self.id


@dataclasses.dataclass(frozen=True)
class Status:
    """A server's own status (``Maintenance.Status``); ``leader_id`` is empty where it knows of none.

    ``downgrade`` is the version that the cluster is being taken down to, empty while it is not (and before 3.6).
    """

    member_id: str
    cluster_id: str
    version: str
    leader_id: str = ""
    is_learner: bool = False
    db_size: int = 0
    db_size_in_use: int = 0
    raft_index: int = 0
    raft_applied_index: int = 0
    raft_term: int = 0
    storage_version: str = ""
    errors: t.Tuple[str, ...] = ()
    downgrade: str = ""


def leader_of(statuses: t.Iterable[Status]) -> str:
    """The ID of whom the servers follow, at the highest term: after a change some still name the former one."""
    named = [status for status in statuses if status.leader_id]
    return max(named, key=lambda status: status.raft_term).leader_id if named else ""


@dataclasses.dataclass(frozen=True)
class Alarm:
    """``kind`` is ``NOSPACE`` or ``CORRUPT``."""

    member_id: str
    kind: str


@dataclasses.dataclass(frozen=True)
class Versions:
    """What ``GET /version`` answers; ``cluster`` is empty until the cluster has agreed on one."""

    server: str
    cluster: str = ""


# --- what a host shows (module server_info) -----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class SystemSeen:
    """The machine. ``default_address`` is the source address of its default route, or its only other one."""

    hostname: str
    default_address: str
    addresses: t.Tuple[str, ...]
    architecture: str
    os_family: str
    distribution: str
    distribution_version: str
    service_manager: str
    uid: int = 0


@dataclasses.dataclass(frozen=True)
class PathSeen:
    """Owner, group (names, or numbers where they have none) and mode (``0700``) of a directory that exists."""

    path: str
    owner: str
    group: str
    mode: str


@dataclasses.dataclass(frozen=True)
class ReleaseSeen:
    """A directory with an ``etcd`` in it, or an image. ``version`` is as its name says, or the program of a directory;
    empty where nothing says, or where that program does not run.
    """

    path: str
    version: str


@dataclasses.dataclass(frozen=True)
class ServiceSeen:
    """``state`` is systemd's ActiveState; for a Procfile entry ``active`` or ``inactive``.

    ``defined`` is when our unit was last written, in seconds since the epoch; 0 where there is none. ``drop_ins`` are
    the files of settings that somebody laid over it, with what they say of how the server is started: variables of
    etcd's, and the names of other directives.
    """

    name: str
    exists: bool
    enabled: bool = False
    state: str = "inactive"
    main_pid: int = 0
    defined: float = 0.0
    drop_ins: t.Dict[str, t.Tuple[str, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class FilesSeen:
    """What is written for this instance; ``None`` where there is no such file.

    ``environment`` and ``bootstrap`` are ``etcd.env`` and ``bootstrap.env``, parsed, secrets replaced by a digest.
    ``definition`` is the text of the unit, or the Procfile's line. ``release`` is where the release link points.
    ``former`` says that a turn left the files it replaced: it was interrupted. ``proxy`` says that the host passes
    clients on: there is the unit of a proxy in the instance's place.
    """

    environment: t.Optional[t.Dict[str, str]] = None
    bootstrap: t.Optional[t.Dict[str, str]] = None
    definition: t.Optional[str] = None
    release: t.Optional[str] = None
    former: bool = False
    proxy: bool = False


@dataclasses.dataclass(frozen=True)
class ProcessSeen:
    """The running etcd. ``environment`` has only ``ETCD_*`` and ``QUORUM_*``, secrets replaced by a digest; what it was
    told by flags or by a file of settings stands there by the names of their variables.

    ``executable`` is the resolved path; ``replaced`` says that the file there is no longer the one that runs.
    """

    pid: int
    executable: str
    environment: t.Dict[str, str]
    started: float
    replaced: bool = False
    arguments: t.Tuple[str, ...] = ()

    @property
    def release(self) -> str:
        """The directory that it was started from."""
        return self.executable.rpartition("/")[0]


@dataclasses.dataclass(frozen=True)
class DataSeen:
    """A data directory. ``state``: ``absent``, ``empty``, ``incomplete`` (something, but no WAL) or ``initialised``.

    IDs come from the WAL's metadata record. ``last_index`` is read only while a ``bootstrap.env`` is there;
    ``snapshot_index`` is the raft index of the newest ``.snap``. ``problem`` says why the WAL could not be read.
    ``held`` says that a process has it open though the service shows none.

    What is left of the API of etcd 2 is looked for only before another minor version: ``v2_index`` is the raft index of
    the last request of that API in the log after the newest snapshot, 0 where there is none, ``None`` where nobody
    looked. ``v2_reads`` says that some of them only read, as looks at the health of 3.4 do, ``v2_writes`` that some
    wrote more than etcd itself does, and ``v2_keys`` that the newest snapshot has keys.
    """

    path: str
    wal_path: str
    state: str
    member_id: str = ""
    cluster_id: str = ""
    last_index: t.Optional[int] = None
    snapshot_index: t.Optional[int] = None
    problem: str = ""
    v2_index: t.Optional[int] = None
    v2_reads: bool = False
    v2_writes: bool = False
    v2_keys: bool = False
    held: bool = False

    @property
    def initialised(self) -> bool:
        """etcd would start from what is here, and ignore every ``initial-*`` setting."""
        return self.state == "initialised"


@dataclasses.dataclass(frozen=True)
class EndpointSeen:
    """What a server answers at one endpoint. ``members`` is its linearizable list, ``None`` where it could give none.

    ``last_known`` is the list as it knew it when it last had a leader, asked for only where it has none.
    ``healthy`` is the answer of ``/health?exclude=NOSPACE`` and no CORRUPT alarm listed for it. ``denied`` says that it
    does not talk to who asks: for certificates, the server's or the client's, where ``versions`` is ``None``, else for
    the lack of a user.
    """

    endpoint: str
    healthy: bool
    problem: str = ""
    versions: t.Optional[Versions] = None
    status: t.Optional[Status] = None
    members: t.Optional[t.Tuple[Member, ...]] = None
    alarms: t.Tuple[Alarm, ...] = ()
    last_known: t.Optional[t.Tuple[Member, ...]] = None
    denied: bool = False

    @property
    def may_serve(self) -> bool:
        """Healthy, or it does not say: whoever denies the look may be well."""
        return self.healthy or (self.denied and self.versions is None)


@dataclasses.dataclass(frozen=True)
class HostSeen:
    """All that one host shows of one instance. ``nonce`` is random and new in each observation."""

    nonce: str
    system: SystemSeen
    service: ServiceSeen
    files: FilesSeen
    data: DataSeen
    releases: t.Tuple[ReleaseSeen, ...] = ()
    directories: t.Tuple[PathSeen, ...] = ()
    user: bool = True
    process: t.Optional[ProcessSeen] = None
    local: t.Optional[EndpointSeen] = None

    @property
    def version(self) -> t.Optional[Version]:
        """See :func:`version_of`."""
        return version_of(self.local, self.process, self.files, self.releases)


def version_of(
    local: t.Optional[EndpointSeen],
    process: t.Optional[ProcessSeen],
    files: FilesSeen,
    releases: t.Iterable[ReleaseSeen],
) -> t.Optional[Version]:
    """The version that runs, or would run if the server were started as it is; ``None`` where nothing says."""
    if local is not None and local.versions is not None:
        return Version.parse_or_none(local.versions.server)
    current = process.release if process is not None else files.release or ""
    for release in releases:
        if release.path == current and release.version:
            return Version.parse_or_none(release.version)
    return Version.parse_or_none(current.rstrip("/").rpartition("/")[2])


# --- what is wished -----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing wrong with what was wished: on what, what, and what to do."""

    subject: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}" + (f" {self.remedy}" if self.remedy else "")


@dataclasses.dataclass(frozen=True)
class Change:
    """One key that differs; ``None`` where it is not set. Secrets are shown as ``***``."""

    key: str
    before: t.Optional[str]
    after: t.Optional[str]

    def __str__(self) -> str:
        return f"{self.key}: {'(none)' if self.before is None else self.before} → " + (
            "(none)" if self.after is None else self.after
        )


@dataclasses.dataclass(frozen=True)
class Desired:
    """A member and its server, the way they are wished; validated.

    ``environment`` is the whole steady environment, fence included. ``release`` is the directory the release link
    shall point to. ``definition`` is the text of the unit, or the Procfile's line. ``discovery`` is the protocol of the
    registry where ``bootstrap`` is ``discovery``, and ``registry`` says whether it is known where that is;
    ``first_start`` are variables that only a first start reads. ``user`` is the system user that a unit runs etcd as,
    empty for others. ``brought`` says that the role brings the release; otherwise it is what somebody put there.
    """

    host: str
    name: str
    peer_urls: t.Tuple[str, ...]
    client_urls: t.Tuple[str, ...]
    version: str
    release: str
    environment: t.Dict[str, str]
    definition: str
    data_dir: str
    config_dir: str
    service: str
    deployment: str = "systemd"
    bootstrap: str = "static"
    enabled: bool = True
    user: str = ""
    discovery: str = ""
    registry: bool = True
    brought: bool = True
    first_start: t.Dict[str, str] = dataclasses.field(default_factory=dict)


# --- serialisation ------------------------------------------------------------------------------------------------

Words = t.TypeVar("Words")


def hides(text: str) -> bool:
    """Whether Ansible has taken a password out of a result's text."""
    return "********" in text or "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in text


def encode(words: t.Any) -> t.Dict[str, t.Any]:
    """A dataclass instance as plain data, the way JSON would give it back: tuples are lists."""
    plain: t.Dict[str, t.Any] = _plain(dataclasses.asdict(words))
    return plain


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def decode(kind: t.Type[Words], data: t.Mapping[str, t.Any]) -> Words:
    """Plain data, such as ``encode`` or JSON gives, as an instance of ``kind``. Unknown keys are left out.

    :raises KeyError: when a field without a default is missing.
    """
    hints = _hints(t.cast(t.Hashable, kind))
    values = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in data:
            values[field.name] = _decode_value(hints[field.name], data[field.name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise KeyError(f"{kind.__name__} needs {field.name}")
    return kind(**values)


@functools.lru_cache(maxsize=None)
def _hints(kind: t.Hashable) -> t.Dict[str, t.Any]:
    return t.get_type_hints(kind)


def _decode_value(hint: t.Any, value: t.Any) -> t.Any:
    origin, arguments = t.get_origin(hint), t.get_args(hint)
    if origin is t.Union:
        return None if value is None else _decode_value(arguments[0], value)
    if origin is tuple:
        return tuple(_decode_value(arguments[0], item) for item in value)
    if origin is dict:
        return {str(key): _decode_value(arguments[1], item) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return decode(t.cast("type[t.Any]", hint), value)
    return hint(value)


__all__ = (
    "Alarm",
    "Change",
    "Clock",
    "DataSeen",
    "Desired",
    "EndpointSeen",
    "Fault",
    "FilesSeen",
    "HostSeen",
    "Member",
    "PathSeen",
    "ProcessSeen",
    "ReleaseSeen",
    "RunCommand",
    "ServiceSeen",
    "Status",
    "SystemSeen",
    "Versions",
    "decode",
    "encode",
    "hides",
    "leader_of",
    "version_of",
)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that one host shows of one instance, in one look. Private to this collection."""

from __future__ import annotations

import dataclasses
import os
import pwd
import secrets
import stat
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils import _containers, _datadir, _envfile, _process, _system
from ansible_collections.quorum.etcd.plugins.module_utils._client import Client
from ansible_collections.quorum.etcd.plugins.module_utils._client import connect as connect_to
from ansible_collections.quorum.etcd.plugins.module_utils._client import look as look_at_endpoint
from ansible_collections.quorum.etcd.plugins.module_utils._definition import on_host
from ansible_collections.quorum.etcd.plugins.module_utils._errors import (
    DataError,
    InvalidInput,
    QuorumError,
    ServiceError,
)
from ansible_collections.quorum.etcd.plugins.module_utils._image_name import ImageName
from ansible_collections.quorum.etcd.plugins.module_utils._instance import (
    BOOTSTRAP,
    ENVIRONMENT,
    Files,
    Owner,
    name_of,
)
from ansible_collections.quorum.etcd.plugins.module_utils._model import (
    DataSeen,
    EndpointSeen,
    FilesSeen,
    HostSeen,
    PathSeen,
    ProcessSeen,
    ReleaseSeen,
    RunCommand,
    version_of,
)
from ansible_collections.quorum.etcd.plugins.module_utils._service import ProcfileService, Service, SystemdService
from ansible_collections.quorum.etcd.plugins.module_utils._transport import Connection, local_url
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version


@dataclasses.dataclass(frozen=True)
class Instance:
    """Where an instance is. ``service`` is the unit's name without its ending, or the entry of the Procfile.

    ``release_dir`` holds the releases side by side; for containers it is the repository of their images. ``owner`` is
    the system user that a unit runs etcd as.
    """

    service: str
    deployment: str
    config_dir: str
    data_dir: str
    release_dir: str
    procfile_dir: t.Optional[str] = None
    runner: str = "honcho"
    owner: str = "etcd"

    @property
    def working_dir(self) -> str:
        """What relative paths in its environment start from."""
        return self.procfile_dir if self.deployment == "procfile" and self.procfile_dir else "/"


class Wished(t.NamedTuple):
    """What a server is told: its environment, and the unit whose paths that speaks of."""

    environment: t.Mapping[str, str]
    definition: str


def instance_of(params: t.Mapping[str, t.Any]) -> Instance:
    """What a module was told by the options of ``instance_spec``."""
    return Instance(
        service=params["service"],
        deployment=params["deployment"],
        config_dir=params["config_dir"],
        data_dir=params["data_dir"],
        release_dir=params["release_dir"],
        procfile_dir=params["procfile_dir"],
        runner=params["procfile_runner"],
        owner=params["owner"],
    )


def service_of(instance: Instance, run: RunCommand) -> Service:
    """What runs the instance.

    :raises InvalidInput: for a Procfile without its directory.
    """
    if instance.deployment != "procfile":
        return SystemdService(instance.service, run)
    if not instance.procfile_dir:
        raise InvalidInput("A Procfile needs its directory.", remedy="Set procfile_dir.")
    return ProcfileService(instance.procfile_dir, instance.service, run, instance.runner)


def engine_of(instance: Instance, run: RunCommand) -> t.Optional[_containers.Engine]:
    """The engine whose containers the instance is to run in, if any."""
    return _containers.Engine(instance.deployment, run) if instance.deployment in _containers.ENGINES else None


def files_of(instance: Instance, run: RunCommand, *, owner: t.Optional[Owner] = None, dry: bool = False) -> Files:
    """The instance's files. Who writes a container's gives its ``owner``, too."""
    engine = engine_of(instance, run)
    if engine is None:
        return Files(instance.config_dir, dry=dry)

    def container(name: str) -> str:
        image = engine.image_id(name)
        if not image or owner is None:
            raise ServiceError(
                f"{engine.name} has no image {name}.", remedy="Bring it with the module quorum.etcd.image first."
            )
        return "{} {}:{}".format(image, *owner.ids())

    return Files(instance.config_dir, dry=dry, container=container)


def looker(service: Service) -> t.Callable[[int], t.Optional[ProcessSeen]]:
    """How to look at the process that a service shows."""
    return service.look if isinstance(service, SystemdService) else _process.look


def connector(
    instance: Instance,
    connection: Connection,
    run: RunCommand,
    *,
    transport: str = "auto",
    wished: t.Optional[Wished] = None,
) -> t.Callable[[str], Client]:
    """How to connect to the servers of this instance's cluster.

    Where ``connection`` names no authority or no client certificate, the server's own are taken from its ``etcd.env``,
    or of one that something else set up from what it was told, as far as this user may read them: a server's
    certificate usually serves as a client's, too. One that has none yet, or whose cannot be used, takes those that it
    is ``wished`` to have: others may have theirs.
    """

    def connect(endpoint: str) -> Client:
        if endpoint.startswith("http:"):
            return connect_to(endpoint, connection, transport=transport)
        written, wishes = _written(instance, run), [wished] if wished is not None else []
        try:
            own = _with_credentials(connection, instance, [*written, *wishes])
            return connect_to(endpoint, own, transport=transport)
        except InvalidInput:
            if not wishes:
                raise
            return connect_to(endpoint, _with_credentials(connection, instance, wishes), transport=transport)

    return connect


def observe(instance: Instance, *, run: RunCommand, connect: t.Callable[[str], Client], version: str = "") -> HostSeen:
    """Look at everything once. Never fails because something is down, missing or hidden from this user.

    On the way to a ``version`` of a newer minor line, the log is read for what that would stumble over.

    What this user may not read counts as being there: files as empty ones, data as ``initialised``; the ``problem`` of
    the data says so.
    """
    service = service_of(instance, run)
    state = service.seen()
    files, hidden = _look_at_files(instance, service, run)
    files = dataclasses.replace(files, proxy=_has_proxy(instance, run))
    process = looker(service)(state.main_pid) if state.main_pid else None
    engine = engine_of(instance, run)
    if engine is None:
        releases = _look_at_releases(instance, files, process, run, version)
        process = _in_terms_of(releases, process, files.release)
    else:
        images = _images_of(instance, engine)
        releases = _releases_of(images)
        process = _in_terms_of_images(images, process, files_of(instance, run).release() if not hidden else None)
    # Before the data: a server that has just come up is never seen to serve without any.
    local = _look_at_local(process, connect) if process else None
    upgrades = _upgrades(version_of(local, process, files, releases), Version.parse_or_none(version))
    data = _look_at_data(instance, service, files, process, v2_requests=upgrades)
    if process is None and data.initialised:
        data = dataclasses.replace(data, held=_datadir.is_held(data.path))
    if hidden:
        data = dataclasses.replace(data, problem=" ".join((*hidden, data.problem)).strip())
    return HostSeen(
        nonce=secrets.token_hex(8),
        system=_system.look(),
        service=state,
        files=files,
        data=data,
        releases=releases,
        directories=_look_at_directories(instance, data),
        user=instance.deployment == "procfile" or _user_exists(instance.owner),
        process=process,
        local=local,
    )


# --- files --------------------------------------------------------------------------------------------------------


def _look_at_files(instance: Instance, service: Service, run: RunCommand) -> t.Tuple[FilesSeen, t.List[str]]:
    """What is written, and what of it could not be read."""
    files = files_of(instance, run)
    try:
        return dataclasses.replace(files.seen(), definition=service.definition()), []
    except DataError:
        hidden: t.List[str] = []

    def read(name: str) -> t.Optional[t.Dict[str, str]]:
        try:
            text = files.read(name)
        except DataError as error:
            hidden.append(error.message)
            return {}
        return None if text is None else _envfile.redact(files.parse(text))

    try:
        release = name_of(files.release())
    except DataError as error:
        hidden.append(error.message)
        release = None
    environment, bootstrap = read(ENVIRONMENT), read(BOOTSTRAP)
    return FilesSeen(
        environment=environment, bootstrap=bootstrap, definition=service.definition(), release=release
    ), hidden


def _has_proxy(instance: Instance, run: RunCommand) -> bool:
    return (
        instance.deployment != "procfile" and SystemdService(f"{instance.service}-proxy", run).definition() is not None
    )


def _look_at_releases(
    instance: Instance, files: FilesSeen, process: t.Optional[ProcessSeen], run: RunCommand, version: str
) -> t.Tuple[ReleaseSeen, ...]:
    """Where there is an etcd: below ``release_dir``, and where the release link points.

    Directories that are called by their version are believed, but for the ``version`` that is to be started.
    """
    running = process.executable if process is not None and not process.replaced else ""
    try:
        places = [os.path.join(instance.release_dir, name) for name in sorted(os.listdir(instance.release_dir))]
    except OSError:
        places = []
    if files.release:
        places.append(os.path.normpath(os.path.join(instance.config_dir, files.release)))
    found = []
    for path in dict.fromkeys(places):
        program = os.path.join(path, "etcd")
        if os.path.isfile(program) and os.access(program, os.X_OK):
            named = Version.parse_or_none(os.path.basename(path))
            doubtful = named is None or (str(named) == version and os.path.realpath(program) != running)
            told = Version.parse_or_none(_containers.Programs(None, run).version(path)) if doubtful else named
            found.append(ReleaseSeen(path=path, version="" if told is None else str(told)))
    return tuple(found)


def _in_terms_of(
    releases: t.Sequence[ReleaseSeen], process: t.Optional[ProcessSeen], linked: t.Optional[str] = None
) -> t.Optional[ProcessSeen]:
    """A process with its program where the releases are said to be: the kernel knows no symbolic links on the way.

    Where several are the same program, it is the release that is ``linked``, else the one without a link on its way.
    """
    if process is None or not process.executable:
        return process
    named = [os.path.join(release.path, "etcd") for release in releases]
    same = [path for path in named if os.path.realpath(path) == process.executable]
    same.sort(key=lambda path: (os.path.dirname(path) != linked, path != process.executable))
    return dataclasses.replace(process, executable=same[0]) if same else process


def _images_of(instance: Instance, engine: _containers.Engine) -> t.Tuple[_containers.Image, ...]:
    """The images of the instance's repository."""
    try:
        repository = ImageName.parse(instance.release_dir).repository
    except ValueError:
        return ()
    found = []
    for image in engine.images():
        names = tuple(name for name in image.names if ImageName.parse(name).repository == repository)
        if names:
            found.append(_containers.Image(image.id, names))
    return tuple(found)


def _releases_of(images: t.Sequence[_containers.Image]) -> t.Tuple[ReleaseSeen, ...]:
    named = ((name, ImageName.parse(name).version) for image in images for name in image.names)
    return tuple(ReleaseSeen(path=name, version=version) for name, version in sorted(named))


def _in_terms_of_images(
    images: t.Sequence[_containers.Image], process: t.Optional[ProcessSeen], written: t.Optional[str]
) -> t.Optional[ProcessSeen]:
    """A process with its image by name, where it still has one; best the one it was started by."""
    if process is None or not process.executable:
        return process
    running = process.release
    names = [name for image in images if image.id == running for name in image.names]
    started = name_of(written) or ""
    everyone = {name for image in images for name in image.names}
    if written is not None and running in written.split(" ") and started not in everyone:
        names.append(started)  # of another repository
    names.sort(key=lambda name: name != started)
    return dataclasses.replace(process, executable=f"{names[0]}/etcd") if names else process


def _look_at_directories(instance: Instance, data: DataSeen) -> t.Tuple[PathSeen, ...]:
    places = [instance.config_dir, data.path, instance.release_dir]
    if not data.wal_path.startswith(data.path + os.sep):
        places.append(data.wal_path)
    if instance.procfile_dir and instance.deployment == "procfile":
        places.append(instance.procfile_dir)
    found = []
    for path in dict.fromkeys(places):
        try:
            kept = os.stat(path)
        except OSError:
            continue
        if stat.S_ISDIR(kept.st_mode):
            owner = Owner.of(kept)
            mode = f"{stat.S_IMODE(kept.st_mode):04o}"
            found.append(PathSeen(path=path, owner=owner.user, group=owner.group, mode=mode))
    return tuple(found)


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


# --- data ---------------------------------------------------------------------------------------------------------


def _upgrades(running: t.Optional[Version], wished: t.Optional[Version]) -> bool:
    """Whether another minor line is to come, as far as anybody knows."""
    return wished is not None and (running is None or running[:2] < wished[:2])


def _look_at_data(
    instance: Instance,
    service: Service,
    files: FilesSeen,
    process: t.Optional[ProcessSeen],
    *,
    v2_requests: bool = False,
) -> DataSeen:
    """Where the running process, the ``etcd.env`` on disk, the unit of another hand or the option says."""
    path, wal, start = _places(instance, service, files, process)
    return _datadir.look(
        os.path.normpath(os.path.join(start, path)),
        wal_path=os.path.normpath(os.path.join(start, wal)) if wal else None,
        last_index=files.bootstrap is not None,
        v2_requests=v2_requests,
    )


def _places(
    instance: Instance, service: Service, files: FilesSeen, process: t.Optional[ProcessSeen]
) -> t.Tuple[str, str, str]:
    """Data directory, WAL directory (or nothing), and what they start from where they are relative."""
    if process is not None and process.environment:
        start = _process.directory(process.pid) or "/"
        told = process.environment
        default = f"{told.get('ETCD_NAME') or 'default'}.etcd"
        return told.get("ETCD_DATA_DIR") or default, told.get("ETCD_WAL_DIR", ""), start
    environment = files.environment
    if environment is None and isinstance(service, SystemdService):
        environment = service.environment()
    environment = environment or {}
    return (
        environment.get("ETCD_DATA_DIR") or instance.data_dir,
        environment.get("ETCD_WAL_DIR", ""),
        instance.working_dir,
    )


# --- the server itself --------------------------------------------------------------------------------------------


def _look_at_local(process: ProcessSeen, connect: t.Callable[[str], Client]) -> t.Optional[EndpointSeen]:
    endpoint = _local_endpoint(process)
    if endpoint is None:
        return None
    try:
        client = connect(endpoint)
    except QuorumError as error:
        return EndpointSeen(endpoint=endpoint, healthy=False, problem=str(error), denied=True)
    try:
        return look_at_endpoint(client)
    finally:
        client.close()


def _local_endpoint(process: ProcessSeen) -> t.Optional[str]:
    """How this machine reaches the server; nothing where its settings may not be read."""
    if not process.environment and not process.arguments:
        return None
    return local_url(process.environment) or None


def _written(instance: Instance, run: RunCommand) -> t.List[Wished]:
    """What the server was told, in its ``etcd.env`` or by something else; nothing where that may not be read."""
    try:
        files = files_of(instance, run)
        text = files.read(ENVIRONMENT)
    except DataError:
        return []
    environment = _told(instance, run) if text is None else files.parse(text)
    return [Wished(environment, service_of(instance, run).definition() or "")]


def _with_credentials(connection: Connection, instance: Instance, sources: t.Iterable[Wished]) -> Connection:
    """With the first authority, and the first certificate with its key, that is named and can be read."""

    def file(told: Wished, name: str) -> t.Optional[str]:
        path = on_host(told.definition, os.path.join(instance.working_dir, told.environment.get(name, "")))
        return path if told.environment.get(name) and os.access(path, os.R_OK) else None

    own = connection
    for told in sources:
        if own.ca_path is None:
            own = dataclasses.replace(own, ca_path=file(told, "ETCD_TRUSTED_CA_FILE"))
        for kind in ("ETCD_CLIENT_", "ETCD_"):
            certificate, key = file(told, f"{kind}CERT_FILE"), file(told, f"{kind}KEY_FILE")
            if own.client_cert is None and certificate and key:
                own = dataclasses.replace(own, client_cert=certificate, client_key=key)
    return own


def _told(instance: Instance, run: RunCommand) -> t.Dict[str, str]:
    """What the server that runs was told, whoever set it up."""
    service = service_of(instance, run)
    pid = service.seen().main_pid
    process = looker(service)(pid) if pid else None
    return process.environment if process is not None else {}


__all__ = ("Instance", "Wished", "connector", "engine_of", "files_of", "instance_of", "looker", "observe", "service_of")

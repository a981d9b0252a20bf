# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd's gRPC messages: those of the ``etcd3`` library, brought up to etcd 3.7.

Private to this collection. ``etcd3`` 0.12.0 describes the API of etcd 3.3. Its descriptions are copied into a pool of
our own and completed there, so that the library itself stays as it is for whoever else uses it.

The field numbers are part of etcd's wire format and never change: ``api/etcdserverpb/rpc.proto`` of etcd 3.7.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import typing as t
import warnings

PACKAGE = "etcdserverpb"

# descriptor.proto's numbers for types
_INT64, _UINT64, _BOOL, _STRING, _MESSAGE, _BYTES, _ENUM = 3, 4, 8, 9, 11, 12, 14
_OPTIONAL, _REPEATED = 1, 3


class _Field(t.NamedTuple):
    """``kind`` is the full name of a message or an enum type."""

    name: str
    number: int
    type: int
    kind: str = ""
    repeated: bool = False


def _of(name: str, number: int, kind: str, *, repeated: bool = False) -> _Field:
    return _Field(name, number, _MESSAGE, f".{PACKAGE}.{kind}", repeated)


_HEADER = _of("header", 1, "ResponseHeader")

# Messages that etcd3 lacks, or fields of those that it has.
_FIELDS: t.Dict[str, t.Tuple[_Field, ...]] = {
    "AuthStatusRequest": (),
    "AuthStatusResponse": (_HEADER, _Field("enabled", 2, _BOOL), _Field("authRevision", 3, _UINT64)),
    "UserAddOptions": (_Field("no_password", 1, _BOOL),),
    "AuthUserAddRequest": (_of("options", 3, "UserAddOptions"), _Field("hashedPassword", 4, _STRING)),
    "AuthUserChangePasswordRequest": (_Field("hashedPassword", 3, _STRING),),
    "DowngradeInfo": (_Field("enabled", 1, _BOOL), _Field("targetVersion", 2, _STRING)),
    "DowngradeRequest": (
        _Field("action", 1, _ENUM, f".{PACKAGE}.DowngradeRequest.DowngradeAction"),
        _Field("version", 2, _STRING),
    ),
    "DowngradeResponse": (_HEADER, _Field("version", 2, _STRING)),
    "HashKVResponse": (_Field("hash_revision", 4, _INT64),),
    "Member": (_Field("isLearner", 5, _BOOL),),
    "MemberAddRequest": (_Field("isLearner", 2, _BOOL),),
    "MemberListRequest": (_Field("linearizable", 1, _BOOL),),
    "MemberPromoteRequest": (_Field("ID", 1, _UINT64),),
    "MemberPromoteResponse": (_HEADER, _of("members", 2, "Member", repeated=True)),
    "StatusResponse": (
        _Field("raftAppliedIndex", 7, _UINT64),
        _Field("errors", 8, _STRING, repeated=True),
        _Field("dbSizeInUse", 9, _INT64),
        _Field("isLearner", 10, _BOOL),
        _Field("storageVersion", 11, _STRING),
        _Field("dbSizeQuota", 12, _INT64),
        _of("downgradeInfo", 13, "DowngradeInfo"),
    ),
}
_ENUMS = {"DowngradeRequest": ("DowngradeAction", ("VALIDATE", "ENABLE", "CANCEL"))}
# Fields whose type has changed; the same on the wire.
_TYPES = {"AuthRoleRevokePermissionRequest": {"key": _BYTES, "range_end": _BYTES}}
_METHODS = {"Auth": ("AuthStatus",), "Cluster": ("MemberPromote",), "Maintenance": ("Downgrade",)}


@dataclasses.dataclass(frozen=True)
class Method:
    """How one call travels. ``encode`` takes the gateway's JSON shape, ``decode`` gives it."""

    path: str
    encode: t.Callable[[t.Mapping[str, t.Any]], bytes]
    decode: t.Callable[[bytes], t.Dict[str, t.Any]]


class Messages:
    """The calls of etcd's API.

    :raises ImportError: ``etcd3`` or ``protobuf`` is not installed.
    :raises TypeError: the protobuf in this process is of a kind that ``etcd3`` 0.12.0 cannot work with.
    """

    def __init__(self) -> None:
        # etcd3's generated code is too old for the other implementations of protobuf 4 and newer.
        os.environ.setdefault("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            generated = importlib.import_module("etcd3.etcdrpc.rpc_pb2")
        self._json = importlib.import_module("google.protobuf.json_format")
        self._factory = importlib.import_module("google.protobuf.message_factory")
        self._pool = importlib.import_module("google.protobuf.descriptor_pool").DescriptorPool()
        description = importlib.import_module("google.protobuf.descriptor_pb2").FileDescriptorProto
        for dependency in generated.DESCRIPTOR.dependencies:
            self._pool.AddSerializedFile(dependency.serialized_pb)
        file = description.FromString(generated.DESCRIPTOR.serialized_pb)
        _complete(file)
        self._pool.AddSerializedFile(file.SerializeToString())

    def method(self, rpc: str) -> Method:
        """The call such as ``Cluster/MemberList``.

        :raises KeyError: there is none of this name.
        """
        service, name = rpc.split("/")
        described = self._pool.FindServiceByName(f"{PACKAGE}.{service}").methods_by_name[name]
        request, response = self._class(described.input_type), self._class(described.output_type)

        def encode(words: t.Mapping[str, t.Any]) -> bytes:
            # As the gateway does, what this version does not know is left out.
            message = self._json.ParseDict(dict(words), request(), ignore_unknown_fields=True)
            return t.cast("bytes", message.SerializeToString())

        def decode(data: bytes) -> t.Dict[str, t.Any]:
            message = response.FromString(data)
            return t.cast("t.Dict[str, t.Any]", self._json.MessageToDict(message, preserving_proto_field_name=True))

        return Method(f"/{PACKAGE}.{service}/{name}", encode, decode)

    def _class(self, described: t.Any) -> t.Any:
        if hasattr(self._factory, "GetMessageClass"):
            return self._factory.GetMessageClass(described)
        return self._factory.MessageFactory(self._pool).GetPrototype(described)  # protobuf 3


def _complete(file: t.Any) -> None:
    """Add to a ``FileDescriptorProto`` what it lacks, field by field: a newer ``etcd3`` may have some."""
    messages = {message.name: message for message in file.message_type}
    for name, fields in _FIELDS.items():
        if name not in messages:
            messages[name] = file.message_type.add(name=name)
        _add_fields(messages[name], fields)
    for name, (enum, values) in _ENUMS.items():
        if enum not in {known.name for known in messages[name].enum_type}:
            added = messages[name].enum_type.add(name=enum)
            for number, value in enumerate(values):
                added.value.add(name=value, number=number)
    for name, types in _TYPES.items():
        for field in messages[name].field:
            field.type = types.get(field.name, field.type)
    for service in file.service:
        _add_methods(service, _METHODS.get(service.name, ()))


def _add_fields(message: t.Any, fields: t.Iterable[_Field]) -> None:
    present = {field.number for field in message.field}
    for field in fields:
        if field.number not in present:
            message.field.add(
                name=field.name,
                number=field.number,
                type=field.type,
                type_name=field.kind,
                label=_REPEATED if field.repeated else _OPTIONAL,
            )


def _add_methods(service: t.Any, names: t.Iterable[str]) -> None:
    present = {method.name for method in service.method}
    for name in names:
        if name not in present:
            stem = f".{PACKAGE}.{name}"
            service.method.add(name=name, input_type=f"{stem}Request", output_type=f"{stem}Response")


__all__ = ("Messages", "Method")

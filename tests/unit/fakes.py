# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster in memory that answers as etcd's gateway does, as far as our client asks it."""

from __future__ import annotations

import base64
import dataclasses
import json
import typing as t

from ansible_collections.quorum.etcd.plugins.module_utils._client import Client
from ansible_collections.quorum.etcd.plugins.module_utils._errors import ClientError, Unreachable
from ansible_collections.quorum.etcd.plugins.module_utils._gateway import error_of
from ansible_collections.quorum.etcd.plugins.module_utils._model import Alarm

Answer = t.Dict[str, t.Any]
Request = t.Mapping[str, t.Any]


@dataclasses.dataclass
class FakeMember:
    """A member and its server. ``up`` is the process; ``published`` says that it has started at least once."""

    id: int
    name: str
    up: bool = True
    published: bool = True
    is_learner: bool = False
    version: str = "3.6.16"
    raft_index: int = 10
    peer_urls: t.Tuple[str, ...] = ()
    in_sync: bool = True

    @property
    def url(self) -> str:
        return f"http://{self.name}.example:2379"

    def to_json(self) -> Answer:
        """As the gateway does: what is zero or empty is left out."""
        entry: Answer = {
            "ID": str(self.id),
            "name": self.name if self.published else "",
            "peerURLs": list(self.peer_urls or (f"http://{self.name}.example:2380",)),
            "clientURLs": [self.url] if self.published else [],
            "isLearner": self.is_learner,
        }
        return {key: value for key, value in entry.items() if value}


class FakeCluster:
    """Members ``n1`` … with IDs 0xa1 …; the first one leads. Change its attributes at will.

    ``users`` maps names to passwords; ``{}`` while users are switched off. All users may do everything.
    ``asked`` records ``(member name, rpc or path)``. ``now`` is a clock of the test's own: until ``settles`` a member
    is not added, as for 5 s after servers have started. Answers to the calls in ``loses`` get lost, once for each time
    they are named, though what was asked for is done; those in ``hangs`` are not even heard.
    """

    def __init__(self, size: int = 3, *, cluster_id: int = 0xC1) -> None:
        self.id = cluster_id
        self.members = {f"n{number}": FakeMember(0xA0 + number, f"n{number}") for number in range(1, size + 1)}
        self.leader: t.Optional[str] = "n1"
        self.alarms: t.List[Alarm] = []
        self.keys: t.Dict[bytes, t.Tuple[bytes, int, int, int]] = {}
        self.revision = 1
        self.leases = 0
        self.leased: t.Dict[bytes, int] = {}
        self.term = 2
        self.users: t.Dict[str, str] = {}
        self.asked: t.List[t.Tuple[str, str]] = []
        self.now = 0.0
        self.settles = 0.0
        self.max_learners = 1
        self.loses: t.List[str] = []
        self.hangs: t.List[str] = []
        self.downgrade = ""

    @property
    def has_quorum(self) -> bool:
        voters = [member for member in self.members.values() if not member.is_learner]
        return sum(member.up for member in voters) > len(voters) // 2

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def start(self, name: str) -> None:
        """A member's server starts and publishes itself."""
        self.members[name].up = self.members[name].published = True

    def transport(self, name: str, *, user: str = "", password: str = "") -> FakeTransport:
        return FakeTransport(self, self.members[name].url, user=user, password=password)

    def client(self, name: str, *, user: str = "", password: str = "") -> Client:
        return Client(self.transport(name, user=user, password=password))

    def connect(self, endpoint: str, *, user: str = "", password: str = "") -> Client:
        """For what wants to make clients itself; an endpoint nobody serves is unreachable."""
        return Client(FakeTransport(self, endpoint, user=user, password=password))


class FakeTransport:
    """The way to one server of a ``FakeCluster``."""

    def __init__(self, cluster: FakeCluster, endpoint: str, *, user: str = "", password: str = "") -> None:
        self.endpoint = endpoint
        self._cluster = cluster
        self._user = user
        self._password = password
        self._rpcs: t.Dict[str, t.Callable[[FakeMember, Request], Answer]] = {
            "Cluster/MemberAdd": self._member_add,
            "Cluster/MemberList": self._member_list,
            "Cluster/MemberPromote": self._member_promote,
            "Cluster/MemberRemove": self._member_remove,
            "Cluster/MemberUpdate": self._member_update,
            "KV/DeleteRange": self._delete_range,
            "KV/Put": self._put,
            "KV/Range": self._range,
            "KV/Txn": self._txn,
            "Lease/LeaseGrant": self._lease_grant,
            "Lease/LeaseRevoke": self._lease_revoke,
            "Maintenance/Alarm": self._alarm,
            "Maintenance/Downgrade": self._downgrade,
            "Maintenance/MoveLeader": self._move_leader,
            "Maintenance/Status": self._status,
        }

    def call(self, rpc: str, request: Request, *, timeout: t.Optional[float] = None) -> Answer:
        member = self._member(rpc)
        cluster = self._cluster
        if rpc in cluster.hangs:
            cluster.hangs.remove(rpc)
            raise Unreachable(f"{self.endpoint} did not answer within {timeout} s.", endpoint=self.endpoint)
        if cluster.users and self._user and member.is_learner:
            raise self._error("Auth/Authenticate", 400, 9, "rpc not supported for learner")
        if cluster.users and cluster.users.get(self._user) != self._password:
            if self._user:
                raise self._error(rpc, 400, 3, "authentication failed, invalid user ID or password")
            raise self._error(rpc, 400, 3, "user name is empty")
        if member.is_learner and rpc != "Maintenance/Status":
            raise self._error(rpc, 400, 9, "rpc not supported for learner")
        local = rpc == "Maintenance/Status" or (rpc == "Cluster/MemberList" and not request.get("linearizable"))
        if not cluster.has_quorum and not local:
            raise self._error(rpc, 503, 14, "request timed out")
        header = {"cluster_id": str(cluster.id), "member_id": str(member.id), "raft_term": str(cluster.term)}
        answer = self._rpcs[rpc](member, request)
        if rpc in cluster.loses:
            cluster.loses.remove(rpc)
            raise Unreachable(f"{self.endpoint} did not answer within {timeout} s.", endpoint=self.endpoint)
        return {"header": {**header, "revision": str(cluster.revision)}, **answer}

    def get(self, path: str, *, timeout: t.Optional[float] = None) -> t.Tuple[int, str]:
        member = self._member(path)
        if path == "/version":
            cluster = member.version.rpartition(".")[0] + ".0"
            return 200, json.dumps({"etcdserver": member.version, "etcdcluster": cluster})
        if path == "/metrics":
            return 200, f'# TYPE etcd_server_id gauge\netcd_server_id{{server_id="{member.id:x}"}} 1\n'
        if not path.startswith("/health"):
            return 404, "404 page not found\n"
        reason = "" if self._cluster.has_quorum and self._cluster.leader else "RAFT NO LEADER"
        for alarm in self._cluster.alarms:
            if f"exclude={alarm.kind}" not in path:
                reason = f"ALARM {alarm.kind}"
        return (503 if reason else 200), json.dumps({"health": "false" if reason else "true", "reason": reason})

    def close(self) -> None:
        pass

    def _member(self, subject: str) -> FakeMember:
        for member in self._cluster.members.values():
            if member.url == self.endpoint and member.up:
                self._cluster.asked.append((member.name, subject))
                return member
        raise Unreachable(f"{self.endpoint} cannot be reached: [Errno 111] Connection refused.", endpoint=self.endpoint)

    def _error(self, rpc: str, status: int, code: int, message: str) -> ClientError:
        body = json.dumps({"code": code, "message": f"etcdserver: {message}"})
        return error_of(self.endpoint, rpc, status, body)

    def _refuse(self, rpc: str, message: str) -> t.NoReturn:
        raise self._error(rpc, 400, 9, message)

    # --- membership ---

    def _find(self, rpc: str, identity: t.Any) -> FakeMember:
        for member in self._cluster.members.values():
            if member.id == int(identity):
                return member
        raise self._error(rpc, 404, 5, "member not found")

    def _listed(self) -> Answer:
        return {"members": [member.to_json() for member in self._cluster.members.values()]}

    def _member_list(self, member: FakeMember, request: Request) -> Answer:
        return self._listed()

    def _member_add(self, member: FakeMember, request: Request) -> Answer:
        """With etcd's strict-reconfig-check, as of 3.5.30 and 3.6.11: a quorum of the new size must be connected."""
        members = self._cluster.members
        urls = tuple(request["peerURLs"])
        learner = bool(request.get("isLearner"))
        voters = [known for known in members.values() if not known.is_learner]
        needed = (len(voters) + 1) // 2 + 1
        started = sum(known.published for known in voters)
        if not learner and started < needed and not len(voters) == started == 1:
            self._refuse("Cluster/MemberAdd", "re-configuration failed due to not enough started members")
        connected = sum(known.up for known in voters)
        if self._cluster.now < self._cluster.settles or (connected < needed and len(voters) > 1):
            raise self._error("Cluster/MemberAdd", 503, 14, "unhealthy cluster")
        if any(set(urls) & set(known.to_json()["peerURLs"]) for known in members.values()):
            self._refuse("Cluster/MemberAdd", "Peer URLs already exists")
        if learner and sum(known.is_learner for known in members.values()) >= self._cluster.max_learners:
            self._refuse("Cluster/MemberAdd", "too many learner members in cluster")
        number = max(known.id for known in members.values()) + 1
        name = f"n{number - 0xA0}"
        members[name] = FakeMember(number, name, up=False, published=False, is_learner=learner, peer_urls=urls)
        return {"member": members[name].to_json(), **self._listed()}

    def _member_remove(self, member: FakeMember, request: Request) -> Answer:
        """With etcd's strict-reconfig-check."""
        going = self._find("Cluster/MemberRemove", request["ID"])
        members = self._cluster.members
        others = [known for known in members.values() if not known.is_learner and known is not going]
        if not going.is_learner:
            if sum(known.published for known in others) < len(others) // 2 + 1:
                self._refuse("Cluster/MemberRemove", "re-configuration failed due to not enough started members")
            if going.up and sum(known.up for known in others) < len(others) // 2 + 1:
                raise self._error("Cluster/MemberRemove", 503, 14, "unhealthy cluster")
        del members[going.name]
        if going.name == self._cluster.leader:
            self._cluster.leader = next((known.name for known in others if known.up), None)
            self._cluster.term += 1
        return self._listed()

    def _member_update(self, member: FakeMember, request: Request) -> Answer:
        self._find("Cluster/MemberUpdate", request["ID"]).peer_urls = tuple(request["peerURLs"])
        return self._listed()

    def _member_promote(self, member: FakeMember, request: Request) -> Answer:
        learner = self._find("Cluster/MemberPromote", request["ID"])
        if not learner.is_learner:
            self._refuse("Cluster/MemberPromote", "can only promote a learner member")
        if not learner.in_sync:
            self._refuse("Cluster/MemberPromote", "can only promote a learner member which is in sync with leader")
        learner.is_learner = False
        return self._listed()

    # --- a server ---

    def _status(self, member: FakeMember, request: Request) -> Answer:
        cluster = self._cluster
        led = cluster.leader is not None and cluster.has_quorum
        answer: Answer = {
            "version": member.version,
            "dbSize": "20480",
            "dbSizeInUse": "16384",
            "leader": str(cluster.members[t.cast("str", cluster.leader)].id) if led else "",
            "raftIndex": str(member.raft_index),
            "raftAppliedIndex": str(member.raft_index),
            "raftTerm": str(cluster.term),
            "isLearner": member.is_learner,
            "errors": [] if led else ["etcdserver: no leader"],
            "downgradeInfo": {"enabled": True, "targetVersion": cluster.downgrade} if cluster.downgrade else {},
        }
        return {key: value for key, value in answer.items() if value}

    def _downgrade(self, member: FakeMember, request: Request) -> Answer:
        rpc, cluster = "Maintenance/Downgrade", self._cluster
        if request["action"] == "CANCEL":
            cluster.downgrade = ""
        elif cluster.downgrade:
            self._refuse(rpc, "etcdserver: cluster has a downgrade job in progress")
        elif request["version"] != "3.5":
            self._refuse(rpc, "etcdserver: invalid downgrade target version")
        elif request["action"] == "ENABLE":
            cluster.downgrade = "3.5.0"
        return {"version": "3.6.0"}

    def _alarm(self, member: FakeMember, request: Request) -> Answer:
        return {
            "alarms": [
                {"memberID": str(int(alarm.member_id, 16)), "alarm": alarm.kind} for alarm in self._cluster.alarms
            ]
        }

    def _move_leader(self, member: FakeMember, request: Request) -> Answer:
        if member.name != self._cluster.leader:
            raise self._error("Maintenance/MoveLeader", 400, 9, "not leader")
        target = self._find("Maintenance/MoveLeader", request["targetID"])
        if target.is_learner:
            raise self._error("Maintenance/MoveLeader", 400, 9, "bad leader transferee")
        self._cluster.leader = target.name
        self._cluster.term += 1
        return {}

    # --- keys ---

    def _selected(self, request: Request) -> t.List[bytes]:
        start = base64.b64decode(request["key"])
        if "range_end" not in request:
            return [start] if start in self._cluster.keys else []
        end = base64.b64decode(request["range_end"])
        return sorted(key for key in self._cluster.keys if key >= start and (end == b"\0" or key < end))

    def _range(self, member: FakeMember, request: Request) -> Answer:
        found = self._selected(request)[: int(request.get("limit", 0)) or None]
        entries = []
        for key in found:
            value, created, modified, version = self._cluster.keys[key]
            entry = {
                "key": base64.b64encode(key).decode(),
                "create_revision": str(created),
                "mod_revision": str(modified),
                "version": str(version),
            }
            if key in self._cluster.leased:
                entry["lease"] = str(self._cluster.leased[key])
            if value and not request.get("keys_only"):
                entry["value"] = base64.b64encode(value).decode()
            entries.append(entry)
        return {"kvs": entries, "count": str(len(entries))} if entries else {}

    def _put(self, member: FakeMember, request: Request) -> Answer:
        key = base64.b64decode(request["key"])
        self._cluster.revision += 1
        revision = self._cluster.revision
        former = self._cluster.keys.get(key)
        created, version = (former[1], former[3] + 1) if former else (revision, 1)
        self._cluster.keys[key] = (base64.b64decode(request["value"]), created, revision, version)
        self._cluster.leased.pop(key, None)
        if int(request.get("lease", 0)):
            self._cluster.leased[key] = int(request["lease"])
        return {}

    def _lease_grant(self, member: FakeMember, request: Request) -> Answer:
        self._cluster.leases += 1
        return {"ID": str(self._cluster.leases), "TTL": request["TTL"]}

    def _lease_revoke(self, member: FakeMember, request: Request) -> Answer:
        for key in [key for key, lease in self._cluster.leased.items() if lease == int(request["ID"])]:
            del self._cluster.leased[key], self._cluster.keys[key]
        return {}

    def _delete_range(self, member: FakeMember, request: Request) -> Answer:
        found = self._selected(request)
        for key in found:
            del self._cluster.keys[key]
        self._cluster.revision += bool(found)
        return {"deleted": str(len(found))} if found else {}

    def _txn(self, member: FakeMember, request: Request) -> Answer:
        (compare,) = request["compare"]
        entry = self._cluster.keys.get(base64.b64decode(compare["key"]))
        if int(compare["mod_revision"]) != (entry[2] if entry else 0):
            return {}
        for operation in request["success"]:
            if "request_put" in operation:
                self._put(member, operation["request_put"])
            else:
                self._delete_range(member, operation["request_delete_range"])
        return {"succeeded": True}

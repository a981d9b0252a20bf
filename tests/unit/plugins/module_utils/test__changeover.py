# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._changeover import Changeover, cluster_version
from ansible_collections.quorum.etcd.plugins.module_utils._errors import Refused, Rejected, Unauthenticated, Unreachable
from ansible_collections.quorum.etcd.plugins.module_utils._model import EndpointSeen, Status, Versions
from ansible_collections.quorum.etcd.plugins.module_utils._version import Version

LIMIT = 30.0


class Etcd:
    """A cluster that does by itself what etcd's monitor does, some seconds later and while all members answer.

    ``on`` says what happens at a time.
    """

    def __init__(self, *servers: str, cluster: str = "") -> None:
        self.now = 0.0
        self.servers = dict(zip("abc", servers))
        self.cluster = cluster or min(servers)[:4] + "0"
        self.storage = dict.fromkeys(self.servers, self.cluster)
        self.target = ""
        self.down: t.Set[str] = set()
        self.calls: t.List[str] = []
        self.on: t.Dict[float, t.Callable[[], None]] = {}
        self.refusal: t.Optional[Exception] = None

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        before, self.now = self.now, self.now + seconds
        for moment in [moment for moment in self.on if before < moment <= self.now]:
            self.on.pop(moment)()
        if int(before // 4) != int(self.now // 4):
            self.monitor()

    def monitor(self) -> None:
        for name in self.servers:
            if name not in self.down and self.servers[name] >= "3.6":
                self.storage[name] = self.cluster
        lines = {server[:4] + "0" for server in self.servers.values()}
        if self.down:
            return
        if lines == {self.target}:
            self.target = ""
        self.cluster = self.target or max(self.cluster, min(lines))

    def changeover(self) -> Changeover:
        clients = [t.cast("t.Any", Server(self, name)) for name in self.servers]
        return Changeover(
            clients, lambda asked, _timeout: tuple(t.cast("Server", one).look() for one in asked), self, LIMIT
        )


class Server:
    def __init__(self, etcd: Etcd, name: str) -> None:
        self.etcd = etcd
        self.name = self.endpoint = name

    def look(self) -> EndpointSeen:
        etcd, name = self.etcd, self.name
        if name in etcd.down:
            return EndpointSeen(name, False, "is down")
        version = etcd.servers[name]
        new = version >= "3.6"
        status = Status(
            name, "cc", version, storage_version=etcd.storage[name] if new else "", downgrade=etcd.target if new else ""
        )
        return EndpointSeen(name, True, versions=Versions(version, etcd.cluster), status=status)

    def downgrade(self, action: str, target: str = "", *, timeout: float = 0.0) -> None:
        etcd = self.etcd
        if self.name in etcd.down:
            raise Unreachable(f"{self.name} is down.")
        if etcd.refusal is not None:
            raise etcd.refusal
        etcd.calls.append(f"{action} {target}".strip())
        if action == "CANCEL":
            etcd.target = ""
        elif etcd.target:
            raise Rejected("etcdserver: cluster has a downgrade job in progress")
        elif action == "ENABLE":
            etcd.target = f"{target}.0"


# --- up -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cluster", "wished", "waits"),
    [("3.6.0", "3.7.3", False), ("3.7.0", "3.7.3", False), ("3.5.0", "3.7.3", True), ("3.5.0", "3.6.16", False)],
)
def test_the_cluster_must_have_followed_before_it_goes_on(cluster: str, wished: str, *, waits: bool) -> None:
    etcd = Etcd("3.6.16", "3.6.16", "3.6.16", cluster=cluster)
    etcd.changeover().rise(Version.parse(wished))
    assert (etcd.now > 0) is waits
    assert etcd.cluster >= "3.6.0" or not waits


def test_a_member_that_is_down_keeps_the_cluster_where_it_is() -> None:
    etcd = Etcd("3.6.16", "3.6.16", "3.6.16", cluster="3.5.0")
    etcd.down = {"c"}
    with pytest.raises(Refused, match=r"must have agreed on 3\.6, and it is at 3\.5 \(waited 30 s\)") as caught:
        etcd.changeover().rise(Version.parse("3.7.3"))
    assert "Bring every member to a release of 3.6" in caught.value.remedy


def test_where_nobody_serves_nothing_is_waited_for() -> None:
    etcd = Etcd("3.6.16", "3.6.16", cluster="3.5.0")
    etcd.down = {"a", "b"}
    etcd.changeover().rise(Version.parse("3.7.3"))
    assert etcd.now == 0


# --- down ---------------------------------------------------------------------------------------------------------


def test_a_cluster_is_made_ready_to_go_down() -> None:
    etcd = Etcd("3.7.3", "3.7.3", "3.7.3")
    assert etcd.changeover().go_down("3.6") == ["have the cluster go down to 3.6"]
    assert etcd.calls == ["VALIDATE 3.6", "ENABLE 3.6"]
    assert (etcd.cluster, etcd.target, set(etcd.storage.values())) == ("3.6.0", "3.6.0", {"3.6.0"})
    # the next member finds it done
    now = etcd.now
    etcd.servers["a"] = "3.6.16"
    assert etcd.changeover().go_down("3.6") == []
    assert (etcd.now, len(etcd.calls)) == (now, 2)


def test_what_one_stores_is_waited_for() -> None:
    etcd = Etcd("3.7.3", "3.7.3", "3.7.3", cluster="3.6.0")
    etcd.target, etcd.storage["b"] = "3.6.0", "3.7.0"
    assert etcd.changeover().go_down("3.6") == []
    assert etcd.now > 0
    assert etcd.storage["b"] == "3.6.0"


def test_one_downgrade_after_the_other() -> None:
    """That the former is over takes etcd some seconds."""
    etcd = Etcd("3.6.16", "3.6.16", "3.6.16")
    etcd.target = "3.6.0"
    assert etcd.changeover().go_down("3.5") == ["have the cluster go down to 3.5"]
    assert (etcd.cluster, etcd.target) == ("3.5.0", "3.5.0")


def test_another_run_may_be_faster() -> None:
    etcd = Etcd("3.7.3", "3.7.3", "3.7.3")
    enable = Server.downgrade

    def overtaken(self: Server, action: str, target: str = "", *, timeout: float = 0.0) -> None:
        if action == "ENABLE":
            etcd.target = "3.6.0"
        enable(self, action, target, timeout=timeout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Server, "downgrade", overtaken)
        assert etcd.changeover().go_down("3.6") == []
    assert etcd.cluster == "3.6.0"


def test_with_a_member_down_it_is_called_off_again() -> None:
    etcd = Etcd("3.7.3", "3.7.3", "3.7.3")
    etcd.down = {"b"}
    with pytest.raises(Refused) as caught:
        etcd.changeover().go_down("3.6")
    assert "its version is 3.7.0 yet, and etcd lowers it only while every member answers" in str(caught.value)
    assert "The downgrade was called off" in str(caught.value)
    assert etcd.calls[-1] == "CANCEL"
    assert etcd.target == ""


def test_what_was_begun_by_others_is_not_called_off() -> None:
    etcd = Etcd("3.7.3", "3.7.3", "3.7.3")
    etcd.target, etcd.down = "3.6.0", {"b"}
    with pytest.raises(Refused) as caught:
        etcd.changeover().go_down("3.6")
    assert "called off" not in str(caught.value)
    assert (etcd.calls, etcd.target) == ([], "3.6.0")


def test_a_member_that_comes_back_in_time() -> None:
    etcd = Etcd("3.7.3", "3.7.3", "3.7.3")
    etcd.down = {"b"}
    etcd.on[20.0] = etcd.down.clear
    assert etcd.changeover().go_down("3.6") == ["have the cluster go down to 3.6"]


def test_nobody_there() -> None:
    etcd = Etcd("3.7.3")
    etcd.down = {"a"}
    with pytest.raises(Refused, match="no member is healthy"):
        etcd.changeover().go_down("3.6")


def test_etcd_s_own_refusal_is_told_at_once() -> None:
    etcd = Etcd("3.7.3")
    etcd.refusal = Rejected("etcdserver: invalid downgrade target version")
    for ask in (etcd.changeover().go_down, etcd.changeover().validate):
        with pytest.raises(
            Refused, match=r"etcd refuses to go down to 3\.6: etcdserver: invalid downgrade target version"
        ):
            ask("3.6")
    assert etcd.now == 0


def test_whether_it_could_is_asked_without_a_change() -> None:
    etcd = Etcd("3.7.3", "3.7.3")
    etcd.changeover().validate("3.6")
    assert (etcd.calls, etcd.target) == (["VALIDATE 3.6"], "")
    etcd.target = "3.6.0"
    etcd.changeover().validate("3.6")
    assert etcd.calls == ["VALIDATE 3.6"]


# --- and back -----------------------------------------------------------------------------------------------------


def test_called_off_once() -> None:
    etcd = Etcd("3.7.3", "3.6.16", cluster="3.6.0")
    etcd.target, etcd.down = "3.6.0", {"b"}
    assert etcd.changeover().call_off() == ["call the downgrade off"]
    assert etcd.changeover().call_off() == []
    assert (etcd.calls, etcd.target) == (["CANCEL"], "")


def test_who_may_not_call_off_is_told_why() -> None:
    etcd = Etcd("3.7.3")
    etcd.target, etcd.refusal = "3.6.0", Unauthenticated("user name is empty")
    with pytest.raises(Unauthenticated):
        etcd.changeover().call_off()


# --- at the edges ---------------------------------------------------------------------------------------------------


def test_who_lags_does_not_say_which_version_the_cluster_has() -> None:
    seen = [EndpointSeen(name, True, versions=Versions("3.6.16", told)) for name, told in zip("ab", ("3.6.0", "3.5.0"))]
    assert cluster_version(seen) == Version(3, 6, 0)

# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, ReleaseError
from ansible_collections.quorum.etcd.plugins.module_utils._release_fetch import UrlFetcher

PATIENCE = 0.4
# Far less than what would pass if the time-out counted per address, per read or not at all.
SOON = 5.0


@contextlib.contextmanager
def server(answer: t.Callable[[socket.socket, threading.Event], t.Any]) -> t.Iterator[str]:
    """Answers every connection with ``answer(connection, over)``; the URL."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads: t.List[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            answer(connection, over)

    def accept() -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/file"
    finally:
        over.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join()


def sends(*parts: bytes, pause: float = 0.0, hangs: bool = False) -> t.Callable[[socket.socket, threading.Event], None]:
    def answer(connection: socket.socket, over: threading.Event) -> None:
        for part in parts:
            connection.sendall(part)
            if pause:
                over.wait(pause)
        if hangs:
            over.wait(60)

    return answer


OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


def test_reads_and_saves(tmp_path: Path) -> None:
    body = bytes(range(256)) * 1000
    with server(sends(OK, b"Content-Length: %d\r\n\r\n" % len(body), body)) as url:
        assert UrlFetcher(5).read(url, limit=len(body)) == body
        UrlFetcher(5).save(url, str(tmp_path / "x"), limit=len(body))
    assert (tmp_path / "x").read_bytes() == body


def test_what_is_called_compressed_is_kept_as_it_is() -> None:
    with server(sends(OK, b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")) as url:
        assert UrlFetcher(5).read(url, limit=10) == b"abc"


def test_a_slow_download_that_moves_may_take_longer() -> None:
    patience = 5 * PATIENCE  # each part must come within it, on a busy machine, too
    with server(sends(OK, b"Content-Length: 5\r\n\r\n", *[b"x"] * 5, pause=patience / 4)) as url:
        start = time.monotonic()
        assert UrlFetcher(patience).read(url, limit=10) == b"xxxxx"
        assert time.monotonic() - start > patience


@pytest.mark.parametrize(
    "answer",
    [
        sends(hangs=True),
        sends(OK, hangs=True),
        sends(*[b"%c" % byte for byte in OK * 100], pause=PATIENCE / 5),
        sends(OK, b"Content-Length: 10\r\n\r\nabc", hangs=True),
        sends(OK, b"\r\nabc", hangs=True),
    ],
    ids=["says nothing", "ends within the headers", "trickles headers", "stalls", "stalls with no length"],
)
def test_what_hangs_costs_the_timeout(answer: t.Callable[[socket.socket, threading.Event], None]) -> None:
    with server(answer) as url:
        start = time.monotonic()
        with pytest.raises(ReleaseError, match=r"gave no answer within 0\.4 s"):
            UrlFetcher(PATIENCE).read(url, limit=10)
        assert time.monotonic() - start < SOON


def test_a_name_that_takes_for_ever_to_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def resolve(*_args: t.Any, **_kwargs: t.Any) -> t.Any:
        over.wait(60)
        raise OSError("too late")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        start = time.monotonic()
        with pytest.raises(ReleaseError, match="gave no answer"):
            UrlFetcher(PATIENCE).read("http://mirror.example.com/x", limit=10)
        assert time.monotonic() - start < SOON
        over.set()


@pytest.mark.parametrize(
    ("answer", "told", "missing"),
    [
        (sends(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "answered HTTP 404 Not Found", True),
        (sends(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"), "answered HTTP 410 Gone", True),
        (sends(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), "answered HTTP 503 Busy", False),
        (sends(OK, b"Content-Length: 10\r\n\r\nabc"), "ended after 3 of 10 bytes", None),
        (sends(OK, b"\r\n" + b"x" * 3000), "is larger than 1 MiB", None),
        (sends(b"SSH-2.0-OpenSSH\r\n"), "cannot be fetched (", False),
        (sends(), "cannot be fetched (", False),
    ],
)
def test_reasons(
    answer: t.Callable[[socket.socket, threading.Event], None], told: str, missing: t.Optional[bool]
) -> None:
    with server(answer) as url, pytest.raises(ReleaseError) as caught:
        UrlFetcher(5).read(url, limit=2000)
    assert told in caught.value.message
    assert caught.value.details.get("missing") == missing


def test_nobody_listens() -> None:
    with server(sends()) as url:
        pass
    with pytest.raises(ReleaseError, match=r"cannot be fetched \(Connection refused\)"):
        UrlFetcher(5).read(url, limit=10)


def test_files(tmp_path: Path) -> None:
    (tmp_path / "a b%").write_bytes(b"abc")
    url = f"file://{tmp_path}/a%20b%25"
    assert UrlFetcher(5).read(url, limit=3) == b"abc"
    UrlFetcher(5).save(url, str(tmp_path / "copy"), limit=3)
    assert (tmp_path / "copy").read_bytes() == b"abc"
    with pytest.raises(ReleaseError, match="is larger"):
        UrlFetcher(5).read(url, limit=2)
    for name, told in (("none", "No such file"), ("copy/x", "Not a directory")):
        with pytest.raises(ReleaseError, match=told) as caught:
            UrlFetcher(5).read(f"file://{tmp_path}/{name}", limit=3)
        assert caught.value.details["missing"]
    with pytest.raises(ReleaseError, match="not a regular file") as caught:
        UrlFetcher(5).read(f"file://{tmp_path}", limit=3)
    assert not caught.value.details["missing"]


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_no_time(timeout: float) -> None:
    with pytest.raises(InvalidInput, match="no time to wait"):
        UrlFetcher(timeout)

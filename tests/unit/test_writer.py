# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tests' own writer: what it must not overlook."""

from __future__ import annotations

import base64
import http.server
import importlib.util
import json
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest

WRITER = Path(__file__).resolve().parents[1] / "lab" / "writer.py"
if not WRITER.exists():
    pytest.skip("the writer is not part of this copy", allow_module_level=True)


def load() -> t.Any:
    spec = importlib.util.spec_from_file_location("lab_writer", WRITER)
    if spec is None or spec.loader is None:
        raise ImportError(WRITER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


writer = load()


@pytest.mark.parametrize(
    ("lines", "gap", "at"),
    [
        (["ack 1 10.0", "ack 2 10.2", "end 10.3"], 0.2, 10.0),
        (["ack 1 10.0", "err 2 10.5 http://x refused", "ack 3 11.0", "end 11.1"], 1.0, 10.0),
        (["ack 1 10.0", "ack 2 10.1", "end 12.1"], 2.0, 10.1),
        (["ack 1 14.0", "ack 2 14.3", "end 14.4"], 0.3, 14.0),  # what was before the first write does not count
        (["end 12.0"], 0.0, 9.0),
    ],
)
def test_longest_gap(lines: t.List[str], gap: float, at: float) -> None:
    record = writer.read_record("\n".join(["run /writer/ab/ 9.0 1000.0", *lines]))
    found, where = writer.longest_gap(record)
    assert (round(found, 3), where) == (gap, at)


def test_record_of_a_killed_writer() -> None:
    record = writer.read_record("run /writer/ab/ 9.0 1000.0\nack 1 9.5\nerr 2 9.75 http://x too late\n")
    assert record.ended is None
    assert record.acknowledged == {1: 9.5}
    assert record.problems == ["+0.75 s: http://x too late"]


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


class Member(http.server.BaseHTTPRequestHandler):
    """A gateway that keeps what it acknowledges, but forgets the keys in ``forgets``."""

    protocol_version = "HTTP/1.1"
    kept: t.Dict[bytes, bytes] = {}  # noqa: RUF012 - set anew by each test
    forgets: t.Tuple[int, ...] = ()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = base64.b64decode(body["key"])
        answer: t.Dict[str, t.Any] = {}
        if self.path == "/v3/kv/put":
            if int(key.rpartition(b"/")[2]) not in self.forgets:
                self.kept[key] = base64.b64decode(body["value"])
        else:
            end = base64.b64decode(body["range_end"])
            keys = sorted(one for one in self.kept if key <= one < end)
            page = keys[: min(3, body["limit"])]
            answer["kvs"] = [{"key": encoded(one), "value": encoded(self.kept[one])} for one in page]
            answer["more"] = len(page) < len(keys)
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: t.Any) -> None:
        pass


@pytest.fixture
def url() -> t.Iterator[str]:
    Member.kept, Member.forgets = {}, ()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Member) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def call(*words: t.Union[str, Path]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(WRITER), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write_some(path: Path, *urls: str) -> None:
    started = call("start", path, *urls)
    assert started.returncode == 0, started.stderr
    pid = int(path.with_name(f"{path.name}.pid").read_text())
    while path.read_text().count("ack") < 12:
        assert Path(f"/proc/{pid}").exists()
    assert call("stop", path).returncode == 0
    assert call("stop", path).returncode == 0
    assert writer.is_zombie(pid)  # or gone


def test_all_is_there(url: str, tmp_path: Path) -> None:
    write_some(tmp_path / "w", url)
    verdict = call("verify", "--json", tmp_path / "w", url)
    assert verdict.returncode == 0, verdict.stderr
    found = json.loads(verdict.stdout)
    assert (found["lost"], found["ended"]) == (0, True)
    assert found["acknowledged"] >= 12


def test_a_lost_write_is_found(url: str, tmp_path: Path) -> None:
    Member.forgets = (5,)
    write_some(tmp_path / "w", url)
    verdict = call("verify", "--json", tmp_path / "w", url)
    assert verdict.returncode == 1
    assert json.loads(verdict.stdout)["first_lost"] == [5]


def test_a_dead_member_is_passed_over_and_a_long_gap_fails(url: str, tmp_path: Path) -> None:
    write_some(tmp_path / "w", "http://127.0.0.1:1", url)
    assert "\nerr 1 " in (tmp_path / "w").read_text()
    verdict = call("verify", "--max-gap=0.000001", tmp_path / "w", url)
    assert verdict.returncode == 1
    assert "the gap is longer" in verdict.stderr


def test_nobody_to_write_to(tmp_path: Path) -> None:
    path = tmp_path / "w"
    done = call("run", "--life=0.1", path, "http://127.0.0.1:1")
    assert done.returncode == 0
    assert "ack" not in path.read_text()

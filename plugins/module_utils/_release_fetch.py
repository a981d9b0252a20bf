# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching files by URL so that a source which hangs costs a known time.

Private to this collection. Apart from ``_release.py``: what only looks at releases need not ship an HTTP client.
"""

from __future__ import annotations

import http.client
import math
import os
import socket
import stat
import threading
import typing as t
import urllib.error
import urllib.parse

from ansible.module_utils.urls import ConnectionError as UrlsError
from ansible.module_utils.urls import open_url

from ansible_collections.quorum.etcd.plugins.module_utils._errors import InvalidInput, ReleaseError

_CHUNK = 1 << 16
_FAULTS = (OSError, ValueError, http.client.HTTPException, UrlsError)


class UrlFetcher:
    """Reads ``http``, ``https`` and ``file`` URLs.

    ``timeout`` (seconds) bounds the time until an answer begins, with resolving the name, trying every address,
    TLS and redirections in it, and after that each wait for more data. A download that moves may take longer.

    :raises InvalidInput: there is no time at all.
    """

    def __init__(self, timeout: float) -> None:
        if not 0 < timeout < math.inf:
            raise InvalidInput(
                f"A timeout of {timeout:g} s is no time to wait for an answer.", remedy="Set timeout above 0."
            )
        self._timeout = timeout

    def read(self, url: str, *, limit: int) -> bytes:
        """A small file, whole.

        :raises ReleaseError: why not, in words that follow the source's name; ``details["missing"]`` is true where the
            source answered that there is no such file.
        """
        parts: t.List[bytes] = []
        self._stream(url, limit=limit, write=parts.append)
        return b"".join(parts)

    def save(self, url: str, path: str, *, limit: int) -> None:
        """Write a file of at most ``limit`` bytes to ``path``.

        :raises ReleaseError: as ``read`` does.
        """
        with open(path, "wb") as out:
            self._stream(url, limit=limit, write=out.write)

    def _stream(self, url: str, *, limit: int, write: t.Callable[[bytes], t.Any]) -> None:
        try:
            answer, length = self._open(url)
        except _FAULTS as error:
            raise self._failed(error) from error
        got = 0
        try:
            with answer:
                while True:
                    data = _read_some(answer)
                    if not data:
                        break
                    got += len(data)
                    if got > limit:
                        raise ReleaseError(f"is larger than {limit >> 20 or 1} MiB, which no such file of etcd's is")
                    write(data)
        except _FAULTS as error:
            raise self._failed(error) from error
        if length is not None and got < length:
            raise ReleaseError(f"ended after {got} of {length} bytes")

    def _open(self, url: str) -> t.Tuple[t.Any, t.Optional[int]]:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme == "file":
            return _open_file(urllib.parse.unquote(parts.path))
        answers: t.List[t.Any] = []
        errors: t.List[BaseException] = []
        lock = threading.Lock()
        late = False

        def ask() -> None:
            try:
                answer = open_url(url, timeout=self._timeout, decompress=False, http_agent="quorum.etcd")
            except _FAULTS as error:
                errors.append(error)
                return
            with lock:
                if late:
                    answer.close()
                else:
                    answers.append(answer)

        # Resolving a name knows no time-out and a name may have many addresses: only the whole can be bounded.
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(self._timeout)
        with lock:
            late = True
        if answers:
            length = answers[0].headers.get("Content-Length")
            return answers[0], int(length) if length and length.isdigit() else None
        raise errors[0] if errors else socket.timeout()

    def _failed(self, error: BaseException) -> ReleaseError:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
            missing = error.code in (404, 410)
            return ReleaseError(f"answered HTTP {error.code} {error.reason}".rstrip(), missing=missing)
        reason = getattr(error, "reason", error)
        if isinstance(error, socket.timeout) or isinstance(reason, socket.timeout) or "timed out" in str(error):
            return ReleaseError(f"gave no answer within {self._timeout:g} s")
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        text = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
        return ReleaseError(f"cannot be fetched ({text})", missing=missing)


def _open_file(path: str) -> t.Tuple[t.BinaryIO, int]:
    """Open a regular file; a pipe or device could hang for ever."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    return open(path, "rb"), status.st_size


def _read_some(answer: t.Any) -> bytes:
    """What is there, at most a chunk: a full ``read`` would wait for many arrivals and outlast the time-out."""
    read: t.Callable[[int], bytes] = getattr(answer, "read1", answer.read)
    return read(_CHUNK)


__all__ = ("UrlFetcher",)

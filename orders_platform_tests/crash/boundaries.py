"""The places where a process may die, or stand still while another one works.

Before and after every commit, and at every request before, on its way and after its answer. They are counted inside the process; it
kills or stops itself at the one that its task names.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Mapping

import httpx
from sqlalchemy import Engine

SENT = "request sent"
"""All bytes are with the network and nobody reads the answer: the board carries the request out after its sender is dead."""


class Boundaries:
    """Counts the boundaries of one process and kills it, or stops it, at one of them.

    Args:
        trace: file descriptor that takes one line a boundary; what is written to it outlives the process.
        last: number of the boundary at which the process dies; None lets it live.
        stops: it only stops there, until somebody sends SIGCONT.
    """

    def __init__(self, trace: int, last: int | None, *, stops: bool = False) -> None:
        self._trace = trace
        self._last = last
        self._signal = signal.SIGSTOP if stops else signal.SIGKILL
        self._count = 0
        self._lock = threading.Lock()

    def reach(self, place: str) -> None:
        """The process is at a boundary; for the one it dies at this does not return."""
        with self._lock:
            self._count += 1
            os.write(self._trace, f"{self._count} {place}\n".encode())
            if self._count == self._last:
                os.kill(os.getpid(), self._signal)

    def watch_commits(self, engine: Engine) -> None:
        """Count before and after each commit. Reads are rolled back, so every commit is one of a writer."""
        dialect, said = engine.dialect, threading.local()
        commit, execute = dialect.do_commit, dialect.do_execute

        def noted(cursor: object, statement: str, *more: object) -> None:
            said.last = statement
            execute(cursor, statement, *more)

        def counted(connection: object) -> None:
            what = _gist(getattr(said, "last", "BEGIN"))
            self.reach(f"before commit: {what}")
            commit(connection)
            self.reach(f"after commit: {what}")

        # No event of the engine: with one, each connection and statement asks all events whether somebody listens.
        dialect.do_commit, dialect.do_execute = counted, noted


class WatchedTransport(httpx.BaseTransport):
    """Sockets that count every request three times: before it leaves, when its last byte has left, and when it is answered."""

    def __init__(self, boundaries: Boundaries) -> None:
        # Nothing is fetched over TLS here, and to load the authorities' certificates takes longer than a run.
        self._sockets = httpx.HTTPTransport(verify=False)
        self._boundaries = boundaries

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        what = _operation(request)

        def follow(step: str, _info: Mapping[str, object]) -> None:
            if step == "http11.send_request_body.complete":
                self._boundaries.reach(f"{SENT}: {what}")

        self._boundaries.reach(f"before request: {what}")
        request.extensions = {**request.extensions, "trace": follow}
        response = self._sockets.handle_request(request)
        response.read()
        self._boundaries.reach(f"after answer: {what}")
        return response

    def close(self) -> None:
        self._sockets.close()


def _gist(statement: str) -> str:
    text = " ".join(line for line in statement.splitlines() if not line.startswith("--"))
    return re.sub(r"\s+", " ", text).strip()[:60]


def _operation(request: httpx.Request) -> str:
    found = re.search(r"(?:query|mutation)\s+(\w+)", json.loads(request.content)["query"])
    return found[1] if found else "?"

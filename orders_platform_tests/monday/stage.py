"""A clock that jumps, a server that answers by script, and a sandbox with a board to talk to it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from orders_platform.domain.mutations import Batch, Mutation, Operation
from orders_platform.monday.adapter import MondayBoard
from orders_platform.sandbox.server import Sandbox

GRAPHQL = Path(__file__).parents[2] / "graphql"
BOARD_ID = 9609317401
START = 1_793_000_000.0  # not at midnight


class VirtualClock:
    """Seconds since the epoch that pass only when somebody sleeps."""

    def __init__(self, now: float = START) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.slept = 0.0

    def __call__(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
            self.slept += seconds


@dataclass
class Script:
    """What a scripted server answers, in turn; the last answer is repeated. None closes the connection without an answer."""

    answers: deque[tuple[int, Mapping[str, str], bytes] | None]
    url: str = ""
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def scripted(*answers: tuple[int, Mapping[str, str], bytes] | None) -> Iterator[Script]:
    script = Script(deque(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            script.headers.append({name.lower(): text for name, text in self.headers.items()})
            script.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            answer = script.answers.popleft() if len(script.answers) > 1 else script.answers[0]
            self.close_connection = True
            if answer is None:
                return
            status, headers, body = answer
            self.send_response(status)
            for name, text in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        script.url = f"http://127.0.0.1:{server.server_port}/v2"
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Stage:
    """A sandbox and a way to connect to it."""

    sandbox: Sandbox
    url: str
    connect: Callable[..., MondayBoard]

    def board(self, **options: object) -> MondayBoard:
        return self.connect(self.url, **options)

    @property
    def group_id(self) -> str:
        return self.sandbox.board_snapshot(BOARD_ID)[0].id

    @property
    def names(self) -> list[str]:
        return sorted(item.name for group in self.sandbox.board_snapshot(BOARD_ID) for item in group.items)

    def creates(self, count: int, *, size: int = 25, start: int = 0, **variables: object) -> list[Batch]:
        """Batches that create items named 'order 0', 'order 1' ..."""
        group_id = self.group_id  # looked up once: the whole board is read for it
        made = [
            Mutation(f"order {n}", {"board_id": BOARD_ID, "group_id": group_id, "item_name": f"order {n}", **variables})
            for n in range(start, start + count)
        ]
        return [
            Batch(f"batch-{start}-{at}", Operation.CREATE_ITEM, tuple(made[at : at + size])) for at in range(0, count, size)
        ]

"""A local web server that takes alerts as apprise's json:// sends them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What arrived, oldest first. `answer` is what is said to it; a title with `refused` in it is not taken."""

    url: str
    arrived: list[dict[str, str]] = field(default_factory=list)
    answer: int = 200
    refused: str = "\0"
    came: threading.Event = field(default_factory=threading.Event)

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.arrived]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = 500 if receiver.refused in message["title"] else receiver.answer
            if answer == 200:
                receiver.arrived.append(message)
                receiver.came.set()
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"json://127.0.0.1:{server.server_port}/alerts")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)  # seconds until it notices its end
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

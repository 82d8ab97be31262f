"""A web server on a free port of this machine, for as long as a block; a function says what it answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


@contextmanager
def answering(
    answer: Callable[[Mapping[str, str], bytes], Answer | None], reason: Callable[[Mapping[str, str]], str] | None = None
) -> Iterator[str]:
    """The server's address.

    Args:
        answer: takes headers, by their names in small letters, and body; None closes the connection without an answer.
        reason: takes the headers; the words beside the status.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = {name.lower(): text for name, text in self.headers.items()}
            said = answer(asked, self.rfile.read(int(asked["content-length"])))
            self.close_connection = True
            if said is None:
                return
            status, headers, body = said
            self.send_response(status, reason(asked) if reason else None)
            for name, text in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

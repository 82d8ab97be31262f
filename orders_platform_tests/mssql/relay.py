"""A relay on loopback between a client and the server, which can be cut: what a broken network looks like from here.

It is a process of its own: mssql-python keeps Python's lock while it waits for the rest of a row, so that a thread would pass nothing on.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Listens on a free port. `cut` ends every connection there is; new ones are served again."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def cut(self) -> None:
        assert self._process.stdin is not None
        print("cut", file=self._process.stdin, flush=True)
        self._answer()


@contextmanager
def relayed(host: str, port: int) -> Iterator[Relay]:
    command = [sys.executable, __file__, host, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Relay(process)  # it ends with its input


def _accept(listener: socket.socket, target: tuple[str, int], pairs: list[socket.socket]) -> None:
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(target)
        pairs += [client, server]
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    _shut_down(source, sink)


def _shut_down(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def main(host: str, port: str) -> None:
    """Relay until the input ends; each line of it cuts what there is, and is answered."""
    pairs: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener, (host, int(port)), pairs), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    for _line in sys.stdin:
        _shut_down(*pairs)
        pairs.clear()
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""`orders-platform` without the half second of imports: a process that has imported it all, and forks for each command.

What a command is told and shows is its own: arguments, folder, variables, and the three streams of the program that asks for it.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from orders_platform import cli
from orders_platform_tests.testing.workplace import CHECKOUT

LONGEST = 90
"""Seconds after which a command that hangs is ended."""

PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"."], [0, 1, 2])
    server.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.recv(10)))
"""
"""Asks for a command and ends with its exit code."""


@contextmanager
def preloaded() -> Iterator[str]:
    """The text of the program, for as long as the block."""
    with tempfile.TemporaryDirectory(prefix="preloaded-") as folder:
        address = str(Path(folder) / "socket")
        command = [sys.executable, "-m", __name__, address]
        with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdout
            assert server.stdout.readline() == b"ready\n"
            yield PROGRAM.format(python=sys.executable, address=address)


def serve(address: str) -> None:
    """Commands one after the other, until nobody holds standard input open any more."""
    for module in iter_modules(cli.__path__, "orders_platform.cli."):
        if module.name != "orders_platform.cli.__main__":
            import_module(module.name)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            asked = listener.accept()[0]
            if not (process := os.fork()):
                listener.close()
                begin(asked)
                sys.exit(import_module("orders_platform.cli.main").main())
            asked.send(str(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])).encode())
            asked.close()


def begin(asked: socket.socket) -> None:
    """From here on this process is the command that was asked for."""
    signal.alarm(LONGEST)
    _, streams, _, _ = socket.recv_fds(asked, 1, 3)
    arguments, folder, variables = json.loads(asked.makefile().read())
    for stream, place in zip(streams, range(3), strict=True):
        os.dup2(stream, place)
        os.close(stream)
    asked.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = ["orders-platform", *arguments]


if __name__ == "__main__":
    serve(sys.argv[1])

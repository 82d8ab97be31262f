"""One web server for the sandboxes of all tests, one at a time: to start and stop it takes as long as many a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive, Scope, Send

from orders_platform.sandbox.server import Sandbox, running


class SandboxServer:
    """Serves at `url` the sandbox that a test put there last."""

    def __init__(self) -> None:
        self.sandbox: Sandbox | None = None
        self.url = ""

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.sandbox is None:
            raise AssertionError("no test is running")
        await self.sandbox.app(scope, receive, send)


@contextmanager
def serving() -> Iterator[SandboxServer]:
    server = SandboxServer()
    with running(server) as server.url:  # type: ignore[arg-type]  # all that it needs of a sandbox is its app
        yield server

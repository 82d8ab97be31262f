"""Connections that can be cut: what a lost reply looks like to a client.

Belongs here: finding and closing the TCP connection of a request. Does not belong here: deciding when (`faults.py`).
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which remembers its open connections by the address of the client."""

    open: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keeps the connection at hand."""
        super().connection_made(transport)
        if self.client:
            self.open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        if self.client:
            self.open.pop(self.client, None)
        super().connection_lost(exc)


async def cut(scope: Scope, receive: Receive, _send: Send) -> None:
    """An ASGI answer that is none: the connection closes.

    Raises:
        ConnectionResetError: there is no connection, because the application is called in-process.
    """
    client = scope.get("client")
    transport = CuttableProtocol.open.get(tuple(client)) if client else None
    if transport is None:
        raise ConnectionResetError("the sandbox closed the connection without an answer")
    transport.abort()
    # Without this the server would answer 500 before it notices that its connection is gone.
    while (await receive())["type"] != "http.disconnect":
        continue

"""What a careful user does with somebody else's client: a group, its items, their subitems, and what to do when a call raises.

The same for every client; it runs in the virtual environment of the client, so it knows the standard library only. As it is, a call
that raises is noted and its rows are lost, with an item its subitems; with `--repeats 3` it is made again up to three times, after a
minute where the error speaks of a limit and after a second otherwise. A group is repeated in any case: without it there is nothing to
measure.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Node = dict[str, object]

_LIMIT = re.compile(r"\b429\b|limit|complexity|budget", re.IGNORECASE)
_LIMIT_SECONDS, _OTHER_SECONDS = 60.0, 1.0
_GROUP_REPEATS = 10


class Client(Protocol):
    """Somebody else's client, as far as the workload needs it. `at_once`: calls that a user would have under way with it."""

    at_once: int

    async def create_group(self, board_id: int, title: str) -> str:
        """The id of the new group."""

    async def create_items(self, board_id: int, group_id: str, items: list[Node]) -> list[str]:
        """The ids of new items, in one call."""

    async def create_subitems(self, parents: list[str], subitems: list[Node]) -> list[str]:
        """The ids of new subitems, in one call."""

    async def read(self, item_id: str) -> Node:
        """Name and values (text by column id) of an item or subitem."""


@dataclass
class Tally:
    """Calls that were given up, calls that were repeated, and the first error."""

    failed: int = 0
    repeated: int = 0
    error: str = ""


class Workload:
    """A load and the client that carries it out.

    Args:
        client: somebody else's.
        repeats: how often a call that raises is made again.
        batch: rows a call.
        sleep: waits the given seconds before a repeat.
    """

    def __init__(self, client: Client, repeats: int, batch: int, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._repeats = repeats
        self._batch = batch
        self._sleep = sleep
        self._free = asyncio.Semaphore(client.at_once)
        self.tally = Tally()

    async def load(self, content: Node) -> None:
        """Create everything."""
        board_id, groups = content["board_id"], content["groups"]
        for group in groups:
            (group_id,) = await self._call(lambda title=group["title"]: self._group(board_id, title), 1, _GROUP_REPEATS)
            items = group["items"]
            ids = await self._in_chunks(
                items, lambda chunk, group_id=group_id: self._client.create_items(board_id, group_id, chunk)
            )
            pairs = [
                (item_id, child) for item_id, item in zip(ids, items, strict=True) if item_id for child in item["subitems"]
            ]
            await self._in_chunks(
                pairs, lambda chunk: self._client.create_subitems([each[0] for each in chunk], [each[1] for each in chunk])
            )

    async def round_trip(self, content: Node) -> list[Node]:
        """Create everything, then read every item and subitem back."""
        made: list[Node] = []
        for group in content["groups"]:
            group_id = await self._client.create_group(content["board_id"], group["title"])
            for item in group["items"]:
                ids = await self._client.create_items(content["board_id"], group_id, [item])
                ids += [(await self._client.create_subitems(ids[:1], [child]))[0] for child in item["subitems"]]
                made += [await self._client.read(item_id) for item_id in ids]
        return made

    async def _group(self, board_id: int, title: str) -> list[str]:
        return [await self._client.create_group(board_id, title)]

    async def _in_chunks(self, rows: list, send: Callable[[list], Awaitable[list[str]]]) -> list[str | None]:
        chunks = [rows[at : at + self._batch] for at in range(0, len(rows), self._batch)]
        calls = [self._call(lambda chunk=chunk: send(chunk), len(chunk), self._repeats) for chunk in chunks]
        return [row_id for ids in await asyncio.gather(*calls) for row_id in ids]

    async def _call(self, call: Callable[[], Awaitable[list[str]]], rows: int, repeats: int) -> list[str | None]:
        """The ids, or None for each row when the call was given up."""
        async with self._free:
            for attempt in range(repeats + 1):
                try:
                    return list(await call())
                except Exception as error:  # noqa: BLE001 - these clients raise nothing narrower that they share
                    self.tally.error = self.tally.error or f"{type(error).__name__}: {error}"[:300]
                    if attempt < repeats:
                        self.tally.repeated += 1
                        await asyncio.to_thread(self._sleep, _LIMIT_SECONDS if _LIMIT.search(str(error)) else _OTHER_SECONDS)
        self.tally.failed += 1
        return [None] * rows


def _sleep_elsewhere(address: str) -> Callable[[float], None]:
    """A sleep in the time of whoever listens there."""
    host, _, port = address.partition(":")

    def sleep(seconds: float) -> None:
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"{seconds}\n".encode())
            connection.recv(1)

    return sleep


def main(connect: Callable[[str, str], contextlib.AbstractAsyncContextManager[Client]]) -> None:
    """Run one command with the client that `connect(url, token)` gives; one JSON object on standard output.

    Args:
        connect: makes the client.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["load", "roundtrip"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--file", type=Path, required=True, help="groups of items of subitems, as JSON")
    parser.add_argument("--time", help="host:port of the time of the measurement; real time without it")
    parser.add_argument("--repeats", type=int, default=0)
    parser.add_argument("--batch", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.time:
        # Clients sleep by themselves, too: the official SDK for half a minute after each 429.
        time.sleep = _sleep_elsewhere(arguments.time)
    with contextlib.redirect_stdout(sys.stderr):
        answer = asyncio.run(_run(connect, arguments))
    print(json.dumps(answer))


async def _run(
    connect: Callable[[str, str], contextlib.AbstractAsyncContextManager[Client]], arguments: argparse.Namespace
) -> object:
    content = json.loads(arguments.file.read_text(encoding="utf-8"))
    async with connect(arguments.url, arguments.token) as client:
        workload = Workload(client, arguments.repeats, arguments.batch, time.sleep)
        if arguments.command == "roundtrip":
            return await workload.round_trip(content)
        await workload.load(content)
        return vars(workload.tally)

"""`monday-async`: ten calls under way at a time, for one after the other would not do it justice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from monday_async import AsyncMondayClient
from monday_async.resources import base_resource
from workload import Node, main


class _MondayAsync:
    """See `workload.Client`."""

    at_once = 10

    def __init__(self, monday: AsyncMondayClient) -> None:
        self._monday = monday

    async def create_group(self, board_id: int, title: str) -> str:
        return (await self._monday.groups.create_group(board_id, title))["data"]["create_group"]["id"]

    async def create_items(self, board_id: int, group_id: str, items: list[Node]) -> list[str]:
        answers = [
            await self._monday.items.create_item(item["name"], board_id, group_id, item["values"], True) for item in items
        ]
        return [answer["data"]["create_item"]["id"] for answer in answers]

    async def create_subitems(self, parents: list[str], subitems: list[Node]) -> list[str]:
        answers = [
            await self._monday.items.create_subitem(parent, child["name"], child["values"], True)
            for parent, child in zip(parents, subitems, strict=True)
        ]
        return [answer["data"]["create_subitem"]["id"] for answer in answers]

    async def read(self, item_id: str) -> Node:
        (item,) = (await self._monday.items.get_items_by_id(item_id))["data"]["items"]
        return {"name": item["name"], "values": {value["id"]: value["text"] for value in item["column_values"]}}


@asynccontextmanager
async def connect(url: str, token: str) -> AsyncIterator[_MondayAsync]:
    """The client, told to talk to `url`."""
    base_resource._URLS["prod"] = url
    # Its own time-out is aiohttp's five minutes; here it would run in real time.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        yield _MondayAsync(AsyncMondayClient(token, session))


if __name__ == "__main__":
    main(connect)

"""The official Python SDK (`monday_sdk`): one call at a time, with its own four attempts.

It has no call for groups, for which it takes any document.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from monday_sdk import MondayClient
from workload import Node, main


class _OfficialSdk:
    """See `workload.Client`."""

    at_once = 1

    def __init__(self, url: str, token: str) -> None:
        self._monday = MondayClient(token)
        self._monday._graphql_client.endpoint = url

    async def create_group(self, board_id: int, title: str) -> str:
        document = f"mutation {{ create_group(board_id: {board_id}, group_name: {json.dumps(title)}) {{ id }} }}"
        return self._made(self._monday.custom.execute_custom_query(document), "create_group")

    async def create_items(self, board_id: int, group_id: str, items: list[Node]) -> list[str]:
        return [
            self._made(self._monday.items.create_item(board_id, group_id, item["name"], item["values"], True), "create_item")
            for item in items
        ]

    async def create_subitems(self, parents: list[str], subitems: list[Node]) -> list[str]:
        return [
            self._made(self._monday.items.create_subitem(parent, child["name"], child["values"], True), "create_subitem")
            for parent, child in zip(parents, subitems, strict=True)
        ]

    async def read(self, item_id: str) -> Node:
        (item,) = self._monday.items.fetch_items_by_id([item_id])
        return {"name": item.name, "values": {value.column.id: value.text for value in item.column_values}}

    @staticmethod
    def _made(response: object, field: str) -> str:
        return response.response_data["data"][field]["id"]


@asynccontextmanager
async def connect(url: str, token: str) -> AsyncIterator[_OfficialSdk]:
    """The client, told to talk to `url`."""
    yield _OfficialSdk(url, token)


if __name__ == "__main__":
    main(connect)

"""`monday`, the client that is downloaded most: one call at a time, one row or, as it can, several rows a call.

Its several rows are one document, of which one error hides every id.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from monday import MondayClient
from monday.resources import base
from workload import Node, main


class _Monday:
    """See `workload.Client`."""

    at_once = 1

    def __init__(self, url: str, token: str) -> None:
        base._URLS["prod"] = url
        self._monday = MondayClient(token)

    async def create_group(self, board_id: int, title: str) -> str:
        return self._monday.groups.create_group(board_id, title)["data"]["create_group"]["id"]

    async def create_items(self, board_id: int, group_id: str, items: list[Node]) -> list[str]:
        if len(items) == 1:
            (item,) = items
            answer = self._monday.items.create_item(board_id, group_id, item["name"], item["values"], True)
            return [answer["data"]["create_item"]["id"]]
        return self._several(
            [{"method": "create_item", "board_id": board_id, "group_id": group_id, **_arguments(item)} for item in items]
        )

    async def create_subitems(self, parents: list[str], subitems: list[Node]) -> list[str]:
        if len(subitems) == 1:
            (parent,), (child,) = parents, subitems
            answer = self._monday.items.create_subitem(parent, child["name"], child["values"], True)
            return [answer["data"]["create_subitem"]["id"]]
        return self._several(
            [
                {"method": "create_subitem", "parent_item_id": int(parent), **_arguments(child)}
                for parent, child in zip(parents, subitems, strict=True)
            ]
        )

    async def read(self, item_id: str) -> Node:
        (item,) = self._monday.items.fetch_items_by_id(item_id)["data"]["items"]
        return {"name": item["name"], "values": {value["id"]: value["text"] for value in item["column_values"]}}

    def _several(self, rows: list[Node]) -> list[str]:
        data = self._monday.items.mutate_multiple_items(rows)["data"]
        return [data[f"item{index}"]["id"] for index in range(len(rows))]


def _arguments(row: Node) -> Node:
    return {"item_name": row["name"], "column_values": row["values"], "create_labels_if_missing": True}


@asynccontextmanager
async def connect(url: str, token: str) -> AsyncIterator[_Monday]:
    """The client, told to talk to `url`."""
    yield _Monday(url, token)


if __name__ == "__main__":
    main(connect)

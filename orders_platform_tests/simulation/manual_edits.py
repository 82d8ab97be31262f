"""The hands of people on the board, while runs come and go: one edit at a time, over the same API."""

from __future__ import annotations

import contextlib
from random import Random

import httpx

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform_tests.testing.platform import Platform, Shown

NOTE = "a note of ours"
"""The name of the items that people make for themselves."""


def meddle(rng: Random, platform: Platform) -> str:
    """Do one thing to the board, as far as the network lets people; what it was."""
    what = rng.choice(["archive", "delete", "rename", "move", "edit", "archive subitem", "add", "delete group"])
    with contextlib.suppress(AssertionError, httpx.TransportError, ValueError):
        if what == "add":
            platform.make_item(NOTE, {})
        elif items := [item for item in platform.items() if item.name != NOTE]:
            _to_item(what, rng.choice(items), platform)
    return what


def _to_item(what: str, item: Shown, platform: Platform) -> None:
    if what in {"archive", "delete"}:
        platform.remove(item.id, f"{what}_item")
    elif what == "archive subitem":
        for subitem in list(item.subitem_ids.values())[:1]:
            platform.remove(subitem, "archive_item")
    elif what == "rename":
        _write(platform, item.id, "name", "renamed by hand")
    elif what == "edit":
        _write(platform, item.id, "long_text_mkr5hass", "a note by hand")
    elif what == "move":
        group = platform.make_group("by hand")
        platform.ask(
            "mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }", i=str(item.id), g=group
        )
    elif what == "delete group" and len(platform.groups) > 1:
        platform.delete_group(item.group)


def _write(platform: Platform, item_id: int, column: str, text: str) -> None:
    query = (
        "mutation($b: ID!, $i: ID!, $c: String!, $v: String!)"
        " { change_simple_column_value(board_id: $b, item_id: $i, column_id: $c, value: $v) { id } }"
    )
    platform.ask(query, b=str(ITEMS_BOARD_ID), i=str(item_id), c=column, v=text)

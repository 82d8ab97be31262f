"""The hands of people on the board, while runs come and go: one edit at a time, over the same API."""

from __future__ import annotations

import contextlib
from random import Random

import httpx

from orders_platform_tests.testing.platform import NOTES_COLUMN, Platform, Shown

NOTE = "a note of ours"
"""The name of the items that people make for themselves."""


def meddle(rng: Random, platform: Platform) -> str:
    """Do one thing to the board, as far as the network lets people; what it was."""
    what = rng.choice([
        "archive", "delete", "rename", "move", "edit", "archive subitem", "add", "delete group", "move to board", "rename group",
    ])  # fmt: skip
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
        platform.write(item.id, "name", "renamed by hand")
    elif what == "edit":
        platform.write(item.id, NOTES_COLUMN, "a note by hand")
    elif what == "move":
        group = platform.make_group("by hand")
        platform.ask(
            "mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }", i=str(item.id), g=group
        )
    elif what == "move to board":
        platform.move_to_board(item.id, platform.make_board("Shipped"))
    elif what == "rename group":
        platform.rename_group(item.group, "renamed by hand")
    elif what == "delete group" and len(platform.groups) > 1:
        platform.delete_group(item.group)

"""monday's rules for items, whoever makes or changes them.

Belongs here: length of names, size of an item's values, room on a board. Does not belong here: single values
(`column_types.py`), the mutations that ask (`mutations.py`).
"""

from __future__ import annotations

from orders_platform.sandbox.refusals import Refusal, bad_name
from orders_platform.sandbox.rows import BoardRow
from orders_platform.sandbox.state import State

LONGEST_NAME = 255
MOST_ITEM_DATA = 65_536


def check_name(name: str) -> None:
    """Raises `Refusal` for a name outside 1-255 characters."""
    if not 1 <= len(name) <= LONGEST_NAME:
        raise bad_name(name)


def check_size(characters: int) -> None:
    """Raises `Refusal` for more values than an item holds."""
    if characters > MOST_ITEM_DATA:
        message = f"The values of an item hold at most {MOST_ITEM_DATA:,} characters, these are {characters:,}"
        raise Refusal("ColumnValueException", message, error_data={"column_validation_error_code": "itemDataTooLarge"})


def check_room(state: State, board: BoardRow) -> None:
    """Raises `Refusal` when a board is full."""
    if board.items_count >= state.items_limit:
        message = f"Board has reached the limit of {state.items_limit:,} items per board"
        raise Refusal("ItemsLimitationException", message, error_data={"board_id": str(board.id), "limit": state.items_limit})

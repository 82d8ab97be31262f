"""Multi-level boards: items and subitems of up to five levels on one board, parents that add up their children.

Belongs here: which boards are multi-level, how deep an item lies, which cells are calculated. Does not belong here: classic boards,
which keep subitems on a board of their own (`structure.py`), rows (`items.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection
from decimal import Decimal

from orders_platform.sandbox import items
from orders_platform.sandbox.refusals import invalid_argument
from orders_platform.sandbox.rows import Cell, ColumnRow, ItemRow
from orders_platform.sandbox.state import State

MOST_LEVELS = 5
_ROLLUPS = "SELECT rollup FROM multi_level_boards WHERE board_id = ?"
_LEVEL = """
WITH RECURSIVE above (id, parent_id) AS (
  SELECT id, parent_id FROM items WHERE id = ?
  UNION ALL SELECT items.id, items.parent_id FROM items JOIN above ON items.id = above.parent_id)
SELECT count(*) FROM above"""
_LEAVES = """
SELECT cells.text FROM cells WHERE column_id = ? AND item_id IN (SELECT value FROM json_each(?))
AND NOT EXISTS (SELECT 1 FROM items WHERE items.parent_id = cells.item_id AND items.state = 'active')"""


def make_multi_level(state: State, board_id: int, rollup: Collection[str]) -> None:
    """Turns a board without subitems into a multi-level one; parents calculate the columns of `rollup`."""
    with state.transaction():
        state.write(
            "INSERT OR REPLACE INTO multi_level_boards (board_id, rollup) VALUES (?, ?)", (board_id, json.dumps(sorted(rollup)))
        )
        state.cache.pop(("rollup", board_id), None)


def _rollup(state: State, board_id: int) -> frozenset[str] | None:
    """Columns that parents calculate; None for a classic board."""
    with state.lock:
        key = ("rollup", board_id)
        if key not in state.cache:
            row = state.one(_ROLLUPS, (board_id,))
            state.cache[key] = frozenset(json.loads(str(row[0]))) if row else None
        found = state.cache[key]
        return found if isinstance(found, frozenset) else None


def is_multi_level(state: State, board_id: int) -> bool:
    """Whether subitems lie on the board itself."""
    return _rollup(state, board_id) is not None


def check_level(state: State, parent: ItemRow) -> None:
    """Raises `Refusal` when a subitem of `parent` would lie too deep."""
    most = MOST_LEVELS if is_multi_level(state, parent.board_id) else 2
    if state.number(_LEVEL, (parent.id,)) >= most:
        raise invalid_argument(
            "Subitems cannot have subitems on a classic board" if most == 2 else f"A board has at most {most} levels of items"
        )


def is_calculated(state: State, item: ItemRow, column_id: str) -> bool:
    """Whether the cell adds up what lies below: a write to it succeeds and changes nothing."""
    return column_id in (_rollup(state, item.board_id) or ()) and bool(items.children(state, item.id))


def calculated(state: State, item: ItemRow, column: ColumnRow) -> Cell | None:
    """The sum of the numbers below an item; other types are not calculated here."""
    below = [child.id for child in items.children(state, item.id)]
    texts = state.all(_LEAVES, (column.id, json.dumps(below))) if column.type == "numbers" else []
    total = f"{sum(Decimal(str(row[0])) for row in texts):f}"
    return Cell(total, json.dumps(total), total) if texts else None

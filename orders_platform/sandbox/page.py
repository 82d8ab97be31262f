"""The page that shows people what is on the boards.

Belongs here: the JSON that `page.html` draws. Does not belong here: drawing (`page.html`), the API (`queries.py`). The page
never sees a token.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import chain, islice

from starlette.responses import HTMLResponse, JSONResponse, Response

from orders_platform.sandbox import items, structure
from orders_platform.sandbox.gate import RequestRecord
from orders_platform.sandbox.limits import Meter
from orders_platform.sandbox.rows import ITEMS_BOARD, Cell, ColumnRow, GroupRow, ItemRow
from orders_platform.sandbox.state import State

_REQUESTS_SHOWN = 40
_ROWS_SHOWN = 50
_MOST_ROWS = 2_000

_GROUP_COUNTS = """
SELECT group_id, count(*), max(updated_at) FROM items WHERE board_id = ? AND state = 'active' GROUP BY group_id"""
_SUBITEM_COUNTS = """
SELECT parent.group_id, count(*), max(child.updated_at) FROM items AS child JOIN items AS parent ON parent.id = child.parent_id
WHERE child.parent_id IS NOT NULL AND parent.board_id = ? AND child.state = 'active' GROUP BY parent.group_id"""


def document() -> Response:
    """The page itself; its one script may run, nothing else, and nothing is loaded from elsewhere."""
    nonce = secrets.token_urlsafe(16)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(_template().replace("NONCE", nonce), headers=headers)


@cache
def _template() -> str:
    return resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")


def overview(state: State, meter: Meter, requests: Sequence[RequestRecord], since: str = "") -> Response:
    """Boards with their groups, what is left of the limits, and the last requests, newest first.

    Args:
        state: the boards.
        meter: the limits.
        requests: oldest first.
        since: the `changes` of an earlier answer; while it is still right, boards are left out.
    """
    with state.lock:
        changes = str(state.changes)
        boards = (
            None
            if changes == since
            else [_board(state, board.id) for board in structure.boards(state) if board.type == ITEMS_BOARD]
        )
    latest = list(islice(reversed(requests), _REQUESTS_SHOWN))
    budget = {
        "complexity_left": meter.complexity_left(),
        "complexity_limit": meter.limits.complexity_per_minute,
        "calls_left": max(0, int(meter.day.left)),
        "calls_limit": meter.limits.calls_per_day,
    }
    return JSONResponse(
        {"changes": changes, "boards": boards, "budget": budget, "requests": [_request(each) for each in latest]}
    )


def _board(state: State, board_id: int) -> dict[str, object]:
    board = structure.board(state, board_id)
    counts = {row[0]: row for row in state.all(_GROUP_COUNTS, (board_id,))}
    children = {row[0]: row for row in state.all(_SUBITEM_COUNTS, (board_id,))}
    groups = []
    for group in structure.groups(state, board_id):
        _, item_count, changed = counts.get(group.id, (None, 0, 0))
        _, subitem_count, subitem_changed = children.get(group.id, (None, 0, 0))
        groups.append(
            {
                "id": group.id,
                "title": group.title,
                "color": group.color,
                "items": item_count,
                "subitems": subitem_count,
                "stamp": f"{item_count}/{changed}/{subitem_count}/{subitem_changed}",
            }
        )
    return {"id": str(board_id), "name": board.name if board else "", "limit": state.items_limit, "groups": groups}


def _request(record: RequestRecord) -> dict[str, object]:
    counted = Counter(record.operations)
    return {
        "at": record.at,
        "what": ", ".join(f"{count} × {name}" if count > 1 else name for name, count in counted.items()) or "unreadable",
        "cost": record.cost,
        "status": record.status,
        "outcome": record.outcome,
        "errors": sorted(set(record.errors)),
        "seconds": round(record.seconds, 3),
        "fault": record.fault,
    }


def group(state: State, board_id: str, group_id: str, rows: str = "") -> Response:
    """The items of one group with the columns that hold something, and their subitems; 404 for an unknown group."""
    limit = min(int(rows), _MOST_ROWS) if rows.isdecimal() else _ROWS_SHOWN
    with state.lock:
        found = structure.group(state, int(board_id), group_id) if board_id.isdecimal() else None
        if found is None:
            return JSONResponse({"error": "no such group"}, status_code=404)
        return JSONResponse(_group(state, found, limit))


def _group(state: State, found: GroupRow, limit: int) -> dict[str, object]:
    shown = items.in_group(state, found, limit=limit)
    rows = [_Row(state, item) for item in shown]
    children = [[_Row(state, child) for child in items.children(state, item.id)] for item in shown]
    subitems_board = structure.subitems_board_id(state, found.board_id)
    columns = _used(structure.columns(state, found.board_id), rows)
    subcolumns = _used(structure.columns(state, subitems_board), chain.from_iterable(children)) if subitems_board else []
    colors = {column.id: _colors(state, column) for column in (*columns, *subcolumns)}
    return {
        "columns": [{"id": column.id, "title": column.title, "type": column.type} for column in columns],
        "subcolumns": [{"id": column.id, "title": column.title, "type": column.type} for column in subcolumns],
        "colors": {column_id: found for column_id, found in colors.items() if found},
        "items": [
            {**row.shown(), "subitems": [child.shown() for child in each]} for row, each in zip(rows, children, strict=True)
        ],
    }


class _Row:
    """An item with its cells."""

    def __init__(self, state: State, item: ItemRow) -> None:
        self.item = item
        self.cells: Mapping[str, Cell] = items.cells(state, item.id)

    def shown(self) -> dict[str, object]:
        """Id, name and the texts of filled cells."""
        texts = {column_id: cell.text for column_id, cell in self.cells.items()}
        return {"id": str(self.item.id), "name": self.item.name, "cells": texts}


def _used(columns: Mapping[str, ColumnRow], rows: Iterable[_Row]) -> list[ColumnRow]:
    filled = {column_id for row in rows for column_id in row.cells}
    return [column for column in columns.values() if column.id in filled]


def _colors(state: State, column: ColumnRow) -> dict[str, str]:
    return {label.name: label.color for label in structure.labels(state, column)}

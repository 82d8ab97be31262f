"""The page that shows people what is on the boards, and the JSON that it draws. It never sees a token."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import islice

from starlette.responses import HTMLResponse, JSONResponse, Response

from orders_platform.sandbox import column_labels, stored_items, structure
from orders_platform.sandbox.calls import RequestRecord
from orders_platform.sandbox.gate import read_id
from orders_platform.sandbox.metering import Meter
from orders_platform.sandbox.state import ITEMS_BOARD, ColumnRow, GroupRow, State

_REQUESTS_SHOWN = 40
_ROWS_SHOWN = 50
_MOST_ROWS = 2_000

_POLICY = (
    "default-src 'none'; style-src 'nonce-NONCE'; script-src 'nonce-NONCE'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_GROUP_COUNTS = """
SELECT group_id, count(*), max(updated_at) FROM items WHERE board_id = ? AND state = 'active' GROUP BY group_id"""
_SUBITEM_COUNTS = """
SELECT parent.group_id, count(*), max(child.updated_at) FROM items AS child JOIN items AS parent ON parent.id = child.parent_id
WHERE child.parent_id IS NOT NULL AND parent.board_id = ? AND child.state = 'active' GROUP BY parent.group_id"""

_CHILDREN = """
SELECT id, name, parent_id FROM items WHERE parent_id IN (SELECT value FROM json_each(?)) AND state = 'active'
ORDER BY position, id"""
_FOUND = """
SELECT id, group_id FROM items WHERE board_id = ?1 AND state = 'active' AND (CAST(id AS TEXT) = ?2
OR instr(lower(name), ?2) OR EXISTS (SELECT 1 FROM cells WHERE item_id = items.id AND instr(lower(text), ?2)))"""
_CELLS = "SELECT item_id, column_id, text FROM cells WHERE item_id IN (SELECT value FROM json_each(?))"


def document() -> Response:
    """The page itself; its own style and script apply, nothing else does, and nothing is loaded from elsewhere."""
    nonce = secrets.token_urlsafe(16)
    headers = {
        "Content-Security-Policy": _POLICY.replace("NONCE", nonce),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(_template().replace("NONCE", nonce), headers=headers)


@cache
def _template() -> str:
    return _text("page.html").replace("STYLE", _text("page.css")).replace("SCRIPT", _text("page.js"))


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def overview(state: State, meter: Meter, requests: Sequence[RequestRecord], since: str = "", find: str = "") -> Response:
    """Boards with their groups, what is left of the limits, the last requests, newest first, and how many ended how.

    Boards are left out while `since`, the `changes` of an earlier answer, is still right. With a word to `find`, each group says how many
    of its items have it: all of a group that has it in its title.
    """
    with state.lock:
        changes = f"{state.changes} {find}".strip()
        shown = () if changes == since else structure.boards(state)
        boards = [_board(state, board.id, find) for board in shown if board.type == ITEMS_BOARD]
    latest = list(islice(reversed(requests), _REQUESTS_SHOWN))
    budget = {
        "complexity_left": meter.complexity_left(),
        "complexity_limit": meter.limits.complexity_per_minute,
        "calls_left": max(0, int(meter.day.left)),
        "calls_limit": meter.limits.calls_per_day,
    }
    return JSONResponse(
        {
            "changes": changes,
            "boards": None if changes == since else boards,
            "budget": budget,
            "requests": [_request(each) for each in latest],
            "outcomes": dict(Counter(record.outcome for record in requests).most_common()),
        }
    )


def _found(state: State, board_id: int, find: str) -> Mapping[int, str]:
    """The items that have a word in their name, their id or a cell, each with its group."""
    return dict(state.all(_FOUND, (board_id, find.lower()))) if find else {}


def _board(state: State, board_id: int, find: str) -> dict[str, object]:
    board, found = structure.board(state, board_id), Counter(_found(state, board_id, find).values())
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
                "found": item_count if find.lower() in group.title.lower() else found[group.id],
                "is_shown": find.lower() in group.title.lower() or group.id in found,
                "stamp": f"{item_count}/{changed}/{subitem_count}/{subitem_changed}/{find}",
            }
        )
    return {"id": str(board_id), "name": board.name if board else "", "limit": state.items_limit, "groups": groups}


def _request(record: RequestRecord) -> dict[str, object]:
    counted = Counter(name for name in record.operations if name != "complexity") or Counter(record.operations)
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


def group(state: State, board_id: str, group_id: str, rows: str = "", find: str = "") -> Response:
    """The items of one group that are looked for, the columns that hold something, and their subitems; 404 for an unknown group."""
    limit = min(read_id(rows) or _ROWS_SHOWN, _MOST_ROWS)
    with state.lock:
        found = structure.group(state, read_id(board_id) or 0, group_id)
        content = _group(state, found, limit, find) if found else None
    return JSONResponse(content) if content else JSONResponse({"error": "no such group"}, status_code=404)


def _group(state: State, found: GroupRow, limit: int, find: str) -> dict[str, object]:
    is_whole = find.lower() in found.title.lower()
    chosen = () if is_whole else _found(state, found.board_id, find)
    items = stored_items.in_group(state, found, limit=limit if is_whole else -1)
    rows = [_Row(item.id, item.name) for item in items if is_whole or item.id in chosen]
    shown = _with_cells(state, rows[:limit])
    parents = [row.id for row in shown]
    below = _with_cells(
        state, [_Row(child, name, parent) for child, name, parent in state.all(_CHILDREN, (json.dumps(parents),))]
    )
    subitems_board = structure.subitems_board_id(state, found.board_id)
    columns = _used(structure.columns(state, found.board_id), shown)
    subcolumns = _used(structure.columns(state, subitems_board), below) if subitems_board else []
    labels = {column.id: column_labels.labels_of(state, column) for column in (*columns, *subcolumns)}
    children: dict[object, list[dict[str, object]]] = {parent: [] for parent in parents}
    for child in below:
        children[child.parent].append(child.shown())
    return {
        "columns": [{"id": column.id, "title": column.title, "type": column.type} for column in columns],
        "subcolumns": [{"id": column.id, "title": column.title, "type": column.type} for column in subcolumns],
        "colors": {column_id: {label.name: label.color for label in found} for column_id, found in labels.items() if found},
        "items": [{**row.shown(), "subitems": children[row.id]} for row in shown],
    }


@dataclass(frozen=True, slots=True)
class _Row:
    """An item, or a subitem with its parent's id, with the texts of its filled cells by column id."""

    id: object
    name: object
    parent: object = None
    cells: dict[str, object] = field(default_factory=dict)

    def shown(self) -> dict[str, object]:
        return {"id": str(self.id), "name": self.name, "cells": self.cells}


def _with_cells(state: State, rows: Sequence[_Row]) -> Sequence[_Row]:
    """The rows, filled: one statement for all, since the board stands still while 2,000 are read."""
    by_id = {row.id: row for row in rows}
    for item_id, column_id, text in state.all(_CELLS, (json.dumps(list(by_id)),)):
        by_id[item_id].cells[str(column_id)] = text
    return rows


def _used(columns: Mapping[str, ColumnRow], rows: Iterable[_Row]) -> list[ColumnRow]:
    filled = {column_id for row in rows for column_id in row.cells}
    return [column for column in columns.values() if column.id in filled]

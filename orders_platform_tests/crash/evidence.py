"""What a history leaves behind, as lines of text without anything that differs from history to history.

Ids are replaced by what they stand for. Two histories that left equal lines left the same board, the same states, and the same
references between the two.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import Sandbox
from orders_platform.sandbox.stored_items import GroupSnapshot, ItemSnapshot
from orders_platform_tests.testing.platform import NUMBER_COLUMN, QTY_COLUMN

_ANY_STATE = ("active", "archived", "deleted")

_ORDERS = """SELECT order_key, sync_state, action_type, group_name, item_name, sync_error_code, removed_at IS NOT NULL AS is_removed,
    group_id, monday_item_id FROM ORDER_LIST_V2"""
_LINES = """SELECT o.order_key, n.size_code, n.qty, n.sync_state, n.action_type, n.sync_error_code, n.monday_parent_id, n.monday_subitem_id
    FROM ORDER_LIST_LINES n LEFT JOIN ORDER_LIST_V2 o ON o.record_uuid = n.record_uuid"""
_REJECTS = "SELECT *, row_uuid IS NOT NULL AS was_sent FROM ORDER_LIST_REJECTS"
_REFERENCES = ("group_id", "monday_item_id", "monday_parent_id", "monday_subitem_id")
_TIMES = ("first_seen_at", "last_seen_at", "resolved_at", "reject_uuid")


def board_lines(sandbox: Sandbox) -> list[str]:
    """Groups, items and subitems in whatever state, so that an item made twice and archived once shows as two."""
    groups = sandbox.board_snapshot(ITEMS_BOARD_ID, _ANY_STATE)
    lines = [f"group {group.title}" for group in groups]
    for group in groups:
        for item in group.items:
            name = _item_name(item)
            lines.append(f"item {name} in {group.title}: {item.state} {sorted(item.values.items())}")
            lines += [
                f"subitem {child.name} of {name}: {child.state} {sorted(child.values.items())}" for child in item.subitems
            ]
    return sorted(lines) + _strays(sandbox, groups)


def database_lines(sandbox: Sandbox, file: Path) -> list[str]:
    """Orders, lines and rejects, with the names of what their ids refer to on the board."""
    names = dict(_names(sandbox.board_snapshot(ITEMS_BOARD_ID, _ANY_STATE)))
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        found = [
            f"{table} {_described(row, names)}"
            for table, sql in (("order", _ORDERS), ("line", _LINES), ("reject", _REJECTS))
            for row in connection.execute(sql)
        ]
    return sorted(found)


def items_by_number(sandbox: Sandbox) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Group, state, and quantity by name of the active subitems of every item. Raises `AssertionError` when a number is there twice."""
    found: dict[str, tuple[str, str, dict[str, str]]] = {}
    for group in sandbox.board_snapshot(ITEMS_BOARD_ID, _ANY_STATE):
        for item in group.items:
            number = item.values.get(NUMBER_COLUMN, "")
            if number in found:
                raise AssertionError(f"{number} is on the board twice")
            sizes = {child.name: child.values.get(QTY_COLUMN, "") for child in item.subitems if child.state == "active"}
            found[number] = group.title, item.state, sizes
    return found


def _item_name(item: ItemSnapshot) -> str:
    return f"{item.values.get(NUMBER_COLUMN, '(no number)')} {item.name!r}"


def _names(groups: list[GroupSnapshot]) -> Iterator[tuple[str, str]]:
    for group in groups:
        yield group.id, f"group {group.title}"
        for item in group.items:
            yield str(item.id), f"{item.state} item {_item_name(item)}"
            for child in item.subitems:
                yield str(child.id), f"{child.state} subitem {child.name} of {_item_name(item)}"


def _described(row: sqlite3.Row, names: dict[str, str]) -> str:
    ours = {*_TIMES, "row_uuid", "row_hash"} if "was_sent" in row.keys() and row["was_sent"] else _TIMES  # noqa: SIM118
    cells = {name: row[name] for name in row.keys() if name not in ours}  # noqa: SIM118 - a row iterates over its values
    for name in set(cells) & set(_REFERENCES):
        if cells[name] is not None:
            cells[name] = names.get(str(cells[name]), "nothing that is on the board")
    return " ".join(f"{name}={cell}" for name, cell in cells.items())


def _strays(sandbox: Sandbox, groups: list[GroupSnapshot]) -> list[str]:
    """Items that hang in no group of the board and subitems without a parent, which nobody would ever see."""
    shown = {identity for identity, _name in _names(groups)}
    rows = sandbox.state.all("SELECT id, name, state, parent_id FROM items")
    return [f"stray {name} ({state}, parent {parent})" for identity, name, state, parent in rows if str(identity) not in shown]

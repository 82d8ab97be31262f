"""What lies on a board, as plain values for tests and checks.

Belongs here: the values and reading them in one go. Does not belong here: the page that people look at (`page.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orders_platform.sandbox import items, structure
from orders_platform.sandbox.rows import ACTIVE, ItemRow
from orders_platform.sandbox.state import State


@dataclass(frozen=True, slots=True)
class ItemSnapshot:
    """An item or subitem; `values` holds the text of each filled cell by column id."""

    id: int
    name: str
    state: str
    values: Mapping[str, str]
    subitems: tuple[ItemSnapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupSnapshot:
    """A group with its items, in board order."""

    id: str
    title: str
    items: tuple[ItemSnapshot, ...]


def board_snapshot(state: State, board_id: int, states: Collection[str] = (ACTIVE,)) -> list[GroupSnapshot]:
    """The active groups of a board with the items and subitems in one of `states`."""
    with state.lock:
        return [
            GroupSnapshot(
                group.id, group.title, tuple(_item(state, item, states) for item in items.in_group(state, group, states=states))
            )
            for group in structure.groups(state, board_id)
        ]


def _item(state: State, item: ItemRow, states: Collection[str]) -> ItemSnapshot:
    values = {column_id: cell.text for column_id, cell in items.cells(state, item.id).items()}
    children = () if item.parent_id else items.children(state, item.id, states)
    return ItemSnapshot(item.id, item.name, item.state, values, tuple(_item(state, child, states) for child in children))

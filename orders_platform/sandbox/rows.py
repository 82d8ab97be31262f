"""The rows of the sandbox's tables, as frozen values.

Belongs here: what a row holds. Does not belong here: SQL (`state.py`, `structure.py`, `items.py`), GraphQL (`queries.py`,
`mutations.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

ACTIVE = "active"
ARCHIVED = "archived"
DELETED = "deleted"

ITEMS_BOARD = "board"
SUBITEMS_BOARD = "sub_items_board"


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A board; `type` tells a board of subitems from an ordinary one."""

    id: int
    name: str
    description: str | None
    type: str
    board_kind: str
    state: str
    items_count: int
    created_at: float


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column; `settings` is what its type keeps besides labels, as JSON."""

    board_id: int
    id: str
    title: str
    description: str | None
    type: str
    settings: str


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label of a status or dropdown column; `position` is where people see it, `id` is what cells keep."""

    id: int
    name: str
    position: int
    color: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group; `position` orders the groups of a board."""

    board_id: int
    id: str
    title: str
    color: str
    position: float
    state: str
    created_at: float


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item, or a subitem when it has a parent. Times are epoch seconds."""

    id: int
    board_id: int
    parent_id: int | None
    group_id: str
    name: str
    state: str
    position: float
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class Cell:
    """A filled cell: `text` for people, `value` as JSON, `search` in the form that look-ups compare."""

    text: str
    value: str
    search: str

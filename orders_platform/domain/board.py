"""Values that describe a monday.com board in monday's own words: columns, labels, groups, items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a status or dropdown column; `id` is what monday stores, `name` what people see."""

    id: int
    name: str
    is_deactivated: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A board column; `type` is monday's ColumnType (`text`, `long_text`, `numbers`, `date`, `status`, `dropdown` ...)."""

    id: str
    title: str
    type: str
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a board. `id` is a string chosen by monday; titles are not unique on monday's side."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class BoardDescription:
    """What the preflight needs to know of one board.

    Attributes:
        subitems_board_id: the hidden board of the subitems, None while the board has no subtasks column.
        hierarchy_type: `classic` or `multi_level`.
    """

    id: int
    name: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    subitems_board_id: int | None = None
    hierarchy_type: str = "classic"

    def column(self, column_id: str) -> Column | None:
        """The column of that id, or None."""
        return next((column for column in self.columns if column.id == column_id), None)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as monday returns it: `text` for people, `value` as monday's JSON string (or None when empty)."""

    text: str | None
    value: str | None


@dataclass(frozen=True, slots=True)
class BoardItem:
    """An item or subitem as read from the board. `state` is `active`, `archived` or `deleted`."""

    id: int
    name: str
    state: str
    group_id: str | None = None
    parent_item_id: int | None = None
    cells: Mapping[str, Cell] = field(default_factory=dict)

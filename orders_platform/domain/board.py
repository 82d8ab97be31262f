"""Values that describe a monday.com board in monday's own words: columns, labels, groups, items."""

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
    """What the preflight needs to know of one board."""

    id: int
    name: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    subitems_board_id: int | None = None  # a hidden board, which there is none of without a subtasks column
    hierarchy_type: str = "classic"  # or `multi_level`

    def column(self, column_id: str) -> Column | None:
        return next((column for column in self.columns if column.id == column_id), None)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as monday returns it: `text` for people, `value` as monday's JSON string (or None when empty)."""

    text: str | None
    value: str | None


@dataclass(frozen=True, slots=True)
class BoardItem:
    """An item or subitem as read from the board, `active`, `archived` or `deleted`; on which board it is, where that was asked for."""

    id: int
    name: str
    state: str
    group_id: str | None = None
    parent_item_id: int | None = None
    cells: Mapping[str, Cell] = field(default_factory=dict)
    board_id: int | None = None
    board_name: str = ""

    def text(self, column_id: str) -> str:
        cell = self.cells.get(column_id)
        return (cell.text or "") if cell else ""

    def absence(self, board_id: int, parent_id: int | None = None) -> str:
        """Why it does not count as an item of this board, or as a subitem of this item, in monday's words; empty when it does."""
        if self.state != "active":
            return self.state
        if self.parent_item_id != parent_id:
            return f"under item {self.parent_item_id}" if self.parent_item_id else "an item of its own"
        if self.board_id not in {None, board_id}:
            return f"on board {self.board_name!r} ({self.board_id})"
        return ""

"""A cell as GraphQL shows it: `ColumnValue` and its kinds.

Belongs here: what `text`, `value` and the fields of each kind read, also for empty cells and for columns that monday computes.
Does not belong here: what a cell accepts (`column_types.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from orders_platform.sandbox import items, structure
from orders_platform.sandbox.rows import Cell, ColumnRow, ItemRow
from orders_platform.sandbox.state import State

KINDS = {
    "board_relation": "BoardRelationValue",
    "checkbox": "CheckboxValue",
    "date": "DateValue",
    "dropdown": "DropdownValue",
    "email": "EmailValue",
    "formula": "FormulaValue",
    "item_id": "ItemIdValue",
    "last_updated": "LastUpdatedValue",
    "link": "LinkValue",
    "long_text": "LongTextValue",
    "mirror": "MirrorValue",
    "numbers": "NumbersValue",
    "status": "StatusValue",
    "subtasks": "SubtasksValue",
    "text": "TextValue",
}
_NULL_WHEN_EMPTY = frozenset({"status", "dropdown", "subtasks", "mirror", "board_relation"})


@dataclass(frozen=True, slots=True)
class ColumnValue:
    """One cell of an item; graphql-core reads the attributes by their names."""

    state: State
    item: ItemRow
    column: ColumnRow
    cell: Cell | None

    @property
    def id(self) -> str:  # noqa: D102
        return self.column.id

    @property
    def type(self) -> str:  # noqa: D102
        return self.column.type

    @property
    def text(self) -> str | None:  # noqa: D102
        if self.column.type == "item_id":
            return str(self.item.id)
        if self.column.type == "last_updated":
            return f"{datetime.fromtimestamp(self.item.updated_at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        if self.cell:
            return self.cell.text
        return None if self.column.type in _NULL_WHEN_EMPTY else ""

    @property
    def value(self) -> str | None:  # noqa: D102
        return self.cell.value if self.cell else None

    @property
    def index(self) -> int | None:
        """The id of a status label, which monday calls index here."""
        found = self._data.get("index")
        return found if isinstance(found, int) else None

    @property
    def label(self) -> str | None:
        """The text of a status, or the text beside an e-mail address."""
        return self.cell.text if self.cell else None

    @property
    def values(self) -> list[dict[str, object]]:
        """The labels of a dropdown."""
        ids = self._data.get("ids")
        chosen = ids if isinstance(ids, list) else []
        names = {label.id: label.name for label in structure.labels(self.state, self.column)}
        return [{"id": label_id, "label": names[label_id]} for label_id in chosen]

    @property
    def number(self) -> float | None:  # noqa: D102
        return float(self.cell.text) if self.cell else None

    @property
    def checked(self) -> bool:  # noqa: D102
        return self.cell is not None

    @property
    def date(self) -> object:  # noqa: D102
        return self._data.get("date", "")

    @property
    def time(self) -> object:  # noqa: D102
        return self._data.get("time") or ""

    @property
    def url(self) -> object:  # noqa: D102
        return self._data.get("url")

    @property
    def url_text(self) -> object:  # noqa: D102
        return self._data.get("text")

    @property
    def email(self) -> object:  # noqa: D102
        return self._data.get("email")

    @property
    def subitems(self) -> list[ItemRow]:  # noqa: D102
        return items.listed_children(self.state, self.item.id)

    @property
    def subitems_ids(self) -> list[int]:  # noqa: D102
        return [child.id for child in self.subitems]

    @property
    def display_value(self) -> str:
        """The names of the subitems; nothing in columns whose cells the sandbox does not fill."""
        return ", ".join(child.name for child in self.subitems) if self.column.type == "subtasks" else ""

    @property
    def linked_item_ids(self) -> list[int]:
        """The sandbox links no items."""
        return []

    @property
    def mirrored_items(self) -> list[ItemRow]:
        """The sandbox links no items."""
        return []

    @property
    def _data(self) -> dict[str, object]:
        found = json.loads(self.cell.value) if self.cell else {}
        return found if isinstance(found, dict) else {}

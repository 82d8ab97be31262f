"""What a run would change on the board, by order: new orders, each cell with what the board shows and what it would show, sizes alike."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from orders_platform.domain.differences import ABSENT, Difference, DifferenceKind
from orders_platform.domain.text import fold


class ChangeKind(enum.StrEnum):
    """What becomes of an order's item, or of a size's subitem."""

    NEW = "new"
    AGAIN = "made again"
    CHANGED = "changed"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class CellChange:
    """A cell, the name or the group, as the board shows it and as the database has it."""

    column: str
    board: str
    database: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """What would change of an order, or of one of its sizes.

    Attributes:
        kind: an order is changed also when only its sizes are.
        monday_id: of the item or subitem; None of a new one, and of an order whose item does not change.
        sizes: of an order.
    """

    kind: ChangeKind
    order_key: str
    size_code: str
    name: str
    monday_id: int | None
    cells: tuple[CellChange, ...] = ()
    sizes: tuple[RowChange, ...] = ()

    @property
    def is_new(self) -> bool:
        """Whether an item or subitem would be made."""
        return self.kind in {ChangeKind.NEW, ChangeKind.AGAIN}

    def cell(self, column: str) -> str:
        """What the database has in a column, empty where that does not change."""
        return next((cell.database for cell in self.cells if cell.column == column), "")

    @property
    def in_short(self) -> str:
        """Of a new size: what it is filled with besides its name."""
        return ", ".join(
            cell.database
            for cell in self.cells
            if cell.column != "name" and cell.database and fold(cell.database) != fold(self.size_code)
        )


def is_of(order_key: str, orders: Sequence[str]) -> bool:
    """Whether this is one of these orders, by key or number; without any it is."""
    return not orders or bool({fold(order_key), fold(order_key.split(" | ")[0])} & {fold(key) for key in orders})


def order_changes(found: Iterable[Difference], only: Sequence[str] = ()) -> list[RowChange]:
    """The changes by order, in the order of the differences; with `only` those of these orders."""
    rows: dict[str, dict[str, list[Difference]]] = {}
    for each in found:
        if is_of(each.order_key, only):
            rows.setdefault(each.order_key, {}).setdefault(each.size_code, []).append(each)
    changed = []
    for order_key, by_size in rows.items():
        of_item = by_size.pop("", [])
        order = _row_change(of_item) if of_item else RowChange(ChangeKind.CHANGED, order_key, "", "", None)
        changed.append(replace(order, sizes=tuple(map(_row_change, by_size.values()))))
    return changed


def _row_change(found: Sequence[Difference]) -> RowChange:
    first = found[0]
    kinds = {each.kind for each in found}
    kind = ChangeKind.CHANGED
    if DifferenceKind.LEFT in kinds:
        kind = ChangeKind.ARCHIVED
    elif kinds & ABSENT:
        kind = ChangeKind.NEW if first.monday_id is None else ChangeKind.AGAIN
    cells = tuple(CellChange(each.column, each.board, each.database) for each in found if each.column)
    return RowChange(kind, first.order_key, first.size_code, first.name, first.monday_id, cells)


def change_counts(orders: Iterable[RowChange]) -> dict[str, int]:
    """How many orders and sizes are new, changed and archived, and how many cells change; what is made again counts as new."""
    every = list(orders)
    counts = {}
    for word, rows in (("orders", every), ("sizes", [size for order in every for size in order.sizes])):
        counts[f"new_{word}"] = sum(row.is_new for row in rows)
        counts[f"changed_{word}"] = sum(row.kind is ChangeKind.CHANGED for row in rows)
        counts[f"archived_{word}"] = sum(row.kind is ChangeKind.ARCHIVED for row in rows)
    changed = [row for order in every for row in (order, *order.sizes) if row.kind is ChangeKind.CHANGED]
    return {**counts, "changed_cells": sum(len(row.cells) for row in changed)}


def counts_in_words(orders: Iterable[RowChange]) -> str:
    """Like `16 orders (12 new, 4 changed); 42 new sizes; 5 changed cells`."""
    counts, parts = change_counts(orders), []
    for word in ("orders", "sizes"):
        kinds = {kind: count for kind in ("new", "changed", "archived") if (count := counts[f"{kind}_{word}"])}
        total = sum(kinds.values())
        noun = word if total > 1 else word.removesuffix("s")
        if len(kinds) == 1:
            parts.append(f"{total:,} {next(iter(kinds))} {noun}")
        elif kinds:
            parts.append(f"{total:,} {noun} ({', '.join(f'{count:,} {kind}' for kind, count in kinds.items())})")
    if counts["changed_cells"]:
        parts.append(f"{counts['changed_cells']:,} changed cell{'s' if counts['changed_cells'] > 1 else ''}")
    return "; ".join(parts) or "nothing"

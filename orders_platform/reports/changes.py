"""What a run would change on the board, by order: new orders, each cell with what the board shows and what it would show, sizes alike."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from orders_platform.domain.differences import ABSENT, Difference, DifferenceKind
from orders_platform.domain.orders import is_of
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
    """What would change of an order, which is changed also when only its sizes are, or of one of its sizes.

    `monday_id` is that of the item or subitem; None of a new one, and of an order whose item does not change.
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

    @property
    def in_short(self) -> str:
        """Of a new order its group; of a new size what it is filled with besides its name."""
        if not self.size_code:
            return next((cell.database for cell in self.cells if cell.column == "group"), "")
        filled = [cell.database for cell in self.cells if cell.column != "name" and cell.database]
        return ", ".join(text for text in filled if fold(text) != fold(self.size_code))


def order_changes(found: Iterable[Difference], orders: Sequence[str] = ()) -> list[RowChange]:
    """The changes by order, of these orders or of all, in the order of the differences."""
    rows: dict[tuple[str, str], dict[str, list[Difference]]] = {}
    for each in (each for each in found if is_of(each.order_key, orders)):
        rows.setdefault((each.order_key, each.order_ref), {}).setdefault(each.size_code, []).append(each)
    changed = []
    for (order_key, _), by_size in rows.items():
        of_item = by_size.pop("", [])
        order = _row_change(of_item) if of_item else RowChange(ChangeKind.CHANGED, order_key, "", "", None)
        changed.append(replace(order, sizes=tuple(map(_row_change, by_size.values()))))
    return changed


def _row_change(found: Sequence[Difference]) -> RowChange:
    first, kinds, kind = found[0], {each.kind for each in found}, ChangeKind.CHANGED
    if DifferenceKind.LEFT in kinds:
        kind = ChangeKind.ARCHIVED
    elif kinds & ABSENT:
        kind = ChangeKind.NEW if first.monday_id is None else ChangeKind.AGAIN
    cells = tuple(CellChange(each.column, each.board, each.database) for each in found if each.column)
    return RowChange(kind, first.order_key, first.size_code, first.name, first.monday_id, cells)


def change_table(orders: Iterable[RowChange]) -> Iterator[dict[str, str]]:
    """A line for each cell that changes, and one for each order or size that is made or archived."""
    for order in orders:
        for row in (order, *order.sizes):
            place = {"order": row.order_key, "size": row.size_code, "what": row.kind.value}
            if row.kind is ChangeKind.CHANGED:
                for cell in row.cells:
                    yield {**place, "column": cell.column, "board": cell.board, "database": cell.database}
            else:
                name, value = (
                    (row.name, "") if row.kind is ChangeKind.ARCHIVED else ("", row.in_short if row.size_code else row.name)
                )
                yield {**place, "column": "", "board": name, "database": value}


def change_counts(orders: Sequence[RowChange]) -> dict[str, int]:
    """How many orders and sizes are new, changed and archived, and how many cells change; what is made again counts as new."""
    counts: dict[str, int] = {}
    sizes = [size for order in orders for size in order.sizes]
    for word, rows in (("orders", orders), ("sizes", sizes)):
        kinds = [ChangeKind.NEW if row.is_new else row.kind for row in rows]
        counts |= {f"{kind}_{word}": kinds.count(kind) for kind in ChangeKind if kind is not ChangeKind.AGAIN}
    return counts | {"changed_cells": sum(len(row.cells) for row in (*orders, *sizes) if row.kind is ChangeKind.CHANGED)}


def counts_in_words(orders: Sequence[RowChange]) -> str:
    """Like `12 new orders, 1 archived order, 40 new sizes, 5 changed cells`."""
    counts = {name.replace("_", " "): count for name, count in change_counts(orders).items() if count}
    return ", ".join(f"{count:,} {name if count > 1 else name[:-1]}" for name, count in counts.items()) or "nothing"

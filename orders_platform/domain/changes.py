"""What a run would change on the board, by order: new orders, each cell with what the board shows and what it would show, sizes alike."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orders_platform.domain.board import BoardItem, Column
from orders_platform.domain.differences import ExpectedRow, row_differences
from orders_platform.domain.mapping import BoardMapping
from orders_platform.domain.orders import is_of
from orders_platform.domain.states import Action
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
    sizes: list[RowChange] = field(default_factory=list)

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


@dataclass(slots=True)
class OrderChanges:
    """Takes in what a run would change of one customer.

    Attributes:
        only: by key or number, the only orders that are asked for; empty: all.
        most: of so many orders every cell is told, of the others not those that are new with their row; None: of all.
        orders: by their reference, those with changes of their own first.
    """

    only: Collection[str] = ()
    most: int | None = None
    orders: dict[str, RowChange] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def add(
        self, expected: ExpectedRow, shown: BoardItem | None, mapping: BoardMapping, columns: Mapping[str, Column],
        titles: Mapping[str, str],
    ) -> None:  # fmt: skip
        """A row that something is to be done about, with what the board shows of it now."""
        row = expected.row
        if not is_of(row.order_key, self.only):
            return
        is_told = row.order_ref in self._told or self.most is None or len(self._told) < self.most
        kind = ChangeKind.CHANGED if shown else ChangeKind.NEW if row.monday_id is None else ChangeKind.AGAIN
        kind = ChangeKind.ARCHIVED if row.action is Action.DELETE else kind
        cells: tuple[CellChange, ...] = ()
        if is_told or kind is ChangeKind.CHANGED:
            found = row_differences(expected, shown, mapping, columns, titles)
            cells = tuple(CellChange(each.column, each.board, each.database) for each in found if each.column)
        if kind is ChangeKind.CHANGED and not cells:
            return
        if is_told:
            self._told.add(row.order_ref)
        change = RowChange(kind, row.order_key, row.size_code, row.name, row.monday_id, cells)
        if not row.size_code:
            self.orders[row.ref] = change
            return
        unchanged = RowChange(ChangeKind.CHANGED, row.order_key, "", "", None)
        self.orders.setdefault(row.order_ref, unchanged).sizes.append(change)


def change_table(orders: Iterable[RowChange]) -> Iterator[dict[str, str]]:
    """A line for each cell that changes, and one for each order or size that is made or archived."""
    for order in orders:
        for row in (order, *order.sizes):
            place = {"order": row.order_key, "size": row.size_code, "what": row.kind.value}
            if row.kind is ChangeKind.CHANGED:
                for cell in row.cells:
                    yield {**place, "column": cell.column, "board": cell.board, "database": cell.database}
            elif row.kind is ChangeKind.ARCHIVED:
                yield {**place, "column": "", "board": row.name, "database": ""}
            else:
                yield {**place, "column": "", "board": "", "database": row.in_short if row.size_code else row.name}


def change_counts(orders: Iterable[RowChange]) -> Counter[str]:
    """How many orders and sizes are new, changed and archived, and how many cells change; what is made again counts as new."""
    kinds = [kind for kind in ChangeKind if kind is not ChangeKind.AGAIN]
    counts = Counter({**{f"{kind}_{word}": 0 for word in ("orders", "sizes") for kind in kinds}, "changed_cells": 0})
    for order in orders:
        for word, rows in (("orders", [order]), ("sizes", order.sizes)):
            for row in rows:
                counts[f"{ChangeKind.NEW if row.is_new else row.kind}_{word}"] += 1
                counts["changed_cells"] += len(row.cells) if row.kind is ChangeKind.CHANGED else 0
    return counts


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Like `12 new orders, 1 archived order, 40 new sizes, 5 changed cells`."""
    told = {name.replace("_", " "): count for name, count in counts.items() if count}
    return ", ".join(f"{count:,} {name if count > 1 else name[:-1]}" for name, count in told.items()) or "nothing"

"""What a run would change on the board, as a table and in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from orders_platform.domain.changes import ChangeKind, RowChange


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


def change_counts(orders: Iterable[RowChange]) -> Counter[str]:
    """How many orders and sizes are new, changed and archived, and how many cells change; what is made again counts as new."""
    counts = Counter(
        {f"{kind}_{word}": 0 for word in ("orders", "sizes") for kind in ChangeKind if kind is not ChangeKind.AGAIN}
    )
    counts["changed_cells"] = 0
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

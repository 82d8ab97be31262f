"""What `sync --show` says: what a run would change, in the terminal, as JSON, and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from orders_platform.cli import output
from orders_platform.reports.changes import CellChange, ChangeKind, RowChange, change_counts, counts_in_words, is_of

_ORDERS = 50
_CHARACTERS = 120
_STYLES = {ChangeKind.NEW: "green", ChangeKind.AGAIN: "green", ChangeKind.CHANGED: "yellow", ChangeKind.ARCHIVED: "red"}


def changes_json(changes: Mapping[str, Sequence[RowChange]]) -> output.JsonObject:
    """The changes of each customer by order, and how many there are of all."""
    every = [order for orders in changes.values() for order in orders]
    return {
        "changes": {customer: [asdict(order) for order in orders] for customer, orders in changes.items()},
        "change_counts": change_counts(every),
    }


def print_changes(changes: Mapping[str, Sequence[RowChange]], asked: Sequence[str] = ()) -> None:
    """The changes by order and cell, of each customer the first orders, and the counts; of orders `asked` for also that there are none."""
    for customer, orders in changes.items():
        if orders:
            output.say(f"\n{customer}: {counts_in_words(orders)}", style="bold")
        for order in orders[:_ORDERS]:
            _print_order(order)
        if len(orders) > _ORDERS:
            output.say(f"  ... and {len(orders) - _ORDERS:,} orders more; --json or --html FILE shows all")
    every = [order for orders in changes.values() for order in orders]
    for key in asked:
        if not any(is_of(order.order_key, [key]) for order in every):
            output.say(f"\nNothing would change for {key!r}; `orders-platform history {key}` says where it stands.")
    output.say(f"\nA run would change: {counts_in_words(every)}")


def _print_order(order: RowChange) -> None:
    new = order.is_new
    group = f" in {order.cell('group')}" if new and order.cell("group") else ""
    output.say(
        f"  {order.order_key}: {order.kind.value}{group}{f': {order.name}' if order.name else ''}", style=_STYLES[order.kind]
    )
    for cell in () if new else order.cells:
        output.say(f"    {_cell(cell)}")
    made = [size for size in order.sizes if size.is_new]
    if made:
        output.say(f"    {'' if new else 'new '}sizes: {'; '.join(f'{size.size_code} {size.in_short}' for size in made)}")
    for size in order.sizes:
        if size.kind is ChangeKind.CHANGED:
            output.say(f"    size {size.size_code}: {'; '.join(map(_cell, size.cells))}")
        elif size.kind is ChangeKind.ARCHIVED:
            output.say(f"    size {size.size_code}: archived")


def _cell(cell: CellChange) -> str:
    return f"{cell.column}: {_text(cell.board)} -> {_text(cell.database)}"


def _text(value: str) -> str:
    shown = " ".join(value.split())
    return (shown if len(shown) <= _CHARACTERS else shown[:_CHARACTERS] + "…") or "(empty)"

"""A later load of the sample orders, with every change labelled by what it must send.

The edits are those that people make in the workbooks; dirt is the same in both loads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from orders_platform.demo.sample_rows import ORDER_NUMBER, TOTAL, Row, new_uuid


@dataclass(frozen=True, slots=True)
class Sends:
    """Mutations that one change must cause, with the default policies (removed orders kept, removed sizes set to 0).

    All new values of an item, its name among them, travel in one mutation; moving it to another group is one more.
    """

    created_groups: int = 0
    created_items: int = 0
    updated_items: int = 0
    moved_items: int = 0
    created_subitems: int = 0
    updated_subitems: int = 0


@dataclass(frozen=True, slots=True)
class LabelledChange:
    """One change: its kind in a word, whose order it is, and what must be sent because of it."""

    kind: str
    customer: str
    order_number: str
    sends: Sends


_Edit = Callable[[list[Row]], None]


def changed_orders(rows: list[Row]) -> tuple[list[Row], list[LabelledChange]]:
    """The rows of a later load, and what is different in it. The given rows stay as they are.

    Raises:
        ValueError: the rows are not those of `sample_orders`.
    """
    later = [dict(row) for row in rows]
    for _, edit in _CHANGES:
        edit(later)
    return later, [label for label, _ in _CHANGES]


def reloaded(rows: list[Row], seed: int) -> list[Row]:
    """The same orders loaded again: in another order and with new record_uuids, as every load has them."""
    rng = Random(seed)  # noqa: S311 - sample data, not secrets
    again = [{**row, "record_uuid": new_uuid(rng)} for row in rows]
    rng.shuffle(again)
    return again


def _order(rows: list[Row], number: str, po_ending: str) -> Row:
    (found,) = (row for row in rows if row[ORDER_NUMBER] == number and str(row.get("PO NUMBER")).endswith(po_ending))
    return found


def _values(number: str, values: Row, po_ending: str = "") -> _Edit:
    return lambda rows: _order(rows, number, po_ending).update(values)


def _quantity(number: str, size: str, quantity: int | None) -> _Edit:
    def edit(rows: list[Row]) -> None:
        row = _order(rows, number, "")
        before, total = (int(float(row.get(column) or 0)) for column in (size, TOTAL))
        row.update({size: quantity, TOTAL: total - before + (quantity or 0)})

    return edit


def _removal(number: str) -> _Edit:
    return lambda rows: rows.remove(_order(rows, number, ""))


def _addition(number: str, like: str) -> _Edit:
    fresh: Row = {ORDER_NUMBER: number, "PO NUMBER": "PO-77001", "record_uuid": "00000000-0000-4000-8000-000000000980"}
    return lambda rows: rows.append({**_order(rows, like, ""), **fresh})


def _change(kind: str, customer: str, number: str, edit: _Edit, sends: Sends) -> tuple[LabelledChange, _Edit]:
    return LabelledChange(kind, customer, number, sends), edit


_ITEM = Sends(updated_items=1)

_CHANGES = (
    _change("price_edited", "PELOTON", "PEL-02740", _values("PEL-02740", {"CUSTOMER PRICE": "199.9900"}), _ITEM),
    _change("note_cleared", "WHITE FOX", "WHI-01509", _values("WHI-01509", {"NOTES": None}), _ITEM),
    _change("renamed", "RHONE", "RHO-00406", _values("RHO-00406", {"CUSTOMER STYLE": "102530-R"}), _ITEM),
    _change("po_edited", "JOHNNIE O", "JOO-00640", _values("JOO-00640", {"PO NUMBER": "PO-55123"}), _ITEM),
    _change("po_edited", "PELOTON", "PEL-02700", _values("PEL-02700", {"PO NUMBER": "PO-88001/B"}, "/B"), _ITEM),
    _change(
        "size_added", "SUN DAY RED", "SUN-00048", _quantity("SUN-00048", "3XL", 25), Sends(updated_items=1, created_subitems=1)
    ),
    _change(
        "size_changed", "TRACK SMITH", "TRA-00104", _quantity("TRA-00104", "M", 4321), Sends(updated_items=1, updated_subitems=1)
    ),
    _change(
        "size_removed", "WHITE FOX", "WHI-01518", _quantity("WHI-01518", "L", None), Sends(updated_items=1, updated_subitems=1)
    ),
    _change(
        "season_moved", "EQUINOX", "EQU-00232", _values("EQU-00232", {"CUSTOMER SEASON": "FALL 26"}),
        Sends(created_groups=1, updated_items=1, moved_items=1),
    ),
    _change(
        "season_moved", "SUMMERSALT", "SUM-00914", _values("SUM-00914", {"CUSTOMER SEASON": "SPRING 24"}),
        Sends(updated_items=1, moved_items=1),
    ),
    _change(
        "cancelled", "B'HOOD", "BHO-00308", _values("BHO-00308", {"ORDER TYPE": "CANCELLED"}),
        Sends(updated_items=1, updated_subitems=3),
    ),
    _change(
        "uncancelled", "GREYSON", "GRE-04320", _values("GRE-04320", {"ORDER TYPE": "ACTIVE"}),
        Sends(updated_items=1, created_subitems=6),
    ),
    _change("order_removed", "TRACK SMITH", "TRA-00120", _removal("TRA-00120"), Sends()),
    _change(
        "order_added", "SUMMERSALT", "SUM-00980", _addition("SUM-00980", like="SUM-00904"),
        Sends(created_items=1, created_subitems=4),
    ),
)  # fmt: skip

"""Does the board already show what an order says?

Belongs here: comparing a cell as we would write it with the cell as monday.com returns it. Does not belong here: writing cells
(`domain/column_values.py`), reading them (`monday/adapter.py`), deciding what to do about a difference (`sync/`).

monday's `value` is what it stores, its `text` what people see: rounded to the column's precision, in the reader's time zone, in
the board's language. So `value` is asked first. Where the two leave it open, the answer is "different": a value sent again does
no harm, a change not sent does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from orders_platform.domain.board import Cell, Column
from orders_platform.domain.cell_formats import is_blank, plain_number
from orders_platform.domain.column_values import board_column
from orders_platform.domain.mapping import BoardMapping, ColumnType
from orders_platform.errors import BoardMismatchError, RowRejected


def same_cell(column: Column, wanted: object, actual: Cell | None) -> bool:
    """Whether the board already shows what a formatted cell would make it show.

    `wanted` is a value as `format_cell` returns it, None for a cell to be cleared. `actual` is the cell as read from the board,
    None when monday returned none for the column, which is an empty cell.

    Raises:
        BoardMismatchError: the column is of a type that is never written.
    """
    compare = _COMPARISONS.get(column.type)
    if compare is None:
        name = f"{column.title} ({column.id})"
        raise BoardMismatchError(f"{name} is a {column.type} column, which is not written; run `board check`")
    # A status column's unnamed default label has a value and no text, and people call that cell empty.
    if actual is None or is_blank(actual.text):
        return wanted is None
    return wanted is not None and compare(column, wanted, actual)


def changed_cells(
    mapping: BoardMapping, columns: Mapping[str, Column], wanted: Mapping[str, object], actual: Mapping[str, Cell]
) -> dict[str, object]:
    """The wanted cells of mapped columns that the board does not show yet, those to be cleared included.

    `wanted` are a row's cells or a part of them. `actual` are the item's cells by column id, read with every mapped column id: an
    absent one counts as empty.
    """
    mapped = [field.column_id for field in mapping.fields if field.column_id in wanted]
    return {id_: wanted[id_] for id_ in mapped if not same_cell(board_column(columns, id_), wanted[id_], actual.get(id_))}


def _same_text(_column: Column, wanted: object, actual: Cell) -> bool:
    # A text cell is one line on the board, so kinds and numbers of spaces cannot be told apart there.
    return str(wanted).split() == (actual.text or "").split()


def _same_long_text(_column: Column, wanted: object, actual: Cell) -> bool:
    return str(_part(wanted, "text")).strip().splitlines() == (actual.text or "").strip().splitlines()


def _same_number(_column: Column, wanted: object, actual: Cell) -> bool:
    stored = _stored(actual)
    try:
        return plain_number(wanted) == plain_number(actual.text if stored is None else stored)
    except RowRejected:
        return False


def _same_date(_column: Column, wanted: object, actual: Cell) -> bool:
    stored = _part(_stored(actual), "date") or (actual.text or "")[:10]
    return _part(wanted, "date") == stored


def _same_status(column: Column, wanted: object, actual: Cell) -> bool:
    stored, label_id = _part(_stored(actual), "index"), _part(wanted, "index")
    if stored is None or label_id is None:
        return actual.text == (_part(wanted, "label") or _label_name(column, label_id))
    return str(stored) == str(label_id)


def _same_dropdown(column: Column, wanted: object, actual: Cell) -> bool:
    stored, label_ids = _part(_stored(actual), "ids"), _listed(_part(wanted, "ids"))
    if isinstance(stored, list) and label_ids:
        return sorted(map(str, stored)) == sorted(map(str, label_ids))
    names = _listed(_part(wanted, "labels")) or [_label_name(column, label_id) for label_id in label_ids]
    return actual.text == ", ".join(map(str, names))


def _same_checkbox(_column: Column, _wanted: object, actual: Cell) -> bool:
    checked = _part(_stored(actual), "checked")
    # Only the checked box has a text, whatever word the language has for it.
    return checked is None or str(checked).casefold() == "true"


def _same_link(_column: Column, wanted: object, actual: Cell) -> bool:
    return _part(wanted, "url") == (_part(_stored(actual), "url") or actual.text)


def _same_email(_column: Column, wanted: object, actual: Cell) -> bool:
    return _part(wanted, "email") == (_part(_stored(actual), "email") or actual.text)


_COMPARISONS: Final[Mapping[str, Callable[[Column, object, Cell], bool]]] = {
    ColumnType.TEXT: _same_text,
    ColumnType.LONG_TEXT: _same_long_text,
    ColumnType.NUMBERS: _same_number,
    ColumnType.DATE: _same_date,
    ColumnType.STATUS: _same_status,
    ColumnType.DROPDOWN: _same_dropdown,
    ColumnType.CHECKBOX: _same_checkbox,
    ColumnType.LINK: _same_link,
    ColumnType.EMAIL: _same_email,
}


def _stored(actual: Cell) -> object:
    try:
        return json.loads(actual.value or "null")
    except ValueError:
        return None


def _part(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, Mapping) else None


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _label_name(column: Column, label_id: object) -> str | None:
    return next((label.name for label in column.labels if label.id == label_id), None)

"""Whole rows as monday.com column values: all cells of an order, the cells that differ from the board, the labels that a row creates.

None clears a cell, and is the only value that clears every type: an empty string would store 0 in a numbers column.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from orders_platform.domain.board import Cell, Column
from orders_platform.domain.cell_codecs import CODECS, LONG_TEXT_CHARACTERS, PERCENTS, is_blank, part_of, plain_text
from orders_platform.domain.cell_warnings import CellProblem, preview
from orders_platform.domain.labels import LabelIndex
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field
from orders_platform.errors import BoardMismatchError, ConfigurationError, RowError

# monday keeps about 64 KB of column data per item (its page on the text column).
ROW_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class FormattedRow:
    """The mapped cells of one row by column id, None to clear; and what is wrong with those that were left out or cut."""

    cells: Mapping[str, object]
    problems: tuple[CellProblem, ...] = ()


def format_cell(field: Field, column: Column, value: object, labels: LabelIndex | None = None) -> object:
    """The JSON value of one cell; without the run's `labels`, only the column's own are known.

    Raises `RowError`: the message continues the sentence "<column>: <value> ..."; codes are those of `CODECS` and `LabelIndex`.
    """
    if is_blank(value):
        return None
    if not field.type.has_labels:
        is_percent = field.type is ColumnType.NUMBERS and field.takes_percents
        return (PERCENTS if is_percent else CODECS[field.type]).write(value)
    label = (LabelIndex() if labels is None else labels).choose(field, column, plain_text(value))
    return None if label is None else CODECS[field.type].write(label)


def format_row(
    mapping: BoardMapping, columns: Mapping[str, Column], row: Mapping[str, object], labels: LabelIndex
) -> FormattedRow:
    """The mapped cells of one row. A cell that its column cannot hold is left out, so that the board shows it as empty.

    Labels that the row creates are noted in `labels`, unless the row is refused: `RowError` `key_missing` for an item that could not be
    found again. Raises `ConfigurationError` when the row lacks a mapped source column, `BoardMismatchError` when the board lacks one.
    """
    cells: dict[str, object] = {}
    problems: dict[str, CellProblem] = {}
    for field in mapping.fields:
        column = board_column(columns, field.column_id)
        source, value = _coalesced(field, row)
        try:
            cells[field.column_id] = format_cell(field, column, value, labels)
        except RowError as refusal:
            cells[field.column_id] = None
            code, reason = refusal.code, refusal.message
            if refusal.code == "text_too_long" and mapping.long_texts == "cut":
                cells[field.column_id] = CODECS[field.type].write(plain_text(value)[: LONG_TEXT_CHARACTERS - 1] + "…")
                code, reason = "text_cut", f"{reason.partition(';')[0]} and was cut"
            problems[field.column_id] = CellProblem(source, _shown(value), code, reason)
    _require_key(mapping, columns, cells, problems)
    _fit(mapping, cells, row, problems)
    for column_id, name in _created_labels(mapping, cells).items():
        labels.add(columns[column_id], name)
    return FormattedRow(cells, tuple(problems.values()))


def same_cell(column: Column, wanted: object, actual: Cell | None) -> bool:
    """Whether the board already shows what a formatted cell (None: to be cleared) would make it show.

    `actual` is None when monday returned none for the column, which is an empty cell. Raises `BoardMismatchError` for a type of column
    that is never written.
    """
    codec = CODECS.get(column.type)
    if codec is None:
        name = f"{column.title} ({column.id})"
        raise BoardMismatchError(f"{name} is a {column.type} column, which is not written; run `board check`")
    # A status column's unnamed default label has a value and no text, and people call that cell empty.
    if actual is None or is_blank(actual.text):
        return wanted is None
    return wanted is not None and codec.shows(column, wanted, actual)


def changed_cells(
    mapping: BoardMapping, columns: Mapping[str, Column], wanted: Mapping[str, object], actual: Mapping[str, Cell]
) -> dict[str, object]:
    """The wanted cells of mapped columns that the board does not show yet, those to be cleared included.

    `wanted` are a row's cells or a part of them. `actual` are the item's cells by column id, read with every mapped column id: an
    absent one counts as empty.
    """
    mapped = [field.column_id for field in mapping.fields if field.column_id in wanted]
    return {id_: wanted[id_] for id_ in mapped if not same_cell(board_column(columns, id_), wanted[id_], actual.get(id_))}


def creates_labels(mapping: BoardMapping, cells: Mapping[str, object]) -> bool:
    """Whether a mutation with these cells, all of a row or the changed ones, needs `create_labels_if_missing`."""
    return bool(_created_labels(mapping, cells))


def column_values_json(cells: Mapping[str, object]) -> str:
    """The JSON text that monday takes as `column_values`; equal cells give equal text."""
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def board_column(columns: Mapping[str, Column], column_id: str) -> Column:
    """The column of that id; `BoardMismatchError` when the board has none (the preflight says so before any row is read)."""
    if column_id not in columns:
        raise BoardMismatchError(f"The board has no column {column_id!r}, to which the configuration maps; run `board check`")
    return columns[column_id]


def _created_labels(mapping: BoardMapping, cells: Mapping[str, object]) -> dict[str, str]:
    created = {}
    for field in mapping.fields:
        if field.type.has_labels and (cell := cells.get(field.column_id)) is not None:
            name = part_of(cell, "label") or _only(part_of(cell, "labels"))
            if isinstance(name, str):
                created[field.column_id] = name
    return created


def _require_key(
    mapping: BoardMapping, columns: Mapping[str, Column], cells: Mapping[str, object], problems: Mapping[str, CellProblem]
) -> None:
    key = mapping.external_key
    if key is not None and key in cells and cells[key] is None:
        problem = problems.get(key)
        words = f"is left out: {preview(problem.text)} {problem.reason}" if problem else "is blank; fill it"
        reason = "is the key by which the order is found again on the board, and it"
        raise RowError("key_missing", f"{columns[key].title} ({key}) {reason} {words}")


def _fit(mapping: BoardMapping, cells: dict[str, object], row: Mapping[str, object], problems: dict[str, CellProblem]) -> None:
    """Leave out the longest cells of a row that is larger than an item holds."""
    while (size := len(column_values_json(cells).encode())) > ROW_BYTES:
        others = [field for field in mapping.fields if field.column_id != mapping.external_key]
        longest = max(others, key=lambda field: len(json.dumps(cells[field.column_id], ensure_ascii=False).encode()))
        source, value = _coalesced(longest, row)
        reason = f"makes a row of {size:,} bytes, an item on the board holds {ROW_BYTES:,}; shorten it"
        cells[longest.column_id] = None
        problems[longest.column_id] = CellProblem(source, _shown(value), "row_too_large", reason)


def _coalesced(field: Field, row: Mapping[str, object]) -> tuple[str, object]:
    """The order column that fills a field, and its value."""
    # A source that is absent is a broken mapping; to read it as NULL would clear the column on the whole board.
    absent = [source for source in field.sources if source not in row]
    if absent:
        names = f"{', '.join(map(repr, absent))}, mapped to board column {field.column_id!r}"
        raise ConfigurationError(f"The order table has no column {names}; correct the mapping")
    return next(((source, row[source]) for source in field.sources if not is_blank(row[source])), (field.sources[0], None))


def _shown(value: object) -> str:
    # Decimal, because Python refuses to write an int of more than 4,300 digits.
    return str(Decimal(value)) if isinstance(value, int) else str(value)


def _only(value: object) -> object:
    return value[0] if isinstance(value, list) and len(value) == 1 else None

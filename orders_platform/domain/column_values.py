"""Whole rows as monday.com column values: all cells of an order, the cells that differ from the board, the labels that a row creates.

None clears a cell, and is the only value that clears every type: an empty string would store 0 in a numbers column. monday.com takes one
`create_labels_if_missing` flag per mutation, for all of its columns. So that a column with the policy `reject` never gets a label by
accident, every text is looked up here first, and a known label is sent by its id.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Final

from orders_platform.domain.board import Cell, Column, Label
from orders_platform.domain.cell_codecs import CODECS, LONG_TEXT_CHARACTERS, PERCENTS, is_blank, part_of, plain_text
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field, LabelPolicy
from orders_platform.domain.orders import CellProblem, preview
from orders_platform.domain.text import clean, fold
from orders_platform.errors import BoardMismatchError, ConfigurationError, RowError

# monday's page on the status column: 40 labels (one per colour) of at most 30 characters.
STATUS_LABELS: Final = 40
STATUS_LABEL_CHARACTERS: Final = 30
# Not published; the order board's STYLE dropdown refused its 501st label.
DROPDOWN_LABELS: Final = 500

_NEAREST: Final = 5
_COMPARED_CHARACTERS: Final = 80
_folded = lru_cache(4_096)(fold)
_NUMERIC = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


class _ColumnLabels:
    """The labels of one column, indexed for one lookup per cell."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self.labels = tuple(labels)
        self.asked_for: dict[str, str] = {}
        self._exact: dict[str, Label] = {}
        self._alike: dict[str, list[Label]] = {}
        self._deactivated: dict[str, Label] = {}
        self._missing: dict[str, str] = {}
        for label in self.labels:
            if label.is_deactivated:
                self._deactivated.setdefault(fold(label.name), label)
            else:
                self._exact.setdefault(label.name, label)
                self._alike.setdefault(fold(label.name), []).append(label)

    def find(self, text: str) -> Label | str | None:
        """The active label, the name of one that was asked for, None when the column knows nothing like it."""
        if exact := self._exact.get(text):
            return exact
        folded = _folded(text)
        alike = self._alike.get(folded, [])
        if len(alike) > 1:
            names = ", ".join(repr(label.name) for label in alike[:_NEAREST])
            reason = f"could be any of the labels {names}; write it exactly, or merge them on the board"
            raise RowError("label_ambiguous", reason)
        if alike:
            return alike[0]
        if folded in self._deactivated:
            raise RowError("label_deactivated", "is a deactivated label; activate it on the board or correct the order")
        return self.asked_for.get(folded)

    def missing(self, text: str) -> RowError:
        """The refusal of a text under the policy `reject`, with the labels that come nearest."""
        short = fold(text)[:_COMPARED_CHARACTERS]
        # Comparing with hundreds of labels takes milliseconds, and the same wrong text comes in many rows.
        if short not in self._missing:
            self._missing[short] = self._nearest(short)
        reason = f"is not a label on the board ({self._missing[short]}); add it there or correct the order"
        return RowError("label_missing", reason)

    def _nearest(self, short: str) -> str:
        names = {fold(name)[:_COMPARED_CHARACTERS]: name for name in self._exact if name.strip()}
        if not names:
            return "the column has no active label"
        near = difflib.get_close_matches(short, names, n=_NEAREST, cutoff=0.5)
        return "nearest: " + ", ".join(repr(names[name]) for name in near) if near else "none of its labels is near"

    def new(self, column_type: ColumnType, text: str) -> str:
        """The name of a label for monday to create, if the column can take one more."""
        name = clean(text)
        is_status = column_type is ColumnType.STATUS
        if is_status and len(name) > STATUS_LABEL_CHARACTERS:
            reason = f"has {len(name)} characters, a status label holds {STATUS_LABEL_CHARACTERS}; shorten it"
            raise RowError("label_too_long", reason)
        if is_status and _NUMERIC.fullmatch(name):
            reason = "would be read by monday as the number of a label, not as a new one; add the label on the board by hand"
            raise RowError("label_numeric", reason)
        most = STATUS_LABELS if is_status else DROPDOWN_LABELS
        # Deactivated labels keep their id and colour, so they count.
        if len(self.labels) + len(self.asked_for) >= most:
            reason = f"is no label yet and the column is full ({most} labels, deactivated ones included); make room there"
            raise RowError("too_many_labels", reason)
        return name


class LabelIndex:
    """The labels of a board during one run: those read from it and those this run asks monday to create.

    A label asked for earlier in the run counts against the column's limit, fixes the spelling, and still has no id: the mutation
    that was to create it may be in flight or may have been refused, so every mutation that uses it must be able to create it.
    One label_index serves one board in one thread.
    """

    def __init__(self) -> None:
        self._by_column: dict[str, _ColumnLabels] = {}

    def choose(self, field: Field, column: Column, text: str) -> Label | str | None:
        """The label for a text that is not blank, the name of one for monday to create, or None by the policy `blank`; changes nothing.

        Exact spelling wins, then the only active label that differs in case and spaces alone. Raises `RowError`: `label_missing`,
        `label_deactivated`, `label_ambiguous`; for a label to be created also `label_too_long`, `label_numeric`, `too_many_labels`.
        """
        column_labels = self._column_labels(column)
        known = column_labels.find(text)
        if known is not None:
            return known
        match field.labels:
            case LabelPolicy.BLANK:
                return None
            case LabelPolicy.REJECT:
                raise column_labels.missing(text)
            case LabelPolicy.CREATE:
                return column_labels.new(field.type, text)

    def add(self, column: Column, name: str) -> None:
        """Note that a mutation of this run asks monday to create the label."""
        self._column_labels(column).asked_for.setdefault(fold(name), name)

    def is_asked_for(self, column: Column, name: str) -> bool:
        return fold(name) in self._column_labels(column).asked_for

    def _column_labels(self, column: Column) -> _ColumnLabels:
        if column.id not in self._by_column:
            self._by_column[column.id] = _ColumnLabels(column.labels)
        return self._by_column[column.id]


# monday keeps about 64 KB of column data per item (its page on the text column).
ROW_BYTES: Final = 65_536
_BYTES_A_CHARACTER: Final = 6  # at most: `\u0001`
_MOST_KNOWN: Final = 1_000  # cells of a column that are remembered


@dataclass(frozen=True, slots=True)
class FormattedRow:
    """The mapped cells of one row by column id, None to clear; and what is wrong with those that were left out or cut."""

    cells: Mapping[str, object]
    problems: tuple[CellProblem, ...] = ()


def cell_writer(field: Field, column: Column, labels: LabelIndex | None = None) -> Callable[[object], object]:
    """What makes the JSON value of a column's cells; without the run's `labels`, only the column's own are known.

    It raises `RowError`: the message continues the sentence "<column>: <value> ..."; codes are those of `CODECS` and `LabelIndex`.
    """
    if field.type.has_labels:
        return partial(_written_label, field, column, LabelIndex() if labels is None else labels)
    is_percent = field.type is ColumnType.NUMBERS and field.takes_percents
    return partial(_written, (PERCENTS if is_percent else CODECS[field.type]).write)


def _written(write: Callable[[Any], object], value: object) -> object:
    return None if is_blank(value) else write(value)


def _written_label(field: Field, column: Column, labels: LabelIndex, value: object) -> object:
    label = None if is_blank(value) else labels.choose(field, column, plain_text(value))
    return None if label is None else CODECS[field.type].write(label)


class _ColumnCells(dict[object, object]):
    """The cells of a column by their values: most come again and again.

    Those that are longer than their part of a row, and labels that are new, are not remembered; their column is told to `odd`.
    """

    def __init__(self, field: Field, column: Column, labels: LabelIndex, most_bytes: int, odd: list[Column]) -> None:
        self.write = cell_writer(field, column, labels)
        self._column, self._labels, self._odd, self._has_labels = column, labels, odd, field.type.has_labels
        self._type = field.type
        self._most_characters = most_bytes // _BYTES_A_CHARACTER - len(column.id) - 1  # for quotes and a comma

    def __missing__(self, value: object) -> object:
        cell = self.write(value)
        name = _created_label(cell) if self._has_labels else None
        if len(str(cell)) > self._most_characters or (name and not self._labels.is_asked_for(self._column, name)):
            self._odd.append(self._column)
        elif len(self) < _MOST_KNOWN:
            self[value] = cell
        return cell

    def is_plain(self, value: object) -> bool:
        """Whether it is plain without being written that nothing is to be said of a cell; most values that are new are so."""
        if type(value) is float:
            return self._type is ColumnType.NUMBERS and 1e-99 < abs(value) < 1e99
        if type(value) is not str or self._type not in {ColumnType.TEXT, ColumnType.LONG_TEXT}:
            return False
        return value.isascii() and value.isprintable() and len(value) <= min(self._most_characters, LONG_TEXT_CHARACTERS)


class RowFormat:
    """Makes the mapped cells of rows, during one run. A cell that its column cannot hold is left out: the board shows it as empty.

    Labels that a row creates are noted in `labels`, unless the row is refused. Raises `BoardMismatchError` when the board lacks a column.
    """

    def __init__(self, mapping: BoardMapping, columns: Mapping[str, Column], labels: LabelIndex | None = None) -> None:
        self._mapping, self._columns, self._labels = mapping, columns, LabelIndex() if labels is None else labels
        self._odd: list[Column] = []
        most_bytes = ROW_BYTES // max(1, len(mapping.fields))
        self._known = [
            (
                field,
                field.sources[0] if len(field.sources) == 1 else "",
                field.column_id,
                _ColumnCells(field, board_column(columns, field.column_id), self._labels, most_bytes, self._odd),
            )
            for field in mapping.fields
        ]

    def __call__(self, row: Mapping[str, object]) -> FormattedRow:
        """The cells of one row.

        Raises `RowError` `key_missing` for an item that could not be found again, `ConfigurationError` when the row lacks a source column.
        """
        cells: dict[str, object] = {}
        problems: dict[str, CellProblem] = {}
        self._odd.clear()
        for field, source, column_id, known in self._known:
            value = row[source] if source in row else coalesced(field, row)[1]
            try:
                try:
                    cells[column_id] = known[value]
                except TypeError:  # a signalling NaN, by which Python looks nothing up
                    cells[column_id] = known.write(value)
            except RowError as refusal:
                cells[column_id], problems[column_id] = self._left_out(field, row, refusal)
        if self._odd or problems:
            _fit(self._mapping, cells, row, problems)
        _require_key(self._mapping, self._columns, cells, problems)
        for column in self._odd:
            if name := _created_label(cells[column.id]):
                self._labels.add(column, name)
        return FormattedRow(cells, tuple(problems.values()))

    def is_plain(self, row: Mapping[str, object]) -> bool:
        """Whether there is nothing to say of a row: no cell is left out or cut, and no label made that was not asked for before."""
        self._odd.clear()
        try:
            for field, source, column_id, known in self._known:
                value = row[source] if source in row else coalesced(field, row)[1]
                if column_id == self._mapping.external_key and is_blank(value):
                    return False
                if not (value in known or known.is_plain(value)):
                    _ = known[value]
        except (RowError, TypeError):
            return False
        return not self._odd

    def _left_out(self, field: Field, row: Mapping[str, object], refusal: RowError) -> tuple[object, CellProblem]:
        """What is sent in place of a cell that was refused, and what is wrong with it."""
        source, value = coalesced(field, row)
        if refusal.code != "text_too_long" or self._mapping.long_texts != "cut":
            return None, CellProblem(source, _shown(value), refusal.code, refusal.message)
        cut = CODECS[field.type].write(plain_text(value)[: LONG_TEXT_CHARACTERS - 1] + "…")
        return cut, CellProblem(source, _shown(value), "text_cut", f"{refusal.message.partition(';')[0]} and was cut")


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
    return any(_created_label(cells.get(field.column_id)) for field in mapping.fields if field.type.has_labels)


def column_values_json(cells: Mapping[str, object]) -> str:
    """The JSON text that monday takes as `column_values`; equal cells give equal text."""
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def board_column(columns: Mapping[str, Column], column_id: str) -> Column:
    """The column of that id; `BoardMismatchError` when the board has none (the preflight says so before any row is read)."""
    if column_id not in columns:
        raise BoardMismatchError(f"The board has no column {column_id!r}, to which the configuration maps; run `board check`")
    return columns[column_id]


def _created_label(cell: object) -> str | None:
    """The name of the label that a cell of a column with labels asks monday to create."""
    several = part_of(cell, "labels")
    name = part_of(cell, "label") or (several[0] if isinstance(several, list) and len(several) == 1 else None)
    return name if isinstance(name, str) else None


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
    """Leave out the longest cells of a row that is larger than an item holds, its key last."""
    while (size := len(column_values_json(cells).encode())) > ROW_BYTES:
        lengths = {field: len(column_values_json({"": cells[field.column_id]}).encode()) for field in mapping.fields}
        filled = [field for field in mapping.fields if cells[field.column_id] is not None]
        longest = max(filled, key=lambda field: (field.column_id != mapping.external_key, lengths[field]))
        source, value = coalesced(longest, row)
        reason = f"makes a row of {size:,} bytes, an item on the board holds {ROW_BYTES:,}; shorten it"
        cells[longest.column_id] = None
        problems[longest.column_id] = CellProblem(source, _shown(value), "row_too_large", reason)


def coalesced(field: Field, row: Mapping[str, object]) -> tuple[str, object]:
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

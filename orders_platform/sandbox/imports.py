"""What an import does with its CSV file, row by row, as monday describes it.

Belongs here: reading the file, matching rows with items, cells from texts, the report. Does not belong here: the life of the job
and its limits (`jobs.py`), the rules of a value (`column_types.py`).
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orders_platform.sandbox import column_types, item_rules, items, labels, structure
from orders_platform.sandbox.refusals import Refusal, bad_value
from orders_platform.sandbox.rows import Cell, ColumnRow, GroupRow
from orders_platform.sandbox.state import State

NULL = "<NULL>"
_SUBITEM = ".subitem"
_MATCHING = frozenset({"email", "phone", "text", "name", "numbers", "link", "date", "long_text", "status"})
_YES, _NO = frozenset({"true", "yes", "x", "1", "v"}), frozenset({"false", "no", "0"})
_BY_NAME = "SELECT max(id) FROM items WHERE board_id = ? AND state = 'active' AND name = ?"
_BY_CELL = """
SELECT max(items.id) FROM cells JOIN items ON items.id = cells.item_id
WHERE cells.column_id = ? AND cells.search = ? AND items.board_id = ? AND items.state = 'active'"""


class RejectedFile(Exception):
    """The whole file is refused; `reason` is a BulkImportFailureReason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class OnMatch:
    """Which column tells that a row is an item already, and whether that item is updated (UPSERT) or left (SKIP)."""

    match_column_id: str
    behaviour: str


@dataclass(slots=True)
class Counts:
    """Rows of a file by what became of them."""

    submitted: int = 0
    invalid: int = 0
    skipped: int = 0
    created: int = 0
    updated: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row: the filled texts of the item and of the subitem in it, by column id; one of the two is empty as a rule."""

    number: int
    item: Mapping[str, str]
    subitem: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """What became of a row."""

    row: int
    name: str
    result: str
    reason: str = ""


def checksum(file: bytes) -> str:
    """As in an ETag."""
    return hashlib.md5(file, usedforsecurity=False).hexdigest()


def read(state: State, group: GroupRow, file: bytes, most_rows: int, *, on_match: OnMatch | None) -> list[FileRow]:
    """The rows of a file that fits its board.

    Raises:
        RejectedFile: not UTF-8, no CSV, unknown headers, too many rows, a match that cannot be, more items than fit.
    """
    try:
        table = list(csv.reader(io.StringIO(file.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RejectedFile("INVALID_UPLOAD", f"The file is not CSV in UTF-8: {error}") from error
    headers = table[0] if table else []
    _check_headers(state, group, headers, on_match)
    if len(table) - 1 > most_rows:
        raise RejectedFile("INVALID_UPLOAD", f"The file has more than {most_rows:,} rows")
    rows = [_row(number, headers, texts) for number, texts in enumerate(table[1:], 1)]
    board = structure.board(state, group.board_id)
    new = sum(1 for row in rows if row.item) if on_match is None else 0
    if board is None or board.items_count + new > state.items_limit:
        raise RejectedFile("BOARD_CAPACITY_EXCEEDED", "The board cannot hold so many items")
    return rows


def _check_headers(state: State, group: GroupRow, headers: Sequence[str], on_match: OnMatch | None) -> None:
    if not headers or headers[0] != "name":
        raise RejectedFile("INVALID_UPLOAD", "The first header must be 'name'")
    if len(set(headers)) < len(headers):
        raise RejectedFile("INVALID_UPLOAD", "A header appears twice")
    columns = structure.columns(state, group.board_id)
    of_subitems = [header[: -len(_SUBITEM)] for header in headers if header.lower().endswith(_SUBITEM)]
    board_id = structure.subitems_board_id(state, group.board_id)
    if of_subitems and (on_match or board_id is None):
        raise RejectedFile("INVALID_UPLOAD", "Subitems need a subitems column and are created only: leave on_match out")
    own = [header for header in headers if not header.lower().endswith(_SUBITEM)]
    theirs = {each.lower() for each in structure.columns(state, board_id)} if board_id else set()
    unknown = [each for each in own if each not in columns] + [each for each in of_subitems if each.lower() not in theirs]
    if unknown:
        raise RejectedFile("INVALID_UPLOAD", f"There is no column {unknown[0]!r} on the board")
    if on_match and (on_match.match_column_id not in own or columns[on_match.match_column_id].type not in _MATCHING):
        raise RejectedFile("INVALID_UPLOAD", f"Items cannot be matched by {on_match.match_column_id!r}")


def _row(number: int, headers: Sequence[str], texts: Sequence[str]) -> FileRow:
    filled = {header: text.strip() for header, text in zip(headers, texts, strict=False) if text.strip()}
    subitem = {header[: -len(_SUBITEM)].lower(): text for header, text in filled.items() if header.lower().endswith(_SUBITEM)}
    item = {header: text for header, text in filled.items() if not header.lower().endswith(_SUBITEM)}
    return FileRow(number, item, subitem)


def carry_out(state: State, group: GroupRow, rows: Sequence[FileRow], on_match: OnMatch | None, counts: Counts) -> list[Line]:
    """Imports rows, each for itself, counts them, and says what became of each."""
    lines: list[Line] = []
    superseded = _superseded(state, group, rows, on_match)
    parent: int | None = None
    for row in rows:
        if row.number in superseded:
            result, reason = "skipped", "a later row has the same value"
        else:
            result, reason, parent = _import(state, group, row, on_match, parent)
        setattr(counts, result, getattr(counts, result) + 1)
        lines.append(Line(row.number, row.item.get("name") or row.subitem.get("name", ""), result, reason))
    return lines


def _superseded(state: State, group: GroupRow, rows: Sequence[FileRow], on_match: OnMatch | None) -> set[int]:
    """Rows whose match value appears again further down: only the last one counts."""
    if on_match is None:
        return set()
    column = structure.columns(state, group.board_id)[on_match.match_column_id]
    keyed = [(column_types.search_form(column.type, row.item.get(column.id, "")), row.number) for row in rows]
    last = dict(keyed)
    return {number for form, number in keyed if form and last[form] != number}


def _import(
    state: State, group: GroupRow, row: FileRow, on_match: OnMatch | None, parent: int | None
) -> tuple[str, str, int | None]:
    """The result, its reason, and the item that subitem rows below belong to."""
    if not row.item and not row.subitem:
        return "skipped", "the row is empty", parent
    if row.item and row.subitem:
        return "invalid", "the row holds an item and a subitem", parent
    try:
        with state.transaction():
            if row.subitem:
                return *_subitem(state, group, row, parent), parent
            matched = _match(state, group, row, on_match) if on_match else None
            if matched and on_match and on_match.behaviour == "SKIP":
                return "skipped", "the item exists", matched
            return (
                ("updated", "", _update(state, group, row, matched))
                if matched
                else ("created", "", _add(state, group, row.item))
            )
    except Refusal as refusal:
        return "invalid", str(refusal), parent if row.subitem else None


def _subitem(state: State, group: GroupRow, row: FileRow, parent: int | None) -> tuple[str, str]:
    board_id = structure.subitems_board_id(state, group.board_id)
    if parent is None or board_id is None:
        return "failed", "its item was not created"
    _add(state, structure.groups(state, board_id)[0], row.subitem, parent)
    return "created", ""


def _match(state: State, group: GroupRow, row: FileRow, on_match: OnMatch) -> int | None:
    """The newest active item of the board with the row's value; None for an empty one."""
    column = structure.columns(state, group.board_id)[on_match.match_column_id]
    text = row.item.get(column.id, "")
    if not text:
        return None
    if column.type == "name":
        return int(state.number(_BY_NAME, (group.board_id, text))) or None
    form = column_types.search_form(column.type, text)
    return int(state.number(_BY_CELL, (column.id, form, group.board_id))) or None


def _add(state: State, group: GroupRow, texts: Mapping[str, str], parent: int | None = None) -> int:
    board = structure.board(state, group.board_id)
    if board:
        item_rules.check_room(state, board)
    item_rules.check_name(texts.get("name", ""))
    cells = {column_id: cell for column_id, cell in _cells(state, group.board_id, texts).items() if cell}
    item_rules.check_size(sum(len(cell.value) for cell in cells.values()))
    made = items.add_item(state, group, texts["name"], parent_id=parent)
    items.change_cells(state, made, cells)
    return made


def _update(state: State, group: GroupRow, row: FileRow, item_id: int) -> int:
    """An empty text keeps what is there; the group stays."""
    name = row.item.get("name")
    if name:
        item_rules.check_name(name)
    items.change_cells(state, item_id, _cells(state, group.board_id, row.item), name=name)
    item_rules.check_size(items.data_size(state, item_id))
    return item_id


def _cells(state: State, board_id: int, texts: Mapping[str, str]) -> dict[str, Cell | None]:
    columns = structure.columns(state, board_id)
    return {
        column_id: None if text == NULL else _cell(state, columns[column_id], text)
        for column_id, text in texts.items()
        if column_id != "name"
    }


def _cell(state: State, column: ColumnRow, text: str) -> Cell | None:
    """A label must be there, exactly so; other texts are what the simple form of a mutation takes."""
    value: object = text
    if column.type == "status":
        value = {"index": _label_id(state, column, text)}
    elif column.type == "dropdown":
        value = {"ids": [_label_id(state, column, name.strip()) for name in text.split(",") if name.strip()]}
    elif column.type == "checkbox":
        if text.lower() not in _YES | _NO:
            raise bad_value(column.id, column.title, column.type, text, "invalid value: expected true or false")
        value = {"checked": "true" if text.lower() in _YES else "false"}
    return column_types.write(state, column, value, create_labels=False)


def _label_id(state: State, column: ColumnRow, name: str) -> int:
    label = next((each for each in structure.labels(state, column) if each.name == name), None)
    if label is None:
        raise labels.missing(state, column, name)
    return label.id


def report(lines: Sequence[Line]) -> str:
    """A CSV with one line a row; monday does not publish the columns of its report, and gives no ids back."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["row", "name", "result", "reason"])
    writer.writerows([line.row, line.name, line.result, line.reason] for line in lines)
    return text.getvalue()


def match_of(argument: Mapping[str, object] | None) -> OnMatch | None:
    """The argument `on_match` of the mutation."""
    return OnMatch(str(argument["match_column_id"]), str(argument["behaviour"])) if argument else None

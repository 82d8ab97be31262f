"""Order files as rows for the staging table, with a report of what was understood.

A file is read twice, row by row: first to check it as a whole and to count, then for its rows. So nothing is written of a file
that turns out to be damaged further down, and no file has to fit into memory.

A header is matched with its column exactly first, then by the fold of `domain/text.py` and without regard to the kind of apostrophe,
then by a short list of aliases. Only spellings that can mean one thing are matched: `34` is never `3-4`, and a name that is itself a
column is never an alias of another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orders_platform.domain.text import clean, fold
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import Cells, read_table

KEY_COLUMN = "AAG ORDER NUMBER"
FILE_COLUMN = "_SOURCE_TABLE"
ALIASES = {"PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT": "PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT)"}
"""Headers of some workbooks -> column. Spellings that differ only in case or spaces need no entry."""


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers of one file, by place (counted from 0).

    Attributes:
        columns: place -> staging column.
        by_alias: header -> column, for every header that is not written exactly as its column.
        unknown: place -> header, for those that match no column.
        blank: places without a header.
    """

    columns: dict[int, str]
    by_alias: dict[str, str]
    unknown: dict[int, str]
    blank: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was understood of a file.

    Attributes:
        rows: rows that hold anything, the header not counted.
        exact: columns whose header is written exactly as the column.
        by_alias: header -> column, for the other headers that were understood.
        unknown: header -> cells with a value, for headers that are no column.
        blank_headers: spreadsheet letter -> cells with a value, for columns without a header.
    """

    rows: int
    exact: tuple[str, ...]
    by_alias: Mapping[str, str]
    unknown: Mapping[str, int]
    blank_headers: Mapping[str, int]

    @property
    def unread(self) -> dict[str, int]:
        """What would be lost: header, or `column BC`, -> cells with a value that no column takes."""
        blank = {f"column {letter}": count for letter, count in self.blank_headers.items()}
        return {name: count for name, count in {**self.unknown, **blank}.items() if count}


@dataclass(frozen=True, slots=True)
class OrderFile:
    """An order file that was read to its end once. `columns` are staging columns, in the order of each row of `rows`."""

    path: Path
    columns: tuple[str, ...]
    report: FileReport
    _places: tuple[int, ...]

    @property
    def rows(self) -> Iterator[Cells]:
        """The rows, read from the file again: texts as they stand there, None for a blank cell.

        Raises:
            SourceDataError: the file is not the one that was checked any more.
        """
        width = max(self._places) + 1
        added = (self.path.stem,) * (len(self.columns) - len(self._places))
        table = read_table(self.path)
        next(table, None)
        count = 0
        for count, cells in enumerate(table, start=1):  # noqa: B007 - needed after the loop
            padded = cells + (None,) * (width - len(cells))
            yield tuple([padded[place] for place in self._places]) + added
        if count != self.report.rows:
            raise SourceDataError(
                f"{self.path} had {self.report.rows} rows when it was checked and {count} when it was loaded: somebody is "
                "writing to it. Nothing was loaded. Load it again when it is complete."
            )

    def refuse_unread(self, ignored: Collection[str] = ()) -> None:
        """Refuse a file that holds values which no column takes, so that nothing is lost unseen.

        Args:
            ignored: headers, or `column BC` for a column without one, whose values may be lost.

        Raises:
            SourceDataError: naming the headers with the number of their values.
        """
        lost = {name: count for name, count in self.report.unread.items() if name not in ignored}
        if lost:
            named = ", ".join(f"{name!r} ({count} values)" for name, count in lost.items())
            raise SourceDataError(
                f"{self.path}: no column of the order list is called {named}. Nothing was loaded. Correct the headers in the "
                "file (a spreadsheet turns a size like 3-4 into a date), or leave them out: orders-platform load --ignore HEADER."
            )


def read_order_file(path: Path, known_columns: Sequence[str]) -> OrderFile:
    """Check a file to its end, and say what can be read of it. A file without `_SOURCE_TABLE` gets its own name there.

    Args:
        path: a .csv (UTF-8, with or without BOM) or .xlsx (sheet MASTER, or else the first). The first row that is not empty
            holds the headers. Formulas give the results stored in the workbook.
        known_columns: the columns of the staging table.

    Raises:
        SourceDataError: the file is absent, empty, damaged or of another kind, has no order number or a column twice.
    """
    table = read_table(path)
    titles = next(table, ())
    if not titles:
        raise SourceDataError(f"{path} is empty. Nothing was loaded. A first row with the names of the columns is needed.")
    headers = match_headers([title and clean(title) for title in titles], known_columns, str(path))
    if KEY_COLUMN not in headers.columns.values():
        raise SourceDataError(_no_key_message(path, titles))
    report = _report(table, headers)
    if not report.rows:
        raise SourceDataError(
            f"{path} has headers and no row below them. Nothing was loaded. Check that the file was saved whole."
        )
    named = FILE_COLUMN in headers.columns.values() or FILE_COLUMN not in known_columns
    columns = tuple(headers.columns.values()) + (() if named else (FILE_COLUMN,))
    return OrderFile(path, columns, report, tuple(headers.columns))


def _report(table: Iterator[Cells], headers: Headers) -> FileReport:
    read = set(headers.columns)
    values: Counter[int] = Counter()
    rows = 0
    for cells in table:
        rows += 1
        values.update([place for place, cell in enumerate(cells) if cell is not None and place not in read])
    blank = sorted({*headers.blank, *values} - set(headers.unknown))
    return FileReport(
        rows=rows,
        exact=tuple(column for column in headers.columns.values() if column not in headers.by_alias.values()),
        by_alias=headers.by_alias,
        unknown={header: values[place] for place, header in headers.unknown.items()},
        blank_headers={column_letter(place): values[place] for place in blank},
    )


def _no_key_message(path: Path, titles: Cells) -> str:
    filled = [title for title in titles if title is not None]
    hint = f"its first row says {', '.join(map(repr, filled[:5]))}"
    if len(filled) == 1 and any(mark in filled[0] for mark in ";\t"):
        hint = "its cells are separated by semicolons or tabs; save it with commas"
    return f"{path} has no column {KEY_COLUMN!r}: {hint}. Nothing was loaded. The first row must hold the names of the columns."


def match_headers(headers: Sequence[str | None], known_columns: Sequence[str], where: str) -> Headers:
    """Find the column of each header.

    Args:
        headers: as they stand in the file, None for a blank one.
        known_columns: the columns of the staging table.
        where: the file, for messages.

    Raises:
        SourceDataError: two headers are the same, or mean the same column.
    """
    columns: dict[int, str] = {}
    by_alias: dict[str, str] = {}
    unknown: dict[int, str] = {}
    spellings = _spellings(known_columns)
    for place, header in enumerate(headers):
        if header is None:
            continue
        column = header if header in known_columns else spellings.get(_fold(header))
        if column is None:
            unknown[place] = header
            continue
        columns[place] = column
        if header != column:
            by_alias[header] = column
    _refuse_duplicates(headers, {**unknown, **columns}, where)
    return Headers(columns, by_alias, unknown, tuple(place for place, header in enumerate(headers) if header is None))


def column_letter(place: int) -> str:
    """The place as a spreadsheet shows it: 0 is A, 26 is AA."""
    before, letter = divmod(place, 26)
    return (column_letter(before - 1) if before else "") + chr(ord("A") + letter)


def _spellings(known_columns: Sequence[str]) -> dict[str, str]:
    folded = Counter(map(_fold, known_columns))
    spellings = {_fold(alias): column for alias, column in ALIASES.items() if column in known_columns}
    return spellings | {_fold(column): column for column in known_columns if folded[_fold(column)] == 1}


def _fold(header: str) -> str:
    return fold(header.replace("’", "'"))


def _refuse_duplicates(headers: Sequence[str | None], meanings: dict[int, str], where: str) -> None:
    first: dict[str, int] = {}
    for place in sorted(meanings):
        meaning = meanings[place]
        other = first.setdefault(meaning, place)
        if other != place:
            raise SourceDataError(
                f"{where}: the headers {headers[other]!r} (column {column_letter(other)}) and {headers[place]!r} (column "
                f"{column_letter(place)}) both mean {meaning!r}. Nothing was read. Delete or rename one of them in the file."
            )

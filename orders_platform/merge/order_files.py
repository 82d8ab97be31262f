"""Order files as rows for the staging table, with a report of what was understood, what was left out and what Excel did to the data.

Everything is decided in a first reading; the rows are read again when they are staged.

A header is matched with its column exactly first, then by the fold of `domain/text.py` and without regard to the kind of apostrophe,
then by a short list of aliases. Only spellings that can mean one thing are matched: `34` is never `3-4`, and a name that is itself a
column is never an alias of another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from hashlib import file_digest
from itertools import islice, repeat
from math import isfinite, nan
from operator import itemgetter
from pathlib import Path

from orders_platform.domain.cell_texts import NUMERAL, day, numeral
from orders_platform.domain.customers import CustomerNames, SpellingCount
from orders_platform.domain.text import clean, fold
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import HEADER_WITHIN, FileOptions, Table, tables_of

ALIASES = {"PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT": "PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT)"}
"""Headers of some workbooks -> column. Spellings that differ only in case or spaces need no entry."""

_BLOCK = 500
_EXAMPLES = 3
_NAMED = 10
_EXPONENT = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
_DATE_HEADER = re.compile(r"[0-9]{4}-([0-9]{2})-([0-9]{2})")
_1904 = 1_462
"""Days between the two date systems of Excel."""

_BLIND = (
    "error values and formulas without a stored result look like blank cells in this format; save it as .xlsx if there are any"
)

Row = Sequence[str]


@dataclass(frozen=True)
class OrderColumns:
    """What the columns of the staging table are, as far as reading files needs it.

    Attributes:
        known: all of them.
        keys: those that identify an order; the first is the order number, by which a sheet of orders is known.
        customer: the column of the customer.
        file: the column of the file; files without it get their own name there.
        sizes: the columns of sizes.
        dates: those that hold days.
        numbers: those that hold other numbers.
        names: finds a customer by any spelling.
    """

    known: tuple[str, ...]
    keys: tuple[str, ...]
    customer: str
    file: str
    sizes: frozenset[str]
    dates: frozenset[str]
    numbers: frozenset[str]
    names: CustomerNames

    @cached_property
    def spellings(self) -> dict[str, str]:
        """The columns by the fold of their names and aliases."""
        folded = Counter(map(_fold, self.known))
        spellings = {_fold(alias): column for alias, column in ALIASES.items() if column in self.known}
        return spellings | {_fold(column): column for column in self.known if folded[_fold(column)] == 1}


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers of one table, by place (counted from 0).

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
class Finding:
    """Cells of a column that somebody should look at: how many, and the first of them with their row, counted from 1."""

    column: str
    what: str
    count: int
    examples: tuple[str, ...]
    is_refused: bool = False

    def __str__(self) -> str:
        shown = f", for example {', '.join(self.examples)}" if self.examples else ""
        return f"{self.column}: {self.count:,} {'cell' if self.count == 1 else 'cells'} {self.what}{shown}"


@dataclass(frozen=True, slots=True)
class SheetReport:
    """What was understood of a CSV or a sheet.

    Attributes:
        sheet: its name, empty for a CSV.
        header_row: where the headers stand, counted from 1.
        rows: rows below that hold anything; `hidden_rows` is how many rows of the sheet are hidden.
        customers: rows by customer; `unmatched_rows` are those of nobody who is configured.
        sizes: the sizes that have quantities; `quantity` is their sum.
        exact: columns whose header is written exactly as the column.
        by_alias: header -> column, for the other headers that were understood.
        unknown: header -> cells with a value, for headers that are no column.
        blank_headers: spreadsheet letter -> cells with a value, for columns without a header.
        findings: what Excel did to the data.
        notice: what the format of the file hides.
    """

    sheet: str
    header_row: int
    rows: int
    hidden_rows: int
    customers: Mapping[str, int]
    unmatched_rows: int
    sizes: tuple[str, ...]
    quantity: float
    exact: tuple[str, ...]
    by_alias: Mapping[str, str]
    unknown: Mapping[str, int]
    blank_headers: Mapping[str, int]
    findings: tuple[Finding, ...]
    notice: str


@dataclass(frozen=True, slots=True)
class OrderSheet:
    """A table that was read to its end once.

    Attributes:
        table: the table.
        columns: the staging columns that it has.
        filled: those of them that have a value, in the order of each row of `rows`.
        report: what was understood.
        spellings: how many rows there are of each spelling of a customer.
        numbers: the order numbers.
        refusals: why it cannot be loaded whole.
    """

    table: Table
    columns: tuple[str, ...]
    filled: tuple[str, ...]
    report: SheetReport
    spellings: tuple[SpellingCount, ...]
    numbers: tuple[str, ...]
    refusals: tuple[str, ...]
    _headers: Headers
    _serials: tuple[int, ...]

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows, read again: texts as they stand there, empty for a blank cell."""
        place_of = {column: place for place, column in self._headers.columns.items()}
        width, stem = _width(self._headers), self.table.source.stem
        places = [place_of.get(column, width) for column in self.filled]
        pick = itemgetter(*places) if len(places) > 1 else lambda cells: (cells[places[0]],)
        for cells in _filled_rows(self.table, self.report.header_row, width):
            for place in self._serials:
                if _is_serial(cells[place]):
                    cells[place] = str(int(cells[place]) + _1904)
            cells[width:] = (stem,)
            yield pick(cells)


@dataclass(frozen=True, slots=True)
class OrderFile:
    """An order file: the sheets that are read, those that are left out with the reason, and its content as a hash."""

    path: Path
    content_hash: str
    sheets: tuple[OrderSheet, ...]
    left_out: Mapping[str, str]

    @property
    def rows(self) -> int:
        """Rows of all sheets."""
        return sum(sheet.report.rows for sheet in self.sheets)


def read_order_file(path: Path, columns: OrderColumns, folder: Path, options: FileOptions) -> OrderFile:
    """Check a file to its end, and say what can be read of it.

    Args:
        path: a workbook or a CSV. Every visible sheet with the order number among its headers is read.
        columns: those of the staging table.
        folder: for what a workbook unpacks to; it must live until the rows were read.
        options: what cannot be guessed.

    Raises:
        SourceDataError: the file is absent, empty, damaged or of another kind, has no order number or a column twice.
    """

    def is_header(row: Row) -> bool:
        return columns.keys[0] in (columns.spellings.get(_fold(cell)) or cell for cell in row if cell)

    tables = tables_of(path, options, is_header, folder)
    sheets, left_out, beginnings = [], dict[str, str](), dict[str, list[list[str]]]()
    for table in tables:
        if table.path is None:
            left_out[table.sheet] = "hidden" if table.is_hidden else "not chosen"
            continue
        beginnings[table.title] = beginning = list(islice(table.rows(), options.header_row or HEADER_WITHIN))
        found = [number for number, row in enumerate(beginning, start=1) if is_header(row)]
        header_row = options.header_row or next(iter(found), 0)
        if header_row not in found:
            at = f"row {header_row}" if header_row else f"the first {HEADER_WITHIN} rows"
            left_out[table.sheet] = f"no column {columns.keys[0]!r} in {at}"
            continue
        sheet = _survey(table, header_row, beginning[header_row - 1], columns, options)
        if sheet.report.rows:
            sheets.append(sheet)
        else:
            left_out[table.sheet] = "headers and no row below them"
    if not sheets:
        raise SourceDataError(_nothing_message(path, columns.keys[0], left_out, beginnings))
    return OrderFile(path, content_hash(path), tuple(sheets), left_out)


def content_hash(path: Path) -> str:
    """The content of a file as one value."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _nothing_message(path: Path, key: str, left_out: Mapping[str, str], beginnings: Mapping[str, list[list[str]]]) -> str:
    filled = [[cell for cell in row if cell.strip()] for rows in beginnings.values() for row in rows]
    first = next((cells for cells in filled if cells), [])
    if not first and not any("hidden" in reason for reason in left_out.values()):
        return f"{path} is empty. Nothing was loaded. A row with the names of the columns is needed."
    reasons = "; ".join(f"sheet {name!r}: {reason}" if name else reason for name, reason in left_out.items())
    said = f"; its first row says {', '.join(map(repr, first[:5]))}" if first else ""
    return (
        f"{path} has no orders: {reasons}{said}. Nothing was loaded. One row must hold the names of the columns, {key} among them; "
        "orders-platform load --sheet, --header-row, --encoding and --delimiter say where and how."
    )


def match_headers(headers: Sequence[str], columns: OrderColumns, where: str) -> Headers:
    """Find the column of each header.

    Args:
        headers: as they stand in the file.
        columns: those of the staging table.
        where: the file, for messages.

    Raises:
        SourceDataError: two headers are the same, or mean the same column.
    """
    found: dict[int, str] = {}
    by_alias: dict[str, str] = {}
    unknown: dict[int, str] = {}
    blank = []
    for place, header in enumerate(map(clean, headers)):
        if not header:
            blank.append(place)
            continue
        column = header if header in columns.known else columns.spellings.get(_fold(header))
        if column is None:
            unknown[place] = header
            continue
        found[place] = column
        if headers[place] != column:
            by_alias[headers[place]] = column
    _refuse_duplicates(headers, {**unknown, **found}, where)
    return Headers(found, by_alias, unknown, tuple(blank))


def column_letter(place: int) -> str:
    """The place as a spreadsheet shows it: 0 is A, 26 is AA."""
    before, letter = divmod(place, 26)
    return (column_letter(before - 1) if before else "") + chr(ord("A") + letter)


def _fold(header: str) -> str:
    return fold(header.replace("’", "'"))


def _refuse_duplicates(headers: Sequence[str], meanings: dict[int, str], where: str) -> None:
    first: dict[str, int] = {}
    for place in sorted(meanings):
        meaning = meanings[place]
        other = first.setdefault(meaning, place)
        if other != place:
            raise SourceDataError(
                f"{where}: the headers {headers[other]!r} (column {column_letter(other)}) and {headers[place]!r} (column "
                f"{column_letter(place)}) both mean {meaning!r}. Nothing was loaded. Delete or rename one of them in the file."
            )


# --- what a table holds


def _width(headers: Headers) -> int:
    return len(headers.columns) + len(headers.unknown) + len(headers.blank)


def _filled_rows(table: Table, header_row: int, width: int) -> Iterator[list[str]]:
    """The rows below the headers that hold anything, none shorter than they are."""
    for cells in islice(table.rows(), header_row, None):
        if any(map(str.strip, cells)):
            if len(cells) < width:
                cells.extend([""] * (width - len(cells)))
            yield cells


class _Survey:
    """Counts what the rows of a table hold, a block of rows at a time."""

    def __init__(self, table: Table, headers: Headers, columns: OrderColumns) -> None:
        self.rows, self.quantity = 0, 0.0
        self.values: Counter[int] = Counter()
        self.filled: set[int] = set()
        self.spellings: Counter[tuple[str, str]] = Counter()
        self.numbers: list[str] = []
        self.serials: dict[int, tuple[int, list[str]]] = {}
        self._source, self._columns, self._width = table.source.stem, columns, _width(headers)
        self._unread = {*headers.unknown, *headers.blank}
        self._place = {column: place for place, column in headers.columns.items()}
        self._sizes = {self._place[column] for column in columns.sizes & self._place.keys()}
        self._dates = {self._place[column] for column in columns.dates & self._place.keys()}
        always = {self._place[column] for column in (columns.keys[0], columns.customer, columns.file) if column in self._place}
        self._always = always | self._unread

    def count(self, block: list[list[str]]) -> None:
        """Look at so many rows more."""
        # most columns of a wide sheet are blank all the way down: they are looked at together, and only until they are not
        blank = set(self._place.values()) - self.filled
        if blank and any(map("".join, map(itemgetter(*blank, min(blank)), block))):
            self.filled.update(place for place, cells in self._cells(block, blank).items() if any(cells))
        cells = self._cells(block, self._always | (self._sizes | self._dates) & self.filled)
        for place in self._unread:
            self.values[place] += sum(map(bool, map(str.strip, cells[place])))
        if max(map(len, block)) > self._width:
            self.values.update(place for row in block for place in range(self._width, len(row)) if row[place].strip())
        for place in self._sizes & self.filled:
            self.quantity += _sum([cell for cell in cells[place] if cell])
        for place in self._dates & self.filled:
            serials = [cell for cell in cells[place] if _is_serial(cell)]
            if serials:
                count, examples = self.serials.get(place, (0, []))
                self.serials[place] = count + len(serials), [*examples, *serials][:_EXAMPLES]
        customers = cells.get(self._place.get(self._columns.customer, -1), repeat("", len(block)))
        files = cells.get(self._place.get(self._columns.file, -1), repeat(self._source, len(block)))
        self.spellings.update(zip(customers, files, strict=True))
        self.numbers.extend(cells[self._place[self._columns.keys[0]]])
        self.rows += len(block)

    @staticmethod
    def _cells(block: list[list[str]], places: Iterable[int]) -> dict[int, tuple[str, ...]]:
        """Columns of the block by place."""
        wanted = sorted(places)
        return dict(zip(wanted, zip(*map(itemgetter(*wanted, 0), block), strict=True), strict=False))


def _sum(cells: list[str]) -> float:
    """The sum of what is a number."""
    try:
        total = sum(map(float, cells))
    except ValueError:
        total = nan
    if not isfinite(total):  # words such as nan are numbers to Python
        texts = [cell if cell.isdecimal() else numeral(clean(cell)) for cell in cells]
        total = sum(float(text) for text in texts if NUMERAL.fullmatch(text))
    return total


def _survey(table: Table, header_row: int, titles: Row, columns: OrderColumns, options: FileOptions) -> OrderSheet:
    headers = match_headers(titles, columns, table.title)
    seen = _Survey(table, headers, columns)
    rows = _filled_rows(table, header_row, _width(headers))
    while block := list(islice(rows, _BLOCK)):
        seen.count(block)
    blank = sorted({*headers.blank, *seen.values} - set(headers.unknown))
    spellings = tuple(
        SpellingCount(spelling or None, file or None, count, has_orders=True)
        for (spelling, file), count in seen.spellings.items()
    )
    scan = columns.names.scan(spellings)
    findings = tuple(_findings(table, header_row, headers, columns, seen))
    report = SheetReport(
        table.sheet, header_row, seen.rows, table.hidden_rows,
        customers={name: found.rows for name, found in scan.customers.items()},
        unmatched_rows=sum(found.rows for found in scan.unmatched),
        sizes=tuple(name for place, name in headers.columns.items() if place in seen.filled and name in columns.sizes),
        quantity=int(seen.quantity) if seen.quantity == int(seen.quantity) else seen.quantity,
        exact=tuple(column for column in headers.columns.values() if column not in headers.by_alias.values()),
        by_alias=headers.by_alias,
        unknown={header: seen.values[place] for place, header in headers.unknown.items()},
        blank_headers={column_letter(place): seen.values[place] for place in blank},
        findings=findings,
        notice="" if table.tells_damages else _BLIND,
    )  # fmt: skip
    is_named = columns.file in headers.columns.values() or columns.file not in columns.known
    source = () if is_named else (columns.file,)
    return OrderSheet(
        table, (*headers.columns.values(), *source),
        (*(name for place, name in headers.columns.items() if place in seen.filled), *source),
        report, spellings, tuple(seen.numbers), tuple(_refusals(table, report, columns, options)), headers,
        tuple(seen.serials) if table.is_1904 else (),
    )  # fmt: skip


def _refusals(table: Table, report: SheetReport, columns: OrderColumns, options: FileOptions) -> Iterator[str]:
    """Why the table cannot be loaded whole, and the way out."""
    unread = {**report.unknown, **{f"column {letter}": count for letter, count in report.blank_headers.items()}}
    lost = {name: count for name, count in unread.items() if count and name not in options.ignored}
    if lost:
        named = ", ".join(f"{name!r} ({count} values{_nearest(name, columns)})" for name, count in list(lost.items())[:_NAMED])
        named += f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        yield (
            f"{table.title}: no column of the order list is called {named}. Correct the headers in the file (a spreadsheet turns a size "
            "like 3-4 into a date), or leave them out: orders-platform load --ignore HEADER."
        )
    refused = [finding for finding in report.findings if finding.is_refused]
    if refused:
        yield (
            f"{table.title}: {'; '.join(map(str, refused))}. Open the workbook in a spreadsheet program, let it calculate, format order "
            "numbers as text, save it, and load it again."
        )


def _nearest(header: str, columns: OrderColumns) -> str:
    """A column that may be meant."""
    if found := _DATE_HEADER.match(header):
        month, of_month = (int(part) for part in found.groups())
        near = [f"{a}{mark}{b}" for a, b in ((month, of_month), (of_month, month)) for mark in "-/"]
        near = [name for name in near if name in columns.known]
    else:
        near = get_close_matches(header.upper(), columns.known, n=1)
    return f"; {near[0]}?" if near else ""


# --- what Excel did


def _findings(table: Table, header_row: int, headers: Headers, columns: OrderColumns, seen: _Survey) -> Iterator[Finding]:
    key, texts = columns.keys[0], {*columns.known} - columns.dates
    numbers = columns.sizes | columns.numbers
    invalid = "; their rows are invalid"
    for place, column in headers.columns.items():
        yield from _noted(
            table, "formula", place, column, "with a formula without a stored result", header_row, is_refused=True
        )
        yield from _noted(
            table, "error", place, column, f"with an error value, left out{invalid * (column == key)}", header_row
        )
        if column in texts:
            yield from _noted(
                table, "date", place, column, "with a day where none belongs, as Excel makes of 3-4 or 1/2", header_row
            )
        if column in numbers:
            yield from _noted(table, "number", place, column, "with a number stored as text, read as a number", header_row)
    for place, (count, examples) in seen.serials.items():
        offset = _1904 if table.is_1904 else 0
        shown = tuple(f"{text} as {day(str(int(text) + offset))}" for text in examples)
        system = ", counted from 1904" if table.is_1904 else ""
        yield Finding(headers.columns[place], f"with the serial number of a day{system}", count, shown)
    yield from _number_findings(key, seen.numbers)


def _noted(
    table: Table, kind: str, place: int, column: str, what: str, header_row: int, *, is_refused: bool = False
) -> Iterator[Finding]:
    """A finding of what `workbook_sheets.py` noted below the headers."""
    count, examples = table.notes.get(kind, {}).get(place, (0, []))
    below = [(row, text) for row, text in examples if row >= header_row]
    count -= len(examples) - len(below)
    if count:
        shown = tuple(f"{column_letter(place)}{row + 1}{f' ({text})' if text else ''}" for row, text in below)
        yield Finding(column, what, count, shown, is_refused)


def _number_findings(column: str, cells: Iterable[str]) -> Iterator[Finding]:
    """What Excel did to order numbers that look like numbers."""
    digits = [cell.strip() for cell in cells if cell[:1].isdigit()]
    exponents = [number for number in digits if _EXPONENT.fullmatch(number)]
    if exponents:
        shown = tuple(dict.fromkeys(exponents))[:_EXAMPLES]
        yield Finding(column, "in exponent form, whose digits are lost", len(exponents), shown, is_refused=True)
    padded = {len(number) for number in digits if number.startswith("0") and number.isdigit()}
    bare = [
        number for number in digits if number.isdigit() and not number.startswith("0") and len(number) < max(padded, default=0)
    ]
    if bare:
        yield Finding(column, "without the leading zeros that others have, perhaps lost", len(bare), tuple(bare[:_EXAMPLES]))


def _is_serial(cell: str) -> bool:
    return len(cell) == 5 and cell.isdigit()

"""Order files as rows for the staging table, and what was understood, what was left out and what Excel did to the data.

Everything is decided in a first reading; the rows are read again when they are staged.

A header is matched with its column exactly first, then by the fold of `domain/text.py` and without regard to the kind of apostrophe,
then by the other headers that the configuration lists. Only spellings that can mean one thing are matched: `34` is never `3-4`, and a
name that is itself a column is never an alias of another.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import cached_property
from itertools import compress, islice
from math import isfinite, nan
from pathlib import Path

from orders_platform.domain.cell_texts import NUMERAL, day, numeral
from orders_platform.domain.customers import TOTALS, CustomerNames, SpellingCount
from orders_platform.domain.text import clean, counted, fold
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import HEADER_WITHIN, Block, FileOptions, Table, content_hash, tables_of

_SOURCE = -1  # in the place of a column that the table lacks
_EXAMPLES = 3
_NAMED = 10
_EXPONENT = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
_DATE_HEADER = re.compile(r"[0-9]{4}-([0-9]{2})-([0-9]{2})")
_1904 = 1_462  # days between the two date systems of Excel
Row = Sequence[str]
Progress = Callable[[str, int], None]  # called with what is done and how far


@dataclass(frozen=True)
class OrderColumns:
    """What the columns of the staging table are, as far as reading files needs it."""

    known: tuple[str, ...]  # all of them
    keys: tuple[str, ...]  # those that identify an order; the first is the order number, by which a sheet of orders is known
    customer: str  # the column of the customer
    file: str  # the column of the file; files without it get their own name there
    sizes: frozenset[str]  # the columns of sizes
    dates: frozenset[str]  # those that hold days
    numbers: frozenset[str]  # those that hold other numbers
    names: CustomerNames  # finds a customer by any spelling
    # other headers of files -> column. Spellings that differ only in case or spaces need no entry.
    aliases: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def spellings(self) -> dict[str, str]:
        """The columns by their names, and by the fold of these and of aliases where it means one."""
        folded = Counter(map(_fold, self.known))
        spellings = {_fold(alias): column for alias, column in self.aliases.items() if column in self.known}
        spellings |= {_fold(column): column for column in self.known if folded[_fold(column)] == 1}
        return spellings | {column: column for column in self.known}

    def meant(self, header: str) -> str:
        """The column of a header, empty for none."""
        return self.spellings.get(clean(header)) or self.spellings.get(_fold(header), "")


@dataclass(frozen=True, slots=True)
class FileFinding:
    """Cells of a column that somebody should look at: how many, and the first of them with their row, counted from 1."""

    column: str
    what: str
    count: int
    examples: tuple[str, ...]
    is_refused: bool = False

    def __str__(self) -> str:
        shown = f", for example {', '.join(self.examples)}" if self.examples else ""
        return f"{self.column}: {counted(self.count, 'cell')} {self.what}{shown}"


class OrderSheet:
    """A CSV or a sheet of a workbook that was read to its end once.

    `numbers` are its order numbers, `quantity` the sum of the sizes without rows of totals, `findings` what Excel did to the data. Of the
    rows of nobody who is configured (`unmatched_rows`), `nameless_rows` name none.
    """

    def __init__(self, table: Table, header_row: int, titles: Row, known: OrderColumns, progress: Progress) -> None:
        self.table, self.header_row, self._known = table, header_row, known  # the row of the headers is counted from 1
        self.place_of, self._unread = _matched(titles, known, table.title)  # by staging column the place in each row, from 0
        self.by_alias = {titles[place]: name for name, place in self.place_of.items() if titles[place] != name}
        self.rows, self.quantity, self.numbers = 0, 0.0, list[str]()
        self._filled: set[int] = set()
        self._values: Counter[int] = Counter()
        self._serials: dict[int, tuple[int, list[str]]] = {}
        spellings: Counter[tuple[str, str]] = Counter()
        for count, columns in self._filled_blocks():
            spellings.update(self._count(count, columns))
            progress("rows read", self.rows)
        self.spellings = [
            SpellingCount(name or None, file or None, rows, has_orders=fold(name) not in TOTALS)
            for (name, file), rows in spellings.items()
        ]
        scan = known.names.scan(self.spellings)
        self.customers = {name: found.rows for name, found in scan.customers.items()}
        self.unmatched_rows = sum(found.rows for found in scan.unmatched)
        nameless = (found for found in scan.unmatched if not (found.has_orders and fold(found.spelling or "")))
        self.nameless_rows = sum(found.rows for found in nameless)
        self.findings = tuple(self._find())
        # The staging columns that the table has, the one of the file among them; those with a value, as in each row of `staged_rows`.
        self.columns = tuple(dict.fromkeys((*self.place_of, known.file)))
        self.filled = tuple(name for name in self.columns if name == known.file or self.place_of[name] in self._filled)
        self.exact = tuple(name for name in self.place_of if name not in self.by_alias.values())  # whose header is written so
        self.sizes = tuple(name for name in self.filled if name in known.sizes)
        # Cells with a value under headers that are no column, and by spreadsheet letter without a header; both as `--ignore` names them.
        self.unknown = {header: self._values[place] for place, header in self._unread.items() if header}
        blank = sorted(place for place in {*self._unread, *self._values} if not self._unread.get(place))
        self.blank_headers = {column_letter(place): self._values[place] for place in blank}
        self.unread = {**self.unknown, **{f"column {letter}": count for letter, count in self.blank_headers.items()}}

    def report(self) -> dict[str, object]:
        """What was understood, for `--json`."""
        names = (
            "header_row", "rows", "customers", "unmatched_rows", "sizes", "quantity", "exact", "by_alias", "unknown", "blank_headers",
        )  # fmt: skip
        told = {name: getattr(self, name) for name in names} | {"findings": [asdict(finding) for finding in self.findings]}
        return {"sheet": self.table.sheet, "hidden_rows": self.table.hidden_rows, **told, "notice": self.table.notice}

    def staged_rows(self) -> Iterator[tuple[str, ...]]:
        """The rows, read again: texts as they stand there, empty for a blank cell."""
        places = [self.place_of.get(column, _SOURCE) for column in self.filled]
        for count, columns in self._filled_blocks([place for place in places if place != _SOURCE]):
            blank, columns[self.place_of.get(self._known.file, _SOURCE)] = ("",) * count, self._files(count, columns)
            for place in self._serials if self.table.is_1904 else ():
                columns[place] = [str(int(cell) + _1904) if _is_serial(cell) else cell for cell in columns.get(place, blank)]
            yield from zip(*(columns.get(place, blank) for place in places), strict=True)

    def refusals(self, ignored: Sequence[str]) -> Iterator[str]:
        """Why it cannot be loaded whole, and the way out; values under the ignored headers may be lost."""
        lost = [(name, count) for name, count in self.unread.items() if count and name not in ignored]
        if lost:
            named = [f"{name!r} ({counted(count, 'value')}{_nearest(name, self._known)})" for name, count in lost[:_NAMED]]
            said = ", ".join(named) + (f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else "")
            sheet = ", or the whole sheet: --sheet with the names of the others" if self.table.sheet else ""
            yield (
                f"{self.table.title}: no column of the order list is called {said}. Correct the headers in the file (a spreadsheet turns "
                f"a size like 3-4 into a date), or leave them out: orders-platform load --ignore HEADER{sheet}."
            )
        refused = [finding for finding in self.findings if finding.is_refused]
        if refused:
            yield (
                f"{self.table.title}: {'; '.join(map(str, refused))}. Open the workbook in a spreadsheet program, let it calculate, "
                "format order numbers as text, save it, and load it again."
            )

    def _filled_blocks(self, places: Sequence[int] = ()) -> Iterator[Block]:
        """The rows below the headers that hold anything, with `places` in one of these columns."""
        above, key = self.header_row, self.place_of[self._known.keys[0]]
        for count, columns in self.table.blocks(places):
            if not above and key in columns and all(map(str.strip, columns[key])):
                yield count, columns
                continue
            kept = [any(map(str.strip, cells)) for cells in zip(*columns.values(), strict=True)]
            kept[:above] = [False] * min(above, len(kept))
            above = max(0, above - count)
            if rows := sum(kept):
                below = {place: list(compress(cells, kept)) for place, cells in columns.items()}
                yield rows, {place: cells for place, cells in below.items() if any(cells)}

    def _count(self, rows: int, columns: Mapping[int, Sequence[str]]) -> Iterable[tuple[str, str]]:
        """Look at so many rows more; customer and file of each."""
        known, place_of, blank = self._known, self.place_of, ("",) * rows
        sizes = {place_of[name] for name in known.sizes & place_of.keys()} & columns.keys()
        dates = {place_of[name] for name in known.dates & place_of.keys()} & columns.keys()
        self._filled |= columns.keys()
        for place in columns.keys() - place_of.values():
            self._values[place] += sum(map(bool, map(str.strip, columns[place])))
        numbers = columns.get(place_of[known.keys[0]], blank)
        customers = columns.get(place_of.get(known.customer, _SOURCE), blank)
        is_order = [(fold(number) or fold(customer)) not in TOTALS for number, customer in zip(numbers, customers, strict=True)]
        sized = columns if all(is_order) else {place: list(compress(columns[place], is_order)) for place in sizes}
        self.quantity += sum(_sum([cell for cell in sized[place] if cell]) for place in sizes)
        for place in dates:
            serials = [cell for cell in columns[place] if _is_serial(cell)]
            if serials:
                count, examples = self._serials.get(place, (0, []))
                self._serials[place] = count + len(serials), [*examples, *serials][:_EXAMPLES]
        self.numbers.extend(numbers)
        self.rows += rows
        return zip(customers, self._files(rows, columns), strict=True)

    def _files(self, rows: int, columns: Mapping[int, Sequence[str]]) -> list[str]:
        """The file of each of so many rows; of one that does not say it, the one in which it is."""
        own, cells = self.table.source.stem, columns.get(self.place_of.get(self._known.file, _SOURCE), ("",) * rows)
        return [cell if cell.strip() else own for cell in cells]

    def _find(self) -> Iterator[FileFinding]:
        known, key = self._known, self._known.keys[0]
        for column, place in self.place_of.items():
            what_of = {  # of what `workbook_sheets.py` notes
                "formula": "with a formula without a stored result",
                "error": "with an error value, left out" + "; their rows are invalid" * (column == key),
                "date": "with a day where none belongs, as Excel makes of 3-4 or 1/2" * (column not in known.dates),
                "number": "with a number stored as text, read as a number" * (column in known.sizes | known.numbers),
                "digits": "with more digits than a number of a sheet keeps" * (column == key),
            }
            for kind, what in what_of.items():
                count, examples = self.table.notes.get(kind, {}).get(str(place), (0, []))
                below = [(row, text) for row, text in examples if row >= self.header_row]
                count -= len(examples) - len(below)
                if what and count:
                    shown = tuple(f"{column_letter(place)}{row + 1}{f' ({text})' if text else ''}" for row, text in below)
                    yield FileFinding(column, what, count, shown, is_refused=kind in {"formula", "digits"})
            if place in self._serials:
                count, found = self._serials[place]
                offset, system = (_1904, ", counted from 1904") if self.table.is_1904 else (0, "")
                shown = tuple(f"{text} as {day(str(int(text) + offset))}" for text in found)
                yield FileFinding(column, f"with the serial number of a day{system}", count, shown)
        digits = [number for number in map(str.strip, self.numbers) if number[:1].isdigit()]
        exponents = [number for number in digits if _EXPONENT.fullmatch(number)]
        if exponents:
            shown = tuple(dict.fromkeys(exponents))[:_EXAMPLES]
            yield FileFinding(key, "in exponent form, whose digits are lost", len(exponents), shown, is_refused=True)
        digits = [number for number in digits if number.isdigit()]
        longest = max((len(number) for number in digits if number.startswith("0")), default=0)
        bare = [number for number in digits if not number.startswith("0") and len(number) < longest]
        if bare:
            what = "without the leading zeros that others have, perhaps lost"
            yield FileFinding(key, what, len(bare), tuple(bare[:_EXAMPLES]))


class OrderFile:
    """An order file: the sheets that are read, those that are left out with the reason, and its content as a hash."""

    def __init__(self, path: Path, content: str, sheets: Sequence[OrderSheet], left_out: Mapping[str, str]) -> None:
        self.path, self.content_hash, self.sheets, self.left_out = path, content, sheets, left_out
        self.rows = sum(sheet.rows for sheet in sheets)
        named = (count.file for sheet in sheets for count in sheet.spellings if count.file)
        self.sources = frozenset({path.stem, *named})  # what its rows name as their file, and its own name


def read_order_file(
    path: Path, known: OrderColumns, folder: Path, options: FileOptions, progress: Progress = lambda _words, _done: None
) -> OrderFile:
    """Check a workbook or a CSV to its end, every visible sheet with the order number among its headers, and say what can be read of it.

    `folder` takes what a workbook unpacks to, and must live until the rows were read. Raises `SourceDataError`: the file is absent, empty,
    damaged or of another kind, has no order number or a column twice.
    """

    def is_header(row: Row) -> bool:
        return known.keys[0] in map(known.meant, filter(None, row))

    content, tables = content_hash(path), tables_of(path, options, is_header, folder)
    sheets, left_out, beginnings = [], dict[str, str](), list[list[str]]()
    for table in tables:
        if table.left_out:
            left_out[table.sheet] = table.left_out
            continue
        beginning = list(islice(table.rows(), options.header_row or HEADER_WITHIN))
        beginnings += beginning
        found = [number for number, row in enumerate(beginning, start=1) if is_header(row)]
        header_row = options.header_row or next(iter(found), 0)
        if header_row not in found:
            at = f"row {header_row}" if header_row else f"the first {HEADER_WITHIN} rows"
            left_out[table.sheet] = f"no column {known.keys[0]!r} in {at}"
            continue
        sheet = OrderSheet(table, header_row, beginning[header_row - 1], known, progress)
        if sheet.rows:
            sheets.append(sheet)
        else:
            left_out[table.sheet] = "headers and no row below them"
    if not sheets:
        raise SourceDataError(_nothing_message(path, known.keys[0], left_out, beginnings))
    return OrderFile(path, content, sheets, left_out)


def column_letter(place: int) -> str:
    """The place as a spreadsheet shows it: 0 is A, 26 is AA."""
    before, letter = divmod(place, 26)
    return (column_letter(before - 1) if before else "") + chr(ord("A") + letter)


def _nothing_message(path: Path, key: str, left_out: Mapping[str, str], beginnings: Iterable[list[str]]) -> str:
    first = next((filled for row in beginnings if (filled := [cell for cell in row if cell.strip()])), [])
    if not first and "hidden" not in left_out.values():
        return f"{path} is empty. Nothing was loaded. A row with the names of the columns is needed."
    reasons = "; ".join(f"sheet {name!r}: {reason}" if name else reason for name, reason in left_out.items())
    said = f"; its first row says {', '.join(map(repr, first[:5]))}" if first else ""
    return (
        f"{path} has no orders: {reasons}{said}. Nothing was loaded. One row must hold the names of the columns, {key} among them; "
        "orders-platform load --sheet, --header-row, --encoding and --delimiter say where and how."
    )


def _matched(titles: Row, known: OrderColumns, where: str) -> tuple[dict[str, int], dict[int, str]]:
    """The place of each column that has a header, and by place the headers that are no column, empty where there is none."""
    first, unread = dict[str, int](), dict[int, str]()
    place_of: dict[str, int] = {}
    for place, header in enumerate(titles):
        column, said = known.meant(header), clean(header)
        meaning = column or said
        other = first.setdefault(meaning, place)
        if meaning and other != place:
            raise SourceDataError(
                f"{where}: the headers {titles[other]!r} (column {column_letter(other)}) and {header!r} (column "
                f"{column_letter(place)}) both mean {meaning!r}. Nothing was loaded. Delete or rename one of them in the file."
            )
        if column:
            place_of[column] = place
        else:
            unread[place] = said
    return place_of, unread


def _fold(header: str) -> str:
    return fold(header.replace("’", "'"))


def _nearest(header: str, known: OrderColumns) -> str:
    """A column that may be meant."""
    if found := _DATE_HEADER.match(header):
        month, of_month = (int(part) for part in found.groups())
        near = [f"{a}{mark}{b}" for a, b in ((month, of_month), (of_month, month)) for mark in "-/"]
        near = [name for name in near if name in known.known]
    else:
        near = get_close_matches(header.upper(), known.known, n=1)
    return f"; {near[0]}?" if near else ""


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


def _is_serial(cell: str) -> bool:
    return len(cell) == 5 and cell.isdigit()

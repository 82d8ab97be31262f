"""What a staged row becomes: clean cells, keys, a hash and names, or the reason why it is no order. One rule for both databases.

Most of the 400 cells of a row are blank, and only the others are looked at.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial, reduce
from itertools import repeat
from math import isfinite
from operator import or_
from typing import Final
from zlib import crc32

from orders_platform.configuration import Configuration
from orders_platform.database.dialects import Dialect
from orders_platform.domain.cell_codecs import number_text, plain_text
from orders_platform.domain.cell_texts import NUMERAL, is_day, meaning
from orders_platform.domain.customers import TOTALS
from orders_platform.domain.mapping import item_name, joined_name, shortened
from orders_platform.domain.matching import KEY_SEPARATOR
from orders_platform.domain.text import fold
from orders_platform.errors import RowError
from orders_platform.merge.merge_rules import BusinessColumn, MergeRules

BadCell = tuple[str, str, str]  # a cell that its column cannot hold: a code of `REASONS`, the column, the text

REASONS: Final[Mapping[str, str]] = {
    "bad_quantity": "is not a whole number of 0 or more; the board keeps the number that the size had, or shows none",
    "bad_number": "is not a number that the column holds",
    "bad_date": "is not a date",
    "error_value": "is an error value of the workbook",
    "text_cut": "is longer than its column and was cut",
    "text_too_long": "is longer than its column",
}

_ERRORS = frozenset({"#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})
"""What workbooks show for a formula that failed."""

_NO_ORDER: Final[Mapping[str, str]] = {
    "repeated_header": "the row repeats the headers of its file and is no order: delete it from the order list",
    "phantom": "none of the columns that make an order is filled (phantom_columns), so the row is a total or empty: delete it, "
    "or fill one in",
    "total": "it says TOTAL or the like where an order has its number, or has no number and says so elsewhere or is some words alone: "
    "the row is no order, delete it from the order list",
    "missing_key": "a unique key column is blank: fill in the order number",
    "name_empty": "the item or group name would be empty: fill in one of its parts",
}


@dataclass(slots=True)
class StagedOrder:
    """A staged row, clean."""

    number: int  # of the row in the load
    # its clean cells by the position of their columns, blank ones left out; None where an order has the same ones, and then
    # only those in which it differs from its order
    cells: dict[int, object] | None
    bookkeeping: tuple[str | None, ...]  # the columns that say where it came from, in the order of `MergeRules.bookkeeping`
    order_number: str | None  # the first column of its key as it is stored
    order_key: str  # its key for people; `full_key` and `unique_key` are for comparing
    full_key: str
    unique_key: str
    row_hash: str
    group_name: str
    item_name: str
    shown: int  # which of the columns that the board shows are filled, a bit each; the last one says whether any size is
    is_cancelled: bool
    bad_cells: tuple[BadCell, ...]
    reject_code: str  # why it is no order, empty when it is one; with a `reason`
    reason: str
    ref: str | None = None  # the order that it is, None for a new one
    staged_hash: str | None = None  # what its order keeps to know the row again; None where it was not merged as it stands


def canonical(value: object) -> str:
    """A stored or clean cell as one text, whatever type its database has for it."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        text = repr(value)
        return text if text[-2:] != ".0" and "e" not in text else number_text(Decimal(text))
    if isinstance(value, Decimal):
        return number_text(value)
    return (value.date() if isinstance(value, datetime) else value).isoformat() if isinstance(value, date) else str(value)


def key_of(cells: Iterable[object]) -> str:
    """Key columns for comparing: folded, NULL as nothing. Cleaned too, since an earlier version may have kept other ones."""
    return KEY_SEPARATOR.join(map(_folded, cells))


@lru_cache(maxsize=10_000)
def _folded(cell: object) -> str:
    """Most cells of keys come again and again."""
    return fold(told(cell))


Reader = Callable[[object, list[BadCell]], object]
"""Reads a cell that is not NULL: its value, None when it is blank or cannot be held; adds what is wrong with it."""

Meaning = tuple[object, str, int, BadCell | None]
"""What a cell means: its value, what of it is hashed, which bits of `StagedOrder.shown` it is, and what is wrong with it."""

_NOTHING: Final[Meaning] = (None, "", 0, None)


def clean_key(cells: Iterable[object]) -> str:
    """Key columns for comparing, of which the cells are clean: only their case is folded."""
    return _joined(cells).casefold()


def clean_number(names: bytes | str, unique_count: int) -> str:
    """The same of the unique key columns alone, out of an order's key columns and names, which are UTF-8 where they are bytes."""
    told = names if isinstance(names, str) else names.decode("utf-8", "replace")
    return KEY_SEPARATOR.join(told.split(KEY_SEPARATOR, unique_count)[:unique_count]).casefold()


def _joined(cells: Iterable[object]) -> str:
    return KEY_SEPARATOR.join([cell if type(cell) is str else "" if cell is None else canonical(cell) for cell in cells])


class KnownCells(dict[object, Meaning]):
    """What the cells of a column mean. Most of them come again and again, so that many are remembered."""

    def __init__(self, read: Callable[[object], Meaning]) -> None:
        self._read = read

    def __missing__(self, cell: object) -> Meaning:
        meaning = self._read(cell) if cell is not None else _NOTHING
        if len(self) < _MOST_KNOWN:
            self[cell] = meaning
        return meaning


class Cleaner:
    """Cleans the rows of one customer, of which the cells come in the order of `rules.business`.

    Attributes:
        names: of the columns, by position as all that follow.
        keys: the key columns, the first `unique_count` of which are the order number.
        others: the columns that make a row what it is besides.
        bookkeeping: those that do not.
        file_at: the column of the file; `sizes` those of the sizes.
        sizes_bit: of `StagedOrder.shown`.
        dialect: of the database.
    """

    def __init__(
        self, configuration: Configuration, rules: MergeRules, dialect: Dialect, customer: str, known: list[KnownCells]
    ) -> None:
        """`known` has the cells that were read for customers with the same bookkeeping, or is empty, and gets those read now."""
        self._customer = customer
        self.dialect = dialect
        self._cleaning = configuration.cleaning
        self._configuration_crc = crc32(f"{rules.configuration_hash(customer)}{KEY_SEPARATOR}".encode())
        self._order_types = {spelling.upper(): type_ for spelling, type_ in configuration.cleaning.order_types.items()}
        self.names = [column.name for column in rules.business]
        places = {name: i for i, name in enumerate(self.names)}
        keys, kinds = configuration.keys_of(customer), {each.kind: i for i, each in enumerate(rules.business)}
        self._customer_at, self._source_at, self._type_at = (
            kinds[kind] for kind in ("customer", "source_customer", "order_type")
        )
        self.bookkeeping = [places[name] for name in rules.bookkeeping(customer)]
        last = {self._customer_at, self._source_at}
        hashed = [i for i in range(len(self.names)) if i not in self.bookkeeping]
        self._last = sorted(last.intersection(hashed))
        unhashed = last.union(self.bookkeeping)
        self._prefixes = ["" if i in unhashed else f"{name}\x1e" for i, name in enumerate(self.names)]
        self.keys, self.unique_count = [places[name] for name in (*keys.unique, *keys.extra)], len(keys.unique)
        self.others = [i for i in hashed if i not in self.keys]
        self.file_at = places[configuration.columns.file]
        self._phantom = [places[name] for name in self._cleaning.phantom_columns]
        unique = self.keys[: self.unique_count]
        self._headed = [(i, self.names[i].lower(), i in unique) for i in {*unique, *self._phantom}]
        rules_of_names = (configuration.names.group, configuration.names.item)
        self._group, self._item = ([[places[name] for name in names] for names in rule] for rule in rules_of_names)
        self.sizes = {i for i, column in enumerate(rules.business) if column.kind == "quantity"}
        self.sizes_bit = 1 << len(rules.watched)
        self._bits = [self.sizes_bit if column.kind == "quantity" else 0 for column in rules.business]
        for number, sources in enumerate(rules.watched):
            for name in sources:
                self._bits[places[name]] |= 1 << number
        self._shown_by_bits: dict[tuple[int, ...], int] = {}
        readers = {**dict.fromkeys(("number", "whole_number", "quantity"), self._number_reader), "date": self._date_reader}
        for i, column in enumerate(rules.business if not known else ()):
            known.append(KnownCells(partial(self._read, i, readers.get(column.kind, self._text_reader)(column))))
        self._known = known

    def _text_reader(self, column: BusinessColumn) -> Reader:
        reader, words, length, is_cut = column.reader, column.null_words, column.length, column.is_cut

        def read(cell: object, bad: list[BadCell]) -> object:
            text = meaning(reader, told(cell), words)
            if text in _ERRORS:
                bad.append(("error_value", column.name, text))
                return None
            if text is not None and column.kind == "order_type":
                text = self._order_types.get(text.upper(), text.upper())
            if text is None or not length or column.kind == "customer":
                return text
            fitting = beginning(text, length)
            if fitting == text:
                return text
            bad.append(("text_cut" if is_cut else "text_too_long", column.name, text))
            return fitting if is_cut else None

        return read

    def _number_reader(self, column: BusinessColumn) -> Reader:
        reader, words, kind, type_ = column.reader, column.null_words, column.kind, str(column.type)
        store = self.dialect.stored_number

        def read(cell: object, bad: list[BadCell]) -> object:
            number: Decimal | float | None
            if type(cell) is int or (type(cell) is float and isfinite(cell)):
                number = cell
            else:
                shown = meaning(reader, told(cell), words)
                if shown is None:
                    return None
                number = Decimal(shown) if NUMERAL.fullmatch(shown) else None
            if number is None or (kind != "number" and (number != int(number) or (number < 0 and kind == "quantity"))):
                value = None
            else:
                value = store(number, type_)
            if value is None:
                code = "bad_quantity" if kind == "quantity" else "bad_number"
                bad.append((code, column.name, meaning(reader, told(cell), ()) or ""))
            return value

        return read

    def _date_reader(self, column: BusinessColumn) -> Reader:
        words = column.null_words

        def read(cell: object, bad: list[BadCell]) -> object:
            shown = meaning("date", told(cell), words)
            if shown is None or is_day(shown):
                return shown
            bad.append(("bad_date", column.name, shown))
            return None

        return read

    def clean(self, hashes: Mapping[int, str], columns: Iterable[tuple[int, Sequence[object]]]) -> Iterator[StagedOrder]:
        """Rows of the load by number, out of their hashes and the columns that are filled in one of them."""
        places, read = list[int](), list[list[Meaning]]()
        for i, column in columns:
            places.append(i)
            read.append(list(map(self._known[i].__getitem__, column)))
        meanings = zip(*read, strict=True) if read else repeat((), len(hashes))
        for (number, row_hash), row in zip(hashes.items(), meanings, strict=True):
            order = self._order(number, places, row)
            if not order.bad_cells:
                names = _joined((*map((order.cells or {}).get, self.keys), order.group_name, order.item_name))
                order.staged_hash = f"{row_hash}:{order.shown:x}:{self.kept_hash(names)}"
            yield order

    def kept_hash(self, names: bytes | str) -> str:
        """Of the key columns and names that a merge under this configuration gave an order: it tells whether they are still so."""
        told = names.encode("utf-8", "surrogatepass") if isinstance(names, str) else names
        return f"{crc32(told, self._configuration_crc):x}"

    def _order(self, number: int, places: Sequence[int], meanings: Sequence[Meaning]) -> StagedOrder:
        values, parts, bits, wrong = zip(*meanings, strict=True) if meanings else ((),) * 4
        cells = {i: value for i, value in zip(places, values, strict=True) if value is not None}
        bad = list(filter(None, wrong))
        shown = self._shown_by_bits.get(bits)
        if shown is None:
            shown = self._shown_by_bits[bits] = reduce(or_, bits, 0)
        source, customer = self._source_at, self._customer_at
        if source not in cells and customer in cells:
            value, _, _, problem = self._known[source][cells[customer]]
            cells[source] = value
            bad += [problem] if problem else []
        cells[customer] = self._customer
        keys = [written(cells.get(i)) for i in self.keys]
        unique = keys[: self.unique_count]
        order_key = " | ".join(key or "" for key in unique)
        group, item = (joined_name(self._first(cells, places) for places in rule) for rule in (self._group, self._item))
        code = self._problem(cells, group, item)
        return StagedOrder(
            number, cells, tuple(written(cells.get(i)) for i in self.bookkeeping), keys[0], order_key,
            clean_key(keys), clean_key(unique), self._hash(filter(None, parts), cells, bad), shortened(group), item_name(item, order_key),
            shown, cells.get(self._type_at) == self._cleaning.cancelled, tuple(bad), code, _NO_ORDER.get(code, ""),
        )  # fmt: skip

    def _read(self, i: int, read: Reader, cell: object) -> Meaning:
        bad: list[BadCell] = []
        value = read(cell, bad)
        prefix = self._prefixes[i]
        part = prefix + canonical(value) if prefix and value is not None else ""
        bit = 0 if value is None or (not value and self._bits[i] >= self.sizes_bit) else self._bits[i]  # a size of 0 is none
        return value, part, bit, bad[0] if bad else None

    def key_cells(self, cells: Iterable[object]) -> list[object]:
        """Staged cells of the key columns as they would be stored."""
        return [self._known[i][cell][0] for i, cell in zip(self.keys, cells, strict=True)]

    def hash_of(self, cells: Mapping[int, object], bad: Sequence[BadCell] = ()) -> str:
        """The hash over every column that makes a row what it is, blank ones left out, and over what its columns cannot hold.

        The cells come in the order of their columns.
        """
        prefixes = self._prefixes
        return self._hash([prefixes[i] + canonical(cell) for i, cell in cells.items() if prefixes[i]], cells, bad)

    def _hash(self, parts: Iterable[str], cells: Mapping[int, object], bad: Sequence[BadCell]) -> str:
        parts = [*parts, *(f"{self.names[i]}\x1e{canonical(cells[i])}" for i in self._last if i in cells)]
        if bad:
            parts += ["\x1e".join(("", *each)) for each in sorted(bad)]
        return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def shown(self, cells: Mapping[int, object]) -> int:
        """Which of the columns that the board shows are filled, as in `StagedOrder`."""
        found = 0
        for i, cell in cells.items():
            if cell or self._bits[i] < self.sizes_bit:
                found |= self._bits[i]
        return found

    @staticmethod
    def _first(cells: Mapping[int, object], places: Iterable[int]) -> str | None:
        for i in places:
            if i in cells:
                return canonical(cells[i])
        return None

    def _problem(self, cells: Mapping[int, object], group: str, item: str) -> str:
        """What is wrong with a row on its own; the first that holds."""
        if self._is_header(cells):
            return "repeated_header"
        if self._phantom and not any(i in cells for i in self._phantom):
            return "phantom"
        if self._is_total(cells):
            return "total"
        if not all(i in cells for i in self.keys[: self.unique_count]):
            return "missing_key"
        return "" if group and item else "name_empty"

    def _is_total(self, cells: Mapping[int, object]) -> bool:
        """Whether it says TOTAL for its order number; or has none, and says so elsewhere or is some words alone, like `Printed on ...`."""
        number = cells.get(self.keys[0])
        if number is not None:
            return canonical(number).casefold() in TOTALS
        own = [i for i in cells if i not in {*self._last, *self.bookkeeping}]
        is_note = len(own) == 1 and own[0] not in self.sizes and " " in canonical(cells[own[0]])
        return is_note or any(canonical(cells[i]).casefold() in TOTALS for i in (*own, self._customer_at))

    def _is_header(self, cells: Mapping[int, object]) -> bool:
        """Whether a key, or two of the columns that make an order, say what their column is called."""
        headed = [is_key for i, name, is_key in self._headed if i in cells and canonical(cells[i]).lower() == name]
        return len(headed) > 1 or any(headed)


_MOST_KNOWN = 2_000  # cells of a column whose meaning is remembered: most of them come again and again


def told(cell: object) -> str:
    """A cell of the driver as the text that people would write for it; a BLOB as the text that it holds."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bytes | bytearray | memoryview):
        return str(bytes(cell), "utf-8", "backslashreplace")
    try:
        return "" if cell is None else plain_text(cell)
    except RowError:
        return str(cell)


def written(cell: object) -> str | None:
    """A clean cell as text, None when it is blank."""
    return None if cell is None else canonical(cell)


def beginning(text: str, length: int) -> str:
    """As much of a text as a column of this length holds: SQL Server counts in pieces of 16 bits, of which an emoji has two."""
    if len(text) <= length // 2 or (len(text) <= length and text.isascii()):
        return text
    return text.encode("utf-16-le", "surrogatepass")[: 2 * length].decode("utf-16-le", "ignore")

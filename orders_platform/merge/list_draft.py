"""`config init`: a configuration for an order list that nobody has described yet, guessed from one file, with the reason of each guess.

It is the shipped configuration with other sections on tables, columns, keys, names, boards and customers; its policies stay. Board columns
get ids that `board init` asks monday for.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path

from orders_platform.domain.cell_texts import NUMERAL, day, is_day, numeral
from orders_platform.domain.text import clean, clean_lines, fold
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import HEADER_WITHIN, FileOptions, Table, tables_of

_ADDED = _FILE, _SOURCE, _TYPE, _TOTAL = "_FILE", "_SOURCE_CUSTOMER", "_ORDER_TYPE", "_TOTAL"
_NULL_WORDS = {"nan", "none", "null", "n/a", "#n/a"}
_MOST_LABELS, _LONG, _NAMED = 12, 255, 5
_KEY = re.compile(r"order|\bpo\b|\bnr\b|\bno\b|number|\bid\b|\bref|bestell", re.IGNORECASE)
_CUSTOMER = re.compile(r"customer|client|dealer|buyer|account|shop|store|company|kunde|brand", re.IGNORECASE)
_STATUS = re.compile(r"status|state|order type", re.IGNORECASE)
_TITLE = re.compile(r"name|item|product|descr|part|article|model|style", re.IGNORECASE)
_QUANTITY = re.compile(r"qty|quantity|pieces|units|menge|count", re.IGNORECASE)
_NO_SIZE = re.compile(r"price|cost|amount|total|sum\b|weight|year|rate|discount", re.IGNORECASE)
_CANCELLED = re.compile(r"cancel|storn|annul", re.IGNORECASE)
_PREFIXES = {"numbers": "numeric", "long_text": "long"}


@dataclass(eq=False)
class _Column:
    """A column of the file: its cells as they are meant, empty where blank, and what kind they are."""

    name: str
    cells: list[str]
    kind: str = field(init=False)

    def __post_init__(self) -> None:
        filled = self.filled
        numbers = [number for number in map(numeral, filled) if number]
        if filled and all("-" in text and is_day(day(text)) for text in filled):
            self.kind = "date"
        elif numbers and all(map(NUMERAL.fullmatch, numbers)) and not any(re.match("0[0-9]", text) for text in filled):
            self.kind = "integer" if all(float(text).is_integer() for text in numbers) else "decimal(18, 4)"
        else:
            long = any(len(text) > _LONG or "\n" in text for text in filled)
            self.kind = "long_text" if long else f"nvarchar({_LONG})"

    @property
    def filled(self) -> list[str]:
        return [text for text in self.cells if text]

    @property
    def distinct(self) -> Counter[str]:
        """How often there is each value, the first spelling of each."""
        first = {fold(text): text for text in reversed(self.filled)}
        return Counter(first[fold(text)] for text in self.filled)

    @property
    def is_text(self) -> bool:
        return self.kind.startswith("nvarchar")

    def board_type(self, rows: int) -> str:
        """The type of a board column for it."""
        if self.kind in {"date", "long_text"}:
            return self.kind
        if not self.is_text:
            return "numbers"
        if self.filled and all(re.fullmatch(r"https?://\S+", text) for text in self.filled):
            return "link"
        return "dropdown" if 0 < len(self.distinct) <= min(_MOST_LABELS, rows // 3) else "text"


@dataclass
class ListDraft:
    """What was guessed of a list: the sections of a configuration, and a sentence for each guess."""

    path: Path
    columns: list[_Column]
    said: list[str] = field(default_factory=list)

    def text(self, shipped: str) -> str:
        """The configuration."""
        sections = self._sections()
        parts = re.split(r"(?m)^(?=\[[a-z_.]+\])", shipped.partition("# -----")[0])
        shipped_names = [part.partition("]")[0].strip("[") for part in parts[1:]]
        body = [sections.pop(name, part) for name, part in zip(shipped_names, parts[1:], strict=True)]
        local = re.search(r"(?ms)^\[environment\.sandbox\.monday\].*?(?=^\[environment\.production\])", shipped)
        head = f"# Drafted by `orders-platform config init` from {self.path.name}; correct what it guessed wrong.\n"
        return "".join([head, *parts[:1], *body, local[0] if local else "", "[environment.production]\n"]).replace(
            'unknown_customers = "reject"', 'unknown_customers = "accept"'
        )

    def _sections(self) -> dict[str, str]:
        rows = len(self.columns[0].cells)
        sizes, total = self._sizes()
        others = [column for column in self.columns if column not in sizes]
        key = self._key([column for column in others if column is not total])
        customer = self._customer([column for column in others if column is not key], rows)
        extra = self._extra(key, customer, [each for each in others if each not in (key, customer, total)])
        status = next((each for each in others if each.is_text and each not in (key, customer) and _STATUS.search(each.name)
                       and len(each.distinct) <= _MOST_LABELS), None)  # fmt: skip
        texts = [each for each in others if each.is_text and each.filled and each not in (key, customer, status)]
        title = sorted(texts, key=lambda each: (not _TITLE.search(each.name), -len(each.distinct)))[:1]
        self._say("names", f"a group is called after {customer.name!r}, an item after "
                  f"{' and '.join(repr(each.name) for each in [key, *title])}")  # fmt: skip
        key.kind = "nvarchar(100)"
        names = [each.name for each in self.columns]
        first, last = names.index(sizes[0].name), names.index(sizes[-1].name)
        added = {_FILE: "nvarchar(255)", _SOURCE: "nvarchar(255)"}
        added |= ({} if status else {_TYPE: "nvarchar(100)"}) | ({} if total else {_TOTAL: "integer"})
        listed = {each.name: "integer" if each in sizes else each.kind for each in self.columns} | added
        cancelled = [text for text in status.distinct if _CANCELLED.search(text)] if status else []
        stem = re.sub(r"\W+", "_", self.path.stem).strip("_").lower()[:40] or "list"
        ours = ("staging", "orders", "staged_lines", "lines", "log", "rejects", "customers", "loads", "order_sync_status",
                "customer_summary")  # fmt: skip
        boards = [(each, "text" if each is key else "dropdown" if each in (customer, status) else each.board_type(rows))
                  for each in others if each.filled]  # fmt: skip
        ids = dict(zip((each.name for each, _ in boards), _ids((each.name, kind) for each, kind in boards), strict=True))
        fields = [{"source": each.name, "column": ids[each.name], "type": kind,
                   **({"labels": "create"} if kind == "dropdown" else {})} for each, kind in boards]  # fmt: skip
        self._say("board", f"{len(fields)} columns of items, of the types that their cells fit; a size is a subitem")
        people: dict[str, object] = {name: {} for name in customer.distinct}
        return {
            "tables": _section("tables", {"schema": "", **{role: f"{stem}_{role}" for role in ours}}),
            "columns": _section("columns", {"customer": customer.name, "source_customer": _SOURCE, "file": _FILE,
                                            "order_type": status.name if status else _TYPE, "total": total.name if total else _TOTAL},
                                "names that begin with _ are no columns of the file"),
            "sizes": _section("sizes", {"after": names[first - 1] if first else "record_uuid", "before": [*names, *added][last + 1],
                                        "max_sizes": 300, "one_size_code": "ONE SIZE", "one_size_columns": ["One Size"]}),
            "cleaning": _section("cleaning", {
                "null_words": ["nan", "none", "null"], "not_available_words": ["n/a", "#n/a"],
                "not_available_columns": [each.name for each in texts],
                "date_placeholders": ["tbc", "tba", "tbd", "n/a"], "order_types": dict.fromkeys(cancelled, "CANCELLED"),
                "cancelled": "CANCELLED", "phantom_columns": [each.name for each in texts]}, "a row without phantom_columns is no order"),
            "keys": _section("keys", {"unique": [key.name], "extra": [each.name for each in extra]}),
            "names": _section("names", {"group": [[customer.name]], "item": [[each.name] for each in [key, *title]],
                                        "subitem": "Size {size_code}"}),
            "order_list": _section("order_list", listed, "nvarchar(n), long_text, integer, decimal(digits, places), date"),
            "items": _section("items", {"board_id": 0, "external_key": ids[key.name], "columns": fields}, "board init writes the ids"),
            "subitems": _section("subitems", {"board_id": 0, "columns": [
                {"source": "size_code", "column": "dropdown_size", "type": "dropdown", "labels": "create"},
                {"source": "qty", "column": "numeric_quantity", "type": "numbers"}]}),
            "customers": _section("customers", people, "other spellings of one: { aliases = [\"...\"] }"),
        }  # fmt: skip

    def _say(self, what: str, reason: str) -> None:
        self.said.append(f"{what}: {reason}")

    def _sizes(self) -> tuple[list[_Column], _Column | None]:
        """The run of size columns, and the column of their total."""
        runs = [list(run) for is_run, run in groupby(self.columns, self._may_be_size) if is_run]
        runs = [run for run in runs if any(each.filled for each in run)]
        best = max(runs, key=len, default=[])
        if len(best) < 2:
            best = next(([each] for run in runs for each in run if _QUANTITY.search(each.name)), [])
        if not best:
            raise SourceDataError(
                f"{self.path} has no column of quantities: neither whole numbers side by side, one column a size, nor one that is called "
                "quantity. Nothing was written. Add one, or copy config/order_sync.toml and describe the list by hand."
            )
        total = next((each for each in (best[-1], best[0]) if _is_total(each, [one for one in best if one is not each])), None)
        best = [each for each in best if each is not total]
        total = total or next((each for each in self.columns if each.kind == "integer" and _is_total(each, best)), None)
        ends = f"{best[0].name!r} to {best[-1].name!r}" if len(best) > 1 else repr(best[0].name)
        why = (
            f"{len(best)} columns side by side with whole numbers or nothing"
            if len(best) > 1
            else "the one column of quantities"
        )
        self._say("sizes", f"{ends}: {why}" + (f"; {total.name!r} is their total" if total else ""))
        return best, total

    def _may_be_size(self, column: _Column) -> bool:
        return (column.kind == "integer" or not column.filled) and not _NO_SIZE.search(column.name) and not (
            column.filled and _KEY.search(column.name))  # fmt: skip

    def _key(self, columns: Sequence[_Column]) -> _Column:
        """The column of the order number: another value in each row if there is one such, with a name that says so if there is one."""
        full = [each for each in columns if (each.is_text or each.kind == "integer") and each.filled]
        unique = [each for each in full if all(each.cells) and len(each.distinct) == len(each.cells)]
        named = [each for each in unique or full if _KEY.search(each.name)]
        if not full:
            raise SourceDataError(f"{self.path} has no texts or whole numbers that could be a key. Nothing was written.")
        key = max(named or unique or full, key=lambda each: len(each.distinct))
        others = ", ".join(repr(each.name) for each in unique if each is not key)
        often = "has another value in each row" if unique else f"has {len(key.distinct)} values in {len(key.cells)} rows"
        self._say("key", f"{key.name!r} {often}" + (f"; so has {others}" if others else ""))
        return key

    def _extra(self, key: _Column, customer: _Column, columns: Sequence[_Column]) -> list[_Column]:
        """The columns that tell apart the rows of a customer that share an order number."""
        extra = list[_Column]()
        for each in sorted((each for each in columns if each.is_text), key=lambda each: -len(each.distinct)):
            if len({*zip(*(one.cells for one in (key, customer, *extra)), strict=True)}) < len(key.cells):
                extra.append(each)
        if extra:
            self._say("key", f"rows of one number are told apart by {', '.join(repr(each.name) for each in extra)}")
        return extra

    def _customer(self, columns: Iterable[_Column], rows: int) -> _Column:
        texts = sorted(
            (each for each in columns if each.is_text and len(each.filled) == rows), key=lambda each: len(each.distinct)
        )
        named = [each for each in texts if _CUSTOMER.search(each.name)]
        found = next(iter([*named, *(each for each in texts if len(each.distinct) * 2 <= rows)]), None)
        if found is None:
            raise SourceDataError(
                f"{self.path} has no column that says whose order a row is (filled in every row, one name for several orders). Nothing was "
                "written. Add a column Customer; orders are merged and sent by customer."
            )
        names = list(found.distinct)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        why = "by its name" if named else "it has the fewest values"
        self._say("customers", f"{found.name!r}, {why}: {', '.join(names[:_NAMED])}{more}")
        return found


def _is_total(column: _Column, sizes: Sequence[_Column]) -> bool:
    """Whether it is the sum of the sizes in nearly every row that has one."""
    rows = zip(column.cells, *(each.cells for each in sizes), strict=True)
    right = [float(numeral(row[0]) or 0) == sum(float(numeral(text) or 0) for text in row[1:]) for row in rows if row[0]]
    return column not in sizes and bool(sizes) and len(right) > 1 and sum(right) >= 0.9 * len(right)


def draft(path: Path, options: FileOptions, folder: Path, ours: Collection[str]) -> ListDraft:
    """Read a file, the first sheet of orders of a workbook, and guess.

    Args:
        path: the file.
        options: what cannot be guessed of it.
        folder: for what a workbook unpacks to.
        ours: the names of our own columns, which the table of orders has besides those of the list.

    Raises:
        SourceDataError: it is no list of orders.
    """
    reserved = {name.casefold() for name in (*ours, *_ADDED)}
    for table in tables_of(path, options, lambda row: sum(map(bool, map(str.strip, row))) > 1, folder):
        if not table.left_out and (found := _columns_of(table, options.header_row)):
            taken = [each.name for each in found if each.name.casefold() in reserved]
            if taken:
                raise SourceDataError(
                    f"{table.title}: {taken[0]!r} is a name of ours. Nothing was written. Rename it in the file."
                )
            made = ListDraft(path, found)
            made.said.append(f"columns: {len(found)} columns and {len(found[0].cells)} rows of {table.title}")
            return made
    raise SourceDataError(
        f"{path} has no row of headers with rows below it. Nothing was written. --header-row and --sheet say where."
    )


def _columns_of(table: Table, header_row: int | None) -> list[_Column]:
    beginning = [list(map(clean, row)) for row in islice(table.rows(), header_row or HEADER_WITHIN)]
    widest = max((sum(map(bool, row)) for row in beginning), default=0)
    found = (
        number for number, row in enumerate(beginning, start=1) if sum(map(bool, row)) * 2 > widest and sum(map(bool, row)) > 1
    )
    number = header_row or next(found, 0)
    headers = beginning[number - 1] if number else []
    places = {place: header for place, header in enumerate(headers) if header}
    twice = [name for name, count in Counter(map(fold, places.values())).items() if count > 1]
    if twice or any(len(name) > 128 for name in places.values()):
        raise SourceDataError(f"{table.title}: the header {(twice or [max(places.values(), key=len)])[0]!r} is there twice, or longer than "
                              "128 characters. Nothing was written. Rename it in the file.")  # fmt: skip
    rows = [row for row in islice(table.rows(), number, None) if any(map(str.strip, row))]
    return (
        [_Column(name, [_meant(row[place]) if place < len(row) else "" for row in rows]) for place, name in places.items()]
        if rows
        else []
    )


def _meant(cell: str) -> str:
    text = clean_lines(cell)
    return "" if text.casefold() in _NULL_WORDS else text


def _ids(columns: Iterable[tuple[str, str]]) -> Iterator[str]:
    """An id for each board column, as monday takes it: 1 to 20 lowercase letters, digits and underscores."""
    taken = set[str]()
    for name, kind in columns:
        slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "column"
        wanted = f"{_PREFIXES.get(kind, kind)}_{slug}"[:20].strip("_")
        tries = (wanted, *(f"{wanted[:17]}_{number}" for number in range(2, 100)))
        taken.add(chosen := next(each for each in tries if each not in taken))
        yield chosen


def _section(name: str, values: Mapping[str, object], comment: str = "") -> str:
    lines = [
        f"[{name}]" + (f"  # {comment}" if comment else ""),
        *(f"{_toml_key(key)} = {_value(value)}" for key, value in values.items()),
    ]
    return "\n".join(lines) + "\n\n"


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[a-z_]+", name) else json.dumps(name, ensure_ascii=False)


def _value(value: object) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{_toml_key(key)} = {_value(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + "".join(f"    {_value(each)},\n" for each in value) + "]"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)

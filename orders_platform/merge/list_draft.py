"""`config init`: a configuration for an order list that nobody has described yet, guessed from one file, with the reason of each guess.

What does not follow from a list, such as policies and times, is that of the shipped configuration; the rest is `config/draft.toml.j2`.
Board columns get ids that `board init` asks monday for.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path

import jinja2

from orders_platform.configuration import Tables
from orders_platform.domain.cell_texts import NUMERAL, day, is_day, meaning, numeral
from orders_platform.domain.customers import TOTALS
from orders_platform.domain.text import clean, counted, few, fold
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import HEADER_WITHIN, FileOptions, Table, tables_of

_FILE, _SOURCE, _TYPE, _TOTAL = "_FILE", "_SOURCE_CUSTOMER", "_ORDER_TYPE", "_TOTAL"
"""Columns that the platform needs; the last two where the list has none."""

_NULL_WORDS = {"nan", "none", "null", "n/a", "#n/a"}
_MOST_LABELS, _LONG, _LONGEST_NAME, _NAMED, _FEW = 12, 255, 128, 5, 5
_ORDER = re.compile(r"order|\bpo\b|\bnr\b|\bno\b|number|\bid\b|\bref|bestell", re.IGNORECASE)
_WHOSE = re.compile(
    r"customer|client|dealer|buyer|account|shop|store|company|cent(re|er)|retail|outlet|kunde|händler|brand", re.IGNORECASE
)
_STATUS = re.compile(r"status|state|order type", re.IGNORECASE)
_TITLE = re.compile(r"name|item|product|descr|part|article|model|style", re.IGNORECASE)
_QUANTITY = re.compile(r"qty|quantity|pieces|units|menge|count", re.IGNORECASE)
_NO_SIZE = re.compile(r"price|cost|amount|total|sum\b|weight|\byear\b|\brate|discount", re.IGNORECASE)
_CANCELLED = re.compile(r"cancel|storn|annul", re.IGNORECASE)
_UNKNOWN = {"tbc", "tba", "tbd", "n/a", "na", "?", "??", "-", "open", "pending", "on request"}
"""Words for what is not known yet, which count against no type."""

_DAY = re.compile(r"[0-9]{1,2}[./ -]{1,2}([0-9]{1,2}|[^\W\d]{3,9})[./ -]{1,2}[0-9]{2,4}|[0-9]{4}[./][0-9]{1,2}[./][0-9]{1,2}")
_AMOUNT = re.compile(r"([^\d\s.,-]{1,3} ?)?-?[0-9][0-9.,' ]*[.,][0-9]{2}( ?[^\d\s.,-]{1,3})?")
_ALIKE = (
    (_DAY, "days", "days like 2026-01-31", "date", "date"),
    (_AMOUNT, "amounts", "numbers with a point, like 12.50 or € 12.50", "decimal(18, 4)", "numbers"),
)
"""What texts look like that are not read so, what is read, and its types in the configuration."""

_PREFIXES = {"numbers": "numeric", "long_text": "long"}


class _Column:
    """A column of the file, with its cells as they are meant, empty where blank."""

    def __init__(self, name: str, cells: list[str]) -> None:
        self.name, self.cells = name, cells
        self.filled = [text for text in cells if text]
        self.distinct = list({fold(text): text for text in reversed(self.filled)}.values())[::-1]  # in their first spellings
        texts = [numeral(text) if text else "0" for text in cells]
        counts = self.counts = [
            float(text) if NUMERAL.fullmatch(text) else None for text in texts
        ]  # None where a cell is no number
        self.no_numbers = [text for text, count in zip(cells, counts, strict=True) if count is None]
        self.no_days = [text for text in self.filled if not ("-" in text and is_day(day(text)))]
        is_code = any(re.match("0[0-9]", text) for text in self.filled)
        is_number = not is_code and self._is_all_but(self.no_numbers)
        self.numbers = [count or 0.0 for count in counts] if is_number else []

    def _is_all_but(self, odd: Sequence[str]) -> bool:
        """Whether these are few of its cells: one in twenty, or a single word, besides those that say that nothing is known yet."""
        known = [text for text in odd if fold(text) not in _UNKNOWN]
        is_word = len(known) == 1 and not any(map(str.isdigit, known[0])) and len(self.filled) >= _FEW
        return len(odd) * 2 <= len(self.filled) and (is_word or len(known) <= 0.05 * len(self.filled))

    @cached_property
    def kind(self) -> str:
        """Its type in the database."""
        if self.filled and self._is_all_but(self.no_days):
            return "date"
        if self.filled and self.numbers:
            return "integer" if all(map(float.is_integer, self.numbers)) else "decimal(18, 4)"
        return "long_text" if any(len(text) > _LONG or "\n" in text for text in self.filled) else f"nvarchar({_LONG})"

    @property
    def remark(self) -> str:
        """What somebody should know of its cells: those that are not of its type, or what it looks like and cannot be read as."""
        if "char" not in self.kind and self.kind != "long_text":
            what, odd = ("days", self.no_days) if self.kind == "date" else ("numbers", self.no_numbers)
            shown = few([repr(text) for text in dict.fromkeys(odd)], 3)
            return f"{self.name!r}: {what} but for {counted(len(odd), 'cell')} ({shown}), left out of the board" if odd else ""
        known = [text for text in self.filled if fold(text) not in _UNKNOWN]
        for pattern, what, read, type_, board_type in _ALIKE:
            if sum(map(bool, map(pattern.fullmatch, known))) * 2 > len(known):
                types = f'"{self.name}" = "{type_}" in [order_list] and type = "{board_type}" in [items]'
                return f"{self.name!r}: looks like {what} ({known[0]!r}), kept as text: only {read} are read. Written so, they need {types}"
        return ""

    @property
    def is_text(self) -> bool:
        return bool(self.filled) and self.kind.startswith("nvarchar")

    @property
    def may_be_size(self) -> bool:
        """Whole numbers or nothing; a size that few orders have may hold a word or two."""
        named = _NO_SIZE.search(self.name) or (self.filled and _ORDER.search(self.name))
        whole = sum(re.fullmatch(r"[0-9]+(\.0*)?", numeral(text)) is not None for text in self.filled)
        return not named and self.kind != "date" and whole * 2 >= len(self.filled)

    @property
    def board_type(self) -> str:
        """The type of a board column for it."""
        if not self.is_text:
            return self.kind if self.kind in {"date", "long_text"} else "numbers"
        if all(re.fullmatch(r"https?://\S+", text) for text in self.filled):
            return "link"
        return "dropdown" if len(self.distinct) <= min(_MOST_LABELS, len(self.cells) // 3) else "text"


@dataclass
class ListDraft:
    """What is guessed of a list, and a sentence for each guess."""

    path: Path
    columns: list[_Column]
    said: list[str] = field(default_factory=list)

    def text(self, shipped: str, template: str) -> str:
        """The configuration, with what the shipped one has besides."""
        sizes, total = self._sizes()
        others = [each for each in self.columns if each not in sizes]
        key = self._key([each for each in others if each is not total])
        customer = self._customer([each for each in others if each not in (key, total)])
        texts = [each for each in others if each.is_text and each not in (key, customer)]
        extra = self._extra(key, customer, texts)
        status = next((each for each in texts if _STATUS.search(each.name) and len(each.distinct) <= _MOST_LABELS), None)
        texts = [each for each in texts if each is not status]
        sound = [each for each in texts if not each.remark]
        title = sorted(sound, key=lambda each: (not _TITLE.search(each.name), -len(each.distinct)))[:1]
        item, labelled = [key, *title], (customer, status)
        self.said.append(f"names: a group is called after {customer.name!r}, an item after {_list(item)}")
        for each in self.columns:
            if each is not key and each.remark:
                self.said.append(f"look at {each.remark}")
        filled = [each for each in others if each.filled]
        types = ["text" if each is key else "dropdown" if each in labelled else each.board_type for each in filled]
        shown = [each.name for each in filled]
        ids = dict(zip(shown, _ids(zip(shown, types, strict=True)), strict=True))
        self.said.append(f"board: {len(shown)} columns of items, of the types that their cells fit; a size is a subitem")
        listed = {each.name: "integer" if each in sizes else each.kind for each in self.columns} | {key.name: "nvarchar(100)"}
        listed |= {_FILE: "nvarchar(255)", _SOURCE: "nvarchar(255)"}
        listed |= ({} if status else {_TYPE: "nvarchar(100)"}) | ({} if total else {_TOTAL: "integer"})
        order = ["record_uuid", *listed]
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - TOML
        environment.filters["q"] = lambda value: json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        return environment.from_string(template).render(
            file=self.path.name, stem=re.sub(r"\W+", "_", self.path.stem).strip("_").lower()[:40] or "list",
            roles=[role for role in Tables.model_fields if role != "schema_name"],
            order_list=listed.items(), customer=customer.name, source_customer=_SOURCE, source_file=_FILE,
            order_type=status.name if status else _TYPE, total=total.name if total else _TOTAL,
            after=order[order.index(sizes[0].name) - 1], before=order[order.index(sizes[-1].name) + 1],
            texts=[each.name for each in texts], cancelled=[text for text in status.distinct if _CANCELLED.search(text)] if status else [],
            key=key.name, extra=[each.name for each in extra], item=[[each.name] for each in item], external_key=ids[key.name],
            fields=[(name, ids[name], type_) for name, type_ in zip(shown, types, strict=True)], customers=customer.distinct,
            kept=_between(shipped, "[policies]", "[items]").replace('customers = "reject"', 'customers = "accept"'),
            local=_between(shipped, "[environment.sandbox.monday]", "[environment.production]"),
        )  # fmt: skip

    def _sizes(self) -> tuple[list[_Column], _Column | None]:
        """The run of size columns, and the column of their total."""
        runs = [list(run) for may, run in groupby(self.columns, lambda each: each.may_be_size) if may]
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
        numbers = [each for each in self.columns if each not in best and each.filled and each.kind == "integer"]
        named = (each for each in numbers if "total" in each.name.casefold() and _QUANTITY.search(each.name))
        total = total or next((each for each in numbers if _is_total(each, best)), next(named, None))
        first, last = best[0].name, best[-1].name
        run = repr(first)
        if best[1:]:
            run += f" to {last!r}: {len(best)} columns side by side with whole numbers or nothing"
        self.said.append(f"sizes: {run}" + (f"; {total.name!r} is their total" if total else ""))
        if total is None and best[1:] and _QUANTITY.search(last):
            self.said.append(
                f"look at {last!r}: by its name it could be a total, but it is not the sum of the others, so it is a size"
            )
        return best, total

    def _key(self, columns: Sequence[_Column]) -> _Column:
        """The column of the order number: another value in each row if there is one such, with a name that says so if there is one."""
        full = [each for each in columns if each.is_text or (each.kind == "integer" and each.filled)]
        if not full:
            raise SourceDataError(f"{self.path} has no texts or whole numbers that could be a key. Nothing was written.")
        unique = [each for each in full if len(each.distinct) == len(each.cells)]
        named = [each for each in unique or full if _ORDER.search(each.name)]
        key = max(named or unique or full, key=lambda each: len(each.distinct))
        often = "has another value in each row" if unique else f"has {len(key.distinct)} values in {len(key.cells)} rows"
        others = [each for each in unique if each is not key and not each.remark]
        self.said.append(f"key: {key.name!r} {often}" + (f"; so has {_list(others)}" if others else ""))
        return key

    def _extra(self, key: _Column, customer: _Column, texts: Iterable[_Column]) -> list[_Column]:
        """The columns that tell apart the rows of a customer that share an order number."""
        extra, left = list[_Column](), sorted(texts, key=lambda each: -len(each.distinct))

        def told_apart(*more: _Column) -> int:
            return len({*zip(*(each.cells for each in (key, customer, *extra, *more)), strict=True)})

        while left and told_apart() < told_apart(best := max(left, key=told_apart)):
            extra.append(best)
            left.remove(best)
        if extra:
            self.said.append(f"key: rows of one number are told apart by {_list(extra)}")
        return extra

    def _customer(self, columns: Iterable[_Column]) -> _Column:
        full = [each for each in columns if each.is_text and not each.remark and _nearly_all(map(bool, each.cells))]
        texts = sorted(full, key=lambda each: (any(text[0].islower() for text in each.distinct), len(each.distinct)))
        named = [each for each in texts if _WHOSE.search(each.name)]
        others = [each for each in texts if len(each.distinct) * 2 <= len(each.cells) and not _STATUS.search(each.name)]
        found = next(iter([*named, *others]), None)
        if found is None:
            raise SourceDataError(
                f"{self.path} has no column that says whose order a row is (filled in nearly every row, one name for several orders). "
                "Nothing was written. Add a column Customer; orders are merged and sent by customer."
            )
        more = f" and {len(found.distinct) - _NAMED} more" if len(found.distinct) > _NAMED else ""
        why = "by its name" if named else f"of those with few values ({_list(others)}), the likeliest: look at it"
        self.said.append(f"customers: {found.name!r}, {why}: {', '.join(found.distinct[:_NAMED])}{more}")
        return found


def _nearly_all(right: Iterable[bool]) -> bool:
    """Whether it holds but for the dirt that a list has: one cell in twenty."""
    told = list(right)
    return sum(told) >= 0.95 * len(told)


def _list(columns: Iterable[_Column]) -> str:
    return ", ".join(repr(each.name) for each in columns)


def _is_total(column: _Column, sizes: Sequence[_Column]) -> bool:
    """Whether it is the sum of the sizes in nearly every row that has any and counts in each cell: a word in one says nothing."""
    rows = zip(column.counts, *(each.counts for each in sizes), strict=True)
    whole = [[count for count in row if count is not None] for row in rows if None not in row]
    right = [number == sum(sized) for number, *sized in whole if any(sized)]
    return len(right) > 1 and _nearly_all(right)


def _between(text: str, start: str, end: str) -> str:
    """The part of a text from one line on, up to another."""
    return text[text.index(f"\n{start}") + 1 : text.index(f"\n{end}") + 1]


def draft(path: Path, options: FileOptions, folder: Path, ours: Collection[str]) -> ListDraft:
    """Read a file, the first sheet of orders of a workbook, for its guesses; `folder` takes what a workbook unpacks to.

    `ours` are the columns that the table of orders has besides those of the list. Raises `SourceDataError`: it is no list of orders;
    `ConfigurationError`: an option is for another kind of file.
    """
    options.require_use([path])
    taken = {name.casefold() for name in (*ours, _FILE, _SOURCE, _TYPE, _TOTAL)}
    for table in tables_of(path, options, lambda row: _count(row) > 1, folder):
        columns, totals = ([], 0) if table.left_out else _columns_of(table, options.header_row)
        if columns:
            twice = [name for name, count in Counter(fold(each.name) for each in columns).items() if count > 1 or name in taken]
            if wrong := [*twice, *(each.name for each in columns if len(each.name) > _LONGEST_NAME)]:
                raise SourceDataError(
                    f"{table.title}: the header {wrong[0]!r} is there twice, or a name of ours, or longer than {_LONGEST_NAME} characters. "
                    "Nothing was written. Rename it in the file."
                )
            besides = f"; {counted(totals, 'row')} besides that are totals or notes, and no orders" if totals else ""
            said = f"columns: {len(columns)} in {len(columns[0].cells)} rows of {table.title}{besides}"
            return ListDraft(path, columns, [said])
    none = f"{path} has no row of headers with rows below it."
    raise SourceDataError(f"{none} Nothing was written. --header-row and --sheet say where.")


def _columns_of(table: Table, header_row: int | None) -> tuple[list[_Column], int]:
    """The columns below the first row that is about as wide as the widest of the beginning; none where no row is below it.

    And how many rows besides are no orders: they say TOTAL or the like, or are one text alone.
    """
    beginning = [list(map(clean, row)) for row in islice(table.rows(), header_row or HEADER_WITHIN)]
    widest = max(map(_count, beginning), default=0)
    wide = (number for number, row in enumerate(beginning, start=1) if _count(row) * 2 > widest > 1 and _count(row) > 1)
    number = header_row or next(wide, len(beginning))
    filled = [row for row in islice(table.rows(), number, None) if _count(row)]
    rows = [row for row in filled if _count(row) > 1 and not TOTALS & set(map(fold, row))]
    headers = enumerate(beginning[number - 1]) if rows and len(beginning) >= number else ()

    def cells(at: int) -> list[str]:
        return [meaning("lines", row[at], _NULL_WORDS) or "" if at < len(row) else "" for row in rows]

    return [_Column(name, cells(at)) for at, name in headers if name], len(filled) - len(rows)


def _count(row: Iterable[str]) -> int:
    return sum(map(bool, map(str.strip, row)))


def _ids(columns: Iterable[tuple[str, str]]) -> Iterator[str]:
    """An id for each board column, as monday takes it: 1 to 20 lowercase letters, digits and underscores."""
    taken = set[str]()
    for name, kind in columns:
        slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "column"
        wanted = f"{_PREFIXES.get(kind, kind)}_{slug}"[:20].strip("_")
        tries = (wanted, *(f"{wanted[:16]}_{number}" for number in range(2, 1000)))
        taken.add(chosen := next(each for each in tries if each not in taken))
        yield chosen

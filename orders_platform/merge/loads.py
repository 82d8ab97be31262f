"""A load: order files put into the staging table together, all of them or none, with a row each in `ORDER_LOADS`.

A column that a file lacks is absent, not blank: its orders keep what they have in it.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection

from orders_platform.database.engine import repeated_when_lost
from orders_platform.database.order_store import OrderStore
from orders_platform.database.queries import Row
from orders_platform.database.statements import Runner, Statements
from orders_platform.domain.cell_texts import PLACEHOLDER_DATES
from orders_platform.domain.customers import SpellingCount
from orders_platform.domain.text import fold
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import TEXT_ENDINGS, WORKBOOK_ENDINGS, FileOptions, content_hash
from orders_platform.merge.order_files import OrderColumns, OrderFile, OrderSheet, Progress, read_order_file
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import delete_rows, insert_rows

_SETTLED_SECONDS = 10
LOADED, REFUSED = "loaded", "refused"
_MOST = 1_000

Signature = tuple[int, int, str]
"""By which a file is known again: its size, when it was written, and its content as a hash."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a load takes the place of. `dropped` are customers who have no row afterwards."""

    rows: int
    customers: int
    files: int
    dropped: tuple[str, ...]
    is_halved: bool

    @property
    def needs_consent(self) -> bool:
        """Whether a person should be asked first."""
        return bool(self.dropped) or self.is_halved

    def __str__(self) -> str:
        dropped = f" {', '.join(self.dropped)} will have no row." if self.dropped else ""
        halved = " The files hold less than half of that." if self.is_halved else ""
        return f"Replaces {self.rows:,} rows of {self.customers} customers of {self.files} files.{dropped}{halved}"


@dataclass(frozen=True, slots=True)
class Load:
    """Files that may be loaded together. `missing` are columns that they lack, with the number of their orders that keep what they have."""

    files: list[OrderFile]
    missing: Mapping[str, int]
    kept: _KeptValues

    @property
    def spellings(self) -> list[SpellingCount]:
        """How many rows there are of each spelling of a customer and file."""
        return [count for file in self.files for sheet in file.sheets for count in sheet.spellings]


class Loads:
    """Loads of files into one order database."""

    def __init__(self, store: OrderStore, progress: Progress = lambda _words, _done: None) -> None:
        self.database = store.database
        self._progress = progress
        self._store = store
        self._configuration = store.configuration
        self._merge = OrderMerge(store)

    @cached_property
    def columns(self) -> OrderColumns:
        """What the columns of the staging table are."""
        rules, c = self._merge.rules, self._configuration
        return OrderColumns(
            tuple(column.name for column in self._store.schema.columns_of(c.tables.staging)),
            (*c.keys.unique, *c.keys.extra), c.columns.customer, c.columns.file,
            sizes=frozenset(rules.sizes),
            dates=frozenset(column.name for column in rules.business if column.null_words.issuperset(PLACEHOLDER_DATES)),
            numbers=frozenset(column.name for column in rules.business if column.kind in {"number", "whole_number"}),
            names=c.customer_names,
            aliases={header: name for name, column in c.order_list.items() for header in column.headers},
        )  # fmt: skip

    def read(self, paths: Iterable[Path], options: FileOptions, folder: Path) -> Load:
        """Check all files to their end, and decide; `folder` takes what workbooks unpack to, and must live until they are staged.

        Raises:
            SourceDataError: what keeps any of them from being loaded whole.
        """
        files, refusals = list[OrderFile](), list[str]()
        for path in dict.fromkeys(paths):
            try:
                files.append(read_order_file(path, self.columns, folder, options, self._progress))
                refusals += [
                    f"{said} Nothing was loaded." for sheet in files[-1].sheets for said in sheet.refusals(options.ignored)
                ]
            except SourceDataError as error:
                refusals.append(str(error))
        if refusals:
            raise SourceDataError("\n".join(refusals))
        absent = self._absent(files)
        kept = _KeptValues(absent, self.columns.keys, self._read_orders(absent) if absent else ())
        lost = kept.lost((sheet for file in files for sheet in file.sheets), self._shown)
        if lost and not options.accept_missing:
            named = ", ".join(f"{name} ({count} orders have it)" for name, count in lost.items())
            raise SourceDataError(
                f"The load lacks {len(lost)} {'column' if len(lost) == 1 else 'columns'} that its orders had: {named}. Nothing was loaded. "
                "Add what is missing to the file, or load it and keep what the orders have: orders-platform load --accept-missing"
            )
        return Load(files, lost, kept)

    def replaced(self, load: Load) -> Replaced:
        """What a load takes the place of when it replaces all staged rows."""
        counts = self._merge.staged_counts()
        before = self._configuration.customer_names.scan(counts)
        after = self._configuration.customer_names.scan(load.spellings)
        dropped = tuple(name for name in before.customers if name not in after.customers)
        names = {count.file for count in counts}
        return Replaced(before.rows, len(before.customers), len(names), dropped, after.rows * 2 < before.rows)

    def latest(self) -> Mapping[str, str]:
        """The content of each file when it was last loaded or refused, by its name."""
        return {str(row["file_name"]): str(row["content_hash"]) for row in self._store.read("read_loads")}

    @repeated_when_lost
    def stage(self, loads: Sequence[Load], now: datetime, *, replace: bool | None = True) -> int:
        """Put the rows of the files into the staging table; how many.

        Args:
            loads: what `read` gave.
            now: when.
            replace: take the place of all staged rows, of none, or with None of those of the same files.
        """
        tables, done = self._configuration.tables, 0
        with self.database.write() as connection:
            if replace:
                delete_rows(connection, tables.staging, tables.schema_name)
            elif replace is None:
                names = {count.file for load in loads for count in load.spellings if count.file}
                delete_rows(connection, tables.staging, tables.schema_name, **{self.columns.file: names})
            for file, kept in [(file, load.kept) for load in loads for file in load.files]:
                for sheet in file.sheets:
                    columns, rows = kept.rows_of(sheet)
                    for count in insert_rows(
                        self.database, connection, self._store.schema.qualified(tables.staging), columns, rows
                    ):
                        done += count
                        self._progress("rows staged", done)
                self._record(
                    connection, now, file.path.name, file.content_hash, sheets=len(file.sheets), rows=file.rows, outcome=LOADED
                )
        return done

    @repeated_when_lost
    def record_refused(self, name: str, content_hash: str, reason: str, now: datetime) -> None:
        """Note that a file was not loaded, and why."""
        with self.database.write() as connection:
            self._record(connection, now, name, content_hash, outcome=REFUSED, reason=reason[:_MOST])

    def _record(self, connection: Connection, now: datetime, name: str, content_hash: str, **said: object) -> None:
        known = {"sheets": 0, "rows": 0, "reason": None, **said}
        run = Runner(Statements(self._store.templates), connection, {"now": self.database.timestamp(now)})
        run("record_load", load_id=uuid.uuid4().hex, file_name=name, content_hash=content_hash, **known)

    @cached_property
    def _shown(self) -> frozenset[str]:
        """The columns that the board shows or keys are made of."""
        rules = self._merge.rules
        return frozenset(name for sources in rules.watched for name in sources) | set(rules.sizes) | set(self.columns.keys)

    def _absent(self, files: Iterable[OrderFile]) -> list[str]:
        """The columns of orders that a sheet lacks; whose order it is, every load says anew."""
        names = self._configuration.columns
        mine = {names.customer, names.source_customer, names.file}
        common = set(self.columns.known).intersection(*(sheet.columns for file in files for sheet in file.sheets))
        return [column.name for column in self._merge.rules.business if column.name not in common | mine]

    def _read_orders(self, absent: Sequence[str]) -> list[Row]:
        context = {"absent": list(absent), "keys": list(self.columns.keys)}
        return self._store.read("0_read_kept", None, Statements(self._store.templates, context))


def waiting_files(folder: Path, latest: Mapping[str, str], now: datetime, known: dict[str, Signature]) -> dict[Path, str]:
    """The order files of a folder that are to be loaded, with their content as a hash.

    A file that was loaded, or refused, waits when its content is another; one with a new name when no file had its content. One that was
    written within the last seconds may not be whole.

    Args:
        folder: where people put them.
        latest: the content of each file when it was last loaded or refused, by its name.
        now: the time.
        known: the signatures of an earlier look, by name, so that a file is read only when it changed; brought up to date.

    Raises:
        SourceDataError: the folder cannot be read.
    """
    found: dict[Path, str] = {}
    try:
        for path in sorted(folder.iterdir()):
            about = path.stat()
            if path.suffix.lower() not in (*TEXT_ENDINGS, *WORKBOOK_ENDINGS) or path.name.startswith(("~$", ".")):
                continue
            if now.timestamp() - about.st_mtime < _SETTLED_SECONDS:
                continue
            size, written, content = known.get(path.name, (0, 0, ""))
            if (size, written) != (about.st_size, about.st_mtime_ns):
                content = content_hash(path)
                known[path.name] = about.st_size, about.st_mtime_ns, content
            if content != latest.get(path.name) and (path.name in latest or content not in latest.values()):
                found[path] = content
    except OSError as error:
        raise SourceDataError(
            f"The folder of order files {folder} cannot be read: {error.strerror or error}. Make it, or correct folder in [files]."
        ) from error
    return found


class _KeptValues:
    """What the orders of a load have in columns that its sheets lack."""

    def __init__(self, absent: Sequence[str], keys: Sequence[str], orders: Iterable[Row]) -> None:
        self._absent = {name: f"kept_{i}" for i, name in enumerate(absent)}
        self._keys = {name: f"key_{i}" for i, name in enumerate(keys)}
        self._orders: dict[str, list[Row]] = {}
        for row in orders:
            self._orders.setdefault(fold(str(row["key_0"] or "")), []).append(row)

    def lost(self, sheets: Iterable[OrderSheet], shown: frozenset[str]) -> Counter[str]:
        """The shown columns that a sheet lacks, with the number of its orders that have a value in them."""
        lost: Counter[str] = Counter()
        for sheet in sheets if self._orders else ():
            names = {name: place for name, place in self._absent.items() if name in shown - set(sheet.columns)}
            for number in sheet.numbers:
                found = self._orders.get(fold(number), ())
                lost.update(name for name, place in names.items() if any(row[place] is not None for row in found))
        return lost

    def rows_of(self, sheet: OrderSheet) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
        """The rows of a sheet, and what they keep."""
        added = {name: place for name, place in self._absent.items() if name not in sheet.columns} if self._orders else {}
        if not added:
            return sheet.filled, sheet.staged_rows()
        keys = [(sheet.filled.index(name), place) for name, place in self._keys.items() if name in sheet.filled]
        blank = ("",) * len(added)

        def filled() -> Iterator[Sequence[object]]:
            for row in sheet.staged_rows():
                found = self._orders.get(fold(row[keys[0][0]]), ())
                # of several orders with the number the one whose keys are most alike
                order = max(
                    found, key=lambda each: sum(fold(row[at]) == fold(str(each[key] or "")) for at, key in keys), default=None
                )
                yield row + (blank if order is None else tuple(_text(order[place]) for place in added.values()))

        return (*sheet.filled, *added), filled()


def _text(value: object) -> str:
    return "" if value is None else str(value)

"""SQLite: its connections, the functions that our statements call, and what else differs from SQL Server."""

import hashlib
import itertools
import marshal
import math
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import Any

import sqlalchemy
from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, event
from sqlalchemy.exc import DBAPIError

from orders_platform.database.dialects import LOADED, Dialect, Rows, TableColumn, column_types, customer_busy, lock_lost
from orders_platform.database.statements import chunks
from orders_platform.errors import DatabaseRefusedError, DatabaseUnavailableError, OrdersError

BUSY_SECONDS = 30  # how long SQLite waits for another writer
_BATCH = 250
"""Wide rows that are written together: of more, more columns are filled in one row at least, and each column costs a value a row."""

_EXACT = 1 << 53  # beyond it two whole numbers may be one float

_LOCKED = (
    "Another program has been writing to it for half a minute. Nothing of this step was kept: let that end (a run, a backup, whatever "
    "has the file open), then repeat."
)
_ABSENT = "Run `orders-platform init-db`, which makes what is missing."
_STEPS = {
    "no such table": _ABSENT,
    "no such column": _ABSENT,
    "has no column": _ABSENT,
    "readonly": "The file, or its folder, may only be read: it is not yours to write. Ask its owner, or name another by --home.",
    "is full": "Nothing of this step was kept. Make room on its disk, then repeat: nothing is made twice.",
    "disk I/O error": "Nothing of this step was kept. Its disk is full, was taken away, or is failing: look there, then repeat.",
    "unable to open": "Its folder is missing or may not be written, or the disk is full. Name another by --home or ORDERS_DATABASE_URL.",
    "user-defined function": "A text in it is not UTF-8, so that nothing of its table can be read: whoever put it there puts it right.",
    "malformed": "The file is damaged: put back a backup (docs/how_to/deploy.md); nothing is made twice, however old it is.",
    "not a database": "The file is something else, or damaged: name another by --home or ORDERS_DATABASE_URL, or put back a backup.",
}
"""What a person should do next, by SQLite's own words."""

# The words are chosen for their affinity: texts keep their form ('0012' stays text), numbers become numbers, dates stay ISO text.
_TYPES = column_types({
    "nvarchar": "NVARCHAR({})", "code": "VARCHAR({})", "integer": "INT", "bigint": "BIGINT", "decimal": "DECIMAL({}, {})",
    "date": "DATE", "moment": "TEXT", "uuid": "CHAR(36)", "long_text": "TEXT",
})  # fmt: skip


class _Sqlite(Dialect):
    name = "sqlite"
    types = staged_types = _TYPES
    rows_a_batch = _BATCH
    has_one_writer = True
    sparse = " WHERE {} IS NOT NULL"
    any_case = " COLLATE NOCASE"
    staged_hash_triggers = tuple(
        f"CREATE TRIGGER {{name}} AFTER {event} ON {{table}} WHEN new.staged_hash IS NOT NULL {unless}"  # noqa: S608 - text of ours
        f"BEGIN UPDATE {{table}} SET staged_hash = {kept} WHERE rowid = new.rowid; END"
        for event, unless, kept in (
            ("UPDATE", f"AND coalesce(old.staged_hash, '') NOT LIKE '{LOADED}%' ", "NULL"),
            ("INSERT", "", f"CASE WHEN new.staged_hash LIKE '{LOADED}%' THEN substr(new.staged_hash, 2) END"),
        )
    )

    def make_engine(self, url: URL) -> Engine:
        if url.database:
            Path(url.database).parent.mkdir(0o700, parents=True, exist_ok=True)
        engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "do_connect", lambda _dialect, _record, given, named: _open(url.database, given, named))
        event.listen(engine, "connect", _prepare)
        # No event of the engine: with one, each connection and statement asks all events whether somebody listens.
        engine.dialect.do_begin = _begin  # type: ignore[method-assign, assignment]
        return engine

    def error(self, error: DBAPIError, place: str) -> OrdersError:
        words = str(error.orig)
        if "locked" in words:  # SQLite reports its every trouble as an OperationalError
            return DatabaseUnavailableError(f"{place} did not answer: {words}. {_LOCKED}")
        hint = next((step for word, step in _STEPS.items() if word in words), "Nothing of this step was kept.")
        return DatabaseRefusedError(f"{place} refused: {words}. {hint}")

    def timestamp(self, moment: datetime) -> str:
        return moment.replace(tzinfo=None).isoformat(" ", "microseconds")

    def stored_number(self, number: Decimal | float, type_: str) -> int | float | None:
        if -_EXACT < number < _EXACT and number == (whole := int(number)):
            return whole
        return None if math.isinf(float(number)) or type_ == "INT" else float(number)

    def insert_batch(
        self, connection: Connection, start: str, rows: list[tuple[object, ...]], *, has_uuid: bool, empty_is_null: bool
    ) -> None:
        columns = zip(*rows, strict=True) if empty_is_null else repeat((), len(rows[0]))
        marks = [*("NULLIF(?, '')" if "" in column else "?" for column in columns), *["orders_uuid()"] * has_uuid]
        connection.exec_driver_sql(f"{start} VALUES ({', '.join(marks)})", rows)

    def update_rows(self, connection: Connection, table: str, columns: Sequence[str], rows: Rows) -> None:
        ref, *others = (f"{column} = ?" for column in columns)
        statement = f"UPDATE {table} SET {', '.join(others)} WHERE {ref}"  # noqa: S608 - quoted names and marks
        for batch in chunks([(*row[1:], row[0]) for row in rows], _BATCH):
            connection.exec_driver_sql(statement, batch)

    def staged_row(self, row: Sequence[Any]) -> tuple[Any, ...]:
        return (row[0] or _hash(*row[1:]), *row[1:])

    def filled_columns(self, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[int, Sequence[object]]]:
        for block in zip(*rows, strict=True):
            cells = list(map(_unpacked, filter(None, block)))
            if len(cells) < len(block):
                blank, found = (cells[0][0], *repeat(None, len(cells[0]) - 1)) if cells else (0,), iter(cells)
                cells = [next(found) if each else blank for each in block]
            start, *columns = zip(*cells, strict=True)
            yield from ((i, column) for i, column in enumerate(columns, start[0]) if column.count(None) < len(column))

    def filled_cells(self, row: Sequence[Any]) -> dict[int, object]:
        return {
            i: cell
            for start, *cells in map(_unpacked, filter(None, row))
            for i, cell in enumerate(cells, start)
            if cell is not None
        }

    def fingerprint(self, row_hashes: Sequence[str]) -> str:
        return _fingerprint(len(row_hashes), sum(int(each, 16) for each in row_hashes))

    def add_fingerprints(self, parts: Iterable[str]) -> str:
        pairs = [part.split(":") for part in parts]
        return _fingerprint(sum(int(count) for count, _ in pairs), sum(int(total, 16) for _, total in pairs))

    @contextmanager
    def customer_lock(self, engine: Engine, customer: str) -> Iterator[Callable[[], None]]:
        path = engine.url.database
        if not path or path == ":memory:":
            yield lambda: None  # no other process can see this database
            return
        name = hashlib.sha256(customer.encode()).hexdigest()[:16]  # a customer's name may hold any character, a file's may not
        folder = Path(f"{Path(path).resolve()}.locks")  # by whatever link the database is named
        lock = folder / f"{name}.lock"
        try:
            folder.mkdir(0o700, exist_ok=True)  # who may remove a lock file takes the lock away
            taken = FileLock(lock).acquire(timeout=0)
        except Timeout:
            raise customer_busy(customer) from None
        except OSError as error:
            raise DatabaseRefusedError(f"{lock} cannot be locked: {error.strerror}. {_STEPS['readonly']}") from error
        held = _identity(lock)

        def require_held() -> None:
            if held is None or _identity(lock) != held:
                raise lock_lost(customer, f"{lock} was removed or replaced")

        with taken:
            yield require_held

    def _pragma(self, connection: Connection, what: str, table: str, schema: str) -> Sequence[Any]:
        """What SQLite says of a table; SQLAlchemy's inspector makes a type of each of four hundred columns, which takes long."""
        place = f"{self.quote(schema)}." if schema else ""
        return connection.exec_driver_sql(f"PRAGMA {place}{what}({self.quote(table)})").all()

    def columns(self, connection: Connection, table: str, schema: str) -> Sequence[TableColumn]:
        found = self._pragma(connection, "table_xinfo", table, schema)
        return [TableColumn(name, bool(re.search("INT|DEC|NUM", type_, re.IGNORECASE))) for _, name, type_, *_ in found]

    def indexes(self, connection: Connection, table: str, schema: str) -> set[str]:
        return {name for _, name, *_ in self._pragma(connection, "index_list", table, schema)}

    def has_staged_hashes(self, connection: Connection, table: str, triggers: Iterable[str]) -> bool:
        found = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,))
        return set(found.scalars()) >= set(triggers)


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file has this name now, None when none has."""
    with suppress(FileNotFoundError):
        found = file.stat()
        return found.st_dev, found.st_ino
    return None


SQLITE: Dialect = _Sqlite()


def _open(path: str | None, given: list[str], named: dict[str, object]) -> None:
    """A new file is for its owner alone; SQLite gives those beside it the same rights. One that may only be read is opened so."""
    if not path or path == ":memory:":
        return
    if Path(path).exists() and not all(os.access(each, os.W_OK) for each in (path, Path(path).parent)):
        # Whoever may not make the files beside it sees the database as it was closed, unless somebody has it open.
        is_open = Path(f"{path}-shm").exists()
        given[:], named["uri"] = [f"{Path(path).resolve().as_uri()}?mode=ro{'' if is_open else '&immutable=1'}"], True
        return
    with suppress(OSError):  # it is there, or SQLite will say what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves, so that a writer locks before it reads
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a committed intent must survive a power cut
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -32768")
    connection.create_function("orders_uuid", 0, _new_ids())
    connection.create_function("orders_packed", -1, _packed)
    connection.create_function("orders_hash", -1, _hash)
    connection.create_aggregate("orders_fingerprint", 1, _Fingerprint)  # type: ignore[arg-type]


def _begin(connection: PoolProxiedConnection) -> None:
    connection.cursor().execute(connection.info.pop("orders_begin", "BEGIN"))


def _packed(*block: str | float | bytes | None) -> bytes:
    """The position of the first of some cells, and these."""
    return marshal.dumps(block, 2)  # later versions write one of two equal texts otherwise than the other


def _unpacked(packed: bytes) -> tuple[Any, ...]:
    found: tuple[Any, ...] = marshal.loads(packed)  # noqa: S302 - packed by the statement that hands it over
    return found


def _hash(*blocks: bytes | None) -> str:
    return hashlib.blake2b(b"".join(filter(None, blocks)), digest_size=16).hexdigest()


def _new_ids() -> Callable[[], str]:
    """UUIDs of a connection: of version 8, a random beginning and a number that goes on from a random one.

    What is made together so lies together in every index: random ones, each on another page, cost a fifth of a first load.
    """
    text = os.urandom(16).hex()
    start, numbers = f"{text[:8]}-{text[8:12]}-8{text[12:15]}-8{text[15:18]}-", itertools.count(int(text[18:29], 16))
    return lambda: f"{start}{next(numbers):012x}"


class _Fingerprint:
    """An aggregate over rows in any order: the sum of their hashes modulo 2^128, with their number."""

    def __init__(self) -> None:
        self._sum = 0
        self._rows = 0

    def step(self, row_hash: str, /) -> None:
        self._sum += int(row_hash, 16)
        self._rows += 1

    def finalize(self) -> str:
        return _fingerprint(self._rows, self._sum)


def _fingerprint(rows: int, total: int) -> str:
    return f"{rows}:{total % (1 << 128):032x}"

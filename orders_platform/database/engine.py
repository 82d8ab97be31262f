"""The connection to the order database: engines per dialect, transactions, and translation of the driver's errors.

Belongs here: what differs between SQLite and SQL Server *outside* a statement (locks, time values, functions, errors). What
differs inside one is a macro in `sql/macros/`. Does not belong here: any statement of ours.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import sqlalchemy
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from orders_platform.errors import ConfigurationError, DatabaseRefusedError, DatabaseUnavailableError

BUSY_SECONDS = 30
"""How long SQLite waits for another writer."""

_ABSENT = ("no such table", "no such column", "has no column", "Invalid object name", "Invalid column name")


class Database:
    """An engine with the two kinds of transaction we use.

    Args:
        engine: from `open_engine`.
        rehearsal: a connection on which everything happens and nothing stays; see `rehearsal()`.
    """

    def __init__(self, engine: Engine, rehearsal: Connection | None = None) -> None:
        self.engine = engine
        self._rehearsal = rehearsal

    @property
    def dialect(self) -> str:
        """`sqlite` or `mssql`."""
        return self.engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, or rolled back when the block raises."""
        with translated_errors(self.engine):
            if self._rehearsal is not None:
                yield self._rehearsal
                return
            with self.engine.connect().execution_options(orders_begin="BEGIN IMMEDIATE") as connection, connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with translated_errors(self.engine):
            if self._rehearsal is not None:
                yield self._rehearsal
                return
            with self.engine.connect() as connection:
                yield connection

    @contextmanager
    def rehearsal(self) -> Iterator[Database]:
        """A database on which everything works and from which nothing stays: one transaction, rolled back at the end."""
        with translated_errors(self.engine), self.engine.connect() as connection, connection.begin() as transaction:
            try:
                yield Database(self.engine, connection)
            finally:
                transaction.rollback()

    def timestamp(self, moment: datetime) -> object:
        """A UTC moment as this database stores it: ISO text on SQLite, DATETIME2 on SQL Server."""
        naive = moment.replace(tzinfo=None)
        return naive.isoformat(" ", "microseconds") if self.dialect == "sqlite" else naive

    def add_fingerprints(self, parts: Iterable[str]) -> str:
        """The fingerprint of a load out of those of its parts: numbers of rows and sums of hashes add up."""
        pairs = [part.split(":") for part in parts]
        rows = sum(int(count) for count, _ in pairs)
        if self.dialect == "sqlite":
            return _fingerprint(rows, sum(int(total, 16) for _, total in pairs))
        return f"{rows}:{sum(int(total) for _, total in pairs)}"

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_database(url: SecretStr) -> Database:
    """A database by SQLAlchemy URL; connects at first use.

    Raises:
        ConfigurationError: the URL is malformed, or names a database other than SQLite and SQL Server.
    """
    try:
        parsed = make_url(url.get_secret_value())
        if parsed.get_backend_name() not in {"sqlite", "mssql"}:
            raise ConfigurationError(
                f"ORDERS_DATABASE_URL names {parsed.get_backend_name()!r}; the platform works on sqlite and mssql (mssql+pyodbc://...)."
            )
        if parsed.get_backend_name() == "mssql":
            return Database(sqlalchemy.create_engine(parsed, pool_pre_ping=True, use_insertmanyvalues=False))
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sqlalchemy.create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"ORDERS_DATABASE_URL is no SQLAlchemy URL ({type(error).__name__}); see .env.example."
        ) from None
    except ImportError as error:
        raise ConfigurationError(
            f"The driver of the database in ORDERS_DATABASE_URL cannot be loaded: {error}. Install unixODBC and Microsoft's ODBC driver."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"The folder of the database in ORDERS_DATABASE_URL cannot be made: {error}.") from None
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Database(engine)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves, so that a writer locks before it reads
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a committed intent must survive a power cut
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -32768")
    for function, arguments in ((_sha256, 1), (_number, 1), (_whole, 1), (_quantity, 1), (_date, 1), (_upper, 1), (_lower, 1)):
        connection.create_function(f"orders{function.__name__}", arguments, function, deterministic=True)
    connection.create_function("orders_uuid", 0, lambda: str(uuid.uuid4()))
    connection.create_aggregate("orders_fingerprint", 1, _Fingerprint)  # type: ignore[arg-type]


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("orders_begin", "BEGIN"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Fingerprint:
    """An aggregate over rows in any order: the sum of their hashes modulo 2^128, with their number."""

    def __init__(self) -> None:
        self._sum = 0
        self._rows = 0

    def step(self, text: str, /) -> None:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) % (1 << 128)
        self._rows += 1

    def finalize(self) -> str:
        return _fingerprint(self._rows, self._sum)


def _fingerprint(rows: int, total: int) -> str:
    return f"{rows}:{total % (1 << 128):032x}"


def _upper(text: object) -> str | None:
    return None if text is None else str(text).upper()


def _lower(text: object) -> str | None:
    return None if text is None else str(text).lower()


def _number(text: object) -> float | int | None:
    """A plain decimal number or None; no exponent, no separators, as TRY_CONVERT(DECIMAL) reads it."""
    if isinstance(text, int | float) or text is None:
        return text
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", str(text)):
        return None
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        return None
    return int(number) if number == number.to_integral_value() and abs(number) < 1 << 53 else float(number)


def _whole(text: object) -> int | None:
    """A whole number, `12` or `12.0`, or None."""
    number = _number(text)
    return None if number is None or number != int(number) else int(number)


def _quantity(text: object) -> int | None:
    """A whole number of 0 or more, or None."""
    number = _whole(text)
    return None if number is None or number < 0 else number


def _date(text: object) -> str | None:
    """ISO text, with or without a time, or an Excel serial from 1954 on, as ISO date; None for anything else."""
    if text is None:
        return None
    words = str(text).strip()
    try:
        if re.fullmatch(r"[0-9]{5}(\.0+)?", words):
            day = date(1899, 12, 30) + timedelta(days=int(float(words)))
            return day.isoformat() if day.year >= 1954 else None
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?", words, re.ASCII):
            return date.fromisoformat(words[:10]).isoformat()
    except ValueError:
        pass
    return None


def place(engine: Engine) -> str:
    """Which database it is, for messages: no user, no password, no query part, where `odbc_connect` would carry both."""
    url = engine.url
    return f"{url.get_backend_name()}://{url.host or ''}/{url.database or ''}"


@contextmanager
def translated_errors(engine: Engine) -> Iterator[None]:
    """Turn the driver's errors into ours.

    Raises:
        DatabaseUnavailableError: connection lost, database locked, deadlock: the transaction was rolled back; repeat it.
        DatabaseRefusedError: anything else; repeating it changes nothing.
    """
    try:
        yield
    except DBAPIError as error:
        where = place(engine)
        if _is_passing(error, engine.dialect.name):
            raise DatabaseUnavailableError(
                f"{where} did not answer: {error.orig}. Nothing of this step was kept; it can be repeated."
            ) from error
        absent = any(words in str(error.orig) for words in _ABSENT)
        hint = "Run `orders-platform init-db`, which makes what is missing." if absent else "Nothing of this step was kept."
        raise DatabaseRefusedError(f"{where} refused: {error.orig}. {hint}") from error
    except SQLAlchemyError as error:
        raise DatabaseRefusedError(
            f"The statement could not be run: {error}. This is a defect in sql/; please report it."
        ) from error


def _is_passing(error: DBAPIError, dialect: str) -> bool:
    # SQLite reports its every trouble as an OperationalError, a deadlock of SQL Server (40001) is none.
    if dialect == "sqlite":
        return "locked" in str(error.orig)
    state = str(error.orig.args[0]) if error.orig is not None and error.orig.args else ""
    return error.connection_invalidated or state == "40001" or isinstance(error, OperationalError)

"""The connection to the order database: transactions, their repetition, and the driver's errors as ours."""

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, ParamSpec, TypeVar

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from orders_platform.database.dialects import Dialect
from orders_platform.database.mssql import MSSQL
from orders_platform.database.sqlite import SQLITE
from orders_platform.errors import ConfigurationError, DatabaseRefusedError, TransactionLostError

DELAYS = (0.2, 2.0, 20.0, 60.0)
"""Seconds before each repetition of a lost transaction. Azure SQL moves a database in half a minute, and wakes one within 90 seconds."""

_MALFORMED = (
    "ORDERS_DATABASE_URL is no SQLAlchemy URL; see .env.example. The characters @ : / ? # % of its user and password must be "
    "percent-encoded, @ as %40."
)
_DIALECTS = {dialect.name: dialect for dialect in (SQLITE, MSSQL)}


class Database:
    """An engine with the two kinds of transaction we use; with `dry_run` everything happens on that connection, and nothing stays."""

    def __init__(self, engine: Engine, dry_run: Connection | None = None, sleep: Callable[[float], None] = time.sleep) -> None:
        self.engine = engine
        self.dialect: Dialect = _DIALECTS[engine.dialect.name]
        self.sleep = sleep
        self.is_dry_run = dry_run is not None
        self._dry_run = dry_run
        # Whoever finds SQLite locked by another thread of the process sleeps; on SQL Server they write side by side.
        self._turn = threading.RLock() if self.dialect.has_one_writer else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with translated_errors(self.engine):
            if self._dry_run is not None:
                yield self._dry_run
                return
            with self.engine.connect() as connection:
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, or rolled back when the block raises."""
        with self._turn, self.read() as connection:
            if self.is_dry_run:
                yield connection
                return
            connection.connection.info["orders_begin"] = "BEGIN IMMEDIATE"
            with connection.begin(), self.dialect.whole_transaction(connection):
                yield connection

    @contextmanager
    def dry_run_transaction(self) -> Iterator["Database"]:
        """A database on which everything works and from which nothing stays: one transaction, rolled back at the end."""
        with translated_errors(self.engine), self.engine.connect() as connection, connection.begin() as transaction:
            try:
                yield Database(self.engine, connection, self.sleep)
            finally:
                transaction.rollback()

    @contextmanager
    def customer_lock(self, customer: str) -> Iterator[Callable[[], None]]:
        """Hold a customer until the block ends, or this process does; gives a function that raises when the lock is held no more.

        Raises `CustomerBusyError`: another run holds it, on this machine or, with SQL Server, on any.
        """
        with translated_errors(self.engine), self.dialect.customer_lock(self.engine, customer) as require_held:
            yield require_held

    def close(self) -> None:
        self.engine.dispose()


P = ParamSpec("P")
R = TypeVar("R")


def repeated_when_lost(method: Callable[P, R]) -> Callable[P, R]:
    """Run a method of an object with a `database` again, as a whole, when its transaction was lost; the last time its error goes through.

    It must be safe to run twice: a connection can break during COMMIT, and then nobody knows whether it was kept. In a dry run nothing is
    repeated, because what came before in the same transaction is lost as well.
    """

    @functools.wraps(method)
    def run(*arguments: P.args, **named: P.kwargs) -> R:
        owner: Any = arguments[0]
        for delay in () if owner.database.is_dry_run else DELAYS:
            try:
                return method(*arguments, **named)
            except TransactionLostError:
                owner.database.sleep(delay)
        return method(*arguments, **named)

    return run


def dialect_of(url: SecretStr) -> Dialect:
    """The dialect of a SQLAlchemy URL; nothing is connected. Raises `ConfigurationError` for a malformed URL or another database."""
    name = _parsed(url).get_backend_name()
    if name not in _DIALECTS:
        known = "the platform works on sqlite and mssql (mssql+mssqlpython:// or mssql+pyodbc://)."
        raise ConfigurationError(f"ORDERS_DATABASE_URL names {name!r}; {known}")
    return _DIALECTS[name]


def open_database(url: SecretStr) -> Database:
    """A database by SQLAlchemy URL; connects at first use. Raises `ConfigurationError` for a URL, driver or folder that cannot be used."""
    dialect = dialect_of(url)
    try:
        return Database(dialect.make_engine(_parsed(url)))
    except (ArgumentError, NoSuchModuleError):
        raise ConfigurationError(_MALFORMED) from None
    except ImportError as error:
        raise ConfigurationError(
            f"The driver of the database in ORDERS_DATABASE_URL cannot be loaded: {error}. "
            "`pip install 'orders-platform[mssql]'` and mssql+mssqlpython://, or pyodbc with unixODBC and Microsoft's ODBC driver."
        ) from None
    except OSError as error:
        step = "Name another by --home, DAGSTER_HOME or ORDERS_DATABASE_URL."
        raise ConfigurationError(f"The folder of the database cannot be made: {error}. {step}") from None


def _parsed(url: SecretStr) -> URL:
    text = url.get_secret_value()
    try:
        parsed = make_url(text)
    except (ArgumentError, ValueError):  # a port that is no number
        raise ConfigurationError(_MALFORMED) from None
    # SQLAlchemy ends a password at the first @: what it takes for the server, and we show, may be the rest of it.
    is_unsure = text.count("@") > 1 or set("@:") & set(parsed.database or "") or (parsed.username and not parsed.host)
    if is_unsure and parsed.get_backend_name() != SQLITE.name:
        raise ConfigurationError(_MALFORMED)
    return parsed


def place(engine: Engine) -> str:
    """Which database it is, for messages: no user, no password, no query part, where `odbc_connect` would carry both."""
    url = engine.url
    return f"{url.get_backend_name()}://{url.host or ''}/{url.database or ''}"


@contextmanager
def translated_errors(engine: Engine, what: str = "") -> Iterator[None]:
    """Turn the driver's errors into ours, of this engine or of `what` else the block works with.

    Raises:
        TransactionLostError: deadlock, lock time-out, broken connection: the transaction is gone; repeat it.
        DatabaseUnavailableError: locked, or too slow: repeat it later.
        DatabaseRefusedError: anything else; repeating it changes nothing.
    """
    try:
        yield
    except DBAPIError as error:
        raise _DIALECTS[engine.dialect.name].error(error, what or place(engine)) from error
    except SQLAlchemyError as error:
        defect = "This is a defect in sql/; please report it."
        raise DatabaseRefusedError(f"The statement could not be run: {error}. {defect}") from error

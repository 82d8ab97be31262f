"""The connection to the order database: transactions, and translation of the driver's errors.

Belongs here: what the two databases have in common outside a statement. What differs there is in `sqlite.py` and `mssql.py`, what differs
inside one is a macro in `sql/macros/`. Does not belong here: any statement of ours.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from pydantic import SecretStr
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from orders_platform.database import mssql, sqlite
from orders_platform.database.mssql_errors import Reaction, reaction_to
from orders_platform.errors import (
    ConfigurationError,
    DatabaseRefusedError,
    DatabaseUnavailableError,
    OrdersError,
    TransactionLostError,
)

DELAYS = (0.2, 1.0, 5.0, 20.0)
"""Seconds before each repetition of a lost transaction. Azure SQL is back within half a minute of moving a database."""

_ABSENT = ("no such table", "no such column", "has no column")


class Database:
    """An engine with the two kinds of transaction we use.

    Args:
        engine: from `open_engine`.
        rehearsal: a connection on which everything happens and nothing stays; see `dry_run_transaction()`.
        sleep: how to wait before a lost transaction is repeated.
    """

    def __init__(
        self, engine: Engine, rehearsal: Connection | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.engine = engine
        self.sleep = sleep
        self._dry_run = rehearsal

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing of what happens here stays."""
        return self._dry_run is not None

    @property
    def dialect(self) -> str:
        """`sqlite` or `mssql`."""
        return self.engine.dialect.name

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, or rolled back when the block raises."""
        with translated_errors(self.engine):
            if self._dry_run is not None:
                yield self._dry_run
                return
            whole = mssql.whole_transaction if self.dialect == "mssql" else nullcontext
            opened = self.engine.connect().execution_options(orders_begin="BEGIN IMMEDIATE")
            with opened as connection, connection.begin(), whole(connection):
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with translated_errors(self.engine):
            if self._dry_run is not None:
                yield self._dry_run
                return
            with self.engine.connect() as connection:
                yield connection

    @contextmanager
    def dry_run_transaction(self) -> Iterator[Database]:
        """A database on which everything works and from which nothing stays: one transaction, rolled back at the end."""
        with translated_errors(self.engine), self.engine.connect() as connection, connection.begin() as transaction:
            try:
                yield Database(self.engine, connection, self.sleep)
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
            return sqlite.fingerprint(rows, sum(int(total, 16) for _, total in pairs))
        return f"{rows}:{sum(int(total) for _, total in pairs)}"

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


P = ParamSpec("P")
R = TypeVar("R")


class _HasDatabase(Protocol):
    database: Database


H = TypeVar("H", bound=_HasDatabase)


def repeated_when_lost(method: Callable[Concatenate[H, P], R]) -> Callable[Concatenate[H, P], R]:
    """Run a method again, as a whole, when its transaction was lost; the last time its error goes through.

    It must be safe to run twice: a connection can break during COMMIT, and then nobody knows whether it was kept. In a dry run nothing is
    repeated, because what came before in the same transaction is lost as well.
    """

    @functools.wraps(method)
    def run(self: H, /, *arguments: P.args, **named: P.kwargs) -> R:
        for delay in () if self.database.is_dry_run else DELAYS:
            try:
                return method(self, *arguments, **named)
            except TransactionLostError:
                self.database.sleep(delay)
        return method(self, *arguments, **named)

    return run


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
            return Database(mssql.make_engine(parsed))
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        return Database(sqlite.make_engine(parsed))
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


def place(engine: Engine) -> str:
    """Which database it is, for messages: no user, no password, no query part, where `odbc_connect` would carry both."""
    url = engine.url
    return f"{url.get_backend_name()}://{url.host or ''}/{url.database or ''}"


@contextmanager
def translated_errors(engine: Engine) -> Iterator[None]:
    """Turn the driver's errors into ours.

    Raises:
        TransactionLostError: deadlock, lock time-out, broken connection: the transaction is gone; repeat it.
        DatabaseUnavailableError: locked, or too slow: repeat it later.
        DatabaseRefusedError: anything else; repeating it changes nothing.
    """
    try:
        yield
    except DBAPIError as error:
        raise _translated(_first(error), engine) from error
    except SQLAlchemyError as error:
        raise DatabaseRefusedError(
            f"The statement could not be run: {error}. This is a defect in sql/; please report it."
        ) from error


def _first(error: DBAPIError) -> DBAPIError:
    """What went wrong first: after an error that ended the transaction, the roll-back fails as well."""
    if "SQLEndTran" not in str(error.orig) or _reaction(error).kind is TransactionLostError:
        return error  # the roll-back of a connection that broke says so best
    earlier = error.__context__
    while earlier is not None and not isinstance(earlier, DBAPIError):
        earlier = earlier.__context__
    return earlier or error


def _reaction(error: DBAPIError) -> Reaction:
    state = str(error.orig.args[0]) if error.orig is not None and error.orig.args else ""
    return reaction_to(state, str(error.orig), is_disconnect=error.connection_invalidated)


def _translated(error: DBAPIError, engine: Engine) -> OrdersError:
    where, words = place(engine), str(error.orig)
    if engine.dialect.name == "mssql":
        reaction = _reaction(error)
        verb = "refused" if issubclass(reaction.kind, DatabaseRefusedError) else "did not answer"
        return reaction.kind(f"{where} {verb}: {words}. {reaction.step}")
    if "locked" in words:  # SQLite reports its every trouble as an OperationalError
        return DatabaseUnavailableError(f"{where} did not answer: {words}. Nothing of this step was kept; it can be repeated.")
    absent = any(word in words for word in _ABSENT)
    hint = "Run `orders-platform init-db`, which makes what is missing." if absent else "Nothing of this step was kept."
    return DatabaseRefusedError(f"{where} refused: {words}. {hint}")

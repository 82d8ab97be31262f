"""What differs between the two databases outside a statement. `engine.dialect_of` chooses one by the URL alone.

What differs inside a statement is a macro in `sql/macros/`.
"""

import abc
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Literal

import sqlalchemy
from markupsafe import Markup
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.dialects import registry
from sqlalchemy.exc import DBAPIError

from orders_platform.errors import CustomerBusyError, OrdersError

Family = Literal["text", "number", "float", "moment"]

Right = tuple[str, str, str]  # class of the securable, its name (empty for the database itself), the permission


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as the database's catalogue has it."""

    name: str
    is_numeric: bool
    # what its values are, money among the floats; always text on SQLite, where each value has a type of its own
    family: Family = "text"
    length: int = 0  # the characters that it holds at most, 0 without a limit
    type: Markup | None = None  # what of a number, a day or a text it holds; None where the dialect's own DDL says so


Rows = Iterable[Sequence[object]]
LOADED = "+"  # before the hash of a staged row that a load inserts: the trigger takes it off, and forgets that of any other row

ColumnTypes = Mapping[str, Callable[..., Markup]]  # the column types of our DDL, each a function of its sizes


def column_types(words: Mapping[str, str]) -> ColumnTypes:
    """The column types out of a format string of ours for each."""
    return {name: Markup(word).format for name, word in words.items()}  # noqa: S704


class Dialect(abc.ABC):
    """One of the two databases, under SQLAlchemy's name for it."""

    name: ClassVar[str]
    types: ClassVar[ColumnTypes]  # of the columns of our tables; `staged_types` of the staging table, which takes any text
    staged_types: ClassVar[ColumnTypes]
    rows_a_batch: ClassVar[int]  # so many rows are inserted together
    has_one_writer: ClassVar[bool] = False  # whether one transaction at a time may write
    has_earlier_system: ClassVar[bool] = False  # whether an earlier system may have left tables, which `init-db` adopts
    # after a column of an index of texts, where that is to find them without regard to case; SQL Server's collations do
    any_case: ClassVar[str] = ""
    longest_key: ClassVar[int] = 0  # so many characters a column of an index may have, 0 without a limit
    sparse: ClassVar[str] = ""  # after an index of a column that is mostly NULL, with the column's name
    staging_index: ClassVar[str] = "INDEX"  # what the index of a new staging table is called
    settings: ClassVar[Sequence[str]] = ()  # what a new table of ours is told, with its quoted name
    # what forgets the hash of a staged row that others write; none where none has one
    staged_hash_triggers: ClassVar[Sequence[str]] = ()

    @cached_property
    def sqlalchemy(self) -> sqlalchemy.Dialect:
        """SQLAlchemy's dialect, connected to nothing: quoting and DDL need no more."""
        dialect: type[sqlalchemy.Dialect] = registry.load(self.name)
        return dialect()

    def quote(self, name: str) -> Markup:
        return Markup(self.sqlalchemy.identifier_preparer.quote_identifier(name))  # noqa: S704 - quoted by the dialect

    @abc.abstractmethod
    def make_engine(self, url: URL) -> Engine:
        """An engine that connects at first use. Raises `ConfigurationError`, and `ImportError` when the driver cannot be loaded."""

    @abc.abstractmethod
    def error(self, error: DBAPIError, place: str) -> OrdersError:
        """The driver's error as ours; `place` names the database."""

    def whole_transaction(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002 - SQLite ends none by itself
        """Raise `TransactionLostError` when the transaction ended before this block did."""
        return nullcontext()

    @abc.abstractmethod
    def timestamp(self, moment: datetime) -> object:
        """A UTC moment as the database stores it."""

    @abc.abstractmethod
    def stored_number(self, number: Decimal | float, type_: str) -> object:
        """A number as a column of this type holds it, None where it cannot."""

    def insert_rows(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[str],
        rows: Rows,
        *,
        uuid: str = "",
        empty_is_null: bool = False,
    ) -> int:
        """Insert rows, each under a new id where there is a column `uuid` for it; how many. Table and columns are quoted names.

        With `empty_is_null` empty texts become NULL, which a column of numbers would make 0 of. Of each batch only those columns are
        named in which one of its rows has a value.
        """
        count, remaining = 0, iter(self.fitting(connection, table, columns, rows) if empty_is_null else rows)
        blank = {None, ""} if empty_is_null else {None}
        while batch := list(itertools.islice(remaining, self.rows_a_batch)):
            cells = list(zip(*batch, strict=True))
            filled = [i for i, column in enumerate(cells) if any(column) or not blank.issuperset(column)] or [0]
            start = f"INSERT INTO {table} ({', '.join([*(columns[i] for i in filled), *[uuid] * bool(uuid)])})"
            written = list(zip(*(cells[i] for i in filled), strict=True))
            self.insert_batch(connection, start, written, has_uuid=bool(uuid), empty_is_null=empty_is_null)
            count += len(batch)
        return count

    def fitting(self, connection: Connection, table: str, columns: Sequence[str], rows: Rows) -> Rows:  # noqa: ARG002
        """Staged rows as the columns of their table take them; those of SQLite take anything."""
        return rows

    @abc.abstractmethod
    def insert_batch(
        self, connection: Connection, start: str, rows: list[tuple[object, ...]], *, has_uuid: bool, empty_is_null: bool
    ) -> None:
        """Insert so many rows; `start` names table and columns, the last of which is the one for a new id where there is one."""

    @abc.abstractmethod
    def update_rows(self, connection: Connection, table: str, columns: Sequence[str], rows: Rows) -> None:
        """Write columns of the rows that the first of them names. Table and columns are quoted names."""

    def staged_row(self, row: Sequence[Any]) -> Sequence[Any]:
        """A staged row, its hash first, out of what the macro `row_read` reads."""
        return row

    def filled_columns(self, rows: Sequence[Sequence[Any]]) -> Iterable[tuple[int, Sequence[object]]]:
        """The columns that are filled in one of some rows, by position, out of what the macro `cells` reads of each."""
        return ((i, column) for i, column in enumerate(zip(*rows, strict=True)) if column.count(None) < len(column))

    def filled_cells(self, row: Sequence[Any]) -> dict[int, object]:
        """The same of one row."""
        return {i: cell for i, cell in enumerate(row) if cell is not None}

    @abc.abstractmethod
    def fingerprint(self, row_hashes: Sequence[str]) -> str:
        """The fingerprint of a load with such rows, as the statements make it."""

    @abc.abstractmethod
    def add_fingerprints(self, parts: Iterable[str]) -> str:
        """The fingerprint of a load out of those of its parts: numbers of rows and sums of hashes add up."""

    @abc.abstractmethod
    def customer_lock(self, engine: Engine, customer: str) -> AbstractContextManager[Callable[[], None]]:
        """Hold a customer until the block ends, or the process does, however that ends. Raises `CustomerBusyError`.

        The block is given a function, for any thread, that raises `CustomerBusyError` when the lock is held no more.
        """

    def lock_merge(self, connection: Connection, customer: str) -> None:  # noqa: B027 - a writer of SQLite has the file to itself
        """Make another merge of the customer wait until this transaction ends. Raises `CustomerBusyError` when that takes too long."""

    @abc.abstractmethod
    def columns(self, connection: Connection, table: str, schema: str) -> Sequence[TableColumn]:
        """The columns of a table in order; none when there is no such table."""

    @abc.abstractmethod
    def indexes(self, connection: Connection, table: str, schema: str) -> set[str]:
        """The names of a table's indexes; none when there is no such table."""

    def has_staged_hashes(self, connection: Connection, table: str, triggers: Iterable[str]) -> bool:  # noqa: ARG002 - nothing keeps them on SQL Server
        """Whether a staging table has hashes of its rows that are true, whoever changes these: it has these `triggers`."""
        return False

    def unsuitable(self, connection: Connection, table: str, written: Sequence[str], compared: Sequence[str]) -> list[str]:  # noqa: ARG002 - SQLite's columns take anything
        """Why columns of a table of an earlier system cannot be written or compared, a sentence each; `table` is quoted."""
        return []

    def missing_grants(self, connection: Connection, rights: Sequence[Right]) -> list[str]:  # noqa: ARG002 - SQLite has no rights
        """A GRANT for each of the rights that the login lacks."""
        return []


def customer_busy(customer: str) -> CustomerBusyError:
    """The error of a customer that another run holds."""
    what = f"Another run is at work on customer {customer!r}."
    return CustomerBusyError(f"{what} Nothing was done; wait for it to end, or stop it.")


def lock_lost(customer: str, how: str) -> CustomerBusyError:
    """The error of a run that held a customer and holds it no more."""
    return CustomerBusyError(
        f"The lock of customer {customer!r} is lost: {how}, so that another run may be at work on the customer. "
        "This one sends nothing more of it; the next run goes on."
    )

"""SQL Server: its connections with the settings of a session, its catalogue, rights and locks, and what else differs from SQLite.

Which driver is used is decided in `odbc_driver.py`, what its errors mean in `mssql_errors.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING

import sqlalchemy
from markupsafe import Markup
from sqlalchemy import URL, Connection, Engine, ExecutionContext, event, text
from sqlalchemy.exc import DBAPIError

from orders_platform.database.dialects import Dialect, Family, Right, TableColumn, column_types, customer_busy, lock_lost
from orders_platform.database.mssql_errors import Meaning, meaning_of
from orders_platform.database.odbc_driver import find_driver, safe_options
from orders_platform.database.statements import chunks
from orders_platform.errors import DatabaseRefusedError, OrdersError, TransactionLostError

if TYPE_CHECKING:
    import pyodbc

TEXT_PARAMETERS = "orders_text_parameters"
"""Execution option of a statement all of whose parameters are texts: said so, its plan does not depend on their lengths."""

_WIDE_TEXT = (-9, 0, 0)  # SQL_WVARCHAR of any length
_MARKS = re.compile(r"'(?:[^']|'')*'|\[(?:[^\]]|\]\])*\]|--[^\n]*|/\*.*?\*/|\?", re.DOTALL)
_NULL = "CAST(NULL AS NVARCHAR(1))"  # of a type that becomes any other: bare ones above each other in a UNION would be INT

_ROWS = 1_000
"""So many rows go to SQL Server in one statement, as one document."""

_WHOLE = {
    "INT": range(-1 << 31, 1 << 31),
    "BIGINT": range(-1 << 63, 1 << 63),
    "SMALLINT": range(-1 << 15, 1 << 15),
    "TINYINT": range(256),
}
_DECIMAL = re.compile(r"DECIMAL\((\d+), (\d+)\)")
_EXACT = Context(prec=60)

LOGIN_SECONDS = 15
"""How long a server may take to accept us."""

LOCK_SECONDS = 60
"""How long a statement waits for another's locks; then it is error 1222, and the transaction is repeated."""

STATEMENT_SECONDS = 900
"""How long one statement may take: ten times the longest measured, the cleaning of a customer of 20,000 wide rows."""

_TYPES = {
    "nvarchar": "NVARCHAR({})", "code": "VARCHAR({})", "integer": "INT", "bigint": "BIGINT", "decimal": "DECIMAL({}, {})",
    "date": "DATE", "moment": "DATETIME2(7)", "uuid": "UNIQUEIDENTIFIER", "long_text": "NVARCHAR(MAX)",
}  # fmt: skip

_FAMILIES: Mapping[str, Family] = {
    **dict.fromkeys(("bigint", "int", "smallint", "tinyint", "bit", "decimal", "numeric"), "number"),
    **dict.fromkeys(("float", "real", "money", "smallmoney"), "float"),
    **dict.fromkeys(("date", "datetime", "datetime2", "smalldatetime"), "moment"),
}

# t-sql-compatible: every engine has INFORMATION_SCHEMA; SQLAlchemy's inspector asks for more.
_COLUMNS = text(
    "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE "
    "FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = :table_name "
    "AND TABLE_SCHEMA = COALESCE(NULLIF(:schema_name, ''), SCHEMA_NAME()) ORDER BY ORDINAL_POSITION"
)
_INDEXES = text(
    "SELECT i.name FROM sys.indexes AS i INNER JOIN sys.tables AS t ON t.object_id = i.object_id "
    "WHERE t.name = :table_name AND t.schema_id = SCHEMA_ID(COALESCE(NULLIF(:schema_name, ''), SCHEMA_NAME()))"
)

_LOCK = (
    "DECLARE @answer INT; EXEC @answer = sp_getapplock @Resource = ?, @LockMode = 'Exclusive', @LockOwner = ?, "
    "@LockTimeout = ?; SELECT @answer AS answer"
)


class _Mssql(Dialect):
    name = "mssql"
    kind = "sqlserver"
    types = column_types(_TYPES)
    # The order list as it arrives: a cell that is no number must not stop its load, the merge rejects its row.
    staged_types = column_types(
        {**_TYPES, **dict.fromkeys(("nvarchar", "integer", "decimal", "date", "uuid"), "NVARCHAR(4000)")}
    )
    rows_a_batch = _ROWS
    any_case = ""
    has_earlier_system = True

    def make_engine(self, url: URL) -> Engine:
        if url.get_driver_name() == "pyodbc":
            url = _completed(url)
        engine = sqlalchemy.create_engine(
            url,
            pool_pre_ping=True,  # a connection that died between two runs is replaced unseen
            pool_recycle=1_800,  # firewalls forget idle connections, Azure after 30 minutes
            use_insertmanyvalues=False,  # it relies on a sorted OUTPUT
            connect_args={"timeout": LOGIN_SECONDS},
        )
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "before_cursor_execute", _before_execute, retval=True)
        return engine

    def error(self, error: DBAPIError, place: str) -> OrdersError:
        first = _first(error)
        meaning = _meaning(first)
        verb = "refused" if issubclass(meaning.kind, DatabaseRefusedError) else "did not answer"
        return meaning.kind(f"{place} {verb}: {first.orig}. {meaning.step}")

    @contextmanager
    def whole_transaction(self, connection: Connection) -> Iterator[None]:
        """What is written after the end is in a transaction that the driver began without a word, or in none.

        A second level, which nobody else begins, tells it from ours.
        """
        connection.exec_driver_sql("BEGIN TRANSACTION")
        level = _level(connection)
        yield
        now = _level(connection)
        if now == level:
            connection.exec_driver_sql("COMMIT TRANSACTION")
            return
        if now == 0:
            connection.exec_driver_sql("BEGIN TRANSACTION")  # for the roll-back, which is an error without one
        raise TransactionLostError(
            "The server ended the transaction in its middle and gave no error: a trigger may have, or the driver kept the error to "
            "itself. This step is repeated as a whole."
        )

    def timestamp(self, moment: datetime) -> datetime:
        return moment.replace(tzinfo=None)

    def stored_number(self, number: Decimal | float, type_: str) -> Decimal | None:
        """Rounded to the scale of the column, as the server does."""
        exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
        if type_ in _WHOLE:
            return exact if exact == exact.to_integral_value() and int(exact) in _WHOLE[type_] else None
        found = _DECIMAL.fullmatch(type_)
        precision, scale = (int(found[1]), int(found[2])) if found else (28, 6)
        if exact.adjusted() >= precision:
            return None
        rounded = exact.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _EXACT)
        return rounded if len(rounded.as_tuple().digits) <= precision else None

    def insert_batch(
        self, connection: Connection, start: str, rows: list[tuple[object, ...]], *, has_uuid: bool, empty_is_null: bool
    ) -> None:
        cells = ", ".join([*(f"r.c{n}" for n in range(len(rows[0]))), *["NEWID()"] * has_uuid])
        if empty_is_null:
            rows = [tuple([None if cell == "" else cell for cell in row]) for row in rows]
        _execute_rows(connection, f"{start} SELECT {cells} FROM", rows)

    def update_rows(self, connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        written = ", ".join(f"{column} = r.c{n}" for n, column in enumerate(columns) if n)
        _execute_rows(connection, f"UPDATE {table} SET {written} FROM", list(rows), f" WHERE {table}.{columns[0]} = r.c0")  # noqa: S608 - quoted names

    def add_fingerprints(self, parts: Iterable[str]) -> str:
        pairs = [part.split(":") for part in parts]
        return f"{sum(int(count) for count, _ in pairs)}:{sum(int(total) for _, total in pairs)}"

    @contextmanager
    def customer_lock(self, engine: Engine, customer: str) -> Iterator[Callable[[], None]]:
        one_at_a_time = threading.Lock()
        with engine.connect() as connection:

            def is_held() -> bool:
                """Whether the session has the lock, or gets it now. Asking again is granted to the session that has it."""
                with one_at_a_time:
                    granted = _taken(connection, f"orders_platform:{customer}", "Session", 0)
                    connection.commit()  # it is the session's, not the transaction's
                    return granted

            def require_held() -> None:
                try:
                    if is_held():
                        return
                except (DBAPIError, engine.dialect.loaded_dbapi.Error) as error:
                    raise lock_lost(customer, "its connection to the database broke") from error
                raise lock_lost(customer, "another run has it")

            if not is_held():
                raise customer_busy(customer)
            try:
                yield require_held
            finally:
                connection.invalidate()  # the lock ends with its session, also when the session is dead already

    def lock_merge(self, connection: Connection, customer: str) -> None:
        if not _taken(connection, f"orders_platform merge:{customer}", "Transaction", 60_000):
            raise customer_busy(customer)

    def columns(self, connection: Connection, table: str, schema: str) -> Sequence[TableColumn]:
        rows = connection.execute(_COLUMNS, {"table_name": table, "schema_name": schema})
        return tuple(table_column(*row) for row in rows)

    def indexes(self, connection: Connection, table: str, schema: str) -> set[str]:
        names = connection.execute(_INDEXES, {"table_name": table, "schema_name": schema}).scalars()
        return {str(name) for name in names}

    def missing_grants(self, connection: Connection, rights: Sequence[Right]) -> list[str]:
        missing = _refused(connection, rights)
        if not missing:
            return []
        user = self.quote(str(connection.exec_driver_sql("SELECT USER_NAME()").scalar_one()))
        return [f"GRANT {permission}{f' ON {kind}::{name}' if name else ''} TO {user};" for kind, name, permission in missing]


MSSQL: Dialect = _Mssql()


def _first(error: DBAPIError) -> DBAPIError:
    """What went wrong first: after an error that ended the transaction, the roll-back fails as well."""
    if "SQLEndTran" not in str(error.orig) or _meaning(error).kind is TransactionLostError:
        return error  # the roll-back of a connection that broke says so best
    earlier = error.__context__
    while earlier is not None and not isinstance(earlier, DBAPIError):
        earlier = earlier.__context__
    return earlier or error


def _meaning(error: DBAPIError) -> Meaning:
    state = str(error.orig.args[0]) if error.orig is not None and error.orig.args else ""
    return meaning_of(state, str(error.orig), is_disconnect=error.connection_invalidated)


# --- connections --------------------------------------------------------------------------------------------------------


def _completed(url: URL) -> URL:
    """The URL with a driver and with encryption, where it does not say them itself."""
    if "odbc_connect" in url.query:
        return url  # a whole connection string of somebody's own
    driver = url.query.get("driver")
    if driver is None:
        import pyodbc

        driver = find_driver(pyodbc.drivers())
        url = url.update_query_dict({"driver": driver})
    return url.update_query_dict(safe_options(str(driver), url.query, url.port))


def _prepare(connection: pyodbc.Connection, _record: object) -> None:
    connection.timeout = STATEMENT_SECONDS
    cursor = connection.cursor()
    cursor.execute("SET NOCOUNT OFF")  # a server may have it on for everybody; our write-backs count their rows
    cursor.execute("SET XACT_ABORT ON")  # an error of a statement ends its transaction: nothing half done is committed
    cursor.execute("SET DATEFORMAT ymd")  # an ISO date is that day, also in a column of moments
    cursor.execute(f"SET LOCK_TIMEOUT {LOCK_SECONDS * 1_000}")
    cursor.close()


def _before_execute(
    _connection: Connection,
    cursor: pyodbc.Cursor,
    sql: str,
    parameters: Sequence[object],
    context: ExecutionContext,
    _many: bool,  # noqa: FBT001
) -> tuple[str, Sequence[object]]:
    if context.execution_options.get(TEXT_PARAMETERS):
        cursor.setinputsizes([_WIDE_TEXT] * len(parameters))
        return sql, parameters
    return write_nulls(sql, parameters) if None in parameters else (sql, parameters)


# t-sql-compatible: SQL Server itself cannot say a NULL's type only where a temporary table is involved.
def write_nulls(sql: str, parameters: Sequence[object]) -> tuple[str, Sequence[object]]:
    """A statement with its NULLs written out, and the parameters that are left.

    pyodbc asks the server for the type of each NULL that it binds. A server that cannot answer ends the transaction and says nothing:
    what the transaction wrote before is gone, what it writes afterwards stays.
    """
    values = iter(parameters)

    def written(found: re.Match[str]) -> str:
        return _NULL if found[0] == "?" and next(values) is None else found[0]

    return _MARKS.sub(written, sql), tuple(value for value in parameters if value is not None)


def _execute_rows(connection: Connection, start: str, rows: Sequence[Sequence[object]], end: str = "") -> None:
    """Run a statement on rows, many at once: one JSON document each time, whose cells are texts; one that is absent is NULL.

    So the statement has one parameter whatever the rows are, and no driver needs arrays of them, or a way of its own for many rows.
    """
    cells = ", ".join(f"c{n} NVARCHAR(MAX)" for n in range(len(rows[0])))
    statement = f"{start} OPENJSON(?) WITH ({cells}) AS r{end}"
    for piece in chunks(rows, _ROWS):
        document = json.dumps([{f"c{n}": _text(cell) for n, cell in enumerate(row) if cell is not None} for row in piece])
        connection.exec_driver_sql(statement, (document,), execution_options={TEXT_PARAMETERS: True})


def _text(cell: object) -> str:
    """A cell as text: a day or a moment in ISO form, a truth value as 1 or 0, which SQLite also makes of it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _level(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT @@TRANCOUNT").scalar_one())


def _taken(connection: Connection, resource: str, owner: str, wait_milliseconds: int) -> bool:
    """Whether the lock was granted. A name is compared by its bytes; beyond 255 characters the server would cut it."""
    name = hashlib.sha256(resource.encode()).hexdigest()
    cursor = connection.connection.cursor()
    cursor.execute(_LOCK, (f"orders_platform:{name}", owner, wait_milliseconds))
    while cursor.description is None and cursor.nextset():
        pass  # some drivers show the call itself as a result without rows
    (answer,) = cursor.fetchone() or (-999,)
    cursor.close()
    return int(answer) >= 0


# --- catalogue and rights ------------------------------------------------------------------------------------------------


def table_column(name: str, kind: str, length: int | None, precision: int | None, scale: int | None) -> TableColumn:
    """A column out of its row in INFORMATION_SCHEMA.COLUMNS."""
    kind = kind.lower()
    family = _FAMILIES.get(kind, "text")
    limit = 0 if family != "text" or length is None or length < 0 or length > 4_000 else int(length)
    return TableColumn(name, family in {"number", "float"}, family, limit, _work_type(kind, family, limit, precision, scale))


def _work_type(kind: str, family: Family, length: int, precision: int | None, scale: int | None) -> Markup:
    """A float holds what a decimal number of 28 digits holds here, and a moment of a day is a day."""
    if kind in {"decimal", "numeric"}:
        return Markup("DECIMAL({}, {})").format(int(precision or 18), int(scale or 0))
    if kind.upper() in _WHOLE:
        return Markup(kind.upper())  # noqa: S704 - one of our own words
    if family == "moment":
        return Markup("DATE")
    if family != "text":
        return Markup("DECIMAL(19, 4)") if "money" in kind else Markup("DECIMAL(28, 6)")
    return Markup("NVARCHAR({})").format(length or Markup("MAX"))


def _refused(connection: Connection, rights: Sequence[Right]) -> list[Right]:
    """The rights to which the server says no; where it does not know, it may say so when it is asked to do the thing."""
    asked = ", ".join(
        f"CASE WHEN :kind_{i} = 'OBJECT' AND OBJECT_ID(:name_{i}) IS NULL THEN NULL "
        f"ELSE HAS_PERMS_BY_NAME(COALESCE(NULLIF(:name_{i}, ''), QUOTENAME(DB_NAME())), :kind_{i}, :right_{i}) END"
        for i in range(len(rights))
    )
    values = {
        f"{what}_{i}": word
        for i, right in enumerate(rights)
        for what, word in zip(("kind", "name", "right"), right, strict=True)
    }
    answers = connection.execute(text(f"SELECT {asked}"), values).one() if rights else ()
    return [right for right, answer in zip(rights, answers, strict=True) if answer == 0]

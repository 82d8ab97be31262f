"""SQL Server by mssql-python or pyodbc: its connections with the settings of a session, its catalogue, rights and locks."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, ClassVar

import sqlalchemy
from markupsafe import Markup
from sqlalchemy import URL, Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError

from orders_platform.database import dialects
from orders_platform.database.dialects import ColumnTypes, Dialect, Family, Right, Rows, TableColumn, column_types
from orders_platform.database.mssql_errors import LOST, Meaning, meaning_of
from orders_platform.database.statements import VALUES_A_STATEMENT, chunks, numbered
from orders_platform.errors import ConfigurationError, DatabaseRefusedError, OrdersError, TransactionLostError

# SQL_WVARCHAR, SQL_BIT, SQL_BIGINT, SQL_DOUBLE, SQL_TYPE_DATE, SQL_TYPE_TIMESTAMP; their sizes and digits.
_TEXT, _LONG_TEXT = (-9, 4_000, 0), (-9, 0, 0)
_TYPES_OF_VALUES: Mapping[type, tuple[int, int, int]] = {
    str: _TEXT, type(None): _TEXT, bool: (-7, 0, 0), int: (-5, 0, 0), float: (8, 0, 0), date: (91, 10, 0), datetime: (93, 27, 7),
}  # fmt: skip
_MARKS = re.compile(r"'(?:[^']|'')*'|\[(?:[^\]]|\]\])*\]|--[^\n]*|/\*.*?\*/|\?", re.DOTALL)
_NULL = "CAST(NULL AS NVARCHAR(1))"  # of a type that becomes any other: bare ones above each other in a UNION would be INT
_MICROSOFT = {"driver": "ODBC Driver 18 for SQL Server", "Encrypt": "yes"}
_LOWER = frozenset({"authentication", "driver"})
"""What SQLAlchemy finds by its small letters: without an authentication it says that Windows signs in, which ODBC refuses beside Entra."""

_BITS = {"INT": 31, "BIGINT": 63, "SMALLINT": 15}
_WHOLE = {"TINYINT": range(256)} | {name: range(-1 << bits, 1 << bits) for name, bits in _BITS.items()}
_DECIMAL = re.compile(r"DECIMAL\((\d+), (\d+)\)")
_EXACT = Context(prec=60)

LOGIN_SECONDS = 30
"""How long a server may take to accept us. A database of Azure that sleeps takes longer to wake: the login is repeated then."""

LOCK_SECONDS = 60  # how long a statement waits for another's locks; then it is error 1222, and the transaction is repeated
_MOMENT = 10  # milliseconds; t-sql-compatible: one that is not to wait at all says of a lock that is taken what others say of a mistake

STATEMENT_SECONDS = 900
"""How long one statement may take: ten times the longest measured, the cleaning of a customer of 20,000 wide rows."""

_TYPES = {
    "nvarchar": "NVARCHAR({})", "code": "VARCHAR({})", "integer": "INT", "bigint": "BIGINT", "decimal": "DECIMAL({}, {})",
    "date": "DATE", "moment": "DATETIME2(7)", "uuid": "UNIQUEIDENTIFIER", "long_text": "NVARCHAR(MAX)",
}  # fmt: skip

_SHORT, _STAGED = 100, 400
"""A text of the orders of so many characters at most is staged as one of so many, which a clustered index can have."""

_KINDS: Mapping[str, tuple[Family, str]] = {
    "bigint": ("number", "BIGINT"), "int": ("number", "INT"), "smallint": ("number", "SMALLINT"), "tinyint": ("number", "TINYINT"),
    "decimal": ("number", "DECIMAL({1}, {2})"), "numeric": ("number", "DECIMAL({1}, {2})"), "bit": ("number", "DECIMAL(28, 6)"),
    "float": ("float", "DECIMAL(28, 6)"), "real": ("float", "DECIMAL(28, 6)"), "money": ("float", "DECIMAL(19, 4)"),
    "smallmoney": ("float", "DECIMAL(19, 4)"), "date": ("moment", "DATE"), "datetime": ("moment", "DATE"),
    "datetime2": ("moment", "DATE"), "smalldatetime": ("moment", "DATE"),
}  # fmt: skip
"""The family of a column and the type of what it holds: a float what a decimal number of 28 digits holds here, a moment a day."""

# A server may tell a name in capitals of its own, or an earlier system may have made it so: they are compared without case.
_COLUMNS_AS_MADE = text(
    "SELECT c.name, LOWER(t.name) AS type, c.is_computed, c.is_identity, c.max_length, "
    "CASE WHEN c.collation_name <> CONVERT(NVARCHAR(128), DATABASEPROPERTYEX(DB_NAME(), 'Collation')) THEN c.collation_name END AS other "
    "FROM sys.columns AS c INNER JOIN sys.types AS t ON t.user_type_id = c.user_type_id WHERE c.object_id = OBJECT_ID(:name)"
)

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
    types = column_types(_TYPES)
    # The order list as it arrives: a cell that is no number must not stop its load, the merge rejects its row.
    staged_types: ClassVar[ColumnTypes] = {
        **column_types({**_TYPES, **dict.fromkeys(("integer", "decimal", "date", "uuid"), "NVARCHAR(4000)")}),
        "nvarchar": lambda size: Markup("NVARCHAR({})").format(_STAGED if size <= _SHORT else 4_000),
    }
    rows_a_batch = VALUES_A_STATEMENT
    longest_key = 850
    staging_index = "CLUSTERED INDEX"
    # Above 5,000 locks the server would lock the table, and with it every other customer.
    settings = ("ALTER TABLE {} SET (LOCK_ESCALATION = DISABLE)",)
    has_earlier_system = True

    def make_engine(self, url: URL) -> Engine:
        driver = url.get_driver_name()
        engine = sqlalchemy.create_engine(
            _completed(url),
            paramstyle="qmark",
            pool_pre_ping=True,  # a connection that died between two runs is replaced unseen
            pool_recycle=1_800,  # firewalls forget idle connections, Azure after 30 minutes
            use_insertmanyvalues=False,  # it relies on a sorted OUTPUT
            connect_args={"timeout": LOGIN_SECONDS}
            | ({"native_uuid": False} if driver == "mssqlpython" else {}),  # ids are texts
        )
        if driver == "pyodbc":
            # ODBC's own pool would keep a closed session, and its locks; SQLAlchemy turns off that of mssql-python.
            engine.dialect.loaded_dbapi.pooling = False  # type: ignore[attr-defined]
        engine.dialect.do_terminate = _give_up  # type: ignore[method-assign, assignment]
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "before_cursor_execute", _bind_by_type, retval=True)
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
        before = level(connection)
        yield
        now = level(connection)
        if now == before:
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
            whole = exact.to_integral_value()  # 12 and not 12.0, which is no text of an INT
            return whole if exact == whole and int(exact) in _WHOLE[type_] else None
        found = _DECIMAL.fullmatch(type_)
        precision, scale = (int(found[1]), int(found[2])) if found else (28, 6)
        if exact.adjusted() >= precision:
            return None
        rounded = exact.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _EXACT)
        return rounded if len(rounded.as_tuple().digits) <= precision else None

    def fitting(self, connection: Connection, table: str, columns: Sequence[str], rows: Rows) -> Rows:
        """A cell that is longer than its column would end the load."""
        made = {str(self.quote(row.name)).casefold(): row for row in connection.execute(_COLUMNS_AS_MADE, {"name": table})}
        found = [made.get(name.casefold()) for name in columns]
        most = [row.max_length // 2 if row is not None and row.type == "nvarchar" else 0 for row in found]
        for row in rows:
            yield [None if cell is None or cell == "" else _cut(_text(cell), n) for cell, n in zip(row, most, strict=True)]

    def insert_batch(
        self,
        connection: Connection,
        start: str,
        rows: list[tuple[object, ...]],
        *,
        has_uuid: bool,
        empty_is_null: bool,  # noqa: ARG002
    ) -> None:
        cells = ", ".join([*(f"r.c{n}" for n in range(len(rows[0]))), *["NEWID()"] * has_uuid])
        _execute_rows(connection, f"{start} SELECT {cells} FROM", rows)

    def update_rows(self, connection: Connection, table: str, columns: Sequence[str], rows: Rows) -> None:
        written = ", ".join(f"{column} = r.c{n}" for n, column in enumerate(columns) if n)
        _execute_rows(connection, f"UPDATE {table} SET {written} FROM", list(rows), f" WHERE {table}.{columns[0]} = r.c0")  # noqa: S608 - quoted names

    def fingerprint(self, row_hashes: Sequence[str]) -> str:
        # Seven of the eight bytes, which the statement that reads them tells as a number with a sign.
        return f"{len(row_hashes)}:{sum((int(each) & 0xFFFF_FFFF_FFFF_FFFF) >> 8 for each in row_hashes)}"

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
                    granted = _taken(connection, f"orders_platform:{customer}", "Session", _MOMENT)
                    connection.commit()  # it is the session's, not the transaction's
                    return granted

            def require_held() -> None:
                try:
                    if is_held():
                        return
                except (DBAPIError, engine.dialect.loaded_dbapi.Error) as error:
                    raise dialects.lock_lost(customer, "its connection to the database broke") from error
                raise dialects.lock_lost(customer, "another run has it")

            if not is_held():
                raise dialects.customer_busy(customer)
            try:
                yield require_held
            finally:
                connection.invalidate()  # the lock ends with its session, also when the session is dead already

    def lock_merge(self, connection: Connection, customer: str) -> None:
        if not _taken(connection, f"orders_platform merge:{customer}", "Transaction", 60_000):
            raise dialects.customer_busy(customer)

    def columns(self, connection: Connection, table: str, schema: str) -> Sequence[TableColumn]:
        return [table_column(*row) for row in connection.execute(_COLUMNS, {"table_name": table, "schema_name": schema})]

    def indexes(self, connection: Connection, table: str, schema: str) -> set[str]:
        return set(map(str, connection.execute(_INDEXES, {"table_name": table, "schema_name": schema}).scalars()))

    def unsuitable(self, connection: Connection, table: str, written: Sequence[str], compared: Sequence[str]) -> list[str]:
        reasons = []
        are_written, are_compared = ({name.casefold() for name in names} for names in (written, compared))
        for name, kind, is_computed, is_identity, length, collation in connection.execute(_COLUMNS_AS_MADE, {"name": table}):
            column = f"{table}.{self.quote(name)}"
            if name.casefold() in are_written and (is_computed or is_identity or kind in {"timestamp", "rowversion"}):
                made = "is made by the server (computed, IDENTITY or ROWVERSION)"
                reasons.append(f"{column} {made} and cannot be written: rename it.")
            elif name.casefold() in are_compared and kind in {"char", "varchar", "text", "ntext"}:
                size = "MAX" if length < 0 or kind in {"text", "ntext"} else length
                reasons.append(
                    f"{column} is {kind.upper()}, whose code page makes ? of some letters, so that keys are unequal: "
                    f"ALTER TABLE {table} ALTER COLUMN {self.quote(name)} NVARCHAR({size});"
                )
            elif name.casefold() in are_compared and collation:
                reasons.append(
                    f"{column} has the collation {collation} and not the database's, with which it cannot be compared (error 468): "
                    f"ALTER TABLE {table} ALTER COLUMN {self.quote(name)} {kind.upper()}({length // 2}) COLLATE DATABASE_DEFAULT;"
                )
        return reasons

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
    return meaning_of(str(error.orig), is_disconnect=error.connection_invalidated)


# --- connections --------------------------------------------------------------------------------------------------------


def _completed(url: URL) -> URL:
    """The URL with encryption, and with a driver for pyodbc, where it does not say them itself."""
    given = {name.casefold() for name in url.query}
    if "odbc_connect" in given:
        return url  # a whole connection string of somebody's own
    if any(name in str(url.query.get("driver", "")).casefold() for name in ("freetds", "tdsodbc")):
        raise ConfigurationError(
            "ORDERS_DATABASE_URL names FreeTDS, which sends long texts as NTEXT: many databases refuse it (error 4189), and with it the "
            "record of what was sent. Install orders-platform[mssql] and begin the URL with mssql+mssqlpython://; "
            "see docs/how_to/sql_server.md."
        )
    options = _MICROSOFT if url.get_driver_name() == "pyodbc" else {"Encrypt": "yes"}
    said = {name.casefold() if name.casefold() in _LOWER else name: value for name, value in url.query.items()}
    return url.set(query={**{name: value for name, value in options.items() if name.casefold() not in given}, **said})


def _give_up(connection: Any) -> None:
    """Close a connection that may be dead. mssql-python rolls back first, and when it closed raises that it could not."""
    with suppress(Exception):
        connection.close()


def _prepare(connection: Any, _record: object) -> None:
    connection.timeout = STATEMENT_SECONDS
    cursor = connection.cursor()
    cursor.execute("SET LANGUAGE us_english")  # mssql-python tells no numbers of errors: they are known by their words
    cursor.execute("SET NOCOUNT OFF")  # a server may have it on for everybody; our write-backs count their rows
    cursor.execute("SET XACT_ABORT ON")  # an error of a statement ends its transaction: nothing half done is committed
    cursor.execute("SET DATEFORMAT ymd")  # an ISO date is that day, also in a column of moments
    cursor.execute(f"SET LOCK_TIMEOUT {LOCK_SECONDS * 1_000}")
    cursor.close()


def _bind_by_type(
    connection: Connection, cursor: Any, sql: str, parameters: Sequence[object], _context: object, many: Any
) -> tuple[str, Sequence[object]]:
    """Say of each value what it is.

    A driver that is left to itself takes the type from the value: a plan for each length of a text and each size of a number, and a long
    text as NTEXT, which many collations refuse (error 4189).
    """
    if None in parameters and not many and connection.engine.driver == "pyodbc":
        sql, parameters = write_nulls(sql, parameters)
    if parameters and not many and all(type(value) in _TYPES_OF_VALUES for value in parameters):
        cursor.setinputsizes([type_of_value(value) for value in parameters])
    return sql, parameters


# t-sql-compatible: SQL Server itself cannot say a NULL's type only where a temporary table is involved.
def write_nulls(sql: str, parameters: Sequence[object]) -> tuple[str, Sequence[object]]:
    """A statement with its NULLs written out, and the parameters that are left: pyodbc asks the server for the type of each that it binds.

    A server that cannot answer ends the transaction and says nothing: what it wrote before is gone, what it writes afterwards stays.
    """
    values = iter(parameters)

    def written(found: re.Match[str]) -> str:
        return _NULL if found[0] == "?" and next(values) is None else found[0]

    return _MARKS.sub(written, sql), tuple(value for value in parameters if value is not None)


def type_of_value(value: object) -> tuple[int, int, int]:
    """How a value is bound: its SQL type, size and digits. A text that may be longer than NVARCHAR(4000) is NVARCHAR(MAX)."""
    return _LONG_TEXT if isinstance(value, str) and len(value) > 2_000 else _TYPES_OF_VALUES[type(value)]


def _cut(cell: str, most: int) -> str:
    """A cell that fits a column that `init-db` made; the merge says that it was longer. Those of a typed staging table refuse it."""
    if len(cell) <= _SHORT or most < _STAGED:
        return cell
    return cell.encode("utf-16-le", "surrogatepass")[: 2 * most].decode("utf-16-le", "ignore")


def _execute_rows(connection: Connection, start: str, rows: Sequence[Sequence[object]], end: str = "") -> None:
    """Run a statement on rows, many at once: one JSON document each time, whose cells are texts; one that is absent is NULL.

    So the statement has one parameter whatever the rows are, and no driver needs arrays of them, or a way of its own for many rows.
    A moment says that it is one: a text with six digits of a second is no DATETIME, which an earlier system's column may be.
    """
    kinds = ("DATETIME2(7)" if isinstance(cell, datetime) else "NVARCHAR(MAX)" for cell in rows[0])
    cells = ", ".join(f"c{n} {kind}" for n, kind in enumerate(kinds))
    statement = f"{start} OPENJSON(?) WITH ({cells}) AS r{end}"
    for piece in chunks(rows):
        document = json.dumps([{f"c{n}": _text(cell) for n, cell in enumerate(row) if cell is not None} for row in piece])
        connection.exec_driver_sql(statement, (document,))


def _text(cell: object) -> str:
    """A cell as text: a day or a moment in ISO form, a truth value as 1 or 0, which SQLite also makes of it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def level(connection: Connection) -> int:
    """How many transactions are open, one in the other."""
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
    if answer in {-2, -3}:
        raise TransactionLostError(f"A lock was refused by the server (sp_getapplock {answer}, a deadlock). {LOST}")
    if int(answer) < -1:
        raise DatabaseRefusedError(f"sp_getapplock answered {answer}: a defect of orders-platform; please report it.")
    return int(answer) >= 0


# --- catalogue and rights ------------------------------------------------------------------------------------------------


def table_column(name: str, kind: str, length: int | None, precision: int | None, scale: int | None) -> TableColumn:
    """A column out of its row in INFORMATION_SCHEMA.COLUMNS."""
    family, type_ = _KINDS.get(kind.lower(), ("text", "NVARCHAR({0})"))
    limit = 0 if family != "text" or length is None or length < 0 or length > 4_000 else int(length)
    held = Markup(type_).format(limit or Markup("MAX"), int(precision or 18), int(scale or 0))  # noqa: S704 - words of ours
    return TableColumn(name, family in {"number", "float"}, family, limit, held)


def _refused(connection: Connection, rights: Sequence[Right]) -> list[Right]:
    """The rights to which the server says no; where it does not know, it may say so when it is asked to do the thing."""
    asked = ", ".join(
        f"CASE WHEN :kind_{i} = 'OBJECT' AND OBJECT_ID(:name_{i}) IS NULL THEN NULL "
        f"ELSE HAS_PERMS_BY_NAME(COALESCE(NULLIF(:name_{i}, ''), QUOTENAME(DB_NAME())), :kind_{i}, :right_{i}) END"
        for i in range(len(rights))
    )
    values = numbered(("kind", "name", "right"), rights)
    answers = connection.execute(text(f"SELECT {asked}"), values).one() if rights else ()
    return [right for right, answer in zip(rights, answers, strict=True) if answer == 0]

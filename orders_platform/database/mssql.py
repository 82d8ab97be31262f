"""Connections to SQL Server: driver, encryption, and the settings of a session.

Belongs here: what a connection needs before its first statement. Does not belong here: which driver (`odbc_driver.py`), errors
(`mssql_errors.py`), transactions (`engine.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, ExecutionContext, event

from orders_platform.database.odbc_driver import find_driver, safe_options
from orders_platform.errors import TransactionLostError

TEXT_PARAMETERS = "orders_text_parameters"
"""Execution option of a statement all of whose parameters are texts: said so, its plan does not depend on their lengths."""

_WIDE_TEXT = (-9, 0, 0)  # SQL_WVARCHAR of any length
_LONG = 4_000  # characters; FreeTDS takes longer ones as pyodbc sends them by itself
_MARKS = re.compile(r"'(?:[^']|'')*'|\[(?:[^\]]|\]\])*\]|--[^\n]*|/\*.*?\*/|\?", re.DOTALL)
_NULL = "CAST(NULL AS NVARCHAR(1))"  # of a type that becomes any other: bare ones above each other in a UNION would be INT

LOGIN_SECONDS = 15
"""How long a server may take to accept us."""

LOCK_SECONDS = 60
"""How long a statement waits for another's locks; then it is error 1222, and the transaction is repeated."""

STATEMENT_SECONDS = 900
"""How long one statement may take: ten times the longest measured, the cleaning of a customer of 20,000 wide rows."""


class _Cursor(Protocol):
    def execute(self, statement: str) -> object: ...

    def close(self) -> None: ...

    def setinputsizes(self, sizes: Sequence[tuple[int, int, int] | None]) -> None: ...


class _Connection(Protocol):
    timeout: int

    def cursor(self) -> _Cursor: ...


def make_engine(url: URL) -> Engine:
    """An engine for SQL Server; connects at first use.

    Raises:
        ConfigurationError: no ODBC driver is installed.
        ImportError: pyodbc cannot be loaded.
    """
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


def _prepare(connection: _Connection, _record: object) -> None:
    connection.timeout = STATEMENT_SECONDS
    cursor = connection.cursor()
    cursor.execute("SET NOCOUNT OFF")  # a server may have it on for everybody; our write-backs count their rows
    cursor.execute("SET XACT_ABORT ON")  # an error of a statement ends its transaction: nothing half done is committed
    cursor.execute(f"SET LOCK_TIMEOUT {LOCK_SECONDS * 1_000}")
    cursor.close()


def _before_execute(
    _connection: Connection,
    cursor: _Cursor,
    sql: str,
    parameters: Sequence[object],
    context: ExecutionContext,
    _many: bool,  # noqa: FBT001
) -> tuple[str, Sequence[object]]:
    if context.execution_options.get(TEXT_PARAMETERS):
        cursor.setinputsizes([_WIDE_TEXT if len(str(text)) <= _LONG else None for text in parameters])
        return sql, parameters
    return write_nulls(sql, parameters) if None in parameters else (sql, parameters)


def write_nulls(sql: str, parameters: Sequence[object]) -> tuple[str, Sequence[object]]:
    """A statement with its NULLs written out, and the parameters that are left.

    pyodbc asks the server for the type of each NULL that it binds. A server that cannot answer ends the transaction and says nothing:
    what the transaction wrote before is gone, what it writes afterwards stays.
    """
    values = iter(parameters)

    def written(found: re.Match[str]) -> str:
        return _NULL if found[0] == "?" and next(values) is None else found[0]

    return _MARKS.sub(written, sql), tuple(value for value in parameters if value is not None)


@contextmanager
def whole_transaction(connection: Connection) -> Iterator[None]:
    """Notice when the transaction of `connection` ended before its time, whatever hid the error from us.

    What is written afterwards is in a transaction that the driver began without a word, or in none. A second level, which nobody else
    begins, tells it from ours.

    Raises:
        TransactionLostError: it ended; all of it is to be repeated.
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
        "The server ended the transaction in its middle and gave no error: a trigger may have, or the driver kept the error to itself. "
        "This step is repeated as a whole."
    )


def _level(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT @@TRANCOUNT").scalar_one())

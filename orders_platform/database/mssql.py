"""Connections to SQL Server: driver, encryption, and the settings of a session.

Belongs here: what a connection needs before its first statement. Does not belong here: which driver (`odbc_driver.py`), errors
(`mssql_errors.py`), transactions (`engine.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, ExecutionContext, event

from orders_platform.database.odbc_driver import find_driver, is_freetds, safe_options

TEXT_PARAMETERS = "orders_text_parameters"
"""Execution option of a statement all of whose parameters are texts: said so, its plan does not depend on their lengths."""

_WIDE_TEXT = (-9, 0, 0)  # SQL_WVARCHAR of any length

LOGIN_SECONDS = 15
"""How long a server may take to accept us."""

LOCK_SECONDS = 60
"""How long a statement waits for another's locks; then it is error 1222, and the transaction is repeated."""

STATEMENT_SECONDS = 900
"""How long one statement may take: ten times the longest measured, the cleaning of a customer of 20,000 wide rows."""


class _Cursor(Protocol):
    def execute(self, statement: str) -> object: ...

    def close(self) -> None: ...

    def setinputsizes(self, sizes: Sequence[tuple[int, int, int]]) -> None: ...


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
    event.listen(engine, "before_cursor_execute", _say_types)
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


def uses_freetds(engine: Engine) -> bool:
    """Whether the engine's driver is FreeTDS."""
    return is_freetds(str(engine.url.query.get("driver", engine.url.query.get("odbc_connect", ""))))


def _prepare(connection: _Connection, _record: object) -> None:
    connection.timeout = STATEMENT_SECONDS
    cursor = connection.cursor()
    cursor.execute("SET XACT_ABORT ON")  # an error of a statement ends its transaction: nothing half done is committed
    cursor.execute(f"SET LOCK_TIMEOUT {LOCK_SECONDS * 1_000}")
    cursor.close()


def _say_types(
    _connection: Connection,
    cursor: _Cursor,
    _sql: str,
    parameters: Sequence[object],
    context: ExecutionContext,
    _many: bool,  # noqa: FBT001
) -> None:
    if context.execution_options.get(TEXT_PARAMETERS):
        cursor.setinputsizes([_WIDE_TEXT] * len(parameters))

"""What of a SQL Server decides whether the platform works on it, asked of the server itself: for `doctor`, and for the first day.

Each check is a question with the answer that it must have and the next step; docs/how_to/sql_server.md says what each of them decides.
None writes anything that stays, and one that fails leaves the others alone.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from orders_platform.database.engine import Database
from orders_platform.database.mssql import level
from orders_platform.domain.cell_codecs import plain_text
from orders_platform.errors import CustomerBusyError, OrdersError


@dataclass(frozen=True, slots=True)
class ServerFinding:
    """What a check found. `must` is what it had to find, `step` what to do when it did not."""

    name: str
    statement: str
    must: str
    found: str
    is_ok: bool
    step: str


def check_server(database: Database) -> list[ServerFinding]:
    """Ask a SQL Server everything; what cannot be asked is a finding too."""
    return [check.made(database) for check in _CHECKS]


def _answer(database: Database, statement: str) -> str:
    """The cells of a single row, as the merge reads them."""
    with database.read() as connection:
        values = {"nothing": None, "long": "é" * 2_001}
        clause = text(statement)
        row = connection.execute(clause, {name: values[name] for name in clause.compile().params}).first()
        return "no row" if row is None else ", ".join("NULL" if cell is None else plain_text(cell) for cell in row)


def _levels(database: Database, _statement: str) -> str:
    with database.read() as connection, connection.begin():
        connection.exec_driver_sql("BEGIN TRANSACTION")
        levels = [level(connection)]
        connection.exec_driver_sql("COMMIT TRANSACTION")
        levels.append(level(connection))
    with database.read() as connection:
        own: Any = connection.connection.driver_connection  # of either driver
        own.autocommit = True
        levels.append(level(connection))
        own.autocommit = False
    return ", ".join(map(str, levels))


def _lock(database: Database, _statement: str) -> str:
    with database.customer_lock("orders-platform doctor") as require_held:
        require_held()
        with suppress(CustomerBusyError), database.customer_lock("orders-platform doctor"):
            return "granted twice"
    return "granted once"


def _time_out(database: Database, statement: str) -> str:
    """The error of a statement that is given up after a second."""
    try:
        with database.read() as connection:
            own: Any = connection.connection.driver_connection  # of either driver
            own.timeout = 1
            try:
                connection.exec_driver_sql(statement)
            finally:
                connection.invalidate()
    except OrdersError as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


@dataclass(frozen=True, slots=True)
class _Check:
    """A question; without `holds` the answer is to be `must`, word for word."""

    name: str
    statement: str
    must: str
    step: str
    holds: Callable[[str], bool] | None = None
    ask: Callable[[Database, str], str] = _answer

    def made(self, database: Database) -> ServerFinding:
        try:
            found = self.ask(database, self.statement)
            is_ok = self.holds(found) if self.holds else found == self.must
        except (OrdersError, ValueError) as error:
            found, is_ok = str(error), False
        return ServerFinding(self.name, self.statement, self.must, found, is_ok, "" if is_ok else self.step)


_OF_DATABASE = "FROM sys.databases WHERE name = DB_NAME()"
_CHECKS = (
    # The version of Azure SQL is always 12, and newer than any; its editions are 5, 8 and 12.
    _Check("version", "SELECT CASE WHEN CONVERT(INT, SERVERPROPERTY('EngineEdition')) IN (5, 8, 12) THEN 'Azure' "
           "ELSE PARSENAME(CONVERT(NVARCHAR(128), SERVERPROPERTY('ProductVersion')), 4) END", "14 or more, or Azure",
           "SQL Server 2017 or newer, or Azure SQL, is needed: older ones lack TRIM and CONCAT_WS.",
           lambda found: found == "Azure" or int(found) >= 14),
    _Check("compatibility level", f"SELECT compatibility_level {_OF_DATABASE}", "130 or more",
           "ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 150;", lambda found: int(found) >= 130),
    _Check("collation", "SELECT CONVERT(NVARCHAR(128), DATABASEPROPERTYEX(DB_NAME(), 'Collation'))", "one that tells accents apart",
           "Two customers whose names differ in accents alone would be one: give one of them another name in the configuration, or use a "
           "database with an accent-sensitive collation.", lambda found: "_AI" not in found.upper()),
    _Check("snapshot reads", f"SELECT CONVERT(INT, is_read_committed_snapshot_on) {_OF_DATABASE}", "1",
           "ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON; without it who reads waits for who writes."),
    _Check("capitals", "SELECT UPPER(N'i' COLLATE Latin1_General_BIN2), UPPER(NCHAR(228) COLLATE Latin1_General_BIN2)", "I, Ä",
           "Keys would not be equal on this server; please report it."),
    _Check("mixed collations", "SELECT COUNT(*) FROM sys.tables AS t WHERE t.name COLLATE Latin1_General_BIN2 IN (:nothing, N'-')", "0",
           "No customer would be found (error 468); please report it."),
    _Check("numbers", "SELECT CONVERT(FLOAT, 4500012345), CONVERT(MONEY, 12.3456), CONVERT(DECIMAL(18, 2), 7)", "4500012345, 12.3456, 7",
           "Cells of such columns would be changed; please report it."),
    _Check("long texts", "SELECT DATALENGTH(:long), CASE WHEN :long LIKE NCHAR(233) + N'%' THEN 1 END", "4002, 1",
           "What was sent could not be recorded (error 4189); please report it."),
    _Check("documents", "SELECT LEFT(r.c0, 5), LEN(r.c0) FROM OPENJSON(REPLACE(N'[{\"c0\": \"a\\\"b\\\\c#\"}]', N'#', "
           "REPLICATE(CAST(N'x' AS NVARCHAR(MAX)), 4000))) WITH (c0 NVARCHAR(MAX)) AS r", 'a"b\\c, 4005',
           "Quotes, backslashes, line breaks or long cells would be changed: this server is not compatible enough for orders."),
    _Check("no value", "SELECT COALESCE(:nothing, 7), CASE WHEN :nothing IS NULL THEN 1 END", "7, 1",
           "NULLs cannot be bound; please report it, with the driver and its version."),
    _Check("transactions", "SELECT @@TRANCOUNT", "2, 1, 0", "A transaction that the server ended would not be noticed; please report it.",
           ask=_levels),
    _Check("application locks", "EXEC sp_getapplock", "granted once", "Two runs could be at work on one customer; please report it.",
           ask=_lock),
    _Check("statement time-out", "WAITFOR DELAY '00:00:03'", "DatabaseUnavailableError, too long",
           "A slow statement would be repeated, or never end; please report it.",
           lambda found: found.startswith("DatabaseUnavailableError") and "too long" in found, _time_out),
    _Check("lock escalation", "SELECT COUNT(*) FROM sys.tables AS t INNER JOIN sys.columns AS c ON c.object_id = t.object_id "
           "WHERE c.name IN (N'order_key', N'line_uuid') AND t.lock_escalation_desc = 'TABLE'", "0",
           "Of each table of ours that an earlier version made: ALTER TABLE ... SET (LOCK_ESCALATION = DISABLE);"),
    _Check("compile times", "SELECT COALESCE(MAX(last_compile_duration) / 1000, 0) FROM sys.query_store_query", "under 5000 milliseconds",
           "ALTER DATABASE CURRENT SET QUERY_STORE = ON; GRANT VIEW DATABASE STATE; then merge the largest customer and look again.",
           lambda found: float(found) < 5_000),
)  # fmt: skip

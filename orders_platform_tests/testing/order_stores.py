"""The order databases of the tests: a SQLite file with all columns or with a few, or a schema of a server; each test finds it empty.

A narrow table has the configured columns and a few sizes: a statement over 411 columns takes SQLite longer to read than to run. The
engine finds the columns that are there, so it is the engine of production at work on a narrower table.
"""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from pydantic import SecretStr
from sqlalchemy import event

from orders_platform.configuration import Configuration, read_configuration
from orders_platform.database.engine import Database, open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import default_folder
from orders_platform_tests.testing import sql_server

CONFIG = default_folder("config") / "order_sync.toml"
SIZES = ("S", "M", "L", "XL")


def narrow_sql(folder: Path, sizes: Sequence[str] = SIZES, unmapped: Sequence[str] = ()) -> Path:
    """A copy of sql/ whose order tables have the configured columns, the unmapped ones that are named, and these sizes."""
    sql = Path(shutil.copytree(default_folder("sql"), folder / "sql"))
    ddl = sql / "tables" / "business_columns.sql.j2"
    types = {name: column.type for name, column in read_configuration(CONFIG, "sandbox").order_list.items()}
    names = list(types)
    every_size = names[names.index("UNIT OF MEASURE") + 1 : names.index("TOTAL QTY")]
    configured = CONFIG.read_text(encoding="utf-8").partition("[order_list]")[0]
    wanted = {name for name in names if f'"{name}"' in configured and name not in every_size} | {*sizes, *unmapped}
    ddl.write_text(",\n".join(column_of(name, type_) for name, type_ in types.items() if name in wanted), encoding="utf-8")
    return sql


def column_of(name: str, type_: str) -> str:
    """A column of the order list in the template of a table, whatever the configuration lists."""
    return f'{{{{ column("{name}", {type_ if "(" in type_ else f"{type_}()"}) }}}}'


class OrderStores:
    """The stores of one order database, by configuration; kept over tests, since to compile all templates takes half a second."""

    file: Path | None = None
    configuration: Configuration
    database: Database

    def __init__(self) -> None:
        self._made: dict[str, tuple[OrderStore, OrderMerge]] = {}
        self._last: tuple[Configuration | None, str] = (None, "")

    def of(self, configuration: Configuration) -> OrderStore:
        return self._both(configuration)[0]

    def merge_of(self, configuration: Configuration) -> OrderMerge:
        return self._both(configuration)[1]

    def _both(self, configuration: Configuration) -> tuple[OrderStore, OrderMerge]:
        if configuration is not self._last[0]:  # a run asks a dozen times, and to write it down takes longer than a statement
            self._last = configuration, configuration.model_dump_json()
        key = self._last[1]
        if key not in self._made:
            store = OrderStore(self.database, configuration, default_folder("sql"))
            self._made[key] = store, OrderMerge(store)
        return self._made[key]


class FileStores(OrderStores):
    """A SQLite file. A seed makes its uuids, so that a course repeats to the letter.

    Args:
        folder: where the file lies.
        sizes: for a narrow table, its sizes; without them the table has all columns.
    """

    def __init__(self, folder: Path, sizes: Sequence[str] = ()) -> None:
        super().__init__()
        self.file: Path = folder / "orders.db"
        self.configuration = read_configuration(CONFIG, "sandbox")
        self._random = Random(0)
        self._empty = folder / "empty.db"
        sql = narrow_sql(folder, sizes) if sizes else default_folder("sql")
        with closing(open_database(SecretStr(f"sqlite:///{self._empty}"))) as database:
            OrderStore(database, self.configuration, sql).schema.apply()
        self.database = open_database(SecretStr(f"sqlite:///{self.file}"))
        event.listen(self.database.engine, "connect", self._connected)

    def _connected(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.create_function("orders_uuid", 0, lambda: str(uuid.UUID(int=self._random.getrandbits(128), version=4)))
        connection.execute("PRAGMA synchronous = OFF")  # no power is cut here, and the disk is not what is tested

    def empty(self, seed: int = 0) -> None:
        """Every table and no row. The connections stay open, so that statements need not be prepared anew, which takes longer than most."""
        self._random = Random(seed)
        if self.file.exists() and _schema_version(self.file) == _schema_version(self._empty):
            _delete_rows(self.file)
            return
        self.database.close()  # the first time, or a test has changed the tables
        for ending in ("-wal", "-shm"):
            self.file.with_name(self.file.name + ending).unlink(missing_ok=True)
        shutil.copy(self._empty, self.file)

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """What a statement of the test says, on a connection that no run works on meanwhile."""
        with closing(self.database.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def execute(self, sql: str) -> None:
        """Somebody works on the database by hand."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(sql)

    def dump(self) -> str:
        """Everything that is in the database."""
        with closing(sqlite3.connect(self.file)) as connection:
            return "\n".join(connection.iterdump())


def _schema_version(file: Path) -> int:
    """A number that SQLite raises with every change of the tables."""
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("PRAGMA schema_version").fetchone()[0])


def _delete_rows(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        for (table,) in tables:
            connection.execute(f'DELETE FROM "{table}"')
        connection.execute("COMMIT")


class ServerStores(OrderStores):
    """A schema of SQL Server."""

    def __init__(self, schema: str) -> None:
        super().__init__()
        self.configuration = sql_server.in_schema(read_configuration(CONFIG, "sandbox"), schema)
        self.database = sql_server.opened()
        self.of(self.configuration).schema.apply()

    def empty(self) -> None:
        """Every table and no row."""
        sql_server.empty(self.database, self.configuration.tables.schema_name)

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return sql_server.asked_by_name(self.database, self.configuration, sql, values)

    def execute(self, sql: str) -> None:
        sql_server.asked(self.database, self.configuration, sql, ())

    def dump(self) -> str:
        names = sql_server.tables_of(self.database, self.configuration.tables.schema_name)
        return "\n".join(f"{name}: {row}" for name in names for row in sorted(map(str, self.rows(f"SELECT * FROM {name}"))))

"""SQL Server, or another server that speaks its protocol, for the tests: the one that ORDERS_TEST_MSSQL_URL names.

Schemas that live as long as a test, and asking a server in the words of the tests, which are SQLite's. Nothing of a server's database is
touched but the schemas made here.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import sqlglot
from pydantic import SecretStr
from sqlalchemy import make_url, text

from orders_platform.configuration import Configuration
from orders_platform.database.engine import Database, open_database
from orders_platform.database.schema import TABLES, VIEWS

URL = os.environ.get("ORDERS_TEST_MSSQL_URL", "")
ENGINES = ("sqlite", "mssql") if URL else ("sqlite",)


def opened() -> Database:
    return open_database(SecretStr(URL))


@contextmanager
def schema_of_its_own() -> Iterator[str]:
    """The name of a fresh schema, which is dropped with its tables at the end."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    database = opened()
    run(database, f"CREATE SCHEMA {name}")
    try:
        yield name
    finally:
        for view in reversed(tables_of(database, name, "VIEW")):
            run(database, f"DROP VIEW {name}.[{view}]")
        for table in tables_of(database, name):
            run(database, f"DROP TABLE {name}.[{table.replace(']', ']]')}]")
        run(database, f"DROP SCHEMA {name}")
        database.close()


@contextmanager
def login_of_its_own(configuration: Configuration, password: str) -> Iterator[SecretStr]:
    """The URL of a login with the rights of deploy/sql_server_rights.sql on the configuration's tables; dropped at the end."""
    name = f"l_{uuid.uuid4().hex[:12]}"
    script = rights_script(configuration, name, password)
    for statement in script:
        run_alone(statement)
    try:
        yield SecretStr(make_url(URL).set(username=name, password=password).render_as_string(hide_password=False))
    finally:
        for statement in script:
            if "GRANT" in statement:  # some servers drop nobody who still has rights
                run_alone(statement.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))
        run_alone(f"DROP USER {name}")
        run_alone(f"DROP LOGIN {name}")


def rights_script(configuration: Configuration, name: str, password: str) -> list[str]:
    """The statements of the script for these tables, as somebody would adapt it."""
    text = (Path(__file__).parents[2] / "deploy" / "sql_server_rights.sql").read_text(encoding="utf-8")
    text = re.sub(r"^--.*\n", "", text, flags=re.MULTILINE)
    text = text.replace("<a password of your own>", password).replace("dbo", str(configuration.tables.schema_name))
    text = re.sub(r"\borders_platform\b", name, text)
    return [statement for part in text.split("GO\n") for statement in re.findall(r"[^;]+;", part) if statement.strip()]


def run_alone(statement: str) -> None:
    """A statement that no transaction may hold."""
    with closing(opened()) as database, closing(database.engine.raw_connection()) as connection:
        connection.driver_connection.autocommit = True  # type: ignore[union-attr]  # pyodbc's
        connection.cursor().execute(statement)
        connection.invalidate()


def tables_of(database: Database, schema: str, kind: str = "BASE TABLE") -> list[str]:
    with database.read() as connection:
        query = text(
            "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = :schema_name AND TABLE_TYPE = :kind"
        )
        return [str(name) for name in connection.execute(query, {"schema_name": schema, "kind": kind}).scalars()]


def run(database: Database, statement: str, *values: object) -> list[tuple[object, ...]]:
    """One T-SQL statement in a transaction of its own; its rows, as SQLite would give them."""
    with database.write() as connection:
        result = connection.exec_driver_sql(statement, values or None)
        return [tuple(map(plain, row)) for row in result] if result.returns_rows else []


def empty(database: Database, schema: str) -> None:
    """Delete every row of the schema's tables."""
    for table in tables_of(database, schema):
        run(database, f"DELETE FROM {schema}.[{table}]")


def plain(value: object) -> object:
    """A value of SQL Server as SQLite has it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds")
    return value.isoformat() if isinstance(value, date) else value


def in_schema(configuration: Configuration, schema: str) -> Configuration:
    document = configuration.model_dump(mode="json", by_alias=True)
    document["tables"]["schema"] = schema
    return Configuration.model_validate(document)


def asked(
    database: Database, configuration: Configuration, statement: str, values: Sequence[object]
) -> list[tuple[object, ...]]:
    """A statement in SQLite's words, asked of the configuration's tables on the server."""
    return run(database, translated(configuration, statement), *values)


def asked_by_name(
    database: Database, configuration: Configuration, statement: str, values: Sequence[object]
) -> list[dict[str, object]]:
    """The same, each row by the names of its columns."""
    with database.read() as connection:
        found = connection.exec_driver_sql(translated(configuration, statement), tuple(values) or None).mappings()
        return [{name: plain(value) for name, value in row.items()} for row in found]


def translated(configuration: Configuration, statement: str) -> str:
    """A statement in SQLite's words as T-SQL, on the configuration's tables."""
    words = sqlglot.transpile(statement, read="sqlite", write="tsql", identify=False)[0]
    names = sorted((str(getattr(configuration.tables, role)) for role in (*TABLES, *VIEWS)), key=len, reverse=True)
    pattern = r"(?<![\w.])\[?(" + "|".join(map(re.escape, names)) + r")\]?(?!\w)"
    return re.sub(pattern, rf"{configuration.tables.schema_name}.[\1]", words)

"""Every T-SQL statement parses by the grammar of sqlfluff, which is stricter than sqlglot's; part of `make check`.

The order list is narrow here: a statement over 411 columns says the same thing 411 times, and takes the parser a minute.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, TextClause
from sqlfluff.core import FluffConfig, Linter

from orders_platform.configuration import Configuration
from orders_platform.database.dialects import TableColumn
from orders_platform.database.engine import open_database
from orders_platform.database.mssql import MSSQL, table_column
from orders_platform.database.schema import TABLES, VIEWS, Schema, define_tables
from orders_platform.database.statements import Statements
from orders_platform.merge.merge_rules import MergeRules
from orders_platform_tests.database.test_templates import DIALECTS, NAMES, statement_of, templates_for
from orders_platform_tests.testing.order_list import GREYSON, KEY

TSQL = DIALECTS["mssql"]
LINTER = Linter(config=FluffConfig(overrides={"dialect": "tsql", "large_file_skip_byte_limit": 0}))
TYPE = re.compile(r"(\w+)(?:\((\w+)(?:, (\d+))?\))?")


class MadeSchema(Schema):
    """The columns that `init-db` makes on SQL Server, as its catalogue would tell them."""

    def columns_of(self, table: str) -> list[TableColumn]:
        role = "staging" if table == self._names.staging else "orders"
        made = define_tables(MSSQL, self._configuration, self._folder)[role].columns
        return [self._told(name, str(type_)) for name, type_ in made]

    @staticmethod
    def _told(name: str, type_: str) -> TableColumn:
        found = TYPE.match(type_)
        assert found is not None
        kind, size, scale = found.groups()
        number = int(size) if size and size.isdigit() else None
        return table_column(name, kind, number, number, int(scale or 0))


@pytest.fixture(scope="session")
def statements(narrow_sql: Path, configuration: Configuration) -> Statements:
    rules = MergeRules(configuration, MadeSchema(open_database(SecretStr("sqlite://")), configuration, narrow_sql), MSSQL.types)
    return Statements(
        templates_for("mssql", configuration, narrow_sql),
        rules.context(GREYSON) | {"absent": ["NOTES", "S"], "keys": [KEY]},
    )


def written(clause: TextClause) -> str:
    """As the driver gets it: lists with three values, and a variable for each mark, which is ODBC's word and not T-SQL's."""
    sql = re.sub(r"\(__\[POSTCOMPILE_\w+\]\)", "(?, ?, ?)", str(clause.compile(dialect=TSQL)))
    return sql.replace("?", "@p")


def troubles(sql: str) -> list[str]:
    parsed = LINTER.parse_string(sql + "\n")
    return [str(violation) for violation in parsed.violations]


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_is_tsql(statements: Statements, name: str) -> None:
    assert troubles(written(statement_of(statements, name, result_rows=3))) == []


@pytest.mark.parametrize("role", VIEWS)
def test_a_view_is_tsql(configuration: Configuration, role: str) -> None:
    clause = templates_for("mssql", configuration).render(f"views/{role}")
    assert troubles(f"CREATE VIEW [dbo].[{role}] AS\n{written(clause)}") == []


@pytest.mark.parametrize("role", TABLES)
def test_a_table_is_tsql(configuration: Configuration, narrow_sql: Path, role: str) -> None:
    assert troubles(define_tables(MSSQL, configuration, narrow_sql)[role].create) == []


def test_the_script_of_the_rights_is_tsql() -> None:
    text = (Path(__file__).parents[2] / "deploy" / "sql_server_rights.sql").read_text(encoding="utf-8")
    assert troubles(text) == []


class Written:
    """Stands for a connection to SQL Server: keeps what it was told to run."""

    def __init__(self) -> None:
        self.run: list[tuple[str, tuple[str, ...]]] = []

    def exec_driver_sql(self, statement: str, texts: tuple[str, ...]) -> None:
        self.run.append((statement, texts))


def test_rows_are_inserted_by_few_statements_over_the_columns_that_are_filled() -> None:
    columns = [f"[c {i}]" for i in range(430)]
    rows = [[f"t{n}", Decimal("12.50"), n, date(2026, 3, 1), *[None] * 425, True if n == 3 else None] for n in range(450)]
    written = Written()
    assert MSSQL.insert_rows(cast(Connection, written), "[dbo].[orders]", columns, rows, uuid="record_uuid") == 450
    assert [len(texts) // 5 for _, texts in written.run] == [200, 200, 50]
    assert all(len(texts) == statement.count("?") < 2_100 for statement, texts in written.run)
    assert written.run[0][1][15:20] == ("t3", "12.50", "3", "2026-03-01", "1")
    statement = written.run[2][0]
    assert statement.startswith(
        "INSERT INTO [dbo].[orders] ([c 0], [c 1], [c 2], [c 3], [c 429], record_uuid) SELECT NULLIF(r.c0, "
    )
    assert "NEWID() FROM (VALUES (?, ?, ?, ?, ?), (" in statement
    assert troubles(statement.replace("?", "@p")) == []


def test_rows_are_updated_by_few_statements() -> None:
    written = Written()
    rows = [[f"ref {n}", None if n else "x", n] for n in range(400)]
    MSSQL.update_rows(cast(Connection, written), "[dbo].[orders]", ["record_uuid", "[PO NUMBER]", "[S]"], rows)
    assert [len(texts) // 3 for _, texts in written.run] == [333, 67]
    statement, texts = written.run[1]
    assert texts[:2] == ("ref 333", "(orders_platform: no value)")
    assert statement.startswith(
        "UPDATE [dbo].[orders] SET [PO NUMBER] = NULLIF(r.c1, N'(orders_platform: no value)'), [S] = NULLIF(r.c2"
    )
    assert statement.endswith(" WHERE [dbo].[orders].record_uuid = r.c0")
    assert troubles(statement.replace("?", "@p")) == []


@pytest.mark.parametrize("sql", ["SELECT 1 FROM t WHERE", "SELECT a FROM t LIMIT 1", "UPDATE t SET a == 1", "SELECT (a FROM t"])
def test_what_is_no_tsql_is_found(sql: str) -> None:
    assert troubles(sql) != []

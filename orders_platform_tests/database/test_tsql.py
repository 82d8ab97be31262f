"""Every T-SQL statement parses by the grammar of sqlfluff, which is stricter than sqlglot's; part of `make check`.

The order list is narrow here: a statement over 411 columns says the same thing 411 times, and takes the parser a minute.
"""

from __future__ import annotations

import json
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
    rows = [
        [f"t\U0001f9e5{n}", Decimal("12.50"), n, date(2026, 3, 1), *[None] * 425, n % 1_000 == 3 or None] for n in range(2_050)
    ]
    written = Written()
    assert MSSQL.insert_rows(cast(Connection, written), "[dbo].[orders]", columns, rows, uuid="record_uuid") == 2_050
    assert [len(json.loads(document)) for _, (document,) in written.run] == [1_000, 1_000, 50]
    first = json.loads(written.run[0][1][0])
    assert first[3] == {"c0": "t\U0001f9e53", "c1": "12.50", "c2": "3", "c3": "2026-03-01", "c4": "1"}
    assert first[4].keys() == {"c0", "c1", "c2", "c3"}  # what is absent is NULL
    assert written.run[0][1][0].isascii()
    statement = written.run[0][0]
    assert statement == (
        "INSERT INTO [dbo].[orders] ([c 0], [c 1], [c 2], [c 3], [c 429], record_uuid) SELECT r.c0, r.c1, r.c2, r.c3, r.c4, NEWID() "
        "FROM OPENJSON(?) WITH (c0 NVARCHAR(MAX), c1 NVARCHAR(MAX), c2 NVARCHAR(MAX), c3 NVARCHAR(MAX), c4 NVARCHAR(MAX)) AS r"
    )
    assert troubles(statement.replace("?", "@p")) == []


def test_rows_are_updated_by_few_statements() -> None:
    written = Written()
    rows = [[f"ref {n}", None if n else "x", n] for n in range(1_400)]
    MSSQL.update_rows(cast(Connection, written), "[dbo].[orders]", ["record_uuid", "[PO NUMBER]", "[S]"], rows)
    assert [len(json.loads(document)) for _, (document,) in written.run] == [1_000, 400]
    statement, (document,) = written.run[1]
    assert json.loads(document)[0] == {"c0": "ref 1000", "c2": "1000"}
    assert statement == (
        "UPDATE [dbo].[orders] SET [PO NUMBER] = r.c1, [S] = r.c2 FROM OPENJSON(?) WITH (c0 NVARCHAR(MAX), c1 NVARCHAR(MAX), "
        "c2 NVARCHAR(MAX)) AS r WHERE [dbo].[orders].record_uuid = r.c0"
    )
    assert troubles(statement.replace("?", "@p")) == []


@pytest.mark.parametrize("sql", ["SELECT 1 FROM t WHERE", "SELECT a FROM t LIMIT 1", "UPDATE t SET a == 1", "SELECT (a FROM t"])
def test_what_is_no_tsql_is_found(sql: str) -> None:
    assert troubles(sql) != []

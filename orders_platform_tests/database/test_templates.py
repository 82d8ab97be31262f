"""Every statement of sql/ in both dialects, over all 411 columns: it renders, parses, binds what it declares, and keeps the limits."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import sqlglot
from markupsafe import Markup
from pydantic import SecretStr
from sqlalchemy import Dialect, TextClause
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.mssql import pyodbc
from sqlglot import exp

from orders_platform.configuration import Configuration, read_configuration
from orders_platform.database.dialects import TableColumn
from orders_platform.database.engine import open_database
from orders_platform.database.mssql import MSSQL
from orders_platform.database.schema import TABLES, Schema, define_tables
from orders_platform.database.sqlite import SQLITE
from orders_platform.database.statements import Statements, Templates, integer, parameter
from orders_platform.domain.orders import RowKind
from orders_platform.errors import ConfigurationError
from orders_platform.merge.merge_rules import MergeRules
from orders_platform.settings import default_folder
from orders_platform_tests.testing.order_list import GREYSON, KEY, OrderList, order
from orders_platform_tests.testing.order_stores import CONFIG

SQL = default_folder("sql")
FILES = sorted(path.name.removesuffix(".sql.j2") for path in SQL.glob("*.sql.j2"))
OF_A_KIND = {name for name in FILES if "(kind)" in (SQL / f"{name}.sql.j2").read_text(encoding="utf-8")}
NAMES = [each for name in FILES for each in ([f"{name} of {kind}" for kind in RowKind] if name in OF_A_KIND else [name])]
"""Those that serve orders and lines are two statements."""
DIALECTS: dict[str, Dialect] = {"sqlite": sqlite.dialect(), "mssql": pyodbc.dialect(paramstyle="qmark")}  # type: ignore[no-untyped-call]
OURS = {"sqlite": SQLITE, "mssql": MSSQL}
HOSTILE = ["∆", "CUSTOMER'S COLOUR CODE (CUSTOM FIELD)", "ADDITIONAL TARIFF 7 %", "SELECT", "30/32/34", "S++", "a]b", 'a"b', ":name",
           "a:b", "?", "%(x)s", "[x]", "{{ 7 }}", "--", "/*", "a\\:b", "it;s", "'"]  # fmt: skip


def templates_for(dialect: str, configuration: Configuration, folder: Path = SQL) -> Templates:
    def quoted(name: str) -> Markup:
        return Markup(DIALECTS[dialect].identifier_preparer.quote_identifier(name))

    context = {
        "t": {role: quoted(getattr(configuration.tables, role)) for role in TABLES},
        "columns": configuration.columns, "types": OURS[dialect].types, "mapped": configuration.mapped_sources,
    }  # fmt: skip
    return Templates(folder, DIALECTS[dialect], context)


class WideSchema(Schema):
    """The columns that our own DDL has, without a database that has them."""

    def columns_of(self, table: str) -> list[TableColumn]:
        role = "staging" if table == self._names.staging else "orders"
        return [TableColumn(name, str(type_).startswith(("INT", "DECIMAL"))) for name, type_ in self.definitions[role].columns]


def statement_of(statements: Statements, name: str, result_rows: int) -> TextClause:
    file, _, kind = name.partition(" of ")
    told = {"column": "NOTES", "kind": kind, "waiting": 1, "is_counted": 1, "is_some": 1}
    return statements.render(file, {"result_rows": result_rows, **told})[0]


@cache
def rendered(dialect: str) -> dict[str, TextClause]:
    """Every statement of a dialect."""
    configuration = read_configuration(CONFIG, "production")
    templates = templates_for(dialect, configuration)
    rules = MergeRules(
        configuration, WideSchema(open_database(SecretStr("sqlite://")), configuration, SQL), OURS[dialect].types
    )
    statements = Statements(templates, rules.context(GREYSON) | {"absent": ["NOTES", "S"], "keys": [KEY]})
    return {name: statement_of(statements, name, result_rows=100) for name in NAMES}


def sql_of(dialect: str, name: str) -> str:
    """The statement as the driver gets it, each list with three values."""
    sql = str(rendered(dialect)[name].compile(dialect=DIALECTS[dialect]))
    return re.sub(r"\(__\[POSTCOMPILE_\w+\]\)", "(?, ?, ?)", sql)


@cache
def parsed(dialect: str, name: str) -> exp.Expression:
    found = sqlglot.parse(sql_of(dialect, name), read={"sqlite": "sqlite", "mssql": "tsql"}[dialect])
    assert len(found) == 1
    assert found[0] is not None
    return found[0]


each = pytest.mark.parametrize(("dialect", "name"), [(dialect, name) for dialect in DIALECTS for name in NAMES])


@each
def test_a_statement_is_one_statement_that_parses(dialect: str, name: str) -> None:
    statement = parsed(dialect, name)
    assert isinstance(statement, exp.Select | exp.Insert | exp.Update | exp.Delete | exp.Create | exp.Drop | exp.Union)


@each
def test_a_statement_is_plain_enough_for_engines_without_merge_and_unpivot(dialect: str, name: str) -> None:
    statement = parsed(dialect, name)
    assert not list(statement.find_all(exp.Merge, exp.Pivot, exp.Command))


@each
def test_a_statement_stays_under_sql_servers_limits(dialect: str, name: str) -> None:
    sql = sql_of(dialect, name)
    assert sql.count("?") < 2_100
    for call in parsed(dialect, name).find_all(exp.ConcatWs, exp.Concat):
        assert len(call.expressions) <= 254
    assert nesting(sql) < 60


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_for_sql_server_is_short_and_locks_and_splits_nothing(name: str) -> None:
    """A hint locks the neighbours' rows; STRING_SPLIT hands on a collation that no other has; a long one is compiled for seconds."""
    sql = sql_of("mssql", name)
    assert len(sql) < 60_000
    assert not re.search(
        r"HOLDLOCK|UPDLOCK|TABLOCK|STRING_SPLIT|#\w+", re.sub(r"^--.*$|\[[^\]]*\]", "", sql, flags=re.MULTILINE)
    )


def test_a_name_is_written_in_the_same_letters_everywhere() -> None:
    """In a Turkish database I and i are two letters, also in the names of columns."""
    tables = define_tables(MSSQL, read_configuration(CONFIG, "production"), SQL).values()
    names = {name for table in tables for name in (table.name, *(column for column, _ in table.columns))}
    names |= {each.name for name in NAMES for each in parsed("mssql", name).find_all(exp.Identifier)}
    names = {name for name in names if "i" in name.casefold()}
    assert len({name.casefold() for name in names}) == len(names)


def nesting(sql: str) -> int:
    depth = deepest = 0
    for mark in sql:
        depth += (mark == "(") - (mark == ")")
        deepest = max(deepest, depth)
    return deepest


def declared(name: str) -> set[str]:
    header = re.search(
        r"^-- Parameters: (.*)$", (SQL / f"{name.partition(' of ')[0]}.sql.j2").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert header, f"{name} does not declare its parameters"
    return {entry.split()[0] for entry in header[1].split(",")} - {"none"}


def bound(dialect: str, name: str) -> set[str]:
    return {re.sub(r"_\d+$", "", parameter) for parameter in rendered(dialect)[name].compile().params}


@pytest.mark.parametrize("name", NAMES)
def test_a_header_declares_just_the_parameters_that_the_statement_binds(name: str) -> None:
    assert bound("sqlite", name) | bound("mssql", name) == declared(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_header_says_what_the_statement_is_for_reads_and_writes(name: str) -> None:
    text = (SQL / f"{name.partition(' of ')[0]}.sql.j2").read_text(encoding="utf-8")
    assert re.match(r"-- [A-Z][^\n]+\n(-- [^\n]+\n)*?-- Reads: [^\n]+\. Writes: [^\n]+\.\n-- Parameters: ", text)
    written = re.search(r"Writes: ([a-z ]+)", text)
    assert written is not None
    kind = type(parsed("sqlite", name))
    assert (written[1] == "nothing") is (kind in {exp.Select, exp.Union})


@pytest.mark.parametrize("name", NAMES)
def test_sqlite_can_prepare_the_statement(wide: OrderList, name: str) -> None:
    store = wide.store
    clause = rendered("sqlite")[name]
    values = {key: [1] if clause._bindparams[key].expanding else 1 for key in clause.compile().params}
    with store.database.write() as connection:
        connection.exec_driver_sql("PRAGMA query_only = 1")
        connection.execute(type(clause)(f"EXPLAIN {clause.text}").bindparams(*clause._bindparams.values()), values)


def test_the_unpivot_lists_the_sizes_of_an_order_once_and_not_once_a_size(wide: OrderList) -> None:
    """With the 245 names as the outer loop it was a hundred times slower."""
    clause = rendered("sqlite")["2_unpivot_sizes"]
    query = type(clause)("EXPLAIN QUERY PLAN " + clause.text[clause.text.index("SELECT :customer") :])
    with wide.store.database.read() as connection:
        steps = [str(row[3]) for row in connection.execute(query, dict.fromkeys(query.compile().params, 1))]
    loops = [step.split(" USING ")[0] for step in steps if " named" in step or " o " in step or " filled" in step]
    assert [loop.split()[1] for loop in loops if not loop.startswith("MATERIALIZE")] == ["o", "filled", "named"]


# --- the contract


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of statements with our macros."""
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "macros").symlink_to(SQL / "macros", target_is_directory=True)
    return folder


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT {{ value }}", "would be written into SQL as it is"),
        ("SELECT {{ value | upper }}", "would be written into SQL as it is"),
        ("SELECT {{ missing }}", "'missing' is undefined"),
        ("SELECT {{ t.nowhere }}", "no attribute 'nowhere'"),
        ("SELECT {{ q(value", "cannot be rendered"),
        ("SELECT {{ param('x; DROP', 1) }}", "is no parameter name"),
        ("SELECT {{ col('s; DROP', value) }}", "is no alias"),
    ],
)
def test_a_template_that_writes_anything_but_identifiers_is_refused(
    own: Path, configuration: Configuration, text: str, words: str
) -> None:
    (own / "bad.sql.j2").write_text(text, encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=f"bad cannot be rendered: .*{re.escape(words)}" if "cannot" not in words else words
    ):
        templates_for("sqlite", configuration, own).render("bad", value="'; DROP TABLE x; --")


def test_a_template_that_is_absent_is_refused_with_the_next_step(configuration: Configuration) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.sql\.j2 is not in .* reinstall"):
        templates_for("sqlite", configuration).render("nowhere")


def test_numbered_parameters_and_integers_take_nothing_else() -> None:
    assert (parameter("word", 3), integer(4)) == (":word_3", "4")
    with pytest.raises(ValueError, match="invalid literal"):
        integer("1; DROP")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_quoted_name_is_that_name_and_binds_nothing(own: Path, configuration: Configuration, dialect: str, name: str) -> None:
    (own / "one.sql.j2").write_text("-- Parameters: none\nSELECT s.{{ q(column) }} FROM s", encoding="utf-8")
    clause = templates_for(dialect, configuration, own).render("one", column=name)
    compiled = clause.compile(dialect=DIALECTS[dialect])
    assert compiled.params == {}
    mark = {"sqlite": '"', "mssql": "]"}[dialect]
    opening = {"sqlite": '"', "mssql": "["}[dialect]
    assert str(compiled).endswith(f"s.{opening}{name.replace(mark, mark * 2)}{mark} FROM s")


@pytest.mark.parametrize("kind", ["INT", "NVARCHAR(50)"])
def test_orders_and_sizes_with_hostile_column_names_are_merged(order_list: OrderList, kind: str) -> None:
    at = order_list.sql("SELECT sql FROM sqlite_master WHERE name = 'swp_ORDER_LIST_V2'")[0][0]
    quoted = ['"' + name.replace('"', '""') + '"' for name in HOSTILE if name != "∆"]
    order_list.sql('DROP TABLE "swp_ORDER_LIST_V2"')
    marker = '"TOTAL QTY"' if kind == "INT" else '"DESTINATION"'
    order_list.sql(str(at).replace(marker, ", ".join(f"{name} {kind}" for name in quoted) + f", {marker}", 1))
    for name in quoted:
        order_list.sql(f"ALTER TABLE ORDER_LIST_V2 ADD COLUMN {name} {kind}")
    cells = {name: n + 1 for n, name in enumerate(HOSTILE) if name != "∆"}
    headers, lines = order_list.merge_all(order("GRE-1") | cells, order("", FREIGHT="x") | cells)
    assert (headers.created, headers.rejected) == (1, 1)
    if kind == "INT":
        assert lines.created == 2 + len(cells)
        assert {size: n for (_, size), n in order_list.lines().items() if size in cells} == cells
    else:
        assert order_list.orders(*cells) == [tuple(str(n) for n in cells.values())]

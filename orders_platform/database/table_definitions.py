"""The tables we need, as `sql/tables/` defines them: names, columns with their types, and the statements that make them.

Belongs here: rendering the DDL for a dialect; no database is needed for it. Does not belong here: what a database has and lacks
(`schema.py`), the DDL itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import jinja2
from markupsafe import Markup
from sqlalchemy import Dialect
from sqlalchemy.dialects import registry

from orders_platform.configuration import Tables
from orders_platform.database.column_types import ColumnTypes
from orders_platform.domain.states import Action, SyncState

TABLES = ("staging", "orders", "staged_lines", "lines", "log", "rejects", "customers")
_WORDS = {"states": SyncState, "actions": Action}


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table as `sql/tables/` defines it: its name, its columns with their types, and the statement that makes it."""

    name: str
    columns: tuple[tuple[str, Markup], ...]
    create: str


def dialect_of(environment: str) -> Dialect:
    """The SQL dialect of an environment, without its driver: nothing of a database is needed to say what its tables are."""
    return dialect_named("sqlite" if environment == "sandbox" else "mssql")


def dialect_named(name: str) -> Dialect:
    """SQLAlchemy's dialect `sqlite` or `mssql`, connected to nothing."""
    dialect: type[Dialect] = registry.load({"mssql": "mssql.pyodbc"}.get(name, name))
    return dialect()


def define_tables(dialect: Dialect, names: Tables, folder: Path) -> Mapping[str, TableDefinition]:
    """Every table we need, by its role.

    Args:
        dialect: decides types and quoting.
        names: what the tables are called.
        folder: `sql/`.
    """
    return _defined(dialect.name, names, folder)


@lru_cache(maxsize=8)
def _defined(dialect: str, names: Tables, folder: Path) -> Mapping[str, TableDefinition]:
    return {role: _define(role, dialect_named(dialect), names, folder) for role in TABLES}


@cache
def _environment(folder: Path) -> jinja2.Environment:
    """One for all tables of a folder: the 411 business columns, which two of them have, take Jinja a quarter of a second to compile."""
    loader = jinja2.FileSystemLoader(folder)
    return jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True)


def _define(role: str, dialect: Dialect, names: Tables, folder: Path) -> TableDefinition:
    columns: list[tuple[str, Markup]] = []

    def q(name: str) -> Markup:
        return Markup(dialect.identifier_preparer.quote_identifier(name))  # noqa: S704 - quoted by the dialect

    def column(name: str, type_: Markup) -> Markup:
        columns.append((name, type_))
        return q(name) + " " + type_

    def table(name: str) -> Markup:
        return Markup(".").join(q(part) for part in (names.schema_name, name) if part)

    types = ColumnTypes(dialect.name, as_it_arrives=role == "staging")
    words = {name: Markup(", ").join(Markup(f"'{word}'") for word in enum) for name, enum in _WORDS.items()}  # noqa: S704
    create = _environment(folder).get_template(f"tables/{role}.sql.j2").render(
        column=column, table=table, tables=names, q=q, **words,
        **{word: getattr(types, word) for word in dir(types) if not word.startswith("_")},
    )  # fmt: skip
    return TableDefinition(getattr(names, role), tuple(columns), create.strip())

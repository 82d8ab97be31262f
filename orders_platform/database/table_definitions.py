"""The tables we need, as `sql/tables/` defines them, rendered for a dialect; no database is needed for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from orders_platform.configuration import Tables
from orders_platform.database.dialects import Dialect
from orders_platform.domain.states import Action, SyncState

TABLES = ("staging", "orders", "staged_lines", "lines", "log", "rejects", "customers", "loads")
_WORDS = {"states": SyncState, "actions": Action}


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table as `sql/tables/` defines it: its name, its columns with their types, and the statement that makes it."""

    name: str
    columns: tuple[tuple[str, Markup], ...]
    create: str


@lru_cache(maxsize=8)
def define_tables(dialect: Dialect, names: Tables, folder: Path) -> Mapping[str, TableDefinition]:
    """Every table we need, by its role.

    Args:
        dialect: decides types and quoting.
        names: what the tables are called.
        folder: `sql/`.
    """
    return {role: _define(role, dialect, names, folder) for role in TABLES}


@cache
def _environment(folder: Path) -> jinja2.Environment:
    """One for all tables of a folder: the 411 business columns, which two of them have, take Jinja a quarter of a second to compile."""
    loader = jinja2.FileSystemLoader(folder)
    return jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True)


def _define(role: str, dialect: Dialect, names: Tables, folder: Path) -> TableDefinition:
    columns: list[tuple[str, Markup]] = []

    def q(name: str) -> Markup:
        return Markup(dialect.quote(name))  # noqa: S704 - quoted by the dialect

    def column(name: str, type_: Markup) -> Markup:
        columns.append((name, type_))
        return q(name) + " " + type_

    def table(name: str) -> Markup:
        return Markup(".").join(q(part) for part in (names.schema_name, name) if part)

    types = dialect.staged_types if role == "staging" else dialect.types
    words = {name: Markup(", ").join(Markup(f"'{word}'") for word in enum) for name, enum in _WORDS.items()}  # noqa: S704
    create = _environment(folder).get_template(f"tables/{role}.sql.j2").render(
        column=column, table=table, tables=names, q=q, **words,
        **types,
    )  # fmt: skip
    return TableDefinition(getattr(names, role), tuple(columns), create.strip())

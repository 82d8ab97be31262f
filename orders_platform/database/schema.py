"""What of the tables and views is missing in a database, and the columns that are really there.

Belongs here: `init-db`. Does not belong here: the DDL itself (`sql/tables/`, `table_definitions.py`; of views `views.py`), reading the
catalogue (`catalogue.py`), what else a table of an earlier system needs (`adoption.py`). A table that exists is never altered except by
adding the columns it lacks; no table is dropped, renamed or retyped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from markupsafe import Markup

from orders_platform.configuration import Columns, Configuration
from orders_platform.database.adoption import adoption_statements
from orders_platform.database.catalogue import TableColumn, read_columns, read_indexes
from orders_platform.database.column_types import ColumnTypes
from orders_platform.database.engine import Database, place
from orders_platform.database.rights import require_daily_rights, require_rights_to_make
from orders_platform.database.table_definitions import TABLES, TableDefinition, define_tables, dialect_named
from orders_platform.database.templates import Templates
from orders_platform.database.views import missing_views
from orders_platform.errors import SourceDataError

_NAME = 31
"""So many characters of an index's name count: some T-SQL engines shorten and lengthen the names that they are given."""


@lru_cache(maxsize=8)
def _templates(
    folder: Path, dialect: str, names: tuple[tuple[str, Markup], ...], columns: Columns, mapped: tuple[str, ...]
) -> Templates:
    """The same for all stores of a process; every step of a Dagster run opens one."""
    context = {"t": dict(names), "columns": columns, "types": ColumnTypes(dialect), "mapped": mapped}
    return Templates(folder, dialect_named(dialect), context)


class Schema:
    """The tables of one configuration in one database."""

    def __init__(self, database: Database, configuration: Configuration, folder: Path) -> None:
        self._database = database
        self._configuration = configuration
        self._names = configuration.tables
        self._columns = configuration.columns
        self._folder = folder

    def qualified(self, name: str) -> Markup:
        """A table name, quoted, with the schema when one is configured."""
        parts = [self._names.schema_name, name] if self._names.schema_name else [name]
        return Markup(".").join(Markup(self._quote(part)) for part in parts)  # noqa: S704 - quoted by the dialect

    def _quote(self, name: str) -> str:
        return self._database.engine.dialect.identifier_preparer.quote_identifier(name)

    @cached_property
    def definitions(self) -> Mapping[str, TableDefinition]:
        """Every table we need, by its role."""
        return define_tables(self._database.engine.dialect, self._names, self._folder)

    @cached_property
    def templates(self) -> Templates:
        """The statements of `sql/` over these tables."""
        names = tuple((role, self.qualified(getattr(self._names, role))) for role in TABLES)
        return _templates(self._folder, self._database.dialect, names, self._columns, self._configuration.mapped_sources)

    def missing(self) -> list[str]:
        """The DDL that makes the database fit, in order; empty when it fits."""
        tables = [statement for definition in self.definitions.values() for statement in self._missing_of(definition)]
        adoption = self._adoption(is_incomplete=bool(tables))
        return tables + adoption + self._indexes() + missing_views(self._database, self._names, self.templates)

    def _adoption(self, *, is_incomplete: bool) -> list[str]:
        """What tables of an earlier system need besides columns; nothing once the tables are complete."""
        if self._database.dialect != "mssql":
            return []
        with self._database.read() as connection:
            tables = {
                role: (getattr(self._names, role), self.qualified(getattr(self._names, role))) for role in ("orders", "lines")
            }
            return adoption_statements(connection, tables, self._names.schema_name, is_incomplete=is_incomplete)

    def _missing_of(self, definition: TableDefinition) -> list[str]:
        have = {column.name.casefold() for column in self._catalogue(definition.name)}
        if not have:
            return [definition.create]
        if definition.name == self._names.staging:
            return []  # the load owns it
        table = self.qualified(definition.name)
        return [
            f"ALTER TABLE {table} ADD {self._quote(name)} {type_}"
            for name, type_ in definition.columns
            if name.casefold() not in have
        ]

    def _indexes(self) -> list[str]:
        names = self._names
        wanted = {
            f"ix_{names.orders}_customer": (names.orders, (self._columns.customer, "sync_state")),
            f"ix_{names.lines}_state": (names.lines, ("sync_state", "record_uuid")),
            f"ix_{names.staged_lines}_customer": (names.staged_lines, ("customer_name",)),
            f"ix_{names.log}_logged": (names.log, ("logged_at",)),
            f"ix_{names.staging}_customer": (names.staging, (self._columns.customer,)),
        }
        return [
            f"CREATE INDEX {self._quote(index)} ON {self.qualified(table)} ({', '.join(self._quote(column) for column in columns)})"
            for index, (table, columns) in wanted.items()
            if not any(name.casefold().startswith(index.casefold()[:_NAME]) for name in self._existing_indexes(table))
        ]

    def _existing_indexes(self, table: str) -> set[str]:
        with self._database.read() as connection:
            return read_indexes(connection, table, self._names.schema_name)

    def apply(self) -> list[str]:
        """Make the database fit, in one transaction; the statements that were run.

        Raises:
            DatabaseRefusedError: the login lacks a right that one of them needs.
        """
        statements = self.missing()
        with self._database.write() as connection:
            require_rights_to_make(connection, statements, self._names.schema_name)
            for statement in statements:
                connection.exec_driver_sql(statement)
        return statements

    def require_daily_rights(self) -> None:
        """Refuse a login that could not finish what it would begin. Raises `DatabaseRefusedError`, naming what it lacks."""
        tables = {role: self.qualified(getattr(self._names, role)) for role in TABLES}
        with self._database.read() as connection:
            require_daily_rights(connection, tables)

    def _catalogue(self, table: str) -> Sequence[TableColumn]:
        with self._database.read() as connection:
            return read_columns(connection, table, self._names.schema_name)

    def columns_of(self, table: str) -> Sequence[TableColumn]:
        """The columns of a table, in order.

        Raises:
            SourceDataError: there is no such table.
        """
        columns = self._catalogue(table)
        if not columns:
            raise SourceDataError(
                f"There is no table {table} in {place(self._database.engine)}. "
                "Run `orders-platform init-db`, or correct [tables] in the configuration; a table that the login may not read looks absent."
            )
        return columns

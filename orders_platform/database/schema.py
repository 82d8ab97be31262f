"""`init-db`: what of our tables, views and indexes a database lacks, and the rights that a login needs.

A table that exists is never altered except by adding the columns it lacks; no table is dropped, renamed or retyped. A view is a question
and not data: one of ours that asks differently from `sql/views/` is made anew. The rows of an earlier system's tables keep their ids: an
order that has an item is updated at the next merge, never made again.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import sqlalchemy
from markupsafe import Markup
from sqlalchemy import Connection, text
from sqlalchemy.exc import NoSuchTableError

from orders_platform.configuration import Columns, Configuration, Tables
from orders_platform.database.dialects import Dialect, Right, TableColumn
from orders_platform.database.engine import Database, place
from orders_platform.database.statements import Templates
from orders_platform.domain.orders import Action, SyncState
from orders_platform.domain.text import counted
from orders_platform.errors import ConfigurationError, DatabaseRefusedError, SourceDataError

_WORDS: Mapping[str, tuple[str, ...]] = {"sync_state": tuple(SyncState), "action_type": tuple(Action)}
VIEWS = ("order_sync_status", "customer_summary")
VIEW_MARK = "/* made by orders_platform */"
"""In the text of each view of ours, by which it is known: a view of that name without it is somebody else's and stays as it is."""

DAILY_RIGHTS: Mapping[str, Sequence[str]] = {
    "staging": ("SELECT",),  # `load` inserts and deletes as well
    "orders": ("SELECT", "INSERT", "UPDATE"),
    "staged_lines": ("SELECT", "INSERT", "DELETE"),
    "lines": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "log": ("SELECT", "INSERT", "DELETE"),
    "rejects": ("SELECT", "INSERT", "UPDATE"),
    "customers": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "loads": ("SELECT",),  # `load` and the sensor of order files insert as well
}
"""By role of the table: what merging, sending and `housekeeping` do."""

TABLES = tuple(DAILY_RIGHTS)

_CHECKS = text(
    "SELECT c.name, c.definition FROM sys.check_constraints AS c INNER JOIN sys.tables AS t ON t.object_id = c.parent_object_id "
    "WHERE t.name = :table_name AND t.schema_id = SCHEMA_ID(COALESCE(NULLIF(:schema_name, ''), SCHEMA_NAME()))"
)
_ADOPTED = "an order of the earlier system that was not on the board; the next load that holds it sends it"

# t-sql-compatible: some engines shorten and lengthen the names of indexes; so many characters of one count.
_NAME = 31


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table as `sql/tables/` defines it: its name, the statement that makes it, its columns with their types, and what is in each."""

    name: str
    create: str
    columns: tuple[tuple[str, Markup], ...]
    words: Mapping[str, str]


def qualified(dialect: Dialect, names: Tables, table: str) -> Markup:
    """The name of a table, quoted, with the schema when one is configured."""
    return Markup(".").join(dialect.quote(part) for part in (names.schema_name, table) if part)


def templates_of(dialect: Dialect, configuration: Configuration, folder: Path) -> Templates:
    """The statements of a configuration; once a process, since every step of a Dagster run opens a store."""
    return _templates(dialect, configuration.tables, configuration.columns, configuration.mapped_sources, folder)


@lru_cache(maxsize=8)
def _templates(dialect: Dialect, names: Tables, columns: Columns, mapped: tuple[str, ...], folder: Path) -> Templates:
    tables = {role: qualified(dialect, names, getattr(names, role)) for role in TABLES}
    return Templates(folder, dialect.sqlalchemy, {"t": tables, "columns": columns, "mapped": mapped})


def define_tables(dialect: Dialect, configuration: Configuration, folder: Path) -> Mapping[str, TableDefinition]:
    """Every table we need, by its role; the dialect decides types and quoting."""
    order_list = tuple((name, column.type) for name, column in configuration.order_list.items())
    names, templates = configuration.tables, templates_of(dialect, configuration, folder)
    return {role: _define(role, dialect, getattr(names, role), order_list, templates) for role in TABLES}


@lru_cache(maxsize=64)
def _define(
    role: str, dialect: Dialect, name: str, order_list: Iterable[tuple[str, str]], templates: Templates
) -> TableDefinition:
    columns: list[tuple[str, Markup]] = []
    described: dict[str, str] = {}

    def column(name: str, type_: Markup, words: str = "") -> Markup:
        columns.append((name, type_))
        described[name] = words
        return dialect.quote(name) + " " + type_

    def typed(word: str) -> Markup:
        """A type such as `decimal(18, 4)` in the words of the dialect."""
        kind, *sizes = re.findall(r"\w+", word)
        return types[kind](*map(int, sizes))

    types = dialect.staged_types if role == "staging" else dialect.types
    told = {
        "order_list": [(each, typed(word)) for each, word in order_list],
        "has_staged_hashes": bool(dialect.staged_hash_triggers),
    }
    words = {each: _listed(_WORDS[each]) for each in _WORDS}
    create = templates.written(f"tables/{role}", column=column, words=words, **told, **types)
    return TableDefinition(name, create.strip(), tuple(columns), described)


def _listed(words: Iterable[str]) -> Markup:
    return Markup(", ").join(Markup("'{}'").format(word) for word in words)


def text_of_view(inspector: sqlalchemy.Inspector, name: str, schema: str | None) -> str | None:
    """The statement of a view that is there; None where SQL Server shows it to nobody who lacks VIEW DEFINITION."""
    try:
        return inspector.get_view_definition(name, schema=schema)
    except NoSuchTableError:
        return None


class Schema:
    """The tables of one configuration in one database."""

    def __init__(self, database: Database, configuration: Configuration, folder: Path) -> None:
        self._database = database
        self._configuration = configuration
        self._names = configuration.tables
        self._columns = configuration.columns
        self._folder = folder
        self.templates = templates_of(database.dialect, configuration, folder)

    def qualified(self, name: str) -> Markup:
        return qualified(self._database.dialect, self._names, name)

    def table(self, role: str) -> Markup:
        return self.qualified(getattr(self._names, role))

    @cached_property
    def definitions(self) -> Mapping[str, TableDefinition]:
        return define_tables(self._database.dialect, self._configuration, self._folder)

    def missing(self) -> list[str]:
        """The DDL that makes the database fit, in order; empty when it fits."""
        self._require_suitable()
        missing = [statement for definition in self.definitions.values() for statement in self._missing_of(definition)]
        adopted = [each for role in ("orders", "lines") for each in self._adopting(role, is_first=bool(missing))]
        return missing + adopted + self._indexes() + self._views()

    def _require_suitable(self) -> None:
        """Raises `DatabaseRefusedError`, which names every column of an earlier system's tables that cannot be written or compared."""
        keys, customers = self._configuration.keys, self._configuration.customers.values()
        own = [name for entry in customers for name in (*(entry.unique_keys or ()), *(entry.extra_checks or ()))]
        compared = (self._columns.customer, *keys.unique, *keys.extra, *own, "size_code")
        with self._database.read() as connection:
            reasons: list[str] = []
            for role in ("orders", "lines"):
                written = [name for name, _ in self.definitions[role].columns]
                reasons += self._database.dialect.unsuitable(connection, str(self.table(role)), written, compared)
        if reasons:
            raise DatabaseRefusedError(
                f"{len(reasons)} columns of the tables that are there cannot be used; nothing was changed. {' '.join(reasons)} "
                "Their owner changes them, or [tables] in the configuration names other tables."
            )

    def _missing_of(self, definition: TableDefinition) -> list[str]:
        have = {column.name.casefold() for column in self._catalogue(definition.name)}
        if not have:
            return self._made(definition)
        if definition.name == self._names.staging:
            return []  # the load owns it
        table = self.qualified(definition.name)
        return [
            f"ALTER TABLE {table} ADD {self._database.dialect.quote(name)} {type_}"
            for name, type_ in definition.columns
            if name.casefold() not in have
        ]

    def _made(self, definition: TableDefinition) -> list[str]:
        dialect, table = self._database.dialect, self.qualified(definition.name)
        if definition.name != self._names.staging:
            return [definition.create, *(setting.format(table) for setting in dialect.settings)]
        return [definition.create, *self.staged_hash_triggers.values()]

    def _indexes(self) -> list[str]:
        names, dialect = self._names, self._database.dialect
        number, staged = self._configuration.keys.unique[0], self._catalogue(names.staging)
        columns_there = [column.name for column in staged] or dict(self.definitions["staging"].columns)
        is_hashed = bool(dialect.staged_hash_triggers) and "staged_hash" in columns_there
        of_customer, of_rows = f"ix_{names.staging}_customer", f"ix_{names.staging}_rows"
        # By the second whose rows the load holds, and what is in them, is told without reading one.
        told = (self._columns.file, "staged_hash") if is_hashed else ()
        wanted = {
            f"ix_{names.orders}_customer": (names.orders, (self._columns.customer, "sync_state", "merge_number")),
            f"ix_{names.orders}_number": (names.orders, (number,)),
            f"ix_{names.orders}_item": (names.orders, ("monday_item_id",)),
            f"ix_{names.lines}_item": (names.lines, ("monday_subitem_id",)),
            f"ix_{names.lines}_state": (names.lines, ("sync_state", "record_uuid")),
            f"ix_{names.log}_logged": (names.log, ("logged_at",)),
            f"ix_{names.rejects}_row": (names.rejects, ("row_uuid",)),
            of_rows if is_hashed else of_customer: (names.staging, (self._columns.customer, *told)),
        }
        with self._database.read() as connection:
            there = {table: dialect.indexes(connection, table, names.schema_name) for table, _ in wanted.values()}
        any_case = {number: dialect.any_case}
        kinds = {} if staged else {names.staging: dialect.staging_index}
        replaced = {of_customer} & there[names.staging] if is_hashed else set()
        there[names.staging] -= replaced
        return [f"DROP INDEX {self.qualified(index)}" for index in replaced] + [
            f"CREATE {kinds.get(table, 'INDEX')} {dialect.quote(index)} ON {self.qualified(table)} "
            f"({', '.join(dialect.quote(column) + any_case.get(column, '') for column in columns)})"
            + (dialect.sparse.format(dialect.quote(columns[0])) if index.endswith("_item") else "")
            for index, (table, columns) in wanted.items()
            if not any(name.casefold().startswith(index.casefold()[:_NAME]) for name in there[table])
            and self._is_short(table, columns)
        ]

    def _is_short(self, table: str, columns: Sequence[str]) -> bool:
        """Whether an index can have these columns: one of a longer text could refuse a row, or is refused itself."""
        most, wanted = self._database.dialect.longest_key, {name.casefold() for name in columns}
        found = [column for column in self._catalogue(table) if column.name.casefold() in wanted and column.family == "text"]
        return not most or all(0 < column.length <= most for column in found)

    def _views(self) -> list[str]:
        """Raises `ConfigurationError` when there is a view of one of the names that we did not make."""
        statements: list[str] = []
        with self._database.read() as connection:
            inspector, schema = sqlalchemy.inspect(connection), self._names.schema_name or None
            there = set(inspector.get_view_names(schema=schema))
            for role, name in ((role, getattr(self._names, role)) for role in VIEWS):
                found = text_of_view(inspector, name, schema) if name in there else ""
                if found is None:
                    continue  # it is there; whose it is, whoever may see its text finds out
                if found and VIEW_MARK not in found:
                    raise ConfigurationError(
                        f"There is a view {name} that orders-platform did not make; it was left as it is. "
                        f"Choose another name for ours: {role} in [tables]."
                    )
                body = str(self.templates.render(f"views/{role}").compile(dialect=self._database.engine.dialect)).strip()
                create = f"CREATE VIEW {self.qualified(name)} AS {VIEW_MARK}\n{body}"
                if found.split() != create.split():
                    statements += [*[f"DROP VIEW {self.qualified(name)}"] * bool(found), create]
        return statements

    def _adopting(self, role: str, *, is_first: bool) -> list[str]:
        """What makes a table of an earlier system ours; nothing for our own. `is_first`: columns or tables were missing.

        A CHECK that refuses one of our words (FAILED was ERROR there) becomes one that takes both. Nothing of an order is sent before a
        merge wrote its key and names: until then what was not sent is FAILED, with the reason. A line waits for its order: it may be NEW.
        """
        if not self._database.dialect.has_earlier_system:
            return []
        table, name, quote = self.table(role), getattr(self._names, role), self._database.dialect.quote
        statements: list[str] = []
        with self._database.read() as connection:
            checks = connection.execute(_CHECKS, {"table_name": name, "schema_name": self._names.schema_name}).all()
        for check, definition in checks:
            known = set(re.findall(r"'([A-Za-z_ ]+)'", definition))
            for column, ours in _WORDS.items():
                if re.search(rf"\b{column}\b", definition) and not known >= set(ours):
                    words = _listed([*ours, *sorted(known - set(ours))])
                    statements.append(f"ALTER TABLE {table} DROP CONSTRAINT {quote(check)}")
                    statements.append(f"ALTER TABLE {table} ADD CONSTRAINT {quote(check)} CHECK ({column} IN ({words}))")
        columns = {column.name.casefold() for column in self._catalogue(name)}
        own_id = "monday_item_id" if role == "orders" else "monday_subitem_id"
        if not is_first or "sync_batch_id" in columns or not {"sync_state", own_id} <= columns:
            return statements
        waiting = "'NEW'" if role == "lines" else f"'FAILED', sync_error_code = 'adopted', sync_error_message = N'{_ADOPTED}'"
        action = f"CASE WHEN {own_id} IS NULL THEN 'INSERT' ELSE 'UPDATE' END"
        statements += [
            f"UPDATE {table} SET sync_state = {waiting} WHERE sync_state <> 'SYNCED' OR {own_id} IS NULL",  # noqa: S608 - names of ours
            f"UPDATE {table} SET action_type = {action} WHERE action_type IS NULL",  # noqa: S608
        ]
        if role == "lines":
            statements.append(
                f"UPDATE {table} SET monday_parent_id = o.monday_item_id FROM {self.table('orders')} AS o "  # noqa: S608
                f"WHERE o.record_uuid = {table}.record_uuid AND {table}.monday_parent_id IS NULL AND {table}.monday_subitem_id IS NOT NULL"
            )
        return statements

    def apply(self) -> list[str]:
        """Make the database fit, in one transaction; the statements that were run. `DatabaseRefusedError`: the login lacks a right."""
        statements = self.missing()
        kinds = [kind for kind in ("CREATE TABLE", "CREATE VIEW") if any(made.startswith(kind) for made in statements)]
        rights: list[Right] = [("DATABASE", "", kind) for kind in kinds]
        with self._database.write() as connection:
            if statements:
                name = self._names.schema_name or connection.dialect.default_schema_name
                rights.append(("SCHEMA", self._database.dialect.quote(str(name)), "ALTER"))
            step = "Nothing was made. Run init-db as somebody who may, or let somebody who may grant rights run"
            self._require(connection, rights, step)
            for statement in statements:
                connection.exec_driver_sql(statement)
        return statements

    def widen_staging(self) -> None:
        """Give the staging table of SQLite, which `load` fills, the columns that the configuration has come to name, in its order.

        And today's triggers: where it has others, the hashes of its rows are forgotten.
        """
        definition = self.definitions["staging"]
        have, wanted = {column.name for column in self._catalogue(definition.name)}, {name for name, _ in definition.columns}
        columns = ", ".join(map(self._database.dialect.quote, sorted(have)))
        table, former = self.qualified(definition.name), self.qualified(f"{definition.name}_former")
        create, *settings = self._made(definition)
        with self._database.write() as connection:
            statements: Iterable[str] = ()
            if have and have < wanted:
                copied = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {former}"  # noqa: S608 - quoted names
                statements = f"ALTER TABLE {table} RENAME TO {former}", create, copied, f"DROP TABLE {former}", *settings
            elif "staged_hash" in have and not self._database.dialect.has_staged_hashes(connection, definition.name, settings):
                dropped = (f"DROP TRIGGER IF EXISTS {trigger}" for trigger in self.staged_hash_triggers)
                statements = *dropped, f"UPDATE {table} SET staged_hash = NULL", *settings  # noqa: S608 - a quoted name
            for statement in statements:
                connection.exec_driver_sql(statement)

    def require_daily_rights(self) -> None:
        """Refuse a login that could not finish what it would begin, by `DatabaseRefusedError` that names each missing right with its GRANT.

        A table that the login cannot see is passed over: the catalogue says that it is absent.
        """
        rights = [("OBJECT", str(self.table(role)), right) for role, needed in DAILY_RIGHTS.items() for right in needed]
        step = "Nothing was done. Somebody who may grant rights runs deploy/sql_server_rights.sql, or"
        with self._database.read() as connection:
            self._require(connection, rights, step)

    def _require(self, connection: Connection, rights: Sequence[Right], step: str) -> None:
        grants = self._database.dialect.missing_grants(connection, rights)
        if grants:
            raise DatabaseRefusedError(f"The database user lacks {counted(len(grants), 'right')}. {step}: {' '.join(grants)}")

    def _catalogue(self, table: str) -> Sequence[TableColumn]:
        with self._database.read() as connection:
            return self._database.dialect.columns(connection, table, self._names.schema_name)

    @cached_property
    def staged_hash_triggers(self) -> Mapping[Markup, str]:
        """What forgets the hash of a staged row that somebody changes or inserts, by name; the last is for rows that are inserted."""
        staging, triggers = self._names.staging, self._database.dialect.staged_hash_triggers
        names = (self.qualified(f"{staging}_{what}") for what in ("changed", "inserted"))
        table = self.qualified(staging)
        return {name: text.format(name=name, table=table) for name, text in zip(names, triggers, strict=False)}

    @cached_property
    def has_staged_hashes(self) -> bool:
        """Whether the rows of the staging table have hashes that are true."""
        with self._database.read() as connection:
            triggers = self.staged_hash_triggers.values()
            return self._database.dialect.has_staged_hashes(connection, self._names.staging, triggers)

    def is_there(self, role: str) -> bool:
        """Whether the database has this table of ours. A file of SQLite that is absent is not made by asking."""
        url = self._database.engine.url
        if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
            return False
        return bool(self._catalogue(getattr(self._names, role)))

    def columns_of(self, table: str) -> Sequence[TableColumn]:
        """The columns of a table, in order. Raises `SourceDataError` when there is no such table."""
        columns = self._catalogue(table)
        if not columns:
            raise SourceDataError(
                f"There is no table {table} in {place(self._database.engine)}. "
                "Run `orders-platform init-db`, or correct [tables] in the configuration; a table that the login may not read looks absent."
            )
        return columns

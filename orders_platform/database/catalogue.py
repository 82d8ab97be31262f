"""What the database's own catalogue says of tables: columns, their types, indexes.

Belongs here: reading it, and what a type means for the merge. Does not belong here: the tables that we want (`schema.py`). SQL Server
is asked through INFORMATION_SCHEMA, which every T-SQL engine has, and not through SQLAlchemy's inspector, which asks for more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy
from markupsafe import Markup
from sqlalchemy import Connection, text
from sqlalchemy.types import Integer, Numeric

Family = Literal["text", "number", "float", "moment"]

_FAMILIES: Mapping[str, Family] = {
    **dict.fromkeys(("bigint", "int", "smallint", "tinyint", "bit", "decimal", "numeric", "money", "smallmoney"), "number"),
    **dict.fromkeys(("float", "real"), "float"),
    **dict.fromkeys(("date", "datetime", "datetime2", "smalldatetime"), "moment"),
}
_WHOLE = frozenset({"bigint", "int", "smallint", "tinyint"})

_COLUMNS = text(
    "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE "
    "FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = :table_name "
    "AND TABLE_SCHEMA = COALESCE(NULLIF(:schema_name, ''), SCHEMA_NAME()) ORDER BY ORDINAL_POSITION"
)
_INDEXES = text(
    "SELECT i.name FROM sys.indexes AS i INNER JOIN sys.tables AS t ON t.object_id = i.object_id "
    "WHERE t.name = :table_name AND t.schema_id = SCHEMA_ID(COALESCE(NULLIF(:schema_name, ''), SCHEMA_NAME()))"
)


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as the catalogue has it.

    Attributes:
        name: its name.
        is_numeric: whether it holds numbers.
        family: what its values are; always text on SQLite, where each value has a type of its own.
        length: the characters that it holds at most, 0 without a limit.
        type: the type to give a work table's column for it; None where the dialect's own DDL decides.
    """

    name: str
    is_numeric: bool
    family: Family = "text"
    length: int = 0
    type: Markup | None = None


def read_columns(connection: Connection, table: str, schema: str) -> Sequence[TableColumn]:
    """The columns of a table in order; none when there is no such table."""
    if connection.dialect.name == "mssql":
        rows = connection.execute(_COLUMNS, {"table_name": table, "schema_name": schema})
        return tuple(_mssql_column(*row) for row in rows)
    inspector = sqlalchemy.inspect(connection)
    if not inspector.has_table(table, schema=schema or None):
        return ()
    found = inspector.get_columns(table, schema=schema or None)
    return tuple(TableColumn(column["name"], isinstance(column["type"], Integer | Numeric)) for column in found)


def read_indexes(connection: Connection, table: str, schema: str) -> set[str]:
    """The names of a table's indexes; none when there is no such table."""
    if connection.dialect.name == "mssql":
        rows = connection.execute(_INDEXES, {"table_name": table, "schema_name": schema}).scalars()
        return {str(name) for name in rows}
    inspector = sqlalchemy.inspect(connection)
    if not inspector.has_table(table, schema=schema or None):
        return set()
    return {str(index["name"]) for index in inspector.get_indexes(table, schema=schema or None)}


def _mssql_column(name: str, kind: str, length: int | None, precision: int | None, scale: int | None) -> TableColumn:
    kind = kind.lower()
    family = _FAMILIES.get(kind, "text")
    limit = 0 if family != "text" or length is None or length < 0 or length > 4_000 else int(length)
    return TableColumn(name, family in {"number", "float"}, family, limit, _work_type(kind, family, limit, precision, scale))


def _work_type(kind: str, family: Family, length: int, precision: int | None, scale: int | None) -> Markup:
    """A float would be hashed and shown with six digits, and a moment of a day is a day here."""
    if kind in {"decimal", "numeric"}:
        return Markup("DECIMAL({}, {})").format(int(precision or 18), int(scale or 0))
    if kind in _WHOLE:
        return Markup(kind.upper())  # noqa: S704 - one of our own words
    if family == "moment":
        return Markup("DATE")
    if family != "text":
        return Markup("DECIMAL(28, 6)")
    return Markup("NVARCHAR({})").format(length or Markup("MAX"))

"""The column types of our DDL, per dialect.

Belongs here: the words. Does not belong here: which column has which type (`sql/tables/`). On SQLite the words are chosen for
their affinity: texts keep their form ('0012' stays text), numbers become numbers, dates stay ISO text.
"""

from __future__ import annotations

from markupsafe import Markup

_MSSQL = {
    "nvarchar": "NVARCHAR({})", "code": "VARCHAR({})", "integer": "INT", "bigint": "BIGINT", "decimal": "DECIMAL({}, {})",
    "date": "DATE", "moment": "DATETIME2(7)", "uuid": "UNIQUEIDENTIFIER", "long_text": "NVARCHAR(MAX)",
}  # fmt: skip
# The order list as it arrives: a cell that is no number must not stop its load, the merge rejects its row.
_MSSQL_STAGED = {**_MSSQL, **dict.fromkeys(("nvarchar", "integer", "decimal", "date", "uuid"), "NVARCHAR(4000)")}
_SQLITE = {
    "nvarchar": "NVARCHAR({})", "code": "VARCHAR({})", "integer": "INT", "bigint": "BIGINT", "decimal": "DECIMAL({}, {})",
    "date": "DATE", "moment": "TEXT", "uuid": "CHAR(36)", "long_text": "TEXT",
}  # fmt: skip


class ColumnTypes:
    """A function per type; each returns the type's SQL for the dialect.

    Args:
        dialect: `sqlite` or `mssql`.
        as_it_arrives: for the staging table, which takes any text on both.
    """

    def __init__(self, dialect: str, *, as_it_arrives: bool = False) -> None:
        self._words = {"sqlite": _SQLITE, "mssql": _MSSQL_STAGED if as_it_arrives else _MSSQL}[dialect]

    def _type(self, word: str, *sizes: int) -> Markup:
        return Markup(self._words[word].format(*(int(size) for size in sizes)))  # noqa: S704 - our own words and integers

    def nvarchar(self, length: int) -> Markup:
        """Unicode text of at most `length` characters."""
        return self._type("nvarchar", length)

    def code(self, length: int) -> Markup:
        """A short ASCII word."""
        return self._type("code", length)

    def integer(self) -> Markup:
        """A whole number of 32 bits."""
        return self._type("integer")

    def bigint(self) -> Markup:
        """A whole number of 64 bits; monday's ids."""
        return self._type("bigint")

    def decimal(self, precision: int, scale: int) -> Markup:
        """A decimal number."""
        return self._type("decimal", precision, scale)

    def date(self) -> Markup:
        """A day."""
        return self._type("date")

    def moment(self) -> Markup:
        """A moment in UTC."""
        return self._type("moment")

    def uuid(self) -> Markup:
        """A UUID."""
        return self._type("uuid")

    def long_text(self) -> Markup:
        """Unicode text without a limit."""
        return self._type("long_text")

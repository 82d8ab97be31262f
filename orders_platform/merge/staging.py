"""Putting rows into the staging table: from files for `load`, from the sample orders for the demo.

SQLite takes the rows one after the other, in one prepared statement that makes NULL of blank texts. SQL Server gets as many rows in a
statement as it takes parameters, all of them texts: no driver needs arrays of parameters for that.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from sqlalchemy import Connection, column, delete, table

from orders_platform.database.engine import Database
from orders_platform.database.mssql import TEXT_PARAMETERS

_BATCH = 1_000
_PARAMETERS = 1_000
"""SQL Server takes 2,100 in a statement, and 1,000 rows; reading them takes it longer than in proportion."""
_NOTHING = "(orders_platform: no value)"
"""Stands for NULL on its way to SQL Server: a statement with as many rows and columns is the same text then, and is planned once."""


def replace_staged_rows(
    database: Database,
    staging: str,
    schema: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    append: bool = False,
) -> int:
    """Put rows into the staging table in one transaction; without `append` they replace what is there.

    Args:
        database: where.
        staging: name of the staging table.
        schema: its schema, empty for the default one.
        columns: column names, in the order of the cells of each row.
        rows: cells as they arrived; None and empty texts are NULL.
        append: keep what is there.

    Returns:
        How many rows were inserted.
    """
    with database.write() as connection:
        if not append:
            delete_rows(connection, staging, schema)
        quote = connection.dialect.identifier_preparer.quote_identifier
        place = ".".join(quote(part) for part in (schema, staging) if part)
        return sum(insert_rows(connection, place, columns, rows))


def delete_rows(connection: Connection, staging: str, schema: str, **values: Iterable[str]) -> None:
    """Delete all rows, or those with one of the values in a column."""
    target = table(staging, *map(column, values), schema=schema or None)
    connection.execute(delete(target).where(*(column(name).in_(list(found)) for name, found in values.items())))


def insert_rows(connection: Connection, place: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[int]:
    """Insert rows into the table of that quoted name, as for `replace_staged_rows`; yields how many after each batch."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    marks = ", ".join(["NULLIF(?, '')"] * len(columns))
    statement = f"INSERT INTO {place} ({', '.join(map(quote, columns))}) VALUES ({marks})"  # noqa: S608 - quoted names and marks
    remaining = iter(rows)
    while batch := [tuple(row) for row in itertools.islice(remaining, _BATCH)]:
        if connection.dialect.name == "mssql":
            _insert_texts(connection, place, columns, batch)
        else:
            connection.exec_driver_sql(statement, batch)
        yield len(batch)


def _insert_texts(connection: Connection, place: str, columns: Sequence[str], batch: list[tuple[object, ...]]) -> None:
    """A batch of rows in few statements, with those columns only in which one of them has a value."""
    filled = [i for i in range(len(columns)) if any(_text(row[i]) != _NOTHING for row in batch)] or [0]
    quote = connection.dialect.identifier_preparer.quote_identifier
    names = ", ".join(quote(columns[i]) for i in filled)
    row_marks = f"({', '.join('?' * len(filled))})"
    cells_of = ", ".join(f"NULLIF(r.c{n}, N'{_NOTHING}')" for n in range(len(filled)))
    row_names = ", ".join(f"c{n}" for n in range(len(filled)))
    together = max(1, min(1_000, _PARAMETERS // len(filled)))
    for start in range(0, len(batch), together):
        piece = batch[start : start + together]
        values = ", ".join([row_marks] * len(piece))
        sql = f"INSERT INTO {place} ({names}) SELECT {cells_of} FROM (VALUES {values}) AS r ({row_names})"  # noqa: S608 - quoted names and marks
        cells = tuple(_text(row[i]) for row in piece for i in filled)
        connection.exec_driver_sql(sql, cells, execution_options={TEXT_PARAMETERS: True})


def _text(cell: object) -> str:
    """A cell as text: a day or a moment in ISO form, a truth value as 1 or 0, which SQLite also makes of it.

    A column of numbers would make 0 of a blank.
    """
    if cell is None or isinstance(cell, str):
        return cell if cell and not cell.isspace() else _NOTHING
    if isinstance(cell, bool):
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)

"""Putting rows into the staging table: from files for `load`, from the sample orders for the demo.

SQLite takes the rows of a batch one after the other. SQL Server gets as many rows in a statement as it takes parameters, all of them
texts: no driver needs arrays of parameters for that.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from sqlalchemy import Connection, bindparam, column, delete, insert, table

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
    check: Callable[[Connection], None] = lambda _connection: None,
) -> int:
    """Put rows into the staging table in one transaction; without `append` they replace what is there.

    Args:
        database: where.
        staging: name of the staging table.
        schema: its schema, empty for the default one.
        columns: column names, in the order of the cells of each row.
        rows: cells as they arrived; None is NULL.
        append: keep what is there.
        check: looks at what is then there; its error leaves the table as it was.

    Returns:
        How many rows were inserted.
    """
    target = table(staging, *(column(name) for name in columns), schema=schema or None)
    # Values are bound by position under names of our own: a column's name may hold any character, a parameter's may not.
    statement = insert(target).values({name: bindparam(f"c{i}") for i, name in enumerate(columns)})
    quote = database.engine.dialect.identifier_preparer.quote_identifier
    place = f"{quote(schema)}.{quote(staging)}" if schema else quote(staging)
    inserted = 0
    with database.write() as connection:
        if not append:
            connection.execute(delete(target))
        remaining = iter(rows)
        while batch := list(itertools.islice(remaining, _BATCH)):
            if database.dialect.loads_texts:
                _insert_texts(connection, place, columns, batch)
            else:
                connection.execute(statement, [{f"c{i}": cell for i, cell in enumerate(row)} for row in batch])
            inserted += len(batch)
        check(connection)
    return inserted


def _insert_texts(connection: Connection, place: str, columns: Sequence[str], batch: list[Sequence[object]]) -> None:
    """A batch of rows in few statements, with those columns only in which one of them has a value."""
    filled = [i for i in range(len(columns)) if any(row[i] is not None for row in batch)] or [0]
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
    """A cell as text: a day or a moment in ISO form, a truth value as 1 or 0, which SQLite also makes of it."""
    if cell is None or isinstance(cell, str):
        return _NOTHING if cell is None else cell
    if isinstance(cell, bool):
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date) else str(cell)

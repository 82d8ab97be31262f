"""Putting rows into the staging table: from files for `load`, from the sample orders for the demo."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, column, delete, false, or_, select, table

from orders_platform.database.engine import Database

_BATCH = 1_000


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
        rows: cells as they arrived; None and the empty text are NULL.
        append: keep what is there.

    Returns:
        How many rows were inserted.
    """
    with database.write() as connection:
        if not append:
            delete_rows(connection, staging, schema)
        place = ".".join(str(database.dialect.quote(part)) for part in (schema, staging) if part)
        return sum(insert_rows(database, connection, place, columns, rows))


def delete_rows(connection: Connection, staging: str, schema: str, **values: Iterable[str | None]) -> None:
    """Delete all rows, or those with one of the values in each column that is named."""
    target = table(staging, *map(column, values), schema=schema or None)
    wanted = [or_(column(name).in_(set(found) - {None}), column(name).is_(None) if None in found else false())
              for name, found in values.items()]  # fmt: skip
    connection.execute(delete(target).where(*wanted))


def staged_cells(connection: Connection, staging: str, schema: str, names: Sequence[str]) -> list[Sequence[str | None]]:
    """What the rows have in these columns, each combination once."""
    target = table(staging, *map(column, names), schema=schema or None)
    return list(connection.execute(select(target).distinct()))


def insert_rows(
    database: Database, connection: Connection, place: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> Iterator[int]:
    """Insert rows into the table of that quoted name, as for `replace_staged_rows`; yields how many after each batch."""
    names, remaining = [str(database.dialect.quote(name)) for name in columns], iter(rows)
    while batch := list(itertools.islice(remaining, _BATCH)):
        yield database.dialect.insert_rows(connection, place, names, batch, empty_is_null=True)

"""Putting rows into the staging table: from files for `load`, from the sample orders for the demo."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, TableClause, column, delete, false, or_, select, table

from orders_platform.database.order_store import OrderStore

_BATCH = 1_000


def replace_staged_rows(
    store: OrderStore, columns: Sequence[str], rows: Iterable[Sequence[object]], *, append: bool = False
) -> int:
    """Put rows into the staging table in one transaction, in place of those that are there unless `append`; how many.

    Their cells are as they arrived, in the order of `columns`; None and the empty text are NULL.
    """
    with store.database.write() as connection:
        if not append:
            delete_rows(store, connection)
        return sum(insert_rows(store, connection, columns, rows))


def delete_rows(store: OrderStore, connection: Connection, **values: Iterable[str | None]) -> None:
    """Delete all rows, or those with one of the values in each column that is named."""
    wanted = [or_(column(name).in_(set(found) - {None}), column(name).is_(None) if None in found else false())
              for name, found in values.items()]  # fmt: skip
    connection.execute(delete(_staging(store, values)).where(*wanted))


def staged_cells(store: OrderStore, connection: Connection, names: Sequence[str]) -> list[Sequence[str | None]]:
    """What the rows have in these columns, each combination once."""
    return list(connection.execute(select(_staging(store, names)).distinct()))


def _staging(store: OrderStore, names: Iterable[str]) -> TableClause:
    tables = store.configuration.tables
    return table(tables.staging, *map(column, names), schema=tables.schema_name or None)


def insert_rows(
    store: OrderStore, connection: Connection, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> Iterator[int]:
    """Insert rows as for `replace_staged_rows`; yields how many after each batch."""
    dialect, remaining = store.database.dialect, iter(rows)
    names = [str(dialect.quote(name)) for name in columns]
    while batch := list(itertools.islice(remaining, _BATCH)):
        yield dialect.insert_rows(connection, store.schema.table("staging"), names, batch, empty_is_null=True)

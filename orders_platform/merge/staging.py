"""Putting rows into the staging table: from files for `load`, from the sample orders for the demo."""

import gc
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from operator import itemgetter

from sqlalchemy import Connection, TableClause, column, delete, false, or_, select, table

from orders_platform.database.dialects import LOADED
from orders_platform.database.order_store import OrderStore

_BATCH = 1_000
_OBJECTS = 50_000
_SEPARATOR = "\x1f"


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


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Look for garbage in cycles seldom: rows make hundreds of thousands of objects and no cycle, and each tenth second went there."""
    usual = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


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
    dialect, table, remaining = store.database.dialect, store.schema.table("staging"), iter(rows)
    names = [str(dialect.quote(name)) for name in columns]
    batches, number = iter(lambda: list(itertools.islice(remaining, _BATCH)), []), 0
    if not store.schema.has_staged_hashes:
        yield from (dialect.insert_rows(connection, table, names, batch, empty_is_null=True) for batch in batches)
        return
    hash_of, (*_, (trigger, create)) = _row_hash(store, columns), store.schema.staged_hash_triggers.items()
    for number, batch in enumerate(batches):
        if number == 1:
            # Many rows keep their hash without the trigger. Nobody else sees the table so: it is back when the transaction ends.
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        hashed = ((*row, (found := hash_of(row)) and ("" if number else LOADED) + found) for row in batch)
        yield dialect.insert_rows(connection, table, [*names, "staged_hash"], hashed, empty_is_null=True)
    if number:
        connection.exec_driver_sql(create)


def _row_hash(store: OrderStore, columns: Sequence[str]) -> Callable[[Sequence[object]], str | None]:
    """What makes the hash of a row with these columns, the same whichever others are blank; None where a cell is none that files have.

    Where the row came from is of no account: `record_uuid` is another one in each load.
    """
    places = {name: i for i, name in enumerate(columns) if name != "record_uuid"}
    known = [column.name for column in store.schema.columns_of(store.configuration.tables.staging)]
    cells_of = itemgetter(*(places[name] for name in known if name in places), -1, -1)  # a tuple whatever there is
    written = _SEPARATOR.join("%s" if name in places else "" for name in known) + "%.0s%.0s"

    def hash_of(row: Sequence[object]) -> str | None:
        cells = cells_of(row)
        try:
            text = "".join(cells)
        except TypeError:
            cells = tuple("" if cell is None else str(cell) if type(cell) is int else cell for cell in cells)
            text = "".join(cell if isinstance(cell, str) else _SEPARATOR for cell in cells)
        if _SEPARATOR in text:
            return None
        return blake2b((written % cells).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    return hash_of

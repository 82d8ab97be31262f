"""Putting rows into the staging table: from files for `load`, from the sample orders for the demo.

Belongs here: the insert. Does not belong here: reading files (`order_files.py`), cleaning (`sql/1_clean_orders.sql.j2`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, column, delete, insert, table

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
        rows: cells as they arrived; None is NULL.
        append: keep what is there.

    Returns:
        How many rows were inserted.
    """
    target = table(staging, *(column(name) for name in columns), schema=schema or None)
    # Values are bound by position under names of our own: a column's name may hold any character, a parameter's may not.
    statement = insert(target).values({name: bindparam(f"c{i}") for i, name in enumerate(columns)})
    inserted = 0
    with database.write() as connection:
        if not append:
            connection.execute(delete(target))
        remaining = iter(rows)
        while batch := list(itertools.islice(remaining, _BATCH)):
            connection.execute(statement, [{f"c{i}": cell for i, cell in enumerate(row)} for row in batch])
            inserted += len(batch)
    return inserted

"""Putting rows into the staging table: from files for `load`, from the sample orders for the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from markupsafe import Markup
from sqlalchemy import Connection

from orders_platform.database.engine import Database


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
    quote = database.dialect.quote
    place = str(Markup(".").join(quote(part) for part in (schema, staging) if part))
    with database.write() as connection:
        if not append:
            connection.exec_driver_sql(f"DELETE FROM {place}")  # noqa: S608 - quoted names
        inserted = database.dialect.insert_rows(connection, place, [str(quote(name)) for name in columns], rows)
        check(connection)
    return inserted

"""Write-backs: as many rows as a statement takes, and an error where one of them was not reached.

Belongs here: that arithmetic. Does not belong here: the methods that write (`order_store.py`), noticing a transaction that ended before its
time (`mssql.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from orders_platform.domain.orders import RowKind
from orders_platform.errors import DatabaseUnavailableError

ROWS_A_STATEMENT = 100
"""SQL Server takes 2,100 parameters; a result has seven."""
_VALUES_A_STATEMENT = 1_000
BATCHES_A_PIECE = 500
"""Deleted in one transaction; a log of millions must not be locked for minutes."""

T = TypeVar("T")


def chunks(values: Sequence[T], size: int = _VALUES_A_STATEMENT) -> Iterator[list[T]]:
    """Lists short enough for one statement."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])


def require_written(kind: RowKind, asked: int, written: int) -> None:
    """Refuse a write-back that reached other rows than it was about: what is not recorded would be sent again, or forgotten.

    Raises:
        DatabaseUnavailableError: the numbers differ; the step may be repeated with the rows that are there then.
    """
    if written != asked:
        raise DatabaseUnavailableError(
            f"{asked} {kind} were to be recorded and the database wrote {written}: somebody deleted rows meanwhile, or a trigger hides "
            "their number (docs/sql_server.md). Nothing of this step was kept; it can be repeated."
        )

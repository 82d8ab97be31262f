"""One run per customer at a time, across processes and, on SQL Server, across machines.

Both locks end with the process that holds them, however it ends: a file lock beside the SQLite file, an application lock of the
session on SQL Server. Belongs here: taking them. Does not belong here: who takes them (`sync/customer.py`, `assets/`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import text

from orders_platform.database.engine import Database, translated_errors
from orders_platform.errors import CustomerBusyError


@contextmanager
def customer_lock(database: Database, customer: str) -> Iterator[None]:
    """Hold `customer` until the block ends.

    Raises:
        CustomerBusyError: another run holds it.
    """
    lock = _sqlite_lock if database.dialect == "sqlite" else _mssql_lock
    with lock(database, customer):
        yield


def _busy(customer: str) -> CustomerBusyError:
    return CustomerBusyError(
        f"Another run is at work on customer {customer!r}. Nothing was done; wait for it to end, or stop it."
    )


@contextmanager
def _sqlite_lock(database: Database, customer: str) -> Iterator[None]:
    path = database.engine.url.database
    if not path or path == ":memory:":
        yield  # no other process can see this database
        return
    name = hashlib.sha256(customer.encode()).hexdigest()[:16]  # a customer's name may hold any character, a file's may not
    folder = Path(f"{path}.locks")
    folder.mkdir(exist_ok=True)
    try:
        with FileLock(folder / f"{name}.lock", timeout=0):
            yield
    except Timeout:
        raise _busy(customer) from None


@contextmanager
def _mssql_lock(database: Database, customer: str) -> Iterator[None]:
    take = text(
        "DECLARE @answer INT; EXEC @answer = sp_getapplock @Resource = :resource, @LockMode = 'Exclusive', @LockOwner = 'Session', "
        "@LockTimeout = 0; SELECT @answer"
    )
    resource = {"resource": f"orders_platform:{customer}"[:255]}
    with (
        translated_errors(database.engine),
        database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        if int(connection.execute(take, resource).scalar_one()) < 0:
            raise _busy(customer)
        try:
            yield
        finally:
            connection.execute(text("EXEC sp_releaseapplock @Resource = :resource, @LockOwner = 'Session'"), resource)

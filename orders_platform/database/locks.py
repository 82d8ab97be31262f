"""One run per customer at a time, across processes and, on SQL Server, across machines.

Both locks end with the process that holds them, however it ends: a file lock beside the SQLite file, an application lock of the
session on SQL Server. Belongs here: taking them. Does not belong here: who takes them (`pipeline.py`, `assets/`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection

from orders_platform.database.engine import Database, translated_errors
from orders_platform.errors import CustomerBusyError

_TAKE = (
    "DECLARE @answer INT; EXEC @answer = sp_getapplock @Resource = ?, @LockMode = 'Exclusive', @LockOwner = ?, "
    "@LockTimeout = ?; SELECT @answer AS answer"
)


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
    with translated_errors(database.engine), database.engine.connect() as connection:
        if not _taken(connection, f"orders_platform:{customer}", "Session", 0):
            raise _busy(customer)
        connection.commit()  # it is the session's, not the transaction's
        try:
            yield
        finally:
            connection.invalidate()  # the lock ends with its session, also when the session is dead already


def lock_merge(connection: Connection, customer: str) -> None:
    """Make another merge of the same customer wait until this transaction ends; for those that did not take `customer_lock`.

    Raises:
        CustomerBusyError: the other merge took longer than we wait.
    """
    if connection.dialect.name == "mssql" and not _taken(
        connection, f"orders_platform merge:{customer}", "Transaction", 60_000
    ):
        raise _busy(customer)


def _taken(connection: Connection, resource: str, owner: str, wait_milliseconds: int) -> bool:
    """Whether the lock was granted. A name is compared by its bytes; beyond 255 characters the server would cut it."""
    name = hashlib.sha256(resource.encode()).hexdigest()
    cursor = connection.connection.cursor()
    cursor.execute(_TAKE, (f"orders_platform:{name}", owner, wait_milliseconds))
    while cursor.description is None and cursor.nextset():
        pass  # some drivers show the call itself as a result without rows
    (answer,) = cursor.fetchone() or (-999,)
    cursor.close()
    return int(answer) >= 0

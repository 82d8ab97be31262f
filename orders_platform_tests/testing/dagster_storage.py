"""Dagster's SQLite storage as it is, without its preparations each time.

For every event that it stores Dagster makes an engine, so SQLAlchemy compiles every statement anew, or at least a connection; for every
database that it opens it reads its forty migrations. That is half of what a run takes in these tests. Here an engine is made once a file, a
database in memory keeps its connections, each prepared once, and the migrations are read once a process. What is stored, and when, stays
the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log import in_memory as events_in_memory
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs import in_memory as runs_in_memory
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from sqlalchemy.pool import NullPool, QueuePool


def prepare_once() -> None:
    """From now on, in this process."""
    for module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
        module.create_engine = _engine_of_file
    for module in (events_in_memory, runs_in_memory):
        module.create_engine = _engine_in_memory
    events_in_memory.InMemoryEventLogStorage._connect = _connected_alone
    runs_in_memory.InMemoryRunStorage.connect = _connected
    read, known = ScriptDirectory.from_config, dict[str | None, ScriptDirectory]()

    def from_config(config: Config) -> ScriptDirectory:
        location = config.get_alembic_option("script_location")
        if location not in known:
            known[location] = read(config)
        return known[location]

    ScriptDirectory.from_config = from_config  # type: ignore[method-assign]


@contextmanager
def _connected(storage: Any) -> Iterator[sqlalchemy.Connection]:
    with storage._engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def _connected_alone(storage: Any) -> Iterator[sqlalchemy.Connection]:
    with storage._db_lock, _connected(storage) as connection:
        yield connection


def _engine_of_file(url: str, *, poolclass: type, connect_args: dict[str, float] | None = None) -> sqlalchemy.Engine:
    assert poolclass is NullPool  # it holds no connection while nobody uses it, so a test may delete the file
    return _kept_engine(url, **(connect_args or {}))


@lru_cache(64)
def _kept_engine(url: str, timeout: float = 5.0) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(url, poolclass=NullPool, connect_args={"timeout": timeout})


def _engine_in_memory(url: str, *, poolclass: type) -> sqlalchemy.Engine:
    assert poolclass is NullPool
    engine = sqlalchemy.create_engine(url, poolclass=QueuePool, connect_args={"check_same_thread": False})
    sqlalchemy.event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA foreign_keys = ON"))
    return engine

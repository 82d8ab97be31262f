"""Fixtures: an ephemeral Dagster instance, and runs of the code location on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import dagster as dg
import pytest

from orders_platform_tests.testing.dagster_location import Location, failure
from orders_platform_tests.testing.workplace import Workplace


@pytest.fixture
def location(workplace: Workplace) -> Iterator[Location]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Location(instance)


@pytest.fixture(scope="module")
def kept() -> Iterator[list[sqlite3.Connection]]:
    """What the first `synced` of the module left, for the others to begin with."""
    copies: list[sqlite3.Connection] = []
    yield copies
    for copy in copies:
        copy.close()


@pytest.fixture
def synced(
    workplace: Workplace, location: Location, kept: list[sqlite3.Connection], request: pytest.FixtureRequest
) -> Workplace:
    """A workplace with the orders of the module's `SYNCED`, by customer, on the board; Dagster knows the runs."""
    dagster = (location.instance.event_log_storage, location.instance.run_storage)
    with closing(sqlite3.connect(workplace.database)) as orders:
        storages = (storage._held_conn.connection.driver_connection for storage in dagster)
        here = [orders, workplace.sandbox.state._connection, *storages]
        if not kept:
            workplace.stage(row for rows in request.module.SYNCED.values() for row in rows)
            for customer in request.module.SYNCED:
                run = location.sync_customer(customer)
                assert run.success, failure(run)
            kept += (sqlite3.connect(":memory:", check_same_thread=False) for _ in here)
            for database, copy in zip(here, kept, strict=True):
                database.backup(copy)
        else:
            for database, copy in zip(here, kept, strict=True):
                copy.backup(database)
            workplace.sandbox.state.cache.clear()
    return workplace


@pytest.fixture
def sampled(workplace: Workplace) -> Workplace:
    workplace.load_samples()
    return workplace

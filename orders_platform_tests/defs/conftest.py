"""Fixtures: an ephemeral Dagster instance, and runs of the code location on it."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from orders_platform_tests.testing.dagster_location import Location, failure
from orders_platform_tests.testing.workplace import Workplace


@pytest.fixture
def location(workplace: Workplace) -> Iterator[Location]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Location(instance)


@pytest.fixture
def synced(workplace: Workplace, location: Location, request: pytest.FixtureRequest) -> Workplace:
    """A workplace with the orders of the module's `SYNCED`, by customer, on the board."""
    orders = request.module.SYNCED
    workplace.stage(row for rows in orders.values() for row in rows)
    for customer in orders:
        run = location.sync_customer(customer)
        assert run.success, failure(run)
    return workplace


@pytest.fixture
def sampled(workplace: Workplace) -> Workplace:
    workplace.load_samples()
    return workplace

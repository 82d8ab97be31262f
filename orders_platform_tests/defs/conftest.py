"""Fixtures: an ephemeral Dagster instance, and runs of the code location on it."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from orders_platform_tests.testing.dagster_location import Location
from orders_platform_tests.testing.workplace import Workplace


@pytest.fixture
def location(workplace: Workplace) -> Iterator[Location]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Location(instance)


@pytest.fixture
def sampled(workplace: Workplace) -> Workplace:
    workplace.load_samples()
    return workplace

"""One narrow database a worker, and what all its seeds met, for the summary."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from orders_platform_tests.simulation.seeds import Seeds
from orders_platform_tests.testing.order_stores import SIZES, FileStores


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileStores]:
    made = FileStores(tmp_path_factory.mktemp("simulation"), SIZES)
    logging.disable(logging.INFO)
    yield made
    logging.disable(logging.NOTSET)
    made.database.close()


@pytest.fixture(scope="module")
def seeds() -> Iterator[Seeds]:
    """Every kind of fault, every edit of the list and every meddling must have happened: otherwise the proof would be hollow."""
    seen = Seeds()
    yield seen
    if seen.seeds >= 500:
        rare = {name: count for name, count in {**seen.faults, **seen.events}.items() if count < 3}
        assert not rare, f"{seen.seeds} seeds hardly met {rare}"
        assert len(seen.faults) >= 20
        assert seen.events["run: killed"] >= seen.seeds // 3

"""Seeds of the whole engine, the even ones: two files, since each worker takes one."""

from __future__ import annotations

import pytest

from orders_platform_tests.simulation.seeds import FIRST, Seeds, check_seeds
from orders_platform_tests.testing.order_stores import FileStores


@pytest.mark.parametrize("first", FIRST[1::2])
def test_nothing_is_lost_and_nothing_is_doubled(first: int, stores: FileStores, seeds: Seeds) -> None:
    check_seeds(first, stores, seeds)

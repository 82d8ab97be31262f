"""GREYSON's purchase order 4755, 69 orders with 317 lines: the requests it takes, and faults on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orders_platform.demo.sample_orders import sample_orders
from orders_platform.monday.client import RetryPolicy
from orders_platform.sandbox.server import Fault, Faults
from orders_platform_tests.testing.platform import GREYSON, Platform, staged

ROWS = staged(sample_orders(), {"xGREYSON_CLOTHIERS_ORDER_LIST_RAW"})
FAULT_KINDS = (
    Fault.REPLY_LOST, Fault.CONNECTION_DROPPED, Fault.HTML_502, Fault.HTML_502_AFTER, Fault.HTML_504_AFTER, Fault.ERROR_500,
    Fault.ERROR_500_AFTER, Fault.LOCKED_423, Fault.CONFLICT_409, Fault.MINUTE_429, Fault.CONCURRENCY_429, Fault.BUDGET_200,
)  # fmt: skip


def test_a_first_load_takes_at_most_20_requests_reads_included(platform: Platform) -> None:
    platform.load(ROWS)
    with platform.watched() as watch:
        report = platform.sync(board={"max_in_flight": 3})
    assert (report.items.created, report.subitems.created) == (69, 317)
    assert report.is_done
    assert len(watch.requests) <= 20


@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_with_faults_nothing_is_lost_and_nothing_is_there_twice(
    make_platform: Callable[..., Platform], seed: int, attempts: int
) -> None:
    platform = make_platform(faults=Faults(seed=seed, rate=0.25, kinds=FAULT_KINDS), visibility_lag=20.0)
    platform.load(ROWS)
    options = {"batch_size": 10, "policy": RetryPolicy(attempts=attempts, limit_waits=attempts)}
    for _ in range(60):
        report = platform.sync(board=options)
        platform.clock.sleep(5)
        if report.is_done:
            break
    assert report.is_done
    assert len(platform.items()) == len({(item.name, item.values["text_mkr5wcpw"]) for item in platform.items()}) == 69
    assert sum(len(item.sizes) for item in platform.items()) == 317
    assert len(set(platform.groups)) == len(platform.groups) == 5
    assert platform.states() == {"SYNCED"}
    assert {row["monday_item_id"] for row in platform.orders_of(GREYSON)} == {item.id for item in platform.items()}

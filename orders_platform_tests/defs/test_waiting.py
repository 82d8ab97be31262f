"""A run that waits for its place in the pool costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext

from orders_platform.definitions import build_definitions
from orders_platform.defs.assets.monday_assets import POOL
from orders_platform.defs.pool_wait import dagsters_own
from orders_platform.settings import Settings


@pytest.fixture
def blocked(tmp_path: Path) -> Iterator[InstanceConcurrencyContext]:
    """Of a run whose step found every place taken."""
    build_definitions(Settings())
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.event_log_storage.set_concurrency_slots(POOL, 0)
        with InstanceConcurrencyContext(instance, dg.DagsterRun(job_name="sync_customer")) as context:
            assert not context.claim(POOL, "monday_groups")
            yield context


def test_a_blocked_run_sleeps_until_it_asks_again(blocked: InstanceConcurrencyContext) -> None:
    """A second after the first look, as Dagster means it."""
    assert blocked.has_pending_claims()
    assert 0.5 < blocked.interval_to_next_pending_claim_check() <= 1.0


def test_one_that_may_ask_now_does_not_sleep(blocked: InstanceConcurrencyContext) -> None:
    blocked._pending_timeouts["monday_groups"] = 0.0
    assert blocked.interval_to_next_pending_claim_check() == 0.0


def test_one_that_is_not_blocked_does_not_sleep(blocked: InstanceConcurrencyContext) -> None:
    blocked._pending_timeouts.clear()
    assert blocked.interval_to_next_pending_claim_check() == 0.0


def test_dagster_itself_does_not_sleep(blocked: InstanceConcurrencyContext) -> None:
    """When this fails, Dagster has mended it, and `orders_platform/defs/pool_wait.py` can go."""
    assert dagsters_own(blocked) <= 0.0

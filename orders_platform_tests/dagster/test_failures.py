"""Our errors as Dagster's failures: which may be retried, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import RunFailureReason
from dagster._core.execution.retries import auto_reexecution_should_retry_run

from orders_platform import errors
from orders_platform.assets.order_tables import order_headers
from orders_platform.failures import FAILURE_TAG, PERMANENT, dagster_failures, stop_run_retries
from orders_platform.resources import SqliteResource
from orders_platform_tests.dagster.location import Location, failure
from orders_platform_tests.workplace import Workplace

CLASSES = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.OrdersError)]
PLAIN = [error for error in CLASSES if error is not errors.RowRejected]


@pytest.mark.parametrize("error", PLAIN, ids=lambda error: error.__name__)
def test_only_a_transient_error_may_be_retried(error: type[errors.OrdersError]) -> None:
    with pytest.raises(dg.Failure) as caught, dagster_failures("ACME"):
        raise error("the thing, the cause, the next step")
    assert caught.value.allow_retries is issubclass(error, errors.TransientError)
    assert caught.value.description == "ACME: the thing, the cause, the next step"
    assert caught.value.metadata["error"].value == error.__name__
    assert caught.value.metadata["customer"].value == "ACME"


def test_an_error_that_is_not_ours_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError), dagster_failures("ACME"):
        raise ZeroDivisionError


def test_a_customer_that_another_run_holds_is_tried_again_later(sampled: Workplace) -> None:
    context = dg.build_asset_context(partition_key="B'HOOD")
    with sampled.store() as store, store.lock("B'HOOD"):
        with pytest.raises(dg.Failure, match="Another run is at work on customer") as caught:
            order_headers(context, orders_database=SqliteResource())
        assert caught.value.allow_retries
    result = order_headers(dg.build_asset_context(partition_key="B'HOOD"), orders_database=SqliteResource())
    assert result.metadata["created"] == 24


def retried(location: Location, run: dg.ExecuteInProcessResult) -> bool:
    """What Dagster's daemon decides about a failed run, asked of its own rule."""
    failed = location.instance.get_run_by_id(run.run_id)
    return auto_reexecution_should_retry_run(location.instance, failed, RunFailureReason.STEP_FAILURE)


@pytest.fixture
def retrying(workplace: Workplace, tmp_path: Path) -> Iterator[Location]:
    """An instance that, unlike ours, retries runs whose steps failed."""
    settings = {"run_retries": {"enabled": True, "max_retries": 3, "retry_on_asset_or_op_failure": True}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=settings) as instance:
        yield Location(instance)


def test_a_permanent_error_ends_the_retries_of_its_run_too(sampled: Workplace, retrying: Location) -> None:
    run = retrying.sync("NOBODY")
    assert not run.success
    tags = retrying.instance.get_run_by_id(run.run_id).tags
    assert (tags["dagster/max_retries"], tags[FAILURE_TAG]) == ("0", PERMANENT)
    assert not retried(retrying, run)


def test_a_run_that_failed_for_another_reason_keeps_its_retries(retrying: Location) -> None:
    @dg.op
    def breaks() -> None:
        raise ZeroDivisionError

    @dg.job(hooks={stop_run_retries})
    def broken() -> None:
        breaks()

    run = broken.execute_in_process(instance=retrying.instance, raise_on_error=False)
    assert not run.success
    assert FAILURE_TAG not in retrying.instance.get_run_by_id(run.run_id).tags
    assert retried(retrying, run)


def test_the_first_line_of_a_failed_step_says_what_why_and_what_next(sampled: Workplace, location: Location) -> None:
    step, event = failure(location.sync("NOBODY"))
    assert step == "order_headers"
    first = event.step_failure_data.error.cause.message.splitlines()[0]
    said = event.step_failure_data.user_failure_data.description
    assert said.startswith("NOBODY: swp_ORDER_LIST_V2 holds no row of customer 'NOBODY'. Nothing was changed")
    assert "Check the load" in said.splitlines()[0]
    assert "holds no row" in first

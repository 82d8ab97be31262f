"""Our errors as Dagster's failures: which may be retried, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.events import RunFailureReason
from dagster._core.execution.retries import auto_reexecution_should_retry_run

from orders_platform import errors
from orders_platform.defs.assets import order_headers
from orders_platform.defs.failures import FAILURE_TAG, dagster_failures, failed_for_good, stop_run_retries
from orders_platform.defs.resources import RunOptions, SqliteResource
from orders_platform_tests.testing.dagster_location import Location, Ticks, failure
from orders_platform_tests.testing.workplace import CHECKOUT, Workplace

CLASSES = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.OrdersError)]
PLAIN = [error for error in CLASSES if error is not errors.RowError]


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
            order_headers(context, orders_database=SqliteResource(), run_options=RunOptions())
        assert caught.value.allow_retries
    result = order_headers(
        dg.build_asset_context(partition_key="B'HOOD"), orders_database=SqliteResource(), run_options=RunOptions()
    )
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
    failed = retrying.instance.get_run_by_id(run.run_id)
    assert failed_for_good(failed)
    assert (failed.tags["dagster/retry_on_asset_or_op_failure"], failed.tags["dagster/will_retry"]) == ("false", "false")
    assert not retried(retrying, run)


def test_a_person_who_repeats_a_run_that_failed_for_good_gets_one_that_survives_a_crash_once(
    sampled: Workplace, tmp_path: Path
) -> None:
    """By the rules that are shipped; Dagster itself counts the person's run as the one retry there is."""
    shipped = {"run_retries": yaml.safe_load((CHECKOUT / "dagster.yaml").read_text(encoding="utf-8"))["run_retries"]}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=shipped) as instance:
        parent = Location(instance).sync("NOBODY").run_id
        for will_retry in ("true", "false"):
            parent = Ticks(instance).crashed(parent)
            run = instance.get_run_by_id(parent)
            assert run.tags["dagster/will_retry"] == will_retry
            assert not failed_for_good(run)


def test_a_repetition_that_fails_for_good_as_well_is_not_retried_and_leaves_the_next_one_its_crash(
    sampled: Workplace, tmp_path: Path
) -> None:
    settings = {"run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": True}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=settings) as instance:
        ticks = Ticks(instance)
        first = Location(instance).sync("NOBODY").run_id
        second = ticks.repeat(first)
        again = instance.get_run_by_id(second)
        assert (again.parent_run_id, again.tags["dagster/will_retry"], failed_for_good(again)) == (first, "false", True)
        assert instance.get_run_by_id(ticks.crashed(second)).tags["dagster/will_retry"] == "true"


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

"""Our errors as Dagster's failures: which may be retried, and what they say."""

from __future__ import annotations

import dagster as dg
import pytest

from orders_platform import errors
from orders_platform.assets.order_tables import order_headers
from orders_platform.failures import dagster_failures
from orders_platform.resources import SqliteResource
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

"""Our errors as Dagster's failures.

Belongs here: the one translation, by reaction: a permanent error must stop the retries of its step and of its run, a transient one may
use them. Does not belong here: which errors there are (`errors.py`), how often a run is retried (`dagster.yaml`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from orders_platform.errors import OrdersError, TransientError

RETRIES = dg.RetryPolicy(max_retries=2, delay=15, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""Of a step, for transient errors. Every step is safe to repeat."""

MAX_RETRIES_TAG = "dagster/max_retries"
"""Of a run; Dagster looks here when a run has failed, and at no exception."""

FAILURE_TAG = "orders/failure"
PERMANENT = "permanent"


@contextmanager
def dagster_failures(customer: str) -> Iterator[None]:
    """Raise `dagster.Failure` in place of our errors: what, why and what next in its first line."""
    try:
        yield
    except OrdersError as error:
        may_retry = isinstance(error, TransientError)
        raise dg.Failure(
            description=f"{customer}: {error}",
            metadata={"customer": customer, "error": type(error).__name__, "retried": may_retry},
            allow_retries=may_retry,
        ) from error


@dg.failure_hook
def stop_run_retries(context: dg.HookContext) -> None:
    """`allow_retries=False` ends the step's retries only; the run's own are ended by a tag on the run."""
    error = context.op_exception
    if isinstance(error, dg.Failure) and not error.allow_retries:
        context.instance.add_run_tags(context.run_id, {MAX_RETRIES_TAG: "0", FAILURE_TAG: PERMANENT})

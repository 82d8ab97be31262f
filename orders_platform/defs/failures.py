"""Our errors as Dagster's failures: a permanent error stops the retries of its step and of its run, a transient one may use them.

How often a run is retried is in `dagster.yaml`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from orders_platform.errors import CustomerPausedError, OrdersError, TransientError

RETRIES = dg.RetryPolicy(max_retries=2, delay=15, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""Of a step, for transient errors. Every step is safe to repeat."""

MAX_RETRIES_TAG = "dagster/max_retries"
STEP_FAILURES_TAG = "dagster/retry_on_asset_or_op_failure"
"""Both of a run; Dagster looks at them when a run has failed, and at no exception."""

ERROR_TAG = "orders/error"  # the class of the error that ended a run, or `crash`; the sensor `alerts` writes it
NO_ERROR = "none"  # of a run that went well though it repeats one that failed, whose tags it was given
FAILURE_TAG = "orders/permanent_failure"
"""The id of the run that failed for good: a run that repeats it is given its tags, and has not failed by that."""


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
    """`allow_retries=False` ends the step's retries only; the run's own are ended by tags on the run.

    A person who re-executes the run hands the tags on. So they end the retries of failed steps, not of processes that were killed;
    and since Dagster counts that person's run among the retries, the limit grows by the runs there are. A run that met a pause has not
    failed for good: its customer runs again once it is resumed.
    """
    error = context.op_exception
    if isinstance(error, dg.Failure) and not error.allow_retries and not isinstance(error.__cause__, CustomerPausedError):
        group = context.instance.get_run_group(context.run_id)  # the run, and all that it repeats or that repeat it
        limit = (len(list(group[1])) if group else 1) + context.instance.run_retries_max_retries
        tags = {STEP_FAILURES_TAG: "false", MAX_RETRIES_TAG: str(limit), FAILURE_TAG: context.run_id}
        context.instance.add_run_tags(context.run_id, tags)


def failed_for_good(run: dg.DagsterRun) -> bool:
    """Repeating the run would not have mended it."""
    return run.is_failure and run.tags.get(FAILURE_TAG) == run.run_id

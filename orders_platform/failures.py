"""Our errors as Dagster's failures.

Belongs here: the one translation, by reaction: a permanent error must stop the step's retries, a transient one may use them.
Does not belong here: which errors there are (`errors.py`), run retries (`dagster.yaml` keeps them for crashed workers).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from orders_platform.errors import OrdersError, TransientError

RETRIES = dg.RetryPolicy(max_retries=2, delay=15, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""Of a step, for transient errors. Every step is safe to repeat."""


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

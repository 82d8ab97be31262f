"""A run that waits for a place in a pool sleeps until it asks again.

Dagster's in-process executor asks its concurrency context how long it may sleep, and is told 0 or less whenever a step is blocked: the
context takes the smallest of 0 and the time that is left. So a blocked run turns in a loop, and each of them uses a whole core that the
runs which do send would need. (dagster-io/dagster#20367 found it and was closed unmerged; it is so in 1.13.) Dagster's own backoff between
two looks, 1 to 15 seconds, stays as it is.
"""

import time

from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext

dagsters_own = InstanceConcurrencyContext.interval_to_next_pending_claim_check
"""What it answers without us; a test says when it is no longer needed."""


def sleep_while_blocked() -> None:
    """From now on blocked runs of this process sleep; called where the code location is built, in whatever process runs it."""
    InstanceConcurrencyContext.interval_to_next_pending_claim_check = _until_the_next_look  # type: ignore[method-assign]


def _until_the_next_look(self: InstanceConcurrencyContext) -> float:
    """Seconds, 0 or more."""
    looks = self._pending_timeouts.values()
    return max(0.0, min(looks) - time.time()) if looks else 0.0

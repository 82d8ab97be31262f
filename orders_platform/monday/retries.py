"""When to repeat a request and when to end: floors, backoff, bounds.

Belongs here: the policy and its arithmetic, fed with replies. Does not belong here: sending (`monday/client.py`), waiting
(`monday/sleeper.py`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from orders_platform.monday.error_policy import Reaction
from orders_platform.monday.replies import Reply

KEY_LIFETIME_SECONDS = 30 * 60.0
"""monday keeps the answer to an idempotency key for 30 minutes; after that the same key executes again."""

KEY_SAFETY_SECONDS = 2 * 60.0
"""We stop using a key this long before its end: a request lives for up to 60 seconds and clocks differ."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of the repeats of one request.

    Attributes:
        attempts: requests that may end without a usable answer (lost, 5xx, unreachable).
        first_attempts: the same for connections that cannot be made, as long as none ever was.
        limit_waits: answers that may say "too much, later".
        patience: most seconds of waiting in all.
        base: seconds of the first backoff; it doubles each time, up to `longest`.
        key_lifetime: seconds for which monday knows an idempotency key.
    """

    attempts: int = 8
    first_attempts: int = 4
    limit_waits: int = 12
    patience: float = 20 * 60.0
    base: float = 0.5
    longest: float = 30.0
    key_lifetime: float = KEY_LIFETIME_SECONDS

    def backoff(self, times: int) -> float:
        """Most seconds of waiting after the failure number `times`."""
        return min(self.longest, self.base * 2.0 ** (times - 1))

    def longest_backoff(self, attempts: int) -> float:
        """Most seconds of waiting between so many attempts."""
        return sum(self.backoff(times) for times in range(1, attempts))


class Retries:
    """The repeats of one request; ask `next_wait` after each answer that did not settle it.

    Args:
        chance: source of the jitter, so that clients that failed together do not come back together.
    """

    def __init__(self, policy: RetryPolicy, chance: random.Random) -> None:
        self._policy = policy
        self._chance = chance
        self._failures = 0
        self._limit_waits = 0
        self._waited = 0.0

    def key_lives(self, key_age: float | None) -> bool:
        """Whether a request may still leave with a key that monday first saw so many seconds ago (None: never)."""
        return key_age is None or key_age <= self._policy.key_lifetime - KEY_SAFETY_SECONDS

    def next_wait(self, reply: Reply, *, key_age: float | None, attempts: int | None = None) -> float | None:
        """Seconds to wait before the same request is sent again; None when it should not be.

        Args:
            reply: the last one.
            key_age: seconds since the first attempt that monday may have executed; None when there was none, or for a read.
            attempts: in place of the policy's, when it is fewer.
        """
        if reply.reaction not in {Reaction.WAIT, Reaction.WAIT_UNKNOWN}:
            return None
        wait = reply.wait + self._backoff(self._count(reply))
        self._waited += wait
        if self._is_over(key_age, wait, min(self._policy.attempts, attempts or self._policy.attempts)):
            return None
        return wait

    def _count(self, reply: Reply) -> int:
        """How often this happened, this time included: limits and failures are counted apart."""
        if reply.limit is not None:
            self._limit_waits += 1
            return self._limit_waits
        self._failures += 1
        return self._failures

    def _backoff(self, times: int) -> float:
        return self._policy.backoff(times) * (0.5 + 0.5 * self._chance.random())

    def _is_over(self, key_age: float | None, wait: float, attempts: int) -> bool:
        policy = self._policy
        key_ends = key_age is not None and not self.key_lives(key_age + wait)
        too_often = self._failures >= attempts or self._limit_waits > policy.limit_waits
        return key_ends or too_often or self._waited > policy.patience

"""The pace: every limit of monday.com obeyed before it is hit, and no wait longer than a limit demands.

Belongs here: when a request may start, what it took, what its answer says of the limits. Knows no HTTP; clock and sleep are
arguments. Does not belong here: repeating after a refusal (`monday/client.py`), how many mutations go into a document
(`monday/batch_size.py`), documents in flight (`monday/dispatcher.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from orders_platform.domain.usage import LIMITED_CALL
from orders_platform.errors import MondayUnavailableError
from orders_platform.monday.costs import Costs
from orders_platform.monday.error_policy import Limit, Reaction
from orders_platform.monday.limits import Limits
from orders_platform.monday.rate_window import Bucket, Taking
from orders_platform.monday.replies import Reply

_DAY_SECONDS = 86_400
_LOOK_SECONDS = 1.0


class DailyLimitError(MondayUnavailableError):
    """No call is left today; the count starts anew at midnight UTC."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request will ask of the limits: its operation, and how many mutations it holds (0: a read)."""

    operation: str
    mutations: int = 0


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to make one request; give it back with `Budget.settle`.

    Attributes:
        points: reserved complexity.
        waited: seconds waited for it.
    """

    usage: Usage
    points: int
    complexity: Taking
    call: Taking
    serial: int
    waited: float = 0.0


class Budget:
    """All limits of one token, shared by every thread that talks to monday.com with it.

    Args:
        limits: of the plan; what monday's headers say goes before them.
        clock: seconds since the epoch (the day's calls are counted from midnight UTC).
        pause: waits the given seconds; returns early, with False, when whoever waits should give up.
        calls_today: calls this token has made today already.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float],
        pause: Callable[[float], bool],
        calls_today: float = 0.0,
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._pause = pause
        self._costs = Costs()
        self._writes = Bucket(limits.write_complexity)
        self._reads = self._writes if limits.read_complexity is None else Bucket(limits.read_complexity)
        self._calls = Bucket(limits.calls_per_minute)
        self._concurrency = limits.concurrency
        self._in_flight = 0
        self._serial = 0
        self._day = int(clock() // _DAY_SECONDS)
        self._calls_today = calls_today
        self._changed = threading.Condition()

    def acquire(self, usage: Usage) -> Ticket | None:
        """Wait until the request may be made, and count it. None when the wait was given up.

        Raises:
            DailyLimitError: the day's calls are used up.
        """
        began = self._clock()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._in_flight < self._concurrency)
                seconds = self._delay(usage)
                if seconds <= 0:
                    return self._take(usage, self._clock() - began)
            # Answers that arrive meanwhile may show that less was taken than was reserved.
            if not self._pause(min(seconds, _LOOK_SECONDS)):
                return None

    def reserve(self, usage: Usage) -> Ticket | None:
        """Count the request if it may be made at once; None when it would have to wait, for whatever reason."""
        with self._changed:
            is_free = self._in_flight < self._concurrency and self._has_calls_today() and self._delay(usage) <= 0
            return self._take(usage, 0.0) if is_free else None

    def delay(self, usage: Usage) -> float:
        """Seconds until the request could be made, as far as the minute limits go.

        Raises:
            DailyLimitError: the day's calls are used up.
        """
        with self._changed:
            return self._delay(usage)

    def room(self, operation: str) -> int:
        """How many mutations of `operation` could be sent now without waiting."""
        with self._changed:
            return self._writes.room(self._clock()) // self._costs.of(operation, 1)

    def largest(self, operation: str) -> int:
        """How many mutations of `operation` one document may hold at most: complexity a request, and a minute."""
        with self._changed:
            most = min(self.limits.document_complexity, self._writes.limit)
            return max(1, most // self._costs.of(operation, 1))

    @property
    def calls_today(self) -> float:
        """Calls counted since midnight UTC."""
        with self._changed:
            return self._roll_day()

    def note_calls_today(self, calls: float) -> None:
        """At least so many of the day's calls are used: other runs share the token, and the log of the runs knows of all."""
        with self._changed:
            self._calls_today = max(self._roll_day(), calls)

    def settle(self, ticket: Ticket, reply: Reply) -> None:
        """The request of `ticket` is over: correct what it took, and take in what the answer says of the limits."""
        with self._changed:
            self._in_flight -= 1
            now = self._clock()
            self._settle_complexity(ticket, reply, now)
            self._settle_calls(ticket, reply, now)
            if reply.reaction is Reaction.DONE:
                self._bucket(ticket.usage).recover()
                self._calls.recover()
            self._changed.notify_all()

    def _delay(self, usage: Usage) -> float:
        self._check_day()
        now = self._clock()
        points = self._costs.of(usage.operation, usage.mutations)
        return max(self._bucket(usage).delay(now, points), self._calls.delay(now, 1))

    def _take(self, usage: Usage, waited: float) -> Ticket:
        now = self._clock()
        points = self._costs.of(usage.operation, usage.mutations)
        self._in_flight += 1
        self._serial += 1
        self._calls_today += 1
        # Alone or not is read off the serial: a call that began while another was under way never has the last one.
        serial = self._serial if self._in_flight == 1 else -1
        complexity, call = self._bucket(usage).take(now, points), self._calls.take(now, 1)
        return Ticket(usage, points, complexity, call, serial, waited)

    def _settle_complexity(self, ticket: Ticket, reply: Reply, now: float) -> None:
        bucket = self._bucket(ticket.usage)
        if reply.reaction in {Reaction.WAIT, Reaction.SPLIT} or reply.replayed:
            bucket.correct(ticket.complexity, 0)
        elif reply.cost is not None:
            bucket.correct(ticket.complexity, reply.cost)
            self._costs.learn(ticket.usage.operation, ticket.usage.mutations, reply.cost)
        bucket.observe(ticket.complexity, now, reply.quota.complexity, alone=ticket.serial == self._serial)
        if reply.limit is Limit.COMPLEXITY:
            bucket.exhausted(now, reply.wait)

    def _settle_calls(self, ticket: Ticket, reply: Reply, now: float) -> None:
        if reply.never_sent:
            self._calls.correct(ticket.call, 0)
            self._calls_today -= 1
        elif reply.rate_limited:
            self._calls_today -= 1 - LIMITED_CALL
        self._calls.observe(ticket.call, now, reply.quota.minute_rate, alone=ticket.serial == self._serial)
        self._concurrency = reply.quota.concurrency.quota or self._concurrency
        if reply.limit in {Limit.CALLS_PER_MINUTE, Limit.ADDRESS}:
            self._calls.exhausted(now, reply.wait)
        if reply.limit is Limit.CALLS_PER_DAY:
            self._calls_today = max(self._calls_today, self.limits.calls_per_day)

    def _has_calls_today(self) -> bool:
        return self._roll_day() + 1 <= self.limits.calls_for_us

    def _check_day(self) -> None:
        if not self._has_calls_today():
            most = self.limits.calls_for_us
            raise DailyLimitError(
                f"monday.com's calls of today are used up ({most:,} of {self.limits.calls_per_day:,}, the rest is kept for"
                " people): the next run after 00:00 UTC goes on where this one stopped"
            )

    def _roll_day(self) -> float:
        today = int(self._clock() // _DAY_SECONDS)
        if today != self._day:
            self._day, self._calls_today = today, float(self._in_flight)
        return self._calls_today

    def _bucket(self, usage: Usage) -> Bucket:
        return self._writes if usage.mutations else self._reads

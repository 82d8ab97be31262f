"""What is left of an account's limits, and the RateLimit headers. Counters live in memory: a restart starts new windows."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from orders_platform.sandbox.answers import HttpReply, Refusal, limited
from orders_platform.sandbox.sandbox_options import AccountLimits

FIELD_WAIT_SECONDS = 15
"""monday tells who meets the limit of one field to come back after this long."""


class BudgetWindow:
    """A budget that is whole again `seconds` after the first spending, or at 00:00 UTC when `at_midnight` is set."""

    def __init__(self, limit: float, seconds: float, clock: Callable[[], float], *, at_midnight: bool = False) -> None:
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._at_midnight = at_midnight
        self._used = 0.0
        self._ends_at = 0.0

    @property
    def left(self) -> float:
        """What may still be spent in this window."""
        return self.limit - (self._used if self._clock() < self._ends_at else 0.0)

    @property
    def resets_in(self) -> int:
        """Whole seconds until the budget is whole again; 0 when it is."""
        return max(0, math.ceil(self._ends_at - self._clock()))

    def spend(self, amount: float) -> None:
        """Takes from the budget, below zero too; the first spending opens the window. A negative amount gives back."""
        now = self._clock()
        if now >= self._ends_at:
            self._used = 0.0
            self._ends_at = (now // self.seconds + 1) * self.seconds if self._at_midnight else now + self.seconds
        self._used += amount


@dataclass(frozen=True, slots=True)
class Spent:
    """Complexity of one request: the budget before and after it, its cost, and when the budget is whole again."""

    before: int
    after: int
    query: int
    reset_in_x_seconds: int


class Meter:
    """Every counter of one account."""

    def __init__(self, limits: AccountLimits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.day = BudgetWindow(limits.calls_per_day, 86_400, clock, at_midnight=True)
        self.minute = BudgetWindow(limits.calls_per_minute, 60, clock)
        self._boards = BudgetWindow(limits.boards_created_per_minute, 60, clock)
        self.in_flight = 0
        self._address = BudgetWindow(limits.calls_per_10_seconds, 10, clock)
        reads = BudgetWindow(limits.complexity_per_minute, 60, clock)
        self._complexity = {
            False: reads,
            True: BudgetWindow(limits.complexity_per_minute, 60, clock) if limits.separate_writes else reads,
        }
        self._fields_in_flight: Counter[str] = Counter()
        self._fields = {name: BudgetWindow(limit, 60, clock) for name, limit in limits.fields_per_minute.items()}
        self._lock = threading.Lock()

    def enter(self) -> HttpReply | None:
        """Counts a request in, or says which limit it breaks; a refused one costs a tenth of a daily call."""
        with self._lock:
            overrun = self._overrun()
            for window in (self._address, self.minute):
                window.spend(1)
            self.day.spend(0.1 if overrun else 1.0)
            self.in_flight += not overrun
            return overrun

    def _overrun(self) -> HttpReply | None:
        if self._address.left < 1:
            return limited("ip", self._address.resets_in)
        if self.minute.left < 1:
            return limited("minute", self.minute.resets_in)
        if self.day.left < 1:
            return limited("day", self.day.resets_in)
        return limited("concurrency", 1) if self.in_flight >= self.limits.concurrent_requests else None

    def enter_fields(self, fields: Collection[str]) -> HttpReply | None:
        """Counts the root fields of a request in, or says which one's limit it breaks; then none is counted."""
        with self._lock:
            for name in fields:
                window = self._fields.get(name)
                if window and window.left < 1:
                    return limited("field minute", window.resets_in, entity=name)
                if self._fields_in_flight[name] >= self.limits.fields_at_once.get(name, math.inf):
                    return limited("field", FIELD_WAIT_SECONDS, entity=name)
            for name in set(fields):
                self._fields_in_flight[name] += 1
                if name in self._fields:
                    self._fields[name].spend(1)
            return None

    def spend_board(self) -> None:
        """Counts a new board; raises `Refusal` when the account has made its boards of this minute."""
        if self._boards.left < 1:
            raise Refusal("CallLimitExceeded", "Call limit exceeded for CreateBoard", status=429)
        self._boards.spend(1)

    def leave_fields(self, fields: Collection[str]) -> None:
        """A request whose fields were counted in has been answered."""
        with self._lock:
            self._fields_in_flight.subtract(set(fields))

    def leave(self) -> None:
        """A request that was counted in has been answered."""
        with self._lock:
            self.in_flight -= 1

    def cheapen(self) -> None:
        """The request in hand costs a tenth of a daily call: it was refused by a limit, or only asked for the complexity."""
        with self._lock:
            self.day.spend(-0.9)

    def forget(self) -> None:
        """The request in hand was never made: its connection was refused."""
        with self._lock:
            for window in (self._address, self.minute, self.day):
                window.spend(-1)

    def charge(self, points: int, *, is_mutation: bool) -> Spent | HttpReply:
        """Takes points from the minute's budget, or says how long to wait for them."""
        with self._lock:
            window = self._complexity[is_mutation]
            before = int(window.left)
            if points > before:
                return limited("complexity", max(1, window.resets_in))
            window.spend(points)
            return Spent(before, before - points, points, window.resets_in)

    def complexity_left(self, *, is_mutation: bool = True) -> int:
        """Points that are left in the current minute."""
        return max(0, int(self._complexity[is_mutation].left))

    def headers(self, *, is_mutation: bool) -> dict[str, str]:
        """`RateLimit-Policy` and `RateLimit`, as structured fields."""
        limits, window = self.limits, self._complexity[is_mutation]
        policy = (
            f'"minuteRate";q={limits.calls_per_minute};w=60, '
            f'"concurrency";q={limits.concurrent_requests};qu="concurrent-requests", '
            f'"complexityMinute";q={limits.complexity_per_minute};w=60;qu="content-bytes"'
        )
        calls_left = max(0, int(self.minute.left))
        calls = f'"minuteRate";r={calls_left}' + (f";t={self.minute.resets_in}" if not calls_left else "")
        slots = f'"concurrency";r={max(0, limits.concurrent_requests - self.in_flight)}'
        points = f'"complexityMinute";r={max(0, int(window.left))}' + (f";t={window.resets_in}" if window.resets_in else "")
        return {"RateLimit-Policy": policy, "RateLimit": f"{calls}, {slots}, {points}"}

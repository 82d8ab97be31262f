"""One request to monday.com until its outcome is known: permit, the caller's intent, the request, repeats with the same key, an end.

Repeats wait at least as long as monday asks for, are counted apart for limits and for failures, and end before the idempotency key
does. No request leaves long after its intent was committed: whoever takes over after a crash waits from the committed time on.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from orders_platform.domain.mutations import Traffic
from orders_platform.errors import BoardMismatchError, MondayRefusedError, MondayUnavailableError, OrdersError
from orders_platform.monday.budget import Budget, DailyLimitError, Permit, Timer
from orders_platform.monday.documents import Request
from orders_platform.monday.error_policy import LIMITS, REPEATED, ErrorAction, ErrorKind
from orders_platform.monday.replies import Reply, lost_reply
from orders_platform.monday.transport import TIMEOUT, Transport

_logger = logging.getLogger(__name__)

KEY_LIFETIME_SECONDS = 30 * 60.0
"""monday keeps the answer to an idempotency key for 30 minutes; after that the same key executes again."""

KEY_SAFETY_SECONDS = 2 * 60.0
"""We stop using a key this long before its end: a request lives for up to 60 seconds and clocks differ."""

FRESH_SECONDS = 5.0
"""Oldest intent with which a request leaves; `settle_seconds` of the configuration allows for it."""

_MOST_COMMITS = 3  # a database that takes this often this long for a commit is no time to send


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of the repeats of one request.

    Attributes:
        attempts: requests that may end without a usable reply (lost, 5xx, unreachable).
        first_attempts: the same for connections that cannot be made, as long as none ever was.
        limit_waits: replies that may say "too much, later".
        patience: most seconds of waiting in all.
        key_lifetime: seconds for which monday knows an idempotency key.
    """

    attempts: int = 8
    first_attempts: int = 4
    limit_waits: int = 12
    patience: float = 20 * 60.0
    key_lifetime: float = KEY_LIFETIME_SECONDS

    def backoff(self, times: int) -> float:
        """Most seconds of waiting after the failure number `times`: twice as long each time."""
        return min(30.0, 0.5 * 2.0 ** (times - 1))


_NOTHING = lost_reply("not_sent", "sending ended before this was sent", never_sent=True)


@dataclass(slots=True)
class RequestResult:
    """One request with its repeats: what came of it so far, and in the end.

    Attributes:
        seconds: of the last HTTP request alone, without waits.
        too_much: monday did not get through in time, or said that it is too much for one request.
        first_unknown: when the first attempt began that monday may have executed although no reply surely says what came of it.
        stopped_by: the error to raise when every further request would end the same way.
    """

    reply: Reply = _NOTHING
    calls: int = 0
    seconds: float = 0.0
    too_much: bool = False
    first_unknown: float | None = None
    stopped_by: OrdersError | None = None
    failures: int = 0
    limit_waits: int = 0
    waited: float = 0.0

    def take_in(self, reply: Reply, began: float, seconds: float) -> None:
        self.reply = reply
        self.calls += 1
        self.seconds = seconds
        self.too_much |= reply.kind is ErrorKind.TOO_MUCH or reply.worst.code == TIMEOUT or reply.status in {408, 504}
        # A key in use is in use by an earlier attempt of ours, which may come to its end.
        is_unclear = reply.kind is ErrorKind.KEY or not reply.surely_not_executed
        if self.first_unknown is None and reply.action in REPEATED and is_unclear:
            self.first_unknown = began

    @property
    def maybe_executed(self) -> bool:
        return self.first_unknown is not None

    @property
    def unreached(self) -> bool:
        """True when the repeats ended without a reply of monday's own, or at a limit."""
        reply = self.reply
        is_limit = reply.kind in LIMITS and reply.action is ErrorAction.WAIT
        return self.calls > 0 and not reply.executed and (not reply.is_own or is_limit)

    def key_lives(self, moment: float, lifetime: float) -> bool:
        """Whether a request may still leave then under the key of the first attempt that monday may have executed."""
        return self.first_unknown is None or moment - self.first_unknown <= lifetime - KEY_SAFETY_SECONDS

    def next_wait(self, now: float, policy: RetryPolicy, rng: random.Random, attempts: int) -> float | None:
        """Seconds to wait before the same request is sent again, after its last reply; None when it should not be.

        Limits and failures are counted apart. `rng` makes the jitter, so that clients that failed together do not come back together.
        """
        if self.reply.action not in REPEATED:
            return None
        is_limit = self.reply.kind in LIMITS
        self.limit_waits += is_limit
        self.failures += not is_limit
        backoff = policy.backoff(self.limit_waits if is_limit else self.failures)
        wait = self.reply.wait + backoff * (0.5 + 0.5 * rng.random())
        self.waited += wait
        too_often = self.failures >= attempts or self.limit_waits > policy.limit_waits
        ends = too_often or self.waited > policy.patience or not self.key_lives(now + wait, policy.key_lifetime)
        return None if ends else wait


class MondayClient:
    """Sends requests at monday's pace and repeats them while that is right; may be used from several threads."""

    def __init__(self, transport: Transport, budget: Budget, timer: Timer, policy: RetryPolicy, rng: random.Random) -> None:
        self.transport = transport
        self.budget = budget
        self.timer = timer
        self._policy = policy
        self._rng = rng
        self._reads = Traffic()
        self._was_reached = False
        self._is_given_up = False

    def read(self, request: Request) -> Reply:
        """Ask monday; the reply holds data and no error, or the error that asks for reading from the first page again.

        Raises `MondayRefusedError`: monday answered no; `MondayUnavailableError`: no usable reply within the bounds of the retries, or no
        call left today.
        """
        result = self.execute(request, None, self._reads)
        if result.stopped_by:
            raise result.stopped_by
        problem = result.reply.worst
        if not result.reply.problems or result.reply.action is ErrorAction.RESTART:
            return result.reply
        what = f"{request.operation} ({problem.code}): {problem.message}"
        if result.reply.action in REPEATED:
            gave_up = f"gave up after {result.calls} requests, repeat the run later"
            raise MondayUnavailableError(f"monday.com did not answer {what}; {gave_up}")
        raise MondayRefusedError(f"monday.com refused {what}{_request_id(result.reply)}")

    def give_back(self, permit: Permit) -> None:
        self.budget.release(permit, lost_reply("not_sent", "", never_sent=True))

    def take_reads(self) -> Traffic:
        """What `read` has asked of monday since this was last called; reads belong to one thread."""
        reads, self._reads = self._reads, Traffic()
        return reads

    def execute(
        self,
        request: Request,
        key: str | None,
        traffic: Traffic,
        *,
        attempts: int | None = None,
        permit: Permit | None = None,
        before_request: Callable[[], None] = lambda: None,
    ) -> RequestResult:
        """Send a request until its outcome is known, or the retries end; an error of ours is in the result.

        Mutations have a `key`, the same for every repeat and for no other request. `traffic` counts the requests. The `permit` is for the
        first attempt, `attempts` are fewer than the policy allows. `before_request` is called right before each attempt; an error of it
        ends the sending.
        """
        result, commits = RequestResult(), 0
        while (permit := permit or self._acquire(request, result)) is not None:
            began, commits = self.timer.now(), commits + 1
            try:
                before_request()
            except OrdersError as error:
                result.stopped_by = error
            # Last of all: waiting for the permit, or for the commit, may have taken longer than the key lives.
            now = self.timer.now()
            may_leave = result.stopped_by is None and result.key_lives(now, self._policy.key_lifetime)
            if not may_leave or now - began > FRESH_SECONDS or not permit.is_current(now):
                self.give_back(permit)
                permit = None
                if may_leave and commits < _MOST_COMMITS:
                    continue
                break
            self._attempt(request, key, permit, result, traffic)
            permit, commits, wait = None, 0, self._next_wait(result, attempts)
            if wait is None or not self.timer.pause(wait):
                break
        return result

    def _next_wait(self, result: RequestResult, attempts: int | None) -> float | None:
        """Seconds until the next attempt; None when this was the last.

        There are fewer attempts until monday was reached once: before that it is rather the address or the network than a bad minute.
        """
        reply = result.reply
        self._was_reached = self._was_reached or not reply.never_sent
        most = attempts or self._policy.attempts
        if not self._was_reached:
            most = 1 if self._is_given_up else self._policy.first_attempts
        wait = result.next_wait(self.timer.now(), self._policy, self._rng, most)
        if reply.never_sent and result.calls == 1:
            # At once: whoever looks should not wait for the end of the repeats to learn that there are any.
            seconds = sum(self._policy.backoff(times) for times in range(1, most))
            _logger.warning(
                "%s; %s", reply.worst.message, f"trying again for up to {seconds:.0f} s" if seconds else "giving up"
            )
        if wait is None:
            result.stopped_by = _stop(reply)
            self._is_given_up = not self._was_reached
        return wait

    def _acquire(self, request: Request, result: RequestResult) -> Permit | None:
        try:
            return self.budget.acquire(request.operation, len(request.aliases))
        except DailyLimitError as error:
            result.stopped_by = error
            return None

    def _attempt(self, request: Request, key: str | None, permit: Permit, result: RequestResult, traffic: Traffic) -> None:
        began = self.timer.now()
        reply = self.transport.post(request, key)
        if key is None and reply.problems:  # a read with any error is a failed read, even if monday answered a part of it
            reply = replace(reply, action=reply.worst.rule.action)
        self.budget.release(permit, reply)
        result.take_in(reply, began, self.timer.now() - began)
        traffic.calls += 1
        traffic.mutations_sent += 0 if reply.never_sent else len(request.aliases)
        traffic.complexity += 0 if reply.replayed else reply.cost or 0
        traffic.rate_limited += reply.rate_limited
        traffic.seconds += result.seconds
        _log(request, reply)


def _stop(reply: Reply) -> OrdersError | None:
    """The error for everything that would follow this reply; None when it speaks of this request only."""
    problem = reply.worst
    if reply.action not in {ErrorAction.STOP, ErrorAction.STOP_UNTIL_MIDNIGHT}:
        return None
    if reply.action is ErrorAction.STOP_UNTIL_MIDNIGHT:
        return DailyLimitError(f"monday.com's calls of today are used up ({problem.message}): go on after 00:00 UTC")
    if reply.kind is ErrorKind.BOARD:
        return BoardMismatchError(f"monday.com refused a change ({problem.code}: {problem.message}): {problem.rule.advice}")
    subject = "the token" if reply.kind is ErrorKind.TOKEN else "the request"
    return MondayRefusedError(
        f"monday.com refused {subject} ({problem.code}: {problem.message}): {problem.rule.advice}{_request_id(reply)}"
    )


def _request_id(reply: Reply) -> str:
    return f" (monday's request id: {reply.request_id})" if reply.request_id else ""


def _log(request: Request, reply: Reply) -> None:
    """Codes only: monday's sentences quote cells, and cells are the customers' business."""
    for problem in reply.problems[:3]:
        level = logging.INFO if problem.known else logging.WARNING
        code = problem.code if problem.known else f"{problem.code} (unknown to us)"
        _logger.log(level, "%s: HTTP %s, %s, request %s", request.operation, reply.status, code, reply.request_id)

"""One request to monday.com until it is settled: pace, repeats with the same key, an end.

Belongs here: the loop around one request, and what can be said for certain after it. Does not belong here: GraphQL
(`monday/documents.py`), the reading of answers (`monday/replies.py`), splitting a document (`monday/dispatcher.py`).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from orders_platform.domain.usage import Reads
from orders_platform.errors import BoardMismatchError, MondayRefusedError, MondayUnavailableError, OrdersError
from orders_platform.monday.budget import Budget, DailyLimitError, Ticket, Usage
from orders_platform.monday.documents import Request
from orders_platform.monday.error_policy import BOARD, CROWDING, SPLIT, TOKEN, Limit, Reaction
from orders_platform.monday.replies import Reply, lost_reply
from orders_platform.monday.retries import Retries, RetryPolicy
from orders_platform.monday.sleeper import Waiter
from orders_platform.monday.transport import TIMEOUT, Transport

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Answer:
    """How one request ended, after all repeats.

    Attributes:
        reply: the last one.
        maybe_executed: an attempt may have been executed although its answer is lost.
        calls: HTTP requests made.
        reached: those among them that reached monday, as far as we know.
        points: complexity spent, as far as monday said.
        rate_limited: answers that said that a limit was hit.
        crowded: an answer spoke of a lock, a key in use or too many requests at once.
        busy_seconds: the last request alone, without waits.
        waits: seconds waited: `budget` before a limit was hit, otherwise the limit that was hit, or `retry`.
        stopped_by: the error to raise when every further request would end the same way.
        first_unknown: when the first attempt began that monday may have executed.
        too_much: monday did not get through in time, or said that it is too much for one request.
    """

    reply: Reply
    maybe_executed: bool = False
    calls: int = 0
    reached: int = 0
    points: int = 0
    rate_limited: int = 0
    crowded: bool = False
    busy_seconds: float = 0.0
    waits: dict[str, float] = field(default_factory=dict)
    stopped_by: OrdersError | None = None

    first_unknown: float | None = None
    too_much: bool = False

    def count(self, reply: Reply, began: float, seconds: float, *, is_mutation: bool) -> None:
        """Count one attempt."""
        self.reply = reply
        self.calls += 1
        self.reached += 0 if reply.never_sent else 1
        self.points += 0 if reply.replayed else reply.cost or 0
        self.rate_limited += 1 if reply.rate_limited else 0
        self.crowded = self.crowded or any(problem.rule.limit in CROWDING for problem in reply.problems)
        self.busy_seconds = seconds
        self.too_much = self.too_much or _is_too_much(reply)
        # A key in use is in use by an earlier attempt of ours, which may come to its end.
        if is_mutation and (reply.reaction is Reaction.WAIT_UNKNOWN or reply.limit is Limit.KEY):
            self.maybe_executed = True
            self.first_unknown = began if self.first_unknown is None else self.first_unknown

    @property
    def unreached(self) -> bool:
        """True when the repeats ended without an answer of monday's own, or at a limit."""
        reply = self.reply
        if reply.executed or reply.reaction not in {Reaction.WAIT, Reaction.WAIT_UNKNOWN}:
            return False
        return self.calls > 0 and (not reply.is_json or reply.limit is not None)

    def key_age(self, now: float) -> float | None:
        """Seconds since the first attempt that monday may have executed, None when there was none."""
        return None if self.first_unknown is None else now - self.first_unknown

    def waited(self, reason: str, seconds: float) -> None:
        """Count a wait."""
        if seconds > 0:
            self.waits[reason] = self.waits.get(reason, 0.0) + seconds


class MondayClient:
    """Sends requests at monday's pace and repeats them while that is right; may be used from several threads.

    Args:
        chance: source of the jitter.
        waiter: waits before repeats; the budget has its own way of waiting.
    """

    def __init__(
        self,
        transport: Transport,
        budget: Budget,
        *,
        clock: Callable[[], float],
        waiter: Waiter,
        policy: RetryPolicy | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._transport = transport
        self.budget = budget
        self._clock = clock
        self._waiter = waiter
        self._policy = policy or RetryPolicy()
        self._chance = chance or random.Random()  # noqa: S311 - jitter, not a secret
        self._reads = Reads()
        self._was_reached = False
        self._is_given_up = False

    def __repr__(self) -> str:
        return f"MondayClient({self._transport!r})"

    @property
    def notices(self) -> tuple[str, ...]:
        """What people should know of the API version that monday serves."""
        return tuple(self._transport.notices.values())

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def read(self, request: Request) -> Reply:
        """Ask monday; the reply holds data and no error, or the error that asks for reading from the first page again.

        Raises:
            MondayRefusedError: monday answered no.
            MondayUnavailableError: no usable answer within the bounds of the retries, or no call left today.
        """
        answer = self._run(request, None, Retries(self._policy, self._chance))
        self._reads = self._reads.plus(answer.calls, answer.rate_limited, answer.points, answer.busy_seconds)
        if answer.stopped_by:
            raise answer.stopped_by
        problem = answer.reply.worst
        if problem is None or answer.reply.reaction is Reaction.RESTART:
            return answer.reply
        what = f"{request.operation} ({problem.code}): {problem.message}"
        if answer.reply.reaction in {Reaction.WAIT, Reaction.WAIT_UNKNOWN}:
            gave_up = f"gave up after {answer.calls} requests, repeat the run later"
            raise MondayUnavailableError(f"monday.com did not answer {what}; {gave_up}")
        raise MondayRefusedError(f"monday.com refused {what}{_request_id(answer.reply)}")

    def give_back(self, ticket: Ticket) -> None:
        """Leave that was taken and is not used."""
        self.budget.settle(ticket, lost_reply("not_sent", "", never_sent=True))

    def take_reads(self) -> Reads:
        """What `read` has asked of monday since this was last called; reads belong to one thread."""
        reads, self._reads = self._reads, Reads()
        return reads

    def execute(
        self,
        request: Request,
        key: str,
        *,
        attempts: int | None = None,
        ticket: Ticket | None = None,
        may_leave: Callable[[], bool] = lambda: True,
    ) -> Answer:
        """Send mutations until it is settled what became of them, or the retries end; never raises.

        Args:
            request: mutations under aliases.
            key: the idempotency key, the same for every repeat and for no other request.
            attempts: fewer failed attempts than the policy allows.
            ticket: leave for the first attempt, when the caller has taken it already.
            may_leave: asked right before each request; after a no nothing more is sent.
        """
        policy = self._policy if attempts is None else replace(self._policy, attempts=attempts)
        return self._run(request, key, Retries(policy, self._chance), ticket, may_leave)

    def _run(
        self,
        request: Request,
        key: str | None,
        retries: Retries,
        ticket: Ticket | None = None,
        may_leave: Callable[[], bool] = lambda: True,
    ) -> Answer:
        answer = Answer(lost_reply("not_sent", "sending ended before this was sent", never_sent=True))
        usage = Usage(request.operation, len(request.aliases))
        while (ticket := ticket or self._acquire(usage, answer)) is not None:
            # Asked only now: waiting for leave may have taken longer than the key lives or the intent stays fresh.
            if not (retries.key_lives(answer.key_age(self._clock())) and may_leave()):
                self.give_back(ticket)
                break
            reply = self._attempt(request, key, ticket, answer)
            ticket = None
            attempts = self._attempts(reply)
            wait = retries.next_wait(reply, key_age=answer.key_age(self._clock()), attempts=attempts)
            if reply.never_sent and answer.calls == 1:
                self._say_unreachable(reply, attempts or self._policy.attempts)
            if wait is None:
                answer.stopped_by = _stop(reply)
                self._is_given_up = self._is_given_up or not self._was_reached
                break
            answer.waited(reply.limit.value if reply.limit else "retry", wait)
            if not self._waiter.pause(wait):
                break
        return answer

    def _attempts(self, reply: Reply) -> int | None:
        """Fewer attempts until monday was reached once: before that it is rather the address or the network than a bad minute."""
        if self._was_reached or not reply.never_sent:
            self._was_reached = True
            return None
        return 1 if self._is_given_up else self._policy.first_attempts

    def _say_unreachable(self, reply: Reply, attempts: int) -> None:
        """At once: whoever looks should not wait for the end of the repeats to learn that there are any."""
        words = reply.worst.message if reply.worst else "monday.com cannot be reached"
        seconds = self._policy.longest_backoff(attempts)
        _logger.warning("%s; %s", words, f"trying again for up to {seconds:.0f} s" if seconds else "giving up")

    def _acquire(self, usage: Usage, answer: Answer) -> Ticket | None:
        try:
            ticket = self.budget.acquire(usage)
        except DailyLimitError as error:
            answer.stopped_by = error
            return None
        answer.waited("budget", ticket.waited if ticket else 0.0)
        return ticket

    def _attempt(self, request: Request, key: str | None, ticket: Ticket, answer: Answer) -> Reply:
        began = self._clock()
        reply = self._transport.post(request, key)
        if key is None:
            reply = _for_reading(reply)
        self.budget.settle(ticket, reply)
        answer.count(reply, began, self._clock() - began, is_mutation=key is not None)
        if reply.worst:
            _log(request, reply)
        return reply


def _is_too_much(reply: Reply) -> bool:
    if reply.worst is None:
        return False
    return reply.worst.rule is SPLIT or reply.worst.code == TIMEOUT or reply.status in {408, 504}


def _for_reading(reply: Reply) -> Reply:
    """A read with any error is a failed read, even if monday answered a part of it."""
    return reply if reply.worst is None else replace(reply, reaction=reply.worst.rule.reaction)


def _stop(reply: Reply) -> OrdersError | None:
    """The error for everything that would follow this reply; None when it speaks of this request only."""
    problem = reply.worst
    if problem is None or reply.reaction not in {Reaction.STOP, Reaction.STOP_UNTIL_MIDNIGHT}:
        return None
    if reply.reaction is Reaction.STOP_UNTIL_MIDNIGHT:
        return DailyLimitError(f"monday.com's calls of today are used up ({problem.message}): go on after 00:00 UTC")
    if problem.rule is BOARD:
        return BoardMismatchError(f"monday.com refused a change ({problem.code}: {problem.message}): {problem.rule.advice}")
    subject = "the token" if problem.rule is TOKEN else "the request"
    return MondayRefusedError(
        f"monday.com refused {subject} ({problem.code}: {problem.message}): {problem.rule.advice}{_request_id(reply)}"
    )


def _request_id(reply: Reply) -> str:
    return f" (monday's request id: {reply.request_id})" if reply.request_id else ""


def _log(request: Request, reply: Reply) -> None:
    """Codes only: monday's sentences quote cells, and cells are the customers' business."""
    for problem in reply.problems[:3]:
        level = logging.INFO if problem.known else logging.WARNING
        kind = "" if problem.known else " (unknown to us)"
        code = f"{problem.code}{kind}"
        _logger.log(level, "%s: HTTP %s, %s, request %s", request.operation, reply.status, code, reply.request_id)

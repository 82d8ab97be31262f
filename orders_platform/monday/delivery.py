"""One batch until each of its mutations has a result: split when refused as a whole, single aliases repeated.

Belongs here: what follows from an answer for each mutation, and the report. Does not belong here: one request and its repeats
(`monday/client.py`), several documents at a time (`monday/dispatcher.py`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome
from orders_platform.errors import OrdersError
from orders_platform.monday.budget import Permit, Sleeper
from orders_platform.monday.client import Answer, MondayClient
from orders_platform.monday.documents import Documents
from orders_platform.monday.error_policy import NOT_FOUND, UNKNOWN, ErrorAction
from orders_platform.monday.replies import AliasReply, Fate, Problem, Reply

FRESH_SECONDS = 5.0

"""Oldest intent with which a request leaves; the release time allows for it."""

_MOST_RENEWALS = 3  # a database that takes this often this long for a commit is no time to send

Renew = Callable[[Batch], None]


class Intent:
    """The intent of one batch, committed when this is made.

    Args:
        batch: what is to be sent.
        clock: seconds; any origin.
        renew: commits the intent anew; False when that is not possible any more.
        since: when the caller began to commit it; the time that it recorded is not earlier.
    """

    def __init__(self, batch: Batch, clock: Callable[[], float], renew: Callable[[Batch], bool], since: float) -> None:
        self.batch = batch
        self._clock = clock
        self._renew = renew
        self._since = since

    def is_fresh(self) -> bool:
        """Whether a request may leave now; renews the intent where it is old, again where committing it took long itself."""
        for _ in range(_MOST_RENEWALS):
            if self._clock() - self._since <= FRESH_SECONDS:
                return True
            since = self._clock()
            if not self._renew(self.batch):
                return False
            self._since = since
        return self._clock() - self._since <= FRESH_SECONDS


TARGET_SECONDS = 20.0

"""Longest a document should take to execute: monday ends a request after 60 seconds."""

_GROWTH = 4  # a document grows by a quarter


class BatchSizes:
    """Mutations a document, by operation: starts at `default`, shrinks by half, grows by a quarter up to `most`.

    The measured seconds of a mutation keep a document well below monday's 60 seconds, whatever the size says.
    """

    def __init__(self, default: int, most: int | None = None, target_seconds: float = TARGET_SECONDS) -> None:
        self._default = max(1, default)
        self._most = max(self._default, most or 2 * self._default)
        self._target = target_seconds
        self._sizes: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def size(self, operation: str) -> int:
        """Mutations for the next document of `operation`; at least 1."""
        with self._lock:
            size = self._sizes.get(operation, self._default)
            seconds = self._seconds.get(operation, 0.0)
            return max(1, int(min(size, self._target / seconds)) if seconds > 0 else size)

    def went_well(self, operation: str, mutations: int, seconds: float) -> None:
        """A document of `mutations` was executed in `seconds`, waits not counted."""
        with self._lock:
            measured = max(0.0, seconds) / mutations
            known = self._seconds.get(operation, measured)
            self._seconds[operation] = 0.7 * known + 0.3 * measured
            size = self._sizes.get(operation, self._default)
            if mutations >= size:
                self._sizes[operation] = min(self._most, size + max(1, size // _GROWTH))

    def was_too_much(self, operation: str, mutations: int) -> None:
        """A document of `mutations` was too heavy for one request, or took longer than we wait."""
        if mutations == 1:
            return  # there is no smaller one
        with self._lock:
            self._sizes[operation] = max(1, min(self._sizes.get(operation, self._default), mutations) // 2)


MOST_REPEATS = 3

"""So often a single alias is sent again that monday did not execute for reasons of its own."""

ATTEMPTS_AFTER_SPLIT = 2

"""Failed attempts for a part of a batch that monday answered with an internal error each time."""

_UNSENT = "sending ended before this was sent"


@dataclass(frozen=True, slots=True)
class Part:
    """A request to make: a batch, or a part of one under a key derived from the batch's."""

    key: str
    mutations: tuple[Mutation, ...]
    attempts: int | None = None
    repeats: int = 0
    after: float = 0.0

    def halves(self, attempts: int | None = None) -> tuple[Part, Part]:
        """Both halves under keys of their own."""
        middle = len(self.mutations) // 2
        parts = (self.mutations[:middle], self.mutations[middle:])
        first, second = (Part(f"{self.key}.{index}", part, attempts or self.attempts) for index, part in enumerate(parts))
        return first, second

    def again(self, mutations: Iterable[Mutation], after: float) -> Part:
        """The mutations that are to be sent once more; a new key, since monday would answer the old one from memory."""
        return Part(f"{self.key}.r", tuple(mutations), self.attempts, self.repeats + 1, after)


@dataclass(slots=True)
class Delivered:
    """A report, and what it means for the documents after it.

    Attributes:
        stopped_by: the error that every further request would meet.
        crowded: monday asked for fewer requests at a time.
        unreached: no usable answer came, after all repeats.
    """

    report: BatchReport
    stopped_by: OrdersError | None = None
    crowded: bool = False
    unreached: bool = False


@dataclass(slots=True)
class _Tally:
    """What the requests of one batch add up to."""

    results: dict[str, MutationResult] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    waits: dict[str, float] = field(default_factory=dict)
    mutations_sent: int = 0
    error: str | None = None

    @property
    def stopped_by(self) -> OrdersError | None:
        return next((answer.stopped_by for answer in self.answers if answer.stopped_by), None)

    def waited(self, reason: str, seconds: float) -> None:
        if seconds > 0:
            self.waits[reason] = self.waits.get(reason, 0.0) + seconds

    def count(self, part: Part, answer: Answer) -> None:
        self.answers.append(answer)
        self.mutations_sent += answer.reached * len(part.mutations)
        for reason, seconds in answer.waits.items():
            self.waited(reason, seconds)
        if not answer.reply.executed and self.error is None:
            self.error = _words(answer)


class Delivery:
    """Brings documents to monday, one call of `deliver` each; may be used from several threads."""

    def __init__(
        self,
        client: MondayClient,
        documents: Documents,
        sizes: BatchSizes,
        *,
        clock: Callable[[], float],
        sleeper: Sleeper,
    ) -> None:
        self._client = client
        self._documents = documents
        self._sizes = sizes
        self._clock = clock
        self._sleeper = sleeper

    def deliver(self, intent: Intent, permit: Permit | None = None, waited: float = 0.0) -> Delivered:
        """Send one batch and whatever follows from its answers.

        Args:
            intent: of the batch.
            permit: leave for the first request, when the caller has taken it already.
            waited: seconds that the batch's turn was waited for; reported under `budget`.
        """
        batch, began, tally = intent.batch, self._clock(), _Tally()
        tally.waited("budget", waited)
        waiting = deque([Part(batch.key, batch.mutations)])
        while waiting:
            part = waiting.popleft()
            if tally.stopped_by or not self._pause(part, tally):
                if permit is not None:
                    self._client.give_back(permit)
                    permit = None
                tally.results.update(_all(part.mutations, Outcome.NOT_SENT, None))
                continue
            answer = self._request(intent, part, permit, tally)
            permit = None
            results, parts = judge(batch.operation, part, answer)
            tally.results.update(results)
            waiting.extendleft(reversed(parts))
        return self._delivered(batch, tally, self._clock() - began)

    def unsent(self, batch: Batch) -> Delivered:
        """The report of a batch that was drawn and not sent."""
        results = _all(batch.mutations, Outcome.NOT_SENT, None)
        return Delivered(BatchReport(batch, results, calls=0, mutations_sent=0, complexity=0, seconds=0.0, error=_UNSENT))

    def _pause(self, part: Part, tally: _Tally) -> bool:
        tally.waited("repeat", part.after)
        return self._sleeper.pause(part.after)

    def _request(self, intent: Intent, part: Part, permit: Permit | None, tally: _Tally) -> Answer:
        operation = intent.batch.operation
        request = self._documents.batch(operation, part.mutations)
        answer = self._client.execute(request, part.key, attempts=part.attempts, permit=permit, may_leave=intent.is_fresh)
        tally.count(part, answer)
        if answer.too_much:
            self._sizes.was_too_much(operation, len(part.mutations))
        elif answer.reply.executed and not answer.reply.replayed:
            self._sizes.went_well(operation, len(part.mutations), answer.busy_seconds)
        return answer

    def _delivered(self, batch: Batch, tally: _Tally, seconds: float) -> Delivered:
        answers = tally.answers
        report = BatchReport(
            batch=batch,
            results=tally.results,
            calls=sum(answer.calls for answer in answers),
            mutations_sent=tally.mutations_sent,
            complexity=sum(answer.points for answer in answers),
            seconds=seconds,
            request_id=next((answer.reply.request_id for answer in reversed(answers) if answer.reply.request_id), None),
            error=tally.error,
            rate_limited=sum(answer.rate_limited for answer in answers),
            waits=tally.waits,
        )
        crowded = any(answer.crowded for answer in answers)
        return Delivered(report, tally.stopped_by, crowded, unreached=any(answer.unreached for answer in answers))


def judge(operation: Operation, part: Part, answer: Answer) -> tuple[dict[str, MutationResult], tuple[Part, ...]]:
    """What an answer means for the mutations of a part: results for some, requests to make for the others."""
    if answer.reply.executed:
        return _by_alias(operation, part, answer)
    problem = answer.reply.worst
    if answer.maybe_executed and (operation.creates or not _is_internal_error(answer.reply)):
        return _all(part.mutations, Outcome.UNKNOWN, problem), ()
    if answer.maybe_executed or answer.reply.action in {ErrorAction.REJECT, ErrorAction.SPLIT, ErrorAction.RESTART}:
        if len(part.mutations) > 1:
            return {}, part.halves(ATTEMPTS_AFTER_SPLIT if answer.maybe_executed else None)
        return _all(part.mutations, Outcome.REFUSED, problem), ()
    return _all(part.mutations, Outcome.NOT_SENT, problem), ()


def _by_alias(operation: Operation, part: Part, answer: Answer) -> tuple[dict[str, MutationResult], tuple[Part, ...]]:
    results: dict[str, MutationResult] = {}
    again: list[Mutation] = []
    may_repeat = part.repeats < MOST_REPEATS and answer.stopped_by is None
    for index, mutation in enumerate(part.mutations):
        alias_reply = answer.reply.alias_reply(f"m{index}")
        if may_repeat and _is_repeatable(operation, alias_reply):
            again.append(mutation)
        else:
            results[mutation.ref] = _result(operation, alias_reply)
    wait = answer.reply.wait or float(part.repeats + 1)
    return results, (part.again(again, wait),) if again else ()


def _is_repeatable(operation: Operation, alias_reply: AliasReply) -> bool:
    return alias_reply.fate is Fate.REPEAT or (alias_reply.fate is Fate.UNKNOWN and not operation.creates)


def _result(operation: Operation, alias_reply: AliasReply) -> MutationResult:
    problem = alias_reply.problem
    if problem is None:
        return MutationResult(Outcome.DONE, monday_id=alias_reply.monday_id)
    outcome = _VERDICTS[alias_reply.fate]
    # monday answers some malformed values with an internal error; what may be repeated and fails each time is such a one.
    is_permanent = problem.rule.action is ErrorAction.SPLIT or (
        problem.rule is UNKNOWN and len(problem.path) == 1 and not operation.creates
    )
    return _refusal(Outcome.REFUSED if is_permanent else outcome, problem)


_VERDICTS = {Fate.REFUSED: Outcome.REFUSED, Fate.REPEAT: Outcome.NOT_SENT, Fate.UNKNOWN: Outcome.UNKNOWN}


def _all(mutations: Iterable[Mutation], outcome: Outcome, problem: Problem | None) -> dict[str, MutationResult]:
    return {mutation.ref: _refusal(outcome, problem) for mutation in mutations}


def _refusal(outcome: Outcome, problem: Problem | None) -> MutationResult:
    if problem is None:
        return MutationResult(outcome, code="not_sent", message=_UNSENT)
    message = problem.message if problem.known else f"{problem.message} (an error that orders_platform does not know)"
    return MutationResult(outcome, code=problem.code, message=message[:1_000], not_found=problem.rule is NOT_FOUND)


def _is_internal_error(reply: Reply) -> bool:
    """True for monday's own answer 500, in JSON; not for a gateway's, nor for silence."""
    return reply.worst is not None and reply.worst.rule is UNKNOWN and reply.status in {200, 500} and reply.is_json


def _words(answer: Answer) -> str:
    if answer.stopped_by:
        return str(answer.stopped_by)
    problem = answer.reply.worst
    return f"{problem.code}: {problem.message}" if problem else "monday.com gave no reason"

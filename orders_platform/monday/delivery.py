"""One batch until each of its mutations has a result.

A batch that monday refuses as a whole is split; a single alias that was not executed is sent again under a new key. No request
leaves long after its intent was committed: whoever takes over after a crash waits from the committed time on, so an intent that
became old while the batch waited is committed anew first.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome
from orders_platform.errors import OrdersError
from orders_platform.monday.budget import Permit
from orders_platform.monday.client import MondayClient, RequestResult
from orders_platform.monday.documents import Documents
from orders_platform.monday.error_policy import NOT_FOUND, UNKNOWN, ErrorAction
from orders_platform.monday.replies import Problem, Reply

FRESH_SECONDS = 5.0
"""Oldest intent with which a request leaves; `settle_seconds` of the configuration allows for it."""

_MOST_RENEWALS = 3  # a database that takes this often this long for a commit is no time to send

Renew = Callable[[Batch], None]


class CommittedIntent:
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
"""Longest a batch should take to execute: monday ends a request after 60 seconds."""

_GROWTH = 4  # a batch grows by a quarter


class BatchSizes:
    """Mutations a batch, by operation: starts at `default`, shrinks by half, grows by a quarter up to twice that.

    The measured seconds of a mutation keep a batch well below monday's 60 seconds, whatever the size says.
    """

    def __init__(self, default: int) -> None:
        self._default = max(1, default)
        self._most = 2 * self._default
        self._sizes: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def size(self, operation: str) -> int:
        """Mutations for the next batch of `operation`; at least 1."""
        with self._lock:
            size = self._sizes.get(operation, self._default)
            seconds = self._seconds.get(operation, 0.0)
            return max(1, int(min(size, TARGET_SECONDS / seconds)) if seconds > 0 else size)

    def went_well(self, operation: str, mutations: int, seconds: float) -> None:
        """A batch of `mutations` was executed in `seconds`, waits not counted."""
        with self._lock:
            measured = max(0.0, seconds) / mutations
            known = self._seconds.get(operation, measured)
            self._seconds[operation] = 0.7 * known + 0.3 * measured
            size = self._sizes.get(operation, self._default)
            if mutations >= size:
                self._sizes[operation] = min(self._most, size + max(1, size // _GROWTH))

    def was_too_much(self, operation: str, mutations: int) -> None:
        """A batch of `mutations` was too heavy for one request, or took longer than we wait."""
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
class BatchResult:
    """What came of one batch: a result for each mutation, and the requests it took."""

    batch: Batch
    results: dict[str, MutationResult] = field(default_factory=dict)
    requests: list[RequestResult] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def stopped_by(self) -> OrdersError | None:
        """The error that every further request would meet."""
        return next((request.stopped_by for request in self.requests if request.stopped_by), None)

    @property
    def crowded(self) -> bool:
        """Whether monday asked for fewer requests at a time."""
        return any(request.crowded for request in self.requests)

    @property
    def unreached(self) -> bool:
        """Whether a request got no usable reply, after all its repeats."""
        return any(request.unreached for request in self.requests)

    @property
    def report(self) -> BatchReport:
        """The same for the caller, added up."""
        requests = self.requests
        failures = (_reason(request) for request in requests if not request.reply.executed)
        return BatchReport(
            batch=self.batch,
            results=self.results,
            calls=sum(request.calls for request in requests),
            mutations_sent=sum(request.mutations_sent for request in requests),
            complexity=sum(request.complexity for request in requests),
            seconds=self.seconds,
            request_id=next((request.reply.request_id for request in reversed(requests) if request.reply.request_id), None),
            error=next(failures, None if requests else _UNSENT),
            rate_limited=sum(request.rate_limited for request in requests),
        )


class Delivery:
    """Brings batches to monday, one call of `deliver` each; may be used from several threads."""

    def __init__(self, client: MondayClient, documents: Documents, sizes: BatchSizes) -> None:
        self._client = client
        self._timer = client.timer
        self._documents = documents
        self._sizes = sizes

    def deliver(self, intent: CommittedIntent, permit: Permit | None = None) -> BatchResult:
        """Send one batch and whatever follows from the replies.

        Args:
            intent: of the batch.
            permit: for the first request, when the caller has one already.
        """
        batch, began, result = intent.batch, self._timer.now(), BatchResult(intent.batch)
        waiting = deque([Part(batch.key, batch.mutations)])
        while waiting:
            part = waiting.popleft()
            if result.stopped_by or not self._timer.pause(part.after):
                if permit is not None:
                    self._client.give_back(permit)
                    permit = None
                result.results.update(_all(part.mutations, Outcome.NOT_SENT, None))
                continue
            request = self._request(intent, part, permit)
            permit = None
            result.requests.append(request)
            results, parts = judge(batch.operation, part, request)
            result.results.update(results)
            waiting.extendleft(reversed(parts))
        result.seconds = self._timer.now() - began
        return result

    def unsent(self, batch: Batch) -> BatchResult:
        """The result of a batch that was drawn and not sent."""
        return BatchResult(batch, _all(batch.mutations, Outcome.NOT_SENT, None))

    def _request(self, intent: CommittedIntent, part: Part, permit: Permit | None) -> RequestResult:
        operation = intent.batch.operation
        request = self._documents.batch(operation, part.mutations)
        result = self._client.execute(request, part.key, attempts=part.attempts, permit=permit, may_leave=intent.is_fresh)
        if result.too_much:
            self._sizes.was_too_much(operation, len(part.mutations))
        elif result.reply.executed and not result.reply.replayed:
            self._sizes.went_well(operation, len(part.mutations), result.seconds)
        return result


def judge(operation: Operation, part: Part, request: RequestResult) -> tuple[dict[str, MutationResult], tuple[Part, ...]]:
    """What a reply means for the mutations of a part: results for some, requests to make for the others."""
    if request.reply.executed:
        return _by_alias(operation, part, request)
    problem = request.reply.worst
    if request.maybe_executed and (operation.creates or not _is_internal_error(request.reply)):
        return _all(part.mutations, Outcome.UNKNOWN, problem), ()
    if request.maybe_executed or request.reply.action in {ErrorAction.REJECT, ErrorAction.SPLIT, ErrorAction.RESTART}:
        if len(part.mutations) > 1:
            return {}, part.halves(ATTEMPTS_AFTER_SPLIT if request.maybe_executed else None)
        return _all(part.mutations, Outcome.REFUSED, problem), ()
    return _all(part.mutations, Outcome.NOT_SENT, problem), ()


def _by_alias(operation: Operation, part: Part, request: RequestResult) -> tuple[dict[str, MutationResult], tuple[Part, ...]]:
    reply = request.reply
    results: dict[str, MutationResult] = {}
    again: list[Mutation] = []
    may_repeat = part.repeats < MOST_REPEATS and request.stopped_by is None
    for index, mutation in enumerate(part.mutations):
        alias = f"m{index}"
        monday_id, problem = reply.monday_id(alias), reply.problem_of(alias)
        if monday_id is not None:
            results[mutation.ref] = MutationResult(Outcome.DONE, monday_id=monday_id)
        elif may_repeat and _is_repeatable(operation, problem.outcome):
            again.append(mutation)
        else:
            results[mutation.ref] = _refusal(_final_outcome(operation, problem), problem)
    wait = reply.wait or float(part.repeats + 1)
    return results, (part.again(again, wait),) if again else ()


def _is_repeatable(operation: Operation, outcome: Outcome) -> bool:
    return outcome is Outcome.NOT_SENT or (outcome is Outcome.UNKNOWN and not operation.creates)


def _final_outcome(operation: Operation, problem: Problem) -> Outcome:
    """What is recorded of an alias that is not sent again in this run."""
    # monday answers some malformed values with an internal error; what may be repeated and fails each time is such a one.
    is_malformed = problem.rule is UNKNOWN and len(problem.path) == 1 and not operation.creates
    is_too_much = problem.rule.action is ErrorAction.SPLIT and problem.outcome is Outcome.NOT_SENT
    return Outcome.REFUSED if is_malformed or is_too_much else problem.outcome


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


def _reason(request: RequestResult) -> str:
    if request.stopped_by:
        return str(request.stopped_by)
    problem = request.reply.worst
    return f"{problem.code}: {problem.message}" if problem else "monday.com gave no reason"

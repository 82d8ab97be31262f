"""One batch until each of its mutations has a result.

A batch that monday refuses as a whole is split; a single alias that was not executed is sent again under a new key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome
from orders_platform.errors import OrdersError
from orders_platform.monday.budget import Permit
from orders_platform.monday.client import MondayClient, RequestResult
from orders_platform.monday.documents import Documents
from orders_platform.monday.error_policy import ErrorAction, ErrorKind
from orders_platform.monday.replies import Problem

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
    def was_sent(self) -> bool:
        """Whether a request of it was made. Otherwise nothing is to be said of its mutations."""
        return any(request.calls for request in self.requests)

    @property
    def stopped_by(self) -> OrdersError | None:
        """The error that every further request would meet."""
        return next((request.stopped_by for request in self.requests if request.stopped_by), None)

    @property
    def report(self) -> BatchReport:
        """The same for the caller, added up."""
        requests = self.requests
        return BatchReport(
            batch=self.batch,
            results=self.results,
            calls=sum(request.calls for request in requests),
            mutations_sent=sum(request.mutations_sent for request in requests),
            complexity=sum(request.complexity for request in requests),
            seconds=self.seconds,
            request_id=next((request.reply.request_id for request in reversed(requests) if request.reply.request_id), None),
            error=next((_reason(request) for request in requests if not request.reply.executed), None),
            rate_limited=sum(request.rate_limited for request in requests),
        )


def deliver(
    client: MondayClient, documents: Documents, batch: Batch, permit: Permit, before_request: Callable[[Batch], None]
) -> BatchResult:
    """Send one batch, the first request with this permit, and whatever follows from the replies."""
    began, result, first = client.timer.now(), BatchResult(batch), permit
    waiting = deque([Part(batch.key, batch.mutations)])
    while waiting:
        part = waiting.popleft()
        if result.requests and (result.stopped_by or not client.timer.pause(part.after)):
            result.results.update(_all(part.mutations, Outcome.NOT_SENT, None))
            continue
        request = client.execute(
            documents.batch(batch.operation, part.mutations),
            part.key,
            attempts=part.attempts,
            permit=first if not result.requests else None,
            before_request=lambda: before_request(batch),
        )
        result.requests.append(request)
        results, parts = judge(batch.operation, part, request)
        result.results.update(results)
        waiting.extendleft(reversed(parts))
    result.seconds = client.timer.now() - began
    return result


def judge(operation: Operation, part: Part, request: RequestResult) -> tuple[dict[str, MutationResult], tuple[Part, ...]]:
    """What a reply means for the mutations of a part: results for some, requests to make for the others.

    the reply                                            a create                      a change, move or archive
    an id under the alias                                done                          done
    an error that we know and that refuses               refused                       refused
    one that we do not know, a proxy's, an odd shape     unknown                       refused
    an internal error, or none that names the alias      unknown                       sent again, in the end refused
    too much for one request                             halves, in the end refused    the same
    a limit, a lock, rights: surely not executed         sent again, then not sent     the same
    lost, or a gateway's error, after all repeats        unknown                       unknown
    """
    if request.reply.executed:
        return _by_alias(operation, part, request)
    problem, action = request.reply.worst, request.reply.action
    may_be_done = request.maybe_executed or (operation.creates and not request.reply.surely_not_executed)
    is_internal = problem is not None and problem.rule.kind is ErrorKind.INTERNAL and request.reply.is_own_error
    if may_be_done and (operation.creates or not is_internal):
        return _all(part.mutations, Outcome.UNKNOWN, problem), ()
    if request.maybe_executed or action in {ErrorAction.REJECT, ErrorAction.SPLIT, ErrorAction.RESTART}:
        if len(part.mutations) > 1:
            return {}, part.halves(ATTEMPTS_AFTER_SPLIT if request.maybe_executed else None)
        return _all(part.mutations, Outcome.REFUSED, problem), ()
    return _all(part.mutations, Outcome.NOT_SENT, problem), ()


def _by_alias(operation: Operation, part: Part, request: RequestResult) -> tuple[dict[str, MutationResult], tuple[Part, ...]]:
    results: dict[str, MutationResult] = {}
    again: list[Mutation] = []
    may_repeat = part.repeats < MOST_REPEATS and request.stopped_by is None
    for index, mutation in enumerate(part.mutations):
        monday_id, problem = request.reply.monday_id(f"m{index}"), request.reply.problem_of(f"m{index}")
        outcome = Outcome.UNKNOWN if operation.creates and not problem.known else problem.outcome
        if monday_id is not None and mutation.may_have(monday_id, operation):
            results[mutation.ref] = MutationResult(Outcome.DONE, monday_id=monday_id)
        elif may_repeat and (outcome is Outcome.NOT_SENT or (outcome is Outcome.UNKNOWN and not operation.creates)):
            again.append(mutation)
        else:
            results[mutation.ref] = _result(Outcome.REFUSED if _is_own_fault(operation, problem, outcome) else outcome, problem)
    wait = request.reply.wait or float(part.repeats + 1)
    return results, (part.again(again, wait),) if again else ()


def _is_own_fault(operation: Operation, problem: Problem, outcome: Outcome) -> bool:
    """Whether an alias that is not sent again in this run fails for its own sake."""
    if problem.rule.kind is ErrorKind.TOO_MUCH:
        return outcome is Outcome.NOT_SENT
    # monday answers some malformed values with an internal error; what may be repeated and fails each time is such a one.
    return problem.rule.kind is ErrorKind.INTERNAL and len(problem.path) == 1 and not operation.creates


def _all(mutations: Iterable[Mutation], outcome: Outcome, problem: Problem | None) -> dict[str, MutationResult]:
    return {mutation.ref: _result(outcome, problem) for mutation in mutations}


def _result(outcome: Outcome, problem: Problem | None) -> MutationResult:
    if problem is None:
        return MutationResult(outcome, code="not_sent", message=_UNSENT)
    message = problem.message if problem.known else f"{problem.message} (an error that orders_platform does not know)"
    is_not_found = problem.rule.kind is ErrorKind.NOT_FOUND
    return MutationResult(outcome, code=problem.code, message=message[:1_000], not_found=is_not_found)


def _reason(request: RequestResult) -> str:
    if request.stopped_by:
        return str(request.stopped_by)
    problem = request.reply.worst
    return f"{problem.code}: {problem.message}" if problem else "monday.com gave no reason"

"""One document until each of its mutations has a result: split when refused as a whole, single aliases repeated.

Belongs here: what follows from an answer for each mutation, and the report. Does not belong here: one request and its repeats
(`monday/client.py`), several documents at a time (`monday/dispatcher.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from orders_platform.domain.mutations import Document, DocumentReport, Mutation, MutationResult, Operation, Verdict
from orders_platform.errors import OrdersError
from orders_platform.monday.batch_size import DocumentSizes
from orders_platform.monday.budget import Ticket
from orders_platform.monday.client import Answer, MondayClient
from orders_platform.monday.documents import Documents
from orders_platform.monday.error_policy import GONE, UNKNOWN, Reaction
from orders_platform.monday.intents import Intent
from orders_platform.monday.replies import Fate, Outcome, Problem, Reply
from orders_platform.monday.sleeper import Waiter

MOST_REPEATS = 3
"""So often a single alias is sent again that monday did not execute for reasons of its own."""

ATTEMPTS_AFTER_SPLIT = 2
"""Failed attempts for a part of a document that monday answered with an internal error each time."""

_UNSENT = "sending ended before this was sent"


@dataclass(frozen=True, slots=True)
class Batch:
    """A request to make: a document, or a part of one under a key derived from the document's."""

    key: str
    mutations: tuple[Mutation, ...]
    attempts: int | None = None
    repeats: int = 0
    after: float = 0.0

    def halves(self, attempts: int | None = None) -> tuple[Batch, Batch]:
        """Both halves under keys of their own."""
        middle = len(self.mutations) // 2
        parts = (self.mutations[:middle], self.mutations[middle:])
        first, second = (Batch(f"{self.key}.{index}", part, attempts or self.attempts) for index, part in enumerate(parts))
        return first, second

    def again(self, mutations: Iterable[Mutation], after: float) -> Batch:
        """The mutations that are to be sent once more; a new key, since monday would answer the old one from memory."""
        return Batch(f"{self.key}.r", tuple(mutations), self.attempts, self.repeats + 1, after)


@dataclass(slots=True)
class Delivered:
    """A report, and what it means for the documents after it.

    Attributes:
        stopped_by: the error that every further request would meet.
        crowded: monday asked for fewer requests at a time.
        unreached: no usable answer came, after all repeats.
    """

    report: DocumentReport
    stopped_by: OrdersError | None = None
    crowded: bool = False
    unreached: bool = False


@dataclass(slots=True)
class _Tally:
    """What the requests of one document add up to."""

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

    def count(self, batch: Batch, answer: Answer) -> None:
        self.answers.append(answer)
        self.mutations_sent += answer.reached * len(batch.mutations)
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
        sizes: DocumentSizes,
        *,
        clock: Callable[[], float],
        waiter: Waiter,
    ) -> None:
        self._client = client
        self._documents = documents
        self._sizes = sizes
        self._clock = clock
        self._waiter = waiter

    def deliver(self, intent: Intent, ticket: Ticket | None = None, waited: float = 0.0) -> Delivered:
        """Send one document and whatever follows from its answers.

        Args:
            intent: of the document.
            ticket: leave for the first request, when the caller has taken it already.
            waited: seconds that the document's turn was waited for; reported under `budget`.
        """
        document, began, tally = intent.document, self._clock(), _Tally()
        tally.waited("budget", waited)
        waiting = deque([Batch(document.key, document.mutations)])
        while waiting:
            batch = waiting.popleft()
            if tally.stopped_by or not self._pause(batch, tally):
                if ticket is not None:
                    self._client.give_back(ticket)
                    ticket = None
                tally.results.update(_all(batch.mutations, Verdict.NOT_SENT, None))
                continue
            answer = self._request(intent, batch, ticket, tally)
            ticket = None
            results, parts = judge(document.operation, batch, answer)
            tally.results.update(results)
            waiting.extendleft(reversed(parts))
        return self._delivered(document, tally, self._clock() - began)

    def unsent(self, document: Document) -> Delivered:
        """The report of a document that was drawn and not sent."""
        results = _all(document.mutations, Verdict.NOT_SENT, None)
        return Delivered(DocumentReport(document, results, calls=0, mutations_sent=0, complexity=0, seconds=0.0, error=_UNSENT))

    def _pause(self, batch: Batch, tally: _Tally) -> bool:
        tally.waited("repeat", batch.after)
        return self._waiter.pause(batch.after)

    def _request(self, intent: Intent, batch: Batch, ticket: Ticket | None, tally: _Tally) -> Answer:
        operation = intent.document.operation
        request = self._documents.batch(operation, batch.mutations)
        answer = self._client.execute(request, batch.key, attempts=batch.attempts, ticket=ticket, may_leave=intent.is_fresh)
        tally.count(batch, answer)
        if answer.too_much:
            self._sizes.was_too_much(operation, len(batch.mutations))
        elif answer.reply.executed and not answer.reply.replayed:
            self._sizes.went_well(operation, len(batch.mutations), answer.busy_seconds)
        return answer

    def _delivered(self, document: Document, tally: _Tally, seconds: float) -> Delivered:
        answers = tally.answers
        report = DocumentReport(
            document=document,
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


def judge(operation: Operation, batch: Batch, answer: Answer) -> tuple[dict[str, MutationResult], tuple[Batch, ...]]:
    """What an answer means for the mutations of a batch: results for some, requests to make for the others."""
    if answer.reply.executed:
        return _by_alias(operation, batch, answer)
    problem = answer.reply.worst
    if answer.maybe_executed and (operation.creates or not _is_internal_error(answer.reply)):
        return _all(batch.mutations, Verdict.UNKNOWN, problem), ()
    if answer.maybe_executed or answer.reply.reaction in {Reaction.REJECT, Reaction.SPLIT, Reaction.RESTART}:
        if len(batch.mutations) > 1:
            return {}, batch.halves(ATTEMPTS_AFTER_SPLIT if answer.maybe_executed else None)
        return _all(batch.mutations, Verdict.REFUSED, problem), ()
    return _all(batch.mutations, Verdict.NOT_SENT, problem), ()


def _by_alias(operation: Operation, batch: Batch, answer: Answer) -> tuple[dict[str, MutationResult], tuple[Batch, ...]]:
    results: dict[str, MutationResult] = {}
    again: list[Mutation] = []
    may_repeat = batch.repeats < MOST_REPEATS and answer.stopped_by is None
    for index, mutation in enumerate(batch.mutations):
        outcome = answer.reply.outcome(f"m{index}")
        if may_repeat and _is_repeatable(operation, outcome):
            again.append(mutation)
        else:
            results[mutation.ref] = _result(operation, outcome)
    wait = answer.reply.wait or float(batch.repeats + 1)
    return results, (batch.again(again, wait),) if again else ()


def _is_repeatable(operation: Operation, outcome: Outcome) -> bool:
    return outcome.fate is Fate.REPEAT or (outcome.fate is Fate.UNKNOWN and not operation.creates)


def _result(operation: Operation, outcome: Outcome) -> MutationResult:
    problem = outcome.problem
    if problem is None:
        return MutationResult(Verdict.DONE, monday_id=outcome.monday_id)
    verdict = _VERDICTS[outcome.fate]
    # monday answers some malformed values with an internal error; what may be repeated and fails each time is such a one.
    is_permanent = problem.rule.reaction is Reaction.SPLIT or (
        problem.rule is UNKNOWN and len(problem.path) == 1 and not operation.creates
    )
    return _refusal(Verdict.REFUSED if is_permanent else verdict, problem)


_VERDICTS = {Fate.REFUSED: Verdict.REFUSED, Fate.REPEAT: Verdict.NOT_SENT, Fate.UNKNOWN: Verdict.UNKNOWN}


def _all(mutations: Iterable[Mutation], verdict: Verdict, problem: Problem | None) -> dict[str, MutationResult]:
    return {mutation.ref: _refusal(verdict, problem) for mutation in mutations}


def _refusal(verdict: Verdict, problem: Problem | None) -> MutationResult:
    if problem is None:
        return MutationResult(verdict, code="not_sent", message=_UNSENT)
    message = problem.message if problem.known else f"{problem.message} (an error that orders_platform does not know)"
    return MutationResult(verdict, code=problem.code, message=message[:1_000], is_gone=problem.rule is GONE)


def _is_internal_error(reply: Reply) -> bool:
    """True for monday's own answer 500, in JSON; not for a gateway's, nor for silence."""
    return reply.worst is not None and reply.worst.rule is UNKNOWN and reply.status in {200, 500} and reply.is_json


def _words(answer: Answer) -> str:
    if answer.stopped_by:
        return str(answer.stopped_by)
    problem = answer.reply.worst
    return f"{problem.code}: {problem.message}" if problem else "monday.com gave no reason"

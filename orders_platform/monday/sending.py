"""Mutations until each of them has a result: cut into batches, several under way at a time, one report each as they finish.

Threads of a pool send, and each calls `before_request` itself; with one batch in flight everything happens in the caller's thread. A
batch that monday refuses as a whole is split; a single alias that was not executed is sent again under a new key.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue

from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome
from orders_platform.errors import MondayUnavailableError, OrdersError
from orders_platform.monday.budget import Budget, DailyLimitError, Permit
from orders_platform.monday.client import MondayClient, RequestResult
from orders_platform.monday.documents import Documents
from orders_platform.monday.error_policy import ErrorAction, ErrorKind
from orders_platform.monday.replies import Problem

MOST_REPEATS = 3
"""So often a single alias is sent again that monday did not execute for reasons of its own."""

ATTEMPTS_AFTER_SPLIT = 2
"""Failed attempts for a part of a batch that monday answered with an internal error each time."""

TARGET_SECONDS = 20.0
"""Longest a batch should take to execute: monday ends a request after 60 seconds."""

UNREACHED_BATCHES = 2
"""So many batches in a row without a usable reply, each after all its repeats, and sending ends."""

_CALM_BATCHES = 10  # batches without crowding before one more may be in flight


class Pace:
    """How much is sent at a time, learned from how the last batches went.

    A batch starts at `default` mutations, by operation, shrinks by half, and grows by a quarter up to twice that; the measured seconds of
    a mutation keep it well below monday's 60 seconds, whatever the size says. Batches in flight are halved when monday is crowded, and
    one more after a calm stretch, never above `most`.
    """

    def __init__(self, default: int, most_in_flight: int) -> None:
        self._default = max(1, default)
        self._sizes: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self.in_flight = self.most_in_flight = max(1, most_in_flight)
        self._calm = 0

    def size(self, operation: str) -> int:
        """Mutations for the next batch of `operation`; at least 1."""
        with self._lock:
            size = self._sizes.get(operation, self._default)
            seconds = self._seconds.get(operation, 0.0)
            return max(1, int(min(size, TARGET_SECONDS / seconds)) if seconds > 0 else size)

    def size_within(self, budget: Budget, operation: str) -> int:
        """The same, as far as monday allows it, and with what is left of this minute."""
        size, room = min(self.size(operation), budget.largest(operation)), budget.room(operation)
        # The rest of a minute is worth a smaller batch, unless next to nothing is left.
        return room if size > room >= max(1, size // 10) else size

    def learn(self, operation: str, requests: Iterable[RequestResult]) -> None:
        """Draw the conclusions from the requests of a batch."""
        crowded = False
        for request in requests:
            crowded |= request.crowded
            if request.too_much:
                self.was_too_much(operation, request.mutations)
            elif request.reply.executed and not request.reply.replayed:
                self.went_well(operation, request.mutations, request.seconds)
        self.was_crowded(crowded=crowded)

    def went_well(self, operation: str, mutations: int, seconds: float) -> None:
        """A request of `mutations` was executed in `seconds`, waits not counted."""
        with self._lock:
            measured = max(0.0, seconds) / mutations
            known = self._seconds.get(operation, measured)
            self._seconds[operation] = 0.7 * known + 0.3 * measured
            size = self._sizes.get(operation, self._default)
            if mutations >= size:
                self._sizes[operation] = min(2 * self._default, size + max(1, size // 4))

    def was_too_much(self, operation: str, mutations: int) -> None:
        """A request of `mutations` was too heavy, or took longer than we wait; of a single one there is no smaller one."""
        if mutations > 1:
            with self._lock:
                self._sizes[operation] = max(1, min(self._sizes.get(operation, self._default), mutations) // 2)

    def was_crowded(self, *, crowded: bool) -> None:
        """One batch is over; `crowded` when monday spoke of a lock, a key in use or too many requests at once."""
        with self._lock:
            self._calm = 0 if crowded else self._calm + 1
            if crowded:
                self.in_flight = max(1, self.in_flight // 2)
            elif self._calm >= _CALM_BATCHES and self.in_flight < self.most_in_flight:
                self.in_flight, self._calm = self.in_flight + 1, 0


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
        first, second = self.mutations[:middle], self.mutations[middle:]
        return Part(f"{self.key}.0", first, attempts or self.attempts), Part(f"{self.key}.1", second, attempts or self.attempts)

    def again(self, mutations: Iterable[Mutation], after: float) -> Part:
        """The mutations that are to be sent once more; a new key, since monday would answer the old one from memory."""
        return Part(f"{self.key}.r", tuple(mutations), self.attempts, self.repeats + 1, after)


@dataclass(slots=True)
class _Sent:
    """One batch: a result for each mutation, and the requests it took."""

    batch: Batch
    results: dict[str, MutationResult] = field(default_factory=dict)
    requests: list[RequestResult] = field(default_factory=list)
    seconds: float = 0.0

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


class Sending:
    """What one call of `Board.send` has to send, which workers take in turn, and the reason to stop."""

    def __init__(
        self,
        client: MondayClient,
        documents: Documents,
        pace: Pace,
        new_key: Callable[[], str],
        operation: Operation,
        mutations: Iterable[Mutation],
        before_request: Callable[[Batch], None],
    ) -> None:
        self._client = client
        self._documents = documents
        self._pace = pace
        self._new_key = new_key
        self._operation = operation
        self._mutations = iter(mutations)
        self._next: deque[Mutation] = deque()
        self._before_request = before_request
        self._stopped_by: OrdersError | None = None
        self._is_over = False
        self._under_way = 0
        self._unreached = 0
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    def reports(self) -> Iterator[BatchReport]:
        """Send, and report each batch; then raise the reason to stop, if there is one."""
        sent = self._work() if self._pace.most_in_flight == 1 else self._work_together()
        yield from (each.report for each in sent)
        if self._stopped_by:
            raise self._stopped_by

    def _work_together(self) -> Iterator[_Sent]:
        messages: SimpleQueue[_Sent | Future[None]] = SimpleQueue()

        def work() -> None:
            for sent in self._work():
                messages.put(sent)

        workers = self._pace.most_in_flight
        pool = ThreadPoolExecutor(workers, thread_name_prefix="monday")
        try:
            for _ in range(workers):
                pool.submit(work).add_done_callback(messages.put)
            while workers:
                message = messages.get()
                if isinstance(message, _Sent):
                    yield message
                else:
                    workers -= 1
                    message.result()  # raises what ended the worker
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()
            self._client.timer.give_up()
            pool.shutdown()
            self._client.timer.resume()

    def _work(self) -> Iterator[_Sent]:
        """Send batches, one after the other, until there is none left or a reason to stop."""
        while (turn := self._take_turn()) is not None:
            sent = self._deliver(*turn)
            self._take_in(sent)
            if any(request.calls for request in sent.requests):  # otherwise nothing is to be said of its mutations
                yield sent

    def _take_turn(self) -> tuple[Batch, Permit] | None:
        """The next batch and the permit to send it, once it is its turn; None when no further one is to be sent.

        One worker at a time waits for its turn, so batches leave in the order of the mutations.
        """
        with self._turn:
            with self._changed:
                self._changed.wait_for(lambda: self._is_over or self._under_way < self._pace.in_flight)
            mutations = () if self._is_over else self._draw()
            permit = self._permit(len(mutations)) if mutations else None
            if permit is None:
                self._is_over = True
                return None
            with self._changed:
                self._under_way += 1
            return Batch(self._new_key(), self._operation, mutations), permit

    def _draw(self) -> tuple[Mutation, ...]:
        """The mutations of the next batch: fewer with each try, so that one that monday chokes on soon stands alone."""
        size = self._pace.size_within(self._client.budget, self._operation)
        while len(self._next) < size and (mutation := next(self._mutations, None)) is not None:
            self._next.append(mutation)
        count, full = 0, min(size, len(self._next))
        most = full
        while count < most:
            most = max(count, 1, min(most, full >> 2 * self._next[count].tries))
            count += count < most
        return tuple(self._next.popleft() for _ in range(count))

    def _permit(self, mutations: int) -> Permit | None:
        """None when no further request may be made, or nobody waits for it any more."""
        try:
            permit = self._client.budget.acquire(self._operation, mutations)
        except DailyLimitError as error:
            self._stopped_by = self._stopped_by or error
            return None
        if permit is not None and self._is_over:
            self._client.give_back(permit)
            return None
        return permit

    def _deliver(self, batch: Batch, permit: Permit) -> _Sent:
        """Send one batch, the first request with this permit, and whatever follows from the replies."""
        timer = self._client.timer
        began, sent = timer.now(), _Sent(batch)
        waiting = deque([Part(batch.key, batch.mutations)])
        while waiting:
            part = waiting.popleft()
            if sent.requests and (sent.stopped_by or not timer.pause(part.after)):
                sent.results.update(_all(part.mutations, Outcome.NOT_SENT, None))
                continue
            request = self._client.execute(
                self._documents.batch(batch.operation, part.mutations),
                part.key,
                attempts=part.attempts,
                permit=None if sent.requests else permit,
                before_request=lambda: self._before_request(batch),
            )
            sent.requests.append(request)
            results, parts = judge(batch.operation, part, request)
            sent.results.update(results)
            waiting.extendleft(reversed(parts))
        sent.seconds = timer.now() - began
        return sent

    def _take_in(self, sent: _Sent) -> None:
        """Draw the conclusions from one batch."""
        self._pace.learn(self._operation, sent.requests)
        with self._changed:
            self._under_way -= 1
            self._unreached = self._unreached + 1 if any(request.unreached for request in sent.requests) else 0
            self._stopped_by = self._stopped_by or sent.stopped_by
            if self._unreached >= UNREACHED_BATCHES and self._stopped_by is None:
                self._stopped_by = MondayUnavailableError(
                    f"{self._unreached} batches in a row found no answer at monday.com ({sent.report.error});"
                    " what waits stays waiting, repeat the run later"
                )
            self._is_over = self._is_over or self._stopped_by is not None
            self._changed.notify_all()


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
        return MutationResult(outcome, code="not_sent", message="sending ended before this was sent")
    message = problem.message if problem.known else f"{problem.message} (an error that orders_platform does not know)"
    is_not_found = problem.rule.kind is ErrorKind.NOT_FOUND
    return MutationResult(outcome, code=problem.code, message=message[:1_000], not_found=is_not_found)


def _reason(request: RequestResult) -> str:
    if request.stopped_by:
        return str(request.stopped_by)
    problem = request.reply.worst
    return f"{problem.code}: {problem.message}" if problem else "monday.com gave no reason"

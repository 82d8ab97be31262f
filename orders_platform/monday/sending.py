"""Mutations until each of them has a result: cut into batches, several under way at a time, one report each as they finish.

Threads of a pool send, and each calls `before_request` itself; with one batch in flight everything happens in the caller's thread. A
batch that monday refuses as a whole is split; a single alias that was not executed is sent again under a new key.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice

from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome
from orders_platform.errors import MondayUnavailableError, OrdersError
from orders_platform.monday.budget import DailyLimitError, Permit
from orders_platform.monday.client import MondayClient, RequestResult
from orders_platform.monday.documents import Documents
from orders_platform.monday.error_policy import ErrorAction, ErrorKind
from orders_platform.monday.replies import Problem, Reply

MOST_REPEATS = 3
"""So often a single alias is sent again that monday did not execute for reasons of its own."""

ATTEMPTS_AFTER_SPLIT = 2
"""Failed attempts for a part of a batch that monday answered with an internal error each time."""

TARGET_SECONDS = 20.0
"""Longest a batch should take to execute: monday ends a request after 60 seconds."""

UNREACHED_BATCHES = 2
"""So many batches, or parts of one, in a row without a usable reply, each after all its repeats, and sending ends."""


class Pace:
    """How much is sent at a time, learned from how the last batches went.

    A batch starts at `default` mutations, by operation. Once the seconds of a mutation are measured it holds as many as stay well below
    monday's 60 seconds, up to three times that; this bound is halved by a batch that was too much, and comes back by a quarter at a time.
    """

    def __init__(self, default: int) -> None:
        self._default = max(1, default)
        self._most: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def size(self, operation: str) -> int:
        """Mutations for the next batch of `operation`; at least 1."""
        with self._lock:
            # A subitem is an item on another board, and takes as long.
            like = Operation.CREATE_ITEM if operation == Operation.CREATE_SUBITEM else operation
            seconds = self._seconds.get(operation, self._seconds.get(like))
            fitting = self._default if seconds is None else int(TARGET_SECONDS / max(seconds, 0.001))
            return max(1, min(fitting, self._bound(operation)))

    def _bound(self, operation: str) -> int:
        return self._most.get(operation, 3 * self._default)

    def went_well(self, operation: str, mutations: int, seconds: float) -> None:
        """A request of `mutations` was executed in `seconds`, waits not counted."""
        with self._lock:
            measured = max(0.0, seconds) / mutations
            known = self._seconds.get(operation, measured)
            self._seconds[operation] = 0.7 * known + 0.3 * measured
            most = self._bound(operation)
            if mutations >= most:
                self._most[operation] = min(3 * self._default, most + max(1, most // 4))

    def was_too_much(self, operation: str, mutations: int) -> None:
        """A request of `mutations` was too heavy, or took longer than we wait; of a single one there is no smaller one."""
        if mutations > 1:
            with self._lock:
                self._most[operation] = max(1, min(self._bound(operation), mutations) // 2)


@dataclass
class Sending:
    """What one call of `Board.send` has to send, which workers take in turn, and the reason to stop."""

    client: MondayClient
    documents: Documents
    pace: Pace
    new_key: Callable[[], str]
    operation: Operation
    mutations: Iterator[Mutation]
    before_request: Callable[[Batch], None]
    _next: deque[Mutation] = field(default_factory=deque, init=False)
    _stopped_by: OrdersError | None = field(default=None, init=False)
    _is_over: bool = field(default=False, init=False)
    _unreached: int = field(default=0, init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def reports(self) -> Iterator[BatchReport]:
        """Send, and report each batch; then raise the reason to stop, if there is one."""
        workers = self.client.budget.limits.concurrency
        reports = iter(self._next_report, None) if workers == 1 else self._work_together(workers)
        yield from (each for each in reports if each.calls)  # of one without a request nothing is to be said
        if self._stopped_by:
            raise self._stopped_by

    def _work_together(self, workers: int) -> Iterator[BatchReport]:
        pool = ThreadPoolExecutor(workers, thread_name_prefix="monday")
        # One more than work at a time, so that nobody waits for the caller.
        under_way = {pool.submit(self._next_report) for _ in range(workers + 1)}
        try:
            while under_way:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                reports = [each for future in done if (each := future.result())]
                under_way |= {pool.submit(self._next_report) for _ in reports}
                yield from reports
        finally:
            self._is_over = True
            self.client.timer.give_up()
            pool.shutdown()
            self.client.timer.resume()

    def _next_report(self) -> BatchReport | None:
        """Send the next batch; None when there is none left or a reason to stop."""
        if (turn := self._take_turn()) is None:
            return None
        began, report = self.client.timer.now(), BatchReport(turn[0], {})
        self._send(report, *turn)
        report.seconds = self.client.timer.now() - began
        return report

    def _take_turn(self) -> tuple[Batch, Permit] | None:
        """The next batch and the permit to send it, once it is its turn; None when no further one is to be sent.

        One worker at a time waits for its turn, so batches leave in the order of the mutations.
        """
        with self._turn:
            most, permit = 0 if self._is_over else self._draw(), None
            try:
                permit = self.client.budget.acquire(self.operation, most, len(self._next)) if most else None
            except DailyLimitError as error:
                self._stopped_by = self._stopped_by or error
            self._is_over = self._is_over or permit is None
            if permit is None:
                return None
            return Batch(self.new_key(), self.operation, tuple(self._next.popleft() for _ in range(permit.mutations))), permit

    def _draw(self) -> int:
        """How many the next batch may hold: fewer with each try, so that one that monday chokes on soon stands alone.

        So many are drawn that the last ones can be shared out over all places.
        """
        budget = self.client.budget
        size = min(self.pace.size(self.operation), budget.largest(self.operation))
        self._next.extend(islice(self.mutations, max(0, size * budget.limits.concurrency - len(self._next))))
        count, full = 0, min(size, len(self._next))
        most = full
        while count < most:
            most = max(count, 1, min(most, full >> 2 * self._next[count].tries))
            count += count < most
        return count

    def _send(
        self,
        report: BatchReport,
        part: Batch,
        permit: Permit | None = None,
        attempts: int | None = None,
        repeats: int = 0,
        after: float = 0.0,
    ) -> None:
        """Send a batch, or a part of one, and what follows from the reply: its halves, or some of it again, under keys of their own.

        It fills in the `report` of the batch. `attempts` are fewer than usual, `repeats` how often it was sent again already.
        """
        request = RequestResult()
        if self._stopped_by is None and self.client.timer.pause(after):
            document = self.documents.batch(part.operation, part.mutations)
            request = self.client.execute(
                document,
                part.key,
                report,
                attempts=attempts,
                permit=permit,
                before_request=lambda: self.before_request(report.batch),
            )
            self._take_in(len(part.mutations), request)
            report.request_id = request.reply.request_id or report.request_id
            report.error = report.error or (None if request.reply.executed else _reason(request))
        elif permit:
            self.client.give_back(permit)
        results = judge(part, request, may_repeat=repeats < MOST_REPEATS)
        report.results |= results
        left = tuple(each for each in part.mutations if each.ref not in results)
        if left and request.reply.executed:  # a new key, since monday would answer the old one from memory
            again = Batch(f"{part.key}.r", part.operation, left)
            self._send(report, again, None, attempts, repeats + 1, request.reply.wait or float(repeats + 1))
        elif left:
            attempts, middle = ATTEMPTS_AFTER_SPLIT if request.maybe_executed else attempts, len(left) // 2
            for number, half in enumerate((left[:middle], left[middle:])):
                self._send(report, Batch(f"{part.key}.{number}", part.operation, half), None, attempts)

    def _take_in(self, mutations: int, request: RequestResult) -> None:
        if request.too_much:
            self.pace.was_too_much(self.operation, mutations)
        elif request.reply.executed and not request.reply.replayed:
            self.pace.went_well(self.operation, mutations, request.seconds)
        with self._lock:
            self._unreached = self._unreached + 1 if request.unreached else 0
            self._stopped_by = self._stopped_by or request.stopped_by
            if self._unreached >= UNREACHED_BATCHES and self._stopped_by is None:
                self._stopped_by = MondayUnavailableError(
                    f"{self._unreached} batches in a row found no answer at monday.com ({_reason(request)});"
                    " what waits stays waiting, repeat the run later"
                )
            self._is_over = self._is_over or self._stopped_by is not None


def judge(part: Batch, request: RequestResult, *, may_repeat: bool) -> dict[str, MutationResult]:
    """What a reply means for the mutations of a request; those without a result are to be sent again, in halves if none was executed.

    the reply                                            a create                      a change, move or archive
    an id under the alias                                done                          done
    an error that we know and that refuses               refused                       refused
    one that we do not know, a proxy's, an odd shape     unknown                       refused
    an internal error, or none that names the alias      unknown                       sent again, in the end refused
    too much for one request                             halves, in the end refused    the same
    a limit, a lock, rights: surely not executed         sent again, then not sent     the same
    lost, or a gateway's error, after all repeats        unknown                       unknown
    """
    reply, creates = request.reply, part.operation.creates
    if reply.executed:
        return _by_alias(part, reply, may_repeat=may_repeat and request.stopped_by is None)
    may_be_done = request.maybe_executed or (creates and not reply.surely_not_executed)
    is_internal = reply.kind is ErrorKind.INTERNAL and reply.is_own and reply.status in {200, 500}
    if may_be_done and (creates or not is_internal):
        outcome = Outcome.UNKNOWN
    elif request.maybe_executed or reply.action in {ErrorAction.REJECT, ErrorAction.SPLIT, ErrorAction.RESTART}:
        if len(part.mutations) > 1:
            return {}
        outcome = Outcome.REFUSED
    else:
        outcome = Outcome.NOT_SENT
    return {mutation.ref: _result(outcome, reply.worst) for mutation in part.mutations}


def _by_alias(part: Batch, reply: Reply, *, may_repeat: bool) -> dict[str, MutationResult]:
    results: dict[str, MutationResult] = {}
    creates = part.operation.creates
    for index, mutation in enumerate(part.mutations):
        monday_id, problem = reply.monday_id(f"m{index}"), reply.problem_of(f"m{index}")
        outcome = Outcome.UNKNOWN if creates and not problem.known else problem.outcome
        if monday_id is not None and mutation.may_have(monday_id, part.operation):
            results[mutation.ref] = MutationResult(Outcome.DONE, monday_id=monday_id)
        elif not may_repeat or outcome in {Outcome.DONE, Outcome.REFUSED} or (outcome is Outcome.UNKNOWN and creates):
            is_own_fault = _is_own_fault(part.operation, problem, outcome)
            results[mutation.ref] = _result(Outcome.REFUSED if is_own_fault else outcome, problem)
    return results


def _is_own_fault(operation: Operation, problem: Problem, outcome: Outcome) -> bool:
    """Whether an alias that is not sent again in this run fails for its own sake."""
    if problem.rule.kind is ErrorKind.TOO_MUCH:
        return outcome is Outcome.NOT_SENT
    # monday answers some malformed values with an internal error; what may be repeated and fails each time is such a one.
    return problem.rule.kind is ErrorKind.INTERNAL and len(problem.path) == 1 and not operation.creates


def _result(outcome: Outcome, problem: Problem) -> MutationResult:
    message = problem.message if problem.known else f"{problem.message} (an error that orders_platform does not know)"
    is_not_found = problem.rule.kind is ErrorKind.NOT_FOUND
    return MutationResult(outcome, code=problem.code, message=message[:1_000], not_found=is_not_found)


def _reason(request: RequestResult) -> str:
    problem = request.reply.worst
    return str(request.stopped_by or f"{problem.code}: {problem.message}")

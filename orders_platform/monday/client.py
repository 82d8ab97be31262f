"""One request to monday.com until its outcome is known: permit, the caller's intent, the request, repeats with the same key, an end.

Repeats wait at least as long as monday asks for, and end before the idempotency key does. No request leaves long after its intent was
committed: whoever takes over after a crash waits from the committed time on. Many mutations are sent in batches, several under way at a
time, until each has a result: a batch that monday refuses as a whole is split; a single alias that was not executed is sent again under
a new key; one that was sent away and finds its place taken goes back to those that wait.
"""

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome, Traffic
from orders_platform.errors import BoardMismatchError, MondayRefusedError, MondayUnavailableError, OrdersError
from orders_platform.monday.budget import Budget, DailyLimitError, Permit
from orders_platform.monday.documents import Documents, Request
from orders_platform.monday.error_policy import LIMITS, REPEATED, STOPS, ErrorAction, ErrorKind
from orders_platform.monday.replies import Problem, Reply, lost_reply
from orders_platform.monday.transport import TIMEOUT, Transport

_logger = logging.getLogger(__name__)

KEY_LIFETIME_SECONDS = 30 * 60.0
"""monday keeps the answer to an idempotency key for 30 minutes; after that the same key executes again."""

KEY_SAFETY_SECONDS = 2 * 60.0
"""We stop using a key this long before its end: a request lives for up to 60 seconds and clocks differ."""

FRESH_SECONDS = 5.0  # oldest intent with which a request leaves; `settle_seconds` of the configuration allows for it
_MOST_COMMITS = 3  # a database that takes this often this long for a commit is no time to send


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of the repeats of one request."""

    attempts: int = 8  # requests that may end without a usable reply (lost, 5xx, unreachable)
    first_attempts: int = 4  # the same for connections that cannot be made, as long as none ever was
    limit_waits: int = 12  # replies that may say "too much, later"
    patience: float = 20 * 60.0  # most seconds of waiting in all
    key_lifetime: float = KEY_LIFETIME_SECONDS  # seconds for which monday knows an idempotency key

    def backoff(self, times: int) -> float:
        """Most seconds of waiting after the failure number `times`: twice as long each time."""
        return min(30.0, 0.5 * 2.0 ** (times - 1))


_NOTHING = lost_reply("not_sent", "sending ended before this was sent", never_sent=True)


@dataclass(slots=True)
class RequestResult:
    """One request with its repeats: what came of it so far, and in the end."""

    reply: Reply = _NOTHING
    calls: int = 0
    seconds: float = 0.0  # of the last HTTP request alone, without waits
    too_much: bool = False  # monday did not get through in time, or said that it is too much for one request
    # when the first attempt began that monday may have executed although no reply surely says what came of it
    first_unknown: float | None = None
    stopped_by: OrdersError | None = None  # the error to raise when every further request would end the same way
    failures: int = 0
    limit_waits: int = 0
    waited: float = 0.0
    has_no_room: bool = False  # monday sent it away, and when it may come again the minute has no room for all of it any more

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
    """Asks and sends at monday's pace, and repeats while that is right; may be used from several threads."""

    def __init__(
        self, transport: Transport, documents: Documents, budget: Budget, pace: "Pace", policy: RetryPolicy, rng: random.Random
    ) -> None:
        self.transport = transport
        self.documents = documents
        self.budget = budget
        self.timer = budget.timer
        self.pace = pace
        self._policy = policy
        self._rng = rng
        self._reads = Traffic()
        self._was_reached = False
        self._is_given_up = False

    def read(self, operation: str, variables: Mapping[str, object]) -> Reply:
        """Ask monday; the reply holds data and no error, or the error that asks for reading from the first page again.

        Raises `MondayRefusedError`: monday answered no; `MondayUnavailableError`: no usable reply within the bounds of the retries, or no
        call left today.
        """
        result = self.execute(self.documents.read(operation, variables), None, self._reads)
        if result.stopped_by:
            raise result.stopped_by
        problem = result.reply.worst
        if not result.reply.problems or result.reply.action is ErrorAction.RESTART:
            return result.reply
        what = f"{operation} ({problem.code}): {problem.message}"
        if result.reply.action in REPEATED:
            gave_up = f"gave up after {result.calls} requests, repeat the run later"
            raise MondayUnavailableError(f"monday.com did not answer {what}; {gave_up}")
        raise MondayRefusedError(f"monday.com refused {what}{_request_id(result.reply)}")

    def give_back(self, permit: Permit) -> None:
        self.budget.release(permit, _NOTHING)

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
        comes_back: bool = False,
    ) -> RequestResult:
        """Send a request until its outcome is known, or the retries end; an error of ours is in the result.

        Mutations have a `key`, the same for every repeat and for no other request. `traffic` counts the requests. The `permit` is for the
        first attempt, `attempts` are fewer than the policy allows. `before_request` is called right before each attempt; an error of it
        ends the sending. One that `comes_back` is not repeated where monday sent it away and there is no room for it any more.
        """
        result, commits = RequestResult(), 0
        while True:
            try:
                permit = permit or self.budget.acquire(request.operation, len(request.aliases))
                if permit is None:  # the wait was given up
                    break
                began, commits = self.timer.now(), commits + 1
                before_request()
            except OrdersError as error:
                result.stopped_by = error
                if permit:
                    self.give_back(permit)
                break
            # Last of all: waiting for the permit, or for the commit, may have taken longer than the key lives.
            now = self.timer.now()
            may_leave = result.key_lives(now, self._policy.key_lifetime)
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
            if comes_back and result.reply.kind in LIMITS and not result.maybe_executed:
                result.has_no_room = self.budget.room(request.operation) < len(request.aliases)
                if result.has_no_room:
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
            next_step = f"trying again for up to {seconds:.0f} s" if seconds else "giving up"
            _logger.warning("%s; %s", reply.worst.message, next_step)
        if wait is None:
            result.stopped_by = _stop(reply)
            self._is_given_up = not self._was_reached
        return wait

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
    if reply.action not in STOPS:
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


MOST_REPEATS = 3  # so often a single alias is sent again that monday did not execute for reasons of its own
ATTEMPTS_AFTER_SPLIT = 2  # failed attempts for a part of a batch that monday answered with an internal error each time
TARGET_SECONDS = 20.0  # longest a batch should take to execute: monday ends a request after 60 seconds
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
    operation: Operation
    mutations: Iterator[Mutation]
    before_request: Callable[[Batch], None]
    new_key: Callable[[], str]
    _next: deque[Mutation] = field(default_factory=deque, init=False)
    _sent_away: deque[Mutation] = field(default_factory=deque, init=False)  # they come before the next ones, once each
    _came_back: set[str] = field(default_factory=set, init=False)
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
                more = workers + 1 - len(under_way) if self._sent_away else len(reports)
                under_way |= {pool.submit(self._next_report) for _ in range(more)}
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
            if permit is None:
                self._is_over = self._is_over or most > 0
                return None
            return Batch(self.new_key(), self.operation, tuple(self._next.popleft() for _ in range(permit.mutations))), permit

    def _draw(self) -> int:
        """How many the next batch may hold: fewer with each try, so that one that monday chokes on soon stands alone.

        So many are drawn that the last ones can be shared out over all places.
        """
        budget = self.client.budget
        size = min(self.client.pace.size(self.operation), budget.largest(self.operation))
        while self._sent_away:
            self._next.appendleft(self._sent_away.pop())
        self._next.extend(islice(self.mutations, max(0, size * budget.limits.concurrency - len(self._next))))
        count, full = 0, min(size, len(self._next))
        most = full
        while count < most:
            most = max(count, 1, min(most, full >> 2 * self._next[count].tries))
            count += count < most
        return count

    def _send(self, report: BatchReport, batch: Batch, permit: Permit | None) -> None:
        """Send a batch, and what follows from each reply: its halves, or some of it again, under keys of their own; fill in its report."""
        # What is still to be sent: with how many attempts at most, sent again how often already, and in how many seconds.
        parts: list[tuple[Batch, int | None, int, float]] = [(batch, None, 0, 0.0)]
        while parts:
            (part, attempts, repeats, after), request = parts.pop(), RequestResult()
            if self._stopped_by is None and self.client.timer.pause(after):
                document = self.client.documents.batch(part.operation, part.mutations)
                intend = partial(self.before_request, batch)
                refs = {each.ref for each in part.mutations}
                comes_back = permit is not None and len(refs) > 1 and not refs & self._came_back
                request = self.client.execute(
                    document, part.key, report, attempts=attempts, permit=permit, before_request=intend, comes_back=comes_back
                )
                if request.has_no_room and not self._is_over:
                    # Others took its place. It would come as a whole and last of all, and be waited for by everybody.
                    self._came_back |= refs
                    self._sent_away.extend(part.mutations)
                    report.batch = Batch(part.key, part.operation, ())
                    return
                self._take_in(len(part.mutations), request)
                report.request_id = request.reply.request_id or report.request_id
                report.error = report.error or (None if request.reply.executed else _reason(request))
            elif permit:
                self.client.give_back(permit)
            permit, results = None, judge(part, request, may_repeat=repeats < MOST_REPEATS)
            report.results |= results
            left = tuple(each for each in part.mutations if each.ref not in results)
            if left and request.reply.executed:  # a new key, since monday would answer the old one from memory
                again = Batch(f"{part.key}.r", part.operation, left)
                parts.append((again, attempts, repeats + 1, request.reply.wait or float(repeats + 1)))
            elif left:
                attempts, middle = ATTEMPTS_AFTER_SPLIT if request.maybe_executed else attempts, len(left) // 2
                halves = (
                    Batch(f"{part.key}.{n}", part.operation, half) for n, half in enumerate((left[:middle], left[middle:]))
                )
                parts += [(half, attempts, 0, 0.0) for half in halves][::-1]  # the first one is sent next

    def _take_in(self, mutations: int, request: RequestResult) -> None:
        if request.too_much:
            self.client.pace.was_too_much(self.operation, mutations)
        elif request.reply.executed and not request.reply.replayed:
            self.client.pace.went_well(self.operation, mutations, request.seconds)
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

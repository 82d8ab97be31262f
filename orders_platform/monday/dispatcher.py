"""Several batches under way at a time, in the order of the caller; one report each as they finish.

Threads of a pool send. Only the caller's thread writes to its database, so a thread that needs an intent committed anew asks for it
and waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue

from orders_platform.domain.mutations import Batch, BatchReport, Operation
from orders_platform.errors import MondayUnavailableError, OrdersError
from orders_platform.monday.budget import DailyLimitError, Permit, Usage
from orders_platform.monday.client import MondayClient
from orders_platform.monday.delivery import BatchResult, BatchSizes, CommittedIntent, Delivery, Renew
from orders_platform.monday.documents import Documents


@dataclass(slots=True)
class Renewal:
    """A thread's wish that a batch's intent be committed anew."""

    batch: Batch
    granted: Future[bool] = field(default_factory=Future)

    def grant(self, renew: Renew) -> None:
        """Commit the intent anew and let the thread send. Raises what `renew` raises, after telling the thread no."""
        is_renewed = False
        try:
            renew(self.batch)
            is_renewed = True
        finally:
            self.granted.set_result(is_renewed)


class Desk:
    """What threads that send pass to the caller's thread: finished work, and renewals to grant."""

    def __init__(self) -> None:
        self._messages: SimpleQueue[Future[object] | Renewal] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False

    def put(self, message: Future[object] | Renewal) -> None:
        """Pass on one message."""
        self._messages.put(message)

    def take(self) -> Future[object] | Renewal:
        """The next message; waits for it."""
        return self._messages.get()

    def renew(self, batch: Batch) -> bool:
        """Have the caller's thread commit an intent anew; False once the desk is closed."""
        renewal = Renewal(batch)
        with self._lock:
            if self._is_closed:
                return False
            self._messages.put(renewal)
        return renewal.granted.result()

    def close(self) -> None:
        """Refuse every renewal from now on: whoever waits for one sends nothing more."""
        with self._lock:
            self._is_closed = True
            while not self._messages.empty():
                message = self._messages.get()
                if isinstance(message, Renewal):
                    message.granted.set_result(False)


_CALM_BATCHES = 10  # batches without crowding before one more may be in flight


class InFlight:
    """Batches at the same time: halved when monday is crowded, one more after a calm stretch, never above `most`."""

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self._allowed = self.most
        self._calm = 0
        self._lock = threading.Lock()

    @property
    def allowed(self) -> int:
        """Batches that may be in flight now; at least 1."""
        with self._lock:
            return self._allowed

    def report(self, *, crowded: bool) -> None:
        """One batch is over; `crowded` when monday spoke of a lock, a key in use or too many requests at once."""
        with self._lock:
            self._calm = 0 if crowded else self._calm + 1
            if crowded:
                self._allowed = max(1, self._allowed // 2)
            elif self._calm >= _CALM_BATCHES and self._allowed < self.most:
                self._allowed, self._calm = self._allowed + 1, 0


UNREACHED_BATCHES = 2
"""So many batches in a row without a usable reply, each after all its repeats, and sending ends."""

_LOOK_SECONDS = 1.0  # replies that arrive meanwhile may free what we wait for

_Work = Future[object]
"""Ends with a `BatchResult`, or with None when it was only a wait."""


class Sender:
    """Sends batches at monday's pace.

    With one batch in flight everything happens in the caller's thread, one thing after the other.
    """

    def __init__(self, client: MondayClient, documents: Documents, batch_size: int, max_in_flight: int) -> None:
        self._timer = client.timer
        self._budget = client.budget
        self._sizes = BatchSizes(batch_size)
        self._in_flight = InFlight(max_in_flight)
        self._delivery = Delivery(client, documents, self._sizes)

    def batch_size(self, operation: Operation) -> int:
        """Mutations for the next batch: what went well, what monday allows, and what is left of this minute."""
        size = min(self._sizes.size(operation), self._budget.largest(operation))
        room = self._budget.room(operation)
        # The rest of a minute is worth a smaller batch, unless next to nothing is left.
        return room if size > room >= max(1, size // 10) else size

    def send(self, batches: Iterable[Batch], renew: Renew) -> Iterator[BatchReport]:
        """See `Board.send` in `sync/ports.py`.

        At most one batch is drawn before its turn: without it nobody could say whether there is anything to wait for.
        """
        course = _Course(iter(batches), self._in_flight)
        sent = self._one_by_one(course, renew) if self._in_flight.most == 1 else self._together(course, renew)
        for result in sent:
            course.take_in(result)
            yield result.report
        if course.stopped_by:
            raise course.stopped_by

    def _one_by_one(self, course: _Course, renew: Renew) -> Iterator[BatchResult]:
        def renewed(batch: Batch) -> bool:
            renew(batch)
            return True

        since = self._timer.now()
        while not course.stopped_by and (batch := next(course.source, None)) is not None:
            yield self._delivery.deliver(CommittedIntent(batch, self._timer.now, renewed, since))
            since = self._timer.now()

    def _together(self, course: _Course, renew: Renew) -> Iterator[BatchResult]:
        sending: set[_Work] = set()
        pausing: set[_Work] = set()
        desk = Desk()
        pool = ThreadPoolExecutor(self._in_flight.most + 1, thread_name_prefix="monday")
        try:
            while sending or not course.is_over:
                seconds = self._start(course, sending, pool, desk)
                if seconds > 0 and not pausing:
                    pausing.add(_submitted(pool.submit(self._look_away, seconds), desk))
                if not (sending or pausing):
                    continue  # there was none to start, which ends the loop
                message = desk.take()
                if isinstance(message, Renewal):
                    message.grant(renew)
                    continue
                sending.discard(message)
                pausing.discard(message)
                if isinstance(result := message.result(), BatchResult):
                    yield result
            if course.held:
                yield self._delivery.unsent(course.held.batch)
        finally:
            self._timer.give_up()
            desk.close()
            pool.shutdown(cancel_futures=True)
            self._timer.resume()

    def _look_away(self, seconds: float) -> None:
        """A wait as a piece of work: whatever ends first, a batch or the wait, lets the loop look again."""
        self._timer.pause(min(seconds, _LOOK_SECONDS))

    def _start(self, course: _Course, sending: set[_Work], pool: ThreadPoolExecutor, desk: Desk) -> float:
        """Start batches while there is a place and it is their turn; seconds until the next one's turn, else 0."""
        while not course.is_over and len(sending) < self._in_flight.allowed:
            intent = course.draw(self._timer.now, desk.renew)
            if intent is None:
                break
            permit, seconds = self._reserve(intent.batch)
            if seconds > 0:
                return seconds
            course.held = None
            sending.add(_submitted(pool.submit(self._delivery.deliver, intent, permit), desk))
        return 0.0

    def _reserve(self, batch: Batch) -> tuple[Permit | None, float]:
        """The permit to send a batch now, or the seconds to wait for it; neither when only the sending itself can say why."""
        usage = Usage(batch.operation, len(batch.mutations))
        permit = self._budget.reserve(usage)
        try:
            return permit, 0.0 if permit else self._budget.delay(usage)
        except DailyLimitError:
            return None, 0.0


def _submitted(work: Future[BatchResult] | Future[None], desk: Desk) -> _Work:
    """The work, which passes itself to the desk when it is over."""
    work.add_done_callback(desk.put)  # type: ignore[arg-type]  # a Future of anything is what the desk takes
    return work  # type: ignore[return-value]


class _Course:
    """How one call of `send` goes: the batches to come, the one whose turn is waited for, the reason to stop."""

    def __init__(self, source: Iterator[Batch], in_flight: InFlight) -> None:
        self.source = source
        self.held: CommittedIntent | None = None
        self.stopped_by: OrdersError | None = None
        self._is_drained = False
        self._in_flight = in_flight
        self._unreached = 0

    @property
    def is_over(self) -> bool:
        """True when no further batch is to be started."""
        return self.stopped_by is not None or (self._is_drained and self.held is None)

    def draw(self, clock: Callable[[], float], renew: Callable[[Batch], bool]) -> CommittedIntent | None:
        """The batch whose turn is next, with its intent; None when there is none."""
        if self.held is None and not self._is_drained:
            since, batch = clock(), next(self.source, None)
            self._is_drained = batch is None
            self.held = None if batch is None else CommittedIntent(batch, clock, renew, since)
        return self.held

    def take_in(self, result: BatchResult) -> None:
        """Draw the conclusions from one batch."""
        self._in_flight.report(crowded=result.crowded)
        self._unreached = self._unreached + 1 if result.unreached else 0
        self.stopped_by = self.stopped_by or result.stopped_by
        if self._unreached >= UNREACHED_BATCHES and self.stopped_by is None:
            self.stopped_by = MondayUnavailableError(
                f"{self._unreached} batches in a row found no answer at monday.com ({result.report.error});"
                " what waits stays waiting, repeat the run later"
            )

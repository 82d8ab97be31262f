"""Documents under way: several at a time, in the order of the caller, one report each as they finish.

Belongs here: threads, how many documents are in flight, when sending ends. Does not belong here: one document
(`monday/delivery.py`), reads (`monday/adapter.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from orders_platform.domain.mutations import Document, DocumentReport, Operation
from orders_platform.errors import MondayUnavailableError, OrdersError
from orders_platform.monday.batch_size import DocumentSizes, InFlight
from orders_platform.monday.budget import Budget, DailyLimitError, Ticket, Usage
from orders_platform.monday.delivery import Delivered, Delivery
from orders_platform.monday.intents import Desk, Intent, Renew, Renewal
from orders_platform.monday.sleeper import Waiter

UNREACHED_DOCUMENTS = 2
"""So many documents in a row without a usable answer, each after all its repeats, and sending ends."""

_LOOK_SECONDS = 1.0  # answers that arrive meanwhile may free what we wait for

_Work = Future[object]
"""Ends with a `Delivered`, or with None when it was only a wait."""


class Sender:
    """Sends documents at monday's pace.

    With one document in flight everything happens in the caller's thread, one thing after the other.
    """

    def __init__(
        self,
        delivery: Delivery,
        budget: Budget,
        sizes: DocumentSizes,
        in_flight: InFlight,
        *,
        clock: Callable[[], float],
        waiter: Waiter,
    ) -> None:
        self._delivery = delivery
        self._budget = budget
        self._sizes = sizes
        self._in_flight = in_flight
        self._clock = clock
        self._waiter = waiter

    def document_size(self, operation: Operation) -> int:
        """Mutations for the next document: what went well, what monday allows, and what is left of this minute."""
        size = min(self._sizes.size(operation), self._budget.largest(operation))
        room = self._budget.room(operation)
        # The rest of a minute is worth a smaller document, unless next to nothing is left.
        return room if size > room >= max(1, size // 10) else size

    def send(self, documents: Iterable[Document], renew: Renew) -> Iterator[DocumentReport]:
        """See `Board.send` in `sync/ports.py`.

        At most one document is drawn before its turn: without it nobody could say whether there is anything to wait for.
        """
        course = _Course(iter(documents), self._in_flight)
        sent = self._one_by_one(course, renew) if self._in_flight.most == 1 else self._together(course, renew)
        for delivered in sent:
            course.take_in(delivered)
            yield delivered.report
        if course.stopped_by:
            raise course.stopped_by

    def _one_by_one(self, course: _Course, renew: Renew) -> Iterator[Delivered]:
        def renewed(document: Document) -> bool:
            renew(document)
            return True

        since = self._clock()
        while not course.stopped_by and (document := next(course.source, None)) is not None:
            yield self._delivery.deliver(Intent(document, self._clock, renewed, since))
            since = self._clock()

    def _together(self, course: _Course, renew: Renew) -> Iterator[Delivered]:
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
                word = desk.take()
                if isinstance(word, Renewal):
                    word.grant(renew)
                    continue
                sending.discard(word)
                pausing.discard(word)
                if isinstance(delivered := word.result(), Delivered):
                    yield delivered
            if course.held:
                yield self._delivery.unsent(course.held.document)
        finally:
            self._waiter.give_up()
            desk.close()
            pool.shutdown(cancel_futures=True)
            self._waiter.resume()

    def _look_away(self, seconds: float) -> None:
        """A wait as a piece of work: whatever ends first, a document or the wait, lets the loop look again."""
        self._waiter.pause(min(seconds, _LOOK_SECONDS))

    def _start(self, course: _Course, sending: set[_Work], pool: ThreadPoolExecutor, desk: Desk) -> float:
        """Start documents while there is a place and it is their turn; seconds until the next one's turn, else 0."""
        while not course.is_over and len(sending) < self._in_flight.allowed:
            intent = course.draw(self._clock, desk.renew)
            if intent is None:
                break
            ticket, seconds = self._leave(intent.document)
            if seconds > 0:
                course.wait_from(self._clock())
                return seconds
            waited = course.release(self._clock())
            sending.add(_submitted(pool.submit(self._delivery.deliver, intent, ticket, waited), desk))
        return 0.0

    def _leave(self, document: Document) -> tuple[Ticket | None, float]:
        """Leave to send a document now, or the seconds to wait for it; neither when only the sending itself can say why."""
        usage = Usage(document.operation, len(document.mutations))
        ticket = self._budget.reserve(usage)
        try:
            return ticket, 0.0 if ticket else self._budget.delay(usage)
        except DailyLimitError:
            return None, 0.0


def _submitted(work: Future[Delivered] | Future[None], desk: Desk) -> _Work:
    """Work that leaves word at the desk when it is over."""
    work.add_done_callback(desk.put)  # type: ignore[arg-type]  # a Future of anything is what the desk takes
    return work  # type: ignore[return-value]


class _Course:
    """How one call of `send` goes: the documents to come, the one whose turn is waited for, the reason to stop."""

    def __init__(self, source: Iterator[Document], in_flight: InFlight) -> None:
        self.source = source
        self.held: Intent | None = None
        self.stopped_by: OrdersError | None = None
        self._is_drained = False
        self._in_flight = in_flight
        self._unreached = 0
        self._waits_since: float | None = None

    @property
    def is_over(self) -> bool:
        """True when no further document is to be started."""
        return self.stopped_by is not None or (self._is_drained and self.held is None)

    def draw(self, clock: Callable[[], float], renew: Callable[[Document], bool]) -> Intent | None:
        """The document whose turn is next, with its intent; None when there is none."""
        if self.held is None and not self._is_drained:
            since, document = clock(), next(self.source, None)
            self._is_drained = document is None
            self.held = None if document is None else Intent(document, clock, renew, since)
        return self.held

    def wait_from(self, now: float) -> None:
        """The held document waits."""
        self._waits_since = now if self._waits_since is None else self._waits_since

    def release(self, now: float) -> float:
        """The held document is sent; the seconds it has waited."""
        since, self._waits_since, self.held = self._waits_since, None, None
        return 0.0 if since is None else now - since

    def take_in(self, delivered: Delivered) -> None:
        """Draw the conclusions from one document."""
        self._in_flight.report(crowded=delivered.crowded)
        self._unreached = self._unreached + 1 if delivered.unreached else 0
        self.stopped_by = self.stopped_by or delivered.stopped_by
        if self._unreached >= UNREACHED_DOCUMENTS and self.stopped_by is None:
            self.stopped_by = MondayUnavailableError(
                f"{self._unreached} documents in a row found no answer at monday.com ({delivered.report.error});"
                " what waits stays waiting, repeat the run later"
            )

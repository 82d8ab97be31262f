"""Mutations into batches, and several batches under way at a time; one report each as they finish.

Threads of a pool send, and each calls `before_request` itself. With one batch in flight everything happens in the caller's thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from orders_platform.domain.mutations import Batch, BatchReport, Mutation, Operation
from orders_platform.errors import MondayUnavailableError, OrdersError
from orders_platform.monday.budget import DailyLimitError, Permit
from orders_platform.monday.client import MondayClient
from orders_platform.monday.delivery import BatchResult, deliver
from orders_platform.monday.documents import Documents

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

    def learn(self, operation: str, result: BatchResult) -> None:
        """Draw the conclusions from the requests of a batch."""
        for request in result.requests:
            if request.too_much:
                self.was_too_much(operation, request.mutations)
            elif request.reply.executed and not request.reply.replayed:
                self.went_well(operation, request.mutations, request.seconds)

    def went_well(self, operation: str, mutations: int, seconds: float) -> None:
        """A request of `mutations` was executed in `seconds`, waits not counted."""
        with self._lock:
            measured = max(0.0, seconds) / mutations
            known = self._seconds.get(operation, measured)
            self._seconds[operation] = 0.7 * known + 0.3 * measured
            size = self._sizes.get(operation, self._default)
            if mutations >= size:
                self._sizes[operation] = min(self._most, size + max(1, size // _GROWTH))

    def was_too_much(self, operation: str, mutations: int) -> None:
        """A request of `mutations` was too heavy, or took longer than we wait."""
        if mutations == 1:
            return  # there is no smaller one
        with self._lock:
            self._sizes[operation] = max(1, min(self._sizes.get(operation, self._default), mutations) // 2)


_CALM_BATCHES = 10  # batches without crowding before one more may be in flight


class InFlight:
    """Batches at the same time: halved when monday is crowded, one more after a calm stretch, never above `most`."""

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self.allowed = self.most
        self._calm = 0

    def report(self, *, crowded: bool) -> None:
        """One batch is over; `crowded` when monday spoke of a lock, a key in use or too many requests at once."""
        self._calm = 0 if crowded else self._calm + 1
        if crowded:
            self.allowed = max(1, self.allowed // 2)
        elif self._calm >= _CALM_BATCHES and self.allowed < self.most:
            self.allowed, self._calm = self.allowed + 1, 0


UNREACHED_BATCHES = 2
"""So many batches in a row without a usable reply, each after all its repeats, and sending ends."""


class Sender:
    """Sends mutations at monday's pace."""

    def __init__(
        self, client: MondayClient, documents: Documents, batch_size: int, max_in_flight: int, new_key: Callable[[], str]
    ) -> None:
        self.client = client
        self.documents = documents
        self.new_key = new_key
        self.sizes = BatchSizes(batch_size)
        self.in_flight = InFlight(max_in_flight)

    def batch_size(self, operation: Operation) -> int:
        """Mutations for the next batch: what went well, what monday allows, and what is left of this minute."""
        budget = self.client.budget
        size = min(self.sizes.size(operation), budget.largest(operation))
        room = budget.room(operation)
        # The rest of a minute is worth a smaller batch, unless next to nothing is left.
        return room if size > room >= max(1, size // 10) else size

    def send(
        self, operation: Operation, mutations: Iterable[Mutation], before_request: Callable[[Batch], None]
    ) -> Iterator[BatchReport]:
        """See `Board.send` in `sync/ports.py`."""
        load = _Load(self, operation, mutations, before_request)
        sent = load.work() if self.in_flight.most == 1 else self._together(load)
        yield from (result.report for result in sent)
        if load.stopped_by:
            raise load.stopped_by

    def _together(self, load: _Load) -> Iterator[BatchResult]:
        messages: SimpleQueue[BatchResult | Future[None]] = SimpleQueue()

        def work() -> None:
            for result in load.work():
                messages.put(result)

        pool = ThreadPoolExecutor(self.in_flight.most, thread_name_prefix="monday")
        try:
            for _ in range(self.in_flight.most):
                pool.submit(work).add_done_callback(messages.put)
            workers = self.in_flight.most
            while workers:
                message = messages.get()
                if isinstance(message, BatchResult):
                    yield message
                else:
                    workers -= 1
                    message.result()  # raises what ended the worker
        finally:
            load.end()
            self.client.timer.give_up()
            pool.shutdown()
            self.client.timer.resume()


class _Load:
    """What one call of `send` has to send, which workers take in turn, and the reason to stop."""

    def __init__(
        self, sender: Sender, operation: Operation, mutations: Iterable[Mutation], before_request: Callable[[Batch], None]
    ) -> None:
        self._sender = sender
        self._operation = operation
        self._mutations = iter(mutations)
        self._next: deque[Mutation] = deque()
        self._before_request = before_request
        self.stopped_by: OrdersError | None = None
        self._is_over = False
        self._under_way = 0
        self._unreached = 0
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    def work(self) -> Iterator[BatchResult]:
        """Send batches, one after the other, until there is none left or a reason to stop."""
        sender = self._sender
        while (turn := self._take_turn()) is not None:
            result = deliver(sender.client, sender.documents, *turn, self._before_request)
            self._take_in(result)
            if result.was_sent:
                yield result

    def end(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _take_turn(self) -> tuple[Batch, Permit] | None:
        """The next batch and the permit to send it, once it is its turn; None when no further one is to be sent.

        One worker at a time waits for its turn, so batches leave in the order of the mutations.
        """
        with self._turn:
            with self._changed:
                self._changed.wait_for(lambda: self._is_over or self._under_way < self._sender.in_flight.allowed)
            mutations = () if self._is_over else self._draw()
            if not mutations:
                self._is_over = True
                return None
            batch = Batch(self._sender.new_key(), self._operation, mutations)
            permit = self._permit(len(mutations))
            if permit is None:
                self._is_over = True
                return None
            with self._changed:
                self._under_way += 1
            return batch, permit

    def _permit(self, mutations: int) -> Permit | None:
        """None when no further request may be made, or nobody waits for it any more."""
        client = self._sender.client
        try:
            permit = client.budget.acquire(self._operation, mutations)
        except DailyLimitError as error:
            self.stopped_by = self.stopped_by or error
            return None
        if permit is not None and self._is_over:
            client.give_back(permit)
            return None
        return permit

    def _draw(self) -> tuple[Mutation, ...]:
        """The mutations of the next batch: fewer with each try, so that one that monday chokes on soon stands alone."""
        size = self._sender.batch_size(self._operation)
        while len(self._next) < size and (mutation := next(self._mutations, None)) is not None:
            self._next.append(mutation)
        count, full = 0, min(size, len(self._next))
        most = full
        while count < most:
            most = max(count, 1, min(most, full >> 2 * self._next[count].tries))
            count += count < most
        return tuple(self._next.popleft() for _ in range(count))

    def _take_in(self, result: BatchResult) -> None:
        """Draw the conclusions from one batch."""
        self._sender.sizes.learn(self._operation, result)
        with self._changed:
            self._under_way -= 1
            self._sender.in_flight.report(crowded=any(request.crowded for request in result.requests))
            self._unreached = self._unreached + 1 if any(request.unreached for request in result.requests) else 0
            self.stopped_by = self.stopped_by or result.stopped_by
            if self._unreached >= UNREACHED_BATCHES and self.stopped_by is None:
                self.stopped_by = MondayUnavailableError(
                    f"{self._unreached} batches in a row found no answer at monday.com ({result.report.error});"
                    " what waits stays waiting, repeat the run later"
                )
            self._is_over = self._is_over or self.stopped_by is not None
            self._changed.notify_all()

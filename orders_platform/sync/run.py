"""What the stages of one run share: the store, the board, a clock, and the boards as the preflight read them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from orders_platform.domain.board import BoardDescription, Column
from orders_platform.domain.cell_codecs import plain_text
from orders_platform.domain.clocks import BOOT, elapsed
from orders_platform.domain.column_values import RowFormat, coalesced
from orders_platform.domain.differences import OrderChanges
from orders_platform.domain.mapping import BoardMapping, Field
from orders_platform.domain.orders import RowKind, SyncRow, is_of
from orders_platform.domain.preflight import board_problems, mismatch, require_board, subitem_board_problems
from orders_platform.domain.text import counted
from orders_platform.errors import GuardError, OrdersError, RowError, SourceDataError
from orders_platform.sync.results import StageReport

if TYPE_CHECKING:  # most commands need neither to start
    from orders_platform.configuration import Configuration
    from orders_platform.database.order_store import OrderStore
    from orders_platform.monday.adapter import MondayBoard


def described_boards(configuration: Configuration, board: MondayBoard) -> tuple[list[BoardDescription], list[str]]:
    """The board of items and the one of its subitems, if that is the mapped one, and every reason why they do not fit the mappings."""
    items, subitems = configuration.items, configuration.subitems
    found, may_create_labels = board.describe_all([items.board_id, subitems.board_id]), configuration.monday.may_create_labels
    boards, problems = [require_board(found, items.board_id)], list[str]()
    problems += board_problems(items, boards[0], may_create_labels=may_create_labels)
    if other := subitem_board_problems(boards[0], subitems):
        return boards, [*problems, *other]
    boards.append(require_board(found, subitems.board_id))
    of_subitems = board_problems(subitems, boards[1], may_create_labels=may_create_labels)
    return boards, [*problems, *(f"board {boards[1].id} of subitems: {problem}" for problem in of_subitems)]


@dataclass(frozen=True, slots=True)
class BoardShape:
    """A board as it is mapped and as the preflight found it; `format` makes its cells, and knows the labels of this run."""

    mapping: BoardMapping
    description: BoardDescription
    columns: Mapping[str, Column]
    format: RowFormat


@dataclass
class SyncRun:
    """One run: a process at work on one customer after the other."""

    store: OrderStore
    board: MondayBoard
    # Dagster's, or one of our own; recorded on every row and batch
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # UTC now, for what people read
    # seconds on a clock that only goes forward, for what is measured; `boot` says since when it counts
    elapsed: Callable[[], float] = elapsed
    boot: str = BOOT
    sleep: Callable[[float], None] = time.sleep  # seconds; only used to wait until an unanswered request is final
    new_key: Callable[[], str] = lambda: str(uuid.uuid4())  # makes idempotency keys
    # is told what is done, how far, and of how many (0: nobody knows)
    progress: Callable[[str, int, int], None] = lambda _words, _done, _total: None
    orders: Collection[str] = ()  # by key or number, the only ones that are sent; empty: all that wait
    limit: int | None = None  # so many orders of each customer are sent, the first that wait, with all sizes that can be
    skip_subitems: bool = False
    changes: OrderChanges | None = None  # takes in what a dry run would change of the customer that it is at
    # orders without an item of the customer that a dry run is at, and whether it would have made it
    dry_run_items: dict[str, bool] = field(default_factory=dict, init=False)
    _admitted: set[str] = field(default_factory=set, init=False)

    @property
    def is_dry(self) -> bool:
        """Nothing is sent: the store is one of which nothing stays."""
        return self.store.database.is_dry_run

    @property
    def configuration(self) -> Configuration:
        return self.store.configuration

    @cached_property
    def _shapes(self) -> Mapping[RowKind, BoardShape]:
        boards, problems = described_boards(self.configuration, self.board)
        if problems:
            raise mismatch(boards[0], problems)
        mappings = self.configuration.items, self.configuration.subitems
        return {
            kind: BoardShape(mapping, board, columns, RowFormat(mapping, columns))
            for kind, mapping, board in zip(RowKind, mappings, boards, strict=True)
            if (columns := {column.id: column for column in board.columns})
        }

    def shape(self, kind: RowKind) -> BoardShape:
        """The board of the items or of the subitems; both were checked. Raises `BoardMismatchError` naming everything that does not fit."""
        return self._shapes[kind]

    def rows(self, kind: RowKind, customer: str, *, waiting: bool = False) -> Sequence[SyncRow]:
        """A customer's orders or lines: all, or those that wait to be sent and this run is for."""
        rows = (self.store.orders if kind is RowKind.ITEMS else self.store.lines)(customer, waiting=waiting)
        if waiting and self.orders:
            rows = [row for row in rows if is_of(row.order_key, self.orders)]
        return rows[: self.limit] if waiting and kind is RowKind.ITEMS else rows

    @cached_property
    def _key(self) -> Field:
        items = self.configuration.items
        return next(each for each in items.fields if each.column_id == items.external_key)

    def external_key(self, row: SyncRow) -> str:
        """The text by which the order's item is found on the board; empty, which finds nothing, where it cannot be written there."""
        try:
            return plain_text(coalesced(self._key, row.values)[1])
        except RowError:
            return ""  # the row itself is refused, with the reason, when its values are formatted

    def admit(self, customer: str) -> None:
        """Let a customer through to the board, once a run: no guard stops it, its ids are of these boards.

        Rows that were sent under another mapping are NEW again, so that they are compared with the board. Raises `GuardError`: a guard
        acted on its last load; `BoardMismatchError`: its rows were sent to another board; `SourceDataError`: it has none of an order that
        this run is for.
        """
        if customer in self._admitted:
            return
        stopping = [str(guard) for guard in self.store.guards(customer) if guard.blocks]
        if stopping:
            raise GuardError(" ".join(stopping))
        keys = [row.order_key for row in self.store.orders(customer)] if self.orders else []
        if unknown := [each for each in self.orders if not any(is_of(key, [each]) for key in keys)]:
            raise SourceDataError(
                f"{customer} has no order {', '.join(unknown)}. Nothing was sent. Correct `orders`: numbers or keys, as the list has them."
            )
        compared = self.store.aim(customer)
        if compared:
            words = f"the mapping changed: {counted(compared, 'row')} of {customer} to be compared with the board again"
            self.progress(words, 0, 0)
        self._admitted.add(customer)

    def preflight(self) -> bool:
        """Check both boards before the first write of a run, so that nothing is sent to one when the other does not fit.

        Returns whether they were read just now.
        """
        are_known = "_shapes" in vars(self)
        _ = self._shapes
        return not are_known

    @contextmanager
    def counted(self, customer: str, report: StageReport) -> Iterator[None]:
        """One stage: the day's calls of all runs are taken in before it, and what it read and how long it took are noted after it."""
        started = self.elapsed()
        self.board.client.budget.note_calls_today(self.store.monday_usage(self.clock()).calls_today)
        try:
            yield
        except OrdersError:
            self._end(customer, report, started)
            raise
        self._end(customer, report, started)

    def _end(self, customer: str, report: StageReport, started: float) -> None:
        report.seconds = self.elapsed() - started
        reads = self.board.client.take_reads()
        if reads.calls:
            report.reads += reads.calls
            report.rate_limited += reads.rate_limited
            self.store.log_reads(self.run_id, self.clock(), customer, self.new_key(), reads)

    @property
    def uptime(self) -> str:
        """The moment on the clock that only goes forward, as it is recorded with an intent."""
        return f"{self.boot} {self.elapsed():.3f}"

    def wait_until_final(self, moments: Iterable[tuple[datetime | None, str | None]]) -> bool:
        """Wait until requests sent at these moments, as they were recorded, are surely over and their effect visible on the board.

        Never longer than the settle time. Returns whether it took time.
        """
        ages = [self._age(sent_at, uptime or "") for sent_at, uptime in moments if sent_at is not None]
        final_after = self.configuration.monday.final_after
        rest = final_after - min(ages, default=final_after)
        if rest <= 0:
            return False
        self.progress(f"waiting {rest:.0f} s until unanswered requests are final", 0, 0)
        self.sleep(rest)
        return True

    def _age(self, sent_at: datetime, uptime: str) -> float:
        """Seconds since then. The time of day, which may be set, counts only for another machine, or this one before a restart."""
        boot, _, seconds = uptime.partition(" ")
        if boot == self.boot:
            return max(0.0, self.elapsed() - float(seconds))
        # SQL Server gives a time of day without its zone.
        age = (self.clock() - (sent_at if sent_at.tzinfo else sent_at.replace(tzinfo=UTC))).total_seconds()
        if age < 0:
            words = f"a request of {sent_at:%Y-%m-%d %H:%M:%S} UTC lies in the future by this machine's clock: taken as of now"
            self.progress(words, 0, 0)
        return max(0.0, age)

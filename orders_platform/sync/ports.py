"""What the sync engine needs from a board and from an order store, as Protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from orders_platform.domain.board import BoardDescription, BoardItem, Group
from orders_platform.domain.differences import Difference
from orders_platform.domain.guards import Guard
from orders_platform.domain.history import CustomerGroup
from orders_platform.domain.mapping import Target
from orders_platform.domain.mutations import Batch, BatchReport, Mutation, Operation
from orders_platform.domain.orders import GroupIntent, RowKind, RowResult, SyncRow
from orders_platform.domain.usage import MondayUsage, Traffic


class Board(Protocol):
    """The two boards (items, subitems) of one monday.com account.

    Every read returns what it was asked for or raises (`TransientError`, `PermanentError`): an empty answer always means that
    monday said "empty".
    """

    def describe_all(self, board_ids: Sequence[int]) -> Mapping[int, BoardDescription]:
        """Columns with labels, groups, limits and hierarchy of these boards, by id; one that the token does not see is absent."""

    def groups(self, board_id: int) -> Sequence[Group]:
        """The active groups, in board order."""

    def items(self, item_ids: Sequence[int], column_ids: Sequence[str]) -> Mapping[int, BoardItem]:
        """Items or subitems by id with the cells asked for; archived and deleted ones included, unknown ids absent."""

    def find_items(self, board_id: int, column_id: str, values: Sequence[str]) -> Mapping[str, Sequence[BoardItem]]:
        """Active items whose text column equals one of `values` (monday folds case), under the value asked for."""

    def children(self, board_id: int, parent_item_ids: Sequence[int]) -> Mapping[int, Sequence[BoardItem]]:
        """Active subitems by parent id; a parent that is gone from this board is absent."""

    def items_of_groups(self, board_id: int, group_ids: Sequence[str], column_ids: Sequence[str]) -> Sequence[BoardItem]:
        """Active items of these groups, with the cells asked for."""

    def send(
        self, operation: Operation, mutations: Iterable[Mutation], before_request: Callable[[Batch], None]
    ) -> Iterator[BatchReport]:
        """Send mutations at monday's pace, in batches, several in flight; one report each, in the order they finish.

        `before_request` is called right before every request, first or repeat, in the thread that sends: the caller commits the
        intent of the batch, and no request leaves more than 5 seconds after that began. When it raises, the request is not made
        and nothing more is sent. A batch of which no request was made is not reported. A mutation's failure is a result, never an
        exception. Raises `MondayRefusedError` when every further request would be refused (bad token, no permission),
        `MondayUnavailableError` when monday stays out of reach or no call is left today, and what `before_request` raised: what was in
        flight is reported first.
        """

    def note_calls_today(self, calls: float) -> None:
        """Take in that at least so many of the day's calls are used already, by whatever run."""

    def take_reads(self) -> Traffic:
        """What was read since this was last asked."""


class Store(Protocol):
    """The order database; `OrderStore` in `database/` says what each method does. What a method returned is committed."""

    def lock(self, customer: str) -> AbstractContextManager[None]: ...
    def guards(self, customer: str | None = None) -> Sequence[Guard]: ...
    def aim(self, customer: str, target: Target) -> int: ...
    def waiting_groups(self, customer: str) -> Sequence[str]: ...
    def orders(self, customer: str, sent_by: str = "", *, waiting: bool = False) -> Sequence[SyncRow]: ...
    def lines(self, customer: str, sent_by: str = "", *, waiting: bool = False) -> Sequence[SyncRow]: ...
    def rows_without_labels(self, kind: RowKind, customer: str) -> Sequence[tuple[SyncRow, int]]: ...
    def known_ids(self, ids: Iterable[int]) -> set[int]: ...
    def groups(self) -> Sequence[CustomerGroup]: ...
    def groups_sent(self, customer: str) -> GroupIntent: ...
    def record_groups_sent(
        self, customer: str, known: GroupIntent, batch_id: str, now: datetime, uptime: str | None
    ) -> GroupIntent: ...
    def record_group(self, customer: str, group_name: str, group_id: str) -> None: ...
    def record_gone_items(self, order_refs: Sequence[str], now: datetime) -> None: ...
    def record_intents(
        self, rows: Sequence[SyncRow], batch: Batch, run_id: str, now: datetime, customer: str, uptime: str | None
    ) -> list[SyncRow]: ...
    def record_results(
        self,
        results: Sequence[RowResult],
        run_id: str,
        now: datetime,
        customer: str,
        report: BatchReport | None = None,
        adoption: str | None = None,
    ) -> None: ...
    def record_differences(self, customer: str, found: Sequence[Difference], *, is_whole: bool) -> None: ...
    def log_batch(self, run_id: str, now: datetime, customer: str, report: BatchReport) -> None: ...
    def log_reads(self, run_id: str, now: datetime, customer: str, batch_id: str, reads: Traffic) -> None: ...
    def monday_usage(self, now: datetime) -> MondayUsage: ...

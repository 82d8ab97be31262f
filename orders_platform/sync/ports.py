"""The ports of the sync engine: what it needs from a board and from an order store, as Protocols.

Belongs here: the contracts, in words a test can hold both sides to. Does not belong here: any implementation
(`monday/adapter.py`, `database/order_store.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from orders_platform.domain.board import BoardDescription, BoardItem, Group
from orders_platform.domain.customers import Survey
from orders_platform.domain.history import CustomerGroup
from orders_platform.domain.merges import HeaderMerge, LineMerge
from orders_platform.domain.mutations import Document, DocumentReport, Operation
from orders_platform.domain.orders import GroupNeed, PendingItem, PendingSubitem, RowKind, RowResult
from orders_platform.domain.usage import MondayUsage, Reads


class Board(Protocol):
    """The two boards (items, subitems) of one monday.com account.

    Every read returns what it was asked for or raises (`TransientError`, `PermanentError`): an empty answer always means that
    monday said "empty".
    """

    def describe(self, board_id: int) -> BoardDescription:
        """Columns with labels, groups, limits and hierarchy of one board. `BoardMismatchError` when there is none."""

    def groups(self, board_id: int) -> Sequence[Group]:
        """The active groups, in board order."""

    def items(self, item_ids: Sequence[int], column_ids: Sequence[str]) -> Mapping[int, BoardItem]:
        """Items or subitems by id with the cells asked for; archived and deleted ones included, unknown ids absent."""

    def find_items(self, board_id: int, column_id: str, values: Sequence[str]) -> Mapping[str, Sequence[BoardItem]]:
        """Active items whose text column equals one of `values` (monday folds case), under the value asked for."""

    def children(self, parent_item_ids: Sequence[int], column_ids: Sequence[str]) -> Mapping[int, Sequence[BoardItem]]:
        """Active subitems by parent id; a parent that is gone is absent."""

    def items_of_groups(self, board_id: int, group_ids: Sequence[str], column_ids: Sequence[str]) -> Sequence[BoardItem]:
        """Active items of these groups, with the cells asked for."""

    def document_size(self, operation: Operation) -> int:
        """How many mutations the next document of this operation should hold; follows cost, speed and how the last ones went."""

    def send(self, documents: Iterable[Document], renew: Callable[[Document], None]) -> Iterator[DocumentReport]:
        """Send documents at monday's pace, several in flight; one report each, in the order they finish.

        `documents` is drawn lazily, in the caller's thread, and at most one ahead of its turn to be sent: the caller commits the
        intent of a document while yielding it. No request leaves more than 5 seconds after its document was drawn or `renew` was
        last called for it, in the caller's thread: what must be repeated, or waits, is renewed first. A mutation's failure is a
        result, never an exception. Raises `MondayRefusedError` when every further request would be refused (bad token, no
        permission): what was in flight is reported first.
        """

    def note_calls_today(self, calls: float) -> None:
        """Take in that at least so many of the day's calls are used already, by whatever run."""

    def take_reads(self) -> Reads:
        """What was read since this was last asked."""


class Ledger(Protocol):
    """What a comparison of board and database reads besides what waits; nothing is written."""

    def orders(self, customer: str) -> Sequence[PendingItem]:
        """A customer's orders, whatever their state; not those that left the load and are done with."""

    def lines(self, customer: str) -> Sequence[PendingSubitem]:
        """All lines of a customer, whatever their state."""

    def groups(self) -> Sequence[CustomerGroup]:
        """The groups that orders belong into, of all customers."""


class Store(Protocol):
    """The order database. Every method is one transaction; what it returned is committed."""

    def lock(self, customer: str) -> AbstractContextManager[None]:
        """Hold a customer alone; `CustomerBusyError` when another run has it."""

    def survey(self) -> Survey:
        """Who is in the staging table."""

    def record_unassigned(self, survey: Survey, now: datetime) -> None:
        """List the rows that belong to nobody among the rejects."""

    def merge_headers(self, customer: str, survey: Survey, now: datetime) -> HeaderMerge:
        """Merge a customer's staged rows; `SourceDataError` when there is none."""

    def unpivot_sizes(self, customer: str) -> int:
        """Stage the lines of the orders that changed; their number."""

    def merge_lines(self, customer: str, now: datetime) -> LineMerge:
        """Merge the staged lines."""

    def pending_groups(self, customer: str) -> Sequence[GroupNeed]:
        """The groups that waiting orders need."""

    def pending_items(self, customer: str) -> Sequence[PendingItem]:
        """The orders that wait to be sent."""

    def pending_subitems(self, customer: str) -> Sequence[PendingSubitem]:
        """The lines that wait to be sent."""

    def known_item_ids(self, ids: Iterable[int]) -> set[int]:
        """Which of these items belong to an order already."""

    def groups_sent_at(self, customer: str) -> datetime | None:
        """When the last creation of a group was sent for the customer, None when none ever was."""

    def record_groups_sent(self, customer: str, now: datetime) -> None:
        """Commit that groups are about to be sent."""

    def record_group(self, customer: str, group_name: str, group_id: str) -> None:
        """Remember a group's id on the customer's orders."""

    def record_intents(self, kind: RowKind, refs: Sequence[str], batch_id: str, run_id: str, now: datetime) -> None:
        """Commit that these rows are about to be sent."""

    def record_results(
        self,
        kind: RowKind,
        results: Sequence[RowResult],
        run_id: str,
        now: datetime,
        customer: str,
        report: DocumentReport | None = None,
        adoption: str | None = None,
    ) -> None:
        """Commit what came of rows, and of the document that carried them, or that they were found on the board."""

    def log_document(self, run_id: str, now: datetime, customer: str, report: DocumentReport) -> None:
        """Log a document that carried no rows."""

    def log_reads(self, run_id: str, now: datetime, customer: str, batch_id: str, reads: Reads) -> None:
        """Log what a stage read."""

    def monday_usage(self, now: datetime) -> MondayUsage:
        """What all runs together asked of monday lately."""

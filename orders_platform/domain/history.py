"""What is recorded of a row's way to the board: its group, the batches that carried it, and what came of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orders_platform.domain.mutations import Outcome
from orders_platform.domain.orders import RowKind, SyncState

ADOPT = "adopt"  # the operation of a line of the log that was no request: rows without an id were found on the board


@dataclass(frozen=True, slots=True)
class CustomerGroup:
    """A group that a customer's orders belong into; `group_id` as recorded, None while it is not made."""

    customer: str
    name: str
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """One batch out of the log, by its idempotency key."""

    batch_id: str
    run_id: str
    operation: str
    outcome: str  # of the batch as a whole; `partial` when its mutations fared differently
    logged_at: datetime | None = None
    # for monday's support; None where monday did not answer, or was not asked for anything (`ADOPT`)
    request_id: str | None = None
    error: str | None = None
    # monday's id or an outcome, by our id of each row; empty for batches logged before it was kept
    row_results: Mapping[str, str] = field(default_factory=dict)

    def outcome_of(self, ref: str) -> str:
        """What came of one row, as far as the log says."""
        result = self.row_results.get(ref)
        if result is None:
            return self.outcome
        return result if result in set(Outcome) else Outcome.DONE.value


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """What one batch did of an order: of its item, or of `sizes` of its sizes."""

    at: datetime | None
    operation: str
    outcome: str
    run_id: str
    sizes: int
    error: str | None


@dataclass(frozen=True, slots=True)
class RowHistory:
    """An order or a line, where it stands, and the batches that carried it."""

    kind: RowKind
    ref: str
    customer: str
    order_key: str
    size_code: str
    state: SyncState
    action: str
    monday_id: int | None = None
    run_id: str | None = None
    batch_id: str | None = None
    completed_at: datetime | None = None
    removed_at: datetime | None = None  # since when the list no longer has the order
    error: str | None = None
    documents: tuple[LoggedBatch, ...] = ()  # oldest first

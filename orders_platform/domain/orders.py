"""Rows on their way to the board, as the order store and the sync engine exchange them: what waits, and what came of it."""

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from orders_platform.domain.cell_warnings import CellProblem
from orders_platform.domain.states import Action, SyncState
from orders_platform.domain.text import fold


def is_of(order_key: str, orders: Collection[str]) -> bool:
    """Whether this is one of these orders, by key or number; without any it is."""
    return not orders or bool({fold(order_key), fold(order_key.split(" | ")[0])} & set(map(fold, orders)))


class RowKind(enum.StrEnum):
    """Which of the two tables a row is of, by what it becomes on the board."""

    ITEMS = "items"
    SUBITEMS = "subitems"


@dataclass(frozen=True, slots=True)
class GroupIntent:
    """The last creation of groups that was sent for a customer; both None when none ever was. Without a batch: by an earlier version."""

    batch_id: str | None = None
    sent_at: datetime | None = None
    uptime: str | None = None

    @property
    def moment(self) -> tuple[datetime | None, str | None]:
        """When it was sent, by the time of day and by the machine's own clock."""
        return self.sent_at, self.uptime


@dataclass(frozen=True, slots=True)
class SyncRow:
    """An order or a line as it was read: what the board should show of it, and where it stands on its way there.

    Attributes:
        ref: its record_uuid or line_uuid.
        order_ref: the record_uuid of its order.
        size_code: empty for an order.
        name: of its item or subitem.
        values: the columns that the board shows; size_code and qty of a line.
        monday_id: of its item or subitem, None while unknown.
        group_name: of an order; `group_id` alike, None while the group is not made.
        parent_id: the item that the order of a line has now; `sent_parent_id`: the one that the line was last sent under.
        has_left: the load no longer holds the order.
        uptime: the start of a machine and the seconds since then when it became PENDING.
        tries: how often it was sent since it last changed and nothing came of it.
        last_code: monday's or the network's word for why.
        version: changes when a merge writes other content; with state, batch, time and tries it is what a compare-and-set names.
    """

    kind: RowKind
    ref: str
    order_ref: str
    order_key: str
    name: str
    values: Mapping[str, object]
    state: SyncState
    action: Action
    monday_id: int | None = None
    batch_id: str | None = None
    pending_at: datetime | None = None
    uptime: str | None = None
    tries: int = 0
    last_code: str | None = None
    version: int = 0
    size_code: str = ""
    group_name: str = ""
    group_id: str | None = None
    parent_id: int | None = None
    sent_parent_id: int | None = None
    has_left: bool = False


@dataclass(frozen=True, slots=True)
class RowResult:
    """What came of a row.

    Attributes:
        row: as it was read, or as its intent left it; recorded only if nobody has written it since.
        monday_id: replaces the recorded id, also by None.
        code: why it is refused, or why it waits; `message` in words.
        was_tried: it was sent and nothing came of it.
        warnings: what is wrong with the cells that it was sent without; None leaves alone what is recorded.
    """

    row: SyncRow
    state: SyncState
    monday_id: int | None = None
    code: str | None = None
    message: str | None = None
    is_new_item: bool = False
    is_archived: bool = False
    was_tried: bool = False
    warnings: tuple[CellProblem, ...] | None = None


@dataclass(frozen=True, slots=True)
class CustomerSummary:
    """Where a customer stands: orders and lines that should be on the board, and those that are; nothing of one without orders.

    Attributes:
        new: rows merged and not sent yet, orders and lines together; `pending` and `failed` alike.
        blocked: lines that wait for an order that was refused.
        removed: orders that the load no longer holds.
        adopted: rows that were found on the board and taken over, as far as the log goes back.
        differences: between board and database, when they were last compared; of `missing` orders the board had no item.
    """

    customer: str
    orders: int = 0
    lines: int = 0
    groups: int = 0
    items: int = 0
    subitems: int = 0
    new: int = 0
    pending: int = 0
    failed: int = 0
    blocked: int = 0
    removed: int = 0
    adopted: int = 0
    differences: int = 0
    missing: int = 0
    oldest_waiting_at: datetime | None = None
    last_sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row, or one size of it, that is not on the board, and why. `size_code` is empty for whole rows."""

    customer: str
    order_key: str
    size_code: str
    code: str
    reason: str
    rows: int = 1

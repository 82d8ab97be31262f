"""Rows on their way to the board, as the order store and the sync engine exchange them: what waits, and what came of it.

NEW ──> PENDING ──> SYNCED        NEW: merged, to be sent; `action_type` says what
         │    └───> FAILED        PENDING: intent committed before the request, outcome not yet known
         └─ (recovery) ─> NEW     FAILED: refused; code and message kept. A later change of the row makes it NEW again
"""

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from orders_platform.domain.text import fold

_EXAMPLES = 3
_SHOWN_CHARACTERS = 60


class SyncState(enum.StrEnum):
    """Where a row stands on its way to the board."""

    NEW = "NEW"
    PENDING = "PENDING"
    SYNCED = "SYNCED"
    FAILED = "FAILED"


class Action(enum.StrEnum):
    """What is to be done, or was done last, for a row."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class CellProblem:
    """What is wrong with one cell. `reason` continues the sentence "<column>: <text> ..."; `column` is the order list's name for it."""

    column: str
    text: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class CellWarning:
    """A cell of an order or of a size that was left out or cut."""

    customer: str
    order_key: str
    column: str
    text: str
    code: str
    reason: str
    row_uuid: str | None = None  # of the order or line that was sent without it; None when the merge left it out
    row_hash: str | None = None  # of the row of which the merge left it out


@dataclass(frozen=True, slots=True)
class WarningGroup:
    """Cells of one customer and column with the same trouble. `examples` are order keys; `text` is the first one's."""

    customer: str
    column: str
    code: str
    reason: str
    text: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        orders = f"{self.count} orders, for example {', '.join(self.examples)}" if self.count > 1 else self.examples[0]
        return f"{self.column}: {orders}: {preview(self.text)} {self.reason}"


def group_warnings(warnings: Iterable[CellWarning]) -> list[WarningGroup]:
    """The warnings by customer, column and what is wrong: by text as well where the reason is about the text, as labels are; most first."""
    found: dict[tuple[str, str, str, str], dict[tuple[str, str | None], CellWarning]] = {}
    for each in warnings:
        key = (each.customer, each.column, each.code, preview(each.text) if each.code.startswith("label_") else "")
        found.setdefault(key, {}).setdefault((each.order_key, each.row_hash), each)
    groups = []
    for (customer, column, code, _), by_order in found.items():
        first = next(iter(by_order.values()))
        keys = tuple(dict.fromkeys(key for key, _ in by_order))
        groups.append(WarningGroup(customer, column, code, first.reason, first.text, len(by_order), keys[:_EXAMPLES]))
    return sorted(groups, key=lambda group: (group.customer, -group.count, group.column, group.text))


def preview(text: str) -> str:
    """A text between quotes, and only its beginning when it is long."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")


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


class SyncRow(NamedTuple):
    """An order or a line as it was read: what the board should show of it, and where it stands on its way there.

    A tuple, since there are hundreds of thousands of them: a frozen dataclass takes five times as long to make.
    """

    kind: RowKind
    ref: str  # its record_uuid or line_uuid
    order_ref: str  # the record_uuid of its order
    order_key: str
    name: str
    values: Mapping[str, object]  # the columns that the board shows; size_code and qty of a line
    state: SyncState
    action: Action
    monday_id: int | None = None  # of its item or subitem, None while unknown
    batch_id: str | None = None
    pending_at: datetime | None = None
    uptime: str | None = None  # the start of a machine and the seconds since then when it became PENDING
    tries: int = 0  # how often it was sent since it last changed and nothing came of it
    last_code: str | None = None  # monday's or the network's word for why
    # changes when a merge writes other content; with state, batch, time and tries it is what a compare-and-set names
    version: int = 0
    size_code: str = ""  # empty for an order
    group_name: str = ""  # of an order; `group_id` alike, None while the group is not made
    group_id: str | None = None
    # the item that the order of a line has now; `sent_parent_id`: the one that the line was last sent under
    parent_id: int | None = None
    sent_parent_id: int | None = None
    has_left: bool = False  # the load no longer holds the order


@dataclass(frozen=True, slots=True)
class RowResult:
    """What came of a row."""

    row: SyncRow  # as it was read, or as its intent left it; recorded only if nobody has written it since
    state: SyncState
    monday_id: int | None = None  # replaces the recorded id, also by None
    code: str | None = None  # why it is refused, or why it waits; `message` in words
    message: str | None = None
    is_new_item: bool = False
    is_archived: bool = False
    was_tried: bool = False  # it was sent and nothing came of it
    # what is wrong with the cells that it was sent without; None leaves alone what is recorded
    warnings: tuple[CellProblem, ...] | None = None


@dataclass(frozen=True, slots=True)
class CustomerSummary:
    """Where a customer stands: orders and lines that should be on the board, and those that are; nothing of one without orders."""

    customer: str
    orders: int = 0
    lines: int = 0
    groups: int = 0
    items: int = 0
    subitems: int = 0
    new: int = 0  # rows merged and not sent yet, orders and lines together; `pending` and `failed` alike
    pending: int = 0
    failed: int = 0
    blocked: int = 0  # lines that wait for an order that was refused
    removed: int = 0  # orders that the load no longer holds
    adopted: int = 0  # rows that were found on the board and taken over, as far as the log goes back
    differences: int = 0  # between board and database, when they were last compared; of `missing` orders the board had no item
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

"""What a report says of a customer, as values: totals, groups, what needs a correction, what waits, what changed last.

The words are for people who know orders, not this platform: no states, no codes, no ids of ours.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orders_platform.database.order_store import OrderStore
from orders_platform.domain.history import ADOPT, OrderEvent
from orders_platform.domain.mutations import Operation, Outcome
from orders_platform.domain.order_status import BoardStatus, LastChanges, OrderChange, OrderStatus, Totals
from orders_platform.domain.orders import Action, CellWarning, RowProblem, SyncState, WarningGroup, group_warnings, preview
from orders_platform.domain.text import counted, fold
from orders_platform.domain.verdicts import Verdict

STATUS_WORDS = {
    BoardStatus.ON_BOARD: "on the board",
    BoardStatus.WAITING: "waiting",
    BoardStatus.REFUSED: "needs a correction",
    BoardStatus.LEFT_LOAD: "no longer in the order list",
    BoardStatus.OFF_BOARD: "removed",
}
_ACTION_WORDS = {Action.INSERT: "new", Action.UPDATE: "changed", Action.DELETE: "archived"}
_OPERATION_WORDS = {
    Operation.CREATE_ITEM: "made",
    Operation.CREATE_SUBITEM: "made",
    Operation.CHANGE_VALUES: "changed",
    Operation.MOVE_ITEM: "moved to its group",
    Operation.ARCHIVE_ITEM: "archived",
    ADOPT: "found on the board",
}
_MISSING_NAME = "(no group)"


@dataclass(frozen=True, slots=True)
class Correction:
    """Something that a person must correct in the order list; `is_on_board` says whether an older version of it is shown there."""

    order: str
    name: str
    reason: str
    rows: int = 1
    is_on_board: bool = False
    is_cell: bool = False

    @property
    def shown(self) -> str:
        """What the board has of it."""
        return "all but the cell" if self.is_cell else "earlier values" if self.is_on_board else "no"


@dataclass(frozen=True, slots=True)
class Report:
    """One customer."""

    customer: str
    made_at: datetime  # UTC; what the report says was so then
    totals: Totals
    groups: tuple[Totals, ...]  # by name, with the orders of each in `orders`
    orders: tuple[tuple[str, tuple[OrderStatus, ...]], ...]
    corrections: tuple[Correction, ...]  # rows that are not taken, and orders that the board does not take as they are
    waiting: tuple[OrderStatus, ...]
    left_load: tuple[OrderStatus, ...]
    changes: LastChanges | None  # of the last run that sent anything
    verdict: Verdict  # whether all is on the board
    events: Mapping[str, Sequence[OrderEvent]]  # what was sent last, by order

    @property
    def headline(self) -> str:
        """One sentence that answers the reader's first question."""
        total, verdict = self.totals, self.verdict
        if not total.orders and verdict.is_well():
            return "There are no orders."
        on_board = min(total.on_board, verdict.on_board)
        if not total.orders:
            words = "No order is on the board"
        elif on_board < total.orders or not verdict.is_well():
            words = f"{on_board:,} of {counted(total.orders, 'order is', 'orders are')} on the board"
        else:
            words = "The order is on the board" if total.orders == 1 else f"All {total.orders:,} orders are on the board"
        wrong = self.correction_count
        needs = f"{counted(wrong, 'needs', 'need')} a correction in the order list" if wrong else ""
        rows = counted(verdict.unmatched, "row of its files names", "rows of its files name")
        nobody = f"{rows} no known customer" if verdict.unmatched else ""
        differ = verdict.differences
        paused = f"updates are paused since {verdict.paused_at:%Y-%m-%d}" if verdict.paused_at else ""
        seen = f"{counted(differ, 'thing')} on it differed when it was last looked at" if differ else ""
        unmerged = "the next update takes in what the order list holds now" if verdict.is_unmerged else ""
        return "; ".join(part for part in (words, unmerged, paused, seen, needs, nobody) if part) + "."

    @property
    def correction_count(self) -> int:
        """Rows of the order list, and orders, that a person must correct."""
        return sum(each.rows for each in self.corrections)

    @property
    def is_complete(self) -> bool:
        """Nothing waits and nothing needs a person."""
        return self.verdict.is_well() and not self.waiting and not self.corrections


def make_report(store: OrderStore, customer: str, now: datetime, verdict: Verdict | None = None) -> Report:
    """Where a customer's orders stand, as of `now` (UTC); with a `verdict` that was read for all customers at once."""
    return report_of(
        customer,
        now,
        store.order_statuses(customer),
        store.invalid_rows(customer),
        [row for row in store.row_errors(customer) if row.size_code],
        store.last_changes(customer),
        verdict or store.verdicts([customer])[0],
        store.cell_warnings(customer),
        store.recent_events(customer),
    )


def report_of(
    customer: str,
    made_at: datetime,
    orders: Sequence[OrderStatus],
    rejected: Sequence[RowProblem],
    refused_lines: Sequence[RowProblem],
    changes: LastChanges | None,
    verdict: Verdict,
    warnings: Iterable[CellWarning] = (),
    events: Mapping[str, Sequence[OrderEvent]] | None = None,
) -> Report:
    """Put a report together out of what was read at `made_at`; `orders` are in the order of their groups."""
    shown = [order for order in orders if order.status is not BoardStatus.OFF_BOARD]
    found: dict[str, list[OrderStatus]] = {}  # titles compare as on the board
    for order in shown:
        found.setdefault(fold(order.group_name or ""), []).append(order)
    by_group = [(members[0].group_name or _MISSING_NAME, tuple(members)) for members in found.values()]
    return Report(
        customer=customer,
        made_at=made_at,
        totals=Totals.of(customer, shown),
        groups=tuple(Totals.of(name, members) for name, members in by_group),
        orders=tuple(by_group),
        corrections=(*_corrections(shown, rejected, refused_lines), *map(_cell_correction, group_warnings(warnings))),
        waiting=tuple(order for order in shown if order.status is BoardStatus.WAITING),
        left_load=tuple(order for order in shown if order.status is BoardStatus.LEFT_LOAD),
        changes=changes,
        verdict=verdict,
        events=events or {},
    )


def _corrections(
    orders: Sequence[OrderStatus], rejected: Sequence[RowProblem], refused_lines: Sequence[RowProblem]
) -> tuple[Correction, ...]:
    names = {order.order_key: order for order in orders}
    counts = Counter[Correction]()  # rows that a reader cannot tell apart are one line
    for row in (*refused_lines, *rejected):
        reason = _plain(row.reason)
        words = f"size {row.size_code}: {reason}" if row.size_code and row.size_code not in reason else reason
        counts[_correction(row.order_key, names.get(row.order_key), words)] += row.rows
    refused = [each for each in orders if each.state is SyncState.FAILED]
    return (
        *(_correction(each.order_key, each, _plain(each.reason or "the board refused it")) for each in refused),
        *(replace(each, rows=rows) for each, rows in counts.items()),
    )


def _correction(key: str, order: OrderStatus | None, words: str) -> Correction:
    name, item_id = (order.item_name, order.item_id) if order else ("", None)
    return Correction(key or "(no order number)", name, words, is_on_board=item_id is not None)


def _cell_correction(group: WarningGroup) -> Correction:
    words = f"{group.column}: {preview(group.text)} {group.reason}"
    rest = group.count - len(group.examples)
    orders = ", ".join(group.examples) + (f" and {rest} more" if rest > 0 else "")
    return Correction(orders, "", words, group.count, is_on_board=True, is_cell=True)


def _plain(reason: str) -> str:
    """A reason without monday's id of the column, `DESIGN FEE (numeric_1): ...`, which only the board's makers know."""
    return re.sub(r" \([a-z0-9_]+\)(?=:)", "", reason).strip(" ;")


def waiting_words(order: OrderStatus) -> str:
    """What it waits for. PENDING is an intent whose outcome is not known: the next run asks the board before it sends again."""
    if order.state is SyncState.PENDING:
        return "sent; the board's answer is still open"
    if order.state is SyncState.NEW:
        what = "not on the board yet" if order.item_id is None else "a change is on its way"
        return f"{what}; {order.reason}" if order.reason else what
    return counted(order.waiting_lines, "size is on its way", "sizes are on their way")


def change_words(change: OrderChange) -> str:
    """`new, 5 sizes`, `changed`, `1 size changed`."""
    sizes = counted(change.lines, "size")
    if change.action is None:
        return f"{sizes} changed"
    return _ACTION_WORDS[change.action] + (f", {sizes}" if change.lines else "")


def event_words(event: OrderEvent) -> str:
    """`made`, `3 sizes changed: refused`, with monday's reason."""
    done = _OPERATION_WORDS.get(event.operation, event.operation)
    what = f"{event.sizes} size{'s' if event.sizes > 1 else ''} {done}" if event.sizes else done
    return what if event.outcome == Outcome.DONE else f"{what}: {event.outcome}{f' ({event.error})' if event.error else ''}"


def changes_summary(changes: LastChanges) -> str:
    """`5 new, 2 changed, 1 with other sizes`."""
    counts = [(changes.count(action), word) for action, word in _ACTION_WORDS.items()]
    counts += [(changes.count(None), "with other sizes"), (changes.adopted, "found on the board")]
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)

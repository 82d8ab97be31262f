"""What a report says of a customer, as values: totals, groups, what needs a correction, what waits, what changed last.

The words are for people who know orders, not this platform: no states, no codes, no ids of ours.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

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


@dataclass(frozen=True)
class Report:
    """One customer, out of what was read of it at `made_at` (UTC)."""

    customer: str
    made_at: datetime
    statuses: Sequence[OrderStatus]  # in the order of their groups
    rejected: Sequence[RowProblem]
    refused_lines: Sequence[RowProblem]
    changes: LastChanges | None  # of the last run that sent anything
    verdict: Verdict  # whether all is on the board
    warnings: Sequence[CellWarning] = ()
    events: Mapping[str, Sequence[OrderEvent]] = field(default_factory=dict)  # what was sent last, by order

    @cached_property
    def _shown(self) -> list[OrderStatus]:
        return [order for order in self.statuses if order.status is not BoardStatus.OFF_BOARD]

    @cached_property
    def totals(self) -> Totals:
        return Totals.of(self.customer, self._shown)

    @cached_property
    def orders(self) -> list[tuple[str, list[OrderStatus]]]:
        """By group; titles compare as on the board."""
        found: dict[str, list[OrderStatus]] = {}
        for order in self._shown:
            found.setdefault(fold(order.group_name or ""), []).append(order)
        return [(members[0].group_name or _MISSING_NAME, members) for members in found.values()]

    @cached_property
    def groups(self) -> list[Totals]:
        return [Totals.of(name, members) for name, members in self.orders]

    @property
    def waiting(self) -> list[OrderStatus]:
        return [order for order in self._shown if order.status is BoardStatus.WAITING]

    @property
    def left_load(self) -> list[OrderStatus]:
        return [order for order in self._shown if order.status is BoardStatus.LEFT_LOAD]

    @cached_property
    def corrections(self) -> list[Correction]:
        """Rows that are not taken, and orders that the board does not take as they are."""
        names = {order.order_key: order for order in self._shown}
        refused = (each for each in self._shown if each.state is SyncState.FAILED)
        found = [_correction(each.order_key, each, each.reason or "the board refused it") for each in refused]
        counts = Counter[Correction]()  # rows that a reader cannot tell apart are one line
        for row in (*self.refused_lines, *self.rejected):
            counts[_correction(row.order_key, names.get(row.order_key), row.reason, row.size_code)] += row.rows
        found += [replace(each, rows=rows) for each, rows in counts.items()]
        return found + [_cell_correction(each) for each in group_warnings(self.warnings)]

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
    return Report(
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


def _correction(key: str, order: OrderStatus | None, reason: str, size: str = "") -> Correction:
    """`reason` without monday's id of the column, `DESIGN FEE (numeric_1): ...`, which only the board's makers know."""
    plain = re.sub(r" \([a-z0-9_]+\)(?=:)", "", reason).strip(" ;")
    words = f"size {size}: {plain}" if size and size not in plain else plain
    name, item_id = (order.item_name, order.item_id) if order else ("", None)
    return Correction(key or "(no order number)", name, words, is_on_board=item_id is not None)


def _cell_correction(group: WarningGroup) -> Correction:
    words = f"{group.column}: {preview(group.text)} {group.reason}"
    rest = group.count - len(group.examples)
    orders = ", ".join(group.examples) + (f" and {rest} more" if rest else "")
    return Correction(orders, "", words, group.count, is_on_board=True, is_cell=True)


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
    found = Counter(change.action for change in changes.orders)
    counts = [(found[action], word) for action, word in _ACTION_WORDS.items()]
    counts += [(found[None], "with other sizes"), (changes.adopted, "found on the board")]
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)

"""Stages 5 and 6: every waiting order is an item on the board, every waiting line a subitem under the item of its order.

Both go the same way: wait until unanswered requests are final, look up, read, plan, send. What differs is where a row belongs on the
board, by what it is found there, and the arguments that create it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from orders_platform.domain.board import BoardItem
from orders_platform.domain.column_values import FormattedRow, column_values_json, creates_labels, format_row
from orders_platform.domain.mutations import Operation
from orders_platform.domain.orders import RowKind, RowProblem, RowResult, SyncRow, is_of
from orders_platform.domain.plan import RowPlan, Step, plan_row
from orders_platform.domain.states import Action, SyncState
from orders_platform.errors import RowError
from orders_platform.sync.groups import place_groups
from orders_platform.sync.outbox import Outbox, Outgoing, fail_after_max_attempts
from orders_platform.sync.reconcile import duplicates
from orders_platform.sync.recovery import find_items, find_subitems
from orders_platform.sync.results import StageReport
from orders_platform.sync.run import BoardShape, SyncRun

_ATTEMPTS = 2  # the second one finds out what the first one left of unknown outcome


def sync_items(
    run: SyncRun, customer: str, *, limit: int | None = None, dry: bool = False, report: StageReport | None = None
) -> StageReport:
    """Send a customer's waiting orders, the first `limit` of them; `dry` only counts what would be done, in a dry-run transaction.

    Counts into `report` when one is given, so that what was done before an error is known.
    """
    return _ItemStage(run, customer, report or StageReport(), dry=dry).sync(limit)


def sync_subitems(run: SyncRun, customer: str, *, dry: bool = False, report: StageReport | None = None) -> StageReport:
    """Send a customer's waiting lines whose order is on the board; `dry` only counts what would be done, in a dry-run transaction.

    Counts into `report` when one is given, so that what was done before an error is known.
    """
    return _SubitemStage(run, customer, report or StageReport(), dry=dry).sync()


class _Stage(ABC):
    """One of the two stages of one customer."""

    kind: ClassVar[RowKind]
    creates: ClassVar[Operation]

    def __init__(self, run: SyncRun, customer: str, report: StageReport, *, dry: bool) -> None:
        self.run = run
        self.customer = customer
        self.report = report
        self.dry = dry
        self.forgotten: set[str] = set()
        self.mapping = run.rules.items if self.kind is RowKind.ITEMS else run.rules.subitems

    @property
    def shape(self) -> BoardShape:
        """The board as the preflight found it."""
        return self.run.items_board if self.kind is RowKind.ITEMS else self.run.subitems_board

    def waiting(self) -> Sequence[SyncRow]:
        """The customer's rows that wait to be sent, of the orders that this run is for."""
        store = self.run.store
        rows = (store.orders if self.kind is RowKind.ITEMS else store.lines)(self.customer, waiting=True)
        return [row for row in rows if is_of(row.order_key, self.run.orders)]

    def sync(self, limit: int | None = None) -> StageReport:
        """Send what waits, or the first `limit` rows of it."""
        started = self.run.elapsed()
        self.run.admit(self.customer)
        self._recall()
        rows = waiting = list(self.waiting())[:limit]
        refs = {row.ref for row in rows}
        for _ in range(_ATTEMPTS):
            if not waiting:
                break
            is_unknown = self._send([row for row in waiting if self.is_ready(row)])
            left = waiting if self.dry else self.waiting()
            waiting = [row for row in left if row.ref in refs and not (self.dry and self.is_ready(row))]
            if not is_unknown:
                break
        self.report.waiting = len(waiting)
        if (self.report.created or self.report.adopted) and not self.dry:
            self.report.doubled += duplicates(self.run, self.customer, self.kind)
        self.report.seconds = self.run.elapsed() - started
        return self.report

    def _send(self, waiting: Sequence[SyncRow]) -> bool:
        """Send these rows; True when an outcome is unknown."""
        if not waiting:
            return False
        self.run.preflight()
        self._wait_for_outcomes(waiting)
        rows = self.placed(waiting)
        on_board = self._read(rows)
        rows = self._adopt(self._forget(rows, on_board))
        on_board |= self._read([row for row in rows if row.monday_id not in on_board])
        outgoing = [made for row in rows if (made := self._outgoing(row, on_board)) is not None]
        if self.dry:
            self.count_dry_run(outgoing)
            return False
        return bool(Outbox(self.run, self.customer, self.kind, self.creates, self.report).send(outgoing))

    def _wait_for_outcomes(self, rows: Sequence[SyncRow]) -> None:
        """Changes of unknown outcome are waited for as well: a late one would overwrite what is sent now."""
        if not self.dry:
            self.run.wait_until_final([(row.pending_at, row.uptime) for row in rows if row.state is SyncState.PENDING])

    def _forget(self, rows: Sequence[SyncRow], on_board: Mapping[int, BoardItem]) -> list[SyncRow]:
        """The same rows; those that people removed or moved away, and that are to be made again, have no id any more.

        That is committed first: the id would hide from the next run that a creation is of unknown outcome.
        """
        if self.run.rules.on_deleted == "leave":
            return list(rows)
        gone = [
            row for row in rows
            if row.monday_id not in {None, *on_board} and row.action is not Action.DELETE and row.values.get("qty") != 0
        ]  # fmt: skip
        self.forgotten |= {row.ref for row in gone}
        if gone:
            self.record([RowResult(row, row.state) for row in gone])
        return [replace(row, monday_id=None) if row.ref in self.forgotten else row for row in rows]

    def _adopt(self, rows: Sequence[SyncRow]) -> list[SyncRow]:
        """The same rows; those without an id that are on the board have it now.

        It is committed at once, and logged; the row stays what it is until what else it needs is done. What is to be removed and was
        never sent need not be looked for.
        """
        lost = [row for row in rows if row.monday_id is None]
        lost = [row for row in lost if row.state is SyncState.PENDING or row.action is not Action.DELETE]
        found = self.look_up(lost) if lost else {}
        self.report.adopted += len(found)
        if not found:
            return list(rows)
        key = self.run.new_key()
        # The lines of an adopted item's order belong under it from now on.
        results = [RowResult(row, row.state, found[row.ref], is_new_item=True) for row in lost if row.ref in found]
        self.record(results, adoption=key)
        return [replace(row, monday_id=found[row.ref], batch_id=key) if row.ref in found else row for row in rows]

    def _read(self, rows: Sequence[SyncRow]) -> dict[int, BoardItem]:
        """What the board shows of these rows, as far as it is where it belongs."""
        parents = {row.monday_id: row.parent_id for row in rows if row.monday_id is not None}
        columns = [field.column_id for field in self.mapping.fields]
        if parents:
            self.run.progress(f"reading {self.kind.value}", 0, len(parents))
        shown = self.run.board.items(list(parents), columns) if parents else {}
        return {item.id: item for item in shown.values() if not item.absence(self.mapping.board_id, parents[item.id])}

    def _outgoing(self, row: SyncRow, on_board: Mapping[int, BoardItem]) -> Outgoing | None:
        """The row with its plan; None when it is refused."""
        try:
            fail_after_max_attempts(row, self.run.rules.most_tries)
            made = FormattedRow({}) if row.action is Action.DELETE else self._formatted(row)
        except RowError as refusal:
            problem = RowProblem(self.customer, row.order_key, row.size_code, refusal.code, refusal.message)
            self.report.refuse(problem, row)
            if not self.dry:
                self.record([RowResult(row, SyncState.FAILED, row.monday_id, refusal.code, refusal.message)])
            return None
        shown = on_board.get(row.monday_id) if row.monday_id is not None else None
        plan = plan_row(row, made.cells, shown, self.mapping, self.shape.columns, self.run.rules.on_deleted)
        return Outgoing(row, plan, lambda step: self._variables(step, row, plan), made.problems)

    def _formatted(self, row: SyncRow) -> FormattedRow:
        """The row's cells. What is wrong with those of a line is told by its size."""
        made = format_row(self.mapping, self.shape.columns, row.values, self.shape.labels)
        return replace(made, problems=tuple(replace(each, column=row.size_code or each.column) for each in made.problems))

    def _recall(self) -> None:
        """Rows that were sent without a label wait again where the board has it now."""
        warned = self.run.store.rows_without_labels(self.kind, self.customer)
        if not warned:
            return
        self.run.preflight()
        now = {row.ref: sum("label" in each.code for each in self._formatted(row).problems) for row, _ in warned}
        again = [RowResult(row, SyncState.NEW, row.monday_id) for row, count in warned if now[row.ref] < count]
        if again:
            self.record(again)

    def _variables(self, step: Step, row: SyncRow, plan: RowPlan) -> Mapping[str, object]:
        """The arguments of a mutation. A change writes the new name among the cells."""
        item = {} if step is Step.CREATE else {"item_id": str(plan.item_id)}
        if step is Step.ARCHIVE:
            return item
        if step is Step.MOVE:
            return {**item, "group_id": row.group_id}
        place = {**self.place(row), "item_name": plan.name} if step is Step.CREATE else {"board_id": str(self.mapping.board_id)}
        cells = {**plan.cells, "name": plan.name} if plan.name and step is Step.CHANGE else plan.cells
        flag = creates_labels(self.mapping, plan.cells)
        return {**item, **place, "column_values": column_values_json(cells), "create_labels_if_missing": flag}

    def record(self, results: Sequence[RowResult], adoption: str | None = None) -> None:
        """Commit what came of rows."""
        run = self.run
        run.store.record_results(self.kind, results, run.run_id, run.clock(), self.customer, adoption=adoption)

    def is_ready(self, row: SyncRow) -> bool:  # noqa: ARG002 - an order belongs under nothing
        """Whether what the row belongs under is on the board, or would be if this were no dry run."""
        return True

    def count_dry_run(self, rows: Sequence[Outgoing]) -> None:
        """Count what would be done."""
        for row in rows:
            self.report.count_row(self.customer, row.row, row.plan.steps, row.plan.item_id, row.warnings)

    @abstractmethod
    def placed(self, rows: Sequence[SyncRow]) -> list[SyncRow]:
        """Those of the rows whose place on the board is there."""

    @abstractmethod
    def look_up(self, rows: Sequence[SyncRow]) -> Mapping[str, int]:
        """The ids of those of the rows that are on the board, by ref."""

    @abstractmethod
    def place(self, row: SyncRow) -> Mapping[str, object]:
        """Where a row is created, as arguments of the mutation."""


class _ItemStage(_Stage):
    kind = RowKind.ITEMS
    creates = Operation.CREATE_ITEM

    def placed(self, rows: Sequence[SyncRow]) -> list[SyncRow]:
        """Those whose group is on the board; in a dry run all, as if the groups had been made."""
        groups = self.run.board.groups(self.mapping.board_id)
        if self.dry:
            placed = place_groups({row.group_name for row in rows}, groups, self.run.store.groups())
            ids_by_name = {name: group.id for name, group in placed.items()}
            return [replace(row, group_id=ids_by_name.get(row.group_name, row.group_name)) for row in rows]
        ids = {group.id for group in groups}
        # A group that was made a moment ago may not be listed yet.
        is_missing = any(row.action is not Action.DELETE and row.group_id not in ids for row in rows)
        if is_missing and self.run.wait_until_final([self.run.store.groups_sent(self.customer).moment]):
            ids = {group.id for group in self.run.board.groups(self.mapping.board_id)}
        return [row for row in rows if row.action is Action.DELETE or row.group_id in ids]

    def look_up(self, rows: Sequence[SyncRow]) -> Mapping[str, int]:
        """By external key, on the whole board."""
        return find_items(self.run, rows)

    def place(self, row: SyncRow) -> Mapping[str, object]:
        return {"board_id": str(self.mapping.board_id), "group_id": row.group_id}

    def count_dry_run(self, rows: Sequence[Outgoing]) -> None:
        """Count, and let the lines of these orders wait as they would after a real run."""
        super().count_dry_run(rows)
        made = {each.row.ref for each in rows if Step.CREATE in each.plan.steps}
        self.run.dry_run_items |= made
        results = [
            RowResult(each.row, SyncState.SYNCED, is_archived=True)
            if each.row.action is Action.DELETE
            else RowResult(each.row, SyncState.NEW, each.plan.item_id, is_new_item=True)
            for each in rows
            if each.row.ref in made & self.forgotten or each.row.action is Action.DELETE
        ]
        if results:
            self.record(results)


class _SubitemStage(_Stage):
    kind = RowKind.SUBITEMS
    creates = Operation.CREATE_SUBITEM

    def __init__(self, run: SyncRun, customer: str, report: StageReport, *, dry: bool) -> None:
        super().__init__(run, customer, report, dry=dry)
        self._children: Mapping[int, Sequence[BoardItem]] = {}

    def is_ready(self, row: SyncRow) -> bool:
        return row.parent_id is not None or row.order_ref in self.run.dry_run_items

    def placed(self, rows: Sequence[SyncRow]) -> list[SyncRow]:
        """Those whose item is on the board. Where a person removed it, the order itself goes through its stage again."""
        # An id under another item is of no use: that item was replaced, and its subitems went with it.
        rows = [row if row.sent_parent_id in {None, row.parent_id} else replace(row, monday_id=None) for row in rows]
        parents = sorted({row.parent_id for row in rows if row.parent_id is not None})
        self._children = self.run.board.children(self.run.rules.items.board_id, parents) if parents else {}
        orphans = [row for row in rows if row.parent_id is not None and row.parent_id not in self._children]
        if orphans and not self.dry:
            if self.run.rules.on_deleted == "leave":
                self.record([RowResult(row, SyncState.SYNCED, row.monday_id) for row in orphans])
            else:
                self.run.store.record_gone_items(sorted({row.order_ref for row in orphans}), self.run.clock())
        return [row for row in rows if row not in orphans]

    def look_up(self, rows: Sequence[SyncRow]) -> Mapping[str, int]:
        """By name, among the subitems of the item."""
        return find_subitems(self.run, rows, self._children)

    def place(self, row: SyncRow) -> Mapping[str, object]:
        return {"parent_item_id": str(row.parent_id)}

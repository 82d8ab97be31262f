"""Stage 5: every waiting order is an item on the board, in its group, with its values: recover, read, plan, send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orders_platform.domain.board import BoardItem
from orders_platform.domain.column_values import column_values_json, creates_labels, format_row
from orders_platform.domain.mutations import Operation
from orders_platform.domain.names import collapse
from orders_platform.domain.orders import OrderRow, RowKind, RowProblem, RowResult
from orders_platform.domain.plan import RowPlan, Step, Wanted, plan_row
from orders_platform.domain.states import Action, SyncState
from orders_platform.errors import RowError
from orders_platform.sync.groups import ids_by_title
from orders_platform.sync.outbox import Outbox, Outgoing, fail_after_max_attempts
from orders_platform.sync.reconcile import report_duplicate_items
from orders_platform.sync.recovery import adopt_items
from orders_platform.sync.results import StageReport
from orders_platform.sync.run import SyncRun

_ATTEMPTS = 2  # the second one finds out what the first one left of unknown outcome


def sync_items(
    run: SyncRun, customer: str, *, limit: int | None = None, dry: bool = False, report: StageReport | None = None
) -> StageReport:
    """Send a customer's waiting orders, the first `limit` of them; `dry` only counts what would be done, in a dry-run transaction.

    Counts into `report` when one is given, so that what was done before an error is known.
    """
    started = run.clock()
    report = report or StageReport()
    run.admit(customer)
    waiting = list(run.store.waiting_items(customer))[:limit]
    rows, refs = waiting, {row.record_uuid for row in waiting}
    for _ in range(_ATTEMPTS):
        if not waiting:
            break
        unknown = _Items(run, customer, report, dry=dry).send(waiting)
        waiting = [] if dry else [row for row in run.store.waiting_items(customer) if row.record_uuid in refs]
        if not unknown:
            break
    report.waiting = len(waiting)
    if report.created or report.adopted:
        report_duplicate_items(run, rows, report)
    report.seconds = (run.clock() - started).total_seconds()
    return report


@dataclass
class _Items:
    run: SyncRun
    customer: str
    report: StageReport
    dry: bool

    def send(self, waiting: Sequence[OrderRow]) -> bool:
        """Send these orders; True when an outcome is unknown."""
        self.run.preflight()
        rows = adopt_items(self.run, self.customer, waiting, self.report, dry=self.dry)
        on_board = self._read([row.item_id for row in rows if row.item_id is not None])
        outgoing = [made for row in self._placed(rows) if (made := self._outgoing(row, on_board)) is not None]
        if self.dry:
            self._count_dry_run(outgoing)
            return False
        return bool(Outbox(self.run, self.customer, RowKind.ITEMS, Operation.CREATE_ITEM, self.report).send(outgoing))

    def _placed(self, rows: Sequence[OrderRow]) -> list[OrderRow]:
        """The rows whose group is on the board; in a dry run all, as if the groups had been made."""
        groups = self.run.board.groups(self.run.rules.items.board_id)
        if self.dry:
            titles = ids_by_title(groups)
            return [replace(row, group_id=titles.get(collapse(row.group_name), row.group_name)) for row in rows]
        ids = {group.id for group in groups}
        if any(row.action is not Action.DELETE and row.group_id not in ids for row in rows) and self._wait_for_groups():
            ids = {group.id for group in self.run.board.groups(self.run.rules.items.board_id)}
        return [row for row in rows if row.action is Action.DELETE or row.group_id in ids]

    def _wait_for_groups(self) -> bool:
        """A group that was made a moment ago may not be listed yet."""
        return self.run.wait_until_final(self.run.store.groups_sent_at(self.customer))

    def _count_dry_run(self, rows: Sequence[Outgoing]) -> None:
        """Count, and let the lines of these orders wait as they would after a real run."""
        for row in rows:
            self.report.count_steps(row.plan.steps)
        made = {row.ref for row in rows if Step.CREATE in row.plan.steps}
        self.run.dry_run_items |= made
        results = [
            RowResult(row.ref, SyncState.NEW, row.plan.item_id, is_new_item=row.ref in made, is_archived=row.is_removal)
            for row in rows
            if (row.ref in made and row.replaces) or row.is_removal
        ]
        if results:
            self.run.store.record_results(RowKind.ITEMS, results, self.run.run_id, self.run.clock(), self.customer)

    def _read(self, ids: Sequence[int]) -> Mapping[int, BoardItem]:
        column_ids = [field.column_id for field in self.run.rules.items.fields]
        return self.run.board.items(ids, column_ids) if ids else {}

    def _outgoing(self, row: OrderRow, on_board: Mapping[int, BoardItem]) -> Outgoing | None:
        mapping, shape = self.run.rules.items, self.run.items_board
        try:
            fail_after_max_attempts(row, row.item_id, self.run.rules.most_tries)
            cells = {} if row.action is Action.DELETE else format_row(mapping, shape.columns, row.values, shape.labels)
        except RowError as refusal:
            self._refuse(row, refusal)
            return None
        wanted = Wanted(row.action, row.item_name, cells, row.group_id)
        item = on_board.get(row.item_id) if row.item_id is not None else None
        plan = plan_row(wanted, row.item_id, item, mapping, shape.columns, self.run.rules.on_deleted)
        return Outgoing(
            row.record_uuid,
            row.order_key,
            "",
            plan,
            lambda step: self._variables(step, row, plan),
            replaces=row.item_id is not None,
            is_removal=row.action is Action.DELETE,
            tries=row.tries,
        )

    def _refuse(self, row: OrderRow, refusal: RowError) -> None:
        self.report.refuse(RowProblem(self.customer, row.order_key, "", refusal.code, refusal.message))
        if not self.dry:
            result = RowResult(row.record_uuid, SyncState.FAILED, row.item_id, refusal.code, refusal.message)
            self.run.store.record_results(RowKind.ITEMS, [result], self.run.run_id, self.run.clock(), self.customer)

    def _variables(self, step: Step, row: OrderRow, plan: RowPlan) -> Mapping[str, object]:
        mapping = self.run.rules.items
        if step is Step.MOVE:
            return {"item_id": str(plan.item_id), "group_id": row.group_id}
        if step is Step.ARCHIVE:
            return {"item_id": str(plan.item_id)}
        place = {"group_id": row.group_id, "item_name": plan.name} if step is Step.CREATE else {}
        flag = creates_labels(mapping, plan.cells)
        return {"board_id": str(mapping.board_id), **place, **value_variables(step, plan), "create_labels_if_missing": flag}


def value_variables(step: Step, plan: RowPlan) -> dict[str, object]:
    """The arguments with which cells are written: those of a create, or those of a change with the new name among them."""
    if step is Step.CREATE:
        return {"column_values": column_values_json(plan.cells)}
    cells = {**plan.cells, "name": plan.name} if plan.name else plan.cells
    return {"item_id": str(plan.item_id), "column_values": column_values_json(cells)}

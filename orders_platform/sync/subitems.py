"""Stage 6: every waiting line is a subitem under its order's item, with its quantity: recover, read, plan, send."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from orders_platform.domain.board import BoardItem
from orders_platform.domain.column_values import creates_labels, format_row
from orders_platform.domain.mutations import Operation
from orders_platform.domain.names import subitem_name
from orders_platform.domain.orders import LineRow, RowKind, RowProblem, RowResult
from orders_platform.domain.plan import RowPlan, Step, Wanted, plan_row
from orders_platform.domain.states import Action, SyncState
from orders_platform.errors import RowError
from orders_platform.sync.items import value_variables
from orders_platform.sync.outbox import Outbox, Outgoing, fail_after_max_attempts
from orders_platform.sync.reconcile import report_duplicate_subitems
from orders_platform.sync.recovery import adopt_subitems, living_parents
from orders_platform.sync.results import StageReport
from orders_platform.sync.run import SyncRun

_ATTEMPTS = 2  # the second one finds out what the first one left of unknown outcome


def sync_subitems(run: SyncRun, customer: str, *, dry: bool = False, report: StageReport | None = None) -> StageReport:
    """Send a customer's waiting lines whose order is on the board; `dry` only counts what would be done, in a dry-run transaction.

    Counts into `report` when one is given, so that what was done before an error is known.
    """
    started = run.clock()
    report = report or StageReport()
    run.admit(customer)
    rows = waiting = list(run.store.waiting_subitems(customer))
    for _ in range(_ATTEMPTS):
        if not waiting:
            break
        stage = _Subitems(run, customer, report, dry=dry)
        unknown = stage.send(waiting)
        waiting = [row for row in waiting if not stage.is_ready(row)] if dry else list(run.store.waiting_subitems(customer))
        if not unknown:
            break
    report.waiting = len(waiting)
    if (report.created or report.adopted) and not dry:
        report_duplicate_subitems(run, rows, report)
    report.seconds = (run.clock() - started).total_seconds()
    return report


@dataclass
class _Subitems:
    run: SyncRun
    customer: str
    report: StageReport
    dry: bool

    def send(self, waiting: Sequence[LineRow]) -> bool:
        """Send these lines; True when an outcome is unknown."""
        ready = [row for row in waiting if self.is_ready(row)]
        # An id under another item is of no use: that item was replaced, and its subitems went with it.
        ready = [row if row.parent_id in {None, row.item_id} else replace(row, subitem_id=None) for row in ready]
        if ready:
            self.run.preflight()
        children = living_parents(self.run, ready, dry=self.dry)
        rows = adopt_subitems(self.run, self.customer, self._with_parent(ready, children), children, self.report)
        on_board = self._read([row.subitem_id for row in rows if row.subitem_id is not None])
        outgoing = [made for row in rows if (made := self._outgoing(row, on_board)) is not None]
        if self.dry:
            for row in outgoing:
                self.report.count_steps(row.plan.steps)
            return False
        return bool(Outbox(self.run, self.customer, RowKind.SUBITEMS, Operation.CREATE_SUBITEM, self.report).send(outgoing))

    def _with_parent(self, rows: Sequence[LineRow], parents: Collection[int]) -> list[LineRow]:
        """The rows whose item is on the board. Where a person removed it, the order itself goes through its stage again."""
        orphans = [row for row in rows if row.item_id is not None and row.item_id not in parents]
        if orphans and not self.dry:
            if self.run.rules.on_deleted == "leave":
                results = [RowResult(row.line_uuid, SyncState.SYNCED, row.subitem_id) for row in orphans]
                self._record(RowKind.SUBITEMS, results)
            else:
                orders = {row.record_uuid: RowResult(row.record_uuid, SyncState.NEW, row.item_id) for row in orphans}
                self._record(RowKind.ITEMS, list(orders.values()))
        return [row for row in rows if row not in orphans]

    def _record(self, kind: RowKind, results: Sequence[RowResult]) -> None:
        self.run.store.record_results(kind, results, self.run.run_id, self.run.clock(), self.customer)

    def is_ready(self, row: LineRow) -> bool:
        """Whether its order is on the board, or would be if this were no dry run."""
        return row.item_id is not None or row.record_uuid in self.run.dry_run_items

    def _read(self, ids: Sequence[int]) -> Mapping[int, BoardItem]:
        column_ids = [field.column_id for field in self.run.rules.subitems.fields]
        return self.run.board.items(ids, column_ids) if ids else {}

    def _outgoing(self, row: LineRow, on_board: Mapping[int, BoardItem]) -> Outgoing | None:
        mapping, shape = self.run.rules.subitems, self.run.subitems_board
        try:
            fail_after_max_attempts(row, row.subitem_id, self.run.rules.most_tries)
            cells = format_row(mapping, shape.columns, {"size_code": row.size_code, "qty": row.qty}, shape.labels)
        except RowError as refusal:
            self._refuse(row, refusal)
            return None
        name = subitem_name(self.run.rules.subitem_name, row.size_code)
        wanted = Wanted(row.action, name, cells, is_empty=row.qty == 0)
        subitem = on_board.get(row.subitem_id) if row.subitem_id is not None else None
        plan = plan_row(wanted, row.subitem_id, subitem, mapping, shape.columns, self.run.rules.on_deleted)
        return Outgoing(
            row.line_uuid,
            row.order_key,
            row.size_code,
            plan,
            lambda step: self._variables(step, row, plan),
            row.item_id,
            replaces=row.subitem_id is not None,
            is_removal=row.action is Action.DELETE,
            tries=row.tries,
        )

    def _refuse(self, row: LineRow, refusal: RowError) -> None:
        self.report.refuse(RowProblem(self.customer, row.order_key, row.size_code, refusal.code, refusal.message))
        if not self.dry:
            result = RowResult(row.line_uuid, SyncState.FAILED, row.subitem_id, refusal.code, refusal.message, row.item_id)
            self._record(RowKind.SUBITEMS, [result])

    def _variables(self, step: Step, row: LineRow, plan: RowPlan) -> Mapping[str, object]:
        mapping = self.run.rules.subitems
        if step is Step.ARCHIVE:
            return {"item_id": str(plan.item_id)}
        place = (
            {"parent_item_id": str(row.item_id), "item_name": plan.name}
            if step is Step.CREATE
            else {"board_id": str(mapping.board_id)}
        )
        return {**place, **value_variables(step, plan), "create_labels_if_missing": creates_labels(mapping, plan.cells)}

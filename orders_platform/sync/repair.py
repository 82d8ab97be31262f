"""Brings the board to the database where they differ: a plan first, then the ordinary stages.

A row that differs becomes NEW again and goes the ordinary way: looked up, read, compared, sent, with its intent committed before. So
a repair that is interrupted is finished by the next run. Duplicates are archived. What is unknown is left to people: it may be theirs.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from orders_platform.domain.differences import Difference, DifferenceKind
from orders_platform.domain.mutations import Mutation, MutationResult, Operation, Outcome
from orders_platform.domain.orders import RowKind, RowProblem, RowResult
from orders_platform.domain.states import SyncState
from orders_platform.errors import TransientError
from orders_platform.sync.groups import sync_groups
from orders_platform.sync.ports import RecordedRows
from orders_platform.sync.reconcile import CellReconciliation, reconcile_cells
from orders_platform.sync.results import CustomerReport, StageReport
from orders_platform.sync.rows import sync_items, sync_subitems
from orders_platform.sync.run import SyncRun


class RepairAction(enum.StrEnum):
    """What is done about a difference."""

    CREATE = "create"
    CHANGE = "change"
    MOVE = "move"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that a repair does. `ref` is the row it is done for, None for a duplicate; `detail` says what, for people."""

    action: RepairAction
    row_kind: RowKind
    order_key: str
    size_code: str
    monday_id: int | None
    name: str
    ref: str | None = None
    detail: str = ""


_ACTIONS = {
    DifferenceKind.MISSING: RepairAction.CREATE,
    DifferenceKind.DIFFERENT: RepairAction.CHANGE,
    DifferenceKind.WRONG_GROUP: RepairAction.MOVE,
    DifferenceKind.DUPLICATE: RepairAction.ARCHIVE,
}


def repair_plan(verification: CellReconciliation) -> list[Repair]:
    """What a repair would do; unknown items and what the policy leaves alone are not part of it."""
    plan: dict[tuple[RepairAction, RowKind, str | int | None], Repair] = {}
    for each in verification.differences:
        action = _ACTIONS.get(each.kind)
        if action is not None:
            key = action, each.row_kind, each.ref or each.monday_id
            before = plan[key].detail + ", " if key in plan else ""
            plan[key] = Repair(action, each.row_kind, each.order_key, each.size_code, each.monday_id, each.name, each.ref,
                               before + _detail(each))  # fmt: skip
    return list(plan.values())


def _detail(difference: Difference) -> str:
    if difference.kind is DifferenceKind.WRONG_GROUP:
        return f"{difference.board or '(no group)'} -> {difference.database}"
    return difference.column


def repair_customer(run: SyncRun, recorded: RecordedRows, customer: str, plan: Sequence[Repair]) -> CustomerReport:
    """Do what the plan says; the caller holds the customer's lock. Rows that wait are sent along.

    Raises:
        TransientError: board or database changed since the plan was made, so that what was agreed to is not what would be done.
        OrdersError: what reading and sending raise; rows stay NEW or PENDING for the next run.
    """
    if repair_plan(reconcile_cells(run, recorded, customer)) != list(plan):
        raise TransientError(
            f"Board or database of customer {customer!r} changed since the plan was made. Nothing was repaired; run verify again."
        )
    report = CustomerReport(customer)
    _archive_duplicates(run, customer, plan, report)
    _reset(run, recorded, customer, plan)
    with run.counted(customer, report.groups):
        sync_groups(run, customer, report=report.groups)
    with run.counted(customer, report.items):
        sync_items(run, customer, report=report.items)
    with run.counted(customer, report.subitems):
        sync_subitems(run, customer, report=report.subitems)
    return report


def _reset(run: SyncRun, recorded: RecordedRows, customer: str, plan: Sequence[Repair]) -> None:
    rows = {row.ref: row for row in (*recorded.orders(customer), *recorded.lines(customer))}
    for kind in RowKind:
        # An id that shows nothing any more is forgotten, which makes the stages look for the row before they make it.
        results = {
            each.ref: RowResult(rows[each.ref], SyncState.NEW, None if each.action is RepairAction.CREATE else each.monday_id)
            for each in plan
            if each.row_kind is kind and each.ref is not None
        }
        if results:
            run.store.record_results(kind, list(results.values()), run.run_id, run.clock(), customer)


def _archive_duplicates(run: SyncRun, customer: str, plan: Sequence[Repair], report: CustomerReport) -> None:
    """First of all, so that the stages find one of each. Archiving may be repeated, so it needs no intent."""
    for kind, stage in ((RowKind.ITEMS, report.items), (RowKind.SUBITEMS, report.subitems)):
        duplicates = {
            str(each.monday_id): each for each in plan if each.action is RepairAction.ARCHIVE and each.row_kind is kind
        }
        mutations = [Mutation(each, {"item_id": each}) for each in duplicates]
        for batch in run.board.send(Operation.ARCHIVE_ITEM, mutations, lambda _batch: None) if mutations else ():
            stage.count_batch(batch)
            run.store.log_batch(run.run_id, run.clock(), customer, batch)
            for ref, result in batch.results.items():
                _count(stage, customer, duplicates[ref], result)


def _count(stage: StageReport, customer: str, duplicate: Repair, result: MutationResult) -> None:
    if result.outcome is Outcome.DONE:
        stage.archived += 1
    else:
        words = result.message or "it is not known whether it was archived"
        stage.refuse(RowProblem(customer, duplicate.order_key, duplicate.size_code, result.code or result.outcome.value, words))

"""Brings the board to the database where they differ: a plan first, then the ordinary stages.

A row that differs becomes NEW again and goes the ordinary way: looked up, read, compared, sent, with its intent committed before. So
a repair that is interrupted is finished by the next run. Duplicates are archived. What is unknown is left to people: it may be theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orders_platform.domain.differences import ABSENT, DifferenceKind
from orders_platform.domain.mutations import Mutation, Operation, Outcome
from orders_platform.domain.orders import RowKind, RowProblem, RowResult, SyncState
from orders_platform.errors import TransientError
from orders_platform.sync.reconcile import Reconciliation, reconcile
from orders_platform.sync.results import CustomerReport
from orders_platform.sync.run import SyncRun
from orders_platform.sync.stages import sync_groups, sync_items, sync_subitems

RepairAction = Literal["create", "change", "move", "rename", "archive"]  # what is done about a difference


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing that a repair does. `ref` is the row it is done for, None for a duplicate or a group; `detail` says what, for people."""

    action: RepairAction
    row_kind: RowKind
    order_key: str
    size_code: str
    monday_id: int | None
    name: str
    ref: str | None = None
    detail: str = ""


_ACTIONS: dict[DifferenceKind, RepairAction] = {
    **dict.fromkeys(ABSENT, "create"),
    DifferenceKind.DIFFERENT: "change",
    DifferenceKind.WRONG_GROUP: "move",
    DifferenceKind.RENAMED_GROUP: "rename",
    DifferenceKind.DUPLICATE: "archive",
    DifferenceKind.LEFT: "archive",
}


def repair_plan(found: Reconciliation) -> list[Repair]:
    """What a repair would do. Unknown items, and what a policy leaves alone, are not part of it."""
    plan: dict[tuple[RepairAction, RowKind, str | int], Repair] = {}
    for each in found.differences:
        action = _ACTIONS.get(each.kind)
        if action is not None:
            key = action, each.row_kind, each.ref or each.monday_id or each.name
            what = f"{each.board or '(no group)'} -> {each.database}" if each.column == "group" else each.column
            detail = f"{plan[key].detail}, {what}" if key in plan else what
            plan[key] = Repair(
                action, each.row_kind, each.order_key, each.size_code, each.monday_id, each.name, each.ref, detail
            )
    return list(plan.values())


def repair_customer(run: SyncRun, customer: str, plan: Sequence[Repair]) -> CustomerReport:
    """Do what the plan says; the caller holds the customer's lock. Rows that wait are sent along.

    Raises `TransientError`: board or database changed since the plan was made, so that what was agreed to is not what would be done;
    `OrdersError`: what reading and sending raise; rows stay NEW or PENDING for the next run.
    """
    if repair_plan(reconcile(run, customer, cells=True)) != list(plan):
        raise TransientError(
            f"Board or database of customer {customer!r} changed since the plan was made. Nothing was repaired; run verify again."
        )
    report = CustomerReport(customer)
    _archive_duplicates(run, customer, plan, report)
    # The rows in question become NEW; what is gone is looked for before it is made, as in any run.
    refs = {each.ref for each in plan}
    for kind in RowKind:
        results = [RowResult(row, SyncState.NEW, row.monday_id) for row in run.rows(kind, customer) if row.ref in refs]
        if results:
            run.store.record_results(results, run.run_id, run.clock(), customer)
    sync_groups(run, customer, report.groups, [each.name for each in plan if each.action == "rename"])
    sync_items(run, customer, report.items)
    sync_subitems(run, customer, report.subitems)
    return report


def _archive_duplicates(run: SyncRun, customer: str, plan: Sequence[Repair], report: CustomerReport) -> None:
    """First of all, so that the stages find one of each. Archiving may be repeated, so it needs no intent."""
    for kind, stage in ((RowKind.ITEMS, report.items), (RowKind.SUBITEMS, report.subitems)):
        duplicates = {str(each.monday_id): each for each in plan if each.action == "archive" and each.row_kind is kind}
        mutations = [Mutation(each, {"item_id": each}) for each in duplicates]
        for batch in run.board.send(Operation.ARCHIVE_ITEM, mutations, lambda _batch: None) if mutations else ():
            stage.count_batch(batch)
            run.store.log_batch(run.run_id, run.clock(), customer, batch)
            for ref, result in batch.results.items():
                stage.archived += result.outcome is Outcome.DONE
                if result.outcome is not Outcome.DONE:
                    left, code = duplicates[ref], result.code or result.outcome.value
                    words = result.message or "it is not known whether it was archived"
                    stage.refuse(RowProblem(customer, left.order_key, left.size_code, code, words))

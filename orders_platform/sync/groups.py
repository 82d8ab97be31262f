"""Stage 4: every group that a waiting order needs is on the board, once, and its id recorded.

Belongs here: find by title, create the missing, heal stale ids. Does not belong here: what a group is called (`domain/names.py`).
A group's title is its key: a creation of unknown outcome is looked for by title before it is tried again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orders_platform.domain.mutations import Document, Mutation, Operation, Verdict
from orders_platform.domain.names import collapse
from orders_platform.domain.orders import GroupNeed, RejectedRow
from orders_platform.sync.reports import StageReport
from orders_platform.sync.run import SyncRun

_ATTEMPTS = 2  # the second one creates what the first one surely did not


def sync_groups(run: SyncRun, customer: str, *, dry: bool = False) -> StageReport:
    """Make the customer's groups; `skipped` were there already."""
    started = run.clock()
    report = StageReport()
    needs = run.store.pending_groups(customer)
    if needs:
        board_id = run.items_board.description.id
        for attempt in range(_ATTEMPTS):
            on_board = _by_title(run, board_id)
            missing = [need for need in needs if collapse(need.group_name) not in on_board]
            if dry or not missing:
                break
            if _create(run, customer, board_id, missing, report):
                run.settle(run.clock())
            elif attempt == 0:
                on_board = _by_title(run, board_id)
                break
        report.created += len(missing) if dry else 0
        report.skipped = len(needs) - len(missing)
        _record(run, customer, needs, on_board, dry=dry)
        report.waiting = 0 if dry else sum(collapse(need.group_name) not in on_board for need in needs) - report.failed
    report.seconds = (run.clock() - started).total_seconds()
    return report


def _by_title(run: SyncRun, board_id: int) -> dict[str, str]:
    """Group ids by title; of two groups of one title the upper one counts."""
    titles: dict[str, str] = {}
    for group in run.board.groups(board_id):
        titles.setdefault(collapse(group.title), group.id)
    return titles


def _create(run: SyncRun, customer: str, board_id: int, missing: Sequence[GroupNeed], report: StageReport) -> bool:
    """Create groups; True when an outcome is unknown."""
    unknown = False
    for document_report in run.board.send(_documents(run, board_id, missing)):
        report.count_document(document_report)
        run.store.log_document(run.run_id, run.clock(), customer, document_report)
        for title, result in document_report.results.items():
            unknown |= result.verdict in {Verdict.UNKNOWN, Verdict.NOT_SENT}
            report.created += result.verdict is Verdict.DONE
            if result.verdict is Verdict.REFUSED:
                report.refuse(RejectedRow(customer, title, "", result.code or "refused", result.message or ""))
    return unknown


def _documents(run: SyncRun, board_id: int, missing: Sequence[GroupNeed]) -> Iterator[Document]:
    start = 0
    while start < len(missing):
        chunk = missing[start : start + run.board.document_size(Operation.CREATE_GROUP)]
        start += len(chunk)
        mutations = tuple(
            Mutation(need.group_name, {"board_id": str(board_id), "group_name": need.group_name}) for need in chunk
        )
        yield Document(run.new_key(), Operation.CREATE_GROUP, mutations)


def _record(run: SyncRun, customer: str, needs: Sequence[GroupNeed], on_board: Mapping[str, str], *, dry: bool) -> None:
    for need in needs:
        group_id = on_board.get(collapse(need.group_name))
        if group_id is not None and not dry:
            run.store.record_group(customer, need.group_name, group_id)

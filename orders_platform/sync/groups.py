"""Stage 4: every group that a waiting order needs is on the board, once, and its id recorded.

Belongs here: find by title, create the missing, heal stale ids. Does not belong here: what a group is called (`domain/names.py`).
A group's title is its key: a creation of unknown outcome is looked for by title before it is tried again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orders_platform.domain.board import Group
from orders_platform.domain.mutations import Document, Mutation, Operation, Verdict
from orders_platform.domain.names import collapse
from orders_platform.domain.orders import GroupNeed, RejectedRow
from orders_platform.sync.reports import StageReport
from orders_platform.sync.run import SyncRun

_ATTEMPTS = 2  # the second one creates what the first one surely did not


def sync_groups(run: SyncRun, customer: str, *, dry: bool = False, report: StageReport | None = None) -> StageReport:
    """Make the customer's groups; `skipped` were there already. Counts into `report` when one is given."""
    started = run.clock()
    report = report or StageReport()
    needs = run.store.pending_groups(customer)
    if needs:
        board_id = run.items_board.description.id
        on_board = ids_by_title(run.board.groups(board_id))
        missing = _missing(needs, on_board)
        report.skipped = len(needs) - len(missing)
        if dry:
            report.created = len(missing)
        else:
            on_board = _make(run, customer, board_id, missing, on_board, report)
            _record(run, customer, needs, on_board)
            missing = _missing(needs, on_board)
            report.adopted = max(0, len(needs) - len(missing) - report.skipped - report.created)
            report.waiting = len(missing) - report.failed
    report.seconds = (run.clock() - started).total_seconds()
    return report


def ids_by_title(groups: Sequence[Group]) -> dict[str, str]:
    """Group ids by title; of two groups of one title the upper one counts."""
    titles: dict[str, str] = {}
    for group in groups:
        titles.setdefault(collapse(group.title), group.id)
    return titles


def _missing(needs: Sequence[GroupNeed], on_board: Mapping[str, str]) -> list[GroupNeed]:
    return [need for need in needs if collapse(need.group_name) not in on_board]


def _make(
    run: SyncRun,
    customer: str,
    board_id: int,
    missing: Sequence[GroupNeed],
    on_board: dict[str, str],
    report: StageReport,
) -> dict[str, str]:
    """Create what is missing; the ids by title as the board shows them afterwards."""
    for _ in range(_ATTEMPTS):
        if not missing:
            break
        unknown = _create(run, customer, board_id, missing, report)
        if unknown:
            run.settle(run.clock())
        on_board = ids_by_title(run.board.groups(board_id))
        missing = _missing(missing, on_board) if unknown else ()
    return on_board


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


def _record(run: SyncRun, customer: str, needs: Sequence[GroupNeed], on_board: Mapping[str, str]) -> None:
    for need in needs:
        group_id = on_board.get(collapse(need.group_name))
        if group_id is not None:
            run.store.record_group(customer, need.group_name, group_id)

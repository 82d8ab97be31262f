"""Stage 4: every group that a waiting order needs is on the board, once, and its id is recorded.

A group's title is its key: a creation of unknown outcome is looked for by title before it is tried again. The intent is one time for
each customer, that of the last creation sent: until that request is final, a group that is not listed may still be made.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from orders_platform.domain.board import Group
from orders_platform.domain.mutations import Batch, Mutation, Operation, Outcome
from orders_platform.domain.names import collapse
from orders_platform.domain.orders import GroupIntent, GroupNeed, RowProblem
from orders_platform.sync.results import StageReport
from orders_platform.sync.run import SyncRun

_ATTEMPTS = 2  # the second one creates what the first one surely did not


def sync_groups(
    run: SyncRun, customer: str, *, limit: int | None = None, dry: bool = False, report: StageReport | None = None
) -> StageReport:
    """Make the groups of a customer's waiting orders, or of the first `limit` of them; `skipped` were there already.

    Counts into `report` when one is given.
    """
    started = run.clock()
    report = report or StageReport()
    run.admit(customer)
    needs = run.store.waiting_groups(customer)
    if limit is not None:
        names = {row.group_name for row in run.store.waiting_items(customer)[:limit]}
        needs = [need for need in needs if need.group_name in names]
    if needs:
        run.preflight()
        _Groups(run, customer, report).make(needs, dry=dry)
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


class _Groups:
    """The groups of one customer; `on_board` are ids by title."""

    def __init__(self, run: SyncRun, customer: str, report: StageReport) -> None:
        self._run = run
        self._customer = customer
        self._report = report
        self._board_id = run.items_board.description.id
        self._made: dict[str, str] = {}
        self._intent = GroupIntent()
        self._one_at_a_time = threading.Lock()  # batches may be sent by several threads

    def make(self, needs: Sequence[GroupNeed], *, dry: bool) -> None:
        # Before the board is looked at: who sends groups after this look-up has read another intent.
        self._intent = self._run.store.groups_sent(self._customer)
        on_board = self._on_board()
        missing = _missing(needs, on_board)
        self._report.skipped = len(needs) - len(missing)
        if dry:
            self._report.created = len(missing)
            return
        if missing and self._run.wait_until_final(self._intent.sent_at):
            on_board = self._on_board()
        for _ in range(_ATTEMPTS):
            missing = _missing(needs, on_board)
            if not missing or not self._create(missing):
                break
            self._run.wait_until_final(self._run.clock())
            on_board = self._on_board()
        self._conclude(needs, {**on_board, **self._made})

    def _on_board(self) -> dict[str, str]:
        # What was just made may not be listed yet.
        return {**self._made, **ids_by_title(self._run.board.groups(self._board_id))}

    def _create(self, missing: Sequence[GroupNeed]) -> bool:
        """Create groups; True when an outcome is unknown."""
        unknown = False
        board_id = str(self._board_id)
        mutations = [Mutation(need.group_name, {"board_id": board_id, "group_name": need.group_name}) for need in missing]
        for report in self._run.board.send(Operation.CREATE_GROUP, mutations, self._commit_intent):
            self._report.count_batch(report)
            self._run.store.log_batch(self._run.run_id, self._run.clock(), self._customer, report)
            for title, result in report.results.items():
                if result.outcome is Outcome.DONE and result.monday_id is not None:
                    self._made[collapse(title)] = result.monday_id
                    self._run.store.record_group(self._customer, title, result.monday_id)
                elif result.outcome is Outcome.REFUSED:
                    refused = RowProblem(self._customer, title, "", result.code or "refused", result.message or "")
                    self._report.refuse(refused)
                else:
                    unknown = True
        return unknown

    def _commit_intent(self, batch: Batch) -> None:
        with self._one_at_a_time:
            self._intent = self._run.store.record_groups_sent(self._customer, self._intent, batch.key, self._run.clock())

    def _conclude(self, needs: Sequence[GroupNeed], on_board: Mapping[str, str]) -> None:
        found = {need.group_name: on_board.get(collapse(need.group_name)) for need in needs}
        for need in needs:
            group_id = found[need.group_name]
            # Also where the id is known already: of several orders some may have none yet.
            if group_id is not None and self._made.get(collapse(need.group_name)) != group_id:
                self._run.store.record_group(self._customer, need.group_name, group_id)
        self._report.created = len(self._made)
        self._report.adopted = sum(group_id is not None for group_id in found.values()) - self._report.skipped - len(self._made)
        self._report.waiting = sum(group_id is None for group_id in found.values()) - self._report.failed

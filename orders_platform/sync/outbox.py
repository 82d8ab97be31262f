"""Sends the rows of a stage in batches and records what came of each, with the intent committed before each request.

This is what makes a row safe to send, the same for items and subitems; docs/exactly_once.md tells the protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orders_platform.domain.cell_warnings import CellProblem
from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome, is_monday_code
from orders_platform.domain.orders import RowKind, RowProblem, RowResult, SyncRow
from orders_platform.domain.plan import RowPlan, Step
from orders_platform.domain.states import Action, SyncState
from orders_platform.errors import RowError
from orders_platform.sync.results import StageReport
from orders_platform.sync.run import SyncRun

_GONE_TRIES = 3  # runs in a row that find something gone which the next one sees again

OPERATIONS: Mapping[Step, Operation] = {
    Step.CHANGE: Operation.CHANGE_VALUES,
    Step.MOVE: Operation.MOVE_ITEM,
    Step.ARCHIVE: Operation.ARCHIVE_ITEM,
}


def fail_after_max_attempts(row: SyncRow, most_tries: int) -> None:
    """Refuse a row that is not on the board after monday itself, not the network, answered without an outcome `most_tries` times.

    Raises:
        RowError: it is left alone until it changes, or until `retry`.
    """
    if row.monday_id is None and row.tries >= most_tries and is_monday_code(row.last_code):
        raise RowError(
            "gave_up",
            f"sent {row.tries} times and monday.com gave no outcome ({row.last_code}); `orders-platform retry` sends it again",
        )


def row_state(results: Sequence[MutationResult], planned: int) -> SyncState:
    """Where a row stands after `results` of its `planned` mutations.

    PENDING while one is open or its outcome unknown; a refusal outweighs what else was done; what surely was not sent is NEW again.
    """
    outcomes = {result.outcome for result in results}
    if Outcome.UNKNOWN in outcomes or len(results) < planned:
        return SyncState.PENDING
    if Outcome.REFUSED in outcomes:
        return SyncState.FAILED
    return SyncState.NEW if Outcome.NOT_SENT in outcomes else SyncState.SYNCED


@dataclass(slots=True)
class Outgoing:
    """A row that is sent: its plan, and what has come of it so far.

    Attributes:
        variables: makes the arguments of the mutation of a step.
        warnings: what is wrong with the cells that it is sent without.
    """

    row: SyncRow
    plan: RowPlan
    variables: Callable[[Step], Mapping[str, object]]
    warnings: tuple[CellProblem, ...] = ()
    results: list[MutationResult] = field(default_factory=list)

    def take_in(self, result: MutationResult) -> None:
        """Note what came of one step."""
        if result.outcome is Outcome.REFUSED and result.not_found and self.row.tries < _GONE_TRIES:
            # A person removed it a moment ago. The next run sees that before it plans, and follows the policy.
            result = replace(result, outcome=Outcome.NOT_SENT)
        self.results.append(result)

    @property
    def state(self) -> SyncState:
        """Where the row stands."""
        return row_state(self.results, len(self.plan.steps))

    def result(self) -> RowResult:
        """For the store."""
        steps, state = self.plan.steps, self.state
        done = state is SyncState.SYNCED
        reasons = {result.outcome: result for result in self.results if result.outcome is not Outcome.DONE}
        reason = reasons.get(Outcome.REFUSED) or next(reversed(reasons.values()), None)
        code, message = (reason.code, reason.message) if reason else (None, None)
        made = next((int(each.monday_id) for each in self.results if each.monday_id is not None), None)
        # What we archived ourselves is forgotten: if the row comes back it is made anew, whatever the policy for what people remove.
        removed = done and (self.row.action is Action.DELETE or Step.ARCHIVE in steps)
        return RowResult(self.row, state, None if removed else self.plan.item_id or made, code, message,
                         is_new_item=done and Step.CREATE in steps,
                         is_archived=done and self.row.action is Action.DELETE,
                         was_tried=reason is not None and len(self.results) == len(steps),
                         warnings=self.warnings if done else None)  # fmt: skip


class Outbox:
    """Sends the rows of one stage of one customer, one kind of step after the other."""

    def __init__(self, run: SyncRun, customer: str, kind: RowKind, create: Operation, report: StageReport) -> None:
        self._run = run
        self._customer = customer
        self._kind = kind
        self._operations = {**OPERATIONS, Step.CREATE: create}
        self._report = report
        self._by_ref: Mapping[str, Outgoing] = {}

    def send(self, rows: Sequence[Outgoing]) -> list[Outgoing]:
        """Send every step of every row; the rows whose outcome is unknown.

        Raises what `Board.send` raises, after recording what was reported before it.
        """
        self._by_ref = {each.row.ref: each for each in rows}
        self._finish([each for each in rows if not each.plan.steps])
        for step in Step:
            waiting = [each for each in rows if step in each.plan.steps]
            operation, done = self._operations[step], 0
            mutations = (Mutation(each.row.ref, each.variables(step), each.row.tries) for each in waiting)
            words = f"sending {self._kind.value} to {step.value}"
            if waiting:
                self._run.progress(words, 0, len(waiting))
            for report in self._run.board.send(operation, mutations, self._commit_intent) if waiting else ():
                self._take_in(report)
                done += len(report.results)
                self._run.progress(words, done, len(waiting))
        return [each for each in rows if each.state is SyncState.PENDING]

    def _commit_intent(self, batch: Batch) -> None:
        """Before each request: whatever happens next, these rows are known to be of unknown outcome, and since when."""
        sent, run = [self._by_ref[mutation.ref] for mutation in batch.mutations], self._run
        rows = [each.row for each in sent]
        now = run.store.record_intents(self._kind, rows, batch, run.run_id, run.clock(), self._customer, run.uptime)
        for each, row in zip(sent, now, strict=True):
            each.row = row

    def _take_in(self, report: BatchReport) -> None:
        made = report.created_ids
        taken = self._run.store.known_ids(map(int, made)) if made else ()
        report = report.without([str(each) for each in taken])
        rows = [self._by_ref[mutation.ref] for mutation in report.batch.mutations]
        for each in rows:
            each.take_in(report.results[each.row.ref])
        self._report.count_batch(report)
        self._finish(rows, report)

    def _finish(self, rows: Sequence[Outgoing], report: BatchReport | None = None) -> None:
        if not rows:
            return
        results = [row.result() for row in rows]
        self._run.store.record_results(self._kind, results, self._run.run_id, self._run.clock(), self._customer, report)
        for each, result in zip(rows, results, strict=True):
            if result.state is SyncState.SYNCED:
                item_id = result.monday_id or each.row.monday_id
                self._report.count_row(self._customer, each.row, each.plan.steps, item_id, each.warnings)
            elif result.state is SyncState.FAILED and result.code is not None:
                row, words = each.row, result.message or ""
                self._report.refuse(RowProblem(self._customer, row.order_key, row.size_code, result.code, words), row)

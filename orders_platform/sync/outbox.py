"""Sends the rows of a stage in batches and records what came of each, with the intent committed before each request.

This is what makes a row safe to send, the same for items and subitems; docs/exactly_once.md tells the protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orders_platform.domain.mutations import (
    Batch,
    BatchReport,
    Mutation,
    MutationResult,
    Operation,
    Outcome,
    is_monday_code,
)
from orders_platform.domain.orders import LineRow, OrderRow, RowKind, RowProblem, RowResult
from orders_platform.domain.plan import RowPlan, Step
from orders_platform.domain.states import SyncState
from orders_platform.errors import RowError
from orders_platform.sync.results import StageReport
from orders_platform.sync.run import SyncRun

_GONE_TRIES = 3  # runs in a row that find something gone which the next one sees again

OPERATIONS: Mapping[Step, Operation] = {
    Step.CHANGE: Operation.CHANGE_VALUES,
    Step.MOVE: Operation.MOVE_ITEM,
    Step.ARCHIVE: Operation.ARCHIVE_ITEM,
}


def fail_after_max_attempts(row: OrderRow | LineRow, monday_id: int | None, most_tries: int) -> None:
    """Refuse a row that is not on the board after monday itself, not the network, answered without an outcome `most_tries` times.

    Raises:
        RowError: it is left alone until it changes, or until `retry`.
    """
    if monday_id is None and row.tries >= most_tries and is_monday_code(row.last_code):
        raise RowError(
            "gave_up",
            f"sent {row.tries} times and monday.com gave no outcome ({row.last_code}); `orders-platform retry` sends it again",
        )


@dataclass(slots=True)
class Outgoing:
    """A row that is sent: its plan, who it is for people, and what has come of it so far.

    Attributes:
        variables: makes the arguments of the mutation of a step.
        parent_id: for subitems, the item it goes under.
        replaces: an id is recorded; a plan that creates makes it useless.
        is_removal: it is to leave the board; the lines of an order end with it.
        tries: how often it was sent before and nothing came of it.
    """

    ref: str
    order_key: str
    size_code: str
    plan: RowPlan
    variables: Callable[[Step], Mapping[str, object]]
    parent_id: int | None = None
    replaces: bool = False
    is_removal: bool = False
    tries: int = 0
    monday_id: int | None = field(init=False)
    refusal: MutationResult | None = None
    open_end: MutationResult | None = None
    is_unknown: bool = False
    was_not_sent: bool = False
    open_steps: int = field(init=False)

    def __post_init__(self) -> None:
        self.monday_id = self.plan.item_id
        self.open_steps = len(self.plan.steps)

    def take_in(self, step_result: MutationResult) -> None:
        """Note what came of one step."""
        self.open_steps -= 1
        if step_result.outcome is Outcome.REFUSED and step_result.not_found and self.tries < _GONE_TRIES:
            # A person removed it a moment ago. The next run sees that before it plans, and follows the policy.
            step_result = replace(step_result, outcome=Outcome.NOT_SENT)
        if step_result.outcome is Outcome.REFUSED:
            self.refusal = step_result
        if step_result.outcome in {Outcome.UNKNOWN, Outcome.NOT_SENT}:
            self.open_end = step_result
        self.is_unknown |= step_result.outcome is Outcome.UNKNOWN
        self.was_not_sent |= step_result.outcome is Outcome.NOT_SENT
        if step_result.outcome is Outcome.DONE and self.monday_id is None and step_result.monday_id is not None:
            self.monday_id = int(step_result.monday_id)

    @property
    def state(self) -> SyncState:
        """PENDING while a step is open or its outcome unknown; a refusal outweighs what else was done."""
        if self.is_unknown or self.open_steps:
            return SyncState.PENDING
        if self.refusal:
            return SyncState.FAILED
        return SyncState.NEW if self.was_not_sent else SyncState.SYNCED

    def result(self) -> RowResult:
        """For the store."""
        done = self.state is SyncState.SYNCED
        reason = self.refusal or self.open_end
        code, message = (reason.code, reason.message) if reason else (None, None)
        # What we archived ourselves is forgotten: if the row comes back it is made anew, whatever the policy for what people remove.
        monday_id = None if done and (self.is_removal or Step.ARCHIVE in self.plan.steps) else self.monday_id
        return RowResult(self.ref, self.state, monday_id, code, message, self.parent_id,
                         is_new_item=done and Step.CREATE in self.plan.steps,
                         is_archived=done and self.is_removal,
                         was_tried=reason is not None)  # fmt: skip


class Outbox:
    """Sends the rows of one stage of one customer, one kind of step after the other."""

    def __init__(self, run: SyncRun, customer: str, kind: RowKind, create: Operation, report: StageReport) -> None:
        self._run = run
        self._customer = customer
        self._kind = kind
        self._operations = {**OPERATIONS, Step.CREATE: create}
        self._report = report

    def send(self, rows: Sequence[Outgoing]) -> list[Outgoing]:
        """Send every step of every row; the rows whose outcome is unknown.

        Raises what `Board.send` raises, after recording what was reported before it.
        """
        by_ref = {row.ref: row for row in rows}
        self._finish([row for row in rows if not row.plan.steps])
        for step in Step:
            waiting = [row for row in rows if step in row.plan.steps]
            for batch_report in self._run.board.send(self._batches(step, waiting), self._commit_intent):
                self._take_in(batch_report, by_ref)
        return [row for row in rows if row.state is SyncState.PENDING]

    def _batches(self, step: Step, rows: Sequence[Outgoing]) -> Iterator[Batch]:
        operation, start = self._operations[step], 0
        while start < len(rows):
            chunk = _travelling_together(rows[start : start + self._run.board.batch_size(operation)])
            start += len(chunk)
            batch = Batch(self._run.new_key(), operation, tuple(Mutation(row.ref, row.variables(step)) for row in chunk))
            if step is Step.CREATE:
                self._forget_replaced(chunk)
            self._commit_intent(batch)
            self._run.progress(f"{self._customer}: {operation.value} {start}/{len(rows)} {self._kind.value}")
            yield batch

    def _commit_intent(self, batch: Batch) -> None:
        """Before each request: whatever happens next, these rows are known to be of unknown outcome, and since when."""
        refs = [mutation.ref for mutation in batch.mutations]
        self._run.store.record_intents(self._kind, refs, batch.key, self._run.run_id, self._run.clock())

    def _forget_replaced(self, rows: Sequence[Outgoing]) -> None:
        """An id that is of no use any more would hide from the next run that a creation is of unknown outcome."""
        results = [RowResult(row.ref, SyncState.PENDING) for row in rows if row.replaces]
        if results:
            self._run.store.record_results(self._kind, results, self._run.run_id, self._run.clock(), self._customer)

    def _take_in(self, report: BatchReport, by_ref: Mapping[str, Outgoing]) -> None:
        rows = [by_ref[mutation.ref] for mutation in report.batch.mutations]
        for row in rows:
            row.take_in(report.results[row.ref])
        self._report.count_batch(report)
        self._finish(rows, report)

    def _finish(self, rows: Sequence[Outgoing], report: BatchReport | None = None) -> None:
        if not rows:
            return
        results = [row.result() for row in rows]
        self._run.store.record_results(self._kind, results, self._run.run_id, self._run.clock(), self._customer, report)
        for row, result in zip(rows, results, strict=True):
            if result.state is SyncState.SYNCED:
                self._report.count_steps(row.plan.steps)
            elif result.state is SyncState.FAILED and result.code is not None:
                self._report.refuse(RowProblem(self._customer, row.order_key, row.size_code, result.code, result.message or ""))


def _travelling_together(rows: Sequence[Outgoing]) -> Sequence[Outgoing]:
    """The first of these rows that travel together: fewer with each try, so that one that monday chokes on soon stands alone."""
    for index, row in enumerate(rows):
        if row.tries and index + 1 > max(1, len(rows) >> 2 * row.tries):
            return rows[: max(1, index)]
    return rows

"""Stages 4 to 6: the groups of waiting orders are on the board, every waiting order is an item, every waiting line a subitem under it.

A group's title is its key: a creation of unknown outcome is looked for by title before it is tried again. The intent is one time for
each customer, that of the last creation sent: until that request is final, a group that is not listed may still be made. People rename
groups, and swap their titles; the recorded id says which one is meant.

Items and subitems go the same way: wait until unanswered requests are final, look up, read, plan, send in batches, and record what came of
each, with the intent committed before each request; docs/explanation/exactly_once.md tells the protocol. What differs is where a row
belongs on the board, by what it is found there, and the arguments that create it.

Nothing is created before the board was asked: by what a row without an id is found there. A time-out means unknown, never failed. After
the settle time a request is final and what it made is visible, so a look-up then answers for good. Rows that were never sent are looked
up without waiting: so a restored backup, or a first load that is repeated, makes nothing twice. An adopted row is then planned like any
other with a known id.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

from orders_platform.domain.board import BoardItem, Group
from orders_platform.domain.column_values import FormattedRow, column_values_json, creates_labels
from orders_platform.domain.differences import DifferenceKind, ExpectedRow, RowPlan, Step, place_groups, plan_row
from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome, is_monday_code
from orders_platform.domain.orders import Action, CellProblem, RowKind, RowProblem, RowResult, SyncRow, SyncState
from orders_platform.domain.text import fold
from orders_platform.errors import RowError
from orders_platform.sync.reconcile import reconcile
from orders_platform.sync.results import StageReport
from orders_platform.sync.run import BoardShape, SyncRun


def sync_groups(run: SyncRun, customer: str, report: StageReport, also: Iterable[str] = ()) -> None:
    """Make the groups of a customer's waiting orders, and of `also`; `skipped` were there already."""
    with run.counted(customer, report):
        run.admit(customer)
        names = set(run.store.waiting_groups(customer))
        if run.limit is not None or run.orders:
            names &= {row.group_name for row in run.rows(RowKind.ITEMS, customer, waiting=True)}
        names.update(also)
        if names:
            _Groups(run, customer, report, sorted(names)).make()


class _Groups:
    """The groups of one customer."""

    def __init__(self, run: SyncRun, customer: str, report: StageReport, names: Sequence[str]) -> None:
        self._run = run
        self._customer = customer
        self._report = report
        self._names = names
        # Before the board is looked at: who sends groups after this look-up has read another intent.
        self._intent = run.store.groups_sent(customer)
        self._recorded = run.store.groups()
        is_fresh = run.preflight()
        board = run.shape(RowKind.ITEMS).description
        self._board_id = board.id
        self._listed = board.groups if is_fresh else None
        self._made: list[Group] = []
        self._one_at_a_time = threading.Lock()  # batches may be sent by several threads

    def make(self) -> None:
        report, run, dry = self._report, self._run, self._run.is_dry
        placed = self._placed()
        report.skipped = len(self._names) - len(self._missing(placed))
        if not dry and self._missing(placed) and run.wait_until_final([self._intent.moment]):
            placed = self._placed()
        for _ in range(0 if dry else _ATTEMPTS):
            missing = self._missing(placed)
            if not missing or not self._create(missing):
                break
            run.wait_until_final([self._intent.moment])
            placed = self._placed()
        placed = {**place_groups(self._names, self._made, ()), **placed}
        may_rename = run.configuration.policies.renamed_groups == "restore"
        renamed = {name: each for name, each in placed.items() if may_rename and fold(name) != fold(each.title)}
        if dry:
            report.created, report.updated = len(self._missing(placed)), len(renamed)
            return
        report.created = len(self._made)
        report.waiting = len(self._missing(placed)) - report.failed
        report.adopted = len(self._names) - len(self._missing(placed)) - report.skipped - report.created
        for name, group in placed.items():
            if Group(group.id, name) not in self._made:
                # Also where the id is known already: of several orders some may have none yet.
                run.store.record_group(self._customer, name, group.id)
        self._restore_titles(renamed)

    def _placed(self) -> dict[str, Group]:
        # Once, those that the preflight has just read; and what was just made may not be listed yet.
        on_board = self._run.board.groups(self._board_id) if self._listed is None else self._listed
        self._listed = None
        return place_groups(self._names, [*on_board, *self._made], self._recorded)

    def _missing(self, placed: Mapping[str, Group]) -> list[str]:
        """The names without a group, one of each title."""
        return list({fold(name): name for name in self._names if name not in placed}.values())

    def _create(self, names: Sequence[str]) -> bool:
        """Create groups; True when an outcome is unknown."""
        wanted = [Mutation(name, {"board_id": str(self._board_id), "group_name": name}) for name in names]
        unknown = False
        for title, result in self._send(Operation.CREATE_GROUP, wanted, self._commit_intent):
            if result.outcome is Outcome.DONE and result.monday_id is not None:
                self._made.append(Group(result.monday_id, title))
                self._run.store.record_group(self._customer, title, result.monday_id)
            unknown |= result.outcome in {Outcome.UNKNOWN, Outcome.NOT_SENT}
        return unknown

    def _restore_titles(self, renamed: Mapping[str, Group]) -> None:
        """May be repeated, so it needs no intent; a title that stays wrong keeps no order off the board."""
        changes = {
            group.id: Mutation(name, {"board_id": str(self._board_id), "group_id": group.id, "new_value": name})
            for name, group in renamed.items()
        }
        results = self._send(Operation.UPDATE_GROUP, list(changes.values()), lambda _batch: None)
        self._report.updated = sum(result.outcome is Outcome.DONE for _, result in results)

    def _send(
        self, operation: Operation, mutations: Sequence[Mutation], before_request: Callable[[Batch], None]
    ) -> Iterator[tuple[str, MutationResult]]:
        for sent in self._run.board.send(operation, mutations, before_request):
            report = sent.without({*(each.group_id or "" for each in self._recorded), *(each.id for each in self._made)})
            self._report.count_batch(report)
            self._run.store.log_batch(self._run.run_id, self._run.clock(), self._customer, report)
            for title, result in report.results.items():
                if result.outcome is Outcome.REFUSED:
                    refused = RowProblem(self._customer, title, "", result.code or "refused", result.message or "")
                    self._report.refuse(refused)
                yield title, result

    def _commit_intent(self, batch: Batch) -> None:
        with self._one_at_a_time:
            run, known = self._run, self._intent
            self._intent = run.store.record_groups_sent(self._customer, known, batch.key, run.clock(), run.uptime)


_OPERATIONS: Mapping[Step, Operation] = {
    Step.CHANGE: Operation.CHANGE_VALUES,
    Step.MOVE: Operation.MOVE_ITEM,
    Step.ARCHIVE: Operation.ARCHIVE_ITEM,
}
_ATTEMPTS = 2  # the second one finds out what the first one left of unknown outcome, and does what it surely did not
_TOLD_ROWS = 500  # between two words of progress
_GONE_TRIES = 3  # runs in a row that find something gone which the next one sees again


def sync_items(run: SyncRun, customer: str, report: StageReport) -> None:
    """Send a customer's waiting orders; in a dry run count what would be done, and tell it to `run.changes`."""
    run.dry_run_items.clear()
    with run.counted(customer, report):
        _ItemStage(run, customer, report).sync()


def sync_subitems(run: SyncRun, customer: str, report: StageReport) -> None:
    """The same for waiting lines whose order is on the board, unless the run skips them."""
    if not run.skip_subitems:
        with run.counted(customer, report):
            _SubitemStage(run, customer, report).sync()


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
class _Outgoing:
    """A row that is sent: its plan, what is wrong with the cells that it is sent without, and what has come of it so far."""

    row: SyncRow
    plan: RowPlan
    warnings: tuple[CellProblem, ...] = ()
    results: list[MutationResult] = field(default_factory=list)

    def take_in(self, result: MutationResult) -> None:
        if result.outcome is Outcome.REFUSED and result.not_found and self.row.tries < _GONE_TRIES:
            # A person removed it a moment ago. The next run sees that before it plans, and follows the policy.
            result = replace(result, outcome=Outcome.NOT_SENT)
        self.results.append(result)

    @property
    def state(self) -> SyncState:
        return row_state(self.results, len(self.plan.steps))

    def result(self) -> RowResult:
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


class _Stage(ABC):
    """One of the two stages of one customer."""

    kind: ClassVar[RowKind]
    creates: ClassVar[Operation]

    def __init__(self, run: SyncRun, customer: str, report: StageReport) -> None:
        self.run = run
        self.customer = customer
        self.report = report
        self.dry = run.is_dry
        self.forgotten: dict[str, SyncRow] = {}
        self.outgoing: Mapping[str, _Outgoing] = {}
        self.groups: Mapping[str, Group] = {}
        self.titles: Mapping[str, str] = {}

    @cached_property
    def shape(self) -> BoardShape:
        return self.run.shape(self.kind)

    def sync(self) -> None:
        """Send what waits."""
        self.run.admit(self.customer)
        self._recall()
        waiting = self.waiting()
        refs = {row.ref for row in waiting}
        for _ in range(_ATTEMPTS if waiting else 0):
            ready = self.ready(waiting)
            is_unknown = self._send(ready)
            if self.dry:
                self.report.waiting = len(waiting) - len(ready)
                return
            waiting = [row for row in self.run.rows(self.kind, self.customer, waiting=True) if row.ref in refs]
            if not is_unknown:
                break
        self.report.waiting = len(waiting)
        if not self.dry and (self.report.created or self.report.adopted):
            found = reconcile(self.run, self.customer, cells=False, sent=self.kind).differences
            self.report.doubled += [each for each in found if each.kind is DifferenceKind.DUPLICATE]

    def _send(self, waiting: Sequence[SyncRow]) -> bool:
        """Send these rows; True when an outcome is unknown."""
        if not waiting:
            return False
        self.run.preflight()
        if not self.dry:  # changes of unknown outcome are waited for as well: a late one would overwrite what is sent now
            self.run.wait_until_final([(row.pending_at, row.uptime) for row in waiting if row.state is SyncState.PENDING])
        rows = self.placed(waiting)
        on_board = self._read(rows)
        rows = self._adopt(self._forget(rows, on_board))
        on_board |= self._read([row for row in rows if row.monday_id not in on_board])
        planned = (made for row in rows if (made := self._planned(row, on_board)) is not None)
        if self.dry:
            self.record([result for each in self._counted(planned, len(rows)) if (result := self.rehearsed(each))])
            return False
        outgoing = list(planned)
        self._deliver(outgoing)
        return any(each.state is SyncState.PENDING for each in outgoing)

    def _forget(self, rows: Sequence[SyncRow], on_board: Mapping[int, BoardItem]) -> list[SyncRow]:
        """The same rows; those that people removed or moved away, and that are to be made again, have no id any more.

        That is committed first: the id would hide from the next run that a creation is of unknown outcome.
        """
        if self.run.configuration.policies.deleted_on_board == "leave":
            return list(rows)
        placed = {None, *on_board}
        gone = [
            row for row in rows
            if row.monday_id not in placed and row.action is not Action.DELETE and row.values.get("qty") != 0
        ]  # fmt: skip
        if not gone:
            return list(rows)
        self.forgotten |= {row.ref: row for row in gone}
        self.record([RowResult(row, row.state) for row in gone])
        return [row._replace(monday_id=None) if row.ref in self.forgotten else row for row in rows]

    def _adopt(self, rows: Sequence[SyncRow]) -> list[SyncRow]:
        """The same rows; those without an id that are on the board have it now.

        It is committed at once, and logged; the row stays what it is until what else it needs is done. What is to be removed and was
        never sent need not be looked for.
        """
        lost = [
            row for row in rows
            if row.monday_id is None and (row.action is not Action.DELETE or row.state is SyncState.PENDING)
        ]  # fmt: skip
        found = self.look_up(lost) if lost else {}
        self.report.adopted += len(found)
        if not found:
            return list(rows)
        key = self.run.new_key()
        # The lines of an adopted item's order belong under it from now on.
        results = [RowResult(row, row.state, found[row.ref], is_new_item=True) for row in lost if row.ref in found]
        self.record(results, adoption=key)
        return [row._replace(monday_id=found[row.ref], batch_id=key) if row.ref in found else row for row in rows]

    def _read(self, rows: Sequence[SyncRow]) -> dict[int, BoardItem]:
        """What the board shows of these rows, as far as it is where it belongs."""
        parents = {row.monday_id: row.parent_id for row in rows if row.monday_id is not None}
        columns = [field.column_id for field in self.shape.mapping.fields]
        if parents:
            self.run.progress(f"reading {self.kind.value}", 0, len(parents))
        shown = self.run.board.items(list(parents), columns) if parents else {}
        return {item.id: item for item in shown.values() if not item.absence(self.shape.mapping.board_id, parents[item.id])}

    def _planned(self, row: SyncRow, on_board: Mapping[int, BoardItem]) -> _Outgoing | None:
        """The row with its plan; None when it is refused."""
        try:
            self._require_tries(row)
            made = FormattedRow({}) if row.action is Action.DELETE or self._is_counted(row) else self._formatted(row)
        except RowError as refusal:
            self.report.refuse(RowProblem(self.customer, row.order_key, row.size_code, refusal.code, refusal.message), row)
            if self.dry:
                self.run.dry_run_items[row.order_ref] = False
            else:
                self.record([RowResult(row, SyncState.FAILED, row.monday_id, refusal.code, refusal.message)])
            return None
        shown = on_board.get(row.monday_id) if row.monday_id is not None else None
        plan = plan_row(
            row, made.cells, shown, self.shape.mapping, self.shape.columns, self.run.configuration.policies.deleted_on_board
        )
        if self.run.changes is not None and plan.steps:
            row_there = self.forgotten.get(row.ref, row)
            expected = ExpectedRow(row_there, (0, ""), made.cells, self.groups.get(row.group_name))
            self.run.changes.add(expected, shown, self.shape.mapping, self.shape.columns, self.titles)
        return _Outgoing(row, plan, made.problems)

    def _is_counted(self, row: SyncRow) -> bool:
        """Whether a row is made, and nobody is told more of it."""
        is_told = self.run.changes is not None and self.run.changes.tells(row)
        return self.dry and row.monday_id is None and not is_told and self.shape.format.is_plain(row.values)

    def _require_tries(self, row: SyncRow) -> None:
        """Refuse a row that is not on the board after monday itself, not the network, answered without an outcome that often.

        Raises `RowError`: it is left alone until it changes, or until `retry`.
        """
        is_given_up = row.monday_id is None and is_monday_code(row.last_code)
        if is_given_up and row.tries >= self.run.configuration.monday.max_tries:
            raise RowError(
                "gave_up",
                f"sent {row.tries} times and monday.com gave no outcome ({row.last_code}); `orders-platform retry` sends it again",
            )

    def _formatted(self, row: SyncRow) -> FormattedRow:
        """The row's cells. What is wrong with those of a line is told by its size."""
        made = self.shape.format(row.values)
        if not made.problems:
            return made
        return replace(made, problems=tuple(replace(each, column=row.size_code or each.column) for each in made.problems))

    def _recall(self) -> None:
        """Rows that were sent without a label wait again where the board has it now."""
        warned = self.run.store.rows_without_labels(self.kind, self.customer)
        if not warned:
            return
        self.run.preflight()
        now = {row.ref: sum("label" in each.code for each in self._formatted(row).problems) for row, _ in warned}
        self.record([RowResult(row, SyncState.NEW, row.monday_id) for row, count in warned if now[row.ref] < count])

    def _variables(self, step: Step, row: SyncRow, plan: RowPlan) -> Mapping[str, object]:
        """The arguments of a mutation. A change writes the new name among the cells."""
        if step is Step.ARCHIVE:
            return {"item_id": str(plan.item_id)}
        if step is Step.MOVE:
            return {"item_id": str(plan.item_id), "group_id": row.group_id}
        board_id, cells = str(self.shape.mapping.board_id), plan.cells
        if step is Step.CHANGE:
            place: dict[str, object] = {"item_id": str(plan.item_id), "board_id": board_id}
            cells = {**cells, "name": plan.name} if plan.name else cells
        elif self.kind is RowKind.ITEMS:
            place = {"board_id": board_id, "group_id": row.group_id, "item_name": plan.name}
        else:
            place = {"parent_item_id": str(row.parent_id), "item_name": plan.name}
        flag = creates_labels(self.shape.mapping, plan.cells)
        return {**place, "column_values": column_values_json(cells), "create_labels_if_missing": flag}

    def _deliver(self, rows: Sequence[_Outgoing]) -> None:
        """Send every step of every row, one kind of step after the other.

        Raises what `Board.send` raises, after recording what was reported before it.
        """
        self.outgoing = {each.row.ref: each for each in rows}
        self._finish([each for each in rows if not each.plan.steps])
        for step in Step:
            waiting = [each for each in rows if step in each.plan.steps]
            if not waiting:
                continue
            words, done = f"sending {self.kind.value} to {step.value}", 0
            self.run.progress(words, 0, len(waiting))
            mutations = (Mutation(each.row.ref, self._variables(step, each.row, each.plan), each.row.tries) for each in waiting)
            for report in self.run.board.send(_OPERATIONS.get(step, self.creates), mutations, self._commit_intent):
                self._take_in(report)
                done += len(report.results)
                self.run.progress(words, done, len(waiting))

    def _commit_intent(self, batch: Batch) -> None:
        """Before each request: whatever happens next, these rows are known to be of unknown outcome, and since when."""
        sent, run = [self.outgoing[mutation.ref] for mutation in batch.mutations], self.run
        rows = [each.row for each in sent]
        now = run.store.record_intents(rows, batch, run.run_id, run.clock(), self.customer, run.uptime)
        for each, row in zip(sent, now, strict=True):
            each.row = row

    def _take_in(self, report: BatchReport) -> None:
        report = report.without([str(each) for each in self.run.store.known_ids(map(int, report.created_ids))])
        rows = [self.outgoing[mutation.ref] for mutation in report.batch.mutations]
        for each in rows:
            each.take_in(report.results[each.row.ref])
        self.report.count_batch(report)
        if rows:
            self._finish(rows, report)
        else:  # monday sent it away, and its rows go in other batches
            self.run.store.log_batch(self.run.run_id, self.run.clock(), self.customer, report)

    def _finish(self, rows: Sequence[_Outgoing], report: BatchReport | None = None) -> None:
        results = [row.result() for row in rows]
        self.record(results, report)
        for each, result in zip(rows, results, strict=True):
            if result.state is SyncState.SYNCED:
                item_id = result.monday_id or each.row.monday_id
                self.report.count_row(self.customer, each.row, each.plan.steps, item_id, each.warnings)
            elif result.state is SyncState.FAILED and result.code is not None:
                place = self.customer, each.row.order_key, each.row.size_code
                self.report.refuse(RowProblem(*place, result.code, result.message or ""), each.row)

    def record(self, results: Sequence[RowResult], report: BatchReport | None = None, adoption: str | None = None) -> None:
        run = self.run
        if results:
            run.store.record_results(results, run.run_id, run.clock(), self.customer, report, adoption)

    def waiting(self) -> Sequence[SyncRow]:
        """The rows that this is about."""
        return self.run.rows(self.kind, self.customer, waiting=True)

    def ready(self, rows: Sequence[SyncRow]) -> Sequence[SyncRow]:
        """Those of which what they belong under is on the board, or would be if this were no dry run."""
        return rows

    def _counted(self, rows: Iterable[_Outgoing], total: int) -> Iterator[_Outgoing]:
        """The rows, one after the other, each counted by what would be done."""
        for done, row in enumerate(rows):
            if not done % _TOLD_ROWS:
                self.run.progress(f"planning {self.kind.value}", done, total)
            self.report.count_row(self.customer, row.row, row.plan.steps, row.plan.item_id, row.warnings)
            yield row

    def rehearsed(self, sent: _Outgoing) -> RowResult | None:  # noqa: ARG002 - for the other stage
        """What a dry run records of a row, so that what follows goes on as it would after a real run."""
        return None

    @abstractmethod
    def placed(self, rows: Sequence[SyncRow]) -> list[SyncRow]:
        """Those of the rows whose place on the board is there."""

    @abstractmethod
    def look_up(self, rows: Sequence[SyncRow]) -> Mapping[str, int]:
        """The ids of those of the rows that are on the board and belong to no row yet, by ref."""


class _ItemStage(_Stage):
    kind = RowKind.ITEMS
    creates = Operation.CREATE_ITEM

    def placed(self, rows: Sequence[SyncRow]) -> list[SyncRow]:
        """Those whose group is on the board; in a dry run all, as if the groups had been made."""
        groups = self.run.board.groups(self.shape.mapping.board_id)
        if self.dry:
            self.groups = place_groups({row.group_name for row in rows}, groups, self.run.store.groups())
            self.titles = {group.id: group.title for group in groups}
            ids_by_name = {name: group.id for name, group in self.groups.items()}
            return [row._replace(group_id=ids_by_name.get(row.group_name, row.group_name)) for row in rows]
        ids = {group.id for group in groups}
        # A group that was made a moment ago may not be listed yet.
        is_missing = any(row.action is not Action.DELETE and row.group_id not in ids for row in rows)
        if is_missing and self.run.wait_until_final([self.run.store.groups_sent(self.customer).moment]):
            ids = {group.id for group in self.run.board.groups(self.shape.mapping.board_id)}
        return [row for row in rows if row.action is Action.DELETE or row.group_id in ids]

    def look_up(self, rows: Sequence[SyncRow]) -> Mapping[str, int]:
        """By external key, on the whole board."""
        keys = {row.ref: self.run.external_key(row) for row in rows}
        found = self.run.board.find_items(
            self.shape.mapping.board_id, self.shape.mapping.external_key or "", sorted({*keys.values()})
        )
        ids = {item.id for items in found.values() for item in items}
        free = ids - self.run.store.known_ids(ids)
        adopted: dict[str, int] = {}
        # Best fit first over all rows: of two orders that share a key, neither takes the other's item while its own is there.
        pairs = [(row, item) for row in rows for item in found.get(keys[row.ref], ())]
        for row, item in sorted(pairs, key=lambda pair: _likeness(*pair), reverse=True):
            if item.id in free and row.ref not in adopted:
                free.discard(item.id)
                adopted[row.ref] = item.id
        return adopted

    def rehearsed(self, sent: _Outgoing) -> RowResult | None:
        """The lines of an order that is made, again or for the first time, or archived."""
        if sent.row.action is Action.DELETE:
            return RowResult(sent.row, SyncState.SYNCED, is_archived=True)
        if sent.row.monday_id is None:
            self.run.dry_run_items[sent.row.ref] = is_made = Step.CREATE in sent.plan.steps
            if is_made and sent.row.ref in self.forgotten:
                return RowResult(sent.row, SyncState.NEW, sent.plan.item_id, is_new_item=True)
        return None


class _SubitemStage(_Stage):
    kind = RowKind.SUBITEMS
    creates = Operation.CREATE_SUBITEM
    _children: Mapping[int, Sequence[BoardItem]]
    _not_read: Sequence[tuple[int, int]] = ()  # quantities, and how many lines have each, of those that need not be looked at

    def sync(self) -> None:
        super().sync()
        made = sum(count for qty, count in self._not_read if qty)
        self.report.created += made
        self.report.skipped += sum(count for qty, count in self._not_read if not qty)
        if self.run.changes:
            self.run.changes.untold_sizes += made

    def waiting(self) -> Sequence[SyncRow]:
        """The same; but of the lines of orders that are made, of which nothing is told, there need only be as many as there are."""
        run, changes = self.run, self.run.changes
        is_whole = run.limit is None and not run.orders and all(run.dry_run_items.values())
        if not run.dry_run_items or not is_whole or (changes and (changes.most is None or changes.only)):
            return super().waiting()
        told = changes.told if changes else ()
        found, is_plain = run.store.new_lines(self.customer, told), self.shape.format.is_plain
        odd = {size for size, qty, is_new, _ in found if not (is_new and is_plain({"size_code": size, "qty": qty}))}
        self._not_read = [(qty, count) for size, qty, _, count in found if size not in odd]
        return run.store.lines_not_counted(self.customer, told, odd)

    def ready(self, rows: Sequence[SyncRow]) -> Sequence[SyncRow]:
        return [row for row in rows if row.parent_id is not None or self.run.dry_run_items.get(row.order_ref)]

    def placed(self, rows: Sequence[SyncRow]) -> list[SyncRow]:
        """Those whose item is on the board. Where a person removed it, the order itself goes through its stage again."""
        # An id under another item is of no use: that item was replaced, and its subitems went with it.
        rows = [row if row.sent_parent_id in {None, row.parent_id} else row._replace(monday_id=None) for row in rows]
        parents = sorted({row.parent_id for row in rows if row.parent_id is not None})
        self._children = self.run.board.children(self.run.configuration.items.board_id, parents) if parents else {}
        orphans = [row for row in rows if row.parent_id is not None and row.parent_id not in self._children]
        if orphans and not self.dry:
            if self.run.configuration.policies.deleted_on_board == "leave":
                self.record([RowResult(row, SyncState.SYNCED, row.monday_id) for row in orphans])
            else:
                self.run.store.record_gone_items(sorted({row.order_ref for row in orphans}), self.run.clock())
        return [row for row in rows if row not in orphans]

    def look_up(self, rows: Sequence[SyncRow]) -> Mapping[str, int]:
        """By name, among the subitems of the item."""
        named = {
            row.ref: {child.id for child in self._children.get(row.parent_id or 0, ()) if child.name == row.name}
            for row in rows
        }
        ids = set().union(*named.values())
        known = self.run.store.known_ids(ids)
        return {ref: min(found - known) for ref, found in named.items() if found - known}


def _likeness(row: SyncRow, item: BoardItem) -> tuple[bool, bool, int]:
    """Of several items with the row's key, the one with its name, else in its group, else the oldest."""
    return item.name == row.name, item.group_id == row.group_id, -item.id

"""Stage 4: every group that a waiting order needs is on the board, once, under its title, and its id is recorded.

A group's title is its key: a creation of unknown outcome is looked for by title before it is tried again. The intent is one time for
each customer, that of the last creation sent: until that request is final, a group that is not listed may still be made. People rename
groups, and swap their titles; the recorded id says which one is meant.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from orders_platform.domain.board import Group
from orders_platform.domain.history import CustomerGroup
from orders_platform.domain.mutations import Batch, Mutation, MutationResult, Operation, Outcome
from orders_platform.domain.orders import RowKind, RowProblem
from orders_platform.domain.text import fold
from orders_platform.sync.results import StageReport
from orders_platform.sync.run import SyncRun

_ATTEMPTS = 2  # the second one creates what the first one surely did not


def sync_groups(
    run: SyncRun, customer: str, report: StageReport, *, limit: int | None = None, dry: bool = False, also: Iterable[str] = ()
) -> None:
    """Make the groups of a customer's waiting orders, or of the first `limit` of them, and of `also`; `skipped` were there already."""
    with run.counted(customer, report):
        run.admit(customer)
        names = set(run.store.waiting_groups(customer))
        if limit is not None or run.orders:
            names &= {row.group_name for row in run.rows(RowKind.ITEMS, customer, waiting=True)[:limit]}
        names.update(also)
        if names:
            _Groups(run, customer, report, sorted(names)).make(dry=dry)


def place_groups(names: Iterable[str], on_board: Sequence[Group], recorded: Iterable[CustomerGroup]) -> dict[str, Group]:
    """The group that each of these names means: the one titled so, as labels compare, else the one recorded for it under whatever title.

    Of several groups of one title the recorded one counts, else the upper one; a group that is recorded for other names only never
    does: somebody gave it the title.
    """
    active = {group.id: group for group in on_board}
    known: dict[str, Group] = {}
    owners: dict[str, set[str]] = defaultdict(set)
    for each in recorded:
        if each.group_id in active:
            known.setdefault(fold(each.name), active[each.group_id])
            owners[each.group_id].add(fold(each.name))
    titled: dict[str, Group] = {}
    for group in [*known.values(), *on_board]:
        title = fold(group.title)
        if title in owners.get(group.id, {title}):
            titled.setdefault(title, group)
    placed = {name: titled.get(fold(name)) or known.get(fold(name)) for name in names}
    return {name: group for name, group in placed.items() if group is not None}


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

    def make(self, *, dry: bool) -> None:
        report, run = self._report, self._run
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

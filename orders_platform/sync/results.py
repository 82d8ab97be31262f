"""What a stage, a customer and a whole run did, as figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from orders_platform.domain.differences import Difference, Step
from orders_platform.domain.guards import HeaderMerge, LineMerge
from orders_platform.domain.mutations import BatchReport, Outcome
from orders_platform.domain.orders import CellProblem, CellWarning, RowKind, RowProblem, SyncRow


@dataclass(frozen=True, slots=True)
class SentRow:
    """What a stage did of one row, in words, with the item it is on; `note`: why it was refused, or the columns it was sent without."""

    what: str
    order_key: str
    size_code: str
    name: str
    item_id: int | None
    note: str = ""


_KEPT_ROWS = 50


@dataclass(slots=True)
class StageReport:
    """One stage (groups, items or subitems) of one customer. In a dry run the rows are what would be done."""

    created: int = 0
    updated: int = 0
    moved: int = 0
    archived: int = 0
    skipped: int = 0  # rows that the board already showed as wanted
    adopted: int = 0  # rows without an id that were found on the board
    failed: int = 0
    waiting: int = 0  # rows that could not be sent yet (their group or item is missing, or their outcome is still unknown)
    documents: int = 0
    mutations: int = 0
    calls: int = 0  # requests of the batches, repeats included
    reads: int = 0
    complexity: int = 0
    rate_limited: int = 0  # answers of both that said that a limit was hit
    seconds: float = 0.0  # from the first read to the last write
    refusals: list[RowProblem] = field(default_factory=list)
    warnings: list[CellWarning] = field(default_factory=list)
    doubled: list[Difference] = field(default_factory=list)  # what was found on the board more than once after the stage
    trouble: str | None = None  # why rows wait, in monday's or the network's words; the last reason there was
    # the first of those that the board was changed by or that were refused, by what was done
    rows: dict[str, list[SentRow]] = field(default_factory=dict)

    def count_row(
        self, customer: str, row: SyncRow, steps: tuple[Step, ...], item_id: int | None, problems: Sequence[CellProblem]
    ) -> None:
        """Count a row by what is done for it, and note the cells that it is sent without."""
        for each in problems:
            self.warnings.append(CellWarning(customer, row.order_key, each.column, each.text, each.code, each.reason, row.ref))
        if steps or problems:
            note = f"without {', '.join(each.column for each in problems)}" if problems else ""
            self._keep(", ".join(steps) or "unchanged", row.order_key, row.size_code, row, item_id, note)
        self.created += Step.CREATE in steps
        self.updated += Step.CHANGE in steps
        self.moved += Step.MOVE in steps
        self.archived += Step.ARCHIVE in steps
        self.skipped += not steps

    def count_batch(self, report: BatchReport) -> None:
        self.documents += 1
        self.mutations += report.mutations_sent
        self.calls += report.calls
        self.complexity += report.complexity
        self.rate_limited += report.rate_limited
        for result in report.results.values():
            if result.outcome in {Outcome.UNKNOWN, Outcome.NOT_SENT}:
                self.trouble = f"{result.code or result.outcome.value}: {result.message or report.error or 'no answer'}"

    def refuse(self, problem: RowProblem, row: SyncRow | None = None) -> None:
        """Count a row, or a group, that is not on the board, with the reason."""
        self.failed += 1
        self.refusals.append(problem)
        self._keep("refused", problem.order_key, problem.size_code, row, row.monday_id if row else None, problem.reason)

    def _keep(self, what: str, order_key: str, size_code: str, row: SyncRow | None, monday_id: int | None, note: str) -> None:
        kept = self.rows.setdefault(what, [])
        if len(kept) < _KEPT_ROWS:
            item_id = row.parent_id if row and row.kind is RowKind.SUBITEMS else monday_id
            kept.append(SentRow(what, order_key, size_code, row.name if row else "", item_id, note))

    def figures(self) -> dict[str, int | float]:
        plain = {f.name: figure for f in fields(self) if isinstance(figure := getattr(self, f.name), int | float)}
        return {**plain, "warnings": len(self.warnings), "doubled": len(self.doubled)}


@dataclass(slots=True)
class CustomerReport:
    """One customer, all stages. `error` says why it ended early; then the stages hold what was done before."""

    customer: str
    headers: HeaderMerge | None = None
    lines: LineMerge | None = None
    groups: StageReport = field(default_factory=StageReport)
    items: StageReport = field(default_factory=StageReport)
    subitems: StageReport = field(default_factory=StageReport)
    seconds: float = 0.0
    error: str | None = None

    @property
    def stages(self) -> tuple[StageReport, StageReport, StageReport]:
        return self.groups, self.items, self.subitems

    @property
    def doubled(self) -> list[Difference]:
        return [double for stage in self.stages for double in stage.doubled]

    @property
    def is_merged(self) -> bool:
        """The load was merged as it is, and no order of it waits for the merge of another customer."""
        return self.error is None and not (self.headers and self.headers.unsettled)

    def total(self, figure: str) -> int:
        return sum(int(getattr(stage, figure)) for stage in self.stages)

    @property
    def is_done(self) -> bool:
        """True when nothing failed, nothing waits and nothing is on the board twice."""
        return self.error is None and not self.doubled and not self.total("failed") and not self.total("waiting")

"""Does the board show what the database says it shows? Three comparisons, which change neither side.

After a stage: is anything of what was just sent on the board twice? After a run: ids and counts of one customer, by group and by item.
For `verify`: every cell of every row of one customer. Each reads both sides before its first conclusion: a read that fails ends it.

Lists and searches lag behind, items asked for by id do not: an item is missing, an orphan or a duplicate only when asking for it by id
says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orders_platform.domain.board import BoardItem
from orders_platform.domain.column_values import format_row
from orders_platform.domain.differences import (
    Difference,
    DifferenceKind,
    ExpectedRow,
    LookUp,
    Orphan,
    is_active,
    orphan_differences,
    row_differences,
)
from orders_platform.domain.labels import LabelIndex
from orders_platform.domain.mapping import BoardMapping
from orders_platform.domain.names import collapse
from orders_platform.domain.orders import RowKind, SyncRow
from orders_platform.domain.states import Action, SyncState
from orders_platform.errors import RowError
from orders_platform.sync.ports import RecordedRows
from orders_platform.sync.recovery import external_key, items_by_key
from orders_platform.sync.results import Duplicate, StageReport
from orders_platform.sync.run import BoardShape, SyncRun

_IDS_A_STATEMENT = 1000  # SQL Server takes 2,100 parameters

Shown = Mapping[int, BoardItem]


# --- after a stage: duplicates


def report_duplicate_items(run: SyncRun, rows: Sequence[SyncRow], report: StageReport) -> None:
    """Report the items that carry the key of one of these orders and belong to no order of ours."""
    found = items_by_key(run, rows)
    known = run.store.known_item_ids({item.id for items in found.values() for item in items})
    for row in rows:
        items = found.get(external_key(run, row), ())
        orphans = [item.id for item in items if item.id not in known]
        # Without an item of ours beside them they are what the next run will adopt.
        if orphans and len(orphans) < len(items):
            report.doubled.append(Duplicate(row.order_key, "", tuple(sorted(item.id for item in items))))


def report_duplicate_subitems(run: SyncRun, rows: Sequence[SyncRow], report: StageReport) -> None:
    """Report the lines whose size is under their item more than once."""
    children = run.board.children(sorted({row.parent_id for row in rows if row.parent_id is not None}), [])
    for row in rows:
        ids = tuple(sorted(child.id for child in children.get(row.parent_id or 0, ()) if child.name == row.name))
        if len(ids) > 1:
            report.doubled.append(Duplicate(row.order_key, row.size_code, ids))


# --- ids and counts


@dataclass(slots=True)
class IdReconciliation:
    """What came of comparing one customer.

    Attributes:
        items: orders that are done with and on the board as far as we know; `subitems` alike for lines.
        items_shown: of those, how many the board really shows; `subitems_shown` alike.
        differences: missing ones, and items or subitems that belong to no row.
    """

    items: int = 0
    subitems: int = 0
    items_shown: int = 0
    subitems_shown: int = 0
    differences: list[Difference] = field(default_factory=list)


def reconcile_ids(run: SyncRun, recorded: RecordedRows, customer: str) -> IdReconciliation:
    """Compare ids and counts of a customer; the caller holds the customer's lock.

    Raises:
        OrdersError: something could not be read; nothing is concluded from what was.
    """
    orders = {row.monday_id: row for row in recorded.orders(customer) if row.monday_id is not None and _is_synced(row)}
    lines = recorded.lines(customer)
    listed = {item.id: item for item in _items_of(run, recorded, customer)}
    gone = _gone(run, orders.keys() - listed.keys())
    living = sorted(orders.keys() - gone)
    children = run.board.children(living, []) if living else {}
    shown = {child.id: child for each in children.values() for child in each}
    due = {row.monday_id: row for row in lines if row.monday_id is not None and row.parent_id in living and _is_synced(row)}
    lost = _gone(run, due.keys() - shown.keys())
    orphans = [item for item_id, item in listed.items() if item_id not in orders]
    owned = known_items(run, [item.id for item in orphans])
    known_subitems = {row.monday_id for row in lines}
    found = IdReconciliation(len(orders), len(due), len(orders) - len(gone), len(due) - len(lost))
    if run.rules.on_deleted != "leave":
        found.differences += [_missing(orders[each]) for each in sorted(gone)]
        found.differences += [_missing(due[each]) for each in sorted(lost)]
    unknown = [(RowKind.ITEMS, item) for item in orphans if item.id not in owned]
    unknown += [(RowKind.SUBITEMS, child) for child in shown.values() if child.id not in known_subitems]
    found.differences += _really_there(run, unknown)
    return found


def _is_synced(row: SyncRow) -> bool:
    return row.state is SyncState.SYNCED and row.action is not Action.DELETE


def _items_of(run: SyncRun, recorded: RecordedRows, customer: str) -> Iterable[BoardItem]:
    """What the board lists in the groups that are this customer's alone."""
    board_id, known = run.rules.items.board_id, list(recorded.groups())
    titles = {group.id: collapse(group.title) for group in run.board.groups(board_id)}
    ours, others = (
        {(each.name, each.group_id) for each in known if (each.customer == customer) is mine} for mine in (True, False)
    )
    alone = [
        group_id for group_id, title in titles.items() if _is_of(ours, group_id, title) and not _is_of(others, group_id, title)
    ]
    return run.board.items_of_groups(board_id, sorted(alone), [])


def _is_of(groups: set[tuple[str, str | None]], group_id: str, title: str) -> bool:
    return any(title == name or group_id == known_id for name, known_id in groups)


def _gone(run: SyncRun, ids: Iterable[int]) -> set[int]:
    asked = sorted(ids)
    shown: Mapping[int, BoardItem] = run.board.items(asked, []) if asked else {}
    return {each for each in asked if not is_active(shown.get(each))}


def _missing(row: SyncRow) -> Difference:
    name = row.size_code or row.name
    return Difference(DifferenceKind.MISSING, row.kind, row.order_key, row.size_code, row.monday_id, name, row.ref)


def _really_there(run: SyncRun, found: Iterable[tuple[RowKind, BoardItem]]) -> list[Difference]:
    orphans = list(found)
    gone = _gone(run, [item.id for _, item in orphans])
    return [
        Difference(DifferenceKind.UNKNOWN, kind, "", "", item.id, item.name) for kind, item in orphans if item.id not in gone
    ]


# --- every cell


@dataclass(slots=True)
class CellReconciliation:
    """What came of comparing one customer.

    Attributes:
        orders: on the board and done with, so compared; `lines` alike.
        waiting: rows on their way, or refused: not compared.
        left_alone: rows that a person removed from the board, where the policy is to leave it so.
    """

    customer: str
    orders: int = 0
    lines: int = 0
    differences: list[Difference] = field(default_factory=list)
    waiting: list[ExpectedRow] = field(default_factory=list)
    left_alone: list[Difference] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """True when the board shows every row that is done with, and nothing besides."""
        return not self.differences


def reconcile_cells(run: SyncRun, recorded: RecordedRows, customer: str) -> CellReconciliation:
    """Compare a customer's rows with the board; the caller holds the customer's lock.

    Raises:
        OrdersError: something could not be read; nothing is concluded from what was.
    """
    run.preflight()
    run.board.note_calls_today(run.store.monday_usage(run.clock()).calls_today)
    found = CellReconciliation(customer)
    items = _ItemSide(run, recorded, customer)
    subitems = _SubitemSide(run, recorded, customer, items.active_ids)
    for side in (items, subitems):
        synced = [row for row in side.rows if row.state is SyncState.SYNCED]
        found.waiting += [row for row in side.rows if row.state is not SyncState.SYNCED] + side.blocked
        found.differences += [each for row in synced for each in side.compare(row)]
        found.differences += orphan_differences(side.kind, side.orphans(), side.rows, side.active_ids)
    found.orders, found.lines = (sum(row.state is SyncState.SYNCED for row in side.rows) for side in (items, subitems))
    if run.rules.on_deleted == "leave":
        found.left_alone = [each for each in found.differences if each.kind is DifferenceKind.MISSING]
        found.differences = [each for each in found.differences if each.kind is not DifferenceKind.MISSING]
    return found


def known_items(run: SyncRun, ids: Iterable[int]) -> set[int]:
    """Which of these items belong to an order, whoever's; asked last, an item made meanwhile is known by now."""
    asked, known = sorted(ids), set[int]()
    for start in range(0, len(asked), _IDS_A_STATEMENT):
        known |= run.store.known_item_ids(asked[start : start + _IDS_A_STATEMENT])
    return known


class _Side(ABC):
    """One of the two boards: the rows that should be on it, and what it shows under their ids."""

    kind: RowKind

    def __init__(self, run: SyncRun, mapping: BoardMapping, shape: BoardShape, rows: Iterable[ExpectedRow]) -> None:
        self.run = run
        self.rows = list(rows)
        self.blocked: list[ExpectedRow] = []
        self._mapping = mapping
        self._shape = shape
        self.groups: Mapping[str, str] = {}
        column_ids = [mapped.column_id for mapped in mapping.fields]
        self.ids = {row.monday_id for row in self.rows if row.monday_id is not None}
        run.progress(f"reading {len(self.ids)} {self.kind.value} by id")
        self._shown: Shown = run.board.items(sorted(self.ids), column_ids) if self.ids else {}
        self.active_ids = {item_id for item_id, item in self._shown.items() if is_active(item)}

    def compare(self, row: ExpectedRow) -> list[Difference]:
        """How a row differs from what is shown under its id."""
        shown = self._shown.get(row.monday_id) if row.monday_id is not None else None
        return row_differences(row, shown, self._mapping, self._shape.columns, self.groups)

    @abstractmethod
    def orphans(self) -> list[Orphan]:
        """What is there and belongs to no row."""

    def really_there(self, orphans: Sequence[Orphan]) -> list[Orphan]:
        """Without those that were archived a moment ago and are still listed."""
        ids = sorted(orphan.item.id for orphan in orphans)
        shown = self.run.board.items(ids, []) if ids else {}
        return [orphan for orphan in orphans if is_active(shown.get(orphan.item.id))]


class _ItemSide(_Side):
    kind = RowKind.ITEMS

    def __init__(self, run: SyncRun, recorded: RecordedRows, customer: str) -> None:
        label_index = LabelIndex()
        due = [row for row in recorded.orders(customer) if row.state is not SyncState.SYNCED or row.action is not Action.DELETE]
        super().__init__(run, run.rules.items, run.items_board, (_expected_item(run, row, label_index) for row in due))
        self._keys = {key for row in due if (key := _key(run, row))}
        self.groups = {group.id: collapse(group.title) for group in run.board.groups(self._mapping.board_id)}
        known = recorded.groups()
        self._ours = self._ids_of((group.name, group.group_id) for group in known if group.customer == customer)
        self._others = self._ids_of((group.name, group.group_id) for group in known if group.customer != customer)

    def _ids_of(self, groups: Iterable[tuple[str, str | None]]) -> set[str]:
        named = list(groups)
        names, ids = {name for name, _ in named}, {group_id for _, group_id in named}
        return {group_id for group_id, title in self.groups.items() if title in names or group_id in ids}

    def orphans(self) -> list[Orphan]:
        found = {orphan.item.id: orphan for orphan in (*self._in_our_groups(), *self._with_our_keys())}
        known = self.ids | known_items(self.run, found)
        return self.really_there([orphan for item_id, orphan in found.items() if item_id not in known])

    def _in_our_groups(self) -> Iterator[Orphan]:
        key = self._mapping.external_key or ""
        for item in self.run.board.items_of_groups(self._mapping.board_id, sorted(self._ours), [key]):
            cell = item.cells.get(key)
            yield Orphan(item, _folded(cell.text or "" if cell else ""), item.group_id in self._others)

    def _with_our_keys(self) -> Iterator[Orphan]:
        found = self.run.board.find_items(self._mapping.board_id, self._mapping.external_key or "", sorted(self._keys))
        for key, items in found.items():
            for item in items:
                if item.group_id in self._ours or item.group_id not in self._others:
                    yield Orphan(item, _folded(key), item.group_id in self._others)


class _SubitemSide(_Side):
    kind = RowKind.SUBITEMS

    def __init__(self, run: SyncRun, recorded: RecordedRows, customer: str, parents: set[int]) -> None:
        label_index = LabelIndex()
        due = [row for row in recorded.lines(customer) if _is_due(row)]
        placed = [row for row in due if row.parent_id in parents]
        super().__init__(
            run, run.rules.subitems, run.subitems_board, (_expected_subitem(run, row, label_index) for row in placed)
        )
        # Without their item there is nothing to compare: it is missing, or waits itself.
        unplaced = (row for row in due if row.parent_id not in parents and row.state is not SyncState.SYNCED)
        self.blocked = [_expected_subitem(run, row, label_index) for row in unplaced]
        self._parents = parents

    def orphans(self) -> list[Orphan]:
        children = self.run.board.children(sorted(self._parents), []) if self._parents else {}
        return self.really_there([
            Orphan(child, (parent_id, child.name))
            for parent_id, under in children.items()
            for child in under
            if child.id not in self.ids
        ])  # fmt: skip


def _is_due(row: SyncRow) -> bool:
    is_over = row.action is Action.DELETE or (row.values["qty"] == 0 and row.monday_id is None)
    return row.state is not SyncState.SYNCED or not is_over


def _expected_item(run: SyncRun, row: SyncRow, label_index: LabelIndex) -> ExpectedRow:
    cells, refusal = _cells(run.rules.items, run.items_board, row.values, label_index)
    return ExpectedRow(
        row.kind, row.ref, row.order_key, "", row.state, row.monday_id, row.name, _folded(_key(run, row)),
        row.values, cells, refusal, group_name=row.group_name,
    )  # fmt: skip


def _expected_subitem(run: SyncRun, row: SyncRow, label_index: LabelIndex) -> ExpectedRow:
    cells, refusal = _cells(run.rules.subitems, run.subitems_board, row.values, label_index)
    return ExpectedRow(
        row.kind, row.ref, row.order_key, row.size_code, row.state, row.monday_id, row.name, (row.parent_id or 0, row.name),
        row.values, cells, refusal, parent_id=row.parent_id,
    )  # fmt: skip


def _cells(
    mapping: BoardMapping, shape: BoardShape, values: Mapping[str, object], label_index: LabelIndex
) -> tuple[Mapping[str, object], str]:
    try:
        return format_row(mapping, shape.columns, values, label_index).cells, ""
    except RowError as refusal:
        return {}, refusal.message


def _key(run: SyncRun, row: SyncRow) -> str:
    try:
        return external_key(run, row)
    except RowError:
        return ""  # a key that cannot be written was never sent


def _folded(key: str) -> LookUp:
    return 0, " ".join(key.split()).casefold()

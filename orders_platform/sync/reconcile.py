"""Does the board show what the database says it shows? Row by row, for one customer, without changing either.

Belongs here: reading both sides, everything before the first conclusion: any read that fails ends the comparison. Does not belong
here: what counts as a difference (`domain/differences.py`), repairing (`repair.py`).

Lists and searches lag behind, items asked for by id do not: an item is missing, or a double, only when asking for it by id says so.
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
    Stranger,
    is_active,
    row_differences,
    stranger_differences,
)
from orders_platform.domain.labels import LabelBook
from orders_platform.domain.mapping import BoardMapping
from orders_platform.domain.names import collapse, subitem_name
from orders_platform.domain.orders import PendingItem, PendingSubitem, RowKind
from orders_platform.domain.states import Action, SyncState
from orders_platform.errors import RowRejected
from orders_platform.sync.ports import Ledger
from orders_platform.sync.recovery import external_key
from orders_platform.sync.run import BoardShape, SyncRun

_IDS_A_QUESTION = 1000  # to the database; SQL Server takes 2,100 parameters

Shown = Mapping[int, BoardItem]


@dataclass(slots=True)
class Verification:
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


def verify_customer(run: SyncRun, ledger: Ledger, customer: str) -> Verification:
    """Compare a customer's rows with the board; the caller holds the customer's lock.

    Raises:
        OrdersError: something could not be read; nothing is concluded from what was.
    """
    run.preflight()
    run.board.note_calls_today(run.store.monday_usage(run.clock()).calls_today)
    found = Verification(customer)
    items = _Items(run, ledger, customer)
    subitems = _Subitems(run, ledger, customer, items.active_ids)
    for side in (items, subitems):
        settled = [row for row in side.rows if row.state is SyncState.SYNCED]
        found.waiting += [row for row in side.rows if row.state is not SyncState.SYNCED] + side.blocked
        found.differences += [each for row in settled for each in side.compare(row)]
        found.differences += stranger_differences(side.kind, side.strangers(), side.rows, side.active_ids)
    found.orders, found.lines = (sum(row.state is SyncState.SYNCED for row in side.rows) for side in (items, subitems))
    if run.rules.on_deleted == "leave":
        found.left_alone = [each for each in found.differences if each.kind is DifferenceKind.MISSING]
        found.differences = [each for each in found.differences if each.kind is not DifferenceKind.MISSING]
    return found


def known_items(run: SyncRun, ids: Iterable[int]) -> set[int]:
    """Which of these items belong to an order, whoever's; asked last, an item made meanwhile is known by now."""
    asked, known = sorted(ids), set[int]()
    for start in range(0, len(asked), _IDS_A_QUESTION):
        known |= run.store.known_item_ids(asked[start : start + _IDS_A_QUESTION])
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
    def strangers(self) -> list[Stranger]:
        """What is there and is nobody's."""

    def really_there(self, strangers: Sequence[Stranger]) -> list[Stranger]:
        """Without those that were archived a moment ago and are still listed."""
        ids = sorted(stranger.item.id for stranger in strangers)
        shown = self.run.board.items(ids, []) if ids else {}
        return [stranger for stranger in strangers if is_active(shown.get(stranger.item.id))]


class _Items(_Side):
    kind = RowKind.ITEMS

    def __init__(self, run: SyncRun, ledger: Ledger, customer: str) -> None:
        book = LabelBook()
        due = [row for row in ledger.orders(customer) if row.state is not SyncState.SYNCED or row.action is not Action.DELETE]
        super().__init__(run, run.rules.items, run.items_board, (_expected_item(run, row, book) for row in due))
        self._keys = {key for row in due if (key := _key(run, row))}
        self.groups = {group.id: collapse(group.title) for group in run.board.groups(self._mapping.board_id)}
        known = ledger.groups()
        self._ours = self._ids_of((group.name, group.group_id) for group in known if group.customer == customer)
        self._others = self._ids_of((group.name, group.group_id) for group in known if group.customer != customer)

    def _ids_of(self, groups: Iterable[tuple[str, str | None]]) -> set[str]:
        named = list(groups)
        names, ids = {name for name, _ in named}, {group_id for _, group_id in named}
        return {group_id for group_id, title in self.groups.items() if title in names or group_id in ids}

    def strangers(self) -> list[Stranger]:
        found = {stranger.item.id: stranger for stranger in (*self._in_our_groups(), *self._with_our_keys())}
        known = self.ids | known_items(self.run, found)
        return self.really_there([stranger for item_id, stranger in found.items() if item_id not in known])

    def _in_our_groups(self) -> Iterator[Stranger]:
        key = self._mapping.external_key or ""
        for item in self.run.board.items_of_groups(self._mapping.board_id, sorted(self._ours), [key]):
            cell = item.cells.get(key)
            yield Stranger(item, _folded(cell.text or "" if cell else ""), item.group_id in self._others)

    def _with_our_keys(self) -> Iterator[Stranger]:
        found = self.run.board.find_items(self._mapping.board_id, self._mapping.external_key or "", sorted(self._keys))
        for key, items in found.items():
            for item in items:
                if item.group_id in self._ours or item.group_id not in self._others:
                    yield Stranger(item, _folded(key), item.group_id in self._others)


class _Subitems(_Side):
    kind = RowKind.SUBITEMS

    def __init__(self, run: SyncRun, ledger: Ledger, customer: str, parents: set[int]) -> None:
        book = LabelBook()
        due = [row for row in ledger.lines(customer) if _is_due(row)]
        placed = [row for row in due if row.item_id in parents]
        super().__init__(run, run.rules.subitems, run.subitems_board, (_expected_subitem(run, row, book) for row in placed))
        # Without their item there is nothing to compare: it is missing, or waits itself.
        unplaced = (row for row in due if row.item_id not in parents and row.state is not SyncState.SYNCED)
        self.blocked = [_expected_subitem(run, row, book) for row in unplaced]
        self._parents = parents

    def strangers(self) -> list[Stranger]:
        children = self.run.board.children(sorted(self._parents), []) if self._parents else {}
        return self.really_there([
            Stranger(child, (parent_id, child.name))
            for parent_id, under in children.items()
            for child in under
            if child.id not in self.ids
        ])  # fmt: skip


def _is_due(row: PendingSubitem) -> bool:
    is_over = row.action is Action.DELETE or (row.qty == 0 and row.subitem_id is None)
    return row.state is not SyncState.SYNCED or not is_over


def _expected_item(run: SyncRun, row: PendingItem, book: LabelBook) -> ExpectedRow:
    cells, refusal = _cells(run.rules.items, run.items_board, row.values, book)
    return ExpectedRow(
        RowKind.ITEMS, row.record_uuid, row.order_key, "", row.state, row.item_id, row.item_name, _folded(_key(run, row)),
        row.values, cells, refusal, group_name=row.group_name,
    )  # fmt: skip


def _expected_subitem(run: SyncRun, row: PendingSubitem, book: LabelBook) -> ExpectedRow:
    values: Mapping[str, object] = {"size_code": row.size_code, "qty": row.qty}
    cells, refusal = _cells(run.rules.subitems, run.subitems_board, values, book)
    name = subitem_name(run.rules.subitem_name, row.size_code)
    return ExpectedRow(
        RowKind.SUBITEMS, row.line_uuid, row.order_key, row.size_code, row.state, row.subitem_id, name, (row.item_id or 0, name),
        values, cells, refusal, parent_id=row.item_id,
    )  # fmt: skip


def _cells(
    mapping: BoardMapping, shape: BoardShape, values: Mapping[str, object], book: LabelBook
) -> tuple[Mapping[str, object], str]:
    try:
        return format_row(mapping, shape.columns, values, book).cells, ""
    except RowRejected as refusal:
        return {}, refusal.message


def _key(run: SyncRun, row: PendingItem) -> str:
    try:
        return external_key(run, row)
    except RowRejected:
        return ""  # a key that cannot be written was never sent


def _folded(key: str) -> LookUp:
    return 0, " ".join(key.split()).casefold()

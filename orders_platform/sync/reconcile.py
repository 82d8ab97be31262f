"""Does the board show what the database says it shows? One comparison, which changes neither side, at two depths.

How much differed is kept with the customer, until the board is compared cell by cell again: the verdict reads it (`domain/verdicts.py`).

By ids it answers what is missing, elsewhere, doubled or nobody's; a run asks it for what it sent, and a check for a whole customer.
Cell by cell it also says which values, names and groups differ. It reads both sides before its first conclusion: a read that fails ends
it.

Lists and searches lag behind, items asked for by id do not: an item is missing, an orphan or a duplicate only when asking for it by id
says so.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

from orders_platform.domain import differences
from orders_platform.domain.board import BoardItem, Group
from orders_platform.domain.column_values import RowFormat
from orders_platform.domain.differences import ABSENT, Difference, DifferenceKind, ExpectedRow, LookUp, Orphan, place_groups
from orders_platform.domain.history import CustomerGroup
from orders_platform.domain.orders import Action, RowKind, SyncRow, SyncState
from orders_platform.domain.text import fold
from orders_platform.errors import RowError
from orders_platform.sync.run import SyncRun


@dataclass(slots=True)
class Reconciliation:
    """What came of comparing one customer."""

    customer: str
    orders: int = 0  # that are done with and belong on the board; `lines` alike. What waits is not among them.
    lines: int = 0
    differences: list[Difference] = field(default_factory=list)
    waiting: list[SyncRow] = field(default_factory=list)  # rows on their way, or refused
    # what differs and a policy leaves so: what people removed or moved away, and the items of orders that left the load
    left_alone: list[Difference] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """True when the board shows every row that is done with, and nothing besides."""
        return not self.differences

    def absent(self, kind: RowKind) -> list[Difference]:
        """The orders or lines that are not where they belong, whatever the policy makes of it."""
        return [each for each in (*self.differences, *self.left_alone) if each.kind in ABSENT and each.row_kind is kind]

    @property
    def notice(self) -> str:
        """A sentence where all items of the customer are on one other board; empty otherwise."""
        absent = self.absent(RowKind.ITEMS)
        places = {each.board if each.kind is DifferenceKind.OTHER_BOARD else "" for each in absent}
        if len(absent) < max(self.orders, 2) or len(places) > 1 or "" in places:
            return ""
        return f"All {self.orders} items of {self.customer} are {places.pop()}; the configured board has none of them."


def reconcile(run: SyncRun, customer: str, *, cells: bool, sent: RowKind | None = None) -> Reconciliation:
    """Compare a customer's rows with the board, by ids or `cells`; with `sent` only those of this kind that this run sent.

    The caller holds the customer's lock. Raises `OrdersError`: something could not be read; nothing is concluded from what was.
    """
    run.preflight()
    run.board.client.budget.note_calls_today(run.store.monday_usage(run.clock()).calls_today)
    sent_by = run.run_id if sent else ""
    found = Reconciliation(customer)
    parents: Set[int] | None = None
    if sent is not RowKind.SUBITEMS:
        items = _ItemsSide(run, customer, run.store.orders(customer, sent_by), cells=cells, is_whole=sent is None)
        parents, found.orders = items.active_ids, len(items.of_state(synced=True))
        items.compare_all(found)
    if sent is not RowKind.ITEMS:
        subitems = _SubitemsSide(run, run.store.lines(customer, sent_by), parents, cells=cells)
        found.lines = len(subitems.of_state(synced=True))
        subitems.compare(found, {})
    kept = {kind for kind in ABSENT if run.configuration.policies.deleted_on_board == "leave"}
    found.left_alone += [each for each in found.differences if each.kind in kept]
    found.differences = [each for each in found.differences if each.kind not in kept]
    # What nobody knows is no order, and what was just sent may not be listed yet.
    lasting = {DifferenceKind.DUPLICATE} if sent else set(DifferenceKind) - {DifferenceKind.UNKNOWN}
    lasting_ones = [each for each in found.differences if each.kind in lasting]
    run.store.record_differences(customer, lasting_ones, is_whole=sent is None and cells)
    return found


class _Side:
    """One of the two boards: the rows that should be on it, and what it shows."""

    def __init__(self, run: SyncRun, kind: RowKind, rows: Sequence[SyncRow], *, cells: bool) -> None:
        self.run, self.kind, self.shape, self.cells = run, kind, run.shape(kind), cells
        self.mapping = self.shape.mapping
        self.expected: list[ExpectedRow] = []  # the rows that belong on it, with what it should show of them
        # the active items or subitems that may be theirs, each with what it would be found by, by id
        self.listed: dict[int, tuple[BoardItem, LookUp]] = {}
        # of the rows, those included that belong on it no more
        self.own_ids = {row.monday_id for row in rows if row.monday_id is not None}
        self.shown: dict[int, BoardItem] = {}  # what it shows under the ids of the rows
        self.titles: Mapping[str, str] = {}  # of the groups, by id
        self._format = RowFormat(self.mapping, self.shape.columns)

    def of_state(self, *, synced: bool) -> list[ExpectedRow]:
        """The rows that are done with, or those that wait or were refused."""
        return [each for each in self.expected if (each.row.state is SyncState.SYNCED) is synced]

    @property
    def active_ids(self) -> set[int]:
        """The ids of those rows whose item or subitem is where it belongs."""
        return {
            item.id for each in self.expected
            if (item := self.shown.get(each.row.monday_id or 0)) and not item.absence(self.mapping.board_id, each.row.parent_id)
        }  # fmt: skip

    def expect(self, row: SyncRow, look_up: LookUp, group: Group | None = None) -> ExpectedRow:
        if not self.cells or row.state is not SyncState.SYNCED:
            return ExpectedRow(row, look_up, group=group)
        try:
            cells = self._format(row.values).cells
        except RowError:  # its key is not one any more; the row's own state says so
            cells = {}
        return ExpectedRow(row, look_up, cells, group)

    def read(self, rows: Sequence[SyncRow], *, is_whole: bool) -> None:
        """Ask for these rows by id: for all of them when cells are compared, else for those that no list shows.

        What this run sent a moment ago is there: its id was in monday's answer.
        """
        ids = {row.monday_id for row in rows if row.monday_id is not None}
        asked = ids if self.cells else ids - self.listed.keys() if is_whole else set()
        known = ((row.monday_id or 0, row) for row in rows)
        sent = {item_id: BoardItem(item_id, row.name, "active", parent_item_id=row.parent_id) for item_id, row in known}
        listed = {item_id: self.listed[item_id][0] for item_id in (ids - asked) & self.listed.keys()}
        self.shown = {**({} if is_whole else sent), **listed}
        if asked:
            self.run.progress(f"reading {self.kind.value} by id", 0, len(asked))
            columns = [mapped.column_id for mapped in self.mapping.fields] if self.cells else []
            self.shown |= self.run.board.items(sorted(asked), columns)

    def compare(self, found: Reconciliation, left: Mapping[LookUp, SyncRow]) -> None:
        """Note how each row differs, and what is there that belongs to no row."""
        found.waiting += [each.row for each in self.of_state(synced=False)]
        for expected in self.of_state(synced=True):
            shown = self.shown.get(expected.row.monday_id or 0)
            found.differences += differences.row_differences(expected, shown, self.mapping, self.shape.columns, self.titles)
        found.differences += differences.orphan_differences(self.kind, self._orphans(), self.expected, self.active_ids, left)

    def _orphans(self) -> list[Orphan]:
        """What is listed, belongs to no row, whoever's, and was not archived a moment ago.

        The database is asked last: what was made meanwhile is known by now.
        """
        ids = sorted(self.listed.keys() - self.own_ids)
        asked = self.run.board.items(ids, [])
        active = [item_id for item_id in ids if item_id in asked and asked[item_id].state == "active"]
        known = self.run.store.known_ids(active)
        return [orphan for item_id in active if item_id not in known and (orphan := self.orphan(*self.listed[item_id]))]

    def orphan(self, item: BoardItem, look_up: LookUp) -> Orphan | None:
        """The item as one that belongs to no row; None when it is certainly somebody else's."""
        return Orphan(item, look_up)


class _ItemsSide(_Side):
    def __init__(self, run: SyncRun, customer: str, rows: Sequence[SyncRow], *, cells: bool, is_whole: bool) -> None:
        super().__init__(run, RowKind.ITEMS, rows, cells=cells)
        self._customer, self._is_whole = customer, is_whole
        self._numbers: dict[str, set[LookUp]] = {}
        due = [row for row in rows if not _is_over(row)]
        self._left = [row for row in rows if _is_over(row)]
        placed = self._placed = place_groups({row.group_name for row in due}, *self._groups) if is_whole else {}
        self.titles = {group.id: group.title for group in self._groups[0]} if is_whole else {}
        self.expected = [self.expect(row, self._look_up(row), placed.get(row.group_name)) for row in due]
        key = self.mapping.external_key or ""
        self.listed = {item.id: (item, (0, fold(item.text(key)))) for item in self._list(due, key)}
        self.read([*due, *(self._left if cells else ())], is_whole=is_whole)

    @cached_property
    def _groups(self) -> tuple[Sequence[Group], Sequence[CustomerGroup]]:
        return self.run.board.groups(self.mapping.board_id), self.run.store.groups()

    @cached_property
    def _users(self) -> Mapping[str, set[str]]:
        users: dict[str, set[str]] = defaultdict(set)
        for each in self._groups[1]:
            for known_by in {each.group_id, fold(each.name)} - {None, ""}:
                users[str(known_by)].add(each.customer)
        return {group.id: users[group.id] | users[fold(group.title)] for group in self._groups[0]}

    def _list(self, rows: Sequence[SyncRow], column: str) -> Iterator[BoardItem]:
        board_id = self.mapping.board_id
        if self._is_whole:
            ours = sorted(group_id for group_id, users in self._users.items() if self._customer in users)
            yield from self.run.board.items_of_groups(board_id, ours, [column])
        if not self._is_whole or self.cells:
            keys = sorted({key for row in rows if (key := self.run.external_key(row))})
            for items in (self.run.board.find_items(board_id, column, keys) if keys else {}).values():
                yield from items

    def _look_up(self, row: SyncRow) -> LookUp:
        return 0, fold(self.run.external_key(row))

    def orphan(self, item: BoardItem, look_up: LookUp) -> Orphan | None:
        """None for one in a group that only other customers use, when one of them has an order of its number."""
        users = self._users.get(item.group_id or "", set())
        others = users - {self._customer}
        if not others or self._customer in users:
            return Orphan(item, look_up, bool(others))
        return None if any(look_up in self._numbers_of(customer) for customer in others) else Orphan(item, look_up)

    def _numbers_of(self, customer: str) -> set[LookUp]:
        if customer not in self._numbers:
            self._numbers[customer] = {self._look_up(row) for row in self.run.store.orders(customer) if not _is_over(row)}
        return self._numbers[customer]

    def compare_all(self, found: Reconciliation) -> None:
        """The rows; and the items of orders that left, and the groups that people renamed."""
        self.compare(found, {self._look_up(row): row for row in self._left})
        numbers = {each.look_up for each in self.expected}
        for row in self._left:
            item = self.shown.get(row.monday_id or 0)
            if item is not None and not item.absence(self.mapping.board_id):
                kind = DifferenceKind.SURPLUS if self._look_up(row) in numbers else DifferenceKind.LEFT
                found.left_alone.append(differences.difference(kind, row))
        if self.run.configuration.policies.renamed_groups == "restore":
            found.differences += [
                Difference(DifferenceKind.RENAMED_GROUP, self.kind, "", "", None, name, None, "group", name, group.title)
                for name, group in sorted(self._placed.items())
                if fold(name) != fold(group.title)
            ]


class _SubitemsSide(_Side):
    def __init__(self, run: SyncRun, rows: Sequence[SyncRow], parents: Set[int] | None, *, cells: bool) -> None:
        super().__init__(run, RowKind.SUBITEMS, rows, cells=cells)
        asked = {row.parent_id for row in rows if row.parent_id is not None} if parents is None else parents
        children = run.board.children(run.configuration.items.board_id, sorted(asked)) if asked else {}
        # A line that is done with and whose item is gone is not compared: its item is missing.
        due = [row for row in rows if not _is_over(row) and (row.parent_id in children or row.state is not SyncState.SYNCED)]
        self.expected = [self.expect(row, (row.parent_id or 0, row.name)) for row in due]
        self.listed = {child.id: (child, (parent, child.name)) for parent, under in children.items() for child in under}
        self.read(due, is_whole=parents is not None)


def _is_over(row: SyncRow) -> bool:
    """Whether nothing of it belongs on the board any more."""
    is_gone = row.has_left or row.action is Action.DELETE or (row.values.get("qty") == 0 and row.monday_id is None)
    return row.state is SyncState.SYNCED and is_gone

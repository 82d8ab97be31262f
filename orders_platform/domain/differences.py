"""What a row needs on the board, where the board is not what the database says, and what a run would change; from values alone.

An item that has the key of one of our rows but belongs to none is a duplicate; one that nothing explains is unknown and left to people.
"""

import enum
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from orders_platform.domain.board import BoardItem, Column, Group
from orders_platform.domain.cell_codecs import plain_text
from orders_platform.domain.column_values import changed_cells, coalesced
from orders_platform.domain.history import CustomerGroup
from orders_platform.domain.mapping import BoardMapping, OnDeleted
from orders_platform.domain.orders import Action, RowKind, SyncRow, SyncState, is_of
from orders_platform.domain.text import fold
from orders_platform.errors import RowError

LookUp = tuple[int, str]
"""By what a row is found again without its id: the parent item (0 for items) and the external key or name. Blank: by nothing."""


class DifferenceKind(enum.StrEnum):
    """How board and database differ."""

    MISSING = "missing"
    OTHER_BOARD = "on another board"
    OTHER_ITEM = "under another item"
    DUPLICATE = "doubled"
    SURPLUS = "more items than rows"
    LEFT = "left the load"
    UNKNOWN = "unknown"
    DIFFERENT = "different"
    WRONG_GROUP = "wrong group"
    RENAMED_GROUP = "renamed group"


ABSENT = frozenset({DifferenceKind.MISSING, DifferenceKind.OTHER_BOARD, DifferenceKind.OTHER_ITEM})
"""The row is not where it belongs; `deleted_on_board` says what becomes of it."""

HARM = ABSENT | {DifferenceKind.DUPLICATE}
"""The board lacks an order or shows it twice; everything else is a matter of looks."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference."""

    kind: DifferenceKind
    row_kind: RowKind  # what `monday_id` is
    order_key: str
    size_code: str
    monday_id: int | None
    name: str
    ref: str | None = None  # the row that it is about, None when it is about none
    # a column's title, `name` or `group`; `database` and `board` say what each shows, for people. Without a column `board` says
    # where the item is, or in which state.
    column: str = ""
    database: str = ""
    board: str = ""
    ids: tuple[int, ...] = ()  # of a duplicate, all that are there
    # the order that it is about, itself or one of its sizes; several have the same key when a number has several rows
    order_ref: str = ""


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """What a board should show of a row, which is found without its id by `look_up`."""

    row: SyncRow
    look_up: LookUp
    cells: Mapping[str, object] | None = None  # by column id; None where they are not compared
    group: Group | None = None  # the one of its name on the board, None while there is none


@dataclass(frozen=True, slots=True)
class Orphan:
    """An active item or subitem that no row of ours has as its own."""

    item: BoardItem
    look_up: LookUp
    # in a group that another customer uses too: it may be that customer's, on its way into the database
    is_shared: bool = False


def absence(row: SyncRow, shown: BoardItem | None, board_id: int) -> Difference | None:
    """Why what is shown under a row's id does not count as its item or subitem; None when it does."""
    words = shown.absence(board_id, row.parent_id) if shown else ""
    if shown and not words:
        return None
    kind = DifferenceKind.MISSING
    if shown and shown.state == "active":
        kind = DifferenceKind.OTHER_BOARD if shown.parent_item_id == row.parent_id else DifferenceKind.OTHER_ITEM
    return difference(kind, row, board=words)


def row_differences(
    expected: ExpectedRow,
    shown: BoardItem | None,
    mapping: BoardMapping,
    columns: Mapping[str, Column],
    titles: Mapping[str, str],
) -> list[Difference]:
    """How the board differs from what a row should look like; for a row that waits, what a run would change, cell by cell.

    `shown` is what the board shows under its id, None when monday knows nothing of it; `titles` are those of the active groups, by id.
    """
    row, waits = expected.row, expected.row.state is not SyncState.SYNCED
    gone = absence(row, shown, mapping.board_id)
    if row.action is Action.DELETE:
        return [] if gone else [difference(DifferenceKind.LEFT, row)]
    if gone and row.values.get("qty") == 0:
        return []  # a size without quantity need not be there
    if gone and not waits:
        return [gone]
    found = [gone] if gone else []
    if expected.cells is None:
        return found
    there = shown if shown and not gone else BoardItem(0, "", "active")
    found += _cell_differences(expected, there, mapping, columns)
    if row.name != there.name:
        found.append(difference(DifferenceKind.DIFFERENT, row, "name", row.name, there.name))
    title = titles.get(there.group_id or "", "")
    is_placed = expected.group is not None and expected.group.id == there.group_id
    if row.group_name and not is_placed and fold(row.group_name) != fold(title):
        found.append(difference(DifferenceKind.WRONG_GROUP, row, "group", row.group_name, title))
    return found


def orphan_differences(
    kind: RowKind, orphans: Iterable[Orphan], rows: Iterable[ExpectedRow], active_ids: Set[int], left: Mapping[LookUp, SyncRow]
) -> list[Difference]:
    """Which orphans are duplicates of our rows, which are of an order that `left`, and which are just unknown.

    An orphan with the key of a row that has no active item of its own is unknown: it may be that row's. Any further one is a duplicate.
    """
    owners: dict[LookUp, list[SyncRow]] = defaultdict(list)
    for each in rows:
        if each.look_up[1]:
            owners[each.look_up].append(each.row)
    alike: dict[LookUp, list[Orphan]] = defaultdict(list)
    for orphan in orphans:
        alike[orphan.look_up].append(orphan)
    return [
        found
        for look_up, same in alike.items()
        for found in _classified(kind, same, owners.get(look_up, []), active_ids, left.get(look_up))
    ]


def _classified(
    kind: RowKind, same: list[Orphan], owners: list[SyncRow], active_ids: Set[int], left: SyncRow | None
) -> Iterator[Difference]:
    vacant = [row for row in owners if row.monday_id not in active_ids]
    names = {row.name for row in vacant}
    same.sort(key=lambda orphan: (orphan.item.name not in names, orphan.item.id))
    ids = {row.monday_id for row in owners if row.monday_id is not None} & active_ids | {orphan.item.id for orphan in same}
    for place, orphan in enumerate(same):
        found, of = DifferenceKind.UNKNOWN, owners[0] if owners else None
        if not orphan.is_shared and place >= len(vacant) and (owners or left):
            found, of = (DifferenceKind.DUPLICATE, owners[0]) if owners else (DifferenceKind.LEFT, left)
        order_key, size_code, order_ref = (of.order_key, of.size_code, of.order_ref) if of else ("", "", "")
        all_ids = tuple(sorted(ids)) if found is DifferenceKind.DUPLICATE else ()
        yield Difference(found, kind, order_key, size_code, orphan.item.id, orphan.item.name, ids=all_ids, order_ref=order_ref)


def _cell_differences(
    expected: ExpectedRow, shown: BoardItem, mapping: BoardMapping, columns: Mapping[str, Column]
) -> Iterator[Difference]:
    changed = changed_cells(mapping, columns, expected.cells or {}, shown.cells)
    for mapped in mapping.fields:
        if mapped.column_id in changed:
            title, text = columns[mapped.column_id].title, _as_text(coalesced(mapped, expected.row.values)[1])
            yield difference(DifferenceKind.DIFFERENT, expected.row, title, text, shown.text(mapped.column_id))


def _as_text(value: object) -> str:
    try:
        return "" if value is None else plain_text(value)
    except RowError:
        return repr(value)


def difference(kind: DifferenceKind, row: SyncRow, column: str = "", database: str = "", board: str = "") -> Difference:
    """A difference of a row."""
    return Difference(
        kind, row.kind, row.order_key, row.size_code, row.monday_id, row.name, row.ref, column, database, board,
        order_ref=row.order_ref,
    )  # fmt: skip


class ChangeKind(enum.StrEnum):
    """What becomes of an order's item, or of a size's subitem."""

    NEW = "new"
    AGAIN = "made again"
    CHANGED = "changed"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class CellChange:
    """A cell, the name or the group, as the board shows it and as the database has it."""

    column: str
    board: str
    database: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """What would change of an order, which is changed also when only its sizes are, or of one of its sizes."""

    kind: ChangeKind
    order_key: str
    size_code: str
    name: str
    monday_id: int | None  # of the item or subitem; None of a new one, and of an order whose item does not change
    cells: tuple[CellChange, ...] = ()
    sizes: list["RowChange"] = field(default_factory=list)

    @property
    def is_new(self) -> bool:
        return self.kind in {ChangeKind.NEW, ChangeKind.AGAIN}

    @property
    def in_short(self) -> str:
        """Of a new order its group; of a new size what it is filled with besides its name."""
        if not self.size_code:
            return next((cell.database for cell in self.cells if cell.column == "group"), "")
        filled = [cell.database for cell in self.cells if cell.column != "name" and cell.database]
        return ", ".join(text for text in filled if fold(text) != fold(self.size_code))


@dataclass(slots=True)
class OrderChanges:
    """Takes in what a run would change of one customer."""

    only: Collection[str] = ()  # by key or number, the only orders that are asked for; empty: all
    # of so many orders every cell is told, of the others not those that are new with their row; None: of all
    most: int | None = None
    orders: dict[str, RowChange] = field(default_factory=dict)  # by their reference, those with changes of their own first
    told: set[str] = field(default_factory=set)
    untold_sizes: int = 0  # new ones of new orders that are not told, which are not among those of `orders`

    @property
    def counts(self) -> Counter[str]:
        """As `change_counts` has them."""
        counts = change_counts(self.orders.values())
        counts["new_sizes"] += self.untold_sizes
        return counts

    def tells(self, row: SyncRow) -> bool:
        """Whether every cell of this row would be told; else it is counted, or only changed cells are."""
        return row.order_ref in self.told or self.most is None or len(self.told) < self.most

    def add(
        self, expected: ExpectedRow, shown: BoardItem | None, mapping: BoardMapping, columns: Mapping[str, Column],
        titles: Mapping[str, str],
    ) -> None:  # fmt: skip
        """A row that something is to be done about, with what the board shows of it now."""
        row = expected.row
        if not is_of(row.order_key, self.only):
            return
        is_told = self.tells(row)
        kind = ChangeKind.CHANGED if shown else ChangeKind.NEW if row.monday_id is None else ChangeKind.AGAIN
        kind = ChangeKind.ARCHIVED if row.action is Action.DELETE else kind
        cells: tuple[CellChange, ...] = ()
        if is_told or kind is ChangeKind.CHANGED:
            found = row_differences(expected, shown, mapping, columns, titles)
            cells = tuple(CellChange(each.column, each.board, each.database) for each in found if each.column)
        if kind is ChangeKind.CHANGED and not cells:
            return
        if is_told:
            self.told.add(row.order_ref)
        change = RowChange(kind, row.order_key, row.size_code, row.name, row.monday_id, cells)
        if not row.size_code:
            self.orders[row.ref] = change
            return
        unchanged = RowChange(ChangeKind.CHANGED, row.order_key, "", "", None)
        self.orders.setdefault(row.order_ref, unchanged).sizes.append(change)


def change_table(orders: Iterable[RowChange]) -> Iterator[dict[str, str]]:
    """A line for each cell that changes, and one for each order or size that is made or archived."""
    for order in orders:
        for row in (order, *order.sizes):
            place = {"order": row.order_key, "size": row.size_code, "what": row.kind.value}
            if row.kind is ChangeKind.CHANGED:
                for cell in row.cells:
                    yield {**place, "column": cell.column, "board": cell.board, "database": cell.database}
            elif row.kind is ChangeKind.ARCHIVED:
                yield {**place, "column": "", "board": row.name, "database": ""}
            else:
                yield {**place, "column": "", "board": "", "database": row.in_short if row.size_code else row.name}


def change_counts(orders: Iterable[RowChange]) -> Counter[str]:
    """How many orders and sizes are new, changed and archived, and how many cells change; what is made again counts as new."""
    kinds = [kind for kind in ChangeKind if kind is not ChangeKind.AGAIN]
    counts = Counter({**{f"{kind}_{word}": 0 for word in ("orders", "sizes") for kind in kinds}, "changed_cells": 0})
    for order in orders:
        for word, rows in (("orders", [order]), ("sizes", order.sizes)):
            for row in rows:
                counts[f"{ChangeKind.NEW if row.is_new else row.kind}_{word}"] += 1
                counts["changed_cells"] += len(row.cells) if row.kind is ChangeKind.CHANGED else 0
    return counts


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Like `12 new orders, 1 archived order, 40 new sizes, 5 changed cells`."""
    told = {name.replace("_", " "): count for name, count in counts.items() if count}
    return ", ".join(f"{count:,} {name if count > 1 else name[:-1]}" for name, count in told.items()) or "nothing"


class Step(enum.StrEnum):
    """One mutation that a row needs."""

    CREATE = "create"
    CHANGE = "change"
    MOVE = "move"
    ARCHIVE = "archive"


class RowPlan(NamedTuple):
    """The mutations of one row, in order."""

    steps: tuple[Step, ...]  # empty when the board already shows what is wanted
    item_id: int | None  # what the steps after a create work on; None for a create
    # the cells to write: all filled ones of a create, the changed ones of a change
    cells: Mapping[str, object] = MappingProxyType({})
    name: str | None = None  # the new name where it changed


_NEW = (Step.CREATE,)


def plan_row(
    row: SyncRow,
    cells: Mapping[str, object],
    on_board: BoardItem | None,
    mapping: BoardMapping,
    columns: Mapping[str, Column],
    on_deleted: OnDeleted,
) -> RowPlan:
    """What to send for a row that should show these cells, JSON values by column id.

    What is `on_board` under its id is None, or not active, when it was never made or a person removed it. A row without a group's id
    leaves the group alone. A line of quantity 0 need not be made, only changed where it is.
    """
    if on_board is None or on_board.state != "active":
        is_left = row.monday_id is not None and on_deleted == "leave"
        if is_left or row.action is Action.DELETE or row.values.get("qty") == 0:
            return RowPlan((), row.monday_id)
        filled = {column_id: cell for column_id, cell in cells.items() if cell is not None}
        return RowPlan(_NEW, None, filled, row.name)
    if row.action is Action.DELETE:
        return RowPlan((Step.ARCHIVE,), row.monday_id)
    changed = changed_cells(mapping, columns, cells, on_board.cells)
    name = row.name if row.name != on_board.name else None
    moves = row.group_id is not None and row.group_id != on_board.group_id
    steps = ((Step.CHANGE,) if changed or name else ()) + ((Step.MOVE,) if moves else ())
    return RowPlan(steps, on_board.id, changed, name)


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

"""Where the board is not what the database says: the kinds of difference, and how they follow from a row and the item under its id.

An item that has the key of one of our rows but belongs to none is a duplicate; one that nothing explains is unknown and left to people.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from orders_platform.domain.board import BoardItem, Column
from orders_platform.domain.cell_codecs import is_blank, plain_text
from orders_platform.domain.column_values import changed_cells
from orders_platform.domain.mapping import BoardMapping
from orders_platform.domain.orders import RowKind
from orders_platform.domain.states import SyncState
from orders_platform.errors import RowError

LookUp = tuple[int, str]
"""By what a row is found again without its id: the parent item (0 for items) and the external key or name. Blank: by nothing."""


class DifferenceKind(enum.StrEnum):
    """How board and database differ."""

    MISSING = "missing"
    DUPLICATE = "doubled"
    UNKNOWN = "unknown"
    DIFFERENT = "different"
    WRONG_GROUP = "wrong group"


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """An order or line as the board should show it.

    Attributes:
        ref: its record_uuid or line_uuid.
        monday_id: as recorded.
        values: its source columns, for people.
        cells: its formatted cells by column id; empty when `refusal` says why they cannot be formatted.
        group_name: for items.
        parent_id: for subitems.
    """

    kind: RowKind
    ref: str
    order_key: str
    size_code: str
    state: SyncState
    monday_id: int | None
    name: str
    look_up: LookUp
    values: Mapping[str, object] = field(default_factory=dict)
    cells: Mapping[str, object] = field(default_factory=dict)
    refusal: str = ""
    group_name: str | None = None
    parent_id: int | None = None


@dataclass(frozen=True, slots=True)
class Orphan:
    """An active item or subitem that no row of ours has as its own.

    Attributes:
        is_shared: it is in a group that another customer uses too, so it may be that customer's, on its way into the database.
    """

    item: BoardItem
    look_up: LookUp
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; `column`, `database` and `board` say what each shows, for people."""

    kind: DifferenceKind
    row_kind: RowKind
    order_key: str
    size_code: str
    monday_id: int | None
    name: str
    ref: str | None = None
    column: str = ""
    database: str = ""
    board: str = ""


def is_active(item: BoardItem | None) -> bool:
    """Whether people see it; false for what is archived, deleted or was never made."""
    return item is not None and item.state == "active"


def row_differences(
    row: ExpectedRow, shown: BoardItem | None, mapping: BoardMapping, columns: Mapping[str, Column], groups: Mapping[str, str]
) -> list[Difference]:
    """How a row that is done with differs from what the board shows under its id.

    Args:
        row: what the database says.
        shown: the item or subitem of its id, None when monday knows none.
        mapping: which columns are ours.
        columns: of the board, by id.
        groups: titles of the active groups, by id.
    """
    if shown is None or not is_active(shown):
        return [_difference(DifferenceKind.MISSING, row, board=shown.state if shown else "")]
    if row.parent_id is not None and shown.parent_item_id not in {None, row.parent_id}:
        return [_difference(DifferenceKind.MISSING, row, board=f"under item {shown.parent_item_id}")]
    found = list(_cell_differences(row, shown, mapping, columns))
    if row.name != shown.name:
        found.append(_difference(DifferenceKind.DIFFERENT, row, "name", row.name, shown.name))
    title = groups.get(shown.group_id or "", "")
    if row.group_name is not None and row.group_name != title:
        found.append(_difference(DifferenceKind.WRONG_GROUP, row, "group", row.group_name, title))
    return found


def orphan_differences(
    kind: RowKind, orphans: Iterable[Orphan], rows: Iterable[ExpectedRow], active_ids: Set[int]
) -> list[Difference]:
    """Which orphans are duplicates of our rows and which are just unknown.

    An orphan with the key of a row that has no active item of its own is unknown: it may be that row's. Any further one is a duplicate.
    """
    owners: dict[LookUp, list[ExpectedRow]] = defaultdict(list)
    for row in rows:
        if row.look_up[1]:
            owners[row.look_up].append(row)
    alike: dict[LookUp, list[Orphan]] = defaultdict(list)
    for orphan in orphans:
        alike[orphan.look_up].append(orphan)
    return [
        difference
        for look_up, same in alike.items()
        for difference in _classified(kind, same, owners.get(look_up, []), active_ids)
    ]


def _classified(kind: RowKind, same: list[Orphan], owners: list[ExpectedRow], active_ids: Set[int]) -> Iterator[Difference]:
    vacant = [row for row in owners if row.monday_id not in active_ids]
    names = {row.name for row in vacant}
    same.sort(key=lambda orphan: (orphan.item.name not in names, orphan.item.id))
    for place, orphan in enumerate(same):
        is_duplicate = bool(owners) and place >= len(vacant) and not orphan.is_shared
        order_key, size_code = (owners[0].order_key, owners[0].size_code) if owners else ("", "")
        found = DifferenceKind.DUPLICATE if is_duplicate else DifferenceKind.UNKNOWN
        yield Difference(found, kind, order_key, size_code, orphan.item.id, orphan.item.name)


def _cell_differences(
    row: ExpectedRow, shown: BoardItem, mapping: BoardMapping, columns: Mapping[str, Column]
) -> Iterator[Difference]:
    if row.refusal:
        yield _difference(DifferenceKind.DIFFERENT, row, "values", row.refusal)
        return
    changed = changed_cells(mapping, columns, row.cells, shown.cells)
    for mapped in mapping.fields:
        if mapped.column_id in changed:
            cell = shown.cells.get(mapped.column_id)
            wanted = next((row.values[source] for source in mapped.sources if not is_blank(row.values[source])), None)
            text = (cell.text or "") if cell else ""
            yield _difference(DifferenceKind.DIFFERENT, row, columns[mapped.column_id].title, _as_text(wanted), text)


def _as_text(value: object) -> str:
    try:
        return "" if value is None else plain_text(value)
    except RowError:
        return repr(value)


def _difference(kind: DifferenceKind, row: ExpectedRow, column: str = "", database: str = "", board: str = "") -> Difference:
    return Difference(kind, row.kind, row.order_key, row.size_code, row.monday_id, row.name, row.ref, column, database, board)

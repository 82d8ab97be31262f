"""Nothing is created before the board was asked: by what a row without an id is found there.

A time-out means unknown, never failed. After the settle time a request is final and what it made is visible, so a look-up then
answers for good. Rows that were never sent are looked up without waiting: so a restored backup, or a first load that is repeated,
makes nothing twice. An adopted row is then planned like any other with a known id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orders_platform.domain.board import BoardItem
from orders_platform.domain.cell_codecs import is_blank, plain_text
from orders_platform.domain.orders import SyncRow
from orders_platform.errors import RowError
from orders_platform.sync.run import SyncRun


def find_items(run: SyncRun, rows: Sequence[SyncRow]) -> Mapping[str, int]:
    """The ids of those of these orders whose item is on the board and belongs to no order yet, by ref."""
    keys = sorted({external_key(run, row) for row in rows})
    found = run.board.find_items(run.rules.items.board_id, run.rules.items.external_key or "", keys)
    ids = {item.id for items in found.values() for item in items}
    free = ids - run.store.known_ids(ids)
    adopted: dict[str, int] = {}
    # Best fit first over all rows: of two orders that share a key, neither takes the other's item while its own is there.
    pairs = [(row, item) for row in rows for item in found.get(external_key(run, row), ())]
    for row, item in sorted(pairs, key=lambda pair: _likeness(*pair), reverse=True):
        if item.id in free and row.ref not in adopted:
            free.discard(item.id)
            adopted[row.ref] = item.id
    return adopted


def find_subitems(run: SyncRun, rows: Sequence[SyncRow], children: Mapping[int, Sequence[BoardItem]]) -> Mapping[str, int]:
    """The ids of those of these lines whose subitem is under their item and belongs to no line yet, by ref.

    `children` are the active subitems by item.
    """
    named = {row.ref: {child.id for child in children.get(row.parent_id or 0, ()) if child.name == row.name} for row in rows}
    ids = set().union(*named.values())
    known = run.store.known_ids(ids) if ids else set()
    return {ref: min(found - known) for ref, found in named.items() if found - known}


def external_key(run: SyncRun, row: SyncRow) -> str:
    """The text by which the order's item is found on the board; empty, which finds nothing, where it cannot be written there."""
    field = next(field for field in run.rules.items.fields if field.column_id == run.rules.items.external_key)
    value = next((row.values[source] for source in field.sources if not is_blank(row.values[source])), "")
    try:
        return plain_text(value)
    except RowError:
        return ""  # the row itself is refused, with the reason, when its values are formatted


def _likeness(row: SyncRow, item: BoardItem) -> tuple[bool, bool, int]:
    """Of several items with the row's key, the one with its name, else in its group, else the oldest."""
    return item.name == row.name, item.group_id == row.group_id, -item.id

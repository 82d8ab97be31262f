"""Rows that were sent and never answered: wait until that is over, and look for created ones on the board before creating anything.

A time-out means unknown, never failed. After the settle time a request is over and what it made is visible, so a look-up then
answers for good. Belongs here: settle, look up, adopt. Does not belong here: what happens to an adopted row afterwards; it is
planned like any other with a known id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orders_platform.domain.board import BoardItem
from orders_platform.domain.cell_formats import is_blank, plain_text
from orders_platform.domain.names import subitem_name
from orders_platform.domain.orders import PendingItem, PendingSubitem, RowKind, RowResult
from orders_platform.domain.states import SyncState
from orders_platform.sync.reports import StageReport
from orders_platform.sync.run import SyncRun


def adopt_items(run: SyncRun, rows: Sequence[PendingItem], report: StageReport, *, dry: bool) -> list[PendingItem]:
    """The same rows; those of unknown outcome that are on the board have their id now."""
    _settle(run, rows, dry=dry)
    lost = [row for row in rows if row.state is SyncState.PENDING and row.item_id is None]
    if not lost:
        return list(rows)
    found = _find_items(run, lost)
    ids = {item.id for items in found.values() for item in items}
    free = ids - run.store.known_item_ids(ids)
    adopted: dict[str, int] = {}
    # Best fit first over all rows: of two orders that share a key, neither takes the other's item while its own is there.
    pairs = [(row, item) for row in lost for item in found.get(_key(run, row), ())]
    for row, item in sorted(pairs, key=lambda pair: _likeness(*pair), reverse=True):
        if item.id in free and row.record_uuid not in adopted:
            free.discard(item.id)
            adopted[row.record_uuid] = item.id
    report.adopted += len(adopted)
    _record(run, RowKind.ITEMS, adopted)
    return [replace(row, item_id=adopted.get(row.record_uuid, row.item_id)) for row in rows]


def adopt_subitems(run: SyncRun, rows: Sequence[PendingSubitem], report: StageReport, *, dry: bool) -> list[PendingSubitem]:
    """The same rows; those of unknown outcome that are under their item have their id now."""
    _settle(run, rows, dry=dry)
    lost = [row for row in rows if row.state is SyncState.PENDING and row.subitem_id is None and row.item_id is not None]
    if not lost:
        return list(rows)
    children = run.board.children(sorted({row.item_id for row in lost if row.item_id is not None}), [])
    adopted: dict[str, int] = {}
    for row in lost:
        name = subitem_name(run.rules.subitem_name, row.size_code)
        named = [child.id for child in children.get(row.item_id or 0, ()) if child.name == name]
        if named:
            adopted[row.line_uuid] = min(named)
    report.adopted += len(adopted)
    _record(run, RowKind.SUBITEMS, adopted)
    return [replace(row, subitem_id=adopted.get(row.line_uuid, row.subitem_id)) for row in rows]


def _likeness(row: PendingItem, item: BoardItem) -> tuple[bool, bool, int]:
    """Of several items with the row's key, the one with its name, else in its group, else the oldest."""
    return item.name == row.item_name, item.group_id == row.group_id, -item.id


def _settle(run: SyncRun, rows: Sequence[PendingItem] | Sequence[PendingSubitem], *, dry: bool) -> None:
    """Changes of unknown outcome are waited for as well: a late one would overwrite what is sent now."""
    unanswered = [row.pending_at for row in rows if row.state is SyncState.PENDING]
    if unanswered and not dry:
        run.settle(max((moment for moment in unanswered if moment is not None), default=None))


def _key(run: SyncRun, row: PendingItem) -> str:
    field = next(field for field in run.rules.items.fields if field.column_id == run.rules.items.external_key)
    return plain_text(next((row.values[source] for source in field.sources if not is_blank(row.values[source])), ""))


def _find_items(run: SyncRun, lost: Sequence[PendingItem]) -> dict[str, Sequence[BoardItem]]:
    keys = sorted({_key(run, row) for row in lost})
    return dict(run.board.find_items(run.rules.items.board_id, run.rules.items.external_key or "", keys))


def _record(run: SyncRun, kind: RowKind, adopted: dict[str, int]) -> None:
    """The id is committed at once, the row stays PENDING until what else it needs is done.

    An adopted item was made by a creation of ours, so the lines of its order belong under it from now on.
    """
    if adopted:
        results = [RowResult(ref, SyncState.PENDING, monday_id, is_new_item=True) for ref, monday_id in adopted.items()]
        run.store.record_results(kind, results, run.run_id, run.clock(), "")

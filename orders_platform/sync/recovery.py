"""Nothing is created before the board was asked: rows without an id are looked up by key, and what is there is adopted.

A time-out means unknown, never failed. After the settle time a request is final and what it made is visible, so a look-up then
answers for good. Rows that were never sent are looked up without waiting: so a restored backup, or a first load that is repeated,
makes nothing twice. An adopted row is then planned like any other with a known id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orders_platform.domain.board import BoardItem
from orders_platform.domain.cell_codecs import is_blank, plain_text
from orders_platform.domain.names import subitem_name
from orders_platform.domain.orders import LineRow, OrderRow, RowKind, RowResult
from orders_platform.domain.states import Action, SyncState
from orders_platform.errors import RowError
from orders_platform.sync.results import StageReport
from orders_platform.sync.run import SyncRun


def adopt_items(run: SyncRun, customer: str, rows: Sequence[OrderRow], report: StageReport, *, dry: bool) -> list[OrderRow]:
    """The same rows; those without an id whose item is on the board have it now."""
    _wait_for_outcomes(run, rows, dry=dry)
    lost = [row for row in rows if row.item_id is None and _may_be_there(row)]
    if not lost:
        return list(rows)
    found = find_items(run, lost)
    ids = {item.id for items in found.values() for item in items}
    free = ids - run.store.known_item_ids(ids)
    adopted: dict[str, int] = {}
    # Best fit first over all rows: of two orders that share a key, neither takes the other's item while its own is there.
    pairs = [(row, item) for row in lost for item in found.get(external_key(run, row), ())]
    for row, item in sorted(pairs, key=lambda pair: _likeness(*pair), reverse=True):
        if item.id in free and row.record_uuid not in adopted:
            free.discard(item.id)
            adopted[row.record_uuid] = item.id
    report.adopted += len(adopted)
    _record(run, customer, RowKind.ITEMS, {row.record_uuid: row.state for row in lost}, adopted)
    return [replace(row, item_id=adopted.get(row.record_uuid, row.item_id)) for row in rows]


def living_parents(run: SyncRun, rows: Sequence[LineRow], *, dry: bool) -> Mapping[int, Sequence[BoardItem]]:
    """The active subitems of the items that these rows belong under, once unanswered requests are final; an item that is gone is absent."""
    _wait_for_outcomes(run, rows, dry=dry)
    parents = sorted({row.item_id for row in rows if row.item_id is not None})
    return run.board.children(parents, []) if parents else {}


def adopt_subitems(
    run: SyncRun,
    customer: str,
    rows: Sequence[LineRow],
    children: Mapping[int, Sequence[BoardItem]],
    report: StageReport,
) -> list[LineRow]:
    """The same rows; those without an id whose subitem is under their item have it now."""
    lost = [row for row in rows if row.subitem_id is None and _may_be_there(row)]
    adopted: dict[str, int] = {}
    for row in lost:
        name = subitem_name(run.rules.subitem_name, row.size_code)
        named = [child.id for child in children.get(row.item_id or 0, ()) if child.name == name]
        if named:
            adopted[row.line_uuid] = min(named)
    report.adopted += len(adopted)
    _record(run, customer, RowKind.SUBITEMS, {row.line_uuid: row.state for row in lost}, adopted)
    return [replace(row, subitem_id=adopted.get(row.line_uuid, row.subitem_id)) for row in rows]


def find_items(run: SyncRun, rows: Sequence[OrderRow]) -> dict[str, Sequence[BoardItem]]:
    """The active items with the external keys of these rows, by key."""
    keys = sorted({external_key(run, row) for row in rows})
    return dict(run.board.find_items(run.rules.items.board_id, run.rules.items.external_key or "", keys))


def external_key(run: SyncRun, row: OrderRow) -> str:
    """The text by which the row's item is found on the board; empty, which finds nothing, where it cannot be written there."""
    field = next(field for field in run.rules.items.fields if field.column_id == run.rules.items.external_key)
    value = next((row.values[source] for source in field.sources if not is_blank(row.values[source])), "")
    try:
        return plain_text(value)
    except RowError:
        return ""  # the row itself is refused, with the reason, when its values are formatted


def _may_be_there(row: OrderRow | LineRow) -> bool:
    """What is to be removed and was never sent need not be looked for."""
    return row.state is SyncState.PENDING or row.action is not Action.DELETE


def _likeness(row: OrderRow, item: BoardItem) -> tuple[bool, bool, int]:
    """Of several items with the row's key, the one with its name, else in its group, else the oldest."""
    return item.name == row.item_name, item.group_id == row.group_id, -item.id


def _wait_for_outcomes(run: SyncRun, rows: Sequence[OrderRow] | Sequence[LineRow], *, dry: bool) -> None:
    """Changes of unknown outcome are waited for as well: a late one would overwrite what is sent now."""
    unanswered = [row.pending_at for row in rows if row.state is SyncState.PENDING]
    if unanswered and not dry:
        run.wait_until_final(max((moment for moment in unanswered if moment is not None), default=None))


def _record(run: SyncRun, customer: str, kind: RowKind, states: Mapping[str, SyncState], adopted: Mapping[str, int]) -> None:
    """The id is committed at once, and logged; the row stays what it is until what else it needs is done.

    The lines of an adopted item's order belong under it from now on.
    """
    if adopted:
        results = [RowResult(ref, states[ref], monday_id, is_new_item=True) for ref, monday_id in adopted.items()]
        run.store.record_results(kind, results, run.run_id, run.clock(), customer, adoption=run.new_key())

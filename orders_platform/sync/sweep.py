"""The sweep at the end of a stage: is anything of what was just sent on the board twice?

Nothing should ever be; that is what the protocol is for. Somebody else's program, a copied item or a hole in our own reasoning would
show here. It reports and changes nothing: which of two to keep is for people to say (`verify --repair`). Belongs here: asking the
board. Does not belong here: comparing values (`verification.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orders_platform.domain.board import BoardItem
from orders_platform.domain.names import subitem_name
from orders_platform.domain.orders import PendingItem, PendingSubitem
from orders_platform.sync.recovery import external_key, find_items
from orders_platform.sync.results import Doubled, StageReport
from orders_platform.sync.run import SyncRun


def sweep_items(run: SyncRun, rows: Sequence[PendingItem], report: StageReport) -> None:
    """Report the items that carry the key of one of these orders and belong to no order of ours."""
    found = find_items(run, rows)
    known = run.store.known_item_ids({item.id for items in found.values() for item in items})
    for row in rows:
        items = found.get(external_key(run, row), ())
        strangers = [item.id for item in items if item.id not in known]
        # Without an item of ours beside them they are what the next run will adopt.
        if strangers and len(strangers) < len(items):
            report.doubled.append(Doubled(row.order_key, "", tuple(sorted(item.id for item in items))))


def sweep_subitems(run: SyncRun, rows: Sequence[PendingSubitem], report: StageReport) -> None:
    """Report the lines whose size is under their item more than once."""
    children = run.board.children(sorted({row.item_id for row in rows if row.item_id is not None}), [])
    for row in rows:
        ids = _named(children, row, subitem_name(run.rules.subitem_name, row.size_code))
        if len(ids) > 1:
            report.doubled.append(Doubled(row.order_key, row.size_code, ids))


def _named(children: Mapping[int, Sequence[BoardItem]], row: PendingSubitem, name: str) -> tuple[int, ...]:
    return tuple(sorted(child.id for child in children.get(row.item_id or 0, ()) if child.name == name))

"""The visibility lag: what lists and look-ups still show of items that were made, moved, archived or deleted a moment ago.

Belongs here: remembering how an item was, and showing it so until the lag is over. Does not belong here: which items a query wants
(`filters.py`), what the lag covers (`switches.py`). Without a lag nothing is remembered and nothing costs anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from orders_platform.sandbox.rows import ItemRow
from orders_platform.sandbox.state import State
from orders_platform.sandbox.switches import Lagging

_EARLIEST = (
    "SELECT item_id, group_id, state, min(changed_at) FROM past "
    "WHERE changed_at > ? AND item_id IN (SELECT value FROM json_each(?)) GROUP BY item_id"
)


def remember(state: State, item: ItemRow) -> None:
    """Keeps how an item is now; called just before it is moved, archived or deleted."""
    if not state.visibility_lag:
        return
    state.write("DELETE FROM past WHERE changed_at <= ?", (state.visible_until,))
    # Of two changes in one instant the first one knows how the item was before.
    state.write(
        "INSERT OR IGNORE INTO past (item_id, changed_at, group_id, position, state) VALUES (?, ?, ?, ?, ?)",
        (item.id, state.clock(), item.group_id, item.position, item.state),
    )


def as_listed(state: State, rows: Iterable[ItemRow]) -> list[ItemRow]:
    """Items as lists show them now, in the group and the state that they show; those not visible yet are left out."""
    found = list(rows)
    if not state.visibility_lag:
        return found
    covers = state.switches.lag_covers
    earlier = {int(str(row[0])): row for row in state.all(_EARLIEST, (state.visible_until, json.dumps([r.id for r in found])))}
    shown = []
    for item in found:
        if Lagging.NEW in covers and item.created_at > state.visible_until:
            continue
        past = earlier.get(item.id)
        if past and Lagging.MOVED in covers:
            item = replace(item, group_id=str(past[1]))
        if past and Lagging.RETIRED in covers:
            item = replace(item, state=str(past[2]))
        shown.append(item)
    return shown

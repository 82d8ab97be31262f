"""The rule of identity: an order number never has more live orders, nor live items, than the load has rows of it."""

from __future__ import annotations

from collections import Counter

from orders_platform.domain.text import fold
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform_tests.testing.platform import NUMBER_COLUMN, Platform


def surplus(platform: Platform) -> list[str]:
    """The order numbers that break it, in words.

    Says nothing of customers whose load is not merged, or of which a guard kept what is missing. The items of orders that left the load are
    not live, whatever became of them.
    """
    unsettled = {each.customer for each in platform.merge.sync_statuses() if each.is_changed}
    unsettled |= {guard.customer for guard in platform.store.guards()}
    rows = Counter(
        fold(str(row["number"] or "")) for row in platform.rows('SELECT "AAG ORDER NUMBER" AS number FROM swp_ORDER_LIST_V2')
    )
    orders = platform.rows(
        'SELECT "AAG ORDER NUMBER" AS number, "CUSTOMER NAME" AS customer, removed_at, monday_item_id FROM ORDER_LIST_V2'
    )
    skipped = {fold(str(row["number"] or "")) for row in orders if row["customer"] in unsettled}
    gone = {row["monday_item_id"] for row in orders if row["removed_at"] is not None}
    live = Counter(fold(str(row["number"] or "")) for row in orders if row["removed_at"] is None)
    board = [item for group in platform.sandbox.board_snapshot(ITEMS_BOARD_ID) for item in group.items]
    items = Counter(
        fold(item.values[NUMBER_COLUMN]) for item in board if item.id not in gone and item.values.get(NUMBER_COLUMN)
    )
    return [
        f"{number}: {live[number]} orders and {items[number]} items for {rows[number]} rows"
        for number in sorted({*live, *items} - skipped)
        if max(live[number], items[number]) > rows[number]
    ]

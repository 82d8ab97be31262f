"""The rule of identity: an order number never has more live orders, nor live items, than the load has rows of it."""

from __future__ import annotations

import unicodedata
from collections import Counter

from orders_platform_tests.testing.platform import Platform


def surplus(platform: Platform) -> list[str]:
    """The order numbers that break it, in words.

    Says nothing of customers whose load is not merged, or of which a guard kept what is missing. The items of orders that left the load are
    not live, whatever became of them.
    """
    unsettled = {each.customer for each in platform.merge.sync_statuses() if each.is_changed}
    unsettled |= {guard.customer for guard in platform.store.guards()}
    rows = Counter(
        _folded(row["number"]) for row in platform.rows('SELECT "AAG ORDER NUMBER" AS number FROM swp_ORDER_LIST_V2')
    )
    orders = platform.rows(
        'SELECT "AAG ORDER NUMBER" AS number, "CUSTOMER NAME" AS customer, removed_at, monday_item_id FROM ORDER_LIST_V2'
    )
    skipped = {_folded(row["number"]) for row in orders if row["customer"] in unsettled}
    gone = {row["monday_item_id"] for row in orders if row["removed_at"] is not None}
    live = Counter(_folded(row["number"]) for row in orders if row["removed_at"] is None)
    items = Counter(_folded(item.number) for item in platform.items() if item.id not in gone and item.number)
    return [
        f"{number}: {live[number]} orders and {items[number]} items for {rows[number]} rows"
        for number in sorted({*live, *items} - skipped)
        if max(live[number], items[number]) > rows[number]
    ]


def _folded(number: object) -> str:
    """Without regard to case, blanks and what nobody sees."""
    text = unicodedata.normalize("NFC", str(number or ""))
    seen = "".join(each if each.isprintable() else " " if each.isspace() else "" for each in text.replace("\u00a0", " "))
    return " ".join(seen.split()).upper()

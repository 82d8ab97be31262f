"""What must come of the sample orders, written down: the figures that every test of the whole flow compares with.

They hold for each seed, because a seed decides values and never numbers of rows, sizes or groups. Written by hand from the
rules, not computed by the platform; a test recounts them with its own reading of the rules. Does not belong here: how the rows
are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Expected:
    """One customer after a first load and a first sync.

    `rows` = `orders` + `collapsed` + all of `rejected`: nothing is lost.

    Attributes:
        rows: staged rows that belong to the customer, blank names filled from their file included.
        orders: items the board should hold, cancelled orders and orders of quantity 0 included.
        lines: size lines with a quantity above 0 of orders that are not cancelled, one-size spellings counted once.
        groups: group names of the orders.
        collapsed: rows that were identical to another row after cleaning.
        rejected: rows refused by the merge, by kind: phantom, missing_key, duplicate_key, bad_value, name_too_long.
        rejected_lines: quantities refused by the unpivot: negative or not a number. Their orders are sent.
        failed: orders, of `orders`, that the board would refuse: text in a number column.
        failed_lines: lines, of `lines`, of failed orders: they wait for their item.
    """

    rows: int
    orders: int
    lines: int
    groups: int
    collapsed: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    rejected_lines: int = 0
    failed: int = 0
    failed_lines: int = 0


EXPECTED: Mapping[str, Expected] = {
    "B'HOOD": Expected(rows=25, orders=24, lines=60, groups=2, collapsed=1),
    "EQUINOX": Expected(rows=42, orders=40, lines=66, groups=10, collapsed=2),
    "GREYSON": Expected(rows=72, orders=69, lines=317, groups=4, collapsed=1, rejected={"phantom": 1, "missing_key": 1}),
    "JOHNNIE O": Expected(rows=46, orders=46, lines=129, groups=2),
    "PELOTON": Expected(rows=113, orders=110, lines=220, groups=13, collapsed=2, rejected={"phantom": 1}),
    "RHONE": Expected(rows=30, orders=30, lines=83, groups=3, rejected_lines=1),
    "SUMMERSALT": Expected(rows=39, orders=36, lines=124, groups=2, rejected={"duplicate_key": 3}, rejected_lines=2),
    "SUN DAY RED": Expected(rows=61, orders=60, lines=180, groups=3, rejected={"phantom": 1}),
    "TAYLOR MADE": Expected(rows=38, orders=38, lines=79, groups=2),
    "TITLE NINE": Expected(rows=50, orders=49, lines=147, groups=4, rejected={"bad_value": 1}, failed=2, failed_lines=6),
    "TRACK SMITH": Expected(rows=38, orders=36, lines=108, groups=1, rejected={"phantom": 1, "missing_key": 1}),
    "WHITE FOX": Expected(rows=63, orders=60, lines=180, groups=5, rejected={"duplicate_key": 2, "name_too_long": 1}),
}

UNKNOWN_CUSTOMER_ROWS: Mapping[str | None, int] = {"ACME ACTIVE": 4, None: 3}
"""Staged rows that belong to no customer, by raw CUSTOMER NAME."""

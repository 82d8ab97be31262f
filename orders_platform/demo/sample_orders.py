"""The sample orders: what a load of the real order list looks like, dirt included, from one seed, and what must come of it.

`make run`, the flow tests and the benchmarks start from here. The expected figures hold for each seed, because a seed decides values
and never numbers of rows, sizes or groups. They are written by hand from the rules, not computed by the platform; a test recounts
them with its own reading of the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from orders_platform.demo.sample_changes import LabelledChange, changed_orders, reloaded
from orders_platform.demo.sample_dirt import dirty_rows, unknown_customers
from orders_platform.demo.sample_rows import LETTERS, LETTERS_2XL, RECIPES, Recipe, Row, ordinary_row


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
        rejected: rows refused by the merge, by kind: phantom, missing_key, duplicate_key.
        warnings: cells that are left out: quantities that are negative or no number, text in a number column. Their orders are sent.
    """

    rows: int
    orders: int
    lines: int
    groups: int
    collapsed: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    warnings: int = 0


EXPECTED: Mapping[str, Expected] = {
    "B'HOOD": Expected(rows=25, orders=24, lines=60, groups=2, collapsed=1),
    "EQUINOX": Expected(rows=42, orders=40, lines=66, groups=10, collapsed=2),
    "GREYSON": Expected(rows=72, orders=69, lines=317, groups=4, collapsed=1, rejected={"phantom": 1, "missing_key": 1}),
    "JOHNNIE O": Expected(rows=46, orders=46, lines=129, groups=2),
    "PELOTON": Expected(rows=113, orders=110, lines=220, groups=13, collapsed=2, rejected={"phantom": 1}),
    "RHONE": Expected(rows=30, orders=30, lines=83, groups=3, warnings=1),
    "SUMMERSALT": Expected(rows=39, orders=36, lines=124, groups=2, rejected={"duplicate_key": 3}, warnings=2),
    "SUN DAY RED": Expected(rows=61, orders=60, lines=180, groups=3, rejected={"phantom": 1}),
    "TAYLOR MADE": Expected(rows=38, orders=38, lines=79, groups=2),
    "TITLE NINE": Expected(rows=50, orders=50, lines=150, groups=4, warnings=3),
    "TRACK SMITH": Expected(rows=38, orders=36, lines=108, groups=1, rejected={"phantom": 1, "missing_key": 1}),
    "WHITE FOX": Expected(rows=63, orders=61, lines=183, groups=5, rejected={"duplicate_key": 2}),
}

UNKNOWN_CUSTOMER_ROWS: Mapping[str | None, int] = {"ACME ACTIVE": 4, None: 3}
"""Staged rows that belong to no customer, by raw CUSTOMER NAME."""

DEFAULT_SEED = 4755


def sample_orders(seed: int = DEFAULT_SEED) -> list[Row]:
    """About 600 staging rows of 12 customers and of a few nobody knows, in the order of their files.

    Args:
        seed: decides values (prices, dates, quantities, notes); numbers of rows, lines and groups are the same for each seed.

    Returns:
        Rows by real staging column name. A column that is absent is NULL; quantities are ints or texts, all else text or None.
    """
    rng = Random(seed)  # noqa: S311 - sample data, not secrets
    rows = [row for recipe in RECIPES for row in dirty_rows(recipe, rng)]
    return rows + unknown_customers(rng)


def second_load(seed: int = DEFAULT_SEED) -> tuple[list[Row], list[LabelledChange]]:
    """The load after `sample_orders(seed)`: rows shuffled, record_uuids made anew, and the labelled changes."""
    rows, changes = changed_orders(sample_orders(seed))
    return reloaded(rows, seed + 1), changes


LINES_PER_ORDER = len(LETTERS)


def wide_orders(count: int, customers: Sequence[str], seed: int = DEFAULT_SEED) -> Iterator[Row]:
    """Staging rows, evenly over the customers, each of which gets a file, three groups and `LINES_PER_ORDER` lines an order.

    Args:
        count: rows in all.
        customers: canonical names.
        seed: the same seed gives the same rows.
    """
    rng = Random(seed)  # noqa: S311 - sample data, not secrets
    recipes = [_recipe(turn, customer) for turn, customer in enumerate(customers)]
    for index in range(count):
        yield ordinary_row(recipes[index % len(recipes)], index // len(recipes), rng)


def _recipe(turn: int, customer: str) -> Recipe:
    return Recipe(
        customer, customer, f"W{turn:02d}", 1, 0, (customer,),
        (("SP26", "2026 SPRING"), ("FA25", "2025 FALL"), (None, "2025 HOLIDAY")),
        (LETTERS, LETTERS_2XL[1:], ("30", "32", "34", "36", "38")), ("WT00630", "MSP25B60"), ("BLACK", "417 - MALTESE BLUE"),
        order_types=("ACTIVE", "RECEIVED"),
    )  # fmt: skip

"""The sample orders: what a load of the real order list looks like, dirt included, from one seed.

`make run`, the flow tests and the benchmarks start from here. Belongs here: the list as a whole. Does not belong here: its
parts (`sample_recipes.py` what customers order, `sample_rows.py` one ordinary row, `sample_dirt.py` what is wrong with some,
`sample_expectations.py` what must come of it, `sample_changes.py` a later load, `sample_wide.py` volume).
"""

from __future__ import annotations

from random import Random

from orders_platform.demo.sample_changes import LabelledChange, Sends, changed_orders, reloaded
from orders_platform.demo.sample_dirt import dirty_rows, unknown_customers
from orders_platform.demo.sample_expectations import EXPECTED, UNKNOWN_CUSTOMER_ROWS, Expected
from orders_platform.demo.sample_recipes import RECIPES
from orders_platform.demo.sample_rows import Row
from orders_platform.demo.sample_wide import wide_orders

DEFAULT_SEED = 4755

__all__ = [
    "DEFAULT_SEED", "EXPECTED", "UNKNOWN_CUSTOMER_ROWS", "Expected", "LabelledChange", "Row", "Sends", "changed_orders",
    "reloaded", "sample_orders", "second_load", "wide_orders",
]  # fmt: skip


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

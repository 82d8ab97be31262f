"""Any number of clean orders, one at a time, for benchmarks.

Belongs here: volume. Does not belong here: dirt, which the sample orders have (`sample_orders.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from orders_platform.demo.sample_recipes import LETTERS, LETTERS_2XL, Recipe
from orders_platform.demo.sample_rows import Row, ordinary_row

LINES_PER_ORDER = len(LETTERS)


def wide_orders(count: int, customers: Sequence[str], seed: int = 4755) -> Iterator[Row]:
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

"""One ordinary staging row, as text in the wild: the same quantity as 12, '12' or '12.0', dates in five spellings.

Belongs here: what a seed decides about an order that can be sent. Does not belong here: how many orders and sizes there are
(`sample_recipes.py`), rows that are wrong on purpose (`sample_dirt.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from orders_platform.demo.sample_recipes import Recipe

Row = dict[str, str | int | None]
"""A staging row by column name; a column that is absent is NULL."""

ORDER_NUMBER = "AAG ORDER NUMBER"
CUSTOMER = "CUSTOMER NAME"
COLOUR_CODE = "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS"
TOTAL = "TOTAL QTY"
DATES = ("ORDER DATE PO RECEIVED", "ETA CUSTOMER WAREHOUSE DATE", "EX FACTORY DATE")

_FIRST_DAY = date(2025, 1, 1)
_SERIAL_ZERO = date(1899, 12, 30)
_NO_DATE = (None, "TBC", "TBA", "TBD", "00/00/00")
_TOTALS = (18, 120, 250, 300, 300, 400, 500, 600, 732, 750, 2100)
_NOTES = (
    None, None, None, None, "Rush order", 'Replaces "old" style\nsecond line', "50% now / 50% later",
    "Customer’s own hangtag; see e-mail 12/6", "WITH LOVE FROM TÜRKIYE – 東京",
)  # fmt: skip
_EMPTY_QUANTITIES: tuple[str | int | None, ...] = (None, 0, "0", "0.0", "nan", " ")


def ordinary_row(recipe: Recipe, index: int, rng: Random) -> Row:
    """The order number `index` of a recipe. Key, season, sizes and order type follow from the index, the rest from `rng`."""
    customer_season, aag_season = recipe.seasons[index % len(recipe.seasons)]
    style = recipe.styles[index % len(recipe.styles)]
    spelling = recipe.spellings[index % len(recipe.spellings)]
    row: Row = {
        "record_uuid": new_uuid(rng),
        ORDER_NUMBER: f"{recipe.prefix}-{recipe.first_number + index:05d}",
        CUSTOMER: spelling,
        "SOURCE_CUSTOMER_NAME": recipe.workbook if spelling == recipe.customer else None,
        "PO NUMBER": recipe.po_number or (None if index % 8 == 7 else str(rng.randrange(10_000, 99_999))),
        "CUSTOMER ALT PO": f"ALT-{rng.randrange(10_000, 99_999)}" if index % 8 == 7 and not recipe.po_number else None,
        "AAG SEASON": aag_season,
        "CUSTOMER SEASON": customer_season,
        "DROP": rng.choice((None, "DROP01", "DROP02", "CAPSULE 1")),
        "RANGE / COLLECTION": rng.choice((None, "GOLF", "CORE", "STUDIO")),
        "CATEGORY": rng.choice(("TOPS", "BOTTOMS", "BRAS", "DRESS/SKIRT", "OUTERWEAR")),
        "PATTERN ID": f"P{rng.randrange(1000, 9999)}" if index % 3 == 0 else None,
        "PLANNER": rng.choice(("PLANNER A; PLANNER B", "PLANNER C'D", "PLANNER É")),
        "MAKE OR BUY": rng.choice(("MAKE", "BUY")),
        "ALIAS/RELATED ITEM": f"{style}-A" if index % 7 == 3 else None,
        "CUSTOMER STYLE": style,
        "STYLE DESCRIPTION": rng.choice(("MEN'S 9\" SHORT", "WOMEN’S TANK", "HIGH-RISE LEGGING 7/8", "1/4 ZIP PULLOVER")),
        COLOUR_CODE: f"A{rng.randrange(100, 999)}" if index % 6 == 2 else None,
        "CUSTOMER COLOUR DESCRIPTION": recipe.colours[index % len(recipe.colours)] + ("\u00a0" if index % 9 == 4 else ""),
        "UNIT OF MEASURE": rng.choice(("PCS", "EACH", "PAIR", "SET")),
        "DESTINATION": rng.choice(("USA", "UK", "CANADA", "AUSTRALIA", "CÔTE D’IVOIRE", "TÜRKIYE")),
        "DESTINATION WAREHOUSE": rng.choice((None, "CHINO, CA", "LEICESTER / UK", "SYDNEY DC")),
        "DELIVERY TERMS": rng.choice(("DDP", "FOB", "FCA")),
        "PLANNED DELIVERY METHOD": rng.choice(("SEA", "AIR", "TRUCK", "COURIER/DHL")),
        "NOTES": rng.choice(_NOTES),
        "ORDER TYPE": recipe.order_types[index % len(recipe.order_types)],
        "VALIDATION": "OK",
        "FINAL PRICES Y/N": rng.choice(("Y", "N")),
        "HS CODE": rng.choice(("6212.10.90.20", "6109.10.00.12", "6110.30.30.53")),
        "∆": "∆" if index % 5 == 0 else None,
        "_SOURCE_TABLE": recipe.file,
    }
    row.update(_prices(rng))
    row.update((column, _raw_date(rng)) for column in DATES)
    fill_sizes(row, recipe.size_runs[index % len(recipe.size_runs)], rng.choice(_TOTALS), index)
    return row


def new_uuid(rng: Random) -> str:
    """A record_uuid of the staging table, where it is made anew with every load."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4)).upper()


def fill_sizes(row: Row, sizes: Sequence[str], total: int, turn: int) -> None:
    """Spread a total over sizes, in one of the spellings in which quantities arrive; no size at all is a quantity of 0."""
    if not sizes:
        row.update({"M": _EMPTY_QUANTITIES[turn % len(_EMPTY_QUANTITIES)], TOTAL: (0, "0", None, "0.0")[turn % 4]})
        return
    weights = [1 + min(place, len(sizes) - 1 - place) for place in range(len(sizes))]
    quantities = [max(1, total * weight // sum(weights)) for weight in weights]
    quantities[len(quantities) // 2] += total - sum(quantities)
    row.update((size, _raw_quantity(quantity, turn)) for size, quantity in zip(sizes, quantities, strict=True))
    row[TOTAL] = _raw_quantity(sum(quantities), turn)
    if turn % 4 == 3:
        row["4XL"] = _EMPTY_QUANTITIES[turn % len(_EMPTY_QUANTITIES)]


def _raw_quantity(quantity: int, turn: int) -> str | int:
    return (quantity, str(quantity), f"{quantity}.0", f" {quantity}")[turn % 4]


def _raw_date(rng: Random) -> str | None:
    if rng.random() < 0.1:
        return rng.choice(_NO_DATE)
    day = _FIRST_DAY + timedelta(days=rng.randrange(600))
    form = rng.randrange(10)
    if form == 0:
        return str((day - _SERIAL_ZERO).days)
    return day.isoformat() if form < 4 else f"{day.isoformat()} 00:00:00"


def _prices(rng: Random) -> dict[str, str | None]:
    fob = rng.uniform(5, 40)
    duty = fob * 0.16
    return {
        "CUSTOMER PRICE": f"{fob * 2.2:.4f}",
        "EX WORKS (USD)": f"{fob * 0.9:.4f}",
        "ADMINISTRATION FEE": f"{fob * 0.03:.4f}",
        "DESIGN FEE": rng.choice((None, "0.28", "0.49", "0")),
        "SURCHARGE FEE": rng.choice((None, None, "0.91")),
        "DISCOUNT": rng.choice((None, None, "0.021")),
        "FINAL FOB (USD)": f"{fob:.4f}",
        "US DUTY RATE": "0.160000",
        "US DUTY": f"{duty:.4f}",
        "FREIGHT": f"{rng.uniform(0.4, 1.4):.4f}",
        "US TARIFF RATE": "0.075000",
        "US TARIFF": f"{fob * 0.075:.4f}",
        "DDP US (USD)": f"{fob * 1.235 + 1:.4f}",
        "UK FREIGHT": rng.choice((None, "0.22", "SEE NOTES")),
    }

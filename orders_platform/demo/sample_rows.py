"""What the sample customers order, and one ordinary staging row of it, as text in the wild.

How *many* orders, groups and lines there are follows from the recipes and from no seed: their tuples are taken in turn, by the
index of the order. A seed decides values: the same quantity as 12, '12' or '12.0', dates in five spellings, prices, notes.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

Season = tuple[str | None, str | None]
"""CUSTOMER SEASON and AAG SEASON as they stand in the file."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One customer's part of a workbook.

    Attributes:
        customer: the canonical name.
        workbook: the customer's name in its own file, which also gives the file its name.
        first_number: the AAG number of the first order; the others follow by one.
        spellings: raw CUSTOMER NAME, taken in turn; None is a blank cell.
        size_runs: the sizes with a quantity, taken in turn; an empty run is an order of quantity 0.
        order_types: raw ORDER TYPE, taken in turn.
        po_number: the PO of all orders; None when each has its own.
    """

    customer: str
    workbook: str
    prefix: str
    first_number: int
    orders: int
    spellings: tuple[str | None, ...]
    seasons: tuple[Season, ...]
    size_runs: tuple[tuple[str, ...], ...]
    styles: tuple[str, ...]
    colours: tuple[str, ...]
    order_types: tuple[str, ...] = ("ACTIVE", "ACTIVE", "RECEIVED", "ACTIVE", "FORECAST")
    po_number: str | None = None

    @property
    def file(self) -> str:
        """The raw table that the workbook was loaded into."""
        return f"x{self.workbook.replace(' ', '_')}_ORDER_LIST_RAW"


LETTERS = ("XS", "S", "M", "L", "XL")
LETTERS_2XL = (*LETTERS, "2XL")
WAISTS = ("28", "30", "32", "34", "36", "38", "40")
NONE: tuple[str, ...] = ()

# PO 4755: 53 orders with 317 lines (38 x 6, 11 x 7, 2 x 5, 2 x one size), 10 cancelled (6 with quantities), 6 of quantity 0.
_GREYSON_RUNS = (
    (LETTERS_2XL,) * 38 + (WAISTS,) * 11 + (LETTERS,) * 2 + (("OS",), ("O/S", "ONE SIZE"))
    + (LETTERS_2XL,) * 6 + (NONE,) * 4 + (NONE,) * 6
)  # fmt: skip
_GREYSON_TYPES = ("ACTIVE",) * 50 + ("RECEIVED",) * 3 + ("Cancelled", "CANCELLED") * 5 + ("ACTIVE",) * 6

GREYSON = Recipe(
    "GREYSON", "GREYSON CLOTHIERS", "GRE", 4267, 69, ("GREYSON", "GREYSON CLOTHIERS", "GREYSON", None, "greyson  clothiers"),
    (
        (None, "2025 FALL"), (None, "2026 SPRING"), (None, "2025 FALL"), ("SP26", "2026 SPRING"), (None, "2025 SUMMER"),
        ("N/A", "2025 FALL"),
    ),
    _GREYSON_RUNS, ("MFA22K56", "MSP25B60", "LFA25K46", "MCLSCB01V-30", "YSP26B51", "SYSP26D08"),
    ("417 - MALTESE BLUE", "001 - SHEPHERD", "051 - SMOKE HEATHER", "234 - ARCTIC / WOLF BLUE", "055 - SLATE"),
    order_types=_GREYSON_TYPES, po_number="4755",
)  # fmt: skip

_PELOTON_SEASONS = (
    "SUMMER 24", "FALL 24", "SPRING 24", "FALL", "FALL 1", "2022 Q2", "Q1 2022", "Q2 2024", "CAPSULE", "STUDIO CAPSULE",
    "INSTRUCTOR CAPSULE", "ECOMM", "TBD",
)  # fmt: skip

PELOTON = Recipe(
    "PELOTON", "Peloton Private Label", "PEL", 2700, 110, ("PELOTON", "Peloton Private Label"),
    tuple((season, "N/A" if turn % 2 else "2024 FALL") for turn, season in enumerate(_PELOTON_SEASONS)),
    (("S", "M", "L"), ("XS", "S", "M", "L"), NONE, ("M", "L", "XL"), NONE), ("WT00630", "WB00631", "WR01221 P", "MB00317"),
    ("SYCAMORE", "JET BLACK", "GREEN ASH", "ANTIQUE MOSS"),
)  # fmt: skip

BHOOD = Recipe(
    "B'HOOD", "B'HOOD", "BHO", 300, 24, ("B'HOOD", "BHOOD"), (("SS26", "2026 SPRING SUMMER"), (None, "2025 HOLIDAY")),
    (("S", "M", "L"), ("XS/S", "M/L")), ("BH-101", "BH-2/04"), ('BLACK "RP"', "BLACK / CHALK", "OFF WHITE"),
)  # fmt: skip

TITLE_NINE = Recipe(
    "TITLE NINE", "TITLE 9", "TIT", 560, 50, ("TITLE NINE", "TITLE 9", "TITLE 10"),
    (("SPRING 26 REBUY", "2026 SPRING"), ("SPRING 26-1", "2026 SPRING"), ("SUMMER 2025", None), (None, "2025 FALL")),
    (("XS", "S", "M"), ("32C", "32D", "34C")), ("619290", "600916"), ("BLACK", "DEEP LAGOON", "PORCELAIN"),
)  # fmt: skip

SUN_DAY_RED = Recipe(
    "SUN DAY RED", "SUN DAY RED", "SUN", 40, 60, ("SUN DAY RED", "SUN DAY RED", "Sun Day Red"),
    (("SP26", "2026 SPRING"), ("FA25", "2025 FALL"), (None, "2026 SUMMER")),
    (("S", "M", "L", "XL"), ("30", "32", "34"), ("S", "M", "L", "XL")), ("SDR-C8", "CMK0061", "CMF0092"),
    ("BLACK", "NAVY BLAZER", "RAINDROP"), ("ACTIVE", "ACTIVE", "RECEIVED", "ACTIVE", "FORECAST", "Cancelled"),
)  # fmt: skip

TAYLOR_MADE = Recipe(
    "TAYLOR MADE", "TAYLOR MADE", "TAY", 500, 26, ("TAYLOR MADE",), (("SP26", "2026 SPRING"), (None, "2025 FALL")),
    (("S", "M", "L"), NONE, ("M", "L")), ("TK606", "TK607", "TK630"), ("COOL GREY", "WHITE CAP GREY", "BLACK"),
)  # fmt: skip

TAYLOR_MADE_IN_SUN_DAY_RED = Recipe(
    "TAYLOR MADE", "SUN DAY RED", "TAY", 700, 12, ("TAYLOR MADE", "TAYLORMADE"), (("SP26", "2026 SPRING"),),
    (("S", "M", "L"),), ("TK606", "TK630"), ("COOL GREY", "BLACK"),
)  # fmt: skip

SUMMERSALT = Recipe(
    "SUMMERSALT", "SUMMERSALT", "SUM", 900, 36, ("SUMMERSALT",), (("SUMMER 24", "2024 SUMMER"), ("SPRING 24", None)),
    (("2", "4", "6", "8"), ("10", "12", "14")), ("1260.01 L2 P31", "2330.06 L2 U P31"), ("GINGHAM", "THE CONCUBINE’S CORRIDOR"),
)  # fmt: skip

WHITE_FOX = Recipe(
    "WHITE FOX", "WHITE FOX (AU)", "WHI", 1500, 60, ("WHITE FOX", "WHITE FOX (AU)"),
    (("2025 Q2", "2025 Q2"), ("June 2025 Re-buy", None), ("MARCH 25 BUY", None), (None, "2025 SUMMER"), ("FEBRUARY", None)),
    (("XS", "S", "M", "L"), ("S/M", "M/L"), ("XS", "S", "M")), ("WFAL55", "WFATOP56", "WFASH49", "WFASB43"),
    ("BLACK/WHITE", "BERRY", "CHERRY RED"),
)  # fmt: skip

EQUINOX = Recipe(
    "EQUINOX", "EQUINOX", "EQU", 220, 40, ("EQUINOX",),
    tuple((f"{season} {year}", None) for year in (24, 25) for season in ("SPRING", "SUMMER", "FALL", "HOLIDAY", "CORE")),
    (("One Sz",), ("S", "M", "L"), ("One_Sz", "One_Size")), ("EQX112102", "EQM042008"), ("BLACK", "WHITE (REFLECTIVE LOGO)"),
)  # fmt: skip

JOHNNIE_O = Recipe(
    "JOHNNIE O", "JOHNNIE O", "JOO", 610, 46, ("JOHNNIE O",), (("SP26", "2026 SPRING"), ("FA25", "2025 FALL")),
    (("S", "M", "L", "XL"), ("M", "L", "XXL")), ("JWPO100060", "JMSH100100"), ("KONA", "SEAL", "NAVY"),
    ("ACTIVE", "RECEIVED", "ACTIVE", "ACTIVE", "Cancelled"),
)  # fmt: skip

TRACK_SMITH = Recipe(
    "TRACK SMITH", "TRACKSMITH", "TRA", 100, 36, ("TRACK SMITH", "TRACKSMITH"), (("SS26", "2026 SPRING"),),
    (("XS", "S", "M", "L", "XL", "XXL"), NONE), ("WT6206", "WT6256"), ("BLACK", "CHARLOCK", "NAVY"),
)  # fmt: skip

RHONE = Recipe(
    "RHONE", "RHONE", "RHO", 400, 30, ("RHONE",), (("FA25", "2025 FALL"), ("SP26", "2026 SPRING"), (None, None)),
    (("30/32", "32/32", "34/34"), ("S", "S+", "S-PETITE"), ("0", "1", "2T"), ("3-4", "3-4 years", "34"), ("32DDD", "4XT")),
    ("102530", "102113", "200524"), ("TRUE NAVY", "BLACK", "OLIVE"),
)  # fmt: skip

RECIPES = (
    GREYSON, PELOTON, BHOOD, TITLE_NINE, SUN_DAY_RED, TAYLOR_MADE, TAYLOR_MADE_IN_SUN_DAY_RED, SUMMERSALT, WHITE_FOX, EQUINOX,
    JOHNNIE_O, TRACK_SMITH, RHONE,
)  # fmt: skip


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

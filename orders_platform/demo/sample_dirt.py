"""What is wrong with a real order list, put into ordinary rows on purpose, one function for each kind of dirt.

Each function takes the rows of one recipe, in order, and changes or extends them in place; `DIRT` says which customer gets what.
Dirt that every row has (spaces, '12.0', 'TBC') comes with the ordinary rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from random import Random

from orders_platform.demo.sample_rows import (
    COLOUR_CODE,
    CUSTOMER,
    ORDER_NUMBER,
    RECIPES,
    SUN_DAY_RED,
    TOTAL,
    Recipe,
    Row,
    fill_sizes,
    new_uuid,
    ordinary_row,
)

Dirt = Callable[[list[Row], Random], None]

LONG_NOTE = "Customer’s note; “quoted”, 100% – TÜRKIYE\n".ljust(100, ".") * 10
HOSTILE_NOTE = "Robert'); DROP TABLE ORDER_LIST_V2;-- {{ jinja }} %s \\ ${x} <b>&amp;"
ALIAS, METHOD, COLOUR = "ALIAS/RELATED ITEM", "PLANNED DELIVERY METHOD", "CUSTOMER COLOUR DESCRIPTION"


def sharing_an_order_number(rows: list[Row], _rng: Random, *, first: int, pairs: int) -> None:
    """Pairs of orders that have AAG number, style, colour and delivery method in common and differ by their PO."""
    for one, other in zip(rows[first : first + 2 * pairs : 2], rows[first + 1 : first + 2 * pairs : 2], strict=True):
        for column in (ORDER_NUMBER, "CUSTOMER STYLE", COLOUR, METHOD):
            other[column] = one[column]
        one.update({"PO NUMBER": f"{one['PO NUMBER']}/A", ALIAS: None, "CUSTOMER ALT PO": None})
        other.update({"PO NUMBER": f"{other['PO NUMBER']}/B", ALIAS: None, "CUSTOMER ALT PO": None})


def greyson_pairs(rows: list[Row], _rng: Random) -> None:
    """GRE-04268 with 18 and 732 units, apart by delivery method alone, and a second pair, apart by its alias."""
    for row, method, total in ((rows[1], "AIR", 18), (rows[2], "SEA", 732)):
        row.update(
            {ORDER_NUMBER: "GRE-04268", METHOD: method, "CUSTOMER STYLE": "MFA22K56", COLOUR: "001 - SHEPHERD", ALIAS: None}
        )
        fill_sizes(row, ("XS", "S", "M", "L", "XL", "2XL"), total, 0)
        row.update({COLOUR_CODE: None, "4XL": None})
    rows[21].update({ORDER_NUMBER: rows[20][ORDER_NUMBER], ALIAS: "MSP25B60-B"})


def identical(rows: list[Row], rng: Random, *, of: Sequence[int], note: str = "") -> None:
    """The same row again, but for its record_uuid and for `note`, blanks behind a text: one order after cleaning."""
    for index in of:
        again = {**rows[index], "record_uuid": new_uuid(rng)}
        again["CUSTOMER STYLE"] = f"{again['CUSTOMER STYLE']}{note}"
        rows.append(again)


def colliding(rows: list[Row], rng: Random, *, of: int, times: int) -> None:
    """Further orders, all with the keys of each other and all different: none of them can be told apart from the others."""
    for turn in range(times):
        row = {**rows[of], "record_uuid": new_uuid(rng), ORDER_NUMBER: f"{rows[of][ORDER_NUMBER]}-X"}
        rows.append({**row, "CUSTOMER PRICE": f"{10 + turn}.5000"})


def phantom(rows: list[Row], rng: Random, *, number: str, customer: str | None, total: str | int | None = None) -> None:
    """A key and nothing else: somebody filled the number column further down than the orders go."""
    row: Row = {"record_uuid": new_uuid(rng), ORDER_NUMBER: number, CUSTOMER: customer, TOTAL: total}
    rows.append({**row, "PO NUMBER": " ", "CUSTOMER STYLE": "\u00a0", "_SOURCE_TABLE": rows[0]["_SOURCE_TABLE"]})


def without_number(rows: list[Row], rng: Random, *, of: int, blank: str | None = None) -> None:
    """A whole order whose number is blank."""
    rows.append({**rows[of], "record_uuid": new_uuid(rng), ORDER_NUMBER: blank, "PO NUMBER": "NO NUMBER YET"})


def with_values(rows: list[Row], _rng: Random, *, at: int, values: Row) -> None:
    """Other values in one row."""
    rows[at].update(values)


def overlong_name(rows: list[Row], rng: Random, *, of: int, number: str) -> None:
    """A style alias so long that the item's name passes monday's 255 characters."""
    rows.append({**rows[of], "record_uuid": new_uuid(rng), ORDER_NUMBER: number, ALIAS: "ALIAS, " * 35 + "END"})


def wrong_total(rows: list[Row], _rng: Random, *, at: Sequence[int]) -> None:
    """A TOTAL QTY that is not the sum of the sizes."""
    for index in at:
        rows[index][TOTAL] = 999


def unknown_customers(rng: Random) -> list[Row]:
    """Orders of nobody we know: an unlisted customer, a blank one in a file of two customers, a blank one without a file."""
    acme = replace(SUN_DAY_RED, workbook="ACME", prefix="ACM", first_number=1, orders=4, spellings=("ACME ACTIVE",))
    stray = replace(SUN_DAY_RED, first_number=990, orders=3, spellings=(None,))
    rows = [ordinary_row(recipe, index, rng) for recipe in (acme, stray) for index in range(recipe.orders)]
    rows[-1]["_SOURCE_TABLE"] = None
    return rows


def dirty_rows(recipe: Recipe, rng: Random) -> list[Row]:
    """All rows of one recipe, with its dirt."""
    rows = [ordinary_row(recipe, index, rng) for index in range(recipe.orders)]
    for soil in DIRT.get((recipe.customer, recipe.file), ()):
        soil(rows, rng)
    return rows


_FILES = {recipe.customer: recipe.file for recipe in reversed(RECIPES)}


def _for(customer: str, *dirt: Dirt) -> tuple[tuple[str, str], tuple[Dirt, ...]]:
    return (customer, _FILES[customer]), dirt


DIRT: dict[tuple[str, str], tuple[Dirt, ...]] = dict(
    (
        _for(
            "GREYSON",
            greyson_pairs,
            partial(identical, of=(30,)),
            partial(phantom, number="GRE-04420", customer="GREYSON CLOTHIERS", total="0"),
            partial(without_number, of=5),
        ),
        _for(
            "PELOTON",
            partial(sharing_an_order_number, first=0, pairs=10),
            partial(identical, of=(25, 26)),
            partial(phantom, number="PEL-02999", customer=None),
        ),
        _for(
            "B'HOOD",
            partial(identical, of=(3,), note="\u00a0 "),
            partial(with_values, at=5, values={"NOTES": HOSTILE_NOTE, "STYLE DESCRIPTION": "B'HOOD “HOODIE”; 50% [WOOL] 🧥"}),
        ),
        _for(
            "TITLE NINE",
            partial(with_values, at=39, values={"DESIGN FEE": "SEE NOTES"}),
            partial(with_values, at=40, values={"DESIGN FEE": "SEE NOTES"}),
            partial(with_values, at=41, values={"FREIGHT": "SEE NOTES"}),
        ),
        _for(
            "SUN DAY RED",
            partial(phantom, number="SUN-00800", customer="SUN DAY RED"),
            partial(with_values, at=7, values={"NOTES": HOSTILE_NOTE}),
        ),
        _for(
            "SUMMERSALT",
            partial(with_values, at=10, values={"4": "-5"}),
            partial(with_values, at=12, values={"6": "abc"}),
            partial(colliding, of=20, times=3),
        ),
        _for(
            "WHITE FOX",
            partial(with_values, at=9, values={"NOTES": LONG_NOTE}),
            partial(overlong_name, of=11, number="WHI-01700"),
            partial(colliding, of=21, times=2),
            partial(wrong_total, at=(14, 15)),
        ),
        _for("EQUINOX", partial(identical, of=(1, 8))),
        _for("JOHNNIE O", partial(sharing_an_order_number, first=10, pairs=5)),
        _for(
            "TRACK SMITH",
            partial(phantom, number="TRA-00300", customer="TRACKSMITH", total=0),
            partial(without_number, of=2, blank="\u00a0"),
        ),
        _for("RHONE", partial(with_values, at=5, values={"30/32": "abc"}), partial(wrong_total, at=(8,))),
    )
)

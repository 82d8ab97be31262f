"""The sample orders against `EXPECTED`, recounted here with a second, plain reading of the merge rules."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_platform.configuration import read_configuration
from orders_platform.demo.sample_orders import (
    DEFAULT_SEED,
    EXPECTED,
    UNKNOWN_CUSTOMER_ROWS,
    Expected,
    Row,
    sample_orders,
    wide_orders,
)
from orders_platform.settings import default_folder

ALIASES = {
    "GREYSON CLOTHIERS": "GREYSON",
    "PELOTON PRIVATE LABEL": "PELOTON",
    "BHOOD": "B'HOOD",
    "TITLE 9": "TITLE NINE",
    "TITLE 10": "TITLE NINE",
    "TAYLORMADE": "TAYLOR MADE",
    "WHITE FOX (AU)": "WHITE FOX",
    "TRACKSMITH": "TRACK SMITH",
}
KEYS = (
    "AAG ORDER NUMBER", "PLANNED DELIVERY METHOD", "CUSTOMER STYLE", "PO NUMBER", "CUSTOMER ALT PO", "ALIAS/RELATED ITEM",
    "ORIGINAL ALIAS/RELATED ITEM", "PATTERN ID", "CUSTOMER COLOUR DESCRIPTION",
)  # fmt: skip
PHANTOM_COLUMNS = (*KEYS[1:5], "AAG SEASON", "CUSTOMER SEASON", "CUSTOMER COLOUR DESCRIPTION")
CODE = "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS"
ONE_SIZE = {"OS", "O/S", "ONE SIZE", "One_Size", "One Sz", "One_Sz"}
CONFIG = read_configuration(default_folder("config") / "order_sync.toml", "sandbox")
TYPES = {name: column.type for name, column in CONFIG.order_list.items()}
COLUMNS = list(TYPES)
SIZES = COLUMNS[COLUMNS.index("UNIT OF MEASURE") + 1 : COLUMNS.index("TOTAL QTY")]
DECIMALS = [column for column, kind in TYPES.items() if kind.startswith("decimal")]
NUMBERS_ON_THE_BOARD_ONLY = ("DESIGN FEE", "SURCHARGE FEE", "DISCOUNT")


def clean(row: Row) -> dict[str, str]:
    cells = {column: str(value).replace("\u00a0", " ").strip() for column, value in row.items() if value is not None}
    cells = {column: value for column, value in cells.items() if value and value.casefold() not in {"nan", "none", "null"}}
    for column in ("CUSTOMER SEASON", "AAG SEASON", "CUSTOMER COLOUR DESCRIPTION"):
        if cells.get(column) == "N/A":
            del cells[column]
    return cells


def is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def by_customer(rows: list[Row]) -> dict[str | None, list[dict[str, str]]]:
    """Clean rows by canonical customer; unknown ones under their raw name, in brackets."""
    cleaned = [clean(row) for row in rows]
    names = [ALIASES.get(name := re.sub(r"\s+", " ", row.get("CUSTOMER NAME", "")).upper(), name) for row in cleaned]
    in_file = defaultdict(set)
    for row, name in zip(cleaned, names, strict=True):
        if name in EXPECTED:
            in_file[row.get("_SOURCE_TABLE")].add(name)
    found: dict[str | None, list[dict[str, str]]] = defaultdict(list)
    for row, name in zip(cleaned, names, strict=True):
        owners = in_file[row["_SOURCE_TABLE"]] if "_SOURCE_TABLE" in row else set()
        found[name or (next(iter(owners)) if len(owners) == 1 else None)].append(row)
    return found


def refusal(row: dict[str, str]) -> str | None:
    if not any(column in row for column in PHANTOM_COLUMNS) and float(row.get("TOTAL QTY", 0)) == 0:
        return "phantom"
    if "AAG ORDER NUMBER" not in row:
        return "missing_key"
    return None


def lines_of(row: dict[str, str]) -> tuple[set[str], int]:
    """Codes of the sizes ordered, and how many quantities are refused."""
    if row["ORDER TYPE"].upper() == "CANCELLED":
        return set(), 0
    given = {size: row[size] for size in SIZES if size in row}
    bad = [size for size, text in given.items() if not is_number(text) or float(text) < 0]
    codes = {"ONE SIZE" if size in ONE_SIZE else size for size, text in given.items() if size not in bad and float(text) > 0}
    return codes, len(bad)


def recount(rows: list[dict[str, str]], customer: str) -> Expected:
    kinds = Counter(kind for row in rows if (kind := refusal(row)))
    distinct = {tuple(sorted((c, v) for c, v in row.items() if c != "record_uuid")): row for row in rows if not refusal(row)}
    keys = Counter(tuple(row.get(column) for column in KEYS) for row in distinct.values())
    orders = [row for row in distinct.values() if keys[tuple(row.get(column) for column in KEYS)] == 1]
    if len(orders) < len(distinct):
        kinds["duplicate_key"] = len(distinct) - len(orders)
    lines = [lines_of(row) for row in orders]
    words = sum(not is_number(row[c]) for row in orders for c in (*DECIMALS, *NUMBERS_ON_THE_BOARD_ONLY) if c in row)
    return Expected(
        rows=len(rows),
        orders=len(orders),
        lines=sum(len(codes) for codes, _ in lines),
        groups=len({f"{customer} {row.get('CUSTOMER SEASON', row.get('AAG SEASON', ''))}" for row in orders}),
        collapsed=len(rows) - len(distinct) - sum(1 for row in rows if refusal(row)),
        rejected=dict(kinds),
        warnings=sum(bad for _, bad in lines) + words,
    )


@pytest.mark.parametrize("customer", EXPECTED)
def test_a_second_reading_of_the_rules_finds_what_is_expected(customer: str) -> None:
    assert recount(by_customer(sample_orders())[customer], customer) == EXPECTED[customer]


@settings(max_examples=15, deadline=None)
@given(st.integers(min_value=0, max_value=2**40))
def test_a_seed_decides_values_and_never_numbers(seed: int) -> None:
    found = by_customer(sample_orders(seed))
    assert {customer: recount(found[customer], customer) for customer in EXPECTED} == dict(EXPECTED)


def test_every_row_is_accounted_for() -> None:
    for expected in EXPECTED.values():
        assert expected.rows == expected.orders + expected.collapsed + sum(expected.rejected.values())
    assert len(sample_orders()) == sum(e.rows for e in EXPECTED.values()) + sum(UNKNOWN_CUSTOMER_ROWS.values())


def test_the_list_has_about_600_orders_and_po_4755_has_69_with_317_lines() -> None:
    assert sum(expected.orders for expected in EXPECTED.values()) == pytest.approx(600, abs=15)
    assert (EXPECTED["GREYSON"].orders, EXPECTED["GREYSON"].lines) == (69, 317)
    good = [row for row in by_customer(sample_orders())["GREYSON"] if refusal(row) is None]
    assert {row["PO NUMBER"] for row in good} == {"4755"}
    assert len({row["AAG ORDER NUMBER"] for row in good}) == 67
    assert [float(row["TOTAL QTY"]) for row in good if row["AAG ORDER NUMBER"] == "GRE-04268"] == [18, 732]


def test_po_4755_has_53_orders_with_lines_10_cancelled_and_6_of_quantity_0() -> None:
    rows = {
        tuple(sorted((c, v) for c, v in row.items() if c != "record_uuid")): row
        for row in by_customer(sample_orders())["GREYSON"]
    }
    good = [row for row in rows.values() if refusal(row) is None]
    cancelled = [row for row in good if row["ORDER TYPE"].upper() == "CANCELLED"]
    assert {row["ORDER TYPE"] for row in cancelled} == {"Cancelled", "CANCELLED"}
    assert (sum(1 for row in good if lines_of(row)[0]), len(cancelled)) == (53, 10)
    assert sum(1 for row in cancelled if any(float(row.get(size, 0)) > 0 for size in SIZES)) == 6
    assert sum(1 for row in good if row not in cancelled and not lines_of(row)[0]) == 6


def test_rows_of_unknown_customers_are_counted_apart() -> None:
    found = by_customer(sample_orders())
    unknown = {customer: len(rows) for customer, rows in found.items() if customer not in EXPECTED}
    assert unknown == dict(UNKNOWN_CUSTOMER_ROWS)


def test_the_same_seed_gives_the_same_rows_and_another_one_does_not() -> None:
    assert sample_orders(7) == sample_orders(7)
    assert sample_orders() == sample_orders(DEFAULT_SEED)
    assert sample_orders(7) != sample_orders(8)


def test_every_column_is_a_real_one_and_every_text_fits_into_it() -> None:
    for row in sample_orders():
        assert set(row) <= {*COLUMNS, "record_uuid"}
        for column, value in row.items():
            if limit := re.fullmatch(r"nvarchar\((\d+)\)", TYPES.get(column, "")):
                assert len(str(value)) <= int(limit[1]), column


def test_the_dirt_of_the_real_list_is_there() -> None:
    rows = sample_orders()
    values = {str(value) for row in rows for value in row.values()}
    assert {"TBC", "TBA", "TBD", "00/00/00", "nan", "SEE NOTES", "-5", "abc", "Cancelled", "N/A"} <= values
    assert any("\u00a0" in value for value in values)
    assert any(re.fullmatch(r"\d+\.0", value) for value in values)
    assert max(len(str(row.get("NOTES"))) for row in rows) == 1000
    assert {"30/32", "S+", "3-4 years", "0", "1", "32DDD"} <= {column for row in rows for column in row}
    assert {row["UNIT OF MEASURE"] for row in rows if "UNIT OF MEASURE" in row} == {"PCS", "EACH", "PAIR", "SET"}
    assert {row["ORDER TYPE"] for row in rows if "ORDER TYPE" in row} == {
        "ACTIVE",
        "RECEIVED",
        "FORECAST",
        "Cancelled",
        "CANCELLED",
    }
    assert any(isinstance(row.get("S"), int) for row in rows)
    totals = [row for row in rows if row.get("TOTAL QTY") == 999]
    assert len(totals) == 3


def test_wide_orders_stream_any_number_of_clean_orders_evenly_over_the_customers() -> None:
    rows = [clean(row) for row in wide_orders(1001, ["GREYSON", "B'HOOD"], seed=1)]
    assert Counter(row["CUSTOMER NAME"] for row in rows) == {"GREYSON": 501, "B'HOOD": 500}
    assert len({(row["CUSTOMER NAME"], row["AAG ORDER NUMBER"]) for row in rows}) == 1001
    assert {refusal(row) for row in rows} == {None}
    assert {len(lines_of(row)[0]) for row in rows} == {5}


def test_wide_orders_are_made_one_at_a_time() -> None:
    endless = wide_orders(10**12, ["GREYSON"])
    assert next(endless)["AAG ORDER NUMBER"] == "W00-00001"

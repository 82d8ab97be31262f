"""Whose rows are in the staging table, and what becomes of those that match no customer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orders_platform.errors import SourceDataError
from orders_platform_tests.testing.order_list import GREYSON, NAME, OrderList, order

NOW = datetime(2026, 1, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 6, tzinfo=UTC)


def row(number: str, name: object, file: object = "xGREYSON") -> dict[str, object]:
    return order(number) | {NAME: name, "_SOURCE_TABLE": file}


def test_spellings_aliases_cases_and_spaces_are_one_customer(order_list: OrderList) -> None:
    names = [GREYSON, "greyson", " Greyson\u00a0", "GREYSON  CLOTHIERS", "Greyson Clothiers"]
    order_list.load(*(row(f"GRE-{i}", name) for i, name in enumerate(names)))
    scan = order_list.merging.scan_staging()
    assert (list(scan.customers), scan.unmatched, scan.rows) == ([GREYSON], (), 5)
    assert order_list.merge().created == 5


@pytest.mark.parametrize("blank", [None, "", " ", "\u00a0\t"])
def test_a_blank_customer_is_filled_from_a_file_of_one_customer(order_list: OrderList, blank: str | None) -> None:
    order_list.load(row("GRE-1", "GREYSON CLOTHIERS"), row("GRE-2", GREYSON), row("GRE-3", blank), row("P-1", "PELOTON", "xP"))
    assert order_list.merge().created == 3
    assert order_list.orders("order_key", NAME) == [(f"GRE-{i}", GREYSON) for i in (1, 2, 3)]


def test_a_blank_customer_in_a_mixed_file_or_in_none_is_rejected(order_list: OrderList) -> None:
    order_list.load(
        row("1", GREYSON), row("2", "PELOTON"), row("3", None), row("4", " "), row("5", None, None), row("6", "", "xQ")
    )
    scan = order_list.merging.scan_staging()
    order_list.merging.record_scan(scan, NOW)
    assert (order_list.merge().rows_read, scan.rows) == (1, 6)
    found = {
        reject.order_key: (reject.customer, reject.code, reject.reason.split(":")[0])
        for reject in order_list.store.invalid_rows()
    }
    mixed = "customer is blank and its file 'xGREYSON' holds 2 customers (GREYSON, PELOTON)"
    assert found == {
        "3": ("(blank in xGREYSON)", "unknown_customer", mixed),
        "4": ("(blank in xGREYSON)", "unknown_customer", mixed),
        "5": ("(blank in no file)", "unknown_customer", "customer is blank and the row names no file"),
        "6": ("(blank in xQ)", "unknown_customer", "customer is blank and its file 'xQ' holds no known customer"),
    }


@pytest.mark.sqlite
@pytest.mark.parametrize("name", [b"ACME", b"\xff\x00"])
def test_a_customer_that_is_no_text_is_unknown_and_its_order_an_order(order_list: OrderList, name: bytes) -> None:
    order_list.load(row("1", GREYSON), row("2", "x", "xQ"))
    order_list.sql('UPDATE "swp_ORDER_LIST_V2" SET "CUSTOMER NAME" = ? WHERE "CUSTOMER NAME" = \'x\'', name)
    ((unmatched),) = order_list.merging.scan_staging().unmatched
    assert (unmatched.has_orders, unmatched.rows) == (True, 1)
    assert "is not in [customers]" in unmatched.reason


def test_of_any_number_of_unknown_names_it_is_told_which_have_orders(order_list: OrderList) -> None:
    names = [f"NAME {i}" for i in range(250)]
    order_list.load(row("1", GREYSON), *(row("7" if i % 2 else "Total", name) for i, name in enumerate(names)))
    unmatched = {each.spelling: each.has_orders for each in order_list.merging.scan_staging().unmatched}
    assert unmatched == {name: bool(i % 2) for i, name in enumerate(names)}


def test_every_row_of_an_unknown_customer_is_rejected_whatever_its_spelling_and_file(order_list: OrderList) -> None:
    names = ["ACME ACTIVE", "ACME  ACTIVE", " ACME ACTIVE", "Acme Active"]
    order_list.load(*(row(f"ACM-{i}", name, f"x{i % 2}") for i, name in enumerate([*names, *names])))
    order_list.merging.record_scan(order_list.merging.scan_staging(), NOW)
    assert [reject[1] for reject in order_list.rejects()] == [f"ACM-{i}" for i in range(8)]
    assert all("is not in [customers] of the configuration" in reject.reason for reject in order_list.store.invalid_rows())


def test_unmatched_rows_are_written_once_and_again_only_when_they_change(order_list: OrderList) -> None:
    order_list.load(row("ACM-1", "ACME"), row("3", None, None))
    order_list.merging.record_scan(order_list.merging.scan_staging(), NOW)
    before = order_list.dump()
    order_list.merging.record_scan(order_list.merging.scan_staging(), LATER)
    assert order_list.dump() == before
    order_list.load(row("ACM-2", "ACME"), row("3", None, None))
    order_list.merging.record_scan(order_list.merging.scan_staging(), LATER)
    assert [reject[1] for reject in order_list.rejects()] == ["3", "ACM-2"]


def test_unmatched_rows_are_resolved_when_they_disappear_and_recorded_again_when_they_return(order_list: OrderList) -> None:
    stray, ours = row("ACM-1", "ACME"), row("GRE-1", GREYSON)
    for rows, rejects in (([stray, ours], 1), ([ours], 0), ([stray, ours], 1)):
        order_list.load(*rows)
        order_list.merging.record_scan(order_list.merging.scan_staging(), next(order_list.clock))
        assert len(order_list.rejects()) == rejects


def test_unmatched_rows_are_resolved_when_the_customer_becomes_known(order_list: OrderList) -> None:
    order_list.load(row("ACM-1", "Acme Ltd"))
    order_list.merging.record_scan(order_list.merging.scan_staging(), next(order_list.clock))
    knowing = order_list.configured(lambda document: document["customers"].update(ACME={"aliases": ["ACME LTD"]}))
    scan = knowing.merging.scan_staging()
    knowing.merging.record_scan(scan, next(order_list.clock))
    assert knowing.merge(customer="ACME").created == 1
    assert knowing.rejects() == []


def test_an_unknown_customer_is_a_customer_where_the_policy_accepts_it(order_list: OrderList) -> None:
    accepting = order_list.configured(lambda document: document["policies"].update(unknown_customers="accept"))
    accepting.load(row("ACM-1", "ACME"), row("ACM-2", " ACME "))
    assert accepting.merge(customer="ACME").created == 2


def test_an_empty_staging_table_has_no_customers(order_list: OrderList) -> None:
    assert order_list.merging.scan_staging().rows == 0
    with pytest.raises(SourceDataError, match="Check the load, the spelling, and the customer's aliases"):
        order_list.merge()


# --- totals and repeated headers

TOTAL = {"AAG ORDER NUMBER": "Grand Total", "S": 30, "M": 60, "TOTAL QTY": 90, "_SOURCE_TABLE": "xGREYSON"}
HEADER = {column: column for column in order("")}


def test_a_total_under_a_customers_file_is_no_order_of_it(order_list: OrderList) -> None:
    order_list.load(row("GRE-1", GREYSON), row("GRE-2", GREYSON), TOTAL, TOTAL | {"AAG ORDER NUMBER": None})
    scan = order_list.merging.scan_staging()
    assert scan.unmatched == ()
    merged = order_list.merge()
    assert (merged.created, merged.rejected) == (2, 2)
    assert [code for code, _, _ in order_list.rejects()] == ["phantom"] * 2
    assert all("a total or empty" in reject.reason for reject in order_list.store.invalid_rows())


@pytest.mark.parametrize(
    "total", [TOTAL | {NAME: "TOTAL"}, TOTAL | {NAME: "Grand total", "AAG ORDER NUMBER": None}, TOTAL | {"_SOURCE_TABLE": None}]
)
def test_a_total_that_names_nobody_is_listed_as_what_it_is(order_list: OrderList, total: dict[str, object]) -> None:
    order_list.load(row("GRE-1", GREYSON), row("GRE-2", None), total)
    scan = order_list.merging.scan_staging()
    order_list.merging.record_scan(scan, NOW)
    assert order_list.merge().created == 2  # the word TOTAL is no second customer of the file
    (reject,) = order_list.store.invalid_rows()
    assert (reject.code, "a total or empty" in reject.reason) == ("no_order", True)


TEXT = {"CUSTOMER STYLE": "30 orders"}


@pytest.mark.parametrize("file", ["xGREYSON", None])
@pytest.mark.parametrize("cells", [TOTAL | TEXT, {NAME: "Total:", "S": 30} | TEXT, {"CUSTOMER STYLE": "GRAND TOTAL", "S": 30},
                                   {"CUSTOMER STYLE": "Printed on 2026-11-29"},
                                   {"AAG ORDER NUMBER": "sum", NAME: GREYSON} | TEXT])  # fmt: skip
def test_a_total_with_a_text_and_a_footer_are_no_orders(
    order_list: OrderList, cells: dict[str, object], file: str | None
) -> None:
    order_list.load(row("GRE-1", GREYSON), row("GRE-2", None), cells | {"_SOURCE_TABLE": file})
    scan = order_list.merging.scan_staging()
    assert list(scan.customers) == [GREYSON]
    order_list.merging.record_scan(scan, NOW)
    assert order_list.merge().created == 2
    (reject,) = order_list.store.invalid_rows()
    assert reject.code in {"total", "no_order"}
    assert "delete it from the order list" in reject.reason


@pytest.mark.parametrize(
    "cells", [{"S": 30, NAME: GREYSON}, {"CUSTOMER STYLE": "TEE-01", "S": 4}, {"CUSTOMER STYLE": "TOTALLY", "M": 1}, {}]
)
def test_an_order_whose_number_was_forgotten_is_no_total(order_list: OrderList, cells: dict[str, object]) -> None:
    order_list.load(row("GRE-1", GREYSON), cells | {"PO NUMBER": "4755", "_SOURCE_TABLE": "xGREYSON"})
    order_list.merge()
    assert [reject.code for reject in order_list.store.invalid_rows()] == ["missing_key"]


def test_a_total_beside_blank_rows_of_two_customers_says_that_it_is_one(order_list: OrderList) -> None:
    order_list.load(row("1", GREYSON), row("2", "PELOTON"), row("3", None), TOTAL)
    order_list.merging.record_scan(order_list.merging.scan_staging(), NOW)
    found = {reject.order_key: reject.reason for reject in order_list.store.invalid_rows()}
    assert "holds 2 customers" in found["3"]
    assert "a total or empty" in found["Grand Total"]


@pytest.mark.parametrize("header", [HEADER, HEADER | {NAME: None}, HEADER | {NAME: GREYSON}, HEADER | {NAME: " Customer  name "},
                                    HEADER | {NAME: None, "AAG ORDER NUMBER": "Order no."}])  # fmt: skip
def test_a_repeated_header_is_never_an_order(order_list: OrderList, header: dict[str, object]) -> None:
    order_list.load(
        row("GRE-1", GREYSON), row("GRE-2", None), header | {"_SOURCE_TABLE": "xGREYSON", "S": "S", "TOTAL QTY": "TOTAL QTY"}
    )
    scan = order_list.merging.scan_staging()
    order_list.merging.record_scan(scan, NOW)
    assert order_list.merge().created == 2
    (reject,) = order_list.store.invalid_rows()
    assert "repeats the headers" in reject.reason


def test_a_blank_customer_beside_unknown_names_is_nobodys(order_list: OrderList) -> None:
    order_list.load(row("NWK-1", "NORTHWIND KNIT"), row("NWK-2", None), row("GRE-1", GREYSON))
    order_list.merging.record_scan(order_list.merging.scan_staging(), NOW)
    assert order_list.merge().created == 1
    assert [reject[:2] for reject in order_list.rejects()] == [("unknown_customer", "NWK-1"), ("unknown_customer", "NWK-2")]

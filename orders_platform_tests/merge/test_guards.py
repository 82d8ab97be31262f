"""Guards: a broken load stops before it does harm, says what it saw, and may be accepted once."""

from __future__ import annotations

from typing import Any

import pytest

from orders_platform.domain import guards
from orders_platform.domain.guards import Guard, GuardKind, GuardRule
from orders_platform.errors import SourceDataError
from orders_platform_tests.testing.order_list import GREYSON, OrderList, Row, order

VANISHED, EMPTIED, TOTALS = GuardKind.VANISHED_ORDERS, GuardKind.EMPTIED_COLUMNS, GuardKind.WRONG_TOTALS


def orders(count: int, **cells: object) -> list[Row]:
    return [order(f"GRE-{number}", **cells) for number in range(count)]


def kinds(found: tuple[Guard, ...] | list[Guard]) -> list[tuple[GuardKind, bool]]:
    return [(guard.kind, guard.is_accepted) for guard in found]


def merge(order_list: OrderList, *rows: Row, accept: tuple[GuardKind, ...] = ()) -> tuple[Guard, ...]:
    """Load the rows, merge headers and lines as the pipeline does; the guards that acted."""
    if rows:
        order_list.load(*rows)
    scan = order_list.merging.scan_staging()
    order_list.merging.merge_headers(GREYSON, scan, next(order_list.clock), accept)
    order_list.merging.unpivot_sizes(GREYSON)
    merged = order_list.merging.merge_lines(GREYSON, next(order_list.clock), accept)
    assert merged.guards == tuple(order_list.store.guards(GREYSON))
    return merged.guards


@pytest.mark.parametrize(
    ("concerned", "of", "acts"),
    [(2, 2, False), (3, 3, True), (3, 15, False), (4, 15, True), (0, 0, False), (20, 100, False), (21, 100, True)]
)  # fmt: skip
def test_a_guard_needs_a_share_and_a_number(concerned: int, of: int, acts: bool) -> None:
    assert GuardRule(0.2, 3).acts(concerned, of) is acts


def test_guards_are_read_as_they_were_written() -> None:
    found = (
        guards.vanished_orders(GREYSON, 3, 9, ["A", "∆", "'"]),
        guards.accepted([guards.wrong_totals(GREYSON, 1, 2, [])], [TOTALS])[0],
    )
    assert guards.read(GREYSON, guards.written(found)) == found
    assert guards.read(GREYSON, guards.written([])) == guards.read(GREYSON, None) == ()


def test_more_missing_orders_than_the_share_removes_none_and_says_so_until_the_load_is_whole(order_list: OrderList) -> None:
    order_list.merge(*orders(10))
    merged = order_list.merge(*orders(7), order("GRE-77"))
    assert (merged.created, merged.missing, merged.removed, kinds(merged.guards)) == (1, 3, 0, [(VANISHED, False)])
    (guard,) = order_list.store.guards()
    assert guard.message == "3 of 10 orders of GREYSON are missing from the load (GRE-7, GRE-8, GRE-9); none was removed."
    again = order_list.merge()
    assert (again.was_unchanged, again.missing, again.guards) == (True, 3, (guard,))
    assert order_list.merge(*orders(10), order("GRE-77")).guards == ()
    assert order_list.store.guards() == []
    assert {row[0] for row in order_list.orders("removed_at")} == {None}


def test_missing_orders_are_accepted_once(order_list: OrderList) -> None:
    order_list.merge(*orders(10))
    assert kinds(merge(order_list, *orders(5))) == [(VANISHED, False)]
    assert merge(order_list, accept=(VANISHED,)) == ()
    assert sum(row[0] is not None for row in order_list.orders("removed_at")) == 5
    assert merge(order_list) == ()
    assert kinds(merge(order_list, *orders(1))) == [(VANISHED, False)]


def test_a_small_customer_may_lose_an_order(order_list: OrderList) -> None:
    order_list.merge(*orders(4))
    assert order_list.merge(*orders(3)).removed == 1


@pytest.mark.parametrize("column", ["NOTES", "CUSTOMER PRICE", "EX FACTORY DATE", "CUSTOMER STYLE", "AAG SEASON"])
def test_a_column_that_turns_blank_for_a_customer_leaves_the_load_unmerged(order_list: OrderList, column: str) -> None:
    cells = {
        "NOTES": "rush",
        "CUSTOMER_PRICE": "12.5",
        "EX_FACTORY_DATE": "2026-03-01",
        "CUSTOMER_STYLE": "A1",
        "AAG_SEASON": "FALL",
    }
    merge(order_list, *orders(4, **cells))
    order_list.sent()
    before = [line for line in order_list.dump() if "swp_ORDER_LIST_V2" not in line and "ORDER_SYNC_CUSTOMERS" not in line]
    (guard,) = merge(order_list, *orders(4, **cells | {column.replace(" ", "_"): None}))
    assert guard.blocks
    assert f"({column}: blank in 4 of 4 orders that had it); the load was not merged and nothing was sent." in guard.message
    after = [line for line in order_list.dump() if "swp_ORDER_LIST_V2" not in line and "ORDER_SYNC_CUSTOMERS" not in line]
    assert after == before
    assert merge(order_list) == (guard,)  # the same load again
    assert order_list.store.guards(GREYSON) == [guard]
    assert order_list.store.guards("PELOTON") == []


def test_an_emptied_column_is_accepted_once(order_list: OrderList) -> None:
    merge(order_list, *orders(4, NOTES="rush"))
    merge(order_list, *orders(4))
    assert merge(order_list, accept=(EMPTIED,)) == ()
    assert {row[0] for row in order_list.orders("NOTES")} == {None}
    assert merge(order_list) == ()
    assert order_list.store.guards() == []


def test_the_guard_is_forgotten_when_the_former_load_comes_back(order_list: OrderList) -> None:
    whole = orders(4, NOTES="rush")
    merge(order_list, *whole)
    assert len(merge(order_list, *orders(4))) == 1
    assert merge(order_list, *whole) == ()
    assert order_list.store.guards() == []


def test_all_sizes_that_turn_blank_leave_the_load_unmerged(order_list: OrderList) -> None:
    merge(order_list, *orders(4))
    bare = [{**row, "S": None, "M": None} for row in orders(4)]
    (guard,) = merge(order_list, *bare)
    assert (guard.kind, guard.blocks) == (EMPTIED, True)
    assert "all sizes: blank in 4 of 4" in guard.message
    assert set(order_list.lines().values()) == {2, 3}


def test_cancelled_orders_may_lose_their_sizes(order_list: OrderList) -> None:
    merge(order_list, *orders(4))
    bare = [{**row, "S": None, "M": None, "TOTAL QTY": 5, "ORDER TYPE": "CANCELLED"} for row in orders(4)]
    assert merge(order_list, *bare) == ()


def test_a_column_may_turn_blank_in_a_few_orders_or_in_most(order_list: OrderList) -> None:
    merge(order_list, *orders(10, NOTES="rush"))
    assert merge(order_list, *orders(8), *orders(10, NOTES="rush")[8:]) == ()  # exactly the share of 80 %
    merge(order_list, *orders(2, NOTES="rush"), *orders(10)[2:])
    assert merge(order_list, *orders(10)) == ()  # two orders are fewer than the least number


def test_a_field_with_two_columns_is_blank_when_both_are(order_list: OrderList) -> None:
    merge(order_list, *orders(4, DESTINATION_WAREHOUSE="LONDON"))
    moved = [{**row, "Warehouse": "LONDON"} for row in orders(4)]
    assert merge(order_list, *moved) == ()
    assert kinds(merge(order_list, *orders(4))) == [(EMPTIED, False)]


def test_totals_that_do_not_match_stop_the_customer_until_they_are_accepted(order_list: OrderList) -> None:
    (guard,) = merge(order_list, *orders(4, TOTAL_QTY=50))
    assert (guard.kind, guard.blocks) == (TOTALS, True)
    assert "The totals of 4 of 4 orders of GREYSON are not the sum of their sizes (GRE-0: total 50, sizes 5" in guard.message
    assert merge(order_list) == (guard,)
    (accepted,) = merge(order_list, accept=(TOTALS,))
    assert (accepted.is_accepted, accepted.blocks) == (True, False)
    assert merge(order_list) == (accepted,)  # the same load needs no other word
    assert kinds(merge(order_list, *orders(4, TOTAL_QTY=60))) == [(TOTALS, False)]
    assert merge(order_list, *orders(4)) == ()
    assert order_list.store.guards() == []


def test_a_customer_that_the_load_lacks_is_guarded_until_its_rows_are_merged_again(order_list: OrderList) -> None:
    order_list.merge(*orders(2))
    scan_of = order_list.merging.scan_staging
    order_list.load(order("PEL-1", CUSTOMER_NAME="PELOTON"))
    for _ in range(2):
        order_list.merging.record_scan(scan_of(), next(order_list.clock))
        (guard,) = order_list.store.guards()
        assert (guard.customer, guard.kind, guard.blocks) == (GREYSON, VANISHED, False)
        assert guard.message.startswith("2 of 2 orders of GREYSON are missing from the load, which names no order of it;")
    before = order_list.dump()
    order_list.merging.record_scan(scan_of(), next(order_list.clock))
    assert order_list.dump() == before
    order_list.load(*orders(2))
    (stand,) = (each for each in order_list.merging.sync_statuses() if each.customer == GREYSON)
    assert stand.is_changed  # so a run of it is requested, and the guard goes
    merged = order_list.merge()
    assert (merged.was_unchanged, merged.created, merged.updated, merged.removed, merged.guards) == (False, 0, 0, 0, ())
    assert order_list.store.guards() == []


def test_the_orders_of_a_customer_that_left_may_go_to_another_once_that_is_accepted(order_list: OrderList) -> None:
    order_list.merge(*orders(2))
    ids = order_list.orders("record_uuid")
    order_list.load(*(row | {"CUSTOMER NAME": "PELOTON"} for row in orders(2)))
    scan = order_list.merging.scan_staging()
    order_list.merging.record_scan(scan, next(order_list.clock))
    assert order_list.merge(customer="PELOTON").created == 0
    assert {code for code, _, _ in order_list.rejects()} == {"unsure_customer"}
    order_list.merging.merge_headers(GREYSON, scan, next(order_list.clock), (VANISHED,))
    order_list.merge(customer="PELOTON")
    assert order_list.orders("record_uuid", "CUSTOMER NAME") == [(row[0], "PELOTON") for row in ids]
    order_list.merging.record_scan(scan, next(order_list.clock))
    assert (order_list.store.guards(), order_list.rejects()) == ([], [])


@pytest.mark.parametrize("policy", ["keep", "archive"])
def test_a_customer_that_left_for_good_is_accepted_and_comes_back_as_it_was(order_list: OrderList, policy: str) -> None:
    order_list = order_list.configured(lambda document: document["policies"].update(removed_orders=policy))
    order_list.merge(*orders(2))
    order_list.sent()
    ids = order_list.orders("record_uuid")
    order_list.load(order("PEL-1", CUSTOMER_NAME="PELOTON"))
    scan = order_list.merging.scan_staging()
    with pytest.raises(SourceDataError, match="holds no row of customer 'GREYSON'"):
        order_list.merging.merge_headers(GREYSON, scan, next(order_list.clock))
    merged = order_list.merging.merge_headers(GREYSON, scan, next(order_list.clock), (VANISHED,))
    assert (merged.rows_read, merged.missing, merged.removed, merged.guards) == (0, 2, 2, ())
    assert {row[0] is not None for row in order_list.orders("removed_at")} == {True}
    order_list.merging.record_scan(scan, next(order_list.clock))
    assert order_list.store.guards() == []
    order_list.merge(*orders(2))
    assert order_list.orders("record_uuid", "removed_at") == [(row[0], None) for row in ids]


def test_a_guard_that_ends_a_merge_under_other_keys_leaves_no_order_changed(order_list: OrderList) -> None:
    """The orders were hashed by the new rule before the guard acted; back under the old one they are hashed again."""
    rows = orders(5, NOTES="n")
    order_list.merge_all(*rows)
    order_list.sent()
    other = order_list.configured(lambda document: document["keys"]["extra"].append("_SOURCE_TABLE"))
    assert kinds(other.merge(*(row | {"NOTES": None} for row in rows)).guards) == [(EMPTIED, False)]
    assert order_list.merge(*rows, order("GRE-9")).updated == 0
    assert other.merge(*rows, order("GRE-8")).updated == 0


def test_an_order_and_a_refused_row_are_listed_by_the_keys_of_today(order_list: OrderList) -> None:
    def by_two_columns(document: dict[str, Any]) -> None:
        keys = document["keys"]
        keys["unique"] = ["AAG ORDER NUMBER", "PO NUMBER"]
        keys["extra"] = [name for name in keys["extra"] if name != "PO NUMBER"]

    rows = [*orders(3), order("GRE-0", FREIGHT=3)]
    order_list.merge(*rows)
    assert {key for _, key, _ in order_list.rejects()} == {"GRE-0"}
    other = order_list.configured(by_two_columns)
    assert other.merge(*rows).updated == 0
    assert {key for _, key, _ in other.rejects()} == {"GRE-0 | PO-GRE-0"}
    assert [key for (key,) in other.orders("order_key")] == ["GRE-1 | PO-GRE-1", "GRE-2 | PO-GRE-2"]

"""What people do to an order list that must not double, drop or freeze an order: key edits on twins, copies, totals, moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orders_platform.demo.sample_rows import Row
from orders_platform_tests.testing.identity import surplus
from orders_platform_tests.testing.platform import TYPE_COLUMN, Crash, DyingStore, Platform, Shown, order

NAVY, WHITE, PO_COLUMN = "NAVY", "WHITE", "text_mkr5ej2x"
BASE = [order(f"GRE-{i:05}") for i in range(10, 20)]
PELOTON, GREYSON = "PELOTON", "GREYSON"


def twins(number: str = "GRE-00001", **cells: str | int | None) -> list[Row]:
    """Two colours of one order number."""
    first = order(number, {"S": 5, "M": 6}, **{"CUSTOMER_COLOUR_DESCRIPTION": NAVY, **cells})
    return [first, order(number, {"S": 50, "M": 60}, **{"CUSTOMER_COLOUR_DESCRIPTION": WHITE, **cells})]


def shown(platform: Platform, number: str = "GRE-00001") -> dict[int, Shown]:
    return {item.id: item for item in platform.items() if item.number == number}


def loaded(platform: Platform, *rows: Row) -> None:
    """Load, sync, and sync again: the second time nothing is sent."""
    platform.load(rows)
    reports = platform.go()
    assert all(report.is_done for report in reports.values()), reports
    with platform.watched() as watch:
        platform.go()
    assert watch.mutations == {}


# --- edits of key columns on several rows of one number


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({"PO_NUMBER": "4755-A"}, {PO_COLUMN: "4755-A"}),
        ({"ORDER_TYPE": "CANCELLED"}, {TYPE_COLUMN: "CANCELLED"}),
        ({"PLANNED_DELIVERY_METHOD": "AIR", "PO_NUMBER": "4755-B"}, {PO_COLUMN: "4755-B"}),
        ({"CUSTOMER_STYLE": "ST-9", "PATTERN_ID": "P-9"}, {PO_COLUMN: "4755"}),
    ],
)
def test_an_edit_on_both_rows_of_a_number_changes_the_two_items_that_are_there(
    platform: Platform, edits: dict[str, str], expected: dict[str, str]
) -> None:
    loaded(platform, *BASE, *twins())
    before = shown(platform)
    loaded(platform, *twins(**edits)[::-1], *BASE)
    after = shown(platform)
    assert before.keys() == after.keys()
    assert len(after) == 2
    assert all(item.values.items() >= expected.items() for item in after.values())
    quantities = {"0"} if edits.get("ORDER_TYPE") == "CANCELLED" else {"5", "50"}
    assert {item.sizes["Size S"] for item in after.values()} == quantities
    assert all(before[id_].sizes == item.sizes for id_, item in after.items()) or "ORDER_TYPE" in edits


def test_a_colour_and_then_the_po_number_of_the_whole_order_are_edited(platform: Platform) -> None:
    loaded(platform, *BASE, *twins())
    ids = shown(platform).keys()
    renamed = [twins()[0] | {"CUSTOMER COLOUR DESCRIPTION": "NAVY BLAZER"}, twins()[1]]
    loaded(platform, *BASE, *renamed)
    loaded(platform, *BASE, *[row | {"PO NUMBER": "7001-A"} for row in renamed])
    assert shown(platform).keys() == ids
    assert {item.name for item in shown(platform).values()} == {
        "ST-1 NAVY BLAZER GRE-00001 7001-A", "ST-1 WHITE GRE-00001 7001-A",
    }  # fmt: skip


def test_an_edit_that_comes_before_the_first_row_was_answered_makes_no_third_item(platform: Platform) -> None:
    platform.load([*BASE, *twins()])
    platform.sync_until_crash(lambda name, _arguments: name == "record_results")
    loaded(platform, *BASE, *twins(PO_NUMBER="4755-A"))
    assert len(shown(platform)) == 2


@pytest.mark.parametrize("policy", ["keep", "archive"])
def test_one_colour_is_withdrawn_while_the_other_is_edited(platform: Platform, policy: str) -> None:
    platform.policies(removed_orders=policy)
    loaded(platform, *BASE, *twins())
    (white,) = (id_ for id_, item in shown(platform).items() if "WHITE" in item.name)
    loaded(platform, *BASE, twins(PO_NUMBER="4755-A")[1])
    assert shown(platform)[white].values[PO_COLUMN] == "4755-A"
    assert len(shown(platform)) == (2 if policy == "keep" else 1)
    loaded(platform, *BASE, *twins(PO_NUMBER="4755-A"))
    assert len(shown(platform)) == 2


# --- copies


@pytest.mark.parametrize(
    "other", [{"_SOURCE_TABLE": "week 24"}, {"CUSTOMER NAME": "GREYSON CLOTHIERS"}, {"AAG ORDER NUMBER": "gre-00001"},
              {"SOURCE_CUSTOMER_NAME": "Greyson", "_SOURCE_TABLE": "week 24 (1)"}],
)  # fmt: skip
def test_one_order_in_two_files_is_one_item(platform: Platform, other: Row) -> None:
    one = order("GRE-00001")
    loaded(platform, *BASE, one, one | other)
    assert platform.numbers.count("GRE-00001") == 1
    with platform.watched() as watch:
        platform.load([one | other | {"AAG ORDER NUMBER": "GRE-00001"}, *BASE, one])
        platform.go()
    assert watch.mutations == {}


def test_rows_of_one_key_that_differ_are_refused_with_what_they_differ_in_and_the_others_go_on(platform: Platform) -> None:
    loaded(platform, *BASE, order("GRE-00001", {"L": 6}), order("GRE-00001", {"L": 7}) | {"_SOURCE_TABLE": "F2"})
    assert "GRE-00001" not in platform.numbers
    (difference,) = {row.reason.split(" differ in ")[1] for row in platform.store.invalid_rows()}
    assert difference.startswith(
        "L: '7' (F2), '6' (xGREYSON_ORDER_LIST_RAW); TOTAL QTY: '7' (F2), '6' (xGREYSON_ORDER_LIST_RAW). Correct"
    )


# --- rows that are no order


@pytest.mark.parametrize(
    "row", [{"AAG ORDER NUMBER": "Grand Total", "S": 30, "TOTAL QTY": 105}, {"CUSTOMER NAME": "TOTAL", "S": 30, "TOTAL QTY": 30},
            {name: name for name in order("")}, {"CUSTOMER NAME": GREYSON, "M": 4, "TOTAL QTY": 4}],
)  # fmt: skip
def test_a_total_or_a_repeated_header_is_never_on_the_board_and_always_in_the_list(platform: Platform, row: Row) -> None:
    rows = [*BASE, {"_SOURCE_TABLE": "xGREYSON_ORDER_LIST_RAW", **row}]
    loaded(platform, *rows)
    scan = platform.merge.scan_staging()
    platform.merge.record_scan(scan, platform.run(None).clock())
    assert platform.numbers == sorted(str(row["AAG ORDER NUMBER"]) for row in BASE)
    (reject,) = platform.store.invalid_rows()
    assert "total or empty" in reject.reason or "repeats the headers" in reject.reason


# --- a corrected customer


def of(customer: str, *numbers: str, **cells: str | int | None) -> list[Row]:
    return [order(number, CUSTOMER_NAME=customer, **cells) | {"_SOURCE_TABLE": f"x{customer}"} for number in numbers]


OTHERS = [*BASE, *of(PELOTON, *[f"PEL-{i:05}" for i in range(8)])]


@pytest.mark.parametrize("turns", [(GREYSON, PELOTON), (PELOTON, GREYSON)])
@pytest.mark.parametrize("policy", ["keep", "archive"])
@pytest.mark.parametrize("edit", [{}, {"PO NUMBER": "NEW"}, {"S": 9}])
def test_a_corrected_customer_moves_the_item_to_its_group(
    platform: Platform, turns: tuple[str, str], policy: str, edit: Row
) -> None:
    platform.policies(removed_orders=policy)
    platform.load([*OTHERS, *twins(), order("GRE-00002")])
    platform.go()
    before = shown(platform, "GRE-00002") | shown(platform)
    moved = [row | edit for row in of(PELOTON, "GRE-00002")]
    platform.load([*OTHERS, *twins(), *moved])
    reports = platform.go(*turns)
    assert all(report.is_done for report in reports.values())
    after = shown(platform, "GRE-00002") | shown(platform)
    assert after.keys() == before.keys()
    (item,) = shown(platform, "GRE-00002").values()
    assert (item.group, item.values["dropdown_mkr542p2"]) == ("PELOTON 2025 FALL", PELOTON)
    assert item.subitem_ids == before[item.id].subitem_ids
    assert item.sizes["Size S"] == str(edit.get("S", 1))
    with platform.watched() as watch:
        assert all(report.headers is not None and report.headers.was_unchanged for report in platform.go(*turns).values())
    assert watch.mutations == {}


@pytest.mark.parametrize("dies", ["waiting_groups", "record_intents", "record_results"])
@pytest.mark.parametrize("turns", [(GREYSON, PELOTON), (PELOTON, GREYSON)])
def test_a_crash_between_the_two_customers_leaves_the_order_in_one_place(
    platform: Platform, turns: tuple[str, str], dies: str
) -> None:
    platform.load([*OTHERS, order("GRE-00002")])
    platform.go()
    (id_,) = shown(platform, "GRE-00002")
    platform.load([*OTHERS[:-1], order("PEL-00007", CUSTOMER_NAME=PELOTON, PO_NUMBER="x"), *of(PELOTON, "GRE-00002")])
    _until_crash(platform, turns[0], lambda name, _arguments: name == dies)
    assert len(shown(platform, "GRE-00002")) == 1
    platform.clock.sleep(600)
    _until_crash(platform, turns[1], lambda name, _arguments: name == dies)
    platform.clock.sleep(600)
    platform.go(*turns)
    assert {item.id: item.group for item in shown(platform, "GRE-00002").values()} == {id_: "PELOTON 2025 FALL"}


def _until_crash(platform: Platform, customer: str, dies: Callable[[str, tuple[object, ...]], bool]) -> None:
    """A run of one customer that dies where it is told to, or has nothing to do there."""

    try:
        platform.go(customer, store=DyingStore(platform.store, dies))
    except Crash:
        return


def test_where_it_cannot_be_told_the_board_shows_it_under_one_and_the_reason_is_listed(
    make_platform: Callable[..., Platform],
) -> None:
    platform = make_platform()
    rhone = of("RHONE", *[f"RHO-{i:05}" for i in range(8)])
    platform.load([*OTHERS, *rhone, order("AAG-1"), *of("RHONE", "AAG-1")])
    platform.go()
    before = shown(platform, "AAG-1")
    platform.load([*OTHERS, *rhone, *of(PELOTON, "AAG-1")])
    platform.go()
    assert shown(platform, "AAG-1") == before
    assert [(row.customer, row.code) for row in platform.store.invalid_rows()] == [(PELOTON, "unsure_customer")]
    platform.go()  # of those that were merged before all others had been
    assert not [each.customer for each in platform.merge.sync_statuses() if each.need]
    assert surplus(platform) == ["aag-1: 2 orders and 2 items for 1 rows"]  # the one case in which people must decide
    platform.load([*OTHERS, *rhone, *of("RHONE", "AAG-1"), *of(PELOTON, "AAG-1")])
    platform.go()
    platform.go()
    assert {item.group for item in shown(platform, "AAG-1").values()} == {"RHONE 2025 FALL", "PELOTON 2025 FALL"}
    assert surplus(platform) == []

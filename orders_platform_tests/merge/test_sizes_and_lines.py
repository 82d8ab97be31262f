"""Sizes become lines: what is a quantity, what is one size, and what happens to a line whose size changed or went."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from orders_platform.domain.guards import LineMerge
from orders_platform.domain.orders import group_warnings
from orders_platform.errors import SourceDataError
from orders_platform.merge.cleaning import REASONS
from orders_platform_tests.testing.order_list import GREYSON, OrderList, Row, order

BLANK = {"S": None, "M": None}


def sized(number: str, /, sizes: Row, **cells: object) -> Row:
    return order(number, **cells) | BLANK | sizes


def states(order_list: OrderList) -> dict[object, list[object]]:
    found = order_list.sql("SELECT size_code, qty, sync_state, action_type FROM ORDER_LIST_LINES")
    return {size: rest for size, *rest in found}


def test_a_line_is_made_for_each_size_above_zero(order_list: OrderList) -> None:
    _, lines = order_list.merge_all(sized("GRE-1", {"0": 4, "S+": 1, "30/32": 2, "34": 0, "L": None}))
    assert lines == LineMerge(created=3)
    assert order_list.lines() == {("GRE-1", "0"): 4, ("GRE-1", "S+"): 1, ("GRE-1", "30/32"): 2}
    assert states(order_list) == {"0": [4, "NEW", "INSERT"], "30/32": [2, "NEW", "INSERT"], "S+": [1, "NEW", "INSERT"]}


@pytest.mark.parametrize("none", ["", " ", "\u00a0", "nan", "None", "0", "0.0", 0, 0.0, None, "-", "–", "N/A", "\u200b"])
def test_these_are_no_quantity_and_no_fault(order_list: OrderList, none: object) -> None:
    order_list.merge_all(sized("GRE-1", {"S": 2, "L": none}))
    assert order_list.lines() == {("GRE-1", "S"): 2}
    assert order_list.rejects() == []


@pytest.mark.parametrize("twelve", ["12", "12.0", " 12 ", "\u00a012\u00a0", 12, 12.0, "+12", "012", "12.", "1.2E1", "1\u200b2"])
def test_these_are_all_twelve(order_list: OrderList, twelve: object) -> None:
    order_list.merge_all(sized("GRE-1", {"S": twelve}))
    assert order_list.lines() == {("GRE-1", "S"): 12}


@pytest.mark.parametrize("bad", ["-5", -5, "abc", "1.5", 2.5, "1,5", "12 pcs", "TBC", '1"2\\', "１２"])
def test_a_bad_quantity_rejects_the_size_with_its_reason_and_not_the_order(order_list: OrderList, bad: object) -> None:
    headers, lines = order_list.merge_all(sized("GRE-1", {"S": bad, "30/32": bad, "M": 3}))
    assert (headers.created, headers.rejected, lines.created) == (1, 0, 1)
    assert order_list.lines() == {("GRE-1", "M"): 3}
    assert order_list.warnings() == [("GRE-1", size, str(bad), REASONS["bad_quantity"]) for size in ("30/32", "S")]


def test_a_word_in_a_quantity_says_what_the_board_keeps_and_counts_both_orders_of_a_number(order_list: OrderList) -> None:
    twins = [sized("GRE-1", {"S": 5}, PO_NUMBER=po) for po in ("1", "2")]
    order_list.merge_all(*twins)
    order_list.merge_all(*({**row, "S": "x"} for row in twins))
    assert order_list.sql("SELECT count(*), sum(qty) FROM ORDER_LIST_LINES") == [(2, 10)]
    (group,) = group_warnings(order_list.store.cell_warnings())
    assert str(group).startswith("S: 2 orders, for example GRE-1: 'x' is not a whole number")
    assert "the board keeps the number that the size had, or shows none" in str(group)


def test_a_corrected_quantity_becomes_a_line_and_its_reject_is_resolved(order_list: OrderList) -> None:
    order_list.merge_all(sized("GRE-1", {"S": "abc", "M": 3, "L": "-1"}))
    _, lines = order_list.merge_all(sized("GRE-1", {"S": 2, "M": 3, "L": "-1"}))
    assert lines.created == 1
    assert order_list.warnings() == [("GRE-1", "L", "-1", REASONS["bad_quantity"])]


def test_spellings_of_one_size_are_added_up(order_list: OrderList) -> None:
    order_list.merge_all(sized("GRE-1", {"OS": 2, "ONE SIZE": "3", "One_Size": 1}), sized("GRE-2", {"One_Size": 4}))
    assert order_list.lines() == {("GRE-1", "ONE SIZE"): 6, ("GRE-2", "ONE SIZE"): 4}


def test_sizes_that_look_alike_are_not_one_size(order_list: OrderList) -> None:
    order_list.merge_all(sized("GRE-1", {"34": 1, "3-4": 2, "S": 3, "S+": 4}))
    assert order_list.lines() == {("GRE-1", "34"): 1, ("GRE-1", "3-4"): 2, ("GRE-1", "S"): 3, ("GRE-1", "S+"): 4}


@pytest.mark.parametrize("word", ["CANCELLED", "Canceled"])
def test_a_cancelled_order_stays_and_its_lines_go_to_zero(order_list: OrderList, word: str) -> None:
    order_list.merge_all(order("GRE-1"), order("GRE-2"))
    order_list.sent()
    headers, lines = order_list.merge_all(order("GRE-1", ORDER_TYPE=word), order("GRE-2"))
    assert (headers.updated, lines) == (1, LineMerge(removed=2))
    assert order_list.lines() == {("GRE-1", "S"): 0, ("GRE-1", "M"): 0, ("GRE-2", "S"): 2, ("GRE-2", "M"): 3}


def test_a_cancelled_order_that_was_never_sent_has_no_lines(order_list: OrderList) -> None:
    order_list.merge_all(order("GRE-1"))
    assert order_list.merge_all(order("GRE-1", ORDER_TYPE="CANCELED"))[1] == LineMerge(removed=2)
    assert order_list.lines() == {}
    assert order_list.merge_all(order("GRE-1"))[1] == LineMerge(created=2)


def test_changed_added_and_removed_sizes_reach_their_lines_and_no_others(order_list: OrderList) -> None:
    order_list.merge_all(sized("GRE-1", {"XS": 1, "S": 2, "M": 3}), order("GRE-2"))
    order_list.sent()
    _, lines = order_list.merge_all(sized("GRE-1", {"XS": 1, "S": 9, "L": 4}), order("GRE-2"))
    assert lines == LineMerge(created=1, updated=1, removed=1)
    found = order_list.sql(
        "SELECT order_key, size_code, qty, n.sync_state, n.action_type "
        "FROM ORDER_LIST_LINES n JOIN ORDER_LIST_V2 o ON o.record_uuid = n.record_uuid ORDER BY 1, 2"
    )
    assert found == [
        ("GRE-1", "L", 4, "NEW", "INSERT"), ("GRE-1", "M", 0, "NEW", "UPDATE"), ("GRE-1", "S", 9, "NEW", "UPDATE"),
        ("GRE-1", "XS", 1, "SYNCED", "INSERT"), ("GRE-2", "M", 3, "SYNCED", "INSERT"), ("GRE-2", "S", 2, "SYNCED", "INSERT"),
    ]  # fmt: skip


def test_a_removed_size_that_returns_is_the_same_line(order_list: OrderList) -> None:
    order_list.merge_all(order("GRE-1"))
    order_list.sent()
    before = order_list.sql("SELECT line_uuid, monday_subitem_id FROM ORDER_LIST_LINES ORDER BY line_uuid")
    order_list.merge_all(order("GRE-1") | {"S": None})
    assert order_list.merge_all(order("GRE-1"))[1] == LineMerge(updated=1)
    assert order_list.sql("SELECT line_uuid, monday_subitem_id FROM ORDER_LIST_LINES ORDER BY line_uuid") == before
    assert order_list.lines() == {("GRE-1", "S"): 2, ("GRE-1", "M"): 3}


def test_a_removed_size_is_archived_where_the_policy_says_so_and_comes_back(order_list: OrderList) -> None:
    archive = order_list.configured(lambda document: document["policies"].update(removed_lines="archive"))
    archive.merge_all(order("GRE-1"))
    archive.sent()
    archive.merge_all(order("GRE-1") | {"S": None})
    assert states(archive) == {"S": [0, "NEW", "DELETE"], "M": [3, "SYNCED", "INSERT"]}
    archive.merge_all(order("GRE-1"))
    assert states(archive)["S"] == [2, "NEW", "UPDATE"]


@pytest.mark.parametrize(("sizes", "quantity"), [({"S": 7, "M": 3}, 7), ({"M": 3}, 0)])
def test_a_line_of_unknown_outcome_stays_pending_whatever_changes(order_list: OrderList, sizes: Row, quantity: int) -> None:
    order_list.merge_all(order("GRE-1"))
    order_list.sql("UPDATE ORDER_LIST_LINES SET sync_state = 'PENDING' WHERE size_code = 'S'")
    order_list.merge_all(sized("GRE-1", sizes))
    assert states(order_list)["S"] == [quantity, "PENDING", "INSERT"]


def test_a_failed_line_is_tried_again_when_its_quantity_changes(order_list: OrderList) -> None:
    order_list.merge_all(order("GRE-1"))
    order_list.sql("UPDATE ORDER_LIST_LINES SET sync_state = 'FAILED', sync_error_code = 'x', retry_count = 2")
    order_list.merge_all(order("GRE-1") | {"S": 7})
    assert states(order_list) == {"S": [7, "NEW", "INSERT"], "M": [3, "FAILED", "INSERT"]}


def test_a_change_outside_the_sizes_changes_no_line(order_list: OrderList) -> None:
    order_list.merge_all(order("GRE-1"))
    order_list.sent()
    headers, lines = order_list.merge_all(order("GRE-1", NOTES="rush"))
    assert (headers.updated, lines) == (1, LineMerge())


def test_a_kept_missing_order_keeps_its_lines(order_list: OrderList) -> None:
    rows = [order(f"GRE-{n}") for n in range(6)]
    order_list.merge_all(*rows)
    order_list.sent()
    assert order_list.merge_all(*rows[:5])[1] == LineMerge()
    assert len(order_list.lines()) == 12


def test_lines_before_sizes_are_refused(order_list: OrderList) -> None:
    order_list.merge(order("GRE-1"))
    with pytest.raises(SourceDataError, match="Materialise order_sizes before order_lines"):
        order_list.merging.merge_lines(GREYSON, next(order_list.clock))


@pytest.mark.parametrize("step", ["sizes", "lines"])
def test_sizes_and_lines_of_a_customer_that_was_never_merged_are_refused(order_list: OrderList, step: str) -> None:
    steps = {
        "sizes": partial(order_list.merging.unpivot_sizes, GREYSON),
        "lines": partial(order_list.merging.merge_lines, GREYSON, next(order_list.clock)),
    }
    with pytest.raises(SourceDataError, match="never merged"):
        steps[step]()


def test_sizes_and_lines_twice_do_nothing_the_second_time(order_list: OrderList) -> None:
    order_list.merge(order("GRE-1"))
    assert order_list.merging.unpivot_sizes(GREYSON) == 2
    assert order_list.merging.unpivot_sizes(GREYSON) == 0
    assert order_list.merging.merge_lines(GREYSON, next(order_list.clock)) == LineMerge(created=2)
    assert order_list.merging.merge_lines(GREYSON, next(order_list.clock)) == LineMerge()


def test_lines_catch_up_with_several_merges_of_the_orders(order_list: OrderList) -> None:
    order_list.merge_all(order("GRE-1"), order("GRE-2"))
    order_list.merge(order("GRE-1") | {"S": 8}, order("GRE-2"))
    order_list.merging.unpivot_sizes(GREYSON)
    _, lines = order_list.merge_all(order("GRE-1") | {"S": 8}, order("GRE-2") | {"L": 1})
    assert lines == LineMerge(created=1, updated=1)
    assert order_list.lines() == {("GRE-1", "S"): 8, ("GRE-1", "M"): 3, ("GRE-2", "S"): 2, ("GRE-2", "M"): 3, ("GRE-2", "L"): 1}


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        (lambda document: document["sizes"].update(one_size_code="OSFA"), {"OS": 4}, {("GRE-1", "OSFA"): 4}),
        (lambda document: document["cleaning"].update(cancelled="VOID"), {"S": 2}, {}),
    ],
    ids=["the code of one size", "the word for cancelled"],
)
def test_what_the_configuration_says_of_sizes_holds_for_orders_that_do_not_change(
    order_list: OrderList, change: Callable[[dict[str, Any]], None], before: Row, after: dict[tuple[str, str], int]
) -> None:
    rows = [sized("GRE-1", before, ORDER_TYPE="VOID"), order("GRE-2")]
    order_list.merge_all(*rows)
    order_list.sent()
    others = {key: qty for key, qty in order_list.lines().items() if key[0] != "GRE-1"}
    changed = order_list.configured(change)
    assert changed.merge_all(*rows)[0].updated == 0
    shown = changed.sql(
        "SELECT o.order_key, l.size_code, l.qty FROM ORDER_LIST_LINES l JOIN ORDER_LIST_V2 o ON o.record_uuid = l.record_uuid"
    )
    assert {(key, size): qty for key, size, qty in shown if qty} == others | after
    waiting = changed.sql(
        "SELECT o.order_key FROM ORDER_LIST_LINES l JOIN ORDER_LIST_V2 o ON o.record_uuid = l.record_uuid WHERE l.sync_state = 'NEW'"
    )
    assert {key for (key,) in waiting} == {"GRE-1"}

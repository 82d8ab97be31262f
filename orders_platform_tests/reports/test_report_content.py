"""What a report says: figures, wording, and what it keeps from its reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orders_platform.domain.guards import Guard, wrong_totals
from orders_platform.domain.order_status import BoardStatus, LastChanges, OrderChange, OrderStatus
from orders_platform.domain.orders import Action, CellWarning, RowProblem, SyncState
from orders_platform.domain.verdicts import Verdict
from orders_platform.reports.content import Report, change_words, changes_summary, waiting_words
from orders_platform.reports.rendering import Links, html_page, markdown_text

NOW = datetime(2026, 11, 21, 7, 40, tzinfo=UTC)
FINE = OrderStatus(
    "GRE-1", "SHIRT GRE-1", "GREYSON FALL", "RECEIVED", BoardStatus.ON_BOARD, SyncState.SYNCED, 3, 0, 30, 7001, None, NOW, NOW
)
FRESH = replace(FINE, order_key="GRE-2", item_name="SHIRT GRE-2", item_id=None, status=BoardStatus.WAITING, state=SyncState.NEW)
REFUSED = replace(
    FINE, order_key="GRE-3", item_name="SHIRT GRE-3", item_id=None, status=BoardStatus.REFUSED, state=SyncState.FAILED,
    reason="DESIGN FEE (numeric_mkr5h612): 'SEE NOTES' is not a plain number such as 1234.5",
)  # fmt: skip
LEFT = replace(FINE, order_key="GRE-4", status=BoardStatus.LEFT_LOAD, is_removed=True)
OFF = replace(LEFT, order_key="GRE-5", status=BoardStatus.OFF_BOARD, item_id=None)


def report(
    *orders: OrderStatus, rejected: list[RowProblem] | None = None, lines: list[RowProblem] | None = None,
    unmatched: int = 0, guards: tuple[Guard, ...] = (),
) -> Report:  # fmt: skip
    live = [each for each in orders if not each.is_removed]
    verdict = Verdict(
        "GREYSON", len(live), sum(each.item_id is not None for each in live),
        waiting=sum(each.status is BoardStatus.WAITING for each in live),
        failed=sum(each.status is BoardStatus.REFUSED for each in live), invalid=sum(row.rows for row in rejected or []),
        unmatched=unmatched, guards=guards,
    )  # fmt: skip
    return Report("GREYSON", NOW, orders, rejected or [], lines or [], None, verdict)


def reject(key: str, size: str = "", reason: str = "the order number is blank;", rows: int = 1) -> RowProblem:
    return RowProblem("GREYSON", key, size, "code", reason, rows)


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ([], "There are no orders."),
        ([FINE], "The order is on the board."),
        ([FINE, replace(FINE, order_key="GRE-9")], "All 2 orders are on the board."),
        ([FINE, FRESH], "1 of 2 orders are on the board."),
        ([FINE, REFUSED], "1 of 2 orders are on the board; 1 needs a correction in the order list."),
        ([FINE, LEFT, OFF], "The order is on the board."),
    ],
)
def test_the_headline_answers_how_many_orders_are_on_the_board(orders: list[OrderStatus], words: str) -> None:
    assert report(*orders).headline == words


def test_a_rejected_row_is_counted_beside_the_orders() -> None:
    found = report(FINE, rejected=[reject("", rows=2)])
    assert found.headline == "1 of 1 order is on the board; 2 need a correction in the order list."
    assert not found.is_complete
    assert report(FINE).is_complete
    assert not report(FINE, FRESH).is_complete


def test_a_report_beside_a_guard_or_an_unmatched_row_never_says_that_all_is_on_the_board() -> None:
    stopped = report(FINE, guards=(wrong_totals("GREYSON", 4, 5, ["GRE-1: total 3, sizes 2"]),))
    assert stopped.headline == "1 of 1 order is on the board."
    assert not stopped.is_complete
    assert "Stopped:** The totals of 4 of 5 orders of GREYSON are not the sum" in markdown_text([stopped], Links())
    assert "The totals of 4 of 5 orders of GREYSON are not the sum" in html_page([stopped], Links())
    unmatched = report(FINE, unmatched=2)
    assert unmatched.headline == "1 of 1 order is on the board; 2 rows of its files name no known customer."
    assert not unmatched.is_complete


def test_a_reason_names_the_column_of_the_order_list_and_not_mondays_id_of_it() -> None:
    (correction,) = report(REFUSED).corrections
    assert correction.reason == "DESIGN FEE: 'SEE NOTES' is not a plain number such as 1234.5"
    assert not correction.is_on_board


def test_an_order_that_is_on_the_board_with_older_values_says_so() -> None:
    assert [each.is_on_board for each in report(replace(REFUSED, item_id=5)).corrections] == [True]
    assert [each.is_on_board for each in report(FINE, rejected=[reject("GRE-1")]).corrections] == [True]
    assert [each.is_on_board for each in report(FINE, rejected=[reject("GRE-7")]).corrections] == [False]


def test_a_size_that_was_not_taken_is_named_once() -> None:
    lines = [reject("GRE-1", "XL", "not on the list of labels"), reject("GRE-1", "S+", "S+: '-3' is not a whole number;")]
    assert [each.reason for each in report(FINE, lines=lines).corrections] == [
        "size XL: not on the list of labels",
        "S+: '-3' is not a whole number",
    ]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (FRESH, "not on the board yet"),
        (replace(FRESH, item_id=7), "a change is on its way"),
        (replace(FRESH, reason="monday was busy"), "not on the board yet; monday was busy"),
        (replace(FRESH, state=SyncState.PENDING), "sent; the board's answer is still open"),
        (replace(FRESH, state=SyncState.SYNCED, waiting_lines=1), "1 size is on its way"),
        (replace(FRESH, state=SyncState.SYNCED, waiting_lines=4), "4 sizes are on their way"),
    ],
)
def test_what_waits_says_for_what(order: OrderStatus, words: str) -> None:
    assert [waiting_words(each) for each in report(order).waiting] == [words]


def test_rows_that_a_reader_cannot_tell_apart_are_one_line() -> None:
    found = report(FINE, rejected=[reject("", rows=2), reject("TOTAL"), reject(""), reject("", reason="another")])
    assert [(each.order, each.rows) for each in found.corrections] == [
        ("(no order number)", 3), ("TOTAL", 1), ("(no order number)", 1),
    ]  # fmt: skip
    assert "| (no order number) (3 rows) |" in markdown_text([found], Links())


def test_titles_that_are_one_group_on_the_board_are_one_in_the_report() -> None:
    names = ("GREYSON SUMMER", "GREYSON SUN", "GREYSON  SuMMer")
    found = report(*(replace(FINE, order_key=f"GRE-{number}", group_name=name) for number, name in enumerate(names)))
    assert [(each.name, each.orders) for each in found.groups] == [("GREYSON SUMMER", 2), ("GREYSON SUN", 1)]


def test_orders_are_counted_in_their_group_and_those_that_are_gone_are_not_shown() -> None:
    other = replace(FRESH, group_name="GREYSON SPRING")
    found = report(FINE, REFUSED, LEFT, OFF, other)
    assert [
        (each.name, each.orders, each.on_board, each.waiting, each.refused, each.left_load, each.quantity)
        for each in found.groups
    ] == [
        ("GREYSON FALL", 2, 1, 0, 1, 1, 60),
        ("GREYSON SPRING", 1, 0, 1, 0, 0, 30),
    ]
    assert found.groups[0].share == 0.5
    assert [order.order_key for _, members in found.orders for order in members] == ["GRE-1", "GRE-3", "GRE-4", "GRE-2"]
    assert [order.order_key for order in found.left_load] == ["GRE-4"]


@pytest.mark.parametrize(
    ("action", "lines", "words"),
    [
        (Action.INSERT, 5, "new, 5 sizes"),
        (Action.INSERT, 0, "new"),
        (Action.UPDATE, 1, "changed, 1 size"),
        (Action.DELETE, 0, "archived"),
        (None, 2, "2 sizes changed"),
    ],
)
def test_a_change_is_put_in_words(action: Action | None, lines: int, words: str) -> None:
    assert change_words(OrderChange("GRE-1", "SHIRT", "FALL", action, lines)) == words


def test_the_changes_of_a_run_are_counted_by_what_they_were() -> None:
    actions = [Action.INSERT, Action.INSERT, Action.UPDATE, None]
    orders = tuple(OrderChange(f"GRE-{n}", "SHIRT", "FALL", action, 1) for n, action in enumerate(actions))
    assert changes_summary(LastChanges("run", NOW, orders)) == "2 new, 1 changed, 1 with other sizes"


def test_cells_that_were_left_out_are_corrections_of_orders_that_are_on_the_board() -> None:
    warnings = [CellWarning("GREYSON", f"GRE-{n}", "PLANNER", "NOBODY", "label_missing", "is not a label") for n in range(5)]
    report = Report("GREYSON", NOW, [], [], [], None, Verdict("GREYSON"), warnings)
    (found,) = report.corrections
    assert (found.order, found.rows, found.shown) == ("GRE-0, GRE-1, GRE-2 and 2 more", 5, "all but the cell")
    assert found.reason == "PLANNER: 'NOBODY' is not a label"

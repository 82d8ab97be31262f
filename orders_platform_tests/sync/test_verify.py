"""Verify and repair on the whole platform below Dagster: what people do to a board is named, and put right exactly once."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from orders_platform.domain.differences import Difference, DifferenceKind
from orders_platform.domain.mutations import BatchReport
from orders_platform.domain.orders import RowKind
from orders_platform.errors import MondayUnavailableError, TransientError
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import Fault
from orders_platform.sync.reconcile import Reconciliation
from orders_platform.sync.repair import repair_plan
from orders_platform_tests.testing.platform import (
    GREYSON,
    NOTES_COLUMN,
    NUMBER_COLUMN,
    QTY_COLUMN,
    SETTLE,
    TYPE_COLUMN,
    Crash,
    DyingStore,
    Platform,
    order,
)

ROWS = [order("GRE-00001", NOTES="first"), order("GRE-00002", {"S": 4}), order("GRE-00003", {"S": 5}, AAG_SEASON="2026 SPRING")]
WANTED = {"GRE-00001": {"Size S": "1", "Size M": "2"}, "GRE-00002": {"Size S": "4"}, "GRE-00003": {"Size S": "5"}}
MISSING, DUPLICATE, UNKNOWN = DifferenceKind.MISSING, DifferenceKind.DUPLICATE, DifferenceKind.UNKNOWN
DIFFERENT, WRONG_GROUP = DifferenceKind.DIFFERENT, DifferenceKind.WRONG_GROUP


@pytest.fixture
def synced(platform: Platform) -> Platform:
    platform.load(ROWS)
    assert platform.sync().is_done
    platform.clock.sleep(SETTLE)
    return platform


def kinds(found: Reconciliation) -> list[tuple[DifferenceKind, str, str]]:
    return [(each.kind, each.order_key, each.size_code) for each in found.differences]


def only(found: Reconciliation) -> Difference:
    (difference,) = found.differences
    return difference


def on_board(platform: Platform) -> dict[str, dict[str, str]]:
    shown = {item.number: dict(item.sizes) for item in platform.items()}
    assert len(shown) == len(platform.items()), "an order is on the board twice"
    return shown


# --- hands of people --------------------------------------------------------------------------------------------------------


def change(platform: Platform, item_id: int, values: dict[str, object]) -> None:
    board = platform.ask("query($i: [ID!]) { items(ids: $i) { board { id } } }", i=[str(item_id)])["items"][0]["board"]["id"]
    query = "mutation($b: ID!, $i: ID!, $v: JSON!) { change_multiple_column_values(board_id: $b, item_id: $i, column_values: $v) { id } }"
    platform.ask(query, b=board, i=str(item_id), v=json.dumps(values))


def move(platform: Platform, item_id: int, title: str) -> None:
    (group_id,) = (group.id for group in platform.sandbox.board_snapshot(ITEMS_BOARD_ID) if group.title == title)
    platform.ask(
        "mutation($i: ID, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }", i=str(item_id), g=group_id
    )


def make_subitem(platform: Platform, parent: int, name: str) -> int:
    query = "mutation($p: ID!, $n: String!) { create_subitem(parent_item_id: $p, item_name: $n) { id } }"
    return int(platform.ask(query, p=str(parent), n=name)["create_subitem"]["id"])


def kept_rows(platform: Platform) -> list[str]:
    """All but what is kept of each customer."""
    return [line for line in platform.dump().splitlines() if "ORDER_SYNC_CUSTOMERS" not in line]


# --- equal ------------------------------------------------------------------------------------------------------------------


def test_a_board_that_was_just_synced_is_equal(synced: Platform) -> None:
    found = synced.verify()
    assert found.differences == []
    assert (found.orders, found.lines, found.waiting, found.is_equal) == (3, 4, [], True)


def test_a_comparison_writes_neither_to_an_order_nor_to_the_board(synced: Platform) -> None:
    synced.remove(synced.item("GRE-00001").id, "archive_item")
    before = kept_rows(synced)
    with synced.watched() as watch:
        assert not synced.verify().is_equal
    assert kept_rows(synced) == before
    assert watch.mutations == {}


def test_an_order_without_lines_and_one_whose_size_is_gone_are_equal(platform: Platform) -> None:
    platform.load([order("GRE-00001"), order("GRE-00002", {})])
    platform.sync()
    platform.load([order("GRE-00001", {"S": 1}), order("GRE-00002", {})])
    platform.sync()
    assert platform.item("GRE-00001").sizes == {"Size S": "1", "Size M": "0"}
    assert platform.verify().differences == []


def test_an_order_that_we_archived_is_not_missing(platform: Platform) -> None:
    platform.policies(removed_orders="archive")
    rows = [order(f"GRE-0000{n}") for n in range(1, 9)]
    platform.load(rows)
    platform.sync()
    platform.load(rows[1:])
    platform.sync()
    assert len(platform.items()) == 7
    assert platform.verify().differences == []


def test_an_order_that_left_the_load_is_neither_unknown_nor_made_again(platform: Platform) -> None:
    rows = [order(f"GRE-0000{n}") for n in range(1, 9)]
    platform.load(rows)
    platform.sync()
    platform.load(rows[1:])
    platform.sync()
    assert platform.verify().differences == []
    platform.remove(platform.item("GRE-00001").id, "archive_item")
    found = platform.verify()
    assert (found.differences, found.orders) == ([], 7)


def test_the_board_is_asked_by_the_hundred_and_not_by_the_row(platform: Platform) -> None:
    platform.load([order(f"GRE-{n:05}") for n in range(120)])
    platform.sync()
    with platform.watched() as watch:
        assert platform.verify().lines == 240
    by_id = 2 + 3 + 2  # items, subitems, parents of subitems
    assert len(watch.requests) == by_id + 2 + 1 + 2  # keys in hundreds, one page of the group, both boards and the groups


# --- each kind --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["archive_item", "delete_item"])
def test_a_removed_item_is_missing_and_made_again_once(synced: Platform, how: str) -> None:
    gone = synced.item("GRE-00001").id
    synced.remove(gone, how)
    found = synced.verify()
    assert kinds(found) == [(MISSING, "GRE-00001", "")]
    assert only(found).monday_id == gone
    report = synced.repair()
    assert report.is_done
    assert (report.items.created, report.subitems.created) == (1, 2)
    assert on_board(synced) == WANTED
    assert synced.verify().is_equal


@pytest.mark.parametrize("how", ["archive_item", "delete_item"])
def test_a_removed_subitem_is_missing_and_made_again_once(synced: Platform, how: str) -> None:
    synced.remove(synced.item("GRE-00001").subitem_ids["Size M"], how)
    assert kinds(synced.verify()) == [(MISSING, "GRE-00001", "M")]
    assert synced.repair().subitems.created == 1
    assert on_board(synced) == WANTED
    assert synced.verify().is_equal


def test_what_lags_in_lists_is_not_missing(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform(visibility_lag=20.0)
    platform.make_group("GREYSON 2025 FALL")
    platform.make_group("GREYSON 2026 SPRING")
    platform.clock.sleep(30)
    platform.load(ROWS)
    platform.sync()
    assert platform.verify().is_equal


def test_under_the_policy_leave_a_removed_item_is_left_alone(synced: Platform) -> None:
    synced.policies(deleted_on_board="leave")
    synced.remove(synced.item("GRE-00001").id, "archive_item")
    found = synced.verify()
    assert (found.is_equal, [each.order_key for each in found.left_alone]) == (True, ["GRE-00001"])
    assert repair_plan(found) == []
    synced.repair()
    assert set(on_board(synced)) == {"GRE-00002", "GRE-00003"}


def test_a_double_is_archived_and_the_one_that_the_database_knows_is_kept(synced: Platform) -> None:
    kept = synced.item("GRE-00002").id
    double = synced.make_item("a copy", {NUMBER_COLUMN: "gre-00002"})
    synced.clock.sleep(SETTLE)
    assert only(synced.verify()).monday_id == double
    assert kinds(synced.verify()) == [(DUPLICATE, "GRE-00002", "")]
    report = synced.repair()
    assert (report.items.archived, report.total("created")) == (1, 0)
    assert synced.item("GRE-00002").id == kept
    assert on_board(synced) == WANTED
    assert synced.verify().is_equal


def test_a_subitem_of_one_size_twice_is_a_double(synced: Platform) -> None:
    item = synced.item("GRE-00002")
    double = make_subitem(synced, item.id, "Size S")
    found = synced.verify()
    assert (kinds(found), only(found).monday_id) == ([(DUPLICATE, "GRE-00002", "S")], double)
    assert synced.repair().subitems.archived == 1
    assert synced.item("GRE-00002").subitem_ids == item.subitem_ids
    assert synced.verify().is_equal


def test_what_people_add_to_our_groups_and_items_is_reported_and_left_to_them(synced: Platform) -> None:
    theirs = synced.make_item("a note of ours", {})
    move(synced, theirs, "GREYSON 2025 FALL")
    below = make_subitem(synced, synced.item("GRE-00001").id, "Trims")
    elsewhere = synced.make_item("not in a group of the customer", {})
    found = synced.verify()
    assert [(each.kind, each.monday_id) for each in found.differences] == [(UNKNOWN, theirs), (UNKNOWN, below)]
    assert elsewhere not in {each.monday_id for each in found.differences}
    with synced.watched() as watch:
        synced.repair()
    assert watch.mutations == {}
    assert not synced.verify().is_equal


@pytest.mark.parametrize("moves_first", [False, True])
def test_a_missing_item_takes_over_the_one_with_its_number_instead_of_being_made(synced: Platform, moves_first: bool) -> None:
    """A person copied the item and removed the original."""
    synced.remove(synced.item("GRE-00001").id, "archive_item")
    copy = synced.make_item("a copy", {NUMBER_COLUMN: "GRE-00001"})
    size = make_subitem(synced, copy, "Size M")
    if moves_first:
        move(synced, copy, "GREYSON 2025 FALL")
    synced.clock.sleep(SETTLE)
    assert kinds(synced.verify()) == [(MISSING, "GRE-00001", ""), (UNKNOWN, "GRE-00001", "")]
    report = synced.repair()
    assert (report.items.adopted, report.items.created, report.items.archived) == (1, 0, 0)
    assert synced.item("GRE-00001").id == copy
    assert synced.item("GRE-00001").subitem_ids["Size M"] == size
    assert on_board(synced) == WANTED
    assert synced.verify().is_equal


def test_a_changed_cell_and_a_new_name_are_different_and_put_right(synced: Platform) -> None:
    item = synced.item("GRE-00001")
    change(synced, item.id, {NOTES_COLUMN: "scribble", "name": "renamed"})
    change(synced, item.subitem_ids["Size S"], {QTY_COLUMN: "77"})
    found = synced.verify()
    assert [(each.kind, each.column, each.database, each.board) for each in found.differences] == [
        (DIFFERENT, "NOTES", "first", "scribble"),
        (DIFFERENT, "name", item.name, "renamed"),
        (DIFFERENT, found.differences[2].column, "1", "77"),
    ]
    assert [(step.action, step.size_code, step.detail) for step in repair_plan(found)] == [
        ("change", "", "NOTES, name"),
        ("change", "S", found.differences[2].column),
    ]
    with synced.watched() as watch:
        assert synced.repair().is_done
    assert watch.mutations == {"change_multiple_column_values": 2}
    assert (synced.item("GRE-00001").name, synced.item("GRE-00001").values[NOTES_COLUMN]) == (item.name, "first")
    assert on_board(synced) == WANTED
    assert synced.verify().is_equal


def test_a_moved_item_is_in_the_wrong_group_and_moved_back(synced: Platform) -> None:
    move(synced, synced.item("GRE-00001").id, "GREYSON 2026 SPRING")
    found = synced.verify()
    assert kinds(found) == [(WRONG_GROUP, "GRE-00001", "")]
    assert repair_plan(found)[0].detail == "GREYSON 2026 SPRING -> GREYSON 2025 FALL"
    assert synced.repair().items.moved == 1
    assert synced.item("GRE-00001").group == "GREYSON 2025 FALL"
    assert synced.verify().is_equal


def test_a_renamed_group_is_named_once_and_gets_its_title_back(synced: Platform) -> None:
    synced.rename_group("GREYSON 2025 FALL", "Old")
    found = synced.verify()
    assert [(each.kind, each.name, each.board) for each in found.differences] == [
        (DifferenceKind.RENAMED_GROUP, "GREYSON 2025 FALL", "Old")
    ]
    assert [(step.action, step.detail) for step in repair_plan(found)] == [("rename", "Old -> GREYSON 2025 FALL")]
    with synced.watched() as watch:
        assert synced.repair().is_done
    assert watch.mutations == {"update_group": 1}
    assert synced.verify().is_equal


def test_a_renamed_group_is_no_difference_where_its_title_is_kept(synced: Platform) -> None:
    synced.policies(renamed_groups="keep")
    synced.rename_group("GREYSON 2025 FALL", "Old")
    assert synced.verify().is_equal


def test_a_label_that_people_removed_is_a_cell_and_a_repair_makes_no_row_failed(platform: Platform) -> None:
    platform.load([order("GRE-00001", ORDER_TYPE="CANCELLED"), order("GRE-00002")])
    platform.sync()
    platform.sandbox.remove_label(ITEMS_BOARD_ID, TYPE_COLUMN, "CANCELLED")
    change(platform, platform.item("GRE-00001").id, {NOTES_COLUMN: "scribble"})
    change(platform, platform.item("GRE-00002").id, {NOTES_COLUMN: "scribble"})
    found = platform.verify()
    assert {each.order_key for each in found.differences} == {"GRE-00001", "GRE-00002"}
    assert platform.repair().total("failed") == 0
    assert platform.states() == {"SYNCED"}
    assert platform.verify().is_equal
    assert [(each.order_key, each.column) for each in platform.warnings()] == [("GRE-00001", "ORDER TYPE")]


def test_everything_at_once_is_put_right_in_one_repair(synced: Platform) -> None:
    first, second, third = (synced.item(number) for number in WANTED)
    synced.remove(first.id, "delete_item")
    change(synced, second.id, {NOTES_COLUMN: "scribble"})
    make_subitem(synced, second.id, "Size S")
    move(synced, third.id, "GREYSON 2025 FALL")
    synced.make_item("a copy", {NUMBER_COLUMN: "GRE-00003"})
    synced.clock.sleep(SETTLE)
    assert {each.kind for each in synced.verify().differences} == {MISSING, DIFFERENT, DUPLICATE, WRONG_GROUP}
    assert synced.repair().is_done
    assert on_board(synced) == WANTED
    assert synced.verify().differences == []
    assert synced.states() == {"SYNCED"}


# --- what waits -------------------------------------------------------------------------------------------------------------


def test_rows_that_wait_are_listed_as_waiting_and_not_as_wrong(synced: Platform) -> None:
    synced.load([*ROWS, order("GRE-00004", {"S": 1})])
    synced.sandbox.faults.queue(Fault.LOCKED_423, times=99, operation="create_item")
    synced.sync()
    found = synced.verify()
    assert found.differences == []
    assert {(row.kind, row.order_key, row.size_code) for row in found.waiting} == {
        (RowKind.ITEMS, "GRE-00004", ""),
        (RowKind.SUBITEMS, "GRE-00004", "S"),
    }


def test_the_item_of_a_row_whose_outcome_is_unknown_is_no_double(synced: Platform) -> None:
    synced.load([*ROWS, order("GRE-00004", {"S": 1})])
    synced.sync_until_crash(lambda name, arguments: any(isinstance(each, BatchReport) for each in arguments))
    synced.clock.sleep(SETTLE)
    assert "PENDING" in synced.states()
    assert kinds(synced.verify()) == [(UNKNOWN, "GRE-00004", "")]
    assert repair_plan(synced.verify()) == []
    assert synced.sync().is_done
    assert synced.verify().is_equal


# --- reads that fail, crashes, other customers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["boards", "items", "items_page_by_column_values"])
def test_a_read_that_fails_ends_the_comparison_and_concludes_nothing(synced: Platform, operation: str) -> None:
    synced.sandbox.faults.queue(Fault.ERROR_500, times=30, operation=operation)
    with pytest.raises(MondayUnavailableError):
        synced.verify()


def test_a_repair_whose_plan_is_no_longer_true_does_nothing(synced: Platform) -> None:
    synced.remove(synced.item("GRE-00001").id, "archive_item")
    plan = repair_plan(synced.verify())
    synced.remove(synced.item("GRE-00002").id, "archive_item")
    before = kept_rows(synced)
    with synced.watched() as watch, pytest.raises(TransientError, match="changed since the plan was made"):
        synced.repair(plan)
    assert (watch.mutations, kept_rows(synced)) == ({}, before)


def test_a_repair_that_dies_is_finished_by_the_next_run(synced: Platform) -> None:
    synced.remove(synced.item("GRE-00001").id, "archive_item")
    dying = DyingStore(synced.store, lambda _name, arguments: any(isinstance(each, BatchReport) for each in arguments))
    with pytest.raises(Crash):
        synced.repair(store=dying)
    assert synced.sync().is_done
    assert on_board(synced) == WANTED
    assert synced.verify().is_equal


def test_a_reply_lost_during_the_repair_makes_nothing_twice(synced: Platform) -> None:
    synced.remove(synced.item("GRE-00001").id, "archive_item")
    synced.sandbox.faults.queue(Fault.REPLY_LOST, times=8, operation="create_item")
    synced.sandbox.faults.queue(Fault.REPLY_LOST, operation="create_subitem")
    assert synced.repair().is_done
    assert on_board(synced) == WANTED
    assert synced.verify().is_equal


def test_a_copy_in_the_group_of_a_customer_without_such_an_order_is_a_double(synced: Platform) -> None:
    synced.load([*ROWS, {**order("PEL-1"), "CUSTOMER NAME": "PELOTON", "_SOURCE_TABLE": "xPELOTON_ORDER_LIST_RAW"}])
    synced.go("PELOTON")
    copy = synced.duplicate(synced.item("GRE-00001").id)
    move(synced, copy, "PELOTON 2025 FALL")
    synced.clock.sleep(SETTLE)
    assert [(each.kind, each.monday_id) for each in synced.verify().differences] == [(DUPLICATE, copy)]
    assert synced.repair().items.archived == 1
    assert [synced.verify(name).is_equal for name in (GREYSON, "PELOTON")] == [True, True]


def test_the_item_of_another_customer_with_the_same_number_is_that_customers(synced: Platform) -> None:
    theirs = {**order("GRE-00001", {"S": 9}), "CUSTOMER NAME": "PELOTON", "_SOURCE_TABLE": "xPELOTON_ORDER_LIST_RAW"}
    synced.load([*ROWS, theirs])
    synced.go("PELOTON")
    assert [synced.verify(name).differences for name in (GREYSON, "PELOTON")] == [[], []]
    stray = synced.make_item("on its way into the database", {NUMBER_COLUMN: "GRE-00001"})
    move(synced, stray, "PELOTON 2025 FALL")
    synced.clock.sleep(SETTLE)
    assert synced.verify().differences == []
    assert kinds(synced.verify("PELOTON")) == [(DUPLICATE, "GRE-00001", "")]

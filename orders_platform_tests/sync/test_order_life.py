"""An order's whole life: what happens in the order list, on the board by people's hands, and behind our back."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import Fault
from orders_platform_tests.testing.platform import GREYSON, NOTES_COLUMN, SETTLE, TYPE_COLUMN, Platform, order

GOLF = "GREYSON GOLF"
CUSTOMER_COLUMN = "dropdown_mkr542p2"


def life(platform: Platform, *numbers: str) -> list[int]:
    """A synced load of these orders; their item ids."""
    platform.load([order(number) for number in numbers])
    assert platform.sync().is_done
    return [platform.item(number).id for number in numbers]


def rename_greyson(platform: Platform) -> None:
    """The configuration knows GREYSON as another spelling of GREYSON GOLF from now on."""
    platform.add_label(CUSTOMER_COLUMN, GOLF)
    customers = {name: entry for name, entry in platform.configuration.customers.items() if name != GREYSON}
    entry = platform.configuration.customers[GREYSON].model_copy(update={"aliases": (GREYSON, "GREYSON CLOTHIERS")})
    platform.configure(lambda c: c.model_copy(update={"customers": {**customers, GOLF: entry}}))


def forget_ids(platform: Platform) -> None:
    """A backup from before the first run is restored: the orders are there, and nothing of what was sent."""
    platform.execute("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW', monday_item_id = NULL, group_id = NULL")
    platform.execute("UPDATE ORDER_LIST_LINES SET sync_state = 'NEW', monday_subitem_id = NULL, monday_parent_id = NULL")


def test_a_restored_backup_finds_its_items_and_makes_nothing_twice(platform: Platform) -> None:
    ids = life(platform, "A-1", "A-2")
    forget_ids(platform)
    with platform.watched() as watch:
        report = platform.sync()
    assert (report.is_done, report.items.adopted, report.subitems.adopted, watch.mutations) == (True, 2, 4, {})
    assert [platform.item(number).id for number in ("A-1", "A-2")] == ids


def test_orders_deleted_from_the_table_come_back_with_the_same_load_and_find_their_items(platform: Platform) -> None:
    ids = life(platform, "A-1", "A-2")
    platform.execute("DELETE FROM ORDER_LIST_LINES")
    platform.execute("DELETE FROM ORDER_LIST_V2 WHERE order_key = 'A-1'")
    report = platform.sync()
    assert (report.is_done, report.items.adopted) == (True, 1)
    assert [platform.item(number).id for number in ("A-1", "A-2")] == ids
    assert platform.sync().is_done


def test_an_item_that_a_person_made_for_the_order_is_taken_over(platform: Platform) -> None:
    made = platform.make_item("my own order", {"text_mkr5wya6": "A-1"})
    platform.load([order("A-1")])
    assert platform.sync().items.adopted == 1
    item = platform.item("A-1")
    assert (item.id, item.name != "my own order", item.sizes) == (made, True, {"Size S": "1", "Size M": "2"})


def test_a_po_number_that_is_edited_changes_its_item_also_where_an_order_of_that_number_left_earlier(
    platform: Platform,
) -> None:
    platform.load([order("A-1", PO_NUMBER="1"), order("A-1", PO_NUMBER="2"), order("A-2")])
    platform.policies(max_removed_share=1.0)
    platform.sync()
    platform.load([order("A-1", PO_NUMBER="2"), order("A-2")])
    platform.sync()
    (kept,) = (item.id for item in platform.items() if "2" in item.values.get("text_mkr5ej2x", "") and item.number == "A-1")
    platform.load([order("A-1", PO_NUMBER="3"), order("A-2")])
    with platform.watched() as watch:
        platform.sync()
    assert watch.mutations == {"change_multiple_column_values": 1}
    assert next(item for item in platform.items() if item.id == kept).values["text_mkr5ej2x"] == "3"


def test_a_number_that_appears_twice_and_disappears_again_is_two_orders_and_then_one(platform: Platform) -> None:
    platform.policies(removed_orders="archive", max_removed_share=1.0)
    platform.load([order("A-1", PO_NUMBER="1")])
    platform.sync()
    first = platform.item("A-1").id
    platform.load([order("A-1", PO_NUMBER="1"), order("A-1", PO_NUMBER="2")])
    platform.sync()
    assert Counter(item.number for item in platform.items()) == {"A-1": 2}
    platform.load([order("A-1", PO_NUMBER="1")])
    platform.sync()
    assert platform.item("A-1").id == first


def test_an_order_that_is_uncancelled_gets_its_quantities_back(platform: Platform) -> None:
    life(platform, "A-1")
    platform.load([order("A-1", ORDER_TYPE="CANCELLED")])
    platform.sync()
    assert set(platform.item("A-1").sizes.values()) == {"0"}
    platform.load([order("A-1")])
    assert platform.sync().is_done
    assert platform.item("A-1").sizes == {"Size S": "1", "Size M": "2"}
    assert platform.item("A-1").values[TYPE_COLUMN] == "RECEIVED"


def test_a_customer_that_is_renamed_keeps_its_items(platform: Platform) -> None:
    ids = life(platform, "A-1", "A-2")
    rename_greyson(platform)
    report = platform.go(GOLF)[GOLF]
    assert (report.is_done, report.items.created) == (True, 0)
    assert [platform.item(number).id for number in ("A-1", "A-2")] == ids
    assert {item.group for item in platform.items()} == {"GREYSON GOLF 2025 FALL"}
    assert not platform.orders_of(GREYSON)
    assert [summary.customer for summary in platform.store.summaries()] == [GOLF]


def test_orders_that_left_under_keep_are_archived_once_the_policy_is_archive(platform: Platform) -> None:
    life(platform, "A-1", "A-2")
    platform.policies(max_removed_share=1.0)
    platform.load([order("A-1")])
    platform.sync()
    assert platform.numbers == ["A-1", "A-2"]
    platform.policies(removed_orders="archive")
    assert platform.sync().is_done
    assert platform.numbers == ["A-1"]


@pytest.mark.parametrize("rows", [[], ["A-1"]])
def test_an_extract_that_is_empty_or_cut_off_removes_nothing(platform: Platform, rows: list[str]) -> None:
    numbers = [f"A-{n}" for n in range(1, 7)]
    life(platform, *numbers)
    platform.policies(removed_orders="archive")
    platform.load([order(number) for number in rows])
    reports = platform.go(GREYSON)
    assert platform.numbers == numbers
    assert rows == [] or (reports[GREYSON].headers is not None and reports[GREYSON].headers.guards)


def test_a_new_size_under_an_item_that_a_person_archived_brings_the_order_back(platform: Platform) -> None:
    (item,) = life(platform, "A-1")
    platform.remove(item, "archive_item")
    platform.execute("UPDATE ORDER_LIST_LINES SET sync_state = 'NEW', monday_subitem_id = NULL WHERE size_code = 'S'")
    platform.sync()
    assert "FAILED" not in platform.states()
    assert platform.sync().is_done
    assert platform.item("A-1").sizes == {"Size S": "1", "Size M": "2"}


def test_a_new_size_under_an_item_that_a_person_archived_is_left_alone_where_the_policy_says_so(platform: Platform) -> None:
    (item,) = life(platform, "A-1")
    platform.policies(deleted_on_board="leave")
    platform.remove(item, "archive_item")
    platform.load([order("A-1", {"S": 1, "M": 2, "L": 3})])
    assert platform.sync().is_done
    assert platform.sync().is_done
    assert platform.items() == []


def test_an_item_that_a_person_renamed_and_moved_is_put_right_with_its_next_change(platform: Platform) -> None:
    (item,) = life(platform, "A-1")
    elsewhere = platform.make_group("somewhere else")
    platform.ask(
        "mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }", i=str(item), g=elsewhere
    )
    platform.ask(
        'mutation($b: ID!, $i: ID!) { change_simple_column_value(board_id: $b, item_id: $i, column_id: "name", value: "mine") { id } }',
        b="9609317401",
        i=str(item),
    )
    platform.load([order("A-1", NOTES="urgent")])
    assert platform.sync().is_done
    shown = platform.item("A-1")
    assert (shown.id, shown.group, shown.name != "mine", shown.values[NOTES_COLUMN]) == (
        item,
        "GREYSON 2025 FALL",
        True,
        "urgent",
    )


def test_an_item_doubled_by_hand_is_reported_by_the_sweep(platform: Platform) -> None:
    life(platform, "A-1")
    copy = platform.make_item("a copy", {"text_mkr5wya6": "A-2"})
    platform.load([order("A-1"), order("A-2")])
    platform.sync()
    assert platform.item("A-2").id == copy
    twin = platform.make_item("a twin", {"text_mkr5wya6": "A-1"})
    forget_ids(platform)
    report = platform.sync()
    (doubled,) = report.items.doubled
    assert (doubled.order_key, twin in doubled.ids, len(doubled.ids)) == ("A-1", True, 2)
    assert not report.is_done


def test_a_row_that_monday_chokes_on_fails_alone_after_so_many_tries(platform: Platform) -> None:
    platform.monday(max_tries=4)
    platform.load([order(f"A-{n}") for n in range(1, 9)])
    platform.sandbox.faults.fail_on("A-5")
    for _ in range(6):
        platform.sync()
    assert platform.numbers == [f"A-{n}" for n in (1, 2, 3, 4, 6, 7, 8)]
    row = platform.orders()["A-5"]
    assert (row["sync_state"], row["sync_error_code"]) == ("FAILED", "gave_up")


def test_an_outage_fails_no_row_however_long_it_lasts(platform: Platform) -> None:
    platform.monday(max_tries=2)
    platform.load([order("A-1"), order("A-2")])
    for _ in range(5):
        platform.sandbox.faults.queue(Fault.CONNECTION_DROPPED, times=60, operation="create_item")
        platform.sync()
    assert "FAILED" not in platform.states()
    platform.sandbox.faults.quiet()
    assert platform.sync().is_done
    assert platform.numbers == ["A-1", "A-2"]


def test_a_limit_makes_the_groups_of_its_orders_only(platform: Platform) -> None:
    platform.load([order("A-1"), order("A-2", AAG_SEASON="2026 SPRING")])
    platform.sync(limit=1)
    assert [group for group in platform.groups if group.startswith(GREYSON)] == ["GREYSON 2025 FALL"]


@pytest.mark.parametrize("how", ["archive_item", "delete_item"])
def test_an_item_removed_while_its_change_is_on_the_way_fails_nothing_and_comes_back(platform: Platform, how: str) -> None:
    (item,) = life(platform, "A-1")
    platform.when("intent of change_multiple_column_values", lambda: platform.remove(item, how))
    platform.load([order("A-1", NOTES="urgent")])
    report = platform.sync()
    assert (report.items.failed, report.items.waiting) == (0, 1)
    assert platform.sync().is_done
    assert platform.item("A-1").values[NOTES_COLUMN] == "urgent"
    assert platform.item("A-1").sizes == {"Size S": "1", "Size M": "2"}


def test_a_group_deleted_while_its_order_is_on_the_way_is_made_again(platform: Platform) -> None:
    life(platform, "A-1")
    platform.load([order("A-1"), order("A-2", AAG_SEASON="2026 SPRING")])
    platform.when("intent of create_item", lambda: platform.delete_group("GREYSON 2026 SPRING"))
    assert platform.sync().items.failed == 0
    platform.clock.sleep(SETTLE)
    assert platform.sync().is_done
    assert platform.item("A-2").group == "GREYSON 2026 SPRING"


def test_a_column_removed_while_running_stops_the_customer_and_fails_no_row(platform: Platform) -> None:
    life(platform, "A-1")
    platform.load([order("A-1"), order("A-2", NOTES="urgent")])
    platform.when("intent of create_item", lambda: platform.remove_column(NOTES_COLUMN))
    report = platform.sync()
    assert report.error is not None
    assert "BoardMismatchError" in report.error
    assert "board check" in report.error
    assert "FAILED" not in platform.states()
    again = platform.sync()
    assert again.error is not None
    assert NOTES_COLUMN in again.error


def test_a_label_removed_while_running_refuses_its_order_and_no_other(platform: Platform) -> None:
    life(platform, "A-1")
    platform.load([order("A-1"), order("A-2", ORDER_TYPE="CANCELLED"), order("A-3")])
    platform.when("intent of create_item", lambda: platform.sandbox.remove_label(ITEMS_BOARD_ID, TYPE_COLUMN, "CANCELLED"))
    report = platform.sync()
    (refused,) = report.items.refusals
    assert (refused.order_key, "missingLabel" in refused.reason) == ("A-2", True)
    assert platform.numbers == ["A-1", "A-3"]


def test_a_renamed_customer_waits_for_a_run_that_still_sends_under_the_old_name(platform: Platform) -> None:
    life(platform, "A-1")
    rename_greyson(platform)
    with platform.store.lock(GREYSON):
        report = platform.go(GOLF)[GOLF]
    assert report.error is not None
    assert report.error.startswith("CustomerBusyError")
    assert {row["order_key"] for row in platform.orders_of(GREYSON)} == {"A-1"}
    assert platform.go(GOLF)[GOLF].error is None


def test_an_order_number_that_cannot_be_written_refuses_its_order_and_no_other(platform: Platform) -> None:
    platform.load([order("A-1"), order("A-2"), order("A-3")])
    platform.merge.merge_headers(GREYSON, platform.merge.scan_staging(), datetime(2026, 1, 5, tzinfo=UTC))
    platform.execute("UPDATE ORDER_LIST_V2 SET \"AAG ORDER NUMBER\" = 'A-2' || char(0) || 'Q' WHERE order_key = 'A-2'")
    report = platform.sync()
    assert report.error is None
    assert [refusal.code for refusal in report.items.refusals] != []
    assert platform.numbers == ["A-1", "A-3"]


def test_a_zero_character_in_an_order_number_vanishes_as_every_control_character_does(platform: Platform) -> None:
    platform.load([order("A-1"), order("A-2\x00Q")])
    assert platform.sync().error is None
    assert platform.numbers == ["A-1", "A-2Q"]


def test_what_was_found_on_the_board_is_in_the_log(platform: Platform) -> None:
    (item,) = life(platform, "A-1")
    forget_ids(platform)
    platform.sync()
    adoptions = platform.rows("SELECT * FROM ORDER_SYNC_LOG WHERE operation = 'adopt'")
    assert [row["customer_name"] for row in adoptions] == [GREYSON, GREYSON]
    assert str(item) in adoptions[0]["row_results"]

"""Orders and their sizes on the board: made, changed, moved, cleared, refused, removed, each over the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orders_platform.configuration import Configuration
from orders_platform.domain.mapping import LabelPolicy
from orders_platform.sandbox.server import Fault
from orders_platform_tests.testing.platform import (
    NOTES_COLUMN,
    PRICE_COLUMN,
    TYPE_COLUMN,
    Platform,
    order,
)

SIZE_COLUMN = "dropdown_mkrak7qp"
CATEGORY_COLUMN = "dropdown_mkr5s5n3"


def with_label_policy(column_id: str, policy: LabelPolicy) -> Callable[[Configuration], Configuration]:
    def change(configuration: Configuration) -> Configuration:
        columns = tuple(
            replace(field, labels=policy) if field.column_id == column_id else field for field in configuration.items.fields
        )
        return configuration.model_copy(update={"items": replace(configuration.items, fields=columns)})

    return change


def test_an_order_becomes_an_item_in_its_group_with_a_subitem_for_each_size(platform: Platform) -> None:
    platform.load([order("GRE-00001", {"S": 5, "2XL": 7}, NOTES="rush")])
    report = platform.sync()
    (item,) = platform.items()
    assert (item.group, item.name) == ("GREYSON 2025 FALL", "ST-1 BLACK GRE-00001 4755")
    assert item.sizes == {"Size S": "5", "Size 2XL": "7"}
    assert item.values[NOTES_COLUMN] == "rush"
    assert (report.groups.created, report.items.created, report.subitems.created) == (1, 1, 2)
    assert report.is_done
    row = platform.orders()["GRE-00001"]
    assert (row["sync_state"], row["monday_item_id"]) == ("SYNCED", item.id)
    assert {code: line["monday_parent_id"] for code, line in platform.order_lines("GRE-00001").items()} == {
        "S": item.id, "2XL": item.id,
    }  # fmt: skip


def test_a_second_run_sends_and_writes_nothing(platform: Platform) -> None:
    platform.load([order("GRE-00001"), order("GRE-00002", {})])
    platform.sync()
    before = platform.dump()
    with platform.watched() as watch:
        report = platform.sync()
    assert watch.mutations == {}
    assert platform.dump() == before
    assert report.is_done


def test_only_what_changed_is_sent_and_null_clears(platform: Platform) -> None:
    platform.load([order("GRE-00001", NOTES="rush", CUSTOMER_PRICE="9.5"), order("GRE-00002")])
    platform.sync()
    before = platform.item("GRE-00001")
    platform.load([order("GRE-00001", NOTES=None, CUSTOMER_PRICE="10.25"), order("GRE-00002")])
    with platform.watched() as watch:
        report = platform.sync()
    after = platform.item("GRE-00001")
    assert watch.mutations == {"change_multiple_column_values": 1}
    assert NOTES_COLUMN not in after.values
    assert after.values[PRICE_COLUMN] == "10.25"
    assert {**after.values, NOTES_COLUMN: "rush", PRICE_COLUMN: "9.5"} == before.values
    assert (report.items.updated, report.items.moved, report.subitems.updated) == (1, 0, 0)


def test_a_change_of_season_moves_the_item_and_its_subitems_stay_with_it(platform: Platform) -> None:
    platform.load([order("GRE-00001")])
    platform.sync()
    before = platform.item("GRE-00001")
    platform.load([order("GRE-00001", AAG_SEASON="2026 SPRING")])
    report = platform.sync()
    after = platform.item("GRE-00001")
    assert (after.id, after.group, after.subitem_ids) == (before.id, "GREYSON 2026 SPRING", before.subitem_ids)
    assert (report.items.moved, report.items.created, report.subitems.mutations) == (1, 0, 0)


def test_a_change_of_style_renames_the_item(platform: Platform) -> None:
    platform.load([order("GRE-00001")])
    platform.sync()
    before = platform.item("GRE-00001")
    platform.load([order("GRE-00001", CUSTOMER_STYLE="ST-2")])
    platform.sync()
    after = platform.item("GRE-00001")
    assert (after.id, after.name) == (before.id, "ST-2 BLACK GRE-00001 4755")


def test_what_a_person_wrote_into_our_columns_is_put_right_when_the_order_changes(platform: Platform) -> None:
    platform.load([order("GRE-00001", NOTES="rush")])
    platform.sync()
    item_id = platform.item("GRE-00001").id
    query = "mutation($b: ID!, $i: ID!, $v: JSON!) { change_multiple_column_values(board_id: $b, item_id: $i, column_values: $v) { id } }"
    values = f'{{"{NOTES_COLUMN}": "by hand", "name": "by hand"}}'
    platform.ask(query, b="9609317401", i=str(item_id), v=values)
    platform.load([order("GRE-00001", NOTES="rush", CUSTOMER_PRICE="1")])
    platform.sync()
    item = platform.item("GRE-00001")
    assert (item.values[NOTES_COLUMN], item.name) == ("rush", "ST-1 BLACK GRE-00001 4755")


# --- refusals -------------------------------------------------------------------------------------------------------------


def test_a_label_that_may_not_be_made_is_left_out_and_told(platform: Platform) -> None:
    platform.load([order("GRE-00001"), order("GRE-00002", UNIT_OF_MEASURE="BARRELS"), order("GRE-00003")])
    report = platform.sync()
    assert report.is_done
    assert len(report.items.warnings) == 1
    assert platform.numbers == ["GRE-00001", "GRE-00002", "GRE-00003"]
    assert platform.states() == {"SYNCED"}
    assert [(each.order_key, each.column, each.text, each.code) for each in platform.warnings()] == [
        ("GRE-00002", "UNIT OF MEASURE", "BARRELS", "label_missing")
    ]
    with platform.watched() as watch:
        assert platform.sync().is_done
    assert watch.mutations == {}
    platform.load([order("GRE-00001"), order("GRE-00002", UNIT_OF_MEASURE="PAIR"), order("GRE-00003")])
    assert platform.sync().items.updated == 1
    assert platform.warnings() == []


def test_a_label_that_people_make_later_reaches_its_order_by_itself(platform: Platform) -> None:
    platform.configure(with_label_policy(CATEGORY_COLUMN, LabelPolicy.REJECT))
    platform.load([order("GRE-00001", {}, CATEGORY="KILTS", UNIT_OF_MEASURE="BARRELS"), order("GRE-00002", {})])
    platform.sync()
    assert len(platform.warnings()) == 2
    platform.add_label(CATEGORY_COLUMN, "Kilts")
    rehearsed = platform.rehearse()["GREYSON"]
    assert (rehearsed.items.updated, len(rehearsed.items.warnings)) == (1, 1)
    assert platform.sync().items.updated == 1
    assert platform.item("GRE-00001").values[CATEGORY_COLUMN] == "Kilts"
    assert [each.column for each in platform.warnings()] == ["UNIT OF MEASURE"]
    assert platform.sync().items.mutations == 0


def test_the_lines_of_a_failed_order_wait_and_go_once_it_is_mended(platform: Platform) -> None:
    platform.load([order("GRE-00001"), order("GRE-00002")])
    platform.sandbox.faults.queue(Fault.REFUSE_ALIAS, operation="create_item")
    report = platform.sync()
    (failed,) = (row["order_key"] for row in platform.orders().values() if row["sync_state"] == "FAILED")
    assert report.subitems.waiting == 2
    assert not report.is_done
    assert {line["sync_state"] for line in platform.order_lines(failed).values()} == {"NEW"}
    platform.load([order("GRE-00001", NOTES="mended"), order("GRE-00002", NOTES="mended")])
    mended = platform.sync()
    assert mended.is_done
    assert platform.item(failed).sizes == {"Size S": "1", "Size M": "2"}
    assert platform.states() == {"SYNCED"}


def test_one_mutation_that_monday_refuses_leaves_its_neighbours_synced(platform: Platform) -> None:
    numbers = [f"GRE-0000{n}" for n in range(1, 6)]
    platform.load([order(number, {}) for number in numbers])
    platform.sandbox.faults.queue(Fault.REFUSE_ALIAS, operation="create_item")
    report = platform.sync()
    failed = [row for row in platform.orders().values() if row["sync_state"] == "FAILED"]
    assert len(failed) == 1
    assert failed[0]["sync_error_code"]
    assert failed[0]["sync_error_message"]
    assert failed[0]["retry_count"] == 1
    assert [refusal.order_key for refusal in report.items.refusals] == [failed[0]["order_key"]]
    assert platform.numbers == sorted(set(numbers) - {failed[0]["order_key"]})
    assert report.items.created == 4


def test_one_subitem_that_monday_refuses_leaves_its_neighbours_synced(platform: Platform) -> None:
    platform.load([order("GRE-00001", {"XS": 1, "S": 2, "M": 3})])
    platform.sandbox.faults.queue(Fault.REFUSE_ALIAS, operation="create_subitem")
    report = platform.sync()
    lines = platform.order_lines("GRE-00001")
    (refused,) = (code for code, line in lines.items() if line["sync_state"] == "FAILED")
    assert lines[refused]["sync_error_code"]
    assert sorted(platform.item("GRE-00001").sizes) == sorted(f"Size {code}" for code in lines if code != refused)
    assert [(row.order_key, row.size_code) for row in report.subitems.refusals] == [("GRE-00001", refused)]


def test_a_size_without_a_label_is_left_out_of_its_line_and_told(platform: Platform) -> None:
    columns = tuple(
        replace(field, labels=LabelPolicy.REJECT) if field.column_id == SIZE_COLUMN else field
        for field in platform.configuration.subitems.fields
    )
    subitems = replace(platform.configuration.subitems, fields=columns)
    platform.configure(lambda configuration: configuration.model_copy(update={"subitems": subitems}))
    platform.load([order("GRE-00001", {"S": 1, "32DDD": 2})])
    rehearsed = platform.rehearse()["GREYSON"]
    report = platform.sync()
    assert (len(rehearsed.subitems.warnings), len(report.subitems.warnings)) == (1, 1)
    assert [(each.order_key, each.column, each.text, each.code) for each in platform.warnings()] == [
        ("GRE-00001", "32DDD", "32DDD", "label_missing")
    ]
    assert platform.item("GRE-00001").sizes == {"Size S": "1", "Size 32DDD": "2"}


def test_refused_rows_go_again_after_a_reset(platform: Platform) -> None:
    platform.load([order("GRE-00001", {}), order("GRE-00002", {})])
    platform.sandbox.faults.queue(Fault.REFUSE_ALIAS, operation="create_item")
    platform.sync()
    assert platform.sync().items.created == 0
    assert platform.store.reset_failed("GREYSON") == 1
    assert platform.sync().items.created == 1
    assert platform.numbers == ["GRE-00001", "GRE-00002"]


def test_a_refused_change_keeps_the_item_and_its_id(platform: Platform) -> None:
    platform.load([order("GRE-00001", {})])
    platform.sync()
    item = platform.item("GRE-00001")
    platform.load([order("GRE-00001", {}, NOTES="new")])
    platform.sandbox.faults.queue(Fault.REFUSE_ALIAS, operation="change_multiple_column_values")
    platform.sync()
    row = platform.orders()["GRE-00001"]
    assert (row["sync_state"], row["monday_item_id"]) == ("FAILED", item.id)
    platform.load([order("GRE-00001", {}, NOTES="newer")])
    assert platform.sync().items.updated == 1
    assert platform.item("GRE-00001").id == item.id


def test_a_new_label_is_made_once_where_the_policy_is_create(platform: Platform) -> None:
    platform.load([order("GRE-00001", {}, CATEGORY="KILTS"), order("GRE-00002", {}, CATEGORY="Kilts ")])
    report = platform.sync()
    assert report.is_done
    assert {item.values[CATEGORY_COLUMN] for item in platform.items()} == {"KILTS"}


def test_an_unknown_label_is_left_blank_where_the_policy_is_blank(platform: Platform) -> None:
    platform.configure(with_label_policy(CATEGORY_COLUMN, LabelPolicy.BLANK))
    platform.load([order("GRE-00001", {}, CATEGORY="KILTS")])
    report = platform.sync()
    assert report.is_done
    assert CATEGORY_COLUMN not in platform.item("GRE-00001").values


# --- limits on a run ------------------------------------------------------------------------------------------------------


def test_a_limit_sends_so_many_orders_and_the_next_run_the_rest(platform: Platform) -> None:
    platform.load([order(f"GRE-0000{n}", {"S": n}) for n in range(1, 6)])
    first = platform.sync(limit=2)
    assert platform.numbers == ["GRE-00001", "GRE-00002"]
    assert (first.items.created, first.subitems.created, first.subitems.waiting) == (2, 2, 3)
    assert platform.sync(limit=2).items.created == 2
    assert platform.sync().is_done
    assert platform.numbers == [f"GRE-0000{n}" for n in range(1, 6)]
    assert {item.number: item.sizes for item in platform.items()}["GRE-00005"] == {"Size S": "5"}


def test_a_run_without_subitems_leaves_them_for_the_next_one(platform: Platform) -> None:
    platform.load([order("GRE-00001")])
    with platform.watched() as watch:
        platform.sync(skip_subitems=True)
    assert watch.mutations == {"create_group": 1, "create_item": 1}
    with platform.watched() as watch:
        assert platform.sync().is_done
    assert watch.mutations == {"create_subitem": 2}


# --- people remove things -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["archive_item", "delete_item"])
def test_an_item_removed_by_hand_is_made_again_with_all_its_subitems(platform: Platform, how: str) -> None:
    platform.load([order("GRE-00001", {"S": 1, "M": 2}), order("GRE-00002")])
    platform.sync()
    old = platform.item("GRE-00001")
    platform.remove(old.id, how)
    platform.load([order("GRE-00001", {"S": 1, "M": 2}, NOTES="changed"), order("GRE-00002")])
    report = platform.sync()
    new = platform.item("GRE-00001")
    assert new.id != old.id
    assert new.sizes == {"Size S": "1", "Size M": "2"}
    assert (report.items.created, report.subitems.created) == (1, 2)
    assert {line["monday_parent_id"] for line in platform.order_lines("GRE-00001").values()} == {new.id}
    assert platform.states() == {"SYNCED"}
    assert platform.sync().total("mutations") == 0


@pytest.mark.parametrize("how", ["archive_item", "delete_item"])
def test_an_item_removed_by_hand_is_left_alone_where_the_policy_is_leave(platform: Platform, how: str) -> None:
    platform.policies(deleted_on_board="leave")
    platform.load([order("GRE-00001"), order("GRE-00002")])
    platform.sync()
    platform.remove(platform.item("GRE-00001").id, how)
    platform.load([order("GRE-00001", {"S": 1, "M": 3}, NOTES="changed"), order("GRE-00002", NOTES="changed")])
    with platform.watched() as watch:
        report = platform.sync()
    assert watch.mutations == {"change_multiple_column_values": 1}
    assert platform.numbers == ["GRE-00002"]
    assert report.is_done


def test_a_subitem_deleted_by_hand_is_made_again_when_its_quantity_changes(platform: Platform) -> None:
    platform.load([order("GRE-00001", {"S": 1, "M": 2})])
    platform.sync()
    before = platform.item("GRE-00001")
    platform.remove(before.subitem_ids["Size M"], "delete_item")
    platform.load([order("GRE-00001", {"S": 1, "M": 9})])
    report = platform.sync()
    after = platform.item("GRE-00001")
    assert (after.id, after.sizes) == (before.id, {"Size S": "1", "Size M": "9"})
    assert after.subitem_ids["Size S"] == before.subitem_ids["Size S"]
    assert report.subitems.created == 1


# --- orders and sizes that go and come back -------------------------------------------------------------------------------


def test_a_size_that_disappears_becomes_zero_by_default(platform: Platform) -> None:
    platform.load([order("GRE-00001", {"S": 1, "M": 2})])
    platform.sync()
    platform.load([order("GRE-00001", {"S": 1})])
    platform.sync()
    assert platform.item("GRE-00001").sizes == {"Size S": "1", "Size M": "0"}


def test_a_size_that_disappears_is_archived_where_the_policy_says_so_and_comes_back(platform: Platform) -> None:
    platform.policies(removed_lines="archive")
    platform.load([order("GRE-00001", {"S": 1, "M": 2})])
    platform.sync()
    platform.load([order("GRE-00001", {"S": 1})])
    assert platform.sync().subitems.archived == 1
    assert platform.item("GRE-00001").sizes == {"Size S": "1"}
    platform.load([order("GRE-00001", {"S": 1, "M": 2})])
    assert platform.sync().is_done
    assert platform.item("GRE-00001").sizes == {"Size S": "1", "Size M": "2"}


def test_a_cancelled_order_keeps_its_item_and_its_lines_become_zero(platform: Platform) -> None:
    platform.load([order("GRE-00001", {"S": 1, "M": 2})])
    platform.sync()
    before = platform.item("GRE-00001")
    platform.load([order("GRE-00001", {"S": 1, "M": 2}, ORDER_TYPE="Canceled")])
    assert platform.sync().is_done
    after = platform.item("GRE-00001")
    assert (after.id, after.sizes) == (before.id, {"Size S": "0", "Size M": "0"})
    assert after.values[TYPE_COLUMN] == "CANCELLED"


def test_an_order_that_leaves_the_load_stays_on_the_board_by_default(platform: Platform) -> None:
    rows = [order(f"GRE-0000{n}") for n in range(1, 7)]
    platform.load(rows)
    platform.sync()
    platform.load(rows[1:])
    with platform.watched() as watch:
        report = platform.sync()
    assert watch.mutations == {}
    assert report.headers is not None
    assert report.headers.removed == 1
    assert "GRE-00001" in platform.numbers


def test_an_order_that_leaves_the_load_is_archived_where_the_policy_says_so(platform: Platform) -> None:
    platform.policies(removed_orders="archive")
    rows = [order(f"GRE-0000{n}") for n in range(1, 7)]
    platform.load(rows)
    platform.sync()
    platform.load(rows[1:])
    with platform.watched() as watch:
        report = platform.sync()
    assert watch.mutations == {"archive_item": 1}
    assert report.items.archived == 1
    assert report.is_done
    assert "GRE-00001" not in platform.numbers
    assert platform.sync().total("mutations") == 0


def test_an_archived_order_that_returns_is_made_again_with_its_subitems(platform: Platform) -> None:
    platform.policies(removed_orders="archive")
    rows = [order(f"GRE-0000{n}", {"S": n, "M": 2}) for n in range(1, 7)]
    platform.load(rows)
    platform.sync()
    platform.load(rows[1:])
    platform.sync()
    platform.load(rows)
    report = platform.sync()
    assert report.is_done
    assert (report.items.created, report.subitems.created) == (1, 2)
    assert platform.item("GRE-00001").sizes == {"Size S": "1", "Size M": "2"}
    assert platform.sync().total("mutations") == 0


def test_an_order_that_never_reached_the_board_leaves_nothing_waiting_when_it_is_removed(platform: Platform) -> None:
    platform.policies(removed_orders="archive")
    rows = [order(f"GRE-0000{n}") for n in range(1, 8)]
    platform.load(rows)
    platform.sandbox.faults.queue(Fault.REFUSE_ALIAS, operation="create_item")
    assert platform.sync().subitems.waiting == 2
    (failed,) = (row["order_key"] for row in platform.orders().values() if row["sync_state"] == "FAILED")
    platform.load([row for row in rows if row["AAG ORDER NUMBER"] != failed])
    assert platform.sync().is_done


def test_the_lines_of_a_removed_order_are_not_sent_after_a_person_archived_its_item(platform: Platform) -> None:
    platform.policies(removed_orders="archive")
    rows = [order(f"GRE-0000{n}") for n in range(1, 7)]
    platform.load(rows)
    platform.sync(skip_subitems=True)
    platform.remove(platform.item("GRE-00001").id, "archive_item")
    platform.load(rows[1:])
    report = platform.sync()
    assert report.is_done
    assert report.subitems.created == 10


@pytest.mark.parametrize("in_flight", [1, 3])
def test_many_orders_go_in_several_documents(platform: Platform, in_flight: int) -> None:
    platform.load([order(f"GRE-{n:05}", {"S": n}) for n in range(1, 41)])
    report = platform.sync(board={"batch_size": 7, "max_in_flight": in_flight})
    assert report.is_done
    assert report.items.documents > 1
    assert {item.number: item.sizes for item in platform.items()} == {f"GRE-{n:05}": {"Size S": str(n)} for n in range(1, 41)}

"""What automation and the checks read over all customers at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event

from orders_platform.database.overview import Finding, Overview
from orders_platform.domain.pending_runs import CustomerSyncStatus, pending_run
from orders_platform.errors import DatabaseRefusedError, SourceDataError
from orders_platform_tests.database.order_list import FILE, GREYSON, NAME, OrderList, order

RHONE = "RHONE"
HOUR = timedelta(hours=1)


@pytest.fixture
def overview(order_list: OrderList) -> Overview:
    return Overview(order_list.store, order_list.configuration)


def sync_status(order_list: OrderList, customer: str = GREYSON) -> CustomerSyncStatus:
    (found,) = [each for each in order_list.merging.sync_statuses() if each.customer == customer]
    return found


# --- sync_statuses


def test_a_load_that_was_merged_is_recognised_by_one_read_of_the_whole_staging_table(order_list: OrderList) -> None:
    """Spellings, files and blank names included: the parts of a customer add up to what its merge recorded."""
    rows = [
        order("A1"), order("A2") | {NAME: "GREYSON CLOTHIERS", FILE: "two"}, order("A3") | {NAME: " greyson "},
        order("A4") | {NAME: None}, order("A5") | {NAME: "", FILE: "two"}, order("B1") | {NAME: RHONE, FILE: "rhone"},
    ]  # fmt: skip
    order_list.load(*rows)
    assert sync_status(order_list).merged is None
    for customer in (GREYSON, RHONE):
        order_list.merge_all(customer=customer)
    assert not sync_status(order_list).is_changed
    assert sync_status(order_list).orders == 5
    assert not sync_status(order_list, RHONE).is_changed
    order_list.load(*reversed(rows))
    assert not sync_status(order_list).is_changed
    order_list.load(*(row | ({"PLANNER": "someone else"} if row["AAG ORDER NUMBER"] == "A5" else {}) for row in rows))
    assert sync_status(order_list).is_changed
    assert not sync_status(order_list, RHONE).is_changed


def test_a_merge_that_ended_half_way_is_work(order_list: OrderList) -> None:
    order_list.merge(order("A1"))
    assert pending_run(sync_status(order_list)).reason == "unfinished merge"
    order_list.merge_all()
    order_list.sent()
    assert pending_run(sync_status(order_list)) is None


def test_orders_that_were_deleted_behind_our_back_are_work(order_list: OrderList) -> None:
    order_list.merge_all(order("A1"), order("A2"))
    order_list.sent()
    order_list.sql("DELETE FROM ORDER_LIST_V2 WHERE order_key = 'A1'")
    assert pending_run(sync_status(order_list)) is not None


def test_rows_that_can_be_sent_wait_and_lines_of_a_refused_order_do_not(order_list: OrderList) -> None:
    order_list.merge_all(order("A1"), order("A2"))
    assert sync_status(order_list).waiting == 2 + 4
    order_list.sql("UPDATE ORDER_LIST_V2 SET sync_state = 'FAILED' WHERE order_key = 'A1'")
    assert sync_status(order_list).waiting == 1 + 2
    order_list.sql("UPDATE ORDER_LIST_V2 SET monday_item_id = 7 WHERE order_key = 'A1'")
    assert sync_status(order_list).waiting == 1 + 4


def test_a_customer_that_left_the_load_stands_there_without_one(order_list: OrderList) -> None:
    order_list.merge_all(order("A1"))
    order_list.load(order("B1") | {NAME: RHONE})
    assert (sync_status(order_list).load, sync_status(order_list).waiting) == (None, 3)
    assert [each.customer for each in order_list.merging.present()] == [GREYSON, RHONE]


def test_a_rule_that_changes_makes_every_load_work_again(order_list: OrderList) -> None:
    order_list.merge_all(order("A1"))
    other = order_list.configured(lambda document: document["cleaning"].update(null_words=["nan"]))
    assert other.merging.sync_statuses()[0].is_changed


def test_the_number_of_statements_does_not_grow_with_the_customers(order_list: OrderList) -> None:
    names = list(order_list.configuration.customers)
    engine: Engine = order_list.store.database.engine
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: said.append(call[2]))

    def asked(count: int) -> int:
        order_list.load(*(order(f"{name}-{n}") | {NAME: name, FILE: name} for name in names[:count] for n in range(2)))
        order_list.merging.sync_statuses()  # the catalogue is read once
        said.clear()
        assert len(order_list.merging.sync_statuses()) == count
        return len([statement for statement in said if not statement.startswith("BEGIN")])

    assert asked(2) == asked(40) <= 5


@pytest.mark.sqlite
def test_a_staging_table_that_is_absent_is_not_one_that_is_empty(order_list: OrderList) -> None:
    order_list.sql('ALTER TABLE "swp_ORDER_LIST_V2" RENAME TO elsewhere')
    for read in (order_list.merging.sync_statuses, order_list.merging.present):
        with pytest.raises((SourceDataError, DatabaseRefusedError), match="swp_ORDER_LIST_V2"):
            read()


# --- checks


def test_orders_that_share_an_order_number_only_are_two_orders(order_list: OrderList, overview: Overview) -> None:
    order_list.merge_all(order("A1"), order("A1", PO_NUMBER="another"))
    assert overview.repeated([GREYSON]) == []
    order_list.sql("UPDATE ORDER_LIST_V2 SET \"PO NUMBER\" = 'same'")
    assert overview.repeated([GREYSON]) == [Finding(GREYSON, {"what": "order key", "shared": "A1", "rows": 2})]
    assert overview.repeated([RHONE]) == []


def test_an_item_or_subitem_that_two_rows_have_as_their_own_is_found(order_list: OrderList, overview: Overview) -> None:
    order_list.merge_all(order("A1"), order("A2"))
    order_list.sent()
    assert overview.repeated([GREYSON]) == []
    order_list.sql("UPDATE ORDER_LIST_V2 SET monday_item_id = 7")
    order_list.sql("UPDATE ORDER_LIST_LINES SET monday_subitem_id = 9 WHERE size_code = 'S'")
    assert {(each.details["shared"], each.details["rows"]) for each in overview.repeated([GREYSON])} == {("7", 2), ("9", 2)}


def test_a_total_that_is_not_the_sum_of_its_sizes_is_found(order_list: OrderList, overview: Overview) -> None:
    order_list.merge_all(
        order("A1"), order("A2", TOTAL_QTY=6), order("A3", TOTAL_QTY=6, ORDER_TYPE="CANCELLED"), order("A4", TOTAL_QTY=None),
        order("A5", S=None, M=None), order("A6", S=None, M=None, TOTAL_QTY=0),
    )  # fmt: skip
    found = {each.details["order"]: (each.details["total"], each.details["sizes"]) for each in overview.wrong_totals([GREYSON])}
    assert found == {"A2": (6, 5), "A5": (5, 0)}
    assert overview.order_counts([GREYSON, RHONE]) == {GREYSON: 6}


def test_a_line_without_its_order_is_found(order_list: OrderList, overview: Overview) -> None:
    order_list.merge_all(order("A1"), order("A2"))
    assert overview.orphan_lines() == []
    order_list.sql("DELETE FROM ORDER_LIST_V2 WHERE order_key = 'A1'")
    assert {each.details["size"] for each in overview.orphan_lines()} == {"S", "M"}


def test_a_row_is_stuck_when_its_call_or_its_change_is_too_long_ago(order_list: OrderList, overview: Overview) -> None:
    order_list.merge_all(order("A1"), order("A2"), order("A3"))
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)

    def stuck(pending: timedelta, new: timedelta) -> list[tuple[object, object]]:
        rows = overview.stuck_rows(now - pending, now - new)
        return [(each.details["order"], each.details["size"]) for each in rows]

    order_list.sent()
    assert stuck(timedelta(), timedelta()) == []
    order_list.sql(
        "UPDATE ORDER_LIST_V2 SET sync_state = 'PENDING', updated_at = '2026-01-05 11:30:00.000000', "
        "sync_pending_at = '2026-01-05 11:00:00.000000' WHERE order_key = 'A1'"
    )
    order_list.sql(
        "UPDATE ORDER_LIST_LINES SET sync_state = 'NEW', updated_at = '2026-01-05 10:00:00.000000' WHERE size_code = 'S'"
    )
    assert stuck(2 * HOUR, 3 * HOUR) == []
    assert stuck(HOUR / 2, 3 * HOUR) == [("A1", "")]
    assert stuck(2 * HOUR, HOUR) == [("A1", "S"), ("A2", "S"), ("A3", "S")]
    assert stuck(HOUR / 2, HOUR)[-1] == ("A1", "")  # oldest first


def test_the_lines_of_a_refused_order_are_not_stuck(order_list: OrderList, overview: Overview) -> None:
    order_list.merge_all(order("A1"))
    order_list.sql("UPDATE ORDER_LIST_V2 SET sync_state = 'FAILED'")
    assert overview.stuck_rows(datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)) == []

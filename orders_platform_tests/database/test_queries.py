"""What automation, the checks, `verify`, `history` and the reports read of the order database, and the log that is trimmed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from orders_platform.database.order_store import BATCHES_A_TRANSACTION, Finding, OrderStore
from orders_platform.domain.history import CustomerGroup
from orders_platform.domain.mutations import BatchReport, MutationResult, Outcome, Traffic
from orders_platform.domain.needed_runs import CustomerSyncStatus
from orders_platform.domain.order_status import BoardStatus, OrderChange
from orders_platform.domain.orders import RowKind, RowResult, SyncRow, SyncState
from orders_platform.errors import DatabaseRefusedError, SourceDataError
from orders_platform_tests.testing.order_list import FILE, GREYSON, KEY, NAME, OrderList, batch_of, order

RHONE = "RHONE"
HOUR = timedelta(hours=1)
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def queries(order_list: OrderList) -> OrderStore:
    return order_list.store


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
    assert sync_status(order_list).rows == 5
    assert not sync_status(order_list, RHONE).is_changed
    order_list.load(*reversed(rows))
    assert not sync_status(order_list).is_changed
    order_list.load(*(row | ({"PLANNER": "someone else"} if row["AAG ORDER NUMBER"] == "A5" else {}) for row in rows))
    assert sync_status(order_list).is_changed
    assert not sync_status(order_list, RHONE).is_changed


def test_a_merge_that_ended_half_way_is_work(order_list: OrderList) -> None:
    order_list.merge(order("A1"))
    assert sync_status(order_list).need == "unfinished merge"
    order_list.merge_all()
    order_list.sent()
    assert sync_status(order_list).need == ""


def test_orders_that_were_deleted_behind_our_back_are_work(order_list: OrderList) -> None:
    order_list.merge_all(order("A1"), order("A2"))
    order_list.sent()
    order_list.sql("DELETE FROM ORDER_LIST_V2 WHERE order_key = 'A1'")
    assert sync_status(order_list).need


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
    assert order_list.merging.present() == [GREYSON, RHONE]


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

    assert asked(2) == asked(40) <= 6


@pytest.mark.sqlite
def test_a_staging_table_that_is_absent_is_not_one_that_is_empty(order_list: OrderList) -> None:
    order_list.sql('ALTER TABLE "swp_ORDER_LIST_V2" RENAME TO elsewhere')
    for read in (order_list.merging.sync_statuses, order_list.merging.present):
        with pytest.raises((SourceDataError, DatabaseRefusedError), match="swp_ORDER_LIST_V2"):
            read()


# --- checks


def test_orders_that_share_an_order_number_only_are_two_orders(order_list: OrderList, queries: OrderStore) -> None:
    order_list.merge_all(order("A1"), order("A1", PO_NUMBER="another"))
    assert queries.duplicates([GREYSON]) == []
    order_list.sql("UPDATE ORDER_LIST_V2 SET \"PO NUMBER\" = 'same'")
    assert queries.duplicates([GREYSON]) == [Finding(GREYSON, {"what": "order key", "shared": "A1", "rows": 2})]
    assert queries.duplicates([RHONE]) == []


def test_keys_that_differ_in_how_a_letter_is_written_are_one(order_list: OrderList, queries: OrderStore) -> None:
    order_list.merge_all(order("\u00c91", PO_NUMBER="7"), order("A2", PO_NUMBER="7"))
    assert queries.duplicates([GREYSON]) == []
    order_list.sql("UPDATE ORDER_LIST_V2 SET \"AAG ORDER NUMBER\" = '\u00e91' WHERE \"AAG ORDER NUMBER\" = 'A2'")
    ((what, rows),) = [(each.details["what"], each.details["rows"]) for each in queries.duplicates([GREYSON])]
    assert (what, rows) == ("order key", 2)


@pytest.mark.sqlite
@pytest.mark.parametrize("type_", ["integer", "decimal(18, 2)"])
def test_order_numbers_that_are_numbers_are_compared_too(order_list: OrderList, type_: str) -> None:
    def of_numbers(document: dict[str, Any]) -> None:
        document["order_list"][KEY] = type_
        document["tables"] |= {"staging": "numbers_list", "orders": "numbers_orders"}

    numbers = order_list.configured(of_numbers)
    numbers.store.schema.apply()
    numbers.merge(order("1001"), order("1002"), order("1001", PO_NUMBER="another"))
    assert numbers.store.duplicates([GREYSON]) == []
    numbers.sql("UPDATE numbers_orders SET \"PO NUMBER\" = 'same'")
    assert numbers.store.duplicates([GREYSON]) == [Finding(GREYSON, {"what": "order key", "shared": "1001", "rows": 2})]


@pytest.mark.sqlite
@pytest.mark.parametrize("column", ["removed_at = '2026-01-01 00:00:00'", "order_key = NULL"])
def test_a_number_that_is_no_text_counts_only_while_its_order_is_in_the_load(
    order_list: OrderList, queries: OrderStore, column: str
) -> None:
    order_list.merge_all(order("A1"), order("A2"))
    order_list.sql(f"UPDATE ORDER_LIST_V2 SET \"AAG ORDER NUMBER\" = x'ff', {column} WHERE order_key = 'A2'")
    assert queries.duplicates([GREYSON]) == []


def test_an_item_or_subitem_that_two_rows_have_as_their_own_is_found(order_list: OrderList, queries: OrderStore) -> None:
    order_list.merge_all(order("A1"), order("A2"))
    order_list.sent()
    assert queries.duplicates([GREYSON]) == []
    order_list.sql("UPDATE ORDER_LIST_V2 SET monday_item_id = 7")
    order_list.sql("UPDATE ORDER_LIST_LINES SET monday_subitem_id = 9 WHERE size_code = 'S'")
    assert {(each.details["shared"], each.details["rows"]) for each in queries.duplicates([GREYSON])} == {("7", 2), ("9", 2)}


def test_a_total_that_is_not_the_sum_of_its_sizes_is_found(order_list: OrderList, queries: OrderStore) -> None:
    order_list.merge_all(
        order("A1"), order("A2", TOTAL_QTY=6), order("A3", TOTAL_QTY=6, ORDER_TYPE="CANCELLED"), order("A4", TOTAL_QTY=None),
        order("A5", S=None, M=None), order("A6", S=None, M=None, TOTAL_QTY=0),
    )  # fmt: skip
    found = {each.details["order"]: (each.details["total"], each.details["sizes"]) for each in queries.wrong_totals([GREYSON])}
    assert found == {"A2": (6, 5), "A5": (5, 0)}
    assert queries.wrong_totals_shares([GREYSON, RHONE]) == {GREYSON: len(found) / 6}


def test_a_line_without_its_order_is_found(order_list: OrderList, queries: OrderStore) -> None:
    order_list.merge_all(order("A1"), order("A2"))
    assert queries.lines_without_order() == []
    order_list.sql("DELETE FROM ORDER_LIST_V2 WHERE order_key = 'A1'")
    assert {each.details["size"] for each in queries.lines_without_order()} == {"S", "M"}


def test_a_row_is_stuck_when_its_call_or_its_change_is_too_long_ago(order_list: OrderList, queries: OrderStore) -> None:
    order_list.merge_all(order("A1"), order("A2"), order("A3"))

    def stuck(pending: timedelta, new: timedelta) -> list[tuple[object, object]]:
        rows = queries.stuck_rows(NOW - pending, NOW - new)
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


def test_the_lines_of_a_refused_order_are_not_stuck(order_list: OrderList, queries: OrderStore) -> None:
    order_list.merge_all(order("A1"))
    order_list.sql("UPDATE ORDER_LIST_V2 SET sync_state = 'FAILED'")
    assert queries.stuck_rows(datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)) == []


# --- verify, history, reports


def sent(order_list: OrderList, rows: list[SyncRow], first_id: int, key: str, run_id: str, now: datetime) -> None:
    """Rows that a batch carried to the board, as the engine records them."""
    batch = batch_of(rows, key)
    found = {row.ref: MutationResult(Outcome.DONE, str(first_id + n)) for n, row in enumerate(rows)}
    report = BatchReport(batch, found, f"request of {key}", calls=1, mutations_sent=1, complexity=5_000, seconds=1.5)
    intended = order_list.store.record_intents(rows, batch, run_id, now, GREYSON)
    results = [RowResult(row, SyncState.SYNCED, first_id + n) for n, row in enumerate(intended)]
    order_list.store.record_results(results, run_id, now, GREYSON, report)


@pytest.fixture
def shown(order_list: OrderList) -> OrderList:
    """Two orders with two lines each: both sent in one run, the lines of the first in the next."""
    order_list.merge_all(order("GRE-1"), order("GRE-2", CUSTOMER_SEASON="2026 SPRING"))
    store = order_list.store
    sent(order_list, store.orders(GREYSON, waiting=True), 71, "key-1", "run-1", NOW)
    store.record_group(GREYSON, "GREYSON 2025 FALL", "group_7")
    lines = [line for line in store.lines(GREYSON, waiting=True) if line.order_key == "GRE-1"]
    sent(order_list, lines, 91, "key-2", "run-2", NOW + DAY)
    return order_list


def test_orders_lines_and_groups_are_read_whatever_their_state(shown: OrderList) -> None:
    assert [(item.order_key, item.monday_id, item.state) for item in shown.store.orders(GREYSON)] == [
        ("GRE-1", 71, SyncState.SYNCED), ("GRE-2", 72, SyncState.SYNCED),
    ]  # fmt: skip
    assert shown.store.orders(GREYSON)[0].values["TOTAL QTY"] == 5
    assert [(line.order_key, line.size_code, line.monday_id, line.parent_id) for line in shown.store.lines(GREYSON)] == [
        ("GRE-1", "M", 91, 71), ("GRE-1", "S", 92, 71), ("GRE-2", "M", None, 72), ("GRE-2", "S", None, 72),
    ]  # fmt: skip
    groups = sorted(shown.store.groups(), key=lambda group: group.name)
    assert groups == [
        CustomerGroup(GREYSON, "GREYSON 2025 FALL", "group_7"), CustomerGroup(GREYSON, "GREYSON 2026 SPRING", None),
    ]  # fmt: skip
    assert (shown.store.orders("PELOTON"), shown.store.lines("PELOTON")) == ([], [])


def test_what_one_run_sent_is_read_alone(shown: OrderList) -> None:
    store = shown.store
    assert [len(store.orders(GREYSON, run)) for run in ("run-1", "run-2")] == [2, 0]
    assert [[line.size_code for line in store.lines(GREYSON, run)] for run in ("run-1", "run-2")] == [[], ["M", "S"]]


def test_an_order_that_left_the_load_is_read_as_such(shown: OrderList) -> None:
    shown.sql("UPDATE ORDER_LIST_V2 SET removed_at = updated_at WHERE monday_item_id = 71")
    assert [(row.monday_id, row.has_left) for row in shown.store.orders(GREYSON)] == [(71, True), (72, False)]


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize("term", ["GRE-1", "71"])
def test_a_history_tells_the_order_its_lines_and_their_documents(queries: OrderStore, term: str) -> None:
    first, *lines = queries.history(term)
    assert (first.kind, first.order_key, first.monday_id, first.run_id) == (RowKind.ITEMS, "GRE-1", 71, "run-1")
    assert [(each.batch_id, each.request_id, each.outcome_of(first.ref)) for each in first.documents] == [
        ("key-1", "request of key-1", "done")
    ]
    assert [(line.size_code, line.monday_id, [each.batch_id for each in line.documents]) for line in lines] == [
        ("M", 91, ["key-2"]), ("S", 92, ["key-2"]),
    ]  # fmt: skip


def test_a_subitem_and_an_item_that_was_replaced_are_found_by_their_ids(shown: OrderList, queries: OrderStore) -> None:
    assert [(row.kind, row.size_code) for row in queries.history("92")] == [(RowKind.SUBITEMS, "S")]
    shown.sql("UPDATE ORDER_LIST_V2 SET monday_item_id = 79 WHERE monday_item_id = 71")
    assert [row.monday_id for row in queries.history("71") if row.kind is RowKind.ITEMS] == [79]


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize("term", ["GRE", "%", "_", "[", "70", "12345678901234567890", "'"])
def test_a_history_of_something_else_is_empty(queries: OrderStore, term: str) -> None:
    assert queries.history(term) == []


def test_the_log_is_trimmed_of_what_is_older_and_of_nothing_else(shown: OrderList) -> None:
    assert shown.store.old_batches(NOW) == []
    assert shown.store.old_batches(NOW + DAY) == ["key-1"]
    assert shown.store.trim_log(NOW + DAY) == 1
    assert shown.sql("SELECT batch_id FROM ORDER_SYNC_LOG") == [("key-2",)]
    assert shown.store.trim_log(NOW + DAY) == 0


def test_a_log_of_more_documents_than_a_statement_takes_is_trimmed_whole(shown: OrderList) -> None:
    for n in range(BATCHES_A_TRANSACTION + 3):
        shown.store.log_reads("run-3", NOW - DAY, GREYSON, f"read-{n}", Traffic(calls=1))
    assert shown.store.trim_log(NOW) == BATCHES_A_TRANSACTION + 3
    assert shown.sql("SELECT count(*) FROM ORDER_SYNC_LOG") == [(2,)]


def test_a_report_says_where_orders_stand_and_what_the_last_run_brought(shown: OrderList, queries: OrderStore) -> None:
    first, second = queries.order_statuses(GREYSON)
    assert (first.order_key, first.status, first.lines, first.waiting_lines, first.quantity, first.item_id) == (
        "GRE-1", BoardStatus.ON_BOARD, 2, 0, 5, 71,
    )  # fmt: skip
    assert (second.status, second.waiting_lines, second.sent_at) == (BoardStatus.WAITING, 2, NOW.replace(tzinfo=None))
    changes = queries.last_changes(GREYSON)
    assert changes is not None
    assert (changes.run_id, changes.orders) == ("run-2", (OrderChange("GRE-1", first.item_name, first.group_name, None, 2),))
    assert queries.last_changes("PELOTON") is None


def test_a_report_names_what_was_refused_and_what_was_rejected(shown: OrderList, queries: OrderStore) -> None:
    line = next(line for line in shown.store.lines(GREYSON, waiting=True) if line.size_code == "S")
    shown.store.record_results([RowResult(line, SyncState.FAILED, None, "bad", "no")], "run-2", NOW, GREYSON)
    assert [(row.order_key, row.size_code, row.code) for row in shown.store.row_errors(GREYSON)] == [("GRE-2", "S", "bad")]
    assert {each.order_key: each.status for each in queries.order_statuses(GREYSON)}["GRE-2"] is BoardStatus.REFUSED
    shown.merge(order("GRE-1"), order("GRE-2", CUSTOMER_SEASON="2026 SPRING"), order("GRE-3", FREIGHT="x"), order(""))
    assert [(row.order_key, row.code) for row in shown.store.invalid_rows(GREYSON)] == [("", "missing_key")]
    assert [(each.order_key, each.column, each.text) for each in queries.cell_warnings(GREYSON)] == [("GRE-3", "FREIGHT", "x")]
    assert queries.cell_warnings("PELOTON") == []


def test_what_a_customer_has_is_summed_up(shown: OrderList) -> None:
    (summary,) = shown.store.summaries()
    assert (summary.orders, summary.items, summary.lines, summary.subitems, summary.groups, summary.new) == (2, 2, 4, 2, 2, 2)
    assert (summary.pending, summary.failed, summary.blocked, summary.removed) == (0, 0, 0, 0)
    assert summary.last_sent_at == (NOW + DAY).replace(tzinfo=None)
    usage = shown.store.monday_usage(NOW + DAY)
    assert (usage.calls_today, usage.rate_limited) == (1, 0)
    assert shown.sql("SELECT sync_state, action_type, count(*) FROM ORDER_LIST_LINES GROUP BY sync_state, action_type ORDER BY 1") == [
        ("NEW", "INSERT", 2), ("SYNCED", "INSERT", 2),
    ]  # fmt: skip

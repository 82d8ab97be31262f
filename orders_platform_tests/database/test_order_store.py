"""What the sync engine reads and writes: waiting rows, intents, results, the log, and what people ask about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome
from orders_platform.domain.orders import GroupNeed, RowKind, RowResult
from orders_platform.domain.states import Action, SyncState
from orders_platform.errors import DatabaseRefusedError, DatabaseUnavailableError
from orders_platform_tests.testing.order_list import GREYSON, OrderList, order

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
ITEMS, SUBITEMS = RowKind.ITEMS, RowKind.SUBITEMS
SYNCED, FAILED, PENDING, NEW = SyncState.SYNCED, SyncState.FAILED, SyncState.PENDING, SyncState.NEW


@pytest.fixture
def merged(order_list: OrderList) -> OrderList:
    """Two orders of one group and one of another, with two lines each, and a customer besides."""
    rows = [order("GRE-2"), order("GRE-1"), order("GRE-3", CUSTOMER_SEASON="2026 SPRING")]
    other = order("PEL-1", CUSTOMER_NAME="PELOTON") | {"_SOURCE_TABLE": "xP"}
    order_list.merge_all(*rows, other)
    order_list.merge_all(customer="PELOTON")
    return order_list


def refs(merged: OrderList) -> list[str]:
    return [item.ref for item in merged.store.waiting_items(GREYSON)]


def line_refs(merged: OrderList) -> list[str]:
    return [line.ref for line in merged.store.waiting_subitems(GREYSON)]


def results(merged: OrderList, kind: RowKind, *found: RowResult, report: BatchReport | None = None) -> None:
    merged.store.record_results(kind, found, "run-1", NOW, GREYSON, report)


def item_columns(merged: OrderList, *columns: str) -> list[tuple[object, ...]]:
    return [row[1:] for row in merged.orders("CUSTOMER NAME", *columns) if row[0] == GREYSON]


# --- what waits


def test_waiting_orders_come_by_group_and_key_with_their_mapped_values(merged: OrderList) -> None:
    items = merged.store.waiting_items(GREYSON)
    assert [item.order_key for item in items] == ["GRE-1", "GRE-2", "GRE-3"]
    first = items[0]
    assert (first.state, first.action, first.group_name) == (NEW, Action.INSERT, "GREYSON 2025 FALL")
    assert (first.group_id, first.monday_id) == (None, None)
    assert (first.batch_id, first.pending_at, first.name) == (None, None, "MFA22K56 ARCTIC GRE-1 PO-GRE-1")
    assert set(first.values) == set(merged.configuration.mapped_sources)
    assert (first.values["TOTAL QTY"], first.values["CUSTOMER NAME"], first.values["HS CODE"]) == (5, GREYSON, None)


def test_waiting_groups_are_named_once_with_their_number_of_orders(merged: OrderList) -> None:
    assert merged.store.waiting_groups(GREYSON) == [
        GroupNeed("GREYSON 2025 FALL", 2), GroupNeed("GREYSON 2026 SPRING", 1),
    ]  # fmt: skip
    merged.store.record_group(GREYSON, "GREYSON 2025 FALL", "group_7")
    assert [item.group_id for item in merged.store.waiting_items(GREYSON)] == ["group_7", "group_7", None]
    assert merged.store.waiting_items("PELOTON")[0].group_id is None


def test_the_time_of_the_last_group_sent_is_kept_for_each_customer(merged: OrderList) -> None:
    assert merged.store.groups_sent_at(GREYSON) is None
    merged.store.record_groups_sent(GREYSON, NOW)
    merged.store.record_groups_sent("NOBODY YET", NOW)
    assert merged.store.groups_sent_at(GREYSON) == merged.store.groups_sent_at("NOBODY YET") == NOW.replace(tzinfo=None)
    assert merged.store.groups_sent_at("PELOTON") is None


def test_waiting_lines_know_their_order_and_its_item(merged: OrderList) -> None:
    results(merged, ITEMS, RowResult(refs(merged)[0], SYNCED, 71))
    lines = merged.store.waiting_subitems(GREYSON)
    assert [(line.order_key, line.size_code, line.values["qty"], line.parent_id) for line in lines[:3]] == [
        ("GRE-1", "M", 3, 71), ("GRE-1", "S", 2, 71), ("GRE-2", "M", 3, None),
    ]  # fmt: skip
    assert (lines[0].state, lines[0].action, lines[0].sent_parent_id, lines[0].monday_id) == (NEW, Action.INSERT, None, None)


@pytest.mark.parametrize(("state", "waits"), [("NEW", True), ("PENDING", True), ("SYNCED", False), ("FAILED", False)])
def test_a_row_waits_while_it_is_new_or_its_outcome_unknown(merged: OrderList, state: str, waits: bool) -> None:
    for table in ("ORDER_LIST_V2", "ORDER_LIST_LINES"):
        merged.sql(f"UPDATE {table} SET sync_state = ?", state)
    assert bool(merged.store.waiting_items(GREYSON)) is waits
    assert bool(merged.store.waiting_subitems(GREYSON)) is waits
    assert bool(merged.store.waiting_groups(GREYSON)) is waits


def test_an_order_to_be_archived_needs_no_group(merged: OrderList) -> None:
    merged.sql("UPDATE ORDER_LIST_V2 SET action_type = 'DELETE'")
    assert merged.store.waiting_groups(GREYSON) == []
    assert {item.action for item in merged.store.waiting_items(GREYSON)} == {Action.DELETE}


# --- intents and results


@pytest.mark.parametrize("kind", [ITEMS, SUBITEMS])
def test_an_intent_is_pending_with_its_batch_and_moment(merged: OrderList, kind: RowKind) -> None:
    chosen = (refs(merged) if kind is ITEMS else line_refs(merged))[:2]
    merged.store.record_intents(kind, chosen, "batch-1", "run-1", NOW)
    waiting = merged.store.waiting_items(GREYSON) if kind is ITEMS else merged.store.waiting_subitems(GREYSON)
    assert [(row.state, row.batch_id, row.pending_at) for row in waiting[:3]] == [
        (PENDING, "batch-1", NOW.replace(tzinfo=None)), (PENDING, "batch-1", NOW.replace(tzinfo=None)), (NEW, None, None),
    ]  # fmt: skip


def test_each_result_is_recorded_on_its_own_row(merged: OrderList) -> None:
    one, two, three = refs(merged)
    merged.store.record_intents(ITEMS, [one, two, three], "batch-1", "run-1", NOW)
    results(
        merged,
        ITEMS,
        RowResult(three, PENDING),
        RowResult(one, SYNCED, 71),
        RowResult(two, FAILED, None, "label_missing", "x" * 3000, was_tried=True),
    )
    found = item_columns(merged, "order_key", "sync_state", "monday_item_id", "sync_error_code", "retry_count")
    assert found == [
        ("GRE-1", "SYNCED", 71, None, 0),
        ("GRE-2", "FAILED", None, "label_missing", 1),
        ("GRE-3", "PENDING", None, None, 0),
    ]
    assert merged.sql("SELECT max(length(sync_error_message)) FROM ORDER_LIST_V2") == [(1000,)]
    assert item_columns(merged, "sync_batch_id", "sync_pending_at") == [
        ("batch-1", None), ("batch-1", None), ("batch-1", "2026-01-05 12:00:00.000000"),
    ]  # fmt: skip
    completed = [("2026-01-05 12:00:00.000000",), (None,), (None,)]
    assert item_columns(merged, "sync_completed_at") == completed


def test_a_row_that_is_new_again_has_no_batch(merged: OrderList) -> None:
    ref = refs(merged)[0]
    merged.store.record_intents(ITEMS, [ref], "batch-1", "run-1", NOW)
    results(merged, ITEMS, RowResult(ref, NEW))
    assert item_columns(merged, "sync_state", "sync_batch_id", "sync_pending_at", "retry_count")[0] == ("NEW", None, None, 0)


def test_tries_are_counted_until_a_success(merged: OrderList) -> None:
    ref = refs(merged)[0]
    for _ in range(2):
        results(merged, ITEMS, RowResult(ref, NEW, None, "RESOURCE_LOCKED", "busy", was_tried=True))
    assert item_columns(merged, "retry_count")[0] == (2,)
    results(merged, ITEMS, RowResult(ref, SYNCED, 71))
    assert item_columns(merged, "retry_count", "sync_error_code", "sync_error_message")[0] == (0, None, None)


def test_a_subitems_parent_is_kept_when_a_result_names_none(merged: OrderList) -> None:
    ref = line_refs(merged)[0]
    results(merged, SUBITEMS, RowResult(ref, SYNCED, 91, parent_id=71))
    results(merged, SUBITEMS, RowResult(ref, SYNCED, 91))
    assert merged.sql("SELECT monday_parent_id, monday_subitem_id FROM ORDER_LIST_LINES WHERE line_uuid = ?", ref) == [(71, 91)]


def test_a_new_item_sends_its_lines_again_and_no_others(merged: OrderList) -> None:
    merged.sent()
    ref = merged.sql("SELECT record_uuid FROM ORDER_LIST_V2 WHERE order_key = 'GRE-1'")[0][0]
    merged.sql("UPDATE ORDER_LIST_LINES SET monday_parent_id = 5, sync_batch_id = 'b'")
    results(merged, ITEMS, RowResult(str(ref), SYNCED, 72, is_new_item=True))
    found = merged.sql(
        "SELECT DISTINCT CASE WHEN record_uuid = ? THEN 1 ELSE 0 END AS own, sync_state, action_type, "
        "CASE WHEN monday_subitem_id IS NULL THEN 1 ELSE 0 END, monday_parent_id, sync_batch_id "
        "FROM ORDER_LIST_LINES ORDER BY own DESC", ref,
    )  # fmt: skip
    assert found == [(1, "NEW", "INSERT", 1, None, None), (0, "SYNCED", "INSERT", 0, 5, "b")]


def test_an_archived_item_takes_its_lines_along_and_they_return_with_it(merged: OrderList) -> None:
    merged.sent()
    ref = str(merged.sql("SELECT record_uuid FROM ORDER_LIST_V2 WHERE order_key = 'GRE-1'")[0][0])
    results(merged, ITEMS, RowResult(ref, SYNCED, None, is_archived=True))
    assert merged.store.waiting_subitems(GREYSON) == []
    assert merged.sql(
        "SELECT DISTINCT monday_subitem_id, sync_state, action_type FROM ORDER_LIST_LINES WHERE record_uuid = ?", ref
    ) == [(None, "SYNCED", "DELETE")]
    merged.sql("UPDATE ORDER_LIST_V2 SET removed_at = '2026-01-01' WHERE record_uuid = ?", ref)
    merged.merge_all(order("GRE-1"), order("GRE-2"), order("GRE-3", CUSTOMER_SEASON="2026 SPRING"), order("GRE-4"))
    waiting = [line for line in merged.store.waiting_subitems(GREYSON) if line.order_ref == ref]
    assert [(line.action, line.monday_id) for line in waiting] == [(Action.INSERT, None)] * 2


def test_results_of_rows_that_are_gone_are_an_error_and_nothing_of_them_is_kept(merged: OrderList) -> None:
    one, two, three = refs(merged)
    merged.sql("DELETE FROM ORDER_LIST_V2 WHERE record_uuid = ?", two)
    with pytest.raises(DatabaseUnavailableError, match="2 items were to be recorded and the database wrote 1"):
        results(merged, ITEMS, RowResult(one, SYNCED, 71), RowResult(two, SYNCED, 72))
    with pytest.raises(DatabaseUnavailableError, match="3 items were to be recorded and the database wrote 2"):
        merged.store.record_intents(ITEMS, [one, two, three], "batch-1", "run-1", NOW)
    assert item_columns(merged, "sync_state", "monday_item_id", "sync_batch_id") == [("NEW", None, None)] * 2


def test_more_results_than_a_statement_takes_are_all_recorded(order_list: OrderList) -> None:
    order_list.merge(*(order(f"GRE-{n:03}") for n in range(230)))
    results(order_list, ITEMS, *(RowResult(ref, SYNCED, 1000 + n) for n, ref in enumerate(refs(order_list))))
    assert order_list.orders("monday_item_id") == [(1000 + n,) for n in range(230)]


def test_results_and_their_document_are_recorded_together_or_not_at_all(merged: OrderList) -> None:
    ref = refs(merged)[0]
    report = reported(ref)
    results(merged, ITEMS, RowResult(ref, SYNCED, 71), report=report)
    nameless = replace(report, batch=replace(report.batch, key=None))  # type: ignore[arg-type]  # a key is NOT NULL
    with pytest.raises(DatabaseRefusedError, match=r"(?i)NULL"):
        results(merged, ITEMS, RowResult(ref, FAILED, None, "x", "y"), report=nameless)
    assert item_columns(merged, "sync_state", "monday_item_id")[0] == ("SYNCED", 71)


def test_known_item_ids_are_those_of_orders(merged: OrderList) -> None:
    results(merged, ITEMS, RowResult(refs(merged)[0], SYNCED, 71))
    assert merged.store.known_item_ids([70, 71]) == {71}
    assert merged.store.known_item_ids([]) == set()


# --- the log


def reported(*refs: str, outcome: Outcome = Outcome.DONE) -> BatchReport:
    batch = Batch("key-1", Operation.CREATE_ITEM, tuple(Mutation(ref, {}) for ref in refs))
    found = {ref: MutationResult(outcome, "71") for ref in refs}
    return BatchReport(batch, found, 2, len(refs), 5_000, 1.23456, "r-1")


def test_a_document_is_logged_with_its_cost_and_request_id(merged: OrderList) -> None:
    merged.store.log_batch("run-1", NOW, GREYSON, reported("a", "b"))
    found = merged.sql(
        "SELECT batch_id, run_id, customer_name, operation, row_count, call_count, complexity, seconds, outcome, request_id, error_message "
        "FROM ORDER_SYNC_LOG"
    )
    assert found == [("key-1", "run-1", GREYSON, "create_item", 2, 2, 5000, 1.235, "done", "r-1", None)]


def test_a_document_of_mixed_outcome_is_logged_as_partial_with_its_refusals(merged: OrderList) -> None:
    batch = Batch("key-2", Operation.CREATE_ITEM, (Mutation("a", {}), Mutation("b", {})))
    found = {"a": MutationResult(Outcome.DONE, "1"), "b": MutationResult(Outcome.REFUSED, code="bad", message="no ∆" * 500)}
    merged.store.log_batch("run-1", NOW, GREYSON, BatchReport(batch, found, 1, 2, 0, 0.5))
    outcome, message = merged.sql("SELECT outcome, error_message FROM ORDER_SYNC_LOG")[0]
    assert outcome == "partial"
    assert str(message).startswith('{"b": "bad: no ∆')
    assert len(str(message)) == 1000


# --- looking and resetting


def test_reset_gives_failed_rows_another_try_by_customer_and_code(merged: OrderList) -> None:
    for table in ("ORDER_LIST_V2", "ORDER_LIST_LINES"):
        merged.sql(
            f"UPDATE {table} SET sync_state = 'FAILED', sync_error_code = 'a', sync_error_message = 'm', retry_count = 3"
        )
    merged.sql("UPDATE ORDER_LIST_V2 SET sync_error_code = 'b' WHERE order_key = 'GRE-1'")
    assert [(r.customer, r.order_key, r.size_code, r.code) for r in merged.store.row_errors() if r.order_key == "GRE-1"] == [
        (GREYSON, "GRE-1", "", "b"), (GREYSON, "GRE-1", "M", "a"), (GREYSON, "GRE-1", "S", "a"),
    ]  # fmt: skip
    assert merged.store.reset_failed(GREYSON, "b") == 1
    assert merged.store.reset_failed(GREYSON) == 8
    assert merged.store.reset_failed(GREYSON) == 0
    assert {reject.customer for reject in merged.store.row_errors()} == {"PELOTON"}
    assert item_columns(merged, "sync_state", "sync_error_code", "retry_count") == [("NEW", None, 0)] * 3


def test_each_customer_is_summed_up(merged: OrderList) -> None:
    results(merged, ITEMS, RowResult(refs(merged)[0], SYNCED, 71))
    merged.sql("UPDATE ORDER_LIST_V2 SET removed_at = '2026-01-01' WHERE monday_item_id = 71")
    found = [(each.customer, each.orders, each.items, each.lines, each.removed) for each in merged.store.summaries()]
    assert found == [(GREYSON, 2, 0, 4, 1), ("PELOTON", 1, 0, 2, 0)]
    assert [each.new for each in merged.store.summaries()] == [2 + 6, 1 + 2]
    assert merged.store.summaries()[0].oldest_waiting_at == datetime(2026, 1, 5)  # noqa: DTZ001 - as the database has it


def test_an_unknown_word_for_a_state_is_refused_by_the_table_itself(merged: OrderList) -> None:
    table = merged.store.schema.qualified("ORDER_LIST_V2")
    ref = refs(merged)[0]
    with pytest.raises(DatabaseRefusedError, match=r"(?i)CHECK constraint"), merged.store.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE {table} SET sync_state = 'DONE' WHERE record_uuid = ?", (ref,))

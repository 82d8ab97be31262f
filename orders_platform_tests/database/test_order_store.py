"""What the sync engine reads and writes: waiting rows, intents, results, the log, and what people ask about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orders_platform.domain.differences import DifferenceKind, difference
from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome
from orders_platform.domain.orders import Action, GroupIntent, RowKind, RowResult, SyncRow, SyncState
from orders_platform.errors import DatabaseRefusedError, RowsTakenError
from orders_platform_tests.testing.order_list import GREYSON, OrderList, batch_of, order

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


def waiting(merged: OrderList, kind: RowKind = ITEMS) -> list[SyncRow]:
    return merged.store.orders(GREYSON, waiting=True) if kind is ITEMS else merged.store.lines(GREYSON, waiting=True)


def all_orders(merged: OrderList) -> dict[str, SyncRow]:
    """By key, whatever their state."""
    return {row.order_key: row for row in merged.store.orders(GREYSON)}


def intend(merged: OrderList, rows: list[SyncRow], key: str = "batch-1", now: datetime = NOW) -> list[SyncRow]:
    """The rows as they are once their intent is committed."""
    return merged.store.record_intents(rows, batch_of(rows, key), "run-1", now, GREYSON)


def results(merged: OrderList, *found: RowResult, report: BatchReport | None = None) -> None:
    merged.store.record_results(found, "run-1", NOW, GREYSON, report)


def item_columns(merged: OrderList, *columns: str) -> list[tuple[object, ...]]:
    return [row[1:] for row in merged.orders("CUSTOMER NAME", *columns) if row[0] == GREYSON]


# --- what waits


def test_waiting_orders_come_by_group_and_key_with_their_mapped_values(merged: OrderList) -> None:
    items = merged.store.orders(GREYSON, waiting=True)
    assert [item.order_key for item in items] == ["GRE-1", "GRE-2", "GRE-3"]
    first = items[0]
    assert (first.state, first.action, first.group_name) == (NEW, Action.INSERT, "GREYSON 2025 FALL")
    assert (first.group_id, first.monday_id) == (None, None)
    assert (first.batch_id, first.pending_at, first.name) == (None, None, "MFA22K56 ARCTIC GRE-1 PO-GRE-1")
    assert set(first.values) == set(merged.configuration.mapped_sources)
    assert (first.values["TOTAL QTY"], first.values["CUSTOMER NAME"], first.values["HS CODE"]) == (5, GREYSON, None)


def test_waiting_groups_are_named_once(merged: OrderList) -> None:
    assert merged.store.waiting_groups(GREYSON) == ["GREYSON 2025 FALL", "GREYSON 2026 SPRING"]
    merged.store.record_group(GREYSON, "GREYSON 2025 FALL", "group_7")
    assert [item.group_id for item in merged.store.orders(GREYSON, waiting=True)] == ["group_7", "group_7", None]
    assert merged.store.orders("PELOTON", waiting=True)[0].group_id is None


def test_the_last_batch_of_groups_is_kept_for_each_customer(merged: OrderList) -> None:
    nothing, sent = GroupIntent(), GroupIntent("b", NOW.replace(tzinfo=None))
    assert merged.store.groups_sent(GREYSON) == nothing
    for name in (GREYSON, "NOBODY YET"):
        merged.store.record_groups_sent(name, nothing, "b", NOW)
        assert merged.store.groups_sent(name) == sent
    assert merged.store.groups_sent("PELOTON") == nothing


def test_waiting_lines_know_their_order_and_its_item(merged: OrderList) -> None:
    results(merged, RowResult(waiting(merged)[0], SYNCED, 71))
    lines = merged.store.lines(GREYSON, waiting=True)
    assert [(line.order_key, line.size_code, line.values["qty"], line.parent_id) for line in lines[:3]] == [
        ("GRE-1", "M", 3, 71), ("GRE-1", "S", 2, 71), ("GRE-2", "M", 3, None),
    ]  # fmt: skip
    assert (lines[0].state, lines[0].action, lines[0].sent_parent_id, lines[0].monday_id) == (NEW, Action.INSERT, None, None)


@pytest.mark.parametrize(("state", "waits"), [("NEW", True), ("PENDING", True), ("SYNCED", False), ("FAILED", False)])
def test_a_row_waits_while_it_is_new_or_its_outcome_unknown(merged: OrderList, state: str, waits: bool) -> None:
    for table in ("ORDER_LIST_V2", "ORDER_LIST_LINES"):
        merged.sql(f"UPDATE {table} SET sync_state = ?", state)
    assert bool(merged.store.orders(GREYSON, waiting=True)) is waits
    assert bool(merged.store.lines(GREYSON, waiting=True)) is waits
    assert bool(merged.store.waiting_groups(GREYSON)) is waits


def test_an_order_to_be_archived_needs_no_group(merged: OrderList) -> None:
    merged.sql("UPDATE ORDER_LIST_V2 SET action_type = 'DELETE'")
    assert merged.store.waiting_groups(GREYSON) == []
    assert {item.action for item in merged.store.orders(GREYSON, waiting=True)} == {Action.DELETE}


# --- intents and results


@pytest.mark.parametrize("kind", [ITEMS, SUBITEMS])
def test_an_intent_is_pending_with_its_batch_and_moment(merged: OrderList, kind: RowKind) -> None:
    now = intend(merged, waiting(merged, kind)[:2])
    found = waiting(merged, kind)[:3]
    assert [(row.state, row.batch_id, row.pending_at) for row in found] == [
        (PENDING, "batch-1", NOW.replace(tzinfo=None)), (PENDING, "batch-1", NOW.replace(tzinfo=None)), (NEW, None, None),
    ]  # fmt: skip
    assert [row._replace(pending_at=NOW.replace(tzinfo=None)) for row in now] == found[:2]


def test_each_result_is_recorded_on_its_own_row(merged: OrderList) -> None:
    one, two, three = intend(merged, waiting(merged))
    results(
        merged,
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
    (row,) = intend(merged, waiting(merged)[:1])
    results(merged, RowResult(row, NEW))
    assert item_columns(merged, "sync_state", "sync_batch_id", "sync_pending_at", "retry_count")[0] == ("NEW", None, None, 0)


def test_tries_are_counted_until_a_success(merged: OrderList) -> None:
    for _ in range(2):
        results(merged, RowResult(waiting(merged)[0], NEW, None, "RESOURCE_LOCKED", "busy", was_tried=True))
    assert item_columns(merged, "retry_count")[0] == (2,)
    results(merged, RowResult(waiting(merged)[0], SYNCED, 71))
    assert item_columns(merged, "retry_count", "sync_error_code", "sync_error_message")[0] == (0, None, None)


def test_a_subitem_remembers_the_item_it_was_sent_under(merged: OrderList) -> None:
    results(merged, RowResult(waiting(merged)[0], SYNCED, 71))
    row = waiting(merged, SUBITEMS)[0]
    results(merged, RowResult(row, SYNCED, 91))
    assert merged.sql("SELECT monday_parent_id, monday_subitem_id FROM ORDER_LIST_LINES WHERE line_uuid = ?", row.ref) == [
        (71, 91)
    ]


def test_a_new_item_sends_its_lines_again_and_no_others(merged: OrderList) -> None:
    merged.sent()
    row = all_orders(merged)["GRE-1"]
    merged.sql("UPDATE ORDER_LIST_LINES SET monday_parent_id = 5, sync_batch_id = 'b'")
    results(merged, RowResult(row, SYNCED, 72, is_new_item=True))
    found = merged.sql(
        "SELECT DISTINCT CASE WHEN record_uuid = ? THEN 1 ELSE 0 END AS own, sync_state, action_type, "
        "CASE WHEN monday_subitem_id IS NULL THEN 1 ELSE 0 END, monday_parent_id, sync_batch_id "
        "FROM ORDER_LIST_LINES ORDER BY own DESC", row.ref,
    )  # fmt: skip
    assert found == [(1, "NEW", "INSERT", 1, None, None), (0, "SYNCED", "INSERT", 0, 5, "b")]


def test_an_archived_item_takes_its_lines_along_and_they_return_with_it(merged: OrderList) -> None:
    merged.sent()
    row = all_orders(merged)["GRE-1"]
    ref = row.ref
    results(merged, RowResult(row, SYNCED, None, is_archived=True))
    assert merged.store.lines(GREYSON, waiting=True) == []
    assert merged.sql(
        "SELECT DISTINCT monday_subitem_id, sync_state, action_type FROM ORDER_LIST_LINES WHERE record_uuid = ?", ref
    ) == [(None, "SYNCED", "DELETE")]
    merged.sql("UPDATE ORDER_LIST_V2 SET removed_at = '2026-01-01' WHERE record_uuid = ?", ref)
    merged.merge_all(order("GRE-1"), order("GRE-2"), order("GRE-3", CUSTOMER_SEASON="2026 SPRING"), order("GRE-4"))
    waiting = [line for line in merged.store.lines(GREYSON, waiting=True) if line.order_ref == ref]
    assert [(line.action, line.monday_id) for line in waiting] == [(Action.INSERT, None)] * 2


def test_results_of_rows_that_are_gone_are_an_error_and_those_of_the_others_are_kept(merged: OrderList) -> None:
    one, two, three = waiting(merged)
    merged.sql("DELETE FROM ORDER_LIST_V2 WHERE record_uuid = ?", two.ref)
    with pytest.raises(RowsTakenError, match=r"deleted 1 of 3 items \(orders GRE-2\).*Nothing of this batch was sent"):
        intend(merged, [one, two, three])
    assert item_columns(merged, "sync_state", "monday_item_id", "sync_batch_id") == [("NEW", None, None)] * 2
    with pytest.raises(RowsTakenError, match=r"deleted 1 of 2 items \(orders GRE-2\).*was not recorded"):
        results(merged, RowResult(one, SYNCED, 71), RowResult(two, SYNCED, 72))
    assert item_columns(merged, "sync_state", "monday_item_id") == [("SYNCED", 71), ("NEW", None)]


# --- two runs at once


def snatched(merged: OrderList, how: str) -> None:
    """Another run does something to the second order."""
    rows = waiting(merged)
    if how == "sent":
        intend(merged, [rows[1]], "other", NOW)
    elif how == "sent again":
        intend(merged, [rows[1]], str(rows[1].batch_id), NOW + timedelta(seconds=30))
    elif how == "done":
        results(merged, RowResult(intend(merged, [rows[1]], "other", NOW)[0], SYNCED, 72))
    elif how == "adopted and done":
        results(merged, RowResult(rows[1], SYNCED, 72))
    elif how == "tried in vain":
        results(merged, RowResult(rows[1], NEW, None, "busy", "busy", was_tried=True))
    elif how == "changed":
        merged.sql("UPDATE ORDER_LIST_V2 SET merge_number = merge_number + 1 WHERE record_uuid = ?", rows[1].ref)
    else:
        merged.sql("UPDATE ORDER_LIST_V2 SET action_type = 'DELETE' WHERE record_uuid = ?", rows[1].ref)


CHANGES = ["changed", "removed from the load"]
SNATCHES = ["sent", "done", "adopted and done", "tried in vain", *CHANGES]


@pytest.mark.parametrize("how", [*SNATCHES, "sent again"])
@pytest.mark.parametrize("was_sent", [False, True])
def test_an_intent_is_only_recorded_on_rows_that_are_as_they_were_read(merged: OrderList, how: str, was_sent: bool) -> None:
    if was_sent:
        intend(merged, waiting(merged), "first", NOW - timedelta(hours=1))
    rows = waiting(merged)
    if how == "sent again" and not was_sent:
        return
    snatched(merged, how)
    before = item_columns(merged, "sync_state", "sync_batch_id", "sync_pending_at")
    with pytest.raises(RowsTakenError, match=r"1 of 3 items \(orders GRE-2\)"):
        intend(merged, rows)
    assert item_columns(merged, "sync_state", "sync_batch_id", "sync_pending_at") == before


def test_an_intent_may_be_recorded_twice_and_renewed(merged: OrderList) -> None:
    rows = waiting(merged)
    assert intend(merged, rows) == intend(merged, rows)
    renewed = intend(merged, intend(merged, rows), now=NOW + timedelta(seconds=30))
    assert {row.pending_at for row in renewed} == {NOW + timedelta(seconds=30)}


@pytest.mark.parametrize("how", ["sent", "sent again", "done", "adopted and done"])
def test_a_write_back_leaves_what_another_run_has_and_says_so(merged: OrderList, how: str) -> None:
    one, two, three = intend(merged, waiting(merged))
    merged.sql("UPDATE ORDER_LIST_LINES SET sync_state = 'SYNCED', monday_subitem_id = 9")
    snatched(merged, how)
    merged.sql("UPDATE ORDER_LIST_V2 SET sync_run_id = 'other' WHERE record_uuid = ?", two.ref)
    before = item_columns(merged, "sync_state", "monday_item_id", "sync_batch_id")[1]
    found = (RowResult(row, SYNCED, 81 + n, is_new_item=True) for n, row in enumerate((one, two, three)))
    with pytest.raises(RowsTakenError, match=r"1 of 3 items \(orders GRE-2\).*was not recorded"):
        results(merged, *found)
    shown = item_columns(merged, "sync_state", "monday_item_id", "sync_batch_id")
    assert shown == [("SYNCED", 81, "batch-1"), before, ("SYNCED", 83, "batch-1")]
    assert {row.order_key for row in waiting(merged, SUBITEMS)} == {"GRE-1", "GRE-3"}


@pytest.mark.parametrize("how", CHANGES)
@pytest.mark.parametrize("state", [SYNCED, FAILED])
def test_a_row_that_a_merge_wrote_while_it_was_sent_waits_with_its_id(merged: OrderList, how: str, state: SyncState) -> None:
    rows = intend(merged, waiting(merged))
    snatched(merged, how)
    results(merged, *(RowResult(row, state, 81 + n) for n, row in enumerate(rows)))
    found = item_columns(merged, "sync_state", "monday_item_id", "sync_batch_id", "sync_pending_at")
    assert found == [(state, 81, "batch-1", None), ("NEW", 82, None, None), (state, 83, "batch-1", None)]


def test_an_order_that_came_back_while_it_was_archived_sends_its_lines_again(merged: OrderList) -> None:
    merged.sent()
    row = all_orders(merged)["GRE-1"]
    merged.sql("UPDATE ORDER_LIST_V2 SET merge_number = merge_number + 1 WHERE record_uuid = ?", row.ref)
    results(merged, RowResult(row, SYNCED, None, is_archived=True))
    assert [(each.order_key, each.state, each.monday_id) for each in waiting(merged)] == [("GRE-1", NEW, None)]
    assert [(each.size_code, each.action, each.monday_id) for each in waiting(merged, SUBITEMS)] == [
        ("M", Action.INSERT, None), ("S", Action.INSERT, None),
    ]  # fmt: skip


def test_groups_are_only_sent_when_nobody_sent_any_since_they_were_looked_for(merged: OrderList) -> None:
    send = merged.store.record_groups_sent
    nothing = merged.store.groups_sent(GREYSON)
    first = send(GREYSON, nothing, "one", NOW)
    assert send(GREYSON, nothing, "one", NOW) == first
    with pytest.raises(RowsTakenError, match="Another run sent groups of customer 'GREYSON'"):
        send(GREYSON, nothing, "two", NOW)
    again = send(GREYSON, first, "one", NOW + timedelta(seconds=9))
    with pytest.raises(RowsTakenError):
        send(GREYSON, first, "two", NOW + timedelta(seconds=99))
    assert send(GREYSON, again, "two", NOW + timedelta(seconds=99)) == GroupIntent("two", NOW + timedelta(seconds=99))


def test_an_intent_for_groups_of_an_earlier_version_is_taken_over(merged: OrderList) -> None:
    send = merged.store.record_groups_sent
    send(GREYSON, GroupIntent(), "one", NOW)
    merged.sql("UPDATE ORDER_SYNC_CUSTOMERS SET groups_batch_id = NULL")
    send(GREYSON, merged.store.groups_sent(GREYSON), "two", NOW + timedelta(seconds=99))


def test_more_results_than_a_statement_takes_are_all_recorded(order_list: OrderList) -> None:
    order_list.merge(*(order(f"GRE-{n:03}") for n in range(230)))
    results(order_list, *(RowResult(row, SYNCED, 1000 + n) for n, row in enumerate(waiting(order_list))))
    assert order_list.orders("monday_item_id") == [(1000 + n,) for n in range(230)]


def test_results_and_their_document_are_recorded_together_or_not_at_all(merged: OrderList) -> None:
    row = waiting(merged)[0]
    report = reported(row.ref)
    results(merged, RowResult(row, SYNCED, 71), report=report)
    nameless = replace(report, batch=replace(report.batch, key=None))  # type: ignore[arg-type]  # a key is NOT NULL
    with pytest.raises(DatabaseRefusedError, match=r"(?i)NULL"):
        results(merged, RowResult(all_orders(merged)["GRE-1"], FAILED, None, "x", "y"), report=nameless)
    assert item_columns(merged, "sync_state", "monday_item_id")[0] == ("SYNCED", 71)


def test_known_ids_are_those_of_orders_and_of_lines(merged: OrderList) -> None:
    """An item and a subitem never share an id: a subitem that is answered with an item's does not have it."""
    results(merged, RowResult(waiting(merged)[0], SYNCED, 71))
    results(merged, RowResult(waiting(merged, SUBITEMS)[0], SYNCED, 72))
    assert merged.store.known_ids([70, 71, 72]) == {71, 72}
    assert merged.store.known_ids([]) == set()


# --- the log


def reported(*refs: str, outcome: Outcome = Outcome.DONE) -> BatchReport:
    batch = Batch("key-1", Operation.CREATE_ITEM, tuple(Mutation(ref, {}) for ref in refs))
    found = {ref: MutationResult(outcome, "71") for ref in refs}
    return BatchReport(batch, found, "r-1", calls=2, mutations_sent=len(refs), complexity=5_000, seconds=1.23456)


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
    merged.store.log_batch("run-1", NOW, GREYSON, BatchReport(batch, found, calls=1, mutations_sent=2, seconds=0.5))
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
    results(merged, RowResult(waiting(merged)[0], SYNCED, 71))
    merged.sql("UPDATE ORDER_LIST_V2 SET removed_at = '2026-01-01' WHERE monday_item_id = 71")
    found = [(each.customer, each.orders, each.items, each.lines, each.removed) for each in merged.store.summaries()]
    assert found == [(GREYSON, 2, 0, 4, 1), ("PELOTON", 1, 0, 2, 0)]
    assert [each.new for each in merged.store.summaries()] == [2 + 6, 1 + 2]
    assert merged.store.summaries()[0].oldest_waiting_at == datetime(2026, 1, 5)  # noqa: DTZ001 - as the database has it


def test_an_unknown_word_for_a_state_is_refused_by_the_table_itself(merged: OrderList) -> None:
    table = merged.store.schema.qualified("ORDER_LIST_V2")
    ref = waiting(merged)[0].ref
    with pytest.raises(DatabaseRefusedError, match=r"(?i)CHECK constraint"), merged.store.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE {table} SET sync_state = 'DONE' WHERE record_uuid = ?", (ref,))


def test_columns_that_somebody_emptied_are_read_as_empty_and_keep_nobody_from_the_rest(merged: OrderList) -> None:
    merged.sql(
        "UPDATE ORDER_LIST_V2 SET sync_state = 'FAILED', sync_error_code = NULL, sync_error_message = NULL, order_key = NULL, "
        "item_name = NULL, group_name = NULL WHERE order_key = 'GRE-1'"
    )
    assert ("", "", "", "") in [(row.order_key, row.size_code, row.code, row.reason) for row in merged.store.row_errors()]
    assert ("", "", "") in [(row.order_key, row.name, row.group_name) for row in merged.store.orders(GREYSON)]
    assert "" in [order.order_key for order in merged.store.order_statuses(GREYSON)]


# --- what differed on the board


def test_a_whole_comparison_replaces_what_was_known_and_any_other_only_adds_to_it(merged: OrderList) -> None:
    row = waiting(merged)[0]
    missing, doubled, different = (
        difference(kind, row) for kind in (DifferenceKind.MISSING, DifferenceKind.DUPLICATE, DifferenceKind.DIFFERENT)
    )

    def known() -> tuple[int, int]:
        (stand,) = (each for each in merged.store.summaries() if each.customer == GREYSON)
        return stand.differences, stand.missing

    steps = [
        ([missing, different], True, (2, 1)),
        ([doubled], False, (2, 1)),
        ([doubled] * 3, False, (3, 1)),  # the missing order is not forgotten
        ([missing] * 2, False, (3, 2)),
        ([different] * 5, True, (5, 0)),  # as many in all as before, and none of them missing
        ([], False, (5, 0)),
        ([], True, (0, 0)),
    ]
    for found, is_whole, expected in steps:
        merged.store.record_differences(GREYSON, found, is_whole=is_whole)
        assert known() == expected
    before = merged.dump()
    merged.store.record_differences(GREYSON, [], is_whole=True)
    assert merged.dump() == before

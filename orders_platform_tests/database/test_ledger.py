"""What `verify`, `history`, `report` and `housekeeping` read, and trimming the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orders_platform.database.ledger import BATCHES_A_PIECE, Ledger
from orders_platform.database.order_reports import OrderReports
from orders_platform.domain.history import CustomerGroup
from orders_platform.domain.mutations import Batch, BatchReport, Mutation, MutationResult, Operation, Outcome
from orders_platform.domain.order_status import BoardStatus, OrderChange
from orders_platform.domain.orders import RowKind, RowResult
from orders_platform.domain.states import Action, SyncState
from orders_platform.domain.usage import Reads
from orders_platform_tests.database.order_list import GREYSON, OrderList, order

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def sent(order_list: OrderList, kind: RowKind, ids: dict[str, int], key: str, run_id: str, now: datetime) -> None:
    """Rows that a document carried to the board, as the engine records them."""
    operation = Operation.CREATE_ITEM if kind is RowKind.ITEMS else Operation.CREATE_SUBITEM
    document = Batch(key, operation, tuple(Mutation(ref, {}) for ref in ids))
    found = {ref: MutationResult(Outcome.DONE, str(number)) for ref, number in ids.items()}
    report = BatchReport(document, found, 1, 1, 5_000, 1.5, f"request of {key}")
    order_list.store.record_intents(kind, list(ids), key, run_id, now)
    results = [RowResult(ref, SyncState.SYNCED, number) for ref, number in ids.items()]
    order_list.store.record_results(kind, results, run_id, now, GREYSON, report)


@pytest.fixture
def shown(order_list: OrderList) -> OrderList:
    """Two orders with two lines each: both sent in one run, the lines of the first in the next."""
    order_list.merge_all(order("GRE-1"), order("GRE-2", CUSTOMER_SEASON="2026 SPRING"))
    store = order_list.store
    items = {item.record_uuid: 71 + n for n, item in enumerate(store.pending_items(GREYSON))}
    sent(order_list, RowKind.ITEMS, items, "key-1", "run-1", NOW)
    store.record_group(GREYSON, "GREYSON 2025 FALL", "group_7")
    lines = {line.line_uuid: 91 + n for n, line in enumerate(store.pending_subitems(GREYSON)) if line.order_key == "GRE-1"}
    sent(order_list, RowKind.SUBITEMS, lines, "key-2", "run-2", NOW + DAY)
    return order_list


@pytest.fixture
def ledger(shown: OrderList) -> Ledger:
    return Ledger(shown.store, shown.configuration)


def test_orders_lines_and_groups_are_read_whatever_their_state(shown: OrderList, ledger: Ledger) -> None:
    assert [(item.order_key, item.item_id, item.state) for item in ledger.orders(GREYSON)] == [
        ("GRE-1", 71, SyncState.SYNCED), ("GRE-2", 72, SyncState.SYNCED),
    ]  # fmt: skip
    assert ledger.orders(GREYSON)[0].values["TOTAL QTY"] == 5
    assert [(line.order_key, line.size_code, line.subitem_id, line.item_id) for line in ledger.lines(GREYSON)] == [
        ("GRE-1", "M", 91, 71), ("GRE-1", "S", 92, 71), ("GRE-2", "M", None, 72), ("GRE-2", "S", None, 72),
    ]  # fmt: skip
    groups = sorted(ledger.groups(), key=lambda group: group.name)
    assert groups == [
        CustomerGroup(GREYSON, "GREYSON 2025 FALL", "group_7"), CustomerGroup(GREYSON, "GREYSON 2026 SPRING", None),
    ]  # fmt: skip
    assert (ledger.orders("PELOTON"), ledger.lines("PELOTON")) == ([], [])


@pytest.mark.parametrize("term", ["GRE-1", "71"])
def test_a_history_tells_the_order_its_lines_and_their_documents(ledger: Ledger, term: str) -> None:
    first, *lines = ledger.history(term)
    assert (first.kind, first.order_key, first.monday_id, first.run_id) == (RowKind.ITEMS, "GRE-1", 71, "run-1")
    assert [(each.batch_id, each.request_id, each.outcome_of(first.ref)) for each in first.documents] == [
        ("key-1", "request of key-1", "done")
    ]
    assert [(line.size_code, line.monday_id, [each.batch_id for each in line.documents]) for line in lines] == [
        ("M", 91, ["key-2"]), ("S", 92, ["key-2"]),
    ]  # fmt: skip


def test_a_subitem_and_an_item_that_was_replaced_are_found_by_their_ids(shown: OrderList, ledger: Ledger) -> None:
    assert [(row.kind, row.size_code) for row in ledger.history("92")] == [(RowKind.SUBITEMS, "S")]
    shown.sql("UPDATE ORDER_LIST_V2 SET monday_item_id = 79 WHERE monday_item_id = 71")
    assert [row.monday_id for row in ledger.history("71") if row.kind is RowKind.ITEMS] == [79]


@pytest.mark.parametrize("term", ["GRE", "%", "_", "[", "70", "12345678901234567890", "'"])
def test_a_history_of_something_else_is_empty(ledger: Ledger, term: str) -> None:
    assert ledger.history(term) == []


def test_the_log_is_trimmed_of_what_is_older_and_of_nothing_else(shown: OrderList, ledger: Ledger) -> None:
    assert ledger.old_batches(NOW) == []
    assert ledger.old_batches(NOW + DAY) == ["key-1"]
    assert ledger.trim(NOW + DAY) == 1
    assert shown.sql("SELECT batch_id FROM ORDER_SYNC_LOG") == [("key-2",)]
    assert ledger.trim(NOW + DAY) == 0


def test_a_log_of_more_documents_than_a_statement_takes_is_trimmed_whole(shown: OrderList, ledger: Ledger) -> None:
    for n in range(BATCHES_A_PIECE + 3):
        shown.store.log_reads("run-3", NOW - DAY, GREYSON, f"read-{n}", Reads(calls=1))
    assert ledger.trim(NOW) == BATCHES_A_PIECE + 3
    assert shown.sql("SELECT count(*) FROM ORDER_SYNC_LOG") == [(2,)]


def test_a_report_says_where_orders_stand_and_what_the_last_run_brought(shown: OrderList) -> None:
    reports = OrderReports(shown.store)
    first, second = reports.orders(GREYSON)
    assert (first.order_key, first.status, first.lines, first.waiting_lines, first.quantity, first.item_id) == (
        "GRE-1", BoardStatus.ON_BOARD, 2, 0, 5, 71,
    )  # fmt: skip
    assert (second.status, second.waiting_lines, second.sent_at) == (BoardStatus.WAITING, 2, NOW.replace(tzinfo=None))
    changes = reports.last_changes(GREYSON)
    assert changes is not None
    assert (changes.run_id, changes.orders) == ("run-2", (OrderChange("GRE-1", first.item_name, first.group_name, None, 2),))
    assert reports.last_changes("PELOTON") is None


def test_a_report_names_what_was_refused_and_what_was_rejected(shown: OrderList) -> None:
    reports = OrderReports(shown.store)
    line = next(line for line in shown.store.pending_subitems(GREYSON) if line.size_code == "S")
    shown.store.record_results(
        RowKind.SUBITEMS, [RowResult(line.line_uuid, SyncState.FAILED, None, "bad", "no")], "run-2", NOW, GREYSON
    )
    assert [(row.order_key, row.size_code, row.code) for row in reports.refused_lines(GREYSON)] == [("GRE-2", "S", "bad")]
    assert {each.order_key: each.status for each in reports.orders(GREYSON)}["GRE-2"] is BoardStatus.REFUSED
    shown.merge(order("GRE-1"), order("GRE-2", CUSTOMER_SEASON="2026 SPRING"), order("GRE-3", FREIGHT="x"))
    assert [(row.order_key, row.code) for row in reports.rejected(GREYSON)] == [("GRE-3", "bad_value")]


def test_what_a_customer_has_is_summed_up(shown: OrderList) -> None:
    (summary,) = shown.store.summaries()
    assert (summary.orders, summary.items, summary.lines, summary.subitems, summary.groups, summary.new) == (2, 2, 4, 2, 2, 2)
    assert (summary.pending, summary.failed, summary.blocked, summary.removed) == (0, 0, 0, 0)
    assert summary.last_sent_at == (NOW + DAY).replace(tzinfo=None)
    usage = shown.store.monday_usage(NOW + DAY)
    assert (usage.calls_today, usage.rate_limited) == (1, 0)
    assert [(each.state, each.action, each.rows) for each in shown.store.counts(RowKind.SUBITEMS)] == [
        (SyncState.NEW, Action.INSERT.value, 2), (SyncState.SYNCED, Action.INSERT.value, 2),
    ]  # fmt: skip

"""A connection that is cut loses nothing: a transaction is repeated as a whole, and a run whose lock it held sends nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy
from pydantic import SecretStr
from sqlalchemy import event

from orders_platform.configuration import Configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.domain.orders import RowResult, SyncState
from orders_platform.errors import CustomerBusyError, RowsTakenError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.settings import default_folder
from orders_platform_tests.mssql.relay import Relay, relayed
from orders_platform_tests.testing import sql_server
from orders_platform_tests.testing.order_list import GREYSON, batch_of, order

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Cutter:
    """Cuts the relay just before the first statement that holds some words."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.words = ""
        self.cuts = 0

    def __call__(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if self.words and self.words in statement:
            self.words = ""
            self.cuts += 1
            self.relay.cut()


@pytest.fixture
def cut(configuration: Configuration, store: OrderStore) -> Iterator[tuple[OrderStore, Cutter]]:
    """A store behind a relay, on the tables of `store`; waits no real time before it repeats."""
    url = sqlalchemy.make_url(sql_server.URL)
    with relayed(str(url.host), url.port or 1433) as relay:
        behind = url.set(host="127.0.0.1", port=relay.port).render_as_string(hide_password=False)
        database = open_database(SecretStr(behind))
        database.sleep = lambda _seconds: None
        cutter = Cutter(relay)
        event.listen(database.engine, "before_cursor_execute", cutter)
        yield OrderStore(database, configuration, default_folder("sql")), cutter
        database.close()


def loaded(store: OrderStore) -> None:
    rows = [order(f"GRE-{n}") for n in range(5)]
    columns = list(rows[0])
    replace_staged_rows(store, columns, ([row[name] for name in columns] for row in rows))


@pytest.mark.parametrize(
    "words",
    ["The cells of one customer's staged rows", "INSERT INTO", "The merge of this load is done"],
)
def test_a_merge_that_is_cut_merges_every_order_once_mssql(cut: tuple[OrderStore, Cutter], words: str) -> None:
    store, cutter = cut
    loaded(store)
    merge = OrderMerge(store)
    scan = merge.scan_staging()
    cutter.words = words
    merged = merge.merge_headers(GREYSON, scan, NOW)
    assert cutter.cuts == 1
    assert (merged.rows_read, merged.created) == (5, 5)
    assert len(store.orders(GREYSON, waiting=True)) == 5


def test_a_write_back_that_is_cut_is_recorded_whole_mssql(cut: tuple[OrderStore, Cutter]) -> None:
    store, cutter = cut
    loaded(store)
    merge = OrderMerge(store)
    merge.merge_headers(GREYSON, merge.scan_staging(), NOW)
    rows = store.orders(GREYSON, waiting=True)
    cutter.words = "PENDING"
    rows = store.record_intents(rows, batch_of(rows), "run-1", NOW, GREYSON)
    cutter.words = "what came of each row"
    store.record_results([RowResult(row, SyncState.SYNCED, 71 + n) for n, row in enumerate(rows)], "run-1", NOW, GREYSON)
    assert cutter.cuts == 2
    assert store.orders(GREYSON, waiting=True) == []
    assert store.known_ids(range(60, 90)) == {71, 72, 73, 74, 75}


def test_a_lock_whose_session_is_cut_is_lost_before_the_next_request_mssql(
    cut: tuple[OrderStore, Cutter], store: OrderStore
) -> None:
    behind, cutter = cut
    loaded(behind)
    merge = OrderMerge(behind)
    merge.merge_headers(GREYSON, merge.scan_staging(), NOW)
    rows = behind.orders(GREYSON, waiting=True)
    with behind.lock(GREYSON):
        rows = behind.record_intents(rows, batch_of(rows), "run-1", NOW, GREYSON)
        with pytest.raises(CustomerBusyError, match="Another run"), store.lock(GREYSON):
            pass
        cutter.relay.cut()
        with pytest.raises(CustomerBusyError, match="The lock of customer 'GREYSON' is lost: its connection"):
            behind.record_intents(rows, batch_of(rows), "run-1", NOW, GREYSON)
    assert {row.batch_id for row in store.orders(GREYSON, waiting=True)} == {"batch-1"}


def test_of_two_runs_without_a_lock_one_gets_the_rows_mssql(configuration: Configuration, store: OrderStore) -> None:
    loaded(store)
    merge = OrderMerge(store)
    merge.merge_headers(GREYSON, merge.scan_staging(), NOW)
    rows = store.orders(GREYSON, waiting=True)
    ours = store.record_intents(rows, batch_of(rows), "run-1", NOW, GREYSON)
    with pytest.raises(RowsTakenError, match="5 of 5 items"):
        store.record_intents(rows, batch_of(rows, "batch-2"), "run-2", NOW, GREYSON)
    found = store.orders(GREYSON, waiting=True)
    renewed = store.record_intents(ours, batch_of(ours), "run-1", NOW + timedelta(seconds=9), GREYSON)
    with pytest.raises(RowsTakenError, match="5 of 5 items"):
        store.record_intents(found, batch_of(found, "batch-2"), "run-2", NOW + timedelta(seconds=99), GREYSON)
    results = [RowResult(row, SyncState.SYNCED, 71 + n) for n, row in enumerate(renewed)]
    store.record_results(results, "run-1", NOW, GREYSON)
    with pytest.raises(RowsTakenError, match="5 of 5 items"):
        store.record_results([RowResult(row, SyncState.SYNCED, 99) for row in found], "run-2", NOW, GREYSON)
    assert store.known_ids([71, 75, 99]) == {71, 75}

"""A connection that is cut in the middle of a merge or of a write-back loses nothing: the whole transaction is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy
from pydantic import SecretStr
from sqlalchemy import event

from orders_platform.configuration import Configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.domain.orders import RowKind, RowResult
from orders_platform.domain.states import SyncState
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.settings import default_folder
from orders_platform_tests.mssql.relay import Relay, relayed
from orders_platform_tests.testing import sql_server
from orders_platform_tests.testing.order_list import GREYSON, order

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
    tables = store.configuration.tables
    replace_staged_rows(
        store.database, tables.staging, tables.schema_name, columns, ([row[name] for name in columns] for row in rows)
    )


@pytest.mark.parametrize(
    "words",
    ["One value for the content", "Clean the staged rows", "Write the orders that are new", "The merge of this load is done"],
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
    assert len(store.waiting_items(GREYSON)) == 5


def test_a_write_back_that_is_cut_is_recorded_whole_mssql(cut: tuple[OrderStore, Cutter]) -> None:
    store, cutter = cut
    loaded(store)
    merge = OrderMerge(store)
    merge.merge_headers(GREYSON, merge.scan_staging(), NOW)
    refs = [item.ref for item in store.waiting_items(GREYSON)]
    cutter.words = "PENDING"
    store.record_intents(RowKind.ITEMS, refs, "batch-1", "run-1", NOW)
    cutter.words = "what came of each row"
    store.record_results(
        RowKind.ITEMS, [RowResult(ref, SyncState.SYNCED, 71 + n) for n, ref in enumerate(refs)], "run-1", NOW, GREYSON
    )
    assert cutter.cuts == 2
    assert store.waiting_items(GREYSON) == []
    assert store.known_item_ids(range(60, 90)) == {71, 72, 73, 74, 75}

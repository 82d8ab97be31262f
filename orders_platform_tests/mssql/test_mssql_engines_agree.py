"""The sample load gives the same orders, lines, rejects and plan on both engines, row by row."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from orders_platform.configuration import read_configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.demo.sample_orders import sample_orders, second_load
from orders_platform.domain.cell_codecs import plain_text
from orders_platform.domain.orders import SyncRow
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.settings import default_folder
from orders_platform_tests.testing import sql_server
from orders_platform_tests.testing.order_stores import CONFIG

FIRST, SECOND = datetime(2026, 1, 5, 12, tzinfo=UTC), datetime(2026, 1, 6, 12, tzinfo=UTC)
NOT_COMPARED = {"staged_hash", "record_uuid", "row_hash"}
"""Made by rng; made in another way, and never compared between databases."""


def merged(store: OrderStore, rows: list[dict[str, object]], now: datetime) -> list[object]:
    """Load and merge everyone; what the merges say."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    replace_staged_rows(store, columns, ([row.get(name) for name in columns] for row in rows))
    merge = OrderMerge(store)
    scan = merge.scan_staging()
    merge.record_scan(scan, now)
    said: list[object] = [sorted((name, rows.rows) for name, rows in scan.customers.items())]
    for customer in sorted(scan.customers):
        said += [
            customer,
            merge.merge_headers(customer, scan, now),
            merge.unpivot_sizes(customer),
            merge.merge_lines(customer, now),
        ]
    return said


def content(store: OrderStore, table: str) -> list[str]:
    """Every row of a table as JSON, without what is made by rng."""
    with store.database.read() as connection:
        found = connection.exec_driver_sql(f"SELECT * FROM {store.schema.qualified(table)}").mappings().all()
    rows = [{name: sql_server.plain(value) for name, value in row.items() if name not in NOT_COMPARED} for row in found]
    return sorted(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in rows)


def plan(store: OrderStore) -> list[object]:
    """What waits to be sent, with the values as the board will get them."""
    items = [item for summary in store.summaries() for item in store.orders(summary.customer, waiting=True)]
    names = {item.ref: f"{item.order_key} {item.name}" for item in items}
    lines = [line for summary in store.summaries() for line in store.lines(summary.customer, waiting=True)]
    return [
        sorted(map(repr, (_without_random_ids(item) for item in items))),
        sorted((names.get(line.order_ref, ""), line.size_code, line.values["qty"], line.action.value, line.state.value) for line in lines),
        sorted(name for summary in store.summaries() for name in store.waiting_groups(summary.customer)),
    ]  # fmt: skip


def _without_random_ids(item: SyncRow) -> SyncRow:
    values = {name: None if value is None else plain_text(value) for name, value in item.values.items()}
    return item._replace(ref="", order_ref="", values=values)


@pytest.mark.filterwarnings("default")
def test_the_same_load_gives_the_same_rows_on_both_engines_mssql(store: OrderStore, tmp_path: Path) -> None:
    with closing(open_database(SecretStr(f"sqlite:///{tmp_path / 'orders.db'}"))) as database:
        embedded = OrderStore(database, read_configuration(CONFIG, "sandbox"), default_folder("sql"))
        embedded.schema.apply()
        for rows, now in ((sample_orders(), FIRST), (second_load()[0], SECOND)):
            loads = [[dict(row) for row in rows] for _ in range(2)]
            assert merged(store, loads[0], now) == merged(embedded, loads[1], now)
            assert plan(store) == plan(embedded)
            assert store.invalid_rows() == embedded.invalid_rows() or sorted(map(repr, store.invalid_rows())) == sorted(
                map(repr, embedded.invalid_rows())
            )
            for table in ("ORDER_LIST_V2", "ORDER_LIST_REJECTS"):
                ours, theirs = content(store, table), content(embedded, table)
                assert len(ours) == len(theirs) > 0
                assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]] == []

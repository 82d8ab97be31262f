"""init-db on the tables of an earlier system: what is missing is added, what is there is adopted, nothing is created again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from orders_platform.configuration import Configuration, read_configuration
from orders_platform.database.order_store import OrderStore
from orders_platform.domain.orders import Action
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.settings import default_folder
from orders_platform_tests.testing import sql_server
from orders_platform_tests.testing.order_list import GREYSON, KEY, order
from orders_platform_tests.testing.order_stores import CONFIG

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def earlier() -> Iterator[tuple[Configuration, OrderStore]]:
    """A schema with the two tables as the earlier system left them: one order on the board, one refused, one to be sent."""
    with sql_server.schema_of_its_own() as schema, closing(sql_server.opened()) as database:
        configuration = sql_server.in_schema(read_configuration(CONFIG, "sandbox"), schema)
        business = [
            name for name, _ in OrderStore(database, configuration, default_folder("sql")).schema.definitions["staging"].columns
        ]
        start, end = business.index("UNIT OF MEASURE"), business.index("TOTAL QTY")
        kinds = dict.fromkeys(business[start + 1 : end], "INT") | {"TOTAL QTY": "SMALLINT", "EX FACTORY DATE": "DATETIME2"}
        columns = ", ".join(f"[{name}] {kinds.get(name, 'NVARCHAR(255)')}" for name in business if name != "record_uuid")
        sql_server.run(
            database,
            f"CREATE TABLE {schema}.ORDER_LIST_V2 (record_uuid UNIQUEIDENTIFIER NOT NULL DEFAULT NEWID() PRIMARY KEY, {columns}, "
            "group_name NVARCHAR(255), group_id NVARCHAR(128), item_name NVARCHAR(1000), row_hash CHAR(64), "
            "sync_state VARCHAR(10) NOT NULL DEFAULT 'NEW' CONSTRAINT CK_state "
            "CHECK (sync_state IN ('NEW', 'PENDING', 'SYNCED', 'ERROR')), "
            "last_synced_at DATETIME2, monday_item_id BIGINT, action_type VARCHAR(10), sync_attempted_at DATETIME2(7), "
            "sync_error_message NVARCHAR(1000), retry_count INT DEFAULT 0, api_status NVARCHAR(20), "
            "created_at DATETIME DEFAULT GETUTCDATE())",
        )
        for number, state, item in (("GRE-1", "SYNCED", "71"), ("GRE-2", "ERROR", "NULL"), ("GRE-3", "PENDING", "NULL")):
            sql_server.run(
                database,
                f"INSERT INTO {schema}.ORDER_LIST_V2 ([{KEY}], [CUSTOMER NAME], [PO NUMBER], [CUSTOMER STYLE], sync_state, monday_item_id) "
                f"VALUES ('{number}', 'GREYSON CLOTHIERS', 'PO-{number}', 'MFA22K56', '{state}', {item})",
            )
        yield configuration, OrderStore(database, configuration, default_folder("sql"))


def test_init_db_adopts_the_orders_and_their_items_mssql(earlier: tuple[Configuration, OrderStore]) -> None:
    configuration, store = earlier
    planned = store.schema.missing()
    assert any("DROP CONSTRAINT" in statement for statement in planned)
    assert store.schema.apply() == planned
    store = OrderStore(store.database, configuration, default_folder("sql"))
    assert store.schema.missing() == []
    table = store.schema.qualified("ORDER_LIST_V2")
    found = sql_server.run(
        store.database, f"SELECT [{KEY}], sync_state, action_type, monday_item_id FROM {table} ORDER BY [{KEY}]"
    )
    assert found == [
        ("GRE-1", "SYNCED", "UPDATE", 71),
        ("GRE-2", "FAILED", "INSERT", None),
        ("GRE-3", "FAILED", "INSERT", None),
    ]
    assert store.orders("GREYSON CLOTHIERS", waiting=True) == []


def test_an_adopted_order_with_an_item_is_updated_and_not_created_again_mssql(
    earlier: tuple[Configuration, OrderStore],
) -> None:
    configuration, store = earlier
    store.schema.apply()
    store = OrderStore(store.database, configuration, default_folder("sql"))
    rows = [order(f"GRE-{n}") for n in (1, 2, 3, 4)]
    columns = list(rows[0])
    replace_staged_rows(store, columns, ([row[name] for name in columns] for row in rows))
    merge = OrderMerge(store)
    merged = merge.merge_headers(GREYSON, merge.scan_staging(), NOW)
    assert (merged.updated, merged.created, merged.missing) == (3, 1, 0)
    items = {item.order_key: item for item in store.orders(GREYSON, waiting=True)}
    assert (items["GRE-1"].action, items["GRE-1"].monday_id) == (Action.UPDATE, 71)
    assert {key: item.monday_id for key, item in items.items() if key != "GRE-1"} == dict.fromkeys(("GRE-2", "GRE-3", "GRE-4"))

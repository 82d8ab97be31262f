"""A transaction is whole or an error, also where a driver or a trigger keeps to itself that it ended."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec

import pytest
import sqlalchemy
from pydantic import SecretStr

from orders_platform.configuration import Configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.domain.orders import RowResult, SyncRow, SyncState
from orders_platform.errors import TransactionLostError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.settings import default_folder
from orders_platform_tests.testing import sql_server
from orders_platform_tests.testing.order_list import GREYSON, batch_of, order

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
ORDERS = 230
DRIVERS = ["that of the URL", *["mssqlpython"] * (find_spec("mssql_python") is not None)]


def loaded(store: OrderStore) -> list[SyncRow]:
    """Orders that wait."""
    rows = [order(f"GRE-{n:03}") for n in range(ORDERS)]
    columns = list(rows[0])
    cells = ([row[name] for name in columns] for row in rows)
    assert replace_staged_rows(store, columns, cells) == ORDERS
    merge = OrderMerge(store)
    merge.merge_headers(GREYSON, merge.scan_staging(), NOW)
    return store.orders(GREYSON, waiting=True)


@pytest.mark.parametrize("driver", DRIVERS)
def test_results_with_nulls_in_several_statements_are_all_recorded_with_each_driver_mssql(
    configuration: Configuration, store: OrderStore, driver: str
) -> None:
    """A driver that asked for the types of the NULLs ended the transaction; what had been written before was lost."""
    rows = loaded(store)
    url = sqlalchemy.make_url(sql_server.URL)
    trusted = {"TrustServerCertificate": url.query.get("TrustServerCertificate", "no")}
    spoken = url if driver != "mssqlpython" else url.set(drivername="mssql+mssqlpython", query=trusted)
    with closing(open_database(SecretStr(spoken.render_as_string(hide_password=False)))) as database:
        other = OrderStore(database, configuration, default_folder("sql"))
        results = [
            RowResult(row, SyncState.FAILED, None, "label_missing", "a reason")
            if n % 50 == 0
            else RowResult(row, SyncState.SYNCED, n)
            for n, row in enumerate(other.record_intents(rows, batch_of(rows), "run-1", NOW, GREYSON))
        ]
        other.record_results(results, "run-1", NOW, GREYSON)
    assert store.orders(GREYSON, waiting=True) == []
    assert len(store.known_ids(range(ORDERS))) == ORDERS - 5
    assert len(store.row_errors()) == 5


def write(store: OrderStore, schema: str, *statements: str) -> None:
    """In one transaction; a name is inserted under it, anything else is run as it is."""
    numbers = ("merge_number", "sizes_number", "lines_number", "rows_read", "missing_orders", "missing_kept")
    insert = f"INSERT INTO {schema}.ORDER_SYNC_CUSTOMERS (customer_name, {', '.join(numbers)})"
    with store.database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(
                f"{insert} VALUES ('{statement}', 0, 0, 0, 0, 0, 0)" if statement.islower() else statement
            )


def test_a_transaction_that_ended_without_a_word_is_an_error_mssql(configuration: Configuration, store: OrderStore) -> None:
    schema = str(configuration.tables.schema_name)
    with pytest.raises(TransactionLostError, match="ended the transaction in its middle"):
        write(store, schema, "before", "ROLLBACK TRANSACTION", "after")
    write(store, schema, "again")
    found = sql_server.run(
        store.database, f"SELECT customer_name FROM {schema}.ORDER_SYNC_CUSTOMERS WHERE customer_name <> 'after'"
    )
    assert found == [("again",)]

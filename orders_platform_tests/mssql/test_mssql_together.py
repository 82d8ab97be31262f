"""Several customers at once: their merges are in nobody's way, and a run whose lock the server took away sends nothing more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event

from orders_platform.configuration import Configuration
from orders_platform.database.order_store import OrderStore
from orders_platform.database.server_checks import check_server
from orders_platform.errors import CustomerBusyError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.settings import default_folder
from orders_platform_tests.testing import sql_server
from orders_platform_tests.testing.order_list import GREYSON, batch_of, order

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CUSTOMERS = ("B'HOOD", "GREYSON", "RHYTHM", "TRACK SMITH")
# t-sql-compatible: what Babelfish answers otherwise than SQL Server.
BABELFISH = {"compatibility level", "capitals", "statement time-out", "lock escalation", "compile times", "documents"}


@contextmanager
def another(configuration: Configuration) -> Iterator[OrderStore]:
    """The store of another process, whose transactions are not repeated: what is lost is an error."""
    with closing(sql_server.opened()) as database:
        database.sleep = refuse
        yield OrderStore(database, configuration, default_folder("sql"))


@contextmanager
def session_of(store: OrderStore) -> Iterator[list[int]]:
    """The numbers of the sessions that a store opens, the first of which holds the customer."""
    numbers: list[int] = []

    def connected(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT @@SPID")
        numbers.append(int(cursor.fetchone()[0]))
        cursor.close()

    event.listen(store.database.engine, "connect", connected)
    yield numbers


def refuse(_seconds: float) -> None:
    raise AssertionError("a transaction was lost and would have been repeated")


def staged(store: OrderStore, rows: list[dict[str, object]]) -> None:
    columns = list(rows[0])
    replace_staged_rows(store, columns, ([row[name] for name in columns] for row in rows))


def test_four_customers_that_are_new_are_merged_at_once_mssql(configuration: Configuration, store: OrderStore) -> None:
    """Hints locked the first key of the next customer, and an empty table for all: deadlocks, and a customer after the other."""
    for load in (1, 2):
        staged(
            store, [order(f"{name}-{n}", **{"CUSTOMER NAME": name}, NOTES=f"{load}") for name in CUSTOMERS for n in range(60)]
        )
        scan = OrderMerge(store).scan_staging()
        assert set(scan.customers) == set(CUSTOMERS)

        def merged(customer: str) -> tuple[int, int, int]:
            with another(configuration) as own, own.lock(customer):
                merge = OrderMerge(own)
                headers = merge.merge_headers(customer, scan, NOW)  # noqa: B023 - of this round
                merge.unpivot_sizes(customer)
                return headers.created, headers.updated, merge.merge_lines(customer, NOW).created

        with ThreadPoolExecutor(len(CUSTOMERS)) as pool:
            found = list(pool.map(merged, CUSTOMERS))
        assert [each[:2] for each in found] == [(60, 0) if load == 1 else (0, 60)] * 4


def test_a_run_whose_session_the_server_ends_sends_nothing_more_mssql(configuration: Configuration, store: OrderStore) -> None:
    """A failover, KILL, or a firewall that forgets the connection: the lock is gone, and nobody says so."""
    staged(store, [order(f"GRE-{n}") for n in range(5)])
    merge = OrderMerge(store)
    merge.merge_headers(GREYSON, merge.scan_staging(), NOW)
    rows = store.orders(GREYSON, waiting=True)
    with another(configuration) as own, session_of(own) as sessions, own.lock(GREYSON):
        rows = own.record_intents(rows, batch_of(rows), "run-1", NOW, GREYSON)
        sql_server.run_alone(f"KILL {sessions[0]}")
        with pytest.raises(CustomerBusyError, match="The lock of customer 'GREYSON' is lost"):
            own.record_intents(rows, batch_of(rows), "run-1", NOW, GREYSON)
    with another(configuration) as own, own.lock(GREYSON):
        assert {row.batch_id for row in own.orders(GREYSON, waiting=True)} == {"batch-1"}


def test_the_checks_of_a_server_find_it_fit_mssql(store: OrderStore) -> None:
    findings = check_server(store.database)
    (is_babelfish,) = sql_server.run(store.database, "SELECT CONVERT(INT, SERVERPROPERTY('babelfish'))")[0]
    expected = {"snapshot reads"} if os.environ.get("ORDERS_TEST_MSSQL_SNAPSHOT") != "ON" else set()
    assert [
        each for each in findings if not each.is_ok and each.name not in expected | (BABELFISH if is_babelfish else set())
    ] == []
    assert all(finding.step for finding in findings if not finding.is_ok)

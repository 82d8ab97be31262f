"""A login with the rights of deploy/sql_server_rights.sql can do what the platform does; one with fewer is told which it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from orders_platform.configuration import Configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.domain.customers import CustomerRows, StagingScan
from orders_platform.errors import DatabaseRefusedError, SourceDataError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import default_folder
from orders_platform_tests.testing import sql_server

PASSWORD = "Only-for-tests-1"


@pytest.fixture
def login(configuration: Configuration, store: OrderStore) -> Iterator[OrderStore]:
    """The store as the login of the rights script sees it; the login is made by that script and lives as long as the test."""
    with sql_server.login_of_its_own(configuration, PASSWORD) as url, closing(open_database(url)) as database:
        yield OrderStore(database, configuration, default_folder("sql"))


def test_the_daily_login_has_every_right_that_is_asked_for_mssql(login: OrderStore) -> None:
    login.schema.require_daily_rights()
    assert login.schema.missing() == []
    assert OrderMerge(login).scan_staging().customers == {}


def test_a_right_that_is_missing_is_named_with_its_grant_before_anything_is_written_mssql(
    configuration: Configuration, store: OrderStore, login: OrderStore
) -> None:
    with login.database.read() as connection:
        user = connection.exec_driver_sql("SELECT USER_NAME()").scalar_one()
    lines = f"[{configuration.tables.schema_name}].[{configuration.tables.lines}]"
    sql_server.run(store.database, f"REVOKE DELETE ON OBJECT::{lines} FROM {user}")
    scan = OrderMerge(login).scan_staging()  # who only reads needs no right to write
    staged = StagingScan({"GREYSON": CustomerRows(("GREYSON",), rows=1)})
    with pytest.raises(DatabaseRefusedError, match=r"lacks 1 right\.") as caught:
        OrderMerge(login).merge_headers("GREYSON", staged, datetime.now(UTC))
    grant = f"GRANT DELETE ON OBJECT::{lines} TO [{user}];"
    assert grant in str(caught.value)
    sql_server.run(store.database, grant)
    assert OrderMerge(login).merge_headers("GREYSON", staged, datetime.now(UTC)).rows_read == len(scan.customers) == 0


def test_a_table_that_the_login_may_not_even_read_is_said_to_look_absent_mssql(
    configuration: Configuration, store: OrderStore, login: OrderStore
) -> None:
    with login.database.read() as connection:
        user = connection.exec_driver_sql("SELECT USER_NAME()").scalar_one()
    staging = f"[{configuration.tables.schema_name}].[{configuration.tables.staging}]"
    sql_server.run(store.database, f"REVOKE SELECT, INSERT, DELETE ON OBJECT::{staging} FROM {user}")
    with pytest.raises((DatabaseRefusedError, SourceDataError), match=r"GRANT SELECT ON OBJECT|looks absent"):
        OrderMerge(login).scan_staging()


def test_init_db_by_the_daily_login_is_refused_before_the_first_statement_mssql(
    configuration: Configuration, store: OrderStore, login: OrderStore
) -> None:
    sql_server.run(store.database, f"DROP VIEW {configuration.tables.schema_name}.{configuration.tables.customer_summary}")
    missing = store.schema.missing()
    with pytest.raises(DatabaseRefusedError, match=r"GRANT CREATE VIEW TO .*; GRANT ALTER ON SCHEMA::"):
        login.schema.apply()
    assert store.schema.missing() == missing
    store.schema.apply()  # the rights of the login are taken back at the end

"""Tables and views on a server: made once, mended where ours are of an earlier version, left alone where they are somebody else's."""

from __future__ import annotations

from contextlib import closing

import pytest

from orders_platform.configuration import Configuration
from orders_platform.database.order_store import OrderStore
from orders_platform.database.schema import VIEW_MARK
from orders_platform.errors import ConfigurationError, SourceDataError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import default_folder
from orders_platform_tests.testing import sql_server


def test_what_init_db_made_is_complete_mssql(store: OrderStore) -> None:
    assert store.schema.missing() == []


def test_new_tables_never_lock_as_a_whole_and_the_staging_table_keeps_no_pages_mssql(configuration: Configuration) -> None:
    """Above 5,000 locks a table would be locked with every other customer; a heap that is emptied keeps its pages."""
    with closing(sql_server.opened()) as database:
        planned = OrderStore(database, configuration, default_folder("sql")).schema.missing()
    made, never_whole = (
        {each.split()[2] for each in planned if words in each} for words in ("CREATE TABLE", "LOCK_ESCALATION = DISABLE")
    )
    staging = f"[{configuration.tables.schema_name}].[{configuration.tables.staging}]"
    assert made - never_whole == {staging}
    assert [f"ON {staging} (" in each for each in planned if "CREATE CLUSTERED INDEX" in each] == [True]


@pytest.mark.parametrize("length", ["4000", "MAX"])
def test_no_index_refuses_a_row_of_a_staging_table_that_somebody_else_made_mssql(
    configuration: Configuration, length: str
) -> None:
    staging = f"[{configuration.tables.schema_name}].[{configuration.tables.staging}]"
    with closing(sql_server.opened()) as database:
        sql_server.run(database, f"CREATE TABLE {staging} ([Customer Name] NVARCHAR({length}))")
        planned = OrderStore(database, configuration, default_folder("sql")).schema.missing()
    assert not [each for each in planned if "INDEX" in each and f"ON {staging}" in each]


def test_a_view_of_an_earlier_version_is_made_anew_mssql(configuration: Configuration, store: OrderStore) -> None:
    view = f"[{configuration.tables.schema_name}].[{configuration.tables.customer_summary}]"
    sql_server.run(store.database, f"DROP VIEW {view}")
    sql_server.run(store.database, f"CREATE VIEW {view} AS {VIEW_MARK} SELECT 1 AS one")
    assert [statement.split(" AS ")[0] for statement in store.schema.apply()] == [f"DROP VIEW {view}", f"CREATE VIEW {view}"]
    assert sql_server.run(store.database, f"SELECT order_count FROM {view}") == []
    assert store.schema.missing() == []


def test_a_view_that_somebody_else_made_is_left_alone_mssql(configuration: Configuration, store: OrderStore) -> None:
    view = f"[{configuration.tables.schema_name}].[{configuration.tables.customer_summary}]"
    sql_server.run(store.database, f"DROP VIEW {view}")
    sql_server.run(store.database, f"CREATE VIEW {view} AS SELECT 1 AS one")
    with pytest.raises(ConfigurationError, match=r"did not make.* customer_summary in \[tables\]"):
        store.schema.apply()
    assert sql_server.run(store.database, f"SELECT one FROM {view}") == [(1,)]


def test_a_staging_table_that_is_absent_is_not_one_that_is_empty_mssql(configuration: Configuration, store: OrderStore) -> None:
    sql_server.run(store.database, f"DROP TABLE [{configuration.tables.schema_name}].[{configuration.tables.staging}]")
    merge = OrderMerge(store)
    for read in (merge.sync_statuses, merge.present):
        with pytest.raises(SourceDataError, match="There is no table swp_ORDER_LIST_V2"):
            read()

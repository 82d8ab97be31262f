"""init-db makes what is missing and changes nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Integer, Numeric, create_engine, inspect

from orders_platform.configuration import Configuration
from orders_platform.database.dialects import Dialect
from orders_platform.database.engine import open_database
from orders_platform.database.mssql import MSSQL
from orders_platform.database.order_store import OrderStore
from orders_platform.database.schema import TABLES, Schema
from orders_platform.database.sqlite import SQLITE
from orders_platform.errors import SourceDataError
from orders_platform.settings import default_folder
from orders_platform_tests.testing.order_list import GREYSON, OrderList, order


def test_init_db_makes_every_table_and_index_and_the_second_time_nothing(tmp_path: Path, configuration: Configuration) -> None:
    database = open_database(SecretStr(f"sqlite:///{tmp_path / 'orders.db'}"))
    schema = Schema(database, configuration, default_folder("sql"))
    planned = schema.missing()
    assert schema.missing() == planned
    assert schema.apply() == planned
    found = OrderList(tmp_path / "orders.db", configuration, OrderStore(database, configuration, default_folder("sql")), Path())
    names = {str(name) for (name,) in found.sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names == {getattr(configuration.tables, role) for role in TABLES}
    assert len(found.sql("SELECT 1 FROM sqlite_master WHERE name LIKE 'ix_%'")) == 8
    before = found.dump()
    assert (schema.missing(), schema.apply()) == ([], [])
    assert found.dump() == before
    database.close()


def test_a_dry_run_of_init_db_makes_nothing(tmp_path: Path, configuration: Configuration) -> None:
    database = open_database(SecretStr(f"sqlite:///{tmp_path / 'orders.db'}"))
    assert len(Schema(database, configuration, default_folder("sql")).missing()) == 20
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0
    database.close()


def test_a_column_that_is_missing_is_added_and_the_rows_survive(order_list: OrderList) -> None:
    order_list.merge_all(order("GRE-1"))
    for view in ("v_customer_summary", "v_order_sync_status"):
        order_list.sql(f"DROP VIEW {view}")  # SQLite drops no column that a view names
    for table, column in (("ORDER_LIST_V2", "S+"), ("ORDER_LIST_V2", "item_name"), ("ORDER_LIST_LINES", "sync_pending_at")):
        order_list.sql(f'ALTER TABLE {table} DROP COLUMN "{column}"')
    schema = order_list.store.schema
    assert schema.apply()[:-2] == [
        'ALTER TABLE "ORDER_LIST_V2" ADD "item_name" NVARCHAR(255)', 'ALTER TABLE "ORDER_LIST_V2" ADD "S+" INT',
        'ALTER TABLE "ORDER_LIST_LINES" ADD "sync_pending_at" TEXT',
    ]  # fmt: skip
    assert schema.missing() == []
    assert order_list.orders("order_key", "S", "S+", "item_name") == [("GRE-1", 2, None, None)]
    assert order_list.merge().was_unchanged
    order_list.merge_all(order("GRE-1") | {"S+": 4})
    assert order_list.orders("S+", "item_name") == [(4, "MFA22K56 ARCTIC GRE-1 PO-GRE-1")]


@pytest.mark.sqlite
@pytest.mark.parametrize("name", ["swp_ORDER_LIST_V2", "swp_ORDER_LIST_OF_PRODUCTION"])
def test_whose_rows_the_load_holds_is_read_from_an_index_alone(order_list: OrderList, name: str) -> None:
    order_list = order_list.configured(lambda document: document["tables"].update(staging=name))
    order_list.store.schema.apply()
    order_list.merge(order("GRE-1"))
    order_list.sql(f"DROP INDEX ix_{name}_rows")  # earlier versions had another
    order_list.sql(f'CREATE INDEX ix_{name}_customer ON {name} ("CUSTOMER NAME")')
    assert [statement.split(" (")[0] for statement in order_list.store.schema.apply()] == [
        f'DROP INDEX "ix_{name}_customer"', f'CREATE INDEX "ix_{name}_rows" ON "{name}"',
    ]  # fmt: skip
    assert order_list.store.schema.missing() == []
    by_index = f"SCAN s USING COVERING INDEX ix_{name}_rows"
    for statement in ("0_scan_staging", "0_fingerprint_loads"):
        query = order_list.store.templates.render(statement, **order_list.merging.rules.context(""))
        with order_list.store.database.read() as connection:
            steps = connection.execute(type(query)(f"EXPLAIN QUERY PLAN {query.text}")).all()
        assert [step[3] for step in steps if step[3].startswith("SCAN s")][:1] == [by_index]
    assert order_list.merge(order("GRE-1")).was_unchanged


def test_an_order_table_of_an_earlier_system_keeps_its_other_columns(order_list: OrderList) -> None:
    order_list.sql("ALTER TABLE ORDER_LIST_V2 ADD COLUMN last_synced_at TEXT")
    assert order_list.store.schema.missing() == []
    order_list.merge(order("GRE-1"))
    assert order_list.orders("last_synced_at") == [(None,)]


def test_the_staging_table_belongs_to_the_load(order_list: OrderList) -> None:
    order_list.sql('ALTER TABLE "swp_ORDER_LIST_V2" DROP COLUMN "PLANNER"')
    assert order_list.store.schema.missing() == []


def test_a_missing_index_is_made_again(order_list: OrderList) -> None:
    order_list.sql("DROP INDEX ix_ORDER_LIST_LINES_state")
    assert len(order_list.store.schema.apply()) == 1
    assert order_list.store.schema.missing() == []


def test_the_sizes_of_the_order_list_are_the_245_between_the_markers(wide: OrderList) -> None:
    rules = wide.merging.rules
    assert len(rules.sizes) == len(set(rules.sizes)) == 245
    assert (rules.sizes[0], rules.sizes[-1]) == ("2T", "D/L")
    assert len(rules.business) == 410  # all but the staging table's record_uuid
    assert [column.name for column in rules.business if column.kind == "quantity"] == list(rules.sizes)


def test_the_kinds_of_columns_follow_their_types_and_the_configuration(wide: OrderList) -> None:
    kinds = {column.name: column.kind for column in wide.merging.rules.business}
    assert kinds["CUSTOMER NAME"] == "customer"
    assert kinds["ORDER TYPE"] == "order_type"
    assert kinds["EX FACTORY DATE"] == "date"
    assert kinds["TOTAL QTY"] == "whole_number"
    assert kinds["CUSTOMER PRICE"] == "number"
    assert kinds["DESIGN FEE"] == kinds["∆"] == "text"


def test_how_a_column_is_read_follows_its_kind_its_name_and_the_board(wide: OrderList) -> None:
    def kind_of(words: frozenset[str]) -> str:
        return "date" if "1900-01-01" in words else "number" if "n/a" in words else "text"

    found = {column.name: (column.reader, kind_of(column.null_words)) for column in wide.merging.rules.business}
    assert all("nan" in column.null_words for column in wide.merging.rules.business)
    assert found["AAG SEASON"] == ("text", "number")
    assert found["CATEGORY"] == ("text", "text")
    assert found["NOTES"] == ("lines", "text")
    assert found["CUSTOMER COLOUR DESCRIPTION"] == ("text", "number")  # a long text on the board, and part of the key
    assert found["DESIGN FEE"] == ("text", "number")
    assert found["TOTAL QTY"] == found["S"] == ("number", "number")
    assert found["TARIFF RELIEF DISCOUNT (20%)"] == ("percent", "number")
    assert found["EX FACTORY DATE"] == ("date", "date")


def test_a_table_that_is_absent_is_named_with_the_next_step(order_list: OrderList) -> None:
    with pytest.raises(SourceDataError, match=r"no table NOWHERE .*init-db"):
        order_list.store.schema.columns_of("NOWHERE")


def test_the_default_state_of_a_row_is_new(order_list: OrderList) -> None:
    order_list.sql("INSERT INTO ORDER_LIST_LINES (line_uuid, record_uuid, size_code, qty) VALUES ('a', 'b', 'S', 1)")
    assert order_list.sql("SELECT sync_state, retry_count FROM ORDER_LIST_LINES") == [("NEW", 0)]


@pytest.mark.parametrize("dialect", [SQLITE, MSSQL], ids=lambda dialect: dialect.name)
def test_every_word_of_the_ddl_is_a_type_of_the_dialect(dialect: Dialect) -> None:
    sizes = {"nvarchar": (5,), "code": (3,), "decimal": (10, 4)}
    assert len(dialect.types) == len(dialect.staged_types) == 9
    words = [type_(*sizes.get(name, ())) for types in (dialect.types, dialect.staged_types) for name, type_ in types.items()]
    assert all(re.fullmatch(r"[A-Z0-9]+(\((\d+(, \d+)?|MAX)\))?", word) for word in words)


def test_tables_of_other_names_work_as_well(tmp_path: Path, configuration: Configuration, narrow_sql: Path) -> None:
    document = configuration.model_dump(mode="json", by_alias=True)
    document["tables"].update(staging='st"aging: ?', orders="orders %s]", lines="lines'", customers="select", rejects="∆")
    other = Configuration.model_validate(document)
    database = open_database(SecretStr(f"sqlite:///{tmp_path / 'orders.db'}"))
    named = OrderList(tmp_path / "orders.db", other, OrderStore(database, other, narrow_sql), narrow_sql)
    named.store.schema.apply()
    assert named.store.schema.missing() == []
    headers, lines = named.merge_all(order("GRE-1"), order(""))
    assert (headers.created, headers.rejected, lines.created) == (1, 1, 2)
    assert len(named.store.lines(GREYSON, waiting=True)) == 2
    database.close()


def test_the_catalogue_says_what_sqlalchemys_inspector_would() -> None:
    types = ("INT", "bigint", "DECIMAL(18, 4)", "NVARCHAR(10)", "CHAR(36)", "TEXT", "DATE", "DATETIME", "BOOLEAN", "JSON", "BLOB", "",
             "REAL", "DOUBLE PRECISION", "UNSIGNED BIG INT", "TIMESTAMP", "POINT")  # fmt: skip
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        ours = ", ".join(f'"∆ {i}" {type_}' for i, type_ in enumerate(types))
        connection.exec_driver_sql(f'CREATE TABLE "a ]table" ({ours}, made INT AS (1) STORED)')
        theirs = inspect(connection).get_columns("a ]table", schema="main")
        assert [(column.name, column.is_numeric) for column in SQLITE.columns(connection, "a ]table", "main")] == [
            (column["name"], isinstance(column["type"], Integer | Numeric)) for column in theirs
        ]
        assert SQLITE.columns(connection, "absent", "") == []
    engine.dispose()

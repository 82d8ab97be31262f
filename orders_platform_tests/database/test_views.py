"""The views for BI tools: what they say of an order and of a customer, and that init-db makes ours and touches no other."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import sqlglot
from pydantic import SecretStr
from sqlalchemy import Inspector
from sqlalchemy.exc import NoSuchTableError
from sqlglot import exp

from orders_platform.configuration import Configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.database.schema import text_of_view
from orders_platform.domain.order_status import BoardStatus, Totals
from orders_platform.errors import ConfigurationError
from orders_platform_tests.database.test_templates import DIALECTS, templates_for
from orders_platform_tests.testing.order_list import GREYSON, OrderList, order

VIEWS = ("order_sync_status", "customer_summary")


def statuses(order_list: OrderList) -> dict[object, object]:
    return dict(order_list.sql("SELECT order_key, board_status FROM v_order_sync_status"))


def change(order_list: OrderList, table: str, number: str, changes: str) -> None:
    uuid = f"(SELECT record_uuid FROM ORDER_LIST_V2 WHERE order_key = '{number}')"
    assert order_list.sql(f"SELECT count(*) FROM {table} WHERE record_uuid = {uuid}") != [(0,)]
    order_list.sql(f"UPDATE {table} SET {changes} WHERE record_uuid = {uuid}")


@pytest.fixture
def six(order_list: OrderList) -> OrderList:
    """An order in each state: one load, sent, and then changed by hand."""
    order_list.merge_all(*(order(f"GRE-{n}") for n in range(1, 7)))
    order_list.sent()
    change(order_list, "ORDER_LIST_V2", "GRE-2", "sync_state = 'PENDING'")
    change(order_list, "ORDER_LIST_LINES", "GRE-3", "sync_state = 'NEW'")
    change(order_list, "ORDER_LIST_LINES", "GRE-4", "sync_state = 'FAILED'")
    change(order_list, "ORDER_LIST_V2", "GRE-5", "removed_at = '2026-01-06'")
    change(order_list, "ORDER_LIST_V2", "GRE-6", "removed_at = '2026-01-06', monday_item_id = NULL")
    return order_list


def test_an_order_stands_where_the_worst_of_it_stands(six: OrderList) -> None:
    assert statuses(six) == {
        "GRE-1": "on_board", "GRE-2": "waiting", "GRE-3": "waiting", "GRE-4": "refused", "GRE-5": "left_load", "GRE-6": "off_board",
    }  # fmt: skip
    assert set(statuses(six).values()) == {status.value for status in BoardStatus}


def test_a_refused_order_is_refused_whatever_its_lines_are(six: OrderList) -> None:
    change(six, "ORDER_LIST_V2", "GRE-3", "sync_state = 'FAILED'")
    assert statuses(six)["GRE-3"] == "refused"


def test_an_order_has_its_lines_and_pieces_counted_without_empty_sizes(six: OrderList) -> None:
    six.sql("UPDATE ORDER_LIST_LINES SET qty = 0 WHERE size_code = 'S'")
    columns = "line_count, line_quantity, waiting_line_count, refused_line_count, total_quantity"
    assert six.sql(f"SELECT {columns} FROM v_order_sync_status WHERE order_key = 'GRE-3'") == [(1, 3, 2, 0, 5)]


def test_a_customer_is_the_sum_of_its_orders_and_its_rejects(six: OrderList) -> None:
    six.load(*(order(f"GRE-{n}") for n in range(1, 5)), order(""))
    six.merge()
    columns = "customer_name, order_count, on_board_count, waiting_count, refused_count, left_load_count, rejected_count, line_quantity"
    assert six.sql(f"SELECT {columns} FROM v_customer_summary") == [(GREYSON, 4, 4, 2, 1, 1, 1, 20)]


def test_a_customer_of_whom_everything_is_rejected_is_a_customer_all_the_same(order_list: OrderList) -> None:
    order_list.merge(order(""))
    assert order_list.sql("SELECT customer_name, order_count, rejected_count FROM v_customer_summary") == [(GREYSON, 0, 1)]


def test_the_report_and_the_view_read_the_same(six: OrderList) -> None:
    orders = six.store.order_statuses(GREYSON)
    assert {each.order_key: each.status.value for each in orders} == statuses(six)
    total = Totals.of(GREYSON, orders)
    row = six.sql("SELECT order_count, on_board_count, waiting_count, refused_count, left_load_count FROM v_customer_summary")
    assert row == [(total.orders, total.on_board, total.waiting, total.refused, total.left_load)]


@pytest.mark.sqlite
def test_reports_of_one_customer_look_its_orders_up_and_not_everybodys(six: OrderList) -> None:
    query = six.store.templates.render("read_order_status")
    with six.store.database.read() as connection:
        steps = connection.execute(type(query)(f"EXPLAIN QUERY PLAN {query.text}"), {"customer": GREYSON}).all()
    words = [str(step[3]) for step in steps]
    assert any(re.search(r"SEARCH o USING INDEX ix_ORDER_LIST_V2_customer", line) for line in words)
    assert [line for line in words if line.startswith("SCAN")] == []


@pytest.mark.sqlite
def test_a_view_of_an_earlier_version_is_made_anew(order_list: OrderList) -> None:
    text = str(order_list.sql("SELECT sql FROM sqlite_master WHERE name = 'v_order_sync_status'")[0][0])
    order_list.sql("DROP VIEW v_order_sync_status")
    order_list.sql(text.replace(" AS item_name", "").replace("o.item_name, ", ""))
    store = order_list.store
    assert [statement.split(" AS ")[0] for statement in store.schema.apply()] == [
        'DROP VIEW "v_order_sync_status"', 'CREATE VIEW "v_order_sync_status"',
    ]  # fmt: skip
    assert order_list.sql("SELECT sql FROM sqlite_master WHERE name = 'v_order_sync_status'") == [(text,)]
    assert store.schema.missing() == []


@pytest.mark.sqlite
def test_a_view_that_somebody_else_made_is_left_alone_and_another_name_is_asked_for(order_list: OrderList) -> None:
    order_list.sql("DROP VIEW v_customer_summary")
    order_list.sql("CREATE VIEW v_customer_summary AS SELECT 1 AS one")
    with pytest.raises(ConfigurationError, match=r"v_customer_summary .* did not make.* customer_summary in \[tables\]"):
        order_list.store.schema.apply()
    assert order_list.sql("SELECT * FROM v_customer_summary") == [(1,)]
    other = order_list.configured(lambda document: document["tables"].update(customer_summary="v_ours"))
    assert len(other.store.schema.apply()) == 1
    assert order_list.sql("SELECT count(*) FROM v_ours") == [(0,)]


@pytest.mark.sqlite
def test_a_view_whose_text_the_login_may_not_see_has_none() -> None:
    """SQLAlchemy says that there is no such view, though it has just listed it: `init-db` and `doctor` ended with "a defect in sql/"."""

    def raises(name: str, schema: str | None) -> str:
        raise NoSuchTableError(f"{schema}.{name}")

    assert text_of_view(cast(Inspector, SimpleNamespace(get_view_definition=raises)), "v_order_sync_status", "dbo") is None


def test_views_of_tables_with_hostile_names_work(tmp_path: Path, configuration: Configuration, narrow_sql: Path) -> None:
    document = configuration.model_dump(mode="json", by_alias=True)
    document["tables"].update(orders="orders: %s]", lines='li"nes', order_sync_status="v :one", customer_summary="∆ %")
    other = Configuration.model_validate(document)
    database = open_database(SecretStr(f"sqlite:///{tmp_path / 'orders.db'}"))
    named = OrderList(tmp_path / "orders.db", other, OrderStore(database, other, narrow_sql), narrow_sql)
    named.store.schema.apply()
    named.merge_all(order("GRE-1"))
    assert named.sql('SELECT order_key, board_status FROM "v :one"') == [("GRE-1", "waiting")]
    assert named.sql('SELECT order_count, waiting_count FROM "∆ %"') == [(1, 1)]
    assert named.store.schema.missing() == []
    database.close()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_view_is_one_plain_select_in_both_dialects(dialect: str, view: str, configuration: Configuration) -> None:
    clause = templates_for(dialect, configuration).render(f"views/{view}")
    compiled = clause.compile(dialect=DIALECTS[dialect])
    (parsed,) = sqlglot.parse(str(compiled), read={"sqlite": "sqlite", "mssql": "tsql"}[dialect])
    assert isinstance(parsed, exp.Select)
    assert not parsed.args.get("order")  # SQL Server refuses ORDER BY in a view
    assert compiled.params == {}
    assert all(column.alias_or_name for column in parsed.selects)

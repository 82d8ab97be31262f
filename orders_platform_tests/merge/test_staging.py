"""Rows reach the staging table as they are, whatever its columns are called."""

from __future__ import annotations

import pytest

from orders_platform.database.order_store import OrderStore
from orders_platform.errors import DatabaseRefusedError
from orders_platform.merge.staging import replace_staged_rows
from orders_platform_tests.testing.order_list import KEY, OrderList, order


def staged(order_list: OrderList) -> list[object]:
    return [key for (key,) in order_list.sql(f'SELECT "{KEY}" FROM "swp_ORDER_LIST_V2"')]


def test_a_load_replaces_the_rows_before_it_and_append_adds_to_them(order_list: OrderList) -> None:
    assert order_list.load(order("1"), order("2")) == 2
    assert order_list.load(order("3")) == 1
    assert staged(order_list) == ["3"]
    assert order_list.load(order("4"), append=True) == 1
    assert staged(order_list) == ["3", "4"]


def test_more_rows_than_a_batch_are_all_inserted(order_list: OrderList) -> None:
    assert order_list.load(*({KEY: str(n)} for n in range(2_345))) == 2_345
    assert sorted(map(int, map(str, staged(order_list)))) == list(range(2_345))


def test_a_load_that_fails_half_way_leaves_the_rows_before_it(order_list: OrderList) -> None:
    order_list.load(order("1"))

    def rows() -> object:
        yield from ((str(n),) for n in range(1_500))
        raise KeyError

    with pytest.raises(KeyError):
        replace_staged_rows(order_list.store, [KEY], rows())  # type: ignore[arg-type]
    assert staged(order_list) == ["1"]


def test_a_column_that_the_table_lacks_is_refused_and_the_rows_before_stay(order_list: OrderList) -> None:
    order_list.load(order("1"))
    with pytest.raises(DatabaseRefusedError, match=r"(?i)column.*NOWHERE"):
        order_list.load({"NOWHERE": 1})
    assert staged(order_list) == ["1"]


HOSTILE = [
    "∆",
    "CUSTOMER'S COLOUR",
    "ADDITIONAL TARIFF %",
    "DROP",
    "30/32",
    "S+",
    "]",
    '"',
    ":name",
    "?",
    "%(x)s",
    "c0",
    " ",
    "a.b",
    "--",
    ";",
]


@pytest.mark.sqlite
def test_columns_may_be_called_anything(order_list: OrderList) -> None:
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in HOSTILE)
    order_list.sql(f"CREATE TABLE hostile ({columns})")
    cells = [f"cell of {name}" for name in HOSTILE]
    tables = order_list.configuration.tables.model_copy(update={"staging": "hostile"})
    configuration = order_list.configuration.model_copy(update={"tables": tables})
    store = OrderStore(order_list.store.database, configuration, order_list.sql_folder)
    assert replace_staged_rows(store, HOSTILE, [cells]) == 1
    assert order_list.sql("SELECT * FROM hostile") == [tuple(cells)]

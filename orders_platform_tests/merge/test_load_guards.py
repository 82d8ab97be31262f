"""A load that cannot be read safely is refused before anything is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orders_platform.database.order_store import OrderStore
from orders_platform.domain.customers import CustomerRows, StagingScan
from orders_platform.errors import SourceDataError
from orders_platform_tests.testing.order_list import GREYSON, KEY, OrderList, order

STAGING = "swp_ORDER_LIST_V2"


def restaged(order_list: OrderList, columns: list[str]) -> OrderList:
    """The staging table anew with these columns, as a load that recreates it makes it."""
    order_list.sql(f"DROP TABLE {STAGING}")
    order_list.sql(f"CREATE TABLE {STAGING} ({', '.join(chr(34) + column + chr(34) for column in columns)})")
    return reopened(order_list)


def reopened(order_list: OrderList) -> OrderList:
    """As a process sees it that starts now."""
    return replace(order_list, store=OrderStore(order_list.store.database, order_list.configuration, order_list.sql_folder))


def columns_of(order_list: OrderList) -> list[str]:
    return [column.name for column in order_list.store.schema.columns_of(STAGING)]


def refused(order_list: OrderList, columns: list[str], words: str) -> None:
    order_list.merge(order("GRE-1"))
    before = order_list.dump()
    order_list = restaged(order_list, columns)
    with pytest.raises(SourceDataError, match=words):
        order_list.merging.merge_headers(
            GREYSON, StagingScan({GREYSON: CustomerRows(spellings=(GREYSON,), rows=1)}), next(order_list.clock)
        )
    with pytest.raises(SourceDataError):
        order_list.merging.scan_staging()
    kept = [line for line in before if STAGING not in line]
    assert [line for line in order_list.dump() if STAGING not in line] == kept


@pytest.mark.parametrize("marker", ["UNIT OF MEASURE", "TOTAL QTY"])
def test_a_load_without_a_size_marker_is_refused(order_list: OrderList, marker: str) -> None:
    columns = [column for column in columns_of(order_list) if column != marker]
    refused(order_list, columns, f"'{marker}'")


def test_a_load_with_its_markers_in_the_wrong_order_is_refused(order_list: OrderList) -> None:
    swap = {"UNIT OF MEASURE": "TOTAL QTY", "TOTAL QTY": "UNIT OF MEASURE"}
    refused(order_list, [swap.get(column, column) for column in columns_of(order_list)], r"'TOTAL QTY' \(column \d+\) before")


def test_a_load_whose_later_columns_stand_among_the_sizes_is_refused(order_list: OrderList) -> None:
    columns = [column for column in columns_of(order_list) if column != "TOTAL QTY"]
    refused(order_list, [*columns, "TOTAL QTY"], r"of them are no sizes: 'DESTINATION'")


def test_a_load_without_any_size_is_refused(order_list: OrderList) -> None:
    columns = columns_of(order_list)
    start, end = columns.index("UNIT OF MEASURE"), columns.index("TOTAL QTY")
    refused(order_list, [*columns[: start + 1], *columns[end:]], "there are no sizes")


def test_a_load_with_too_many_sizes_is_refused(order_list: OrderList) -> None:
    columns = columns_of(order_list)
    at = columns.index("TOTAL QTY")
    refused(order_list, [*columns[:at], *(f"X{i}" for i in range(300)), *columns[at:]], "more than .* max_sizes = 300")


def test_a_size_that_the_order_table_lacks_is_refused_so_that_no_quantity_is_lost(order_list: OrderList) -> None:
    columns = columns_of(order_list)
    at = columns.index("TOTAL QTY")
    refused(order_list, [*columns[:at], "SHOE 42", *columns[at:]], "no column for 1 staged size: 'SHOE 42'")


def test_a_size_that_is_text_in_the_order_table_is_refused(order_list: OrderList) -> None:
    order_list.sql('ALTER TABLE ORDER_LIST_V2 ADD COLUMN "SHOE 42" NVARCHAR(10)')
    columns = columns_of(order_list)
    at = columns.index("TOTAL QTY")
    refused(order_list, [*columns[:at], "SHOE 42", *columns[at:]], "1 size column is not numeric in ORDER_LIST_V2: 'SHOE 42'")


@pytest.mark.parametrize(
    ("column", "place"),
    [("PLANNED DELIVERY METHOD", r"\[keys\]"), ("NOTES", r"\[items\] columns"), ("_SOURCE_TABLE", r"\[columns\]"),
     ("CUSTOMER SEASON", r"\[names\]"), (KEY, r"\[keys\]")],
)  # fmt: skip
def test_a_load_without_a_configured_column_is_refused_naming_where_it_is_configured(
    order_list: OrderList, column: str, place: str
) -> None:
    columns = [name for name in columns_of(order_list) if name != column]
    refused(order_list, columns, f"{place} names '{column}'")


def test_a_missing_staging_table_is_refused_with_the_next_step(order_list: OrderList) -> None:
    order_list.sql(f"DROP TABLE {STAGING}")
    merging = reopened(order_list).merging
    with pytest.raises(SourceDataError, match=r"no table swp_ORDER_LIST_V2 .* Run `orders-platform init-db`"):
        merging.scan_staging()


def test_columns_are_matched_by_name_whatever_their_order(order_list: OrderList) -> None:
    columns = columns_of(order_list)
    start, end = columns.index("UNIT OF MEASURE"), columns.index("TOTAL QTY")
    shuffled = [
        *columns[end + 1 :][::-1],
        "UNIT OF MEASURE",
        *columns[start + 1 : end][::-1],
        "TOTAL QTY",
        *columns[:start][::-1],
    ]
    order_list = restaged(order_list, shuffled)
    row = order("GRE-1", NOTES="rush") | {"30/32": "4", "∆": "delta", "TOTAL QTY": "9"}
    order_list.merge_all(row)
    assert order_list.orders("NOTES", "∆", "TOTAL QTY", "30/32", "S") == [("rush", "delta", 9, 4, 2)]
    assert order_list.lines() == {("GRE-1", "S"): 2, ("GRE-1", "M"): 3, ("GRE-1", "30/32"): 4}


def test_a_new_size_is_a_line_once_the_order_table_has_it(order_list: OrderList) -> None:
    columns = columns_of(order_list)
    at = columns.index("TOTAL QTY")
    order_list.sql('ALTER TABLE ORDER_LIST_V2 ADD COLUMN "SHOE 42" INT')
    order_list = restaged(order_list, [*columns[:at], "SHOE 42", *columns[at:]])
    order_list.merge_all(order("GRE-1") | {"SHOE 42": "7.0"})
    assert order_list.lines()["GRE-1", "SHOE 42"] == 7


def test_a_column_that_only_one_table_has_is_left_alone(order_list: OrderList, tmp_path: Path) -> None:
    order_list = restaged(order_list, [*columns_of(order_list), "A REMARK OF THE LOAD"])
    assert order_list.merge(order("GRE-1") | {"A REMARK OF THE LOAD": "x"}).created == 1

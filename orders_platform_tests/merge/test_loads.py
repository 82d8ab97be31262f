"""Files become one load: all of them or none, and what they lack stays as the orders have it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import FileOptions
from orders_platform.merge.loads import Load, Loads, look_into
from orders_platform_tests.testing.order_list import FILE, GREYSON, KEY, NAME, OrderList, Row, order

NOW = datetime(2026, 1, 5, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def written(path: Path, *rows: Row, without: Sequence[str] = (FILE,)) -> Path:
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in without]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *([row.get(name, "") for name in names] for row in rows)])
    return path


def read(order_list: OrderList, folder: Path, *files: Path, **options: bool) -> Load:
    return Loads(order_list.store).read(files, FileOptions(**options), folder)  # type: ignore[arg-type]


def staged(order_list: OrderList, *columns: str) -> list[tuple[object, ...]]:
    names = ", ".join(f'"{column}"' for column in columns)
    return sorted(order_list.sql(f'SELECT {names} FROM "swp_ORDER_LIST_V2"'), key=str)


def merged(order_list: OrderList, *columns: str) -> list[tuple[object, ...]]:
    order_list.merging.merge_headers(GREYSON, order_list.merging.scan_staging(), next(order_list.clock))
    order_list.merging.unpivot_sizes(GREYSON)
    order_list.merging.merge_lines(GREYSON, next(order_list.clock))
    return order_list.orders(*columns)


def orders(count: int, **cells: object) -> list[Row]:
    return [order(f"GRE-{number}", **cells) for number in range(count)]


def test_several_files_are_one_load_and_each_leaves_a_row(order_list: OrderList, tmp_path: Path) -> None:
    order_list.load(order("OLD"))
    first, second = written(tmp_path / "a.csv", *orders(2)), written(tmp_path / "b.csv", order("GRE-9", NOTES="rush"))
    loads = Loads(order_list.store)
    assert loads.stage([read(order_list, tmp_path, first, second)], NOW) == 3
    assert staged(order_list, KEY, FILE, "NOTES") == [("GRE-0", "a", None), ("GRE-1", "a", None), ("GRE-9", "b", "rush")]
    rows = order_list.sql("SELECT file_name, sheet_count, row_count, outcome, reason FROM ORDER_LOADS ORDER BY file_name")
    assert rows == [("a.csv", 1, 2, "loaded", None), ("b.csv", 1, 1, "loaded", None)]
    assert set(loads.latest()) == {"a.csv", "b.csv"}


def test_one_file_that_is_refused_keeps_all_of_them_out_and_each_is_named(order_list: OrderList, tmp_path: Path) -> None:
    good = written(tmp_path / "good.csv", *orders(2))
    bad = [written(tmp_path / f"{name}.csv", {KEY: "GRE-1", name: "x"}) for name in ("SHOE", "BOOT")]
    with pytest.raises(SourceDataError) as refused:
        read(order_list, tmp_path, good, *bad)
    assert [line.split(": ")[0] for line in str(refused.value).splitlines()] == [str(path) for path in bad]


def test_a_load_that_fails_half_way_leaves_the_table_as_it_was(order_list: OrderList, tmp_path: Path) -> None:
    order_list.load(order("OLD"))
    before = order_list.dump()
    path = written(tmp_path / "a.csv", *orders(5))
    load = read(order_list, tmp_path, path)
    path.write_bytes(path.read_bytes() + b'"never closed')
    with pytest.raises(SourceDataError, match="unexpected end"):
        Loads(order_list.store).stage([load], NOW)
    assert order_list.dump() == before


def test_a_load_that_is_interrupted_leaves_the_table_as_it_was(order_list: OrderList, tmp_path: Path) -> None:
    order_list.load(order("OLD"))
    before = order_list.dump()

    def interrupt(words: str, _done: int) -> None:
        if words == "rows staged":
            raise KeyboardInterrupt

    loads = Loads(order_list.store, interrupt)
    with pytest.raises(KeyboardInterrupt):
        loads.stage([loads.read([written(tmp_path / "a.csv", *orders(5))], FileOptions(), tmp_path)], NOW)
    assert order_list.dump() == before


def test_a_file_that_changed_since_it_was_checked_is_not_loaded(order_list: OrderList, tmp_path: Path) -> None:
    order_list.load(order("OLD"))
    path = written(tmp_path / "a.csv", *orders(5))
    load = read(order_list, tmp_path, path)
    written(path, *orders(6))
    before = order_list.dump()
    with pytest.raises(SourceDataError, match="was changed while it was read"):
        Loads(order_list.store).stage([load], NOW)
    assert order_list.dump() == before


def test_a_file_that_is_named_twice_is_loaded_once(order_list: OrderList, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", *orders(2))
    assert Loads(order_list.store).stage([read(order_list, tmp_path, path, path)], NOW) == 2


def test_what_a_load_replaces_is_known_before(order_list: OrderList, tmp_path: Path) -> None:
    order_list.load(*orders(4), order("JOO-1") | {NAME: "JOHNNIE O", FILE: "xJOHNNIE"}, order("") | {NAME: ""})
    loads = Loads(order_list.store)
    said = loads.replaced(read(order_list, tmp_path, written(tmp_path / "a.csv", *orders(2))))
    assert (said.rows, said.customers, said.files, said.dropped, said.is_halved) == (6, 2, 2, ("JOHNNIE O",), True)
    assert said.needs_consent
    same = loads.replaced(read(order_list, tmp_path, written(tmp_path / "b.csv", *orders(5), order("J") | {NAME: "johnnie o"})))
    assert (same.dropped, same.needs_consent) == ((), False)


def test_a_file_may_take_the_place_of_its_own_rows_only(order_list: OrderList, tmp_path: Path) -> None:
    loads = Loads(order_list.store)
    path, other = written(tmp_path / "a.csv", *orders(2)), written(tmp_path / "b.csv", order("GRE-9"))
    loads.stage([read(order_list, tmp_path, path, other)], NOW)
    before = loads.latest()["a.csv"]
    written(path, order("GRE-1"))
    folder = look_into(tmp_path, loads.latest(), LATER, {})
    assert folder.waiting.keys() == {path}
    loads.stage([read(order_list, tmp_path, path)], NOW + timedelta(minutes=1), folder=folder)
    assert staged(order_list, KEY, FILE) == [("GRE-1", "a"), ("GRE-9", "b")]
    assert loads.latest()["a.csv"] != before


# --- columns that the files lack


def test_a_load_without_columns_that_its_orders_have_is_refused(order_list: OrderList, tmp_path: Path) -> None:
    rows = orders(4, NOTES="rush", EX_FACTORY_DATE="2026-03-01")
    order_list.merge(*rows)
    path = written(tmp_path / "a.csv", *rows, without=("EX FACTORY DATE", "M"))
    with pytest.raises(SourceDataError, match=r"lacks 2 columns .* M \(4 orders have it\), EX FACTORY DATE \(4") as refused:
        read(order_list, tmp_path, path)
    assert "--accept-missing" in str(refused.value)


def test_columns_that_a_load_lacks_stay_as_its_orders_have_them(order_list: OrderList, tmp_path: Path) -> None:
    rows = orders(4, NOTES="rush", EX_FACTORY_DATE="2026-03-01", CUSTOMER_PRICE=12.5)
    order_list.merge_all(*rows)
    shown = (KEY, "NOTES", "EX FACTORY DATE", "CUSTOMER PRICE", "TOTAL QTY", "row_hash")
    before, lines = order_list.orders(*shown), order_list.lines()
    lacks = ("EX FACTORY DATE", "M", "CUSTOMER PRICE")
    path = written(tmp_path / "a.csv", *rows, order("GRE-NEW"), without=lacks)
    load = read(order_list, tmp_path, path, accept_missing=True)
    assert load.missing == {"EX FACTORY DATE": 4, "M": 4, "CUSTOMER PRICE": 4}
    Loads(order_list.store).stage([load], NOW)
    after = merged(order_list, *shown)
    assert [row for row in after if row[0] != "GRE-NEW"] == before
    assert [row[2:4] for row in after if row[0] == "GRE-NEW"] == [(None, None)]
    assert {key: quantity for key, quantity in order_list.lines().items() if not str(key[0]).startswith("GRE-NEW")} == lines


def test_a_blank_cell_of_a_column_that_is_there_is_blank(order_list: OrderList, tmp_path: Path) -> None:
    order_list.merge(*orders(4, NOTES="rush"))
    rows = [row | ({"NOTES": "rush"} if number else {}) for number, row in enumerate(orders(4))]
    Loads(order_list.store).stage([read(order_list, tmp_path, written(tmp_path / "a.csv", *rows))], NOW)
    assert merged(order_list, KEY, "NOTES")[0] == ("GRE-0", None)


def test_each_sheet_keeps_only_what_it_lacks_itself(order_list: OrderList, tmp_path: Path) -> None:
    order_list.merge(*orders(2, NOTES="rush"))
    lacks = written(tmp_path / "a.csv", order("GRE-0"))
    blank = written(tmp_path / "b.csv", order("GRE-1"), order("GRE-2", NOTES="new"))
    Loads(order_list.store).stage([read(order_list, tmp_path, lacks, blank, accept_missing=True)], NOW)
    assert merged(order_list, KEY, "NOTES") == [("GRE-0", "rush"), ("GRE-1", None), ("GRE-2", "new")]


def test_of_two_orders_with_a_number_each_keeps_its_own(order_list: OrderList, tmp_path: Path) -> None:
    rows = [order("GRE-0", CUSTOMER_STYLE=style, NOTES=f"of {style}") for style in ("A", "B")]
    order_list.merge(*rows)
    path = written(tmp_path / "a.csv", *rows, without=("NOTES",))
    Loads(order_list.store).stage([read(order_list, tmp_path, path, accept_missing=True)], NOW)
    assert sorted(merged(order_list, "CUSTOMER STYLE", "NOTES")) == [("A", "of A"), ("B", "of B")]


def test_columns_that_no_order_of_the_load_has_may_be_absent(order_list: OrderList, tmp_path: Path) -> None:
    order_list.merge(*orders(4), order("GRE-9", NOTES="rush"))
    assert read(order_list, tmp_path, written(tmp_path / "a.csv", *orders(4))).missing == {}

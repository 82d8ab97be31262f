"""What becomes of a dirty cell, by the kind of its column; many cells in one load, because a merge costs more than its rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from orders_platform.configuration import Configuration
from orders_platform.database.engine import open_database
from orders_platform.database.mssql import MSSQL
from orders_platform.database.sqlite import SQLITE
from orders_platform.domain.cell_texts import meaning
from orders_platform.domain.guards import HeaderMerge
from orders_platform.domain.mapping import NameRule
from orders_platform.domain.text import BLANKS, INVISIBLE, clean
from orders_platform.merge.cleaning import Cleaner, StagedOrder, written
from orders_platform.merge.merge_rules import MergeRules
from orders_platform_tests.database.test_templates import WideSchema
from orders_platform_tests.database.test_tsql import MadeSchema
from orders_platform_tests.testing.order_list import GREYSON, KEY, OrderList, order

DATE, PRICE, TYPE = "EX FACTORY DATE", "CUSTOMER PRICE", "ORDER TYPE"
NOW = datetime(2026, 1, 5, tzinfo=UTC)


def cleaned(order_list: OrderList, column: str, cells: list[object]) -> list[object]:
    """What each order has of its cell; 'left out' where it cannot be had."""
    order_list.merge(*(order(f"GRE-{i:03}") | {column: cell} for i, cell in enumerate(cells)))
    found = dict(order_list.orders("order_key", column))
    assert len(found) == len(cells)
    left_out = {key: text for key, name, text, _ in order_list.warnings() if name == column}
    assert all(found[key] is None for key in left_out)
    return ["left out" if f"GRE-{i:03}" in left_out else found[f"GRE-{i:03}"] for i in range(len(cells))]


def test_texts_are_trimmed_and_null_words_become_null(order_list: OrderList) -> None:
    cells: dict[object, object] = {
        " a ": "a", "\u00a0\t\r\n b\u00a0": "b", "a  b": "a b", "line\r\nline": "line\nline", "a\u200b": "a", "\ufeff": None,
        "nan\u200e": None,
        "nan": None, "NaN": None, " None ": None,
        "NULL": None, "": None, "\u00a0": None, "n/a": "n/a", "nano": "nano",
        "0": "0", "0012": "0012", "'": "'", "{{ x }}": "{{ x }}",
        "Robert'); DROP TABLE ORDER_LIST_V2;--": "Robert'); DROP TABLE ORDER_LIST_V2;--", "?:x %s \\": "?:x %s \\",
        None: None, "∆ 🧥": "∆ 🧥",
    }  # fmt: skip
    assert cleaned(order_list, "NOTES", list(cells)) == list(cells.values())


def test_not_available_words_become_null_only_where_configured(order_list: OrderList) -> None:
    assert cleaned(order_list, "AAG SEASON", ["N/A", "#n/a ", "nan", "FALL", "n\\a"]) == [None, None, None, "FALL", "n\\a"]


def test_dates_are_iso_texts_or_excel_serials_and_placeholders_are_null(order_list: OrderList) -> None:
    cells: dict[object, object] = {
        "2025-06-18": "2025-06-18", " 2025-06-18\u00a0": "2025-06-18", "2025-06-18 14:30:00": "2025-06-18",
        "2025-06-18T14:30:00.5": "2025-06-18", "2025-06-18T14:30:00Z": "2025-06-18", "2025-06-18 14:30 +02:00": "2025-06-18",
        "45658.5": "2025-01-01", "1900-01-01": None, "0001-01-01T00:00:00": None, "9999-12-31 ": None,
        45658: "2025-01-01", "45658": "2025-01-01", "TBC": None, "tba": None, "00/00/00": None,
        "nan": None, None: None, "": None, "2025-02-29": "left out", "18/06/2025": "left out", "20250618": "left out",
        "soon": "left out", "２０２５-06-18": "left out", 12: "left out", "19700": "left out", "2025-06-18 soon": "left out",
        "2025-06-18 １４:30": "left out", "2025-06-18T99:99": "left out", "2025-06-18 24:00": "left out", "2025-06-18 14:60": "left out",
        "2025-06-18T23:59:60Z": "2025-06-18", "2025-06-18T14:30+99:00": "left out", "2025-06-18T14:30:61": "left out",
    }  # fmt: skip
    assert cleaned(order_list, DATE, list(cells)) == list(cells.values())


def test_numbers_are_what_people_plainly_mean_and_anything_else_is_left_out(order_list: OrderList) -> None:
    cells: dict[object, object] = {
        "9.2500": 9.25, 9: 9, 0.1: 0.1, " 12 ": 12, "\u00a07.5": 7.5, "-3": -3, "+4": 4, ".5": 0.5, "6.": 6,
        "nan": None, "": None, None: None, "N/A": None, "-": None, " $ -   ": None, "–": None, "$5": 5, "5 USD": 5, "€ 1.250,50": 1250.5,
        "1,250.00": 1250, "1,250": 1250, "1 000": 1000, "1\u202f000": 1000, "(12.50)": -12.5, "-$12.50": -12.5, "1E3": 1000, "1e-2": 0.01,
        "1,5": "left out", "0,250": "left out", "１２": "left out", "10%": "left out", "TBC": "left out", "(5": "left out",
    }  # fmt: skip
    assert cleaned(order_list, PRICE, list(cells)) == list(cells.values())


def test_the_order_type_is_written_as_configured_or_in_capitals(order_list: OrderList) -> None:
    cells: dict[object, object] = {
        "active": "RECEIVED", " Canceled ": "CANCELLED", "CANCELLED": "CANCELLED", "received": "RECEIVED", "Forecast": "FORECAST",
        "nan": None, None: None,
    }  # fmt: skip
    assert cleaned(order_list, TYPE, list(cells)) == list(cells.values())


def test_the_customer_is_canonical_and_its_spelling_is_kept(order_list: OrderList) -> None:
    order_list.merge(
        order("GRE-1", CUSTOMER_NAME=" greyson\u00a0Clothiers "),
        order("GRE-2", CUSTOMER_NAME="GREYSON") | {"SOURCE_CUSTOMER_NAME": "Greyson (US)"},
        order("GRE-3", CUSTOMER_NAME=None),
    )
    assert order_list.orders("CUSTOMER NAME", "SOURCE_CUSTOMER_NAME") == [
        (GREYSON, "greyson Clothiers"), (GREYSON, "Greyson (US)"), (GREYSON, None),
    ]  # fmt: skip


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00") | st.sampled_from(BLANKS + INVISIBLE[1:]), max_size=12
)
TEXTS |= st.text(" \u00a0\t\r\naB", max_size=8)
PARTS = ("ALIAS/RELATED ITEM", "CUSTOMER COLOUR DESCRIPTION", "CUSTOMER ALT PO")


def plain(cell: object) -> str:
    return "" if cell is None else clean(str(cell))


def name_of(rule: NameRule, row: dict[str, object]) -> str:
    """The rule of names in Python, to compare the database's with."""
    parts = (next((text for column in part if (text := plain(row.get(column)))), "") for part in rule)
    return " ".join(part for part in parts if part)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=25))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_names_orders_as_the_rule_says(order_list: OrderList, cells: list[tuple[str, str, str]]) -> None:
    for table in ("ORDER_LIST_V2", "ORDER_SYNC_CUSTOMERS"):
        order_list.sql(f"DELETE FROM {table}")
    rows = [
        order(f"GRE-{i:03}", PO_NUMBER=None, CUSTOMER_SEASON=None) | dict(zip(PARTS, row, strict=True))
        for i, row in enumerate(cells)
    ]
    order_list.merge(*rows)
    cleaning = order_list.configuration.cleaning
    words = {c: set(cleaning.null_words) for c in PARTS}
    for column in set(PARTS) & set(cleaning.not_available_columns):
        words[column] |= set(cleaning.not_available_words)
    shown = [{c: None if plain(v).lower() in words.get(c, ()) else v for c, v in row.items()} for row in rows]
    expected = {str(row[KEY]): name_of(order_list.configuration.names.item, row) for row in shown}
    assert dict(order_list.orders("order_key", "item_name")) == expected


@pytest.mark.parametrize("hostile", ['"', "]", "[", ":name", "?", "%s", "\\", "'", "{{ 7 }}", "x" * 5000])
def test_a_hostile_text_arrives_as_it_is(order_list: OrderList, hostile: str) -> None:
    order_list.merge(order("GRE-1", NOTES=hostile, CUSTOMER_STYLE=hostile[:100]))
    assert order_list.orders("NOTES", "CUSTOMER STYLE") == [(hostile, hostile[:100])]
    assert order_list.store.orders(GREYSON, waiting=True)[0].values["NOTES"] == hostile


# --- odd characters and what Python reads


def test_no_odd_character_makes_another_order_or_another_cell(order_list: OrderList) -> None:
    odd = [*BLANKS, *INVISIBLE[1:]]  # no text with a zero byte comes through a driver

    def marked(number: int, mark: str) -> dict[str, object]:
        text = f"{mark}A{mark or ' '}B" if mark in BLANKS else f"{mark}A{mark} B"
        # mssql-python takes these two for a byte order mark where NVARCHAR(MAX) begins with one.
        lead = "" if mark in {"\ufeff", "\ufffe"} else mark
        seasons = {"CUSTOMER SEASON": f"2025{mark} FALL{mark}", "NOTES": f"{lead}note{mark}"}
        return order(f"GRE-{number:03}{mark}", PO_NUMBER=text) | seasons | {"S": f"2{mark}", "M": f"{mark}3"}

    order_list.merge(*(marked(number, "") for number in range(len(odd))))
    before = order_list.orders("AAG ORDER NUMBER", "PO NUMBER", "group_name", "item_name", "NOTES", "S", "M")
    assert {row[1:3] for row in before} == {("A B", "GREYSON 2025 FALL")}
    merged = order_list.merge(*(marked(number, mark) for number, mark in enumerate(odd)))
    assert merged == HeaderMerge(rows_read=len(odd))
    assert order_list.orders("AAG ORDER NUMBER", "PO NUMBER", "group_name", "item_name", "NOTES", "S", "M") == before
    assert order_list.warnings() == []


@given(st.lists(TEXTS | st.text("$€-(1250),. %E3T:Z", max_size=9), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_reads_cells_as_python_does(order_list: OrderList, cells: list[str]) -> None:
    columns = ("NOTES", "PO NUMBER", "FREIGHT", "EX FACTORY DATE", "TOTAL QTY")
    for table in ("ORDER_LIST_V2", "ORDER_SYNC_CUSTOMERS", "ORDER_LIST_REJECTS"):
        order_list.sql(f"DELETE FROM {table}")
    order_list.merge(*(order(f"GRE-{i:03}") | dict.fromkeys(columns, cell) for i, cell in enumerate(cells)))
    rules = order_list.merging.rules
    readers = {column.name: column for column in rules.business}
    left_out = {(key, column): text for key, column, text, _ in order_list.warnings()}
    for key, *found in order_list.orders("order_key", *columns):
        for name, value in zip(columns, found, strict=True):
            column = readers[name]
            shown = meaning(column.reader, cells[int(str(key)[4:])], column.null_words)
            if column.reader in {"number", "percent"} and value is not None:
                assert Decimal(str(shown)) == pytest.approx(Decimal(str(value)))
            else:
                told = value if value is not None else left_out.get((key, name))
                # SQLite keeps a text that is a number as one in a column of days: 00 is staged as 0.
                assert told == shown or (column.reader == "date" and Decimal(str(told)) == Decimal(str(shown)))


def test_an_order_that_an_older_version_merged_with_odd_characters_is_the_same_order(order_list: OrderList) -> None:
    order_list.merge(order("GRE-1", PO_NUMBER="A B"), order("GRE-2"))
    order_list.sent()
    order_list.sql(
        "UPDATE ORDER_LIST_V2 SET \"AAG ORDER NUMBER\" = 'gre-1' || char(8203), \"PO NUMBER\" = 'A  B', row_hash = 'older' "
        "WHERE order_key = 'GRE-1'"
    )
    order_list.sql("DELETE FROM ORDER_SYNC_CUSTOMERS")
    merged = order_list.merge(order("GRE-1", PO_NUMBER="A\u2003B"), order("GRE-2"))
    assert merged == HeaderMerge(rows_read=2, updated=1)
    assert order_list.orders("AAG ORDER NUMBER", "PO NUMBER")[0] == ("GRE-1", "A B")


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#NAME?", "#DIV/0!"])
def test_an_error_value_of_a_workbook_is_left_out_and_told_and_no_key(order_list: OrderList, error: str) -> None:
    order_list.merge(
        order(
            "GRE-1",
            CUSTOMER_SEASON=error,
            PATTERN_ID=f" {error} ",
            CUSTOMER_ALT_PO="#7",
            NOTES=error,
            CUSTOMER_PRICE=error,
            S=error,
        ),
        order(error),
    )
    assert order_list.orders(KEY, "CUSTOMER ALT PO", "NOTES", "CUSTOMER PRICE", "S") == [("GRE-1", "#7", None, None, None)]
    seasons = {"CUSTOMER SEASON"} if error != "#N/A" else set()  # there a word for blank, by the configuration
    prices = {"CUSTOMER PRICE", "S"} if error != "#N/A" else set()
    told = {(column, text) for key, column, text, _ in order_list.warnings() if key.startswith("GRE-1")}
    assert told == {(column, error) for column in {"PATTERN ID", "NOTES"} | seasons | prices}
    assert ("missing_key",) in {reject[:1] for reject in order_list.rejects()}


# --- what drivers hand over


@pytest.fixture(scope="session")
def cleaners(narrow_sql: Path, configuration: Configuration) -> dict[str, Cleaner]:
    """A cleaner for the columns that `init-db` makes on each database."""
    found = {}
    for dialect, schema in ((SQLITE, WideSchema), (MSSQL, MadeSchema)):
        rules = MergeRules(
            configuration, schema(open_database(SecretStr("sqlite://")), configuration, narrow_sql), dialect.types
        )
        found[dialect.name] = Cleaner(configuration, rules, dialect, GREYSON, [])
    return found


def clean_row(cleaner: Cleaner, cells: dict[str, object]) -> StagedOrder:
    (row,) = cleaner.clean({1: ""}, ((i, [cells.get(name)]) for i, name in enumerate(cleaner.names)))
    return row


@pytest.mark.parametrize(("column", "cells", "shown"), [
    (KEY, [4500012345, 4500012345.0, Decimal("4500012345.000"), "4500012345", " 4500012345\u00a0", b"4500012345"], "4500012345"),
    ("CUSTOMER ALT PO", [12.3456, Decimal("12.3456"), Decimal("12.345600"), "12.3456"], "12.3456"),
    ("CUSTOMER ALT PO", [1e16, Decimal("1E+16"), 10**16], "10000000000000000"),
    (PRICE, [9.25, Decimal("9.25"), Decimal("9.2500"), "9.25", "$9.25", b"9.25"], "9.25"),
    (PRICE, [5, 5.0, Decimal("5"), Decimal("5.00"), "5.0"], "5"),
    (DATE, ["2026-03-01", date(2026, 3, 1), datetime(2026, 3, 1, 14, 30, tzinfo=UTC).replace(tzinfo=None), "2026-03-01T00:00:00Z", 46082],
     "2026-03-01"),
    ("S", [7, 7.0, Decimal("7"), Decimal("7.0"), "7", " 7.0 "], "7"),
    ("NOTES", [1.5, Decimal("1.50"), "1.5"], "1.5"),
])  # fmt: skip
def test_a_cell_means_the_same_whatever_type_its_driver_gives_it(
    cleaners: dict[str, Cleaner], column: str, cells: list[object], shown: str
) -> None:
    rows = [(cleaner, clean_row(cleaner, order("GRE-1") | {column: cell})) for cleaner in cleaners.values() for cell in cells]
    assert {row.bad_cells for _, row in rows} == {()}
    assert {written((row.cells or {})[cleaner.names.index(column)]) for cleaner, row in rows} == {shown}
    assert len({(row.row_hash, row.full_key, row.item_name, row.group_name) for _, row in rows}) == 1


@given(st.dictionaries(st.sampled_from([KEY, "NOTES", "PO NUMBER", PRICE, DATE, "TOTAL QTY", "S", TYPE]),
                       TEXTS | st.integers(-9, 10**5) | st.floats(-9, 9, width=16) | st.dates() | st.none(), max_size=8))  # fmt: skip
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_databases_make_the_same_of_a_row_and_what_is_stored_hashes_as_it(
    cleaners: dict[str, Cleaner], cells: dict[str, object]
) -> None:
    cells = {name: round(cell, 2) if isinstance(cell, float) else cell for name, cell in cells.items()}
    rows = {name: clean_row(cleaner, order("GRE-1") | cells) for name, cleaner in cleaners.items()}
    one, other = rows.values()
    assume(one.bad_cells == other.bad_cells)  # a number may be too large for its column of SQL Server
    assert (one.row_hash, one.full_key, one.order_key, one.reject_code, one.shown) == (
        other.row_hash, other.full_key, other.order_key, other.reject_code, other.shown,
    )  # fmt: skip
    for name, cleaner in cleaners.items():
        stored = dict(sorted((rows[name].cells or {}).items()))
        assert cleaner.hash_of(stored, rows[name].bad_cells) == rows[name].row_hash
        assert cleaner.shown(stored) == rows[name].shown
        again = clean_row(cleaner, {cleaner.names[i]: cell for i, cell in stored.items()})
        assert again.cells == rows[name].cells


@pytest.mark.parametrize(("number", "type_", "stored"), [
    ("12.345", "DECIMAL(10, 2)", "12.35"), ("-12.345", "DECIMAL(10, 2)", "-12.35"), ("99999999.99", "DECIMAL(10, 2)", "99999999.99"),
    ("99999999.999", "DECIMAL(10, 2)", None), ("1e40", "DECIMAL(28, 6)", None), ("2147483647", "INT", "2147483647"),
    ("2147483648", "INT", None), ("-1", "TINYINT", None), ("256", "TINYINT", None),
    ("9223372036854775807", "BIGINT", "9223372036854775807"),
    ("12.34565", "DECIMAL(19, 4)", "12.3457"),
])  # fmt: skip
def test_a_number_is_what_its_column_of_sql_server_holds(number: str, type_: str, stored: str | None) -> None:
    found = MSSQL.stored_number(Decimal(number), type_)
    assert found == (None if stored is None else Decimal(stored))

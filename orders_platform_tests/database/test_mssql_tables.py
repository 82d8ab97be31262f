"""What tables have to be like on SQL Server: columns that can be written and compared, and cells that fit the staging table."""

from __future__ import annotations

import json
import re
from collections import namedtuple
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, TextClause

from orders_platform.configuration import Configuration
from orders_platform.database.mssql import MSSQL
from orders_platform.database.schema import define_tables
from orders_platform.settings import default_folder

Made = namedtuple("Made", "name type is_computed is_identity max_length other")
TABLE = "[dbo].[ORDER_LIST_V2]"


class Catalogue:
    """Stands for a connection to SQL Server: tells the columns of a table, and keeps what it was told to run."""

    def __init__(self, *rows: Made) -> None:
        self.rows = rows
        self.run: list[tuple[str, tuple[str, ...]]] = []

    def execute(self, _statement: TextClause, values: Mapping[str, str]) -> tuple[Made, ...]:
        assert values == {"name": TABLE}
        return self.rows

    def exec_driver_sql(self, statement: str, texts: tuple[str, ...]) -> None:
        self.run.append((statement, texts))


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=5))
def test_the_fingerprint_of_a_load_is_the_one_that_the_statements_make(hashes: list[bytes]) -> None:
    """What `1_read_row_hashes` tells are eight bytes as a number with a sign; `0_fingerprint_loads` adds up the first seven of each."""
    told = [str(int.from_bytes(each[:8], signed=True)) for each in hashes]
    assert MSSQL.fingerprint(told) == f"{len(hashes)}:{sum(int.from_bytes(each[:7]) for each in hashes)}"


def reasons(*rows: Made) -> list[str]:
    return MSSQL.unsuitable(cast(Connection, Catalogue(*rows)), TABLE, ["PO NUMBER", "NOTES", "row_hash"], ["PO NUMBER"])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Made("NOTES", "nvarchar", True, False, 100, None), "[NOTES] is made by the server"),
        (Made("notes", "int", False, True, 4, None), "rename it"),
        (Made("NOTES", "timestamp", False, False, 8, None), "ROWVERSION"),
        (Made("PO NUMBER", "varchar", False, False, 50, None), f"ALTER TABLE {TABLE} ALTER COLUMN [PO NUMBER] NVARCHAR(50);"),
        (Made("po number", "char", False, False, 20, None), "makes ? of some letters"),
        (Made("PO NUMBER", "text", False, False, 16, None), "NVARCHAR(MAX);"),
        (Made("PO NUMBER", "nvarchar", False, False, 510, "Turkish_CI_AS"), "NVARCHAR(255) COLLATE DATABASE_DEFAULT;"),
    ],
)  # fmt: skip
def test_a_column_that_cannot_be_written_or_compared_is_named_with_the_next_step(made: Made, words: str) -> None:
    (reason,) = reasons(made)
    assert words in reason


def test_columns_of_ours_and_what_is_neither_written_nor_compared_are_left_alone() -> None:
    assert reasons(
        Made("PO NUMBER", "nvarchar", False, False, 510, None), Made("row_hash", "char", False, False, 64, "Latin1_General_BIN2"),
        Made("total", "int", True, False, 4, None), Made("id", "int", False, True, 4, None), Made("NOTES", "text", False, False, 16, None),
    ) == []  # fmt: skip


def test_a_staged_cell_that_is_longer_than_its_column_is_cut_so_that_the_load_goes_on() -> None:
    catalogue = Catalogue(
        Made("NOTES", "nvarchar", False, False, 8_000, None), Made("name", "nvarchar", False, False, 800, None),
        Made("LONG", "nvarchar", False, False, -1, None), Made("TYPED", "nvarchar", False, False, 20, None),
    )  # fmt: skip
    names = ["[NOTES]", "[NAME]", "[LONG]", "[TYPED]"]
    face = "\N{GRINNING FACE}"  # two of the server's characters
    rows = [["x" * 5_000, "y" * 399 + face, "z" * 9_000, "w" * 200], ["", None, "short", ""]]
    assert MSSQL.insert_rows(cast(Connection, catalogue), TABLE, names, rows, empty_is_null=True) == 2
    ((_, (document,)),) = catalogue.run
    first, second = json.loads(document)
    assert first == {"c0": "x" * 4_000, "c1": "y" * 399, "c2": "z" * 9_000, "c3": "w" * 200}
    assert second == {"c2": "short"}


def test_a_moment_is_one_also_for_a_column_that_takes_three_digits_of_a_second() -> None:
    """The text of one is not: error 241 at the first new order of an adopted table whose created_at is a DATETIME."""
    catalogue, now = Catalogue(), datetime(2026, 1, 5, 12, 0, 0, 123_456, UTC).replace(tzinfo=None)
    rows = [["GRE-1", now, date(2026, 1, 5)], ["GRE-2", now, None]]
    assert MSSQL.insert_rows(cast(Connection, catalogue), TABLE, ["[PO NUMBER]", "[created_at]", "[DAY]"], rows) == 2
    ((statement, (document,)),) = catalogue.run
    assert "WITH (c0 NVARCHAR(MAX), c1 DATETIME2(7), c2 NVARCHAR(MAX))" in statement
    assert json.loads(document)[0] == {"c0": "GRE-1", "c1": "2026-01-05T12:00:00.123456", "c2": "2026-01-05"}


def test_a_staged_cell_is_a_text_whatever_a_workbook_takes_it_for() -> None:
    catalogue, now = Catalogue(), datetime(2026, 1, 5, 12, tzinfo=UTC).replace(tzinfo=None)
    MSSQL.insert_rows(cast(Connection, catalogue), TABLE, ["[NOTES]"], [[now], ["TBC"], [True]], empty_is_null=True)
    ((statement, (document,)),) = catalogue.run
    assert "WITH (c0 NVARCHAR(MAX))" in statement
    assert json.loads(document) == [{"c0": "2026-01-05T12:00:00"}, {"c0": "TBC"}, {"c0": "1"}]


def test_the_merge_says_of_each_cell_that_was_cut_that_it_is_too_long(configuration: Configuration) -> None:
    """The order's column is the shorter one, so that what is left of the cell does not fit it either."""
    tables = define_tables(MSSQL, configuration, default_folder("sql"))
    orders = dict(tables["orders"].columns)
    for name, staged in tables["staging"].columns:
        length = re.fullmatch(r"NVARCHAR\((\d+)\)", staged)
        if length and (limit := re.fullmatch(r"NVARCHAR\((\d+)\)", orders[name])):
            assert int(limit[1]) < int(length[1])
    assert dict(tables["staging"].columns)[configuration.columns.customer] == "NVARCHAR(400)"

"""NULLs are written into a statement for SQL Server, never bound: its driver would ask the server for their types."""

from __future__ import annotations

import pytest

from orders_platform.database.mssql import write_nulls

NULL = "CAST(NULL AS NVARCHAR(1))"


def test_the_parameters_that_are_null_are_written_and_the_others_stay_in_order() -> None:
    assert write_nulls("UPDATE t SET a = ?, b = ?, c = ? WHERE d = ?", (None, 1, None, 2)) == (
        f"UPDATE t SET a = {NULL}, b = ?, c = {NULL} WHERE d = ?",
        (1, 2),
    )


@pytest.mark.parametrize(
    "text", ["[?]", "[a]]?]", "'?'", "'it''s ?'", "N'?'", "/* ? ' */", "-- ? it's\n", "['?']", "'[?'", "'-- ?'"]
)
def test_a_mark_that_is_part_of_a_name_a_text_or_a_comment_is_no_parameter(text: str) -> None:
    assert write_nulls(f"SELECT ?, {text} + ?", (1, None)) == (f"SELECT ?, {text} + {NULL}", (1,))

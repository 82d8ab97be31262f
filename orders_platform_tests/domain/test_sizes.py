"""Which columns are sizes."""

from __future__ import annotations

import pytest

from orders_platform.domain.sizes import SizeRule, discover_sizes, require_known_sizes
from orders_platform.errors import SourceDataError

RULE = SizeRule("UNIT", "TOTAL", 3, "ONE SIZE", ("OS", "One_Size"))


def test_sizes_are_the_columns_strictly_between_the_markers_in_their_order() -> None:
    assert discover_sizes("t", ["A", "UNIT", "S+", "30/32", "TOTAL", "B"], RULE, {"A", "B"}) == ("S+", "30/32")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["A", "S", "TOTAL"], "t has no column 'UNIT', between"),
        (["A", "UNIT", "S"], "t has no column 'TOTAL', between"),
        (["A"], "no column 'UNIT' and no column 'TOTAL'"),
        (["TOTAL", "S", "UNIT"], r"'TOTAL' \(column 1\) before 'UNIT' \(column 3\)"),
        (["UNIT", "TOTAL", "S"], "there are no sizes"),
        (["UNIT", "S", "M", "L", "XL", "TOTAL"], "4 columns stand between 'UNIT' and 'TOTAL' of t, more than .* max_sizes = 3"),
        (["UNIT", "S", "NOTES", "TOTAL"], "2 columns stand .*, but 1 of them are no sizes: 'NOTES'"),
        (["UNIT", *(f"B{i}" for i in range(12)), "TOTAL"], r"12 of them are no sizes: .*'B7' and 4 more\."),
    ],
)
def test_sizes_that_are_not_plausible_are_refused_with_the_reason(columns: list[str], words: str) -> None:
    business = {"NOTES", *(f"B{i}" for i in range(12))}
    with pytest.raises(SourceDataError, match=words):
        discover_sizes("t", columns, RULE, business)


@pytest.mark.parametrize(
    ("column", "code"), [("OS", "ONE SIZE"), ("os", "ONE SIZE"), ("One_Size", "ONE SIZE"), ("S", "S"), ("O/S", "O/S")]
)
def test_spellings_of_one_size_have_one_code(column: str, code: str) -> None:
    assert RULE.size_code(column) == code


def test_staged_sizes_are_known_when_the_order_table_has_a_number_for_each() -> None:
    require_known_sizes(["S", "M"], {"S": True, "M": True, "NOTES": False}, "o")


@pytest.mark.parametrize(
    ("staged", "words"),
    [
        (["S", "NEW"], "o has no column for 1 staged size: 'NEW'.*init-db"),
        (["S", "NOTES"], "1 size column is not numeric in o: 'NOTES'"),
    ],
)
def test_staged_sizes_that_would_lose_quantities_are_refused(staged: list[str], words: str) -> None:
    with pytest.raises(SourceDataError, match=words):
        require_known_sizes(staged, {"S": True, "NOTES": False}, "o")

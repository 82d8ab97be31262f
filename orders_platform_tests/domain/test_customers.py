"""Whose row it is, and what Dagster calls the customer."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orders_platform.domain.customers import (
    MAX_PARTITION_KEY,
    CustomerNames,
    CustomerRows,
    SpellingCount,
    customer_for,
    partition_key_for,
)
from orders_platform.errors import ConfigurationError, SourceDataError

NAMES = CustomerNames({"B'HOOD": ["BHOOD"], "GREYSON": ["GREYSON CLOTHIERS"], "CAFÉ": []})


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("GREYSON", "GREYSON"), (" greyson\u00a0 clothiers ", "GREYSON"), ("b'hood", "B'HOOD"), ("Bhood", "B'HOOD"), ("CAFE\u0301", "CAFÉ"),
        ("GREYSON 2", None), ("", None), (" \u00a0\n", None), (None, None),
    ],
)  # fmt: skip
def test_a_spelling_is_resolved_without_regard_to_case_and_spaces(spelling: str | None, name: str | None) -> None:
    assert NAMES.resolve(spelling) == name


def test_an_unknown_name_is_its_own_where_unknown_ones_are_accepted() -> None:
    accepting = CustomerNames({"GREYSON": []}, accept_unknown=True)
    assert accepting.resolve(" Acme\u00a0 Ltd ") == "ACME LTD"
    assert accepting.resolve(" ") is None


@pytest.mark.parametrize("aliases", [{"A": ["X"], "B": ["x "]}, {"A": [], "B": ["a"]}, {"A": ["B"], "B": []}])
def test_a_spelling_of_two_customers_is_refused(aliases: dict[str, list[str]]) -> None:
    with pytest.raises(ConfigurationError, match="is given to both 'A' and 'B'; give it to one"):
        CustomerNames(aliases)


def test_a_scan_counts_every_row_once() -> None:
    counts = [
        SpellingCount("GREYSON", "g", 3), SpellingCount("greyson clothiers", "g", 2), SpellingCount(None, "g", 1),
        SpellingCount(" ", "g", 1),
        SpellingCount("BHOOD", "m", 1), SpellingCount("GREYSON", "m", 1), SpellingCount(None, "m", 4), SpellingCount("", None, 5),
        SpellingCount("ACME", "i", 6), SpellingCount("ACME ", "h", 7),
    ]  # fmt: skip
    scan = NAMES.scan(counts)
    assert scan.rows == 31
    assert scan.customers == {
        "B'HOOD": CustomerRows(("BHOOD",), rows=1),
        "GREYSON": CustomerRows(("GREYSON", "greyson clothiers"), (" ",), ("g",), 8),
    }
    assert [(entry.label, entry.rows) for entry in scan.unmatched] == [
        ("(blank in m)", 4), ("(blank in no file)", 5), ("ACME", 6), ("ACME", 7),
    ]  # fmt: skip
    assert CustomerRows.of(scan.unmatched[3:4]) == CustomerRows(("ACME ",), rows=7)
    assert CustomerRows.of(scan.unmatched[1:2]) == CustomerRows((), ("",), (), 5, takes_rows_without_file=True)


@pytest.mark.parametrize(
    ("others", "filled"),
    [
        ([], True),
        ([SpellingCount("greyson clothiers", "g", 1)], True),
        ([SpellingCount("ACME", "g", 1)], False),  # nobody configured it, and the blank row may be its
        ([SpellingCount("BHOOD", "g", 1)], False),
        ([SpellingCount("ACME", "h", 1), SpellingCount("BHOOD", None, 1)], True),
        ([SpellingCount("TOTAL", "g", 1, has_orders=False)], True),
        ([SpellingCount(" Customer  name", "g", 1)], True),
    ],
)
def test_a_blank_name_is_filled_from_a_file_that_names_one_customer_alone(others: list[SpellingCount], *, filled: bool) -> None:
    names = CustomerNames({"GREYSON": ["GREYSON CLOTHIERS"], "B'HOOD": ["BHOOD"]}, header="CUSTOMER NAME")
    scan = names.scan([SpellingCount("GREYSON", "g", 1), SpellingCount(None, "g", 1), *others])
    assert (None in {entry.spelling for entry in scan.unmatched}) != filled


def test_a_file_that_names_only_a_stranger_gives_its_blank_rows_to_nobody() -> None:
    scan = NAMES.scan([SpellingCount("ACME", "g", 1), SpellingCount(None, "g", 1)])
    assert [entry.reason.split(":")[0] for entry in scan.unmatched] == [
        "customer 'ACME' is not in [customers] of the configuration", "customer is blank and its file 'g' holds no known customer (ACME)",
    ]  # fmt: skip


def test_totals_and_repeated_headers_are_nobodys_and_say_so_also_where_unknown_names_are_accepted() -> None:
    accepting = CustomerNames({"GREYSON": []}, header="CUSTOMER NAME", accept_unknown=True)
    scan = accepting.scan([
        SpellingCount("GREYSON", "g", 1), SpellingCount("CUSTOMER NAME", "g", 1), SpellingCount("TOTAL", "g", 1, has_orders=False),
        SpellingCount("ACME", "h", 1), SpellingCount(None, "i", 1, has_orders=False),
    ])  # fmt: skip
    assert list(scan.customers) == ["ACME", "GREYSON"]
    assert [(entry.label, "repeats the headers" in entry.reason, "total or empty" in entry.reason) for entry in scan.unmatched] == [
        ("CUSTOMER NAME", True, False), ("TOTAL", False, True), ("(blank in i)", False, True),
    ]  # fmt: skip


# --- partition keys


@pytest.mark.parametrize(
    ("customer", "key"),
    [
        ("GREYSON", "GREYSON"), ("B'HOOD", "B'HOOD"), ("A, B", "A%2C B"), ("100% A", "100%25 A"), ("A...B", "A%2E%2E%2EB"),
        ("A..B", "A..B"),
        ("DAVID JONES(UNE PIECE)", "DAVID JONES(UNE PIECE)"), ("%2C", "%252C"), ("A  B\u00a0", "A B"), ("A/B: ∆", "A/B: ∆"),
        ("A\x00B\ufeff", "AB"),
    ],
)  # fmt: skip
def test_a_partition_key_is_the_name_but_for_what_breaks_the_tools(customer: str, key: str) -> None:
    assert partition_key_for(customer) == key


@pytest.mark.parametrize(
    ("customer", "words"),
    [("", "needs a name"), (" \u00a0 ", "needs a name"), ("\u200b", "needs a name"),
     ("A" * 65, "65 characters, more than 64"), ("," * 22, "66 characters, more than 64")],
)  # fmt: skip
def test_a_name_that_cannot_be_a_partition_is_refused(customer: str, words: str) -> None:
    with pytest.raises(SourceDataError, match=words):
        partition_key_for(customer)


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(".,% 2CE"), max_size=70))
def test_a_partition_key_is_reversible_and_never_breaks_the_tools(customer: str) -> None:
    try:
        key = partition_key_for(customer)
    except SourceDataError:
        assume(False)
    assert "," not in key
    assert "..." not in key
    assert 0 < len(key) <= MAX_PARTITION_KEY
    assert partition_key_for(customer_for(key)) == key
    assert CustomerNames({customer_for(key): []}).resolve(customer) == customer_for(key)


@given(
    st.text(st.sampled_from("ab,.% 2CE"), min_size=1, max_size=12),
    st.text(st.sampled_from("ab,.% 2CE"), min_size=1, max_size=12),
)
def test_two_names_never_share_a_partition_key(one: str, other: str) -> None:
    assume(one.split() != other.split() and one.strip() and other.strip())
    assert partition_key_for(one) != partition_key_for(other)

"""How groups, items and subitems are called, and the words for states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.domain.names import collapse, name_from, subitem_name
from orders_platform.domain.states import Action, SyncState

RULE = (("ALIAS", "STYLE"), ("COLOUR",), ("NUMBER",))


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"ALIAS": "A", "STYLE": "S", "COLOUR": "RED", "NUMBER": "1"}, "A RED 1"),
        ({"ALIAS": None, "STYLE": "S", "COLOUR": "RED", "NUMBER": "1"}, "S RED 1"),
        ({"ALIAS": "\u00a0", "STYLE": "S", "COLOUR": "", "NUMBER": 1}, "S 1"),
        ({"STYLE": " S \n T\u00a0 "}, "S T"),
        ({"NUMBER": 0}, "0"),
        ({}, ""),
    ],
)
def test_a_name_is_the_first_filled_column_of_each_part(row: dict[str, object], name: str) -> None:
    assert name_from(RULE, row) == name


@given(st.text())
def test_a_collapsed_text_is_one_line_without_outer_or_double_spaces(text: str) -> None:
    shown = collapse(text)
    assert not re.search("[\u00a0\t\r\n]|  |^ | $(?!\n)", shown)
    assert collapse(shown) == shown
    assert shown.replace(" ", "") == re.sub("[ \u00a0\t\r\n]", "", text)


@given(st.dictionaries(st.sampled_from(["ALIAS", "STYLE", "COLOUR", "NUMBER"]), st.none() | st.text(max_size=6)))
def test_a_name_never_has_the_spaces_that_blank_parts_would_leave(row: dict[str, object]) -> None:
    assert collapse(name_from(RULE, row)) == name_from(RULE, row)


@pytest.mark.parametrize(
    ("pattern", "size", "name"), [("Size {size_code}", "30/32", "Size 30/32"), ("{size_code} ", "{x}", "{x}")]
)
def test_a_subitem_is_called_by_its_size(pattern: str, size: str, name: str) -> None:
    assert subitem_name(pattern, size) == name


def test_the_statements_use_no_other_words_for_states_and_actions() -> None:
    """Every quoted word that is compared with or written to a state column is one of ours."""
    known = {*SyncState, *Action, "FAILED"}
    sql = Path(__file__).parents[2] / "sql"
    for path in sql.glob("*.sql.j2"):
        text = path.read_text(encoding="utf-8")
        words = re.findall(r"(?:sync_state|action_type)\)?(?: =| <>| IN) \(?'([^']+)'(?:, '([^']+)')*", text)
        assert {word for found in words for word in found if word} <= known, path.name

"""How groups, items and subitems are called, and the words for states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orders_platform.domain.mapping import subitem_name
from orders_platform.domain.orders import Action, SyncState


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

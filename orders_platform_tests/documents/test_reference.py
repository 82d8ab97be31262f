"""The pages of reference say what the code says."""

from __future__ import annotations

import ast

import pytest

from orders_platform_tests.documents.reference import CODES, FOLDER, PAGES
from orders_platform_tests.testing.workplace import CHECKOUT


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    """`python -m orders_platform_tests.documents.reference` writes it anew."""
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name]().rstrip("\n") + "\n"


@pytest.mark.parametrize("name", PAGES)
def test_every_row_says_what_it_means(name: str) -> None:
    """What neither file nor code says is in WORDS or MEANINGS of `reference.py`."""
    rows = [line for line in PAGES[name]().splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith(("|  |", "| . |"))] == []


def test_every_code_of_a_row_error_is_explained() -> None:
    raised = {
        node.args[0].value
        for path in (CHECKOUT / "orders_platform").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RowError"
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert len(raised) > 10
    assert raised == set(CODES)

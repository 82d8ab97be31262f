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


def test_every_key_and_variable_of_the_configuration_says_what_it_means() -> None:
    rows = [line for line in PAGES["configuration.md"]().splitlines() if line.startswith("| `")]
    assert len(rows) > 80
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

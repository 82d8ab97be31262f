"""The pages of reference say what the code says."""

from __future__ import annotations

import ast
import re

import pytest

from orders_platform_tests.documents.reference import CODES, FOLDER, MEANINGS, PAGES
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


def test_no_meaning_is_left_over() -> None:
    page = PAGES["tables.md"]()
    assert [words for words in MEANINGS.values() if f"| {words} |" not in page] == []


def test_every_column_of_ours_is_on_the_page_of_tables() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "sql" / "tables").glob("*.sql.j2"))
    page = PAGES["tables.md"]()
    assert [name for name in re.findall(r'column\("(\w+)"', written) if f"| `{name}` |" not in page] == []


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

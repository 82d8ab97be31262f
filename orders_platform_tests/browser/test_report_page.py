"""The page of a report in a browser: hostile cells are shown as text, and the page's policy lets nothing else happen."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from orders_platform.reports.rendering import Links, html_page
from orders_platform_tests.browser.test_board_page import HOSTILE
from orders_platform_tests.reports.test_report_rendering import everything

INJECTED = """() => { for (const [tag, name, text] of [
    ["script", "textContent", "window.obeyed = 1"], ["img", "src", "http://127.0.0.1:9/x.png"], ["style", "textContent", "@import 'http://127.0.0.1:9/x.css'"],
]) { const made = document.createElement(tag); made[name] = text; document.body.append(made) } }"""


def test_hostile_cells_are_text_of_the_report(page: Page, tmp_path: Path) -> None:
    for text in (*HOSTILE, "</td></table><svg onload='window.obeyed = 1'>", "{{ 7 * 7 }}"):
        file = tmp_path / "report.html"
        file.write_text(html_page([everything(text)], Links("https://acme.example/boards/7")), "utf-8")
        page.goto(file.as_uri())
        expect(page.locator("summary").last).to_contain_text(text)
        assert page.locator("th").first.evaluate("cell => getComputedStyle(cell).textAlign") == "left"  # its own style applies
        assert page.evaluate("window.obeyed") is None


def test_the_policy_of_a_report_refuses_scripts_and_every_address(page: Page, page_errors: list[str], tmp_path: Path) -> None:
    """Even if a cell became markup."""
    file = tmp_path / "report.html"
    file.write_text(html_page([everything()], Links()), "utf-8")
    page.goto(file.as_uri())
    page.evaluate(INJECTED)
    page.wait_for_function("true")
    assert page.evaluate("window.obeyed") is None
    assert len([error for error in page_errors if "Content Security Policy" in error]) == 3
    page_errors.clear()

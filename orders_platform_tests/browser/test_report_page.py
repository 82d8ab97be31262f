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
        expect(page.locator(".group > summary").last).to_contain_text(text)
        assert page.locator("th").first.evaluate("cell => getComputedStyle(cell).textAlign") == "left"  # its own style applies
        assert page.evaluate("window.obeyed") is None


def test_an_order_is_found_by_number_po_or_style_and_tells_its_history(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(html_page([everything("SKATE - NAVY PO 4755")], Links()), "utf-8")
    page.goto(file.as_uri())
    box, shown = page.get_by_label("Find an order by number, PO or style"), page.locator("tr.order:visible")
    expect(shown).to_have_count(0)  # the groups are folded
    for text, orders in (("gre-1", 1), ("4755 skate", 4), ("nobody", 0)):
        box.fill(text)
        expect(shown).to_have_count(orders)
        expect(page.locator("#found")).to_have_text(f"{orders} order{'' if orders == 1 else 's'}")
    page.goto(f"{file.as_uri()}#GRE-1")
    page.reload()
    expect(shown).to_have_count(1)
    shown.get_by_text("History").click()
    expect(shown).to_contain_text("2 sizes made: refused (SKATE - NAVY PO 4755)")
    expect(shown).to_contain_text("made run run")


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

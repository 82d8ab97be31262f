"""How a report looks: nothing in an order's name becomes markup, the page fetches nothing, tables stay tables."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from orders_platform.domain.history import OrderEvent
from orders_platform.domain.order_status import LastChanges, OrderChange
from orders_platform.domain.orders import Action
from orders_platform.errors import ConfigurationError
from orders_platform.reports.content import Report
from orders_platform.reports.rendering import Links, cell, html_page, markdown_text, page_of, table, write_page
from orders_platform_tests.reports.test_report_content import FINE, FRESH, LEFT, NOW, REFUSED, reject, report

HOSTILE = "<script>alert(1)</script> | *B* [x](javascript:y) & \"q\" 'B'HOOD'\n`c`"
LINKS = Links("https://acme.example/boards/7", "https://acme.example/boards/7/pulses/")


def everything(name: str = "SHIRT") -> Report:
    orders = [replace(order, item_name=name, group_name=name) for order in (FINE, FRESH, REFUSED, LEFT)]
    changes = LastChanges("run", NOW, (OrderChange("GRE-1", name, name, Action.INSERT, 3),))
    events = {
        "GRE-1": [
            OrderEvent(NOW, "create_subitem", "refused", "run", 2, name),
            OrderEvent(NOW, "create_item", "done", "run", 0, None),
        ]
    }
    return replace(report(*orders, rejected=[reject("GRE-9", "", name)]), changes=changes, customer=name, events=events)


class Tags(HTMLParser):
    """Collects tags and addresses, and refuses tags that are not closed in order."""

    void = frozenset({"meta", "br", "rect", "link", "img", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.addresses: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action"}]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_name_of_an_order_cannot_become_markup_of_the_page() -> None:
    page = html_page([everything(HOSTILE)], Links())
    Tags(page)
    assert page.count("<script>") == 1  # our own, whose hash the policy names
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_page_fetches_nothing_and_links_only_to_the_board() -> None:
    for reports in ([everything()], [everything(), everything("OTHER")], []):
        page = html_page(reports, LINKS)
        addresses = Tags(page).addresses
        assert {address for address in addresses if not address.startswith("#")} <= {LINKS.board, f"{LINKS.board}/pulses/7001"}
        assert "url(" not in page
        assert "@import" not in page


def test_an_item_has_a_link_where_the_boards_own_address_is_known() -> None:
    assert f'href="{LINKS.board}/pulses/7001"' in html_page([everything()], LINKS)
    assert "pulses" not in html_page([everything()], Links("http://127.0.0.1:8765/"))
    assert "href" not in html_page([everything()], Links())


def test_a_customer_alone_is_shown_with_every_order_and_several_with_an_overview() -> None:
    alone, both = html_page([everything("A")], LINKS), html_page([everything("A"), everything("B")], LINKS)
    assert ("Every order" in alone, "Every order" in both) == (True, False)
    assert ('href="#c2"' in alone, 'href="#c2"' in both) == (False, True)
    assert len(re.findall("<section", both)) == 2


def test_markdown_tables_keep_their_shape_whatever_is_in_them() -> None:
    lines = markdown_text([everything(HOSTILE)], LINKS).splitlines()
    assert not any("<script" in line for line in lines)
    rows = [line for line in lines if line.startswith("|")]
    unescaped = [len(re.findall(r"(?<!\\)\|", line)) for line in rows]
    headers = [i for i, line in enumerate(rows) if re.fullmatch(r"[| :-]+", line)]
    assert len(headers) == 5
    for start, end in zip(headers, [*headers[1:], len(rows) + 1], strict=True):
        assert len(set(unescaped[start - 1 : end - 1])) == 1


def test_a_long_table_is_cut_in_markdown_and_says_so() -> None:
    many = [replace(FRESH, order_key=f"GRE-{n}") for n in range(60)]
    text = markdown_text([report(*many)], Links())
    assert "... and 10 more." in text
    assert html_page([report(*many)], Links()).count("not on the board yet") == 60


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "yes"), (False, "no"), (1234567, "1,234,567"), (2.25, "2.2"), (NOW, "2026-11-21 07:40 UTC"),
     (date(2026, 1, 2), "2026-01-02"), ("a\n b", "a b"), ("a|b", "a\\|b"), ("<b>&", "&lt;b>&amp;"), ("S+_x", "S+_x")],
)  # fmt: skip
def test_a_cell_is_one_line_of_harmless_text(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_numbers_stand_to_the_right() -> None:
    assert table(("name", "n"), [("a", 1)]).splitlines()[1] == "| --- | ---: |"
    assert table(("name", "n"), []).splitlines()[1] == "| --- | --- |"


@pytest.mark.parametrize(
    "customer",
    ["B'HOOD", "A/B (US), C's", "..", "DAVID JONES(UNE PIECE)", "∆ %2F", "a:b*?", "客" * 28, "客" * 255, "W" * 251, "."],
)
def test_any_customers_name_is_a_file_of_its_folder(tmp_path: Path, customer: str) -> None:
    page = write_page(tmp_path / "reports", customer, "first")
    assert write_page(tmp_path / "reports", customer, "second") == page
    assert page.parent == tmp_path / "reports"
    assert page.read_text(encoding="utf-8") == "second"
    assert [found.name for found in page.parent.iterdir()] == [page.name]
    assert page_of(tmp_path, customer) != page_of(tmp_path, "A%2FB (US), C's")


def test_long_names_have_files_of_their_own_that_no_other_name_gets(tmp_path: Path) -> None:
    names = ["客" * 28, "客" * 29, "客" * 28 + "家", "W" * 240, "W" * 241, "W" * 242]
    pages = {page_of(tmp_path, name).name for name in names}
    assert len(pages) == len(names)
    assert not pages & {page_of(tmp_path, page.removesuffix(".html")).name for page in pages if "=" in page}
    assert page_of(tmp_path, "客" * 28).name == "%E5%AE%A2" * 24 + "%E5%AE=3192b93ab13b935e.html"  # the same tomorrow


def test_a_folder_that_cannot_be_written_is_named_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    with pytest.raises(ConfigurationError, match=r"reports.* cannot be written.*\[reports\]"):
        write_page(tmp_path / "reports", "A", "text")


def test_a_page_is_for_its_owner_alone(tmp_path: Path) -> None:
    page = write_page(tmp_path / "reports", "GREYSON", "orders")
    assert [oct(each.stat().st_mode & 0o777) for each in (page, page.parent)] == ["0o600", "0o700"]

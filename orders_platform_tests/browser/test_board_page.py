"""The board page as a person meets it: opened in a browser, with a sandbox behind it."""

from __future__ import annotations

import contextlib
import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from orders_platform.demo.sample_orders import sample_orders
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import SANDBOX_TOKEN, Fault, Faults, Sandbox, running
from orders_platform_tests.sandbox.conftest import Api, Start
from orders_platform_tests.testing.clock import VirtualClock
from orders_platform_tests.testing.platform import Platform, staged

GREYSON = staged(sample_orders(), {"xGREYSON_CLOTHIERS_ORDER_LIST_RAW"})
CREATE_GROUP = "mutation($b: ID!, $n: String!) { create_group(board_id: $b, group_name: $n) { id } }"
HOSTILE = ("<script>window.obeyed = 1</script>", "<img src=x onerror='window.obeyed = 1'>", "\u202eתפוז \u200fabc", "W" * 255)


def group(page: Page, title: str) -> Locator:
    return page.locator(".group").filter(has=page.locator("h3 strong", has_text=re.compile(f"^{re.escape(title)}$")))


def later(page: Page) -> None:
    """Lets the page's timers run without waiting for them."""
    page.clock.fast_forward(2_000)


def background(place: Locator) -> str:
    return place.evaluate("element => getComputedStyle(element).backgroundColor")


def is_wider_than_the_window(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def create(sandbox: Sandbox, url: str, name: str) -> None:
    api = Api(sandbox, url, VirtualClock())
    with api.http:
        api.create(name)


@pytest.fixture
def greyson(platform: Platform) -> Platform:
    """A board with the orders of GREYSON."""
    platform.load(GREYSON)
    assert platform.sync().is_done
    return platform


def test_the_greyson_group_stands_there_with_its_orders_their_sizes_and_coloured_labels(greyson: Platform, page: Page) -> None:
    page.set_viewport_size({"width": 1400, "height": 4000})
    page.goto(f"{greyson.url}/#GREYSON")
    snapshot = {each.title: each.items for each in greyson.sandbox.board_snapshot(ITEMS_BOARD_ID) if each.items}
    assert len(snapshot) == 4
    for title, items in snapshot.items():
        expect(group(page, title).locator("tr.item .name")).to_have_text([item.name for item in items])
    expect(page.locator(".board .title .soft")).to_contain_text("69 items of 10,000 · 317 subitems")
    title, items = next(iter(snapshot.items()))
    row = group(page, title).locator("tr.item").first
    expect(row.locator(".chip")).to_have_count(len(items[0].subitems))
    row.locator("td.sizes button").click()
    nested = group(page, title).locator("tr.nested tbody tr")
    expect(nested.locator("td:first-child")).to_have_text([child.name for child in items[0].subitems])
    assert background(page.locator("td.status span", has_text="PCS").first) == "rgb(0, 200, 117)"


def test_dropdown_labels_have_colours_and_several_in_a_cell_are_told_apart(api: Api, page: Page) -> None:
    api.create("A", {"dropdown_mkr5rgs6": {"labels": ["SS26", "FW26"]}}, labels=True)
    page.goto(api.url)
    pills = page.locator("tr.item .pill")
    expect(pills).to_have_text(["SS26", "FW26"])
    assert len({background(pill) for pill in pills.all()} - {"rgb(196, 196, 196)", "rgba(0, 0, 0, 0)"}) == 2


def test_an_order_appears_while_the_page_is_open_and_the_reader_keeps_the_place(api: Api, page: Page) -> None:
    first = api.create("FIRST")
    api.create_subitem(first, "Size S", {"numeric_mkra7j8e": "5"})
    page.goto(api.url)
    sizes = page.locator(f"#item-{first} td.sizes button")
    sizes.focus()
    page.keyboard.press("Enter")
    expect(page.locator("tr.nested")).to_be_visible()
    second = api.create("SECOND")
    api.create_subitem(second, "Size M", {"numeric_mkra7j8e": "7"})
    later(page)
    expect(page.locator(f"#item-{second}")).to_contain_text("SECOND")
    expect(page.locator(f"#item-{second} .chip")).to_have_text("M7")
    expect(group(page, "New orders").locator("h3 .soft")).to_have_text("2 items · 2 subitems")
    expect(page.locator("tr.nested")).to_be_visible()
    expect(sizes).to_be_focused()
    expect(sizes).to_have_attribute("aria-expanded", "true")


def test_what_is_changed_archived_or_grouped_elsewhere_follows(api: Api, page: Page) -> None:
    kept, gone = api.create("KEPT", {"text_mkr5wya6": "GRE-1"}), api.create("GONE")
    page.goto(api.url)
    expect(page.locator("tr.item")).to_have_count(2)
    api.clock.sleep(1)
    api.data(f"mutation {{ archive_item(item_id: {gone}) {{ id }} }}")
    change = "mutation($i: ID!, $b: ID!, $v: JSON!) { change_multiple_column_values(item_id: $i, board_id: $b, column_values: $v) { id } }"
    api.data(change, i=kept, b=ITEMS_BOARD_ID, v=json.dumps({"text_mkr5wya6": "GRE-2"}))
    api.data(CREATE_GROUP, b=ITEMS_BOARD_ID, n="GREYSON SS26")
    later(page)
    expect(page.locator("tr.item")).to_have_count(1)
    expect(page.locator(f"#item-{kept}")).to_contain_text("GRE-2")
    expect(group(page, "GREYSON SS26").locator("h3 .soft")).to_have_text("empty")


def test_the_last_requests_tell_cost_seconds_outcome_and_what_went_wrong(start: Start, page: Page) -> None:
    api = start(faults=Faults())
    api.create("A")
    api.post("mutation { a: archive_item(item_id: 1) { id } b: archive_item(item_id: 2) { id } }")
    api.sandbox.faults.queue(Fault.HTML_502)
    api.post("{ me { id } }")
    page.goto(api.url)
    expect(page.locator(".request")).to_have_count(3)
    failed, refused, done = page.locator(".request").all()
    expect(done.locator(".what")).to_have_text("create_item")
    expect(done).to_contain_text(re.compile(r"30,001 pt\s*\d\.\d\d s\s*HTTP 200"))
    expect(done.locator(".outcome")).to_have_class(re.compile("good"))
    expect(refused.locator(".what")).to_have_text("2 × archive_item")
    expect(refused.locator(".outcome")).to_have_text("refused")
    expect(refused.locator(".outcome")).to_have_class(re.compile("bad"))
    expect(refused.locator(".why")).to_have_text("ResourceNotFoundException")
    expect(failed).to_contain_text("HTTP 502")
    expect(failed.locator(".why")).to_have_text("fault: html_502")
    expect(page.locator("#outcomes")).to_contain_text("1 ok 1 refused")


def test_a_sandbox_that_is_gone_is_said_to_be_gone_and_one_that_comes_back_is_read_anew(
    page: Page, page_errors: list[str]
) -> None:
    with contextlib.closing(Sandbox()) as before, running(before) as url:
        create(before, url, "BEFORE")
        before_changes = before.state.changes
        page.goto(url)
        expect(page.locator("tr.item .name")).to_have_text("BEFORE")
        expect(page.get_by_role("alert")).to_be_hidden()
    later(page)
    expect(page.get_by_role("alert")).to_contain_text("The sandbox does not answer")
    expect(page.get_by_role("alert")).to_contain_text("What you see is as it was at")
    expect(page.locator("#live")).to_have_text("no answer")
    expect(page.locator("tr.item .name")).to_have_text("BEFORE")
    # As many changes as before: a page that only compared that number would go on showing the old board.
    with contextlib.closing(Sandbox()) as after, running(after, int(url.rsplit(":", 1)[1])):
        create(after, url, "AFTER")
        assert after.state.changes == before_changes
        later(page)
        expect(page.locator("tr.item .name")).to_have_text("AFTER")
        expect(page.get_by_role("alert")).to_be_hidden()
        expect(page.locator("#live")).to_contain_text("live")
    page_errors[:] = [error for error in page_errors if "net::ERR_" not in error]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_looks_like_code_or_runs_backwards_or_on_is_shown_as_text(api: Api, page: Page, text: str) -> None:
    api.data(CREATE_GROUP, b=ITEMS_BOARD_ID, n=text)
    parent = api.create(text, {"text_mkr5wya6": text, "dropdown_mkr5rgs6": {"labels": [text[:30]]}}, labels=True)
    api.create_subitem(parent, text)
    page.goto(api.url)
    row = page.locator(f"#item-{parent}")
    expect(row.locator("td")).to_have_text([text, text, text, text[:30]])
    row.locator("button").click()
    expect(page.locator("tr.nested tbody td").first).to_have_text(text)
    assert sorted(page.locator(".group strong").all_text_contents()) == sorted(["New orders", text])
    assert page.evaluate("window.obeyed") is None
    assert not is_wider_than_the_window(page)


def test_a_group_is_found_by_typing_and_by_address(api: Api, page: Page) -> None:
    api.data(CREATE_GROUP, b=ITEMS_BOARD_ID, n="GREYSON SS26")
    page.goto(api.url)
    expect(page.locator(".group")).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("greyson ss")
    expect(group(page, "GREYSON SS26")).to_be_visible()
    expect(group(page, "New orders")).to_be_hidden()
    page.reload()
    expect(group(page, "GREYSON SS26")).to_be_visible()
    expect(group(page, "New orders")).to_be_hidden()
    page.locator("#find").fill("RHONE")
    expect(page.get_by_text("No item and no group has “RHONE”")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".group:visible")).to_have_count(2)


@pytest.mark.parametrize("what", ["gre-00421", "po 4755", "SKATE", "id"])
def test_an_order_is_found_by_number_po_style_and_item(api: Api, page: Page, what: str) -> None:
    api.data(CREATE_GROUP, b=ITEMS_BOARD_ID, n="GREYSON SS26")
    wanted = api.create("SKATE - NAVY", {"text_mkr5wya6": "GRE-00421", "text_mkr5ej2x": "PO 4755"})
    api.create("OTHER", {"text_mkr5wya6": "GRE-00422"})
    page.goto(api.url)
    expect(page.locator("tr.item")).to_have_count(2)
    page.locator("#find").fill(str(wanted) if what == "id" else what)
    expect(page.locator("tr.item")).to_have_count(1)
    expect(page.locator(f"#item-{wanted}")).to_be_visible()
    expect(group(page, "GREYSON SS26")).to_be_hidden()
    page.reload()
    expect(page.locator("tr.item:visible")).to_have_count(1)


def test_a_group_is_folded_by_the_keyboard_and_a_refresh_leaves_it_folded(api: Api, page: Page) -> None:
    api.create("A")
    page.goto(api.url)
    heading = group(page, "New orders").locator("h3 button")
    expect(page.locator("tr.item")).to_be_visible()
    heading.press("Enter")
    expect(page.locator("tr.item")).to_be_hidden()
    api.create("B")
    later(page)
    expect(heading).to_contain_text("2 items")
    expect(page.locator("tr.item").first).to_be_hidden()
    expect(heading).to_be_focused()
    heading.press("Enter")
    expect(page.locator("tr.item")).to_have_count(2)


def test_an_empty_board_says_how_it_is_filled_until_it_is(api: Api, page: Page) -> None:
    page.goto(api.url)
    hint = page.get_by_text(f"any other monday client can write to {api.url}/v2")
    expect(hint).to_be_visible()
    expect(group(page, "New orders").locator("h3 .soft")).to_have_text("empty")
    api.create("A")
    later(page)
    expect(hint).to_be_hidden()


def test_a_long_group_shows_50_items_and_the_rest_on_demand(api: Api, page: Page) -> None:
    for number in range(53):
        api.create(f"I {number}")
    page.goto(api.url)
    expect(page.locator("tr.item")).to_have_count(50)
    page.get_by_role("button", name="Show 3 more items").click()
    expect(page.locator("tr.item")).to_have_count(53)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 800, 1400])
def test_the_page_fits_its_window_and_the_item_stays_in_sight(api: Api, page: Page, width: int, scheme: str) -> None:
    item = api.create(
        "AN ORDER OF MANY WORDS " * 10, {f"{name}": "X" * 40 for name in ("text_mkr5wya6", "text_mkr5ej2x", "text_mkr5cz8m")}
    )
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(api.url)
    name = page.locator(f"#item-{item} .name")
    expect(name).to_be_visible()
    page.locator(".scroll").evaluate("element => { element.scrollLeft = 10_000 }")
    assert 0 <= name.bounding_box()["x"] < width / 4
    assert name.bounding_box()["width"] < width / 2
    assert not is_wider_than_the_window(page)


def test_the_page_asks_nobody_but_the_sandbox_and_holds_no_token(api: Api, page: Page) -> None:
    answers: list = []
    page.on("response", lambda answer: answers.append(answer))
    api.create("A")
    api.post("{ me { id } }", Authorization="Bearer another-secret")
    page.goto(api.url)
    expect(page.locator("tr.item")).to_be_visible()
    assert {answer.url.split("?")[0].removeprefix(api.url) for answer in answers} == {
        "/",
        "/page/overview.json",
        "/page/group.json",
    }
    seen = [page.content(), *(answer.text() for answer in answers)]
    assert [text for text in seen if SANDBOX_TOKEN in text or "another-secret" in text] == []


def test_an_error_of_a_page_is_noticed_whether_it_is_written_or_thrown(page: Page, page_errors: list[str]) -> None:
    page.evaluate("console.error('written')")
    page.evaluate("setTimeout(() => { throw new Error('thrown') })")
    later(page)
    page.wait_for_function("true")
    assert [error.splitlines()[0] for error in page_errors] == ["written", "Error: thrown"]
    page_errors.clear()

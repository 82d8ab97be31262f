"""The page for people."""

from __future__ import annotations

import re

import httpx

from orders_platform.sandbox.server import SANDBOX_TOKEN


def overview(api, since: str = "") -> dict:
    return httpx.get(f"{api.url}/page/overview.json", params={"since": since}).json()


def group(api, group_id: str, **more: str) -> httpx.Response:
    return httpx.get(f"{api.url}/page/group.json", params={"board": "9609317401", "group": group_id, **more})


def test_the_page_loads_nothing_from_elsewhere_and_runs_its_own_script_only(api):
    answer = httpx.get(f"{api.url}/")
    nonce = re.search(r"script-src 'nonce-([^']+)'", answer.headers["Content-Security-Policy"]).group(1)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert f'<script nonce="{nonce}">' in answer.text
    assert answer.text.count("<script") == 1
    assert not re.search(r"https?://|@import|src=|innerHTML|insertAdjacentHTML|document\.write", answer.text)


def test_the_overview_counts_boards_groups_items_and_subitems(api):
    parent = api.create("A")
    api.create_subitem(parent, "S")
    (board,) = overview(api)["boards"]
    assert (board["name"], board["limit"]) == ("Customer Master Schedule", 10_000)
    assert [(each["title"], each["items"], each["subitems"]) for each in board["groups"]] == [("New orders", 1, 1)]


def test_an_unchanged_board_is_not_sent_again(api):
    seen = overview(api)
    assert overview(api, seen["changes"])["boards"] is None
    api.create("A")
    assert overview(api, seen["changes"])["boards"]


def test_a_new_subitem_changes_the_stamp_of_its_group(api):
    parent = api.create("A")
    before = overview(api)["boards"][0]["groups"][0]["stamp"]
    api.create_subitem(parent, "S")
    assert overview(api)["boards"][0]["groups"][0]["stamp"] != before


def test_the_last_requests_stand_with_cost_and_outcome(api):
    api.create("A")
    api.post("mutation { a: archive_item(item_id: 1) { id } b: archive_item(item_id: 2) { id } }")
    refused, done = overview(api)["requests"]
    assert (done["what"], done["cost"], done["status"], done["outcome"]) == ("create_item", 30_001, 200, "ok")
    assert (refused["what"], refused["outcome"], refused["errors"]) == (
        "2 × archive_item",
        "refused",
        ["ResourceNotFoundException"],
    )


def test_a_group_shows_the_columns_in_use_with_values_colours_and_subitems(api):
    parent = api.create("A", {"color_mkr5yf27": "PCS", "text_mkr5wya6": "GRE-1"})
    api.create_subitem(parent, "Size S", {"numeric_mkra7j8e": "5"})
    content = group(api, "topics").json()
    assert [column["title"] for column in content["columns"]] == ["AAG ORDER NUMBER", "UNIT OF MEASURE"]
    assert content["colors"]["color_mkr5yf27"]["PCS"] == "#00c875"
    (item,) = content["items"]
    assert (item["name"], item["cells"]["text_mkr5wya6"]) == ("A", "GRE-1")
    assert [(each["name"], each["cells"]) for each in item["subitems"]] == [("Size S", {"numeric_mkra7j8e": "5"})]


def test_a_long_group_comes_in_parts(api):
    for number in range(60):
        api.create(f"I {number}")
    assert len(group(api, "topics").json()["items"]) == 50
    assert len(group(api, "topics", rows="2000").json()["items"]) == 60


def test_an_unknown_group_is_not_found(api):
    assert group(api, "nothing").status_code == 404
    assert httpx.get(f"{api.url}/page/group.json").status_code == 404


def test_the_token_stands_nowhere_on_the_page(api):
    api.create("A")
    api.post("{ me { id } }", Authorization="Bearer another-secret")
    texts = [
        httpx.get(f"{api.url}{path}").text
        for path in ("/", "/page/overview.json", "/page/group.json?board=9609317401&group=topics")
    ]
    assert not [text for text in texts if SANDBOX_TOKEN in text or "another-secret" in text]

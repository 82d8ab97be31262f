"""Multi-level boards: one board for all levels, parents that add up."""

from __future__ import annotations

import pytest

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID

PRICE, NUMBER = "numeric_mkr5cact", "text_mkr5wya6"
VALUES = """
query($i: [ID!], $c: [ColumnCapability!]) { items(ids: $i) { column_values(ids: ["numeric_mkr5cact"], capabilities: $c) { text } } }"""


@pytest.fixture
def levels(api):
    api.sandbox.make_multi_level(ITEMS_BOARD_ID, rollup=[PRICE])
    return api


def price(api, item: int, *capabilities: str) -> str:
    return api.data(VALUES, i=[item], c=list(capabilities))["items"][0]["column_values"][0]["text"]


@pytest.mark.parametrize(("turned", "kind"), [(False, "classic"), (True, "multi_level")])
def test_a_board_says_what_it_is(api, turned, kind):
    if turned:
        api.sandbox.make_multi_level(ITEMS_BOARD_ID)
    assert api.data("{ boards(ids: [9609317401]) { hierarchy_type } }")["boards"] == [{"hierarchy_type": kind}]


def test_all_levels_lie_on_the_board_and_five_are_the_most(levels):
    chain = [levels.create("1")]
    for level in "2345":
        chain.append(levels.create_subitem(chain[-1], level, {NUMBER: level}))
    query = 'mutation($p: ID!) { create_subitem(parent_item_id: $p, item_name: "6") { id } }'
    assert levels.refusal(query, p=chain[-1])["extensions"]["code"] == "InvalidArgumentException"
    found = levels.data("query($i: [ID!]) { items(ids: $i) { board { id } parent_item { id } } }", i=chain)["items"]
    assert {item["board"]["id"] for item in found} == {str(ITEMS_BOARD_ID)}
    assert [item["parent_item"] and int(item["parent_item"]["id"]) for item in found[::-1]] == [None, *chain[:-1]]
    assert levels.names() == ["1"]


def test_subitems_are_all_that_lie_below_and_go_with_their_item(levels):
    top = levels.create("1")
    below = levels.create_subitem(top, "2")
    levels.create_subitem(below, "3")
    query = "query($i: [ID!]) { items(ids: $i) { group { id } subitems { name group { id } } } }"
    assert [child["name"] for child in levels.data(query, i=[top])["items"][0]["subitems"]] == ["2", "3"]
    group = levels.data('mutation { create_group(board_id: 9609317401, group_name: "G") { id } }')["create_group"]["id"]
    levels.data("mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }", i=top, g=group)
    assert {child["group"]["id"] for child in levels.data(query, i=[top])["items"][0]["subitems"]} == {group}
    levels.data("mutation($g: String!) { archive_group(board_id: 9609317401, group_id: $g) { id } }", g=group)
    assert levels.data("{ boards(ids: [9609317401]) { items_count } }")["boards"] == [{"items_count": 0}]


def test_a_write_to_a_calculated_cell_succeeds_and_changes_nothing(levels):
    top = levels.create("1", {PRICE: "100"})
    levels.create_subitem(top, "a", {PRICE: "1.5"})
    middle = levels.create_subitem(top, "b", {PRICE: "50"})
    levels.create_subitem(middle, "c", {PRICE: "2"})
    change = "mutation($i: ID!, $v: JSON!) { change_multiple_column_values(board_id: 9609317401, item_id: $i, column_values: $v) { id } }"
    levels.data(change, i=top, v=f'{{"{PRICE}": "7", "{NUMBER}": "K"}}')
    assert (price(levels, top), price(levels, top, "CALCULATED")) == ("", "3.5")
    assert levels.cell(top, NUMBER)[0] == "K"


def test_a_parent_with_nothing_below_keeps_its_own_value(levels):
    top = levels.create("1", {PRICE: "100"})
    assert (price(levels, top), price(levels, top, "CALCULATED")) == ("100", "100")


def test_the_kind_of_a_board_survives_a_restart(start, tmp_path):
    first = start(state=tmp_path / "boards.sqlite")
    first.sandbox.make_multi_level(ITEMS_BOARD_ID)
    first.sandbox.close()
    again = start(state=tmp_path / "boards.sqlite")
    assert again.data("{ boards(ids: [9609317401]) { hierarchy_type } }")["boards"] == [{"hierarchy_type": "multi_level"}]

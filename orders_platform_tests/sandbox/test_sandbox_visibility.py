"""The visibility lag: lists and look-ups show yesterday's board, `items(ids)` shows today's."""

from __future__ import annotations

import pytest

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.sandbox_options import Lagging, Switches

NUMBER = "text_mkr5wya6"
GROUP = 'mutation { create_group(board_id: 9609317401, group_name: "G") { id } }'
BY_GROUP = "{ boards(ids: [9609317401]) { groups { items_page(limit: 100) { items { name group { title } } } } } }"
LOOK_UP = """
query($v: [String]!) { items_page_by_column_values(board_id: 9609317401, columns: [{column_id: "text_mkr5wya6", column_values: $v}])
  { items { name state } } }"""
SUBITEMS = """
query($i: [ID!]) { items(ids: $i) { subitems { name } column_values(types: [subtasks]) { ... on SubtasksValue { display_value } } } }"""


def by_group(api) -> list[list[str]]:
    groups = api.data(BY_GROUP)["boards"][0]["groups"]
    return [[item["name"] for item in group["items_page"]["items"]] for group in groups]


def subitems(api, item: int) -> tuple[list[str], str]:
    (found,) = api.data(SUBITEMS, i=[item])["items"]
    return [child["name"] for child in found["subitems"]], found["column_values"][0]["display_value"]


@pytest.mark.parametrize("operation", ["archive_item", "delete_item"])
def test_a_retired_item_is_still_listed_and_found_but_items_by_id_knows(start, operation):
    api = start(visibility_lag=30.0)
    item = api.create("A", {NUMBER: "1"})
    api.clock.now += 30
    api.data(f"mutation($i: ID!) {{ {operation}(item_id: $i) {{ id }} }}", i=item)
    assert api.names() == ["A"]
    assert api.data(LOOK_UP, v=["1"])["items_page_by_column_values"]["items"] == [{"name": "A", "state": "active"}]
    assert api.data("query($i: [ID!]) { items(ids: $i) { state } }", i=[item])["items"][0]["state"] != "active"
    api.clock.now += 30
    assert api.names() == []
    assert api.data(LOOK_UP, v=["1"])["items_page_by_column_values"]["items"] == []


def test_an_item_made_and_retired_within_the_lag_is_never_listed(start):
    api = start(visibility_lag=30.0)
    item = api.create("A")
    api.clock.now += 10
    api.data("mutation($i: ID!) { archive_item(item_id: $i) { id } }", i=item)
    assert api.names() == []
    api.clock.now += 25
    assert api.names() == ["A"]
    api.clock.now += 5
    assert api.names() == []


def test_a_moved_item_is_listed_in_its_old_group_and_place(start):
    api = start(visibility_lag=30.0)
    group = api.data(GROUP)["create_group"]["id"]
    first = api.create("A")
    api.create("B")
    api.clock.now += 30
    api.data("mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }", i=first, g=group)
    assert by_group(api) == [["A", "B"], []]
    found = api.data("query($i: [ID!]) { items(ids: $i) { group { title } } }", i=[first])["items"]
    assert found == [{"group": {"title": "G"}}]
    listed = api.data("{ boards(ids: [9609317401]) { items_page { items { group { title } } } } }")["boards"][0]["items_page"]
    assert {item["group"]["title"] for item in listed["items"]} == {"New orders"}
    api.clock.now += 30
    assert by_group(api) == [["B"], ["A"]]


def test_of_two_moves_the_lists_show_each_in_its_time(start):
    api = start(visibility_lag=30.0)
    groups = ["topics", *(api.data(GROUP)["create_group"]["id"] for _ in range(2))]
    item = api.create("A")
    api.clock.now += 30
    for group in groups[1:]:
        api.data("mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }", i=item, g=group)
        api.clock.now += 20
    assert by_group(api) == [[], ["A"], []]
    api.clock.now += 10
    assert by_group(api) == [[], [], ["A"]]


def test_subitems_of_an_item_lag_too(start):
    api = start(visibility_lag=30.0)
    parent = api.create("A")
    child = api.create_subitem(parent, "S")
    assert subitems(api, parent) == ([], "")
    api.clock.now += 30
    assert subitems(api, parent) == (["S"], "S")
    api.data("mutation($i: ID!) { archive_item(item_id: $i) { id } }", i=child)
    assert subitems(api, parent) == (["S"], "S")
    api.clock.now += 30
    assert subitems(api, parent) == ([], "")


def test_a_filter_by_group_follows_the_lists(start):
    api = start(visibility_lag=30.0)
    group = api.data(GROUP)["create_group"]["id"]
    item = api.create("A")
    api.clock.now += 30
    api.data("mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }", i=item, g=group)
    query = """query($g: CompareValue!) { boards(ids: [9609317401]) {
      items_page(query_params: {rules: [{column_id: "group", compare_value: $g}]}) { items { name } } } }"""

    def inside(wanted: str) -> int:
        return len(api.data(query, g=[wanted])["boards"][0]["items_page"]["items"])

    assert (inside("topics"), inside(group)) == (1, 0)
    api.clock.now += 30
    assert (inside("topics"), inside(group)) == (0, 1)


@pytest.mark.parametrize("left_out", Lagging)
def test_what_the_lag_covers_is_a_switch(start, left_out):
    api = start(visibility_lag=30.0, switches=Switches(lag_covers=frozenset(Lagging) - {left_out}))
    group = api.data(GROUP)["create_group"]["id"]
    moved, retired, parent = (api.create(name) for name in ("moved", "retired", "parent"))
    api.clock.now += 60
    api.data("mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }", i=moved, g=group)
    api.data("mutation($i: ID!) { archive_item(item_id: $i) { id } }", i=retired)
    api.create("new")
    api.create_subitem(parent, "S")
    first, second = by_group(api)
    assert ("new" in first) == (left_out is Lagging.NEW)
    assert ("retired" in first) == (left_out is not Lagging.RETIRED)
    assert ("moved" in second) == (left_out is Lagging.MOVED)
    assert ("S" in subitems(api, parent)[0]) == (left_out in {Lagging.SUBITEMS, Lagging.NEW})


def test_the_snapshot_and_a_board_without_lag_show_what_is(start):
    api = start(visibility_lag=30.0)
    api.create("A")
    assert [item.name for item in api.sandbox.board_snapshot(ITEMS_BOARD_ID)[0].items] == ["A"]
    assert api.sandbox.state.number("SELECT count(*) FROM past") == 0
    without = start()
    item = without.create("A")
    without.data("mutation($i: ID!) { archive_item(item_id: $i) { id } }", i=item)
    assert without.names() == []
    assert without.sandbox.state.number("SELECT count(*) FROM past") == 0


def test_what_is_over_is_forgotten(start):
    api = start(visibility_lag=30.0)
    for _ in range(5):
        item = api.create("A")
        api.clock.now += 31
        api.data("mutation($i: ID!) { archive_item(item_id: $i) { id } }", i=item)
    assert api.sandbox.state.number("SELECT count(*) FROM past") == 1

"""Lists, pages, look-ups, filters, and what they do not show yet."""

from __future__ import annotations

import json

import pytest

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID

KEY, QTY, TYPE, UNIT = "text_mkr5wya6", "numeric_mktb1d19", "dropdown_mkr518fc", "color_mkr5yf27"
FIRST_PAGE = "query($l: Int!) { boards(ids: [9609317401]) { items_page(limit: $l) { cursor items { name } } } }"
NEXT_PAGE = "query($c: String!, $l: Int!) { next_items_page(cursor: $c, limit: $l) { cursor items { name } } }"
LOOK_UP = """
query($c: [ItemsPageByColumnValuesQuery!], $l: Int! = 25, $cursor: String) {
  items_page_by_column_values(board_id: 9609317401, columns: $c, limit: $l, cursor: $cursor) { cursor items { name } } }"""
FILTER = "query($q: ItemsQuery) { boards(ids: [9609317401]) { items_page(query_params: $q) { items { name } } } }"


def first_page(api, limit: int) -> tuple[list[str], str | None]:
    page = api.data(FIRST_PAGE, l=limit)["boards"][0]["items_page"]
    return [item["name"] for item in page["items"]], page["cursor"]


def next_page(api, cursor: str, limit: int) -> tuple[list[str], str | None]:
    page = api.data(NEXT_PAGE, c=cursor, l=limit)["next_items_page"]
    return [item["name"] for item in page["items"]], page["cursor"]


def look_up(api, **columns: list[str | None]) -> list[str]:
    wanted = [{"column_id": column, "column_values": values} for column, values in columns.items()]
    return sorted(item["name"] for item in api.data(LOOK_UP, c=wanted)["items_page_by_column_values"]["items"])


def test_a_board_is_read_page_by_page(api):
    for name in "ABCDE":
        api.create(name)
    names, cursor = first_page(api, 2)
    assert names == ["A", "B"]
    names, cursor = next_page(api, cursor, 2)
    assert names == ["C", "D"]
    assert next_page(api, cursor, 2) == (["E"], None)


def test_a_page_that_just_fits_is_the_last(api):
    api.create("A")
    assert first_page(api, 1) == (["A"], None)


def test_a_cursor_gives_the_same_page_again(api):
    for name in "ABC":
        api.create(name)
    _, cursor = first_page(api, 2)
    assert next_page(api, cursor, 2) == next_page(api, cursor, 2) == (["C"], None)


def test_an_item_archived_between_two_pages_is_left_out(api):
    for name in "ABC":
        last = api.create(name)
    _, cursor = first_page(api, 1)
    api.data("mutation($i: ID) { archive_item(item_id: $i) { id } }", i=last)
    assert next_page(api, cursor, 10)[0] == ["B"]


def test_a_cursor_lives_sixty_minutes_from_the_first_page(api):
    for name in "ABCD":
        api.create(name)
    _, cursor = first_page(api, 1)
    api.clock.now += 3_599
    _, second = next_page(api, cursor, 1)
    api.clock.now += 1
    answer = api.post(NEXT_PAGE, {"c": second, "l": 1})
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == "CursorExpiredError"
    assert answer.json()["data"] is None


def test_an_invented_cursor_takes_the_whole_answer_with_it(api):
    body = api.post(NEXT_PAGE, {"c": "nothing", "l": 1}).json()
    assert (body["data"], body["errors"][0]["extensions"]["code"]) == (None, "CursorException")


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_has_1_to_500_items(api, limit):
    assert api.refusal(FIRST_PAGE, l=limit)["extensions"]["code"] == "InvalidArgumentException"


def test_a_failing_page_nulls_its_board_only(api):
    body = api.post(FIRST_PAGE, {"l": 501}).json()
    assert body["data"] == {"boards": [None]}
    assert body["errors"][0]["path"] == ["boards", 0, "items_page"]


def test_a_look_up_finds_whole_texts_in_any_case(api):
    api.create("A", {KEY: "GRE-04268"})
    api.create("B", {KEY: "GRE-042680"})
    assert look_up(api, **{KEY: ["gre-04268"]}) == ["A"]
    assert look_up(api, **{KEY: ["GRE-0426"]}) == []
    assert look_up(api, **{KEY: ["GRE-04268", "GRE-042680"]}) == ["A", "B"]


def test_the_columns_of_a_look_up_are_anded(api):
    api.create("A", {KEY: "K", QTY: "1"})
    api.create("B", {KEY: "K", QTY: "2"})
    assert look_up(api, **{KEY: ["K"], QTY: ["2.0"]}) == ["B"]


@pytest.mark.parametrize(
    ("column", "written", "wanted"),
    [
        (QTY, "-42", "-42"),
        (TYPE, "FORECAST", "forecast"),
        (UNIT, "PCS", "pcs"),
        ("date_mkr57811", "2026-01-02", "2026-01-02"),
        ("long_text_mkr5hass", "Some\nnotes", "some\nNOTES"),
        (KEY, "ÄRMEL", "ärmel"),
    ],
)
def test_a_look_up_works_on_the_types_monday_searches(api, column, written, wanted):
    api.create("A", {column: written})
    api.create("B")
    assert look_up(api, **{column: [wanted]}) == ["A"]


@pytest.mark.parametrize("empty", ["", None])
def test_a_look_up_for_nothing_finds_empty_cells(api, empty):
    api.create("A", {KEY: "K"})
    api.create("B")
    assert look_up(api, **{KEY: [empty]}) == ["B"]
    assert look_up(api, **{KEY: [empty, "K"]}) == ["A", "B"]


def test_a_look_up_by_name(api):
    api.create("A")
    api.create("B")
    assert look_up(api, name=["b"]) == ["B"]


def test_a_look_up_finds_active_items_only(api):
    item_id = api.create("A", {KEY: "K"})
    api.data("mutation($i: ID) { archive_item(item_id: $i) { id } }", i=item_id)
    assert look_up(api, **{KEY: ["K"]}) == []


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ([{"column_id": "lookup_mkrbrdr1", "column_values": ["x"]}], "InvalidArgumentException"),
        ([{"column_id": "pulse_id_mkr5pb5q", "column_values": ["1"]}], "InvalidArgumentException"),
        ([{"column_id": TYPE, "column_values": ["RECEIVED", "FORECAST"]}], "InvalidArgumentException"),
        ([{"column_id": "nothing", "column_values": ["x"]}], "InvalidColumnIdException"),
    ],
)
def test_a_look_up_that_monday_does_not_offer_is_refused(api, columns, code):
    body = api.post(LOOK_UP, {"c": columns}).json()
    assert (body["errors"][0]["extensions"]["code"], body["data"]) == (code, None)


def test_a_look_up_has_pages_too_but_not_with_columns_and_cursor(api):
    for name in "ABC":
        api.create(name, {KEY: "K"})
    columns = [{"column_id": KEY, "column_values": ["K"]}]
    cursor = api.data(LOOK_UP, c=columns, l=2)["items_page_by_column_values"]["cursor"]
    assert next_page(api, cursor, 5) == (["C"], None)
    assert api.data(LOOK_UP, cursor=cursor)["items_page_by_column_values"]["items"] == [{"name": "C"}]
    assert api.refusal(LOOK_UP, c=columns, cursor=cursor)["extensions"]["code"] == "InvalidArgumentException"


def test_items_by_id_come_in_any_state_newest_first_without_unknown_ones(api):
    first, second, third = api.create("A"), api.create("B"), api.create("C")
    api.data("mutation($i: ID) { archive_item(item_id: $i) { id } }", i=first)
    api.data("mutation($i: ID) { delete_item(item_id: $i) { id } }", i=second)
    query = "query($i: [ID!], $x: Boolean) { items(ids: $i, exclude_nonactive: $x) { name state } }"
    found = api.data(query, i=[first, second, third, 42])["items"]
    assert [(each["name"], each["state"]) for each in found] == [("C", "active"), ("B", "deleted"), ("A", "archived")]
    assert [each["name"] for each in api.data(query, i=[first, second, third], x=True)["items"]] == ["C"]


def test_items_gives_25_of_many_ids_unless_told_otherwise(api):
    ids = [api.create(f"I {number}") for number in range(27)]
    assert len(api.data("query($i: [ID!]) { items(ids: $i) { id } }", i=ids)["items"]) == 25
    assert len(api.data("query($i: [ID!]) { items(ids: $i, limit: 100) { id } }", i=ids)["items"]) == 27


@pytest.mark.parametrize(
    "query", ["query($i: [ID!]) { items(ids: $i) { id } }", "query($i: [ID!]) { items(ids: $i, limit: 101) { id } }"]
)
def test_items_takes_at_most_a_hundred_ids(api, query):
    ids = list(range(101)) if "101" not in query else [1]
    assert api.refusal(query, i=ids)["extensions"]["code"] == "InvalidArgumentException"


def test_items_without_ids_is_a_page_of_everything(api):
    for name in "ABC":
        api.create(name)
    assert api.data("{ items(limit: 2, page: 2) { name } }")["items"] == [{"name": "A"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"rules": [{"column_id": KEY, "compare_value": ["K1", "k2"]}]}, ["A", "B"]),
        ({"rules": [{"column_id": KEY, "compare_value": ["K1"], "operator": "not_any_of"}]}, ["B", "C"]),
        ({"rules": [{"column_id": KEY, "compare_value": [], "operator": "is_empty"}]}, ["C"]),
        ({"rules": [{"column_id": KEY, "compare_value": [], "operator": "is_not_empty"}]}, ["A", "B"]),
        ({"rules": [{"column_id": KEY, "compare_value": "1", "operator": "contains_text"}]}, ["A"]),
        ({"rules": [{"column_id": "name", "compare_value": ["b"]}]}, ["B"]),
        ({"rules": [{"column_id": UNIT, "compare_value": [1]}]}, ["C"]),
        ({"rules": [{"column_id": "group", "compare_value": ["topics"]}]}, ["A", "B", "C"]),
        (
            {
                "rules": [{"column_id": KEY, "compare_value": ["K1"]}, {"column_id": UNIT, "compare_value": [1]}],
                "operator": "or",
            },
            ["A", "C"],
        ),
        ({"rules": [{"column_id": KEY, "compare_value": ["K1"]}, {"column_id": UNIT, "compare_value": [1]}]}, []),
        ({"order_by": [{"column_id": "name", "direction": "desc"}]}, ["C", "B", "A"]),
    ],
)
def test_filter_rules(api, query, expected):
    api.create("A", {KEY: "K1"})
    api.create("B", {KEY: "K2"})
    api.create("C", {UNIT: "PCS"})
    assert [item["name"] for item in api.data(FILTER, q=query)["boards"][0]["items_page"]["items"]] == expected


def test_filter_by_ids_and_what_filters_refuse(api):
    wanted = api.create("A")
    api.create("B")
    assert api.data(FILTER, q={"ids": [wanted]})["boards"][0]["items_page"]["items"] == [{"name": "A"}]
    for query in ({"ids": list(range(101))}, {"order_by": [{"column_id": KEY}]}):
        assert api.refusal(FILTER, q=query)["extensions"]["code"] == "InvalidArgumentException"
    assert (
        api.refusal(FILTER, q={"rules": [{"column_id": "no", "compare_value": 1}]})["extensions"]["code"]
        == "InvalidColumnIdException"
    )


def test_query_params_belong_to_the_first_page_only(api):
    query = '{ boards(ids: [9609317401]) { items_page(cursor: "x", query_params: {ids: [1]}) { cursor } } }'
    assert api.refusal(query)["extensions"]["code"] == "InvalidArgumentException"


def test_a_group_has_pages_of_its_own(api):
    made = api.data('mutation { create_group(board_id: 9609317401, group_name: "G") { id } }')["create_group"]["id"]
    api.create("A")
    api.create("B", group=made)
    query = "query($g: [String]) { boards(ids: [9609317401]) { groups(ids: $g) { items_page { items { name } } } } }"
    assert api.data(query, g=[made])["boards"][0]["groups"] == [{"items_page": {"items": [{"name": "B"}]}}]


def test_boards_by_id_leave_unknown_ones_out_and_have_pages(api):
    assert [board["id"] for board in api.data("{ boards(ids: [5, 9609317401]) { id } }")["boards"]] == [str(ITEMS_BOARD_ID)]
    assert len(api.data("{ boards(limit: 1, page: 2) { id } }")["boards"]) == 1
    assert api.refusal('{ boards(ids: ["x"]) { id } }')["extensions"]["code"] == "InvalidArgumentException"


def test_lists_and_look_ups_lag_behind_but_items_by_id_do_not(start):
    api = start(visibility_lag=30.0)
    api.clock.now += 31
    item_id = api.create("A", {KEY: "K"})
    api.data('mutation { create_group(board_id: 9609317401, group_name: "G") { id } }')
    groups = "{ boards(ids: [9609317401]) { groups { title } } }"
    assert (api.names(), look_up(api, **{KEY: ["K"]}), len(api.data(groups)["boards"][0]["groups"])) == ([], [], 1)
    assert api.data("query($i: [ID!]) { items(ids: $i) { name } }", i=[item_id])["items"] == [{"name": "A"}]
    api.clock.now += 30
    assert (api.names(), look_up(api, **{KEY: ["K"]}), len(api.data(groups)["boards"][0]["groups"])) == (["A"], ["A"], 2)


def test_a_changed_cell_is_looked_up_only_after_the_lag(start):
    api = start(visibility_lag=30.0)
    item_id = api.create("A", {KEY: "old"})
    api.clock.now += 31
    change = "mutation($i: ID!, $v: JSON!) { change_multiple_column_values(board_id: 9609317401, item_id: $i, column_values: $v) { id } }"
    api.data(change, i=item_id, v=json.dumps({KEY: "new"}))
    assert look_up(api, **{KEY: ["new"]}) == []
    assert api.cell(item_id, KEY)[0] == "new"
    api.clock.now += 30
    assert look_up(api, **{KEY: ["new"]}) == ["A"]


def test_columns_are_shown_as_they_are_now_and_as_they_were_asked_for(start):
    columns = "{{ boards(ids: [9609317401]) {{ columns {{ id {} }} }} }}"
    settings, title = columns.format("settings"), f"query($more: Boolean!) {columns.format('title @include(if: $more)')}"
    first = start().data(settings)
    api = start()
    assert api.data(settings) == first
    fragments = [f"{columns.format('...Shown')} fragment Shown on Column {{ {name} }}" for name in ("title", "type")]
    assert [{*api.data(each)["boards"][0]["columns"][0]} for each in fragments] == [{"id", "title"}, {"id", "type"}]
    made = (
        "mutation($v: JSON)"
        ' { create_item(board_id: 9609317401, item_name: "A", column_values: $v, create_labels_if_missing: true) { id } }'
    )
    api.data(made, v=json.dumps({"dropdown_mkr58de6": {"labels": ["2031 FALL"]}}))
    assert "2031 FALL" in json.dumps(api.data(settings))
    api.data('mutation { change_column_title(board_id: 9609317401, column_id: "text_mkr5wya6", title: "X") { id } }')
    for more, shown in ((True, {"id": "text_mkr5wya6", "title": "X"}), (False, {"id": "text_mkr5wya6"})):
        assert shown in api.data(title, more=more)["boards"][0]["columns"]
    assert start().data(settings) == first

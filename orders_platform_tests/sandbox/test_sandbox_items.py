"""Items, subitems, groups, boards: creating, changing, retiring."""

from __future__ import annotations

import json

import pytest

from orders_platform.sandbox.board_template import FIRST_GROUP_ID, ITEMS_BOARD_ID, SUBITEMS_BOARD_ID

CHANGE = """
mutation($b: ID!, $i: ID, $v: JSON!) { change_multiple_column_values(board_id: $b, item_id: $i, column_values: $v) { id name } }"""
SIMPLE_NAME = """
mutation($i: ID!, $v: String) { change_simple_column_value(board_id: 9609317401, item_id: $i, column_id: "name", value: $v) { id name } }"""
ITEM = "query($i: [ID!]) { items(ids: $i) { id name state group { id title } board { id } parent_item { id } subitems { id } url } }"


def group(api, title: str = "G", **more: object) -> str:
    query = """mutation($b: ID!, $t: String!, $r: String, $m: PositionRelative) {
      create_group(board_id: $b, group_name: $t, relative_to: $r, position_relative_method: $m) { id } }"""
    return api.data(query, b=ITEMS_BOARD_ID, t=title, **more)["create_group"]["id"]


def titles(api) -> list[str]:
    found = api.data("{ boards(ids: [9609317401]) { groups { title archived deleted position color } } }")["boards"][0][
        "groups"
    ]
    return [each["title"] for each in found]


def item(api, item_id: int) -> dict:
    return api.data(ITEM, i=[item_id])["items"][0]


def test_a_new_sandbox_has_the_production_board_and_its_subitems_board(api):
    query = "{ boards { id name type state hierarchy_type items_limit items_count url columns { id type } groups { id } } }"
    boards = {board["id"]: board for board in api.data(query)["boards"]}
    assert set(boards) == {str(ITEMS_BOARD_ID), str(SUBITEMS_BOARD_ID)}
    master, subitems = boards[str(ITEMS_BOARD_ID)], boards[str(SUBITEMS_BOARD_ID)]
    assert (len(master["columns"]), len(subitems["columns"])) == (85, 11)
    assert (master["type"], subitems["type"]) == ("board", "sub_items_board")
    assert (master["hierarchy_type"], master["items_limit"], master["items_count"]) == ("classic", 10_000, 0)
    assert master["url"] == f"{api.url}/#board-{ITEMS_BOARD_ID}"
    assert len(master["groups"]) == len(subitems["groups"]) == 1


def test_the_customer_labels_are_the_canonical_names(api):
    found = api.data('{ boards(ids: [9609317401]) { columns(ids: ["dropdown_mkr542p2"]) { settings settings_str } } }')[
        "boards"
    ][0]["columns"][0]
    names = [label["label"] for label in found["settings"]["labels"]]
    assert len(names) == 52
    assert {"GREYSON", "B'HOOD", "PELOTON"} <= set(names)
    assert json.loads(found["settings_str"])["labels"][0]["name"] == names[0]


def test_the_subtasks_column_points_to_the_subitems_board(api):
    found = api.data("{ boards(ids: [9609317401]) { columns(types: [subtasks]) { settings } } }")["boards"][0]["columns"]
    assert [column["settings"]["boardIds"] for column in found] == [[SUBITEMS_BOARD_ID]]


def test_an_item_without_a_group_lands_in_the_first_one(api):
    found = item(api, api.create("A"))
    assert (found["group"]["id"], found["board"]["id"], found["state"], found["parent_item"]) == (
        FIRST_GROUP_ID,
        str(ITEMS_BOARD_ID),
        "active",
        None,
    )


def test_an_item_in_an_unknown_group_is_refused(api):
    assert api.create_refusal(group="group_nothing")["extensions"]["code"] == "ResourceNotFoundException"


@pytest.mark.parametrize("board", ["1", "x", str(SUBITEMS_BOARD_ID)])
def test_an_item_on_a_wrong_board_is_refused(api, board):
    error = api.refusal('mutation($b: ID!) { create_item(board_id: $b, item_name: "A") { id } }', b=board)
    assert error["extensions"]["code"] in {"InvalidBoardIdException", "InvalidArgumentException"}


@pytest.mark.parametrize(("name", "fits"), [("x" * 255, True), ("x", True), ("x" * 256, False), ("", False)])
def test_a_name_has_1_to_255_characters(api, name, fits):
    if fits:
        assert item(api, api.create(name))["name"] == name
    else:
        assert api.create_refusal(name)["extensions"]["code"] == "ItemNameTooLongException"


def test_a_name_among_the_values_overrides_the_argument(api):
    assert item(api, api.create("argument", {"name": "value"}))["name"] == "value"


def test_an_item_is_renamed_by_its_values_but_never_to_nothing(api):
    item_id = api.create("old")
    for name, expected in (("new", "new"), ("", "new"), (None, "new")):
        found = api.data(CHANGE, b=ITEMS_BOARD_ID, i=item_id, v=json.dumps({"name": name}))
        assert found["change_multiple_column_values"]["name"] == expected


def test_the_simple_form_renames_and_refuses_an_empty_name(api):
    item_id = api.create("old")
    assert api.data(SIMPLE_NAME, i=item_id, v="new")["change_simple_column_value"]["name"] == "new"
    assert api.refusal(SIMPLE_NAME, i=item_id, v="")["message"] == "Invalid item name. Name must not be empty"


def test_changing_needs_the_board_the_item_lies_on(api):
    child = api.create_subitem(api.create(), "Size S")
    assert api.refusal(CHANGE, b=ITEMS_BOARD_ID, i=child, v="{}")["extensions"]["code"] == "InvalidArgumentException"
    assert api.data(CHANGE, b=SUBITEMS_BOARD_ID, i=child, v='{"numeric_mkra7j8e": "3"}')
    assert api.refusal(CHANGE, b=ITEMS_BOARD_ID, v="{}")["extensions"]["code"] == "InvalidArgumentException"
    assert api.refusal(CHANGE, b=ITEMS_BOARD_ID, i=77, v="{}")["extensions"]["code"] == "ResourceNotFoundException"


def test_a_subitem_belongs_to_its_parent_and_to_the_subitems_board(api):
    parent = api.create("A")
    child = api.create_subitem(parent, "Size S", {"numeric_mkra7j8e": "5"})
    found = item(api, child)
    assert (found["parent_item"], found["board"]) == ({"id": str(parent)}, {"id": str(SUBITEMS_BOARD_ID)})
    assert item(api, parent)["subitems"] == [{"id": str(child)}]
    assert api.cell(child, "numeric_mkra7j8e")[0] == "5"
    assert (api.names(), api.names(SUBITEMS_BOARD_ID)) == (["A"], ["Size S"])


def test_the_first_subitem_of_a_board_makes_the_subitems_board(api):
    board = api.data(
        'mutation { create_board(board_name: "Fresh", board_kind: public, empty: true) { id columns { id } groups { id } } }'
    )["create_board"]
    assert [column["id"] for column in board["columns"]] == ["name"]
    assert len(board["groups"]) == 1
    parent = api.data('mutation($b: ID!) { create_item(board_id: $b, item_name: "A") { id } }', b=board["id"])["create_item"][
        "id"
    ]
    api.create_subitem(int(parent), "S")
    api.create_subitem(int(parent), "M")
    boards = api.data("{ boards { id name type columns(types: [subtasks]) { settings } } }")["boards"]
    made = [each for each in boards if each["name"] == "Subitems of Fresh"]
    assert [each["type"] for each in made] == ["sub_items_board"]
    (column,) = next(each["columns"] for each in boards if each["id"] == board["id"])
    assert column["settings"]["boardIds"] == [int(made[0]["id"])]


def test_a_subitem_of_a_subitem_is_refused(api):
    child = api.create_subitem(api.create(), "S")
    query = 'mutation($p: ID!) { create_subitem(parent_item_id: $p, item_name: "x") { id } }'
    assert api.refusal(query, p=child)["extensions"]["code"] == "InvalidArgumentException"
    assert api.refusal(query, p=5)["extensions"]["code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(("operation", "state"), [("archive_item", "archived"), ("delete_item", "deleted")])
def test_retiring_an_item_takes_its_subitems_along(api, operation, state):
    parent = api.create("A")
    child = api.create_subitem(parent, "S")
    api.data(f"mutation($i: ID) {{ {operation}(item_id: $i) {{ id }} }}", i=parent)
    assert (item(api, parent)["state"], item(api, child)["state"]) == (state, state)
    assert (api.names(), api.names(SUBITEMS_BOARD_ID), item(api, parent)["subitems"]) == ([], [], [])
    assert api.data("{ boards { items_count } }")["boards"] == [{"items_count": 0}, {"items_count": 0}]


def test_a_retired_item_takes_no_change(api):
    parent = api.create("A")
    api.data("mutation($i: ID) { archive_item(item_id: $i) { id } }", i=parent)
    queries = [
        (CHANGE, {"b": ITEMS_BOARD_ID, "i": parent, "v": "{}"}),
        ('mutation($i: ID!) { create_subitem(parent_item_id: $i, item_name: "S") { id } }', {"i": parent}),
        ('mutation($i: ID) { move_item_to_group(item_id: $i, group_id: "topics") { id } }', {"i": parent}),
    ]
    for query, variables in queries:
        assert api.refusal(query, **variables)["extensions"]["error_data"]["column_validation_error_code"] == "inactiveItems"


def test_a_deleted_item_cannot_be_archived_any_more(api):
    parent = api.create("A")
    api.data("mutation($i: ID) { delete_item(item_id: $i) { id } }", i=parent)
    error = api.refusal("mutation($i: ID) { archive_item(item_id: $i) { id } }", i=parent)
    assert error["extensions"]["code"] == "ResourceNotFoundException"
    assert api.refusal("mutation { archive_item { id } }")["extensions"]["code"] == "InvalidArgumentException"


def test_the_board_holds_no_more_than_its_limit_of_items(start):
    api = start(items_limit=2)
    first = api.create("A")
    api.create("B")
    assert api.create_refusal("C")["extensions"]["code"] == "ItemsLimitationException"
    api.data("mutation($i: ID) { archive_item(item_id: $i) { id } }", i=first)
    api.create("C")
    assert api.data("{ boards(ids: [9609317401]) { items_limit items_count } }")["boards"] == [
        {"items_limit": 2, "items_count": 2}
    ]


def test_an_item_moves_to_the_bottom_of_another_group(api):
    other = group(api, "Other")
    first = api.create("A", group=other)
    moved = api.create("B")
    api.data("mutation($i: ID, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }", i=moved, g=other)
    assert item(api, moved)["group"] == {"id": other, "title": "Other"}
    (_, found) = api.sandbox.board_snapshot(ITEMS_BOARD_ID)
    assert [each.id for each in found.items] == [first, moved]


@pytest.mark.parametrize(("method", "order"), [("before_at", ["A", "B", "C"]), ("after_at", ["C", "A", "B"])])
def test_a_method_alone_places_an_item_at_the_bottom_or_the_top(api, method, order):
    api.create("A")
    api.create("B")
    api.data(
        'mutation($m: PositionRelative) { create_item(board_id: 9609317401, item_name: "C", position_relative_method: $m) { id } }',
        m=method,
    )
    assert api.names() == order


@pytest.mark.parametrize(("method", "order"), [("before_at", ["A", "C", "B"]), ("after_at", ["A", "B", "C"])])
def test_an_item_is_placed_beside_another_one(api, method, order):
    api.create("A")
    other = api.create("B")
    query = """mutation($m: PositionRelative, $r: ID) {
      create_item(board_id: 9609317401, item_name: "C", position_relative_method: $m, relative_to: $r) { id } }"""
    api.data(query, m=method, r=other)
    assert api.names() == order


def test_group_titles_may_repeat_and_ids_do_not(api):
    assert group(api, "Same") != group(api, "Same")
    assert titles(api) == ["New orders", "Same", "Same"]


@pytest.mark.parametrize(
    ("more", "order"),
    [
        ({"r": FIRST_GROUP_ID, "m": "before_at"}, ["G", "New orders", "Last"]),
        ({"r": FIRST_GROUP_ID, "m": "after_at"}, ["New orders", "G", "Last"]),
        ({"m": "after_at"}, ["G", "New orders", "Last"]),
        ({"m": "before_at"}, ["New orders", "Last", "G"]),
    ],
)
def test_a_group_is_placed_where_it_was_asked_for(api, more, order):
    group(api, "Last")
    group(api, "G", **more)
    assert titles(api) == order


@pytest.mark.parametrize("title", ["", "x" * 256])
def test_a_group_title_has_1_to_255_characters(api, title):
    error = api.refusal("mutation($t: String!) { create_group(board_id: 9609317401, group_name: $t) { id } }", t=title)
    assert error["extensions"]["code"] == "InvalidArgumentException"


def test_a_group_is_renamed_coloured_and_moved(api):
    made = group(api, "G")
    query = """mutation($g: String!, $a: GroupAttributes!, $v: String!) {
      update_group(board_id: 9609317401, group_id: $g, group_attribute: $a, new_value: $v) { title color } }"""
    api.data(query, g=made, a="title", v="Renamed")
    assert api.data(query, g=made, a="color", v="#00c875")["update_group"] == {"title": "Renamed", "color": "#00c875"}
    api.data(query, g=made, a="relative_position_before", v=FIRST_GROUP_ID)
    assert titles(api) == ["Renamed", "New orders"]
    api.data(query, g=made, a="position", v="1000000")
    assert titles(api) == ["New orders", "Renamed"]
    assert api.refusal(query, g=made, a="position", v="high")["extensions"]["code"] == "InvalidArgumentException"


def test_a_group_colour_is_one_of_mondays(api):
    query = 'mutation($c: String) { create_group(board_id: 9609317401, group_name: "G", group_color: $c) { color } }'
    assert api.data(query, c="#00c875")["create_group"] == {"color": "#00c875"}
    assert api.refusal(query, c="#123456")["extensions"]["code"] == "InvalidArgumentException"


def test_a_column_stands_behind_another_one_and_may_bring_its_subitems_board(api):
    board = api.data('mutation { create_board(board_name: "B", board_kind: public) { id } }')["create_board"]["id"]
    query = """mutation($b: ID!, $t: ColumnType!, $i: String, $a: ID) {
      create_column(board_id: $b, title: "T", column_type: $t, id: $i, after_column_id: $a) { id settings } }"""
    api.data(query, b=board, t="text", i="between", a="name")
    subtasks = api.data(query, b=board, t="subtasks", i="children")["create_column"]
    columns = [
        each["id"]
        for each in api.data("query($b: [ID!]) { boards(ids: $b) { columns { id } } }", b=[board])["boards"][0]["columns"]
    ]
    assert (columns[:2], columns[-1]) == (["name", "between"], "children")
    assert len(subtasks["settings"]["boardIds"]) == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ('mutation { create_board(board_name: "", board_kind: public) { id } }', "CreateBoardException"),
        (
            'mutation { create_column(board_id: 9609317401, title: "T", column_type: status, defaults: "{") { id } }',
            "JsonParseException",
        ),
    ],
)
def test_a_board_without_a_name_and_broken_defaults_are_refused(api, query, code):
    assert api.refusal(query)["extensions"]["code"] == code


@pytest.mark.parametrize(("operation", "state"), [("archive_group", "archived"), ("delete_group", "deleted")])
def test_retiring_a_group_takes_its_items_along(api, operation, state):
    made = group(api, "G")
    item_id = api.create("A", group=made)
    api.data(f"mutation($g: String!) {{ {operation}(board_id: 9609317401, group_id: $g) {{ id archived deleted }} }}", g=made)
    assert (item(api, item_id)["state"], titles(api)) == (state, ["New orders"])


@pytest.mark.parametrize("operation", ["archive_group", "delete_group"])
def test_the_last_group_stays(api, operation):
    answer = api.post(f'mutation {{ {operation}(board_id: 9609317401, group_id: "topics") {{ id }} }}')
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["extensions"]["code"] == "DeleteLastGroupException"
    assert titles(api) == ["New orders"]


def test_a_board_made_without_empty_has_sample_items(api):
    board = api.data('mutation { create_board(board_name: "B", board_kind: private) { id items_count board_kind } }')[
        "create_board"
    ]
    assert (board["items_count"], board["board_kind"]) == (3, "private")
    assert api.names(int(board["id"])) == ["Task 1", "Task 2", "Task 3"]


@pytest.mark.parametrize(
    ("column_type", "prefix"),
    [("numbers", "numeric_"), ("status", "color_"), ("text", "text_"), ("people", "multiple_person_")],
)
def test_a_column_gets_an_id_that_does_not_always_follow_its_type(api, column_type, prefix):
    query = 'mutation($t: ColumnType!) { create_column(board_id: 9609317401, title: "T", column_type: $t) { id type title } }'
    assert api.data(query, t=column_type)["create_column"]["id"].startswith(prefix)


@pytest.mark.parametrize("column_id", ["Upper", "has space", "x" * 21, "text_mkr5wya6"])
def test_a_bad_or_taken_column_id_is_refused(api, column_id):
    query = 'mutation($i: String) { create_column(board_id: 9609317401, title: "T", column_type: text, id: $i) { id } }'
    assert api.refusal(query, i=column_id)["extensions"]["code"] == "InvalidArgumentException"


def test_a_second_subitems_column_is_refused(api):
    error = api.refusal('mutation { create_column(board_id: 9609317401, title: "T", column_type: subtasks) { id } }')
    assert error["extensions"]["code"] == "InvalidArgumentException"


def test_one_refused_mutation_leaves_its_neighbours_done(api):
    query = """mutation {
      a: create_item(board_id: 9609317401, item_name: "A") { id }
      b: create_item(board_id: 9609317401, item_name: "B", column_values: "{\\"numeric_mktb1d19\\": \\"x\\"}") { id }
      c: create_item(board_id: 9609317401, item_name: "C") { id } }"""
    answer = api.post(query)
    body = answer.json()
    assert answer.status_code == 200
    assert [key for key, value in body["data"].items() if value] == ["a", "c"]
    assert [error["path"] for error in body["errors"]] == [["b"]]
    assert body["errors"][0]["extensions"]["error_data"]["column_type"] == "numbers"
    assert api.names() == ["A", "C"]


def test_one_json_error_among_successes_does_not_change_the_status(api):
    query = """mutation {
      a: create_item(board_id: 9609317401, item_name: "A") { id }
      b: create_item(board_id: 9609317401, item_name: "B", column_values: "{") { id } }"""
    assert api.post(query).status_code == 200


def test_the_snapshot_holds_groups_items_and_subitems_with_their_values(api):
    parent = api.create("A", {"text_mkr5wya6": "GRE-1"})
    child = api.create_subitem(parent, "S", {"numeric_mkra7j8e": "5"})
    (found,) = api.sandbox.board_snapshot(ITEMS_BOARD_ID)
    assert (found.title, [each.name for each in found.items]) == ("New orders", ["A"])
    assert (found.items[0].id, found.items[0].values) == (parent, {"text_mkr5wya6": "GRE-1"})
    assert [(each.id, each.name, each.values) for each in found.items[0].subitems] == [(child, "S", {"numeric_mkra7j8e": "5"})]


POSITION = """mutation($i: ID!, $g: ID, $t: Boolean, $r: ID, $m: PositionRelative) {
  change_item_position(item_id: $i, group_id: $g, group_top: $t, relative_to: $r, position_relative_method: $m) { id } }"""


@pytest.mark.parametrize(
    ("where", "order"),
    [
        ({"g": "topics"}, ["A", "B", "C"]),
        ({"g": "topics", "t": True}, ["C", "A", "B"]),
        ({"r": 0, "m": "before_at"}, ["C", "A", "B"]),
        ({"r": 0, "m": "after_at"}, ["A", "C", "B"]),
    ],
)
def test_an_item_changes_its_place(api, where, order):
    made = [api.create(name) for name in "ABC"]
    api.data(POSITION, i=made[2], **{key: made[value] if key == "r" else value for key, value in where.items()})
    assert api.names() == order


def test_a_place_is_given_by_a_group_or_by_an_item_and_never_to_a_subitem(api):
    item = api.create()
    child = api.create_subitem(item, "S")
    for given in ({"i": item}, {"i": item, "g": "topics", "r": item}, {"i": child, "g": "topics"}):
        assert api.refusal(POSITION, **given)["extensions"]["code"] == "InvalidArgumentException"
    api.data("mutation($i: ID!) { archive_item(item_id: $i) { id } }", i=item)
    assert api.refusal(POSITION, i=item, g="topics")["extensions"]["code"] == "ColumnValueException"


def test_a_deleted_column_takes_its_values_along_and_its_id_never_returns(api):
    item = api.create("A", {"text_mkr5wya6": "K", "text_mkr5ej2x": "P"})
    delete = 'mutation { delete_column(board_id: 9609317401, column_id: "text_mkr5wya6") { id title } }'
    assert api.data(delete)["delete_column"] == {"id": "text_mkr5wya6", "title": "AAG ORDER NUMBER"}
    assert api.sandbox.board_snapshot(ITEMS_BOARD_ID)[0].items[0].values == {"text_mkr5ej2x": "P"}
    assert api.create_refusal("B", {"text_mkr5wya6": "K"})["extensions"]["code"] == "InvalidColumnIdException"
    again = 'mutation { create_column(board_id: 9609317401, title: "T", column_type: text, id: "text_mkr5wya6") { id } }'
    assert api.refusal(again)["extensions"]["code"] == "InvalidArgumentException"
    assert api.refusal(delete)["extensions"]["code"] == "InvalidColumnIdException"
    assert api.refusal(delete.replace("text_mkr5wya6", "name"))["extensions"]["code"] == "InvalidArgumentException"
    assert item


def test_a_column_after_a_deleted_one_gets_a_new_id(api):
    create = 'mutation { create_column(board_id: 9609317401, title: "T", column_type: text) { id } }'
    first = api.data(create)["create_column"]["id"]
    api.data("mutation($c: String!) { delete_column(board_id: 9609317401, column_id: $c) { id } }", c=first)
    assert api.data(create)["create_column"]["id"] != first


def test_a_column_is_renamed(api):
    rename = 'mutation { change_column_title(board_id: 9609317401, column_id: "text_mkr5wya6", title: "NUMBER") { title } }'
    assert api.data(rename)["change_column_title"] == {"title": "NUMBER"}


@pytest.mark.parametrize("operation", ["archive_board", "delete_board"])
def test_a_retired_board_takes_no_more_items(api, operation):
    state = api.data(f"mutation {{ {operation}(board_id: 9609317401) {{ state }} }}")[operation]["state"]
    assert operation.startswith(state[:5])
    assert api.create_refusal()["extensions"]["code"] == "InvalidBoardIdException"
    assert api.data("{ boards(ids: [9609317401]) { id } }") == {"boards": []}


@pytest.mark.parametrize(("column", "label"), [("dropdown_mkr58de6", "2025 FALL"), ("color_mkr5yf27", "PCS")])
def test_a_person_removes_a_label_and_its_cells_are_empty(api, column, label):
    api.create("A", {column: label, "text_mkr5wya6": "K"})
    other = api.create("B", {"dropdown_mkr58de6": "2026 FALL", "color_mkr5yf27": "EACH"})
    api.sandbox.remove_label(ITEMS_BOARD_ID, column, label)
    first, second = api.sandbox.board_snapshot(ITEMS_BOARD_ID)[0].items
    assert (first.values, second.id, len(second.values)) == ({"text_mkr5wya6": "K"}, other, 2)
    assert (
        api.create_refusal("C", {column: label})["extensions"]["error_data"]["column_validation_error_code"] == "missingLabel"
    )
    with pytest.raises(LookupError):
        api.sandbox.remove_label(ITEMS_BOARD_ID, column, label)


MOVE_TO_BOARD = """
mutation($i: ID!, $b: ID!, $g: ID!, $c: [ColumnMappingInput!]) {
  move_item_to_board(item_id: $i, board_id: $b, group_id: $g, columns_mapping: $c) { id } }"""


def other_board(api) -> tuple[str, str, str]:
    """A board with a text column titled like one of ours; its id, its group and that column."""
    made = api.data('mutation { create_board(board_name: "Shipped", board_kind: public, empty: true) { id groups { id } } }')
    board_id, group_id = made["create_board"]["id"], made["create_board"]["groups"][0]["id"]
    query = 'mutation($b: ID!) { create_column(board_id: $b, column_type: text, title: "AAG ORDER #") { id } }'
    return board_id, group_id, api.data(query, b=board_id)["create_column"]["id"]


@pytest.mark.parametrize("is_mapped", [True, False])
def test_an_item_moves_to_another_board_with_its_id_and_its_subitems(api, is_mapped):
    board_id, group_id, column_id = other_board(api)
    titles = {
        c["id"]: c["title"] for c in api.data("{ boards(ids: [9609317401]) { columns { id title } } }")["boards"][0]["columns"]
    }
    found = api.create("A", {"text_mkr5wya6": "GRE-1", "text_mkr5ej2x": "4755"})
    child = api.create_subitem(found, "Size S")
    mapping = [{"source": "text_mkr5wya6", "target": column_id}, {"source": "text_mkr5ej2x"}] if is_mapped else None
    api.data(MOVE_TO_BOARD, i=found, b=board_id, g=group_id, c=mapping)
    shown = item(api, found)
    assert (shown["board"]["id"], shown["group"]["id"], shown["subitems"]) == (board_id, group_id, [{"id": str(child)}])
    assert item(api, child)["board"]["id"] not in {str(SUBITEMS_BOARD_ID), board_id}
    expected = "GRE-1" if is_mapped or titles["text_mkr5wya6"] == "AAG ORDER #" else ""
    assert api.cell(found, column_id)[0] == expected
    assert api.names() == []
    counts = api.data("query($b: [ID!]) { boards(ids: $b) { items_count } }", b=[str(ITEMS_BOARD_ID), board_id])["boards"]
    assert sorted(each["items_count"] for each in counts) == [0, 1]


def test_a_subitem_does_not_move_to_another_board(api):
    board_id, group_id, _ = other_board(api)
    child = api.create_subitem(api.create("A"), "Size S")
    assert api.refusal(MOVE_TO_BOARD, i=child, b=board_id, g=group_id)["extensions"]["code"] == "InvalidArgumentException"


def test_a_copied_item_has_the_values_and_the_subitems_of_the_first(api):
    found = api.create("A", {"text_mkr5wya6": "GRE-1"})
    api.create_subitem(found, "Size S", {"numeric_mkra7j8e": "3"})
    query = "mutation($i: ID) { duplicate_item(board_id: 9609317401, item_id: $i) { id name subitems { name column_values { text } } } }"
    made = api.data(query, i=found)["duplicate_item"]
    assert (made["name"], api.cell(int(made["id"]), "text_mkr5wya6")[0]) == ("A (copy)", "GRE-1")
    ((child,), subitem) = made["subitems"], made["subitems"][0]
    assert (child["name"], "3" in {cell["text"] for cell in subitem["column_values"]}) == ("Size S", True)


def test_a_person_makes_items_of_subitems_and_subitems_of_items(api):
    first, second = api.create("A", {"text_mkr5wya6": "GRE-1"}), api.create("B")
    child = api.create_subitem(second, "Size S")
    api.sandbox.place_by_hand(second, first)
    assert [int(each["id"]) for each in item(api, first)["subitems"]] == [second, child]
    assert item(api, second)["board"]["id"] == str(SUBITEMS_BOARD_ID)
    api.sandbox.place_by_hand(child, None)
    shown = item(api, child)
    assert (shown["board"]["id"], shown["parent_item"], shown["group"]["id"]) == (str(ITEMS_BOARD_ID), None, FIRST_GROUP_ID)
    assert sorted(api.names()) == ["A", "Size S"]


@pytest.mark.parametrize("operation", ["archive_item", "delete_item"])
def test_a_person_takes_an_item_out_of_the_archive_with_its_subitems(api, operation):
    found = api.create("A")
    child = api.create_subitem(found, "Size S")
    api.data(f"mutation($i: ID!) {{ {operation}(item_id: $i) {{ id }} }}", i=found)
    api.sandbox.restore(found)
    assert [item(api, each)["state"] for each in (found, child)] == ["active", "active"]
    assert item(api, found)["subitems"] == [{"id": str(child)}]

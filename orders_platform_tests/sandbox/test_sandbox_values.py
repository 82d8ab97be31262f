"""What each column type accepts, keeps and refuses."""

from __future__ import annotations

import json

import pytest

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID

TEXT, LONG_TEXT, NUMBERS, DATE = "text_mkr5wya6", "long_text_mkr5hass", "numeric_mktb1d19", "date_mkr57811"
STATUS, DROPDOWN, SEASON = "color_mkr5yf27", "dropdown_mkr518fc", "dropdown_mkr58de6"
CHANGE = """
mutation($b: ID!, $i: ID!, $v: JSON!, $l: Boolean) {
  change_multiple_column_values(board_id: $b, item_id: $i, column_values: $v, create_labels_if_missing: $l) { id }
}"""
SIMPLE = """
mutation($b: ID!, $i: ID!, $c: String!, $v: String) {
  change_simple_column_value(board_id: $b, item_id: $i, column_id: $c, value: $v) { id }
}"""


def add_column(api, column_type: str, defaults: object = None) -> str:
    query = """mutation($b: ID!, $t: ColumnType!, $d: JSON) {
      create_column(board_id: $b, title: "New", column_type: $t, defaults: $d) { id } }"""
    return api.data(query, b=ITEMS_BOARD_ID, t=column_type, d=defaults)["create_column"]["id"]


def change(api, item_id: int, **values: object) -> None:
    api.data(CHANGE, b=ITEMS_BOARD_ID, i=item_id, v=json.dumps(values))


@pytest.mark.parametrize(
    ("column", "written", "text", "value"),
    [
        (TEXT, "abc", "abc", "abc"),
        (LONG_TEXT, "a\nb", "a\nb", {"text": "a\nb", "changed_at": "2027-01-15T08:00:00Z"}),
        (LONG_TEXT, {"text": "x" * 2000}, "x" * 2000, {"text": "x" * 2000, "changed_at": "2027-01-15T08:00:00Z"}),
        (NUMBERS, "4.50", "4.50", "4.50"),
        (NUMBERS, -3, "-3", "-3"),
        (NUMBERS, 0.1, "0.1", "0.1"),
        (NUMBERS, "", "0", "0"),
        (
            DATE,
            "2026-06-15",
            "2026-06-15",
            {"date": "2026-06-15", "time": None, "icon": None, "changed_at": "2027-01-15T08:00:00Z"},
        ),
        (DROPDOWN, {"labels": ["RECEIVED", "FORECAST"]}, "RECEIVED, FORECAST", {"ids": [1, 2]}),
        (DROPDOWN, {"ids": [2]}, "FORECAST", {"ids": [2]}),
        (DROPDOWN, "RECEIVED, FORECAST", "RECEIVED, FORECAST", {"ids": [1, 2]}),
        (DROPDOWN, "1,3", "RECEIVED, CANCELLED", {"ids": [1, 3]}),
    ],
)
def test_a_value_reads_back_as_text_and_as_value(api, column, written, text, value):
    assert api.cell(api.create(values={column: written}), column) == (text, value)


@pytest.mark.parametrize("written", [{"date": "2026-06-15", "time": "12:30:00"}, "2026-06-15 12:30:00"])
def test_a_date_may_have_a_time(api, written):
    text, value = api.cell(api.create(values={DATE: written}), DATE)
    assert (text, value["time"]) == ("2026-06-15 12:30", "12:30:00")


@pytest.mark.parametrize(
    ("column_type", "written", "text"),
    [
        ("checkbox", {"checked": "true"}, "v"),
        ("checkbox", {"checked": False}, ""),
        ("link", {"url": "https://monday.com", "text": "site"}, "site - https://monday.com"),
        ("link", "https://monday.com", "https://monday.com"),
        ("email", {"email": "a@b.example", "text": "mail"}, "mail"),
        ("email", "a@b.example", "a@b.example"),
    ],
)
def test_checkbox_link_and_email_read_back_as_text(api, column_type, written, text):
    column = add_column(api, column_type)
    assert api.cell(api.create(values={column: written}), column)[0] == text


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (TEXT, ""),
        (LONG_TEXT, ""),
        (NUMBERS, ""),
        (DATE, ""),
        (STATUS, None),
        (DROPDOWN, None),
        ("lookup_mkrbrdr1", None),
        ("formula_mkrb53jx", ""),
    ],
)
def test_an_empty_cell_has_no_value(api, column, text):
    assert api.cell(api.create(), column) == (text, None)


def test_computed_columns_show_the_item(api):
    item_id = api.create()
    assert api.cell(item_id, "pulse_id_mkr5pb5q") == (str(item_id), None)
    assert api.cell(item_id, "pulse_updated_mks8qpqh") == ("2027-01-15 08:00:00 UTC", None)


@pytest.mark.parametrize("clearing", [None, {}])
@pytest.mark.parametrize(
    ("column", "written"),
    [(TEXT, "a"), (LONG_TEXT, "a"), (NUMBERS, "1"), (DATE, "2026-01-01"), (STATUS, "PCS"), (DROPDOWN, "RECEIVED")],
)
def test_null_clears_a_cell(api, column, written, clearing):
    item_id = api.create(values={column: written})
    change(api, item_id, **{column: clearing})
    assert api.cell(item_id, column)[1] is None


def test_an_empty_number_is_stored_as_zero_but_the_simple_form_clears(api):
    item_id = api.create(values={NUMBERS: "7"})
    change(api, item_id, **{NUMBERS: ""})
    assert api.cell(item_id, NUMBERS) == ("0", "0")
    api.data(SIMPLE, b=ITEMS_BOARD_ID, i=item_id, c=NUMBERS, v="")
    assert api.cell(item_id, NUMBERS) == ("", None)


@pytest.mark.parametrize(
    ("column", "clearing"),
    [(DROPDOWN, {"labels": []}), (DROPDOWN, ""), (TEXT, ""), (LONG_TEXT, {"text": ""}), (STATUS, ""), (DATE, "")],
)
def test_the_other_ways_to_clear(api, column, clearing):
    filled = {DROPDOWN: "RECEIVED", TEXT: "a", LONG_TEXT: "a", STATUS: "PCS", DATE: "2026-01-01"}
    item_id = api.create(values={column: filled[column]})
    change(api, item_id, **{column: clearing})
    assert api.cell(item_id, column)[1] is None


def test_one_cell_can_be_changed_with_json(api):
    item_id = api.create()
    query = """mutation($b: ID!, $i: ID!, $v: JSON!) {
      change_column_value(board_id: $b, item_id: $i, column_id: "text_mkr5wya6", value: $v) { id } }"""
    api.data(query, b=ITEMS_BOARD_ID, i=item_id, v='"abc"')
    assert api.cell(item_id, TEXT)[0] == "abc"


@pytest.mark.parametrize(
    ("column", "written"),
    [
        (TEXT, 3),
        (TEXT, {"text": "a"}),
        (LONG_TEXT, "x" * 2001),
        (LONG_TEXT, {"x": "a"}),
        (NUMBERS, "twelve"),
        (NUMBERS, "1,200"),
        (NUMBERS, "nan"),
        (NUMBERS, True),
        (DATE, "2026-02-30"),
        (DATE, "15/06/2026"),
        (DATE, {"date": 3}),
        (DATE, "2026-06-15 25:00:00"),
        (DROPDOWN, {"labels": ["RECEIVED"], "ids": [1]}),
        (DROPDOWN, {"ids": ["x"]}),
        (DROPDOWN, {"other": 1}),
        (STATUS, {"label": ["PCS"]}),
        ("lookup_mkrbrdr1", "x"),
        ("subtasks_mkr5c0kp", "x"),
        ("pulse_id_mkr5pb5q", "1"),
    ],
)
def test_a_bad_value_refuses_the_whole_item(api, column, written):
    error = api.create_refusal(values={TEXT: "kept?", column: written})
    assert error["extensions"]["code"] == "ColumnValueException"
    assert error["extensions"]["error_data"]["column_id"] == column
    assert error["path"] == ["create_item"]
    assert api.names() == []


@pytest.mark.parametrize(
    ("column_type", "written"), [("checkbox", "maybe"), ("link", "no url"), ("email", "nobody"), ("rating", 3)]
)
def test_other_types_refuse_what_they_cannot_hold(api, column_type, written):
    assert api.create_refusal(values={add_column(api, column_type): written})["extensions"]["code"] == "ColumnValueException"


def test_an_unknown_column_is_named(api):
    error = api.create_refusal(values={"text_nothing": "x"})
    assert (error["extensions"]["code"], error["extensions"]["error_data"]) == (
        "InvalidColumnIdException",
        {"column_id": "text_nothing"},
    )


@pytest.mark.parametrize("values", ["{broken", "[1]", {"text_mkr5wya6": "an object, not a string"}])
def test_values_that_are_not_json_in_a_string_are_refused_with_400(api, values):
    answer = api.create_as(values)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "JsonParseException"


def test_a_status_is_written_by_the_id_of_its_label_not_by_its_place(api):
    labels = api.data('{ boards(ids: [9609317401]) { columns(ids: ["color_mkr5yf27"]) { settings } } }')["boards"][0][
        "columns"
    ][0]["settings"]["labels"]
    first = labels[0]
    assert (first["label"], first["index"], first["id"]) == ("PCS", 0, 1)
    item_id = api.create(values={STATUS: {"index": 0}})
    assert api.cell(item_id, STATUS)[0] == labels[1]["label"]
    assert api.cell(api.create(values={STATUS: "1"}), STATUS)[0] == "PCS"


def test_digits_are_an_id_even_where_a_label_has_that_text(api):
    column = add_column(api, "status", json.dumps({"labels": ["2023"]}))
    assert (
        api.create_refusal(values={column: {"label": "2023"}})["extensions"]["error_data"]["column_validation_error_code"]
        == "missingLabel"
    )


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (STATUS, "This status label doesn't exist, possible statuses are: {1: PCS, 0: EACH"),
        (DROPDOWN, "The dropdown label 'received' does not exist, possible labels are: {1: RECEIVED"),
    ],
)
def test_a_missing_label_refuses_the_item_and_names_the_labels_there_are(api, column, message):
    error = api.create_refusal(values={column: "received"})
    assert error["message"].startswith(message)
    assert error["extensions"]["error_data"]["column_validation_error_code"] == "missingLabel"
    assert api.names() == []


@pytest.mark.parametrize("column", [STATUS, DROPDOWN, SEASON])
def test_a_missing_label_is_made_on_request_and_found_afterwards(api, column):
    first = api.create(values={column: "NEW ONE"}, labels=True)
    second = api.create(values={column: "NEW ONE"})
    assert api.cell(first, column) == api.cell(second, column)


def test_a_refused_item_leaves_no_label_behind(api):
    api.create_refusal(values={SEASON: "2030 SPRING", NUMBERS: "bad"}, labels=True)
    assert api.create_refusal(values={SEASON: "2030 SPRING"})["extensions"]["code"] == "ColumnValueException"


def test_a_status_column_holds_forty_labels_of_thirty_characters(api):
    column = add_column(api, "status", json.dumps({"labels": [f"L {number}" for number in range(40)]}))
    assert (
        api.create_refusal(values={column: "one more"}, labels=True)["extensions"]["error_data"]["column_validation_error_code"]
        == "labelsLimitExceeded"
    )
    error = api.create_refusal(values={STATUS: "x" * 31}, labels=True)
    assert error["extensions"]["error_data"]["column_validation_error_code"] == "labelTooLong"


def test_a_dropdown_column_holds_five_hundred_labels(api):
    column = add_column(
        api, "dropdown", json.dumps({"settings": {"labels": [{"label": f"L {number}"} for number in range(500)]}})
    )
    error = api.create_refusal(values={column: "one more"}, labels=True)
    assert error["extensions"]["error_data"]["column_validation_error_code"] == "labelsLimitExceeded"


def test_an_item_holds_64_kilobytes(api):
    columns = {add_column(api, "text"): "x" * 17_000 for _ in range(4)}
    assert api.create_refusal(values=columns)["extensions"]["error_data"]["column_validation_error_code"] == "itemDataTooLarge"


def test_the_kinds_of_values_show_their_own_fields(api):
    link = add_column(api, "link")
    item_id = api.create(
        values={STATUS: "PCS", DROPDOWN: "FORECAST", NUMBERS: "2.5", DATE: "2026-06-15", link: "https://a.example b"}
    )
    api.create_subitem(item_id, "Size S")
    query = """query($i: [ID!], $c: [String!]) { items(ids: $i) { column_values(ids: $c) {
      __typename ... on StatusValue { index label } ... on DropdownValue { values { id label } } ... on NumbersValue { number }
      ... on DateValue { date time } ... on LinkValue { url url_text } ... on SubtasksValue { display_value subitems { name } } } } }"""
    found = api.data(query, i=[item_id], c=[STATUS, DROPDOWN, NUMBERS, DATE, link, "subtasks_mkr5c0kp"])["items"][0][
        "column_values"
    ]
    assert {value.pop("__typename"): value for value in found} == {
        "SubtasksValue": {"display_value": "Size S", "subitems": [{"name": "Size S"}]},
        "DropdownValue": {"values": [{"id": "2", "label": "FORECAST"}]},
        "StatusValue": {"index": 1, "label": "PCS"},
        "NumbersValue": {"number": 2.5},
        "DateValue": {"date": "2026-06-15", "time": ""},
        "LinkValue": {"url": "https://a.example", "url_text": "b"},
    }

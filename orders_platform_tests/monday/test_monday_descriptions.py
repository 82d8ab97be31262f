"""monday.com's JSON of boards, labels and items."""

from __future__ import annotations

import json

import pytest

from orders_platform.domain.board import Cell, Group, Label
from orders_platform.errors import MondayUnavailableError
from orders_platform.monday.adapter import board_description, board_item, labels_of

NEW_STATUS = {
    "type": "status",
    "labels": [
        {"id": 106, "label": "Done", "index": 0, "is_deactivated": False},
        {"id": 5, "label": "", "index": 5},
        {"id": 3, "label": "2023", "index": 1, "is_deactivated": True},
    ],
}


def test_a_status_label_goes_by_its_id_and_not_by_its_place() -> None:
    assert labels_of(NEW_STATUS) == (Label(106, "Done"), Label(3, "2023", is_deactivated=True))


def test_settings_may_come_as_text() -> None:
    assert labels_of(json.dumps(NEW_STATUS)) == labels_of(NEW_STATUS)


def test_dropdown_labels_are_read_under_either_name() -> None:
    assert labels_of({"labels": [{"id": 1, "name": "A, B"}, {"id": 2, "label": "C"}]}) == (Label(1, "A, B"), Label(2, "C"))


def test_default_settings_are_left_out_by_monday_and_mean_no_labels() -> None:
    assert labels_of({}) == labels_of(None) == ()


def test_settings_that_cannot_be_read_are_not_taken_for_no_labels() -> None:
    with pytest.raises(MondayUnavailableError, match="settings"):
        labels_of('{"labels": ')


def test_a_board_is_described_without_what_is_archived() -> None:
    board = board_description(
        {
            "id": "7",
            "name": "B",
            "hierarchy_type": None,
            "columns": [
                {"id": "a", "title": "A", "type": "text", "archived": False, "settings": None},
                {"id": "old", "title": "Old", "type": "text", "archived": True},
                {"id": "s", "title": "S", "type": "subtasks", "archived": False, "settings": {"boardIds": [8]}},
                {"id": "d", "title": "D", "type": "dropdown", "settings": {"labels": [{"id": 1, "label": "X"}]}},
            ],
            "groups": [
                {"id": "g1", "title": "One", "archived": False, "deleted": None},
                {"id": "g2", "title": "Two", "archived": True},
                {"id": "g3", "title": "Three", "deleted": True},
            ],
        }
    )
    assert [column.id for column in board.columns] == ["a", "s", "d"]
    assert board.groups == (Group("g1", "One"),)
    assert (board.id, board.subitems_board_id) == (7, 8)
    assert board.hierarchy_type == "classic"
    column = board.column("d")
    assert column is not None
    assert column.labels == (Label(1, "X"),)


def test_an_item_keeps_the_difference_between_empty_text_and_no_value() -> None:
    node = {
        "id": "5",
        "name": "N",
        "state": "archived",
        "group": {"id": "g"},
        "parent_item": {"id": "4"},
        "column_values": [{"id": "t", "text": "", "value": None}],
    }
    item = board_item(node)
    assert (item.id, item.state, item.group_id, item.parent_item_id) == (5, "archived", "g", 4)
    assert item.cells == {"t": Cell("", None)}


def test_an_id_that_is_no_number_is_an_error_and_not_an_item() -> None:
    with pytest.raises(MondayUnavailableError, match="'x'"):
        board_item({"id": "x", "name": "N"})

"""Preflight: a board that does not fit is described in words, all misfits at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orders_platform.domain.board import BoardDescription, Column, Label
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field, LabelPolicy
from orders_platform.domain.preflight import board_problems, mismatch, subitem_board_problems

KEY = Field(("AAG ORDER NUMBER",), "text_key", ColumnType.TEXT)
WAREHOUSE = Field(("DESTINATION WAREHOUSE", "Warehouse"), "text_whs", ColumnType.TEXT)
SEASON = Field(("AAG SEASON",), "dropdown_season", ColumnType.DROPDOWN, LabelPolicy.CREATE)
PRICE = Field(("CUSTOMER PRICE",), "numeric_price", ColumnType.NUMBERS)
MAPPING = BoardMapping(board_id=7, fields=(KEY, WAREHOUSE, SEASON, PRICE), external_key="text_key")
BOARD = BoardDescription(
    id=7,
    name="Customer Master Schedule",
    columns=(
        Column("name", "Name", "name"),
        Column("subtasks_1", "Subitems", "subtasks"),
        Column("text_key", "AAG ORDER NUMBER", "text"),
        Column("text_whs", "DESTINATION WAREHOUSE", "text"),
        Column("dropdown_season", "AAG SEASON", "dropdown", (Label(1, "2025 FALL"),)),
        Column("numeric_price", "CUSTOMER PRICE", "numbers"),
        Column("lookup_qty", "QTY ORDERED", "mirror"),
    ),
    groups=(),
    subitems_board_id=8,
)


def mapped(*fields: Field) -> BoardMapping:
    return replace(MAPPING, fields=(*MAPPING.fields, *fields))


def only_problem(mapping: BoardMapping, board: BoardDescription = BOARD, *, may_create_labels: bool = True) -> str:
    (problem,) = board_problems(mapping, board, may_create_labels=may_create_labels)
    return problem


def test_a_fitting_board_has_no_problems() -> None:
    assert board_problems(MAPPING, BOARD) == ()


def test_a_missing_column_is_named_with_all_the_order_columns_it_is_for() -> None:
    board = replace(BOARD, columns=tuple(column for column in BOARD.columns if column.id != "text_whs"))
    problem = only_problem(MAPPING, board)
    assert "no column 'text_whs'" in problem
    assert "archived" in problem
    assert "'DESTINATION WAREHOUSE' or 'Warehouse'" in problem


def test_every_column_of_an_unknown_board_is_named() -> None:
    problems = board_problems(MAPPING, replace(BOARD, columns=()))
    assert len(problems) == 4
    for field, problem in zip(MAPPING.fields, problems, strict=True):
        assert field.column_id in problem


def test_a_column_of_another_type_is_named_with_both_types() -> None:
    problem = only_problem(mapped(Field(("STYLE",), "lookup_style", ColumnType.TEXT)), with_column("lookup_style", "dropdown"))
    assert "'A title' (lookup_style) is of type dropdown, the configuration says text (for 'STYLE')" in problem


def with_column(column_id: str, column_type: str) -> BoardDescription:
    return replace(BOARD, columns=(*BOARD.columns, Column(column_id, "A title", column_type)))


@pytest.mark.parametrize(
    "column_type",
    [
        "auto_number", "button", "creation_log", "formula", "integration", "item_assignees", "item_id", "last_updated", "mirror", "name",
        "people", "progress", "subtasks", "time_tracking",
    ],
)  # fmt: skip
def test_a_column_that_is_not_written_cannot_be_mapped(column_type: str) -> None:
    problem = only_problem(mapped(Field(("TOTAL QTY",), "x_1", ColumnType.NUMBERS)), with_column("x_1", column_type))
    assert f"is of type {column_type}, which cannot be written" in problem
    assert "'TOTAL QTY'" in problem


def test_creating_labels_needs_the_right_to_do_so() -> None:
    problem = only_problem(MAPPING, may_create_labels=False)
    assert "'dropdown_season' has the label rule create" in problem
    assert board_problems(replace(MAPPING, fields=(KEY, PRICE)), BOARD, may_create_labels=False) == ()


def test_the_external_key_must_be_a_text_column() -> None:
    problem = only_problem(replace(MAPPING, external_key="numeric_price"))
    assert "'numeric_price' is mapped as numbers" in problem


def test_subitems_need_no_external_key() -> None:
    assert board_problems(replace(MAPPING, external_key=None), BOARD) == ()


def test_a_multi_level_board_is_refused_in_words() -> None:
    problem = only_problem(MAPPING, replace(BOARD, hierarchy_type="multi_level"))
    assert "'multi_level'" in problem
    assert "only classic boards" in problem


def test_the_subitems_board_must_be_the_one_that_is_mapped() -> None:
    assert subitem_board_problems(BOARD, BoardMapping(8, ())) == ()
    (other,) = subitem_board_problems(BOARD, BoardMapping(5, ()))
    assert "live on board 8" in other
    assert "board 5" in other
    (none,) = subitem_board_problems(replace(BOARD, subitems_board_id=None), BoardMapping(8, ()))
    assert "add a Subitems column" in none


def test_a_board_that_does_not_fit_is_refused_with_every_problem_and_the_next_step() -> None:
    mapping = mapped(Field(("TOTAL QTY",), "lookup_qty", ColumnType.NUMBERS), Field(("NOTES",), "text_gone", ColumnType.TEXT))
    message = str(mismatch(BOARD, board_problems(mapping, BOARD, may_create_labels=False)))
    assert "Nothing was sent" in message
    assert message.count("\n- ") == 3
    for word in ("lookup_qty", "text_gone", "dropdown_season", "orders-platform board check"):
        assert word in message

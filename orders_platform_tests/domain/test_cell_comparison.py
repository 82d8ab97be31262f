"""Comparison of what an order says with what the board shows, in the shapes in which monday.com returns cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.domain.board import Cell, Column, Label
from orders_platform.domain.column_values import cell_writer, changed_cells, same_cell
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field, LabelPolicy
from orders_platform.errors import BoardMismatchError, RowError

LABELS = (Label(3, "EACH"), Label(0, "SET"), Label(7, "A, B"))
NOTHING = Cell(None, None)


def column_of(column_type: str) -> Column:
    return Column("c", "A column", column_type, LABELS if column_type in {"status", "dropdown"} else ())


def stored(text: str | None, value: object) -> Cell:
    return Cell(text, json.dumps(value))


@pytest.mark.parametrize(
    ("column_type", "wanted", "actual"),
    [
        ("text", "US NJ", stored("US NJ", "US NJ")),
        ("text", "US  NJ", stored("US\u00a0NJ ", "US\u00a0NJ ")),
        ("text", "two\nlines", Cell("two lines", None)),
        (
            "long_text",
            {"text": "one\ntwo"},
            stored("one\r\ntwo\n", {"text": "one\r\ntwo\n", "changed_at": "2026-01-01T00:00:00Z"}),
        ),
        ("numbers", "4.5", stored("4.50", "4.50")),
        ("numbers", "4.567", stored("4.57", "4.567")),
        ("numbers", "0", stored("0", "0")),
        ("numbers", "4.5", stored("4.5", 4.5)),
        ("numbers", "12", Cell("12", None)),
        ("numbers", "12", Cell("12", "not json")),
        ("date", {"date": "2025-06-30"}, stored("2025-06-30", {"date": "2025-06-30", "time": None, "icon": ""})),
        ("date", {"date": "2025-06-30"}, stored("2025-07-01 01:00", {"date": "2025-06-30", "time": "23:00:00"})),
        ("date", {"date": "2025-06-30"}, Cell("2025-06-30 12:00", None)),
        ("status", {"index": 0}, stored("SET", {"index": 0, "post_id": None, "changed_at": "x"})),
        ("status", {"index": 3}, stored("renamed", {"index": 3})),
        ("status", {"index": 3}, Cell("EACH", None)),
        ("status", {"label": "NEW"}, stored("NEW", {"index": 11})),
        ("dropdown", {"ids": [7]}, stored("A, B", {"ids": [7]})),
        ("dropdown", {"ids": [7]}, stored("A, B", {"ids": ["7"], "changed_at": "x"})),
        ("dropdown", {"ids": [7]}, Cell("A, B", None)),
        ("dropdown", {"labels": ["X, Y"]}, stored("X, Y", {"ids": [12]})),
        ("checkbox", {"checked": "true"}, stored("v", {"checked": True})),
        ("checkbox", {"checked": "true"}, stored("v", {"checked": "true"})),
        ("checkbox", {"checked": "true"}, Cell("v", None)),
        (
            "link",
            {"url": "https://a.b", "text": "https://a.b"},
            stored("words - https://a.b", {"url": "https://a.b", "text": "words"}),
        ),
        ("email", {"email": "a@b.co", "text": "a@b.co"}, stored("words", {"email": "a@b.co", "text": "words"})),
        ("email", {"email": "a@b.co", "text": "a@b.co"}, Cell("a@b.co", None)),
    ],
)
def test_a_cell_that_shows_the_value_is_the_same(column_type: str, wanted: object, actual: Cell) -> None:
    assert same_cell(column_of(column_type), wanted, actual)


@pytest.mark.parametrize(
    ("column_type", "wanted", "actual"),
    [
        ("text", "US NJ", stored("us nj", "us nj")),
        ("long_text", {"text": "one\ntwo"}, Cell("one two", None)),
        ("numbers", "4.57", stored("4.57", "4.567")),
        ("numbers", "0", NOTHING),
        ("numbers", "1", stored("words", "words")),
        ("date", {"date": "2025-06-30"}, stored("2025-06-29", {"date": "2025-06-29"})),
        ("status", {"index": 3}, stored("SET", {"index": 0})),
        ("status", {"label": "NEW"}, stored("SET", {"index": 0})),
        ("status", {"index": 99}, Cell("EACH", None)),
        ("dropdown", {"ids": [3]}, stored("EACH, SET", {"ids": [3, 0]})),
        ("dropdown", {"labels": ["NEW"]}, stored("EACH", {"ids": [3]})),
        ("dropdown", {"ids": [3]}, stored("EACH", {"ids": [[3]]})),
        ("checkbox", {"checked": "true"}, NOTHING),
        ("checkbox", {"checked": "true"}, stored("false", {"checked": False})),
        ("link", {"url": "https://a.b", "text": "x"}, stored("https://a.c", {"url": "https://a.c"})),
        ("email", {"email": "a@b.co", "text": "x"}, stored("c@b.co", {"email": "c@b.co"})),
    ],
)
def test_a_cell_that_shows_something_else_is_different(column_type: str, wanted: object, actual: Cell) -> None:
    assert not same_cell(column_of(column_type), wanted, actual)


@pytest.mark.parametrize("column_type", list(ColumnType))
@pytest.mark.parametrize("empty", [None, NOTHING, Cell("", None), Cell("", '""'), Cell(None, "null")])
def test_an_empty_cell_is_a_cleared_cell(column_type: ColumnType, empty: Cell | None) -> None:
    assert same_cell(column_of(column_type), None, empty)


@pytest.mark.parametrize("column_type", list(ColumnType))
def test_a_filled_cell_is_not_a_cleared_cell(column_type: ColumnType) -> None:
    assert not same_cell(column_of(column_type), None, Cell("0", '"0"'))


def test_an_unnamed_default_label_counts_as_empty() -> None:
    assert same_cell(column_of("status"), None, stored(None, {"index": 5}))


def test_a_column_that_is_never_written_cannot_be_compared() -> None:
    with pytest.raises(BoardMismatchError, match="is a mirror column"):
        same_cell(column_of("mirror"), "x", NOTHING)


def test_only_what_changed_is_sent_and_what_became_null_is_cleared() -> None:
    columns = {id_: Column(id_, id_.upper(), "text") for id_ in ("same", "changed", "cleared", "filled", "empty")}
    mapping = BoardMapping(7, tuple(Field((id_,), id_, ColumnType.TEXT) for id_ in columns))
    wanted: dict[str, object] = {"same": "a", "changed": "b", "cleared": None, "filled": "d", "empty": None}
    actual = {
        "same": Cell("a", '"a"'),
        "changed": Cell("B", '"B"'),
        "cleared": Cell("c", '"c"'),
        "not mapped": Cell("z", '"z"'),
    }
    assert changed_cells(mapping, columns, wanted, actual) == {"changed": "b", "cleared": None, "filled": "d"}


def test_a_part_of_the_cells_may_be_compared() -> None:
    columns = {id_: Column(id_, id_, "text") for id_ in ("a", "b")}
    mapping = BoardMapping(7, tuple(Field((id_,), id_, ColumnType.TEXT) for id_ in columns))
    assert changed_cells(mapping, columns, {"b": "x"}, {}) == {"b": "x"}


NAMES = {label.id: label.name for label in LABELS}
NEW_LABEL_ID = 12


def shown_label(ids: list[int] | None, names: list[str] | None) -> tuple[str, list[int]]:
    return ", ".join(names or [NAMES[id_] for id_ in ids or []]), ids or [NEW_LABEL_ID]


def shown_status(cell: Any) -> Cell:
    text, (id_,) = shown_label([cell["index"]] if "index" in cell else None, [cell["label"]] if "label" in cell else None)
    return stored(text, {"index": id_, "post_id": None})


def shown_dropdown(cell: Any) -> Cell:
    text, ids = shown_label(cell.get("ids"), cell.get("labels"))
    return stored(text, {"ids": ids})


# What monday.com returns for a cell that it took, per its pages on the column types; numbers rounded to the column's precision.
SHOWN: dict[ColumnType, Callable[[Any], Cell]] = {
    ColumnType.TEXT: lambda cell: stored(cell, cell),
    ColumnType.LONG_TEXT: lambda cell: stored(cell["text"], cell | {"changed_at": "2026-01-01T00:00:00Z"}),
    ColumnType.NUMBERS: lambda cell: stored(f"{Decimal(cell):.2f}", cell),
    ColumnType.DATE: lambda cell: stored(cell["date"], cell | {"time": None}),
    ColumnType.STATUS: shown_status,
    ColumnType.DROPDOWN: shown_dropdown,
    ColumnType.CHECKBOX: lambda cell: stored("v", {"checked": True, "changed_at": "2026-01-01T00:00:00Z"}),
    ColumnType.LINK: lambda cell: stored(f"{cell['text']} - {cell['url']}", cell),
    ColumnType.EMAIL: lambda cell: stored(cell["text"], cell),
}


def as_shown(column_type: ColumnType, cell: object) -> Cell:
    return Cell("", None) if cell is None else SHOWN[column_type](cell)


VALUES = st.one_of(
    st.text(),
    st.sampled_from(["EACH", "set", "a,  b", "yes", "no", "https://example.com", "a@example.com"]),
    st.integers(-(10**30), 10**30),
    st.decimals(allow_nan=False, allow_infinity=False, places=4),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.none(),
)


@given(st.sampled_from(list(ColumnType)), VALUES)
def test_what_was_written_is_recognised_on_the_board(column_type: ColumnType, value: object) -> None:
    column = column_of(column_type)
    try:
        cell = cell_writer(Field(("S",), column.id, column_type, LabelPolicy.CREATE), column)(value)
    except RowError:
        return
    assert same_cell(column, cell, as_shown(column_type, cell))


@given(st.sampled_from([each for each in ColumnType if each is not ColumnType.LONG_TEXT]), VALUES, VALUES)
def test_two_different_cells_are_told_apart_unless_only_their_spaces_differ(
    column_type: ColumnType, value: object, other: object
) -> None:
    column = column_of(column_type)
    field = Field(("S",), column.id, column_type, LabelPolicy.CREATE)
    try:
        cell, shown = cell_writer(field, column)(value), cell_writer(field, column)(other)
    except RowError:
        return
    only_spaces_differ = isinstance(cell, str) and isinstance(shown, str) and cell.split() == shown.split()
    if cell != shown and not only_spaces_differ:
        assert not same_cell(column, cell, as_shown(column_type, shown))


@given(
    st.sampled_from(list(ColumnType)),
    VALUES,
    st.none() | st.text(),
    st.none() | st.text() | st.from_regex(r'\{"(index|ids|date)": [\[\]0-9"{}]*\}'),
)
def test_whatever_the_board_returns_the_comparison_answers(
    column_type: ColumnType, value: object, text: str | None, raw: str | None
) -> None:
    column = column_of(column_type)
    try:
        cell = cell_writer(Field(("S",), column.id, column_type, LabelPolicy.CREATE), column)(value)
    except RowError:
        return
    assert same_cell(column, cell, Cell(text, raw)) in {True, False}

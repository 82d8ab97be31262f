"""Differences between rows and what a board shows, from values alone."""

from __future__ import annotations

import pytest

from orders_platform.domain.board import BoardItem, Cell, Column
from orders_platform.domain.differences import (
    Difference,
    DifferenceKind,
    ExpectedRow,
    Orphan,
    orphan_differences,
    row_differences,
)
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field
from orders_platform.domain.orders import RowKind
from orders_platform.domain.states import SyncState

MISSING, DUPLICATE, UNKNOWN, DIFFERENT, WRONG_GROUP = DifferenceKind
MAPPING = BoardMapping(
    1, (Field(("NOTES", "REMARKS"), "text", ColumnType.TEXT), Field(("PRICE",), "number", ColumnType.NUMBERS))
)
COLUMNS = {"text": Column("text", "Notes", "text"), "number": Column("number", "Price", "numbers")}
GROUPS = {"fall": "A 2025 FALL", "spring": "A 2026 SPRING"}
CELLS = {"text": Cell("first", '"first"'), "number": Cell("12", '"12"'), "theirs": Cell("whatever", None)}


def row(number: str = "A-1", monday_id: int | None = 7, **changes: object) -> ExpectedRow:
    fields: dict[str, object] = {
        "values": {"NOTES": None, "REMARKS": "first", "PRICE": 12.0}, "cells": {"text": "first", "number": "12"},
        "group_name": "A 2025 FALL", "look_up": (0, number.casefold()), "name": f"name of {number}", **changes,
    }  # fmt: skip
    return ExpectedRow(RowKind.ITEMS, f"uuid-{number}", number, "", SyncState.SYNCED, monday_id, **fields)  # type: ignore[arg-type]


def item(item_id: int = 7, **changes: object) -> BoardItem:
    fields: dict[str, object] = {"name": "name of A-1", "state": "active", "group_id": "fall", "cells": CELLS, **changes}
    return BoardItem(item_id, **fields)  # type: ignore[arg-type]


def compared(shown: BoardItem | None, **changes: object) -> list[tuple[DifferenceKind, str, str, str]]:
    found = row_differences(row(**changes), shown, MAPPING, COLUMNS, GROUPS)  # type: ignore[arg-type]
    return [(each.kind, each.column, each.database, each.board) for each in found]


def test_a_row_that_is_shown_as_wanted_has_no_difference() -> None:
    assert compared(item()) == []


@pytest.mark.parametrize("state", ["archived", "deleted"])
def test_an_item_that_is_not_active_is_missing_and_nothing_else(state: str) -> None:
    assert compared(item(state=state, name="x", group_id=None, cells={})) == [(MISSING, "", "", state)]


def test_an_item_that_monday_does_not_know_is_missing() -> None:
    assert compared(None) == [(MISSING, "", "", "")]


def test_a_subitem_under_another_item_is_missing_from_its_own() -> None:
    assert compared(item(parent_item_id=5), parent_id=4, group_name=None) == [(MISSING, "", "", "under item 5")]
    assert compared(item(parent_item_id=4), parent_id=4, group_name=None) == []


def test_a_difference_names_column_database_value_and_board_value() -> None:
    cells = {"text": Cell("other", '"other"'), "number": Cell("", None)}
    assert compared(item(cells=cells)) == [(DIFFERENT, "Notes", "first", "other"), (DIFFERENT, "Price", "12", "")]


def test_a_cell_that_should_be_empty_is_different_when_it_is_not() -> None:
    blank = {"NOTES": None, "REMARKS": " ", "PRICE": None}
    found = compared(item(), values=blank, cells={"text": None, "number": None})
    assert found == [(DIFFERENT, "Notes", "", "first"), (DIFFERENT, "Price", "", "12")]


def test_another_name_is_different() -> None:
    assert compared(item(name="renamed")) == [(DIFFERENT, "name", "name of A-1", "renamed")]


def test_values_that_would_be_refused_today_are_different() -> None:
    assert compared(item(), refusal="no such label", cells={}) == [(DIFFERENT, "values", "no such label", "")]


@pytest.mark.parametrize(("group_id", "title"), [("spring", "A 2026 SPRING"), ("gone", ""), (None, "")])
def test_another_group_is_the_wrong_one(group_id: str | None, title: str) -> None:
    assert compared(item(group_id=group_id)) == [(WRONG_GROUP, "group", "A 2025 FALL", title)]


def test_a_group_of_the_right_title_is_right_whichever_it_is() -> None:
    assert row_differences(row(), item(group_id="second"), MAPPING, COLUMNS, {**GROUPS, "second": "A 2025 FALL"}) == []


# --- orphans


def orphan(item_id: int, key: str = "a-1", *, name: str = "a copy", is_shared: bool = False) -> Orphan:
    return Orphan(item(item_id, name=name), (0, key), is_shared)


def sorted_out(*orphans: Orphan, rows: list[ExpectedRow], active: set[int]) -> list[tuple[DifferenceKind, int | None, str]]:
    found: list[Difference] = orphan_differences(RowKind.ITEMS, orphans, rows, active)
    return [(each.kind, each.monday_id, each.order_key) for each in found]


def test_an_item_with_the_key_of_a_row_that_has_its_own_is_a_double() -> None:
    assert sorted_out(orphan(8), rows=[row()], active={7}) == [(DUPLICATE, 8, "A-1")]


def test_an_item_with_nobodys_key_is_unknown() -> None:
    assert sorted_out(orphan(8, "b-9"), rows=[row()], active={7}) == [(UNKNOWN, 8, "")]


@pytest.mark.parametrize("recorded", [None, 7])
def test_of_several_items_of_a_row_without_one_the_first_may_be_its_own_and_the_others_are_doubles(
    recorded: int | None,
) -> None:
    found = sorted_out(orphan(9), orphan(8), rows=[row(monday_id=recorded)], active=set())
    assert found == [(UNKNOWN, 8, "A-1"), (DUPLICATE, 9, "A-1")]


def test_the_item_with_the_rows_name_is_the_likeliest_to_be_its_own() -> None:
    found = sorted_out(orphan(8), orphan(9, name="name of A-1"), rows=[row(monday_id=None)], active=set())
    assert found == [(UNKNOWN, 9, "A-1"), (DUPLICATE, 8, "A-1")]


def test_two_orders_of_one_number_may_each_have_an_item() -> None:
    both = [row(), row(monday_id=None)]
    assert sorted_out(orphan(8), orphan(9), rows=both, active={7}) == [(UNKNOWN, 8, "A-1"), (DUPLICATE, 9, "A-1")]


def test_what_may_be_another_customers_is_never_called_a_double() -> None:
    assert sorted_out(orphan(8, is_shared=True), rows=[row()], active={7}) == [(UNKNOWN, 8, "A-1")]


def test_a_blank_key_is_nobodys() -> None:
    assert sorted_out(orphan(8, ""), rows=[row(look_up=(0, ""))], active={7}) == [(UNKNOWN, 8, "")]

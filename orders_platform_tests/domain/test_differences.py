"""Differences between rows and what a board shows, from values alone."""

from __future__ import annotations

import pytest

from orders_platform.domain.board import BoardItem, Cell, Column, Group
from orders_platform.domain.differences import (
    Difference,
    DifferenceKind,
    ExpectedRow,
    Orphan,
    orphan_differences,
    row_differences,
)
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field
from orders_platform.domain.orders import Action, RowKind, SyncRow, SyncState

MISSING, DUPLICATE, UNKNOWN = DifferenceKind.MISSING, DifferenceKind.DUPLICATE, DifferenceKind.UNKNOWN
DIFFERENT, WRONG_GROUP, LEFT = DifferenceKind.DIFFERENT, DifferenceKind.WRONG_GROUP, DifferenceKind.LEFT
OTHER_BOARD, OTHER_ITEM = DifferenceKind.OTHER_BOARD, DifferenceKind.OTHER_ITEM
MAPPING = BoardMapping(
    1, (Field(("NOTES", "REMARKS"), "text", ColumnType.TEXT), Field(("PRICE",), "number", ColumnType.NUMBERS))
)
COLUMNS = {"text": Column("text", "Notes", "text"), "number": Column("number", "Price", "numbers")}
GROUPS = {"fall": "A 2025 FALL", "spring": "A 2026 SPRING"}
CELLS = {"text": Cell("first", '"first"'), "number": Cell("12", '"12"'), "theirs": Cell("whatever", None)}


def row(number: str = "A-1", monday_id: int | None = 7, **changes: object) -> ExpectedRow:
    """An order as expected; `changes` by field of `SyncRow` or `ExpectedRow`."""
    of_row: dict[str, object] = {
        "kind": RowKind.ITEMS, "ref": f"uuid-{number}", "order_ref": f"uuid-{number}", "order_key": number,
        "name": f"name of {number}", "values": {"NOTES": None, "REMARKS": "first", "PRICE": 12.0}, "state": SyncState.SYNCED,
        "action": Action.UPDATE, "monday_id": monday_id, "group_name": "A 2025 FALL",
    }  # fmt: skip
    expected: dict[str, object] = {"look_up": (0, number.casefold()), "cells": {"text": "first", "number": "12"}}
    for name, value in changes.items():
        (expected if name in ExpectedRow.__dataclass_fields__ else of_row)[name] = value
    return ExpectedRow(SyncRow(**of_row), **expected)  # type: ignore[arg-type]


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


def test_a_subitem_under_another_item_is_said_to_be_there() -> None:
    assert compared(item(parent_item_id=5), parent_id=4, group_name="") == [(OTHER_ITEM, "", "", "under item 5")]
    assert compared(item(parent_item_id=None), parent_id=4, group_name="") == [(OTHER_ITEM, "", "", "an item of its own")]
    assert compared(item(parent_item_id=4), parent_id=4, group_name="") == []


def test_an_item_that_became_a_subitem_is_under_another_item() -> None:
    assert compared(item(parent_item_id=5, board_id=2)) == [(OTHER_ITEM, "", "", "under item 5")]


def test_an_item_on_another_board_is_there_and_never_different() -> None:
    assert compared(item(board_id=2, board_name="Shipped", name="x", group_id=None, cells={})) == [
        (OTHER_BOARD, "", "", "on board 'Shipped' (2)")
    ]
    assert compared(item(board_id=1)) == []


def test_what_a_run_would_change_for_a_row_that_waits_is_told_cell_by_cell() -> None:
    assert compared(item(name="x"), state=SyncState.NEW) == [(DIFFERENT, "name", "name of A-1", "x")]
    assert compared(None, state=SyncState.NEW, monday_id=None) == [
        (MISSING, "", "", ""), (DIFFERENT, "Notes", "first", ""), (DIFFERENT, "Price", "12", ""),
        (DIFFERENT, "name", "name of A-1", ""), (WRONG_GROUP, "group", "A 2025 FALL", ""),
    ]  # fmt: skip
    assert compared(item(), state=SyncState.NEW, action=Action.DELETE) == [(LEFT, "", "", "")]
    assert compared(None, state=SyncState.NEW, action=Action.DELETE) == []


def test_a_size_without_quantity_need_not_be_there() -> None:
    for state in (SyncState.NEW, SyncState.SYNCED):
        assert compared(None, state=state, parent_id=4, group_name="", values={"size_code": "S", "qty": 0}) == []


def test_a_difference_names_column_database_value_and_board_value() -> None:
    cells = {"text": Cell("other", '"other"'), "number": Cell("", None)}
    assert compared(item(cells=cells)) == [(DIFFERENT, "Notes", "first", "other"), (DIFFERENT, "Price", "12", "")]


def test_a_cell_that_should_be_empty_is_different_when_it_is_not() -> None:
    blank = {"NOTES": None, "REMARKS": " ", "PRICE": None}
    found = compared(item(), values=blank, cells={"text": None, "number": None})
    assert found == [(DIFFERENT, "Notes", "", "first"), (DIFFERENT, "Price", "", "12")]


def test_another_name_is_different() -> None:
    assert compared(item(name="renamed")) == [(DIFFERENT, "name", "name of A-1", "renamed")]


@pytest.mark.parametrize(("group_id", "title"), [("spring", "A 2026 SPRING"), ("gone", ""), (None, "")])
def test_another_group_is_the_wrong_one(group_id: str | None, title: str) -> None:
    assert compared(item(group_id=group_id)) == [(WRONG_GROUP, "group", "A 2025 FALL", title)]


def test_a_group_of_the_right_title_is_right_whichever_it_is() -> None:
    assert row_differences(row(), item(group_id="second"), MAPPING, COLUMNS, {**GROUPS, "second": "a 2025  fall"}) == []


def test_the_group_that_is_meant_is_right_whatever_its_title() -> None:
    assert compared(item(group_id="renamed"), group=Group("renamed", "ours")) == []


# --- orphans


def orphan(item_id: int, key: str = "a-1", *, name: str = "a copy", is_shared: bool = False) -> Orphan:
    return Orphan(item(item_id, name=name), (0, key), is_shared)


def sorted_out(
    *orphans: Orphan, rows: list[ExpectedRow], active: set[int], left: ExpectedRow | None = None
) -> list[tuple[DifferenceKind, int | None, str]]:
    gone = {left.look_up: left.row} if left else {}
    found: list[Difference] = orphan_differences(RowKind.ITEMS, orphans, rows, active, gone)
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


def test_an_item_of_an_order_that_left_is_named_as_such_and_no_duplicate() -> None:
    assert sorted_out(orphan(8), rows=[], active=set(), left=row()) == [(LEFT, 8, "A-1")]
    assert sorted_out(orphan(8), rows=[row()], active={7}, left=row()) == [(DUPLICATE, 8, "A-1")]


def test_a_duplicate_names_all_that_are_there() -> None:
    (found,) = orphan_differences(RowKind.ITEMS, [orphan(8)], [row()], {7}, {})
    assert found.ids == (7, 8)

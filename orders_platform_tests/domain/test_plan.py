"""The plan of one row: every combination of what is wanted and what the board shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.domain.board import BoardItem, Cell, Column
from orders_platform.domain.differences import RowPlan, Step, plan_row
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field, OnDeleted
from orders_platform.domain.orders import Action, RowKind, SyncRow, SyncState

MAPPING = BoardMapping(
    7, (Field(("NUMBER",), "key", ColumnType.TEXT), Field(("QTY",), "qty", ColumnType.NUMBERS)), external_key="key"
)
COLUMNS = {"key": Column("key", "NUMBER", "text"), "qty": Column("qty", "QTY", "numbers")}
CELLS = {"key": "GRE-1", "qty": "5"}


def shown(name: str = "A", group_id: str = "g1", state: str = "active", **texts: str) -> BoardItem:
    cells = {id_: Cell(text, json.dumps(text)) for id_, text in ({"key": "GRE-1", "qty": "5"} | texts).items() if text}
    return BoardItem(11, name, state, group_id, cells=cells)


@dataclass(frozen=True)
class Wanted:
    """What a row should look like."""

    action: Action = Action.UPDATE
    name: str = "A"
    cells: Mapping[str, object] = field(default_factory=lambda: CELLS)
    group_id: str | None = "g1"
    is_empty: bool = False

    def plan(self, item_id: int | None, on_board: BoardItem | None, on_deleted: OnDeleted) -> RowPlan:
        values = {"qty": 0} if self.is_empty else {}
        row = SyncRow(
            RowKind.ITEMS, "ref", "ref", "GRE-1", self.name, values, SyncState.NEW, self.action, item_id, group_id=self.group_id
        )
        return plan_row(row, self.cells, on_board, MAPPING, COLUMNS, on_deleted)


def plan(on_board: BoardItem | None, *, item_id: int | None = 11, on_deleted: OnDeleted = "recreate", **wanted: Any) -> RowPlan:
    return Wanted(**wanted).plan(item_id, on_board, on_deleted)


def test_a_row_that_was_never_made_is_created_with_its_filled_cells() -> None:
    made = plan(None, item_id=None, cells={"key": "GRE-1", "qty": None})
    assert made == RowPlan((Step.CREATE,), None, {"key": "GRE-1"}, "A")


def test_a_row_that_the_board_shows_as_wanted_needs_nothing() -> None:
    assert plan(shown()) == RowPlan((), 11, {}, None)


def test_only_the_cells_that_differ_are_changed() -> None:
    assert plan(shown(qty="4")) == RowPlan((Step.CHANGE,), 11, {"qty": "5"}, None)


def test_a_cell_that_became_null_is_cleared() -> None:
    assert plan(shown(), cells={"key": "GRE-1", "qty": None}) == RowPlan((Step.CHANGE,), 11, {"qty": None}, None)


def test_a_new_name_alone_is_a_change() -> None:
    assert plan(shown(), name="B") == RowPlan((Step.CHANGE,), 11, {}, "B")


def test_a_new_group_alone_is_a_move() -> None:
    assert plan(shown(), group_id="g2").steps == (Step.MOVE,)


def test_values_go_before_the_move() -> None:
    assert plan(shown(qty="4"), name="B", group_id="g2") == RowPlan((Step.CHANGE, Step.MOVE), 11, {"qty": "5"}, "B")


def test_without_a_group_nothing_is_moved() -> None:
    assert plan(shown(), group_id=None).steps == ()


@pytest.mark.parametrize("on_board", [None, shown(state="archived"), shown(state="deleted")])
@pytest.mark.parametrize(("on_deleted", "steps"), [("recreate", (Step.CREATE,)), ("leave", ())])
def test_what_a_person_removed_is_made_again_or_left(
    on_board: BoardItem | None, on_deleted: OnDeleted, steps: tuple[Step, ...]
) -> None:
    assert plan(on_board, on_deleted=on_deleted).steps == steps


def test_what_was_never_made_is_created_whatever_the_policy_for_removed_ones() -> None:
    assert plan(None, item_id=None, on_deleted="leave").steps == (Step.CREATE,)


@pytest.mark.parametrize(
    ("on_board", "steps"), [(shown(), (Step.ARCHIVE,)), (shown(state="archived"), ()), (shown(state="deleted"), ()), (None, ())]
)
def test_a_row_that_is_to_go_is_archived_where_it_still_is(on_board: BoardItem | None, steps: tuple[Step, ...]) -> None:
    assert plan(on_board, action=Action.DELETE) == RowPlan(steps, 11)


@pytest.mark.parametrize(("on_board", "steps"), [(None, ()), (shown(state="deleted"), ()), (shown(qty="4"), (Step.CHANGE,))])
def test_an_empty_line_is_changed_where_it_is_and_never_made(on_board: BoardItem | None, steps: tuple[Step, ...]) -> None:
    assert plan(on_board, is_empty=True).steps == steps


_TEXTS = st.sampled_from([None, "GRE-1", "GRE-2", "x y"])
_NUMBERS = st.sampled_from([None, "0", "5", "7.5"])


@st.composite
def _items(draw: st.DrawFn) -> BoardItem | None:
    state = draw(st.sampled_from(["absent", "active", "active", "archived", "deleted"]))
    if state == "absent":
        return None
    texts = {"key": draw(_TEXTS) or "", "qty": draw(_NUMBERS) or ""}
    return shown(draw(st.sampled_from("AB")), draw(st.sampled_from(["g1", "g2"])), state, **texts)


_WANTED = st.builds(
    Wanted,
    action=st.sampled_from(Action),
    name=st.sampled_from("AB"),
    cells=st.fixed_dictionaries({"key": _TEXTS, "qty": _NUMBERS}),
    group_id=st.sampled_from([None, "g1", "g2"]),
    is_empty=st.booleans(),
)
_POLICIES = st.sampled_from(["recreate", "leave"])


def _applied(planned: RowPlan, wanted: Wanted, on_board: BoardItem | None) -> BoardItem | None:
    """What the board shows after monday has carried the plan out."""
    if Step.CREATE in planned.steps:
        on_board = BoardItem(12, planned.name or "", "active", wanted.group_id)
    if on_board is None or not planned.steps:
        return on_board
    cells = {**on_board.cells, **{id_: Cell(str(cell), json.dumps(cell)) for id_, cell in planned.cells.items() if cell}}
    cells = {id_: cell for id_, cell in cells.items() if planned.cells.get(id_, cell) is not None}
    group_id = wanted.group_id if Step.MOVE in planned.steps else on_board.group_id
    state = "archived" if Step.ARCHIVE in planned.steps else on_board.state
    return BoardItem(on_board.id, planned.name or on_board.name, state, group_id, cells=cells)


@given(_WANTED, _items(), st.booleans(), _POLICIES)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(
    wanted: Wanted, on_board: BoardItem | None, was_made: bool, on_deleted: OnDeleted
) -> None:
    item_id = 11 if on_board is not None or was_made else None
    planned = wanted.plan(item_id, on_board, on_deleted)
    after = _applied(planned, wanted, on_board)
    again = wanted.plan(after.id if after else item_id, after, on_deleted)
    assert again.steps == ()


@given(_WANTED, _items(), st.booleans(), _POLICIES)
def test_the_steps_of_a_plan_go_together_and_know_their_item(
    wanted: Wanted, on_board: BoardItem | None, was_made: bool, on_deleted: OnDeleted
) -> None:
    item_id = 11 if on_board is not None or was_made else None
    planned = wanted.plan(item_id, on_board, on_deleted)
    assert planned.steps in {
        (), (Step.CREATE,), (Step.CHANGE,), (Step.MOVE,), (Step.CHANGE, Step.MOVE), (Step.ARCHIVE,)
    }  # fmt: skip
    assert (planned.item_id is None) == (Step.CREATE in planned.steps or item_id is None)
    assert None not in planned.cells.values() or Step.CREATE not in planned.steps
    assert (wanted.action is Action.DELETE) or Step.ARCHIVE not in planned.steps

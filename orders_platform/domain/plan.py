"""What one row needs on the board, decided from values alone: what the order or line wants, and what the board shows.

A run applies the plan, a dry run prints it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orders_platform.domain.board import BoardItem, Column
from orders_platform.domain.column_values import changed_cells
from orders_platform.domain.mapping import BoardMapping
from orders_platform.domain.states import Action

OnDeleted = Literal["recreate", "leave"]
OnRenamed = Literal["restore", "keep"]


class Step(enum.StrEnum):
    """One mutation that a row needs."""

    CREATE = "create"
    CHANGE = "change"
    MOVE = "move"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a row should look like on the board; with the action DELETE it should be archived.

    Attributes:
        cells: JSON value by column id, None clears.
        group_id: for items; None leaves the group alone.
        is_empty: a line of quantity 0 need not be made, only changed where it is.
    """

    action: Action
    name: str
    cells: Mapping[str, object]
    group_id: str | None = None
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class RowPlan:
    """The mutations of one row, in order.

    Attributes:
        steps: empty when the board already shows what is wanted.
        item_id: what the steps after a create work on; None for a create.
        cells: the cells to write: all filled ones of a create, the changed ones of a change.
        name: the new name where it changed.
    """

    steps: tuple[Step, ...]
    item_id: int | None
    cells: Mapping[str, object] = field(default_factory=dict)
    name: str | None = None


def plan_row(
    wanted: Wanted,
    item_id: int | None,
    on_board: BoardItem | None,
    mapping: BoardMapping,
    columns: Mapping[str, Column],
    on_deleted: OnDeleted,
) -> RowPlan:
    """What to send for a row.

    `item_id` is None when it was never made; what is `on_board` under that id is None, or not active, when a person removed it.
    """
    is_there = on_board is not None and on_board.state == "active"
    if wanted.action is Action.DELETE:
        return RowPlan((Step.ARCHIVE,) if is_there else (), item_id)
    if on_board is not None and is_there:
        return _change(wanted, on_board, mapping, columns)
    if wanted.is_empty or (item_id is not None and on_deleted == "leave"):
        return RowPlan((), item_id)
    filled = {column_id: cell for column_id, cell in wanted.cells.items() if cell is not None}
    return RowPlan((Step.CREATE,), None, filled, wanted.name)


def _change(wanted: Wanted, on_board: BoardItem, mapping: BoardMapping, columns: Mapping[str, Column]) -> RowPlan:
    cells = changed_cells(mapping, columns, wanted.cells, on_board.cells)
    name = wanted.name if wanted.name != on_board.name else None
    moves = wanted.group_id is not None and wanted.group_id != on_board.group_id
    steps = ((Step.CHANGE,) if cells or name else ()) + ((Step.MOVE,) if moves else ())
    return RowPlan(steps, on_board.id, cells, name)

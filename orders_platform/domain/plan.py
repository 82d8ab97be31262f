"""What one row needs on the board, decided from values alone: what the order or line wants, and what the board shows.

A run applies the plan, a dry run prints it.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orders_platform.domain.board import BoardItem, Column
from orders_platform.domain.column_values import changed_cells
from orders_platform.domain.mapping import BoardMapping
from orders_platform.domain.orders import SyncRow
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
    row: SyncRow,
    cells: Mapping[str, object],
    on_board: BoardItem | None,
    mapping: BoardMapping,
    columns: Mapping[str, Column],
    on_deleted: OnDeleted,
) -> RowPlan:
    """What to send for a row that should show these cells, JSON values by column id.

    What is `on_board` under its id is None, or not active, when it was never made or a person removed it. A row without a group's id
    leaves the group alone. A line of quantity 0 need not be made, only changed where it is.
    """
    if on_board is None or on_board.state != "active":
        is_empty, is_left = row.values.get("qty") == 0, row.monday_id is not None and on_deleted == "leave"
        if row.action is Action.DELETE or is_empty or is_left:
            return RowPlan((), row.monday_id)
        filled = {column_id: cell for column_id, cell in cells.items() if cell is not None}
        return RowPlan((Step.CREATE,), None, filled, row.name)
    if row.action is Action.DELETE:
        return RowPlan((Step.ARCHIVE,), row.monday_id)
    changed = changed_cells(mapping, columns, cells, on_board.cells)
    name = row.name if row.name != on_board.name else None
    moves = row.group_id is not None and row.group_id != on_board.group_id
    steps = ((Step.CHANGE,) if changed or name else ()) + ((Step.MOVE,) if moves else ())
    return RowPlan(steps, on_board.id, changed, name)

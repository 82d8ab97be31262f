"""Boards, columns and groups: reading and writing the structure that items lie in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from orders_platform.sandbox.answers import bad_column
from orders_platform.sandbox.state import ACTIVE, ITEMS_BOARD, SUBITEMS_BOARD, BoardRow, ColumnRow, GroupRow, State

GROUP_COLORS = (
    "#037f4c", "#00c875", "#9cd326", "#cab641", "#ffcb00", "#784bd1", "#9d50dd", "#007eb5", "#579bfc", "#66ccff",
    "#bb3354", "#df2f4a", "#ff007f", "#ff5ac4", "#ff642e", "#fdab3d", "#7f5347", "#c4c4c4", "#757575",
)  # fmt: skip

# monday's automatic column ids do not begin with the name of the type for these.
_ID_PREFIXES = {
    "numbers": "numeric",
    "status": "color",
    "checkbox": "boolean",
    "people": "multiple_person",
    "item_id": "pulse_id",
}

_BOARD = "SELECT id, name, description, type, board_kind, state, items_count, created_at FROM boards "
_COLUMN = "SELECT board_id, id, title, description, type, settings FROM columns "
_GROUP = "SELECT board_id, id, title, color, position, state, created_at FROM groups "


def boards(state: State) -> list[BoardRow]:
    """Every board, deleted ones included, oldest first."""
    return state.rows(BoardRow, _BOARD + "ORDER BY created_at, id")


def board(state: State, board_id: int) -> BoardRow | None:
    """The board of that id, whatever its state."""
    return state.row(BoardRow, _BOARD + "WHERE id = ?", (board_id,))


def add_board(
    state: State, name: str, *, board_type: str = ITEMS_BOARD, kind: str = "public", board_id: int | None = None
) -> int:
    """A new board without columns and groups; its id."""
    wanted = board_id or state.count("SELECT max(id) FROM boards") + 1
    state.write(
        "INSERT INTO boards (id, name, type, board_kind, state, items_count, created_at) VALUES (?, ?, ?, ?, ?, 0, ?)",
        (wanted, name, board_type, kind, ACTIVE, state.clock()),
    )
    add_column(state, wanted, "name", "Name", column_id="name")
    return wanted


def make_multi_level(state: State, board_id: int) -> None:
    """The `hierarchy_type` of a board is `multi_level` from now on."""
    state.write("INSERT OR REPLACE INTO multi_level_boards (board_id, rollup) VALUES (?, '[]')", (board_id,))


def is_multi_level(state: State, board_id: int) -> bool:
    """Whether the `hierarchy_type` of a board is `multi_level`."""
    return bool(state.count("SELECT 1 FROM multi_level_boards WHERE board_id = ?", (board_id,)))


def columns(state: State, board_id: int) -> Mapping[str, ColumnRow]:
    """The columns of a board by id, in board order."""
    with state.lock:
        key = ("columns", board_id)
        if key not in state.cache:
            rows = state.rows(ColumnRow, _COLUMN + "WHERE board_id = ? ORDER BY position, id", (board_id,))
            state.cache[key] = {row.id: row for row in rows}
        found: Mapping[str, ColumnRow] = state.cache[key]
        return found


def wanted_column(state: State, board_id: int, column_id: str) -> ColumnRow:
    """A column of a board, or a `Refusal`."""
    found = columns(state, board_id).get(column_id)
    if found is None:
        raise bad_column(column_id)
    return found


def add_column(
    state: State,
    board_id: int,
    column_type: str,
    title: str,
    *,
    column_id: str | None = None,
    settings: Mapping[str, object] | None = None,
    description: str | None = None,
    after: str | None = None,
) -> str:
    """A new column, at the end or after another; its id."""
    wanted = column_id or f"{_ID_PREFIXES.get(column_type, column_type)}_{_suffix(state, board_id, 'columns')}"
    state.write("INSERT OR IGNORE INTO used_column_ids (board_id, id) VALUES (?, ?)", (board_id, wanted))
    position = _column_position(state, board_id, after)
    state.write(
        "INSERT INTO columns (board_id, id, title, description, type, settings, position) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (board_id, wanted, title, description, column_type, json.dumps(settings or {}), position),
    )
    state.cache.pop(("columns", board_id), None)
    return wanted


def used_column_id(state: State, board_id: int, column_id: str) -> bool:
    """Whether a column of the board has or had this id: monday never gives one twice."""
    return bool(state.count("SELECT 1 FROM used_column_ids WHERE board_id = ? AND id = ?", (board_id, column_id)))


def rename_column(state: State, column: ColumnRow, title: str) -> None:
    """Another title."""
    state.write("UPDATE columns SET title = ? WHERE board_id = ? AND id = ?", (title, column.board_id, column.id))
    state.cache.pop(("columns", column.board_id), None)


def delete_column(state: State, column: ColumnRow) -> None:
    """The column is gone with its labels and cells."""
    where = (column.board_id, column.id)
    state.write("DELETE FROM cells WHERE column_id = ? AND item_id IN (SELECT id FROM items WHERE board_id = ?)", where[::-1])
    state.write("DELETE FROM labels WHERE board_id = ? AND column_id = ?", where)
    state.write("DELETE FROM columns WHERE board_id = ? AND id = ?", where)
    state.cache.pop(("columns", column.board_id), None)
    state.cache.pop(("labels", *where), None)


def retire_board(state: State, board_id: int, new_state: str) -> None:
    """Archive or delete a board; its items stay as they are."""
    state.write("UPDATE boards SET state = ? WHERE id = ?", (new_state, board_id))


def _column_position(state: State, board_id: int, after: str | None) -> float:
    last = state.number("SELECT max(position) FROM columns WHERE board_id = ?", (board_id,))
    if after is None:
        return last + 1
    place = state.number("SELECT position FROM columns WHERE board_id = ? AND id = ?", (board_id, after))
    following = state.number("SELECT min(position) FROM columns WHERE board_id = ? AND position > ?", (board_id, place))
    return (place + following) / 2 if following else place + 1


def _suffix(state: State, board_id: int, table: str) -> str:
    """Eight letters and digits such as monday appends, the same in every sandbox with the same history."""
    counted = "used_column_ids" if table == "columns" else table
    count = state.count(f"SELECT count(*) FROM {counted} WHERE board_id = ?", (board_id,))  # noqa: S608  constants only
    text = f"{table}:{board_id}:{count}"
    return "mk" + hashlib.sha256(text.encode()).hexdigest()[:6]


def groups(state: State, board_id: int) -> list[GroupRow]:
    """The active groups of a board, in board order, the freshest ones included."""
    return state.rows(GroupRow, _GROUP + "WHERE board_id = ? AND state = 'active' ORDER BY position, id", (board_id,))


def group(state: State, board_id: int, group_id: str) -> GroupRow | None:
    """The group of that id, whatever its state."""
    return state.row(GroupRow, _GROUP + "WHERE board_id = ? AND id = ?", (board_id, group_id))


def add_group(state: State, board_id: int, title: str, *, group_id: str | None = None, color: str | None = None) -> str:
    """A new group at the bottom of a board; its id."""
    count = state.count("SELECT count(*) FROM groups WHERE board_id = ?", (board_id,))
    wanted = group_id or f"group_{_suffix(state, board_id, 'groups')}"
    last = state.number("SELECT max(position) FROM groups WHERE board_id = ?", (board_id,))
    state.write(
        "INSERT INTO groups (board_id, id, title, color, position, state, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (board_id, wanted, title, color or GROUP_COLORS[count % len(GROUP_COLORS)], last + 65_536, ACTIVE, state.clock()),
    )
    return wanted


def change_group(
    state: State, found: GroupRow, *, title: str | None = None, color: str | None = None, position: float | None = None
) -> None:
    """Another title, colour or place; None leaves it."""
    state.write(
        "UPDATE groups SET title = coalesce(?, title), color = coalesce(?, color), position = coalesce(?, position) "
        "WHERE board_id = ? AND id = ?",
        (title, color, position, found.board_id, found.id),
    )


def position_beside(state: State, found: GroupRow, *, before: bool) -> float:
    """A position just before or after a group."""
    positions = [each.position for each in groups(state, found.board_id)]
    neighbours = [each for each in positions if (each < found.position if before else each > found.position)]
    if not neighbours:
        return found.position - 65_536 if before else found.position + 65_536
    return (found.position + (max(neighbours) if before else min(neighbours))) / 2


def retire_group(state: State, found: GroupRow, new_state: str) -> None:
    """Archive or delete a group; its items are the caller's care."""
    state.write("UPDATE groups SET state = ? WHERE board_id = ? AND id = ?", (new_state, found.board_id, found.id))


def subitems_board_id(state: State, board_id: int) -> int | None:
    """The board of subitems that the subtasks column points to, None while there is no such column."""
    for column in columns(state, board_id).values():
        if column.type == "subtasks":
            return int(json.loads(column.settings)["boardIds"][0])
    return None


def add_subitems_board(state: State, parent: BoardRow, *, column_id: str | None = None, board_id: int | None = None) -> int:
    """The hidden board of subitems and the subtasks column that points to it; the new board's id."""
    made = add_board(state, f"Subitems of {parent.name}", board_type=SUBITEMS_BOARD, kind=parent.board_kind, board_id=board_id)
    add_group(state, made, "Subitems", group_id="topics")
    shown = {"displayType": "BOARD_INLINE", "allowMultipleItems": True, "itemTypeName": "column.subtasks.title"}
    settings = {"boardIds": [made], **shown}
    add_column(state, parent.id, "subtasks", "Subitems", column_id=column_id, settings=settings)
    return made

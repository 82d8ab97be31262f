"""Items, subitems and their cells: rows read and written, and what lists still show of them until the visibility lag is over.

Without a lag nothing is remembered and nothing costs anything.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from orders_platform.sandbox import structure
from orders_platform.sandbox.sandbox_options import Lagging
from orders_platform.sandbox.state import ACTIVE, ARCHIVED, DELETED, GroupRow, ItemRow, State, StoredCell

_EARLIEST = (
    "SELECT item_id, group_id, state, min(changed_at) FROM past "
    "WHERE changed_at > ? AND item_id IN (SELECT value FROM json_each(?)) GROUP BY item_id"
)


def remember(state: State, item: ItemRow) -> None:
    """Keeps how an item is now; called just before it is moved, archived or deleted."""
    if not state.visibility_lag:
        return
    state.write("DELETE FROM past WHERE changed_at <= ?", (state.visible_until,))
    # Of two changes in one instant the first one knows how the item was before.
    state.write(
        "INSERT OR IGNORE INTO past (item_id, changed_at, group_id, position, state) VALUES (?, ?, ?, ?, ?)",
        (item.id, state.clock(), item.group_id, item.position, item.state),
    )


def as_listed(state: State, rows: Iterable[ItemRow]) -> list[ItemRow]:
    """Items as lists show them now, in the group and the state that they show; those not visible yet are left out."""
    found = list(rows)
    if not state.visibility_lag:
        return found
    covers = state.switches.lag_covers
    earlier = {row[0]: row for row in state.all(_EARLIEST, (state.visible_until, json.dumps([r.id for r in found])))}
    shown = []
    for item in found:
        if Lagging.NEW in covers and item.created_at > state.visible_until:
            continue
        past = earlier.get(item.id)
        if past and Lagging.MOVED in covers:
            item = replace(item, group_id=past[1])
        if past and Lagging.RETIRED in covers:
            item = replace(item, state=past[2])
        shown.append(item)
    return shown


_FIRST_ID = 10_000_000_001
_ITEM = "SELECT id, board_id, parent_id, group_id, name, state, position, created_at, updated_at FROM items "
_BY_IDS = _ITEM + "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id DESC"  # noqa: S608  constants only
_OF_GROUP = (
    _ITEM + "WHERE board_id = ? AND group_id = ? AND state IN (SELECT value FROM json_each(?)) "  # noqa: S608  constants only
    "ORDER BY position, id LIMIT ?"
)


def item(state: State, item_id: int) -> ItemRow | None:
    """The item or subitem of that id, whatever its state."""
    return state.row(ItemRow, _ITEM + "WHERE id = ?", (item_id,))


def items(state: State, item_ids: Iterable[int]) -> list[ItemRow]:
    """Items and subitems by id, whatever their state, newest first as monday does; unknown ids are left out."""
    return state.rows(ItemRow, _BY_IDS, (json.dumps(list(item_ids)),))


def newest(state: State, limit: int, offset: int) -> list[ItemRow]:
    """A page of all active items of the account, newest first."""
    return state.rows(ItemRow, _ITEM + "WHERE state = 'active' ORDER BY id DESC LIMIT ? OFFSET ?", (limit, offset))


def children(state: State, item_id: int, states: Collection[str] = (ACTIVE,)) -> list[ItemRow]:
    """The subitems of an item, in the order of their creation."""
    found = state.rows(ItemRow, _ITEM + "WHERE parent_id = ? ORDER BY position, id", (item_id,))
    return [child for child in found if child.state in states]


def listed_children(state: State, item_id: int) -> list[ItemRow]:
    """The active subitems as `subitems` shows them now, the visibility lag included."""
    if not state.visibility_lag or Lagging.SUBITEMS not in state.switches.lag_covers:
        return children(state, item_id)
    everyone = children(state, item_id, (ACTIVE, ARCHIVED, DELETED))
    return [each for each in as_listed(state, everyone) if each.state == ACTIVE]


def in_group(state: State, group: GroupRow, *, states: Collection[str] = (ACTIVE,), limit: int = -1) -> list[ItemRow]:
    """The items of a group, in board order; a negative limit means all."""
    return state.rows(ItemRow, _OF_GROUP, (group.board_id, group.id, json.dumps(sorted(states)), limit))


def cells(state: State, item_id: int) -> Mapping[str, StoredCell]:
    """The filled cells of an item by column id."""
    rows = state.all("SELECT column_id, text, value, search FROM cells WHERE item_id = ?", (item_id,))
    return {column_id: StoredCell(*rest) for column_id, *rest in rows}


def add_item(state: State, group: GroupRow, name: str, *, parent_id: int | None = None, position: float | None = None) -> int:
    """A new active item at the bottom of a group, or at `position`; its id."""
    item_id = max(state.count("SELECT max(id) FROM items"), _FIRST_ID) + 1
    place = bottom(state, group) + 1 if position is None else position
    now = state.clock()
    state.write(
        "INSERT INTO items (id, board_id, parent_id, group_id, name, state, position, created_at, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (item_id, group.board_id, parent_id, group.id, name, ACTIVE, place, now, now),
    )
    _count(state, group.board_id, 1)
    return item_id


def bottom(state: State, group: GroupRow) -> float:
    """The position of the last item of a group."""
    return state.number("SELECT max(position) FROM items WHERE board_id = ? AND group_id = ?", (group.board_id, group.id))


def top(state: State, group: GroupRow) -> float:
    """The position of the first item of a group."""
    return state.number("SELECT min(position) FROM items WHERE board_id = ? AND group_id = ?", (group.board_id, group.id))


def beside(state: State, other: ItemRow, *, before: bool) -> float:
    """A position just before or after an item of the same group."""
    nearest, side, beyond = ("max", "<", "-") if before else ("min", ">", "+")
    return state.number(
        f"SELECT coalesce(({nearest}(position) + :at) / 2, :at {beyond} 1) FROM items "  # noqa: S608  constants only
        f"WHERE board_id = :board AND group_id = :group AND position {side} :at",
        {"at": other.position, "board": other.board_id, "group": other.group_id},
    )


def change_cells(state: State, item_id: int, changes: Mapping[str, StoredCell | None], *, name: str | None = None) -> None:
    """Fills and clears (None) cells, renames, and marks the item as updated."""
    now = state.clock()
    filled = [(item_id, column, cell.text, cell.value, cell.search, now) for column, cell in changes.items() if cell]
    cleared = [(item_id, column) for column, cell in changes.items() if not cell]
    state.write_many(
        "INSERT INTO cells (item_id, column_id, text, value, search, changed_at) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET text = excluded.text, value = excluded.value, search = excluded.search, "
        "changed_at = excluded.changed_at",
        filled,
    )
    state.write_many("DELETE FROM cells WHERE item_id = ? AND column_id = ?", cleared)
    state.write("UPDATE items SET name = coalesce(?, name), updated_at = ? WHERE id = ?", (name, now, item_id))


def data_size(state: State, item_id: int) -> int:
    """Characters of all the cells of an item."""
    return state.count("SELECT sum(length(value)) FROM cells WHERE item_id = ?", (item_id,))


def move(state: State, found: ItemRow, group: GroupRow, position: float | None = None) -> None:
    """To the bottom of a group of the same board, or to `position` in it."""
    remember(state, found)
    place = bottom(state, group) + 1 if position is None else position
    state.write(
        "UPDATE items SET group_id = ?, position = ?, updated_at = ? WHERE id = ?", (group.id, place, state.clock(), found.id)
    )


def relocate(
    state: State, found: ItemRow, group: GroupRow, columns: Mapping[str, str], *, parent_id: int | None = None
) -> None:
    """To a group of whatever board, under an item or under none, with the same id; cells without a column there are lost."""
    kept = {columns[column_id]: cell for column_id, cell in cells(state, found.id).items() if column_id in columns}
    state.write("DELETE FROM cells WHERE item_id = ?", (found.id,))
    state.write("UPDATE items SET board_id = ?, parent_id = ? WHERE id = ?", (group.board_id, parent_id, found.id))
    move(state, replace(found, board_id=group.board_id, parent_id=parent_id), group)
    change_cells(state, found.id, kept)
    if found.state == ACTIVE:
        _count(state, found.board_id, -1)
        _count(state, group.board_id, 1)


def restore(state: State, found: ItemRow) -> None:
    """An archived or deleted item and the subitems that went with it are active again."""
    for each in (found, *children(state, found.id, states=(found.state,))):
        remember(state, each)
        state.write("UPDATE items SET state = ?, updated_at = ? WHERE id = ?", (ACTIVE, state.clock(), each.id))
        _count(state, each.board_id, 1)


def retire(state: State, found: ItemRow, new_state: str) -> None:
    """Archives or deletes an item together with its subitems."""
    for each in (found, *children(state, found.id, states=("active", "archived"))):
        remember(state, each)
        if each.state == ACTIVE:
            _count(state, each.board_id, -1)
        state.write("UPDATE items SET state = ?, updated_at = ? WHERE id = ?", (new_state, state.clock(), each.id))


def _count(state: State, board_id: int, change: int) -> None:
    state.write("UPDATE boards SET items_count = items_count + ? WHERE id = ?", (change, board_id))


@dataclass(frozen=True, slots=True)
class ItemSnapshot:
    """An item or subitem; `values` holds the text of each filled cell by column id."""

    id: int
    name: str
    state: str
    values: Mapping[str, str]
    subitems: tuple[ItemSnapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupSnapshot:
    """A group with its items, in board order."""

    id: str
    title: str
    items: tuple[ItemSnapshot, ...]


def board_snapshot(state: State, board_id: int, states: Collection[str] = (ACTIVE,)) -> list[GroupSnapshot]:
    """The active groups of a board with the items and subitems in one of `states`."""
    with state.lock:
        return [
            GroupSnapshot(
                group.id, group.title, tuple(_item(state, item, states) for item in in_group(state, group, states=states))
            )
            for group in structure.groups(state, board_id)
        ]


def _item(state: State, item: ItemRow, states: Collection[str]) -> ItemSnapshot:
    values = {column_id: cell.text for column_id, cell in cells(state, item.id).items()}
    below = () if item.parent_id else children(state, item.id, states)
    return ItemSnapshot(item.id, item.name, item.state, values, tuple(_item(state, child, states) for child in below))

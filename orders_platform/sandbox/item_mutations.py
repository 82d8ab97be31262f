"""The resolvers of mutations on items, and monday's rules for items: names, size of the values, room on a board.

Each runs inside a transaction (`graphql_schema.py`): a refusal leaves nothing behind.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping

from orders_platform.sandbox import cells, stored_items, structure
from orders_platform.sandbox.answers import Refusal, bad_json, bad_name, inactive, invalid_argument, not_found
from orders_platform.sandbox.gate import read_json
from orders_platform.sandbox.resolver_context import number, wanted_board, wanted_group, wanted_item
from orders_platform.sandbox.state import ACTIVE, ARCHIVED, DELETED, SUBITEMS_BOARD, GroupRow, ItemRow, State, StoredCell

LONGEST_NAME = 255
MOST_ITEM_DATA = 65_536


def create_item(
    state: State,
    *,
    board_id: str,
    item_name: str,
    group_id: str | None = None,
    column_values: object = None,
    create_labels_if_missing: bool = False,
    position_relative_method: str | None = None,
    relative_to: str | None = None,
) -> ItemRow:
    """An item at the bottom of a group, or where it was asked for."""
    board = wanted_board(state, board_id)
    if board.type == SUBITEMS_BOARD:
        raise invalid_argument("Items cannot be created on a board of subitems; use create_subitem")
    group = wanted_group(state, board.id, group_id) if group_id else structure.groups(state, board.id)[0]
    position = None
    if relative_to or position_relative_method:
        group, position = _place(state, group, relative_to, position_relative_method or "after_at")
    return _create(state, group, item_name, column_values, create_labels=create_labels_if_missing, position=position)


def create_subitem(
    state: State, *, parent_item_id: str, item_name: str, column_values: object = None, create_labels_if_missing: bool = False
) -> ItemRow:
    """A subitem; the first one of a board makes its board of subitems."""
    parent = _check_active(_kept(state, number(parent_item_id, "parent_item_id")))
    if parent.parent_id:
        raise invalid_argument("Subitems cannot have subitems on a classic board")
    group = _group_of_subitems(state, parent)
    return _create(state, group, item_name, column_values, create_labels=create_labels_if_missing, parent_id=parent.id)


def _group_of_subitems(state: State, parent: ItemRow) -> GroupRow:
    """The group on the board of subitems, which is made when absent."""
    board = wanted_board(state, parent.board_id)
    board_id = structure.subitems_board_id(state, board.id)
    if board_id is None:
        if not state.switches.make_subitems_column:
            raise invalid_argument("The board has no subitems column")
        board_id = structure.add_subitems_board(state, board)
    return structure.groups(state, board_id)[0]


def change_multiple_column_values(
    state: State, *, board_id: str, column_values: object, item_id: str | None = None, create_labels_if_missing: bool = False
) -> ItemRow:
    """Several cells, and the name under the key `name`."""
    found = _changeable(state, board_id, item_id)
    changes, name = _changes(state, found.board_id, column_values, create_labels=create_labels_if_missing)
    return _change(state, found, changes, name or None)


def change_simple_column_value(
    state: State,
    *,
    board_id: str,
    column_id: str,
    value: str | None = None,
    item_id: str | None = None,
    create_labels_if_missing: bool = False,
) -> ItemRow:
    """One cell as a plain text."""
    found = _changeable(state, board_id, item_id)
    if column_id == "name":
        if not value:
            raise invalid_argument("Invalid item name. Name must not be empty")
        return _change(state, found, {}, value)
    cell = _cell(state, found.board_id, column_id, value or None, create_labels=create_labels_if_missing)
    return _change(state, found, {column_id: cell})


def change_column_value(
    state: State,
    *,
    board_id: str,
    column_id: str,
    value: object,
    item_id: str | None = None,
    create_labels_if_missing: bool = False,
) -> ItemRow:
    """One cell as JSON."""
    found = _changeable(state, board_id, item_id)
    cell = _cell(state, found.board_id, column_id, _parsed(value), create_labels=create_labels_if_missing)
    return _change(state, found, {column_id: cell})


def move_item_to_group(state: State, *, group_id: str, item_id: str | None = None) -> ItemRow:
    """To the bottom of another group of the same board."""
    found = _check_active(wanted_item(state, item_id))
    group = wanted_group(state, found.board_id, group_id)
    if group.id != found.group_id:
        stored_items.move(state, found, group)
    return _kept(state, found.id)


def move_item_to_board(
    state: State,
    *,
    board_id: str,
    group_id: str,
    item_id: str,
    columns_mapping: list[Mapping[str, str]] | None = None,
    subitems_columns_mapping: list[Mapping[str, str]] | None = None,
) -> ItemRow:
    """To a group of another board, with its id and its subitems; without a mapping, into columns of the same type and title."""
    found = _check_active(wanted_item(state, item_id))
    group = wanted_group(state, wanted_board(state, board_id).id, group_id)
    if found.parent_id:
        raise invalid_argument("Subitems cannot be moved to another board")
    below = stored_items.children(state, found.id)
    stored_items.relocate(state, found, group, _columns(state, found.board_id, group.board_id, columns_mapping))
    for child in below:
        place = _group_of_subitems(state, _kept(state, found.id))
        columns = _columns(state, child.board_id, place.board_id, subitems_columns_mapping)
        stored_items.relocate(state, child, place, columns, parent_id=found.id)
    return _kept(state, found.id)


def _columns(state: State, source: int, target: int, mapping: list[Mapping[str, str]] | None) -> dict[str, str]:
    if mapping is not None:
        return {each["source"]: each["target"] for each in mapping if each.get("target")}
    there = {(column.type, column.title): column.id for column in structure.columns(state, target).values()}
    here = structure.columns(state, source).values()
    return {each.id: there[each.type, each.title] for each in here if (each.type, each.title) in there}


def duplicate_item(
    state: State,
    *,
    board_id: str,
    item_id: str | None = None,
    with_updates: bool = False,  # noqa: ARG001  there are no updates
) -> ItemRow:
    """A copy below the item, with every cell and the subitems; monday adds "(copy)" to its name."""
    found = _changeable(state, board_id, item_id)
    group = wanted_group(state, found.board_id, found.group_id)
    position = stored_items.beside(state, found, before=False)
    made = stored_items.add_item(state, group, f"{found.name} (copy)", parent_id=found.parent_id, position=position)
    stored_items.change_cells(state, made, stored_items.cells(state, found.id))
    for child in stored_items.children(state, found.id):
        below = stored_items.add_item(state, wanted_group(state, child.board_id, child.group_id), child.name, parent_id=made)
        stored_items.change_cells(state, below, stored_items.cells(state, child.id))
    return _kept(state, made)


def place_by_hand(state: State, item_id: int, parent_id: int | None) -> None:
    """What people do on monday's screens and the API cannot: an item or subitem becomes a subitem of an item, or an item of its own."""
    found = _kept(state, item_id)
    if parent_id is None:
        parent = _kept(state, found.parent_id or 0)
        group = wanted_group(state, parent.board_id, parent.group_id)
    else:
        group = _group_of_subitems(state, _kept(state, parent_id))
    for each in (found, *stored_items.children(state, found.id)):  # subitems of what becomes a subitem become its siblings
        columns = _columns(state, each.board_id, group.board_id, None)
        stored_items.relocate(state, each, group, columns, parent_id=parent_id)


def change_item_position(
    state: State,
    *,
    item_id: str,
    group_id: str | None = None,
    group_top: bool = False,
    position_relative_method: str | None = None,
    relative_to: str | None = None,
) -> ItemRow:
    """To the top or bottom of a group, or beside another item; not for subitems."""
    found = _check_active(wanted_item(state, item_id))
    if found.parent_id or bool(group_id) == bool(relative_to):
        raise invalid_argument("Items are placed by either group_id or relative_to, subitems not at all")
    group = wanted_group(state, found.board_id, group_id or found.group_id)
    method = "after_at" if group_id and group_top else "before_at" if group_id else position_relative_method or "after_at"
    stored_items.move(state, found, *_place(state, group, relative_to, method))
    return _kept(state, found.id)


def _retire(new_state: str, state: State, *, item_id: str | None = None) -> ItemRow:
    """The item and its subitems leave every list, though `items(ids)` still knows them."""
    found = wanted_item(state, item_id)
    stored_items.retire(state, found, new_state)
    return _kept(state, found.id)


archive_item = functools.partial(_retire, ARCHIVED)
delete_item = functools.partial(_retire, DELETED)


def _create(
    state: State,
    group: GroupRow,
    item_name: str,
    column_values: object,
    *,
    create_labels: bool,
    parent_id: int | None = None,
    position: float | None = None,
) -> ItemRow:
    board = wanted_board(state, group.board_id)
    if board.items_count >= state.items_limit:
        message = f"Board has reached the limit of {state.items_limit:,} items per board"
        raise Refusal("ItemsLimitationException", message, error_data={"board_id": str(board.id), "limit": state.items_limit})
    changes, name = _changes(state, board.id, column_values, create_labels=create_labels)
    filled = {column_id: cell for column_id, cell in changes.items() if cell}
    _check_name(name or item_name)
    _check_size(sum(len(cell.value) for cell in filled.values()))
    made = stored_items.add_item(state, group, name or item_name, parent_id=parent_id, position=position)
    stored_items.change_cells(state, made, filled)
    return _kept(state, made)


def _change(state: State, found: ItemRow, changes: Mapping[str, StoredCell | None], name: str | None = None) -> ItemRow:
    if name is not None:
        _check_name(name)
    stored_items.change_cells(state, found.id, changes, name=name)
    _check_size(stored_items.data_size(state, found.id))
    return _kept(state, found.id)


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= LONGEST_NAME:
        raise bad_name(name)


def _check_size(characters: int) -> None:
    if characters > MOST_ITEM_DATA:
        message = f"The values of an item hold at most {MOST_ITEM_DATA:,} characters, these are {characters:,}"
        raise Refusal("ColumnValueException", message, error_data={"column_validation_error_code": "itemDataTooLarge"})


def _check_active(found: ItemRow) -> ItemRow:
    if found.state != ACTIVE:
        raise inactive(found.id)
    return found


def _changeable(state: State, board_id: str, item_id: str | None) -> ItemRow:
    board = wanted_board(state, board_id)
    if item_id is None:
        raise invalid_argument("item_id is required")
    found = _kept(state, number(item_id, "item_id"))
    if found.board_id != board.id:
        raise invalid_argument(f"Item {item_id} is not on board {board_id}")
    return _check_active(found)


def _changes(
    state: State, board_id: int, column_values: object, *, create_labels: bool
) -> tuple[dict[str, StoredCell | None], str]:
    """The cells that `column_values` wants, and the name it wants, empty for none."""
    values = {} if column_values is None else _parsed(column_values)
    if not isinstance(values, dict):
        raise bad_json(str(column_values))
    name = str(values.pop("name", None) or "")
    wanted = values.items()
    return {column_id: _cell(state, board_id, column_id, raw, create_labels=create_labels) for column_id, raw in wanted}, name


def _cell(state: State, board_id: int, column_id: str, value: object, *, create_labels: bool) -> StoredCell | None:
    return cells.write(state, structure.wanted_column(state, board_id, column_id), value, create_labels=create_labels)


def _parsed(text: object) -> object:
    """The JSON inside a string; monday takes values encoded twice."""
    if not isinstance(text, str):
        raise bad_json(json.dumps(text))
    try:
        return read_json(text)
    except ValueError as error:
        raise bad_json(text) from error


def _place(state: State, group: GroupRow, relative_to: str | None, method: str) -> tuple[GroupRow, float]:
    """The group and the position beside an item; without one, `before_at` is the bottom of the group and `after_at` its top."""
    if relative_to is None:
        return group, stored_items.bottom(state, group) + 1 if method == "before_at" else stored_items.top(state, group) - 1
    other = wanted_item(state, relative_to)
    if other.board_id != group.board_id:
        raise invalid_argument(f"Item {relative_to} is not on board {group.board_id}")
    return wanted_group(state, other.board_id, other.group_id), stored_items.beside(state, other, before=method == "before_at")


def _kept(state: State, item_id: int) -> ItemRow:
    found = stored_items.item(state, item_id)
    if found is None:
        raise not_found("Item", item_id)
    return found

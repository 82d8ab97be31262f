"""The resolvers of mutations on boards, columns and groups; each runs inside a transaction (`graphql_schema.py`)."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from orders_platform.sandbox import column_labels, stored_items, structure
from orders_platform.sandbox.answers import Refusal, bad_json, invalid_argument
from orders_platform.sandbox.gate import read_json
from orders_platform.sandbox.resolver_context import wanted_board, wanted_group
from orders_platform.sandbox.state import ACTIVE, ARCHIVED, DELETED, BoardRow, ColumnRow, GroupRow, State

LONGEST_GROUP_NAME = 255


def create_board(
    state: State,
    *,
    board_name: str,
    board_kind: str,
    empty: bool = False,
    description: str | None = None,  # noqa: ARG001  accepted, shown nowhere
    workspace_id: str | None = None,  # noqa: ARG001  there is one workspace
) -> BoardRow:
    """A board; unless `empty`, with the sample rows that monday adds."""
    if not board_name:
        raise Refusal("CreateBoardException", "Board name must not be empty")
    board_id = structure.add_board(state, board_name, kind=board_kind)
    structure.add_group(state, board_id, "Group Title", group_id="topics")
    if not empty:
        _add_samples(state, board_id)
    return wanted_board(state, board_id)


def _add_samples(state: State, board_id: int) -> None:
    status = structure.add_column(state, board_id, "status", "Status")
    for name in ("Done", "Working on it", "Stuck"):
        column_labels.add(state, structure.columns(state, board_id)[status], name)
    structure.add_column(state, board_id, "date", "Date")
    structure.add_group(state, board_id, "Group Title", group_id="group_title")
    for name in ("Task 1", "Task 2", "Task 3"):
        stored_items.add_item(state, structure.groups(state, board_id)[0], name)


def _retire_board(new_state: str, state: State, *, board_id: str) -> BoardRow:
    """A board that leaves the lists and takes no more changes."""
    found = wanted_board(state, board_id)
    structure.retire_board(state, found.id, new_state)
    return structure.board(state, found.id) or found


archive_board = functools.partial(_retire_board, ARCHIVED)
delete_board = functools.partial(_retire_board, DELETED)


def create_column(
    state: State,
    *,
    board_id: str,
    title: str,
    column_type: str,
    id: str | None = None,  # noqa: A002  monday's name
    description: str | None = None,
    after_column_id: str | None = None,
    defaults: object = None,
) -> ColumnRow:
    """A column at the end or after another; `defaults` may hold labels."""
    board = wanted_board(state, board_id)
    if id and not (len(id) <= 20 and id.replace("_", "").isalnum() and id.islower()):
        raise invalid_argument("A column id has 1-20 lowercase letters, digits and underscores")
    if id and structure.used_column_id(state, board.id, id):
        raise invalid_argument(f"There is or was already a column with the id {id}")
    if column_type == "subtasks":
        if structure.subitems_board_id(state, board.id):
            raise invalid_argument("A board has at most one subitems column")
        structure.add_subitems_board(state, board, column_id=id)
        return next(column for column in structure.columns(state, board.id).values() if column.type == "subtasks")
    made = structure.add_column(
        state, board.id, column_type, title, column_id=id, description=description, after=after_column_id
    )
    for name in _label_names(defaults):
        column_labels.add(state, structure.columns(state, board.id)[made], name)
    return structure.columns(state, board.id)[made]


def _update_column(
    column_type: str,
    state: State,
    *,
    board_id: str,
    id: str,  # noqa: A002  monday's name
    revision: str,
    settings: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
    title: str | None = None,
) -> ColumnRow:
    """Another title, or other labels: those that the settings do not list are gone, those without an id are new."""
    found = structure.wanted_column(state, wanted_board(state, board_id).id, id)
    if found.type != column_type:
        raise invalid_argument(f"Column {id} is of type {found.type}")
    if revision != column_labels.revision(state, found):
        raise invalid_argument(f"Column {id} was changed meanwhile: its revision is not {revision}")
    if title:
        structure.rename_column(state, found, title)
    if settings is not None:
        kept = {label["id"] for label in settings["labels"] if label.get("id") is not None}
        for label in column_labels.labels_of(state, found):
            if label.id not in kept:
                column_labels.remove(state, found, label.name)
        for new in settings["labels"]:
            if new.get("id") is None:
                column_labels.add(state, found, str(new["label"]))
    return structure.columns(state, found.board_id)[id]


update_dropdown_column = functools.partial(_update_column, "dropdown")
update_status_column = functools.partial(_update_column, "status")


def delete_column(state: State, *, board_id: str, column_id: str) -> ColumnRow:
    """A column that goes with its values; the name stays."""
    found = structure.wanted_column(state, wanted_board(state, board_id).id, column_id)
    if found.type == "name":
        raise invalid_argument("The name column cannot be deleted")
    structure.delete_column(state, found)
    return found


def change_column_title(state: State, *, board_id: str, column_id: str, title: str) -> ColumnRow:
    """Another title for a column."""
    found = structure.wanted_column(state, wanted_board(state, board_id).id, column_id)
    structure.rename_column(state, found, title)
    return replace(found, title=title)


def _label_names(defaults: object) -> list[str]:
    """Labels of `{"labels": [...]}` or `{"settings": {"labels": [...]}}`, as an object or as JSON in a string."""
    try:
        given = read_json(defaults) if isinstance(defaults, str) else defaults
    except ValueError as error:
        raise bad_json(str(defaults)) from error
    if not isinstance(given, Mapping):
        return []
    settings = given.get("settings")
    listed = (settings if isinstance(settings, Mapping) else given).get("labels", [])
    values = list(listed.values()) if isinstance(listed, Mapping) else listed
    return [str(each.get("label", each.get("name"))) if isinstance(each, Mapping) else str(each) for each in values]


def create_group(
    state: State,
    *,
    board_id: str,
    group_name: str,
    group_color: str | None = None,
    position: str | None = None,
    relative_to: str | None = None,
    position_relative_method: str | None = None,
) -> GroupRow:
    """A group at the bottom of the board, or where it was asked for."""
    board = wanted_board(state, board_id)
    _check_title(group_name)
    if group_color and group_color not in structure.GROUP_COLORS:
        raise invalid_argument(f"group_color must be one of {', '.join(structure.GROUP_COLORS)}")
    most = state.switches.groups_per_board
    if most is not None and len(structure.groups(state, board.id)) >= most:
        raise invalid_argument(f"A board holds at most {most} groups")
    made = wanted_group(state, board.id, structure.add_group(state, board.id, group_name, color=group_color))
    place = _group_place(state, made, position, relative_to, position_relative_method)
    if place is not None:
        structure.change_group(state, made, position=place)
    return wanted_group(state, board.id, made.id)


def _group_place(
    state: State, made: GroupRow, position: str | None, relative_to: str | None, method: str | None
) -> float | None:
    """The three arguments as monday reads them: without `relative_to`, `after_at` is the top of the board."""
    if relative_to:
        return structure.position_beside(state, wanted_group(state, made.board_id, relative_to), before=method == "before_at")
    if method == "after_at":
        return structure.position_beside(state, structure.groups(state, made.board_id)[0], before=True)
    return _position(position) if position else None


def update_group(state: State, *, board_id: str, group_id: str, group_attribute: str, new_value: str) -> GroupRow:
    """Another title, colour or place."""
    found = wanted_group(state, wanted_board(state, board_id).id, group_id)
    if group_attribute == "title":
        _check_title(new_value)
        structure.change_group(state, found, title=new_value)
    elif group_attribute == "color":
        structure.change_group(state, found, color=new_value)
    elif group_attribute == "position":
        structure.change_group(state, found, position=_position(new_value))
    else:
        other = wanted_group(state, found.board_id, new_value)
        place = structure.position_beside(state, other, before=group_attribute.endswith("before"))
        structure.change_group(state, found, position=place)
    return wanted_group(state, found.board_id, group_id)


def _retire_group(new_state: str, state: State, *, board_id: str, group_id: str) -> GroupRow:
    """The group and its items leave every list; the last group stays."""
    found = wanted_group(state, wanted_board(state, board_id).id, group_id)
    if len(structure.groups(state, found.board_id)) == 1:
        raise Refusal("DeleteLastGroupException", "The last group of a board cannot be deleted or archived", status=409)
    for item in stored_items.in_group(state, found, states=(ACTIVE, ARCHIVED)):
        stored_items.retire(state, item, new_state)
    structure.retire_group(state, found, new_state)
    return structure.group(state, found.board_id, group_id) or found


archive_group = functools.partial(_retire_group, ARCHIVED)
delete_group = functools.partial(_retire_group, DELETED)


def _check_title(title: str) -> None:
    if not 1 <= len(title) <= LONGEST_GROUP_NAME:
        raise invalid_argument(f"Group name must have between 1 and {LONGEST_GROUP_NAME} characters")


def _position(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise invalid_argument(f"position must be a number, was {text!r}") from error

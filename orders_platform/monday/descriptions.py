"""monday.com's JSON as values of the domain: a board with its columns and labels, groups, items, cells, API versions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from orders_platform.domain.board import BoardDescription, BoardItem, Cell, Column, Group, Label
from orders_platform.domain.mutations import is_item_id
from orders_platform.errors import MondayUnavailableError

Node = Mapping[str, object]
"""One JSON object of an answer."""


def nodes(parent: Node, key: str, *, optional: bool = False) -> tuple[Node, ...]:
    """The objects in a list of an answer.

    Raises:
        MondayUnavailableError: there is none, or something else is in it: an answer without a list does not say that it is empty.
    """
    found = parent.get(key)
    if found is None and optional:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise MondayUnavailableError(f"monday.com answered without the list {key}; repeat the run")
    return tuple(found)


def board_description(node: Node) -> BoardDescription:
    """One board of the query `board`."""
    columns = nodes(node, "columns")
    return BoardDescription(
        id=_number(node, "id"),
        name=str(node.get("name") or ""),
        columns=tuple(_column(each) for each in columns if not each.get("archived")),
        groups=board_groups(node),
        subitems_board_id=next(_subitem_boards(columns), None),
        hierarchy_type=str(node.get("hierarchy_type") or "classic"),
    )


def board_groups(node: Node) -> tuple[Group, ...]:
    """The active groups of the query `board`, in monday's order."""
    active = (each for each in nodes(node, "groups") if not (each.get("archived") or each.get("deleted")))
    return tuple(Group(_word(each, "id"), str(each.get("title") or "")) for each in active)


def board_item(node: Node, parent_item_id: int | None = None) -> BoardItem:
    """One item or subitem with the cells that came with it."""
    group, parent, board = node.get("group"), node.get("parent_item"), node.get("board")
    cells = nodes(node, "column_values", optional=True)
    if parent_item_id is None and isinstance(parent, dict):
        parent_item_id = _number(parent, "id")
    return BoardItem(
        id=_number(node, "id"),
        name=str(node.get("name") or ""),
        state=str(node.get("state") or "active"),
        group_id=str(group["id"]) if isinstance(group, dict) and group.get("id") is not None else None,
        parent_item_id=parent_item_id,
        cells={_word(cell, "id"): Cell(_optional_text(cell.get("text")), _optional_text(cell.get("value"))) for cell in cells},
        board_id=_number(board, "id") if isinstance(board, dict) else None,
        board_name=str(board.get("name") or "") if isinstance(board, dict) else "",
    )


def labels_of(settings: object) -> tuple[Label, ...]:
    """The labels in the settings of a status or dropdown column.

    A status label's `id` is what a cell stores; its `index` is only its place in the list. A label without text is the empty cell, not
    a label.
    """
    found = (_label(each) for each in nodes(settings_of(settings), "labels", optional=True) if each.get("id") is not None)
    return tuple(label for label in found if label.name)


def _column(node: Node) -> Column:
    kind = str(node.get("type") or "")
    labels = labels_of(node.get("settings")) if kind in {"status", "dropdown"} else ()
    return Column(_word(node, "id"), str(node.get("title") or ""), kind, labels)


def _label(node: Node) -> Label:
    text = node.get("label") if node.get("label") is not None else node.get("name")
    return Label(_number(node, "id"), str(text or ""), is_deactivated=bool(node.get("is_deactivated")))


def _subitem_boards(columns: Sequence[Node]) -> Iterator[int]:
    for column in columns:
        if column.get("type") == "subtasks" and not column.get("archived"):
            boards = settings_of(column.get("settings")).get("boardIds")
            yield from (_number({"id": each}, "id") for each in (boards if isinstance(boards, list) else []))


def settings_of(settings: object) -> Node:
    """The settings of a column; the JSON scalar arrives as an object or as text."""
    if isinstance(settings, str):
        try:
            settings = json.loads(settings)
        except (ValueError, RecursionError) as error:
            raise MondayUnavailableError("monday.com sent column settings that are no JSON; repeat the run") from error
    return settings if isinstance(settings, dict) else {}


def _number(node: Node, key: str) -> int:
    text = _word(node, key)
    if not is_item_id(text) and text != "0":
        raise MondayUnavailableError(f"monday.com answered with {key} {text[:50]!r} where a number is due; repeat the run")
    return int(text)


def _word(node: Node, key: str) -> str:
    value = node.get(key)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value):
        raise MondayUnavailableError(f"monday.com answered without {key}; repeat the run")
    return str(value)


def _optional_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


_ENDING = {
    "maintenance": "is in maintenance and is retired next",
    "previous_maintenance": "is retired next January",
    "old_previous_maintenance": "is retired next January",
    "old__maintenance": "is retired next January",
    "deprecated": "is no longer supported",
}
"""monday's kinds of a version (its enum VersionKind) that call for a change, and what they say."""


def version_notice(listed: Sequence[Node], pinned: str) -> str:
    """A sentence where the pinned version nears its end or is gone; empty where it lives, or where monday lists none."""
    kinds = {str(version.get("value")): str(version.get("kind")) for version in listed}
    if not kinds or (pinned in kinds and kinds[pinned] not in _ENDING):
        return ""
    state = _ENDING.get(kinds.get(pinned, ""), "is not among the versions that monday serves")
    current = next((value for value, kind in kinds.items() if kind == "current"), None)
    advice = f"; the current one is {current}" if current else ""
    return f"API version {pinned} {state}{advice}: compare graphql/ with it, then set [monday] api_version"

"""Does the board fit the mapping? Answered before the first write of a run, with every misfit at once, in words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from orders_platform.domain.board import BoardDescription, Column
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field, LabelPolicy
from orders_platform.domain.new_columns import absent_labels
from orders_platform.domain.text import counted
from orders_platform.errors import BoardMismatchError

_Read = TypeVar("_Read")

# Types whose cells monday fills or which only its own screens edit, and where their content comes from.
READ_ONLY_TYPES: Final[Mapping[str, str]] = {
    "auto_number": "monday numbers the items itself",
    "button": "it holds no value",
    "creation_log": "monday fills it",
    "formula": "monday computes it from other columns",
    "integration": "an integration fills it",
    "item_assignees": "monday fills it",
    "item_id": "monday fills it",
    "last_updated": "monday fills it",
    "mirror": "it shows a column of another board",
    "name": "the item's name is sent as such, not as a column",
    "progress": "monday computes it from the status columns",
    "subtasks": "subitems are sent as such, not as a column",
    "time_tracking": "only people start and stop it",
}


def board_problems(mapping: BoardMapping, board: BoardDescription, *, may_create_labels: bool = True) -> tuple[str, ...]:
    """Every reason why this board cannot receive what the mapping says, each a sentence; empty when it fits.

    `may_create_labels` is False when the token may not change the board's structure, which creating a label does.
    """
    problems = []
    if board.hierarchy_type != "classic":
        remedy = "only classic boards, with their subitems on a board of their own, are supported"
        problems.append(f"{_named(board)} has the hierarchy {board.hierarchy_type!r}; {remedy}")
    for field in mapping.fields:
        problems += _column_problems(field, board.column(field.column_id))
        if field.type.has_labels and field.labels is LabelPolicy.CREATE and not may_create_labels:
            lacks = "but the token may not change the board's structure; give it that right, or set the rule to reject or blank"
            problems.append(f"column {field.column_id!r} has the label rule create, {lacks}")
        if field.column_id == mapping.external_key and field.type is not ColumnType.TEXT:
            must = "it must be a text column to be searched by value"
            problems.append(f"the external key {mapping.external_key!r} is mapped as {field.type}; {must}")
    return tuple(problems)


def subitem_board_problems(items: BoardDescription, subitems: BoardMapping) -> tuple[str, ...]:
    """Why the mapping of the subitems does not belong to this board of items; empty when it does."""
    if items.subitems_board_id is None:
        return (f"{_named(items)} has no subitems yet; add a Subitems column to it on monday.com",)
    if items.subitems_board_id != subitems.board_id:
        given = f"[subitems] board_id in the configuration is board {subitems.board_id}"
        return (f"the subitems of {_named(items)} live on board {items.subitems_board_id}, but {given}",)
    return ()


def missing_labels(mapping: BoardMapping, board: BoardDescription, values: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """A sentence for each column that lacks labels: until a label is there, the cell is left empty on the board."""
    found = absent_labels(mapping, {column.id: column for column in board.columns}, values)
    return tuple(
        f"column {_column_name(each.column)} has no label for {counted(len(each.texts), 'value')} of {_sources(each.field)}: "
        f"{', '.join(map(repr, each.texts))}; add them on the board, or by `orders-platform board check --create-labels`"
        for each in found
    )


def require_board(found: Mapping[int, _Read], board_id: int) -> _Read:
    """What was read of the board of this id; `BoardMismatchError` when monday did not list it."""
    if board_id not in found:
        raise BoardMismatchError(
            f"monday.com knows no board {board_id}, or this token may not see it: compare board_id in the configuration. "
            "`orders-platform board init` makes a board."
        )
    return found[board_id]


def mismatch(board: BoardDescription, problems: Iterable[str]) -> BoardMismatchError:
    """The error that lists every problem of a board, one a line."""
    advice = "Nothing was sent. Correct the board or the configuration; `orders-platform board check` looks again."
    head = f"Board {board.id} ({board.name}) does not fit the configuration:"
    return BoardMismatchError("\n".join([head, *(f"- {problem}" for problem in problems), advice]))


def _column_problems(field: Field, column: Column | None) -> Iterator[str]:
    if column is None:
        wanted = f"wanted as {field.type} for {_sources(field)}"
        yield f"there is no column {field.column_id!r} on the board (or it is archived), {wanted}"
    elif column.type in READ_ONLY_TYPES:
        reason = READ_ONLY_TYPES[column.type]
        yield f"column {_column_name(column)} is of type {column.type}, which cannot be written: {reason} (for {_sources(field)})"
    elif column.type != field.type:
        yield f"column {_column_name(column)} is of type {column.type}, the configuration says {field.type} (for {_sources(field)})"


def _named(board: BoardDescription) -> str:
    return f"board {board.name!r} ({board.id})"


def _column_name(column: Column) -> str:
    return f"{column.title!r} ({column.id})"


def _sources(field: Field) -> str:
    return " or ".join(map(repr, field.sources))

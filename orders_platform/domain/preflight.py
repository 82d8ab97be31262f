"""Does the board fit the mapping? Answered before the first write of a run, all misfits at once; and what a board lacks, as mutations.

A column is asked for under the id that the mapping gives it, so that making it twice is refused; where monday will not have the id, it
chooses one, and the column is known by title and type. Nothing here sends.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from orders_platform.domain.board import BoardDescription, Column, Label
from orders_platform.domain.column_values import LabelIndex
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field, LabelPolicy
from orders_platform.domain.mutations import Mutation, Operation
from orders_platform.domain.text import counted, fold
from orders_platform.errors import BoardMismatchError, RowError

_Read = TypeVar("_Read")


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
    elif column.type not in set(ColumnType):
        yield f"column {_column_name(column)} is of type {column.type}, which cannot be written from a list (for {_sources(field)})"
    elif column.type != field.type:
        yield f"column {_column_name(column)} is of type {column.type}, the configuration says {field.type} (for {_sources(field)})"


def _named(board: BoardDescription) -> str:
    return f"board {board.name!r} ({board.id})"


def _column_name(column: Column) -> str:
    return f"{column.title!r} ({column.id})"


def _sources(field: Field) -> str:
    return " or ".join(map(repr, field.sources))


_TITLES = {"size_code": "Size", "qty": "Quantity"}
_OWN_ID = re.compile(r"[a-z0-9_]{1,20}")
_COLORS = re.findall(
    r"\w+",
    """done_green working_orange stuck_red dark_blue purple grass_green bright_blue saladish egg_yolk blackish dark_red sofia_pink
    lipstick dark_purple bright_green chili_blue american_gray brown dark_orange sunset bubble peach berry winter river navy aquamarine
    indigo dark_indigo pecan lavender royal steel orchid lilac tan sky coffee teal explosive""",
)
"""Of status labels, monday's enum StatusColumnColors: one label a colour."""

_KEPT = {
    ColumnType.STATUS: ("id", "label", "color", "index", "description", "is_done", "is_deactivated"),
    ColumnType.DROPDOWN: ("id", "label", "is_deactivated"),
}
"""What an update repeats of the labels that are there: monday takes the list as the whole."""


def title_of(field: Field) -> str:
    """The title of a column that is made for a field."""
    return _TITLES.get(field.sources[0], field.sources[0])


def place_fields(mapping: BoardMapping, columns: Sequence[Column]) -> dict[str, Column]:
    """The column for each field, by the id that the mapping gives: the one of that id, else the first free one of its title and type."""
    there = {column.id: column for column in columns}
    placed = {field.column_id: there[field.column_id] for field in mapping.fields if field.column_id in there}
    for field in mapping.fields:
        titles, taken = {fold(title) for title in (title_of(field), *field.sources)}, {column.id for column in placed.values()}
        free = (each for each in columns if each.id not in taken and each.type == field.type and fold(each.title) in titles)
        if field.column_id not in placed and (found := next(free, None)):
            placed[field.column_id] = found
    return placed


def new_column(board_id: int, field: Field, *, with_id: bool) -> Mutation:
    """The mutation that makes the column of a field; its ref is the id that the mapping gives."""
    wanted = {"id": field.column_id} if with_id and _OWN_ID.fullmatch(field.column_id) else {}
    return Mutation(
        field.column_id, {"board_id": str(board_id), "title": title_of(field), "column_type": field.type.value, **wanted}
    )


@dataclass(frozen=True, slots=True)
class AbsentLabels:
    """Texts that are no labels of the column that a field fills."""

    field: Field
    column: Column
    texts: Sequence[str]

    def makable(self) -> tuple[list[str], list[str]]:
        """Those that monday can make labels of, and a sentence for each other."""
        may, reasons, index = list[str](), list[str](), LabelIndex()
        for text in self.texts:
            choice, reason = _chosen(index, replace(self.field, labels=LabelPolicy.CREATE), self.column, text)
            if isinstance(choice, str):
                may.append(choice)
                index.add(self.column, choice)
            elif reason:
                reasons.append(f"column {_column_name(self.column)}: {text!r} {reason}")
        return may, reasons


def absent_labels(
    mapping: BoardMapping, columns: Mapping[str, Column], values: Mapping[str, Iterable[str]]
) -> list[AbsentLabels]:
    """The values that are no labels of their columns, where the platform does not make labels by itself.

    `columns` are by the id that the mapping gives; `values` those that orders have or may have, by order column.
    """
    found = []
    for field in mapping.fields:
        column = columns.get(field.column_id)
        if column is None or not field.type.has_labels or field.labels is LabelPolicy.CREATE:
            continue
        texts = sorted({text for source in field.sources for text in values.get(source, ())})
        if absent := [text for text in texts if _chosen(LabelIndex(), field, column, text)[0] is None]:
            found.append(AbsentLabels(field, column, absent))
    return found


def _chosen(index: LabelIndex, field: Field, column: Column, text: str) -> tuple[Label | str | None, str]:
    """The label of a text, or why it has none."""
    try:
        return index.choose(field, column, text), ""
    except RowError as error:
        return None, error.message


def new_labels(
    board_id: int, absent: AbsentLabels, column: Mapping[str, object], texts: Sequence[str]
) -> tuple[Operation, Mutation]:
    """The mutation that makes labels of the texts; the column is given with its revision and settings as they were read."""
    kind, settings = absent.field.type, column.get("settings")
    kept = settings if isinstance(settings, dict) else {}
    labels: list[dict[str, object]] = [
        {name: label[name] for name in _KEPT[kind] if label.get(name) is not None} for label in kept.get("labels", ())
    ]
    free = [color for color in _COLORS if color not in {label.get("color") for label in labels}]
    first = max((int(str(label.get("index", -1))) for label in labels), default=-1) + 1
    for place, text in enumerate(texts):
        is_status = kind is ColumnType.STATUS
        labels.append({"label": text, **({"color": free[place], "index": first + place} if is_status else {})})
    limits = {name: kept[name] for name in ("limit_select", "label_limit_count") if name in kept}
    variables = {"board_id": str(board_id), "id": absent.column.id, "revision": str(column.get("revision"))}
    operation = Operation.UPDATE_STATUS if kind is ColumnType.STATUS else Operation.UPDATE_DROPDOWN
    return operation, Mutation(absent.column.id, {**variables, "settings": {**limits, "labels": labels}})

"""The labels of status and dropdown columns: monday's rules (how many, how long, which colour and id), and how they are shown."""

from __future__ import annotations

import hashlib
import json

from orders_platform.sandbox.answers import Refusal, bad_value
from orders_platform.sandbox.gate import read_id
from orders_platform.sandbox.state import ColumnRow, LabelRow, State

MOST_STATUS_LABELS = 40
LONGEST_STATUS_LABEL = 30
MOST_DROPDOWN_LABELS = 500

# The colours of status labels in the order monday hands them out. Their ids become the ids of new labels, so that id and
# position differ, as they do on boards that people have edited.
STATUS_COLORS: dict[int, tuple[str, str]] = {
    1: ("done_green", "#00c875"), 0: ("working_orange", "#fdab3d"), 2: ("stuck_red", "#df2f4a"), 3: ("dark_blue", "#007eb5"),
    4: ("purple", "#9d50dd"), 6: ("grass_green", "#037f4c"), 7: ("bright_blue", "#579bfc"), 8: ("saladish", "#cab641"),
    9: ("egg_yolk", "#ffcb00"), 10: ("blackish", "#333333"), 11: ("dark_red", "#bb3354"), 12: ("sofia_pink", "#ff007f"),
    13: ("lipstick", "#ff5ac4"), 14: ("dark_purple", "#784bd1"), 15: ("bright_green", "#9cd326"), 16: ("chili_blue", "#66ccff"),
    17: ("american_gray", "#757575"), 18: ("brown", "#7f5347"), 19: ("dark_orange", "#ff642e"), 101: ("sunset", "#ff7575"),
    102: ("bubble", "#faa1f1"), 103: ("peach", "#ffadad"), 104: ("berry", "#7e3b8a"), 105: ("winter", "#9aadbd"),
    106: ("river", "#68a1bd"), 107: ("navy", "#225091"), 108: ("aquamarine", "#4eccc6"), 109: ("indigo", "#5559df"),
    110: ("dark_indigo", "#401694"), 151: ("pecan", "#563e3e"), 152: ("lavender", "#bda8f9"), 153: ("royal", "#2b76e5"),
    154: ("steel", "#a9bee8"), 155: ("orchid", "#d974b0"), 156: ("lilac", "#9d99b9"), 157: ("tan", "#bca58a"),
    158: ("sky", "#a1e3f6"), 159: ("coffee", "#cd9282"), 160: ("teal", "#175a63"), 5: ("explosive", "#c4c4c4"),
}  # fmt: skip
_COLOR_NAMES = {color: name for name, color in STATUS_COLORS.values()}
_DROPDOWN_COLORS = (
    "#cce5ff", "#d4f1e4", "#ffe8c7", "#f9d3dc", "#e6d6fb", "#d8f0f4", "#fbe3f3", "#ebe7c8", "#d9e0ec", "#f3dccf",
)  # fmt: skip


def labels_of(state: State, column: ColumnRow) -> tuple[LabelRow, ...]:
    """The labels of a column, in the order people see."""
    with state.lock:
        key = ("labels", column.board_id, column.id)
        if key not in state.cache:
            sql = "SELECT id, name, position, color FROM labels WHERE board_id = ? AND column_id = ? ORDER BY position"
            state.cache[key] = tuple(state.rows(LabelRow, sql, (column.board_id, column.id)))
        found: tuple[LabelRow, ...] = state.cache[key]
        return found


def remove(state: State, column: ColumnRow, name: str) -> None:
    """A person deletes a label; cells that show it become empty.

    Raises:
        LookupError: the column has no such label.
    """
    label = next((each for each in labels_of(state, column) if each.name == name), None)
    if label is None:
        raise LookupError(f"Column {column.id} has no label {name!r}")
    where = (column.board_id, column.id)
    of_column = "column_id = ? AND item_id IN (SELECT id FROM items WHERE board_id = ?) "
    chosen = "json_extract(cells.value, '$.index') = ? OR ? IN (SELECT each.value FROM json_each(cells.value, '$.ids') AS each)"
    state.write(f"DELETE FROM cells WHERE {of_column} AND ({chosen})", (*where[::-1], label.id, label.id))  # noqa: S608  constants
    state.write("DELETE FROM labels WHERE board_id = ? AND column_id = ? AND id = ?", (*where, label.id))
    state.cache.pop(("labels", *where), None)


def find(state: State, column: ColumnRow, name: str) -> LabelRow | None:
    """The label with exactly this text; in any case where the switch says so."""
    existing = labels_of(state, column)
    exact = next((label for label in existing if label.name == name), None)
    if exact or not state.switches.fold_label_case:
        return exact
    return next((label for label in existing if label.name.casefold() == name.casefold()), None)


def with_id(state: State, column: ColumnRow, digits: object) -> LabelRow:
    """The label with this id, or a `Refusal`."""
    label = next((label for label in labels_of(state, column) if label.id == read_id(digits)), None)
    if label is None:
        raise _missing(state, column, digits)
    return label


def find_or_add(state: State, column: ColumnRow, name: str, *, create: bool) -> LabelRow:
    """The label with this text, made when absent and `create` is set; else a `Refusal`."""
    label = find(state, column, name)
    if label is None and not create:
        raise _missing(state, column, name)
    return label or add(state, column, name)


def add(state: State, column: ColumnRow, name: str) -> LabelRow:
    """A new label at the end; a `Refusal` when the column is full or the text too long."""
    existing, is_status = labels_of(state, column), column.type == "status"
    most = MOST_STATUS_LABELS if is_status else MOST_DROPDOWN_LABELS
    if len(existing) >= most:
        message = f"The column already has the most labels it can hold ({most})"
        raise bad_value(column, name, message, state.switches.label_limit_code)
    if is_status and len(name) > LONGEST_STATUS_LABEL:
        raise bad_value(column, name, f"A status label has at most {LONGEST_STATUS_LABEL} characters", "labelTooLong")
    taken = {label.id for label in existing}
    label_id = next(each for each in STATUS_COLORS if each not in taken) if is_status else max(taken, default=0) + 1
    color = STATUS_COLORS[label_id][1] if is_status else _DROPDOWN_COLORS[label_id % len(_DROPDOWN_COLORS)]
    label = LabelRow(label_id, name, len(existing), color)
    state.write(
        "INSERT INTO labels (board_id, column_id, id, name, position, color) VALUES (?, ?, ?, ?, ?, ?)",
        (column.board_id, column.id, label.id, label.name, label.position, label.color),
    )
    state.cache.pop(("labels", column.board_id, column.id), None)
    return label


def _missing(state: State, column: ColumnRow, given: object) -> Refusal:
    """The refusal for a label that is not there; it names every label that is, as monday does."""
    known = ", ".join(f"{label.id}: {label.name}" for label in labels_of(state, column))
    if column.type == "status":
        message = f"This status label doesn't exist, possible statuses are: {{{known}}}"
    else:
        message = f"The dropdown label '{given}' does not exist, possible labels are: {{{known}}}"
    return bad_value(column, given, message, "missingLabel")


def settings(state: State, column: ColumnRow) -> dict[str, object]:
    """`Column.settings`: labels as the API shows them since 2025-10, beside whatever else the type keeps."""
    found: dict[str, object] = json.loads(column.settings)
    shown = labels_of(state, column)
    if column.type == "status":
        found["labels"] = [_status_setting(label) for label in shown]
    elif column.type == "dropdown":
        found["labels"] = [{"id": label.id, "label": label.name, "is_deactivated": False} for label in shown]
    return found


def revision(state: State, column: ColumnRow) -> str:
    """`Column.revision`: another one whenever title or labels are others."""
    return hashlib.sha256(f"{column.title} {settings(state, column)}".encode()).hexdigest()[:12]


def _status_setting(label: LabelRow) -> dict[str, object]:
    return {
        "id": label.id,
        "label": label.name,
        "color": _COLOR_NAMES.get(label.color, "explosive"),
        "index": label.position,
        "is_done": label.id == 1,
        "is_deactivated": False,
    }


def settings_str(state: State, column: ColumnRow) -> str:
    """`Column.settings_str`: the older form, as a string."""
    shown = labels_of(state, column)
    if column.type == "status":
        texts = {str(label.id): label.name for label in shown}
        return json.dumps({"labels": texts, "labels_positions_v2": {str(label.id): label.position for label in shown}})
    if column.type == "dropdown":
        return json.dumps({"labels": [{"id": label.id, "name": label.name} for label in shown]})
    return column.settings

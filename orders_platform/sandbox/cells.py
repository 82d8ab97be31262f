"""Cells by column type: what a type accepts and keeps of the JSON of a request, and how GraphQL shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from orders_platform.sandbox import column_labels, stored_items
from orders_platform.sandbox.answers import Refusal, bad_value
from orders_platform.sandbox.state import ColumnRow, ItemRow, LabelRow, State, StoredCell

LONGEST_LONG_TEXT = 2_000
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)
_URL = re.compile(r"https?://\S+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def write(state: State, column: ColumnRow, raw: object, *, create_labels: bool) -> StoredCell | None:
    """The cell that a value makes, None when the value clears it; a `Refusal` when the column cannot hold it.

    `raw` is the value as parsed from JSON: an object, or the simple text form.
    """
    entry = _Entry(state, column, raw, create_labels)
    if raw is None or raw == {}:
        return None
    writer = _WRITERS.get(column.type)
    if writer is None:
        raise entry.refused(f"Columns of type {column.type} cannot be written through the API", "readOnly")
    return writer(entry)


def search_form(column_type: str, text: str) -> str:
    """The form in which look-ups compare cells: case folded, numbers without needless digits."""
    if column_type == "numbers" and _NUMBER.fullmatch(text.strip()):
        return f"{Decimal(text.strip()).normalize():f}"
    return text.casefold()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value on its way into a column."""

    state: State
    column: ColumnRow
    raw: object
    create_labels: bool

    def refused(self, message: str, code: str = "invalidValue") -> Refusal:
        return bad_value(self.column, self.raw, message, code)

    def cell(self, text: str, value: object) -> StoredCell:
        return StoredCell(text, json.dumps(value, ensure_ascii=False), search_form(self.column.type, text))

    def string(self, raw: object) -> str:
        if not isinstance(raw, str):
            raise self.refused("invalid value: expected a string")
        return raw

    def member(self, name: str) -> object:
        """The value itself in the simple form, its member `name` in the JSON form."""
        if not isinstance(self.raw, dict):
            return self.raw
        if name not in self.raw:
            raise self.refused(f"invalid value: expected the key '{name}'")
        return self.raw[name]

    def address_and_text(self, key: str) -> tuple[str, str]:
        """Of `{key, text}` or of "address text"."""
        if isinstance(self.raw, dict):
            return self.string(self.member(key)), self.string(self.raw.get("text") or "")
        address, _, text = self.string(self.raw).partition(" ")
        return address, text

    def label_id(self, raw: object) -> LabelRow:
        """The label with that id."""
        if not _DIGITS.fullmatch(str(raw)):
            raise self.refused("invalid value: expected the id of a label")
        return column_labels.with_id(self.state, self.column, raw)

    def label(self, raw: object) -> LabelRow:
        """The label with that text."""
        return column_labels.find_or_add(self.state, self.column, self.string(raw), create=self.create_labels)

    @property
    def now(self) -> str:
        return datetime.fromtimestamp(self.state.clock(), UTC).isoformat().replace("+00:00", "Z")


def _text(entry: _Entry) -> StoredCell | None:
    text = entry.string(entry.raw)
    return entry.cell(text, text) if text else None


def _long_text(entry: _Entry) -> StoredCell | None:
    text = entry.string(entry.member("text"))
    if len(text) > LONGEST_LONG_TEXT:
        raise entry.refused(f"The text is longer than {LONGEST_LONG_TEXT} characters", "textTooLong")
    return entry.cell(text, {"text": text, "changed_at": entry.now}) if text else None


def _numbers(entry: _Entry) -> StoredCell | None:
    raw = entry.raw
    if raw == "":
        return entry.cell("0", "0")
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raw = format(Decimal(str(raw)), "f")
    if not isinstance(raw, str) or not _NUMBER.fullmatch(raw.strip()):
        raise entry.refused("invalid value: expected a number as a string")
    return entry.cell(raw.strip(), raw.strip())


def _date(entry: _Entry) -> StoredCell | None:
    if isinstance(entry.raw, dict):
        day, moment = entry.raw.get("date"), entry.raw.get("time")
    else:
        day, _, moment = entry.string(entry.raw).partition(" ")
    if not day:
        return None
    try:
        date.fromisoformat(day if _DATE.fullmatch(day) else "")
        clock = time.fromisoformat(moment) if moment else None
    except (ValueError, TypeError) as error:
        raise entry.refused("invalid value: expected a date as YYYY-MM-DD and a time as HH:MM:SS") from error
    value = {"date": day, "time": f"{clock:%H:%M:%S}" if clock else None, "icon": None, "changed_at": entry.now}
    return StoredCell(f"{day} {clock:%H:%M}" if clock else day, json.dumps(value), day)


def _status(entry: _Entry) -> StoredCell | None:
    raw = entry.raw
    wanted = raw.get("index", raw.get("label")) if isinstance(raw, dict) else raw
    if wanted is None or wanted == "":
        return None
    # monday takes digits for the id of a label, even where a label has that text.
    label = entry.label_id(wanted) if _DIGITS.fullmatch(str(wanted)) else entry.label(wanted)
    return entry.cell(label.name, {"index": label.id, "post_id": None, "changed_at": entry.now})


def _dropdown(entry: _Entry) -> StoredCell | None:
    names, ids = _dropdown_choice(entry)
    chosen = [entry.label(name) for name in names] + [entry.label_id(each) for each in ids]
    distinct = list(dict.fromkeys(chosen))
    if not distinct:
        return None
    return entry.cell(", ".join(label.name for label in distinct), {"ids": [label.id for label in distinct]})


def _dropdown_choice(entry: _Entry) -> tuple[list[object], list[object]]:
    """Label texts and label ids; one of the two is empty."""
    raw = entry.raw
    if not isinstance(raw, dict):
        parts: list[object] = [part.strip() for part in entry.string(raw).split(",") if part.strip()]
        return ([], parts) if parts and all(_DIGITS.fullmatch(str(part)) for part in parts) else (parts, [])
    if "labels" in raw and "ids" in raw:
        raise entry.refused("invalid value: labels and ids cannot be mixed")
    names, ids = raw.get("labels") or [], raw.get("ids") or []
    if not isinstance(names, list) or not isinstance(ids, list) or not {"labels", "ids"} & set(raw):
        raise entry.refused("invalid value: expected a list of labels or a list of ids")
    return [name for name in names if name != ""], ids


def _checkbox(entry: _Entry) -> StoredCell | None:
    checked = str(entry.member("checked")).lower()
    if checked not in {"true", "false", ""}:
        raise entry.refused("invalid value: expected true or false")
    return entry.cell("v", {"checked": True, "changed_at": entry.now}) if checked == "true" else None


def _link(entry: _Entry) -> StoredCell | None:
    url, text = entry.address_and_text("url")
    if url and not _URL.fullmatch(url):
        raise entry.refused("invalid value: expected a URL")
    shown = f"{text} - {url}" if text else url
    return entry.cell(shown, {"url": url, "text": text, "changed_at": entry.now}) if url else None


def _email(entry: _Entry) -> StoredCell | None:
    email, text = entry.address_and_text("email")
    if email and not _EMAIL.fullmatch(email):
        raise entry.refused("invalid value: expected an e-mail address")
    return entry.cell(text or email, {"email": email, "text": text or email, "changed_at": entry.now}) if email else None


_WRITERS: dict[str, Callable[[_Entry], StoredCell | None]] = {
    "text": _text,
    "long_text": _long_text,
    "numbers": _numbers,
    "date": _date,
    "status": _status,
    "dropdown": _dropdown,
    "checkbox": _checkbox,
    "link": _link,
    "email": _email,
}


_SHOWN = (
    "board_relation", "checkbox", "date", "dropdown", "email", "formula", "item_id", "last_updated", "link", "long_text", "mirror",
    "numbers", "status", "subtasks", "text",
)  # fmt: skip
VALUE_TYPES = {kind: "".join(word.title() for word in kind.split("_")) + "Value" for kind in _SHOWN}
"""GraphQL's type by column type; the cells of every other one are an `UnsupportedValue`."""
_NULL_WHEN_EMPTY = frozenset({"status", "dropdown", "subtasks", "mirror", "board_relation"})


@dataclass(frozen=True, slots=True)
class ColumnValue:
    """One cell of an item; graphql-core reads the attributes by their names."""

    state: State
    item: ItemRow
    column: ColumnRow
    cell: StoredCell | None

    @property
    def id(self) -> str:
        """Of the column."""
        return self.column.id

    @property
    def type(self) -> str:
        """Of the column."""
        return self.column.type

    @property
    def text(self) -> str | None:
        """For people."""
        if self.column.type == "item_id":
            return str(self.item.id)
        if self.column.type == "last_updated":
            return f"{datetime.fromtimestamp(self.item.updated_at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        if self.cell:
            return self.cell.text
        return None if self.column.type in _NULL_WHEN_EMPTY else ""

    @property
    def value(self) -> str | None:
        """As JSON in a string."""
        return self.cell.value if self.cell else None

    @property
    def data(self) -> dict[str, object]:
        """The JSON of `value`; empty where it is no object."""
        found = json.loads(self.cell.value) if self.cell else {}
        return found if isinstance(found, dict) else {}


def _label(value: ColumnValue, _info: object) -> str | None:
    """The text of a status, or the text beside an e-mail address."""
    return value.cell.text if value.cell else None


def _chosen(value: ColumnValue, _info: object) -> list[dict[str, object]]:
    ids = value.data.get("ids")
    names = {label.id: label.name for label in column_labels.labels_of(value.state, value.column)}
    return [{"id": label_id, "label": names[label_id]} for label_id in (ids if isinstance(ids, list) else [])]


def _subitems(value: ColumnValue, _info: object) -> list[ItemRow]:
    return stored_items.listed_children(value.state, value.item.id)


# The sandbox links no items and calculates nothing, so those cells are empty.
_EMPTY_DISPLAY: dict[str, Callable[..., object]] = {"display_value": lambda *_: ""}
VALUE_FIELDS: dict[str, dict[str, Callable[..., object]]] = {
    "BoardRelationValue": {**_EMPTY_DISPLAY, "linked_item_ids": lambda *_: []},
    "CheckboxValue": {"checked": lambda value, _info: value.cell is not None},
    "DateValue": {
        "date": lambda value, _info: value.data.get("date", ""),
        "time": lambda value, _info: value.data.get("time") or "",
    },
    "DropdownValue": {"values": _chosen},
    "EmailValue": {"email": lambda value, _info: value.data.get("email"), "label": _label},
    "FormulaValue": _EMPTY_DISPLAY,
    "LinkValue": {"url": lambda value, _info: value.data.get("url"), "url_text": lambda value, _info: value.data.get("text")},
    "MirrorValue": {**_EMPTY_DISPLAY, "mirrored_items": lambda *_: []},
    "NumbersValue": {"number": lambda value, _info: float(value.cell.text) if value.cell else None},
    "StatusValue": {"index": lambda value, _info: value.data.get("index"), "label": _label},
    "SubtasksValue": {
        "display_value": lambda value, info: ", ".join(child.name for child in _subitems(value, info)),
        "subitems": _subitems,
        "subitems_ids": lambda value, info: [child.id for child in _subitems(value, info)],
    },
}

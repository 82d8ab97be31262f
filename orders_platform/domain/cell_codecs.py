"""One codec for each of monday's column types: how a value of an order is written, and whether a cell on the board already shows it.

A *cell* is the JSON value under a column's id in `column_values`. Null words (`nan`) are ordinary text here: the merge has cleaned them
away. A refusal is a `RowError` whose message continues the sentence "<column>: <value> ...".

monday's `value` is what it stores, its `text` what people see: rounded to the column's precision, in the reader's time zone, in the
board's language. So a comparison asks `value` first. Where the two leave it open, the answer is "different": a value sent again does
no harm, a change not sent does.
"""

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

from orders_platform.domain.board import Cell, Column, Label
from orders_platform.domain.cell_texts import NUMERAL, PLACEHOLDER_DATES, day, is_day, numeral
from orders_platform.domain.mapping import ColumnType
from orders_platform.domain.text import clean
from orders_platform.errors import RowError

# Figure from monday's page on the long text column; a text column has no limit of its own.
LONG_TEXT_CHARACTERS: Final = 2_000
# Beyond this power of ten a number does not fit a double, the only number that JSON readers agree on.
_LARGEST_EXPONENT: Final = 307

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_URL = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")
_CHECKED = frozenset({"true", "yes", "y", "x", "v", "1"})
_UNCHECKED = frozenset({"false", "no", "n", "0"})


def is_blank(value: object) -> bool:
    """True for NULL and for text that nobody sees: both clear a cell."""
    return value is None or (isinstance(value, str) and not clean(value))


def plain_text(value: object) -> str:
    r"""The value as people read it: outer spaces trimmed, line ends as `\n`, numbers without exponent and trailing zeros.

    A BIT becomes 1 or 0, which is also what SQLite stores for it, so both databases give the same board. Raises `RowError`:
    `text_invalid` for characters that UTF-8 or monday cannot hold, `type_unknown` for binary values.
    """
    match value:
        case str():
            text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        case bool() | int() | float() | Decimal():
            return _digits(value)
        case dt.datetime():
            text = value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
        case dt.date() | dt.time():
            text = value.isoformat()
        case uuid.UUID():
            text = str(value)
        case _:
            raise RowError("type_unknown", f"is of type {type(value).__name__}, which has no text form")
    if bad := _UNSTORABLE.search(text):
        raise RowError("text_invalid", f"holds the character U+{ord(bad[0]):04X}, which cannot be stored; correct the order")
    return text


def plain_number(value: object, *, takes_percents: bool = False) -> Decimal:
    """The value as an exact number; a text is read as `domain/cell_texts.py` says.

    Raises `RowError`: `number_expected`, `percent_unexpected`, `number_out_of_range`.
    """
    match value:
        case Decimal():
            number = value
        case int():
            number = Decimal(value)
        case float():
            # repr is the shortest text that means this float; the exact binary value would show its noise.
            number = Decimal(repr(value))
        case str() if NUMERAL.fullmatch(digits := numeral(clean(value), takes_percents=takes_percents)):
            number = Decimal(digits)
        case str() if "," in value:
            raise RowError("number_expected", "is not a plain number: a comma may mean thousands or decimals, write 1234.5")
        case str() if value.rstrip().endswith("%"):
            raise RowError("percent_unexpected", "is a per cent, and the column does not say that it holds those")
        case _:
            raise RowError("number_expected", "is not a plain number such as 1234.5")
    if not number.is_finite():
        raise RowError("number_expected", "is not a finite number")
    if number and abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise RowError("number_out_of_range", "is too large or too small for a number column")
    return number


def number_text(number: Decimal) -> str:
    """A finite number as plain digits: no exponent, no trailing zeros, no negative zero."""
    if not number:
        return "0"
    digits = format(number, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _long_text(value: object) -> Mapping[str, str]:
    text = plain_text(value)
    if len(text) > LONG_TEXT_CHARACTERS:
        reason = f"has {len(text):,} characters, a long text holds {LONG_TEXT_CHARACTERS:,}; shorten it"
        raise RowError("text_too_long", reason)
    return {"text": text}


def _number(value: object, *, takes_percents: bool = False) -> str | None:
    if isinstance(value, str) and not numeral(clean(value)):
        return None  # a dash
    return _digits(value, takes_percents=takes_percents)


def _digits(value: object, *, takes_percents: bool = False) -> str:
    # Nearly all are such floats, of which this takes a fifth of the time; others have an exponent, or are infinite or no number.
    if type(value) is float and value and "e" not in (text := repr(value)) and "n" not in text:
        return text.removesuffix(".0")
    return number_text(plain_number(value, takes_percents=takes_percents))


def _date(value: object) -> Mapping[str, str] | None:
    written = value.date() if isinstance(value, dt.datetime) else value
    shown = written.isoformat() if isinstance(written, dt.date) else day(clean(plain_text(value)))
    if shown in PLACEHOLDER_DATES:
        return None
    if not is_day(shown):
        raise RowError("date_expected", "is not a date of the calendar written YYYY-MM-DD")
    return {"date": shown}


def _checkbox(value: object) -> Mapping[str, str] | None:
    word = plain_text(value).casefold()
    if word in _UNCHECKED:
        return None
    if word not in _CHECKED:
        raise RowError("checkbox_expected", "is neither yes nor no (true/false, yes/no, y/n, 1/0, x)")
    return {"checked": "true"}


def _matching(pattern: re.Pattern[str], key: str, code: str, words: str) -> Callable[[object], Mapping[str, str]]:
    def write(value: object) -> Mapping[str, str]:
        text = plain_text(value)
        if not pattern.fullmatch(text):
            raise RowError(code, words)
        return {key: text, "text": text}

    return write


def _status(label: Label | str) -> Mapping[str, object]:
    # A known label goes by id: monday reads a numeric status label as a position, the id survives a renaming, and the flag that
    # creates labels can create nothing in this column. The text form therefore always means "to be created".
    return {"label": label} if isinstance(label, str) else {"index": label.id}


def _dropdown(label: Label | str) -> Mapping[str, object]:
    return {"labels": [label]} if isinstance(label, str) else {"ids": [label.id]}


def _same_text(_column: Column, wanted: object, actual: Cell) -> bool:
    # A text cell is one line on the board, so kinds and numbers of spaces cannot be told apart there.
    return str(wanted).split() == (actual.text or "").split()


def _same_long_text(_column: Column, wanted: object, actual: Cell) -> bool:
    # Lines are told apart, the spaces within them are not: an older version sent them as they stood in the list.
    shown, sought = (text.strip().splitlines() for text in (actual.text or "", str(part_of(wanted, "text"))))
    return [line.split() for line in shown] == [line.split() for line in sought]


def _same_number(_column: Column, wanted: object, actual: Cell) -> bool:
    stored = _stored(actual)
    try:
        return plain_number(wanted) == plain_number(actual.text if stored is None else stored)
    except RowError:
        return False


def _same_status(column: Column, wanted: object, actual: Cell) -> bool:
    stored, label_id = part_of(_stored(actual), "index"), part_of(wanted, "index")
    if stored is None or label_id is None:
        return actual.text == (part_of(wanted, "label") or _label_name(column, label_id))
    return str(stored) == str(label_id)


def _same_dropdown(column: Column, wanted: object, actual: Cell) -> bool:
    stored, label_ids = part_of(_stored(actual), "ids"), _listed(part_of(wanted, "ids"))
    if isinstance(stored, list) and label_ids:
        return sorted(map(str, stored)) == sorted(map(str, label_ids))
    names = _listed(part_of(wanted, "labels")) or [_label_name(column, label_id) for label_id in label_ids]
    return actual.text == ", ".join(map(str, names))


def _same_checkbox(_column: Column, _wanted: object, actual: Cell) -> bool:
    checked = part_of(_stored(actual), "checked")
    # Only the checked box has a text, whatever word the language has for it.
    return checked is None or str(checked).casefold() == "true"


def _same_part(key: str, length: int | None = None) -> Callable[[Column, object, Cell], bool]:
    def same(_column: Column, wanted: object, actual: Cell) -> bool:
        return part_of(wanted, key) == (part_of(_stored(actual), key) or (actual.text or "")[:length])

    return same


def _stored(actual: Cell) -> object:
    try:
        return json.loads(actual.value or "null")
    except ValueError:
        return None


def part_of(value: object, key: str) -> object:
    """A part of a cell's JSON object; None when it is none, or lacks it."""
    return value.get(key) if isinstance(value, dict) else None


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _label_name(column: Column, label_id: object) -> str | None:
    return next((label.name for label in column.labels if label.id == label_id), None)


@dataclass(frozen=True, slots=True)
class Codec:
    """How one column type is written and compared."""

    # a value that is not blank as a cell; of columns with labels a `Label`, or a new one's name. None clears the cell. Raises
    # `RowError` when the type cannot hold the value.
    write: Callable[[Any], object]
    shows: Callable[[Column, object, Cell], bool]  # whether a cell on the board that is not blank shows a written cell


CODECS: Final[Mapping[str, Codec]] = {
    ColumnType.TEXT: Codec(plain_text, _same_text),
    ColumnType.LONG_TEXT: Codec(_long_text, _same_long_text),
    ColumnType.NUMBERS: Codec(_number, _same_number),
    ColumnType.DATE: Codec(_date, _same_part("date", length=10)),
    ColumnType.STATUS: Codec(_status, _same_status),
    ColumnType.DROPDOWN: Codec(_dropdown, _same_dropdown),
    ColumnType.CHECKBOX: Codec(_checkbox, _same_checkbox),
    ColumnType.LINK: Codec(
        _matching(_URL, "url", "url_expected", "is not a web address starting with http:// or https://"), _same_part("url")
    ),
    ColumnType.EMAIL: Codec(
        _matching(_EMAIL, "email", "email_expected", "is not one e-mail address such as name@example.com"), _same_part("email")
    ),
}
PERCENTS: Final = Codec(partial(_number, takes_percents=True), _same_number)

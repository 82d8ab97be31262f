"""One value of an order, written the way one monday.com column type wants it.

Belongs here: what a text, a number, a date, a link ... must look like, and the reason when a value does not. A refusal is a
`RowError` whose message continues the sentence "<column>: <value> ...". Does not belong here: which column it is for, rows and
comparison (`domain/column_values.py`), labels (`domain/labels.py`). Null words and placeholders (`nan`, `TBC`) are the merge's
business: here they are ordinary text.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from orders_platform.domain.mapping import ColumnType
from orders_platform.errors import RowError

# Figure from monday's page on the long text column; a text column has no limit of its own.
LONG_TEXT_CHARACTERS: Final = 2_000
# Beyond this power of ten a number does not fit a double, the only number that JSON readers agree on.
_LARGEST_EXPONENT: Final = 307

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?")
_URL = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")
_CHECKED = frozenset({"true", "yes", "y", "x", "v", "1"})
_UNCHECKED = frozenset({"false", "no", "n", "0"})


def is_blank(value: object) -> bool:
    """True for NULL and for text of spaces only: both clear a cell."""
    return value is None or (isinstance(value, str) and not value.strip())


def plain_text(value: object) -> str:
    r"""The value as people read it: outer spaces trimmed, line ends as `\n`, numbers without exponent and trailing zeros.

    A BIT becomes 1 or 0, which is also what SQLite stores for it, so both databases give the same board.

    Raises:
        RowError: `text_invalid` for characters that UTF-8 or monday cannot hold, `type_unknown` for binary values.
    """
    match value:
        case str():
            text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        case bool() | int() | float() | Decimal():
            return number_text(plain_number(value))
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


def plain_number(value: object) -> Decimal:
    """The value as an exact number; text must be plain digits, because a comma may mean thousands or decimals.

    Raises:
        RowError: `number_expected`, `number_out_of_range`.
    """
    match value:
        case Decimal():
            number = value
        case int():
            number = Decimal(value)
        case float():
            # repr is the shortest text that means this float; the exact binary value would show its noise.
            number = Decimal(repr(value))
        case str() if _NUMBER.fullmatch(value.strip()):
            number = Decimal(value.strip())
        case str() if "," in value:
            raise RowError("number_expected", "is not a plain number: a comma may mean thousands or decimals, write 1234.5")
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


def _date(value: object) -> Mapping[str, str]:
    if isinstance(value, dt.datetime):
        return {"date": value.date().isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    found = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        return {"date": dt.date.fromisoformat(found[1] if found else "").isoformat()}
    except ValueError:
        raise RowError("date_expected", "is not a date of the calendar written YYYY-MM-DD") from None


def _checkbox(value: object) -> Mapping[str, str] | None:
    word = plain_text(value).casefold()
    if word in _UNCHECKED:
        return None
    if word not in _CHECKED:
        raise RowError("checkbox_expected", "is neither yes nor no (true/false, yes/no, y/n, 1/0, x)")
    return {"checked": "true"}


def _link(value: object) -> Mapping[str, str]:
    url = plain_text(value)
    if not _URL.fullmatch(url):
        raise RowError("url_expected", "is not a web address starting with http:// or https://")
    return {"url": url, "text": url}


def _email(value: object) -> Mapping[str, str]:
    address = plain_text(value)
    if not _EMAIL.fullmatch(address):
        raise RowError("email_expected", "is not one e-mail address such as name@example.com")
    return {"email": address, "text": address}


# Every ColumnType without labels; those with labels need to know the board's.
FORMATS: Final[Mapping[ColumnType, Callable[[object], object]]] = {
    ColumnType.TEXT: plain_text,
    ColumnType.LONG_TEXT: _long_text,
    ColumnType.NUMBERS: lambda value: number_text(plain_number(value)),
    ColumnType.DATE: _date,
    ColumnType.CHECKBOX: _checkbox,
    ColumnType.LINK: _link,
    ColumnType.EMAIL: _email,
}

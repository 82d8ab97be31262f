"""What people plainly mean by the text of a cell: the number, the day or the text, for both databases and for what is sent.

What is not plain stays as it was written: whoever needs a number or a day refuses it by name. `1,250` is 1250, since a point is the decimal
sign of the list; `12,50` and `0,250` could be either, so they are left to people.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from orders_platform.domain.text import clean, clean_lines

PLACEHOLDER_DATES: Final = ("1900-01-01", "0001-01-01", "9999-12-31", "1899-12-30", "1899-12-31")
"""Days by which programs say that there is none; the last two are the zero of spreadsheets."""

_CURRENCY = r"(?:(?:US|AU|A|CA|C|NZ|HK|S)?\$|[€£¥₩₹]|US\$?|USD|EUR|GBP|AUD|CAD|NZD|HKD|SGD|CNY|RMB|JPY|KRW|INR|CHF|SEK|DKK|NOK|THB|VND|IDR)"
_PLAIN = r"[0-9]+\.?[0-9]*(?:E[+-]?[0-9]{1,2})?|\.[0-9]+"
_POINT = r"[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?:[ '’][0-9]{3})+)(?:\.[0-9]*)?"
_COMMA = r"[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+|(?: [0-9]{3})+),[0-9]+"
_SIGN = "[-+−]"
_NUMBER: Final = re.compile(
    rf"(?P<open>\()?(?P<sign>{_SIGN})? ?(?:{_CURRENCY} ?(?P<paren>\()?(?P<sign2>{_SIGN})?)?"
    rf"(?:(?P<plain>{_PLAIN})|(?P<point>{_POINT})|(?P<comma>{_COMMA}))(?P<close>\))?(?: ?(?P<percent>%)| ?{_CURRENCY}(?P<close2>\))?)?",
    re.IGNORECASE,
)
NUMERAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")  # a number as `numeral` writes it
_NOTHING: Final = re.compile(rf"{_CURRENCY}? ?[-–—−]+ ?{_CURRENCY}?", re.IGNORECASE)
_DAY: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:([0-5][0-9]|60)(\.[0-9]+)?)? ?(Z|UTC|GMT|[+-](0[0-9]|1[0-4]):?([0-5][0-9])?)?)?"
)
_SERIAL: Final = re.compile(r"([0-9]{5})(\.[0-9]+)?")
_FIRST_SERIAL: Final = 19_725  # 1954: a smaller one is rather a quantity or a price
_FIRST_DAY: Final = date(1899, 12, 30)


def numeral(text: str, *, takes_percents: bool = False) -> str:
    """The number of a clean text as plain digits, nothing for a dash, else the text as it is. Of a per cent only where those are taken."""
    if _NOTHING.fullmatch(text):
        return ""
    found = _NUMBER.fullmatch(text)
    if found is None or (found["percent"] and not takes_percents):
        return text
    opened, closed = (found[a] or found[b] for a, b in (("open", "paren"), ("close", "close2")))
    signs = [sign for sign in (found["sign"], found["sign2"]) if sign]
    if bool(opened) != bool(closed) or (found["open"] and found["paren"]) or len(signs) + bool(opened) > 1:
        return text
    digits = found["plain"] or re.sub("[, '’]", "", found["point"] or "")
    if found["comma"]:
        digits = re.sub("[. ]", "", found["comma"]).replace(",", ".")
    number = Decimal(digits)
    return format(-number if opened or signs in (["-"], ["−"]) else number, "f")


def day(text: str) -> str:
    """The day as ISO date, of an ISO text with or without time and zone, or of a spreadsheet's serial number; else the text as it is.

    The day is the one that is written, whatever the zone.
    """
    if (found := _DAY.fullmatch(text)) and is_day(found[1]):
        return found[1]
    if (found := _SERIAL.fullmatch(text)) and int(found[1]) >= _FIRST_SERIAL:
        return (_FIRST_DAY + timedelta(days=int(found[1]))).isoformat()
    return text


def is_day(text: str) -> bool:
    """Whether a text is a day as `day` writes it."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_READERS: Final[Mapping[str, Callable[[str], str]]] = {
    "text": clean,
    "lines": clean_lines,
    "number": lambda text: numeral(clean(text)),
    "percent": lambda text: numeral(clean(text), takes_percents=True),
    "date": lambda text: day(clean(text)),
}


def meaning(reader: str, text: str, null_words: Collection[str]) -> str | None:
    """What a cell of a column means that is read as text, lines, number, percent or date; None when it is blank or a null word."""
    shown = _READERS[reader](text)
    return None if not shown or shown.lower() in null_words else shown

"""How long monday.com asks us to wait: one number out of the five places where it writes it.

Belongs here: `retry_in_seconds` (beside or inside `error_data`), `retryAfterMs`, `Retry-After`, "reset in 3 seconds". Does not
belong here: waiting (`monday/client.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime

_IN_WORDS = re.compile(r"reset in (\d+(?:\.\d+)?) seconds?")


def seconds_to_wait(headers: Mapping[str, str], document: Mapping[str, object]) -> float | None:
    """The longest wait an answer asks for, in seconds; None when it asks for none.

    Args:
        headers: names in lower case.
        document: the body as JSON, empty when it is none.
    """
    return max((*_from_headers(headers), *_from_body(document)), default=None)


def _from_headers(headers: Mapping[str, str]) -> Iterator[float]:
    text = headers.get("retry-after", "").strip()
    if not text:
        return
    try:
        yield from _number(float(text), 1.0)
    except ValueError:
        yield from _from_date(text, headers.get("date", ""))


def _from_date(text: str, now: str) -> Iterator[float]:
    """The second form of Retry-After is a day and time; it is compared with the answer's own Date, not with our clock."""
    try:
        yield max(0.0, (parsedate_to_datetime(text) - parsedate_to_datetime(now)).total_seconds())
    except (ValueError, TypeError):
        return


def _from_body(document: Mapping[str, object]) -> Iterator[float]:
    errors = document.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            yield from _from_error(error)
        else:
            yield from _from_words(error)
    yield from _from_words(document.get("error_message"))


def _from_error(error: Mapping[str, object]) -> Iterator[float]:
    extensions = error.get("extensions")
    fields = extensions if isinstance(extensions, dict) else {}
    data = fields.get("error_data")
    for source in (fields, data if isinstance(data, dict) else {}):
        yield from _number(source.get("retry_in_seconds"), 1.0)
        yield from _number(source.get("retryAfterMs"), 1_000.0)
    yield from _from_words(error.get("message"))


def _number(value: object, divisor: float) -> Iterator[float]:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
        yield value / divisor


def _from_words(value: object) -> Iterator[float]:
    if isinstance(value, str):
        yield from (float(seconds) for seconds in _IN_WORDS.findall(value))

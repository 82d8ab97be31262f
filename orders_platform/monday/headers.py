"""What monday.com says of its limits beside the result: how long to wait, and the allowances of the `RateLimit` headers.

A wait may stand in five places: `retry_in_seconds` (beside or inside `error_data`), `retryAfterMs`, `Retry-After`, and "reset in 3
seconds" in a message.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

_IN_SENTENCE = re.compile(r"reset in (\d+(?:\.\d+)?) seconds?")


def seconds_to_wait(headers: Mapping[str, str], body: Mapping[str, object]) -> float | None:
    """The longest wait an answer asks for, in seconds; None when it asks for none.

    Args:
        headers: names in lower case.
        body: as JSON, empty when it is none.
    """
    return max((*_from_headers(headers), *_from_body(body)), default=None)


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


def _from_body(body: Mapping[str, object]) -> Iterator[float]:
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            yield from _from_error(error)
        else:
            yield from _from_sentence(error)
    yield from _from_sentence(body.get("error_message"))


def _from_error(error: Mapping[str, object]) -> Iterator[float]:
    extensions = error.get("extensions")
    fields = extensions if isinstance(extensions, dict) else {}
    data = fields.get("error_data")
    for source in (fields, data if isinstance(data, dict) else {}):
        yield from _number(source.get("retry_in_seconds"), 1.0)
        yield from _number(source.get("retryAfterMs"), 1_000.0)
    yield from _from_sentence(error.get("message"))


def _number(value: object, divisor: float) -> Iterator[float]:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
        yield value / divisor


def _from_sentence(value: object) -> Iterator[float]:
    if isinstance(value, str):
        yield from (float(seconds) for seconds in _IN_SENTENCE.findall(value))


_ENTRY = re.compile(r'"([^"]+)"((?:\s*;\s*[a-zA-Z]+=[^,;]+)*)')
_PARAMETER = re.compile(r"([a-zA-Z]+)=\"?([0-9.]+)\"?")


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit as monday last told it.

    Attributes:
        quota: most units a window, None when the answer did not say.
        remaining: units left in the running window.
        reset: seconds until the window ends, None when not told.
    """

    quota: int | None = None
    remaining: int | None = None
    reset: float | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """The three policies monday announces; each is empty when the answer did not mention it."""

    minute_rate: Allowance = field(default_factory=Allowance)
    concurrency: Allowance = field(default_factory=Allowance)
    complexity: Allowance = field(default_factory=Allowance)


def read_quota(headers: Mapping[str, str]) -> Quota:
    """The allowances in the headers of one answer.

    Args:
        headers: names in lower case. Entries that cannot be read are left out: the headers inform, they never fail an answer.
    """
    policies = _entries(headers.get("ratelimit-policy", ""))
    states = _entries(headers.get("ratelimit", ""))

    def allowance(name: str) -> Allowance:
        policy, state = policies.get(name, {}), states.get(name, {})
        return Allowance(quota=_whole(policy.get("q")), remaining=_whole(state.get("r")), reset=state.get("t"))

    return Quota(allowance("minuteRate"), allowance("concurrency"), allowance("complexityMinute"))


def _entries(text: str) -> dict[str, dict[str, float]]:
    return {name: _parameters(parameters) for name, parameters in _ENTRY.findall(text)}


def _parameters(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, number in _PARAMETER.findall(text):
        try:
            found[name] = float(number)
        except ValueError:
            continue
    return found


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)

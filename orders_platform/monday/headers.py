"""What monday.com says of its limits beside the result: how long to wait, and the allowances of the `RateLimit` headers.

A wait may stand in five places: `retry_in_seconds` (beside or inside `error_data`), `retryAfterMs`, `Retry-After`, and "reset in 3
seconds" in a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 3_600.0
"""No limit of monday's but that of the day lasts longer; who names more means something else."""

LONGEST_WINDOW = 61.0
"""A window lasts a minute, told in whole seconds."""

_IN_SENTENCE = re.compile(r"reset in (\d+(?:\.\d+)?) seconds?")
_ENTRY = re.compile(r'"([^"]+)"((?:\s*;\s*[a-zA-Z]+=[^,;]+)*)')
_PARAMETER = re.compile(r"([a-zA-Z]+)=\"?([0-9]{1,15}(?:\.[0-9]{1,15})?)\"?\s*(?![0-9.])")


def seconds_to_wait(headers: Mapping[str, str], body: Mapping[str, object]) -> float | None:
    """The longest wait an answer asks for, in seconds; None when it asks for none.

    Args:
        headers: names in lower case.
        body: as JSON, empty when it is none.
    """
    told = [seconds for seconds in (*_from_headers(headers), *_from_body(body)) if seconds >= 0]
    return min(max(told), LONGEST_WAIT) if told else None


def _from_headers(headers: Mapping[str, str]) -> Iterator[float]:
    text = headers.get("retry-after", "").strip()
    try:
        if re.fullmatch(r"[0-9]{1,15}(\.[0-9]*)?", text):
            yield float(text)
        elif text:  # a day and time is compared with the answer's own Date, not with our clock
            asked, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
            yield max(0.0, (asked - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return


def _from_body(body: Mapping[str, object]) -> Iterator[float]:
    errors = body.get("errors")
    for error in [*(errors if isinstance(errors, list) else []), body.get("error_message")]:
        fields = error if isinstance(error, dict) else {"message": error}
        extensions = as_object(fields.get("extensions"))
        for source in (extensions, as_object(extensions.get("error_data"))):
            yield from _number(source.get("retry_in_seconds"), 1)
            yield from _number(source.get("retryAfterMs"), 1_000)
        message = fields.get("message")
        yield from (float(seconds) for seconds in _IN_SENTENCE.findall(message if isinstance(message, str) else ""))


def _number(value: object, divisor: int) -> Iterator[float]:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15:
        yield value / divisor


def as_object(value: object) -> Mapping[str, object]:
    """What should be an object in JSON; empty for what is none."""
    return value if isinstance(value, dict) else {}


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


def read_quota(headers: Mapping[str, str]) -> dict[str, Allowance]:
    """The allowances in the headers of one answer, by monday's names: `minuteRate`, `concurrency`, `complexityMinute`.

    Args:
        headers: names in lower case. Entries that cannot be read are left out: the headers inform, they never fail an answer.
    """
    policies, states = _entries(headers.get("ratelimit-policy", "")), _entries(headers.get("ratelimit", ""))

    def allowance(policy: Mapping[str, float], state: Mapping[str, float]) -> Allowance:
        quota, remaining, reset = policy.get("q"), state.get("r"), state.get("t", LONGEST_WINDOW + 1)
        return Allowance(
            None if quota is None else int(quota),
            None if remaining is None else int(remaining),
            reset if reset <= LONGEST_WINDOW else None,
        )

    return {name: allowance(policies.get(name, {}), states.get(name, {})) for name in policies | states}


def _entries(text: str) -> dict[str, dict[str, float]]:
    return {name: {key: float(number) for key, number in _PARAMETER.findall(more)} for name, more in _ENTRY.findall(text)}

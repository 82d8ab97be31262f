"""monday.com's rate-limit headers as values.

Belongs here: reading `RateLimit` and `RateLimit-Policy` (IETF structured fields, quoted policy names). Does not belong here:
what follows from them (`monday/budget.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

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

"""monday.com's published limits by plan and kind of token, as values.

Belongs here: the figures and their sources. Does not belong here: obeying them (`monday/budget.py`). What monday says at run
time in its headers goes before these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orders_platform.errors import ConfigurationError

WINDOW_SECONDS = 60.0
"""Length of the complexity and call windows; they open with the first call (page on rate limits)."""

COMPLEXITY_PER_DOCUMENT = 5_000_000
"""Most complexity of a single request (page on rate limits)."""

DAILY_RESERVE_SHARE = 0.05
"""Part of the day's calls that we leave to people and other programs; our choice."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one token may ask for.

    Attributes:
        write_complexity: points a minute for mutations, and for reads as well when `read_complexity` is None.
        read_complexity: points a minute for reads where monday counts them apart, else None.
        document_complexity: points of a single request.
        daily_reserve: calls of the day that we do not use.
        concurrency: requests at the same time.
    """

    write_complexity: int = 10_000_000
    read_complexity: int | None = None
    document_complexity: int = COMPLEXITY_PER_DOCUMENT
    calls_per_minute: int = 1_000
    calls_per_day: int = 1_000
    daily_reserve: int = 50
    concurrency: int = 40

    @property
    def calls_for_us(self) -> int:
        """Calls of a day that our runs may make, all together."""
        return self.calls_per_day - self.daily_reserve


@dataclass(frozen=True, slots=True)
class _Plan:
    calls_per_day: int
    calls_per_minute: int
    concurrency: int
    is_paid: bool = True


# Page on rate limits, September 2026: calls a day (reset at midnight UTC), calls a minute, concurrent requests.
_PLANS: Mapping[str, _Plan] = {
    "trial": _Plan(1_000, 1_000, 40, is_paid=False),
    "basic": _Plan(1_000, 1_000, 40),
    "pro": _Plan(10_000, 2_500, 100),
    "enterprise": _Plan(25_000, 5_000, 250),
}

# Complexity a minute, same page: a personal token has one window for reads and writes, an app token one for each.
_UNPAID_COMPLEXITY = 1_000_000
_PERSONAL_COMPLEXITY = 10_000_000
_APP_COMPLEXITY = 5_000_000

PLANS = tuple(_PLANS)
TOKEN_KINDS = ("personal", "app")


def limits_of(plan: str, token_kind: str = "personal") -> Limits:  # noqa: S107 - a kind of token, not a token
    """The limits of one plan (`trial`, `basic`, `pro`, `enterprise`) and kind of token (`personal`, `app`).

    Raises:
        ConfigurationError: there is no such plan or kind.
    """
    if plan not in _PLANS:
        raise ConfigurationError(f"monday.com plan {plan!r} is unknown; set one of {', '.join(PLANS)}")
    if token_kind not in TOKEN_KINDS:
        raise ConfigurationError(f"kind of monday.com token {token_kind!r} is unknown; set one of {', '.join(TOKEN_KINDS)}")
    chosen = _PLANS[plan]
    write, read = _complexity(chosen, token_kind)
    return Limits(
        write_complexity=write,
        read_complexity=read,
        calls_per_minute=chosen.calls_per_minute,
        calls_per_day=chosen.calls_per_day,
        daily_reserve=round(chosen.calls_per_day * DAILY_RESERVE_SHARE),
        concurrency=chosen.concurrency,
    )


def _complexity(plan: _Plan, token_kind: str) -> tuple[int, int | None]:
    if not plan.is_paid:
        return _UNPAID_COMPLEXITY, None
    return (_APP_COMPLEXITY, _APP_COMPLEXITY) if token_kind == "app" else (_PERSONAL_COMPLEXITY, None)  # noqa: S105

"""What was asked of monday.com, counted as monday counts it: a call over a limit is a tenth of a call."""

from dataclasses import dataclass
from datetime import datetime

LIMITED_CALL = 0.1
"""Part of a daily call that a rate-limited request counts as (monday's page on rate limits)."""


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Requests to monday, counted.

    Attributes:
        calls: HTTP requests, repeats included; `rate_limited` of their answers said that a limit was hit.
        mutations_sent: aliased mutations in those requests that reached monday.
        complexity: points spent, as far as monday said.
        seconds: from sending to the answer; for a batch from the first request to the last answer, waits included.
    """

    calls: int = 0
    rate_limited: int = 0
    mutations_sent: int = 0
    complexity: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class MondayUsage:
    """What all our runs asked of monday lately, from the log.

    Attributes:
        calls: since midnight UTC, when monday's count of the day starts anew; `limited_today` of them were over a limit.
        rate_limited: answers of the last 24 hours that said that a limit was hit.
        rate_limited_at: the last of them, UTC.
    """

    calls: int = 0
    limited_today: int = 0
    rate_limited: int = 0
    rate_limited_at: datetime | None = None

    @property
    def calls_today(self) -> float:
        """How much of the day's calls they take."""
        return self.calls - self.limited_today * (1 - LIMITED_CALL)

"""How fast runs were, from the log of batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RunThroughput:
    """What one run sent for one customer.

    Attributes:
        rows: groups, orders and lines in its batches.
        calls: HTTP requests, reads included.
        complexity: points that monday counted.
        seconds: from the first batch's start to the last one's end, at most: the log has the ends, and the longest batch's time.
    """

    run_id: str
    at: datetime
    documents: int
    rows: int
    calls: int
    rate_limited: int
    complexity: int
    seconds: float

    @property
    def rows_per_second(self) -> float:
        """Rows by wall clock; several batches are in flight at a time."""
        return self.rows / self.seconds if self.seconds else 0.0

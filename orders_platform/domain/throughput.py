"""How fast runs were, from the log of documents.

Belongs here: the figures of a run and what follows from them. Does not belong here: obeying limits (`monday/budget.py`), the day's calls
(`usage.py`), showing them (`assets/`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RunThroughput:
    """What one run sent for one customer.

    Attributes:
        rows: groups, orders and lines in its documents.
        calls: HTTP requests, reads included.
        complexity: points that monday counted.
        seconds: from the first document's start to the last one's end, at most: the log has the ends, and the longest document's time.
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
        """Rows by wall clock; several documents are in flight at a time."""
        return self.rows / self.seconds if self.seconds else 0.0

"""What each operation costs in monday.com's complexity points: a first guess, then what monday itself said last.

Belongs here: estimating and learning. Does not belong here: what is done with the figure (`monday/budget.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

FIRST_GUESSES: Mapping[str, int] = {
    # Measured by others and in monday's changelog: 30,000 and one point a field.
    "create_item": 30_001,
    # monday publishes no figure: as dear as an item.
    "create_subitem": 30_001,
}
"""Points of one mutation before the first answer."""

OTHER_MUTATION = 10_001
"""Points of any other mutation before the first answer: monday's older text for a mutation."""

READ = 20_000
"""Points of one read before the first answer; a page of 500 full rows was measured at 222,000."""


class Costs:
    """Points by operation, learned from answers; a read is counted by the call, mutations one by one."""

    def __init__(self) -> None:
        self._learned: dict[str, int] = {}

    def of(self, operation: str, mutations: int) -> int:
        """Points that a request with `mutations` of `operation` will cost; 0 mutations for a read."""
        guess = FIRST_GUESSES.get(operation, OTHER_MUTATION) if mutations else READ
        return self._learned.get(operation, guess) * max(1, mutations)

    def learn(self, operation: str, mutations: int, points: int) -> None:
        """A request cost `points`. Nothing is learned from an answer that says it was free."""
        if points > 0:
            self._learned[operation] = ceil(points / max(1, mutations))

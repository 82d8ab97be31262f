"""How much at a time: mutations in the next document, and documents in flight. Both follow how the last ones went.

Belongs here: the two regulators, as plain arithmetic. Does not belong here: monday's limits (`monday/budget.py`), threads
(`monday/dispatcher.py`).
"""

from __future__ import annotations

import threading

TARGET_SECONDS = 20.0
"""Longest a document should take to execute: monday ends a request after 60 seconds."""

_GROWTH = 4  # a document grows by a quarter
_CALM_DOCUMENTS = 10  # documents without crowding before one more may be in flight


class DocumentSizes:
    """Mutations a document, by operation: starts at `default`, shrinks by half, grows by a quarter up to `most`.

    The measured seconds of a mutation keep a document well below monday's 60 seconds, whatever the size says.
    """

    def __init__(self, default: int, most: int | None = None, target_seconds: float = TARGET_SECONDS) -> None:
        self._default = max(1, default)
        self._most = max(self._default, most or 2 * self._default)
        self._target = target_seconds
        self._sizes: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def size(self, operation: str) -> int:
        """Mutations for the next document of `operation`; at least 1."""
        with self._lock:
            size = self._sizes.get(operation, self._default)
            seconds = self._seconds.get(operation, 0.0)
            return max(1, int(min(size, self._target / seconds)) if seconds > 0 else size)

    def went_well(self, operation: str, mutations: int, seconds: float) -> None:
        """A document of `mutations` was executed in `seconds`, waits not counted."""
        with self._lock:
            measured = max(0.0, seconds) / mutations
            known = self._seconds.get(operation, measured)
            self._seconds[operation] = 0.7 * known + 0.3 * measured
            size = self._sizes.get(operation, self._default)
            if mutations >= size:
                self._sizes[operation] = min(self._most, size + max(1, size // _GROWTH))

    def was_too_much(self, operation: str, mutations: int) -> None:
        """A document of `mutations` was too heavy for one request, or took longer than we wait."""
        if mutations == 1:
            return  # there is no smaller one
        with self._lock:
            self._sizes[operation] = max(1, min(self._sizes.get(operation, self._default), mutations) // 2)


class InFlight:
    """Documents at the same time: halved when monday is crowded, one more after a calm stretch, never above `most`."""

    def __init__(self, most: int) -> None:
        self.most = max(1, most)
        self._allowed = self.most
        self._calm = 0
        self._lock = threading.Lock()

    @property
    def allowed(self) -> int:
        """Documents that may be in flight now; at least 1."""
        with self._lock:
            return self._allowed

    def report(self, *, crowded: bool) -> None:
        """One document is over; `crowded` when monday spoke of a lock, a key in use or too many requests at once."""
        with self._lock:
            self._calm = 0 if crowded else self._calm + 1
            if crowded:
                self._allowed = max(1, self._allowed // 2)
            elif self._calm >= _CALM_DOCUMENTS and self._allowed < self.most:
                self._allowed, self._calm = self._allowed + 1, 0

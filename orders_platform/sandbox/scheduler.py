"""The sandbox's clock, the work it does later, and the ids it makes up: what lets a run on a virtual clock repeat to the letter.

There is no thread behind it: whoever comes next does first what is due, so that a virtual clock is enough. Late commits are such work.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Work = Callable[[], object]


class SandboxClock:
    """The clock that a sandbox was given, but for work that is done later than it was due, which happens at its own time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due = threading.local()

    def __call__(self) -> float:
        """Epoch seconds."""
        moment: float | None = getattr(self._due, "moment", None)
        return self._clock() if moment is None else moment

    @contextmanager
    def at(self, moment: float) -> Iterator[None]:
        """It is this time for this thread while the block runs; never later than it really is."""
        self._due.moment = min(moment, self._clock())
        try:
            yield
        finally:
            self._due.moment = None


class Scheduler:
    """Work waiting for its time."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._waiting: list[tuple[float, int, Work]] = []
        self._numbers = itertools.count()
        self._lock = threading.RLock()

    def add(self, seconds: float, work: Work) -> None:
        """Do this so many seconds from now."""
        with self._lock:
            heapq.heappush(self._waiting, (self._clock() + seconds, next(self._numbers), work))

    @property
    def waiting(self) -> int:
        """Works that are not done yet."""
        return len(self._waiting)

    def do_due(self, *, everything: bool = False) -> None:
        """Does what is due, oldest first; with `everything` also what is not due yet."""
        if not self._waiting:
            return
        with self._lock:
            while self._waiting and (everything or self._waiting[0][0] <= self._clock()):
                due, _, work = heapq.heappop(self._waiting)
                with self._clock.at(due):
                    work()


class IdStream:
    """An endless stream of UUIDs, the same for the same seed."""

    def __init__(self, seed: object) -> None:
        self._seed = str(seed)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def next(self) -> str:
        """The next UUID, in its usual form."""
        with self._lock:
            number = next(self._numbers)
        digest = hashlib.sha256(f"{self._seed}:{number}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

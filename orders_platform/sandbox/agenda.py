"""Work that the sandbox does later: at a time on its clock, before any request that arrives after that time.

There is no thread behind it: whoever comes next does what is due first, so that a virtual clock is enough. Late commits are such
work.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Work = Callable[[], object]


class SandboxClock:
    """The sandbox's clock: the one it was given, but for work that is done later than it was due, which happens at its own time.

    Args:
        clock: epoch seconds.
    """

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


class Agenda:
    """Work waiting for its time.

    Args:
        clock: epoch seconds.
    """

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._waiting: list[tuple[float, int, Work]] = []
        self._count = 0
        # Two locks: a mutation adds work while it holds the database, and work needs the database while it is done.
        self._list = threading.Lock()
        self._doing = threading.RLock()

    def add(self, seconds: float, work: Work) -> None:
        """Do this so many seconds from now."""
        with self._list:
            self._count += 1
            heapq.heappush(self._waiting, (self._clock() + seconds, self._count, work))

    @property
    def waiting(self) -> int:
        """Works that are not done yet."""
        return len(self._waiting)

    def do_due(self, *, everything: bool = False) -> None:
        """Does what is due, oldest first; with `everything` also what is not due yet."""
        if not self._waiting:
            return
        with self._doing:
            while (next_one := self._next(everything=everything)) is not None:
                due, work = next_one
                with self._clock.at(due):
                    work()

    def _next(self, *, everything: bool) -> tuple[float, Work] | None:
        with self._list:
            if not self._waiting or not (everything or self._waiting[0][0] <= self._clock()):
                return None
            due, _, work = heapq.heappop(self._waiting)
            return due, work

"""Waiting that can be given up: for a limit, before a repeat.

Belongs here: the one object that sleeps. Does not belong here: deciding how long (`monday/budget.py`, `monday/retries.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

_SLICE_SECONDS = 1.0


class Waiter:
    """Sleeps in short pieces, so that an interrupted run does not hang for a minute in a thread that waits.

    Args:
        clock: seconds; any origin.
        sleep: sleeps the given seconds.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._given_up = threading.Event()

    def pause(self, seconds: float) -> bool:
        """Wait; False when it was given up before the end."""
        until = self._clock() + seconds
        while not self._given_up.is_set():
            left = until - self._clock()
            if left <= 0:
                return True
            self._sleep(min(left, _SLICE_SECONDS))
        return False

    def give_up(self) -> None:
        """End every wait, now and until `resume`."""
        self._given_up.set()

    def resume(self) -> None:
        """Wait again as usual."""
        self._given_up.clear()

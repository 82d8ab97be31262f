"""Clocks on which time passes only when somebody sleeps, so that no test waits for real."""

from __future__ import annotations

import mmap
import struct
import threading
from pathlib import Path

START = 1_793_000_000.0  # not at midnight
_SECONDS = struct.Struct("d")


class VirtualClock:
    """Seconds that only go forward: they pass when somebody sleeps, or when a test sets `now`.

    Attributes:
        waits: the seconds of each sleep, in turn.
        ahead: seconds by which the time of day is ahead of it; somebody may set it.
    """

    ahead = 0.0

    def __init__(self, now: float = START) -> None:
        self.now = now
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.now += seconds

    def wall(self) -> float:
        """The time of day."""
        return self.now + self.ahead

    @property
    def slept(self) -> float:
        """The seconds of all sleeps."""
        return sum(self.waits)


class SharedClock(VirtualClock):
    """One clock for several processes.

    Args:
        file: holds the time; made when absent.
    """

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(_SECONDS.pack(0.0))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), _SECONDS.size)
        super().__init__(self.now)

    @property
    def now(self) -> float:
        return float(_SECONDS.unpack_from(self._memory)[0])

    @now.setter
    def now(self, seconds: float) -> None:
        _SECONDS.pack_into(self._memory, 0, seconds)

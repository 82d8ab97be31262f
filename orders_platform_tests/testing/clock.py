"""One virtual clock for several processes: the time that the sandbox and the worker share, so that nobody waits for real."""

from __future__ import annotations

import mmap
import struct
import threading
from pathlib import Path

_SECONDS = struct.Struct("d")


class SharedClock:
    """Seconds since the epoch that pass only when somebody sleeps, in whatever process.

    Args:
        file: holds the time; made when absent.
    """

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(_SECONDS.pack(0.0))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), _SECONDS.size)
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return float(_SECONDS.unpack_from(self._memory)[0])

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.set(self() + seconds)

    def set(self, now: float) -> None:
        _SECONDS.pack_into(self._memory, 0, now)

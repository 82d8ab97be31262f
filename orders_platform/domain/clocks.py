"""The clock that only goes forward: seconds since this machine started, sleep included. People and time servers set the other one.

What is measured is measured on this one: pauses, ages, budgets. The database keeps the time of day, which people read, and beside it
this one, so that another process on this machine knows how old an intent really is.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path


def _reader() -> Callable[[], float]:
    boot_time = getattr(
        time, "CLOCK_BOOTTIME", None
    )  # Linux; elsewhere a monotonic clock may stand still while the machine sleeps
    return time.monotonic if boot_time is None else lambda: time.clock_gettime(boot_time)


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid.uuid4())


elapsed: Callable[[], float] = _reader()
"""Seconds since the machine started."""

BOOT = _boot()
"""Which start of which machine that was; where the system does not tell, this process."""

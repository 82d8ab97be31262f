"""The clock that only goes forward: seconds since this machine started, sleep included. People and time servers set the other one.

What is measured is measured on this one: pauses, ages, budgets. The database keeps the time of day, which people read, and beside it
this one, so that another process on this machine knows how old an intent really is.
"""

import time
import uuid
from pathlib import Path

# Of Linux; elsewhere a monotonic clock may stand still while the machine sleeps.
_BOOT_TIME = getattr(time, "CLOCK_BOOTTIME", None)


def elapsed() -> float:
    """Seconds since the machine started."""
    return time.monotonic() if _BOOT_TIME is None else time.clock_gettime(_BOOT_TIME)


try:
    BOOT = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()  # which start of which machine this is
except OSError:
    BOOT = str(uuid.uuid4())  # the system does not tell: this process

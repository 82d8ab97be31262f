"""Ids that monday makes up: of requests and cursors.

Belongs here: a stream of ids that is the same in every sandbox whose clock stood at the same second when it began, so that a run
on a virtual clock can be repeated. Does not belong here: ids of items, boards, columns and groups (`items.py`, `structure.py`).
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import uuid


class Identities:
    """An endless stream of UUIDs.

    Args:
        seed: the same seed gives the same stream.
    """

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

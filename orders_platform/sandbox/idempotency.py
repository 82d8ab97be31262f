"""Idempotency keys: a mutation sent twice under one key is executed once.

Belongs here: what is remembered, for how long, and what monday leaves open as switches. Does not belong here: HTTP (`server.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from orders_platform.sandbox.replies import Reply

_NEVER_KEPT = {409, 429}


@dataclass(frozen=True, slots=True)
class IdempotencyRules:
    """monday's figures and what its page leaves open.

    Attributes:
        seconds: how long a reply is replayed.
        largest_reply: bytes; a larger reply is not remembered.
        memory_bytes: of all remembered replies; what comes after is executed without protection.
        remember_errors: whether a reply in which every mutation was refused is remembered too.
        other_body: another body under a known key is answered with the first reply (`replay`), executed (`execute`), or
            refused with HTTP 422 (`refuse`).
        replay_costs_call: whether a replay counts as a daily call.
        replay_costs_complexity: whether a replay costs the points of its document.
    """

    seconds: float = 1_800.0
    largest_reply: int = 1_000_000
    memory_bytes: int = 64_000_000
    remember_errors: bool = True
    other_body: Literal["replay", "execute", "refuse"] = "replay"
    replay_costs_call: bool = True
    replay_costs_complexity: bool = False


@dataclass(frozen=True, slots=True)
class _Remembered:
    fingerprint: str
    reply: Reply | None
    until: float


class InFlight(Exception):
    """The first request with this key has not been answered yet."""


class OtherBody(Exception):
    """The key belongs to a request with another body, and the rules refuse that."""


class IdempotencyKeys:
    """The keys seen in the last 30 minutes, in memory.

    Args:
        clock: epoch seconds.
        rules: figures and switches.
    """

    def __init__(self, clock: Callable[[], float], rules: IdempotencyRules | None = None) -> None:
        self._clock = clock
        self.rules = rules or IdempotencyRules()
        self._seen: dict[tuple[str, str], _Remembered] = {}
        self._bytes = 0
        self.mismatches = 0
        self._lock = threading.Lock()

    def begin(self, token: str, key: str, fingerprint: str) -> Reply | None:
        """The reply to replay, or None: execute now, then call `finish`.

        Raises:
            InFlight: the same key is being executed.
            OtherBody: the key is known with another body, and the rules refuse that.
        """
        with self._lock:
            known = self._seen.get((token, key))
            if known and known.reply is None:
                raise InFlight(key)
            if known and known.reply and self._clock() < known.until:
                if known.fingerprint == fingerprint:
                    return known.reply
                self.mismatches += 1
                if self.rules.other_body == "refuse":
                    raise OtherBody(key)
                if self.rules.other_body == "replay":
                    return known.reply
            self._forget((token, key))
            self._seen[token, key] = _Remembered(fingerprint, None, 0.0)
            return None

    def finish(self, token: str, key: str, reply: Reply | None) -> None:
        """Remembers the reply of an executed request; None when nothing was executed."""
        with self._lock:
            begun = self._seen.pop((token, key), None)
            self._drop_old()
            if begun is None or reply is None or not self._worth_keeping(reply):
                return
            self._seen[token, key] = _Remembered(begun.fingerprint, reply, self._clock() + self.rules.seconds)
            self._bytes += len(reply.body)

    def _worth_keeping(self, reply: Reply) -> bool:
        size = len(reply.body)
        if reply.status in _NEVER_KEPT or reply.status >= 500:
            return False
        fits = size <= self.rules.largest_reply and self._bytes + size <= self.rules.memory_bytes
        return fits and (self.rules.remember_errors or not reply.all_refused)

    def _drop_old(self) -> None:
        now = self._clock()
        old = [key for key, known in self._seen.items() if known.reply and known.until <= now]
        for key in old:
            self._forget(key)

    def _forget(self, key: tuple[str, str]) -> None:
        known = self._seen.pop(key, None)
        if known and known.reply:
            self._bytes -= len(known.reply.body)

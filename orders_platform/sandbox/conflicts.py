"""Requests that exclude each other: those under one idempotency key (409, or the remembered reply), and mutations on one board (423)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from orders_platform.sandbox import stored_items
from orders_platform.sandbox.answers import HttpReply
from orders_platform.sandbox.gate import read_id
from orders_platform.sandbox.graphql_schema import Prepared, arguments_of
from orders_platform.sandbox.sandbox_options import IdempotencyRules
from orders_platform.sandbox.state import State

_NEVER_KEPT = {409, 429}


@dataclass(frozen=True, slots=True)
class _Remembered:
    fingerprint: str
    reply: HttpReply | None
    until: float


class KeyInUse(Exception):
    """The first request with this key has not been answered yet."""


class KeyMismatch(Exception):
    """The key belongs to a request with another body, and the rules refuse that."""


class IdempotencyKeys:
    """The keys seen in the last 30 minutes, in memory."""

    def __init__(self, clock: Callable[[], float], rules: IdempotencyRules | None = None) -> None:
        self._clock = clock
        self.rules = rules or IdempotencyRules()
        self._seen: dict[tuple[str, str], _Remembered] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def begin(self, token: str, key: str, fingerprint: str) -> HttpReply | None:
        """The reply to replay, or None: execute now, then call `finish`.

        Raises:
            KeyInUse: the same key is being executed.
            KeyMismatch: the key is known with another body, and the rules refuse that.
        """
        with self._lock:
            known = self._seen.get((token, key))
            if known and known.reply is None:
                raise KeyInUse(key)
            if known and known.reply and self._clock() < known.until:
                if known.fingerprint == fingerprint:
                    return known.reply
                if self.rules.other_body == "refuse":
                    raise KeyMismatch(key)
                if self.rules.other_body == "replay":
                    return known.reply
            self._forget((token, key))
            self._seen[token, key] = _Remembered(fingerprint, None, 0.0)
            return None

    def finish(self, token: str, key: str, reply: HttpReply | None) -> None:
        """Remembers the reply of an executed request; None when nothing was executed."""
        with self._lock:
            begun = self._seen.pop((token, key), None)
            self._drop_old()
            if begun is None or reply is None or not self._worth_keeping(reply):
                return
            self._seen[token, key] = _Remembered(begun.fingerprint, reply, self._clock() + self.rules.seconds)
            self._bytes += len(reply.body)

    def _worth_keeping(self, reply: HttpReply) -> bool:
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


_ITEM_ARGUMENTS = frozenset({"item_id", "parent_item_id", "relative_to"})


def boards_of(state: State, prepared: Prepared, variables: dict[str, object]) -> frozenset[int]:
    """Ids of the boards that a mutation names, itself or through its items; those of aliases together."""
    found: set[int] = set()
    for node in prepared.roots:
        for name, value in arguments_of(node, variables).items():
            number = read_id(value)
            if name == "board_id" and number is not None:
                found.add(number)
            elif name in _ITEM_ARGUMENTS and number is not None and (item := stored_items.item(state, number)):
                found.add(item.board_id)
    return frozenset(found)


class BoardLocks:
    """The boards in use."""

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._lock = threading.Lock()

    def take(self, boards: frozenset[int]) -> bool:
        """Takes all of them, or none when one is in use."""
        with self._lock:
            if not self._held.isdisjoint(boards):
                return False
            self._held |= boards
            return True

    def release(self, boards: frozenset[int]) -> None:
        """Gives them back."""
        with self._lock:
            self._held -= boards

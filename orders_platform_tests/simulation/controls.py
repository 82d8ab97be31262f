"""The negative controls: the engine without one of the things that make it exact.

A proof that stays green without them proves nothing. Nothing of the product is switched; what stands around it swallows its calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from orders_platform.domain.board import BoardItem
from orders_platform.domain.mutations import Batch
from orders_platform.domain.orders import SyncRow
from orders_platform_tests.testing.unfenced import Unfenced


@dataclass(frozen=True)
class Controls:
    """What is left in; everything by default."""

    intent: bool = True
    settle: bool = True
    key: bool = True
    look_up: bool = True
    renew: bool = True
    fence: bool = True
    forward: bool = True

    def store(self, store: Any) -> Any:
        """The store, possibly one that forgets intents, commits them once a batch or by the time of day, or lets the last writer win."""
        store = store if self.forward else _ByTimeOfDay(store)
        store = store if self.fence else Unfenced(store, store)
        store = store if self.renew else _CommitsOnce(store)
        return store if self.intent else _Forgetful(store)

    def wire(self, transport: httpx.BaseTransport) -> httpx.BaseTransport:
        """The transport, possibly one that loses keys."""
        return transport if self.key else _Keyless(transport)

    def board(self, board: Any) -> Any:
        """The board, possibly one that finds nothing."""
        return board if self.look_up else _Blind(board)


class _Forgetful:
    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        if name == "record_intents":
            return lambda rows, *_rest: list(rows)
        if name == "record_groups_sent":
            return lambda _customer, known, *_rest: known
        return getattr(self._store, name)


class _ByTimeOfDay:
    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        return (
            (lambda *arguments: method(*arguments[:-1], None)) if name in {"record_intents", "record_groups_sent"} else method
        )


class _CommitsOnce:
    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def record_intents(self, rows: Sequence[SyncRow], batch: Batch, *rest: Any) -> Sequence[SyncRow]:
        is_repeat = all(row.batch_id == batch.key for row in rows)
        return rows if is_repeat else self._store.record_intents(rows, batch, *rest)


class _Keyless(httpx.BaseTransport):
    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.pop("Idempotency-Key", None)
        return self._transport.handle_request(request)


class _Blind:
    def __init__(self, board: Any) -> None:
        self._board = board

    def __getattr__(self, name: str) -> Any:
        return getattr(self._board, name)

    def find_items(self, _board_id: int, _column_id: str, values: Sequence[str]) -> Mapping[str, Sequence[BoardItem]]:
        return dict.fromkeys(values, ())

    def children(self, board_id: int, parents: Sequence[int]) -> Mapping[int, Sequence[BoardItem]]:
        return dict.fromkeys(self._board.children(board_id, parents), ())

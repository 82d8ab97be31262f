"""A store whose writes name whatever is there now, so that the last writer wins: what two runs would do to each other without the fence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from orders_platform.database.order_store import OrderStore
from orders_platform.domain.mutations import Batch
from orders_platform.domain.orders import GroupIntent, RowKind, RowResult, SyncRow


class Unfenced:
    """An order store; every write is told what it replaces right before it is made.

    Args:
        store: wrapped or not; its writes are used.
        whole: the store that is asked what is there.
    """

    def __init__(self, store: Any, whole: OrderStore) -> None:
        self._store = store
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _now(self, rows: Sequence[SyncRow], customer: str) -> list[SyncRow]:
        read = self._whole.orders if rows[0].kind is RowKind.ITEMS else self._whole.lines
        found = {row.ref: row for row in read(customer)}
        return [found.get(row.ref, row) for row in rows]

    def record_intents(self, rows: Sequence[SyncRow], batch: Batch, run_id: str, now: Any, customer: str, uptime: str) -> Any:
        written = self._store.record_intents(self._now(rows, customer), batch, run_id, now, customer, uptime)
        return [
            row._replace(state=each.state, batch_id=each.batch_id, pending_at=each.pending_at, monday_id=each.monday_id)
            for row, each in zip(rows, written, strict=True)
        ]

    def record_results(self, results: Sequence[RowResult], run_id: str, now: Any, customer: str, *more: Any,
                       **named: Any) -> None:  # fmt: skip
        rows = self._now([result.row for result in results], customer)
        current = [replace(result, row=row) for result, row in zip(results, rows, strict=True)]
        self._store.record_results(current, run_id, now, customer, *more, **named)

    def record_groups_sent(self, customer: str, _known: GroupIntent, batch_id: str, now: Any, uptime: str) -> GroupIntent:
        return self._store.record_groups_sent(customer, self._store.groups_sent(customer), batch_id, now, uptime)

"""The Ledger: everything recorded of a customer's rows, and of the documents that carried them, whatever the state.

Belongs here: what `verify`, `history` and `housekeeping` read, and trimming the log. Does not belong here: what waits, intents and
outcomes (`order_store.py`), the statements (`sql/`).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from orders_platform.configuration import Configuration
from orders_platform.database import rows as rows_of
from orders_platform.database.engine import repeated_when_lost
from orders_platform.database.order_store import OrderStore
from orders_platform.database.statements import Statements
from orders_platform.domain.history import CustomerGroup, LoggedBatch, RowHistory
from orders_platform.domain.orders import PendingItem, PendingSubitem, RowKind
from orders_platform.domain.states import SyncState

BATCHES_A_PIECE = 500
"""Deleted in one transaction; a log of millions must not be locked for minutes. SQL Server takes 2,100 parameters."""

Row = Mapping[str, object]
_NOBODY = -1
_NO_UUID = str(uuid.UUID(int=0))


class Ledger:
    """The recorded rows and documents of one order database; every method is one transaction, `trim` several."""

    def __init__(self, store: OrderStore, configuration: Configuration) -> None:
        self.database = store.database
        self._mapped = configuration.mapped_sources
        self._statements = Statements(store.templates, store.rules)

    def _read(self, statement: str, **values: object) -> list[Row]:
        with self.database.read() as connection:
            return [dict(row) for row in self._statements.runner(connection, values)(statement).mappings()]

    # --- verify ---------------------------------------------------------------------------------------------------------

    @repeated_when_lost
    def orders(self, customer: str) -> list[PendingItem]:
        """A customer's orders, whatever their state, by group and key; not those that left the load and are done with."""
        return [rows_of.pending_item(row, self._mapped) for row in self._read("read_orders", customer=customer)]

    @repeated_when_lost
    def lines(self, customer: str) -> list[PendingSubitem]:
        """All lines of a customer, whatever their state, by group, order and size."""
        return [rows_of.pending_subitem(row) for row in self._read("read_lines", customer=customer)]

    @repeated_when_lost
    def groups(self) -> list[CustomerGroup]:
        """The groups that orders belong into, of all customers."""
        rows = self._read("read_groups")
        return [CustomerGroup(str(row["customer_name"]), str(row["group_name"]), rows_of.text(row["group_id"])) for row in rows]

    # --- history --------------------------------------------------------------------------------------------------------

    @repeated_when_lost
    def history(self, term: str) -> list[RowHistory]:
        """What is known of an order number, or of the id of an item or subitem, one that was replaced included; orders first."""
        monday_id = int(term) if term.isdecimal() and len(term) < 19 else _NOBODY
        found = self._rows_of(term, monday_id, ())
        if not found and monday_id != _NOBODY:
            logged = self._batches(f'%"{monday_id}"%', None)
            refs = [ref for each in logged for ref, result in each.row_results.items() if str(monday_id) in {ref, result}]
            found = self._rows_of(term, monday_id, tuple(dict.fromkeys(refs)))
        return [replace(row, documents=tuple(self._batches(f'%"{row.ref}"%', row.batch_id))) for row in found]

    def _rows_of(self, term: str, monday_id: int, refs: Sequence[str]) -> list[RowHistory]:
        prefix = "".join(f"!{mark}" if mark in "!%_[" else mark for mark in term) + " | %"
        orders = self._read("read_history_of_orders", term=term, prefix=prefix, monday_id=monday_id, refs=_uuids(refs))
        shown = [_row_history(RowKind.ITEMS, row) for row in orders]
        lines = self._read("read_history_of_lines", monday_id=monday_id, refs=_uuids([*refs, *(row.ref for row in shown)]))
        return shown + [_row_history(RowKind.SUBITEMS, row) for row in lines]

    def _batches(self, pattern: str, batch_id: str | None) -> list[LoggedBatch]:
        return [_batch(row) for row in self._read("read_batches", pattern=pattern, batch_id=batch_id)]

    # --- housekeeping ---------------------------------------------------------------------------------------------------

    @repeated_when_lost
    def old_batches(self, before: datetime) -> list[str]:
        """The batch ids that the log holds from before a moment, oldest first."""
        return [str(row["batch_id"]) for row in self._read("read_old_batches", before=self.database.timestamp(before))]

    @repeated_when_lost
    def trim(self, before: datetime) -> int:
        """Delete what the log holds from before a moment, a piece at a time; how many rows."""
        ids, deleted = self.old_batches(before), 0
        for start in range(0, len(ids), BATCHES_A_PIECE):
            piece = ids[start : start + BATCHES_A_PIECE]
            with self.database.write() as connection:
                run = self._statements.runner(connection, {"before": self.database.timestamp(before)})
                deleted += run("trim_log", batch_ids=piece).rowcount
        return deleted


def _uuids(refs: Sequence[str]) -> list[str]:
    """Never an empty list, and no group's title: SQL Server compares its UUIDs with UUIDs only."""
    return [ref for ref in refs if re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", ref)] or [_NO_UUID]


def _row_history(kind: RowKind, row: Row) -> RowHistory:
    error = f"{row['sync_error_code']}: {row['sync_error_message']}" if row["sync_error_code"] else None
    return RowHistory(
        kind, str(row["ref"]), str(row["customer_name"]), str(row["order_key"]), str(row["size_code"]),
        SyncState(str(row["sync_state"])), str(row["action_type"] or ""), rows_of.monday_id(row["monday_id"]),
        rows_of.text(row["sync_run_id"]), rows_of.text(row["sync_batch_id"]), rows_of.moment(row["sync_completed_at"]), error,
    )  # fmt: skip


def _batch(row: Row) -> LoggedBatch:
    results = json.loads(str(row["row_results"])) if row["row_results"] else {}
    return LoggedBatch(
        str(row["batch_id"]), str(row["run_id"]), str(row["operation"]), rows_of.moment(row["logged_at"]), str(row["outcome"]),
        rows_of.text(row["request_id"]), rows_of.text(row["error_message"]), results,
    )  # fmt: skip

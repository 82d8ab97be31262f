"""What reports read of a customer: where its orders stand, what the last run brought.

Belongs here: those reads; nothing is written. Does not belong here: what waits to be sent (`order_store.py`), comparing with the board
(`ledger.py`), how a report looks (`reports/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orders_platform.database import rows as rows_of
from orders_platform.database.order_store import OrderStore
from orders_platform.database.statements import Statements
from orders_platform.domain.order_status import BoardStatus, LastChanges, OrderChange, OrderStatus
from orders_platform.domain.orders import RowProblem
from orders_platform.domain.states import Action, SyncState

Row = Mapping[str, object]


class OrderReports:
    """Reads of one order database; every method is one transaction."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store
        self._statements = Statements(store.templates, store.rules)

    def _read(self, statement: str, **values: object) -> list[Row]:
        with self._store.database.read() as connection:
            return [dict(row) for row in self._statements.runner(connection, {})(statement, **values).mappings()]

    def orders(self, customer: str) -> list[OrderStatus]:
        """The customer's orders by group and key, as the view `v_order_sync_status` shows them."""
        return [_status(row) for row in self._read("read_order_status", customer=customer)]

    def last_changes(self, customer: str) -> LastChanges | None:
        """What the last run that sent anything brought; None when none ever did."""
        runs = [
            (rows_of.moment(row["sent_at"]), str(row["sync_run_id"]))
            for row in self._read("read_sending_runs", customer=customer)
        ]
        dated = [(at, run_id) for at, run_id in runs if at is not None]
        if not dated:
            return None
        at, run_id = max(dated)
        return LastChanges(run_id, at, _by_order(self._read("read_changes_of_run", customer=customer, run_id=run_id)))

    def rejected(self, customer: str) -> list[RowProblem]:
        """Rows and sizes of the customer that the merge does not take."""
        return [row for row in self._store.rejects() if row.customer == customer]

    def refused_lines(self, customer: str) -> list[RowProblem]:
        """Sizes of the customer that the board does not take."""
        return [row for row in self._store.failed() if row.customer == customer and row.size_code]


def _status(row: Row) -> OrderStatus:
    return OrderStatus(
        order_key=str(row["order_key"]),
        item_name=str(row["item_name"] or row["order_key"]),
        group_name=str(row["group_name"] or ""),
        order_type=str(row["order_type"] or ""),
        status=BoardStatus(str(row["board_status"])),
        state=SyncState(str(row["sync_state"])),
        lines=_whole(row["line_count"]),
        waiting_lines=_whole(row["waiting_line_count"]),
        quantity=_whole(row["line_quantity"]),
        item_id=rows_of.monday_id(row["monday_item_id"]),
        reason=rows_of.text(row["sync_error_message"]),
        updated_at=rows_of.moment(row["updated_at"]),
        sent_at=rows_of.moment(row["sent_at"]),
        is_removed=row["removed_at"] is not None,
    )


def _by_order(rows: Sequence[Row]) -> tuple[OrderChange, ...]:
    """One change an order: the row of itself and the row of its lines put together."""
    found: dict[str, OrderChange] = {}
    for row in rows:
        ref, name = str(row["record_uuid"]), str(row["item_name"] or row["order_key"])
        action = Action(str(row["action_type"])) if row["action_type"] else None
        known = found.get(ref, OrderChange(str(row["order_key"]), name, str(row["group_name"] or ""), None, 0))
        found[ref] = replace(known, action=known.action or action, lines=known.lines + _whole(row["line_count"]))
    return tuple(sorted(found.values(), key=lambda change: (change.group_name, change.order_key, change.item_name)))


def _whole(value: object) -> int:
    return 0 if value is None else int(str(value))

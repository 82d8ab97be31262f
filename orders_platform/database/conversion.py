"""Between rows of the driver and values of ours, both ways."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

from orders_platform.database.statements import numbered
from orders_platform.domain.history import ADOPT
from orders_platform.domain.mutations import BatchReport
from orders_platform.domain.names import subitem_name
from orders_platform.domain.orders import CustomerSummary, RowKind, RowResult, SyncRow
from orders_platform.domain.states import Action, SyncState
from orders_platform.domain.usage import MondayUsage, Reads, daily_calls


def order_row(row: RowMapping, mapped: Sequence[str]) -> SyncRow:
    """An order; `mapped` are the columns that the board shows."""
    found = _row(
        row,
        RowKind.ITEMS,
        "record_uuid",
        "monday_item_id",
        "merge_number",
        str(row["item_name"]),
        {name: row[name] for name in mapped},
    )
    has_left = row["removed_at"] is not None
    return replace(found, group_name=str(row["group_name"]), group_id=text(row["group_id"]), has_left=has_left)


def line_row(row: RowMapping, pattern: str) -> SyncRow:
    """A line; `pattern` names its subitem."""
    size_code = str(row["size_code"])
    values: Mapping[str, object] = {"size_code": size_code, "qty": count(row["qty"])}
    found = _row(row, RowKind.SUBITEMS, "line_uuid", "monday_subitem_id", "qty", subitem_name(pattern, size_code), values)
    parent_id, sent_parent_id = monday_id(row["monday_item_id"]), monday_id(row["monday_parent_id"])
    return replace(found, size_code=size_code, parent_id=parent_id, sent_parent_id=sent_parent_id)


def _row(
    row: RowMapping,
    kind: RowKind,
    ref_column: str,
    id_column: str,
    version_column: str,
    name: str,
    values: Mapping[str, object],
) -> SyncRow:
    return SyncRow(
        kind=kind,
        ref=str(row[ref_column]),
        order_ref=str(row["record_uuid"]),
        order_key=str(row["order_key"]),
        name=name,
        values=values,
        state=SyncState(str(row["sync_state"])),
        action=Action(str(row["action_type"])),
        monday_id=monday_id(row[id_column]),
        batch_id=text(row["sync_batch_id"]),
        pending_at=moment(row["sync_pending_at"]),
        tries=count(row["retry_count"]),
        last_code=text(row["sync_error_code"]),
        version=count(row[version_column]),
    )


def summary(orders: RowMapping, lines: RowMapping | Mapping[str, Any]) -> CustomerSummary:
    """Where a customer stands, from the summaries of its orders and of its lines (empty when it has none)."""

    def both(name: str) -> int:
        return int(orders[name]) + int(lines.get(name, 0))

    def moments(name: str) -> list[datetime]:
        return [when for when in (moment(orders[name]), moment(lines.get(name))) if when is not None]

    return CustomerSummary(
        customer=str(orders["customer_name"]),
        orders=int(orders["orders"]),
        lines=int(lines.get("lines", 0)),
        groups=int(orders["group_count"]),
        items=int(orders["on_board"]),
        subitems=int(lines.get("on_board", 0)),
        new=both("new_rows"),
        pending=both("pending_rows"),
        failed=both("failed_rows"),
        blocked=int(lines.get("blocked_rows", 0)),
        removed=int(orders["removed_rows"]),
        differences=int(orders["board_differences"]),
        missing=int(orders["board_missing"]),
        oldest_waiting_at=min(moments("oldest_waiting_at"), default=None),
        last_sent_at=max(moments("last_sent_at"), default=None),
    )


def text(value: object) -> str | None:
    """A text, or None for NULL."""
    return None if value is None else str(value)


def monday_id(value: object) -> int | None:
    """An id of an item or subitem, or None for NULL."""
    return None if value is None else int(str(value))


def count(value: object) -> int:
    """A number, 0 for NULL."""
    return 0 if value is None else int(str(value))


def moment(value: object) -> datetime | None:
    """A UTC moment: ISO text on SQLite, a datetime on SQL Server."""
    return value if isinstance(value, datetime) else None if value is None else datetime.fromisoformat(str(value))


NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for no moment in a comparison, where NULL is equal to nothing."""


def as_read(rows: Iterable[SyncRow]) -> dict[str, object]:
    """What a compare-and-set names of rows, numbered."""
    names = ("ref", "was_state", "was_batch", "was_sent", "was_tries", "was_action", "was_version")
    return numbered(names, ((row.ref, row.state.value, row.batch_id or "", row.pending_at or NEVER, row.tries, row.action.value,
                             row.version) for row in rows))  # fmt: skip


def as_found(results: Sequence[RowResult]) -> dict[str, object]:
    """The parameters of `record_results`, numbered by row."""
    names = ("state", "monday", "code", "message", "parent", "tried")
    return as_read(result.row for result in results) | numbered(names, (
        (each.state.value, each.monday_id, each.code, each.message and each.message[:1000], each.row.parent_id, int(each.was_tried))
        for each in results
    ))  # fmt: skip


def logged(report: BatchReport) -> dict[str, object]:
    """The parameters of `record_batch`."""
    outcomes = sorted({result.outcome.value for result in report.results.values()})
    return {
        "batch_id": report.batch.key, "operation": report.batch.operation.value, "row_count": len(report.batch.mutations),
        "call_count": report.calls, "rate_limited_count": report.rate_limited, "complexity": report.complexity,
        "seconds": round(report.seconds, 3), "outcome": outcomes[0] if len(outcomes) == 1 else "partial",
        "request_id": report.request_id, "error_message": _trouble(report),
        "row_results": json.dumps({ref: result.monday_id or result.outcome.value for ref, result in report.results.items()}),
    }  # fmt: skip


_NO_REQUEST: Mapping[str, object] = {
    "row_count": 0, "call_count": 0, "rate_limited_count": 0, "complexity": 0, "seconds": 0, "outcome": "done", "request_id": None,
    "error_message": None, "row_results": None,
}  # fmt: skip


def logged_adoption(batch_id: str, results: Sequence[RowResult]) -> dict[str, object]:
    """The parameters of `record_batch` for rows that were found on the board; the request that made them is not known."""
    ids = json.dumps({result.row.ref: str(result.monday_id) for result in results})
    return {**_NO_REQUEST, "batch_id": batch_id, "operation": ADOPT, "row_count": len(results), "row_results": ids}


def logged_reads(batch_id: str, reads: Reads) -> dict[str, object]:
    """The parameters of `record_batch` for what a stage read."""
    return {
        **_NO_REQUEST, "batch_id": batch_id, "operation": "read", "call_count": reads.calls,
        "rate_limited_count": reads.rate_limited, "complexity": reads.complexity, "seconds": round(reads.seconds, 3),
    }  # fmt: skip


def usage(row: RowMapping) -> MondayUsage:
    """What the log says of calls; all NULL when it holds nothing of the last day."""
    return MondayUsage(
        calls_today=daily_calls(int(row["call_count"] or 0), int(row["limited_today"] or 0)),
        rate_limited=int(row["rate_limited_count"] or 0),
        rate_limited_at=moment(row["rate_limited_at"]),
    )


def _trouble(report: BatchReport) -> str | None:
    refusals = {ref: f"{result.code}: {result.message}" for ref, result in report.results.items() if result.code}
    words = report.error or (json.dumps(refusals, ensure_ascii=False) if refusals else None)
    return None if words is None else words[:1000]

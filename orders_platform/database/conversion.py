"""Between rows of the driver and values of ours, both ways."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter

from orders_platform.database.statements import numbered
from orders_platform.domain.mapping import subitem_name
from orders_platform.domain.mutations import BatchReport, Traffic
from orders_platform.domain.orders import Action, RowKind, RowResult, SyncRow, SyncState

T = TypeVar("T")


@cache
def _reader(kind: type[T]) -> tuple[TypeAdapter[list[T]], frozenset[str]]:
    texts = frozenset(field.name for field in fields(kind) if field.type in {str, "str"} and field.default is MISSING)  # type: ignore[arg-type]
    return TypeAdapter(list[kind], config=ConfigDict(coerce_numbers_to_str=True)), texts  # type: ignore[valid-type]


def read_as(kind: type[T], rows: Iterable[Mapping[str, object]]) -> list[T]:
    """Rows as values of a dataclass: a field is what the column of its name holds, as the field's type.

    For NULL it has its default, and a text that has none is empty.
    """
    adapter, texts = _reader(kind)  # type: ignore[arg-type]
    return adapter.validate_python(
        [
            {name: "" if value is None else value for name, value in row.items() if value is not None or name in texts}
            for row in rows
        ]
    )


def text(value: object) -> str | None:
    """A text, or None for NULL."""
    return None if value is None else str(value)


def number(value: Any) -> int | None:
    """A whole number, which a table of an earlier system may keep as a text or a decimal; None for NULL."""
    return None if value is None else int(value)


def moment(value: object) -> datetime | None:
    """A UTC moment: ISO text on SQLite, a datetime on SQL Server."""
    return value if isinstance(value, datetime) else None if value is None else datetime.fromisoformat(str(value))


NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for no moment in a comparison, where NULL is equal to nothing."""


_STATES, _ACTIONS = {str(each): each for each in SyncState}, {str(each): each for each in Action}


def sync_row(kind: RowKind, row: Mapping[str, Any], values: Mapping[str, object], subitem: str) -> SyncRow:
    """An order or a line as `read_orders` and `read_lines` find it. There are many: this takes a third of the time of `read_as`."""
    return SyncRow(
        kind, row["ref"], row["order_ref"], row["order_key"] or "",
        (row["name"] or "") if kind is RowKind.ITEMS else subitem_name(subitem, row["size_code"]),
        values, _STATES[row["state"]], _ACTIONS[row["action"]], number(row["monday_id"]), row["batch_id"], moment(row["pending_at"]),
        row["uptime"], number(row["tries"]) or 0, row["last_code"], number(row["version"]) or 0, row.get("size_code", ""),
        row.get("group_name") or "", row.get("group_id"), number(row.get("parent_id")), number(row.get("sent_parent_id")),
        bool(row.get("has_left")),
    )  # fmt: skip


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
    results = {ref: result.monday_id or result.outcome.value for ref, result in report.results.items()}
    refusals = {ref: f"{result.code}: {result.message}" for ref, result in report.results.items() if result.code}
    trouble = report.error or (json.dumps(refusals, ensure_ascii=False) if refusals else None)
    return log_line(
        report.batch.key, report.batch.operation.value, results, report, len(report.batch.mutations),
        outcome=outcomes[0] if len(outcomes) == 1 else "partial", request_id=report.request_id, error_message=trouble and trouble[:1000],
    )  # fmt: skip


def log_line(
    batch_id: str, operation: str, results: Mapping[str, str] | None, asked: Traffic, row_count: int = 0, **more: object
) -> dict[str, object]:
    """The parameters of `record_batch` for what is no batch that was answered: reads, and rows that were found on the board."""
    return {
        "batch_id": batch_id, "operation": operation, "row_count": row_count, "call_count": asked.calls,
        "rate_limited_count": asked.rate_limited, "complexity": asked.complexity, "seconds": round(asked.seconds, 3), "outcome": "done",
        "request_id": None, "error_message": None, "row_results": None if results is None else json.dumps(results), **more,
    }  # fmt: skip

"""Between rows of the driver and values of ours, both ways."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

from pydantic import ConfigDict, TypeAdapter

from orders_platform.database.statements import numbered
from orders_platform.domain.history import ADOPT
from orders_platform.domain.mutations import BatchReport
from orders_platform.domain.orders import RowResult, SyncRow
from orders_platform.domain.usage import Reads

T = TypeVar("T")


@cache
def _reader(kind: type[T]) -> TypeAdapter[list[T]]:
    return TypeAdapter(list[kind], config=ConfigDict(coerce_numbers_to_str=True))  # type: ignore[valid-type]


def read_as(kind: type[T], rows: Iterable[Mapping[str, object]]) -> list[T]:
    """Rows as values of a dataclass: a field is what the column of its name holds, as the field's type; for NULL it has its default."""
    filled = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return _reader(kind).validate_python(filled)  # type: ignore[arg-type]


def text(value: object) -> str | None:
    """A text, or None for NULL."""
    return None if value is None else str(value)


def monday_id(value: object) -> int | None:
    """An id of an item or subitem, or None for NULL."""
    return None if value is None else int(str(value))


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


def _trouble(report: BatchReport) -> str | None:
    refusals = {ref: f"{result.code}: {result.message}" for ref, result in report.results.items() if result.code}
    words = report.error or (json.dumps(refusals, ensure_ascii=False) if refusals else None)
    return None if words is None else words[:1000]

"""Rows that are not on the board, as a table of a materialisation.

Belongs here: that table, the same for rows that the merge does not take and rows that the board refuses. Does not belong here: the reasons.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from orders_platform.domain.orders import RejectedRow
from orders_platform.reports.markdown import table

_SHOWN = 50


def refused_rows(rows: Sequence[RejectedRow]) -> dict[str, dg.RawMetadataValue]:
    """What the board refuses, or would; nothing when there is nothing."""
    return _entry("refused_rows", rows)


def rejected_rows(rows: Sequence[RejectedRow]) -> dict[str, dg.RawMetadataValue]:
    """What the merge does not take; nothing when there is nothing."""
    return _entry("rejected_rows", rows)


def _entry(name: str, rows: Sequence[RejectedRow]) -> dict[str, dg.RawMetadataValue]:
    cells = [(row.order_key, row.size_code, row.code, row.reason[:200]) for row in rows]
    return {name: dg.MetadataValue.md(table(("order", "size", "code", "reason"), cells, most=_SHOWN))} if rows else {}

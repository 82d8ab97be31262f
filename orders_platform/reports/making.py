"""From the order database to a report.

Belongs here: reading what a report needs, the same for the asset and the command line. Does not belong here: what it says
(`content.py`), how it looks (`rendering.py`).
"""

from __future__ import annotations

from datetime import datetime

from orders_platform.database.order_store import OrderStore
from orders_platform.database.queries import Queries
from orders_platform.reports.content import Report, report_of


def make_report(store: OrderStore, customer: str, now: datetime) -> Report:
    """Where a customer's orders stand, as of `now` (UTC)."""
    queries = Queries(store)
    return report_of(
        customer,
        now,
        queries.order_statuses(customer),
        store.invalid_rows(customer),
        [row for row in store.row_errors(customer) if row.size_code],
        queries.last_changes(customer),
    )

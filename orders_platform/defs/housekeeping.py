"""Keeping the log of documents as long as the configuration says, and no longer.

Belongs here: the one rule of what is old. Does not belong here: the statements (`database/ledger.py`), when it runs
(`automation.py`). Nothing but the log is ever deleted.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orders_platform.configuration import Configuration
from orders_platform.database.ledger import Ledger
from orders_platform.database.order_store import OrderStore


def trim_log(store: OrderStore, configuration: Configuration, now: datetime, *, dry: bool = False) -> int:
    """Delete what the log holds from before its retention; how many documents, or how many it would be."""
    before = now - timedelta(days=configuration.monday.log_retention_days)
    ledger = Ledger(store, configuration)
    return len(ledger.old_documents(before)) if dry else ledger.trim(before)

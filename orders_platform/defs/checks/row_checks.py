"""Checks of rows that are not where they should be: stuck, failed, rejected; and of a staging table that stands still.

Belongs here: shells around one read each, all of them over all customers. Does not belong here: what is on the board (`board.py`).
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from orders_platform.database.overview import Finding
from orders_platform.defs.assets.monday_assets import ORDER_BOARD
from orders_platform.defs.assets.order_assets import SWP_ORDER_LIST
from orders_platform.defs.checks.check_results import Scope, verdict
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.domain.orders import RejectedRow
from orders_platform.domain.states import SyncState
from orders_platform.domain.work import stale_loads
from orders_platform.operations import Checks
from orders_platform.settings import Settings


def _rules() -> Checks:
    return Settings().configuration.checks


@dg.asset_check(
    asset=ORDER_BOARD, description="No row waits too long: neither for an answer of monday (PENDING) nor to be sent."
)
def no_rows_stuck(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR when a call was never answered: it may be on the board or not. WARN when rows only wait to be sent."""
    rules, now = _rules(), datetime.now(UTC)
    with dagster_failures("no_rows_stuck"):
        found = orders_database.overview.stuck_rows(
            now - timedelta(minutes=rules.stuck_pending_minutes), now - timedelta(minutes=rules.stuck_new_minutes)
        )
    unanswered = [each.customer for each in found if each.details["state"] == SyncState.PENDING]
    pending = len(unanswered)
    return verdict(
        found,
        scope=Scope(),
        what=(f"row is stuck, {pending} PENDING", f"rows are stuck, {pending} of them PENDING"),
        next_step="Start a run of these customers; it looks for them on the board first. If they stay, see ORDER_SYNC_LOG by batch.",
        shown=rules.shown_rows,
        severity=unanswered,
        figures={"pending": pending, "new": len(found) - pending},
    )


@dg.asset_check(asset=ORDER_BOARD, description="No row was refused on its way to the board.")
def no_rows_failed(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN: the others are on the board."""
    with dagster_failures("no_rows_failed"):
        failed = orders_database.store.failed()
    return verdict(
        [_refusal(row) for row in failed],
        scope=Scope(),
        what=("row was refused", "rows were refused"),
        next_step="Mend the order list, and they are sent by themselves; or the configuration, then `orders-platform retry`.",
        shown=_rules().shown_rows,
    )


@dg.asset_check(asset=SWP_ORDER_LIST, description="Every staged row could be merged.")
def no_rows_rejected(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN: the others were merged."""
    with dagster_failures("no_rows_rejected"):
        rejected = orders_database.store.rejects()
    return verdict(
        [_refusal(row) for row in rejected],
        scope=Scope(),
        what=("rejected row or size", "rejected rows or sizes"),
        next_step="Mend the order list; a customer that is missing from [customers] is added there.",
        shown=_rules().shown_rows,
    )


@dg.asset_check(
    asset=SWP_ORDER_LIST, description="The staging table has rows, some load changed lately, and every changed one is merged."
)
def staging_fresh(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN: the load of the workbooks does not run any more, or a customer's is loaded and never merged."""
    rules = _rules()
    with dagster_failures("staging_fresh"):
        standings = orders_database.overview.standings()
    found = stale_loads(standings, datetime.now(UTC), rules.staging_hours)
    return verdict(
        [Finding(customer, {"reason": reason}) for customer, reason in found.items()],
        scope=Scope(),
        what=(f"reason to doubt the load: {next(iter(found.values()), '')}", "loads that are not merged"),
        next_step="Look at the job that fills the staging table."
        if "" in found
        else "Look at the last run of these customers, and start one.",
        shown=rules.shown_rows,
        figures={
            "customers_in_load": sum(each.load is not None for each in standings),
            "customers_changed": sum(each.is_changed for each in standings),
        },
    )


def _refusal(row: RejectedRow) -> Finding:
    return Finding(
        row.customer, {"order": row.order_key, "size": row.size_code, "code": row.code, "reason": row.reason, "rows": row.rows}
    )

"""The check of the guard against broken extracts.

Belongs here: that one check. Does not belong here: the guard (`merge/order_merge.py`).
"""

import dagster as dg

from orders_platform.database.overview import Finding
from orders_platform.defs.assets.order_assets import order_headers
from orders_platform.defs.checks.check_results import ERROR, Scope, verdict
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.settings import Settings


@dg.asset_check(asset=order_headers, description="No load lacked so many orders that their removal was refused.")
def removals_plausible(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR while a customer's last load lacks more orders than `max_removed_share`; not blocking, as nothing was removed."""
    scope = Scope.of(context)
    with dagster_failures(scope.customer or "removals_plausible"):
        refused = orders_database.store.refused_removals()
    found = [
        Finding(name, {"missing_orders": missing, "rows_read": read}) for name, missing, read in refused if scope.holds(name)
    ]
    return verdict(
        found,
        scope=scope,
        what=("load lacked too many orders", "loads lacked too many orders"),
        next_step="Nothing was removed. Check the load, then raise max_removed_share if it is right.",
        shown=Settings().configuration.checks.shown_rows,
        severity=ERROR,
    )

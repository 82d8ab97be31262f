"""The asset checks: what must hold of the tables and the board, over all customers.

Belongs here: the checks, thin shells around one query each. Does not belong here: how an alert is sent (`alerts.py`).
Severity: ERROR where sending would do harm, WARN where people should look.
"""

import dagster as dg

from orders_platform.assets.order_tables import order_headers
from orders_platform.failures import dagster_failures
from orders_platform.resources import OrdersDatabase


@dg.asset_check(asset=order_headers, description="No load lacked so many orders that their removal was refused.")
def removals_plausible(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """Fails while a customer's last load lacks more orders than `max_removed_share`: a broken extract must not empty the board."""
    with dagster_failures("removals_plausible"):
        refused = orders_database.store.refused_removals()
    records = [
        dg.TableRecord({"customer": name, "missing_orders": missing, "rows_read": read}) for name, missing, read in refused
    ]
    words = (
        f"{len(refused)} customers: nothing was removed. Check the load, then raise max_removed_share if it is right."
        if refused
        else None
    )
    return dg.AssetCheckResult(
        passed=not refused,
        severity=dg.AssetCheckSeverity.ERROR,
        description=words,
        metadata={"customers": len(refused), "refused": dg.MetadataValue.table(records)} if refused else {"customers": 0},
    )

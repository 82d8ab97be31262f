"""Jobs. Schedules and sensors for the nightly run come here too.

Belongs here: what may be launched, and when. Does not belong here: what an asset does.
"""

from datetime import UTC, datetime

import dagster as dg
from dagster import OpExecutionContext

from orders_platform.assets.order_tables import observe_order_list
from orders_platform.failures import dagster_failures
from orders_platform.housekeeping import trim_log
from orders_platform.resources import OrdersDatabase
from orders_platform.settings import Settings
from orders_platform.upkeep import trim_runs

SYNC_ASSETS = ("order_headers", "order_sizes", "order_lines", "monday_groups", "monday_items", "monday_subitems", "sync_report")

sync_customer = dg.define_asset_job(
    "sync_customer",
    selection=dg.AssetSelection.assets(*SYNC_ASSETS),
    description="Merge one customer's load and bring the board to it: all six assets and the report, one partition.",
)


@dg.job(description="Observe the staging table: rows by customer, rows of nobody, and a partition for each new customer.")
def survey_customers() -> None:
    """One step: `observe_order_list`."""
    observe_order_list()


@dg.op
def trim_sync_log(context: OpExecutionContext, orders_database: OrdersDatabase) -> None:
    """Delete documents of the log that are older than `log_retention_days`."""
    with dagster_failures("housekeeping"):
        configuration = Settings().configuration
        deleted = trim_log(orders_database.store, configuration, datetime.now(UTC))
    context.add_output_metadata({"deleted_documents": deleted, "log_retention_days": configuration.monday.log_retention_days})


@dg.job(description="Forget documents of the log and Dagster's runs, both after their retention; no order is ever deleted.")
def housekeeping() -> None:
    """Two steps, neither of which waits for the other."""
    trim_sync_log()
    trim_runs()

"""Jobs: what may be launched.

Belongs here: the selections and the small jobs. Does not belong here: what an asset or a check does, when a job starts
(`schedules.py`, `sensors.py`).
"""

from datetime import UTC, datetime

import dagster as dg
from dagster import OpExecutionContext

from orders_platform.defs import checks
from orders_platform.defs.assets.order_assets import observe_order_list
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.housekeeping import trim_log
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.defs.retention import trim_runs
from orders_platform.settings import Settings

SYNC_ASSETS = ("order_headers", "order_sizes", "order_lines", "monday_groups", "monday_items", "monday_subitems", "sync_report")

sync_customer = dg.define_asset_job(
    "sync_customer",
    selection=dg.AssetSelection.assets(*SYNC_ASSETS),
    description="Merge one customer's load and bring the board to it: all six assets and the report, one partition.",
)
check_orders = dg.define_asset_job(
    "check_orders",
    selection=dg.AssetSelection.checks(*checks.OF_ALL_CUSTOMERS),
    description="The checks of the tables, over all customers.",
)
check_waiting_rows = dg.define_asset_job(
    "check_waiting_rows",
    selection=dg.AssetSelection.checks(*checks.OF_WAITING_ROWS),
    description="Is any row stuck, of any customer?",
)
verify_boards = dg.define_asset_job(
    "verify_boards",
    selection=dg.AssetSelection.checks(*checks.OF_VALUES),
    description="Compare every cell of every customer with the board; reads much, changes nothing.",
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

"""The jobs: a customer's run, the checks, and the scan of the staging table. The daily summary and retention have modules of their own."""

import dagster as dg

from orders_platform.defs import checks
from orders_platform.defs.assets.order_assets import observe_order_list

SYNC_ASSETS = ("order_headers", "order_sizes", "order_lines", "monday_groups", "monday_items", "monday_subitems", "sync_report")

sync_customer = dg.define_asset_job(
    "sync_customer",
    selection=dg.AssetSelection.assets(*SYNC_ASSETS),
    description="Merges one customer's load and updates the board: all six assets and the report, for one partition.",
)
check_orders = dg.define_asset_job(
    "check_orders",
    selection=dg.AssetSelection.checks(*checks.OF_ALL_CUSTOMERS),
    description="Checks the tables, over all customers.",
)
check_waiting_rows = dg.define_asset_job(
    "check_waiting_rows",
    selection=dg.AssetSelection.checks(*checks.OF_WAITING_ROWS),
    description="Checks whether a row of any customer is stuck.",
)
verify_boards = dg.define_asset_job(
    "verify_boards",
    selection=dg.AssetSelection.checks(*checks.OF_VALUES),
    description="Compares every cell of every customer with the board. It reads much and changes nothing.",
)


@dg.job(
    description="Counts the staged rows by customer, lists those that match no customer, and adds a partition for each new customer."
)
def scan_staging() -> None:
    """One step: `observe_order_list`."""
    observe_order_list()

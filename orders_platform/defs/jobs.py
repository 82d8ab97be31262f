"""Jobs: what may be launched.

Belongs here: the selections and the small jobs. Does not belong here: what an asset or a check does, when a job starts
(`schedules.py`, `sensors.py`).
"""

import dagster as dg

from orders_platform.defs import checks
from orders_platform.defs.assets.order_assets import observe_order_list

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
def scan_staging() -> None:
    """One step: `observe_order_list`."""
    observe_order_list()

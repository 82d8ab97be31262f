"""Jobs. Schedules and sensors for the nightly run come here too.

Belongs here: what may be launched, and when. Does not belong here: what an asset does.
"""

from __future__ import annotations

import dagster as dg

from orders_platform.assets.order_tables import observe_order_list

SYNC_ASSETS = ("order_headers", "order_sizes", "order_lines", "monday_groups", "monday_items", "monday_subitems")

sync_customer = dg.define_asset_job(
    "sync_customer",
    selection=dg.AssetSelection.assets(*SYNC_ASSETS),
    description="Merge one customer's load and bring the board to it: all six assets, one partition.",
)


@dg.job(description="Observe the staging table: rows by customer, rows of nobody, and a partition for each new customer.")
def survey_customers() -> None:
    """One step: `observe_order_list`."""
    observe_order_list()

"""All that Dagster loads.

Belongs here: putting assets, checks, resources and jobs together. Does not belong here: any of them. Nothing connects on import; settings
are read, so that a wrong one is refused, in words, before anything starts.
"""

from __future__ import annotations

import dagster as dg

from orders_platform import checks
from orders_platform.assets import monday_board, order_tables, sync_report
from orders_platform.assets.catalogue import described
from orders_platform.automation import housekeeping, survey_customers, sync_customer
from orders_platform.resources import MondayResource, database_resource
from orders_platform.settings import Settings


def build_definitions(settings: Settings, **overrides: object) -> dg.Definitions:
    """The code location for these settings; `overrides` replace resources by name.

    In-process: the six steps of a customer share one process, which is 9 times cheaper than a process a step.
    """
    resources = {"orders_database": database_resource(settings.environment), "monday": MondayResource(), **overrides}
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = [
        order_tables.swp_order_list,
        order_tables.order_headers,
        order_tables.order_sizes,
        order_tables.order_lines,
        monday_board.monday_groups,
        monday_board.monday_items,
        monday_board.monday_subitems,
        sync_report.sync_report,
    ]
    return dg.Definitions(
        assets=described(assets, settings),
        asset_checks=[checks.removals_plausible],
        jobs=[sync_customer, survey_customers, housekeeping],
        resources=resources,
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The code location of this environment."""
    return build_definitions(Settings())

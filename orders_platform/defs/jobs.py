"""The jobs: a customer's run, the checks, the scan of the staging table, and the pause of a customer.

The daily summary and retention have modules of their own.
"""

from datetime import UTC, datetime

import dagster as dg
from dagster import OpExecutionContext
from pydantic import Field

from orders_platform.defs import checks
from orders_platform.defs.assets.order_assets import observe_order_list, renew_page
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase

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


class PauseConfig(dg.Config):
    """Run configuration of the jobs that pause and resume."""

    customers: list[str] = Field(description="Names of customers, in any spelling that [customers] of the configuration has.")


def _record_pauses(context: OpExecutionContext, config: PauseConfig, database: OrdersDatabase, since: datetime | None) -> None:
    """Pause these customers or resume them, renew their pages, and show who is paused now."""
    with dagster_failures("customers"):
        for customer in [database.store.pause(name, since) for name in config.customers]:
            renew_page(database.store, customer)
        paused = database.store.paused()
    context.add_output_metadata({"paused": ", ".join(f"{name} since {at:%Y-%m-%d %H:%M} UTC" for name, at in paused.items())})


@dg.op
def pause(context: OpExecutionContext, config: PauseConfig, orders_database: OrdersDatabase) -> None:
    """Pause these customers from now on."""
    _record_pauses(context, config, orders_database, datetime.now(UTC))


@dg.op
def resume(context: OpExecutionContext, config: PauseConfig, orders_database: OrdersDatabase) -> None:
    """Let these customers run again."""
    _record_pauses(context, config, orders_database, None)


@dg.job(
    description="Pauses the customers that its run configuration names: nothing of them is merged or sent until they are resumed."
)
def pause_customers() -> None:
    """One step: `pause`."""
    pause()


@dg.job(
    description="Resumes the customers that its run configuration names; what changed or waited meanwhile is sent by the next runs."
)
def resume_customers() -> None:
    """One step: `resume`."""
    resume()

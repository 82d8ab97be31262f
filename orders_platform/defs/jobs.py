"""The jobs: a customer's run, the checks, the scan of the staging table, and the pause of a customer.

The daily summary and retention have modules of their own.
"""

from datetime import UTC, datetime

import dagster as dg
from dagster import OpExecutionContext
from pydantic import Field

from orders_platform.defs import checks
from orders_platform.defs.assets import observe_order_list, renew_page
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.errors import ConfigurationError

SYNC_ASSETS = ("order_headers", "order_sizes", "order_lines", "monday_groups", "monday_items", "monday_subitems", "sync_report")

sync_customer = dg.define_asset_job(
    "sync_customer",
    selection=dg.AssetSelection.assets(*SYNC_ASSETS),
    description="Merges one customer's load and updates the board: all six assets and the report, for one partition. "
    "Options of one run (some orders, a limit, accept a guard): the arrow beside Materialize, Open launchpad. "
    "A dry run is the job preview_customer.",
)
check_orders, check_waiting_rows, verify_boards = (
    dg.define_asset_job(name, selection=dg.AssetSelection.checks(*made), description=words)
    for name, made, words in (
        ("check_orders", checks.OF_ALL_CUSTOMERS, "Checks the tables, over all customers."),
        ("check_waiting_rows", checks.OF_WAITING_ROWS, "Checks whether a row of any customer is stuck."),
        (
            "verify_boards",
            checks.OF_VALUES,
            "Compares every cell of every customer with the board. It reads much and changes nothing.",
        ),
    )
)


@dg.job(
    description="Counts the staged rows by customer, lists those that match no customer, and adds a partition for each new customer."
)
def scan_staging() -> None:
    """One step: `observe_order_list`."""
    observe_order_list()


class PauseConfig(dg.Config):
    """Run configuration of `pause_customers`; names in any spelling that [customers] of the configuration has."""

    pause: list[str] = Field(default=[], description="Customers of which nothing is merged or sent from now on.")
    resume: list[str] = Field(
        default=[], description="Customers that were paused; what changed or waits is sent by the next runs."
    )


@dg.op
def record_pauses(context: OpExecutionContext, config: PauseConfig, orders_database: OrdersDatabase) -> None:
    """Pause and resume customers, renew their pages, and show who is paused now."""
    store, now = orders_database.store, datetime.now(UTC)
    with dagster_failures("customers"):
        pause, resume = (set(map(store.customer_named, names)) for names in (config.pause, config.resume))
        if both := ", ".join(sorted(pause & resume)):
            raise ConfigurationError(f"{both} is to be paused and resumed; name it once. Nothing was changed.")
        for name in sorted(pause | resume):
            renew_page(store, store.pause(name, now if name in pause else None))
        paused = store.paused()
    context.add_output_metadata({"paused": ", ".join(f"{name} since {at:%Y-%m-%d %H:%M} UTC" for name, at in paused.items())})


@dg.job(description="Pauses and resumes customers, named in the Launchpad; with none it shows who is paused.")
def pause_customers() -> None:
    """One step: `record_pauses`."""
    record_pauses()

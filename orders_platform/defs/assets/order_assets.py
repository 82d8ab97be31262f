"""Assets 0 to 3: the staged order list, and the three tables that the database merges it into."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster import AssetExecutionContext, OpExecutionContext

from orders_platform.build import report_folder, report_links
from orders_platform.database.order_store import OrderStore
from orders_platform.defs.assets.asset_metadata import cell_warnings, rejected_rows
from orders_platform.defs.failures import RETRIES, dagster_failures
from orders_platform.defs.resources import CUSTOMERS, OrdersDatabase, RunOptions, make_partitions
from orders_platform.domain.customers import customer_for
from orders_platform.domain.guards import Guard
from orders_platform.errors import SourceDataError
from orders_platform.reports.content import Report, make_report
from orders_platform.reports.rendering import html_page, write_page
from orders_platform.settings import Settings

SWP_ORDER_LIST = dg.AssetKey("swp_order_list")
GROUP = "order_tables"

swp_order_list = dg.AssetSpec(
    SWP_ORDER_LIST,
    group_name=GROUP,
    description="The staging table as it arrives, filled from more than 40 workbooks. The job scan_staging observes it.",
)


@contextmanager
def customer_alone(customer: str, orders_database: OrdersDatabase) -> Iterator[OrderStore]:
    """The store, with the customer, if it is not paused, held against other runs; our errors leave as Dagster's, of settings too."""
    with dagster_failures(customer):
        store = orders_database.store
        store.require_not_paused(customer)
        with store.lock(customer):
            yield store


@dg.op(out=dg.Out(dg.Nothing))
def observe_order_list(context: OpExecutionContext, orders_database: OrdersDatabase) -> Iterator[dg.AssetObservation]:
    """Observe the staging table: rows, customers, and the rows that match no customer, which are listed among the rejects.

    Each new customer gets a partition.

    A name that cannot be a partition fails the run, after what was seen is recorded: Dagster keeps only what was yielded by then.
    """
    with dagster_failures("swp_order_list"):
        merge = orders_database.merge
        scan = merge.scan_staging()
        merge.record_scan(scan, datetime.now(UTC))
        changes = make_partitions(context.instance, scan.customers)
        rows = [(name, found.rows, "") for name, found in scan.customers.items()]
        rows += [(entry.label, entry.rows, entry.reason) for entry in scan.unmatched]
        table = [dg.TableRecord({"customer": name, "rows": count, "note": note}) for name, count, note in rows]
        metadata: dict[str, dg.RawMetadataValue] = {
            "dagster/row_count": scan.rows,
            "customers": len(scan.customers),
            "new_customers": len(changes.added),
            "rows_of": dg.MetadataValue.table(table),
        }
        yield dg.AssetObservation(SWP_ORDER_LIST, metadata=metadata)
        if changes.refused:
            raise SourceDataError(" ".join(changes.refused.values()))


@dg.asset(partitions_def=CUSTOMERS, deps=[SWP_ORDER_LIST], group_name=GROUP, retry_policy=RETRIES)
def order_headers(
    context: AssetExecutionContext, orders_database: OrdersDatabase, run_options: RunOptions
) -> dg.MaterializeResult[None]:
    """Orders, clean and keyed: the new, changed and missing ones of a load are marked; unchanged ones are not touched."""
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database) as store:
        merge = orders_database.merge
        merged = merge.merge_headers(customer, merge.scan_staging(), datetime.now(UTC), run_options.guards)
        rejected = store.invalid_rows(customer)
        left_out = [each for each in store.cell_warnings(customer) if each.row_uuid is None]
        _report_if_stopped(store, merged.guards)
    metadata: dict[str, dg.RawMetadataValue] = {
        "dagster/partition_row_count": merged.rows_read, "created": merged.created, "updated": merged.updated,
        "rejected": merged.rejected, "cells_left_out": len(left_out), "identical_copies": merged.copies, "missing": merged.missing,
        "removed": merged.removed, "unsettled": merged.unsettled, "was_unchanged": merged.was_unchanged,
    }  # fmt: skip
    return dg.MaterializeResult(metadata=metadata | rejected_rows(rejected) | cell_warnings(left_out))


@dg.asset(partitions_def=CUSTOMERS, deps=[order_headers], group_name=GROUP, retry_policy=RETRIES)
def order_sizes(context: AssetExecutionContext, orders_database: OrdersDatabase) -> dg.MaterializeResult[None]:
    """The sizes of the orders that changed: a row per size with a quantity."""
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database):
        staged = orders_database.merge.unpivot_sizes(customer)
    return dg.MaterializeResult(metadata={"staged_lines": staged})


@dg.asset(partitions_def=CUSTOMERS, deps=[order_sizes], group_name=GROUP, retry_policy=RETRIES)
def order_lines(
    context: AssetExecutionContext, orders_database: OrdersDatabase, run_options: RunOptions
) -> dg.MaterializeResult[None]:
    """Lines, a row per order and size: the new, changed and gone ones are marked."""
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database) as store:
        merged = orders_database.merge.merge_lines(customer, datetime.now(UTC), run_options.guards)
        _report_if_stopped(store, merged.guards)
    return dg.MaterializeResult(metadata={"created": merged.created, "updated": merged.updated, "removed": merged.removed})


def renew_page(store: OrderStore, customer: str) -> tuple[Report, Path]:
    """Where the customer's orders stand, written as its page."""
    settings, report = Settings(), make_report(store, customer, datetime.now(UTC))
    return report, write_page(report_folder(settings), customer, html_page([report], report_links(settings)))


def _report_if_stopped(store: OrderStore, guards: Iterable[Guard]) -> None:
    """Renew the page where the run ends at a blocking check, so that it never goes on saying that all is well."""
    for customer in {guard.customer for guard in guards if guard.blocks}:
        renew_page(store, customer)

"""The assets, each a thin shell: read, plan, apply, report.

0 to 3 are the staged order list and the three tables that the database merges it into, 4 to 7 groups, items and subitems on the board and
the report of it; `order_board` is the board as people see it.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster import AssetExecutionContext, OpExecutionContext

from orders_platform.build import report_links
from orders_platform.database.order_store import OrderStore
from orders_platform.defs.asset_metadata import cell_warnings, rejected_rows, sent_rows
from orders_platform.defs.failures import RETRIES, dagster_failures
from orders_platform.defs.resources import CUSTOMERS, MondayResource, OrdersDatabase, RunOptions, make_partitions
from orders_platform.domain.customers import customer_for
from orders_platform.domain.guards import Guard
from orders_platform.domain.verdicts import Verdict
from orders_platform.errors import SourceDataError
from orders_platform.reports.content import Report, make_report
from orders_platform.reports.rendering import html_page, markdown_text, write_page
from orders_platform.settings import Settings
from orders_platform.sync.results import StageReport
from orders_platform.sync.run import SyncRun
from orders_platform.sync.stages import sync_groups, sync_items, sync_subitems

SWP_ORDER_LIST = dg.AssetKey("swp_order_list")
ORDER_BOARD = dg.AssetKey("order_board")
Stage = Callable[[SyncRun, str, StageReport], None]
Made = dg.MaterializeResult[None]
TABLES, BOARD, POOL = "order_tables", "monday_board", "monday_api"

swp_order_list = dg.AssetSpec(
    SWP_ORDER_LIST,
    group_name=TABLES,
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


@dg.asset(partitions_def=CUSTOMERS, deps=[SWP_ORDER_LIST], group_name=TABLES, retry_policy=RETRIES)
def order_headers(context: AssetExecutionContext, orders_database: OrdersDatabase, run_options: RunOptions) -> Made:
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


@dg.asset(partitions_def=CUSTOMERS, deps=[order_headers], group_name=TABLES, retry_policy=RETRIES)
def order_sizes(context: AssetExecutionContext, orders_database: OrdersDatabase) -> Made:
    """The sizes of the orders that changed: a row per size with a quantity."""
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database):
        staged = orders_database.merge.unpivot_sizes(customer)
    return dg.MaterializeResult(metadata={"staged_lines": staged})


@dg.asset(partitions_def=CUSTOMERS, deps=[order_sizes], group_name=TABLES, retry_policy=RETRIES)
def order_lines(context: AssetExecutionContext, orders_database: OrdersDatabase, run_options: RunOptions) -> Made:
    """Lines, a row per order and size: the new, changed and gone ones are marked."""
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database) as store:
        merged = orders_database.merge.merge_lines(customer, datetime.now(UTC), run_options.guards)
        _report_if_stopped(store, merged.guards)
    return dg.MaterializeResult(metadata={"created": merged.created, "updated": merged.updated, "removed": merged.removed})


def renew_page(store: OrderStore, customer: str, verdict: Verdict | None = None) -> tuple[Report, Path]:
    """Where the customer's orders stand, written as its page; without a `verdict` as of the load that was merged last."""
    settings, report = Settings(), make_report(store, customer, datetime.now(UTC), verdict)
    return report, write_page(settings.report_folder, customer, html_page([report], report_links(settings)))


def _report_if_stopped(store: OrderStore, guards: Iterable[Guard]) -> None:
    """Renew the page where the run ends at a blocking check, so that it never goes on saying that all is well."""
    for customer in {guard.customer for guard in guards if guard.blocks}:
        renew_page(store, customer)


order_board = dg.AssetSpec(
    ORDER_BOARD,
    deps=["monday_items", "monday_subitems"],
    group_name=BOARD,
    description="The board as people see it, with the orders of all customers. No run materialises it, so its checks stay shown.",
)


@dg.asset(partitions_def=CUSTOMERS, deps=[order_headers, order_lines], group_name=BOARD, pool=POOL, retry_policy=RETRIES)
def monday_groups(
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource, run_options: RunOptions
) -> Made:
    """A group per customer and season: found by its title, created if it is missing, its id renewed if that is stale."""

    def stage(run: SyncRun, customer: str, report: StageReport) -> None:
        if run_options.resync:
            run.progress(f"{orders_database.store.compare_again(customer):,} rows are compared with the board again", 0, 0)
        sync_groups(run, customer, report)

    return _stage(context, orders_database, monday, run_options, stage)


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_groups, order_headers], group_name=BOARD, pool=POOL, retry_policy=RETRIES)
def monday_items(
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource, run_options: RunOptions
) -> Made:
    """An item per order: created, changed, moved or archived; its id is written back."""
    return _stage(context, orders_database, monday, run_options, sync_items)


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_items, order_lines], group_name=BOARD, pool=POOL, retry_policy=RETRIES)
def monday_subitems(
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource, run_options: RunOptions
) -> Made:
    """A subitem per size: created, changed or archived; its id is written back."""
    return _stage(context, orders_database, monday, run_options, sync_subitems)


def _stage(
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource, options: RunOptions, stage: Stage
) -> Made:
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database) as store:
        run, report = monday.sync_run(store, context.run.run_id, context.log.info, options), StageReport()
        stage(run, customer, report)
        links = report_links(settings := Settings())
        left_out = [each for each in store.cell_warnings(customer) if each.row_uuid is not None]
    metadata: dict[str, dg.RawMetadataValue] = report.figures()
    if report.mutations and report.seconds:  # a pace of nothing would be a stop in Dagster's plot that was none
        metadata["rows_per_second"] = round(report.mutations / report.seconds, 1)
        metadata["complexity_per_row"] = round(report.complexity / report.mutations, 1)
    metadata["page"] = dg.MetadataValue.url(settings.page_url(customer))
    if links.board:
        metadata["board"] = dg.MetadataValue.url(links.board)
    doubled = [
        {"order": each.order_key, "size": each.size_code, "ids": ", ".join(map(str, each.ids))} for each in report.doubled
    ]
    if doubled:
        metadata["doubled_rows"] = dg.MetadataValue.table([dg.TableRecord(each) for each in doubled])
    return dg.MaterializeResult(metadata=metadata | sent_rows(report, links) | cell_warnings(left_out))


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_items, monday_subitems], group_name="reports", retry_policy=RETRIES)
def sync_report(context: AssetExecutionContext, orders_database: OrdersDatabase) -> Made:
    """Where a customer's orders stand on the board: totals, groups, what needs a correction, what waits, what changed last."""
    customer = customer_for(context.partition_key)
    with dagster_failures(customer):
        report, page = renew_page(orders_database.store, customer)
        settings = Settings()
    return dg.MaterializeResult(metadata={
        "orders": report.totals.orders, "on_board": report.totals.on_board, "waiting": len(report.waiting),
        "corrections": report.correction_count, "pieces": report.totals.quantity,
        "report": dg.MetadataValue.md(markdown_text([report], report_links(settings))),
        "page": dg.MetadataValue.url(settings.page_url(customer)), "page_file": dg.MetadataValue.path(page),
    })  # fmt: skip


ALL: list[dg.AssetsDefinition | dg.AssetSpec] = [
    *(swp_order_list, order_headers, order_sizes, order_lines),
    *(monday_groups, monday_items, monday_subitems),
    *(order_board, sync_report),
]

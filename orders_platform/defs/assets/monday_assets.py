"""Assets 4 to 7: groups, items and subitems on the board, the report of it; and the board as people see it."""

from collections.abc import Callable

import dagster as dg
from dagster import AssetExecutionContext

from orders_platform.build import page_url, report_links
from orders_platform.defs.assets.asset_metadata import cell_warnings, sent_rows
from orders_platform.defs.assets.order_assets import customer_alone, order_headers, order_lines, renew_page
from orders_platform.defs.failures import RETRIES, dagster_failures
from orders_platform.defs.resources import CUSTOMERS, MondayResource, OrdersDatabase, RunOptions
from orders_platform.domain.customers import customer_for
from orders_platform.reports.rendering import markdown_text
from orders_platform.settings import Settings
from orders_platform.sync.groups import sync_groups
from orders_platform.sync.results import StageReport
from orders_platform.sync.rows import sync_items, sync_subitems
from orders_platform.sync.run import SyncRun

GROUP = "monday_board"
POOL = "monday_api"

ORDER_BOARD = dg.AssetKey("order_board")

order_board = dg.AssetSpec(
    ORDER_BOARD,
    deps=["monday_items", "monday_subitems"],
    group_name=GROUP,
    description="The board as people see it, with the orders of all customers. No run materialises it, so its checks stay shown.",
)


@dg.asset(partitions_def=CUSTOMERS, deps=[order_headers, order_lines], group_name=GROUP, pool=POOL, retry_policy=RETRIES)
def monday_groups(
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource, run_options: RunOptions
) -> dg.MaterializeResult[None]:
    """A group per customer and season: found by its title, created if it is missing, its id renewed if that is stale."""

    def stage(run: SyncRun, customer: str, report: StageReport) -> None:
        if run_options.resync:
            run.progress(f"{orders_database.store.compare_again(customer):,} rows are compared with the board again", 0, 0)
        sync_groups(run, customer, limit=run_options.most, report=report)

    return _stage(context, orders_database, monday, run_options, stage)


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_groups, order_headers], group_name=GROUP, pool=POOL, retry_policy=RETRIES)
def monday_items(
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource, run_options: RunOptions
) -> dg.MaterializeResult[None]:
    """An item per order: created, changed, moved or archived; its id is written back."""

    def stage(run: SyncRun, customer: str, report: StageReport) -> None:
        sync_items(run, customer, limit=run_options.most, report=report)

    return _stage(context, orders_database, monday, run_options, stage)


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_items, order_lines], group_name=GROUP, pool=POOL, retry_policy=RETRIES)
def monday_subitems(
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource, run_options: RunOptions
) -> dg.MaterializeResult[None]:
    """A subitem per size: created, changed or archived; its id is written back."""

    def stage(run: SyncRun, customer: str, report: StageReport) -> None:
        if not run_options.skip_subitems:
            sync_subitems(run, customer, report=report)

    return _stage(context, orders_database, monday, run_options, stage)


def _stage(
    context: AssetExecutionContext,
    orders_database: OrdersDatabase,
    monday: MondayResource,
    options: RunOptions,
    stage: Callable[[SyncRun, str, StageReport], None],
) -> dg.MaterializeResult[None]:
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database) as store:
        run, report = monday.sync_run(store, context.run.run_id, context.log.info, options.orders), StageReport()
        stage(run, customer, report)
        links = report_links(settings := Settings())
        left_out = [each for each in store.cell_warnings(customer) if each.row_uuid is not None]
    metadata: dict[str, dg.RawMetadataValue] = report.figures()
    if report.mutations and report.seconds:  # a pace of nothing would be a stop in Dagster's plot that was none
        metadata["rows_per_second"] = round(report.mutations / report.seconds, 1)
        metadata["complexity_per_row"] = round(report.complexity / report.mutations, 1)
    metadata["page"] = dg.MetadataValue.url(page_url(settings, customer))
    if links.board:
        metadata["board"] = dg.MetadataValue.url(links.board)
    doubled = [
        {"order": each.order_key, "size": each.size_code, "ids": ", ".join(map(str, each.ids))} for each in report.doubled
    ]
    if doubled:
        metadata["doubled_rows"] = dg.MetadataValue.table([dg.TableRecord(each) for each in doubled])
    return dg.MaterializeResult(metadata=metadata | sent_rows(report, links) | cell_warnings(left_out))


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_items, monday_subitems], group_name="reports", retry_policy=RETRIES)
def sync_report(context: AssetExecutionContext, orders_database: OrdersDatabase) -> dg.MaterializeResult[None]:
    """Where a customer's orders stand on the board: totals, groups, what needs a correction, what waits, what changed last."""
    customer = customer_for(context.partition_key)
    with dagster_failures(customer):
        report, page = renew_page(orders_database.store, customer)
        settings = Settings()
    return dg.MaterializeResult(metadata={
        "orders": report.totals.orders, "on_board": report.totals.on_board, "waiting": len(report.waiting),
        "corrections": report.correction_count, "pieces": report.totals.quantity,
        "report": dg.MetadataValue.md(markdown_text([report], report_links(settings))),
        "page": dg.MetadataValue.url(page_url(settings, customer)), "page_file": dg.MetadataValue.path(page),
    })  # fmt: skip

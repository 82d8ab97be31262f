"""Assets 4 to 7: groups, items and subitems on the board, the report of it; and the board as people see it."""

from collections.abc import Callable
from datetime import UTC, datetime

import dagster as dg
from dagster import AssetExecutionContext

from orders_platform.build import report_folder, report_links
from orders_platform.database.queries import Queries
from orders_platform.defs.assets.asset_metadata import cell_warnings, row_problems
from orders_platform.defs.assets.order_assets import customer_alone, order_headers, order_lines
from orders_platform.defs.failures import RETRIES, dagster_failures
from orders_platform.defs.partitions import CUSTOMERS
from orders_platform.defs.resources import MondayResource, OrdersDatabase
from orders_platform.domain.customers import customer_for
from orders_platform.reports.content import make_report
from orders_platform.reports.rendering import html_page, markdown_text, write_page
from orders_platform.settings import Settings
from orders_platform.sync.groups import sync_groups
from orders_platform.sync.results import StageReport
from orders_platform.sync.rows import sync_items, sync_subitems

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
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource
) -> dg.MaterializeResult[None]:
    """A group per customer and season: found by its title, created if it is missing, its id renewed if that is stale."""
    return _stage(context, orders_database, monday, sync_groups)


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_groups, order_headers], group_name=GROUP, pool=POOL, retry_policy=RETRIES)
def monday_items(
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource
) -> dg.MaterializeResult[None]:
    """An item per order: created, changed, moved or archived; its id is written back."""
    return _stage(context, orders_database, monday, sync_items)


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_items, order_lines], group_name=GROUP, pool=POOL, retry_policy=RETRIES)
def monday_subitems(
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource
) -> dg.MaterializeResult[None]:
    """A subitem per size: created, changed or archived; its id is written back."""
    return _stage(context, orders_database, monday, sync_subitems)


def _stage(
    context: AssetExecutionContext, orders_database: OrdersDatabase, monday: MondayResource, stage: Callable[..., None]
) -> dg.MaterializeResult[None]:
    customer = customer_for(context.partition_key)
    with customer_alone(customer, orders_database) as store:
        run, report = monday.sync_run(store, context.run.run_id, context.log.info), StageReport()
        stage(run, customer, report)
        board = report_links(Settings()).board
        left_out = [each for each in Queries(store).cell_warnings(customer) if each.row_uuid is not None]
    metadata: dict[str, dg.RawMetadataValue] = report.figures()
    if (
        report.mutations and report.seconds
    ):  # a stage that sent nothing has no pace, or Dagster's plot would show stops that were none
        metadata["rows_per_second"] = round(report.mutations / report.seconds, 1)
        metadata["complexity_per_row"] = round(report.complexity / report.mutations, 1)
    if board:
        metadata["board"] = dg.MetadataValue.url(board)
    if report.doubled:
        metadata["doubled_rows"] = dg.MetadataValue.table(
            [
                dg.TableRecord({"order": each.order_key, "size": each.size_code, "ids": ", ".join(map(str, each.ids))})
                for each in report.doubled
            ]
        )
    problems = row_problems("refused_rows", report.refusals)
    return dg.MaterializeResult(metadata=metadata | problems | cell_warnings(left_out))


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_items, monday_subitems], group_name="reports", retry_policy=RETRIES)
def sync_report(context: AssetExecutionContext, orders_database: OrdersDatabase) -> dg.MaterializeResult[None]:
    """Where a customer's orders stand on the board: totals, groups, what needs a correction, what waits, what changed last."""
    customer = customer_for(context.partition_key)
    with dagster_failures(customer):
        settings = Settings()
        links = report_links(settings)
        report = make_report(orders_database.store, customer, datetime.now(UTC))
        page = write_page(report_folder(settings), customer, html_page([report], links))
    metadata: dict[str, dg.RawMetadataValue] = {
        "orders": report.totals.orders, "on_board": report.totals.on_board, "waiting": len(report.waiting),
        "corrections": report.correction_count, "pieces": report.totals.quantity,
        "report": dg.MetadataValue.md(markdown_text([report], links)), "page": dg.MetadataValue.path(page),
    }  # fmt: skip
    return dg.MaterializeResult(metadata=metadata)

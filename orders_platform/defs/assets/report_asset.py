"""Asset 7: a customer's orders on the board, as a page for people outside the team."""

from datetime import UTC, datetime

import dagster as dg
from dagster import AssetExecutionContext

from orders_platform.build import report_folder, report_links
from orders_platform.defs.assets.monday_assets import monday_items, monday_subitems
from orders_platform.defs.failures import RETRIES, dagster_failures
from orders_platform.defs.partitions import CUSTOMERS
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.domain.customers import customer_for
from orders_platform.reports.content import make_report
from orders_platform.reports.rendering import html_page, markdown_text, write_page
from orders_platform.settings import Settings

GROUP = "reports"


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_items, monday_subitems], group_name=GROUP, retry_policy=RETRIES)
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

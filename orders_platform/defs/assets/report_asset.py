"""Asset 7: a customer's orders on the board, as a page for people outside the team.

Belongs here: the shell, and what Dagster shows of the report. Does not belong here: what a report says (`reports/`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg
from dagster import AssetExecutionContext

from orders_platform.build import report_folder, report_links
from orders_platform.database.order_reports import OrderReports
from orders_platform.defs.assets.monday_assets import monday_items, monday_subitems
from orders_platform.defs.failures import RETRIES, dagster_failures
from orders_platform.defs.partitions import CUSTOMERS
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.domain.customers import customer_for
from orders_platform.domain.throughput import RunThroughput
from orders_platform.reports.files import write_page
from orders_platform.reports.making import make_report
from orders_platform.reports.markdown import table
from orders_platform.reports.plots import markdown_image, throughput_svg
from orders_platform.reports.rendering import html_page, markdown_text
from orders_platform.settings import Settings

GROUP = "reports"
_SHOWN_RUNS = 20


@dg.asset(partitions_def=CUSTOMERS, deps=[monday_items, monday_subitems], group_name=GROUP, retry_policy=RETRIES)
def sync_report(context: AssetExecutionContext, orders_database: OrdersDatabase) -> dg.MaterializeResult[None]:
    """Where a customer's orders stand on the board: totals, groups, what needs a correction, what waits, what changed last."""
    customer = customer_for(context.partition_key)
    with dagster_failures(customer):
        settings = Settings()
        links = report_links(settings)
        report = make_report(orders_database.store, customer, datetime.now(UTC))
        runs = OrderReports(orders_database.store).throughput(customer)[-_SHOWN_RUNS:]
        page = write_page(report_folder(settings), customer, html_page([report], links))
    figures = {"orders": report.totals.orders, "on_board": report.totals.on_board, "waiting": len(report.waiting)}
    metadata: dict[str, dg.RawMetadataValue] = {
        **figures,
        "corrections": report.correction_count,
        "pieces": report.totals.quantity,
    }
    metadata |= {"report": dg.MetadataValue.md(markdown_text([report], links)), "page": dg.MetadataValue.path(page)}
    metadata |= {"throughput": dg.MetadataValue.md(_throughput(runs))} if runs else {}
    return dg.MaterializeResult(metadata=metadata)


def _throughput(runs: Sequence[RunThroughput]) -> str:
    """The last runs that sent anything, as a plot and as a table, the latest first."""
    headers = ("when", "documents", "rows", "seconds", "rows a second", "calls", "over a limit", "complexity", "run")
    rows = [
        (
            run.at,
            run.documents,
            run.rows,
            run.seconds,
            run.rows_per_second,
            run.calls,
            run.rate_limited,
            run.complexity,
            run.run_id[:8],
        )
        for run in reversed(runs)
    ]
    return f"{markdown_image(throughput_svg(runs), 'rows a second by run')}\n\n{table(headers, rows)}"

"""All six steps for one customer, and one customer after the other: what the command line runs.

Dagster runs the same steps as assets. Belongs here: their order, and that one customer's failure stays its own. Does not belong
here: any step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orders_platform.domain.customers import StagingScan
from orders_platform.errors import MondayRefusedError, OrdersError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.sync.groups import sync_groups
from orders_platform.sync.items import sync_items
from orders_platform.sync.results import CustomerReport
from orders_platform.sync.run import SyncRun
from orders_platform.sync.subitems import sync_subitems


def sync_customer(
    run: SyncRun,
    merge: OrderMerge,
    customer: str,
    scan: StagingScan,
    *,
    limit: int | None = None,
    skip_subitems: bool = False,
    dry: bool = False,
) -> CustomerReport:
    """Merge and send one customer. An error of ours ends up in the report, unless no request of anyone would succeed.

    A customer that the load lacks is not merged, so nothing of it is removed; what waits of it is sent.
    A dry run merges too: its store and its merge are on a dry-run transaction, of which nothing stays.
    """
    started = run.clock()
    report = CustomerReport(customer)
    try:
        with run.store.lock(customer):
            if customer in scan.customers:
                report.headers = merge.merge_headers(customer, scan, run.clock())
                merge.unpivot_sizes(customer)
                report.lines = merge.merge_lines(customer, run.clock())
            with run.counted(customer, report.groups):
                sync_groups(run, customer, limit=limit, dry=dry, report=report.groups)
            with run.counted(customer, report.items):
                sync_items(run, customer, limit=limit, dry=dry, report=report.items)
            if not skip_subitems:
                with run.counted(customer, report.subitems):
                    sync_subitems(run, customer, dry=dry, report=report.subitems)
    except MondayRefusedError:
        raise
    except OrdersError as error:
        report.error = f"{type(error).__name__}: {error}"
    report.seconds = (run.clock() - started).total_seconds()
    return report


def sync_customers(
    run: SyncRun,
    merge: OrderMerge,
    scan: StagingScan,
    customers: Iterable[str],
    *,
    limit: int | None = None,
    skip_subitems: bool = False,
    dry: bool = False,
) -> Iterator[CustomerReport]:
    """One report per customer, as they finish."""
    for customer in customers:
        yield sync_customer(run, merge, customer, scan, limit=limit, skip_subitems=skip_subitems, dry=dry)

"""One customer's orders from the staging table to the board: the whole path, in six steps.

    step               reads                      writes
    1 merge_headers    swp_ORDER_LIST_V2          ORDER_LIST_V2: clean, with a key and a hash; changed orders become NEW
    2 unpivot_sizes    changed orders             swp_ORDER_LIST_LINES: one row for each size with a quantity
    3 merge_lines      swp_ORDER_LIST_LINES       ORDER_LIST_LINES: changed lines become NEW
    4 sync_groups      group names of NEW orders  the board: one group for each customer and season
    5 sync_items       NEW orders                 the board: one item for each order; its id into ORDER_LIST_V2
    6 sync_subitems    NEW lines                  the board: one subitem for each line; its id into ORDER_LIST_LINES

Steps 1 to 3 are SQL (`merge/`); steps 4 to 6 plan, commit the intent, send and record the outcome (`sync/`). Every step commits what
it did and starts from what is committed, so an interrupted run is continued by the next one. Steps 1 and 3 look at the load with
guards (`domain/guards.py`); steps 4 to 6 let no customer through that one stops. The command line calls `sync_customer`; Dagster runs
the same steps as assets (`defs/assets.py`).
"""

from collections.abc import Collection

from orders_platform.domain.customers import StagingScan
from orders_platform.domain.guards import GuardKind
from orders_platform.errors import MondayRefusedError, OrdersError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.sync.results import CustomerReport
from orders_platform.sync.run import SyncRun
from orders_platform.sync.stages import sync_groups, sync_items, sync_subitems


def sync_customer(
    run: SyncRun, merge: OrderMerge, customer: str, scan: StagingScan, accept: Collection[GuardKind] = ()
) -> CustomerReport:
    """Take one customer through the six steps; what was done, or in a dry run what would be.

    A customer that `scan` did not find in the staging table is not merged, so none of its orders is removed, unless `accept` says that
    they may vanish; its waiting rows are sent. A guard of a kind in `accept` does not act on this load. `merge` works on the store of
    the run. An error ends up in the report, so that the next customer can run; only `MondayRefusedError` is raised: monday would
    refuse that one too.
    """
    started = run.elapsed()
    report = CustomerReport(customer)
    try:
        with run.store.lock(customer):
            if customer in scan.customers or GuardKind.VANISHED_ORDERS in accept:
                run.progress("merging rows", 0, scan.customers[customer].rows if customer in scan.customers else 0)
                report.headers = merge.merge_headers(customer, scan, run.clock(), accept)
                merge.unpivot_sizes(customer)
                report.lines = merge.merge_lines(customer, run.clock(), accept)
            merge.require_unique_keys(customer)
            run.progress("looking up groups", 0, 0)
            sync_groups(run, customer, report.groups)
            sync_items(run, customer, report.items)
            sync_subitems(run, customer, report.subitems)
    except MondayRefusedError:
        raise
    except OrdersError as error:
        report.error = f"{type(error).__name__}: {error}"
    report.seconds = run.elapsed() - started
    return report

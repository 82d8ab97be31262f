"""Checks of the board: nothing is there twice, and nothing is missing. What was compared is in `orders_platform/sync/reconcile.py`."""

import dagster as dg

from orders_platform.database.order_store import Finding
from orders_platform.defs.assets import ORDER_BOARD, POOL, customer_alone, monday_items, monday_subitems
from orders_platform.defs.checks.check_results import ERROR, NOT_CHECKED, WARN, Findings, check_of_run, not_checked
from orders_platform.defs.failures import RETRIES, dagster_failures
from orders_platform.defs.resources import MondayResource, OrdersDatabase
from orders_platform.domain.customers import customer_for
from orders_platform.domain.differences import HARM, Difference
from orders_platform.domain.orders import RowKind
from orders_platform.errors import CustomerBusyError
from orders_platform.sync.reconcile import Depth, reconcile
from orders_platform.sync.results import StageReport

_DIFFERENCES = ("difference between board and database", "differences between board and database")


@check_of_run(monday_items)
def no_item_doubled(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """ERROR when an order that this run sent has two items on the board. It is looked for when the run created or adopted any."""
    return _duplicates(context, "monday_items")


@check_of_run(monday_subitems)
def no_subitem_doubled(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """ERROR when a size that this run sent has two subitems on the board. It is looked for when the run created or adopted any."""
    return _duplicates(context, "monday_subitems")


def _duplicates(context: dg.AssetCheckExecutionContext, asset: str) -> dg.AssetCheckResult:
    customer, reported = customer_for(context.partition_key), _reported(context).get(asset, {})
    if not (reported.get("created") or reported.get("adopted")):
        return not_checked(customer, "This run created nothing, so nothing was looked for.")
    rows, count = reported.get("doubled_rows"), int(str(reported.get("doubled", 0)))
    if not count:
        why = "Nothing that this run sent is on the board twice. What it did not send was not looked for."
        return not_checked(customer, why)
    details = [row.data for row in rows] if isinstance(rows, list) else []
    return Findings(
        [Finding(customer, data) for data in details] or [Finding(customer, {})] * count,
        what=("order or size is on the board twice", "orders or sizes are on the board twice"),
        next_step="`orders-platform verify --repair` keeps the one that the database knows and archives the other.",
        severity=ERROR,
    ).result(customer)


@check_of_run(monday_subitems, pool=POOL, retry_policy=RETRIES)
def board_equals_database(
    context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase, monday: MondayResource
) -> dg.AssetCheckResult:
    """ERROR when an item or subitem of the customer is not where it belongs, or there twice; WARN for one that belongs to no row.

    Ids are compared, when the run sent anything.
    """
    customer = customer_for(context.partition_key)
    if not any(each.get("mutations") for each in _reported(context).values()):
        return not_checked(customer, "This run sent nothing, so nothing was compared.")
    with customer_alone(customer, orders_database) as store:
        run, report = monday.sync_run(store, context.run.run_id, context.log.info), StageReport()
        with run.counted(customer, report):
            seen = reconcile(run, customer, Depth.IDS)
    return Findings(
        [_finding(customer, each) for each in seen.differences],
        what=_DIFFERENCES,
        next_step=" ".join(filter(None, [seen.notice, "`orders-platform verify` names them all, with `--repair` it mends them."])),
        severity=[customer] if any(each.kind in HARM for each in seen.differences) else WARN,
        figures={"items": seen.orders, "items_shown": seen.orders - len(seen.absent(RowKind.ITEMS)),
                 "subitems": seen.lines, "subitems_shown": seen.lines - len(seen.absent(RowKind.SUBITEMS)), "reads": report.reads},
    ).result(customer)  # fmt: skip


@dg.asset_check(asset=ORDER_BOARD, pool=POOL)
def board_shows_values(
    context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase, monday: MondayResource
) -> dg.AssetCheckResult:
    """ERROR when something is not where it belongs or is there twice, WARN when a cell, a name or a group differs: people edit boards.

    Every cell of every customer is compared, one customer after the other.
    """
    found, busy, notices = list[tuple[str, Difference]](), list[str](), list[str]()
    with dagster_failures("board_shows_values"):
        store, customers = orders_database.store, orders_database.store.customers()
        run = monday.sync_run(store, context.run.run_id, context.log.info)
        for customer in customers:
            try:
                with store.lock(customer), run.counted(customer, StageReport()):
                    seen = reconcile(run, customer, Depth.CELLS)
                found += [(customer, each) for each in seen.differences]
                notices += [seen.notice] if seen.notice else []
            except CustomerBusyError:
                busy.append(customer)
    return Findings(
        [_finding(customer, each) for customer, each in found],
        what=_DIFFERENCES,
        next_step=" ".join([*notices, "`orders-platform verify --repair` brings the board to the database."]),
        severity=[customer for customer, each in found if each.kind in HARM],
        figures={"customers_compared": len(customers) - len(busy), NOT_CHECKED: dg.MetadataValue.json(busy)},
    ).result(None)


def _finding(customer: str, each: Difference) -> Finding:
    return Finding(
        customer,
        {"difference": each.kind.value, "order": each.order_key, "size": each.size_code, "id": each.monday_id or 0, "name": each.name,
         "column": each.column, "database": each.database, "board": each.board},
    )  # fmt: skip


def _reported(context: dg.AssetCheckExecutionContext) -> dict[str, dict[str, object]]:
    """What the assets of this run reported, by name."""
    entries = context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {
        made.asset_key.path[-1]: {name: getattr(value, "records", value.value) for name, value in made.metadata.items()}
        for entry in entries
        if (made := entry.asset_materialization)
    }

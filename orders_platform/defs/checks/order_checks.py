"""Checks of the tables: keys, sizes, totals, lines, removals, rows that are stuck or refused, and the age of the load.

The merge refuses most of this by itself: a check here sees what somebody else did to the tables, or where a rule of ours is wrong.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

import dagster as dg

from orders_platform.configuration import Checks
from orders_platform.database.queries import Finding
from orders_platform.defs.assets.monday_assets import ORDER_BOARD
from orders_platform.defs.assets.order_assets import SWP_ORDER_LIST, order_headers, order_lines, order_sizes
from orders_platform.defs.checks.check_results import ERROR, Scope, check_result
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.domain.cell_warnings import WarningGroup, group_warnings
from orders_platform.domain.guards import GuardKind
from orders_platform.domain.needed_runs import stale_loads
from orders_platform.domain.orders import RowProblem
from orders_platform.domain.states import SyncState
from orders_platform.errors import SourceDataError
from orders_platform.settings import Settings


def _rules() -> Checks:
    return Settings().configuration.checks


@dg.asset_check(asset=order_headers, blocking=True)
def keys_unique(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR when two orders share every key column, or two rows one item or subitem: they would overwrite each other on the board."""
    scope = Scope.of(context)
    with dagster_failures(scope.customer or "keys_unique"):
        queries = orders_database.queries
        found = queries.duplicates(scope.names(queries.customers()))
    return check_result(
        found,
        scope=scope,
        what=("key or board id is shared", "keys or board ids are shared"),
        next_step="Nothing more is sent. Look at ORDER_LIST_V2 and ORDER_LIST_LINES: rows were added or changed by hand.",
        severity=ERROR,
    )


@dg.asset_check(asset=order_headers)
def removals_plausible(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR when a customer's last load lacks more of its orders than `max_removed_share`, or all. None of them was removed."""
    return _guard(context, orders_database, GuardKind.VANISHED_ORDERS)


@dg.asset_check(asset=order_headers, blocking=True)
def columns_filled(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR when a column that the board shows, or all sizes, turned blank in more than `max_emptied_share` of a customer's orders.

    The load is not merged.
    """
    return _guard(context, orders_database, GuardKind.EMPTIED_COLUMNS)


def _guard(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase, kind: GuardKind) -> dg.AssetCheckResult:
    """What a guard of the pipeline saw in the last load of each customer."""
    scope = Scope.of(context)
    with dagster_failures(scope.customer or kind):
        guards = orders_database.store.guards(scope.customer)
    acted = [guard for guard in guards if guard.kind is kind and not guard.is_accepted]
    return check_result(
        [Finding(guard.customer, {"guard": guard.message}) for guard in acted],
        scope=scope,
        what=("load that a guard stops", "loads that a guard stops"),
        next_step=f"Correct the load, or accept it once: `orders-platform sync --execute --accept {kind}`, or `accept` in the launchpad.",
        severity=ERROR,
    )


@dg.asset_check(asset=order_sizes, blocking=True)
def sizes_plausible(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR when a column between the size markers is not numeric or a known business column, or when there are too many of them.

    A load whose columns were shifted would send prices as quantities.
    """
    scope, found, sizes = Scope.of(context), [], 0
    with dagster_failures(scope.customer or "sizes_plausible"):
        try:
            sizes = len(orders_database.merge.rules.sizes)
        except SourceDataError as error:
            found = [Finding(scope.customer or "", {"reason": str(error)})]
    return check_result(
        found,
        scope=scope,
        what=("reason to doubt the size columns", "reasons to doubt the size columns"),
        next_step=str(found[0].details["reason"]) if found else "",
        severity=ERROR,
        figures={"sizes": sizes},
    )


@dg.asset_check(asset=order_lines, blocking=True)
def totals_match_sizes(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN when the `TOTAL QTY` of an order, which people type, is not the sum of its sizes.

    ERROR when that is so of more than `max_wrong_totals_share` of a customer's orders: its sizes must be wrong, and nothing is sent.
    """
    scope = Scope.of(context)
    with dagster_failures(scope.customer or "totals_match_sizes"):
        queries = orders_database.queries
        names = scope.names(queries.customers())
        found, orders = queries.wrong_totals(names), queries.order_counts(names)
        guards = orders_database.store.guards(scope.customer)
    shares = {name: count / orders[name] for name, count in Counter(each.customer for each in found).items()}
    stopped = {guard.customer for guard in guards if guard.kind is GuardKind.WRONG_TOTALS and guard.blocks}
    return check_result(
        found,
        scope=scope,
        what=("order whose total is not the sum of its sizes", "orders whose total is not the sum of their sizes"),
        next_step="Were columns shifted in the load? Nothing is sent. Correct it, or accept it once: "
        "`orders-platform sync --execute --accept wrong_totals`, or `accept` in the launchpad."
        if stopped
        else "Correct the order list; they are sent as they are.",
        severity=stopped,
        figures={"worst_share": round(max(shares.values(), default=0.0), 3)},
    )


@dg.asset_check(asset=ORDER_BOARD)
def lines_have_orders(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR when somebody deleted the order of a line. Such a line is of no customer and is never sent."""
    with dagster_failures("lines_have_orders"):
        found = orders_database.queries.lines_without_order()
    return check_result(
        found,
        scope=Scope(),
        what=("line without an order", "lines without an order"),
        next_step="Bring their orders back, or delete the lines; their subitems stay on the board until then.",
        severity=ERROR,
    )


@dg.asset_check(asset=ORDER_BOARD)
def orders_have_rows(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR when an order number has more orders than the load has rows of it: one of them would be on the board without a row.

    Customers whose load is not merged, or of which a guard kept what is missing, are left out.
    """
    with dagster_failures("orders_have_rows"):
        kept = {each.customer for each in orders_database.store.guards() if each.kind is GuardKind.VANISHED_ORDERS}
        stand = orders_database.merge.sync_statuses()
        merged = [
            each.customer for each in stand if each.load is not None and not each.is_changed and each.customer not in kept
        ]
        found = orders_database.queries.surplus_orders(merged)
    return check_result(
        found,
        scope=Scope(),
        what=("order number with more orders than rows", "order numbers with more orders than rows"),
        next_step="Look for them among the invalid rows (unsure_customer): the list does not say whose they are. Else report a defect.",
        severity=ERROR,
    )


@dg.asset_check(asset=ORDER_BOARD)
def no_rows_stuck(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR when a request was not answered for `stuck_pending_minutes`: what it made may be on the board or not.

    WARN when a row waits to be sent for `stuck_new_minutes`.
    """
    rules, now = _rules(), datetime.now(UTC)
    with dagster_failures("no_rows_stuck"):
        found = orders_database.queries.stuck_rows(
            now - timedelta(minutes=rules.stuck_pending_minutes), now - timedelta(minutes=rules.stuck_new_minutes)
        )
    unanswered = [each.customer for each in found if each.details["state"] == SyncState.PENDING]
    pending = len(unanswered)
    return check_result(
        found,
        scope=Scope(),
        what=(f"row is stuck, {pending} PENDING", f"rows are stuck, {pending} of them PENDING"),
        next_step="Start a run of these customers; it looks for them on the board first. If they stay, see ORDER_SYNC_LOG by batch.",
        severity=unanswered,
        figures={"pending": pending, "new": len(found) - pending},
    )


@dg.asset_check(asset=ORDER_BOARD)
def no_rows_failed(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN when our check of its values, or monday, refused an order or a size. The others are on the board."""
    with dagster_failures("no_rows_failed"):
        failed = orders_database.store.row_errors()
    return check_result(
        [_refusal(row) for row in failed],
        scope=Scope(),
        what=("row was refused", "rows were refused"),
        next_step="Correct the order list, and they are sent by themselves; or the configuration, then `orders-platform retry`.",
    )


@dg.asset_check(asset=SWP_ORDER_LIST)
def no_rows_rejected(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN when a staged row could not be merged. The others were merged."""
    with dagster_failures("no_rows_rejected"):
        rejected = orders_database.store.invalid_rows()
    return check_result(
        [_refusal(row) for row in rejected],
        scope=Scope(),
        what=("rejected row", "rejected rows"),
        next_step="Correct the order list; a customer that is missing from [customers] is added there.",
    )


@dg.asset_check(asset=ORDER_BOARD)
def no_cells_left_out(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN when a cell was left out or cut, since its column cannot hold it. Its order is on the board without it."""
    with dagster_failures("no_cells_left_out"):
        warnings = orders_database.queries.cell_warnings()
    return check_result(
        [_left_out(group) for group in group_warnings(warnings)],
        scope=Scope(),
        what=("cell that its column cannot hold", "kinds of cells that their columns cannot hold"),
        next_step="Correct the order list, or add the label on the board; the next run sends it by itself.",
        figures={"cells": len(warnings)},
    )


@dg.asset_check(asset=SWP_ORDER_LIST)
def staging_fresh(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN when the staging table is empty, or when no load changed for `staging_hours`.

    WARN as well when a customer's load differs from what was merged longer ago than that.
    """
    with dagster_failures("staging_fresh"):
        sync_statuses = orders_database.merge.sync_statuses()
    found = stale_loads(sync_statuses, datetime.now(UTC), _rules().staging_hours)
    return check_result(
        [Finding(customer, {"reason": reason}) for customer, reason in found.items()],
        scope=Scope(),
        what=(f"reason to doubt the load: {next(iter(found.values()), '')}", "loads that are not merged"),
        next_step="Look at the job that fills the staging table."
        if "" in found
        else "Look at the last run of these customers, and start one.",
        figures={
            "customers_in_load": sum(each.load is not None for each in sync_statuses),
            "customers_changed": sum(each.is_changed for each in sync_statuses),
        },
    )


def _left_out(group: WarningGroup) -> Finding:
    return Finding(
        group.customer,
        {
            "column": group.column,
            "orders": group.count,
            "examples": ", ".join(group.examples),
            "text": group.text,
            "reason": group.reason,
        },
    )


def _refusal(row: RowProblem) -> Finding:
    return Finding(
        row.customer, {"order": row.order_key, "size": row.size_code, "code": row.code, "reason": row.reason, "rows": row.rows}
    )

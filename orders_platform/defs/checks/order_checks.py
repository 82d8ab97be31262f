"""Checks of the merged tables: keys, sizes, totals, lines.

Belongs here: shells around one read each. Does not belong here: the rules of the merge, which refuses most of this by itself
(`database/`, `sql/`): a check here sees what somebody else did to the tables, or where a rule of ours is wrong.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

import dagster as dg

from orders_platform.database.overview import Finding
from orders_platform.defs.assets.monday_assets import ORDER_BOARD
from orders_platform.defs.assets.order_assets import SWP_ORDER_LIST, order_headers, order_lines, order_sizes
from orders_platform.defs.checks.check_results import ERROR, Scope, verdict
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.domain.orders import RowProblem
from orders_platform.domain.pending_runs import stale_loads
from orders_platform.domain.states import SyncState
from orders_platform.errors import SourceDataError
from orders_platform.operations import Checks
from orders_platform.settings import Settings


@dg.asset_check(
    asset=order_headers, blocking=True, description="No two orders share a key, and no two rows an item or subitem."
)
def keys_unique(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR, blocking: two rows would overwrite each other on the board."""
    scope = Scope.of(context)
    with dagster_failures(scope.customer or "keys_unique"):
        overview = orders_database.overview
        found = overview.repeated(scope.names(overview.customers()))
    return verdict(
        found,
        scope=scope,
        what=("key or board id is shared", "keys or board ids are shared"),
        next_step="Nothing more is sent. Look at ORDER_LIST_V2 and ORDER_LIST_LINES: rows were added or changed by hand.",
        shown=Settings().configuration.checks.shown_rows,
        severity=ERROR,
    )


@dg.asset_check(asset=order_headers, description="No load lacked so many orders that their removal was refused.")
def removals_plausible(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR while a customer's last load lacks more orders than `max_removed_share`; not blocking, as nothing was removed."""
    scope = Scope.of(context)
    with dagster_failures(scope.customer or "removals_plausible"):
        refused = orders_database.store.refused_removals()
    found = [
        Finding(name, {"missing_orders": missing, "rows_read": read}) for name, missing, read in refused if scope.holds(name)
    ]
    return verdict(
        found,
        scope=scope,
        what=("load lacked too many orders", "loads lacked too many orders"),
        next_step="Nothing was removed. Check the load, then raise max_removed_share if it is right.",
        shown=Settings().configuration.checks.shown_rows,
        severity=ERROR,
    )


@dg.asset_check(
    asset=order_sizes, blocking=True, description="The size columns are those between the markers, numeric and not too many."
)
def sizes_plausible(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR, blocking: a load whose columns were shifted would send prices as quantities."""
    scope, found, sizes = Scope.of(context), [], 0
    with dagster_failures(scope.customer or "sizes_plausible"):
        try:
            sizes = len(orders_database.store.rules().sizes)
        except SourceDataError as error:
            found = [Finding(scope.customer or "", {"reason": str(error)})]
    return verdict(
        found,
        scope=scope,
        what=("reason to doubt the size columns", "reasons to doubt the size columns"),
        next_step=f"{found[0].details['reason'] if found else ''}",
        shown=1,
        severity=ERROR,
        figures={"sizes": sizes},
    )


@dg.asset_check(asset=order_lines, blocking=True, description="The total of each order is the sum of its sizes.")
def totals_match_sizes(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN: totals are typed by people. ERROR, blocking, when so many of a customer's are wrong that the sizes must be."""
    scope, rules = Scope.of(context), Settings().configuration.checks
    with dagster_failures(scope.customer or "totals_match_sizes"):
        overview = orders_database.overview
        names = scope.names(overview.customers())
        found, orders = overview.wrong_totals(names), overview.order_counts(names)
    shares = {name: count / orders[name] for name, count in Counter(each.customer for each in found).items()}
    harmed = {name for name, share in shares.items() if share > rules.max_wrong_totals_share}
    return verdict(
        found,
        scope=scope,
        what=("order whose total is not the sum of its sizes", "orders whose total is not the sum of their sizes"),
        next_step="Were columns shifted in the load? No line is sent."
        if harmed
        else "Correct the order list; they are sent as they are.",
        shown=rules.shown_rows,
        severity=harmed,
        figures={"worst_share": round(max(shares.values(), default=0.0), 3)},
    )


@dg.asset_check(asset=ORDER_BOARD, description="Every line has its order.")
def lines_have_orders(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR: somebody deleted orders behind our back. Not blocking: such a line is never sent, and it is of no customer."""
    with dagster_failures("lines_have_orders"):
        found = orders_database.overview.orphan_lines()
    return verdict(
        found,
        scope=Scope(),
        what=("line without an order", "lines without an order"),
        next_step="Bring their orders back, or delete the lines; their subitems stay on the board until then.",
        shown=Settings().configuration.checks.shown_rows,
        severity=ERROR,
    )


def _rules() -> Checks:
    return Settings().configuration.checks


@dg.asset_check(
    asset=ORDER_BOARD, description="No row waits too long: neither for an answer of monday (PENDING) nor to be sent."
)
def no_rows_stuck(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """ERROR when a call was never answered: it may be on the board or not. WARN when rows only wait to be sent."""
    rules, now = _rules(), datetime.now(UTC)
    with dagster_failures("no_rows_stuck"):
        found = orders_database.overview.stuck_rows(
            now - timedelta(minutes=rules.stuck_pending_minutes), now - timedelta(minutes=rules.stuck_new_minutes)
        )
    unanswered = [each.customer for each in found if each.details["state"] == SyncState.PENDING]
    pending = len(unanswered)
    return verdict(
        found,
        scope=Scope(),
        what=(f"row is stuck, {pending} PENDING", f"rows are stuck, {pending} of them PENDING"),
        next_step="Start a run of these customers; it looks for them on the board first. If they stay, see ORDER_SYNC_LOG by batch.",
        shown=rules.shown_rows,
        severity=unanswered,
        figures={"pending": pending, "new": len(found) - pending},
    )


@dg.asset_check(asset=ORDER_BOARD, description="No row was refused on its way to the board.")
def no_rows_failed(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN: the others are on the board."""
    with dagster_failures("no_rows_failed"):
        failed = orders_database.store.failed()
    return verdict(
        [_refusal(row) for row in failed],
        scope=Scope(),
        what=("row was refused", "rows were refused"),
        next_step="Mend the order list, and they are sent by themselves; or the configuration, then `orders-platform retry`.",
        shown=_rules().shown_rows,
    )


@dg.asset_check(asset=SWP_ORDER_LIST, description="Every staged row could be merged.")
def no_rows_rejected(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN: the others were merged."""
    with dagster_failures("no_rows_rejected"):
        rejected = orders_database.store.rejects()
    return verdict(
        [_refusal(row) for row in rejected],
        scope=Scope(),
        what=("rejected row or size", "rejected rows or sizes"),
        next_step="Mend the order list; a customer that is missing from [customers] is added there.",
        shown=_rules().shown_rows,
    )


@dg.asset_check(
    asset=SWP_ORDER_LIST, description="The staging table has rows, some load changed lately, and every changed one is merged."
)
def staging_fresh(orders_database: OrdersDatabase) -> dg.AssetCheckResult:
    """WARN: the load of the workbooks does not run any more, or a customer's is loaded and never merged."""
    rules = _rules()
    with dagster_failures("staging_fresh"):
        sync_statuses = orders_database.overview.sync_statuses()
    found = stale_loads(sync_statuses, datetime.now(UTC), rules.staging_hours)
    return verdict(
        [Finding(customer, {"reason": reason}) for customer, reason in found.items()],
        scope=Scope(),
        what=(f"reason to doubt the load: {next(iter(found.values()), '')}", "loads that are not merged"),
        next_step="Look at the job that fills the staging table."
        if "" in found
        else "Look at the last run of these customers, and start one.",
        shown=rules.shown_rows,
        figures={
            "customers_in_load": sum(each.load is not None for each in sync_statuses),
            "customers_changed": sum(each.is_changed for each in sync_statuses),
        },
    )


def _refusal(row: RowProblem) -> Finding:
    return Finding(
        row.customer, {"order": row.order_key, "size": row.size_code, "code": row.code, "reason": row.reason, "rows": row.rows}
    )

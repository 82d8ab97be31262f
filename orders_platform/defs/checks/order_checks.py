"""Checks of the merged tables: keys, sizes, totals, lines.

Belongs here: shells around one read each. Does not belong here: the rules of the merge, which refuses most of this by itself
(`database/`, `sql/`): a check here sees what somebody else did to the tables, or where a rule of ours is wrong.
"""

from collections import Counter

import dagster as dg

from orders_platform.database.overview import Finding
from orders_platform.defs.assets.monday_assets import ORDER_BOARD
from orders_platform.defs.assets.order_assets import order_headers, order_lines, order_sizes
from orders_platform.defs.checks.check_results import ERROR, Scope, verdict
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.errors import SourceDataError
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

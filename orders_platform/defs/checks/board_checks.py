"""Checks of the board: nothing twice, and nothing missing.

Belongs here: shells around the sweep's figures, the comparison of ids and the one of values. Does not belong here: those comparisons
(`sync/`).
"""

import dagster as dg

from orders_platform.database.ledger import Ledger
from orders_platform.database.overview import Finding
from orders_platform.defs.assets.monday_assets import ORDER_BOARD, POOL, monday_items, monday_subitems
from orders_platform.defs.assets.order_assets import customer_alone
from orders_platform.defs.checks.check_results import ERROR, SETTLES, UNSEEN, WARN, Scope, not_judged, verdict
from orders_platform.defs.failures import RETRIES, dagster_failures
from orders_platform.defs.resources import MondayResource, OrdersDatabase
from orders_platform.domain.differences import Difference, DifferenceKind
from orders_platform.errors import CustomerBusyError
from orders_platform.settings import Settings
from orders_platform.sync.presence import compare_presence
from orders_platform.sync.reconcile import verify_customer
from orders_platform.sync.results import StageReport

_SWEEPS = ("no_item_doubled", "no_subitem_doubled")
_HARM = {DifferenceKind.MISSING, DifferenceKind.DOUBLED}
_NOTHING_CREATED = "This run created nothing, so nothing was looked for."
_ALL_SENT_ONCE = "Nothing that this run sent is there twice. What it did not send was not looked at."
_NOTHING_SENT = "This run sent nothing, so nothing was compared."


@dg.asset_check(asset=monday_items, description="Nothing that this run sent is an item twice.")
def no_item_doubled(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """ERROR: the promise is broken, or somebody copied an item. What the sweep at the end of the stage found."""
    return _doubled(context, "monday_items")


@dg.asset_check(asset=monday_subitems, description="Nothing that this run sent is a subitem twice.")
def no_subitem_doubled(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """ERROR: the promise is broken, or somebody copied a subitem. What the sweep at the end of the stage found."""
    return _doubled(context, "monday_subitems")


def _doubled(context: dg.AssetCheckExecutionContext, asset: str) -> dg.AssetCheckResult:
    scope, reported = Scope.of(context), _reported(context).get(asset, {})
    if not (reported.get("created") or reported.get("adopted")):
        return not_judged(scope, _NOTHING_CREATED)
    rows = reported.get("doubled_rows", [])
    count = int(str(reported.get("doubled", 0)))
    if not count:
        return not_judged(scope, _ALL_SENT_ONCE)
    details = [row.data for row in rows] if isinstance(rows, list) else []
    found = [Finding(scope.customer or "", data) for data in details] or [Finding(scope.customer or "", {})] * count
    return verdict(
        found,
        scope=scope,
        what=("order or size is on the board twice", "orders or sizes are on the board twice"),
        next_step="`orders-platform verify --repair` keeps the one that the database knows and archives the other.",
        shown=Settings().configuration.checks.shown_rows,
        severity=ERROR,
    )


@dg.asset_check(
    asset=monday_subitems, pool=POOL, retry_policy=RETRIES, description="The ids on the board are those in the database."
)
def board_equals_database(
    context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase, monday: MondayResource
) -> dg.AssetCheckResult:
    """ERROR when something is missing, WARN for items that are nobody's. Ids and counts only, of a run that sent something."""
    scope = Scope.of(context)
    if scope.customer is None or not any(each.get("mutations") for each in _reported(context).values()):
        return not_judged(scope, _NOTHING_SENT)
    configuration = Settings().configuration
    with customer_alone(scope.customer, orders_database) as store:
        run, report = monday.sync_run(store, context.run.run_id, context.log.info), StageReport()
        with run.counted(scope.customer, report):
            seen = compare_presence(run, Ledger(store, configuration), scope.customer)
    return verdict(
        [_finding(scope.customer, each) for each in seen.differences],
        scope=scope,
        what=("difference between board and database", "differences between board and database"),
        next_step="`orders-platform verify` names them all, with `--repair` it mends them.",
        shown=configuration.checks.shown_rows,
        severity=[scope.customer] if any(each.kind in _HARM for each in seen.differences) else WARN,
        figures={"items": seen.items, "items_shown": seen.items_shown, "subitems": seen.subitems, "subitems_shown": seen.subitems_shown,
                 "reads": report.reads},
    )  # fmt: skip


@dg.asset_check(asset=ORDER_BOARD, pool=POOL, description="Every cell of every row on the board shows what the database says.")
def board_shows_values(
    context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase, monday: MondayResource
) -> dg.AssetCheckResult:
    """ERROR when something is missing or doubled, WARN for other values: people edit boards. One customer after the other."""
    configuration, found, skipped = Settings().configuration, list[tuple[str, Difference]](), list[str]()
    with dagster_failures("board_shows_values"):
        store = orders_database.store
        customers = orders_database.overview.customers()
        run, ledger = monday.sync_run(store, context.run.run_id, context.log.info), Ledger(store, configuration)
        for customer in customers:
            try:
                with store.lock(customer), run.counted(customer, StageReport()):
                    found += [(customer, each) for each in verify_customer(run, ledger, customer).differences]
            except CustomerBusyError:
                skipped.append(customer)
    return verdict(
        [_finding(customer, each) for customer, each in found],
        scope=Scope(),
        what=("difference between board and database", "differences between board and database"),
        next_step="`orders-platform verify --repair` brings the board to the database.",
        shown=configuration.checks.shown_rows,
        severity=[customer for customer, each in found if each.kind in _HARM],
        figures={
            "customers_compared": len(customers) - len(skipped),
            UNSEEN: dg.MetadataValue.json(skipped),
            SETTLES: dg.MetadataValue.json(dict.fromkeys(_SWEEPS, _doubled_customers(found))),
        },
    )


def _doubled_customers(found: list[tuple[str, Difference]]) -> list[str]:
    return sorted({customer for customer, each in found if each.kind is DifferenceKind.DOUBLED})


def _finding(customer: str, each: Difference) -> Finding:
    return Finding(
        customer,
        {"difference": each.kind.value, "order": each.order_key, "size": each.size_code, "id": each.monday_id or 0, "name": each.name,
         "column": each.column, "database": each.database, "board": each.board},
    )  # fmt: skip


def _reported(context: dg.AssetCheckExecutionContext) -> dict[str, dict[str, object]]:
    """What the assets of this run reported, by name."""
    entries = context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    reported: dict[str, dict[str, object]] = {}
    for entry in entries:
        made = entry.asset_materialization
        if made is not None:
            values = {name: getattr(value, "records", value.value) for name, value in made.metadata.items()}
            reported[made.asset_key.path[-1]] = values
    return reported

"""The asset checks: what must hold of the tables and the board; docs/reference/checks.md has the list.

A check is a function whose docstring is what people read in Dagster and in that list. From its findings follow whether it passed, whose
they are, how many, what next, and a table of the first of them; alerts read that again. A check that a customer's run makes is
partitioned by customer. Dagster shows a check as not evaluated once its asset was materialised after it, so what the jobs check of all
customers is about an asset that no run materialises: the staging table, or the board as people see it.

The merge refuses most of this by itself: a check here sees what somebody else did to the tables, or where a rule of ours is wrong. What was
compared of the board is in `orders_platform/sync/reconcile.py`.
"""

import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from orders_platform.database.order_store import Finding
from orders_platform.defs import assets
from orders_platform.defs.assets import ORDER_BOARD, POOL, SWP_ORDER_LIST
from orders_platform.defs.failures import RETRIES, dagster_failures
from orders_platform.defs.resources import CUSTOMERS, MondayResource, OrdersDatabase
from orders_platform.domain.customers import customer_for
from orders_platform.domain.differences import HARM, Difference
from orders_platform.domain.guards import GuardKind
from orders_platform.domain.needed_runs import stale_loads
from orders_platform.domain.orders import RowKind, RowProblem, SyncState, group_warnings
from orders_platform.domain.text import counted, few
from orders_platform.errors import CustomerBusyError, SourceDataError
from orders_platform.settings import Settings
from orders_platform.sync.reconcile import reconcile
from orders_platform.sync.results import StageReport

WARN = dg.AssetCheckSeverity.WARN
ERROR = dg.AssetCheckSeverity.ERROR

COUNTS, ERRORS, NOT_CHECKED = "customers", "errors", "not_checked"
"""Metadata that alerts read: findings by customer, customers with an ERROR, customers of whom it says nothing."""
NOBODY = "(no customer)"
_NAMED = 5


def check_of_run(
    asset: dg.AssetsDefinition, **options: Any
) -> Callable[[Callable[..., dg.AssetCheckResult]], dg.AssetChecksDefinition]:
    """A check that a customer's run makes, partitioned as its asset is: no customer's verdict hides that of another.

    Dagster 1.13 calls the partitions of a check a preview, and warns of each.
    """

    def made(check: Callable[..., dg.AssetCheckResult]) -> dg.AssetChecksDefinition:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.PreviewWarning)
            return dg.asset_check(asset=asset, partitions_def=CUSTOMERS, **options)(check)

    return made


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found; it passes when there is nothing."""

    found: Sequence[Finding]  # everything that is wrong; the first `shown_rows` of them are shown as a table
    next_step: str  # what people should do
    figures: "Mapping[str, dg.RawMetadataValue]" = field(default_factory=dict)
    errors: Collection[str] | None = None  # the customers of whom it is an ERROR, while it is a WARN of the others
    more: str = ""  # what there is to say of them behind their number

    def result(
        self, customer: str | None, what: tuple[str, str], severity: dg.AssetCheckSeverity = WARN
    ) -> dg.AssetCheckResult:
        """For Dagster; the check was about this customer, or about everybody. `what` they are, for one and for several."""
        counts = Counter(each.customer or NOBODY for each in self.found)
        theirs = {name or NOBODY for name in self.errors or ()} if self.errors is not None or severity is WARN else {*counts}
        errors = [name for name in counts if name in theirs]
        worst = severity if self.errors is None else ERROR if errors else WARN
        figures: dict[str, dg.RawMetadataValue] = {"found": len(self.found), **self.figures}
        if customer is not None:  # as numbers Dagster would draw one line through those of all customers
            figures = {name: str(each) if isinstance(each, int | float) else each for name, each in figures.items()}
        metadata = {COUNTS: dg.MetadataValue.json(dict(counts.most_common())), **figures}
        if not self.found:
            return dg.AssetCheckResult(passed=True, severity=worst, metadata=metadata)
        shown = self.found[: Settings().configuration.checks.shown_rows]
        metadata[ERRORS] = dg.MetadataValue.json(errors)
        rows = [dg.TableRecord({"customer": each.customer, **each.details}) for each in shown]
        metadata["rows"] = dg.MetadataValue.table(rows)
        whose = [f"{name} {count}" for name, count in counts.most_common()]
        words = f"{counted(len(self.found), *what)}{self.more} ({few(whose, _NAMED)}). {self.next_step}"
        return dg.AssetCheckResult(passed=False, severity=worst, description=words, metadata=metadata)


def not_checked(customer: str, why: str) -> dg.AssetCheckResult:
    """Passed, though the check says nothing of the customer: alerts do not take it for a recovery."""
    return dg.AssetCheckResult(passed=True, description=why, metadata={NOT_CHECKED: dg.MetadataValue.json([customer])})


Question = Callable[[OrdersDatabase, str | None], Findings]
"""What a check finds wrong with a customer, or with all of them (None)."""


def order_check(
    severity: dg.AssetCheckSeverity,
    one: str,
    several: str,
    *,
    asset: dg.AssetKey = ORDER_BOARD,
    in_run_of: dg.AssetsDefinition | None = None,
    blocking: bool = False,
) -> Callable[[Question], list[dg.AssetChecksDefinition]]:
    """Make checks of a question to the order database, with its name and docstring: of all customers, about an asset that no run makes.

    And of each customer, made by the run that makes the other asset. Both are one topic of the alerts. `one` or `several` are found.
    """

    def made(ask: Question) -> list[dg.AssetChecksDefinition]:
        def check(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
            customer = customer_for(context.partition_key) if context.has_partition_key else None
            with dagster_failures(customer or ask.__name__):
                found = ask(orders_database, customer)
            return found.result(customer, (one, several), severity)

        named: dict[str, Any] = {"name": ask.__name__, "description": inspect.getdoc(ask)}
        of_run = [check_of_run(in_run_of, blocking=blocking, **named)(check)] if in_run_of else []
        return [*of_run, dg.asset_check(asset=asset, **named)(check)]

    return made


_STOPPED = ("load that a guard stops", "loads that a guard stops")


@order_check(ERROR, "key or board id is shared", "keys or board ids are shared", in_run_of=assets.order_headers, blocking=True)
def keys_unique(database: OrdersDatabase, customer: str | None) -> Findings:
    """ERROR when two orders share every key column, or two rows one item or subitem: they would overwrite each other on the board."""
    next_step = "Nothing more is sent. Look at ORDER_LIST_V2 and ORDER_LIST_LINES: rows were added or changed by hand."
    return Findings(database.store.duplicates(_named(database, customer)), next_step)


@order_check(ERROR, *_STOPPED, in_run_of=assets.order_headers)
def removals_plausible(database: OrdersDatabase, customer: str | None) -> Findings:
    """ERROR when a customer's last load lacks more of its orders than `max_removed_share`, or all. None of them was removed."""
    return _guards(database, customer, GuardKind.VANISHED_ORDERS)


@order_check(ERROR, *_STOPPED, in_run_of=assets.order_headers, blocking=True)
def columns_filled(database: OrdersDatabase, customer: str | None) -> Findings:
    """ERROR when a column that the board shows, or all sizes, turned blank in more than `max_emptied_share` of a customer's orders.

    The load is not merged.
    """
    return _guards(database, customer, GuardKind.EMPTIED_COLUMNS)


_DOUBTS = ("reason to doubt the size columns", "reasons to doubt the size columns")


@order_check(ERROR, *_DOUBTS, in_run_of=assets.order_sizes, blocking=True)
def sizes_plausible(database: OrdersDatabase, customer: str | None) -> Findings:
    """ERROR when a column between the size markers is not numeric or a known business column, or when there are too many of them.

    A load whose columns were shifted would send prices as quantities.
    """
    try:
        return Findings([], "", {"sizes": len(database.merge.rules.sizes)})
    except SourceDataError as error:
        return Findings([Finding(customer or "", {"reason": str(error)})], str(error), {"sizes": 0})


_WRONG_TOTALS = ("order whose total is not the sum of its sizes", "orders whose total is not the sum of their sizes")


@order_check(WARN, *_WRONG_TOTALS, in_run_of=assets.order_lines, blocking=True)
def totals_match_sizes(database: OrdersDatabase, customer: str | None) -> Findings:
    """WARN when the total of an order, which people type, is not the sum of its sizes.

    ERROR when that is so of more than `max_wrong_totals_share` of a customer's orders: its sizes must be wrong, and nothing is sent.
    """
    names = _named(database, customer)
    found, shares = database.store.wrong_totals(names), database.store.wrong_totals_shares(names)
    guards = database.store.guards(customer)
    stopped = {guard.customer for guard in guards if guard.kind is GuardKind.WRONG_TOTALS and guard.blocks}
    next_step = "Correct the order list; they are sent as they are."
    if stopped:
        next_step = f"Were columns shifted in the load? Nothing is sent. {_correct_or_accept(GuardKind.WRONG_TOTALS)}"
    return Findings(found, next_step, {"worst_share": round(max(shares.values(), default=0.0), 3)}, stopped)


@order_check(ERROR, "line without an order", "lines without an order")
def lines_have_orders(database: OrdersDatabase, _: str | None) -> Findings:
    """ERROR when somebody deleted the order of a line. Such a line is of no customer and is never sent."""
    next_step = "Bring their orders back, or delete the lines; their subitems stay on the board until then."
    return Findings(database.store.lines_without_order(), next_step)


@order_check(ERROR, "order number with more orders than rows", "order numbers with more orders than rows")
def orders_have_rows(database: OrdersDatabase, _: str | None) -> Findings:
    """ERROR when an order number has more orders than the load has rows of it: one of them would be on the board without a row.

    Customers whose load is not merged, or of which a guard kept what is missing, are left out.
    """
    kept = {each.customer for each in database.store.guards() if each.kind is GuardKind.VANISHED_ORDERS}
    stand = database.merge.sync_statuses()
    merged = [each.customer for each in stand if each.load is not None and not each.is_changed and each.customer not in kept]
    next_step = (
        "Look for them among the invalid rows (unsure_customer): the list does not say whose they are. Else report a defect."
    )
    return Findings(database.store.surplus_orders(merged), next_step)


@order_check(WARN, "row is stuck", "rows are stuck")
def no_rows_stuck(database: OrdersDatabase, _: str | None) -> Findings:
    """ERROR when a request was not answered for `stuck_pending_minutes`: what it made may be on the board or not.

    WARN when a row waits to be sent for `stuck_new_minutes`. Customers that are paused are left out.
    """
    rules, now = Settings().configuration.checks, datetime.now(UTC)
    minutes = (rules.stuck_pending_minutes, rules.stuck_new_minutes)
    found = database.store.stuck_rows(*(now - timedelta(minutes=each) for each in minutes))
    unanswered = [each.customer for each in found if each.details["state"] == SyncState.PENDING]
    pending, paused = len(unanswered), sorted(database.store.paused())
    next_step = (
        "Start a run of these customers; it looks for them on the board first. If they stay, see ORDER_SYNC_LOG by batch."
    )
    figures = {"pending": pending, "new": len(found) - pending, NOT_CHECKED: dg.MetadataValue.json(paused)}
    return Findings(found, next_step, figures, unanswered, f", {pending} of them PENDING")


@order_check(WARN, "row was refused", "rows were refused")
def no_rows_failed(database: OrdersDatabase, _: str | None) -> Findings:
    """WARN when our check of its values, or monday, refused an order or a size. The others are on the board."""
    next_step = "Correct the order list, and they are sent by themselves; or the configuration, then `orders-platform retry`."
    return Findings(_refusals(database.store.row_errors()), next_step)


@order_check(WARN, "rejected row", "rejected rows", asset=SWP_ORDER_LIST)
def no_rows_rejected(database: OrdersDatabase, _: str | None) -> Findings:
    """WARN when a staged row could not be merged, or an order file was refused. The others were merged."""
    next_step = "Correct the order list; a customer that is missing from [customers] is added there."
    return Findings(_refusals(database.store.invalid_rows()), next_step)


@order_check(WARN, "cell that its column cannot hold", "kinds of cells that their columns cannot hold")
def no_cells_left_out(database: OrdersDatabase, _: str | None) -> Findings:
    """WARN when a cell was left out or cut, since its column cannot hold it. Its order is on the board without it."""
    warnings = database.store.cell_warnings()
    found = [
        Finding(each.customer, {"column": each.column, "orders": each.count, "examples": ", ".join(each.examples),
                                "text": each.text, "reason": each.reason})
        for each in group_warnings(warnings)
    ]  # fmt: skip
    next_step = "Correct the order list, or add the label on the board; the next run sends it by itself."
    return Findings(found, next_step, {"cells": len(warnings)})


@order_check(WARN, "reason to doubt the load", "loads that are not merged", asset=SWP_ORDER_LIST)
def staging_fresh(database: OrdersDatabase, _: str | None) -> Findings:
    """WARN when the staging table is empty, or when no load changed for `staging_hours`.

    WARN as well when a customer's load differs from what was merged longer ago than that.
    """
    stand = database.merge.sync_statuses()
    stale = stale_loads(stand, datetime.now(UTC), Settings().configuration.checks.staging_hours)
    in_load, changed = sum(each.load is not None for each in stand), sum(each.is_changed for each in stand)
    look = "the job that fills the staging table." if "" in stale else "the last run of these customers, and start one."
    found, why = [Finding(name, {"reason": reason}) for name, reason in stale.items()], next(iter(stale.values()), "")
    figures = {"customers_in_load": in_load, "customers_changed": changed}
    return Findings(found, f"Look at {look}", figures, more=f": {why}" if len(stale) == 1 else "")


def _named(database: OrdersDatabase, customer: str | None) -> Sequence[str]:
    return [customer] if customer is not None else database.store.customers()


def _guards(database: OrdersDatabase, customer: str | None, kind: GuardKind) -> Findings:
    """What a guard of the pipeline saw in the last load of each customer."""
    acted = [guard for guard in database.store.guards(customer) if guard.kind is kind and not guard.is_accepted]
    return Findings([Finding(guard.customer, {"guard": guard.message}) for guard in acted], _correct_or_accept(kind))


def _correct_or_accept(kind: GuardKind) -> str:
    return (
        f"Correct the load, or accept it once: `accept: [{kind}]` under run_options in the launchpad of sync_customer, "
        f"or `orders-platform sync --execute --customer NAME --accept {kind}`."
    )


def _refusals(rows: Sequence[RowProblem]) -> list[Finding]:
    return [
        Finding(row.customer, {"order": row.order_key, "size": row.size_code, "code": row.code, "reason": row.reason, "rows": row.rows})
        for row in rows
    ]  # fmt: skip


_DOUBLED = ("order or size is on the board twice", "orders or sizes are on the board twice")
_DIFFERENCES = ("difference between board and database", "differences between board and database")


@check_of_run(assets.monday_items)
def no_item_doubled(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """ERROR when an order that this run sent has two items on the board. It is looked for when the run created or adopted any."""
    return _duplicates(context, "monday_items")


@check_of_run(assets.monday_subitems)
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
    found = [Finding(customer, data) for data in details] or [Finding(customer, {})] * count
    next_step = "`orders-platform verify --repair` keeps the one that the database knows and archives the other."
    return Findings(found, next_step).result(customer, _DOUBLED, ERROR)


@check_of_run(assets.monday_subitems, pool=POOL, retry_policy=RETRIES)
def board_equals_database(
    context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase, monday: MondayResource
) -> dg.AssetCheckResult:
    """ERROR when an item or subitem of the customer is not where it belongs, or there twice; WARN for one that belongs to no row.

    Ids are compared, when the run sent anything.
    """
    customer = customer_for(context.partition_key)
    if not any(each.get("mutations") for each in _reported(context).values()):
        return not_checked(customer, "This run sent nothing, so nothing was compared.")
    with assets.customer_alone(customer, orders_database) as store:
        run, report = monday.sync_run(store, context.run.run_id, context.log.info), StageReport()
        with run.counted(customer, report):
            seen = reconcile(run, customer, cells=False)
    next_step = " ".join(filter(None, [seen.notice, "`orders-platform verify` names them all, with `--repair` it mends them."]))
    figures = {"items": seen.orders, "items_shown": seen.orders - len(seen.absent(RowKind.ITEMS)), "subitems": seen.lines,
               "subitems_shown": seen.lines - len(seen.absent(RowKind.SUBITEMS)), "reads": report.reads}  # fmt: skip
    severity = ERROR if any(each.kind in HARM for each in seen.differences) else WARN
    return Findings([_finding(customer, each) for each in seen.differences], next_step, figures).result(
        customer, _DIFFERENCES, severity
    )


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
                    seen = reconcile(run, customer, cells=True)
                found += [(customer, each) for each in seen.differences]
                notices += [seen.notice] if seen.notice else []
            except CustomerBusyError:
                busy.append(customer)
    next_step = " ".join([*notices, "`orders-platform verify --repair` brings the board to the database."])
    figures = {"customers_compared": len(customers) - len(busy), NOT_CHECKED: dg.MetadataValue.json(busy)}
    harmed = [customer for customer, each in found if each.kind in HARM]
    return Findings([_finding(customer, each) for customer, each in found], next_step, figures, harmed).result(
        None, _DIFFERENCES
    )


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


ALL = [
    check
    for each in tuple(globals().values())
    for check in (each if isinstance(each, list) else [each])
    if isinstance(check, dg.AssetChecksDefinition)
]
OF_A_RUN = [each for each in ALL if all(spec.partitions_def for spec in each.check_specs)]
"""Made by the run of a customer, of that customer."""

OF_WAITING_ROWS = [*no_rows_stuck]  # made by the job `check_waiting_rows`
OF_VALUES = [board_shows_values]  # made by the job `verify_boards`, which reads every cell
OF_ALL_CUSTOMERS = [each for each in ALL if each not in [*OF_A_RUN, *OF_WAITING_ROWS, *OF_VALUES]]
"""Made by the job `check_orders`, over all customers at once, so that a customer that does not run any more is noticed."""

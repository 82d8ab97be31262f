"""Checks of the tables: keys, sizes, totals, lines, removals, rows that are stuck or refused, and the age of the load.

The merge refuses most of this by itself: a check here sees what somebody else did to the tables, or where a rule of ours is wrong.
"""

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from orders_platform.database.order_store import Finding
from orders_platform.defs.assets import ORDER_BOARD, SWP_ORDER_LIST, order_headers, order_lines, order_sizes
from orders_platform.defs.checks.check_results import ERROR, NOT_CHECKED, Findings, check_of_run
from orders_platform.defs.failures import dagster_failures
from orders_platform.defs.resources import OrdersDatabase
from orders_platform.domain.customers import customer_for
from orders_platform.domain.guards import GuardKind
from orders_platform.domain.needed_runs import stale_loads
from orders_platform.domain.orders import RowProblem, SyncState, group_warnings
from orders_platform.errors import SourceDataError
from orders_platform.settings import Settings

Question = Callable[[OrdersDatabase, str | None], Findings]
"""What a check finds wrong with a customer, or with all of them (None)."""


def order_check(
    asset: dg.AssetKey = ORDER_BOARD, *, in_run_of: dg.AssetsDefinition | None = None, blocking: bool = False
) -> Callable[[Question], list[dg.AssetChecksDefinition]]:
    """Make checks of a question to the order database, with its name and docstring: of all customers, about an asset that no run makes.

    And of each customer, made by the run that makes the other asset. Both are one topic of the alerts.
    """

    def made(ask: Question) -> list[dg.AssetChecksDefinition]:
        def check(context: dg.AssetCheckExecutionContext, orders_database: OrdersDatabase) -> dg.AssetCheckResult:
            customer = customer_for(context.partition_key) if context.has_partition_key else None
            with dagster_failures(customer or ask.__name__):
                found = ask(orders_database, customer)
            return found.result(customer)

        named: dict[str, Any] = {"name": ask.__name__, "description": inspect.getdoc(ask)}
        of_run = [check_of_run(in_run_of, blocking=blocking, **named)(check)] if in_run_of else []
        return [*of_run, dg.asset_check(asset=asset, **named)(check)]

    return made


@order_check(in_run_of=order_headers, blocking=True)
def keys_unique(database: OrdersDatabase, customer: str | None) -> Findings:
    """ERROR when two orders share every key column, or two rows one item or subitem: they would overwrite each other on the board."""
    return Findings(
        database.store.duplicates(_named(database, customer)),
        what=("key or board id is shared", "keys or board ids are shared"),
        next_step="Nothing more is sent. Look at ORDER_LIST_V2 and ORDER_LIST_LINES: rows were added or changed by hand.",
        severity=ERROR,
    )


@order_check(in_run_of=order_headers)
def removals_plausible(database: OrdersDatabase, customer: str | None) -> Findings:
    """ERROR when a customer's last load lacks more of its orders than `max_removed_share`, or all. None of them was removed."""
    return _guards(database, customer, GuardKind.VANISHED_ORDERS)


@order_check(in_run_of=order_headers, blocking=True)
def columns_filled(database: OrdersDatabase, customer: str | None) -> Findings:
    """ERROR when a column that the board shows, or all sizes, turned blank in more than `max_emptied_share` of a customer's orders.

    The load is not merged.
    """
    return _guards(database, customer, GuardKind.EMPTIED_COLUMNS)


@order_check(in_run_of=order_sizes, blocking=True)
def sizes_plausible(database: OrdersDatabase, customer: str | None) -> Findings:
    """ERROR when a column between the size markers is not numeric or a known business column, or when there are too many of them.

    A load whose columns were shifted would send prices as quantities.
    """
    try:
        sizes, doubt = len(database.merge.rules.sizes), ""
    except SourceDataError as error:
        sizes, doubt = 0, str(error)
    return Findings(
        [Finding(customer or "", {"reason": doubt})] if doubt else [],
        what=("reason to doubt the size columns", "reasons to doubt the size columns"),
        next_step=doubt,
        severity=ERROR,
        figures={"sizes": sizes},
    )


@order_check(in_run_of=order_lines, blocking=True)
def totals_match_sizes(database: OrdersDatabase, customer: str | None) -> Findings:
    """WARN when the total of an order, which people type, is not the sum of its sizes.

    ERROR when that is so of more than `max_wrong_totals_share` of a customer's orders: its sizes must be wrong, and nothing is sent.
    """
    names = _named(database, customer)
    found, orders = database.store.wrong_totals(names), database.store.order_counts(names)
    shares = [count / orders[name] for name, count in Counter(each.customer for each in found).items()]
    guards = database.store.guards(customer)
    stopped = {guard.customer for guard in guards if guard.kind is GuardKind.WRONG_TOTALS and guard.blocks}
    return Findings(
        found,
        what=("order whose total is not the sum of its sizes", "orders whose total is not the sum of their sizes"),
        next_step=f"Were columns shifted in the load? Nothing is sent. {_correct_or_accept(GuardKind.WRONG_TOTALS)}"
        if stopped
        else "Correct the order list; they are sent as they are.",
        severity=stopped,
        figures={"worst_share": round(max(shares, default=0.0), 3)},
    )


@order_check()
def lines_have_orders(database: OrdersDatabase, _: str | None) -> Findings:
    """ERROR when somebody deleted the order of a line. Such a line is of no customer and is never sent."""
    return Findings(
        database.store.lines_without_order(),
        what=("line without an order", "lines without an order"),
        next_step="Bring their orders back, or delete the lines; their subitems stay on the board until then.",
        severity=ERROR,
    )


@order_check()
def orders_have_rows(database: OrdersDatabase, _: str | None) -> Findings:
    """ERROR when an order number has more orders than the load has rows of it: one of them would be on the board without a row.

    Customers whose load is not merged, or of which a guard kept what is missing, are left out.
    """
    kept = {each.customer for each in database.store.guards() if each.kind is GuardKind.VANISHED_ORDERS}
    stand = database.merge.sync_statuses()
    merged = [each.customer for each in stand if each.load is not None and not each.is_changed and each.customer not in kept]
    return Findings(
        database.store.surplus_orders(merged),
        what=("order number with more orders than rows", "order numbers with more orders than rows"),
        next_step="Look for them among the invalid rows (unsure_customer): the list does not say whose they are. Else report a defect.",
        severity=ERROR,
    )


@order_check()
def no_rows_stuck(database: OrdersDatabase, _: str | None) -> Findings:
    """ERROR when a request was not answered for `stuck_pending_minutes`: what it made may be on the board or not.

    WARN when a row waits to be sent for `stuck_new_minutes`. Customers that are paused are left out.
    """
    rules, now = Settings().configuration.checks, datetime.now(UTC)
    minutes = (rules.stuck_pending_minutes, rules.stuck_new_minutes)
    found = database.store.stuck_rows(*(now - timedelta(minutes=each) for each in minutes))
    unanswered = [each.customer for each in found if each.details["state"] == SyncState.PENDING]
    pending, paused = len(unanswered), sorted(database.store.paused())
    return Findings(
        found,
        what=(f"row is stuck, {pending} PENDING", f"rows are stuck, {pending} of them PENDING"),
        next_step="Start a run of these customers; it looks for them on the board first. If they stay, see ORDER_SYNC_LOG by batch.",
        severity=unanswered,
        figures={"pending": pending, "new": len(found) - pending, NOT_CHECKED: dg.MetadataValue.json(paused)},
    )


@order_check()
def no_rows_failed(database: OrdersDatabase, _: str | None) -> Findings:
    """WARN when our check of its values, or monday, refused an order or a size. The others are on the board."""
    return Findings(
        _refusals(database.store.row_errors()),
        what=("row was refused", "rows were refused"),
        next_step="Correct the order list, and they are sent by themselves; or the configuration, then `orders-platform retry`.",
    )


@order_check(SWP_ORDER_LIST)
def no_rows_rejected(database: OrdersDatabase, _: str | None) -> Findings:
    """WARN when a staged row could not be merged, or an order file was refused. The others were merged."""
    return Findings(
        _refusals(database.store.invalid_rows()),
        what=("rejected row", "rejected rows"),
        next_step="Correct the order list; a customer that is missing from [customers] is added there.",
    )


@order_check()
def no_cells_left_out(database: OrdersDatabase, _: str | None) -> Findings:
    """WARN when a cell was left out or cut, since its column cannot hold it. Its order is on the board without it."""
    warnings = database.store.cell_warnings()
    return Findings(
        [
            Finding(each.customer, {"column": each.column, "orders": each.count, "examples": ", ".join(each.examples),
                                    "text": each.text, "reason": each.reason})
            for each in group_warnings(warnings)
        ],
        what=("cell that its column cannot hold", "kinds of cells that their columns cannot hold"),
        next_step="Correct the order list, or add the label on the board; the next run sends it by itself.",
        figures={"cells": len(warnings)},
    )  # fmt: skip


@order_check(SWP_ORDER_LIST)
def staging_fresh(database: OrdersDatabase, _: str | None) -> Findings:
    """WARN when the staging table is empty, or when no load changed for `staging_hours`.

    WARN as well when a customer's load differs from what was merged longer ago than that.
    """
    stand = database.merge.sync_statuses()
    found = stale_loads(stand, datetime.now(UTC), Settings().configuration.checks.staging_hours)
    in_load, changed = sum(each.load is not None for each in stand), sum(each.is_changed for each in stand)
    look = "the job that fills the staging table." if "" in found else "the last run of these customers, and start one."
    return Findings(
        [Finding(name, {"reason": reason}) for name, reason in found.items()],
        what=(f"reason to doubt the load: {next(iter(found.values()), '')}", "loads that are not merged"),
        next_step=f"Look at {look}",
        figures={"customers_in_load": in_load, "customers_changed": changed},
    )


def _named(database: OrdersDatabase, customer: str | None) -> Sequence[str]:
    return [customer] if customer is not None else database.store.customers()


def _guards(database: OrdersDatabase, customer: str | None, kind: GuardKind) -> Findings:
    """What a guard of the pipeline saw in the last load of each customer."""
    acted = [guard for guard in database.store.guards(customer) if guard.kind is kind and not guard.is_accepted]
    return Findings(
        [Finding(guard.customer, {"guard": guard.message}) for guard in acted],
        what=("load that a guard stops", "loads that a guard stops"),
        next_step=_correct_or_accept(kind),
        severity=ERROR,
    )


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

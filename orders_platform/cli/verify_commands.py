"""The commands that look back: `verify`, `history`, `housekeeping`.

Belongs here: those commands, what they ask and show. Does not belong here: comparing and repairing (`sync/`), the group itself
(`cli.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import click

from orders_platform.build import open_board, open_store, sync_rules
from orders_platform.cli import output as console
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.database.queries import Queries
from orders_platform.domain.differences import Difference, DifferenceKind, ExpectedRow
from orders_platform.domain.history import ADOPT, RowHistory
from orders_platform.domain.orders import RowKind
from orders_platform.errors import MondayRefusedError, OrdersError
from orders_platform.settings import Settings
from orders_platform.sync.reconcile import CellReconciliation, reconcile_cells
from orders_platform.sync.repair import Repair, repair_customer, repair_plan
from orders_platform.sync.results import CustomerReport
from orders_platform.sync.run import SyncRun

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
_SHOWN = 50


@click.command()
@click.option("--customer", "only", multiple=True, metavar="NAME", help="This customer; repeat for several. Default: all.")
@click.option("--repair", is_flag=True, help="Bring the board to the database, after showing how.")
@click.option("--yes", is_flag=True, help="Repair without asking.")
@_JSON
def verify(*, only: tuple[str, ...], repair: bool, yes: bool, as_json: bool) -> None:
    """Compare board and database row by row: missing, doubled, unknown, different, wrong group."""
    if yes and not repair:
        raise click.UsageError("--yes is for --repair; without it nothing is changed.")
    if repair and not yes and not sys.stdin.isatty():
        raise click.UsageError("--repair asks before it changes the board, and there is no terminal to ask at; add --yes.")
    settings = Settings()
    with ExitStack() as stack:
        stack.enter_context(embedded_sandbox(settings))
        store = open_store(settings)
        stack.callback(store.database.close)
        board = stack.enter_context(closing(open_board(settings)))
        run = SyncRun(store, board, sync_rules(settings.configuration), progress=_progress)
        known = [summary.customer for summary in store.summaries()]
        chosen = console.chosen_customers(
            only, known, settings.configuration.customer_names, "No order was ever merged of the customer"
        )
        work = _Comparison(run, Queries(store))
        work.verify(chosen)
        if repair and work.plans:
            _show_plans(work)
            if yes or click.confirm("Do this?", err=True):
                work.repair()
    if as_json:
        console.write_json(_document(work))
    else:
        _show(work, may_repair=not repair)
    sys.exit(0 if work.is_done else 1)


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"  {line}", err=True)


@dataclass
class _Comparison:
    """What a call of `verify` has found and done so far, by customer."""

    run: SyncRun
    ledger: Queries
    found: dict[str, CellReconciliation] = field(default_factory=dict)
    plans: dict[str, list[Repair]] = field(default_factory=dict)
    done: dict[str, CustomerReport] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def verify(self, customers: Sequence[str]) -> None:
        """Compare all customers before anything is repaired of one."""
        for customer in customers:
            with self.run.store.lock(customer):
                self.found[customer] = reconcile_cells(self.run, self.ledger, customer)
        self.plans = {name: plan for name, each in self.found.items() if (plan := repair_plan(each))}

    def repair(self) -> None:
        """Do what was shown, and compare again; one customer's failure stays its own."""
        for customer, plan in self.plans.items():
            try:
                with self.run.store.lock(customer):
                    self.done[customer] = repair_customer(self.run, self.ledger, customer, plan)
                    self.found[customer] = reconcile_cells(self.run, self.ledger, customer)
            except MondayRefusedError:
                raise
            except OrdersError as error:
                self.errors[customer] = f"{type(error).__name__}: {error}"

    @property
    def is_equal(self) -> bool:
        """Every board is as the database says, and everything begun was ended."""
        done = not self.errors and all(report.is_done for report in self.done.values())
        return done and all(each.is_equal for each in self.found.values())

    @property
    def is_done(self) -> bool:
        """Equal, and nothing waits that was not compared."""
        return self.is_equal and not any(each.waiting for each in self.found.values())


def _figures(each: CellReconciliation) -> dict[str, int]:
    kinds = {kind.value.replace(" ", "_"): sum(found.kind is kind for found in each.differences) for kind in DifferenceKind}
    return {
        "orders": each.orders,
        "lines": each.lines,
        **kinds,
        "left_alone": len(each.left_alone),
        "waiting": len(each.waiting),
    }


def _document(work: _Comparison) -> console.JsonObject:
    customers = {
        name: {
            **_figures(each),
            "is_equal": each.is_equal,
            "differences": [asdict(found) for found in each.differences],
            "rows_left_alone": [asdict(found) for found in each.left_alone],
            "rows_waiting": [_waiting(row) for row in each.waiting],
        }
        for name, each in work.found.items()
    }
    document: console.JsonObject = {"customers": customers, "is_equal": work.is_equal}
    if work.plans:
        document["plan"] = {name: [asdict(step) for step in plan] for name, plan in work.plans.items()}
    if work.done or work.errors:
        document["repaired"] = {name: console.sent_figures(report) for name, report in work.done.items()}
        document["errors"] = work.errors
    return document


def _waiting(row: ExpectedRow) -> Mapping[str, object]:
    shown = {"row_kind": row.kind, "order_key": row.order_key, "size_code": row.size_code, "monday_id": row.monday_id}
    return {**shown, "sync_state": row.state, "ref": row.ref}


def _show_plans(work: _Comparison) -> None:
    """What would be done, before it is; on standard error, where the question is asked."""
    for customer, plan in work.plans.items():
        waiting = len(work.found[customer].waiting)
        click.echo(
            f"{customer}: {len(plan)} repairs" + (f", and {waiting} waiting rows are sent along" if waiting else ""), err=True
        )
        for step in plan:
            click.echo(f"  {step.action.value:8}{_place(step)}{': ' + step.detail if step.detail else ''}", err=True)


def _place(row: Difference | Repair) -> str:
    """Which item or subitem: its order and size, its name, its id."""
    order = " ".join(part for part in (row.order_key, f"size {row.size_code}" if row.size_code else "") if part)
    word = row.row_kind.value.removesuffix("s")
    return f"{order or '(no order of ours)'}: {word} {row.monday_id or '(none)'} {row.name!r}"


def _show(work: _Comparison, *, may_repair: bool) -> None:
    headers = ("orders", "lines", *(kind.value for kind in DifferenceKind), "left alone", "waiting")
    console.print_table(("customer", *headers), [(name, *_figures(each).values()) for name, each in work.found.items()])
    for customer, each in work.found.items():
        _show_differences(customer, each.differences)
        for found in each.left_alone[:_SHOWN]:
            click.echo(f"  {customer}: left alone {_place(found)} ({found.board or 'gone'})")
    for customer, report in work.done.items():
        figures = ", ".join(
            f"{report.total(name)} {name}" for name in ("created", "updated", "moved", "archived", "failed", "waiting")
        )
        click.echo(f"\nRepaired {customer}: {figures}; compared again above.")
        console.print_refusals("Refused", [row for stage in report.stages for row in stage.refusals])
    for customer, words in work.errors.items():
        click.echo(f"{customer}: {words}", err=True)
    if may_repair and work.plans:
        click.echo("\nNothing was changed. `orders-platform verify --repair` brings the board to the database, and asks first.")


def _show_differences(customer: str, differences: Sequence[Difference]) -> None:
    for found in differences[:_SHOWN]:
        both = f": {found.column}: database {found.database!r}, board {found.board!r}" if found.column else ""
        state = f" ({found.board})" if found.board and not found.column else ""
        click.echo(f"  {customer}: {found.kind.value} {_place(found)}{state}{both}")
    if len(differences) > _SHOWN:
        click.echo(f"  ... and {len(differences) - _SHOWN} more; `orders-platform verify --json` lists all")


@click.command()
@click.argument("item_or_order")
@_JSON
def history(*, item_or_order: str, as_json: bool) -> None:
    """Which run sent it, when, and under which of monday's request ids: for an order number, or an item's or subitem's id."""
    settings = Settings()
    store = open_store(settings)
    with closing(store.database):
        rows = Queries(store).history(item_or_order.strip())
    if as_json:
        console.write_json({"rows": [_row_document(row) for row in rows]})
    for row in () if as_json else rows:
        _show_history(row)
    if not rows:
        click.echo(f"No order, item or subitem {item_or_order!r} is known; `orders-platform status` says who is.", err=True)
    sys.exit(0 if rows else 1)


def _row_document(row: RowHistory) -> Mapping[str, object]:
    documents = [{**asdict(each), "row_outcome": each.outcome_of(row.ref)} for each in row.documents]
    for each in documents:
        del each["row_results"]
    return {**asdict(row), "documents": documents}


def _show_history(row: RowHistory) -> None:
    size = f" size {row.size_code}" if row.kind is RowKind.SUBITEMS else ""
    word = row.kind.value.removesuffix("s")
    click.echo(
        f"{row.customer}: {row.order_key}{size}: {word} {row.monday_id or '(none)'}, {row.state.value} ({row.action or 'no action'})"
    )
    if row.error:
        click.echo(f"  {row.error}")
    for each in row.documents:
        request = each.request_id or ("(found on the board)" if each.operation == ADOPT else "(no answer)")
        click.echo(
            f"  {each.logged_at:%Y-%m-%d %H:%M:%S}  {each.operation}: {each.outcome_of(row.ref)}  run {each.run_id}  "
            f"batch {each.batch_id}  request {request}"
        )
    if not row.documents:
        click.echo("  nothing in the log: never sent, sent by a run that died, or longer ago than the log is kept")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say how many documents would be forgotten.")
def housekeeping(*, dry_run: bool) -> None:
    """Forget documents of the log that are older than log_retention_days; nothing else is deleted."""
    from orders_platform.defs.retention import (
        trim_log,  # here, as it imports Dagster, which no other command of this module needs
    )

    settings = Settings()
    store = open_store(settings)
    with closing(store.database):
        count = trim_log(store, settings.configuration, datetime.now(UTC), dry=dry_run)
    days = settings.configuration.monday.log_retention_days
    click.echo(f"{count} documents older than {days} days {'would be' if dry_run else 'were'} deleted from the log.")

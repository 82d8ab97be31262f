"""The commands that talk to the board: `sync`, `retry`, `verify` and `board check`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from orders_platform.build import open_board, open_store, sync_rules
from orders_platform.cli import output as console
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.database.ledger import Ledger
from orders_platform.database.order_store import OrderStore
from orders_platform.domain.customers import StagingScan
from orders_platform.domain.differences import Difference, DifferenceKind, ExpectedRow
from orders_platform.domain.preflight import board_problems, subitem_board_problems
from orders_platform.errors import BoardMismatchError, MondayRefusedError, OrdersError
from orders_platform.pipeline import sync_customer
from orders_platform.settings import Settings
from orders_platform.sync.reconcile import CellReconciliation, reconcile_cells
from orders_platform.sync.repair import Repair, repair_customer, repair_plan
from orders_platform.sync.results import CustomerReport
from orders_platform.sync.run import SyncRun

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
_SHOWN = 50


@click.command()
@click.option("--customer", "only", multiple=True, metavar="NAME", help="This customer; repeat for several. Default: all.")
@click.option("--dry-run/--execute", "dry", default=True, help="Only say what would be done (the default), or do it.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many orders of each customer.")
@click.option("--skip-subitems", is_flag=True, help="Leave the sizes for another run.")
@click.option("--output-json", type=console.OUTPUT_FILE, help="Write the figures into this file.")
@click.option("--verbose", "noise", flag_value="verbose", help="Say every document.")
@click.option("--quiet", "noise", flag_value="quiet", help="Say nothing but errors.")
@_JSON
def sync(
    *,
    only: tuple[str, ...],
    dry: bool,
    limit: int | None,
    skip_subitems: bool,
    output_json: Path | None,
    noise: str | None,
    as_json: bool,
) -> None:
    """Merge the staged orders and bring the board to them."""
    settings = Settings()
    with ExitStack() as stack:
        stack.enter_context(embedded_sandbox(settings))
        store = open_store(settings)
        stack.callback(store.database.close)
        if dry:
            store = stack.enter_context(store.dry_run_transaction())
        board = stack.enter_context(closing(open_board(settings)))
        run = SyncRun(store, board, sync_rules(settings.configuration), progress=_progress(noise))
        survey = store.survey()
        if not dry:
            store.record_unmatched(survey, run.clock())
        chosen = console.chosen_customers(
            only,
            _customers(store, survey),
            settings.configuration.customer_names,
            "There is no staged and no waiting row of customer",
        )
        reports: list[CustomerReport] = []
        stack.callback(lambda: _show(store, survey, reports, dry=dry, as_json=as_json, output_json=output_json, noise=noise))
        reports.extend(
            sync_customer(run, customer, survey, limit=limit, skip_subitems=skip_subitems, dry=dry) for customer in chosen
        )
        waits = not dry and _waits(store, chosen)
    sys.exit(1 if waits or any(report.error or report.doubled for report in reports) else 0)


@click.command()
@click.option("--customer", "only", multiple=True, metavar="NAME", help="This customer; repeat for several. Default: all.")
@click.option("--code", default="", metavar="CODE", help="Only rows refused with this code, as `status` lists them.")
@click.option("--no-send", is_flag=True, help="Leave the sending to the next run.")
@click.pass_context
def retry(context: click.Context, *, only: tuple[str, ...], code: str, no_send: bool) -> None:
    """Give refused rows another try: mark them as new, and send them."""
    settings = Settings()
    store = open_store(settings)
    with closing(store.database):
        known = [summary.customer for summary in store.summaries()]
        names = console.chosen_customers(
            only, known, settings.configuration.customer_names, "No order was ever merged of the customer"
        )
        reset = {name: count for name in names if (count := store.reset_failed(name, code))}
    then = " Next: orders-platform sync --execute" if no_send or not reset else ""
    click.echo(f"{sum(reset.values())} rows will be tried again.{then}", err=not then)
    if reset and not no_send:
        options = {"dry": False, "limit": None, "skip_subitems": False, "output_json": None, "noise": None, "as_json": False}
        context.invoke(sync, only=tuple(reset), **options)


class _progress:  # noqa: N801 - used as the function that it is
    """Says a line at a time on standard error: all of them when asked to, none otherwise."""

    def __init__(self, noise: str | None) -> None:
        self._noise = noise

    def __call__(self, line: str) -> None:
        if self._noise == "verbose" or (self._noise is None and sys.stderr.isatty()):
            click.echo(f"  {line}", err=True)


def _customers(store: OrderStore, survey: StagingScan) -> list[str]:
    """Everybody in the load, and everybody of whom something waits: a load that lacks a customer must not leave its rows behind."""
    waiting = [summary.customer for summary in store.summaries() if summary.new or summary.pending]
    return sorted({*survey.customers, *waiting})


def _show(
    store: OrderStore,
    survey: StagingScan,
    reports: Sequence[CustomerReport],
    *,
    dry: bool,
    as_json: bool,
    output_json: Path | None,
    noise: str | None,
) -> None:
    """What was done so far, also when the run ended early."""
    console.show_run(_document(store, reports, dry=dry), as_json=as_json, output_json=output_json, quiet=noise == "quiet")
    _explain(survey, reports, dry=dry, quiet=as_json or noise == "quiet")


def _document(store: OrderStore, reports: Sequence[CustomerReport], *, dry: bool) -> console.JsonObject:
    sent = {report.customer: console.sent_figures(report, dry=dry) for report in reports}
    errors = {report.customer: report.error for report in reports if report.error}
    document = console.run_json(store.summaries(), store.rejects(), sent, errors)
    return {**document, "dry_run": True} if dry else document


def _waits(store: OrderStore, chosen: Sequence[str]) -> bool:
    return any(s.new or s.pending or s.failed for s in store.summaries() if s.customer in chosen)


def _explain(survey: StagingScan, reports: Sequence[CustomerReport], *, dry: bool, quiet: bool) -> None:
    if not quiet:
        refusals = [row for report in reports for stage in report.stages for row in stage.refusals]
        console.print_refusals("Would be refused" if dry else "Refused", refusals)
        nobody = sum(entry.rows for entry in survey.unmatched)
        if nobody:
            click.echo(f"\n{nobody} staged rows belong to nobody; `orders-platform customers` says why.")
        if dry:
            click.echo("\nDry run: nothing was written anywhere. --execute does it.")
    for report in reports:
        for double in report.doubled:
            click.echo(f"{report.customer}: {double}; `orders-platform verify --repair` archives what is too much", err=True)
        if report.error:
            click.echo(f"{report.customer}: {report.error}", err=True)
        for trouble in {stage.trouble for stage in report.stages if stage.trouble and not report.error}:
            click.echo(
                f"{report.customer}: rows wait ({trouble}); the next run looks for them on the board and goes on", err=True
            )


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
        run = SyncRun(store, board, sync_rules(settings.configuration), progress=_progress(None))
        known = [summary.customer for summary in store.summaries()]
        chosen = console.chosen_customers(
            only, known, settings.configuration.customer_names, "No order was ever merged of the customer"
        )
        work = _Comparison(run, Ledger(store, settings.configuration))
        work.verify(chosen)
        if repair and work.plans:
            _show_plans(work)
            if yes or click.confirm("Do this?", err=True):
                work.repair()
    if as_json:
        console.write_json(_comparison_document(work))
    else:
        _show_comparison(work, may_repair=not repair)
    sys.exit(0 if work.is_done else 1)


@dataclass
class _Comparison:
    """What a call of `verify` has found and done so far, by customer."""

    run: SyncRun
    ledger: Ledger
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


def _comparison_figures(each: CellReconciliation) -> dict[str, int]:
    kinds = {kind.value.replace(" ", "_"): sum(found.kind is kind for found in each.differences) for kind in DifferenceKind}
    return {
        "orders": each.orders,
        "lines": each.lines,
        **kinds,
        "left_alone": len(each.left_alone),
        "waiting": len(each.waiting),
    }


def _comparison_document(work: _Comparison) -> console.JsonObject:
    customers = {
        name: {
            **_comparison_figures(each),
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


def _show_comparison(work: _Comparison, *, may_repair: bool) -> None:
    headers = ("orders", "lines", *(kind.value for kind in DifferenceKind), "left alone", "waiting")
    console.print_table(
        ("customer", *headers), [(name, *_comparison_figures(each).values()) for name, each in work.found.items()]
    )
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


@click.group()
def board() -> None:
    """Look at the board on monday.com."""


@board.command()
@_JSON
def check(*, as_json: bool) -> None:
    """Compare the configuration with the board: every missing or unfit column at once."""
    settings = Settings()
    rules = sync_rules(settings.configuration)
    with embedded_sandbox(settings), closing(open_board(settings)) as opened:
        items = opened.describe(rules.items.board_id)
        problems = list(board_problems(rules.items, items, may_create_labels=rules.may_create_labels))
        problems += subitem_board_problems(items, rules.subitems)
        if items.subitems_board_id is not None:
            subitems = opened.describe(rules.subitems.board_id)
            problems += board_problems(rules.subitems, subitems, may_create_labels=rules.may_create_labels)
        warnings = opened.notices  # logged already, hence on standard error
    board_name = f"Board {items.id} ({items.name})"
    if as_json:
        console.write_json({"board": items.name, "board_id": items.id, "problems": problems, "warnings": warnings})
        sys.exit(1 if problems else 0)
    if problems:
        raise BoardMismatchError(
            "\n".join([f"{board_name} does not fit the configuration:", *(f"- {line}" for line in problems)])
        )
    click.echo(f"{board_name} fits: {len(rules.items.fields)} columns of items, {len(rules.subitems.fields)} of subitems.")

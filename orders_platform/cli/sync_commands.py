"""The commands that talk to the board: `sync`, `retry` and `board check`.

Belongs here: those commands. Does not belong here: the ones that only need the database (`cli_database.py`), the group itself
(`cli.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import click

from orders_platform.build import open_board, open_store, sync_rules
from orders_platform.cli import output as console
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.database.order_store import OrderStore
from orders_platform.domain.customers import StagingScan
from orders_platform.domain.preflight import board_problems, subitem_board_problems
from orders_platform.errors import BoardMismatchError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.pipeline import sync_customers
from orders_platform.settings import Settings
from orders_platform.sync.results import CustomerReport
from orders_platform.sync.run import SyncRun

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")


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
        merge = OrderMerge(store)
        scan = merge.scan_staging()
        if not dry:
            merge.record_unmatched(scan, run.clock())
        chosen = console.chosen_customers(
            only,
            _customers(store, scan),
            settings.configuration.customer_names,
            "There is no staged and no waiting row of customer",
        )
        reports: list[CustomerReport] = []
        stack.callback(lambda: _show(store, scan, reports, dry=dry, as_json=as_json, output_json=output_json, noise=noise))
        reports.extend(sync_customers(run, merge, scan, chosen, limit=limit, skip_subitems=skip_subitems, dry=dry))
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


def _customers(store: OrderStore, scan: StagingScan) -> list[str]:
    """Everybody in the load, and everybody of whom something waits: a load that lacks a customer must not leave its rows behind."""
    waiting = [summary.customer for summary in store.summaries() if summary.new or summary.pending]
    return sorted({*scan.customers, *waiting})


def _show(
    store: OrderStore,
    scan: StagingScan,
    reports: Sequence[CustomerReport],
    *,
    dry: bool,
    as_json: bool,
    output_json: Path | None,
    noise: str | None,
) -> None:
    """What was done so far, also when the run ended early."""
    console.show_run(_document(store, reports, dry=dry), as_json=as_json, output_json=output_json, quiet=noise == "quiet")
    _explain(scan, reports, dry=dry, quiet=as_json or noise == "quiet")


def _document(store: OrderStore, reports: Sequence[CustomerReport], *, dry: bool) -> console.JsonObject:
    sent = {report.customer: console.sent_figures(report, dry=dry) for report in reports}
    errors = {report.customer: report.error for report in reports if report.error}
    document = console.run_json(store.summaries(), store.invalid_rows(), sent, errors)
    return {**document, "dry_run": True} if dry else document


def _waits(store: OrderStore, chosen: Sequence[str]) -> bool:
    return any(s.new or s.pending or s.failed for s in store.summaries() if s.customer in chosen)


def _explain(scan: StagingScan, reports: Sequence[CustomerReport], *, dry: bool, quiet: bool) -> None:
    if not quiet:
        refusals = [row for report in reports for stage in report.stages for row in stage.refusals]
        console.print_refusals("Would be refused" if dry else "Refused", refusals)
        nobody = sum(entry.rows for entry in scan.unmatched)
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

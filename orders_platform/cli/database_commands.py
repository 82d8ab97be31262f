"""The commands that only need the order database: `load`, `init-db`, `customers`, `status`.

Belongs here: those commands. Does not belong here: the ones that talk to monday, and the group itself (`cli.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from orders_platform.build import open_store
from orders_platform.cli import output as console
from orders_platform.merge.order_files import OrderFile, read_order_file
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.monday.budget import limits_of
from orders_platform.settings import Settings

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--append", is_flag=True, help="Keep what is staged; without it the files replace it.")
@click.option("--ignore", multiple=True, metavar="HEADER", help="Leave this unknown column out, though it holds values.")
@_JSON
def load(*, files: tuple[Path, ...], append: bool, ignore: tuple[str, ...], as_json: bool) -> None:
    """Put orders from .xlsx or .csv files into the staging table."""
    settings = Settings()
    tables = settings.configuration.tables
    store = open_store(settings)
    with closing(store.database) as database:
        if (
            settings.environment == "sandbox" and database.dialect.name == "sqlite"
        ):  # on a server tables are made by init-db alone
            store.schema.apply()
        known = [column.name for column in store.schema.columns_of(tables.staging)]
        read = [read_order_file(file, known) for file in files]
        for order_file in read:
            order_file.refuse_unread(ignore)
        columns = list(dict.fromkeys(name for order_file in read for name in order_file.columns))
        rows = replace_staged_rows(database, tables.staging, tables.schema_name, columns, _rows(read, columns), append=append)
    reports = {str(order_file.path): asdict(order_file.report) for order_file in read}
    if as_json:
        console.write_json({"rows": rows, "table": tables.staging, "files": reports})
        return
    for order_file in read:
        report = order_file.report
        spelled = f"{len(report.exact)} columns as written, {len(report.by_alias)} by another spelling"
        click.echo(f"{order_file.path.name}: {report.rows} rows, {spelled}")
        for header, column in report.by_alias.items():
            click.echo(f"  {header!r} was read as {column!r}")
    click.echo(f"{rows} rows {'added to' if append else 'in'} {tables.staging}. Next: orders-platform sync")


def _rows(read: Iterable[OrderFile], columns: list[str]) -> Iterable[list[object]]:
    for order_file in read:
        places = [order_file.columns.index(name) if name in order_file.columns else None for name in columns]
        for row in order_file.rows:
            yield [None if place is None else row[place] for place in places]


@click.command(name="init-db")
@click.option("--dry-run", is_flag=True, help="Print the DDL and change nothing.")
def init_db(*, dry_run: bool) -> None:
    """Make the tables that are absent and add the columns that are missing; nothing else is changed."""
    store = open_store(Settings())
    with closing(store.database):
        statements = store.schema.missing() if dry_run else store.schema.apply()
    for statement in statements if dry_run else ():
        click.echo(f"{statement};\n")
    what = "would be run" if dry_run else "run"
    click.echo(f"{len(statements)} statements {what}." if statements else "The database fits; nothing to do.", err=dry_run)


@click.command()
@_JSON
def customers(*, as_json: bool) -> None:
    """Who is in the staging table, and which rows belong to nobody."""
    settings = Settings()
    store = open_store(settings)
    with closing(store.database):
        scan = OrderMerge(store).scan_staging()
    if as_json:
        nobody = [{"label": entry.label, "rows": entry.rows, "reason": entry.reason} for entry in scan.unmatched]
        console.write_json({"customers": {name: rows.rows for name, rows in scan.customers.items()}, "unmatched": nobody})
        return
    console.print_table(["customer", "rows"], [[name, rows.rows] for name, rows in scan.customers.items()])
    for entry in scan.unmatched:
        click.echo(f"\n{entry.rows} rows of nobody: {entry.reason}")


@click.command()
@_JSON
def status(*, as_json: bool) -> None:
    """Where each customer stands: on the board, waiting, refused, rejected."""
    settings = Settings()
    store = open_store(settings)
    with closing(store.database):
        summaries, rejects, failed = store.summaries(), store.invalid_rows(), store.row_errors()
        usage = store.monday_usage(datetime.now(UTC))
    limits = limits_of(settings.configuration.monday.plan, settings.configuration.monday.token_kind)
    if as_json:
        shown = {summary.customer: asdict(summary) for summary in summaries}
        refused = {"rejected": [asdict(row) for row in rejects], "failed": [asdict(row) for row in failed]}
        console.write_json({"customers": shown, **refused, "monday": console.usage_figures(usage, limits.calls_for_us)})
    else:
        figures = (
            "orders",
            "items",
            "lines",
            "subitems",
            "new",
            "pending",
            "failed",
            "removed",
            "oldest_waiting_at",
            "last_sent_at",
        )
        console.print_table(
            ["customer", *(name.removesuffix("_at").replace("_", " ") for name in figures)],
            [[summary.customer, *(_shown(getattr(summary, name)) for name in figures)] for summary in summaries],
        )
        click.echo(console.usage_line(usage, limits.calls_for_us))
        console.print_refusals("Failed", failed)
        console.print_refusals("Rejected", rejects)
    sys.exit(1 if any(summary.new or summary.pending or summary.failed for summary in summaries) else 0)


def _shown(value: object) -> object:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value

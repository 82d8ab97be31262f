"""The commands that need only the order database: `load`, `init-db`, `customers`, `status`, `report`, `history`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from orders_platform.build import report_links
from orders_platform.cli import output
from orders_platform.cli.session import chosen_customers, database_session
from orders_platform.database.engine import place
from orders_platform.domain.history import ADOPT, RowHistory
from orders_platform.domain.orders import CustomerSummary, RowKind, is_of
from orders_platform.domain.text import clean, counted
from orders_platform.domain.verdicts import NOBODYS, all_well
from orders_platform.errors import BoardMismatchError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.monday.budget import limits_of

if TYPE_CHECKING:
    from orders_platform.merge.order_files import FileFinding, OrderFile

_STATUS = (
    "orders", "items", "lines", "subitems", "new", "pending", "failed", "removed", "adopted", "oldest_waiting_at", "last_sent_at",
)  # fmt: skip


def load(*, files: tuple[Path, ...], append: bool, yes: bool, as_json: bool, **reading: Any) -> None:
    from orders_platform.cli.progress import Progress
    from orders_platform.merge.file_tables import FileOptions
    from orders_platform.merge.loads import Loads

    options, progress = FileOptions(**reading), Progress()
    with database_session(may_be_new=True) as (settings, store), TemporaryDirectory() as folder:
        staging = settings.configuration.tables.staging
        if settings.environment == "sandbox" and store.database.dialect.name == "sqlite":
            store.schema.widen_staging()
            store.schema.apply()  # on a server only init-db makes tables
        loads = Loads(store, progress.update)
        with progress.shown():
            read = loads.read(files, options, Path(folder))
        replaced = None if append else loads.replaced(read)
        if not as_json:
            for order_file in read.files:
                _print_file(order_file)
            for name, count in read.missing.items():
                keep = counted(count, "order keeps what it has", "orders keep what they have")
                output.say(f"{name} is missing; {keep} in it")
        if replaced and replaced.rows:
            output.say(str(replaced), err=as_json)
            is_asked = replaced.needs_consent and not yes and sys.stdin.isatty()
            if is_asked and not click.confirm("Load the files all the same?", err=True):
                output.say("Nothing was loaded.", err=True)
                sys.exit(130)
        with progress.shown():
            rows = loads.stage([read], datetime.now(UTC), replace=not append)
    if as_json:
        files_read = {str(order_file.path): _file_json(order_file) for order_file in read.files}
        output.write_json({"rows": rows, "table": staging, "files": files_read, "missing": read.missing, "replaced": replaced})
    else:
        output.say(f"{counted(rows, 'row')} {'added to' if append else 'in'} {staging}. Next: orders-platform sync")


def _file_json(order_file: OrderFile) -> Mapping[str, object]:
    """The file as a whole, and by sheet."""
    sheets = order_file.sheets
    return {
        "rows": order_file.rows,
        "exact": list(dict.fromkeys(name for sheet in sheets for name in sheet.exact)),
        "by_alias": {header: name for sheet in sheets for header, name in sheet.by_alias.items()},
        "unknown": _added(sheet.unknown for sheet in sheets),
        "blank_headers": _added(sheet.blank_headers for sheet in sheets),
        "sheets": [sheet.report() for sheet in sheets],
        "left_out": order_file.left_out,
    }


def _added(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def _print_file(order_file: OrderFile) -> None:
    for sheet in order_file.sheets:
        table = sheet.table
        name = f", sheet {table.sheet!r}" if table.sheet else ""
        hidden = f" ({counted(table.hidden_rows, 'row')} of the sheet hidden, and read)" if table.hidden_rows else ""
        matched = f"{counted(len(sheet.exact), 'column')} matched by name, {len(sheet.by_alias)} by another spelling"
        output.say(f"{order_file.path.name}{name}: {counted(sheet.rows, 'row')}{hidden}, {matched}")
        unmatched = sheet.unmatched_rows - sheet.nameless_rows
        others = {"nobody who is configured": unmatched, "without a customer": sheet.nameless_rows}
        of = [f"{name} {count}" for name, count in [*sheet.customers.items(), *others.items()] if count]
        output.say(f"  {', '.join(of)}; {counted(len(sheet.sizes), 'size')}, {counted(round(sheet.quantity), 'piece')}")
        for header, column in sheet.by_alias.items():
            output.say(f"  {header!r} was read as {column!r}")
        alike: dict[str, list[FileFinding]] = {}
        for finding in sheet.findings:
            alike.setdefault(finding.what, []).append(finding)
        for found in alike.values():
            more = f" (and {', '.join(each.column for each in found[1:])})" if found[1:] else ""
            output.say(f"  {found[0]}{more}")
        if lost := {name: count for name, count in sheet.unread.items() if count}:
            named = ", ".join(f"{name!r} ({counted(count, 'value')})" for name, count in lost.items())
            output.say(f"  left out, as --ignore says: {named}; what they hold will not be on the board")
        if table.notice:
            output.say(f"  {table.notice}")
    for name, reason in order_file.left_out.items():
        output.say(f"{order_file.path.name}, sheet {name!r} was left out: {reason}")


def init_db(*, dry_run: bool) -> None:
    with database_session(may_be_new=True) as (_, store):
        statements = store.schema.missing() if dry_run else store.schema.apply()
    for statement in statements if dry_run else ():
        output.echo(f"{statement};\n")
    done = f"{counted(len(statements), 'statement')} {'would be run' if dry_run else 'run'}."
    output.say(done if statements else "The database is up to date.", err=dry_run)


def customers(*, as_json: bool) -> None:
    with database_session() as (_, store):
        scan, paused = OrderMerge(store).scan_staging(), store.paused()
    if as_json:
        unmatched = [{"label": entry.label, "rows": entry.rows, "reason": entry.reason} for entry in scan.unmatched]
        staged = {name: rows.rows for name, rows in scan.customers.items()}
        output.write_json({"customers": staged, "unassigned": unmatched, "paused": paused})
        return
    names = sorted({*scan.customers, *paused})
    table = [[name, scan.customers[name].rows if name in scan.customers else 0, paused.get(name)] for name in names]
    output.print_table(["customer", "rows", "paused since"], table)
    reasons = Counter[str]()
    for entry in scan.unmatched:
        reasons[entry.reason] += entry.rows
    for reason, rows in reasons.items():
        output.say(f"\n{counted(rows, 'row matches', 'rows match')} no customer: {reason}")


def pause(*, names: tuple[str, ...]) -> None:
    with database_session() as (settings, store):
        known = {*store.customers(), *settings.configuration.customers}
        for customer in [store.pause(name, datetime.now(UTC)) for name in [*map(store.customer_named, names)]]:
            new = "" if customer in known else " (no order of it was ever merged; is the name right?)"
            output.say(f"{customer} is paused{new}. `orders-platform customers resume` ends that.")


def resume(*, names: tuple[str, ...]) -> None:
    with database_session() as (_, store):
        paused = store.paused()
        for customer in [store.pause(name, None) for name in [*map(store.customer_named, names)]]:
            was = "" if customer in paused else f" (it was not paused; {', '.join(paused) or 'nobody'} was)"
            output.say(f"{customer} runs again{was}. Next: orders-platform sync")


def status(*, strict: bool, as_json: bool) -> None:
    with database_session() as (settings, store):
        verdicts, rejects = OrderMerge(store).assess()
        summaries, failed, warnings = store.summaries(), store.row_errors(), store.cell_warnings()
        usage = store.monday_usage(datetime.now(UTC))
        database, other_board = place(store.database.engine), None
        try:
            store.require_board()
        except BoardMismatchError as error:
            other_board = error
    calls = limits_of(settings.configuration.monday.plan, settings.configuration.monday.token_kind).calls_for_us
    if as_json:
        stands = {summary.customer: summary for summary in summaries}
        by_customer = {}
        for verdict in verdicts:
            stand = stands.get(verdict.customer, CustomerSummary(verdict.customer))
            by_customer[verdict.customer] = {**asdict(stand), "verdict": output.verdict_json(verdict)}
        rows = {"rejected": rejects, "failed": failed, "cell_warnings": warnings}
        monday = {"calls_today": round(usage.calls_today, 1), "calls_allowed": calls,
                  "rate_limited_24h": usage.rate_limited, "rate_limited_at": usage.rate_limited_at}  # fmt: skip
        output.write_json({"customers": by_customer, **rows, "monday": monday, "database": database})
    else:
        headers = ["customer", *(name.removesuffix("_at").replace("_", " ") for name in _STATUS)]
        output.print_table(headers, [[row.customer, *(getattr(row, name) for name in _STATUS)] for row in summaries])
        output.say(output.usage_line(usage, calls))
        output.say(f"database: {database}")
        output.print_refusals("Failed", failed)
        output.print_refusals("Rejected", rejects)
        output.print_warnings(warnings)
        output.print_verdicts(verdicts)
    output.print_guards(verdicts)
    if other_board is not None:  # what is said above is true of the board before
        raise other_board
    sys.exit(0 if all_well(verdicts, rejects, strict=strict) else 1)


def report(*, only: tuple[str, ...], page: Path | None, as_markdown: bool) -> None:
    from orders_platform.reports.content import make_report
    from orders_platform.reports.rendering import html_page, markdown_text

    with database_session() as (settings, store):
        store.require_board()
        now = datetime.now(UTC)
        verdicts, invalid = OrderMerge(store).assess()
        chosen = chosen_customers(only, [each.customer for each in verdicts], settings)
        verdicts = [each for each in verdicts if each.customer in chosen]
        invalid = [] if only else invalid
        reports = [make_report(store, verdict.customer, now, verdict) for verdict in verdicts]
    links, nobody = report_links(settings), [row for row in invalid if row.code in NOBODYS]
    if page is not None:
        output.write_text([html_page(reports, links, nobody)], page)
        output.say(f"{counted(len(reports), 'customer')} reported in {page}", err=True)
    if page is None or as_markdown:
        output.echo(markdown_text(reports, links, nobody), nl=False)
    sys.exit(0 if all_well(verdicts, invalid) else 1)


def history(*, item_or_order: str, as_json: bool) -> None:
    with database_session() as (_, store):
        term = clean(item_or_order)
        rows, (verdicts, invalid) = store.history(term), OrderMerge(store).assess()
        numbers = {term, *(row.order_key.split(" | ")[0] for row in rows)}
        rejected = [row for row in invalid if is_of(row.order_key, numbers)]
        warnings = [each for each in store.cell_warnings() if is_of(each.order_key, numbers)]
    if as_json:
        output.write_json({"rows": [*map(_history_json, rows)], "rejected": rejected, "cell_warnings": warnings})
    else:
        for row in rows:
            _print_history(row)
        output.print_refusals("Rejected by the merge", rejected)
        output.print_warnings(warnings)
    concerned = {row.customer for row in rows} or {verdict.customer for verdict in verdicts}
    for verdict in verdicts:  # the list may say more of the order than was merged
        if verdict.customer in concerned and (verdict.is_unmerged or verdict.guards or verdict.paused_at):
            output.say(verdict.sentence, err=True)
    output.print_guards(verdict for verdict in verdicts if verdict.customer in concerned)
    if not rows and not rejected:
        output.say(
            f"No order, item or subitem {item_or_order!r} is known, and no staged row of that number was rejected. "
            "`orders-platform customers` counts staged rows that match no customer.",
            err=True,
        )
    sys.exit(0 if rows or rejected else 1)


def _history_json(row: RowHistory) -> Mapping[str, object]:
    batches = [{**asdict(batch), "row_outcome": batch.outcome_of(row.ref)} for batch in row.documents]
    for batch in batches:
        del batch["row_results"]
    return {**asdict(row), "documents": batches}


def _print_history(row: RowHistory) -> None:
    size = f" size {row.size_code}" if row.kind is RowKind.SUBITEMS else ""
    word = row.kind.value.removesuffix("s")
    action = row.action or "no action"
    output.say(f"{row.customer}: {row.order_key}{size}: {word} {row.monday_id or '(none)'}, {row.state.value} ({action})")
    if row.removed_at and row.kind is RowKind.ITEMS:
        since = f"{row.removed_at:%Y-%m-%d %H:%M} UTC, removed or under another number"
        stays = '; its item stays on the board. removed_orders = "archive" in [policies] archives it' if row.monday_id else ""
        output.say(f"  Not in the order list since {since}{stays}.")
    if row.error:
        output.say(f"  {row.error}")
    for batch in row.documents:
        request = batch.request_id or ("(found on the board)" if batch.operation == ADOPT else "(no answer)")
        output.say(
            f"  {batch.logged_at:%Y-%m-%d %H:%M:%S}  {batch.operation}: {batch.outcome_of(row.ref)}  run {batch.run_id}  "
            f"batch {batch.batch_id}  request {request}"
        )
    if not row.documents:
        output.say("  The log has no entry: never sent, sent by a run that was killed, or older than log_retention_days.")

"""The commands that send orders to the board and compare them: `sync`, `retry`, `resync` and `verify`."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from orders_platform.build import open_board, report_links
from orders_platform.cli import output
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.cli.progress import Progress
from orders_platform.cli.session import chosen_customers, customers_to_send, database_session, without_paused
from orders_platform.cli.shown_changes import ShownChanges
from orders_platform.database.order_store import OrderStore
from orders_platform.domain.differences import Difference, DifferenceKind, OrderChanges
from orders_platform.domain.guards import GuardKind
from orders_platform.domain.orders import CellWarning, RowProblem, SyncRow, is_of
from orders_platform.domain.text import counted, few
from orders_platform.domain.verdicts import CustomerState, Verdict, all_well, no_orders, nobodys
from orders_platform.errors import MondayRefusedError, OrdersError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.pipeline import sync_customer
from orders_platform.reports.rendering import MOST_ROWS, changes_page
from orders_platform.settings import Settings
from orders_platform.sync.reconcile import Reconciliation, reconcile
from orders_platform.sync.repair import Repair, repair_customer, repair_plan
from orders_platform.sync.results import CustomerReport
from orders_platform.sync.run import SyncRun

_SHOWN = 50
_STAYS = (
    "{}: no longer in the list and still on the board: {} ({}). An order whose number was changed is a new one. "
    'removed_orders = "archive" in [policies] archives them.'
)


@contextmanager
def board_session(
    verbosity: str | None = None, *, dry: bool = False
) -> Iterator[tuple[Settings, OrderStore, SyncRun, Progress]]:
    """The settings, the open order database, the board for a sync, and its progress; with `dry` nothing that is written stays."""
    with ExitStack() as stack:
        settings, store = stack.enter_context(database_session())
        stack.enter_context(embedded_sandbox(settings))
        if dry:
            store = stack.enter_context(store.dry_run_transaction())
        board = stack.enter_context(closing(open_board(settings)))
        progress = Progress(verbosity, lambda: board.client.budget.waits_for)
        yield settings, store, SyncRun(store, board, progress=progress.update), progress


def sync(
    *,
    only: tuple[str, ...],
    dry: bool,
    limit: int | None = None,
    skip_subitems: bool = False,
    accept: tuple[str, ...] = (),
    show: bool = False,
    orders: tuple[str, ...] = (),
    page: Path | None = None,
    strict: bool = False,
    output_json: Path | None = None,
    verbosity: str | None = None,
    as_json: bool = False,
) -> None:
    show = show or bool(orders) or page is not None
    if show and (limit or not dry):
        does = "--show, which --order and --html imply, tells what a run would do, and does nothing"
        raise click.UsageError(f"{does}; leave out {'--limit' if limit else '--execute'}.")
    has_json = show and (as_json or output_json is not None)
    with (
        board_session(verbosity, dry=dry) as (settings, store, run, progress),
        closing(ShownChanges(is_kept=has_json or page is not None)) as shown,
    ):
        merge, run.limit, run.skip_subitems = OrderMerge(store), limit, skip_subitems
        store.require_board()
        if dry:
            run.preflight()
        scan = merge.scan_staging()
        merge.record_scan(scan, run.clock())
        merged = [each.customer for each in store.summaries() if each.orders or each.new or each.pending]
        resolve = settings.configuration.customer_names.resolve  # what has another name now is merged and sent under that
        merged = [name for name in merged if resolve(name) in {None, name} or resolve(name) not in scan.customers]
        known = sorted({*scan.customers, *merged})  # what the load lacks of a customer is told, what waits of it is sent
        asked = chosen_customers(only, known, settings)
        chosen = without_paused(asked, store, named=bool(only))
        left_out = [name for name in asked if name not in chosen]
        reports: list[CustomerReport] = []
        accepted = [GuardKind(kind) for kind in accept]
        try:
            with progress.shown(chosen) as customers:
                for each in customers:
                    run.changes = OrderChanges(orders, None if has_json or page else MOST_ROWS) if show else None
                    reports.append(sync_customer(run, merge, each, scan, accepted))
                    if run.changes:
                        shown.take(each, run.changes)
        finally:  # what was done is shown although the run ended early
            is_quiet, invalid, summaries = verbosity == "quiet", store.invalid_rows(), store.summaries()
            names = asked if only else None  # without names everybody is meant, also who has nothing to send
            is_merged = chosen == [report.customer for report in reports if report.is_merged] and not left_out
            verdicts = store.verdicts(names, summaries=summaries) if is_merged else merge.assess(names)[0]
            sent = {report.customer: output.sent_figures(report, dry=dry) for report in reports}
            errors = {report.customer: report.error for report in reports if report.error}
            result = output.run_result(summaries, invalid, sent, errors, verdicts) | ({"dry_run": True} if dry else {})
            gone = [report.customer for report in reports if show or (report.headers and report.headers.removed)]
            left = {name: [key for key in store.left_orders(name) if is_of(key, orders)] for name in gone}
            stays = [_STAYS.format(name, counted(len(keys), "order"), few(keys, 3)) for name, keys in left.items() if keys]
            if show:
                result |= {"changes": shown, "change_counts": shown.counts, "left_on_board": left}
                if page:
                    output.write_text(
                        changes_page(shown.items(), stays, shown.counts, run.clock(), report_links(settings)), page
                    )
                _print_shown(shown, stays, orders, page, quiet=as_json or is_quiet)
            output.show_run(result, as_json=as_json, output_json=output_json, quiet=is_quiet or (show and not as_json))
            found = [each for each in store.cell_warnings() if each.customer in chosen]
            found += [each for report in reports for stage in report.stages for each in stage.warnings]
            warnings = [each for each in dict.fromkeys(found) if is_of(each.order_key, orders)]
            theirs = [row for row in invalid if not only or row.customer in chosen]
            for said in stays if not (show or as_json or is_quiet) else ():
                output.say(f"\n{said}")
            _explain(theirs, reports, verdicts, warnings, dry=dry, quiet=as_json or is_quiet)
            for said in nobodys(theirs):
                output.say(said, err=True)
    if dry:  # what a run would send is no trouble
        is_well = not nobodys(theirs) and all(each.is_well() or each.state is CustomerState.WAITING for each in verdicts)
    else:
        is_well = all_well(verdicts, theirs, strict=strict)
    failed = any(report.error or report.doubled or (dry and report.total("failed")) for report in reports)
    sys.exit(0 if is_well and not failed else 1)


def _print_shown(shown: ShownChanges, stays: Sequence[str], orders: Sequence[str], page: Path | None, *, quiet: bool) -> None:
    """What a run would change and leave."""
    if page:
        output.say(f"The page is {page}", err=True)
    if quiet:
        return
    output.print_changes(shown.text)
    for said in stays:
        output.say(f"\n{said}")
    for key in orders if not (any(shown.counts.values()) or stays) else ():
        output.say(f"`orders-platform history {key}` says where it stands.")


def _explain(
    invalid: Sequence[RowProblem],
    reports: Sequence[CustomerReport],
    verdicts: Sequence[Verdict],
    warnings: Sequence[CellWarning],
    *,
    dry: bool,
    quiet: bool,
) -> None:
    """Everything that is not on the board, and why; what went wrong is printed even when quiet."""
    if not quiet:
        refusals = [row for report in reports for stage in report.stages for row in stage.refusals]
        output.print_refusals("Would be refused" if dry else "Refused", refusals)
        output.print_warnings(warnings)
        if said := no_orders(invalid):
            output.say(f"\n{said}")
        if dry:
            output.say("\nDry run: nothing was written anywhere. --show tells it order by order, --execute does it.")
        else:
            output.print_verdicts(verdicts)
    output.print_guards(verdicts)
    stopped = {guard.customer for verdict in verdicts for guard in verdict.guards if guard.blocks}
    for report in reports:
        trouble = [
            f"doubled {_place(double)} is one of {len(double.ids)} there: {', '.join(map(str, double.ids))}; "
            "`orders-platform verify --repair` archives the surplus"
            for double in report.doubled
        ]
        if report.error:
            trouble += [report.error] if report.customer not in stopped else []  # the guard has spoken
        else:
            waits = {stage.trouble for stage in report.stages if stage.trouble}
            trouble += [f"rows wait ({why}); the next run looks them up on the board and resumes" for why in waits]
        for words in trouble:
            output.say(f"{report.customer}: {words}", err=True)


def retry(*, only: tuple[str, ...], code: str) -> None:
    with database_session() as (settings, store):
        names = customers_to_send(only, settings, store)
        reset = {name: count for name in names if (count := store.reset_failed(name, code))}
    output.say(f"{counted(sum(reset.values()), 'FAILED row was', 'FAILED rows were')} reset.", err=bool(reset))
    if reset:
        sync(only=tuple(reset), dry=False)


def resync(*, only: tuple[str, ...], new_board: bool) -> None:
    with board_session() as (settings, store, run, _):
        names = customers_to_send(only, settings, store)
        if new_board:
            run.preflight()  # the ids of the former board are forgotten for one that fits only
        else:
            store.require_board()
        marked = 0
        for name in names:
            with store.lock(name):
                marked += store.start_over(name) if new_board else store.compare_again(name)
    said = ("order is made anew", "orders are made anew") if new_board else ("row is compared again", "rows are compared again")
    output.say(f"{counted(marked, *said)}.", err=True)
    if names:  # without a name `sync` is of all customers
        sync(only=tuple(names), dry=False)


def verify(*, only: tuple[str, ...], repair: bool, yes: bool, as_json: bool) -> None:
    if yes and not repair:
        raise click.UsageError("--yes needs --repair; without it nothing is changed.")
    if repair and not yes and not sys.stdin.isatty():
        raise click.UsageError("--repair asks before it changes the board, but this is not a terminal; add --yes.")
    with board_session() as (settings, store, run, progress):
        store.require_board()
        work = _Comparison(run)
        merge = OrderMerge(store)
        with progress.shown(chosen_customers(only, merge.present(), settings)) as customers:
            work.verify(customers)
        if repair:
            work.plans = {name: work.plans[name] for name in without_paused(list(work.plans), store, named=bool(only))}
        if repair and work.plans:
            for customer, plan in work.plans.items():  # on standard error, where the question is asked
                waiting = len(work.found[customer].waiting)
                more = f"; {waiting} waiting rows are sent too" if waiting else ""
                output.say(f"{customer}: {len(plan)} repairs{more}", err=True)
                for step in plan:
                    output.say(f"  {step.action:8}{_place(step)}{': ' + step.detail if step.detail else ''}", err=True)
            if yes or click.confirm("Change the board as listed?", err=True):
                with progress.shown(list(work.plans)) as customers:
                    work.repair(customers)
        verdicts, invalid = merge.assess(work.found)
        invalid = [] if only else invalid
    if as_json:
        output.write_json(_verify_json(work, verdicts))
    else:
        _print_comparison(work, may_repair=not repair)
        output.print_verdicts(verdicts, has_looked=True)
    output.print_guards(verdicts)
    for said in nobodys(invalid):
        output.say(said, err=True)
    is_whole = not any(each.waiting for each in work.found.values())  # a row that waits was not compared
    sys.exit(0 if work.is_equal and is_whole and all_well(verdicts, invalid) else 1)


@dataclass
class _Comparison:
    """What one `verify` has found and done so far, by customer."""

    run: SyncRun
    found: dict[str, Reconciliation] = field(default_factory=dict)
    plans: dict[str, list[Repair]] = field(default_factory=dict)
    done: dict[str, CustomerReport] = field(default_factory=dict)

    def verify(self, customers: Iterable[str]) -> None:
        """Compare every customer before any is repaired."""
        for customer in customers:
            with self.run.store.lock(customer):
                self.found[customer] = reconcile(self.run, customer, cells=True)
        self.plans = {name: plan for name, each in self.found.items() if (plan := repair_plan(each))}

    def repair(self, customers: Iterable[str]) -> None:
        """Carry out the plans and compare again; the failure of one customer does not stop the next."""
        for customer in customers:
            try:
                with self.run.store.lock(customer):
                    self.done[customer] = repair_customer(self.run, customer, self.plans[customer])
                    self.found[customer] = reconcile(self.run, customer, cells=True)
            except MondayRefusedError:
                raise
            except OrdersError as error:
                self.done.setdefault(customer, CustomerReport(customer)).error = f"{type(error).__name__}: {error}"

    @property
    def is_equal(self) -> bool:
        """The board equals the database, and every repair was completed."""
        return all(report.is_done for report in self.done.values()) and all(each.is_equal for each in self.found.values())


def _figures(each: Reconciliation) -> dict[str, int]:
    kinds = {kind.value.replace(" ", "_"): sum(found.kind is kind for found in each.differences) for kind in DifferenceKind}
    others = {"left_alone": len(each.left_alone), "waiting": len(each.waiting)}
    return {"orders": each.orders, "lines": each.lines, **kinds, **others}


def _verify_json(work: _Comparison, verdicts: Sequence[Verdict]) -> output.JsonObject:
    said = {verdict.customer: output.verdict_json(verdict) for verdict in verdicts}
    customers = {
        name: {
            **_figures(each),
            "verdict": said[name],
            "is_equal": each.is_equal,
            "differences": each.differences,
            "rows_left_alone": each.left_alone,
            "rows_waiting": [_waiting(row) for row in each.waiting],
        }
        for name, each in work.found.items()
    }
    result: dict[str, object] = {"customers": customers, "is_equal": work.is_equal}
    if work.plans:
        result["plan"] = work.plans
    if work.done:
        result["repaired"] = {name: output.sent_figures(report) for name, report in work.done.items()}
        result["errors"] = {name: report.error for name, report in work.done.items() if report.error}
    return result


def _waiting(row: SyncRow) -> Mapping[str, object]:
    shown = {"row_kind": row.kind, "order_key": row.order_key, "size_code": row.size_code, "monday_id": row.monday_id}
    return {**shown, "sync_state": row.state, "ref": row.ref}


def _place(row: Difference | Repair) -> str:
    """An item or subitem: its order and size, its id, its name."""
    order = " ".join(part for part in (row.order_key, f"size {row.size_code}" if row.size_code else "") if part)
    word = row.row_kind.value.removesuffix("s")
    return f"{order or '(no order)'}: {word} {row.monday_id or '(none)'} {row.name!r}"


def _print_comparison(work: _Comparison, *, may_repair: bool) -> None:
    headers = ("customer", *(name.replace("_", " ") for name in _figures(Reconciliation(""))))
    output.print_table(headers, [(customer, *_figures(each).values()) for customer, each in work.found.items()])
    for customer, each in work.found.items():
        if each.notice:
            output.say(each.notice)
        for found in each.differences[:_SHOWN]:
            both = f": {found.column}: database {found.database!r}, board {found.board!r}"
            more = both if found.column else f" ({found.board})" if found.board else ""
            output.say(f"  {customer}: {found.kind.value} {_place(found)}{more}")
        if len(each.differences) > _SHOWN:
            output.say(f"  ... and {len(each.differences) - _SHOWN} more; `orders-platform verify --json` lists all")
        for found in each.left_alone[:_SHOWN]:
            output.say(f"  {customer}: left alone {_place(found)} ({found.board or found.kind.value})")
    for customer, report in work.done.items():
        figures = {name: report.total(name) for name in ("created", "updated", "moved", "archived", "failed", "waiting")}
        if not report.error or any(figures.values()):
            again = "" if report.error else "; compared again above"
            output.say(f"\nRepaired {customer}: {', '.join(f'{count} {name}' for name, count in figures.items())}{again}.")
        output.print_refusals("Refused", [row for stage in report.stages for row in stage.refusals])
        if report.error:
            output.say(f"{customer}: {report.error}", err=True)
    if may_repair and work.plans:
        mends = "`orders-platform verify --repair` shows a plan that mends the board, and asks before it does"
        output.say(f"\nNothing was changed. {mends}.")

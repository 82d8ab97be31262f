"""What the command line shows: tables for people, one JSON object for machines.

Belongs here: shapes and layout. Does not belong here: commands (`cli.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from orders_platform.domain.customers import CustomerNames
from orders_platform.domain.orders import CustomerSummary, RowProblem
from orders_platform.domain.usage import MondayUsage
from orders_platform.sync.results import CustomerReport

FIGURES = (
    "orders",
    "lines",
    "rejected",
    "groups",
    "items",
    "subitems",
    "created",
    "updated",
    "failed",
    "documents",
    "mutations",
    "seconds",
)


class _OutputFile(click.Path):
    """A file that will be written at the end, so it is refused at the start."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not _may_be_written(file):
            self.fail(f"{file} cannot be written: its folder is absent or protected.", param, ctx)
        return file


def _may_be_written(file: Path) -> bool:
    try:
        folder = file.resolve().parent  # of the file itself, where the path is a link
        return folder.is_dir() and os.access(file if file.exists() else folder, os.W_OK)
    except OSError:  # a name that is too long
        return False


OUTPUT_FILE = _OutputFile(dir_okay=False, writable=True)
Figures = dict[str, int | float]
JsonObject = dict[str, object]


def run_figures(summary: CustomerSummary | None, rejected: int, sent: Mapping[str, int | float]) -> Figures:
    """One customer as JSON shows it: where it stands, and what this run did (`created`, `updated` ... `seconds`)."""
    stands = {"orders": 0, "lines": 0, "groups": 0, "items": 0, "subitems": 0, "failed": 0}
    if summary is not None:
        stands = {name: int(getattr(summary, name)) for name in stands}
    return {name: {**stands, "rejected": rejected, **sent}.get(name, 0) for name in FIGURES}


def sent_figures(report: CustomerReport, *, dry: bool = False) -> Figures:
    """What a run did for a customer; of a dry run what it would do, refusals included."""
    updated = sum(report.total(name) for name in ("updated", "moved", "archived"))
    adopted = report.total("adopted")
    return {
        "created": report.total("created"),
        "updated": updated,
        "documents": report.total("documents"),
        "mutations": report.total("mutations"),
        "seconds": round(report.seconds, 3),
        **({"failed": report.total("failed")} if dry else {}),
        **({"adopted": adopted} if adopted else {}),
        **({"doubled": len(report.doubled)} if report.doubled else {}),
    }


def run_json(
    summaries: Iterable[CustomerSummary], rejects: Sequence[RowProblem], sent: Mapping[str, Figures], errors: Mapping[str, str]
) -> JsonObject:
    """The JSON object of a run: where each customer of `sent` stands, with what the run did."""
    stands = {summary.customer: summary for summary in summaries}
    rejected = {
        customer: sum(row.rows for row in rejects if row.customer == customer and not row.size_code) for customer in sent
    }
    figures = {customer: run_figures(stands.get(customer), rejected[customer], did) for customer, did in sent.items()}
    return totalled(figures, errors)


def totalled(customers: Mapping[str, Figures], errors: Mapping[str, str]) -> JsonObject:
    """The JSON object of a run: `customers` by name, and their `total`. A customer that ended early has its `error`."""
    total: Figures = {name: round(sum(figures[name] for figures in customers.values()), 3) for name in FIGURES}
    shown = {name: {**figures, **({"error": errors[name]} if name in errors else {})} for name, figures in customers.items()}
    return {"customers": shown, "total": total}


def chosen_customers(only: Sequence[str], known: Sequence[str], names: CustomerNames, refusal: str) -> list[str]:
    """The customers that `--customer` names in any spelling, each once; without it all that are known.

    Raises:
        UsageError: an unknown one; the known ones are named.
    """
    chosen = [name if name in known else names.resolve(name) for name in only]
    for name, customer in zip(only, chosen, strict=True):
        if customer not in known:
            raise click.UsageError(f"{refusal} {name!r}; known: {', '.join(known) or 'nobody'}.")
    return list(dict.fromkeys([name for name in chosen if name is not None] or known))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output, numbers to the right."""
    lines = [list(headers), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headers))]
    for line in lines:
        name, *figures = line
        click.echo("  ".join([name.ljust(widths[0]), *(f.rjust(w) for f, w in zip(figures, widths[1:], strict=True))]))


def print_run(shown_json: JsonObject) -> None:
    """The figures of a run, a line a customer and their total."""
    customers, total = shown_json["customers"], shown_json["total"]
    if not isinstance(customers, dict) or not isinstance(total, dict):
        raise TypeError("not the shown_json of a run")
    rows = [[name, *(figures[figure] for figure in FIGURES)] for name, figures in customers.items()]
    print_table(["customer", *FIGURES], [*rows, ["total", *(total[figure] for figure in FIGURES)]])


def show_run(shown_json: JsonObject, *, as_json: bool, output_json: Path | None, quiet: bool = False) -> None:
    """A run where it was asked for: into a file, as JSON, or as a table."""
    if output_json:
        write_json(shown_json, output_json)
    if as_json:
        write_json(shown_json)
    elif not quiet:
        print_run(shown_json)


def print_refusals(title: str, rows: Sequence[RowProblem], most: int = 20) -> None:
    """Rows that are not on the board, with the reason; the first `most` of them."""
    if not rows:
        return
    click.echo(f"\n{title} ({len(rows)}):")
    for row in rows[:most]:
        size = f" size {row.size_code}" if row.size_code else ""
        click.echo(f"  {row.customer}: {row.order_key or '(no key)'}{size}: [{row.code}] {row.reason}")
    if len(rows) > most:
        click.echo(f"  ... and {len(rows) - most} more; `orders-platform status --json` lists all")


def usage_line(usage: MondayUsage, calls_for_us: int) -> str:
    """One line: the calls of today, and whether monday had to say that a limit was hit."""
    line = f"monday today: {usage.calls_today:,.0f} of {calls_for_us:,} calls"
    if usage.rate_limited_at is None:
        return f"{line}, no answer over a limit in 24 hours"
    answers = "answer" if usage.rate_limited == 1 else "answers"
    return f"{line}, {usage.rate_limited:,} {answers} over a limit in 24 hours (last {usage.rate_limited_at:%H:%M} UTC)"


def usage_figures(usage: MondayUsage, calls_for_us: int) -> JsonObject:
    """The same for machines."""
    return {"calls_today": round(usage.calls_today, 1), "calls_allowed": calls_for_us,
            "rate_limited_24h": usage.rate_limited, "rate_limited_at": usage.rate_limited_at}  # fmt: skip


def write_json(shown_json: Mapping[str, object], file: Path | None = None) -> None:
    """The shown_json into a file, or onto standard output."""
    text = json.dumps(shown_json, ensure_ascii=False, indent=2, default=str)
    if file is None:
        click.echo(text)
    else:
        write_text(text + "\n", file)


def write_text(text: str, file: Path) -> None:
    """A text into a file. Raises `UsageError` when that cannot be, e.g. on a full disk."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written ({error.strerror}); name another file.") from None


def _cell(value: object) -> str:
    return (
        ""
        if value is None
        else f"{value:,.1f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )

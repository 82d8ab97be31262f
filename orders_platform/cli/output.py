"""What commands print: tables for people, one JSON object for programs."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from orders_platform.domain.cell_warnings import CellWarning, group_warnings
from orders_platform.domain.orders import CustomerSummary, RowProblem
from orders_platform.domain.text import visible
from orders_platform.domain.usage import MondayUsage
from orders_platform.domain.verdicts import Verdict
from orders_platform.sync.results import CustomerReport

FIGURES = (
    "orders", "lines", "rejected", "groups", "items", "subitems", "created", "updated", "failed", "documents", "mutations", "seconds",
)  # fmt: skip


class _OutputFile(click.Path):
    """A file that is written at the end; refused at the start when that cannot work."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        file = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not _may_be_written(file):
            self.fail(f"{file} cannot be written: its folder is missing or read-only.", param, ctx)
        return file


def _may_be_written(file: Path) -> bool:
    try:
        folder = file.resolve().parent  # of the file itself, where the path is a link
        return folder.is_dir() and os.access(file if file.exists() else folder, os.W_OK)
    except OSError:  # a name that is too long
        return False


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """A text on standard output, or standard error. All that a command says goes through here: a terminal obeys no cell and no name."""
    click.echo(visible(text), err=err, nl=nl)


OUTPUT_FILE = _OutputFile(dir_okay=False, writable=True)
Figures = dict[str, int | float]
JsonObject = Mapping[str, object]
_EXAMPLES = 3


def sent_figures(report: CustomerReport, *, dry: bool = False) -> Figures:
    """What a run did for a customer; in a dry run what it would do, failures included."""
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


def run_result(
    summaries: Iterable[CustomerSummary],
    rejects: Sequence[RowProblem],
    sent: Mapping[str, Figures],
    errors: Mapping[str, str],
    verdicts: Iterable[Verdict],
) -> JsonObject:
    """A run as JSON: for each customer of `sent` where it stands, what the run did, its error and verdict, and the total."""
    stands = {summary.customer: summary for summary in summaries}
    rejected: Counter[str] = Counter()
    for row in rejects:
        rejected[row.customer] += 0 if row.size_code else row.rows
    figures = {name: _figures(stands.get(name, CustomerSummary(name)), rejected[name], did) for name, did in sent.items()}
    total = {name: round(sum(each[name] for each in figures.values()), 3) for name in FIGURES}
    said = {verdict.customer: verdict_json(verdict) for verdict in verdicts}
    customers = {
        name: {**each, **({"error": errors[name]} if name in errors else {}), "verdict": said.get(name)}
        for name, each in figures.items()
    }
    return {"customers": customers, "total": total}


def _figures(summary: CustomerSummary, rejected: int, sent: Figures) -> Figures:
    """Where a customer stands, and what the run did."""
    stands = {name: getattr(summary, name) for name in ("orders", "lines", "groups", "items", "subitems", "failed")}
    return {name: {**stands, "rejected": rejected, **sent}.get(name, 0) for name in FIGURES}


def verdict_json(verdict: Verdict) -> JsonObject:
    """A verdict as JSON, with its state and its sentence."""
    return {"state": verdict.state, "sentence": verdict.sentence, **asdict(verdict)}


def print_verdicts(verdicts: Sequence[Verdict], *, has_looked: bool = False) -> None:
    """Where each customer stands, a line for each; unless somebody has just looked, also who names the differences that were found."""
    echo()
    for verdict in verdicts:
        echo(verdict.sentence)
    if not has_looked and any(verdict.differences for verdict in verdicts):
        echo("Differences are as of the last comparison; `orders-platform verify` compares again and names them.")


def print_guards(verdicts: Iterable[Verdict]) -> None:
    """What guards saw, and how to go on; on standard error."""
    for guard in (guard for verdict in verdicts for guard in verdict.guards):
        echo(str(guard), err=True)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output; all columns but the first are aligned to the right."""
    lines = [list(headers), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headers))]
    for line in lines:
        name, *figures = line
        echo("  ".join([name.ljust(widths[0]), *(f.rjust(w) for f, w in zip(figures, widths[1:], strict=True))]))


def show_run(result: JsonObject, *, as_json: bool, output_json: Path | None, quiet: bool = False) -> None:
    """The result of a run, as asked for: into a file, as JSON, or as a table with a line for each customer and the total."""
    if output_json:
        write_json(result, output_json)
    if as_json:
        write_json(result)
    elif not quiet:
        customers: Mapping[str, Figures] = result["customers"]  # type: ignore[assignment]
        total: Figures = result["total"]  # type: ignore[assignment]
        headers = ["batches" if name == "documents" else name for name in FIGURES]
        rows = [[name, *(figures[figure] for figure in FIGURES)] for name, figures in [*customers.items(), ("total", total)]]
        print_table(["customer", *headers], rows)


def print_warnings(warnings: Iterable[CellWarning], most: int = 20) -> None:
    """The first `most` kinds of cells that were left out or cut, each with examples and its reason."""
    groups = group_warnings(warnings)
    count = sum(group.count for group in groups)
    if groups:
        cells = "1 cell; its order is" if count == 1 else f"{count} cells; their orders are"
        echo(f"\nLeft out or cut ({cells} on the board):")
    for group in groups[:most]:
        echo(f"  {group.customer}: {group}")
    if len(groups) > most:
        echo(f"  ... and {len(groups) - most} kinds more; `orders-platform status --json` lists all")


def print_refusals(title: str, rows: Sequence[RowProblem], most: int = 20) -> None:
    """The rows that could not be merged or sent, those with the same reason in one line; the first `most` reasons."""
    if not rows:
        return
    echo(f"\n{title} ({sum(row.rows for row in rows)}):")
    alike: dict[tuple[str, str, str], list[RowProblem]] = {}
    for row in rows:
        alike.setdefault((row.customer, row.code, row.reason), []).append(row)
    for (customer, code, reason), members in list(alike.items())[:most]:
        echo(f"  {customer}: {_named(members)}: [{code}] {reason}")
    if len(alike) > most:
        echo(f"  ... and {len(alike) - most} reasons more; `orders-platform status --json` lists all")


def _named(rows: Sequence[RowProblem]) -> str:
    """Which rows these are, by a few of them."""
    names = dict.fromkeys(f"{row.order_key or '(no key)'}{f' size {row.size_code}' if row.size_code else ''}" for row in rows)
    count = sum(row.rows for row in rows)
    if len(names) == 1:
        return f"{next(iter(names))}{f' ({count} rows)' if count > 1 else ''}"
    return f"{count} rows, for example {', '.join(list(names)[:_EXAMPLES])}"


def usage_line(usage: MondayUsage, calls_for_us: int) -> str:
    """Today's calls to monday and the answers that said a limit was hit, on one line."""
    line = f"monday today: {usage.calls_today:,.0f} of {calls_for_us:,} calls"
    if usage.rate_limited_at is None:
        return f"{line}, no answer over a limit in 24 hours"
    answers = "answer" if usage.rate_limited == 1 else "answers"
    return f"{line}, {usage.rate_limited:,} {answers} over a limit in 24 hours (last {usage.rate_limited_at:%H:%M} UTC)"


def usage_figures(usage: MondayUsage, calls_for_us: int) -> JsonObject:
    """The same as JSON."""
    return {"calls_today": round(usage.calls_today, 1), "calls_allowed": calls_for_us,
            "rate_limited_24h": usage.rate_limited, "rate_limited_at": usage.rate_limited_at}  # fmt: skip


def write_json(result: JsonObject, file: Path | None = None) -> None:
    """A JSON object into a file, or onto standard output."""
    text = json.dumps(result, ensure_ascii=False, indent=2, default=str)
    if file is None:
        echo(text)
    else:
        write_text(text + "\n", file)


def write_text(text: str, file: Path) -> None:
    """A text into a file. Raises `UsageError` when that fails, for example on a full disk."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written ({error.strerror}); name another file.") from None


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int | float):
        return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
    return "" if value is None else str(value)

"""What commands print: sentences and tables for people, one JSON object for programs.

At a terminal sentences and tables take its width, and what failed has a colour, unless NO_COLOR is set. Where the output is piped there
is neither; rich is imported where it draws.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from shlex import quote
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import click

from orders_platform.cli.main import GIVEN
from orders_platform.domain.mutations import MondayUsage
from orders_platform.domain.orders import CellWarning, CustomerSummary, RowProblem, group_warnings
from orders_platform.domain.text import counted, visible
from orders_platform.domain.verdicts import CustomerState, Verdict
from orders_platform.sync.results import CustomerReport

if TYPE_CHECKING:
    from rich.console import Console

FIGURES = (
    "orders", "lines", "rejected", "groups", "items", "subitems", "created", "updated", "adopted", "failed", "documents",
    "mutations", "seconds",
)  # fmt: skip
_TOLD = tuple(name for name in FIGURES if name not in {"groups", "documents", "mutations"})
"""What people are told of them; programs are told all."""

T = TypeVar("T")
Figures = dict[str, int | float]
JsonObject = Mapping[str, object]
_EXAMPLES, _MOST = 3, 20
_UNLIMITED = 1_000_000
_PIECE = 4_096  # parts of a JSON document that are written at once
_FAILED, _WARNED = "bold red", "yellow"
_STYLES = {
    **dict.fromkeys(("failed", "rejected", "missing", "doubled", "on another board", "under another item"), _FAILED),
    **dict.fromkeys(("new", "pending", "waiting", "unknown", "different", "wrong group", "renamed group"), _WARNED),
}
"""Of figures above zero, by the column's header."""

_KEPT = frozenset({"customer", "orders", "lines", "items", "subitems", "rows"})
"""Columns that are shown although they are zero throughout."""


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """A text for programs, as it is. Whatever a command prints is `visible`: a terminal obeys no cell and no name."""
    click.echo(visible(text), err=err, nl=nl)


def typed(text: str) -> str:
    """A text in which each command has the options that say where this one works, so that it can be typed as it stands."""
    for name, path in GIVEN.items():
        parts = re.split(rf"\borders-platform (?=[a-z-])(?!--{name} )", text)
        text = f"orders-platform --{name} {quote(path)} ".join(parts)
    return text


def say(text: str = "", *, err: bool = False, style: str = "", marks: Mapping[str, str] = MappingProxyType({})) -> None:
    """Sentences for people, one a line; `marks` are the styles of lines that begin so."""
    from rich.padding import Padding
    from rich.text import Text

    terminal = console(err=err)
    for line in visible(typed(text)).split("\n"):
        words = line.lstrip(" ")
        if (
            not (terminal.is_terminal or terminal.file.isatty())
            and words.isascii()
            and words.isprintable()
            and not words.endswith(" ")
        ):
            echo(line if words else "", err=err)  # what rich makes of it in a hundred times the time
        else:
            shown = Text(words, marks.get(words[:1], style))
            terminal.print(Padding.indent(shown, len(line) - len(words)) if words else "")


def console(*, err: bool = False) -> Console:
    """Where rich draws; a pipe has no width."""
    from rich.console import Console

    file = sys.stderr if err else sys.stdout
    return Console(file=file, width=None if file.isatty() else _UNLIMITED, highlight=False, markup=False, emoji=False)


def sent_figures(report: CustomerReport, *, dry: bool = False) -> Figures:
    """What a run did for a customer; in a dry run what it would do, failures included."""
    told = ("created", "updated", "adopted", "documents", "mutations", *(("failed",) if dry else ()))
    figures: Figures = {name: report.total(name) for name in told}
    figures["updated"] += report.total("moved") + report.total("archived")
    figures["seconds"] = round(report.seconds, 3)
    return figures | ({"doubled": len(report.doubled)} if report.doubled else {})


def run_result(
    summaries: Iterable[CustomerSummary],
    rejects: Sequence[RowProblem],
    sent: Mapping[str, Figures],
    errors: Mapping[str, str],
    verdicts: Iterable[Verdict],
) -> dict[str, object]:
    """A run as JSON: for each customer of `sent` where it stands, what the run did, its error and verdict, and the total."""
    stands = {summary.customer: summary for summary in summaries}
    rejected = Counter[str]()
    for row in rejects:
        rejected[row.customer] += 0 if row.size_code else row.rows
    figures: dict[str, Figures] = {}
    for name, did in sent.items():
        known = {**asdict(stands.get(name, CustomerSummary(name))), "rejected": rejected[name], **did}
        figures[name] = {each: known.get(each, 0) for each in FIGURES}
    total = {name: round(sum(each[name] for each in figures.values()), 3) for name in FIGURES}
    said = {verdict.customer: verdict_json(verdict) for verdict in verdicts}
    failed = {name: {"error": error} for name, error in errors.items()}
    customers = {name: {**each, **failed.get(name, {}), "verdict": said.get(name)} for name, each in figures.items()}
    return {"customers": customers, "total": total}


def verdict_json(verdict: Verdict) -> JsonObject:
    """A verdict as JSON, with its state and its sentence."""
    return {"state": verdict.state, "sentence": verdict.sentence, **asdict(verdict)}


def print_verdicts(verdicts: Sequence[Verdict], *, has_looked: bool = False) -> None:
    """Where the customers stand: a line for each of whom there is something to say, one for the others.

    Unless somebody has just looked, also who names the differences that were found.
    """
    clean = [verdict for verdict in verdicts if verdict.state is CustomerState.ON_BOARD]
    echo()
    if len(clean) > 1:
        orders = sum(verdict.orders for verdict in clean)
        say(f"{len(clean)} customers: {orders:,} orders, all on the board", style="green")
    for verdict in verdicts if len(clean) == 1 else [verdict for verdict in verdicts if verdict not in clean]:
        say(verdict.sentence, style="green" if verdict in clean else _WARNED if verdict.is_well() else _FAILED)
    if not has_looked and any(verdict.differences for verdict in verdicts):
        say("Differences are as of the last comparison; `orders-platform verify` compares again and names them.")


def print_guards(verdicts: Iterable[Verdict]) -> None:
    """What guards saw, and how to go on; on standard error."""
    for guard in (guard for verdict in verdicts for guard in verdict.guards):
        say(str(guard), err=True, style=_FAILED)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output; all columns but the first are aligned to the right, and columns of nothing are left out."""
    from rich.table import Table
    from rich.text import Text

    every = [dict(zip(headers, row, strict=True)) for row in rows]
    shown = [name for name in headers if name in _KEPT or any(row[name] for row in every)]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for place, name in enumerate(shown):
        table.add_column(name, justify="right" if place else "left", overflow="fold")
    for row in every:
        table.add_row(*(Text(_cell(row[name]), _STYLES.get(name, "") if row[name] else "") for name in shown))
    console().print(table)


def print_changes(text: str) -> None:
    """What a run would change, each line in the colour of its mark."""
    say(text, marks={"+": "green", "~": _WARNED, "-": _FAILED})


def show_run(result: JsonObject, *, as_json: bool, output_json: Path | None, quiet: bool = False) -> None:
    """The result of a run, as asked for: into a file, as JSON, or as a table with a line for each customer and the total."""
    if output_json:
        write_json(result, output_json)
    if as_json:
        write_json(result)
    elif not quiet:
        customers: Mapping[str, Figures] = result["customers"]  # type: ignore[assignment]
        total: Figures = result["total"]  # type: ignore[assignment]
        rows = [*customers.items(), *([("total", total)] if len(customers) > 1 else [])]
        if any(total[name] for name in ("created", "updated", "adopted", "failed", "documents")):
            print_table(["customer", *_TOLD], [[name, *(figures[each] for each in _TOLD)] for name, figures in rows])
        else:
            say("Nothing to send.")


def print_warnings(warnings: Iterable[CellWarning]) -> None:
    """The cells that were left out or cut, by kind, each with examples and its reason."""
    groups = group_warnings(warnings)
    cells = counted(sum(group.count for group in groups), "cell; its order is", "cells; their orders are")
    lines = [f"{group.customer}: {group}" for group in groups]
    _print_first(f"Left out or cut ({cells} on the board):", lines, "kind", _WARNED)


def print_refusals(title: str, rows: Sequence[RowProblem]) -> None:
    """The rows that could not be merged or sent, those with the same reason in one line."""
    alike: dict[tuple[str, str, str], list[RowProblem]] = {}
    for row in rows:
        alike.setdefault((row.customer, row.code, row.reason), []).append(row)
    lines = [f"{customer}: {_named(members)}: [{code}] {reason}" for (customer, code, reason), members in alike.items()]
    _print_first(f"{title} ({sum(row.rows for row in rows)}):", lines, "reason", _FAILED)


def _print_first(title: str, lines: Sequence[str], of: str, style: str) -> None:
    if lines:
        say(f"\n{title}", style=style)
    for line in lines[:_MOST]:
        say(f"  {line}")
    if len(lines) > _MOST:
        say(f"  ... and {counted(len(lines) - _MOST, of)} more; `orders-platform status --json` lists all")


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
    return f"{line}, {counted(usage.rate_limited, 'answer')} over a limit in 24 hours (last {usage.rate_limited_at:%H:%M} UTC)"


class LongList(list[T]):
    """As JSON a list, of which no value is asked for before the one before it is written."""

    def __init__(self, values: Iterator[T], length: int) -> None:
        self._values, self._length = values, length

    def __iter__(self) -> Iterator[T]:
        return self._values

    def __len__(self) -> int:
        return self._length


def json_pieces(result: JsonObject) -> Iterator[str]:
    """A JSON document, some values at a time."""
    tokens = json.JSONEncoder(ensure_ascii=False, indent=2, default=_plain).iterencode(result)
    while piece := "".join(islice(tokens, _PIECE)):
        yield piece


def _plain(value: object) -> object:
    return {each.name: getattr(value, each.name) for each in fields(value)} if is_dataclass(value) else str(value)


def write_json(result: JsonObject, file: Path | None = None) -> None:
    """A JSON object into a file, or onto standard output."""
    if file is None:
        for piece in json_pieces(result):
            echo(piece, nl=False)
        echo()
    else:
        write_text(chain(json_pieces(result), "\n"), file)


def write_text(pieces: Iterable[str], file: Path) -> None:
    """A text into a file. Raises `UsageError` when that fails, for example on a full disk."""
    try:
        with file.open("w", encoding="utf-8") as stream:
            stream.writelines(pieces)
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written ({error.strerror}); name another file.") from None


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, int | float):
        return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
    return "" if value is None else visible(" ".join(str(value).split()))

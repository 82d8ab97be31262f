"""Markdown tables whose cells are anybody's text, for reports and for what assets show in Dagster."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads somewhere; without an address it is its text."""

    text: object
    url: str


def cell(value: object) -> str:
    """A value as one cell: on one line, with everything that markdown or HTML would take for its own made harmless."""
    if value is None:
        return ""
    if isinstance(value, Link):
        return f"[{cell(value.text)}]({value.url})" if value.url else cell(value.text)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    text = f"{value:%Y-%m-%d}" if isinstance(value, date) else str(value)
    return re.sub(r"([\\`*\[\]|])", r"\\\1", " ".join(text.split())).replace("&", "&amp;").replace("<", "&lt;")


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, most: int | None = None) -> str:
    """A table, numbers to the right; beyond `most` rows it says how many more there are."""
    every = [list(row) for row in rows]
    shown = every[:most]
    numeric = [bool(shown) and all(isinstance(row[i], int | float) for row in shown) for i in range(len(headers))]
    lines = ["| " + " | ".join(headers) + " |", "| " + " | ".join("---:" if each else "---" for each in numeric) + " |"]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in shown]
    if len(every) > len(shown):
        lines += ["", f"... and {len(every) - len(shown):,} more."]
    return "\n".join(lines)

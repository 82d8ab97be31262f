"""Reports and previews as a page (one HTML file that fetches nothing), reports as markdown too, and the file that keeps a customer's page.

An order's name is anybody's text: Jinja escapes it in HTML, `cell` in markdown.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import jinja2

from orders_platform.domain.differences import RowChange, change_counts, counts_in_words
from orders_platform.domain.orders import RowProblem
from orders_platform.errors import ConfigurationError
from orders_platform.reports.content import STATUS_WORDS, Report, change_words, changes_summary, event_words, waiting_words

MOST_ROWS = 50  # of a table in markdown, which is read in a terminal or in Dagster; the page has them all
_MOST_EVENTS = 6
_LONGEST_NAME = 240  # of a file without its suffix; file systems take 255 bytes


@dataclass(frozen=True, slots=True)
class Links:
    """Where the board is in a browser; empty for no link. `items` is what an item's id is put behind."""

    board: str = ""
    items: str = ""

    def item(self, item_id: int | None) -> str:
        """The address of an item, empty when it has none."""
        return f"{self.items}{item_id}" if self.items and item_id is not None else ""


def html_page(reports: Sequence[Report], links: Links, nobodys: Sequence[RowProblem] = ()) -> str:
    """One page. A customer alone is shown with every order; several with an overview, and without the orders that need nobody.

    `nobodys` are files and rows of the list that are no customer's.
    """
    return _rendered("page.html.j2", reports, links, nobodys)


def markdown_text(reports: Sequence[Report], links: Links, nobodys: Sequence[RowProblem] = ()) -> str:
    """The same as markdown, without the list of every order."""
    return _rendered("page.md.j2", reports, links, nobodys).strip() + "\n"


@cache
def find_script() -> str:
    """The script of a page, which finds orders in it."""
    return resources.files(__package__).joinpath("page.js").read_text(encoding="utf-8")


def page_policy() -> str:
    """What a page may do: apply its own style and run its own script. It loads nothing, and nothing that a cell holds is obeyed."""
    digest = base64.b64encode(hashlib.sha256(find_script().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def changes_page(
    changes: Iterable[tuple[str, Iterable[RowChange]]],
    stays: Sequence[str],
    counts: Mapping[str, int],
    made_at: datetime,
    links: Links,
) -> Iterator[str]:
    """What a run would change, by customer and with every cell, in pieces; `stays` are sentences on what it leaves."""
    shown = ((customer, found) for customer, orders in changes if (found := list(orders)))
    sections = ((customer, orders, counts_in_words(change_counts(orders))) for customer, orders in shown)
    template, in_words = _environment().get_template("changes.html.j2"), counts_in_words(counts)
    return template.generate(sections=sections, stays=stays, in_words=in_words, made_at=made_at, links=links)


def changes_text(customer: str, orders: Sequence[RowChange], counts: Mapping[str, int]) -> str:
    """What it would change of a customer for a terminal, of the first orders."""
    template = _environment().get_template("changes.txt.j2")
    return template.render(customer=customer, orders=orders, in_words=counts_in_words(counts))


def _rendered(name: str, reports: Sequence[Report], links: Links, nobodys: Sequence[RowProblem]) -> str:
    made_at, template = max((report.made_at for report in reports), default=None), _environment().get_template(name)
    return template.render(reports=reports, alone=len(reports) == 1, made_at=made_at, links=links, nobodys=nobodys)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("orders_platform", "reports"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": _moment, "number": lambda value: f"{value:,}", "cell": cell}
    environment.globals |= {each.__name__: each for each in (change_words, changes_summary, waiting_words, event_words, table)}
    environment.globals |= {"most": MOST_ROWS, "most_events": _MOST_EVENTS, "script": find_script(), "policy": page_policy()}
    environment.globals["status_words"] = STATUS_WORDS
    return environment


def _moment(value: datetime | None) -> str:
    """`21 Nov 2026, 07:40 UTC`."""
    return "" if value is None else f"{value.day} {value:%b %Y, %H:%M} UTC"


def page_of(folder: Path, customer: str) -> Path:
    """The customer's file: its name, with what a file's name cannot hold written as %2F; two customers never share one.

    Where that is too long for a file, its end gives way to a hash behind a sign that no other name has.
    """
    name = quote(customer, safe=" '()&,+")
    if len(name) > _LONGEST_NAME:
        name = re.sub("%.?$", "", name[: _LONGEST_NAME - 17]) + "=" + hashlib.sha256(customer.encode()).hexdigest()[:16]
    return folder / f"{name}.html"


def write_page(folder: Path, customer: str, text: str) -> Path:
    """Put a customer's page in place of the last one. Raises `ConfigurationError`: the folder cannot be made or written."""
    page = page_of(folder, customer)
    half = page.with_suffix(f".{os.getpid()}.part")
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        half.touch(0o600)  # before it holds anything
        half.write_text(text, encoding="utf-8")
        half.replace(page)
    except OSError as error:
        raise ConfigurationError(
            f"The report {page} cannot be written: {error}. Correct `folder` in [reports], or the rights of that folder."
        ) from error
    return page


# --- markdown tables, whose cells are anybody's text ---------------------------------------------------------------------------


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

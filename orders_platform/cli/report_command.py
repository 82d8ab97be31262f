"""The command `report`.

Belongs here: its options, and where the report goes. Does not belong here: what it says and how it looks (`reports/`), the group itself
(`cli.py`).
"""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from orders_platform.build import open_store, report_links
from orders_platform.cli import output as console
from orders_platform.reports.content import make_report
from orders_platform.reports.rendering import html_page, markdown_text
from orders_platform.settings import Settings


@click.command()
@click.option("--customer", "only", multiple=True, metavar="NAME", help="This customer; repeat for several. Default: all.")
@click.option("--html", "page", type=console.OUTPUT_FILE, metavar="FILE", help="Write a page into this file.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Markdown on standard output (the default without --html).")
def report(*, only: tuple[str, ...], page: Path | None, as_markdown: bool) -> None:
    """Where the orders stand on the board, for people outside the team: totals, groups, corrections, what waits, the last update."""
    settings = Settings()
    store = open_store(settings)
    with closing(store.database):
        known = [summary.customer for summary in store.summaries()]
        chosen = console.chosen_customers(
            only, known, settings.configuration.customer_names, "No order was ever merged of the customer"
        )
        now = datetime.now(UTC)
        reports = [make_report(store, customer, now) for customer in chosen]
    links = report_links(settings)
    if page is not None:
        console.write_text(html_page(reports, links), page)
        click.echo(f"{len(reports)} customers reported in {page}", err=True)
    if page is None or as_markdown:
        click.echo(markdown_text(reports, links), nl=False)
    sys.exit(0)

"""What commands share: options, and the open order database and board."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

import click

from orders_platform.build import open_board, open_store, sync_rules
from orders_platform.cli import output
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.database.order_store import OrderStore
from orders_platform.settings import Settings
from orders_platform.sync.run import SyncRun

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
CUSTOMERS = click.option(
    "--customer", "only", multiple=True, metavar="NAME", help="Only this customer; may be repeated. Default: all customers."
)
STRICT = click.option("--strict", is_flag=True, help="Exit with 1 also when there are only warnings.")


@contextmanager
def database_session() -> Iterator[tuple[Settings, OrderStore]]:
    """The settings and the open order database."""
    settings = Settings()
    if settings.env_file:
        output.echo(f"Variables that are not set are taken from {settings.env_file}.", err=True)
    store = open_store(settings)
    with closing(store.database):
        yield settings, store


@contextmanager
def board_session(verbosity: str | None = None, *, dry: bool = False) -> Iterator[tuple[Settings, OrderStore, SyncRun]]:
    """The same with the board, for a sync; with `dry` the database takes back at the end whatever was written."""
    with ExitStack() as stack:
        settings, store = stack.enter_context(database_session())
        stack.enter_context(embedded_sandbox(settings))
        if dry:
            store = stack.enter_context(store.dry_run_transaction())
        board = stack.enter_context(closing(open_board(settings)))
        yield settings, store, SyncRun(store, board, sync_rules(settings.configuration), progress=_progress(verbosity))


def _progress(verbosity: str | None) -> Callable[[str], None]:
    """Prints a line of progress to standard error: when asked for, or by default at a terminal."""
    is_shown = verbosity == "verbose" or (verbosity is None and sys.stderr.isatty())
    return lambda line: output.echo(f"  {line}", err=True) if is_shown else None


def chosen_customers(only: Sequence[str], known: Sequence[str], settings: Settings, problem: str) -> list[str]:
    """The customers that `--customer` names in any spelling, each once; without it all that are known.

    Raises:
        UsageError: a customer is not among the known ones; `problem` says why that matters.
    """
    names = settings.configuration.customer_names
    chosen = [name if name in known else names.resolve(name) for name in only]
    for name, customer in zip(only, chosen, strict=True):
        if customer not in known:
            raise click.UsageError(f"Customer {name!r} {problem}; known: {', '.join(known) or 'none'}.")
    return list(dict.fromkeys([name for name in chosen if name is not None] or known))


def merged_customers(only: Sequence[str], settings: Settings, store: OrderStore) -> list[str]:
    """The same among the customers whose orders are in the database."""
    known = [summary.customer for summary in store.summaries()]
    return chosen_customers(only, known, settings, "has no orders in the database")

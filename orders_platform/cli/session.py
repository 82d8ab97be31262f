"""What commands share: the open order database and board, and which customers are meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

import click

from orders_platform.build import open_board, open_store, sync_rules
from orders_platform.cli import output
from orders_platform.cli.embedded import embedded_sandbox
from orders_platform.cli.progress import Progress
from orders_platform.database.order_store import OrderStore
from orders_platform.settings import Settings
from orders_platform.sync.run import SyncRun


@contextmanager
def database_session() -> Iterator[tuple[Settings, OrderStore]]:
    """The settings and the open order database."""
    settings = Settings()
    if settings.env_file:
        output.say(f"Variables that are not set are taken from {settings.env_file}.", err=True)
    store = open_store(settings)
    with closing(store.database):
        yield settings, store


@contextmanager
def board_session(
    verbosity: str | None = None, *, dry: bool = False
) -> Iterator[tuple[Settings, OrderStore, SyncRun, Progress]]:
    """The same with the board, for a sync; with `dry` the database takes back at the end whatever was written."""
    with ExitStack() as stack:
        settings, store = stack.enter_context(database_session())
        stack.enter_context(embedded_sandbox(settings))
        if dry:
            store = stack.enter_context(store.dry_run_transaction())
        board = stack.enter_context(closing(open_board(settings)))
        progress = Progress(verbosity, lambda: board.waits_for)
        yield settings, store, SyncRun(store, board, sync_rules(settings.configuration), progress=progress), progress


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

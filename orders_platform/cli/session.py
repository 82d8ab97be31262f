"""What commands share: the open order database, and which customers are meant."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import click

from orders_platform.build import open_store
from orders_platform.cli import output
from orders_platform.database.engine import place
from orders_platform.database.order_store import OrderStore
from orders_platform.settings import Settings


@contextmanager
def database_session(*, may_be_new: bool = False) -> Iterator[tuple[Settings, OrderStore]]:
    """The settings and the open order database; ends the command where nothing was loaded yet, unless the database may be new."""
    settings = Settings()
    if settings.env_file:
        output.say(f"Variables that are not set are taken from {settings.env_file}.", err=True)
    store = open_store(settings)
    with closing(store.database):
        if not may_be_new and is_new(settings, store):
            said = f"Nothing is loaded yet into {place(store.database.engine)}"
            output.say(f"{said}: `orders-platform load FILE` takes your orders, `orders-platform demo` samples.", err=True)
            sys.exit(1)
        yield settings, store


def is_new(settings: Settings, store: OrderStore) -> bool:
    """Whether nothing was loaded yet into the database of this machine, whose tables `load` makes."""
    is_local = settings.environment == "sandbox" and store.database.dialect.name == "sqlite"
    return is_local and not any(map(store.schema.is_there, ("staging", "orders")))


def chosen_customers(only: Sequence[str], known: Sequence[str], settings: Settings) -> list[str]:
    """The customers that `--customer` names in any spelling, each once; without it all that are known.

    Raises `UsageError`: a customer is not among the known ones.
    """
    names = settings.configuration.customer_names
    chosen = [name if name in known else names.resolve(name) or "" for name in only]
    for name, customer in zip(only, chosen, strict=True):
        if customer not in known:
            raise click.UsageError(
                f"Customer {name!r} has nothing that this command works on; known: {', '.join(known) or 'none'}."
            )
    return list(dict.fromkeys(chosen or known))


def customers_to_send(only: Sequence[str], settings: Settings, store: OrderStore) -> list[str]:
    """The same among those with orders in the database, and without the paused ones."""
    chosen = chosen_customers(only, [summary.customer for summary in store.summaries()], settings)
    return without_paused(chosen, store, named=bool(only))


def without_paused(chosen: Sequence[str], store: OrderStore, *, named: bool) -> list[str]:
    """The customers of which something may be sent: without those that are paused, unless the call names them; says which these are.

    A pause stops what runs by itself or over everybody; who types the name has decided about that customer.
    """
    paused = store.paused()
    what = "it is named, so it is not left out" if named else "left out. --customer names it, `customers resume` ends the pause"
    for name in (name for name in chosen if name in paused):
        output.say(f"{name} is paused since {paused[name]:%Y-%m-%d %H:%M} UTC: {what}.", err=True)
    return [name for name in chosen if named or name not in paused]

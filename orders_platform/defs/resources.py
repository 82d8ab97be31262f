"""What runs are given: a customer as their partition, the two injected resources, and what a person asks of one run in the launchpad.

Resources hand out plain objects that know no Dagster. Settings are read when a run starts, inside the resource, so that no secret is ever
a field that the UI shows.
"""

import enum
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack, suppress
from functools import cached_property
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from orders_platform.build import open_board, open_store
from orders_platform.database.engine import dialect_of
from orders_platform.database.order_store import OrderStore
from orders_platform.database.sqlite import SQLITE
from orders_platform.domain.guards import GuardKind
from orders_platform.domain.needed_runs import PartitionChanges, partition_changes
from orders_platform.errors import ConfigurationError, OrdersError
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.monday.adapter import MondayBoard
from orders_platform.settings import Settings
from orders_platform.sync.run import SyncRun

PARTITION_TAG = "dagster/partition"
LOCK_TAG = "orders/lock"
"""On a run that holds its lock, or held it when its process ended: its id, since a run that repeats another is given its tags."""


def run_lock(run: dg.DagsterRun) -> str:
    """The name of the lock that a run holds as long as its process lives: of its customer or job, which has one run at a time."""
    return f"run:{run.tags.get(PARTITION_TAG, run.job_name)}"


class OrdersDatabase(dg.ConfigurableResource[Any]):
    """The order database; `MssqlResource` and `SqliteResource` say which kind it must be."""

    _held: ExitStack = PrivateAttr(default_factory=ExitStack)

    @cached_property
    def store(self) -> OrderStore:
        return open_store(Settings())

    @cached_property
    def merge(self) -> OrderMerge:
        return OrderMerge(self.store)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """In a run, hold its lock; where that fails, the steps say why, and nobody will take the run for lost."""
        if context.run and context.instance:
            with suppress(OrdersError):
                self._held.enter_context(self.store.database.customer_lock(run_lock(context.run)))
                context.instance.add_run_tags(context.run.run_id, {LOCK_TAG: context.run.run_id})

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        self._held.close()
        self.__dict__.pop("merge", None)
        if store := self.__dict__.pop("store", None):
            store.database.close()


class SqliteResource(OrdersDatabase):
    """The embedded default, for the sandbox."""


class MssqlResource(OrdersDatabase):
    """SQL Server, for development and production."""


class MondayResource(dg.ConfigurableResource[Any]):
    """The board on monday.com, or the sandbox; one client, with one budget, for the whole run."""

    _run: SyncRun | None = PrivateAttr(default=None)

    @cached_property
    def board(self) -> MondayBoard:
        return open_board(Settings())

    def sync_run(
        self, store: OrderStore, run_id: str, progress: Callable[[str], None], options: "RunOptions | None" = None
    ) -> SyncRun:
        """The run's shared state: the preflight is made once for the three assets that send."""

        def as_lines(words: str, done: int, total: int) -> None:
            progress(f"{words}: {done:,} of {total:,}" if total else words)

        if self._run is None:
            run = SyncRun(store, self.board, run_id=run_id, progress=as_lines)
            if options:
                run.orders, run.limit, run.skip_subitems = options.orders, options.most, options.skip_subitems
            self._run = run
        return self._run

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        self._run = None
        if board := self.__dict__.pop("board", None):
            board.close()


def database_resource(settings: Settings) -> OrdersDatabase:
    """The kind of database that the URL names."""
    return SqliteResource() if dialect_of(settings.database_url) is SQLITE else MssqlResource()


CUSTOMERS = dg.DynamicPartitionsDefinition(name="customers")
"""Dynamic, because a new customer must not need a deployment; the key is the canonical name."""


def make_partitions(
    instance: dg.DagsterInstance, customers: Iterable[str], busy: Collection[str] | None = None
) -> PartitionChanges:
    """Make the partitions that customers lack; given who has a run on its way, also delete those of nobody."""
    changes = partition_changes(customers, instance.get_dynamic_partitions("customers"), busy or ())
    if changes.added:
        instance.add_dynamic_partitions("customers", list(changes.added))
    for key in changes.deleted if busy is not None else ():
        instance.delete_dynamic_partition("customers", key)
    return changes


class GuardWord(enum.StrEnum):
    """The guards by the words that the launchpad offers and checks: Dagster takes the name of a member, not its value."""

    vanished_orders = GuardKind.VANISHED_ORDERS
    emptied_columns = GuardKind.EMPTIED_COLUMNS
    wrong_totals = GuardKind.WRONG_TOTALS


class RunOptions(dg.ConfigurableResource[Any]):
    """For this run alone. The defaults are what the night does: everything that waits of the customer is sent.

    It is set once, as the configuration of a resource that the steps of a run share. Configuration of the ops would be given to each of
    them, and a mapping of the job's configuration names ops that are not there when a run leaves some out.
    """

    orders: list[str] = Field(
        default=[],
        description="Only these orders, by number or key. The others wait for the next run, which sensor and schedule start.",
    )
    limit: int = Field(default=0, description="At most so many orders, the first that wait, with their sizes; 0: all.")
    skip_subitems: bool = Field(default=False, description="Send no sizes; they wait.")
    accept: list[GuardWord] = Field(
        default=[],
        description=f"Guards that do not act on this load, since it is right: {', '.join(GuardKind)}. Later loads are guarded again.",
    )
    resync: bool = Field(
        default=False,
        description="Compare every row of the customer with the board again, failed ones too; what differs is sent, nothing else.",
    )

    @property
    def most(self) -> int | None:
        """How many orders; None for all. Raises `ConfigurationError` for less than none, which the launchpad cannot refuse."""
        if self.limit < 0:
            raise ConfigurationError(f"limit is {self.limit}; it is a number of orders, or 0 for all.")
        return self.limit or None

    @property
    def guards(self) -> Collection[GuardKind]:
        return [GuardKind(word.value) for word in self.accept]

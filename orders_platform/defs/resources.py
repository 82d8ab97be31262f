"""The two injected resources. They hand out plain objects that know no Dagster.

Settings are read when a run starts, inside the resource, so that no secret is ever a field that the UI shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from orders_platform.build import open_board, open_store, sync_rules
from orders_platform.database.engine import dialect_of
from orders_platform.database.order_store import OrderStore
from orders_platform.database.queries import Queries
from orders_platform.database.sqlite import SQLITE
from orders_platform.merge.loads import Loads
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.monday.adapter import MondayBoard
from orders_platform.settings import Settings
from orders_platform.sync.ports import Board
from orders_platform.sync.run import SyncRules, SyncRun


class OrdersDatabase(dg.ConfigurableResource[Any]):
    """The order database; `MssqlResource` and `SqliteResource` say which kind it must be."""

    _store: OrderStore | None = PrivateAttr(default=None)
    _merge: OrderMerge | None = PrivateAttr(default=None)

    @property
    def store(self) -> OrderStore:
        """The store; connects at first use."""
        if self._store is None:
            self._store = open_store(Settings())
        return self._store

    @property
    def merge(self) -> OrderMerge:
        """From the staging table to orders and lines."""
        if self._merge is None:
            self._merge = OrderMerge(self.store)
        return self._merge

    @property
    def loads(self) -> Loads:
        """Loads of order files."""
        return Loads(self.store)

    @property
    def queries(self) -> Queries:
        """What the checks read over all customers."""
        return Queries(self.store)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        """Close the connections of the run."""
        if self._store is not None:
            self._store.database.close()
            self._store = self._merge = None


class SqliteResource(OrdersDatabase):
    """The embedded default, for the sandbox."""


class MssqlResource(OrdersDatabase):
    """SQL Server, for development and production."""


class MondayResource(dg.ConfigurableResource[Any]):
    """The board on monday.com, or the sandbox; one client, with one budget, for the whole run."""

    _board: MondayBoard | None = PrivateAttr(default=None)
    _run: SyncRun | None = PrivateAttr(default=None)

    @property
    def board(self) -> Board:
        """The board; connects at first use."""
        if self._board is None:
            self._board = open_board(Settings())
        return self._board

    @property
    def rules(self) -> SyncRules:
        """What the configuration says about sending."""
        return sync_rules(Settings().configuration)

    def sync_run(self, store: OrderStore, run_id: str, progress: Callable[[str], None]) -> SyncRun:
        """The run's shared state: the preflight is made once for the three assets that send."""
        if self._run is None:
            self._run = SyncRun(store, self.board, self.rules, run_id=run_id, progress=progress)
        return self._run

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        """Close the connections of the run."""
        if self._board is not None:
            self._board.close()
            self._board = self._run = None


def database_resource(settings: Settings) -> OrdersDatabase:
    """The kind of database that the URL names."""
    return SqliteResource() if dialect_of(settings.database_url) is SQLITE else MssqlResource()

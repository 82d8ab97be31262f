"""An order database with as few columns as the mapping and the rules need, so that a merge takes milliseconds and not tenths of seconds.

The engine finds the columns that are there, so it is the engine of production at work on a narrower table, fresh for each history.
"""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Sequence
from pathlib import Path
from random import Random

from pydantic import SecretStr
from sqlalchemy import event

from orders_platform.configuration import Configuration, read_configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import default_folder

SIZES = ("S", "M", "L", "XL")


class NarrowStores:
    """The stores of one narrow database file; `random` makes its uuids, so that a seed repeats to the letter."""

    def __init__(self, folder: Path, sizes: Sequence[str] = SIZES) -> None:
        self.file = folder / "orders.db"
        self.random = Random(0)
        self._empty = folder / "empty.db"
        self._made: dict[str, tuple[OrderStore, OrderMerge]] = {}
        configuration = read_configuration(default_folder("config") / "order_sync.toml", "sandbox")
        self.database = open_database(SecretStr(f"sqlite:///{self._empty}"))
        _make(self._empty, OrderStore(self.database, configuration, default_folder("sql")), configuration, sizes)
        self.database.close()
        self.database = open_database(SecretStr(f"sqlite:///{self.file}"))
        event.listen(self.database.engine, "connect", self._seed)

    def _seed(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.create_function("orders_uuid", 0, lambda: str(uuid.UUID(int=self.random.getrandbits(128), version=4)))
        connection.execute("PRAGMA synchronous = OFF")  # no power is cut here, and the disk is not what is tested

    def of(self, configuration: Configuration) -> OrderStore:
        """The store of a configuration; compiled once."""
        return self._both(configuration)[0]

    def merge_of(self, configuration: Configuration) -> OrderMerge:
        return self._both(configuration)[1]

    def _both(self, configuration: Configuration) -> tuple[OrderStore, OrderMerge]:
        key = configuration.model_dump_json()
        if key not in self._made:
            store = OrderStore(self.database, configuration, default_folder("sql"))
            self._made[key] = store, OrderMerge(store)
        return self._made[key]

    def empty(self, seed: int = 0) -> None:
        """Every table and no row, and the dice of this seed."""
        self.database.close()
        for ending in ("-wal", "-shm"):
            self.file.with_name(self.file.name + ending).unlink(missing_ok=True)
        shutil.copy(self._empty, self.file)
        self.random = Random(seed)


def _make(file: Path, store: OrderStore, configuration: Configuration, sizes: Sequence[str]) -> None:
    needed = {*configuration.mapped_sources, *configuration.columns.model_dump().values(), *sizes, "record_uuid"}
    needed |= {configuration.sizes.after, configuration.sizes.before, *configuration.keys.unique, *configuration.keys.extra}
    needed |= {name for part in (*configuration.names.group, *configuration.names.item) for name in part}
    needed |= {*configuration.cleaning.phantom_columns, *configuration.cleaning.not_available_columns}
    for entry in configuration.customers.values():
        needed |= {*(entry.unique_keys or ()), *(entry.extra_checks or ())}
    with sqlite3.connect(file) as connection:
        for role, definition in store.schema.definitions.items():
            create = definition.create
            if role in {"staging", "orders"}:
                names = [name for name, _ in definition.columns]
                own = set(names[names.index("order_key") :]) if role == "orders" else set()
                create = _without(create, {name for name in names if name not in needed | own})
            connection.execute(create)
    store.schema.apply()


def _without(create: str, names: set[str]) -> str:
    """A CREATE TABLE statement, one column a line, without some of its columns."""
    quoted = tuple('"' + name.replace('"', '""') + '" ' for name in names)
    return "\n".join(line for line in create.splitlines() if not line.lstrip().startswith(quoted))

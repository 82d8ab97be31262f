"""The platform of the flow tests with its orders on a server instead of in a file: what differs from `testing/platform.py`."""

from __future__ import annotations

from typing import Any

from orders_platform.configuration import Configuration, read_configuration
from orders_platform.database.order_store import OrderStore
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.settings import default_folder
from orders_platform_tests.testing import sql_server
from orders_platform_tests.testing.platform import Platform


class ServedStores:
    """The stores of one schema, by configuration; tests empty its tables."""

    file = None

    def __init__(self, schema: str) -> None:
        own = read_configuration(default_folder("config") / "order_sync.toml", "sandbox")
        self.configuration = sql_server.in_schema(own, schema)
        self.database = sql_server.opened()
        self._made: dict[str, tuple[OrderStore, OrderMerge]] = {}
        self.of(self.configuration).schema.apply()

    def of(self, configuration: Configuration) -> OrderStore:
        return self._both(configuration)[0]

    def merge_of(self, configuration: Configuration) -> OrderMerge:
        return self._both(configuration)[1]

    def _both(self, configuration: Configuration) -> tuple[OrderStore, OrderMerge]:
        key = configuration.model_dump_json()
        if key not in self._made:
            store = OrderStore(self.database, configuration, default_folder("sql"))
            self._made[key] = store, OrderMerge(store)
        return self._made[key]

    def empty(self) -> None:
        """Every table and no row."""
        sql_server.empty(self.database, self.configuration.tables.schema_name)

    def platform(self, *parts: Any) -> Platform:
        return ServedPlatform(self, *parts)


class ServedPlatform(Platform):
    """Asks the server what `Platform` asks its file."""

    def __init__(self, stores: ServedStores, *parts: Any) -> None:
        super().__init__(stores, *parts)
        self.configuration = stores.configuration

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return sql_server.asked_by_name(self._stores.database, self.configuration, sql, values)

    def execute(self, sql: str) -> None:
        sql_server.asked(self._stores.database, self.configuration, sql, ())

    def dump(self) -> str:
        names = sql_server.tables_of(self._stores.database, self.configuration.tables.schema_name)
        return "\n".join(f"{name}: {row}" for name in names for row in sorted(map(str, self.rows(f"SELECT * FROM {name}"))))

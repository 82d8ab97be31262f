"""An order list to load and merge: a store on a SQLite file, and what a test asks it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orders_platform.configuration import Configuration
from orders_platform.database.order_store import OrderStore
from orders_platform.domain.guards import HeaderMerge, LineMerge
from orders_platform.domain.mutations import Batch, Mutation, Operation
from orders_platform.domain.orders import RowKind, SyncRow
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform_tests.testing import sql_server

KEY, NAME, FILE, PO, STYLE = "AAG ORDER NUMBER", "CUSTOMER NAME", "_SOURCE_TABLE", "PO NUMBER", "CUSTOMER STYLE"
GREYSON = "GREYSON"
SIZES = ("0", "XS", "S", "M", "L", "30/32", "OS", "ONE SIZE", "One_Size", "S+", "34", "3-4")
UNMAPPED = ("∆", "ADDITIONAL TARIFF %", "PLANNER")

Row = dict[str, object]


def order(number: str, /, **cells: object) -> Row:
    """A whole, ordinary order; `cells` by column name with underscores for spaces, sizes and odd names through `| {...}`."""
    row: Row = {
        KEY: number, NAME: GREYSON, FILE: "xGREYSON", PO: f"PO-{number}", STYLE: "MFA22K56", "CUSTOMER COLOUR DESCRIPTION": "ARCTIC",
        "CUSTOMER SEASON": "2025 FALL", "PLANNED DELIVERY METHOD": "SEA", "ORDER TYPE": "RECEIVED", "UNIT OF MEASURE": "PIECE",
        "TOTAL QTY": 5, "S": 2, "M": 3,
    }  # fmt: skip
    return row | {column.replace("_", " "): cell for column, cell in cells.items()}


def batch_of(rows: Sequence[SyncRow], key: str = "batch-1") -> Batch:
    """The batch that creates these rows."""
    operation = Operation.CREATE_ITEM if rows[0].kind is RowKind.ITEMS else Operation.CREATE_SUBITEM
    return Batch(key, operation, tuple(Mutation(row.ref, {}) for row in rows))


@dataclass
class OrderList:
    """A store, its file, and the staging table to fill. Each merge happens a minute after the one before."""

    path: Path
    configuration: Configuration
    store: OrderStore
    sql_folder: Path
    clock: Iterator[datetime] = field(
        default_factory=lambda: (datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=i) for i in itertools.count())
    )

    def __post_init__(self) -> None:
        self.merging = OrderMerge(self.store)

    def load(self, *rows: Row, append: bool = False) -> int:
        columns = list(dict.fromkeys(column for row in rows for column in row))
        cells = [[row.get(column) for column in columns] for row in rows]
        return replace_staged_rows(self.store, columns, cells, append=append)

    def merge(self, *rows: Row, customer: str = GREYSON) -> HeaderMerge:
        """Load the rows, when there are any, and merge the customer's orders."""
        if rows:
            self.load(*rows)
        return self.merging.merge_headers(customer, self.merging.scan_staging(), next(self.clock))

    def merge_all(self, *rows: Row, customer: str = GREYSON) -> tuple[HeaderMerge, LineMerge]:
        """Load the rows and merge the customer's orders and lines."""
        headers = self.merge(*rows, customer=customer)
        self.merging.unpivot_sizes(customer)
        return headers, self.merging.merge_lines(customer, next(self.clock))

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """What a statement of the test says, on a connection of its own; in SQLite's words on both engines."""
        if self.store.database.dialect.name == "mssql":
            return sql_server.asked(self.store.database, self.configuration, statement, values)
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(statement, values).fetchall()

    def orders(self, *columns: str) -> list[tuple[object, ...]]:
        names = ", ".join('"' + column.replace('"', '""') + '"' for column in columns)
        return self.sql(f"SELECT {names} FROM ORDER_LIST_V2 ORDER BY order_key, record_uuid")

    def lines(self) -> dict[tuple[object, object], object]:
        """Quantity by order key and size."""
        found = self.sql(
            "SELECT o.order_key, n.size_code, n.qty FROM ORDER_LIST_LINES n JOIN ORDER_LIST_V2 o ON o.record_uuid = n.record_uuid"
        )
        return {(key, size): quantity for key, size, quantity in found}

    def rejects(self) -> list[tuple[str, str, str]]:
        """Code, order key and size of what is rejected now."""
        return sorted((reject.code, reject.order_key, reject.size_code) for reject in self.store.invalid_rows())

    def warnings(self) -> list[tuple[str, str, str, str]]:
        """Order key, column, text and reason of the cells that were left out or cut."""
        found = self.store.cell_warnings()
        return sorted((each.order_key, each.column, each.text, each.reason) for each in found)

    def sent(self) -> None:
        """Pretend that every order and line reached the board."""
        for table, column in (("ORDER_LIST_V2", "monday_item_id"), ("ORDER_LIST_LINES", "monday_subitem_id")):
            number = "rowid + 7000"
            if self.store.database.dialect.name == "mssql":
                number = f"ABS(CHECKSUM({'record_uuid' if column == 'monday_item_id' else 'line_uuid'})) + 7000"
            self.sql(f"UPDATE {table} SET sync_state = 'SYNCED', {column} = coalesce({column}, {number})")

    def dump(self) -> list[str]:
        """The whole content, as SQL or as rows."""
        if self.store.database.dialect.name == "mssql":
            names = sql_server.tables_of(self.store.database, self.configuration.tables.schema_name)
            return [f"{name}: {row}" for name in names for row in sorted(map(str, self.sql(f"SELECT * FROM {name}")))]
        with closing(sqlite3.connect(self.path)) as connection:
            return list(connection.iterdump())

    def configured(self, change: Callable[[dict[str, Any]], None]) -> OrderList:
        """The same database under a changed configuration."""
        document = self.configuration.model_dump(mode="json", by_alias=True)
        change(document)
        configuration = Configuration.model_validate(document)
        store = OrderStore(self.store.database, configuration, self.sql_folder)
        return OrderList(self.path, configuration, store, self.sql_folder, self.clock)

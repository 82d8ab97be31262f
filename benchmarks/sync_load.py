"""One load of orders, for our engine and as plain values for other people's clients; what monday's limits demand for it; what came of it.

The floor
---------
The seconds below which no client gets, whatever it does, because monday's limits say so:

    windows = max( ceil(points / points a minute), ceil(creations / floor(points a minute / price of one)) )
    floor   = (windows - 1) x 60 s + one document with one mutation

A creation costs 30,001 points, a paid personal token has 10,000,000 a minute, so 333 creations go into a window. The window opens full
with the first call and is full again 60 s later: the first costs no waiting, each further one costs 60 s, and what is left for the
last window takes at least one request. The 390 mutations of the small load need 2 windows (60.5 s), the 6,003 of the large one
19 (1,080.5 s). Calls a minute (2,500) and a day (10,000) are not reached at one mutation a call, so they add nothing. Nor does
monday's own time: with the 100 requests that a Pro account may have under way, 333 creations one a call take 2 s of the minute. With
fewer under way it takes more, which is the choice of the client and so no part of the floor: three documents at a time, as ours, make
it 35 s of the minute.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from pydantic import SecretStr

from orders_platform.configuration import Configuration, read_configuration
from orders_platform.database.engine import open_database
from orders_platform.database.order_store import OrderStore
from orders_platform.demo.sample_orders import Row, sample_orders, wide_orders
from orders_platform.domain.board import BoardDescription
from orders_platform.domain.column_values import LabelIndex, RowFormat
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.sandbox.sandbox_options import PriceList
from orders_platform.sandbox.server import AccountLimits, Latency
from orders_platform.sandbox.stored_items import GroupSnapshot
from orders_platform.settings import default_folder

CUSTOMER = "GREYSON"
_SIX_CUSTOMERS = ("EQUINOX", CUSTOMER, "JOHNNIE O", "PELOTON", "RHONE", "TRACK SMITH")
LATENCY = Latency(per_document=0.2, per_mutation=0.3)
SMALL, LARGE, TINY = "69 orders / 317 lines", "1,000 orders / 5,000 lines", "8 orders / 40 lines"
SIX = "six customers, 216 orders / 1,080 lines"
NIGHT = "60 customers, 540 orders / 2,700 lines"

_WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much a load creates."""

    groups: int
    orders: int
    lines: int

    @property
    def mutations(self) -> int:
        """One for everything."""
        return self.groups + self.orders + self.lines


def floor_seconds(size: Size, limits: AccountLimits, latency: Latency = LATENCY) -> float:
    """The seconds that the limits demand; see the top of this file."""
    costs = PriceList()
    price = costs.mutations["create_item"] + 1
    points = size.groups * (costs.mutation + 1) + (size.orders + size.lines) * price
    creations_a_window = limits.complexity_per_minute // price
    windows = max(
        math.ceil(points / limits.complexity_per_minute), math.ceil((size.orders + size.lines) / creations_a_window), 1
    )
    return (windows - 1) * _WINDOW_SECONDS + latency.per_document + latency.per_mutation


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a board lacks of a load, and what it has more than once: items and subitems together."""

    lost: int
    doubled: int


class Load:
    """A load that is merged into a database of its own and waits to be sent.

    Attributes:
        store: for our engine.
        configuration: of the sandbox.
        customers: whose orders they are.
    """

    def __init__(self, name: str, folder: Path) -> None:
        configuration = read_configuration(default_folder("config") / "order_sync.toml", "sandbox")
        policies = configuration.policies.model_copy(update={"unknown_customers": "accept"})
        self.configuration: Configuration = configuration.model_copy(update={"policies": policies})
        database = open_database(SecretStr(f"sqlite:///{folder / 'orders.db'}"))
        self.store = OrderStore(database, self.configuration, default_folder("sql"))
        self.store.schema.apply()
        self._stage(LOADS[name]())
        self._merge()
        self._items = [row for customer in self.customers for row in self.store.orders(customer, waiting=True)]
        self._lines = [row for customer in self.customers for row in self.store.lines(customer, waiting=True)]

    def _stage(self, rows: Sequence[Row]) -> None:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        cells = ([row.get(name) for name in columns] for row in rows)
        replace_staged_rows(self.store, columns, cells)

    def _merge(self) -> None:
        merge = OrderMerge(self.store)
        scan = merge.scan_staging()
        self.customers = sorted(scan.customers)
        for customer in self.customers:
            merge.merge_headers(customer, scan, datetime.now(UTC))
            merge.unpivot_sizes(customer)
            merge.merge_lines(customer, datetime.now(UTC))

    @property
    def size(self) -> Size:
        """Groups, orders and lines to be created."""
        return Size(len({row.group_name for row in self._items}), len(self._items), len(self._lines))

    def as_json(self, items: BoardDescription, subitems: BoardDescription) -> str:
        """Groups of items of subitems with the column values that our engine would send, for another client."""
        values, line_values = (
            RowFormat(mapping, {column.id: column for column in board.columns}, LabelIndex())
            for mapping, board in ((self.configuration.items, items), (self.configuration.subitems, subitems))
        )
        lines = {ref: list(rows) for ref, rows in groupby(self._lines, lambda row: row.order_ref)}
        groups: dict[str, list[Mapping[str, object]]] = {}
        for row in self._items:
            children = [{"name": line.name, "values": line_values(line.values).cells} for line in lines.get(row.ref, ())]
            item: Mapping[str, object] = {"name": row.name, "values": values(row.values).cells, "subitems": children}
            groups.setdefault(row.group_name, []).append(item)
        made = [{"title": title, "items": members} for title, members in groups.items()]
        return json.dumps({"board_id": items.id, "groups": made}, ensure_ascii=False)

    def outcome(self, board: Iterable[GroupSnapshot]) -> Outcome:
        """Compare a board with what the load wanted there: items by order number, subitems by order number and size."""
        number = self.configuration.items.external_key or ""
        wanted = Counter[object](row.order_key for row in self._items)  # two orders may share a number
        wanted.update((row.order_key, row.name) for row in self._lines)
        items = [item for group in board for item in group.items]
        found = Counter[object](item.values.get(number, "") for item in items)
        found.update((item.values.get(number, ""), child.name) for item in items for child in item.subitems)
        return Outcome(lost=(wanted - found).total(), doubled=(found - wanted).total())


def _sample() -> list[Row]:
    """GREYSON PO 4755, as the sample orders have it."""
    return [row for row in sample_orders() if str(row.get("_SOURCE_TABLE", "")).startswith(f"x{CUSTOMER}_")]


LOADS: Mapping[str, Callable[[], list[Row]]] = {
    SMALL: _sample,
    LARGE: lambda: list(wide_orders(1_000, [CUSTOMER])),
    SIX: lambda: list(wide_orders(216, _SIX_CUSTOMERS)),
    NIGHT: lambda: list(wide_orders(540, [f"CUSTOMER {number}" for number in range(1, 61)])),
    TINY: lambda: list(wide_orders(8, [CUSTOMER])),
}
"""The staging rows of a load, by its name."""


@contextmanager
def opened(name: str, folder: Path) -> Iterator[Load]:
    """A load, closed after use."""
    load = Load(name, folder)
    try:
        yield load
    finally:
        load.store.database.close()

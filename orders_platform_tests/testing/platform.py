"""The whole platform below Dagster on a virtual clock: staging, merge, database, engine, HTTP, sandbox, and edits by hand."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from orders_platform.configuration import Configuration
from orders_platform.database.order_store import OrderStore
from orders_platform.demo.sample_rows import Row
from orders_platform.domain.orders import CellWarning
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import replace_staged_rows
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.budget import Limits as ClientLimits
from orders_platform.pipeline import sync_customer
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import SANDBOX_TOKEN, AccountLimits, Faults, Sandbox
from orders_platform.sandbox.stored_items import ItemSnapshot
from orders_platform.settings import default_folder
from orders_platform.sync.reconcile import Reconciliation, reconcile
from orders_platform.sync.repair import Repair, repair_customer, repair_plan
from orders_platform.sync.results import CustomerReport
from orders_platform.sync.run import SyncRun
from orders_platform_tests.testing.clock import VirtualClock
from orders_platform_tests.testing.order_stores import FileStores, ServerStores
from orders_platform_tests.testing.sandbox_server import SandboxServer

SETTLE = 90.0
GREYSON = "GREYSON"
NUMBER_COLUMN = "text_mkr5wya6"
NOTES_COLUMN = "long_text_mkr5hass"
SEASON_COLUMN = "dropdown_mkr58de6"
TYPE_COLUMN = "dropdown_mkr518fc"
PRICE_COLUMN = "numeric_mkr5cact"
QTY_COLUMN = "numeric_mkra7j8e"

_GENEROUS_SANDBOX = AccountLimits(10**12, 10**12, False, 10**9, 10**9, 10**9, 1000)
_GENEROUS_CLIENT = ClientLimits(10**9, 10**9, 1000, 10**12, None, 10**12, 0)
_SIZES = {"S": 1, "M": 2}


class Crash(Exception):
    """The process ends here; nothing after this line happened."""


def order(number: str, sizes: Mapping[str, object] | None = None, **values: str | int | None) -> Row:
    """A staging row of GREYSON in group 'GREYSON 2025 FALL'; `values` by column name, spaces as underscores."""
    quantities = _SIZES if sizes is None else sizes
    row: Row = {
        "record_uuid": f"uuid-{number}-{values.get('PO_NUMBER', '')}",
        "AAG ORDER NUMBER": number,
        "CUSTOMER NAME": GREYSON,
        "CUSTOMER STYLE": "ST-1",
        "CUSTOMER COLOUR DESCRIPTION": "BLACK",
        "PO NUMBER": "4755",
        "AAG SEASON": "2025 FALL",
        "ORDER TYPE": "RECEIVED",
        "UNIT OF MEASURE": "PCS",
        "_SOURCE_TABLE": "xGREYSON_ORDER_LIST_RAW",
        "TOTAL QTY": sum(int(str(quantity)) for quantity in quantities.values()),
    }
    row.update({size: int(str(quantity)) for size, quantity in quantities.items()})
    row.update({name.replace("_", " "): value for name, value in values.items()})
    return row


@dataclass(frozen=True)
class Shown:
    """An item as people see it."""

    id: int
    group: str
    name: str
    values: Mapping[str, str]
    sizes: Mapping[str, str]
    """Quantity by name of the subitem."""
    subitem_ids: Mapping[str, int]

    @property
    def number(self) -> str:
        return self.values.get(NUMBER_COLUMN, "")


class DyingStore:
    """An order store whose process dies at one of its calls; everything else goes through."""

    def __init__(self, store: OrderStore, dies: Callable[[str, tuple[Any, ...]], bool]) -> None:
        self._store = store
        self._dies = dies

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method):
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            if self._dies(name, (*arguments, *named.values())):
                raise Crash(name)
            return method(*arguments, **named)

        return call


class _Heard:
    """A store that says aloud what is about to be sent: `intent of create_item`."""

    def __init__(self, store: Any, hear: Callable[[str], None]) -> None:
        self._store = store
        self._hear = hear

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name != "record_intents":
            return method

        def call(*arguments: Any) -> Any:
            self._hear(f"intent of {arguments[1].operation.value}")
            return method(*arguments)

        return call


class Platform:
    """One database file and one sandbox; every `go` is a process of its own."""

    def __init__(
        self,
        stores: FileStores | ServerStores,
        sandbox: Sandbox,
        url: str,
        clock: VirtualClock,
        http_transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.file = stores.file
        self.sandbox = sandbox
        self.url = url
        self.clock = clock
        self.configuration = stores.configuration
        self.monday(settle_seconds=SETTLE, index_lag_seconds=0.0)
        self.lines: list[str] = []
        self._cues: list[tuple[str, Callable[[], None]]] = []
        # Nothing is fetched over TLS here, and to load the authorities' certificates takes longer than many a test.
        headers = {"Authorization": SANDBOX_TOKEN}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=20, transport=http_transport, verify=False)
        self._stores = stores

    def close(self) -> None:
        self._http.close()

    # --- settings -------------------------------------------------------------------------------------------------------

    @property
    def store(self) -> OrderStore:
        return self._stores.of(self.configuration)

    @property
    def merge(self) -> OrderMerge:
        return self._stores.merge_of(self.configuration)

    def policies(self, **changes: object) -> None:
        policies = self.configuration.policies.model_copy(update=changes)
        self.configuration = self.configuration.model_copy(update={"policies": policies})

    def monday(self, **changes: object) -> None:
        self.configuration = self.configuration.model_copy(
            update={"monday": self.configuration.monday.model_copy(update=changes)}
        )

    def configure(self, change: Callable[[Configuration], Configuration]) -> None:
        self.configuration = change(self.configuration)

    def board(self, **options: Any) -> MondayBoard:
        settings = {
            "limits": _GENEROUS_CLIENT, "max_in_flight": 1, "clock": self.clock, "wall": self.clock.wall, "sleep": self.clock.sleep,
            "rng": random.Random(1), "timeout_seconds": 20.0, **options,
        }  # fmt: skip
        url, token = settings.pop("url", f"{self.url}/v2"), settings.pop("token", SANDBOX_TOKEN)
        return MondayBoard(url, token, default_folder("graphql"), **settings)

    def when(self, line: str, act: Callable[[], None]) -> None:
        """Do this once when a run next says a line that begins so, or is about to send something: `intent of create_item`."""
        self._cues.append((line, act))

    def _hear(self, line: str, *_figures: int) -> None:
        self.lines.append(line)
        for cue in [cue for cue in self._cues if line.startswith(cue[0])]:
            self._cues.remove(cue)
            cue[1]()

    # --- running --------------------------------------------------------------------------------------------------------

    def load(self, rows: Sequence[Row]) -> None:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        cells = [[row.get(name) for name in columns] for row in rows]
        replace_staged_rows(self.store, columns, cells)

    def run(self, board: Any, store: Any = None, **values: Any) -> SyncRun:
        return SyncRun(
            _Heard(store or self.store, self._hear), board,
            clock=lambda: datetime.fromtimestamp(self.clock.wall(), UTC), elapsed=self.clock, boot="machine",
            sleep=self.clock.sleep, progress=self._hear, **values,
        )  # fmt: skip

    def go(
        self,
        *customers: str,
        store: Any = None,
        merge: Any = None,
        board: Mapping[str, Any] | None = None,
        wrap_board: Callable[[Any], Any] = lambda board: board,
        new_key: Callable[[], str] = lambda: str(uuid.uuid4()),
        **options: Any,
    ) -> dict[str, CustomerReport]:
        """One run for these customers, by default all of the load."""
        with self.board(**{"new_key": new_key, **(board or {})}) as connected:
            bound = {name: options.pop(name) for name in ("limit", "changes", "skip_subitems") if name in options}
            run = self.run(wrap_board(connected), store, new_key=new_key, **bound)
            merge = merge or self.merge
            scan = merge.scan_staging()
            reports = [sync_customer(run, merge, customer, scan, **options) for customer in customers or scan.customers]
            return {report.customer: report for report in reports}

    def sync(self, **options: Any) -> CustomerReport:
        """One run for GREYSON."""
        return self.go(GREYSON, **options)[GREYSON]

    def sync_until_crash(self, dies: Callable[[str, tuple[Any, ...]], bool]) -> None:
        try:
            self.sync(store=DyingStore(self.store, dies))
        except Crash:
            return
        raise AssertionError("the run did not reach the line where it was to crash")

    def rehearse(self, *customers: str, **options: Any) -> dict[str, CustomerReport]:
        with self.store.dry_run_transaction() as store:
            return self.go(*customers, store=store, merge=OrderMerge(store), **options)

    def verify(self, customer: str = GREYSON, *, cells: bool = True) -> Reconciliation:
        with self.board() as board:
            return reconcile(self.run(board), customer, cells=cells)

    def repair(self, plan: Sequence[Repair] | None = None, store: Any = None) -> CustomerReport:
        """Do this, or what a verification says now."""
        agreed = repair_plan(self.verify()) if plan is None else plan
        with self.board() as board:
            return repair_customer(self.run(board, store), GREYSON, agreed)

    # --- looking --------------------------------------------------------------------------------------------------------

    def items(self) -> list[Shown]:
        """The active items, in board order."""
        groups = self.sandbox.board_snapshot(ITEMS_BOARD_ID)
        return [_shown(group.title, item) for group in groups for item in group.items]

    def item(self, number: str) -> Shown:
        (found,) = (item for item in self.items() if item.number == number)
        return found

    @property
    def groups(self) -> list[str]:
        return [group.title for group in self.sandbox.board_snapshot(ITEMS_BOARD_ID)]

    def listed_groups(self) -> list[str]:
        """What a client is told, which may lag behind what is there."""
        data = self.ask("query($b: [ID!]) { boards(ids: $b) { groups { title } } }", b=[str(ITEMS_BOARD_ID)])
        return [group["title"] for group in data["boards"][0]["groups"]]

    @property
    def numbers(self) -> list[str]:
        return sorted(item.number for item in self.items())

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return self._stores.rows(sql, *values)

    def execute(self, sql: str) -> None:
        """Somebody works on the database by hand."""
        self._stores.execute(sql)

    def warnings(self) -> list[CellWarning]:
        """The cells that were left out or cut."""
        return self.store.cell_warnings()

    def orders(self) -> dict[str, dict[str, Any]]:
        return {row["order_key"]: row for row in self.rows("SELECT * FROM ORDER_LIST_V2")}

    def orders_of(self, customer: str) -> list[dict[str, Any]]:
        return self.rows('SELECT * FROM ORDER_LIST_V2 WHERE "CUSTOMER NAME" = ?', customer)

    def order_lines(self, number: str) -> dict[str, dict[str, Any]]:
        sql = "SELECT n.* FROM ORDER_LIST_LINES n JOIN ORDER_LIST_V2 o ON o.record_uuid = n.record_uuid WHERE o.order_key = ?"
        return {row["size_code"]: row for row in self.rows(sql, number)}

    def states(self) -> set[str]:
        """Of all orders and lines."""
        sql = "SELECT sync_state FROM ORDER_LIST_V2 UNION SELECT sync_state FROM ORDER_LIST_LINES"
        return {row["sync_state"] for row in self.rows(sql)}

    def waiting(self) -> bool:
        """Whether a row waits to be sent."""
        return not self.states().isdisjoint({"NEW", "PENDING"})

    def dump(self) -> str:
        """Everything that is in the database."""
        return self._stores.dump()

    @contextmanager
    def watched(self) -> Iterator[Watch]:
        """The requests and mutations of a block."""
        before = len(self.sandbox.requests)
        watch = Watch()
        yield watch
        watch.requests = list(self.sandbox.requests)[before:]

    # --- people ---------------------------------------------------------------------------------------------------------

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """A request of somebody else."""
        answer = self._http.post("/v2", json={"query": query, "variables": variables}).json()
        data = answer.get("data") if isinstance(answer, dict) and "errors" not in answer else None
        if not data or None in data.values():
            raise AssertionError(answer)
        return data

    def remove(self, item_id: int, how: str) -> None:
        """`how`: archive_item or delete_item."""
        self.ask(f"mutation($i: ID!) {{ {how}(item_id: $i) {{ id }} }}", i=str(item_id))

    def make_board(self, name: str) -> tuple[str, str]:
        """Another board, with a column for the order number; its id and that of its first group."""
        query = "mutation($n: String!) { create_board(board_name: $n, board_kind: public, empty: true) { id } }"
        board_id = self.ask(query, n=name)["create_board"]["id"]
        query = "query($b: [ID!], $c: [String]) { boards(ids: $b) { columns(ids: $c) { title } } }"
        title = self.ask(query, b=[str(ITEMS_BOARD_ID)], c=[NUMBER_COLUMN])["boards"][0]["columns"][0]["title"]
        query = "mutation($b: ID!, $t: String!) { create_column(board_id: $b, column_type: text, title: $t) { id } }"
        self.ask(query, b=board_id, t=title)
        return board_id, "topics"

    def move_to_board(self, item_id: int, board: tuple[str, str]) -> None:
        """A person, or an automation, moves an item to another board."""
        query = "mutation($i: ID!, $b: ID!, $g: ID!) { move_item_to_board(item_id: $i, board_id: $b, group_id: $g) { id } }"
        self.ask(query, i=str(item_id), b=board[0], g=board[1])

    def duplicate(self, item_id: int) -> int:
        query = "mutation($b: ID!, $i: ID) { duplicate_item(board_id: $b, item_id: $i) { id } }"
        return int(self.ask(query, b=str(ITEMS_BOARD_ID), i=str(item_id))["duplicate_item"]["id"])

    def write(self, item_id: int, column_id: str, text: str, board_id: int = ITEMS_BOARD_ID) -> None:
        """A person writes into a cell, or into the name."""
        query = (
            "mutation($b: ID!, $i: ID!, $c: String!, $v: String!)"
            " { change_simple_column_value(board_id: $b, item_id: $i, column_id: $c, value: $v) { id } }"
        )
        self.ask(query, b=str(board_id), i=str(item_id), c=column_id, v=text)

    def make_group(self, title: str) -> str:
        query = "mutation($b: ID!, $t: String!) { create_group(board_id: $b, group_name: $t) { id } }"
        return self.ask(query, b=str(ITEMS_BOARD_ID), t=title)["create_group"]["id"]

    def move_to_group(self, item_id: int, group_id: str) -> None:
        query = "mutation($i: ID!, $g: String!) { move_item_to_group(item_id: $i, group_id: $g) { id } }"
        self.ask(query, i=str(item_id), g=group_id)

    def delete_group(self, title: str) -> None:
        (group_id,) = (group.id for group in self.sandbox.board_snapshot(ITEMS_BOARD_ID) if group.title == title)
        query = "mutation($b: ID!, $g: String!) { delete_group(board_id: $b, group_id: $g) { id } }"
        self.ask(query, b=str(ITEMS_BOARD_ID), g=group_id)

    def rename_group(self, title: str, new: str) -> None:
        (group_id,) = (group.id for group in self.sandbox.board_snapshot(ITEMS_BOARD_ID) if group.title == title)
        query = (
            "mutation($b: ID!, $g: String!, $t: String!)"
            " { update_group(board_id: $b, group_id: $g, group_attribute: title, new_value: $t) { id } }"
        )
        self.ask(query, b=str(ITEMS_BOARD_ID), g=group_id, t=new)

    def remove_column(self, column_id: str) -> None:
        query = "mutation($b: ID!, $c: String!) { delete_column(board_id: $b, column_id: $c) { id } }"
        self.ask(query, b=str(ITEMS_BOARD_ID), c=column_id)

    def add_label(self, column_id: str, label: str) -> None:
        """A label that people made; the item it takes to do so is deleted again."""
        query = (
            "mutation($b: ID!, $v: JSON)"
            ' { create_item(board_id: $b, item_name: "label", column_values: $v, create_labels_if_missing: true) { id } }'
        )
        values = json.dumps({column_id: {"labels": [label]}})
        self.remove(int(self.ask(query, b=str(ITEMS_BOARD_ID), v=values)["create_item"]["id"]), "delete_item")

    def make_item(self, name: str, values: Mapping[str, object]) -> int:
        query = (
            "mutation($b: ID!, $n: String!, $v: JSON) { create_item(board_id: $b, item_name: $n, column_values: $v) { id } }"
        )
        return int(self.ask(query, b=str(ITEMS_BOARD_ID), n=name, v=json.dumps(values))["create_item"]["id"])


class Watch:
    """What went over the wire while somebody looked."""

    requests: Sequence[Any] = ()

    @property
    def mutations(self) -> dict[str, int]:
        """Aliases by root field, of requests that were let through to be carried out."""
        counted: dict[str, int] = {}
        for request in self.requests:
            for operation in request.operations if request.is_mutation else ():
                if operation != "complexity":
                    counted[operation] = counted.get(operation, 0) + 1
        return counted


def _shown(group: str, item: ItemSnapshot) -> Shown:
    sizes = {child.name: child.values.get(QTY_COLUMN, "") for child in item.subitems}
    if len(sizes) != len(item.subitems):
        raise AssertionError(f"{item.name} has a subitem twice: {[child.name for child in item.subitems]}")
    return Shown(item.id, group, item.name, item.values, sizes, {child.name: child.id for child in item.subitems})


@contextmanager
def platforms(stores: FileStores | ServerStores, server: SandboxServer) -> Iterator[Callable[..., Platform]]:
    """Makes the platform of a test, on an empty database and with a sandbox of its own."""
    with ExitStack() as stack:

        def make(**options: Any) -> Platform:
            stores.empty()
            clock = VirtualClock()
            # With this seed REFUSE_ALIAS never draws the alias that asks for the complexity, which nobody would notice.
            defaults = {"limits": _GENEROUS_SANDBOX, "faults": Faults(seed=1, kinds=())}
            sandbox = Sandbox(**{"clock": clock, "sleep": clock.sleep, **defaults, **options})
            stack.callback(sandbox.close)
            server.sandbox = sandbox
            return stack.enter_context(closing(Platform(stores, sandbox, server.url, clock)))

        yield make


def staged(rows: Iterable[Row], customer_files: set[str]) -> list[Row]:
    """The rows of these workbooks."""
    return [row for row in rows if row.get("_SOURCE_TABLE") in customer_files]

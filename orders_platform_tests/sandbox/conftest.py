"""A sandbox over real HTTP on a clock that tests turn by hand."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import SANDBOX_TOKEN, Sandbox
from orders_platform_tests.testing.clock import VirtualClock
from orders_platform_tests.testing.sandbox_server import SandboxServer

CREATE = """
mutation($board: ID!, $group: String, $name: String!, $values: JSON, $labels: Boolean) {
  create_item(board_id: $board, group_id: $group, item_name: $name, column_values: $values, create_labels_if_missing: $labels) { id }
}"""


class Api:
    """A client of one sandbox."""

    def __init__(self, sandbox: Sandbox, url: str, clock: VirtualClock) -> None:
        self.sandbox = sandbox
        self.url = url
        self.clock = clock
        self.http = httpx.Client(base_url=url, headers={"Authorization": SANDBOX_TOKEN}, timeout=20, verify=False)

    def post(self, query: str, variables: dict[str, object] | None = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post("/v2", json={"query": query, "variables": variables or {}}, headers=named)

    def data(self, query: str, **variables: object) -> dict:
        answer = self.post(query, variables).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def refusal(self, query: str, **variables: object) -> dict:
        """The first error of an answer."""
        return self.post(query, variables).json()["errors"][0]

    def create(self, name: str = "A", values: object = None, **more: object) -> int:
        data = self.data(CREATE, board=ITEMS_BOARD_ID, name=name, values=None if values is None else json.dumps(values), **more)
        return int(data["create_item"]["id"])

    def create_refusal(self, name: str = "A", values: object = None, **more: object) -> dict:
        return self.refusal(
            CREATE, board=ITEMS_BOARD_ID, name=name, values=None if values is None else json.dumps(values), **more
        )

    def create_as(self, column_values: object, **headers: str) -> httpx.Response:
        """An item with column values just as they are."""
        return self.post(CREATE, {"board": ITEMS_BOARD_ID, "name": "A", "values": column_values}, **headers)

    def create_subitem(self, parent: int, name: str, values: object = None) -> int:
        query = "mutation($p: ID!, $n: String!, $v: JSON) { create_subitem(parent_item_id: $p, item_name: $n, column_values: $v) { id } }"
        return int(self.data(query, p=parent, n=name, v=json.dumps(values or {}))["create_subitem"]["id"])

    def cell(self, item_id: int, column_id: str) -> tuple[str | None, object]:
        """Text and parsed value."""
        query = "query($i: [ID!], $c: [String!]) { items(ids: $i) { column_values(ids: $c) { text value } } }"
        found = self.data(query, i=[item_id], c=[column_id])["items"][0]["column_values"][0]
        return found["text"], json.loads(found["value"]) if found["value"] else None

    def names(self, board: int = ITEMS_BOARD_ID) -> list[str]:
        """What lists show on a board."""
        query = "query($b: [ID!]) { boards(ids: $b) { items_page(limit: 500) { items { name } } } }"
        return [item["name"] for item in self.data(query, b=[board])["boards"][0]["items_page"]["items"]]


Start = Callable[..., Api]


@pytest.fixture
def start(sandbox_server: SandboxServer) -> Iterator[Start]:
    """Starts sandboxes that end with the test."""
    with contextlib.ExitStack() as stack:

        def begin(**options: object) -> Api:
            clock = VirtualClock(1_800_000_000.0)
            sandbox = Sandbox(**{"clock": clock, "sleep": clock.sleep, **options})
            stack.callback(sandbox.close)
            sandbox_server.sandbox = sandbox
            api = Api(sandbox, sandbox_server.url, clock)
            stack.callback(api.http.close)
            return api

        yield begin


@pytest.fixture
def api(start: Start) -> Api:
    """A sandbox with every default."""
    return start()

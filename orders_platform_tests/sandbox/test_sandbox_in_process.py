"""A sandbox behind an httpx client without sockets: what the client sees, and that a run repeats to the letter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from orders_platform.domain.mutations import Mutation, Operation
from orders_platform.monday.adapter import MondayBoard
from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.in_process import InProcess
from orders_platform.sandbox.server import SANDBOX_TOKEN, Fault, Faults, Latency, Sandbox
from orders_platform.settings import default_folder
from orders_platform_tests.testing.clock import VirtualClock

ITEM = 'mutation { a: create_item(board_id: 9609317401, item_name: "A") { id } }'


class Bench:
    """A sandbox, its clock and an ordinary httpx client."""

    def __init__(self, **options: object) -> None:
        self.clock = VirtualClock()
        self.sandbox = Sandbox(**{"clock": self.clock, "sleep": self.clock.sleep, **options})
        headers = {"Authorization": SANDBOX_TOKEN}
        self.http = httpx.Client(transport=InProcess(self.sandbox), base_url="http://sandbox", headers=headers, timeout=65)

    def post(self, query: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post("/v2", json={"query": query}, headers=named)

    def names(self) -> list[str]:
        return [item.name for group in self.sandbox.board_snapshot(ITEMS_BOARD_ID) for item in group.items]


Make = Callable[..., Bench]


@pytest.fixture
def make() -> Iterator[Make]:
    with ExitStack() as stack:

        def begin(**options: object) -> Bench:
            bench = Bench(**options)
            stack.callback(bench.http.close)
            stack.callback(bench.sandbox.close)
            return bench

        yield begin


def test_an_answer_is_what_it_is_over_http(make):
    answer = make().post(ITEM)
    assert answer.json()["data"] == {"a": {"id": "10000000002"}}
    assert (answer.status_code, answer.headers["API-Version"]) == (200, "2026-10")
    assert answer.headers["RateLimit"] == '"minuteRate";r=2499, "concurrency";r=100, "complexityMinute";r=9969999;t=60'


@pytest.mark.parametrize(
    ("fault", "error", "items"),
    [
        (Fault.REPLY_LOST, httpx.RemoteProtocolError, 1),
        (Fault.CONNECTION_DROPPED, httpx.RemoteProtocolError, 0),
        (Fault.HANG, httpx.ReadTimeout, 1),
        (Fault.REFUSED, httpx.ConnectError, 0),
        (Fault.LATE_COMMIT, httpx.RemoteProtocolError, 0),
    ],
)
def test_a_client_without_an_answer_sees_the_error_of_the_wire(make, fault, error, items):
    bench = make()
    bench.sandbox.faults.queue(fault)
    with pytest.raises(error):
        bench.post(ITEM)
    assert len(bench.names()) == items


def test_a_hanging_request_takes_the_patience_of_its_client_and_no_real_time(make):
    bench = make()
    bench.sandbox.faults.queue(Fault.HANG)
    started, before = bench.clock.now, time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        bench.post(ITEM)
    assert bench.clock.now == started + 65
    assert time.monotonic() - before < 5


def test_a_request_slower_than_its_client_is_done_and_times_out(make):
    bench = make(latency=Latency(per_mutation=50))
    bench.http.timeout = 20
    with pytest.raises(httpx.ReadTimeout):
        bench.post(ITEM)
    assert bench.names() == ["A"]


def test_a_late_commit_happens_at_its_time_before_whoever_comes_then(make):
    bench = make(faults=Faults(late_seconds=(30, 30)))
    bench.sandbox.faults.queue(Fault.LATE_COMMIT)
    with pytest.raises(httpx.RemoteProtocolError):
        bench.post(ITEM, Idempotency_Key="k")
    bench.clock.now += 29.9
    assert bench.post(ITEM, Idempotency_Key="k").status_code == 409
    assert bench.names() == []
    bench.clock.now += 0.1
    answer = bench.post(ITEM, Idempotency_Key="k")
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert bench.names() == ["A"]


def test_refused_connections_end_by_the_clock_and_leave_no_trace(make):
    bench = make()
    bench.sandbox.refuse_for(30)
    for _ in range(2):
        with pytest.raises(httpx.ConnectError):
            bench.post(ITEM)
        bench.clock.now += 15
    assert bench.post(ITEM).status_code == 200
    assert len(bench.sandbox.requests) == 1
    assert bench.sandbox.meter.day.left == 10_000 - 1


def test_there_is_nothing_but_the_api(make):
    bench = make()
    assert bench.http.get("/elsewhere").status_code == bench.http.get("/v2").status_code == 404


def test_our_own_board_talks_to_it(make):
    bench = make(latency=Latency(per_document=0.2))
    bench.sandbox.faults.queue(Fault.REPLY_LOST)
    board = MondayBoard(
        "http://sandbox/v2",
        SANDBOX_TOKEN,
        default_folder("graphql"),
        max_in_flight=1,
        http_transport=InProcess(bench.sandbox),
        clock=bench.clock,
        sleep=bench.clock.sleep,
    )
    with board:
        create = Mutation("row", {"board_id": str(ITEMS_BOARD_ID), "item_name": "A"})
        list(board.send(Operation.CREATE_ITEM, [create]))
    assert bench.names() == ["A"]


def trace(make: Make, seed: int) -> list[object]:
    """Everything a client can see of 150 requests among faults."""
    bench = make(faults=Faults(seed=seed, rate=0.5), visibility_lag=3.0, latency=Latency(per_document=0.2))
    group = 'mutation { create_group(board_id: 9609317401, group_name: "G") { id } }'
    page = "{ boards(ids: [9609317401]) { items_page(limit: 2) { cursor items { id name } } } }"
    seen: list[object] = []
    for number in range(50):
        for query in (ITEM, group, page):
            try:
                answer = bench.post(query, Idempotency_Key=f"{number}-{query}")
                seen.append((answer.status_code, answer.headers.get("RateLimit"), answer.content))
            except httpx.TransportError as error:
                seen.append(repr(error))
            bench.clock.now += 1
    bench.sandbox.settle()
    return [*seen, bench.sandbox.board_snapshot(ITEMS_BOARD_ID), list(bench.sandbox.requests)]


def test_a_run_on_a_virtual_clock_repeats_to_the_letter(make):
    first, again, other = (trace(make, seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_request_costs_less_than_a_millisecond_beside_its_execution(make):
    bench = make()
    bench.post("{ me { id } }")
    started = time.process_time()
    for _ in range(300):
        bench.post("{ me { id } }")
    assert (time.process_time() - started) / 300 < 0.001

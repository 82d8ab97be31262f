"""The benchmark against other clients: its floor, its count of lost and doubled rows, its time, and a tiny load through ours."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from orders_platform.sandbox.board_template import ITEMS_BOARD_ID
from orders_platform.sandbox.server import SANDBOX_TOKEN, AccountLimits, Fault, Sandbox, running
from orders_platform.sandbox.stored_items import GroupSnapshot, ItemSnapshot

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path[:0] = [str(BENCHMARKS), str(BENCHMARKS / "peers")]  # as they are when the benchmark or a client's script is started

monday_sync = importlib.import_module("monday_sync")
simulated_time = importlib.import_module("simulated_time")
sync_load = importlib.import_module("sync_load")
workload = importlib.import_module("workload")

NUMBER = "text_mkr5wya6"
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="simulated time reads /proc")


# --- floor --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("groups", "orders", "lines", "seconds"),
    [
        (0, 1, 0, 0.5),
        (0, 333, 0, 0.5),  # 9,990,333 points: one window
        (0, 333, 1, 60.5),
        (1, 333, 0, 60.5),  # the group no longer fits
        (4, 69, 317, 60.5),
        (3, 1_000, 5_000, 1_080.5),
    ],
)
def test_the_floor_is_a_minute_for_every_further_window(groups: int, orders: int, lines: int, seconds: float) -> None:
    assert sync_load.floor_seconds(sync_load.Size(groups, orders, lines), AccountLimits()) == pytest.approx(seconds)


def test_a_creation_that_does_not_fit_into_the_rest_of_a_window_waits_for_the_next() -> None:
    # Three creations are 90,003 points, which two windows would hold.
    one_a_window = AccountLimits(complexity_per_minute=50_000)
    assert sync_load.floor_seconds(sync_load.Size(0, 3, 0), one_a_window) == pytest.approx(2 * 60 + 0.5)


def test_a_trial_account_is_slower() -> None:
    assert sync_load.floor_seconds(sync_load.Size(4, 69, 317), AccountLimits.trial()) == pytest.approx(11 * 60 + 0.5)


# --- counting -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One for all tests, which only read it."""
    with sync_load.opened(sync_load.TINY, tmp_path_factory.mktemp("load")) as opened:
        yield opened


def board_of(load: Any) -> list[ItemSnapshot]:
    """The items that the load wants, in order of their numbers."""
    lines: dict[str, list[ItemSnapshot]] = {}
    for row in load.store.lines(sync_load.CUSTOMER, waiting=True):
        lines.setdefault(row.order_key, []).append(ItemSnapshot(0, f"Size {row.size_code}", "active", {}))
    keys = sorted(row.order_key for row in load.store.orders(sync_load.CUSTOMER, waiting=True))
    return [ItemSnapshot(0, key, "active", {NUMBER: key}, tuple(lines[key])) for key in keys]


def outcome(load: Any, items: list[ItemSnapshot]) -> tuple[int, int]:
    found = load.outcome([GroupSnapshot("a", "A", tuple(items[:3])), GroupSnapshot("b", "B", tuple(items[3:]))])
    return found.lost, found.doubled


def test_a_board_that_holds_the_load_lacks_nothing(load: Any) -> None:
    assert (load.size.orders, load.size.lines) == (8, 40)
    assert outcome(load, board_of(load)) == (0, 0)


def test_an_item_that_is_not_there_is_lost_with_its_subitems(load: Any) -> None:
    assert outcome(load, board_of(load)[1:]) == (6, 0)


def test_an_item_that_is_there_twice_is_doubled_with_its_subitems(load: Any) -> None:
    items = board_of(load)
    assert outcome(load, [*items, items[0]]) == (0, 6)


def test_one_lost_and_another_doubled_do_not_make_up_for_each_other(load: Any) -> None:
    items = board_of(load)
    assert outcome(load, [items[1], *items[1:]]) == (6, 6)


# --- time ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Iterator[Any]:
    clock = simulated_time.SimulatedClock()
    yield clock
    clock.close()


@needs_proc
def test_an_hour_of_simulated_time_takes_no_time(clock: Any) -> None:
    began, start = time.monotonic(), clock()
    clock.sleep(3_600)
    assert clock() - start == pytest.approx(3_600)
    assert time.monotonic() - began < 60


@needs_proc
def test_sleepers_wake_in_turn(clock: Any) -> None:
    start, woken = clock(), []

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        woken.append((seconds, clock() - start))

    threads = [threading.Thread(target=sleep, args=(seconds,)) for seconds in (300.0, 0.25, 60.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert woken == [(seconds, pytest.approx(seconds)) for seconds in (0.25, 60.0, 300.0)]


@needs_proc
def test_time_stands_still_while_a_thread_works(clock: Any) -> None:
    start, seen = clock(), []

    def work() -> None:
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            seen.append(clock())

    worker, sleeper = threading.Thread(target=work), threading.Thread(target=clock.sleep, args=(5,))
    worker.start()
    sleeper.start()
    worker.join()
    sleeper.join()
    assert set(seen) == {start}
    assert clock() - start == pytest.approx(5)


@needs_proc
def test_another_process_sleeps_in_the_same_time(clock: Any) -> None:
    start = clock()
    with simulated_time.shared(clock) as address:
        sleep = workload._sleep_elsewhere(address)
        sleep(30)
        sleep(12.5)
    assert clock() - start == pytest.approx(42.5)


# --- loads --------------------------------------------------------------------------------------------------------------


@needs_proc
def test_a_tiny_load_through_ours_meets_no_limit_and_loses_nothing() -> None:
    figures = monday_sync.measure(monday_sync.Case(monday_sync.OURS, sync_load.TINY))
    assert (figures.lost, figures.doubled, figures.limited, figures.runs, figures.error) == (0, 0, 0, 1, "")
    # Three groups and two documents of eight and of some of forty mutations, one after the other, three of the last at a time.
    assert 5 * 0.2 + 11 * 0.3 + 40 / 3 * 0.3 < figures.seconds < 20
    assert figures.calls <= 15


class Plain:
    """The least that a client can be."""

    at_once = 1

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"Authorization": SANDBOX_TOKEN})

    def _made(self, field: str, arguments: str) -> str:
        answer = self._http.post("/v2", json={"query": f"mutation {{ {field}({arguments}) {{ id }} }}"}).json()
        return answer["data"][field]["id"]

    async def create_group(self, board_id: int, title: str) -> str:
        return self._made("create_group", f"board_id: {board_id}, group_name: {json.dumps(title)}")

    async def create_items(self, board_id: int, group_id: str, items: list[dict[str, Any]]) -> list[str]:
        place = f"board_id: {board_id}, group_id: {json.dumps(group_id)}"
        return [self._made("create_item", f"{place}, {_named(item)}") for item in items]

    async def create_subitems(self, parents: list[str], subitems: list[dict[str, Any]]) -> list[str]:
        return [
            self._made("create_subitem", f"parent_item_id: {parent}, {_named(child)}")
            for parent, child in zip(parents, subitems, strict=True)
        ]

    def close(self) -> None:
        self._http.close()


def _named(row: dict[str, Any]) -> str:
    values = json.dumps(json.dumps(row["values"]))
    return f"item_name: {json.dumps(row['name'])}, column_values: {values}, create_labels_if_missing: true"


@pytest.mark.parametrize(
    ("fault", "repeats", "expected"),
    [
        (None, 0, (0, 0)),
        (Fault.REPLY_LOST, 0, (5, 0)),  # the item is there, but nobody knows its id: no subitem
        (Fault.REPLY_LOST, 1, (0, 1)),
        (Fault.ERROR_500, 0, (6, 0)),
        (Fault.ERROR_500, 1, (0, 0)),
    ],
)
def test_what_a_careful_user_of_a_plain_client_loses_and_doubles(
    load: Any, fault: Fault | None, repeats: int, expected: tuple[int, int]
) -> None:
    content = json.loads(monday_sync.as_json(load))
    sandbox, waited = Sandbox(), []
    if fault:
        sandbox.faults.queue(fault, operation="create_item")
    with running(sandbox) as url:
        client = Plain(url)
        asyncio.run(workload.Workload(client, repeats, 1, waited.append).load(content))
        client.close()
    found = load.outcome(sandbox.board_snapshot(ITEMS_BOARD_ID))
    sandbox.close()
    assert (found.lost, found.doubled) == expected
    assert waited == [1.0] * repeats

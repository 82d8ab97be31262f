"""Somebody sets the time of day by an hour or a day: nothing is lost or doubled, and nobody waits longer than the settle time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orders_platform.sandbox.server import Fault
from orders_platform_tests.sync.test_sync_recovery import CREATES, ROWS, WANTED, on_board
from orders_platform_tests.testing.platform import SETTLE, Platform

JUMPS = [-86_400.0, -3_600.0, 3_600.0, 86_400.0]
WRITES = ["record_groups_sent", "record_group", "record_intents", "record_results", "monday_usage", "orders", "lines"]


class Jumping:
    """A store around a call of which the time of day is set."""

    def __init__(self, store: Any, jump: Callable[[], None], name: str, number: int) -> None:
        self._store, self._jump, self._name, self._left = store, jump, name, number

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name != self._name:
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self._jump()
            made = method(*arguments, **named)
            if self._left == 0:
                self._jump()
            return made

        return call


def jump(platform: Platform, seconds: float) -> Callable[[], None]:
    def now() -> None:
        platform.clock.ahead += seconds

    return now


@pytest.mark.parametrize("seconds", JUMPS)
@pytest.mark.parametrize("name", WRITES)
def test_a_jump_within_a_run_that_loses_its_replies_doubles_nothing(platform: Platform, name: str, seconds: float) -> None:
    platform.load(ROWS)
    for operation in ("create_group", *CREATES):
        platform.sandbox.faults.queue(Fault.LATE_COMMIT, times=8, operation=operation)
    began = platform.clock()
    report = platform.sync(store=Jumping(platform.store, jump(platform, seconds), name, 1))
    assert report.seconds == pytest.approx(platform.clock() - began)
    assert all(0 <= stage.seconds <= report.seconds for stage in report.stages)
    platform.sandbox.settle()
    assert platform.sync().is_done
    assert on_board(platform) == WANTED
    assert platform.groups.count("GREYSON 2025 FALL") == 1


@pytest.mark.parametrize("seconds", [0.0, *JUMPS])
@pytest.mark.parametrize("operation", ["create_group", *CREATES])
def test_a_jump_between_a_killed_run_and_the_next_doubles_nothing_and_delays_by_at_most_the_settle_time(
    platform: Platform, operation: str, seconds: float
) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.LATE_COMMIT, operation=operation)
    platform.sandbox.faults.queue(Fault.DAILY_429, operation=operation)  # which ends the first run before its answer
    platform.sync()
    jump(platform, seconds)()
    before = platform.clock()
    report = platform.sync()
    assert report.is_done
    assert platform.clock() - before <= SETTLE + 1
    assert on_board(platform) == WANTED
    assert platform.groups.count("GREYSON 2025 FALL") == 1


def test_an_intent_from_the_future_of_another_machine_counts_as_one_of_now_and_is_said(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.REPLY_LOST, operation="create_item")
    platform.sandbox.faults.queue(Fault.DAILY_429, operation="create_item")
    platform.clock.ahead = 86_400.0
    platform.sync()
    platform.execute("UPDATE ORDER_LIST_V2 SET sync_pending_uptime = 'another-machine 5.000' WHERE sync_state = 'PENDING'")
    platform.clock.ahead = 0.0
    before = platform.clock()
    assert platform.sync().is_done
    assert platform.clock() - before == pytest.approx(SETTLE)
    assert any("in the future by this machine's clock: taken as of now" in line for line in platform.lines)
    assert on_board(platform) == WANTED


def test_an_intent_of_an_earlier_version_is_as_old_as_the_time_of_day_says(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sandbox.faults.queue(Fault.REPLY_LOST, operation="create_item")
    platform.sandbox.faults.queue(Fault.DAILY_429, operation="create_item")
    platform.sync()
    platform.execute("UPDATE ORDER_LIST_V2 SET sync_pending_uptime = NULL")
    platform.clock.sleep(SETTLE - 20)
    before = platform.clock()
    assert platform.sync().is_done
    assert platform.clock() - before == pytest.approx(20, abs=1)
    assert on_board(platform) == WANTED

"""Fixtures: a clock that jumps, a sandbox on it, a server that answers by script, and boards that talk to either."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from orders_platform.domain.mutations import BatchReport
from orders_platform.monday.adapter import MondayBoard
from orders_platform.sandbox.server import SANDBOX_TOKEN, Sandbox, running
from orders_platform_tests.monday.stage import GRAPHQL, Script, Stage, scripted
from orders_platform_tests.testing.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def script(stack: ExitStack) -> Callable[..., Script]:
    return lambda *answers: stack.enter_context(scripted(*answers))


@pytest.fixture
def connect(stack: ExitStack, clock: VirtualClock) -> Callable[..., MondayBoard]:
    def opened(url: str, **options: object) -> MondayBoard:
        numbers = itertools.count(1)
        settings = {
            "new_key": lambda: f"key-{next(numbers)}",
            "max_in_flight": 1,
            "clock": clock,
            "wall": clock.wall,
            "sleep": clock.sleep,
            "rng": random.Random(1),
            "timeout_seconds": 5.0,
        }
        token = options.pop("token", SANDBOX_TOKEN)
        return stack.enter_context(MondayBoard(url, token, GRAPHQL, **{**settings, **options}))

    return opened


@pytest.fixture
def stage(stack: ExitStack, clock: VirtualClock, connect: Callable[..., MondayBoard]) -> Callable[..., Stage]:
    def made(**options: object) -> Stage:
        sandbox = Sandbox(**{"clock": clock, "sleep": clock.sleep, "items_limit": 100_000, **options})
        stack.callback(sandbox.close)
        return Stage(sandbox, stack.enter_context(running(sandbox)) + "/v2", connect)

    return made


@pytest.fixture
def outcomes() -> Callable[[list[BatchReport]], dict[str, str]]:
    return lambda reports: {ref: result.outcome.value for report in reports for ref, result in report.results.items()}

"""A load takes no longer than monday's limits demand, and no batch longer than monday lives with: on a clock that jumps."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from orders_platform.domain.mutations import BatchReport, Mutation, Operation
from orders_platform.monday.adapter import MondayBoard
from orders_platform.monday.budget import limits_of
from orders_platform.sandbox.faults import Fault
from orders_platform.sandbox.in_process import InProcess
from orders_platform.sandbox.sandbox_options import AccountLimits
from orders_platform.sandbox.server import Latency, Sandbox
from orders_platform_tests.monday.stage import BOARD_ID
from orders_platform_tests.testing.clock import VirtualClock

CREATION = 30_001


@pytest.fixture
def place(clock: VirtualClock, connect: Callable[..., MondayBoard]) -> Callable[..., tuple[Sandbox, MondayBoard]]:
    """A sandbox in this process whose latency passes on the clock, and a board with one batch at a time."""

    def made(latency: Latency, theirs: AccountLimits | None = None, **options: object) -> tuple[Sandbox, MondayBoard]:
        sandbox = Sandbox(clock=clock, sleep=clock.sleep, latency=latency, limits=theirs, items_limit=100_000)
        return sandbox, connect("http://sandbox/v2", http_transport=InProcess(sandbox), timeout_seconds=65.0, **options)

    return made


def load(sandbox: Sandbox, board: MondayBoard, count: int) -> tuple[list[BatchReport], list[int]]:
    """The reports, and the sizes of the batches."""
    group_id = sandbox.board_snapshot(BOARD_ID)[0].id
    made = (Mutation(str(n), {"board_id": BOARD_ID, "group_id": group_id, "item_name": f"order {n}"}) for n in range(count))
    reports = list(board.send(Operation.CREATE_ITEM, made))
    assert sum(len(report.results) for report in reports) == count
    return reports, [len(report.results) for report in reports]


@pytest.mark.parametrize(
    ("count", "limits", "plan", "kind"),
    [
        (1_000, AccountLimits(), "pro", "personal"),
        (5_000, AccountLimits(), "pro", "personal"),
        (1_000, AccountLimits.app_token(), "pro", "app"),
        (200, AccountLimits.trial(), "trial", "personal"),
    ],
)
def test_a_load_takes_as_long_as_the_limits_demand_and_meets_none(
    count: int,
    limits: AccountLimits,
    plan: str,
    kind: str,
    clock: VirtualClock,
    place: Callable[..., tuple[Sandbox, MondayBoard]],
) -> None:
    """0.1 s a mutation, as with three batches of 0.3 s at a time."""
    sandbox, board = place(Latency(0.07, 0.1), limits, limits=limits_of(plan, kind))
    began = clock()
    reports, _ = load(sandbox, board, count)
    windows = math.ceil(count / (limits.complexity_per_minute // CREATION))
    floor = (windows - 1) * 60 + 0.17
    assert floor <= clock() - began <= 1.05 * floor
    assert sum(report.rate_limited for report in reports) == 0
    assert len(sandbox.board_snapshot(BOARD_ID)[0].items) == count


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0])
def test_batches_stay_well_under_the_sixty_seconds_of_monday(
    seconds: float, place: Callable[..., tuple[Sandbox, MondayBoard]]
) -> None:
    sandbox, board = place(Latency(0.2, seconds))
    _, sizes = load(sandbox, board, 300)
    assert sizes[0] == 25
    assert all(size * seconds <= 21 for size in sizes[1:])
    assert max(sizes[1:]) * seconds > 10


def test_batches_that_go_well_grow_and_one_that_is_too_slow_halves_them(
    place: Callable[..., tuple[Sandbox, MondayBoard]],
) -> None:
    sandbox, board = place(Latency(0.2, 0.01), AccountLimits(complexity_per_minute=1_000_000_000))
    load(sandbox, board, 1)  # its answer tells the limit
    _, sizes = load(sandbox, board, 300)
    assert sizes == [75, 75, 75, 75]
    sandbox.faults.queue(Fault.HTML_504_AFTER, operation="create_item")
    _, sizes = load(sandbox, board, 200)
    assert sizes[:3] == [75, 37, 46]


def test_a_lone_answer_over_a_limit_lowers_the_pace_at_once_and_is_counted(
    clock: VirtualClock, place: Callable[..., tuple[Sandbox, MondayBoard]]
) -> None:
    sandbox, board = place(Latency(0.07, 0.01))
    sandbox.faults.queue(Fault.COMPLEXITY_429, operation="create_item")
    began = clock()
    reports, _ = load(sandbox, board, 330)
    assert sum(report.rate_limited for report in reports) == 1
    # 330 creations fit into one window; with a fifth of it left alone for a while they do not.
    assert clock() - began > 60

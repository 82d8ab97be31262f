"""What a board tells of its requests, and what it is told of those of other runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orders_platform.domain.mutations import MondayUsage, Traffic
from orders_platform_tests.monday.stage import Stage


def test_a_call_over_a_limit_counts_as_a_tenth() -> None:
    assert MondayUsage(10, 0).calls_today == 10
    assert MondayUsage(10, 2).calls_today == pytest.approx(8.2)


def test_calls_that_another_run_makes_meanwhile_are_taken_in_before_each_stage(
    stage: Callable[..., Stage],
) -> None:
    board = stage().board()
    board.client.budget.note_calls_today(100.0)
    board.client.budget.note_calls_today(40.0)
    board.describe(9609317401)
    assert board.client.budget.calls_today == 101
    board.client.budget.note_calls_today(500.5)
    assert board.client.budget.calls_today == 500.5


def test_reads_are_handed_over_once(stage: Callable[..., Stage]) -> None:
    opened = stage()
    board = opened.board()
    board.describe(9609317401)
    board.items([1, 2], [])
    reads = board.client.take_reads()
    assert (reads.calls, reads.rate_limited) == (2, 0)
    assert reads.complexity > 0
    assert board.client.take_reads() == Traffic()

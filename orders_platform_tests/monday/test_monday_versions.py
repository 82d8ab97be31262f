"""The pinned API version: its end is announced while there is time to act, at the log and at `board check`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orders_platform.monday.adapter import version_notice
from orders_platform_tests.monday.stage import BOARD_ID, Stage

LISTED = [
    {"value": "2026-04", "kind": "deprecated"},
    {"value": "2026-07", "kind": "maintenance"},
    {"value": "2026-10", "kind": "current"},
    {"value": "2027-01", "kind": "release_candidate"},
]


@pytest.mark.parametrize("pinned", ["2026-10", "2027-01"])
def test_a_version_that_lives_is_not_spoken_of(pinned: str) -> None:
    assert version_notice(LISTED, pinned) == ""


@pytest.mark.parametrize(
    ("pinned", "words"),
    [("2026-07", "in maintenance"), ("2026-04", "no longer supported"), ("2025-10", "not among the versions")],
)
def test_a_version_near_its_end_is_named_with_the_current_one(pinned: str, words: str) -> None:
    notice = version_notice(LISTED, pinned)
    assert pinned in notice
    assert words in notice
    assert "the current one is 2026-10" in notice


@pytest.mark.parametrize("kind", ["old__maintenance", "old_previous_maintenance", "previous_maintenance"])
def test_every_kind_of_monday_that_ends_calls_for_a_change(kind: str) -> None:
    assert "next January" in version_notice([{"value": "2026-01", "kind": kind}], "2026-01")


def test_a_list_that_monday_does_not_give_says_nothing() -> None:
    assert version_notice([], "2026-10") == ""


def test_the_preflight_read_tells_it_once_and_costs_no_request_of_its_own(
    stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture
) -> None:
    opened = stage()
    board = opened.board(api_version="2026-07")
    board.describe(BOARD_ID)
    board.describe(BOARD_ID)
    assert len(opened.sandbox.requests) == 2
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == list(board.notices)
    assert len(told) == 1
    assert "2026-07 is in maintenance" in told[0]


def test_the_current_version_gives_no_notice(stage: Callable[..., Stage], caplog: pytest.LogCaptureFixture) -> None:
    board = stage().board()
    board.describe(BOARD_ID)
    assert board.notices == ()
    assert not caplog.records


def test_another_version_than_asked_for_is_a_notice_as_well(stage: Callable[..., Stage]) -> None:
    board = stage().board(api_version="2025-10")
    board.describe(BOARD_ID)
    assert len(board.notices) == 2
    assert "2026-04 although 2025-10 was asked for" in board.notices[0]
    assert "2025-10 is not among the versions" in board.notices[1]

"""What a long command says of itself while it works."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from orders_platform.cli.progress import Progress
from orders_platform.monday.budget import Budget, Limits, Timer
from orders_platform_tests.testing.clock import VirtualClock


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def progress(clock: VirtualClock) -> Callable[..., Progress]:
    return lambda **options: Progress(clock=clock, pause=lambda _seconds: True, **options)


def test_it_says_which_customer_of_how_many_how_far_how_fast_and_how_long_still(
    progress: Callable[..., Progress], clock: VirtualClock
) -> None:
    shown = progress()
    with shown.shown(["GREYSON", "RHONE"]) as customers:
        next(customers)
        shown.update("merging rows", 0, 70)
        assert shown.line == "customer 1 of 2: GREYSON: merging rows, 70"
        clock.sleep(3)
        assert shown.line == "customer 1 of 2: GREYSON: merging rows, 70, for 3 s"
        next(customers)
        shown.update("sending items to create", 0, 1_000)
        clock.sleep(10)
        shown.update("sending items to create", 100, 1_000)
        assert shown.line == "customer 2 of 2: RHONE: sending items to create, 100 of 1,000, for 10 s"
        clock.sleep(6)
        shown.update("sending items to create", 250, 1_000)
        assert shown.line == "customer 2 of 2: RHONE: sending items to create, 250 of 1,000, 25 a second, about 30 s left"
        shown.update("sending items to update", 0, 1_000)
        for done in (1, 11):
            clock.sleep(20)
            shown.update("sending items to update", done, 1_000)
        assert shown.line.endswith(": sending items to update, 11 of 1,000, 30 a minute, about 33 min left")


def test_a_customer_alone_is_not_counted(progress: Callable[..., Progress]) -> None:
    shown = progress()
    with shown.shown(["GREYSON"]) as customers:
        assert shown.line == "starting"
        next(customers)
        assert shown.line == "GREYSON: starting"


def test_what_mondays_limits_make_it_wait_for_stands_in_place_of_the_time_left(
    progress: Callable[..., Progress], clock: VirtualClock
) -> None:
    waits = [""]
    shown = progress(waits=lambda: waits[0])
    shown.update("sending items to create", 0, 100)
    for done in (10, 50):
        clock.sleep(4)
        shown.update("sending items to create", done, 100)
    waits[0] = "monday's limits, 41 s"
    assert shown.line == "sending items to create, 50 of 100, 10 a second; waiting for monday's limits, 41 s"


def test_a_budget_says_what_it_waits_for_while_it_waits() -> None:
    said, clock = [], VirtualClock()
    budget = Budget(
        Limits(calls_per_minute=1), Timer(clock, lambda seconds: (said.append(budget.waits_for), clock.sleep(seconds)))
    )
    budget.acquire("board")
    assert budget.waits_for == ""
    budget.acquire("board")
    assert said[0].startswith("monday's limits, ")
    assert budget.waits_for == ""


def test_a_script_is_told_a_line_every_ten_seconds(clock: VirtualClock, capsys: pytest.CaptureFixture[str]) -> None:
    paused, ends = [], iter([False, False, True])
    shown = Progress(clock=clock, pause=lambda seconds: (paused.append(seconds), next(ends))[1])
    with shown.shown(["GREYSON"]):
        pass
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", ["starting", "starting"])
    assert paused == [10.0, 10.0, 10.0]


def test_a_command_that_is_quiet_says_nothing_and_a_verbose_one_every_step(
    progress: Callable[..., Progress], capsys: pytest.CaptureFixture[str]
) -> None:
    for verbosity, expected in (("quiet", []), ("verbose", ["  reading items, 24", "  reading items, 24 of 24"])):
        shown = progress(verbosity=verbosity)
        with shown.shown():
            shown.update("reading items", 0, 24)
            shown.update("reading items", 24, 24)
        assert capsys.readouterr().err.splitlines() == expected


def test_at_a_terminal_a_bar_and_a_line_change_and_nothing_is_left_of_them(
    progress: Callable[..., Progress], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stderr", terminal := Tty())
    shown = progress()
    with shown.shown(["GREYSON\x1b[2J"]) as customers:
        next(customers)
        shown.update("sending items to create", 1, 69)
    drawn = terminal.getvalue()
    assert "GREYSON\\u001b[2J" in drawn
    assert "sending items to create, 1 of 69" in drawn
    assert drawn.endswith("\x1b[1A\x1b[2K")  # the last line that was drawn is wiped

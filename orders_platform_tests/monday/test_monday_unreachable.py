"""A monday.com that cannot be reached: it is said at once, and a first connection that was never made fails soon."""

from __future__ import annotations

import logging
from collections.abc import Callable

import httpx
import pytest

from orders_platform.errors import MondayUnavailableError
from orders_platform.monday.adapter import MondayBoard
from orders_platform_tests.monday.stage import BOARD_ID
from orders_platform_tests.testing.clock import VirtualClock

NOBODY = "http://127.0.0.1:9/v2"
EMPTY = b'{"data": {"boards": [{"id": "9609317401", "columns": [], "groups": []}], "versions": []}}'


class Line(httpx.BaseTransport):
    """A way to monday that is open or not."""

    def __init__(self) -> None:
        self.is_open = False
        self.tries = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.tries += 1
        if not self.is_open:
            raise httpx.ConnectError("nobody there", request=request)
        return httpx.Response(200, content=EMPTY)


def test_an_address_that_nobody_serves_is_said_at_once_and_given_up_within_seconds(
    connect: Callable[..., MondayBoard], clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    began = clock()
    told_after = []
    handler = logging.Handler()
    handler.emit = lambda record: told_after.append(clock() - began)  # type: ignore[method-assign]
    logging.getLogger("orders_platform.monday.client").addHandler(handler)
    try:
        with pytest.raises(MondayUnavailableError, match="cannot be reached"):
            connect(NOBODY).describe(BOARD_ID)
    finally:
        logging.getLogger("orders_platform.monday.client").removeHandler(handler)
    assert told_after[0] == 0
    assert clock() - began < 4
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "monday.com at 127.0.0.1:9 cannot be reached" in said[0]
    assert said[0].endswith("trying again for up to 4 s")


def test_after_one_request_was_given_up_the_next_ones_do_not_repeat(
    connect: Callable[..., MondayBoard], clock: VirtualClock
) -> None:
    line = Line()
    board = connect(NOBODY, http_transport=line)
    with pytest.raises(MondayUnavailableError):
        board.describe(BOARD_ID)
    tries, slept = line.tries, clock.slept
    with pytest.raises(MondayUnavailableError):
        board.describe(BOARD_ID)
    assert (line.tries - tries, clock.slept - slept) == (1, 0.0)


def test_a_monday_that_was_reached_once_is_waited_for_as_long_as_for_any_bad_minute(
    connect: Callable[..., MondayBoard], clock: VirtualClock
) -> None:
    line = Line()
    line.is_open = True
    board = connect(NOBODY, http_transport=line)
    board.describe(BOARD_ID)
    line.is_open = False
    with pytest.raises(MondayUnavailableError):
        board.describe(BOARD_ID)
    assert line.tries == 1 + 8
    assert 30 < clock.slept < 70


def test_a_monday_that_comes_back_is_reached_by_a_run_that_had_given_up(connect: Callable[..., MondayBoard]) -> None:
    line = Line()
    board = connect(NOBODY, http_transport=line)
    with pytest.raises(MondayUnavailableError):
        board.describe(BOARD_ID)
    line.is_open = True
    assert board.describe(BOARD_ID).id == BOARD_ID

"""The items of groups, page after page over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from orders_platform.domain.mutations import Mutation, Operation
from orders_platform.errors import MondayUnavailableError
from orders_platform.monday import adapter as board_module
from orders_platform.monday.adapter import MondayBoard
from orders_platform.sandbox.server import Fault
from orders_platform_tests.monday.stage import BOARD_ID, Script, Stage

KEY = "text_mkr5wya6"


def test_the_active_items_of_the_groups_come_over_all_pages_and_those_of_others_do_not(
    stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_module, "ITEMS_A_PAGE", 2)
    board = stage().board()
    titles = ("A", "B", "C")
    named = [Mutation(title, {"board_id": BOARD_ID, "group_name": title}) for title in titles]
    (report,) = board.send(Operation.CREATE_GROUP, named)
    groups = {title: report.results[title].monday_id or "" for title in titles}
    made = tuple(
        Mutation(f"{title}{n}", {"board_id": BOARD_ID, "group_id": groups[title], "item_name": f"{title}{n}",
                                 "column_values": json.dumps({KEY: f"key {title}{n}"})})
        for title in titles for n in range(3)
    )  # fmt: skip
    (report,) = board.send(Operation.CREATE_ITEM, made)
    gone = Mutation("x", {"item_id": report.results["A1"].monday_id})
    (archived,) = board.send(Operation.ARCHIVE_ITEM, [gone])
    assert archived.error is None
    found = board.items_of_groups(BOARD_ID, [groups["A"], groups["C"]], [KEY])
    assert [(item.name, item.cells[KEY].text) for item in found] == [
        (name, f"key {name}") for name in ("A0", "A2", "C0", "C1", "C2")
    ]
    assert {item.group_id for item in found} == {groups["A"], groups["C"]}


def test_no_group_is_no_item_and_no_request(stage: Callable[..., Stage]) -> None:
    served = stage()
    assert list(served.board().items_of_groups(BOARD_ID, [], [KEY])) == []
    assert not served.sandbox.requests


def test_a_page_that_failed_is_not_an_empty_group(script: Callable[..., Script], connect: Callable[..., MondayBoard]) -> None:
    nothing = 200, {}, json.dumps({"data": {"boards": [None]}}).encode()
    with pytest.raises(MondayUnavailableError, match="without the list boards"):
        connect(script(nothing).url).items_of_groups(BOARD_ID, ["g"], [KEY])


def test_a_read_that_fails_for_good_raises(stage: Callable[..., Stage]) -> None:
    served = stage()
    served.sandbox.faults.queue(Fault.ERROR_500, times=30, operation="boards")
    with pytest.raises(MondayUnavailableError):
        served.board().items_of_groups(BOARD_ID, ["g"], [KEY])

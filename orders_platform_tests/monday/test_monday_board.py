"""The board over real HTTP against the sandbox: reads in chunks and pages."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from orders_platform.domain.mutations import Mutation, Operation
from orders_platform.errors import BoardMismatchError, MondayUnavailableError
from orders_platform.monday.adapter import MondayBoard
from orders_platform.sandbox.server import Fault
from orders_platform_tests.monday.stage import BOARD_ID, Script, Stage
from orders_platform_tests.testing.clock import VirtualClock

SUBITEMS_BOARD_ID = 9609317948


def cells(**values: object) -> str:
    return json.dumps(values)


def ids(board: MondayBoard, mutations: list[Mutation], operation: Operation = Operation.CREATE_ITEM) -> list[int]:
    reports = board.send(operation, mutations)
    return [int(result.monday_id or "0") for report in reports for result in report.results.values()]


@pytest.fixture
def text_column(stage: Callable[..., Stage]) -> str:
    """Id of a text column of the board."""
    return next(column.id for column in stage().board().describe(BOARD_ID).columns if column.type == "text")


def test_a_board_is_described_with_columns_labels_groups_and_the_board_of_its_subitems(stage: Callable[..., Stage]) -> None:
    board = stage().board().describe(BOARD_ID)
    assert board.name == "Customer Master Schedule"
    assert board.subitems_board_id == SUBITEMS_BOARD_ID
    assert board.hierarchy_type == "classic"
    assert len(board.groups) >= 1
    assert len(board.columns) > 50
    labelled = [column for column in board.columns if column.type in {"status", "dropdown"} and column.labels]
    assert labelled
    assert all(label.name for column in labelled for label in column.labels)


def test_an_unknown_board_is_a_mismatch_and_not_an_empty_one(stage: Callable[..., Stage]) -> None:
    board = stage().board()
    with pytest.raises(BoardMismatchError, match="no board 77"):
        board.describe(77)
    with pytest.raises(BoardMismatchError, match="no board 77"):
        board.groups(77)


def test_a_group_that_was_created_is_among_the_groups(stage: Callable[..., Stage]) -> None:
    board = stage().board()
    made = Mutation("g", {"board_id": BOARD_ID, "group_name": "GREYSON ∆ 'SPRING' 2026"})
    (report,) = board.send(Operation.CREATE_GROUP, [made])
    found = {group.id: group.title for group in board.groups(BOARD_ID)}
    assert found[report.results["g"].monday_id or ""] == "GREYSON ∆ 'SPRING' 2026"


def test_items_are_read_in_chunks_of_a_hundred_with_archived_ones_and_without_unknown_ones(stage: Callable[..., Stage]) -> None:
    scene = stage()
    board = scene.board()
    made = ids(board, scene.creates(230))
    assert ids(board, [Mutation("a", {"item_id": made[7]})], Operation.ARCHIVE_ITEM) == [made[7]]
    before = len(scene.sandbox.requests)
    found = board.items([*made, made[0], 999_999_999], [])
    assert len(scene.sandbox.requests) - before == 3
    assert set(found) == set(made)
    assert found[made[7]].state == "archived"
    assert found[made[8]].state == "active"
    assert found[made[8]].group_id == scene.group_id


def test_reading_nothing_asks_nothing(stage: Callable[..., Stage]) -> None:
    scene = stage()
    board = scene.board()
    assert board.items([], []) == {}
    assert board.children([], []) == {}
    assert board.find_items(BOARD_ID, "x", ["", "  "]) == {"": (), "  ": ()}
    assert len(scene.sandbox.requests) == 0


def test_items_are_found_by_a_column_whatever_the_case(stage: Callable[..., Stage], text_column: str) -> None:
    scene = stage()
    board = scene.board()
    for number, text in enumerate(["GRE-1", "gre-1", "GRE-2", "OTHER"]):
        ids(board, scene.creates(1, start=number, column_values=cells(**{text_column: text})))
    found = board.find_items(BOARD_ID, text_column, ["GRE-1", "Gre-2", "GRE-3", ""])
    assert {value: sorted(item.name for item in items) for value, items in found.items()} == {
        "GRE-1": ["order 0", "order 1"],
        "Gre-2": ["order 2"],
        "GRE-3": [],
        "": [],
    }
    assert found["Gre-2"][0].cells[text_column].text == "GRE-2"


def test_all_pages_of_a_search_are_read(stage: Callable[..., Stage], text_column: str) -> None:
    scene = stage()
    board = scene.board(batch_size=50)
    ids(board, scene.creates(620, column_values=cells(**{text_column: "SAME"})))
    (found,) = board.find_items(BOARD_ID, text_column, ["SAME"]).values()
    assert len({item.id for item in found}) == len(found) == 620


def test_an_expired_cursor_starts_the_search_again(script: Callable[..., Script], connect: Callable[..., MondayBoard]) -> None:
    def page(number: int, cursor: str | None) -> dict[str, object]:
        item = {"id": str(number), "name": "n", "state": "active", "column_values": [{"id": "t", "text": "A", "value": None}]}
        return {"cursor": cursor, "items": [item]}

    def ok(field: str, content: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, json.dumps({"data": {field: content}}).encode()

    expired = 200, {}, json.dumps({"errors": [{"message": "x", "extensions": {"code": "CursorExpiredError"}}]}).encode()
    search, following = "items_page_by_column_values", "next_items_page"
    server = script(
        ok(search, page(1, "c1")),
        expired,
        ok(search, page(1, "c2")),
        ok(following, page(2, "c3")),
        ok(following, page(3, None)),
    )
    found = connect(server.url).find_items(5, "t", ["a"])
    assert [item.id for item in found["a"]] == [1, 2, 3]


def test_a_cursor_that_always_expires_is_an_error_and_not_an_empty_search(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    expired = 200, {}, json.dumps({"errors": [{"message": "x", "extensions": {"code": "CursorException"}}]}).encode()
    with pytest.raises(MondayUnavailableError, match="pages of board 5"):
        connect(script(expired).url).find_items(5, "t", ["a"])


def test_a_page_that_is_missing_is_an_error_and_not_an_empty_search(
    script: Callable[..., Script], connect: Callable[..., MondayBoard]
) -> None:
    nothing = 200, {}, json.dumps({"data": {"items_page_by_column_values": None}}).encode()
    with pytest.raises(MondayUnavailableError, match="without a page"):
        connect(script(nothing).url).find_items(5, "t", ["a"])


def test_children_come_by_parent_and_a_parent_that_is_gone_is_absent(stage: Callable[..., Stage]) -> None:
    scene = stage()
    board = scene.board()
    parents = ids(board, scene.creates(3))
    subitems = [
        Mutation(f"{parent} {size}", {"parent_item_id": parent, "item_name": f"Size {size}"})
        for parent in parents[:2]
        for size in ("XS", "M")
    ]
    made = ids(board, subitems, Operation.CREATE_SUBITEM)
    ids(board, [Mutation("p", {"item_id": parents[1]}), Mutation("c", {"item_id": made[0]})], Operation.ARCHIVE_ITEM)
    found = board.children([*parents, 999_999_999], [])
    assert {parent: [child.name for child in children] for parent, children in found.items()} == {
        parents[0]: ["Size M"],
        parents[2]: [],
    }
    assert found[parents[0]][0].parent_item_id == parents[0]


def test_values_written_are_read_back(stage: Callable[..., Stage], text_column: str) -> None:
    scene = stage()
    board = scene.board()
    (item_id,) = ids(board, scene.creates(1, column_values=cells(**{text_column: "O'NEILL ∆ 30/32"})))
    change = Mutation(
        "c", {"board_id": BOARD_ID, "item_id": item_id, "column_values": cells(**{text_column: "new", "name": "New"})}
    )
    assert ids(board, [change], Operation.CHANGE_VALUES) == [item_id]
    item = board.items([item_id], [text_column])[item_id]
    assert (item.name, item.cells[text_column].text) == ("New", "new")


@pytest.mark.parametrize(
    "fault",
    [
        Fault.REPLY_LOST,
        Fault.MINUTE_429,
        Fault.HTML_429,
        Fault.HTML_502,
        Fault.ERROR_500,
        Fault.LOCKED_423,
        Fault.BUDGET_LEGACY,
    ],
)
def test_a_read_rides_out_a_bad_minute(fault: Fault, stage: Callable[..., Stage], clock: VirtualClock) -> None:
    scene = stage()
    scene.sandbox.faults.queue(fault, times=2)
    assert scene.board().groups(BOARD_ID)
    assert scene.sandbox.faults.waiting == 0
    assert clock.slept > 0

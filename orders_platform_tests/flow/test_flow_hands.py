"""Hands of people and of automations on the board: what `verify` says, what the next sync does, and what a repair does.

Nothing fails for ever, nothing is there twice, and what is on another board is never called different.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orders_platform.domain.differences import ChangeKind, Difference, DifferenceKind, OrderChanges, RowChange
from orders_platform.sandbox.server import Fault
from orders_platform.sync.repair import repair_plan
from orders_platform_tests.testing.platform import GREYSON, NOTES_COLUMN, NUMBER_COLUMN, QTY_COLUMN, SETTLE, Platform, order

GROUP = "GREYSON 2025 FALL"
NUMBERS = ["A-1", "A-2", "A-3"]
SIZES = {"Size S": "1", "Size M": "2"}


@pytest.fixture
def synced(platform: Platform) -> Platform:
    load(platform)
    assert platform.sync().is_done
    platform.clock.sleep(SETTLE)
    return platform


def load(platform: Platform, **changes: str) -> None:
    """The orders of `NUMBERS`; a change is a note of one, with A_1 for A-1."""
    platform.load([order(number, NOTES=changes.get(number.replace("-", "_"), "")) for number in NUMBERS])


def told(platform: Platform, *, cells: bool = True) -> list[tuple[str, str, str]]:
    return [shown(each) for each in platform.verify(cells=cells).differences]


def shown(each: Difference) -> tuple[str, str, str]:
    return each.kind.value, f"{each.order_key} {each.size_code}".strip(), each.board


def is_whole(platform: Platform) -> bool:
    """Every order is on the board once, with its sizes, in its group, and nothing waits or failed."""
    items = platform.items()
    return (
        sorted(item.number for item in items) == NUMBERS
        and all((item.sizes, item.group) == (SIZES, GROUP) for item in items)
        and platform.states() == {"SYNCED"}
    )


# --- an item on another board


def test_an_item_moved_to_another_board_is_said_to_be_there_at_both_depths(synced: Platform) -> None:
    board = synced.make_board("Shipped")
    synced.move_to_board(synced.item("A-2").id, board)
    words = [("on another board", "A-2", f"on board 'Shipped' ({board[0]})")]
    assert told(synced) == told(synced, cells=False) == words
    assert synced.verify().notice == ""


def test_it_is_made_again_at_its_next_change_and_the_moved_one_is_left_as_it_is(synced: Platform) -> None:
    moved, board = synced.item("A-2").id, synced.make_board("Shipped")
    synced.move_to_board(moved, board)
    for note in ("first", "second"):
        load(synced, A_2=note)
        assert synced.sync().is_done
        assert synced.item("A-2").values[NOTES_COLUMN] == note
    assert is_whole(synced)
    (theirs,) = (item for group in synced.sandbox.board_snapshot(int(board[0])) for item in group.items)
    assert (theirs.id, NOTES_COLUMN in theirs.values, len(theirs.subitems)) == (moved, False, 2)
    assert told(synced) == []


def test_it_is_left_alone_where_the_policy_says_so(synced: Platform) -> None:
    synced.policies(deleted_on_board="leave")
    synced.move_to_board(synced.item("A-2").id, synced.make_board("Shipped"))
    load(synced, A_2="changed")
    assert synced.sync().is_done
    assert synced.numbers == ["A-1", "A-3"]
    found = synced.verify()
    assert (found.is_equal, [each.kind.value for each in found.left_alone]) == (True, ["on another board"])


def test_a_repair_makes_it_again(synced: Platform) -> None:
    synced.move_to_board(synced.item("A-2").id, synced.make_board("Shipped"))
    assert [step.action for step in repair_plan(synced.verify())] == ["create"]
    report = synced.repair()
    assert (report.is_done, report.items.created, report.subitems.created) == (True, 1, 2)
    assert is_whole(synced)


def test_an_item_that_comes_back_after_it_was_made_again_is_archived_by_a_repair(synced: Platform) -> None:
    moved = synced.item("A-2").id
    synced.move_to_board(moved, synced.make_board("Shipped"))
    assert synced.repair().is_done
    made = synced.item("A-2").id
    home = synced.orders()["A-2"]["group_id"]
    synced.move_to_board(moved, ("9609317401", home))
    synced.clock.sleep(SETTLE)
    (found,) = synced.verify().differences
    assert (found.kind, found.monday_id, found.ids) == (DifferenceKind.DUPLICATE, moved, tuple(sorted((moved, made))))
    assert synced.repair().items.archived == 1
    assert synced.item("A-2").id == made
    assert is_whole(synced)


def test_an_item_moved_while_its_change_is_on_the_way_fails_nothing(synced: Platform) -> None:
    item, board = synced.item("A-2").id, synced.make_board("Shipped")
    synced.when("intent of change_multiple_column_values", lambda: synced.move_to_board(item, board))
    load(synced, A_2="changed")
    report = synced.sync()
    assert (report.items.failed, report.items.waiting, "FAILED" in synced.states()) == (0, 1, False)
    assert synced.sync().is_done
    assert is_whole(synced)


def test_an_item_moved_between_its_own_change_and_that_of_its_sizes_fails_nothing(synced: Platform) -> None:
    item, board = synced.item("A-2").id, synced.make_board("Shipped")
    synced.load([order(number, {"S": 7, "M": 2} if number == "A-2" else None, NOTES="") for number in NUMBERS])
    synced.when("intent of change_multiple_column_values", lambda: synced.when(
        "intent of change_multiple_column_values", lambda: synced.move_to_board(item, board)))  # fmt: skip
    synced.sync()
    assert "FAILED" not in synced.states()
    for _ in range(2):
        synced.sync()
    assert synced.item("A-2").sizes == {"Size S": "7", "Size M": "2"}
    assert synced.states() == {"SYNCED"}


def test_all_items_on_another_board_are_said_in_one_sentence(synced: Platform) -> None:
    board = synced.make_board("Archive 2025")
    for number in NUMBERS:
        synced.move_to_board(synced.item(number).id, board)
    for cells in (False, True):
        found = synced.verify(cells=cells)
        assert {each.kind for each in found.differences} == {DifferenceKind.OTHER_BOARD}
        assert found.notice == (
            f"All 3 items of {GREYSON} are on board 'Archive 2025' ({board[0]}); the configured board has none of them."
        )


# --- items and subitems under another item


def test_a_subitem_under_another_item_is_made_again_and_the_moved_one_is_no_rows(synced: Platform) -> None:
    size, other = synced.item("A-1").subitem_ids["Size M"], synced.item("A-2").id
    synced.sandbox.place_by_hand(size, other)
    assert told(synced) == [("under another item", "A-1 M", f"under item {other}")]
    report = synced.repair()
    assert (report.is_done, report.subitems.created, report.subitems.archived) == (True, 1, 0)
    assert told(synced) == [("doubled", "A-2 M", "")]
    assert synced.repair().subitems.archived == 1
    assert is_whole(synced)


def test_a_moved_subitem_is_recognised_at_its_next_change(synced: Platform) -> None:
    size, other = synced.item("A-1").subitem_ids["Size M"], synced.item("A-2")
    synced.remove(other.subitem_ids["Size M"], "delete_item")
    synced.sandbox.place_by_hand(size, other.id)
    synced.load([order("A-1", {"S": 1, "M": 9}), order("A-2", {"S": 1, "M": 5}), order("A-3")])
    assert synced.sync().is_done
    assert [dict(synced.item(number).sizes)["Size M"] for number in NUMBERS] == ["9", "5", "2"]
    ids = synced.rows("SELECT monday_subitem_id FROM ORDER_LIST_LINES WHERE monday_subitem_id IS NOT NULL")
    assert len({row["monday_subitem_id"] for row in ids}) == len(ids) == 6


def test_the_subitem_of_another_order_is_never_archived_nor_taken(synced: Platform) -> None:
    size, other = synced.item("A-1").subitem_ids["Size M"], synced.item("A-2").id
    synced.sandbox.place_by_hand(size, other)
    assert not [step for step in repair_plan(synced.verify()) if step.action == "archive"]


def test_an_item_made_a_subitem_is_made_again(synced: Platform) -> None:
    item, other = synced.item("A-2").id, synced.item("A-1").id
    synced.sandbox.place_by_hand(item, other)
    kinds = [(kind, key) for kind, key, _ in told(synced)]
    assert ("under another item", "A-2") in kinds
    load(synced, A_2="changed")
    assert synced.sync().is_done
    assert synced.states() == {"SYNCED"}
    # Its former sizes, which went along, are under the other item a second time.
    assert sorted(told(synced)) == [("doubled", "A-1 M", ""), ("doubled", "A-1 S", ""), ("unknown", "", "")]
    assert synced.repair().subitems.archived == 2
    assert told(synced) == [("unknown", "", "")]
    synced.remove(item, "archive_item")
    assert is_whole(synced)


def test_a_subitem_made_an_item_is_made_again_and_left_to_people(synced: Platform) -> None:
    size = synced.item("A-1").subitem_ids["Size M"]
    synced.sandbox.place_by_hand(size, None)
    assert told(synced) == [("under another item", "A-1 M", "an item of its own")]
    assert synced.repair().subitems.created == 1
    assert told(synced) == [("unknown", "", "")]
    synced.remove(size, "delete_item")
    assert is_whole(synced)


# --- copies, keys, the archive


def test_an_item_duplicated_by_hand_is_archived_and_never_the_one_that_belongs_to_the_row(synced: Platform) -> None:
    ours, copy = synced.item("A-2").id, synced.duplicate(synced.item("A-2").id)
    synced.clock.sleep(SETTLE)
    assert [each.monday_id for each in synced.verify().differences] == [copy]
    assert told(synced) == told(synced, cells=False) == [("doubled", "A-2", "")]
    with synced.watched() as watch:
        load(synced, A_1="changed")
        assert synced.sync().is_done
    assert watch.mutations == {"change_multiple_column_values": 1}
    assert synced.repair().items.archived == 1
    assert synced.item("A-2").id == ours
    assert synced.verify().is_equal


def test_a_copy_takes_over_when_the_original_was_removed(synced: Platform) -> None:
    """People duplicate an item and throw the first one away: the next change adopts the copy instead of making a third."""
    ours = synced.item("A-2").id
    copy = synced.duplicate(ours)
    synced.remove(ours, "archive_item")
    synced.clock.sleep(SETTLE)
    load(synced, A_2="changed")
    report = synced.sync()
    assert (report.is_done, report.items.adopted, report.items.created, report.subitems.adopted) == (True, 1, 0, 2)
    assert synced.item("A-2").id == copy
    assert is_whole(synced)


@pytest.mark.parametrize("key", ["A-9", "A-1", ""])
def test_an_external_key_edited_by_hand_is_put_right(synced: Platform, key: str) -> None:
    item = synced.item("A-2").id
    synced.write(item, NUMBER_COLUMN, key)
    synced.clock.sleep(SETTLE)
    (found,) = synced.verify().differences
    assert (found.kind, found.order_key, found.database, found.board) == (DifferenceKind.DIFFERENT, "A-2", "A-2", key)
    load(synced, A_1="changed", A_2="changed")
    report = synced.sync()
    assert (report.is_done, report.items.created, report.doubled) == (True, 0, [])
    assert synced.item("A-2").id == item
    assert is_whole(synced)


def test_an_item_archived_and_restored_is_as_if_nothing_was(synced: Platform) -> None:
    item = synced.item("A-2").id
    synced.remove(item, "archive_item")
    assert told(synced) == [("missing", "A-2", "archived")]
    synced.sandbox.restore(item)
    assert told(synced) == []
    assert is_whole(synced)


def test_an_item_restored_after_it_was_made_again_is_a_duplicate(synced: Platform) -> None:
    item = synced.item("A-2").id
    synced.remove(item, "delete_item")
    load(synced, A_2="changed")
    assert synced.sync().is_done
    synced.sandbox.restore(item)
    synced.clock.sleep(SETTLE)
    assert told(synced) == [("doubled", "A-2", "")]
    assert synced.repair().items.archived == 1
    assert is_whole(synced)


# --- what a run looks at, and what only `verify` does

HANDS: dict[str, Callable[[Platform], object]] = {
    "item archived": lambda it: it.remove(it.item("A-2").id, "archive_item"),
    "item elsewhere": lambda it: it.move_to_board(it.item("A-2").id, it.make_board("Shipped")),
    "cell": lambda it: it.write(it.item("A-2").id, NOTES_COLUMN, "by hand"),
    "name": lambda it: it.write(it.item("A-2").id, "name", "by hand"),
    "group": lambda it: it.move_to_group(it.item("A-2").id, it.make_group("By hand")),
    "group renamed": lambda it: it.rename_group(GROUP, "By hand"),
    "size archived": lambda it: it.remove(it.item("A-2").subitem_ids["Size M"], "archive_item"),
    "size": lambda it: it.write(it.item("A-2").subitem_ids["Size M"], QTY_COLUMN, "77", it.configuration.subitems.board_id),
    "copy": lambda it: it.duplicate(it.item("A-2").id),
    "item of nobody": lambda it: it.move_to_group(it.make_item("ours", {}), it.orders()["A-2"]["group_id"]),
}


@pytest.mark.parametrize(
    ("hand", "kind", "is_seen_by_ids", "healed_by"),
    [
        ("item archived", DifferenceKind.MISSING, True, "order"),
        ("item elsewhere", DifferenceKind.OTHER_BOARD, True, "order"),
        ("cell", DifferenceKind.DIFFERENT, False, "order"),
        ("name", DifferenceKind.DIFFERENT, False, "order"),
        ("group", DifferenceKind.WRONG_GROUP, False, "order"),
        ("group renamed", DifferenceKind.RENAMED_GROUP, True, "any order of it"),
        ("size archived", DifferenceKind.MISSING, True, "size"),
        ("size", DifferenceKind.DIFFERENT, False, "size"),
        ("copy", DifferenceKind.DUPLICATE, True, ""),
        ("item of nobody", DifferenceKind.UNKNOWN, True, ""),
    ],
)
def test_a_run_looks_at_the_rows_that_it_sends_and_verify_at_all_of_them(
    synced: Platform, hand: str, kind: DifferenceKind, is_seen_by_ids: bool, healed_by: str
) -> None:
    """Hands on a row that did not change stay until it does, or until `verify`; those on a size until the size changes."""
    HANDS[hand](synced)
    synced.clock.sleep(SETTLE)
    kinds = [each.kind for each in synced.verify().differences]
    assert kinds == [kind]
    assert bool(told(synced, cells=False)) == is_seen_by_ids
    sizes = {"S": 1, "M": 2}
    changes = {"other order": ("other", "", 2), "order": ("other", "changed", 2), "size": ("other", "changed", 5)}
    for change, (first, second, quantity) in changes.items():
        rows = [order("A-1", NOTES=first), order("A-2", sizes | {"M": quantity}, NOTES=second), order("A-3", NOTES="")]
        synced.load(rows)
        assert synced.sync().is_done
        synced.clock.sleep(SETTLE)
        if healed_by in {change, "any order of it"}:
            kinds = []
        assert [each.kind for each in synced.verify().differences] == kinds
    assert synced.repair().is_done


# --- orders that left


def test_an_item_of_an_order_that_left_is_named_and_left_where_it_is_to_be_kept(synced: Platform) -> None:
    synced.policies(max_removed_share=1.0)
    synced.load([order(number) for number in NUMBERS[:2]])
    assert synced.sync().is_done
    found = synced.verify()
    assert (found.is_equal, found.orders) == (True, 2)
    assert [(each.kind, each.order_key) for each in found.left_alone] == [(DifferenceKind.LEFT, "A-3")]


def test_of_two_rows_of_one_number_that_became_one_the_kept_item_is_one_too_many(synced: Platform) -> None:
    synced.policies(max_removed_share=1.0)
    synced.load([*(order(number) for number in NUMBERS), order("A-1", PO_NUMBER="2")])
    assert synced.sync().is_done
    load(synced)
    assert synced.sync().is_done
    assert [(each.kind, each.order_key) for each in synced.verify().left_alone] == [(DifferenceKind.SURPLUS, "A-1")]


def test_an_order_that_we_archived_and_a_person_restored_is_archived_by_a_repair(synced: Platform) -> None:
    synced.policies(max_removed_share=1.0, removed_orders="archive")
    item = synced.item("A-3").id
    synced.load([order(number) for number in NUMBERS[:2]])
    assert synced.sync().is_done
    synced.sandbox.restore(item)
    synced.clock.sleep(SETTLE)
    assert told(synced) == [("left the load", "A-3", "")]
    assert synced.repair().items.archived == 1
    assert synced.numbers == ["A-1", "A-2"]
    assert synced.verify().is_equal


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("edit", ["archive_item", "delete_item", "moved", "changed"])
def test_what_people_did_to_a_size_of_an_order_that_was_away_is_seen_when_it_is_back(
    synced: Platform, edit: str, leaves: bool
) -> None:
    """What comes back is compared with the board, its sizes too, though none of them changed in the list."""
    synced.policies(max_removed_share=1.0, deleted_on_board="leave" if leaves else "recreate")
    size = synced.item("A-3").subitem_ids["Size M"]
    synced.load([order(number, NOTES="") for number in NUMBERS[:2]])
    assert synced.sync().is_done
    if edit == "moved":
        synced.sandbox.place_by_hand(size, None)
    elif edit == "changed":
        synced.write(size, QTY_COLUMN, "77", synced.configuration.subitems.board_id)
    else:
        synced.remove(size, edit)
    synced.clock.sleep(SETTLE)
    load(synced)
    with synced.watched() as watch:
        assert synced.sync().is_done
    assert sum(watch.mutations.values()) == (edit == "changed" or not leaves)
    assert synced.item("A-3").sizes == ({"Size S": "1"} if leaves and edit != "changed" else SIZES)
    assert synced.states() == {"SYNCED"}


# --- columns


def test_a_column_renamed_on_the_board_changes_nothing(synced: Platform) -> None:
    query = 'mutation { change_column_title(board_id: 9609317401, column_id: "%s", title: "x") { id } }'
    synced.ask(query % NOTES_COLUMN)
    load(synced, A_1="changed")
    assert synced.sync().is_done
    assert synced.item("A-1").values[NOTES_COLUMN] == "changed"
    assert synced.verify().is_equal


def test_a_column_deleted_on_the_board_stops_the_customer_in_words_and_fails_no_row(synced: Platform) -> None:
    synced.remove_column(NOTES_COLUMN)
    load(synced, A_1="changed")
    report = synced.sync()
    assert report.error is not None
    assert f"there is no column '{NOTES_COLUMN}' on the board" in report.error
    assert "FAILED" not in synced.states()
    with pytest.raises(Exception, match=f"there is no column '{NOTES_COLUMN}'"):
        synced.verify()


# --- what a run would change, before anything is sent


def planned(platform: Platform) -> dict[str, RowChange]:
    """What a dry run would change, by order; it sends nothing."""
    changes = OrderChanges()
    with platform.watched() as watch:
        report = platform.rehearse(changes=changes)[GREYSON]
    assert (report.error, watch.mutations) == (None, {})
    return {change.order_key: change for change in changes.orders.values()}


def cells(change: RowChange) -> dict[str, tuple[str, str]]:
    return {cell.column: (cell.board, cell.database) for cell in change.cells}


def test_the_changes_of_rows_that_wait_are_told_cell_by_cell_before_anything_is_sent(synced: Platform) -> None:
    synced.load([order("A-1", {"S": 5, "M": 2}, NOTES="new note"), *(order(number) for number in [*NUMBERS[1:], "A-4"])])
    told = planned(synced)
    assert set(told) == {"A-1", "A-4"}
    assert cells(told["A-1"])["NOTES"] == ("", "new note")
    assert [value for size in told["A-1"].sizes if size.size_code == "S" for value in cells(size).values()] == [("1", "5")]
    assert cells(told["A-4"])["group"] == ("", GROUP)
    assert cells(told["A-4"])["name"][0] == ""
    assert all("name" in cells(size) for size in told["A-4"].sizes)


def test_a_row_without_id_would_change_what_it_would_adopt(synced: Platform) -> None:
    synced.execute("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW', monday_item_id = NULL")
    synced.execute("UPDATE ORDER_LIST_LINES SET sync_state = 'NEW', monday_subitem_id = NULL, monday_parent_id = NULL")
    synced.write(synced.item("A-2").id, NOTES_COLUMN, "by hand")
    told = planned(synced)
    assert {key: list(cells(change)) for key, change in told.items()} == {"A-2": ["NOTES"]}
    assert told["A-2"].monday_id == synced.item("A-2").id


def test_an_order_that_would_be_made_again_is_told_with_its_sizes(synced: Platform) -> None:
    item_id = synced.item("A-2").id
    synced.remove(item_id, "archive_item")
    synced.execute("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW' WHERE order_key = 'A-2'")
    (told,) = planned(synced).values()
    assert (told.kind, told.monday_id) == (ChangeKind.AGAIN, item_id)
    assert {size.kind for size in told.sizes} == {ChangeKind.NEW}
    synced.sync()
    assert len(synced.item("A-2").sizes) == len(told.sizes)


def test_a_row_that_would_be_left_alone_would_change_nothing(synced: Platform) -> None:
    synced.policies(deleted_on_board="leave")
    synced.remove(synced.item("A-2").id, "archive_item")
    synced.execute("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW' WHERE order_key = 'A-2'")
    assert planned(synced) == {}


# --- the board's answers


@pytest.mark.parametrize("how", ["move", "archive"])
def test_with_lost_replies_nothing_is_made_twice(make_platform: Callable[..., Platform], how: str) -> None:
    platform = make_platform(visibility_lag=20.0)
    load(platform)
    platform.sync()
    platform.clock.sleep(SETTLE)
    item = platform.item("A-2").id
    if how == "move":
        platform.move_to_board(item, platform.make_board("Shipped"))
    else:
        platform.remove(item, "archive_item")
    platform.sandbox.faults.queue(Fault.REPLY_LOST, times=8, operation="create_item")
    load(platform, A_2="changed")
    for _ in range(3):
        platform.sync()
        platform.clock.sleep(SETTLE)
    assert is_whole(platform)
    assert platform.verify().is_equal

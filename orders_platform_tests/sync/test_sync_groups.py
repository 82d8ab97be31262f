"""Groups: found by title, made once, healed when their id is stale."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from orders_platform.domain.board import Group
from orders_platform.domain.differences import place_groups
from orders_platform.domain.history import CustomerGroup
from orders_platform.domain.text import fold
from orders_platform.sandbox.server import Fault
from orders_platform.sync.results import StageReport
from orders_platform.sync.stages import sync_items
from orders_platform_tests.testing.platform import SETTLE, Platform, order

TITLE = "GREYSON 2025 FALL"


def test_a_group_is_made_once_for_all_its_orders_and_runs(platform: Platform) -> None:
    platform.load([order("GRE-00001"), order("GRE-00002")])
    platform.sync()
    platform.load([order("GRE-00001"), order("GRE-00002"), order("GRE-00003")])
    report = platform.sync()
    assert platform.groups.count(TITLE) == 1
    assert (report.groups.created, report.groups.skipped) == (0, 1)


def test_a_group_that_a_person_made_is_found_by_its_title(platform: Platform) -> None:
    group_id = platform.make_group(f"  {TITLE.replace(' ', '  ')} ")
    platform.load([order("GRE-00001")])
    with platform.watched() as watch:
        platform.sync()
    assert "create_group" not in watch.mutations
    assert platform.orders()["GRE-00001"]["group_id"] == group_id


def test_of_two_groups_of_one_title_the_upper_one_is_used(platform: Platform) -> None:
    made = [platform.make_group(TITLE), platform.make_group(TITLE)]
    in_board_order = [group.id for group in platform.sandbox.board_snapshot(9609317401) if group.title == TITLE]
    assert sorted(made) == sorted(in_board_order)
    platform.load([order("GRE-00001")])
    platform.sync()
    assert platform.orders()["GRE-00001"]["group_id"] == in_board_order[0]
    assert platform.groups.count(TITLE) == 2


def test_a_group_deleted_by_hand_is_made_again_and_its_order_in_it(platform: Platform) -> None:
    platform.load([order("GRE-00001"), order("GRE-00002")])
    platform.sync()
    stale = platform.orders()["GRE-00001"]["group_id"]
    platform.delete_group(TITLE)
    platform.load([order("GRE-00001", NOTES="a"), order("GRE-00002", NOTES="b"), order("GRE-00003")])
    report = platform.sync()
    assert report.is_done
    assert {row["group_id"] for row in platform.orders().values()}.isdisjoint({stale, None})
    assert [(item.group, item.number, len(item.sizes)) for item in platform.items()] == [
        (TITLE, "GRE-00001", 2), (TITLE, "GRE-00002", 2), (TITLE, "GRE-00003", 2),
    ]  # fmt: skip


def test_an_item_in_a_deleted_group_is_not_sent_without_the_group_stage(platform: Platform) -> None:
    platform.load([order("GRE-00001")])
    platform.sync()
    platform.delete_group(TITLE)
    platform.load([order("GRE-00001", NOTES="a")])
    with platform.board() as board:
        run = platform.run(board)
        platform.merge.merge_headers("GREYSON", platform.merge.scan_staging(), run.clock())
        report = StageReport()
        sync_items(run, "GREYSON", report)
    assert (report.waiting, report.created, report.failed) == (1, 0, 0)
    assert platform.orders()["GRE-00001"]["sync_state"] == "NEW"


def test_a_lost_reply_does_not_make_a_group_twice(platform: Platform) -> None:
    platform.load([order("GRE-00001")])
    platform.sandbox.faults.queue(Fault.REPLY_LOST, operation="create_group")
    report = platform.sync()
    assert platform.groups.count(TITLE) == 1
    assert report.is_done


def test_a_group_of_unknown_outcome_is_looked_for_after_the_settle_time(platform: Platform) -> None:
    platform.load([order("GRE-00001")])
    platform.sandbox.faults.queue(Fault.REPLY_LOST, times=8, operation="create_group")
    before = platform.clock()
    report = platform.sync()
    assert platform.clock() - before >= SETTLE
    assert platform.groups.count(TITLE) == 1
    assert (report.groups.created, report.groups.adopted) == (0, 1)
    assert report.is_done


def test_a_group_that_was_surely_not_made_is_made_in_the_same_run(platform: Platform) -> None:
    platform.load([order("GRE-00001")])
    platform.sandbox.faults.queue(Fault.CONNECTION_DROPPED, times=8, operation="create_group")
    report = platform.sync()
    assert platform.groups.count(TITLE) == 1
    assert report.is_done


def test_a_refused_group_keeps_its_orders_waiting_and_stops_no_other(platform: Platform) -> None:
    platform.load([order("GRE-00001"), order("GRE-00002", AAG_SEASON="2026 SPRING")])
    platform.sandbox.faults.queue(Fault.REFUSE_ALIAS, operation="create_group")
    report = platform.sync()
    assert report.groups.failed == 1
    assert (report.items.created, report.items.waiting) == (1, 1)
    assert not report.is_done
    again = platform.sync()
    assert again.is_done
    assert platform.numbers == ["GRE-00001", "GRE-00002"]


def test_a_group_sent_by_a_process_that_died_is_waited_for_and_not_made_again(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform(visibility_lag=20.0)
    platform.clock.sleep(30)
    platform.load([order("GRE-00001")])
    platform.sync_until_crash(lambda name, _: name == "log_batch")
    assert TITLE not in platform.listed_groups()
    assert platform.sync().is_done
    assert platform.groups.count(TITLE) == 1


def test_a_group_that_is_not_listed_yet_is_used_and_not_made_again(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform(visibility_lag=20.0)
    platform.clock.sleep(30)
    platform.load([order("GRE-00001")])
    platform.sync(limit=0)
    platform.load([order("GRE-00001", NOTES="a")])
    assert platform.sync().is_done
    assert platform.groups.count(TITLE) == 1


def test_two_spellings_of_one_title_are_one_group(platform: Platform) -> None:
    platform.load([order("GRE-00001", AAG_SEASON="2025 FALL"), order("GRE-00002", AAG_SEASON="2025  FALL")])
    report = platform.sync()
    assert platform.groups.count(TITLE) == 1
    assert report.is_done


# --- hands of people on groups


def seasons(platform: Platform, *notes: str) -> dict[str, str]:
    """A synced order in each of two groups, changed by these notes; the ids of the groups by title."""
    platform.load([order("GRE-00001", NOTES=notes[0]), order("GRE-00002", NOTES=notes[1], AAG_SEASON="2026 SPRING")])
    assert platform.sync().is_done
    return {group.title: group.id for group in platform.sandbox.board_snapshot(9609317401)}


def places(platform: Platform) -> dict[str, str]:
    return {item.number: item.group for item in platform.items()}


SPRING = "GREYSON 2026 SPRING"
BOTH = {"GRE-00001": TITLE, "GRE-00002": SPRING}


def test_a_renamed_group_gets_its_title_back_and_no_second_one_is_made(platform: Platform) -> None:
    ids = seasons(platform, "a", "b")
    platform.rename_group(TITLE, "ours")
    with platform.watched() as watch:
        assert seasons(platform, "a2", "b") == ids
    assert watch.mutations == {"update_group": 1, "change_multiple_column_values": 1}
    assert places(platform) == BOTH


def test_a_renamed_group_keeps_its_new_title_where_the_policy_says_so(platform: Platform) -> None:
    platform.policies(renamed_groups="keep")
    ids = seasons(platform, "a", "b")
    platform.rename_group(TITLE, "ours")
    platform.load([order("GRE-00001", NOTES="a2"), order("GRE-00002", AAG_SEASON="2026 SPRING"), order("GRE-00003")])
    assert platform.sync().is_done
    assert places(platform) == {"GRE-00001": "ours", "GRE-00002": SPRING, "GRE-00003": "ours"}
    assert len(platform.groups) == len(ids)


def test_a_dry_run_counts_a_title_to_be_put_right_and_makes_no_group(platform: Platform) -> None:
    seasons(platform, "a", "b")
    platform.rename_group(TITLE, "ours")
    platform.load([order("GRE-00001", NOTES="a2"), order("GRE-00002", NOTES="b", AAG_SEASON="2026 SPRING")])
    report = platform.rehearse("GREYSON")["GREYSON"]
    assert (report.groups.created, report.groups.updated, report.items.moved, report.items.updated) == (0, 1, 0, 1)


def test_titles_that_were_swapped_are_put_right_and_no_item_moves(platform: Platform) -> None:
    ids = seasons(platform, "a", "b")
    platform.rename_group(TITLE, "x")
    platform.rename_group(SPRING, TITLE)
    platform.rename_group("x", SPRING)
    with platform.watched() as watch:
        assert seasons(platform, "a2", "b2") == ids
    assert "move_item_to_group" not in watch.mutations
    assert places(platform) == BOTH


def test_a_title_that_was_given_to_the_group_of_another_season_is_not_taken_for_it(platform: Platform) -> None:
    seasons(platform, "a", "b")
    platform.delete_group(TITLE)
    platform.rename_group(SPRING, TITLE)
    seasons(platform, "a2", "b2")
    assert places(platform) == BOTH
    assert (platform.groups.count(TITLE), platform.groups.count(SPRING)) == (1, 1)


def test_where_people_made_a_new_group_of_the_title_changed_orders_go_there(platform: Platform) -> None:
    seasons(platform, "a", "b")
    platform.rename_group(TITLE, "last year")
    platform.make_group(TITLE.lower())
    seasons(platform, "a2", "b")
    assert places(platform) == {"GRE-00001": TITLE.lower(), "GRE-00002": SPRING}
    assert "last year" in platform.groups


def test_a_second_group_of_the_title_does_not_draw_the_items_away(platform: Platform) -> None:
    ids = seasons(platform, "a", "b")
    platform.make_group(TITLE)
    with platform.watched() as watch:
        platform.load([order("GRE-00001", NOTES="a2"), order("GRE-00002", NOTES="b", AAG_SEASON="2026 SPRING")])
        platform.sync()
    assert "move_item_to_group" not in watch.mutations
    assert platform.orders()["GRE-00001"]["group_id"] == ids[TITLE]


def test_titles_that_differ_in_case_alone_are_one_group(platform: Platform) -> None:
    numbers = [order("GRE-00001", CUSTOMER_SEASON="SUMMER"), order("GRE-00002", CUSTOMER_SEASON="Summer")]
    platform.load(numbers)
    report = platform.sync()
    assert (report.is_done, report.groups.created) == (True, 1)
    assert len({item.group for item in platform.items()}) == 1
    platform.load([*numbers, order("GRE-00003", CUSTOMER_SEASON="summer")])
    with platform.watched() as watch:
        assert platform.sync().is_done
    assert set(watch.mutations) == {"create_item", "create_subitem"}


def test_a_group_archived_with_its_items_comes_back_with_them(platform: Platform) -> None:
    ids = seasons(platform, "a", "b")
    query = "mutation($g: String!) { archive_group(board_id: 9609317401, group_id: $g) { id } }"
    platform.ask(query, g=ids[TITLE])
    again = seasons(platform, "a2", "b")
    assert places(platform) == BOTH
    assert again[TITLE] != ids[TITLE]


def test_a_group_deleted_with_its_items_is_made_again_for_new_orders_where_removed_ones_are_left(platform: Platform) -> None:
    platform.policies(deleted_on_board="leave")
    seasons(platform, "a", "b")
    platform.delete_group(TITLE)
    platform.load([order("GRE-00001", NOTES="a2"), order("GRE-00002", NOTES="b", AAG_SEASON="2026 SPRING"), order("GRE-00003")])
    assert platform.sync().is_done
    assert places(platform) == {"GRE-00002": SPRING, "GRE-00003": TITLE}


def test_a_title_that_monday_refuses_keeps_no_order_off_the_board(platform: Platform) -> None:
    seasons(platform, "a", "b")
    platform.rename_group(TITLE, "ours")
    platform.sandbox.faults.queue(Fault.REFUSE_ALIAS, operation="update_group")
    platform.load([order("GRE-00001", NOTES="a2"), order("GRE-00002", NOTES="b", AAG_SEASON="2026 SPRING")])
    report = platform.sync()
    assert (report.items.updated, report.groups.failed, report.is_done) == (1, 1, False)
    assert places(platform) == {"GRE-00001": "ours", "GRE-00002": SPRING}


NAMES = st.sampled_from(["A", "a ", "B", "C"])


@given(
    names=st.sets(NAMES),
    titles=st.lists(NAMES, max_size=4),
    recorded=st.dictionaries(st.sampled_from(["A", "B", "C"]), st.integers(0, 4), max_size=3),
)
def test_every_placed_name_is_titled_or_recorded_so_and_groups_are_not_shared(
    names: set[str], titles: list[str], recorded: dict[str, int]
) -> None:
    by_id = {group_id: name for name, group_id in recorded.items()}
    known = [CustomerGroup("X", name, str(group_id)) for group_id, name in by_id.items()]
    placed = place_groups(names, [Group(str(n), title) for n, title in enumerate(titles)], known)
    for name, group in placed.items():
        owner = by_id.get(int(group.id))
        assert owner is None or fold(owner) == fold(name)
        assert fold(name) == fold(group.title) or owner is not None
    missing = names - set(placed)
    free = {fold(title) for n, title in enumerate(titles) if n not in by_id}
    assert not {fold(name) for name in missing} & free
    pairs = {(fold(name), group.id) for name, group in placed.items()}
    assert len(pairs) == len({group_id for _, group_id in pairs})

"""Groups: found by title, made once, healed when their id is stale."""

from __future__ import annotations

from collections.abc import Callable

from orders_platform.sandbox.server import Fault
from orders_platform.sync.rows import sync_items
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
        report = sync_items(run, "GREYSON")
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

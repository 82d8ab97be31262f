"""A dry run says what the next run does, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orders_platform.demo.sample_rows import Row
from orders_platform.sync.results import CustomerReport
from orders_platform_tests.testing.platform import GREYSON, Platform, order

FIGURES = ("created", "updated", "moved", "archived", "skipped", "adopted", "failed", "waiting")


def figures(report: CustomerReport) -> list[dict[str, int]]:
    assert report.error is None
    return [{name: getattr(stage, name) for name in FIGURES} for stage in report.stages]


def rehearsed_and_done(platform: Platform, rows: list[Row], **options: object) -> None:
    platform.load(rows)
    before = platform.dump()
    with platform.watched() as watch:
        rehearsed = platform.rehearse(GREYSON, **options)[GREYSON]
    assert watch.mutations == {}
    assert platform.dump() == before
    done = platform.sync(**options)
    assert figures(rehearsed) == figures(done)
    assert [(row.order_key, row.code) for row in rehearsed.items.refusals] == [
        (row.order_key, row.code) for row in done.items.refusals
    ]
    assert rehearsed.headers == done.headers
    assert rehearsed.lines == done.lines


ROWS = [order(f"GRE-0000{n}", {"S": n, "M": 2}) for n in range(1, 7)]


def test_a_dry_run_leaves_the_files_of_database_and_board_as_they_are(
    make_platform: Callable[..., Platform], tmp_path: Path
) -> None:
    boards = tmp_path / "boards.db"
    platform = make_platform(state=boards)
    platform.load(ROWS)
    platform.store.database.close()
    before = platform.file.read_bytes(), boards.read_bytes()
    report = platform.rehearse(GREYSON)[GREYSON]
    platform.store.database.close()
    assert (platform.file.read_bytes(), boards.read_bytes()) == before
    assert (report.items.created, report.subitems.created) == (6, 12)


def test_a_first_load_is_foretold(platform: Platform) -> None:
    rehearsed_and_done(platform, ROWS)


def test_a_load_with_nothing_new_is_foretold(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sync()
    rehearsed_and_done(platform, ROWS)


def test_changes_moves_and_new_sizes_are_foretold(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sync()
    rows = [dict(row) for row in ROWS]
    rows[0].update({"NOTES": "changed"})
    rows[1].update({"AAG SEASON": "2026 SPRING"})
    rows[2].update({"CUSTOMER SEASON": "2025 FALL", "AAG SEASON": None})
    rows[3].update({"S": None, "XL": 4})
    rows[4].update({"ORDER TYPE": "CANCELLED"})
    rehearsed_and_done(platform, [*rows, order("GRE-00007")])


def test_a_move_into_a_group_that_is_there_is_foretold(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sync()
    platform.make_group("GREYSON 2026 SPRING")
    rehearsed_and_done(platform, [{**ROWS[0], "AAG SEASON": "2026 SPRING"}, *ROWS[1:]])


def test_the_lines_of_an_order_that_will_be_refused_are_foretold_as_waiting(platform: Platform) -> None:
    rehearsed_and_done(platform, [*ROWS, order("GRE-00008", UNIT_OF_MEASURE="BARRELS")])


def test_a_limited_run_is_foretold(platform: Platform) -> None:
    rehearsed_and_done(platform, ROWS, limit=2)


def test_a_run_without_subitems_is_foretold(platform: Platform) -> None:
    rehearsed_and_done(platform, ROWS, skip_subitems=True)


def test_an_item_that_will_be_made_again_is_foretold_with_its_subitems(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sync()
    platform.remove(platform.item("GRE-00001").id, "delete_item")
    rehearsed_and_done(platform, [{**ROWS[0], "NOTES": "changed"}, *ROWS[1:]])


def test_an_archiving_is_foretold(platform: Platform) -> None:
    platform.policies(removed_orders="archive")
    platform.load(ROWS)
    platform.sync(skip_subitems=True)
    rehearsed_and_done(platform, ROWS[1:])


def test_an_adoption_is_foretold_without_waiting(platform: Platform) -> None:
    platform.load(ROWS)
    platform.sync_until_crash(lambda name, arguments: name == "record_results")
    before = platform.clock()
    rehearsed = platform.rehearse(GREYSON)[GREYSON]
    assert platform.clock() == before
    assert figures(rehearsed) == figures(platform.sync())
    assert rehearsed.items.adopted == 6
    assert rehearsed.subitems.created == 12

"""A dry run says what the next run does, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orders_platform.configuration import Configuration
from orders_platform.demo.sample_rows import Row
from orders_platform.domain.differences import OrderChanges
from orders_platform.domain.mapping import LabelPolicy
from orders_platform.sandbox.faults import Fault
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


def counted_and_read(platform: Platform) -> CustomerReport:
    """A dry run that counts the lines of new orders, after a look whether it says what those say that read some or all of them."""
    counted = platform.rehearse(GREYSON)[GREYSON]
    for most in (2, None):
        read = platform.rehearse(GREYSON, changes=OrderChanges(most=most))[GREYSON]
        assert figures(counted) == figures(read)
        assert counted.subitems.refusals == read.subitems.refusals
        left_out = [
            [(each.order_key, each.column, each.reason) for each in report.subitems.warnings] for report in (counted, read)
        ]
        assert left_out[0] == left_out[1]
    return counted


def test_the_lines_of_new_orders_are_only_counted(platform: Platform) -> None:
    platform.load(ROWS)
    assert platform.rehearse(GREYSON)[GREYSON].subitems.created == 12
    assert "planning subitems" not in platform.lines
    assert counted_and_read(platform).subitems.created == 12
    assert "planning subitems" in platform.lines


@pytest.mark.parametrize(("policy", "warnings"), [(LabelPolicy.CREATE, 0), (LabelPolicy.REJECT, 3)])
def test_of_sizes_without_a_label_each_line_is_foretold(platform: Platform, policy: LabelPolicy, warnings: int) -> None:
    def change(configuration: Configuration) -> Configuration:
        size, *others = configuration.subitems.fields
        fields = replace(size, labels=policy), *others
        return configuration.model_copy(update={"subitems": replace(configuration.subitems, fields=fields)})

    platform.configure(change)
    platform.load([*ROWS, order("GRE-00007", {"S": 1, "30/32": 2, "3-4": 3}), order("GRE-00008", {"M": 1, "3-4": 3})])
    report = counted_and_read(platform)
    assert (report.subitems.created, len(report.subitems.warnings)) == (17, warnings)


def test_lines_that_were_tried_before_and_those_of_an_order_that_will_be_refused_are_foretold(platform: Platform) -> None:
    platform.monday(max_tries=1)
    platform.load(ROWS[:1])
    platform.sandbox.faults.fail_on("GRE-00001")
    platform.sync()
    platform.execute("UPDATE ORDER_LIST_V2 SET sync_state = 'NEW', retry_count = 1 WHERE monday_item_id IS NULL")
    platform.load(ROWS)
    report = counted_and_read(platform)
    assert (report.items.created, report.items.failed, report.subitems.created, report.subitems.waiting) == (5, 1, 10, 2)
    platform.execute("UPDATE ORDER_LIST_V2 SET retry_count = 0")
    platform.execute("UPDATE ORDER_LIST_LINES SET retry_count = 1, sync_error_code = 'InternalServerError' WHERE qty = 1")
    report = counted_and_read(platform)
    assert (report.items.created, report.subitems.created, report.subitems.failed) == (6, 11, 1)


@pytest.mark.parametrize("changes", [None, OrderChanges(most=2)])
def test_of_subitems_that_could_not_be_looked_at_none_is_foretold(platform: Platform, changes: OrderChanges | None) -> None:
    platform.load([order("GRE-00001", {"S": 1})])
    platform.sync()
    platform.load([order("GRE-00001", {"S": 9}), *ROWS[1:]])
    platform.when("reading subitems", lambda: platform.sandbox.faults.queue(Fault.DAILY_429))
    report = platform.rehearse(GREYSON, changes=changes)[GREYSON]
    assert "DailyLimitError" in str(report.error)
    assert (report.subitems.created, changes.untold_sizes if changes else 0) == (0, 0)


def test_the_sizes_of_orders_under_ids_of_another_kind_are_told(platform: Platform) -> None:
    platform.load(ROWS)
    platform.merge.merge_headers(GREYSON, platform.merge.scan_staging(), datetime(2026, 1, 5, tzinfo=UTC))
    platform.execute("UPDATE ORDER_LIST_V2 SET record_uuid = 'id-' || order_key")
    changes = OrderChanges(most=2)
    assert platform.rehearse(GREYSON, changes=changes)[GREYSON].error is None
    assert [len(each.sizes) for each in changes.orders.values()][:3] == [2, 2, 0]


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

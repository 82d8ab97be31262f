"""The sample orders from the staging table to the board, below Dagster: first load, the same load, a later load."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal

import pytest

from orders_platform.demo.sample_orders import EXPECTED, sample_orders, second_load
from orders_platform.domain.mapping import BoardMapping, ColumnType
from orders_platform.sync.results import CustomerReport
from orders_platform_tests.testing.order_stores import FileStores, ServerStores
from orders_platform_tests.testing.platform import GREYSON, Platform, platforms
from orders_platform_tests.testing.sandbox_server import SandboxServer

MUTATIONS = {
    "created_groups": "create_group",
    "created_items": "create_item",
    "updated_items": "change_multiple_column_values",
    "moved_items": "move_item_to_group",
    "created_subitems": "create_subitem",
    "updated_subitems": "change_multiple_column_values",
}


class Story:
    """Three loads, told once for all tests: each chapter is what one run did."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        platform.load(sample_orders())
        with platform.watched() as self.first:
            self.reports = platform.go(board={"max_in_flight": 3})
        self.orders = platform.rows("SELECT * FROM ORDER_LIST_V2")
        self.lines = platform.rows("SELECT * FROM ORDER_LIST_LINES")
        self.items = platform.items()
        self.groups = platform.groups
        self.warnings = platform.warnings()
        self.calls_of_greyson = self.reports[GREYSON]
        before = platform.dump()
        with platform.watched() as self.second:
            self.again = platform.go()
        self.is_untouched = platform.dump() == before
        rows, self.changes = second_load()
        platform.load(rows)
        self.foretold = platform.rehearse()
        with platform.watched() as self.third:
            self.later = platform.go()
        self.later_lines = platform.rows("SELECT * FROM ORDER_LIST_LINES")
        self.later_orders = platform.rows("SELECT * FROM ORDER_LIST_V2")
        self.later_items = platform.items()
        self.later_warnings = platform.warnings()


@pytest.fixture(scope="module")
def story(stores: FileStores | ServerStores, sandbox_server: SandboxServer) -> Iterator[Story]:
    with platforms(stores, sandbox_server) as make:
        yield Story(make())


def _text(kind: ColumnType, value: object) -> str:
    """A value of the order table as the board shows it; '' for nothing."""
    if value is None or not str(value).strip():
        return ""
    match kind:
        case ColumnType.NUMBERS:
            return format(Decimal(str(value)).normalize(), "f")
        case ColumnType.DATE:
            return dt.date.fromisoformat(str(value)[:10]).isoformat()
        case _:
            return " ".join(str(value).split())


def _compared(mapping: BoardMapping, row: Mapping[str, object], values: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Columns in which a row and its item differ: column, wanted, shown."""
    found = []
    for field in mapping.fields:
        wanted = next((text for source in field.sources if (text := _text(field.type, row[source]))), "")
        shown = _text(field.type, values.get(field.column_id, ""))
        if wanted != shown:
            found.append((field.column_id, wanted, shown))
    return found


def _misfits(story: Story, orders: list[dict[str, object]], lines: list[dict[str, object]], items: list) -> list[object]:
    """Everything in which the board differs from the orders that are SYNCED, both directions."""
    mapping = story.platform.configuration.items
    by_id = {item.id: item for item in items}
    found: list[object] = []
    for row in orders:
        if row["sync_state"] != "SYNCED":
            continue
        item = by_id.pop(row["monday_item_id"], None)
        if item is None:
            found.append(("no item", row["order_key"]))
            continue
        sizes = {
            f"Size {line['size_code']}": str(line["qty"])
            for line in lines
            if line["record_uuid"] == row["record_uuid"] and line["monday_subitem_id"] is not None
        }
        if (item.group, item.name, item.sizes) != (row["group_name"], row["item_name"], sizes):
            found.append((row["order_key"], (item.group, item.name, item.sizes), sizes))
        left_out = {each.column for each in (*story.warnings, *story.later_warnings) if each.row_uuid == row["record_uuid"]}
        known = {name: None if name in left_out else value for name, value in row.items()}
        found += [(row["order_key"], *differing) for differing in _compared(mapping, known, item.values)]
    return found + [("no order", item.name) for item in by_id.values()]


def test_the_first_load_puts_exactly_the_expected_orders_and_lines_on_the_board(story: Story) -> None:
    by_customer = Counter(item.values["dropdown_mkr542p2"] for item in story.items)
    sizes = Counter(item.values["dropdown_mkr542p2"] for item in story.items for _ in item.sizes)
    groups = Counter(group.rsplit(" ", 1)[0] for group in story.groups)
    assert by_customer == {name: wanted.orders for name, wanted in EXPECTED.items()}
    assert sizes == {name: wanted.lines for name, wanted in EXPECTED.items()}
    assert sum(groups.values()) - 1 == sum(wanted.groups for wanted in EXPECTED.values())


@pytest.mark.parametrize("customer", EXPECTED)
def test_the_report_of_each_customer_has_the_expected_figures(story: Story, customer: str) -> None:
    report, wanted = story.reports[customer], EXPECTED[customer]
    assert report.error is None
    assert (report.groups.created, report.items.created, report.subitems.created) == (
        wanted.groups, wanted.orders, wanted.lines,
    )  # fmt: skip
    assert report.is_done


def test_every_item_and_subitem_shows_what_its_order_says(story: Story) -> None:
    assert _misfits(story, story.orders, story.lines, story.items) == []


def test_every_order_is_on_the_board_and_every_cell_that_it_lacks_is_told(story: Story) -> None:
    assert {(row["sync_state"], row["monday_item_id"] is None) for row in story.orders} == {("SYNCED", False)}
    told = Counter(each.customer for each in story.warnings)
    assert told == {name: wanted.warnings for name, wanted in EXPECTED.items() if wanted.warnings}


def test_every_subitem_hangs_under_the_item_of_its_order(story: Story) -> None:
    under = {subitem_id: item.id for item in story.items for subitem_id in item.subitem_ids.values()}
    recorded = {line["monday_subitem_id"]: line["monday_parent_id"] for line in story.lines if line["monday_subitem_id"]}
    assert recorded == under


def test_greyson_takes_at_most_20_requests(story: Story) -> None:
    report = story.calls_of_greyson
    assert (report.items.created, report.subitems.created) == (69, 317)
    assert report.total("calls") + report.total("reads") <= 20


def test_nothing_of_the_first_load_met_a_limit(story: Story) -> None:
    assert {request.status for request in story.first.requests} == {200}
    assert sum(report.total("rate_limited") for report in story.reports.values()) == 0


def test_the_second_run_sends_no_mutation_and_writes_nothing(story: Story) -> None:
    assert story.second.mutations == {}
    assert story.is_untouched
    assert all(report.headers is not None and report.headers.was_unchanged for report in story.again.values())


def test_a_later_load_sends_the_mutations_of_its_changes_and_no_other(story: Story) -> None:
    wanted: Counter[str] = Counter()
    for change in story.changes:
        for kind, number in asdict(change.sends).items():
            wanted[MUTATIONS[kind]] += number
    assert story.third.mutations == dict(wanted)


def test_a_later_load_leaves_everything_else_as_it_was(story: Story) -> None:
    changed = {change.order_number for change in story.changes}
    before = {item.id: item for item in story.items if item.number not in changed}
    after = {item.id: item for item in story.later_items if item.number not in changed}
    assert after == before


def test_after_a_later_load_every_item_and_subitem_shows_what_its_order_says(story: Story) -> None:
    assert _misfits(story, story.later_orders, story.later_lines, story.later_items) == []


def test_the_later_load_was_foretold_by_a_dry_run(story: Story) -> None:
    def figures(reports: Mapping[str, CustomerReport]) -> dict[str, list[tuple[int, ...]]]:
        return {
            customer: [
                (stage.created, stage.updated, stage.moved, stage.archived, stage.skipped, stage.failed, stage.waiting)
                for stage in report.stages
            ]
            for customer, report in reports.items()
        }

    assert figures(story.foretold) == figures(story.later)

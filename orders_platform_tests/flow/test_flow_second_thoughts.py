"""What a later load takes back or gets wrong: typos, removals before sending, orders that come back. Nothing lost, nothing twice."""

from __future__ import annotations

from orders_platform.sandbox.faults import Fault
from orders_platform_tests.testing.platform import Platform, order

TEN = [order(f"GRE-{i:05d}", {"S": 1, "M": 2}) for i in range(10)]


def test_a_typo_in_a_quantity_does_not_empty_the_size_on_the_board(platform: Platform) -> None:
    platform.load([order("GRE-00001", {"S": 12, "M": 2})])
    assert platform.sync().is_done
    platform.load([order("GRE-00001", {"M": 3}, S="12 pcs")])
    assert platform.sync().is_done
    assert dict(platform.item("GRE-00001").sizes) == {"Size S": "12", "Size M": "3"}
    assert [(each.column, each.text, each.code) for each in platform.warnings()] == [("S", "12 pcs", "bad_quantity")]
    platform.load([order("GRE-00001", {"M": 3})])
    assert platform.sync().is_done
    assert dict(platform.item("GRE-00001").sizes) == {"Size S": "0", "Size M": "3"}
    assert platform.warnings() == []


def test_a_typo_in_one_spelling_of_one_size_keeps_its_line_too(platform: Platform) -> None:
    platform.load([order("GRE-00001", {"O/S": 12})])
    assert platform.sync().is_done
    platform.load([order("GRE-00001", {"M": 1}, **{"O/S": "a dozen"})])
    assert platform.sync().is_done
    assert dict(platform.item("GRE-00001").sizes) == {"Size ONE SIZE": "12", "Size M": "1"}


def test_an_order_that_left_before_it_was_sent_is_not_made(platform: Platform) -> None:
    platform.load(TEN)
    platform.sync_until_crash(lambda name, _arguments: name == "waiting_groups")
    platform.load(TEN[:-1])
    report = platform.sync()
    assert report.is_done
    assert platform.numbers == [f"GRE-{i:05d}" for i in range(9)]
    [summary] = platform.store.summaries()
    assert (summary.orders, summary.removed, summary.new, summary.pending) == (9, 1, 0, 0)
    platform.load(TEN)
    assert platform.sync().is_done
    assert dict(platform.item("GRE-00009").sizes) == {"Size S": "1", "Size M": "2"}


def test_an_order_that_we_archived_comes_back_whatever_people_may_remove(platform: Platform) -> None:
    platform.policies(removed_orders="archive", deleted_on_board="leave")
    platform.load(TEN)
    assert platform.sync().is_done
    platform.load(TEN[:-1])
    assert platform.sync().is_done
    assert "GRE-00009" not in platform.numbers
    platform.load(TEN)
    assert platform.sync().is_done
    assert platform.numbers == [f"GRE-{i:05d}" for i in range(10)]
    assert dict(platform.item("GRE-00009").sizes) == {"Size S": "1", "Size M": "2"}


def test_lines_under_a_refused_order_are_not_counted_as_new(platform: Platform) -> None:
    platform.load([order("GRE-00001", {"S": 1})])
    platform.sandbox.faults.queue(Fault.REFUSE_ALIAS, operation="create_item")
    platform.sync()
    [summary] = platform.store.summaries()
    assert (summary.new, summary.failed, summary.blocked, summary.oldest_waiting_at) == (0, 1, 1, None)

"""What a run would change is written down while it is found: no more than the orders of one customer are held, and few of their cells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orders_platform.cli import output
from orders_platform.cli.shown_changes import ShownChanges
from orders_platform.domain.differences import CellChange, ChangeKind, OrderChanges, RowChange, change_counts
from orders_platform.reports.rendering import Links, changes_page
from orders_platform_tests.testing.platform import GREYSON, Platform, order

NUMBERS = [f"A-{n}" for n in range(1, 8)]


def changes_of(platform: Platform, most: int | None) -> tuple[OrderChanges, list[RowChange]]:
    changes = OrderChanges(most=most)
    assert platform.rehearse(changes=changes)[GREYSON].error is None
    return changes, list(changes.orders.values())


def changes_to(*orders: RowChange) -> OrderChanges:
    return OrderChanges(orders={str(n): each for n, each in enumerate(orders)})


@pytest.mark.parametrize("most", [0, 2])
def test_new_orders_beyond_those_that_are_told_are_counted_and_their_cells_not_held(platform: Platform, most: int) -> None:
    platform.load([order(number, {"S": 1, "M": 2}) for number in NUMBERS])
    (all_changes, whole), (few_changes, some) = changes_of(platform, None), changes_of(platform, most)
    assert few_changes.counts == all_changes.counts == change_counts(whole)
    assert some[:most] == whole[:most]
    assert all(row.cells for each in whole for row in (each, *each.sizes))
    assert not any(each.cells or each.sizes for each in some[most:])


def test_what_changes_is_told_whole_however_many_orders_are_new(platform: Platform) -> None:
    platform.load([order(number) for number in NUMBERS])
    platform.sync()
    platform.load([order(number, {"S": 9}, NOTES="new") for number in NUMBERS])
    assert changes_of(platform, 0)[1] == changes_of(platform, None)[1]


ORDER = RowChange(ChangeKind.CHANGED, "GRE-1", "", "∆ \"x\"\n\u2028", 7, (CellChange("STYLE", "a\r\nb", "\\n"),),
                  [RowChange(ChangeKind.NEW, "GRE-1", "S", "Size S", None)])  # fmt: skip


@pytest.mark.parametrize("changes", [{}, {"A": []}, {"A": [ORDER], "B": []}, {"A": [], "B": [ORDER, ORDER], "C": [ORDER]}])
def test_the_document_is_that_of_one_piece(changes: dict[str, list[RowChange]], tmp_path: Path) -> None:
    with closing(ShownChanges(is_kept=True)) as shown:
        for customer, orders in changes.items():
            shown.take(customer, changes_to(*orders))
        output.write_json({"first": 1, "changes": shown, "counts": shown.counts}, tmp_path / "document.json")
    every = [each for orders in changes.values() for each in orders]
    values = {name: [asdict(each) for each in orders] for name, orders in changes.items()}
    whole = {"first": 1, "changes": values, "counts": change_counts(every)}
    with (tmp_path / "document.json").open(encoding="utf-8", newline="") as written:
        assert written.read() == json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def test_what_follows_is_asked_for_when_what_was_before_is_written() -> None:
    asked = list[int]()

    def orders() -> Iterator[RowChange]:
        for number in range(1_000):
            asked.append(number)
            yield ORDER

    pieces = output.json_pieces({"changes": {"GREYSON": output.LongList(orders(), 1_000)}})
    steps = [len(asked) for _ in pieces]
    assert steps[0] < 100
    assert len(steps) > 10
    assert steps[-1] == 1_000


def test_a_page_is_given_in_pieces() -> None:
    with closing(ShownChanges(is_kept=True)) as shown:
        for n in range(200):
            shown.take(f"CUSTOMER {n}", changes_to(*[ORDER] * 5))
        pieces = list(changes_page(shown.items(), [], shown.counts, datetime(2026, 1, 1, tzinfo=UTC), Links()))
    assert sum(piece.count("<h2") for piece in pieces) == 200
    assert max(map(len, pieces)) <= 65_536 < sum(map(len, pieces))

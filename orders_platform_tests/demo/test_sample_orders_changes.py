"""The second load: exactly the labelled changes, each of the kind its label says."""

from __future__ import annotations

from collections import Counter

import pytest

from orders_platform.demo.sample_orders import EXPECTED, LabelledChange, Row, changed_orders, sample_orders, second_load

TASKED_KINDS = {
    "price_edited", "size_added", "size_changed", "size_removed", "season_moved", "po_edited", "cancelled", "uncancelled",
    "order_removed", "order_added", "renamed", "note_cleared",
}  # fmt: skip


Content = tuple[tuple[str, object], ...]


def content(row: Row) -> Content:
    return tuple(sorted((column, value) for column, value in row.items() if column != "record_uuid" and value is not None))


def differences() -> tuple[Counter[Content], Counter[Content], list[LabelledChange]]:
    """Row contents that only the first load has, those that only the second has, and the labels."""
    later, changes = second_load()
    before, after = (Counter(content(row) for row in rows) for rows in (sample_orders(), later))
    return before - after, after - before, changes


def test_each_kind_of_change_occurs_and_names_a_sample_customer() -> None:
    _, _, changes = differences()
    assert {change.kind for change in changes} == TASKED_KINDS
    assert {change.customer for change in changes} <= set(EXPECTED)


def test_nothing_but_the_labelled_orders_differs() -> None:
    gone, come, changes = differences()
    labelled = Counter(change.order_number for change in changes if change.kind != "order_added")
    assert Counter(dict(row)["AAG ORDER NUMBER"] for row in gone.elements()) == labelled
    labelled = Counter(change.order_number for change in changes if change.kind != "order_removed")
    assert Counter(dict(row)["AAG ORDER NUMBER"] for row in come.elements()) == labelled


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("price_edited", {"CUSTOMER PRICE"}),
        ("note_cleared", {"NOTES"}),
        ("renamed", {"CUSTOMER STYLE"}),
        ("po_edited", {"PO NUMBER"}),
        ("season_moved", {"CUSTOMER SEASON"}),
        ("cancelled", {"ORDER TYPE"}),
        ("uncancelled", {"ORDER TYPE"}),
        ("size_added", {"3XL", "TOTAL QTY"}),
        ("size_changed", {"M", "TOTAL QTY"}),
        ("size_removed", {"L", "TOTAL QTY"}),
    ],
)
def test_a_change_touches_only_the_columns_of_its_kind(kind: str, columns: set[str]) -> None:
    gone, come, changes = differences()
    for number in [change.order_number for change in changes if change.kind == kind]:
        before, after = (next(dict(r) for r in rows if dict(r)["AAG ORDER NUMBER"] == number) for rows in (gone, come))
        assert {column for column in {*before, *after} if before.get(column) != after.get(column)} == columns


def test_an_edited_po_belongs_once_to_an_order_alone_and_once_to_one_of_a_pair() -> None:
    numbers = Counter(row["AAG ORDER NUMBER"] for row in sample_orders())
    edited = [numbers[change.order_number] for change in differences()[2] if change.kind == "po_edited"]
    assert sorted(edited) == [1, 2]


def test_the_labels_say_what_is_sent() -> None:
    changes = {change.order_number: change.sends for change in differences()[2]}
    total = {name: sum(getattr(sends, name) for sends in changes.values()) for name in next(iter(changes.values())).__slots__}
    assert total == {
        "created_groups": 1,
        "created_items": 1,
        "updated_items": 12,
        "moved_items": 2,
        "created_subitems": 11,
        "updated_subitems": 5,
    }


def test_record_uuids_are_made_anew_and_the_order_of_rows_is_another() -> None:
    first, later = sample_orders(), second_load()[0]
    assert {row["record_uuid"] for row in first}.isdisjoint(row["record_uuid"] for row in later)
    assert len({row["record_uuid"] for row in later}) == len(later)
    assert [row["AAG ORDER NUMBER"] for row in first] != [row["AAG ORDER NUMBER"] for row in later]


def test_the_first_load_is_left_as_it_was() -> None:
    rows = sample_orders()
    changed_orders(rows)
    assert rows == sample_orders()


@pytest.mark.parametrize("seed", [0, 1, 99])
def test_the_changes_are_the_same_for_every_seed(seed: int) -> None:
    assert second_load(seed)[1] == second_load()[1]

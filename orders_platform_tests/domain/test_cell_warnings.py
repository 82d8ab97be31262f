"""Many cells with the same trouble are told in one line."""

from __future__ import annotations

from orders_platform.domain.orders import CellWarning, group_warnings


def warning(order: str, column: str, text: str, code: str = "label_missing") -> CellWarning:
    return CellWarning("GREYSON", order, column, text, code, "is not on the board")


def test_labels_are_told_by_their_text_and_other_cells_by_their_column() -> None:
    groups = group_warnings([
        *(warning(f"GRE-{n}", "PLANNER", "X") for n in range(118)),
        warning("GRE-7", "PLANNER", "Y"),
        warning("GRE-1", "DISCOUNT", "TBC", "number_expected"),
        warning("GRE-2", "DISCOUNT", "soon", "number_expected"),
        warning("GRE-2", "DISCOUNT", "soon", "number_expected"),
    ])  # fmt: skip
    assert [str(group) for group in groups] == [
        "PLANNER: 118 orders, for example GRE-0, GRE-1, GRE-2: 'X' is not on the board",
        "DISCOUNT: 2 orders, for example GRE-1, GRE-2: 'TBC' is not on the board",
        "PLANNER: GRE-7: 'Y' is not on the board",
    ]


def test_labels_that_look_the_same_when_shortened_are_told_once() -> None:
    groups = group_warnings([warning("GRE-1", "PLANNER", "X" * length) for length in (10_000, 2_000)])
    assert [group.count for group in groups] == [1]


def test_customers_are_apart_and_long_texts_are_shortened() -> None:
    other = CellWarning("ACME", "A-1", "NOTES", "x" * 3_000, "text_cut", "was cut")
    groups = group_warnings([warning("GRE-1", "NOTES", "a", "text_cut"), other])
    assert [group.customer for group in groups] == ["ACME", "GREYSON"]
    assert len(str(groups[0])) < 100

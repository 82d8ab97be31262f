"""Labels: which one a text means, the three policies, and the limits of a column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.domain.board import Column, Label
from orders_platform.domain.column_values import DROPDOWN_LABELS, STATUS_LABEL_CHARACTERS, STATUS_LABELS, LabelIndex
from orders_platform.domain.mapping import ColumnType, Field, LabelPolicy
from orders_platform.domain.text import fold
from orders_platform.errors import RowError

SIZES = Column(
    "dropdown_size",
    "Size",
    "dropdown",
    (
        Label(1, "OS"),
        Label(2, "ONE SIZE"),
        Label(3, "30/32"),
        Label(4, "XL"),
        Label(5, "OLD SIZE", is_deactivated=True),
        Label(6, "DIGITAL CAMO\u00a0"),
        Label(7, "BLACK, MATT"),
        Label(8, "Navy"),
        Label(9, "NAVY"),
    ),
)


def dropdown(policy: LabelPolicy = LabelPolicy.REJECT) -> Field:
    return Field(("size_code",), SIZES.id, ColumnType.DROPDOWN, policy)


def status(policy: LabelPolicy = LabelPolicy.CREATE) -> Field:
    return Field(("UNIT OF MEASURE",), "color_unit", ColumnType.STATUS, policy)


def status_column(count: int) -> Column:
    return Column("color_unit", "UNIT", "status", tuple(Label(n, f"unit {n}") for n in range(count)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OS", Label(1, "OS")),
        ("30/32", Label(3, "30/32")),
        ("xl", Label(4, "XL")),
        (" one \u00a0 size ", Label(2, "ONE SIZE")),
        ("digital camo", Label(6, "DIGITAL CAMO\u00a0")),
        ("BLACK, MATT", Label(7, "BLACK, MATT")),
        ("Navy", Label(8, "Navy")),
        ("NAVY", Label(9, "NAVY")),
    ],
)
@pytest.mark.parametrize("policy", list(LabelPolicy))
def test_a_known_label_is_found_whatever_its_case_and_spaces_and_the_policy(
    text: str, expected: Label, policy: LabelPolicy
) -> None:
    assert LabelIndex().choose(dropdown(policy), SIZES, text) == expected


def test_case_is_folded_as_the_language_does_it() -> None:
    column = Column(SIZES.id, "COLOR", "dropdown", (Label(1, "WEISSE STRASSE"),))
    assert LabelIndex().choose(dropdown(), column, "weiße Straße") == Label(1, "WEISSE STRASSE")


def test_a_missing_label_is_refused_with_the_nearest_ones() -> None:
    with pytest.raises(RowError) as refused:
        LabelIndex().choose(dropdown(), SIZES, "O/S")
    assert refused.value.code == "label_missing"
    assert "nearest: 'OS'" in refused.value.message
    assert "add it there or correct the order" in refused.value.message


def test_at_most_five_near_labels_are_named() -> None:
    column = Column("dropdown_size", "Style", "dropdown", tuple(Label(n, f"STYLE {n:04}") for n in range(400)))
    with pytest.raises(RowError) as refused:
        LabelIndex().choose(dropdown(), column, "STYLE 9999")
    assert refused.value.message.count("'STYLE ") == 5


def test_a_missing_label_with_none_near_says_so() -> None:
    with pytest.raises(RowError, match="none of its labels is near"):
        LabelIndex().choose(dropdown(), SIZES, "zzzzzzzz")


def test_a_column_without_labels_says_so() -> None:
    with pytest.raises(RowError, match="the column has no active label"):
        LabelIndex().choose(dropdown(), Column(SIZES.id, "Size", "dropdown"), "XL")


def test_the_policy_blank_leaves_a_missing_label_out() -> None:
    assert LabelIndex().choose(dropdown(LabelPolicy.BLANK), SIZES, "XXL") is None


@pytest.mark.parametrize("policy", list(LabelPolicy))
def test_a_deactivated_label_is_refused_under_every_policy(policy: LabelPolicy) -> None:
    with pytest.raises(RowError, match="deactivated") as refused:
        LabelIndex().choose(dropdown(policy), SIZES, "old size")
    assert refused.value.code == "label_deactivated"


def test_an_active_label_wins_over_a_deactivated_one_of_another_case() -> None:
    column = Column(SIZES.id, "Type", "dropdown", (Label(1, "Cancelled", is_deactivated=True), Label(2, "CANCELLED")))
    assert LabelIndex().choose(dropdown(), column, "Cancelled") == Label(2, "CANCELLED")


@pytest.mark.parametrize("policy", list(LabelPolicy))
def test_a_text_that_could_be_two_labels_is_refused_not_guessed(policy: LabelPolicy) -> None:
    with pytest.raises(RowError, match="'Navy', 'NAVY'") as refused:
        LabelIndex().choose(dropdown(policy), SIZES, "navy")
    assert refused.value.code == "label_ambiguous"


def test_the_policy_create_offers_a_new_label_without_an_id_and_with_single_spaces() -> None:
    assert LabelIndex().choose(dropdown(LabelPolicy.CREATE), SIZES, " 2025 \u00a0FALL") == "2025 FALL"


def test_a_label_that_was_asked_for_keeps_its_first_spelling_and_still_has_no_id() -> None:
    label_index = LabelIndex()
    label_index.add(SIZES, "2025 Fall")
    assert label_index.choose(dropdown(LabelPolicy.CREATE), SIZES, "2025 FALL") == "2025 Fall"


def test_looking_up_a_new_label_does_not_add_it() -> None:
    label_index = LabelIndex()
    label_index.choose(dropdown(LabelPolicy.CREATE), SIZES, "XXL")
    with pytest.raises(RowError):
        label_index.choose(dropdown(LabelPolicy.REJECT), SIZES, "XXL")


def test_a_full_status_column_takes_known_labels_only() -> None:
    column = status_column(STATUS_LABELS)
    label_index = LabelIndex()
    assert label_index.choose(status(), column, "UNIT 39") == Label(39, "unit 39")
    with pytest.raises(RowError, match="full \\(40 labels") as refused:
        label_index.choose(status(), column, "PACK")
    assert refused.value.code == "too_many_labels"


def test_labels_asked_for_in_this_run_count_against_the_limit_once() -> None:
    column = status_column(STATUS_LABELS - 1)
    label_index = LabelIndex()
    label_index.add(column, "PACK")
    label_index.add(column, "pack")
    assert label_index.choose(status(), column, "Pack") == "PACK"
    with pytest.raises(RowError) as refused:
        label_index.choose(status(), column, "PAIR")
    assert refused.value.code == "too_many_labels"


def test_deactivated_labels_count_against_the_limit() -> None:
    labels = tuple(Label(n, f"style {n}", is_deactivated=n < 3) for n in range(DROPDOWN_LABELS))
    with pytest.raises(RowError) as refused:
        LabelIndex().choose(dropdown(LabelPolicy.CREATE), Column(SIZES.id, "STYLE", "dropdown", labels), "NEW STYLE")
    assert refused.value.code == "too_many_labels"


def test_a_dropdown_holds_more_labels_than_a_status() -> None:
    labels = tuple(Label(n, f"style {n}") for n in range(DROPDOWN_LABELS - 1))
    column = Column(SIZES.id, "STYLE", "dropdown", labels)
    assert LabelIndex().choose(dropdown(LabelPolicy.CREATE), column, "NEW STYLE") == "NEW STYLE"


def test_a_new_status_label_has_at_most_thirty_characters_after_spaces_are_collapsed() -> None:
    fits, column = "x" * 15 + " " + "y" * 14, status_column(1)
    assert LabelIndex().choose(status(), column, fits.replace(" ", "   ")) == fits
    with pytest.raises(RowError, match="has 31 characters") as refused:
        LabelIndex().choose(status(), column, fits + "z")
    assert refused.value.code == "label_too_long"


@pytest.mark.parametrize("text", ["2023", "-1", "1.5", ".5", "5.", "1e3"])
def test_a_new_numeric_status_label_is_refused_because_monday_would_read_a_position(text: str) -> None:
    with pytest.raises(RowError) as refused:
        LabelIndex().choose(status(), status_column(1), text)
    assert refused.value.code == "label_numeric"
    assert LabelIndex().choose(dropdown(LabelPolicy.CREATE), SIZES, text) == text


def test_an_empty_label_on_the_board_is_never_chosen_nor_proposed() -> None:
    column = Column(SIZES.id, "COLOR", "dropdown", (Label(1, ""), Label(2, "A")))
    with pytest.raises(RowError, match="none of its labels is near"):
        LabelIndex().choose(dropdown(), column, "zzz")


@given(st.text(min_size=1).filter(str.strip), st.lists(st.text(), max_size=45), st.sampled_from(list(LabelPolicy)))
def test_any_text_becomes_an_active_label_a_new_one_within_the_limits_or_a_reason(
    text: str, names: list[str], policy: LabelPolicy
) -> None:
    column = Column("color_unit", "UNIT", "status", tuple(Label(n, name, n % 3 == 0) for n, name in enumerate(names)))
    try:
        choice = LabelIndex().choose(status(policy), column, text)
    except RowError as refused:
        choice = refused
    if isinstance(choice, RowError):
        assert choice.code.startswith(("label_", "too_many_labels"))
    elif choice is None:
        assert policy is LabelPolicy.BLANK
    elif isinstance(choice, str):
        assert policy is LabelPolicy.CREATE
        assert len(choice) <= STATUS_LABEL_CHARACTERS
        assert len(names) < STATUS_LABELS
    else:
        assert not column.labels[choice.id].is_deactivated
        assert fold(column.labels[choice.id].name) == fold(text)

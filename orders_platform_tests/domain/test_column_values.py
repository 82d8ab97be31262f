"""Column values: one cell by type, whole rows, and what is refused with which words."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orders_platform.domain.board import Column, Label
from orders_platform.domain.column_values import (
    ROW_BYTES,
    FormattedRow,
    LabelIndex,
    RowFormat,
    cell_writer,
    column_values_json,
    creates_labels,
)
from orders_platform.domain.mapping import BoardMapping, ColumnType, Field, LabelPolicy
from orders_platform.errors import BoardMismatchError, ConfigurationError, RowError

NBSP = "\u00a0"
LABELS = (Label(3, "EACH"), Label(0, "SET"), Label(7, "2023"), Label(9, "GONE", is_deactivated=True))


def column_of(column_type: ColumnType) -> Column:
    return Column(f"{column_type}_1", f"A {column_type}", column_type, LABELS if column_type.has_labels else ())


def cell(column_type: ColumnType, value: object, labels: LabelPolicy = LabelPolicy.REJECT) -> object:
    return cell_writer(Field(("S",), f"{column_type}_1", column_type, labels), column_of(column_type))(value)


def refused(column_type: ColumnType, value: object, labels: LabelPolicy = LabelPolicy.REJECT) -> RowError:
    with pytest.raises(RowError) as caught:
        cell(column_type, value, labels)
    return caught.value


@pytest.mark.parametrize(
    ("column_type", "value", "expected"),
    [
        (ColumnType.TEXT, "abc", "abc"),
        (ColumnType.TEXT, f" THE CONCUBINE’S CORRIDOR{NBSP}", "THE CONCUBINE’S CORRIDOR"),
        (ColumnType.TEXT, 'BLACK "RP"', 'BLACK "RP"'),
        (ColumnType.TEXT, "12.50", "12.50"),
        (ColumnType.TEXT, Decimal("12.5000"), "12.5"),
        (ColumnType.TEXT, 12.0, "12"),
        (ColumnType.TEXT, True, "1"),
        (ColumnType.TEXT, dt.date(2025, 6, 30), "2025-06-30"),
        (ColumnType.TEXT, dt.datetime.fromisoformat("2025-06-30 00:00"), "2025-06-30"),
        (ColumnType.TEXT, dt.datetime.fromisoformat("2025-06-30 08:05"), "2025-06-30 08:05:00"),
        (ColumnType.TEXT, uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (ColumnType.LONG_TEXT, "one\r\ntwo\rthree", {"text": "one\ntwo\nthree"}),
        (ColumnType.LONG_TEXT, "x" * 2000, {"text": "x" * 2000}),
        (ColumnType.NUMBERS, "42.5", "42.5"),
        (ColumnType.NUMBERS, f" 12.0{NBSP}", "12"),
        (ColumnType.NUMBERS, "+007.2500", "7.25"),
        (ColumnType.NUMBERS, ".5", "0.5"),
        (ColumnType.NUMBERS, "5.", "5"),
        (ColumnType.NUMBERS, "-0.00", "0"),
        (ColumnType.NUMBERS, 0, "0"),
        (ColumnType.NUMBERS, 1200, "1200"),
        (ColumnType.NUMBERS, 0.1, "0.1"),
        (ColumnType.NUMBERS, 1e-07, "0.0000001"),
        (ColumnType.NUMBERS, 1e22, "10000000000000000000000"),
        (ColumnType.NUMBERS, Decimal("1.2345678901234567890123456789012345"), "1.2345678901234567890123456789012345"),
        (ColumnType.NUMBERS, Decimal("1E+3"), "1000"),
        (ColumnType.NUMBERS, Decimal("0E+5"), "0"),
        (ColumnType.NUMBERS, Decimal("0E-400"), "0"),
        (ColumnType.DATE, dt.date(2025, 6, 30), {"date": "2025-06-30"}),
        (ColumnType.DATE, dt.datetime(2025, 6, 30, 23, 59, tzinfo=dt.UTC), {"date": "2025-06-30"}),
        (ColumnType.DATE, "2025-06-30", {"date": "2025-06-30"}),
        (ColumnType.DATE, " 2025-06-30 00:00:00.0000000 ", {"date": "2025-06-30"}),
        (ColumnType.DATE, "2025-06-30T23:15Z", {"date": "2025-06-30"}),
        (ColumnType.STATUS, "EACH", {"index": 3}),
        (ColumnType.STATUS, f"{NBSP}set", {"index": 0}),
        (ColumnType.STATUS, "2023", {"index": 7}),
        (ColumnType.STATUS, 2023, {"index": 7}),
        (ColumnType.DROPDOWN, "EACH", {"ids": [3]}),
        (ColumnType.CHECKBOX, "Yes", {"checked": "true"}),
        (ColumnType.CHECKBOX, True, {"checked": "true"}),
        (ColumnType.CHECKBOX, 1.0, {"checked": "true"}),
        (ColumnType.CHECKBOX, "n", None),
        (ColumnType.CHECKBOX, False, None),
        (
            ColumnType.LINK,
            " https://example.com/a?b=c ",
            {"url": "https://example.com/a?b=c", "text": "https://example.com/a?b=c"},
        ),
        (ColumnType.EMAIL, "o'hara+x@example.co.uk", {"email": "o'hara+x@example.co.uk", "text": "o'hara+x@example.co.uk"}),
    ],
)
def test_a_value_is_written_the_way_its_column_type_wants(column_type: ColumnType, value: object, expected: object) -> None:
    assert cell(column_type, value) == expected


@pytest.mark.parametrize("column_type", list(ColumnType))
@pytest.mark.parametrize("value", [None, "", "  ", NBSP, "\r\n"])
def test_nothing_clears_a_cell_of_every_type(column_type: ColumnType, value: object) -> None:
    assert cell(column_type, value) is None


@pytest.mark.parametrize(
    ("column_type", "value", "code"),
    [
        (ColumnType.NUMBERS, "0,234", "number_expected"),
        (ColumnType.NUMBERS, "12,5", "number_expected"),
        (ColumnType.NUMBERS, "inf", "number_expected"),
        (ColumnType.NUMBERS, "nan", "number_expected"),
        (ColumnType.NUMBERS, float("nan"), "number_expected"),
        (ColumnType.NUMBERS, float("-inf"), "number_expected"),
        (ColumnType.NUMBERS, Decimal("sNaN"), "number_expected"),
        (ColumnType.NUMBERS, "1_000", "number_expected"),
        (ColumnType.NUMBERS, "12%", "percent_unexpected"),
        (ColumnType.NUMBERS, "٤٢", "number_expected"),
        (ColumnType.NUMBERS, "AIR FREIGHT", "number_expected"),
        (ColumnType.NUMBERS, dt.date(2025, 6, 30), "number_expected"),
        (ColumnType.NUMBERS, 10**400, "number_out_of_range"),
        (ColumnType.NUMBERS, Decimal("1E-400"), "number_out_of_range"),
        (ColumnType.DATE, "TBC", "date_expected"),
        (ColumnType.DATE, "00/00/00", "date_expected"),
        (ColumnType.DATE, "12", "date_expected"),
        (ColumnType.DATE, "20250630", "date_expected"),
        (ColumnType.DATE, "2025-02-30", "date_expected"),
        (ColumnType.DATE, "06/30/2025", "date_expected"),
        (ColumnType.LONG_TEXT, "x" * 2001, "text_too_long"),
        (ColumnType.TEXT, "a\ud800b", "text_invalid"),
        (ColumnType.TEXT, "a\x00b", "text_invalid"),
        (ColumnType.TEXT, b"abc", "type_unknown"),
        (ColumnType.TEXT, float("nan"), "number_expected"),
        (ColumnType.STATUS, "DOZEN", "label_missing"),
        (ColumnType.STATUS, "GONE", "label_deactivated"),
        (ColumnType.STATUS, "\ud800", "text_invalid"),
        (ColumnType.DROPDOWN, "EACH, SET", "label_missing"),
        (ColumnType.CHECKBOX, "perhaps", "checkbox_expected"),
        (ColumnType.LINK, "example.com", "url_expected"),
        (ColumnType.LINK, "https://", "url_expected"),
        (ColumnType.LINK, "javascript:alert(1)", "url_expected"),
        (ColumnType.LINK, "https://example.com/a b", "url_expected"),
        (ColumnType.EMAIL, "a@b", "email_expected"),
        (ColumnType.EMAIL, "a@example.com, b@example.com", "email_expected"),
    ],
)
def test_a_value_that_monday_would_refuse_is_refused_with_its_reason(column_type: ColumnType, value: object, code: str) -> None:
    refusal = refused(column_type, value)
    assert refusal.code == code
    assert refusal.message.isprintable()


@pytest.mark.parametrize(("value", "expected"), [
    ("$12.50", "12.5"), ("USD 1,250.00", "1250"), ("1.250,50 €", "1250.5"), ("1,234", "1234"), ("1e3", "1000"), ("(12.50)", "-12.5"),
    ("-", None), (" $ - ", None), ("1\u202f250", "1250"),
])  # fmt: skip
def test_a_number_is_what_people_plainly_mean(value: str, expected: str | None) -> None:
    assert cell(ColumnType.NUMBERS, value) == expected


@pytest.mark.parametrize("field", [
    Field(("TARIFF %",), "numbers_1", ColumnType.NUMBERS), Field(("TARIFF",), "numbers_1", ColumnType.NUMBERS, percents=True),
])  # fmt: skip
def test_per_cents_are_numbers_where_the_column_or_the_mapping_says_so(field: Field) -> None:
    assert cell_writer(field, column_of(ColumnType.NUMBERS))("12.5 %") == "12.5"


@pytest.mark.parametrize(("value", "expected"), [
    ("2025-11-03T00:00:00Z", {"date": "2025-11-03"}), ("45838", {"date": "2025-06-30"}), (45838, {"date": "2025-06-30"}),
    ("1900-01-01", None), (dt.date(9999, 12, 31), None), (dt.datetime(1, 1, 1, 12, tzinfo=dt.UTC), None),
])  # fmt: skip
def test_a_day_is_what_people_plainly_mean(value: object, expected: object) -> None:
    assert cell(ColumnType.DATE, value) == expected


@pytest.mark.parametrize("column_type", [ColumnType.NUMBERS, ColumnType.TEXT, ColumnType.DATE])
def test_an_integer_that_python_itself_does_not_write_out_is_rejected_like_any_other(column_type: ColumnType) -> None:
    assert len(refused(column_type, 10**5000).message) < 250


def test_the_policy_blank_clears_the_cell_of_a_missing_label() -> None:
    assert cell(ColumnType.DROPDOWN, "DOZEN", LabelPolicy.BLANK) is None


def test_a_long_value_is_shortened_in_the_message() -> None:
    message = refused(ColumnType.LONG_TEXT, "x" * 50_000).message
    assert len(message) < 250
    assert "50,000 characters" in message


@pytest.mark.parametrize(
    ("column_type", "new"), [(ColumnType.STATUS, {"label": "A, B"}), (ColumnType.DROPDOWN, {"labels": ["A, B"]})]
)
def test_a_new_label_goes_as_text_and_a_comma_does_not_split_it(column_type: ColumnType, new: object) -> None:
    assert cell(column_type, "A,  B", LabelPolicy.CREATE) == new


KEY = Field(("AAG ORDER NUMBER",), "text_key", ColumnType.TEXT)
WAREHOUSE = Field(("DESTINATION WAREHOUSE", "Warehouse"), "text_whs", ColumnType.TEXT)
PRICE = Field(("PRICE",), "numeric_price", ColumnType.NUMBERS)
SEASON = Field(("SEASON",), "dropdown_season", ColumnType.DROPDOWN, LabelPolicy.CREATE)
TYPE = Field(("TYPE",), "dropdown_type", ColumnType.DROPDOWN, LabelPolicy.REJECT)
MAPPING = BoardMapping(7, (KEY, WAREHOUSE, PRICE, SEASON, TYPE), external_key="text_key")
COLUMNS = {
    column.id: column
    for column in (
        Column("text_key", "AAG ORDER NUMBER", "text"),
        Column("text_whs", "DESTINATION WAREHOUSE", "text"),
        Column("numeric_price", "CUSTOMER PRICE", "numbers"),
        Column("dropdown_season", "AAG SEASON", "dropdown", (Label(1, "2025 FALL"),)),
        Column("dropdown_type", "ORDER TYPE", "dropdown", (Label(1, "ACTIVE"),)),
    )
}
ROW: dict[str, object] = {
    "AAG ORDER NUMBER": "GRE-00505",
    "DESTINATION WAREHOUSE": "US NJ",
    "Warehouse": None,
    "PRICE": Decimal("12.5000"),
    "SEASON": "2025 FALL",
    "TYPE": "ACTIVE",
    "CUSTOMER STYLE": "not mapped",
}


def test_a_row_becomes_one_cell_per_mapped_column() -> None:
    row = RowFormat(MAPPING, COLUMNS, LabelIndex())(ROW)
    assert row.problems == ()
    assert row.cells == {
        "text_key": "GRE-00505",
        "text_whs": "US NJ",
        "numeric_price": "12.5",
        "dropdown_season": {"ids": [1]},
        "dropdown_type": {"ids": [1]},
    }
    assert not creates_labels(MAPPING, row.cells)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("US NJ", None, "US NJ"), ("US NJ", "UK", "US NJ"), (None, "UK", "UK"), (" ", "UK", "UK"), (None, None, None)],
)
def test_the_first_source_that_is_filled_wins(first: object, second: object, expected: object) -> None:
    row = ROW | {"DESTINATION WAREHOUSE": first, "Warehouse": second}
    assert RowFormat(MAPPING, COLUMNS, LabelIndex())(row).cells["text_whs"] == expected


def test_zero_is_a_value_and_not_a_blank() -> None:
    assert RowFormat(MAPPING, COLUMNS, LabelIndex())(ROW | {"PRICE": 0}).cells["numeric_price"] == "0"


def test_refused_cells_are_left_out_and_told_by_column_and_text_and_the_others_go_on() -> None:
    row = RowFormat(MAPPING, COLUMNS, LabelIndex())(ROW | {"PRICE": "TBC", "TYPE": "SAMPLE"})
    assert [(each.column, each.text, each.code) for each in row.problems] == [
        ("PRICE", "TBC", "number_expected"), ("TYPE", "SAMPLE", "label_missing"),
    ]  # fmt: skip
    assert row.cells == {**RowFormat(MAPPING, COLUMNS, LabelIndex())(ROW).cells, "numeric_price": None, "dropdown_type": None}


NOTES = Field(("NOTES",), "long_text_notes", ColumnType.LONG_TEXT)


@pytest.mark.parametrize(("policy", "shown", "code"), [
    ("cut", {"text": "x" * 1_999 + "…"}, "text_cut"), ("leave_out", None, "text_too_long"),
])  # fmt: skip
def test_a_text_that_is_too_long_is_cut_or_left_out_as_the_configuration_says(
    policy: Literal["cut", "leave_out"], shown: object, code: str
) -> None:
    mapping = BoardMapping(7, (KEY, NOTES), external_key="text_key", long_texts=policy)
    columns = {**COLUMNS, "long_text_notes": Column("long_text_notes", "NOTES", "long_text")}
    row = RowFormat(mapping, columns, LabelIndex())({"AAG ORDER NUMBER": "GRE-1", "NOTES": "x" * 2_001})
    assert (row.cells["long_text_notes"], [each.code for each in row.problems]) == (shown, [code])


def test_the_label_flag_is_set_only_when_a_label_has_to_be_made() -> None:
    label_index = LabelIndex()
    row = RowFormat(MAPPING, COLUMNS, label_index)(ROW | {"SEASON": "2026 SPRING"}).cells
    assert creates_labels(MAPPING, row)
    assert row["dropdown_season"] == {"labels": ["2026 SPRING"]}
    assert row["dropdown_type"] == {"ids": [1]}
    assert creates_labels(MAPPING, {"dropdown_season": row["dropdown_season"]}) is True
    assert creates_labels(MAPPING, {"dropdown_type": row["dropdown_type"]}) is False


def test_a_later_row_with_the_same_new_label_may_create_it_too_because_the_first_may_have_been_refused() -> None:
    label_index = LabelIndex()
    RowFormat(MAPPING, COLUMNS, label_index)(ROW | {"SEASON": "2026 Spring"})
    later = RowFormat(MAPPING, COLUMNS, label_index)(ROW | {"SEASON": "2026 SPRING"}).cells
    assert later["dropdown_season"] == {"labels": ["2026 Spring"]}
    assert creates_labels(MAPPING, later)


def test_a_rejected_row_adds_no_label() -> None:
    label_index = LabelIndex()
    with pytest.raises(RowError):
        RowFormat(MAPPING, COLUMNS, label_index)(ROW | {"SEASON": "2026 Spring", "AAG ORDER NUMBER": None})
    assert RowFormat(MAPPING, COLUMNS, label_index)(ROW | {"SEASON": "2026 SPRING"}).cells["dropdown_season"] == {
        "labels": ["2026 SPRING"]
    }


def test_an_item_without_its_key_is_rejected_because_it_could_not_be_found_again() -> None:
    with pytest.raises(RowError, match=r"AAG ORDER NUMBER \(text_key\)") as caught:
        RowFormat(MAPPING, COLUMNS, LabelIndex())(ROW | {"AAG ORDER NUMBER": " "})
    assert caught.value.code == "key_missing"
    with pytest.raises(RowError, match=r"and it is left out: '.*' holds the character U\+D800"):
        RowFormat(MAPPING, COLUMNS, LabelIndex())(ROW | {"AAG ORDER NUMBER": "\ud800"})


def test_a_row_that_exceeds_what_an_item_holds_goes_without_its_longest_cell() -> None:
    fits = RowFormat(MAPPING, COLUMNS, LabelIndex())(ROW).cells
    room = ROW_BYTES - len(column_values_json(fits).encode()) + len("US NJ")
    filled = ROW | {"DESTINATION WAREHOUSE": "ü" * (room // 2) + "x" * (room % 2)}
    assert len(column_values_json(RowFormat(MAPPING, COLUMNS, LabelIndex())(filled).cells).encode()) == ROW_BYTES
    row = RowFormat(MAPPING, COLUMNS, LabelIndex())(filled | {"AAG ORDER NUMBER": "GRE-005051"})
    assert row.cells == {**fits, "text_key": "GRE-005051", "text_whs": None}
    assert [(each.column, each.code, "65,537 bytes" in each.reason) for each in row.problems] == [
        ("DESTINATION WAREHOUSE", "row_too_large", True)
    ]


def test_a_row_whose_key_alone_exceeds_what_an_item_holds_is_refused() -> None:
    with pytest.raises(RowError, match=r"and it is left out: 'GRE.*…' makes a row of 65,6\d\d bytes") as caught:
        RowFormat(MAPPING, COLUMNS, LabelIndex())(ROW | {"AAG ORDER NUMBER": "GRE" + "0" * ROW_BYTES})
    assert caught.value.code == "key_missing"


def test_values_that_come_again_are_written_as_the_first_time_and_a_new_label_by_its_first_spelling() -> None:
    formats = RowFormat(MAPPING, COLUMNS, LabelIndex())
    rows = [
        ROW | {"SEASON": text, "PRICE": price}
        for text, price in [("2026 Spring", 1), ("2026 SPRING", 1.0), ("2026 Spring", "1")]
    ]
    cells = [formats(row).cells for row in [*rows, *rows]]
    assert all(creates_labels(MAPPING, each) for each in cells)
    assert cells == [cells[0]] * 6


def test_an_absent_source_column_stops_the_run_instead_of_clearing_the_board() -> None:
    row = {name: value for name, value in ROW.items() if name != "Warehouse"}
    with pytest.raises(ConfigurationError, match="no column 'Warehouse', mapped to board column 'text_whs'"):
        RowFormat(MAPPING, COLUMNS, LabelIndex())(row)


def test_an_absent_board_column_stops_the_run() -> None:
    columns = {id_: column for id_, column in COLUMNS.items() if id_ != "text_whs"}
    with pytest.raises(BoardMismatchError, match="'text_whs'"):
        RowFormat(MAPPING, columns, LabelIndex())(ROW)


def test_the_json_text_is_compact_keeps_letters_and_does_not_depend_on_order() -> None:
    cells = {"b": {"text": "∆ TÜRKIYE"}, "a": None}
    assert column_values_json(cells) == '{"a":null,"b":{"text":"∆ TÜRKIYE"}}'
    assert column_values_json(dict(reversed(cells.items()))) == column_values_json(cells)


# Properties: an independent reading of monday's rules judges what the code made of any value.

VALUES = st.one_of(
    st.text(st.characters(exclude_categories=[])),
    st.from_regex(r"[+-]?[0-9.,eE_ ]{1,12}", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?[0-9:.Z+]{0,9}", fullmatch=True),
    st.from_regex(r"https?://[a-z./? ]{0,9}", fullmatch=True),
    st.from_regex(r"[a-z.@, ]{1,9}@[a-z.@]{1,9}", fullmatch=True),
    st.sampled_from([label.name for label in LABELS]),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.dates(),
    st.datetimes(),
    st.booleans(),
    st.binary(max_size=3),
    st.none(),
)


KNOWN_IDS = {label.id for label in LABELS if not label.is_deactivated}


def is_number(value: Any) -> bool:
    return re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", value) is not None and value != "-0"


def is_day(value: Any) -> bool:
    return value == {"date": str(dt.date.fromisoformat(value["date"]))}


def is_status(value: Any) -> bool:
    if value.keys() == {"index"}:
        return value["index"] in KNOWN_IDS
    return value.keys() == {"label"} and 0 < len(value["label"]) <= 30 and not value["label"].isdecimal()


def is_dropdown(value: Any) -> bool:
    if value.keys() == {"ids"}:
        return len(value["ids"]) == 1 and value["ids"][0] in KNOWN_IDS
    return value.keys() == {"labels"} and len(value["labels"]) == 1 and bool(value["labels"][0].strip())


MONDAY_ACCEPTS: dict[ColumnType, Callable[[Any], bool]] = {
    ColumnType.TEXT: lambda value: isinstance(value, str) and bool(value.strip()),
    ColumnType.LONG_TEXT: lambda value: value.keys() == {"text"} and 0 < len(value["text"]) <= 2000,
    ColumnType.NUMBERS: is_number,
    ColumnType.DATE: is_day,
    ColumnType.STATUS: is_status,
    ColumnType.DROPDOWN: is_dropdown,
    ColumnType.CHECKBOX: lambda value: value == {"checked": "true"},
    ColumnType.LINK: lambda value: value.keys() == {"url", "text"} and value["url"].lower().startswith(("http://", "https://")),
    ColumnType.EMAIL: lambda value: value.keys() == {"email", "text"} and value["email"].count("@") == 1,
}


def refusal_or_cell(column_type: ColumnType, value: object, labels: LabelPolicy) -> RowError | object:
    try:
        return cell(column_type, value, labels)
    except RowError as refusal:
        return refusal


@given(st.sampled_from(list(ColumnType)), VALUES, st.sampled_from(list(LabelPolicy)))
@example(ColumnType.TEXT, Decimal("sNaN"), LabelPolicy.REJECT)
@example(ColumnType.STATUS, "\u2028", LabelPolicy.CREATE)
def test_any_value_is_cleared_accepted_by_monday_or_rejected_with_a_reason(
    column_type: ColumnType, value: object, labels: LabelPolicy
) -> None:
    formatted = refusal_or_cell(column_type, value, labels)
    if isinstance(formatted, RowError):
        assert formatted.code
        assert formatted.message.encode()
        return
    assert formatted is None or MONDAY_ACCEPTS[column_type](formatted)
    assert json.loads(column_values_json({"x": formatted}).encode()) == {"x": formatted}


@given(st.fixed_dictionaries(dict.fromkeys(ROW, VALUES)))
def test_any_row_is_sent_unless_its_key_cannot_be_had_and_what_is_left_out_is_told(row: dict[str, object]) -> None:
    formatted: FormattedRow | RowError
    is_plain = RowFormat(MAPPING, COLUMNS, LabelIndex()).is_plain(row)
    try:
        formatted = RowFormat(MAPPING, COLUMNS, LabelIndex())(row)
    except RowError as refusal:
        formatted = refusal
    if isinstance(formatted, RowError):
        assert formatted.code == "key_missing"
        assert not is_plain
        return
    assert not is_plain or not (formatted.problems or creates_labels(MAPPING, formatted.cells))
    assert set(formatted.cells) == set(COLUMNS)
    assert len(column_values_json(formatted.cells).encode()) <= ROW_BYTES
    for each in formatted.problems:
        assert each.column in row
        assert each.text
        assert each.reason

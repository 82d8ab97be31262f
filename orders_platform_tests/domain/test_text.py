"""One rule for texts: the table of characters against Unicode's own, and the rule in each place that has texts."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_platform.domain.board import Column, Label
from orders_platform.domain.column_values import LabelIndex
from orders_platform.domain.customers import CustomerNames, partition_key_for
from orders_platform.domain.mapping import ColumnType, Field
from orders_platform.domain.text import BLANKS, INVISIBLE, LINE_ENDS, clean, clean_lines, fold
from orders_platform.merge.file_tables import FileOptions
from orders_platform.merge.order_files import OrderColumns, read_order_file

ODD = st.sampled_from(BLANKS + INVISIBLE)
TEXTS = st.text(ODD | st.sampled_from("abÉ 🧥\u0301\u212b"), max_size=12) | st.text(max_size=12)


def test_every_blank_of_unicode_is_in_the_table_and_nothing_is_there_twice() -> None:
    assert set(BLANKS) == {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}
    assert set(LINE_ENDS) < set(BLANKS)
    assert len(set(BLANKS + INVISIBLE)) == len(BLANKS + INVISIBLE)


def test_every_control_and_format_character_of_unicode_vanishes_or_is_a_blank() -> None:
    visible = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
    codes = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in {"Cc", "Cf"}]
    assert {
        code for code in codes if code not in BLANKS + INVISIBLE
    } == visible  # Arabic, Syriac, Kaithi signs, which people see


@pytest.mark.parametrize("mark", ["\u2800", "\ufffe", "\uffff", "\U000e0100", "\U000e01ef"])
def test_what_else_nobody_sees_vanishes(mark: str) -> None:
    assert clean(f"{mark}GRE{mark}-1{mark}") == "GRE-1"


@given(TEXTS)
def test_a_clean_text_is_clean_and_holds_what_people_see(text: str) -> None:
    shown = clean(text)
    assert clean(shown) == shown == " ".join(shown.split())
    assert not set(shown) & (set(BLANKS + INVISIBLE) - {" "})
    seen = unicodedata.normalize("NFC", "".join(c for c in text if c not in BLANKS + INVISIBLE))
    assert unicodedata.normalize("NFC", shown.replace(" ", "")) == seen
    assert fold(fold(text)) == fold(text) == fold(shown)


@given(TEXTS)
def test_a_text_of_several_lines_is_clean_line_by_line(text: str) -> None:
    lines = clean_lines(text)
    assert clean_lines(lines) == lines
    assert all(clean(line) == line for line in lines.split("\n"))
    assert clean(lines) == clean(text)


@pytest.mark.parametrize(("text", "shown"), [
    (" a \u3000 b\x0b", "a b"), ("GRE\u00ad-1\ufeff", "GRE-1"), ("e\u200b\u0301", "é"), ("a\r\nb", "a b"), ("\u2764\ufe0f", "\u2764"),
    ("\u200b \u00a0", ""), ("ｅ１", "ｅ１"),
])  # fmt: skip
def test_what_people_see_stays(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("text", "lines"), [("a \r\n\u00a0b", "a\nb"), ("\n\u2028a\vb\n", "a\nb"), ("a\n\n  b  c", "a\n\nb c")]
)
def test_paragraphs_stay(text: str, lines: str) -> None:
    assert clean_lines(text) == lines


@pytest.mark.parametrize("odd", BLANKS + INVISIBLE)
def test_an_odd_character_makes_no_other_customer_label_or_header(odd: str, tmp_path: Path) -> None:
    inside = f"NEW{odd}{' ' if odd in BLANKS else ''}{' ' if odd in INVISIBLE else ''}CO{odd}"
    assert CustomerNames({"NEW CO": ()}).resolve(inside) == "NEW CO"
    assert partition_key_for(inside) == "NEW CO"
    column = Column("c", "C", ColumnType.STATUS, (Label(7, "New Co"),))
    choice = LabelIndex().choose(Field(("C",), "c", ColumnType.STATUS), column, inside)
    assert choice is not None
    assert choice.id == 7
    path = tmp_path / "orders.csv"
    path.write_text(f'"AAG{odd} ORDER NUMBER","{odd}PO NUMBER"\nGRE-1,"{odd}"\n', encoding="utf-8", newline="")
    if odd != "\x00":  # no text for the csv module
        known = ("AAG ORDER NUMBER", "PO NUMBER", "CUSTOMER NAME", "_SOURCE_TABLE")
        nothing = frozenset[str]()
        columns = OrderColumns(known, known[:1], *known[2:], nothing, nothing, nothing, CustomerNames({"NEW CO": ()}))
        (sheet,) = read_order_file(path, columns, tmp_path, FileOptions()).sheets
        assert sheet.columns[:2] == known[:2]
        (row,) = (dict(zip(sheet.filled, row, strict=True)) for row in sheet.staged_rows())
        assert (row[known[0]], clean(row.get(known[1], ""))) == ("GRE-1", "")

"""Order files: what is read, what is reported, what is refused, on real files."""

from __future__ import annotations

import csv
import re
import unicodedata
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from openpyxl.chart import BarChart

from orders_platform.domain.text import clean
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import cell_text
from orders_platform.merge.order_files import ALIASES, column_letter, match_headers, read_order_file

DDL = Path(__file__).parents[2] / "sql" / "tables" / "business_columns.sql.j2"
KNOWN = ["record_uuid", *re.findall(r'column\("(.+?)", ', DDL.read_text(encoding="utf-8"))]
KEY, NAME = "AAG ORDER NUMBER", "CUSTOMER NAME"
DAY = datetime(2025, 6, 18)  # noqa: DTZ001 - a day of a sheet has no time zone
CODE = "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS"
PROMO = "PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT)"


def csv_file(folder: Path, *rows: Sequence[object], encoding: str = "utf-8") -> Path:
    path = folder / "GREYSON order list.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def workbook(folder: Path, *rows: Sequence[object], sheet: str = "MASTER", before: str | None = None) -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    if before:
        page.title = before
        page.append(["not", "the", "orders"])
        page = book.create_sheet()
    page.title = sheet
    for row in rows:
        page.append(list(row))
    path = folder / "GREYSON order list.xlsx"
    book.save(path)
    return path


def read(path: Path) -> list[dict[str, str | None]]:
    order_file = read_order_file(path, KNOWN)
    return [dict(zip(order_file.columns, row, strict=True)) for row in order_file.rows]


# --- what is read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_csv_is_read_with_or_without_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    path = csv_file(tmp_path, [KEY, "∆", "S+"], ["GRE-1", "TÜRKIYE – 東京", "12.0"], encoding=encoding)
    assert read(path) == [{KEY: "GRE-1", "∆": "TÜRKIYE – 東京", "S+": "12.0", "_SOURCE_TABLE": "GREYSON order list"}]


def test_a_cell_keeps_its_line_ends_quotes_commas_and_outer_spaces(tmp_path: Path) -> None:
    note = ' BLACK "RP", second\nline\r\nthird\u00a0'
    assert read(csv_file(tmp_path, [KEY, "NOTES"], ["GRE-1", note]))[0]["NOTES"] == note


def test_334_rows_of_411_columns_with_notes_of_many_lines_are_334_rows(tmp_path: Path) -> None:
    rows = [["x\ny" if column == "NOTES" else f"{column} {number}" for column in KNOWN] for number in range(334)]
    order_file = read_order_file(csv_file(tmp_path, KNOWN, *rows), KNOWN)
    assert order_file.columns == tuple(KNOWN)
    assert [list(row) for row in order_file.rows] == rows
    assert (order_file.report.rows, len(order_file.report.exact), order_file.report.unread) == (334, 411, {})


@pytest.mark.parametrize("blank", ["", " ", "\u00a0", "\t \u00a0"])
def test_a_blank_cell_is_null_and_a_blank_row_is_none(tmp_path: Path, blank: str) -> None:
    path = csv_file(tmp_path, [KEY, NAME, "S"], ["GRE-1", blank, "0"], [blank, blank, blank], [], ["GRE-2"])
    assert [(row[KEY], row[NAME], row["S"]) for row in read(path)] == [("GRE-1", None, "0"), ("GRE-2", None, None)]


def test_a_file_that_names_its_source_keeps_that_name(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY, "_SOURCE_TABLE"], ["GRE-1", "xGREYSON"], ["GRE-2", ""])
    assert [row["_SOURCE_TABLE"] for row in read(path)] == ["xGREYSON", None]


def test_a_table_without_a_column_for_the_source_gets_none(tmp_path: Path) -> None:
    assert read_order_file(csv_file(tmp_path, [KEY], ["GRE-1"]), [KEY]).columns == (KEY,)


def test_the_first_row_that_is_not_empty_holds_the_headers(tmp_path: Path) -> None:
    assert read(csv_file(tmp_path, [], ["", ""], [KEY, NAME], ["GRE-1", "GREYSON"]))[0][NAME] == "GREYSON"


def test_rows_can_be_read_more_than_once(tmp_path: Path) -> None:
    order_file = read_order_file(csv_file(tmp_path, [KEY], ["GRE-1"], ["GRE-2"]), KNOWN)
    assert list(order_file.rows) == list(order_file.rows) == [("GRE-1", "GREYSON order list"), ("GRE-2", "GREYSON order list")]


def test_a_sheet_gives_the_same_rows_as_its_csv(tmp_path: Path) -> None:
    header = [KEY, NAME, "ORDER DATE PO RECEIVED", "EX FACTORY DATE", "CUSTOMER PRICE", "S", 34, "NOTES"]
    cells = ["GRE-1", "B'HOOD", DAY, date(2025, 7, 1), 9.2, 12.0, 7, "a\nb"]
    texts = ["GRE-1", "B'HOOD", "2025-06-18", "2025-07-01", "9.2", "12", "7", "a\nb"]
    assert read(workbook(tmp_path, header, cells)) == read(csv_file(tmp_path, header, texts))


def test_the_sheet_called_master_is_read_wherever_it_stands(tmp_path: Path) -> None:
    assert read(workbook(tmp_path, [KEY], ["GRE-1"], sheet="Master ", before="COVER"))[0][KEY] == "GRE-1"


def test_without_master_the_first_sheet_is_read(tmp_path: Path) -> None:
    assert read(workbook(tmp_path, [KEY], ["GRE-1"], sheet="ORDERS"))[0][KEY] == "GRE-1"


def test_formatted_but_empty_rows_of_a_sheet_are_no_orders(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY, NAME], ["GRE-1", None], [None, " "], [None, None], ["GRE-2", "GREYSON"])
    assert [row[KEY] for row in read(path)] == ["GRE-1", "GRE-2"]
    assert read_order_file(path, KNOWN).report.rows == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None), ("", None), (" \u00a0", None), ("TBC", "TBC"), (" 12", " 12"), (12, "12"), (12.0, "12"), (-0.0, "0"),
        (0.1 + 0.2, "0.3"), (1e-05, "0.00001"), (45658, "45658"), (45658.5, "45658.5"), (10.0**17, "1" + 17 * "0"), (True, "TRUE"),
        (DAY, "2025-06-18"), (DAY.replace(hour=14, minute=30), "2025-06-18 14:30:00"), (DAY.date(), "2025-06-18"), (time(0), "0"),
        (time(8, 30), "08:30:00"),
    ],
)  # fmt: skip
def test_a_cell_of_a_sheet_becomes_this_text(value: object, text: str | None) -> None:
    assert cell_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_a_number_of_a_sheet_becomes_plain_digits_of_the_same_value(value: float) -> None:
    text = cell_text(value)
    assert text is not None
    assert re.fullmatch(r"-?\d+(\.\d+)?", text)
    assert float(text) == (value if value.is_integer() else float(Decimal(f"{value:.15g}")))


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_every_csv_that_python_writes_is_read_back_cell_for_cell(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    wanted = [
        tuple(unicodedata.normalize("NFC", cell.replace("\0", "")) if clean(cell) else None for cell in row) for row in rows
    ]
    wanted = [row for row in wanted if any(row)]
    assume(wanted)
    path = csv_file(tmp_path_factory.mktemp("orders"), [KEY, "NOTES"], *rows)
    assert [(row[KEY], row["NOTES"]) for row in read(path)] == wanted


# --- headers


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("aag  order\u00a0number", KEY),
        (" CUSTOMER\nNAME ", NAME),
        ("30X30", "30x30"),
        ("One Size", "ONE SIZE"),
        ("Longson Alias", "LONGSON ALIAS"),
        (PROMO[:-1], PROMO),
        (CODE.replace("'", "’"), CODE),
    ],
)  # fmt: skip
def test_a_header_is_understood_in_another_spelling_and_reported(header: str, column: str) -> None:
    headers = match_headers([header], KNOWN, "f.csv")
    assert (headers.columns, headers.by_alias, headers.unknown) == ({0: column}, {header: column}, {})


@pytest.mark.parametrize(
    "header", ["34", "3-4", "45", "4/5", "56", "5-6", "L/XL", "L-XL", "OS", "O/S", "One Sz", "One_Sz", "S", "S+"]
)
def test_a_size_is_taken_for_no_other_size(header: str) -> None:
    assert match_headers([header], KNOWN, "f.csv").columns.get(0) == (header if header in KNOWN else None)


def test_a_column_that_the_table_lacks_is_unknown_and_not_another_one() -> None:
    for missing in KNOWN:
        others = [column for column in KNOWN if column != missing]
        assert match_headers([missing], others, "f.csv").unknown == {0: missing}


def test_no_alias_is_a_column_itself_and_each_means_a_real_one() -> None:
    assert set(ALIASES).isdisjoint(KNOWN)
    assert set(ALIASES.values()) <= set(KNOWN)


@given(st.sampled_from(KNOWN), st.data())
def test_case_and_kind_of_space_never_matter(column: str, data: st.DataObject) -> None:
    spaces = st.sampled_from([" ", "  ", "\u00a0", "\n", " \u00a0\r\n"])
    header = "".join(
        data.draw(spaces) if mark == " " else data.draw(st.sampled_from([mark.lower(), mark.upper()])) for mark in column
    )
    assert match_headers([header], KNOWN, "f.csv").columns == {0: column}


def test_two_spellings_of_a_column_are_one_only_if_the_table_does_not_tell_them_apart() -> None:
    assert match_headers(["2x", "2X"], ["2x", "2X"], "f.csv").columns == {0: "2x", 1: "2X"}
    assert match_headers([" 2X "], ["2x", "2X"], "f.csv").unknown == {0: " 2X "}


def test_columns_are_lettered_as_in_a_spreadsheet() -> None:
    assert [column_letter(place) for place in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


# --- nothing is lost unseen


def test_values_under_an_unknown_header_are_counted_and_refused_until_somebody_says_so(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY, "SHOE 42", "EMPTY"], ["GRE-1", "7", ""], ["GRE-2", "", ""], ["GRE-3", "8", ""])
    order_file = read_order_file(path, KNOWN)
    assert order_file.report.unknown == {"SHOE 42": 2, "EMPTY": 0}
    assert order_file.report.unread == {"SHOE 42": 2}
    with pytest.raises(SourceDataError, match=r"'SHOE 42' \(2 values\).* orders-platform load --ignore HEADER"):
        order_file.refuse_unread()
    order_file.refuse_unread(ignored=["SHOE 42"])
    assert [row[0] for row in order_file.rows] == ["GRE-1", "GRE-2", "GRE-3"]


def test_values_without_a_header_are_counted_under_their_letter(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY, "", NAME], ["GRE-1", "5", "GREYSON", "beyond"], ["GRE-2", "", "GREYSON"])
    order_file = read_order_file(path, KNOWN)
    assert order_file.report.blank_headers == {"B": 1, "D": 1}
    with pytest.raises(SourceDataError, match=r"'column B' \(1 values\), 'column D'"):
        order_file.refuse_unread()
    assert [row[:2] for row in order_file.rows] == [("GRE-1", "GREYSON"), ("GRE-2", "GREYSON")]


def test_a_header_that_a_spreadsheet_made_a_date_is_not_guessed(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY, DAY], ["GRE-1", 12])
    assert read_order_file(path, KNOWN).report.unread == {"2025-06-18": 1}


def test_a_file_whose_headers_are_all_understood_is_not_refused(tmp_path: Path) -> None:
    order_file = read_order_file(csv_file(tmp_path, ["aag order number", NAME, ""], ["GRE-1", "GREYSON", ""]), KNOWN)
    order_file.refuse_unread()
    assert (order_file.report.exact, order_file.report.by_alias) == ((NAME,), {"aag order number": KEY})
    assert order_file.report.blank_headers == {"C": 0}


# --- what is refused


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ([KEY, "S", "S"], r"'S' \(column B\) and 'S' \(column C\)"),
        ([KEY, "30x30", NAME, "30X30"], r"'30x30' \(column B\) and '30X30' \(column D\) both mean '30x30'"),
        ([KEY, "SHOE", "SHOE"], r"'SHOE' \(column B\) and 'SHOE' \(column C\)"),
        ([KEY, " aag order number"], r"both mean 'AAG ORDER NUMBER'"),
    ],
)
def test_a_column_that_occurs_twice_is_refused_naming_both(tmp_path: Path, headers: list[str], words: str) -> None:
    with pytest.raises(SourceDataError, match=words):
        read_order_file(csv_file(tmp_path, headers, ["GRE-1"]), KNOWN)


def test_a_zero_byte_in_a_cell_vanishes(tmp_path: Path) -> None:
    order_file = read_order_file(csv_file(tmp_path, [KEY, NAME], ["GRE\0-1", "NA\0VY"]), KNOWN)
    assert [row[:2] for row in order_file.rows] == [("GRE-1", "NAVY")]


def test_a_file_without_an_order_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceDataError, match=r"no column 'AAG ORDER NUMBER': its first row says 'ORDER LIST 2025'"):
        read_order_file(csv_file(tmp_path, ["ORDER LIST 2025"], [KEY]), KNOWN)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_file_with_another_separator_is_refused_with_a_hint(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(f"{KEY}{mark}{NAME}\nGRE-1{mark}GREYSON\n", encoding="utf-8")
    with pytest.raises(SourceDataError, match="separated by semicolons or tabs"):
        read_order_file(path, KNOWN)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("f.csv", b"", "is empty"),
        ("f.csv", b"\n , \n", "is empty"),
        ("f.csv", KEY.encode(), "no row below"),
        ("f.csv", f"{KEY},NOTES\nGRE-1,T\u00dcRKIYE\n".encode("cp1252"), "not UTF-8"),
        ("f.csv", f"{KEY}\nGRE-1\n".encode("utf-16"), "not UTF-8"),
        ("f.csv", f'{KEY},NOTES\nGRE-1,"never closed\nGRE-2,x\n'.encode(), r"line \d+: unexpected end"),
        ("f.csv", f'{KEY},NOTES\nGRE-1,"a"b\n'.encode(), "line 2"),
        ("f.xlsx", b"", "not an .xlsx workbook"),
        ("f.xlsx", b"PK\x03\x04 cut off", "not an .xlsx workbook"),
        ("f.xlsx", b"\xd0\xcf\x11\xe0 as Excel writes a protected file", "password"),
        ("f.xls", b"\xd0\xcf\x11\xe0", r"'.xls' cannot be read. Save the orders as .xlsx"),
        ("f", b"", "'nothing' cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_next_step(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceDataError, match=words) as caught:
        read_order_file(path, KNOWN)
    assert str(path) in str(caught.value)


def test_a_workbook_whose_inner_parts_are_cut_off_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY], *([f"GRE-{number}"] for number in range(500)))
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(SourceDataError, match=r"not an \.xlsx workbook"):
        read_order_file(path, KNOWN)


def test_a_sheet_that_breaks_off_further_down_is_refused_before_any_row_is_given(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY], *([f"GRE-{number}"] for number in range(500)))
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(path, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content[: len(content) // 2] if name == sheet else content)
    with pytest.raises(SourceDataError, match="is damaged"):
        read_order_file(path, KNOWN)


def test_a_workbook_that_our_reader_cannot_follow_is_refused_with_the_next_step(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_chartsheet("CHART WITHOUT A CHART")
    book.save(tmp_path / "odd.xlsx")
    with pytest.raises(SourceDataError, match="save it as"):
        read_order_file(tmp_path / "odd.xlsx", KNOWN)


def test_a_workbook_of_charts_alone_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_chartsheet("CHART").add_chart(BarChart())
    book.remove(book.worksheets[0])
    book.save(tmp_path / "charts.xlsx")
    with pytest.raises(SourceDataError, match="no sheet with cells"):
        read_order_file(tmp_path / "charts.xlsx", KNOWN)


@given(st.floats(min_value=0, max_value=1, exclude_max=True), st.integers(min_value=1, max_value=255))
def test_one_wrong_byte_in_a_workbook_is_refused_or_harmless_but_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, where: float, flip: int
) -> None:
    path = workbook(tmp_path_factory.mktemp("orders"), [KEY, "NOTES"], ["GRE-1", "x" * 50], ["GRE-2", "y" * 50])
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= flip
    path.write_bytes(content)
    try:
        rows = read(path)
    except SourceDataError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert len(rows) == 2


@pytest.mark.parametrize("name", ["absent.csv", "absent.xlsx"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceDataError, match=r"cannot be opened: No such file.*Check the path"):
        read_order_file(tmp_path / name, KNOWN)


def test_an_empty_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceDataError, match="is empty"):
        read_order_file(workbook(tmp_path), KNOWN)


def test_a_file_that_grows_between_the_check_and_the_load_is_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY], ["GRE-1"])
    order_file = read_order_file(path, KNOWN)
    csv_file(tmp_path, [KEY], ["GRE-1"], ["GRE-2"])
    with pytest.raises(SourceDataError, match="had 1 rows when it was checked and 2 when it was loaded"):
        list(order_file.rows)

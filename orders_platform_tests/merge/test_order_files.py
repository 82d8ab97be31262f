"""Order files: what is read, what is reported, what is refused, on real files."""

from __future__ import annotations

import base64
import csv
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from openpyxl.chart import BarChart

from orders_platform.configuration import read_configuration
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import FileOptions
from orders_platform.merge.order_files import (
    OrderColumns,
    OrderFile,
    OrderSheet,
    column_letter,
    read_order_file,
)
from orders_platform.merge.workbook_sheets import number_text
from orders_platform.settings import default_folder

CONFIG = read_configuration(default_folder("config") / "order_sync.toml", "sandbox")
KNOWN = ["record_uuid", *CONFIG.order_list]
ALIASES = {header: name for name, column in CONFIG.order_list.items() for header in column.headers}
KEY, NAME = "AAG ORDER NUMBER", "CUSTOMER NAME"
DAY = datetime(2025, 6, 18)  # noqa: DTZ001 - a day of a sheet has no time zone
CODE = "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS"
PROMO = "PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT)"
NAMES = CONFIG.customer_names


def columns_of(known: Sequence[str]) -> OrderColumns:
    start, end = (known.index(name) if name in known else 0 for name in ("UNIT OF MEASURE", "TOTAL QTY"))
    sizes, dates = frozenset(known[start + 1 : end]), frozenset({"ORDER DATE PO RECEIVED", "EX FACTORY DATE"})
    return OrderColumns(
        tuple(known), (KEY,), NAME, "_SOURCE_TABLE", sizes, dates, frozenset({"TOTAL QTY", "CUSTOMER PRICE"}), NAMES, ALIASES
    )


COLUMNS = columns_of(KNOWN)


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


def order_file(path: Path, columns: OrderColumns = COLUMNS, **options: object) -> OrderFile:
    return read_order_file(path, columns, Path(tempfile.mkdtemp(dir=path.parent)), FileOptions(**options))  # type: ignore[arg-type]


def report(path: Path, **options: object) -> OrderSheet:
    (sheet,) = order_file(path, **options).sheets
    return sheet


def read(path: Path, **options: object) -> list[dict[str, str]]:
    """The rows of all sheets, blank cells left out."""
    return [
        {name: cell for name, cell in zip(sheet.filled, row, strict=True) if cell}
        for sheet in order_file(path, **options).sheets
        for row in sheet.staged_rows()
    ]


def refusals(path: Path, ignored: Sequence[str] = ()) -> str:
    return " ".join(said for sheet in order_file(path).sheets for said in sheet.refusals(ignored))


def findings(path: Path) -> list[str]:
    return [str(finding) for sheet in order_file(path).sheets for finding in sheet.findings]


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
    (sheet,) = order_file(csv_file(tmp_path, KNOWN, *rows)).sheets
    assert sheet.columns == sheet.filled == tuple(KNOWN)
    assert [list(row) for row in sheet.staged_rows()] == rows
    assert (sheet.rows, len(sheet.exact), list(sheet.refusals(()))) == (334, 411, [])


@pytest.mark.parametrize("blank", ["", " ", "\u00a0", "\t \u00a0"])
def test_a_blank_row_is_none(tmp_path: Path, blank: str) -> None:
    path = csv_file(tmp_path, [KEY, NAME, "S"], ["GRE-1", blank, "0"], [blank, blank, blank], [], ["GRE-2"])
    assert [(row[KEY], row.get(NAME, "").strip(), row.get("S")) for row in read(path)] == [
        ("GRE-1", "", "0"),
        ("GRE-2", "", None),
    ]


def test_a_row_that_names_its_source_keeps_that_name_and_another_is_of_its_file(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY, "_SOURCE_TABLE"], ["GRE-1", "xGREYSON"], ["GRE-2", ""])
    assert [row.get("_SOURCE_TABLE") for row in read(path)] == ["xGREYSON", path.stem]


def test_the_first_row_that_is_not_empty_holds_the_headers(tmp_path: Path) -> None:
    assert read(csv_file(tmp_path, [], ["", ""], [KEY, NAME], ["GRE-1", "GREYSON"]))[0][NAME] == "GREYSON"


def test_rows_can_be_read_more_than_once(tmp_path: Path) -> None:
    (sheet,) = order_file(csv_file(tmp_path, [KEY], ["GRE-1"], ["GRE-2"])).sheets
    assert (
        list(sheet.staged_rows())
        == list(sheet.staged_rows())
        == [("GRE-1", "GREYSON order list"), ("GRE-2", "GREYSON order list")]
    )


def test_a_sheet_gives_the_same_rows_as_its_csv(tmp_path: Path) -> None:
    header = [KEY, NAME, "ORDER DATE PO RECEIVED", "EX FACTORY DATE", "CUSTOMER PRICE", "S", 34, "NOTES"]
    cells = ["GRE-1", "B'HOOD", DAY, date(2025, 7, 1), 9.2, 12.0, 7, "a\nb"]
    texts = ["GRE-1", "B'HOOD", "2025-06-18", "2025-07-01", "9.2", "12", "7", "a\nb"]
    assert read(workbook(tmp_path, header, cells)) == read(csv_file(tmp_path, header, texts))


def test_formatted_but_empty_rows_of_a_sheet_are_no_orders(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY, NAME], ["GRE-1", None], [None, " "], [None, None], ["GRE-2", "GREYSON"])
    assert [row[KEY] for row in read(path)] == ["GRE-1", "GRE-2"]
    assert report(path).rows == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), ("TBC", "TBC"), (" 12", " 12"), (12, "12"), (12.0, "12"), (0.1 + 0.2, "0.3"), (1e-05, "0.00001"),
        (45658.5, "45658.5"), (10.0**17, "1" + 17 * "0"), (True, "TRUE"), (DAY, "2025-06-18"),
        (DAY.replace(hour=14, minute=30), "2025-06-18 14:30:00"), (DAY.date(), "2025-06-18"), (time(0), "0"), (time(8, 30), "08:30:00"),
        (timedelta(hours=30), "1 day, 6:00:00"), ("a_x000D_b", "a b"), ("x\u200b", "x\u200b"),
    ],
)  # fmt: skip
def test_a_cell_of_a_sheet_becomes_this_text(tmp_path: Path, value: object, text: str) -> None:
    assert read(workbook(tmp_path, [KEY, "NOTES"], ["GRE-1", value]))[0].get("NOTES", "").replace("\r", " ") == text


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_a_number_of_a_sheet_becomes_plain_digits_of_the_same_value(value: float) -> None:
    text = number_text(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?", text)
    assert float(text) == float(Decimal(f"{value:.15g}"))


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_every_csv_that_python_writes_is_read_back_cell_for_cell(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    wanted = [tuple(cell.replace("\0", "") for cell in row) for row in rows]
    wanted = [row for row in wanted if any(map(str.strip, row))]
    assume(wanted)
    assume(not any("_x00" in cell for row in wanted for cell in row))
    path = csv_file(tmp_path_factory.mktemp("orders"), [KEY, "NOTES"], *rows)
    assert [(row.get(KEY, ""), row.get("NOTES", "")) for row in read(path)] == wanted


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
def test_a_header_is_understood_in_another_spelling_and_reported(tmp_path: Path, header: str, column: str) -> None:
    assert COLUMNS.meant(header) == column
    headers = [header] if column == KEY else [KEY, header]
    assert report(csv_file(tmp_path, headers, ["GRE-1"])).by_alias == {header: column}


@pytest.mark.parametrize(
    "header", ["34", "3-4", "45", "4/5", "56", "5-6", "L/XL", "L-XL", "OS", "O/S", "One Sz", "One_Sz", "S", "S+"]
)
def test_a_size_is_taken_for_no_other_size(header: str) -> None:
    assert COLUMNS.meant(header) == (header if header in KNOWN else "")


def test_a_column_that_the_table_lacks_is_unknown_and_not_another_one() -> None:
    for missing in KNOWN:
        others = [column for column in KNOWN if column != missing]
        assert columns_of(others).meant(missing) == ""


def test_no_alias_is_a_column_itself_and_each_means_a_real_one() -> None:
    assert set(ALIASES).isdisjoint(KNOWN)
    assert set(ALIASES.values()) <= set(KNOWN)


@given(st.sampled_from(KNOWN), st.data())
def test_case_and_kind_of_space_never_matter(column: str, data: st.DataObject) -> None:
    spaces = st.sampled_from([" ", "  ", "\u00a0", "\n", " \u00a0\r\n"])
    header = "".join(
        data.draw(spaces) if mark == " " else data.draw(st.sampled_from([mark.lower(), mark.upper()])) for mark in column
    )
    assert COLUMNS.meant(header) == column


def test_two_spellings_of_a_column_are_one_only_if_the_table_does_not_tell_them_apart() -> None:
    columns = columns_of(["2x", "2X"])
    assert [columns.meant(header) for header in ("2x", "2X", "2x ", "2Ⅹ")] == ["2x", "2X", "2x", ""]


def test_columns_are_lettered_as_in_a_spreadsheet() -> None:
    assert [column_letter(place) for place in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


# --- nothing is lost unseen


def test_values_under_an_unknown_header_are_counted_and_refused_until_somebody_says_so(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY, "SHOE 42", "EMPTY"], ["GRE-1", "7", ""], ["GRE-2", "", ""], ["GRE-3", "8", ""])
    assert report(path).unknown == {"SHOE 42": 2, "EMPTY": 0}
    assert "'SHOE 42' (2 values)" in refusals(path)
    assert refusals(path).endswith("orders-platform load --ignore HEADER.")
    assert "--sheet with the names of the others" in refusals(workbook(tmp_path, [KEY, "SUM OF QTY"], ["GRE-1", 7]))
    assert refusals(path, ignored=("SHOE 42",)) == ""
    assert [row[KEY] for row in read(path)] == ["GRE-1", "GRE-2", "GRE-3"]


def test_values_without_a_header_are_counted_under_their_letter(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY, "", NAME], ["GRE-1", "5", "GREYSON", "beyond"], ["GRE-2", "", "GREYSON"])
    assert report(path).blank_headers == {"B": 1, "D": 1}
    assert "'column B' (1 value), 'column D'" in refusals(path)
    assert [(row[KEY], row[NAME]) for row in read(path)] == [("GRE-1", "GREYSON"), ("GRE-2", "GREYSON")]


@pytest.mark.parametrize(
    ("header", "meant"),
    [(datetime(2025, 3, 4), "3-4"), ("CUSTMER STYLE", "CUSTOMER STYLE"), ("PO NUMBR", "PO NUMBER")],  # noqa: DTZ001
)
def test_a_header_that_is_no_column_is_not_guessed_but_the_nearest_is_named(tmp_path: Path, header: object, meant: str) -> None:
    assert f"(1 value; {meant}?)" in refusals(workbook(tmp_path, [KEY, header], ["GRE-1", 12]))


def test_of_many_unknown_headers_the_first_are_named(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY, *(f"~~~~{n}~~~~" for n in range(16_383))], ["GRE-1", *("x" * 16_383)])
    assert "'~~~~9~~~~' (1 value) and 16373 more." in refusals(path)
    assert len(refusals(path)) < 1_000


def test_a_file_whose_headers_are_all_understood_is_not_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, ["aag order number", NAME, ""], ["GRE-1", "GREYSON", ""])
    assert refusals(path) == ""
    said = report(path)
    assert (said.exact, said.by_alias, said.blank_headers) == ((NAME,), {"aag order number": KEY}, {})


# --- sheets and headers


def test_every_visible_sheet_with_order_numbers_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY], ["GRE-1"], before="COVER")
    book = openpyxl.load_workbook(path)
    for title, rows in (("FALL", [[KEY, NAME], ["GRE-2", "GREYSON"]]), ("OLD", [[KEY], ["GRE-3"]]), ("EMPTY", [[KEY]])):
        page = book.create_sheet(title)
        for row in rows:
            page.append(row)
    book["OLD"].sheet_state = "veryHidden"
    book["FALL"].row_dimensions[2].hidden = True
    book.create_chartsheet("CHART").add_chart(BarChart())
    book.save(path)
    found = order_file(path)
    assert [(sheet.table.sheet, sheet.rows, sheet.table.hidden_rows) for sheet in found.sheets] == [
        ("MASTER", 1, 0),
        ("FALL", 1, 1),
    ]
    assert [row[KEY] for row in read(path)] == ["GRE-1", "GRE-2"]
    assert found.left_out == {
        "COVER": "no column 'AAG ORDER NUMBER' in the first 50 rows",
        "OLD": "hidden",
        "EMPTY": "headers and no row below them",
        "CHART": "no sheet of cells",
    }
    assert [row[KEY] for row in read(path, sheets=("OLD",))] == ["GRE-3"]
    with pytest.raises(SourceDataError, match=r"has no sheet 'MASTR'.*'MASTER'"):
        order_file(path, sheets=("MASTR",))


def test_headers_below_a_title_are_found_and_a_person_may_say_where_they_are(tmp_path: Path) -> None:
    rows = (
        ["ORDER LIST", None, "2026"],
        [],
        [KEY, NAME, "S"],
        ["GRE-1", "GREYSON", 7],
        [KEY, "NAME", "S"],
        ["GRE-2", "GREYSON", 8],
    )
    path = workbook(tmp_path, *rows)
    assert (report(path).header_row, report(path).rows) == (3, 3)
    assert [row[KEY] for row in read(path, header_row=5)] == ["GRE-2"]
    with pytest.raises(SourceDataError, match="no column 'AAG ORDER NUMBER' in row 2"):
        order_file(path, header_row=2)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_delimiter_and_byte_order_mark_are_found(tmp_path: Path, mark: str, encoding: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(f"2026\n{KEY}{mark}{NAME}\nGRE-1{mark}TÜRKIYE\n", encoding=encoding)
    assert [(row[KEY], row[NAME]) for row in read(path)] == [("GRE-1", "TÜRKIYE")]


def test_another_encoding_or_delimiter_is_said(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(f"{KEY}~{NAME}\nGRE-1~TÜRKIYE\n".encode("cp1252"))
    with pytest.raises(SourceDataError, match="load --encoding cp1252"):
        order_file(path)
    assert read(path, encoding="cp1252", delimiter="~")[0][NAME] == "TÜRKIYE"


def test_a_report_counts_customers_sizes_and_quantities(tmp_path: Path) -> None:
    rows = (
        ["GRE-1", "Greyson  Clothiers", "7", "", "12.0"],
        ["GRE-2", "greyson", "1,000", "TBC", ""],
        ["X-1", "ACME", "nan", "", "5"],
    )
    said = report(csv_file(tmp_path, [KEY, NAME, "S", "M", "L"], *rows))
    assert (said.customers, said.unmatched_rows, said.sizes, said.quantity) == ({"GREYSON": 2}, 1, ("S", "M", "L"), 1024)
    totals = (["TOTAL", "", "1007", "", "17"], ["", "Grand Total", "1007", "", "17"])
    assert report(csv_file(tmp_path, [KEY, NAME, "S", "M", "L"], *rows, *totals)).quantity == 1024


# --- what Excel did to the data


def test_formulas_without_a_stored_result_are_refused_with_column_and_number(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY, "M", "TOTAL QTY"], ["GRE-1", "=10+10", 5], ["GRE-2", "=5", "=B2"], ["GRE-3", 4, 4])
    said = refusals(path)
    assert "M: 2 cells with a formula without a stored result, for example B2, B3" in said
    assert "TOTAL QTY: 1 cell with a formula" in said
    assert "let it calculate" in said


def test_a_formula_whose_stored_result_is_an_empty_text_is_blank(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY, "NOTES", "S"], ["GRE-1", "=1", "=2"])
    rewritten(
        path, lambda xml: re.sub(rb'<c r="B2"[^>]*><f>1</f><v ?/?>(</v>)?</c>', b'<c r="B2" t="str"><f>1</f><v></v></c>', xml)
    )
    rewritten(path, lambda xml: re.sub(rb'<c r="C2"[^>]*><f>2</f><v ?/?>(</v>)?</c>', b'<c r="C2"><f>2</f><v>7</v></c>', xml))
    assert refusals(path) == ""
    assert read(path)[0]["S"] == "7"


def test_error_values_reach_the_staging_table_as_they_are_and_are_named(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY, "CUSTOMER SEASON", "S"], ["GRE-1", "#REF!", 7], ["#N/A", "SPRING", "#DIV/0!"])
    assert [(row[KEY], row["CUSTOMER SEASON"], row["S"]) for row in read(path)] == [
        ("GRE-1", "#REF!", "7"),
        ("#N/A", "SPRING", "#DIV/0!"),
    ]
    assert findings(path) == [
        f"{KEY}: 1 cell with an error value, left out; their rows are invalid, for example A3 (#N/A)",
        "CUSTOMER SEASON: 1 cell with an error value, left out, for example B2 (#REF!)",
        "S: 1 cell with an error value, left out, for example C3 (#DIV/0!)",
    ]


def test_days_where_none_belong_are_named(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY, "CUSTOMER STYLE", "EX FACTORY DATE", "S"], ["GRE-1", DAY, DAY, DAY])
    assert [said.split(",")[0] for said in findings(path)] == [
        "CUSTOMER STYLE: 1 cell with a day where none belongs",
        "S: 1 cell with a day where none belongs",
    ]


def test_serial_numbers_of_days_are_named_and_counted_from_1904_where_the_workbook_does(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY, "EX FACTORY DATE"], ["GRE-1", 45826], ["GRE-2", DAY])
    assert findings(path) == ["EX FACTORY DATE: 1 cell with the serial number of a day, for example 45826 as 2025-06-18"]
    book = openpyxl.load_workbook(path)
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active["A3"], book.active["B3"] = "GRE-2", DAY
    book.save(path)
    assert [row["EX FACTORY DATE"] for row in read(path)] == [str(45826 + 1_462), "2025-06-18"]
    assert findings(path) == [
        "EX FACTORY DATE: 1 cell with the serial number of a day, counted from 1904, for example 45826 as 2029-06-19"
    ]


def test_order_numbers_in_exponent_form_are_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY, "PO NUMBER"], ["4.50001E+11", "1"], ["450001234567", "2"])
    assert f"{KEY}: 1 cell in exponent form, whose digits are lost, for example 4.50001E+11" in refusals(path)


@pytest.mark.parametrize("number", [1e15, 12345678901234567890.0])
def test_order_numbers_with_more_digits_than_a_sheet_keeps_are_refused(tmp_path: Path, number: float) -> None:
    path = workbook(tmp_path, [KEY, "PO NUMBER"], [number, number], [123456789012345, 1])
    assert f"{KEY}: 1 cell with more digits than a number of a sheet keeps, for example A2 (1" in refusals(path)
    assert refusals(workbook(tmp_path, [KEY, "PO NUMBER"], [f"{number:.0f}", number], [999_999_999_999_999.0, 1])) == ""


def test_order_numbers_that_lost_their_zeros_beside_others_are_named(tmp_path: Path) -> None:
    assert findings(csv_file(tmp_path, [KEY], ["00123"], ["456"], ["12345"], ["GRE-1"])) == [
        f"{KEY}: 1 cell without the leading zeros that others have, perhaps lost, for example 456"
    ]
    assert findings(csv_file(tmp_path, [KEY], ["123"], ["456"], ["12345"])) == []


def test_numbers_stored_as_text_are_named(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY, "34", "PO NUMBER"], ["GRE-1", "12", "7001"], ["GRE-2", 12, "7002"])
    assert findings(path) == ["34: 1 cell with a number stored as text, read as a number, for example B2 (12)"]


def test_escaped_control_characters_are_read(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY, "NOTES"], ["GRE-1", "a_x000D_b_x0007_c_x00e9_"])
    assert read(path)[0]["NOTES"] == "a bc_x00e9_"


# --- other formats


XLS = (
    "c-rk)O-vI(6#izr{X?Jy!32zTLn11|0lnw}>OvPTw1sVn)R-s;2Z909c+ra}_Gn__N#lix2QR1>f1)OM^FV^pgNca==+TpjCLVzG&D$+fgoGwa"
    "0@<&bH#2W$-kY8G&FpmF%~i}#KB-;68nnWLWh)5ZDxIJd%vZvocFU5*d>)`=x!6_+1}Km|FJ6|-`eh7dyceM0vHFH2@P*PDTts4QbV%DmwDBDJ"
    "g`7i+P>FjA?old74bQ8R<$0F7Sw7;vuUMXB%}tgq)OTK-##}VfaNOZ>pHjzd<s=23@t9AnX+|~PN*-UmCG5Ul=-J`^3)`$AqLyL`6w=P2(V?uY"
    "hwuO;K!(s1k2l3)^QfY5PvNJf0YCEldPZ~gTdNl!{jWm3e*=Ahg1A<HTTy{=Sm%T!bB;(otlC>SuBXz5nZqvJ_epMeknD;rVodUYPjcG(y56ZJ"
    "&6r_oiQagdVU_{yy{U9EE;V}G2mwZ))}gnjlV(PX>1l(AmZHJwWLodideRv$k<2ujn*E$-Qptp)IqKvm*c~4<;evyvjJIDY$w7p;T)~?#OwYOa"
    "@caAtKzH;kYsUHIV!wh8$mfNHYjOk)F6R~xOY(>Y9&v=_b+)>f%e5@4s1N1!-PKN^V}kqK;MRKbbBysJdT>?w5S4S^dY(seU!#YqJl(l)rE2<P"
    "bP{#6kb^W{{wB~U8pYi^5-+0pTsVi-XO=a89b5q=?9APA-m@Vrafm?cAz|0#>WGz^;;fZj^H9yRQd6m>I+n#cmIYh(I{gJ(mhpH^GnEHzB}!(c"
    "{Rmt3VLxeA$Af&u+s1;35v67#3cS*h!jmd=q_87DhkKtB;6fvQM1=I?YgH=oRQ9LC`wzB)Im$}=c4dy(kU4n<h;<ntSBBRe>#e&B7cN}5aN%Ny"
    "LO2&74__PY3$%~#W%hTSB}&WgXObNYll~2k;S&9&G%!ke7MF|S&mMS1-j>+pnEdxbiBse~ixCX)JVuJ<FI|wu>gU<?!0^A@LdE)DE@qzp+5c~l"
    "w;GE"
)
"""A sheet MASTER with two orders, one cell of it #DIV/0! and one a formula, and a hidden sheet; compressed."""


ODS = """<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>
<office:spreadsheet><table:table table:name="MASTER">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"""


def ods(folder: Path, *rows: Sequence[str]) -> Path:
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    lines = "".join(
        "<table:table-row>"
        + "".join(each if each.startswith("<") else cell.format(each) for each in row)
        + "</table:table-row>"
        for row in rows
    )
    path = folder / "f.ods"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr(
            "META-INF/manifest.xml", '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
        )
        book.writestr("content.xml", ODS.replace("{rows}", lines))
    return path


def test_an_ods_is_read_and_refused_for_formulas_without_a_result(tmp_path: Path) -> None:
    assert read(ods(tmp_path, [KEY, NAME], ["GRE-1", "#REF!"])) == [{KEY: "GRE-1", NAME: "#REF!", "_SOURCE_TABLE": "f"}]
    with pytest.raises(SourceDataError, match=r"has formulas without a stored result \(1\)"):
        order_file(ods(tmp_path, [KEY, "S"], ["GRE-1", '<table:table-cell table:formula="of:=1+1"/>']))


def test_an_xls_is_read_and_says_what_it_hides(tmp_path: Path) -> None:
    path = tmp_path / "f.xls"
    path.write_bytes(zlib.decompress(base64.b85decode(XLS)))
    assert read(path) == [
        {KEY: "GRE-1", NAME: "GREYSON", "EX FACTORY DATE": "2025-06-18", "S": "7", "_SOURCE_TABLE": "f"},
        {KEY: "GRE-2", "_SOURCE_TABLE": "f"},
    ]
    assert "look like blank cells in this format" in report(path).table.notice
    assert order_file(path).left_out == {"OLD": "hidden"}


# --- bounds


@pytest.mark.parametrize(("row", "column", "rows"), [(1_048_576, "A", 2), (3, "XFD", 2)])
def test_a_cell_far_down_or_far_right_takes_seconds(tmp_path: Path, row: int, column: str, rows: int) -> None:
    path = workbook(tmp_path, [KEY, "S"], ["GRE-1", 5])
    added = b'<row r="%d"><c r="%s%d"><v>1</v></c></row></sheetData>' % (row, column.encode(), row)
    rewritten(path, lambda xml: xml.replace(b"</sheetData>", added))
    assert report(path).rows == rows
    assert ("column XFD" in refusals(path)) is (column == "XFD")


@pytest.mark.parametrize("extra", ["far corner", "zip bomb"])
def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, extra: str) -> None:
    path = workbook(tmp_path, [KEY, "S"], ["GRE-1", 5])
    if extra == "far corner":
        added = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        rewritten(path, lambda xml: xml.replace(b"</sheetData>", added))
    else:
        with (
            zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as book,
            book.open("xl/sharedStrings.xml", "w") as part,
        ):
            part.write(b"<sst><si><t>")
            for _ in range(400):
                part.write(b"A" * (1 << 20))
            part.write(b"</t></si></sst>")
    with pytest.raises(SourceDataError, match=r"300 MB|damaged"):
        order_file(path)


def test_formatted_rows_without_end_hold_no_orders(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY, "S"], *([f"GRE-{n}", n] for n in range(1, 301)))
    blank = b"".join(b'<row r="%d"><c r="A%d" s="0"/><c r="B%d" s="0"/></row>' % (n, n, n) for n in range(302, 200_000))
    rewritten(path, lambda xml: xml.replace(b"</sheetData>", blank + b"</sheetData>"))
    assert report(path).rows == 300


def test_a_cell_of_ten_megabytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceDataError, match=r"line \d+: field larger than field limit"):
        order_file(csv_file(tmp_path, [KEY, "NOTES"], ["GRE-1", "x" * 10_000_000]))


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    """The workbook with its first sheet's XML changed."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, change(content) if name == "xl/worksheets/sheet1.xml" else content)


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
        order_file(csv_file(tmp_path, headers, ["GRE-1"]))


def test_a_zero_byte_in_a_cell_vanishes(tmp_path: Path) -> None:
    (row,) = read(csv_file(tmp_path, [KEY, NAME], ["GRE\0-1", "NA\0VY"]))
    assert (row[KEY], row[NAME]) == ("GRE-1", "NAVY")


def test_a_file_without_an_order_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SourceDataError, match=r"no column 'AAG ORDER NUMBER' in the first 50 rows; its first row says 'ORDER LIST 2025'"
    ):
        order_file(csv_file(tmp_path, ["ORDER LIST 2025"], ["ORDER"]))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("f.csv", b"", "is empty"),
        ("f.csv", b"\n , \n", "is empty"),
        ("f.csv", KEY.encode(), "no row below"),
        ("f.csv", f"{KEY},NOTES\nGRE-1,T\u00dcRKIYE\n".encode("cp1252"), "not UTF-8"),
        ("f.csv", f'{KEY},NOTES\nGRE-1,"never closed\nGRE-2,x\n'.encode(), r"line \d+: unexpected end"),
        ("f.csv", f'{KEY},NOTES\nGRE-1,"a"b\n'.encode(), "line 2"),
        ("f.xlsx", b"", "is no workbook"),
        ("f.xlsx", b"PK\x03\x04 cut off", "no workbook"),
        ("f.xlsx", b"\xd0\xcf\x11\xe0 as Excel writes a protected file", "without a password"),
        ("f.xls", b"<html><table><tr><td>", r"is no workbook \(it begins with b'<html>.* Save the orders as .xlsx"),
        ("f.pdf", b"%PDF-1.7", "its name ends in '.pdf'"),
        ("f.csv", b"PK\x03\x04", "no workbook"),
        ("f", b"", "'nothing'"),
        ("f.csv", b"\xff\xfeA\0\x00\xd8", "not UTF-16"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_next_step(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceDataError, match=words) as caught:
        order_file(path)
    assert str(path) in str(caught.value)


def test_a_workbook_whose_inner_parts_are_cut_off_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY], *([f"GRE-{number}"] for number in range(500)))
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(SourceDataError, match="damaged, or no workbook"):
        order_file(path)


def test_a_sheet_that_breaks_off_further_down_is_refused_before_any_row_is_given(tmp_path: Path) -> None:
    path = workbook(tmp_path, [KEY], *([f"GRE-{number}"] for number in range(500)))
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(path, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content[: len(content) // 2] if name == sheet else content)
    with pytest.raises(SourceDataError, match="is damaged"):
        order_file(path)


def test_a_workbook_that_our_reader_cannot_follow_is_refused_with_the_next_step(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_chartsheet("CHART WITHOUT A CHART")
    book.save(tmp_path / "odd.xlsx")
    with pytest.raises(SourceDataError, match="is empty"):
        order_file(tmp_path / "odd.xlsx")


def test_a_workbook_of_charts_alone_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_chartsheet("CHART").add_chart(BarChart())
    book.remove(book.worksheets[0])
    book.save(tmp_path / "charts.xlsx")
    with pytest.raises(SourceDataError, match="is empty"):
        order_file(tmp_path / "charts.xlsx")


@settings(max_examples=25)
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
        order_file(tmp_path / name)


def test_an_empty_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceDataError, match="is empty"):
        order_file(workbook(tmp_path))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [KEY], *([f"GRE-{number}"] for number in range(100_000)))
    (sheet,) = order_file(path).sheets
    rows = sheet.staged_rows()
    next(rows)
    with path.open("a") as file:
        file.write("GRE-X\n")
    with pytest.raises(SourceDataError, match="was changed while it was read"):
        list(rows)

"""A program that writes the cells of each sheet of a workbook into a file: python workbook_sheets.py WORKBOOK FOLDER [SHEET...].

It is a process of its own because nobody knows what a workbook unpacks to before it is unpacked: a cell far down and right, a zip bomb or
a defect of the reader ends this process and not the one that loads. Standard output is one JSON object: `sheets`, or `refused` with the
reason. A line of such a file is a block of rows: their number, and the columns that have a value in them as texts, each with its place. It
imports nothing of ours, so that it is found and starts wherever the platform runs.

python-calamine reads the cells. What it cannot say, the XML of .xlsx and .xlsm is searched for: error values, formulas without a stored
result, rows that are hidden, and the date system.
"""

import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any, TextIO
from xml.etree import ElementTree

import python_calamine
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

MEGABYTES = 300  # what this process may take: some 7 million cells of the area that a sheet uses, blank ones counted
UNPACKED = 2_000_000_000
_ROWS = 250
_EXAMPLES = 3
_EXACT = 10.0**15  # a sheet keeps 15 digits of a number; from here on the last ones are lost
_NUMBER = re.compile(r"\s*-?\d+(?:[.,]\d+)?\s*")
_WITHOUT_RESULT = (
    rb"<{0}c\b(?![^>]*\bt=[\"']str)([^>]*)>\s*<{0}f\b(?:[^>]*/>|[^>]*>[^<]*</{0}f>)\s*"
    rb"(?:<{0}v\s*/>|<{0}v[^>]*>\s*</{0}v>)?\s*</{0}c>"
)
_ODS_WITHOUT_RESULT = re.compile(rb"<table:table-cell\b(?=[^>]*\btable:formula=)(?![^>]*\boffice:value-type=)[^>]*>")
_BLIND = (
    "error values and formulas without a stored result look like blank cells in this format; save it as .xlsx if there are any"
)

Notes = dict[str, dict[int, list[Any]]]  # by kind of damage and place of the column: how many cells, and the first of them
Marks = tuple[int, dict[int, dict[int, str]], Notes]
"""Of a sheet: how many rows are hidden, the error values by row and place, notes."""


class Refused(Exception):
    """The workbook cannot be read whole."""


def sheets_of(path: Path, folder: Path, chosen: Sequence[str]) -> list[dict[str, object]]:
    """Write the sheets that are visible, or chosen, into the folder; what is known of every sheet."""
    is_1904, marks = _marks_of(path) if zipfile.is_zipfile(path) else (False, None)
    found: list[dict[str, object]] = []
    with path.open("rb") as file:
        workbook = CalamineWorkbook.from_filelike(file)
        for number, sheet in enumerate(workbook.sheets_metadata):
            target = folder / f"{number}.json"
            about: dict[str, object] = {"sheet": sheet.name, "path": str(target)}
            if sheet.typ is not SheetTypeEnum.WorkSheet:
                about["left_out"] = "no sheet of cells"
            elif sheet.name not in chosen if chosen else sheet.visible is not SheetVisibleEnum.Visible:
                about["left_out"] = "not chosen" if chosen else "hidden"
            else:
                hidden_rows, errors, notes = (marks or {}).get(sheet.name, (0, {}, {}))
                with target.open("w", encoding="utf-8") as out:
                    _write_blocks(workbook, sheet.name, out, errors, notes)
                about |= {"hidden_rows": hidden_rows, "notes": notes, "is_1904": is_1904}
                about["notice"] = _BLIND if marks is None else ""
            found.append(about)
    return found


def _write_blocks(workbook: CalamineWorkbook, name: str, out: TextIO, errors: dict[int, dict[int, str]], notes: Notes) -> None:
    sheet = workbook.get_sheet_by_name(name)
    before = sheet.start[1] if sheet.start else 0
    rows, top = sheet.iter_rows(), 0
    while block := list(islice(rows, _ROWS)):
        columns = {
            place: _texts(cells, place, top, notes)
            for place, cells in enumerate(zip(*block, strict=True), before)
            if cells.count("") < len(cells)
        }
        for row in errors.keys() & range(top, top + len(block)):
            for place, text in errors[row].items():
                columns[place] = cells = list(columns.get(place, [""] * len(block)))
                cells[row - top] = text
        out.write(f"{json.dumps([len(block), list(columns.items())], ensure_ascii=False)}\n")
        top += len(block)


def _texts(cells: tuple[Any, ...], place: int, top: int, notes: Notes) -> list[str]:
    """A column of a block as the texts that a CSV of the sheet would hold; each different cell is looked at once."""
    distinct = dict.fromkeys(cells)
    if bool in map(type, cells):  # to Python TRUE is 1
        return [_text(cell) for cell in cells]
    odd = {cell: kind for cell in distinct if (kind := _oddity(cell))}
    texts = {cell: _text(cell) for cell in distinct}
    for row, cell in enumerate(cells if odd else (), top):
        if cell in odd:
            _note(notes, odd[cell], place, row, texts[cell] if odd[cell] == "digits" else str(cell))
    return list(map(texts.__getitem__, cells))


def _text(cell: Any) -> str:
    return cell.replace("\0", "") if type(cell) is str else _TEXT_OF[type(cell)](cell)


def _oddity(cell: Any) -> str:
    """The kind of what somebody should know of a cell, empty for none."""
    if type(cell) is str:
        return "number" if _NUMBER.fullmatch(cell) else ""
    if type(cell) is float:
        return "" if -_EXACT < cell < _EXACT else "digits"
    return "date" if isinstance(cell, date) else ""


def number_text(value: float) -> str:
    """Plain digits: the 15 that a sheet shows, whole numbers without `.0`."""
    text = f"{value + 0.0:.15g}"
    if "e" not in text:
        return text
    return str(int(value)) if value.is_integer() else format(Decimal(text), "f")


_TEXT_OF: dict[type, Callable[[Any], str]] = {
    float: number_text, int: str, bool: lambda value: str(value).upper(), date: date.isoformat,
    datetime: lambda value: str(value).removesuffix(" 00:00:00"),
    time: lambda value: "0" if value == time() else str(value), timedelta: str,
}  # fmt: skip
"""A cell that holds 0 and is formatted as a date reads as midnight."""


def _note(notes: Notes, kind: str, place: int, row: int, text: str) -> None:
    found = notes.setdefault(kind, {}).setdefault(place, [0, []])
    found[0] += 1
    if len(found[1]) < _EXAMPLES:
        found[1].append([row, text[:60]])


def _marks_of(path: Path) -> tuple[bool, dict[str, Marks] | None]:
    """Whether days count from 1904, and what the XML says of each sheet; None where the format hides it."""
    with zipfile.ZipFile(path) as book:
        if sum(part.file_size for part in book.infolist()) > UNPACKED:
            raise Refused(f"unpacks to more than {UNPACKED // 10**9} GB")
        parts = {part.filename.lstrip("/"): part for part in book.infolist()}
        if "content.xml" in parts:
            count = sum(len(_ODS_WITHOUT_RESULT.findall(block)) for block in _blocks(book.open(parts["content.xml"])))
            if count:
                raise Refused(f"has formulas without a stored result ({count})")
            return False, {}
        if "xl/workbook.xml" not in parts:
            return False, None
        main = ElementTree.fromstring(book.read(parts["xl/workbook.xml"]))  # noqa: S314 - this process is the fence
        links = ElementTree.fromstring(book.read(parts["xl/_rels/workbook.xml.rels"]))  # noqa: S314
        targets = {link.get("Id"): str(link.get("Target")) for link in links}
        about, marks = main.find("{*}workbookPr"), dict[str, Marks]()
        for sheet in main.findall(".//{*}sheet"):
            target = targets.get(next((value for name, value in sheet.items() if name.endswith("}id")), None), "")
            part = parts.get(target.lstrip("/")) or parts.get(f"xl/{target}")
            if part is not None:
                marks[str(sheet.get("name"))] = _marks_in(book.open(part))
        return about is not None and about.get("date1904") in {"1", "true"}, marks


def _marks_in(sheet: IO[bytes]) -> Marks:
    hidden_rows, errors, notes, prefix = 0, dict[int, dict[int, str]](), Notes(), None
    for block in _blocks(sheet):
        if prefix is None:
            named = re.search(rb"<(\w+:)?worksheet\b", block)
            prefix = (named and named[1]) or b""
            formula, hidden = (
                re.compile(pattern.replace(b"{0}", prefix))
                for pattern in (_WITHOUT_RESULT, rb"<{0}row\b[^>]*?\bhidden=[\"'](?:1|true)")
            )
            error = re.compile(rb"<{0}c\b(?=[^>]*\bt=[\"']e[\"'])([^>]*)>(.*?)</{0}c>".replace(b"{0}", prefix), re.DOTALL)
        hidden_rows += len(hidden.findall(block)) if b" hidden=" in block else 0
        if b't="e"' in block or b"t='e'" in block:
            for found in error.finditer(block):
                row, place = _address(found[1])
                text = re.search(rb"v[^>]*>([^<]*)</", found[2])
                errors.setdefault(row, {})[place] = text[1].decode() if text else "#VALUE!"
                _note(notes, "error", place, row, errors[row][place])
        if b"<%sf" % prefix in block:
            for found in formula.finditer(block):
                row, place = _address(found[1])
                _note(notes, "formula", place, row, "")
    return hidden_rows, errors, notes


def _address(attributes: bytes) -> tuple[int, int]:
    """Row and place of a cell, counted from 0."""
    found = re.search(rb"\br=[\"']([A-Z]+)([0-9]+)", attributes)
    if found is None:
        raise Refused("has error values or formulas without a stored result in cells without an address")
    place = 0
    for letter in found[1]:
        place = place * 26 + letter - 64
    return int(found[2]) - 1, place - 1


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """The XML in pieces that end where a row does."""
    left = b""
    with stream:
        while chunk := stream.read(1 << 20):
            left += chunk
            end = left.rfind(b"row>") + 4
            if end > 3:
                yield left[:end]
                left = left[end:]
    yield left


def main() -> None:
    """Write the sheets, and say what became of each."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEGABYTES << 20, MEGABYTES << 20))
        resource.setrlimit(resource.RLIMIT_FSIZE, (UNPACKED, UNPACKED))
    path, folder, *chosen = sys.argv[1:]
    try:
        said: dict[str, object] = {"sheets": sheets_of(Path(path), Path(folder), chosen)}
    except python_calamine.PasswordError:
        said = {"refused": "is protected by a password"}
    except Refused as error:
        said = {"refused": str(error)}
    except (python_calamine.CalamineError, zipfile.BadZipFile, ElementTree.ParseError, NotImplementedError, KeyError) as error:
        said = {"refused": f"is damaged, or no workbook ({error})"}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()

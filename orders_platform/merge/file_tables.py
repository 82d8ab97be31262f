"""Files as rows of text, one row at a time: what is special about .csv (encodings, quoting) and .xlsx (sheets, types of cells)."""

from __future__ import annotations

import csv
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from orders_platform.domain.text import clean
from orders_platform.errors import SourceDataError

Cells = tuple[str | None, ...]

SHEET = "MASTER"
"""The sheet that holds the orders; a workbook without it is read from its first sheet."""

# What zipfile, zlib, the XML parser and openpyxl raise for one wrong byte (tried with every byte), a password (RuntimeError) or
# styles and charts that openpyxl cannot follow (TypeError, AttributeError).
_NOT_A_WORKBOOK = (
    zipfile.BadZipFile, zlib.error, InvalidFileException, SyntaxError, KeyError, ValueError, EOFError, RuntimeError, TypeError,
    AttributeError,
)  # fmt: skip


def read_table(path: Path) -> Iterator[Cells]:
    """The rows of a file that hold anything, the header first.

    Raises:
        SourceDataError: the file cannot be read as what its ending says.
    """
    readers = {".csv": _read_csv, ".xlsx": _read_xlsx, ".xlsm": _read_xlsx}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise SourceDataError(
            f"{path}: files ending in {path.suffix or 'nothing'!r} cannot be read. Save the orders as .xlsx or as CSV UTF-8 (.csv)."
        )
    for cells in reader(path):
        if any(cell is not None for cell in cells):
            yield cells


def _read_csv(path: Path) -> Iterator[Cells]:
    with _opened(path), path.open(encoding="utf-8-sig", newline="") as file:
        # strict: without it, a quote that is never closed swallows the rest of the file into one cell
        reader = csv.reader(file, strict=True)
        try:
            for cells in reader:
                yield tuple([
                    None if not cell else cell if cell.isascii() and cell.isprintable() and not cell.isspace() else _filled(cell)
                    for cell in cells
                ])  # fmt: skip
        except csv.Error as error:
            raise SourceDataError(
                f"{path}, line {reader.line_num}: {error}. Nothing was loaded. Save the file again as CSV UTF-8 from the workbook."
            ) from error
        except UnicodeDecodeError as error:
            raise SourceDataError(
                f"{path}, after line {reader.line_num}: not UTF-8 ({error.reason}). Nothing was loaded. "
                "Save the file again as 'CSV UTF-8', or load the .xlsx."
            ) from error


def _read_xlsx(path: Path) -> Iterator[Cells]:
    # Opened here, because openpyxl leaves a file that it refuses open.
    with _opened(path), path.open("rb") as file:
        try:
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except _NOT_A_WORKBOOK as error:
            raise SourceDataError(
                f"{path} is not an .xlsx workbook, or is protected by a password ({error}). Nothing was loaded. "
                "Open it in a spreadsheet program and save it as .xlsx without a password."
            ) from error
        try:
            sheet = _sheet_of(workbook, path)
            # many programs store dimensions that are too small; openpyxl would cut the rows to them
            sheet.reset_dimensions()
            rows = sheet.iter_rows(values_only=True)  # type: ignore[misc]  # the stub takes any sheet to be a writable one
            for cells in rows:
                yield tuple(map(cell_text, cells))
        except _NOT_A_WORKBOOK as error:
            raise SourceDataError(f"{path} is damaged ({error}). Nothing was loaded. Save the workbook again.") from error
        finally:
            workbook.close()


def _sheet_of(workbook: Workbook, path: Path) -> ReadOnlyWorksheet:
    sheets = [sheet for sheet in workbook.worksheets if isinstance(sheet, ReadOnlyWorksheet)]
    if not sheets:
        raise SourceDataError(f"{path} has no sheet with cells. Nothing was loaded. Put the orders on a sheet called {SHEET}.")
    return next((sheet for sheet in sheets if sheet.title.strip().upper() == SHEET), sheets[0])


@contextmanager
def _opened(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceDataError(
            f"{path} cannot be opened: {error.strerror or error}. Nothing was loaded. Check the path, and close the file if it is "
            "open elsewhere."
        ) from error


def cell_text(value: object) -> str | None:
    """A cell of a sheet as the text that a CSV of the same sheet would hold; None when it is blank.

    Whole numbers lose their `.0`, others keep the 15 digits that a sheet shows; days are `2025-06-18`, with a time of day
    `2025-06-18 14:30:00`. Numbers that stand for days because nobody formatted them as such stay numbers.
    """
    if value is None or isinstance(value, str):
        return _filled(value) if value else None
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return _number_text(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    # a cell that holds 0 and is formatted as a date reads as midnight
    return "0" if value == time() else str(value)


def _filled(text: str) -> str | None:
    """A text as it stands in the file, but for what can be written in two ways and zero bytes, which no database takes whole.

    None when nobody would see it.
    """
    return unicodedata.normalize("NFC", text.replace("\0", "")) if clean(text) else None


def _number_text(value: float) -> str:
    return str(int(value)) if value.is_integer() else format(Decimal(f"{value:.15g}"), "f")

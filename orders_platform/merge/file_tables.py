"""Files as tables of texts: a CSV as it stands, a workbook as `workbook_sheets.py` writes its sheets.

A table is read in blocks of rows, as often as wanted, so that no file has to fit into memory. A block is told by column: most columns of a
wide sheet have no value, and cost nothing then.
"""

import codecs
import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import file_digest
from itertools import islice, zip_longest
from operator import itemgetter
from pathlib import Path

from orders_platform.errors import ConfigurationError, SourceDataError

TEXT_ENDINGS = (".csv", ".tsv", ".txt")
WORKBOOK_ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
HEADER_WITHIN = 50  # the headers stand in one of so many first rows
_PROGRAM = Path(__file__).with_name("workbook_sheets.py")
_SECONDS = 300
_DELIMITERS = ",;\t|"
_ESCAPED = re.compile(r"_x00([01])([0-9A-Fa-f])_")
"""How Excel's files write control characters; many programs hand them on like this."""

_ROWS = 100  # in a block of a CSV
Block = tuple[int, dict[int, Sequence[str]]]
"""So many rows, and by place, counted from 0, the columns that have a value in one of them."""

Examples = tuple[int, list[tuple[int, str]]]  # how many cells, and the row (counted from 0) and the text of the first


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What a person says about files that cannot be guessed."""

    sheets: tuple[str, ...] = ()  # read only these, hidden ones included
    header_row: int | None = None  # of every sheet, counted from 1
    encoding: str | None = None  # of texts; else by byte order mark, else UTF-8
    delimiter: str | None = None  # of texts; else the one that finds the headers
    ignored: tuple[str, ...] = ()  # headers, or `column BC` for a column without one, whose values may be lost
    accept_missing: bool = False  # columns may be missing that the board shows and the orders have; they keep what they have

    def __post_init__(self) -> None:
        """Raises `ConfigurationError` for what is no encoding or delimiter."""
        try:
            io.TextIOWrapper(io.BytesIO(), encoding=self.encoding)
            csv.reader([], delimiter=self.delimiter or ",")
        except (LookupError, TypeError, ValueError) as error:
            step = "Name an encoding such as cp1252, a delimiter such as ';'."
            raise ConfigurationError(f"Files cannot be read so: {error}. {step}") from None

    def require_use(self, paths: Iterable[Path]) -> None:
        """Raises `ConfigurationError` for what is said of sheets, or of texts, where no file has any: it would do nothing."""
        said = {"--sheet": (self.sheets, True), "--encoding": (self.encoding, False), "--delimiter": (self.delimiter, False)}
        wanted = {name: of_workbooks for name, (value, of_workbooks) in said.items() if value}
        kinds = {_is_workbook(_beginning(path)) for path in paths if wanted}
        if useless := next((name for name, of_workbooks in wanted.items() if of_workbooks not in kinds), None):
            why = "workbooks, and no file is one" if wanted[useless] else "texts such as .csv, and every file is a workbook"
            raise ConfigurationError(f"{useless} is for {why}. Nothing was read. Leave it out.")


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV, or a sheet of a workbook as one."""

    source: Path  # the file that people know; `stamp` is its size and when it was written
    stamp: tuple[int, int]
    sheet: str  # its sheet, empty for a CSV
    path: Path  # where the rows are
    encoding: str = "utf-8"
    delimiter: str = ","
    left_out: str = ""  # why a sheet is not read; empty where it is
    hidden_rows: int = 0  # rows that a filter or a person hides; they are read
    is_1904: bool = False  # whether numbers that stand for days count from 1904
    notice: str = ""  # what the format of the file hides
    notes: Mapping[str, Mapping[str, Examples]] = field(default_factory=dict)  # what Excel did, by kind and place of the column

    @property
    def title(self) -> str:
        """The table by name, for messages."""
        return f"{self.source}, sheet {self.sheet!r}" if self.sheet else str(self.source)

    def blocks(self, places: Sequence[int] = ()) -> Iterator[Block]:
        """All rows, blank ones too; with `places` it need not give other columns.

        Raises `SourceDataError`: it cannot be read as text, or was changed meanwhile.
        """
        with _opened(self.source), self.path.open(encoding=self.encoding, newline="") as file:
            if self.sheet:
                for line in _decoded(file):
                    count, columns = json.loads(line)
                    yield count, dict(columns)
                return
            # strict: without it, a quote that is never closed swallows the rest of the file into one cell
            lines = file if _is_plain(self.path, self.stamp, self.encoding) else _decoded(file)
            reader = csv.reader(lines, strict=True, delimiter=self.delimiter)
            try:
                pick, width = itemgetter(*places, 0, 0), max(places, default=0)
                while rows := list(islice(reader, _ROWS)):
                    if places and min(map(len, rows)) > width:
                        columns = zip(places, zip(*map(pick, rows), strict=True), strict=False)
                    else:
                        columns = enumerate(zip_longest(*rows, fillvalue=""))
                    yield len(rows), {place: cells for place, cells in columns if any(cells)}
            except csv.Error as error:
                raise SourceDataError(
                    f"{self.title}, line {reader.line_num}: {error}. Nothing was loaded. Save it again as CSV UTF-8 from the workbook."
                ) from error
            except UnicodeError as error:
                raise SourceDataError(
                    f"{self.title}, after line {reader.line_num}: not {self.encoding.upper().removesuffix('-SIG')} ({error}). Nothing was "
                    "loaded. Save it as 'CSV UTF-8', load the .xlsx, or name its encoding: orders-platform load --encoding cp1252"
                ) from error
            if _stamp(self.source) != self.stamp:
                raise _refused(self.title, "was changed while it was read", "Load it when it is complete.")

    def rows(self) -> Iterator[list[str]]:
        """The same, row by row, each as long as its block is wide."""
        for count, columns in self.blocks():
            places = range(max(columns, default=-1) + 1)
            yield from ([columns[place][row] if place in columns else "" for place in places] for row in range(count))


def content_hash(path: Path) -> str:
    """The content of a file as one value."""
    with _opened(path), path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def tables_of(path: Path, options: FileOptions, is_header: Callable[[Sequence[str]], bool], folder: Path) -> list[Table]:
    """The tables of a file. A workbook is told by its content, whatever the file is called, and its sheets go into `folder`.

    `is_header` says whether a row is the one with the headers. Raises `SourceDataError`: the file is absent, of another kind, damaged or
    protected.
    """
    stamp, beginning = _stamp(path), _beginning(path)
    if _is_workbook(beginning):
        return _sheets_of(path, stamp, options.sheets, folder)
    ending = path.suffix.lower()
    if ending not in TEXT_ENDINGS:
        said = "is no workbook" if ending in WORKBOOK_ENDINGS else f"cannot be read: its name ends in {ending or 'nothing'!r}"
        raise _refused(path, f"{said} (it begins with {beginning!r})", "Save the orders as .xlsx or as CSV UTF-8 (.csv).")
    encoding = options.encoding or _encoding(beginning)
    return [Table(path, stamp, "", path, encoding, options.delimiter or _delimiter(path, encoding, is_header))]


def _beginning(path: Path) -> bytes:
    with _opened(path), path.open("rb") as file:
        return file.read(20)


def _is_workbook(beginning: bytes) -> bool:
    return beginning.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))


def _encoding(beginning: bytes) -> str:
    """By byte order mark, or by the zero byte beside the first letter."""
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if beginning.count(0) > 1 and 0 in beginning[:2]:
        return "utf-16-be" if beginning[0] == 0 else "utf-16-le"
    return "utf-8-sig"


def _delimiter(path: Path, encoding: str, is_header: Callable[[Sequence[str]], bool]) -> str:
    """The one by which a row with the headers is found."""
    with path.open("rb") as file:
        lines = file.read(1 << 20).decode(encoding, "ignore").splitlines(keepends=True)
    for delimiter in _DELIMITERS:
        with suppress(csv.Error):
            if any(map(is_header, islice(csv.reader(lines, delimiter=delimiter), HEADER_WITHIN))):
                return delimiter
    return ","


def _sheets_of(path: Path, stamp: tuple[int, int], chosen: Sequence[str], folder: Path) -> list[Table]:
    place = folder / f"{len(list(folder.iterdir()))}"
    place.mkdir()
    command = [sys.executable, "-P", str(_PROGRAM), str(path), str(place), *chosen]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - our own program
    except subprocess.TimeoutExpired:
        raise _refused(path, f"takes longer than {_SECONDS} seconds to unpack", _SMALLER) from None
    if done.returncode:
        too_large = b"memory" in done.stderr.lower() or done.returncode < 0
        reason = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        said = "needs more than the 300 MB that a workbook may take" if too_large else f"is damaged ({reason})"
        raise _refused(path, said, _SMALLER if too_large else "Save the workbook again.")
    result = json.loads(done.stdout)
    if "refused" in result:
        step = "Open it in a spreadsheet program, save it as .xlsx without a password, and load that."
        raise _refused(path, result["refused"], step)
    absent = [name for name in chosen if name not in {each["sheet"] for each in result["sheets"]}]
    if absent:
        names = ", ".join(repr(each["sheet"]) for each in result["sheets"])
        raise SourceDataError(f"{path} has no sheet {absent[0]!r}. Nothing was loaded. Its sheets are {names}.")
    return [Table(path, stamp, path=Path(each.pop("path")), **each) for each in result["sheets"]]


_SMALLER = "Delete empty rows and columns (a cell far down or far right counts), split it, or save the sheet as CSV UTF-8."


def _refused(path: object, said: str, step: str) -> SourceDataError:
    return SourceDataError(f"{path} {said}. Nothing was loaded. {step}")


def _decoded(lines: Iterable[str]) -> Iterator[str]:
    """Without zero bytes, which no database takes, and with Excel's escapes read: a blank for a line end or tab, else nothing."""
    for line in lines:
        if "\0" in line or "_x00" in line:
            yield _ESCAPED.sub(lambda found: " " if found[1] == "0" and found[2] in "9AaDd" else "", line.replace("\0", ""))
        else:
            yield line


@lru_cache(maxsize=8)
def _is_plain(path: Path, _stamp: tuple[int, int], encoding: str) -> bool:
    """Whether a file has nothing that `_decoded` changes, as most: to look at each line takes a twentieth of a load."""
    if not codecs.lookup(encoding).name.startswith(("utf-8", "cp", "iso8859")):  # others write these marks otherwise
        return False
    with path.open("rb") as file:
        last = b""
        while block := file.read(1 << 20):
            if b"\0" in block or b"_x00" in last + block:
                return False
            last = block[-3:]
    return True


def _stamp(path: Path) -> tuple[int, int]:
    with _opened(path):
        about = path.stat()
    return about.st_size, about.st_mtime_ns


@contextmanager
def _opened(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        step = "Check the path, and close the file if it is open elsewhere."
        raise _refused(path, f"cannot be opened: {error.strerror or error}", step) from error

"""A load: order files put into the staging table together, all of them or none, with a row each in `ORDER_LOADS`.

A column that a file lacks is absent, not blank: its orders keep what they have in it.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from orders_platform.database.engine import repeated_when_lost
from orders_platform.database.order_store import OrderStore, Row
from orders_platform.database.statements import Runner, Variables, chunks
from orders_platform.domain.cell_texts import PLACEHOLDER_DATES
from orders_platform.domain.text import counted, fold
from orders_platform.errors import SourceDataError
from orders_platform.merge.file_tables import TEXT_ENDINGS, WORKBOOK_ENDINGS, FileOptions, content_hash
from orders_platform.merge.order_files import OrderColumns, OrderFile, OrderSheet, Progress, read_order_file
from orders_platform.merge.order_merge import OrderMerge
from orders_platform.merge.staging import delete_rows, insert_rows, rarely_collected, staged_cells

_SETTLED_SECONDS = 10
LOADED, COPY, REFUSED, LEFT = "loaded", "copy", "refused", "left"
"""What became of a file. A copy of what another file of the folder held before brings only orders that no other file there has; one that
left was refused, and somebody took it out of the folder."""
_MOST = 1_000
_NAMESAKE, _UNREADABLE = "namesake", "unreadable"
"""In place of a file's content: another file of the folder differs from it by its ending only; nobody may read it."""

Signature = tuple[int, int, str]  # by which a file is known again: its size, when it was written, and its content as a hash


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a load takes the place of. `dropped` are customers who have no row afterwards."""

    rows: int
    customers: int
    files: int
    dropped: tuple[str, ...]
    is_halved: bool

    @property
    def needs_consent(self) -> bool:
        """Whether a person should be asked first."""
        return bool(self.dropped) or self.is_halved

    def __str__(self) -> str:
        dropped = f" {', '.join(self.dropped)} will have no row." if self.dropped else ""
        halved = " The files hold less than half of that." if self.is_halved else ""
        counts = [counted(*each) for each in ((self.rows, "row"), (self.customers, "customer"), (self.files, "file"))]
        return f"Replaces {' of '.join(counts)}.{dropped}{halved}"


@dataclass(frozen=True, slots=True)
class Load:
    """Files that may be loaded together. `missing` are columns that they lack, with the number of their orders that keep what they have."""

    files: list[OrderFile]
    missing: Mapping[str, int]
    kept: _KeptValues

    @property
    def sources(self) -> frozenset[str]:
        """What its rows name as their file, and the names of its files."""
        return frozenset().union(*(file.sources for file in self.files))


@dataclass(frozen=True, slots=True)
class FolderLoad:
    """What came of a folder: how many rows were staged of which files, and the files that were refused with the reason."""

    rows: int
    files: list[OrderFile]
    refused: Mapping[str, str]


class Loads:
    """Loads of files into one order database."""

    def __init__(self, store: OrderStore, progress: Progress = lambda _words, _done: None) -> None:
        self.database = store.database
        self._progress = progress
        self._store = store
        self._configuration = store.configuration
        self._merge = OrderMerge(store)

    @cached_property
    def columns(self) -> OrderColumns:
        """What the columns of the staging table are."""
        rules, c = self._merge.rules, self._configuration
        return OrderColumns(
            tuple(column.name for column in self._store.schema.columns_of(c.tables.staging) if column.name != "staged_hash"),
            (*c.keys.unique, *c.keys.extra), c.columns.customer, c.columns.file,
            sizes=frozenset(rules.sizes),
            dates=frozenset(column.name for column in rules.business if column.null_words.issuperset(PLACEHOLDER_DATES)),
            numbers=frozenset(column.name for column in rules.business if column.kind in {"number", "whole_number"}),
            names=c.customer_names,
            aliases={header: name for name, column in c.order_list.items() for header in column.headers},
        )  # fmt: skip

    def read(self, paths: Sequence[Path], options: FileOptions, folder: Path) -> Load:
        """Check all files to their end, and decide; `folder` takes what workbooks unpack to, and must live until they are staged.

        Raises `SourceDataError`: why any of them cannot be loaded whole; `ConfigurationError`: an option is for another kind of file.
        """
        options.require_use(paths)
        files, refusals = list[OrderFile](), list[str]()
        for path in dict.fromkeys(paths):
            try:
                files.append(read_order_file(path, self.columns, folder, options, self._progress))
                for sheet in files[-1].sheets:
                    refusals += [f"{said} Nothing was loaded." for said in sheet.refusals(options.ignored)]
            except SourceDataError as error:
                refusals.append(str(error))
        if refusals:
            raise SourceDataError("\n".join(refusals))
        absent = self._absent(files)
        columns: Variables = {"absent": tuple(absent), "keys": self.columns.keys}
        kept = _KeptValues(absent, self.columns.keys, self._store.read("0_read_kept", columns) if absent else ())
        rules = self._merge.rules
        shown = {name for sources in rules.watched for name in sources}.union(rules.sizes, self.columns.keys)
        lost = kept.lost((sheet for file in files for sheet in file.sheets), shown)
        if lost and not options.accept_missing:
            named = ", ".join(f"{name} ({counted(count, 'order has', 'orders have')} it)" for name, count in lost.items())
            raise SourceDataError(
                f"The load lacks {counted(len(lost), 'column')} that its orders had: {named}. Nothing was loaded. "
                "Add what is missing to the file, or load it and keep what the orders have: orders-platform load --accept-missing"
            )
        return Load(files, lost, kept)

    def replaced(self, load: Load) -> Replaced:
        """What a load takes the place of when it replaces all staged rows."""
        counts = self._merge.staged_counts()
        before = self._configuration.customer_names.scan(counts)
        sheets = [sheet for file in load.files for sheet in file.sheets]
        after = self._configuration.customer_names.scan([count for sheet in sheets for count in sheet.spellings])
        dropped = tuple(name for name in before.customers if name not in after.customers)
        names = {count.file for count in counts}
        return Replaced(before.rows, len(before.customers), len(names), dropped, after.rows * 2 < before.rows)

    def latest(self) -> Mapping[str, KnownFile]:
        """What is known of each file that was loaded or refused, by its name."""
        found: dict[str, KnownFile] = {}
        for row in self._store.read("read_loads"):
            name, outcome, said = str(row["file_name"]), str(row["outcome"]), frozenset[str](json.loads(row["sources"] or "[]"))
            before = found[name].staged if name in found else frozenset()
            staged, wanted = (said | {Path(name).stem}, frozenset()) if outcome in {LOADED, COPY} else (before, said)
            found[name] = KnownFile(str(row["content_hash"]), outcome, staged, wanted)
        return found

    def load_folder(self, place: Path, now: datetime, unpacked: Path) -> FolderLoad:
        """Load what is new or changed in a folder, together; a refused file is recorded with its reason and stops no other.

        Raises `SourceDataError`: the folder cannot be read, or a file was changed while it was.
        """
        folder, loads, refused = look_into(place, self.latest(), now, {}), dict[str, Load](), dict[str, str]()
        for name, content in folder.left.items():
            self._record_alone(name, content, now, LEFT, "", set())
        for path, content in folder.waiting.items():
            if content == _NAMESAKE:
                refused[path.name] = (
                    f"{path}: another file of the folder differs from it by its ending only, and rows name their file without it. "
                    "It was not loaded. Rename or remove one of them."
                )
            else:
                try:
                    loads[path.name] = self.read([path], FileOptions(), unpacked)
                except SourceDataError as error:
                    refused[path.name] = str(error)
        sources = {name: load.sources for name, load in loads.items()}
        for name, other in sharing(sources, folder.staged).items():
            refused[name] = (
                f"{place / name}: its rows name a source ({self.columns.file} or its own name), as those of {other} in the same folder do, "
                "and would take their place. It was not loaded. Rename the source, or the file, in one of them, or put both into one file."
            )
            del loads[name]
        for path, content in folder.waiting.items():
            if path.name in refused:
                self._record_alone(path.name, content, now, REFUSED, refused[path.name], sources.get(path.name, set()))
        rows = self.stage([*loads.values()], now, folder=folder) if loads else 0
        return FolderLoad(rows, [file for load in loads.values() for file in load.files], refused)

    @repeated_when_lost
    def stage(self, loads: Sequence[Load], now: datetime, *, replace: bool = True, folder: Folder | None = None) -> int:
        """Put the rows of the files into the staging table; how many.

        They take the place of all staged rows, or with `replace=False` of none; those of a folder of their own ones and `superseded` ones.
        """
        done, names = 0, {source for load in loads for source in load.sources}
        contents = {file.path.name: file.content_hash for load in loads for file in load.files}
        with self._store.writing(now=now) as run, rarely_collected():
            connection = run.connection
            if folder:
                kept_by_others = {source for name, staged in folder.staged.items() if name not in contents for source in staged}
                former = {source for name in contents for source in folder.staged.get(name, ())} - kept_by_others
                delete_rows(self._store, connection, **{self.columns.file: names | former})
            elif replace:
                delete_rows(self._store, connection)
            copies = self._copies(run, contents, folder) if folder else set()
            for file, kept in [(file, load.kept) for load in loads for file in load.files]:
                outcome = COPY if file.path.stem in copies else LOADED
                for sheet in file.sheets:
                    columns, rows = kept.rows_of(sheet)
                    for count in insert_rows(self._store, connection, columns, rows):
                        done += count
                        self._progress("rows staged", done)
                _record(run, file.path.name, file.content_hash, outcome, file.sources, sheets=len(file.sheets), rows=file.rows)
            if folder:
                present = names.union((Path(name).stem for name in folder.names), *folder.staged.values())
                staged = staged_cells(self._store, connection, (self.columns.file, *self.columns.keys))
                for source, numbers in superseded(staged, present, names, copies).items():
                    for chunk in chunks(sorted(numbers, key=str)):
                        values = {self.columns.file: [source], self.columns.keys[0]: chunk}
                        delete_rows(self._store, connection, **values)
        return done

    @staticmethod
    def _copies(run: Runner, loaded: Mapping[str, str], folder: Folder) -> Set[str]:
        """Which of the files, told by name with their content, are copies of what another file of the folder held before."""
        found = run("read_contents", hashes=list(loaded.values()))
        known = [(str(row.file_name), str(row.content_hash)) for row in found if row.file_name in folder.names]
        return {Path(name).stem for name, held in loaded.items() for other, had in known if held == had and name != other}

    @repeated_when_lost
    def _record_alone(self, name: str, content: str, now: datetime, outcome: str, reason: str, sources: Set[str]) -> None:
        with self._store.writing(now=now) as run:
            _record(run, name, content, outcome, sources, reason=reason[:_MOST] or None)

    def _absent(self, files: Iterable[OrderFile]) -> list[str]:
        """The columns of orders that a sheet lacks; whose order it is, every load says anew."""
        names = self._configuration.columns
        mine = {names.customer, names.source_customer, names.file}
        common = set(self.columns.known).intersection(*(sheet.columns for file in files for sheet in file.sheets))
        return [column.name for column in self._merge.rules.business if column.name not in common | mine]


def _record(run: Runner, name: str, content: str, outcome: str, sources: Set[str], **said: object) -> None:
    known = {"sheets": 0, "rows": 0, "reason": None, "sources": json.dumps(sorted(sources)), **said}
    run("record_load", load_id=uuid.uuid4().hex, file_name=name, content_hash=content, outcome=outcome, **known)


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was loaded or refused."""

    content: str  # as a hash
    outcome: str  # what became of it last
    staged: frozenset[str] = frozenset()  # what those of its rows that are staged name as their file
    wanted: frozenset[str] = frozenset()  # what the rows of a file that was refused for it name so


def sharing(sources: Mapping[str, Set[str]], staged: Mapping[str, Set[str]]) -> dict[str, str]:
    """Which files may not be loaded, since their rows name a source that those of another file name; with that file.

    One whose rows named it before is the one that has it; of new ones the first. `sources` are those of the files to be loaded, the known
    files first; `staged` those of the staged rows of the files of the folder.
    """
    had, loaded = ({name: set(map(fold, found)) for name, found in each.items()} for each in (staged, sources))
    for name in reversed(loaded):
        for other, found in (had | loaded).items():
            if other != name and loaded[name] & found - had.get(name, set()):
                return {name: other} | sharing({each: sources[each] for each in sources if each != name}, staged)
    return {}


@dataclass(frozen=True, slots=True)
class Folder:
    """What the folder of order files holds."""

    names: frozenset[str]  # the order files that are there
    waiting: Mapping[Path, str]  # those that are to be loaded, with their content as a hash
    left: Mapping[str, str]  # those that were refused and are there no more, with what they held
    staged: Mapping[str, Set[str]]  # what the staged rows of its files name as their file


def look_into(folder: Path, latest: Mapping[str, KnownFile], now: datetime, known: dict[str, Signature]) -> Folder:
    """What a folder holds, and what of it is to be loaded.

    A file that was loaded, or refused, waits when its content is another; one with a new name when no file there has its content; one that
    was refused for the sources that its rows name when no other file there has them any more. One that was written within the last seconds
    may not be whole.

    `known` are the signatures of an earlier look, by name, so that a file is read only when it changed; it is brought up to date. Raises
    `SourceDataError`: the folder cannot be read.
    """
    try:
        named = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (*TEXT_ENDINGS, *WORKBOOK_ENDINGS)]
        paths = [path for path in named if not path.name.startswith(("~$", ".")) and path.is_file()]
    except OSError as error:
        raise SourceDataError(
            f"The folder of order files {folder} cannot be read: {error.strerror or error}. Make it, or correct folder in [files]."
        ) from error
    stems = Counter(fold(path.stem) for path in paths)
    contents: dict[Path, str] = {}
    for path in paths:
        with suppress(FileNotFoundError):  # gone since it was listed
            is_settled = now.timestamp() - path.stat().st_mtime >= _SETTLED_SECONDS
            if is_settled or path.name in latest:
                contents[path] = _content(path, known) if is_settled else latest[path.name].content
            if stems[fold(path.stem)] > 1:
                contents[path] = _NAMESAKE
    staged = {path.name: latest[path.name].staged for path in contents if path.name in latest}
    waiting: dict[Path, str] = {}
    for path in sorted(contents, key=lambda path: path.name not in latest):  # the copy of a file that is known is the copy
        content = contents[path]
        others = {held for other, held in contents.items() if other.name in latest or other in waiting}
        before = latest.get(path.name)
        is_free = before and before.wanted and not sharing({path.name: before.wanted}, staged)
        is_back = before is not None and before.outcome == LEFT
        if is_free or is_back or (content != before.content if before else content not in others - {_NAMESAKE, _UNREADABLE}):
            waiting[path] = content
    # what a copy brings depends on the other files
    copies = {name: each.content for name, each in latest.items() if each.outcome == COPY}
    waiting |= {path: held for path, held in contents.items() if waiting and copies.get(path.name) == held}
    names = frozenset(path.name for path in paths)
    left = {name: each.content for name, each in latest.items() if each.outcome == REFUSED and name not in names}
    return Folder(names, waiting, left, staged)


def _content(path: Path, known: dict[str, Signature]) -> str:
    about = path.stat()
    size, written, content = known.get(path.name, (0, 0, ""))
    if (size, written) != (about.st_size, about.st_mtime_ns):
        try:
            content = content_hash(path)
        except SourceDataError:
            return _UNREADABLE
        known[path.name] = about.st_size, about.st_mtime_ns, content
    return content


def superseded(
    rows: Iterable[Sequence[str | None]], present: Set[str], fresh: Set[str], copies: Set[str]
) -> dict[str | None, set[str | None]]:
    """The staged order numbers that are another file's now: by the file that had them, as it spells them.

    An order that a file of the folder holds is not staged a second time from a copy of what another file there held before, nor from a
    file that left. A file left under another name when one that was loaded just now holds half of its numbers or more: those which the
    folder holds are superseded whatever else was edited, and so are its rows without a number. Of any other file that left, a number is
    when all its rows have the same keys in the folder: what was only deleted loses nothing.

    `rows` are the file, the order number and the other keys of each staged row; of the files `present` in the folder, `fresh` ones were
    loaded just now, and the content of `copies` another one had before.
    """
    by_file: dict[str | None, dict[str, set[tuple[str, ...]]]] = {}
    spelled: dict[tuple[str | None, str], set[str | None]] = {}
    for file, *cells in rows:
        keys = tuple(fold(str(cell or "")) for cell in cells)
        by_file.setdefault(file, {}).setdefault(keys[0], set()).add(keys)
        spelled.setdefault((file, keys[0]), set()).add(cells[0])
    held: dict[str, set[tuple[str, ...]]] = {}
    given: dict[str | None, set[str]] = {}
    of_folder = by_file.keys() & present
    for files in (of_folder - copies, of_folder & copies):
        given |= {each: by_file[each].keys() & held.keys() for each in files}
        for each in files:
            for number in by_file[each].keys() - given[each]:
                held.setdefault(number, set()).update(by_file[each][number])
    for file in by_file.keys() - of_folder:
        numbers, shared = by_file[file], by_file[file].keys() & held.keys()
        named = numbers.keys() - {""}
        is_renamed = any(2 * len(named & by_file.get(other, {}).keys()) >= len(named) > 0 for other in fresh)
        given[file] = shared | {""} if is_renamed else {number for number in shared if numbers[number] <= held[number]}
    found = {file: {each for key in numbers for each in spelled.get((file, key), ())} for file, numbers in given.items()}
    return {file: numbers for file, numbers in found.items() if numbers}


class _KeptValues:
    """What the orders of a load have in columns that its sheets lack."""

    def __init__(self, absent: Sequence[str], keys: Sequence[str], orders: Iterable[Row]) -> None:
        self._absent = {name: f"kept_{i}" for i, name in enumerate(absent)}
        self._keys = {name: f"key_{i}" for i, name in enumerate(keys)}
        self._orders: dict[str, list[Row]] = {}
        for row in orders:
            self._orders.setdefault(fold(str(row["key_0"] or "")), []).append(row)

    def lost(self, sheets: Iterable[OrderSheet], shown: Set[str]) -> Counter[str]:
        """The shown columns that a sheet lacks, with the number of its orders that have a value in them."""
        lost: Counter[str] = Counter()
        for sheet in sheets if self._orders else ():
            names = {name: place for name, place in self._absent.items() if name in shown - set(sheet.columns)}
            for number in sheet.numbers:
                found = self._orders.get(fold(number), ())
                lost.update(name for name, place in names.items() if any(row[place] is not None for row in found))
        return lost

    def rows_of(self, sheet: OrderSheet) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
        """The rows of a sheet, and what they keep."""
        added = {name: place for name, place in self._absent.items() if name not in sheet.columns} if self._orders else {}
        if not added:
            return sheet.filled, sheet.staged_rows()
        keys = [(sheet.filled.index(name), place) for name, place in self._keys.items() if name in sheet.filled]
        blank = ("",) * len(added)

        def filled() -> Iterator[Sequence[object]]:
            for row in sheet.staged_rows():
                found = self._orders.get(fold(row[keys[0][0]]), ())
                # of several orders with the number the one whose keys are most alike
                order = max(
                    found, key=lambda each: sum(fold(row[at]) == fold(str(each[key] or "")) for at, key in keys), default=None
                )
                kept = () if order is None else (order[place] for place in added.values())
                yield row + (tuple("" if value is None else str(value) for value in kept) or blank)

        return (*sheet.filled, *added), filled()

"""The sandbox's memory: one SQLite database, in a file or in memory, and the rows of its tables as frozen values.

Counters and the request log stay outside: a read must leave the file as it is.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from orders_platform.errors import ConfigurationError
from orders_platform.sandbox.sandbox_options import Lagging, Switches

ACTIVE = "active"
ARCHIVED = "archived"
DELETED = "deleted"

ITEMS_BOARD = "board"
SUBITEMS_BOARD = "sub_items_board"


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A board; `type` tells a board of subitems from an ordinary one."""

    id: int
    name: str
    description: str | None
    type: str
    board_kind: str
    state: str
    items_count: int
    created_at: float


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column; `settings` is what its type keeps besides labels, as JSON."""

    board_id: int
    id: str
    title: str
    description: str | None
    type: str
    settings: str


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label of a status or dropdown column; `position` is where people see it, `id` is what cells keep."""

    id: int
    name: str
    position: int
    color: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group; `position` orders the groups of a board."""

    board_id: int
    id: str
    title: str
    color: str
    position: float
    state: str
    created_at: float


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item, or a subitem when it has a parent. Times are epoch seconds."""

    id: int
    board_id: int
    parent_id: int | None
    group_id: str
    name: str
    state: str
    position: float
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class StoredCell:
    """A filled cell: `text` for people, `value` as JSON, `search` in the form that look-ups compare."""

    text: str
    value: str
    search: str


_TABLES = """
CREATE TABLE IF NOT EXISTS boards (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT, type TEXT NOT NULL, board_kind TEXT NOT NULL,
  state TEXT NOT NULL, items_count INTEGER NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS columns (
  board_id INTEGER NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, description TEXT, type TEXT NOT NULL,
  settings TEXT NOT NULL, position REAL NOT NULL, PRIMARY KEY (board_id, id));
CREATE TABLE IF NOT EXISTS labels (
  board_id INTEGER NOT NULL, column_id TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL,
  color TEXT NOT NULL, PRIMARY KEY (board_id, column_id, id));
CREATE TABLE IF NOT EXISTS groups (
  board_id INTEGER NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, color TEXT NOT NULL, position REAL NOT NULL,
  state TEXT NOT NULL, created_at REAL NOT NULL, PRIMARY KEY (board_id, id));
CREATE TABLE IF NOT EXISTS items (
  id INTEGER PRIMARY KEY, board_id INTEGER NOT NULL, parent_id INTEGER, group_id TEXT NOT NULL, name TEXT NOT NULL,
  state TEXT NOT NULL, position REAL NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS items_by_group ON items (board_id, group_id, position);
CREATE INDEX IF NOT EXISTS items_by_parent ON items (parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS cells (
  item_id INTEGER NOT NULL, column_id TEXT NOT NULL, text TEXT NOT NULL, value TEXT NOT NULL, search TEXT NOT NULL,
  changed_at REAL NOT NULL, PRIMARY KEY (item_id, column_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cells_by_value ON cells (column_id, search);
CREATE TABLE IF NOT EXISTS past (
  item_id INTEGER NOT NULL, changed_at REAL NOT NULL, group_id TEXT NOT NULL, position REAL NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (item_id, changed_at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS multi_level_boards (board_id INTEGER PRIMARY KEY, rollup TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS used_column_ids (
  board_id INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (board_id, id)) WITHOUT ROWID;
INSERT OR IGNORE INTO used_column_ids (board_id, id) SELECT board_id, id FROM columns;
"""

_T = TypeVar("_T")
Parameters = Sequence[object] | Mapping[str, object]


class State:
    """The database of one sandbox, for one process.

    Threads may share it: whoever reads or writes more than one statement holds `lock`. A killed process loses at most the
    mutation it was in, so a mutation is one transaction; a power cut may lose more, for the sake of speed.

    Args:
        path: the file, made when absent (its folder too); None keeps everything in memory.
        clock: epoch seconds.
        items_limit: most items a board may hold.
        visibility_lag: seconds until lists and look-ups show what was written.
        switches: what monday leaves open.

    Raises:
        ConfigurationError: the file cannot be opened as a SQLite database.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        clock: Callable[[], float],
        items_limit: int = 10_000,
        visibility_lag: float = 0.0,
        switches: Switches | None = None,
    ) -> None:
        self.clock = clock
        self.items_limit = items_limit
        self.visibility_lag = visibility_lag
        self.switches = switches or Switches()
        self.lock = threading.RLock()
        self.cache: dict[object, Any] = {}
        self.is_in_memory = path is None
        self._connection = _connect(path)
        self.close = weakref.finalize(self, self._connection.close)

    def all(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Every row of a query."""
        with self.lock:
            return self._connection.execute(sql, parameters).fetchall()

    def rows(self, kind: Callable[..., _T], sql: str, parameters: Parameters = ()) -> list[_T]:
        """Every row of a query, as values of `kind`."""
        return [kind(*row) for row in self.all(sql, parameters)]

    def row(self, kind: Callable[..., _T], sql: str, parameters: Parameters = ()) -> _T | None:
        """The first row of a query as a value of `kind`, or None."""
        return next(iter(self.rows(kind, sql, parameters)), None)

    def number(self, sql: str, parameters: Parameters = ()) -> float:
        """The single number that a query computes; 0 for NULL and for no row at all."""
        found: float | None = next((row[0] for row in self.all(sql, parameters)), None)
        return found or 0

    def count(self, sql: str, parameters: Parameters = ()) -> int:
        """The same as a whole number."""
        return int(self.number(sql, parameters))

    def write(self, sql: str, parameters: Parameters = ()) -> None:
        """One change, inside a `transaction`."""
        self._connection.execute(sql, parameters)

    def write_many(self, sql: str, rows: Sequence[Parameters]) -> None:
        """The same change for many rows, inside a `transaction`."""
        self._connection.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another one is part of it."""
        with self.lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:  # an interrupt, too, must not leave a transaction open
                if self._connection.in_transaction:  # a full disk has rolled it back
                    self._connection.execute("ROLLBACK")
                self.cache.clear()
                raise

    def become_copy_of(self, other: State, now: float) -> None:
        """Takes over all that another state holds, made `now`; whatever was here is gone."""
        with other.lock, self.lock:
            other._connection.backup(self._connection)
        self.cache.clear()
        with self.transaction():
            self.write("UPDATE boards SET created_at = ?", (now,))
            self.write("UPDATE groups SET created_at = ?", (now,))

    @property
    def changes(self) -> int:
        """A number that grows with every change."""
        return self._connection.total_changes

    @property
    def visible_until(self) -> float:
        """Lists show what was written at this epoch second or before."""
        return self.clock() - self.visibility_lag

    @property
    def new_until(self) -> float:
        """The same for what is new, unless the lag leaves it out."""
        return self.visible_until if Lagging.NEW in self.switches.lag_covers else self.clock()


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        with suppress(OSError):  # it is there, or SQLite will say what is wrong
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        # A rollback journal, not WAL: no file stays beside the database, and reading leaves it byte for byte as it is.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = OFF")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'multi_level_boards'").fetchone():
            connection.executescript(_TABLES)
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"The sandbox cannot keep its state in {path}: {error}. Name a file it may write, or remove one that is not its own."
        ) from error
    return connection
